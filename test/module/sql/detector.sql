-- Detectors' artifacts from a hostile source: refused with the promised error, or they serve.
SET search_path = aipipe_test, public;
CREATE TEMP TABLE artifact(algorithm text, what text, json text);
INSERT INTO artifact VALUES
	('loda', 'mixed', '{"format":"aipipe-loda","format_version":1,"features":4,"rows":10,"inputs":[{"feature":0,"column":0,"centre":5,"scale":2},{"feature":2,"column":1,"centre":-1,"scale":0.5},{"feature":3,"column":2,"codes":[-0.5,0.25,3]}],"projections":[{"input":[0,2],"weight":[0.7,-1.5],"from":-3,"width":0.5,"below":0,"count":[1,2,3.5,2,1],"above":0.5},{"input":[1],"weight":[1],"from":-4,"width":4,"below":1,"count":[4,5],"above":0},{"input":[0,1],"weight":[-0.3,2],"from":0,"width":1,"below":0,"count":[10],"above":0}],"severity":{"rows":10,"score":[-4,-1,0,0.5],"above":[9,6,2,0]}}'),
	('loda', 'nothing', '{"format":"aipipe-loda","format_version":1,"features":1,"rows":3,"inputs":[],"projections":[],"severity":{"rows":3,"score":[0],"above":[0]}}'),
	('loda', 'one column', '{"format":"aipipe-loda","format_version":1,"features":2,"rows":3,"inputs":[{"feature":0,"column":0,"centre":0,"scale":1},{"feature":1,"column":0,"centre":0,"scale":1e-30}],"projections":[{"input":[1],"weight":[1],"from":0,"width":1,"below":0,"count":[3],"above":0},{"input":[0],"weight":[-1],"from":0,"width":1,"below":0,"count":[3,0],"above":1}],"severity":{"rows":3,"score":[-1,0],"above":[1,0]}}');
SELECT what, detector_open(algorithm, detector_compile(algorithm, convert_to(json, 'UTF8'))) AS features FROM artifact ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.refused > 1000 AS most_refused, m.other
FROM artifact, detector_mutate(algorithm, convert_to(json, 'UTF8'), false, 5000) AS m ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.refused > 100 AS many_refused, m.other
FROM artifact, detector_mutate(algorithm, detector_compile(algorithm, convert_to(json, 'UTF8')), true, 5000) AS m ORDER BY what;

-- one change each, and what is said
CREATE FUNCTION pg_temp.refusal(algorithm text, written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.detector_compile(algorithm, convert_to(written, 'UTF8'));
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT old, new, pg_temp.refusal(algorithm, replace(json, old, new)) FROM artifact, (VALUES
	('"features":4', '"features":3'), ('"features":4', '"features":0'), ('"features":4', '"features":99999'), ('"rows":10,"inputs"', '"rows":-1,"inputs"'), ('"rows":10,"inputs"', '"rows":1e16,"inputs"'),
	('"column":1', '"column":3'), ('"column":2', '"column":0'), ('"feature":3', '"feature":1'), ('"scale":2', '"scale":0'), ('"scale":2', '"scale":-1'), ('"centre":5', '"centre":1e39'), ('"centre":5', '"centre":nan'),
	('[-0.5,0.25,3]', '[]'), ('[-0.5,0.25,3]', '[101]'), ('"input":[0,2]', '"input":[2,0]'), ('"input":[0,2]', '"input":[0,0]'), ('"input":[0,2]', '"input":[0,3]'), ('"input":[0,2]', '"input":[]'),
	('[0.7,-1.5]', '[0.7]'), ('[0.7,-1.5]', '[0.7,-11]'), ('"from":-3', '"from":-5e6'), ('"width":0.5', '"width":0'), ('"width":0.5', '"width":1e7'), ('"below":1', '"below":-1'), ('[4,5]', '[4,-5]'), ('[4,5]', '[]'), ('[10]', '[1e16]'), ('"above":0.5', '"above":-0.5'),
	('"score":[-4,-1', '"score":[-1,-1'), ('[9,6,2,0]', '[9,6,2,1]'), ('[9,6,2,0]', '[9,6,2]'), ('{"format', ' {"format'), ('"format_version":1', '"format_version":2')) AS v(old, new)
WHERE what = 'mixed';
SELECT new, pg_temp.refusal(algorithm, json || new) FROM artifact, (VALUES ('}'), (' ')) AS v(new) WHERE what = 'mixed';
SELECT pg_temp.refusal(algorithm, replace(json, '"projections":[]', '"projections":[{"input":[0],"weight":[1],"from":0,"width":1,"below":0,"count":[3],"above":0}]')) AS of_no_inputs FROM artifact WHERE what = 'nothing';
SELECT pg_temp.refusal(algorithm, regexp_replace(json, '"projections":.*,"severity"', '"projections":[],"severity"')) AS no_projections, pg_temp.refusal(algorithm, replace(json, '"count":[10]', '"count":[' || repeat('1,', 384) || '1]')) AS too_many_bins FROM artifact WHERE what = 'mixed';

-- a compiled form that was cut, or with one bit changed, or of another kind
CREATE FUNCTION pg_temp.damage(algorithm text, compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.detector_open(algorithm, compiled);
	RETURN 'none';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT pg_temp.damage(algorithm, substr(c, 1, 20)) AS cut_in_header, pg_temp.damage(algorithm, substr(c, 1, length(c) - 4)) AS cut, pg_temp.damage(algorithm, set_bit(c, length(c) * 8 - 1, 1 - get_bit(c, length(c) * 8 - 1))) AS bit,
       pg_temp.damage(algorithm, set_byte(c, 8, 9)) AS format, pg_temp.damage(algorithm, set_byte(c, 12, 9)) AS byte_order
FROM artifact, detector_compile(algorithm, convert_to(json, 'UTF8')) AS c WHERE what = 'mixed';
