-- Who may profile what, and what is refused.
SET client_min_messages = warning;
CREATE SCHEMA profile_errors;
SET search_path = profile_errors, pg_catalog;
CREATE TABLE t (a int, b text);
INSERT INTO t SELECT i, 'b' FROM generate_series(1, 10) AS i;
CREATE ROLE profile_nobody;
CREATE ROLE profile_some;
GRANT USAGE ON SCHEMA profile_errors TO profile_nobody, profile_some;
GRANT SELECT (a) ON t TO profile_some;

-- arguments
SELECT 1 FROM aipipe.profile_table(NULL);
SELECT 1 FROM aipipe.profile_table('t', NULL);
SELECT 1 FROM aipipe.profile_table('t', 0);
SELECT 1 FROM aipipe.profile_table('t', 1.5);
SELECT 1 FROM aipipe.profile_table('t', 'NaN');
SELECT 1 FROM aipipe.profile_table('t', columns => '{}');
SELECT 1 FROM aipipe.profile_table('t', columns => '{a,bb}');
SELECT 1 FROM aipipe.profile_table('t', columns => '{ctid}');
SELECT 1 FROM aipipe.profile_table('t', workers => -1);
SELECT 1 FROM aipipe.profile_table('t', seed => NULL);
SELECT 1 FROM aipipe.profile_table(0::oid);
SELECT 1 FROM aipipe.profile_source(NULL);
SELECT 1 FROM aipipe.profile_source('nowhere');
SELECT 1 FROM aipipe.profile_source('DELETE FROM t');
SELECT 1 FROM aipipe.profile_source('SELECT 1 / (a - a) AS x FROM t');

-- what has no rows
CREATE SEQUENCE s;
CREATE INDEX i ON t (a);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
SELECT 1 FROM aipipe.profile_table('s');
SELECT 1 FROM aipipe.profile_table('i');
SELECT 1 FROM aipipe.profile_table('unfilled');

-- rights: as for SELECT *
SET ROLE profile_nobody;
SELECT 1 FROM aipipe.profile_table('t');
RESET ROLE;
SET ROLE profile_some;
SELECT 1 FROM aipipe.profile_table('t');
SELECT 1 FROM aipipe.profile_table('t', columns => '{a}');
SELECT column_name, rows FROM aipipe.profile_source('SELECT a FROM profile_errors.t');
SELECT 1 FROM aipipe.profile_source('SELECT b FROM profile_errors.t');
RESET ROLE;

-- row security
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON t FOR SELECT TO profile_some USING (a <= 3);
GRANT SELECT ON t TO profile_some;
SET ROLE profile_some;
SELECT column_name, rows, max FROM aipipe.profile_table('t');
SELECT column_name, rows, max FROM aipipe.profile_table('t', workers => 2);
RESET ROLE;
SELECT column_name, rows, max FROM aipipe.profile_table('t');
SET row_security = off;
SET ROLE profile_some;
SELECT 1 FROM aipipe.profile_table('t');
RESET ROLE;
RESET row_security;

-- a partitioned table's rights and policies hold, not its members'
CREATE TABLE p (a int, b int) PARTITION BY LIST (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
INSERT INTO p SELECT 1, i FROM generate_series(1, 10) AS i;
GRANT SELECT ON p TO profile_some;
SET ROLE profile_some;
SELECT column_name, rows FROM aipipe.profile_table('p');
SELECT 1 FROM aipipe.profile_table('p1');
RESET ROLE;
ALTER TABLE p ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON p FOR SELECT TO profile_some USING (b <= 3);
SET ROLE profile_some;
SELECT column_name, rows FROM aipipe.profile_table('p');
RESET ROLE;

-- a view's owner reads for whoever may read the view, and a query may not write
CREATE VIEW v AS SELECT b FROM t;
GRANT SELECT ON v TO profile_nobody;
SET ROLE profile_nobody;
SELECT column_name, rows FROM aipipe.profile_table('v');
RESET ROLE;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO profile_errors.t VALUES (11) RETURNING a';
CREATE VIEW w AS SELECT profile_errors.writes() AS a;
SELECT 1 FROM aipipe.profile_table('w');

-- a foreign table, where a wrapper for files is at hand; alone and as a partition
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') AS wrapped \gset
\if :wrapped
	CREATE EXTENSION file_fdw;
	CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
	CREATE FOREIGN TABLE f (a int, b int) SERVER files OPTIONS (program 'echo 2,20; echo 2,21', format 'csv');
\else
	CREATE TABLE f AS SELECT 2 AS a, 20 AS b UNION ALL SELECT 2, 21;
\endif
SELECT column_name, rows, max FROM aipipe.profile_table('f');
ALTER TABLE p ATTACH PARTITION f FOR VALUES IN (2);
SELECT column_name, rows, max FROM aipipe.profile_table('p');

DROP SCHEMA profile_errors CASCADE;
DROP EXTENSION IF EXISTS file_fdw CASCADE;
DROP ROLE profile_nobody;
DROP ROLE profile_some;
