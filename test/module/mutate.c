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

/* Reads, writes, compiles and uses a mutant; says whether everything agrees. */
static bool
serve_both(const char *bytes, Size len, bool library, Random *random)
{
	Forest	   *forest = forest_read(bytes, len);
	const char *reason = forest_check(forest);
	StringInfoData canonical;
	StringInfoData again;
	Size		compiled_len;
	char	   *compiled;
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
	compiled = compile_model(forest, &compiled_len);
	data_hostile(forest, 3, random_next(random), rows);
	margins = use(forest_open(compiled, compiled_len), rows, 3);
	if (library)
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

/* Serves a mutant by ourselves. */
static bool
serve(const char *bytes, Size len, Random *random)
{
	return serve_both(bytes, len, false, random);
}

/* Serves a mutant by ourselves and by the library. */
static bool
serve_library(const char *bytes, Size len, Random *random)
{
	return serve_both(bytes, len, true, random);
}

/* Opens and uses compiled bytes whose checksum was made right. */
static bool
serve_compiled(const char *bytes, Size len, Random *random)
{
	char	   *aligned = palloc(len + MAXIMUM_ALIGNOF);
	const CompiledForest *forest;
	float	   *rows;
	pg_crc32c	crc;
	uint32		zero = 0;

	memcpy(aligned, bytes, len);
	if (len >= 20)
	{
		/* the checksum is at byte 16 and is taken with itself as zero */
		memcpy(aligned + 16, &zero, sizeof(zero));
		INIT_CRC32C(crc);
		COMP_CRC32C(crc, aligned, len);
		FIN_CRC32C(crc);
		memcpy(aligned + 16, &crc, sizeof(crc));
	}
	forest = forest_open(aligned, len);
	rows = palloc(sizeof(float) * 3 * forest_nfeatures(forest));
	for (int i = 0; i < 3 * forest_nfeatures(forest); i++)
		rows[i] = (random_below(random, 5) == 0) ? NAN : random_unit(random) * 40 - 20;
	(void) use(forest, rows, 3);
	return true;
}

/* Tries one mutant and keeps count, without a subtransaction: nothing here touches the database. */
static void
try_mutant(const char *bytes, Size len, MutantServe serve_mutant, int promised, Random *random, MutantTally *tally)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(old, "aipipe_test mutant", ALLOCSET_DEFAULT_SIZES);
	double		start = cpu_seconds();

	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		bool		same = serve_mutant(bytes, len, random);

		tally->accepted++;
		tally->different += !same;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(scratch);
		error = CopyErrorData();
		FlushErrorState();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		if (error->sqlerrcode == promised)
			tally->refused++;
		else
		{
			tally->other++;
			if (tally->other <= 5)
				elog(NOTICE, "%s: %s", unpack_sql_state(error->sqlerrcode), error->message);
		}
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	tally->longest = Max(tally->longest, cpu_seconds() - start);
}

/* Makes and tries n mutants; the first is the model itself. */
void
mutants_run(const char *bytes, Size len, int n, uint64 seed, MutantServe serve_mutant, int promised, MutantTally *tally)
{
	Random		random;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(old, "aipipe_test bytes", ALLOCSET_DEFAULT_SIZES);

	memset(tally, 0, sizeof(MutantTally));
	random_seed(&random, seed);
	MemoryContextSwitchTo(each);
	for (int i = 0; i < n; i++)
	{
		StringInfoData mutant;
		int			changes = (i == 0) ? 0 : (random_below(&random, 4) == 0) ? 3 : 1;

		CHECK_FOR_INTERRUPTS();
		initStringInfo(&mutant);
		appendBinaryStringInfo(&mutant, bytes, len);
		for (int k = 0; k < changes; k++)
			mutate_bytes(&mutant, &random);
		try_mutant(mutant.data, mutant.len, serve_mutant, promised, &random, tally);
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(old);
}

/* Tries mutants of a model. */
Datum
test_mutate(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	MutantTally		tally;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	mutants_run(bytes, len, PG_GETARG_INT32(1), PG_GETARG_INT32(2), PG_GETARG_BOOL(3) ? serve_library : serve,
				ERRCODE_INVALID_PARAMETER_VALUE, &tally);
	values[0] = Int32GetDatum(tally.accepted);
	values[1] = Int32GetDatum(tally.refused);
	values[2] = Int32GetDatum(tally.other);
	values[3] = Int32GetDatum(tally.different);
	values[4] = Float8GetDatum(tally.longest * 1000);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Tries mutants of a compiled model. */
Datum
test_mutate_compiled(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};
	MutantTally		tally;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	mutants_run(bytes, len, PG_GETARG_INT32(1), PG_GETARG_INT32(2), serve_compiled, ERRCODE_DATA_CORRUPTED, &tally);
	values[0] = Int32GetDatum(tally.accepted);
	values[1] = Int32GetDatum(tally.refused);
	values[2] = Int32GetDatum(tally.other);
	values[3] = Float8GetDatum(tally.longest * 1000);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
