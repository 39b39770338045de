/*-------------------------------------------------------------------------
 *
 * gate_profile.c
 *	  Sketches of a batch's columns: what landed, before any decision on it.
 *
 * Rows are looked at 64 at a time.  Statement timing has them in its slots; row
 * timing copies each into a slot of the batch's own, because a row is gone when
 * its trigger returns.  A batch of a partitioned table may have rows of several
 * row types; their columns meet by name.
 *
 *		batch->profile ─▶ columns: name, type, sketch
 *		               └▶ rows of one relation: slots that wait, which column goes where
 *
 * Batches with fewer rows than the gate asks for leave no profile, and no sketch is
 * made before as many have landed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/encoder.h"
#include "gate/gate.h"
#include "profile/profile.h"

/* A column of the batch. */
typedef struct GateProfileColumn
{
	char	   *name;
	char	   *type;
	Oid			typeid;
	ValueReader *reader;
	Sketch	   *sketch;
} GateProfileColumn;

/* Rows of one relation, in the batch's context. */
typedef struct GateProfileRows
{
	struct GateProfile *profile;
	Oid			relid;
	TupleDesc	desc;			/* a copy: rows may wait longer than their relation is open */
	int			nmapped;
	AttrNumber *attnums;		/* of the mapped columns */
	int		   *columns;		/* where they go in the profile */
	TupleTableSlot *slots[PROFILE_BLOCK];
	int			nslots;			/* made */
	int			nrows;			/* waiting */
} GateProfileRows;

struct GateProfile
{
	MemoryContext context;
	MemoryContext block;		/* reset after each block */
	GateBatch  *batch;
	List	   *rows;			/* GateProfileRows, one for each relation */
	GateProfileColumn *columns;
	int			ncolumns;
	int			max_columns;
	int64		nrows;			/* sketched */
	bool		guarded;		/* reading some type runs code that may raise errors */
	bool		failed;
};

typedef struct GateProfile GateProfile;

/* Finds a column of the batch by name and type, or makes it. */
static int
find_column(GateProfile *profile, Form_pg_attribute att)
{
	GateProfileColumn *column;

	for (int i = 0; i < profile->ncolumns; i++)
		if (profile->columns[i].typeid == att->atttypid && strcmp(profile->columns[i].name, NameStr(att->attname)) == 0)
			return i;
	if (profile->ncolumns == profile->max_columns)
	{
		profile->max_columns = Max(16, profile->max_columns * 2);
		profile->columns = profile->columns == NULL
			? palloc(mul_size(sizeof(GateProfileColumn), profile->max_columns))
			: repalloc(profile->columns, mul_size(sizeof(GateProfileColumn), profile->max_columns));
	}
	column = &profile->columns[profile->ncolumns];
	column->name = pstrdup(NameStr(att->attname));
	column->type = format_type_with_typemod(att->atttypid, att->atttypmod);
	column->typeid = att->atttypid;
	column->reader = NULL;
	column->sketch = NULL;
	if (!gate_type_is_harmless(att->atttypid))
		profile->guarded = true;
	return profile->ncolumns++;
}

/* Maps a relation's columns to the batch's. */
static GateProfileRows *
add_relation(GateProfile *profile, const GateCall *call)
{
	GateProfileRows *rows = palloc0(sizeof(GateProfileRows));

	rows->profile = profile;
	rows->relid = call->relid;
	rows->desc = CreateTupleDescCopyConstr(call->desc);
	rows->attnums = palloc(mul_size(sizeof(AttrNumber), Max(rows->desc->natts, 1)));
	rows->columns = palloc(mul_size(sizeof(int), Max(rows->desc->natts, 1)));
	for (int i = 0; i < rows->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(rows->desc, i);

		if (att->attisdropped || gate_lacks_column(call->gate, att))
			continue;
		rows->attnums[rows->nmapped] = att->attnum;
		rows->columns[rows->nmapped++] = find_column(profile, att);
	}
	profile->rows = lappend(profile->rows, rows);
	return rows;
}

/* Gives where rows of the call's relation are profiled, or NULL when its gate takes no profiles. */
GateProfileRows *
profile_rows_of(GateCall *call)
{
	GateBatch  *batch = call->batch;
	GateProfile *profile = batch->profile;
	GateProfileRows *rows = NULL;
	MemoryContext old;
	ListCell   *cell;

	if (call->gate->profile_rows == 0)
		return NULL;
	if (profile == NULL)
	{
		MemoryContext context = AllocSetContextCreate(batch->context, "aipipe gate profile", ALLOCSET_DEFAULT_SIZES);

		profile = MemoryContextAllocZero(context, sizeof(GateProfile));
		profile->context = context;
		profile->block = AllocSetContextCreate(context, "aipipe gate profile block", ALLOCSET_DEFAULT_SIZES);
		profile->batch = batch;
		batch->profile = profile;
	}
	foreach(cell, profile->rows)
		if (((GateProfileRows *) lfirst(cell))->relid == call->relid)
			return lfirst(cell);
	old = MemoryContextSwitchTo(profile->context);
	rows = add_relation(profile, call);
	MemoryContextSwitchTo(old);
	return rows;
}

typedef struct BlockStep
{
	GateProfileRows *rows;
	TupleTableSlot *const *slots;
	int			n;
} BlockStep;

/* Gives a column its sketch at its first values. */
static void
open_sketch(GateProfile *profile, GateProfileColumn *column)
{
	if (column->sketch != NULL)
		return;
	column->reader = value_reader_create(profile->context, column->typeid);
	column->sketch = sketch_create(profile->context);
}

/* Adds a block of rows to the sketches, as a step that may fail. */
static void
add_block(void *arg)
{
	const BlockStep *step = arg;
	GateProfileRows *rows = step->rows;
	GateProfile *profile = rows->profile;
	const Datum *values[PROFILE_BLOCK];
	const bool *nulls[PROFILE_BLOCK];

	for (int i = 0; i < step->n; i++)
	{
		slot_getallattrs(step->slots[i]);
		values[i] = step->slots[i]->tts_values;
		nulls[i] = step->slots[i]->tts_isnull;
	}
	for (int c = 0; c < rows->nmapped; c++)
	{
		GateProfileColumn *column = &profile->columns[rows->columns[c]];

		open_sketch(profile, column);
		sketch_add(column->sketch, column->reader, values, nulls, rows->attnums[c] - 1, step->n, NULL);
	}
}

/* Takes a block of rows; a failure ends the profile of the batch, and its load only where the gate's policy says so. */
static void
take_block(GateProfileRows *rows, TupleTableSlot *const *slots, int n)
{
	GateProfile *profile = rows->profile;
	BlockStep	step = {rows, slots, n};
	MemoryContext old;
	char	   *failure = NULL;

	if (profile->failed || n == 0)
		return;
	old = MemoryContextSwitchTo(profile->block);
	if (profile->guarded && profile->batch->gate->on_error != GATE_REJECT)
		failure = gate_try(add_block, &step);
	else
		add_block(&step);
	profile->nrows += n;
	if (failure != NULL)
	{
		profile->failed = true;
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("gate " INT64_FORMAT " could not profile rows of table \"%s\"", profile->batch->gate->id, profile->batch->relation),
				 errdetail("The error was: %s.", failure)));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(profile->block);
}

/* Profiles a block that statement timing has read; last says that no other follows. */
void
profile_block(GateCall *call, TupleTableSlot *const *slots, int n, bool last)
{
	GateProfile *profile = call->profile->profile;

	if (last && profile->nrows + n < call->gate->profile_rows)
		return;
	take_block(call->profile, slots, n);
}

/* Takes the rows that wait. */
static void
flush_rows(GateProfileRows *rows)
{
	take_block(rows, rows->slots, rows->nrows);
	for (int i = 0; i < rows->nrows; i++)
		ExecClearTuple(rows->slots[i]);
	rows->nrows = 0;
}

/* Copies a row of row timing, to be profiled with others. */
void
profile_row(GateCall *call, TupleTableSlot *slot)
{
	GateProfileRows *rows = call->profile;
	MemoryContext old;

	if (rows->profile->failed)
		return;
	old = MemoryContextSwitchTo(rows->profile->context);
	if (rows->nrows == rows->nslots)
		rows->slots[rows->nslots++] = MakeSingleTupleTableSlot(rows->desc, &TTSOpsMinimalTuple);
	ExecCopySlot(rows->slots[rows->nrows++], slot);
	MemoryContextSwitchTo(old);
	if (rows->nrows == PROFILE_BLOCK)
		flush_rows(rows);
}

/* Writes the batch's profile. */
static void
store_profile(GateProfile *profile)
{
	GateBatch  *batch = profile->batch;
	Profile		stored = {0};

	stored.schema = unconstify(char *, batch->schema);
	stored.relation = unconstify(char *, batch->relation);
	stored.taken_at = batch->started;
	stored.rows = profile->nrows;
	stored.share = 1;
	stored.columns = palloc0(mul_size(sizeof(ProfileColumn), Max(profile->ncolumns, 1)));
	for (int i = 0; i < profile->ncolumns; i++)
	{
		const GateProfileColumn *column = &profile->columns[i];

		if (column->sketch == NULL)
			continue;
		stored.columns[stored.ncolumns].name = column->name;
		stored.columns[stored.ncolumns].type = column->type;
		stored.columns[stored.ncolumns].sketch = column->sketch;
		stored.ncolumns++;
	}
	(void) profile_store(&stored, batch->gate->table_owner, batch->gate->owner, batch_id(batch));
}

/* Ends a batch's profile, and keeps it when enough rows landed. */
void
profile_close(GateBatch *batch)
{
	GateProfile *profile = batch->profile;
	ListCell   *cell;

	if (profile == NULL || batch->rows < batch->gate->profile_rows)
		return;
	foreach(cell, profile->rows)
		flush_rows(lfirst(cell));
	if (profile->failed || profile->nrows == 0)
		return;
	store_profile(profile);
}
