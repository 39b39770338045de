/*-------------------------------------------------------------------------
 *
 * dependencies.c
 *	  profile_dependencies(): which columns of a table tell which others, always or nearly always.
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
#include "profile/dependencies.h"
#include "profile/keys_texts.h"

PG_FUNCTION_INFO_V1(aipipe_profile_dependencies);

#define DEPENDENCIES_NCOLUMNS 11

typedef struct DependencyOptions
{
	List	   *columns;
	double		min_repeat;
	double		sample;
	int64		seed;
	int64		top;
	bool		trivial;
} DependencyOptions;

static const OptionSpec dependency_options[] = {
	{"columns", OPTION_TEXT_LIST, OPTION_FIELD(DependencyOptions, columns)},
	{"min_repeat", OPTION_REAL, OPTION_FIELD(DependencyOptions, min_repeat), 0.01, 0, 1},
	{"sample", OPTION_REAL, OPTION_FIELD(DependencyOptions, sample), 1, 1e-6, 1},
	{"seed", OPTION_INT, OPTION_FIELD(DependencyOptions, seed), 0, 0, 9007199254740991.0},
	{"top", OPTION_INT, OPTION_FIELD(DependencyOptions, top), 100, 1, 1000000},
	{"trivial", OPTION_BOOL, OPTION_FIELD(DependencyOptions, trivial), 0},
};

/* Texts of an example: the left side's values, the usual and the other value of the right side. */
typedef struct DependencyExample
{
	int			left[DEPENDENCY_MAX_LEFT];
	int			usual;
	int			other;
} DependencyExample;

/* What tells most first, then what is broken least, then fewer columns, then the table's order. */
static int
compare_dependencies(const void *a, const void *b)
{
	const Dependency *x = a;
	const Dependency *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->removed != y->removed)
		return x->removed < y->removed ? -1 : 1;
	if (x->nleft != y->nleft)
		return x->nleft - y->nleft;
	for (int i = 0; i < x->nleft; i++)
		if (x->left[i] != y->left[i])
			return x->left[i] - y->left[i];
	return x->right - y->right;
}

/* Gives the names of the left side as text[]. */
static Datum
left_array(const CodeTable *table, const Dependency *dependency)
{
	Datum		names[DEPENDENCY_MAX_LEFT];

	for (int i = 0; i < dependency->nleft; i++)
		names[i] = CStringGetTextDatum(table->columns[dependency->left[i]].name);
	return PointerGetDatum(construct_array(names, dependency->nleft, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Says whether a dependency has rows to show that break it. */
static bool
has_example(const Dependency *dependency)
{
	return dependency->violation.other_rows > 0;
}

/* Asks for an example's texts. */
static void
want_example(KeyTexts *texts, const Dependency *dependency, DependencyExample *example)
{
	const Violation *violation = &dependency->violation;

	for (int i = 0; i < dependency->nleft; i++)
		example->left[i] = key_texts_want(texts, violation->usual_row, dependency->left[i]);
	example->usual = key_texts_want(texts, violation->usual_row, dependency->right);
	example->other = key_texts_want(texts, violation->other_row, dependency->right);
}

/* Appends a value of the right side and how many rows have it. */
static void
append_value(StringInfo json, KeyTexts *texts, int number, int64 rows)
{
	appendStringInfoString(json, "{\"value\": ");
	key_texts_json(texts, number, json);
	appendStringInfo(json, ", \"rows\": %lld}", (long long) rows);
}

/* Gives an example as jsonb: {"left": {column: value}, "right": [{"value": …, "rows": …}, …]}. */
static Datum
example_jsonb(const CodeTable *table, KeyTexts *texts, const Dependency *dependency, const DependencyExample *example)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"left\": {");
	for (int i = 0; i < dependency->nleft; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, table->columns[dependency->left[i]].name);
		appendStringInfoString(&json, ": ");
		key_texts_json(texts, example->left[i], &json);
	}
	appendStringInfoString(&json, "}, \"right\": [");
	append_value(&json, texts, example->usual, dependency->violation.usual_rows);
	appendStringInfoString(&json, ", ");
	append_value(&json, texts, example->other, dependency->violation.other_rows);
	appendStringInfoString(&json, "]}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Puts one dependency into the result. */
static void
put_dependency(ReturnSetInfo *rsinfo, const CodeTable *table, KeyTexts *texts, const Dependency *dependency, const DependencyExample *example)
{
	double		error = (double) dependency->removed / table->nrows;
	Datum		values[DEPENDENCIES_NCOLUMNS];
	bool		nulls[DEPENDENCIES_NCOLUMNS] = {0};

	values[0] = left_array(table, dependency);
	values[1] = CStringGetTextDatum(table->columns[dependency->right].name);
	values[2] = Float8GetDatum(error);
	values[3] = Float8GetDatum(1 - error);
	values[4] = Int64GetDatum(table->nrows);
	values[5] = Int64GetDatum(dependency->ngroups);
	values[6] = Int64GetDatum(dependency->removed);
	values[7] = Int64GetDatum(dependency->violating);
	values[8] = Float8GetDatum((double) (table->nrows - dependency->ngroups) / table->nrows);
	values[9] = Float8GetDatum(dependency->score);
	nulls[10] = !has_example(dependency);
	values[10] = nulls[10] ? (Datum) 0 : example_jsonb(table, texts, dependency, example);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Puts the dependencies that tell most into the result. */
static void
put_dependencies(ReturnSetInfo *rsinfo, DependencySearch *search, int64 top)
{
	int			n = (int) Min(search->nfound, top);
	KeyTexts   *texts = key_texts_create(search->table);
	DependencyExample *examples = palloc0(mul_size(Max(n, 1), sizeof(DependencyExample)));

	if (search->nfound > 1)
		qsort(search->found, search->nfound, sizeof(Dependency), compare_dependencies);
	for (int i = 0; i < n; i++)
		if (has_example(&search->found[i]))
			want_example(texts, &search->found[i], &examples[i]);
	key_texts_read(texts);
	for (int i = 0; i < n; i++)
		put_dependency(rsinfo, search->table, texts, &search->found[i], &examples[i]);
	if (search->nfound > top)
		ereport(NOTICE,
				(errmsg("%d dependencies were found; the first %lld are given", search->nfound, (long long) top),
				 errhint("Raise the option \"top\" to see more.")));
}

/* Reads max_lhs. */
static int
read_max_left(FunctionCallInfo fcinfo, int argno)
{
	int			max = arg_positive(fcinfo, argno, "max_lhs");

	if (max > DEPENDENCY_MAX_LEFT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most %d, not %d", "max_lhs", DEPENDENCY_MAX_LEFT, max)));
	return max;
}

/* profile_dependencies(relation, max_lhs, max_error, params): minimal functional dependencies, what tells most first. */
Datum
aipipe_profile_dependencies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile dependencies", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	DependencyOptions options;
	DependencySearch search = {0};
	CodeSpec	spec = {0};

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	arg_require(fcinfo, 0, "relation");
	options_parse(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), "profile_dependencies", dependency_options,
				  lengthof(dependency_options), &options);
	search.max_left = read_max_left(fcinfo, 1);
	search.max_error = arg_share(fcinfo, 2, "max_error");
	search.min_repeat = options.trivial ? 0 : options.min_repeat;
	search.trivial = options.trivial;
	spec.relid = PG_GETARG_OID(0);
	spec.columns = options.columns;
	spec.share = options.sample;
	spec.seed = (uint64) options.seed;
	spec.what = "looking for dependencies";
	search.table = codes_read(&spec, context);
	dependencies_search(&search);
	put_dependencies(rsinfo, &search, options.top);
	progress_end(&search.table->progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
