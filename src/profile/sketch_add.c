/*-------------------------------------------------------------------------
 *
 * sketch_add.c
 *	  Rows into a sketch, in blocks.
 *
 * A block's values are read once (value.h): then each part takes the arrays of
 * hashes and numbers that it needs.  The value's text is only made for what is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "core/text.h"
#include "profile/sketch_int.h"

/* Makes what is needed to add rows that a reader reads. */
static void
build_begin(Sketch *sketch, ValueReader *reader)
{
	static const char *const doubles[] = {"double precision", "real", "smallint", "integer", "date", "boolean"};
	SketchBuild *build = MemoryContextAllocZero(sketch->context, sizeof(SketchBuild));
	const char *type_name = value_reader_type_name(reader);

	for (int i = 0; i < lengthof(doubles); i++)
		build->exact_numbers |= strcmp(type_name, doubles[i]) == 0;
	if (sketch->type_name[0] == '\0')
		strlcpy(sketch->type_name, type_name, text_clip(type_name, strlen(type_name), SKETCH_TYPE_NAME) + 1);
	sketch->build = build;
}

/* Takes the reader's kind for the sketch's, once there is a value. */
static void
take_kind(Sketch *sketch, ValueReader *reader)
{
	ValueKind	kind = value_reader_kind(reader);

	if (sketch->kind != VALUE_NONE && sketch->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot add a value of type %s to a sketch of type %s",
						value_reader_type_name(reader), sketch->type_name)));
	sketch->kind = kind;
	if (sketch->quantiles == NULL)
		sketch->quantiles = quantiles_create(sketch->context);
	if (sketch->distinct == NULL)
		sketch->distinct = distinct_create(sketch->context);
	if (sketch->values == NULL)
		sketch->values = frequent_create(sketch->context, FREQUENT_STORED);
}

/* Adds the numbers of a block: ranks of all but NaN, moments of finite ones; all_finite says that there are no others. */
static void
add_numbers(Sketch *sketch, const ValueBlock *block, bool all_finite)
{
	double		ranked[PROFILE_BLOCK];
	double		finite[PROFILE_BLOCK];
	int			nranked = 0;
	int			nfinite = 0;

	if (all_finite)
	{
		moments_add(&sketch->numbers, block->numbers, block->n);
		quantiles_add(sketch->quantiles, block->numbers, block->n);
		return;
	}
	for (int i = 0; i < block->n; i++)
	{
		double		x = block->numbers[i];

		if (isnan(x))
		{
			sketch->nans++;
			continue;
		}
		ranked[nranked++] = x;
		if (!isinf(x))
			finite[nfinite++] = x;
		else if (x > 0)
			sketch->plus_infinite++;
		else
			sketch->minus_infinite++;
	}
	moments_add(&sketch->numbers, finite, nfinite);
	quantiles_add(sketch->quantiles, ranked, nranked);
}

/* Adds a block's hashes: who has a counter was shown to the other parts when it came first. */
static void
add_hashes(Sketch *sketch, ValueReader *reader, const ValueBlock *block)
{
	uint64		hashes[PROFILE_BLOCK];
	uint8		missing[PROFILE_BLOCK];
	int			n = frequent_count_block(sketch->values, block->hashes, block->n, missing);

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		hashes[i] = block->hashes[missing[i]];
	distinct_add(sketch->distinct, hashes, n);
	minhash_add(&sketch->minhash, hashes, n);
	n = frequent_admit_block(sketch->values, block->hashes, missing, n);
	for (int i = 0; i < n; i++)
	{
		int			len;
		const char *text = value_block_text(reader, block, missing[i], &len);
		int			kept = (len <= FREQUENT_TEXT) ? len : text_clip(text, len, FREQUENT_TEXT);

		frequent_enter(sketch->values, block->hashes[missing[i]], text, kept, kept == len, 0, 1);
	}
}

/* Adds block->n values, none NULL, whose datums are set. */
void
sketch_add_block(Sketch *sketch, ValueReader *reader, ValueBlock *block, const TimestampTz *at)
{
	BlockOrder	order = {-1, -1, false};

	if (sketch->build == NULL)
		build_begin(sketch, reader);
	/* callers set n and as many values, not the whole block */
	/* cppcheck-suppress ctuuninitvar */
	if (block->n == 0)
		return;
	take_kind(sketch, reader);
	value_read(reader, block);
	distinct_prefetch(sketch->distinct, block->hashes, block->n);
	frequent_prefetch(sketch->values, block->hashes, block->n);
	sketch->count += block->n;
	sketch->bytes += block->bytes;
	if (value_kind_is_numeric(sketch->kind) || block->texts[0] != NULL)
	{
		sketch_order_block(sketch, reader, block, at, &order);
		sketch_keep_last(sketch, reader, block);
	}
	sketch_add_extremes(sketch, reader, block, at, order.least, order.greatest);
	if (value_kind_is_numeric(sketch->kind))
		add_numbers(sketch, block, order.finite);
	else
	{
		double		characters[PROFILE_BLOCK];

		sketch_add_texts(sketch, block, characters);
		quantiles_add(sketch->quantiles, characters, block->n);
	}
	add_hashes(sketch, reader, block);
}

/* Adds rows of one column. */
void
sketch_add(Sketch *sketch, ValueReader *reader, const Datum *const *rows, const bool *const *isnull, int column, int n,
		   const TimestampTz *at)
{
	ValueBlock	block;
	TimestampTz times[PROFILE_BLOCK];

	Assert(n >= 0 && n <= PROFILE_BLOCK);
	block.n = 0;
	for (int i = 0; i < n; i++)
	{
		if (isnull[i][column])
			continue;
		block.datums[block.n] = rows[i][column];
		if (at != NULL)
			times[block.n] = at[i];
		block.n++;
	}
	sketch->count += n - block.n;
	sketch->nulls += n - block.n;
	sketch_add_block(sketch, reader, &block, at != NULL ? times : NULL);
}
