-- A detector that goes on learning: a champion and more rows become the next version.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA anomaly_refresh;
SET search_path = anomaly_refresh;
-- 5,000 rows around 50, then 5,000 around 80: numbers that are random enough, the same everywhere
CREATE TABLE feed AS SELECT i AS id, round((50 + 10 * (sin(i * 12.9898) + sin(i * 78.233) + sin(i * 37.719)) + CASE WHEN i > 5000 THEN 30 ELSE 0 END)::numeric, 4)::float8 AS amount,
       round((5 + sin(i * 4.1414) + sin(i * 93.9898))::numeric, 4)::float8 AS weight, CASE i % 3 WHEN 0 THEN 'EUR' WHEN 1 THEN 'USD' ELSE 'GBP' END AS currency
FROM generate_series(1, 10000) i;
CREATE VIEW old_rows AS SELECT amount, weight, currency FROM feed WHERE id <= 5000;
CREATE VIEW new_rows AS SELECT amount, weight, currency FROM feed WHERE id > 5000;
CREATE FUNCTION severity(detector text, version int, amount float8) RETURNS numeric LANGUAGE sql AS
$$ SELECT round(aipipe.model_predict(detector, r, version)::numeric, 2) FROM (SELECT amount AS amount, 5::float8 AS weight, 'EUR' AS currency) r $$;

SELECT aipipe.model_train('refresh_l', 'anomaly', 'old_rows', algorithm => 'loda');
-- what came with the new rows is no longer strange; what neither showed stays so
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows');
SELECT severity('refresh_l', 1, 50) < 0.9 AS old_was_ordinary, severity('refresh_l', 2, 50) < 0.9 AS still_ordinary,
       severity('refresh_l', 1, 95) > 0.99 AS new_was_strange, severity('refresh_l', 2, 95) < 0.95 AS is_ordinary_now, severity('refresh_l', 2, 300) > 0.999 AS wild_is_strange;
SET client_min_messages = error;
-- it serves at once, is remembered as what it is, and can be taken back
SELECT version, algorithm, row_count, source, metrics -> 'refresh' AS refresh FROM aipipe.model_version WHERE model = 'refresh_l' ORDER BY version;
SELECT action, old_version, new_version, why FROM aipipe.model_alias_history WHERE model = 'refresh_l' AND alias = 'champion' ORDER BY id;
SELECT a.params = b.params AS same_params, a.features = b.features AS same_features FROM aipipe.model_version a, aipipe.model_version b WHERE a.model = 'refresh_l' AND a.version = 1 AND b.model = 'refresh_l' AND b.version = 2;
SELECT aipipe.model_rollback('refresh_l');
SELECT aipipe.anomaly_score('refresh_l', r) > 0.99 AS strange_again FROM (SELECT 95::float8 AS amount, 5::float8 AS weight, 'EUR' AS currency) r;

-- the same champion and rows: the same bytes; without promotion it serves nobody
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', promote => false);
SELECT count(DISTINCT sha256) AS different, count(*) AS versions FROM aipipe.model_version WHERE model = 'refresh_l' AND version IN (2, 3);
SELECT version FROM aipipe.model_alias WHERE model = 'refresh_l' AND alias = 'champion';
-- keep: what the old rows are still worth
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', keep => 0.01, promote => false), aipipe.anomaly_refresh('refresh_l', 'new_rows', keep => 1, promote => false);
SELECT severity('refresh_l', 4, 50) > severity('refresh_l', 2, 50) AS forgotten_sooner, severity('refresh_l', 5, 50) <= severity('refresh_l', 2, 50) AS kept_longer;
-- counts are decayed: 5,000 old rows of weight a half and 5,000 new ones
SELECT version, (convert_from(aipipe.model_export('refresh_l', version), 'UTF8')::jsonb ->> 'rows')::float8 AS rows FROM generate_series(1, 5) version ORDER BY 1;
SELECT bool_and(round(n) = 7500) AS all_counted
FROM (SELECT (p ->> 'below')::float8 + (p ->> 'above')::float8 + (SELECT sum(c::float8) FROM jsonb_array_elements_text(p -> 'count') c) AS n
      FROM jsonb_array_elements(convert_from(aipipe.model_export('refresh_l', 2), 'UTF8')::jsonb -> 'projections') p) s;

-- again and again: histograms grow to where the rows go and stay bounded
SELECT aipipe.model_promote('refresh_l', 1);
DO $$ BEGIN
    FOR i IN 1..6 LOOP
        PERFORM aipipe.anomaly_refresh('refresh_l', format('SELECT amount + %s AS amount, weight, currency FROM old_rows', i * i * 1000));
    END LOOP; END $$;
SELECT max(jsonb_array_length(p -> 'count')) <= 384 AS bounded, severity('refresh_l', 11, 36050) < 0.9 AS follows
FROM jsonb_array_elements(convert_from(aipipe.model_export('refresh_l', 11), 'UTF8')::jsonb -> 'projections') p;

-- the isolation forest: the oldest trees make room, the others stay as they are
SELECT aipipe.model_train('refresh_f', 'anomaly', 'old_rows', algorithm => 'isolation_forest', params => '{"n_estimators": 40}');
SELECT aipipe.anomaly_refresh('refresh_f', 'new_rows', promote => false), aipipe.anomaly_refresh('refresh_f', 'new_rows', promote => false), aipipe.anomaly_refresh('refresh_f', 'new_rows', keep => 0.9, promote => false),
       aipipe.anomaly_refresh('refresh_f', 'SELECT * FROM new_rows LIMIT 30', promote => false), aipipe.anomaly_refresh('refresh_f', 'new_rows', keep => 1, promote => false);
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'refresh_f' AND version IN (2, 3);
CREATE FUNCTION trees(version int) RETURNS TABLE (n bigint, tree jsonb) LANGUAGE sql AS
$$ SELECT n, t - 'id' FROM jsonb_array_elements(convert_from(aipipe.model_export('refresh_f', version), 'UTF8')::jsonb -> 'forest' -> 'learner' -> 'gradient_booster' -> 'model' -> 'trees') WITH ORDINALITY x(t, n) $$;
SELECT v.version, (SELECT count(*) FROM trees(v.version) WHERE n <= 40) AS trees, (SELECT count(*) FROM trees(1) a JOIN trees(v.version) b USING (tree) WHERE a.n <= 40) AS kept, (SELECT min(a.n) FROM trees(1) a JOIN trees(v.version) b USING (tree)) AS oldest_kept
FROM (VALUES (2), (4), (5), (6)) v(version) ORDER BY 1;
SELECT severity('refresh_f', 1, 95) > severity('refresh_f', 2, 95) + 0.2 AS is_more_ordinary, severity('refresh_f', 2, 50) < 0.9 AS still_ordinary, severity('refresh_f', 2, 3000) > 0.99 AS wild_is_strange;
-- its guards: what never was stays strange until it comes often
CREATE FUNCTION nulls(version int) RETURNS bool LANGUAGE sql AS
$$ SELECT aipipe.model_predict('refresh_f', r, version) > 0.99 FROM (SELECT NULL::float8 AS amount, 5::float8 AS weight, 'EUR' AS currency) r $$;
SELECT aipipe.anomaly_refresh('refresh_f', 'SELECT CASE WHEN id % 5000 > 0 THEN amount END AS amount, weight, currency FROM feed', promote => false), aipipe.anomaly_refresh('refresh_f', 'SELECT CASE WHEN id % 4 > 0 THEN amount END AS amount, weight, currency FROM feed', promote => false);
SELECT version, nulls(version) AS null_is_strange FROM unnest(ARRAY[1, 2, 7, 8]) version;
-- the default detector: each component learns on
SELECT aipipe.anomaly_train('refresh_e', 'old_rows');
SELECT aipipe.anomaly_refresh('refresh_e', 'new_rows');
SELECT severity('refresh_e', 1, 95) > severity('refresh_e', 2, 95) AS is_more_ordinary, severity('refresh_e', 2, 3000) > 0.99 AS wild_is_strange, (SELECT jsonb_array_length(metrics -> 'drift') > 1 FROM aipipe.model_version WHERE model = 'refresh_e' AND version = 2) AS parts;

-- dirty rows: NULL, NaN, infinity, a category never seen, columns in another order and more of them
SELECT aipipe.model_promote('refresh_l', 1);
CREATE VIEW dirty AS SELECT 'XXX' AS currency, 1 AS more, CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN NULL ELSE '1e300' END::float8 AS amount, NULL::float8 AS weight
FROM generate_series(1, 100) i;
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT * FROM dirty', promote => false);
SELECT severity('refresh_l', 12, 50) < 0.95 AS still_serves, severity('refresh_l', 12, 1e9) > 0.95 AS wild_is_strange;
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT * FROM new_rows LIMIT 1', promote => false);

-- a statement sees one champion
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows') FROM generate_series(1, 2);

-- bad input leaves no version
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT * FROM new_rows WHERE false');
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT amount FROM new_rows');
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT ''x''::text AS amount, weight, currency FROM new_rows');
SELECT aipipe.anomaly_refresh('refresh_l', 'no_such');
SELECT aipipe.anomaly_refresh('no_such', 'new_rows');
SELECT aipipe.anomaly_refresh(NULL, 'new_rows');
SELECT aipipe.anomaly_refresh('refresh_l', NULL);
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', NULL);
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', promote => NULL);
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', 0);
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', 1.5);
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows', 'NaN');
SELECT aipipe.model_train('refresh_b', 'regression', 'old_rows', 'amount', algorithm => 'baseline');
SELECT aipipe.anomaly_refresh('refresh_b', 'new_rows');
SET aipipe.train_max_memory = '1MB';
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT * FROM new_rows, generate_series(1, 100)');
RESET aipipe.train_max_memory;
BEGIN READ ONLY;
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows');
ROLLBACK;
SET statement_timeout = '300ms';
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT n.* FROM new_rows n, generate_series(1, 5000)');
RESET statement_timeout;
SELECT max(version) FROM aipipe.model_version WHERE model = 'refresh_l';

-- an artifact that is for other rows than its version's encoder gives, as somebody who writes the tables may leave it
CREATE VIEW narrow AS SELECT amount FROM old_rows;
CREATE FUNCTION misfit(what text, members jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	said text;
	detail text;
	hint text;
BEGIN
	PERFORM aipipe.anomaly_train('refresh_wide_' || what, 'old_rows', params => members), aipipe.anomaly_train('refresh_narrow_' || what, 'narrow', params => members);
	UPDATE aipipe.model_version_data v SET artifact = n.artifact
	FROM aipipe.model_version_data n, aipipe.model_data w, aipipe.model_data m
	WHERE w.name = 'refresh_wide_' || what AND v.model_id = w.id AND m.name = 'refresh_narrow_' || what AND n.model_id = m.id;
	PERFORM aipipe.anomaly_refresh('refresh_wide_' || what, 'new_rows');
	RETURN 'refreshed';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s | %s | %s', state, said, detail, hint);
END $$;
SELECT what, misfit(what, members) FROM (VALUES ('forest', '{"algorithm": "isolation_forest", "n_estimators": 5}'::jsonb), ('cells', '{"algorithm": "cell_surprise"}'), ('loda', '{"algorithm": "loda", "projections": 10}')) v(what, members);
SELECT aipipe.model_train('refresh_trees', 'anomaly', 'old_rows', algorithm => 'isolation_forest', params => '{"n_estimators": 5}');
UPDATE aipipe.model_version_data SET params = params || '{"n_estimators": 9}' WHERE model_id = (SELECT id FROM aipipe.model_data WHERE name = 'refresh_trees');
SELECT aipipe.anomaly_refresh('refresh_trees', 'new_rows');

-- rights: to manage the model and to read the source
CREATE ROLE regress_refresher;
GRANT USAGE ON SCHEMA anomaly_refresh TO regress_refresher;
SET ROLE regress_refresher;
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT 1::float8 AS amount, 2::float8 AS weight, ''EUR'' AS currency');
RESET ROLE;
SELECT aipipe.model_grant('refresh_l', 'regress_refresher', 'predict');
SET ROLE regress_refresher;
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT 1::float8 AS amount, 2::float8 AS weight, ''EUR'' AS currency');
RESET ROLE;
SELECT aipipe.model_grant('refresh_l', 'regress_refresher', 'manage');
SET ROLE regress_refresher;
SELECT aipipe.anomaly_refresh('refresh_l', 'new_rows');
SELECT aipipe.anomaly_refresh('refresh_l', 'SELECT 1::float8 AS amount, 2::float8 AS weight, ''EUR'' AS currency') AS granted;
RESET ROLE;

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'refresh\_%' ORDER BY name;
DROP SCHEMA anomaly_refresh CASCADE;
DROP ROLE regress_refresher;
