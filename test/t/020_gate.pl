# Gates where a server is needed: logical replication, prepared transactions, restores of several kinds, a standby.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('gate', "max_prepared_transactions = 5\n", allows_streaming => 'logical');

# A model that says 1 for amounts above 1,000.
my $model = q{
	CREATE EXTENSION aipipe;
	CREATE TABLE history AS SELECT i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
	SELECT aipipe.model_train('size', 'regression', 'history', 'bad',
		params => '{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}');
};
my $batches = q{SELECT string_agg(concat_ws(' ', event, rows, accepted, marked, quarantined, errors), ', ' ORDER BY id) FROM aipipe.batch};
my $held = q{SELECT string_agg("row"->>'id', ' ' ORDER BY id) FROM aipipe.quarantine WHERE state = 'held'};

$node->safe_psql('postgres', $model);

# Apply of logical replication fires only row triggers, and only those that are enabled for it.
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('postgres', 'CREATE TABLE feed (id int PRIMARY KEY, amount float8); CREATE PUBLICATION feed FOR TABLE feed;
	SELECT pg_create_logical_replication_slot(\'feed\', \'pgoutput\')');
$node->safe_psql('subscriber', $model . q{
	CREATE TABLE feed (id int PRIMARY KEY, amount float8);
	SELECT aipipe.gate_create('feed', 'size', threshold => 0.5, params => '{"update": true}');
	ALTER TABLE feed ENABLE ALWAYS TRIGGER zz_aipipe_gate_1;
} . "CREATE SUBSCRIPTION feed CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION feed WITH (create_slot = false, copy_data = false)");
$node->safe_psql('postgres', q{INSERT INTO feed SELECT i, i * 300 FROM generate_series(1, 5) i});
$node->wait_for_catchup('feed');
is($node->safe_psql('subscriber', 'SELECT string_agg(id::text, \' \' ORDER BY id) FROM feed'), '1 2 3', 'apply lands what the gate accepts');
is($node->safe_psql('subscriber', $held), '4 5', 'and holds the rest');
is($node->safe_psql('subscriber', $batches), 'INSERT 5 3 0 2 0', 'one transaction is one batch');
$node->safe_psql('postgres', q{BEGIN; UPDATE feed SET amount = amount * 10 WHERE id = 1; UPDATE feed SET amount = 1 WHERE id = 2; INSERT INTO feed VALUES (6, 6); COMMIT;});
$node->wait_for_catchup('feed');
is($node->safe_psql('subscriber', $batches), 'INSERT 5 3 0 2 0, UPDATE 2 1 0 1 0, INSERT 1 1 0 0 0', 'inserts and updates of a transaction are a batch each')
  or diag($node->safe_psql('subscriber', 'SELECT * FROM aipipe.batch'));
is($node->safe_psql('subscriber', 'SELECT amount FROM feed WHERE id = 1'), '300', 'a held update leaves the old row');
$node->safe_psql('subscriber', 'DROP SUBSCRIPTION feed');

# Prepared transactions keep their decisions and their batch.
$node->safe_psql('postgres', q{
	CREATE TABLE land (id int PRIMARY KEY, amount float8);
	SELECT aipipe.gate_create('land', 'size', threshold => 0.5);
	ALTER TABLE land DISABLE TRIGGER zz_aipipe_gate_1_open;
	BEGIN;
	INSERT INTO land VALUES (1, 1), (2, 2000);
	PREPARE TRANSACTION 'keep';
	BEGIN;
	INSERT INTO land VALUES (3, 3), (4, 4000);
	PREPARE TRANSACTION 'lose';
});
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', q{COMMIT PREPARED 'keep'; ROLLBACK PREPARED 'lose'; ALTER TABLE land ENABLE TRIGGER zz_aipipe_gate_1_open});
is($node->safe_psql('postgres', 'SELECT string_agg(id::text, \' \') FROM land'), '1', 'a prepared transaction lands its rows');
is($node->safe_psql('postgres', "$held; $batches"), "2\nINSERT 2 1 0 1 0", 'with their decisions and their batch');

# Dump and restore: gates stay, decisions stay, nothing is judged again.
$node->safe_psql('postgres', q{
	CREATE TABLE parts (id int, region text, amount float8, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
	SELECT aipipe.gate_create('parts', 'size', 'statement', threshold => 0.5);
	CREATE TABLE parts_us PARTITION OF parts FOR VALUES IN ('us');
	INSERT INTO parts VALUES (1, 'eu', 1), (2, 'us', 2000);
	SELECT aipipe.gate_pause('land');
	INSERT INTO land VALUES (7, 7000);
	SELECT aipipe.gate_resume('land');
});
my $before = tables($node, 'postgres');
my $dump = $node->basedir . '/gate.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'restore');
is(tables($node, 'restored'), $before, 'every table and sequence is as before');
is($node->safe_psql('restored', 'SELECT string_agg(id::text, \' \' ORDER BY id) FROM land'), '1 7', 'the rows are there, unjudged');
$node->safe_psql('restored', q{
	INSERT INTO land VALUES (8, 8), (9, 9000);
	INSERT INTO parts_us VALUES (10, 'us', 10), (11, 'us', 11000);
	INSERT INTO parts VALUES (12, 'eu', 12), (13, 'eu', 13000);
});
is($node->safe_psql('restored', "SELECT string_agg(\"row\"->>'id', ' ' ORDER BY id) FROM aipipe.quarantine WHERE relation = 'public.parts' OR \"row\"->>'id' > '2'"), '2 9 11 13', 'restored gates judge');
is($node->safe_psql('restored', q{SELECT string_agg(concat_ws(' ', relation, state, uncovered_partitions), ', ' ORDER BY id) FROM aipipe.gate}),
	'public.land active 0, public.parts active 0', 'and are shown as they were');
$node->safe_psql('restored', q{SELECT aipipe.quarantine_release(id, '{"amount": 5}') FROM aipipe.quarantine WHERE relation = 'public.land' AND "row"->>'id' = '2'});
is($node->safe_psql('restored', 'SELECT amount FROM land WHERE id = 2'), '5', 'a restored row can be released');

# Data alone: judged again, unless triggers are disabled.
my $data = $node->basedir . '/data.sql';
foreach my $option ([], ['--disable-triggers'])
{
	my $count = $node->safe_psql('restored', 'TRUNCATE land; SELECT count(*) FROM aipipe.quarantine');
	$node->command_ok([ 'pg_dump', '--data-only', @$option, '-t', 'land', '-f', $data, '-d', $node->connstr('postgres') ], "dump of data @$option");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $data, '-d', $node->connstr('restored') ], "restore of data @$option");
	is($node->safe_psql('restored', "SELECT count(*) - $count FROM aipipe.quarantine"), @$option ? '0' : '1', 'judged as documented');
}

# Many sessions, savepoints and rollbacks: what landed is what was accepted, what is held is what was quarantined.
$node->safe_psql('restored', q{
	CREATE SEQUENCE busy_id;
	CREATE TABLE busy_row (id int PRIMARY KEY, amount float8);
	CREATE TABLE busy_stmt (id int PRIMARY KEY, amount float8);
	SELECT aipipe.gate_create('busy_row', 'size', threshold => 0.5), aipipe.gate_create('busy_stmt', 'size', 'statement', threshold => 0.5);
});
my $script = $node->basedir . '/busy.sql';
append_to_file($script, q{\set n random(1, 20)
\set lose random(1, 3)
BEGIN;
INSERT INTO busy_row SELECT nextval('busy_id'), random() * 2000 FROM generate_series(1, :n);
SAVEPOINT s;
INSERT INTO busy_row SELECT nextval('busy_id'), random() * 2000 FROM generate_series(1, :n);
INSERT INTO busy_stmt SELECT nextval('busy_id'), random() * 2000 FROM generate_series(1, :n);
\if :lose = 1
ROLLBACK TO s;
\endif
INSERT INTO busy_stmt SELECT nextval('busy_id'), random() * 2000 FROM generate_series(1, :n);
\if :lose = 2
ROLLBACK;
\else
COMMIT;
\endif
});
$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '60', '-f', $script, $node->connstr('restored') ], 'a busy load');
foreach my $table ('busy_row', 'busy_stmt')
{
	is($node->safe_psql('restored', qq{
		SELECT (SELECT count(*) FROM $table) - sum(accepted), (SELECT count(*) FROM aipipe.quarantine WHERE relation = 'public.$table') - sum(quarantined),
			sum(rows) - sum(accepted) - sum(quarantined), sum(errors), sum(quarantined) > 0 FROM aipipe.batch WHERE relation = 'public.$table'}),
		'0|0|0|0|t', "$table: every row has exactly one decision");
	is($node->safe_psql('restored', qq{SELECT count(*) FROM aipipe.quarantine q JOIN $table t ON t.id = (q."row"->>'id')::int WHERE q.relation = 'public.$table'}),
		'0', "$table: no row is in both places");
}

# A standby shows everything and changes nothing.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('gate_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "$held; $batches"), $node->safe_psql('postgres', "$held; $batches"), 'a standby shows batches and quarantine');
fails_with($standby, 'postgres', $_, '25006', "standby: $_")
  foreach ("SELECT aipipe.gate_create('history', 'size', threshold => 0.5)", "SELECT aipipe.gate_drop('land')",
	"SELECT aipipe.gate_pause('land')", 'SELECT aipipe.quarantine_release(1)', 'SELECT aipipe.quarantine_discard(1)');
$standby->stop;
$node->stop;

done_testing();
