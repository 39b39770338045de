-- Schedules that are refused: 22023, the field and the piece, and what to write instead.
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.refusal(schedule text, zone text DEFAULT 'UTC') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text; message text; detail text; hint text;
BEGIN
    PERFORM aipipe.job_schedule_next(schedule, '2026-01-01', 1, zone);
    RETURN 'none: ' || schedule;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN format(E'%s %s\n    %s\n    %s', code, message, detail, hint);
END $$;
\pset format unaligned
\pset tuples_only on

-- not cron, and nothing else
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['', E' \t\n', 'hourly', '* * * *', '* * * * * * *', '30 seconds', '@reboot', '@every 5m', '@', repeat('1,', 600) || '1 * * * *']) s;
-- each field's bounds and names
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['60 * * * * *', '60 * * * *', '0 24 * * *', '0 0 0 * *', '0 0 32 * *', '0 0 * 13 *', '0 0 * 0 *', '0 0 * * 8',
    '0 0 * SEPT *', '0 0 * * MONDAY', 'JAN * * * *', '0 0 * MON *', '0 0 * * J', '99999999999999999999 * * * *', '1e3 * * * *', '1.5 * * * *', '* * * * * 0x1']) s;
-- the form of a piece
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['5,,6 * * * *', '5, * * * *', ',5 * * * *', '5- * * * *', '-5 * * * *', '5-10-15 * * * *', '*5 * * * *', '*-5 * * * *', '5/5/5 * * * *',
    '*/0 * * * *', '*/60 * * * *', '0 */36 * * *', '*/ * * * *', '*/-5 * * * *', '0 0 * */12 *', '0 0 * * */7', '0 0 1-99 * *', '0 0 * * MON-', '1;2 * * * *']) s;
-- other dialects
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['0 0 ? * *', '0 0 0 ? * MON', '0 0 LW * *', '0 0 15W * *', '0 0 L-3 * *', '0 0 1-L * *', '0 0 L/2 * *', '0 0 * L *', '0 0 * * 5L', '0 0 * * FRIL', '0 0 * * FRI#2',
    '0 0 * JULY-L *', '0 0 W * *', '0 0 LL * *', 'H * * * *', '0 0 1-5~ * *']) s;
-- days that never come
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['0 0 30 2 *', '0 0 30,31 FEB *', '0 0 31 4,6,9,11 *', '0 0 31 2 */2', '0 0 0 31 2 *']) s;
SELECT pg_temp.refusal('0 0 30 2 MON') AS either_will_do, pg_temp.refusal('0 0 29 2 *') AS in_leap_years, pg_temp.refusal('0 0 30,L 2 *') AS last;
-- intervals
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['every', 'every   ', 'every 5', 'every 1.5', 'every 0 seconds', 'every 0.999999 seconds', 'every 0 days', 'every -5 minutes', 'every 1 day -1 hour', 'every 5 minutes ago',
    'every infinity', 'every 5 parsecs', 'every other day', 'every 99999999999999 years', 'every -178000000 years -178000000 years', 'every P', 'every ' || repeat('1 day ', 100),
    'every from 2026-01-01', 'every 5 minutes from', 'every 5 minutes from now', 'every 1 day from infinity', 'every 1 day from 2026-01-01 from 2027-01-01']) s;
-- times
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['at', 'at ', 'at now', 'at tomorrow', 'at infinity', 'at -infinity', 'at 01/02/2026', 'at 2026-13-01', 'at 2026-00-01', 'at 2026-02-29', 'at 2026-04-31', 'at 26-01-01', 'at 0000-01-01', 'at 0044-03-15 BC',
    'at 2026-02-28 24:00', 'at 2026-02-28 10:60', 'at 2026-02-28 10:00:60', 'at 2026-02-28 10', 'at 2026-02-28 10:0', 'at 2026-02-28 10:00:00.', 'at 2026-02-28 10:00:00.1234567', 'at 2026-02-28 10:00+1', 'at 2026-02-28 10:00+16',
    'at 2026-02-28 10:00+01:', 'at 2026-02-28 10:00+01:60', 'at 2026-02-28 10:00 Europe/Berlin', 'at 2026-02-28x', 'at 294277-01-01', 'at 294276-12-31 23:59-01', 'at 2026-1-1']) s;
SELECT pg_temp.refusal('at 294276-12-31 23:30', 'America/New_York') AS beyond_in_utc;
-- events
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['on', 'on ']) s;
-- zones
SELECT pg_temp.refusal('* * * * *', z) FROM unnest(ARRAY['', 'Mars/Olympus', '../../etc/hosts', repeat('x', 300)]) z;
-- the function's own arguments
SELECT aipipe.job_schedule_next(NULL);
SELECT aipipe.job_schedule_next('* * * * *', NULL);
SELECT aipipe.job_schedule_next('* * * * *', '2026-01-01', NULL);
SELECT aipipe.job_schedule_next('* * * * *', '2026-01-01', 0);
SELECT aipipe.job_schedule_next('* * * * *', '2026-01-01', -1);
-- words are words: these are no intervals, times or events
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['everyday', 'atomic', 'onwards', 'every5minutes']) s;
