/*-------------------------------------------------------------------------
 *
 * profile_look.c
 *	  What texts look like: one text, hostile bytes between pages that may not be read, and the time.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <sys/mman.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "profile/look.h"

PG_FUNCTION_INFO_V1(test_look);
PG_FUNCTION_INFO_V1(test_look_fuzz);
PG_FUNCTION_INFO_V1(test_bench_look);

/* Longest of the hostile texts. */
#define FUZZ_LONGEST 3000

/* Texts that look like something, to be damaged. */
static const char *const fuzz_seeds[] = {
	"2024-02-29T15:04:05.678+01:00", "Wed, 31 Jan 2024 15:04:05 GMT", "31/Jan/2024:15:04:05 +0000", "20240131T150405Z", "1/2/24",
	"-1,234,567.89", "1.234.567,89 \xe2\x82\xac", "$1e5", "1.5e-300", "+49 (0) 30 123-456", "(555) 123-4567", "01.23.45.67.89",
	"DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "{0f8fad5b-d9cb-469f-a165-70867728950e}", "a.b+c@example.co.uk",
	"https://example.org/a?b=c#d", "www.example.org/", "192.168.001.1/32", "2001:db8::ff00:42:8329", "::ffff:1.2.3.4/96",
	"{\"a\": [1, \"\\\"\", {\"b\": null}], \"c\": -1e5}", "[[[[]]]]", "<p class=\"x\">y</p>", "<!-- x -->", "0xdeadBEEF", "(NULL)", "n. a."
};

/* Characters that recognisers look at. */
static const char fuzz_alphabet[] = "0123456789012345678901234567890123456789.,:;-+/ ()[]{}<>\"'\\@%$eETZxXnaApPmM=#!?\t";

/* Says what a text looks like: characters, pattern, names of looks. */
Datum
test_look(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	TextLook	look;
	StringInfoData names;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	look_at(VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value), &look);
	initStringInfo(&names);
	for (int i = 0; i < LOOK_N; i++)
		if (look.looks & LOOK_MASK(i))
			appendStringInfo(&names, "%s%s", names.len > 0 ? " " : "", look_name(i));
	values[0] = Int32GetDatum(look.characters);
	values[1] = PointerGetDatum(cstring_to_text_with_len(look.pattern, look.npattern));
	values[2] = CStringGetTextDatum(names.data);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Writes a hostile text of at most FUZZ_LONGEST bytes and gives its length. */
static int
hostile_text(Random *random, char *out)
{
	int			len = random_below(random, random_below(random, 8) == 0 ? FUZZ_LONGEST : 48);
	const char *seed;

	switch (random_below(random, 4))
	{
		case 0:
			for (int i = 0; i < len; i++)
				out[i] = (char) random_below(random, 256);
			return len;
		case 1:
			for (int i = 0; i < len; i++)
				out[i] = fuzz_alphabet[random_below(random, sizeof(fuzz_alphabet) - 1)];
			return len;
		default:
			break;
	}
	seed = fuzz_seeds[random_below(random, lengthof(fuzz_seeds))];
	len = (int) strlen(seed);
	memcpy(out, seed, len);
	for (int n = random_below(random, 4); n > 0; n--)
		out[random_below(random, len)] = random_below(random, 2) ? (char) random_below(random, 256) :
			fuzz_alphabet[random_below(random, sizeof(fuzz_alphabet) - 1)];
	return random_below(random, 3) == 0 ? random_below(random, len + 1) : len;
}

/* Ends with an error when what was seen of a text cannot be. */
static void
check_look(const TextLook *look, int len)
{
	if (look->characters < 0 || look->characters > len || look->npattern < 0 || look->npattern > LOOK_PATTERN + 1)
		elog(ERROR, "%d characters, a pattern of %d in %d bytes", look->characters, look->npattern, len);
	if (look->npattern != Min(look->characters, LOOK_PATTERN) + (look->characters > LOOK_PATTERN))
		elog(ERROR, "%d characters, but a pattern of %d", look->characters, look->npattern);
	for (int i = 0; i < look->npattern; i++)
		if (look->pattern[i] < ' ' || look->pattern[i] > '~')
			elog(ERROR, "a pattern has byte %d", look->pattern[i]);
	if (look->looks >= LOOK_MASK(LOOK_N))
		elog(ERROR, "unknown looks %x", look->looks);
	if ((look->looks & LOOK_MASK(LOOK_EMPTY)) && look->looks != LOOK_MASK(LOOK_EMPTY))
		elog(ERROR, "empty, and more: %x", look->looks);
	if ((look->looks & LOOK_MASK(LOOK_INTEGER)) && !(look->looks & LOOK_MASK(LOOK_NUMBER)))
		elog(ERROR, "an integer that is no number");
}

/* Looks at n hostile texts between pages that may not be read, once at either end; gives how many looked like anything. */
Datum
test_look_fuzz(PG_FUNCTION_ARGS)
{
	int			n = PG_GETARG_INT32(0);
	Size		page = (Size) sysconf(_SC_PAGESIZE);
	char	   *pages = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char	   *text = palloc(FUZZ_LONGEST);
	int			some = 0;
	Random		random;

	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_READ | PROT_WRITE) != 0)
		elog(ERROR, "cannot map pages: %m");
	random_seed(&random, PG_GETARG_INT32(1));
	for (int i = 0; i < n; i++)
	{
		int			len = hostile_text(&random, text);
		char	   *at = pages + 2 * page - len;
		TextLook	first;
		TextLook	last;

		memcpy(at, text, len);
		look_at(at, len, &last);
		check_look(&last, len);
		memcpy(pages + page, text, len);
		look_at(pages + page, len, &first);
		if (first.looks != last.looks || first.characters != last.characters || first.npattern != last.npattern ||
			memcmp(first.pattern, last.pattern, first.npattern) != 0)
			elog(ERROR, "a text looks different in another place");
		some += (last.looks != 0);
	}
	munmap(pages, 3 * page);
	PG_RETURN_INT32(some);
}

/* Gives the nanoseconds of CPU that looking at a text of an array takes. */
Datum
test_bench_look(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			repeats = PG_GETARG_INT32(1);
	Datum	   *values;
	int			n;
	double		best = 1e300;
	TextLook	look;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
	for (int r = 0; r < repeats; r++)
	{
		double		start = cpu_seconds();

		for (int i = 0; i < n; i++)
		{
			text	   *value = DatumGetTextPP(values[i]);

			look_at(VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value), &look);
		}
		best = Min(best, cpu_seconds() - start);
	}
	PG_RETURN_FLOAT8(best * 1e9 / Max(n, 1));
}
