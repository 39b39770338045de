-- The catalogue of sources, and what their batches measure.
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE TABLE feed (id int, amount float8, note text);
SELECT aipipe.source_register('web orders', 'feed', 'orders of the web shop', '{"contact": "shop@example.com", "every": "1 hour"}') > 0;
SELECT name, relation, description, contact, every, owner = current_user::regrole AS mine FROM aipipe.source;
-- no gate: nothing is measured yet
SELECT dimension, measure, value, unit FROM aipipe.source_report('web orders');

SELECT aipipe.gate_create('feed', timing => 'statement', params => '{"profile": true}') > 0;
INSERT INTO feed SELECT i, i, CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 = 1 THEN 'n/a' ELSE 'AB-' || 100 + i % 9 END FROM generate_series(1, 200) i;
INSERT INTO feed SELECT i, i, 'AB-1' FROM generate_series(1, 100) i;
INSERT INTO feed VALUES (1, 1, 'x');
ALTER TABLE feed ADD COLUMN extra date, ALTER COLUMN amount TYPE numeric;
ALTER TABLE feed DROP COLUMN note;
INSERT INTO feed SELECT i, i, '2024-01-01' FROM generate_series(1, 100) i;
SELECT rows, bytes, profile IS NOT NULL AS profiled FROM aipipe.source_batches('web orders');
SELECT dimension, measure, CASE WHEN unit = 'seconds' THEN value >= 0 ELSE NULL END AS sane, CASE WHEN unit <> 'seconds' THEN round(value::numeric, 6) END AS value, unit,
       CASE WHEN measure IN ('rows per batch', 'types', 'patterns of text', 'cells that are not NULL', 'texts that say something', 'overdue') THEN detail END AS detail
  FROM aipipe.source_report('web orders');
SELECT column_name, change, before, after FROM aipipe.source_schema_changes('web orders');
SELECT (SELECT sum(value::int) FROM jsonb_each_text(detail)) AS batches, (SELECT count(*) FROM jsonb_each_text(detail)) AS bins
  FROM aipipe.source_velocity('web orders') WHERE measure LIKE 'batches by %';

-- rows that a gate holds back count against the source; both gates count, one measures
CREATE TABLE known AS SELECT 10 + (i * 7919 % 100) / 10.0 AS amount FROM generate_series(1, 500) i;
SELECT aipipe.anomaly_train('amounts', 'known', params => '{"seed": 1}');
CREATE TABLE other (id int PRIMARY KEY, amount float8);
SELECT aipipe.source_register('other', 'other') > 0;
SELECT aipipe.gate_create('other', params => '{"profile": true, "profile_rows": 1}') > 0, aipipe.gate_create('other', 'amounts') > 0;
INSERT INTO other SELECT i, CASE WHEN i % 10 = 0 THEN 1e9 ELSE 15 END FROM generate_series(1, 100) i;
SELECT measure, round(value::numeric, 4) FROM aipipe.source_veracity('other');
SELECT rows FROM aipipe.source_batches('other');

-- changing and dropping
SELECT aipipe.source_alter('web orders', description => 'other words', params => '{"every": "2 days"}');
SELECT aipipe.source_alter('web orders', 'other');
SELECT name, relation, description, contact, every FROM aipipe.source ORDER BY name;
SELECT aipipe.source_alter('web orders', params => '{"every": null}');
SELECT description, contact, every FROM aipipe.source WHERE name = 'web orders';
SELECT aipipe.source_alter('web orders', description => '', params => '{"contact": null}');
SELECT description, contact, every FROM aipipe.source WHERE name = 'web orders';

-- errors
SELECT aipipe.source_register('web orders', 'feed');
SELECT aipipe.source_register('', 'feed');
SELECT aipipe.source_register(NULL, 'feed');
SELECT aipipe.source_register('x', NULL);
SELECT aipipe.source_register('x', 0);
SELECT aipipe.source_register('x', 'pg_class_oid_index');
SELECT aipipe.source_register('x', 'feed', params => '{"evry": "1 hour"}');
SELECT aipipe.source_register('x', 'feed', params => '{"every": "soon"}');
SELECT aipipe.source_register('x', 'feed', params => '{"every": "-1 hour"}');
SELECT aipipe.source_alter('nobody');
SELECT aipipe.source_drop('nobody');
SELECT * FROM aipipe.source_report('nobody');
SELECT * FROM aipipe.source_report(NULL);
SELECT * FROM aipipe.source_volume('nobody');
SELECT * FROM aipipe.source_velocity('nobody');
SELECT * FROM aipipe.source_variety('nobody');
SELECT * FROM aipipe.source_veracity('nobody');
SELECT * FROM aipipe.source_schema_changes('nobody');
SELECT * FROM aipipe.source_report('other', 0);
-- as many days as there are
SELECT count(*) FROM aipipe.source_report('other', 2147483647);

-- rights: to read the table to register and see, to own the source to change it
CREATE ROLE regress_source_reader;
SET ROLE regress_source_reader;
SELECT count(*) FROM aipipe.source;
SELECT aipipe.source_register('mine', 'feed');
RESET ROLE;
GRANT SELECT ON feed TO regress_source_reader;
SET ROLE regress_source_reader;
SELECT aipipe.source_register('mine', 'feed') > 0;
SELECT name FROM aipipe.source ORDER BY name;
SELECT aipipe.source_alter('other', description => 'taken');
SELECT aipipe.source_drop('web orders');
-- batches are those of gates of one's own roles
SELECT count(*) FROM aipipe.source_batches('mine');
SELECT * FROM aipipe.source_data;
RESET ROLE;
-- a source in a schema that a role may not use hides itself from it, and nothing else
CREATE SCHEMA source_secret;
CREATE TABLE source_secret.hidden (id int);
GRANT SELECT ON source_secret.hidden TO regress_source_reader;
SELECT aipipe.source_register('secret', 'source_secret.hidden') > 0;
SET ROLE regress_source_reader;
SELECT name FROM aipipe.source ORDER BY name;
SELECT count(*) > 0 AS answers FROM aipipe.source_report('mine');
SELECT count(*) FROM aipipe.source_report('secret');
RESET ROLE;
GRANT USAGE ON SCHEMA source_secret TO regress_source_reader;
SET ROLE regress_source_reader;
SELECT name FROM aipipe.source ORDER BY name;
RESET ROLE;
-- a dropped table leaves its source to its owner
DROP SCHEMA source_secret CASCADE;
SELECT name, relation FROM aipipe.source WHERE name = 'secret';
SELECT value FROM aipipe.source_volume('secret') WHERE measure = 'batches';
SET ROLE regress_source_reader;
SELECT aipipe.source_drop('mine');
RESET ROLE;

SELECT aipipe.source_drop(name) FROM aipipe.source;
SELECT count(*) FROM aipipe.source_data;
DROP TABLE feed, known, other;
DROP ROLE regress_source_reader;
SELECT aipipe.model_drop('amounts');
DELETE FROM aipipe.profile_column_data;
DELETE FROM aipipe.profile_data;
