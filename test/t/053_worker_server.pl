# Standby, promotion and crashes: workers are where the server can be written to, and come back with it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time usleep);

my $primary = make_node('primary', "shared_preload_libraries = 'aipipe'\naipipe.worker_role = 'watchman'\n"
	  . "aipipe.worker_databases = 'listed'\nmax_worker_processes = 12\nrestart_after_crash = on", allows_streaming => 1);

$primary->safe_psql('postgres', 'CREATE ROLE watchman LOGIN');
foreach my $db ('listed', 'own')
{
	$primary->safe_psql('postgres', "CREATE DATABASE $db");
	$primary->safe_psql($db, 'CREATE EXTENSION aipipe');
}
ok(has_scheduler($primary, 'listed'), 'a scheduler works on the primary');

# A standby.
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
sleep 2;
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^aipipe'"), '0', 'nothing runs on the standby');
is($standby->safe_psql('listed', "SELECT kind, state, note FROM aipipe.worker_status()"), 'database|standby|workers start when this server is promoted',
	'as the status says');
foreach my $call ('worker_start', 'worker_stop', 'worker_resume')
{
	fails_with($standby, 'own', "SELECT aipipe.$call()", '25006', "$call() there");
}

# Crashes: the server ends all of its processes and starts again.
$primary->safe_psql('own', 'SELECT aipipe.worker_start()');
my %what = (
	launcher => launcher_pid($primary),
	'launcher that was started' => launcher_pid($primary, 'own'),
	scheduler => scheduler_pid($primary, 'listed'));
foreach my $name (sort keys %what)
{
	my %before = map { $_ => has_scheduler($primary, $_) } ('listed', 'own');
	my $pid =
		$name eq 'scheduler' ? $before{listed}
	  : $name eq 'launcher' ? launcher_pid($primary)
	  :                       launcher_pid($primary, 'own');

	kill 'KILL', $pid;
	ok(has_scheduler($primary, 'listed', $before{listed}), "after a kill of the $name the scheduler of the preloaded launcher is back");
	ok(has_scheduler($primary, 'own', $before{own}), 'and that of the other');
	ok(launcher_pid($primary) && launcher_pid($primary, 'own'), 'with their launchers');
}

# An immediate stop leaves what was started by hand stopped, and no trace otherwise.
$primary->stop('immediate');
$primary->start;
ok(has_scheduler($primary, 'listed'), 'after an immediate stop the scheduler is back');
is(scheduler_pid($primary, 'own'), '', 'a launcher that was started by hand is not');
is($primary->safe_psql('own', "SELECT state FROM aipipe.worker_status() WHERE kind = 'database'"), 'off', 'as the status says');

# Promotion.
$primary->stop;
$standby->promote;
my $began = time;
my $found = 0;
for (1 .. 100)
{
	my ($status, $out) = $standby->psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = 'listed'");
	$found = $status == 0 && $out eq '1';
	last if $found;
	usleep(100_000);
}
ok($found && time - $began < 10, 'the standby has a scheduler within ten seconds of its promotion');
ok($standby->safe_psql('own', 'SELECT aipipe.worker_start()'), 'and more can be started');
$standby->stop;

done_testing();
