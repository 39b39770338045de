/*
 * keys_codes.h
 *	  A table as numbers: each column's different values numbered in the order in which they appear.
 *
 *		rows → hashes of values (64 bits, hash.h), column by column → codes (int32, NULL is 0)
 *
 * Who asks which columns tell others apart only needs to know which values are equal.  Two different values
 * that share a hash would be taken for equal: among a million different values of a column that happens once
 * in 37 million tables, among a hundred million once in 3,700.  It can hide a key, never invent one.
 */
#ifndef PROFILE_KEYS_CODES_H
#define PROFILE_KEYS_CODES_H

#include "nodes/pg_list.h"

#include "core/progress.h"
#include "core/source.h"
#include "profile/hash.h"

typedef struct CodeColumn
{
	const char *name;
	AttrNumber	attno;			/* in the source's row type */
	Oid			type;
	bool		comparable;		/* its type has an equality operator */
	bool		by_hash;		/* what it says is equal hashes alike */
	int32	   *codes;			/* 0 is NULL; values from 1 on */
	int32		ndistinct;		/* different values, NULL not among them */
	int64		nulls;
} CodeColumn;

/* Which rows and columns are read. */
typedef struct CodeSpec
{
	Oid			relid;
	List	   *columns;		/* names, NIL for all */
	double		share;			/* of the rows, 1 for all */
	uint64		seed;
	const char *what;			/* "looking for keys", for progress and errors */
} CodeSpec;

typedef struct CodeTable
{
	MemoryContext context;		/* holds everything of it */
	CodeSpec	spec;
	Source	   *source;
	int64		nrows;
	int			ncols;
	CodeColumn *columns;
	Size		bytes;			/* held now, against aipipe.profile_max_memory */
	Progress	progress;
} CodeTable;

/* Names the rows of a relation as a source, as the caller's rights on its columns allow. */
extern Source *codes_source(const CodeSpec *spec);

/* Reads the table; begins its progress, which the caller ends. */
extern CodeTable *codes_read(const CodeSpec *spec, MemoryContext context);

/* Memory of the table's budget, zeroed on demand; error 53400 beyond it. */
extern void *codes_alloc(CodeTable *table, Size count, Size size, bool zero);
extern void codes_free(CodeTable *table, void *memory, Size count, Size size);

/*
 * Numbers 64-bit keys from 0 on in the order in which they come.  The numbers are exact: keys that differ
 * are told apart.
 */
typedef struct CodeSlot
{
	uint64		key;
	int32		number;			/* + 1; 0 when the slot is free */
} CodeSlot;

typedef struct CodeMap
{
	CodeTable  *table;
	CodeSlot   *slots;
	int			bits;			/* 2^bits slots */
	int32		n;				/* keys that were numbered */
} CodeMap;

extern void code_map_init(CodeMap *map, CodeTable *table);
extern void code_map_grow(CodeMap *map);
extern void code_map_free(CodeMap *map);

/* The slot where the search for a key begins. */
static inline uint64
code_map_start(const CodeMap *map, uint64 key)
{
	return (key * UINT64CONST(0x9e3779b97f4a7c15)) >> (64 - map->bits);
}

/* Has the processor fetch a key's slot. */
static inline void
code_map_prefetch(const CodeMap *map, uint64 key)
{
	__builtin_prefetch(&map->slots[code_map_start(map, key)]);
}

/* Gives a key's number; a new key's is the count of those before it. */
static inline int32
code_map_number(CodeMap *map, uint64 key)
{
	uint64		mask = (UINT64CONST(1) << map->bits) - 1;
	uint64		i = code_map_start(map, key);

	for (; map->slots[i].number != 0; i = (i + 1) & mask)
		if (map->slots[i].key == key)
			return map->slots[i].number - 1;
	map->slots[i].key = key;
	map->slots[i].number = ++map->n;
	if ((uint64) map->n * 2 > mask)
		code_map_grow(map);
	return map->n - 1;
}

/*
 * Numbers the pairs of two columns of numbers, a[i] < na and b[i] < nb, from 0 on in the order in which
 * they appear; gives how many there are.
 */
extern int32 codes_combine(CodeTable *table, const int32 *a, int32 na, const int32 *b, int32 nb, int64 nrows, int32 *out);

#endif							/* PROFILE_KEYS_CODES_H */
