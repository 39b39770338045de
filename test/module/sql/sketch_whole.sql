-- Mutated sketches of every kind are refused with the promised error, or answer everything, alone and merged with what they came from.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS aipipe;
RESET client_min_messages;
SET search_path = aipipe_test, public;
CREATE TEMP TABLE made AS
SELECT 'few' AS what, aipipe.profile_sketch(i) AS s FROM generate_series(1, 5) i
UNION ALL SELECT 'numbers', aipipe.profile_sketch(i * 7919 % 10007) FROM generate_series(1, 20000) i
UNION ALL SELECT 'floats', aipipe.profile_sketch(f) FROM unnest('{NaN,Infinity,1,2,3,-Infinity}'::float8[]) f
UNION ALL SELECT 'decimals', aipipe.profile_sketch(i / 7.0) FROM generate_series(1, 1000) i
UNION ALL SELECT 'texts', aipipe.profile_sketch(md5(i::text) || repeat('x', i % 100)) FROM generate_series(1, 20000) i
UNION ALL SELECT 'categories', aipipe.profile_sketch('c' || i % 10, timestamptz '2024-01-01' + make_interval(mins => i)) FROM generate_series(1, 1000) i
UNION ALL SELECT 'times', aipipe.profile_sketch(timestamptz '2024-01-01' + make_interval(mins => i), timestamptz '2024-01-01' + make_interval(mins => i)) FROM generate_series(1, 1000) i
UNION ALL SELECT 'documents', aipipe.profile_sketch(jsonb_build_object('a', i)) FROM generate_series(1, 1000) i
UNION ALL SELECT 'nothing', aipipe.profile_sketch(NULL::int) FROM generate_series(1, 3) i;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.refused > 300 AS most_refused, m.other, m.different
FROM made, sketch_whole(aipipe.sketch_send(s), 500) AS m ORDER BY what;
DROP EXTENSION aipipe CASCADE;
