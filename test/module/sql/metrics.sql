-- Metrics against what scikit-learn 1.2.1 gives for the same numbers, computed once in float64 from the same float32.
SET search_path = aipipe_test, public;

-- two classes: scores in steps of a hundredth, so with many ties, 0 and 1 among them
CREATE TEMP TABLE binary_row AS
SELECT i, (i * 37 % 101 / 100.0)::real AS p, (i * 53 % 97 < 20 + i * 37 % 101 * 0.5)::int::real AS y FROM generate_series(1, 400) i;
CREATE TEMP TABLE binary_metrics AS
SELECT metrics_classification((SELECT array_agg(v ORDER BY i, o) FROM binary_row, unnest(ARRAY[(1 - p)::real, p]) WITH ORDINALITY u(v, o)),
                              (SELECT array_agg(y ORDER BY i) FROM binary_row))::jsonb AS m;
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM binary_metrics, (VALUES
    ('log_loss', 1.0666018098720786), ('accuracy', 0.6025), ('brier', 0.27567349982143957), ('auc', 0.6174427643621956),
    ('pr_auc', 0.5579477312111107), ('f1', 0.5891472868217055), ('precision', 0.5757575757575758),
    ('recall', 0.6031746031746031), ('mcc', 0.20477017272981976)) e(name, expected);

-- three classes
CREATE TEMP TABLE multi_row AS
SELECT i, ((i * 7 % 31 + 1) / 64.0)::real AS a, ((i * 11 % 29 + 1) / 64.0)::real AS b, (i * 5 % 7 % 3)::real AS y FROM generate_series(1, 400) i;
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM (SELECT metrics_classification((SELECT array_agg(v ORDER BY i, o) FROM multi_row, unnest(ARRAY[a, b, (1 - a - b)::real]) WITH ORDINALITY u(v, o)),
                                    (SELECT array_agg(y ORDER BY i) FROM multi_row))::jsonb AS m) s,
     (VALUES ('log_loss', 1.3939974289484016), ('accuracy', 0.315), ('brier', 0.81026611328125)) e(name, expected);

-- values
SELECT name, abs((m ->> name)::float8 - expected) < 1e-9 AS equal
FROM (SELECT metrics_regression(array_agg((i * 29 % 211 / 8.0)::real ORDER BY i), array_agg((i * 31 % 223 / 8.0 + 0.5)::real ORDER BY i))::jsonb AS m
      FROM generate_series(1, 400) i) s,
     (VALUES ('rmse', 11.668512316808), ('mae', 10.3803125), ('r2', -1.1150115708171175), ('mape', 1.9435290444703144),
             ('mean_error', -1.1884375)) e(name, expected);

-- undefined is null
SELECT metrics_classification('{0.25,0.75,0.5,0.5}', '{1,1}');
SELECT metrics_classification('{0.75,0.25}', '{0}');
SELECT metrics_regression('{1,2}', '{3,3}');
SELECT metrics_regression('{1,2}', '{0,3}');
