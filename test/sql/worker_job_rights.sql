-- Who may do what with jobs, and as whom they would run.
SELECT setval('aipipe.job_data_id_seq', 3600, false), setval('aipipe.job_run_data_id_seq', 5600, false);
CREATE ROLE regress_job_owner LOGIN;
CREATE ROLE regress_job_member LOGIN IN ROLE regress_job_owner;
CREATE ROLE regress_job_other LOGIN;
CREATE ROLE regress_job_both LOGIN IN ROLE regress_job_owner, regress_job_other;
CREATE ROLE regress_job_watcher LOGIN IN ROLE pg_read_all_stats;
CREATE ROLE regress_job_group;
CREATE ROLE regress_job_noinherit LOGIN NOINHERIT IN ROLE regress_job_owner;
CREATE SCHEMA jobright_area;
GRANT ALL ON SCHEMA jobright_area TO regress_job_owner, regress_job_other;
SET search_path = jobright_area;

SET ROLE regress_job_other;
CREATE TABLE jobright_land (id int);
CREATE FUNCTION jobright_secret() RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION jobright_secret() FROM PUBLIC;

-- a job's owner is who creates it, whoever the session is
SET ROLE regress_job_owner;
SELECT aipipe.job_create('mine', 'SELECT 1');
SELECT aipipe.job_create('secret', function => 'jobright_secret()');
SELECT aipipe.job_create('landed', 'SELECT 1', 'on jobright_land');
SELECT aipipe.job_create('super', 'SELECT 1', params => '{"settings": {"log_statement": "all"}}');
SELECT aipipe.job_create('nobody', 'SELECT 1', params => '{"settings": {"session_replication_role": "replica"}}');
SELECT aipipe.job_run_now('mine') AS run \gset
SELECT name, owner FROM aipipe.job;

-- a role that may not log in could not connect
SET ROLE regress_job_group;
SELECT aipipe.job_create('group', 'SELECT 1');

-- tables and sequences are nobody's
SET ROLE regress_job_owner;
SELECT * FROM aipipe.job_data;
UPDATE aipipe.job_data SET owner = 'regress_job_other';
INSERT INTO aipipe.job_run_data DEFAULT VALUES;
DELETE FROM aipipe.job_attempt_data;
TRUNCATE aipipe.job_state_data;
SELECT nextval('aipipe.job_data_id_seq');
CREATE TRIGGER t BEFORE INSERT ON aipipe.job_run_data FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

-- everybody who is not of the owner is refused, and sees nothing
CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.outcome(text) TO PUBLIC;
RESET ROLE;
CREATE TABLE jobright_calls AS SELECT * FROM unnest(ARRAY[
    $$aipipe.job_alter('mine', 'SELECT 2')$$, $$aipipe.job_alter('mine')$$, $$aipipe.job_pause('mine')$$, $$aipipe.job_resume('mine')$$,
    $$aipipe.job_run_now('mine')$$, $$aipipe.job_wait(5600, '0')$$, $$aipipe.job_cancel(5600)$$, $$aipipe.job_drop('mine')$$,
    $$aipipe.job_create('mine', 'SELECT 1')$$]) WITH ORDINALITY c(call, n);
GRANT SELECT ON jobright_calls TO PUBLIC;
GRANT USAGE ON SCHEMA jobright_area TO PUBLIC;
SET client_min_messages = warning;
SET ROLE regress_job_other;
SELECT call, pg_temp.outcome(call) FROM jobright_calls ORDER BY n;
SELECT (SELECT count(*) FROM aipipe.job) AS jobs, (SELECT count(*) FROM aipipe.job_run) AS runs,
       (SELECT count(*) FROM aipipe.job_attempt) AS attempts, (SELECT count(*) FROM aipipe.job_status) AS status;
-- nor are other's names suggested
SELECT aipipe.job_pause('mines');
SET ROLE regress_job_owner;
SELECT aipipe.job_pause('mines');

-- who watches sees, and does nothing
SET ROLE regress_job_watcher;
SELECT (SELECT count(*) FROM aipipe.job) AS jobs, (SELECT count(*) FROM aipipe.job_run) AS runs,
       (SELECT count(*) FROM aipipe.job_attempt) AS attempts, (SELECT count(*) FROM aipipe.job_status) AS status;
SELECT call, pg_temp.outcome(call) FROM jobright_calls ORDER BY n;

-- a role without the privileges of the owner until it becomes him
SET ROLE regress_job_noinherit;
SELECT call, pg_temp.outcome(call) FROM jobright_calls WHERE n <= 3 ORDER BY n;
SELECT count(*) FROM aipipe.job;

-- a member does all of it
SET ROLE regress_job_member;
SELECT (SELECT count(*) FROM aipipe.job) AS jobs, (SELECT count(*) FROM aipipe.job_run) AS runs, (SELECT count(*) FROM aipipe.job_status) AS status;
SELECT call, pg_temp.outcome(call) FROM jobright_calls WHERE n < 8 ORDER BY n;
BEGIN;
SELECT aipipe.job_drop('mine');
ROLLBACK;
SET ROLE regress_job_owner;
SELECT name, owner, command FROM aipipe.job;

-- a job goes to another role only by who may be both, and only with rights that the other has
SELECT left(pg_temp.outcome($$aipipe.job_alter('mine', owner => 'regress_job_other')$$), 5);
SET ROLE regress_job_other;
SELECT aipipe.job_alter('mine', owner => 'regress_job_other');
SET ROLE regress_job_both;
SELECT aipipe.job_alter('mine', owner => 'regress_job_group');
RESET ROLE;
SELECT aipipe.job_alter('mine', owner => 'regress_job_group');
SET ROLE regress_job_both;
SELECT owner FROM aipipe.job WHERE name = 'mine';
SELECT aipipe.job_run_now('mine') AS run \gset
UPDATE aipipe.job_run_data SET owner = owner;
SELECT aipipe.job_create('both', function => 'jobright_area.jobright_secret()', schedule => 'on jobright_area.jobright_land');
SELECT aipipe.job_alter('both', owner => 'regress_job_owner');
SELECT aipipe.job_alter('both', 'SELECT 1', owner => 'regress_job_owner');
SELECT aipipe.job_alter('both', owner => 'regress_job_other');
SELECT name, owner FROM aipipe.job WHERE name = 'both';
RESET ROLE;
SELECT aipipe.job_alter('both', 'SELECT 1', params => '{"settings": {"log_statement": "none"}}', owner => 'regress_job_both');
-- a function that is another's by now does not go along, until it is given to the job again
SET ROLE regress_job_other;
CREATE FUNCTION jobright_passed() RETURNS int LANGUAGE sql AS 'SELECT 1';
SET ROLE regress_job_both;
SELECT aipipe.job_create('passed', function => 'jobright_area.jobright_passed()');
RESET ROLE;
ALTER FUNCTION jobright_passed() OWNER TO regress_job_watcher;
SET ROLE regress_job_both;
SELECT aipipe.job_alter('passed', owner => 'regress_job_owner');
SELECT aipipe.job_alter('passed', function => 'jobright_area.jobright_passed()', owner => 'regress_job_owner');
SELECT owner FROM aipipe.job WHERE name = 'passed';
SELECT aipipe.job_drop('passed');
RESET ROLE;
-- queued runs go along; one that is under way stops it
UPDATE aipipe.job_run_data SET state = 'running' WHERE id = :run;
SET ROLE regress_job_both;
SELECT aipipe.job_alter('mine', owner => 'regress_job_other');
RESET ROLE;
UPDATE aipipe.job_run_data SET state = 'queued' WHERE id = :run;
SET ROLE regress_job_both;
SELECT aipipe.job_alter('mine', owner => 'regress_job_other');
SELECT j.owner AS job, r.owner AS run FROM aipipe.job j JOIN aipipe.job_run r ON r.job = j.id WHERE r.id = :run;
SET ROLE regress_job_owner;
SELECT name FROM aipipe.job ORDER BY 1;
SELECT aipipe.job_cancel(:run);
SELECT aipipe.job_wait(:run);
SELECT aipipe.job_drop('mine');

-- an owner whose role was renamed is the same; one that is dropped leaves a job that a superuser sees
RESET ROLE;
ALTER ROLE regress_job_other RENAME TO regress_job_renamed;
SELECT owner FROM aipipe.job WHERE name = 'mine';
SELECT aipipe.job_alter('both', schedule => '');
CREATE ROLE regress_job_gone LOGIN;
SET ROLE regress_job_gone;
SELECT aipipe.job_create('orphan', 'SELECT 1');
RESET ROLE;
DROP ROLE regress_job_gone;
SELECT owner::text ~ '^[0-9]+$' FROM aipipe.job WHERE name = 'orphan';
SET ROLE regress_job_renamed;
SELECT count(*) FROM aipipe.job WHERE name = 'orphan';
SELECT aipipe.job_drop('orphan');
RESET ROLE;
SELECT aipipe.job_alter('orphan', owner => 'regress_job_renamed');
SELECT owner FROM aipipe.job WHERE name = 'orphan';

SELECT aipipe.job_drop(name) FROM aipipe.job;
DELETE FROM aipipe.job_run_data;
DROP FUNCTION pg_temp.outcome(text);
DROP SCHEMA jobright_area CASCADE;
REVOKE pg_read_all_stats FROM regress_job_watcher;
DROP ROLE regress_job_owner, regress_job_member, regress_job_renamed, regress_job_both, regress_job_watcher, regress_job_group, regress_job_noinherit;
