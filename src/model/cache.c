/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  Per-backend cache of model versions that are ready to score.
 *
 * An entry is one version in a memory context of its own.  Its key is the
 * version's id, which comes from a sequence and is not used again, not even
 * after a rollback; its contents never change.  So an entry cannot be wrong as
 * long as the tables stand; invalidation, sent with the transaction that drops
 * versions or the extension, takes every entry off the list.
 *
 * A caller keeps an entry through a reset callback of the memory context it
 * names; an entry in use is never freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/guc.h"
#include "core/sql.h"
#include "model/cache.h"
#include "model/rights.h"

PG_FUNCTION_INFO_V1(aipipe_model_cache);

/* Lives in its own context, with all of the version. */
typedef struct CacheEntry
{
	dlist_node	node;			/* in the list, most recently used first; not when doomed */
	MemoryContext context;
	int			pins;
	bool		doomed;			/* off the list: not found again, freed with the last pin */
	ModelVersion version;
} CacheEntry;

typedef struct Pin
{
	MemoryContextCallback callback;
	CacheEntry *entry;
} Pin;

/* The entries that can be found: so few that they are searched one by one, once a statement. */
static dlist_head cache_lru = DLIST_STATIC_INIT(cache_lru);
static Oid	cache_relid = InvalidOid;	/* aipipe.model_version_data, for invalidation */

static SqlStatement find_contents = {
	"SELECT m.name, m.task, v.version, v.algorithm, v.encoder, v.compiled, v.classes,"
	" v.calibration, v.threshold"
	" FROM aipipe.model_version_data v"
	" JOIN aipipe.model_data m ON m.id OPERATOR(pg_catalog.=) v.model_id"
	" WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Takes an entry off the list, and frees it unless somebody uses it. */
static void
drop_entry(CacheEntry *entry)
{
	dlist_delete(&entry->node);
	entry->doomed = true;
	if (entry->pins == 0)
		MemoryContextDelete(entry->context);
}

/* Gives up one pin: called when the holder's memory context goes. */
static void
release_pin(void *arg)
{
	CacheEntry *entry = ((Pin *) arg)->entry;

	entry->pins--;
	if (entry->pins == 0 && entry->doomed)
		MemoryContextDelete(entry->context);
}

/* Keeps the entry until the holder's memory context is reset or deleted. */
static void
pin_entry(CacheEntry *entry, MemoryContext holder)
{
	Pin		   *pin = MemoryContextAlloc(holder, sizeof(Pin));

	pin->entry = entry;
	pin->callback.func = release_pin;
	pin->callback.arg = pin;
	entry->pins++;
	MemoryContextRegisterResetCallback(holder, &pin->callback);
}

/* Gives the bytes of all entries. */
static Size
cache_bytes(void)
{
	Size		total = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &cache_lru)
		total += dlist_container(CacheEntry, node, iter.cur)->version.bytes;
	return total;
}

/* Frees the least recently used entries until the cache fits its limit; those in use stay. */
static void
shrink_cache(void)
{
	Size		limit = (Size) core_model_cache_size * 1024;
	Size		total = cache_bytes();
	dlist_node *node;

	if (total <= limit || dlist_is_empty(&cache_lru))
		return;
	for (node = dlist_tail_node(&cache_lru); node != NULL && total > limit;)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, node);

		node = dlist_has_prev(&cache_lru, node) ? dlist_prev_node(&cache_lru, node) : NULL;
		if (entry->pins > 0)
			continue;
		total -= entry->version.bytes;
		drop_entry(entry);
	}
}

/* Empties the cache, because versions were dropped; what is in use stays until it is not. */
static void
invalidate_cache(Datum arg, Oid relid)
{
	dlist_mutable_iter iter;

	if (relid != InvalidOid && relid != cache_relid)
		return;
	dlist_foreach_modify(iter, &cache_lru)
		drop_entry(dlist_container(CacheEntry, node, iter.cur));
}

/* Registers the invalidation callback. */
void
cache_init(void)
{
	CacheRegisterRelcacheCallback(invalidate_cache, (Datum) 0);
}

/* Has every backend free its unused entries when this transaction commits. */
void
cache_invalidate_all_at_commit(void)
{
	CacheInvalidateRelcacheByRelid(get_relname_relid("model_version_data",
													 get_namespace_oid("aipipe", false)));
}

/*
 * Gives the bytes of a bytea behind a pad, MAXALIGNed, in the current context.
 * What was fetched from outside the row is our own copy already and lies right.
 */
static char *
take_bytes(SqlResult *result, const char *column, int pad, Size *len)
{
	Datum		datum = sql_datum(result, 0, column, NULL);
	struct varlena *plain = PG_DETOAST_DATUM_PACKED(datum);
	char	   *bytes = VARDATA_ANY(plain) + pad;
	char	   *copy;
	bool		sound = VARSIZE_ANY_EXHDR(plain) >= pad;

	for (int i = 0; i < pad && sound; i++)
		sound = (VARDATA_ANY(plain)[i] == 0);
	if (!sound)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a model version is corrupted"),
				 errdetail("Its column \"%s\" does not begin as it was written.", column)));
	*len = VARSIZE_ANY_EXHDR(plain) - pad;
	if ((Pointer) plain != DatumGetPointer(datum) && bytes == (char *) MAXALIGN(bytes))
		return bytes;
	copy = palloc(Max(*len, 1));
	memcpy(copy, bytes, *len);
	return copy;
}

/* Copies the class labels of a version. */
static void
copy_classes(ModelVersion *version, SqlResult *result)
{
	bool		isnull;
	Datum		array = sql_datum(result, 0, "classes", &isnull);
	Datum	   *classes;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &classes, NULL, &version->nclasses);
	version->classes = palloc(sizeof(char *) * Max(version->nclasses, 1));
	for (int i = 0; i < version->nclasses; i++)
		version->classes[i] = TextDatumGetCString(classes[i]);
	version->positive = version->nclasses - 1;
}

/* Whether encoder, learned part, number of classes, calibration (or NULL) and threshold (or NaN) make a version of the task. */
bool
cache_parts_fit(ModelTask task, const Encoder *encoder, const LoadedModel *loaded, int nclasses,
				const Calibration *calibration, double threshold)
{
	if ((encoder->ncolumns > 0) != algorithm_scores_rows(task))
		return false;
	if (encoder->nfeatures != loaded->nfeatures || !loaded->algorithm->serves(task))
		return false;
	if (calibration != NULL && (task != TASK_CLASSIFICATION || calibration_nclasses(calibration) != nclasses))
		return false;
	if (!isnan(threshold) && ((nclasses != 2 && task != TASK_ANOMALY) || !(threshold > 0 && threshold <= 1)))
		return false;
	if (task == TASK_CLASSIFICATION)
		return nclasses >= 2 && loaded->nvalues == nclasses;
	return loaded->nvalues == 1;
}

/* Reads what a version does with its probabilities. */
static void
read_calibration(ModelVersion *version, SqlResult *result)
{
	char	   *calibration = sql_text(result, 0, "calibration");
	bool		none;
	double		threshold = sql_float8(result, 0, "threshold", &none);

	/* NaN in the table is none of ours: let it be refused */
	version->threshold = none ? NAN : isnan(threshold) ? -1 : threshold;
	if (calibration == NULL)
		return;
	version->calibration = calibration_read(calibration);
	pfree(calibration);
}

/* Loads a version into the given context. */
static ModelVersion
load_version(const ModelRef *ref, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	SqlResult  *result = sql_run(&find_contents, SQL_READ, Int64GetDatum(ref->version_id));
	ModelVersion version = {0};
	char	   *encoder;
	char	   *compiled;
	Size		len;

	if (result->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model version " INT64_FORMAT " does not exist", ref->version_id)));
	version.version_id = ref->version_id;
	version.model_id = ref->model_id;
	version.version = ref->version;
	version.model = sql_text(result, 0, "name");
	version.task = algorithm_task(sql_text(result, 0, "task"));
	copy_classes(&version, result);
	read_calibration(&version, result);
	MemoryContextSwitchTo(result->context);
	encoder = take_bytes(result, "encoder", 0, &len);
	MemoryContextSwitchTo(context);
	version.encoder = encoder_read(encoder, len);
	compiled = take_bytes(result, "compiled", COMPILED_PAD, &len);
	version.loaded = algorithm_find(sql_text(result, 0, "algorithm"))->open(compiled, len);
	sql_free(result);
	if (!cache_parts_fit(version.task, version.encoder, version.loaded, version.nclasses,
						 version.calibration, version.threshold))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %d of model \"%s\" is corrupted", version.version, version.model),
				 errdetail("Its encoder, classes, compiled form, calibration and threshold do not belong together.")));
	version.bytes = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(old);
	return version;
}

/* Gives the entry of a version, or NULL. */
static CacheEntry *
find_entry(int64 version_id)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cache_lru)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (entry->version.version_id == version_id)
			return entry;
	}
	return NULL;
}

/* Loads a version as an entry. */
static CacheEntry *
load_entry(const ModelRef *ref)
{
	/* built under the caller's context first, so that an ERROR while loading frees it */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model version",
												  ALLOCSET_DEFAULT_SIZES);
	CacheEntry *entry = MemoryContextAllocZero(context, sizeof(CacheEntry));

	entry->context = context;
	entry->version = load_version(ref, context);
	cache_relid = get_relname_relid("model_version_data", get_namespace_oid("aipipe", false));
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&cache_lru, &entry->node);
	return entry;
}

/* Gives the version, loading it when needed, and keeps it until holder is reset or deleted. */
const ModelVersion *
cache_acquire(const ModelRef *ref, MemoryContext holder)
{
	CacheEntry *entry = find_entry(ref->version_id);

	if (entry != NULL)
	{
		dlist_move_head(&cache_lru, &entry->node);
		pin_entry(entry, holder);
		return &entry->version;
	}
	entry = load_entry(ref);
	pin_entry(entry, holder);
	shrink_cache();
	return &entry->version;
}

static SqlStatement find_owner = {
	"SELECT m.owner FROM aipipe.model_data m WHERE m.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Whether the current user may know of the model: a gate has loaded it for who only inserts, too. */
static bool
may_list(int64 model_id)
{
	SqlResult  *found = sql_run(&find_owner, SQL_READ, Int64GetDatum(model_id));
	bool		allowed = found->nrows > 0 &&
		rights_on_model(model_id, sql_oid(found, 0, "owner", NULL), MODEL_PREDICT, GetUserId());

	sql_free(found);
	return allowed;
}

/* One line of model_cache(). */
typedef struct CacheLine
{
	int64		model_id;
	Datum		values[4];
} CacheLine;

/* Gives a copy of what is kept: asking for rights may evict entries. */
static List *
cache_lines(void)
{
	List	   *lines = NIL;
	dlist_iter	iter;

	dlist_foreach(iter, &cache_lru)
	{
		const CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);
		CacheLine  *line = palloc(sizeof(CacheLine));

		line->model_id = entry->version.model_id;
		line->values[0] = CStringGetTextDatum(entry->version.model);
		line->values[1] = Int32GetDatum(entry->version.version);
		line->values[2] = Int64GetDatum((int64) entry->version.bytes);
		line->values[3] = Int32GetDatum(entry->pins);
		lines = lappend(lines, line);
	}
	return lines;
}

/* model_cache(): lists what this backend keeps ready of the models that the caller may use. */
Datum
aipipe_model_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		nulls[4] = {0};
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, cache_lines())
	{
		CacheLine  *line = lfirst(cell);

		if (may_list(line->model_id))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, line->values, nulls);
	}
	return (Datum) 0;
}
