-- What profiles read of values of every type: kind, number, text, and a hash that equal values share.
SET search_path = public, aipipe_test;
SET extra_float_digits = 0;
CREATE TYPE value_mood AS ENUM ('sad', 'ok', '7');
CREATE TYPE value_pair AS (a int, at timestamptz);
CREATE DOMAIN value_percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN value_moods AS value_mood[];

-- settings that must not matter
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Asia/Tokyo';
SET IntervalStyle = 'iso_8601';
SET bytea_output = 'escape';
SET lc_monetary = 'C';
\set read 'CROSS JOIN LATERAL value_read(x)'
SELECT type, kind, number, text, bytes FROM (VALUES (true), (false)) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES (5::int2), ('-32768'::int2)) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES (5), (-2147483648)) v(x) :read;
SELECT type, kind, number::numeric, text, bytes FROM (VALUES (5::int8), (9223372036854775807), (-9223372036854775808)) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES (5::oid), (4294967295)) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES ('1.5'::float4), ('NaN'), ('Infinity'), ('-Infinity'), ('-0')) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES ('0.1'::float8), ('NaN'), ('Infinity'), ('-0'), ('1e300')) v(x) :read;
SELECT type, kind, number, text FROM (VALUES ('5.00'::numeric), ('NaN'), ('Infinity'), ('-Infinity'), ('0.000'), ('-0.1'), ('1e40'), ('123456789.987654321'), ('1e400'), ('-1e400'), ('1e-400')) v(x) :read;
SELECT type, kind, number, text FROM (VALUES (12.34::numeric::money), ((-12)::numeric::money), (0.05::numeric::money)) v(x) :read;
SELECT type, kind, number, text FROM (VALUES (12.5::value_percent)) v(x) :read;
SELECT type, kind, number::numeric, text, bytes FROM (VALUES ('2024-02-29'::date), ('1970-01-01'), ('0044-03-15 BC'), ('5874897-12-31'), ('infinity'), ('-infinity')) v(x) :read;
SELECT type, kind, number::numeric, text, bytes FROM (VALUES ('2024-02-29 01:02:03.25'::timestamp), ('4713-01-01 BC'), ('294276-12-31 23:59:59'), ('infinity'), ('-infinity')) v(x) :read;
SELECT type, kind, number::numeric, text, bytes FROM (VALUES ('2024-02-29 01:02:03.25+09'::timestamptz), ('0001-01-01 00:00+00 BC'), ('infinity')) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES ('12:34:56.5'::time), ('24:00')) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES ('12:00+00'::timetz), ('00:30+05'), ('23:30-05')) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES ('1 day'::interval), ('-1 mon'), ('1 year 2 mons 3 days 00:00:04.5')) v(x) :read;
SELECT type, kind, number, text, bytes FROM (VALUES (''::text), ('a b'), (' 7 ')) v(x) :read;
SELECT type, kind, text, bytes FROM (VALUES ('ab'::varchar(9))) v(x) :read;
SELECT type, kind, '<' || text || '>' AS text, bytes FROM (VALUES ('ab'::char(5)), ('')) v(x) :read;
SELECT type, kind, text, bytes FROM (VALUES ('ab'::name)) v(x) :read;
SELECT type, kind, text, bytes FROM (VALUES ('a'::"char"), ('')) v(x) :read;
SELECT type, kind, text, bytes FROM (VALUES ('sad'::value_mood), ('7')) v(x) :read;
SELECT type, kind, text, bytes, lazy FROM (VALUES ('0f8fad5b-d9cb-469f-a165-70867728950e'::uuid), ('01234567-89ab-cdef-fedc-ba9876543210')) v(x) :read;
SELECT type, kind, text, bytes, lazy FROM (VALUES ('10.1.2.3'::inet), ('10.1.2.3/8'), ('255.255.255.255/0'), ('2001:db8::1'), ('2001:db8::/32')) v(x) :read;
SELECT type, kind, text, bytes, lazy FROM (VALUES ('10.0.0.0/8'::cidr), ('10.1.2.3'), ('2001:db8::/32')) v(x) :read;
SELECT type, kind, text, bytes, lazy FROM (VALUES ('{"a": 1}'::json)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('{"b": 1, "a":[1.0, null]}'::jsonb)) v(x) :read;
SELECT type, kind, text, bytes, lazy FROM (VALUES ('\x00ff'::bytea), ('')) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('{1,NULL,3}'::int[]), ('{}'), ('[0:1]={1,2}')) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('{sad,ok}'::value_moods)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES (array['2024-01-01 00:00+00'::timestamptz])) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES (tstzrange('2024-01-01 00:00+00', NULL))) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('{[1,3),[5,7)}'::int4multirange)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ((1, '2024-01-01 00:00+00')::value_pair)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES (ROW(1, '2024-01-01'::date))) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES (point(1.5, 0.1))) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('pg_catalog.pg_class'::regclass)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('0/16B3748'::pg_lsn)) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES (to_tsvector('simple', 'b a'))) v(x) :read;
SELECT type, kind, text, lazy FROM (VALUES ('<a/>'::xml)) v(x) :read;
RESET DateStyle;
RESET TimeZone;
RESET IntervalStyle;

-- equal values of different types hash alike
CREATE FUNCTION h(x anyelement) RETURNS text LANGUAGE SQL AS 'SELECT hash FROM value_read(x)';
SELECT count(DISTINCT hash) = 1 AS five, count(*) FROM (VALUES (h(5)), (h(5::int2)), (h(5::int8)), (h(5::oid)), (h(5::float4)), (h(5::float8)), (h(5::numeric)), (h(5.00)), (h(5::money)), (h('5'::text)), (h('5'::varchar)), (h('5'::char(9))), (h('5'::name)), (h('5'::"char"))) v(hash);
SELECT count(DISTINCT hash) = 1 AS zero, count(*) FROM (VALUES (h(0)), (h('0'::float8)), (h('-0'::float8)), (h('-0'::float4)), (h(0.000)), (h('0'::text)), (h(0::money))) v(hash);
SELECT count(DISTINCT hash) = 1 AS minus, count(*) FROM (VALUES (h(-7)), (h(-7.0)), (h('-7'::text)), (h('-7'::float8)), (h((-7)::money))) v(hash);
SELECT count(DISTINCT hash) = 1 AS tenth, count(*) FROM (VALUES (h(0.1)), (h(0.1000)), (h('0.1'::float8)), (h(0.1::money))) v(hash);
SELECT count(DISTINCT hash) = 1 AS billion, count(*) FROM (VALUES (h(1e18)), (h(1e18::float8)), (h(1000000000000000000)), (h(1e18::numeric(30, 5)))) v(hash);
SELECT count(DISTINCT hash) = 1 AS least, count(*) FROM (VALUES (h(-9223372036854775808)), (h('-9223372036854775808'::numeric)), (h('-9223372036854775808'::float8)), (h('-9223372036854775808.000'::numeric))) v(hash);
SELECT count(DISTINCT hash) = 1 AS large, count(*) FROM (VALUES (h(1e30)), (h(1e30::float8)), (h(1e30::numeric(60, 20)))) v(hash);
SELECT count(DISTINCT hash) = 1 AS nan, count(*) FROM (VALUES (h('NaN'::float4)), (h('NaN'::float8)), (h('NaN'::numeric)), (h('-NaN'::float8))) v(hash);
SELECT count(DISTINCT hash) = 1 AS infinite, count(*) FROM (VALUES (h('inf'::float4)), (h('inf'::float8)), (h('inf'::numeric))) v(hash);
SELECT count(DISTINCT hash) = 1 AS cents, count(*) FROM (VALUES (h('12345678901234.56'::money)), (h(12345678901234.56))) v(hash);
SELECT count(DISTINCT hash) = 1 AS many_cents, count(*) FROM (VALUES (h('92233720368547758.07'::money)), (h(92233720368547758.07)), (h(92233720368547758.0700))) v(hash);
SELECT count(DISTINCT hash) = 1 AS midnight, count(*) FROM (VALUES (h('2024-02-29'::date)), (h('2024-02-29'::timestamp)), (h('2024-02-29 00:00+00'::timestamptz))) v(hash);
SELECT count(DISTINCT hash) = 1 AS forever, count(*) FROM (VALUES (h('infinity'::date)), (h('infinity'::timestamp)), (h('infinity'::timestamptz))) v(hash);
SELECT count(DISTINCT hash) = 1 AS padded, count(*) FROM (VALUES (h('ab'::char(5))), (h('ab'::char(2))), (h('ab'::text)), (h('ab'::varchar)), (h('ab'::name))) v(hash);
SELECT count(DISTINCT hash) = 1 AS day, count(*) FROM (VALUES (h('1 day'::interval)), (h('24:00'::interval)), (h('24:00'::time))) v(hash);
SELECT count(DISTINCT hash) = 1 AS month, count(*) FROM (VALUES (h('1 mon'::interval)), (h('30 days'::interval)), (h('29 days 24:00'::interval))) v(hash);
SELECT count(DISTINCT hash) = 1 AS noon, count(*) FROM (VALUES (h('12:00'::time)), (h('12:00+00'::timetz)), (h('12 hours'::interval))) v(hash);
SELECT count(DISTINCT hash) = 1 AS uuid, count(*) FROM (VALUES (h('0f8fad5b-d9cb-469f-a165-70867728950e'::uuid)), (h('0f8fad5b-d9cb-469f-a165-70867728950e'::text))) v(hash);
SELECT count(DISTINCT hash) = 1 AS address, count(*) FROM (VALUES (h('10.0.0.0/8'::inet)), (h('10.0.0.0/8'::cidr)), (h('10.0.0.0/8'::text))) v(hash);
SELECT count(DISTINCT hash) = 1 AS labels, count(*) FROM (VALUES (h('sad'::value_mood)), (h('sad'::text)), (h('sad'::name))) v(hash);
SELECT count(DISTINCT hash) = 1 AS arrays, count(*) FROM (VALUES (h('{1,2,NULL}'::int[])), (h('{1,2,NULL}'::int8[])), (h('{1.0,2.00,NULL}'::numeric[])), (h('{1,2,NULL}'::text[]))) v(hash);
-- different values do not
SELECT count(*) = count(DISTINCT hash) AS different FROM (VALUES (h(5)), (h(-5)), (h(0)), (h(5.5)), (h(-5.5)), (h('5 '::text)), (h('05'::text)), (h('+5'::text)), (h('-0'::text)), (h('00'::text)), (h('-05'::text)), (h('5.0'::text)), (h('-'::text)), (h(''::text)), (h('5x'::text)), (h('x5'::text)),
    (h(true)), (h(false)), (h('2000-01-01 00:00:00.000005'::timestamp)), (h('00:00:00.000005'::time)), (h('10:00+00'::timetz)), (h('11:00+01'::timetz)), (h('infinity'::date)), (h('-infinity'::date)), (h('inf'::float8)), (h('-inf'::float8)), (h('NaN'::float8)),
    (h(9223372036854775807)), (h(9223372036854775808)), (h('9223372036854775807'::text)), (h('123456789012345678'::text)), (h(-9223372036854775809)), (h(12345678901234567.1)), (h(12345678901234567.2)), (h(-12345678901234567.2)), (h(1.0000000000000001)), (h(1.0000000000000002)), (h(1e400)), (h(1e401)), (h(-1e400)), (h(1e-400)), (h(1e-401)), (h(123456789012345678901234567890)),
    (h('{1,2}'::int[])), (h('{2,1}'::int[])), (h('{{1,2}}'::int[])), (h('{{1},{2}}'::int[])), (h('[0:1]={1,2}'::int[])), (h('{1,2,NULL}'::int[])), (h('{}'::int[])), (h('{NULL}'::int[])), (h('\x35'::bytea)), (h('"5"'::jsonb)), (h('{}'::jsonb)), (h('[]'::jsonb))) v(hash);
-- every numeric that float8 holds (beyond 2^53 whole ones are told apart as int8 is) hashes as its float8; every one reads as numeric's own cast does, but for the last bit of long ones
CREATE TABLE value_numerics AS
    SELECT (sign * m * 10.0 ^ e)::numeric AS x FROM (SELECT (ARRAY[1, -1])[1 + i % 2] AS sign, (hashint4extended(i, 1) & 1125899906842623)::numeric % (10::numeric ^ (1 + i % 15)) AS m, (i % 41 - 20)::numeric AS e FROM generate_series(1, 20000) AS i) AS s;
SELECT count(*) AS n, count(*) FILTER (WHERE h(x) <> h(x::float8)) AS hashed_differently FROM value_numerics WHERE length(trim(both '0' from translate(x::text, '-.', ''))) <= 15 AND (abs(x) < 9e15 OR abs(x) > 1e19);
SELECT count(*) FILTER (WHERE abs(r.number - x::float8) > 4e-16 * abs(x::float8)) AS off FROM value_numerics CROSS JOIN LATERAL value_read(x) AS r;
SELECT count(*) FILTER (WHERE abs(r.number - x::float8) > 4e-16 * abs(x::float8)) AS off FROM (SELECT x * 1.000000000000000000001 + 1e-9 AS x FROM value_numerics) AS s CROSS JOIN LATERAL value_read(x) AS r;
-- int8 and text of the same number, and numbers of many digits as text
SELECT count(*) FILTER (WHERE h(x) <> h(x::text)) AS different FROM (SELECT hashint4extended(i, 2) >> (i % 60 + 4) AS x FROM generate_series(1, 5000) AS i) AS s;

-- which comes first
SELECT value_compare(1, 2), value_compare(2::int8, 1::int8), value_compare(9223372036854775807, 9223372036854775806), value_compare('2'::oid, '3'::oid), value_compare('0.01'::money, '0.02'::money), value_compare('NaN'::float8, 'inf'), value_compare('NaN'::float8, 'NaN'), value_compare('-0'::float8, '0');
SELECT value_compare(1.0, 1.00), value_compare(0.12345678901234567890, 0.12345678901234567891), value_compare('NaN'::numeric, 'inf'), value_compare('-inf'::numeric, -1e400), value_compare(1e400, 1e401), value_compare(2.5, 1.0);
SELECT value_compare('a'::text, 'b'), value_compare('a'::text, 'ab'), value_compare('B'::text, 'a'), value_compare('a'::char(5), 'a'::char(5)), value_compare(''::text, '');
SELECT value_compare('2024-01-01'::date, '2024-01-02'), value_compare('infinity'::timestamp, '2024-01-02'), value_compare('294276-12-31 23:59:59.999998+00'::timestamptz, '294276-12-31 23:59:59.999999+00'), value_compare('-infinity'::date, '4713-01-01 BC');
SELECT value_compare('1 day'::interval, '2 days'), value_compare(false, true), value_compare('\x00'::bytea, '\x01'), value_compare('\x00'::bytea, '\x0000'), value_compare('10.0.0.1'::inet, '10.0.0.1');
SELECT count(*) AS wrong FROM (SELECT x, lead(x) OVER (ORDER BY x) AS y FROM value_numerics) AS s WHERE value_compare(x, y) <> CASE WHEN x < y THEN -1 ELSE 0 END;

-- large and compressed values
CREATE TABLE value_large (x text, b bytea, a int[], n numeric);
ALTER TABLE value_large ALTER x SET STORAGE EXTENDED;
INSERT INTO value_large SELECT repeat('0123456789', 100000), decode(repeat('00ff', 500000), 'hex'), array_agg(i), ('1' || repeat('0', 130000) || '7')::numeric FROM generate_series(1, 100000) AS i;
INSERT INTO value_large SELECT repeat(md5('x'), 31250), NULL, NULL, NULL;
SELECT length(r.text), r.bytes, r.hash = h(repeat('0123456789', 100000)) AS same FROM value_large CROSS JOIN LATERAL value_read(x) AS r ORDER BY 2, 3;
SELECT r.bytes, length(r.text), r.hash = h(decode(repeat('00ff', 500000), 'hex')) AS same FROM value_large CROSS JOIN LATERAL value_read(b) AS r;
SELECT length(r.text), r.hash = h(a::int8[]) AS same FROM value_large CROSS JOIN LATERAL value_read(a) AS r;
SELECT r.number, length(r.text), r.hash = h(n + 0.00) AS same, r.hash = h(n + 1) AS other FROM value_large CROSS JOIN LATERAL value_read(n) AS r;

-- a hash is stored for good: these never change
SELECT h(5), h(-1), h(0.5), h(1e400) AS digits, h(true), h('2024-02-29'::date) AS moment, h('1 day'::interval) AS duration, h('ab'::text), h(''::text) AS empty, h('{1,2}'::int[]) AS array, h('\x00'::bytea) AS bytes;

-- bytes that are no characters
CREATE DATABASE regress_aipipe_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
SELECT current_database() AS home \gset
\c regress_aipipe_ascii
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
SELECT encode(convert_to(text, 'SQL_ASCII'), 'hex') AS text, bytes, hash FROM value_read(convert_from('\xff41c3', 'SQL_ASCII'));
SELECT text, bytes FROM value_read(chr(233)::"char");
\c :home
DROP DATABASE regress_aipipe_ascii;
