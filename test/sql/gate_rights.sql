-- Who may do what with gates, and with whose rights things run.
SELECT setval('aipipe.gate_data_id_seq', 7000, false) AS gate, setval('aipipe.decision_data_id_seq', 7000, false) AS decision \gset base_
CREATE ROLE regress_gate_model;
CREATE ROLE regress_gate_feed;
CREATE ROLE regress_gate_team IN ROLE regress_gate_feed;
CREATE ROLE regress_gate_other;
CREATE SCHEMA rights_area;
GRANT ALL ON SCHEMA rights_area TO regress_gate_model, regress_gate_feed, regress_gate_other;
SET search_path = rights_area;

SET ROLE regress_gate_model;
CREATE TABLE rights_history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
SELECT aipipe.model_train('rights_size', 'regression', 'rights_history', 'bad', features => ARRAY['amount'],
    params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');

-- the model's right, and the table's
SET ROLE regress_gate_feed;
CREATE TABLE rights_land (id int PRIMARY KEY, amount float8, score float8);
SELECT aipipe.gate_create('rights_land', 'rights_size', threshold => 0.5);
SET ROLE regress_gate_model;
SELECT aipipe.gate_create('rights_land', 'rights_size', threshold => 0.5);
SELECT aipipe.model_grant('rights_size', 'regress_gate_feed');
SET ROLE regress_gate_feed;
SELECT aipipe.gate_create('rights_land', 'rights_size', threshold => 0.5, score_column => 'score');
GRANT INSERT, TRIGGER ON rights_land TO regress_gate_other;

-- who inserts needs INSERT only, and sees nothing
SET ROLE regress_gate_other;
INSERT INTO rights_land VALUES (1, 1), (2, 2000);
SELECT count(*) FROM aipipe.gate;
SELECT count(*) FROM aipipe.batch;
SELECT count(*) FROM aipipe.decision;
SELECT count(*) FROM aipipe.quarantine;
SELECT count(*) FROM aipipe.decision_data;
SELECT count(*) FROM aipipe.gate_data;
SELECT count(*) FROM aipipe.batch_data;
SELECT aipipe.gate_pause('rights_land');
SELECT aipipe.gate_drop(NULL, 7000);
SELECT aipipe.quarantine_release(7000);
SELECT aipipe.quarantine_discard(7000);
SELECT nextval('aipipe.decision_data_id_seq');

-- a gate's trigger on somebody else's table, or a second time
CREATE TABLE rights_other (id int, amount float8, score float8);
CREATE TRIGGER zz_aipipe_gate_7000 BEFORE INSERT ON rights_other FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('7000');
INSERT INTO rights_other VALUES (1, 2000);
CREATE TRIGGER again BEFORE INSERT ON rights_land FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('7000');
INSERT INTO rights_land VALUES (3, 3);
SET ROLE regress_gate_feed;
DROP TRIGGER again ON rights_land;

-- members of the owner see and decide; release needs the caller's own right on the table
SET ROLE regress_gate_team;
SELECT relation, owner FROM aipipe.gate;
SELECT id, "row", role FROM aipipe.quarantine;
SELECT aipipe.gate_pause('rights_land');
SELECT aipipe.gate_resume('rights_land');
RESET ROLE;
REVOKE ALL ON rights_land FROM regress_gate_feed;
SET ROLE regress_gate_team;
SELECT aipipe.quarantine_release(7000);
RESET ROLE;
GRANT ALL ON rights_land TO regress_gate_feed;
-- a table that went to another owner is not the gate's any more: no row is judged there or given back
ALTER TABLE rights_land OWNER TO regress_gate_other;
GRANT INSERT ON rights_land TO regress_gate_feed;
SET ROLE regress_gate_team;
SELECT aipipe.quarantine_release(7000);
SELECT state FROM aipipe.quarantine;
-- the table's new owner may take the gate away, but not read what it held
SET ROLE regress_gate_other;
INSERT INTO rights_land VALUES (4, 4000) RETURNING *;
SELECT count(*) FROM aipipe.quarantine;
SELECT aipipe.gate_drop('rights_land');
INSERT INTO rights_land VALUES (5, 5000) RETURNING *;
DROP TABLE rights_other, rights_land;
-- a fake of a table that is gone: no rights on the gate, nothing to see, nothing given back
CREATE TABLE rights_land (id int PRIMARY KEY, amount float8, score float8);
CREATE TRIGGER zz_aipipe_gate_7000_open BEFORE INSERT ON rights_land FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('7000');
CREATE TRIGGER zz_aipipe_gate_7000 BEFORE INSERT ON rights_land FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('7000');
GRANT ALL ON rights_land TO regress_gate_feed;
SELECT aipipe.gate_pause('rights_land');
SELECT aipipe.gate_pause(NULL, 7000);
SELECT aipipe.gate_drop(NULL, 7000);
SELECT aipipe.gate_drop('rights_land', 7000);
INSERT INTO rights_land VALUES (1, 2000);
SET ROLE regress_gate_feed;
SELECT id, relation, state FROM aipipe.gate;
SELECT aipipe.quarantine_release(7000);
SELECT aipipe.gate_pause('rights_land', 7000);
SET ROLE regress_gate_other;
SELECT aipipe.gate_drop('rights_land');
SELECT aipipe.gate_drop('rights_land');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'rights_land'::regclass;
DROP TABLE rights_land;
-- and of one that was renamed: the gate stays with the table that it was made on
SET ROLE regress_gate_feed;
CREATE TABLE rights_named (id int PRIMARY KEY, amount float8);
SELECT aipipe.gate_create('rights_named', 'rights_size', threshold => 0.5);
ALTER TABLE rights_named RENAME TO rights_renamed;
SET ROLE regress_gate_other;
CREATE TABLE rights_named (id int PRIMARY KEY, amount float8);
CREATE TRIGGER zz_aipipe_gate_7001_open BEFORE INSERT ON rights_named FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('7001');
GRANT ALL ON rights_named TO regress_gate_feed;
SELECT aipipe.gate_pause(NULL, 7001);
SELECT aipipe.gate_drop('rights_named');
CREATE TRIGGER zz_aipipe_gate_7001_open BEFORE INSERT ON rights_named FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('7001');
SET ROLE regress_gate_feed;
INSERT INTO rights_renamed VALUES (1, 2000);
SELECT relation, state FROM aipipe.gate WHERE id = 7001;
SELECT aipipe.quarantine_release(max(id)) FROM aipipe.quarantine WHERE gate = 7001;
SELECT id FROM rights_renamed;
SELECT aipipe.gate_drop('rights_renamed');
DROP TABLE rights_renamed;
SET ROLE regress_gate_other;
DROP TABLE rights_named;

-- removal asks the owner's rights on the table, but its triggers run as who loads, as those of the INSERT do
SET ROLE regress_gate_feed;
CREATE TABLE rights_trap (id int PRIMARY KEY, amount float8);
CREATE TABLE rights_seen (who text, path text);
CREATE FUNCTION rights_spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO rights_area.rights_seen VALUES (current_user, current_setting('search_path'));
    RETURN OLD;
END $$;
CREATE TRIGGER spy BEFORE DELETE ON rights_trap FOR EACH ROW EXECUTE FUNCTION rights_spy();
RESET ROLE;
SELECT aipipe.gate_create('rights_trap', 'rights_size', 'statement', threshold => 0.5);
INSERT INTO rights_trap VALUES (1, 1), (2, 2000);
GRANT INSERT ON rights_trap, rights_seen TO regress_gate_other;
SET ROLE regress_gate_other;
INSERT INTO rights_trap VALUES (6, 6000);
RESET ROLE;
SELECT * FROM rights_seen;
SHOW search_path;
SELECT current_user = session_user AS myself_again;
SELECT aipipe.gate_drop('rights_trap');
-- nobody else can use a superuser's gate, though a superuser is a member of everything
SELECT aipipe.gate_create('rights_seen', 'rights_none');
CREATE TABLE rights_super (id int, amount float8);
SELECT aipipe.gate_create('rights_super', 'rights_size', threshold => 0.5);
SET ROLE regress_gate_other;
CREATE TABLE rights_copy (id int, amount float8);
CREATE TRIGGER zz_aipipe_gate_7003 BEFORE INSERT ON rights_copy FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('7003');
INSERT INTO rights_copy VALUES (1, 2000);
RESET ROLE;
SELECT aipipe.gate_drop('rights_super');
-- who may add triggers to the table gains nothing of its owner's
SET ROLE regress_gate_feed;
SELECT aipipe.gate_create('rights_trap', 'rights_size', 'statement', threshold => 0.5);
GRANT TRIGGER ON rights_trap TO regress_gate_other;
SET ROLE regress_gate_other;
CREATE FUNCTION rights_plant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'removed as %', current_user; RETURN OLD; END $$;
CREATE TRIGGER plant BEFORE DELETE ON rights_trap FOR EACH ROW EXECUTE FUNCTION rights_plant();
INSERT INTO rights_trap VALUES (3, 3000);
RESET ROLE;
DROP TRIGGER plant ON rights_trap;
SELECT id FROM rights_trap;

-- who loads through a view needs no USAGE on the table's schema
DROP TRIGGER spy ON rights_trap;
CREATE ROLE regress_gate_view;
SET ROLE regress_gate_feed;
CREATE VIEW rights_window AS SELECT * FROM rights_trap;
RESET ROLE;
ALTER VIEW rights_window SET SCHEMA public;
GRANT INSERT ON public.rights_window TO regress_gate_view;
SET ROLE regress_gate_view;
INSERT INTO public.rights_window VALUES (8, 8000);
SELECT * FROM rights_area.rights_trap;
RESET ROLE;
SELECT role, "row" FROM aipipe.quarantine ORDER BY id DESC LIMIT 1;
DROP VIEW public.rights_window;
DROP ROLE regress_gate_view;

-- row security of the table does not hide rows from the gate's own removal, unless it is forced on the owner
ALTER TABLE rights_trap ENABLE ROW LEVEL SECURITY;
CREATE POLICY loaders ON rights_trap FOR INSERT TO regress_gate_other WITH CHECK (true);
GRANT INSERT ON rights_trap TO regress_gate_other;
SET ROLE regress_gate_other;
INSERT INTO rights_trap VALUES (4, 4), (5, 5000);
RESET ROLE;
SELECT id FROM rights_trap ORDER BY id;
ALTER TABLE rights_trap FORCE ROW LEVEL SECURITY;
SET ROLE regress_gate_other;
INSERT INTO rights_trap VALUES (6, 6), (7, 7000);
RESET ROLE;

-- an owner who was dropped
RESET search_path;
DROP SCHEMA rights_area CASCADE;
DROP ROLE regress_gate_team;
DROP ROLE regress_gate_feed;
SELECT g.id, g.state FROM aipipe.gate g WHERE detector = 'rights_size' ORDER BY g.id;
SELECT count(aipipe.gate_drop(NULL, id)) FROM aipipe.gate WHERE detector = 'rights_size';
SELECT count(*) FROM aipipe.quarantine WHERE model = 'rights_size';
SELECT aipipe.model_drop('rights_size');
DROP ROLE regress_gate_model, regress_gate_other;
