/*-------------------------------------------------------------------------
 *
 * minhash.c
 *	  The least hashes of the values seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/float.h"

#include "profile/bytes.h"
#include "profile/minhash.h"

/* Inserts a hash that is not above the greatest of a full signature, unless it is there. */
static void
insert(MinHash *m, uint64 hash)
{
	int			low = 0;
	int			high = m->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (m->hashes[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < m->n && m->hashes[low] == hash)
		return;
	if (m->n < MINHASH_K)
		m->n++;
	memmove(&m->hashes[low + 1], &m->hashes[low], sizeof(uint64) * (m->n - 1 - low));
	m->hashes[low] = hash;
}

/* Adds n hashes. */
void
minhash_add(MinHash *m, const uint64 *hashes, int n)
{
	int			i = 0;

	for (; i < n && m->n < MINHASH_K; i++)
		insert(m, hashes[i]);
	for (; i < n; i++)
		if (unlikely(hashes[i] < m->hashes[MINHASH_K - 1]))
			insert(m, hashes[i]);
}

/* Adds the least hashes of other values. */
void
minhash_merge(MinHash *into, const MinHash *other)
{
	MinHash		a = *into;
	int			i = 0;
	int			j = 0;
	int			n = 0;

	while (n < MINHASH_K && (i < a.n || j < other->n))
	{
		uint64		x = i < a.n ? a.hashes[i] : PG_UINT64_MAX;
		uint64		y = j < other->n ? other->hashes[j] : PG_UINT64_MAX;

		into->hashes[n++] = Min(x, y);
		i += i < a.n && x <= y;
		j += j < other->n && y <= x;
	}
	into->n = n;
}

/* Gives the share of the least hashes of both that both have. */
double
minhash_similarity(const MinHash *a, const MinHash *b)
{
	int			i = 0;
	int			j = 0;
	int			n = 0;
	int			common = 0;

	while (n < MINHASH_K && (i < a->n || j < b->n))
	{
		bool		in_a = i < a->n && (j >= b->n || a->hashes[i] <= b->hashes[j]);
		bool		in_b = j < b->n && (i >= a->n || b->hashes[j] <= a->hashes[i]);

		common += in_a && in_b;
		i += in_a;
		j += in_b;
		n++;
	}
	return n > 0 ? (double) common / n : get_float8_nan();
}

/* Writes how many there are and the hashes. */
void
minhash_write(const MinHash *m, StringInfo out)
{
	pq_sendint8(out, m->n);
	for (int i = 0; i < m->n; i++)
		pq_sendint64(out, m->hashes[i]);
}

/* Reads what minhash_write() wrote. */
void
minhash_read(Bytes *b, MinHash *m)
{
	m->n = bytes_uint8(b);
	if (m->n > MINHASH_K)
		bytes_error("It has too many least hashes.");
	for (int i = 0; i < m->n; i++)
	{
		m->hashes[i] = bytes_uint64(b);
		if (i > 0 && m->hashes[i] <= m->hashes[i - 1])
			bytes_error("Its least hashes are not ascending.");
	}
}
