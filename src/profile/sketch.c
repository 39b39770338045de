/*-------------------------------------------------------------------------
 *
 * sketch.c
 *	  Sketches: made empty, merged.
 *
 * Rows come in through sketch_add.c, bytes through sketch_read.c; what is answered
 * is in query.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/sketch_int.h"

/* Makes a sketch that saw nothing. */
Sketch *
sketch_create(MemoryContext context)
{
	Sketch	   *sketch = MemoryContextAllocZero(context, sizeof(Sketch));

	sketch->context = context;
	sketch->kind = VALUE_NONE;
	return sketch;
}

/* Complains about counts that no column has. */
void
sketch_check_counts(const Sketch *sketch)
{
	if (sketch->count > SKETCH_MAX_COUNT || sketch->bytes > SKETCH_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sketch counts too many rows"),
				 errdetail("A sketch counts at most " INT64_FORMAT " rows.", SKETCH_MAX_COUNT)));
}

/* Takes over kind and type of other, or complains that they do not go together. */
static void
merge_kind(Sketch *into, const Sketch *other)
{
	if (into->kind != VALUE_NONE && other->kind != VALUE_NONE && into->kind != other->kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot merge a sketch of type %s with one of type %s", into->type_name, other->type_name),
				 errdetail("One holds values of kind %s, the other of kind %s.",
						   value_kind_name(into->kind), value_kind_name(other->kind)),
				 errhint("Cast the values of one of them before they are sketched.")));
	if (into->kind == VALUE_NONE && (other->kind != VALUE_NONE || into->type_name[0] == '\0'))
	{
		into->kind = other->kind;
		strlcpy(into->type_name, other->type_name, sizeof(into->type_name));
	}
}

/* Adds the counts, sums and moments of other. */
static void
merge_counts(Sketch *into, const Sketch *other)
{
	if (other->characters.n > 0)
	{
		bool		empty = into->characters.n == 0;

		into->characters_min = empty ? other->characters_min : Min(into->characters_min, other->characters_min);
		into->characters_max = empty ? other->characters_max : Max(into->characters_max, other->characters_max);
	}
	into->count += other->count;
	into->nulls += other->nulls;
	into->nans += other->nans;
	into->plus_infinite += other->plus_infinite;
	into->minus_infinite += other->minus_infinite;
	into->bytes += other->bytes;
	for (int i = 0; i < LOOK_N; i++)
		into->looks[i] += other->looks[i];
	into->order.rising += other->order.rising;
	into->order.falling += other->order.falling;
	into->order.equal += other->order.equal;
	sketch_check_counts(into);
	moments_merge(&into->numbers, &other->numbers);
	moments_merge(&into->characters, &other->characters);
}

/* Merges frequent items, making room for them when there are none yet. */
static void
merge_frequent(Sketch *into, Frequent **frequent, const Frequent *other)
{
	if (other == NULL)
		return;
	if (*frequent == NULL)
		*frequent = frequent_create(into->context, FREQUENT_STORED);
	frequent_merge(*frequent, other);
}

/* Adds other to into. */
void
sketch_merge(Sketch *into, const Sketch *other)
{
	merge_kind(into, other);
	sketch_merge_extremes(into, other);
	merge_counts(into, other);
	if (other->quantiles != NULL)
	{
		if (into->quantiles == NULL)
			into->quantiles = quantiles_create(into->context);
		quantiles_merge(into->quantiles, other->quantiles);
	}
	if (other->distinct != NULL)
	{
		if (into->distinct == NULL)
			into->distinct = distinct_create(into->context);
		distinct_merge(into->distinct, other->distinct);
	}
	minhash_merge(&into->minhash, &other->minhash);
	merge_frequent(into, &into->values, other->values);
	merge_frequent(into, &into->patterns, other->patterns);
	/* What was added before is no neighbour of what comes next. */
	if (into->build != NULL)
		into->build->has_last = false;
}

/* Copies a sketch to a context; the copy goes on as the original would. */
Sketch *
sketch_copy(const Sketch *sketch, MemoryContext context)
{
	Sketch	   *copy = sketch_create(context);
	SketchBuild *build;

	sketch_merge(copy, sketch);
	if (sketch->build == NULL)
		return copy;
	build = MemoryContextAlloc(context, sizeof(SketchBuild));
	*build = *sketch->build;
	build->looks = NULL;
	if (build->last_size > 0)
	{
		build->last_text = MemoryContextAlloc(context, build->last_size);
		memcpy(build->last_text, sketch->build->last_text, build->last_len);
	}
	copy->build = build;
	return copy;
}
