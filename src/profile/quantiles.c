/*-------------------------------------------------------------------------
 *
 * quantiles.c
 *	  A KLL sketch: levels of values, compacted from the bottom when memory is full.
 *
 * A level of capacity c is compacted by sorting it and moving every second value, of twice
 * the weight, one level up.  Capacities fall by a third a level; below QUANTILES_DEPTH
 * levels there are none, and one value is drawn from each run of as many as the base level's
 * weight, so that a long column costs next to nothing a value.
 *
 *		level	weight	values			capacity
 *		top		2^top	sorted			K
 *		…		…		sorted			2/3 of the level above
 *		base	2^base	as they came	QUANTILES_BASE at least
 *		below	less	as they came	one: what merging, or a run that was not over, left
 *
 * The generator starts from a constant, and a sketch that was read from its count.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"

#include "profile/hash.h"
#include "profile/quantiles_int.h"

/* Gives 64 random bits (SplitMix64: Steele, Lea and Flood, 2014). */
static uint64
draw(Quantiles *q)
{
	q->random += UINT64CONST(0x9e3779b97f4a7c15);
	return hash_mix(q->random);
}

/* Sets the base level, the capacities and the limit of what is retained. */
void
quantiles_set_levels(Quantiles *q, int nlevels)
{
	double		capacity = QUANTILES_K;

	q->nlevels = nlevels;
	q->base = Max(q->base, q->nlevels - 1 - QUANTILES_DEPTH);
	q->limit = q->base;
	for (int l = q->nlevels - 1; l >= 0; l--)
	{
		if (l < q->base)
			q->levels[l].capacity = 2;
		else
		{
			q->levels[l].capacity = Max((int) ceil(capacity), QUANTILES_BASE);
			q->limit += q->levels[l].capacity;
			capacity *= 2.0 / 3;
		}
	}
}

/* Creates one that saw nothing. */
Quantiles *
quantiles_create(MemoryContext context)
{
	Quantiles  *q = MemoryContextAllocZero(context, sizeof(Quantiles));

	q->context = context;
	quantiles_set_levels(q, 1);
	return q;
}

/* Makes room for n more values on a level. */
static void
make_room(Quantiles *q, int level, int n)
{
	QuantilesLevel *l = &q->levels[level];
	int			room = Max(l->room, 16);

	if (l->n + n <= l->room)
		return;
	while (room < l->n + n)
		room *= 2;
	if (l->values == NULL)
		l->values = MemoryContextAlloc(q->context, mul_size(room, sizeof(double)));
	else
		l->values = repalloc(l->values, mul_size(room, sizeof(double)));
	l->room = room;
}

/* Adds sorted values to a level, which stays sorted when it is above the base. */
static void
put_sorted(Quantiles *q, int level, const double *values, int n)
{
	QuantilesLevel *l = &q->levels[level];

	make_room(q, level, n);
	if (level <= q->base || l->n == 0 || l->values[l->n - 1] <= values[0])
		memcpy(l->values + l->n, values, sizeof(double) * n);
	else
	{
		int			at = l->n - 1;
		int			from = n - 1;

		double	   *to = l->values + l->n + n - 1;

		while (from >= 0 && at >= 0)
		{
			double		x = l->values[at];
			double		y = values[from];
			bool		mine = x > y;

			*to-- = mine ? x : y;
			at -= mine;
			from -= !mine;
		}
		memcpy(l->values, values, sizeof(double) * (from + 1));
	}
	l->n += n;
	q->retained += n;
}

/* Moves half of a level's values, of twice their weight, one level up. */
static void
compact_level(Quantiles *q, int level)
{
	QuantilesLevel *l = &q->levels[level];
	int			keep = l->n & 1;
	int			half = l->n / 2;
	double	   *values = l->values + keep;

	if (level <= q->base)
		quantiles_sort(l->values, l->n);
	if (level == q->nlevels - 1)
	{
		if (q->nlevels == QUANTILES_MAX_LEVELS)
			elog(ERROR, "too many levels in a sketch of quantiles");
		quantiles_set_levels(q, q->nlevels + 1);
	}
	l->odd = l->turn ? !l->odd : draw(q) >> 63;
	l->turn = !l->turn;
	for (int i = 0; i < half; i++)
		values[i] = values[2 * i + l->odd];
	l->n = keep;
	q->retained -= 2 * half;
	put_sorted(q, level + 1, values, half);
}

/* Compacts from the bottom until there is room again. */
static void
compress(Quantiles *q)
{
	while (q->retained >= q->limit)
	{
		int			level = 0;

		while (level < q->nlevels - 1 && q->levels[level].n < q->levels[level].capacity)
			level++;
		compact_level(q, level);
	}
}

/* Adds values to the base level while there is room, and makes room. */
static int
add_plain(Quantiles *q, const double *values, int n)
{
	QuantilesLevel *l = &q->levels[0];
	int			take = Min(n, q->limit - q->retained);

	make_room(q, 0, take);
	for (int i = 0; i < take; i++)
		l->values[l->n + i] = values[i] + 0.0;	/* -0 is 0 */
	l->n += take;
	q->retained += take;
	if (q->retained >= q->limit)
		compress(q);
	return take;
}

/* Draws one value from each run; takes values up to the end of a run at most. */
static int
add_drawn(Quantiles *q, const double *values, int n)
{
	int64		run = INT64CONST(1) << q->base;
	int			take = (int) Min((int64) n, run - q->run_seen);

	if (q->run_seen == 0)
	{
		q->run_pick = draw(q) >> (64 - q->base);
		q->run_value = values[0];
	}
	if (q->run_pick >= q->run_seen && q->run_pick < q->run_seen + take)
		q->run_value = values[q->run_pick - q->run_seen];
	q->run_seen += take;
	if (q->run_seen == run)
	{
		QuantilesLevel *l = &q->levels[q->base];

		q->run_seen = 0;
		make_room(q, q->base, 1);
		l->values[l->n++] = q->run_value + 0.0;
		if (++q->retained >= q->limit)
			compress(q);
	}
	return take;
}

/* Adds n numbers. */
void
quantiles_add(Quantiles *q, const double *values, int n)
{
	q->count += n;
	while (n > 0)
	{
		int			taken = q->base == 0 ? add_plain(q, values, n) : add_drawn(q, values, n);

		values += taken;
		n -= taken;
	}
}

/* Puts values on a level, whose order matters only above the base; makes levels up to it. */
void
quantiles_put(Quantiles *q, int level, const double *values, int n)
{
	if (n == 0)
		return;
	if (level >= q->nlevels)
		quantiles_set_levels(q, level + 1);
	put_sorted(q, level, values, n);
}

/* Puts the value of a run that is not over on the levels that its weight is made of. */
static void
put_run(Quantiles *q, double value, int64 weight)
{
	for (int l = 0; weight >> l > 0; l++)
		if (weight >> l & 1)
			quantiles_put(q, l, &value, 1);
}

/* Adds what other numbers gave. */
void
quantiles_merge(Quantiles *into, const Quantiles *other)
{
	if (other->count == 0)
		return;
	if (pg_add_s64_overflow(into->count, other->count, &into->count))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	/* the base may rise: a run of the old length ends here */
	if (into->run_seen > 0)
	{
		int64		weight = into->run_seen;

		into->run_seen = 0;
		put_run(into, into->run_value + 0.0, weight);
	}
	for (int l = other->nlevels - 1; l >= 0; l--)
	{
		const QuantilesLevel *level = &other->levels[l];

		if (level->n == 0)
			continue;
		if (l <= other->base)
		{
			double	   *sorted = palloc(mul_size(level->n, sizeof(double)));

			memcpy(sorted, level->values, sizeof(double) * level->n);
			quantiles_sort(sorted, level->n);
			quantiles_put(into, l, sorted, level->n);
			pfree(sorted);
		}
		else
			quantiles_put(into, l, level->values, level->n);
	}
	put_run(into, other->run_value + 0.0, other->run_seen);
	compress(into);
}

/* Gives the count of what was added. */
int64
quantiles_count(const Quantiles *q)
{
	return q->count;
}

/* Merges two sorted runs of items. */
static void
merge_items(const QuantilesItem *a, int na, const QuantilesItem *b, int nb, QuantilesItem *out)
{
	int			i = 0;
	int			j = 0;

	while (i < na || j < nb)
	{
		if (j >= nb || (i < na && a[i].value <= b[j].value))
			*out++ = a[i++];
		else
			*out++ = b[j++];
	}
}

/* Gives every value with its weight, sorted, in CurrentMemoryContext. */
int
quantiles_collect(const Quantiles *q, QuantilesItem **items)
{
	Size		bytes = mul_size(q->retained + 1, sizeof(QuantilesItem));
	QuantilesItem *all = palloc(bytes);
	QuantilesItem *next = palloc(bytes);
	QuantilesItem *level = palloc(bytes);
	double	   *sorted = palloc(mul_size(q->retained + 1, sizeof(double)));
	int			n = 0;

	if (q->run_seen > 0)
	{
		all[n].value = q->run_value + 0.0;
		all[n++].weight = q->run_seen;
	}
	for (int l = 0; l < q->nlevels; l++)
	{
		int			nlevel = q->levels[l].n;
		QuantilesItem *swap = all;

		if (nlevel == 0)
			continue;
		memcpy(sorted, q->levels[l].values, sizeof(double) * nlevel);
		if (l <= q->base)
			quantiles_sort(sorted, nlevel);
		for (int i = 0; i < nlevel; i++)
		{
			level[i].value = sorted[i];
			level[i].weight = INT64CONST(1) << l;
		}
		merge_items(all, n, level, nlevel, next);
		n += nlevel;
		all = next;
		next = swap;
	}
	pfree(next);
	pfree(level);
	pfree(sorted);
	*items = all;
	return n;
}

/* Gives what is retained, sorted, with the weight up to and including each value. */
int
quantiles_sorted(const Quantiles *q, double **values, int64 **cumulative)
{
	QuantilesItem *items;
	int			n = quantiles_collect(q, &items);
	int64		sum = 0;

	*values = palloc(mul_size(Max(n, 1), sizeof(double)));
	*cumulative = palloc(mul_size(Max(n, 1), sizeof(int64)));
	for (int i = 0; i < n; i++)
	{
		sum += items[i].weight;
		(*values)[i] = items[i].value;
		(*cumulative)[i] = sum;
	}
	Assert(sum == q->count);
	pfree(items);
	return n;
}
