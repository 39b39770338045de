/*-------------------------------------------------------------------------
 *
 * profile_value.c
 *	  Reading values of any type as profiles do: what is read, its order, its time.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "profile/value.h"

PG_FUNCTION_INFO_V1(test_value_read);
PG_FUNCTION_INFO_V1(test_value_compare);
PG_FUNCTION_INFO_V1(test_bench_value);

/* Gives a reader of the type of an argument. */
static ValueReader *
argument_reader(FunctionCallInfo fcinfo, int argument)
{
	return value_reader_create(CurrentMemoryContext, get_fn_expr_argtype(fcinfo->flinfo, argument));
}

/* Says what is read of one value: type, kind, number, text, hash, bytes, whether its text is made on demand only. */
Datum
test_value_read(PG_FUNCTION_ARGS)
{
	ValueReader *reader = argument_reader(fcinfo, 0);
	ValueKind	kind = value_reader_kind(reader);
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {0};
	const char *text;
	int			len;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	block->n = 1;
	block->datums[0] = PG_GETARG_DATUM(0);
	value_read(reader, block);
	text = value_block_text(reader, block, 0, &len);
	if (!value_kind_is_numeric(kind) && (block->texts[0] == NULL) != value_reader_is_lazy(reader))
		elog(ERROR, "a reader does as it does not say");
	values[0] = CStringGetTextDatum(value_reader_type_name(reader));
	values[1] = CStringGetTextDatum(value_kind_name(kind));
	nulls[2] = !value_kind_is_numeric(kind);
	values[2] = Float8GetDatum(block->numbers[0]);
	values[3] = PointerGetDatum(cstring_to_text_with_len(text, len));
	values[4] = CStringGetTextDatum(psprintf("%016llx", (unsigned long long) block->hashes[0]));
	values[5] = Int64GetDatum(block->bytes);
	values[6] = BoolGetDatum(value_reader_is_lazy(reader));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Compares two values: -1, 0 or 1; the other way round it must be the opposite. */
Datum
test_value_compare(PG_FUNCTION_ARGS)
{
	ValueReader *reader = argument_reader(fcinfo, 0);
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	int			order;
	int			other;

	block->n = 2;
	block->datums[0] = PG_GETARG_DATUM(0);
	block->datums[1] = PG_GETARG_DATUM(1);
	value_read(reader, block);
	order = value_compare(reader, block, 0, 1);
	other = value_compare(reader, block, 1, 0);
	order = (order > 0) - (order < 0);
	if (order != (other < 0) - (other > 0))
		elog(ERROR, "an order is not the opposite of the other way round");
	PG_RETURN_INT32(order);
}

/* Gives the nanoseconds of CPU that reading a value of an array takes; the first argument's values, in blocks. */
Datum
test_bench_value(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			repeats = PG_GETARG_INT32(1);
	Oid			type = ARR_ELEMTYPE(array);
	ValueReader *reader = value_reader_create(CurrentMemoryContext, type);
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "bench value", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;
	Datum	   *values;
	int			n;
	int16		len;
	bool		byval;
	char		align;
	double		best = 1e300;

	get_typlenbyvalalign(type, &len, &byval, &align);
	deconstruct_array(array, type, len, byval, align, &values, NULL, &n);
	before = MemoryContextSwitchTo(context);
	for (int r = 0; r < repeats; r++)
	{
		double		start = cpu_seconds();

		for (int i = 0; i < n; i += PROFILE_BLOCK)
		{
			block->n = Min(PROFILE_BLOCK, n - i);
			memcpy(block->datums, values + i, sizeof(Datum) * block->n);
			value_read(reader, block);
			MemoryContextReset(context);
		}
		best = Min(best, cpu_seconds() - start);
	}
	MemoryContextSwitchTo(before);
	PG_RETURN_FLOAT8(best * 1e9 / Max(n, 1));
}
