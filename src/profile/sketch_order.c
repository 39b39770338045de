/*-------------------------------------------------------------------------
 *
 * sketch_order.c
 *	  How the values of a block follow each other, and which is the least and the greatest.
 *
 * Numbers are compared as doubles; where these tie and hashes say that the values
 * differ (large integers, long decimals), by the values themselves.  Texts are compared
 * by their first eight bytes as one integer, and whole where these tie.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_bswap.h"

#include "profile/sketch_int.h"

/* The least and the greatest value of a block, by place. */
typedef struct Ends
{
	int			least;			/* -1 = none */
	int			greatest;
} Ends;

/* Compares numbers as PostgreSQL sorts them: NaN is the greatest and equal to itself. */
static inline int
compare_doubles(double a, double b)
{
	if (unlikely(isnan(a) || isnan(b)))
		return isnan(a) - isnan(b);
	return (a > b) - (a < b);
}

/* Compares bytes as "C" sorts them. */
static inline int
compare_bytes(const char *a, int alen, const char *b, int blen)
{
	int			order = memcmp(a, b, Min(alen, blen));

	return (order != 0) ? order : (alen > blen) - (alen < blen);
}

/* Counts two neighbours. */
static inline void
count_order(SketchOrder *order, int comparison)
{
	order->rising += comparison > 0;
	order->falling += comparison < 0;
	order->equal += comparison == 0;
}

/* Compares two numbers of a block exactly. */
static inline int
compare_numbers(ValueReader *reader, const ValueBlock *block, int i, int j)
{
	int			order = compare_doubles(block->numbers[i], block->numbers[j]);

	if (likely(order != 0) || block->hashes[i] == block->hashes[j])
		return order;
	return value_compare(reader, block, i, j);
}

/* Says whether a number is a whole one that doubles tell apart from all others. */
static inline bool
is_plain_integer(double x)
{
	return fabs(x) < 9007199254740992.0 && x == floor(x);
}

/* Compares the first value of a block with the last of the block before. */
static int
compare_across(const SketchBuild *build, ValueReader *reader, const ValueBlock *block, bool numeric)
{
	const char *text;
	int			len;
	int			order;

	if (numeric)
	{
		order = compare_doubles(block->numbers[0], build->last_number);
		if (order != 0 || build->last_hash == block->hashes[0] || build->last_len == 0)
			return order;
		text = value_block_text(reader, block, 0, &len);
		return decimal_compare(text, len, build->last_text, build->last_len);
	}
	text = block->texts[0];
	len = block->lengths[0];
	if (build->last_whole)
		return compare_bytes(text, len, build->last_text, build->last_len);
	order = memcmp(text, build->last_text, Min(len, build->last_len));
	if (order != 0 || build->last_hash == block->hashes[0])
		return order;
	return (len <= build->last_len) ? -1 : 1;
}

/* Orders a block of numbers one by one, exactly. */
static Ends
order_exactly(SketchOrder *counts, ValueReader *reader, const ValueBlock *block)
{
	Ends		ends = {-1, -1};

	for (int i = 0; i < block->n; i++)
	{
		if (i > 0)
			count_order(counts, compare_numbers(reader, block, i, i - 1));
		if (isnan(block->numbers[i]))
			continue;
		if (ends.least < 0)
			ends.least = ends.greatest = i;
		else if (compare_numbers(reader, block, i, ends.least) < 0)
			ends.least = i;
		else if (compare_numbers(reader, block, i, ends.greatest) > 0)
			ends.greatest = i;
	}
	return ends;
}

/* Orders a block of numbers as doubles, unless there is NaN or values that doubles do not tell apart. */
static Ends
order_numbers(SketchOrder *counts, ValueReader *reader, const ValueBlock *block)
{
	const uint64 *hashes = block->hashes;
	Ends		ends = {0, 0};
	double		before = block->numbers[0];
	double		low = before;
	double		high = before;
	int			rising = 0;
	int			falling = 0;
	int			close = before != before;

	for (int i = 1; i < block->n; i++)
	{
		double		x = block->numbers[i];

		rising += x > before;
		falling += x < before;
		if (x > high)
		{
			high = x;
			ends.greatest = i;
		}
		else if (x < low)
		{
			low = x;
			ends.least = i;
		}
		else if (x == before)
			close |= hashes[i] != hashes[i - 1];
		else if (x == high)
			close |= hashes[i] != hashes[ends.greatest];
		else if (x == low)
			close |= hashes[i] != hashes[ends.least];
		else
			close |= x != x;
		before = x;
	}
	if (close)
		return order_exactly(counts, reader, block);
	counts->rising += rising;
	counts->falling += falling;
	counts->equal += block->n - 1 - rising - falling;
	return ends;
}

/* Gives the first eight bytes of a text as an integer that sorts as they do. */
static inline uint64
text_head(const char *text, int len)
{
	uint64		head = 0;

	if (likely(len >= 8))
		memcpy(&head, text, 8);
	else
		for (int i = 0; i < len; i++)
			((char *) &head)[i] = text[i];
#ifdef WORDS_BIGENDIAN
	return head;
#else
	return pg_bswap64(head);
#endif
}

/* Compares two texts of a block. */
static inline int
compare_texts(const ValueBlock *block, const uint64 *heads, int i, int j)
{
	if (likely(heads[i] != heads[j]))
		return (heads[i] > heads[j]) ? 1 : -1;
	if (block->hashes[i] == block->hashes[j] && block->lengths[i] == block->lengths[j])
		return 0;
	return compare_bytes(block->texts[i], block->lengths[i], block->texts[j], block->lengths[j]);
}

/* Orders a block of texts. */
static Ends
order_texts(SketchOrder *counts, const ValueBlock *block)
{
	uint64		heads[PROFILE_BLOCK];
	Ends		ends = {0, 0};

	heads[0] = text_head(block->texts[0], block->lengths[0]);
	for (int i = 1; i < block->n; i++)
	{
		heads[i] = text_head(block->texts[i], block->lengths[i]);
		count_order(counts, compare_texts(block, heads, i, i - 1));
		if (heads[i] <= heads[ends.least] && compare_texts(block, heads, i, ends.least) < 0)
			ends.least = i;
		if (heads[i] >= heads[ends.greatest] && compare_texts(block, heads, i, ends.greatest) > 0)
			ends.greatest = i;
	}
	return ends;
}

/* Of values that are equal to the least and to the greatest, takes those that came first by time. */
static void
earliest(const ValueBlock *block, const TimestampTz *at, Ends *ends)
{
	Ends		from = *ends;

	for (int i = 0; i < block->n && from.least >= 0; i++)
	{
		if (TIMESTAMP_NOT_FINITE(at[i]))
			continue;
		if (block->hashes[i] == block->hashes[from.least] &&
			(TIMESTAMP_NOT_FINITE(at[ends->least]) || at[i] < at[ends->least]))
			ends->least = i;
		if (block->hashes[i] == block->hashes[from.greatest] &&
			(TIMESTAMP_NOT_FINITE(at[ends->greatest]) || at[i] < at[ends->greatest]))
			ends->greatest = i;
	}
}

/* Counts the neighbours of a block and gives the places of its least and greatest value, -1 when it has none. */
void
sketch_order_block(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at,
				   int *least, int *greatest)
{
	SketchBuild *build = sketch->build;
	bool		numeric = value_kind_is_numeric(sketch->kind);
	Ends		ends;

	if (build->has_last)
		count_order(&sketch->order, compare_across(build, reader, block, numeric));
	ends = numeric ? order_numbers(&sketch->order, reader, block) : order_texts(&sketch->order, block);
	if (at != NULL)
		earliest(block, at, &ends);
	*least = ends.least;
	*greatest = ends.greatest;
}

/* Remembers the last value of a block for the next. */
void
sketch_keep_last(Sketch *sketch, ValueReader *reader, const ValueBlock *block)
{
	SketchBuild *build = sketch->build;
	int			i = block->n - 1;
	const char *text = NULL;
	int			len = 0;

	build->has_last = true;
	build->last_hash = block->hashes[i];
	if (!value_kind_is_numeric(sketch->kind))
	{
		text = block->texts[i];
		len = block->lengths[i];
	}
	else
	{
		build->last_number = block->numbers[i];
		if (sketch->kind == VALUE_NUMBER && !build->exact_numbers && isfinite(build->last_number) &&
			!is_plain_integer(build->last_number))
			text = value_block_text(reader, block, i, &len);
	}
	build->last_len = Min(len, SKETCH_LAST_TEXT);
	build->last_whole = len == build->last_len;
	if (build->last_len > build->last_size)
	{
		build->last_size = Max(64, 2 * build->last_len);
		if (build->last_text != NULL)
			pfree(build->last_text);
		build->last_text = MemoryContextAlloc(sketch->context, build->last_size);
	}
	if (build->last_len > 0)
		memcpy(build->last_text, text, build->last_len);
}
