# aipipe.progress shows work of open transactions to other sessions, to those who may see it, and only as long as it lasts.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(usleep);

my $node = make_node('primary', "aipipe.progress_interval = 1\n", allows_streaming => 1);
my $long_name = 'a model whose name is longer than what fits: ' . ("\xc3\xa4" x 30);

make_world($node, 'postgres');
$node->safe_psql(
	'postgres', q{
	CREATE TABLE big AS SELECT i AS id, i % 7 AS label, random() AS a, random() AS b, random() AS c, NULL::float8 AS p FROM generate_series(1, 150000) i;
	ALTER TABLE big ADD PRIMARY KEY (id);
	CREATE ROLE worker LOGIN; CREATE ROLE boss LOGIN IN ROLE worker; CREATE ROLE reader LOGIN IN ROLE pg_read_all_stats; CREATE ROLE stranger LOGIN;
	GRANT SELECT ON big TO worker;
	CREATE DATABASE other});
$node->safe_psql('other', 'CREATE EXTENSION aipipe');

# The rows of the view as a role sees them, in any database.
sub shown
{
	my ($role, $db) = @_;
	return $node->safe_psql($db // 'postgres', "SET ROLE $role; SELECT count(*) FROM aipipe.progress");
}

my $session = session_start($node, 'postgres', user => 'worker');
my ($pid) = session_run($session, 'SELECT pg_backend_pid();');
my $train = sub {
	my ($name, $rounds) = @_;
	return qq{SELECT aipipe.model_train('$name', 'regression', 'big', 'label', params => '{"n_estimators": $rounds, "max_depth": 2}');};
};
my $gone = "SELECT count(*) = 0 FROM aipipe.progress WHERE pid = $pid";

is(shown('postgres'), '0', 'nothing is shown while nothing runs');
session_run($session, $train->('long', 100000), wait => 0);
ok(wait_until($node, 'postgres', "SELECT count(*) = 1 FROM aipipe.progress WHERE pid = $pid"), 'a training is shown');
is($node->safe_psql('postgres', q{SELECT datname, role, what, started_at BETWEEN now() - interval '1 minute' AND now(), age < interval '1 minute'
	FROM aipipe.progress}), 'postgres|worker|training model "long"|t|t', 'by what it is, who does it and since when');
ok(wait_until($node, 'postgres', q{SELECT phase = 'boosting rounds' AND total = 100000 AND done > 3 FROM aipipe.progress}),
	'its phase and rounds');
my $before = $node->safe_psql('postgres', 'SELECT done FROM aipipe.progress');
ok(wait_until($node, 'postgres', "SELECT done > $before FROM aipipe.progress"), 'its rounds advance');

is(shown('boss'), '1', 'a member of the role sees it');
is(shown('reader'), '1', 'pg_read_all_stats sees it');
is(shown('stranger'), '0', 'a stranger does not');
is(shown('postgres', 'other'), '1', 'from another database too');
is($node->safe_psql('other', 'SELECT datname FROM aipipe.progress'), 'postgres', 'with the name of its own');

# The server's own views take no notice of it.
foreach my $view (qw(analyze basebackup cluster copy create_index vacuum))
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_progress_$view"), '0', "pg_stat_progress_$view is empty");
}
is($node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid"), 'active', 'pg_stat_activity works');

# It ends with a cancel, an error, and the end of the work.
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
ok(wait_until($node, 'postgres', $gone), 'a cancel takes it off');
session_run($session, q{BEGIN; SAVEPOINT s;});
session_run($session, qq{SET statement_timeout = '1500ms'; } . $train->('long', 100000));
session_run($session, 'ROLLBACK TO s;');
is($node->safe_psql('postgres', $gone), 't', 'so does an error in a subtransaction');
session_run($session, 'COMMIT; RESET statement_timeout;');
my ($out) = session_run($session, $train->('short', 2));
is($out, '1', 'the session can train');
is($node->safe_psql('postgres', $gone), 't', 'and nothing is left when it has');
session_run($session, $train->('long', 100000), wait => 0);
ok(wait_until($node, 'postgres', "SELECT count(*) = 1 FROM aipipe.progress WHERE pid = $pid"), 'the next one is shown');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok(wait_until($node, 'postgres', $gone), 'a terminated session takes it along');
session_end($session);

# A name that is too long ends with a whole character; another encoding gets question marks.
$session = session_start($node, 'postgres');
($pid) = session_run($session, 'SELECT pg_backend_pid();');
session_run($session, $train->($long_name, 100000), wait => 0);
ok(wait_until($node, 'postgres', "SELECT count(*) = 1 FROM aipipe.progress WHERE pid = $pid"), 'a long name is shown');
like($node->safe_psql('postgres', 'SELECT what FROM aipipe.progress'), qr/^training model "a model whose name[^"]* fits: (\xc3\xa4)?$/, 'clipped');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
ok(wait_until($node, 'postgres', $gone), 'and gone');
$node->safe_psql('postgres', q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'});
$node->safe_psql('latin', 'CREATE EXTENSION aipipe; CREATE TABLE t AS SELECT i AS a, i AS y FROM generate_series(1, 100000) i');
my $latin = session_start($node, 'latin');
session_run($latin, qq{SELECT aipipe.model_train(E'bad \\xff\\xe4', 'regression', 't', 'y', params => '{"n_estimators": 100000, "max_depth": 2}');}, wait => 0);
ok(wait_until($node, 'postgres', q{SELECT count(*) = 1 FROM aipipe.progress WHERE datname = 'latin'}), 'a name in no encoding is shown');
is($node->safe_psql('postgres', 'SELECT what FROM aipipe.progress'), 'training model "bad ??"', 'as far as it can be');
session_end($latin);
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM aipipe.progress});

# COPY has the place: it keeps it. track_activities = off publishes nothing.
session_run($session, 'COPY (' . ($train->('long', 100000) =~ s/;$//r) . ') TO STDOUT;', wait => 0);
ok(wait_until($node, 'postgres', 'SELECT count(*) = 1 FROM pg_stat_progress_copy'), 'COPY is shown');
usleep(1_500_000);
is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM aipipe.progress), command, type FROM pg_stat_progress_copy WHERE pid = $pid"),
	'0|COPY TO|PIPE', 'as COPY, unharmed by the training in it');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
session_run($session, 'SET track_activities = off;');
session_run($session, $train->('long', 3000), wait => 0);
usleep(1_000_000);
is($node->safe_psql('postgres', $gone), 't', 'track_activities = off hides it');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
session_run($session, 'RESET track_activities;');

# Work that commits is shown again after each commit; a command inside of it that ends takes nothing along.
$node->safe_psql('postgres', q{
	CREATE TABLE log (id int);
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.id % 5000 = 0 THEN
			CREATE TEMP TABLE x AS SELECT 1 AS a; CREATE INDEX ON x (a); DROP TABLE x;
			BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
			PERFORM pg_sleep(0.1);
		END IF;
		RETURN new;
	END $$;
	CREATE TRIGGER slow BEFORE UPDATE ON big FOR EACH ROW EXECUTE FUNCTION slow();
	ANALYZE big});
session_run($session, q{SELECT aipipe.model_train('small', 'regression', 'big', 'label', features => ARRAY['a'], params => '{"n_estimators": 2}');});
session_run($session, q{CALL aipipe.model_apply('small', 'big', 'p', batch_size => 1000);}, wait => 0);
ok(wait_until($node, 'postgres', q{SELECT what = 'applying model "small"' AND phase = 'filling rows' AND done > 10000 AND total BETWEEN 140000 AND 160000 FROM aipipe.progress}),
	'model_apply is shown after commits and inner commands');
ok(wait_until($node, 'postgres', $gone), 'and gone at its end');

# A standby shows its own backends only, which never train; reading the view works there.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM aipipe.progress'), '0', 'the view can be read on a standby');
$standby->stop;
session_end($session);
$node->stop;

done_testing();
