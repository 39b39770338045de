-- Filling a column in batches: what may be filled, what goes on where, whose rights count.
SET client_min_messages = warning;
CREATE ROLE regress_apply_owner;
CREATE ROLE regress_apply_other;
CREATE SCHEMA model_apply;
GRANT USAGE ON SCHEMA model_apply TO PUBLIC;
GRANT CREATE ON SCHEMA model_apply TO regress_apply_owner;
CREATE SCHEMA apply_trap AUTHORIZATION regress_apply_owner;
SET search_path = model_apply;
-- A type with an ordering of its own, in a schema of its own.
CREATE TYPE backwards AS (x int);
CREATE FUNCTION bw_lt(backwards, backwards) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).x > ($2).x';
CREATE FUNCTION bw_le(backwards, backwards) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).x >= ($2).x';
CREATE FUNCTION bw_eq(backwards, backwards) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).x = ($2).x';
CREATE FUNCTION bw_ge(backwards, backwards) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).x <= ($2).x';
CREATE FUNCTION bw_gt(backwards, backwards) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).x < ($2).x';
CREATE FUNCTION bw_cmp(backwards, backwards) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT sign(($2).x - ($1).x)::int';
CREATE OPERATOR < (LEFTARG = backwards, RIGHTARG = backwards, FUNCTION = bw_lt);
CREATE OPERATOR <= (LEFTARG = backwards, RIGHTARG = backwards, FUNCTION = bw_le);
CREATE OPERATOR = (LEFTARG = backwards, RIGHTARG = backwards, FUNCTION = bw_eq, MERGES);
CREATE OPERATOR >= (LEFTARG = backwards, RIGHTARG = backwards, FUNCTION = bw_ge);
CREATE OPERATOR > (LEFTARG = backwards, RIGHTARG = backwards, FUNCTION = bw_gt);
CREATE OPERATOR CLASS backwards_ops DEFAULT FOR TYPE backwards USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bw_cmp(backwards, backwards);
SET ROLE regress_apply_owner;
CREATE TABLE t AS SELECT i AS id, i % 11 AS a, (ARRAY['x', 'y', 'z'])[1 + i % 3] AS k, i % 2 AS label FROM generate_series(1, 1000) i;
ALTER TABLE t ADD PRIMARY KEY (id);
ALTER TABLE t ADD p8 float8, ADD p4 real, ADD pn numeric(12, 6), ADD c text, ADD cv varchar(1), ADD n int,
	ADD "odd ""col" float8, ADD g float8 GENERATED ALWAYS AS (a + 1) STORED;
SELECT aipipe.model_train('apply_b', 'classification', 't', 'label', features => ARRAY['a', 'k'], params => '{"n_estimators": 4, "holdout": 0}');
SELECT aipipe.model_train('apply_b', 'classification', 't', 'label', features => ARRAY['a'], params => '{"n_estimators": 2, "holdout": 0}');
SELECT aipipe.model_train('apply_c', 'classification', 't', 'k', features => ARRAY['a', 'id'], params => '{"n_estimators": 4, "holdout": 0}');
SELECT aipipe.model_train('apply_r', 'regression', 't', 'a', features => ARRAY['id'], params => '{"n_estimators": 4, "holdout": 0}');
SELECT aipipe.anomaly_train('apply_d', 't', columns => ARRAY['a', 'k'], params => '{"algorithm": "isolation_forest", "n_estimators": 5}');
SET client_min_messages = notice;

-- Values and classes, of the champion, a version, a detector; batches that end within and at the table's end.
CALL aipipe.model_apply('apply_b', 't', 'p8');
CALL aipipe.model_apply('apply_b', 't', 'p4', version => 2, batch_size => 100);
CALL aipipe.model_apply('apply_r', 't', 'pn', batch_size => 333);
CALL aipipe.model_apply('apply_c', 't', 'c', batch_size => 999);
CALL aipipe.model_apply('apply_c', 't', 'cv', batch_size => 1000);
CALL aipipe.model_apply('apply_d', 't', 'odd "col', batch_size => 1000000);
SELECT count(*) FILTER (WHERE p8 IS DISTINCT FROM aipipe.model_predict('apply_b', t)) AS p8,
       count(*) FILTER (WHERE p4 IS DISTINCT FROM aipipe.model_predict('apply_b', t, 2)::real) AS p4,
       count(*) FILTER (WHERE pn IS DISTINCT FROM aipipe.model_predict('apply_r', t)::numeric(12, 6)) AS pn,
       count(*) FILTER (WHERE c IS DISTINCT FROM aipipe.model_predict_class('apply_c', t)) AS c,
       count(*) FILTER (WHERE cv IS DISTINCT FROM aipipe.model_predict_class('apply_c', t)) AS cv,
       count(*) FILTER (WHERE "odd ""col" IS DISTINCT FROM aipipe.anomaly_score('apply_d', t)) AS odd,
       count(*) AS rows
FROM t;
SELECT model, version, relation, "column", state, rows, last_key, started_by FROM aipipe.model_applies ORDER BY id;

-- Only where there is none.
UPDATE t SET p8 = -1 WHERE id <= 10;
UPDATE t SET p8 = NULL WHERE id IN (5, 500, 1000);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 2, params => '{"only_null": true}');
SELECT count(*) FILTER (WHERE p8 IS NULL) AS none, count(*) FILTER (WHERE p8 = -1) AS kept FROM t;
CALL aipipe.model_apply('apply_b', 't', 'p8', params => '{"only_null": true}');

-- A batch that fails stops the run; the next CALL goes on behind the last that committed.
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.id = 750 AND NOT EXISTS (SELECT FROM model_apply.go) THEN RAISE EXCEPTION 'stop' USING ERRCODE = 'P0009'; END IF;
	INSERT INTO model_apply.seen VALUES (new.id, current_user);
	RETURN new;
END $$;
CREATE TABLE go (x int);
CREATE TABLE seen (id int, who text);
CREATE TRIGGER stop BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stop();
\set VERBOSITY sqlstate
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 200);
\set VERBOSITY default
SELECT state, rows, last_key FROM aipipe.model_applies WHERE "column" = 'p8' ORDER BY id DESC LIMIT 1;
SELECT count(*) AS seen, max(id) FROM seen;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'object' AND objid = 't'::regclass;
INSERT INTO go VALUES (1);
SELECT aipipe.model_promote('apply_b', 2);
CALL aipipe.model_apply('apply_b', 't', 'p8', version => 1, batch_size => 150);
SELECT count(*) AS seen, count(DISTINCT id) AS ids, max(who) AS who FROM seen;
SELECT count(*) FILTER (WHERE p8 IS DISTINCT FROM aipipe.model_predict('apply_b', t, 1)) AS wrong FROM t;
SELECT state, rows, last_key FROM aipipe.model_applies WHERE "column" = 'p8' ORDER BY id DESC LIMIT 1;

-- Another version, or a restart, begins anew and replaces what was left.
DELETE FROM go;
\set VERBOSITY sqlstate
CALL aipipe.model_apply('apply_b', 't', 'p8', version => 1, batch_size => 200);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 200);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 200, params => '{"restart": true}');
\set VERBOSITY default
SELECT version, state, rows FROM aipipe.model_applies WHERE "column" = 'p8' ORDER BY id DESC LIMIT 3;
-- A key that is another now cannot be continued.
ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (k, id);
INSERT INTO go VALUES (1);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 90);
SELECT version, state, rows, last_key FROM aipipe.model_applies WHERE "column" = 'p8' ORDER BY id DESC LIMIT 2;
SELECT count(*) FILTER (WHERE p8 IS DISTINCT FROM aipipe.model_predict('apply_b', t)) AS wrong FROM t;
-- Nor can a run whose last row is gone, or lost its value: the table may be another one.
SET client_min_messages = warning;
CREATE TABLE remade (id int PRIMARY KEY, a int, k text, p float8);
CREATE TRIGGER stop BEFORE UPDATE ON remade FOR EACH ROW WHEN (new.id = 750) EXECUTE FUNCTION stop();
INSERT INTO remade SELECT i, 1, 'x' FROM generate_series(1, 800) i;
DELETE FROM go;
\set VERBOSITY sqlstate
CALL aipipe.model_apply('apply_b', 'remade', 'p', batch_size => 300);
TRUNCATE remade;
INSERT INTO remade SELECT i, 2, 'x' FROM generate_series(1, 700) i;
\set VERBOSITY default
SET client_min_messages = notice;
CALL aipipe.model_apply('apply_b', 'remade', 'p', batch_size => 300);
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM aipipe.model_predict('apply_b', remade)) AS wrong FROM remade;
DROP TRIGGER stop ON t;

-- Keys of many kinds; partitions; domains; a unique key without NULLs; operators of two schemas.
SET client_min_messages = warning;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'fine');
CREATE TABLE keys (m mood, d positive, at timestamptz, f float8, txt text COLLATE "C", a int, k text, p float8,
	PRIMARY KEY (m, d, at, f, txt)) PARTITION BY LIST (m);
CREATE TABLE keys_sad PARTITION OF keys FOR VALUES IN ('sad');
CREATE TABLE keys_fine PARTITION OF keys FOR VALUES IN ('fine');
INSERT INTO keys SELECT (ARRAY['sad', 'fine'])[1 + i % 2]::mood, 1 + i % 5, '2026-01-01 00:00+00'::timestamptz + i * interval '1 us',
	i / 7.0, repeat('o', i % 4) || '"', i % 11, (ARRAY['x', 'y', 'z'])[1 + i % 3] FROM generate_series(1, 500) i;
CALL aipipe.model_apply('apply_b', 'keys', 'p', version => 1, batch_size => 37);
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM aipipe.model_predict('apply_b', keys, 1)) AS wrong, count(*) FROM keys;
SELECT rows, last_key FROM aipipe.model_applies WHERE relation = 'model_apply.keys';
CREATE TABLE two (a int, b backwards, c int, k text, p float8, PRIMARY KEY (a, b, c));
INSERT INTO two SELECT i % 4, ROW(i % 5)::backwards, i, 'x' FROM generate_series(1, 300) i;
CALL aipipe.model_apply('apply_b', 'two', 'p', version => 1, batch_size => 7);
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM aipipe.model_predict('apply_b', two, 1)) AS wrong, count(*) FROM two;
SELECT rows, last_key FROM aipipe.model_applies WHERE relation = 'model_apply.two';
CREATE TABLE uniq (u text NOT NULL UNIQUE, a int, k text, p float8);
INSERT INTO uniq SELECT 'u' || i, i % 11, 'x' FROM generate_series(1, 300) i;
CREATE TABLE child (extra int) INHERITS (uniq);
INSERT INTO child VALUES ('c', 1, 'x');
CALL aipipe.model_apply('apply_b', 'uniq', 'p', version => 1, batch_size => 50);
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM aipipe.model_predict('apply_b', uniq, 1)) AS wrong, count(*), (SELECT p FROM child) AS child FROM uniq;
CREATE TABLE empty (id int PRIMARY KEY, a int, k text, p float8);
CALL aipipe.model_apply('apply_b', 'empty', 'p');
SELECT state, rows, last_key FROM aipipe.model_applies WHERE relation = 'model_apply.empty';
CREATE TEMP TABLE temporary AS SELECT * FROM uniq;
ALTER TABLE temporary ADD PRIMARY KEY (u);
CALL aipipe.model_apply('apply_b', 'temporary', 'p', version => 1, batch_size => 299);
SELECT count(p) FROM temporary;

-- What cannot be.
CREATE VIEW v AS SELECT * FROM t;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
CREATE TABLE keyless (a int, k text, p float8);
CREATE TABLE arrays (id int[] PRIMARY KEY, a int, k text, p float8);
CREATE TABLE narrow (id int PRIMARY KEY, p float8);
CREATE TABLE floaty (id float8 PRIMARY KEY, a int, k text);
CREATE TABLE ruled (id int PRIMARY KEY, a int, k text, p float8);
INSERT INTO ruled VALUES (1, 2, 'x');
CREATE RULE r AS ON UPDATE TO ruled DO INSTEAD NOTHING;
CALL aipipe.model_apply('apply_b', 'v', 'p8');
CALL aipipe.model_apply('apply_b', 'mv', 'p8');
CALL aipipe.model_apply('apply_b', 'keyless', 'p');
CALL aipipe.model_apply('apply_b', 'arrays', 'p');
CALL aipipe.model_apply('apply_b', 'narrow', 'p');
CALL aipipe.model_apply('apply_b', 'floaty', 'id');
CALL aipipe.model_apply('apply_b', 'ruled', 'p');
CALL aipipe.model_apply('apply_b', 't', 'p9');
CALL aipipe.model_apply('apply_b', 't', 'ctid');
CALL aipipe.model_apply('apply_b', 't', 'g');
CALL aipipe.model_apply('apply_b', 't', 'n');
CALL aipipe.model_apply('apply_c', 't', 'p8');
CALL aipipe.model_apply('apply_r', 't', 'c');
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 0);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 1000001);
CALL aipipe.model_apply('apply_b', 't', 'p8', version => 7);
CALL aipipe.model_apply('apply_b', 't', 'p8', params => '{"restrat": true}');
CALL aipipe.model_apply('apply_x', 't', 'p8');
CALL aipipe.model_apply(NULL, 't', 'p8');
CALL aipipe.model_apply('apply_b', NULL, 'p8');
CALL aipipe.model_apply('apply_b', 't', NULL);
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => NULL);
CALL aipipe.model_apply('apply_b', 4294967295, 'p8');
BEGIN;
CALL aipipe.model_apply('apply_b', 't', 'p8');
ROLLBACK;
\set SHOW_CONTEXT never
DO $$ BEGIN BEGIN CALL aipipe.model_apply('apply_b', 't', 'p8'); EXCEPTION WHEN division_by_zero THEN NULL; END; END $$;
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL aipipe.model_apply('apply_b', 't', 'p8'); END $$;
SELECT f();
SET default_transaction_read_only = on;
CALL aipipe.model_apply('apply_b', 't', 'p8');
RESET default_transaction_read_only;
-- A value that the column refuses leaves nothing of its batch.
ALTER TABLE t ADD small numeric(2, 2) CHECK (small < 0.000001);
\set VERBOSITY sqlstate
CALL aipipe.model_apply('apply_d', 't', 'small');
\set VERBOSITY default
SELECT count(small) FROM t;

-- Inside a procedure that may commit, it may.
DO $$ BEGIN CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 400); COMMIT; CALL aipipe.model_apply('apply_b', 't', 'p4', batch_size => 400); END $$;
SELECT count(*) FILTER (WHERE p8 IS DISTINCT FROM aipipe.model_predict('apply_b', t)) AS wrong,
       count(*) FILTER (WHERE p4 IS DISTINCT FROM p8::real) AS other FROM t;

-- Rights are the caller's: on the model, to read and to write; row security holds.
SET ROLE regress_apply_other;
CALL aipipe.model_apply('apply_b', 't', 'p8');
SET ROLE regress_apply_owner;
SELECT aipipe.model_grant('apply_b', 'regress_apply_other');
SET ROLE regress_apply_other;
CALL aipipe.model_apply('apply_b', 't', 'p8');
SET ROLE regress_apply_owner;
GRANT SELECT ON t TO regress_apply_other;
SET ROLE regress_apply_other;
CALL aipipe.model_apply('apply_b', 't', 'p8');
SET ROLE regress_apply_owner;
REVOKE SELECT ON t FROM regress_apply_other;
GRANT SELECT (id, k, a), UPDATE (p8) ON t TO regress_apply_other;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON t TO regress_apply_other USING (id > 900) WITH CHECK (true);
UPDATE t SET p8 = -2;
SET client_min_messages = notice;
SET ROLE regress_apply_other;
CALL aipipe.model_apply('apply_b', 't', 'p8', batch_size => 30);
CALL aipipe.model_apply('apply_b', 't', 'p4');
SELECT relation, "column", state, rows FROM aipipe.model_applies;
SET ROLE regress_apply_owner;
SELECT count(*) FILTER (WHERE p8 <> -2) AS filled, min(id) FILTER (WHERE p8 <> -2) AS first FROM t;
SELECT started_by, rows FROM aipipe.model_applies WHERE relation = 'model_apply.t' ORDER BY id DESC LIMIT 1;

-- A search_path full of traps changes nothing.
CREATE FUNCTION apply_trap.trap(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR apply_trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = apply_trap.trap);
CREATE OPERATOR apply_trap.> (LEFTARG = int, RIGHTARG = int, FUNCTION = apply_trap.trap);
CREATE OPERATOR apply_trap.>= (LEFTARG = int, RIGHTARG = int, FUNCTION = apply_trap.trap);
CREATE OPERATOR apply_trap.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = apply_trap.trap);
CREATE FUNCTION apply_trap.unnest(int[]) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
SET search_path = apply_trap, pg_catalog;
CALL aipipe.model_apply('apply_b', 'model_apply.t', 'p8', batch_size => 600);
SET search_path = model_apply;
SET client_min_messages = warning;

-- A key is what the column's own equality holds apart: not an index that tells A from a where the column does not.
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE nocase (k text COLLATE nocase NOT NULL, a int, p float8);
CREATE UNIQUE INDEX ON nocase (k COLLATE "C");
INSERT INTO nocase VALUES ('a', 1), ('A', 9);
CALL aipipe.model_apply('apply_b', 'nocase', 'p', version => 2);
DELETE FROM nocase WHERE a = 9;
CREATE UNIQUE INDEX ON nocase (k);
CALL aipipe.model_apply('apply_b', 'nocase', 'p', version => 2);
SELECT p = aipipe.model_predict('apply_b', n, 2) AS filled FROM nocase n;

-- Runs go with their model.
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'apply%';
SELECT count(*) FROM aipipe.model_applies WHERE relation LIKE 'model_apply%';
RESET ROLE;
DROP SCHEMA apply_trap, model_apply CASCADE;
DROP OWNED BY regress_apply_owner, regress_apply_other;
DROP ROLE regress_apply_owner, regress_apply_other;
