/*
 * sketch_int.h
 *	  What the files of the sketch share: how rows are added, extremes compared, parts laid out.
 */
#ifndef PROFILE_SKETCH_INT_H
#define PROFILE_SKETCH_INT_H

#include "profile/sketch.h"

/* No count of a sketch is larger, so that two can always be added; bytes may be this many times more. */
#define SKETCH_MAX_COUNT (INT64CONST(1) << 58)
#define SKETCH_MAX_BYTES (INT64CONST(1) << 61)

/* Bytes of a text by which neighbours of two blocks are compared. */
#define SKETCH_LAST_TEXT 8192

/* Texts whose looks are remembered, two where their hashes meet, and how many must have come by before it is worth it. */
#define SKETCH_LOOK_CACHE 512
#define SKETCH_LOOK_FROM 256
/* Texts after which it is seen how many were remembered; and, with less than one in SKETCH_LOOK_WORTH, how many others pass before that is tried again. */
#define SKETCH_LOOK_TRIED 1024
#define SKETCH_LOOK_WORTH 8
#define SKETCH_LOOK_PAUSE 16384

/* What look_at() said of a text, found by the text's hash. */
typedef struct LookCached
{
	uint64		hash;
	uint64		pattern;		/* hash of the pattern; 0 = nothing is cached here */
	uint32		looks;
	int32		characters;
} LookCached;

/* What is only needed while rows are added. */
typedef struct SketchBuild
{
	bool		exact_numbers;	/* two values with equal numbers are equal */
	bool		has_last;		/* the last value of the block before */
	bool		last_whole;		/* last_text is all of it */
	double		last_number;
	uint64		last_hash;
	char	   *last_text;		/* TEXT, OTHER; numbers that doubles do not tell apart */
	int			last_len;
	int			last_size;
	uint64		min_hash;		/* of the values behind min and max, when they came through this build */
	uint64		max_hash;
	LookCached *looks;			/* NULL until it is worth it */
	int			looks_tried;	/* texts that were asked for since it was last seen */
	int			looks_found;
	int			looks_pause;	/* texts that will not be asked for */
} SketchBuild;

/* Adds block->n values, none NULL, whose datums are set; block is filled by this (sketch_add.c). */
extern void sketch_add_block(Sketch *sketch, ValueReader *reader, ValueBlock *block, const TimestampTz *at);

/* Adds the texts of a block that was read; gives their lengths in characters (sketch_text.c). */
extern void sketch_add_texts(Sketch *sketch, const ValueBlock *block, double *characters);

/* What the order of a block's values tells. */
typedef struct BlockOrder
{
	int			least;			/* places of the least and the greatest; -1 = there is none, or it is no news */
	int			greatest;
	bool		finite;			/* all are finite numbers (else they may be) */
} BlockOrder;

/* Counts the neighbours of a block, and says what they told of it (sketch_order.c). */
extern void sketch_order_block(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at, BlockOrder *told);

/* Remembers the last value of a block for the next (sketch_order.c). */
extern void sketch_keep_last(Sketch *sketch, ValueReader *reader, const ValueBlock *block);

/*
 * Says which of two extremes comes first; zero when nothing tells them apart (sketch_extreme.c).  The kinds are
 * numeric or not alike.
 */
extern int	extreme_compare(const SketchExtreme *a, const SketchExtreme *b, bool numeric);

/* Compares two decimal numbers written out, such as "-12.50"; clipped says that digits may be missing (sketch_extreme.c). */
extern int	decimal_compare(const char *a, int alen, const char *b, int blen);

/* Takes a block's least and greatest value, and the first and last by time (sketch_extreme.c). */
extern void sketch_add_extremes(Sketch *sketch, ValueReader *reader, const ValueBlock *block, const TimestampTz *at,
								int least, int greatest);

/* Merges the extremes of other into into (sketch_extreme.c). */
extern void sketch_merge_extremes(Sketch *into, const Sketch *other);

/* A copy that goes on as the original would (sketch.c). */
extern Sketch *sketch_copy(const Sketch *sketch, MemoryContext context);

/* ERROR 22003 when counts have grown beyond what a sketch may hold. */
extern void sketch_check_counts(const Sketch *sketch);

/* Gives the number of values that are not NULL. */
static inline int64
sketch_values(const Sketch *sketch)
{
	return sketch->count - sketch->nulls;
}

/* Gives the number of those that have a rank. */
static inline int64
sketch_ranked(const Sketch *sketch)
{
	return sketch_values(sketch) - sketch->nans;
}

/*
 * Everything that is known, with all counters that frequent values have in memory: for aggregation's
 * intermediate states, beyond SKETCH_BYTES.  sketch_read() does not take them.
 */
extern bytea *sketch_write_whole(const Sketch *sketch);
extern Sketch *sketch_read_whole(const bytea *stored, MemoryContext context);

/* Which parts a stored sketch has. */
#define SKETCH_HAS_MIN 0x01
#define SKETCH_HAS_MAX 0x02
#define SKETCH_HAS_FIRST 0x04
#define SKETCH_HAS_LAST 0x08
#define SKETCH_HAS_PATTERNS 0x10
#define SKETCH_ALL_PARTS 0x1f

/* Flags of a stored extreme. */
#define EXTREME_CLIPPED 0x01
#define EXTREME_TIMED 0x02

#endif							/* PROFILE_SKETCH_INT_H */
