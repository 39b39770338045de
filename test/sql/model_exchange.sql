-- Export and import: what leaves comes back and scores the same.
CREATE SCHEMA model_exchange;
SET search_path = model_exchange;
CREATE TABLE t AS SELECT i AS id, (i * 7919 % 1000) / 10.0 AS a, (i * 104729 % 97)::float8 AS b, NULLIF(i % 9, 0) AS c FROM generate_series(1, 400) i;
ALTER TABLE t ADD yes boolean, ADD amount float8, ADD grade text;
UPDATE t SET yes = a > 40, amount = a * 2 + b, grade = CASE WHEN a < 30 THEN 'low' WHEN a < 70 THEN 'mid' ELSE 'top' END;
SELECT aipipe.model_train('x_yes', 'classification', 't', 'yes', ARRAY['a', 'b', 'c'], params => '{"n_estimators": 10}'),
       aipipe.model_train('x_amount', 'regression', 't', 'amount', ARRAY['a', 'b', 'c'], params => '{"n_estimators": 10, "booster": "dart", "rate_drop": 0.2}'),
       aipipe.model_train('x_grade', 'classification', 't', 'grade', ARRAY['a', 'b', 'c'], params => '{"n_estimators": 10}');
-- the artifact is XGBoost's JSON
SELECT model, x #>> '{learner,objective,name}' AS objective, x #>> '{learner,learner_model_param,num_feature}' AS features, x -> 'version' IS NOT NULL AS version
FROM aipipe.model, LATERAL (SELECT name AS model, convert_from(aipipe.model_export(name), 'UTF8')::jsonb AS x) s WHERE name LIKE 'x\_%' ORDER BY model;
-- features are named in the model's order and bound by name; classes in the model's order
SELECT aipipe.model_import('y_yes', aipipe.model_export('x_yes'), ARRAY['a', 'b', 'c'], 'classification', ARRAY['false', 'true']),
       aipipe.model_import('y_amount', aipipe.model_export('x_amount'), ARRAY['a', 'b', 'c'], 'regression'),
       aipipe.model_import('y_grade', aipipe.model_export('x_grade'), ARRAY['a', 'b', 'c'], 'classification', ARRAY['low', 'mid', 'top']),
       aipipe.model_import('y_plain', aipipe.model_export('x_yes'), ARRAY['a', 'b', 'c'], 'classification');
SELECT count(*) AS rows, bool_and(aipipe.model_predict('x_yes', t) = aipipe.model_predict('y_yes', t)) AS yes,
       bool_and(aipipe.model_predict('x_amount', t) = aipipe.model_predict('y_amount', t)) AS amount,
       bool_and(aipipe.model_predict_class('x_grade', t) = aipipe.model_predict_class('y_grade', t)) AS grade FROM t;
SELECT m.name, v.version, v.classes, v.source, v.row_count, v.library LIKE 'xgboost %(imported)' AS imported, v.aliases
FROM aipipe.model m JOIN aipipe.model_version v ON v.model = m.name WHERE m.name LIKE 'y\_%' ORDER BY 1;
-- the export of an import is the same text, so a second round changes nothing
SELECT aipipe.model_import('y_yes', aipipe.model_export('y_yes'), ARRAY['a', 'b', 'c'], 'classification', ARRAY['false', 'true']);
SELECT aipipe.model_export('y_yes', 1) = aipipe.model_export('y_yes', 2) AS same, aipipe.model_export('x_yes') = aipipe.model_export('y_yes') AS as_trained;
-- an import serves like any version: explanation, importance, gate, promotion; evaluation needs a target
SELECT abs(sum(contribution) - ln(p / (1 - p))) < 1e-3 AS sums
FROM t, aipipe.model_explain('y_yes', t), aipipe.model_predict('y_yes', t) AS p WHERE id = 5 GROUP BY p;
SELECT feature, weight > 0 AS used FROM aipipe.model_importance('y_yes') ORDER BY 1;
SELECT aipipe.model_promote('y_yes', 2);
SELECT aipipe.model_evaluate('y_yes', 't');
-- NULL arguments, another task, a model that is there
SELECT aipipe.model_export(NULL) IS NULL AS nothing;
SELECT aipipe.model_import('y_yes', aipipe.model_export('x_amount'), ARRAY['a', 'b', 'c'], 'regression');
SELECT aipipe.model_import('y_grade', aipipe.model_export('x_grade'), ARRAY['a', 'b'], 'classification');
SELECT aipipe.model_import('y_grade', aipipe.model_export('x_grade'), ARRAY['a', 'b', 'c'], 'anomaly');
SELECT aipipe.model_import('y_grade', aipipe.model_export('x_grade'), NULL, 'classification');
SELECT count(aipipe.model_drop(name)) AS dropped FROM aipipe.model WHERE name LIKE 'x\_%' OR name LIKE 'y\_%';
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_exchange CASCADE;
