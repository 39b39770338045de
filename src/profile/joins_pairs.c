/*-------------------------------------------------------------------------
 *
 * joins_pairs.c
 *	  Which pairs of columns are worth a query, the most promising first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/sql.h"
#include "profile/joins.h"

/* Share of different values from which an estimate allows a column to be unique. */
#define PERHAPS_UNIQUE 0.96

/* Foreign keys of one column from one relation to another. */
static SqlStatement find_foreign_keys = {
	"SELECT f.conrelid AS left_relid, f.conkey[1] AS left_attno, f.confrelid AS right_relid, f.confkey[1] AS right_attno"
	" FROM pg_catalog.pg_constraint AS f WHERE f.contype OPERATOR(pg_catalog.=) 'f'"
	" AND pg_catalog.cardinality(f.conkey) OPERATOR(pg_catalog.=) 1"
	" AND f.conrelid OPERATOR(pg_catalog.=) ANY ($1)",
	1, {OIDARRAYOID}
};

/*
 * Gives the score of a pair: its containment, weighted by how its names, the right side's uniqueness and the
 * part of the right side that is used speak for a reference.
 */
double
joins_score(const JoinPair *pair, double containment, double right_covered, bool right_unique)
{
	return containment * (0.4 * pair->name_similarity + 0.3 * right_unique + 0.2 * right_covered + 0.1 * pair->same_type);
}

/* Says whether the values of a column might be found in another at all. */
static bool
may_be_within(const JoinSearch *search, const JoinColumn *left, const JoinColumn *right)
{
	if (left == right || left->ndistinct < search->min_distinct - .5 || left->class == JOIN_NOT)
		return false;
	if ((left->class == JOIN_OWN || right->class == JOIN_OWN) && left->type != right->type &&
		left->class != JOIN_STRING && right->class != JOIN_STRING)
		return false;
	if (search->sample >= 1.0 && left->ndistinct * search->min_containment > right->ndistinct * 1.1 + 1)
		return false;
	return true;
}

/* Gives the least share of a sample's values that a right column has to have: in all but one of ten thousand samples. */
static double
least_estimate(const JoinSearch *search, const JoinColumn *left)
{
	double		c = search->min_containment;

	if (left->sample.n < MINHASH_K && search->sample >= 1.0)
		return c - 1e-9;
	return c - 4 * sqrt(c * (1 - c) / Max(left->sample.n, 1));
}

/* Takes a pair. */
static void
keep_pair(JoinSearch *search, int left, int right, double containment)
{
	const JoinColumn *l = &search->columns[left];
	const JoinColumn *r = &search->columns[right];
	JoinPair   *pair;

	if (search->npairs == search->max_pairs)
	{
		search->max_pairs = Max(search->max_pairs * 2, 256);
		if (search->pairs == NULL)
			search->pairs = palloc(mul_size(search->max_pairs, sizeof(JoinPair)));
		else
			search->pairs = repalloc_huge(search->pairs, mul_size(search->max_pairs, sizeof(JoinPair)));
	}
	pair = &search->pairs[search->npairs++];
	memset(pair, 0, sizeof(JoinPair));
	pair->left = left;
	pair->right = right;
	pair->name_similarity = joins_name_similarity(l->name, get_rel_name(search->tables[r->table].relid), r->name);
	pair->same_type = l->type == r->type;
	pair->estimate = joins_score(pair, containment, Min(containment * l->ndistinct / Max(r->ndistinct, 1), 1),
								 r->ndistinct >= PERHAPS_UNIQUE * r->values);
}

/* Marks the pairs that a foreign key declares. */
static void
find_declared(JoinSearch *search)
{
	Datum	   *oids = palloc(mul_size(Max(search->ntables, 1), sizeof(Datum)));
	SqlResult  *result;

	for (int t = 0; t < search->ntables; t++)
		oids[t] = ObjectIdGetDatum(search->tables[t].relid);
	result = sql_run(&find_foreign_keys, SQL_READ,
					 PointerGetDatum(construct_array(oids, search->ntables, OIDOID, sizeof(Oid), true, TYPALIGN_INT)));
	for (int p = 0; p < search->npairs; p++)
	{
		JoinPair   *pair = &search->pairs[p];
		const JoinColumn *left = &search->columns[pair->left];
		const JoinColumn *right = &search->columns[pair->right];

		CHECK_FOR_INTERRUPTS();
		for (uint64 i = 0; i < result->nrows && !pair->declared; i++)
			pair->declared = DatumGetObjectId(sql_datum(result, i, "left_relid", NULL)) == search->tables[left->table].relid &&
				DatumGetInt16(sql_datum(result, i, "left_attno", NULL)) == left->relation_attno &&
				DatumGetObjectId(sql_datum(result, i, "right_relid", NULL)) == search->tables[right->table].relid &&
				DatumGetInt16(sql_datum(result, i, "right_attno", NULL)) == right->relation_attno;
	}
	sql_free(result);
}

/* What is declared first, then by estimate, then by the order of columns. */
static int
compare_pairs(const void *a, const void *b)
{
	const JoinPair *x = a;
	const JoinPair *y = b;

	if (x->declared != y->declared)
		return x->declared ? -1 : 1;
	if (x->estimate != y->estimate)
		return x->estimate > y->estimate ? -1 : 1;
	if (x->left != y->left)
		return x->left - y->left;
	return x->right - y->right;
}

/* Fills pairs, the most promising first. */
void
joins_find_pairs(JoinSearch *search)
{
	for (int left = 0; left < search->ncolumns; left++)
	{
		const JoinColumn *column = &search->columns[left];
		double		least = least_estimate(search, column);

		CHECK_FOR_INTERRUPTS();
		for (int right = 0; right < search->ncolumns; right++)
		{
			double		containment;

			if (!may_be_within(search, column, &search->columns[right]))
				continue;
			containment = joins_estimate(column, &search->columns[right]);
			if (containment > 0 && containment >= least)
				keep_pair(search, left, right, containment);
		}
	}
	find_declared(search);
	if (search->npairs > 1)
		qsort(search->pairs, search->npairs, sizeof(JoinPair), compare_pairs);
}
