-- Anomaly: detectors.

CREATE OR REPLACE FUNCTION aipipe.anomaly_train(
    detector text, source text, columns text[] DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_anomaly_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.anomaly_train(text, text, text[], jsonb) IS
'learns what rows of a relation or SELECT normally look like and gives the detector''s new version; the first becomes champion';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_train(text, text, text[], jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_score(detector text, "row" record)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_anomaly_score' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION aipipe.anomaly_score(text, record) IS
'gives the severity of a row, 0 to 1: the share of the training rows that look more normal';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_score(text, record) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_explain(detector text, "row" record)
RETURNS TABLE ("column" text, value text, contribution float8, expected text)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_explain' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.anomaly_explain(text, record) IS
'gives what each column adds to the strangeness of a row (positive = stranger), the row''s value, and what training saw there';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_explain(text, record) TO PUBLIC;
