/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  Multi-row inserts into aipipe's own tables without SPI.
 *
 * A writer opens one table and its indexes, collects rows in slots and inserts
 * them with table_multi_insert().  It is meant for a short stretch of C code:
 * open, put, close, all inside one call, because the relation stays referenced
 * by the resource owner that was current at the opening.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat/compat.h"
#include "core/source.h"
#include "core/writer.h"

#define WRITER_MAX_ROWS 1000
#define WRITER_MAX_BYTES (1024 * 1024)

struct Writer
{
	MemoryContext context;		/* everything below */
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *relinfo;
	int			ncolumns;
	AttrNumber *attnums;		/* of the columns that writer_put() gives */
	int			nrows;			/* waiting in slots */
	int			nslots;			/* made so far */
	TupleTableSlot **slots;
	Size		bytes;			/* waiting */
};

/* Gives the OID of a relation of schema aipipe. */
static Oid
writer_relation(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid("aipipe", false));

	if (!OidIsValid(relid))
		elog(ERROR, "relation aipipe.%s does not exist", name);
	return relid;
}

/* Opens the table for rows of the named columns; the table stays locked until the transaction ends. */
Writer *
writer_open(const char *table, int ncolumns, const char *const *columns, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "aipipe writer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Writer	   *writer = palloc0(sizeof(Writer));

	writer->context = context;
	writer->rel = table_open(writer_relation(table), RowExclusiveLock);
	writer->ncolumns = ncolumns;
	writer->attnums = palloc(mul_size(sizeof(AttrNumber), ncolumns));
	for (int i = 0; i < ncolumns; i++)
	{
		writer->attnums[i] = source_column(RelationGetDescr(writer->rel), columns[i]);
		if (writer->attnums[i] == InvalidAttrNumber)
			elog(ERROR, "table aipipe.%s has no column \"%s\"", table, columns[i]);
	}

	writer->estate = CreateExecutorState();
	writer->relinfo = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->relinfo, writer->rel, 1, NULL, 0);
	ExecOpenIndices(writer->relinfo, false);
	writer->slots = palloc0(mul_size(sizeof(TupleTableSlot *), WRITER_MAX_ROWS));
	MemoryContextSwitchTo(old);
	return writer;
}

/* Gives a cleared slot for the next row. */
static TupleTableSlot *
writer_slot(Writer *writer)
{
	if (writer->nrows == writer->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(writer->context);

		writer->slots[writer->nslots++] = table_slot_create(writer->rel, NULL);
		MemoryContextSwitchTo(old);
	}
	return ExecClearTuple(writer->slots[writer->nrows]);
}

/* Takes a copy of one row, its values in the order of the columns given at the opening. */
void
writer_put(Writer *writer, Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = writer_slot(writer);
	int			natts = slot->tts_tupleDescriptor->natts;
	HeapTuple	tuple;

	memset(slot->tts_isnull, true, mul_size(sizeof(bool), natts));
	for (int i = 0; i < writer->ncolumns; i++)
	{
		slot->tts_values[writer->attnums[i] - 1] = values[i];
		slot->tts_isnull[writer->attnums[i] - 1] = nulls != NULL && nulls[i];
	}
	ExecStoreVirtualTuple(slot);
	tuple = ExecFetchSlotHeapTuple(slot, true, NULL);

	writer->nrows++;
	writer->bytes = add_size(writer->bytes, tuple->t_len);
	if (writer->nrows == WRITER_MAX_ROWS || writer->bytes >= WRITER_MAX_BYTES)
		writer_flush(writer);
}

/* Inserts the rows that wait, with their index entries. */
void
writer_flush(Writer *writer)
{
	MemoryContext old;

	if (writer->nrows == 0)
		return;
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));
	table_multi_insert(writer->rel, writer->slots, writer->nrows,
					   GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < writer->nrows; i++)
	{
		if (writer->relinfo->ri_NumIndices > 0)
			(void) compat_insert_index_entries(writer->relinfo, writer->slots[i], writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(writer->estate);
	writer->nrows = 0;
	writer->bytes = 0;
}

/* Inserts the rows that wait and frees the writer. */
void
writer_close(Writer *writer)
{
	writer_flush(writer);
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	ExecCloseIndices(writer->relinfo);
	FreeExecutorState(writer->estate);
	table_close(writer->rel, NoLock);
	MemoryContextDelete(writer->context);
}

/* Gives the next value of one of aipipe's sequences, whoever asks. */
int64
writer_next_id(const char *sequence)
{
	return nextval_internal(writer_relation(sequence), false);
}
