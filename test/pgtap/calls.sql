-- No C function falls over whatever it is called with: every call ends in a result or in an error that is meant.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
SET search_path = public, pg_catalog;

CREATE TABLE probe (a float8, b text, c timestamptz);
INSERT INTO probe SELECT i, 'x' || i % 3, now() FROM generate_series(1, 50) i;

-- Calls a function with values of one kind and gives its SQLSTATE, 00000 when it succeeds.
CREATE FUNCTION pg_temp.call(function regprocedure, kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
    code text := '00000';
    message text := '';
BEGIN
    SELECT string_agg(
        CASE WHEN kind = 'null' THEN format('NULL::%s', shown)
             WHEN kind = 'record' AND type = 'record' THEN '(SELECT p FROM probe p LIMIT 1)'
             WHEN kind = 'wide' AND type = 'record' THEN 'ROW(' || repeat('1,', 1599) || '1)'
             WHEN type = 'record' THEN 'ROW(1, NULL::text, ''NaN''::float8)'
             ELSE coalesce(given, format('NULL::%s', shown)) || '::' || shown
        END, ', ' ORDER BY n)
    INTO arguments
    FROM (
        SELECT n, t.typname AS type,
               CASE WHEN t.typtype = 'p' AND t.typname <> 'record' THEN 'int' ELSE format_type(t.oid, NULL) END AS shown,
               CASE
               WHEN kind IN ('empty', 'wide') THEN
                   CASE WHEN t.typcategory = 'A' THEN '''{}''' WHEN t.typname IN ('text', 'name', 'bytea') THEN ''''''
                        WHEN t.typname = 'jsonb' THEN '''{}''' WHEN t.typcategory IN ('N') AND t.typname !~ '^reg' THEN '0' END
               WHEN kind = 'hostile' THEN
                   CASE WHEN t.typcategory = 'A' THEN '''{"\"; DROP TABLE probe; --",NULL}'''
                        WHEN t.typname IN ('text', 'name') THEN quote_literal('"; DROP TABLE probe; --')
                        WHEN t.typname = 'bytea' THEN '''\x7b00ff'''
                        WHEN t.typname = 'jsonb' THEN '''{"no such key": [1, {"a": null}]}'''
                        WHEN t.typname = 'regclass' THEN '''pg_class'''
                        WHEN t.typname IN ('float8', 'float4', 'numeric') THEN '''NaN'''
                        WHEN t.typname = 'int4' THEN '-2147483648' WHEN t.typname = 'int8' THEN '-9223372036854775808'
                        WHEN t.typname = 'bool' THEN 'true' END
               ELSE
                   CASE WHEN t.typname = 'text' THEN '''probe''' WHEN t.typname = 'name' THEN '''a'''
                        WHEN t.typname = 'regclass' THEN '''probe'''
                        WHEN t.typname = 'int4' THEN '2147483647' WHEN t.typname = 'int8' THEN '9223372036854775807'
                        WHEN t.typname IN ('float8', 'float4') THEN '''-Infinity'''
                        WHEN t.typname = 'jsonb' THEN '''[]''' WHEN t.typname = 'bool' THEN 'false'
                        WHEN t.typcategory = 'A' THEN 'ARRAY[''a'', ''a'']' WHEN t.typname = 'bytea' THEN '''{}''' END
               END AS given
        FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY u(id, n) JOIN pg_type t ON t.oid = u.id
        WHERE p.oid = function) a;
    BEGIN
        EXECUTE format('SELECT count(*) FROM aipipe.%I(%s) c', (SELECT proname FROM pg_proc WHERE oid = function), arguments);
        RAISE EXCEPTION USING ERRCODE = 'U0000';        -- undoes what the call did
    EXCEPTION
        WHEN SQLSTATE 'U0000' THEN code := '00000';
        WHEN OTHERS THEN code := SQLSTATE; message := SQLERRM;
    END;
    RETURN CASE WHEN code LIKE 'XX%' OR code LIKE '42601' OR message = '' AND code <> '00000'
                THEN code || ' ' || message || ': ' || arguments ELSE code END;
END $$;

CREATE TEMP TABLE call AS
SELECT p.oid::regprocedure AS function, kind
FROM pg_proc p, unnest(ARRAY['null', 'empty', 'hostile', 'record', 'wide']) kind
WHERE p.pronamespace = 'aipipe'::regnamespace AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND NOT 'internal'::regtype = ANY (p.proargtypes) AND p.prokind = 'f';

SELECT plan((SELECT count(*)::int FROM call) + 2);
SELECT unalike(pg_temp.call(function, kind), 'XX%', format('%s, %s', function::text, kind))
FROM call ORDER BY function::text, kind;
SELECT is((SELECT count(*) FROM probe), 50::bigint, 'the probe table is as it was');
SELECT is((SELECT count(*) FROM aipipe.model), 0::bigint, 'no model was left behind');
SELECT * FROM finish();
