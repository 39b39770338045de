-- Versions, aliases, promotion and rollback.
CREATE SCHEMA model_alias;
SET search_path = model_alias;
CREATE TABLE t AS SELECT i AS x, i * 2.0 AS y FROM generate_series(1, 200) i;
SELECT aipipe.model_train('m', 'regression', 't', 'y', params => format('{"n_estimators": %s, "holdout": 0}', n)::jsonb)
FROM unnest(ARRAY[1, 5, 20, 40]) n;
CREATE FUNCTION champion() RETURNS int LANGUAGE sql AS $$ SELECT champion FROM aipipe.model WHERE name = 'm' $$;
SELECT champion(), versions FROM aipipe.model WHERE name = 'm';
SELECT aipipe.model_promote('m', 2, 'better');
SELECT aipipe.model_promote('m', 3);
SELECT aipipe.model_promote('m', 3);
SELECT aipipe.model_rollback('m', why => 'worse than thought');
SELECT aipipe.model_rollback('m');
SELECT aipipe.model_rollback('m');
SELECT aipipe.model_promote('m', 4);
SELECT aipipe.model_promote('m', 2);
SELECT aipipe.model_promote('m', 3);
SELECT aipipe.model_rollback('m', 2);
SELECT champion();
SELECT alias, action, old_version, new_version, changed_by = current_user AS me, why FROM aipipe.model_alias_history WHERE model = 'm' ORDER BY id;
-- rollback of the transaction undoes a promote
BEGIN;
SELECT aipipe.model_promote('m', 1);
SELECT champion();
ROLLBACK;
SELECT champion();
-- other aliases
SELECT aipipe.model_alias('m', 'challenger', 3);
SELECT aipipe.model_alias('m', 'nightly', 3);
SELECT * FROM aipipe.model_alias WHERE model = 'm' ORDER BY alias;
SELECT aipipe.model_drop('m', 3);
SELECT aipipe.model_alias('m', 'nightly', NULL);
SELECT aipipe.model_alias('m', 'nightly', NULL);
SELECT aipipe.model_alias('m', 'champion', NULL);
SELECT aipipe.model_alias('m', 'challenger', 2);
SELECT aipipe.model_drop('m', 3);
-- a number is not used again, and a rollback cannot reach what was dropped
SELECT aipipe.model_train('m', 'regression', 't', 'y', params => '{"n_estimators": 2, "holdout": 0}');
SELECT aipipe.model_promote('m', 1);
SELECT aipipe.model_promote('m', 2);
SELECT version, aliases FROM aipipe.model_version WHERE model = 'm' ORDER BY version;
-- an explicit version and the champion
SELECT aipipe.model_predict('m', t, 1) = aipipe.model_predict('m', t) AS same, aipipe.model_predict('m', t, 2) = aipipe.model_predict('m', t) AS champion
FROM t WHERE x = 150;
-- inside PL/pgSQL a promote is seen by the next statement, never within one
CREATE FUNCTION promote_between() RETURNS TABLE (step text, same_as int) LANGUAGE plpgsql AS $$
DECLARE p float8; r t;
BEGIN
    SELECT * INTO r FROM t WHERE x = 150;
    FOR v IN 1..2 LOOP
        PERFORM aipipe.model_promote('m', v);
        p := aipipe.model_predict('m', r);
        step := 'after promote ' || v;
        SELECT n INTO same_as FROM unnest(ARRAY[1, 2]) n WHERE aipipe.model_predict('m', r, n) = p;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM promote_between();
-- the cache: what this backend holds leaves when it is dropped
SELECT count(*) > 0 AS cached FROM aipipe.model_cache() WHERE model = 'm';
SELECT bool_and(version > 0 AND bytes > 0 AND in_use >= 0) AS in_view FROM aipipe.model_cache WHERE model = 'm';
SELECT (SELECT jsonb_agg(v) FROM aipipe.model_cache v) = (SELECT jsonb_agg(f) FROM aipipe.model_cache() f) AS same;
SELECT aipipe.model_drop('m');
SELECT count(*) AS cached FROM aipipe.model_cache() WHERE model = 'm';
SELECT aipipe.model_predict('m', t) FROM t LIMIT 1;
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_alias CASCADE;
