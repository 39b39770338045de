-- Source: the catalogue of feeds, and what their batches measure.

CREATE OR REPLACE FUNCTION aipipe.source_register(name text, relation regclass, description text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_source_register' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.source_register(text, regclass, text, jsonb) IS
'adds a source to the catalogue: a name for the feed that lands in a table; params: contact, and every, the interval in which a batch is expected';

CREATE OR REPLACE FUNCTION aipipe.source_alter(name text, relation regclass DEFAULT NULL, description text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_source_alter' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.source_alter(text, regclass, text, jsonb) IS
'changes what is given of a source and leaves the rest; an empty description, and options that are null, take what was there away';

CREATE OR REPLACE FUNCTION aipipe.source_drop(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_source_drop' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.source_drop(text) IS
'takes a source off the catalogue; its table, batches and profiles stay';

GRANT EXECUTE ON FUNCTION
    aipipe.source_register(text, regclass, text, jsonb),
    aipipe.source_alter(text, regclass, text, jsonb),
    aipipe.source_drop(text)
TO PUBLIC;

-- to_regclass() would not do: it is an error in a schema that the reader may not use, and one such source would hide all others.
CREATE OR REPLACE VIEW aipipe.source WITH (security_barrier) AS
SELECT s.name, pg_catalog.format('%I.%I', s.schema_name, s.relation_name) AS relation, s.description, s.contact, s.every,
       s.owner, s.registered_at, s.changed_at
  FROM aipipe.source_data s
 WHERE pg_catalog.pg_has_role(s.owner, 'USAGE')
    OR EXISTS (SELECT FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
                WHERE n.nspname OPERATOR(pg_catalog.=) s.schema_name::pg_catalog.name
                  AND c.relname OPERATOR(pg_catalog.=) s.relation_name::pg_catalog.name
                  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                  AND pg_catalog.has_table_privilege(c.oid, 'SELECT'));
COMMENT ON VIEW aipipe.source IS 'Sources that are yours, or whose table you may read';
GRANT SELECT ON aipipe.source TO PUBLIC;

-- A table may have several gates, and each counts what a statement landed: one of them measures, the one that profiled most.
CREATE OR REPLACE FUNCTION aipipe.source_batches(name text, days int DEFAULT 30)
RETURNS TABLE (batch bigint, gate bigint, at timestamptz, "rows" bigint, bytes float8, profile bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF source_batches.name IS NULL OR source_batches.days IS NULL OR source_batches.days < 1 THEN
        RAISE EXCEPTION 'the name of a source and a number of days, at least 1, are needed'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM aipipe.source s WHERE s.name = source_batches.name) THEN
        RAISE EXCEPTION 'source "%" does not exist', source_batches.name
            USING ERRCODE = 'undefined_object', HINT = 'The view aipipe.source lists the sources that you may see.';
    END IF;
    RETURN QUERY
    WITH landed AS (
        SELECT b.id, b.gate, b.started_at, b.rows, p.id AS profile, p.rows AS profiled, p.bytes
          FROM aipipe.source s
          JOIN aipipe.batch b ON b.relation = s.relation AND b.event = 'INSERT'
          LEFT JOIN aipipe.profile p ON p.batch = b.id
         WHERE s.name = source_batches.name AND b.started_at > pg_catalog.now() - pg_catalog.make_interval(days => LEAST(source_batches.days, 100000))
    ), measuring AS (
        SELECT l.gate FROM landed l GROUP BY l.gate
         ORDER BY pg_catalog.count(l.profile) DESC, pg_catalog.sum(l.rows) DESC, l.gate LIMIT 1
    )
    SELECT l.id, l.gate, l.started_at, l.rows, l.bytes::float8 * l.rows / NULLIF(l.profiled, 0), l.profile
      FROM landed l JOIN measuring m ON m.gate = l.gate
     ORDER BY l.started_at, l.id;
END
$body$;
COMMENT ON FUNCTION aipipe.source_batches(text, int) IS
'gives the batches of a source of the last days, as the gate of its table that profiled most counted them; bytes and profile where a profile was taken';

CREATE OR REPLACE FUNCTION aipipe.source_volume(name text, days int DEFAULT 30)
RETURNS TABLE (dimension text, measure text, value float8, unit text, detail jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
    WITH batches AS (SELECT * FROM aipipe.source_batches(source_volume.name, source_volume.days)),
    daily AS (
        SELECT b.at::date AS day, pg_catalog.sum(b.rows) AS n, pg_catalog.sum(b.bytes) AS bytes FROM batches b GROUP BY b.at::date
    ), hourly AS (
        SELECT pg_catalog.date_trunc('hour', b.at) AS hour, pg_catalog.sum(b.rows) AS n, pg_catalog.sum(b.bytes) AS bytes
          FROM batches b GROUP BY pg_catalog.date_trunc('hour', b.at)
    )
    SELECT 'volume', 'batches', pg_catalog.count(*)::float8, 'batches', NULL::jsonb FROM batches
    UNION ALL
    SELECT 'volume', 'rows', COALESCE(pg_catalog.sum(b.rows), 0)::float8, 'rows', NULL FROM batches b
    UNION ALL
    SELECT 'volume', 'rows per batch', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY b.rows::float8), 'rows',
           pg_catalog.jsonb_build_object('min', pg_catalog.min(b.rows), 'max', pg_catalog.max(b.rows)) FROM batches b
    UNION ALL
    SELECT 'volume', 'rows per day', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY d.n::float8), 'rows',
           pg_catalog.jsonb_object_agg(d.day, d.n) FILTER (WHERE d.day IS NOT NULL) FROM daily d
    UNION ALL
    SELECT 'volume', 'rows per hour', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY h.n::float8), 'rows',
           pg_catalog.jsonb_build_object('max', pg_catalog.max(h.n)) FROM hourly h
    UNION ALL
    SELECT 'volume', 'bytes per day', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY d.bytes), 'bytes',
           pg_catalog.jsonb_object_agg(d.day, pg_catalog.round(d.bytes)) FILTER (WHERE d.bytes IS NOT NULL) FROM daily d
    UNION ALL
    SELECT 'volume', 'bytes per hour', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY h.bytes), 'bytes',
           pg_catalog.jsonb_build_object('max', pg_catalog.round(pg_catalog.max(h.bytes))) FROM hourly h
$body$;
COMMENT ON FUNCTION aipipe.source_volume(text, int) IS
'gives how much a source sent in the last days: batches, rows and bytes; per day and per hour as the median of those with data';

CREATE OR REPLACE FUNCTION aipipe.source_velocity(name text, days int DEFAULT 30)
RETURNS TABLE (dimension text, measure text, value float8, unit text, detail jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
    WITH batches AS (
        SELECT b.at, EXTRACT(epoch FROM b.at - pg_catalog.lag(b.at) OVER (ORDER BY b.at, b.batch))::float8 AS gap
          FROM aipipe.source_batches(source_velocity.name, source_velocity.days) b
    ), hours AS (
        SELECT h, pg_catalog.count(b.at) AS n
          FROM pg_catalog.generate_series(0, 23) h LEFT JOIN batches b ON EXTRACT(hour FROM b.at) = h GROUP BY h
    ), weekdays AS (
        SELECT d, pg_catalog.count(b.at) AS n
          FROM pg_catalog.generate_series(1, 7) d LEFT JOIN batches b ON EXTRACT(isodow FROM b.at) = d GROUP BY d
    ), last AS (
        SELECT EXTRACT(epoch FROM pg_catalog.now() - pg_catalog.max(b.at))::float8 AS age FROM batches b
    )
    SELECT 'velocity', 'gap between batches', pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY b.gap), 'seconds',
           pg_catalog.jsonb_build_object('p95', pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY b.gap), 'max', pg_catalog.max(b.gap))
      FROM batches b
    UNION ALL
    SELECT 'velocity', 'batches by hour of day', NULL, 'batches', pg_catalog.jsonb_object_agg(h.h, h.n) FROM hours h
    UNION ALL
    SELECT 'velocity', 'batches by weekday', NULL, 'batches', pg_catalog.jsonb_object_agg(w.d, w.n) FROM weekdays w
    UNION ALL
    SELECT 'velocity', 'age of the last batch', l.age, 'seconds', NULL FROM last l
    UNION ALL
    SELECT 'velocity', 'overdue', GREATEST(l.age - EXTRACT(epoch FROM s.every)::float8, 0), 'seconds',
           pg_catalog.jsonb_build_object('every', s.every)
      FROM aipipe.source s, last l WHERE s.name = source_velocity.name AND s.every IS NOT NULL
$body$;
COMMENT ON FUNCTION aipipe.source_velocity(text, int) IS
'gives when a source sends: gaps between batches, how many came at which hour of the day and weekday (1 Monday to 7), the age of the last, and by how much the next is overdue';

CREATE OR REPLACE FUNCTION aipipe.source_schema_changes(name text, days int DEFAULT 30)
RETURNS TABLE (at timestamptz, batch bigint, column_name text, change text, before text, after text)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
    WITH shapes AS (
        SELECT b.batch, b.at,
               (SELECT pg_catalog.jsonb_object_agg(c.column_name, c.type) FROM aipipe.profile_column c WHERE c.profile = b.profile) AS shape
          FROM aipipe.source_batches(source_schema_changes.name, source_schema_changes.days) b WHERE b.profile IS NOT NULL
    ), pairs AS (
        SELECT s.batch, s.at, s.shape, pg_catalog.lag(s.shape) OVER (ORDER BY s.at, s.batch) AS before FROM shapes s
    )
    SELECT p.at, p.batch, c.key,
           CASE WHEN c.before IS NULL THEN 'column added' WHEN c.after IS NULL THEN 'column removed' ELSE 'type changed' END,
           c.before, c.after
      FROM pairs p
     CROSS JOIN LATERAL (SELECT COALESCE(a.key, b.key) AS key, b.value AS before, a.value AS after
                           FROM pg_catalog.jsonb_each_text(p.shape) a
                           FULL JOIN pg_catalog.jsonb_each_text(p.before) b ON a.key = b.key) c
     WHERE p.before IS NOT NULL AND p.shape <> p.before AND c.after IS DISTINCT FROM c.before
     ORDER BY p.at, p.batch, 3
$body$;
COMMENT ON FUNCTION aipipe.source_schema_changes(text, int) IS
'gives the columns that came, went or changed their type from one profiled batch of a source to the next';

CREATE OR REPLACE FUNCTION aipipe.source_variety(name text, days int DEFAULT 30)
RETURNS TABLE (dimension text, measure text, value float8, unit text, detail jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
    WITH profiles AS (
        SELECT b.profile, b.at FROM aipipe.source_batches(source_variety.name, source_variety.days) b WHERE b.profile IS NOT NULL
    ), columns AS (
        SELECT c.column_name, c.type, p.at, c.profile, c.sketch
          FROM profiles p JOIN aipipe.profile_column c ON c.profile = p.profile
    ), latest AS (
        SELECT c.* FROM columns c WHERE c.profile = (SELECT p.profile FROM profiles p ORDER BY p.at DESC, p.profile DESC LIMIT 1)
    ), types AS (
        SELECT l.type, pg_catalog.count(*) AS n FROM latest l GROUP BY l.type
    ), texts AS (
        SELECT c.column_name, aipipe.profile_merge(c.sketch) AS sketch
          FROM columns c WHERE aipipe.sketch_kind(c.sketch) = 'text' GROUP BY c.column_name
    ), patterns AS (
        SELECT t.column_name, (SELECT pg_catalog.count(*) FROM aipipe.sketch_patterns(t.sketch, 1000)) AS n,
               (SELECT pg_catalog.jsonb_agg(p.pattern) FROM aipipe.sketch_patterns(t.sketch, 3) p) AS top FROM texts t
    )
    SELECT 'variety', 'columns', pg_catalog.sum(t.n)::float8, 'columns', NULL::jsonb FROM types t
    UNION ALL
    SELECT 'variety', 'types', pg_catalog.count(*)::float8, 'types', pg_catalog.jsonb_object_agg(t.type, t.n) FILTER (WHERE t.type IS NOT NULL) FROM types t
    UNION ALL
    SELECT 'variety', 'patterns of text', COALESCE(pg_catalog.sum(p.n), 0)::float8, 'patterns',
           pg_catalog.jsonb_object_agg(p.column_name, pg_catalog.jsonb_build_object('patterns', p.n, 'top', p.top)) FILTER (WHERE p.column_name IS NOT NULL)
      FROM patterns p
    UNION ALL
    SELECT 'variety', 'schema changes', pg_catalog.count(*)::float8, 'changes',
           pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('at', c.at, 'column', c.column_name, 'change', c.change, 'before', c.before, 'after', c.after))
      FROM aipipe.source_schema_changes(source_variety.name, source_variety.days) c
$body$;
COMMENT ON FUNCTION aipipe.source_variety(text, int) IS
'gives what a source sends: columns and types of the latest profiled batch, patterns of the texts of all, and how often the schema changed';

CREATE OR REPLACE FUNCTION aipipe.source_veracity(name text, days int DEFAULT 30)
RETURNS TABLE (dimension text, measure text, value float8, unit text, detail jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
    WITH measured AS (
        SELECT b.profile, b.rows FROM aipipe.source_batches(source_veracity.name, source_veracity.days) b
    ), flagged AS (
        SELECT pg_catalog.sum(b.marked + b.quarantined)::float8 AS n, pg_catalog.sum(b.errors)::float8 AS errors
          FROM aipipe.source s JOIN aipipe.batch b ON b.relation = s.relation AND b.event = 'INSERT'
         WHERE s.name = source_veracity.name AND b.started_at > pg_catalog.now() - pg_catalog.make_interval(days => LEAST(source_veracity.days, 100000))
    ), cells AS (
        SELECT c.column_name, pg_catalog.sum(aipipe.sketch_count(c.sketch))::float8 AS n, pg_catalog.sum(aipipe.sketch_nulls(c.sketch))::float8 AS nulls,
               pg_catalog.sum((SELECT COALESCE(pg_catalog.sum(l.count), 0) FROM aipipe.sketch_looks(c.sketch) l
                                WHERE l.look IN ('empty', 'null')))::float8 AS blank
          FROM measured m JOIN aipipe.profile_column c ON c.profile = m.profile GROUP BY c.column_name
    ), shares AS (
        SELECT CASE WHEN r.n > 0 THEN GREATEST(1 - COALESCE(f.n, 0) / r.n, 0) END AS accepted,
               (SELECT 1 - pg_catalog.sum(c.nulls) / NULLIF(pg_catalog.sum(c.n), 0) FROM cells c) AS complete,
               (SELECT 1 - pg_catalog.sum(c.blank) / NULLIF(pg_catalog.sum(c.n - c.nulls), 0) FROM cells c) AS filled,
               f.errors
          FROM flagged f, (SELECT pg_catalog.sum(m.rows)::float8 AS n FROM measured m) r
    )
    SELECT 'veracity', 'accepted rows', s.accepted, 'share', NULL::jsonb FROM shares s
    UNION ALL
    SELECT 'veracity', 'cells that are not NULL', s.complete, 'share',
           (SELECT pg_catalog.jsonb_object_agg(c.column_name, pg_catalog.round((1 - c.nulls / NULLIF(c.n, 0))::numeric, 6)) FROM cells c WHERE c.nulls > 0)
      FROM shares s
    UNION ALL
    SELECT 'veracity', 'texts that say something', s.filled, 'share',
           (SELECT pg_catalog.jsonb_object_agg(c.column_name, c.blank) FROM cells c WHERE c.blank > 0) FROM shares s
    UNION ALL
    SELECT 'veracity', 'rows that could not be judged', COALESCE(s.errors, 0), 'rows', NULL FROM shares s
    UNION ALL
    SELECT 'veracity', 'quality', s.accepted * COALESCE(s.complete, 1) * COALESCE(s.filled, 1), 'share', NULL FROM shares s
$body$;
COMMENT ON FUNCTION aipipe.source_veracity(text, int) IS
'gives how far a source can be believed: the share of rows that its gates accepted, of cells that are not NULL and of values that are not blank or a word for nothing; quality is their product';

CREATE OR REPLACE FUNCTION aipipe.source_report(name text, days int DEFAULT 30)
RETURNS TABLE (dimension text, measure text, value float8, unit text, detail jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY SELECT * FROM aipipe.source_volume(source_report.name, source_report.days);
    RETURN QUERY SELECT * FROM aipipe.source_velocity(source_report.name, source_report.days);
    RETURN QUERY SELECT * FROM aipipe.source_variety(source_report.name, source_report.days);
    RETURN QUERY SELECT * FROM aipipe.source_veracity(source_report.name, source_report.days);
END
$body$;
COMMENT ON FUNCTION aipipe.source_report(text, int) IS
'gives the baseline assessment of a source from its batches of the last days: volume, velocity, variety and veracity';

GRANT EXECUTE ON FUNCTION
    aipipe.source_batches(text, int),
    aipipe.source_volume(text, int),
    aipipe.source_velocity(text, int),
    aipipe.source_schema_changes(text, int),
    aipipe.source_variety(text, int),
    aipipe.source_veracity(text, int),
    aipipe.source_report(text, int)
TO PUBLIC;
