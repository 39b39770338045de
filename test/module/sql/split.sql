-- Splits, looked at row by row.
SET search_path = aipipe_test, public;

-- the latest: rows of one time stay together, among the earlier ones; NaN is the earliest, and the zeros are one
SELECT split('latest', 10, 0.3, times => ARRAY[5, 3, 9, 1, 7, 2, 8, 4, 10, 6]) AS three;
SELECT split('latest', 6, 0.5, times => ARRAY[1, 2, 3, 3, 3, 4]) AS ties_stay_early;
SELECT split('latest', 4, 0.5, times => ARRAY[7, 7, 7, 7]) AS all_one_time;
SELECT split('latest', 5, 0.6, times => ARRAY['NaN', '-Infinity', 'Infinity', 0, -1]::float8[]) AS extremes;
SELECT split('latest', 4, 0.5, times => ARRAY['-0', '0', '1', '-1']::float8[]) AS zeros;
SELECT split('latest', 3, 0.9, times => ARRAY[1, 2, 3]) AS one_stays, split('latest', 3, 0.1, times => ARRAY[1, 2, 3]) AS none;
SELECT split('latest', 0, 0.5, times => '{}') AS no_rows, split('latest', 1, 0.9, times => '{1}') AS one_row;
-- exactly the last fifth of a shuffled sequence, whatever the size of the numbers
SELECT scale, bool_and(held_out = (i > 4000)::int) AS latest
FROM unnest(ARRAY[1, 1e-300, -1, 1e300, 86400000000]::float8[]) scale,
     LATERAL (SELECT array_agg(i ORDER BY i * 7919 % 5003) AS is, split('latest', 5000, 0.2, times => array_agg(sign(scale) * i * scale ORDER BY i * 7919 % 5003)) AS marks FROM generate_series(1, 5000) i) s,
     LATERAL unnest(s.is, s.marks) u(i, held_out) GROUP BY scale ORDER BY scale;

-- slices of time: about the same size, in order; the rows of one time are not parted
SELECT split('slices', 8, 3, times => ARRAY[8, 7, 6, 5, 4, 3, 2, 1]) AS four_slices;
SELECT split('slices', 8, 3, times => ARRAY[1, 2, 2, 2, 2, 2, 3, 4]) AS ties;
SELECT slice, count(*), bool_and(i > before AND i <= before + 250) AS in_order
FROM (SELECT u.i, u.slice, u.slice * 250 AS before FROM
      (SELECT array_agg(i ORDER BY i * 617 % 1009) AS is, split('slices', 1000, 3, times => array_agg(i ORDER BY i * 617 % 1009)) AS marks FROM generate_series(1, 1000) i) s,
      LATERAL unnest(s.is, s.marks) u(i, slice)) t GROUP BY slice ORDER BY slice;

-- whole groups: none straddles, about the share, at least one on each side, another seed another choice
CREATE TEMP TABLE grouped AS SELECT i, (i * 31 % 97)::int AS g FROM generate_series(1, 5000) i;
CREATE TEMP TABLE held AS
SELECT seed, u.g, u.held_out FROM generate_series(1, 20) seed, LATERAL (
    SELECT array_agg(g ORDER BY i) AS gs, split('groups', 5000, 0.2, seed, groups => array_agg(g ORDER BY i)) AS marks FROM grouped) s,
    LATERAL unnest(s.gs, s.marks) u(g, held_out);
SELECT count(*) AS straddling FROM (SELECT FROM held GROUP BY seed, g HAVING count(DISTINCT held_out) > 1) s;
SELECT min(share) > 0.19 AND max(share) < 0.21 AS about_a_fifth, count(DISTINCT of_group_0) AS both
FROM (SELECT avg(held_out) AS share, max(held_out) FILTER (WHERE g = 0) AS of_group_0 FROM held GROUP BY seed) s;
SELECT split('groups', 4, 0.2, groups => ARRAY[0, 0, 0, 1]) AS the_small_one, split('groups', 4, 0.9, groups => ARRAY[0, 0, 0, 1]) AS the_large_one,
       split('groups', 3, 0.5, groups => ARRAY[0, 0, 0]) AS one_group, split('groups', 0, 0.5, groups => '{}') AS no_rows;
-- two groups of a size with gaps in the numbers
SELECT split('groups', 4, 0.5, 1, groups => ARRAY[7, 3, 7, 3]) AS gaps;
SELECT split('groups', 5000, 0.2, 5, groups => gs) = split('groups', 5000, 0.2, 5, groups => gs) AS same_again
FROM (SELECT array_agg(g ORDER BY i) AS gs FROM grouped) s;

-- folds: of one size; of one share of every class; of whole groups
SELECT fold, count(*) FROM unnest(split('folds', 103, 5, 1)) fold GROUP BY fold ORDER BY fold;
SELECT label, array_agg(rows ORDER BY fold) AS rows_of_folds FROM (
    SELECT u.label, u.fold, count(*) AS rows FROM (
        SELECT array_agg(((i * i) % 3)::real ORDER BY i) AS labels, split('folds', 1000, 4, 9, array_agg(((i * i) % 3)::real ORDER BY i), 3) AS folds FROM generate_series(1, 1000) i) s,
        LATERAL unnest(s.labels, s.folds) u(label, fold) GROUP BY 1, 2) t GROUP BY label ORDER BY label;
SELECT count(*) FILTER (WHERE folds > 1) AS straddling, count(*) AS groups FROM (
    SELECT u.g, count(DISTINCT u.fold) AS folds FROM (
        SELECT array_agg(g ORDER BY i) AS gs, split('folds', 5000, 4, 2, groups => array_agg(g ORDER BY i)) AS folds FROM grouped) s,
        LATERAL unnest(s.gs, s.folds) u(g, fold) GROUP BY u.g) t;
SELECT fold, count(*) BETWEEN 1200 AND 1300 AS about_a_quarter FROM (
    SELECT split('folds', 5000, 4, 2, groups => array_agg(g ORDER BY i)) AS folds FROM grouped) s, LATERAL unnest(s.folds) fold GROUP BY fold ORDER BY fold;
SELECT split('folds', 6, 3, 4, groups => ARRAY[0, 0, 0, 1, 1, 2]) AS largest_first;
SELECT split('folds', 200, 5, 1) = split('folds', 200, 5, 1) AS same_again, split('folds', 200, 5, 1) = split('folds', 200, 5, 2) AS other_seed;
SELECT split('folds', 3, 256, 1);
SELECT split('slices', 3, 0, times => ARRAY[1, 2, 3]);

-- rows of a group are brought together, in their order, with all that belongs to them
SELECT sort_groups(ARRAY[0, 1, 0, 2, 1, 0]) AS stable, sort_groups(ARRAY[0, 0, 1, 1]) AS as_it_was, sort_groups(ARRAY[2, 1, 0]) AS reversed, sort_groups('{}') AS none;
SELECT bool_and(sorted.r = expected.r) AS same FROM
    (SELECT array_agg(g ORDER BY i) AS gs FROM grouped) a,
    LATERAL unnest(sort_groups(a.gs)) WITH ORDINALITY sorted(r, at)
    JOIN (SELECT (i - 1)::int AS r, row_number() OVER (ORDER BY g, i) AS at FROM grouped) expected USING (at);
