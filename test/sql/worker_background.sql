-- Training in the background and retention, as far as no scheduler is needed (the rest: test/t/).
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS worker_background CASCADE;
CREATE SCHEMA worker_background;
SET search_path = worker_background;

SELECT aipipe.model_train_async(E'worker bg\\"''m', 'regression', 'SELECT i AS x, i * 2.0 AS "Y;" FROM generate_series(1, 300) i', 'Y;', ARRAY['x'], 'xgboost',
    '{"n_estimators": 3}', '{"timeout": "5 minutes", "retries": 0}') AS run \gset
SELECT job_name, cause, state, attempts FROM aipipe.job_run WHERE id = :run;
-- The job's command is the call, whatever is in its arguments.
SELECT j.command, j.timeout_ms, j.retries, j.once, j.schedule, j.search_path FROM aipipe.job_data j WHERE j.name = E'train worker bg\\"''m';
SELECT command FROM aipipe.job_data WHERE name = E'train worker bg\\"''m' \gexec
SELECT aipipe.model_train_async(E'worker bg\\"''m', 'regression', 'SELECT 1 AS x', 'x');
SELECT aipipe.job_cancel(:run);
SELECT state FROM aipipe.job_run WHERE id = :run;
-- A run that is over takes its job with it.
SELECT count(*) FROM aipipe.job WHERE name = E'train worker bg\\"''m';
SELECT aipipe.model_train_async(NULL, 'regression', 'x', 'y');
SELECT aipipe.model_train_async('m', NULL, 'x', 'y');
SELECT aipipe.model_train_async('', 'regression', 'x', 'y');
SELECT aipipe.model_train_async('m', 'regression', 'x', 'y', ARRAY['a', NULL]);
SELECT aipipe.model_train_async('m', 'regression', 'x', 'y', job_params => '{"retry": 1}');
BEGIN READ ONLY;
SELECT aipipe.model_train_async('m', 'regression', 'x', 'y');
ROLLBACK;
-- The longest name of a model is cut to that of a job.
SELECT aipipe.model_train_async(repeat('m', 255), 'regression', 'SELECT 1 AS x', 'x') AS run \gset
SELECT octet_length(job_name) FROM aipipe.job_run WHERE id = :run;
SELECT aipipe.job_cancel(:run);
SELECT aipipe.model_drop(E'worker bg\\"''m');

-- Retention: what is old goes, what is a question to somebody stays, and what is another's.
CREATE TABLE history AS SELECT (i % 100)::float8 AS a FROM generate_series(1, 1000) i;
SELECT aipipe.anomaly_train('worker_background', 'history');
CREATE TABLE landing (id int PRIMARY KEY, a float8);
SELECT aipipe.gate_create('landing', 'worker_background', params => '{"profile": true, "profile_rows": 1, "log_always": true}') AS gate \gset
INSERT INTO landing VALUES (1, 5), (2, 1e9);
INSERT INTO landing VALUES (3, 6), (4, 1e9);
INSERT INTO landing VALUES (5, 7);
SELECT aipipe.quarantine_discard(min(id)) FROM aipipe.quarantine WHERE gate = :gate;
CREATE FUNCTION kept(bigint) RETURNS TABLE (batches bigint, decisions bigint, predictions bigint, profiles bigint) LANGUAGE sql AS
$$SELECT (SELECT count(*) FROM aipipe.batch WHERE gate = $1), (SELECT count(*) FROM aipipe.decision WHERE gate = $1),
    (SELECT count(*) FROM aipipe.prediction WHERE gate = $1), (SELECT count(*) FROM aipipe.profile WHERE relation = 'worker_background.landing')$$;
SELECT * FROM kept(:gate);
SELECT aipipe.worker_retention('{"batches": "1 hour", "decisions": "1 hour", "predictions": "1 hour", "profiles": "1 hour"}') >= 0 AS young;
SELECT * FROM kept(:gate);
CREATE ROLE regress_aipipe_retention;
SET ROLE regress_aipipe_retention;
SELECT aipipe.worker_retention('{"batches": "0", "decisions": "0", "predictions": "0", "profiles": "0"}');
RESET ROLE;
SELECT * FROM kept(:gate);
-- The rest is done as a member of the gate's owner alone, lest other tests' records go too.
ALTER TABLE landing OWNER TO regress_aipipe_retention;
UPDATE aipipe.gate_data SET owner = 'regress_aipipe_retention' WHERE id = :gate;
UPDATE aipipe.profile_data SET taken_by = 'regress_aipipe_retention' WHERE schema_name = 'worker_background';
GRANT USAGE ON SCHEMA worker_background TO regress_aipipe_retention;
SET ROLE regress_aipipe_retention;
SELECT aipipe.worker_retention('{"decisions": "0"}') AS decisions;
SELECT aipipe.worker_retention('{"batches": "0"}') AS batches;
SELECT batches, decisions FROM kept(:gate);
SELECT aipipe.worker_retention('{"profiles": "0"}') AS profiles;
SELECT profiles FROM kept(:gate);
SELECT aipipe.worker_retention('{"predictions": "0"}') AS not_of_his_model;
RESET ROLE;
SELECT aipipe.model_grant('worker_background', 'regress_aipipe_retention', 'manage');
SET ROLE regress_aipipe_retention;
SELECT aipipe.worker_retention('{"predictions": "0"}') AS predictions;
SELECT aipipe.worker_retention('{}'), aipipe.worker_retention(NULL);
SELECT aipipe.worker_retention('{"batch": "1 day"}');
SELECT aipipe.worker_retention('{"batches": "soon"}');
SELECT aipipe.worker_retention('{"batches": "-1 day"}');
SELECT aipipe.worker_retention('{"batches": 5}');
RESET ROLE;

SELECT aipipe.gate_drop('landing');
SELECT aipipe.model_drop('worker_background');
DROP SCHEMA worker_background CASCADE;
DROP OWNED BY regress_aipipe_retention;
DROP ROLE regress_aipipe_retention;
