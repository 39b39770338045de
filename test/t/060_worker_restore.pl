# Jobs of a restored dump and of a copied database are there, and nothing of them runs until somebody says so.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('worker_restore', 'max_worker_processes = 24');

$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE heir LOGIN; CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION aipipe;
	CREATE SCHEMA shop AUTHORIZATION owner;
	SELECT aipipe.worker_start();
	SET ROLE owner;
	CREATE TABLE shop.published (job text, run bigint);
	CREATE TABLE shop.landing (id int);
	CREATE FUNCTION shop.publish(jsonb) RETURNS int LANGUAGE sql AS $$
		INSERT INTO shop.published SELECT $1 ->> 'job', aipipe.job_current_run() RETURNING 1 $$;
	SELECT aipipe.job_create('tick "1"; --', function => 'shop.publish(jsonb)', schedule => 'every 1 second', params => '{"arguments": {"job": "tick"}}'),
		aipipe.job_create('landed', $$SELECT shop.publish('{"job": "landed"}')$$, 'on shop.landing', params => '{"event_rows": 10, "event_wait": "1 day"}'),
		aipipe.job_create('paused', $$SELECT shop.publish('{"job": "paused"}')$$, 'every 1 second', params => '{"paused": true}'),
		aipipe.job_create('long', 'SELECT pg_sleep(600)', params => '{"settings": {"work_mem": "5MB"}, "timezone": "Asia/Tokyo"}');
	INSERT INTO shop.landing SELECT generate_series(1, 4);
	SELECT aipipe.job_run_now('long'), aipipe.model_train_async('m', 'regression', 'SELECT pg_sleep(600), 1 AS x, 2 AS y', 'y')});
ok(wait_until($node, 'shop', q{SELECT (SELECT count(*) = 2 FROM aipipe.job_attempt WHERE state = 'running' AND pid IS NOT NULL) AND (SELECT count(*) > 1 FROM shop.published)}), 'jobs run');

# What is in the dump is what was there, whatever runs meanwhile; the definitions are the same to the last option.
my $definitions = q{SELECT id, name, owner, command, function_name, arguments, schedule, timezone, settings, search_path, event_rows, event_wait_ms, home FROM aipipe.job_data ORDER BY id};
my $dump = "$PostgreSQL::Test::Utils::tmp_check/shop.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('shop') ], 'a dump beside jobs that run');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-j', '2', '-d', $node->connstr('restored'), $dump ], 'is restored');
is($node->safe_psql('restored', $definitions), $node->safe_psql('shop', $definitions), 'jobs are what they were');

# A copy needs the database without sessions, so nothing may run.
$node->safe_psql('shop', q{SELECT aipipe.worker_stop(); SELECT count(pg_terminate_backend(pid, 10000)) FROM aipipe.worker_status() WHERE kind = 'executor'});
ok(wait_until($node, 'postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'shop')}), 'nothing runs');
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE shop');
$node->safe_psql('shop', 'SELECT aipipe.worker_start()');

my $runs = q{SELECT coalesce(max(id), 0) FROM aipipe.job_run_data};
my $publications = 'SELECT count(*) FROM shop.published';
my $open = q{SELECT count(*) FROM aipipe.job_run WHERE state IN ('queued', 'starting', 'running')};
foreach my $db ('restored', 'copied')
{
	my $latest = $node->safe_psql($db, $runs);
	my $published = $node->safe_psql($db, $publications);

	ok($node->safe_psql($db, 'SELECT aipipe.worker_start()'), "$db: a scheduler works");
	is($node->safe_psql($db, q{SELECT string_agg(name, ' ' ORDER BY name) FROM aipipe.job WHERE state = 'paused' AND why = 'copied from another database: worker_resume()' AND next_due IS NULL}),
		'landed long paused tick "1"; -- train m', "$db: all jobs wait");
	$node->safe_psql($db, 'INSERT INTO shop.landing SELECT generate_series(5, 20); SELECT pg_sleep(3)');
	is($node->safe_psql($db, $runs), $latest, "$db: no slot and no row has become a run");
	is($node->safe_psql($db, $publications), $published, "$db: nothing is published twice");
	is($node->safe_psql($db, $open), '2', "$db: what was open is as it was");
	fails_with($node, $db, q{SELECT aipipe.job_run_now('long')}, '55000', "$db: a run by hand");
	like($node->safe_psql($db, q{SELECT note FROM aipipe.worker_status() WHERE kind = 'database'}), qr/; 5 jobs came with a copy of the database and wait for worker_resume\(\)$/, "$db: the status says so");

	# One of them, then all.
	$node->safe_psql($db, q{SELECT aipipe.job_resume('tick "1"; --')}, extra_params => [ '-U', 'owner' ]);
	ok(wait_until($node, $db, "SELECT count(*) > $published FROM shop.published WHERE job = 'tick'"), "$db: one that is resumed runs");
	is($node->safe_psql($db, "SELECT string_agg(DISTINCT job_name || ' ' || owner::text, ', ') FROM aipipe.job_run WHERE id > $latest"), 'tick "1"; -- owner', "$db: and no other");
	is($node->safe_psql($db, 'SELECT aipipe.worker_resume()'), '4', "$db: the others are let run");
	is($node->safe_psql($db, q{SELECT string_agg(r.job_name || ' ' || r.state || ' ' || a.state, ', ' ORDER BY r.id) FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id
		WHERE r.why = 'left open by a copy of the database'}), 'long cancelled crashed, train m cancelled crashed', "$db: what was open is closed");
	ok(wait_until($node, $db, "SELECT EXISTS (SELECT FROM aipipe.job_run WHERE id > $latest AND job_name = 'landed' AND state = 'succeeded' AND cause = 'event')"), "$db: rows that had landed make their job due, though not all are counted")
		or diag($node->safe_psql($db, 'TABLE aipipe.job_event_data'));
	is($node->safe_psql($db, q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM aipipe.job}), 'landed active, long active, paused paused, tick "1"; -- active',
		"$db: who was paused is, and what was for one run is gone");
	is($node->safe_psql($db, 'SELECT aipipe.worker_resume()'), '0', "$db: there are no more");
	is($node->safe_psql($db, 'SELECT count(*) - count(DISTINCT run) FROM shop.published'), '0', "$db: no run has published twice");
}
is($node->safe_psql('shop', q{SELECT count(*) FROM aipipe.job WHERE state = 'paused'}), '1', 'where they came from nothing has changed');
ok(wait_until($node, 'shop', q{SELECT count(*) >= 2 FROM aipipe.job_run WHERE job_name = 'tick "1"; --' AND state = 'succeeded' AND queued_at > now() - interval '5 seconds'}), 'jobs go on there');

$node->stop;
done_testing();
