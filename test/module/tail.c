/*-------------------------------------------------------------------------
 *
 * tail.c
 *	  Tails learned from arrays, asked, stored, opened, and their mutants.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "learn/tail.h"

PG_FUNCTION_INFO_V1(test_tail);
PG_FUNCTION_INFO_V1(test_tail_fit);
PG_FUNCTION_INFO_V1(test_tail_sample);
PG_FUNCTION_INFO_V1(test_tail_mutate);
PG_FUNCTION_INFO_V1(test_tail_unseen);

/* Gives the floats of a real[] argument without NULLs, to be changed. */
static float *
float_array(Datum datum, int *n)
{
	ArrayType  *array = DatumGetArrayTypePCopy(datum);

	if (ARR_ELEMTYPE(array) != FLOAT4OID || array_contains_nulls(array))
		elog(ERROR, "real[] without NULLs expected");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (float *) ARR_DATA_PTR(array);
}

/* Learns a tail from a real[] argument. */
static void
learn(Datum datum, Tail *tail)
{
	int			n;
	float	   *scores = float_array(datum, &n);

	tail_learn(scores, n, tail);
	if (tail_check(tail) != NULL)
		elog(ERROR, "%s", tail_check(tail));
}

/* Writes and reads a tail, compiles and opens it; ends with an error when anything became different. */
static void
keep(const Tail *tail, Tail *opened)
{
	StringInfoData text;
	StringInfoData again;
	StringInfoData compiled;
	ArtifactReader r;
	Tail		read;

	initStringInfo(&text);
	tail_write(tail, &text);
	artifact_reader(&r, text.data, text.len, "tail");
	tail_read(&r, &read);
	artifact_end(&r);
	initStringInfo(&again);
	tail_write(&read, &again);
	if (again.len != text.len || memcmp(again.data, text.data, text.len) != 0)
		elog(ERROR, "a tail reads differently");
	initStringInfo(&compiled);
	tail_compile(&read, &compiled);
	if (tail_open(compiled.data, compiled.len, opened) != (Size) compiled.len || compiled.len % MAXIMUM_ALIGNOF != 0)
		elog(ERROR, "a tail does not open");
	if (tail_open(compiled.data, compiled.len - 1, opened) != 0)
		elog(ERROR, "a tail cut short opens");
	tail_open(compiled.data, compiled.len, opened);
}

/* tail(scores, at): the bits of each score in at, after storing and opening. */
Datum
test_tail(PG_FUNCTION_ARGS)
{
	int			n;
	float	   *at = float_array(PG_GETARG_DATUM(1), &n);
	Datum	   *bits = palloc(sizeof(Datum) * Max(n, 1));
	Tail		tail;
	Tail		opened;

	learn(PG_GETARG_DATUM(0), &tail);
	keep(&tail, &opened);
	for (int i = 0; i < n; i++)
	{
		if (tail_bits(&tail, at[i]) != tail_bits(&opened, at[i]))
			elog(ERROR, "a stored tail says something else");
		bits[i] = Float8GetDatum(tail_bits(&tail, at[i]));
	}
	PG_RETURN_DATUM(PointerGetDatum(construct_array(bits, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* tail_fit(scores): its points, threshold, share, scale and shape. */
Datum
test_tail_fit(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	Tail		tail;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	learn(PG_GETARG_DATUM(0), &tail);
	values[0] = Int32GetDatum(tail.npoints);
	values[1] = Float8GetDatum(tail.threshold);
	values[2] = Float8GetDatum(tail.share);
	values[3] = Float8GetDatum(tail.scale);
	values[4] = Float8GetDatum(tail.shape);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* tail_sample(scores, n): n scores spread like them. */
Datum
test_tail_sample(PG_FUNCTION_ARGS)
{
	int			n = PG_GETARG_INT32(1);
	float	   *scores = palloc(sizeof(float) * Max(n, 1));
	Datum	   *out = palloc(sizeof(Datum) * Max(n, 1));
	Tail		tail;

	learn(PG_GETARG_DATUM(0), &tail);
	tail_sample(&tail, scores, n);
	for (int i = 0; i < n; i++)
		out[i] = Float4GetDatum(scores[i]);
	PG_RETURN_DATUM(PointerGetDatum(construct_array(out, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT)));
}

/* tail_unseen(scores): the bits of each score, in ascending order, by the others. */
Datum
test_tail_unseen(PG_FUNCTION_ARGS)
{
	int			n;
	float	   *scores = float_array(PG_GETARG_DATUM(0), &n);
	Datum	   *bits = palloc(sizeof(Datum) * Max(n, 1));
	Tail		tail;
	Tail		unseen;
	Tail		opened;

	tail_learn(scores, n, &tail);
	tail_learn_unseen(scores, n, &tail, &unseen);
	if (tail_check(&unseen) != NULL)
		elog(ERROR, "%s", tail_check(&unseen));
	keep(&unseen, &opened);
	for (int i = 0; i < n; i++)
		bits[i] = Float8GetDatum(tail_bits(&opened, scores[i]));
	PG_RETURN_DATUM(PointerGetDatum(construct_array(bits, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* Asks a tail over the whole range; ends with an error when its bits fall or are no numbers. */
static void
ask(const Tail *tail, Random *random)
{
	float		before = -FLT_MAX;
	float		bits = tail_bits(tail, before);

	for (int i = 0; i < 200; i++)
	{
		float		score = (i % 2) ? tail->score[random_below(random, tail->npoints)] : (random_unit(random) - 0.5) * 1e3;
		float		got = tail_bits(tail, score);

		if (!isfinite(got) || got < 0 || (score >= before && got < bits) || (score <= before && got > bits))
			elog(ERROR, "bits %g at %g after %g at %g", got, score, bits, before);
		before = score;
		bits = got;
	}
	if (!isfinite(tail_bits(tail, FLT_MAX)) || !isfinite(tail_bits(tail, NAN)) || !isfinite(tail_bits(tail, INFINITY)))
		elog(ERROR, "bits beyond all are not finite");
}

/* Tries a mutant; says whether it was accepted. */
static bool
try_mutant(const StringInfoData *mutant, bool compiled, Random *random)
{
	volatile bool accepted = false;
	MemoryContext old = CurrentMemoryContext;

	if (compiled)
	{
		Tail		tail;
		char	   *aligned = palloc(mutant->len + 1);

		memcpy(aligned, mutant->data, mutant->len);
		if (tail_open(aligned, mutant->len, &tail) == 0)
			return false;
		ask(&tail, random);
		return true;
	}
	PG_TRY();
	{
		ArtifactReader r;
		Tail		tail;

		artifact_reader(&r, mutant->data, mutant->len, "tail");
		tail_read(&r, &tail);
		artifact_end(&r);
		ask(&tail, random);
		accepted = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_INVALID_PARAMETER_VALUE)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return accepted;
}

/* tail_mutate(scores, compiled, n, seed): mutants accepted, and refused. */
Datum
test_tail_mutate(PG_FUNCTION_ARGS)
{
	bool		compiled = PG_GETARG_BOOL(1);
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};
	int			counts[2] = {0};
	MemoryContext each = AllocSetContextCreate(CurrentMemoryContext, "aipipe_test bytes", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	StringInfoData bytes;
	Random		random;
	Tail		tail;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	learn(PG_GETARG_DATUM(0), &tail);
	initStringInfo(&bytes);
	if (compiled)
		tail_compile(&tail, &bytes);
	else
		tail_write(&tail, &bytes);
	random_seed(&random, PG_GETARG_INT32(3));
	old = MemoryContextSwitchTo(each);
	for (int i = 0; i < PG_GETARG_INT32(2); i++)
	{
		StringInfoData mutant;

		initStringInfo(&mutant);
		appendBinaryStringInfo(&mutant, bytes.data, bytes.len);
		if (i > 0)
			mutate_bytes(&mutant, &random);
		counts[try_mutant(&mutant, compiled, &random) ? 0 : 1]++;
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(old);
	values[0] = Int32GetDatum(counts[0]);
	values[1] = Int32GetDatum(counts[1]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
