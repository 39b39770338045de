-- Joins: the same pairs, with the same figures, as joining every pair of columns in SQL finds; limits, rights, errors.
CREATE SCHEMA profile_joins;
SET search_path = profile_joins;
SET aipipe.progress_interval = 0;
CREATE TABLE customers (gone int, id int PRIMARY KEY, name text, country char(4));
ALTER TABLE customers DROP COLUMN gone;
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id int REFERENCES customers, sku varchar, placed date, note text);
CREATE TABLE products (code text PRIMARY KEY, price numeric, weight float8);
CREATE TABLE employee (id int, manager_id text, flag boolean);
CREATE TABLE calendar (day timestamp, "we ""ird" date);
CREATE TABLE empty (id int, x text);
CREATE TABLE parts (customer_id numeric, kind int) PARTITION BY LIST (kind);
CREATE TABLE part0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE part1 PARTITION OF parts DEFAULT;
INSERT INTO customers SELECT i, 'name ' || i % 900, (ARRAY['DE', 'FR', 'IT', 'ES'])[1 + i % 4] FROM generate_series(1, 1000) AS i;
INSERT INTO orders SELECT i + 100000, CASE WHEN i % 10 > 0 THEN 1 + (i * 7) % 900 END, 'P' || i % 52, date '2024-01-01' + i % 300, CASE WHEN i % 3 = 0 THEN NULL ELSE '' END
    FROM generate_series(1, 2000) AS i;
INSERT INTO products SELECT 'P' || i, i * 1.5, CASE WHEN i = 7 THEN 'NaN' ELSE i * 1.5 END FROM generate_series(0, 49) AS i;
INSERT INTO employee SELECT i, nullif(i / 10, 0)::text, true FROM generate_series(1, 500) AS i;
INSERT INTO calendar SELECT d, d FROM generate_series(timestamp '2024-01-01', '2024-12-31', '1 day') AS d;
INSERT INTO parts SELECT i + 0.00, i % 2 FROM generate_series(1, 300) AS i;
-- every pair of columns, joined in SQL by text forms that equal values share
CREATE TABLE forms (relation regclass, name name, value text, n bigint);
DO $$ DECLARE r record; BEGIN
    FOR r IN SELECT attrelid::regclass AS relation, attname, atttypid FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
              WHERE relnamespace = 'profile_joins'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0 AND NOT attisdropped AND atttypid <> 'bool'::regtype LOOP
        EXECUTE format('INSERT INTO forms SELECT %L::regclass, %L, %s, count(*) FROM %s WHERE %I IS NOT NULL GROUP BY 3', r.relation, r.attname,
            format(CASE WHEN r.atttypid IN ('date'::regtype, 'timestamp'::regtype) THEN '%I::timestamp::text' WHEN r.atttypid IN ('numeric'::regtype, 'float8'::regtype) THEN 'trim_scale(%I::numeric)::text' ELSE '%I::text' END, r.attname),
            r.relation, r.attname);
    END LOOP; END $$;
DELETE FROM forms WHERE relation = 'forms'::regclass;
CREATE FUNCTION by_sql(share float8) RETURNS TABLE (lr text, lc name, rr text, rc name, containment float8, coverage float8, l bigint, r bigint, right_unique boolean, cardinality text) LANGUAGE sql AS $$
    WITH sides AS (SELECT relation, name, count(*) AS d, sum(n) AS n, max(n) = 1 AS u FROM forms GROUP BY 1, 2),
         met AS (SELECT a.relation AS ar, a.name AS an, b.relation AS br, b.name AS bn, count(*) AS d, sum(a.n) AS n FROM forms AS a JOIN forms AS b USING (value)
                  WHERE (a.relation, a.name) <> (b.relation, b.name) GROUP BY 1, 2, 3, 4)
    SELECT ar::text, an, br::text, bn, met.d / a.d::float8, (met.n / a.n)::float8, a.d, b.d, b.u, CASE WHEN a.u THEN '1' ELSE 'n' END || ':' || CASE WHEN b.u THEN '1' WHEN a.u THEN 'n' ELSE 'm' END
      FROM met JOIN sides AS a ON (a.relation, a.name) = (ar, an) JOIN sides AS b ON (b.relation, b.name) = (br, bn)
     WHERE a.d >= 3 AND met.d >= share * a.d $$;
CREATE FUNCTION ours(share float8) RETURNS TABLE (lr text, lc name, rr text, rc name, containment float8, coverage float8, l bigint, r bigint, right_unique boolean, cardinality text) LANGUAGE sql AS $$
    SELECT left_relation::text, left_column, right_relation::text, right_column, containment, coverage, left_distinct, right_distinct, right_unique, cardinality
      FROM aipipe.profile_joins(ARRAY['customers', 'orders', 'products', 'employee', 'calendar', 'empty', 'parts']::regclass[], NULL, share, '{"max_verified": 1000, "min_score": 0}') $$;
CREATE FUNCTION rounded(anyelement) RETURNS text LANGUAGE sql AS $$ SELECT round($1::numeric, 6)::text $$;
SELECT share, (SELECT count(*) FROM ours(share)) AS found,
    (SELECT count(*) FROM (SELECT lr, lc, rr, rc, rounded(containment), rounded(coverage), l, r, right_unique, cardinality FROM by_sql(share)
                           EXCEPT SELECT lr, lc, rr, rc, rounded(containment), rounded(coverage), l, r, right_unique, cardinality FROM ours(share)) AS x) AS missed,
    (SELECT count(*) FROM (SELECT lr, lc, rr, rc, rounded(containment), rounded(coverage), l, r, right_unique, cardinality FROM ours(share)
                           EXCEPT SELECT lr, lc, rr, rc, rounded(containment), rounded(coverage), l, r, right_unique, cardinality FROM by_sql(share)) AS x) AS wrong
  FROM unnest(ARRAY[1, 0.95, 0.6]) AS share;
DROP TABLE forms;
-- what an answer looks like
SELECT left_relation, left_column, right_relation, right_column, round(containment::numeric, 3) AS containment, round(coverage::numeric, 3) AS coverage, cardinality,
    round(name_similarity::numeric, 2) AS names, declared, round(score::numeric, 2) AS score FROM aipipe.profile_joins(schema => 'profile_joins');
-- limits: so many pairs, so many values; samples
SELECT left_column, right_column, declared FROM aipipe.profile_joins('{orders,customers,employee}', params => '{"max_verified": 1}');
SELECT left_column, right_column FROM aipipe.profile_joins('{orders,products}', NULL, 0.9, '{"min_distinct": 53}');
SELECT left_column, right_relation, right_column, containment FROM aipipe.profile_joins('{orders,customers}', params => '{"sample": 0.3, "seed": 2}');
SELECT left_column, right_column, round(score::numeric, 2) AS score FROM aipipe.profile_joins('{orders,products,parts}', params => '{"min_score": 0.4}');
SELECT count(*) FROM aipipe.profile_joins('{empty}');
SELECT left_column, right_column FROM aipipe.profile_joins('{calendar,calendar}');
-- large columns: what does not fit into memory is counted part by part; few values in many, many in few
CREATE TABLE many AS SELECT i AS id, md5(i::text) AS code, i % 450 AS few FROM generate_series(1, 30000) AS i;
CREATE TABLE more AS SELECT CASE WHEN i % 9 > 0 THEN i % 20000 + 1 END AS many_id, md5((i % 25000 + CASE WHEN i % 70 = 0 THEN 30000 ELSE 1 END)::text) AS many_code, 10 + i % 7 AS digit FROM generate_series(1, 45000) AS i;
CREATE TABLE found AS SELECT memory, j.* FROM unnest('{1GB,1MB}'::text[]) AS memory, set_config('aipipe.profile_max_memory', memory, false),
    LATERAL aipipe.profile_joins('{many,more}', NULL, CASE WHEN set_config IS NOT NULL THEN 0.01 END, '{"min_score": 0}') AS j;
RESET aipipe.profile_max_memory;
SELECT left_column, right_column, round(containment::numeric, 6) AS containment, round(coverage::numeric, 6) AS coverage, left_distinct AS l, right_distinct AS r, cardinality, count(*) AS times
  FROM found GROUP BY left_relation, left_column, right_relation, right_column, containment, coverage, left_distinct, right_distinct, cardinality ORDER BY 1, 2;
SELECT f.left_column, f.right_column, count(m.v) / count(*)::float8 = f.containment AS containment, coalesce(sum(a.n) FILTER (WHERE m.v IS NOT NULL), 0)::float8 / sum(a.n)::float8 = f.coverage AS coverage
  FROM (SELECT 'many_id' AS name, 'id' AS other, many_id::text AS v, count(*) AS n FROM more WHERE many_id IS NOT NULL GROUP BY 3 UNION ALL SELECT 'many_code', 'code', many_code, count(*) FROM more GROUP BY 3) AS a
  LEFT JOIN (SELECT 'id' AS name, id::text AS v FROM many UNION ALL SELECT 'code', code FROM many) AS m ON m.name = a.other AND m.v = a.v
  JOIN found AS f ON memory = '1MB' AND f.left_column = a.name AND f.right_column = a.other GROUP BY f.left_column, f.right_column, f.containment, f.coverage ORDER BY f.left_column;
DROP TABLE many, more, found;
-- columns of one table; a view is looked at when it is named
CREATE VIEW staff AS SELECT id, manager_id::int AS boss FROM employee;
SELECT left_column, right_column, cardinality, right_unique FROM aipipe.profile_joins('{staff}');
-- the caller's tables and rows only
CREATE ROLE regress_profile_joins;
GRANT USAGE ON SCHEMA profile_joins TO regress_profile_joins;
GRANT SELECT ON orders, employee TO regress_profile_joins;
GRANT SELECT (id) ON customers TO regress_profile_joins;
CREATE TABLE policed AS SELECT i AS customer_no FROM generate_series(1, 2000) AS i;
ALTER TABLE policed ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON policed USING (customer_no <= 20);
GRANT SELECT ON policed TO regress_profile_joins;
SET ROLE regress_profile_joins;
SELECT left_relation, left_column, right_relation, right_column, left_distinct FROM aipipe.profile_joins(schema => 'profile_joins') WHERE left_relation = 'policed'::regclass;
SELECT count(*) FROM aipipe.profile_joins(schema => 'profile_joins') WHERE 'customers'::regclass = ANY (ARRAY[left_relation, right_relation]);
SELECT aipipe.profile_joins('{customers,orders}');
RESET ROLE;
-- a database's worth: every schema but the system's
SELECT count(*) > 0 AS found FROM aipipe.profile_joins() WHERE left_relation = 'orders'::regclass AND right_relation = 'customers'::regclass AND declared;
-- what a type's owner made of a cast to text does not run: the column is compared as its type writes it
CREATE TYPE mood AS ENUM ('sad', 'calm', 'glad', 'wild');
CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'cast as %', current_user; END $$;
CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood) AS IMPLICIT;
CREATE DOMAIN moody AS mood;
CREATE TABLE moods AS SELECT unnest(enum_range(NULL::mood)) AS mood;
CREATE TABLE felt AS SELECT (enum_range(NULL::mood))[1 + i % 4]::moody AS mood, (ARRAY['sad', 'calm', 'glad', 'wild'])[1 + i % 4] AS word FROM generate_series(1, 40) i;
SELECT left_relation, left_column, right_relation, right_column, containment FROM aipipe.profile_joins('{felt,moods}') ORDER BY 1, 2, 3, 4;
-- errors
SELECT aipipe.profile_joins('{}');
SELECT aipipe.profile_joins(ARRAY[NULL::regclass]);
SELECT aipipe.profile_joins('{orders}', 'profile_joins');
SELECT aipipe.profile_joins(schema => 'nowhere');
SELECT aipipe.profile_joins('{orders}', NULL, NULL);
SELECT aipipe.profile_joins('{orders}', NULL, 0);
SELECT aipipe.profile_joins('{orders}', NULL, 'NaN');
SELECT aipipe.profile_joins('{orders}', NULL, 1.1);
SELECT aipipe.profile_joins('{orders}', params => '{"max_verify": 1}');
SELECT aipipe.profile_joins('{customers_pkey}');
CREATE SCHEMA profile_joins_wide;
DO $$ BEGIN
    FOR t IN 1 .. 4 LOOP
        EXECUTE (SELECT format('CREATE TABLE profile_joins_wide.wide%s (%s)', t, string_agg(format('c%s int', n), ', ')) FROM generate_series(1, 1300) AS n);
    END LOOP; END $$;
SELECT aipipe.profile_joins(schema => 'profile_joins_wide');
SET client_min_messages = warning;
DROP SCHEMA profile_joins, profile_joins_wide CASCADE;
DROP ROLE regress_profile_joins;
