-- A small sample of the campaign in test/fuzz/run.sh: mutants are refused with
-- the promised errors or served as the library serves them.
SET search_path = aipipe_test, public;

CREATE TEMP TABLE seed AS
SELECT o || ' ' || f || CASE WHEN c THEN ' categorical' ELSE '' END AS what,
	   train(o, CASE WHEN c THEN 'dart' ELSE 'gbtree' END, CASE WHEN o = 'multi:softprob' THEN 3 ELSE 0 END, c,
			 rounds => 2, depth => 3, features => 4, format => f) AS model
FROM unnest('{binary:logistic,multi:softprob,rank:ndcg}'::text[]) o, unnest('{json,ubj}'::text[]) f, unnest('{f,t}'::bool[]) c;

SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.different, m.longest_ms < 1000 AS quick
FROM seed, mutate(model, 300, 1, true) m ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.other, m.longest_ms < 1000 AS quick
FROM seed, LATERAL mutate_compiled(compile(model), 1000) m ORDER BY what;
