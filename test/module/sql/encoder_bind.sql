-- Binding by column name, and what is refused.
SET search_path = public, aipipe_test;
\set VERBOSITY terse
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TABLE b AS SELECT i AS amount, 'k' || i % 3 AS kind, date '2020-01-01' + i AS day,
    (ARRAY['red', 'green'])[1 + i % 2]::color AS color, 'note ' || i AS note, i % 2 = 0 AS flag, ROW(i)::text AS r, point(i % 2, 1) AS pt
FROM generate_series(1, 100) AS i;
SELECT encoder_learn('b', '{amount,kind,day,color,note,flag,pt}', text_buckets => 0) AS e \gset
SELECT encoder_encode(:'e', b) FROM b LIMIT 1;
-- order, extra columns and other types of the same sort do not matter
SELECT encoder_encode(:'e', s) FROM (SELECT 1 AS extra, pt::text, flag, note::varchar(50), color::text, day + time '06:00' AS day,
    kind::char(9), amount::numeric(9, 3), NULL AS other FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount::float4, kind::name, day::timestamptz, color::text::varchar AS color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(encoder_learn('SELECT timestamp ''2024-05-05 12:00'' AS d'), s) FROM (SELECT date '2024-05-05' AS d) AS s;
-- what is missing, and what is of another sort
SELECT encoder_encode(:'e', s) FROM (SELECT kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount AS amuont, kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount AS "Amount", kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', ROW(1, 2));
SELECT encoder_encode(:'e', s) FROM (SELECT amount::text, kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT flag AS amount, kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, 1 AS kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, pt AS kind, day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, kind, time '10:00' AS day, color, note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, kind, day, color, ARRAY[note] AS note, flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, kind, day, color, note, 1 AS flag, pt FROM b LIMIT 1) AS s;
SELECT encoder_encode(:'e', s) FROM (SELECT amount, kind, day, color, note, flag, box(pt, pt) AS pt FROM b LIMIT 1) AS s;
-- a column dropped and added again, another one renamed
ALTER TABLE b DROP COLUMN kind;
SELECT encoder_encode(:'e', b) FROM b LIMIT 1;
ALTER TABLE b ADD COLUMN kind text DEFAULT 'k1';
SELECT encoder_encode(:'e', b) FROM b LIMIT 1;
SELECT encoder_encode(encoder_learn('b', '{amount,kind}'), b) FROM b LIMIT 1;
ALTER TABLE b RENAME COLUMN amount TO amount2;
SELECT encoder_encode(:'e', b) FROM b LIMIT 1;
-- choosing columns
SELECT encoder_learn('b', '{nokind}');
SELECT encoder_learn('b', '{kind,kind}');
SELECT encoder_learn('b', '{kind}', '{kind}');
SELECT encoder_learn('b', '{}', '{amount2,day,color,note,flag,r,pt,kind}');
SELECT encoder_learn('b', max_categories => 0);
SELECT encoder_learn('b', text_buckets => 100000);
SELECT f ->> 'feature' AS feature FROM jsonb_array_elements(encoder_features(encoder_learn('b', '{kind,day}'))) AS f;
SELECT f ->> 'feature' AS feature FROM jsonb_array_elements(encoder_features(encoder_learn('b', '{}', '{r,note,pt,color,flag}'))) AS f;
-- hostile names
CREATE TABLE "we""ird; DROP TABLE b --" ("a b" int, "c""d" text, "select" float8, "é'x" int, "x.hour" timestamp, "\" int, E int);
INSERT INTO "we""ird; DROP TABLE b --" VALUES (1, 'q', 2, 3, '2024-01-01', 4, 5), (2, 'q', 2, 3, '2024-01-01', 4, 5);
SELECT encoder_learn('"we""ird; DROP TABLE b --"') AS w \gset
SELECT encoder_features(:'w') -> 1 AS second, encoder_canonical(:'w') = :'w' AS same;
SELECT encoder_encode(:'w', w) FROM "we""ird; DROP TABLE b --" AS w LIMIT 1;
SELECT encoder_encode(:'w', s) FROM (SELECT 1 AS "c""d") AS s;
-- as many columns as a table can have
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(format('c%s %s', i, CASE i % 4 WHEN 0 THEN 'text' ELSE 'bool' END), ', ') || ')' FROM generate_series(1, 1600) AS i); END $$;
INSERT INTO wide DEFAULT VALUES;
INSERT INTO wide (c4, c1600) SELECT 'x', 'n' || i FROM generate_series(1, 50) AS i;
SELECT encoder_learn('wide') AS w \gset
SELECT jsonb_array_length(encoder_features(:'w')) AS features, array_length(encoder_encode(:'w', wide), 1) AS encoded FROM wide LIMIT 1;
SELECT encoder_learn('wide', '{c1600,c4}', text_buckets => 1024) IS NOT NULL AS fits;
DROP TABLE b, wide, "we""ird; DROP TABLE b --";
DROP TYPE color;
