# Attacks on jobs: mallory owns the database and may create anything in it, but has no right on others' jobs.  Planted code tells the
# server's log when it runs with rights other than the planter's: the canary, which no ROLLBACK takes back.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = make_node('worker_escalation', "max_worker_processes = 24\naipipe.worker_max = 3\nmax_prepared_transactions = 4\n");
my $db = 'shop';
my $attacks = 0;
my $serial = 0;
my $dba;

# Runs statements as a role and gives output and errors.
sub run_as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n$sql", on_error_stop => 0, extra_params => [ '-U', $role ]);

	return ($out, $err);
}

# Runs statements of the administrator's, whatever the database's owner has set for everybody.
sub admin
{
	my ($sql) = @_;

	return $node->safe_psql($db, "SET ROLE NONE; SET search_path = public; SET lock_timeout = 0; $sql", extra_params => ['-q']);
}

# Waits until every run has ended, and until rows that landed have become one: the scheduler may answer their ring some time later.
sub settle
{
	foreach (1 .. 600)
	{
		return if admin(q{SELECT NOT EXISTS (SELECT FROM aipipe.job_run_data WHERE state IN ('queued', 'starting', 'running') AND job_name <> 'heartbeat')
			AND NOT EXISTS (SELECT FROM aipipe.job_event_data e JOIN aipipe.job_state_data s USING (job) WHERE s.state = 'active')}) eq 't';
		usleep(100_000);
	}
	fail('all runs come to an end');
	diag(admin(q{SELECT id, job_name, state, not_before, cancel_by FROM aipipe.job_run_data WHERE state IN ('queued', 'starting', 'running')}));
	return;
}

# One attack: the planter's statements, as mallory or (option as) another role.  With option victim another role's follow; then every
# run comes to its end (option settle).  Fails when the canary sang, when the last statement's error is not the one expected (option
# code; '' for none) or there are not so many of them (option errors), when the state is not (option state: a query and its answer), or
# when a secret was shown.
sub attack
{
	my ($name, $sql, %option) = @_;
	my $offset = -s $node->logfile;
	my ($out, $err) = run_as($option{as} // 'mallory', $sql);
	my ($other, $trouble) = $option{victim} ? run_as($option{victim}[0], $option{victim}[1]) : ('', '');
	my @codes = (($option{victim} ? $trouble : $err) =~ /ERROR:  (\w{5}):/g);
	my $problems = '';

	settle() if $option{settle};
	my @canaries = slurp_file($node->logfile, $offset) =~ /CANARY [^\n]*/g;
	$attacks++;
	$problems .= "canary: @canaries\n" if @canaries;
	$problems .= "error $codes[-1], expected $option{code}\n" if defined $option{code} && @codes && $codes[-1] ne $option{code};
	$problems .= "no error, expected $option{code}\n" if $option{code} && !@codes;
	$problems .= "errors @codes, expected $option{errors}\n" if $option{errors} && $option{errors} != grep { $_ eq $option{code} } @codes;
	$problems .= "a secret was shown\n" if "$out$err" =~ /s3cret/;
	if ($option{state})
	{
		my $state = admin($option{state}[0]);

		$problems .= "state is $state, expected $option{state}[1]\n" if $state ne $option{state}[1];
	}
	ok($problems eq '', $name) or diag("$problems$out\n$err\n$other\n$trouble\n" . admin(q{SELECT run, state, sqlstate, message FROM aipipe.job_attempt_data ORDER BY id DESC LIMIT 3}));
	return "$out\n$err";
}

# One attack by a job of mallory's: its command, and how its run must end; what it has written, too, when option seen is given.
sub attack_by_job
{
	my ($name, $command, $state, %option) = @_;
	my $job = 'attack ' . ++$serial;
	my $params = $option{params} // '{}';

	run_as('mallory', 'TRUNCATE evil.seen');
	return attack($name, qq{SELECT aipipe.job_create('$job', \$job\$$command\$job\$, params => '{"retries": 0}'::jsonb || '$params'); SELECT aipipe.job_run_now('$job');},
		code => '', settle => 1, state => [ qq{SELECT (SELECT string_agg(state, ' ') FROM aipipe.job_run_data WHERE job_name = '$job')}
			  . (defined $option{seen} ? q{, (SELECT string_agg(DISTINCT s, ' ') FROM evil.seen s)} : ''), $state . (defined $option{seen} ? "|$option{seen}" : '') ]);
}

# The victims: a superuser, and alice, each with jobs; mallory owns the database, and with it the schema public.
$node->safe_psql('postgres', q{CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE "Alice" LOGIN; CREATE ROLE "alice; --" LOGIN; CREATE ROLE bob LOGIN;
	CREATE ROLE carol LOGIN; CREATE DATABASE shop OWNER mallory});
admin(q{
	CREATE EXTENSION aipipe;
	CREATE SCHEMA evil AUTHORIZATION mallory; CREATE SCHEMA home AUTHORIZATION alice; CREATE SCHEMA shared; CREATE SCHEMA vault;
	GRANT ALL ON SCHEMA shared TO PUBLIC; GRANT USAGE ON SCHEMA evil, home TO PUBLIC;
	CREATE TABLE vault.opened (by text);

	SET SESSION AUTHORIZATION mallory;
	CREATE TABLE evil.seen (s text);
	CREATE FUNCTION evil.spy(what text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
		IF current_user <> 'mallory' OR session_user <> 'mallory' THEN RAISE LOG 'CANARY % as % of %', what, current_user, session_user; END IF;
		RETURN true;
	END $$;
	CREATE FUNCTION evil.spy_here(what text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
		IF current_user <> 'mallory' THEN RAISE LOG 'CANARY % as % of %', what, current_user, session_user; END IF;
		RETURN true;
	END $$;
	CREATE FUNCTION evil.spy_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM evil.spy(TG_NAME);
		RETURN COALESCE(NEW, OLD);
	END $$;
	CREATE FUNCTION evil.try(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		EXECUTE statement;
		INSERT INTO evil.seen VALUES ('done');
	EXCEPTION WHEN OTHERS THEN INSERT INTO evil.seen VALUES (SQLSTATE);
	END $$;

	SET SESSION AUTHORIZATION alice;
	CREATE TABLE home.beat (at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE home.land (id int);
	CREATE TABLE home.told (what text);
	SELECT aipipe.job_create('heartbeat', 'INSERT INTO home.beat DEFAULT VALUES', '* * * * * *', params => '{"overlap": "queue"}');
	SELECT aipipe.job_create('ledger', $c$INSERT INTO home.told VALUES ('ledger as ' || current_user || ' of ' || session_user || ' s3cret')$c$);
	SELECT aipipe.job_create('landed', $c$INSERT INTO home.told VALUES ('landed')$c$, 'on home.land', params => '{"event_wait": "0"}');
	RESET SESSION AUTHORIZATION;
	SELECT aipipe.job_create('audit', $c$INSERT INTO vault.opened VALUES ('audit')$c$);
	SELECT aipipe.job_run_now('audit'), aipipe.job_run_now('ledger') FROM aipipe.worker_start()});
settle();
$dba = admin('SELECT current_user');
is(admin('SELECT by FROM vault.opened'), 'audit', "the administrator's job works");
is(admin('SELECT what FROM home.told'), 'ledger as alice of alice s3cret', "and alice's");
my $ledger_run = admin(q{SELECT id FROM aipipe.job_run_data WHERE job_name = 'ledger'});
my $audit_run = admin(q{SELECT id FROM aipipe.job_run_data WHERE job_name = 'audit'});

# --- Whose job it is, and who may touch it.
my $owners = [ q{SELECT string_agg(name || ' ' || owner, ', ' ORDER BY name COLLATE "C") FROM aipipe.job_data WHERE name IN ('audit', 'heartbeat', 'landed', 'ledger')},
	"audit $dba, heartbeat alice, landed alice, ledger alice" ];
foreach my $job ('ledger', 'audit')
{
	my $run = $job eq 'ledger' ? $ledger_run : $audit_run;

	attack("another's job: $_", "SELECT aipipe.$_", code => '42501', state => $owners)
	  foreach ("job_alter('$job', owner => 'mallory')", "job_alter('$job', 'SELECT evil.spy(''altered'')')", "job_alter('$job', function => 'evil.spy(text)')", "job_alter('$job', new_name => 'mine')",
		"job_alter('$job', params => '{\"settings\": {\"search_path\": \"evil\"}}')", "job_pause('$job')", "job_resume('$job')", "job_drop('$job', true)", "job_run_now('$job')", "job_cancel($run)", "job_wait($run)");
}
attack("another's job, by a role whose name differs in case", q{SELECT aipipe.job_run_now('ledger')}, as => 'Alice', code => '42501', state => $owners);
attack("another's job, by a role whose name goes on", q{SELECT aipipe.job_run_now('ledger')}, as => 'alice; --', code => '42501', state => $owners);
attack('a job given away to who has not asked', q{SELECT aipipe.job_create('gift', 'SELECT evil.spy(''gift'')'); SELECT aipipe.job_alter('gift', owner => 'alice')}, code => '42501',
	state => [ q{SELECT owner FROM aipipe.job_data WHERE name = 'gift'}, 'mallory' ]);
attack('a job given to a superuser', "SELECT aipipe.job_alter('gift', owner => '$dba')", code => '42501');
my %column = (job_data => 'owner', job_state_data => 'state', job_run_data => 'owner', job_attempt_data => 'state', job_event_data => 'rows', worker_data => 'enabled');
attack("the base table: $_", qq{SELECT * FROM aipipe.$_; INSERT INTO aipipe.$_ DEFAULT VALUES; UPDATE aipipe.$_ SET $column{$_} = NULL; DELETE FROM aipipe.$_; TRUNCATE aipipe.$_; COPY aipipe.$_ TO STDOUT; BEGIN; LOCK TABLE aipipe.$_; ROLLBACK;
	CREATE TRIGGER t BEFORE INSERT OR UPDATE ON aipipe.$_ FOR EACH ROW EXECUTE FUNCTION evil.spy_trigger(); CREATE RULE r AS ON UPDATE TO aipipe.$_ DO ALSO SELECT evil.spy('rule');
	CREATE POLICY p ON aipipe.$_ USING (evil.spy('policy')); ALTER TABLE aipipe.$_ ENABLE ROW LEVEL SECURITY; CREATE INDEX ON aipipe.$_ ((evil.spy('index')));
	CREATE TABLE evil.child () INHERITS (aipipe.$_); CREATE STATISTICS evil.s ON (evil.spy('statistics')) FROM aipipe.$_;}, code => '42501', errors => 14)
  foreach sort keys %column;
attack('single columns of the base tables', q{SELECT owner FROM aipipe.job_data; UPDATE aipipe.job_data SET owner = 'mallory'; UPDATE aipipe.job_run_data SET owner = 'mallory'; UPDATE aipipe.job_attempt_data SET state = 'succeeded';
	INSERT INTO aipipe.job_state_data (job, state) VALUES (1, 'paused'); SELECT count(*) FROM aipipe.job_event_data}, code => '42501');
attack('views that could be written to', q{UPDATE aipipe.job SET owner = 'mallory'; UPDATE aipipe.job_run SET owner = 'mallory'; CREATE RULE r AS ON UPDATE TO aipipe.job DO INSTEAD SELECT evil.spy('rule'); DELETE FROM aipipe.job_attempt}, code => '42501');
attack('sequences', q{SELECT setval('aipipe.job_data_id_seq', 1); SELECT nextval('aipipe.job_run_data_id_seq')}, code => '42501');
attack("processes: $_", "SELECT aipipe.$_()", code => '42501') foreach qw(worker_start worker_stop worker_resume);
my $processes = admin(q{SELECT string_agg(pid::text, ', ') FROM pg_stat_activity WHERE backend_type ~ '^aipipe (scheduler|launcher)'});
attack("signals to what is not hers: $_", "SELECT $_(p) FROM unnest(ARRAY[$processes]) p", code => '42501') foreach qw(pg_cancel_backend pg_terminate_backend);

# --- Roles that come, go, and change their names.
admin('ALTER ROLE alice RENAME TO alicia; CREATE ROLE alice LOGIN');
attack('a new role under the name of a renamed owner', q{SELECT aipipe.job_run_now('ledger')}, as => 'alice', code => '42501');
like(attack('what that role sees', q{SELECT count(*) FROM aipipe.job; TABLE aipipe.job_run; TABLE aipipe.job_attempt; TABLE aipipe.job_status}, as => 'alice', code => ''), qr/^0$/m, 'are no jobs');
admin(q{TRUNCATE home.told; SELECT aipipe.job_run_now('ledger')});
settle();
is(admin('SELECT what FROM home.told'), 'ledger as alicia of alicia s3cret', 'a job goes on as the role, not the name');
admin('DROP ROLE alice; ALTER ROLE alicia RENAME TO alice');
run_as('bob', q{SELECT aipipe.job_create('left behind', $$SELECT 's3cret'$$, '* * * * * *')});
admin(q{DROP ROLE bob; CREATE ROLE bob LOGIN});
attack('a new role under the name of one that was dropped', q{SELECT count(*) FROM aipipe.job; SELECT aipipe.job_resume('left behind')}, as => 'bob', code => '42501');
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM aipipe.job WHERE name = 'left behind' AND state = 'paused' AND why ~ 'role with OID [0-9]+ does not exist')}), 'what was left behind is paused');
is(admin(q{SELECT count(*) FROM aipipe.job_attempt_data a JOIN aipipe.job_data j ON j.id = a.job WHERE j.name = 'left behind' AND a.claimed_at > (SELECT min(changed_at) FROM aipipe.job_state_data WHERE job = j.id)}), '0', 'nobody runs it');
my ($dump, $trouble) = run_command([ 'pg_dump', '-a', '-d', $node->connstr($db) ]);
unlike($dump, qr/left behind/, 'and no dump takes it to where its number is another role');
like($dump, qr/heartbeat/, 'as it takes the others');
admin(q{SELECT aipipe.job_drop('left behind')});

# --- Names that statements of aipipe's could be made to find: in her session, in her jobs, and in everybody's by the database's settings.
my @types = qw(oid int4 int8 text jsonb float8 bool regrole timestamptz interval name);
my $traps = join(' ', map { "CREATE DOMAIN %1\$s.$_ AS pg_catalog.$_ CHECK (evil.spy('domain $_'));" } @types)
  . join(' ', map { my $type = $_; map { "CREATE FUNCTION %1\$s.f_" . ++$serial . "($type, $type) RETURNS bool LANGUAGE sql AS 'SELECT evil.spy(''operator'')'; CREATE OPERATOR %1\$s.$_ (FUNCTION = %1\$s.f_$serial, LEFTARG = $type, RIGHTARG = $type);" } qw(= <> < <= > >=) }
	  map { "pg_catalog.$_" } qw(oid int4 int8 text float8 bool regrole timestamptz name))
  . q{CREATE FUNCTION %1$s.clock_timestamp() RETURNS pg_catalog.timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() WHERE evil.spy('clock') $$;
	CREATE FUNCTION %1$s.pg_has_role(pg_catalog.oid, pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE sql AS $$ SELECT evil.spy('pg_has_role') $$;
	CREATE FUNCTION %1$s.make_interval(secs pg_catalog.float8) RETURNS pg_catalog.interval LANGUAGE sql AS $$ SELECT '0'::pg_catalog.interval WHERE evil.spy('make_interval') $$;
	CREATE FUNCTION %1$s.count() RETURNS pg_catalog.int8 LANGUAGE sql AS $$ SELECT 0::pg_catalog.int8 WHERE evil.spy('count') $$;};
my $evil_traps = sprintf($traps =~ s/%(?!1\$s)/%%/gr, 'evil');
my $temp_traps = sprintf($traps =~ s/%(?!1\$s)/%%/gr, 'pg_temp');
my $trap_tables = join(' ', map { "CREATE TEMP TABLE $_ (id pg_catalog.int8, job pg_catalog.int8, state pg_catalog.text) ON COMMIT DROP;" } qw(job_data job_state_data job_run_data job_attempt_data worker_data));
my $exercise = q{SELECT aipipe.job_create('trapped', 'SELECT 1', 'every 1 hour', params => '{"retries": 0, "keep": "0"}'); SELECT aipipe.job_alter('trapped', params => '{"priority": 5}', new_name => 'trapped again');
	SELECT aipipe.job_pause('trapped again'); SELECT aipipe.job_resume('trapped again'); SELECT aipipe.job_run_now('trapped again') AS run \gset
	SELECT aipipe.job_wait(:run); SELECT aipipe.job_cancel(:run); TABLE aipipe.job; TABLE aipipe.job_run; TABLE aipipe.job_attempt; TABLE aipipe.job_status; SELECT * FROM aipipe.worker_status();
	SELECT aipipe.job_schedule_next('0 3 * * *'); SELECT aipipe.worker_retention('{"batches": "1 day"}'); SELECT aipipe.job_current_run();
	SELECT aipipe.job_run_now('trapped again') AS run \gset
	SELECT aipipe.job_cancel(:run); SELECT aipipe.job_drop('trapped again', true); SELECT aipipe.job_drop('no such job')};
attack('without a plant, all of that works', $exercise, code => '42704');
run_as('mallory', $evil_traps);
attack('operators, functions and types on the search_path', "SET search_path = evil, pg_temp, pg_catalog; $exercise", code => '42704');
attack('the same in pg_temp', "CREATE TEMP TABLE t (); $temp_traps SET search_path = pg_temp, pg_catalog; $exercise", code => '42704');
attack_by_job('a job whose session is full of them', "SET search_path = evil, pg_temp, pg_catalog; CREATE TEMP TABLE t (); $temp_traps $trap_tables SET search_path = pg_temp, evil, pg_catalog;"
	  . q{INSERT INTO evil.seen VALUES ('ran')}, 'succeeded', seen => 'ran', params => '{"settings": {"search_path": "evil, pg_temp, pg_catalog", "plan_cache_mode": "force_generic_plan"}}');
attack_by_job('and one that fails', "CREATE TEMP TABLE t (); $temp_traps SET search_path = pg_temp, evil, pg_catalog; SELECT 1 OPERATOR(pg_catalog./) 0", 'failed');
run_as('mallory', q{ALTER DATABASE shop SET search_path = evil, pg_temp, pg_catalog; ALTER DATABASE shop SET role = 'mallory';
	ALTER DATABASE shop SET default_transaction_isolation = 'serializable'; ALTER DATABASE shop SET lock_timeout = 1;
	ALTER DATABASE shop SET session_authorization = 'mallory'; ALTER DATABASE shop SET transform_null_equals = on; ALTER DATABASE shop SET standard_conforming_strings = off});
my $before = scheduler_pid($node, $db);
kill 'TERM', $before;
ok(has_scheduler($node, $db, $before), "a scheduler begins under the settings of the database's owner");
attack('settings of the database, for the scheduler and every job', 'SELECT 1', victim => [ 'alice', q{SELECT aipipe.job_run_now('ledger')} ], settle => 1, code => '',
	state => [ q{SELECT count(*), min(state) FROM aipipe.job_run_data WHERE job_name = 'ledger'}, '3|succeeded' ]);
run_as('mallory', 'ALTER DATABASE shop RESET ALL');
kill 'TERM', scheduler_pid($node, $db);

# --- Other roles than her own, from inside of a job.
attack_by_job('SET ROLE', q{SELECT evil.try('SET ROLE alice'), evil.try(format('SET ROLE %I', rolname)) FROM pg_roles WHERE rolsuper; SELECT evil.spy('role')}, 'succeeded', seen => '42501');
attack_by_job('SET SESSION AUTHORIZATION', q{SELECT evil.try('SET SESSION AUTHORIZATION alice'), evil.try(format('SET SESSION AUTHORIZATION %I', rolname)) FROM pg_roles WHERE rolsuper; SELECT evil.spy('authorization')}, 'succeeded', seen => '42501');
attack_by_job('going back to whom the session was before', q{RESET ROLE; RESET SESSION AUTHORIZATION; SET SESSION AUTHORIZATION DEFAULT; SET ROLE NONE; SELECT evil.spy('reset'), evil.try('INSERT INTO vault.opened VALUES (''job'')')}, 'succeeded', seen => '42501');
attack_by_job('by set_config()', q{SELECT evil.try('SELECT set_config(''role'', ''alice'', false)'), evil.try('SELECT set_config(''session_authorization'', ''alice'', false)'), evil.try('SELECT set_config(''is_superuser'', ''on'', false)'); SELECT evil.spy('config')},
	'succeeded', seen => '42501 55P02');
attack_by_job('the tables, from inside of a job', join(' ', map { "SELECT evil.try('UPDATE aipipe.$_ SET $column{$_} = NULL'), evil.try('DELETE FROM aipipe.$_'), evil.try('LOCK TABLE aipipe.$_');" } sort keys %column),
	'succeeded', seen => '42501');
attack_by_job("others' jobs, from inside of a job", qq{SELECT evil.try('SELECT aipipe.job_alter(''audit'', ''SELECT 1'')'), evil.try('SELECT aipipe.job_cancel($ledger_run)'), evil.try('SELECT aipipe.worker_stop()')}, 'succeeded', seen => '42501');
attack("a job's settings: $_->[0]", qq{SELECT aipipe.job_create('settings', 'SELECT evil.spy(''settings'')', params => jsonb_build_object('settings', jsonb_build_object('$_->[0]', '$_->[1]')))}, code => $_->[2],
	state => [ q{SELECT count(*) FROM aipipe.job_data WHERE name = 'settings'}, 0 ])
  foreach ([ 'role', 'alice', '22023' ], [ 'RoLe', 'alice', '22023' ], [ 'session_authorization', 'alice', '22023' ], [ 'SESSION_AUTHORIZATION', 'alice', '22023' ], [ 'is_superuser', 'on', '22023' ],
	[ 'session_replication_role', 'replica', '42501' ], [ 'session_preload_libraries', 'evil', '42501' ], [ 'log_statement', 'all', '42501' ], [ 'allow_system_table_mods', 'on', '42501' ],
	[ 'aipipe.worker_role', 'mallory', '55P02' ], [ 'aipipe.worker_time_shift', '3600', '55P02' ], [ 'role; SET x', 'alice', '42704' ], [ ' role', 'alice', '42704' ]);
run_as('mallory', q{ALTER ROLE mallory SET role = 'alice'; ALTER ROLE mallory SET search_path = evil; ALTER ROLE mallory IN DATABASE shop SET lock_timeout = 1});
attack_by_job('settings of her role', q{SELECT evil.spy('settings of the role'), evil.try('SET ROLE alice')}, 'succeeded', seen => '42501');
run_as('mallory', q{ALTER ROLE mallory RESET ALL; ALTER ROLE mallory IN DATABASE shop RESET ALL});
is(admin('SELECT count(*) FROM vault.opened'), '1', 'nobody else has opened the vault');

# --- Jobs that are made where somebody else's rights are near.
run_as('mallory', q{CREATE FUNCTION evil.plants(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
		PERFORM evil.spy_here('index'), evil.try('SELECT aipipe.job_create(''planted'', ''SELECT evil.spy(planted)'')'), evil.try('SELECT aipipe.job_run_now(''gift'')'), evil.try('SELECT aipipe.job_alter(''gift'')'),
			evil.try('SELECT aipipe.model_train_async(''planted'', ''regression'', ''evil.seen'', ''s'')');
		RETURN $1;
	END $$;
	CREATE TABLE evil.indexed (a int); INSERT INTO evil.indexed VALUES (1); CREATE INDEX plants ON evil.indexed (evil.plants(a));
	CREATE MATERIALIZED VIEW evil.stored AS SELECT evil.plants(a) FROM evil.indexed WITH NO DATA});
attack('maintenance by a superuser of what is hers', q{TRUNCATE evil.seen}, code => '', settle => 1,
	victim => [ $dba, q{REINDEX TABLE evil.indexed; ANALYZE evil.indexed; REFRESH MATERIALIZED VIEW evil.stored; VACUUM FULL evil.indexed; CLUSTER evil.indexed USING plants} ],
	state => [ q{SELECT string_agg(DISTINCT s, ' '), count(*) >= 16, (SELECT count(*) FROM aipipe.job_data WHERE name ~ 'planted') FROM evil.seen}, '42501|t|0' ]);
run_as('alice', q{CREATE FUNCTION home.make_job(name text, command text) RETURNS int8 LANGUAGE sql SECURITY DEFINER AS 'SELECT aipipe.job_create(name, command)'});
attack("a job of a SECURITY DEFINER function is its owner's", q{SELECT home.make_job('made', 'INSERT INTO home.told SELECT current_user'); SELECT aipipe.job_alter('made', 'SELECT evil.spy(''made'')')}, code => '42501',
	state => [ q{SELECT owner FROM aipipe.job_data WHERE name = 'made'}, 'alice' ]);

# --- A job's function, by whatever else has its name.
run_as('carol', q{CREATE FUNCTION shared.sum_up() RETURNS int LANGUAGE sql AS 'SELECT 7'; CREATE FUNCTION shared.load(jsonb) RETURNS int LANGUAGE sql AS 'SELECT 8'; CREATE FUNCTION shared.kept(jsonb) RETURNS int LANGUAGE sql AS 'SELECT 9'});
run_as('alice', q{CREATE SCHEMA etl; CREATE FUNCTION etl.fetch() RETURNS int LANGUAGE sql AS 'SELECT 9'}) if admin('GRANT CREATE ON DATABASE shop TO alice; SELECT 1');
my $calls = join(' ', map { "SELECT aipipe.job_create('%1\$s $_', function => '$_', params => '{\"retries\": 0}');" } 'shared.sum_up()', 'shared.load(jsonb)', 'shared.kept(jsonb)', 'etl.fetch()');
my $call_again = q{SELECT aipipe.job_run_now(name) FROM aipipe.job WHERE name ~ '^%1$s .*\)$'};
run_as($_->[0], sprintf("$calls $call_again", $_->[1])) foreach ([ $dba, 'dba' ], [ 'alice', 'alice' ]);
settle();
is(admin(q{SELECT string_agg(DISTINCT rows::text, ' ' ORDER BY rows::text) || ' ' || count(*) FROM aipipe.job_run_data WHERE job_name ~ '\)$' AND state = 'succeeded'}), '7 8 9 8', 'functions of others are called');
attack("a function that is not hers", q{CREATE OR REPLACE FUNCTION shared.sum_up() RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''replaced'')::int'; ALTER FUNCTION shared.sum_up() OWNER TO mallory; ALTER FUNCTION shared.sum_up() SET search_path = evil}, code => '42501');
run_as('carol', q{DROP FUNCTION shared.sum_up(); DROP FUNCTION shared.load(jsonb)});
run_as('alice', 'DROP SCHEMA etl CASCADE');
foreach my $victim ([ $dba, 'dba' ], [ 'alice', 'alice' ])
{
	attack("functions that were dropped and come again as hers, and overloads of one that was not: $victim->[1]", q{
		CREATE SCHEMA etl; GRANT USAGE ON SCHEMA etl TO PUBLIC; CREATE FUNCTION etl.fetch() RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''schema'')::int'; CREATE FUNCTION shared.sum_up() RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''function'')::int';
		CREATE PROCEDURE shared.load(jsonb) LANGUAGE sql AS 'SELECT evil.spy(''procedure'')'; CREATE FUNCTION shared.kept(json) RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''json'')::int'; CREATE FUNCTION shared.kept(text) RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''text'')::int';
		CREATE FUNCTION shared.kept(VARIADIC jsonb[]) RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''variadic'')::int';
		CREATE FUNCTION shared.kept(anyelement) RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''any'')::int';},
		victim => [ $victim->[0], sprintf($call_again, $victim->[1]) ], settle => 1, code => '',
		state => [ qq{SELECT string_agg(concat_ws(' ', a.state, a.sqlstate), ', ' ORDER BY j.name COLLATE "C") FROM aipipe.job_data j, LATERAL (SELECT * FROM aipipe.job_attempt_data WHERE job = j.id ORDER BY id DESC LIMIT 1) a WHERE j.name ~ '^$victim->[1] '},
			'failed 42501, succeeded, failed 42501, failed 42501' ]);
}
attack('an overload with a default', q{CREATE FUNCTION shared.kept(jsonb, int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT evil.spy(''default'')::int'}, code => '', settle => 1,
	victim => [ 'alice', q{SELECT aipipe.job_run_now('alice shared.kept(jsonb)')} ], state => [ q{SELECT sqlstate FROM aipipe.job_attempt_data WHERE owner = 'alice'::regrole AND sqlstate IS NOT NULL ORDER BY id DESC LIMIT 1}, '42725' ]);
attack('a job given to another with such a function', 'SELECT 1', victim => [ $dba, q{SELECT aipipe.job_alter('dba etl.fetch()', owner => 'alice')} ], code => '42501');
admin(q{SELECT aipipe.job_drop(name, true) FROM aipipe.job WHERE name ~ '\)$'; REVOKE EXECUTE ON FUNCTION shared.kept(jsonb) FROM PUBLIC});
attack('a function that she may not execute', q{SELECT aipipe.job_create('not hers', function => 'shared.kept(jsonb)')}, code => '42501');
attack('a trigger function, an aggregate, and a C function of the library', q{CREATE FUNCTION evil.c(jsonb) RETURNS int LANGUAGE c AS '$libdir/aipipe', 'aipipe_job_create'; SELECT aipipe.job_create('x', function => 'evil.spy_trigger()'); SELECT aipipe.job_create('x', function => 'pg_catalog.jsonb_in(cstring)'); SELECT aipipe.job_create('x', function => 'pg_catalog.count()')}, code => '42809');

# --- Rows that land.
my $landed_job = admin(q{SELECT id FROM aipipe.job_data WHERE name = 'landed'});
my $told = q{SELECT count(*) FROM home.told WHERE what = 'landed'};
attack("a trigger that names another's job", qq{CREATE TABLE evil.own (id int); CREATE TRIGGER zz_aipipe_job_$landed_job BEFORE INSERT ON evil.own FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('$landed_job'); INSERT INTO evil.own VALUES (1)},
	code => '', settle => 1, state => [ "$told UNION ALL SELECT count(*) FROM aipipe.job_event_data", "0\n0" ]);
attack('a table under the name of the one that is waited for', qq{ALTER TABLE evil.own RENAME TO land; CREATE TABLE public.land (id int); CREATE TRIGGER zz_aipipe_job_$landed_job BEFORE INSERT ON public.land FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('$landed_job');
	INSERT INTO public.land VALUES (1); INSERT INTO evil.land VALUES (1)}, code => '', settle => 1, state => [ $told, 0 ]);
attack('what job_landed() was never meant for', q{CREATE TABLE evil.odd (id int); CREATE TRIGGER t AFTER INSERT ON evil.odd FOR EACH STATEMENT EXECUTE FUNCTION aipipe.job_landed('1'); INSERT INTO evil.odd VALUES (1)}, code => '39P01');
attack('a trigger without the number of a job', q{CREATE TABLE evil.odd2 (id int); CREATE TRIGGER t BEFORE INSERT ON evil.odd2 FOR EACH ROW EXECUTE FUNCTION aipipe.job_landed('1; SELECT evil.spy()'); INSERT INTO evil.odd2 VALUES (1)}, code => '22P02');
attack('waiting for rows of a table without TRIGGER', q{SELECT aipipe.job_create('waits', 'SELECT 1', 'on home.land')}, code => '42501');
admin('GRANT INSERT, TRIGGER ON home.land TO mallory');
attack('a trigger of hers on the table that is waited for fires as who inserts', q{CREATE TRIGGER a BEFORE INSERT ON home.land FOR EACH ROW EXECUTE FUNCTION evil.spy_trigger(); INSERT INTO home.land VALUES (1)}, code => '', settle => 1, state => [ $told, 1 ]);
admin('DROP TRIGGER a ON home.land; REVOKE ALL ON home.land FROM mallory');
my $holder = session_start($node, $db, user => 'mallory');
session_run($holder, 'BEGIN; LOCK TABLE evil.land, public.land;');
attack("a table of hers in the way of another's job", q{SELECT 1}, victim => [ 'alice', q{SET statement_timeout = '60 s'; SELECT aipipe.job_alter('landed', schedule => ''); SELECT aipipe.job_drop('landed')} ], code => '',
	state => [ q{SELECT string_agg(tgrelid::regclass::text, ' ' ORDER BY tgrelid::regclass::text) FROM pg_trigger WHERE tgname ~ '^zz_aipipe_job_'}, 'evil.land land' ]);
session_run($holder, 'ROLLBACK;');
session_end($holder);

# --- What others see.
run_as('alice', q{SELECT aipipe.job_create('quiet', $c$SELECT pg_sleep(600), 's3cret'$c$, params => '{"settings": {"my.s3cret": "s3cret"}}'); SELECT aipipe.job_run_now('quiet'); });
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'alice' AND query ~ 's3cret')}), 'a job of alice runs');
unlike(attack('what she sees of it', q{TABLE aipipe.job; TABLE aipipe.job_run; TABLE aipipe.job_attempt; TABLE aipipe.job_status; SELECT * FROM aipipe.worker_status(); SELECT query, application_name FROM pg_stat_activity; TABLE aipipe.progress;
	SELECT * FROM pg_stats WHERE schemaname = 'aipipe'; SELECT aipipe.job_pause('quietly')}, code => '42704'), qr/\bquiet\b/, 'nothing');
unlike(attack('a leaky function against the views', q{CREATE FUNCTION evil.leak(anyelement) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'leaked %', $1; RETURN true; END $$;
	SELECT count(*) FROM aipipe.job WHERE evil.leak(command); SELECT count(*) FROM aipipe.job WHERE evil.leak(settings); SELECT count(*) FROM aipipe.job_run WHERE evil.leak(job_name);
	SELECT count(*) FROM aipipe.job_attempt WHERE evil.leak(pid); SELECT count(*) FROM aipipe.job_status WHERE evil.leak(name)}, code => ''), qr/\bquiet\b/, 'she does not even learn its name');
my $hidden = admin(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'alice' AND query ~ 's3cret'});
attack("signals to another's attempt", "SELECT pg_terminate_backend($hidden)", code => '42501');
my ($heard) = run_as('mallory', q{LISTEN aipipe_job; SELECT pg_sleep(2); SELECT 1});
like($heard, qr/notification "aipipe_job" with payload "\{"job": \d+, "run": \d+, "state": "\w+"\}"/, 'a notification has numbers and a state');
unlike($heard, qr/heartbeat|home|s3cret/, 'and nothing else');
run_as('alice', q{SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE job_name = 'quiet'});
settle();

# --- Hostile texts in the hands of others.
my @hostile = (q{'); SELECT evil.spy('quoted'); --}, q{\\'); SELECT evil.spy('escaped'); --}, q{"; SELECT evil.spy('double'); --}, q{$q$ || evil.spy('dollar') || $q$}, q{${evil.spy('x')}}, qq{x', params => (SELECT evil.spy('params')::text)::jsonb, model => 'y});
foreach my $conforming ('on', 'off')
{
	my $texts = join(', ', map { my $t = $_ =~ s/'/''/gr; $t =~ s/\\/\\\\/g; "E'$t'" } @hostile);

	run_as($dba, "ALTER ROLE alice SET standard_conforming_strings = $conforming; ALTER ROLE alice SET backslash_quote = on; ALTER ROLE alice SET escape_string_warning = off");
	attack("hostile texts in each argument of model_train_async(), standard_conforming_strings $conforming", 'SELECT 1', settle => 1, victim => [ 'alice', qq{
		SELECT aipipe.model_train_async('$conforming' || t, t, t, t, ARRAY[t, 'x'], t, jsonb_build_object(t, t), '{"retries": 0}') FROM unnest(ARRAY[$texts]) t} ], code => '',
		state => [ qq{SELECT count(*), count(DISTINCT r.state), max(r.state) FROM aipipe.job_run_data r WHERE r.job_name ~ '^train $conforming'}, '6|1|failed' ]);
}
run_as($dba, 'ALTER ROLE alice RESET ALL');
attack('hostile names from end to end', q{SELECT aipipe.job_create(n, 'SELECT evil.spy(''name'')', 'on ' || t, params => '{"retries": 0}') FROM (VALUES ($n$"; DROP TABLE home.beat; --$n$, 'evil."a""; DROP TABLE home.beat; --"')) v(n, t)}, code => '42P01');
attack('and with such a table', q{CREATE TABLE evil."a""; DROP TABLE home.beat; --" (id int); CREATE FUNCTION evil."f""; DROP TABLE home.beat; --"(jsonb) RETURNS bool LANGUAGE sql AS 'SELECT evil.spy(''f'')';
	SELECT aipipe.job_create($n$'"; DROP TABLE home.beat; --$n$, schedule => 'on evil."a""; DROP TABLE home.beat; --"', function => 'evil."f""; DROP TABLE home.beat; --"(jsonb)', params => $p${"event_wait": "0", "arguments": {"'); --": "'); DROP TABLE home.beat"}, "timezone": "UTC"}$p$);
	INSERT INTO evil."a""; DROP TABLE home.beat; --" VALUES (1)}, code => '', settle => 1, state => [ q{SELECT count(*) FROM aipipe.job_run_data WHERE job_name ~ 'DROP' AND state = 'succeeded' AND cause = 'event'}, 1 ]);
attack("a time zone, a schedule: $_", "SELECT aipipe.job_create('hostile', 'SELECT 1', $_)", code => '22023') foreach (q{'0 3 * * *; SELECT 1'}, q{'every 1 hour; SELECT evil.spy()'}, q{'0 3 * * *', params => '{"timezone": "../../../etc/passwd"}'});

# --- A job against its own bookkeeping: it may fail, and say so, but it cannot succeed without having done it, nor twice.
run_as('mallory', q{CREATE TABLE evil.deferred (a int); CREATE FUNCTION evil.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM evil.spy('late'), evil.try('UPDATE aipipe.job_run_data SET state = state'), evil.try('SET ROLE alice'); IF NEW.a < 0 THEN RAISE 'too late'; END IF; RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON evil.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.late();
	CREATE PROCEDURE evil.back() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.seen VALUES ('lost'); ROLLBACK; INSERT INTO evil.seen VALUES ('kept'); COMMIT; INSERT INTO evil.seen VALUES ('lost'); ROLLBACK; END $$});
attack_by_job('a deferred trigger, after the success was written', 'INSERT INTO evil.deferred VALUES (1)', 'succeeded', seen => '42501');
attack_by_job('one that fails then', q{INSERT INTO evil.seen VALUES ('lost'); INSERT INTO evil.deferred VALUES (-1)}, 'failed', seen => '');
attack_by_job('a procedure that rolls back', 'CALL evil.back()', 'succeeded', seen => 'kept');
attack_by_job('the end of the transaction, in every way', $_, 'failed', seen => '')
  foreach (q{INSERT INTO evil.seen VALUES ('lost'); DO 'BEGIN COMMIT; END'}, q{INSERT INTO evil.seen VALUES ('lost'); DO 'BEGIN ROLLBACK; END'}, q{INSERT INTO evil.seen VALUES ('lost'); DO $$ BEGIN EXECUTE 'COMMIT'; END $$},
	q{INSERT INTO evil.seen VALUES ('lost'); DO $$ BEGIN EXECUTE 'PREPARE TRANSACTION ''x'''; END $$}, q{INSERT INTO evil.seen VALUES ('lost'); CALL evil.back()},
	q{INSERT INTO evil.seen VALUES ('lost'); DO $$ BEGIN RAISE query_canceled; END $$}, q{INSERT INTO evil.seen VALUES ('lost'); SELECT pg_terminate_backend(pg_backend_pid())}, q{INSERT INTO evil.seen VALUES ('lost'); VACUUM evil.seen});
attack("transaction control in a command: $_", "SELECT aipipe.job_create('control', '$_')", code => '0A000') foreach ('COMMIT', 'ROLLBACK', 'SAVEPOINT a', q{PREPARE TRANSACTION ''x''}, q{COMMIT PREPARED ''x''}, 'BEGIN', 'LISTEN aipipe_job');
attack_by_job("the session's state: $_", qq{$_}, 'succeeded')
  foreach ('DISCARD ALL', 'SELECT pg_advisory_unlock_all(); CLOSE ALL; DEALLOCATE ALL; DISCARD PLANS', q{SET lock_timeout = 1; SET statement_timeout = 1; SET idle_in_transaction_session_timeout = 1; SET enable_indexscan = off; SET enable_seqscan = off},
	'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE; SELECT 1', q{NOTIFY aipipe_job, '{"job": 1, "run": 1, "state": "succeeded"}'; SELECT pg_notify('aipipe_job', repeat('x', 7000) || i) FROM generate_series(1, 200) i},
	'SELECT lo_create(0); SELECT pg_advisory_xact_lock(1); SET CONSTRAINTS ALL IMMEDIATE');

# A run that somebody else has ended publishes nothing, whatever its transaction has become meanwhile.
foreach my $last ('SELECT 1', 'SET TRANSACTION READ ONLY', 'SELECT pg_advisory_unlock_all()')
{
	run_as('mallory', qq{TRUNCATE evil.seen; SELECT aipipe.job_create('late $serial', \$c\$INSERT INTO evil.seen VALUES ('twice'); SELECT pg_sleep(3); $last\$c\$, params => '{"retries": 0}'); SELECT aipipe.job_run_now('late $serial')});
	ok(wait_until($node, $db, qq{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'mallory' AND wait_event = 'PgSleep')}), 'a job publishes slowly');
	admin(qq{UPDATE aipipe.job_attempt_data a SET state = 'crashed' FROM aipipe.job_run_data r WHERE r.id = a.run AND r.job_name = 'late $serial'; UPDATE aipipe.job_run_data SET state = 'failed' WHERE job_name = 'late $serial'});
	ok(wait_until($node, $db, qq{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'mallory')}), 'and comes to an end');
	is(admin('SELECT count(*) FROM evil.seen'), '0', "it has published nothing: $last");
	$attacks++;
	$serial++;
}

# --- Standing in everybody's way: what an owner can hold as long as she likes, the scheduler does not wait for.
sub beats
{
	my ($name) = @_;
	my $last = admin('SELECT coalesce(max(at), now()) FROM home.beat');

	$attacks++;
	ok(wait_until($node, $db, "SELECT count(*) >= 2 FROM home.beat WHERE at > '$last'"), "alice's job goes on: $name") or diag(admin(q{SELECT pid, backend_type, usename, wait_event_type, wait_event, pg_blocking_pids(pid), left(query, 60) FROM pg_stat_activity WHERE backend_type ~ 'aipipe' OR usename = 'mallory'}));
	return;
}
my @holders;

# Keeps a transaction of mallory's open after these statements.
sub hold
{
	my ($sql, %option) = @_;
	my $session = session_start($node, $db, user => 'mallory');
	my ($out, $err) = session_run($session, "BEGIN;\n$sql", wait => $option{wait});

	push @holders, $session;
	diag("$out$err") if defined $err && $err =~ /ERROR/;
	return $out;
}

my $kill = q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'mallory'};

# Waits for so many attempts of mallory's that sleep.
sub sleeping
{
	my ($count, $name) = @_;

	ok(wait_until($node, $db, "SELECT count(*) = $count FROM pg_stat_activity WHERE backend_type = 'aipipe executor' AND usename = 'mallory' AND wait_event = 'PgSleep'"), $name);
	return;
}
my $quick = q{params => '{"retries": 0, "keep": "0", "priority": 100}'};
run_as('mallory', qq{SELECT aipipe.job_create('kept ' || i, 'SELECT pg_sleep(600)', $quick) FROM generate_series(1, 4) i; SELECT aipipe.job_create('old', 'SELECT 1', $quick); SELECT aipipe.job_run_now('old');
	CREATE TABLE evil.slow (a int); CREATE FUNCTION evil.sleep() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END \$\$;
	CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON evil.slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.sleep();
	CREATE TABLE evil.flood (id int); SELECT aipipe.job_create('flood', 'SELECT 1', 'on evil.flood', params => '{"event_rows": 1000, "event_wait": "3 s"}')});
settle();
beats('before');
hold('ALTER FUNCTION evil.spy(text) DEPENDS ON EXTENSION aipipe;');
beats('a lock on the extension, which everybody may take');
session_run($holders[-1], 'ROLLBACK;');
run_as('mallory', q{SELECT aipipe.job_alter('kept 1', params => '{"keep": "1 hour"}'); SELECT aipipe.job_run_now('kept 1')});
sleeping(1, 'a job of hers holds the extension');
hold('DROP EXTENSION aipipe;', wait => 0);
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM pg_locks WHERE classid = 'pg_extension'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)}), 'she waits for it');
beats('a DROP EXTENSION that waits, and will be refused');
hold(q{SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE job_name = 'kept 1';});
run_as('mallory', $kill);
beats('an attempt that she kills while she holds its run');
run_as('mallory', q{SELECT aipipe.model_train_async('once', 'regression', 'SELECT pg_sleep(600), 1 AS y', 'y', job_params => '{"retries": 0}')});
sleeping(1, 'a job that runs once');
hold(q{SELECT aipipe.job_pause('train once');});
run_as('mallory', $kill);
beats('and one that goes with its run, while she holds the job');
run_as('mallory', 'INSERT INTO evil.flood VALUES (1)');
hold(q{SELECT aipipe.job_drop('flood');});
sleep 4;
beats('rows that have landed for a job that she is about to drop');
run_as('mallory', q{SELECT aipipe.job_run_now('kept ' || i) FROM generate_series(2, 4) i});
sleeping(3, 'as many jobs of hers as may run at one time');
run_as('mallory', q{SELECT aipipe.job_run_now('kept ' || i) FROM generate_series(2, 4) i});
hold(q{SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE job_name ~ '^kept [234]' AND state = 'queued';});
run_as('mallory', $kill);
beats('runs that wait first in the queue, and that she holds');
run_as('mallory', q{BEGIN; ALTER FUNCTION evil.spy(text) DEPENDS ON EXTENSION aipipe; PREPARE TRANSACTION 'held'});
beats('a prepared transaction that locks the extension');
run_as('mallory', q{SELECT aipipe.job_create('slow', 'INSERT INTO evil.slow VALUES (1)', params => '{"retries": 0, "settings": {"default_transaction_isolation": "serializable"}}'); SELECT aipipe.job_run_now('slow')});
sleeping(1, 'a serializable job whose success is written and that does not come to its end');
is(admin(q{SELECT aipipe.job_create('strict', 'SELECT 1', params => '{"settings": {"default_transaction_isolation": "serializable"}}') > 0 AS created \gset
	SELECT aipipe.job_run_now('strict') AS run \gset
	SELECT aipipe.job_wait(:run, '60 s')}), 'succeeded', 'keeps no other from its own');
beats('nor any that is not serializable');
run_as('mallory', $kill);
hold(q{SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE job_name = 'old';});
$before = scheduler_pid($node, $db);
kill 'TERM', $before;
ok(has_scheduler($node, $db, $before), 'a new scheduler comes');
beats('old runs that she holds while they are to be deleted, and all of that together');
session_end($_) foreach @holders;
run_as('mallory', q{ROLLBACK PREPARED 'held'; SELECT aipipe.job_cancel(id) FROM aipipe.job_run WHERE state IN ('queued', 'starting', 'running')});
ok(wait_until($node, $db, q{SELECT EXISTS (SELECT FROM aipipe.job_attempt_data a JOIN aipipe.job_run_data r ON r.id = a.run WHERE r.job_name = 'kept 1' AND a.state = 'crashed')}), 'when she lets go, what she killed is recorded as crashed');
settle();

# --- To the end.
cmp_ok($attacks, '>=', 120, "$attacks attacks");
is(admin(q{SELECT string_agg(DISTINCT a.owner::text, ' ') FROM aipipe.job_attempt_data a WHERE a.owner IS DISTINCT FROM (SELECT r.owner FROM aipipe.job_run_data r WHERE r.id = a.run)}), '', 'every attempt was of the owner of its run');
is(admin('SELECT count(*) FROM vault.opened'), '1', 'and the vault was opened by the administrator alone');
is(scalar(() = slurp_file($node->logfile) =~ /LOG:  CANARY/g), 0, 'no canary has sung');
$node->stop;

done_testing();
