-- Algorithm baseline: the constant that every other model has to beat.
CREATE SCHEMA learn_baseline;
SET search_path = learn_baseline;
CREATE TABLE visit AS
SELECT i AS id, i % 7 AS x, i % 4 = 0 AS bought, (ARRAY['a', 'b', 'b', 'c', 'c', 'c'])[1 + i % 6] AS tier,
       CASE WHEN i % 10 = 0 THEN 100 ELSE i % 5 END::float8 AS spent, i / 8 AS query, (i % 3)::int AS grade
FROM generate_series(1, 240) AS i;

-- classes: their shares; the most frequent is the predicted one
SELECT aipipe.model_train('base2', 'classification', 'visit', 'bought', features => '{x}', algorithm => 'baseline', params => '{"holdout": 0}');
SELECT aipipe.model_predict('base2', v) AS p, aipipe.model_predict_class('base2', v) AS class FROM visit v WHERE id = 4;
SELECT aipipe.model_train('base3', 'classification', 'visit', 'tier', features => '{x}', algorithm => 'baseline', params => '{"holdout": 0}');
SELECT class, round(probability::numeric, 5) AS probability FROM visit v, aipipe.model_predict_proba('base3', v) WHERE id = 1;
SELECT convert_from(aipipe.model_export('base2'), 'UTF8') AS artifact;
SELECT convert_from(aipipe.model_export('base3'), 'UTF8') AS artifact;
SELECT algorithm, params, library = 'aipipe ' || (SELECT extversion FROM pg_extension WHERE extname = 'aipipe') AS own FROM aipipe.model_version WHERE model = 'base2';

-- values: the mean or the median, exactly between two values when there are as many on either side
SELECT aipipe.model_train('mean', 'regression', 'visit', 'spent', features => '{x}', algorithm => 'baseline', params => '{"holdout": 0}');
SELECT aipipe.model_predict('mean', v) = (SELECT avg(spent) FROM visit)::float4 AS mean FROM visit v WHERE id = 1;
SELECT aipipe.model_train('median', 'regression', 'visit', 'spent', features => '{x}', algorithm => 'baseline', params => '{"holdout": 0, "statistic": "median"}');
SELECT aipipe.model_predict('median', v) = (SELECT percentile_cont(.5) WITHIN GROUP (ORDER BY spent) FROM visit) AS median FROM visit v WHERE id = 1;
SELECT n, aipipe.model_train('halves', 'regression', format('SELECT x, y FROM (VALUES (1, -5.5), (2, -1), (3, 0.25), (4, 7), (5, 1e30)) AS v(x, y) LIMIT %s', n), 'y',
	algorithm => 'baseline', params => '{"holdout": 0, "statistic": "median"}') AS version
FROM generate_series(2, 5) AS n;
SELECT version, aipipe.model_predict('halves', s, version) AS median FROM (SELECT 1 AS x) AS s, generate_series(1, 4) AS version;
SELECT params ->> 'statistic' AS statistic FROM aipipe.model_version WHERE model IN ('mean', 'median') ORDER BY model;

-- everything is in the bias, no column matters
SELECT * FROM aipipe.model_explain('base2', (SELECT v FROM visit v WHERE id = 1));
SELECT * FROM aipipe.model_importance('base2');
SELECT metrics ->> 'auc' AS auc, metrics ->> 'base_rate' AS base_rate, metrics ->> 'accuracy' AS accuracy
FROM (SELECT aipipe.model_evaluate('base2', 'visit') AS metrics) AS s;

-- a model may have versions of different algorithms; aliases and predictions do not care
SELECT aipipe.model_train('base2', 'classification', 'visit', 'bought', features => '{id}', params => '{"holdout": 0, "n_estimators": 2}');
SELECT aipipe.model_promote('base2', 2);
SELECT version, algorithm, aliases FROM aipipe.model_version WHERE model = 'base2' ORDER BY version;
SELECT aipipe.model_predict('base2', v, 1) AS baseline, aipipe.model_predict('base2', v) <> .25 AS other FROM visit v WHERE id = 4;
SELECT aipipe.model_rollback('base2');
SELECT aipipe.model_predict('base2', v) AS baseline FROM visit v WHERE id = 4;

-- the same rows, the same bytes
SELECT aipipe.model_train('base3', 'classification', 'visit', 'tier', features => '{x}', algorithm => 'baseline', params => '{"holdout": 0}');
SELECT count(DISTINCT artifact) AS artifacts FROM aipipe.model_version, aipipe.model_export(model, version) AS artifact WHERE model = 'base3';

-- errors
SELECT aipipe.model_train('bad', 'classification', 'visit', 'bought', algorithm => 'baseline', params => '{"statistic": "median"}');
SELECT aipipe.model_train('bad', 'regression', 'visit', 'spent', algorithm => 'baseline', params => '{"statistic": "medain"}');
SELECT aipipe.model_train('bad', 'regression', 'visit', 'spent', algorithm => 'baseline', params => '{"statistics": "mean"}');
SELECT aipipe.model_train('bad', 'regression', 'visit', 'spent', algorithm => 'baselin');
SELECT aipipe.model_train('bad', 'anomaly', 'visit', algorithm => 'baseline');

SELECT aipipe.model_drop(name) FROM aipipe.model ORDER BY name COLLATE "C";
DROP SCHEMA learn_baseline CASCADE;
