-- DROP EXTENSION leaves nothing, and the extension comes only into a database without schema aipipe.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
SET search_path = public, pg_catalog;
SELECT plan(8);

-- Every object that exists, by catalog, but for pgTAP's own temporary ones.
CREATE VIEW thing AS
SELECT 'relation' AS kind, oid::text AS id FROM pg_class WHERE relpersistence <> 't'
    AND relnamespace::regnamespace::text NOT IN ('pg_toast', 'public') AND relnamespace::regnamespace::text !~ '^pg_temp'
UNION ALL SELECT 'function', oid::text FROM pg_proc
UNION ALL SELECT 'namespace', oid::text FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)'
UNION ALL SELECT 'extension', oid::text FROM pg_extension
UNION ALL SELECT 'trigger', oid::text FROM pg_trigger
UNION ALL SELECT 'operator', oid::text FROM pg_operator
UNION ALL SELECT 'cast', oid::text FROM pg_cast
UNION ALL SELECT 'role', oid::text FROM pg_authid
UNION ALL SELECT 'event trigger', oid::text FROM pg_event_trigger
UNION ALL SELECT 'opclass', oid::text FROM pg_opclass
UNION ALL SELECT 'comment', count(*)::text FROM pg_description WHERE classoid <> 'pg_extension'::regclass
UNION ALL SELECT 'init privilege', count(*)::text FROM pg_init_privs;

DROP EXTENSION aipipe;
CREATE TABLE before AS SELECT * FROM thing;
SELECT hasnt_schema('aipipe', 'the schema goes with the extension');
SELECT is_empty($$SELECT proname FROM pg_proc WHERE probin ~ 'aipipe'$$, 'so do the functions');
CREATE EXTENSION aipipe;
SELECT has_schema('aipipe', 'and both come again');
DROP EXTENSION aipipe;
SELECT is_empty($$SELECT * FROM thing WHERE (kind, id) NOT IN (SELECT kind, id FROM before)$$, 'nothing is left');
SELECT is_empty($$SELECT * FROM before WHERE (kind, id) NOT IN (SELECT kind, id FROM thing)$$, 'nothing is missing');

CREATE SCHEMA aipipe;
SELECT throws_ok('CREATE EXTENSION aipipe', '42P06', 'schema "aipipe" already exists', 'a schema of that name stops it');
SELECT throws_ok('CREATE EXTENSION aipipe SCHEMA public', '0A000', NULL, 'it goes nowhere else');
DROP SCHEMA aipipe;
SELECT lives_ok('CREATE EXTENSION aipipe', 'without it, it installs');
SELECT * FROM finish();
