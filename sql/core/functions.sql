-- Core: what work that takes long says about itself.

CREATE OR REPLACE FUNCTION aipipe.progress_list(
    OUT pid int, OUT datid oid, OUT usesysid oid, OUT what text, OUT phase text, OUT done bigint, OUT total bigint,
    OUT rows bigint, OUT metric_name text, OUT metric float8, OUT memory_bytes bigint, OUT started_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'aipipe_progress_list' LANGUAGE C STRICT STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION aipipe.progress_list() IS
'lists the long operations of all databases that the current role may see, one a backend; read it through the view aipipe.progress';
GRANT EXECUTE ON FUNCTION aipipe.progress_list() TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.progress WITH (security_barrier) AS
SELECT p.pid, p.datid, d.datname, pg_catalog.pg_get_userbyid(p.usesysid) AS role,
       p.what, p.phase, p.done, p.total, p.rows, p.metric_name, p.metric, p.memory_bytes,
       p.started_at, pg_catalog.clock_timestamp() - p.started_at AS age
FROM aipipe.progress_list() p
LEFT JOIN pg_catalog.pg_database d ON d.oid = p.datid;
COMMENT ON VIEW aipipe.progress IS
'long operations that run now, in any database: one row for every backend whose role you are a member of, all of them for pg_read_all_stats';
GRANT SELECT ON aipipe.progress TO PUBLIC;
