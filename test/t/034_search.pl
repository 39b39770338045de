# A search ends when it is told to, leaves nothing then, and holds no more the longer it is.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('search', "aipipe.progress_interval = 1\n");

make_world($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE big AS SELECT i AS id, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
		(random() > .5)::text AS label FROM generate_series(1, 100000) i;
	CREATE TABLE small AS SELECT * FROM big WHERE id <= 20000});
my $tables = tables($node, 'postgres');

sub search
{
	my ($model, $source, $rounds, $trials) = @_;
	return qq{SELECT aipipe.model_train('$model', 'classification', '$source', 'label', params =>
		'{"n_estimators": $rounds, "max_depth": 6, "search": {"trials": $trials, "folds": 3}}');};
}

# Cancelled while rows are read, in the first trials and in later ones.
my $long = search('long', 'big', 500, 200);
foreach my $ms (100, 1000, 3000)
{
	my $began = time;
	fails_with($node, 'postgres', "SET statement_timeout = $ms; $long", '57014', "statement_timeout of $ms ms");
	cmp_ok(time - $began, '<', 30, "which does not take for ever ($ms ms)");
}
my $session = session_start($node, 'postgres');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
session_run($session, search('long', 'small', 20, 900), wait => 0);
ok(wait_until($node, 'postgres', qq{SELECT phase = 'searching' AND done > 1 AND total = 900 AND metric_name = 'log_loss' AND metric > 0
	FROM aipipe.progress WHERE pid = $pid}), 'the view shows how far it is and the best mean so far');
usleep(1_500_000);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
my ($out, $err) = session_run($session, 'SELECT 40 + 2;');
like($err, qr/57014/, 'pg_cancel_backend');
like($err, qr/NOTICE: .*training model "long": searching, \d+ of 900/, 'progress was told');
like($out, qr/42/, 'the session goes on');
is(tables($node, 'postgres'), $tables, 'nothing of them is left');

# A savepoint around it: a failure in the middle of a search is no failure of the transaction.
($out, $err) = session_run($session, qq{BEGIN; SAVEPOINT s; SET LOCAL statement_timeout = 1000; $long ROLLBACK TO s;
	SELECT count(*) FROM aipipe.model_trial_data; COMMIT;});
like($out, qr/^0$/m, 'the transaction goes on after a savepoint');
session_end($session);

# Neither boosters nor rows of folds pile up: ten times the trials take no more memory.
my $watched = session_start($node, 'postgres');
my $peak = q{SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s*(\\d+)'))[1];};
session_run($watched, search('few', 'small', 20, 4));
my ($few) = session_run($watched, $peak);
($out, $err) = session_run($watched, search('many', 'small', 20, 40));
is($out, '1', 'forty trials');
my ($many) = session_run($watched, $peak);
cmp_ok($many - $few, '<', 16 * 1024, 'take no more memory than four');
is((session_run($watched, q{SELECT count(*) FROM aipipe.model_trial WHERE model = 'many';}))[0], '40', 'and all are recorded');
is((session_run($watched, q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'aipipe model%';}))[0], '0',
	'no context of it is left');
session_end($watched);
$node->stop;

done_testing();
