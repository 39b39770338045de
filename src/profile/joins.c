/*-------------------------------------------------------------------------
 *
 * joins.c
 *	  profile_joins(): which columns refer to which others, verified.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/args.h"
#include "core/options.h"
#include "profile/joins.h"

PG_FUNCTION_INFO_V1(aipipe_profile_joins);

#define JOINS_NCOLUMNS 13

typedef struct JoinOptions
{
	int64		max_verified;
	int64		min_distinct;
	double		min_score;
	double		sample;
	int64		seed;
} JoinOptions;

static const OptionSpec join_options[] = {
	{"max_verified", OPTION_INT, OPTION_FIELD(JoinOptions, max_verified), 10000, 0, 10000000},
	{"min_distinct", OPTION_INT, OPTION_FIELD(JoinOptions, min_distinct), 3, 1, 1000000000},
	{"min_score", OPTION_REAL, OPTION_FIELD(JoinOptions, min_score), 0.25, 0, 1},
	{"sample", OPTION_REAL, OPTION_FIELD(JoinOptions, sample), 1, 1e-6, 1},
	{"seed", OPTION_INT, OPTION_FIELD(JoinOptions, seed), 0, 0, 9007199254740991.0},
};

/* Reads the relations: OIDs, each once; NIL when the argument is NULL. */
static List *
read_relations(FunctionCallInfo fcinfo, int argno)
{
	List	   *relations = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(argno))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain NULL", "relations")));
		relations = list_append_unique_oid(relations, DatumGetObjectId(elements[i]));
	}
	if (relations == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be an empty array", "relations"),
				 errhint("Leave it out for all tables that you may read.")));
	return relations;
}

/* Reads the least containment. */
static double
read_containment(FunctionCallInfo fcinfo, int argno)
{
	double		value;

	arg_require(fcinfo, argno, "min_containment");
	value = PG_GETARG_FLOAT8(argno);
	if (!(value > 0 && value <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be above 0 and at most 1, not %g", "min_containment", value)));
	return value;
}

/* The best first; then what is declared, then the order of columns. */
static int
compare_results(const void *a, const void *b)
{
	const JoinPair *x = a;
	const JoinPair *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->declared != y->declared)
		return x->declared ? -1 : 1;
	if (x->left != y->left)
		return x->left - y->left;
	return x->right - y->right;
}

/* Says whether a pair that was counted is an answer. */
static bool
holds(const JoinSearch *search, const JoinPair *pair)
{
	return pair->matched_distinct > 0 &&
		pair->matched_distinct >= search->min_containment * search->columns[pair->left].different - 1e-9 &&
		(pair->declared || pair->score >= search->min_score);
}

/* Verifies the most promising pairs and leaves those that hold. */
static void
verify_pairs(JoinSearch *search, int64 max_verified)
{
	int			n = (int) Min(search->npairs, max_verified);
	int			kept = 0;

	joins_verify(search, n);
	for (int i = 0; i < n; i++)
		if (holds(search, &search->pairs[i]))
			search->pairs[kept++] = search->pairs[i];
	if (search->npairs > n)
		ereport(NOTICE,
				(errmsg("%d of %d pairs of columns were verified, the most promising", n, search->npairs),
				 errhint("Raise the option \"max_verified\", or name fewer relations.")));
	search->npairs = kept;
	if (kept > 1)
		qsort(search->pairs, kept, sizeof(JoinPair), compare_results);
}

/* Gives how many rows of one side meet how many of the other. */
static const char *
cardinality_of(const JoinColumn *left, const JoinColumn *right)
{
	if (right->most <= 1)
		return left->most <= 1 ? "1:1" : "n:1";
	return left->most <= 1 ? "1:n" : "n:m";
}

/* Gives a name as a Datum. */
static Datum
name_datum(const char *text)
{
	Name		name = palloc(sizeof(NameData));

	namestrcpy(name, text);
	return NameGetDatum(name);
}

/* Puts the pairs into the result. */
static void
put_pairs(ReturnSetInfo *rsinfo, const JoinSearch *search)
{
	for (int i = 0; i < search->npairs; i++)
	{
		const JoinPair *pair = &search->pairs[i];
		const JoinColumn *left = &search->columns[pair->left];
		const JoinColumn *right = &search->columns[pair->right];
		Datum		values[JOINS_NCOLUMNS];
		bool		nulls[JOINS_NCOLUMNS] = {0};

		values[0] = ObjectIdGetDatum(search->tables[left->table].relid);
		values[1] = name_datum(left->name);
		values[2] = ObjectIdGetDatum(search->tables[right->table].relid);
		values[3] = name_datum(right->name);
		values[4] = Float8GetDatum((double) pair->matched_distinct / left->different);
		values[5] = Float8GetDatum((double) pair->matched_rows / left->rows);
		values[6] = Int64GetDatum(left->different);
		values[7] = Int64GetDatum(right->different);
		values[8] = BoolGetDatum(right->most <= 1);
		values[9] = CStringGetTextDatum(cardinality_of(left, right));
		values[10] = Float8GetDatum(pair->name_similarity);
		values[11] = BoolGetDatum(pair->declared);
		values[12] = Float8GetDatum(pair->score);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* profile_joins(relations, schema, min_containment, params): columns whose values are found in other columns, the likeliest references first. */
Datum
aipipe_profile_joins(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile joins", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	JoinOptions options;
	JoinSearch	search = {0};
	List	   *relations;
	const char *schema;

	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	relations = read_relations(fcinfo, 0);
	schema = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	if (relations != NIL && schema != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("relations and a schema cannot both be named"),
				 errhint("Leave one of them NULL.")));
	search.min_containment = read_containment(fcinfo, 2);
	options_parse(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), "profile_joins", join_options, lengthof(join_options), &options);
	search.sample = options.sample;
	search.seed = (uint64) options.seed;
	search.min_distinct = options.min_distinct;
	search.min_score = options.min_score;
	progress_begin(&search.progress, "looking for joins");
	joins_list(&search, relations, schema);
	joins_scan(&search);
	joins_find_pairs(&search);
	verify_pairs(&search, options.max_verified);
	put_pairs(rsinfo, &search);
	progress_end(&search.progress);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}
