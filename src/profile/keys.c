/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  profile_keys(): the minimal sets of columns that tell the rows of a table apart, wholly or nearly.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/options.h"
#include "profile/keys.h"
#include "profile/keys_texts.h"

PG_FUNCTION_INFO_V1(aipipe_profile_keys);

#define KEYS_NCOLUMNS 9
/* Examples that one set can have. */
#define KEYS_MAX_EXAMPLES 100

typedef struct KeyOptions
{
	List	   *columns;
	double		sample;
	int64		seed;
	int64		top;
	int64		examples;
	int64		max_verified;
} KeyOptions;

static const OptionSpec key_options[] = {
	{"columns", OPTION_TEXT_LIST, OPTION_FIELD(KeyOptions, columns)},
	{"examples", OPTION_INT, OPTION_FIELD(KeyOptions, examples), 3, 0, KEYS_MAX_EXAMPLES},
	{"max_verified", OPTION_INT, OPTION_FIELD(KeyOptions, max_verified), 50, 0, 100000},
	{"sample", OPTION_REAL, OPTION_FIELD(KeyOptions, sample), 1, 1e-6, 1},
	{"seed", OPTION_INT, OPTION_FIELD(KeyOptions, seed), 0, 0, 9007199254740991.0},
	{"top", OPTION_INT, OPTION_FIELD(KeyOptions, top), 100, 1, 100000},
};

/* A value that several rows share. */
typedef struct KeyExample
{
	int64		rows;
	int			texts[KEYS_MAX_COLUMNS];
} KeyExample;

typedef struct KeyExamples
{
	int			n;
	KeyExample *items;
} KeyExamples;

/* Declared sets first, then keys, then what breaks least, then fewer columns, then the table's order. */
static int
compare_sets(const void *a, const void *b)
{
	const KeySet *x = a;
	const KeySet *y = b;
	double		ex = (double) key_broken(x) / Max(x->nrows, 1);
	double		ey = (double) key_broken(y) / Max(y->nrows, 1);

	if (x->declared != y->declared)
		return x->declared ? -1 : 1;
	if (ex != ey)
		return ex < ey ? -1 : 1;
	if (x->n != y->n)
		return x->n - y->n;
	for (int i = 0; i < x->n; i++)
		if (x->columns[i] != y->columns[i])
			return x->columns[i] - y->columns[i];
	return 0;
}

/* Numbers the values of a set row by row; -1 for rows with a NULL.  Gives how many numbers there are. */
static int32
number_values(CodeTable *table, const KeySet *set, int32 *ids)
{
	const CodeColumn *column = &table->columns[set->columns[0]];
	int32		n = column->ndistinct + 1;

	memcpy(ids, column->codes, mul_size(table->nrows, sizeof(int32)));
	for (int i = 1; i < set->n; i++)
	{
		column = &table->columns[set->columns[i]];
		n = codes_combine(table, ids, n, column->codes, column->ndistinct + 1, table->nrows, ids);
	}
	for (int64 row = 0; row < table->nrows; row++)
		for (int i = 0; i < set->n; i++)
			if (table->columns[set->columns[i]].codes[row] == 0)
				ids[row] = -1;
	return n;
}

/* Chooses the values that most rows share, the first of equals, and asks for their texts. */
static void
choose_examples(CodeTable *table, KeyTexts *texts, const KeySet *set, int max, KeyExamples *out)
{
	int32	   *ids = codes_alloc(table, table->nrows, sizeof(int32), false);
	int32		n = number_values(table, set, ids);
	int32	   *counts = codes_alloc(table, n, sizeof(int32), true);

	out->items = palloc(mul_size(Max(max, 1), sizeof(KeyExample)));
	for (int64 row = 0; row < table->nrows; row++)
		if (ids[row] >= 0)
			counts[ids[row]]++;
	for (out->n = 0; out->n < max; out->n++)
	{
		int64		best = -1;

		for (int64 row = 0; row < table->nrows; row++)
			if (ids[row] >= 0 && counts[ids[row]] > 1 && (best < 0 || counts[ids[row]] > counts[ids[best]]))
				best = row;
		if (best < 0)
			break;
		out->items[out->n].rows = counts[ids[best]];
		counts[ids[best]] = 0;
		for (int i = 0; i < set->n; i++)
			out->items[out->n].texts[i] = key_texts_want(texts, best, set->columns[i]);
	}
	codes_free(table, counts, n, sizeof(int32));
	codes_free(table, ids, table->nrows, sizeof(int32));
}

/* Gives a set's examples as jsonb. */
static Datum
examples_jsonb(const CodeTable *table, KeyTexts *texts, const KeySet *set, const KeyExamples *examples)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int e = 0; e < examples->n; e++)
	{
		appendStringInfoString(&json, e > 0 ? ", {\"values\": {" : "{\"values\": {");
		for (int i = 0; i < set->n; i++)
		{
			if (i > 0)
				appendStringInfoString(&json, ", ");
			escape_json(&json, table->columns[set->columns[i]].name);
			appendStringInfoString(&json, ": ");
			key_texts_json(texts, examples->items[e].texts[i], &json);
		}
		appendStringInfo(&json, "}, \"rows\": %lld}", (long long) examples->items[e].rows);
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Gives the names of a set's columns as text[]. */
static Datum
names_array(const CodeTable *table, const KeySet *set)
{
	Datum		names[KEYS_MAX_COLUMNS];

	for (int i = 0; i < set->n; i++)
		names[i] = CStringGetTextDatum(table->columns[set->columns[i]].name);
	return PointerGetDatum(construct_array(names, set->n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Puts the sets into the result. */
static void
put_sets(ReturnSetInfo *rsinfo, KeySearch *search, const KeyOptions *options)
{
	CodeTable  *table = search->table;
	int			n = (int) Min(search->nfound, options->top);
	KeyTexts   *texts = key_texts_create(table);
	KeyExamples *examples = palloc0(mul_size(Max(n, 1), sizeof(KeyExamples)));

	progress_phase(&table->progress, "choosing examples", n);
	for (int i = 0; i < n; i++)
		if (search->found[i].duplicates > 0)
			choose_examples(table, texts, &search->found[i], (int) options->examples, &examples[i]);
	key_texts_read(texts);
	for (int i = 0; i < n; i++)
	{
		const KeySet *set = &search->found[i];
		Datum		values[KEYS_NCOLUMNS];
		bool		nulls[KEYS_NCOLUMNS] = {0};

		values[0] = names_array(table, set);
		values[1] = Int64GetDatum(set->nrows);
		values[2] = Int64GetDatum(set->ndistinct);
		values[3] = Int64GetDatum(set->duplicates);
		values[4] = Int64GetDatum(set->nulls);
		values[5] = Float8GetDatum((double) key_broken(set) / Max(set->nrows, 1));
		values[6] = BoolGetDatum(key_broken(set) == 0);
		values[7] = BoolGetDatum(set->declared);
		nulls[8] = examples[i].n == 0;
		values[8] = nulls[8] ? (Datum) 0 : examples_jsonb(table, texts, set, &examples[i]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* Says what was not looked at to the end. */
static void
tell_limits(const KeySearch *search, const KeyOptions *options)
{
	if (search->nskipped > 0)
		ereport(NOTICE,
				(errmsg("%lld sets of columns were not verified", (long long) search->nskipped),
				 errdetail("Each is verified by a query of its own; option \"max_verified\" allows %lld of them.",
						   (long long) options->max_verified),
				 errhint("Name fewer columns in the option \"columns\", read a larger sample, or raise \"max_verified\".")));
	if (search->nfound > options->top)
		ereport(NOTICE,
				(errmsg("%d sets of columns were found; the first %lld are given", search->nfound, (long long) options->top),
				 errhint("Raise the option \"top\" to see more.")));
}

/* Reads max_columns. */
static int
read_max_columns(FunctionCallInfo fcinfo, int argno)
{
	int			max = arg_positive(fcinfo, argno, "max_columns");

	if (max > KEYS_MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most %d, not %d", "max_columns", KEYS_MAX_COLUMNS, max)));
	return max;
}

/* profile_keys(relation, max_columns, max_error, params): minimal sets of columns that are keys, or nearly. */
Datum
aipipe_profile_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile keys", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	KeyOptions	options;
	KeySearch	search = {0};
	CodeSpec	spec = {0};

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	arg_require(fcinfo, 0, "relation");
	options_parse(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), "profile_keys", key_options, lengthof(key_options), &options);
	search.max_columns = read_max_columns(fcinfo, 1);
	search.max_error = arg_share(fcinfo, 2, "max_error");
	search.max_verified = options.max_verified;
	spec.relid = PG_GETARG_OID(0);
	spec.columns = options.columns;
	spec.share = options.sample;
	spec.seed = (uint64) options.seed;
	spec.what = "looking for keys";
	search.table = codes_read(&spec, context);
	keys_search(&search);
	keys_find_declared(search.table, search.found, search.nfound);
	if (search.nfound > 1)
		qsort(search.found, search.nfound, sizeof(KeySet), compare_sets);
	put_sets(rsinfo, &search, &options);
	progress_end(&search.table->progress);
	tell_limits(&search, &options);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
