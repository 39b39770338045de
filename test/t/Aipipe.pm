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
  make_node make_world scores tables fails_with session_start session_run session_end
  wait_until
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

1;
