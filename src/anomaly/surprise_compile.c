/*-------------------------------------------------------------------------
 *
 * surprise_compile.c
 *	  From counts to tables of bits, in the form that is opened in place.
 *
 *		SurpriseHeader
 *		SurpriseNode	nodes[naspects]
 *		SurpriseLink	links[nlinks]
 *		float			floats[nfloats]			all tables
 *		severities, as severity_compile() writes them
 *		uint16			shorts[nshorts]			maps
 *		uint8			bytes[nbytes]			outcomes → what pairs tell apart
 *		tails, each as tail_compile() writes it
 *		SurpriseFullNode ...					trees, when there are some
 *
 * each part padded to 8 bytes.  Probabilities are shares of the counted rows.  What was
 * never counted has the mass of half a row; what is unseen has that of as many
 * rows as there were categories seen only once (Good and Turing), or values that went
 * farther than all others, if that is more.
 * Given a parent, counts are smoothed towards the marginal:
 *
 *		P(x | parent) = (rows with both + smoothing * P(x)) / (rows of the parent + smoothing)
 *
 * and given a group the same with GROUP_MASS rows, so a small group is mostly the whole.
 *
 * A row of the training is in the counts that judge it: no cell of it was ever empty.
 * So tails and severities that new rows are to be compared with are learned by a form in
 * which every outcome, and every pair of outcomes, counts one row less.  That is no
 * distribution, but right for each row that is in the counts.  The tails of this form are
 * those of the other rows, see tail_learn_unseen().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "anomaly/surprise.h"
#include "learn/compiled.h"

/* What nobody counted has the mass of so many rows. */
#define NEVER_MASS 0.5

/* The whole counts as so many rows of every group. */
#define GROUP_MASS 10.0

/* The parts while they grow. */
typedef struct Compiling
{
	const SurpriseModel *model;
	double		own;			/* rows that every outcome counts less: the judged row itself, or 0 */
	StringInfoData nodes;
	StringInfoData links;
	StringInfoData floats;
	StringInfoData shorts;
	StringInfoData bytes;
	StringInfoData tails;
} Compiling;

/* Appends floats to the pool and gives their place. */
static uint32
put_floats(Compiling *c, const float *values, Size n)
{
	uint32		at = c->floats.len / sizeof(float);

	appendBinaryStringInfo(&c->floats, (const char *) values, mul_size(sizeof(float), n));
	return at;
}

/*
 * Gives the mass of an outcome without the row itself; a category without its only row
 * is a new one.  Without the least value another one is the least.
 */
static double
outcome_mass(const SurpriseAspect *aspect, int outcome, double own)
{
	double		left = aspect->counts[outcome] - own;

	if (outcome == SURPRISE_UNSEEN(aspect) || (own > 0 && left <= 0 && aspect->categorical && outcome < aspect->nvalues))
		return Max(left, Max(aspect->novelty - (aspect->categorical ? own : 0), NEVER_MASS));
	return Max(left, NEVER_MASS);
}

/* Gives the probability of every outcome, and of what pairs tell apart. */
static double *
probabilities(const SurpriseAspect *aspect, double own, double *pairs, int npair)
{
	int			n = SURPRISE_OUTCOMES(aspect);
	double	   *shares = palloc(mul_size(sizeof(double), n));
	double		total = 0;

	for (int k = 0; k < n; k++)
	{
		double		mass = outcome_mass(aspect, k, 0);

		pairs[surprise_pair(aspect, k)] += mass;
		total += mass;
	}
	for (int k = 0; k < n; k++)
	{
		double		mass = outcome_mass(aspect, k, own);

		shares[k] = mass / (total - outcome_mass(aspect, k, 0) + mass);
	}
	for (int x = 0; x < npair; x++)
	{
		double		mass = Max(pairs[x] - own, Min(pairs[x], NEVER_MASS));

		pairs[x] = mass / (total - pairs[x] + mass);
	}
	return shares;
}

/* Gives the tail by which a surprise alone is judged. */
static const Tail *
marginal_tail(const Compiling *c, const SurpriseAspect *aspect)
{
	return c->own > 0 && aspect->marginal_unseen.npoints > 0 ? &aspect->marginal_unseen : &aspect->marginal;
}

/* Gives the tail by which a surprise given others is judged. */
static const Tail *
conditional_tail(const Compiling *c, const SurpriseAspect *aspect)
{
	return c->own > 0 && aspect->conditional_unseen.npoints > 0 ? &aspect->conditional_unseen : &aspect->conditional;
}

/* Writes what depends on an outcome alone; gives the probabilities of what pairs tell apart. */
static double *
compile_outcomes(Compiling *c, const SurpriseAspect *aspect, SurpriseNode *node)
{
	int			n = SURPRISE_OUTCOMES(aspect);
	double	   *pairs = palloc0(sizeof(double) * node->npair);
	double	   *shares = probabilities(aspect, c->own, pairs, node->npair);
	float	   *table = palloc(mul_size(sizeof(float), n));
	const Tail *marginal = marginal_tail(c, aspect);

	for (int k = 0; k < n; k++)
		table[k] = (float) Max(-log2(shares[k]), 0);
	node->bits = put_floats(c, table, n);
	for (int k = 0; k < n; k++)
		table[k] = marginal->npoints > 0 ? surprise_power(c->model->power, marginal, table[k]) : 1;
	node->powers = put_floats(c, table, n);
	for (int k = 0; k < n; k++)
		table[k] = (float) Max(log2(pairs[surprise_pair(aspect, k)] / shares[k]), 0);
	node->within = put_floats(c, table, n);
	node->pair = c->bytes.len;
	for (int k = 0; k < n; k++)
		appendStringInfoChar(&c->bytes, (char) surprise_pair(aspect, k));
	pfree(table);
	pfree(shares);
	return pairs;
}

/*
 * Gives what codes a number.  Without the only row that has it, the least or greatest
 * value would lie outside the range.
 */
static SurpriseCoder *
number_coder(const Compiling *c, const SurpriseAspect *aspect)
{
	SurpriseAspect others = *aspect;
	int			last = aspect->nvalues - 1;
	Size		bytes = mul_size(sizeof(float), Max(aspect->nvalues, 1));

	if (c->own == 0 || aspect->nvalues == 0)
		return surprise_coder(aspect);
	others.lo = memcpy(palloc(bytes), aspect->lo, bytes);
	others.hi = memcpy(palloc(bytes), aspect->hi, bytes);
	if (aspect->single_lo && aspect->lo[0] < aspect->hi[0])
		others.lo[0] = nextafterf(aspect->lo[0], INFINITY);
	if (aspect->single_hi && aspect->lo[last] < aspect->hi[last])
		others.hi[last] = nextafterf(aspect->hi[last], -INFINITY);
	return surprise_coder(&others);
}

/* Writes the edges and bounds of a number. */
static void
compile_number(Compiling *c, const SurpriseAspect *aspect, SurpriseNode *node)
{
	SurpriseCoder *coder = number_coder(c, aspect);

	node->nedges = coder->nedges;
	node->edges = put_floats(c, coder->edges, coder->nedges);
	node->map = c->shorts.len / sizeof(uint16);
	appendBinaryStringInfo(&c->shorts, (const char *) coder->map, sizeof(uint16) * (coder->nedges + 1));
	node->bounds = put_floats(c, aspect->lo, aspect->nvalues);
	put_floats(c, aspect->hi, aspect->nvalues);
	node->core_lo = aspect->core_lo;
	node->core_hi = aspect->core_hi;
	node->rate_lo = aspect->scale_lo > 0 ? 1.0f / aspect->scale_lo : 0;
	node->rate_hi = aspect->scale_hi > 0 ? 1.0f / aspect->scale_hi : 0;
}

/* Writes what the values are standardised by. */
static void
compile_groups(Compiling *c, const SurpriseAspect *aspect, SurpriseNode *node)
{
	int			n = SURPRISE_OUTCOMES(&c->model->aspects[c->model->partition]);

	node->flags |= SURPRISE_NODE_STANDARDISED;
	node->groups = put_floats(c, aspect->center, n);
	for (int g = 0; g < n; g++)
	{
		float		rate = 1.0f / aspect->width[g];

		put_floats(c, &rate, 1);
	}
}

/* Writes one parent's table of weighted bits. */
static void
compile_link(Compiling *c, const SurpriseAspect *aspect, const SurpriseParent *parent, const double *pairs, double weight)
{
	int			width = surprise_npair(aspect);
	int			height = surprise_height(c->model, parent);
	double		smoothing = parent->whole ? GROUP_MASS : c->model->smoothing;
	float	   *cells = palloc(mul_size(sizeof(float), width));
	SurpriseLink link = {.aspect = parent->aspect, .weight = (float) weight};

	link.flags = parent->whole ? SURPRISE_LINK_WHOLE : 0;
	link.cells = c->floats.len / sizeof(float);
	for (int g = 0; g < height; g++)
	{
		const float *counts = parent->counts + g * width;
		double		rows = 0;

		for (int x = 0; x < width; x++)
			rows += counts[x];
		for (int x = 0; x < width; x++)
			cells[x] = (float) (weight * Max(log2((Max(rows - c->own, 0) + smoothing) /
												  (Max(counts[x] - c->own, 0) + smoothing * pairs[x])), 0));
		put_floats(c, cells, width);
	}
	appendBinaryStringInfo(&c->links, (const char *) &link, sizeof(link));
	pfree(cells);
}

/* Writes what depends on the parents. */
static void
compile_parents(Compiling *c, const SurpriseAspect *aspect, const double *pairs, SurpriseNode *node)
{
	double		total = 0;

	node->first_parent = c->links.len / sizeof(SurpriseLink);
	node->nparents = aspect->nparents;
	for (int k = 0; k < aspect->nparents; k++)
		total += sqrt(aspect->parents[k].information);
	for (int k = 0; k < aspect->nparents; k++)
	{
		CHECK_FOR_INTERRUPTS();
		compile_link(c, aspect, &aspect->parents[k], pairs, sqrt(aspect->parents[k].information) / total);
	}
}

/* Writes a tail and gives its place. */
static uint64
put_tail(Compiling *c, const Tail *tail)
{
	uint64		at = c->tails.len;

	tail_compile(tail, &c->tails);
	return at;
}

/* Writes how conditional surprise is to be taken: a grid over what the training rows showed, the tail for what is beyond. */
static void
compile_grid(Compiling *c, const SurpriseAspect *aspect, SurpriseNode *node)
{
	const Tail *tail = conditional_tail(c, aspect);
	float		grid[SURPRISE_GRID + 1];
	float		lo = tail->score[0];
	float		width = (Max(tail->threshold - lo, 1e-6f)) / SURPRISE_GRID;

	for (int i = 0; i <= SURPRISE_GRID; i++)
		grid[i] = surprise_power(c->model->power, tail, lo + i * width);
	node->grid = put_floats(c, grid, SURPRISE_GRID + 1);
	node->grid_lo = lo;
	node->grid_rate = 1.0f / width;
	node->conditional = put_tail(c, tail);
}

/* Gives the number of aspects that an aspect's column has, once each. */
static int
siblings(const SurpriseModel *model, int aspect)
{
	int			column = model->aspects[aspect].column;
	int			n = 0;

	for (int a = aspect; a >= 0 && model->aspects[a].column == column; a--)
		n += !model->aspects[a].grouped;
	for (int a = aspect + 1; a < model->naspects && model->aspects[a].column == column; a++)
		n += !model->aspects[a].grouped;
	return n;
}

/* Writes one aspect. */
static void
compile_aspect(Compiling *c, int a)
{
	const SurpriseAspect *aspect = &c->model->aspects[a];
	SurpriseNode node = {.feature = aspect->feature, .column = aspect->column, .nvalues = aspect->nvalues};
	double	   *pairs;

	node.flags = (aspect->categorical ? SURPRISE_NODE_CATEGORICAL : 0) | (aspect->grouped ? SURPRISE_NODE_GROUPED : 0);
	node.npair = surprise_npair(aspect);
	node.handicap = aspect->side ? (float) exp2(-c->model->power * log2(siblings(c->model, a))) : 1;
	node.seen = (aspect->counts[SURPRISE_UNSEEN(aspect)] > 0 ? SURPRISE_SEEN_UNSEEN : 0) |
		(aspect->counts[SURPRISE_NULL(aspect)] > 0 ? SURPRISE_SEEN_NULL : 0);
	pairs = compile_outcomes(c, aspect, &node);
	if (!aspect->categorical)
		compile_number(c, aspect, &node);
	if (aspect->center != NULL)
		compile_groups(c, aspect, &node);
	compile_parents(c, aspect, pairs, &node);
	if (aspect->marginal.npoints > 0)
		node.marginal = put_tail(c, marginal_tail(c, aspect));
	if (aspect->conditional.npoints > 0)
		compile_grid(c, aspect, &node);
	appendBinaryStringInfo(&c->nodes, (const char *) &node, sizeof(node));
	pfree(pairs);
}

/* Appends a part, padded. */
static void
put_part(StringInfo out, const void *part, Size len)
{
	static const char padding[MAXIMUM_ALIGNOF] = {0};

	appendBinaryStringInfo(out, part, len);
	appendBinaryStringInfo(out, padding, MAXALIGN(len) - len);
}

/* Puts the parts together. */
static void
put_parts(Compiling *c, StringInfo out)
{
	const SurpriseModel *model = c->model;
	SurpriseHeader header = {.format = SURPRISE_FORMAT, .byte_order = COMPILED_BYTE_ORDER};
	int			start = out->len;
	StringInfoData severity;

	initStringInfo(&severity);
	if (model->severity.npoints > 0)
		severity_compile(&model->severity, &severity);
	memcpy(header.magic, SURPRISE_MAGIC, sizeof(header.magic));
	header.flags = severity.len > 0 ? SURPRISE_CALIBRATED : 0;
	header.tails = c->tails.len;
	header.severity = severity.len;
	header.nfeatures = model->nfeatures;
	header.ncolumns = model->ncolumns;
	header.naspects = model->naspects;
	header.nlinks = c->links.len / sizeof(SurpriseLink);
	header.nfloats = c->floats.len / sizeof(float);
	header.nshorts = c->shorts.len / sizeof(uint16);
	header.nbytes = c->bytes.len;
	header.power = model->power;
	header.partition = model->partition;
	header.nfulls = model->nfulls;
	put_part(out, &header, sizeof(header));
	put_part(out, c->nodes.data, c->nodes.len);
	put_part(out, c->links.data, c->links.len);
	put_part(out, c->floats.data, c->floats.len);
	put_part(out, severity.data, severity.len);
	put_part(out, c->shorts.data, c->shorts.len);
	put_part(out, c->bytes.data, c->bytes.len);
	put_part(out, c->tails.data, c->tails.len);
	surprise_compile_full(model, c->own > 0, out);
	header.length = out->len - start;
	memcpy(out->data + start, &header, sizeof(header));
	header.crc = compiled_crc(out->data + start, header.length, offsetof(SurpriseHeader, crc));
	memcpy(out->data + start, &header, sizeof(header));
}

/* Appends the compiled form of a model, calibrated or not yet. */
void
surprise_compile_model(const SurpriseModel *model, bool unseen, StringInfo out)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "aipipe surprise compile", ALLOCSET_DEFAULT_SIZES);
	Compiling	c = {.model = model, .own = unseen ? 1 : 0};

	MemoryContextSwitchTo(scratch);
	initStringInfo(&c.nodes);
	initStringInfo(&c.links);
	initStringInfo(&c.floats);
	initStringInfo(&c.shorts);
	initStringInfo(&c.bytes);
	initStringInfo(&c.tails);
	for (int a = 0; a < model->naspects; a++)
		compile_aspect(&c, a);
	put_parts(&c, out);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
