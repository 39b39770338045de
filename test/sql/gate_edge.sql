-- Where the line is drawn: a score that equals the threshold reaches it, and only what speaks for a decision is a reason.
CREATE SCHEMA gate_edge;
SET search_path = gate_edge;
CREATE TABLE history AS SELECT i AS id, (i * 7919 % 100)::float8 AS a, (i * 104729 % 97)::float8 AS b, (i * 31 % 89)::float8 AS c, 0.0::float8 AS y FROM generate_series(1, 500) i;
UPDATE history SET y = a + b - c;
CREATE TABLE landing (LIKE history);
SELECT aipipe.model_train('edge_y', 'regression', 'history', 'y', ARRAY['a', 'b', 'c'], params => '{"n_estimators": 20, "holdout": 0}');
CREATE VIEW scored AS SELECT h.*, aipipe.model_predict('edge_y', h) AS score FROM history h;
-- the threshold is the score of one row: that row and all above are held, the next lower one lands
SELECT aipipe.gate_create('landing', 'edge_y', threshold => (SELECT score FROM scored WHERE id = 7), params => '{"reasons": 3}') IS NOT NULL AS gate;
INSERT INTO landing SELECT * FROM history;
SELECT (SELECT count(*) FROM landing WHERE id = 7) AS landed,
       (SELECT count(*) FROM aipipe.quarantine WHERE relation = 'gate_edge.landing' AND ("row" ->> 'id')::int = 7) AS held,
       (SELECT count(*) FROM aipipe.quarantine WHERE relation = 'gate_edge.landing') = (SELECT count(*) FROM scored WHERE score >= (SELECT score FROM scored WHERE id = 7)) AS all_that_reach_it,
       (SELECT max(score) FROM scored JOIN landing USING (id)) < (SELECT score FROM scored WHERE id = 7) AS none_that_does_not;
-- every column could be a reason, but some pull the score down and are not
SELECT count(*) > 0 AS held, bool_or(jsonb_array_length(reasons) < 3) AS some_left_out, bool_and((r ->> 'contribution')::float8 > 0) AS all_speak_for_it
FROM aipipe.quarantine, jsonb_array_elements(reasons) r WHERE relation = 'gate_edge.landing';
SELECT bool_and(w.why = s.said) AS as_explained
FROM aipipe.quarantine q,
     LATERAL (SELECT array_agg(r ->> 'column' ORDER BY n) AS said FROM jsonb_array_elements(q.reasons) WITH ORDINALITY AS e(r, n)) s,
     LATERAL (SELECT array_agg(feature ORDER BY contribution DESC) AS why FROM aipipe.model_explain('edge_y', jsonb_populate_record(NULL::history, q."row"))
              WHERE feature <> '(bias)' AND contribution > 0) w
WHERE q.relation = 'gate_edge.landing';
SELECT aipipe.gate_drop('landing') AS dropped;
-- a bare forest's severity is the share of training rows that look strictly more normal: the least strange one has none below it, and no two orders disagree
SELECT aipipe.model_train('edge_d', 'anomaly', 'history', features => ARRAY['a', 'b', 'c'], algorithm => 'isolation_forest', params => '{"n_estimators": 25, "guards": false}');
WITH s AS (SELECT aipipe.anomaly_score('edge_d', h) AS severity FROM history h)
SELECT min(severity) AS least, max(abs(severity - below)) < 1e-6 AS share_strictly_below
FROM (SELECT severity, (SELECT count(*) FROM s t WHERE t.severity < s.severity) / 500.0 AS below FROM s) x;
SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name LIKE 'edge\_%' ORDER BY name;
RESET search_path;
\set VERBOSITY terse
DROP SCHEMA gate_edge CASCADE;
