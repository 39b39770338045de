# Attacks by a role that may log in and create objects, and nothing else.  Planted code tells the server's log
# when it runs with rights other than the planter's: the canary, which no ROLLBACK takes back.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = make_node('escalation');
my $stump = q{'{"n_estimators": 1, "learning_rate": 1, "lambda": 0, "max_depth": 1, "holdout": 0}'};
my $attacks = 0;

# Runs statements as a role and gives output and errors.
sub run_as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 0,
		extra_params => [ '-U', $role ]);

	return ($out, $err);
}

# One attack: the planter's statements, then (option victim) another role's.  Fails when the canary sang, when the
# last statement's error is not the one expected (option code; '' for none), or when a secret was shown.
sub attack
{
	my ($name, $sql, %option) = @_;
	my $offset = -s $node->logfile;
	my ($out, $err) = run_as($option{as} // 'mallory', $sql);
	my ($other, $trouble) = $option{victim} ? run_as($option{victim}[0], $option{victim}[1]) : ('', '');
	my @canaries = slurp_file($node->logfile, $offset) =~ /CANARY [^\n]*/g;
	my @codes = (($option{victim} ? $trouble : $err) =~ /ERROR:  (\w{5}):/g);
	my $problems = '';

	$attacks++;
	$problems .= "canary: @canaries\n" if @canaries;
	$problems .= "error $codes[-1], expected $option{code}\n" if defined $option{code} && @codes && $codes[-1] ne $option{code};
	$problems .= "no error, expected $option{code}\n" if $option{code} && !@codes;
	$problems .= "a secret was shown\n" if "$out$err" =~ /s3cret/;
	if ($option{state})
	{
		my $state = $node->safe_psql('postgres', $option{state}[0]);

		$problems .= "state is $state, expected $option{state}[1]\n" if $state ne $option{state}[1];
	}
	ok($problems eq '', $name) or diag("$problems$out\n$err\n$other\n$trouble");
	return $out;
}

# The victims: a superuser and alice, each with a model and a gate; carol may load alice's tables, and is nothing else.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION aipipe;
	CREATE ROLE alice LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE "Alice" LOGIN; CREATE ROLE carol LOGIN; CREATE ROLE bob LOGIN;
	CREATE SCHEMA shared; CREATE SCHEMA evil AUTHORIZATION mallory; CREATE SCHEMA home AUTHORIZATION alice;
	GRANT ALL ON SCHEMA shared TO PUBLIC; GRANT CREATE ON DATABASE postgres TO mallory;
	GRANT USAGE ON SCHEMA evil, home TO PUBLIC;
	CREATE TABLE shared.history AS SELECT i AS id, i * 10.0::float8 AS amount, (i > 100)::int::float8 AS bad FROM generate_series(1, 200) i;
	GRANT SELECT ON shared.history TO PUBLIC;
	SELECT aipipe.model_train('dba_size', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump);
	CREATE TABLE shared.dba_land (id int PRIMARY KEY, amount float8);
	SELECT aipipe.gate_create('shared.dba_land', 'dba_size', threshold => 0.5);

	SET SESSION AUTHORIZATION mallory;
	CREATE FUNCTION evil.spy(what text) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN
		IF current_user <> 'mallory' THEN RAISE LOG 'CANARY % as %', what, current_user; END IF;
		RETURN true;
	END \$\$;
	CREATE FUNCTION evil.spy_trigger() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		PERFORM evil.spy(TG_NAME);
		RETURN COALESCE(NEW, OLD);
	END \$\$;
	SELECT aipipe.model_train('own_size', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump);

	SET SESSION AUTHORIZATION alice;
	CREATE TABLE home.history AS SELECT id, amount, bad, 's3cret'::text AS note FROM shared.history;
	SELECT aipipe.model_train('size', 'regression', 'home.history', 'bad', features => ARRAY['amount'], params => $stump);
	SELECT aipipe.model_train('size', 'regression', 'home.history', 'bad', features => ARRAY['amount'], params => $stump);
	CREATE TABLE home.land (id int PRIMARY KEY, amount float8, note text, score float8);
	CREATE TABLE home.bulk (id int PRIMARY KEY, amount float8);
	SELECT aipipe.gate_create('home.land', 'size', threshold => 0.5);
	SELECT aipipe.gate_create('home.bulk', 'size', 'statement', threshold => 0.5);
	INSERT INTO home.land VALUES (1, 10, 's3cret'), (2, 5000, 's3cret');
	INSERT INTO home.bulk VALUES (1, 10), (2, 5000);
	GRANT INSERT ON home.land, home.bulk TO carol, mallory;
	GRANT TRIGGER ON home.bulk TO mallory;
});
my ($dba_gate, $land_gate, $bulk_gate) =
  split /\n/, $node->safe_psql('postgres', 'SELECT id FROM aipipe.gate ORDER BY id');
my $land_row = $node->safe_psql('postgres', "SELECT id FROM aipipe.quarantine WHERE gate = $land_gate");
my $held = "SELECT count(*) FROM aipipe.quarantine WHERE gate IN ($dba_gate, $land_gate, $bulk_gate)";
my $before = $node->safe_psql('postgres', $held);

# Everything that an ordinary role can have aipipe's C code do, so that each of its statements runs as the tables' owner.
my $serial = 0;

sub exercise
{
	my $t = 'shared.own' . ++$serial;

	return qq{
	CREATE TABLE $t (id pg_catalog.int4 PRIMARY KEY, amount pg_catalog.float8);
	SELECT aipipe.model_train('m$serial', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump);
	SELECT aipipe.model_train('m$serial', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump);
	SELECT aipipe.model_promote('m$serial', 2); SELECT aipipe.model_rollback('m$serial');
	SELECT aipipe.model_alias('m$serial', 'mine', 2); SELECT aipipe.model_alias('m$serial', 'mine', NULL);
	SELECT aipipe.model_grant('m$serial', 'bob'); SELECT aipipe.model_revoke('m$serial', 'bob');
	SELECT aipipe.model_predict('m$serial', h) FROM shared.history h LIMIT 1;
	SELECT aipipe.model_evaluate('m$serial', 'shared.history'); SELECT aipipe.model_export('m$serial');
	SELECT aipipe.model_describe('m$serial', '{"overview": "o", "users": ["u"]}'); SELECT aipipe.model_card_markdown('m$serial');
	SELECT aipipe.model_test('m$serial', 'shared.history', 2, test => 'paired_t'); SELECT aipipe.model_label('m$serial', '1', '1');
	SELECT aipipe.model_label('m$serial', 'shared.history', 'id', 'bad'); SELECT aipipe.model_alias('m$serial', 'challenger', 2);
	SELECT aipipe.model_split('m$serial', 2, 0.5);
	SELECT * FROM aipipe.model_cache(); SELECT aipipe.model_predict('no such model', h) FROM shared.history h LIMIT 1;
	SELECT aipipe.gate_create('$t', 'm$serial', 'statement', threshold => 0.5, params => '{"update": true}');
	INSERT INTO $t VALUES (1, 10), (2, 5000);
	SELECT aipipe.gate_pause('$t'); SELECT aipipe.gate_resume('$t');
	SELECT aipipe.quarantine_release(min(id), '{"amount": 1}') FROM aipipe.quarantine;
	INSERT INTO $t VALUES (3, 5000); SELECT aipipe.quarantine_discard(max(id)) FROM aipipe.quarantine;
	SELECT FROM aipipe.gate; SELECT FROM aipipe.batch; SELECT FROM aipipe.decision; SELECT FROM aipipe.model_version;
	SELECT FROM aipipe.model_feature; SELECT FROM aipipe.model_alias; SELECT FROM aipipe.model_alias_history; SELECT FROM aipipe.model_grants;
	SELECT FROM aipipe.model_compare('m$serial'); SELECT FROM aipipe.prediction; SELECT aipipe.prediction_prune('m$serial', '2000-01-01');
	ALTER TABLE $t ADD p pg_catalog.float8; CALL aipipe.model_apply('m$serial', '$t', 'p', batch_size => 1);
	SELECT FROM aipipe.model_applies; SELECT FROM aipipe.model_labels; SELECT FROM aipipe.model_split; SELECT FROM aipipe.model_trial; SELECT FROM aipipe.progress;
	SELECT aipipe.model_split('m$serial', 2, 0); SELECT aipipe.model_alias('m$serial', 'challenger', NULL);
	SELECT aipipe.model_promote('m$serial', 2, only_if => '{"source": "shared.history", "test": "paired_t"}'); SELECT aipipe.model_rollback('m$serial');
	SELECT aipipe.gate_drop('$t'); SELECT aipipe.model_drop('m$serial', 2); SELECT aipipe.model_drop('m$serial');
	};
}

# --- Names that aipipe's own statements could be made to find.
attack('without a plant, all of that works', exercise(), code => '42704');
foreach my $type (qw(oid int4 int8 text bytea jsonb float8 bool regrole timestamptz))
{
	attack("a domain pg_temp.$type", "CREATE TEMP TABLE t ();
		CREATE DOMAIN pg_temp.$type AS pg_catalog.$type CHECK (evil.spy('domain $type'));" . exercise());
}
foreach my $operator (['=', 'int8'], ['=', 'text'], ['=', 'oid'], ['<>', 'text'], ['&', 'int4'], ['+', 'int4'], ['||', 'bytea'])
{
	my ($name, $type) = @$operator;
	my $result = $name =~ /=|<>/ ? 'bool' : $type;
	my $body = $result eq 'bool' ? "evil.spy('operator $name')" : "CASE WHEN evil.spy('operator $name') THEN \$1 END";

	attack("an operator $name for $type before pg_catalog's", "CREATE FUNCTION evil.f$serial($type, $type) RETURNS $result LANGUAGE sql AS \$\$ SELECT $body \$\$;
		CREATE OPERATOR evil.$name (LEFTARG = $type, RIGHTARG = $type, FUNCTION = evil.f$serial);
		SET search_path = evil, pg_catalog;" . exercise());
}
attack('functions before pg_catalog\'s', q{
	CREATE FUNCTION evil.pg_has_role(oid, text) RETURNS bool LANGUAGE sql AS $$ SELECT evil.spy('pg_has_role') $$;
	CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT CASE WHEN evil.spy('now') THEN pg_catalog.now() END $$;
	CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT CASE WHEN evil.spy('clock_timestamp') THEN pg_catalog.now() END $$;
	CREATE FUNCTION evil.format(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN evil.spy('format') THEN '' END $$;
	CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN evil.spy('encode') THEN '' END $$;
	CREATE FUNCTION evil.length(bytea) RETURNS int LANGUAGE sql AS $$ SELECT CASE WHEN evil.spy('length') THEN 1 END $$;
	SET search_path = evil, pg_catalog;} . exercise());
attack('relations in pg_temp', q{
	CREATE FUNCTION pg_temp.gate_data() RETURNS SETOF int LANGUAGE sql AS $$ SELECT 1 WHERE evil.spy('gate_data') $$;
	CREATE TEMP VIEW gate_data AS SELECT 1 AS id WHERE evil.spy('gate_data view'); CREATE TEMP VIEW model_data AS SELECT 1 AS id WHERE evil.spy('model_data view');
	CREATE TEMP VIEW pg_trigger AS SELECT 1 AS tgrelid WHERE evil.spy('pg_trigger'); SET search_path = pg_temp, evil;} . exercise());
attack('an implicit cast from regrole to an own type', q{
	CREATE DOMAIN evil.role_domain AS pg_catalog.oid CHECK (evil.spy('cast'));
	CREATE CAST (regrole AS evil.role_domain) WITH INOUT AS IMPLICIT;} . exercise());
attack('an overload in schema aipipe', q{CREATE FUNCTION aipipe.model_predict(text, shared.history) RETURNS float8 LANGUAGE sql AS $$ SELECT 1.0 WHERE evil.spy('overload') $$},
	victim => ['alice', q{SELECT aipipe.model_predict('size', h) FROM shared.history h LIMIT 1}]);
attack('an overload and an operator met by a superuser reading the views', 'SELECT 1', victim => ['postgres', q{SET search_path = evil, pg_catalog;
	TABLE aipipe.gate; TABLE aipipe.batch; TABLE aipipe.decision; TABLE aipipe.quarantine; TABLE aipipe.model; TABLE aipipe.model_version; TABLE aipipe.model_grants}]);

# --- Triggers with another's gate.
my $forged = q{CREATE TRIGGER a_spy BEFORE INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION evil.spy_trigger(); GRANT ALL ON %1$s TO PUBLIC;};
my $same = [ $held, $before ];

foreach my $gate ([ 'a superuser\'s', $dba_gate ], [ 'another role\'s', $land_gate ])
{
	my $t = "evil.forged$gate->[1]";

	attack("a trigger of $gate->[0] gate on an own table", "CREATE TABLE $t (id int PRIMARY KEY, amount float8);
		CREATE TRIGGER zz_aipipe_gate_$gate->[1] BEFORE INSERT ON $t FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('$gate->[1]');
		INSERT INTO $t VALUES (1, 5000);", code => '55000', state => $same);
}
attack('statement triggers of another\'s gate', "CREATE TABLE evil.forged_s (id int PRIMARY KEY, amount float8);
	CREATE TRIGGER zz_aipipe_gate_${bulk_gate}_insert AFTER INSERT ON evil.forged_s REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('$bulk_gate');
	INSERT INTO evil.forged_s VALUES (1, 5000);", code => '55000', state => $same);
attack('a partitioned table with another\'s gate, and the event trigger on its partitions', "CREATE TABLE evil.parts (id int, amount float8) PARTITION BY LIST (id);
	CREATE TRIGGER zz_aipipe_gate_$dba_gate BEFORE INSERT ON evil.parts FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('$dba_gate');
	CREATE TRIGGER zz_aipipe_gate_${dba_gate}_open BEFORE INSERT ON evil.parts FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('$dba_gate');
	CREATE TABLE evil.part1 PARTITION OF evil.parts FOR VALUES IN (1); INSERT INTO evil.part1 VALUES (1, 5000);", code => '55000', state => $same);
attack('forged arguments', join('', map {
	"CREATE TABLE evil.args$_->[0] (id int); CREATE TRIGGER t BEFORE INSERT ON evil.args$_->[0] FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger($_->[1]); INSERT INTO evil.args$_->[0] VALUES (1);"
} ([1, ''], [2, q{'1', '2'}], [3, q{'-1'}], [4, q{'99999999999999999999'}], [5, q{'1; DROP TABLE home.land'}])), state => ['SELECT count(*) FROM home.land', 1]);
attack('the gate\'s trigger on a view, on TRUNCATE, after a row', "CREATE TABLE evil.odd (id int, amount float8); CREATE VIEW evil.odd_view AS SELECT * FROM evil.odd;
	CREATE TRIGGER zz_aipipe_gate_$dba_gate INSTEAD OF INSERT ON evil.odd_view FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('$dba_gate');
	INSERT INTO evil.odd_view VALUES (1, 1);
	CREATE TRIGGER a BEFORE TRUNCATE ON evil.odd EXECUTE FUNCTION aipipe.gate_trigger('$dba_gate'); TRUNCATE evil.odd;
	CREATE TRIGGER b AFTER INSERT ON evil.odd FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('$dba_gate'); INSERT INTO evil.odd VALUES (1, 1);",
	code => '39P01', state => $same);

# Names that are free again.  The victim's row is held, the planter takes the name, the victim releases it.
sub taken
{
	my ($name, $how, $gate) = @_;

	attack("the name of a $how table, to take a held row's release", "CREATE TABLE $name (id int PRIMARY KEY, amount float8);" . sprintf($forged, $name) . "
		INSERT INTO $name VALUES (7, 5000);
		CREATE TRIGGER zz_aipipe_gate_$gate BEFORE INSERT ON $name FOR EACH ROW EXECUTE FUNCTION aipipe.gate_trigger('$gate');
		CREATE TRIGGER zz_aipipe_gate_${gate}_open BEFORE INSERT ON $name FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('$gate');",
		victim => ['alice', "SELECT aipipe.quarantine_release(id, '{\"id\": 8}') FROM aipipe.quarantine WHERE gate = $gate AND state = 'held'"]);
	attack("the name of a $how table, to ask its gate's model", "INSERT INTO $name VALUES (9, 5000);",
		code => '55000', state => [ "SELECT count(*) FROM aipipe.quarantine WHERE gate = $gate AND role = 'mallory'", 0 ]);
	return;
}

# Makes a gated table of alice's with a held row, and gives the gate's id.
sub gated
{
	my ($name) = @_;

	return $node->safe_psql('postgres', "SET SESSION AUTHORIZATION alice; CREATE TABLE $name (id int PRIMARY KEY, amount float8);
		SELECT aipipe.gate_create('$name', 'size', threshold => 0.5); INSERT INTO $name VALUES (1, 5000);");
}
my $gate = gated('shared.dropped');
$node->safe_psql('postgres', 'DROP TABLE shared.dropped');
taken('shared.dropped', 'dropped', $gate);
$gate = gated('shared.renamed');
$node->safe_psql('postgres', 'ALTER TABLE shared.renamed RENAME TO renamed2');
taken('shared.renamed', 'renamed', $gate);
attack('the name of a renamed table, to pause its gate', "SELECT aipipe.gate_pause('shared.renamed'); SELECT aipipe.gate_pause(NULL, $gate);", code => '42501');
attack('the name of a renamed table, to drop its gate', "SELECT aipipe.gate_drop('shared.renamed'); SELECT aipipe.gate_drop('shared.renamed', $gate); SELECT aipipe.gate_drop(NULL, $gate);",
	code => '42501', state => [ "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shared.renamed2'::regclass", 3 ]);
is($node->safe_psql('postgres', "SELECT relation, state FROM aipipe.gate WHERE id = $gate"), 'shared.renamed2|active', 'the gate is shown where it is');
is($node->safe_psql('postgres', "SET SESSION AUTHORIZATION alice; INSERT INTO shared.renamed2 VALUES (3, 5000), (4, 4) RETURNING id"), '4', 'and still serves there');
$gate = gated('shared.moved');
$node->safe_psql('postgres', 'ALTER TABLE shared.moved SET SCHEMA home');
taken('shared.moved', 'moved', $gate);

$gate = gated('shared.given');
attack('a gated table that was given away', 'SELECT 1', victim => ['mallory', "INSERT INTO shared.given VALUES (10, 5000) RETURNING *"], code => '55000',
	as => 'postgres') if $node->safe_psql('postgres', 'ALTER TABLE shared.given OWNER TO mallory; SELECT 1');
attack('a table that was given away takes no held row', sprintf($forged, 'shared.given'),
	victim => ['alice', "SELECT aipipe.quarantine_release(id) FROM aipipe.quarantine WHERE gate = $gate AND state = 'held'"], code => '55000');
$node->safe_psql('postgres', q{GRANT bob TO alice; SET SESSION AUTHORIZATION bob; CREATE TABLE shared.bobs (id int PRIMARY KEY, amount float8);
	SET SESSION AUTHORIZATION alice; SELECT aipipe.gate_create('shared.bobs', 'size', threshold => 0.5); RESET SESSION AUTHORIZATION; REASSIGN OWNED BY bob TO mallory});
attack('REASSIGN OWNED of a gated table', 'INSERT INTO shared.bobs VALUES (1, 5000)', code => '55000');
my $next = $node->safe_psql('postgres', 'SELECT max(id) + 1 FROM aipipe.gate_data');
$node->safe_psql('postgres', 'SET SESSION AUTHORIZATION alice; CREATE TABLE shared.coming (id int PRIMARY KEY, amount float8); GRANT TRIGGER ON shared.coming TO mallory');
attack('a trigger under the name of a coming gate', "CREATE TRIGGER zz_aipipe_gate_$next BEFORE INSERT ON shared.coming FOR EACH ROW WHEN (false) EXECUTE FUNCTION aipipe.gate_trigger('$next')",
	victim => ['alice', "SELECT aipipe.gate_create('shared.coming', 'size', threshold => 0.5)"], code => '42710');

# --- The TRIGGER privilege on a gated table.
attack('a DELETE trigger that a statement gate\'s removal fires', 'CREATE TRIGGER removal BEFORE DELETE ON home.bulk FOR EACH ROW EXECUTE FUNCTION evil.spy_trigger();
	CREATE TRIGGER removed AFTER DELETE ON home.bulk REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION evil.spy_trigger();
	INSERT INTO home.bulk VALUES (20, 5000);', code => '', state => [ 'SELECT count(*) FROM home.bulk WHERE id = 20', 0 ]);
attack('a WHEN condition of such a trigger', q{CREATE TRIGGER suppressed BEFORE DELETE ON home.bulk FOR EACH ROW WHEN (evil.spy('when')) EXECUTE FUNCTION evil.spy_trigger();
	INSERT INTO home.bulk VALUES (21, 5000);}, code => '', state => [ 'SELECT count(*) FROM home.bulk WHERE id = 21', 0 ]);
$node->safe_psql('postgres', 'DROP TRIGGER removal ON home.bulk; DROP TRIGGER removed ON home.bulk; DROP TRIGGER suppressed ON home.bulk');
attack('a second trigger of the table\'s gate', "CREATE TRIGGER again AFTER INSERT ON home.bulk REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION aipipe.gate_trigger('$bulk_gate');
	INSERT INTO home.bulk VALUES (22, 5000);", code => '55000');
$node->safe_psql('postgres', 'DROP TRIGGER again ON home.bulk');

# --- Expressions of an own gated table, while aipipe writes its own tables.
foreach my $plant (
	[ 'a default', q{note text DEFAULT evil.spy('default')::text} ],
	[ 'a CHECK', q{note text CHECK (evil.spy('check'))} ],
	[ 'a domain', 'note evil.note' ],
	[ 'a generated column', q{note text GENERATED ALWAYS AS (evil.spy_immutable('generated')) STORED} ],
	[ 'an index expression', 'note text', q{CREATE INDEX ON %1$s (evil.spy_immutable('index'))} ],
	[ 'a policy', 'note text', q{ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY; ALTER TABLE %1$s FORCE ROW LEVEL SECURITY; CREATE POLICY p ON %1$s USING (evil.spy('policy')) WITH CHECK (evil.spy('policy'))} ],
	[ 'a rule', 'note text', q{CREATE RULE r AS ON DELETE TO %1$s DO ALSO SELECT evil.spy('rule')} ],
	[ 'RESET ROLE in a trigger', 'note text', q{CREATE TRIGGER t BEFORE DELETE OR INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION evil.reset_trigger()} ])
{
	my $t = 'evil.own' . ++$serial;

	$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION mallory;
		CREATE OR REPLACE FUNCTION evil.spy_immutable(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.spy($1); RETURN 'x'; END $$;
		CREATE OR REPLACE FUNCTION evil.reset_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RESET ROLE; RESET SESSION AUTHORIZATION; PERFORM evil.spy('reset'); RETURN COALESCE(NEW, OLD); END $$;
		DO $$ BEGIN CREATE DOMAIN evil.note AS text CHECK (evil.spy('domain')); EXCEPTION WHEN duplicate_object THEN END $$}) if $serial;
	attack("$plant->[0] of a gated table", "CREATE TABLE $t (id int PRIMARY KEY, amount float8, $plant->[1]);" . sprintf($plant->[2] // '', $t) . ";
		SELECT aipipe.gate_create('$t', 'own_size', 'statement', threshold => 0.5);
		INSERT INTO $t (id, amount) VALUES (1, 1), (2, 5000);
		SELECT aipipe.quarantine_release(max(id), '{\"amount\": 1}') FROM aipipe.quarantine WHERE state = 'held';
		SELECT aipipe.gate_drop('$t'); SELECT aipipe.gate_create('$t', 'own_size', 'row', threshold => 0.5);
		INSERT INTO $t (id, amount) VALUES (3, 1), (4, 5000);
		SELECT aipipe.quarantine_release(max(id), '{\"note\": \"x\"}') FROM aipipe.quarantine WHERE state = 'held';");
}
attack('a correction through an evil domain, released by its table\'s own trigger again', q{CREATE TABLE evil.twice (id int PRIMARY KEY, amount float8, note evil.note);
	SELECT aipipe.gate_create('evil.twice', 'own_size', threshold => 0.5); INSERT INTO evil.twice VALUES (1, 5000);
	CREATE FUNCTION evil.again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.id < 5 THEN PERFORM aipipe.quarantine_release(max(q.id), jsonb_build_object('id', NEW.id + 4)) FROM aipipe.quarantine q WHERE q.relation = 'evil.twice'; END IF; RETURN NEW; END $$;
	CREATE TRIGGER again BEFORE INSERT ON evil.twice FOR EACH ROW EXECUTE FUNCTION evil.again();
	SELECT aipipe.quarantine_release(max(id), '{"note": "n"}') FROM aipipe.quarantine WHERE relation = 'evil.twice';}, code => '55000', state => [ 'SELECT count(*) FROM evil.twice', 0 ]);

# --- Sources.
sub source
{
	my ($name, $source, $code, $prelude) = @_;

	attack("a source: $name", ($prelude // '') . "SELECT aipipe.model_train('src', 'regression', \$s\$$source\$s\$, 'bad', features => ARRAY['amount'], params => $stump);",
		code => $code, state => [ "SELECT (SELECT count(*) FROM home.history), to_regclass('evil.planted') IS NULL, (SELECT count(*) FROM aipipe.model WHERE name = 'src')", '200|t|0' ]);
	return;
}
my $function = sub { my ($name, $body) = @_; return "CREATE FUNCTION $name() RETURNS float8 LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN 1; END \$\$;" };
source('a function that writes', 'SELECT evil.writes() AS amount, bad FROM shared.history', '25006', $function->('evil.writes', 'CREATE TABLE evil.planted (a int)'));
source('one that turns read-only off first', 'SELECT evil.off() AS amount, bad FROM shared.history', '25001',
	$function->('evil.off', q{PERFORM set_config('transaction_read_only', 'off', false); CREATE TABLE evil.planted (a int)}));
source('one that does so in a subtransaction', 'SELECT evil.sub() AS amount, bad FROM shared.history', '25006',
	$function->('evil.sub', q{BEGIN SET TRANSACTION READ WRITE; EXCEPTION WHEN OTHERS THEN NULL; END; CREATE TABLE evil.planted (a int)}));
source('one that commits', 'SELECT evil.commits() AS amount, bad FROM shared.history', '2D000', $function->('evil.commits', 'COMMIT'));
source('nextval', q{SELECT nextval('evil.seq')::float8 AS amount, bad FROM shared.history}, '25006', 'CREATE SEQUENCE evil.seq;');
source('a function in pg_temp', 'SELECT pg_temp.writes() AS amount, bad FROM shared.history', '25006', $function->('pg_temp.writes', 'CREATE TABLE evil.planted (a int)'));
source('SET ROLE', 'SELECT evil.role() AS amount, bad FROM shared.history', '42501', $function->('evil.role', 'SET ROLE alice'));
source('set_config(role)', q{SELECT length(set_config('role', 'postgres', false))::float8 AS amount, bad FROM shared.history}, '42501');
source('two statements', 'SELECT amount, bad FROM shared.history; DROP TABLE home.history', '42601');
source('a CTE that deletes', 'WITH d AS (DELETE FROM home.history RETURNING *) SELECT amount, bad FROM d', '42601');
source('a table without SELECT', 'home.history', '42501');
source('a hostile name', '"; DROP TABLE home.history; --"', '42P01');
$node->safe_psql('postgres', 'SET SESSION AUTHORIZATION alice; CREATE TABLE home.guarded AS SELECT * FROM home.history; ALTER TABLE home.guarded ENABLE ROW LEVEL SECURITY;
	CREATE POLICY p ON home.guarded TO mallory USING (id <= 150); GRANT SELECT ON home.guarded TO mallory');
attack('rows that a policy hides are not learned', "SELECT aipipe.model_train('hidden', 'regression', 'home.guarded', 'bad', features => ARRAY['amount'], params => $stump)",
	code => '', state => [ "SELECT row_count FROM aipipe.model_version WHERE model = 'hidden'", 150 ]);

# --- Models of others.
my $row = 'FROM shared.history h LIMIT 1';
attack("another's model: $_->[0]", "SELECT $_->[1]", code => '42501')
  foreach ([ 'predict', "aipipe.model_predict('size', h) $row" ], [ 'predict a version', "aipipe.model_predict('size', h, 1) $row" ], [ 'score', "aipipe.anomaly_score('size', h) $row" ],
	[ 'explain', "aipipe.model_explain('size', h) $row" ], [ 'importance', "aipipe.model_importance('size')" ], [ 'evaluate', "aipipe.model_evaluate('size', 'shared.history')" ],
	[ 'confusion', "aipipe.model_confusion('size', 'shared.history')" ], [ 'reliability', "aipipe.model_reliability('size', 'shared.history')" ],
	[ 'batch', "aipipe.model_predict_batch('size', 'shared.history')" ], [ 'export', "aipipe.model_export('size')" ],
	[ 'promote', "aipipe.model_promote('size', 2)" ], [ 'roll back', "aipipe.model_rollback('size')" ], [ 'alias', "aipipe.model_alias('size', 'x', 1)" ],
	[ 'promote with a check', "aipipe.model_promote('size', 2, only_if => '{\"source\": \"shared.history\"}')" ], [ 'test', "aipipe.model_test('size', 'shared.history', 1, 2)" ],
	[ 'split', "aipipe.model_split('size', 2, 0.5)" ], [ 'label', "aipipe.model_label('size', '1', '1')" ],
	[ 'label from a source', "aipipe.model_label('size', 'shared.history', 'id', 'bad')" ], [ 'compare', "aipipe.model_compare('size')" ],
	[ 'prune', "aipipe.prediction_prune('size', 'infinity')" ], [ 'describe', "aipipe.model_describe('size', '{}')" ],
	[ 'drop', "aipipe.model_drop('size')" ], [ 'grant', "aipipe.model_grant('size', 'mallory')" ],
	[ 'give away', "aipipe.model_owner('size', 'mallory')" ], [ 'receive', "aipipe.model_owner('own_size', 'alice')" ],
	[ 'train', "aipipe.model_train('size', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump)" ]);
attack("a gate with another's model", "CREATE TABLE evil.gated (id int PRIMARY KEY, amount float8, score float8); SELECT aipipe.gate_create('evil.gated', 'size', threshold => 0.5, score_column => 'score')", code => '42501');
attack("a gate on another's table", "SELECT aipipe.gate_create('home.bulk', 'own_size', threshold => 0.5)", code => '42501');
attack('a name alike is not given away', "SELECT aipipe.model_predict('siz', h) $row", code => '42704');
attack('a role whose name differs in case', "SELECT aipipe.model_predict('size', h) $row", as => 'Alice', code => '42501');
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION alice; SELECT aipipe.model_grant('size', 'Alice', 'manage')});
attack('granting on, with the privilege manage', q{SELECT aipipe.model_grant('size', 'mallory')}, as => 'Alice', code => '42501');
attack('revoking from others, with the privilege manage', q{SELECT aipipe.model_revoke('size', 'Alice', 'manage')}, as => 'Alice', code => '42501');
like(attack('names of models that a gate loaded for who inserts', 'INSERT INTO home.land VALUES (50, 1); SELECT count(*) FROM aipipe.model_cache()', code => ''), qr/^0$/m, 'the cache tells mallory nothing');
$node->safe_psql('postgres', qq{SET SESSION AUTHORIZATION alice; SELECT aipipe.model_grant('size', 'mallory');
	SET SESSION AUTHORIZATION mallory; SELECT aipipe.gate_create('evil.gated', 'size', threshold => 0.5, score_column => 'score');
	SET SESSION AUTHORIZATION alice; SELECT aipipe.model_revoke('size', 'mallory')});
unlike(attack('a gate outlives the grant of its model', 'INSERT INTO evil.gated VALUES (1, 5000) RETURNING score IS NOT NULL'), qr/^t$/m, 'and scores no more');
$node->safe_psql('postgres', 'ALTER ROLE alice RENAME TO alicia; CREATE ROLE alice LOGIN');
attack('a new role under the name of a renamed owner', "SELECT aipipe.model_predict('size', h) $row", as => 'alice', code => '42501');
$node->safe_psql('postgres', 'DROP ROLE alice; ALTER ROLE alicia RENAME TO alice');

# --- Detectors: what reads a source runs it as the caller, read-only; what learns on needs the privilege manage.
my $days = "SELECT timestamptz '2024-01-01 06:00+00' + i * interval '1 day' AS t, i * 1.5::float8 AS amount, i % 20 = 0 AS bad";
my %reading = (
	'anomaly_train' => q{SELECT aipipe.anomaly_train('src', @, ARRAY['amount'])},
	'anomaly_train with labels' => q{SELECT aipipe.anomaly_train('src', @, ARRAY['amount'], '{"label": "bad"}')},
	'anomaly_refresh' => q{SELECT aipipe.anomaly_refresh('own_strange', @)}, 'anomaly_detect' => 'SELECT * FROM aipipe.anomaly_detect(@)',
	'anomaly_drift' => q{SELECT * FROM aipipe.anomaly_drift('own_strange', @)}, 'anomaly_threshold' => q{SELECT aipipe.anomaly_threshold('own_strange', @, '0.98')},
	'anomaly_backtest' => q{SELECT * FROM aipipe.anomaly_backtest('own_strange', @, 't')}, 'anomaly_backtest_rows' => q{SELECT * FROM aipipe.anomaly_backtest_rows('own_strange', @, 't')},
	'series_train' => q{SELECT aipipe.series_train('src', @, 'amount', 't')}, 'series_refresh' => q{SELECT aipipe.series_refresh('own_pulse', @)},
	'series_detect' => q{SELECT * FROM aipipe.series_detect(@, 'amount', 't')}, 'series_backtest' => q{SELECT * FROM aipipe.series_backtest(@, 'amount', 't')},
	'holidays' => q{SELECT aipipe.series_train('src', 'evil.days', 'amount', 't', params => jsonb_build_object('holidays', @::text))},
	'arrival_train' => q{SELECT aipipe.arrival_train('src', @, 't')}, 'arrival_refresh' => q{SELECT aipipe.arrival_refresh('own_arrival', @)},
	'arrival_detect' => q{SELECT * FROM aipipe.arrival_detect(@, 't')});
$node->safe_psql('postgres', qq{
	SET SESSION AUTHORIZATION mallory;
	CREATE TABLE evil.days AS $days FROM generate_series(1, 60) i;
	CREATE OR REPLACE FUNCTION evil.writes_time() RETURNS interval LANGUAGE plpgsql AS \$\$ BEGIN CREATE TABLE evil.planted (a int); RETURN '0'; END \$\$;
	SELECT aipipe.anomaly_train('own_strange', 'evil.days', ARRAY['amount']); SELECT aipipe.series_train('own_pulse', 'evil.days', 'amount', 't'); SELECT aipipe.arrival_train('own_arrival', 'evil.days', 't');
	SET SESSION AUTHORIZATION alice;
	CREATE TABLE home.days AS $days FROM generate_series(1, 60) i;
	SELECT aipipe.anomaly_train('strange', 'home.days', ARRAY['amount']); SELECT aipipe.series_train('pulse', 'home.days', 'amount', 't'); SELECT aipipe.arrival_train('arrival', 'home.days', 't')});
my $untouched = [ q{SELECT to_regclass('evil.planted') IS NULL, (SELECT count(*) FROM aipipe.model WHERE name = 'src'),
	(SELECT count(*) FROM aipipe.model_version WHERE model LIKE 'own\_%' AND model <> 'own_size' AND model <> 'own_two')}, 't|0|3' ];
foreach my $name (sort keys %reading)
{
	my $writing = $reading{$name} =~ s/\@/\$s\$SELECT t + evil.writes_time() AS t, amount + 0 * evil.writes() AS amount, bad FROM evil.days\$s\$/r;
	my $secret = $reading{$name} =~ s/\@/\$s\$SELECT t, amount, bad FROM home.days\$s\$/r;

	s/SELECT (t.*?)( AS t)?, amount.* bad FROM/SELECT ($1)::date AS d FROM/ foreach $name eq 'holidays' ? ($writing, $secret) : ();
	attack("$name of a source that writes", $writing, code => '25006', state => $untouched);
	attack("$name of a table without SELECT", $secret, code => '42501', state => $untouched);
}
my $day = 'FROM evil.days x LIMIT 1';
attack("another's detector: $_", "SELECT $_", code => '42501')
  foreach ("aipipe.anomaly_pvalue('strange', x) $day", "aipipe.anomaly_parts('strange', x) $day", "aipipe.anomaly_explain('strange', x) $day", "aipipe.anomaly_flag('strange', x) $day",
	"aipipe.anomaly_drift('strange', 'evil.days')", "aipipe.anomaly_threshold('strange', 'evil.days', '0.98')", "aipipe.anomaly_backtest('strange', 'evil.days', 't')",
	"aipipe.anomaly_backtest_rows('strange', 'evil.days', 't')", "aipipe.series_score('pulse', now(), 1)", "aipipe.series_explain('pulse', now(), 1)", "aipipe.arrival_score('arrival', now())",
	"aipipe.arrival_explain('arrival', now())", "aipipe.arrival_expected('arrival', now())", "aipipe.arrival_overdue('arrival', now())");
$node->safe_psql('postgres', "SET SESSION AUTHORIZATION alice; SELECT aipipe.model_grant(m, 'mallory') FROM unnest('{strange,pulse,arrival}'::text[]) m");
attack("learning on without the privilege manage: $_", "SELECT aipipe.$_", code => '42501', state => [ q{SELECT count(*) FROM aipipe.model_version WHERE model IN ('strange', 'pulse', 'arrival')}, 3 ])
  foreach ("anomaly_refresh('strange', 'evil.days')", "series_refresh('pulse', 'evil.days')", "arrival_refresh('arrival', 'evil.days')", "anomaly_train('strange', 'evil.days')",
	"series_train('pulse', 'evil.days', 'amount', 't')", "arrival_train('arrival', 'evil.days', 't')");

# --- Reading and writing what is not shown.
attack('a leaky function against the views', q{CREATE FUNCTION evil.leak(anyelement) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
	SELECT count(*) FROM aipipe.quarantine WHERE evil.leak("row"); SELECT count(*) FROM aipipe.decision WHERE evil.leak("row"); SELECT count(*) FROM aipipe.model_version WHERE evil.leak(source);
	SELECT count(*) FROM aipipe.batch WHERE evil.leak(role); SELECT count(*) FROM aipipe.gate WHERE evil.leak(relation); EXPLAIN ANALYZE SELECT * FROM aipipe.quarantine WHERE evil.leak("row");}, code => '');
attack('whole rows of the views', 'SELECT q FROM aipipe.quarantine q; SELECT d FROM aipipe.decision d; SELECT v FROM aipipe.model_version v', code => '');
attack("the base table: $_", "SELECT * FROM aipipe.$_; UPDATE aipipe.$_ SET id = 1; DELETE FROM aipipe.$_; TRUNCATE aipipe.$_; CREATE TRIGGER t BEFORE INSERT ON aipipe.$_ FOR EACH ROW EXECUTE FUNCTION evil.spy_trigger()", code => '42501')
  foreach qw(gate_data batch_data decision_data model_data model_version_data model_grant_data prediction_data model_label_data model_split_data model_trial_data apply_data model_alias_history_data);
attack('statistics of the base tables', q{SELECT * FROM pg_stats WHERE schemaname = 'aipipe'}, code => '');
attack('the sequences', q{SELECT setval('aipipe.gate_data_id_seq', 1)}, code => '42501');
attack('a rule on a view', q{CREATE RULE r AS ON INSERT TO aipipe.quarantine DO INSTEAD SELECT evil.spy('rule')}, code => '42501');
attack("another's held row: $_", "SELECT aipipe.$_($land_row)", code => '42501', state => [ "SELECT state FROM aipipe.quarantine WHERE id = $land_row", 'held' ])
  foreach qw(quarantine_release quarantine_discard);
attack("another's gate: $_", "SELECT aipipe.$_('home.land')", code => '42501') foreach qw(gate_drop gate_pause gate_resume);
$node->safe_psql('postgres', 'SET SESSION AUTHORIZATION alice; REVOKE INSERT ON home.land FROM alice');
attack('a release without INSERT', "SELECT aipipe.quarantine_release($land_row)", as => 'alice', code => '42501', state => [ "SELECT state FROM aipipe.quarantine WHERE id = $land_row", 'held' ]);

# --- Runs of model_apply(), and the prediction log: both hold keys of rows.
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION alice; CREATE TABLE shared.filled (key text PRIMARY KEY, amount float8, p float8); INSERT INTO shared.filled VALUES ('s3cret', 10)});
$node->safe_psql('postgres', $_, extra_params => [ '-U', 'alice' ]) foreach (q{CALL aipipe.model_apply('size', 'shared.filled', 'p')}, q{SELECT aipipe.model_alias('size', 'challenger', 1)},
	q{INSERT INTO home.bulk VALUES (300, 1)});
attack('keys of a run and of the log', 'TABLE aipipe.model_applies; TABLE aipipe.prediction; TABLE aipipe.model_labels; TABLE aipipe.progress; TABLE aipipe.apply_data', code => '42501');
attack('a run on another\'s table', q{CALL aipipe.model_apply('own_size', 'shared.filled', 'p')}, code => '42501');
$node->safe_psql('postgres', 'SET SESSION AUTHORIZATION alice; DROP TABLE shared.filled');
attack('a table under the name of one that was filled', 'CREATE TABLE shared.filled (key text, amount float8, p float8); TABLE aipipe.model_applies', code => '');
$node->safe_psql('postgres', 'ALTER ROLE alice RENAME TO alicia; CREATE ROLE alice LOGIN');
attack('a new role under the name of who ran', 'TABLE aipipe.model_applies; TABLE aipipe.prediction', as => 'alice', code => '');
$node->safe_psql('postgres', 'DROP ROLE alice; ALTER ROLE alicia RENAME TO alice');
attack('writing beside: a check whose source writes', q{SELECT aipipe.model_promote('own_two', 2, only_if => '{"source": "SELECT amount, evil.writes() AS bad FROM shared.history"}')}, code => '25006',
	state => [ q{SELECT champion FROM aipipe.model WHERE name = 'own_two'}, 1 ]) if $node->safe_psql('postgres', qq{SET SESSION AUTHORIZATION mallory;
	SELECT aipipe.model_train('own_two', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump) FROM generate_series(1, 2); SELECT 1});
attack('a trigger on a table that is filled calls with more rights than the caller', q{CREATE TABLE evil.fill (id int PRIMARY KEY, amount float8, p float8);
	INSERT INTO evil.fill VALUES (1, 1), (2, 2); GRANT ALL ON evil.fill TO carol; CREATE TRIGGER t BEFORE UPDATE ON evil.fill FOR EACH ROW EXECUTE FUNCTION evil.reset_trigger();
	CALL aipipe.model_apply('own_size', 'evil.fill', 'p', batch_size => 1)}, code => '', state => [ 'SELECT count(p) FROM evil.fill', 2 ]);

# --- Calls that were never meant.
attack('trigger functions called by name', 'SELECT aipipe.gate_trigger()', code => '39P01');
attack('the event trigger function', 'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION aipipe.gate_follow_partitions()', code => '42501');
attack('an own C function of the library', q{CREATE FUNCTION evil.c() RETURNS int LANGUAGE c AS '$libdir/aipipe', 'aipipe_model_export'}, code => '42501');
attack('settings of the administrator', 'SELECT aipipe.model_cache(); SET aipipe.train_threads = 64', code => '42501');
like(attack('the same before the library is loaded', 'SET aipipe.train_threads = 64; SET aipipe.train_max_memory = 1073741824; SELECT count(*) FROM aipipe.model_cache();
	SHOW aipipe.train_threads; SHOW aipipe.train_max_memory'), qr/^1\n2GB$/m, 'does not set them');
attack("an artifact: $_->[0]", "SELECT aipipe.model_import('imp', convert_to($_->[1], 'UTF8'), ARRAY['amount'], 'regression')", state => [ q{SELECT count(*) FROM aipipe.model WHERE name = 'imp'}, 0 ])
  foreach ([ 'nested deeply', q{repeat('[', 1000000)} ], [ 'nested objects', q!repeat('{"learner":', 300000)! ], [ 'nothing', q{''} ],
	[ 'huge counts', q{'{"version":[1,7,4],"learner":{"learner_model_param":{"num_feature":"4294967295","num_class":"2147483647","base_score":"5E-1"},"gradient_booster":{"name":"gbtree","model":{"gbtree_model_param":{"num_trees":"99999999999"},"trees":[]}}}}'} ]);
my $hostile = q!"a""; DROP TABLE home.history; --"."t'""; SELECT evil.spy('name'); --"!;
attack('hostile names from end to end', qq{CREATE SCHEMA "a""; DROP TABLE home.history; --"; CREATE TABLE $hostile ("i'd""; --" int PRIMARY KEY, amount float8, "\$1" text, "} . 'x' x 63 . qq{" text);
	SELECT aipipe.gate_create(\$n\$$hostile\$n\$, 'own_size', 'statement', threshold => 0.5, params => '{"update": true}');
	INSERT INTO $hostile VALUES (1, 1, 'a', 'b'), (2, 5000, 'a', 'b');
	SELECT aipipe.quarantine_release(max(id), '{"\$1": "''; DROP TABLE home.history; --", "amount": 1}') FROM aipipe.quarantine WHERE state = 'held';
	SELECT FROM aipipe.gate; SELECT aipipe.gate_drop(\$n\$$hostile\$n\$);
	SELECT aipipe.model_train('"; DROP TABLE home.history; --', 'regression', 'shared.history', 'bad', features => ARRAY['amount'], params => $stump)},
	code => '', state => [ "SELECT (SELECT count(*) FROM home.history), (SELECT count(*) FROM $hostile)", '200|2' ]);

cmp_ok($attacks, '>=', 100, "$attacks attacks");
is($node->safe_psql('postgres', 'SELECT count(*) FROM home.history'), '200', 'the server and the victims\' rows are there');
$node->stop;

done_testing();
