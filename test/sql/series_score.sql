-- What a trained detector says of a point is what a replay says of it.
CREATE SCHEMA series_score;
SET search_path = series_score;
SET timezone = 'UTC';
CREATE TABLE metric AS
SELECT 'm' || s AS name, timestamptz '2023-01-02 00:00+00' + i * interval '1 day' AS ts,
       CASE WHEN s = 2 AND i IN (150, 151) THEN 9000 ELSE
       round((CASE WHEN i % 7 > 4 THEN 400 ELSE 1000 END) * s * (1 + ((i * 7919 + s) % 101 - 50) / 1000.0)) END AS rows
FROM generate_series(1, 3) s, generate_series(0, 199) i;
CREATE TABLE replay AS SELECT * FROM aipipe.series_detect('metric', 'rows', 'ts', 'name');

-- trained on what lies before a point, the detector gives the replay's verdict on it, word for word
CREATE TABLE said (name text, ts timestamptz, verdict text, replayed text, score float8, replayed_score float8);
SET client_min_messages = warning;
DO $$
DECLARE
    cut timestamptz;
BEGIN
    FOREACH cut IN ARRAY ARRAY['2023-01-20', '2023-02-10', '2023-04-01', '2023-06-01', '2023-06-02', '2023-07-20']::timestamptz[] LOOP
        PERFORM aipipe.series_train('s_cut', format('SELECT * FROM series_score.metric WHERE ts < %L', cut), 'rows', 'ts', 'name');
        PERFORM aipipe.model_promote('s_cut', (SELECT max(version) FROM aipipe.model_version WHERE model = 's_cut'));
        INSERT INTO said
        SELECT m.name, m.ts, (e.state, e.score, e.expected, e.lower, e.upper, e.event, e.reason)::text,
               (r.state, r.score, r.expected, r.lower, r.upper, r.event, r.reason)::text,
               aipipe.series_score('s_cut', m.ts, m.rows, m.name), r.score
        FROM metric m JOIN replay r ON r.series = m.name AND r.ts = m.ts, aipipe.series_explain('s_cut', m.ts, m.rows, m.name) e
        WHERE m.ts = cut;
    END LOOP;
END $$;
RESET client_min_messages;
SELECT count(*) AS points, count(*) FILTER (WHERE verdict <> replayed OR score IS DISTINCT FROM replayed_score) AS differ, count(score) AS scored FROM said;

-- the versions of one statement are those of its snapshot; a score tells more from more
SELECT round(aipipe.series_score('s_cut', '2023-07-21', v, 'm1')::numeric, 4) AS score FROM unnest('{900,1000,1100,1200,1500,3000,0,Infinity,-Infinity,-5}'::float8[]) v;
SELECT state, score, round(expected) AS expected, round(lower) AS lower, round(upper) AS upper, event, reason
FROM (VALUES ('2023-07-21'::timestamptz, 1000.0, 'm1'), ('2023-07-22', 1000, 'm1'), ('2023-07-22', 400, 'm1'), ('2023-08-10', 1000, 'm1'), ('2023-01-05', 1000, 'm1'),
             ('2023-07-21', NULL, 'm1'), ('2023-07-21', 'NaN', 'm1'), ('2023-07-21', 1000, 'm9'), ('2023-07-21', 1000, NULL)) v (ts, value, series),
     aipipe.series_explain('s_cut', ts, value, series);
SELECT aipipe.series_score('s_cut', '2023-07-21', 1000, 'm9') IS NULL AS unseen, aipipe.series_score('s_cut', '2023-07-21', 1000) IS NULL AS unnamed,
       aipipe.series_score('s_cut', '2023-07-21', NULL, 'm1') IS NULL AS no_value, aipipe.series_score('s_cut', NULL, 1, 'm1') IS NULL AS no_time,
       aipipe.series_score(NULL, '2023-07-21', 1, 'm1') IS NULL AS no_detector;
SELECT count(*) AS nothing FROM aipipe.series_explain('s_cut', NULL, 1, 'm1');

-- another detector, another series and another champion in one query and one transaction
SELECT aipipe.series_train('s_other', 'SELECT ts, rows * 10 AS rows FROM series_score.metric WHERE name = ''m1''', 'rows', 'ts');
SELECT detector, series, round(e.expected) AS expected, e.state
FROM (VALUES ('s_cut', 'm1'), ('s_other', NULL), ('s_cut', 'm2'), ('s_cut', 'm1'), ('s_other', 'm1')) v (detector, series),
     aipipe.series_explain(detector, '2023-07-21', 1000, series) e;
SELECT e.reason FROM aipipe.series_explain('s_other', '2023-07-21', 1000, 'm1') e;
CREATE FUNCTION asked(moment timestamptz) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT expected FROM aipipe.series_explain('s_other', moment, 1000)); END $$;
BEGIN;
SELECT round(asked('2023-07-21'));
SELECT aipipe.series_train('s_other', 'SELECT ts, rows * 20 AS rows FROM series_score.metric WHERE name = ''m1''', 'rows', 'ts');
SELECT aipipe.model_promote('s_other', 2);
SELECT round(asked('2023-07-21'));
ROLLBACK;
SELECT round(asked('2023-07-21'));

-- a date in another time zone means the day that it names
SELECT aipipe.series_train('s_date', 'SELECT ts::date AS day, rows FROM series_score.metric WHERE name = ''m1''', 'rows', 'day');
SELECT d, round(aipipe.series_score('s_date', d, 1000)::numeric, 3) AS score FROM unnest(ARRAY['2023-07-21', '2023-07-22']::date[]) d;
SET timezone = 'Pacific/Kiritimati';
SELECT d, round(aipipe.series_score('s_date', d, 1000)::numeric, 3) AS score FROM unnest(ARRAY['2023-07-21', '2023-07-22']::date[]) d;
SET timezone = 'America/Los_Angeles';
SELECT d, round(aipipe.series_score('s_date', d, 1000)::numeric, 3) AS score FROM unnest(ARRAY['2023-07-21', '2023-07-22']::date[]) d;
SET timezone = 'UTC';

-- many series in one artifact, one of them asked
SELECT aipipe.series_train('s_many', 'SELECT ''n'' || i AS name, date ''2023-01-01'' + j AS day, i % 100 AS n FROM generate_series(1, 20000) i, generate_series(1, 2) j', 'n', 'day', 'name');
SELECT metrics ->> 'series' AS series FROM aipipe.model_version WHERE model = 's_many';
SELECT state, reason FROM aipipe.series_explain('s_many', '2023-01-04', 1, 'n19999');

-- wrong values of the first weeks, when nothing could be judged yet, neither move nor widen what is expected
CREATE TABLE early AS SELECT date '2024-01-01' + i AS day, CASE WHEN i IN (5, 11, 17, 40) THEN 5000 ELSE 1000 + i * 7 % 5 * 10 END AS n FROM generate_series(0, 40) i;
SELECT aipipe.series_train('s_early', 'early', 'n', 'day');
SELECT state, expected BETWEEN 1000 AND 1040 AS expected, lower > 900 AND upper < 1100 AS narrow FROM aipipe.series_explain('s_early', '2024-02-11', 1010);
SELECT aipipe.model_drop('s_early');
DROP TABLE early;
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 's\_%' ORDER BY name COLLATE "C";
RESET search_path;
DROP SCHEMA series_score CASCADE;
