/*-------------------------------------------------------------------------
 *
 * access_rows.c
 *	  The parts of a sketch as rows: histogram, frequent values and patterns, looks, moments, extremes, order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "profile/access.h"
#include "profile/sketch_int.h"

PG_FUNCTION_INFO_V1(aipipe_sketch_histogram);
PG_FUNCTION_INFO_V1(aipipe_sketch_top);
PG_FUNCTION_INFO_V1(aipipe_sketch_patterns);
PG_FUNCTION_INFO_V1(aipipe_sketch_looks);
PG_FUNCTION_INFO_V1(aipipe_sketch_moments);
PG_FUNCTION_INFO_V1(aipipe_sketch_extremes);
PG_FUNCTION_INFO_V1(aipipe_sketch_order);

#define MAX_ROWS 1000
#define MAX_COLUMNS 8

/* One row that is being made. */
typedef struct Row
{
	int			n;
	Datum		values[MAX_COLUMNS];
	bool		isnull[MAX_COLUMNS];
} Row;

/* Adds a column to a row. */
static void
put(Row *row, Datum value, bool isnull)
{
	Assert(row->n < MAX_COLUMNS);
	row->values[row->n] = value;
	row->isnull[row->n] = isnull;
	row->n++;
}

/* Adds a number, NULL for NaN. */
static void
put_number(Row *row, double x)
{
	put(row, isnan(x) ? (Datum) 0 : Float8GetDatum(x), isnan(x));
}

/* Adds a row to the result of a function that returns a set. */
static void
emit(FunctionCallInfo fcinfo, Row *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->isnull);
	row->n = 0;
}

/* Gives the one row of a function that returns a record. */
static Datum
record(FunctionCallInfo fcinfo, Row *row)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != row->n)
		elog(ERROR, "return type must be a row of %d columns", row->n);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row->values, row->isnull));
}

/* Reads how many rows are asked for. */
static int
rows_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	int			n = PG_GETARG_INT32(argno);

	if (n < 1 || n > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between 1 and %d", name, MAX_ROWS),
				 errdetail("It is %d.", n)));
	return n;
}

/* Gives the histogram, a row a bin. */
Datum
aipipe_sketch_histogram(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);
	int			n = rows_argument(fcinfo, 1, "n");
	SketchBin  *bins;
	Row			row = {0};

	InitMaterializedSRF(fcinfo, 0);
	n = sketch_histogram(sketch, n, &bins);
	for (int i = 0; i < n; i++)
	{
		put(&row, Int32GetDatum(i + 1), false);
		put_number(&row, bins[i].low);
		put_number(&row, bins[i].high);
		put_number(&row, bins[i].count);
		put(&row, CStringGetTextDatum(sketch_number_text(sketch, bins[i].low)), false);
		put(&row, CStringGetTextDatum(sketch_number_text(sketch, bins[i].high)), false);
		emit(fcinfo, &row);
	}
	return (Datum) 0;
}

/* Gives frequent items, most frequent first. */
static void
emit_frequent(FunctionCallInfo fcinfo, const Sketch *sketch, const Frequent *frequent, bool clips)
{
	int			most = rows_argument(fcinfo, 1, "k");
	FrequentItem *items;
	int			n;
	Row			row = {0};

	InitMaterializedSRF(fcinfo, 0);
	n = (frequent == NULL) ? 0 : frequent_items(frequent, &items);
	for (int i = 0; i < Min(n, most); i++)
	{
		put(&row, PointerGetDatum(cstring_to_text_with_len(items[i].text, items[i].len)), false);
		put(&row, Int64GetDatum(items[i].count), false);
		put_number(&row, (double) items[i].count / sketch_values(sketch));
		put(&row, Int64GetDatum(frequent_error(frequent)), false);
		if (clips)
			put(&row, BoolGetDatum(items[i].clipped), false);
		emit(fcinfo, &row);
	}
}

/* Gives the most frequent values. */
Datum
aipipe_sketch_top(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	emit_frequent(fcinfo, sketch, sketch->values, true);
	return (Datum) 0;
}

/* Gives the most frequent patterns of texts. */
Datum
aipipe_sketch_patterns(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument(fcinfo, 0);

	emit_frequent(fcinfo, sketch, sketch->patterns, false);
	return (Datum) 0;
}

/* Gives what texts look like, most frequent first. */
Datum
aipipe_sketch_looks(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS);
	bool		given[LOOK_N] = {0};
	Row			row = {0};

	InitMaterializedSRF(fcinfo, 0);
	for (;;)
	{
		int			most = -1;

		for (int i = 0; i < LOOK_N; i++)
			if (!given[i] && sketch->looks[i] > 0 && (most < 0 || sketch->looks[i] > sketch->looks[most]))
				most = i;
		if (most < 0)
			return (Datum) 0;
		given[most] = true;
		put(&row, CStringGetTextDatum(look_name(most)), false);
		put(&row, Int64GetDatum(sketch->looks[most]), false);
		put_number(&row, (double) sketch->looks[most] / sketch_values(sketch));
		emit(fcinfo, &row);
	}
}

/* Gives the moments of finite numbers, or of the lengths of texts. */
Datum
aipipe_sketch_moments(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS);
	bool		numeric = value_kind_is_numeric(sketch->kind);
	const Moments *moments = numeric ? &sketch->numbers : &sketch->characters;
	double		variance = moments_variance(moments);
	Row			row = {0};

	put(&row, Int64GetDatum(moments->n), false);
	put_number(&row, moments->n > 0 ? moments->mean : NAN);
	put_number(&row, sqrt(variance));
	put_number(&row, variance);
	put_number(&row, moments_skewness(moments));
	put_number(&row, moments_kurtosis(moments));
	put_number(&row, sketch_quantile(sketch, 0));
	put_number(&row, sketch_quantile(sketch, 1));
	return record(fcinfo, &row);
}

/* Adds an extreme's text and time to a row. */
static void
put_extreme(Row *row, const SketchExtreme *extreme)
{
	put(row, extreme->known ? PointerGetDatum(cstring_to_text_with_len(extreme->text, extreme->len)) : (Datum) 0, !extreme->known);
	put(row, TimestampTzGetDatum(extreme->at), !extreme->timed);
}

/* Gives the smallest, largest, first and last value, and when they came. */
Datum
aipipe_sketch_extremes(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS);
	Row			row = {0};

	put_extreme(&row, &sketch->min);
	put_extreme(&row, &sketch->max);
	put_extreme(&row, &sketch->first);
	put_extreme(&row, &sketch->last);
	return record(fcinfo, &row);
}

/* Gives how the values follow each other. */
Datum
aipipe_sketch_order(PG_FUNCTION_ARGS)
{
	const Sketch *sketch = sketch_argument_upto(fcinfo, 0, SKETCH_COUNTS);
	const char *monotonic = sketch_monotonic(sketch);
	Row			row = {0};

	put(&row, Int64GetDatum(sketch->order.rising), false);
	put(&row, Int64GetDatum(sketch->order.falling), false);
	put(&row, Int64GetDatum(sketch->order.equal), false);
	put(&row, monotonic != NULL ? CStringGetTextDatum(monotonic) : (Datum) 0, monotonic == NULL);
	return record(fcinfo, &row);
}
