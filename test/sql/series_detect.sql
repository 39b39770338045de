-- What a replay finds: each planted incident is named as what it is, and little else is.
CREATE SCHEMA series_detect;
SET search_path = series_detect;
SET timezone = 'UTC';

-- a year of days: weekends are low, noise of some percent that repeats nothing; 2023-01-02 is a Monday
CREATE TABLE clean AS
SELECT date '2023-01-02' + i AS day,
       round((CASE WHEN extract(isodow FROM date '2023-01-02' + i) > 5 THEN 4000 ELSE 10000 END)
             * (1 + ((i * i * 37 + i * 11) % 101 - 50) / 1000.0)) AS rows
FROM generate_series(0, 364) i;
SELECT state, event, count(*) FROM aipipe.series_detect('clean', 'rows', 'day') GROUP BY 1, 2 ORDER BY 1, 2;

-- one incident a series
CREATE TABLE metric AS
SELECT s.name AS series, c.day, CASE
           WHEN s.name = 'spike' AND c.day = '2023-09-05' THEN c.rows * 2
           WHEN s.name = 'drop' AND c.day = '2023-09-05' THEN c.rows * 0.6
           WHEN s.name = 'zero' AND c.day = '2023-09-05' THEN 0
           WHEN s.name = 'wrong day' AND c.day = '2023-09-05' THEN 4100
           WHEN s.name = 'stuck' AND c.day BETWEEN '2023-09-05' AND '2023-09-08' THEN 10011
           WHEN s.name = 'drift' AND c.day BETWEEN '2023-09-04' AND '2023-09-07' THEN c.rows * (1 + 0.06 * (c.day - date '2023-09-02'))
           WHEN s.name = 'shift' AND c.day >= '2023-09-05' THEN c.rows * 1.5
           WHEN s.name = 'nothing' AND c.day = '2023-09-05' THEN NULL
           WHEN s.name = 'infinite' AND c.day = '2023-09-05' THEN 'Infinity'
           WHEN s.name = 'month end' AND extract(day FROM c.day + 1) = 1 THEN c.rows * 2
           ELSE c.rows END AS value,
       s.name <> 'month end' AND (c.day = '2023-09-05' OR s.name IN ('stuck', 'drift') AND c.day BETWEEN '2023-09-04' AND '2023-09-08') AS incident
FROM clean c, unnest(ARRAY['spike', 'drop', 'zero', 'wrong day', 'stuck', 'drift', 'shift', 'nothing', 'infinite', 'month end', 'gap']) s (name)
WHERE NOT (s.name = 'gap' AND c.day BETWEEN '2023-09-05' AND '2023-09-07');
SELECT series, ts::date, value, state, event, round(expected) AS expected
FROM aipipe.series_detect('metric', 'value', 'day', 'series')
WHERE event IS NOT NULL ORDER BY series, ts;
SELECT series, reason FROM aipipe.series_detect('metric', 'value', 'day', 'series')
WHERE ts = '2023-09-05' OR series = 'gap' AND ts = '2023-09-08' OR series IN ('shift', 'stuck', 'drift') AND ts BETWEEN '2023-09-05' AND '2023-09-09'
ORDER BY series, ts;

-- every point is judged by earlier points alone: the past does not change when the future does
SELECT count(*) AS differ
FROM aipipe.series_detect('metric', 'value', 'day', 'series') a
JOIN aipipe.series_detect('SELECT * FROM series_detect.metric WHERE day < ''2023-08-01''', 'value', 'day', 'series') b USING (series, ts)
WHERE (a.state, a.pvalue, a.expected, a.lower, a.upper, a.event) IS DISTINCT FROM (b.state, b.pvalue, b.expected, b.lower, b.upper, b.event);
-- and whatever order the rows come in
SELECT count(*) AS differ
FROM aipipe.series_detect('metric', 'value', 'day', 'series') a
JOIN aipipe.series_detect('SELECT * FROM series_detect.metric ORDER BY value, day DESC', 'value', 'day', 'series') b USING (series, ts)
WHERE a IS DISTINCT FROM b;

-- direction, floors, rest, alpha, method, learning
SELECT series, count(*) FROM aipipe.series_detect('metric', 'value', 'day', 'series', '{"direction": "up"}')
WHERE state = 'anomaly' AND series IN ('spike', 'drop', 'stuck') GROUP BY 1 ORDER BY 1;
SELECT series, count(*) FROM aipipe.series_detect('metric', 'value', 'day', 'series', '{"direction": "down"}')
WHERE state = 'anomaly' AND series IN ('spike', 'drop', 'stuck') GROUP BY 1 ORDER BY 1;
SELECT count(*) AS floor_relative FROM aipipe.series_detect('metric', 'value', 'day', 'series', '{"least_relative": 0.5}')
WHERE state = 'anomaly' AND series = 'drop';
SELECT count(*) AS floor_absolute FROM aipipe.series_detect('metric', 'value', 'day', 'series', '{"least_absolute": 5000}')
WHERE state = 'anomaly' AND series = 'drop';
SELECT ts::date, state, event, reason FROM aipipe.series_detect(
    $$SELECT day, CASE WHEN day IN ('2023-09-05', '2023-09-07', '2023-09-20') THEN rows * 2 ELSE rows END AS rows FROM series_detect.clean$$,
    'rows', 'day', params => '{"rest": 7}')
WHERE event IS NOT NULL ORDER BY ts;
SELECT params ->> 'alpha' AS alpha, (SELECT count(*) > 0 FROM aipipe.series_detect('clean', 'rows', 'day', params => params) WHERE state = 'anomaly') AS found
FROM (VALUES ('{"alpha": 0.1}'::jsonb), ('{"alpha": 0.000001}')) v (params);
SELECT method, count(*) FILTER (WHERE state = 'anomaly') AS anomalies, round(avg(abs(value - expected)))
FROM unnest(ARRAY['auto', 'steady', 'seasonal', 'holt_winters', 'last']) method,
     aipipe.series_detect('clean', 'rows', 'day', params => jsonb_build_object('method', method)) GROUP BY 1 ORDER BY 1;
SELECT count(*) AS learning FROM aipipe.series_detect('clean', 'rows', 'day', params => '{"learning": 60}') WHERE state = 'learning';

-- holidays: once one has been seen twice it is expected
CREATE TABLE feast (day date, name text);
INSERT INTO feast VALUES ('2023-04-07', 'a'), ('2023-05-18', 'b'), ('2023-06-29', 'c'), ('2023-08-15', 'd'), ('2023-10-03', 'e'), (NULL, 'f'), ('infinity', 'g');
SELECT given, ts::date, event FROM (VALUES ('{}'::jsonb, 'without'), ('{"holidays": "feast"}', 'with')) p (params, given),
     aipipe.series_detect($$SELECT c.day, CASE WHEN f.day IS NULL THEN rows ELSE rows / 10 END AS rows FROM series_detect.clean c LEFT JOIN series_detect.feast f USING (day)$$,
                          'rows', 'day', params => params)
WHERE state = 'anomaly' ORDER BY given, ts;

-- hours, in a time zone with summer time: the rush begins at eight o'clock there all year
CREATE TABLE hour AS
SELECT h AS ts, round(CASE WHEN extract(hour FROM h AT TIME ZONE 'Europe/Berlin') BETWEEN 8 AND 17 THEN 5000 ELSE 500 END
                      * (1 + ((extract(epoch FROM h) / 3600)::bigint * 7919 % 101 - 50) / 1000.0)) AS n
FROM generate_series(timestamptz '2023-02-20 00:00+00', '2023-04-10 23:00+00', '1 hour') h;
SELECT 'UTC' AS zone, min(ts) > '2023-03-26' AND count(*) > 10 AS summer_is_strange FROM aipipe.series_detect('hour', 'n', 'ts') WHERE state = 'anomaly'
UNION ALL
SELECT 'Europe/Berlin', count(*) > 0 FROM aipipe.series_detect('hour', 'n', 'ts', params => '{"timezone": "Europe/Berlin"}') WHERE state = 'anomaly';

-- kinds
SELECT ts::date, event, round(expected::numeric, 3) AS expected, upper <= 1 AS below_one
FROM aipipe.series_detect($$SELECT day, CASE WHEN day = '2023-09-05' THEN 0.8 ELSE 0.99 + (extract(doy FROM day)::int * 7919 % 101) / 20000.0 END AS share FROM series_detect.clean$$,
                          'share', 'day') WHERE state = 'anomaly';
SELECT ts::date, event, abs(round(expected)) AS expected
FROM aipipe.series_detect($$SELECT day, CASE WHEN day = '2023-09-05' THEN 30 ELSE (extract(doy FROM day)::int * 7919 % 101 - 50) / 10.0 END AS balance FROM series_detect.clean$$,
                          'balance', 'day') WHERE state = 'anomaly';
SELECT kind, bool_or(ts = '2023-09-05' AND state = 'anomaly') AS found, count(*) FILTER (WHERE state = 'anomaly') AS anomalies
FROM unnest(ARRAY['auto', 'count', 'value']) kind,
     aipipe.series_detect('SELECT * FROM series_detect.metric WHERE series = ''spike''', 'value', 'day', params => jsonb_build_object('kind', kind)) GROUP BY 1 ORDER BY 1;

-- times of other kinds, other cadences, several rows of one time
SELECT min(ts), max(ts), count(*) FROM aipipe.series_detect('SELECT day::timestamp AS t, rows::int AS n FROM series_detect.clean', 'n', 't');
SELECT min(ts), max(ts), count(*) FROM aipipe.series_detect('SELECT day::timestamp AT TIME ZONE ''UTC'' AS t, rows::numeric AS n FROM series_detect.clean', 'n', 't');
SELECT cadence, count(*) FILTER (WHERE state = 'learning') AS learning, count(*) FILTER (WHERE event = 'gap') AS gaps, count(*) FILTER (WHERE state = 'anomaly') AS anomalies,
       bool_or(state = 'anomaly' AND value = 5000) AS found
FROM unnest(ARRAY['1 minute', '15 minutes', '6 hours', '7 days', '1 month', '90 minutes']) cadence,
     aipipe.series_detect(format($$SELECT timestamp '2001-01-01' + i * interval %L AS t, CASE WHEN i = 800 THEN 5000 ELSE 1000 + i * 7919 %% 101 END AS n FROM generate_series(0, 899) i$$, cadence), 'n', 't')
GROUP BY 1 ORDER BY 1;
SELECT ts::date, value FROM aipipe.series_detect($$VALUES (date '2023-01-01', 1), ('2023-01-01', 2), ('2023-01-02', 5), ('2023-01-02', NULL)$$, 'column2', 'column1');

-- bad input: constant, nothing but NULL, one point, dates BC and far off, rows that are no points
SELECT name, count(*) AS points, count(*) FILTER (WHERE state = 'anomaly') AS anomalies, count(score) AS scores FROM (
    SELECT 'constant' AS name, * FROM aipipe.series_detect($$SELECT day, 7 AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'constant until', * FROM aipipe.series_detect($$SELECT day, CASE WHEN day = '2023-12-31' THEN 8 ELSE 7 END AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'nothing', * FROM aipipe.series_detect($$SELECT day, NULL::float8 AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'NaN', * FROM aipipe.series_detect($$SELECT day, 'NaN'::float8 AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'infinite', * FROM aipipe.series_detect($$SELECT day, '-Infinity'::float8 AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'huge', * FROM aipipe.series_detect($$SELECT day, 1e300 * rows AS n FROM series_detect.clean$$, 'n', 'day') UNION ALL
    SELECT 'one point', * FROM aipipe.series_detect($$SELECT day, rows FROM series_detect.clean LIMIT 1$$, 'rows', 'day') UNION ALL
    SELECT 'BC', * FROM aipipe.series_detect($$SELECT (day - interval '4000 years')::date AS day, rows FROM series_detect.clean$$, 'rows', 'day') UNION ALL
    SELECT 'far apart', * FROM aipipe.series_detect($$SELECT CASE WHEN day < '2023-07-01' THEN day - 2400006 ELSE day + 50000006 END AS day, rows FROM series_detect.clean$$, 'rows', 'day') UNION ALL
    SELECT 'no points', * FROM aipipe.series_detect($$SELECT CASE WHEN day < '2023-07-01' THEN NULL ELSE date 'infinity' END AS day, rows FROM series_detect.clean$$, 'rows', 'day') UNION ALL
    SELECT 'no series', * FROM aipipe.series_detect($$SELECT day, rows, NULL::text AS s FROM series_detect.clean$$, 'rows', 'day', 's')) x
GROUP BY 1 ORDER BY 1;

RESET search_path;
DROP SCHEMA series_detect CASCADE;
