/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  profile_sketch(value [, at]) and profile_merge(sketch).
 *
 * A group's values wait in a small buffer that grows with the group, so that a group of a few rows takes a few
 * hundred bytes; each full buffer goes into the group's sketch as one block.
 *
 *		value ─▶ pending (64 values, their bytes) ─▶ Sketch
 *
 * Intermediate results and results are made from a copy: a state is never changed by
 * looking at it, as window frames need it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "profile/access.h"
#include "profile/sketch_int.h"

PG_FUNCTION_INFO_V1(aipipe_profile_sketch_transition);
PG_FUNCTION_INFO_V1(aipipe_profile_merge_transition);
PG_FUNCTION_INFO_V1(aipipe_profile_sketch_combine);
PG_FUNCTION_INFO_V1(aipipe_profile_sketch_serialize);
PG_FUNCTION_INFO_V1(aipipe_profile_sketch_deserialize);
PG_FUNCTION_INFO_V1(aipipe_profile_sketch_final);
PG_FUNCTION_INFO_V1(aipipe_profile_merge_final);

/* Bytes of values that wait at most; a larger value is added at once. */
#define PENDING_BYTES 8192
#define PENDING_FIRST 4

/* What a call site knows of the type it aggregates. */
typedef struct ProfileInput
{
	ValueReader *reader;
	int16		typlen;
	bool		typbyval;
} ProfileInput;

/* A group. */
typedef struct ProfileState
{
	MemoryContext context;
	const ProfileInput *input;	/* NULL for sketches that are merged */
	int64		nulls;			/* not yet in the sketch */
	int			n;				/* values that wait */
	int			size;			/* room for so many */
	Datum	   *pending;		/* by value, or where they begin in bytes */
	TimestampTz *times;			/* with a time beside the values */
	char	   *bytes;			/* values by reference */
	int			used;
	int			bytes_size;
	bool		timed;
	Sketch	   *sketch;			/* NULL until something is in it */
} ProfileState;

/* Gives the memory of the aggregate's states. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Makes an empty state. */
static ProfileState *
state_create(MemoryContext context)
{
	ProfileState *state = MemoryContextAllocZero(context, sizeof(ProfileState));

	state->context = context;
	return state;
}

/* Gives the reader of a call site's values, made at its first call. */
static const ProfileInput *
input_of(FunctionCallInfo fcinfo)
{
	ProfileInput *input = fcinfo->flinfo->fn_extra;
	Oid			type;

	if (likely(input != NULL))
		return input;
	type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine the type of the values to sketch")));
	input = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ProfileInput));
	get_typlenbyval(type, &input->typlen, &input->typbyval);
	input->reader = value_reader_create(fcinfo->flinfo->fn_mcxt, type);
	fcinfo->flinfo->fn_extra = input;
	return input;
}

/* Adds what waits in a state to a sketch; the state stays as it is. */
static void
add_pending(const ProfileState *state, Sketch *sketch)
{
	ValueBlock	block;

	sketch->count += state->nulls;
	sketch->nulls += state->nulls;
	if (state->input == NULL)
		return;
	block.n = state->n;
	for (int i = 0; i < state->n; i++)
		block.datums[i] = state->input->typbyval ? state->pending[i] : PointerGetDatum(state->bytes + state->pending[i]);
	sketch_add_block(sketch, state->input->reader, &block, state->timed ? state->times : NULL);
}

/* Puts what waits into the state's sketch. */
static void
flush(ProfileState *state)
{
	if (state->sketch == NULL)
		state->sketch = sketch_create(state->context);
	add_pending(state, state->sketch);
	state->nulls = 0;
	state->n = 0;
	state->used = 0;
}

/* Gives a sketch of everything in a state, which stays as it is; the sketch is only to be read. */
static const Sketch *
state_sketch(const ProfileState *state)
{
	Sketch	   *sketch;

	if (state->n == 0 && state->nulls == 0 && state->sketch != NULL)
		return state->sketch;
	if (state->sketch == NULL)
		sketch = sketch_create(CurrentMemoryContext);
	else
		sketch = sketch_copy(state->sketch, CurrentMemoryContext);
	add_pending(state, sketch);
	return sketch;
}

/* Makes room for one more value that waits. */
static void
grow_pending(ProfileState *state)
{
	int			size = Min(PROFILE_BLOCK, Max(PENDING_FIRST, state->size * 2));
	MemoryContext old = MemoryContextSwitchTo(state->context);

	if (state->size == 0)
	{
		state->pending = palloc(sizeof(Datum) * size);
		if (state->timed)
			state->times = palloc(sizeof(TimestampTz) * size);
	}
	else
	{
		state->pending = repalloc(state->pending, sizeof(Datum) * size);
		if (state->timed)
			state->times = repalloc(state->times, sizeof(TimestampTz) * size);
	}
	state->size = size;
	MemoryContextSwitchTo(old);
}

/* Makes room for so many more bytes of values, which are no more than PENDING_BYTES. */
static void
grow_bytes(ProfileState *state, int more)
{
	int			size = Max(state->bytes_size, 64);

	while (size < state->used + more)
		size *= 2;
	if (state->bytes == NULL)
		state->bytes = MemoryContextAlloc(state->context, size);
	else if (size > state->bytes_size)
		state->bytes = repalloc(state->bytes, size);
	state->bytes_size = size;
}

/* Adds a value that is too large to wait. */
static void
add_at_once(ProfileState *state, Datum value, TimestampTz at)
{
	ValueBlock	block;

	flush(state);
	block.n = 1;
	block.datums[0] = value;
	sketch_add_block(state->sketch, state->input->reader, &block, state->timed ? &at : NULL);
}

/* Copies a value by reference to where values wait; gives false when it is too large for that. */
static bool
copy_value(ProfileState *state, Datum *value)
{
	int16		typlen = state->input->typlen;
	Size		size;

	if (typlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(*value)))
		*value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(*value)));
	size = (typlen == -1) ? VARSIZE_ANY(DatumGetPointer(*value)) : datumGetSize(*value, false, typlen);
	if (size > PENDING_BYTES / 2)
		return false;
	if (state->used + MAXALIGN(size) > PENDING_BYTES)
		flush(state);
	if (state->used + MAXALIGN(size) > state->bytes_size)
		grow_bytes(state, MAXALIGN(size));
	memcpy(state->bytes + state->used, DatumGetPointer(*value), size);
	*value = (Datum) state->used;
	state->used += MAXALIGN(size);
	return true;
}

/* Takes one row: a value, or NULL, and its time when there is a third argument. */
Datum
aipipe_profile_sketch_transition(PG_FUNCTION_ARGS)
{
	ProfileState *state = PG_ARGISNULL(0) ? NULL : (ProfileState *) PG_GETARG_POINTER(0);
	TimestampTz at = DT_NOBEGIN;
	Datum		value;

	if (unlikely(state == NULL))
	{
		state = state_create(aggregate_context(fcinfo));
		state->timed = PG_NARGS() > 2;
	}
	/* A state that was combined has no input yet. */
	if (unlikely(state->input == NULL))
		state->input = input_of(fcinfo);
	if (PG_ARGISNULL(1))
	{
		state->nulls++;
		PG_RETURN_POINTER(state);
	}
	value = PG_GETARG_DATUM(1);
	if (state->timed && !PG_ARGISNULL(2))
		at = PG_GETARG_TIMESTAMPTZ(2);
	if (!state->input->typbyval && !copy_value(state, &value))
	{
		add_at_once(state, value, at);
		PG_RETURN_POINTER(state);
	}
	if (state->n == state->size)
		grow_pending(state);
	if (state->timed)
		state->times[state->n] = at;
	state->pending[state->n++] = value;
	if (state->n == PROFILE_BLOCK)
		flush(state);
	PG_RETURN_POINTER(state);
}

/* Takes one sketch. */
Datum
aipipe_profile_merge_transition(PG_FUNCTION_ARGS)
{
	ProfileState *state = PG_ARGISNULL(0) ? NULL : (ProfileState *) PG_GETARG_POINTER(0);

	if (state == NULL)
	{
		state = state_create(aggregate_context(fcinfo));
		state->sketch = sketch_create(state->context);
	}
	if (!PG_ARGISNULL(1))
		sketch_merge(state->sketch, sketch_argument(fcinfo, 1));
	PG_RETURN_POINTER(state);
}

/* Adds a state to another. */
Datum
aipipe_profile_sketch_combine(PG_FUNCTION_ARGS)
{
	ProfileState *state = PG_ARGISNULL(0) ? NULL : (ProfileState *) PG_GETARG_POINTER(0);
	const ProfileState *other = PG_ARGISNULL(1) ? NULL : (const ProfileState *) PG_GETARG_POINTER(1);
	MemoryContext context = aggregate_context(fcinfo);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = state_create(context);
		state->timed = other->timed;
	}
	flush(state);
	sketch_merge(state->sketch, state_sketch(other));
	PG_RETURN_POINTER(state);
}

/* Gives a state as bytes. */
Datum
aipipe_profile_sketch_serialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(sketch_write_whole(state_sketch((const ProfileState *) PG_GETARG_POINTER(0))));
}

/* Gives bytes as a state. */
Datum
aipipe_profile_sketch_deserialize(PG_FUNCTION_ARGS)
{
	ProfileState *state;

	(void) aggregate_context(fcinfo);
	state = state_create(CurrentMemoryContext);
	state->sketch = sketch_read_whole(PG_GETARG_BYTEA_PP(0), CurrentMemoryContext);
	PG_RETURN_POINTER(state);
}

/* Gives the sketch of a group; without rows an empty one of the type. */
Datum
aipipe_profile_sketch_final(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
	{
		Sketch	   *empty = sketch_create(CurrentMemoryContext);
		ValueBlock	none;

		none.n = 0;
		sketch_add_block(empty, input_of(fcinfo)->reader, &none, NULL);
		PG_RETURN_BYTEA_P(sketch_write(empty));
	}
	PG_RETURN_BYTEA_P(sketch_write(state_sketch((const ProfileState *) PG_GETARG_POINTER(0))));
}

/* Gives the merged sketch; without sketches an empty one. */
Datum
aipipe_profile_merge_final(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_BYTEA_P(sketch_write(sketch_create(CurrentMemoryContext)));
	PG_RETURN_BYTEA_P(sketch_write(state_sketch((const ProfileState *) PG_GETARG_POINTER(0))));
}
