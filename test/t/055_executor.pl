# An attempt does what its command says as its owner and nobody else, and what is written about it is what it did.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = make_node('executor', "wal_level = replica\nmax_wal_senders = 2\nmax_worker_processes = 16\naipipe.worker_max = 6\nlog_min_messages = warning\nlog_statement = none\n");
my $serial = 0;

# Creates a job and runs it to its end; gives the run.
sub run_job
{
	my ($what, %option) = @_;
	my $user = $option{user} // 'ann';
	my $name = $option{name} // 'job ' . ++$serial;
	my $params = $option{params} // '{}';
	my $call = $option{function} ? "function => \$job\$$what\$job\$" : "command => \$job\$$what\$job\$";
	my $run = $node->safe_psql(
		'postgres', qq{
		SET default_transaction_read_only = off;
		SELECT aipipe.job_create('$name', $call, params => '{"retries": 0, "backoff": "200 ms", "jitter": 0}'::jsonb || '$params') > 0 AS created \\gset
		SELECT aipipe.job_run_now('$name')},
		extra_params => [ '-U', $user ]);
	return $run if defined $option{wait} && !$option{wait};
	is(wait_run($run), 1, ($option{title} // $what) . ": run $run has an end") or diag(log_tail());
	return $run;
}

# Waits for a run's end, without the snapshot that job_wait() has all the time: CREATE INDEX CONCURRENTLY would wait for it.
sub wait_run
{
	my ($run) = @_;
	return wait_until($node, 'postgres', "SELECT finished_at IS NOT NULL FROM aipipe.job_run WHERE id = $run");
}

# The end of the server's log.
sub log_tail
{
	return substr(slurp_file($node->logfile), -3000);
}

# Columns of a run's last attempt, and of the run itself.
sub attempt
{
	my ($run, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM aipipe.job_attempt WHERE run = $run ORDER BY number DESC LIMIT 1");
}

sub run
{
	my ($run, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM aipipe.job_run WHERE id = $run");
}

# A job that must end in this state, with these rows or this SQLSTATE and message; and what it must have left.
sub ends
{
	my ($state, $what, $expected, %option) = @_;
	my $run = run_job($what, %option);
	my $shown = $option{title} // $what;
	my $run_state = $state eq 'timed_out' || $state eq 'crashed' ? 'failed' : $state;

	is(run($run, 'state, finished_at IS NOT NULL AND started_at IS NOT NULL'), "$run_state|t", "$shown: the run has $run_state");
	if ($state eq 'succeeded')
	{
		is(attempt($run, "state, coalesce(rows::text, 'unknown'), sqlstate IS NULL AND message IS NULL"), "$state|$expected|t", "$shown: rows $expected");
	}
	else
	{
		like(attempt($run, 'state, sqlstate, message'), qr/^\Q$state\E\|$expected/, "$shown: $state");
	}
	return $run;
}

sub noted
{
	return $node->safe_psql('postgres', "WITH n AS (DELETE FROM note RETURNING *) SELECT string_agg(what, ' ' ORDER BY id) FROM n");
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION aipipe;
	CREATE ROLE ann LOGIN;
	CREATE ROLE ben LOGIN;
	CREATE ROLE reader;
	GRANT reader TO ann;
	GRANT CREATE ON SCHEMA public TO ann;
	CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, what text);
	GRANT ALL ON note TO PUBLIC;
	SET ROLE ann;
	CREATE TABLE item (id int PRIMARY KEY, part int);
	INSERT INTO item SELECT i, i % 7 FROM generate_series(1, 100) i;
	CREATE TABLE child (id int REFERENCES item DEFERRABLE INITIALLY DEFERRED);
	CREATE PROCEDURE two_parts() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO note (what) VALUES ('first'); COMMIT; INSERT INTO note (what) VALUES ('second'); END $$;
	CREATE PROCEDURE half() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO note (what) VALUES ('kept'); COMMIT; INSERT INTO note (what) VALUES ('lost'); PERFORM 1 / 0; END $$;
	CREATE PROCEDURE rolls_back() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO note (what) VALUES ('lost'); ROLLBACK; PERFORM pg_sleep(2.5); INSERT INTO note (what) VALUES ('kept'); END $$;
	CREATE FUNCTION counts(jsonb) RETURNS int LANGUAGE sql AS $$ SELECT ($1->>'n')::int $$;
	CREATE FUNCTION lists(jsonb) RETURNS SETOF int LANGUAGE sql AS $$ SELECT generate_series(1, 7) $$;
	CREATE FUNCTION says() RETURNS text LANGUAGE sql AS $$ SELECT 'done' $$;
	CREATE FUNCTION notes() RETURNS void LANGUAGE sql AS $$ INSERT INTO note (what) VALUES ('noted') $$;
	CREATE PROCEDURE does(a jsonb) LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO note (what) VALUES (a->>'what'); COMMIT; INSERT INTO note (what) VALUES ('again'); END $$;
});
$node->safe_psql('postgres', 'SELECT aipipe.worker_start()');

#
# Every kind of command.
#
ends('succeeded', 'INSERT INTO note (what) SELECT generate_series(1, 3)', 3);
is(noted(), '1 2 3', 'a statement of rows');
ends('succeeded', "INSERT INTO note (what) VALUES ('a'); INSERT INTO note (what) VALUES ('b'), ('c'); SELECT FROM note", 6);
is(noted(), 'a b c', 'several statements');
ends('failed', "INSERT INTO note (what) VALUES ('a'); SELECT 1 / 0", '22012\|division by zero');
is(noted(), '', 'of several statements all or none');
ends('succeeded', 'SELECT * FROM item', 100);
ends('succeeded', 'VACUUM item', 0);
is($node->safe_psql('postgres', "SELECT last_vacuum IS NOT NULL FROM pg_stat_all_tables WHERE relname = 'item'"), 't', 'a vacuum')
	if wait_until($node, 'postgres', "SELECT last_vacuum IS NOT NULL FROM pg_stat_all_tables WHERE relname = 'item'");
ends('failed', 'VACUUM item; SELECT 1', '25001\|VACUUM cannot');
ends('succeeded', 'CREATE INDEX CONCURRENTLY item_part_idx ON item (part)', 0);
is($node->safe_psql('postgres', "SELECT indisvalid FROM pg_index WHERE indexrelid = 'item_part_idx'::regclass"), 't', 'an index, made beside writers');
ends('succeeded', 'CALL two_parts()', 0);
is(noted(), 'first second', 'a procedure that commits');
ends('failed', 'CALL half()', '22012\|division by zero');
is(noted(), 'kept', 'what a procedure has committed stays when it fails');
ends('failed', 'SELECT 1; CALL two_parts()', '2D000\|invalid transaction termination');
is(noted(), '', 'a procedure cannot commit what is not its own');
ends('succeeded', q{DO $$ BEGIN INSERT INTO note (what) VALUES ('do'); COMMIT; END $$}, 0);
is(noted(), 'do', 'a block');
ends('succeeded', 'CREATE TABLE copied AS SELECT * FROM item WHERE id <= 10', 10);
ends('succeeded', q{PREPARE p AS INSERT INTO note (what) VALUES ('prepared'); EXECUTE p}, 1);
is(noted(), 'prepared', 'a prepared statement');
ends('failed', 'SELECT * FROM nowhere', '42P01\|relation "nowhere" does not exist');

# What no job can do is refused when it is created; a stored command of that kind is refused by the attempt.
my $bad = run_job('SELECT 1', name => 'refused');
foreach my $case (
	[ 'BEGIN; SELECT 1; COMMIT', "0A000|a job's command cannot contain transaction control" ],
	[ 'COPY item TO STDOUT', "0A000|a job's command cannot copy from or to a client" ],
	[ 'COPY item FROM STDIN', "0A000|a job's command cannot copy from or to a client" ],
	[ 'SELECT 1; LISTEN x', "0A000|a job's command cannot listen" ],
	[ 'SELEC 1', '42601|syntax error at or near "SELEC"' ],
	[ '-- nothing', "22023|a job's command must not be empty" ])
{
	$node->safe_psql('postgres', "UPDATE aipipe.job_data SET command = \$\$$case->[0]\$\$ WHERE name = 'refused'");
	my $run = $node->safe_psql('postgres', "SELECT aipipe.job_run_now('refused')");
	wait_run($run);
	is(attempt($run, 'state, sqlstate, message'), "failed|$case->[1]", "refused: $case->[0]");
}

#
# Functions.
#
ends('succeeded', 'counts(jsonb)', 42, function => 1, params => '{"arguments": {"n": 42}}');
ends('succeeded', 'counts(jsonb)', 'unknown', function => 1, params => '{"arguments": {"n": -3}}', title => 'less than no rows');
ends('succeeded', 'counts(jsonb)', 'unknown', function => 1, title => 'no argument, no rows');
ends('succeeded', 'lists(jsonb)', 7, function => 1);
ends('succeeded', 'says()', 'unknown', function => 1);
ends('succeeded', 'notes()', 'unknown', function => 1);
is(noted(), 'noted', 'a function of nothing');
ends('succeeded', 'does(jsonb)', 'unknown', function => 1, params => q({"arguments": {"what": "one"}}));
is(noted(), 'one again', 'a procedure as a function, that commits');

# What the signature means is looked up by each attempt, as the owner.
run_job('says()', function => 1, name => 'lookup');
sub again
{
	my ($name) = @_;
	my $run = $node->safe_psql('postgres', "SELECT aipipe.job_run_now('$name')");
	wait_run($run);
	return $run;
}
$node->safe_psql('postgres', 'ALTER FUNCTION says() RENAME TO said');
is(attempt(again('lookup'), 'state, sqlstate, message, hint'),
	'failed|42883|function public.says() does not exist|Use aipipe.job_alter() to name the function that takes its place.', 'a function that was renamed');
$node->safe_psql('postgres', 'CREATE FUNCTION says() RETURNS int LANGUAGE sql AS $$ SELECT 5 $$; REVOKE EXECUTE ON FUNCTION says() FROM PUBLIC');
like(attempt(again('lookup'), 'state, sqlstate, message'), qr/^failed\|42501\|permission denied for function public\.says\(\)/, 'another that the owner may not execute');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION says() TO ann');
is(attempt(again('lookup'), 'state, rows'), 'succeeded|5', 'and when he may');
$node->safe_psql('postgres', q{DROP FUNCTION says(); CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$});
like(attempt(again('lookup'), 'state, sqlstate, message'), qr/^failed\|42809\|public\.says\(\) cannot be a job's function/, 'one that no job can call');

#
# How an attempt ends.
#
my $run = ends('failed', q{DO $$ BEGIN RAISE EXCEPTION 'no %', repeat('é', 20000) USING DETAIL = 'the detail', HINT = 'the hint', ERRCODE = 'AA123'; END $$},
	'AA123\|no é', title => 'an error');
is(attempt($run, "detail, hint, split_part(context, ' at ', 2), octet_length(message) BETWEEN 8000 AND 8192"), 'the detail|the hint|RAISE|t', 'all that an error says, up to a length');
like(slurp_file($node->logfile), qr/ERROR:  no é.*DETAIL:  the detail.*STATEMENT:  DO \$\$/s, 'and the server log has it as from a client');
ends('failed', 'INSERT INTO child VALUES (-1)', '23503\|insert or update on table "child" violates', title => 'a constraint that fails at commit');
is($node->safe_psql('postgres', 'SELECT count(*) FROM child'), '0', 'and nothing stays');
ends('failed', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1 / 0', '22012\|', title => 'a cursor that fails at commit');

# Retries: each waits twice as long as the one before.
$run = ends('failed', 'SELECT 1 / 0', '22012', params => '{"retries": 3}', title => 'retries');
is(run($run, 'attempts'), '4', 'one attempt and three more');
is($node->safe_psql('postgres', qq{
	SELECT string_agg((gap >= pause * interval '1 ms' AND gap < pause * interval '1 ms' + interval '3 s')::text, ' ') FROM (
		SELECT claimed_at - lag(finished_at) OVER w AS gap, 200 * 2 ^ (number - 2) AS pause FROM aipipe.job_attempt WHERE run = $run WINDOW w AS (ORDER BY number)
	) g WHERE gap IS NOT NULL}), 'true true true', 'after 200, 400 and 800 ms');
$node->safe_psql('postgres', 'CREATE SEQUENCE tries; GRANT ALL ON tries TO PUBLIC');
$run = ends('succeeded', "INSERT INTO note (what) SELECT 'tried' WHERE 1 / (nextval('tries') / 3) > 0", 1, params => '{"retries": 5}', title => 'a job that fails twice');
is(run($run, 'attempts, rows'), '3|1', 'it is done with the third attempt');
is(noted(), 'tried', 'and has done it once');

# Time-outs.
my $began = time;
$run = ends('timed_out', 'SELECT pg_sleep(60)', '57014\|the attempt ran into its timeout of 700 ms', params => '{"timeout": "700 ms"}');
cmp_ok($node->safe_psql('postgres', "SELECT extract(epoch FROM finished_at - started_at) FROM aipipe.job_attempt WHERE run = $run"), '<', 1.7, 'within a second of its timeout');
is(attempt($run, "deadline - started_at BETWEEN interval '0.6 s' AND interval '0.8 s'"), 't', 'its deadline was recorded');
ends('timed_out', 'INSERT INTO note (what) SELECT generate_series(1, 1000000000)', '57014', params => '{"timeout": "700 ms"}');
is(noted(), '', 'nothing of it stays');
$began = time;
ends('timed_out', q{DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN INSERT INTO note (what) VALUES ('caught'); PERFORM pg_sleep(60); END; END LOOP; END $$},
	'57014', params => '{"timeout": "500 ms"}', title => 'a job that catches its cancel');
cmp_ok(time - $began, '<', 5, 'it is cancelled again');
ends('timed_out', 'SELECT pg_sleep(60)', '57014', params => '{"timeout": "300 ms", "retries": 1}', title => 'a timeout with a retry');
ends('succeeded', 'SET statement_timeout = 50; SET lock_timeout = 1; SELECT pg_sleep(.2)', 1, title => 'time-outs that a command sets for itself');

# Cancels.
$run = run_job(q{INSERT INTO note (what) VALUES ('cancelled'); SELECT pg_sleep(60)}, params => '{"retries": 5}', wait => 0, name => 'long');
ok(wait_until($node, 'postgres', "SELECT state = 'running' FROM aipipe.job_run WHERE id = $run"), 'a long job runs');
is($node->safe_psql('postgres', "SELECT query, usename, state FROM pg_stat_activity WHERE application_name = (SELECT 'aipipe job ' || id FROM aipipe.job WHERE name = 'long')"),
	"INSERT INTO note (what) VALUES ('cancelled'); SELECT pg_sleep(60)|ann|active", 'the server shows what it does');
$began = time;
is($node->safe_psql('postgres', "SELECT aipipe.job_cancel($run)", extra_params => [ '-U', 'ann' ]), 't', 'its owner cancels it');
wait_run($run);
cmp_ok(time - $began, '<', 1.5, 'it ends at once');
is(run($run, 'state, attempts, cancel_by'), 'cancelled|1|ann', 'it is cancelled and not tried again');
is(attempt($run, 'state, sqlstate'), 'cancelled|57014', 'so is its attempt');
is(noted(), '', 'nothing of it stays');

# Whoever signals without that leaves a failure, which is retried.
$run = ends('failed', 'SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)', '57014\|canceling statement due to user request', params => '{"retries": 1}', title => 'a cancel by hand');
is(run($run, 'attempts'), '2', 'it is tried again');
ends('crashed', 'SELECT pg_terminate_backend(pg_backend_pid())', '', title => 'a process that is terminated');

# An attempt that somebody else has ended publishes nothing.
$run = run_job(q{INSERT INTO note (what) VALUES ('late'); SELECT pg_sleep(2)}, wait => 0, name => 'late');
ok(wait_until($node, 'postgres', "SELECT state = 'running' FROM aipipe.job_run WHERE id = $run"), 'a job runs');
$node->safe_psql('postgres', "UPDATE aipipe.job_attempt_data SET state = 'crashed' WHERE run = $run; UPDATE aipipe.job_run_data SET state = 'failed', finished_at = now() WHERE id = $run");
ok(wait_until($node, 'postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = (SELECT 'aipipe job ' || id FROM aipipe.job WHERE name = 'late'))"), 'and ends');
is(run($run, 'state') . ' ' . attempt($run, 'state'), 'failed crashed', 'its end stands as it was written first');
is(noted(), '', 'what it did is rolled back');
like(log_tail(), qr/attempt \d+ was ended by somebody else/, 'and the log says why');

#
# Transactions of all kinds.
#
ends('succeeded', 'SET TRANSACTION READ ONLY; SELECT * FROM item', 100);
ends('failed', "SET TRANSACTION READ ONLY; INSERT INTO note (what) VALUES ('a')", '25006\|cannot execute INSERT in a read-only transaction');
ends('succeeded', "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO note (what) VALUES (current_setting('transaction_isolation'))", 1);
is(noted(), 'serializable', 'a serializable transaction');
ends('succeeded', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE; SELECT 1', 1);
$node->safe_psql('postgres', 'ALTER ROLE ann SET default_transaction_read_only = on');
ends('failed', "INSERT INTO note (what) VALUES ('a')", '25006', title => 'a role that only reads');
ends('succeeded', 'SELECT * FROM item', 100, title => 'a role that only reads, and does');
$node->safe_psql('postgres', 'ALTER ROLE ann RESET default_transaction_read_only; ALTER ROLE ann SET exit_on_error = on; ALTER ROLE ann SET lock_timeout = 1');
ends('failed', 'SELECT 1 / 0', '22012\|division by zero', title => 'a role whose sessions end with an error');
$node->safe_psql('postgres', 'ALTER ROLE ann RESET ALL');
ends('succeeded', 'CREATE DATABASE made', 0, user => $node->safe_psql('postgres', 'SELECT session_user'));
is($node->safe_psql('made', 'SELECT 1'), '1', 'a database');

# Libraries that guard a role's sessions guard its jobs; auto_explain stands for them where it is installed.
SKIP:
{
	skip 'no auto_explain', 3 if $node->psql('postgres', 'LOAD $$auto_explain$$') != 0;
	$node->safe_psql('postgres', 'ALTER ROLE ann SET session_preload_libraries = auto_explain');
	ends('succeeded', "SELECT 1 WHERE current_setting('auto_explain.log_verbose') = 'off'", 1, title => 'a library of the role');
	$node->safe_psql('postgres', 'ALTER ROLE ann RESET ALL');
}

# What a command leaves behind keeps nobody from writing how it ended.
ends('succeeded', 'SET ROLE reader; SELECT 1', 1);
ends('succeeded', 'SET default_transaction_read_only = on', 0);
ends('succeeded', "SET search_path = pg_temp; SET DateStyle = 'German'; SET lock_timeout = 1; SET client_min_messages = error", 0);
ends('succeeded', 'DISCARD ALL', 0);
ends('succeeded', 'SELECT pg_advisory_lock(1), pg_advisory_unlock_all(), pg_sleep(2.5)', 1);
ends('succeeded', q{NOTIFY x; SELECT pg_advisory_lock(1); DECLARE c CURSOR WITH HOLD FOR SELECT * FROM item; FETCH 3 FROM c; PREPARE p AS SELECT 1;
	CREATE TEMP TABLE job_attempt_data (id int) ON COMMIT DROP; CREATE TEMP TABLE left_over (id int) ON COMMIT DELETE ROWS}, 4, title => 'cursors, locks and temporary tables');
ends('succeeded', 'CALL rolls_back()', 0);
is(noted(), 'kept', 'a procedure that rolls back');

#
# The session.
#
ends('succeeded', q{INSERT INTO note (what) VALUES (concat_ws(',', session_user, current_user, current_setting('row_security'), current_setting('work_mem'),
	current_setting('search_path'), current_setting('max_parallel_workers_per_gather'), aipipe.job_current_run() IS NOT NULL))}, 1,
	params => '{"settings": {"work_mem": "5MB", "search_path": "public"}}', title => 'settings');
is(noted(), 'ann,ann,on,5MB,public,0,t', 'the session is the owner\'s, as the job wants it');
run_job('SELECT 1', name => 'refused setting');
$node->safe_psql('postgres', q{UPDATE aipipe.job_data SET settings = '{"log_statement": "all"}' WHERE name = 'refused setting'});
is(attempt(again('refused setting'), 'state, sqlstate, message'), 'failed|42501|permission denied to set parameter "log_statement"', 'a setting that is not the owner\'s');
$node->safe_psql('postgres', q{UPDATE aipipe.job_data SET settings = '{"role": "reader"}' WHERE name = 'refused setting'});
is(attempt(again('refused setting'), 'state, sqlstate, message'), 'failed|22023|option "settings" of the job cannot set "role"', 'a setting that is the attempt\'s');

SKIP:
{
	skip 'no /proc', 4 unless -r "/proc/$$/stat";
	my $long = run_job('SELECT pg_sleep(60)', params => '{"nice": 7, "io": "idle"}', name => 'nice', wait => 0);
	ok(wait_until($node, 'postgres', "SELECT query = 'SELECT pg_sleep(60)' FROM pg_stat_activity WHERE application_name = (SELECT 'aipipe job ' || id FROM aipipe.job WHERE name = 'nice')"), 'a nice job runs');
	my $pid = attempt($long, 'pid');
	my @stat = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\) //sr;
	my $own = getpriority(0, 0);
	is($stat[16], $own > 7 ? $own : 7, 'with its nice value, or the server\'s own where that is greater');
	my $io = `ionice -p $pid 2>/dev/null`;
	like($io, qr/^(?:idle|$)/, 'and its I/O priority');
	$node->safe_psql('postgres', "SELECT aipipe.job_cancel($long)");
	wait_run($long);
	is(attempt($long, 'state'), 'cancelled', 'and is cancelled');
}

# What it used.
$run = ends('succeeded', 'SELECT count(*) FROM generate_series(1, 3000000)', 1);
my $light = ends('succeeded', 'SELECT 1', 1);
is(attempt($run, 'cpu_seconds BETWEEN 0.05 AND 30, memory_peak BETWEEN 1000000 AND 2000000000'), 't|t', 'CPU and memory are measured');
cmp_ok(attempt($run, 'cpu_seconds'), '>', attempt($light, 'cpu_seconds'), 'and tell a heavy job from a light one');
$run = ends('succeeded', q{SELECT length(repeat('x', 200000000))}, 1);
cmp_ok(attempt($run, 'memory_peak'), '>', attempt($light, 'memory_peak') + 100_000_000, 'and a large one from a small one');

#
# Who listens is told.
#
my $listener = session_start($node, 'postgres');
session_run($listener, 'LISTEN aipipe_job;');
$run = run_job('SELECT 1', params => '{"retries": 0}');
my $failed = run_job('SELECT 1 / 0', params => '{"retries": 1}');
my ($heard) = session_run($listener, 'SELECT 1;');
my @states = $heard =~ /"run": $run, "state": "(\w+)"/g;
is("@states", 'queued running succeeded', 'a run is told from its queue to its end') or diag($heard);
@states = $heard =~ /"run": $failed, "state": "(\w+)"/g;
is("@states", 'queued running queued running failed', 'and so is a retry') or diag($heard);
session_end($listener);

#
# Rights.
#
$node->safe_psql('postgres', q{
	CREATE TABLE secret (who text);
	INSERT INTO secret VALUES ('ann'), ('ben');
	ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON secret USING (who = current_user);
	GRANT SELECT ON secret TO PUBLIC;
	CREATE TABLE closed (id int)});
ends('succeeded', 'INSERT INTO note (what) SELECT who FROM secret', 1);
is(noted(), 'ann', 'policies hold');
ends('failed', 'SELECT * FROM closed', '42501\|permission denied for table closed');
ends('failed', 'RESET SESSION AUTHORIZATION; RESET ROLE; SELECT * FROM closed', '42501\|permission denied for table closed');
ends('failed', 'SET SESSION AUTHORIZATION ben', '42501\|permission denied to set session authorization');
ends('failed', "UPDATE aipipe.job_attempt_data SET state = 'succeeded'", '42501\|permission denied for table job_attempt_data');

# Code of the owner's that runs after its success was written, in the same transaction, has no more rights.
$node->safe_psql('postgres', q{
	SET ROLE ann;
	CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO note (what) VALUES (current_user);
		UPDATE aipipe.job_run_data SET state = 'failed';
		RETURN NULL;
	EXCEPTION WHEN insufficient_privilege THEN INSERT INTO note (what) VALUES (current_user || ' denied'); RETURN NULL; END $$;
	CREATE TABLE trap (id int);
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
});
ends('succeeded', 'INSERT INTO trap VALUES (1)', 1);
is(noted(), 'ann denied', 'a deferred trigger');

# A world of traps for statements of aipipe's that run in this session and transaction: the one that the command springs itself, and no other.
$node->safe_psql('postgres', q{
	SET ROLE ann;
	CREATE FUNCTION sprung() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.note (what) VALUES ('sprung by ' || CURRENT_USER); RETURN true; END $$});
ends('succeeded', q{DO $$ BEGIN
	CREATE DOMAIN pg_temp.int8 AS pg_catalog.int8 CHECK (public.sprung());
	CREATE DOMAIN pg_temp.int4 AS pg_catalog.int4 CHECK (public.sprung());
	CREATE DOMAIN pg_temp.float8 AS pg_catalog.float8 CHECK (public.sprung());
	CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (public.sprung());
	CREATE DOMAIN pg_temp.oid AS pg_catalog.oid CHECK (public.sprung());
	CREATE DOMAIN pg_temp.regrole AS pg_catalog.regrole CHECK (public.sprung());
	CREATE DOMAIN pg_temp.timestamptz AS pg_catalog.timestamptz CHECK (public.sprung());
	CREATE FUNCTION pg_temp.clock_timestamp() RETURNS pg_catalog.timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now() WHERE public.sprung()';
	CREATE FUNCTION pg_temp.eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT public.sprung()';
	CREATE FUNCTION pg_temp.eq(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE sql AS 'SELECT public.sprung()';
	CREATE OPERATOR pg_temp.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = pg_temp.eq);
	CREATE OPERATOR pg_temp.= (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = pg_temp.eq);
	CREATE TABLE pg_temp.job_data (LIKE item);
	CREATE TABLE pg_temp.job_run_data (LIKE item);
	CREATE TABLE pg_temp.job_attempt_data (LIKE item);
	PERFORM pg_catalog.set_config('search_path', 'pg_temp, pg_catalog, aipipe', false);
	PERFORM 1::pg_temp.int8;
END $$}, 0, title => 'traps');
is(noted(), 'sprung by ann', 'nothing of it is called but by the command');
ends('failed', 'DROP EXTENSION aipipe CASCADE; SELECT 1', '', user => $node->safe_psql('postgres', 'SELECT session_user'), title => 'a job that drops the extension under itself');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_extension WHERE extname = $$aipipe$$'), '1', 'does not');

# Serializable jobs that get into each other's way are tried again.
$node->safe_psql('postgres', 'SET ROLE ann; CREATE TABLE skew (who text)');
my @pair = map { run_job("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO skew SELECT 'job $_' WHERE (SELECT count(*) FROM skew) >= 0; SELECT pg_advisory_lock_shared(77);"
	. q{DO $$ BEGIN FOR i IN 1 .. 100 LOOP EXIT WHEN (SELECT count(*) > 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 77); PERFORM pg_sleep(.05); END LOOP; END $$},
	params => '{"retries": 10}', wait => 0) } 1, 2;
wait_run($_) foreach @pair;
is($node->safe_psql('postgres', 'SELECT string_agg(who, $$ $$ ORDER BY who) FROM skew'), 'job 1 job 2', 'two serializable jobs, each done once');
is($node->safe_psql('postgres', "SELECT count(*) > 2, string_agg(DISTINCT sqlstate, ' ') FROM aipipe.job_attempt WHERE run = ANY (ARRAY[$pair[0], $pair[1]])"), 't|40001', 'one of them was tried again');

# Those that do not, are not: what is written about them is on the same pages.
my @apart;
foreach my $round (1 .. 3)
{
	push @apart, map { run_job("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE apart_${round}_$_ (id int); SELECT pg_sleep(1)", wait => 0) } 1 .. 5;
	wait_run($_) foreach @apart;
}
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT run), string_agg(DISTINCT state || coalesce(' ' || message, ''), ', ') FROM aipipe.job_attempt WHERE run = ANY (ARRAY["
	. join(', ', @apart) . '])'), '15|15|succeeded', 'serializable jobs that have nothing in common');

# Owners who change.
run_job('INSERT INTO note (what) VALUES (current_user)', name => 'owned');
is(noted(), 'ann', 'a job of ann\'s');
$node->safe_psql('postgres', 'ALTER ROLE ann RENAME TO "Ann; DROP"');
again('owned');
is(noted(), 'Ann; DROP', 'her name is no matter');
$node->safe_psql('postgres', 'ALTER ROLE "Ann; DROP" RENAME TO ann');

# What changes between claim and start is seen at the start, and nothing runs.
sub changed_before_start
{
	my ($sql, $expected, $title) = @_;
	$node->safe_psql('postgres', qq{
		CREATE FUNCTION public.change() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $sql; RETURN NULL; END \$\$;
		CREATE TRIGGER change AFTER INSERT ON aipipe.job_attempt_data FOR EACH ROW EXECUTE FUNCTION public.change()});
	my $run = again('owned');
	is(attempt($run, "state || ' ' || message") . ' ' . run($run, 'state'), $expected, $title);
	is(noted(), '', 'nobody runs it');
	$node->safe_psql('postgres', 'DROP FUNCTION public.change() CASCADE');
}
changed_before_start(q{UPDATE aipipe.job_data SET owner = 'ben'::regrole WHERE name = 'owned'}, 'failed the job changed its owner before the attempt began failed', 'another owner');
again('owned');
is(noted(), 'ben', 'then it runs as the new one');
changed_before_start(q{UPDATE aipipe.job_data SET home = 'elsewhere' WHERE name = 'owned'}, 'failed the job belongs to another database failed', 'another home');
$node->safe_psql('postgres', q{UPDATE aipipe.job_data SET home = aipipe.job_home() WHERE name = 'owned'});
changed_before_start(q{UPDATE aipipe.job_run_data SET cancel_by = 'x' WHERE id = NEW.run}, 'cancelled the run was cancelled before the attempt began cancelled', 'a cancel');
changed_before_start(q{UPDATE aipipe.job_data SET id = -1 WHERE name = 'owned'}, 'cancelled the job was dropped before the attempt began cancelled', 'a drop');
$node->safe_psql('postgres', q{UPDATE aipipe.job_data SET id = (SELECT job FROM aipipe.job_run_data WHERE job_name = 'owned' LIMIT 1) WHERE name = 'owned'});

$began = time;
changed_before_start('ALTER ROLE ben NOLOGIN', q{crashed the attempt's process ended before it began; the server's log may say why failed}, 'an owner who may no longer log in');
cmp_ok(time - $began, '<', 15, 'which is known when the process has ended');
$node->safe_psql('postgres', 'ALTER ROLE ben LOGIN');

# A commit that takes its turn behind another's notifications: the job's lock_timeout is for its work.  Who waits for a standby that is
# not there holds his turn meanwhile.
$node->safe_psql('postgres', $_) foreach (q{ALTER SYSTEM SET synchronous_commit = local}, q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'}, 'SELECT pg_reload_conf()');
foreach my $case ([ 'SET lock_timeout = 1; SELECT pg_sleep(1.5)', '{}', 'succeeded', '' ], [ 'SELECT pg_sleep(1.5), 1 / (random() * 0)::int', '{"settings": {"lock_timeout": "1"}}', 'failed', '22012' ])
{
	$run = run_job($case->[0], params => $case->[1], wait => 0);
	ok(wait_until($node, 'postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND wait_event = 'PgSleep')"), 'a job sleeps');
	my $turn = session_start($node, 'postgres');
	session_run($turn, q{SET synchronous_commit = on; BEGIN; INSERT INTO note (what) VALUES ('turn'); NOTIFY turn; COMMIT;}, wait => 0);
	ok(wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), 'somebody holds the turn');
	ok(wait_until($node, 'postgres', "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'aipipe executor' AND l.classid = 'pg_database'::regclass AND l.objid = 0 AND NOT l.granted)"), 'the job waits for it');
	usleep(100_000);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	session_end($turn);
	wait_run($run);
	is(attempt($run, "state, coalesce(sqlstate, '')"), "$case->[2]|$case->[3]", "$case->[2], after the wait");
	is(noted(), 'turn', 'and who held the turn has committed');
}
$node->safe_psql('postgres', $_) foreach ('ALTER SYSTEM RESET synchronous_commit', 'ALTER SYSTEM RESET synchronous_standby_names', 'SELECT pg_reload_conf()');

# Owners who may not: the job is paused and says why, once.
my $before = length slurp_file($node->logfile);
foreach my $case (
	[ 'ALTER ROLE ben NOLOGIN', 'ALTER ROLE ben LOGIN', qr/its owner cannot connect: role "ben" is not permitted to log in/ ],
	[ 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC', qr/its owner cannot connect: role "ben" has no CONNECT privilege on database "postgres"/ ])
{
	$node->safe_psql('postgres', $case->[0]);
	$run = again('owned');
	like(run($run, 'state, attempts, why'), qr/^failed\|0\|.*$case->[2]/, "$case->[0]: no attempt");
	like($node->safe_psql('postgres', "SELECT state, why FROM aipipe.job WHERE name = 'owned'"), qr/^paused\|.*$case->[2]/, 'the job is paused and says why');
	$node->safe_psql('postgres', "$case->[1]; SELECT aipipe.job_resume('owned')");
}
is(scalar(() = substr(slurp_file($node->logfile), $before) =~ /LOG:  aipipe: job "owned" is paused/g), 2, 'the log says it once each');
unlike(substr(slurp_file($node->logfile), $before), qr/FATAL/, 'and nothing else');
$node->safe_psql('postgres', 'REVOKE ALL ON note FROM ben; DROP OWNED BY ben; DROP ROLE ben');
$run = again('owned');
like(run($run, 'state, attempts, why'), qr/^failed\|0\|its owner cannot connect: role with OID \d+ does not exist/, 'an owner that was dropped');

# Jobs that are gone.
$run = run_job(q{SELECT aipipe.job_pause('itself'); INSERT INTO note (what) VALUES ('paused')}, name => 'itself');
is(run($run, 'state') . ' ' . noted(), 'succeeded paused', 'a job that pauses itself');
$run = run_job(q{INSERT INTO note (what) VALUES ('gone'); SELECT pg_sleep(1.5), 1 / (random() * 0)::int}, name => 'gone', params => '{"retries": 3}', wait => 0);
ok(wait_until($node, 'postgres', "SELECT state = 'running' FROM aipipe.job_run WHERE id = $run"), 'a job runs');
$node->safe_psql('postgres', "DELETE FROM aipipe.job_data WHERE name = 'gone'; DELETE FROM aipipe.job_state_data WHERE job = (SELECT job FROM aipipe.job_run_data WHERE id = $run)");
wait_run($run);
is(run($run, 'state, attempts'), 'failed|1', 'a job that is gone is not tried again');
foreach my $case ([ 'SELECT 1', 'succeeded' ], [ 'SELECT 1 / 0', 'failed' ])
{
	my $name = "once $case->[1]";
	$node->safe_psql('postgres', "SELECT aipipe.job_create('$name', '$case->[0]', params => '{\"retries\": 1, \"backoff\": \"1 s\"}'); UPDATE aipipe.job_data SET once = true WHERE name = '$name'");
	$run = again($name);
	is(run($run, 'state, job_name'), "$case->[1]|$name", "$name: its history stays");
	is($node->safe_psql('postgres', "SELECT count(*) FROM aipipe.job WHERE name = '$name'"), '0', 'and the job is gone with its last run');
	is($node->safe_psql('postgres', "SELECT count(*) FROM aipipe.job_state_data s WHERE NOT EXISTS (SELECT FROM aipipe.job_data j WHERE j.id = s.job)"), '0', 'whole');
}
is($node->safe_psql('postgres', "SELECT count(*) FROM aipipe.job_attempt WHERE state IN ('starting', 'running')"), '0', 'no attempt is left open');

$node->stop;
done_testing();
