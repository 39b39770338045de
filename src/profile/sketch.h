/*
 * sketch.h
 *	  What is known of a column's values: everything that a profile says, mergeable, in at most SKETCH_BYTES.
 *
 *		rows in blocks → sketch_add() ─┐
 *		other sketches → sketch_merge()┴▶ Sketch (in memory, some 20 kB) ⇄ sketch_write()/sketch_read() (type aipipe.sketch)
 *
 * In memory a sketch is lazy: parts that no value reached yet are NULL.  Merging is commutative and
 * associative within the bounds of its parts, except for what follows the order of rows (see SketchOrder).
 */
#ifndef PROFILE_SKETCH_H
#define PROFILE_SKETCH_H

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "compat/compat.h"
#include "profile/distinct.h"
#include "profile/frequent.h"
#include "profile/look.h"
#include "profile/minhash.h"
#include "profile/moments.h"
#include "profile/quantiles.h"
#include "profile/value.h"

/* A stored sketch is never larger, whatever the data. */
#define SKETCH_BYTES (16 * 1024)
#define SKETCH_TYPE_NAME 64

/* An extreme value, clipped to FREQUENT_TEXT bytes of whole characters as text. */
typedef struct SketchExtreme
{
	bool		known;
	bool		clipped;
	uint8		len;
	bool		timed;
	double		number;			/* kinds with numbers */
	TimestampTz at;				/* when it came, with a time beside the values */
	char		text[FREQUENT_TEXT];
} SketchExtreme;

/*
 * How values follow each other in the order of rows, within each part that was merged: a table that is
 * read by several workers has as many parts, each of them in order.
 */
typedef struct SketchOrder
{
	int64		rising;
	int64		falling;
	int64		equal;
} SketchOrder;

typedef struct Sketch
{
	MemoryContext context;		/* holds everything of it */
	ValueKind	kind;
	char		type_name[SKETCH_TYPE_NAME + 1];	/* of the column that was read; of the first with values when merged */

	int64		count;			/* rows, NULLs included */
	int64		nulls;
	int64		nans;			/* NUMBER: they count as values, distinct and frequent, but have no rank and no moments */
	int64		plus_infinite;	/* NUMBER, TIME: rank, but no moments */
	int64		minus_infinite;

	Moments		numbers;		/* of finite numbers */
	Moments		characters;		/* TEXT, OTHER: lengths in characters */
	int64		characters_min;
	int64		characters_max;
	int64		bytes;			/* sum of the sizes of the values as stored (detoasted) */
	int64		looks[LOOK_N];	/* TEXT: texts that look so */

	SketchExtreme min;			/* by number; by bytes ("C") for TEXT and OTHER */
	SketchExtreme max;
	SketchExtreme first;		/* by time, where values came with one */
	SketchExtreme last;
	SketchOrder order;

	Quantiles  *quantiles;		/* of numbers; of characters for TEXT and OTHER */
	Distinct   *distinct;
	MinHash		minhash;
	Frequent   *values;
	Frequent   *patterns;		/* TEXT only */

	/* only while rows are added */
	struct SketchBuild *build;
} Sketch;

extern Sketch *sketch_create(MemoryContext context);

/*
 * Adds n <= PROFILE_BLOCK rows of one column: rows[i][column], isnull[i][column].  at is NULL, or the time
 * of each row.  The reader's type must be the same for all calls.  Copies go to CurrentMemoryContext, which the
 * caller resets between blocks.
 */
extern void sketch_add(Sketch *sketch, ValueReader *reader, const Datum *const *rows, const bool *const *isnull, int column, int n, const TimestampTz *at);

/* Adds other to into; kinds that cannot be one column's are ERROR 42804. other is not changed. */
extern void sketch_merge(Sketch *into, const Sketch *other);

/* The stored form: version, kind, parts; see docs/profile.md for its layout. */
extern bytea *sketch_write(const Sketch *sketch);

/* Reads and checks all of it; whatever is wrong is ERROR 22P03, and nothing else happens. */
extern Sketch *sketch_read(const bytea *stored, MemoryContext context);

/*
 * Reads and checks a stored sketch up to one of its parts; what comes behind is neither read nor checked, and is not
 * there in what is given.  stored may end with that part.
 */
typedef enum SketchPart
{
	SKETCH_COUNTS,				/* counts, moments, looks, order, extremes */
	SKETCH_QUANTILES,
	SKETCH_WHOLE
} SketchPart;

extern Sketch *sketch_read_upto(const bytea *stored, MemoryContext context, SketchPart upto);

#define SKETCH_VERSION 1

#endif							/* PROFILE_SKETCH_H */
