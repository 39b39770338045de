-- What challengers, a split and the prediction log add to COPY through a statement gate: 200k rows × 20 columns, models of
-- 100 trees × depth 6, logged tables with a primary key.  Every gate accepts every row, so that nothing else is measured.
\ir common.sql
\set copied `echo "$BENCH_TMP/shadow.csv"`
SELECT format('COPY (SELECT * FROM bench.wide WHERE id <= 200000 ORDER BY id) TO %L WITH (FORMAT csv)', :'copied') AS export \gset
:export;
-- The same trees under names of their own: alone, with a challenger, and with a version that serves a tenth.
CREATE OR REPLACE PROCEDURE bench.shadow_model(name text, versions int)
LANGUAGE plpgsql AS $$
BEGIN
	FOR version IN 1 .. versions LOOP
		PERFORM aipipe.model_import(name, aipipe.model_export('bench_100x6'), ARRAY(SELECT 'f' || i FROM generate_series(1, 20) AS i), 'classification', ARRAY['false', 'true']);
	END LOOP;
END $$;
CALL bench.shadow_model('bench_alone', 1);
CALL bench.shadow_model('bench_shadow', 2);
CALL bench.shadow_model('bench_split', 2);
SELECT aipipe.model_alias('bench_shadow', 'challenger', 2), aipipe.model_split('bench_split', 2, .1) \g /dev/null
CREATE OR REPLACE PROCEDURE bench.shadow_table(relation text, detector text, params jsonb)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE bench.%I (LIKE bench.wide, PRIMARY KEY (id))', relation);
	PERFORM aipipe.gate_create(format('bench.%I', relation)::regclass, detector, 'statement', 'accept', 1, params => params);
END $$;
CALL bench.shadow_table('shadow_alone', 'bench_alone', '{}');
CALL bench.shadow_table('shadow_off', 'bench_shadow', '{"log": 0}');
CALL bench.shadow_table('shadow_tenth', 'bench_shadow', '{"log": 0.1}');
CALL bench.shadow_table('shadow_all', 'bench_shadow', '{}');
CALL bench.shadow_table('shadow_split', 'bench_split', '{"log": 0}');

CREATE OR REPLACE PROCEDURE bench.shadow_turns(file text, rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	relation text;
BEGIN
	DELETE FROM bench.cost c WHERE c.what LIKE 'shadow%';
	FOR round IN 0 .. rounds LOOP
		FOREACH relation IN ARRAY ARRAY['shadow_alone', 'shadow_off', 'shadow_tenth', 'shadow_all', 'shadow_split'] LOOP
			EXECUTE format('TRUNCATE bench.%I, aipipe.prediction_data', relation);
			COMMIT;
			INSERT INTO bench.cost SELECT relation, round, bench.cost_ns(format('COPY bench.%I FROM %L WITH (FORMAT csv)', relation, file));
			COMMIT;
		END LOOP;
	END LOOP;
	DELETE FROM bench.cost c WHERE c.what LIKE 'shadow%' AND c.round = 0;
END $$;

\echo 'COPY of 200,000 rows: champion alone, challenger with the log off, recorded for 10 % and 100 % of the keys, a split; five rounds in turns'
CALL bench.shadow_turns(:'copied', 5);
SELECT format('%s: %s ms CPU', what, round((bench.median_ns(what) / 1e6)::numeric, 1)) FROM bench.cost GROUP BY what HAVING what LIKE 'shadow%' ORDER BY min(ns);
SELECT format('%s: %s batches, %s predictions recorded, %s not', relation, count(*), sum(recorded), sum(shadow_errors)) FROM aipipe.batch WHERE relation LIKE 'bench.shadow%' GROUP BY relation ORDER BY relation;
SELECT bench.result(name, bench.median_ns(what) / 1e6, 'ms CPU', round((alone / 1e6)::numeric, 1)::text, bench.median_ns(what) / alone, '<= ' || goal, bench.median_ns(what) / alone <= goal)
FROM (SELECT bench.median_ns('shadow_alone') AS alone) AS s,
     (VALUES (1, 'COPY 200k x 20, a challenger and the log off', 'shadow_off', 1.05), (2, 'COPY 200k x 20, a split of 10 %, the log off', 'shadow_split', 1.1),
             (3, 'COPY 200k x 20, a challenger, 10 % recorded', 'shadow_tenth', 1.15), (4, 'COPY 200k x 20, a challenger, all recorded', 'shadow_all', 1.75)) AS g (n, name, what, goal)
ORDER BY n;
