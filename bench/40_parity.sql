-- Our floats against the library's in full size: every objective, 100,000 hostile rows each, both boosters.
\ir common.sql
\echo 'margins by row and by block, and values, compared bit by bit with the library'
CREATE TEMP TABLE parity AS
WITH objective(name, classes) AS (VALUES
	('binary:logistic', 0), ('binary:logitraw', 0), ('count:poisson', 0), ('multi:softmax', 3), ('multi:softprob', 3),
	('rank:ndcg', 0), ('rank:pairwise', 0), ('reg:absoluteerror', 0), ('reg:gamma', 0), ('reg:logistic', 0),
	('reg:pseudohubererror', 0), ('reg:squarederror', 0), ('reg:squaredlogerror', 0), ('reg:tweedie', 0))
SELECT o.name, p.*
FROM objective o, (VALUES ('gbtree', false), ('dart', true)) AS b(booster, categorical),
     LATERAL aipipe_test.parity(aipipe_test.train(o.name, b.booster, o.classes, b.categorical, rounds => 8), 100000) AS p;
SELECT bench.result('floats that differ from the library''s, of ' || sum(compared) || ' compared five ways',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values"), 'floats', NULL, NULL, '= 0',
                    sum(margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values") = 0)
FROM parity;
