# A streaming standby scores like its primary, writes nothing, and follows a promote.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = make_node('primary', '', allows_streaming => 1);

make_world($primary, 'postgres');
make_detectors($primary, 'postgres');
$primary->safe_psql('postgres', "SELECT aipipe.job_create('job', 'SELECT 1')");
my $run = $primary->safe_psql('postgres', "SELECT aipipe.job_run_now('job')");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $first = scores($primary, 'postgres');
is(scores($standby, 'postgres'), $first, 'the standby gives the same scores');
my $detectors = detector_scores($primary, 'postgres');
is(detector_scores($standby, 'postgres'), $detectors, 'and detectors of every algorithm say the same there');

my $session = session_start($standby, 'postgres');
my $one = q{SELECT aipipe.model_predict('returns', s) FROM sale s WHERE id = 7;};
my ($before) = session_run($session, $one);
like($before, qr/^0\.\d+/, 'a session of the standby has the model in its cache');

foreach my $round (1 .. 5)
{
	my $version = $primary->safe_psql(
		'postgres', qq{SELECT aipipe.model_train('returns', 'classification', 'sale', 'returned',
			features => ARRAY['amount', 'quantity', 'kind', 'placed'],
			params => '{"n_estimators": $round, "max_depth": 3, "seed": $round}')});
	$primary->safe_psql('postgres', "SELECT aipipe.model_promote('returns', $version)");
	$primary->wait_for_catchup($standby);
	is(scores($standby, 'postgres'), scores($primary, 'postgres'), "round $round: equal scores");
	my ($after) = session_run($session, $one);
	is($after, $primary->safe_psql('postgres', $one), "round $round: an open session sees the promoted version");
	isnt($after, $before, "round $round: which is another one");
	$before = $after;
}
$primary->safe_psql('postgres', q{SELECT aipipe.model_rollback('returns');
	SELECT aipipe.model_split('returns', 1, 0.25);
	SELECT aipipe.anomaly_train('sales', 'sale', columns => ARRAY['amount', 'quantity'], params => '{"seed": 9}');
	SELECT aipipe.model_alias('sales', 'challenger', 2);});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT version || ' ' || share FROM aipipe.model_split}), '1 0.25', 'the standby shows a new split');
my ($rolled) = session_run($session, $one);
is($rolled, $primary->safe_psql('postgres', $one), 'a rollback is seen too');
session_end($session);

my $what = q{'returns', 'classification', 'sale', 'returned'};
fails_with($standby, 'postgres', "SELECT aipipe.model_train($what)", '25006', 'training on a standby');
fails_with($standby, 'postgres', "SELECT aipipe.anomaly_train('sales', 'sale')", '25006', 'learning a detector there');
fails_with($standby, 'postgres', "SELECT aipipe.model_promote('returns', 1)", '25006', 'promoting a version there');
fails_with($standby, 'postgres', "SELECT aipipe.model_split('returns', 1, 0.5)", '25006', 'splitting a model there');
fails_with($standby, 'postgres', "SELECT aipipe.prediction_prune('sales', now())", '25006', 'pruning the prediction log there');
fails_with($standby, 'postgres', "SELECT aipipe.model_drop('returns')", '25006', 'dropping a model there');
fails_with($standby, 'postgres', "SELECT aipipe.gate_create('sale', 'sales')", '25006', 'making a gate there');
fails_with($standby, 'postgres', "SELECT aipipe.gate_pause('landing')", '25006', 'pausing a gate there');
fails_with($standby, 'postgres', 'SELECT aipipe.quarantine_release(1)', '25006', 'releasing a row there');
fails_with($standby, 'postgres', "SELECT aipipe.job_create('new', 'SELECT 1')", '25006', 'making a job there');
fails_with($standby, 'postgres', "SELECT aipipe.job_run_now('job')", '25006', 'running one there');
is($standby->safe_psql('postgres', "SET client_min_messages = warning; SELECT aipipe.job_wait($run, '0') IS NULL, (SELECT state FROM aipipe.job_status), (SELECT state FROM aipipe.job_run)"),
	't|active|queued', 'jobs and runs are there to be seen, and to be waited for');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM aipipe.anomaly_explain('sales',
	(SELECT s FROM sale s WHERE id = 1))}) > 0, 1, 'explaining works');
is(tables($standby, 'postgres'), tables($primary, 'postgres'), 'every table is equal');

my $last = scores($primary, 'postgres');
$primary->stop;
$standby->promote;
ok(wait_until($standby, 'postgres', 'SELECT NOT pg_is_in_recovery()'), 'the standby takes over');
is(scores($standby, 'postgres'), $last, 'and gives the same scores');
is(detector_scores($standby, 'postgres'), $detectors, 'as do detectors of every algorithm');
$standby->safe_psql('postgres', q{INSERT INTO landing VALUES (201, 1e9, 100000, 'mammoth', now(), NULL)});
is($standby->safe_psql('postgres', 'SELECT count(*) FROM landing WHERE id = 201'), '0', 'its gate judges');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM aipipe.prediction WHERE key = '201'}), '2', 'and records what the challenger says');
is($standby->safe_psql('postgres', "SELECT aipipe.model_train($what, params => '{\"n_estimators\": 2}') > 6"),
	't', 'it trains');
$standby->stop;

done_testing();
