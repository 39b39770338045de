-- Tails: the empirical part, the joint, the generalised Pareto part, and what is not sound.
SET search_path = aipipe_test, public;

-- few rows: P(score >= s) at every score, ties counted, between two scores in between; beyond, one in rows + 1 and less
SELECT round((2 ^ -unnest(tail('{5,1,2,2,2,3,4,4}', '{0,1,2,2.5,3,4,5}')))::numeric, 4) AS p;
SELECT round((2 ^ -unnest(tail('{5,1,2,2,2,3,4,4}', '{6,10}')))::numeric, 4) < 0.1112 AS beyond;

-- one score, constant scores: what is greater is one in rows + 1 or less; what is smaller or equal is ordinary
SELECT tail('{7}', '{6,7}') AS one, (SELECT bool_and(b >= 1) FROM unnest(tail('{7}', '{7.1,100,3e38}')) b) AS beyond;
SELECT tail(array_fill(7::real, ARRAY[1000]), '{-1,7}') AS constant,
       (SELECT bool_and(b >= 9.967) FROM unnest(tail(array_fill(7::real, ARRAY[1000]), '{7.1,100,3e38}')) b) AS beyond;
SELECT tail(array_fill(0::real, ARRAY[3]), '{0}') AS zeros, tail('{3.4e38,-3.4e38,-3.4e38,3.4e38}', '{-3.4e38,3.4e38}') AS extremes;
SELECT tail(array_agg(i::real), '{Infinity,NaN,-Infinity}') = tail(array_agg(i::real), '{3.4028234e38,3.4028234e38,0}') AS no_numbers
FROM generate_series(1, 100) i;

-- the parameters of a generalised Pareto distribution come back; above u its excesses have scale 1 + shape * u
CREATE FUNCTION gpd(shape float8, n int) RETURNS real[] LANGUAGE sql AS $$
    SELECT array_agg((CASE WHEN shape = 0 THEN -ln(1 - q) ELSE ((1 - q) ^ -shape - 1) / shape END)::real)
    FROM generate_series(1, n) i, LATERAL (SELECT (i - 0.5) / n::float8) x(q) $$;
SELECT g.shape, abs(f.shape - g.shape) < 0.06 AS shape_near, abs(f.scale / (1 + g.shape * f.threshold) - 1) < 0.08 AS scale_near, round(f.share::numeric, 3) AS share
FROM unnest(ARRAY[-0.4, -0.2, 0, 0.2, 0.4]) g(shape), LATERAL tail_fit(gpd(g.shape, 20000)) f ORDER BY 1;

-- shapes outside the bounds are brought to them
SELECT round((tail_fit(gpd(0.9, 20000))).shape::numeric, 3) AS heavy, round((tail_fit(gpd(-1, 20000))).shape::numeric, 3) AS short;

-- 50,000 evenly spread quantiles against true tail probabilities of 1e-3 … 1e-6: scores by isf() of scipy.stats 1.17.1's logistic, gumbel_r,
-- weibull_min(2), t(2) and genpareto(0.2); the log10 of what the tail says
WITH q(q) AS (SELECT (i - 0.5) / 50000::float8 FROM generate_series(1, 50000) i),
d(name, scores, at) AS (
    SELECT 'logistic', (SELECT array_agg(ln(q / (1 - q))::real) FROM q), '{6.906755,9.21024,11.51292,13.81551}'::real[] UNION ALL
    SELECT 'gumbel', (SELECT array_agg((-ln(-ln(q)))::real) FROM q), '{6.907255,9.21029,11.51292,13.81551}' UNION ALL
    SELECT 'weibull', (SELECT array_agg(sqrt(-ln(1 - q))::real) FROM q), '{2.628261,3.034854,3.39307,3.716922}' UNION ALL
    SELECT 't2', (SELECT array_agg(((2 * q - 1) * sqrt(2 / (4 * q * (1 - q))))::real) FROM q), '{22.32712,70.70007,223.6034,707.1057}' UNION ALL
    SELECT 'genpareto', (SELECT array_agg((((1 - q) ^ -0.2 - 1) / 0.2)::real) FROM q), '{14.90536,26.54787,45,74.24466}')
SELECT name, array_agg(round((-b * log(2))::numeric, 1) ORDER BY n) AS log10_p, bool_and(abs(-b * log(2) + n + 2) <= ('{0.02,0.1,0.25,0.75}'::float8[])[n]) AS near
FROM d, LATERAL unnest(tail(scores, at)) WITH ORDINALITY x(b, n) GROUP BY name ORDER BY name;

-- heaps of equal scores contradict every smooth tail: told row by row, P is right to one row
SELECT f.shape, round((2 ^ -(tail(a, '{4}'))[1])::numeric, 3) AS p_of_heap, round(exp(-4)::numeric, 3) AS true_p
FROM (SELECT array_agg(least(-ln(1 - (i - 0.5) / 20000::float8), 4)::real) FROM generate_series(1, 20000) i) x(a), LATERAL tail_fit(a) f;

-- all that is above the threshold is one heap: what is beyond it is still one in rows + 1 or less, also for the rows themselves
SELECT round((2 ^ -b[1])::numeric, 3) AS p_of_heap, b[2] >= log(2, 20001) AND b[3] > b[2] AS beyond, round((2 ^ -(tail_unseen(a))[20000])::numeric, 3) AS p_unseen
FROM (SELECT array_agg((1 + (i <= 542)::int + (i <= 180)::int)::real) FROM generate_series(1, 20000) i) x(a), LATERAL tail(a, '{3,4,100}') t(b);

-- never falling, continuous at the joint
SELECT bool_and(rises) AS rises, max(step) < 0.02 AS no_jump
FROM (SELECT b >= lag(b, 1, 0::float8) OVER (ORDER BY n) AS rises, b - lag(b, 1, 0::float8) OVER (ORDER BY n) AS step
      FROM unnest(tail(gpd(0.1, 10000), (SELECT array_agg((i / 500.0)::real ORDER BY i) FROM generate_series(0, 10000) i))) WITH ORDINALITY x(b, n)) y;

-- a tail with an end (uniform scores) goes on rising behind it, to 20 bits beyond one row
SELECT bool_and(b > before) IS NOT FALSE AS rises, max(b) <= log(2, 10000) + 20 AS bounded, max(b) > log(2, 10000) + 19 AS nearly
FROM (SELECT b, lag(b) OVER (ORDER BY n) AS before FROM unnest(tail(gpd(-1, 10000), '{0.9,0.99,0.999,1,1.005,1.01,1.02,1.05,1.1,1.5,2}')) WITH ORDINALITY x(b, n)) y;

-- many rows: so many points at most
SELECT (tail_fit(array_agg((i * 7919 % 1000003)::real))).points <= 4096 AS thinned FROM generate_series(1, 200000) i;

-- scores spread as a tail says have that tail
SELECT abs(f.shape - g.shape) < 0.03 AS shape_near, abs(f.scale / g.scale - 1) < 0.05 AS scale_near, abs(f.threshold / g.threshold - 1) < 0.02 AS threshold_near
FROM tail_fit(gpd(0.2, 20000)) g, tail_fit(tail_sample(gpd(0.2, 20000), 20000)) f;
SELECT tail_sample('{1,2,2,3}', 4) AS few;

-- training rows themselves are judged by the tail of the others: few rows, ties, one greatest, several; as leaving each out says
CREATE FUNCTION left_out(scores real[]) RETURNS float8[] LANGUAGE sql AS $$
    SELECT array_agg((tail((SELECT array_agg(x) FROM unnest(scores) WITH ORDINALITY o(x, k) WHERE k <> n), ARRAY[s]))[1] ORDER BY s) FROM unnest(scores) WITH ORDINALITY u(s, n) $$;
SELECT name, (SELECT max(abs(a - b)) FROM unnest(tail_unseen(scores), left_out(scores)) x(a, b)) < 1e-4 AS equal
FROM (VALUES ('few', '{5,1,2,2,2,3,4,4}'::real[]), ('greatest twice', '{1,7,3,7}'), ('equal', '{3,3,3}'),
      ('some', (SELECT array_agg(sqrt(i * 7919 % 211)::real) FROM generate_series(1, 200) i)), ('heaps', (SELECT array_agg((i * i % 23)::real) FROM generate_series(1, 300) i))) v(name, scores);
SELECT tail_unseen('{7}') AS one, round((tail_unseen('{1,2}'))[2]::numeric, 3) AS ten_bits, round((tail_unseen('{1,2,3,4,5,6,1000}'))[7]::numeric, 3) = round(log(2, 6.0) + 10, 3) AS no_more_than_ten_beyond;
-- above the threshold of a generalised Pareto tail as a fit to the other exceedances says, whose threshold may be a row lower; never falling
WITH d(name, scores) AS (VALUES ('light', gpd(-0.2, 3010)), ('exponential', gpd(0, 3010)), ('heavy', gpd(0.3, 3010))),
     b AS (SELECT name, scores, tail_unseen(scores) AS bits FROM d)
SELECT name, (SELECT bool_and(abs(bits[i] - (tail(scores[1:i - 1] || scores[i + 1:], scores[i:i]))[1]) < 0.05 + 0.2 * (i > 3005)::int) FROM unnest('{10,1500,2900,2949,2955,2990,3000,3005,3008,3009,3010}'::int[]) i) AS near,
       bits[3010] > (tail(scores, scores[3010:]))[1] + 0.2 AS greatest_is_stranger, (SELECT bool_and(x >= before) IS NOT FALSE FROM (SELECT x, lag(x) OVER (ORDER BY n) AS before FROM unnest(bits) WITH ORDINALITY u(x, n)) y) AS rises
FROM b ORDER BY name;

-- mutants are refused, or are tails
SELECT (SELECT m.accepted + m.refused = 3000 AND m.accepted > 0 AND m.refused > 2000 FROM tail_mutate(gpd(0.1, 3000), false, 3000) m) AS artifact,
       (SELECT m.accepted + m.refused = 3000 AND m.accepted > 0 AND m.refused > 500 FROM tail_mutate(gpd(0.1, 3000), true, 3000) m) AS compiled;
SELECT (SELECT m.accepted + m.refused = 2000 FROM tail_mutate('{1,2,3}', false, 2000, 2) m) AS artifact,
       (SELECT m.accepted + m.refused = 2000 FROM tail_mutate('{1,2,3}', true, 2000, 2) m) AS compiled;
