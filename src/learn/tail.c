/*-------------------------------------------------------------------------
 *
 * tail.c
 *	  From a score to the share of training rows that are as strange.
 *
 * Up to the 98th percentile the training rows themselves tell, at points that are
 * thinned to one part in a thousand.  Above it a generalised Pareto distribution
 * is fitted to the exceedances by probability-weighted moments (Hosking, Wallis
 * 1987), which need no iteration and cannot fail; its shape is kept within
 * [-0.5, 0.5], where their estimate has a finite variance.  The threshold lies
 * between two scores, so that both sides agree there whatever ties there are.
 *
 * A fit that contradicts the exceedances (heaps of equal scores, two populations)
 * is dropped for one above half as many rows, and so on.  When none with
 * TAIL_MIN_EXCEEDANCES rows is left, all rows are told by themselves, and beyond
 * the greatest score follows an exponential tail with the mean excess of the
 * greatest rows, from 1 / (rows + 1) on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "learn/tail_private.h"

#define TAIL_SHARE 0.02
#define TAIL_MIN_EXCEEDANCES 50

/* A fit is dropped when it is off by more than this plus three standard errors of the rows' number, in bits. */
#define TAIL_MISFIT 0.3
#define TAIL_MISFIT_ROWS 10

/* Rows beyond the greatest of which are looked at for the exponential tail. */
#define TAIL_TOP_ROWS 50

/* A tail with an end goes on as a straight line from where this share of the way is left. */
#define TAIL_LEFT (1.0 / 1024)

#define TAIL_MAGIC 0x4C494154	/* "TAIL" */

typedef struct TailHeader
{
	uint32		magic;
	int32		npoints;
	int64		rows;
	float		threshold;
	float		share;
	float		scale;
	float		shape;
} TailHeader;

#define ST_SORT sort_scores
#define ST_ELEMENT_TYPE float
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Gives -log2 of the generalised Pareto's survival function at an excess, a straight line near its end. */
double
tail_excess_bits(double excess, double scale, double shape)
{
	double		y = excess / scale;

	if (fabs(shape) < 1e-6)
		return y / M_LN2;
	if (shape < 0)
	{
		double		last = (TAIL_LEFT - 1) / shape;

		if (y > last)
			return log2(TAIL_LEFT) / shape + (y - last) / (TAIL_LEFT * M_LN2);
	}
	return log1p(shape * y) / (shape * M_LN2);
}

/* Gives the excess at which the generalised Pareto's survival function has so many bits. */
static double
excess_at(double bits, double scale, double shape)
{
	if (fabs(shape) < 1e-6)
		return bits * M_LN2 * scale;
	return expm1(bits * M_LN2 * shape) / shape * scale;
}

/* Fits a generalised Pareto distribution to the moments of exceedances: their mean, which must be positive, and that weighted by rank. */
void
tail_fit_moments(double a0, double a1, float *scale, float *shape)
{
	double		spread = a0 - 2 * a1;
	double		xi;
	double		sigma;

	/* half the mean difference of two exceedances: 0 when all are equal, which no shape is short enough for */
	xi = (spread > 0) ? 2 - a0 / spread : -DBL_MAX;
	if (xi < -TAIL_MAX_SHAPE || xi > TAIL_MAX_SHAPE)
	{
		/* within its bounds the mean decides */
		xi = (xi < 0) ? -TAIL_MAX_SHAPE : TAIL_MAX_SHAPE;
		sigma = a0 * (1 - xi);
	}
	else
		sigma = 2 * a0 * a1 / spread;
	*scale = (float) Min(Max(sigma, FLT_MIN), FLT_MAX);
	*shape = (float) xi;
}

/* Fits a generalised Pareto distribution to exceedances that ascend. */
static void
fit_pareto(const float *scores, int64 n, double threshold, float *scale, float *shape)
{
	double		a0 = 0;
	double		a1 = 0;

	for (int64 i = 0; i < n; i++)
	{
		double		excess = (double) scores[i] - threshold;

		a0 += excess;
		a1 += excess * (double) (n - 1 - i) / (double) (n - 1);
	}
	tail_fit_moments(a0 / n, a1 / n, scale, shape);
}

/* Says whether a fit agrees with the exceedances that it was made from. */
static bool
fit_agrees(const float *scores, int64 n, double threshold, double scale, double shape)
{
	for (int64 i = 0; i <= n - TAIL_MISFIT_ROWS; i++)
	{
		double		left = n - i;
		double		bits;

		if (i > 0 && scores[i] == scores[i - 1])
			continue;
		bits = tail_excess_bits((double) scores[i] - threshold, scale, shape);
		if (fabs(bits - log2(n / left)) > TAIL_MISFIT + 3 / (M_LN2 * sqrt(left)))
			return false;
	}
	return true;
}

/*
 * Looks for a threshold above which a generalised Pareto distribution serves; gives
 * the index of the first exceedance, or -1.
 */
static int64
find_threshold(const float *scores, int64 n, Tail *tail)
{
	for (double share = TAIL_SHARE;; share /= 2)
	{
		int64		first = n - (int64) (n * share);
		double		threshold;

		CHECK_FOR_INTERRUPTS();
		/* behind the heap of equal scores that it falls into */
		while (first > 0 && first < n && scores[first] == scores[first - 1])
			first++;
		if (n - first < TAIL_MIN_EXCEEDANCES)
			return -1;
		threshold = (float) (((double) scores[first - 1] + scores[first]) / 2);
		if (threshold <= scores[first - 1])
			threshold = scores[first];
		if (scores[n - 1] <= threshold)
			return -1;
		fit_pareto(scores + first, n - first, threshold, &tail->scale, &tail->shape);
		if (fit_agrees(scores + first, n - first, threshold, tail->scale, tail->shape))
		{
			tail->threshold = (float) threshold;
			return first;
		}
	}
}

/* Adds a point unless a point has that score. */
void
tail_add_point(Tail *tail, float score, double bits)
{
	if (tail->npoints > 0 && tail->score[tail->npoints - 1] >= score)
		return;
	tail->score[tail->npoints] = score;
	tail->bits[tail->npoints++] = (float) Max(bits, 0);
}

/* Makes points of the first scores, thinned when there are too many different ones. */
static void
thin_points(const float *scores, int64 nfirst, int64 n, Tail *tail)
{
	int64		different = 0;
	double		step = 0;
	double		due = 0;

	for (int64 i = 0; i < nfirst; i++)
		different += (i == 0 || scores[i] != scores[i - 1]);
	if (different > TAIL_THINNED)
		step = log2((double) n / Max(n - nfirst, 1)) / (TAIL_THINNED - 2);
	for (int64 i = 0; i < nfirst; i++)
	{
		double		bits;

		if (i > 0 && scores[i] == scores[i - 1])
			continue;
		bits = log2((double) n / (n - i));
		if (bits < due && scores[i] != scores[nfirst - 1])
			continue;
		tail_add_point(tail, scores[i], bits);
		due = bits + step;
	}
}

/* Gives the mean excess of the greatest rows, more of them while they are equal; 0 when all rows are. */
static double
mean_excess(const float *scores, int64 n)
{
	for (int64 top = TAIL_TOP_ROWS; n > 1; top *= 2)
	{
		double		sum = 0;

		top = Min(top, n - 1);
		for (int64 i = n - top; i < n; i++)
			sum += (double) scores[i] - scores[n - top - 1];
		if (sum > 0)
			return sum / top;
		if (top == n - 1)
			break;
	}
	return 0;
}

/* Lets an exponential tail follow the greatest score. */
void
tail_follow_greatest(const float *scores, int64 n, Tail *tail)
{
	float		greatest = scores[n - 1];
	double		scale = mean_excess(scores, n);
	double		ties = 1;
	double		beyond;

	while (ties < n && scores[n - 1 - (int64) ties] == greatest)
		ties++;
	/* all rows alike: what differs by a thousandth is something else */
	if (scale == 0)
		scale = Max(fabs(greatest) / 1000, 1e-6);
	beyond = greatest + scale * Min(1, log(ties * (n + 1) / n));
	if (beyond <= FLT_MAX)
		tail_add_point(tail, (float) beyond, log2((double) n + 1));
	tail->threshold = tail->score[tail->npoints - 1];
	tail->scale = (float) Min(Max(scale, FLT_MIN), FLT_MAX);
	tail->shape = 0;
}

/* Learns from the scores of training rows, which it sorts. */
void
tail_learn(float *scores, int64 nscores, Tail *tail)
{
	int64		first;

	Assert(nscores > 0);
	memset(tail, 0, sizeof(Tail));
	tail->rows = nscores;
	tail->score = palloc(sizeof(float) * TAIL_MAX_POINTS);
	tail->bits = palloc(sizeof(float) * TAIL_MAX_POINTS);
	sort_scores(scores, nscores);
	first = find_threshold(scores, nscores, tail);
	thin_points(scores, first < 0 ? nscores : first, nscores, tail);
	if (first < 0)
		tail_follow_greatest(scores, nscores, tail);
	else
		tail_add_point(tail, tail->threshold, log2((double) nscores / (nscores - first)));
	tail->share = (float) exp2(-tail->bits[tail->npoints - 1]);
}

/* Gives the last point at or below a score, or the first. */
static inline int
last_point(const Tail *tail, float score)
{
	const float *base = tail->score;
	int			n = tail->npoints;

	/* without a branch that could be mispredicted */
	while (n > 1)
	{
		int			half = n / 2;

		base = (base[half] <= score) ? base + half : base;
		n -= half;
	}
	return (int) (base - tail->score);
}

/* Gives the bits between two points, or of the first. */
static double
point_bits(const Tail *tail, float score)
{
	int			at;
	double		part;

	if (score <= tail->score[0])
		return tail->bits[0];
	at = last_point(tail, score);
	part = ((double) score - tail->score[at]) / ((double) tail->score[at + 1] - tail->score[at]);
	return tail->bits[at] + part * ((double) tail->bits[at + 1] - tail->bits[at]);
}

/* Gives the bits up to which a tail is taken at its word. */
static double
most_bits(const Tail *tail)
{
	return log2((double) tail->rows) + TAIL_BEYOND_BITS;
}

/* Gives -log2 P(score >= s): 0 or more, finite, never falling with s; no number counts as the greatest. */
float
tail_bits(const Tail *tail, float score)
{
	double		bits;

	if (score < tail->threshold)
		return (float) point_bits(tail, score);
	if (!(score <= FLT_MAX))
		score = FLT_MAX;
	bits = tail->bits[tail->npoints - 1] + tail_excess_bits((double) score - tail->threshold, tail->scale, tail->shape);
	if (bits > TAIL_BEYOND_BITS)
	{
		double		most = most_bits(tail);

		if (bits > most)
			bits = most + (bits - most) / (1 + (bits - most) / TAIL_BEYOND_BITS);
	}
	return (float) bits;
}

/* Gives P(score >= s) as the rows have it: no row lies between two points, so what does is like the upper one. */
double
tail_share(const Tail *tail, float score)
{
	int			at;

	if (score > tail->score[0] && score < tail->threshold)
	{
		at = last_point(tail, score);
		return exp2(-(double) tail->bits[tail->score[at] < score ? at + 1 : at]);
	}
	return exp2(-(double) tail_bits(tail, score));
}

/* Gives so many scores that are spread as the tail says, ascending. */
void
tail_sample(const Tail *tail, float *scores, int64 nscores)
{
	int			last = tail->npoints - 1;
	int			at = 0;

	for (int64 i = 0; i < nscores; i++)
	{
		double		bits = log2((double) nscores / (nscores - i - 0.5));
		double		score;

		while (at < last && tail->bits[at + 1] <= bits)
			at++;
		if (at == last)
			score = tail->threshold + excess_at(bits - tail->bits[last], tail->scale, tail->shape);
		else if (bits <= tail->bits[at])
			score = tail->score[at];
		else
			score = tail->score[at] + ((double) tail->score[at + 1] - tail->score[at]) *
				(bits - tail->bits[at]) / ((double) tail->bits[at + 1] - tail->bits[at]);
		scores[i] = (float) Min(Max(score, -FLT_MAX), FLT_MAX);
	}
}

/* Gives the reason why a tail is not sound, or NULL. */
const char *
tail_check(const Tail *tail)
{
	int			last = tail->npoints - 1;
	double		most;

	if (tail->rows < 1)
		return "a tail has no rows";
	most = most_bits(tail);
	if (tail->npoints < 1 || tail->npoints > TAIL_MAX_POINTS)
		return "a tail has an impossible number of points";
	for (int i = 0; i <= last; i++)
	{
		if (!isfinite(tail->score[i]) || !(tail->bits[i] >= 0 && tail->bits[i] <= most))
			return "a tail's point is out of range";
		if (i > 0 && (tail->score[i] <= tail->score[i - 1] || tail->bits[i] < tail->bits[i - 1]))
			return "a tail's points do not ascend";
	}
	if (tail->threshold != tail->score[last])
		return "a tail's threshold is not its last point";
	if (!(fabs(tail->share / exp2(-tail->bits[last]) - 1) < 1e-4))
		return "a tail's share is not that of its last point";
	if (!(tail->scale >= FLT_MIN && tail->scale <= FLT_MAX))
		return "a tail's scale is out of range";
	if (!(fabsf(tail->shape) <= TAIL_MAX_SHAPE))
		return "a tail's shape is out of range";
	return NULL;
}

/* Writes a tail in the fixed form. */
void
tail_write(const Tail *tail, StringInfo out)
{
	const float gpd[] = {tail->threshold, tail->share, tail->scale, tail->shape};

	appendStringInfo(out, "{\"rows\":" INT64_FORMAT ",\"score\":", tail->rows);
	artifact_put_floats(out, tail->score, tail->npoints);
	appendStringInfoString(out, ",\"bits\":");
	artifact_put_floats(out, tail->bits, tail->npoints);
	appendStringInfoString(out, ",\"gpd\":");
	artifact_put_floats(out, gpd, lengthof(gpd));
	appendStringInfoChar(out, '}');
}

/* Reads what tail_write() wrote and checks it. */
void
tail_read(ArtifactReader *r, Tail *tail)
{
	ArtifactReader ahead;
	float		gpd[4];
	const char *why;

	memset(tail, 0, sizeof(Tail));
	artifact_expect(r, "{\"rows\":");
	tail->rows = artifact_integer(r, 1, PG_INT64_MAX);
	artifact_expect(r, ",\"score\":");
	ahead = *r;
	artifact_expect(&ahead, "[");
	tail->npoints = artifact_count(&ahead, TAIL_MAX_POINTS);
	tail->score = palloc(sizeof(float) * Max(tail->npoints, 1));
	tail->bits = palloc(sizeof(float) * Max(tail->npoints, 1));
	artifact_floats(r, tail->score, tail->npoints);
	artifact_expect(r, ",\"bits\":");
	artifact_floats(r, tail->bits, tail->npoints);
	artifact_expect(r, ",\"gpd\":");
	artifact_floats(r, gpd, lengthof(gpd));
	artifact_expect(r, "}");
	tail->threshold = gpd[0];
	tail->share = gpd[1];
	tail->scale = gpd[2];
	tail->shape = gpd[3];
	if ((why = tail_check(tail)) != NULL)
		artifact_error(r, why);
}

/* Appends the compiled form: header, scores, bits, padding. */
void
tail_compile(const Tail *tail, StringInfo out)
{
	TailHeader	header = {0};
	Size		array = sizeof(float) * tail->npoints;
	Size		start = out->len;

	header.magic = TAIL_MAGIC;
	header.npoints = tail->npoints;
	header.rows = tail->rows;
	header.threshold = tail->threshold;
	header.share = tail->share;
	header.scale = tail->scale;
	header.shape = tail->shape;
	appendBinaryStringInfo(out, (char *) &header, sizeof(header));
	appendBinaryStringInfo(out, (char *) tail->score, array);
	appendBinaryStringInfo(out, (char *) tail->bits, array);
	while ((out->len - start) % MAXIMUM_ALIGNOF != 0)
		appendStringInfoChar(out, '\0');
}

/* Opens a compiled form in place; gives the bytes it takes, or 0 when it is not sound. */
Size
tail_open(const char *compiled, Size len, Tail *tail)
{
	const TailHeader *header = (const TailHeader *) compiled;
	Size		taken;

	if (len < sizeof(TailHeader) || header->magic != TAIL_MAGIC || header->npoints < 1 ||
		header->npoints > TAIL_MAX_POINTS)
		return 0;
	taken = MAXALIGN(sizeof(TailHeader) + 2 * sizeof(float) * header->npoints);
	if (taken > len)
		return 0;
	tail->rows = header->rows;
	tail->npoints = header->npoints;
	tail->score = unconstify(float *, (const float *) (compiled + sizeof(TailHeader)));
	tail->bits = tail->score + header->npoints;
	tail->threshold = header->threshold;
	tail->share = header->share;
	tail->scale = header->scale;
	tail->shape = header->shape;
	return tail_check(tail) == NULL ? taken : 0;
}
