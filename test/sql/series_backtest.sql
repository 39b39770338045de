-- What a detector would have flagged, series by series.
CREATE SCHEMA series_backtest;
SET search_path = series_backtest;
SET timezone = 'UTC';
CREATE TABLE metric AS
SELECT name, date '2023-01-02' + i AS day, name = 'right' AND i IN (200, 210, 211) OR name = 'missed' AND i = 200 AS wrong,
       CASE WHEN name IN ('right', 'false alarm') AND i IN (200, 210, 211) THEN 3000 WHEN name = 'missed' AND i = 201 THEN 3000
       ELSE round((CASE WHEN i % 7 > 4 THEN 400 ELSE 1000 END) * (1 + ((i * i * 37 + i * 11) % 101 - 50) / 1000.0)) END AS rows
FROM unnest(ARRAY['right', 'false alarm', 'missed', 'short']) name, generate_series(0, 299) i
WHERE name <> 'short' OR i < 20;
SELECT series, points, learning, flagged, events, round(false_alarms_per_month::numeric, 3) AS false_alarms_per_month, "precision", recall, f1
FROM aipipe.series_backtest('metric', 'rows', 'day', 'name', 'wrong');
-- a label may be a number; without one every alarm counts as false
SELECT series, flagged, events, round(false_alarms_per_month::numeric, 3) AS false_alarms_per_month, "precision", recall, f1
FROM aipipe.series_backtest('SELECT name, day, rows, CASE WHEN wrong THEN 1.5 END AS wrong FROM series_backtest.metric WHERE name = ''right''', 'rows', 'day', label => 'wrong');
SELECT series, flagged, events, round(false_alarms_per_month::numeric, 3) AS false_alarms_per_month, "precision", recall, f1
FROM aipipe.series_backtest('metric', 'rows', 'day', 'name');
-- what it counts is what a replay shows
SELECT count(*) AS differ
FROM aipipe.series_backtest('metric', 'rows', 'day', 'name', params => '{"alpha": 0.05}') b
JOIN (SELECT series, count(*) AS points, count(*) FILTER (WHERE state = 'learning') AS learning, count(*) FILTER (WHERE state = 'anomaly') AS flagged
      FROM aipipe.series_detect('metric', 'rows', 'day', 'name', '{"alpha": 0.05}') GROUP BY 1) d USING (series)
WHERE (b.points, b.learning, b.flagged) IS DISTINCT FROM (d.points, d.learning, d.flagged);
SELECT * FROM aipipe.series_backtest('SELECT * FROM series_backtest.metric WHERE false', 'rows', 'day', 'name', 'wrong');
RESET search_path;
DROP SCHEMA series_backtest CASCADE;
