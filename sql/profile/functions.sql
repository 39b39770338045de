-- Profile: aggregates and readers of sketches, profiles of tables, history, keys, sources.

-- History: profiles that are kept.

CREATE OR REPLACE FUNCTION aipipe.profile_snapshot(relation regclass, sample float8 DEFAULT 1, columns text[] DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_profile_snapshot' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION aipipe.profile_snapshot(regclass, float8, text[]) IS
'keeps a profile of a table as it is now and gives its id; sample is the share of the table that is read';

CREATE OR REPLACE FUNCTION aipipe.profile_diff(relation regclass, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
RETURNS TABLE (column_name text, change text, score float8, before text, after text, sentence text)
AS 'MODULE_PATHNAME', 'aipipe_profile_diff' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.profile_diff(regclass, timestamptz, timestamptz) IS
'gives what changed in a table between the kept profiles that were the latest at two times (by default the last two), most changed first; the score is a population stability index, infinite for columns that came, went or changed their type';

CREATE OR REPLACE FUNCTION aipipe.profile_diff("from" bigint, "to" bigint)
RETURNS TABLE (column_name text, change text, score float8, before text, after text, sentence text)
AS 'MODULE_PATHNAME', 'aipipe_profile_diff_ids' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20;
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
SELECT p.id, pg_catalog.format('%I.%I', p.schema_name, p.relation_name) AS relation, p.taken_at, p.rows, p.share, p.batch,
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
