-- What `make demo CSV=…` needs to turn any CSV into typed tables.
--
-- The file is landed as text, record by record, in csv.raw (r, c1 … cN); its
-- first record gives the names.  csv_columns_infer() finds a type for every column and
-- csv_feed_build() makes csv.feed, typed, with the record number first.

CREATE SCHEMA IF NOT EXISTS demo;
CREATE SCHEMA csv;

-- The delimiter that cuts most of a sample's lines into the same number (> 1) of fields; a comma when none does.
CREATE FUNCTION demo.csv_delimiter(sample text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN (
	WITH line AS (
		SELECT l, i FROM regexp_split_to_table(regexp_replace(sample, '"([^"]|"")*"', 'q', 'g'), '\n') WITH ORDINALITY AS t(l, i)
		WHERE l <> '' ORDER BY i LIMIT 50
	), cut AS (
		SELECT d, i, length(l) - length(replace(l, d, '')) AS n
		FROM line, unnest(ARRAY[',', ';', E'\t', '|']) AS d
	), judged AS (
		SELECT d, first, count(*) FILTER (WHERE n = first)::float8 / count(*) AS share
		FROM (SELECT d, n, first_value(n) OVER (PARTITION BY d ORDER BY i) AS first FROM cut) s
		GROUP BY d, first
	)
	SELECT coalesce((SELECT d FROM judged WHERE first > 0 ORDER BY share >= .9 DESC, first DESC, share DESC, d = ',' DESC LIMIT 1), ','));

-- Fields in the first record of a sample; 0 when a quote in it does not close.
CREATE FUNCTION demo.csv_width(sample text, delimiter text) RETURNS int
LANGUAGE sql IMMUTABLE
RETURN (SELECT CASE WHEN l LIKE '%"%' THEN 0 ELSE 1 + length(l) - length(replace(l, delimiter, '')) END
        FROM (SELECT split_part(regexp_replace(sample, '"([^"]|"")*"', 'q', 'g'), E'\n', 1)) AS s(l));

-- What one field looks like.  A code is digits whose leading zero means something; 1,234 may be one thousand or one and a bit.
CREATE FUNCTION demo.csv_kind(v text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN v ~ '^\s*[+-]?(0|[1-9]\d{0,8})\s*$' THEN 'int'
	WHEN v ~ '^\s*[+-]?[1-9]\d{9,17}\s*$' THEN 'bigint'
	WHEN v ~ '^\s*[+-]?(0|[1-9]\d*|)(\.\d*)?([eE][+-]?\d{1,3})?\s*$' AND v ~ '\d' AND v !~ '^\s*[+-]?[eE]' THEN 'number'
	WHEN v ~ '^\s*0\d{1,17}\s*$' THEN 'code'
	WHEN v ~ '^\s*[+-]?\d+,(\d{1,2}|\d{4,})\s*$' THEN 'comma'
	WHEN v ~ '^\s*[+-]?\d{1,3},\d{3}\s*$' THEN 'three after comma'
	WHEN v ~* '^\s*(na|n/a|nan|null|none|nil|-|\?|\.|)\s*$' THEN 'null'
	WHEN v ~* '^(t|f|true|false|y|n|yes|no)$' THEN 'bool'
	WHEN v ~ '^\d{4}[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01])$' THEN 'date'
	WHEN v ~ '^\d{4}[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01])[T ]\d{1,2}:\d{2}(:\d{2}(\.\d*)?)?$' THEN 'timestamp'
	WHEN v ~ '^\d{4}[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01])[T ]\d{1,2}:\d{2}(:\d{2}(\.\d*)?)? ?(Z|UTC|[+-]\d{2}(:?\d{2})?)$' THEN 'timestamptz'
	WHEN v ~ '^(0?[1-9]|[12]\d|3[01])[/.](0?[1-9]|[12]\d|3[01])[/.]\d{4}$' THEN 'slash date'
	WHEN v ~* '^(0?[1-9]|[12]\d|3[01])[/.](0?[1-9]|[12]\d|3[01])[/.]\d{4} \d{1,2}:\d{2}(:\d{2}(\.\d*)?)?( ?[ap]m)?$' THEN 'slash timestamp'
	WHEN v ~ '^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d*)?)?$' THEN 'time'
	ELSE 'text' END;

-- A date or time of day and date; NULL when there is no such day.  day_first: 31/12/2025.
CREATE FUNCTION demo.csv_moment(v text, day_first boolean) RETURNS timestamp
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN regexp_replace(v, '^(\d{1,2})[/.](\d{1,2})[/.](\d{4})', CASE WHEN day_first THEN '\3-\2-\1' ELSE '\3-\1-\2' END)::timestamp;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;

-- The same with a time zone.
CREATE FUNCTION demo.csv_instant(v text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN v::timestamptz;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;

-- A header as a column name: lower case, words joined by _, unique, never empty, never a system column's.
CREATE FUNCTION demo.csv_names(headers text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	names text[] := '{}';
	base text;
	name text;
	n int;
BEGIN
	FOR i IN 1 .. cardinality(headers) LOOP
		base := trim(BOTH '_' FROM lower(regexp_replace(coalesce(headers[i], ''), '[^[:alnum:]\u0080-\uffff]+', '_', 'g')));
		IF base = '' THEN
			base := 'column_' || i;
		ELSIF base ~ '^\d' THEN
			base := 'c_' || base;
		ELSIF base = ANY ('{ctid,xmin,xmax,cmin,cmax,tableoid,record}') THEN
			base := base || '_';
		END IF;
		WHILE octet_length(base) > 56 LOOP
			base := left(base, -1);
		END LOOP;
		name := base;
		n := 1;
		WHILE name = ANY (names) LOOP
			n := n + 1;
			name := base || '_' || n;
		END LOOP;
		names := names || name;
	END LOOP;
	RETURN names;
END $$;

CREATE TABLE csv.column_found (
	i int PRIMARY KEY, header text, name text, type text, day_first boolean,
	filled bigint, different bigint, kinds jsonb, example text, note text DEFAULT '', learned boolean DEFAULT true);

-- The type that fits 99 of 100 filled fields; kinds maps what was seen to how often.
CREATE FUNCTION demo.csv_type(kinds jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN (
	WITH seen AS (
		SELECT sum(n) AS n, coalesce(sum(n) FILTER (WHERE k = ANY ('{int,bigint,code}')), 0) AS whole,
		       sum(n) FILTER (WHERE k = ANY ('{int,bigint,number,code}')) AS number, sum(n) FILTER (WHERE k = ANY ('{bigint,code}')) AS big,
		       sum(n) FILTER (WHERE k = 'comma') AS comma, sum(n) FILTER (WHERE k = ANY ('{int,comma,three after comma}')) AS decimal_comma,
		       sum(n) FILTER (WHERE k = 'code') AS code, sum(n) FILTER (WHERE k = 'bool') AS bool,
		       sum(n) FILTER (WHERE k = 'date' OR k = 'slash date') AS date, sum(n) FILTER (WHERE k = 'timestamptz') AS zoned,
		       sum(n) FILTER (WHERE k = ANY ('{date,slash date,timestamp,slash timestamp,timestamptz}')) AS moment,
		       sum(n) FILTER (WHERE k = 'time') AS time
		FROM (SELECT key AS k, value::bigint AS n FROM jsonb_each_text(kinds) WHERE key <> 'null') s
	)
	SELECT CASE
		WHEN n IS NULL THEN 'text'
		WHEN number >= .99 * n AND coalesce(code, 0) <= .01 * n THEN CASE WHEN whole < number THEN 'numeric' WHEN big > 0 THEN 'bigint' ELSE 'integer' END
		WHEN comma >= .2 * n AND decimal_comma >= .99 * n THEN 'decimal comma'
		WHEN bool >= .99 * n THEN 'boolean'
		WHEN date = moment AND date >= .99 * n THEN 'date'
		WHEN moment >= .99 * n THEN CASE WHEN zoned > 0 THEN 'timestamptz' ELSE 'timestamp' END
		WHEN time >= .99 * n THEN 'time'
		ELSE 'text' END
	FROM seen);

-- Whether the first record names the columns: not when it holds a number in every column that holds numbers further down.
CREATE FUNCTION demo.csv_has_header() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		WITH head AS (SELECT key, value FROM csv.raw, jsonb_each_text(to_jsonb(raw) - 'r') WHERE r = 1),
		     body AS (SELECT key, bool_and(demo.csv_kind(value) = ANY ('{int,bigint,number,comma,null}')) AND count(value) > 0 AS numbers
		              FROM csv.raw, jsonb_each_text(to_jsonb(raw) - 'r') WHERE r > 1 AND r <= 100 GROUP BY key)
		SELECT coalesce(NOT bool_and(coalesce(demo.csv_kind(head.value) = ANY ('{int,bigint,number,comma}'), false)) FILTER (WHERE body.numbers), true)
		FROM head JOIN body USING (key));
END $$;

-- Finds names and types; with a header, record 1 leaves csv.raw.
CREATE PROCEDURE demo.csv_columns_infer(header boolean)
LANGUAGE plpgsql AS $$
DECLARE
	headers text[];
	names text[];
	width int := (SELECT count(*) - 1 FROM pg_attribute WHERE attrelid = 'csv.raw'::regclass AND attnum > 0);
	kinds jsonb;
	found csv.column_found;
BEGIN
	IF header THEN
		SELECT array_agg(to_jsonb(raw) ->> ('c' || i) ORDER BY i) INTO headers FROM csv.raw, generate_series(1, width) AS i WHERE r = 1;
		DELETE FROM csv.raw WHERE r = 1;
	ELSE
		headers := array_fill(NULL::text, ARRAY[width]);
	END IF;
	names := demo.csv_names(headers);
	FOR i IN 1 .. width LOOP
		found := NULL;
		EXECUTE format($q$
			WITH value AS (SELECT %1$I AS v, count(*) AS n FROM csv.raw WHERE %1$I IS NOT NULL GROUP BY 1),
			     kind AS (SELECT demo.csv_kind(v) AS k, sum(n) AS n, count(*) AS different FROM value GROUP BY 1)
			SELECT coalesce(jsonb_object_agg(k, n), '{}'), coalesce(sum(n), 0), coalesce(sum(different), 0),
			       (SELECT regexp_replace(left(v, 24), '\s+', ' ', 'g') FROM value ORDER BY n DESC, v LIMIT 1)
			FROM kind$q$, 'c' || i)
		INTO kinds, found.filled, found.different, found.example;
		found.type := demo.csv_type(kinds);
		IF found.type = ANY ('{date,timestamp,timestamptz}') AND kinds ?| '{slash date,slash timestamp}' THEN
			EXECUTE format($q$SELECT coalesce(bool_or(%1$I ~ '^(1[3-9]|[23]\d)[/.]') OR bool_or(%1$I ~ '^\d+\.'), false) FROM csv.raw$q$, 'c' || i) INTO found.day_first;
		END IF;
		INSERT INTO csv.column_found (i, header, name, type, day_first, filled, different, kinds, example)
		VALUES (i, headers[i], names[i], found.type, found.day_first, found.filled, found.different, kinds, found.example);
	END LOOP;
END $$;

-- The expression that turns raw column i into its type; what does not fit becomes NULL.
CREATE FUNCTION demo.csv_expression(c csv.column_found) RETURNS text
LANGUAGE sql STABLE
RETURN format(CASE
	WHEN c.type = 'integer' AND c.kinds - 'int' = '{}' THEN $q$%1$I::integer$q$
	WHEN c.type = 'integer' THEN $q$CASE WHEN demo.csv_kind(%1$I) = 'int' THEN %1$I::integer END$q$
	WHEN c.type = 'bigint' THEN $q$CASE WHEN demo.csv_kind(%1$I) = ANY ('{int,bigint,code}') THEN %1$I::bigint END$q$
	WHEN c.type = 'numeric' AND c.kinds - '{int,bigint,number}'::text[] = '{}' THEN $q$%1$I::numeric$q$
	WHEN c.type = 'numeric' THEN $q$CASE WHEN demo.csv_kind(%1$I) = ANY ('{int,bigint,number,code}') THEN %1$I::numeric END$q$
	WHEN c.type = 'decimal comma' THEN $q$CASE WHEN demo.csv_kind(%1$I) = ANY ('{int,comma,three after comma}') THEN replace(%1$I, ',', '.')::numeric END$q$
	WHEN c.type = 'boolean' THEN $q$CASE WHEN demo.csv_kind(%1$I) = 'bool' THEN %1$I::boolean END$q$
	WHEN c.type = 'date' THEN $q$CASE WHEN demo.csv_kind(%1$I) ~ 'date$' THEN demo.csv_moment(%1$I, %2$L)::date END$q$
	WHEN c.type = 'timestamp' THEN $q$CASE WHEN demo.csv_kind(%1$I) ~ '(date|timestamp)$' THEN demo.csv_moment(%1$I, %2$L) END$q$
	WHEN c.type = 'timestamptz' THEN $q$CASE WHEN demo.csv_kind(%1$I) ~ '(date|timestamptz?)$' THEN demo.csv_instant(%1$I) END$q$
	WHEN c.type = 'time' THEN $q$CASE WHEN demo.csv_kind(%1$I) = 'time' THEN %1$I::time END$q$
	ELSE $q$nullif(%1$I, '')$q$ END, 'c' || c.i, coalesce(c.day_first, false));

-- Why a column cannot be learned from, or NULL: nothing in it, one value, a key.
CREATE FUNCTION demo.csv_useless(c csv.column_found, learned_rows bigint, total bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
	yes boolean;
BEGIN
	EXECUTE format('SELECT NOT EXISTS (SELECT FROM csv.feed WHERE record <= %2$s AND %1$I IS DISTINCT FROM (SELECT %1$I FROM csv.feed WHERE record = 1))',
	               c.name, learned_rows) INTO yes;
	IF yes THEN
		RETURN CASE WHEN c.filled = 0 THEN 'empty' ELSE 'always the same' END;
	ELSIF c.different < total OR total <= 20 THEN
		RETURN NULL;
	ELSIF c.type = ANY ('{integer,bigint}') THEN
		EXECUTE format('SELECT bool_and(step > 0) FROM (SELECT %1$I - lag(%1$I) OVER (ORDER BY record) AS step FROM csv.feed) s', c.name) INTO yes;
		RETURN CASE WHEN yes THEN 'a running number' END;
	ELSIF c.type = 'text' THEN
		EXECUTE format('SELECT NOT EXISTS (SELECT FROM csv.feed WHERE %1$I ~ ''\s'')', c.name) INTO yes;
		RETURN CASE WHEN yes THEN 'different in every record' END;
	END IF;
	RETURN NULL;
END $$;

-- Makes csv.feed, and says per column what was lost and what cannot be learned from.
CREATE PROCEDURE demo.csv_feed_build(learned_share float8, skip text[])
LANGUAGE plpgsql AS $$
DECLARE
	c csv.column_found;
	learned_rows bigint;
	total bigint;
	lost bigint;
	asked boolean;
	useless text;
BEGIN
	BEGIN
		EXECUTE (SELECT format('CREATE UNLOGGED TABLE csv.feed AS SELECT row_number() OVER (ORDER BY r) AS record, %s FROM csv.raw',
		                       string_agg(demo.csv_expression(f) || ' AS ' || quote_ident(f.name), ', ' ORDER BY f.i)) FROM csv.column_found f);
	EXCEPTION WHEN program_limit_exceeded THEN
		RAISE EXCEPTION 'a record is too wide for a table of PostgreSQL'
			USING ERRCODE = 'program_limit_exceeded', DETAIL = 'A row must fit 8 kB once long texts are moved out.', HINT = 'Split the file into fewer columns.';
	END;
	SELECT count(*) FROM csv.feed INTO total;
	learned_rows := floor(total * learned_share);
	CREATE TABLE csv.share AS SELECT learned_rows AS learned, total AS total;
	FOR c IN SELECT * FROM csv.column_found ORDER BY i LOOP
		lost := 0;
		IF c.type <> 'text' THEN
			EXECUTE format('SELECT %s - count(%I) FROM csv.feed', c.filled - coalesce((c.kinds ->> 'null')::bigint, 0), c.name) INTO lost;
		END IF;
		asked := c.name = ANY (skip) OR coalesce(c.header, '') = ANY (skip);
		useless := demo.csv_useless(c, learned_rows, total);
		UPDATE csv.column_found f
		SET learned = useless IS NULL AND NOT asked,
		    note = concat_ws('; ', CASE WHEN lost > 0 THEN lost || CASE lost WHEN 1 THEN ' field is no ' ELSE ' fields are no ' END || c.type || ', so NULL' END,
		                     CASE WHEN asked THEN 'not learned: skipped as asked' WHEN useless IS NOT NULL THEN 'not learned: ' || useless END)
		WHERE f.i = c.i;
	END LOOP;
END $$;
