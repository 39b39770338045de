# model_apply: committed batches survive a kill -9, and the next CALL goes on behind them, as often as it takes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(usleep);

my $node = make_node('primary', "restart_after_crash = on\n", allows_streaming => 1);

make_world($node, 'postgres');
$node->safe_psql(
	'postgres', q{
	CREATE TABLE big AS SELECT i AS id, (s).amount, (s).quantity, (s).kind, (s).placed, NULL::float8 AS p, NULL::text AS c
		FROM (SELECT row_number() OVER (ORDER BY n, s.id) AS i, s FROM sale s, generate_series(1, 30) n) x;
	ALTER TABLE big ADD PRIMARY KEY (id);
	-- so that every row tells how often it was written
	CREATE TABLE written (id int);
	CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO written VALUES (new.id); RETURN new; END $$;
	CREATE TRIGGER count_write BEFORE UPDATE OF p ON big FOR EACH ROW EXECUTE FUNCTION count_write();
	-- and a batch takes its time, so that a run is cut off on any machine
	CREATE TABLE pace AS SELECT .05 AS seconds;
	CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN PERFORM pg_sleep(seconds) FROM pace; RETURN NULL; END $$;
	CREATE TRIGGER take_time BEFORE UPDATE OF p ON big FOR EACH STATEMENT EXECUTE FUNCTION take_time()});

my $run = q{SELECT state, rows = (SELECT count(p) FROM big), (last_key ->> 'id')::int = (SELECT max(id) FROM big WHERE p IS NOT NULL)
	FROM aipipe.model_applies WHERE "column" = 'p'};
my $call = q{CALL aipipe.model_apply('returns', 'big', 'p', batch_size => 200);};
my $filled = 0;
foreach my $round (1 .. 5)
{
	my $session = session_start($node, 'postgres');
	my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
	session_run($session, $call, wait => 0);
	my $goal = $filled + 2000;
	wait_until($node, 'postgres', "SELECT rows > $goal FROM aipipe.model_applies");
	is($node->safe_psql('postgres', 'SELECT state FROM aipipe.model_applies'), 'running', "round $round: it runs") if $round == 1;
	usleep(10_000 * $round);
	kill 9, $pid;
	session_end($session);
	wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
	is($node->safe_psql('postgres', $run), 'stopped|t|t', "round $round: table and run agree after kill -9");
	my $now = $node->safe_psql('postgres', 'SELECT count(p) FROM big');
	cmp_ok($now, '>', $filled, "round $round: it went on");
	$filled = $now;
}

# A stop of the server, a cancel, the end of a session.
my $session = session_start($node, 'postgres');
session_run($session, $call, wait => 0);
wait_until($node, 'postgres', "SELECT rows > $filled + 1000 FROM aipipe.model_applies");
$node->stop('immediate');
$node->start;
session_end($session);
is($node->safe_psql('postgres', $run), 'stopped|t|t', 'they agree after an immediate stop');
$session = session_start($node, 'postgres');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
session_run($session, $call, wait => 0);
usleep(300_000);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
my ($out, $err) = session_run($session, 'SELECT 1;');
like($err, qr/57014/, 'a cancel ends it');
is($node->safe_psql('postgres', $run), 'stopped|t|t', 'they agree after a cancel');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid"), '0', 'and no lock is left');

# To the end, in another session; each row was written once.
$node->safe_psql('postgres', 'UPDATE pace SET seconds = 0');
($out, $err) = session_run($session, $call);
like($err, qr/continuing behind the last committed batch/, 'the last CALL continues');
is($node->safe_psql('postgres', $run), 'done|t|t', 'it is done');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT id) FROM written}), '60000|60000', 'each row was written once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM big WHERE p IS DISTINCT FROM aipipe.model_predict('returns', big)}),
	'0', 'with its prediction');

# Four sessions at once: one fills, the others are told.
my @sessions = map { session_start($node, 'postgres') } 1 .. 4;
session_run($_, q{CALL aipipe.model_apply('returns', 'big', 'c', batch_size => 1000);}, wait => 0) foreach @sessions;
my @errors = map { (session_run($_, 'SELECT 1;'))[1] } @sessions;
is(scalar(grep { /55006/ } @errors), 3, 'one of four sessions fills the column');
session_end($_) foreach @sessions, $session;
is($node->safe_psql('postgres', q{SELECT count(*) FROM big WHERE c IS DISTINCT FROM aipipe.model_predict_class('returns', big)}),
	'0', 'and it fills it');

# A standby shows the runs, and refuses one.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
fails_with($standby, 'postgres', $call, '25006', 'a CALL on a standby');
is($standby->safe_psql('postgres', 'SELECT string_agg(state, $$ $$ ORDER BY id) FROM aipipe.model_applies'),
	$node->safe_psql('postgres', 'SELECT string_agg(state, $$ $$ ORDER BY id) FROM aipipe.model_applies'), 'it shows the same runs');
$standby->stop;
$node->stop;

done_testing();
