/*
 * surprise_teach.h
 *	  What the trees of full conditionals learn from, while they do: surprise_full_rows.c
 *	  chooses columns and rows, surprise_full.c groups, trains and measures.
 */
#ifndef ANOMALY_SURPRISE_TEACH_H
#define ANOMALY_SURPRISE_TEACH_H

#include "anomaly/surprise.h"

/* At most so many rows teach. */
#define TEACHING_ROWS (32 * 1024)

/* What one training works on. */
typedef struct Teaching
{
	const TrainRequest *request;
	double		min_gain;
	SurpriseModel *model;
	double	   *telling;		/* by aspect: bits that it tells of others, or is told */
	int			nlooks;			/* aspects that any trees look at */
	int32	   *looks;			/* ascending */
	int			ntargets;
	int64		nrows;			/* that teach */
	float	   *values;			/* [row * nlooks + look] */
	uint16	   *codes;			/* [target * nrows + row] */
	uint8	   *judges;			/* the fold whose trees judge the row */
	uint8	   *teaches;		/* the fold whose trees it does not teach */
	double	   *pairs;			/* by target: bits by which its pairs tell a value better than its share does, of all rows together */
	Jsonb	   *params;
} Teaching;

/* One column's. */
typedef struct Target
{
	SurpriseFull full;
	const uint16 *codes;
	int		   *places;			/* of its looks among all */
	Encoder    *encoder;		/* of what the trees look at */
	char	  **classes;
} Target;

/* Chooses the columns to be judged and what their trees look at; gives the columns, none when ntargets or nlooks stays 0. */
extern Target *surprise_teach_choose(Teaching *teaching);

/* Draws the rows that teach and sees what trees look at, what they judge, and who judges whom. */
extern void surprise_teach_read(Teaching *teaching, const Target *targets);
extern void surprise_teach_free(Teaching *teaching);

#endif							/* ANOMALY_SURPRISE_TEACH_H */
