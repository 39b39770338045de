\echo Use "CREATE EXTENSION aipipe_test" to load this file. \quit

CREATE SCHEMA aipipe_test;
SET LOCAL search_path = aipipe_test;

-- A booster of the library, trained on seeded random data.  classes: 2 or more for multi:*.
CREATE FUNCTION train(objective text, booster text DEFAULT 'gbtree', classes int DEFAULT 0, categorical bool DEFAULT false,
                      rounds int DEFAULT 20, depth int DEFAULT 5, features int DEFAULT 6, nrows int DEFAULT 1000,
                      seed int DEFAULT 1, format text DEFAULT 'ubj', params text DEFAULT '') RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_train';

-- forest_read + forest_write; own reads an isolation forest.
CREATE FUNCTION canonical(model bytea, own bool DEFAULT false) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_canonical';

-- forest_read + forest_compile
CREATE FUNCTION compile(model bytea, own bool DEFAULT false) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_compile';

-- forest_open, and what it says
CREATE FUNCTION open(compiled bytea) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_open';

-- Scores one row with a compiled model.
CREATE FUNCTION score(compiled bytea, "row" float4[]) RETURNS float4[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_score';

-- Floats that differ from the library's in any bit, on hostile rows: margins of
-- the row path and of the block path, and values; against the library with the
-- canonical bytes and with the original ones.
CREATE FUNCTION parity(model bytea, nrows int DEFAULT 2000, seed int DEFAULT 1,
                       OUT compared bigint, OUT margin_row bigint, OUT margin_block bigint,
                       OUT margin_dense bigint, OUT margin_original bigint, OUT "values" bigint) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_parity';

-- The largest differences of contributions: their sum to the margin, each to
-- the library's and to those of the algorithm of Lundberg et al. in double precision, relative to the size of the margin (at least 1).
CREATE FUNCTION shap(model bytea, nrows int DEFAULT 50, seed int DEFAULT 1, library bool DEFAULT true,
                     OUT to_margin float8, OUT to_library float8, OUT to_paths float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_shap';

-- n mutants of a model through read, check, write, compile, open, score, explain;
-- with the library: what was accepted is also predicted by it from the canonical bytes.
CREATE FUNCTION mutate(model bytea, n int, seed int DEFAULT 1, library bool DEFAULT false,
                       OUT accepted int, OUT refused int, OUT other int, OUT different int,
                       OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_mutate';

-- n mutants of a compiled model, with a checksum that is right, through open and score.
CREATE FUNCTION mutate_compiled(compiled bytea, n int, seed int DEFAULT 1,
                                OUT accepted int, OUT refused int, OUT other int,
                                OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_mutate_compiled';

-- Nanoseconds of CPU per row, one thread: ours by rows and by blocks, the library's two batch calls and its call per row.
CREATE FUNCTION bench_kernel(model bytea, nrows int DEFAULT 20000,
                             OUT our_row float8, OUT our_block float8, OUT library_dmatrix float8,
                             OUT library_inplace float8, OUT library_row float8, OUT trees int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_kernel';

-- Nanoseconds of CPU per row, one thread: contributions to every output by us, by us with the algorithm of
-- Lundberg et al., by the library.
CREATE FUNCTION bench_shap(model bytea, nrows int DEFAULT 1000, OUT ours float8, OUT by_paths float8, OUT library float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_shap';

-- Milliseconds of CPU: reading the model, compiling, and opening the compiled form.
CREATE FUNCTION bench_load(model bytea, OUT read_ms float8, OUT write_ms float8, OUT compile_ms float8, OUT open_ms float8,
                           OUT compiled_bytes bigint) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_load';

-- A function that does nothing with a row: the floor of any function of a row.
CREATE FUNCTION noop("row" record) RETURNS float8
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'test_noop';

-- The library's call sequence for one row inside a backend: a DMatrix of one row, then predict; the booster is kept.
CREATE FUNCTION xgb_predict_row(model bytea, "row" record) RETURNS float8
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'test_xgb_predict_row';

-- The library's batch predict of seeded random rows with one thread: nanoseconds of CPU per row.
CREATE FUNCTION xgb_predict_batch(model bytea, nrows int DEFAULT 100000) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_xgb_predict_batch';

-- What source_resolve() makes of a source, as the current user.
CREATE FUNCTION source_describe(source text, OUT resolved text, OUT direct bool, OUT columns int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_source_describe';

-- Reads a source: the number of rows, and a hash over the values' text of its first column; stops after a number of rows.
CREATE FUNCTION source_read(source text, sample float8 DEFAULT 1, seed int DEFAULT 0, stop_after bigint DEFAULT -1,
                            OUT nrows bigint, OUT hash bigint) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_source_read';

-- Learns an encoder from a source as a training does; budget in bytes.
CREATE FUNCTION encoder_learn(source text, columns text[] DEFAULT '{}', exclude text[] DEFAULT '{}',
                              max_categories int DEFAULT 64, text_buckets int DEFAULT 8, budget bigint DEFAULT 0,
                              marks_unseen bool DEFAULT false, as_category text[] DEFAULT '{}') RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_learn';

-- encoder_bind + encoder_encode of one row
CREATE FUNCTION encoder_encode(encoder bytea, "row" record) RETURNS float4[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_encode';

-- Each column's value as people read it, and what training saw there.
CREATE FUNCTION encoder_show(encoder bytea, "row" record, OUT "column" text, OUT value text, OUT expected text) RETURNS SETOF record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_show';

-- encoder_range_text, or encoder_value_text when both ends are the same
CREATE FUNCTION encoder_range(encoder bytea, feature text, low float8, high float8) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_range';

-- encoder_describe
CREATE FUNCTION encoder_features(encoder bytea) RETURNS jsonb
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_features';

-- encoder_read + encoder_write
CREATE FUNCTION encoder_canonical(encoder bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_canonical';

-- n mutants of an encoder through read, write, describe, expect, telling values and encoding text.
CREATE FUNCTION encoder_mutate(encoder bytea, n int, seed int DEFAULT 1, OUT accepted int, OUT refused int, OUT other int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_encoder_mutate';

-- Seconds of CPU: reading a source, and the same with encoding into a matrix.
CREATE FUNCTION bench_encode(source text, marks_unseen bool DEFAULT false, OUT nrows bigint, OUT read_s float8, OUT encode_s float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_encode';

-- All metrics of predictions (row after row) against the truth, as JSON; one of them by name.
CREATE FUNCTION metrics(task text, "values" real[], labels real[], groups int[] DEFAULT NULL,
                        threshold float8 DEFAULT NULL, quantile float8 DEFAULT NULL) RETURNS text
LANGUAGE C AS 'MODULE_PATHNAME', 'test_metrics';
CREATE FUNCTION metric(task text, "values" real[], labels real[], groups int[], threshold float8, quantile float8,
                       name text) RETURNS float8
LANGUAGE C AS 'MODULE_PATHNAME', 'test_metric';

-- The bins of the probabilities of one class.
CREATE FUNCTION reliability(task text, "values" real[], labels real[], groups int[], threshold float8, quantile float8,
                            class int, bins int, by_quantile bool,
                            OUT lower float8, OUT upper float8, OUT nrows bigint, OUT mean_probability float8,
                            OUT observed_share float8) RETURNS SETOF record
LANGUAGE C AS 'MODULE_PATHNAME', 'test_reliability';

-- calibration_fit + calibration_write, and calibration_read + calibration_apply
CREATE FUNCTION calibration_fit(method text, nclasses int, proba real[], labels real[], weights real[] DEFAULT NULL) RETURNS text
LANGUAGE C AS 'MODULE_PATHNAME', 'test_calibration_fit';
CREATE FUNCTION calibration_apply(calibration text, proba real[]) RETURNS real[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_calibration_apply';

-- n mutants of a calibration through read and apply.
CREATE FUNCTION calibration_mutate(calibration text, n int, seed int DEFAULT 1, OUT accepted int, OUT refused int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_calibration_mutate';

-- threshold_parse + threshold_choose on probabilities of class 1
CREATE FUNCTION threshold(rule jsonb, proba real[], labels real[], weights real[] DEFAULT NULL) RETURNS float8
LANGUAGE C AS 'MODULE_PATHNAME', 'test_threshold';

-- learn/stats: "what" of its numbers; DeLong's test of two scores; a paired bootstrap of mean, root (of a mean) or auc.
CREATE FUNCTION stats(what text, numbers float8[]) RETURNS float8[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_stats';
CREATE FUNCTION stats_delong(first float8[], second float8[], labels float8[]) RETURNS float8[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_stats_delong';
CREATE FUNCTION stats_bootstrap(figure text, first float8[], second float8[], labels float8[], resamples int, seed int) RETURNS float8[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_stats_bootstrap';

-- What a split marks every row with: holdout, latest and groups 1 for held out; folds and slices their numbers.
CREATE FUNCTION split(how text, n int, amount float8, seed bigint DEFAULT 0, labels real[] DEFAULT NULL, nclasses int DEFAULT 0,
                      groups int[] DEFAULT NULL, times float8[] DEFAULT NULL) RETURNS int[]
LANGUAGE C AS 'MODULE_PATHNAME', 'test_split';

-- trainset_sort_groups: the rows, numbered from 0 on, in their new order
CREATE FUNCTION sort_groups(groups int[]) RETURNS int[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sort_groups';

-- A rule table's artifact compiled, and the number of rules in a compiled form.
CREATE FUNCTION rules_compile(artifact bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_rules_compile';
CREATE FUNCTION rules_open(compiled bytea) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_rules_open';

-- n mutants of a rule table's artifact, or of its compiled form with a checksum that is right, through read or open, score, explain and write.
CREATE FUNCTION rules_mutate(bytes bytea, compiled bool, n int, seed int DEFAULT 1,
                             OUT accepted int, OUT refused int, OUT other int, OUT different int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_rules_mutate';

-- The artifact of a detector of arrival times that learned three series of seeded arrivals, it compiled, and the number of series in a compiled form.
CREATE FUNCTION arrival_artifact(seed int) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_arrival_artifact';
CREATE FUNCTION arrival_compile(artifact bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_arrival_compile';
CREATE FUNCTION arrival_open(compiled bytea) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_arrival_open';

-- n mutants of a detector's artifact, or of its compiled form with a checksum that is right, through compile or open, every question, and write.
CREATE FUNCTION arrival_mutate(bytes bytea, compiled bool, n int, seed int DEFAULT 1,
                               OUT accepted int, OUT refused int, OUT other int, OUT different int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_arrival_mutate';

-- The artifact of a seasonal detector of three series of seeded values, it compiled, and the number of series in a compiled form.
CREATE FUNCTION series_artifact(seed int) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_series_artifact';
CREATE FUNCTION series_compile(artifact bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_series_compile';
CREATE FUNCTION series_open(compiled bytea) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_series_open';

-- n mutants of a detector's artifact, or of its compiled form with a checksum that is right, through compile or open, judge, learn and write.
CREATE FUNCTION series_mutate(bytes bytea, compiled bool, n int, seed int DEFAULT 1,
                              OUT accepted int, OUT refused int, OUT other int, OUT different int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_series_mutate';

-- Algorithm xgboost on seeded random rows f0, f1 and so on: the model, its effective parameters, the estimate of its memory, and
-- the scores of validation rows that it reported; taken: by how many bytes its memory grew at the peak.  labels: the objective whose labels the rows have; group_rows: rows a group.
CREATE FUNCTION learn(task text, labels text, params jsonb DEFAULT '{}', classes int DEFAULT 0, categorical bool DEFAULT false,
                      nrows int DEFAULT 1000, features int DEFAULT 6, seed int DEFAULT 1, weighted bool DEFAULT false,
                      nvalidation int DEFAULT 0, group_rows int DEFAULT 0,
                      OUT model bytea, OUT effective jsonb, OUT estimate bigint, OUT scores int, OUT last_score float8, OUT taken bigint) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_learn';

-- An algorithm's estimate of the memory that a training takes beside its data.
CREATE FUNCTION estimate(algorithm text, task text, params jsonb, nrows bigint, features int, nvalidation bigint DEFAULT 0,
                         classes int DEFAULT 0, weighted bool DEFAULT false) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_estimate';

-- An isolation forest's artifact: scores of rows near its thresholds (missing = share of missing values) in blocks and
-- row by row, against a recursion over its trees, and the sum of contributions; the largest differences relative to the score.
CREATE FUNCTION iforest_parity(artifact bytea, nrows int, missing float8, seed int DEFAULT 1, OUT pairs int, OUT compared int, OUT divided int,
                               OUT differ int, OUT to_recursion float8, OUT to_sum float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_iforest_parity';

-- n mutants of its artifact, or of its compiled form with checksums that are right.
CREATE FUNCTION iforest_mutate(artifact bytea, n int, seed int DEFAULT 1, OUT accepted int, OUT refused int, OUT other int,
                               OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_iforest_mutate';
CREATE FUNCTION iforest_mutate_compiled(artifact bytea, n int, seed int DEFAULT 1, OUT accepted int, OUT refused int, OUT other int,
                                        OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_iforest_mutate_compiled';

-- Nanoseconds of CPU a row: scoring in blocks, row by row, and explaining.
CREATE FUNCTION iforest_bench(artifact bytea, nrows int, missing float8, OUT block float8, OUT "row" float8, OUT explain float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_iforest_bench';

-- The bits of scores in a tail learned from others; the tail's fit; scores spread like the tail's; mutants of its artifact or compiled form.
CREATE FUNCTION tail(scores real[], at real[]) RETURNS float8[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tail';
CREATE FUNCTION tail_fit(scores real[], OUT points int, OUT threshold float8, OUT share float8, OUT scale float8, OUT shape float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tail_fit';
CREATE FUNCTION tail_sample(scores real[], n int) RETURNS real[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tail_sample';

CREATE FUNCTION tail_unseen(scores real[]) RETURNS float8[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tail_unseen';
CREATE FUNCTION tail_mutate(scores real[], compiled bool, n int, seed int DEFAULT 1, OUT accepted int, OUT refused int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tail_mutate';

-- What a profile reads of one value of any type; its order (-1, 0, 1); nanoseconds a value of an array.
CREATE FUNCTION value_read(value anyelement, OUT type text, OUT kind text, OUT number float8, OUT text text, OUT hash text, OUT bytes bigint,
                           OUT lazy bool) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_value_read';
CREATE FUNCTION value_compare(a anyelement, b anyelement) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_value_compare';
CREATE FUNCTION bench_value("values" anyarray, repeats int DEFAULT 5) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_value';

-- What a text looks like; n hostile texts, how many of which look like anything; nanoseconds a text.
CREATE FUNCTION look(value text, OUT characters int, OUT pattern text, OUT looks text) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_look';
CREATE FUNCTION look_fuzz(n int, seed int DEFAULT 1) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_look_fuzz';
CREATE FUNCTION bench_look("values" text[], repeats int DEFAULT 5) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_look';

-- Hints of a column: its sketch's bytes, name, type.
CREATE FUNCTION hints(sketch bytea, name text, type oid) RETURNS text[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_hints';

-- A detector's artifact (model_export) by the name of its algorithm: compiled; opened, which gives its features.
CREATE FUNCTION detector_compile(algorithm text, artifact bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_detector_compile';
CREATE FUNCTION detector_open(algorithm text, compiled bytea) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_detector_open';

-- n mutants of an artifact, or of a compiled form whose checksums are made right, through compile, open, margin, values, explain, cell.
CREATE FUNCTION detector_mutate(algorithm text, bytes bytea, compiled bool, n int, seed int DEFAULT 1,
                                OUT accepted int, OUT refused int, OUT other int, OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_detector_mutate';

-- Nanoseconds of CPU per row of a compiled detector on plain random numbers, one thread: in blocks of 64, one by one.
CREATE FUNCTION detector_bench(algorithm text, compiled bytea, nrows int DEFAULT 100000,
                               OUT block float8, OUT "row" float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_detector_bench';

-- Algorithm "cell_surprise" on a source that an encoder was learned from; without an encoder each is a column of numbers.  Gives the artifact.
CREATE FUNCTION surprise_train(encoder bytea, source text, params jsonb DEFAULT '{}', budget bigint DEFAULT 0) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_train';

-- More rows into an artifact.
CREATE FUNCTION surprise_refresh(encoder bytea, artifact bytea, source text, keep float8, params jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_refresh';

CREATE FUNCTION surprise_compile(artifact bytea) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_compile';

-- Margin and severity of an encoded row, what the contributions sum to, and the greatest difference to scoring it in blocks.
CREATE FUNCTION surprise_score(compiled bytea, "row" float4[], OUT margin float8, OUT severity float8, OUT contributions float8, OUT off float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_score';

-- Why each cell of an encoded row is strange.
CREATE FUNCTION surprise_cells(encoder bytea, compiled bytea, "row" float4[],
                               OUT "column" text, OUT bits float8, OUT expected text, OUT given text, OUT note text) RETURNS SETOF record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_cells';

-- n mutants of an artifact, or of a compiled form with a checksum that is right.
CREATE FUNCTION surprise_mutate(bytes bytea, compiled bool, n int, seed int DEFAULT 1,
                                OUT accepted int, OUT refused int, OUT other int, OUT different int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_surprise_mutate';

-- Seconds of CPU for learning random rows, nanoseconds a row for scoring them in blocks and row by row.
CREATE FUNCTION bench_surprise(nrows int, ncols int, categorical bool DEFAULT true, params jsonb DEFAULT '{}',
                               OUT train_s float8, OUT block_ns float8, OUT row_ns float8, OUT artifact int, OUT compiled int) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bench_surprise';

-- A compiled form behind its pad, mutated by a seed (0 = not), with checksums that are right.
CREATE FUNCTION seal(compiled bytea, pad int, seed int DEFAULT 0) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_seal';

-- Parts of sketches.  Quantiles: greatest rank error of 99 quantiles and of the shares below 99 true ones, of column `which` (0 to 125) in parts,
-- each stored and read when asked for; moments: relative errors; distinct: estimates of the whole, of parts merged, of the union of halves.
CREATE FUNCTION sketch_data_name(which int) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_data_name';
CREATE FUNCTION sketch_quantiles(which int, n int, parts int DEFAULT 1, stored bool DEFAULT false, seed int DEFAULT 1,
                                 OUT quantiles float8, OUT shares float8, OUT retained float8, OUT bytes float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_quantiles';
CREATE FUNCTION sketch_moments(which int, n int, seed int DEFAULT 1,
                               OUT mean float8, OUT variance float8, OUT m3 float8, OUT m4 float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_moments';
CREATE FUNCTION sketch_distinct(kind int, n int, times int DEFAULT 1, parts int DEFAULT 1, first int DEFAULT 0,
                                OUT whole float8, OUT merged float8, OUT "union" float8, OUT bytes float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_distinct';
CREATE FUNCTION sketch_minhash(n int, common int, first int DEFAULT 0,
                               OUT similarity float8, OUT exact float8, OUT held float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_minhash';
-- Nanoseconds of CPU a value: moments, quantiles, distinct, minhash, frequent, "all hashes" (the last three as a column uses them), of n values of
-- column `which` that have so many different hashes (0: all); hash_text and hash_bytes_extended of texts of that length.
CREATE FUNCTION sketch_bench(kernel text, which int, n int, "distinct" int DEFAULT 0) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_bench';
-- Frequent values of a column of one of 13 kinds (+ 20: all hashes meet at one place of the door): counts beyond their bounds, values of more than
-- 1 % that are missing; error and absent as shares of the count.
CREATE FUNCTION sketch_frequent(kind int, n int, parts int DEFAULT 1, stored bool DEFAULT false, seed int DEFAULT 1,
                                OUT wrong float8, OUT missed float8, OUT error float8, OUT absent float8, OUT bytes float8, OUT exact float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_frequent';
-- Mutants of a stored part (moments, quantiles, distinct, least, frequent) that saw n numbers; what bytes are, read as a part.
CREATE FUNCTION sketch_mutate(part text, n int, mutants int, seed int DEFAULT 1,
                              OUT accepted int, OUT refused int, OUT other int, OUT different int, OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_mutate';
CREATE FUNCTION sketch_part(part text, bytes bytea) RETURNS int
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_part';

-- Mutants of a whole sketch's bytes: refused, or answering everything.
CREATE FUNCTION sketch_whole(sketch bytea, n int, seed int DEFAULT 1,
                              OUT accepted int, OUT refused int, OUT other int, OUT different int, OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_whole';

-- The least and the greatest share of trials in which one bit of a text's hash changes with one bit of the text; a text's hash.
CREATE FUNCTION sketch_avalanche(length int, OUT lowest float8, OUT highest float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_avalanche';
CREATE FUNCTION sketch_hash(value text) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sketch_hash';

-- Mutants of a schedule: refused, or with slots that go forward from wherever one asks.
CREATE FUNCTION schedule_mutate(schedule text, n int, seed int DEFAULT 1,
                              OUT accepted int, OUT refused int, OUT other int, OUT different int, OUT longest_ms float8) RETURNS record
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_schedule_mutate';
