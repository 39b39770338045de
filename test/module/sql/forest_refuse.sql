-- What the reader refuses, and what it says.
SET search_path = aipipe_test, public;

CREATE TEMP TABLE good AS
SELECT convert_from(canonical(train('binary:logistic', rounds => 2, depth => 2, features => 3)), 'UTF8')::jsonb AS model,
	   convert_from(canonical(train('binary:logistic', categorical => true, rounds => 1, depth => 2, features => 3)), 'UTF8')::jsonb AS categories;

CREATE FUNCTION pg_temp.verdict(model bytea, own bool DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	PERFORM canonical(model, own);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END $$;

CREATE FUNCTION pg_temp.verdict(model text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.verdict(convert_to($1, 'UTF8')) $$;

-- The good model with one place changed.
CREATE FUNCTION pg_temp.changed(place text, value jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.verdict(jsonb_set(model, place::text[], value)::text) FROM good
$$;

CREATE FUNCTION pg_temp.changed_categories(place text, value jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.verdict(jsonb_set(categories, place::text[], value)::text) FROM good
$$;

SELECT pg_temp.verdict(model::text) AS good, pg_temp.verdict(categories::text) AS categories FROM good;

-- no model at all
SELECT what, pg_temp.verdict(what) FROM unnest(ARRAY['', ' ', '{', '{}', '{"', '[]', 'binf', '{"a":1}', '{"version":[1,7,4]}', '{"learner":1}',
	'{"learner":{},"learner":{}}', '{"version":[1,7,4],"learner":{"attributes":{"x":[[[[1]]]]}}}', '{"Model":{}}', '{"version":[1,7,"4a"]}']) what;
SELECT pg_temp.verdict(decode('7b4c', 'hex')) AS ubj_cut, pg_temp.verdict(decode('7b4cffffffffffffffff', 'hex')) AS ubj_negative,
	   pg_temp.verdict(decode('7b4c7fffffffffffffff', 'hex')) AS ubj_endless, pg_temp.verdict(decode('7b4c0000000000000001ff', 'hex')) AS ubj_not_utf8;
SELECT pg_temp.verdict(repeat('{"learner":', 100000)) AS nested, pg_temp.verdict('{"learner":{"attributes":{"x":' || repeat('[', 2000000)) AS deep_json,
	   pg_temp.verdict('\x7b4c00000000000000076c6561726e65727b4c000000000000000a617474726962757465737b4c000000000000000178'::bytea || convert_to(repeat('[', 2000000), 'UTF8')) AS deep_ubj;
SELECT pg_temp.verdict(convert_to('{"learner":{"attributes":{"', 'UTF8') || '\xff22'::bytea) AS not_utf8;

-- the head
SELECT place, value, pg_temp.changed(place, value) FROM (VALUES
	('{learner,learner_model_param,base_score}', '"abc"'::jsonb), ('{learner,learner_model_param,base_score}', '""'),
	('{learner,learner_model_param,base_score}', '"[3E-1]"'), ('{learner,learner_model_param,base_score}', '"[3E-1,3E-1]"'),
	('{learner,learner_model_param,base_score}', '"1E0"'), ('{learner,learner_model_param,base_score}', '"1e99"'), ('{learner,learner_model_param,base_score}', '0.5'),
	('{learner,learner_model_param,num_class}', '"1000000000"'), ('{learner,learner_model_param,num_class}', '"3"'),
	('{learner,learner_model_param,num_feature}', '"2000000000"'), ('{learner,learner_model_param,num_feature}', '"1"'), ('{learner,learner_model_param,num_feature}', '"0"'),
	('{learner,learner_model_param,num_target}', '"2"'), ('{learner,learner_model_param,more}', '1'),
	('{learner,objective,name}', '"binary:hinge"'), ('{learner,objective,name}', '"aipipe:isolation"'), ('{learner,objective,name}', '"multi:softprob"'),
	('{learner,objective,reg_loss_param,scale_pos_weight}', '"-1"'),
	('{learner,gradient_booster,name}', '"gblinear"'), ('{learner,gradient_booster,name}', '"dart"'), ('{learner,gradient_booster,weight_drop}', '[1]'),
	('{learner,gradient_booster,weight_drop}', '[1, null]'), ('{learner,gradient_booster,weight_drop}', '[0.5, 1]'),
	('{learner,gradient_booster,model,gbtree_model_param,num_trees}', '"3"'), ('{learner,gradient_booster,model,gbtree_model_param,num_parallel_tree}', '"3"'),
	('{learner,gradient_booster,model,gbtree_model_param,size_leaf_vector}', '"2"'), ('{learner,gradient_booster,model,tree_info}', '[0]'),
	('{learner,gradient_booster,model,tree_info}', '[0, 1]'), ('{learner,gradient_booster,model,iteration_indptr}', '[0, 1, 2]'),
	('{learner,gradient_booster,model,iteration_indptr}', '[0, 2]'), ('{learner,gradient_booster,model,iteration_indptr}', '[0, 1, 1]'),
	('{learner,gradient_booster,model,cats}', '{"enc": [], "sorted_idx": [], "feature_segments": []}'), ('{learner,gradient_booster,model,cats}', '{"enc": [{"values": [1]}]}'),
	('{learner,attributes}', '{"best_iteration": "0", "x": "y"}'), ('{learner,attributes}', '{"best_iteration": "2"}'),
	('{learner,feature_names}', '["a", "b", "c"]'), ('{learner,feature_names}', '["a"]'), ('{learner,feature_types}', '["float", "int", "text"]'),
	('{version}', '[1, 7]'), ('{version}', '{}')) v(place, value);

-- where a booster's weights may stand: beside the model from 3.3 on, inside of it from 3.4 on, around it for "dart"
CREATE FUNCTION pg_temp.boosted(version jsonb, booster jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.verdict(jsonb_set(jsonb_set(model, '{version}', version), '{learner,gradient_booster}', booster)::text) FROM good
$$;
WITH part AS (SELECT model #> '{learner,gradient_booster,model}' AS m FROM good),
shape(what, booster) AS (
	SELECT s.* FROM part, LATERAL (VALUES
		('gbtree, beside', jsonb_build_object('name', 'gbtree', 'model', m, 'weight_drop', '[0.5, 1]'::jsonb)),
		('gbtree, inside', jsonb_build_object('name', 'gbtree', 'model', m || '{"weight_drop": [0.5, 1]}')),
		('gbtree, both', jsonb_build_object('name', 'gbtree', 'model', m || '{"weight_drop": [0.5, 1]}', 'weight_drop', '[0.5, 1]'::jsonb)),
		('gbtree, too few', jsonb_build_object('name', 'gbtree', 'model', m, 'weight_drop', '[0.5]'::jsonb)),
		('gbtree, no number', jsonb_build_object('name', 'gbtree', 'model', m, 'weight_drop', '[0.5, null]'::jsonb)),
		('gbtree, infinite', jsonb_build_object('name', 'gbtree', 'model', m, 'weight_drop', '[0.5, 1e39]'::jsonb)),
		('gbtree in gbtree', jsonb_build_object('name', 'gbtree', 'gbtree', jsonb_build_object('name', 'gbtree', 'model', m))),
		('gbtree in gbtree, beside', jsonb_build_object('name', 'gbtree', 'gbtree', jsonb_build_object('name', 'gbtree', 'model', m), 'weight_drop', '[0.5, 1]'::jsonb)),
		('dart', jsonb_build_object('name', 'dart', 'gbtree', jsonb_build_object('name', 'gbtree', 'model', m), 'weight_drop', '[0.5, 1]'::jsonb)),
		('dart, inside', jsonb_build_object('name', 'dart', 'gbtree', jsonb_build_object('name', 'gbtree', 'model', m || '{"weight_drop": [0.5, 1]}'))),
		('dart of nothing', jsonb_build_object('name', 'dart', 'weight_drop', '[0.5, 1]'::jsonb)),
		('dart without gbtree', jsonb_build_object('name', 'dart', 'model', m, 'weight_drop', '[0.5, 1]'::jsonb)),
		('dart in dart', jsonb_build_object('name', 'dart', 'gbtree', jsonb_build_object('name', 'dart', 'model', m), 'weight_drop', '[0.5, 1]'::jsonb)),
		('two models', jsonb_build_object('name', 'gbtree', 'model', m, 'gbtree', jsonb_build_object('name', 'gbtree', 'model', m), 'weight_drop', '[0.5, 1]'::jsonb))) s)
SELECT what, version, pg_temp.boosted(version::jsonb, booster) FROM shape, unnest('{"[3, 2, 0]", "[3, 3, 0]", "[3, 4, 0]"}'::text[]) version ORDER BY what COLLATE "C", version;

-- a tree
SELECT place, value, pg_temp.changed('{learner,gradient_booster,model,trees,1,' || place || '}', value) FROM (VALUES
	('left_children', '[1, 3, 5, -1, -1, -1]'::jsonb), ('left_children,0', '7'), ('left_children,0', '0'), ('left_children,0', '-1'), ('left_children,0', '-2'),
	('left_children,0', '2'), ('left_children,1', '0'), ('left_children,3', '1'), ('left_children,0', '1.5'), ('left_children,0', '99999999999'),
	('right_children,0', '1'), ('right_children,2', '4'),
	('parents,1', '5'), ('parents,0', '1'), ('parents,0', '-1'),
	('split_indices,0', '3'), ('split_indices,0', '-1'), ('split_indices,3', '77'),
	('split_conditions,0', 'null'), ('split_conditions,3', 'null'), ('split_conditions,0', '1e39'), ('split_conditions,0', '-1e39'), ('split_conditions,3', '1e39'), ('split_conditions,0', '"1"'), ('split_conditions,0', '[]'),
	('default_left,0', '2'), ('default_left,0', 'true'), ('sum_hessian,1', '-1'), ('sum_hessian,1', 'null'), ('loss_changes,0', 'null'), ('base_weights', '[]'),
	('split_type,0', '2'), ('split_type,0', '1'), ('id', '0'), ('tree_param,num_nodes', '"8"'), ('tree_param,num_nodes', '"-1"'), ('tree_param,num_nodes', '"2000000000"'),
	('tree_param,num_deleted', '"1"'), ('tree_param,size_leaf_vector', '"3"'), ('leaf_weights', '[]'), ('tree_param', '[]')) v(place, value);

-- categories
SELECT place, value, pg_temp.changed_categories('{learner,gradient_booster,model,trees,0,' || place || '}', value) FROM (VALUES
	('categories,0', '-1'::jsonb), ('categories,0', '16777215'), ('categories,0', '16777216'), ('categories,0', '2'), ('categories_nodes', '[]'), ('categories_nodes,0', '6'), ('categories_nodes,0', '99'),
	('categories_segments,0', '1'), ('categories_segments,0', '-5'), ('categories_sizes,0', '0'), ('categories_sizes,0', '2000000000'), ('split_type', '[0, 0, 0, 0, 0, 0, 0]')) v(place, value);

-- the library's own NaN and Infinity are read where they mean something
SELECT what, regexp_replace(pg_temp.verdict(replace(model::text, '"split_conditions": [' || (model #>> '{learner,gradient_booster,model,trees,1,split_conditions,0}'), '"split_conditions": [' || what)), 'byte \d+', 'byte N') AS verdict
FROM good, unnest('{Infinity,-Infinity,NaN,Inf}'::text[]) what;

-- our own isolation forests are read by their own door only
WITH own AS (SELECT convert_to((jsonb_set(jsonb_set(model, '{learner,objective}', '{"name": "aipipe:isolation"}'),
	'{learner,learner_model_param,base_score}', '"0"'))::text, 'UTF8') AS model FROM good)
SELECT pg_temp.verdict(model) AS as_import, pg_temp.verdict(model, true) AS as_own,
	   canonical(canonical(model, true), true) = canonical(model, true) AS stable, open(compile(model, true)) FROM own;
SELECT pg_temp.verdict(convert_to(model::text, 'UTF8'), true) AS not_own FROM good;

-- the compiled form
CREATE FUNCTION pg_temp.opened(compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	RETURN open(compiled);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END $$;
SELECT what, pg_temp.opened(bytes) FROM (SELECT compile(convert_to(model::text, 'UTF8')) AS c FROM good) g,
	LATERAL (VALUES ('sound', c), ('empty', ''), ('cut', substr(c, 1, length(c) - 1)), ('longer', c || '\x00'), ('bit', set_bit(c, 1000, 1 - get_bit(c, 1000))),
		('magic', overlay(c PLACING 'x' FROM 1)), ('format', overlay(c PLACING '\x09' FROM 9)), ('flags', overlay(c PLACING '\x02' FROM 21)), ('a flag of isolation forests', overlay(c PLACING '\x01' FROM 21))) v(what, bytes);

-- a quantile: one, alone or in brackets
SELECT alpha, pg_temp.changed('{learner,objective}', jsonb_build_object('name', 'reg:quantileerror', 'quantile_loss_param', jsonb_build_object('quantile_alpha', alpha)))
FROM unnest(ARRAY['[5E-1]', '0.5', '[0.1,0.9]', '[]', '[2]', '-1', '[', '[[0.5]]', 'abc']) AS alpha;
SELECT pg_temp.changed('{learner,objective}', '{"name": "reg:quantileerror"}') AS without;
SELECT convert_from(canonical(convert_to(jsonb_set(model, '{learner,objective}', '{"name": "reg:quantileerror", "quantile_loss_param": {"quantile_alpha": "0.9"}}')::text, 'UTF8')), 'UTF8')::jsonb #> '{learner,objective}' AS canonical FROM good;
