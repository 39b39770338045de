/*
 * joins.h
 *	  Columns whose values are found in another column: inclusion dependencies, candidates for foreign keys.
 *
 *		relations (joins_list.c) → one scan: a random sample of each column's different values, the 128 with the
 *		least hashes; a second scan: which of all samples' values a column has (joins_scan.c) → pairs whose sample is
 *		found, by score (joins_pairs.c) → a third scan: all different values of their columns, sorted (joins_set.c), each
 *		pair counted by merging two of them (joins_verify.c) → rows of the result (joins.c)
 */
#ifndef PROFILE_JOINS_H
#define PROFILE_JOINS_H

#include "nodes/pg_list.h"

#include "core/progress.h"
#include "core/source.h"
#include "profile/distinct.h"
#include "profile/minhash.h"

/* How values of a column are compared with those of another. */
typedef enum JoinClass
{
	JOIN_NOT,					/* its values are not joined by */
	JOIN_INTEGER,
	JOIN_DECIMAL,
	JOIN_FLOAT,
	JOIN_TIME,
	JOIN_STRING,
	JOIN_OWN					/* only with its own type */
} JoinClass;

typedef struct JoinColumn
{
	int			table;
	const char *name;
	AttrNumber	attno;			/* in its source's row type */
	AttrNumber	relation_attno; /* in the relation */
	Oid			type;			/* base type */
	JoinClass	class;

	int64		values;			/* rows that are not NULL, of those sampled */
	MinHash		sample;
	Distinct   *distinct;
	double		ndistinct;		/* estimate */
	int32	   *entries;		/* of its sample, among those of all samples */
	uint64	   *met;			/* bit by entry: it has this value; NULL while it has none */

	/* exact, of columns of pairs that are verified */
	bool		read;			/* the next scan reads it */
	int			set;			/* its different values, while they are there */
	int64		rows;			/* that are not NULL */
	int64		different;
	int64		most;			/* rows of the most frequent value */
} JoinColumn;

typedef struct JoinTable
{
	Oid			relid;
	Source	   *source;
	int			first_column;
	int			ncolumns;
} JoinTable;

typedef struct JoinPair
{
	int			left;			/* columns by number */
	int			right;
	double		name_similarity;
	bool		same_type;
	bool		declared;
	double		estimate;		/* score by the samples */
	double		most;			/* score that the samples allow at most */

	/* exact, when verified */
	int64		matched_distinct;
	int64		matched_rows;
	double		score;
} JoinPair;

typedef struct JoinSearch
{
	double		min_containment;
	double		min_score;		/* of pairs that are given, unless they are declared */
	double		sample;			/* share of rows that samples are drawn from */
	uint64		seed;
	int64		min_distinct;	/* values that a left column has at least */
	Progress	progress;

	int			ntables;
	JoinTable  *tables;
	int			ncolumns;
	JoinColumn *columns;

	int			npairs;
	int			max_pairs;
	JoinPair   *pairs;
} JoinSearch;

/* Fills tables and columns: the relations named, or those of a schema, or all that the caller may read. */
extern void joins_list(JoinSearch *search, List *relations, const char *schema);

/* Reads everything twice. */
extern void joins_scan(JoinSearch *search);

/* What is done with hashes of a column's values, at most PROFILE_BLOCK of them. */
typedef void (*JoinTake) (JoinColumn *column, const uint64 *hashes, int n, void *arg);

/* Reads a table and gives the hashes of the columns that are marked so to a function. */
extern void joins_read_table(JoinSearch *search, JoinTable *table, double share, JoinTake take, void *arg);

/* Fills pairs, the most promising first. */
extern void joins_find_pairs(JoinSearch *search);

/* Share of the left values of the sample that the right column has. */
extern double joins_estimate(const JoinColumn *left, const JoinColumn *right);

/* Counts the first n pairs exactly, as the caller, and gives their scores. */
extern void joins_verify(JoinSearch *search, int n);

/* A different value and its rows. */
typedef struct JoinValue
{
	uint64		hash;
	int64		count;
} JoinValue;

/* Different values of a column, sorted by hash; behind them what came since. */
typedef struct JoinSet
{
	JoinValue  *values;
	Size		n;
	Size		room;
	bool		sorted;
} JoinSet;

/* The sets of many columns, of the values whose hashes are from first to last, as many as fit. */
typedef struct JoinSets
{
	MemoryContext context;
	Size		limit;			/* bytes */
	Size		bytes;
	uint64		first;
	uint64		last;			/* falls when there is no room */
	int			n;
	JoinSet    *sets;
	Progress   *progress;
} JoinSets;

extern void join_sets_begin(JoinSets *sets, int n, uint64 first, Size limit, Progress *progress);
extern void join_sets_add(JoinSets *sets, int set, const uint64 *hashes, int n);

/* Sorts all; then they can be read. */
extern void join_sets_end(JoinSets *sets);
extern void join_sets_free(JoinSets *sets);

/* Adds the values of a that b has, and their rows. */
extern void join_sets_match(const JoinSet *a, const JoinSet *b, int64 *values, int64 *rows);

/* Score of a pair, 0 to 1. */
extern double joins_score(const JoinPair *pair, double containment, double right_covered, bool right_unique);

/* How much the name of a column looks like a reference to a column of a table, 0 to 1. */
extern double joins_name_similarity(const char *left_column, const char *right_table, const char *right_column);

#endif							/* PROFILE_JOINS_H */
