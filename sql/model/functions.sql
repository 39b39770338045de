-- Models: views and functions.

CREATE OR REPLACE FUNCTION aipipe.model_train(
    model text, task text, source text, target text DEFAULT NULL, features text[] DEFAULT NULL,
    algorithm text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_model_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_train(text, text, text, text, text[], text, jsonb) IS
'trains a new version of a model on a relation or SELECT and gives its number; the first version becomes champion';
GRANT EXECUTE ON FUNCTION aipipe.model_train(text, text, text, text, text[], text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_train_estimate(
    task text, source text, target text DEFAULT NULL, features text[] DEFAULT NULL,
    algorithm text DEFAULT NULL, params jsonb DEFAULT '{}',
    OUT row_count bigint, OUT feature_count int, OUT data_bytes bigint, OUT library_bytes bigint,
    OUT peak_bytes bigint, OUT limit_bytes bigint, OUT fits boolean)
RETURNS record
AS 'MODULE_PATHNAME', 'aipipe_model_train_estimate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION aipipe.model_train_estimate(text, text, text, text[], text, jsonb) IS
'reads a source once and says what memory training on it would take, and whether aipipe.train_max_memory allows that';
GRANT EXECUTE ON FUNCTION aipipe.model_train_estimate(text, text, text, text[], text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_predict(model text, "row" record, version int DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_model_predict' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION aipipe.model_predict(text, record, int) IS
'scores a row: probability of the positive class, predicted value, or severity of a detector (0 to 1)';
GRANT EXECUTE ON FUNCTION aipipe.model_predict(text, record, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_predict_class(model text, "row" record, version int DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'aipipe_model_predict_class' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION aipipe.model_predict_class(text, record, int) IS
'gives the class of a row: by the version''s threshold when it has one, else the most probable';
GRANT EXECUTE ON FUNCTION aipipe.model_predict_class(text, record, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_predict_proba(model text, "row" record, version int DEFAULT NULL)
RETURNS TABLE (class text, probability float8)
AS 'MODULE_PATHNAME', 'aipipe_model_predict_proba' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 2;
COMMENT ON FUNCTION aipipe.model_predict_proba(text, record, int) IS
'gives every class of a model with its probability for a row';
GRANT EXECUTE ON FUNCTION aipipe.model_predict_proba(text, record, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_predict_batch(
    model text, source text, key text DEFAULT NULL, version int DEFAULT NULL)
RETURNS TABLE (row_number bigint, key text, prediction float8)
AS 'MODULE_PATHNAME', 'aipipe_model_predict_batch' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION aipipe.model_predict_batch(text, text, text, int) IS
'scores every row of a relation or SELECT in blocks; key names the column that identifies a row in the result';
GRANT EXECUTE ON FUNCTION aipipe.model_predict_batch(text, text, text, int) TO PUBLIC;

CREATE OR REPLACE PROCEDURE aipipe.model_apply(
    model text, relation regclass, "column" name, version int DEFAULT NULL, batch_size int DEFAULT 10000, params jsonb DEFAULT '{}')
LANGUAGE C AS 'MODULE_PATHNAME', 'aipipe_model_apply';
COMMENT ON PROCEDURE aipipe.model_apply(text, regclass, name, int, int, jsonb) IS
'fills a column of a table with predictions in batches, with a commit after each; a CALL after one that was cut off goes on where that stopped';
GRANT EXECUTE ON PROCEDURE aipipe.model_apply(text, regclass, name, int, int, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_explain(model text, "row" record, version int DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution float8)
AS 'MODULE_PATHNAME', 'aipipe_model_explain' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION aipipe.model_explain(text, record, int) IS
'gives each column''s exact Shapley contribution to the margin of a row (TreeSHAP); the last row, (bias), completes the sum';
GRANT EXECUTE ON FUNCTION aipipe.model_explain(text, record, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_importance(model text, version int DEFAULT NULL)
RETURNS TABLE (feature text, gain float8, cover float8, weight float8)
AS 'MODULE_PATHNAME', 'aipipe_model_importance' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 20;
COMMENT ON FUNCTION aipipe.model_importance(text, int) IS
'gives total gain, total cover and number of splits of each feature';
GRANT EXECUTE ON FUNCTION aipipe.model_importance(text, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_evaluate(
    model text, source text, version int DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS jsonb
AS 'MODULE_PATHNAME', 'aipipe_model_evaluate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION aipipe.model_evaluate(text, text, int, jsonb) IS
'scores a source that holds the target column and gives the metrics of the task';
GRANT EXECUTE ON FUNCTION aipipe.model_evaluate(text, text, int, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_confusion(
    model text, source text, version int DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS TABLE (actual text, predicted text, "rows" bigint, share float8)
AS 'MODULE_PATHNAME', 'aipipe_model_confusion' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION aipipe.model_confusion(text, text, int, jsonb) IS
'scores a source that holds the target column and gives its confusion matrix: rows of each actual class by predicted class, and their share of the actual class';
GRANT EXECUTE ON FUNCTION aipipe.model_confusion(text, text, int, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_reliability(
    model text, source text, bins int DEFAULT 10, version int DEFAULT NULL, strategy text DEFAULT 'uniform',
    params jsonb DEFAULT '{}')
RETURNS TABLE (class text, bin int, lower float8, upper float8, "rows" bigint, mean_probability float8, observed_share float8)
AS 'MODULE_PATHNAME', 'aipipe_model_reliability' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10;
COMMENT ON FUNCTION aipipe.model_reliability(text, text, int, int, text, jsonb) IS
'scores a source that holds the target column and says whether the probabilities can be taken at their word: by bins, the mean probability beside the share of rows that are of the class';
GRANT EXECUTE ON FUNCTION aipipe.model_reliability(text, text, int, int, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_alias(model text, alias text, version int, why text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_alias' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_alias(text, text, int, text) IS
'points an alias of a model to a version; a NULL version removes the alias';
GRANT EXECUTE ON FUNCTION aipipe.model_alias(text, text, int, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_promote(model text, version int, why text DEFAULT NULL, only_if jsonb DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_promote' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_promote(text, int, text, jsonb) IS
'makes a version the champion: it serves from the next statement after commit; only_if is a test against the champion that it must pass';
GRANT EXECUTE ON FUNCTION aipipe.model_promote(text, int, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_test(
    model text, source text, version int, other_version int DEFAULT NULL, test text DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS jsonb
AS 'MODULE_PATHNAME', 'aipipe_model_test' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION aipipe.model_test(text, text, int, int, text, jsonb) IS
'tests whether a version is better than another (the champion) on a source that holds the target column: delong, mcnemar, bootstrap, paired_t';
GRANT EXECUTE ON FUNCTION aipipe.model_test(text, text, int, int, text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_rollback(model text, steps int DEFAULT 1, why text DEFAULT NULL)
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_model_rollback' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_rollback(text, int, text) IS
'makes the champion of that many promotions ago champion again and gives its version';
GRANT EXECUTE ON FUNCTION aipipe.model_rollback(text, int, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_split(model text, version int, share float8, why text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_split' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_split(text, int, float8, text) IS
'lets a version serve a share of the row keys in gates, the champion the rest; a share of 0 or NULL ends that';
GRANT EXECUTE ON FUNCTION aipipe.model_split(text, int, float8, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_drop(model text, version int DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_drop' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_drop(text, int) IS
'drops one version that no alias points to and that has no share of a split, or the whole model';
GRANT EXECUTE ON FUNCTION aipipe.model_drop(text, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_grant(model text, role text, privilege text DEFAULT 'predict')
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_grant' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_grant(text, text, text) IS
'lets a role (or public) predict with a model, or manage it; what the model learned from its owner''s rows becomes usable by that role';
GRANT EXECUTE ON FUNCTION aipipe.model_grant(text, text, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_revoke(model text, role text, privilege text DEFAULT 'predict')
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_revoke' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_revoke(text, text, text) IS
'takes back what model_grant gave';
GRANT EXECUTE ON FUNCTION aipipe.model_revoke(text, text, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_describe(model text, description jsonb)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_describe' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_describe(text, jsonb) IS
'sets what only a person can say about a model: its overview, users, use cases, limitations, risks, license and so on, for model_card';
GRANT EXECUTE ON FUNCTION aipipe.model_describe(text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_owner(model text, role text)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_owner' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_owner(text, text) IS
'gives a model to another role, of which the caller must be a member';
GRANT EXECUTE ON FUNCTION aipipe.model_owner(text, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_import(
    model text, artifact bytea, features text[], task text, classes text[] DEFAULT NULL)
RETURNS int
AS 'MODULE_PATHNAME', 'aipipe_model_import' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_import(text, bytea, text[], text, text[]) IS
'registers an XGBoost model (JSON or UBJ) as a new version; features names the row columns in the model''s order';
GRANT EXECUTE ON FUNCTION aipipe.model_import(text, bytea, text[], text, text[]) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_export(model text, version int DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'aipipe_model_export' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.model_export(text, int) IS
'gives a version''s artifact after checking its SHA-256: XGBoost JSON for algorithm xgboost';
GRANT EXECUTE ON FUNCTION aipipe.model_export(text, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_cache(
    OUT model text, OUT version int, OUT bytes bigint, OUT in_use int)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'aipipe_model_cache' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION aipipe.model_cache() IS
'lists the model versions that this backend keeps ready to score, most recently used first; only models that you may use';
GRANT EXECUTE ON FUNCTION aipipe.model_cache() TO PUBLIC;

-- which models that are is the function's business: it leaves out what the caller may not use
CREATE OR REPLACE VIEW aipipe.model_cache WITH (security_barrier) AS
SELECT c.model, c.version, c.bytes, c.in_use FROM aipipe.model_cache() c;
COMMENT ON VIEW aipipe.model_cache IS
'the model versions that this backend keeps ready to score, most recently used first; only models that the current role may use';
GRANT SELECT ON aipipe.model_cache TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_label(model text, key text, label text)
RETURNS void
AS 'MODULE_PATHNAME', 'aipipe_model_label' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION aipipe.model_label(text, text, text) IS
'says what turned out to be true of the row with that key; of a key that is labelled again the last label counts';
GRANT EXECUTE ON FUNCTION aipipe.model_label(text, text, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_label(model text, source text, key_column text, label_column text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'aipipe_model_label_source' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION aipipe.model_label(text, text, text, text) IS
'takes labels from a relation or SELECT and gives their number';
GRANT EXECUTE ON FUNCTION aipipe.model_label(text, text, text, text) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_compare(model text, params jsonb DEFAULT '{}')
RETURNS TABLE (version int, role text, predicted bigint, served bigint, labelled bigint,
               expected_share float8, served_share float8, srm_p_value float8,
               metric text, value float8, ci_low float8, ci_high float8,
               pairs bigint, test text, difference float8, difference_ci_low float8, difference_ci_high float8, p_value float8)
AS 'MODULE_PATHNAME', 'aipipe_model_compare' LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 5;
COMMENT ON FUNCTION aipipe.model_compare(text, jsonb) IS
'compares versions by the predictions that gates recorded and the labels that came later, and checks that a split serves the shares that it should';
GRANT EXECUTE ON FUNCTION aipipe.model_compare(text, jsonb) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_sample_size(
    first float8, second float8, alpha float8 DEFAULT 0.05, power float8 DEFAULT 0.8)
RETURNS float8
AS 'MODULE_PATHNAME', 'aipipe_model_sample_size' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.model_sample_size(float8, float8, float8, float8) IS
'gives the rows that each of two equal arms needs to tell two shares apart at level alpha with that power';
GRANT EXECUTE ON FUNCTION aipipe.model_sample_size(float8, float8, float8, float8) TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model WITH (security_barrier) AS
SELECT m.name, m.task, m.owner,
       c.version AS champion,
       (SELECT pg_catalog.count(*) FROM aipipe.model_version_data v WHERE v.model_id = m.id) AS versions,
       m.created_at, m.description
FROM aipipe.model_data m
LEFT JOIN (aipipe.model_alias_data a JOIN aipipe.model_version_data c ON c.id = a.version_id)
       ON a.model_id = m.id AND a.alias = 'champion'
WHERE pg_catalog.pg_has_role(m.owner::oid, 'USAGE')
   OR EXISTS (SELECT FROM aipipe.model_grant_data g
              WHERE g.model_id = m.id
                AND (g.grantee::oid = 0 OR pg_catalog.pg_has_role(g.grantee::oid, 'USAGE')));
COMMENT ON VIEW aipipe.model IS 'the models that the current role may use';
GRANT SELECT ON aipipe.model TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_version WITH (security_barrier) AS
SELECT m.name AS model, v.version, v.algorithm,
       ARRAY(SELECT a.alias FROM aipipe.model_alias_data a WHERE a.version_id = v.id ORDER BY a.alias) AS aliases,
       v.features, v.params, v.metrics, v.classes, v.source, v.source_resolved, v.target,
       v.row_count, v.seed, v.cpu_seconds, v.peak_bytes, v.library,
       pg_catalog.substring(v.calibration, '"method":"([a-z]+)"') AS calibration, v.threshold,
       pg_catalog.encode(v.sha256, 'hex') AS sha256,
       pg_catalog.length(v.artifact) AS artifact_bytes,
       pg_catalog.length(v.compiled) AS compiled_bytes,
       v.created_by, v.created_at
FROM aipipe.model_version_data v
JOIN aipipe.model_data m ON m.id = v.model_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_version IS 'versions of the models that the current role may use, with what each was learned from';
GRANT SELECT ON aipipe.model_version TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_alias WITH (security_barrier) AS
SELECT m.name AS model, a.alias, v.version
FROM aipipe.model_alias_data a
JOIN aipipe.model_data m ON m.id = a.model_id
JOIN aipipe.model_version_data v ON v.id = a.version_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_alias IS 'what each alias points to now';
GRANT SELECT ON aipipe.model_alias TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_alias_history WITH (security_barrier) AS
SELECT h.id, m.name AS model, h.alias, h.action, h.old_version, h.new_version, h.changed_by, h.changed_at, h.why, h.evidence
FROM aipipe.model_alias_history_data h
JOIN aipipe.model_data m ON m.id = h.model_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_alias_history IS 'every change of an alias: who, when, why, from which version to which, and the check that a promotion passed';
GRANT SELECT ON aipipe.model_alias_history TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_split WITH (security_barrier) AS
SELECT m.name AS model, v.version, s.share, s.changed_by, s.changed_at
FROM aipipe.model_split_data s
JOIN aipipe.model_data m ON m.id = s.model_id
JOIN aipipe.model_version_data v ON v.id = s.version_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_split IS 'which versions serve a share of the row keys in gates beside the champion';
GRANT SELECT ON aipipe.model_split TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_labels WITH (security_barrier) AS
SELECT m.name AS model, l.key, l.label, l.labeled_by, l.labeled_at
FROM aipipe.model_label_data l
JOIN aipipe.model_data m ON m.id OPERATOR(pg_catalog.=) l.model_id
WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE')
   OR EXISTS (SELECT FROM aipipe.model_grant_data g
              WHERE g.model_id OPERATOR(pg_catalog.=) m.id AND g.privilege OPERATOR(pg_catalog.=) 'manage'
                AND (g.grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
                     OR pg_catalog.pg_has_role(g.grantee::pg_catalog.oid, 'USAGE')));
COMMENT ON VIEW aipipe.model_labels IS
'late labels of the models that the current role may manage: what turned out to be true, by the row''s key';
GRANT SELECT ON aipipe.model_labels TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_grants WITH (security_barrier) AS
SELECT m.name AS model,
       CASE WHEN g.grantee::oid = 0 THEN 'public' ELSE g.grantee::text END AS grantee,
       g.privilege, g.granted_by, g.granted_at
FROM aipipe.model_grant_data g
JOIN aipipe.model_data m ON m.id = g.model_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_grants IS 'who besides its owner may use a model';
GRANT SELECT ON aipipe.model_grants TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_feature WITH (security_barrier) AS
SELECT v.model, v.version, f.ordinality::int AS number,
       f.value ->> 'feature' AS feature, f.value ->> 'column' AS "column",
       f.value ->> 'type' AS column_type, f.value ->> 'kind' AS kind
FROM aipipe.model_version v
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(v.features) WITH ORDINALITY AS f (value, ordinality);
COMMENT ON VIEW aipipe.model_feature IS 'which column became which features of a version';
GRANT SELECT ON aipipe.model_feature TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_trial WITH (security_barrier) AS
SELECT m.name AS model, t.version, t.trial, t.rung, t.params, t.metric, t.scores, t.mean, t.resource,
       t.cpu_seconds, t.state, t.error
FROM aipipe.model_trial_data t
JOIN aipipe.model_data m ON m.id = t.model_id
WHERE m.name IN (SELECT name FROM aipipe.model);
COMMENT ON VIEW aipipe.model_trial IS 'every trial of the searches that chose parameters of versions; the greater rung is the later one of successive halving';
GRANT SELECT ON aipipe.model_trial TO PUBLIC;

CREATE OR REPLACE VIEW aipipe.model_applies WITH (security_barrier) AS
SELECT a.id, m.name AS model, a.version, pg_catalog.format('%I.%I', a.schema_name, a.relation_name) AS relation,
       a.column_name AS "column",
       CASE WHEN a.state <> 'running' THEN a.state
            WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (
                SELECT FROM pg_catalog.pg_locks l
                JOIN pg_catalog.pg_attribute t ON t.attrelid = l.objid AND t.attnum = l.objsubid
                WHERE l.locktype = 'object' AND l.mode = 'ExclusiveLock' AND l.granted
                  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                  AND l.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  AND l.objid = r.oid AND t.attname = a.column_name) THEN 'running'
            ELSE 'stopped' END AS state,
       a.rows, a.last_key, a.started_by::pg_catalog.text AS started_by, a.started_at, a.changed_at
FROM aipipe.apply_data a
JOIN aipipe.model_data m ON m.id = a.model_id
LEFT JOIN (pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace)
       ON r.relname = a.relation_name AND n.nspname = a.schema_name
WHERE pg_catalog.pg_has_role(a.started_by::pg_catalog.oid, 'USAGE')
   OR (r.relowner = a.table_owner::pg_catalog.oid AND pg_catalog.pg_has_role(r.relowner, 'USAGE'));
COMMENT ON VIEW aipipe.model_applies IS
'runs of aipipe.model_apply() that you or the owner of a table of yours started: how far each came; state stopped: cut off, to be continued by another CALL';
GRANT SELECT ON aipipe.model_applies TO PUBLIC;

-- The model card: everything that is known of a version, in the shape of the Model Card Toolkit's schema
-- 0.0.2.  Where that has no place for a fact (lineage, history, parameters), an object has a member more.
CREATE OR REPLACE FUNCTION aipipe.model_card(model text, version int DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $card$
DECLARE
    utc CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS"Z"';
    m aipipe.model%ROWTYPE;
    v aipipe.model_version%ROWTYPE;
    said jsonb;
    imported boolean;
    inputs jsonb;
    history jsonb;
    metrics jsonb;
    limitations jsonb;
    outputs text;
BEGIN
    IF model_card.model IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'argument "model" must not be NULL';
    END IF;
    SELECT x.* INTO m FROM aipipe.model x WHERE x.name = model_card.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('model "%s" does not exist', model_card.model),
            HINT = 'The view aipipe.model lists the models that you may use.';
    END IF;
    SELECT x.* INTO v FROM aipipe.model_version x
    WHERE x.model = m.name AND x.version = COALESCE(model_card.version, m.champion);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('version %s of model "%s" does not exist', model_card.version, m.name),
            HINT = 'The view aipipe.model_version lists the versions.';
    END IF;
    said := COALESCE(m.description, '{}');
    imported := v.source IS NULL;

    SELECT jsonb_agg(jsonb_build_object('key', f."column", 'value', format('%s, as %s', f.column_type, f.kind)) ORDER BY f.number)
      INTO inputs
      FROM (SELECT x."column", min(x.column_type) AS column_type, min(x.kind) AS kind, min(x.number) AS number
              FROM aipipe.model_feature x WHERE x.model = m.name AND x.version = v.version GROUP BY x."column") f;
    SELECT jsonb_agg(jsonb_build_object('alias', h.alias, 'action', h.action, 'old_version', h.old_version,
                                        'new_version', h.new_version, 'changed_by', h.changed_by,
                                        'changed_at', to_char(h.changed_at AT TIME ZONE 'UTC', utc), 'why', h.why) ORDER BY h.id)
      INTO history
      FROM aipipe.model_alias_history h
     WHERE h.model = m.name AND v.version IN (h.old_version, h.new_version);
    SELECT jsonb_agg(jsonb_build_object('type', x.key, 'value', x.value #>> '{}', 'slice', x.slice) ORDER BY x.slice COLLATE "C", x.key COLLATE "C")
      INTO metrics
      FROM (SELECT e.key, e.value, 'held-out rows' AS slice FROM jsonb_each(v.metrics) e
            UNION ALL
            SELECT e.key, e.value, format('held-out rows of class %s', c.key)
              FROM jsonb_each(v.metrics -> 'per_class') c CROSS JOIN LATERAL jsonb_each(c.value) e) x
     WHERE jsonb_typeof(x.value) IN ('number', 'string', 'boolean');
    SELECT jsonb_agg(jsonb_build_object('description', l.text) ORDER BY l.number)
      INTO limitations
      FROM (SELECT 0 AS source, x.number, x.text FROM jsonb_array_elements_text(said -> 'limitations') WITH ORDINALITY x (text, number)
            UNION ALL
            SELECT 1, 1000, 'It was imported: what it was learned from is not known here.' WHERE imported
            UNION ALL
            SELECT 1, 1001, 'Nothing was measured on rows that it did not learn from.' WHERE metrics IS NULL
            UNION ALL
            SELECT 1, 1002, 'A value that training did not see in a column of categories counts as missing.'
             WHERE EXISTS (SELECT FROM aipipe.model_feature x WHERE x.model = m.name AND x.version = v.version AND x.kind = 'category')
            UNION ALL
            SELECT 1, 1003, 'A severity says how few of the rows that it learned from look stranger, not that a row is wrong.'
             WHERE m.task = 'anomaly') l;
    outputs := CASE m.task
        WHEN 'classification' THEN format('probability of each of %s classes', cardinality(v.classes))
        WHEN 'anomaly' THEN 'severity, 0 to 1: the share of training rows that look more normal'
        WHEN 'ranking' THEN 'a number that orders the rows of a group'
        WHEN 'series' THEN 'strangeness of a value in its series, 0 to 1: one minus the p-value'
        WHEN 'arrival' THEN 'strangeness of an arrival time, 0 to 1: one minus the p-value'
        ELSE 'a number' END;

    RETURN jsonb_strip_nulls(jsonb_build_object(
        'schema_version', '0.0.2',
        'model_details', jsonb_build_object(
            'name', m.name,
            'overview', COALESCE(said ->> 'overview',
                format('%s by %s%s, %s.', initcap(m.task), v.algorithm, CASE WHEN v.target IS NULL THEN '' ELSE format(' of "%s"', v.target) END,
                       CASE WHEN imported THEN 'imported' ELSE format('learned from %s rows', v.row_count) END)),
            'documentation', said ->> 'documentation',
            'owners', jsonb_build_array(jsonb_build_object('name', m.owner::text, 'contact', said ->> 'contact')),
            'version', jsonb_build_object('name', v.version::text,
                                          'date', to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')),
            'licenses', CASE WHEN said ? 'license'
                             THEN jsonb_build_array(jsonb_build_object('identifier', said ->> 'license')) END,
            'references', (SELECT jsonb_agg(jsonb_build_object('reference', x.text) ORDER BY x.number)
                             FROM jsonb_array_elements_text(said -> 'references') WITH ORDINALITY x (text, number)),
            'task', m.task,
            'aliases', to_jsonb(v.aliases),
            'lineage', jsonb_build_object(
                'created_by', v.created_by, 'created_at', to_char(v.created_at AT TIME ZONE 'UTC', utc),
                'source', v.source, 'source_resolved', v.source_resolved, 'target', v.target, 'rows', v.row_count,
                'seed', v.seed, 'library', v.library, 'sha256', v.sha256, 'artifact_bytes', v.artifact_bytes,
                'cpu_seconds', v.cpu_seconds, 'peak_bytes', v.peak_bytes),
            'history', history),
        'model_parameters', jsonb_build_object(
            'model_architecture', v.algorithm,
            'data', jsonb_build_array(jsonb_build_object(
                'name', CASE WHEN imported THEN 'not known' ELSE v.source END,
                'description', CASE WHEN imported THEN 'The version was imported.'
                    ELSE format('%s rows, read with the rights of role %s', v.row_count, v.created_by) END,
                'sensitive', CASE WHEN said ? 'sensitive' THEN jsonb_build_object('sensitive_data', said -> 'sensitive') END)),
            'input_format', 'one row, bound by column name; NULL is missing',
            'input_format_map', inputs,
            'output_format', outputs,
            'output_format_map', (SELECT jsonb_agg(jsonb_build_object('key', format('class %s', x.number), 'value', x.text) ORDER BY x.number)
                                    FROM unnest(v.classes) WITH ORDINALITY x (text, number)),
            'parameters', v.params, 'calibration', v.calibration, 'threshold', v.threshold),
        'quantitative_analysis', jsonb_build_object('performance_metrics', metrics),
        'considerations', jsonb_build_object(
            'users', (SELECT jsonb_agg(jsonb_build_object('description', x.text) ORDER BY x.number)
                        FROM jsonb_array_elements_text(said -> 'users') WITH ORDINALITY x (text, number)),
            'use_cases', (SELECT jsonb_agg(jsonb_build_object('description', x.text) ORDER BY x.number)
                            FROM jsonb_array_elements_text(said -> 'use_cases') WITH ORDINALITY x (text, number)),
            'limitations', limitations,
            'tradeoffs', (SELECT jsonb_agg(jsonb_build_object('description', x.text) ORDER BY x.number)
                            FROM jsonb_array_elements_text(said -> 'tradeoffs') WITH ORDINALITY x (text, number)),
            'ethical_considerations', (SELECT jsonb_agg(jsonb_build_object('name', x.text) ORDER BY x.number)
                                         FROM jsonb_array_elements_text(said -> 'risks') WITH ORDINALITY x (text, number)))));
END
$card$;
COMMENT ON FUNCTION aipipe.model_card(text, int) IS
'gives all that is known of a version (what it is, data, features, metrics, limits, lineage) as a model card of the Model Card Toolkit''s schema';
GRANT EXECUTE ON FUNCTION aipipe.model_card(text, int) TO PUBLIC;

CREATE OR REPLACE FUNCTION aipipe.model_card_markdown(model text, version int DEFAULT NULL)
RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $markdown$
DECLARE
    card CONSTANT jsonb := aipipe.model_card(model_card_markdown.model, model_card_markdown.version);
    details CONSTANT jsonb := card -> 'model_details';
    lineage CONSTANT jsonb := details -> 'lineage';
    cell CONSTANT text := '[\\|*_`<>\[\]]';     -- what would be read as markup
    out text;
    part record;
BEGIN
    out := format(E'# %s, version %s\n\n%s\n', regexp_replace(details ->> 'name', cell, '\\\&', 'g'),
                  details #>> '{version,name}', regexp_replace(details ->> 'overview', cell, '\\\&', 'g'));
    IF details ? 'documentation' THEN
        out := out || format(E'\n%s\n', details ->> 'documentation');
    END IF;
    FOR part IN
        SELECT s.number, s.title, string_agg(format(E'| %s | %s |\n',
                   regexp_replace(regexp_replace(s.key, '\s+', ' ', 'g'), cell, '\\\&', 'g'),
                   regexp_replace(regexp_replace(s.value, '\s+', ' ', 'g'), cell, '\\\&', 'g')), '' ORDER BY s.row) AS rows
          FROM (
            SELECT 1.0 AS number, 'What it is' AS title, x.row, x.key, x.value
              FROM (VALUES (1, 'task', details ->> 'task'),
                           (2, 'algorithm', card #>> '{model_parameters,model_architecture}'),
                           (3, 'gives', card #>> '{model_parameters,output_format}'),
                           (4, 'classes', (SELECT string_agg(c ->> 'value', ', ') FROM jsonb_array_elements(card #> '{model_parameters,output_format_map}') c)),
                           (9, 'threshold', card #>> '{model_parameters,threshold}'),
                           (5, 'aliases', (SELECT string_agg(a, ', ') FROM jsonb_array_elements_text(details -> 'aliases') a)),
                           (6, 'owner', details #>> '{owners,0,name}'),
                           (7, 'contact', details #>> '{owners,0,contact}'),
                           (8, 'license', details #>> '{licenses,0,identifier}')) x (row, key, value)
            UNION ALL
            SELECT 2, 'Data and lineage', x.row, x.key, x.value
              FROM (VALUES (1, 'source', lineage ->> 'source'), (2, 'as resolved', lineage ->> 'source_resolved'),
                           (3, 'target', lineage ->> 'target'), (4, 'rows', lineage ->> 'rows'),
                           (5, 'sensitive', (SELECT string_agg(t, ', ') FROM jsonb_array_elements_text(card #> '{model_parameters,data,0,sensitive,sensitive_data}') t)),
                           (6, 'created by', lineage ->> 'created_by'), (7, 'created at', lineage ->> 'created_at'),
                           (8, 'library', lineage ->> 'library'), (9, 'seed', lineage ->> 'seed'),
                           (10, 'SHA-256', lineage ->> 'sha256')) x (row, key, value)
            UNION ALL
            SELECT 3, 'Columns', x.number, x.value ->> 'key', x.value ->> 'value'
              FROM jsonb_array_elements(card #> '{model_parameters,input_format_map}') WITH ORDINALITY x (value, number)
            UNION ALL
            SELECT 4, 'Metrics on held-out rows', x.number,
                   concat(x.value ->> 'type', substr(x.value ->> 'slice', length('held-out rows') + 1)), x.value ->> 'value'
              FROM jsonb_array_elements(card #> '{quantitative_analysis,performance_metrics}') WITH ORDINALITY x (value, number)
            UNION ALL
            SELECT 5, 'Parameters', row_number() OVER (ORDER BY x.key COLLATE "C"), x.key, x.value #>> '{}'
              FROM jsonb_each(card #> '{model_parameters,parameters}') x
            UNION ALL
            SELECT 7, 'History', x.number, concat_ws(' ', x.value ->> 'changed_at', x.value ->> 'changed_by'),
                   concat_ws(', ', concat_ws(' ', x.value ->> 'action', x.value ->> 'alias',
                             CASE WHEN x.value ? 'old_version' THEN 'from ' || (x.value ->> 'old_version') END,
                             CASE WHEN x.value ? 'new_version' THEN 'to ' || (x.value ->> 'new_version') END), x.value ->> 'why')
              FROM jsonb_array_elements(details -> 'history') WITH ORDINALITY x (value, number)) s
         WHERE s.value IS NOT NULL
         GROUP BY s.number, s.title
        UNION ALL
        SELECT 6 + s.number / 10.0, s.title, string_agg(format(E'- %s\n', regexp_replace(regexp_replace(s.text, '\s+', ' ', 'g'), cell, '\\\&', 'g')), '' ORDER BY s.row)
          FROM (SELECT k.title, k.number, x.number AS row, COALESCE(x.value ->> 'description', x.value ->> 'name', x.value ->> 'reference') AS text
                  FROM (VALUES (1, 'Users', card #> '{considerations,users}'), (2, 'Use cases', card #> '{considerations,use_cases}'),
                               (3, 'Limitations', card #> '{considerations,limitations}'), (4, 'Trade-offs', card #> '{considerations,tradeoffs}'),
                               (5, 'Risks', card #> '{considerations,ethical_considerations}'),
                               (6, 'References', details -> 'references')) k (number, title, list)
                 CROSS JOIN LATERAL jsonb_array_elements(k.list) WITH ORDINALITY x (value, number)) s
         GROUP BY s.title, s.number
         ORDER BY 1
    LOOP
        out := out || format(E'\n## %s\n\n%s%s', part.title, CASE WHEN part.number = trunc(part.number) THEN E'| | |\n|---|---|\n' ELSE '' END, part.rows);
    END LOOP;
    RETURN out;
END
$markdown$;
COMMENT ON FUNCTION aipipe.model_card_markdown(text, int) IS
'gives the model card of a version as Markdown';
GRANT EXECUTE ON FUNCTION aipipe.model_card_markdown(text, int) TO PUBLIC;
