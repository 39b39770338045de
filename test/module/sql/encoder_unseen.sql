-- Encoders of detectors: what was never seen is not NULL, text has a pattern and a length, any column can be a category.
SET search_path = public, aipipe_test;
SET extra_float_digits = 0;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE u AS SELECT (ARRAY['EUR','USD','EUR','GBP'])[1 + i % 4] AS currency, (ARRAY['AB-12','XY-7','Ab 9'])[1 + i % 3]::varchar AS code,
    (ARRAY['sad','ok'])[1 + i % 2]::mood AS mood, 'Order ' || i AS note, i % 7 AS n, NULL::text AS never
FROM generate_series(1, 120) AS i;
INSERT INTO u DEFAULT VALUES;
SELECT encoder_learn('u', text_buckets => 1, marks_unseen => true) AS e \gset
SELECT string_agg(f ->> 'feature', ' ' ORDER BY i) AS features FROM jsonb_array_elements(encoder_features(:'e')) WITH ORDINALITY AS x(f, i);
SELECT c ->> 'name' AS name, c -> 'categories' AS categories, c -> 'patterns' AS patterns FROM jsonb_array_elements(convert_from(:'e', 'UTF8')::jsonb -> 'columns') AS c;
ALTER TYPE mood ADD VALUE 'new';
-- known, of a known pattern, of an unknown one, NULL, too long to be a category
SELECT encoder_encode(:'e', s) FROM (VALUES
    ('EUR', 'AB-12', 'ok'::mood, 'Order 5', 1, 'x'), ('CHF', 'ZZZ-999', 'new', 'Order 99', 1, ''), ('Euro', 'ab-12', 'new', 'order 5', 1, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL), (repeat('A', 300), repeat('AB-9', 300), 'sad', repeat('z', 2000), 1, 'x')) AS s(currency, code, mood, note, n, never);
-- beyond max_categories is like never seen; without the mark it is like NULL, and nothing else is added
CREATE TABLE few AS SELECT unnest(ARRAY['EUR', 'EUR', 'EUR', 'EUR', 'USD', 'USD', 'USD', 'GBP']) AS currency;
SELECT x, encoder_encode(encoder_learn('few', max_categories => 2, marks_unseen => true), s) AS marked,
    encoder_encode(encoder_learn('few', max_categories => 2), s) AS plain
FROM (VALUES ('EUR'), ('GBP'), ('CHF'), (NULL)) AS v(x), LATERAL (SELECT x AS currency) AS s;
-- the patterns of text, each with its code 0; the empty one is a pattern too
CREATE FUNCTION pattern(t text) RETURNS text LANGUAGE sql AS
$$ SELECT convert_from(encoder_learn(format('SELECT %L::text AS x FROM generate_series(1, 3)', t), marks_unseen => true), 'UTF8')::jsonb #>> '{columns,0,patterns,0,0}' $$;
SELECT left(t, 24) AS t, length(t), pattern(t) FROM unnest(ARRAY['AB-1234', 'Privxte', 'x@y.z', '', ' ', '--  ..', 'IPv4', '2024-01-03T04:05:06Z', E'a\tb\x01\x7f', 'Müller', 'ß日本', '[\]^_`{|}~@/:',
    repeat('A1', 15) || 'Ab', repeat('A1', 15) || 'Ab.', repeat('A1', 15) || 'A-AB', repeat('long', 300) || '.', repeat('x', 999) || '.', repeat('x', 1000) || '.']) AS t;
-- at most 63, most frequent first, ties in byte order; and where there are more distinct ones than are counted
CREATE TABLE p AS SELECT repeat('a.', i % 15) || repeat('-B', (i / 15) % 9) AS x FROM generate_series(0, 134) AS i;
INSERT INTO p SELECT unnest(ARRAY['-B-B', 'a.a.', 'a.a.', '-B-B', 'a.a.', 'Zz']);
SELECT jsonb_array_length(c -> 'patterns') AS kept, c #> '{patterns,0}' AS first, c #> '{patterns,1}' AS second, c #> '{patterns,2}' AS third, c #> '{patterns,62}' AS last
FROM (SELECT convert_from(encoder_learn('p', marks_unseen => true), 'UTF8')::jsonb #> '{columns,0}' AS c) AS s;
SELECT c ->> 'kind' AS kind, jsonb_array_length(c -> 'patterns') AS kept, c #> '{patterns,0,0}' AS first
FROM (SELECT convert_from(encoder_learn($$SELECT CASE WHEN i % 3 = 0 THEN 'AB-' || i ELSE translate(i::bit(13)::text, '01', 'a-') END AS x FROM generate_series(1, 8000) AS i$$, marks_unseen => true), 'UTF8')::jsonb #> '{columns,0}' AS c) AS s;
-- the same rows, the same bytes
SELECT encoder_learn('u', text_buckets => 1, marks_unseen => true) = :'e' AS same, encoder_canonical(:'e') = :'e' AS canonical,
    encoder_canonical(convert_to(convert_from(:'e', 'UTF8')::jsonb::text, 'UTF8')) = :'e' AS from_jsonb;

-- any column as a category, of as many values as there may be
CREATE TABLE a AS SELECT i % 300 AS store, (i % 4 * 0.25)::numeric(6, 2) AS rate, i % 2 = 0 AS flag, date '2024-01-01' + i % 3 AS day,
    time '08:00' + i % 3 * interval '1 hour' AS at, (i % 3)::real / 10 AS f, 'customer ' || i AS customer, ('10.0.0.' || i % 2)::inet AS host,
    ARRAY[i % 2, 1] AS tags, i * 1.5 AS amount
FROM generate_series(1, 900) AS i;
SELECT encoder_learn('a', as_category => '{store,rate,flag,day,at,f,customer,host,tags}') AS a \gset
SELECT c ->> 'name' AS name, c ->> 'type_name' AS type, c ->> 'kind' AS kind, jsonb_array_length(c -> 'categories') AS kept, c ->> 'other' AS other, c #> '{categories,0,0}' AS first
FROM jsonb_array_elements(convert_from(:'a', 'UTF8')::jsonb -> 'columns') AS c;
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo';
SELECT encoder_encode(:'a', a) AS codes FROM a WHERE amount = 9;
-- types of the same class, and the text form
SELECT encoder_encode(:'a', s) AS codes FROM (SELECT store::bigint, rate::float8, flag, day::timestamp AT TIME ZONE 'UTC' AS day, (at || '+00')::timetz AS at, f::numeric(9, 4),
    customer::varchar, host, tags::bigint[], amount FROM a WHERE amount = 9) AS s;
SELECT encoder_encode(:'a', s) AS codes FROM (SELECT store::numeric(9, 3), rate::float8::text AS rate, flag::text, to_char(day, 'YYYY-MM-DD') AS day, at::text, f::text, customer, host(host) AS host, tags::text, amount FROM a WHERE amount = 9) AS s;
SELECT encoder_encode(:'a', s) AS codes FROM (SELECT store::smallint, rate, flag, day + time '00:00:01' AS day, at, f::float8, customer, host::cidr, tags, amount FROM a WHERE amount = 9) AS s;
RESET ALL;
SET search_path = public, aipipe_test;
SELECT encoder_encode(:'a', s) FROM (SELECT flag AS store, rate, flag, day, at, f, customer, host, tags, amount FROM a LIMIT 1) AS s;
SELECT encoder_encode(:'a', s) FROM (SELECT store, rate, flag, day, at, f, customer, host, macaddr '08:00:2b:01:02:03' AS tags, amount FROM a LIMIT 1) AS s;
SELECT encoder_encode(encoder_learn('SELECT ''1''::text AS x', as_category => '{x}'), s) FROM (SELECT 1 AS x) AS s;
-- one value has one text form
SET lc_monetary = 'C';
CREATE FUNCTION form(source text) RETURNS text LANGUAGE sql AS
$$ SELECT convert_from(encoder_learn(format('SELECT %s AS x', source), as_category => '{x}'), 'UTF8')::jsonb #>> '{columns,0,categories,0,0}' $$;
SELECT s AS source, form(s) FROM unnest(ARRAY['-0.0::float8', '-0.0::float4', '0.1::float4', '0.1::float8', '(1 / 3.0)::float8', '''NaN''::float8', '1e300::float8', '1.500::numeric', '1e3::numeric', '''NaN''::numeric', '(-32768)::int2',
    '(-9223372036854775808)::int8', '4294967295::oid', '12.30::numeric::money', 'date ''0044-03-15 BC''', 'date ''infinity''', 'timestamp ''2024-02-29''', 'timestamp ''2024-02-29 12:00''',
    'timestamp ''-infinity''', 'timestamptz ''2024-02-29 00:30+05''', 'timestamptz ''2024-02-29 05:00+05''', 'timetz ''00:30+05''', 'time ''24:00''', 'interval ''1 mon 2 h''', 'inet ''10.0.0.1/8''', 'cidr ''10/8''',
    '''{"b":1}''::json', '''{"b":1}''::jsonb', 'ARRAY[0.5, NULL]', 'false']) AS s;
-- of a type that is not built in
SELECT encoder_learn('SELECT ARRAY[''sad''::mood] AS x', as_category => '{x}') AS m \gset
SELECT encoder_encode(:'m', s) FROM (SELECT ARRAY['sad'::mood] AS x) AS s;
SELECT encoder_encode(:'m', s) FROM (SELECT ARRAY['sad'] AS x) AS s;
-- a name that is not there, and one that is not chosen
SELECT encoder_learn('a', as_category => '{shop}');
SELECT encoder_learn('a', '{amount}', as_category => '{store}');
-- at most 10,000, the most frequent of many
SELECT jsonb_array_length(c -> 'categories') AS kept, c ->> 'other' AS other FROM (SELECT convert_from(encoder_learn('SELECT i FROM generate_series(1, 10500) AS i', as_category => '{i}'), 'UTF8')::jsonb #> '{columns,0}' AS c) AS s;

SELECT jsonb_array_length(c -> 'categories') AS kept, c ->> 'other' AS other, c #> '{categories,0}' AS first
FROM (SELECT convert_from(encoder_learn('SELECT i % 100000 % 60000 AS i FROM generate_series(0, 199999) AS i', as_category => '{i}'), 'UTF8')::jsonb #> '{columns,0}' AS c) AS s;

-- in words
CREATE TABLE w AS SELECT (ARRAY['EUR','USD','EUR','GBP'])[1 + i % 4] AS currency, 'note ' || i AS note, i AS n, i % 3 = 0 AS flag, date '2024-01-03' + i AS day,
    timestamp '2024-01-03 06:00' + i * interval '1 h' AS placed, time '08:00' AS at, i * interval '1 min' AS took, inet '10.0.0.1' AS host, ARRAY[i] AS tags, '[]'::jsonb AS body, repeat('long', 100) AS long
FROM generate_series(1, 100) AS i;
SELECT encoder_learn('w', text_buckets => 1, marks_unseen => true, as_category => '{long}') AS w \gset
SELECT f ->> 'feature' AS feature, encoder_range(:'w', f ->> 'feature', 1, 1) AS one, encoder_range(:'w', f ->> 'feature', 0, 5.5) AS range, encoder_range(:'w', f ->> 'feature', 'NaN', 'NaN') AS missing
FROM jsonb_array_elements(encoder_features(:'w')) AS f;
SELECT encoder_range(:'w', 'n', 3, 91) AS range, encoder_range(:'w', 'n', 3, 'inf') AS open, encoder_range(:'w', 'note.length', '-inf', 3) AS other_side,
    encoder_range(:'w', 'placed', 2, 2.9) AS one_day, encoder_range(:'w', 'placed.hour', 9.5, 24) AS hours, encoder_range(:'w', 'placed.weekday', 1, 7) AS weekdays,
    encoder_range(:'w', 'note.digits', 0.25, 0.5) AS shares, encoder_range(:'w', 'currency', 0, 1) AS two, encoder_range(:'w', 'body.type', 1, 2) AS types, encoder_range(:'w', 'flag', 0, 1) AS truth, encoder_range(:'w', 'currency', 3, 3) AS unseen, encoder_range(:'w', 'currency', -1, -1) AS none;
SELECT encoder_range(:'w', f ->> 'feature', '-inf', '-inf') IS NOT NULL AND encoder_range(:'w', f ->> 'feature', -1e300, 1e300) IS NOT NULL AS told, count(*) FROM jsonb_array_elements(encoder_features(:'w')) AS f GROUP BY 1;
SELECT s."column", left(s.value, 12) AS value, s.expected FROM w, encoder_show(:'w', w) AS s WHERE n = 1 AND s."column" IN ('currency', 'long');

-- old encoders are read as they were; of the new ones every member is checked
SELECT convert_from(encoder_canonical(convert_to('{"format":1,"columns":[{"name":"c","type":25,"type_name":"text","kind":"category","features":1,"rows":9,"nulls":1,"other":0,"categories":[["a",5],["b",3]],"quantiles":[]}]}', 'UTF8')), 'UTF8') AS old \gset
SELECT :'old' LIKE '{"format":1,"columns":[%' AS same, encoder_encode(convert_to(:'old', 'UTF8'), s) FROM (VALUES ('b'), ('z'), (NULL)) AS s(c);
SELECT convert_from(encoder_learn('SELECT currency, n FROM u', marks_unseen => true), 'UTF8') AS j \gset
SELECT encoder_canonical(convert_to(replace(:'j', '"marks_unseen":true', '"marks_unseen":false'), 'UTF8'));
SELECT encoder_canonical(convert_to(replace(:'j', '"marks_unseen":true', '"marks_unseen":1'), 'UTF8'));
SELECT encoder_canonical(convert_to(replace(:'j', '"marks_unseen":true', '"marks_unseen":true,"marks_unseen":true'), 'UTF8'));
SELECT encoder_canonical(convert_to(replace(:'j', '"marks_unseen":true,', ''), 'UTF8'));
SELECT convert_from(encoder_canonical(convert_to(regexp_replace(:'old', '1,', '1,"marks_unseen":false,'), 'UTF8')), 'UTF8') = :'old' AS false_is_left_out;
CREATE FUNCTION broken(path text[], value jsonb, j jsonb) RETURNS bytea LANGUAGE sql AS $$ SELECT encoder_canonical(convert_to(jsonb_set(j, path, value)::text, 'UTF8')) $$;
SELECT broken('{columns,0,patterns}', '[["A", 5]]', :'j') = convert_to(replace(:'j', '[["A",120]]', '[["A",5]]'), 'UTF8') AS read;
SELECT broken('{columns,0,patterns}', '[["A", 5], ["A", 4]]', :'j');
SELECT broken('{columns,0,patterns}', '[["AA", 5]]', :'j');
SELECT broken('{columns,0,patterns}', '[["B", 5]]', :'j');
SELECT broken('{columns,0,patterns}', '[["é", 5]]', :'j');
SELECT broken('{columns,0,patterns}', jsonb_build_array(jsonb_build_array(repeat('A9', 16), 5)), :'j') IS NOT NULL AS as_long_as_may_be;
SELECT broken('{columns,0,patterns}', jsonb_build_array(jsonb_build_array(repeat('A9', 16) || 'A', 5)), :'j');
SELECT broken('{columns,0,patterns}', '[["A", 0]]', :'j');
SELECT broken('{columns,0,patterns}', '[["A"]]', :'j');
SELECT broken('{columns,0,patterns}', '[[1, 1]]', :'j');
SELECT broken('{columns,0,patterns}', '{}', :'j');
SELECT broken('{columns,0,patterns}', (SELECT jsonb_agg(jsonb_build_array(repeat('A9', i % 8) || repeat('.-', i / 8), 1)) FROM generate_series(0, 63) AS i), :'j');
SELECT broken('{columns,0,features}', '1', :'j');
SELECT broken('{columns,0,features}', '4', :'j');
SELECT broken('{columns,1,patterns}', '[]', :'j');
SELECT encoder_canonical(convert_to((:'j'::jsonb #- '{columns,0,patterns}')::text, 'UTF8'));
-- mutants are refused with that error or read; what is read encodes and tells without harm
SELECT refused > 5000 AS refused, accepted > 50 AS accepted, other FROM encoder_mutate(convert_to(:'j', 'UTF8'), 8000, 3);
SELECT refused > 3000 AS refused, other FROM encoder_mutate(:'e', 4000, 4);
DROP FUNCTION pattern(text), form(text), broken(text[], jsonb, jsonb);
DROP TABLE u, few, p, a, w;
DROP TYPE mood;
