-- Ranking: rows of a group are ordered by relevance.
\set SHOW_CONTEXT never
CREATE SCHEMA model_rank;
SET search_path = model_rank;
CREATE TABLE hit AS SELECT i AS id, (i % 50)::int AS query, (i * 7919 % 1000)::float8 AS match, i * 31 % 17 AS noise, least(i * 7919 % 1000 / 250, 3) AS relevance,
    timestamp '2024-01-01' + (i % 50) * interval '1 day' AS asked, 'query ' || i % 50 AS name
FROM generate_series(1, 2000) i;
SELECT aipipe.model_train('rank', 'ranking', 'hit', 'relevance', ARRAY['match', 'noise'], params => '{"group": "query", "n_estimators": 20, "max_depth": 3}');
SELECT params ->> 'group' AS "group", params ->> 'split' AS split, params ->> 'objective' AS objective, metrics ->> 'rows' AS held_out, metrics ->> 'groups' AS groups,
       (metrics ->> 'ndcg')::float8 > 0.99 AS good, row_count AS taught, classes FROM aipipe.model_version WHERE model = 'rank';
-- a better match ranks higher, in every group; the group is not needed to score
SELECT count(*) AS wrong FROM (SELECT relevance, lag(relevance) OVER (PARTITION BY query ORDER BY aipipe.model_predict('rank', r)) AS before
    FROM (SELECT match, noise, relevance, query FROM hit) r) s WHERE before > relevance + 1;
SELECT aipipe.model_predict('rank', r) IS NOT NULL AS scored FROM (SELECT 500.0 AS match, 3 AS noise) r;
-- the order of the rows within and of the groups by their first row is what counts, not whether they stand together
SELECT aipipe.model_train('rank', 'ranking', 'SELECT * FROM hit ORDER BY id', 'relevance', ARRAY['match', 'noise'], params => '{"group": "query", "n_estimators": 20, "max_depth": 3}'),
       aipipe.model_train('rank', 'ranking', 'SELECT * FROM hit ORDER BY (query + 49) % 50, id', 'relevance', ARRAY['match', 'noise'], params => '{"group": "query", "n_estimators": 20, "max_depth": 3}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'rank';
-- a group may be of any type
SELECT aipipe.model_train('rank', 'ranking', 'SELECT * FROM hit ORDER BY id', 'relevance', ARRAY['match', 'noise'], params => jsonb_build_object('group', g, 'n_estimators', 20, 'max_depth', 3)) FROM unnest(ARRAY['name', 'asked']) g;
SELECT aipipe.model_train('rank', 'ranking', 'SELECT match, noise, relevance, (query / 10.0)::numeric(6, 3) AS query FROM hit ORDER BY id', 'relevance', ARRAY['match', 'noise'], params => '{"group": "query", "n_estimators": 20, "max_depth": 3}');
SELECT count(DISTINCT sha256) AS different FROM aipipe.model_version WHERE model = 'rank';
-- all features but target and group
SELECT aipipe.model_train('rank all', 'ranking', 'hit', 'relevance', params => '{"group": "query", "n_estimators": 2}');
SELECT DISTINCT "column" FROM aipipe.model_feature WHERE model = 'rank all' ORDER BY 1;
-- rows without a group or a relevance are left out and counted
SELECT aipipe.model_train('rank some', 'ranking', 'SELECT match, CASE WHEN id % 8 > 0 THEN query END AS query, CASE WHEN id % 5 > 0 THEN relevance END AS relevance FROM hit', 'relevance', params => '{"group": "query", "n_estimators": 2}');
SELECT row_count + (metrics ->> 'rows')::int AS rows FROM aipipe.model_version WHERE model = 'rank some';
-- early stopping and a search by whole groups
SELECT aipipe.model_train('rank search', 'ranking', 'hit', 'relevance', ARRAY['match', 'noise'], params => '{"group": "query", "n_estimators": 30, "early_stopping_rounds": 3, "search": {"trials": 2, "folds": 2, "space": {"max_depth": [1, 3]}}}');
SELECT params ->> 'max_depth' IN ('1', '3') AS chosen, params -> 'search' ->> 'split' AS split, (metrics ->> 'ndcg')::float8 > 0.9 AS good FROM aipipe.model_version WHERE model = 'rank search';
-- a group has one weight
SELECT aipipe.model_train('rank weight', 'ranking', 'SELECT *, 1 + query % 3 AS w FROM hit', 'relevance', ARRAY['match'], params => '{"group": "query", "weight": "w", "n_estimators": 2, "early_stopping_rounds": 1}');
SELECT aipipe.model_train('rank weight', 'ranking', 'SELECT *, 1 + id % 3 AS w FROM hit', 'relevance', ARRAY['match'], params => '{"group": "query", "weight": "w", "n_estimators": 2}');
-- evaluation groups by the same column
SELECT (aipipe.model_evaluate('rank', 'hit') ->> 'ndcg')::float8 > 0.99 AS good, aipipe.model_evaluate('rank', 'hit') ->> 'groups' AS groups;
-- nothing to compare with
\set VERBOSITY default
SELECT aipipe.model_train('rank none', 'ranking', 'SELECT match, NULL::int AS query, relevance FROM hit', 'relevance', params => '{"group": "query"}');
SELECT aipipe.model_train('rank none', 'ranking', 'SELECT match, query, 1 AS relevance FROM hit', 'relevance', params => '{"group": "query"}');
SELECT aipipe.model_train('rank none', 'ranking', 'SELECT match, query, relevance + 0.5 AS relevance FROM hit', 'relevance', params => '{"group": "query"}');
SELECT aipipe.model_train('rank one', 'ranking', 'SELECT match, 1 AS query, relevance FROM hit', 'relevance', params => '{"group": "query", "n_estimators": 2}');
SELECT aipipe.model_train('rank one', 'ranking', 'SELECT match, 1 AS query, relevance FROM hit', 'relevance', params => '{"group": "query", "n_estimators": 2, "holdout": 0}');
SELECT metrics, row_count FROM aipipe.model_version WHERE model = 'rank one';
SELECT aipipe.model_train('rank one', 'ranking', 'SELECT match, 1 AS query, relevance FROM hit', 'relevance', params => '{"group": "query", "n_estimators": 2, "holdout": 0, "early_stopping_rounds": 2}');
\set VERBOSITY terse
SELECT count(aipipe.model_drop(name)) > 3 AS dropped FROM aipipe.model WHERE name LIKE 'rank%';
RESET search_path;
DROP SCHEMA model_rank CASCADE;
