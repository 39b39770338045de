/*-------------------------------------------------------------------------
 *
 * call.c
 *	  What a scalar scoring function keeps between its calls.
 *
 * The state hangs on fn_extra.  That lives at least as long as one execution
 * of a plan, but inside PL/pgSQL it can outlive a statement, so the model is
 * resolved again whenever the active snapshot is another one: what a snapshot
 * sees is decided by xmin, xmax, the number of transactions running below
 * xmax (those can only end) and the command id, but for what a subtransaction
 * did that was rolled back since, so that is looked at too.  A call for which
 * all of this, model name, version, role and row type are those of the last
 * call goes straight to the row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "model/call.h"

typedef struct CallState
{
	ModelCall	call;			/* must be first */
	MemoryContext context;		/* child of fn_mcxt; holds all but the scorer's own context */
	MemoryContext holder;		/* child of context: keeps the version, holds the scorer */
	text	   *model;			/* arguments and surroundings of the last resolution */
	int			version;
	Oid			role;
	SnapshotMark mark;
	int64		version_id;
	uint64		row_identifier;
	TupleDesc	desc;			/* the row type, whole: minor releases keep attribute versions behind it */
} CallState;

/* Fills the mark of the active snapshot. */
void
call_mark_snapshot(SnapshotMark *mark)
{
	Snapshot	snapshot;

	if (!ActiveSnapshotSet())
		elog(ERROR, "cannot score without an active snapshot");
	snapshot = GetActiveSnapshot();
	memset(mark, 0, sizeof(SnapshotMark));
	mark->xmin = snapshot->xmin;
	mark->xmax = snapshot->xmax;
	mark->xcnt = snapshot->xcnt;
	mark->subxcnt = snapshot->subxcnt;
	mark->suboverflowed = snapshot->suboverflowed;
	mark->curcid = snapshot->curcid;
	mark->subxact = GetCurrentSubTransactionId();
}

/* Whether two text values are the same bytes. */
static bool
same_text(const text *a, const text *b)
{
	Size		len = VARSIZE_ANY_EXHDR(a);

	return len == VARSIZE_ANY_EXHDR(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), len) == 0;
}

/* Gives the state of this call site, creating it at the first call. */
static CallState *
call_state(FunctionCallInfo fcinfo)
{
	CallState  *state = fcinfo->flinfo->fn_extra;
	MemoryContext context;

	if (state != NULL)
		return state;
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "aipipe model call", ALLOCSET_SMALL_SIZES);
	state = MemoryContextAllocZero(context, sizeof(CallState));
	state->context = context;
	fcinfo->flinfo->fn_extra = state;
	return state;
}

/* Forgets the scorer, so that an ERROR while binding anew leaves nothing half made. */
static void
drop_scorer(CallState *state)
{
	state->call.scorer = NULL;
	state->version_id = 0;
	if (state->holder != NULL)
		MemoryContextDelete(state->holder);
	state->holder = NULL;
}

/* Resolves the model and binds it to the row's type where either is another than at the last call. */
static void
bind_call(CallState *state, text *model, int version, HeapTupleHeader row, uint64 identifier,
		  const SnapshotMark *mark, void (*check) (const ModelVersion *version))
{
	MemoryContext old = CurrentMemoryContext;
	ModelRef	ref = registry_resolve(text_to_cstring(model), version, MODEL_PREDICT, GetUserId());
	const ModelVersion *loaded;
	TupleDesc	desc;

	if (state->call.scorer == NULL || ref.version_id != state->version_id ||
		identifier != state->row_identifier)
	{
		drop_scorer(state);
		state->holder = AllocSetContextCreate(state->context, "aipipe model call row type",
											  ALLOCSET_SMALL_SIZES);
		MemoryContextSwitchTo(state->holder);
		loaded = cache_acquire(&ref, state->holder);
		if (check != NULL)
			check(loaded);
		desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
		state->call.scorer = scorer_create(loaded, desc, state->holder);
		state->call.values = palloc(sizeof(Datum) * Max(desc->natts, 1));
		state->call.nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
		state->desc = desc;
		state->version_id = ref.version_id;
		state->row_identifier = identifier;
	}
	MemoryContextSwitchTo(state->context);
	if (state->model == NULL || !same_text(state->model, model))
	{
		if (state->model != NULL)
			pfree(state->model);
		state->model = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(model));
	}
	state->version = version;
	state->role = GetUserId();
	state->mark = *mark;
	MemoryContextSwitchTo(old);
}

/* Gives the version argument: MODEL_CHAMPION when it is NULL. */
static int
call_version(FunctionCallInfo fcinfo, bool has_version)
{
	return has_version ? registry_version_arg(fcinfo, 2) : MODEL_CHAMPION;
}

/* Scores the row of this call and gives the call's state, or NULL when model or row is NULL. */
ModelCall *
call_score(FunctionCallInfo fcinfo, bool has_version, void (*check) (const ModelVersion *version))
{
	CallState  *state = call_state(fcinfo);
	int			version = call_version(fcinfo, has_version);
	SnapshotMark mark;
	text	   *model;
	HeapTupleHeader row;
	HeapTupleData tuple;
	uint64		identifier;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return NULL;
	model = PG_GETARG_TEXT_PP(0);
	row = PG_GETARG_HEAPTUPLEHEADER(1);
	identifier = assign_record_type_identifier(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	call_mark_snapshot(&mark);
	if (state->call.scorer == NULL || identifier != state->row_identifier ||
		version != state->version || GetUserId() != state->role ||
		memcmp(&mark, &state->mark, sizeof(mark)) != 0 || !same_text(model, state->model))
		bind_call(state, model, version, row, identifier, &mark, check);

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, state->desc, state->call.values, state->call.nulls);
	scorer_reset(state->call.scorer);
	scorer_add(state->call.scorer, state->call.values, state->call.nulls);
	scorer_run(state->call.scorer);
	return &state->call;
}
