-- Mutated schedules, in clocks of all sorts, from all times.
SET search_path = public, aipipe_test;
SELECT sum(m.accepted + m.refused) AS answered, sum(m.accepted) > 20000 AS many_served, sum(m.refused) > 20000 AS many_refused, sum(m.other) AS other,
       sum(m.different) AS different, max(m.longest_ms) < 100 AS fast
FROM unnest(ARRAY['*/5 * * * *', '0 3 * * *', '10-50/10 2,3 1,L * MON-FRI', '0 0 29 2 *', '30 59 23 31 12 SUN', '* * * * * *', '0 22-6 * NOV-FEB 7',
                  '@daily', 'every 5 minutes', 'every 1 month 2 days 03:00 from 2024-01-31 02:30:00.5', 'every 1 day from 1999-12-31 23:59-11:30',
                  'at 2026-12-01 10:00:00+01', 'at 2024-03-31 02:30', 'on staging.orders', '0 * 1 3 *', '0 5 1-2 3 *', '1 2 3 4 5', '0,0,0 0 * */2 */2',
                  'every P1Y2M', '59 */23 30,31 APR-JUN *']) WITH ORDINALITY AS s(schedule, n), schedule_mutate(s.schedule, 5000, s.n::int) AS m;
