-- Parts of sketches against what is exact, on 126 columns of numbers (18 distributions in 7 orders); what is stored is read and written the same each time.
SET search_path = aipipe_test, public;

-- ranks are off by 1 % at most, whole or merged from stored parts; what is stored stays small; few values are all kept
SELECT count(*) AS columns, max(quantiles) < 0.01 AND max(shares) < 0.01 AS near, max(bytes) < 3700 AS small
FROM generate_series(0, 125) w, sketch_quantiles(w, 60000);
SELECT count(*) AS columns, max(quantiles) < 0.01 AND max(shares) < 0.01 AS near, max(bytes) < 3700 AS small
FROM generate_series(0, 125) w, sketch_quantiles(w, 10000, 20, true);
SELECT count(*) AS columns, max(quantiles) < 0.01 AND max(shares) < 0.01 AS near
FROM generate_series(0, 17, 8) w, sketch_quantiles(w, 1000000);
SELECT max(quantiles) < 0.01 AND max(shares) < 0.01 AS near_in_1000_parts FROM sketch_quantiles(1, 500000, 1000, true);
SELECT w, n, quantiles, shares, retained FROM unnest('{0,7,19}'::int[]) w, unnest('{1,2,500}'::int[]) n, sketch_quantiles(w, n, 1, true);

-- moments against long double; columns without a variance or with infinities cannot be compared so
SELECT count(*) AS columns, max(mean) < 1e-13 AS mean, max(variance) < 1e-10 AS variance, max(m3) < 1e-9 AS m3, max(m4) < 1e-9 AS m4
FROM generate_series(0, 125) w, sketch_moments(w, 5000) WHERE w % 18 NOT IN (7, 9, 10, 11, 17);
SELECT sketch_data_name(w), mean < 1e-15 AS mean, variance < 1e-9 AS variance FROM unnest('{9,27}'::int[]) w, sketch_moments(w, 50000);
SELECT sketch_data_name(w), m.mean <> 'NaN' AS mean_is_known, m.m4 FROM unnest('{17,35}'::int[]) w, sketch_moments(w, 5000) m;

-- distinct values of nine sequences of hashes: within 5 standard errors, and 2.5 on the average; parts merged and halves united are the whole
SELECT n, max(abs(whole / n - 1)) < 5 * greatest(0.0066, 0.7 / n) AS near, sqrt(avg((whole / n - 1) ^ 2)) < 2.5 * greatest(0.0066, 0.7 / n) AS on_average,
       bool_and(whole = merged AND whole = "union") AS same, max(bytes) < 9300 AS small
FROM generate_series(0, 8) kind, unnest('{1,10,127,128,129,500,1000,10000,200000}'::int[]) n, sketch_distinct(kind, n, 1, 3) GROUP BY n ORDER BY n;
SELECT kind, abs(whole / 1e6 - 1) < 0.02 AS near FROM unnest('{0,5}'::int[]) kind, sketch_distinct(kind, 1000000);
SELECT bool_and(a.whole = b.whole) AS repeated_is_the_same FROM unnest('{0,1,300,20000}'::int[]) n, sketch_distinct(0, n) a, sketch_distinct(0, n, 5) b;

-- least hashes: exact while few; then within four standard errors
SELECT n, bool_and(CASE WHEN 2 * n <= 128 THEN similarity = exact ELSE abs(similarity - exact) <= 4 * sqrt(exact * (1 - exact) / 128) END) AS near, max(held) AS held
FROM unnest('{1,10,64,1000,50000}'::int[]) n, unnest('{0,0.1,0.5,0.9,1}'::float8[]) share, sketch_minhash(n, (n * share)::int) GROUP BY n ORDER BY n;
SELECT similarity FROM sketch_minhash(0, 0);

-- frequent values: no count beyond its bounds, none of more than 1 % missed, the error below n / 256; whatever the order, also when all hashes meet at one place
SELECT n, max(wrong) AS wrong, max(missed) AS missed, max(error * n) < n / 256.0 + 2 AND max(absent * n) < n / 256.0 + 2 AS bounded
FROM generate_series(0, 32) k, unnest('{1,512,513,3000,100000}'::int[]) n, sketch_frequent(k, n) WHERE k NOT BETWEEN 13 AND 19 GROUP BY n ORDER BY n;
SELECT max(wrong) AS wrong, max(missed) AS missed, max(error) < 1.0 / 256 + 2 * 50 / 60000.0 AS bounded
FROM generate_series(0, 32) k, sketch_frequent(k, 60000, 50) WHERE k NOT BETWEEN 13 AND 19;
SELECT max(wrong) AS wrong, max(bytes) < 1200 AS small FROM generate_series(0, 12) k, unnest('{1,50}'::int[]) parts, sketch_frequent(k, 60000, parts, true);
SELECT k, exact, error FROM unnest('{1,2,12}'::int[]) k, sketch_frequent(k, 40000);

-- hashes of bytes: each bit of the input changes half of the bits; the hash never changes
SELECT length, lowest > 0.4 AND highest < 0.6 AS avalanche FROM unnest('{2,3,4,7,8,9,15,16,17,31,32,33,48,100}'::int[]) length, sketch_avalanche(length);
SELECT t, to_hex(sketch_hash(t)) FROM unnest('{"",a,ab,abc,abcd,abcdefg,abcdefgh,abcdefghijklmnop,abcdefghijklmnopq,"the quick brown fox jumps over the lazy dog"}'::text[]) t;

-- mutants: refused with the promised error, or written as they were read; nothing else
SELECT part, sum(accepted + refused) AS mutants, sum(other) AS other, sum(different) AS different, sum(refused) > 300 AS some_refused, max(longest_ms) < 1000 AS quick
FROM unnest('{moments,quantiles,distinct,least,frequent}'::text[]) part, unnest('{0,1,50,1000,30000}'::int[]) n, sketch_mutate(part, n, 300, n) GROUP BY part ORDER BY part;

-- every reason to refuse
CREATE FUNCTION why(part text, hex text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE why text;
BEGIN
    RETURN 'read, left ' || sketch_part(part, decode(hex, 'hex'));
EXCEPTION WHEN invalid_binary_representation THEN
    GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
    RETURN why;
END $$;
SELECT part, why(part, hex) FROM (VALUES
    ('moments', '00'), ('moments', '0000'), ('moments', ''), ('moments', '8000'), ('moments', 'ffffffffffffffffff7f'), ('moments', 'ffffffffffffffffff01'), ('moments', '01'),
    ('moments', '027ff0000000000000' || repeat('00', 32)), ('moments', '02' || repeat('00', 16) || 'bff0000000000000' || repeat('00', 16)),
    ('moments', '02' || repeat('00', 16) || '7ff0000000000000' || repeat('00', 16)), ('moments', '02' || repeat('00', 16) || '7ff8000000000001' || repeat('00', 16)),
    ('moments', '02' || repeat('00', 16) || '7ff8000000000000' || repeat('00', 16)), ('moments', '01' || repeat('00', 16) || '3ff0000000000000' || repeat('00', 16)), ('moments', '01' || repeat('00', 8) || '3ff0000000000000' || repeat('00', 24)),
    ('quantiles', '000100'), ('quantiles', '0000'), ('quantiles', '003d'), ('quantiles', '01010100' || repeat('ff', 8)), ('quantiles', '01010100' || '7fffffffffffffff'),
    ('quantiles', '01010100' || '8000000000000000'), ('quantiles', '0101013f' || '0000000000000001'), ('quantiles', '01010140' || '0000000000000001'), ('quantiles', '0101013f' || '0000000000000002'),
    ('quantiles', '020102013f0000000000000001' ), ('quantiles', '0101020000'), ('quantiles', '020101'), ('quantiles', '0201013f0000000000000001'), ('quantiles', '01020100'), ('quantiles', '0102013f000000000000000100'),
    ('quantiles', '0201023f0000000000000001' || '01'), ('quantiles', '8004' || '01' || '8004' || '3f' || '0000000000000001' || repeat('00', 511)),
    ('distinct', '0000'), ('distinct', '000141'), ('distinct', '000101'), ('distinct', '000140'), ('distinct', '00017f'), ('distinct', '0001c18060'), ('distinct', '04'), ('distinct', '0100'), ('distinct', '013500'),
    ('distinct', '010134'), ('distinct', '010101' || repeat('00', 3072)), ('distinct', '010100' || repeat('00', 3072)), ('distinct', '020101' || repeat('00', 6144)), ('distinct', '030101' || repeat('00', 9216)),
    ('distinct', '010101' || repeat('ff', 3072)), ('distinct', '010101'), ('distinct', '01020100' || '80' || repeat('00', 3071) || '01'), ('distinct', '01020100' || '80' || repeat('00', 3072)),
    ('least', '00'), ('least', '81'), ('least', '02' || repeat('00', 16)), ('least', '01'),
    ('frequent', '00000000'), ('frequent', '01000001' || repeat('00', 8) || '01000161'), ('frequent', '0100000000'), ('frequent', '00000041'), ('frequent', '01000001' || repeat('00', 8) || '02000161'),
    ('frequent', '01000001' || repeat('00', 8) || '01004161'), ('frequent', '01000001' || repeat('00', 8) || '01000100'), ('frequent', '010200'), ('frequent', '020100'),
    ('frequent', '02000002' || repeat('00', 8) || '01000161' || repeat('00', 8) || '01000161'), ('frequent', '02000002' || repeat('00', 8) || '01000161' || repeat('00', 8) || '01000162'),
    ('frequent', '01000101' || repeat('00', 8) || '01000161')) v(part, hex);
