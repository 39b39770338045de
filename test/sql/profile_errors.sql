-- Bad input to sketches ends in a clear error.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA profile_errors;
SET search_path = profile_errors;
CREATE TABLE s AS SELECT aipipe.profile_sketch(i) AS n, aipipe.profile_sketch(i::text) AS t, aipipe.profile_sketch(now() + i * interval '1 day', now()) AS at, aipipe.profile_sketch(i % 2 = 0) AS b FROM generate_series(1, 20) i;

-- what is no sketch
SELECT ''::aipipe.sketch;
SELECT 'a sketch'::aipipe.sketch;
SELECT '\x'::aipipe.sketch;
SELECT '\x0'::aipipe.sketch;
SELECT '\x0g'::aipipe.sketch;
SELECT '\x02'::aipipe.sketch;
SELECT '\x0109'::aipipe.sketch;
SELECT '\x010080'::aipipe.sketch;
SELECT '\x01000107'::aipipe.sketch;
SELECT '\x01000000000000'::aipipe.sketch;
SELECT '\x0100000002'::aipipe.sketch;
SELECT '\x010000000101'::aipipe.sketch;
SELECT '\x0100000005'::aipipe.sketch;
SELECT '\x0101030005'::aipipe.sketch;
SELECT ('\x' || repeat('00', 20000))::aipipe.sketch;
-- one thing changed in a sketch of three integers: its bytes are \x01 01 03 07 'integer' 03 00 0c 02 00 00 000000 <moments> <extremes> …
CREATE FUNCTION refusal(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	code text;
BEGIN
	RETURN 'read: ' || aipipe.sketch_count(bytes::text::aipipe.sketch);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE;
	RETURN code || ' ' || detail;
END $$;
CREATE TABLE three AS SELECT aipipe.sketch_send(aipipe.profile_sketch(i)) AS bytes FROM generate_series(1, 3) i;
SELECT place, byte, refusal(set_byte(bytes, place, byte)) FROM three, (VALUES (0, 1), (0, 0), (1, 0), (1, 2), (1, 5), (1, 6), (2, 1), (2, 11), (2, 19), (2, 32), (3, 6), (3, 80), (11, 4), (12, 1), (13, 255), (14, 3), (16, 1), (17, 1), (18, 1), (20, 2)) v(place, byte);
SELECT refusal(bytes || '\x00'::bytea) AS longer, refusal(substr(bytes, 1, length(bytes) - 1)) AS shorter FROM three;
SELECT count(*) AS cuts, count(*) FILTER (WHERE refusal(substr(bytes, 1, n)) LIKE '22P03 %') AS refused FROM three, generate_series(1, 133) n WHERE n < length(bytes);
-- binary input goes the same way, COPY too
CREATE TABLE stored (s aipipe.sketch);
COPY stored FROM stdin;
\\x0102
\.
COPY stored FROM stdin;
nothing
\.
SELECT count(*) FROM stored;

-- kinds that do not go together
SELECT aipipe.profile_merge(x) FROM (SELECT n AS x FROM s UNION ALL SELECT t FROM s) q;
SELECT aipipe.profile_merge(x) FROM (SELECT at AS x FROM s UNION ALL SELECT n FROM s) q;
SELECT aipipe.sketch_psi(n, t) FROM s;
SELECT aipipe.sketch_ks(at, n) FROM s;
SELECT aipipe.sketch_psi(b, n) FROM s;
SELECT aipipe.sketch_psi('{a,b}'::text[], '{a,b}'::text[], 10);
-- arguments out of range
SELECT aipipe.sketch_quantile(n, 1.01) FROM s;
SELECT aipipe.sketch_quantile(n, -0.01) FROM s;
SELECT aipipe.sketch_quantile(n, 'NaN') FROM s;
SELECT aipipe.sketch_quantiles(n, '{0.5,2}') FROM s;
SELECT aipipe.sketch_quantiles(n, (SELECT array_agg(0.5) FROM generate_series(1, 10001))) FROM s;
SELECT aipipe.sketch_histogram(n, 0) FROM s;
SELECT aipipe.sketch_histogram(n, 1001) FROM s;
SELECT aipipe.sketch_top(n, 0) FROM s;
SELECT aipipe.sketch_top(n, -1) FROM s;
SELECT aipipe.sketch_patterns(t, 1001) FROM s;
SELECT aipipe.sketch_psi('{1}'::int[], '{1}'::int[], 1);
SELECT aipipe.sketch_psi('{1}'::int[], '{1}'::int[], 1001);
SELECT aipipe.sketch_psi(array_agg(i / 25.0::float8 * 1.7e308), array_agg(i / 25.0::float8 * 1.7e308)) FROM generate_series(-25, 25) i;
-- counts that no column has
SELECT aipipe.sketch_count(aipipe.profile_merge(s)) FROM (SELECT '\x01000000808080808080808004808080808080808004'::aipipe.sketch AS s FROM generate_series(1, 2)) q;
-- a value of no type
SELECT aipipe.profile_sketch('x');
-- internals are not for SQL
SELECT aipipe.profile_sketch_transition(NULL, 1);
SELECT has_function_privilege('public', 'aipipe.profile_sketch_deserialize(bytea, internal)', 'EXECUTE') AS deserialize, has_function_privilege('public', 'aipipe.profile_sketch(anyelement)', 'EXECUTE') AS aggregate;
-- somebody else may sketch and read
CREATE ROLE profile_errors_other;
GRANT USAGE ON SCHEMA profile_errors TO profile_errors_other;
GRANT SELECT ON s TO profile_errors_other;
SET ROLE profile_errors_other;
SELECT aipipe.sketch_count(aipipe.profile_sketch(i)) AS n, aipipe.sketch_count(aipipe.profile_merge(n)) AS merged FROM s, generate_series(1, 3) i;
RESET ROLE;
DROP OWNED BY profile_errors_other;
DROP ROLE profile_errors_other;
SET client_min_messages = warning;
DROP SCHEMA profile_errors CASCADE;
