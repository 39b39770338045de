-- The model card: what is in it, whose it is, and that nothing in it breaks its Markdown.
SET client_min_messages = warning;
CREATE ROLE regress_card_owner;
CREATE ROLE regress_card_stranger;
CREATE TABLE card_rows AS
SELECT i % 7 AS amount, (ARRAY['red', 'blue', 'green'])[1 + i % 3] AS "col|our", i % 2 = 0 AS even
FROM generate_series(1, 400) i;
GRANT SELECT ON card_rows TO regress_card_owner;

SET ROLE regress_card_owner;
SELECT aipipe.model_train('card|one', 'classification', 'card_rows', 'even', params => '{"n_estimators": 2, "seed": 3}');
SELECT aipipe.model_train('card|one', 'classification', 'SELECT amount, even FROM card_rows', 'even', params => '{"n_estimators": 3}');
SELECT aipipe.model_promote('card|one', 2, 'simpler');
SELECT aipipe.anomaly_train('card detector', 'card_rows', columns => ARRAY['amount'], params => '{"n_estimators": 5}');

-- Before anybody said anything.
SELECT card ->> 'schema_version' AS schema, card #>> '{model_details,name}' AS name, card #>> '{model_details,overview}' AS overview,
       card #>> '{model_details,owners}' AS owners, card #>> '{model_details,version,name}' AS version,
       card #> '{model_details,aliases}' AS aliases
FROM aipipe.model_card('card|one', 1) card;
SELECT card #>> '{model_details,overview}' AS overview, card #>> '{model_details,version,name}' AS version,
       card #> '{model_details,aliases}' AS aliases, card #> '{considerations,limitations}' AS limitations
FROM aipipe.model_card('card|one') card;

-- Description by its owner.
SELECT aipipe.model_describe('card|one', '{"overview": "Tells even from odd.", "users": "children", "use_cases": ["homework", "games"],
	"limitations": ["knows <b>no</b> zero"], "tradeoffs": "small, not exact", "risks": ["may bore"], "license": "PostgreSQL",
	"references": ["https://example.org/even"], "sensitive": ["the children''s | homework"], "contact": "owner@example.org",
	"documentation": "Counts, and *looks*."}');
SELECT description FROM aipipe.model WHERE name = 'card|one';
SELECT jsonb_pretty(card -> 'considerations') AS considerations FROM aipipe.model_card('card|one', 1) card;
SELECT card #> '{model_details,licenses}' AS licenses, card #> '{model_details,references}' AS "references",
       card #> '{model_details,owners}' AS owners, card #> '{model_parameters,data}' AS data
FROM aipipe.model_card('card|one', 1) card;
SELECT card #> '{model_parameters,input_format_map}' AS inputs, card #> '{model_parameters,output_format_map}' AS outputs,
       card #>> '{model_parameters,output_format}' AS gives, card #>> '{model_parameters,parameters,seed}' AS seed
FROM aipipe.model_card('card|one', 1) card;
SELECT h ->> 'action' AS action, h ->> 'old_version' AS old, h ->> 'new_version' AS new, h ->> 'changed_by' AS by, h ->> 'why' AS why
FROM jsonb_array_elements(aipipe.model_card('card|one', 1) #> '{model_details,history}') h;

-- Lineage and metrics are those of the version's row.
SELECT bool_and(l ->> 'sha256' = v.sha256 AND l ->> 'source' = v.source AND l ->> 'source_resolved' = v.source_resolved
       AND l ->> 'target' = 'even' AND (l ->> 'rows')::bigint = v.row_count AND l ->> 'created_by' = 'regress_card_owner'
       AND l ->> 'library' = v.library) AS same, count(*)
FROM aipipe.model_version v, LATERAL (SELECT aipipe.model_card(v.model, v.version) #> '{model_details,lineage}') c (l)
WHERE v.model = 'card|one';
SELECT bool_and((m ->> 'value')::float8 = (CASE WHEN m ->> 'slice' = 'held-out rows' THEN v.metrics
       ELSE v.metrics -> 'per_class' -> substr(m ->> 'slice', 24) END ->> (m ->> 'type'))::float8) AS same, count(*) > 5 AS several
FROM aipipe.model_version v,
     LATERAL jsonb_array_elements(aipipe.model_card(v.model, v.version) #> '{quantitative_analysis,performance_metrics}') m
WHERE v.model = 'card|one' AND v.version = 1;
SELECT card #>> '{model_details,overview}' AS overview, card #>> '{model_parameters,output_format}' AS gives,
       card #> '{considerations,limitations}' AS limitations, card #> '{quantitative_analysis}' AS metrics
FROM aipipe.model_card('card detector') card;

-- Markdown: everything of the card, one table row or list item each, markup in it escaped.
SELECT line FROM regexp_replace(aipipe.model_card_markdown('card|one', 1), '## (Metrics|Parameters)[^#]*', '', 'g') md,
     unnest(string_to_array(md, E'\n')) WITH ORDINALITY u (line, number)
WHERE line <> '' AND line !~ '^\| (rows|created at|library|SHA-256|20)' ORDER BY number;
SELECT count(*) > 15 AS several, bool_or(line = '| n\_estimators | 2 |') AS parameters, bool_or(line ~ '^\| log\\_loss \| [0-9.]+ \|$') AS metrics,
       bool_or(line ~ '^\| recall of class true \| [0-9.]+ \|$') AS of_class
FROM unnest(string_to_array(aipipe.model_card_markdown('card|one', 1), E'\n')) u (line) WHERE line ~ '^\| [^|]+ \| [^|]+ \|$';

-- Settings of the session change nothing.
SELECT aipipe.model_card_markdown('card|one', 1) AS md5 \gset
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT aipipe.model_card_markdown('card|one', 1) = :'md5' AS same;
RESET timezone;
RESET datestyle;

-- Taking it back.
SELECT aipipe.model_describe('card|one', '{}');
SELECT aipipe.model_card('card|one') #>> '{model_details,overview}' AS overview;

\set VERBOSITY sqlstate
SELECT aipipe.model_describe('card|one', '{"usres": ["me"]}');
SELECT aipipe.model_describe('card|one', '{"users": 3}');
SELECT aipipe.model_describe('card|one', '["users"]');
SELECT aipipe.model_describe('card|one', NULL);
SELECT aipipe.model_describe(NULL, '{}');
SELECT aipipe.model_describe('card none', '{}');
SELECT aipipe.model_card('card none');
SELECT aipipe.model_card_markdown(NULL);
SELECT aipipe.model_card('card|one', 9);
SELECT aipipe.model_card(NULL);
BEGIN READ ONLY;
SELECT aipipe.model_describe('card|one', '{}');
ROLLBACK;
-- A stranger's card is not there; who may predict may read it and not write it.
RESET ROLE;
SET ROLE regress_card_stranger;
SELECT aipipe.model_card('card|one');
SELECT aipipe.model_describe('card|one', '{}');
SET ROLE regress_card_owner;
SELECT aipipe.model_grant('card|one', 'regress_card_stranger');
SET ROLE regress_card_stranger;
SELECT aipipe.model_card('card|one') #>> '{model_details,name}' AS name;
SELECT aipipe.model_describe('card|one', '{}');
SET ROLE regress_card_owner;
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT aipipe.model_card('card one');

-- What was imported says so.
SELECT aipipe.model_import('card import', aipipe.model_export('card|one', 2), ARRAY['amount'], 'classification', ARRAY['false', 'true']);
SELECT card #>> '{model_details,overview}' AS overview, card #> '{model_parameters,data}' AS data,
       card #> '{considerations,limitations}' AS limitations
FROM aipipe.model_card('card import') card;

SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'card%';
RESET ROLE;
DROP TABLE card_rows;
DROP ROLE regress_card_owner;
DROP ROLE regress_card_stranger;
