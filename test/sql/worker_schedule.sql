-- Schedules: when a job is due.  Each block shows wall times of its zone with their offsets.
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';

-- the next slots in a zone, as its clock shows them
CREATE FUNCTION pg_temp.slots(schedule text, after timestamptz, count int, zone text DEFAULT 'UTC') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM set_config('timezone', zone, true);
    SELECT string_agg(to_char(s, 'YYYY-MM-DD Dy HH24:MI:SSOF'), E'\n') INTO result
    FROM aipipe.job_schedule_next(schedule, after, count, zone) s;
    PERFORM set_config('timezone', 'UTC', true);
    RETURN coalesce(result, 'never');
END $$;
\pset format unaligned
\pset tuples_only on

-- cron: fields, lists, ranges, steps, names
SELECT pg_temp.slots('30 6 * * *', '2026-01-01', 2);
SELECT pg_temp.slots('  */20	9-10  *  *  * ', '2026-01-01', 7);
SELECT pg_temp.slots('10-50/20 0 1 * *', '2026-01-01', 4);
SELECT pg_temp.slots('5/25 0 * * *', '2026-01-01', 4);
SELECT pg_temp.slots('0,7,59 12 * * *', '2026-01-01', 4);
SELECT pg_temp.slots('0 0 1 jan,Jul-SEP *', '2026-01-01', 4);
SELECT pg_temp.slots('0 0 * * mon-WED,6', '2026-01-01', 5);
SELECT pg_temp.slots('05 08 09 * *', '2026-01-01', 1);
-- seconds in front
SELECT pg_temp.slots('*/20 * * * * *', '2026-01-01 00:00:20', 4);
SELECT pg_temp.slots('15,45 59 23 31 12 *', '2026-01-01', 3);
-- Sunday is 0 and 7; a range may end with it
SELECT pg_temp.slots('0 0 * * 0', '2026-01-01', 1), pg_temp.slots('0 0 * * 7', '2026-01-01', 1), pg_temp.slots('0 0 * * sun', '2026-01-01', 1);
SELECT pg_temp.slots('0 0 * * 6-7', '2026-01-01', 3);
SELECT pg_temp.slots('0 0 * * 7-1', '2026-01-01', 3);
SELECT pg_temp.slots('0 0 * * */3', '2026-01-01', 4);
-- ranges over the end of a field
SELECT pg_temp.slots('0 0 * * FRI-MON', '2026-01-01', 5);
SELECT pg_temp.slots('0 22-4/3 * * *', '2026-01-01', 4);
SELECT pg_temp.slots('0 0 1 NOV-FEB *', '2026-01-15', 5);
SELECT pg_temp.slots('0 0 30-2 * *', '2026-02-01', 5);
SELECT pg_temp.slots('0 0 1 1 1-0', '2026-01-01 12:00', 2);
-- the last day of a month
SELECT pg_temp.slots('0 9 L * *', '2028-01-31', 4);
SELECT pg_temp.slots('0 9 l,15 2 *', '2027-02-01', 3);
-- days of month and of week: either, unless one holds a *
SELECT pg_temp.slots('0 0 13 * FRI', '2026-02-01', 6);
SELECT pg_temp.slots('0 0 * * FRI', '2026-02-01', 2);
SELECT pg_temp.slots('0 0 13 * *', '2026-02-01', 2);
SELECT pg_temp.slots('0 0 */2 * FRI', '2026-02-01', 3);
SELECT pg_temp.slots('0 0 13 * */5', '2026-02-01', 3);
SELECT pg_temp.slots('0 0 L * MON', '2026-02-01', 6);
-- rare days
SELECT pg_temp.slots('0 0 29 2 *', '2096-01-01', 3);
SELECT pg_temp.slots('0 0 29 2 */6', '2088-03-01', 2) AS after_28_years;
SELECT pg_temp.slots('0 0 31 2-4 *', '2026-01-01', 2);
-- short names
SELECT n, pg_temp.slots(n, '2026-02-28 12:34:56', 1) FROM unnest(ARRAY['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually', '@DAILY']) n;
-- after a slot comes the next one, not itself; fractions of a second do not matter
SELECT pg_temp.slots('* * * * *', '2026-01-01 00:00:00', 1), pg_temp.slots('* * * * *', '2025-12-31 23:59:59.999999', 1), pg_temp.slots('* * * * *', '2026-01-01 00:00:00.000001', 1);
SELECT pg_temp.slots('0 0 1 1 *', '1969-12-31 23:59:59.5', 1), pg_temp.slots('* * * * * *', '1969-12-31 23:59:58.5', 3);

-- a clock that is put forward: chosen hours run once, right after what is left out
SELECT pg_temp.slots('30 2 * * *', '2024-03-30', 3, 'Europe/Berlin');
SELECT pg_temp.slots('*/15 2 * * *', '2024-03-30 01:30', 5, 'Europe/Berlin');
SELECT pg_temp.slots('30 2,3 * * *', '2024-03-31', 3, 'Europe/Berlin');
SELECT pg_temp.slots('0 2,3 * * *', '2024-03-31', 2, 'Europe/Berlin') AS one_for_both;
SELECT pg_temp.slots('0 2 10 3 *', '2024-01-01', 2, 'America/New_York');
SELECT pg_temp.slots('30 2 * * *', '2024-10-05', 3, 'Australia/Sydney');
-- every hour follows elapsed time
SELECT pg_temp.slots('30 * * * *', '2024-03-30 23:00', 4, 'Europe/Berlin');
SELECT pg_temp.slots('0 */2 * * *', '2024-03-30 22:30', 3, 'Europe/Berlin');
SELECT pg_temp.slots('0 0-23 * * *', '2024-10-26 23:30', 4, 'Europe/Berlin');
SELECT pg_temp.slots('*/30 * * * *', '2024-10-26 23:30', 6, 'Europe/Berlin');
-- put back: chosen hours run at the first time that the clock shows them
SELECT pg_temp.slots('30 2 * * *', '2024-10-26', 3, 'Europe/Berlin');
SELECT pg_temp.slots('*/20 2,3 27 10 *', '2024-10-26', 7, 'Europe/Berlin');
SELECT pg_temp.slots('30 2 * * *', '2024-10-27 00:40+00', 1, 'Europe/Berlin') AS after_the_first;
SELECT pg_temp.slots('30 2 * * *', '2024-10-27 01:10+00', 1, 'Europe/Berlin') AS before_the_second, pg_temp.slots('50 2 * * *', '2024-10-27 01:40+00', 1, 'Europe/Berlin') AS again;
SELECT pg_temp.slots('0 3 * * *', '2024-10-27 01:10+00', 1, 'Europe/Berlin') AS comes_once, pg_temp.slots('30 1 * * *', '2024-10-27 00:59:59+00', 1, 'Europe/Berlin') AS came_once;
SELECT pg_temp.slots('30 1 * * *', '2024-11-02', 3, 'America/New_York');
SELECT pg_temp.slots('30 2 * * *', '2024-04-06', 3, 'Australia/Sydney');
-- half an hour
SELECT pg_temp.slots('15 2 * * *', '2023-09-30', 3, 'Australia/Lord_Howe');
SELECT pg_temp.slots('*/15 * * * *', '2023-09-30 15:10+00', 5, 'Australia/Lord_Howe');
SELECT pg_temp.slots('45 1 * * *', '2024-04-05', 3, 'Australia/Lord_Howe');
SELECT pg_temp.slots('45 * * * *', '2024-04-06 13:50+00', 3, 'Australia/Lord_Howe');
-- a day that is not there, and hours of it
SELECT pg_temp.slots('0 12 * * *', '2011-12-28 23:00+00', 4, 'Pacific/Apia');
SELECT pg_temp.slots('0 12 30 12 *', '2011-01-01', 3, 'Pacific/Apia');
SELECT pg_temp.slots('0 12 * * FRI', '2011-12-20', 4, 'Pacific/Apia');
SELECT pg_temp.slots('0 */12 * * *', '2011-12-29 10:00+00', 4, 'Pacific/Apia');
SELECT pg_temp.slots('0 * 30 12 *', '2011-01-01', 1, 'Pacific/Apia') AS a_year_later;
-- midnight left out, midnight twice
SELECT pg_temp.slots('@daily', '2018-11-03', 3, 'America/Sao_Paulo');
SELECT pg_temp.slots('0 0 1 * SUN', '2018-10-30', 3, 'America/Sao_Paulo');
SELECT pg_temp.slots('30 23 * * *', '2018-02-17', 3, 'America/Sao_Paulo');
SELECT pg_temp.slots('@daily', '2022-03-26', 3, 'Asia/Beirut');
SELECT pg_temp.slots('@midnight', '2022-10-29', 3, 'Asia/Beirut');
SELECT pg_temp.slots('@daily', '2020-11-01 02:00+00', 2, 'America/Havana');
-- summer that pauses for a month
SELECT pg_temp.slots('30 2 * * *', '2023-03-18', 3, 'Africa/Casablanca');
SELECT pg_temp.slots('30 2 * * *', '2023-04-22', 3, 'Africa/Casablanca');
-- zones without changes, with odd offsets, written as a rule
SELECT pg_temp.slots('0 0 * * *', '2024-01-01', 2, 'Asia/Kathmandu');
SELECT pg_temp.slots('0 0 1 1 *', '1880-01-01', 1, 'Europe/Berlin') AS before_zones;
SELECT pg_temp.slots('30 2 * * *', '2024-03-09', 3, 'EST5EDT,M3.2.0,M11.1.0');
SELECT pg_temp.slots('30 2 * * *', '2500-03-27', 3, 'Europe/Berlin') AS beyond_the_table;
-- a clock that jumps over two days each year, and one that repeats them
SELECT pg_temp.slots('0 5 1 3 *', '2024-01-01', 2, 'AAA24BBB-24,J60/0,J300/0'), pg_temp.slots('0 * 1 3 *', '2024-01-01', 2, 'AAA24BBB-24,J60/0,J300/0');
SELECT pg_temp.slots('0 5 27 10 *', '2024-01-01', 2, 'AAA24BBB-24,J60/0,J300/0'), pg_temp.slots('0 */20 26 10 *', '2024-01-01', 4, 'AAA24BBB-24,J60/0,J300/0');
-- the zone: given, else the session's
SET timezone = 'Asia/Tokyo';
SELECT aipipe.job_schedule_next('0 3 * * *', '2026-01-01'), aipipe.job_schedule_next('0 3 * * *', '2026-01-01', timezone => 'Europe/Berlin');
SET timezone = 'UTC';

-- every: counted from where it begins
SELECT pg_temp.slots('every 90 minutes', '2026-01-01 00:10', 3);
SELECT pg_temp.slots('every 90 minutes from 2026-01-01', '2026-01-01 00:10', 3);
SELECT pg_temp.slots('EVERY 15 minutes  FROM  2026-01-01T00:05:30', '2025-06-01', 3) AS not_before;
SELECT pg_temp.slots('every minute', '2026-01-01', 2), pg_temp.slots('every hour', '2026-01-01', 2), pg_temp.slots('every week', '2026-01-01', 2), pg_temp.slots('every PT36H', '2026-01-01', 2);
SELECT pg_temp.slots('every 00:00:07', '2026-01-01', 3);
SELECT s FROM aipipe.job_schedule_next('every 1.5 seconds from 2026-01-01 00:00:00.25', '2026-01-01', 4) s;
-- months keep their day
SELECT pg_temp.slots('every 1 month from 2026-01-31 06:00', '2026-01-31 06:00', 6);
SELECT pg_temp.slots('every 1 year from 2024-02-29', '2024-02-29', 5);
SELECT pg_temp.slots('every 3 months from 1926-11-30', '2026-01-01', 4);
SELECT pg_temp.slots('every 1 month 10 days 01:30 from 2026-01-31', '2026-01-31', 3);
-- days go by the clock, hours by elapsed time
SELECT pg_temp.slots('every day from 2024-01-01 02:30', '2024-03-30', 3, 'Europe/Berlin');
SELECT pg_temp.slots('every 24 hours from 2024-01-01 02:30', '2024-03-30', 3, 'Europe/Berlin');
SELECT pg_temp.slots('every 1 day from 2024-01-01 02:30', '2024-10-26', 3, 'Europe/Berlin');
SELECT pg_temp.slots('every day from 2011-12-01 10:00', '2011-12-29', 4, 'Pacific/Apia');
SELECT pg_temp.slots('every day from 2011-12-01', '2011-12-29', 4, 'Pacific/Apia') AS no_slot_twice;
SELECT pg_temp.slots('every day from 2024-10-27 02:30+01', '2024-10-26', 2, 'Europe/Berlin') AS from_the_second;
-- old beginnings cost nothing
SELECT pg_temp.slots('every 1 second from 0001-01-01', '2026-01-01 00:00:00.5', 2), pg_temp.slots('every 3 days from 0001-01-01', '2026-01-01', 2), pg_temp.slots('every 7 months from 0001-01-31', '2026-01-01', 2);

-- at: once
SELECT pg_temp.slots('at 2026-12-01 10:00', '2026-01-01', 2, 'Europe/Berlin');
SELECT pg_temp.slots('at 2026-12-01', '2026-01-01', 2, 'Europe/Berlin');
SELECT pg_temp.slots('AT 2026-12-01T10:00:30.5+05:30', '2026-01-01', 2), pg_temp.slots('at 2026-12-01 10:00 Z', '2026-01-01', 1, 'Europe/Berlin'), pg_temp.slots('at 2026-12-01 9:00 utc', '2026-01-01', 1, 'Europe/Berlin'), pg_temp.slots('at 2026-12-01 10:00-0330', '2026-01-01', 1);
SELECT pg_temp.slots('at 2026-12-01 10:00', '2026-12-01 10:00', 1) AS over, pg_temp.slots('at 2026-12-01 10:00', '2026-12-01 09:59:59.999999', 1) AS just_before;
SELECT pg_temp.slots('at 2024-03-31 02:30', '2024-01-01', 1, 'Europe/Berlin') AS left_out, pg_temp.slots('at 2024-10-27 02:30', '2024-01-01', 1, 'Europe/Berlin') AS twice;
SELECT s FROM aipipe.job_schedule_next('at 2026-12-01 10:00:00.000001', '2026-12-01 10:00', 2, 'UTC') s;

-- on: no time
SELECT pg_temp.slots('on staging.orders', '2026-01-01', 1), pg_temp.slots('ON "my table"', '2026-01-01', 1);

-- the ends of time
SELECT count(*) FROM aipipe.job_schedule_next('@daily', 'infinity', 5);
SELECT s FROM aipipe.job_schedule_next('@daily', '-infinity', 2) s;
SELECT s FROM aipipe.job_schedule_next('0 */12 * * *', '-infinity', 2) s;
SELECT s FROM aipipe.job_schedule_next('0 * * * *', '4713-02-01 BC', 2) s;
SELECT s FROM aipipe.job_schedule_next('@daily', '4713-01-01 BC', 2, 'Asia/Tokyo') s;
SELECT s FROM aipipe.job_schedule_next('@daily', '44-03-15 BC', 2) s;
SELECT s FROM aipipe.job_schedule_next('0 0 29 2 *', '1-01-01 BC', 2) s;
SELECT s FROM aipipe.job_schedule_next('@daily', '294276-12-29 12:00', 9) s;
SELECT s FROM aipipe.job_schedule_next('*/30 * * * * *', '294276-12-31 23:59:00', 9, 'Pacific/Apia') s;
SELECT count(*) FROM aipipe.job_schedule_next('0 0 29 2 *', '294276-03-01', 5);
SELECT s FROM aipipe.job_schedule_next('every day', '-infinity', 2) s;
SELECT s FROM aipipe.job_schedule_next('every 1 second from 0001-01-01', '294276-12-31 23:59:57', 9) s;
SELECT s FROM aipipe.job_schedule_next('every 10 days from 0001-01-01', '294276-12-15', 9) s;
SELECT e, count(s) FROM unnest(ARRAY['178000000 years', '2562047788 hours', '2147483647 days 2562047787 hours', '290000 years', '250000 years 1 second']) e
LEFT JOIN LATERAL aipipe.job_schedule_next('every ' || e, '2026-01-01', 2) s ON true GROUP BY e ORDER BY e;

-- any count, streamed; in a parallel query, in a lateral join
SELECT count(*), min(s), max(s) FROM aipipe.job_schedule_next('* * * * * *', '2026-01-01', 100000) s;
SELECT j, s FROM (VALUES ('0 3 * * *'), ('every 2 hours')) v(j), LATERAL aipipe.job_schedule_next(j, '2026-01-01', 2) s ORDER BY j, s;
SELECT provolatile, proparallel, proretset, prosecdef FROM pg_proc WHERE oid = 'aipipe.job_schedule_next'::regproc;
SELECT count(*) FROM aipipe.job_schedule_next('* * * * *');

-- clocks of all zones, through every change of some years: slots go forward, and asking from between two finds the same
CREATE TEMP TABLE zone AS SELECT name FROM pg_timezone_names WHERE name LIKE '%/%' AND name !~ '^(posix|right|Etc)' ORDER BY md5(name) LIMIT 60;
SELECT count(*) > 50000 AS many, count(*) FILTER (WHERE s <= before) AS backward, count(*) FILTER (WHERE half <> s) AS different
FROM (SELECT name, e, s, lag(s) OVER (PARTITION BY name, e ORDER BY n) AS before
      FROM zone, unnest(ARRAY['30 0,2 * * *', '15 0 * * SUN', '0 */7 * * *', 'every 1 day 3 hours from 2008-01-01 01:30']) e,
           LATERAL aipipe.job_schedule_next(e, '2010-01-01', 400, name) WITH ORDINALITY slot(s, n)) x,
     LATERAL aipipe.job_schedule_next(e, coalesce(before + (s - before) / 2, s - interval '1 microsecond'), 1, name) half;
