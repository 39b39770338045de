# Rows that land make jobs run, also when very many transactions bring them; and the first real jobs do their work.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('worker_landed', "max_worker_processes = 16\naipipe.worker_max = 6\n");
my $db = 'postgres';

$node->safe_psql($db, q{
	CREATE EXTENSION aipipe;
	CREATE ROLE owner LOGIN;
	CREATE SCHEMA shop AUTHORIZATION owner;
	SELECT aipipe.worker_start()});

# Runs statements as the jobs' owner.
sub owner
{
	my ($sql) = @_;
	return $node->safe_psql($db, $sql, extra_params => [ '-U', 'owner' ]);
}

# Waits until a query about a job's runs is true.
sub soon
{
	my ($job, $condition, $title) = @_;
	ok(wait_until($node, $db, "SELECT $condition FROM aipipe.job_run WHERE job_name = '$job'"), $title)
		or diag($node->safe_psql($db, "SELECT id, cause, due_at, state, why, event_rows FROM aipipe.job_run WHERE job_name = '$job'"));
	return;
}

# What landed made of a job's runs: the rows of each.
sub landed
{
	my ($job) = @_;
	return $node->safe_psql($db, "SELECT coalesce(string_agg(event_rows::text, ' ' ORDER BY id), 'none') FROM aipipe.job_run WHERE job_name = '$job' AND cause = 'event'");
}

#
# Rows that land.
#
owner(q{
	CREATE TABLE shop.many (id int);
	CREATE TABLE shop.few (id int);
	CREATE TABLE shop.calm (id int);
	CREATE TABLE shop.busy (id int);
	CREATE TABLE shop.flood (id int);
	SELECT aipipe.job_create('many', 'SELECT 1', 'on shop.many', params => '{"event_rows": 100, "event_wait": "1 hour"}'),
		aipipe.job_create('few', 'SELECT 1', 'on shop.few', params => '{"event_rows": 1000, "event_wait": "3 seconds"}'),
		aipipe.job_create('calm', 'SELECT 1', 'on shop.calm', params => '{"event_quiet": "3 seconds", "event_wait": "1 hour"}'),
		aipipe.job_create('busy', 'SELECT pg_sleep(6)', 'on shop.busy'),
		aipipe.job_create('flood', 'SELECT 1', 'on shop.flood', params => '{"event_rows": 3000, "event_wait": "1 hour"}')});

owner('INSERT INTO shop.many SELECT generate_series(1, 99)');
owner('INSERT INTO shop.few VALUES (1), (2)');
owner('INSERT INTO shop.busy VALUES (1)');
soon('busy', "count(*) = 1 AND bool_and(state = 'running')", 'a job runs when rows have landed');
owner('INSERT INTO shop.busy VALUES (2)');
owner('INSERT INTO shop.calm VALUES (1)');
owner('INSERT INTO shop.busy VALUES (3), (4)');
owner('INSERT INTO shop.calm VALUES (2), (3)');
soon('few', "count(*) = 1 AND bool_and(state = 'succeeded')", 'by time: the job runs');
is(landed('few'), '2', 'though few have landed');
is($node->safe_psql($db, "SELECT bool_and(due_at - queued_at < interval '1 s' AND due_at > (SELECT created_at FROM aipipe.job WHERE name = 'few') + interval '3 s') FROM aipipe.job_run WHERE job_name = 'few'"), 't',
	'when event_wait is over and not before');
soon('calm', "count(*) = 1 AND bool_and(state = 'succeeded')", 'by quiet: the job runs');
is(landed('calm'), '3', 'once, for all that landed without a pause');
soon('busy', "count(*) = 2 AND bool_and(state = 'succeeded')", 'what lands beside a run is for the next');
is(landed('busy'), '1 3', 'which is one');
is(landed('many'), 'none', 'by number: not before');
owner('INSERT INTO shop.many VALUES (100), (101)');
soon('many', "count(*) = 1 AND bool_and(state = 'succeeded')", 'but then the job runs');
is(landed('many'), '101', 'for all of them');

# What lands while the job is paused is not counted, and is not lost either.
owner("SELECT aipipe.job_pause('many')");
owner('INSERT INTO shop.many VALUES (1)');
owner('INSERT INTO shop.many SELECT generate_series(1, 200)');
is(landed('many'), '101', 'a paused job does not run');
owner("SELECT aipipe.job_resume('many')");
soon('many', "count(*) = 2 AND bool_and(state = 'succeeded')", 'but when it is resumed');

# Many small transactions are a few notes, and no row is lost.
owner(q{DO $$ BEGIN FOR i IN 1 .. 2500 LOOP INSERT INTO shop.flood VALUES (i); COMMIT; END LOOP; END $$});
ok(wait_until($node, $db, "SELECT count(*) < 1100 AND sum(rows) = 2500 FROM aipipe.job_event_data"), 'notes of many transactions are put together')
	or diag($node->safe_psql($db, 'SELECT count(*), sum(rows) FROM aipipe.job_event_data'));
is($node->safe_psql($db, q{SELECT max(landed_at) - min(landed_at) BETWEEN interval '1 ms' AND interval '1 minute' FROM aipipe.job_event_data}), 't', 'and say when the first and the last was');
owner('INSERT INTO shop.flood SELECT generate_series(1, 500)');
soon('flood', "count(*) = 1 AND bool_and(state = 'succeeded')", 'the job runs');
is(landed('flood'), '3000', 'for as many rows as landed');
is($node->safe_psql($db, 'SELECT count(*) FROM aipipe.job_event_data'), '0', 'nothing is left of the notes');

#
# The first real jobs.
#
owner(q{
	CREATE TABLE shop.history AS SELECT (i % 100)::float8 AS a FROM generate_series(1, 1000) i;
	SELECT aipipe.model_train_async('background', 'anomaly', 'SELECT * FROM shop.history', features => ARRAY['a'], algorithm => 'isolation_forest', params => '{"n_estimators": 5}')});
soon('train background', "bool_and(state = 'succeeded')", 'a training in the background');
is($node->safe_psql($db, "SELECT version, created_by FROM aipipe.model_version WHERE model = 'background'"), '1|owner', 'has made a version, as who asked for it');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job WHERE name = 'train background'"), '0', 'and its job is gone');

owner(q{
	SELECT aipipe.anomaly_train('shop', 'SELECT * FROM shop.history');
	CREATE TABLE shop.landing (id int PRIMARY KEY, a float8);
	SELECT aipipe.gate_create('shop.landing', 'shop', 'background');
	SELECT aipipe.job_create('drain', $$SELECT aipipe.gate_drain('shop.landing')$$, 'on shop.landing');
	INSERT INTO shop.landing SELECT i, i % 100 FROM generate_series(1, 200) i;
	INSERT INTO shop.landing VALUES (201, 1e9)});
soon('drain', "count(*) >= 1 AND bool_and(state = 'succeeded') AND sum(event_rows) = 201", 'a job drains a gate when rows have landed');
is($node->safe_psql($db, q{SELECT sum(rows), sum(quarantined) FROM aipipe.batch}), '201|1', 'each row is judged once');
is($node->safe_psql($db, 'SELECT count(*) FROM shop.landing'), '200', 'and the odd one is held');

owner(q{
	SELECT aipipe.job_create('retention', function => 'aipipe.worker_retention(jsonb)', params => '{"arguments": {"batches": "0", "decisions": "0"}}');
	SELECT aipipe.quarantine_discard(id) FROM aipipe.quarantine;
	SELECT aipipe.job_run_now('retention')});
soon('retention', "bool_and(state = 'succeeded' AND rows >= 2)", 'a job deletes what is old');
is($node->safe_psql($db, q{SELECT count(*) FROM aipipe.batch}), '0', 'of its owner');

$node->stop;
done_testing();
