# A crash at any moment leaves whole versions and every landed row with exactly one decision.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('crash', "restart_after_crash = on\n");

make_world($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE big AS SELECT i AS id, random() AS a, random() AS b, random() AS c, random() AS d,
		(random() > .5)::text AS label FROM generate_series(1, 60000) i;
	ANALYZE big});
my $scores = scores($node, 'postgres');
my $tables = tables($node, 'postgres');

# Twenty kills that sweep a whole training, from its first moment to beyond its last: each leaves the
# version whole or no trace of it.
my $train = q{SELECT aipipe.model_train('doomed', 'classification', 'big', 'label', params => '{"n_estimators": 20, "max_depth": 7}');};
my $began = time;
$node->safe_psql('postgres', $train);
my $whole = time - $began;
my ($versions, $unfinished) = (1, 0);
foreach my $round (1 .. 20)
{
	my $session = session_start($node, 'postgres');
	my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
	session_run($session, $train, wait => 0);
	usleep($whole * 1_000_000 * 1.1 * $round / 20);
	kill 'KILL', $pid;
	session_end($session);
	wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
		or fail("round $round: the server does not come back");
	my ($count, $sound) = split /\|/, $node->safe_psql('postgres', q{
		SELECT count(*), bool_and(aipipe.model_predict('doomed', one, v.version) BETWEEN 0 AND 1
								  AND length(aipipe.model_export('doomed', v.version)) > 1000)
		FROM aipipe.model_version v, (SELECT * FROM big LIMIT 1) one WHERE v.model = 'doomed'});
	ok($sound eq 't' && $count - $versions <= 1, "round $round: $count versions, each of them whole");
	$unfinished++ if $count == $versions;
	$versions = $count;
	is(scores($node, 'postgres'), $scores, "round $round: the scores of other models are those of before");
}
cmp_ok($unfinished, '>=', 10, "kills that a training did not survive: $unfinished of 20");
is($node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.model_version_data v
	WHERE NOT EXISTS (SELECT FROM aipipe.model_data m WHERE m.id = v.model_id)}), '0', 'no version without its model');
$node->safe_psql('postgres', q{SELECT aipipe.model_drop('doomed')});
is(tables($node, 'postgres'), $tables, 'once the model is dropped, every table is as before');

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
