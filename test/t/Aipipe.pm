# What the server-level tests share: a small world with a model, a detector and
# a gate, and fingerprints of it that must survive whatever a server does.
package Aipipe;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  make_node make_world scores make_detectors detector_scores tables fails_with session_start session_run session_end
  wait_until scheduler_pid has_scheduler launcher_pid
);

# A server with the settings that all tests want; further lines of configuration as arguments.
sub make_node
{
	my ($name, $conf, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%init);
	$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = log\n" . ($conf // ''));
	$node->start;
	return $node;
}

# A table of 2,000 sales, a classifier and a detector learned from it, and a
# landing table whose gate has judged 100 rows, two of them absurd.
sub make_world
{
	my ($node, $db) = @_;

	$node->safe_psql(
		$db, q{
		CREATE EXTENSION aipipe;
		CREATE TABLE sale (id int PRIMARY KEY, amount float8, quantity int, kind text, placed timestamptz, returned text);
		INSERT INTO sale
		SELECT i, 20 + (i * 7919 % 1000) / 10.0, 1 + i * 31 % 9, (ARRAY['book', 'tool', 'toy'])[1 + i * 17 % 3],
			   '2026-01-01 00:00+00'::timestamptz + i * interval '7 minutes',
			   CASE WHEN (i * 7919 % 1000) > 600 AND i * 31 % 9 > 3 THEN 'yes' ELSE 'no' END
		FROM generate_series(1, 2000) i;
		SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned',
			features => ARRAY['amount', 'quantity', 'kind', 'placed'],
			params => '{"n_estimators": 15, "max_depth": 4, "seed": 7}');
		SELECT aipipe.anomaly_train('sales', 'sale', columns => ARRAY['amount', 'quantity', 'kind'],
			params => '{"seed": 7}');
		CREATE TABLE landing (LIKE sale INCLUDING ALL);
		SELECT aipipe.gate_create('landing', 'sales');
		INSERT INTO landing SELECT * FROM sale WHERE id <= 98;
		INSERT INTO landing VALUES (99, 1e9, 100000, 'mammoth', now(), NULL), (100, -1e9, -5, 'mammoth', now(), NULL);
	});
	return;
}

# Every prediction and anomaly score of the world, to the last bit.
sub scores
{
	my ($node, $db) = @_;

	return $node->safe_psql(
		$db, q{
		SET extra_float_digits = 3;
		SELECT count(*), md5(string_agg(aipipe.model_predict('returns', s)::text || ' ' ||
										aipipe.anomaly_score('sales', s)::text, ',' ORDER BY id))
		FROM sale s});
}

# A detector of every algorithm, some of them refreshed, on the world's table.
sub make_detectors
{
	my ($node, $db) = @_;

	$node->safe_psql(
		$db, q{
		SET client_min_messages = error;
		CREATE TABLE watched AS SELECT s.*, 's' || id % 7 AS store, id % 50 = 0 AS wrong FROM sale s;
		SELECT aipipe.anomaly_train('w_forest', 'watched', ARRAY['amount', 'quantity', 'placed'], '{"algorithm": "isolation_forest", "n_estimators": 20}');
		SELECT aipipe.anomaly_train('w_cells', 'watched', ARRAY['amount', 'quantity', 'kind', 'store'], '{"algorithm": "cell_surprise", "partition_by": "store"}');
		SELECT aipipe.anomaly_train('w_loda', 'watched', ARRAY['amount', 'quantity', 'kind'], '{"algorithm": "loda", "projections": 20}');
		SELECT aipipe.anomaly_train('w_ensemble', 'watched', ARRAY['amount', 'quantity', 'placed'],
			'{"components": {"isolation_forest": 1, "cell_surprise": 0.5, "loda": 0.5}, "n_estimators": 20, "projections": 20, "threshold": {"percentile": 0.99}}');
		SELECT aipipe.anomaly_train('w_xgbod', 'watched', ARRAY['amount', 'quantity', 'kind'], '{"label": "wrong", "boost": {"n_estimators": 5}}');
		SELECT aipipe.model_train('w_bare', 'anomaly', 'watched', features => ARRAY['amount', 'quantity'], algorithm => 'isolation_forest', params => '{"n_estimators": 5}');
		SELECT aipipe.anomaly_refresh(d, 'SELECT * FROM watched WHERE id > 1500') FROM unnest(ARRAY['w_forest', 'w_cells', 'w_loda', 'w_ensemble', 'w_bare']) d;
		CREATE TABLE load AS SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day' + i * 31 % 17 * interval '1 minute' AS at, 100 + 20 * (i % 7 > 4)::int + i * 7919 % 13 AS n, 'f' || i % 2 AS feed
			FROM generate_series(0, 199) i;
		SELECT aipipe.series_train('w_series', 'SELECT * FROM load WHERE at < ''2026-06-01 00:00+00''', 'n', 'at');
		SELECT aipipe.series_refresh('w_series', 'load');
		SELECT aipipe.arrival_train('w_arrivals', 'SELECT * FROM load WHERE at < ''2026-06-01 00:00+00''', 'at', 'feed');
		SELECT aipipe.arrival_refresh('w_arrivals', 'load');
	});
	return;
}

# What every version of them says, to the last bit.
sub detector_scores
{
	my ($node, $db) = @_;

	return $node->safe_psql(
		$db, q{
		SET extra_float_digits = 3;
		SET timezone = 'UTC';
		SELECT v.model, v.version, v.algorithm, v.sha256, md5(string_agg(aipipe.model_predict(v.model, w, v.version)::text, ',' ORDER BY id))
		FROM watched w CROSS JOIN aipipe.model_version v JOIN aipipe.model m ON m.name = v.model AND m.task = 'anomaly' WHERE m.name ~ '^w_' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
		SELECT m.name, md5(string_agg(concat_ws(' ', aipipe.anomaly_pvalue(m.name, w), aipipe.anomaly_flag(m.name, w)), ',' ORDER BY id))
		FROM aipipe.model m, watched w WHERE m.name ~ '^w_' AND m.task = 'anomaly' GROUP BY 1 ORDER BY 1;
		SELECT m.name, md5(string_agg(concat_ws(' ', e."column", e.value, round(e.contribution::numeric, 6), e.expected, e.given, e.sentence), ',' ORDER BY w.id, e."column"))
		FROM aipipe.model m, watched w, aipipe.anomaly_explain(m.name, w) e WHERE m.name ~ '^w_' AND m.task = 'anomaly' AND w.id <= 40 GROUP BY 1 ORDER BY 1;
		SELECT 'w_series', md5(string_agg(e::text, ',' ORDER BY n)) FROM generate_series(80, 160, 8) n, aipipe.series_explain('w_series', '2026-07-20 00:05+00', n) e;
		SELECT 'w_arrivals', md5(string_agg(e::text, ',' ORDER BY feed, m)) FROM generate_series(0, 90, 10) m, unnest(ARRAY['f0', 'f1']) feed,
			aipipe.arrival_explain('w_arrivals', '2026-07-20 00:00+00'::timestamptz + m * interval '1 minute', feed) e;
		SELECT 'expected', md5(string_agg(feed || ' ' || e::text, ',' ORDER BY feed, e::text)) FROM unnest(ARRAY['f0', 'f1']) feed,
			aipipe.arrival_expected('w_arrivals', '2026-07-20 00:00+00', feed) e});
}

# Every row of every table of aipipe's, and with sequences => 1 the state of every sequence:
# a standby and a crashed server are ahead of the ids given out, by design of the server.
sub tables
{
	my ($node, $db, %option) = @_;
	my $kinds = $option{sequences} ? "'r', 'S'" : "'r'";
	my $queries = $node->safe_psql(
		$db, qq{
		SELECT string_agg(
			CASE relkind
			WHEN 'r' THEN format('SELECT %L, count(*)::text, md5(string_agg(t::text, E''\\n'' ORDER BY t::text)) FROM %s t',
								 oid::regclass, oid::regclass)
			ELSE format('SELECT %L, last_value::text, is_called::text FROM %s', oid::regclass, oid::regclass)
			END, ' UNION ALL ' ORDER BY relname)
		FROM pg_class WHERE relnamespace = 'aipipe'::regnamespace AND relkind IN ($kinds)});

	return $node->safe_psql($db, "SET timezone = 'UTC'; SET extra_float_digits = 3; $queries");
}

# Passes when a statement ends with the error code given.
sub fails_with
{
	my ($node, $db, $sql, $code, $name) = @_;
	my ($status, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql");

	like($err, qr/^(?:psql:[^\n]*)?ERROR:  \Q$code\E:/m, "$name: error $code");
	return $err;
}

# A psql that stays open: session_run sends statements and waits for their end.
sub session_start
{
	my ($node, $db, %option) = @_;
	my %session = (in => '', out => '', err => '', serial => 0);

	$session{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', $option{user} ? ('-U', $option{user}) : (), '-d', $node->connstr($db) ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err},
		($session{timer} = IPC::Run::timeout(180)));
	return \%session;
}

# Gives what the statements printed and the errors; with wait => 0 it only sends.
sub session_run
{
	my ($session, $sql, %option) = @_;
	my $mark = 'mark' . ++$session->{serial};

	$session->{out} = $session->{err} = '';
	$session->{in} .= "$sql\n\\echo $mark\n";
	if (defined $option{wait} && !$option{wait})
	{
		$session->{handle}->pump_nb while length $session->{in};
		return;
	}
	$session->{handle}->pump until $session->{out} =~ /$mark\n/;
	my $out = $session->{out} =~ s/$mark\n//r;
	return ($out =~ s/\n\z//r, $session->{err});
}

# Ends a session, whatever state it is in.
sub session_end
{
	my ($session) = @_;

	eval {
		$session->{in} .= "\\q\n";
		$session->{handle}->pump_nb;
		$session->{handle}->kill_kill;
	};
	return;
}

# Waits up to a minute for a query to say true.
sub wait_until
{
	my ($node, $db, $sql) = @_;

	for (1 .. 600)
	{
		my ($status, $out) = $node->psql($db, $sql);
		return 1 if $status == 0 && $out eq 't';
		usleep(100_000);
	}
	return 0;
}

# The pid of a database's scheduler, or ''.
sub scheduler_pid
{
	my ($node, $db) = @_;

	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = '$db'");
}

# Waits for a database's scheduler, another one than $not; gives its pid, or 0.
sub has_scheduler
{
	my ($node, $db, $not) = @_;

	$not = $not || 0;
	return wait_until($node, 'postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe scheduler' AND datname = '$db' AND pid <> $not)")
	  ? scheduler_pid($node, $db)
	  : 0;
}

# The pid of the launcher that was started for a database, or of the preloaded one; or ''.
sub launcher_pid
{
	my ($node, $db) = @_;
	my $type = defined $db ? "(SELECT 'aipipe launcher ' || oid FROM pg_database WHERE datname = '$db')" : "'aipipe launcher'";

	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = $type");
}

1;
