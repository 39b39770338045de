-- Every objective and booster in full size: 100,000 hostile rows each (NaN, infinities, zeros of both signs,
-- thresholds and their neighbours), margins by row and by block and served values, bit by bit against the library.
WITH objective(name, classes) AS (VALUES
    ('binary:logistic', 0), ('binary:logitraw', 0), ('count:poisson', 0), ('multi:softmax', 3), ('multi:softprob', 3),
    ('rank:ndcg', 0), ('rank:pairwise', 0), ('reg:absoluteerror', 0), ('reg:gamma', 0), ('reg:logistic', 0),
    ('reg:pseudohubererror', 0), ('reg:squarederror', 0), ('reg:squaredlogerror', 0), ('reg:tweedie', 0))
SELECT o.name, b.booster, p.compared >= 100000 AS full_size,
       p.margin_row + p.margin_block + coalesce(p.margin_dense, 0) + p.margin_original + p."values" AS differing
FROM objective o, (VALUES ('gbtree', false), ('dart', true)) AS b(booster, categorical),
     LATERAL aipipe_test.parity(aipipe_test.train(o.name, b.booster, o.classes, b.categorical, rounds => 8), 100000) AS p
ORDER BY o.name, b.booster DESC;
