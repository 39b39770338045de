# Jobs without a restart: worker_start() and worker_stop() in a server that has not preloaded the library.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = make_node('start', 'max_worker_processes = 8');
my $status = "SELECT kind, state, note FROM aipipe.worker_status() WHERE kind = 'database'";

$node->safe_psql('postgres', 'CREATE DATABASE store');
$node->safe_psql('store', 'CREATE EXTENSION aipipe');

# What can be said before.
like($node->safe_psql('store', $status), qr/^database\|off\|call worker_start\(\), or add aipipe to shared_preload_libraries/,
	'nobody works, and the status says what to do');
is($node->safe_psql('store', 'SELECT count(*) FROM aipipe.worker_status()'), '1', 'there is no process');
is($node->safe_psql('store', 'SELECT aipipe.worker_stop()'), 't', 'stopping what does not run is no error');
like($node->safe_psql('store', $status), qr/stopped\|\S+ called worker_stop\(\); worker_start\(\) lets jobs run again/, 'it is remembered');

# Start.
my $pid = $node->safe_psql('store', 'SELECT aipipe.worker_start()');
is($pid, scheduler_pid($node, 'store'), 'a start gives the pid of the scheduler');
my $launcher = launcher_pid($node, 'store');
ok($launcher, 'and there is a launcher for this database');
ok(wait_until($node, 'store', "SELECT count(*) = 1 FROM aipipe.worker_status() WHERE kind = 'scheduler' AND state = 'resting'"), 'the scheduler rests');
is($node->safe_psql('store', "SELECT string_agg(kind, ' ' ORDER BY kind) FROM aipipe.worker_status()"), 'database launcher scheduler', 'three rows');
is($node->safe_psql('store', "SELECT pid, role FROM aipipe.worker_status() WHERE kind = 'scheduler'"),
	"$pid|" . $node->safe_psql('store', 'SELECT session_user'), 'it connects as who called');
like($node->safe_psql('store', $status), qr/working\|at most 4 attempts at one time \(aipipe\.worker_max\); 3 of 8 background workers run/, 'the status says so');
is($node->safe_psql('store', 'SELECT aipipe.worker_start()'), $pid, 'a second start finds it');
is(scheduler_pid($node, 'store'), $pid, 'there is one scheduler');
is(launcher_pid($node, 'store'), $launcher, 'and one launcher');

# A scheduler that is ended comes back, and a launcher too.
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
my $second = has_scheduler($node, 'store', $pid);
ok($second, 'a scheduler that was ended is started again');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $launcher)"), 'a launcher is ended');
ok(wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type ~ '^aipipe launcher'"), 'and started again');
is(scheduler_pid($node, 'store'), $second, 'the scheduler has not noticed');

# Stop.
is($node->safe_psql('store', 'SELECT aipipe.worker_stop()'), 't', 'a stop ends the scheduler');
is(scheduler_pid($node, 'store') . launcher_pid($node, 'store'), '', 'and the launcher');

# In a transaction.
my $session = session_start($node, 'store');
session_run($session, 'BEGIN;');
($pid) = session_run($session, 'SELECT aipipe.worker_start();');
like($pid, qr/^\d+$/, 'a start in a transaction gives a pid');
ok(wait_until($node, 'store', "SELECT state ~ '^waiting: Lock' FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'the scheduler waits for its end');
session_run($session, 'COMMIT;');
ok(wait_until($node, 'store', "SELECT state = 'resting' FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'and works');
is(scheduler_pid($node, 'store'), $pid, 'being the same');
session_run($session, 'SELECT aipipe.worker_stop();');
session_run($session, 'BEGIN;');
session_run($session, 'SELECT aipipe.worker_start();');
session_run($session, 'ROLLBACK;');
ok(wait_until($node, 'store', "SELECT count(*) = 0 FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'one that was rolled back does not work');
like($node->safe_psql('store', $status), qr/\|stopped\|/, 'as the status says');
session_run($session, 'SELECT aipipe.worker_start();');
session_run($session, 'BEGIN;');
my ($stopped) = session_run($session, 'SELECT aipipe.worker_stop();');
is($stopped, 't', 'a stop in a transaction ends the scheduler at once');
session_run($session, 'ROLLBACK;');
is($node->safe_psql('store', 'SELECT aipipe.worker_start()'), has_scheduler($node, 'store'), 'and one that was rolled back leaves no trace');
session_end($session);

# Who may.
$node->safe_psql('store', 'SELECT aipipe.worker_stop(); CREATE ROLE nobody LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE silent NOLOGIN;'
	  . ' GRANT EXECUTE ON FUNCTION aipipe.worker_start(), aipipe.worker_stop() TO clerk, silent');
foreach my $call ('worker_start', 'worker_stop', 'worker_resume')
{
	fails_with($node, 'store', "SET ROLE nobody; SELECT aipipe.$call()", '42501', "$call() by a role that was not granted it");
}
my $clerk = session_start($node, 'store', user => 'clerk');
($pid) = session_run($clerk, 'SELECT aipipe.worker_start();');
is($pid, has_scheduler($node, 'store'), 'a role that was granted it may start');
is($node->safe_psql('store', "SELECT role FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'clerk', 'and lends its name');
ok(wait_until($node, 'store', "SELECT state = 'resting' FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'a scheduler needs no rights');
($stopped) = session_run($clerk, 'SELECT aipipe.worker_stop();');
is($stopped, 't', 'it may stop');
session_end($clerk);
my $err = fails_with($node, 'store', 'SET SESSION AUTHORIZATION silent; SELECT aipipe.worker_start()', '55000', 'a start by a role that cannot log in');
like($err, qr/DETAIL:  role "silent" is not permitted to log in\./, 'says so');
$node->safe_psql('store', 'REVOKE CONNECT ON DATABASE store FROM PUBLIC');
$err = fails_with($node, 'store', 'SET SESSION AUTHORIZATION clerk; SELECT aipipe.worker_start()', '55000', 'a start by a role that may not connect');
like($err, qr/DETAIL:  role "clerk" has no CONNECT privilege on database "store"\./, 'says so');

# Executors are seen by who may see their role, and a stop lets them end by themselves.
$node->safe_psql('store', 'GRANT CONNECT ON DATABASE store TO PUBLIC; CREATE ROLE auditor IN ROLE pg_read_all_stats;'
	  . " SELECT aipipe.worker_start(); SET SESSION AUTHORIZATION clerk; SELECT aipipe.job_create('nap', 'SELECT pg_sleep(8)', '* * * * * *')");
my $executors = "SELECT count(*) FROM aipipe.worker_status() WHERE kind = 'executor'";
ok(wait_until($node, 'store', "SELECT count(*) = 1 FROM aipipe.worker_status() WHERE kind = 'executor' AND job = 'nap' AND run > 0 AND attempt > 0 AND role = 'clerk'"),
	'an executor says what it does');
is($node->safe_psql('store', "SET SESSION AUTHORIZATION clerk; $executors"), '1', 'to its owner');
is($node->safe_psql('store', "SET SESSION AUTHORIZATION auditor; $executors"), '1', 'to pg_read_all_stats');
is($node->safe_psql('store', "SET SESSION AUTHORIZATION nobody; $executors"), '0', 'and to nobody else');
is($node->safe_psql('store', "SET SESSION AUTHORIZATION nobody; SELECT count(*) FROM aipipe.worker_status() WHERE kind IN ('launcher', 'scheduler')"), '2', 'who sees that there is a scheduler');
my $executor = $node->safe_psql('store', "SELECT pid FROM aipipe.worker_status() WHERE kind = 'executor'");
is($node->safe_psql('store', 'SELECT aipipe.worker_stop()'), 't', 'a stop does not wait for it');
is($node->safe_psql('store', "SELECT pid FROM aipipe.worker_status() WHERE kind = 'executor'"), $executor, 'it goes on');
ok(wait_until($node, 'store', "SELECT count(*) = 0 FROM aipipe.worker_status() WHERE kind = 'executor'"), 'to its end');
is($node->safe_psql('store', 'SELECT state, count(*) FROM aipipe.job_attempt_data GROUP BY state'), 'succeeded|1', 'which is a good one, and nothing follows it');
$node->safe_psql('store', 'REVOKE CONNECT ON DATABASE store FROM PUBLIC');

# aipipe.worker_role goes before who calls.
$node->append_conf('postgresql.conf', "aipipe.worker_role = 'nobody'");
$node->reload;
$err = fails_with($node, 'store', 'SELECT pg_sleep(0.2); SELECT aipipe.worker_start()', '55000', 'a start with a role that may not connect');
like($err, qr/role "nobody" has no CONNECT/, 'names the role of aipipe.worker_role');
$node->safe_psql('store', 'GRANT CONNECT ON DATABASE store TO nobody');
ok($node->safe_psql('store', 'SELECT aipipe.worker_start()'), 'it starts when that role may');
is($node->safe_psql('store', "SELECT role FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'nobody', 'as that role');

# In a server that pg_upgrade looks at, in a template, without a free slot.
fails_with($node, 'postgres', 'SELECT aipipe.worker_start()', '3F000', 'without the extension there is no function');
$node->append_conf('postgresql.conf', "aipipe.worker_role = ''\nmax_worker_processes = 1");
$node->restart;
$err = fails_with($node, 'store', 'SELECT aipipe.worker_start()', '55000', 'a start without a free slot');
like($err, qr/HINT:  Raise max_worker_processes\./, 'says what to do');
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
my $began = time;
my ($ret, $out, $notice) = $node->psql('store', 'SELECT aipipe.worker_start() IS NULL');
is($out, 't', 'a start with a slot for the launcher alone gives NULL');
like($notice, qr/NOTICE:  the scheduler has not started yet/, 'and says so');
ok(time - $began < 30, 'after a while');
like($node->safe_psql('store', $status), qr/\|waiting\|the launcher starts a scheduler again within a minute; the server's log says what hinders it/,
	'as does the status');
my @lines = (slurp_file($node->logfile) =~ /no background worker slot is free for the scheduler of database "store"/g);
is(scalar @lines, 1, 'the log has one line about it');
is($node->safe_psql('store', 'SELECT aipipe.worker_stop()'), 't', 'the launcher can be stopped');
$node->stop;

done_testing();
