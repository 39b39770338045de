/*-------------------------------------------------------------------------
 *
 * value_other.c
 *	  Arrays, and what is known by its bytes alone: hashed without making a text of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/array.h"

#include "profile/value_int.h"

/* Stands for an element that is NULL. */
#define HASH_OF_NULL UINT64CONST(0x6e756c6c6e756c6c)

/* Adds one hash to another; the order counts. */
static inline uint64
hash_chain(uint64 hash, uint64 next)
{
	return hash_mix(hash * UINT64CONST(0x9e3779b97f4a7c15) + next);
}

/* Gives the hash of an array's elements from first to before end, added to hash. */
static uint64
hash_elements(ValueReader *reader, const Datum *values, const bool *nulls, int first, int end, uint64 hash)
{
	ValueBlock *block = reader->elements;
	int			next = 0;

	block->n = 0;
	for (int i = first; i < end; i++)
		if (!nulls[i])
			block->datums[block->n++] = values[i];
	if (block->n > 0)
		value_read(reader->element, block);
	for (int i = first; i < end; i++)
		hash = hash_chain(hash, nulls[i] ? HASH_OF_NULL : block->hashes[next++]);
	return hash;
}

/* Gives the hash of an array: its dimensions and their lower bounds, and its elements. */
static uint64
array_hash(ValueReader *reader, ArrayType *array)
{
	uint64		hash = hash_bits(HASH_OTHER, ARR_NDIM(array));
	Datum	   *values;
	bool	   *nulls;
	int			n;

	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		hash = hash_chain(hash, (uint64) ARR_DIMS(array)[i]);
		hash = hash_chain(hash, (uint64) (int64) ARR_LBOUND(array)[i]);
	}
	deconstruct_array(array, ARR_ELEMTYPE(array), reader->element_len, reader->element_byval, reader->element_align,
					  &values, &nulls, &n);
	for (int first = 0; first < n; first += PROFILE_BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		hash = hash_elements(reader, values, nulls, first, Min(n, first + PROFILE_BLOCK), hash);
	}
	pfree(values);
	pfree(nulls);
	return hash;
}

/* Reads a block of arrays. */
static void
read_arrays(ValueReader *reader, ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		ArrayType  *array = DatumGetArrayTypeP(block->datums[i]);

		block->datums[i] = PointerGetDatum(array);
		block->texts[i] = NULL;
		block->lengths[i] = (int) (VARSIZE(array) - VARHDRSZ);
		block->bytes += block->lengths[i];
		block->hashes[i] = array_hash(reader, array);
	}
}

/* Reads a block of values that are known by their bytes. */
static void
read_bytes(ValueBlock *block)
{
	for (int i = 0; i < block->n; i++)
	{
		int			len;
		const char *bytes = value_varlena(&block->datums[i], &len);

		block->texts[i] = NULL;
		block->lengths[i] = len;
		block->bytes += len;
		block->hashes[i] = hash_text(HASH_OTHER, bytes, len);
	}
}

/* Reads a block of what no text is made of. */
void
value_read_other(ValueReader *reader, ValueBlock *block)
{
	if (reader->form == VALUE_FORM_ARRAY)
		read_arrays(reader, block);
	else
		read_bytes(block);
}
