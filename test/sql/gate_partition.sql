-- Partitioned tables and inheritance: every way into a partition is judged exactly once.
SELECT setval('aipipe.gate_data_id_seq', 3000, false) AS gate, setval('aipipe.decision_data_id_seq', 3000, false) AS decision \gset base_

CREATE TABLE part_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('part_size', 'regression', 'part_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');
CREATE VIEW part_batches AS SELECT relation, event, rows, accepted, marked, quarantined FROM aipipe.batch WHERE model = 'part_size' ORDER BY id;
CREATE FUNCTION part_reset() RETURNS void LANGUAGE sql AS $$ DELETE FROM aipipe.batch_data WHERE model = 'part_size'; DELETE FROM aipipe.decision_data WHERE model = 'part_size' $$;

-- Statement timing: root, leaves, a sub-partitioned table, a leaf attached later, one created later.
CREATE TABLE part_s (id int, region text, amount float8, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_s_eu PARTITION OF part_s FOR VALUES IN ('eu');
CREATE TABLE part_s_us PARTITION OF part_s FOR VALUES IN ('us') PARTITION BY RANGE (id);
CREATE TABLE part_s_us1 PARTITION OF part_s_us FOR VALUES FROM (0) TO (1000);
SELECT aipipe.gate_create('part_s', 'part_size', 'statement', 'quarantine', 0.5);
CREATE TABLE part_s_us2 PARTITION OF part_s_us FOR VALUES FROM (1000) TO (2000);
-- another column order, and a dropped column
CREATE TABLE part_s_as (gone int, amount float8, region text NOT NULL, id int NOT NULL, PRIMARY KEY (id, region));
ALTER TABLE part_s_as DROP COLUMN gone;
ALTER TABLE part_s ATTACH PARTITION part_s_as FOR VALUES IN ('as');
SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE tgfoid = 'aipipe.gate_trigger()'::regprocedure ORDER BY 1::text, 2;
SELECT relation, uncovered_partitions FROM aipipe.gate WHERE detector = 'part_size';
INSERT INTO part_s VALUES (1, 'eu', 1), (2, 'eu', 2000), (3, 'us', 3), (4, 'us', 4000), (1005, 'us', 5), (6, 'as', 6), (7, 'as', 7000);
INSERT INTO part_s_eu VALUES (10, 'eu', 10), (11, 'eu', 1100);
INSERT INTO part_s_us VALUES (20, 'us', 20), (1021, 'us', 2100);
INSERT INTO part_s_us2 VALUES (1030, 'us', 30), (1031, 'us', 3100);
INSERT INTO part_s_as VALUES (4000, 'as', 40), (41, 'as', 41);
COPY part_s FROM stdin (FORMAT csv);
50,eu,50
51,as,5100
\.
SELECT * FROM part_batches;
SELECT tableoid::regclass, id, amount FROM part_s ORDER BY id;
SELECT relation, "row" FROM aipipe.quarantine WHERE model = 'part_size' ORDER BY id;
SELECT aipipe.quarantine_release(min(id), '{"amount": 1}') FROM aipipe.quarantine WHERE model = 'part_size' AND "row"->>'region' = 'as';
SELECT tableoid::regclass, * FROM part_s WHERE region = 'as' ORDER BY id;
-- without the event trigger a new leaf is shown as uncovered
ALTER EVENT TRIGGER aipipe_gate_partitions DISABLE;
CREATE TABLE part_s_af PARTITION OF part_s FOR VALUES IN ('af');
SELECT relation, uncovered_partitions FROM aipipe.gate WHERE detector = 'part_size';
ALTER EVENT TRIGGER aipipe_gate_partitions ENABLE;
-- one that comes inside CREATE SCHEMA
CREATE SCHEMA part_area CREATE TABLE part_s_sa PARTITION OF public.part_s FOR VALUES IN ('sa') CREATE TABLE elsewhere (id int);
INSERT INTO part_area.part_s_sa VALUES (80, 'sa', 80), (81, 'sa', 8100);
SELECT * FROM part_area.part_s_sa;
-- what is detached is watched no more, with all below it, and is free to change its owner
CREATE ROLE regress_gate_part;
ALTER TABLE part_s DETACH PARTITION part_s_us;
ALTER TABLE part_s DETACH PARTITION part_area.part_s_sa CONCURRENTLY;
SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE tgfoid = 'aipipe.gate_trigger()'::regprocedure ORDER BY 1::text, 2;
ALTER TABLE part_s_us OWNER TO regress_gate_part;
ALTER TABLE part_s_us1 OWNER TO regress_gate_part;
INSERT INTO part_s_us VALUES (90, 'us', 9000);
INSERT INTO part_s_us1 VALUES (91, 'us', 9100);
INSERT INTO part_area.part_s_sa VALUES (92, 'sa', 9200);
SELECT count(*) FROM part_s_us;
-- a gate of the partition's own stays with it
SELECT aipipe.gate_create('part_s_eu', 'part_size', 'row', 'mark', 0.5) IS NOT NULL AS created;
ALTER TABLE part_s DETACH PARTITION part_s_eu;
SELECT tgname ~ '_open$|_close$|[0-9]$' AS own FROM pg_trigger WHERE tgrelid = 'part_s_eu'::regclass AND tgfoid = 'aipipe.gate_trigger()'::regprocedure;
SELECT aipipe.gate_drop('part_s_eu');
ALTER TABLE part_s ATTACH PARTITION part_s_eu FOR VALUES IN ('eu');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'part_s_eu'::regclass AND tgfoid = 'aipipe.gate_trigger()'::regprocedure;
DROP TABLE part_s_us;
DROP SCHEMA part_area CASCADE;
DROP ROLE regress_gate_part;
SELECT aipipe.gate_drop('part_s_eu');
SELECT aipipe.gate_drop('part_s');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'aipipe.gate_trigger()'::regprocedure;
SELECT part_reset();

-- Row timing: PostgreSQL copies the row trigger; direct loads into leaves have batches of their own.
CREATE TABLE part_r (id int, region text, amount float8, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_r_eu PARTITION OF part_r FOR VALUES IN ('eu');
SELECT aipipe.gate_create('part_r', 'part_size', 'row', 'quarantine', 0.5);
CREATE TABLE part_r_us (amount float8, region text NOT NULL, id int NOT NULL);
ALTER TABLE part_r ATTACH PARTITION part_r_us FOR VALUES IN ('us');
INSERT INTO part_r VALUES (1, 'eu', 1), (2, 'eu', 2000), (3, 'us', 3), (4, 'us', 4000);
INSERT INTO part_r_us VALUES (5000, 'us', 5), (6, 'us', 6);
COPY part_r_eu FROM stdin (FORMAT csv);
7,eu,7
8,eu,8000
\.
SELECT * FROM part_batches;
SELECT relation, "row" FROM aipipe.quarantine WHERE model = 'part_size' ORDER BY id;
-- a row that moves to another partition is no new row for a gate that does not judge updates
UPDATE part_r SET amount = 9000 WHERE id = 1;
UPDATE part_r SET region = 'us' WHERE id = 1;
SELECT tableoid::regclass, * FROM part_r WHERE id = 1;
SELECT count(*) FROM part_batches;
-- implicit batches: no statement trigger on the leaf
ALTER TABLE part_r_eu DISABLE TRIGGER zz_aipipe_gate_3002_open;
BEGIN;
INSERT INTO part_r_eu VALUES (20, 'eu', 20), (21, 'eu', 2100);
SAVEPOINT s;
INSERT INTO part_r_eu VALUES (22, 'eu', 2200);
ROLLBACK TO s;
INSERT INTO part_r_eu VALUES (23, 'eu', 23);
SELECT count(*) AS held_before_commit FROM aipipe.quarantine WHERE model = 'part_size' AND "row"->>'id' = '21';
COMMIT;
SELECT * FROM part_batches OFFSET 3;
SELECT count(DISTINCT batch), count(*) FROM aipipe.quarantine WHERE model = 'part_size';
ALTER TABLE part_r DETACH PARTITION part_r_us;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'part_r_us'::regclass AND tgfoid = 'aipipe.gate_trigger()'::regprocedure;
ALTER TABLE part_r ATTACH PARTITION part_r_us FOR VALUES IN ('us');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'part_r_us'::regclass AND tgfoid = 'aipipe.gate_trigger()'::regprocedure;
SELECT aipipe.gate_drop('part_r');
SELECT part_reset();

-- Row timing with updates: a moved row is judged once, as an update.
SELECT aipipe.gate_create('part_r', 'part_size', 'row', 'mark', 0.5, params => '{"update": true}');
UPDATE part_r SET region = 'eu' WHERE id = 1;
UPDATE part_r SET region = 'us', amount = 1 WHERE id = 1;
MERGE INTO part_r t USING (VALUES (3, 'us', 1e6), (30, 'eu', 3e6)) s (id, region, amount) ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET amount = s.amount WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.amount);
SELECT * FROM part_batches;
SELECT event, decision, key FROM aipipe.decision WHERE model = 'part_size' ORDER BY id;
SELECT aipipe.gate_drop('part_r');
SELECT part_reset();

-- A gate on a leaf alone.
SELECT aipipe.gate_create('part_r_eu', 'part_size', 'row', 'quarantine', 0.5) IS NOT NULL AS created;
INSERT INTO part_r VALUES (60, 'eu', 6000), (61, 'us', 6100);
-- for it a row that an UPDATE moves there is a new one: held, it is in neither partition, and its release puts it into the leaf
INSERT INTO part_r VALUES (62, 'us', 6200), (63, 'us', 63);
UPDATE part_r SET region = 'eu' WHERE id IN (62, 63);
SELECT tableoid::regclass, * FROM part_r WHERE id IN (62, 63);
SELECT event, state, "row" FROM aipipe.quarantine WHERE model = 'part_size' AND "row"->>'id' = '62';
SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE model = 'part_size' AND "row"->>'id' = '62';
SELECT tableoid::regclass, * FROM part_r WHERE id IN (62, 63);
SELECT aipipe.gate_create('part_r_eu', 'part_size', 'statement', 'mark', 0.5);
SELECT relation, "row" FROM aipipe.quarantine WHERE model = 'part_size';
SELECT * FROM part_batches;
SELECT part_reset();

-- Inheritance: children only when asked for.
CREATE TABLE part_parent (id int PRIMARY KEY, amount float8);
CREATE TABLE part_child (extra text, PRIMARY KEY (id)) INHERITS (part_parent);
SELECT aipipe.gate_create('part_parent', 'part_size', 'row', 'quarantine', 0.5) IS NOT NULL AS created;
INSERT INTO part_child VALUES (1, 1000000, 'not watched');
SELECT aipipe.gate_drop('part_parent');
SELECT aipipe.gate_create('part_parent', 'part_size', 'statement', 'quarantine', 0.5, params => '{"children": true}') IS NOT NULL AS created;
INSERT INTO part_child VALUES (2, 2000000, 'watched'), (3, 3, 'fine');
INSERT INTO part_parent VALUES (4, 4000);
SELECT relation, "row" FROM aipipe.quarantine WHERE model = 'part_size' ORDER BY id;
SELECT * FROM part_batches;
SELECT aipipe.quarantine_release(min(id), '{"amount": 2}') FROM aipipe.quarantine WHERE model = 'part_size';
SELECT tableoid::regclass, * FROM part_parent ORDER BY id;

-- An UPDATE of a parent gives its statement trigger the children's rows too: no key says whose they are.
SELECT aipipe.gate_drop('part_parent');
SELECT aipipe.gate_create('part_parent', 'part_size', 'statement', 'quarantine', 0.5, params => '{"update": true}');
SELECT aipipe.gate_create('part_parent', 'part_size', 'statement', 'accept', 0.5, on_error => 'quarantine', params => '{"update": true}');
CREATE TABLE part_later (id int PRIMARY KEY, amount float8, note text);
SELECT aipipe.gate_create('part_later', 'part_size', 'statement', 'quarantine', 0.5, params => '{"update": true}') IS NOT NULL AS created;
CREATE TABLE part_later_child (PRIMARY KEY (id)) INHERITS (part_later);
INSERT INTO part_later VALUES (1, 1, 'innocent'), (2, 2000, 'removed by INSERT');
INSERT INTO part_later_child VALUES (1, 10, 'of the child');
UPDATE part_later SET amount = 9000 WHERE note = 'of the child';
UPDATE part_later SET amount = amount + 1;
SELECT tableoid::regclass, * FROM part_later ORDER BY 1::text;
SELECT count(*) FROM aipipe.quarantine WHERE relation = 'public.part_later';

DROP TABLE part_later, part_later_child;
DROP TABLE part_s, part_r, part_parent, part_child, part_history;
DROP VIEW part_batches;
DROP FUNCTION part_reset();
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector = 'part_size';
SELECT aipipe.model_drop('part_size');
