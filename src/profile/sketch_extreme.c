/*-------------------------------------------------------------------------
 *
 * sketch_extreme.c
 *	  The smallest and the largest value, the first and the last by time: kept with their texts.
 *
 * A kept value is known by its number or by the first bytes of its text.  Where numbers tie, the
 * digits of their texts decide, so that integers beyond 2^53 and long decimals
 * stay exact across blocks and merges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/text.h"
#include "profile/sketch_int.h"

/* A decimal number taken apart. */
typedef struct Decimal
{
	bool		plain;			/* sign, digits and a point, nothing else */
	bool		negative;
	const char *whole;			/* digits before the point, without leading zeros */
	int			nwhole;
	const char *fraction;		/* digits behind it, without trailing zeros */
	int			nfraction;
} Decimal;

/* Takes a decimal number apart. */
static Decimal
decimal_parse(const char *text, int len)
{
	Decimal		d = {0};
	const char *s = text;
	const char *end = text + len;

	if (s < end && *s == '-')
	{
		d.negative = true;
		s++;
	}
	d.plain = s < end;
	while (s < end && *s == '0')
		s++;
	d.whole = s;
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	d.nwhole = s - d.whole;
	if (s < end && *s == '.')
		s++;
	d.fraction = s;
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	d.plain &= s == end;
	while (s > d.fraction && s[-1] == '0')
		s--;
	d.nfraction = s - d.fraction;
	return d;
}

/* Compares bytes as "C" sorts them. */
static int
compare_bytes(const char *a, int alen, const char *b, int blen)
{
	int			order = memcmp(a, b, Min(alen, blen));

	return (order != 0) ? order : (alen > blen) - (alen < blen);
}

/* Compares two decimal numbers written out; what is none is compared as text. */
int
decimal_compare(const char *a, int alen, const char *b, int blen)
{
	Decimal		x = decimal_parse(a, alen);
	Decimal		y = decimal_parse(b, blen);
	int			order;

	if (!x.plain || !y.plain)
		return compare_bytes(a, alen, b, blen);
	x.negative &= x.nwhole + x.nfraction > 0;
	y.negative &= y.nwhole + y.nfraction > 0;
	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	order = (x.nwhole > y.nwhole) - (x.nwhole < y.nwhole);
	if (order == 0)
		order = memcmp(x.whole, y.whole, x.nwhole);
	if (order == 0)
		order = compare_bytes(x.fraction, x.nfraction, y.fraction, y.nfraction);
	return x.negative ? -order : order;
}

/*
 * Compares texts that may be clipped.  What was clipped goes on: with a character that had no room, so that
 * of two texts that are alike up to where one ends, a clipped one comes later.
 */
static int
compare_clipped(const SketchExtreme *a, const SketchExtreme *b)
{
	int			order = memcmp(a->text, b->text, Min(a->len, b->len));

	if (order != 0)
		return order;
	if (a->len == b->len)
		return a->clipped - b->clipped;
	return (a->len < b->len) == a->clipped ? 1 : -1;
}

/* Says which of two extremes comes first. */
int
extreme_compare(const SketchExtreme *a, const SketchExtreme *b, bool numeric)
{
	if (!numeric)
		return compare_clipped(a, b);
	if (a->number != b->number)
		return (a->number > b->number) ? 1 : -1;
	if (a->clipped || b->clipped || (a->len == b->len && memcmp(a->text, b->text, a->len) == 0))
		return 0;
	return decimal_compare(a->text, a->len, b->text, b->len);
}

/* Makes an extreme of a value of a block. */
static void
make_extreme(SketchExtreme *extreme, ValueReader *reader, const ValueBlock *block, int i, const TimestampTz *at, bool numeric)
{
	int			len;
	const char *text = value_block_text(reader, block, i, &len);

	memset(extreme, 0, sizeof(*extreme));
	extreme->known = true;
	extreme->clipped = len > FREQUENT_TEXT;
	extreme->len = extreme->clipped ? text_clip(text, len, FREQUENT_TEXT) : len;
	memcpy(extreme->text, text, extreme->len);
	extreme->number = numeric ? block->numbers[i] : 0;
	if (at != NULL && !TIMESTAMP_NOT_FINITE(at[i]))
	{
		extreme->timed = true;
		extreme->at = at[i];
	}
}

/* Keeps the earlier time of two values that are equal. */
static void
keep_earlier(SketchExtreme *into, const SketchExtreme *other)
{
	if (other->timed && (!into->timed || other->at < into->at))
	{
		into->timed = true;
		into->at = other->at;
	}
}

/* Puts other in the place of into when it lies further out: direction is -1 for the least, 1 for the greatest. */
static bool
take_further(SketchExtreme *into, const SketchExtreme *other, int direction, bool numeric)
{
	int			order;

	if (!other->known)
		return false;
	order = into->known ? extreme_compare(other, into, numeric) * direction : 1;
	if (order > 0)
		*into = *other;
	else if (order == 0)
		keep_earlier(into, other);
	return order > 0;
}

/* Takes the value of a block that lies furthest out, if it lies further out than what is known. */
static void
add_further(Sketch *sketch, ValueReader *reader, const ValueBlock *block, int i, const TimestampTz *at,
			SketchExtreme *into, uint64 *hash, int direction)
{
	bool		numeric = value_kind_is_numeric(sketch->kind);
	SketchExtreme other;

	if (into->known && numeric && (block->numbers[i] - into->number) * direction < 0)
		return;
	if (into->known && *hash == block->hashes[i] && at == NULL)
		return;
	make_extreme(&other, reader, block, i, at, numeric);
	if (take_further(into, &other, direction, numeric))
		*hash = block->hashes[i];
}

/* Takes the first and the last value by time; of values at one time the first and the last in the order of rows. */
static void
add_timed(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at)
{
	bool		numeric = value_kind_is_numeric(sketch->kind);
	int			first = -1;
	int			last = -1;

	for (int i = 0; i < block->n; i++)
	{
		if (TIMESTAMP_NOT_FINITE(at[i]))
			continue;
		if (first < 0 || at[i] < at[first])
			first = i;
		if (last < 0 || at[i] >= at[last])
			last = i;
	}
	if (first < 0)
		return;
	if (!sketch->first.known || at[first] < sketch->first.at)
		make_extreme(&sketch->first, reader, block, first, at, numeric);
	if (!sketch->last.known || at[last] >= sketch->last.at)
		make_extreme(&sketch->last, reader, block, last, at, numeric);
}

/* Takes a block's least and greatest value, and the first and last by time. */
void
sketch_add_extremes(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at, int least, int greatest)
{
	if (least >= 0)
		add_further(sketch, reader, block, least, at, &sketch->min, &sketch->build->min_hash, -1);
	if (greatest >= 0)
		add_further(sketch, reader, block, greatest, at, &sketch->max, &sketch->build->max_hash, 1);
	if (at != NULL)
		add_timed(sketch, reader, block, at);
}

/* Merges the extremes of other into into. */
void
sketch_merge_extremes(Sketch *into, const Sketch *other)
{
	bool		numeric = value_kind_is_numeric(other->kind);

	(void) take_further(&into->min, &other->min, -1, numeric);
	(void) take_further(&into->max, &other->max, 1, numeric);
	if (other->first.known && (!into->first.known || other->first.at < into->first.at))
		into->first = other->first;
	if (other->last.known && (!into->last.known || other->last.at >= into->last.at))
		into->last = other->last;
	if (into->build != NULL)
		into->build->min_hash = into->build->max_hash = 0;
}
