# While somebody holds an old snapshot no dead row of the queue can be removed.  The scheduler then looks at all of it now and then only,
# and everything happens all the same.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('worker_dead_rows', "max_worker_processes = 16\naipipe.worker_max = 4\nautovacuum = off\n");
my $db = 'postgres';

sub sql
{
	return $node->safe_psql($db, $_[0]);
}

# Waits until a query about a job's runs is true.
sub soon
{
	my ($job, $condition, $title) = @_;
	ok(wait_until($node, $db, "SELECT $condition FROM aipipe.job_run WHERE job_name = '$job'"), $title)
		or diag(sql("SELECT id, cause, due_at, state, attempts, why, event_rows FROM aipipe.job_run WHERE job_name = '$job' ORDER BY id"));
	return;
}

sql(q{CREATE EXTENSION aipipe; CREATE TABLE land (a int); SELECT aipipe.worker_start()});
my $holder = session_start($node, $db);
session_run($holder, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');

# Runs and attempts as after hours of work.
sql(q{
	SELECT aipipe.job_create('old', 'SELECT 1');
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before)
		SELECT id, 'old', owner, 'manual', now() - i * interval '1 s', 'running', 0, now() FROM aipipe.job_data, generate_series(1, 100000) i WHERE name = 'old';
	INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state)
		SELECT r.id, 1, r.job, r.owner, 'running' FROM aipipe.job_run_data r WHERE job_name = 'old';
	UPDATE aipipe.job_attempt_data SET state = 'succeeded', finished_at = now();
	UPDATE aipipe.job_run_data SET state = 'succeeded', finished_at = now();
	ANALYZE aipipe.job_run_data, aipipe.job_attempt_data});

# One run after the other: each takes some four looks, and few of them read the whole index.  Each is asked for by a statement that counts
# its job's open runs, which reads a part of it.
sub scans
{
	return sql(q{SELECT pg_stat_force_next_flush()}) . sql(q{SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'job_run_data_open_idx'});
}
sql(q{SELECT aipipe.job_create('again', 'SELECT 1'), aipipe.job_create('other', 'SELECT 1'), aipipe.job_create('locked', 'SELECT 1', 'every 1 second')});
my $locker = session_start($node, $db);
session_run($locker, q{BEGIN; SELECT aipipe.job_pause('locked'); SELECT pg_sleep(1.5);});
my $before = scans();
sql(q{DO $$ BEGIN FOR i IN 1 .. 40 LOOP PERFORM aipipe.job_run_now('again'); COMMIT; PERFORM pg_sleep(.1); END LOOP; END $$});
soon('again', q{count(*) = 40 AND bool_and(state = 'succeeded')}, 'forty runs by hand');
my $scans = scans() - $before - 40;
cmp_ok($scans, '<', 40, "not every look reads what was ever open: $scans did, though a slot is due that somebody has locked");
cmp_ok($scans, '>', 0, 'but some do');
session_run($locker, 'ROLLBACK;');
session_end($locker);
soon('locked', q{count(*) FILTER (WHERE state = 'succeeded') >= 1}, 'and then the slot is run');
sql(q{SELECT aipipe.job_drop('locked')});

# A run that got its number before others and is committed after them.
my $late = session_start($node, $db);
session_run($late, q{BEGIN; SELECT aipipe.job_run_now('other');});
sql(q{SELECT aipipe.job_run_now('again')});
soon('again', q{count(*) = 41 AND bool_and(state = 'succeeded')}, 'a later run is done');
session_run($late, 'COMMIT;');
soon('other', q{count(*) = 1 AND bool_and(state = 'succeeded')}, 'and then one that was committed late');
session_end($late);

# Slots, rows that land, retries, a cancel, a job that changes.
sql(q{SELECT aipipe.job_create('slots', 'SELECT 1', 'every 1 second', params => '{"overlap": "queue"}'),
	aipipe.job_create('landed', 'SELECT 1', 'on land'),
	aipipe.job_create('fails', 'SELECT 1 / 0', params => '{"retries": 3, "backoff": "300 ms", "jitter": 0}'),
	aipipe.job_create('sleeps', 'SELECT pg_sleep(600)')});
sql('INSERT INTO land SELECT generate_series(1, 7)');
sql(q{SELECT aipipe.job_run_now('fails'), aipipe.job_run_now('sleeps')});
soon('landed', q{count(*) = 1 AND bool_and(state = 'succeeded' AND event_rows = 7)}, 'rows that landed');
soon('fails', q{count(*) = 1 AND bool_and(state = 'failed' AND attempts = 4)}, 'a failure and three retries');
soon('sleeps', q{bool_and(state = 'running')}, 'a long run');
sql(q{SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE job_name = 'sleeps'});
soon('sleeps', q{bool_and(state = 'cancelled')}, 'is cancelled');
soon('slots', q{count(*) FILTER (WHERE state = 'succeeded') >= 8}, 'slots are run');
sql(q{SELECT aipipe.job_alter('slots', schedule => 'every 1 hour'), aipipe.job_alter('other', schedule => 'every 1 second')});
soon('other', q{count(*) FILTER (WHERE cause = 'schedule' AND state = 'succeeded') >= 2}, 'as a job that was changed says');
soon('slots', q{count(*) FILTER (WHERE state <> 'succeeded') = 0}, 'every slot has its run');
is(sql(q{SELECT extract(epoch FROM max(due_at) - min(due_at))::int + 1 - count(*) FROM aipipe.job_run WHERE job_name = 'slots'}), '0', 'and none is missed');

# What a scheduler before it left open: a run that waits, and an attempt of a process that ends when no scheduler is told.
my $pid = scheduler_pid($node, $db);
sql(q{SELECT aipipe.job_run_now('sleeps')});
soon('sleeps', q{count(*) FILTER (WHERE state = 'running') = 1}, 'another long run');
sql(q{SELECT aipipe.job_pause('fails'), aipipe.job_alter('fails', 'SELECT 1'); SELECT aipipe.job_run_now('fails') FROM pg_terminate_backend(} . $pid . q{)});
ok(has_scheduler($node, $db, $pid), 'another scheduler');
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND query ~ 'pg_sleep.600'});
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE r.job_name = 'sleeps' AND a.state = 'crashed')}), 'an attempt whose process is gone has crashed')
	or diag(sql(q{SELECT r.job_name, a.state, a.message FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE a.state <> 'succeeded'}));
soon('fails', q{count(*) FILTER (WHERE state = 'succeeded') = 1}, 'a run that waited is done');
session_end($holder);

$node->stop;
done_testing();
