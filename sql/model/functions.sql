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
       m.created_at
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
       a.rows, a.last_key, a.started_by, a.started_at, a.changed_at
FROM aipipe.apply_data a
JOIN aipipe.model_data m ON m.id = a.model_id
LEFT JOIN (pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace)
       ON r.relname = a.relation_name AND n.nspname = a.schema_name
LEFT JOIN pg_catalog.pg_roles s ON s.rolname = a.started_by
WHERE pg_catalog.pg_has_role(s.oid, 'USAGE') OR pg_catalog.pg_has_role(r.relowner, 'USAGE');
COMMENT ON VIEW aipipe.model_applies IS
'runs of aipipe.model_apply() that you or the owner of a table of yours started: how far each came; state stopped: cut off, to be continued by another CALL';
GRANT SELECT ON aipipe.model_applies TO PUBLIC;
