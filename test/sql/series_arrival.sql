-- Detectors of arrival times: what they learn, score, explain, expect and miss.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SCHEMA series_arrival;
SET search_path = series_arrival;

-- One batch a day: around midnight from Monday to Friday, at 20:00 on Saturdays, none on Sundays; two came hours late.
CREATE TABLE nightly AS
SELECT timestamptz '2024-01-01' + make_interval(days => i, secs => CASE WHEN i % 7 < 5 THEN 85800 ELSE 72000 END + i * 7919 % 1800
	+ CASE i WHEN 22 THEN 14400 WHEN 39 THEN 21600 ELSE 0 END) AS at
FROM generate_series(0, 59) i WHERE i % 7 < 6;
SELECT aipipe.arrival_train('nightly', 'nightly', 'at') AS version;
SELECT name, task, algorithm, row_count, params, metrics, features FROM aipipe.model JOIN aipipe.model_version ON model = name WHERE name = 'nightly';

-- p-values of a reference in Python that shares no code with this: leave-one-out choice of width and day factors over the
-- same grids, Student's t kernel with three degrees of freedom, quantiles of surprises up to the median, exponential tail.
SELECT at, round((1 - aipipe.arrival_score('nightly', at))::numeric, 7) AS pvalue, pvalue AS reference
FROM (VALUES (timestamptz '2024-03-01 00:05', 1.0000000), ('2024-03-04 23:59', 0.6659582), ('2024-03-05 00:21', 0.2573850),
	('2024-03-05 01:30', 0.0000073), ('2024-03-04 22:00', 0.0000005), ('2024-03-09 20:10', 0.3462105), ('2024-03-09 23:55', 0.0008192),
	('2024-03-10 20:10', 0.0046792), ('2024-03-06 04:00', 0.0000000)) AS reference (at, pvalue);
-- the late ones taught nothing: they are set aside, and still strange
SELECT convert_from(aipipe.model_export('nightly'), 'UTF8') ~ '"outliers":\[19,34\]' AS set_aside,
	aipipe.arrival_score('nightly', (SELECT at FROM nightly OFFSET 19 LIMIT 1)) > 0.999 AS late_is_strange;
SELECT e.state, e.expected_from, e.expected_until, e.expected_at, e.day, e.reason
FROM unnest('{2024-03-04 23:59,2024-03-05 01:30,2024-03-04 22:00,2024-03-05 00:20:30,2024-03-09 20:10,2024-03-10 20:10,2024-03-06 04:00}'::timestamptz[]) at,
	aipipe.arrival_explain('nightly', at) e;
SELECT e.state, e.reason FROM unnest('{2024-03-04 23:46:30,2024-03-05 00:31}'::timestamptz[]) at, aipipe.arrival_explain('nightly', at) e;

-- what is expected in the coming week: no Sunday
SELECT expected_from, expected_until, expected_at, round(probability::numeric, 3) AS probability, day
FROM aipipe.arrival_expected('nightly', '2024-03-04 12:00');
-- a window that is open still counts, one that is over does not; less coverage, narrower windows
SELECT expected_from, expected_until FROM aipipe.arrival_expected('nightly', '2024-03-05 00:00', coverage => 0.5) LIMIT 1;
SELECT expected_from FROM aipipe.arrival_expected('nightly', '2024-03-05 00:40') LIMIT 1;
SELECT bool_and(a.expected_from <= b.expected_from AND a.expected_until >= b.expected_until) AS nested
FROM aipipe.arrival_expected('nightly', '2024-03-04 12:00') a JOIN aipipe.arrival_expected('nightly', '2024-03-04 12:00', coverage => 0.3) b USING (expected_at);

-- overdue: the last one, of Thursday night, came just after midnight
SELECT max(at) FROM nightly;
SELECT now, round(aipipe.arrival_overdue('nightly', now)::numeric, 3) AS overdue
FROM unnest('{2024-02-28 12:00,2024-03-01 12:00,2024-03-01 23:45,2024-03-02 00:05,2024-03-02 00:25,2024-03-02 08:00,2024-03-03 12:00,2024-03-04 12:00,2024-03-05 12:00}'::timestamptz[]) now;
-- with a newer one: nothing is missing over Sunday
SELECT now, round(aipipe.arrival_overdue('nightly', now, last => '2024-03-02 20:15')::numeric, 3) AS overdue
FROM unnest('{2024-03-02 20:00,2024-03-03 12:00,2024-03-04 22:00,2024-03-05 00:40}'::timestamptz[]) now;

-- many series in one detector: two batches a day, every hour, too few, weekly; names of any kind
CREATE TABLE feeds AS
SELECT 'twice' AS feed, timestamp '2024-01-01' + make_interval(days => i / 2, hours => CASE i % 2 WHEN 0 THEN 4 ELSE 18 END, mins => i * 7919 % 40) AS at FROM generate_series(0, 119) i
UNION ALL SELECT 'hourly', timestamp '2024-01-01' + make_interval(hours => i, mins => i * 7919 % 10) FROM generate_series(0, 743) i
UNION ALL SELECT 'new "feed"', timestamp '2024-01-01' + make_interval(days => i) FROM generate_series(0, 3) i
UNION ALL SELECT 'weekly', timestamp '2024-01-01 06:00' + make_interval(days => 7 * i, mins => i * 7919 % 30) FROM generate_series(0, 9) i
UNION ALL SELECT 'any time', timestamp '2024-01-01' + make_interval(days => i / 10, secs => i::bigint * 7919 * 7919 % 86400) FROM generate_series(0, 399) i;
SELECT aipipe.arrival_train('feeds', 'feeds', 'at', 'feed') AS version;
SELECT metrics FROM aipipe.model_version WHERE model = 'feeds';
SELECT feed, e.state, e.reason FROM (VALUES ('twice', timestamptz '2024-03-01 04:10'), ('twice', '2024-03-01 21:00'), ('twice', '2024-03-01 02:00'), ('hourly', '2024-02-01 07:30'), ('hourly', '2024-02-01 07:05'),
	('new "feed"', '2024-02-01'), ('weekly', '2024-03-11 06:10'), ('weekly', '2024-03-11 12:00'), ('weekly', '2024-03-14 06:10'), ('any time', '2024-03-01 03:33'), ('never seen', '2024-03-01')) AS v (feed, at),
	aipipe.arrival_explain('feeds', at, feed) e;
SELECT aipipe.arrival_score('feeds', '2024-02-01', 'new "feed"') AS score, aipipe.arrival_overdue('feeds', '2024-02-01', 'never seen') AS overdue,
	(SELECT count(*) FROM aipipe.arrival_expected('feeds', '2024-02-01', 'never seen')) AS expected;
SELECT feed, (SELECT count(*) FROM aipipe.arrival_expected('feeds', '2024-03-01', feed)) AS windows_a_week FROM (SELECT DISTINCT feed FROM feeds) f ORDER BY 1;
-- an hour's silence says little of ten batches a day at any time, a day's much
SELECT round(aipipe.arrival_overdue('feeds', '2024-02-10 13:00', 'any time', '2024-02-10 12:00')::numeric, 1) AS hour,
	round(aipipe.arrival_overdue('feeds', '2024-02-11 12:00', 'any time', '2024-02-10 12:00')::numeric, 3) AS day;

-- same arrivals, same bytes, whatever the order of the rows
SELECT aipipe.arrival_train('feeds', 'SELECT * FROM feeds ORDER BY at DESC, feed', 'at', 'feed') AS version;
SELECT count(DISTINCT aipipe.model_export('feeds', v)) AS artifacts FROM unnest('{1,2}'::int[]) v;
-- a refresh takes what is newer; what it learns is what all arrivals together teach
SELECT aipipe.arrival_train('grown', 'SELECT * FROM feeds WHERE at < ''2024-01-20''', 'at', 'feed') AS version;
SELECT aipipe.arrival_refresh('grown', 'SELECT * FROM feeds') AS version;
SELECT version, aliases, metrics FROM aipipe.model_version WHERE model = 'grown' ORDER BY 1;
SELECT aipipe.model_export('grown', 2) = aipipe.model_export('feeds', 1) AS same;
SELECT aipipe.arrival_refresh('grown', 'SELECT ''aaa'' AS feed, timestamp ''2024-05-01'' AS at', promote => false) AS version;
SELECT state, reason FROM aipipe.arrival_explain('grown', '2024-05-01', 'aaa');
SELECT aipipe.model_promote('grown', 3);
SELECT state, reason FROM aipipe.arrival_explain('grown', '2024-05-01', 'aaa');
SELECT aipipe.arrival_score('grown', at, 'weekly') = aipipe.arrival_score('feeds', at, 'weekly') AS kept FROM (VALUES (timestamptz '2024-03-11 07:00')) v (at);

-- walking forward: an arrival is judged with earlier ones only, so the first ones are not, and what comes later changes nothing
SELECT state, count(*) FROM aipipe.arrival_detect('feeds', 'at', 'feed') GROUP BY 1 ORDER BY 1;
SELECT ts, state, round(pvalue::numeric, 4) AS pvalue, score = 1 - pvalue AS sum, reason FROM aipipe.arrival_detect('nightly', 'at') WHERE state <> 'normal' ORDER BY ts;
SELECT count(*) AS different FROM aipipe.arrival_detect('nightly', 'at') a
JOIN aipipe.arrival_detect('SELECT * FROM nightly WHERE at < ''2024-02-01''', 'at') b USING (ts) WHERE a.pvalue IS DISTINCT FROM b.pvalue OR a.state <> b.state;
-- a lasting new time is strange at first, then normal
SELECT min(ts) FILTER (WHERE state <> 'normal') AS first_strange, max(ts) FILTER (WHERE state <> 'normal') AS last_strange, count(*) FILTER (WHERE state <> 'normal') AS strange
FROM aipipe.arrival_detect($$SELECT timestamp '2024-01-01 03:00' + make_interval(days => i, hours => CASE WHEN i < 60 THEN 0 ELSE 5 END, mins => i * 7919 % 20) AS at FROM generate_series(0, 99) i$$, 'at')
WHERE ts >= '2024-02-01';

-- local time: in Berlin 06:00 stays 06:00 when summer time begins, in UTC it moves by an hour
CREATE TABLE berlin AS SELECT (timestamp '2024-03-01 06:00' + make_interval(days => i, mins => i * 7919 % 6)) AT TIME ZONE 'Europe/Berlin' AS at FROM generate_series(0, 40) i;
SELECT zone, count(*) FILTER (WHERE state <> 'normal') > 0 AS strange
FROM unnest('{UTC,Europe/Berlin}'::text[]) zone, aipipe.arrival_detect('berlin', 'at', params => jsonb_build_object('timezone', zone)) WHERE ts > '2024-03-20' GROUP BY 1 ORDER BY 1;
SELECT aipipe.arrival_train('berlin', 'SELECT at FROM berlin WHERE at < ''2024-03-30''', 'at', params => '{"timezone": "Europe/Berlin"}') AS version;
SELECT expected_at FROM aipipe.arrival_expected('berlin', '2024-03-30 00:00') LIMIT 3;
-- a Friday that is a weekend's day
SELECT aipipe.arrival_train('friday', 'nightly', 'at', params => '{"weekend": ["Friday", "saturday"], "days": "weekday"}') AS version;
SELECT params->'weekend' AS weekend, params->'days' AS days FROM aipipe.model_version WHERE model = 'friday';
-- how days are told apart: none at all, so a Saturday at the weekdays' time is as good
SELECT aipipe.arrival_train('alike', 'nightly', 'at', params => '{"days": "none"}') AS version;
SELECT round(aipipe.arrival_score('alike', '2024-03-09 00:05')::numeric, 2) = round(aipipe.arrival_score('alike', '2024-03-08 00:05')::numeric, 2) AS alike;
DROP SCHEMA series_arrival CASCADE;
SELECT count(aipipe.model_drop(name)) FROM aipipe.model WHERE task = 'arrival';
