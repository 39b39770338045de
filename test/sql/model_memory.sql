-- aipipe.train_max_memory: all that a training or an evaluation holds is counted before it is there.
\set VERBOSITY default
CREATE SCHEMA model_memory;
SET search_path = model_memory;
SET client_min_messages = warning;
CREATE TABLE t AS SELECT i AS a, i % 17 AS b, i % 5 AS c, i % 11 AS y FROM generate_series(1, 50000) i;
SELECT aipipe.model_train('model memory', 'regression', 'SELECT * FROM t LIMIT 1000', 'y', params => '{"n_estimators": 2}');
SELECT peak_bytes > 1000 * (3 + 1) * 4 AS counted FROM aipipe.model_version WHERE model = 'model memory';
SET aipipe.train_max_memory = '1MB';
-- labels count
SELECT aipipe.model_train('model memory', 'regression', 'SELECT a, y FROM generate_series(1, 3) g, t', 'y');
-- held-out rows count beside the others
SELECT aipipe.model_train('model memory', 'regression', 't', 'y');
-- and so does what measuring them will take
SELECT aipipe.model_train('model memory 99', 'classification', 'SELECT a, a % 99 AS y FROM t LIMIT 9000', 'y');
-- values of text-like columns are counted in a half of it
SELECT format('CREATE TABLE wide AS SELECT i AS y, %s FROM generate_series(1, 100) i',
              string_agg(format('(i %% %s)::text AS t%s', c + 1, c), ', ')) AS statement FROM generate_series(1, 33) c \gset
:statement;
SELECT aipipe.model_train('model memory', 'regression', 'wide', 'y');
-- with too little room for all of them the frequent ones stay, the same each time
CREATE TABLE words AS SELECT CASE WHEN i % 10 < 9 THEN 'word ' || i % 3 ELSE repeat(md5(i::text), 8) END AS w FROM generate_series(1, 30000) i;
SELECT aipipe.anomaly_train('model memory words', 'words', params => '{"n_estimators": 5, "max_samples": 32, "max_categories": 3}') AS version,
       aipipe.anomaly_train('model memory words', 'words', params => '{"n_estimators": 5, "max_samples": 32, "max_categories": 3}') AS again;
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'model memory words';
SELECT version, peak_bytes <= 1024 * 1024 AS within FROM aipipe.model_version WHERE model = 'model memory words' ORDER BY version;
SELECT jsonb_path_query_array(convert_from(encoder, 'UTF8')::jsonb, '$.**.categories') AS categories FROM aipipe.model_version_data v
    WHERE model_id = (SELECT id FROM aipipe.model_data WHERE name = 'model memory words') LIMIT 1;
-- an evaluation is bounded by it too
SELECT aipipe.model_evaluate('model memory', 't') ->> 'rows' AS rows;
SELECT aipipe.model_evaluate('model memory', 'SELECT * FROM generate_series(1, 3) g, t');
RESET aipipe.train_max_memory;
SELECT aipipe.model_evaluate('model memory', 'SELECT * FROM generate_series(1, 3) g, t') ->> 'rows' AS rows;
-- a positive class is for two classes
SELECT aipipe.model_train('model memory 3', 'classification', 'SELECT a, c FROM t LIMIT 1000', 'c', params => '{"positive": "1"}');
SELECT aipipe.model_drop('model memory');
SELECT aipipe.model_drop('model memory words');
DROP SCHEMA model_memory CASCADE;
