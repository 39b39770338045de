-- Models: the registry's tables.  Only C functions write them; people read the views in functions.sql.
-- There are no foreign keys: a parallel pg_restore fills an extension's tables in any order.  The C code
-- keeps what they would, by locking the model's row before anything that belongs to it changes.

CREATE TABLE aipipe.model_data (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    task         text NOT NULL,
    owner        regrole NOT NULL,
    last_version int NOT NULL DEFAULT 0,
    description  jsonb,
    shadowed     boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE aipipe.model_data IS 'Models: a named thing that was learned. Read it through the view aipipe.model.';
COMMENT ON COLUMN aipipe.model_data.description IS 'what aipipe.model_describe() said of purpose, limits and risks, for the model''s card';
COMMENT ON COLUMN aipipe.model_data.last_version IS 'highest version number ever given; numbers are not reused';
COMMENT ON COLUMN aipipe.model_data.shadowed IS 'whether the model has challengers or a split, so that a gate whose champion is alone asks no further';

CREATE TABLE aipipe.model_version_data (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id        bigint NOT NULL,
    version         int NOT NULL,
    algorithm       text NOT NULL,
    encoder         bytea NOT NULL,
    artifact        bytea NOT NULL,
    compiled        bytea NOT NULL,
    sha256          bytea NOT NULL,
    features        jsonb NOT NULL,
    params          jsonb NOT NULL,
    metrics         jsonb,
    classes         text[],
    source          text,
    source_resolved text,
    target          text,
    row_count       bigint,
    seed            bigint,
    cpu_seconds     float8,
    peak_bytes      bigint,
    library         text,
    calibration     text,
    threshold       float8,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE (model_id, version)
);
-- The compiled form is read in one piece by every backend that scores: no decompression on that path.
ALTER TABLE aipipe.model_version_data ALTER COLUMN compiled SET STORAGE EXTERNAL;
COMMENT ON TABLE aipipe.model_version_data IS 'Immutable versions of models. Read it through the view aipipe.model_version.';
COMMENT ON COLUMN aipipe.model_version_data.encoder IS 'the learned map from row to features, canonical JSON';
COMMENT ON COLUMN aipipe.model_version_data.artifact IS 'what the algorithm learned, canonical bytes';
COMMENT ON COLUMN aipipe.model_version_data.compiled IS 'the artifact compiled for scoring on this kind of machine, with a checksum of its own, behind a pad that aligns it';
COMMENT ON COLUMN aipipe.model_version_data.sha256 IS 'SHA-256 of encoder, artifact and calibration';
COMMENT ON COLUMN aipipe.model_version_data.calibration IS 'the learned map from the artifact''s probabilities to served ones, canonical JSON; NULL when there is none';
COMMENT ON COLUMN aipipe.model_version_data.threshold IS 'two classes: the positive one is predicted from this probability on, NULL means the most probable class; detectors: rows are flagged from this severity on, NULL means 0.999';

CREATE TABLE aipipe.model_alias_data (
    model_id   bigint NOT NULL,
    alias      text NOT NULL,
    version_id bigint NOT NULL,
    history_id bigint NOT NULL,
    PRIMARY KEY (model_id, alias)
);
CREATE INDEX model_alias_data_version_id_idx ON aipipe.model_alias_data (version_id);
COMMENT ON TABLE aipipe.model_alias_data IS 'What each alias of a model points to now. Read it through the view aipipe.model_alias.';
COMMENT ON COLUMN aipipe.model_alias_data.history_id IS 'the change in aipipe.model_alias_history_data that made it so';

CREATE TABLE aipipe.model_alias_history_data (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id    bigint NOT NULL,
    alias       text NOT NULL,
    action      text NOT NULL,
    old_version int,
    new_version int,
    previous_id bigint,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    why         text,
    evidence    jsonb
);
CREATE INDEX model_alias_history_data_model_id_idx ON aipipe.model_alias_history_data (model_id, alias, id);
COMMENT ON TABLE aipipe.model_alias_history_data IS 'Every change of an alias. Read it through the view aipipe.model_alias_history.';
COMMENT ON COLUMN aipipe.model_alias_history_data.previous_id IS 'the change that a rollback from here goes back to';
COMMENT ON COLUMN aipipe.model_alias_history_data.evidence IS 'the check that a promotion passed, and its result';

CREATE TABLE aipipe.model_grant_data (
    model_id   bigint NOT NULL,
    grantee    regrole NOT NULL,
    privilege  text NOT NULL,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (model_id, grantee, privilege)
);
COMMENT ON TABLE aipipe.model_grant_data IS 'Who besides its owner may use a model. Read it through the view aipipe.model_grants.';
COMMENT ON COLUMN aipipe.model_grant_data.grantee IS 'a role, or 0 (shown as -) for everybody';

CREATE TABLE aipipe.model_trial_data (
    model_id    bigint NOT NULL,
    version     int NOT NULL,
    trial       int NOT NULL,
    rung        int NOT NULL,
    params      jsonb NOT NULL,
    metric      text NOT NULL,
    scores      float8[] NOT NULL,
    mean        float8,
    resource    float8,
    cpu_seconds float8,
    state       text NOT NULL,
    error       text,
    PRIMARY KEY (model_id, version, trial, rung)
);
COMMENT ON TABLE aipipe.model_trial_data IS 'Trials of the hyper-parameter searches that led to versions. Read it through the view aipipe.model_trial.';

CREATE TABLE aipipe.model_split_data (
    model_id   bigint NOT NULL,
    version_id bigint NOT NULL,
    share      float8 NOT NULL,
    slots      int[] NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (model_id, version_id)
);
COMMENT ON TABLE aipipe.model_split_data IS 'Versions that serve a share of the row keys beside the champion. Read it through the view aipipe.model_split.';
COMMENT ON COLUMN aipipe.model_split_data.slots IS 'which of the million slots of keys are the version''s: first and end (exclusive) of each run, ascending';

CREATE TABLE aipipe.prediction_data (
    model_id   bigint NOT NULL,
    version    int NOT NULL,
    gate       bigint NOT NULL,
    batch      bigint NOT NULL,
    key        text NOT NULL,
    prediction float8,
    served     boolean NOT NULL,
    at         timestamptz NOT NULL
);
CREATE INDEX prediction_data_at_idx ON aipipe.prediction_data USING brin (at);
COMMENT ON TABLE aipipe.prediction_data IS 'Predictions that gates recorded, one row for every version and landed row. Read it through the view aipipe.prediction.';

CREATE TABLE aipipe.model_label_data (
    model_id   bigint NOT NULL,
    key        text NOT NULL,
    label      text NOT NULL,
    labeled_by text NOT NULL,
    labeled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (model_id, key)
);
COMMENT ON TABLE aipipe.model_label_data IS 'What turned out to be true of rows that were predicted, by their key. Read it through the view aipipe.model_labels.';

CREATE TABLE aipipe.apply_data (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id    bigint NOT NULL,
    version     int NOT NULL,
    schema_name text NOT NULL,
    relation_name text NOT NULL,
    column_name text NOT NULL,
    last_key    jsonb,
    rows        bigint NOT NULL DEFAULT 0,
    state       text NOT NULL,
    started_by  regrole NOT NULL,
    table_owner regrole NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON COLUMN aipipe.apply_data.table_owner IS 'who owned the table then: another role that takes the name of a dropped table does not see the keys of its rows';
COMMENT ON TABLE aipipe.apply_data IS 'Runs of aipipe.model_apply() and how far each came. Read it through the view aipipe.model_applies.';

SELECT pg_catalog.pg_extension_config_dump('aipipe.model_trial_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_split_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.prediction_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_label_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.apply_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.apply_data_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_version_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_alias_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_alias_history_data', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_grant_data', 'WHERE grantee::pg_catalog.oid OPERATOR(pg_catalog.=) 0 OR grantee::pg_catalog.oid IN (SELECT oid FROM pg_catalog.pg_roles)');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_data_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_version_data_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('aipipe.model_alias_history_data_id_seq', '');

