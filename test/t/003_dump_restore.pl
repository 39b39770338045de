# A dump keeps every model, gate and decision, and a restored database gives the same scores.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use List::Util qw(uniq);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('dump');

make_world($node, 'postgres');
$node->safe_psql(
	'postgres', q{
	SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned',
		features => ARRAY['amount', 'quantity', 'kind', 'placed'], params => '{"n_estimators": 3, "seed": 8}');
	SELECT aipipe.model_promote('returns', 2);
	SELECT aipipe.model_train('calibrated', 'classification', 'sale', 'returned',
		features => ARRAY['amount', 'quantity', 'kind', 'placed'],
		params => '{"n_estimators": 3, "max_depth": 2, "calibration": "platt", "threshold": 0.25}');
	SELECT aipipe.model_split('returns', 1, 0.25, 'for a while');
	SELECT aipipe.anomaly_train('sales', 'sale', columns => ARRAY['amount', 'quantity'], params => '{"seed": 9}');
	SELECT aipipe.model_alias('sales', 'challenger', 2);
	DELETE FROM landing WHERE id = 1;
	INSERT INTO landing SELECT * FROM sale WHERE id = 1;
});
make_detectors($node, 'postgres');
my $detectors = detector_scores($node, 'postgres');
is(join(' ', uniq(map { (split /\|/)[2] } grep { /^w_\w+\|\d+\|/ } split /\n/, $detectors)), 'isolation_forest ensemble xgbod', 'there are detectors');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT c, ' ' ORDER BY c) FROM aipipe.model_version, jsonb_object_keys(params -> 'components') c WHERE model ~ '^w_'}),
	'cell_surprise isolation_forest loda', 'with components of every algorithm');
is($node->safe_psql('postgres', 'SELECT count(*) FROM aipipe.prediction'), '2', 'the prediction log holds champion and challenger');
my $scores = scores($node, 'postgres');
my $tables = tables($node, 'postgres', sequences => 1);
my $quarantined = $node->safe_psql('postgres', 'SELECT id, "row", score, state FROM aipipe.quarantine ORDER BY id');
like($quarantined, qr/mammoth/, 'there is something in quarantine');

# What a calibrated version says: its probabilities, its decisions, and the checksum that export verifies.
my $calibrated = q{
	SET extra_float_digits = 3;
	SELECT min(calibration), min(threshold), md5(aipipe.model_export('calibrated')),
		   md5(string_agg(aipipe.model_predict('calibrated', s)::text || ' ' || aipipe.model_predict_class('calibrated', s), ',' ORDER BY id))
	FROM sale s, aipipe.model_version v WHERE v.model = 'calibrated'};
my $said = $node->safe_psql('postgres', $calibrated);
like($said, qr/^platt\|0\.25\|/, 'there is a calibrated version with a threshold');

my $dir = $node->basedir;
my $port = $node->connstr('postgres');
command_ok([ 'pg_dump', '-d', $port, '-f', "$dir/plain.sql" ], 'pg_dump');
command_ok([ 'pg_dump', '-d', $port, '-Fc', '-f', "$dir/custom.dump" ], 'pg_dump -Fc');
command_ok([ 'pg_dump', '-d', $port, '-Fd', '-j2', '-f', "$dir/directory" ], 'pg_dump -Fd -j2');
unlike(slurp_file("$dir/plain.sql"), qr/CREATE TABLE aipipe\./, 'the dump has CREATE EXTENSION and data only');

my %restore = (
	plain     => [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", '-d' ],
	custom    => [ 'pg_restore', '--exit-on-error', "$dir/custom.dump", '-d' ],
	parallel  => [ 'pg_restore', '--exit-on-error', '-j2', "$dir/directory", '-d' ]);

foreach my $name (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
	command_ok([ @{ $restore{$name} }, $node->connstr($name) ], "$name: restores");
	is(scores($node, $name), $scores, "$name: the same scores");
	is(detector_scores($node, $name), $detectors, "$name: detectors of every algorithm say the same");
	is($node->safe_psql($name, $calibrated), $said, "$name: the same calibrated probabilities and decisions");
	is(tables($node, $name, sequences => 1), $tables, "$name: every table and sequence of aipipe's is equal");
	is($node->safe_psql($name, q{SELECT aipipe.anomaly_refresh('w_cells', 'SELECT * FROM watched WHERE id <= 500')}), '3', "$name: a detector goes on learning");
	is($node->safe_psql($name, 'SELECT count(*) FROM landing'), '98', "$name: restoring did not judge rows again");

	# The gate judges, and new ids do not collide with restored ones.
	$node->safe_psql($name, q{INSERT INTO landing VALUES (101, 1e9, 100000, 'mammoth', now(), NULL)});
	is($node->safe_psql($name, 'SELECT count(*) FROM landing'), '98', "$name: the restored gate judges");
	is($node->safe_psql($name, 'SELECT count(*) FROM aipipe.quarantine'),
		$node->safe_psql('postgres', 'SELECT count(*) + 1 FROM aipipe.quarantine'), "$name: and writes its decision");
	is($node->safe_psql($name, q{SELECT string_agg(version || ' ' || served, ',' ORDER BY version) FROM aipipe.prediction WHERE key = '101'}),
		'1 true,2 false', "$name: with a challenger, whose prediction is recorded");
	is($node->safe_psql($name, q{SELECT version || ' ' || share FROM aipipe.model_split WHERE model = 'returns'}), '1 0.25', "$name: the split is there");
	$node->safe_psql($name, q{SELECT aipipe.model_split('returns', 1, 0.5)});
	$node->safe_psql($name, 'SELECT aipipe.quarantine_release(max(id)) FROM aipipe.quarantine');
	is($node->safe_psql($name, 'SELECT count(*) FROM landing'), '99', "$name: a held row can be released");
	$node->safe_psql($name, q{SELECT aipipe.model_rollback('returns')});
	isnt(scores($node, $name), $scores, "$name: aliases can be moved");
	is($node->safe_psql($name, q{SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned',
		features => ARRAY['amount'], params => '{"n_estimators": 2}')}), '3', "$name: the next version has the next number");
}

# The same world restored as data only into a database that has the schema.
command_ok([ 'pg_dump', '-d', $port, '-s', '-f', "$dir/schema.sql" ], 'pg_dump -s');
command_ok([ 'pg_dump', '-d', $port, '-a', '--disable-triggers', '-f', "$dir/data.sql" ], 'pg_dump -a --disable-triggers');
$node->safe_psql('postgres', 'CREATE DATABASE data TEMPLATE template0');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/schema.sql", '-d', $node->connstr('data') ], 'schema only');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/data.sql", '-d', $node->connstr('data') ], 'then data only');
is(scores($node, 'data'), $scores, 'data only: the same scores');
is(detector_scores($node, 'data'), $detectors, 'data only: detectors of every algorithm say the same');
is(tables($node, 'data', sequences => 1), $tables, 'data only: equal tables');

# A copy by CREATE DATABASE.
$node->safe_psql('template1', 'CREATE DATABASE twin TEMPLATE postgres');
is(scores($node, 'twin'), $scores, 'CREATE DATABASE … TEMPLATE: the same scores');

# Whom a role that is no more was allowed something, would be somebody else elsewhere.
$node->safe_psql('postgres', q{CREATE ROLE passing; CREATE ROLE staying; SELECT aipipe.model_grant('returns', r, 'predict') FROM unnest(ARRAY['passing', 'staying', 'public']) r; DROP ROLE passing});
command_ok([ 'pg_dump', '-d', $port, '-a', '-t', 'aipipe.model_grant_data', '-f', "$dir/grants.sql" ], 'a dump after a role was dropped');
my @grants = slurp_file("$dir/grants.sql") =~ /^\d+\t(\S+)\tpredict\t/mg;
is("@{[ sort @grants ]}", '- staying', 'has no grant to its number');
$node->stop;

done_testing();
