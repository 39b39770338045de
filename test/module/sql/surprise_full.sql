-- Cell surprise with trees: the full conditional in words, more rows, artifacts and compiled forms from a hostile source.
SET search_path = aipipe_test, public;
CREATE TEMP TABLE sale AS SELECT 'c' || k % 5 AS country, CASE WHEN f THEN 'food' ELSE 'other' END AS kind,
	CASE WHEN (((k % 5) % 2 = 0) <> f) <> (e % 20 = 0) THEN 'low' ELSE 'full' END AS tax, CASE WHEN e % 7 = 0 THEN NULL ELSE k % 3 END AS region, e % 50 AS amount
FROM (SELECT abs(hashint4(i + 1000000)) AS k, hashint4(i + 2000000) % 2 = 0 AS f, abs(hashint4(i + 3000000)) AS e FROM generate_series(1, 900) i) s;
CREATE TEMP TABLE learned AS SELECT encoder_learn('sale', marks_unseen => true) AS encoder;
ALTER TABLE learned ADD artifact bytea, ADD compiled bytea;
UPDATE learned SET artifact = surprise_train(encoder, 'sale', '{"full_conditional": true}');
UPDATE learned SET compiled = surprise_compile(artifact);
SELECT convert_from(artifact, 'UTF8') LIKE '%,"full":[{"aspect":%' AS trees, surprise_train(encoder, 'sale', '{"full_conditional": true}') = artifact AS same FROM learned;

-- what fits, what does not, what the trees have no say in
SELECT v.what, c."column", c.bits > 4 AS strange, split_part(c.expected, ' ', 1) AS expected, c.given IN ('country', 'kind') AS because, c.note
FROM learned, (VALUES ('fits', 'c1', 'food', 'low', 1, 7), ('does not', 'c1', 'other', 'low', 1, 7), ('unseen', 'c1', 'food', 'none', 1, 7), ('missing', 'c1', 'food', NULL, 1, 7)) v(what, country, kind, tax, region, amount),
	surprise_cells(encoder, compiled, encoder_encode(encoder, v)) c WHERE c."column" = 'tax' AND c.bits > 3.5;

-- a row alone and among others; contributions sum to the margin
SELECT max(off) AS off, max(abs(contributions - margin)) < 1e-4 AS adds_up, count(*) FROM learned, sale s, surprise_score(compiled, encoder_encode(encoder, s));

-- more rows: the trees stay, and what they did not expect surprises the less the more of it comes
CREATE TEMP TABLE news AS SELECT country, kind, CASE tax WHEN 'low' THEN 'full' ELSE 'low' END AS tax, region, amount FROM sale;
CREATE TEMP TABLE refreshed AS SELECT surprise_refresh(encoder, artifact, 'news', 1) AS artifact FROM learned;
SELECT substring(convert_from(l.artifact, 'UTF8') FROM '"trees":\[.*?\]\}\]') = substring(convert_from(r.artifact, 'UTF8') FROM '"trees":\[.*?\]\}\]') AS same_trees FROM learned l, refreshed r;
SELECT b.margin > a.margin + 0.1 AS less FROM learned l, refreshed r, surprise_score(l.compiled, encoder_encode(l.encoder, ROW('c1', 'other', 'low', 1, 7)::sale)) b,
	surprise_score(surprise_compile(r.artifact), encoder_encode(l.encoder, ROW('c1', 'other', 'low', 1, 7)::sale)) a;

-- refused with the promised error, or sound
SELECT m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.different FROM learned, surprise_mutate(artifact, false, 1000) m;
SELECT m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other FROM learned, surprise_mutate(compiled, true, 4000) m;

-- one change each, and what is said
CREATE FUNCTION pg_temp.refusal(written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.surprise_compile(convert_to(written, 'UTF8'));
	RETURN 'none';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT substring(convert_from(artifact, 'UTF8') FROM '"full":\[.{28}') AS begins FROM learned;
SELECT old, new, pg_temp.refusal(regexp_replace(convert_from(artifact, 'UTF8'), old, new)) FROM learned, (VALUES
	('"full":\[\{"aspect":0', '"full":[{"aspect":1'), ('"full":\[\{"aspect":0', '"full":[{"aspect":99'), ('"full":\[.*\],"severity"', '"full":[],"severity"'),
	('("full":.*?"groups":\[)\d', '\19'), ('("full":.*?"groups":\[)\d', '\110'), ('("full":.*?"groups":\[)\d', '\1-2'), ('("full":.*?"groups":\[)[^]]*', '\1-1,-1,-1,-1,-1,-1,-1'),
	('"gain":[^,]*', '"gain":0'), ('"instead":\d', '"instead":2'), ('"looks":\[[^]]*', '"looks":['), ('"looks":\[[^]]*', '"looks":[0'), ('"looks":\[(\d),(\d)', '"looks":[\2,\1'), ('"looks":\[\d', '"looks":[99'), ('"looks":\[\d', '"looks":[1'),
	('"trees":\[\d+', '"trees":[7'), ('"trees":\[', '"tree":['), ('("trees":\[\d+,\{.*?)"num_class":"\d+"', '\1"num_class":"9"')) v(old, new);
