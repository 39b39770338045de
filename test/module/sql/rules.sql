-- Rule tables from a hostile source: refused with the promised error, or sound.
SET search_path = aipipe_test, public;
CREATE TEMP TABLE artifact(what text, json text);
INSERT INTO artifact VALUES
	('value', '{"format":"aipipe-rules","format_version":1,"features":3,"values":1,"overall":[2.5],"rules":[{"when":[{"feature":0,"is":">","constants":[1000]},{"feature":2,"is":"null","constants":[]}],"then":[7],"share":0.25},{"when":[{"feature":1,"is":"in","constants":[1,2,3]},{"feature":1,"is":"known","constants":[]}],"then":[-1e+10],"share":0}],"else":[1],"share":0.75}'),
	('two classes', '{"format":"aipipe-rules","format_version":1,"features":2,"values":2,"overall":[0.5],"rules":[{"when":[{"feature":1,"is":"not","constants":[4]}],"then":[1],"share":0.5}],"else":[0],"share":0.5}'),
	('three classes', '{"format":"aipipe-rules","format_version":1,"features":1,"values":3,"overall":[0.5,0.25,0.25],"rules":[{"when":[{"feature":0,"is":"<=","constants":[4]},{"feature":0,"is":">=","constants":[2]}],"then":[0,1,0],"share":0.5}],"else":[0,0.5,0.5],"share":0.5}'),
	('baseline', '{"format":"aipipe-rules","format_version":1,"features":1,"values":1,"overall":[3],"rules":[],"else":[3],"share":1}');
SELECT what, rules_open(rules_compile(convert_to(json, 'UTF8'))) AS rules FROM artifact ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.different
FROM artifact, rules_mutate(convert_to(json, 'UTF8'), false, 5000) AS m ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other
FROM artifact, rules_mutate(rules_compile(convert_to(json, 'UTF8')), true, 5000) AS m ORDER BY what;

-- one change each, and what is said
CREATE FUNCTION pg_temp.refusal(written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.rules_compile(convert_to(written, 'UTF8'));
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT old, new, pg_temp.refusal(replace(json, old, new)) FROM artifact, (VALUES
	('"features":3', '"features":0'), ('"features":3', '"features":2'), ('"features":3', '"features":-3'), ('"features":3', '"features":3.5'), ('"features":3', '"features":99999'),
	('"values":1', '"values":0'), ('"values":1', '"values":2'), ('"values":1', '"values":3'), ('"values":1', '"values":100000'), ('[2.5]', '[]'), ('[2.5]', '[1e39]'), ('[2.5]', '[nan]'),
	('"is":">"', '"is":"~"'), ('"constants":[1000]', '"constants":[]'), ('"constants":[1000]', '"constants":[1,2]'), ('"null","constants":[]', '"null","constants":[1]'),
	('"when":[{"feature":1,"is":"in","constants":[1,2,3]},{"feature":1,"is":"known","constants":[]}]', '"when":[]'), ('"share":0.25', '"share":1.5'), ('"share":0.25', '"share":-1'),
	('"then"', '"else"'), (',"share":0.75}', ',"share":0.75}}'), (',"share":0.75}', ',"share":0.75'), ('"format_version":1', '"format_version":2'), ('{"format', ' {"format')) AS v(old, new)
WHERE what = 'value';
SELECT old, new, pg_temp.refusal(replace(json, old, new)) FROM artifact, (VALUES ('[0,1,0]', '[0,1,1]'), ('[0.5,0.25,0.25]', '[0.5,0.25]'), ('[0,0.5,0.5]', '[0,0.5,-0.5]'), ('[0,0.5,0.5]', '[2,-0.5,-0.5]')) AS v(old, new)
WHERE what = 'three classes';

-- a compiled form that was cut, or with one bit changed, or of another kind
CREATE FUNCTION pg_temp.damage(compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.rules_open(compiled);
	RETURN 'none';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT pg_temp.damage(substr(c, 1, 20)) AS cut_in_header, pg_temp.damage(substr(c, 1, length(c) - 4)) AS cut, pg_temp.damage(set_bit(c, length(c) * 8 - 1, 1 - get_bit(c, length(c) * 8 - 1))) AS bit
FROM artifact, rules_compile(convert_to(json, 'UTF8')) AS c WHERE what = 'value';
SELECT pg_temp.damage(set_byte(c, 8, 9)) AS format, pg_temp.damage(set_byte(c, 12, 9)) AS byte_order, pg_temp.damage(compile(train('reg:squarederror', rounds => 1))) AS forest
FROM artifact, rules_compile(convert_to(json, 'UTF8')) AS c WHERE what = 'value';
