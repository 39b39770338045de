-- Seasonal detectors from a hostile source: refused with the promised error, or sound.
SET search_path = aipipe_test, public;
SELECT series_open(series_compile(series_artifact(1))) AS series, series_artifact(1) = series_artifact(1) AS same, series_artifact(1) = series_artifact(2) AS other;
SELECT m.accepted + m.refused AS answered, m.accepted > 100 AS some_served, m.refused > 100 AS some_refused, m.other, m.different
FROM series_mutate(series_artifact(1), false, 3000) m;
SELECT m.accepted + m.refused AS answered, m.accepted > 100 AS some_served, m.refused > 100 AS some_refused, m.other
FROM series_mutate(series_compile(series_artifact(1)), true, 3000) m;

-- an artifact that was cut, is another thing, or is followed by something
CREATE FUNCTION pg_temp.refusal(artifact bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.series_compile(artifact);
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT pg_temp.refusal('') AS empty, pg_temp.refusal('aipSEASN') AS head, pg_temp.refusal(substr(a, 1, length(a) / 2)) AS half, pg_temp.refusal(a || '\x00000003') AS more,
       pg_temp.refusal(set_byte(a, 11, 2)) AS format, pg_temp.refusal(set_byte(a, length(a) - 1, 4)) AS number, pg_temp.refusal(convert_to('{"format":"aipipe-rules"}', 'UTF8')) AS json
FROM series_artifact(1) a;

-- a compiled form that was cut, or with one bit changed, or of another kind
CREATE FUNCTION pg_temp.damage(compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.series_open(compiled);
	RETURN 'none';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT pg_temp.damage(substr(c, 1, 20)) AS cut_in_header, pg_temp.damage(substr(c, 1, length(c) - 4)) AS cut,
       pg_temp.damage(set_bit(c, length(c) * 8 - 1, 1 - get_bit(c, length(c) * 8 - 1))) AS bit,
       pg_temp.damage(set_byte(c, 8, 9)) AS format, pg_temp.damage(set_byte(c, 12, 9)) AS byte_order, pg_temp.damage(set_byte(c, 20, 1)) AS flags
FROM series_compile(series_artifact(1)) c;
