-- gate: the SQL surface of gates, batches, decisions and quarantine.

CREATE OR REPLACE FUNCTION aipipe.gate_trigger() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_trigger';
COMMENT ON FUNCTION aipipe.gate_trigger() IS
    'Trigger function of every gate; its argument is the gate''s id. Attach it with aipipe.gate_create() only';

CREATE OR REPLACE FUNCTION aipipe.gate_create(
    relation regclass, detector text DEFAULT NULL, timing text DEFAULT 'row',
    on_anomaly text DEFAULT 'quarantine', threshold double precision DEFAULT NULL,
    score_column name DEFAULT NULL, on_error text DEFAULT 'accept', params jsonb DEFAULT '{}'
) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_create';
COMMENT ON FUNCTION aipipe.gate_create(regclass, text, text, text, double precision, name, text, jsonb) IS
    'Attaches a gate to a table: every row that lands is scored by the model''s champion and decided on; gives the gate''s id';

CREATE OR REPLACE FUNCTION aipipe.gate_drop(relation regclass, gate bigint DEFAULT NULL) RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_drop';
COMMENT ON FUNCTION aipipe.gate_drop(regclass, bigint) IS
    'Drops a table''s gates, or one gate by id; batches and quarantined rows stay; gives the number dropped';

CREATE OR REPLACE FUNCTION aipipe.gate_pause(relation regclass, gate bigint DEFAULT NULL) RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_pause';
COMMENT ON FUNCTION aipipe.gate_pause(regclass, bigint) IS
    'Pauses a table''s gates, or one gate by id: rows pass unjudged and uncounted; gives the number paused';

CREATE OR REPLACE FUNCTION aipipe.gate_resume(relation regclass, gate bigint DEFAULT NULL) RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_resume';
COMMENT ON FUNCTION aipipe.gate_resume(regclass, bigint) IS
    'Resumes paused gates of a table, or one gate by id; gives the number resumed';

CREATE OR REPLACE FUNCTION aipipe.quarantine_release(id bigint, correction jsonb DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_quarantine_release';
COMMENT ON FUNCTION aipipe.quarantine_release(bigint, jsonb) IS
    'Puts a quarantined row back into its table, corrected and past the table''s gates, with the caller''s own rights on the table';

CREATE OR REPLACE FUNCTION aipipe.quarantine_discard(id bigint, why text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_quarantine_discard';
COMMENT ON FUNCTION aipipe.quarantine_discard(bigint, text) IS
    'Closes a quarantined row without putting it back; the row stays readable in aipipe.quarantine';

CREATE OR REPLACE FUNCTION aipipe.gate_drain(relation regclass DEFAULT NULL, max_rows bigint DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_gate_drain';
COMMENT ON FUNCTION aipipe.gate_drain(regclass, bigint) IS
    'Judges the rows that wait for gates with timing background, of one table or of all your gates, until max_rows are judged; gives the number of rows judged. Make it a job';

CREATE OR REPLACE FUNCTION aipipe.prediction_prune(model text, before timestamptz) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'aipipe_prediction_prune';
COMMENT ON FUNCTION aipipe.prediction_prune(text, timestamptz) IS
    'Deletes what the prediction log holds of a model from before a time; gives the number of predictions';

GRANT EXECUTE ON FUNCTION
    aipipe.gate_trigger(),
    aipipe.gate_create(regclass, text, text, text, double precision, name, text, jsonb),
    aipipe.gate_drop(regclass, bigint),
    aipipe.gate_pause(regclass, bigint),
    aipipe.gate_resume(regclass, bigint),
    aipipe.quarantine_release(bigint, jsonb),
    aipipe.quarantine_discard(bigint, text),
    aipipe.gate_drain(regclass, bigint),
    aipipe.prediction_prune(text, timestamptz)
TO PUBLIC;

-- The table that a gate watches now: the one that carries its triggers, else the recorded one.
CREATE OR REPLACE VIEW aipipe.gate WITH (security_barrier) AS
SELECT g.id,
       COALESCE(t.relation, pg_catalog.format('%I.%I', g.schema_name, g.relation_name)) AS relation,
       g.detector, g.timing, g.on_anomaly, g.threshold, g.score_column, g.on_error, g.on_update, g.children, g.reasons, g.explain_limit,
       CASE WHEN t.relation IS NULL THEN 'orphaned' ELSE g.state END AS state,
       g.owner, g.created_at, g.changed_at,
       t.uncovered_partitions, g.log_share AS log, g.log_always, g.log_key,
       NULLIF(g.profile_rows, 0) AS profile_rows,
       (SELECT COALESCE(pg_catalog.sum(q.rows), 0)::bigint FROM aipipe.gate_queue_data q WHERE q.gate OPERATOR(pg_catalog.=) g.id) AS waiting_rows
  FROM aipipe.gate_data g
  LEFT JOIN LATERAL (
       SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation,
              (SELECT pg_catalog.count(*)
                 FROM pg_catalog.pg_partition_tree(c.oid) p
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger leaf
                                   WHERE leaf.tgrelid OPERATOR(pg_catalog.=) p.relid
                                     AND leaf.tgname OPERATOR(pg_catalog.=) tr.tgname)) AS uncovered_partitions
         FROM pg_catalog.pg_trigger tr
         JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) tr.tgrelid
         JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE tr.tgfoid OPERATOR(pg_catalog.=) 'aipipe.gate_trigger()'::pg_catalog.regprocedure
          AND tr.tgargs OPERATOR(pg_catalog.=) (pg_catalog.convert_to(g.id::text, 'UTF8') OPERATOR(pg_catalog.||) '\x00'::bytea)
          AND (tr.tgtype::integer OPERATOR(pg_catalog.&) 1) OPERATOR(pg_catalog.=) 0
          AND (c.relowner OPERATOR(pg_catalog.=) g.table_owner::pg_catalog.oid OR
               (c.relname OPERATOR(pg_catalog.=) g.relation_name AND n.nspname OPERATOR(pg_catalog.=) g.schema_name AND
                EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) c.relowner AND r.rolsuper)))
        ORDER BY c.relname OPERATOR(pg_catalog.=) g.relation_name AND n.nspname OPERATOR(pg_catalog.=) g.schema_name DESC,
                 c.relispartition, c.oid
        LIMIT 1) t ON true
 WHERE g.state OPERATOR(pg_catalog.<>) 'dropped'
   AND pg_catalog.pg_has_role(g.owner, 'USAGE');
COMMENT ON VIEW aipipe.gate IS
    'Gates of roles that you are a member of; orphaned: its table is gone, or another role owns it now; uncovered_partitions: partitions into which a direct load is not judged by statement; threshold NULL: that of the version that serves a row; detector NULL: rows are counted and profiled, not judged; profile_rows: rows that a batch needs to be profiled; waiting_rows: landed, and not yet judged by gate_drain()';

CREATE OR REPLACE VIEW aipipe.batch WITH (security_barrier) AS
SELECT b.id, b.gate,
       pg_catalog.format('%I.%I', b.schema_name, b.relation_name) AS relation,
       b.event, b.role, b.started_at, b.duration_ms,
       b.rows, b.accepted, b.marked, b.quarantined, b.errors, b.error,
       b.score_min, b.score_mean, b.score_max, b.threshold, b.model, b.model_version,
       b.recorded, b.shadow_errors, b.shadow_error
  FROM aipipe.batch_data b
  JOIN aipipe.gate_data g ON g.id OPERATOR(pg_catalog.=) b.gate
 WHERE pg_catalog.pg_has_role(g.owner, 'USAGE');
COMMENT ON VIEW aipipe.batch IS 'Batches of your gates: one row for every statement that landed rows, with counts by decision and a summary of the scores';

CREATE OR REPLACE VIEW aipipe.decision WITH (security_barrier) AS
SELECT d.id, d.gate,
       pg_catalog.format('%I.%I', d.schema_name, d.relation_name) AS relation,
       d.batch, d.event, d.decision, d.key, d."row", d.score, d.threshold, d.reasons, d.model, d.model_version, d.role, d.decided_at
  FROM aipipe.decision_data d
  JOIN aipipe.gate_data g ON g.id OPERATOR(pg_catalog.=) d.gate
 WHERE pg_catalog.pg_has_role(g.owner, 'USAGE');
COMMENT ON VIEW aipipe.decision IS
    'Decisions of your gates other than accept: one row for every row image that was marked or quarantined, with its reasons';

CREATE OR REPLACE VIEW aipipe.quarantine WITH (security_barrier) AS
SELECT d.id, d.gate,
       pg_catalog.format('%I.%I', d.schema_name, d.relation_name) AS relation,
       d.batch, d."row", d.score, d.reasons, d.state, d.threshold, d.event, d.key, d.model, d.model_version, d.role, d.decided_at,
       d.resolved_at, d.resolved_by, d.correction, d.why
  FROM aipipe.decision_data d
  JOIN aipipe.gate_data g ON g.id OPERATOR(pg_catalog.=) d.gate
 WHERE d.decision OPERATOR(pg_catalog.=) 'quarantine'
   AND pg_catalog.pg_has_role(g.owner, 'USAGE');
COMMENT ON VIEW aipipe.quarantine IS 'Rows that your gates held back, whole, with their reasons and what became of them';

-- Keys are data of the gate's rows, so the right to predict with the model is not enough.
CREATE OR REPLACE VIEW aipipe.prediction WITH (security_barrier) AS
SELECT m.name AS model, p.version, p.gate, p.batch, p.key, p.prediction, p.served, p.at
  FROM aipipe.prediction_data p
  JOIN aipipe.model_data m ON m.id OPERATOR(pg_catalog.=) p.model_id
 WHERE m.id OPERATOR(pg_catalog.=) ANY (ARRAY(
           SELECT o.id FROM aipipe.model_data o
            WHERE pg_catalog.pg_has_role(o.owner, 'USAGE')
               OR EXISTS (SELECT FROM aipipe.model_grant_data r
                           WHERE r.model_id OPERATOR(pg_catalog.=) o.id AND r.privilege OPERATOR(pg_catalog.=) 'manage'
                             AND (r.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR pg_catalog.pg_has_role(r.grantee, 'USAGE')))))
    OR p.gate OPERATOR(pg_catalog.=) ANY (ARRAY(
           SELECT g.id FROM aipipe.gate_data g WHERE pg_catalog.pg_has_role(g.owner, 'USAGE')));
COMMENT ON VIEW aipipe.prediction IS
    'The prediction log: what each version said of recorded rows that landed, for members of the gate''s owner and for who may manage the model';

GRANT SELECT ON aipipe.gate, aipipe.batch, aipipe.decision, aipipe.quarantine, aipipe.prediction TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.quarantine_labels(relation regclass)
RETURNS TABLE (quarantine bigint, "row" jsonb, anomalous boolean, decided_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT q.id, q."row", q.state = 'discarded' OR q.correction IS NOT NULL, q.resolved_at
      FROM aipipe.quarantine q
     WHERE q.state <> 'held'
       AND q.relation = (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
                           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.oid = $1);
END;
COMMENT ON FUNCTION aipipe.quarantine_labels(regclass) IS
'what review said of the rows of a table that your gates held back: a row that was discarded or corrected was anomalous, one released as it came was not; labels to train a detector with';
GRANT EXECUTE ON FUNCTION aipipe.quarantine_labels(regclass) TO PUBLIC;

