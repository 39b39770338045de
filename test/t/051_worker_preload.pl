# Jobs with the server: the launcher that shared_preload_libraries starts, and what it says when it cannot do its work.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('preload', "shared_preload_libraries = 'aipipe'\nmax_worker_processes = 5");
my $note = "SELECT state, note FROM aipipe.worker_status() WHERE kind = 'database'";

# How often the log says something since the last call.
my $read = 0;

sub said
{
	my ($what) = @_;
	my $log = substr(slurp_file($node->logfile), $read);
	my @times = ($log =~ /\Q$what\E/g);

	return scalar @times;
}

# Changes settings, has them read, and forgets what the log said before.
sub set
{
	my (@lines) = @_;

	$read = length(slurp_file($node->logfile));
	$node->append_conf('postgresql.conf', join("\n", @lines) . "\n");
	$node->reload;
	return;
}

$node->safe_psql('postgres', "CREATE DATABASE $_") foreach ('one', 'two', '"Three, or so"');
$node->safe_psql($_, 'CREATE EXTENSION aipipe') foreach ('one', 'two', 'Three, or so');
ok(launcher_pid($node), 'the launcher runs');
like($node->safe_psql('one', $note), qr/^off\|call worker_start\(\), or add this database to aipipe\.worker_databases and reload/, 'and serves no database');
is($node->safe_psql('one', "SELECT note FROM aipipe.worker_status() WHERE kind = 'launcher'"), 'serves other databases', 'as it says');

# What is missing is said once, and again when the configuration is read again.
set("aipipe.worker_databases = 'one'");
ok(wait_until($node, 'one', "SELECT note = 'aipipe.worker_role is not set' FROM aipipe.worker_status() WHERE kind = 'database'"), 'it wants a role');
is(said('aipipe.worker_role is not set, so no scheduler is started'), 1, 'and the log says so once');
set("aipipe.worker_role = 'watchman'");
ok(wait_until($node, 'one', "SELECT note = 'the role of aipipe.worker_role does not exist' FROM aipipe.worker_status() WHERE kind = 'database'"), 'it wants one that is there');
is(said('role "watchman" of aipipe.worker_role does not exist'), 1, 'and the log says so once');
$node->safe_psql('postgres', 'CREATE ROLE watchman');
set();
ok(wait_until($node, 'one', q{SELECT note = 'role "watchman" is not permitted to log in' FROM aipipe.worker_status() WHERE kind = 'database'}), 'it wants one that may log in');
$node->safe_psql('postgres', 'ALTER ROLE watchman LOGIN');
my $one = has_scheduler($node, 'one');
ok($one, 'the scheduler comes without another reload');
is($node->safe_psql('one', "SELECT role FROM aipipe.worker_status() WHERE kind = 'scheduler'"), 'watchman', 'as the role of aipipe.worker_role');

# Databases come and go with a reload; what is no list of names is refused.
set("aipipe.worker_databases = 'one, nowhere, template1, \"Three, or so\"'");
ok(has_scheduler($node, 'Three, or so'), 'a database that is added gets a scheduler');
is(said('database "nowhere" of aipipe.worker_databases does not exist'), 1, 'one that is not there is named');
is(said('database "template1" is a template'), 1, 'as is a template');
is(scheduler_pid($node, 'one'), $one, 'others keep theirs');
$node->safe_psql('postgres', 'CREATE DATABASE nowhere');
$node->safe_psql('nowhere', 'CREATE EXTENSION aipipe');
ok(has_scheduler($node, 'nowhere'), 'one that comes later gets a scheduler without a reload');
set("aipipe.worker_databases = 'one, , two'");
ok(wait_until($node, 'postgres', "SELECT pg_sleep(0.1) IS NOT NULL AND current_setting('aipipe.worker_databases') ~ 'nowhere'"), 'what is no list of names changes nothing');
is(said('invalid value for parameter "aipipe.worker_databases": "one, , two"'), 1, 'and the log says so');

# No slot is free: there are three schedulers, our launcher, and the server's own for logical replication.
set("aipipe.worker_databases = 'one, two, nowhere, \"Three, or so\"'");
sleep 5;
is(scheduler_pid($node, 'two'), '', 'where no slot is free there is no scheduler');
is(said('no background worker slot is free for the scheduler of database "two"'), 1, 'the log says so, once');
like($node->safe_psql('two', $note), qr/^waiting\|the launcher starts a scheduler again within a minute; the server's log says what hinders it/, 'and the status points to it');
is($node->safe_psql('nowhere', 'SELECT aipipe.worker_stop()'), 't', 'when one is given up');
ok(has_scheduler($node, 'two'), 'the database gets its scheduler');
like($node->safe_psql('nowhere', $note), qr/^stopped\|/, 'a database that was stopped stays so');

# After a restart.
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
ok(has_scheduler($node, 'two'), 'a restart brings schedulers back');
ok(has_scheduler($node, 'Three, or so'), 'every one');
ok(has_scheduler($node, 'one'), 'of those');
is(scheduler_pid($node, 'nowhere'), '', 'but that of the one that was stopped');
is($node->safe_psql('nowhere', 'SELECT aipipe.worker_start()'), has_scheduler($node, 'nowhere'), 'which can be started');
is(launcher_pid($node, 'nowhere'), '', 'by the launcher that is there');

# A database that is taken from the list loses its scheduler, unless somebody started one there.
is($node->safe_psql('two', 'SELECT aipipe.worker_start()'), scheduler_pid($node, 'two'), 'a start where a scheduler works starts nothing');
set("aipipe.worker_databases = 'one, two, nowhere'");
ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = 'Three, or so')"),
	'a database that is taken from the list loses its scheduler');
ok($node->safe_psql('Three, or so', 'SELECT aipipe.worker_start()'), 'it can be started');
ok(launcher_pid($node, 'Three, or so'), 'by a launcher of its own');
set("aipipe.worker_databases = 'one, two, nowhere, \"Three, or so\"'");
set("aipipe.worker_databases = 'one, two, nowhere'");
sleep 2;
ok(scheduler_pid($node, 'Three, or so'), 'and the list has no say then');

# A role that loses what it needs.
$node->safe_psql('one', 'REVOKE CONNECT ON DATABASE one FROM PUBLIC');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . scheduler_pid($node, 'one') . ')');
ok(wait_until($node, 'one', q{SELECT note = 'role "watchman" has no CONNECT privilege on database "one"' FROM aipipe.worker_status() WHERE kind = 'database'}),
	'a role that may not connect is named');
$node->safe_psql('one', 'ALTER DATABASE two ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . scheduler_pid($node, 'two') . ')');
ok(wait_until($node, 'postgres', 'SELECT true') && !said('exited with exit code 2'), 'a database that lets nobody in');
for (1 .. 100)
{
	last if said('database "two" does not accept connections');
	select undef, undef, undef, 0.2;
}
is(said('database "two" does not accept connections'), 1, 'is named in the log');
$node->stop;

done_testing();
