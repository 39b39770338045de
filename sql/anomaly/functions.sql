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

CREATE OR REPLACE FUNCTION aipipe.anomaly_flag(detector text, "row" record) RETURNS boolean
AS 'MODULE_PATHNAME', 'aipipe_anomaly_flag' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION aipipe.anomaly_flag(text, record) IS
'says whether the severity of a row reaches the detector''s threshold, 0.999 when it has none of its own';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_flag(text, record) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_threshold(detector text, source text, rule jsonb,
    OUT threshold float8, OUT flagged bigint, OUT "rows" bigint, OUT share float8, OUT low float8, OUT high float8)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_threshold' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION aipipe.anomaly_threshold(text, text, jsonb) IS
'gives the threshold that a rule chooses by clean rows, and how many of them it flags, with the share''s interval';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_threshold(text, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_detect(source text, columns text[] DEFAULT NULL, top int DEFAULT 20, params jsonb DEFAULT '{}')
RETURNS TABLE (rank int, severity float8, pvalue float8, "row" jsonb, reasons jsonb)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_detect' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION aipipe.anomaly_detect(text, text[], int, jsonb) IS
'gives the strangest rows of a relation or SELECT with reasons, the strangest first: trains and scores in one call and stores nothing';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_detect(text, text[], int, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_backtest(detector text, source text, "time" text, params jsonb DEFAULT '{}')
RETURNS TABLE (period_start timestamptz, period_end timestamptz, "rows" bigint, trained_rows bigint, flagged bigint, share float8,
    max_severity float8, threshold float8, top_columns text[], columns_flagged bigint[],
    anomalies bigint, caught bigint, "precision" float8, recall float8, f1 float8)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_backtest' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100;
COMMENT ON FUNCTION aipipe.anomaly_backtest(text, text, text, jsonb) IS
'replays history: gives for every period what the detector, as it is or as it would have been then, flags of its rows; stores nothing';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_backtest(text, text, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_backtest_rows(detector text, source text, "time" text, params jsonb DEFAULT '{}')
RETURNS TABLE (period_start timestamptz, "row" jsonb, severity float8, reasons jsonb)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_backtest_rows' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION aipipe.anomaly_backtest_rows(text, text, text, jsonb) IS
'replays history as anomaly_backtest does and gives the rows that would have been flagged, of each period the strangest, with reasons';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_backtest_rows(text, text, text, jsonb) TO PUBLIC;
