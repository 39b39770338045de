-- What each type becomes: ordinary values, NULL, NaN, infinities, both ends of the range.
SET search_path = public, aipipe_test;
SET extra_float_digits = 0;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS numeric CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN small_percent AS percent;

-- one column after the other: the features' names, then values and their features
CREATE FUNCTION features(source text) RETURNS TABLE (value text, encoded float4[]) LANGUAGE plpgsql AS $$
DECLARE
    e bytea := encoder_learn(source, text_buckets => 0);
BEGIN
    value := 'features';
    SELECT string_agg(f ->> 'feature', ' ') INTO value FROM jsonb_array_elements(encoder_features(e)) AS f;
    RETURN NEXT;
    RETURN QUERY EXECUTE format('SELECT x::text, encoder_encode($1, s) FROM (%s) AS s', source) USING e;
END $$;
SELECT * FROM features($$SELECT * FROM (VALUES (true), (false), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (1::int2), ('-32768'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (1), (2147483647), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (1::int8), (9223372036854775807), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('1.5'::float4), ('NaN'), ('Infinity'), ('-Infinity'), ('-0'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('1.5'::float8), ('NaN'), ('Infinity'), ('1e300'), ('-1e300'), ('1e-300'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('1.5'::numeric), ('NaN'), ('Infinity'), ('-Infinity'), ('1e40'), ('1e-60'), ('0.00'), ('-123456789.987654321'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (1::oid), (4294967295), (NULL)) v(x)$$);
SET lc_monetary = 'C';
SELECT * FROM features($$SELECT * FROM (VALUES (12.34::numeric::money), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (12.5::percent), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES (12.5::small_percent), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('2000-01-01'::date), ('2024-02-29'), ('1999-12-31'), ('0044-03-15 BC'), ('5874897-12-31'), ('infinity'), ('-infinity'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('00:00'::time), ('12:34:56.5'), ('24:00'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('12:00+00'::timetz), ('00:30+05'), ('23:30-05'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('2000-01-01'::timestamp), ('2024-02-29 06:30'), ('1999-12-31 18:00'), ('4713-01-01 BC'), ('infinity'), ('-infinity'), (NULL)) v(x)$$);
-- always in UTC, whatever the session's zone
SET timezone = 'Asia/Tokyo';
SELECT * FROM features($$SELECT * FROM (VALUES ('2024-02-29 00:00+00'::timestamptz), ('2024-02-29 00:00+09'), ('infinity'), (NULL)) v(x)$$);
RESET timezone;
SELECT * FROM features($$SELECT * FROM (VALUES ('1 s'::interval), ('-1 day'), ('1 mon'), ('1 year 2 mons 3 days 00:00:04'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('10.1.2.3'::inet), ('10.1.2.3/8'), ('0.0.0.0/0'), ('::1'), ('2001:db8::/32'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('10.0.0.0/8'::cidr), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('{}'::int[]), ('{1,NULL,3}'), ('{{1,2},{3,4}}'), ('[5:7]={1,2,3}'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('{sad,ok}'::mood[]), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('{}'::jsonb), ('{"a":1,"b":[1,2,3]}'), ('[]'), ('[1,{}]'), ('"a"'), ('1'), ('true'), ('null'), (NULL)) v(x)$$);
SELECT * FROM features($$SELECT * FROM (VALUES ('{}'::json), (' { "a}," : 1 , "b" : [1,2,3] } '), ('[]'), ('[1,{},"x\",y"]'), ('"a,b"'), ('-1'), ('false'), ('null'), (NULL)) v(x)$$);

-- numeric is decoded without its text: nearest to float8's way over it, to the last bit
CREATE TABLE n AS
SELECT (sign(sin(i)) * exp(i % 160 - 80) * (1 + i % 977))::numeric AS x FROM generate_series(1, 6000) AS i
UNION ALL SELECT (i * 0.01)::numeric(12, 2) FROM generate_series(1, 6000) AS i
UNION ALL SELECT ('1e' || i)::numeric FROM generate_series(-37, 37) AS i
UNION ALL SELECT (repeat('9', i) || '.' || repeat('3', i))::numeric FROM generate_series(1, 30) AS i;
SELECT encoder_learn('n') AS e \gset
SELECT count(*) AS rows, count(*) FILTER (WHERE (encoder_encode(:'e', n))[1] <> x::float8::float4) AS different FROM n;

-- large values out of line
CREATE TABLE large AS SELECT repeat('ab1 ', 5000) AS t, array_fill(7, ARRAY[5000]) AS a,
    (SELECT jsonb_object_agg(i, md5(i::text)) FROM generate_series(1, 2000) AS i) AS j,
    (SELECT json_agg(md5(i::text)) FROM generate_series(1, 2000) AS i) AS k, ('1e' || 2000)::numeric + 1 AS n;
ALTER TABLE large ALTER t SET STORAGE EXTERNAL;
INSERT INTO large SELECT t || 'x', a || 1, j, k, -n FROM large;
SELECT encoder_encode(encoder_learn('large', text_buckets => 0), large) FROM large;

-- seconds and bytes are shown as people read them; the session's settings do not matter
CREATE TABLE shown AS SELECT i AS id, i * 1.5 AS amount, i % 4 = 0 AS flag, date '2024-01-01' + i AS day,
    time '08:00' + i * interval '1 min' AS at, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS placed,
    i * interval '90 s' AS took, (ARRAY['EUR','USD','GBP','CHF','JPY'])[1 + (i * i) % 5] AS currency, repeat('x', i) AS note,
    ('10.0.' || i || '.1')::inet AS host, array_fill(1, ARRAY[i % 7]) AS tags, '{"a":1}'::jsonb AS body,
    NULL::int AS never, 5 AS always, NULL::text AS no_text, 'infinity'::date AS forever
FROM generate_series(1, 100) AS i;
SELECT encoder_learn('shown') AS e \gset
SET datestyle = 'SQL, DMY'; SET intervalstyle = 'iso_8601'; SET timezone = 'America/New_York';
SELECT s.* FROM shown, encoder_show(:'e', shown) AS s WHERE id = 9;
SELECT encoder_learn('shown') = :'e' AS same;
DROP TABLE n, large, shown;
DROP FUNCTION features(text);
DROP DOMAIN small_percent; DROP DOMAIN percent;
DROP TYPE mood;
