-- Metrics against what scikit-learn 1.2.1 gives for the same numbers, computed once in float64 from the same float32.
SET search_path = aipipe_test, public;

-- two classes: scores in steps of a hundredth, so with many ties, 0 and 1 among them
CREATE TEMP TABLE binary_row AS
SELECT i, (i * 37 % 101 / 100.0)::real AS p, (i * 53 % 97 < 20 + i * 37 % 101 * 0.5)::int::real AS y FROM generate_series(1, 400) i;
CREATE TEMP TABLE binary_data AS
SELECT (SELECT array_agg(v ORDER BY i, o) FROM binary_row, unnest(ARRAY[(1 - p)::real, p]) WITH ORDINALITY u(v, o)) AS p,
       (SELECT array_agg(y ORDER BY i) FROM binary_row) AS y;
CREATE TEMP TABLE binary_metrics AS
SELECT metrics('classification', p, y)::jsonb AS m, metrics('classification', p, y, threshold => 0.3::real)::jsonb AS low FROM binary_data;
-- accuracy_score, balanced_accuracy_score, f1_score, precision_score, recall_score, matthews_corrcoef of p > 0.5; log_loss,
-- brier_score_loss, roc_auc_score, average_precision_score of p; ece: |mean of p - mean of y| by the bins of
-- calibration_curve(n_bins=10), weighted by their rows
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM binary_metrics, (VALUES
    ('log_loss', 1.066601809786972), ('accuracy', 0.6025), ('balanced_accuracy', 0.6025351688858798),
    ('brier', 0.27567349982143957), ('ece', 0.16829999979585408), ('auc', 0.6174427643621956),
    ('pr_auc', 0.5579477312111107), ('f1', 0.5891472868217055), ('precision', 0.5757575757575758),
    ('recall', 0.6031746031746031), ('mcc', 0.20477017272981976), ('base_rate', 0.4725)) e(name, expected);
-- the same of p >= 0.3: decisions follow the threshold, curves and losses do not
SELECT name, abs((low ->> name)::float8 - expected) < 1e-9 AS equal
FROM binary_metrics, (VALUES
    ('accuracy', 0.5525), ('balanced_accuracy', 0.5639685047267986), ('f1', 0.6199575371549895),
    ('precision', 0.5177304964539007), ('recall', 0.7724867724867724), ('mcc', 0.1400563379672331),
    ('auc', 0.6174427643621956), ('pr_auc', 0.5579477312111107), ('log_loss', 1.066601809786972)) e(name, expected);
-- confusion_matrix, and the same by class
SELECT m -> 'confusion' AS half, low -> 'confusion' AS low FROM binary_metrics;
SELECT class, round(precision::numeric, 9) AS precision, round(recall::numeric, 9) AS recall, round(f1::numeric, 9) AS f1, support
FROM binary_metrics, jsonb_each(m -> 'per_class') c(class, v),
     jsonb_to_record(v) r(precision float8, recall float8, f1 float8, support int);
-- an area under decisions instead of probabilities would be balanced accuracy
SELECT m -> 'auc' <> m -> 'balanced_accuracy' AS on_probabilities FROM binary_metrics;

-- bins: calibration_curve(y, p, n_bins=7, strategy)
SELECT strategy, bool_and(abs(b.mean_probability - e.mean) < 1e-9) AS mean_probability,
       bool_and(abs(b.observed_share - e.observed) < 1e-9) AS observed_share, sum(nrows) AS rows, count(*) AS bins
FROM (VALUES
    ('uniform', ARRAY[0.07118644022335441, 0.21400000019506973, 0.3549999999148505, 0.4999999980131785, 0.6450909072702581, 0.7850000006811959, 0.9303389858391325],
                ARRAY[0.3050847457627119, 0.43636363636363634, 0.375, 0.43333333333333335, 0.5454545454545454, 0.6428571428571429, 0.576271186440678]),
    ('quantile', ARRAY[0.07118644022335441, 0.21915254198898704, 0.3650000010217939, 0.5049999973603657, 0.6450909072702581, 0.7900000015894572, 0.9354545474052429],
                 ARRAY[0.3050847457627119, 0.423728813559322, 0.375, 0.44642857142857145, 0.5454545454545454, 0.65, 0.5636363636363636])) s(strategy, means, shares),
     binary_data d,
     reliability('classification', d.p, d.y, NULL, NULL, NULL, 1, 7, strategy = 'quantile') WITH ORDINALITY b(lower, upper, nrows, mean_probability, observed_share, n),
     unnest(means, shares) WITH ORDINALITY e(mean, observed, n)
WHERE b.n = e.n GROUP BY strategy ORDER BY strategy DESC;
-- a probability on a bound belongs to the bin below; empty bins have no mean
SELECT * FROM reliability('classification', '{0.5,0.5,1,0}', '{1,0}', NULL, NULL, NULL, 1, 4, false);
SELECT * FROM reliability('classification', '{0.5,0.5,0.5,0.5}', '{1,0}', NULL, NULL, NULL, 1, 2, true);

-- three classes: the same with average='macro' and multi_class='ovr'; average_precision_score of label_binarize(y);
-- brier: sum over the classes, mean over the rows; ece: mean over the classes
CREATE TEMP TABLE multi_row AS
SELECT i, ((i * 7 % 31 + 1) / 64.0)::real AS a, ((i * 11 % 29 + 1) / 64.0)::real AS b, (i * 5 % 7 % 3)::real AS y FROM generate_series(1, 400) i;
CREATE TEMP TABLE multi_data AS
SELECT (SELECT array_agg(v ORDER BY i, o) FROM multi_row, unnest(ARRAY[a, b, (1 - a - b)::real]) WITH ORDINALITY u(v, o)) AS p,
       (SELECT array_agg(y ORDER BY i) FROM multi_row) AS y;
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM multi_data, metrics('classification', p, y) t, CAST(t AS jsonb) m,
     (VALUES ('log_loss', 1.3939974289484016), ('accuracy', 0.315), ('balanced_accuracy', 0.3351216204763115),
             ('brier', 0.81026611328125), ('ece', 0.18140625), ('auc', 0.5037980584455658), ('pr_auc', 0.33709917432704833),
             ('f1', 0.2727884046347148), ('precision', 0.33218633218633214), ('recall', 0.3351216204763115),
             ('mcc', 0.004750464134499287)) e(name, expected);
-- confusion_matrix and precision_recall_fscore_support
SELECT m -> 'confusion' AS confusion FROM multi_data, metrics('classification', p, y) t, CAST(t AS jsonb) m;
SELECT class, round(precision::numeric, 9) AS precision, round(recall::numeric, 9) AS recall, round(f1::numeric, 9) AS f1, support
FROM multi_data, metrics('classification', p, y) t, jsonb_each(t::jsonb -> 'per_class') c(class, v),
     jsonb_to_record(v) r(precision float8, recall float8, f1 float8, support int);

-- values; quantile_loss: mean_pinball_loss(alpha=0.9)
CREATE TEMP TABLE value_data AS
SELECT array_agg((i * 29 % 211 / 8.0)::real ORDER BY i) AS v, array_agg((i * 31 % 223 / 8.0 + 0.5)::real ORDER BY i) AS y
FROM generate_series(1, 400) i;
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM value_data, metrics('regression', v, y, quantile => 0.9) t, CAST(t AS jsonb) m,
     (VALUES ('rmse', 11.668512316808), ('mae', 10.3803125), ('median_absolute_error', 10.375), ('r2', -1.1150115708171175),
             ('mape', 1.9435290444703144), ('mean_error', -1.1884375), ('quantile_loss', 5.66553125)) e(name, expected);

-- groups of 13 and one of 10, scores with ties, some groups without a relevant row: means of ndcg_score() and
-- average_precision_score() (relevance above 0) over the groups, 0 for those
CREATE TEMP TABLE rank_data AS
SELECT array_agg((i * 17 % 29 / 16.0)::real ORDER BY i) AS v, array_agg((i - 1) / 13 ORDER BY i) AS g,
       array_agg(CASE WHEN (i - 1) / 13 % 5 = 3 THEN 0 ELSE i * 19 % 23 % 5 END::real ORDER BY i) AS y FROM generate_series(1, 400) i;
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM rank_data, metrics('ranking', v, y, g) t, CAST(t AS jsonb) m,
     (VALUES ('ndcg', 0.6175488270290914), ('ndcg@10', 0.523861243734815), ('map', 0.6707363769155068), ('groups', 31)) e(name, expected);
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM rank_data, metrics('ranking', v, y) t, CAST(t AS jsonb) m,
     (VALUES ('ndcg', 0.7971696760947332), ('ndcg@10', 0.32142857142857145), ('groups', 1)) e(name, expected);

-- one by name is the one of all
SELECT name, metric('classification', p, y, NULL, NULL, NULL, name) = (m ->> name)::float8 AS equal
FROM binary_data, binary_metrics, unnest('{log_loss,accuracy,balanced_accuracy,brier,ece,auc,pr_auc,f1,precision,recall,mcc}'::text[]) name;
SELECT name, metric('regression', v, y, NULL, NULL, 0.9, name) = (m ->> name)::float8 AS equal
FROM value_data, metrics('regression', v, y, quantile => 0.9) t, CAST(t AS jsonb) m,
     unnest('{rmse,mae,median_absolute_error,r2,mape,quantile_loss}'::text[]) name;
SELECT abs(metric('regression', v, y, NULL, NULL, NULL, 'quantile_loss') - 5.19015625) < 1e-9 AS median FROM value_data;
SELECT name, metric('ranking', v, y, g, NULL, NULL, name) = (m ->> name)::float8 AS equal
FROM rank_data, metrics('ranking', v, y, g) t, CAST(t AS jsonb) m, unnest('{ndcg,ndcg@10,map}'::text[]) name;
SELECT metric('classification', '{0.5,0.5}', '{1}', NULL, NULL, NULL, 'roc_auc');
SELECT metric('classification', '{0.5,0.5}', '{1}', NULL, NULL, NULL, 'rmse');
SELECT metric('ranking', '{0.5,0.5}', '{1,0}', NULL, NULL, NULL, 'ndgc');

-- undefined is null
SELECT metrics('classification', '{0.25,0.75,0.5,0.5}', '{1,1}');
SELECT metrics('classification', '{0.75,0.25}', '{0}');
SELECT metrics('classification', '{0.5,0.25,0.25,0.75,0.125,0.125}', '{0,1}');
SELECT metrics('regression', '{1,2}', '{3,3}');
SELECT metrics('regression', '{1,2}', '{0,3}');
SELECT metrics('ranking', '{1,2,3}', '{0,-1,2}', '{0,0,1}');
