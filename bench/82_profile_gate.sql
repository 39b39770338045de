-- What a profile of each batch costs in a gate: COPY of 1M rows × 20 columns, logged table without indexes, and 200 statements
-- of 1,000 rows, each through a gate with a model and with "profile": true beside it.
\ir common.sql
\set copied `echo "$BENCH_TMP/profiled.csv"`
SELECT format('COPY (SELECT * FROM bench.wide ORDER BY id) TO %L WITH (FORMAT csv)', :'copied') AS export \gset
:export;
SELECT percentile_cont(.9999) WITHIN GROUP (ORDER BY prediction) AS threshold FROM aipipe.model_predict_batch('bench_100x6', 'bench.wide') \gset
DROP TABLE IF EXISTS bench.feed_plain, bench.feed_row, bench.feed_row_profile, bench.feed_statement, bench.feed_statement_profile, bench.feed_profile;
CREATE TABLE bench.feed_plain (LIKE bench.wide);
CREATE TABLE bench.feed_row (LIKE bench.wide);
CREATE TABLE bench.feed_row_profile (LIKE bench.wide);
CREATE TABLE bench.feed_statement (LIKE bench.wide);
CREATE TABLE bench.feed_statement_profile (LIKE bench.wide);
CREATE TABLE bench.feed_profile (LIKE bench.wide);
SELECT aipipe.gate_create('bench.feed_row', 'bench_100x6', threshold => :threshold),
       aipipe.gate_create('bench.feed_row_profile', 'bench_100x6', threshold => :threshold, params => '{"profile": true}'),
       aipipe.gate_create('bench.feed_statement', 'bench_100x6', timing => 'statement', on_anomaly => 'mark', threshold => :threshold),
       aipipe.gate_create('bench.feed_statement_profile', 'bench_100x6', timing => 'statement', on_anomaly => 'mark', threshold => :threshold, params => '{"profile": true}'),
       aipipe.gate_create('bench.feed_profile', timing => 'statement', params => '{"profile": true}') \g /dev/null

-- TRUNCATE commits first: rows are written to the WAL, as in a table that is in use.
CREATE OR REPLACE PROCEDURE bench.profile_turns(file text, rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	relation text;
BEGIN
	DELETE FROM bench.cost c WHERE c.what LIKE '% feed\_%';
	FOR round IN 1 .. rounds LOOP
		FOREACH relation IN ARRAY '{feed_plain, feed_row, feed_row_profile, feed_statement, feed_statement_profile, feed_profile}'::text[] LOOP
			EXECUTE format('TRUNCATE bench.%I', relation);
			COMMIT;
			INSERT INTO bench.cost SELECT 'copy ' || relation, round, bench.cost_ns(format('COPY bench.%I FROM %L WITH (FORMAT csv)', relation, file));
			COMMIT;
			INSERT INTO bench.cost SELECT 'small ' || relation, round,
				bench.cost_ns(format('DO $do$ BEGIN FOR i IN 0 .. 199 LOOP INSERT INTO bench.%I SELECT * FROM bench.wide WHERE ctid >= %L AND ctid < %L LIMIT 1000; END LOOP; END $do$',
					relation, '(0,0)', '(100,0)'));
			COMMIT;
		END LOOP;
	END LOOP;
END $$;

\echo 'COPY of 1,000,000 rows and 200 statements of 1,000: no trigger, row gate, statement gate, each with a profile; a gate that only profiles; three rounds in turns'
SET work_mem = '64MB';
CALL bench.profile_turns(:'copied', 3);
SELECT format('%s: %s s CPU', what, round((bench.median_ns(what) / 1e9)::numeric, 2)) FROM bench.cost GROUP BY what HAVING what LIKE '% feed\_%' ORDER BY what;
SELECT format('profiles kept: %s, of %s batches', count(DISTINCT p.id), count(DISTINCT b.id)) FROM aipipe.batch b LEFT JOIN aipipe.profile p ON p.batch = b.id WHERE b.relation LIKE 'bench.feed%profile';
SELECT bench.result(format('COPY 1M x 20 through a %s gate that takes a profile', timing), bench.median_ns('copy ' || profiled) / 1e9, 's CPU',
                    round((bench.median_ns('copy ' || bare) / 1e9)::numeric, 2) || ' (the same gate without)', bench.median_ns('copy ' || profiled) / bench.median_ns('copy ' || bare), '', NULL)
FROM (VALUES ('row', 'feed_row_profile', 'feed_row'), ('statement', 'feed_statement_profile', 'feed_statement')) AS v(timing, profiled, bare);
SELECT bench.result('COPY 1M x 20 through a gate that only takes a profile', bench.median_ns('copy feed_profile') / 1e9, 's CPU',
                    round((bench.median_ns('copy feed_plain') / 1e9)::numeric, 2) || ' (no trigger)', bench.median_ns('copy feed_profile') / bench.median_ns('copy feed_plain'), '', NULL);
SELECT bench.result(format('a batch of 1,000 rows x 20 through a %s gate that takes a profile', timing), bench.median_ns('small ' || profiled) / 200 / 1e6, 'ms CPU',
                    round((bench.median_ns('small ' || bare) / 200 / 1e6)::numeric, 2) || ' (the same gate without)', bench.median_ns('small ' || profiled) / bench.median_ns('small ' || bare), '', NULL)
FROM (VALUES ('row', 'feed_row_profile', 'feed_row'), ('statement', 'feed_statement_profile', 'feed_statement')) AS v(timing, profiled, bare);
DROP PROCEDURE bench.profile_turns(text, int);
DROP TABLE bench.feed_plain, bench.feed_row, bench.feed_row_profile, bench.feed_statement, bench.feed_statement_profile, bench.feed_profile;
RESET work_mem;
