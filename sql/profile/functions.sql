-- Profile: aggregates and readers of sketches, profiles of tables, history, keys, sources.

-- Keys, dependencies, joins

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
