# Text that is odd in its database's encoding, or in none: detectors learn it, judge it, hold it back and give it back unharmed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('encoding');

# Four texts each as bytes: in SQL_ASCII what is no UTF-8, in EUC_JP characters of two and three bytes, in LATIN1 controls among letters.
my %odd = (
	SQL_ASCII => [ "\xff\xfe", "\xe4", "\xc3\x28", "\x80a\xe2\x80\xae" ],
	EUC_JP    => [ "\xb0\xa1\x8e\xb1", "\x8f\xb0\xa1", "\xa4\xa2", "\xa5\xab" ],
	LATIN1    => [ "\xe4\xa0", "\xff", "\x85", "\xad\x9f" ]);

foreach my $encoding (sort keys %odd)
{
	my $db = lc $encoding;
	my ($one, $two, $three, $new) =
	  map { my $hex = unpack('H*', $_); "convert_from('\\x$hex', '$encoding')" } @{ $odd{$encoding} };
	my $ask = sub { return $node->safe_psql($db, $_[0]); };

	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql('postgres', "ALTER DATABASE $db SET client_min_messages = error");
	$ask->(
		qq{CREATE EXTENSION aipipe;
		CREATE TABLE odd AS SELECT i AS id, 20 + i * 7919 % 100 / 10.0 AS amount, CASE i % 5 WHEN 0 THEN $one WHEN 1 THEN $two WHEN 2 THEN 'plain' ELSE $three END AS kind,
			$one || i || $two || repeat($three, i % 90) AS note, $three || i % 4 AS store FROM generate_series(1, 600) i;
		ALTER TABLE odd ADD PRIMARY KEY (id);
		SELECT aipipe.anomaly_train('cells', 'odd', ARRAY['amount', 'kind', 'note', 'store'], '{"algorithm": "cell_surprise", "partition_by": "store"}');
		SELECT aipipe.anomaly_train('forest', 'odd', ARRAY['amount', 'kind', 'note'], '{"algorithm": "isolation_forest", "n_estimators": 10}');
		SELECT aipipe.anomaly_train('loda', 'odd', ARRAY['amount', 'kind', 'note'], '{"algorithm": "loda", "projections": 10}');
		SELECT aipipe.anomaly_train('labels', 'SELECT *, id % 50 = 0 AS wrong FROM odd', ARRAY['amount', 'kind', 'store'], '{"label": "wrong", "boost": {"n_estimators": 3}}');
		CREATE TABLE landing (LIKE odd INCLUDING ALL);
		CREATE TABLE wrong AS SELECT 9001 AS id, 1e9::numeric AS amount, $new AS kind, $new || $one || repeat($one, 200) AS note, $two AS store});
	is($ask->(q{SELECT string_agg(m || ' ' || (SELECT count(aipipe.anomaly_score(m, o)) FROM odd o), ', ' ORDER BY m) FROM unnest(ARRAY['cells', 'forest', 'labels', 'loda']) m}),
		'cells 600, forest 600, labels 600, loda 600', "$encoding: detectors of every algorithm learn and score");
	is($ask->(q{SELECT aipipe.anomaly_refresh('cells', 'odd')}), '2', "$encoding: one learns more");
	# a value of one byte a character, or of more, is cut between characters: what is shown is text of the encoding
	is($ask->(qq{SELECT count(*) > 0, bool_and(octet_length(e.sentence) > 0), bool_and(convert_from(convert_to(e.sentence, '$encoding'), '$encoding') = e.sentence)
		FROM unnest(ARRAY['cells', 'forest', 'loda', 'labels']) m, (SELECT * FROM odd WHERE id > 560 UNION ALL SELECT * FROM wrong) o, aipipe.anomaly_explain(m, o) e}),
		't|t|t', "$encoding: sentences are whole characters");
	is($ask->(q{SELECT count(*) FROM (SELECT * FROM odd UNION ALL SELECT * FROM wrong) o, aipipe.anomaly_explain('cells', o) e WHERE e.sentence ~ '[\x01-\x1f]'}), '0', "$encoding: in one line");
	is($ask->(qq{SELECT bool_and(position($new IN e.sentence) = 0 AND position($three IN e.sentence) = 0) FROM wrong w, aipipe.anomaly_explain('forest', w) e}), 't',
		"$encoding: without controls") if $encoding eq 'LATIN1';
	is($ask->(q{SELECT bool_and(position('\xe280ae'::bytea IN convert_to(e.sentence, 'SQL_ASCII')) = 0) FROM wrong w, aipipe.anomaly_explain('cells', w) e}), 't',
		"$encoding: nor what turns the writing direction") if $encoding eq 'SQL_ASCII';
	is($ask->(q{SELECT count("row"), bool_and(jsonb_typeof(reasons) = 'array') FROM aipipe.anomaly_detect('odd', ARRAY['amount', 'kind', 'note', 'store'], 20)}), '20|t', "$encoding: rows are looked at");

	# held back as JSON that can be read again, and released as it was
	$ask->(q{SELECT aipipe.gate_create('landing', 'cells', threshold => 0.5); INSERT INTO landing SELECT * FROM odd WHERE id <= 50; INSERT INTO landing SELECT * FROM wrong});
	is($ask->(q{SELECT count(*) > 1, bool_and("row"::text::jsonb = "row"), bool_and(reasons::text::jsonb = reasons) FROM aipipe.quarantine}), 't|t|t', "$encoding: rows are held back as JSON");
	is($ask->(q{SELECT count(*) FROM aipipe.quarantine q JOIN (SELECT * FROM odd UNION ALL SELECT * FROM wrong) o ON o.id = (q."row" ->> 'id')::int
		WHERE (q."row" ->> 'kind', q."row" ->> 'note', q."row" ->> 'store') IS DISTINCT FROM (o.kind, o.note, o.store)}), '0', "$encoding: with every byte");
	$ask->(q{SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine});
	is($ask->(q{SELECT count(*), count(*) FILTER (WHERE (l.kind, l.note, l.store) = (o.kind, o.note, o.store)) FROM landing l JOIN (SELECT * FROM odd UNION ALL SELECT * FROM wrong) o USING (id)}),
		'51|51', "$encoding: and released unharmed");

	# names of series, columns and models
	$ask->(
		qq{CREATE TABLE load AS SELECT timestamp '2026-01-01' + i * interval '1 day' AS at, 100 + i * 7919 % 13 AS n, CASE WHEN i % 2 = 0 THEN $one ELSE $two END AS feed FROM generate_series(0, 199) i;
		SELECT aipipe.series_train('series', 'load', 'n', 'at', 'feed');
		SELECT aipipe.arrival_train('arrivals', 'load', 'at', 'feed');
		SELECT aipipe.anomaly_train($new || ' 1', format('SELECT amount AS %I, kind AS %I FROM odd', $one, $two))});
	is($ask->(qq{SELECT state FROM aipipe.series_explain('series', '2026-07-20', 900, $one)}), 'anomaly', "$encoding: a series of an odd name is known");
	is($ask->(qq{SELECT state FROM aipipe.arrival_explain('arrivals', '2026-07-20 11:00'::timestamptz, $new)}), 'learning', "$encoding: another one is not");
	is($ask->(q{SELECT count(*), count(DISTINCT series) FROM aipipe.series_detect('load', 'n', 'at', 'feed')}), '200|2', "$encoding: series are told apart");
	is($ask->(q{SELECT count(*) FROM aipipe.model_version WHERE metrics::text::jsonb IS NOT DISTINCT FROM metrics AND params::text::jsonb = params}), '8', "$encoding: what versions say of themselves is JSON");
	fails_with($node, $db, qq{SELECT aipipe.anomaly_score($new || ' 1', o) FROM odd o}, '42703', "$encoding: a missing column of an odd name");
	fails_with($node, $db, qq{SELECT aipipe.anomaly_train('bad', 'odd', params => jsonb_build_object('partition_by', $new))}, '42703', "$encoding: a partition of an odd name");
}
$node->stop;

done_testing();
