# Installation fails when the schema is there, and leaves nothing when it goes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('install');

$node->safe_psql('postgres', 'CREATE ROLE mallory; GRANT CREATE ON DATABASE postgres TO mallory;
	SET ROLE mallory; CREATE SCHEMA aipipe');
fails_with($node, 'postgres', 'CREATE EXTENSION aipipe', '42P06', 'a planted schema');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_extension WHERE extname = 'aipipe'"),
	'0', 'nothing is installed then');
is($node->safe_psql('postgres', "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'aipipe'"),
	'mallory', 'the planted schema was not taken over');
$node->safe_psql('postgres', 'DROP SCHEMA aipipe');

$node->safe_psql('postgres', 'CREATE ROLE weak NOSUPERUSER; GRANT CREATE ON DATABASE postgres TO weak');
fails_with($node, 'postgres', 'SET ROLE weak; CREATE EXTENSION aipipe', '42501', 'an ordinary role');

# What was in the database before is what is there afterwards.
my $objects = q{
	SELECT count(*), md5(string_agg(o, ',' ORDER BY o)) FROM (
		SELECT pg_describe_object(classid, objid, 0) AS o FROM (
			SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_class
			UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
			UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
			UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
			UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger
			UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
			UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
			UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
			UNION ALL SELECT 'pg_authid'::regclass, oid FROM pg_authid) a) b
	WHERE o NOT LIKE '%pg_toast%'};
my $before = $node->safe_psql('postgres', $objects);
make_world($node, 'postgres');
fails_with($node, 'postgres', 'DROP EXTENSION aipipe', '2BP01', 'dropping it under a gate');
is($node->safe_psql('postgres', 'DROP TABLE landing; DROP EXTENSION aipipe; DROP TABLE sale; SELECT 1'),
	'1', 'without gates it goes');
is($node->safe_psql('postgres', $objects), $before, 'and leaves nothing');

make_world($node, 'postgres');
$node->safe_psql('postgres', 'DROP TABLE landing');
fails_with($node, 'postgres', 'CREATE EXTENSION aipipe', '42710', 'installing it twice');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), '0',
	'a dropped table takes its gate triggers along');

# DROP EXTENSION … CASCADE takes the triggers but no user data.
$node->safe_psql('postgres', 'CREATE TABLE landing (LIKE sale INCLUDING ALL)');
$node->safe_psql('postgres', "SELECT aipipe.gate_create('landing', 'sales')");
$node->safe_psql('postgres', 'INSERT INTO landing SELECT * FROM sale WHERE id <= 10');
$node->safe_psql('postgres', 'DROP EXTENSION aipipe CASCADE');
is($node->safe_psql('postgres', 'SELECT count(*) FROM landing'), '10', 'CASCADE keeps the rows of a gated table');
is($node->safe_psql('postgres', 'INSERT INTO landing SELECT * FROM sale WHERE id = 20; SELECT count(*) FROM landing'),
	'11', 'which takes rows as any table then');
$node->stop;

done_testing();
