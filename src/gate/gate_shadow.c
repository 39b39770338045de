/*-------------------------------------------------------------------------
 *
 * gate_shadow.c
 *	  Versions beside the champion: which one serves a row, and what of all that
 *	  they say is recorded.
 *
 * A row's key decides both, before the row is encoded: by a split the key belongs
 * to one version, whose score decides on the row, and a sample of the keys is
 * recorded.  Challengers score recorded rows only.  All versions score their rows
 * of the block at once.
 *
 * Nothing that happens here to a challenger or to the log's key harms the load: it
 * is counted, and a batch's first such failure is a warning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/table.h"
#include "catalog/pg_index.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/key.h"
#include "core/rowjson.h"
#include "gate/gate.h"

/* A key column of more bytes names nothing. */
#define KEY_MAX_BYTES 8192

/* What the block's rows are to the versions. */
typedef struct ShadowRow
{
	char	   *key;			/* or NULL */
	int			keylen;
	int			server;			/* version that serves the row */
	bool		recorded;
} ShadowRow;

struct GateShadow
{
	const Serving *serving;
	GateVersion *versions;		/* as in serving */
	char	   *key_error;		/* why rows have no key, or NULL */
	bool		key_guarded;	/* forming a key may raise errors: done in subtransactions */
	int			nkeys;
	AttrNumber *keys;
	AttrNumber	last_key;
	TupleDesc	key_desc;
	TimestampTz now;			/* when the block was scored */
	ShadowRow	rows[SCORER_BLOCK];
	int		   *places;			/* SCORER_BLOCK x versions: where the row is in the version's block, -1 when nowhere */
	GatePrediction *predictions;	/* room for one row's */
};

/* Remembers that a prediction could not be recorded and warns of a batch's first one; version 0 means any. */
static void
note_failure(const GateCall *call, int version, const char *failure)
{
	GateBatch  *batch = call->batch;
	char	   *message;

	batch->shadow_errors++;
	if (batch->shadow_error != NULL)
		return;
	message = version > 0 ? psprintf("version %d: %s", version, failure) : pstrdup(failure);
	batch->shadow_error = MemoryContextStrdup(batch->context, message);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("gate " INT64_FORMAT " could not record or split all rows of table \"%s\"", call->gate->id, call->relation),
			 errdetail("The error was: %s.", message),
			 errhint("Rows are judged and land as without it.")));
}

typedef struct KeyStep
{
	const GateCall *call;
	GateShadow *shadow;
} KeyStep;

/* Says whether forming the text of a value of the type runs no code that could raise an error. */
static bool
key_type_is_harmless(Oid type)
{
	return gate_type_is_harmless(type) && !OidIsValid(get_element_type(getBaseType(type)));
}

/* Finds what names a row, as a step that may fail. */
static void
find_key(void *arg)
{
	KeyStep    *step = arg;
	GateShadow *shadow = step->shadow;
	Relation	rel = table_open(step->call->relid, NoLock);

	shadow->nkeys = gate_find_log_key(step->call->gate, rel, &shadow->keys);
	table_close(rel, NoLock);
	if (shadow->nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the table has no key")));
	shadow->key_desc = key_row_desc(step->call->desc, shadow->keys, shadow->nkeys);
	for (int i = 0; i < shadow->nkeys; i++)
	{
		shadow->last_key = Max(shadow->last_key, shadow->keys[i]);
		shadow->key_guarded |= !key_type_is_harmless(TupleDescAttr(shadow->key_desc, i)->atttypid);
	}
}

typedef struct BindStep
{
	const GateCall *call;
	const ModelRef *ref;
	GateVersion *version;
} BindStep;

/* Binds one version, as a step that may fail. */
static void
bind_version(void *arg)
{
	BindStep   *step = arg;

	gate_version_bind(step->call, step->ref, true, step->version);
}

/* Binds the versions that may have to score rows; the champion is bound already. */
static void
bind_versions(const GateCall *call, GateShadow *shadow)
{
	const Serving *serving = shadow->serving;

	for (int v = 0; v < serving->nversions; v++)
	{
		const ServingVersion *version = &serving->versions[v];
		BindStep	step = {call, &version->ref, &shadow->versions[v]};

		if (v == serving->champion)
			shadow->versions[v] = call->champion;
		else if (version->nruns > 0 || call->gate->log_share > 0)
		{
			step.version->error = gate_try(bind_version, &step);
			if (step.version->error != NULL)
				step.version->scorer = NULL;
		}
	}
}

/* Sets up versions beside the champion and the log, in the current context; NULL when neither is needed. */
GateShadow *
shadow_begin(GateCall *call)
{
	const Serving *serving = call->serving;
	const Gate *gate = call->gate;
	bool		record = gate->log_share > 0 && (serving->challenged || serving->split || gate->log_always);
	GateShadow *shadow;
	KeyStep		step;

	if (!serving->split && !record)
		return NULL;
	shadow = palloc0(sizeof(GateShadow));
	shadow->serving = serving;
	shadow->versions = palloc0(mul_size(sizeof(GateVersion), serving->nversions));
	shadow->places = palloc(mul_size(mul_size(sizeof(int), SCORER_BLOCK), serving->nversions));
	shadow->predictions = palloc(mul_size(sizeof(GatePrediction), serving->nversions));
	step.call = call;
	step.shadow = shadow;
	shadow->key_error = gate_try(find_key, &step);
	bind_versions(call, shadow);
	return shadow;
}

/* Empties the block. */
void
shadow_reset(GateShadow *shadow)
{
	for (int v = 0; v < shadow->serving->nversions; v++)
		if (shadow->versions[v].scorer != NULL)
			scorer_reset(shadow->versions[v].scorer);
}

typedef struct KeyText
{
	const GateShadow *shadow;
	TupleTableSlot *slot;
	char	   *text;
} KeyText;

/* Forms the text of a row's key, as a step that may fail; none when a column is too long to name anything. */
static void
form_key(void *arg)
{
	KeyText    *step = arg;
	const GateShadow *shadow = step->shadow;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < shadow->nkeys; i++)
	{
		int			column = shadow->keys[i] - 1;

		values[i] = step->slot->tts_values[column];
		nulls[i] = step->slot->tts_isnull[column];
		if (!nulls[i] && TupleDescAttr(shadow->key_desc, i)->attlen == -1 &&
			toast_raw_datum_size(values[i]) > KEY_MAX_BYTES)
			return;
	}
	step->text = rowjson_key_text(shadow->key_desc, values, nulls);
}

/* Gives the text of a row's key in the current context, or NULL when it has none. */
static char *
key_of_row(const GateCall *call, TupleTableSlot *slot)
{
	const GateShadow *shadow = call->shadow;
	KeyText		step = {shadow, slot, NULL};
	char	   *failure;

	if (shadow->key_error != NULL)
	{
		note_failure(call, 0, shadow->key_error);
		return NULL;
	}
	slot_getsomeattrs(slot, shadow->last_key);
	if (!shadow->key_guarded)
	{
		form_key(&step);
		return step.text;
	}
	failure = gate_try(form_key, &step);
	if (failure == NULL)
		return step.text;
	note_failure(call, 0, failure);
	return NULL;
}

/* Says who serves the row and whether it is recorded. */
static void
place_row(const GateCall *call, TupleTableSlot *slot, ShadowRow *place)
{
	const Serving *serving = call->serving;

	place->server = serving->champion;
	place->recorded = false;
	place->key = key_of_row(call, slot);
	if (place->key == NULL)
		return;
	place->keylen = strlen(place->key);
	if (serving->split)
		place->server = serving_version(serving, place->key, place->keylen);
	place->recorded = serving_sampled(call->gate->log_share, place->key, place->keylen);
}

/* Encodes a row, the block's n-th, for the version that serves it and, when it is recorded, for challengers. */
void
shadow_add(GateCall *call, int n, TupleTableSlot *slot, GateRow *row)
{
	GateShadow *shadow = call->shadow;
	const Serving *serving = shadow->serving;
	ShadowRow  *place = &shadow->rows[n];
	int		   *places = shadow->places + n * serving->nversions;

	place_row(call, slot, place);
	for (int v = 0; v < serving->nversions; v++)
	{
		bool		serves = v == place->server;
		GateRow		shadowed = {0};
		GateRow    *judged = serves ? row : &shadowed;

		places[v] = -1;
		if (!serves && !(place->recorded && serving->versions[v].challenger))
			continue;
		gate_version_add(&shadow->versions[v], slot, judged);
		if (judged->failure == NULL)
			places[v] = judged->place;
		else if (!serves)
			note_failure(call, serving->versions[v].ref.version, judged->failure);
	}
}

/* Scores the rows of the block, each version its own. */
void
shadow_run(GateShadow *shadow)
{
	for (int v = 0; v < shadow->serving->nversions; v++)
		if (shadow->versions[v].scorer != NULL)
			scorer_run(shadow->versions[v].scorer);
	shadow->now = GetCurrentTimestamp();
}

/* Records what versions said of the block's n-th row. */
void
shadow_record(GateCall *call, int n)
{
	GateShadow *shadow = call->shadow;
	const Serving *serving = shadow->serving;
	const ShadowRow *place = &shadow->rows[n];
	const int  *places = shadow->places + n * serving->nversions;
	int			npredictions = 0;

	if (!place->recorded)
		return;
	for (int v = 0; v < serving->nversions; v++)
	{
		GatePrediction *prediction = &shadow->predictions[npredictions];
		const ModelRef *ref = &serving->versions[v].ref;

		if (places[v] < 0)
			continue;
		prediction->prediction = scorer_value(shadow->versions[v].scorer, places[v]);
		prediction->model_id = ref->model_id;
		prediction->version = ref->version;
		prediction->served = v == place->server;
		if (!isnan(prediction->prediction))
			npredictions++;
		else if (!prediction->served)
			note_failure(call, ref->version, "the model's score is not a number");
	}
	log_row(call->batch, shadow->predictions, npredictions, place->key, place->keylen, shadow->now);
}
