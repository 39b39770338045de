/*-------------------------------------------------------------------------
 *
 * seasonal_value.c
 *	  Values and what they are judged as.
 *
 * Counts and amounts vary by ratios, so their logarithms are judged; shares by odds, so their
 * logits are; everything else as it is.  The transformations go on beyond their range without a
 * break (a negative amount, a share above one), so every value has a place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "series/seasonal_int.h"

/* Gives the logarithm of a value behind an offset, mirrored below zero. */
static double
log_behind(double value, double offset)
{
	double		size = log1p(fabs(value) / offset);

	return log(offset) + (value < 0 ? -size : size);
}

/* Gives the value that has the logarithm. */
static double
value_behind(double y, double offset)
{
	double		size = y - log(offset);

	return (size < 0 ? -offset : offset) * expm1(fabs(size));
}

/* Gives the logit of a share kept off its ends by an offset, and a line beyond them. */
static double
logit(double value, double offset)
{
	double		inside = Min(Max(value, 0), 1);

	return log((inside + offset) / (1 - inside + offset)) + (value - inside) / offset;
}

/* Gives the share that has the logit. */
static double
share(double y, double offset)
{
	double		end = log((1 + offset) / offset);
	double		inside = Min(Max(y, -end), end);
	double		odds = exp(inside);

	return (odds * (1 + offset) - offset) / (1 + odds) + (y - inside) * offset;
}

/* Gives what a value is judged as: always finite for what is no NaN. */
double
seasonal_transform(SeasonalKind kind, double offset, double value)
{
	value = Min(Max(value, -FLT_MAX), FLT_MAX);
	switch (kind)
	{
		case KIND_COUNT:
			return log_behind(value, offset);
		case KIND_SHARE:
			return Min(Max(logit(value, offset), -FLT_MAX), FLT_MAX);
		default:
			return value;
	}
}

/* Gives the value that is judged so. */
double
seasonal_restore(SeasonalKind kind, double offset, double y)
{
	switch (kind)
	{
		case KIND_COUNT:
			return value_behind(y, offset);
		case KIND_SHARE:
			return share(y, offset);
		default:
			return y;
	}
}

/* Gives the median of the sizes of the ring's values but zero, of shares of the distance to the nearer end; 0 for none. */
static double
usual_size(const SeasonalState *state, bool shares)
{
	double		sizes[SEASONAL_WINDOW];
	int			n = 0;

	for (int i = 0; i < Min(state->next, SEASONAL_WINDOW); i++)
	{
		double		value = state->y[i];
		double		size = shares ? Min(value, 1 - value) : value;

		if (!isnan(value) && size > 0)
			sizes[n++] = size;
	}
	return seasonal_median(sizes, n);
}

/* Chooses the kind by the untransformed values in the ring where it is not told, and the offset; then transforms them. */
void
seasonal_choose_kind(SeasonalState *state)
{
	bool		whole = true;
	bool		positive = true;
	bool		below_one = true;

	for (int i = 0; i < Min(state->next, SEASONAL_WINDOW); i++)
	{
		double		value = state->y[i];

		if (isnan(value))
			continue;
		whole = whole && value == floor(value);
		positive = positive && value >= 0;
		below_one = below_one && value <= 1;
	}
	if (state->kind == KIND_AUTO)
		state->kind = !positive ? KIND_VALUE : below_one && !whole ? KIND_SHARE : KIND_COUNT;
	if (state->kind == KIND_SHARE)
		state->offset = Min(Max(0.1 * usual_size(state, true), 1e-6), 0.001);
	else if (state->kind == KIND_COUNT)
		state->offset = whole ? 1 : Max(0.01 * usual_size(state, false), 1e-6);
	else
		state->offset = 0;
	for (int i = 0; i < Min(state->next, SEASONAL_WINDOW); i++)
		if (!isnan(state->y[i]))
			state->y[i] = (float) seasonal_transform(state->kind, state->offset, state->y[i]);
}
