/*-------------------------------------------------------------------------
 *
 * mutate.c
 *	  Mutated models through the whole way that a foreign model takes.
 *
 * A mutant must be refused with the errors that are promised, or be served:
 * then its canonical bytes must read back to themselves, and (when asked for) the
 * library must predict from them what we do.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(test_mutate);
PG_FUNCTION_INFO_V1(test_mutate_compiled);

#define MAX_GROWTH 4096

/* Replaces the digits around a place by an extreme number. */
static void
replace_number(StringInfo bytes, Random *random)
{
	static const char *const numbers[] = {"-1", "0", "1", "2147483647", "-2147483648", "4294967295", "1e39", "-1e39",
		"65535", "65536", "1e-50", "99999999999999999999", "NaN", "null", "\"1\"", "[1]", "0.5", "7"};
	int			from = random_below(random, bytes->len);
	int			to;
	const char *number = numbers[random_below(random, lengthof(numbers))];
	char	   *rest;
	int			rest_len;

	while (from < bytes->len && !(bytes->data[from] >= '0' && bytes->data[from] <= '9'))
		from++;
	for (to = from; to < bytes->len && strchr("0123456789.E-", bytes->data[to]) != NULL && bytes->data[to] != '\0';)
		to++;
	rest_len = bytes->len - to;
	rest = palloc(rest_len + 1);
	memcpy(rest, bytes->data + to, rest_len);
	bytes->len = from;
	appendStringInfoString(bytes, number);
	appendBinaryStringInfo(bytes, rest, rest_len);
}

/* Writes an extreme integer of some width, either end first, over a place. */
static void
overwrite_integer(StringInfo bytes, Random *random)
{
	static const int64 extremes[] = {0, 1, -1, 127, 128, 255, 65535, 65536, PG_INT32_MAX, PG_INT32_MIN, PG_INT64_MAX,
	PG_INT64_MIN, 1000000000, 0x7fc00000, 0x7f800000, 0xff800000};
	uint64		value = extremes[random_below(random, lengthof(extremes))];
	int			width = 1 << random_below(random, 4);
	int			at = random_below(random, Max(1, bytes->len - 8));
	bool		big = random_below(random, 2) == 0;

	for (int i = 0; i < width && at + i < bytes->len; i++)
		bytes->data[at + i] = (char) (value >> 8 * (big ? width - 1 - i : i));
}

/* Deletes, doubles or moves a run of bytes. */
static void
splice_run(StringInfo bytes, Random *random, int kind)
{
	int			from = random_below(random, bytes->len);
	int			longest = random_below(random, 2) ? 16 : MAX_GROWTH;
	int			n = 1 + random_below(random, Min(bytes->len - from, longest));
	int			to = random_below(random, bytes->len);
	char	   *run = palloc(n);

	memcpy(run, bytes->data + from, n);
	if (kind == 0)
	{
		memmove(bytes->data + from, bytes->data + from + n, bytes->len - from - n);
		bytes->len -= n;
		return;
	}
	if (kind == 1)
	{
		enlargeStringInfo(bytes, n);
		memmove(bytes->data + to + n, bytes->data + to, bytes->len - to);
		bytes->len += n;
	}
	memcpy(bytes->data + to, run, Min(n, bytes->len - to));
}

/* Changes bytes in one of many ways. */
void
mutate_bytes(StringInfo bytes, Random *random)
{
	int			at = random_below(random, bytes->len);

	switch (random_below(random, 10))
	{
		case 0:
			bytes->data[at] ^= 1 << random_below(random, 8);
			break;
		case 1:
			bytes->data[at] = (char) random_next(random);
			break;
		case 2:
			bytes->len = at;
			break;
		case 3:
			splice_run(bytes, random, 0);
			break;
		case 4:
			splice_run(bytes, random, 1);
			break;
		case 5:
			splice_run(bytes, random, 2);
			break;
		case 6:
			overwrite_integer(bytes, random);
			break;
		case 7:
		case 8:
			replace_number(bytes, random);
			break;
		default:
			for (int i = 0; i < 8; i++)
				bytes->data[random_below(random, bytes->len)] = "{}[]\",:$#LdlU0-"[random_below(random, 15)];
			break;
	}
	if (bytes->len == 0)
		appendStringInfoChar(bytes, '{');
}

/* Scores and explains a few rows with a compiled forest; gives the margins. */
static float *
use(const CompiledForest *forest, const float *rows, int nrows)
{
	int			nfeatures = forest_nfeatures(forest);
	int			ngroups = forest_ngroups(forest);
	float	   *margins = palloc(sizeof(float) * nrows * ngroups);
	float	   *row = palloc(sizeof(float) * ngroups);
	double	   *phi = palloc(sizeof(double) * (nfeatures + 1) * 3);

	forest_margin(forest, rows, nrows, margins);
	for (int i = 0; i < nrows; i++)
	{
		forest_margin(forest, rows + (Size) i * nfeatures, 1, row);
		if (memcmp(row, margins + (Size) i * ngroups, sizeof(float) * ngroups) != 0)
		{
			for (int g = 0; g < ngroups; g++)
			{
				if (!(isnan(row[g]) && isnan(margins[(Size) i * ngroups + g])))
					ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("row path and block path differ")));
			}
		}
	}
	forest_transform(forest, margins, 1, row);
	forest_shap(forest, rows, 0, phi);
	forest_importance(forest, phi, phi + nfeatures, phi + 2 * nfeatures);
	return margins;
}

/* Reads, writes, compiles and uses a mutant, also by the library when arg says so; says whether everything agrees. */
static bool
serve(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	Forest	   *forest = forest_read(bytes, len);
	const char *reason = forest_check(forest);
	StringInfoData canonical;
	StringInfoData again;
	Size		form_len;
	char	   *form;
	float	   *rows = palloc(sizeof(float) * 3 * forest->nfeatures);
	float	   *margins;
	bool		same;

	if (reason != NULL)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("read but not sound: %s", reason)));
	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	initStringInfo(&again);
	forest_write(forest_read(canonical.data, canonical.len), &again);
	same = again.len == canonical.len && memcmp(again.data, canonical.data, again.len) == 0;
	form = compile_model(forest, &form_len);
	data_hostile(forest, 3, random_next(random), rows);
	margins = use(forest_open(form, form_len), rows, 3);
	if (*(const bool *) arg)
	{
		Oracle	   *oracle = oracle_load(canonical.data, canonical.len);
		Size		size = sizeof(float) * 3 * forest->ngroups;
		float	   *theirs = palloc(size);

		oracle_predict(oracle, ORACLE_MARGIN, rows, 3, forest->nfeatures, theirs, forest->ngroups);
		oracle_free(oracle);
		for (int i = 0; i < 3 * forest->ngroups; i++)
			same &= memcmp(&theirs[i], &margins[i], sizeof(float)) == 0 || (isnan(theirs[i]) && isnan(margins[i]));
	}
	return same;
}

/* Opens and uses compiled bytes. */
static bool
serve_compiled(const char *bytes, Size len, bool compiled, Random *random, const void *arg)
{
	const CompiledForest *forest = forest_open(bytes, len);
	float	   *rows = palloc(sizeof(float) * 3 * forest_nfeatures(forest));

	for (int i = 0; i < 3 * forest_nfeatures(forest); i++)
		rows[i] = (random_below(random, 5) == 0) ? NAN : random_unit(random) * 40 - 20;
	(void) use(forest, rows, 3);
	return true;
}

/* Tries mutants of a model, by ourselves and, when asked, by the library. */
Datum
test_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	bool		library = PG_GETARG_BOOL(3);

	return mutants_run(fcinfo, bytes, len, false, PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve, &library);
}

/* Tries mutants of a compiled model. */
Datum
test_mutate_compiled(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);

	return mutants_run(fcinfo, bytes, len, true, PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve_compiled, NULL);
}
