-- The models that are mutated: small ones, so that a change hits something that
-- matters, in both formats, of every kind that the reader treats in its own way.
CREATE SCHEMA fuzz;

CREATE TABLE fuzz.model AS
WITH kind(what, objective, booster, classes, categorical, params) AS (VALUES
	('binary', 'binary:logistic', 'gbtree', 0, false, ''),
	('multi-class dart categorical', 'multi:softprob', 'dart', 3, true, ''),
	('regression categorical', 'reg:squarederror', 'gbtree', 0, true, 'max_cat_to_onehot=9'),
	('boosted random forest', 'count:poisson', 'gbtree', 0, false, 'num_parallel_tree=3 subsample=0.7'),
	('pruned', 'reg:pseudohubererror', 'gbtree', 0, false, 'tree_method=exact gamma=5'),
	('ranking', 'rank:ndcg', 'dart', 0, false, ''))
SELECT row_number() OVER () AS id, k.what || ' ' || f.format AS what,
	   aipipe_test.train(k.objective, k.booster, k.classes, k.categorical, rounds => 3, depth => 3, features => 4,
						 format => f.format, params => k.params) AS model
FROM kind k, (VALUES ('json'), ('ubj')) f(format);

CREATE TABLE fuzz.result (form text, what text, accepted int, refused int, other int, different int, longest_ms float8);
