-- Databases of other encodings: damaged and multibyte text, and encoders that move between them.
SELECT current_database() AS home \gset
CREATE DATABASE regress_aipipe_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_aipipe_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_aipipe_euc ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\c regress_aipipe_ascii
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
-- any bytes at all, cut anywhere
CREATE TABLE t AS SELECT convert_from(substr(decode('e9e8ffc3a9f09f9880c0808fa4', 'hex'), 1 + i % 13, 1 + i % 5), 'SQL_ASCII') AS x FROM generate_series(1, 300) AS i;
SELECT encoder_learn('t') AS e \gset
SELECT encoder_canonical(:'e') = :'e' AS same, count(*) FILTER (WHERE (encoder_encode(:'e', t))[1] = 'NaN') AS missing FROM t;
SELECT encoder_encode(encoder_learn('SELECT i::text || x AS x FROM t, generate_series(1, 9) AS i', text_buckets => 0), s) FROM (SELECT repeat(convert_from('\xc3', 'SQL_ASCII'), 2000) AS x) AS s;
-- patterns do not trust the bytes either, and are ASCII
SELECT encoder_learn('t', marks_unseen => true) AS e \gset
SELECT encoder_canonical(:'e') = :'e' AS same, convert_from(:'e', 'SQL_ASCII')::jsonb #> '{columns,0,patterns}' AS patterns, count(*) FILTER (WHERE (encoder_encode(:'e', t))[2] > 0) AS others FROM t;
SELECT encoder_encode(:'e', s) AS marked FROM (SELECT convert_from(substr(decode('e961c3', 'hex'), 1, i), 'SQL_ASCII') AS x FROM generate_series(1, 3) AS i) AS s;
\c regress_aipipe_latin
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
CREATE TABLE t AS SELECT convert_from(CASE i % 3 WHEN 0 THEN '\xe9'::bytea WHEN 1 THEN '\xe8e9' ELSE '\x61' END, 'LATIN1') AS x FROM generate_series(1, 300) AS i;
SELECT encoder_learn('t') AS e \gset
SELECT encoder_learn('t', marks_unseen => true) AS m \gset
SELECT convert_from(:'e', 'SQL_ASCII') LIKE '%' || convert_from('\xc3a9', 'SQL_ASCII') || '%' AS stored_as_utf8, encoder_canonical(:'e') = :'e' AS same;
SELECT count(*) FILTER (WHERE (encoder_encode(:'e', t))[1] = 'NaN') AS missing FROM t;
\c regress_aipipe_euc
CREATE EXTENSION aipipe_test;
SET search_path = public, aipipe_test;
CREATE TABLE t AS SELECT convert_from(CASE i % 3 WHEN 0 THEN '\xa4a2a4a4'::bytea WHEN 1 THEN '\x8fb0a1' ELSE '\x61' END, 'EUC_JP') AS x, i FROM generate_series(1, 300) AS i;
SELECT encoder_encode(encoder_learn('SELECT x FROM t'), t) AS code, octet_length(x), count(*) FROM t GROUP BY 1, 2 ORDER BY 1;
SELECT encoder_encode(encoder_learn('SELECT x FROM t', marks_unseen => true), t) AS code, octet_length(x), count(*) FROM t GROUP BY 1, 2 ORDER BY 1;
SELECT encoder_encode(encoder_learn('SELECT x || i AS x FROM t', text_buckets => 0), s) FROM (SELECT repeat(x, 400) AS x FROM t WHERE i IN (3, 4)) AS s;
\c :home
SET search_path = public, aipipe_test;
-- what LATIN1 stored, in a UTF8 database
SELECT encoder_encode(:'e', s) FROM (VALUES ('é'), ('èé'), ('a'), ('e')) AS s(x);
SELECT encoder_encode(:'m', s) FROM (VALUES ('é'), ('èé'), ('a'), ('aé')) AS s(x);
DROP DATABASE regress_aipipe_ascii;
DROP DATABASE regress_aipipe_latin;
DROP DATABASE regress_aipipe_euc;
