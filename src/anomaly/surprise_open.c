/*-------------------------------------------------------------------------
 *
 * surprise_open.c
 *	  The compiled form opened in place.
 *
 * Nothing in the bytes is believed before it was checked; the kernel then runs
 * without any check.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "storage/shmem.h"

#include "anomaly/surprise.h"
#include "compat/compat.h"
#include "learn/compiled.h"

/* Bits in a table are never more than this. */
#define MAX_BITS 1e4f
#define MAX_TABLE_POWER 1.4e36f /* 2^SURPRISE_MAX_POWER */

/* What the header says and where the parts are. */
typedef struct Opening
{
	const SurpriseHeader *header;
	SurpriseTables *tables;
	const char *severity;
	const char *tails;
	const char *full;			/* what stands behind the tails */
} Opening;

/* Raises the error for a form that is not sound. */
static void pg_attribute_noreturn()
unsound(const char *what)
{
	compiled_corrupted(psprintf("It is not sound: %s.", what));
}

/* Whether floats are within bounds; no number is not. */
static bool
within(const float *values, Size n, float min, float max)
{
	for (Size i = 0; i < n; i++)
		if (!(values[i] >= min && values[i] <= max))
			return false;
	return true;
}

/* Whether floats ascend. */
static bool
ascend(const float *values, int n)
{
	for (int i = 1; i < n; i++)
		if (!(values[i] > values[i - 1]))
			return false;
	return true;
}

/* Whether n elements from an offset on are in a pool. */
static bool
inside(uint32 at, Size n, uint32 pool)
{
	return at <= pool && n <= pool - at;
}

/* Sets where a part is and steps over it. */
static const char *
part(const char *bytes, Size *at, Size n, Size size)
{
	const char *here = bytes + *at;

	*at = add_size(*at, MAXALIGN(mul_size(n, size)));
	return here;
}

/* Checks the header's counts and sets where the parts are. */
static void
lay_out(Opening *o, const char *bytes, Size len)
{
	const SurpriseHeader *h = o->header;
	SurpriseTables *t = o->tables;
	Size		at = sizeof(SurpriseHeader);

	if (h->nfeatures < 1 || h->nfeatures > SURPRISE_MAX_FEATURES || h->ncolumns < 1 || h->ncolumns > SURPRISE_MAX_FEATURES ||
		h->naspects < 1 || h->naspects > SURPRISE_MAX_ASPECTS || h->nlinks < 0 ||
		h->nlinks > h->naspects * SURPRISE_MAX_PARENTS || h->severity > len || h->tails > len || !(h->power > 0 && h->power <= 1) ||
		h->partition < -1 || h->partition >= h->naspects ||
		h->nfulls < 0 || h->nfulls > SURPRISE_FULL_COLUMNS)
		compiled_corrupted("A number in its header is out of range.");
	t->nodes = (const SurpriseNode *) part(bytes, &at, h->naspects, sizeof(SurpriseNode));
	t->links = (const SurpriseLink *) part(bytes, &at, h->nlinks, sizeof(SurpriseLink));
	t->floats = (const float *) part(bytes, &at, h->nfloats, sizeof(float));
	o->severity = part(bytes, &at, h->severity, 1);
	t->shorts = (const uint16 *) part(bytes, &at, h->nshorts, sizeof(uint16));
	t->bytes = (const uint8 *) part(bytes, &at, h->nbytes, sizeof(uint8));
	o->tails = part(bytes, &at, h->tails, 1);
	o->full = bytes + at;
	if (at > len || (at < len) != (h->nfulls > 0))
		compiled_corrupted("Its sections do not fit its length.");
	t->nfeatures = h->nfeatures;
	t->ncolumns = h->ncolumns;
	t->naspects = h->naspects;
	t->power = h->power;
	t->partition = h->partition;
}

/* Checks the bins of a number. */
static void
check_number(const Opening *o, const SurpriseNode *node)
{
	const float *floats = o->tables->floats;
	const uint16 *map = o->tables->shorts + node->map;

	if (node->nvalues > SURPRISE_MAX_OUTCOMES - 2 || node->nedges < 0 || node->nedges > 2 * node->nvalues + 1 ||
		!inside(node->edges, node->nedges, o->header->nfloats) ||
		!inside(node->map, (Size) node->nedges + 1, o->header->nshorts) ||
		!inside(node->bounds, 2 * (Size) node->nvalues, o->header->nfloats))
		unsound("a number's bins are out of range");
	if (!within(floats + node->edges, node->nedges, -FLT_MAX, FLT_MAX) || !ascend(floats + node->edges, node->nedges) ||
		!within(floats + node->bounds, 2 * (Size) node->nvalues, -FLT_MAX, FLT_MAX))
		unsound("a number's bins do not ascend");
	for (int i = 0; i <= node->nedges; i++)
		if (map[i] > node->nvalues)
			unsound("a bin's outcome is out of range");
	if (!within(&node->core_lo, 1, -FLT_MAX, FLT_MAX) || !within(&node->core_hi, 1, node->core_lo, FLT_MAX) ||
		!within(&node->rate_lo, 1, 0, FLT_MAX) || !within(&node->rate_hi, 1, 0, FLT_MAX))
		unsound("a number's core is out of range");
}

/* Checks that what is within groups has some, and what a number is standardised by. */
static void
check_groups(const Opening *o, const SurpriseNode *node)
{
	const SurpriseTables *t = o->tables;
	Size		n;

	if ((node->flags & SURPRISE_NODE_GROUPED) && t->partition < 0)
		unsound("an aspect is in no group");
	if (!(node->flags & SURPRISE_NODE_STANDARDISED))
		return;
	if (t->partition < 0 || (t->nodes[t->partition].flags & SURPRISE_NODE_STANDARDISED))
		unsound("a number is standardised by no group");
	n = (Size) t->nodes[t->partition].nvalues + 2;
	if (!inside(node->groups, 2 * n, o->header->nfloats) ||
		!within(t->floats + node->groups, n, -FLT_MAX, FLT_MAX) ||
		!within(t->floats + node->groups + n, n, FLT_MIN, FLT_MAX))
		unsound("what a number is standardised by is out of range");
}

/* Checks what depends on an outcome alone. */
static void
check_outcomes(const Opening *o, const SurpriseNode *node)
{
	const SurpriseTables *t = o->tables;
	uint32		nfloats = o->header->nfloats;
	Size		n = (Size) node->nvalues + 2;

	if (!inside(node->bits, n, nfloats) || !inside(node->powers, n, nfloats) || !inside(node->within, n, nfloats) ||
		!inside(node->pair, n, o->header->nbytes))
		unsound("an outcome is out of range");
	if (!within(t->floats + node->bits, n, 0, MAX_BITS) || !within(t->floats + node->within, n, 0, MAX_BITS) ||
		!within(t->floats + node->powers, n, 1, MAX_TABLE_POWER))
		unsound("an outcome's bits are out of range");
	for (Size i = 0; i < n; i++)
		if (t->bytes[node->pair + i] >= node->npair)
			unsound("an outcome's pair is out of range");
}

/* Checks the parents of an aspect, whose links begin behind those of the one before. */
static void
check_parents(const Opening *o, const SurpriseNode *node, int *nlinks)
{
	const SurpriseTables *t = o->tables;

	if (node->first_parent != *nlinks || node->nparents < 0 || node->nparents > SURPRISE_MAX_PARENTS ||
		node->nparents > o->header->nlinks - *nlinks)
		unsound("an aspect's parents are out of range");
	for (int k = 0; k < node->nparents; k++)
	{
		const SurpriseLink *link = &t->links[node->first_parent + k];
		Size		cells;

		if (link->aspect < 0 || link->aspect >= t->naspects || link->flags > SURPRISE_LINK_WHOLE || !(link->weight > 0 && link->weight <= 1))
			unsound("a parent is out of range");
		cells = (Size) node->npair *
			(link->flags & SURPRISE_LINK_WHOLE ? t->nodes[link->aspect].nvalues + 2 : t->nodes[link->aspect].npair);
		if (!inside(link->cells, cells, o->header->nfloats) || !within(t->floats + link->cells, cells, 0, MAX_BITS))
			unsound("a pair's table is out of range");
	}
	*nlinks += node->nparents;
}

/* Checks how an aspect's surprise is to be taken and opens its tails. */
static void
open_calibration(const Opening *o, int a)
{
	SurpriseTables *t = o->tables;
	const SurpriseNode *node = &t->nodes[a];
	Size		len = o->header->tails;

	if (node->marginal > len || node->marginal % MAXIMUM_ALIGNOF != 0 ||
		tail_open(o->tails + node->marginal, len - node->marginal, &t->marginal[a]) == 0)
		unsound("a tail is out of range");
	if (node->nparents == 0)
		return;
	if (node->conditional > len || node->conditional % MAXIMUM_ALIGNOF != 0 ||
		tail_open(o->tails + node->conditional, len - node->conditional, &t->conditional[a]) == 0)
		unsound("a tail is out of range");
	if (!inside(node->grid, SURPRISE_GRID + 1, o->header->nfloats) ||
		!within(t->floats + node->grid, SURPRISE_GRID + 1, 1, MAX_TABLE_POWER) ||
		!within(&node->grid_lo, 1, -FLT_MAX, FLT_MAX) || !(node->grid_rate > 0 && node->grid_rate <= FLT_MAX))
		unsound("a grid is out of range");
}

/* Checks the shape of all aspects, which the tables of pairs depend on. */
static void
check_shapes(const SurpriseTables *t)
{
	for (int a = 0; a < t->naspects; a++)
	{
		const SurpriseNode *node = &t->nodes[a];

		if (node->feature < 0 || node->feature >= t->nfeatures || node->column < 0 || node->column >= t->ncolumns ||
			node->flags > SURPRISE_NODE_FLAGS || node->unused != 0 || node->nvalues < 0 || node->nvalues > SURPRISE_MAX_CATEGORIES ||
			node->npair < 1 || node->npair > SURPRISE_MAX_OUTCOMES || !(node->handicap > 0 && node->handicap <= 1))
			unsound("an aspect is out of range");
		if (a > 0 && node->column < t->nodes[a - 1].column)
			unsound("its columns do not ascend");
	}
}

/* Checks what the header says of itself. */
static void
check_header(const SurpriseHeader *header, const char *bytes, Size len)
{
	if (bytes != (const char *) MAXALIGN(bytes))
		elog(ERROR, "compiled cell surprise is not aligned");
	if (len < sizeof(SurpriseHeader) || memcmp(header->magic, SURPRISE_MAGIC, sizeof(header->magic)) != 0)
		compiled_corrupted("It does not start as a compiled detector of cell surprise does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != SURPRISE_FORMAT || header->flags > SURPRISE_CALIBRATED)
		compiled_corrupted(psprintf("Its format is %u, flags %u; this version of aipipe reads format %d.",
									header->format, header->flags, SURPRISE_FORMAT));
	if (header->length != len)
		compiled_corrupted("Its length is not what its header says.");
	if (header->crc != compiled_crc(bytes, len, offsetof(SurpriseHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
}

/* Opens compiled bytes in place, or ends with an error when anything is off. */
SurpriseTables *
surprise_open(const char *compiled, Size len, bool calibrated)
{
	Opening		o = {.header = (const SurpriseHeader *) compiled};
	int			nlinks = 0;

	check_header(o.header, compiled, len);
	if (((o.header->flags & SURPRISE_CALIBRATED) != 0) != calibrated)
		compiled_corrupted("It is not complete.");
	o.tables = palloc0(sizeof(SurpriseTables));
	lay_out(&o, compiled, len);
	check_shapes(o.tables);
	if (calibrated)
	{
		o.tables->marginal = palloc0(mul_size(sizeof(Tail), o.tables->naspects));
		o.tables->conditional = palloc0(mul_size(sizeof(Tail), o.tables->naspects));
		if (severity_open(o.severity, o.header->severity, &o.tables->severity) != o.header->severity)
			unsound("its severities are none");
	}
	for (int a = 0; a < o.tables->naspects; a++)
	{
		const SurpriseNode *node = &o.tables->nodes[a];

		if (!(node->flags & SURPRISE_NODE_CATEGORICAL))
			check_number(&o, node);
		check_groups(&o, node);
		check_outcomes(&o, node);
		check_parents(&o, node, &nlinks);
		if (calibrated)
			open_calibration(&o, a);
	}
	if (nlinks != o.header->nlinks)
		unsound("a parent belongs to no aspect");
	if (o.header->nfulls > 0)
		surprise_open_full(o.header, o.full, compiled + len - o.full, calibrated, o.tables);
	return o.tables;
}
