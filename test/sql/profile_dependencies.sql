-- Dependencies: the same minimal ones, with the same errors, as counting all of them in SQL finds; limits, rights, errors.
CREATE SCHEMA profile_dependencies;
SET search_path = profile_dependencies;
CREATE TABLE odd (gone int, a int, b text, f float8, n numeric, c char(3), one int, most int);
ALTER TABLE odd DROP COLUMN gone;
INSERT INTO odd SELECT i % 10, CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN ' ' WHEN 2 THEN 'x' END, (ARRAY['NaN', '-0', '0', 'Infinity', '7'])[1 + i % 5]::float8,
    CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN 1.00 ELSE 1.0 END, chr(97 + i % 4) || repeat(' ', i % 3), 1, (i = 7)::int
    FROM generate_series(0, 99) AS i;
UPDATE odd SET f = 8 WHERE a = 3 AND c = 'b';
CREATE TABLE small AS SELECT i % 4 AS a, i / 4 AS b, (i % 4) * 10 + (i / 4) % 2 AS c, (i % 4 + i / 4) % 3 AS d, i % 12 AS e FROM generate_series(0, 35) AS i;
CREATE TABLE one_row AS SELECT 1 AS a, NULL::int AS b;
CREATE TABLE empty (a int, b int);
-- large enough for both samples, with dependencies that few rows break
CREATE TABLE large AS SELECT i % 4000 AS zip, (i % 4000) % 97 AS city, ((i % 4000) % 97) % 7 AS state, i % 13 AS kind, ((i % 4000) % 97) * 13 + i % 13 AS fee,
    CASE WHEN i % 500 = 3 THEN -1 ELSE i / 2 END AS twos, (i / 2) % 31 AS follows FROM generate_series(0, 35999) AS i;
UPDATE large SET city = 500 WHERE zip = 17 AND kind = 4;
UPDATE large SET state = NULL WHERE zip % 400 = 1 AND kind = 1;
-- every dependency, counted in SQL
CREATE FUNCTION counted(relation text)
RETURNS TABLE (mask int, list text[], a text, ngroups bigint, removed bigint, violating bigint, total bigint) LANGUAGE plpgsql SET work_mem = '64MB' AS $$
#variable_conflict use_variable
DECLARE
    names text[] := ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = relation::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum);
    k int := cardinality(names);
BEGIN
    EXECUTE format('SELECT count(*) FROM %s', relation) INTO total;
    FOR subset IN 0 .. (1 << k) - 1 LOOP
        mask := subset;
        list := ARRAY(SELECT names[i] FROM generate_series(1, k) AS i WHERE subset & (1 << (i - 1)) <> 0 ORDER BY i);
        CONTINUE WHEN cardinality(list) > 2 OR total = 0;
        FOREACH a IN ARRAY names LOOP
            CONTINUE WHEN a = ANY (list);
            EXECUTE format('SELECT count(*), sum(size_ - most_), count(*) FILTER (WHERE most_ < size_) FROM (SELECT sum(count_) AS size_, max(count_) AS most_ FROM (SELECT %1$s, count(*) AS count_ FROM %2$s GROUP BY %1$s, %3$I) AS p GROUP BY %1$s) AS g',
                '(1 = 1)' || coalesce((SELECT string_agg(format(', %I', x), '') FROM unnest(list) AS x), ''), relation, a)
                INTO ngroups, removed, violating;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
CREATE TABLE "some" AS SELECT zip, city, fee, twos, follows FROM large;
CREATE TABLE counts AS SELECT r, c.* FROM unnest(ARRAY['odd', 'small', 'one_row', 'empty', '"some"']) AS r, LATERAL counted(r) AS c;
CREATE FUNCTION compare(relation text, most int, max_error float8) RETURNS TABLE (found bigint, missed bigint, wrong bigint) LANGUAGE sql AS $$
    WITH ours AS MATERIALIZED (SELECT determinant, dependent, "groups", violations, violating_groups FROM aipipe.profile_dependencies(relation::regclass, most, max_error, '{"trivial": true}')),
         within AS MATERIALIZED (SELECT * FROM profile_dependencies.counts WHERE r = relation AND cardinality(list) <= most AND removed <= max_error * total),
         theirs AS MATERIALIZED (SELECT list, a, ngroups, removed, violating FROM within AS w
                                  WHERE NOT EXISTS (SELECT FROM within AS v WHERE v.a = w.a AND v.mask <> w.mask AND v.mask & w.mask = v.mask))
    SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours) AS x), (SELECT count(*) FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs) AS x) $$;
SELECT r, most, e, c.* FROM unnest(ARRAY['odd', 'small', 'one_row', 'empty', '"some"']) AS r, unnest(ARRAY[1, 2]) AS most, unnest(ARRAY[0, 0.001, 0.02, 0.2]) AS e,
    LATERAL compare(r, most, e) AS c ORDER BY r, most, e;
-- what an answer looks like
SELECT determinant, dependent, error, "rows", "groups", violations, violating_groups, round(repeated::numeric, 3) AS repeated, round(score::numeric, 3) AS score, example
    FROM aipipe.profile_dependencies('large', 2, 0.01);
SELECT determinant, dependent, confidence + error AS one, round(score::numeric, 2) AS score, example FROM aipipe.profile_dependencies('odd', 1, 0.1, '{"top": 3}');
-- left out: constants, keys, left sides that too few rows repeat
SELECT determinant, dependent, round(repeated::numeric, 2) AS repeated, round(score::numeric, 2) AS score FROM aipipe.profile_dependencies('large', 2, 0.01, '{"columns": ["twos", "follows", "kind"]}');
SELECT determinant, dependent FROM aipipe.profile_dependencies('large', 2, 0.01, '{"columns": ["twos", "follows", "kind"], "min_repeat": 0.6}');
SELECT determinant, dependent, score FROM aipipe.profile_dependencies('odd', 1, params => '{"columns": ["a", "one"]}');
SELECT determinant, dependent, score FROM aipipe.profile_dependencies('odd', 1, params => '{"columns": ["a", "one"], "trivial": true}');
-- what holds no better than chance: a right side that is nearly constant, a left side that is nearly a key
CREATE TABLE chance AS SELECT (i * 7919) % 400 AS x, (i % 50 = 0)::int AS rare FROM generate_series(0, 399) AS i UNION ALL SELECT i, (i % 50 = 7)::int FROM generate_series(0, 19) AS i;
SELECT determinant, dependent FROM aipipe.profile_dependencies('chance', 1, 0.015);
SELECT determinant, dependent, violations, score FROM aipipe.profile_dependencies('chance', 1, 0.015, '{"trivial": true}');
-- a sample, views, rights and row security
SELECT determinant, dependent FROM aipipe.profile_dependencies('large', 1, params => '{"sample": 0.1, "seed": 4, "columns": ["zip", "fee", "kind"]}');
CREATE VIEW seen AS SELECT zip, city FROM large WHERE zip <> 17;
SELECT determinant, dependent, "rows" FROM aipipe.profile_dependencies('seen');
CREATE ROLE regress_profile_dependencies;
GRANT USAGE ON SCHEMA profile_dependencies TO regress_profile_dependencies;
GRANT SELECT (zip, city) ON large TO regress_profile_dependencies;
CREATE TABLE policed AS SELECT i % 5 AS a, CASE WHEN i > 20 THEN i ELSE i % 5 END AS b FROM generate_series(1, 50) AS i;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON policed USING (b <= 5);
GRANT SELECT ON policed TO regress_profile_dependencies;
SELECT count(*) FROM aipipe.profile_dependencies('policed') WHERE determinant = '{a}';
SET ROLE regress_profile_dependencies;
SELECT aipipe.profile_dependencies('large');
SELECT determinant, dependent, violations, example FROM aipipe.profile_dependencies('large', 1, 0.01, '{"columns": ["zip", "city"]}');
SELECT determinant, dependent, "rows" FROM aipipe.profile_dependencies('policed');
RESET ROLE;
-- errors
SELECT aipipe.profile_dependencies(NULL);
SELECT aipipe.profile_dependencies('large', 0);
SELECT aipipe.profile_dependencies('large', 3);
SELECT aipipe.profile_dependencies('large', NULL);
SELECT aipipe.profile_dependencies('large', 1, 1);
SELECT aipipe.profile_dependencies('large', 1, NULL);
SELECT aipipe.profile_dependencies('large', params => '{"trivia": true}');
SELECT aipipe.profile_dependencies('large', params => '{"columns": ["zip", "zop"]}');
SET aipipe.profile_max_memory = '1MB';
\set VERBOSITY terse
SELECT aipipe.profile_dependencies('large');
\set VERBOSITY default
RESET aipipe.profile_max_memory;
DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 20) AS i', string_agg(format('(i %% %s)::int2 AS c%s', 2 + n % 3, n), ', ')) FROM generate_series(1, 1600) AS n); END $$;
SELECT aipipe.profile_dependencies('wide');
SELECT count(*), bool_and(error = 0) AS exact FROM aipipe.profile_dependencies('wide', 1);
SET client_min_messages = warning;
DROP SCHEMA profile_dependencies CASCADE;
DROP ROLE regress_profile_dependencies;
