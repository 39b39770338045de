/*-------------------------------------------------------------------------
 *
 * diff_column.c
 *	  What is different in one column: type, NULLs, numbers, range, distinct values, order.
 *
 * A column whose values rise with the rows (serial numbers, times of arrival) moves on by itself: neither its
 * distribution nor its upper end is compared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"

#include "profile/diff.h"
#include "profile/query.h"

/* Fewer rows show nothing about a first time. */
#define DIFF_MIN_ROWS 100
/* Indexes below it are not worth a word. */
#define DIFF_MIN_INDEX 0.01
/* A distribution that differs less is called the same ("no shift" in credit scoring). */
#define DIFF_MIN_SHIFT 0.1
/* Bins of sketch_psi() at most, by deciles and by frequent values, and the rows that each should have on average. */
#define DIFF_DECILES 11
#define DIFF_VALUES 101
#define DIFF_ROWS_A_BIN 5
/* A column rises with the rows when this share of neighbours does. */
#define DIFF_RISING 0.95
/* A column whose values repeat less is as good as unique; the estimate of distinct values is good to about 2 %. */
#define DIFF_UNIQUE 0.97
#define DIFF_NOT_UNIQUE 0.93
/* And only where about as many rows were looked at: the more rows, the more values repeat. */
#define DIFF_UNIQUE_ROWS 1.5
/* Distance of distributions of lengths that is worth a word. */
#define DIFF_LENGTHS 0.15

/* Gives the values that are not NULL. */
static double
number_of_values(const Sketch *sketch)
{
	return sketch->count - sketch->nulls;
}

/* Gives a share, 0 of nothing. */
static double
share_of(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* Says whether the values follow the order of the rows. */
static bool
is_rising(const Sketch *sketch)
{
	const SketchOrder *order = &sketch->order;

	return order->rising >= DIFF_RISING * ((double) order->rising + order->falling + order->equal) && order->rising > 0;
}

/* Compares the share of NULLs; one that is there for the first or last time is worth a word however small. */
static List *
diff_nulls(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	double		na = from->sketch->count;
	double		nb = to->sketch->count;
	double		a = share_of(from->sketch->nulls, na);
	double		b = share_of(to->sketch->nulls, nb);
	double		index = diff_index(a, b);
	bool		first = ((a == 0) != (b == 0) || (a == 1) != (b == 1)) && Min(na, nb) >= DIFF_MIN_ROWS;

	if (!first && (index < DIFF_MIN_INDEX || !diff_is_significant(a, na, b, nb)))
		return changes;
	return diff_add(changes, to->name, "nulls", index, diff_percent(a), diff_percent(b),
					psprintf("%s of \"%s\" is NULL instead of %s", diff_percent(b), to->name, diff_percent(a)));
}

/* Compares the distributions: by deciles for numbers, by frequent values for others. */
static List *
diff_distribution(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	double		na = from->sketch->count;
	double		nb = to->sketch->count;
	double		nulls = diff_index(share_of(from->sketch->nulls, na), share_of(to->sketch->nulls, nb));
	bool		exact;
	double		bins = value_kind_is_numeric(to->sketch->kind) ? DIFF_DECILES
		: Min(sketch_distinct(from->sketch, &exact) + 1, DIFF_VALUES);
	double		chance = bins * (1 / na + 1 / nb);
	double		index;
	char	   *before;
	char	   *after;

	if (Min(na, nb) < Max(DIFF_MIN_ROWS, DIFF_ROWS_A_BIN * bins))
		return changes;
	index = sketch_psi(from->sketch, to->sketch) - nulls;
	if (!(index > DIFF_MIN_SHIFT) || index < 3 * chance)
		return changes;
	if (!value_kind_is_numeric(to->sketch->kind))
		return diff_add(changes, to->name, "distribution", index, NULL, NULL,
						psprintf("frequent values of \"%s\" have other shares (index %.2f)", to->name, index));
	before = sketch_number_text(from->sketch, sketch_quantile(from->sketch, 0.5));
	after = sketch_number_text(to->sketch, sketch_quantile(to->sketch, 0.5));
	return diff_add(changes, to->name, "distribution", index, before, after,
					psprintf("values of \"%s\" are distributed otherwise (index %.2f); the median is %s, it was %s",
							 to->name, index, after, before));
}

/* Gives an extreme as text. */
static char *
extreme_text(const SketchExtreme *extreme)
{
	return psprintf("%.*s%s", extreme->len, extreme->text, extreme->clipped ? "..." : "");
}

/* Says that a share of the values lies beyond one end of what was seen before. */
static List *
diff_end(List *changes, const DiffColumn *from, const DiffColumn *to, bool upper, double share)
{
	const SketchExtreme *before = upper ? &from->sketch->max : &from->sketch->min;
	const SketchExtreme *after = upper ? &to->sketch->max : &to->sketch->min;
	double		na = number_of_values(from->sketch);
	double		nb = number_of_values(to->sketch);
	double		beyond = Max(share * nb, 1);
	double		width = from->sketch->max.number - from->sketch->min.number;
	double		step = fabs(after->number - before->number);

	/* of nb new values each lies beyond na old ones with probability 1 / (na + 1); far beyond is another matter */
	if (pow(nb / (na + nb), beyond) > 0.001 && !(step > width))
		return changes;
	return diff_add(changes, to->name, upper ? "maximum" : "minimum", diff_index(0, Max(share, 1 / nb)),
					extreme_text(before), extreme_text(after),
					psprintf("\"%s\" goes %s to %s, it was %s at %s; %s of the values lie beyond", to->name, upper ? "up" : "down",
							 extreme_text(after), extreme_text(before), upper ? "most" : "least",
							 diff_percent(Max(share, 1 / nb))));
}

/* Compares both ends of the range of numbers. */
static List *
diff_range(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	const Sketch *a = from->sketch;
	const Sketch *b = to->sketch;

	if (!a->min.known || !b->min.known || number_of_values(a) < DIFF_MIN_ROWS)
		return changes;
	if (b->min.number < a->min.number)
		changes = diff_end(changes, from, to, false, sketch_cdf(b, nextafter(a->min.number, get_float8_infinity() * -1)));
	if (b->max.number > a->max.number && !is_rising(b))
		changes = diff_end(changes, from, to, true, 1 - sketch_cdf(b, a->max.number));
	return changes;
}

/* Says that a column that was unique is no more, or the other way around. */
static List *
diff_unique(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	double		a = sketch_uniqueness(from->sketch);
	double		b = sketch_uniqueness(to->sketch);
	double		na = number_of_values(from->sketch);
	double		nb = number_of_values(to->sketch);
	bool		lost = a >= DIFF_UNIQUE && b < DIFF_NOT_UNIQUE && nb <= na * DIFF_UNIQUE_ROWS;
	bool		won = a < DIFF_NOT_UNIQUE && b >= DIFF_UNIQUE && na <= nb * DIFF_UNIQUE_ROWS;

	if (!(lost || won) || Min(na, nb) < DIFF_MIN_ROWS)
		return changes;
	return diff_add(changes, to->name, "distinct", diff_index(1 - a, 1 - b), diff_percent(a), diff_percent(b),
					psprintf(lost ? "\"%s\" was as good as unique: only %s of its values are different now, %s before"
							 : "\"%s\" is as good as unique now: %s of its values are different, %s before",
							 to->name, diff_percent(b), diff_percent(a)));
}

/* Compares the lengths of texts. */
static List *
diff_lengths(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	double		na = number_of_values(from->sketch);
	double		nb = number_of_values(to->sketch);
	double		distance = sketch_ks(from->sketch, to->sketch);
	double		before = from->sketch->characters.mean;
	double		after = to->sketch->characters.mean;

	/* 1.95: Smirnov's bound of one in a thousand */
	if (!(distance > DIFF_LENGTHS) || distance < 1.95 * sqrt(1 / na + 1 / nb))
		return changes;
	return diff_add(changes, to->name, "lengths", diff_index(0.5 - distance / 2, 0.5 + distance / 2),
					psprintf("%.3g", before), psprintf("%.3g", after),
					psprintf("texts of \"%s\" have %.3g characters on average, it was %.3g", to->name, after, before));
}

/* Says that something that cannot be reckoned with came up. */
static List *
diff_special(List *changes, const DiffColumn *from, const DiffColumn *to, const char *what, int64 before, int64 after)
{
	double		a = share_of(before, number_of_values(from->sketch));
	double		b = share_of(after, number_of_values(to->sketch));

	if ((a == 0) == (b == 0) && (diff_index(a, b) < DIFF_MIN_INDEX ||
								 !diff_is_significant(a, number_of_values(from->sketch), b, number_of_values(to->sketch))))
		return changes;
	return diff_add(changes, to->name, what, diff_index(a, b), diff_percent(a), diff_percent(b),
					psprintf("%s of \"%s\" is %s instead of %s", diff_percent(b), to->name, what, diff_percent(a)));
}

/* Appends what is different in a column that both profiles have. */
List *
diff_column(List *changes, const DiffColumn *from, const DiffColumn *to)
{
	const Sketch *a = from->sketch;
	const Sketch *b = to->sketch;

	if (strcmp(from->type, to->type) != 0)
		changes = diff_add(changes, to->name, "type", get_float8_infinity(), pstrdup(from->type), pstrdup(to->type),
						   psprintf("column \"%s\" has type %s, it was %s", to->name, to->type, from->type));
	changes = diff_nulls(changes, from, to);
	if (a->kind != b->kind || a->kind == VALUE_NONE)
		return changes;
	changes = diff_special(changes, from, to, "NaN", a->nans, b->nans);
	changes = diff_special(changes, from, to, "infinite", a->plus_infinite + a->minus_infinite, b->plus_infinite + b->minus_infinite);
	if (!(is_rising(a) && is_rising(b)))
		changes = diff_distribution(changes, from, to);
	if (value_kind_is_numeric(a->kind) && a->kind != VALUE_BOOL)
		changes = diff_range(changes, from, to);
	if (a->kind == VALUE_TEXT)
		changes = diff_lengths(changes, from, to);
	changes = diff_unique(changes, from, to);
	return diff_frequent(changes, from, to);
}
