/*-------------------------------------------------------------------------
 *
 * joins_pairs.c
 *	  Which pairs of columns are worth counting, the most promising first.
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
/* By how much more an estimate allows two numbers of different values to differ: six of their standard errors. */
#define PERHAPS_MORE 1.06
/* -ln of the chance that a sample is wrong. */
#define SAMPLE_DOUBT 18.4

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
	if (search->sample >= 1.0 && left->ndistinct * search->min_containment > right->ndistinct * PERHAPS_MORE + 1)
		return false;
	return true;
}

/* Gives the divergence of a share from the probability of what it counts (Kullback and Leibler's). */
static double
divergence(double share, double p)
{
	return (share > 0 ? share * log(share / p) : 0) + (share < 1 ? (1 - share) * log((1 - share) / (1 - p)) : 0);
}

/*
 * Gives the least share of a sample's values that a right column has to have: a column that has enough of all values has
 * fewer of the sample's in one of a hundred million samples (Chernoff's bound).
 */
static double
least_estimate(const JoinSearch *search, const JoinColumn *left)
{
	double		c = search->min_containment;
	double		low = 0;
	double		high = c;

	if ((left->sample.n < MINHASH_K && search->sample >= 1.0) || c >= 1)
		return c - 1e-9;
	for (int i = 0; i < 40; i++)
	{
		double		middle = (low + high) / 2;

		if (left->sample.n * divergence(middle, c) > SAMPLE_DOUBT)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Takes a pair. */
static void
keep_pair(JoinSearch *search, int left, int right, double containment)
{
	const JoinColumn *l = &search->columns[left];
	const JoinColumn *r = &search->columns[right];
	JoinPair   *pair;
	double		used;

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
	used = l->ndistinct / Max(r->ndistinct, 1);
	pair->estimate = joins_score(pair, containment, Min(containment * used, 1), r->ndistinct >= PERHAPS_UNIQUE * r->values);
	pair->most = joins_score(pair, 1, search->sample < 1.0 ? 1 : Min(PERHAPS_MORE * used, 1), r->ndistinct >= PERHAPS_UNIQUE * r->values);
}

/* Finds a pair by its columns: they are in their order still. */
static JoinPair *
find_pair(JoinSearch *search, int left, int right)
{
	int			low = 0;
	int			high = search->npairs;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const JoinPair *pair = &search->pairs[middle];

		if (pair->left < left || (pair->left == left && pair->right < right))
			low = middle + 1;
		else
			high = middle;
	}
	if (low < search->npairs && search->pairs[low].left == left && search->pairs[low].right == right)
		return &search->pairs[low];
	return NULL;
}

/* Finds a column by its place in a relation; -1 when it is not looked at. */
static int
find_column(const JoinSearch *search, Oid relid, AttrNumber attno)
{
	for (int t = 0; t < search->ntables; t++)
		if (search->tables[t].relid == relid)
			for (int c = search->tables[t].first_column; c < search->tables[t].first_column + search->tables[t].ncolumns; c++)
				if (search->columns[c].relation_attno == attno)
					return c;
	return -1;
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
	for (uint64 i = 0; i < result->nrows; i++)
	{
		int			left = find_column(search, sql_oid(result, i, "left_relid", NULL),
									   DatumGetInt16(sql_datum(result, i, "left_attno", NULL)));
		int			right = find_column(search, sql_oid(result, i, "right_relid", NULL),
										DatumGetInt16(sql_datum(result, i, "right_attno", NULL)));
		JoinPair   *pair = left < 0 || right < 0 ? NULL : find_pair(search, left, right);

		CHECK_FOR_INTERRUPTS();
		if (pair != NULL)
			pair->declared = true;
	}
	sql_free(result);
}

/* Lets go of the pairs that cannot score enough. */
static void
drop_unlikely(JoinSearch *search)
{
	int			kept = 0;

	for (int p = 0; p < search->npairs; p++)
		if (search->pairs[p].declared || search->pairs[p].most >= search->min_score)
			search->pairs[kept++] = search->pairs[p];
	search->npairs = kept;
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
	drop_unlikely(search);
	if (search->npairs > 1)
		qsort(search->pairs, search->npairs, sizeof(JoinPair), compare_pairs);
}
