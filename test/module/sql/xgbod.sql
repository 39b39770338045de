-- Damaged detectors that learned from labels: an artifact is refused with 22023 and a compiled form with XX001, or they serve.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS aipipe;
RESET client_min_messages;
SET search_path = aipipe_test, public;
CREATE TABLE labelled AS
SELECT (i * 7919 % 1009) / 100.0::float8 AS a, (i * 7919 % 1009) / 50.0 + (i * 104729 % 101) / 100.0 + CASE WHEN i % 20 = 0 THEN 5 ELSE 0 END::float8 AS b,
	's' || i * 6007 % 7 AS c, CASE WHEN i % 10 = 0 THEN i % 20 = 0 END AS label FROM generate_series(1, 400) i;
SELECT aipipe.anomaly_train('labelled_d', 'labelled', params => '{"label": "label", "components": {"isolation_forest": 1, "cell_surprise": 0.5, "loda": 2}, "n_estimators": 3, "max_samples": 16, "projections": 5, "boost": {"n_estimators": 5}}');
CREATE TEMP TABLE artifact AS SELECT aipipe.model_export('labelled_d', 1) AS bytes;

-- sound as it is
SELECT detector_open('xgbod', detector_compile('xgbod', bytes)) AS features FROM artifact;

-- the frame: every way in which it can be off
CREATE FUNCTION pg_temp.damaged(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE why text;
BEGIN
	PERFORM aipipe_test.detector_compile('xgbod', bytes);
	RETURN 'accepted';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
	RETURN why;
END $$;
SELECT what, pg_temp.damaged(convert_to(regexp_replace(convert_from(bytes, 'UTF8'), pattern, replacement), 'UTF8')) AS why FROM artifact, (VALUES
	('another format', 'aipipe-xgbod', 'aipipe-xgboost'),
	('no feature', '"features":\d+', '"features":0'),
	('a feature more than limits', '"features":\d+', '"features":9'),
	('a negative novelty', '"novelty":[^,]*', '"novelty":-1'),
	('a huge novelty', '"novelty":[^,]*', '"novelty":1e30'),
	('a negative limit', '"limits":\[\d+', '"limits":[-1'),
	('an owner beyond the features', '"owners":\[\d+', '"owners":[32000'),
	('a tail without rows', '"trees_tail":\{"rows":\d+', '"trees_tail":{"rows":0'),
	('a base of nothing', '"base_bytes":\d+', '"base_bytes":0'),
	('a base beyond the end', '"base_bytes":\d+', '"base_bytes":99999999'),
	('trees beyond the end', '"trees_bytes":\d+', '"trees_bytes":99999999'),
	('something behind', '$', ' ')) d (what, pattern, replacement) ORDER BY what COLLATE "C";

-- mutants
SELECT accepted + refused AS mutants, accepted > 0 AS some_serve, refused > 200 AS most_refused, other FROM artifact, detector_mutate('xgbod', bytes, false, 400, 1);
SELECT accepted + refused AS mutants, accepted > 10 AS some_serve, refused > 100 AS many_refused, other FROM artifact, detector_mutate('xgbod', detector_compile('xgbod', bytes), true, 1500, 2);
-- the frame alone
SELECT count(*) AS cut FROM generate_series(1, 5) s, artifact, detector_mutate('xgbod', substr(detector_compile('xgbod', bytes), 1, 1000), true, 200, s) m WHERE m.other = 0 AND m.accepted = 0;

SELECT aipipe.model_drop('labelled_d');
DROP TABLE labelled;
