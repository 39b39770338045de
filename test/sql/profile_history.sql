-- Profiles that are kept, and what is different between two.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE orders (id int, amount float8, status text, email text, placed timestamptz, code text, ok boolean);
INSERT INTO orders
SELECT i, 20 + (i * 7919 % 1000) / 10.0, (ARRAY['new', 'paid', 'sent'])[1 + i % 3], 'user' || i || '@example.com',
       '2026-01-01 00:00+00'::timestamptz + i * interval '7 minutes', lpad((i % 90)::text, 3, '0'), i % 2 = 0
  FROM generate_series(1, 480) i;

-- nothing to compare
SELECT * FROM aipipe.profile_diff('orders');
SELECT aipipe.profile_snapshot('orders') AS first \gset
SELECT * FROM aipipe.profile_diff('orders');
SELECT relation, rows, share, batch, taken_by = current_user::regrole AS mine, taken_at BETWEEN now() - interval '1 minute' AND clock_timestamp() AS fresh
  FROM aipipe.profile;
SELECT position, column_name, type, aipipe.sketch_count(sketch) AS count, aipipe.sketch_kind(sketch) AS kind
  FROM aipipe.profile_column ORDER BY position;

-- the same rows: no change; other rows of the same feed: none that matters, though its time and serial number went on
SELECT aipipe.profile_snapshot('orders') AS second \gset
SELECT * FROM aipipe.profile_diff('orders');
CREATE TABLE later AS
SELECT i AS id, (20 + (i * 6007 % 1000) / 10.0)::float8 AS amount, (ARRAY['new', 'paid', 'sent'])[1 + i % 3] AS status, 'user' || i || '@example.com' AS email,
       '2026-01-01 00:00+00'::timestamptz + i * interval '7 minutes' AS placed, lpad((i % 90)::text, 3, '0') AS code, i % 2 = 0 AS ok
  FROM generate_series(2001, 2480) i;
SELECT aipipe.profile_snapshot('later') AS later \gset
SELECT * FROM aipipe.profile_diff(:first, :later);

-- everything that can change, most changed first
UPDATE orders SET
    status = CASE WHEN id % 10 = 0 THEN 'lost' WHEN status = 'paid' THEN 'new' ELSE status END,
    amount = CASE WHEN id % 4 = 0 THEN amount * 100 WHEN id % 100 = 1 THEN 'NaN' WHEN id = 7 THEN 'Infinity' ELSE amount END,
    email = CASE WHEN id % 5 = 0 THEN NULL WHEN id % 7 = 0 THEN 'none' ELSE email END,
    code = CASE WHEN id > 240 THEN code || 'X' ELSE code END;
ALTER TABLE orders ADD COLUMN extra int DEFAULT 1, DROP COLUMN placed, ALTER COLUMN ok TYPE text;
DELETE FROM orders WHERE id % 3 <> 0;
SELECT aipipe.profile_snapshot('orders') AS third \gset
SELECT column_name, change, round(score::numeric, 2) AS score, before, after, sentence FROM aipipe.profile_diff('orders');
SELECT bool_and(score >= next) AS most_changed_first
  FROM (SELECT score, lead(score) OVER () AS next FROM aipipe.profile_diff(:first, :third)) d WHERE next IS NOT NULL;

-- by time: the profiles that were the latest then
SELECT count(*) FROM aipipe.profile_diff('orders', now() + interval '1 day', now() + interval '1 day');
SELECT count(*) > 10 FROM aipipe.profile_diff('orders', (SELECT taken_at FROM aipipe.profile WHERE id = :first), 'infinity');
SELECT * FROM aipipe.profile_diff('orders', '2020-01-01', '2021-01-01');

-- a tiny profile differs by chance in everything, and says nothing
CREATE TABLE few AS SELECT * FROM later WHERE id % 60 = 7;
SELECT aipipe.profile_snapshot('few') AS few \gset
SELECT column_name, change, sentence FROM aipipe.profile_diff(:first, :few);
-- nor do a hundred rows: an index above .1 and other shares of NULL are what chance gives
CREATE VIEW noise AS SELECT i, ('x' || substr(md5(i::text), 1, 7))::bit(28)::int AS v, CASE WHEN i % 46 > 0 THEN i % 3 END AS n FROM generate_series(1, 480) i;
CREATE VIEW less_noise AS SELECT i, ('x' || substr(md5('j' || i), 1, 7))::bit(28)::int AS v, CASE WHEN i % 21 > 0 THEN i % 3 END AS n FROM generate_series(1, 110) i;
SELECT aipipe.profile_snapshot('noise', columns => ARRAY['v', 'n']) AS noise, aipipe.profile_snapshot('less_noise', columns => ARRAY['v', 'n']) AS less \gset
SELECT c.column_name, aipipe.sketch_psi(c.sketch, d.sketch) > .1 AS differs, aipipe.sketch_nulls(c.sketch) AS nulls, aipipe.sketch_nulls(d.sketch) AS less_nulls
  FROM aipipe.profile_column c JOIN aipipe.profile_column d ON d.column_name = c.column_name WHERE c.profile = :noise AND d.profile = :less ORDER BY 1;
SELECT column_name, change, sentence FROM aipipe.profile_diff(:noise, :less);
-- farther beyond than the old range was wide is worth a word, were it one row
CREATE VIEW far AS SELECT i, CASE WHEN i = 5 THEN 2147483647 ELSE v END AS v, n FROM noise;
SELECT aipipe.profile_snapshot('far', columns => ARRAY['v', 'n']) AS far \gset
SELECT column_name, change, before::bigint < after::bigint AS up, after FROM aipipe.profile_diff(:noise, :far);
DROP VIEW far, less_noise, noise;
CREATE TABLE nobody (LIKE later);
SELECT aipipe.profile_snapshot('nobody') AS nobody \gset
SELECT column_name, change, sentence FROM aipipe.profile_diff(:first, :nobody);
SELECT column_name, change, sentence FROM aipipe.profile_diff(:nobody, :first);

-- some of the columns; a table without any
SELECT aipipe.profile_snapshot('later', columns => ARRAY['code', 'id']) AS part \gset
SELECT column_name FROM aipipe.profile_column WHERE profile = :part ORDER BY position;
CREATE TABLE bare ();
SELECT aipipe.profile_snapshot('bare') > 0;

-- sketches of many profiles make one
SELECT aipipe.sketch_count(aipipe.profile_merge(sketch)), round(aipipe.sketch_distinct(aipipe.profile_merge(sketch)))
  FROM aipipe.profile_column WHERE profile IN (:first, :later) AND column_name = 'status';

-- errors
SELECT aipipe.profile_snapshot(NULL);
SELECT aipipe.profile_snapshot('later', NULL);
SELECT aipipe.profile_snapshot('later', 0);
SELECT aipipe.profile_snapshot('later', columns => ARRAY['cod']);
SELECT * FROM aipipe.profile_diff(NULL::regclass);
SELECT * FROM aipipe.profile_diff(NULL::bigint, 1);
SELECT * FROM aipipe.profile_diff(1, -5);
BEGIN READ ONLY; SELECT aipipe.profile_snapshot('later'); ROLLBACK;

-- who may read: the role that took it and the table's owner, also after the table is gone; not who takes its name
CREATE ROLE regress_profile_taker;
CREATE ROLE regress_profile_other;
GRANT SELECT ON later TO regress_profile_taker;
GRANT CREATE ON SCHEMA public TO regress_profile_other;
SET ROLE regress_profile_taker;
SELECT count(*) FROM aipipe.profile;
SELECT aipipe.profile_snapshot('later') AS taken \gset
SELECT relation FROM aipipe.profile;
SELECT count(*) FROM aipipe.profile_diff(:taken, :taken);
\set VERBOSITY sqlstate
SELECT count(*) FROM aipipe.profile_diff(:taken, :first);
\set VERBOSITY terse
SELECT aipipe.profile_snapshot('orders');
SELECT * FROM aipipe.profile_column_data;
RESET ROLE;
DROP TABLE later;
SET ROLE regress_profile_other;
CREATE TABLE later (id int);
SELECT count(*) FROM aipipe.profile;
SELECT count(*) FROM aipipe.profile_column;
SELECT aipipe.profile_prune('later', 'infinity');
RESET ROLE;

-- a temporary table has a history too, under the name by which every session knows its own
CREATE TEMPORARY TABLE passing AS SELECT i, 'a'::text AS word FROM generate_series(1, 200) i;
SELECT aipipe.profile_snapshot('passing') > 0;
UPDATE passing SET word = 'b';
SELECT aipipe.profile_snapshot('passing') > 0;
SELECT column_name, change FROM aipipe.profile_diff('passing');
SELECT relation FROM aipipe.profile WHERE relation LIKE '%passing' ORDER BY id;
SELECT aipipe.profile_prune('passing', 'infinity');
DROP TABLE passing;

-- forgetting
SELECT aipipe.profile_prune('orders', '2020-01-01');
SELECT aipipe.profile_prune('orders', 'infinity');
SELECT count(*) FROM aipipe.profile WHERE relation = 'public.orders';
SELECT count(*) FROM aipipe.profile_column_data c WHERE NOT EXISTS (SELECT FROM aipipe.profile_data p WHERE p.id = c.profile);
SELECT aipipe.profile_prune('orders', NULL);

DROP TABLE orders, later, few, nobody, bare;
REVOKE ALL ON SCHEMA public FROM regress_profile_other;
DELETE FROM aipipe.profile_column_data;
DELETE FROM aipipe.profile_data;
DROP ROLE regress_profile_taker, regress_profile_other;
