-- The demo on a user's own CSV, after csv.sh landed it as text in csv.raw.
\set ECHO none
\pset pager off
\pset footer off
\pset null ''
SET client_min_messages = warning;
SELECT clock_timestamp() AS began \gset

-- ── what is in the file ────────────────────────────────────────────────
SELECT CASE lower(:'header') WHEN '' THEN demo.csv_has_header() ELSE lower(:'header') = ANY ('{yes,true,on,1}') END AS header \gset
CALL demo.csv_columns_infer(:'header');
SELECT count(*) AS records FROM csv.raw \gset
CALL demo.csv_feed_build(.8, string_to_array(:'skip', ','));
SELECT learned, total - learned AS rest, total FROM csv.share \gset
SELECT count(*) AS columns, count(*) FILTER (WHERE learned) AS learnable, count(*) FILTER (WHERE learned) = 0 AS nothing FROM csv.column_found \gset

\echo
\echo :bold'1. What is in' :file:plain
\echo
SELECT format('%s records, %s column%s, %s, fields separated by %s, %s.', :records, :columns, CASE :columns WHEN 1 THEN '' ELSE 's' END, :'encoding',
              CASE :'delimiter' WHEN ',' THEN 'commas' WHEN ';' THEN 'semicolons' WHEN E'\t' THEN 'tabs' ELSE :'delimiter' END,
              CASE WHEN :'header' THEN 'names in the first line' ELSE 'no line of names' END) AS told \gset
\echo :told
SELECT name AS "column", type, filled, different, example, note FROM csv.column_found ORDER BY i LIMIT 40;
SELECT :columns > 40 AS many \gset
\if :many
	\echo '(the first 40 columns)'
\endif
\if :nothing
	\echo 'There is nothing to learn from: every column is empty, constant or different in every record.'
	\q
\endif

SELECT :learned < 200 AS few \gset
\if :few
	\echo 'So few records teach little: read what follows with care.'
\endif

-- ── learning ───────────────────────────────────────────────────────────
\echo
\echo :bold'2. Learning the first' :learned 'records'  :plain
\echo
SELECT format('SELECT * FROM csv.feed WHERE record <= %s', :learned) AS source, array_agg(name::text ORDER BY i) AS columns FROM csv.column_found WHERE learned \gset
SELECT clock_timestamp() AS step \gset
\set ECHO queries
SELECT aipipe.anomaly_train('csv', :'source', columns => :'columns') AS version;
\set ECHO none
SELECT round(extract(epoch FROM clock_timestamp() - :'step'), 1) AS seconds \gset
\echo 'A detector (isolation forest) over' :learnable 'columns, learned in' :seconds 's.'

-- ── landing ────────────────────────────────────────────────────────────
\echo
\echo :bold'3. Landing the other' :rest 'records through a gate':plain
\echo
CREATE TABLE csv.landing (LIKE csv.feed);
\set ECHO queries
SELECT aipipe.gate_create('csv.landing', 'csv', on_anomaly => 'quarantine') AS gate;
\set ECHO none
SELECT format('\copy (SELECT * FROM csv.feed WHERE record > %s ORDER BY record) TO ''rest.csv'' WITH (FORMAT csv)', :learned) AS command \gset
\o export.psql
\qecho :command
\o
\i export.psql
\echo '\\copy csv.landing FROM ''rest.csv'' WITH (FORMAT csv)'
\copy csv.landing FROM 'rest.csv' WITH (FORMAT csv)
\echo
SELECT rows, accepted, quarantined, errors, error, round(score_max::numeric, 5) AS greatest_severity, round(duration_ms) AS ms FROM aipipe.batch ORDER BY id DESC LIMIT 1;

-- ── what was strange ───────────────────────────────────────────────────
\echo
\echo :bold'4. What was held back':plain
\echo
SELECT count(*) AS held, count(*) > 0 AS any FROM aipipe.quarantine \gset
\if :any
	SELECT reasons -> 0 ->> 'column' AS "column that speaks loudest", count(*) AS rows,
	       min(coalesce(left(reasons -> 0 ->> 'value', 40), 'NULL')) AS "a value", min(left(reasons -> 0 ->> 'expected', 100)) AS expected
	FROM aipipe.quarantine GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 15;
\else
	\echo 'No row was stranger than 999 of 1000 learned ones.'
\endif

\echo
\echo :bold'5. The 20 strangest of the landed records, and why':plain
\echo
\pset tuples_only on
\pset format unaligned
WITH scored AS (
	SELECT f, f.record, aipipe.anomaly_score('csv', f) AS severity FROM csv.feed f WHERE f.record > :learned
), strangest AS (
	SELECT *, row_number() OVER (ORDER BY severity DESC, record) AS place FROM scored ORDER BY severity DESC, record LIMIT 20
)
SELECT format(E'%s. record %s, severity %s, %s\n%s', lpad(place::text, 2), record, round(severity::numeric, 4),
              CASE WHEN EXISTS (SELECT FROM aipipe.quarantine q WHERE (q."row" ->> 'record')::bigint = s.record) THEN 'quarantined' ELSE 'accepted' END, why)
FROM strangest s, LATERAL (
	SELECT string_agg(format('      %s = %s, expected %s', "column", coalesce(left(value, 60), 'NULL'), left(expected, 110)), E'\n' ORDER BY contribution DESC) AS why
	FROM (SELECT * FROM aipipe.anomaly_explain('csv', s.f) WHERE contribution > 0 ORDER BY contribution DESC LIMIT 3) e) w
ORDER BY place;
\pset format aligned
\pset tuples_only off
SELECT round(extract(epoch FROM clock_timestamp() - :'began'), 1) AS seconds \gset
\echo
\echo 'Types, learning, landing and explaining took' :seconds 's.'
