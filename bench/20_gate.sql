-- What a gate adds to COPY: 1M rows × 20 columns, model of 100 trees × depth 6, logged table without indexes.
-- The threshold lets it decide on one row in 10,000; each such row is explained (TreeSHAP), which is shown apart.
\ir common.sql
\set copied `echo "$BENCH_TMP/wide.csv"`
SELECT format('COPY (SELECT * FROM bench.wide ORDER BY id) TO %L WITH (FORMAT csv)', :'copied') AS export \gset
:export;
SELECT percentile_cont(.9999) WITHIN GROUP (ORDER BY prediction) AS threshold FROM aipipe.model_predict_batch('bench_100x6', 'bench.wide') \gset
DROP TABLE IF EXISTS bench.load_plain, bench.load_row, bench.load_statement;
CREATE TABLE bench.load_plain (LIKE bench.wide);
CREATE TABLE bench.load_row (LIKE bench.wide);
CREATE TABLE bench.load_statement (LIKE bench.wide);
SELECT aipipe.gate_create('bench.load_row', 'bench_100x6', on_anomaly => 'quarantine', threshold => :threshold) \g /dev/null
SELECT aipipe.gate_create('bench.load_statement', 'bench_100x6', timing => 'statement', on_anomaly => 'mark', threshold => :threshold) \g /dev/null

-- TRUNCATE commits first: rows are written to the WAL, as in a table that is in use.
CREATE OR REPLACE PROCEDURE bench.copy_turns(file text, rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	memory text;
	what text;
BEGIN
	DELETE FROM bench.cost c WHERE c.what LIKE 'copy%';
	FOR round IN 1 .. rounds LOOP
		FOR relation, memory IN VALUES ('load_plain', '64MB'), ('load_row', '64MB'), ('load_statement', '64MB'), ('load_statement', '4MB') LOOP
			EXECUTE format('TRUNCATE bench.%I', relation);
			PERFORM set_config('work_mem', memory, false);
			COMMIT;
			what := format('copy %s %s', relation, memory);
			INSERT INTO bench.cost SELECT what, round, bench.cost_ns(format('COPY bench.%I FROM %L WITH (FORMAT csv)', relation, file));
			COMMIT;
		END LOOP;
	END LOOP;
END $$;

\echo 'COPY of 1,000,000 rows: no trigger, row gate, statement gate with work_mem 64MB and 4MB, three rounds in turns'
CALL bench.copy_turns(:'copied', 3);
SELECT format('%s: %s s CPU', what, round((bench.median_ns(what) / 1e9)::numeric, 2)) FROM bench.cost GROUP BY what HAVING what LIKE 'copy%' ORDER BY min(ns);
SELECT format('batches: %s; decided on %s of %s rows', count(*), sum(marked + quarantined), sum(rows)) FROM aipipe.batch WHERE relation LIKE 'bench.load%';
SELECT bench.result('COPY 1M x 20 through a row gate', bench.median_ns('copy load_row 64MB') / 1e9, 's CPU', round((p / 1e9)::numeric, 2)::text,
                    bench.median_ns('copy load_row 64MB') / p, '<= 2.0', bench.median_ns('copy load_row 64MB') / p <= 2.0)
FROM (SELECT bench.median_ns('copy load_plain 64MB') AS p) AS s;
SELECT bench.result('COPY 1M x 20 through a statement gate, work_mem 64MB', bench.median_ns('copy load_statement 64MB') / 1e9, 's CPU', round((p / 1e9)::numeric, 2)::text,
                    bench.median_ns('copy load_statement 64MB') / p, '<= 1.6', bench.median_ns('copy load_statement 64MB') / p <= 1.6)
FROM (SELECT bench.median_ns('copy load_plain 64MB') AS p) AS s;
SELECT bench.result('COPY 1M x 20 through a statement gate, work_mem 4MB', bench.median_ns('copy load_statement 4MB') / 1e9, 's CPU', round((p / 1e9)::numeric, 2)::text,
                    bench.median_ns('copy load_statement 4MB') / p, '', NULL)
FROM (SELECT bench.median_ns('copy load_plain 64MB') AS p) AS s;
SELECT bench.cost_ns('SELECT count(*) FROM (SELECT * FROM bench.wide LIMIT 300) AS t, LATERAL aipipe.model_explain(''bench_100x6'', t) AS e') / 300 / 1e6 AS ms \gset
SELECT bench.result('reasons of one decided row, 100 trees x depth 6', :ms, 'ms', NULL, NULL, '', NULL);

\echo 'a feed that went wrong as a whole: 10,000 rows, all quarantined, with every row explained, with the default explain_limit of 1,000, and with none'
DROP TABLE IF EXISTS bench.load_wrong;
CREATE TABLE bench.load_wrong (LIKE bench.wide);
CREATE OR REPLACE FUNCTION bench.load_wrong(explain int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	gate bigint := aipipe.gate_create('bench.load_wrong', 'bench_100x6', threshold => 0, params => jsonb_build_object('explain_limit', explain));
	ns float8 := bench.cost_ns('INSERT INTO bench.load_wrong SELECT * FROM bench.wide LIMIT 10000');
BEGIN
	PERFORM aipipe.gate_drop('bench.load_wrong', gate);
	RETURN ns;
END $$;
SELECT bench.load_wrong(10000) / 1e9 AS every, bench.load_wrong(1000) / 1e9 AS some, bench.load_wrong(0) / 1e9 AS none \gset
SELECT bench.result('10,000 rows, all quarantined, explain_limit 1000', :some, 's CPU', round(:every::numeric, 2) || ' (every row explained)', :every / :some, '>= 3', :every / :some >= 3);
SELECT bench.result('10,000 rows, all quarantined, explain_limit 0', :none, 's CPU', NULL, NULL, '', NULL);
DROP FUNCTION bench.load_wrong(int);
DROP TABLE bench.load_wrong;
DROP TABLE bench.load_plain, bench.load_row, bench.load_statement;
RESET work_mem;
