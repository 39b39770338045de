# Searches for keys, dependencies and joins end when they are told to, at whatever they are, and leave nothing behind.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('profile_keys');

$node->safe_psql('postgres', q{
	CREATE EXTENSION aipipe;
	CREATE TABLE big AS SELECT i AS id, i % 1000 AS store, (i * 7919::bigint) % 100003 AS customer, md5(i::text) AS code,
		'city ' || i % 500 AS city, i % 50 AS state, (i % 7919) / 100.0 AS price, timestamp '2024-01-01' + i * interval '1 min' AS placed
		FROM generate_series(1, 150000) i;
	CREATE TABLE other AS SELECT i AS big_id, md5(i::text) AS big_code, i % 100003 AS customer FROM generate_series(1, 150000) i;
	CREATE VIEW large AS SELECT a.id, a.code, b.i FROM big AS a, generate_series(1, 1000) AS b(i);
	ANALYZE});

# Each again and again, so that a timeout meets every phase; and a source that never ends by itself.
my %searches = (
	keys => q{SELECT count(*) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_keys('big', 2, 0.01, jsonb_build_object('seed', g)) AS k},
	'keys by queries' => q{SELECT count(*) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_keys('big', 2, 0, jsonb_build_object('sample', 0.1, 'seed', g)) AS k},
	dependencies => q{SELECT count(*) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_dependencies('big', 2, 0.01, jsonb_build_object('seed', g)) AS d},
	joins => q{SELECT count(*) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_joins('{big,other}', NULL, 0.5, jsonb_build_object('min_score', 0, 'seed', g)) AS j},
	'joins of a view' => q{SELECT count(*) FROM aipipe.profile_joins('{large,other}')},
	'joins in parts' => q{SELECT count(*) FROM generate_series(1, 1000) AS g, LATERAL aipipe.profile_joins('{big,other}', NULL, 0.5, jsonb_build_object('min_score', 0, 'seed', g)) AS j});
my $settings = q{SELECT concat_ws(' ', current_setting('transaction_read_only'), current_setting('search_path'), current_setting('DateStyle'), current_setting('TimeZone'), current_setting('synchronize_seqscans'));};
my $memory = q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts;};

foreach my $what (sort keys %searches)
{
	my $session = session_start($node, 'postgres');
	session_run($session, q{SET aipipe.progress_interval = 0; SET DateStyle = 'German';}
		. ($what eq 'joins in parts' ? q{SET aipipe.profile_max_memory = '1MB';} : ''));
	# What is loaded and prepared once is there before memory is looked at.
	session_run($session, "SET statement_timeout = 1500; $searches{$what}; RESET statement_timeout;");
	my ($kept) = session_run($session, $settings);
	my ($before) = session_run($session, $memory);
	foreach my $ms (3, 50, 200, 500, 900, 1400)
	{
		my $began = time;
		my ($out, $err) = session_run($session, "SET statement_timeout = $ms; $searches{$what};");
		like($err, qr/57014/, "$what: statement_timeout of $ms ms");
		cmp_ok(time - $began, '<', 20, 'which does not take for ever');
		session_run($session, 'RESET statement_timeout;');
	}
	my ($after) = session_run($session, $memory);
	cmp_ok($after - $before, '<', 1024 * 1024, "$what: no memory is kept");
	is((session_run($session, q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'aipipe profile%';}))[0], '0', 'nor a memory context');
	is((session_run($session, $settings))[0], $kept, 'settings are as they were');
	is((session_run($session, 'SELECT count(*) FROM aipipe.progress;'))[0], '0', 'no progress is shown');
	is((session_run($session, 'SELECT count(*) FROM pg_ls_tmpdir();'))[0], '0', 'no file is left');
	is((session_run($session, q{SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('big'::regclass, 'other'::regclass);}))[0], '0', 'nor a lock');
	session_end($session);
}

# A request to cancel, and what a session finds out after it.
my $session = session_start($node, 'postgres');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
foreach my $what (sort keys %searches)
{
	session_run($session, "$searches{$what};", wait => 0);
	wait_until($node, 'postgres', "SELECT EXISTS (SELECT FROM aipipe.progress WHERE pid = $pid)");
	usleep(400_000);
	my $began = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my ($out, $err) = session_run($session, 'SELECT 40 + 2;');
	like($err, qr/57014/, "$what: pg_cancel_backend");
	like($out, qr/42/, 'the session goes on');
	cmp_ok(time - $began, '<', 15, 'soon');
}
is((session_run($session, q{SELECT columns FROM aipipe.profile_keys('big', 1);}))[0] =~ s/\s+/ /gr, '{id} {code} {placed}', 'and finds keys');
is((session_run($session, q{SELECT determinant || dependent FROM aipipe.profile_dependencies('big', 1, 0, '{"columns": ["city", "state", "store"]}') ORDER BY 1;}))[0] =~ s/\s+/ /gr,
	'{city,state} {store,city} {store,state}', 'dependencies');
is((session_run($session, q{SELECT left_column || ' ' || right_column FROM aipipe.profile_joins('{big,other}') WHERE left_relation = 'other'::regclass AND cardinality = '1:1' ORDER BY 1;}))[0] =~ s/\s+/ /gr,
	'big_code code big_id id', 'and joins');
session_end($session);
$node->stop;

done_testing();
