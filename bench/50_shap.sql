-- Explanations of 100 trees × depth 6: our kernel against the library's pred_contribs at one thread, and what a query pays a row.
-- The kernels run over 3,000 rows, five times, as 100,000 of the library's take minutes; neither's cost a row depends on their number.
\ir common.sql
SELECT to_regclass('bench.explained') IS NULL AS missing \gset
\if :missing
	CREATE TABLE bench.explained AS SELECT f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20 FROM bench.wide WHERE id <= 5000;
	VACUUM ANALYZE bench.explained;
\endif

SELECT k.ours, k.by_paths, k.library FROM aipipe_test.bench_shap(aipipe.model_export('bench_100x6'), 3000) AS k \gset
SELECT format('kernels, µs of CPU per row: ours %s, the algorithm of Lundberg et al. in our nodes %s, the library %s',
              round((:ours / 1e3)::numeric, 1), round((:by_paths / 1e3)::numeric, 1), round((:library / 1e3)::numeric, 1));
SELECT bench.result('SHAP of 100 trees × depth 6 against the library''s pred_contribs, one thread', :ours / 1e3, 'µs per row',
                    round((:library / 1e3)::numeric, 1)::text, :library / :ours, '>= 2', :library / :ours >= 2);

CALL bench.take_turns(ARRAY['model_explain'], ARRAY['SELECT count(*) FROM bench.explained t, aipipe.model_explain(''bench_100x6'', t)'], 3);
SELECT bench.result('model_explain in a SELECT over 5,000 rows', bench.median_ns('model_explain') / 5e6, 'µs per row',
                    round((:library / 1e3)::numeric, 1)::text, :library / (bench.median_ns('model_explain') / 5e3), '>= 2',
                    :library / (bench.median_ns('model_explain') / 5e3) >= 2);
