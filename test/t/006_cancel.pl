# Training ends when it is told to, obeys its memory budget, and survives a lack of memory.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('cancel');

make_world($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE big AS SELECT i AS id, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
		random() AS f, (random() > .5)::text AS label FROM generate_series(1, 100000) i});
my $tables = tables($node, 'postgres');
my $long = q{SELECT aipipe.model_train('long', 'classification', 'big', 'label',
	params => '{"n_estimators": 5000, "max_depth": 8}');};

# At different phases: while rows are read, while they are binned, while trees grow.
foreach my $ms (20, 150, 600, 2000)
{
	my $began = time;
	fails_with($node, 'postgres', "SET statement_timeout = $ms; $long", '57014', "statement_timeout of $ms ms");
	cmp_ok(time - $began, '<', 30, "which does not take for ever ($ms ms)");
}

# The same where every round is scored on validation rows, and with dart, whose best round is kept as it was.
foreach my $options ('"booster": "gbtree"', '"booster": "dart", "rate_drop": 0.1')
{
	my $params = qq({"n_estimators": 20000, "max_depth": 8, "early_stopping_rounds": 5000, "validation": 0.3, $options});
	my $stopping = "SELECT aipipe.model_train('long', 'classification', 'big', 'label', params => '$params');";
	foreach my $ms (600, 2500)
	{
		my $began = time;
		fails_with($node, 'postgres', "SET statement_timeout = $ms; $stopping", '57014',
			"statement_timeout of $ms ms with early stopping, $options");
		cmp_ok(time - $began, '<', 30, "which does not take for ever ($ms ms)");
	}
}

my $session = session_start($node, 'postgres');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
foreach my $round (1 .. 3)
{
	session_run($session, $long, wait => 0);
	wait_until($node, 'postgres', "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $pid");
	usleep(300_000 * $round);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my ($out, $err) = session_run($session, 'SELECT 40 + 2;');
	like($err, qr/57014/, "pg_cancel_backend, round $round");
	like($out, qr/42/, 'the session goes on');
}
is((session_run($session, 'SELECT count(*) FROM pg_ls_dir(\'/proc/self/task\');'))[0], '1',
	'no thread is left in it');
my ($version) = session_run($session, q{SELECT aipipe.model_train('short', 'classification', 'big', 'label',
	params => '{"n_estimators": 2}');});
is($version, '1', 'and it can train');

session_run($session, $long, wait => 0);
wait_until($node, 'postgres', "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $pid");
usleep(500_000);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"),
	'pg_terminate_backend ends it');
session_end($session);

# Too little allowed.
fails_with($node, 'postgres', q{SET aipipe.train_max_memory = '1MB';
	SELECT aipipe.model_train('long', 'classification', 'big', 'label')}, '53400', 'the memory budget');
fails_with($node, 'postgres', q{SET aipipe.train_max_memory = '1MB';
	SELECT aipipe.anomaly_train('long', 'big')}, '53400', 'the memory budget of a detector');
$node->safe_psql('postgres', 'CREATE ROLE weak LOGIN; GRANT SELECT ON big TO weak');
fails_with($node, 'postgres', q{SET ROLE weak; SELECT count(*) FROM aipipe.model_cache(); SET aipipe.train_max_memory = '1TB'},
	'42501', 'raising the budget oneself');
my $early = session_start($node, 'postgres', user => 'weak');
is((session_run($early, q{SET aipipe.train_max_memory = '1TB'; SELECT count(*) FROM aipipe.model_cache();
	SHOW aipipe.train_max_memory;}))[0] =~ s/.*\n//r, '2GB', 'nor before the library is loaded');
session_end($early);

# A small budget holds even where one row, or the values of many columns, are large.
$node->safe_psql('postgres', q{
	CREATE TABLE docs AS SELECT i, i % 7 AS y, json_build_object('a', repeat(md5(i::text), 32768)) AS doc
		FROM generate_series(1, 600) i});
$node->safe_psql('postgres', 'CREATE TABLE texts AS SELECT ' .
	join(', ', map { "repeat(md5((i * $_)::text), 8) AS t$_" } 1 .. 60) . ' FROM generate_series(1, 12000) i');
foreach my $case (
	['1 MB documents', q{SELECT aipipe.model_train('docs', 'regression', 'docs', 'y', params => '{"n_estimators": 2}')}],
	['60 columns of text', q{SELECT aipipe.anomaly_train('texts', 'texts', params => '{"algorithm": "isolation_forest", "n_estimators": 2, "text_buckets": 0}')}])
{
	my ($what, $train) = @$case;
	my $watched = session_start($node, 'postgres');
	my $peak = q{SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s*(\\d+)'))[1];};
	session_run($watched, q{SELECT count(*) FROM aipipe.model_cache(); SET aipipe.train_max_memory = '64MB';});
	my ($before) = session_run($watched, $peak);
	my ($out, $err) = session_run($watched, "BEGIN; $train; ROLLBACK;");
	is($out, '1', "$what train within 64 MB");
	my ($after) = session_run($watched, $peak);
	cmp_ok($after - $before, '<', 160 * 1024, 'and take about that');
	session_end($watched);
}

# Too little there: an address space hardly larger than what the backend has already.
SKIP:
{
	skip 'no prlimit', 6 if system('command -v prlimit >/dev/null 2>&1') != 0;
	foreach my $extra (8, 24, 64)
	{
		my $poor = session_start($node, 'postgres');
		my ($poor_pid) = session_run($poor, 'SELECT pg_backend_pid();');
		session_run($poor, q{SELECT aipipe.model_train('poor', 'classification', 'sale', 'returned',
			params => '{"n_estimators": 1}');}) if $extra > 8;
		my ($size) = map { /^VmSize:\s+(\d+)/m ? $1 : () } slurp("/proc/$poor_pid/status");
		system('prlimit', "--pid=$poor_pid", '--as=' . ($size + $extra * 1024) * 1024) == 0 or die 'prlimit failed';
		my ($out, $err) = session_run($poor, q{SELECT aipipe.model_train('poor', 'classification', 'big', 'label',
			params => '{"n_estimators": 30, "max_depth": 10}');});
		ok($out =~ /^\d+$/ || $err =~ /ERROR:  (53200|38000|58P01|0A000)/, "$extra MB of memory: an error or an answer")
		  or diag("$out $err");
		is((session_run($poor, 'SELECT 40 + 2;'))[0], '42', 'and the session lives');
		session_end($poor);
	}
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM aipipe.model WHERE name = 'long'}), '0', 'nothing half-made is there');
$node->safe_psql('postgres', q{SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name IN ('short', 'poor')});
is(tables($node, 'postgres'), $tables, 'every table is as it was');
$node->stop;

# The text of a file that has no size, as /proc has them.
sub slurp
{
	my ($name) = @_;
	local $/;
	open(my $handle, '<', $name) or return '';
	return <$handle>;
}

done_testing();
