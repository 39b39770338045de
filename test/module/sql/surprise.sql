-- Cell surprise: cells in words, more rows into an artifact, artifacts and compiled forms from a hostile source.
SET search_path = aipipe_test, public;
SET datestyle = iso;
CREATE TEMP TABLE staff AS SELECT CASE WHEN i % 10 < 7 THEN 'clerk' WHEN i % 10 < 9 THEN 'driver' ELSE 'chief' END AS job,
	CASE WHEN i % 10 < 7 THEN 9 WHEN i % 10 < 9 THEN 8 ELSE 14 END AS grade, (i * 71 % 1000) / 10.0 + CASE WHEN i % 10 = 9 THEN 500 ELSE 0 END AS pay,
	i % 3 = 0 AS active, timestamp '2024-01-01 09:00' + i * interval '1 day' AS seen FROM generate_series(1, 1000) i;
CREATE TEMP TABLE learned AS SELECT encoder_learn('staff', marks_unseen => true) AS encoder;
ALTER TABLE learned ADD artifact bytea, ADD compiled bytea;
UPDATE learned SET artifact = surprise_train(encoder, 'staff');
UPDATE learned SET compiled = surprise_compile(artifact);
CREATE FUNCTION pg_temp.cells("row" record, OUT "column" text, OUT bits numeric, OUT expected text, OUT given text, OUT note text) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY SELECT c."column", round(c.bits::numeric, 1), c.expected, c.given, c.note
		FROM learned, aipipe_test.surprise_cells(encoder, compiled, aipipe_test.encoder_encode(encoder, "row")) c WHERE c.bits > 4 ORDER BY c.bits DESC;
END $$;

-- usual, a value that does not fit the others, one that nobody had, missing, far away, at night, of another form
SELECT v.what, c.* FROM (VALUES ('usual', 'clerk', 9, 50.0, true, timestamp '2024-06-01 09:00'), ('context', 'clerk', 14, 50.0, true, '2024-06-01 09:00'),
	('unseen', 'pilot', 9, 50.0, true, '2024-06-01 09:00'), ('form', 'CLERK1', 9, 50.0, true, '2024-06-01 09:00'), ('missing', 'clerk', NULL, 50.0, true, '2024-06-01 09:00'),
	('between', 'clerk', 11, 50.0, true, '2024-06-01 09:00'), ('far', 'chief', 14, 50000, true, '2024-06-01 09:00'), ('low for a chief', 'chief', 14, 50.0, true, '2024-06-01 09:00'),
	('night', 'clerk', 9, 50.0, true, '2024-06-01 02:00')) v(what, job, grade, pay, active, seen), pg_temp.cells(v) c;

-- a row alone and among others; contributions sum to the margin
SELECT max(off) AS off, max(abs(contributions - margin)) < 1e-4 AS adds_up, count(*) FROM learned, staff s, surprise_score(compiled, encoder_encode(encoder, s));
-- the same rows give the same bytes, and an artifact is written as it was read
SELECT surprise_train(encoder, 'staff') = artifact AS same FROM learned;

-- more rows: what was never there is less strange the more of it comes, what no longer comes is stranger
CREATE TEMP TABLE news AS SELECT 'pilot'::text AS job, 14 AS grade, pay, active, seen FROM staff LIMIT 500;
CREATE TEMP TABLE refreshed AS SELECT keep, surprise_compile(surprise_refresh(encoder, artifact, 'news', keep)) AS compiled FROM learned, (VALUES (1.0), (0.1)) v(keep);
SELECT 'before' AS what, round(margin::numeric, 1) AS pilot FROM learned, surprise_score(compiled, encoder_encode(encoder, ROW('pilot', 14, 50.0, true, timestamp '2024-06-01 09:00')::staff));
SELECT keep, round(p.margin::numeric, 1) AS pilot, round(c.margin::numeric, 1) AS clerk, p.severity < 0.9 AS usual FROM refreshed r, learned l,
	surprise_score(r.compiled, encoder_encode(l.encoder, ROW('pilot', 14, 50.0, true, timestamp '2024-06-01 09:00')::staff)) p,
	surprise_score(r.compiled, encoder_encode(l.encoder, ROW('clerk', 9, 50.0, true, timestamp '2024-06-01 09:00')::staff)) c ORDER BY keep DESC;

-- within groups
CREATE TEMP TABLE sale AS SELECT 's' || s AS store, s * 100 + i * 7 % 10 AS amount, i % 4 = s % 4 AS online FROM generate_series(1, 100) s, generate_series(1, 40) i;
CREATE TEMP TABLE grouped AS SELECT encoder_learn('sale', marks_unseen => true, max_categories => 200, as_category => '{store}') AS encoder;
ALTER TABLE grouped ADD artifact bytea, ADD compiled bytea;
UPDATE grouped SET artifact = surprise_train(encoder, 'sale', '{"partition_by": "store"}');
UPDATE grouped SET compiled = surprise_compile(artifact);
SELECT c."column", round(c.bits::numeric, 1) AS bits, c.expected, c.given, c.note FROM grouped, (VALUES ('s7', 705, true), ('s7', 5005, true), ('elsewhere', 50000, true)) v(store, amount, online),
	surprise_cells(encoder, compiled, encoder_encode(encoder, v)) c WHERE c.bits > 4;

-- refused with the promised error, or sound
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other, m.different
FROM (SELECT 'whole' AS what, artifact FROM learned UNION ALL SELECT 'grouped', artifact FROM grouped) a, surprise_mutate(artifact, false, 2000) m ORDER BY what;
SELECT what, m.accepted + m.refused AS answered, m.accepted > 0 AS some_served, m.other
FROM (SELECT 'whole' AS what, compiled FROM learned UNION ALL SELECT 'grouped', compiled FROM grouped) a, surprise_mutate(compiled, true, 4000) m ORDER BY what;

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
CREATE TEMP TABLE small AS SELECT 1 + i % 2 AS a, 1 + i % 2 AS b FROM generate_series(1, 100) i;
CREATE TEMP TABLE written AS SELECT convert_from(surprise_train(encoder_learn('small', marks_unseen => true), 'small'), 'UTF8') AS json;
SELECT left(json, 330) FROM written;
SELECT old, new, pg_temp.refusal(regexp_replace(json, old, new)) FROM written, (VALUES
	('"features":2', '"features":0'), ('"features":2', '"features":1'), ('"columns":2', '"columns":1'), ('"rows":100', '"rows":-1'), ('"power":1', '"power":2'), ('"smoothing":2', '"smoothing":0'),
	('"partition":-1', '"partition":0'), ('"partition":-1', '"partition":9'), ('"paired":1', '"paired":0'), ('"side":0', '"side":2'), ('"grouped":0', '"grouped":1'),
	('\[\[1,2\],\[1,2\]', '[[2,1],[2,1]'), ('\[\[1,2\],\[1,2\]', '[[1,2],[1.5,2]'), ('\[\[1,2\]', '[[1]'), ('"core":\[[^,]*', '"core":[1e30'), ('"core":\[([^\]]*),[^,]*\]', '"core":[\1,-1]'),
	('"counts":\[50', '"counts":[-50'), ('"novelty":0.5', '"novelty":0.1'), ('"aspect":1', '"aspect":0'), ('"aspect":1', '"aspect":7'), ('"whole":0', '"whole":1'), ('"information":[^,]*', '"information":0'),
	('"counts":\[0,50,5', '"counts":[0,50,500'), ('"counts":\[0,50,5', '"counts":[0,50,0'), ('"counts":\[0,50', '"counts":[0,0'), ('"severity":\{"rows":100', '"severity":{"rows":0'),
	('"marginal"', '"conditional"'), ('$', '}'), ('.$', ''), ('"format_version":1', '"format_version":2')) v(old, new);

-- a compiled form that was cut, or with one bit changed, or of another kind
CREATE FUNCTION pg_temp.damage(compiled bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM aipipe_test.surprise_score(compiled, '{1,1}');
	RETURN 'none';
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
CREATE TEMP TABLE form AS SELECT surprise_compile(convert_to(json, 'UTF8')) AS compiled FROM written;
SELECT pg_temp.damage(compiled) AS whole, pg_temp.damage(substr(compiled, 1, 40)) AS cut_short, pg_temp.damage(substr(compiled, 1, length(compiled) - 8)) AS cut,
	pg_temp.damage(set_bit(compiled, 2000, 1 - get_bit(compiled, 2000))) AS a_bit, pg_temp.damage(set_byte(compiled, 0, 66)) AS another FROM form;
SELECT pg_temp.damage(set_byte(compiled, 8, 9)) AS another_format, pg_temp.damage(set_byte(compiled, 12, 9)) AS another_machine FROM form;
-- one that is sealed anew: within a group where there are none
SELECT pg_temp.damage(seal(set_bit(compiled, 96 * 8 + 2, 1), 0)) AS in_no_group FROM form;
