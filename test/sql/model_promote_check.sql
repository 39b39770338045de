-- A promotion that must pass a test against the champion.
CREATE SCHEMA model_promote_check;
SET search_path = model_promote_check;
CREATE TABLE t AS SELECT i AS id, (i * 37 % 101) / 101.0 AS a, (i * 53 % 97) / 97.0 AS b, (i * 29 % 89) / 89.0 AS noise,
    CASE WHEN (i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 + (i * 71 % 103) / 103.0 > 1.5 THEN 'yes' ELSE 'no' END AS y
FROM generate_series(1, 900) i;
CREATE VIEW train AS SELECT * FROM t WHERE id <= 500;
CREATE VIEW fresh AS SELECT * FROM t WHERE id > 500;
-- 1: one column; 2: noise; 3: both columns; 4: as 1, with a few more rounds
SELECT aipipe.model_train('m', 'classification', 'train', 'y', f::text[], params => jsonb_build_object('n_estimators', n, 'max_depth', 3))
FROM (VALUES (1, '{a}', 20), (2, '{noise}', 20), (3, '{a,b}', 20), (4, '{a}', 30)) v(o, f, n) ORDER BY o;
CREATE FUNCTION champion() RETURNS int LANGUAGE sql AS $$ SELECT champion FROM aipipe.model WHERE name = 'm' $$;
-- tells what is refused, with the numbers' places only
CREATE FUNCTION try(version int, only_if jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    PERFORM aipipe.model_promote('m', version, only_if => only_if);
    RETURN 'promoted, champion ' || champion();
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN format('%s: %s | %s | %s', SQLSTATE, SQLERRM, regexp_replace(d, '\d+\.\d{3,}|\d[\d.]*e-\d+', 'x', 'g'), h);
END $$;
SELECT try(2, '{"source": "fresh"}');
SELECT try(2, '{"source": "fresh", "test": "mcnemar"}');
SELECT try(2, '{"source": "fresh", "metric": "log_loss", "resamples": 200}');
SELECT try(4, '{"source": "fresh", "require": "better"}');
SELECT champion();
-- in doubt: not worse without a margin, but not shown to be close enough with a small one
SELECT try(4, '{"source": "SELECT * FROM fresh LIMIT 60"}');
SELECT aipipe.model_rollback('m');
SELECT try(4, '{"source": "SELECT * FROM fresh LIMIT 60", "margin": 0.0001}') LIKE '55000%It must be worse by less than x at level 0.05.%' AS refused;
SELECT try(3, '{"source": "fresh", "require": "better", "margin": 0.9}') LIKE '55000%It must be better by more than 0.9 at level 0.05.%' AS refused;
SELECT try(3, '{"source": "fresh", "margin": 0.05}');
SELECT aipipe.model_rollback('m');
SELECT try(3, '{"source": "fresh", "require": "better", "metric": "log_loss", "margin": 0.01, "resamples": 500}');
SELECT aipipe.model_rollback('m');
SELECT aipipe.model_promote('m', 3, 'both columns', '{"source": "fresh", "require": "better"}');
SELECT champion();
-- what the history keeps
SELECT action, old_version, new_version, why, evidence -> 'check' ->> 'require' AS require, evidence -> 'check' ->> 'source' AS source,
       evidence -> 'result' ->> 'test' AS test, evidence -> 'result' ->> 'verdict' AS verdict, (evidence -> 'result' ->> 'p_value')::float8 < 0.05 AS significant
FROM aipipe.model_alias_history WHERE model = 'm' ORDER BY id;
SELECT jsonb_object_keys(evidence -> 'check') AS key FROM aipipe.model_alias_history WHERE model = 'm' AND why = 'both columns' ORDER BY 1;
SELECT evidence -> 'result' = aipipe.model_test('m', 'fresh', 3, 1) AS same FROM aipipe.model_alias_history WHERE model = 'm' AND why = 'both columns';
-- against the champion of the moment, also inside one transaction
BEGIN;
SELECT aipipe.model_promote('m', 1);
SELECT try(3, '{"source": "fresh", "require": "better"}');
ROLLBACK;
SELECT champion();
-- the champion itself needs no check
SELECT aipipe.model_promote('m', 3, only_if => '{"source": "fresh"}');
-- what goes wrong
SELECT try(1, '{}');
SELECT try(1, '{"source": "nowhere"}');
SELECT try(1, '{"source": "fresh", "require": "best"}');
SELECT try(1, '{"source": "fresh", "margin": -1}');
SELECT try(1, '{"source": "fresh", "test": "delongs"}');
SELECT try(1, '{"source": "fresh", "sauce": 1}');
SELECT try(1, '[]');
SELECT try(9, '{"source": "fresh"}');
SELECT champion();
-- rights: whoever promotes reads the source
CREATE ROLE regress_promoter;
GRANT USAGE ON SCHEMA model_promote_check TO regress_promoter;
SELECT aipipe.model_grant('m', 'regress_promoter', 'manage');
SET ROLE regress_promoter;
SELECT try(1, '{"source": "fresh"}');
RESET ROLE;
SELECT aipipe.model_drop('m');
\set VERBOSITY terse
DROP SCHEMA model_promote_check CASCADE;
DROP ROLE regress_promoter;
