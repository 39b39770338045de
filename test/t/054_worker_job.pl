# What the calls about jobs do to runs that really run, and what is forgotten of those that have.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time);

my $node = make_node('job', 'max_worker_processes = 16');
my $db = 'work';

$node->safe_psql('postgres', "CREATE ROLE owner LOGIN; CREATE ROLE heir LOGIN IN ROLE owner; CREATE DATABASE $db");
$node->safe_psql($db, q{
	CREATE EXTENSION aipipe;
	CREATE SCHEMA shop AUTHORIZATION owner;
	SET ROLE owner;
	SET search_path = shop;
	CREATE TABLE seen (run bigint, who text, path text, memory text, what jsonb);
	CREATE FUNCTION note(what jsonb) RETURNS int LANGUAGE sql AS $$
		INSERT INTO shop.seen SELECT aipipe.job_current_run(), session_user || ' ' || current_user, current_setting('search_path'),
			current_setting('work_mem'), what RETURNING 7 $$;
	SELECT aipipe.job_create('note', 'SELECT note(NULL)');
	SELECT aipipe.job_create('call', function => 'note(jsonb)', params => '{"arguments": {"a": 1}, "settings": {"work_mem": "5MB", "search_path": "public"}}');
	SELECT aipipe.job_create('long', 'SELECT pg_sleep(120)', params => '{"retries": 5, "backoff": "1 second"}');
	SELECT aipipe.job_create('busy', 'SELECT count(*) FROM generate_series(1, 2000000000)');
	SELECT aipipe.job_create('self', 'SELECT aipipe.job_wait(aipipe.job_current_run())', params => '{"retries": 0}');
	SELECT aipipe.job_create('tick', 'SELECT note(NULL)', 'every 1 second', params => '{"paused": true}')});
ok($node->safe_psql($db, 'SELECT aipipe.worker_start()') > 0, 'a scheduler works');

# Queues a run and gives it.
sub run_now
{
	my ($job) = @_;
	return $node->safe_psql($db, "SELECT aipipe.job_run_now('$job')");
}

# Queues a run, and waits until it runs.
sub run_until_running
{
	my ($job) = @_;
	my $run = run_now($job);

	ok(wait_until($node, $db, "SELECT EXISTS (SELECT FROM aipipe.job_attempt WHERE run = $run AND state = 'running')"), "$job runs");
	return $run;
}

# How a run ended.
sub outcome
{
	my ($run) = @_;
	return $node->safe_psql($db, "SELECT aipipe.job_wait($run, '30 seconds')");
}

# As whom, where, with what.
my $run = run_now('note');
is(outcome($run), 'succeeded', 'a command runs');
is($node->safe_psql($db, "SELECT run = $run, who, path, what FROM shop.seen"), 't|owner owner|shop|',
	'as its owner and nobody else, on the search_path of its creation, knowing its run');
is($node->safe_psql($db, "SELECT state, attempts, rows, cause FROM aipipe.job_run WHERE id = $run"), 'succeeded|1|1|manual', 'the run says so');
$run = run_now('call');
is(outcome($run), 'succeeded', 'a function runs');
is($node->safe_psql($db, "SELECT who, path, memory, what FROM shop.seen WHERE run = $run"), 'owner owner|public|5MB|{"a": 1}',
	'with its argument and its settings');
is($node->safe_psql($db, "SELECT rows FROM aipipe.job_run WHERE id = $run"), '7', 'what it returned is its rows');

# A run that is altered between its queueing and its attempt is of the job as it is then.
$node->safe_psql($db, q{BEGIN; SELECT aipipe.job_run_now('call'); SELECT aipipe.job_alter('call', params => '{"arguments": {"a": 2}}'); COMMIT});
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM shop.seen WHERE what = '{"a": 2}')}), 'a queued run takes the job as it has become');

# Cancels.
foreach my $job ('long', 'busy')
{
	$run = run_until_running($job);
	my $began = time;
	is($node->safe_psql($db, "SELECT aipipe.job_cancel($run)"), 't', "$job is cancelled");
	is(outcome($run), 'cancelled', "$job ends so");
	ok(time - $began < 3, 'soon') or diag(time - $began);
	is($node->safe_psql($db, "SELECT a.state, a.sqlstate, r.attempts, r.cancel_by = current_user FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE run = $run"),
		'cancelled|57014|1|t', 'and is not tried again');
	is($node->safe_psql($db, "SELECT aipipe.job_cancel($run)"), 'f', 'there is nothing left to cancel');
}
$run = run_until_running('long');
$node->safe_psql($db, "BEGIN; SELECT aipipe.job_cancel($run); ROLLBACK; BEGIN; SAVEPOINT s; SELECT aipipe.job_cancel($run); ROLLBACK TO s; COMMIT");
is($node->safe_psql($db, "SELECT aipipe.job_wait($run, '2 seconds') IS NULL"), 't', 'a cancel that was rolled back ends nothing');

# What cannot be done to a job that runs, and what can.
fails_with($node, $db, "SELECT aipipe.job_drop('long')", '55006', 'a drop beside a run');
fails_with($node, $db, "SELECT aipipe.job_alter('long', owner => 'heir')", '55006', 'another owner beside a run');
$node->safe_psql($db, q{SELECT aipipe.job_alter('long', 'SELECT 1'), aipipe.job_pause('long')});
is($node->safe_psql($db, "SELECT state FROM aipipe.job_run WHERE id = $run"), 'running', 'it can be altered and paused, and runs on');
my $other = run_now('long');
$node->safe_psql($db, q{SELECT aipipe.job_drop('long', force => true)});
is(outcome($run), 'cancelled', 'a forced drop ends the run');
is(outcome($other), 'cancelled', 'and the one that waited');
is($node->safe_psql($db, "SELECT count(*), count(DISTINCT why) FROM aipipe.job_run WHERE job_name = 'long' AND why = 'the job was dropped'"), '2|1', 'they say why');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_attempt WHERE run = $run"), '1', 'nothing is tried again');

# A run cannot wait for itself.
$run = run_now('self');
is(outcome($run), 'failed', 'a run that waits for itself fails');
is($node->safe_psql($db, "SELECT sqlstate, last_error FROM aipipe.job_attempt a, aipipe.job_status s WHERE a.run = $run AND s.name = 'self'"),
	"55000|run $run cannot wait for itself", 'and says so');

# Pauses.
sleep 3;
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'tick'"), '0', 'a job that was created paused has no runs');
is(outcome(run_now('tick')), 'succeeded', 'but by hand');
$node->safe_psql($db, "SELECT aipipe.job_resume('tick')");
ok(wait_until($node, $db, "SELECT count(*) >= 2 FROM aipipe.job_run WHERE job_name = 'tick' AND cause = 'schedule' AND state = 'succeeded'"), 'it runs when it is resumed');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'tick' AND state = 'skipped'"), '0', 'from then on: no slot was missed');
$node->safe_psql($db, "SELECT aipipe.job_pause('tick')");
sleep 2;
my $ran = $node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'tick'");
sleep 3;
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'tick'"), $ran, 'and no more when it is paused');

# Whoever waits sees the end at once, and may be cancelled.
my $session = session_start($node, $db);
$run = run_until_running('busy');
session_run($session, "SELECT aipipe.job_wait($run);", wait => 0);
ok(wait_until($node, $db, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query ~ 'job_wait.$run' AND wait_event_type = 'Extension')"), 'a session waits');
$node->safe_psql($db, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ 'job_wait.$run' AND wait_event_type = 'Extension'");
my (undef, $err) = session_run($session, 'SELECT 1;');
like($err, qr/57014/, 'until it is cancelled');
session_end($session);
$node->safe_psql($db, "SELECT aipipe.job_cancel($run)");
is(outcome($run), 'cancelled', 'which is nothing to the run');

# History: by age, by number, of jobs that are gone, and runs that their job's drop left behind.
$node->safe_psql($db, 'SELECT aipipe.worker_stop()');
$node->safe_psql($db, q{
	SELECT aipipe.job_create('aged', 'SELECT 1', params => '{"keep": "10 days"}'), aipipe.job_create('counted', 'SELECT 1', params => '{"keep_runs": 4}'),
		aipipe.job_create('none', 'SELECT 1', params => '{"keep": "0"}'), aipipe.job_create('many', 'SELECT 1', params => '{"keep_runs": 2}'),
		aipipe.job_create('open', 'SELECT 1', params => '{"keep_runs": 0}');
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, finished_at)
	SELECT j.id, j.name, j.owner, 'manual', now(), 'succeeded', 0, now(), now() - interval '10 days' - (n - 3.5) * interval '1 minute'
	FROM aipipe.job j, generate_series(1, 6) n WHERE name IN ('aged', 'counted', 'none');
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, finished_at)
	SELECT 999999, 'gone', 'owner'::regrole, 'manual', now(), s, 0, now(), f
	FROM (VALUES ('failed', now() - interval '29 days'), ('failed', now() - interval '31 days'), ('queued', NULL), ('starting', NULL)) v(s, f);
	INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state) SELECT id, 1, job, owner, 'succeeded' FROM aipipe.job_run_data WHERE finished_at < now() - interval '9 days';
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, finished_at)
	SELECT j.id, j.name, j.owner, 'manual', now(), 'succeeded', 0, now(), now() - n * interval '1 ms' FROM aipipe.job j, generate_series(1, 2502) n WHERE name = 'many';
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, finished_at)
	SELECT j.id, j.name, j.owner, 'manual', now(), s, 0, now() + interval '1 hour', f FROM aipipe.job j, (VALUES ('succeeded', now()), ('queued', NULL)) v(s, f) WHERE name = 'open'});
# Somebody holds a thousand old runs, and more, of a job and of one that is gone, and one that waits for that.
$node->safe_psql($db, q{
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, finished_at)
	SELECT v.job, 'held', 'owner'::regrole, 'manual', now(), 'succeeded', 0, now(), now() - interval '90 days'
	FROM (SELECT id FROM aipipe.job WHERE name = 'note' UNION SELECT 999998) v(job), generate_series(1, 1100) n;
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before)
	VALUES (999998, 'held', 'owner'::regrole, 'manual', now(), 'queued', 0, now())});
$session = session_start($node, $db);
session_run($session, "BEGIN; SELECT count(aipipe.job_cancel(id)) FROM aipipe.job_run WHERE job_name = 'held';");
$node->safe_psql($db, 'SELECT aipipe.worker_start()');
ok(wait_until($node, $db, "SELECT NOT EXISTS (SELECT FROM aipipe.job_run WHERE job_name = 'gone' AND finished_at < now() - interval '30 days')"), 'old runs of a job that is gone go');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'aged'"), '3', 'runs of a job go by their age');
is($node->safe_psql($db, "SELECT count(*), min(finished_at) > now() - interval '10 days 1 minute' FROM aipipe.job_run WHERE job_name = 'counted'"), '4|t', 'or by their number, the oldest');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'none'"), '0', 'or all that have ended');
is($node->safe_psql($db, "SELECT string_agg(state, ' ') FROM aipipe.job_run WHERE job_name = 'open'"), 'queued', 'but none that is open');
ok(wait_until($node, $db, "SELECT count(*) = 2 AND max(finished_at) - min(finished_at) = interval '1 ms' FROM aipipe.job_run WHERE job_name = 'many'"), 'however many there are');
is($node->safe_psql($db, "SELECT state, why FROM aipipe.job_run WHERE job_name = 'gone' AND finished_at > now() - interval '1 day'"), 'cancelled|the job was dropped', 'a run that waits for a job that is gone ends');
is($node->safe_psql($db, "SELECT string_agg(state, ' ' ORDER BY state) FROM aipipe.job_run WHERE job_name = 'gone'"), 'cancelled failed starting', 'other runs of it stay');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_attempt a WHERE NOT EXISTS (SELECT FROM aipipe.job_run r WHERE r.id = a.run)"), '0', 'attempts go with their runs');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE r.job_name IN ('aged', 'counted', 'gone') AND a.number = 1"), '8', 'and stay with them');
is($node->safe_psql($db, "SELECT count(*) FROM aipipe.job_run WHERE job_name = 'held'"), '2201', 'and runs that somebody holds, who keeps no others from going');
session_end($session);

done_testing();
