-- Is one version better than another? Tests on one pass over a source.
CREATE SCHEMA model_test;
SET search_path = model_test;
CREATE TABLE t AS SELECT i AS id, (i * 37 % 101) / 101.0 AS a, (i * 53 % 97) / 97.0 AS b, (i * 29 % 89) / 89.0 AS noise,
    CASE WHEN (i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 + (i * 71 % 103) / 103.0 > 1.5 THEN 'yes' ELSE 'no' END AS y,
    ((i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 + (i * 71 % 103) / 103.0)::float8 AS v,
    'c' || ((i * 37 % 101) / 34) AS z, i / 10 AS q, (i * 37 % 101) / 21 AS relevance
FROM generate_series(1, 900) i;
CREATE VIEW train AS SELECT * FROM t WHERE id <= 500;
CREATE VIEW fresh AS SELECT * FROM t WHERE id > 500;
-- version 1 sees both columns, 2 one of them, 3 only noise
SELECT aipipe.model_train('bin', 'classification', 'train', 'y', f, params => '{"n_estimators": 20, "max_depth": 3}')
FROM unnest(ARRAY['{a,b}', '{a}', '{noise}']::text[]) WITH ORDINALITY u(x, n), LATERAL (SELECT x::text[]) l(f) ORDER BY n;
CREATE FUNCTION brief(r jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s %s of %s (skipped %s): %s against %s, %s', r ->> 'test', r ->> 'metric', r ->> 'n', r ->> 'skipped', r ->> 'version', r ->> 'other_version', r ->> 'verdict') $$;
SELECT brief(aipipe.model_test('bin', 'fresh', 3)), brief(aipipe.model_test('bin', 'fresh', 1, 3)), brief(aipipe.model_test('bin', 'fresh', 2, 2));
SELECT jsonb_object_keys(aipipe.model_test('bin', 'fresh', 2)) AS key ORDER BY 1;
-- the numbers are those of model_evaluate and model_predict_class
SELECT abs((r ->> 'value')::float8 - (aipipe.model_evaluate('bin', 'fresh', 2) ->> 'auc')::float8) < 1e-12 AS auc,
       abs((r ->> 'other_value')::float8 - (aipipe.model_evaluate('bin', 'fresh', 1) ->> 'auc')::float8) < 1e-12 AS other,
       abs((r ->> 'difference')::float8 - (r ->> 'value')::float8 + (r ->> 'other_value')::float8) < 1e-12 AS difference,
       (r ->> 'ci_low')::float8 < (r ->> 'difference')::float8 AND (r ->> 'difference')::float8 < (r ->> 'ci_high')::float8 AS inside
FROM aipipe.model_test('bin', 'fresh', 2) r;
SELECT (r ->> 'right_alone')::int = alone AND (r ->> 'other_right_alone')::int = other_alone AS counts,
       abs((r ->> 'value')::float8 - (aipipe.model_evaluate('bin', 'fresh', 2) ->> 'accuracy')::float8) < 1e-12 AS accuracy, brief(r)
FROM aipipe.model_test('bin', 'fresh', 2, 1, 'mcnemar') r,
     (SELECT count(*) FILTER (WHERE mine = y AND other <> y) AS alone, count(*) FILTER (WHERE mine <> y AND other = y) AS other_alone
      FROM (SELECT y, aipipe.model_predict_class('bin', fresh, 2) AS mine, aipipe.model_predict_class('bin', fresh, 1) AS other FROM fresh) s) c;
SELECT m, round((aipipe.model_test('bin', 'fresh', 2, 1, 'mcnemar', jsonb_build_object('method', m)) ->> 'p_value')::numeric, 6) > 0 AS has_p FROM unnest('{exact,corrected,chi2}'::text[]) m;
-- means of losses, and whatever has no formula, by resamples: one seed, one answer
SELECT brief(aipipe.model_test('bin', 'fresh', 3, 1, 'paired_t', '{"metric": "brier"}')), brief(aipipe.model_test('bin', 'fresh', 3, 1, 'paired_t'));
SELECT m, brief(r), (r ->> 'value')::float8 = (aipipe.model_evaluate('bin', 'fresh', 3) ->> m)::float8
    OR abs((r ->> 'value')::float8 - (aipipe.model_evaluate('bin', 'fresh', 3) ->> m)::float8) < 1e-12 AS value,
    r = aipipe.model_test('bin', 'fresh', 3, 1, 'bootstrap', jsonb_build_object('metric', m, 'resamples', 200, 'seed', 5)) AS same,
    r ->> 'ci_low' <> aipipe.model_test('bin', 'fresh', 3, 1, 'bootstrap', jsonb_build_object('metric', m, 'resamples', 200, 'seed', 6)) ->> 'ci_low' AS seeded
FROM unnest('{auc,log_loss,f1,pr_auc}'::text[]) m, aipipe.model_test('bin', 'fresh', 3, 1, 'bootstrap', jsonb_build_object('metric', m, 'resamples', 200, 'seed', 5)) r;
SELECT brief(aipipe.model_test('bin', 'fresh', 3, params => '{"metric": "mcc", "resamples": 100}')), brief(aipipe.model_test('bin', 'fresh', 3, params => '{"metric": "accuracy"}'));
-- DeLong's interval and the bootstrap's agree about the same difference
SELECT abs((d ->> 'ci_low')::float8 - (b ->> 'ci_low')::float8) < 0.01 AND abs((d ->> 'ci_high')::float8 - (b ->> 'ci_high')::float8) < 0.01 AS agree
FROM aipipe.model_test('bin', 'fresh', 2) d, aipipe.model_test('bin', 'fresh', 2, test => 'bootstrap', params => '{"metric": "auc"}') b;
-- rows without the truth are skipped; the truth may stand in another column
SELECT brief(aipipe.model_test('bin', 'SELECT a, b, noise, CASE WHEN id % 2 = 0 THEN y END AS y FROM fresh', 2));
SELECT brief(aipipe.model_test('bin', 'SELECT a, b, noise, y AS truth FROM fresh', 2, params => '{"target": "truth"}'));
-- several classes; a version that knows a class more, and one that knows the classes in another order
SELECT aipipe.model_train('multi', 'classification', s, 'z', '{a}', params => '{"n_estimators": 5}')
FROM unnest(ARRAY['train', 'SELECT * FROM train WHERE z <> ''c0''']) WITH ORDINALITY u(s, n) ORDER BY n;
SELECT brief(aipipe.model_test('multi', 'fresh', 2)), brief(aipipe.model_test('multi', 'fresh', 1, 2, 'bootstrap', '{"metric": "log_loss", "resamples": 100}'));
SELECT aipipe.model_train('turned', 'classification', 'train', 'y', '{a,b}', params => jsonb_build_object('n_estimators', 20, 'max_depth', 3, 'positive', p))
FROM unnest('{yes,no}'::text[]) p;
SELECT brief(r), round(abs((r ->> 'difference')::numeric), 3) AS difference FROM aipipe.model_test('turned', 'fresh', 2, 1) r;
SELECT (r ->> 'right_alone')::int + (r ->> 'other_right_alone')::int < 5 AS alike FROM aipipe.model_test('turned', 'fresh', 2, 1, 'mcnemar') r;
-- each decides as it serves: where a probability is the threshold itself, from which class soever it is seen, and beside a version of more classes
CREATE TABLE even AS SELECT i AS id, i % 3 AS a, CASE WHEN i / 3 % 4 < i % 3 + 1 THEN 'yes' ELSE 'no' END AS y, CASE WHEN i / 3 % 4 < i % 3 + 1 THEN 'c' || i % 2 ELSE 'no' END AS z FROM generate_series(0, 599) i;
SELECT aipipe.model_train('edge', 'classification', s, 'y', '{a}', 'rules', p || '{"holdout": 0, "rules": [{"when": {"a": 0}}, {"when": {"a": 1}}]}')
FROM (VALUES (1, 'even', '{"threshold": 0.5}'::jsonb), (2, 'even', '{"threshold": 0.25, "positive": "no"}'), (3, 'even', '{"positive": "no"}'), (4, 'SELECT a, CASE z WHEN ''c0'' THEN ''yes'' ELSE z END AS y FROM even', '{}')) v(n, s, p) ORDER BY n;
SELECT v, w, (r ->> 'value')::float8 = (aipipe.model_evaluate('edge', 'even', v) ->> 'accuracy')::float8 AS value, (r ->> 'other_value')::float8 = (aipipe.model_evaluate('edge', 'even', w) ->> 'accuracy')::float8 AS other,
       r ->> 'value' AS accuracy, (aipipe.model_test('edge', 'even', v, w, 'bootstrap', '{"metric": "accuracy", "resamples": 100}') ->> 'value')::float8 = (r ->> 'value')::float8 AS same
FROM (VALUES (2, 1), (1, 2), (3, 1), (3, 2), (2, 4), (4, 1)) c(v, w), aipipe.model_test('edge', 'even', v, w, 'mcnemar') r;
-- values
SELECT aipipe.model_train('reg', 'regression', 'train', 'v', f::text[], params => '{"n_estimators": 20, "max_depth": 3}') FROM unnest(ARRAY['{a,b}', '{noise}']) f;
SELECT brief(r), abs((r ->> 'value')::float8 - (aipipe.model_evaluate('reg', 'fresh', 2) ->> 'rmse')::float8) < 1e-9 AS value FROM aipipe.model_test('reg', 'fresh', 2) r;
SELECT brief(aipipe.model_test('reg', 'fresh', 2, test => 'paired_t')), brief(aipipe.model_test('reg', 'fresh', 2, params => '{"metric": "r2", "resamples": 100}')),
       brief(aipipe.model_test('reg', 'fresh', 2, params => '{"metric": "quantile_loss", "quantile": 0.9, "resamples": 100}'));
-- rankings: whole groups are resampled, wherever their rows stand
SELECT aipipe.model_train('rank', 'ranking', 'train', 'relevance', f::text[], params => '{"group": "q", "n_estimators": 10}') FROM unnest(ARRAY['{a}', '{noise}']) f;
SELECT brief(aipipe.model_test('rank', 'fresh', 2)), brief(aipipe.model_test('rank', 'SELECT * FROM fresh ORDER BY a', 2, params => '{"metric": "ndcg@10", "resamples": 300}'));
SELECT (a ->> 'value')::float8 = (b ->> 'value')::float8 AS order_of_groups_is_free
FROM aipipe.model_test('rank', 'SELECT * FROM fresh ORDER BY id', 1, 2, params => '{"resamples": 100}') a, aipipe.model_test('rank', 'SELECT * FROM fresh ORDER BY id % 10, id', 1, 2, params => '{"resamples": 100}') b;
-- rows without a group are skipped, as model_evaluate() does
SELECT brief(r), (r ->> 'value')::float8 = (e ->> 'ndcg')::float8 AS value, r ->> 'skipped' = e ->> 'skipped' AS skipped
FROM (SELECT $$SELECT a, noise, relevance, CASE WHEN id % 7 > 0 THEN q END AS q FROM fresh$$ AS s) s, aipipe.model_test('rank', s, 2, 1, params => '{"resamples": 100}') r, aipipe.model_evaluate('rank', s, 2) e;
-- the loss of the quantile that a version learned, unless another is asked for (only newer libraries learn one)
UPDATE aipipe.model_version_data SET params = params || '{"quantile_alpha": 0.9}' WHERE id = (SELECT max(v.id) FROM aipipe.model_version_data v JOIN aipipe.model_data m ON m.id = v.model_id WHERE m.name = 'reg');
SELECT p, abs((r ->> 'value')::float8 - (aipipe.model_evaluate('reg', 'fresh', 2, p) ->> 'quantile_loss')::float8) < 1e-9 AS value
FROM unnest('{"{}","{\"quantile\": 0.2}"}'::jsonb[]) p, aipipe.model_test('reg', 'fresh', 2, 1, 'paired_t', p || '{"metric": "quantile_loss"}') r;
-- what goes wrong
SELECT aipipe.model_test('reg', 'SELECT a, b, noise, CASE WHEN id % 2 = 0 THEN v ELSE 0 END AS v FROM fresh', 2, 1, 'paired_t', '{"metric": "mape"}');
SELECT aipipe.model_promote('reg', 2, only_if => '{"source": "SELECT a, b, noise, 0.0 AS v FROM fresh", "test": "paired_t", "metric": "mape"}');
SELECT aipipe.model_test(NULL, 'fresh', 1);
SELECT aipipe.model_test('bin', NULL, 1);
SELECT aipipe.model_test('bin', 'fresh', NULL);
SELECT aipipe.model_test('bim', 'fresh', 1);
SELECT aipipe.model_test('bin', 'fresh', 9);
SELECT aipipe.model_test('bin', 'fresh', 1, 9);
SELECT aipipe.model_test('bin', 'fresh', 2, test => 'delon');
SELECT aipipe.model_test('bin', 'fresh', 2, test => 'delong', params => '{"metric": "f1"}');
SELECT aipipe.model_test('bin', 'fresh', 2, test => 'mcnemar', params => '{"metric": "auc"}');
SELECT aipipe.model_test('bin', 'fresh', 2, test => 'paired_t', params => '{"metric": "auc"}');
SELECT aipipe.model_test('bin', 'fresh', 2, params => '{"metric": "auk"}');
SELECT aipipe.model_test('bin', 'fresh', 2, params => '{"alpha": 0}');
SELECT aipipe.model_test('bin', 'fresh', 2, params => '{"alfa": 0.1}');
SELECT aipipe.model_test('bin', 'fresh', 2, params => '{"source": "fresh"}');
SELECT aipipe.model_test('multi', 'fresh', 2, 1, 'delong');
SELECT aipipe.model_test('reg', 'fresh', 2, test => 'delong');
SELECT aipipe.model_test('reg', 'fresh', 2, test => 'mcnemar');
SELECT aipipe.model_test('reg', 'fresh', 2, test => 'paired_t', params => '{"metric": "rmse"}');
SELECT aipipe.model_test('reg', 'SELECT a, b, noise, 1.0 AS v FROM fresh LIMIT 1', 2, test => 'paired_t');
SELECT aipipe.model_test('reg', 'SELECT a, b, noise, 1.0 AS v FROM fresh LIMIT 1', 2, test => 'bootstrap');
SELECT aipipe.model_test('reg', 'SELECT a, b, noise, 1.0 AS v FROM fresh', 2, params => '{"metric": "r2", "resamples": 100}');
SELECT aipipe.model_test('bin', 'SELECT a, b, noise, y FROM fresh WHERE y = ''yes''', 2);
SELECT aipipe.model_test('bin', 'SELECT a, b, noise, ''maybe'' AS y FROM fresh', 2);
SELECT aipipe.model_test('bin', 'SELECT a, b, noise FROM fresh', 2);
SELECT aipipe.model_test('bin', 'SELECT a, noise, y FROM fresh', 2);
SELECT aipipe.model_test('rank', 'SELECT a, noise, relevance FROM fresh', 2);
SELECT aipipe.anomaly_train('strange', 'SELECT a, b FROM train', params => '{"n_estimators": 5}');
SELECT aipipe.model_test('strange', 'fresh', 1);
SELECT aipipe.model_import('foreign', aipipe.model_export('bin', 2), '{a}', 'classification', '{no,yes}');
SELECT aipipe.model_test('foreign', 'fresh', 1);
SELECT brief(aipipe.model_test('foreign', 'fresh', 1, params => '{"target": "y"}'));
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.model_test('bin', 'SELECT f.* FROM fresh f, generate_series(1, 100)', 2);
RESET aipipe.train_max_memory;
-- rights: predict is enough, on one's own rows
CREATE ROLE regress_tester;
GRANT USAGE ON SCHEMA model_test TO regress_tester;
SET ROLE regress_tester;
SELECT aipipe.model_test('bin', 'SELECT 1 AS a, 1 AS b, 1 AS noise, ''yes'' AS y', 2);
RESET ROLE;
SELECT aipipe.model_grant('bin', 'regress_tester');
SET ROLE regress_tester;
SELECT aipipe.model_test('bin', 'fresh', 2);
SELECT brief(aipipe.model_test('bin', 'SELECT i / 10.0 AS a, 1 AS b, 1 AS noise, CASE WHEN i > 5 THEN ''yes'' ELSE ''no'' END AS y FROM generate_series(1, 10) i', 2, 2));
RESET ROLE;
\set VERBOSITY terse
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('bin', 'edge', 'multi', 'turned', 'reg', 'rank', 'strange', 'foreign');
DROP SCHEMA model_test CASCADE;
DROP ROLE regress_tester;
