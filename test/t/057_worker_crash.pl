# Whatever process is killed, and whenever: no slot is lost, and none is published twice.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{AIPIPE_KILLS} // 20;
my $node = make_node('worker_crash', q{
	restart_after_crash = on
	shared_preload_libraries = 'aipipe'
	aipipe.worker_databases = 'postgres'
	aipipe.worker_role = 'postgres'
	aipipe.worker_max = 3
	max_worker_processes = 12
});

# Two jobs publish what run they are of; one of them by several statements, with time to die in between.
$node->safe_psql('postgres', q{
	CREATE EXTENSION aipipe;
	CREATE TABLE published (job text, run bigint, part int, at timestamptz DEFAULT clock_timestamp());
	SELECT aipipe.job_create('quick', $$INSERT INTO published VALUES ('quick', aipipe.job_current_run(), 1)$$, '* * * * * *',
		params => '{"retries": 1000, "backoff": "100 ms", "backoff_max": "200 ms", "catch_up": "all", "overlap": "queue", "queue_limit": 10000}');
	SELECT aipipe.job_create('slow', $$INSERT INTO published VALUES ('slow', aipipe.job_current_run(), 1); SELECT pg_sleep(.4);
		INSERT INTO published VALUES ('slow', aipipe.job_current_run(), 2)$$, '*/2 * * * * *',
		params => '{"retries": 1000, "backoff": "100 ms", "backoff_max": "200 ms", "catch_up": "all", "overlap": "queue", "queue_limit": 10000}');
});

sub answers
{
	my ($out) = $node->psql('postgres', 'SELECT 1');
	return $out == 0;
}

# Waits until the server takes connections again after a crash.
sub wait_for_server
{
	foreach (1 .. 600)
	{
		return 1 if answers();
		usleep(50_000);
	}
	return 0;
}

# The process of a kind, once there is one.
sub process
{
	my ($kind) = @_;
	foreach (1 .. 400)
	{
		my $pid = answers() ? $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'aipipe $kind' ORDER BY random() LIMIT 1") : '';
		return $pid if $pid ne '';
		usleep(25_000);
	}
	return;
}

foreach my $kind ('executor', 'scheduler', 'launcher')
{
	my $killed = 0;
	foreach (1 .. $rounds)
	{
		usleep(rand(700_000));
		my $pid = process($kind);
		usleep(rand(150_000)) if $kind eq 'executor';
		$killed += kill 'KILL', $pid if defined $pid;
		usleep(100_000);
		wait_for_server() or BAIL_OUT("the server does not come back after the $kind was killed");
	}
	cmp_ok($killed, '>=', $rounds * .5, "$killed of $rounds: the $kind was killed");
}
foreach (1 .. $rounds)
{
	usleep(rand(1_500_000));
	$node->stop('immediate');
	$node->start;
}
pass("$rounds immediate stops of the server");

# No new slots from here; what is open comes to its end.
wait_for_server();
$node->safe_psql('postgres', q{SELECT aipipe.job_alter('quick', schedule => ''), aipipe.job_alter('slow', schedule => '')});
wait_until($node, 'postgres', q{SELECT NOT EXISTS (SELECT FROM aipipe.job_run WHERE state IN ('queued', 'starting', 'running'))})
	or diag($node->safe_psql('postgres', q{SELECT state, count(*) FROM aipipe.job_run GROUP BY state}));

foreach my $job (['quick', 1, 1], ['slow', 2, 2])
{
	my ($name, $step, $parts) = @$job;
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FILTER (WHERE state <> 'succeeded'), count(*) - count(DISTINCT due_at),
			(extract(epoch FROM max(due_at) - min(due_at)) / $step + 1)::int - count(*)
		FROM aipipe.job_run WHERE job_name = '$name'}), '0|0|0', "$name: every slot has one run, and it has succeeded");
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM (SELECT run FROM published WHERE job = '$name' GROUP BY run HAVING count(*) <> $parts OR count(DISTINCT part) <> $parts) x}),
		'0', "$name: none has published twice, or in part");
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM aipipe.job_run r WHERE job_name = '$name' AND NOT EXISTS (SELECT FROM published p WHERE p.run = r.id)}),
		'0', "$name: none has succeeded without publishing");
}
my $crashed = $node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.job_attempt WHERE state = 'crashed'});
cmp_ok($crashed, '>=', 5, "$crashed attempts are recorded as crashed");
is($node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.job_attempt WHERE state = 'crashed' AND message IS NULL}), '0', 'each says so');
is($node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.job_run r
	WHERE r.attempts <> (SELECT count(*) FROM aipipe.job_attempt a WHERE a.run = r.id)}), '0', 'every attempt of a run is on record');

$node->stop;
done_testing();
