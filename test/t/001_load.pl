# The library loads in any server: by LOAD alone, preloaded, and as pg_upgrade does it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $bare = make_node('bare');
my ($status, $out, $err) = $bare->psql('postgres', "LOAD 'aipipe'; SHOW aipipe.progress_interval");
is($status, 0, 'LOAD in a cluster without the extension');
is($out, '10s', 'its settings are there');
fails_with($bare, 'postgres', "LOAD 'aipipe'; SET aipipe.no_such_setting = 1", '42602',
	'a misspelt setting');
unlike($bare->safe_psql('postgres', "LOAD 'aipipe'; SELECT pg_read_file('/proc/self/maps')"),
	qr/libxgboost/, 'loading does not bring the training library');
is($bare->safe_psql('postgres', "LOAD 'aipipe'; SELECT count(*) FROM pg_ls_dir('/proc/self/task')"),
	'1', 'and no thread');

# Nothing of ours may hinder a server where the extension is not installed.
is($bare->safe_psql('postgres', q{LOAD 'aipipe'; CREATE TABLE t (a int); INSERT INTO t VALUES (1); DROP TABLE t; SELECT 1}),
	'1', 'a loaded library does not disturb');
$bare->stop;

$bare->append_conf('postgresql.conf', "shared_preload_libraries = 'aipipe'");
$bare->start;
is($bare->safe_psql('postgres', 'SHOW aipipe.train_threads'), '1', 'preloaded: settings are there');
make_world($bare, 'postgres');
my $before = scores($bare, 'postgres');
like($before, qr/^2000\|/, 'preloaded: train, score, gate');
is($bare->safe_psql('postgres', 'SELECT count(*) FROM landing'), '98', 'preloaded: the absurd rows are held back');
$bare->restart;
is(scores($bare, 'postgres'), $before, 'a restart changes no score');

# A session-wide preload, as a DBA would do it for one role.
$bare->stop;
$bare->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = 'aipipe'");
$bare->start;
is(scores($bare, 'postgres'), $before, 'preloaded by session: the same scores');
unlike($bare->safe_psql('postgres', q{SELECT aipipe.model_predict('returns', s) FROM sale s LIMIT 1;
	SELECT pg_read_file('/proc/self/maps')}), qr/libxgboost/, 'scoring does not bring the training library');
$bare->stop;

done_testing();
