# A profile by several processes ends when it is told to and leaves nothing behind; a standby gives it too.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('profile', "max_parallel_workers_per_gather = 2\nmax_parallel_workers = 4\n", allows_streaming => 1);

$node->safe_psql('postgres', q{
	CREATE EXTENSION aipipe;
	CREATE TABLE big AS SELECT i AS id, md5(i::text) AS a, md5((i + 1)::text) AS b, md5((i + 2)::text) || '@example.org' AS c
		FROM generate_series(1, 300000) i;
	ANALYZE big});
my $many = q{SELECT sum(rows) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_table('big', workers => 2, seed => g);};
my $alone = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'};

is($node->safe_psql('postgres', q{SELECT DISTINCT rows, workers FROM aipipe.profile_table('big', workers => 2)}),
	'300000|2', 'two workers take part');

# While processes start, read and send.
foreach my $ms (5, 40, 150, 400, 900)
{
	my $began = time;
	fails_with($node, 'postgres', "SET statement_timeout = $ms; $many", '57014', "statement_timeout of $ms ms");
	cmp_ok(time - $began, '<', 20, "which does not take for ever ($ms ms)");
	ok(wait_until($node, 'postgres', $alone), 'and leaves no worker');
}

my $session = session_start($node, 'postgres');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
session_run($session, $many, wait => 0);
ok(wait_until($node, 'postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid AND query LIKE '%profile_table%'"),
	'workers show what they work on');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
my ($out, $err) = session_run($session, 'SELECT 40 + 2;');
like($err, qr/57014/, 'pg_cancel_backend');
like($out, qr/42/, 'the session goes on');
is((session_run($session, q{SELECT DISTINCT rows, workers FROM aipipe.profile_table('big', workers => 2);}))[0], '300000|2', 'and can profile');

# A worker that is ended ends the statement, not the session.
session_run($session, $many, wait => 0);
my $ended = wait_until($node, 'postgres', "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE leader_pid = $pid");
ok($ended, 'a worker is terminated');
($out, $err) = session_run($session, 'SELECT 40 + 2;');
like($err, qr/57P01|XX000|terminating/, 'which is an error');
like($out, qr/42/, 'and the session goes on');

session_run($session, $many, wait => 0);
wait_until($node, 'postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid");
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE $pid = ANY (ARRAY[pid, leader_pid]))"),
	'pg_terminate_backend ends it with its workers');
session_end($session);
ok(wait_until($node, 'postgres', $alone), 'no worker is left');

# A standby reads the same.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('profile_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $profile = q{SELECT column_name, rows, nulls, distinct_values, min, max, looks, workers FROM aipipe.profile_table('big', workers => 1)};
is($standby->safe_psql('postgres', $profile), $node->safe_psql('postgres', $profile), 'a standby gives the same profile, by two processes');
$standby->stop;
$node->stop;

done_testing();
