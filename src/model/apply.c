/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  model_apply(): fills a column of a table with predictions, in batches with commits between.
 *
 * A run is a row of aipipe.apply_data, which moves on in the transaction of each
 * batch: after a crash or cancel the table and the row agree, and the next CALL
 * goes on behind the last key.
 *
 * One session at a time fills a column.  It holds a session lock on it (as
 * VACUUM does on its table) that commits leave standing and that the server
 * takes away when the CALL ends with an error; whether a run is alive is
 * therefore asked of the lock, never of the table.
 *
 * Nothing is kept from one transaction to the next but the version: table,
 * key and rights are looked up again for each batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/syscache.h"

#include "core/args.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/sql.h"
#include "model/apply.h"

#define APPLY_MAX_BATCH 1000000

PG_FUNCTION_INFO_V1(aipipe_model_apply);

typedef struct ApplyOptions
{
	bool		only_null;
	bool		restart;
} ApplyOptions;

static const OptionSpec apply_options[] = {
	{"only_null", OPTION_BOOL, OPTION_FIELD(ApplyOptions, only_null), 0},
	{"restart", OPTION_BOOL, OPTION_FIELD(ApplyOptions, restart), 0},
};

/* One CALL. */
typedef struct ApplyRun
{
	MemoryContext context;		/* outlives the transactions */
	char	   *model;
	ModelRef	ref;			/* what it was when the CALL began */
	const ModelVersion *version;
	Oid			relid;
	char	   *column;
	AttrNumber	attno;			/* locked for this session, from the first batch on */
	int			batch_size;
	ApplyOptions options;
	int64		id;				/* in aipipe.apply_data */
	Jsonb	   *last;			/* key of the last row that is filled; NULL at the start */
	int64		rows;			/* filled by this CALL and those that it continues */
	Progress	progress;
} ApplyRun;

static SqlStatement find_run = {
	"SELECT a.id, a.last_key, a.rows FROM aipipe.apply_data a"
	" WHERE a.model_id OPERATOR(pg_catalog.=) $1 AND a.version OPERATOR(pg_catalog.=) $2"
	" AND a.schema_name OPERATOR(pg_catalog.=) $3 AND a.relation_name OPERATOR(pg_catalog.=) $4"
	" AND a.column_name OPERATOR(pg_catalog.=) $5 AND a.started_by::pg_catalog.oid OPERATOR(pg_catalog.=) $6"
	" AND a.state OPERATOR(pg_catalog.=) 'running' ORDER BY a.id DESC LIMIT 1",
	6, {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, OIDOID}
};

static SqlStatement replace_runs = {
	"UPDATE aipipe.apply_data SET state = 'replaced', changed_at = pg_catalog.clock_timestamp()"
	" WHERE schema_name OPERATOR(pg_catalog.=) $1 AND relation_name OPERATOR(pg_catalog.=) $2"
	" AND column_name OPERATOR(pg_catalog.=) $3 AND id OPERATOR(pg_catalog.<>) $4"
	" AND state OPERATOR(pg_catalog.=) 'running'",
	4, {TEXTOID, TEXTOID, TEXTOID, INT8OID}
};

static SqlStatement insert_run = {
	"INSERT INTO aipipe.apply_data (model_id, version, schema_name, relation_name, column_name, state, started_by, table_owner)"
	" VALUES ($1, $2, $3, $4, $5, 'running', $6::pg_catalog.regrole, $7::pg_catalog.regrole) RETURNING id",
	7, {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, OIDOID, OIDOID}
};

static SqlStatement advance_run = {
	"UPDATE aipipe.apply_data SET last_key = COALESCE($2, last_key), rows = $3, state = $4,"
	" changed_at = pg_catalog.clock_timestamp() WHERE id OPERATOR(pg_catalog.=) $1 RETURNING id",
	4, {INT8OID, JSONBOID, INT8OID, TEXTOID}
};

/* Ends with an error when this CALL could not commit. */
static void
check_nonatomic(FunctionCallInfo fcinfo)
{
	bool		atomic = !(fcinfo->context && IsA(fcinfo->context, CallContext)) ||
		castNode(CallContext, fcinfo->context)->atomic;

	if (atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("aipipe.model_apply() commits after each batch and so cannot run inside a transaction block"),
				 errhint("CALL it outside of BEGIN and COMMIT, of functions, and of blocks with EXCEPTION.")));
}

/* Gives the name of the lock on the column. */
static LOCKTAG
column_lock(const ApplyRun *run)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, run->relid, run->attno);
	return tag;
}

/* Takes the column for this session, or ends with an error when another fills it. */
static void
lock_column(ApplyRun *run, const ApplyTarget *target)
{
	LOCKTAG		tag;

	run->attno = target->attno;
	tag = column_lock(run);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("column \"%s\" of table \"%s\" is being filled by another session",
						target->column, target->relation),
				 errhint("The view aipipe.progress shows how far it is.")));
}

/* Says whether a stored key is one of the table as it is now. */
static bool
key_fits(const ApplyTarget *target, Jsonb *key)
{
	if (JB_ROOT_COUNT(key) != target->nkeys)
		return false;
	for (int i = 0; i < target->nkeys; i++)
	{
		const char *name = NameStr(TupleDescAttr(target->key_desc, i)->attname);
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&key->root, name, strlen(name), &value) == NULL)
			return false;
	}
	return true;
}

/* Takes up the run that an earlier CALL of the same left unfinished; false when there is none. */
static bool
continue_run(ApplyRun *run, const ApplyTarget *target, Oid role)
{
	SqlResult  *found = sql_run(&find_run, SQL_WRITE, Int64GetDatum(run->ref.model_id), Int32GetDatum(run->ref.version),
								CStringGetTextDatum(target->schema), CStringGetTextDatum(target->relation),
								CStringGetTextDatum(target->column), ObjectIdGetDatum(role));
	Datum		key;
	bool		isnull;

	if (found->nrows == 0)
		return false;
	key = sql_datum(found, 0, "last_key", &isnull);
	if (isnull || !key_fits(target, DatumGetJsonbP(key)) || !apply_is_filled(target, DatumGetJsonbP(key)))
	{
		ereport(NOTICE,
				(errmsg("beginning with the first row of table \"%s\"", target->relation),
				 errdetail("A run that was cut off cannot be continued: its last row is not there, or not filled, or the table has another key.")));
		return false;
	}
	run->id = sql_int64(found, 0, "id", NULL);
	run->rows = sql_int64(found, 0, "rows", NULL);
	MemoryContextSwitchTo(run->context);
	run->last = DatumGetJsonbPCopy(key);
	ereport(NOTICE,
			(errmsg("continuing behind the last committed batch: " INT64_FORMAT " rows of table \"%s\" are filled",
					run->rows, target->relation)));
	return true;
}

/* Finds or makes the row of the run; what others left unfinished on the column is no longer to be continued. */
static void
start_run(ApplyRun *run, const ApplyTarget *target)
{
	MemoryContext old = CurrentMemoryContext;
	Oid			role = GetUserId();

	if (run->options.restart || !continue_run(run, target, role))
	{
		SqlResult  *inserted = sql_run(&insert_run, SQL_WRITE, Int64GetDatum(run->ref.model_id),
									   Int32GetDatum(run->ref.version), CStringGetTextDatum(target->schema),
									   CStringGetTextDatum(target->relation), CStringGetTextDatum(target->column),
									   ObjectIdGetDatum(role), ObjectIdGetDatum(target->owner));

		run->id = sql_int64(inserted, 0, "id", NULL);
		sql_free(inserted);
	}
	sql_free(sql_run(&replace_runs, SQL_WRITE, CStringGetTextDatum(target->schema), CStringGetTextDatum(target->relation),
					 CStringGetTextDatum(target->column), Int64GetDatum(run->id)));
	MemoryContextSwitchTo(old);
}

/* Ends with an error when the version that the CALL began with is no longer the caller's to use. */
static void
check_version(const ApplyRun *run)
{
	ModelRef	now = registry_resolve(run->model, run->ref.version, MODEL_PREDICT, GetUserId());

	if (now.version_id != run->ref.version_id)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" was dropped and made anew while it was applied", run->model)));
}

/* Writes down how far the run is. */
static void
advance(ApplyRun *run, Jsonb *last, bool done)
{
	Datum		values[4];
	bool		nulls[4] = {0};
	SqlResult  *updated;

	values[0] = Int64GetDatum(run->id);
	values[1] = PointerGetDatum(last);
	nulls[1] = (last == NULL);
	values[2] = Int64GetDatum(run->rows);
	values[3] = CStringGetTextDatum(done ? "done" : "running");
	updated = sql_run_values(&advance_run, SQL_WRITE, values, nulls);
	if (updated->nrows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" was dropped while it was applied", run->model)));
	sql_free(updated);
	if (last != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);

		if (run->last != NULL)
			pfree(run->last);
		run->last = DatumGetJsonbPCopy(PointerGetDatum(last));
		MemoryContextSwitchTo(old);
	}
}

/*
 * Ends with an error when the caller may not update the column: nobody shall wait for
 * a lock, or hold one, on a table that is none of his business.
 */
static void
check_right(const ApplyRun *run)
{
	Oid			role = GetUserId();
	AttrNumber	attno;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(run->relid)))
		return;					/* apply_open() says so */
	if (pg_class_aclcheck(run->relid, role, ACL_UPDATE) == ACLCHECK_OK)
		return;
	attno = get_attnum(run->relid, run->column);
	if (attno != InvalidAttrNumber && pg_attribute_aclcheck(run->relid, attno, role, ACL_UPDATE) == ACLCHECK_OK)
		return;
	aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(run->relid)), get_rel_name(run->relid));
}

/* Does one batch in a transaction of its own and gives whether rows may be left. */
static bool
run_batch(ApplyRun *run, bool first)
{
	MemoryContext context = AllocSetContextCreate(run->context, "aipipe model apply", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ApplyTarget *target;
	Jsonb	   *last;
	int64		nread;
	int64		updated;

	check_right(run);
	/* locked first, so that the snapshot sees what was committed while the lock was waited for */
	LockRelationOid(run->relid, RowExclusiveLock);
	EnsurePortalSnapshotExists();
	if (!first)
		check_version(run);
	target = apply_open(run->relid, run->column, run->version, run->options.only_null);
	if (first)
	{
		lock_column(run, target);
		start_run(run, target);
		progress_phase(&run->progress, "filling rows", run->options.only_null ? 0 : (int64) target->estimate);
	}
	else if (target->attno != run->attno || !key_fits(target, run->last))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column or key of table \"%s\" was changed while it was filled", target->relation)));
	nread = apply_batch(target, run->version, run->last, run->batch_size, &updated, &last);
	run->rows += updated;
	advance(run, last, nread < run->batch_size);
	MemoryContextSwitchTo(old);
	SPI_commit();
	progress_update(&run->progress, run->rows);
	if (nread < run->batch_size)
	{
		LOCKTAG		tag = column_lock(run);

		LockRelease(&tag, ExclusiveLock, true);
		ereport(NOTICE,
				(errmsg("filled column \"%s\" in " INT64_FORMAT " rows of table \"%s\" with version %d of model \"%s\"",
						run->column, run->rows, target->relation, run->ref.version, run->model)));
	}
	MemoryContextDelete(context);
	return nread == run->batch_size;
}

/* Reads the arguments into a run that lives as long as the portal. */
static ApplyRun *
read_arguments(FunctionCallInfo fcinfo)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "aipipe model apply run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ApplyRun   *run = palloc0(sizeof(ApplyRun));

	run->context = context;
	run->model = arg_text(fcinfo, 0, "model");
	arg_require(fcinfo, 1, "relation");
	run->relid = PG_GETARG_OID(1);
	arg_require(fcinfo, 2, "column");
	run->column = pstrdup(NameStr(*PG_GETARG_NAME(2)));
	run->batch_size = arg_positive(fcinfo, 4, "batch_size");
	if (run->batch_size > APPLY_MAX_BATCH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"batch_size\" must be at most %d, not %d", APPLY_MAX_BATCH, run->batch_size)));
	options_parse(PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), "model_apply",
				  apply_options, lengthof(apply_options), &run->options);
	MemoryContextSwitchTo(old);
	return run;
}

/* CALL model_apply(model, relation, column, version, batch_size, params): fills a column with predictions, batch by batch. */
Datum
aipipe_model_apply(PG_FUNCTION_ARGS)
{
	ApplyRun   *run;
	bool		first = true;

	check_nonatomic(fcinfo);
	PreventCommandIfReadOnly("CALL aipipe.model_apply()");
	run = read_arguments(fcinfo);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");
	run->ref = registry_resolve(run->model, registry_version_arg(fcinfo, 3), MODEL_PREDICT, GetUserId());
	run->version = cache_acquire(&run->ref, run->context);
	progress_begin(&run->progress, MemoryContextStrdup(run->context, psprintf("applying model \"%s\"", run->model)));
	while (run_batch(run, first))
		first = false;
	progress_end(&run->progress);
	SPI_finish();
	MemoryContextDelete(run->context);
	PG_RETURN_VOID();
}
