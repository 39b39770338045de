-- A detector of arrival times, its artifact or compiled form: a mutant is refused with the promised error or
-- is sound, gives sane answers, and is written again as it was read.
SET search_path = aipipe_test, public;

CREATE TEMP TABLE artifact AS SELECT seed, arrival_artifact(seed) AS bytes FROM generate_series(1, 3) seed;
SELECT count(*) AS same FROM artifact WHERE bytes = arrival_artifact(seed);
SELECT arrival_open(arrival_compile(bytes)) AS series FROM artifact WHERE seed = 1;

SELECT seed, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.different
FROM artifact, arrival_mutate(bytes, false, 3000, seed) m ORDER BY seed;
SELECT seed, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other
FROM artifact, arrival_mutate(arrival_compile(bytes), true, 10000, seed) m ORDER BY seed;

CREATE FUNCTION pg_temp.refusal(artifact text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.arrival_compile(convert_to(artifact, 'UTF8'));
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(detail, '.*: ', '');
END $$;
-- pieces that one change makes wrong: old, new (as regular expressions), and what is said
SELECT old, new, pg_temp.refusal(regexp_replace(convert_from(bytes, 'UTF8'), old, new)) AS refusal
FROM artifact, (VALUES
	('^\{', ' {'), ('"format_version":1', '"format_version":2'), ('\}$', '}}'), ('\}\]\}$', ''),
	('"alpha":0.01', '"alpha":0.7'), ('"keep":400', '"keep":4'), ('"keep":400', '"keep":x'), ('"keep":400', '"keep":1234567890123456789012345678901'),
	('"days":0', '"days":9'), ('"half_life":90', '"half_life":1e999'), ('"weekend":96', '"weekend":128'), ('"tolerance":300', '"tolerance":0'),
	('"name":"twice"', '"name":"a"'), ('"name":"twice"', '"name":"\u0061"'), ('"name":"twice"', '"name":"\u00"'), ('"name":"twice"', E'"name":"tw\nice"'),
	('"seen":30', '"seen":0'), ('"seen":30', '"seen":3'), ('"arrivals":\[', '"arrivals":[99999999999999,'), ('"arrivals":\[', '"arrivals":[]'),
	('"fit":null', '"fit":{"cut":0}'), ('"cut":\d+', '"cut":86400'), ('"width":\d+', '"width":0'), ('"group":[\d.]+', '"group":2'), ('"scale":[\d.]+', '"scale":0'),
	('"scale":[\d.]+', '"scale":1e39'), ('"surprise":\[[\d.]+', '"surprise":[99'), ('"rate":\[[\d.]+', '"rate":[0'), ('"slots":\[\[0', '"slots":[[1'),
	('"outliers":\[[\d,]*\]', '"outliers":[999]'), ('"outliers":\[[\d,]*\]', '"outliers":[3,3]'), ('"last":\d+', '"last":99999999999999999')) AS v(old, new)
WHERE seed = 1;
SELECT pg_temp.refusal(regexp_replace(convert_from(bytes, 'UTF8'), '"list":.*', '"list":[]}')) AS none,
	pg_temp.refusal(regexp_replace(convert_from(bytes, 'UTF8'), '"slots":\[\[0,\d+,', '"slots":[[0,86400,0,0,0,0,0,0,0],' || repeat('[0,1,0,0,0,0,0,0,0],', 50) || '[0,1,')) AS slots,
	pg_temp.refusal(regexp_replace(convert_from(bytes, 'UTF8'), '"arrivals":\[', '"arrivals":[' || repeat('1,', 5001))) AS arrivals
FROM artifact WHERE seed = 1;

-- a compiled form that was cut, or with one bit changed, or of another kind
CREATE FUNCTION pg_temp.damage(compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.arrival_open(compiled);
	RETURN 'none';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT pg_temp.damage(substr(c, 1, 20)) AS cut_in_header, pg_temp.damage(substr(c, 1, length(c) - 4)) AS cut,
	pg_temp.damage(set_bit(c, length(c) * 8 - 1, 1 - get_bit(c, length(c) * 8 - 1))) AS bit
FROM artifact, arrival_compile(bytes) AS c WHERE seed = 1;
SELECT pg_temp.damage(set_byte(c, 8, 9)) AS format, pg_temp.damage(set_byte(c, 12, 9)) AS byte_order
FROM artifact, arrival_compile(bytes) AS c WHERE seed = 1;
