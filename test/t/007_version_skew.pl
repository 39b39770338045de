# A library that meets another version's SQL says so and does nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use Test::More;

my $node = make_node('skew');

make_world($node, 'postgres');
my $version = $node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'aipipe'");
is($node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'aipipe'"),
	$version, 'the installed version is the control file\'s');
is($node->safe_psql('postgres', 'ALTER EXTENSION aipipe UPDATE; SELECT 1'), '1', 'an update to the same version does nothing');
my $tables = tables($node, 'postgres');

foreach my $other ('0.0.1', '99.0.0')
{
	$node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '$other' WHERE extname = 'aipipe'");
	my %calls = (
		model_train => q{SELECT aipipe.model_train('x', 'classification', 'sale', 'returned')},
		model_predict => q{SELECT aipipe.model_predict('returns', s) FROM sale s LIMIT 1},
		model_promote => q{SELECT aipipe.model_promote('returns', 1)},
		anomaly_train => q{SELECT aipipe.anomaly_train('x', 'sale')},
		gate_create => q{SELECT aipipe.gate_create('sale', 'sales')});
	foreach my $name (sort keys %calls)
	{
		my $err = fails_with($node, 'postgres', $calls{$name}, '55000', "SQL of version $other, $name");
		like($err, qr/\Q$other\E/, 'the message names it') if $name eq 'model_train';
		like($err, qr/HINT:/, 'and has a hint') if $name eq 'model_train';
	}
}
$node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '$version' WHERE extname = 'aipipe'");
is(tables($node, 'postgres'), $tables, 'nothing was changed');
like(scores($node, 'postgres'), qr/^2000\|/, 'and all is well again');
$node->stop;

done_testing();
