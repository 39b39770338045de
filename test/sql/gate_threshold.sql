-- A gate without a threshold of its own decides by that of the version that serves a row.
-- ids far from those of other tests
SELECT setval('aipipe.gate_data_id_seq', 20000, false) AS gate, setval('aipipe.decision_data_id_seq', 200000, false) AS decision \gset base_
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE SCHEMA gate_threshold;
SET search_path = gate_threshold;
CREATE TABLE history AS SELECT i AS amount FROM generate_series(1, 1000) i;
-- three versions of one detector, the last without a threshold
SELECT aipipe.anomaly_train('own', 'history', params => jsonb_build_object('threshold', t, 'seed', 1)) FROM unnest(ARRAY[0.9, 0.5, NULL]) t;
CREATE TABLE landing (id int PRIMARY KEY, amount int);
CREATE TABLE given (LIKE landing INCLUDING ALL);
SELECT aipipe.gate_create('landing', 'own', on_anomaly => 'mark', params => '{"reasons": 0}') IS NOT NULL AS created,
       aipipe.gate_create('given', 'own', on_anomaly => 'mark', threshold => 0.25, params => '{"reasons": 0}') IS NOT NULL AS created;
SELECT relation, threshold FROM aipipe.gate WHERE detector = 'own' ORDER BY id;
-- what lands, and how many of it each statement marks, against what the scores say
CREATE FUNCTION land(relation text) RETURNS TABLE (threshold numeric, model_version int, marks boolean, right_count boolean, right_threshold boolean) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('TRUNCATE %I', relation);
    EXECUTE format('INSERT INTO %I SELECT i, i * 37 %% 1000 FROM generate_series(1, 300) i', relation);
    RETURN QUERY EXECUTE format('SELECT b.threshold::numeric, b.model_version, b.marked > 0, b.marked = (SELECT count(*) FROM %I l WHERE aipipe.anomaly_score(''own'', l) >= b.threshold),
        (SELECT bool_and(d.threshold = b.threshold AND d.score >= d.threshold) FROM aipipe.decision d WHERE d.batch = b.id) FROM aipipe.batch b WHERE b.relation = %L ORDER BY b.id DESC LIMIT 1',
        relation, 'gate_threshold.' || relation);
END $$;
SELECT * FROM land('landing');
SELECT aipipe.model_promote('own', 2);
SELECT * FROM land('landing');
SELECT aipipe.model_promote('own', 3);
SELECT * FROM land('landing');
SELECT aipipe.model_rollback('own');
SELECT * FROM land('landing');
-- a given threshold stays, whatever serves
SELECT * FROM land('given');
SELECT aipipe.model_promote('own', 1);
SELECT * FROM land('given');

-- an arm of a split decides by its own: each decision bears it
SELECT aipipe.model_split('own', 2, 0.5);
TRUNCATE landing;
INSERT INTO landing SELECT i, i * 37 % 1000 FROM generate_series(1, 300) i;
SELECT d.model_version, d.threshold, bool_and(d.score >= d.threshold) AS reaches, bool_or(d.score < 0.9) AS below_the_champions
FROM aipipe.decision d WHERE d.batch = (SELECT max(id) FROM aipipe.batch WHERE relation = 'gate_threshold.landing') GROUP BY 1, 2 ORDER BY 1;
SELECT threshold, model_version FROM aipipe.batch WHERE relation = 'gate_threshold.landing' ORDER BY id DESC LIMIT 1;
SELECT aipipe.model_split('own', 2, 0);

-- reject says which threshold was reached
SELECT aipipe.gate_drop('landing');
SELECT aipipe.gate_drop('given');
SELECT aipipe.gate_create('landing', 'own', on_anomaly => 'reject', params => '{"reasons": 0}') IS NOT NULL AS created;
TRUNCATE landing;
DO $$ BEGIN
    INSERT INTO landing VALUES (1, 1000000000);
EXCEPTION WHEN check_violation THEN
    DECLARE detail text;
    BEGIN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; RAISE NOTICE '%', substring(detail FROM 'reaches threshold [0-9.]*[0-9]'); END;
END $$;
SELECT aipipe.gate_drop('landing');

-- statement timing; a model that is gone leaves no threshold
SELECT aipipe.gate_create('landing', 'own', timing => 'statement', on_anomaly => 'mark', on_error => 'quarantine', params => '{"reasons": 0}') IS NOT NULL AS created;
SELECT * FROM land('landing');
SET client_min_messages = error;
SELECT aipipe.model_drop('own');
TRUNCATE landing;
INSERT INTO landing VALUES (1, 1);
RESET client_min_messages;
SELECT rows, quarantined, errors, threshold FROM aipipe.batch WHERE relation = 'gate_threshold.landing' ORDER BY id DESC LIMIT 1;
SELECT threshold, score FROM aipipe.quarantine WHERE relation = 'gate_threshold.landing';
SELECT aipipe.gate_drop('landing');

-- a classifier's own threshold, and half without one; a value has no usual threshold
SELECT aipipe.model_train('own class', 'classification', 'SELECT amount, amount > 500 AS y FROM history', 'y', params => jsonb_build_object('n_estimators', 3, 'threshold', t)) FROM unnest(ARRAY[0.25, NULL]) t;
SELECT aipipe.gate_create('landing', 'own class', on_anomaly => 'mark', params => '{"reasons": 0}') IS NOT NULL AS created;
INSERT INTO landing SELECT i, i * 100 FROM generate_series(1, 9) i;
SELECT aipipe.model_promote('own class', 2);
INSERT INTO landing SELECT i + 10, i * 100 FROM generate_series(1, 9) i;
SELECT threshold, model_version FROM aipipe.batch WHERE model = 'own class' ORDER BY id;
SELECT aipipe.gate_drop('landing');
SELECT aipipe.model_train('own value', 'regression', 'SELECT amount, amount * 2.0 AS y FROM history', 'y', params => '{"n_estimators": 1}');
SELECT aipipe.gate_create('landing', 'own value', on_anomaly => 'mark');
-- the same name becomes a model of values: its rows cannot be judged
SELECT aipipe.gate_create('landing', 'own class', on_anomaly => 'mark', on_error => 'reject') IS NOT NULL AS created;
SELECT aipipe.model_drop('own class');
SELECT aipipe.model_train('own class', 'regression', 'SELECT amount, amount * 2.0 AS y FROM history', 'y', params => '{"n_estimators": 1}');
INSERT INTO landing VALUES (100, 1);
SELECT aipipe.gate_drop('landing');

SET client_min_messages = warning;
SELECT aipipe.model_drop('own class'), aipipe.model_drop('own value');
DROP SCHEMA gate_threshold CASCADE;
