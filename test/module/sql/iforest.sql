-- Isolation forests by three ways that must agree, and their mutants.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS aipipe;
RESET client_min_messages;
SET search_path = aipipe_test, public;

-- numbers that follow each other, NULLs in some, categories: few ones, and more than a narrow set has
CREATE TEMP TABLE strange AS
SELECT (i * 7919 % 100) / 10.0 AS a,
       CASE WHEN i * 31 % 10 > 2 THEN (i * 7919 % 100) / 5.0 + i * 104729 % 7 END AS b,
       CASE WHEN i * 17 % 10 > 4 THEN i * 6007 % 50 END AS c,
       'k' || i * 5281 % 9 AS d,
       CASE WHEN i * 13 % 6 > 0 THEN 'w' || i * 4409 % 150 END AS e,
       i * 1999 % 60 AS f
FROM generate_series(1, 3000) i;
CREATE TEMP TABLE made (what text, artifact bytea);
CREATE FUNCTION pg_temp.make(what text, columns text[], params jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM aipipe.model_train('module_iforest', 'anomaly', 'SELECT * FROM strange', features => columns, algorithm => 'isolation_forest', params => params);
	INSERT INTO made VALUES (what, aipipe.model_export('module_iforest', (SELECT max(version) FROM aipipe.model_version WHERE model = 'module_iforest')));
END $$;
SELECT pg_temp.make('1: numbers', '{a,b,c,f}', '{"n_estimators": 60}');
SELECT pg_temp.make('2: one column a split', '{a,b,c,f}', '{"n_estimators": 60, "ndim": 1}');
SELECT pg_temp.make('3: no NULL', '{a,f}', '{"n_estimators": 60, "guards": false}');
SELECT pg_temp.make('4: narrow categories', '{a,b,c,d}', '{"n_estimators": 60}');
SELECT pg_temp.make('5: wide categories', '{a,b,c,d,e}', '{"n_estimators": 60, "max_categories": 200}');
SELECT pg_temp.make('6: deep', '{a,b,c,f}', '{"n_estimators": 9, "max_samples": 2000, "max_depth": 30}');

-- rows that do not divide go through the kernel, the others through the two-way walk; alone or in a block, the score is the same
SELECT what, p.pairs, p.compared, p.divided > 0 AS some_divided, p.divided < p.compared AS some_do_not, p.differ,
       p.to_recursion < 1e-5 AS as_recursion, p.to_sum < 1e-5 AS as_sum
FROM made, iforest_parity(artifact, 1000, 0.1) p ORDER BY what COLLATE "C";
SELECT what, p.divided > 0 AS divided, p.differ, p.to_recursion < 1e-5 AS as_recursion, p.to_sum < 1e-5 AS as_sum
FROM made, (VALUES (0.0), (0.5), (1.0)) v(missing), iforest_parity(artifact, 200, missing, 7) p ORDER BY what COLLATE "C", missing;
-- few rows are walked one by one, more in a block that they do not fill: by the same sums
SELECT what, count(*) AS blocks, sum(p.differ) AS differ, max(p.to_recursion) < 1e-5 AS as_recursion
FROM made, generate_series(1, 17) n, iforest_parity(artifact, n, 0.3, n) p GROUP BY what ORDER BY what COLLATE "C";

-- mutants are refused with the promised errors, or served
SELECT pg_temp.make('7: small', '{a,b,c,d}', '{"n_estimators": 2, "max_samples": 16}');
SELECT m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.longest_ms < 1000 AS quick
FROM made, iforest_mutate(artifact, 2000) m WHERE what LIKE '7:%';
SELECT m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.longest_ms < 1000 AS quick
FROM made, iforest_mutate_compiled(artifact, 4000) m WHERE what LIKE '7:%';

-- what only an isolation forest may say, and how it may
CREATE FUNCTION pg_temp.verdict(artifact text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	PERFORM iforest_parity(convert_to(artifact, 'UTF8'), 1, 0);
	RETURN 'served';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(detail, 'tree \d+, node \d+', 'tree N, node N');
END $$;
SELECT change, pg_temp.verdict(regexp_replace(convert_from(artifact, 'UTF8'), change, instead)) FROM made,
	(VALUES ('nothing', ''),
	 ('"format_version":2', '"format_version":3'),
	 ('"format_version":2', '"format_version":1'),
	 ('"nscaled":\d+', '"nscaled":0'),
	 ('"nscaled":\d+', '"nscaled":999'),
	 ('"npairs":\d+', '"npairs":1'),
	 ('"npairs":\d+', '"npairs":65'),
	 ('"scaled":\[\[\d+', '"scaled":[[77'),
	 ('"scaled":\[\[(\d+),([^,]+),[^]]+', '"scaled":[[\1,\2,-1'),
	 ('"scaled":\[\[(\d+),([^,]+),[^]]+', '"scaled":[[\1,\2,1e99'),
	 ('"pairs":\[\[\d+', '"pairs":[[99'),
	 ('"pairs":\[\[(\d+),(\d+),[-1]+', '"pairs":[[\1,\2,0'),
	 ('"default_left":\[\d', '"default_left":[2'),
	 ('"default_left":\[\d', '"default_left":[3')) v(change, instead)
WHERE what LIKE '1:%';
SELECT aipipe.model_drop('module_iforest');
