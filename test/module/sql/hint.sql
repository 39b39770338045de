-- What columns seem to be: names, values and types that fit, and those that nearly do.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS aipipe;
RESET client_min_messages;
SET search_path = public, aipipe_test;
CREATE TYPE hint_mood AS ENUM ('sad', 'ok', 'happy');
-- the hints of a query's one column, under its name
CREATE FUNCTION hints_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hints text;
    name text := substring(query FROM 'AS "?(\w+)"? FROM');
BEGIN
    EXECUTE format('SELECT array_to_string(hints(aipipe.sketch_send(aipipe.profile_sketch(q.%1$I)), %1$L, (SELECT pg_typeof(p.%1$I)::oid FROM (%3$s) AS p LIMIT 1)), %2$L) FROM (%3$s) AS q', name, '; ', query) INTO hints;
    RETURN hints;
END $$;
SET DateStyle = 'ISO';
SET client_min_messages = warning;
SELECT hints_of(q) AS hints, q AS query FROM (VALUES
    (1, 'SELECT NULL::int AS x FROM generate_series(1, 5)'),
    (2, 'SELECT CASE WHEN i % 4 = 0 THEN i END AS x FROM generate_series(1, 400) AS i'),
    (3, 'SELECT 7 AS x FROM generate_series(1, 9)'),
    (4, 'SELECT 7 AS x FROM generate_series(1, 100)'),
    (5, 'SELECT i AS id FROM generate_series(1, 2000) AS i'),
    (6, 'SELECT i * 1000 AS x FROM generate_series(1, 2000) AS i'),
    (7, 'SELECT 5000 - i AS x FROM generate_series(1, 2000) AS i'),
    (8, 'SELECT i * 7919 % 10007 AS x FROM generate_series(1, 10006) AS i'),
    (9, 'SELECT i * 7919 % 10007 % 10000 AS x FROM generate_series(1, 10006) AS i'),
    (10, 'SELECT (i * 7919 % 10007)::float8 AS x FROM generate_series(1, 1000) AS i'),
    (11, 'SELECT md5(i::text)::uuid AS x FROM generate_series(1, 100) AS i'),
    (12, 'SELECT (ARRAY[''a'', ''b'', ''c''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (13, 'SELECT (ARRAY[''sad'', ''ok''])[1 + i % 2]::hint_mood AS x FROM generate_series(1, 100) AS i'),
    (14, 'SELECT CASE WHEN i = 50 THEN 1 ELSE 0 END AS x FROM generate_series(1, 100) AS i'),
    (15, 'SELECT (i % 100) ^ 8 AS x FROM generate_series(1, 1000) AS i'),
    (16, 'SELECT -((i % 100) ^ 8) AS x FROM generate_series(1, 1000) AS i'),
    (20, 'SELECT ''user'' || i % 60 || ''@example.org'' AS x FROM generate_series(1, 100) AS i'),
    (21, 'SELECT CASE WHEN i % 20 = 0 THEN ''nobody'' ELSE ''user'' || i || ''@example.org'' END AS x FROM generate_series(1, 100) AS i'),
    (22, 'SELECT CASE WHEN i % 5 = 0 THEN ''nobody'' ELSE ''user'' || i || ''@example.org'' END AS x FROM generate_series(1, 100) AS i'),
    (23, 'SELECT ''https://example.org/'' || i AS x FROM generate_series(1, 100) AS i'),
    (24, 'SELECT ''10.0.0.'' || i AS x FROM generate_series(1, 100) AS i'),
    (25, 'SELECT md5(i::text)::uuid::text AS x FROM generate_series(1, 100) AS i'),
    (26, 'SELECT md5(i::text) AS x FROM generate_series(1, 100) AS i'),
    (27, 'SELECT ''+49 30 '' || 1000000 + i AS x FROM generate_series(1, 100) AS i'),
    (28, 'SELECT ''DE89370400440532013000''::text AS x FROM generate_series(1, 100) AS i'),
    (29, 'SELECT (ARRAY[''4111111111111111'', ''5555555555554444'', ''378282246310005''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (30, 'SELECT (i * 7919 % 10007)::text AS x FROM generate_series(1, 100) AS i'),
    (31, 'SELECT lpad((i * 7919 % 10007)::text, 6, ''0'') AS x FROM generate_series(1, 100) AS i'),
    (32, 'SELECT (i / 7.0)::numeric(8, 2)::text AS x FROM generate_series(1, 100) AS i'),
    (33, 'SELECT (date ''2024-01-01'' + i % 50)::text AS x FROM generate_series(1, 100) AS i'),
    (34, 'SELECT (timestamp ''2024-01-01'' + i % 50 * interval ''1 hour'')::text AS x FROM generate_series(1, 100) AS i'),
    (35, 'SELECT (time ''00:00'' + i % 50 * interval ''1 minute'')::text AS x FROM generate_series(1, 100) AS i'),
    (36, 'SELECT (ARRAY[''yes'', ''no''])[1 + i % 2] AS x FROM generate_series(1, 100) AS i'),
    (37, 'SELECT ''{"a": '' || i || ''}'' AS x FROM generate_series(1, 100) AS i'),
    (38, 'SELECT ''<p>'' || i || ''</p>'' AS x FROM generate_series(1, 100) AS i'),
    (39, 'SELECT (ARRAY[''n/a'', ''-'', i::text])[1 + i % 3] AS x FROM generate_series(1, 300) AS i'),
    (40, 'SELECT CASE i % 10 WHEN 0 THEN '''' WHEN 1 THEN ''a '' ELSE ''b'' || i END AS x FROM generate_series(1, 300) AS i'),
    (41, 'SELECT repeat(''some words that '', 1 + i % 7) || ''make sense '' || i AS x FROM generate_series(1, 300) AS i'),
    (50, 'SELECT (ARRAY[''EUR'', ''USD'', ''GBP''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (51, 'SELECT (ARRAY[''EUR'', ''USD'', ''XQX''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (52, 'SELECT (ARRAY[''DE'', ''US'', ''GB''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (53, 'SELECT (ARRAY[''DEU'', ''USA'', ''GBR''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (54, 'SELECT (ARRAY[''de'', ''en'', ''fr''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (55, 'SELECT (ARRAY[''TX'', ''NY'', ''CA''])[1 + i % 3] AS x FROM generate_series(1, 100) AS i'),
    (60, 'SELECT i % 89 + .5 AS lat FROM generate_series(1, 100) AS i'),
    (61, 'SELECT i % 89 + 5.5 AS lat FROM generate_series(1, 100) AS i'),
    (62, 'SELECT i % 179 + .5 AS "homeLongitude" FROM generate_series(1, 1000) AS i'),
    (63, 'SELECT i % 101 AS discount_pct FROM generate_series(1, 1000) AS i'),
    (64, 'SELECT i % 102 AS growth_pct FROM generate_series(1, 1000) AS i'),
    (65, 'SELECT 1990 + i % 60 AS birth_year FROM generate_series(1, 100) AS i'),
    (66, 'SELECT i % 90 AS age FROM generate_series(1, 100) AS i'),
    (67, 'SELECT i % 150 AS age FROM generate_series(1, 1000) AS i'),
    (68, 'SELECT (i % 90 * 1.5)::numeric(8, 2) AS "unitPrice" FROM generate_series(1, 100) AS i'),
    (69, 'SELECT i * 977 % 1000 + 1700000000::bigint AS created_at FROM generate_series(1, 1500) AS i'),
    (70, 'SELECT (i * 977 % 1000 + 1700000000::bigint) * 1000 AS ts FROM generate_series(1, 1500) AS i'),
    (71, 'SELECT (ARRAY[''Anna'', ''Bob'', ''Cy'', ''Jean-Luc''])[1 + i % 4] AS first_name FROM generate_series(1, 30) AS i'),
    (72, 'SELECT (ARRAY[''a1'', ''b2'', ''c3'', ''d4''])[1 + i % 4] AS first_name FROM generate_series(1, 30) AS i'),
    (73, 'SELECT (ARRAY[''Anna'', ''Bob''])[1 + i % 2] AS file_name FROM generate_series(1, 10) AS i'),
    (74, 'SELECT (ARRAY[''Berlin'', ''New York''])[1 + i % 2] AS city FROM generate_series(1, 10) AS i'),
    (75, 'SELECT lpad((i * 37 % 99)::text, 5, ''0'') AS zip FROM generate_series(1, 200) AS i'),
    (76, 'SELECT 10000 + i % 99 AS "postalCode" FROM generate_series(1, 200) AS i'),
    (77, 'SELECT i % 99 AS customer_id FROM generate_series(1, 200) AS i'),
    (78, 'SELECT i % 99 AS "parentCategoryId" FROM generate_series(1, 200) AS i'),
    (79, 'SELECT i AS customer_id FROM generate_series(1, 200) AS i'),
    (80, 'SELECT i % 99 AS id FROM generate_series(1, 200) AS i'),
    (81, 'SELECT (i % 2 = 0) AS x FROM generate_series(1, 200) AS i'),
    (82, 'SELECT timestamp ''2024-01-01'' + i * interval ''1 minute'' AS created_at FROM generate_series(1, 200) AS i'),
    (83, 'SELECT jsonb_build_object(''a'', i % 3) AS x FROM generate_series(1, 200) AS i'),
    (84, 'SELECT ARRAY[i] AS x FROM generate_series(1, 200) AS i')) AS v(n, q) ORDER BY n;
-- names of all sorts
SELECT count(*) FROM unnest(ARRAY['', '_', '__a__', 'ABCDef', repeat('aB', 100), repeat('a', 63), 'a_b_c_d_e_f_g_h_i_j', repeat('x_', 31), E'\303\251', '1']) AS name, hints(aipipe.sketch_send((SELECT aipipe.profile_sketch(i) FROM generate_series(1, 20) AS i)), name, 23) WHERE hints[1] = 'candidate key';
-- a sketch without a type, and one that is empty
SELECT hints(aipipe.sketch_send(aipipe.profile_sketch(i)), 'x', 0) FROM generate_series(1, 20) AS i;
SELECT hints(aipipe.sketch_send((SELECT aipipe.profile_sketch(i) FROM generate_series(1, 0) AS i)), 'x', 0);
