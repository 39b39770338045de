-- Series: metrics in time, and arrivals.

-- Metrics.

CREATE OR REPLACE FUNCTION aipipe.series_train(
    detector text, source text, value text, "time" text, series text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_series_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.series_train(text, text, text, text, text, jsonb) IS
'learns the seasons of one or many series of a metric and gives the detector''s new version; the first becomes champion';
GRANT EXECUTE ON FUNCTION aipipe.series_train(text, text, text, text, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.series_refresh(detector text, source text, promote boolean DEFAULT true)
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_series_refresh' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.series_refresh(text, text, boolean) IS
'continues a detector with the points of a source that are newer than what it knows, and gives the new version; it becomes champion unless promote is false';
GRANT EXECUTE ON FUNCTION aipipe.series_refresh(text, text, boolean) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.series_score(detector text, ts timestamptz, value float8, series text DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_series_score' LANGUAGE C STABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.series_score(text, timestamptz, float8, text) IS
'gives how strange a value is as the next one of its series, 0 to 1: one minus its p-value; NULL while the series is learning';
GRANT EXECUTE ON FUNCTION aipipe.series_score(text, timestamptz, float8, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.series_explain(detector text, ts timestamptz, value float8, series text DEFAULT NULL)
RETURNS TABLE (state text, score float8, pvalue float8, expected float8, lower float8, upper float8, event text, reason text)
AS 'MODULE_PATHNAME', 'aipipe_series_explain' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 1;
COMMENT ON FUNCTION aipipe.series_explain(text, timestamptz, float8, text) IS
'gives the verdict on a value as the next one of its series: state, score, what was expected and the usual range, and a sentence';
GRANT EXECUTE ON FUNCTION aipipe.series_explain(text, timestamptz, float8, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.series_detect(
    source text, value text, "time" text, series text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS TABLE (series text, ts timestamptz, value float8, state text, score float8, pvalue float8,
               expected float8, lower float8, upper float8, event text, reason text)
AS 'MODULE_PATHNAME', 'aipipe_series_detect' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10000;
COMMENT ON FUNCTION aipipe.series_detect(text, text, text, text, jsonb) IS
'replays every series of a source and gives each point with the verdict that the points before it allow';
GRANT EXECUTE ON FUNCTION aipipe.series_detect(text, text, text, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.series_backtest(
    source text, value text, "time" text, series text DEFAULT NULL, label text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS TABLE (series text, points bigint, learning bigint, flagged bigint, events bigint,
               false_alarms_per_month float8, "precision" float8, recall float8, f1 float8)
AS 'MODULE_PATHNAME', 'aipipe_series_backtest' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100;
COMMENT ON FUNCTION aipipe.series_backtest(text, text, text, text, text, jsonb) IS
'replays every series of a source and gives what would have been flagged and how many alarms a month, with a label column how right';
GRANT EXECUTE ON FUNCTION aipipe.series_backtest(text, text, text, text, text, jsonb) TO PUBLIC;

-- Arrivals.

CREATE OR REPLACE FUNCTION aipipe.arrival_train(
    detector text, source text, "time" text, series text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_arrival_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.arrival_train(text, text, text, text, jsonb) IS
'learns when the batches of one or many series arrive and gives the detector''s new version; the first becomes champion';
GRANT EXECUTE ON FUNCTION aipipe.arrival_train(text, text, text, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_refresh(detector text, source text, promote boolean DEFAULT true)
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_arrival_refresh' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.arrival_refresh(text, text, boolean) IS
'continues a detector with the arrivals of a source that are newer than what it knows, and gives the new version; it becomes champion unless promote is false';
GRANT EXECUTE ON FUNCTION aipipe.arrival_refresh(text, text, boolean) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_score(detector text, ts timestamptz, series text DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_arrival_score' LANGUAGE C STABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.arrival_score(text, timestamptz, text) IS
'gives how unusual an arrival at that time is, 0 to 1: one minus its p-value; NULL while the series is learning';
GRANT EXECUTE ON FUNCTION aipipe.arrival_score(text, timestamptz, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_explain(detector text, ts timestamptz, series text DEFAULT NULL)
RETURNS TABLE (state text, score float8, pvalue float8, expected_from timestamptz, expected_until timestamptz,
               expected_at timestamptz, day text, reason text)
AS 'MODULE_PATHNAME', 'aipipe_arrival_explain' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 1;
COMMENT ON FUNCTION aipipe.arrival_explain(text, timestamptz, text) IS
'gives state, score, p-value and nearest usual window of an arrival at that time, with one sentence';
GRANT EXECUTE ON FUNCTION aipipe.arrival_explain(text, timestamptz, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_expected(
    detector text, after timestamptz, series text DEFAULT NULL, coverage float8 DEFAULT 0.95)
RETURNS TABLE (expected_from timestamptz, expected_until timestamptz, expected_at timestamptz, probability float8, day text)
AS 'MODULE_PATHNAME', 'aipipe_arrival_expected' LANGUAGE C STABLE PARALLEL SAFE COST 500000 ROWS 7;
COMMENT ON FUNCTION aipipe.arrival_expected(text, timestamptz, text, float8) IS
'gives the windows of the coming week in which batches are expected: bounds, most likely time, and the probability that a batch comes at all';
GRANT EXECUTE ON FUNCTION aipipe.arrival_expected(text, timestamptz, text, float8) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_overdue(
    detector text, now timestamptz DEFAULT pg_catalog.now(), series text DEFAULT NULL, last timestamptz DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_arrival_overdue' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.arrival_overdue(text, timestamptz, text, timestamptz) IS
'gives the probability that a batch should have come since the last one (NULL: the newest that the detector knows); NULL while the series is learning';
GRANT EXECUTE ON FUNCTION aipipe.arrival_overdue(text, timestamptz, text, timestamptz) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.arrival_detect(
    source text, "time" text, series text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS TABLE (series text, ts timestamptz, state text, score float8, pvalue float8, reason text)
AS 'MODULE_PATHNAME', 'aipipe_arrival_detect' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION aipipe.arrival_detect(text, text, text, jsonb) IS
'judges the arrivals of one or many series, each with the earlier ones only, without storing a detector';
GRANT EXECUTE ON FUNCTION aipipe.arrival_detect(text, text, text, jsonb) TO PUBLIC;
