# A resting scheduler is in nobody's way: databases are renamed, copied and dropped beside it, and extensions too.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time);

my $node = make_node('database', "shared_preload_libraries = 'aipipe'\naipipe.worker_role = 'watchman'\n"
	  . "aipipe.worker_databases = 'listed, renamed'\nmax_worker_processes = 12");

$node->safe_psql('postgres', 'CREATE ROLE watchman LOGIN');

# Runs a command from another database; passes when it succeeds within six seconds.
sub soon
{
	my ($sql, $name) = @_;
	my $began = time;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	my $took = time - $began;

	ok($status == 0 && $took < 6, $name) or diag(sprintf('%.1f s, %s', $took, $err));
	return;
}

# Whether a scheduler works in a database: it is there, and has looked at its tables.
sub works
{
	my ($db) = @_;

	return has_scheduler($node, $db)
	  && wait_until($node, $db, "SELECT EXISTS (SELECT FROM aipipe.worker_status() WHERE kind = 'scheduler' AND state = 'resting')");
}

# Once by the preloaded launcher, which knows databases by name, once by one that was started for the database, which knows it by OID.
foreach my $how ('preloaded', 'started')
{
	my ($db, $new) = $how eq 'preloaded' ? ('listed', 'renamed') : ('own', 'own2');

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION aipipe');
	$node->safe_psql($db, 'SELECT aipipe.worker_start()') if $how eq 'started';
	ok(works($db), "$how: a scheduler works");
	is(launcher_pid($node, $db) ne '', $how eq 'started', "$how: by the launcher of that kind");

	soon("CREATE DATABASE copy TEMPLATE $db", "$how: the database is copied beside its scheduler");
	ok(works($db), "$how: which is there again");
	my $before = scheduler_pid($node, $db);
	soon("ALTER DATABASE $db RENAME TO $new", "$how: it is renamed");
	ok(has_scheduler($node, $new, $before) && works($new), "$how: the scheduler is there again under the new name");

	# Commands that cannot have the database at once, since a session is in it, leave it in peace afterwards.
	my $session = session_start($node, $new);
	session_run($session, 'SELECT 1;');
	my ($status, undef, $err) = $node->psql('postgres', "DROP DATABASE $new");
	like($err, qr/is being accessed by other users/, "$how: it cannot be dropped while a session is in it");
	ok(works($new), "$how: and the scheduler comes back");
	session_end($session);

	# The extension.
	my $dropper = session_start($node, $new);
	$before = scheduler_pid($node, $new);
	session_run($dropper, 'BEGIN;');
	my $began = time;
	my (undef, $said) = session_run($dropper, 'DROP EXTENSION aipipe;');
	is($said, '', "$how: the extension is dropped beside it");
	ok(time - $began < 6, "$how: without waiting for long");
	sleep 3;
	is(scheduler_pid($node, $new), $before, "$how: the scheduler waits for what becomes of it");
	session_run($dropper, 'ROLLBACK;');
	ok(works($new), "$how: and works on when nothing did");
	is(scheduler_pid($node, $new), $before, "$how: as the same process");
	session_run($dropper, 'DROP EXTENSION aipipe;');
	session_end($dropper);
	ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = '$new')"),
		"$how: when the extension is gone the scheduler goes");
	$node->safe_psql($new, 'CREATE EXTENSION aipipe');
	ok(works($new), "$how: when it is there again, so is a scheduler");

	# Two extensions after one another within one look leave no scheduler of the first.
	$before = scheduler_pid($node, $new);
	$node->safe_psql($new, 'DROP EXTENSION aipipe; CREATE EXTENSION aipipe');
	ok(has_scheduler($node, $new, $before), "$how: another extension has another scheduler");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = '$new'"), '1', "$how: one");
	ok(works($new), "$how: which works");

	soon("DROP DATABASE $new", "$how: the database is dropped");
	soon('DROP DATABASE copy', "$how: the copy too");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler'"), '0', "$how: no scheduler is left");
	ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type ~ '^aipipe launcher .')"), "$how: nor its launcher");
}
ok(launcher_pid($node), 'the preloaded launcher stays');
$node->stop;

done_testing();
