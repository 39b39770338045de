-- Reading sources: directly and by query, sampled, cut short, within a budget.
SET search_path = public, aipipe_test;
CREATE TABLE big AS SELECT i AS id, 'row ' || i AS note FROM generate_series(1, 12345) AS i;
CREATE VIEW big_view AS SELECT * FROM big;
-- the same rows in the same order, the same sample
SELECT a = b AS same, (a).nrows FROM source_read('big') AS a, source_read('SELECT * FROM big') AS b;
SELECT a = b AS same, (a).nrows BETWEEN 1100 AND 1400 AS tenth FROM source_read('big', 0.1, 7) AS a, source_read('big_view', 0.1, 7) AS b;
SELECT a = b AS same_seed, a = c AS other_seed FROM source_read('big', 0.1, 7) AS a, source_read('big', 0.1, 7) AS b, source_read('big', 0.1, 8) AS c;
SELECT (source_read('big', 0)).nrows AS none, (source_read('big_view', 0)).nrows AS none, (source_read('SELECT 1 AS x WHERE false')).nrows AS none;
-- a fetch that is exactly full, and one row more or less
SELECT n, (source_read('SELECT * FROM generate_series(1, ' || n || ') AS g')).nrows FROM unnest(ARRAY[0, 1, 999, 1000, 1001, 2000, 2001]) AS n;
-- wide rows end a fetch early
SELECT (source_read('SELECT repeat(md5(i::text), 10000) FROM generate_series(1, 50) AS i')).nrows;
-- ending before the end
SELECT (source_read('big', stop_after => 5)).nrows AS direct, (source_read('big_view', stop_after => 1005)).nrows AS query, (source_read('big_view', stop_after => 0)).nrows AS none;
-- one source inside another, with SPI in between
CREATE FUNCTION inner_read(i int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT nrows + i FROM source_read('SELECT * FROM big LIMIT ' || i)); END $$;
SELECT (source_read('SELECT inner_read(i) FROM generate_series(1, 1500) AS i WHERE i % 100 = 0')).*;
SHOW transaction_read_only;
-- what cannot be written from inside a source
CREATE TABLE written (x int);
CREATE SEQUENCE seq;
CREATE FUNCTION writer() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (1); RETURN 1; END $$;
CREATE FUNCTION late_writer(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF i = 1500 THEN INSERT INTO written VALUES (1); END IF; RETURN 1; END $$;
CREATE FUNCTION unlocker() RETURNS int LANGUAGE plpgsql AS $$ BEGIN SET LOCAL transaction_read_only = off; INSERT INTO written VALUES (1); RETURN 1; END $$;
SELECT source_read('SELECT writer()');
SELECT source_read('SELECT late_writer(i) FROM generate_series(1, 2000) AS i');
SELECT source_read('SELECT unlocker()');
SELECT source_read('SELECT nextval(''seq'')');
SELECT count(*) FROM written;
BEGIN;
SELECT (source_read('SELECT inner_read(3)')).nrows;
INSERT INTO written VALUES (2);
SHOW transaction_read_only;
SHOW synchronize_seqscans;
SAVEPOINT s;
SELECT source_read('SELECT writer()');
ROLLBACK TO s;
INSERT INTO written VALUES (3);
COMMIT;
SELECT count(*) FROM written;
-- rows added by the same transaction are seen, the snapshot is the statement's
BEGIN;
INSERT INTO big VALUES (0, 'new');
SELECT (source_read('big')).nrows;
ROLLBACK;
-- the budget is kept
SELECT encoder_learn('SELECT i, i + 1 AS j FROM generate_series(1, 1000000) AS i', budget => 1048576);
-- what is direct and what is not
CREATE TABLE parent (a int);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE parts (a int) PARTITION BY RANGE (a);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE MATERIALIZED VIEW mat AS SELECT * FROM big;
CREATE TEMP TABLE tmp (a int);
CREATE TABLE policed (a int, who text);
INSERT INTO policed SELECT i, CASE WHEN i < 3 THEN 'regress_aipipe_reader' ELSE 'other' END FROM generate_series(1, 10) AS i;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policed USING (who = current_user);
SELECT s AS source, d.* FROM unnest(ARRAY['big', 'public.big', ' "big" ', 'big_view', 'parent', 'child', 'parts', 'part1', 'mat', 'pg_temp.tmp', 'policed', 'pg_am',
    'TABLE big', 'VALUES (1), (2)', '(SELECT id FROM big)', 'SELECT id FROM big;', 'WITH w AS (SELECT 1 AS one) SELECT one FROM w', 'SELECT*FROM big', 'SELECT inner_read(1) + 1 AS x']) AS s, source_describe(s) AS d;
-- names mean what they meant to the caller, and the stored text says which
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.big (z int);
SET search_path = elsewhere, aipipe_test;
SELECT resolved FROM source_describe('big');
SELECT resolved FROM source_describe('SELECT z FROM big WHERE z > 1');
SET search_path = public, aipipe_test;
-- rights
CREATE ROLE regress_aipipe_reader;
GRANT USAGE ON SCHEMA aipipe_test TO regress_aipipe_reader;
GRANT SELECT (id) ON big TO regress_aipipe_reader;
GRANT SELECT ON policed, big_view TO regress_aipipe_reader;
SET ROLE regress_aipipe_reader;
SELECT source_describe('big');
SELECT source_describe('mat');
SELECT source_read('SELECT * FROM big');
SELECT nrows FROM source_read('SELECT id FROM big');
SELECT nrows FROM source_read('big_view');
SELECT direct FROM source_describe('policed');
SELECT nrows FROM source_read('policed');
SET row_security = off;
SELECT nrows FROM source_read('policed');
RESET row_security;
SELECT source_describe('elsewhere.big');
SELECT source_describe('pg_authid');
RESET ROLE;
SELECT nrows FROM source_read('policed');
DROP VIEW big_view; DROP MATERIALIZED VIEW mat; DROP TABLE big, child, parent, parts, policed, written CASCADE; DROP SEQUENCE seq;
DROP FUNCTION inner_read(int), writer(), late_writer(int), unlocker();
DROP SCHEMA elsewhere CASCADE;
REVOKE ALL ON SCHEMA aipipe_test FROM regress_aipipe_reader;
DROP ROLE regress_aipipe_reader;
