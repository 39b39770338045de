/*-------------------------------------------------------------------------
 *
 * distinct_code.c
 *	  Storing the registers of a count of different values.
 *
 *		sparse	0, how many, a varint a register: distance to the one before << 6 | rank
 *		dense	code, how many ranks occur, these ranks by falling count (ties by rank), 24576 codes, zeros to the byte's end
 *
 * Codes of the i-th rank are, whichever gives the fewest bits:
 *
 *		UNARY	0, 10, 110, 1110 …
 *		SHORT	00, 01, 10, 110, 1110 …
 *		FIXED	three bits, for at most 8 ranks
 *
 * Registers of hashes take some 3 bits with SHORT.  Registers that would take more than MOST_BITS (nobody's
 * hashes do unless they were made for it) are brought to the 8 most frequent ranks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "profile/bytes.h"
#include "profile/distinct_int.h"

#define FORM_SPARSE 0
#define FORM_UNARY 1
#define FORM_SHORT 2
#define FORM_FIXED 3

#define NRANKS (DISTINCT_MAX_RANK + 1)
#define FIXED_RANKS 8
#define FIXED_BITS (3 * DISTINCT_REGISTERS)
#define MOST_BITS (10 * 1024 * 8)

/* Registers that are read at once at most. */
#define RUN_MOST 4

/* What a byte begins with: registers whose codes lie in it whole. */
typedef struct Run
{
	uint8		n;
	uint8		nbits;
	uint8		ranks[RUN_MOST];
} Run;

/* The ranks that occur and how they are coded. */
typedef struct Code
{
	int			form;
	int			nranks;
	uint8		ranks[NRANKS];	/* by falling count, then by rank */
	uint8		place[NRANKS];	/* of a rank in ranks */
	int64		bits;			/* of all registers */
} Code;

/* Orders the ranks that occur and chooses the code. */
static void
code_choose(Code *code, const int *counts)
{
	int64		unary = 0;
	int64		spread = 0;

	code->nranks = 0;
	for (int r = 0; r < NRANKS; r++)
	{
		int			at = code->nranks;

		if (counts[r] == 0)
			continue;
		for (; at > 0 && counts[code->ranks[at - 1]] < counts[r]; at--)
			code->ranks[at] = code->ranks[at - 1];
		code->ranks[at] = r;
		code->nranks++;
	}
	for (int i = 0; i < code->nranks; i++)
	{
		code->place[code->ranks[i]] = i;
		unary += (int64) counts[code->ranks[i]] * (i + 1);
		spread += (int64) counts[code->ranks[i]] * Max(i, 2);
	}
	code->form = unary <= spread ? FORM_UNARY : FORM_SHORT;
	code->bits = Min(unary, spread);
	if (code->nranks <= FIXED_RANKS && FIXED_BITS < code->bits)
	{
		code->form = FORM_FIXED;
		code->bits = FIXED_BITS;
	}
}

/* Gives the code of the i-th rank and its length. */
static inline uint64
code_of(const Code *code, int i, int *nbits)
{
	switch (code->form)
	{
		case FORM_UNARY:
			*nbits = i + 1;
			return (UINT64CONST(1) << (i + 1)) - 2;
		case FORM_SHORT:
			*nbits = Max(i, 2);
			return i < 3 ? i : (UINT64CONST(1) << i) - 2;
		default:
			*nbits = 3;
			return i;
	}
}

/* Compares registers for qsort. */
static int
compare_slots(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/* Writes the registers that were reached. */
static void
write_sparse(const Distinct *d, StringInfo out)
{
	uint32		slots[DISTINCT_SPARSE] = {0};
	int			n = 0;
	int			before = -1;

	for (int i = 0; i < d->nslots; i++)
		if (d->slots[i] != 0)
			slots[n++] = d->slots[i];
	qsort(slots, n, sizeof(uint32), compare_slots);
	pq_sendint8(out, FORM_SPARSE);
	bytes_put_count(out, n);
	for (int i = 0; i < n; i++)
	{
		int			index = slots[i] >> 8;

		bytes_put_count(out, (index - before) << 6 | (slots[i] & 0xff));
		before = index;
	}
}

/* Brings ranks other than the 8 most frequent to the next lower of these that is not 0, or to the least; counts follow. */
static void
squeeze(const Code *code, int *counts, uint8 *to)
{
	bool		kept[NRANKS] = {false};
	int			least = NRANKS;
	int			below = 0;

	for (int i = 0; i < FIXED_RANKS; i++)
	{
		kept[code->ranks[i]] = true;
		if (code->ranks[i] > 0)
			least = Min(least, code->ranks[i]);
	}
	for (int r = 0; r < NRANKS; r++)
	{
		if (kept[r])
			below = r;
		to[r] = kept[r] ? r : Max(below, least);
		if (to[r] != r)
		{
			counts[to[r]] += counts[r];
			counts[r] = 0;
		}
	}
}

/* Writes all registers. */
static void
write_dense(const Distinct *d, StringInfo out)
{
	int			counts[NRANKS];
	uint8		to[NRANKS];
	uint64		codes[NRANKS] = {0};
	int			lengths[NRANKS] = {0};
	Code		code;
	uint64		window = 0;
	int			nbits = 0;

	for (int r = 0; r < NRANKS; r++)
		to[r] = r;
	distinct_histogram(d, counts);
	code_choose(&code, counts);
	if (code.bits > MOST_BITS)
	{
		squeeze(&code, counts, to);
		code_choose(&code, counts);
	}
	pq_sendint8(out, code.form);
	pq_sendint8(out, code.nranks);
	appendBinaryStringInfo(out, (const char *) code.ranks, code.nranks);
	for (int i = 0; i < code.nranks; i++)
		codes[code.ranks[i]] = code_of(&code, i, &lengths[code.ranks[i]]);

	enlargeStringInfo(out, code.bits / 8 + 1);
	for (int i = 0; i < DISTINCT_REGISTERS; i++)
	{
		uint8		rank = to[d->registers[i]];

		window = window << lengths[rank] | codes[rank];
		for (nbits += lengths[rank]; nbits >= 8; nbits -= 8)
			appendStringInfoCharMacro(out, (char) (window >> (nbits - 8)));
	}
	if (nbits > 0)
		appendStringInfoCharMacro(out, (char) (window << (8 - nbits)));
}

/* Writes the form that follows from how many registers were reached. */
void
distinct_write(const Distinct *d, StringInfo out)
{
	if (d->registers == NULL)
		write_sparse(d, out);
	else
		write_dense(d, out);
}

/* Reads what write_sparse() wrote. */
static void
read_sparse(Bytes *b, Distinct *d)
{
	int			n = bytes_count(b, 0, DISTINCT_SPARSE);
	int64		index = -1;

	for (int i = 0; i < n; i++)
	{
		int64		entry = bytes_count(b, 0, PG_INT32_MAX);
		int			rank = entry & 63;

		index += entry >> 6;
		if (entry >> 6 == 0 || index >= DISTINCT_REGISTERS || rank < 1 || rank > DISTINCT_MAX_RANK)
			bytes_error("A register is out of range.");
		distinct_raise(d, index, rank);
	}
}

/* Takes the next code from the first of some bits: gives which rank it is, and its length. */
static inline int
decode(int form, uint64 window, int *length)
{
	int			ones;

	if (form == FORM_FIXED)
	{
		*length = 3;
		return window >> 61;
	}
	if (form == FORM_SHORT && window >> 62 != 3)
	{
		*length = 2;
		return window >> 62;
	}
	ones = 63 - pg_leftmost_one_pos64(~window | 1);
	if (form == FORM_UNARY)
	{
		*length = ones + 1;
		return ones;
	}
	*length = ones + 1;
	return ones + 1;
}

/* Finds for each byte which registers' codes lie whole in its first bits. */
static void
make_runs(const Code *code, Run *runs)
{
	for (int byte = 0; byte < 256; byte++)
	{
		Run		   *run = &runs[byte];

		run->n = 0;
		run->nbits = 0;
		while (run->n < RUN_MOST)
		{
			int			length;
			int			place = decode(code->form, (uint64) byte << (56 + run->nbits), &length);

			if (run->nbits + length > 8 || place >= code->nranks)
				break;
			run->ranks[run->n++] = code->ranks[place];
			run->nbits += length;
		}
	}
}

/* Puts the next bits behind those in the window; at least 56 of them are there then, or all. */
static inline void
fill_window(Bytes *b, uint64 *window, int *nbits)
{
	uint64		next;

	if (b->end - b->at >= (ptrdiff_t) sizeof(next))
	{
		memcpy(&next, b->at, sizeof(next));
		/* Bits that do not count yet are put there again, the same. */
		*window |= pg_ntoh64(next) >> *nbits;
		b->at += (63 - *nbits) / 8;
		*nbits |= 56;
		return;
	}
	while (*nbits <= 56 && b->at < b->end)
	{
		*window |= (uint64) *b->at++ << (56 - *nbits);
		*nbits += 8;
	}
}

/* Reads the codes of all registers, runs of short ones at once, others one by one, and counts their ranks. */
static void
read_registers(Bytes *b, const Code *code, uint8 *registers, int *counts)
{
	Run			runs[256];
	int			uses[256] = {0};
	uint64		window = 0;		/* the next bits, first ones highest */
	int			nbits = 0;		/* of them that count; what else is there is what follows, or zeros */
	int			i = 0;

	make_runs(code, runs);
	while (i < DISTINCT_REGISTERS)
	{
		const Run  *run;

		if (nbits < 56)
			fill_window(b, &window, &nbits);
		run = &runs[window >> 56];
		if (run->n > 0 && nbits >= 8 && i <= DISTINCT_REGISTERS - RUN_MOST)
		{
			memcpy(&registers[i], run->ranks, RUN_MOST);
			uses[window >> 56]++;
			i += run->n;
			window <<= run->nbits;
			nbits -= run->nbits;
		}
		else
		{
			int			length;
			int			place = decode(code->form, window, &length);

			if (length > nbits || place >= code->nranks)
				bytes_error("A register's code is none.");
			counts[code->ranks[place]]++;
			registers[i++] = code->ranks[place];
			window <<= length;
			nbits -= length;
		}
	}
	for (int byte = 0; byte < 256; byte++)
		for (int k = 0; k < runs[byte].n; k++)
			counts[runs[byte].ranks[k]] += uses[byte];
	b->at -= nbits / 8;
	nbits %= 8;
	if (nbits > 0 && window >> (64 - nbits) != 0)
		bytes_error("Bits follow the registers.");
}

/* Reads what write_dense() wrote, and makes sure that it would be written so. */
static void
read_dense(Bytes *b, int form, Distinct *d)
{
	Code		read;
	Code		chosen;

	read.form = form;
	read.nranks = bytes_uint8(b);
	if (read.nranks < 1 || read.nranks > NRANKS)
		bytes_error("It has no ranks, or too many.");
	memcpy(read.ranks, bytes_take(b, read.nranks), read.nranks);
	for (int i = 0; i < read.nranks; i++)
		if (read.ranks[i] > DISTINCT_MAX_RANK)
			bytes_error("A rank is out of range.");
	d->registers = MemoryContextAlloc(d->context, DISTINCT_REGISTERS);
	read_registers(b, &read, d->registers, d->counts);
	distinct_settle(d);
	if (d->nreached <= DISTINCT_SPARSE)
		bytes_error("Few registers are written as if they were many.");
	code_choose(&chosen, d->counts);
	if (chosen.form != read.form || chosen.nranks != read.nranks ||
		memcmp(chosen.ranks, read.ranks, read.nranks) != 0 ||
		chosen.bits > MOST_BITS)
		bytes_error("Registers are not written as briefly as they could be.");
}

/* Reads what distinct_write() wrote. */
Distinct *
distinct_read(Bytes *b)
{
	Distinct   *d = distinct_create(CurrentMemoryContext);
	uint8		form = bytes_uint8(b);

	if (form == FORM_SPARSE)
		read_sparse(b, d);
	else if (form <= FORM_FIXED)
		read_dense(b, form, d);
	else
		bytes_error("Its registers have an unknown form.");
	return d;
}
