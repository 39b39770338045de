/*
 * apply.h
 *	  The table and column that model_apply() fills, and how one batch of it is filled.
 */
#ifndef MODEL_APPLY_H
#define MODEL_APPLY_H

#include "utils/jsonb.h"

#include "model/score.h"

/* A table as it is in this transaction; it stays locked to the transaction's end. */
typedef struct ApplyTarget
{
	char	   *schema;
	char	   *relation;
	Oid			owner;
	char	   *column;
	AttrNumber	attno;
	bool		classes;		/* takes the class, else the value */
	bool		only_null;		/* rows that have a value already are left alone */
	bool		partitioned;
	double		estimate;		/* rows of the table, 0 when unknown */
	int			nkeys;
	TupleDesc	key_desc;		/* what names a row, in the order of the batches */
	List	   *columns;		/* names of the columns to read: the key's, then the model's */
} ApplyTarget;

/* Looks at the table, which is locked, and checks that the version can fill the column, or ends with an error. */
extern ApplyTarget *apply_open(Oid relid, const char *column, const ModelVersion *version, bool only_null);

/* Says whether the row with this key is there and its column has a value: the table is still the one that was filled up to it. */
extern bool apply_is_filled(const ApplyTarget *target, const Jsonb *key);

/*
 * Fills the next batch behind a key (NULL: from the first row) as the current user, in key order.
 * SPI is connected.  Gives the rows that were read, those that were updated, and in CurrentMemoryContext
 * the last one's key.
 */
extern int64 apply_batch(const ApplyTarget *target, const ModelVersion *version, const Jsonb *after,
						 int batch_size, int64 *updated, Jsonb **last);

#endif							/* MODEL_APPLY_H */
