# What a job's options make of slots, of rows that land, and of attempts that fail: runs are queued, passed over, put in order and tried
# again as docs/worker.md says.  The history says what became of each, so nearly nothing here depends on how fast the machine is: slots
# are hours, the clock is set, jobs that must last wait for a lock, and look() waits until the scheduler has seen everything.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

# One launcher, one scheduler, eight processes for attempts.
my $node = make_node('worker_policy', q{
	shared_preload_libraries = 'aipipe'
	aipipe.worker_databases = 'postgres'
	aipipe.worker_role = 'postgres'
	aipipe.worker_max = 8
	max_worker_processes = 10
	max_logical_replication_workers = 0
	max_parallel_workers = 0
	max_prepared_transactions = 2
	timezone = 'UTC'
});
my $holder;
my $shift = 0;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Changes a setting of the server, and waits until it counts for new sessions.
sub set_guc
{
	my ($name, $value) = @_;
	sql("ALTER SYSTEM SET $name = '$value'");
	$node->reload;
	wait_until($node, 'postgres', "SELECT setting::int = '$value' FROM pg_settings WHERE name = '$name'") or BAIL_OUT("$name cannot be set");
	return;
}

# Sets the clock of schedules so that it shows this time now.
sub set_clock
{
	my ($time) = @_;
	$shift = sql("SELECT round(extract(epoch FROM timestamptz '$time' - clock_timestamp()))::int");
	set_guc('aipipe.worker_time_shift', $shift);
	return;
}

sub create
{
	my ($job, $command, $schedule, $params) = @_;
	sql("SELECT aipipe.job_create('$job', \$c\$$command\$c\$, " . (defined $schedule ? "'$schedule'" : 'NULL') . ", params => '" . ($params // '{}') . "')");
	return;
}

sub run_now
{
	return sql("SELECT aipipe.job_run_now('$_[0]')");
}

# Waits for something that the history will say.
sub comes
{
	my ($condition, $name) = @_;
	ok(wait_until($node, 'postgres', "SELECT $condition"), $name)
		or diag($condition, "\n", sql('SELECT job_name, due_at, cause, state, why, attempts, event_rows, not_before FROM aipipe.job_run ORDER BY id'));
	return;
}

# Waits until a job has runs in these states: 'queued 2, running 1'.
sub states_are
{
	my ($job, $expected, $name) = @_;
	comes("string_agg(state || ' ' || n, ', ' ORDER BY state) = '$expected' FROM (SELECT state, count(*) AS n FROM aipipe.job_run WHERE job_name = '$job' GROUP BY state) s",
		"$job: $name");
	return;
}

# What has become of a job's slots: hour, cause, state, and why.
sub slots
{
	my ($job) = @_;
	return sql(qq{SELECT string_agg(concat_ws(' ', to_char(due_at, 'HH24'), cause, state, why), ', ' ORDER BY due_at, id) FROM aipipe.job_run WHERE job_name = '$job'});
}

# How many attempts of a job there were at one time.
sub most_at_once
{
	my ($job) = @_;
	return sql(qq{
		WITH a AS (SELECT a.* FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE r.job_name = '$job')
		SELECT max((SELECT count(*) FROM a o WHERE o.claimed_at <= a.claimed_at AND coalesce(o.finished_at, 'infinity') > a.claimed_at)) FROM a});
}

# Comes back when the scheduler has taken a thorough look that began after all that was committed before: others do not see what lands.
sub look
{
	my $run = sql(q{SELECT coalesce(max(id), 0) FROM aipipe.job_run WHERE job_name = 'bell'});
	sql('INSERT INTO bell VALUES (1)');
	wait_until($node, 'postgres', "SELECT EXISTS (SELECT FROM aipipe.job_run WHERE job_name = 'bell' AND id > $run AND state = 'succeeded')") or BAIL_OUT('the scheduler does not look');
	return;
}

# Jobs that do hold() wait until release().
my $hold = 'SELECT pg_advisory_xact_lock_shared(1)';
sub hold
{
	session_run($holder, 'SELECT pg_advisory_lock(1);');
	return;
}

sub release
{
	session_run($holder, 'SELECT pg_advisory_unlock(1);');
	return;
}

sub drop
{
	sql("SELECT aipipe.job_drop('$_')") foreach @_;
	return;
}

sub log_count
{
	my ($pattern) = @_;
	return scalar(() = slurp_file($node->logfile) =~ /$pattern/g);
}

sql('CREATE EXTENSION aipipe');
ok(has_scheduler($node, 'postgres'), 'a scheduler works');
$holder = session_start($node, 'postgres');
set_clock('2031-03-03 00:30+00');
sql('CREATE TABLE bell (n int)');
create('bell', 'SELECT 1', 'on bell');

#
# Slots that come while a run is open.  Four are late at once, each within the grace.
#
hold();
create('skip', $hold, '0 * * * *', '{"grace": "1 day"}');
create('queue', $hold, '0 * * * *', '{"grace": "1 day", "overlap": "queue"}');
create('parallel', $hold, '0 * * * *', '{"grace": "1 day", "overlap": "parallel", "parallel": 2}');
create('limit', $hold, '0 * * * *', '{"grace": "1 day", "overlap": "queue", "queue_limit": 2}');
create('again', 'SELECT 1 / 0', '0 * * * *', '{"grace": "1 day", "backoff": "10 days", "backoff_max": "10 days"}');
set_clock('2031-03-03 04:30+00');
states_are('skip', 'running 1, skipped 3', 'the first runs, others are passed over');
states_are('queue', 'queued 3, running 1', 'the first runs, others wait');
states_are('parallel', 'queued 2, running 2', 'two run, others wait');
states_are('limit', 'queued 1, running 1, skipped 2', 'two are taken, others are passed over');
comes(q{state = 'queued' AND attempts = 1 FROM aipipe.job_run WHERE job_name = 'again' AND to_char(due_at, 'HH24') = '01'}, 'a run waits for its retry');

# By hand there is one place left.
run_now('limit');
my $err = fails_with($node, 'postgres', q{SELECT aipipe.job_run_now('limit')}, '53400', 'a run by hand beyond the limit');
like($err, qr/too many runs of job "limit" wait.*Its option "queue_limit" allows 2\./s, 'says which');
set_clock('2031-03-03 05:30+00');
comes(q{count(*) = 5 FROM aipipe.job_run WHERE due_at = '2031-03-03 05:00+00'}, 'the next slot comes');
look();
is(most_at_once('queue') . most_at_once('parallel') . most_at_once('limit'), '121', 'no more run than may');

# A pause holds back what waits, but not what is asked for by hand.
sql(q{SELECT aipipe.job_pause('queue')});
my $by_hand = run_now('queue');
release();
comes("state = 'succeeded' FROM aipipe.job_run WHERE id = $by_hand", 'paused: a run by hand is done');
states_are('queue', 'queued 4, succeeded 2', 'paused: what waits goes on waiting');
is(sql("SELECT state FROM aipipe.job_run WHERE job_name = 'queue' ORDER BY due_at LIMIT 1"), 'succeeded', 'what ran has ended');
sql(q{SELECT aipipe.job_resume('queue')});
states_are('queue', 'succeeded 6', 'resumed: all are done');
states_are('skip', 'skipped 4, succeeded 1', 'one is done');
states_are('parallel', 'succeeded 5', 'all are done');
states_are('limit', 'skipped 3, succeeded 3', 'those that were taken are done');
is(slots('skip'), '01 schedule succeeded, ' . join(', ', map { "$_ schedule skipped the run before is still open" } '02' .. '05'), 'skip: why');
is(slots('again'), '01 schedule queued, ' . join(', ', map { "$_ schedule skipped the run before is still open" } '02' .. '05'), 'a run that waits for its retry is open');
is(slots('limit') =~ s/, 04 manual \w+//r, '01 schedule succeeded, 02 schedule succeeded, ' . join(', ', map { "$_ schedule skipped the queue is full" } '03' .. '05'), 'queue_limit: why');
is(sql(q{SELECT string_agg(to_char(due_at, 'HH24'), ' ' ORDER BY claimed_at) FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id WHERE job_name = 'queue' AND cause = 'schedule'}),
	'01 02 03 04 05', 'what waits is done in the order of its slots');
is(most_at_once('skip') . most_at_once('queue') . most_at_once('parallel') . most_at_once('limit'), '1121', 'no more have run at one time than may');
drop('again');
set_clock('2031-03-03 06:30+00');
comes(q{count(*) = 4 FROM aipipe.job_run WHERE due_at = '2031-03-03 06:00+00' AND state = 'succeeded'}, 'later slots run as if nothing had been');
is(sql(q{SELECT count(*), count(DISTINCT cause), min(cause) FROM aipipe.job_run WHERE due_at = '2031-03-03 06:00+00'}), '4|1|schedule', 'each of them once');
drop('skip', 'queue', 'parallel', 'limit');

# A job whose slots cannot be found is paused, and stays so; it is in nobody's way.
create('broken', 'SELECT 1', '0 * * * *');
create('sound', 'SELECT 1', '0 * * * *');
sql(q{UPDATE aipipe.job_data SET schedule = 'whenever' WHERE name = 'broken'});
set_clock('2031-03-03 07:30+00');
comes(q{state = 'succeeded' FROM aipipe.job_run WHERE job_name = 'sound'}, 'a job beside one whose schedule cannot be read');
is(sql(q{SELECT state, why FROM aipipe.job WHERE name = 'broken'}), 'paused|cannot read schedule "whenever"', 'which is paused');
sql(q{UPDATE aipipe.job_data SET schedule = '0 * * * *' WHERE name = 'broken'});
look();
is(sql(q{SELECT count(*) FROM aipipe.job_run WHERE job_name = 'broken'}), '0', 'until somebody resumes it');
drop('broken', 'sound');

# Jobs and runs that somebody is changing are passed by, and seen to when he is done.
sql('CREATE TABLE held (id int)');
create('held slot', 'SELECT 1', '0 * * * *');
create('held rows', 'SELECT 1', 'on held');
create('held retry', 'SELECT 1 / 0', undef, '{"retries": 1, "backoff": "30 minutes", "jitter": 0}');
create('free', 'SELECT 1', '0 * * * *');
my $retry = run_now('held retry');
comes("state = 'queued' AND attempts = 1 FROM aipipe.job_run WHERE id = $retry", 'a run waits for its retry');
my $owner = session_start($node, 'postgres');
session_run($owner, "BEGIN; SELECT aipipe.job_pause('held slot'), aipipe.job_pause('held rows'), aipipe.job_cancel($retry);");
sql('INSERT INTO held VALUES (1)');
set_clock('2031-03-03 08:30+00');
comes(q{state = 'succeeded' FROM aipipe.job_run WHERE job_name = 'free'}, 'a job that nobody changes');
look();
is(sql(q{SELECT string_agg(job_name || ' ' || attempts, ', ' ORDER BY id) FROM aipipe.job_run WHERE job_name ~ '^held'}), 'held retry 1', 'others wait');
session_run($owner, 'ROLLBACK;');
session_end($owner);
states_are($_, 'succeeded 1', 'is done when he is done') foreach 'held slot', 'held rows';
comes("state = 'failed' AND attempts = 2 FROM aipipe.job_run WHERE id = $retry", 'so is the retry');
drop('held slot', 'held rows', 'held retry', 'free');

#
# A process that has not begun yet takes a place like any other.
#
create('slow start', 'SELECT 1', undef, '{"overlap": "queue"}');
sql(q{
	CREATE FUNCTION slow_start() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
	CREATE TRIGGER slow_start BEFORE UPDATE ON aipipe.job_run_data FOR EACH ROW
	WHEN (OLD.state = 'starting' AND NEW.state = 'running' AND NEW.job_name = 'slow start') EXECUTE FUNCTION slow_start()});
hold();
run_now('slow start');
states_are('slow start', 'starting 1', 'a process that begins slowly');
run_now('slow start');
look();
states_are('slow start', 'queued 1, starting 1', 'keeps the next from beginning');
release();
states_are('slow start', 'succeeded 2', 'until it has ended');
sql('DROP FUNCTION slow_start() CASCADE');
drop('slow start');

#
# Who is next, with one process for all: priority, then when it could have begun.
#
hold();
create($_->[0], $_->[0] eq 'first' ? $hold : 'SELECT 1', undef, "{\"priority\": $_->[1]}") foreach [ 'first', 0 ], [ 'low', -7 ], [ 'normal', 0 ], [ 'high', 3 ], [ 'later high', 3 ];
run_now('first');
states_are('first', 'running 1', 'holds the only place');
set_guc('aipipe.worker_max', 1);
run_now($_) foreach 'low', 'normal', 'high', 'later high', 'normal';
sql(q{SELECT aipipe.job_alter('low', params => '{"priority": -9}')});
my $sooner = sql(q{UPDATE aipipe.job_run_data SET not_before = not_before - interval '1 minute', due_at = due_at - interval '1 minute'
	WHERE id = (SELECT max(id) FROM aipipe.job_run WHERE job_name = 'normal') RETURNING id});
sql(q{UPDATE aipipe.job_run_data SET not_before = not_before - interval '1 minute' WHERE job_name = 'later high'});
release();
comes(q{count(*) FILTER (WHERE state = 'succeeded') = 6 FROM aipipe.job_run WHERE job_name IN ('first', 'low', 'normal', 'high', 'later high')}, 'all have their turn');
is(sql(q{SELECT string_agg(job_name, ', ' ORDER BY claimed_at) FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id WHERE job_name IN ('first', 'low', 'normal', 'high', 'later high')}),
	'first, later high, high, normal, normal, low', 'by priority, then by time');
is(sql(q{SELECT r.id FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id WHERE job_name = 'normal' ORDER BY claimed_at LIMIT 1}), $sooner, 'of one job, too');

# The place of one that died is free at once.
create('dies', 'SELECT pg_sleep(60)', undef, '{"retries": 0}');
my $dies = run_now('dies');
comes("state = 'running' FROM aipipe.job_run WHERE id = $dies", 'a job runs');
my $next = run_now('normal');
sql("SELECT pg_terminate_backend(pid) FROM aipipe.job_attempt WHERE run = $dies");
comes("state = 'succeeded' FROM aipipe.job_run WHERE id = $next", 'another takes its place');
is(sql("SELECT d.state, a.claimed_at < d.finished_at + interval '5 s' FROM aipipe.job_attempt d, aipipe.job_attempt a WHERE d.run = $dies AND a.run = $next"), 'crashed|t', 'when it has died');
drop('dies');
set_guc('aipipe.worker_max', 8);
drop('first', 'low', 'normal', 'high', 'later high');

# Two that do not answer a cancel; how they end is looked at last, for it takes its time.
my $deaf = q{DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$};
create('deaf', $deaf, undef, '{"retries": 5}');
create('deaf to its timer', $deaf, undef, '{"retries": 0, "timeout": "100 ms"}');
my $deaf_run = run_now('deaf');
my $late_run = run_now('deaf to its timer');
comes("state = 'running' FROM aipipe.job_run WHERE id = $deaf_run", 'a job runs that answers no cancel');
sql("SELECT aipipe.job_cancel($deaf_run)");

#
# Rows that land.
#
sql(q{CREATE TABLE landing (id int); CREATE TABLE wait_for (id int); CREATE TABLE quiet (id int); CREATE TABLE busy (id int); CREATE TABLE twice (id int)});
create('rows', $hold, 'on landing', '{"event_rows": 5, "event_wait": "1 hour"}');
create('two at once', $hold, 'on twice', '{"overlap": "parallel", "parallel": 2}');
create('wait', 'SELECT 1', 'on wait_for', '{"event_rows": 1000, "event_wait": "2 seconds"}');
create('quiet', 'SELECT 1', 'on quiet', '{"event_quiet": "5 seconds", "event_wait": "1 hour"}');
create('never quiet', 'SELECT 1', 'on busy', '{"event_quiet": "1 hour", "event_wait": "2 seconds"}');

# Lands rows in a transaction, and says when.
sub land
{
	my ($table, $n) = @_;
	return sql("INSERT INTO $table SELECT generate_series(1, $n) \\;SELECT clock_timestamp()");
}

sub event_rows
{
	my ($job) = @_;
	return sql("SELECT string_agg(cause || ' ' || event_rows, ', ' ORDER BY id) FROM aipipe.job_run WHERE job_name = '$job'");
}

my $before = sql('SELECT clock_timestamp()');
land($_, 3) foreach 'wait_for', 'busy';
sql('INSERT INTO quiet VALUES (1); SELECT pg_sleep(.5)') foreach 1 .. 3;
my $last_quiet = land('quiet', 1);
hold();
land('landing', 2);
land('landing', 2);
look();
is(sql(q{SELECT count(*) FROM aipipe.job_run WHERE job_name = 'rows'}), '0', 'fewer rows than are waited for: nothing');
land('landing', 1);
states_are('rows', 'running 1', 'enough of them are one run');
is(event_rows('rows'), 'event 5', 'for all that landed');
land('landing', 7);
land('landing', 1);
land('twice', 2);
states_are('two at once', 'running 1', 'a run for what landed');
land('twice', 3);
states_are('two at once', 'running 2', 'and another at the same time');
look();
is(event_rows('rows'), 'event 5', 'what lands while a run is open waits');
is(event_rows('two at once'), 'event 2, event 3', 'unless runs may be parallel');
release();
states_are('rows', 'succeeded 2', 'then it is one run');
is(event_rows('rows'), 'event 5, event 8', 'for all of it');
is(sql(q{SELECT min(queued_at) FILTER (WHERE event_rows = 8) >= min(finished_at) FILTER (WHERE event_rows = 5) FROM aipipe.job_run WHERE job_name = 'rows'}), 't', 'after the end of the first');
states_are('wait', 'succeeded 1', 'few rows make it due after a while');
is(event_rows('wait'), 'event 3', 'with what landed');
is(sql("SELECT queued_at >= timestamptz '$before' + interval '2 s' FROM aipipe.job_run WHERE job_name = 'wait'"), 't', 'not before');
states_are('never quiet', 'succeeded 1', 'a table that is never quiet is waited for no longer than event_wait');
is(sql("SELECT queued_at >= timestamptz '$before' + interval '2 s' FROM aipipe.job_run WHERE job_name = 'never quiet'"), 't', 'and as long');
states_are('quiet', 'succeeded 1', 'a table that is quiet again');
is(event_rows('quiet'), 'event 4', 'with all that landed before');
is(sql("SELECT queued_at >= timestamptz '$last_quiet' + interval '5 s' FROM aipipe.job_run WHERE job_name = 'quiet'"), 't', 'and no sooner');

# In a pause nothing runs, and nothing is lost.
sql(q{SELECT aipipe.job_pause('rows')});
land('landing', 9);
land('landing', 1);
look();
is(event_rows('rows'), 'event 5, event 8', 'paused: what lands makes no run');
sql(q{SELECT aipipe.job_resume('rows')});
states_are('rows', 'succeeded 3', 'resumed: it does');
is(event_rows('rows'), 'event 5, event 8, event 9', 'once, with what landed first');
is(sql('SELECT count(*) FROM aipipe.job_event_data'), '0', 'nothing is left of it');

# Rows of a prepared transaction have landed when it is committed.
sql(q{BEGIN; INSERT INTO landing SELECT generate_series(1, 6); PREPARE TRANSACTION 'landed'});
sql(q{BEGIN; INSERT INTO landing SELECT generate_series(1, 60); PREPARE TRANSACTION 'not landed'});
look();
sql(q{ROLLBACK PREPARED 'not landed'});
is(event_rows('rows'), 'event 5, event 8, event 9', 'a transaction that is prepared makes no run');
sql(q{COMMIT PREPARED 'landed'});
look();
states_are('rows', 'succeeded 4', 'one that is committed does');
is(event_rows('rows'), 'event 5, event 8, event 9, event 6', 'for its rows');

# What has landed counts from the first row for event_wait, from the last for event_quiet.
sub landed_before
{
	my ($job, @minutes) = @_;
	sql("INSERT INTO aipipe.job_event_data (job, rows, landed_at) SELECT id, 1, clock_timestamp() - n * interval '1 minute' FROM aipipe.job, unnest(ARRAY[" . join(', ', @minutes) . "]) n WHERE name = '$job'");
	look();
	return;
}
sql(q{SELECT aipipe.job_alter('wait', params => '{"event_wait": "1 hour"}'), aipipe.job_alter('quiet', params => '{"event_quiet": "30 minutes", "event_wait": "1 day"}')});
landed_before('wait', 1, 59);
is(event_rows('wait'), 'event 3', 'fewer rows, and the first of them less than event_wait ago');
landed_before('wait', 61);
states_are('wait', 'succeeded 2', 'the first of them longer ago');
is(event_rows('wait'), 'event 3, event 3', 'one run for all of them');
landed_before('quiet', 29, 40);
is(event_rows('quiet'), 'event 4', 'the last row less than event_quiet ago');
sql(q{UPDATE aipipe.job_event_data SET landed_at = landed_at - interval '2 minutes'});
look();
states_are('quiet', 'succeeded 2', 'longer ago');
drop('rows', 'two at once', 'wait', 'quiet', 'never quiet');

#
# Slots that nobody was there for: six, of which the oldest is too late.
#
set_clock('2031-03-03 12:30+00');
hold();
create('late', 'SELECT 1', '0 * * * *', '{"overlap": "queue", "grace": "6 hours"}');
create('one', 'SELECT 1', '0 * * * *', '{"overlap": "queue", "grace": "90 minutes"}');
create('none', 'SELECT 1', '0 * * * *', '{"overlap": "queue", "grace": "90 minutes", "catch_up": "skip"}');
create('none late', 'SELECT 1', '0 * * * *', '{"overlap": "queue", "grace": "20 minutes", "catch_up": "skip"}');
create('four', 'SELECT 1', '0 * * * *', '{"overlap": "queue", "grace": "90 minutes", "catch_up": "all", "catch_up_limit": 4}');
create('six', 'SELECT 1', '0 * * * *', '{"grace": "90 minutes", "catch_up": "all", "catch_up_limit": 6}');
create('open', $hold, '0 * * * *', '{"grace": "90 minutes"}');
create('full', $hold, '0 * * * *', '{"overlap": "queue", "queue_limit": 1, "grace": "90 minutes"}');
run_now('open');
run_now('full');
states_are($_, 'running 1', 'runs') foreach 'open', 'full';
run_now('full');
set_clock('2031-03-03 18:30+00');
comes(q{count(DISTINCT job_name) = 8 FROM aipipe.job_run WHERE due_at = '2031-03-03 18:00+00' AND state IN ('succeeded', 'skipped')}, 'all slots have been looked at');
release();
comes(q{count(*) = 0 FROM aipipe.job_run WHERE job_name <> 'deaf' AND state IN ('queued', 'starting', 'running')}, 'all runs are done');
is(slots('late'), join(', ', map { "$_ schedule succeeded" } 13 .. 18), 'late slots run by themselves');
is(slots('one'), '18 catch_up succeeded', 'of those that were missed the latest');
is(slots('none'), '18 catch_up succeeded', 'or none, but the latest when it is only late');
is(slots('none late'), '18 catch_up skipped missed', 'or none');
is(slots('four'), '14 catch_up skipped slots before catch_up_limit, ' . join(', ', map { "$_ catch_up succeeded" } 15 .. 18), 'or all, up to a limit');
is(slots('six'), join(', ', map { "$_ catch_up succeeded" } 13 .. 18), 'or all, if they are no more than that');
is(slots('open') =~ s/^12 manual \w+, //r, '18 catch_up skipped the run before is still open', 'the latest is passed over beside an open run');
is(slots('full') =~ s/^(12 manual \w+, )+//r, '18 catch_up skipped the queue is full', 'and when too many wait');
is(sql(q{SELECT DISTINCT next_due FROM aipipe.job WHERE next_due IS NOT NULL}), '2031-03-03 19:00:00+00', 'the next is the one after now');
is(sql(q{SELECT DISTINCT s.last_due FROM aipipe.job_state_data s WHERE s.last_due IS NOT NULL}), '2031-03-03 18:00:00+00', 'the last is the one before');
drop('late', 'none', 'none late', 'six', 'open', 'full');

# A year later, 8,760 slots; and a slot that is none any more by the schedule.
sql(q{UPDATE aipipe.job_state_data SET next_due = '2031-03-03 19:07+00' WHERE job = (SELECT id FROM aipipe.job WHERE name = 'one')});
set_clock('2031-03-03 19:10+00');
comes(q{to_char(max(due_at), 'HH24:MI') = '19:07' AND bool_and(state = 'succeeded') FROM aipipe.job_run WHERE job_name = 'one'}, 'the slot that was announced is the one that runs');
is(sql(q{SELECT next_due FROM aipipe.job WHERE name = 'one'}), '2031-03-03 20:00:00+00', 'then those of the schedule');
set_clock('2032-03-02 19:10+00');
comes(q{count(*) = 2 FROM aipipe.job_run WHERE due_at = '2032-03-02 19:00+00' AND state = 'succeeded'}, 'a year was missed');
is(sql(q{SELECT string_agg(concat_ws(' ', job_name, to_char(due_at, 'HH24'), cause, state, why), ', ' ORDER BY job_name, due_at) FROM aipipe.job_run WHERE due_at > '2031-03-04'}),
	'four 15 catch_up skipped slots before catch_up_limit, ' . join(', ', map { "four $_ catch_up succeeded" } 16 .. 19) . ', one 19 catch_up succeeded', 'its last slots are found');
drop('one', 'four');

#
# Retries: a pause that doubles, up to a limit, and is spread.
#
create('fails', 'SELECT 1 / 0', undef, '{"retries": 6, "backoff": "10 seconds", "backoff_max": "45 seconds", "jitter": 0.5}');
my $fails = run_now('fails');
my $unspread = 0;
foreach my $n (1 .. 6)
{
	my $base = $n < 4 ? 10 * 2**($n - 1) : 45;

	comes("state = 'queued' AND attempts = $n FROM aipipe.job_run WHERE id = $fails", "attempt $n failed");
	my $pause = sql(qq{SELECT extract(epoch FROM r.not_before - a.finished_at) - $shift FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id WHERE r.id = $fails AND a.number = $n});
	ok($pause >= $base * .5 - .1 && $pause <= $base * 1.5 + 2, "then it waits $base s, give or take a half") or diag($pause);
	$unspread++ if abs($pause - $base) < .02 * $base;
	look();
	is(sql("SELECT state FROM aipipe.job_run WHERE id = $fails"), 'queued', 'it does wait') if $n == 1;

	# a retry that is farther away than its job's backoff can make it was put there by another clock; one that is not waits
	if ($n == 2)
	{
		sql("UPDATE aipipe.job_run_data SET not_before = clock_timestamp() + interval '1 s' * ($shift + 60 + 90 - 20) WHERE id = $fails");
		look();
		is(sql("SELECT state FROM aipipe.job_run WHERE id = $fails"), 'queued', 'a retry as far away as can be waits');
		sql("UPDATE aipipe.job_run_data SET not_before = clock_timestamp() + interval '1 s' * ($shift + 60 + 90 + 20) WHERE id = $fails");
	}
	else
	{
		sql("UPDATE aipipe.job_run_data SET not_before = due_at WHERE id = $fails");
	}
	look();
}
comes("state = 'failed' AND attempts = 7 FROM aipipe.job_run WHERE id = $fails", 'six retries, no more');
cmp_ok($unspread, '<', 5, 'the pauses are spread');

# A retry lets others of its job pass.
my $retried = run_now('fails');
comes("state = 'queued' AND attempts = 1 FROM aipipe.job_run WHERE id = $retried", 'a run waits for its retry');
my $passes = run_now('fails');
comes("state = 'queued' AND attempts = 1 FROM aipipe.job_run WHERE id = $passes", 'another of the same job passes it');
is(sql("SELECT attempts FROM aipipe.job_run WHERE id = $retried"), '1', 'while it waits');
drop('fails');
is(sql("SELECT string_agg(state || ' ' || why, ', ') FROM aipipe.job_run WHERE id IN ($retried, $passes)"), 'cancelled the job was dropped, cancelled the job was dropped', 'a drop ends them');

#
# Those that did not answer: terminated ten seconds after they were asked, the one by us, the other by its timer and then us.
#
comes("finished_at IS NOT NULL FROM aipipe.job_run WHERE id = $deaf_run", 'the end of what does not answer a cancel');
is(sql("SELECT state, attempts, cancel_by IS NOT NULL FROM aipipe.job_run WHERE id = $deaf_run"), 'cancelled|1|t', 'its run is cancelled, and not tried again');
is(sql("SELECT state, message, finished_at - started_at >= interval '10 s' FROM aipipe.job_attempt WHERE run = $deaf_run"),
	q{crashed|the attempt's process ended without reporting an outcome|t}, 'its process was terminated, after ten seconds');
comes("finished_at IS NOT NULL FROM aipipe.job_run WHERE id = $late_run", 'the end of what does not answer its timer');
is(sql("SELECT r.state, a.state, a.finished_at - a.started_at >= interval '15 s' FROM aipipe.job_run r JOIN aipipe.job_attempt a ON a.run = r.id WHERE r.id = $late_run"),
	'failed|crashed|t', 'its run failed: five seconds for the timer, ten for the answer');
is(log_count(qr/LOG:  aipipe: attempt \d+ \(PID \d+\) did not answer a cancel and is terminated/), 2, 'the log says it once for each');

#
# More runs than the server has processes.
#
set_guc('aipipe.worker_max', 30);
hold();
create('crowd', $hold, undef, '{"overlap": "parallel", "parallel": 30}');
sql(q{SELECT aipipe.job_run_now('crowd') FROM generate_series(1, 12)});
states_are('crowd', 'queued 4, running 8', 'eight run, four wait');
my $claimed = sql('SELECT last_value FROM aipipe.job_attempt_data_id_seq');
comes("last_value >= $claimed + 12 FROM aipipe.job_attempt_data_id_seq", 'it tries again, and again');
comes(q{count(*) = 4 AND max(attempts) = 0 FROM aipipe.job_run WHERE job_name = 'crowd' AND state = 'queued'}, 'what got no process has made no attempt');
is(log_count(qr/LOG:  aipipe: no background worker slot is free; jobs wait/), 1, 'the log says so once');
release();
states_are('crowd', 'succeeded 12', 'when there are processes again all are done');
is(sql(q{SELECT count(*), count(DISTINCT run), min(number), max(number) FROM aipipe.job_attempt a WHERE EXISTS (SELECT FROM aipipe.job_run r WHERE r.id = a.run AND job_name = 'crowd')}),
	'12|12|1|1', 'each with one attempt');
is(sql(q{SELECT count(*) FROM aipipe.job_run WHERE job_name = 'crowd' AND attempts <> 1}), '0', 'as the run says');

drop('crowd');

#
# How an attempt ends.  A run that was asked to end and fails otherwise meanwhile is cancelled, and its attempt says what happened.
#
create('stubborn', q{DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM 1 / 0; END $$});
my $stubborn = run_now('stubborn');
comes("state = 'running' FROM aipipe.job_run WHERE id = $stubborn", 'a job runs');
sql("SELECT aipipe.job_cancel($stubborn)");
comes("state = 'cancelled' AND attempts = 1 FROM aipipe.job_run WHERE id = $stubborn", 'a run that was asked to end is cancelled');
is(sql("SELECT state, sqlstate FROM aipipe.job_attempt WHERE run = $stubborn"), 'failed|22012', 'whatever its attempt ended with');

# What a command sets for itself does not keep its success from being written, however long that waits for others.
create('hasty', "$hold; SET lock_timeout = 1", undef, '{"retries": 0}');
hold();
my $hasty = run_now('hasty');
comes("state = 'running' FROM aipipe.job_run WHERE id = $hasty", 'a job runs');
$owner = session_start($node, 'postgres');
session_run($owner, "BEGIN; SELECT aipipe.job_cancel($hasty);");
release();
comes(q{EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND wait_event_type = 'Lock' AND wait_event = 'transactionid')}, 'its end waits for somebody who has its run');
session_run($owner, 'SELECT pg_sleep(.2); ROLLBACK;');
session_end($owner);
comes("state = 'succeeded' FROM aipipe.job_run WHERE id = $hasty", 'and is written then');

# A job that goes with its run, and somebody who changes it and then cancels the run: the end waits for him, and he not for the end.
foreach my $case ([ 'once ends', $hold, 'succeeded' ], [ 'once dies', 'SELECT pg_sleep(60)', 'cancelled' ])
{
	my ($name, $command, $state) = @$case;

	create($name, $command, undef, '{"retries": 0}');
	sql("UPDATE aipipe.job_data SET once = true WHERE name = '$name'");
	hold();
	my $run = run_now($name);
	comes("state = 'running' FROM aipipe.job_run WHERE id = $run", 'a job runs');
	$owner = session_start($node, 'postgres');
	session_run($owner, "BEGIN; SELECT aipipe.job_alter('$name', params => '{\"priority\": 1}');");
	release();
	if ($state eq 'succeeded')
	{
		comes(q{EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND wait_event_type = 'Lock' AND wait_event = 'transactionid')}, 'its end waits for who changes the job');
	}
	else
	{
		sql("SELECT pg_terminate_backend(pid) FROM aipipe.job_attempt WHERE run = $run");
		comes("NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor')", 'its process is ended');
		look();
		is(sql("SELECT state FROM aipipe.job_run WHERE id = $run"), 'running', 'which is written when he is done, and nobody waits');
	}
	my ($out, $trouble) = session_run($owner, "SELECT aipipe.job_cancel($run); COMMIT;");
	is($out . $trouble, 't', 'he cancels the run');
	session_end($owner);
	comes("state IN ('cancelled', '$state') FROM aipipe.job_run WHERE id = $run", "it has $state, if it was not cancelled sooner");
	is(sql("SELECT count(*) FROM aipipe.job_attempt WHERE run = $run AND sqlstate = '40P01'"), '0', 'nobody was in a deadlock');
	is(sql("SELECT count(*) FROM aipipe.job WHERE name = '$name'"), '0', 'and the job is gone');
}

# Attempts that were left open: without a process they are crashed, and their runs go on; those of a copied database are nobody's here.
create($_, 'SELECT 1', undef, '{"retries": 1, "backoff": "0"}') foreach 'left', 'copied';
sql(q{
	UPDATE aipipe.job_data SET home = '1/1' WHERE name = 'copied';
	WITH r AS (INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before, attempts, started_at)
		SELECT id, name, owner, 'manual', now(), 'running', 0, now(), 1, now() FROM aipipe.job_data WHERE name IN ('left', 'copied') RETURNING *)
	INSERT INTO aipipe.job_attempt_data (run, number, job, owner, state, pid, started_at) SELECT id, 1, job, owner, 'running', 1, now() FROM r});
states_are('left', 'succeeded 1', 'a run whose process is gone is done by another');
is(sql(q{SELECT string_agg(a.state || coalesce(' ' || message, ''), ', ' ORDER BY number) FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE job_name = 'left'}),
	q{crashed the attempt's process ended without reporting an outcome, succeeded}, 'its first attempt is crashed');
states_are('copied', 'running 1', 'what a copy left open is left alone');

# Nor are its slots, its rows, its runs.
create('copied slot', 'SELECT 1', '0 * * * *');
create('copied rows', 'SELECT 1', 'on held');
create('copied run', 'SELECT 1');
sql(q{
	UPDATE aipipe.job_data SET home = '1/1' WHERE name ~ '^copied ';
	UPDATE aipipe.job_state_data s SET next_due = '2031-01-01 00:00+00' FROM aipipe.job_data j WHERE j.id = s.job AND j.name = 'copied slot';
	INSERT INTO aipipe.job_event_data (job, rows, landed_at) SELECT id, 1, now() - interval '1 hour' FROM aipipe.job_data WHERE name = 'copied rows';
	INSERT INTO aipipe.job_run_data (job, job_name, owner, cause, due_at, state, priority, not_before)
	SELECT id, name, owner, 'manual', now(), 'queued', 0, now() FROM aipipe.job_data WHERE name = 'copied run'});
look();
is(sql(q{SELECT string_agg(concat_ws(' ', job_name, state, attempts), ', ') FROM aipipe.job_run WHERE job_name ~ '^copied '}), 'copied run queued 0', 'what is due in a copy does not run');

# An attempt whose command has given up its sign of life is alive as long as its process is.
create('silent', "SELECT pg_advisory_unlock_all(); $hold", undef, '{"retries": 0}');
hold();
my $silent = run_now('silent');
comes(q{EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND wait_event = 'advisory')}, 'a command that gives up its locks');
look();
is(sql("SELECT state FROM aipipe.job_run WHERE id = $silent"), 'running', 'runs on');
release();
comes("state = 'succeeded' FROM aipipe.job_run WHERE id = $silent", 'to its end');

# An attempt that another scheduler began is alive as long as it says so.
create('outlives', $hold, undef, '{"retries": 0}');
hold();
my $outlives = run_now('outlives');
comes("state = 'running' FROM aipipe.job_run WHERE id = $outlives", 'a job runs');
my $scheduler = scheduler_pid($node, 'postgres');
sql("SELECT pg_terminate_backend($scheduler)");
ok(has_scheduler($node, 'postgres', $scheduler), 'another scheduler works');
look();
is(sql("SELECT state FROM aipipe.job_run WHERE id = $outlives"), 'running', 'the job runs on');
release();
comes("state = 'succeeded' FROM aipipe.job_run WHERE id = $outlives", 'to its end');
drop('hasty', 'stubborn', 'left', 'silent', 'outlives');

# Who lands rows rings, and what is waited for is waited for no longer than that: the scheduler's looks of its own are ten seconds apart.
create('soon', 'SELECT 1', 'on wait_for', '{"event_rows": 10, "event_wait": "1 second"}');
look();
$before = sql('SELECT clock_timestamp()');
land('wait_for', 10);
states_are('soon', 'succeeded 1', 'enough rows');
land('wait_for', 1);
states_are('soon', 'succeeded 2', 'fewer rows');
is(sql(qq{SELECT string_agg((queued_at < timestamptz '$before' + interval '8 s')::text, ' ') FROM aipipe.job_run WHERE job_name = 'soon'}), 'true true', 'at once, and when they are due');

session_end($holder);
$node->stop;
done_testing();
