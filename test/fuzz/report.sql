-- What happened to all mutants.
SELECT coalesce(result.form, 'all') AS form, sum(accepted + refused + other) AS mutants, sum(accepted) AS served, sum(refused) AS refused,
	   sum(other) AS "other errors", sum(different) AS "served differently", round(max(longest_ms)::numeric, 1) AS "longest ms of CPU"
FROM fuzz.result GROUP BY ROLLUP (result.form) ORDER BY result.form NULLS LAST;
