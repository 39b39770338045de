-- One tenth of the campaign: models, one tenth of them with the library's verdict
-- too, and compiled models.  Each in its own statement, so that what is done stays done.
INSERT INTO fuzz.result
SELECT 'model', what, m.accepted, m.refused, m.other, m.different, m.longest_ms
FROM fuzz.model, LATERAL aipipe_test.mutate(model, ceil(:mutants / 10.0 * 0.9 / 12)::int, :seed * 10000 + :part * 100 + id::int) m;

INSERT INTO fuzz.result
SELECT 'model and library', what, m.accepted, m.refused, m.other, m.different, m.longest_ms
FROM fuzz.model, LATERAL aipipe_test.mutate(model, ceil(:mutants / 10.0 * 0.1 / 12)::int, :seed * 10000 + :part * 100 + 50 + id::int, true) m;

INSERT INTO fuzz.result
SELECT 'compiled', what, m.accepted, m.refused, m.other, 0, m.longest_ms
FROM fuzz.model, LATERAL aipipe_test.mutate_compiled(aipipe_test.compile(model), ceil(:mutants / 10.0 / 12)::int, :seed * 10000 + :part * 100 + id::int) m;
