# The clock jumps forth and back, and summer time begins and ends: slots run as docs/worker.md says.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('worker_clock', q{
	shared_preload_libraries = 'aipipe'
	aipipe.worker_databases = 'postgres'
	aipipe.worker_role = 'postgres'
	timezone = 'UTC'
});
$node->safe_psql('postgres', 'CREATE EXTENSION aipipe');

# Sets the clock of schedules so that it shows this time now.
sub set_clock
{
	my ($time) = @_;
	my $shift = $node->safe_psql('postgres', "SELECT round(extract(epoch FROM timestamptz '$time' - clock_timestamp()))::int");
	$node->safe_psql('postgres', "ALTER SYSTEM SET aipipe.worker_time_shift = '${shift}s'");
	$node->reload;
	wait_until($node, 'postgres', "SELECT setting::int = $shift FROM pg_settings WHERE name = 'aipipe.worker_time_shift'")
		or BAIL_OUT('the clock cannot be set');
	return;
}

# What has become of a job's slots from a time on.
sub slots
{
	my ($job, $from) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT to_char(due_at, 'MM-DD HH24:MI'), cause, state FROM aipipe.job_run WHERE job_name = '$job' AND due_at >= '$from' ORDER BY due_at});
}

sub wait_for
{
	my ($job, $condition) = @_;
	ok(wait_until($node, 'postgres', "SELECT EXISTS (SELECT FROM aipipe.job_run WHERE job_name = '$job' AND $condition)"), "$job: $condition")
		or diag($node->safe_psql('postgres', 'SELECT job_name, due_at, cause, state, why FROM aipipe.job_run ORDER BY id'));
	return;
}

# An absence of three hours, as each policy has it.
set_clock('2027-01-10 12:30+00');
$node->safe_psql('postgres', qq{
	SELECT aipipe.job_create('$_', 'SELECT 1', '0 * * * *', params => '{"catch_up": "$_", "overlap": "queue", "timezone": "UTC"}')}) foreach 'one', 'all', 'skip';
set_clock('2027-01-10 15:30+00');
wait_for('one', "due_at = '2027-01-10 15:00+00' AND state = 'succeeded'");
wait_for('all', "due_at = '2027-01-10 15:00+00' AND state = 'succeeded'");
wait_for('skip', "due_at = '2027-01-10 15:00+00' AND state = 'skipped'");
is(slots('one', '2027-01-10'), '01-10 15:00|catch_up|succeeded', 'one run for all that were missed');
is(slots('all', '2027-01-10'), join("\n", map { "01-10 $_:00|catch_up|succeeded" } 13, 14, 15), 'a run for each of them');
is(slots('skip', '2027-01-10'), '01-10 15:00|catch_up|skipped', 'none, and a note of it');

# Put back by two hours: what has run does not run again, and nothing else does before its time.
set_clock('2027-01-10 13:59:58+00');
$node->safe_psql('postgres', q{SELECT aipipe.job_create('bell', 'SELECT 1'), aipipe.job_run_now('bell')});
wait_for('bell', "state = 'succeeded'");
is($node->safe_psql('postgres', q{SELECT DISTINCT next_due FROM aipipe.job WHERE schedule IS NOT NULL}), '2027-01-10 16:00:00+00', 'put back by two hours: the next slot stays where it is');
set_clock('2027-01-10 14:59:58+00');
$node->safe_psql('postgres', 'SELECT pg_sleep(4)');
is(slots('all', '2027-01-10'), join("\n", map { "01-10 $_:00|catch_up|succeeded" } 13, 14, 15), 'put back by two hours: no slot runs twice');
is($node->safe_psql('postgres', q{SELECT next_due FROM aipipe.job WHERE name = 'all'}), '2027-01-10 16:00:00+00', 'the next slot is the one that was next');
set_clock('2027-01-10 15:59:58+00');
wait_for('all', "due_at = '2027-01-10 16:00+00' AND state = 'succeeded' AND cause = 'schedule'");

# Put back by a day: the clock was wrong, slots are counted from the new time.
set_clock('2027-01-09 09:59:57+00');
wait_for('all', "due_at = '2027-01-09 10:00+00' AND state = 'succeeded'");
is($node->safe_psql('postgres', q{SELECT next_due FROM aipipe.job WHERE name = 'all'}), '2027-01-09 11:00:00+00', 'put back by a day: slots are counted from the new time');
is($node->safe_psql('postgres', q{SELECT last_due FROM aipipe.job WHERE name = 'all'}), '2027-01-09 10:00:00+00', 'and what was before is no matter any more');
is($node->safe_psql('postgres', q{SELECT count(*) - count(DISTINCT (job, due_at)) FROM aipipe.job_run}), '0', 'no slot has two runs');
$node->safe_psql('postgres', "SELECT aipipe.job_drop('$_')") foreach 'one', 'all', 'skip';

# Summer time begins in Berlin on 2027-03-28 at 01:00 UTC and ends on 2027-10-31 at 01:00 UTC.
set_clock('2027-03-27 12:00+00');
$node->safe_psql('postgres', q{SELECT aipipe.job_create('night', 'SELECT 1', '30 2 * * *', params => '{"timezone": "Europe/Berlin"}')});
set_clock('2027-03-28 00:59:57+00');
wait_for('night', "due_at = '2027-03-28 01:00+00' AND state = 'succeeded'");
$node->safe_psql('postgres', q{SELECT aipipe.job_pause('night')});
set_clock('2027-10-31 00:29:57+00');
$node->safe_psql('postgres', q{SELECT aipipe.job_resume('night')});
wait_for('night', "due_at = '2027-10-31 00:30+00' AND state = 'succeeded'");
set_clock('2027-10-31 01:29:57+00');
$node->safe_psql('postgres', 'SELECT pg_sleep(5)');
is(slots('night', '2027-10-30'), '10-31 00:30|schedule|succeeded', 'an hour that comes twice: the job runs once');
is($node->safe_psql('postgres', q{SELECT next_due FROM aipipe.job WHERE name = 'night'}), '2027-11-01 01:30:00+00', 'and next on the next night');

$node->stop;
done_testing();
