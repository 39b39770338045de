/*-------------------------------------------------------------------------
 *
 * target.c
 *	  Reading the target column: class labels or values as float32.
 *
 * Classes may be of any type: a label is its text form, the same whatever the
 * session's settings are and however a number's value was written (1.0 and 1.00
 * are "1"), and classes are ordered as their type orders them, so that
 * false < true and 9 < 10.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "model/target.h"
#include "model/value.h"

/* More classes than this are almost certainly not classes (a key, an amount). */
#define TARGET_MAX_CLASSES 1000

typedef struct TargetClass
{
	char	   *label;
	Datum		value;			/* for ordering; unused when classes were given */
	int			provisional;
} TargetClass;


struct Target
{
	MemoryContext context;		/* lives as long as the target */
	MemoryContext scratch;		/* reset per row */
	ModelTask	task;
	const char *name;
	AttrNumber	attno;
	ValueText	reader;
	bool		known;			/* classes were given */
	int			nclasses;
	TargetClass *classes;
	int			nslots;			/* open addressing, a power of two above 2 * TARGET_MAX_CLASSES */
	int		   *slots;			/* class index + 1, 0 = free */
	int			last;			/* class of the last row: most labels repeat */
};

/* Prepares to read the column for the task. */
Target *
target_begin(TupleDesc desc, AttrNumber attno, ModelTask task, const char *name)
{
	Target	   *target = palloc0(sizeof(Target));
	Form_pg_attribute attribute = TupleDescAttr(desc, attno - 1);

	target->context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model target", ALLOCSET_DEFAULT_SIZES);
	target->scratch = AllocSetContextCreate(target->context, "aipipe model target row", ALLOCSET_SMALL_SIZES);
	target->task = task;
	target->name = name;
	target->attno = attno;
	value_text_init(&target->reader, attribute->atttypid);
	target->last = -1;
	if (task != TASK_CLASSIFICATION && !value_is_number(target->reader.type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("target column \"%s\" of type %s cannot be the target of a %s", name,
						format_type_be(attribute->atttypid), algorithm_task_name(task)),
				 errhint("Use a numeric column, or task classification.")));
	target->nslots = 4096;
	target->slots = palloc0(sizeof(int) * target->nslots);
	target->classes = palloc0(sizeof(TargetClass) * TARGET_MAX_CLASSES);
	StaticAssertStmt(4096 >= 2 * TARGET_MAX_CLASSES, "the hash table must stay half empty");
	return target;
}

/* Gives the index of a class label, or -1; *slot is where it is or belongs. */
static int
find_class(Target *target, const char *label, int *slot)
{
	uint32		hash = hash_bytes((const unsigned char *) label, strlen(label));

	for (*slot = hash & (target->nslots - 1); target->slots[*slot] != 0;
		 *slot = (*slot + 1) & (target->nslots - 1))
	{
		int			index = target->slots[*slot] - 1;

		if (strcmp(target->classes[index].label, label) == 0)
			return index;
	}
	return -1;
}

/* Adds a class at the slot that find_class() gave. */
static int
add_class(Target *target, const char *label, Datum value, int slot)
{
	MemoryContext old;
	TargetClass *class;

	if (target->nclasses >= TARGET_MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" has more than %d classes", target->name, TARGET_MAX_CLASSES),
				 errhint("Use task regression, or a column with fewer distinct values.")));
	old = MemoryContextSwitchTo(target->context);
	class = &target->classes[target->nclasses];
	class->label = pstrdup(label);
	class->provisional = target->nclasses;
	if (!target->known)
		class->value = datumCopy(value, target->reader.typbyval, target->reader.typlen);
	MemoryContextSwitchTo(old);
	target->slots[slot] = ++target->nclasses;
	return target->nclasses - 1;
}

/* The same with the classes known: labels that are none of them give NaN. */
Target *
target_begin_known(TupleDesc desc, AttrNumber attno, ModelTask task, const char *name,
				   char **classes, int nclasses)
{
	Target	   *target = target_begin(desc, attno, task, name);
	int			slot;

	target->known = true;
	for (int c = 0; c < nclasses; c++)
	{
		char	   *label = value_text_given(target->reader.type, classes[c]);

		/* of equal ones, which versions of before told apart, the first takes the rows */
		if (find_class(target, label, &slot) < 0)
			add_class(target, label, (Datum) 0, slot);
		else
			target->nclasses++;
		pfree(label);
	}
	return target;
}

/* Reads a regression target; infinite ones are an error, NaN is as good as NULL. */
static bool
read_value(Target *target, Datum value, float *label)
{
	double		number = value_number(target->reader.type, value);

	if (isnan(number))
		return false;
	if (isinf(number) || fabs(number) > FLT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("target column \"%s\" holds a value beyond the range of float4: %g", target->name, number),
				 errhint("Leave such rows out of the source.")));
	*label = (float) number;
	return true;
}

/* Reads a class label. */
static bool
read_class(Target *target, Datum value, float *label)
{
	MemoryContext old = MemoryContextSwitchTo(target->scratch);
	Datum		plain = value;
	const char *text;
	int			index;
	int			slot;

	if (target->reader.typlen == -1)
		plain = PointerGetDatum(PG_DETOAST_DATUM(value));
	text = value_text(&target->reader, plain);
	if (target->last >= 0 && strcmp(target->classes[target->last].label, text) == 0)
		index = target->last;
	else
	{
		index = find_class(target, text, &slot);
		if (index < 0 && !target->known)
			index = add_class(target, text, plain, slot);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(target->scratch);
	if (index < 0)
		return false;
	target->last = index;
	*label = (float) index;
	return true;
}

/* Gives the row's label; false when it has none. */
bool
target_read(Target *target, const Datum *values, const bool *nulls, float *label)
{
	if (nulls[target->attno - 1])
		return false;
	if (target->task == TASK_CLASSIFICATION)
		return read_class(target, values[target->attno - 1], label);
	return read_value(target, values[target->attno - 1], label);
}

/* Gives the number of classes met so far. */
int
target_nclasses(const Target *target)
{
	return target->nclasses;
}

/* Gives the index of the class that a person calls so, or -1. */
int
target_class(const Target *target, const char *text, char **classes, int nclasses)
{
	char	   *label = value_text_given(target->reader.type, text);
	int			at;

	for (at = 0; at < nclasses; at++)
		if (strcmp(classes[at], label) == 0)
			break;
	pfree(label);
	return at < nclasses ? at : -1;
}

typedef struct SortState
{
	FmgrInfo   *compare;		/* the type's own order, or NULL for the order of the bytes */
	Oid			collation;
} SortState;

/* Compares two classes in their type's order; different texts of equal values by their bytes. */
static int
compare_classes(const void *a, const void *b, void *arg)
{
	const TargetClass *left = a;
	const TargetClass *right = b;
	SortState  *state = arg;
	int			order = 0;

	if (state->compare != NULL)
		order = DatumGetInt32(FunctionCall2Coll(state->compare, state->collation, left->value, right->value));
	return order != 0 ? order : strcmp(left->label, right->label);
}

/* Moves the class that the caller calls positive to the end. */
static void
move_positive(Target *target, const char *positive)
{
	char	   *label = value_text_given(target->reader.type, positive);
	int			at;
	TargetClass moved;

	for (at = 0; at < target->nclasses; at++)
		if (strcmp(target->classes[at].label, label) == 0)
			break;
	if (at == target->nclasses)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("positive class \"%s\" does not occur in target column \"%s\"", positive, target->name)));
	moved = target->classes[at];
	memmove(&target->classes[at], &target->classes[at + 1], sizeof(TargetClass) * (target->nclasses - at - 1));
	target->classes[target->nclasses - 1] = moved;
}

/* Ends with an error when the labels cannot teach anything. */
static void
check_labels(const Target *target, const float *labels, int64 nlabels)
{
	bool		constant = true;

	if (nlabels == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" has no value in any row of the source", target->name),
				 errdetail("Rows whose target is NULL or NaN cannot teach.")));
	for (int64 i = 1; i < nlabels && constant; i++)
		constant = (labels[i] == labels[0]);
	if (!constant)
		return;
	if (target->task == TASK_CLASSIFICATION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" has only one class", target->name),
				 errdetail("Every row is \"%s\".", target->classes[(int) labels[0]].label)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("target column \"%s\" is constant", target->name),
			 errdetail("Every row has the value %g.", labels[0])));
}

/* Sorts the classes, rewrites the provisional indexes and gives the class labels. */
void
target_finish(Target *target, float *labels, int64 nlabels, const char *positive,
			  char ***classes, int *nclasses)
{
	SortState	sort = {0};
	TypeCacheEntry *type;
	int		   *final;

	*classes = NULL;
	*nclasses = 0;
	check_labels(target, labels, nlabels);
	if (target->task != TASK_CLASSIFICATION)
		return;
	type = lookup_type_cache(target->reader.type, TYPECACHE_CMP_PROC_FINFO);
	/* texts are ordered by their bytes: the same on every machine */
	sort.collation = C_COLLATION_OID;
	if (OidIsValid(type->cmp_proc_finfo.fn_oid) && !OidIsValid(get_typcollation(target->reader.type)))
		sort.compare = &type->cmp_proc_finfo;
	qsort_arg(target->classes, target->nclasses, sizeof(TargetClass), compare_classes, &sort);
	if (positive != NULL)
		move_positive(target, positive);

	final = palloc(sizeof(int) * target->nclasses);
	*classes = palloc(sizeof(char *) * target->nclasses);
	*nclasses = target->nclasses;
	for (int c = 0; c < target->nclasses; c++)
	{
		final[target->classes[c].provisional] = c;
		(*classes)[c] = target->classes[c].label;
	}
	for (int64 i = 0; i < nlabels; i++)
		labels[i] = (float) final[(int) labels[i]];
	pfree(final);
}
