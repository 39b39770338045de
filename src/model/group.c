/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Numbers for the groups that a column's values make.
 *
 * Values are told apart by their text form (value.h), which is looked up in a
 * hash table; rows of a group often follow one another, so the last one is tried
 * first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "model/group.h"
#include "model/value.h"

/* One group. */
typedef struct GroupEntry
{
	const char *text;
	uint32		hash;
	char		status;
	int32		number;
} GroupEntry;

#define SH_PREFIX group
#define SH_ELEMENT_TYPE GroupEntry
#define SH_KEY_TYPE const char *
#define SH_KEY text
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), (int) strlen(key))
#define SH_EQUAL(table, a, b) (strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct GroupColumn
{
	MemoryContext context;		/* of everything */
	MemoryContext scratch;		/* reset per row */
	AttrNumber	attno;
	ValueText	reader;
	group_hash *groups;
	int32		ngroups;
	int32		null_group;		/* -1 until a NULL is met */
	const char *last;			/* text of the last row's group, NULL before the first */
	int32		last_group;
};

/* Prepares to read a column. */
GroupColumn *
group_begin(TupleDesc desc, AttrNumber attno)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model groups", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	GroupColumn *column = palloc0(sizeof(GroupColumn));

	column->context = context;
	column->scratch = AllocSetContextCreate(context, "aipipe model group row", ALLOCSET_SMALL_SIZES);
	column->attno = attno;
	column->null_group = -1;
	value_text_init(&column->reader, TupleDescAttr(desc, attno - 1)->atttypid);
	column->groups = group_create(context, 256, NULL);
	MemoryContextSwitchTo(old);
	return column;
}

/* Takes the next free number. */
static int32
next_group(GroupColumn *column)
{
	if (column->ngroups == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many groups"),
				 errdetail("The limit is %d.", PG_INT32_MAX)));
	return column->ngroups++;
}

/* Gives the number of the row's group. */
int32
group_read(GroupColumn *column, const Datum *values, const bool *nulls)
{
	MemoryContext old;
	const char *text;
	GroupEntry *entry;
	bool		found;

	if (nulls[column->attno - 1])
	{
		if (column->null_group < 0)
			column->null_group = next_group(column);
		return column->null_group;
	}
	old = MemoryContextSwitchTo(column->scratch);
	text = value_text(&column->reader, values[column->attno - 1]);
	if (column->last == NULL || strcmp(column->last, text) != 0)
	{
		entry = group_insert(column->groups, text, &found);
		if (!found)
		{
			entry->text = MemoryContextStrdup(column->context, text);
			entry->number = next_group(column);
		}
		column->last = entry->text;
		column->last_group = entry->number;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(column->scratch);
	return column->last_group;
}

/* Gives the bytes that the groups take now. */
Size
group_bytes(const GroupColumn *column)
{
	return MemoryContextMemAllocated(column->context, true);
}

/* Frees everything. */
void
group_end(GroupColumn *column)
{
	MemoryContextDelete(column->context);
}
