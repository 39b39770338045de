-- Damaged detectors: an artifact is refused with 22023 and a compiled form with XX001, or they serve.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS aipipe;
RESET client_min_messages;
SET search_path = aipipe_test, public;
CREATE TABLE rows AS
SELECT (i * 7919 % 1009) / 100.0::float8 AS a, (i * 7919 % 1009) / 50.0 + (i * 104729 % 101) / 100.0::float8 AS b, (i * 6007 % 7)::int AS c FROM generate_series(1, 300) i;
SELECT aipipe.anomaly_train('ensemble_d', 'rows', params => '{"components": {"isolation_forest": 1, "cell_surprise": 0.5, "loda": 2}, "n_estimators": 3, "max_samples": 16, "projections": 5}');
CREATE TABLE artifact AS SELECT aipipe.model_export('ensemble_d', 1) AS bytes;

-- sound as it is
SELECT detector_open('ensemble', detector_compile('ensemble', bytes)) AS features FROM artifact;

-- the frame: every way in which it can be off
CREATE FUNCTION damaged(what text, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE why text;
BEGIN
	PERFORM detector_compile('ensemble', bytes);
	RETURN 'accepted';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
	RETURN why;
END $$;
CREATE FUNCTION changed(bytes bytea, pattern text, replacement text) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(regexp_replace(convert_from(bytes, 'UTF8'), pattern, replacement), 'UTF8') $$;
SELECT what, damaged(what, changed(bytes, pattern, replacement)) AS why FROM artifact, (VALUES
    ('another format', 'aipipe-ensemble', 'aipipe-ensembles'),
    ('another version', '"format_version":1', '"format_version":2'),
    ('no weight', '"weight":1,', '"weight":0,'),
    ('a negative weight', '"weight":1,', '"weight":-1,'),
    ('a huge weight', '"weight":1,', '"weight":1e300,'),
    ('an unknown component', '"name":"loda"', '"name":"lodo"'),
    ('a component twice', '"name":"loda"', '"name":"isolation_forest"'),
    ('a component of another', '"name":"loda"', '"name":"ensemble"'),
    ('a length of nothing', '"length":\d+', '"length":0'),
    ('a length beyond the end', '"length":\d+', '"length":99999999'),
    ('a length one short', '"length":(\d*?)1?(\d)', '"length":1\2'),
    ('a tail without rows', '"tail":{"rows":\d+', '"tail":{"rows":0'),
    ('a shape out of bounds', '"gpd":\[([^,]*),([^,]*),([^,]*),[^\]]*', '"gpd":[\1,\2,\3,0.7'),
    ('a scale of nothing', '"gpd":\[([^,]*),([^,]*),[^,]*', '"gpd":[\1,\2,0'),
    ('a share of something else', '"gpd":\[([^,]*),[^,]*', '"gpd":[\1,0.9'),
    ('a threshold elsewhere', '"gpd":\[[^,]*', '"gpd":[77'),
    ('something behind', '$', ' ')) d (what, pattern, replacement) ORDER BY what COLLATE "C";
SELECT damaged('cut', substr(bytes, 1, length(bytes) - 1)) AS cut, damaged('empty', '') AS empty FROM artifact;

-- mutants, n at a time
SELECT accepted + refused AS mutants, accepted > 10 AS some_serve, refused > 500 AS most_refused, other FROM artifact, detector_mutate('ensemble', bytes, false, 1500, 1);
SELECT accepted + refused AS mutants, refused > 500 AS most_refused, other FROM artifact, detector_mutate('ensemble', detector_compile('ensemble', bytes), true, 1500, 2);
-- the compiled frame: its first kilobyte alone, cut short, and not to be read by another
SELECT (SELECT count(*) FROM generate_series(1, 3) s, detector_mutate('ensemble', substr(detector_compile('ensemble', bytes), 1, 1000), true, 200, s) m WHERE m.other = 0 AND m.accepted = 0) AS cut FROM artifact;

SELECT aipipe.model_drop('ensemble_d');
