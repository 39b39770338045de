-- What texts look like: what they are, and what they nearly are.
SET search_path = public, aipipe_test;
CREATE TABLE seen (value text, looks text);
INSERT INTO seen VALUES
    -- nothing, and what stands for nothing
    ('', 'empty'), (' ', 'empty'), (E'\t \n', 'empty'), (repeat(' ', 3000), 'empty'),
    ('x', ''), (' x', 'padded'), (E'x\t', 'padded'), (' null ', 'padded null'),
    ('null', 'null'), ('NULL', 'null'), ('n/a', 'null'), ('N/A', 'null'), ('na', 'null'), ('NaN', 'null'), ('none', 'null'), ('None', 'null'), ('nil', 'null'),
    ('-', 'null'), ('--', 'null'), ('?', 'null'), ('.', 'null'), ('...', 'null'), ('#N/A', 'null'), ('#NA', 'null'), ('#NULL!', 'null'), ('\N', 'null'), ('(null)', 'null'), ('<NULL>', 'null'),
    ('Unknown', 'null'), ('missing', 'null'), ('undefined', 'null'), ('n.a.', 'null'), ('Not Available', 'null'), ('not applicable', 'null'),
    ('nullable', ''), ('nul', ''), ('name', ''), ('nonexistent', ''), ('unknown one', ''), ('----', ''), ('....', ''),
    -- true or false
    ('true', 'boolean'), ('FALSE', 'boolean'), ('t', 'boolean'), ('F', 'boolean'), ('yes', 'boolean'), ('No', 'boolean'), ('y', 'boolean'), ('N', 'boolean'), ('on', 'boolean'), ('OFF', 'boolean'),
    ('truth', ''), ('falsely', ''), ('yess', ''), ('o', ''), ('tr', ''),
    -- numbers
    ('0', 'integer number'), ('7', 'integer number'), ('-7', 'integer number'), ('+7', 'integer number'), ('12345678901234567890123', 'integer number'), (' 42', 'padded integer number'),
    ('00', 'integer number code'), ('007', 'integer number code'), ('01067', 'integer number code'), ('-07', 'integer number'),
    ('1.5', 'number'), ('-0.25', 'number'), ('.5', 'number'), ('5.', 'number'), ('1,5', 'number'), ('1,234', 'number'), ('1,234,567', 'number'), ('1,234,567.89', 'number'), ('1.234.567', 'number'), ('1.234.567,89', 'number'),
    ('1e5', 'number'), ('1.5E-3', 'number'), ('-2e+10', 'number'), ('1e5.5', ''), ('1e', ''), ('e5', ''), ('1e1234', ''), ('1f5', ''),
    ('$5', 'number'), ('-$5', 'number'), ('$-5.50', 'number'), ('$ 1,234.56', 'number'), ('5$', 'number'), ('5%', 'number'), ('12.5 %', 'number'), ('-3.5%', 'number'), ('%5', ''), ('$', ''), ('%', ''), ('$%', ''), ('5%%', ''),
    ('1,23,456', ''), ('12,34', 'number'), ('1,2,3', ''), ('1.2.3', ''), ('1.234.56', ''), ('0,123,456', ''), ('1.234,567.89', ''), ('1,234.567.89', ''), ('1,234,56.7', ''), ('1,', ''), (',5', ''), ('1..5', ''), ('--5', ''), ('+-5', ''), ('5-', ''), ('5-3', ''), ('1 234', ''), ('+', ''), ('-.', ''), ('1_000', ''), ('12x', ''), ('x12', ''),
    -- dates
    ('2024-01-31', 'date'), ('2024-1-3', 'date'), ('2024/01/31', 'date'), ('2024.01.31', 'date'), ('20240131', 'integer number date'), ('31.01.2024', 'date'), ('1.2.2024', 'date'), ('31/1/2024', 'date'), ('1/31/2024', 'date'), ('1/31/24', 'date'),
    ('01.02.24', 'date'), ('1.2.24', ''), ('31-01-2024', 'date'), ('31-Jan-2024', 'date'), ('02-JAN-24', 'date'), ('2 Jan 2024', 'date'), ('2. January 2024', 'date'), ('31 january 2024', 'date'), ('Jan 31, 2024', 'date'), ('January 31 2024', 'date'), ('2024-Jan-31', 'date'),
    ('Wed, 31 Jan 2024', 'date'), ('Wednesday, January 31, 2024', 'date'), ('0044-03-15 BC', 'date'), ('9999-12-31', 'date'), ('2024-02-29', 'date'), ('2000-02-29', 'date'),
    ('2023-02-29', ''), ('1900-02-29', ''), ('2024-02-30', ''), ('2024-04-31', ''), ('2024-13-01', ''), ('2024-00-10', ''), ('2024-01-00', ''), ('2024-01-32', ''), ('0000-01-01', ''), ('31.13.2024', ''), ('13.31.2024', ''), ('13/32/2024', ''), ('32/1/2024', ''), ('20241301', 'integer number'), ('18991231', 'integer number'), ('99999999', 'integer number'),
    ('2024-01', ''), ('2024-01-', ''), ('2024-01/31', ''), ('2024-01-311', ''), ('202-01-31', ''), ('31 Jen 2024', ''), ('31 Janu 2024', ''), ('31 Feb 2024', ''), ('30 Feb 2024', ''), ('Jan 2024', ''), ('May 5', ''), ('2024-01-31x', ''), ('2024-01-31 AD', ''), ('5 apples 2024', ''), ('Mon', ''), ('10.20.30', ''), ('1-2-3', ''), ('1/2', ''), ('1/2/3', ''),
    -- times of day
    ('15:04', 'time'), ('3:04', 'time'), ('15:04:05', 'time'), ('15:04:05.678', 'time'), ('15:04:05,678', 'time'), ('3:04 pm', 'time'), ('03:04AM', 'time'), ('15:04:05Z', 'time'), ('15:04:05+01:00', 'time'), ('15:04 UTC', 'time'), ('24:00', 'time'), ('23:59:60', 'time'),
    ('25:00', ''), ('15:60', ''), ('15:04:61', ''), ('15:4', ''), ('16:9', ''), ('15:04 pm', ''), ('0:30 am', ''), ('15:04:05.', ''), ('15:04:05 MEZ', ''), ('15:04:05+1', ''), (':30', ''), ('123:45', ''), ('15:04x', ''),
    -- both
    ('2024-01-31T15:04:05Z', 'timestamp'), ('2024-01-31 15:04', 'timestamp'), ('2024-01-31 15:04:05.678901+00', 'timestamp'), ('2024-01-31T15:04:05.678+01:00', 'timestamp'), ('20240131150405', 'integer number timestamp'), ('20240131T150405Z', 'timestamp'), ('20240131T1504', 'timestamp'), ('1/31/2024 3:04 PM', 'timestamp'), ('31.01.2024 15:04', 'timestamp'), ('31/Jan/2024:15:04:05 +0000', 'timestamp'), ('Wed, 31 Jan 2024 15:04:05 GMT', 'timestamp'), ('Jan 31, 2024, 3:04 pm', 'timestamp'), ('Wed Jan 31 15:04:05 2024', 'timestamp'), ('Wed Jan 31 15:04:05.25 2024 CET', 'timestamp'), ('Wed Jan  1 15:04:05 UTC 2025', 'timestamp'), ('Wed Jan 32 15:04:05 2024', ''), ('Wed Jan 31 25:04:05 2024', ''), ('Wed Jan 31 15:04:05', ''), ('Jan 31 15:04:05 2024', ''), ('Wed Jan 31 15:04:05 2024 x', ''),
    ('2024-01-31T25:00', ''), ('2024-02-30 15:04', ''), ('2024-01-31T', ''), ('2024-01-31 x', ''), ('2024-01-31 15', ''), ('20240131156405', 'integer number'), ('2024-01-31  15:04', ''),
    -- identifiers
    ('0f8fad5b-d9cb-469f-a165-70867728950e', 'uuid'), ('0F8FAD5B-D9CB-469F-A165-70867728950E', 'uuid'), ('{0f8fad5b-d9cb-469f-a165-70867728950e}', 'uuid'), ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'uuid'), ('00000000-0000-0000-0000-000000000000', 'uuid'),
    ('0f8fad5b-d9cb-469f-a165-70867728950', ''), ('0f8fad5bd-9cb-469f-a165-70867728950e', ''), ('0f8fad5g-d9cb-469f-a165-70867728950e', ''), ('{0f8fad5b-d9cb-469f-a165-70867728950e', ''),
    ('d41d8cd98f00b204e9800998ecf8427e', 'hex'), ('0xdeadBEEF', 'hex'), ('0x1', 'hex'), ('DEADBEEF01', 'hex'), ('da39a3ee5e6b4b0d3255bfef95601890afd80709', 'hex'), ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'),
    ('deadbeef', ''), ('dead beef', ''), ('0x', ''), ('0xg', ''), ('a1b2c3', ''), ('a1b2c3d4e', ''), ('A1b2c3d4', ''), ('a1b2c3dg', ''), ('12345678', 'integer number'),
    -- addresses
    ('a@b.co', 'email'), ('first.last+tag@example.co.uk', 'email'), ('x_y-z''s@sub-domain.example.org', 'email'), ('a1@b2.museum', 'email'), ('user@xn--bcher-kva.xn--p1ai', 'email'),
    ('a@b', ''), ('@b.co', ''), ('a@', ''), ('a@b.c', ''), ('a@b.c0', ''), ('a@.co', ''), ('a@b..co', ''), ('.a@b.co', ''), ('a.@b.co', ''), ('a..b@c.co', ''), ('a b@c.co', ''), ('a@b@c.co', ''), ('a@-b.co', ''), ('a@b-.co', ''), ('a@b.co.', ''), ('A <a@b.co>', ''), ('a,b@c.co', ''), (repeat('a', 65) || '@b.co', ''),
    ('http://example.org', 'url'), ('https://example.org/a?b=c#d', 'url'), ('ftp://x', 'url'), ('s3://bucket/key', 'url'), ('postgresql://h:5432/db', 'url'), ('www.example.org', 'url'), ('WWW.EXAMPLE.ORG/x', 'url'), ('http://a@b.co', 'url'),
    ('http://', ''), ('://x', ''), ('h://x', ''), ('http:/x', ''), ('example.org', ''), ('http://a b', ''), ('www.x', ''), ('wwwx.example.org', ''), ('see http://example.org', ''), ('http://<x>', 'html'), ('a/b', ''), ('1://x', ''),
    ('192.168.1.1', 'ip'), ('0.0.0.0', 'ip'), ('255.255.255.255', 'ip'), ('100.200.100.200', 'ip'), ('10.0.0.0/8', 'ip'), ('2001:db8::ff00:42:8329', 'ip'), ('::1', 'ip'), ('::', 'ip'), ('fe80::', 'ip'), ('1:2:3:4:5:6:7:8', 'ip'), ('::ffff:1.2.3.4', 'ip'), ('2001:db8::/32', 'ip'), ('abcd::ef', 'ip'),
    ('256.1.1.1', ''), ('1.1.1', ''), ('1.1.1.1.1', ''), ('01.1.1.1', ''), ('1.1.1.1/33', ''), ('1.1.1.1/', ''), ('1.1.1.', ''), ('1.1.1.x', ''), ('1::2::3', ''), ('1:2:3:4:5:6:7', ''), ('1:2:3:4:5:6:7:8:9', ''), ('12345::', ''), (':1:2:3:4:5:6:7', ''), ('::1/129', ''), ('g::', ''), ('a:b:c', ''), ('1:2:3:4:5:6:7:', ''),
    -- telephone numbers
    ('+49 30 1234567', 'phone'), ('+4930123456', 'integer number phone'), ('+1-800-555-0199', 'phone'), ('+49 (0) 30 123-456', 'phone'), ('(555) 123-4567', 'phone'), ('(030) 1234567', 'phone'), ('555-123-4567', 'phone'), ('555.123.4567', 'phone'), ('555 123 4567', 'phone'), ('1-800-555-0199', 'phone'), ('030 1234567', 'phone'), ('0151-23456789', 'phone'), ('030/1234567', 'phone'), ('01 23 45 67 89', 'phone'), ('01.23.45.67.89', 'phone'), ('0049 30 1234567', 'phone'),
    ('5551234567', 'integer number'), ('555-1234', ''), ('123-45-6789', ''), ('978-3-16-148410-0', ''), ('+0 30 1234567', ''), ('+1', 'integer number'), ('+49 30 12345678901234', ''), ('(555) 12', ''), ('(555 123-4567', ''), ('555) 123-4567', ''), ('555--123-4567', ''), ('+49  30 1234567', ''), ('555-123-45678', ''), ('0.123456789', 'number'), ('0123-45', ''), ('+49 30 1234567-', ''), ('call 555-123-4567', ''),
    -- account and card numbers
    ('DE89370400440532013000', 'iban'), ('DE89 3704 0044 0532 0130 00', 'iban'), ('GB29NWBK60161331926819', 'iban'), ('FR1420041010050500013M02606', 'iban'), ('NO9386011117947', 'iban'), ('CH9300762011623852957', 'iban'),
    ('DE89370400440532013001', 'hex'), ('DE8937040044053201300', ''), ('XX89370400440532013000', ''), ('de89370400440532013000', 'hex'), ('DE89 370400440532013000', 'iban'), ('DE8 93704 0044 0532 0130 00', ''), ('GB29NWBK6016133192681x', ''),
    ('4111111111111111', 'integer number card'), ('4111 1111 1111 1111', 'card'), ('4111-1111-1111-1111', 'card'), ('378282246310005', 'integer number card'), ('3782 822463 10005', 'card'), ('5555555555554444', 'integer number card'), ('6011111111111117', 'integer number card'),
    ('4111111111111112', 'integer number'), ('4111 1111 1111 1112', ''), ('1111111111111117', 'integer number'), ('4111 11 1111 1111 11', ''), ('4111 1111-1111 1111', ''), ('411111111111', 'integer number'), ('41111111111111111111', 'integer number'),
    -- markup
    ('{}', 'json'), ('[]', 'json'), ('{"a": 1}', 'json'), ('[1, -2.5e3, true, null, "x\"]"]', 'json'), ('{"a": [{"b": {}}]}', 'json'), (E'{\n "a" : [ ] }', 'json'),
    ('{', ''), ('[', ''), ('{a: 1}', ''), ('{"a"}', ''), ('{"a": }', ''), ('{"a": 1,}', ''), ('[1,]', ''), ('[1 2]', ''), ('[abc]', ''), ('[1]]', ''), ('{"a": 1} x', ''), ('["x]', ''), ('{]', ''), ('[-]', ''), ('[tru]', ''), ('"x"', ''), (repeat('[', 65) || repeat(']', 65), ''), (repeat('[', 64) || repeat(']', 64), 'json'),
    ('[' || repeat('"some text", ', 200) || '1]', 'json'), ('[' || repeat('"some text", ', 200), 'padded json'), ('[' || repeat('some text, ', 200) || ']', ''), ('{"a": "' || repeat('x', 3000) || '"}', 'json'),
    ('<p>x</p>', 'html'), ('a <b>bold</b> move', 'html'), ('<br/>', 'html'), ('x<br />y', 'html'), ('<a href="x">', 'html'), ('<!-- x -->', 'html'), ('<!DOCTYPE html>', 'html'), ('<?xml version="1.0"?>', 'html'), ('</td>', 'html'),
    ('a < b', ''), ('a<b', ''), ('a <b and c> d', ''), ('<>', ''), ('< p>', ''), ('<3', ''), ('<-', ''), ('x <', ''), ('<p', ''), ('<1>', ''), ('a <= b > c', ''),
    -- plain texts
    ('Berlin', ''), ('Smith, John', ''), ('ABC-1234', ''), ('item no. 5', ''), ('2nd', ''), ('A', ''), ('C++', ''), ('12 monkeys', ''), ('1 Main Street', ''), ('v1.2.3', ''), ('a-b-c-d-e', ''), ('W', ''), ('www', ''), ('12:', ''), ('a:b', ''), (repeat('word 12 ', 500), 'padded'), (repeat('1', 64), 'integer number'), (repeat('1', 65), '');
SELECT count(*) >= 150 AS enough FROM seen;
SELECT left(value, 60) AS value, (look(value)).looks, looks AS expected FROM seen WHERE (look(value)).looks IS DISTINCT FROM looks ORDER BY 1;
-- blanks at the ends change nothing but that
SELECT count(*) FROM seen WHERE value !~ '^\s' AND value !~ '\s$' AND value <> '' AND length(value) < 900 AND (look(E' \t' || value || '  ')).looks <> trim('padded ' || looks);

-- patterns and characters
SELECT (look(value)).characters, (look(value)).pattern
FROM (VALUES (''), ('ABC-1234'), ('a b_C/9.x'), (E'a\tb\nc\x7f'), ('{"a": 1}')) AS v(value);
SELECT length(pattern), right(pattern, 3) AS tail, characters
FROM (VALUES (40), (41), (1000), (1024), (1025), (100000)) AS v(n), look(repeat('a', n));

-- hostile bytes, never read beyond their ends
SELECT look_fuzz(100000, 1) > 10000 AS fuzzed, look_fuzz(100000, 2) > 10000 AS fuzzed_again;

-- other encodings: characters of several bytes, bytes that are no characters
SELECT current_database() AS home \gset
CREATE DATABASE regress_aipipe_utf8 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_aipipe_euc ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_aipipe_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_aipipe_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\c regress_aipipe_utf8
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
SET client_encoding = 'UTF8';
SELECT look.* FROM (VALUES (U&'M\00fcller'), (U&'\+01f600 9'), (U&'\20ac 12,50'), (U&'12.50 \20ac'), (U&'\00a35'), (U&'\20ac'), (U&'5\00e9'), (U&' \00e9 '), (U&'\00e9@b.co')) AS v(x), look(x);
SELECT length(pattern), right(pattern, 3) AS tail, characters, characters = length(repeat(x, n)) AS right
FROM (VALUES (U&'\00e9', 40), (U&'\00e9', 41), (U&'a\00e9\20ac\+01f600', 10), (U&'a\00e9\20ac\+01f600', 11), (U&'a\00e9\20ac\+01f600', 50000)) AS v(x, n), look(repeat(x, n));
SELECT look_fuzz(20000, 3) > 1000 AS fuzzed;
\c regress_aipipe_euc
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
SELECT look.* FROM (VALUES (convert_from('\xa4a2a4a4', 'EUC_JP')), (convert_from('\x8fb0a141', 'EUC_JP')), (repeat(convert_from('\xa4a2', 'EUC_JP'), 41))) AS v(x), look(x);
SELECT characters FROM look(repeat(convert_from('\xa4a28fb0a141', 'EUC_JP'), 30000));
SELECT look_fuzz(20000, 4) > 1000 AS fuzzed;
\c regress_aipipe_latin
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
SELECT look.* FROM (VALUES (convert_from('\x4de96c', 'LATIN1')), (convert_from('\xa335', 'LATIN1'))) AS v(x), look(x);
SELECT characters FROM look(repeat(convert_from('\xe9', 'LATIN1'), 100000));
\c regress_aipipe_ascii
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
SELECT look.* FROM (VALUES (convert_from('\xff', 'SQL_ASCII')), (convert_from('\x41ffc3', 'SQL_ASCII'))) AS v(x), look(x);
SELECT look_fuzz(20000, 5) > 1000 AS fuzzed;
\c :home
DROP DATABASE regress_aipipe_utf8;
DROP DATABASE regress_aipipe_euc;
DROP DATABASE regress_aipipe_latin;
DROP DATABASE regress_aipipe_ascii;
