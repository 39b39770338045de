-- What a prediction costs inside a query: per row in a SELECT, and a whole table in blocks.
\ir common.sql
SELECT to_regclass('bench.narrow') IS NULL AS missing \gset
\if :missing
	CREATE TABLE bench.narrow AS SELECT f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20 FROM bench.wide WHERE id <= 100000;
	VACUUM ANALYZE bench.narrow;
	CREATE TABLE bench.artifact AS SELECT aipipe.model_export('bench_100x6') AS model;
\endif

\echo 'model_predict in a SELECT over 100,000 rows, 20 columns, 100 trees × depth 6; the library per row over 5,000 of them'
CALL bench.take_turns(
	ARRAY['scan', 'no-op', 'model_predict', 'library per row'],
	ARRAY['SELECT count(f20) FROM bench.narrow',
	      'SELECT count(aipipe_test.noop(t)) FROM bench.narrow t',
	      'SELECT count(aipipe.model_predict(''bench_100x6'', t)) FROM bench.narrow t',
	      'SELECT count(aipipe_test.xgb_predict_row(a.model, t)) FROM bench.artifact a, (SELECT * FROM bench.narrow LIMIT 5000) t'], 5);
SELECT format('CPU per row: scan %s µs, no-op of the row %s µs, model_predict %s µs, DMatrix + XGBoosterPredict %s µs',
              round((bench.median_ns('scan') / 1e8)::numeric, 3), round((bench.median_ns('no-op') / 1e8)::numeric, 3),
              round((bench.median_ns('model_predict') / 1e8)::numeric, 3), round((bench.median_ns('library per row') / 5e6)::numeric, 3));
-- 1.5 µs on a quiet machine of the class where the no-op takes 0.43 µs: asserted as that ratio.
SELECT bench.result('model_predict per row above a no-op', above, 'µs', round(floor::numeric, 3) || ' (no-op)', above / floor, '<= 3.5 (1.5 µs)', above / floor <= 3.5 OR above <= 1.5)
FROM (SELECT (bench.median_ns('model_predict') - bench.median_ns('no-op')) / 1e8 AS above, bench.median_ns('no-op') / 1e8 AS floor) AS s;
SELECT bench.result('model_predict per row against a library call per row', bench.median_ns('model_predict') / 1e8, 'µs',
                    round((bench.median_ns('library per row') / 5e6)::numeric, 3)::text, r, '>= 15', r >= 15)
FROM (SELECT bench.median_ns('library per row') / 5e6 / (bench.median_ns('model_predict') / 1e8) AS r) AS s;

\echo 'blocks: our kernel against the library''s batch calls, one thread, same model'
SELECT percentile_cont(.5) WITHIN GROUP (ORDER BY (k).our_block) AS ours, percentile_cont(.5) WITHIN GROUP (ORDER BY (k).library_dmatrix) AS dmatrix,
       percentile_cont(.5) WITHIN GROUP (ORDER BY (k).library_inplace) AS inplace
FROM (SELECT aipipe_test.bench_kernel(model, 20000) AS k FROM bench.artifact, generate_series(1, 5)) AS s \gset
SELECT bench.result('block scoring against the library''s batch call', :ours / 1000, 'µs', round((least(:dmatrix, :inplace) / 1000)::numeric, 3)::text,
                    least(:dmatrix, :inplace) / :ours, '>= 3', least(:dmatrix, :inplace) / :ours >= 3);

\echo 'model_predict_batch over 1,000,000 rows × 20 columns, reading included, in turns with the bare kernel and the library''s batch call'
DELETE FROM bench.cost WHERE what IN ('kernel', 'library batch');
CALL bench.take_turns(ARRAY['scan of 1M', 'batch', 'kernels'],
	ARRAY['SELECT count(f20) FROM bench.wide',
	      'SELECT count(prediction) FROM aipipe.model_predict_batch(''bench_100x6'', ''bench.wide'')',
	      'INSERT INTO bench.cost SELECT w.what, 0, 1e6 * w.ns FROM bench.artifact, aipipe_test.bench_kernel(model, 20000) AS k,
	       LATERAL (VALUES (''kernel'', k.our_block), (''library batch'', least(k.library_dmatrix, k.library_inplace))) AS w(what, ns)'], 5);
SELECT format('CPU per row: scan %s µs, model_predict_batch %s µs, the kernel alone %s µs, the library''s batch call %s µs',
              round((bench.median_ns('scan of 1M') / 1e9)::numeric, 3), round((bench.median_ns('batch') / 1e9)::numeric, 3),
              round((bench.median_ns('kernel') / 1e9)::numeric, 3), round((bench.median_ns('library batch') / 1e9)::numeric, 3));
-- 1.0 µs on a quiet machine of the class where the library's batch call takes 2.3 µs: asserted as that ratio.
SELECT bench.result('block scan scoring of 1M rows, in all, against the library''s bare batch call', bench.median_ns('batch') / 1e9, 'µs per row',
                    round((bench.median_ns('library batch') / 1e9)::numeric, 3)::text, r, '<= 0.43 (1.0 µs)', r <= .43 OR bench.median_ns('batch') / 1e9 <= 1.0)
FROM (SELECT bench.median_ns('batch') / bench.median_ns('library batch') AS r) AS s;
