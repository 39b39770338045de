-- Work inside of work: the innermost is shown, and its end shows the outer one again.
SET client_min_messages = warning;
SELECT count(*) FROM aipipe.progress WHERE pid = pg_backend_pid();
CREATE TABLE progress_t (id int PRIMARY KEY, a float8, p float8, y float8);
INSERT INTO progress_t SELECT i, i % 5, NULL, i % 7 FROM generate_series(1, 60) i;
CREATE TABLE progress_seen (id int, at text, what text, phase text, done bigint, total bigint);
SELECT aipipe.model_train('progress_m', 'regression', 'progress_t', 'y', features => ARRAY['a'], params => '{"n_estimators": 2}');
ANALYZE progress_t;
CREATE FUNCTION progress_look(id int, at text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_stat_clear_snapshot();
	INSERT INTO progress_seen
	SELECT progress_look.id, progress_look.at, p.what, p.phase, p.done, p.total FROM aipipe.progress p WHERE pid = pg_backend_pid();
	IF NOT FOUND THEN INSERT INTO progress_seen VALUES (id, at); END IF;
END $$;
CREATE FUNCTION progress_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM progress_look(new.id, 'before');
	IF new.id = 30 THEN
		PERFORM aipipe.model_train('progress_inner', 'regression', 'SELECT i AS id, i % 4 AS a, i % 3 AS y FROM generate_series(1, 100) i', 'y', params => '{"n_estimators": 2}');
	ELSE
		BEGIN
			PERFORM aipipe.model_train('progress_inner', 'regression', 'SELECT i AS id, 1 / (i - 50) AS y FROM generate_series(1, 100) i', 'y');
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	END IF;
	PERFORM progress_look(new.id, 'after');
	RETURN new;
END $$;
CREATE TRIGGER look BEFORE UPDATE ON progress_t FOR EACH ROW WHEN (new.id IN (30, 50)) EXECUTE FUNCTION progress_trigger();
CALL aipipe.model_apply('progress_m', 'progress_t', 'p', batch_size => 10);
-- Row 30's training ended by itself; that of row 50 failed, and the abort of its block took the place from all.
SELECT * FROM progress_seen ORDER BY id, at DESC;
SELECT count(*) FROM aipipe.progress WHERE pid = pg_backend_pid();

-- A training is seen by the source that it reads, here as the classes that it learns; inside a block it is gone at its end.
SELECT aipipe.model_train('progress_c', 'classification',
	'SELECT a, (SELECT what || phase FROM aipipe.progress WHERE pid = pg_backend_pid()) || id % 2 AS y FROM progress_t', 'y', params => '{"n_estimators": 2}');
SELECT classes FROM aipipe.model_version WHERE model = 'progress_c';
BEGIN;
SELECT aipipe.model_train('progress_m', 'regression', 'progress_t', 'y', features => ARRAY['a'], params => '{"n_estimators": 2}');
SELECT count(*) FROM aipipe.progress WHERE pid = pg_backend_pid();
COMMIT;
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'progress%';
DROP TABLE progress_t, progress_seen;
DROP FUNCTION progress_look, progress_trigger;
