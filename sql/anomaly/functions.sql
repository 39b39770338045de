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

CREATE OR REPLACE FUNCTION aipipe.anomaly_refresh(
    detector text, source text, keep float8 DEFAULT 0.5, promote bool DEFAULT true)
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_anomaly_refresh' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.anomaly_refresh(text, text, float8, bool) IS
'has a detector''s champion learn more rows, an old row counting keep beside a new one, and gives the new version, which becomes champion';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_refresh(text, text, float8, bool) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.anomaly_drift(detector text, source text)
RETURNS TABLE (component text, rows bigint, flagged float8, expected float8, ks float8, pvalue float8, psi float8, verdict text)
AS 'MODULE_PATHNAME', 'aipipe_anomaly_drift' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 3;
COMMENT ON FUNCTION aipipe.anomaly_drift(text, text) IS
'tells for each component of a detector whether rows are as strange to it as its training rows were: share flagged, distance of the p-values from even ones, stability index';
GRANT EXECUTE ON FUNCTION aipipe.anomaly_drift(text, text) TO PUBLIC;
