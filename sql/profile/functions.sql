-- Profile: aggregates and readers of sketches, profiles of tables, history, keys, sources.

-- Aggregates.

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_transition(internal, anyelement) RETURNS internal
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_transition' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_transition(internal, anyelement) IS 'takes one value into a group''s sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_transition(internal, anyelement) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_transition(internal, anyelement, timestamptz) RETURNS internal
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_transition' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_transition(internal, anyelement, timestamptz) IS 'takes one value with its time into a group''s sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_transition(internal, anyelement, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_merge_transition(internal, aipipe.sketch) RETURNS internal
AS 'MODULE_PATHNAME', 'aipipe_profile_merge_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_merge_transition(internal, aipipe.sketch) IS 'takes one sketch into a group''s sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_merge_transition(internal, aipipe.sketch) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_combine(internal, internal) IS 'adds one part of a group to another';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_combine(internal, internal) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_serialize(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_serialize' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_serialize(internal) IS 'gives a part of a group as bytes';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_serialize(internal) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_deserialize(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_deserialize(bytea, internal) IS 'reads a part of a group from bytes';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_deserialize(bytea, internal) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_final(internal, anyelement) RETURNS aipipe.sketch
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_final' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_final(internal, anyelement) IS 'gives a group''s sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_final(internal, anyelement) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_sketch_final(internal, anyelement, timestamptz) RETURNS aipipe.sketch
AS 'MODULE_PATHNAME', 'aipipe_profile_sketch_final' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_sketch_final(internal, anyelement, timestamptz) IS 'gives a group''s sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_sketch_final(internal, anyelement, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_merge_final(internal) RETURNS aipipe.sketch
AS 'MODULE_PATHNAME', 'aipipe_profile_merge_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.profile_merge_final(internal) IS 'gives a group''s merged sketch';
REVOKE EXECUTE ON FUNCTION aipipe.profile_merge_final(internal) FROM PUBLIC;

CREATE OR REPLACE AGGREGATE aipipe.profile_sketch(anyelement) (
    SFUNC = aipipe.profile_sketch_transition,
    STYPE = internal,
    SSPACE = 4096,
    COMBINEFUNC = aipipe.profile_sketch_combine,
    SERIALFUNC = aipipe.profile_sketch_serialize,
    DESERIALFUNC = aipipe.profile_sketch_deserialize,
    FINALFUNC = aipipe.profile_sketch_final,
    FINALFUNC_EXTRA,
    FINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aipipe.profile_sketch(anyelement) IS
'sketches the values of a column of any type: counts, moments, extremes, quantiles, distinct and frequent values, patterns';
GRANT EXECUTE ON FUNCTION aipipe.profile_sketch(anyelement) TO PUBLIC;

CREATE OR REPLACE AGGREGATE aipipe.profile_sketch(anyelement, timestamptz) (
    SFUNC = aipipe.profile_sketch_transition,
    STYPE = internal,
    SSPACE = 4096,
    COMBINEFUNC = aipipe.profile_sketch_combine,
    SERIALFUNC = aipipe.profile_sketch_serialize,
    DESERIALFUNC = aipipe.profile_sketch_deserialize,
    FINALFUNC = aipipe.profile_sketch_final,
    FINALFUNC_EXTRA,
    FINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aipipe.profile_sketch(anyelement, timestamptz) IS
'sketches the values of a column with a time each: also the first and last value by time, and when the extremes came';
GRANT EXECUTE ON FUNCTION aipipe.profile_sketch(anyelement, timestamptz) TO PUBLIC;

CREATE OR REPLACE AGGREGATE aipipe.profile_merge(aipipe.sketch) (
    SFUNC = aipipe.profile_merge_transition,
    STYPE = internal,
    SSPACE = 4096,
    COMBINEFUNC = aipipe.profile_sketch_combine,
    SERIALFUNC = aipipe.profile_sketch_serialize,
    DESERIALFUNC = aipipe.profile_sketch_deserialize,
    FINALFUNC = aipipe.profile_merge_final,
    FINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aipipe.profile_merge(aipipe.sketch) IS
'merges sketches of parts into the sketch of the whole';
GRANT EXECUTE ON FUNCTION aipipe.profile_merge(aipipe.sketch) TO PUBLIC;

-- Readers of sketches.

CREATE OR REPLACE FUNCTION aipipe.sketch_count(sketch aipipe.sketch)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_sketch_count' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_count(aipipe.sketch) IS
'gives the number of rows, NULLs included';
GRANT EXECUTE ON FUNCTION aipipe.sketch_count(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_nulls(sketch aipipe.sketch)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_sketch_nulls' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_nulls(aipipe.sketch) IS
'gives the number of NULLs';
GRANT EXECUTE ON FUNCTION aipipe.sketch_nulls(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_bytes(sketch aipipe.sketch)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_sketch_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_bytes(aipipe.sketch) IS
'gives the size of the values in bytes, as they are in memory: uncompressed, without the row''s own';
GRANT EXECUTE ON FUNCTION aipipe.sketch_bytes(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_kind(sketch aipipe.sketch)
RETURNS text
AS 'MODULE_PATHNAME', 'aipipe_sketch_kind' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_kind(aipipe.sketch) IS
'gives the kind of the values: number, time, duration, bool, text, other; none without values';
GRANT EXECUTE ON FUNCTION aipipe.sketch_kind(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_type(sketch aipipe.sketch)
RETURNS text
AS 'MODULE_PATHNAME', 'aipipe_sketch_type' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_type(aipipe.sketch) IS
'gives the name of the values'' type as it was when they were sketched';
GRANT EXECUTE ON FUNCTION aipipe.sketch_type(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_distinct(sketch aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_distinct' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_distinct(aipipe.sketch) IS
'gives the number of different values, NULL not among them: exact below 128, else estimated with a standard error of .66 %';
GRANT EXECUTE ON FUNCTION aipipe.sketch_distinct(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_uniqueness(sketch aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_uniqueness' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_uniqueness(aipipe.sketch) IS
'gives different values per value that is not NULL, 0 to 1';
GRANT EXECUTE ON FUNCTION aipipe.sketch_uniqueness(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_quantile(sketch aipipe.sketch, p float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_quantile(aipipe.sketch, float8) IS
'gives the value of rank p, 0 to 1: seconds since 1970 for times, seconds for durations, characters for texts; 0 and 1 are the exact extremes';
GRANT EXECUTE ON FUNCTION aipipe.sketch_quantile(aipipe.sketch, float8) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_quantiles(sketch aipipe.sketch, p float8[])
RETURNS float8[]
AS 'MODULE_PATHNAME', 'aipipe_sketch_quantiles' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_quantiles(aipipe.sketch, float8[]) IS
'gives the values of many ranks, each as sketch_quantile()';
GRANT EXECUTE ON FUNCTION aipipe.sketch_quantiles(aipipe.sketch, float8[]) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_cdf(sketch aipipe.sketch, x float8)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_cdf(aipipe.sketch, float8) IS
'gives the share of the ranked values that are at most x';
GRANT EXECUTE ON FUNCTION aipipe.sketch_cdf(aipipe.sketch, float8) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_histogram(sketch aipipe.sketch, n int DEFAULT 20)
RETURNS TABLE (bin int, low float8, high float8, count float8, low_text text, high_text text)
AS 'MODULE_PATHNAME', 'aipipe_sketch_histogram' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 20;
COMMENT ON FUNCTION aipipe.sketch_histogram(aipipe.sketch, int) IS
'gives at most n bins of equal width over the finite values';
GRANT EXECUTE ON FUNCTION aipipe.sketch_histogram(aipipe.sketch, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_top(sketch aipipe.sketch, k int DEFAULT 10)
RETURNS TABLE (value text, count bigint, share float8, error bigint, clipped boolean)
AS 'MODULE_PATHNAME', 'aipipe_sketch_top' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 10;
COMMENT ON FUNCTION aipipe.sketch_top(aipipe.sketch, int) IS
'gives the most frequent values: each count is too small by at most error, its share is of the values that are not NULL';
GRANT EXECUTE ON FUNCTION aipipe.sketch_top(aipipe.sketch, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_patterns(sketch aipipe.sketch, k int DEFAULT 10)
RETURNS TABLE (pattern text, count bigint, share float8, error bigint)
AS 'MODULE_PATHNAME', 'aipipe_sketch_patterns' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 10;
COMMENT ON FUNCTION aipipe.sketch_patterns(aipipe.sketch, int) IS
'gives the most frequent patterns of texts: A capital, a small letter, 9 digit, x beyond ASCII, others themselves';
GRANT EXECUTE ON FUNCTION aipipe.sketch_patterns(aipipe.sketch, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_looks(sketch aipipe.sketch)
RETURNS TABLE (look text, count bigint, share float8)
AS 'MODULE_PATHNAME', 'aipipe_sketch_looks' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000 ROWS 5;
COMMENT ON FUNCTION aipipe.sketch_looks(aipipe.sketch) IS
'gives how many texts look like numbers, dates, addresses and so on, most first';
GRANT EXECUTE ON FUNCTION aipipe.sketch_looks(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_moments(sketch aipipe.sketch, OUT count bigint, OUT mean float8, OUT stddev float8, OUT variance float8, OUT skewness float8, OUT kurtosis float8, OUT min float8, OUT max float8)
RETURNS record
AS 'MODULE_PATHNAME', 'aipipe_sketch_moments' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_moments(aipipe.sketch) IS
'gives the moments of the finite numbers, or of the lengths of texts in characters';
GRANT EXECUTE ON FUNCTION aipipe.sketch_moments(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_extremes(sketch aipipe.sketch, OUT min text, OUT min_at timestamptz, OUT max text, OUT max_at timestamptz, OUT first text, OUT first_at timestamptz, OUT last text, OUT last_at timestamptz)
RETURNS record
AS 'MODULE_PATHNAME', 'aipipe_sketch_extremes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_extremes(aipipe.sketch) IS
'gives the smallest and the largest value, and with a time beside the values when they came and the first and last by time; texts up to 64 bytes';
GRANT EXECUTE ON FUNCTION aipipe.sketch_extremes(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_order(sketch aipipe.sketch, OUT rising bigint, OUT falling bigint, OUT equal bigint, OUT monotonic text)
RETURNS record
AS 'MODULE_PATHNAME', 'aipipe_sketch_order' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION aipipe.sketch_order(aipipe.sketch) IS
'gives how often a value is above, below or equal to the one before it in the order of rows, and what that makes of the column';
GRANT EXECUTE ON FUNCTION aipipe.sketch_order(aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_similarity(a aipipe.sketch, b aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_similarity(aipipe.sketch, aipipe.sketch) IS
'gives Jaccard''s similarity of the different values, 0 to 1, with a standard error of about .04';
GRANT EXECUTE ON FUNCTION aipipe.sketch_similarity(aipipe.sketch, aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_containment(a aipipe.sketch, b aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_containment' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_containment(aipipe.sketch, aipipe.sketch) IS
'gives the estimated share of the firsts different values that the second has';
GRANT EXECUTE ON FUNCTION aipipe.sketch_containment(aipipe.sketch, aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_psi(reference aipipe.sketch, current aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_psi' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_psi(aipipe.sketch, aipipe.sketch) IS
'gives the population stability index of a sketch against a reference: 0 = alike, above .25 = shifted';
GRANT EXECUTE ON FUNCTION aipipe.sketch_psi(aipipe.sketch, aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_ks(reference aipipe.sketch, current aipipe.sketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_ks' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_ks(aipipe.sketch, aipipe.sketch) IS
'gives Kolmogorov and Smirnov''s distance of two sketches, 0 to 1';
GRANT EXECUTE ON FUNCTION aipipe.sketch_ks(aipipe.sketch, aipipe.sketch) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_psi(reference anyarray, current anyarray, bins int DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_psi_exact' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_psi(anyarray, anyarray, int) IS
'gives the population stability index of values against a reference, exactly: by value, by bins of equal width, or by bins of equal shares of the reference';
GRANT EXECUTE ON FUNCTION aipipe.sketch_psi(anyarray, anyarray, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_ks(reference float8[], current float8[])
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_sketch_ks_exact' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION aipipe.sketch_ks(float8[], float8[]) IS
'gives Kolmogorov and Smirnov''s distance of two arrays of numbers, exactly';
GRANT EXECUTE ON FUNCTION aipipe.sketch_ks(float8[], float8[]) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.sketch_json(sketch aipipe.sketch)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'aipipe_sketch_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION aipipe.sketch_json(aipipe.sketch) IS
'gives everything that a sketch says, to read';
GRANT EXECUTE ON FUNCTION aipipe.sketch_json(aipipe.sketch) TO PUBLIC;

-- Profiles of tables.

CREATE OR REPLACE FUNCTION aipipe.profile_table(
    relation regclass, sample float8 DEFAULT 1, columns text[] DEFAULT NULL, workers int DEFAULT NULL, seed bigint DEFAULT 0)
RETURNS TABLE (
    column_name name, type text, kind text, rows bigint, table_rows bigint, nulls bigint, null_share float8,
    distinct_values bigint, distinct_exact boolean, uniqueness float8, constant boolean, candidate_key boolean,
    min text, max text, mean float8, stddev float8, skewness float8, kurtosis float8,
    p01 text, p05 text, p25 text, p50 text, p75 text, p95 text, p99 text, zero_share float8, negative_share float8,
    infinities bigint, nans bigint, top jsonb, patterns jsonb, looks jsonb, lengths jsonb, monotonic text,
    hints text[], bytes bigint, workers int, sketch aipipe.sketch)
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
    hints text[], bytes bigint, workers int, sketch aipipe.sketch)
AS 'MODULE_PATHNAME', 'aipipe_profile_source' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_source(text, float8, text[], int, bigint) IS
'gives what profile_table() does, of a SELECT or of a relation by its name';
GRANT EXECUTE ON FUNCTION aipipe.profile_source(text, float8, text[], int, bigint) TO PUBLIC;

-- Keys, dependencies, joins.

CREATE OR REPLACE FUNCTION aipipe.profile_keys(
    relation regclass, max_columns int DEFAULT 2, max_error float8 DEFAULT 0, params jsonb DEFAULT '{}')
RETURNS TABLE (columns text[], "rows" bigint, distinct_values bigint, duplicates bigint, nulls bigint, error float8, is_key boolean,
    declared boolean, examples jsonb)
AS 'MODULE_PATHNAME', 'aipipe_profile_keys' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10;
COMMENT ON FUNCTION aipipe.profile_keys(regclass, int, float8, jsonb) IS
'gives the minimal sets of columns whose values tell all rows of a table apart, or all but a share of them';
GRANT EXECUTE ON FUNCTION aipipe.profile_keys(regclass, int, float8, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_dependencies(
    relation regclass, max_lhs int DEFAULT 2, max_error float8 DEFAULT 0, params jsonb DEFAULT '{}')
RETURNS TABLE (determinant text[], dependent text, error float8, confidence float8, "rows" bigint, "groups" bigint, violations bigint,
    violating_groups bigint, repeated float8, score float8, example jsonb)
AS 'MODULE_PATHNAME', 'aipipe_profile_dependencies' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_dependencies(regclass, int, float8, jsonb) IS
'gives the minimal functional dependencies of a table, exact or with at most a share of rows that break them, what tells most first';
GRANT EXECUTE ON FUNCTION aipipe.profile_dependencies(regclass, int, float8, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.profile_joins(
    relations regclass[] DEFAULT NULL, schema name DEFAULT NULL, min_containment float8 DEFAULT 0.95, params jsonb DEFAULT '{}')
RETURNS TABLE (left_relation regclass, left_column name, right_relation regclass, right_column name, containment float8, coverage float8,
    left_distinct bigint, right_distinct bigint, right_unique boolean, cardinality text, name_similarity float8, declared boolean, score float8)
AS 'MODULE_PATHNAME', 'aipipe_profile_joins' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 50;
COMMENT ON FUNCTION aipipe.profile_joins(regclass[], name, float8, jsonb) IS
'gives columns whose values are found in another column, in and across tables: verified candidates for foreign keys, the likeliest first';
GRANT EXECUTE ON FUNCTION aipipe.profile_joins(regclass[], name, float8, jsonb) TO PUBLIC;

-- History: profiles that are kept.

CREATE OR REPLACE FUNCTION aipipe.profile_snapshot(relation regclass, sample float8 DEFAULT 1, columns text[] DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_profile_snapshot' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION aipipe.profile_snapshot(regclass, float8, text[]) IS
'keeps a profile of a table as it is now and gives its id; sample is the share of the table that is read';

CREATE OR REPLACE FUNCTION aipipe.profile_diff(relation regclass, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
RETURNS TABLE (column_name text, change text, score float8, before text, after text, sentence text)
AS 'MODULE_PATHNAME', 'aipipe_profile_diff' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_diff(regclass, timestamptz, timestamptz) IS
'gives what changed in a table between the kept profiles that were the latest at two times (by default the last two), most changed first; the score is a population stability index, infinite for columns that came, went or changed their type';

CREATE OR REPLACE FUNCTION aipipe.profile_diff("from" bigint, "to" bigint)
RETURNS TABLE (column_name text, change text, score float8, before text, after text, sentence text)
AS 'MODULE_PATHNAME', 'aipipe_profile_diff_ids' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_diff(bigint, bigint) IS
'gives what is different between two kept profiles, of one table or of two, most changed first';

CREATE OR REPLACE FUNCTION aipipe.profile_prune(relation regclass, before timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_profile_prune' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.profile_prune(regclass, timestamptz) IS
'forgets kept profiles of a table from before a time, those of batches too, and gives their number';

GRANT EXECUTE ON FUNCTION
    aipipe.profile_snapshot(regclass, float8, text[]),
    aipipe.profile_diff(regclass, timestamptz, timestamptz),
    aipipe.profile_diff(bigint, bigint),
    aipipe.profile_prune(regclass, timestamptz)
TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.profile WITH (security_barrier) AS
SELECT p.id, pg_catalog.format('%I.%I', p.schema_name, p.relation_name) AS relation, p.taken_at, p.rows, p.share, p.bytes, p.batch,
       p.taken_by, p.table_owner
  FROM aipipe.profile_data p
 WHERE pg_catalog.pg_has_role(p.taken_by, 'USAGE') OR pg_catalog.pg_has_role(p.table_owner, 'USAGE');
COMMENT ON VIEW aipipe.profile IS 'Kept profiles that the current user took, or of tables that are the current user''s';

CREATE OR REPLACE VIEW aipipe.profile_column WITH (security_barrier) AS
SELECT c.profile, c.position, c.column_name, c.type, c.sketch
  FROM aipipe.profile_column_data c
  JOIN aipipe.profile_data p ON p.id OPERATOR(pg_catalog.=) c.profile
 WHERE pg_catalog.pg_has_role(p.taken_by, 'USAGE') OR pg_catalog.pg_has_role(p.table_owner, 'USAGE');
COMMENT ON VIEW aipipe.profile_column IS 'Sketches of the columns of the profiles in aipipe.profile';

GRANT SELECT ON aipipe.profile, aipipe.profile_column TO PUBLIC;

-- Reports.

CREATE OR REPLACE FUNCTION aipipe.profile_html(relation regclass, sample float8 DEFAULT 1, columns text[] DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'aipipe_profile_html' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION aipipe.profile_html(regclass, float8, text[]) IS
'gives a table''s profile as one self-contained HTML page: it loads nothing and runs nothing';
GRANT EXECUTE ON FUNCTION aipipe.profile_html(regclass, float8, text[]) TO PUBLIC;
