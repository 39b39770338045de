# A profile's page in a real browser: its charts are drawn, nothing is loaded, and hostile names and values stay text.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Aipipe;
use PostgreSQL::Test::Utils;
use Test::More;

my ($browser) = grep { -x } map { my $name = $_; map { "$_/$name" } split(/:/, $ENV{PATH}) } qw(chromium chromium-browser google-chrome);
plan skip_all => 'no Chromium here' unless $browser;

my $node = make_node('html');
my $sting = q{</title></style></script><script>document.title='stung'</script><img src=x onerror="document.title='stung'"><svg onload="document.title='stung'">};
my $attribute = q{" onmouseover="document.title='stung'" x='};

$node->safe_psql('postgres', qq{
	CREATE EXTENSION aipipe;
	CREATE SCHEMA "<b>s</b>";
	CREATE TABLE "<b>s</b>"."<script>document.title='stung'</script>" (
		id int, amount float8, born date, "<script>document.title='stung'</script>" text, "a""b' onload='x" text, utf text);
	INSERT INTO "<b>s</b>"."<script>document.title='stung'</script>"
	SELECT i, i * 1.5, date '2024-01-01' + i % 90, (ARRAY[\$x\$$sting\$x\$, \$x\$$attribute\$x\$, 'plain'])[1 + i % 3], \$x\$$attribute\$x\$,
		U&'\\00fcber\\202e\\4f60'
	  FROM generate_series(1, 900) i;});
my $page = $node->safe_psql('postgres', q{SELECT aipipe.profile_html(format('%I.%I', n.nspname, c.relname)::regclass)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '<b>s</b>' AND c.relkind = 'r'});
unlike($page, qr/[^\x00-\x7f]/, 'the page is ASCII');
unlike($page, qr/<script|<img|<link|<iframe|url\(|\@import|http:|https:|\ssrc=|javascript:/i, 'nothing in it loads or runs');
like($page, qr/default-src 'none'/, 'and it forbids both');
unlike($page, qr/&#8238;/, 'marks that turn the text around are not passed on');

my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/page.html", $page);
# What the scripts would have done is read off the document after it was loaded.
local $ENV{HOME} = $folder;
my ($dom, $err) = run_command([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$folder/profile",
	'--virtual-time-budget=2000', '--host-resolver-rules=MAP * ~NOTFOUND', '--dump-dom', "file://$folder/page.html" ]);
like($dom, qr{<title>Profile of &lt;b&gt;s}, 'the browser shows the page under its own title');
unlike($dom, qr{<title>stung|<script|<img}i, 'nothing of the table ran or became an element');
my $sections = () = $dom =~ /<section /g;
is($sections, 6, 'a section for each column');
my $charts = () = $dom =~ /<svg [^>]*role="img"/g;
cmp_ok($charts, '>=', 3, 'histograms of the numbers and the date');
my $bars = () = $dom =~ /<rect /g;
cmp_ok($bars, '>=', 60, 'with their bars');

# The same with a page that has a script of its own: the browser here does run scripts, so the test can fail.
append_to_file("$folder/script.html", "<title>calm</title><script>document.title='stung'</script>");
($dom) = run_command([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$folder/profile",
	'--virtual-time-budget=2000', '--dump-dom', "file://$folder/script.html" ]);
like($dom, qr{<title>stung}, 'a script would have run');

my $shot = "$folder/page.png";
run_command([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$folder/profile",
	'--window-size=1000,1400', "--screenshot=$shot", "file://$folder/page.html" ]);
cmp_ok(-s $shot // 0, '>', 10_000, 'and the page can be drawn');

$node->stop;
done_testing();
