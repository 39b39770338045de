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

CREATE OR REPLACE FUNCTION aipipe.anomaly_pvalue(detector text, "row" record)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_anomaly_pvalue' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION aipipe.anomaly_pvalue(text, record) IS
'gives the probability, above 0 and at most 1, that a row like the training rows is as strange as this one';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_pvalue(text, record) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_parts(detector text, "row" record)
RETURNS TABLE (component text, weight float8, strangeness float8, bits float8, pvalue float8)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_parts' LANGUAGE C STABLE PARALLEL SAFE COST 2000 ROWS 2;
COMMENT ON FUNCTION aipipe.anomaly_parts(text, record) IS
'gives what each component of a detector says about a row: its raw strangeness, and the share of training rows as strange as bits and as a p-value';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_parts(text, record) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_explain(detector text, "row" record)
RETURNS TABLE ("column" text, value text, contribution float8, expected text, given text, sentence text)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_explain' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.anomaly_explain(text, record) IS
'gives what each column adds to the strangeness of a row in bits, the most first: the row''s value, what was expected there, given which other column, and all of it in one sentence';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_explain(text, record) TO PUBLIC;
