-- What must hold for every object of the extension, whoever adds it.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
SET search_path = public, pg_catalog;
BEGIN;
SELECT plan(34);

-- The extension's members by class.
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aipipe');
CREATE TEMP VIEW routine AS
SELECT p.*, l.lanname, p.oid::regprocedure::text AS signature
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass);
CREATE TEMP VIEW relation AS
SELECT c.*, c.oid::regclass::text AS label FROM pg_class c
WHERE c.relnamespace = 'aipipe'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f');

SELECT ok((SELECT count(*) > 10 FROM routine), 'there are functions to look at');
SELECT ok((SELECT count(*) > 3 FROM relation WHERE relkind = 'r'), 'there are tables to look at');
SELECT ok((SELECT count(*) > 3 FROM relation WHERE relkind = 'v'), 'there are views to look at');

-- Functions.
SELECT is_empty($$SELECT signature FROM routine WHERE pronamespace <> 'aipipe'::regnamespace$$,
    'functions are in schema aipipe');
SELECT is_empty($$SELECT signature FROM routine WHERE prosecdef$$, 'no function is SECURITY DEFINER');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname IN ('sql', 'plpgsql')
    AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false) AND prokind <> 'p'$$,
    'SQL and PL/pgSQL functions fix their search_path');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname = 'c' AND proconfig IS NOT NULL$$,
    'C functions have no SET clause');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname NOT IN ('c', 'sql', 'plpgsql', 'internal')$$,
    'no other language is needed');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname = 'c' AND probin <> '$libdir/aipipe'$$,
    'C functions are in our library');
SELECT is_empty($$SELECT signature FROM routine WHERE obj_description(oid, 'pg_proc') IS NULL$$,
    'every function has a comment');
SELECT is_empty($$SELECT signature FROM routine WHERE proacl IS NULL$$,
    'who may execute a function is said for each');
-- gate_trigger and job_landed are: a table's owner restores a dump with its triggers.  They act only for a gate or job that knows the table.
SELECT is_empty($$SELECT signature FROM routine WHERE prorettype = 'trigger'::regtype
    AND has_function_privilege('public', oid, 'EXECUTE') AND proname NOT IN ('gate_trigger', 'job_landed')$$,
    'trigger functions are not for everybody');
SELECT is_empty($$SELECT signature FROM routine
    WHERE pronargs > 0 AND lanname <> 'internal' AND prorettype NOT IN ('trigger'::regtype)
      AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))
      AND oid NOT IN (SELECT aggfnoid FROM pg_aggregate)
      AND NOT EXISTS (SELECT FROM pg_type t
                      WHERE routine.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
      AND prokind = 'f' AND NOT 'internal'::regtype = ANY (proargtypes)$$,
    'arguments have names');
SELECT is_empty($$SELECT signature FROM routine
    WHERE NOT ((provolatile IN ('s', 'i') AND proparallel = 's')
            OR (provolatile = 'v' AND proparallel = 'u')
            OR prorettype = 'trigger'::regtype
            OR proname IN ('model_cache', 'progress_list', 'job_current_run', 'worker_status'))$$,
    'a function reads (STABLE, PARALLEL SAFE) or writes (VOLATILE, PARALLEL UNSAFE)');
SELECT is_empty($$SELECT signature FROM routine
    WHERE proname ~ '_(predict|predict_class|predict_proba|score|explain|importance|export)$'
      AND NOT (provolatile = 's' AND proparallel = 's')$$,
    'scorers and explainers are STABLE and PARALLEL SAFE');
SELECT is_empty($$SELECT signature FROM routine
    WHERE proname ~ '_(train|refresh|evaluate|alias|promote|rollback|drop|grant|revoke|import|create|pause|resume|release|discard|describe|apply|split|prune)$'
      AND NOT (provolatile = 'v' AND proparallel = 'u')$$,
    'writers are VOLATILE and PARALLEL UNSAFE');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname = 'c' AND provolatile = 'i'
    AND prorettype <> 'trigger'::regtype AND proname ~ '^(model|anomaly|series|arrival|gate)_'$$,
    'nothing that looks at a table is IMMUTABLE');
SELECT is_empty($$SELECT signature FROM routine WHERE proname !~ '^(model|profile|sketch|source|anomaly|series|arrival|gate|quarantine|batch|prediction|job|worker|core|progress)_'$$,
    'a function''s name begins with its room''s word');

-- Relations and types.
SELECT is_empty($$SELECT label FROM relation WHERE obj_description(oid, 'pg_class') IS NULL
    AND relkind <> 'S'$$, 'every table and view has a comment');
SELECT is_empty($$SELECT t.oid::regtype::text FROM pg_type t
    WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
      AND t.typrelid = 0 AND t.typelem = 0 AND obj_description(t.oid, 'pg_type') IS NULL$$,
    'every type has a comment');
SELECT is_empty($$SELECT label FROM relation WHERE relkind IN ('r', 'p') AND relname !~ '_data$'$$,
    'base tables are called <name>_data');
SELECT is_empty($$SELECT label FROM relation WHERE relpersistence <> 'p'$$, 'no table forgets at a crash');
SELECT is_empty($$SELECT label || '.' || attname || ' ' || format_type(atttypid, atttypmod)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
    WHERE r.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
      AND (atttypid IN ('oid'::regtype, 'xid'::regtype, 'cid'::regtype, 'tid'::regtype)
           OR (format_type(atttypid, atttypmod) ~ '^reg'
               AND atttypid NOT IN ('regclass'::regtype, 'regtype'::regtype, 'regrole'::regtype)))$$,
    'no column would stop pg_upgrade or mean something else after a restore');
SELECT is_empty($$SELECT label FROM relation WHERE relkind IN ('r', 'p') AND relhastriggers
    AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = relation.oid AND NOT tgisinternal)$$,
    'our tables have no triggers, which a restore would fire');
-- worker_data is not: whether jobs may run is said of this database, not of a copy.
SELECT is_empty($$SELECT label FROM relation WHERE relkind IN ('r', 'S') AND relname <> 'worker_data'
    AND NOT oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'aipipe')::oid[])$$,
    'every table and every sequence is dumped');
SELECT is_empty($$SELECT conrelid::regclass || ' ' || conname FROM pg_constraint
    WHERE contype = 'f' AND connamespace = 'aipipe'::regnamespace$$,
    'no foreign keys, which a parallel restore of an extension''s tables would violate');

-- Privileges.
CREATE TEMP VIEW grants AS
SELECT r.label, r.relkind, a.grantee, a.privilege_type, r.relowner
FROM relation r, aclexplode(coalesce(r.relacl, acldefault(CASE WHEN r.relkind = 'S' THEN 's'::"char" ELSE 'r' END, r.relowner))) a;
SELECT is_empty($$SELECT label, privilege_type FROM grants WHERE grantee = 0 AND relkind <> 'v'$$,
    'PUBLIC has nothing on tables and sequences');
SELECT is_empty($$SELECT label, privilege_type FROM grants WHERE grantee = 0 AND privilege_type <> 'SELECT'$$,
    'PUBLIC has nothing but SELECT on views');
SELECT is_empty($$SELECT label, privilege_type, grantee::regrole FROM grants
    WHERE grantee <> relowner AND privilege_type IN ('TRIGGER', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES')$$,
    'nobody but the owner may write, or attach a trigger');
SELECT is_empty($$SELECT label FROM relation WHERE relkind = 'v'
    AND NOT coalesce(reloptions @> ARRAY['security_barrier=true'], false)$$, 'every view is a security barrier');
SELECT is_empty($$SELECT DISTINCT r.label FROM relation r
    JOIN grants g ON g.label = r.label AND g.grantee = 0
    JOIN pg_rewrite w ON w.ev_class = r.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class base ON base.oid = d.refobjid AND base.relkind IN ('r', 'p')
    WHERE pg_get_viewdef(r.oid) !~ 'pg_has_role'
      AND NOT EXISTS (SELECT FROM pg_depend d2 JOIN relation r2 ON r2.oid = d2.refobjid AND r2.relkind = 'v' AND r2.oid <> r.oid
                      WHERE d2.classid = 'pg_rewrite'::regclass AND d2.objid = w.oid AND d2.refclassid = 'pg_class'::regclass)$$,
    'a view of a base table that PUBLIC reads asks for the role, or joins one that does');
SELECT is_empty($$SELECT privilege_type FROM pg_namespace, aclexplode(nspacl)
    WHERE nspname = 'aipipe' AND grantee = 0 AND privilege_type <> 'USAGE'$$, 'PUBLIC may use the schema, not create in it');
SELECT is((SELECT extnamespace::regnamespace::text || ' ' || extrelocatable FROM pg_extension WHERE extname = 'aipipe'),
    'pg_catalog false', 'the extension is fixed to its schema');
SELECT is_empty($$SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass) AND nspname <> 'aipipe'$$,
    'nothing of ours is in another schema');

SELECT * FROM finish();
ROLLBACK;
