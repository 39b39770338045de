/*
 * flag.h
 *	  From which severity on a detector's rows are flagged: the choice of a threshold.
 *
 * Every rule comes down to a nominal share: how much of clean rows may be flagged.
 *
 *		0.995									the severity itself
 *		{"percentile": 0.99}					a share of 1 - 0.99
 *		{"false_alarms": 5, "per": "day", …}	a budget: so many of the rows that come in that time
 *		{"cost": {…}}							where the expected costs of flagging and not flagging meet
 *
 * The threshold is chosen on clean rows that did not teach, when there are enough
 * of them to bound the share, else from the training rows' own severities.
 */
#ifndef LEARN_FLAG_H
#define LEARN_FLAG_H

#include "utils/jsonb.h"

/* From this severity on rows are flagged when nothing else was said. */
#define FLAG_DEFAULT_SEVERITY 0.999

typedef enum FlagKind
{
	FLAG_SEVERITY,
	FLAG_PERCENTILE,
	FLAG_BUDGET,
	FLAG_COST
} FlagKind;

typedef struct FlagRule
{
	FlagKind	kind;
	double		severity;		/* FLAG_SEVERITY: the threshold */
	double		share;			/* nominal share of clean rows; NaN until flag_measured() when rows a day are to be measured */
	double		false_alarms;	/* FLAG_BUDGET: so many … */
	double		days;			/* … in so many days */
	char	   *time;			/* FLAG_BUDGET: the column whose times say how many rows a day come, or NULL */
} FlagRule;

/* Reads a rule; ERROR 22023; NULL for NULL and for JSON's null. */
extern FlagRule *flag_parse(const Jsonb *option);

/* Whether rows choose the threshold; false for NULL and for a given severity. */
extern bool flag_is_chosen(const FlagRule *rule);

/* Settles the share of a budget by so many rows that came in so many days; does nothing to other rules. ERROR 22023. */
extern void flag_measured(FlagRule *rule, double nrows, double days);

typedef struct FlagChoice
{
	double		threshold;		/* in (0, 1] */
	double		nominal;		/* share of clean rows that may reach it */
	bool		checked;		/* clean rows that did not teach chose it; else training's severities, or it was given */
} FlagChoice;

/* What a threshold flags of some rows. */
typedef struct FlagCount
{
	int64		rows;
	int64		flagged;
	double		share;			/* NaN without rows, so are the next ones */
	double		low;			/* Wilson's interval, level .95 */
	double		high;
} FlagCount;

/* Chooses by the severities of clean rows that did not teach, which it sorts; may be none. ERROR 22023 when none will do. */
extern void flag_choose(const FlagRule *rule, int64 nrows, float *severities, FlagChoice *choice);

/* Counts. */
extern void flag_count(double threshold, int64 nrows, const float *severities, FlagCount *count);
extern void flag_interval(FlagCount *count);

#endif							/* LEARN_FLAG_H */
