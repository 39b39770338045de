-- Statement timing: all rows of a statement at once, after they landed.
SELECT setval('aipipe.gate_data_id_seq', 2000, false) AS gate, setval('aipipe.decision_data_id_seq', 2000, false) AS decision \gset base_

CREATE TABLE stmt_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('stmt_size', 'regression', 'stmt_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');

CREATE TABLE stmt_q (id int, part text DEFAULT 'a', amount float8, twice float8 GENERATED ALWAYS AS (amount * 2) STORED, PRIMARY KEY (id, part));
SELECT aipipe.gate_create('stmt_q', 'stmt_size', timing => 'statement', threshold => 0.5, params => '{"update": true}');
\d stmt_q
INSERT INTO stmt_q (id, amount) VALUES (1, 10), (2, 2000), (3, 30);
INSERT INTO stmt_q (id, amount) SELECT i, CASE WHEN i % 40 = 0 THEN 9999 ELSE 5 END FROM generate_series(101, 400) i;
COPY stmt_q (id, amount) FROM stdin;
1001	1
1002	5000
\.
SELECT count(*), max(amount) FROM stmt_q;
SELECT "row", score, event FROM aipipe.quarantine WHERE relation = 'public.stmt_q' ORDER BY id LIMIT 3;
SELECT event, rows, accepted, quarantined, score_min, score_max, round(score_mean::numeric, 4) AS score_mean FROM aipipe.batch WHERE relation = 'public.stmt_q' ORDER BY id;
-- an update that goes wrong takes the row along
UPDATE stmt_q SET amount = 7000 WHERE id IN (1, 3) AND part = 'a';
INSERT INTO stmt_q (id, amount) VALUES (101, 8000), (102, 1), (9, 1), (10, 9000) ON CONFLICT (id, part) DO UPDATE SET amount = EXCLUDED.amount;
SELECT event, rows, accepted, quarantined FROM aipipe.batch WHERE relation = 'public.stmt_q' ORDER BY id OFFSET 3;
SELECT event, key, "row" FROM aipipe.decision WHERE relation = 'public.stmt_q' ORDER BY id OFFSET 9;
SELECT count(*) FROM stmt_q WHERE amount > 1000;

-- Mark and reject; no score column.
CREATE TABLE stmt_mark (id int, amount float8);
CREATE TABLE stmt_reject (id int, amount float8);
SELECT aipipe.gate_create('stmt_mark', 'stmt_size', 'statement', 'mark', 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_create('stmt_reject', 'stmt_size', 'statement', 'reject', 0.5) IS NOT NULL AS created;
INSERT INTO stmt_mark SELECT i, i * 100 FROM generate_series(1, 12) i;
INSERT INTO stmt_reject SELECT i, i * 100 FROM generate_series(1, 12) i;
SELECT (SELECT count(*) FROM stmt_mark) AS marked_in, (SELECT count(*) FROM stmt_reject) AS rejected_in;
SELECT "row" FROM aipipe.decision WHERE relation = 'public.stmt_mark' ORDER BY id;
SELECT aipipe.gate_create('stmt_mark', 'stmt_size', 'statement', 'quarantine', 0.5);

-- A large statement spills its transition table; every row has one decision.
SET work_mem = '64kB';
CREATE TABLE stmt_large (id int PRIMARY KEY, amount float8, pad text);
SELECT aipipe.gate_create('stmt_large', 'stmt_size', 'statement', 'quarantine', 0.5) IS NOT NULL AS created;
INSERT INTO stmt_large SELECT i, CASE WHEN i % 100 = 7 THEN 1e5 ELSE 1 END, repeat('x', 50) FROM generate_series(1, 20000) i;
RESET work_mem;
SELECT count(*), count(*) FILTER (WHERE amount > 1000) AS bad FROM stmt_large;
SELECT rows, accepted, quarantined FROM aipipe.batch WHERE relation = 'public.stmt_large';
SELECT count(DISTINCT "row"->>'id'), bool_and(("row"->>'id')::int % 100 = 7) FROM aipipe.quarantine WHERE relation = 'public.stmt_large';

-- Other triggers: one that changes rows after they landed (the decision keeps what left), one that keeps rows from leaving.
CREATE TABLE stmt_after (id int PRIMARY KEY, amount float8, note text);
CREATE FUNCTION stmt_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.stmt_after SET note = 'seen by a trigger' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON stmt_after FOR EACH ROW EXECUTE FUNCTION stmt_note();
SELECT aipipe.gate_create('stmt_after', 'stmt_size', 'statement', 'quarantine', 0.5) IS NOT NULL AS created;
INSERT INTO stmt_after VALUES (1, 1), (2, 2000);
SELECT * FROM stmt_after;
SELECT "row" FROM aipipe.quarantine WHERE relation = 'public.stmt_after';
CREATE FUNCTION stmt_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON stmt_after FOR EACH ROW EXECUTE FUNCTION stmt_keep();
INSERT INTO stmt_after VALUES (3, 3), (4, 4000);
DROP TRIGGER keep ON stmt_after;
-- a gate that judges updates too: the trigger's UPDATE takes the row, and the INSERT ends because it is not there (documented)
SELECT aipipe.gate_drop('stmt_after');
SELECT aipipe.gate_create('stmt_after', 'stmt_size', 'statement', 'quarantine', 0.5, params => '{"update": true}') IS NOT NULL AS created;
INSERT INTO stmt_after VALUES (3, 3), (4, 4000);
INSERT INTO stmt_after VALUES (3, 3);
SELECT * FROM stmt_after;
SELECT count(*) FROM aipipe.quarantine WHERE relation = 'public.stmt_after';
DELETE FROM stmt_after WHERE id = 3;
-- the key is gone
ALTER TABLE stmt_after DROP CONSTRAINT stmt_after_pkey;
INSERT INTO stmt_after VALUES (5, 5);
INSERT INTO stmt_after VALUES (6, 6000);
SELECT id FROM stmt_after ORDER BY id;

-- Keys of every kind: domains over types whose operators are polymorphic, names to quote, types that a bare cast would cut.
CREATE TYPE "stmt mood" AS ENUM ('fine', 'bad');
CREATE DOMAIN stmt_mood AS "stmt mood";
CREATE DOMAIN "stmt Deep" AS stmt_mood;
CREATE DOMAIN stmt_tags AS text[];
CREATE DOMAIN stmt_span AS int4range;
CREATE DOMAIN stmt_code AS char(6);
CREATE DOMAIN stmt_bits AS bit(6);
CREATE TYPE stmt_pair AS (a int, b text);
CREATE DOMAIN stmt_both_domain AS stmt_pair;
CREATE TABLE stmt_keys (e stmt_mood, "D e" "stmt Deep", t stmt_tags, s stmt_span, c stmt_code, b stmt_bits, p stmt_both_domain, da stmt_mood[], ch "char", v varchar(3), bp char(3), amount float8,
    PRIMARY KEY (e, "D e", t, s, c, b, p, da, ch, v, bp));
SELECT aipipe.gate_create('stmt_keys', 'stmt_size', 'statement', 'quarantine', 0.5, params => '{"update": true}') IS NOT NULL AS created;
INSERT INTO stmt_keys VALUES ('bad', 'bad', '{a,b}', '[1,2)', 'abcdef', '101010', '(1,x)', '{bad}', 'x', 'abc', 'abc', 5000), ('bad', 'bad', '{a,b}', '[1,2)', 'abcdeg', '101011', '(1,x)', '{bad}', 'x', 'abd', 'abd', 5);
SELECT * FROM stmt_keys;
SELECT key FROM aipipe.quarantine WHERE relation = 'public.stmt_keys';
-- a held update finds its row by such a key, too
SELECT aipipe.gate_drop('stmt_keys');
SELECT aipipe.gate_create('stmt_keys', 'stmt_size', 'row', 'quarantine', 0.5, params => '{"update": true}') IS NOT NULL AS created;
UPDATE stmt_keys SET amount = 7000;
SELECT aipipe.quarantine_release(max(id), '{"amount": 6}') FROM aipipe.quarantine WHERE relation = 'public.stmt_keys';
SELECT e, amount FROM stmt_keys;
DROP TABLE stmt_keys;
DROP DOMAIN "stmt Deep", stmt_tags, stmt_span, stmt_code, stmt_bits, stmt_both_domain;
DROP DOMAIN stmt_mood;
DROP TYPE "stmt mood", stmt_pair;
-- what would make a removal fail is an error at once
CREATE TABLE stmt_rule (id int PRIMARY KEY, amount float8);
CREATE RULE notify AS ON DELETE TO stmt_rule DO ALSO NOTIFY stmt_rule;
SELECT aipipe.gate_create('stmt_rule', 'stmt_size', 'statement', 'quarantine', 0.5);
SELECT aipipe.gate_create('stmt_rule', 'stmt_size', 'statement', 'mark', 0.5) IS NOT NULL AS created;
CREATE TABLE stmt_rule_child () INHERITS (stmt_rule);
DROP RULE notify ON stmt_rule;
SELECT aipipe.gate_drop('stmt_rule');
SELECT aipipe.gate_create('stmt_rule', 'stmt_size', 'statement', 'quarantine', 0.5, params => '{"children": true}');
DROP TABLE stmt_rule, stmt_rule_child;

-- Row and statement timing together, and the limits of several gates.
CREATE TABLE stmt_both (id int PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('stmt_both', 'stmt_size', 'statement', 'quarantine', 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_create('stmt_both', 'stmt_size', 'row', 'mark', 0.5) IS NOT NULL AS created;
SELECT aipipe.gate_create('stmt_both', 'stmt_size', 'row', 'quarantine', 0.5);
SELECT aipipe.model_train('stmt_size2', 'regression', 'stmt_history', 'bad', features => ARRAY['amount'], params => '{"n_estimators": 1}');
SELECT aipipe.gate_create('stmt_both', 'stmt_size2', 'statement', 'quarantine', 0.5);
INSERT INTO stmt_both VALUES (1, 1), (2, 2000);
SELECT * FROM stmt_both;
SELECT decision, key FROM aipipe.decision WHERE relation = 'public.stmt_both' ORDER BY id;
SELECT aipipe.gate_drop('stmt_both');

-- Who inserts needs INSERT only.
CREATE ROLE regress_gate_loader;
GRANT INSERT ON stmt_q TO regress_gate_loader;
SET ROLE regress_gate_loader;
INSERT INTO stmt_q (id, amount) VALUES (5001, 1), (5002, 5000);
SELECT * FROM aipipe.quarantine;
SELECT * FROM aipipe.batch;
RESET ROLE;
SELECT role, rows, quarantined FROM aipipe.batch ORDER BY id DESC LIMIT 1;
SELECT "row", role FROM aipipe.quarantine WHERE model = 'stmt_size' ORDER BY id DESC LIMIT 1;
-- a release by hand
SELECT aipipe.quarantine_release(max(id), '{"amount": 50}') FROM aipipe.quarantine WHERE relation = 'public.stmt_q';
SELECT * FROM stmt_q WHERE id >= 5001 ORDER BY id;

DROP TABLE stmt_history, stmt_q, stmt_mark, stmt_reject, stmt_large, stmt_after, stmt_both;
DROP FUNCTION stmt_note(), stmt_keep();
DROP ROLE regress_gate_loader;
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector = 'stmt_size';
SELECT aipipe.model_drop('stmt_size'), aipipe.model_drop('stmt_size2');
