-- What a sketch says of columns of every type, and of columns with little in them.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SCHEMA profile_sketch;
SET search_path = profile_sketch;

-- a hundred rows of every sort of type, with NULLs; domains, enums, arrays and composites too
CREATE TYPE mood AS ENUM ('sad', 'fair', 'glad');
CREATE DOMAIN share AS numeric CHECK (VALUE >= 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE every AS
SELECT i AS int4, i::smallint AS int2, i::bigint * 1000000007 AS int8, i / 8.0 AS numeric, (i / 8.0)::float8 AS float8, (i / 8.0)::float4 AS float4, i::oid AS oid,
	(i * 10)::money AS money, (i / 100.0)::share AS share, date '2024-02-27' + i AS date, timestamp '2024-02-27 12:00' + make_interval(hours => i) AS timestamp,
	timestamptz '2024-02-27 12:00' + make_interval(hours => i) AS timestamptz, time '00:00' + make_interval(mins => i * 14) AS time, make_interval(mins => i * 31) AS interval,
	i % 3 = 0 AS bool, 'v' || i % 7 AS text, ('v' || i % 7)::varchar(10) AS varchar, ('v' || i % 7)::char(5) AS bpchar, ('v' || i % 7)::name AS name,
	enum_range(NULL::mood)::text[] AS texts, (enum_range(NULL::mood))[1 + i % 3] AS mood, ARRAY[i % 4, NULL, 1] AS ints, (ROW(i % 5, 'x')::pair) AS pair,
	('00000000-0000-0000-0000-0000000000' || lpad(i::text, 2, '0'))::uuid AS uuid, jsonb_build_object('a', i % 6) AS jsonb, json_build_object('a', i % 6) AS json,
	decode(lpad(to_hex(i % 9), 4, '0'), 'hex') AS bytea, ('10.0.0.' || i % 11)::inet AS inet, ('10.0.' || i % 2 || '.0/24')::cidr AS cidr,
	int4range(i % 3, 10) AS range, point(i % 4, 1) AS point, (i % 8)::bit(4) AS bit, ('a b' || i % 2)::tsvector AS tsvector, ('08:00:2b:01:02:0' || i % 5)::macaddr AS macaddr
FROM generate_series(1, 96) i;
INSERT INTO every(int4) SELECT NULL FROM generate_series(1, 4);
CREATE TABLE made ("column" text, s aipipe.sketch);
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'profile_sketch.every'::regclass AND attnum > 0 ORDER BY attnum LOOP
		EXECUTE format('INSERT INTO profile_sketch.made SELECT %L, aipipe.profile_sketch(%I) FROM profile_sketch.every', name, name);
	END LOOP;
END $$;
SELECT "column", aipipe.sketch_type(s) AS type, aipipe.sketch_kind(s) AS kind, aipipe.sketch_count(s) AS n, aipipe.sketch_nulls(s) AS nulls, aipipe.sketch_distinct(s) AS "distinct",
	(aipipe.sketch_json(s) ->> 'bytes')::int AS bytes, min, max, monotonic
FROM made, aipipe.sketch_extremes(s), aipipe.sketch_order(s);
-- the same counts by SQL, where the type has an equality
DO $$
DECLARE
	name text;
	n int;
BEGIN
	FOR name IN SELECT "column" FROM profile_sketch.made WHERE "column" NOT IN ('json', 'point') LOOP
		EXECUTE format('SELECT count(DISTINCT %I) FROM profile_sketch.every', name) INTO n;
		IF n <> (SELECT aipipe.sketch_distinct(s) FROM profile_sketch.made WHERE "column" = name) THEN
			RAISE NOTICE '% has % different values', name, n;
		END IF;
	END LOOP;
END $$;
-- all of them go out and in as text and binary, and come back the same
SELECT bool_and(s::text::aipipe.sketch::text = s::text) AS same FROM made;
SELECT "column", round(mean::numeric, 6) AS mean, round(stddev::numeric, 6) AS stddev, round(skewness::numeric, 6) AS skewness, round(kurtosis::numeric, 6) AS kurtosis, m.min, m.max
FROM made, aipipe.sketch_moments(s) m WHERE "column" IN ('int4', 'numeric', 'money', 'date', 'interval', 'time', 'bool', 'text', 'jsonb');

-- texts: looks and patterns
CREATE TABLE texts AS SELECT unnest('{AB-12,CD-34,Ef-56,12,-7.5,007,2024-02-30,2024-02-29,a@b.org,"",n/a,true,"  x ",long long long long long long long long long text}'::text[]) AS t;
SELECT l.* FROM (SELECT aipipe.profile_sketch(t) AS s FROM texts) q, aipipe.sketch_looks(s) l;
SELECT p.pattern, p.count, round(p.share::numeric, 3) AS share, p.error FROM (SELECT aipipe.profile_sketch(t) AS s FROM texts) q, aipipe.sketch_patterns(s, 20) p;

-- little or nothing: no rows, only NULLs, one row, one value
CREATE TABLE little AS
SELECT 'no rows' AS what, aipipe.profile_sketch(i) AS s FROM generate_series(1, 0) i
UNION ALL SELECT 'only NULLs', aipipe.profile_sketch(NULL::text) FROM generate_series(1, 5)
UNION ALL SELECT 'one row', aipipe.profile_sketch(7.5)
UNION ALL SELECT 'one value', aipipe.profile_sketch('x'::text) FROM generate_series(1, 1000)
UNION ALL SELECT 'no rows, with times', aipipe.profile_sketch(i, now()) FROM generate_series(1, 0) i;
SELECT what, aipipe.sketch_type(s) AS type, aipipe.sketch_kind(s) AS kind, aipipe.sketch_count(s) AS n, aipipe.sketch_nulls(s) AS nulls, aipipe.sketch_distinct(s) AS "distinct",
	aipipe.sketch_uniqueness(s) AS uniqueness, aipipe.sketch_quantile(s, 0.5) AS median, aipipe.sketch_cdf(s, 1) AS cdf, min, max, monotonic, pg_column_size(s) < 1000 AS small
FROM little, aipipe.sketch_extremes(s), aipipe.sketch_order(s);
SELECT what, m.count, mean, stddev, variance, skewness, kurtosis, m.min, m.max FROM little, aipipe.sketch_moments(s) m;
SELECT what, (SELECT count(*) FROM aipipe.sketch_histogram(s)) AS bins, (SELECT count(*) FROM aipipe.sketch_top(s)) AS top, (SELECT count(*) FROM aipipe.sketch_patterns(s)) AS patterns,
	(SELECT count(*) FROM aipipe.sketch_looks(s)) AS looks FROM little;
SELECT what, aipipe.sketch_json(s) FROM little WHERE what IN ('no rows', 'only NULLs', 'one row');

-- NaN is a value without rank, infinities have rank but no moments
CREATE TABLE odd AS SELECT unnest('{1,NaN,Infinity,2,-Infinity,3,NaN}'::float8[]) AS f;
SELECT aipipe.sketch_distinct(s) AS "distinct", m.count, m.mean, m.min, m.max, aipipe.sketch_quantiles(s, '{0,0.2,0.4,0.5,0.8,1}') AS quantiles, aipipe.sketch_cdf(s, 2) AS cdf,
	rising, falling, equal, j ->> 'nan' AS nan, j ->> 'plus_infinity' AS plus, j ->> 'minus_infinity' AS minus
FROM (SELECT aipipe.profile_sketch(f) AS s FROM odd) q, aipipe.sketch_moments(s) m, aipipe.sketch_order(s), aipipe.sketch_json(s) j;
SELECT h.* FROM (SELECT aipipe.profile_sketch(f) AS s FROM odd) q, aipipe.sketch_histogram(s, 2) h;
SELECT aipipe.sketch_distinct(s) AS "distinct", e.min, e.max, aipipe.sketch_quantile(s, 0.5) AS median FROM (SELECT aipipe.profile_sketch('NaN'::numeric) AS s) q, aipipe.sketch_extremes(s) e;
-- times: before Christ, infinite, the ends of what there is
SELECT e.min, e.max, aipipe.sketch_count(s) AS n, m.count AS finite, aipipe.sketch_quantile(s, 0) AS low FROM
	(SELECT aipipe.profile_sketch(t) AS s FROM unnest('{4713-01-01 BC,2024-01-01,infinity,5874897-12-31}'::date[]) t) q, aipipe.sketch_extremes(s) e, aipipe.sketch_moments(s) m;
SELECT e.min, e.max, h.low_text, h.high_text, h.count FROM
	(SELECT aipipe.profile_sketch(t) AS s FROM unnest('{0044-03-15 12:00 BC,-infinity,294276-12-31 23:59:59.999999}'::timestamp[]) t) q, aipipe.sketch_extremes(s) e, aipipe.sketch_histogram(s, 2) h;
-- beyond what float8 tells apart: extremes and order stay exact, across blocks too
SELECT e.min, e.max, o.* FROM (SELECT aipipe.profile_sketch(9007199254740992 + i) AS s FROM generate_series(0, 999) i) q, aipipe.sketch_extremes(s) e, aipipe.sketch_order(s) o;
SELECT e.min, e.max, o.* FROM (SELECT aipipe.profile_sketch(- (9007199254740992 + i)) AS s FROM generate_series(0, 999) i) q, aipipe.sketch_extremes(s) e, aipipe.sketch_order(s) o;
SELECT e.min, e.max, o.* FROM (SELECT aipipe.profile_sketch(('0.1000000000000000000' || lpad(i::text, 3, '0'))::numeric) AS s FROM generate_series(0, 999) i) q, aipipe.sketch_extremes(s) e, aipipe.sketch_order(s) o;
-- long texts: extremes and frequent values are clipped, lengths are not
SELECT length(e.min) AS min, length(e.max) AS max, m.min AS shortest, m.max AS longest, aipipe.sketch_distinct(s) AS "distinct", o.*, (SELECT count(*) FROM aipipe.sketch_top(s) WHERE clipped) AS clipped, pg_column_size(s) <= 16384 AS fits
FROM (SELECT aipipe.profile_sketch(repeat(chr(97 + i), 1000000) || i) AS s FROM generate_series(0, 9) i) q, aipipe.sketch_extremes(s) e, aipipe.sketch_moments(s) m, aipipe.sketch_order(s) o;
-- neighbours that are equal for longer than what is kept of the last one
SELECT o.* FROM (SELECT aipipe.profile_sketch(repeat('x', 9000) || i / 3) AS s FROM generate_series(100, 399) i) q, aipipe.sketch_order(s) o;
-- a value that is stored out of line and compressed
CREATE TABLE toasted (t text);
ALTER TABLE toasted ALTER t SET STORAGE external;
INSERT INTO toasted SELECT repeat('0123456789', 1000) || i % 5 FROM generate_series(1, 200) i;
ALTER TABLE toasted ALTER t SET STORAGE extended;
INSERT INTO toasted SELECT repeat('0123456789', 1000) || i % 5 FROM generate_series(1, 200) i;
SELECT aipipe.sketch_count(s) AS n, aipipe.sketch_distinct(s) AS "distinct", (aipipe.sketch_json(s) ->> 'bytes')::int AS bytes, (SELECT array_agg(count) FROM aipipe.sketch_top(s)) AS counts FROM (SELECT aipipe.profile_sketch(t) AS s FROM toasted) q;
-- arrays that a function built and did not flatten
SELECT aipipe.sketch_distinct(s) AS "distinct" FROM (SELECT aipipe.profile_sketch(array_append(ARRAY[i % 7], 1)) AS s FROM generate_series(1, 300) i) q;

-- with times: when the extremes came, the first and last by time; values without a time have no place there
CREATE TABLE timed AS SELECT i, CASE WHEN i % 10 <> 0 THEN timestamptz '2024-01-01' + make_interval(hours => i * 37 % 201) END AS at, abs(i * 13 % 101 - 50) AS v FROM generate_series(1, 200) i;
SELECT e.* FROM (SELECT aipipe.profile_sketch(v, at) AS s FROM timed) q, aipipe.sketch_extremes(s) e;
SELECT (SELECT v FROM timed ORDER BY at NULLS LAST LIMIT 1) AS first, (SELECT v FROM timed ORDER BY at DESC NULLS LAST LIMIT 1) AS last,
	(SELECT min(at) FROM timed WHERE v = (SELECT min(v) FROM timed)) AS min_at, (SELECT min(at) FROM timed WHERE v = (SELECT max(v) FROM timed)) AS max_at;
SELECT e.* FROM (SELECT aipipe.profile_sketch(v, CASE WHEN v % 2 = 0 THEN 'infinity'::timestamptz END) AS s FROM timed) q, aipipe.sketch_extremes(s) e;
-- what is written depends on no setting
SELECT aipipe.profile_sketch(timestamptz) AS s, aipipe.profile_sketch(interval) AS i, aipipe.profile_sketch(float8) AS f, aipipe.profile_sketch(bytea) AS b FROM every \gset
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -5;
SET bytea_output = 'escape';
SELECT aipipe.profile_sketch(timestamptz)::text = :'s' AS times, aipipe.profile_sketch(interval)::text = :'i' AS intervals, aipipe.profile_sketch(float8)::text = :'f' AS floats, aipipe.profile_sketch(bytea)::text = :'b' AS bytes FROM every;
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA profile_sketch CASCADE;
