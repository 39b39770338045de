-- A detector of series in the registry: trained, refreshed, shared, rolled back, dropped.
CREATE SCHEMA series_train;
SET search_path = series_train;
SET timezone = 'UTC';
CREATE TABLE metric AS
SELECT 'table ' || s AS name, date '2023-01-02' + i AS day,
       round((CASE WHEN extract(isodow FROM date '2023-01-02' + i) > 5 THEN 400 ELSE 1000 END) * s * (1 + ((i * 7919 + s) % 101 - 50) / 1000.0))::int AS rows
FROM generate_series(1, 5) s, generate_series(0, 199) i;
SELECT aipipe.series_train('t_all', 'metric', 'rows', 'day', 'name');
SELECT task, algorithm, target, row_count, metrics, features, library ~ '^aipipe' AS library
FROM aipipe.model_version v JOIN aipipe.model m ON m.name = v.model WHERE model = 't_all';
SELECT params FROM aipipe.model_version WHERE model = 't_all';

-- the same rows in any order give the same bytes
SELECT aipipe.series_train('t_again', 'SELECT * FROM series_train.metric ORDER BY rows', 'rows', 'day', 'name');
SELECT aipipe.model_export('t_all') = aipipe.model_export('t_again') AS same;

-- going on with newer points gives what training on all of them would have; the others stay
SELECT aipipe.series_train('t_half', 'SELECT * FROM series_train.metric WHERE day < ''2023-05-01'' AND name <> ''table 4''', 'rows', 'day', 'name');
SELECT aipipe.series_refresh('t_half', 'metric');
SELECT aipipe.model_export('t_all') = aipipe.model_export('t_half') AS same;
SELECT version, row_count, metrics, aliases, params = (SELECT params FROM aipipe.model_version WHERE model = 't_all') AS same_params
FROM aipipe.model_version WHERE model = 't_half' ORDER BY version;
SELECT aipipe.series_refresh('t_half', 'SELECT * FROM series_train.metric WHERE name = ''table 2''', promote => false);
SELECT aipipe.model_export('t_half', 2) = aipipe.model_export('t_half', 3) AS nothing_new;
SELECT version, aliases, metrics -> 'old' AS old FROM aipipe.model_version WHERE model = 't_half' ORDER BY version;
-- a series of one value is begun anew: it tells no cadence
SELECT aipipe.series_train('t_one', 'SELECT * FROM series_train.metric WHERE day = ''2023-01-02''', 'rows', 'day', 'name');
SELECT aipipe.series_refresh('t_one', 'metric');
SELECT aipipe.model_export('t_all') = aipipe.model_export('t_one') AS same;

-- aliases, rollback, history, card, grants
SELECT aipipe.model_rollback('t_half');
SELECT version, aliases FROM aipipe.model_version WHERE model = 't_half' ORDER BY version;
SELECT aipipe.model_promote('t_half', 3);
SELECT aipipe.model_alias('t_half', 'challenger', 1);
SELECT alias, action, new_version, why FROM aipipe.model_alias_history WHERE model = 't_half' ORDER BY id;
SELECT card -> 'model_details' ->> 'overview' AS overview, card::text ~ 'one minus the p-value' AS outputs
FROM aipipe.model_card('t_all') card;
CREATE ROLE series_train_reader;
GRANT USAGE ON SCHEMA series_train TO series_train_reader;
SET ROLE series_train_reader;
SELECT aipipe.series_score('t_all', '2023-07-21', 1000, 'table 1');
SELECT aipipe.series_refresh('t_all', 'metric');
SELECT aipipe.series_train('t_all', 'metric', 'rows', 'day', 'name');
SELECT * FROM aipipe.series_detect('metric', 'rows', 'day', 'name');
RESET ROLE;
SELECT aipipe.model_grant('t_all', 'series_train_reader', 'predict');
SET ROLE series_train_reader;
SELECT aipipe.series_score('t_all', '2023-07-21', 1000, 'table 1') < 0.998 AS as_usual;
RESET ROLE;

-- what scores rows does not take it, whatever is asked
\set VERBOSITY terse
SELECT aipipe.model_predict('t_all', m) FROM metric m LIMIT 1;
SELECT aipipe.model_predict_class('t_all', m) FROM metric m LIMIT 1;
SELECT * FROM metric m, aipipe.model_predict_proba('t_all', m) LIMIT 1;
SELECT * FROM metric m, aipipe.model_explain('t_all', m) LIMIT 1;
SELECT * FROM aipipe.model_predict_batch('t_all', 'metric');
SELECT aipipe.model_evaluate('t_all', 'metric');
SELECT * FROM aipipe.model_importance('t_all');
SELECT aipipe.model_test('t_all', 'metric', 1, 1);
SELECT * FROM aipipe.model_confusion('t_all', 'metric');
SELECT aipipe.anomaly_score('t_all', m) FROM metric m LIMIT 1;
SELECT * FROM metric m, aipipe.anomaly_explain('t_all', m) LIMIT 1;
SELECT aipipe.gate_create('metric', 't_all');
ALTER TABLE metric ADD COLUMN score float8, ADD COLUMN id serial PRIMARY KEY;
CALL aipipe.model_apply('t_all', 'metric', 'score');
SELECT aipipe.model_train('t_all', 'series', 'metric');
SELECT aipipe.model_train('t_rows', 'arrival', 'metric');
SELECT aipipe.model_train('t_rows', 'classification', 'metric', 'name', algorithm => 'seasonal');
SELECT aipipe.model_train_estimate('series', 'metric');
SELECT aipipe.model_import('t_all', aipipe.model_export('t_all'), ARRAY['a'], 'series');
SELECT aipipe.anomaly_train('t_all', 'metric');
\set VERBOSITY default

SELECT aipipe.model_drop('t_half', 2);
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('t_all', 't_again', 't_half', 't_one') ORDER BY name COLLATE "C";
SELECT count(*) AS left FROM aipipe.model WHERE name LIKE 't\_%';
RESET search_path;
DROP SCHEMA series_train CASCADE;
DROP ROLE series_train_reader;
