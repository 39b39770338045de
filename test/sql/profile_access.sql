-- What is read from a sketch, against the same by SQL; and the shift between two, against Evidently.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
CREATE SCHEMA profile_access;
SET search_path = profile_access;
CREATE TABLE t AS
SELECT i, (i::bigint * 7919 % 1009)::float8 AS f, i % 20 AS few, CASE WHEN i % 10 < 7 THEN 'often' WHEN i % 10 < 9 THEN 'now and then' ELSE 'once ' || i END AS text,
	timestamptz '2024-01-01' + make_interval(mins => i) AS at, CASE WHEN i % 4 <> 0 THEN i END AS gaps
FROM generate_series(1, 5000) i;
CREATE TABLE s AS SELECT aipipe.profile_sketch(f) AS f, aipipe.profile_sketch(few) AS few, aipipe.profile_sketch(text) AS text, aipipe.profile_sketch(at, at) AS at, aipipe.profile_sketch(gaps) AS gaps, aipipe.profile_sketch(i) AS i FROM t;

-- counts and moments are exact
SELECT aipipe.sketch_count(gaps) = (SELECT count(*) FROM t) AS count, aipipe.sketch_nulls(gaps) = (SELECT count(*) - count(gaps) FROM t) AS nulls, aipipe.sketch_distinct(few) = (SELECT count(DISTINCT few) FROM t) AS "distinct",
	aipipe.sketch_uniqueness(few) = 20 / 5000.0 AS uniqueness, aipipe.sketch_type(gaps), aipipe.sketch_kind(gaps) FROM s;
SELECT m.count = e.n AS n, abs(m.mean - e.mean) < 1e-9 AS mean, abs(m.variance / e.variance - 1) < 1e-12 AS variance, abs(m.stddev / e.stddev - 1) < 1e-12 AS stddev, abs(m.skewness - e.skewness) < 1e-9 AS skewness,
	abs(m.kurtosis - e.kurtosis) < 1e-9 AS kurtosis, m.min = e.min AS min, m.max = e.max AS max
FROM s, aipipe.sketch_moments(gaps) m, (SELECT count(gaps) AS n, avg(gaps)::float8 AS mean, var_samp(gaps)::float8 AS variance, stddev_samp(gaps)::float8 AS stddev, min(gaps)::float8, max(gaps)::float8,
	(avg((gaps - mu) ^ 3) / avg((gaps - mu) ^ 2) ^ 1.5)::float8 AS skewness, (avg((gaps - mu) ^ 4) / avg((gaps - mu) ^ 2) ^ 2 - 3)::float8 AS kurtosis FROM t, (SELECT avg(gaps) AS mu FROM t) mu) e;
-- ranks: the ends are exact, the rest within one percent; few values are exact, as percentile_disc() gives them
SELECT max(abs(p - (SELECT avg((t.f <= q)::int) FROM t))) < 0.011 AS ranks FROM s, generate_series(0.01, 0.99, 0.02) p, aipipe.sketch_quantile(f, p) q;
SELECT aipipe.sketch_quantiles(f, '{0,1}') AS ends, (SELECT ARRAY[min(f), max(f)] FROM t) AS by_sql FROM s;
SELECT aipipe.sketch_quantiles(aipipe.profile_sketch(x), '{0,0.1,0.25,0.5,0.51,0.75,1}') AS sketch, percentile_disc('{0,0.1,0.25,0.5,0.51,0.75,1}'::float8[]) WITHIN GROUP (ORDER BY x) AS by_sql FROM unnest('{5,1,4,2,3,9,7,8,6,10}'::float8[]) x;
SELECT aipipe.sketch_quantiles(few, '{{0.125,NULL},{0.875,0}}') AS shaped, aipipe.sketch_quantiles(few, '{}') AS none FROM s;
SELECT max(abs(aipipe.sketch_cdf(f, x) - (SELECT avg((t.f <= x)::int) FROM t))) < 0.011 AS cdf, aipipe.sketch_cdf(min(s.f::text)::aipipe.sketch, -1) AS below, aipipe.sketch_cdf(min(s.f::text)::aipipe.sketch, 1e9) AS above FROM s, generate_series(0, 1000, 50) x;
SELECT abs(aipipe.sketch_quantile(at, 0.5) - extract(epoch FROM (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY at) FROM t))) <= 50 * 60 AS seconds FROM s;
SELECT aipipe.sketch_quantile(text, 0.5) AS characters, abs(aipipe.sketch_cdf(text, 5) - (SELECT avg((length(text) <= 5)::int) FROM t)) < 0.01 AS share FROM s;

-- histograms: bins of equal width over all there is, no more than different values
SELECT h.bin, h.low, h.high, abs(h.count - (SELECT count(*) FROM t WHERE t.f >= h.low AND (t.f < h.high OR h.bin = 5))) <= 50 AS near FROM s, aipipe.sketch_histogram(f, 5) h;
SELECT sum(h.count) AS all, count(*) AS bins FROM s, aipipe.sketch_histogram(f) h;
SELECT h.* FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{1,1,2,3,3,3}'::int[]) x) q, aipipe.sketch_histogram(s, 100) h;
SELECT h.* FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{t,f,t}'::bool[]) x) q, aipipe.sketch_histogram(s) h;
SELECT h.low_text, h.high_text, h.count FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{2024-01-01,2024-01-03,2024-01-11}'::date[]) x) q, aipipe.sketch_histogram(s, 2) h;
SELECT h.low_text, h.high_text, h.count FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{-1 day,00:00:01.5,3 days 12:00}'::interval[]) x) q, aipipe.sketch_histogram(s, 3) h;
SELECT h.low_text, h.high_text, h.count FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{00:00,23:59:59}'::time[]) x) q, aipipe.sketch_histogram(s, 2) h;
SELECT h.low, h.high, h.count FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{-1.7e308,1.7e308,0}'::float8[]) x) q, aipipe.sketch_histogram(s, 2) h;
SELECT h.low, h.high, h.count FROM (SELECT aipipe.profile_sketch(x) AS s FROM unnest('{-1.7e308,1.7e308,0,Infinity}'::float8[]) x) q, aipipe.sketch_histogram(s, 4) h;

-- frequent values
SELECT v.value, v.count, round(v.share::numeric, 3) AS share, v.clipped, v.count >= (SELECT count(*) FROM t WHERE t.text = v.value) - v.error AND v.count <= (SELECT count(*) FROM t WHERE t.text = v.value) AS right FROM s, aipipe.sketch_top(text, 2) v;
SELECT count(*) AS rows, bool_and(v.count = 250) AS counts, max(v.error) AS error FROM s, aipipe.sketch_top(few, 1000) v;
SELECT p.pattern, p.count FROM s, aipipe.sketch_patterns(text, 3) p;
-- extremes by time, order
SELECT e.* FROM s, aipipe.sketch_extremes(at) e;
SELECT i, aipipe.sketch_order(aipipe.profile_sketch(x)) FROM (VALUES (1, '{1,2,3}'::int[]), (2, '{1,1,3}'), (3, '{3,2,1}'), (4, '{3,1,1}'), (5, '{2,2}'), (6, '{1,3,2}'), (7, '{1}'), (8, '{1,NULL,2}')) v(i, a), unnest(a) x GROUP BY i ORDER BY i;
-- everything at once
SELECT jsonb_pretty(aipipe.sketch_json(aipipe.profile_sketch(x, timestamptz '2024-01-01' + make_interval(days => o::int)))) FROM unnest('{A-1,B-2,B-2,2024-01-01,NULL}'::text[]) WITH ORDINALITY u(x, o);
SELECT k, jsonb_typeof(v) FROM s, jsonb_each(aipipe.sketch_json(f)) j(k, v);
-- NULL in, NULL out
SELECT aipipe.sketch_count(NULL), aipipe.sketch_quantile(f, NULL), aipipe.sketch_cdf(f, NULL), aipipe.sketch_similarity(f, NULL), aipipe.sketch_psi(NULL::aipipe.sketch, f), aipipe.sketch_json(NULL), aipipe.sketch_cdf(f, 'NaN') FROM s;
SELECT count(*) FROM aipipe.sketch_top(NULL);

-- the same keys as integer, numeric, float and text are the same values; a date is its midnight
CREATE TABLE keys AS SELECT aipipe.profile_sketch(i) AS int, aipipe.profile_sketch(i::numeric(10, 2)) AS numeric, aipipe.profile_sketch(i::float8) AS float, aipipe.profile_sketch(i::text) AS text, aipipe.profile_sketch(i) FILTER (WHERE i <= 500) AS half,
	aipipe.profile_sketch(i + 3000) AS others, aipipe.profile_sketch(i) FILTER (WHERE i <= 50) AS few, aipipe.profile_sketch(i + 25) FILTER (WHERE i <= 50) AS shifted, aipipe.profile_sketch(date '2024-01-01' + i) AS date, aipipe.profile_sketch(timestamp '2024-01-01' + make_interval(days => i)) AS timestamp
FROM generate_series(1, 1000) i;
SELECT aipipe.sketch_similarity(int, numeric) AS numeric, aipipe.sketch_similarity(int, float) AS float, aipipe.sketch_similarity(int, text) AS text, aipipe.sketch_similarity(date, timestamp) AS date, aipipe.sketch_similarity(int, others) AS others, aipipe.sketch_containment(int, text) AS contained FROM keys;
SELECT abs(aipipe.sketch_similarity(int, half) - 0.5) < 0.15 AS half, abs(aipipe.sketch_containment(int, half) - 0.5) < 0.15 AS of_int, aipipe.sketch_containment(half, int) AS of_half, aipipe.sketch_containment(others, int) AS of_others FROM keys;
-- few values are compared exactly
SELECT aipipe.sketch_similarity(few, shifted) AS similarity, (25 / 75.0)::float8 AS exact, aipipe.sketch_containment(few, shifted) AS containment FROM keys;
-- a small key in a large one: by the registers
SELECT aipipe.sketch_containment(a, b) > 0.9 AS within, aipipe.sketch_containment(c, b) < 0.5 AS without FROM (SELECT aipipe.profile_sketch(i * 100) FILTER (WHERE i <= 1000) AS a, aipipe.profile_sketch(i) AS b, aipipe.profile_sketch(-i) FILTER (WHERE i <= 1000) AS c FROM generate_series(1, 200000) i) q;
SELECT values, times, share, abs(aipipe.sketch_containment(a, b) - share) < 0.015 * sqrt(1 + times) AS near
  FROM (VALUES (2000, 1, 0), (2000, 1, 0.3), (2000, 1, 1), (2000, 20, 0), (2000, 20, 0.7), (2000, 20, 1), (500, 200, 0), (500, 200, 0.5), (500, 200, 1)) AS c(values, times, share),
       LATERAL (SELECT aipipe.profile_sketch(CASE WHEN i <= values * share THEN i ELSE -i END) AS a FROM generate_series(1, values) i) AS x,
       LATERAL (SELECT aipipe.profile_sketch(i) AS b FROM generate_series(1, values * times) i) AS y ORDER BY times, share;
-- what nothing is known of
SELECT aipipe.sketch_containment(few, many) AS few_in_many, aipipe.sketch_containment(many, few) < 0.001 AS many_in_few
  FROM (SELECT aipipe.profile_sketch(i * 1000) FILTER (WHERE i <= 5) AS few, aipipe.profile_sketch(i) AS many FROM generate_series(1, 200000) i) AS q;
SELECT aipipe.sketch_similarity(e, f) AS none, aipipe.sketch_containment(e, f) AS of_nothing, aipipe.sketch_containment(f, e) AS in_nothing, aipipe.sketch_similarity(e, e) AS nothing FROM s, (SELECT aipipe.profile_sketch(x) AS e FROM generate_series(1, 0) x) q;

-- Shift. Evidently 0.7 gives these of the same data (its utils.get_binned_data and psi_stat_test); PSI is symmetric but for the bins.
CREATE TABLE drift AS SELECT i, i * 37 % 101 AS a, i * 37 % 101 + i % 7 * 3 AS b, (ARRAY['x', 'y', 'z', 'w'])[1 + i % 4] AS ca, (ARRAY['x', 'y', 'y', 'v'])[1 + i % 4] AS cb FROM generate_series(0, 999) i;
SELECT round(aipipe.sketch_psi(array_agg(a), array_agg(b))::numeric, 10) AS width, round(aipipe.sketch_psi(array_agg(a), array_agg(b), 10)::numeric, 10) AS deciles, round(aipipe.sketch_psi(array_agg(ca), array_agg(cb))::numeric, 10) AS categories,
	round(aipipe.sketch_psi(array_agg(a % 5), array_agg(b % 4))::numeric, 10) AS few FROM drift;
SELECT round(aipipe.sketch_ks(array_agg(a::float8), array_agg(b::float8))::numeric, 10) AS ks, round(aipipe.sketch_ks(array_agg(b::float8), array_agg(a::float8))::numeric, 10) AS the_other_way FROM drift;
-- sketches: equal to the exact where values are counted, near where they are ranked
SELECT abs(aipipe.sketch_psi(aipipe.profile_sketch(a), aipipe.profile_sketch(b)) - aipipe.sketch_psi(array_agg(a), array_agg(b), 10)) < 0.02 AS deciles, abs(aipipe.sketch_psi(aipipe.profile_sketch(ca), aipipe.profile_sketch(cb)) - aipipe.sketch_psi(array_agg(ca), array_agg(cb))) < 1e-9 AS categories,
	abs(aipipe.sketch_psi(aipipe.profile_sketch(a % 5), aipipe.profile_sketch(b % 4)) - aipipe.sketch_psi(array_agg(a % 5), array_agg(b % 4))) < 1e-9 AS few,
	abs(aipipe.sketch_ks(aipipe.profile_sketch(a), aipipe.profile_sketch(b)) - aipipe.sketch_ks(array_agg(a::float8), array_agg(b::float8))) < 0.02 AS ks FROM drift;
SELECT aipipe.sketch_psi(f, f) AS psi, aipipe.sketch_ks(f, f) AS ks, aipipe.sketch_psi(text, text) AS text FROM s;
-- what became NULL or NaN is a shift too; a value that takes over among many rare ones is seen
SELECT aipipe.sketch_psi(aipipe.profile_sketch(i), aipipe.profile_sketch(CASE WHEN i % 2 = 0 THEN i END)) > 1 AS nulls, aipipe.sketch_psi(aipipe.profile_sketch(i::float8), aipipe.profile_sketch(CASE WHEN i % 2 = 0 THEN i::float8 ELSE 'NaN' END)) > 1 AS nans,
	aipipe.sketch_psi(aipipe.profile_sketch('id' || i), aipipe.profile_sketch('id' || -i)) < 0.05 AS ids, aipipe.sketch_psi(aipipe.profile_sketch('id' || i), aipipe.profile_sketch(CASE WHEN i % 2 = 0 THEN 'id' || i ELSE 'same' END)) > 1 AS taken_over FROM generate_series(1, 10000) i;
SELECT aipipe.sketch_psi(n, f) > 1 AS all_null, aipipe.sketch_psi(f, n) > 1 AS became_null, aipipe.sketch_psi(n, n) AS still_null, aipipe.sketch_psi(e, f) AS of_nothing, aipipe.sketch_ks(n, f) AS ks FROM s, (SELECT aipipe.profile_sketch(NULL::int) AS n FROM generate_series(1, 10)) q, (SELECT aipipe.profile_sketch(x) AS e FROM generate_series(1, 0) x) r;
-- arrays: NULL elements are left out, empty ones have no answer
SELECT aipipe.sketch_psi('{a,b,NULL}'::text[], '{a,NULL,b}'::text[]) AS psi, aipipe.sketch_psi('{}'::int[], '{1}'::int[]) AS empty, aipipe.sketch_psi(NULL::int[], '{1}'::int[]) AS "null", aipipe.sketch_ks('{1,NULL,NaN}'::float8[], '{1,Infinity}') AS ks, aipipe.sketch_ks('{NaN}'::float8[], '{1}') AS nothing;
SELECT aipipe.sketch_psi(array_agg(i), array_agg(5)) > 1 AS constant, aipipe.sketch_psi(array_agg(i::float8), '{NaN}', 10) AS nan FROM generate_series(1, 100) i;
SET client_min_messages = warning;
DROP SCHEMA profile_access CASCADE;
