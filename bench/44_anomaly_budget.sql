-- Does a budget keep what it promises?  A nominal 1 % on clean rows that the detector never saw, and 0.1 %; and what one-shot exploration and a backtest take.
-- Three seeds each of numbers of many shapes, categories of uneven shares, and NULLs; all rows are clean.
\ir common.sql
\echo 'What thresholds by percentile and by budget flag of 100,000 clean rows that came later; trained on 20,000 and on 100,000 rows'
SELECT setseed(.44);
DROP TABLE IF EXISTS bench.mixed;
CREATE TABLE bench.mixed AS
SELECT i AS id, timestamptz '2024-01-01' + i * interval '30 seconds' AS at,
       -ln(1 - random()) AS exponential, exp(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) AS lognormal,
       sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS normal, floor(random() ^ 3 * 50)::int AS small, random() < .02 AS rare_flag,
       CASE WHEN random() > .05 THEN random() ^ 2 END AS holes,
       'k' || floor(random() ^ 4 * 30)::int AS skewed, 'c' || floor(random() * 6)::int AS even, CASE WHEN random() < .001 THEN 'odd' || floor(random() * 40)::int ELSE 'usual' END AS odd
FROM generate_series(1, 200000) i;
DROP TABLE IF EXISTS bench.budget;
CREATE TABLE bench.budget (rule text, trained int, seed int, nominal float8, threshold float8, chosen_on text, share float8);
CREATE OR REPLACE PROCEDURE bench.try_budget(rule jsonb, rows int, seed int) LANGUAGE plpgsql AS $$
DECLARE
	made int;
BEGIN
	made := aipipe.anomaly_train('bench_budget', format('SELECT * FROM bench.mixed WHERE id <= %s', rows),
	    ARRAY['exponential', 'lognormal', 'normal', 'small', 'rare_flag', 'holes', 'skewed', 'even', 'odd'], jsonb_build_object('threshold', rule, 'seed', seed));
	PERFORM aipipe.model_promote('bench_budget', made);
	INSERT INTO bench.budget
	SELECT rule, rows, try_budget.seed, (v.metrics ->> 'nominal_share')::float8, v.threshold, v.metrics ->> 'threshold_chosen_on',
	       (SELECT avg((prediction >= v.threshold)::int) FROM aipipe.model_predict_batch('bench_budget', 'SELECT * FROM bench.mixed WHERE id > 100000'))
	FROM aipipe.model_version v WHERE v.model = 'bench_budget' AND v.version = made;
	COMMIT;
END $$;
DO $$
DECLARE
	rule jsonb;
	seed int;
BEGIN
	FOREACH rule IN ARRAY ARRAY['{"percentile": 0.99}', '{"percentile": 0.999}', '{"false_alarms": 28.8, "time": "at"}']::jsonb[] LOOP
		FOR seed IN 1 .. 3 LOOP
			CALL bench.try_budget(rule, 20000, seed);
			CALL bench.try_budget(rule, 100000, seed);
		END LOOP;
	END LOOP;
END $$;
SELECT format('%s, %s rows, seed %s: threshold %s chosen on %s flags %s %% of clean rows (nominal %s %%)', rule, trained, seed, round(threshold::numeric, 5), chosen_on, round((100 * share)::numeric, 3), round((100 * nominal)::numeric, 3))
FROM bench.budget ORDER BY rule, trained, seed;
SELECT bench.result('clean rows flagged, nominal 1 %, worst of 12', 100 * max(share), '%', NULL, NULL, '<= 1.5', max(share) <= .015) FROM bench.budget WHERE nominal > .005;
SELECT bench.result('clean rows flagged, nominal 0.1 %, worst of 6', 100 * max(share), '%', NULL, NULL, '<= 0.2', max(share) <= .002) FROM bench.budget WHERE nominal < .005;

\echo 'One call to the strangest rows, and a backtest of 69 days: CPU seconds'
SELECT bench.result('anomaly_detect over 200,000 rows', bench.cost_ns($$SELECT count(*) FROM aipipe.anomaly_detect('bench.mixed', ARRAY['exponential', 'lognormal', 'normal', 'small', 'rare_flag', 'holes', 'skewed', 'even', 'odd'])$$) / 1e9, 's CPU', NULL, NULL, '', true);
SELECT bench.result('anomaly_backtest, frozen, 200,000 rows', bench.cost_ns($$SELECT count(*) FROM aipipe.anomaly_backtest('bench_budget', 'bench.mixed', 'at')$$) / 1e9, 's CPU', NULL, NULL, '', true);
SELECT bench.result('anomaly_backtest, walking, retrained weekly on 30 days', bench.cost_ns($$SELECT count(*) FROM aipipe.anomaly_backtest('bench_budget', 'bench.mixed', 'at', '{"mode": "walk", "window": "30 days", "retrain": "7 days"}')$$) / 1e9, 's CPU', NULL, NULL, '', true);
SELECT aipipe.model_drop('bench_budget') \g /dev/null
DROP TABLE bench.mixed, bench.budget;
