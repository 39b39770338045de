# A crash at any moment leaves whole versions and every landed row with exactly one decision.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(usleep);

my $node = make_node('crash', "restart_after_crash = on\n");

make_world($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE big AS SELECT i AS id, random() AS a, random() AS b, random() AS c, random() AS d,
		(random() > .5)::text AS label FROM generate_series(1, 60000) i;
	ANALYZE big});
my $scores = scores($node, 'postgres');
my $tables = tables($node, 'postgres');

foreach my $delay (0.05, 0.3, 1.0)
{
	my $session = session_start($node, 'postgres');
	my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
	session_run($session, q{SELECT aipipe.model_train('doomed', 'classification', 'big', 'label',
		params => '{"n_estimators": 5000, "max_depth": 8}');}, wait => 0);
	ok(wait_until($node, 'postgres', "SELECT state = 'active' AND query LIKE '%doomed%' FROM pg_stat_activity WHERE pid = $pid"),
		"training runs (to be killed after $delay s)");
	usleep($delay * 1_000_000);
	kill 'KILL', $pid;
	session_end($session);
	ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"),
		'the server is back');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.model WHERE name = 'doomed'}), '0',
		'no half model is left');
	is(tables($node, 'postgres'), $tables, 'no table has changed');
	is(scores($node, 'postgres'), $scores, 'the scores are those of before');
}

# Loads through the gate, killed while they run: rows and decisions go together.
my $sure = 0;
foreach my $round (1 .. 5)
{
	my $session = session_start($node, 'postgres');
	my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
	my $base = $round * 1_000_000;
	session_run($session, qq{DO \$\$ BEGIN
		FOR n IN 0 .. 100000 LOOP
			INSERT INTO landing SELECT $base + n * 10 + i, CASE WHEN i = 5 THEN 1e9 ELSE 50 END, 3,
				CASE WHEN i = 5 THEN 'mammoth' ELSE 'tool' END, now(), NULL FROM generate_series(0, 9) i;
			COMMIT;
		END LOOP; END \$\$;}, wait => 0);
	wait_until($node, 'postgres', "SELECT count(*) > 20 FROM landing WHERE id >= $base");
	usleep(37_000 * $round);
	kill 'KILL', $pid;
	session_end($session);
	wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
	my $landed = $node->safe_psql('postgres', "SELECT count(*) FROM landing WHERE id >= $base AND id < $base + 1000000");
	my $held = $node->safe_psql('postgres', qq{SELECT count(*) FROM aipipe.quarantine
		WHERE ("row"->>'id')::int >= $base AND ("row"->>'id')::int < $base + 1000000});
	is(($landed + $held) % 10, 0, "round $round: whole statements only ($landed landed, $held held)");
	cmp_ok($held, '>=', ($landed + $held) / 10, "round $round: each absurd row is held");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM landing l JOIN aipipe.quarantine q
		ON (q."row"->>'id')::int = l.id WHERE l.id >= $base}), '0', "round $round: no row is in both places");
}
my $report = $node->safe_psql('postgres', q{SELECT count(*) FROM (
	SELECT "row"->>'id' FROM aipipe.quarantine GROUP BY 1 HAVING count(*) > 1) d});
is($report, '0', 'no row was decided twice');

$node->stop('immediate');
$node->start;
is(scores($node, 'postgres'), $scores, 'an immediate stop changes nothing');
is($node->safe_psql('postgres', q{SELECT aipipe.model_train('doomed', 'classification', 'big', 'label',
	params => '{"n_estimators": 2}')}), '1', 'and training works');
$node->stop;

done_testing();
