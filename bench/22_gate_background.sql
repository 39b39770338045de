-- What background timing takes from the load and leaves to the drain: 200k rows × 20 columns, 100 trees × depth 6,
-- logged tables with a primary key.  Every gate accepts every row.  The drain judges what a load has noted, in the same
-- turn; the last line has it fetch its rows from a table that had 800,000 others before.
\ir common.sql
\set copied `echo "$BENCH_TMP/background.csv"`
SELECT format('COPY (SELECT * FROM bench.wide WHERE id <= 200000 ORDER BY id) TO %L WITH (FORMAT csv)', :'copied') AS export \gset
:export;
DROP TABLE IF EXISTS bench.background_none, bench.background_statement, bench.background_noted, bench.background_large;
CREATE OR REPLACE PROCEDURE bench.background_table(relation text, timing text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE bench.%I (LIKE bench.wide, PRIMARY KEY (id))', relation);
	IF timing IS NOT NULL THEN
		PERFORM aipipe.gate_create(format('bench.%I', relation)::regclass, 'bench_100x6', timing, 'accept', 1);
	END IF;
END $$;
CALL bench.background_table('background_none', NULL);
CALL bench.background_table('background_statement', 'statement');
CALL bench.background_table('background_noted', 'background');
CALL bench.background_table('background_large', NULL);
INSERT INTO bench.background_large SELECT * FROM bench.wide WHERE id > 200000;
VACUUM ANALYZE bench.background_large;
SELECT aipipe.gate_create('bench.background_large', 'bench_100x6', 'background', 'accept', 1) \g /dev/null

CREATE OR REPLACE PROCEDURE bench.background_turns(file text, rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	relation text;
BEGIN
	DELETE FROM bench.cost c WHERE c.what LIKE 'background%';
	FOR round IN 0 .. rounds LOOP
		FOREACH relation IN ARRAY ARRAY['background_none', 'background_statement', 'background_noted'] LOOP
			EXECUTE format('TRUNCATE bench.%I', relation);
			COMMIT;
			INSERT INTO bench.cost SELECT relation, round, bench.cost_ns(format('COPY bench.%I FROM %L WITH (FORMAT csv)', relation, file));
			COMMIT;
		END LOOP;
		INSERT INTO bench.cost SELECT 'background_drain', round, bench.cost_ns('SELECT aipipe.gate_drain(''bench.background_noted'')');
		COMMIT;
		DELETE FROM bench.background_large WHERE id <= 200000;
		EXECUTE format('COPY bench.background_large FROM %L WITH (FORMAT csv)', file);
		COMMIT;
		INSERT INTO bench.cost SELECT 'background_drain_large', round, bench.cost_ns('SELECT aipipe.gate_drain(''bench.background_large'')');
		COMMIT;
	END LOOP;
	DELETE FROM bench.cost c WHERE c.what LIKE 'background%' AND c.round = 0;
END $$;

\echo 'COPY of 200,000 rows without a gate, through a statement gate, through a background gate; then the drain; three rounds in turns'
CALL bench.background_turns(:'copied', 3);
SELECT format('%s: %s ms CPU', what, round((bench.median_ns(what) / 1e6)::numeric, 1)) FROM bench.cost GROUP BY what HAVING what LIKE 'background%' ORDER BY min(ns);
SELECT format('%s: %s batches, %s rows', relation, count(*), sum(rows)) FROM aipipe.batch WHERE relation LIKE 'bench.background%' GROUP BY relation ORDER BY relation;
SELECT bench.median_ns('background_none') AS plain, bench.median_ns('background_statement') AS judged, bench.median_ns('background_noted') AS noted,
       bench.median_ns('background_drain') AS drain, bench.median_ns('background_drain_large') AS large \gset
SELECT bench.result('COPY 200k x 20 through a background gate', :noted / 1e6, 'ms CPU', round((:plain / 1e6)::numeric, 1) || ' (no gate)', :noted / :plain::float8, '<= 1.3', :noted / :plain::float8 <= 1.3);
SELECT bench.result('its drain, against what a statement gate adds to the load', :drain / 1e6, 'ms CPU', round(((:judged - :plain) / 1e6)::numeric, 1)::text, :drain / (:judged - :plain)::float8, '', NULL);
SELECT bench.result('a drain of 200k rows from 1M', :large / 1e6, 'ms CPU', round((:drain / 1e6)::numeric, 1) || ' (from 200k)', :large / :drain::float8, '<= 2', :large / :drain::float8 <= 2);
DROP TABLE bench.background_none, bench.background_statement, bench.background_noted, bench.background_large;
