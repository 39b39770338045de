-- Who may do what with a model.
CREATE ROLE regress_owner; CREATE ROLE regress_reader; CREATE ROLE regress_other; CREATE ROLE regress_member IN ROLE regress_owner;
CREATE SCHEMA model_rights;
GRANT USAGE, CREATE ON SCHEMA model_rights TO PUBLIC;
SET search_path = model_rights;
SET ROLE regress_owner;
CREATE TABLE t AS SELECT i AS x, i * 2.0 AS y FROM generate_series(1, 100) i;
SELECT aipipe.model_train('rights_m', 'regression', 't', 'y', params => '{"n_estimators": 2}');
SET ROLE regress_other;
CREATE TEMP TABLE u AS SELECT 5 AS x;
SELECT name FROM aipipe.model WHERE name = 'rights_m';
SELECT count(*) FROM aipipe.model_version WHERE model = 'rights_m';
SELECT aipipe.model_predict('rights_m', u) FROM u;
SELECT aipipe.model_predict_batch('rights_m', 'u');
SELECT aipipe.model_promote('rights_m', 1);
SELECT aipipe.model_drop('rights_m');
SELECT aipipe.model_grant('rights_m', 'regress_other');
SELECT aipipe.model_export('rights_m');
SELECT aipipe.model_train('rights_m', 'regression', 'SELECT 1 AS x, 1 AS y', 'y');
SELECT aipipe.model_train('rights_stolen', 'regression', 't', 'y');
SELECT * FROM aipipe.model_data;
INSERT INTO aipipe.model_grant_data (model_id, grantee, privilege, granted_by) SELECT 1, 'regress_other'::regrole, 'manage', 'me';
-- a similar name is not given away to who may not see it
SELECT aipipe.model_predict('rights_n', u) FROM u;
SET ROLE regress_owner;
SELECT aipipe.model_grant('rights_m', 'regress_reader');
SELECT aipipe.model_grant('rights_m', 'nobody_here');
SELECT aipipe.model_grant('rights_m', 'regress_reader', 'own');
SELECT grantee, privilege, granted_by FROM aipipe.model_grants WHERE model = 'rights_m';
SET ROLE regress_reader;
SELECT name, task, owner FROM aipipe.model WHERE name = 'rights_m';
SELECT aipipe.model_predict('rights_m', s) IS NOT NULL AS scored FROM (SELECT 5 AS x) s;
SELECT aipipe.model_promote('rights_m', 1);
SET ROLE regress_member;
SELECT aipipe.model_grant('rights_m', 'regress_reader', 'manage');
SET ROLE regress_reader;
SELECT aipipe.model_alias('rights_m', 'mine', 1);
SELECT aipipe.model_drop('rights_m');
SET ROLE regress_owner;
SELECT aipipe.model_revoke('rights_m', 'regress_reader', 'manage');
SELECT aipipe.model_revoke('rights_m', 'regress_reader', 'manage');
SELECT aipipe.model_grant('rights_m', 'public');
SET ROLE regress_other;
SELECT aipipe.model_predict('rights_m', s) IS NOT NULL AS scored FROM (SELECT 5 AS x) s;
-- the right is asked at each statement, not remembered
CREATE FUNCTION score_twice() RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE a float8; b float8;
BEGIN
    SET LOCAL ROLE regress_other;
    a := aipipe.model_predict('rights_m', s) FROM (SELECT 5 AS x) s;
    SET LOCAL ROLE regress_owner;
    PERFORM aipipe.model_revoke('rights_m', 'public');
    SET LOCAL ROLE regress_other;
    b := aipipe.model_predict('rights_m', s) FROM (SELECT 5 AS x) s;
    RETURN ARRAY[a, b];
END $$;
RESET ROLE;
SELECT score_twice();
-- giving a model away takes ownership of it and membership in the other role
SET ROLE regress_other;
SELECT aipipe.model_owner('rights_m', 'regress_other');
SET ROLE regress_member;
DO $$ BEGIN PERFORM aipipe.model_owner('rights_m', 'regress_other'); EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'refused'; END $$;
SELECT aipipe.model_owner('rights_m', 'regress_member');
SELECT owner FROM aipipe.model WHERE name = 'rights_m';
RESET ROLE;
SELECT aipipe.model_owner('rights_m', 'regress_owner');
SELECT aipipe.model_owner('rights_m', 'nobody_here');
SELECT aipipe.model_owner('rights_zz', 'regress_owner');
-- a type planted before pg_catalog's does not run with the tables' owner's rights
SET ROLE regress_other;
CREATE FUNCTION pg_temp.planted(pg_catalog.oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted code ran as %', current_user; END $$;
CREATE DOMAIN pg_temp.oid AS pg_catalog.oid CHECK (pg_temp.planted(VALUE));
CREATE DOMAIN pg_temp.regrole AS pg_catalog.regrole CHECK (pg_temp.planted(VALUE::pg_catalog.oid));
SET search_path = pg_temp, pg_catalog, model_rights;
SELECT aipipe.model_predict('rights_m', s) FROM (SELECT 5 AS x) s;
SELECT aipipe.model_grant('rights_m', 'regress_other');
SELECT name FROM aipipe.model WHERE name = 'rights_m';
SELECT aipipe.gate_pause(NULL, 1);
SELECT aipipe.model_train('rights_planted', 'regression', 'SELECT i AS x, i AS y FROM generate_series(1, 20) i', 'y', params => '{"n_estimators": 1}');
SELECT aipipe.model_drop('rights_planted');
SET search_path = model_rights;
-- row security: training sees what the caller sees
SET ROLE regress_owner;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON t FOR SELECT TO regress_reader USING (x <= 30);
GRANT SELECT ON t TO regress_reader;
SET ROLE regress_reader;
SELECT aipipe.model_train('rights_few', 'regression', 't', 'y', params => '{"n_estimators": 2, "holdout": 0}');
SELECT row_count FROM aipipe.model_version WHERE model = 'rights_few';
-- a source cannot write, whatever it calls
CREATE FUNCTION model_rights.writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE model_rights.planted (a int); RETURN 1; END $$;
SELECT aipipe.model_train('rights_write', 'regression', 'SELECT model_rights.writes() AS x, 1.0 AS y', 'y');
SELECT aipipe.model_train('rights_write', 'regression', 'DELETE FROM t', 'y');
SELECT aipipe.model_train('rights_write', 'regression', 'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 'y');
SELECT aipipe.model_train('rights_write', 'regression', 'SELECT 1 AS x, 2 AS y; DROP TABLE t', 'y');
RESET ROLE;
SELECT aipipe.model_drop('rights_few');
SELECT aipipe.model_drop('rights_m');
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA model_rights CASCADE;
DROP OWNED BY regress_owner, regress_reader, regress_other, regress_member;
DROP ROLE regress_member, regress_owner, regress_reader, regress_other;
