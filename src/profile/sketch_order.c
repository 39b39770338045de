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

#include <float.h>
#include <math.h>

#include "port/pg_bswap.h"

#include "profile/sketch_int.h"

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
static void
order_exactly(SketchOrder *counts, ValueReader *reader, const ValueBlock *block, BlockOrder *ends)
{
	ends->least = ends->greatest = -1;
	for (int i = 0; i < block->n; i++)
	{
		if (i > 0)
			count_order(counts, compare_numbers(reader, block, i, i - 1));
		if (isnan(block->numbers[i]))
			continue;
		if (ends->least < 0)
			ends->least = ends->greatest = i;
		else if (compare_numbers(reader, block, i, ends->least) < 0)
			ends->least = i;
		else if (compare_numbers(reader, block, i, ends->greatest) > 0)
			ends->greatest = i;
	}
}

/* Says whether neighbours that are equal as doubles are not the same value, or one of them is NaN. */
static bool
neighbours_differ(const ValueBlock *block)
{
	const double *numbers = block->numbers;
	const uint64 *hashes = block->hashes;
	int			differ = numbers[0] != numbers[0];

	for (int i = 1; i < block->n; i++)
		differ |= !((numbers[i] > numbers[i - 1]) | (numbers[i] < numbers[i - 1])) & (hashes[i] != hashes[i - 1]);
	return differ;
}

/* Gives the first place of a number; adds to close when others that are equal as doubles are not the same value. */
static int
find_number(const ValueBlock *block, double number, bool *close)
{
	int			place = 0;
	int			differ = 0;

	while (block->numbers[place] != number)
		place++;
	for (int i = place + 1; i < block->n; i++)
		differ |= (block->numbers[i] == number) & (block->hashes[i] != block->hashes[place]);
	*close |= differ;
	return place;
}

/*
 * Finds the least and the greatest number where they can be news: with a time beside them always, else not
 * where they lie within what is known, or on its ends when doubles tell all values apart.
 */
static bool
find_ends(const Sketch *sketch, const ValueBlock *block, bool timed, double low, double high, BlockOrder *ends)
{
	bool		exact = sketch->build->exact_numbers;
	bool		close = false;

	ends->least = ends->greatest = -1;
	if (timed || !sketch->min.known || low < sketch->min.number || (low == sketch->min.number && !exact))
		ends->least = find_number(block, low, &close);
	if (timed || !sketch->max.known || high > sketch->max.number || (high == sketch->max.number && !exact))
		ends->greatest = find_number(block, high, &close);
	return !close;
}

/* Orders a block of numbers as doubles, unless there is NaN or values that doubles do not tell apart. */
static void
order_numbers(Sketch *sketch, ValueReader *reader, const ValueBlock *block, bool timed, BlockOrder *ends)
{
	SketchOrder *counts = &sketch->order;
	double		before = block->numbers[0];
	double		low = before;
	double		high = before;
	int			rising = 0;
	int			falling = 0;

	for (int i = 1; i < block->n; i++)
	{
		double		x = block->numbers[i];

		rising += x > before;
		falling += x < before;
		low = Min(x, low);
		high = Max(x, high);
		before = x;
	}
	/* A NaN is no greater and no less than its neighbour. */
	if (((rising + falling < block->n - 1 || block->n == 1) && neighbours_differ(block)) ||
		!find_ends(sketch, block, timed, low, high, ends))
	{
		order_exactly(counts, reader, block, ends);
		return;
	}
	ends->finite = low >= -DBL_MAX && high <= DBL_MAX;
	counts->rising += rising;
	counts->falling += falling;
	counts->equal += block->n - 1 - rising - falling;
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

/* Compares two texts of a block whose first eight bytes are the same: by the next eight, or by all. */
static int
compare_tails(const ValueBlock *block, int i, int j)
{
	int			len = Min(block->lengths[i], block->lengths[j]);
	uint64		x;
	uint64		y;

	if (len >= 16 || (len >= 8 && block->lengths[i] == block->lengths[j]))
	{
		int			at = Min(len - 8, 8);

		x = text_head(block->texts[i] + at, 8);
		y = text_head(block->texts[j] + at, 8);
		if (x != y)
			return (x > y) ? 1 : -1;
	}
	return compare_bytes(block->texts[i], block->lengths[i], block->texts[j], block->lengths[j]);
}

/* Compares two texts of a block. */
static inline int
compare_texts(const ValueBlock *block, const uint64 *heads, int i, int j)
{
	if (likely(heads[i] != heads[j]))
		return (heads[i] > heads[j]) ? 1 : -1;
	if (block->hashes[i] == block->hashes[j] && block->lengths[i] == block->lengths[j])
		return 0;
	return compare_tails(block, i, j);
}

/* Gives the place of the least text (direction -1) or of the greatest (1), all of whose first bytes are the head. */
static int
find_text(const ValueBlock *block, const uint64 *heads, uint64 head, int direction)
{
	int			place = 0;

	while (heads[place] != head)
		place++;
	for (int i = place + 1; i < block->n; i++)
		if (heads[i] == head && compare_texts(block, heads, i, place) * direction > 0)
			place = i;
	return place;
}

/* Orders a block of texts; its least and greatest are only looked for where they can be news. */
static void
order_texts(Sketch *sketch, const ValueBlock *block, bool timed, BlockOrder *ends)
{
	const SketchExtreme *min = &sketch->min;
	const SketchExtreme *max = &sketch->max;
	uint64		heads[PROFILE_BLOCK];
	uint64		low = PG_UINT64_MAX;
	uint64		high = 0;
	int			n = block->n;
	int			rising = 0;
	int			falling = 0;

	for (int i = 0; i < n; i++)
	{
		heads[i] = text_head(block->texts[i], block->lengths[i]);
		low = Min(low, heads[i]);
		high = Max(high, heads[i]);
	}
	for (int i = 1; i < n; i++)
	{
		rising += heads[i] > heads[i - 1];
		falling += heads[i] < heads[i - 1];
		if (unlikely((heads[i] == heads[i - 1]) & (block->hashes[i] != block->hashes[i - 1])))
		{
			int			order = compare_tails(block, i, i - 1);

			rising += order > 0;
			falling += order < 0;
		}
	}
	sketch->order.rising += rising;
	sketch->order.falling += falling;
	sketch->order.equal += n - 1 - rising - falling;
	ends->least = ends->greatest = -1;
	if (timed || !min->known || low <= text_head(min->text, min->len))
		ends->least = falling == 0 ? 0 : find_text(block, heads, low, -1);
	if (timed || !max->known || high >= text_head(max->text, max->len))
		ends->greatest = falling == 0 ? n - 1 : find_text(block, heads, high, 1);
}

/* Of values that are equal to the least and to the greatest, takes those that came first by time. */
static void
earliest(const ValueBlock *block, const TimestampTz *at, BlockOrder *ends)
{
	BlockOrder	from = *ends;

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

/* Counts the neighbours of a block, and says what they told of it. */
void
sketch_order_block(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at, BlockOrder *told)
{
	SketchBuild *build = sketch->build;
	bool		numeric = value_kind_is_numeric(sketch->kind);

	told->finite = false;
	if (build->has_last)
		count_order(&sketch->order, compare_across(build, reader, block, numeric));
	if (numeric)
		order_numbers(sketch, reader, block, at != NULL, told);
	else
		order_texts(sketch, block, at != NULL, told);
	if (at != NULL)
		earliest(block, at, told);
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
