-- Our margins, values and contributions against the library's, on rows that are
-- made to differ if anything can: missing, infinities, zeros, extremes, thresholds
-- and their neighbours, unknown categories.
SET search_path = aipipe_test, public;

CREATE TEMP TABLE subject AS
WITH objective(name, classes) AS (VALUES
	('binary:logistic', 0), ('binary:logitraw', 0), ('count:poisson', 0), ('multi:softmax', 3), ('multi:softprob', 4),
	('rank:map', 0), ('rank:ndcg', 0), ('rank:pairwise', 0), ('reg:absoluteerror', 0), ('reg:gamma', 0),
	('reg:logistic', 0), ('reg:pseudohubererror', 0), ('reg:squarederror', 0), ('reg:squaredlogerror', 0), ('reg:tweedie', 0))
SELECT o.name || ' ' || b.name || CASE WHEN c.categorical THEN ' categorical' ELSE '' END AS what,
	   train(o.name, b.name, o.classes, c.categorical, rounds => 10) AS model
FROM objective o, (VALUES ('gbtree'), ('dart')) b(name), (VALUES (false), (true)) c(categorical);

-- other shapes of models
INSERT INTO subject VALUES
	('JSON categorical base_score', train('binary:logistic', categorical => true, format => 'json', params => 'base_score=0.31')),
	('JSON dart base_score', train('count:poisson', 'dart', format => 'json', params => 'base_score=1.7')),
	('JSON multi-class dart categorical', train('multi:softprob', 'dart', 5, true, format => 'json')),
	('boosted random forest', train('multi:softprob', 'gbtree', 3, rounds => 5, params => 'num_parallel_tree=4 subsample=0.6')),
	('pruned nodes', train('reg:squarederror', depth => 8, params => 'gamma=20 tree_method=exact')),
	('one category a split', train('reg:squarederror', categorical => true, depth => 6, params => 'max_cat_to_onehot=50')),
	('deep and lopsided', train('reg:squarederror', depth => 0, nrows => 3000, params => 'grow_policy=lossguide max_leaves=300 min_child_weight=0')),
	('300 features', train('reg:squarederror', features => 300)),
	('one tree, one split', train('reg:squarederror', rounds => 1, depth => 1));

-- some models split known from missing at +inf; 3.3 may split missing from known at -inf
SELECT count(*) > 0 AS infinite_thresholds FROM subject WHERE convert_from(canonical(model), 'UTF8') LIKE '%1E39%';
INSERT INTO subject SELECT 'split at -inf, missing ' || side, canonical(convert_to(jsonb_set(jsonb_set(jsonb_set(m,
	'{learner,gradient_booster,model,trees,0,split_conditions,0}', '-1e39'), '{learner,gradient_booster,model,trees,0,default_left,0}', missing_left),
	'{learner,gradient_booster,model,trees,1,split_conditions,1}', '-1e39')::text, 'UTF8'))
FROM (SELECT convert_from(canonical(train('reg:squarederror', rounds => 3)), 'UTF8')::jsonb AS m) s, (VALUES ('left', '1'::jsonb), ('right', '0')) v(side, missing_left);

-- every difference in any bit
CREATE TEMP TABLE result AS SELECT what, p.* FROM subject, parity(model, 2000) p;
SELECT * FROM result WHERE margin_row + margin_block + coalesce(margin_dense, 0) + margin_original + "values" > 0;
SELECT count(*) AS models, sum(compared) >= 100000 AS enough FROM result;

-- blocks that are not full
SELECT n, p.margin_row, p.margin_block, p.values
FROM unnest('{1,2,7,8,9,63,64,65,130}'::int[]) n, parity((SELECT model FROM subject WHERE what = 'multi:softprob dart categorical'), n, 3) p;

-- contributions
SELECT what, s.* FROM subject, shap(model, 20) s WHERE s.to_margin > 1e-5 OR s.to_library > 1e-4 OR s.to_paths > 1e-9;

-- trees of every depth: a chain that splits on the same six features again and again, up to the deepest that is served
CREATE FUNCTION pg_temp.chain(depth int, empty int) RETURNS bytea LANGUAGE sql AS $$
SELECT convert_to(jsonb_set(m, '{learner,gradient_booster,model,trees,0}', (m #> '{learner,gradient_booster,model,trees,0}') || (
	SELECT jsonb_build_object('left_children', jsonb_agg(CASE WHEN i % 2 = 0 AND i < 2 * depth THEN i + 1 ELSE -1 END ORDER BY i),
		'right_children', jsonb_agg(CASE WHEN i % 2 = 0 AND i < 2 * depth THEN i + 2 ELSE -1 END ORDER BY i),
		'parents', jsonb_agg(CASE WHEN i = 0 THEN 2147483647 ELSE (i - 1) / 2 * 2 END ORDER BY i),
		'split_indices', jsonb_agg(CASE WHEN i % 2 = 0 AND i < 2 * depth THEN i / 2 % 6 ELSE 0 END ORDER BY i),
		'split_conditions', jsonb_agg(round((-2 + i * 3.0 / (2 * depth))::numeric, 3) ORDER BY i),
		'default_left', jsonb_agg(i / 2 % 3 % 2 ORDER BY i), 'split_type', jsonb_agg(0 ORDER BY i),
		'base_weights', jsonb_agg(0.5 ORDER BY i), 'loss_changes', jsonb_agg(1 ORDER BY i),
		'sum_hessian', jsonb_agg(CASE WHEN i > empty THEN 0 ELSE 1000 - i END ORDER BY i),
		'categories', '[]'::jsonb, 'categories_nodes', '[]'::jsonb, 'categories_segments', '[]'::jsonb, 'categories_sizes', '[]'::jsonb,
		'tree_param', (m #> '{learner,gradient_booster,model,trees,0,tree_param}') || jsonb_build_object('num_nodes', (2 * depth + 1)::text))
	FROM generate_series(0, 2 * depth) AS i))::text, 'UTF8')
FROM (SELECT convert_from(canonical(train('reg:squarederror', rounds => 1)), 'UTF8')::jsonb AS m) AS s $$;
SELECT depth, s.to_margin <= 1e-5 AS margin, s.to_library <= 1e-4 AS library, s.to_paths <= 1e-9 AS paths
FROM unnest('{1,2,3,4,5,7,8,9,12,16,17,31,32,33,48,63,64}'::int[]) AS depth, shap(canonical(pg_temp.chain(depth, 2 * depth)), 100) AS s;
-- branches that training never saw: the library divides by their cover and fails
SELECT depth, s.to_margin <= 1e-5 AS margin, s.to_paths <= 1e-9 AS paths
FROM unnest('{3,6,20,64}'::int[]) AS depth, shap(canonical(pg_temp.chain(depth, depth)), 100, library => false) AS s;

-- the same forest gives the same bytes, which read back to themselves, from either format
SELECT count(*) FILTER (WHERE canonical(canonical(model)) <> canonical(model)) AS unstable,
	   count(*) FILTER (WHERE compile(canonical(model)) <> compile(model)) AS compiled_unstable
FROM subject;
SELECT canonical(train('reg:tweedie', 'dart', categorical => true, format => 'json'))
	 = canonical(train('reg:tweedie', 'dart', categorical => true, format => 'ubj')) AS same_from_both;
