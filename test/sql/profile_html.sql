-- A profile as a page: self-contained, and whatever the table says is text in it.
\set VERBOSITY terse
CREATE TABLE "<i>t</i>" ("<b>n</b>" int, "it's ""q"" & more" text, day date, flag boolean, nothing text);
INSERT INTO "<i>t</i>" SELECT i, (ARRAY['<script>alert(1)</script>', '" onload="x', '&amp;', E'tab\there'])[1 + i % 4], '2024-01-01'::date + i % 30, i % 2 = 0 FROM generate_series(1, 400) i;
SELECT aipipe.profile_html('"<i>t</i>"') AS page \gset
SELECT count(*) FILTER (WHERE line ~ '<script|<b>|<i>t|onload="') AS markup,
       count(*) FILTER (WHERE line ~ '&lt;script&gt;alert\(1\)&lt;/script&gt;') > 0 AS escaped,
       count(*) FILTER (WHERE line ~ '<section id="c[0-9]+"><h2>') AS sections,
       count(*) FILTER (WHERE line ~ '<rect ') > 0 AS charts
  FROM regexp_split_to_table(:'page', E'\n') line;
SELECT m[1] FROM regexp_matches(:'page', '<h2>(.*?)</h2>', 'g') m;
SELECT m[1] FROM regexp_matches(:'page', '<title>(Profile.*?)</title>', 'g') m;
SELECT :'page' LIKE '<!DOCTYPE html>%</html>' || E'\n' AS whole, :'page' ~ 'default-src ''none''' AS locked, :'page' ~* '(src|href)\s*=\s*"?[^"#]' AS loads;
-- an empty table, one without columns, one row, some columns
CREATE TABLE hollow (a int, b text);
SELECT length(aipipe.profile_html('hollow')) > 1000, aipipe.profile_html('hollow') LIKE '%0 rows, 2 columns%';
CREATE TABLE bare ();
SELECT aipipe.profile_html('bare') LIKE '%0 rows, 0 columns%';
INSERT INTO hollow VALUES (1, 'x');
SELECT aipipe.profile_html('hollow', columns => ARRAY['b']) LIKE '%1 rows, 1 columns%';
SELECT aipipe.profile_html(NULL);
SELECT aipipe.profile_html('hollow', 2);
SELECT aipipe.profile_html('hollow', columns => ARRAY['c']);
CREATE ROLE regress_profile_reader;
SET ROLE regress_profile_reader;
SELECT aipipe.profile_html('hollow');
RESET ROLE;
DROP ROLE regress_profile_reader;
DROP TABLE "<i>t</i>", hollow, bare;
