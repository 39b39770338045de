-- Profile: aggregates and readers of sketches, profiles of tables, history, keys, sources.

-- Profiles of tables.

CREATE OR REPLACE FUNCTION aipipe.profile_table(
    relation regclass, sample float8 DEFAULT 1, columns text[] DEFAULT NULL, workers int DEFAULT NULL, seed bigint DEFAULT 0)
RETURNS TABLE (
    column_name name, type text, kind text, rows bigint, table_rows bigint, nulls bigint, null_share float8,
    distinct_values bigint, distinct_exact boolean, uniqueness float8, constant boolean, candidate_key boolean,
    min text, max text, mean float8, stddev float8, skewness float8, kurtosis float8,
    p01 text, p05 text, p25 text, p50 text, p75 text, p95 text, p99 text, zero_share float8, negative_share float8,
    infinities bigint, nans bigint, top jsonb, patterns jsonb, looks jsonb, lengths jsonb, monotonic text,
    bytes bigint, workers int, sketch aipipe.sketch)
AS 'MODULE_PATHNAME', 'aipipe_profile_table' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_table(regclass, float8, text[], int, bigint) IS
'gives a row a column of a relation with what its values look like, in one scan of all of it or of a share of its pages';
GRANT EXECUTE ON FUNCTION aipipe.profile_table(regclass, float8, text[], int, bigint) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_source(
    source text, sample float8 DEFAULT 1, columns text[] DEFAULT NULL, workers int DEFAULT NULL, seed bigint DEFAULT 0)
RETURNS TABLE (
    column_name name, type text, kind text, rows bigint, table_rows bigint, nulls bigint, null_share float8,
    distinct_values bigint, distinct_exact boolean, uniqueness float8, constant boolean, candidate_key boolean,
    min text, max text, mean float8, stddev float8, skewness float8, kurtosis float8,
    p01 text, p05 text, p25 text, p50 text, p75 text, p95 text, p99 text, zero_share float8, negative_share float8,
    infinities bigint, nans bigint, top jsonb, patterns jsonb, looks jsonb, lengths jsonb, monotonic text,
    bytes bigint, workers int, sketch aipipe.sketch)
AS 'MODULE_PATHNAME', 'aipipe_profile_source' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_source(text, float8, text[], int, bigint) IS
'gives what profile_table() does, of a SELECT or of a relation by its name';
GRANT EXECUTE ON FUNCTION aipipe.profile_source(text, float8, text[], int, bigint) TO PUBLIC;
