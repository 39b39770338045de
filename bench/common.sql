-- What the pieces share: CPU time of this backend, the wide table, the model of 100 trees × depth 6.  Idempotent.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS bench;

-- CPU nanoseconds that this backend has used, user and system; by the scheduler's clock where there is one, else in ticks of 10 ms.
-- The scheduler accounts when a process leaves the CPU: the short sleep makes it.
CREATE OR REPLACE FUNCTION bench.cpu_ns() RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	ns float8;
	rest text[];
BEGIN
	PERFORM pg_sleep(.0005);
	ns := split_part(coalesce(pg_read_file('/proc/self/schedstat', 0, 100, true), '0'), ' ', 1)::float8;
	IF ns > 0 THEN
		RETURN ns;
	END IF;
	rest := string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ');
	RETURN (rest[12]::float8 + rest[13]::float8) * 1e7;
END $$;

-- CPU nanoseconds of one statement.
CREATE OR REPLACE FUNCTION bench.cost_ns(statement text) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	before float8 := bench.cpu_ns();
BEGIN
	EXECUTE statement;
	RETURN bench.cpu_ns() - before;
END $$;

CREATE TABLE IF NOT EXISTS bench.cost (what text, round int, ns float8);

-- Runs statements in turns, as often as asked, and keeps what each took in bench.cost; round 0 warms up and is not kept.
CREATE OR REPLACE PROCEDURE bench.take_turns(what text[], statements text[], rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	ns float8;
BEGIN
	DELETE FROM bench.cost c WHERE c.what = ANY (take_turns.what);
	FOR round IN 0 .. rounds LOOP
		FOR i IN 1 .. cardinality(statements) LOOP
			ns := bench.cost_ns(statements[i]);
			IF round > 0 THEN
				INSERT INTO bench.cost VALUES (take_turns.what[i], round, ns);
			END IF;
		END LOOP;
	END LOOP;
END $$;

-- The median cost of a statement.
CREATE OR REPLACE FUNCTION bench.median_ns(what text) RETURNS float8
LANGUAGE sql STABLE
RETURN (SELECT percentile_cont(.5) WITHIN GROUP (ORDER BY c.ns) FROM bench.cost c WHERE c.what = median_ns.what);

-- One line for the harness's table.
CREATE OR REPLACE FUNCTION bench.result(name text, value float8, unit text, baseline text, ratio float8, goal text, ok boolean) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN concat_ws('|', 'RESULT', name, round(value::numeric, 3), unit, coalesce(baseline, ''), coalesce(round(ratio::numeric, 2)::text, ''), goal,
                 CASE WHEN ok THEN 'ok' WHEN ok IS NULL THEN '' ELSE 'MISS' END);

-- 1M rows × 20 columns: 12 float8, 4 int, 4 bigint, 5 % missing; label depends on some of them.
SELECT to_regclass('bench.wide') IS NULL AS missing \gset
\if :missing
	SELECT setseed(.42) \g /dev/null
	CREATE TABLE bench.wide AS
	SELECT *, coalesce(f1, .5) + coalesce(f2, .5) * coalesce(f3, .5) - coalesce(f13, 500) / 1000.0 + (random() - .5) * .6 > .4 AS label
	FROM (SELECT i AS id,
	       CASE WHEN random() >= .05 THEN random() END AS f1, CASE WHEN random() >= .05 THEN random() END AS f2, CASE WHEN random() >= .05 THEN random() END AS f3,
	       CASE WHEN random() >= .05 THEN random() END AS f4, CASE WHEN random() >= .05 THEN random() END AS f5, CASE WHEN random() >= .05 THEN random() END AS f6,
	       CASE WHEN random() >= .05 THEN random() END AS f7, CASE WHEN random() >= .05 THEN random() END AS f8, CASE WHEN random() >= .05 THEN random() END AS f9,
	       CASE WHEN random() >= .05 THEN random() END AS f10, CASE WHEN random() >= .05 THEN random() END AS f11, CASE WHEN random() >= .05 THEN random() END AS f12,
	       CASE WHEN random() >= .05 THEN (random() * 1000)::int END AS f13, CASE WHEN random() >= .05 THEN (random() * 50)::int END AS f14, CASE WHEN random() >= .05 THEN (random() * 9)::int END AS f15,
	       CASE WHEN random() >= .05 THEN (random() * 100000)::int END AS f16, CASE WHEN random() >= .05 THEN (random() * 1e9)::bigint END AS f17, CASE WHEN random() >= .05 THEN (random() * 1e6)::bigint END AS f18,
	       CASE WHEN random() >= .05 THEN (random() * 365)::bigint END AS f19, CASE WHEN random() >= .05 THEN (random() * 20)::bigint END AS f20
	      FROM generate_series(1, 1000000) AS i) AS s;
	VACUUM ANALYZE bench.wide;	-- as a table that has been there for a while: pages all-visible, hints set
\endif
SELECT NOT EXISTS (SELECT FROM aipipe.model WHERE name = 'bench_100x6') AS missing \gset
\if :missing
	SELECT aipipe.model_train('bench_100x6', 'classification', 'SELECT * FROM bench.wide WHERE id <= 100000', 'label',
	       features => ARRAY(SELECT 'f' || i FROM generate_series(1, 20) AS i), params => '{"n_estimators": 100, "max_depth": 6, "holdout": 0}') AS version \g /dev/null
\endif
