/*-------------------------------------------------------------------------
 *
 * frequent_code.c
 *	  Storing the most frequent items.
 *
 *		total, error, absent, how many; for each, by falling count, then text, then hash:
 *			hash (8 bytes), count, mark, length of the text | 128 when it is clipped, text
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"

#include "profile/bytes.h"
#include "profile/frequent_int.h"

#define CLIPPED 128

/* Writes the most frequent items; those that are left out may be as frequent as the first of them, and the error. */
void
frequent_write_most(const Frequent *f, int most, StringInfo out)
{
	FrequentItem *items;
	int			n = frequent_items(f, &items);
	int64		error = frequent_error(f);
	int64		absent = frequent_absent(f);

	if (n > most)
	{
		absent = Max(absent, items[most].count + error);
		n = most;
	}
	bytes_put_count(out, f->total);
	bytes_put_count(out, error);
	bytes_put_count(out, absent);
	bytes_put_count(out, n);
	for (int i = 0; i < n; i++)
	{
		pq_sendint64(out, items[i].hash);
		bytes_put_count(out, items[i].count);
		bytes_put_count(out, items[i].mark);
		pq_sendint8(out, items[i].len | (items[i].clipped ? CLIPPED : 0));
		appendBinaryStringInfo(out, items[i].text, items[i].len);
	}
	pfree(items);
}

/* Writes as many items as are to be stored. */
void
frequent_write(const Frequent *f, StringInfo out)
{
	frequent_write_most(f, f->stored, out);
}

/* Reads one item, at most of count most. */
static void
read_item(Bytes *b, FrequentItem *item, int64 most)
{
	uint8		len;

	item->hash = bytes_uint64(b);
	item->count = bytes_count(b, 1, most);
	item->mark = bytes_count(b, 0, PG_UINT32_MAX);
	len = bytes_uint8(b);
	item->clipped = (len & CLIPPED) != 0;
	item->len = len & ~CLIPPED;
	if (item->len > FREQUENT_TEXT)
		bytes_error("A frequent value is too long.");
	item->text = bytes_take(b, item->len);
}

/* Reads what frequent_write() wrote. */
Frequent *
frequent_read(Bytes *b, int stored)
{
	Frequent   *f = frequent_create(CurrentMemoryContext, stored);
	FrequentItem before = {0};
	int64		left;
	int			n;

	f->total = left = bytes_count(b, 0, PG_INT64_MAX);
	f->error = bytes_count(b, 0, f->total);
	f->absent = bytes_count(b, f->error, f->total);
	n = bytes_count(b, 0, f->stored);
	for (int i = 0; i < n; i++)
	{
		FrequentItem item;

		read_item(b, &item, left);
		left -= item.count;
		if (i > 0 && frequent_compare(&before, &item) >= 0)
			bytes_error("Frequent values are not in order.");
		if (frequent_count(f, item.hash, 0))
			bytes_error("A frequent value is there twice.");
		before = item;
		item.text = bytes_text(item.text, item.len);
		frequent_restore(f, &item);
	}
	if (f->absent > left || (f->absent == 0 && left > 0))
		bytes_error("Counts of frequent values do not fit their sum.");
	return f;
}
