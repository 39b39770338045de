/*-------------------------------------------------------------------------
 *
 * split.c
 *	  model_split(): versions that serve a share of the row keys.
 *
 * The keys fall into slots by their hash, and each version of a split owns slots
 * of its own, kept in its row.  A changed share takes slots from the champion or
 * gives them back, and touches no other version's: so a key changes its version
 * only when it must.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/args.h"
#include "core/sql.h"
#include "model/history.h"
#include "model/serving.h"
#include "model/split.h"

PG_FUNCTION_INFO_V1(aipipe_model_split);

/* Sums of shares are compared with so much tolerance: .1 + .2 + .7 is one. */
#define SHARE_EPSILON 1e-9

static SqlStatement find_splits = {
	"SELECT s.version_id, s.share, s.slots FROM aipipe.model_split_data s"
	" WHERE s.model_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static SqlStatement set_split = {
	"INSERT INTO aipipe.model_split_data (model_id, version_id, share, slots, changed_by) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (model_id, version_id) DO UPDATE SET share = EXCLUDED.share, slots = EXCLUDED.slots,"
	" changed_by = EXCLUDED.changed_by, changed_at = pg_catalog.clock_timestamp()",
	5, {INT8OID, INT8OID, FLOAT8OID, INT4ARRAYOID, TEXTOID}
};

static SqlStatement delete_split = {
	"DELETE FROM aipipe.model_split_data WHERE model_id OPERATOR(pg_catalog.=) $1"
	" AND version_id OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT8OID}
};

static SqlStatement split_of_version = {
	"SELECT s.share FROM aipipe.model_split_data s WHERE s.model_id OPERATOR(pg_catalog.=) $1"
	" AND s.version_id OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT8OID}
};

static SqlStatement classes_of_version = {
	"SELECT pg_catalog.cardinality(v.classes) AS nclasses FROM aipipe.model_version_data v"
	" WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Whose a slot is. */
typedef enum SlotOwner
{
	SLOT_CHAMPION,
	SLOT_OTHER,
	SLOT_OWN
} SlotOwner;

/* The split of a locked model, as seen from one version. */
typedef struct Split
{
	double		share;			/* of the version; 0 when it has none */
	double		others;			/* of all other versions */
	int			nown;
	int			nfree;			/* the champion's */
	uint8	   *slots;			/* SlotOwner of each */
} Split;

/* Gives slots of one run to their owner. */
static void
mark_runs(Split *split, Datum runs, SlotOwner owner)
{
	ArrayType  *array = DatumGetArrayTypeP(runs);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const int  *bounds = (const int *) ARR_DATA_PTR(array);

	for (int i = 0; i + 1 < n; i += 2)
		for (int slot = Max(bounds[i], 0); slot < Min(bounds[i + 1], SERVING_SLOTS); slot++)
			split->slots[slot] = owner;
}

/* Reads the split of a locked model with a new snapshot. */
static Split *
read_split(int64 model_id, int64 version_id)
{
	Split	   *split = palloc0(sizeof(Split));
	SqlResult  *result = sql_run(&find_splits, SQL_WRITE, Int64GetDatum(model_id));

	split->slots = palloc0(SERVING_SLOTS);
	for (uint64 i = 0; i < result->nrows; i++)
	{
		bool		own = sql_int64(result, i, "version_id", NULL) == version_id;
		double		share = sql_float8(result, i, "share", NULL);

		if (own)
			split->share = share;
		else
			split->others += share;
		mark_runs(split, sql_datum(result, i, "slots", NULL), own ? SLOT_OWN : SLOT_OTHER);
	}
	sql_free(result);
	for (int slot = 0; slot < SERVING_SLOTS; slot++)
	{
		split->nown += split->slots[slot] == SLOT_OWN;
		split->nfree += split->slots[slot] == SLOT_CHAMPION;
	}
	return split;
}

/* Gives how many slots make the share; all that are left when nothing is to be left for the champion. */
static int
slots_wanted(const Split *split, double share)
{
	int			most = split->nown + split->nfree;

	if (split->others + share >= 1 - SHARE_EPSILON)
		return most;
	return Min(most, Max(1, (int) rint(share * SERVING_SLOTS)));
}

/* Takes the champion's first slots, or gives it the version's last ones, until the version has as many as wanted. */
static void
resize(Split *split, int wanted)
{
	for (int slot = 0; slot < SERVING_SLOTS && split->nown < wanted; slot++)
		if (split->slots[slot] == SLOT_CHAMPION)
		{
			split->slots[slot] = SLOT_OWN;
			split->nown++;
		}
	for (int slot = SERVING_SLOTS - 1; slot >= 0 && split->nown > wanted; slot--)
		if (split->slots[slot] == SLOT_OWN)
		{
			split->slots[slot] = SLOT_CHAMPION;
			split->nown--;
		}
}

/* Gives the version's slots as runs: first and end of each. */
static ArrayType *
own_runs(const Split *split)
{
	int			n = 0;
	Datum	   *bounds;

	for (int slot = 0; slot <= SERVING_SLOTS; slot++)
		n += (slot < SERVING_SLOTS && split->slots[slot] == SLOT_OWN) !=
			(slot > 0 && split->slots[slot - 1] == SLOT_OWN);
	bounds = palloc(mul_size(sizeof(Datum), Max(n, 1)));
	n = 0;
	for (int slot = 0; slot <= SERVING_SLOTS; slot++)
		if ((slot < SERVING_SLOTS && split->slots[slot] == SLOT_OWN) !=
			(slot > 0 && split->slots[slot - 1] == SLOT_OWN))
			bounds[n++] = Int32GetDatum(slot);
	return construct_array(bounds, n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/* Gives a share argument; 0 when it is NULL. */
static double
share_argument(FunctionCallInfo fcinfo, int argno)
{
	double		share = PG_ARGISNULL(argno) ? 0 : PG_GETARG_FLOAT8(argno);

	if (isnan(share) || share < 0 || share > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a share must be between 0 and 1"),
				 errdetail("It is %g.", share)));
	return share;
}

/* Ends with an error when a gate could not be served by the version: rows whose keys are its would not be judged. */
static void
check_single_score(const ModelRef *ref, const char *model)
{
	SqlResult  *found = sql_run(&classes_of_version, SQL_WRITE, Int64GetDatum(ref->version_id));
	bool		none;
	int			nclasses = sql_int32(found, 0, "nclasses", &none);

	if (!none && nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d of model \"%s\" has %d classes and so no single score", ref->version, model, nclasses),
				 errdetail("Only gates split, and a gate needs one score for a row.")));
	sql_free(found);
}

/* Gives a version of a locked model its share, which the others must leave. */
static void
give_share(const ModelRef *ref, const char *model, Split *split, double share)
{
	if (split->others + share > 1 + SHARE_EPSILON)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the shares of model \"%s\" would add up to %g", model, split->others + share),
				 errdetail("Other versions serve %g of the keys.", split->others),
				 errhint("Give at most %g, or make another version's share smaller first.", Max(0, 1 - split->others))));
	resize(split, slots_wanted(split, share));
	sql_free(sql_run(&set_split, SQL_WRITE, Int64GetDatum(ref->model_id), Int64GetDatum(ref->version_id),
					 Float8GetDatum(share), PointerGetDatum(own_runs(split)),
					 CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))));
}

/* model_split(model, version, share, why): lets a version serve a share of the row keys; none ends that. */
Datum
aipipe_model_split(PG_FUNCTION_ARGS)
{
	char	   *model;
	int			version;
	double		share;
	char	   *why = arg_optional_text(fcinfo, 3);
	ModelRef	ref;
	Split	   *split;

	model = arg_text(fcinfo, 0, "model");
	version = arg_positive(fcinfo, 1, "version");
	share = share_argument(fcinfo, 2);
	ref = history_lock_model(model, version, "changing the split of a model");
	split = read_split(ref.model_id, ref.version_id);
	if (share == split->share)
	{
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" already has share %g", version, model, share)));
		PG_RETURN_VOID();
	}
	if (share > 0)
	{
		check_single_score(&ref, model);
		give_share(&ref, model, split, share);
	}
	else
		sql_free(sql_run(&delete_split, SQL_WRITE, Int64GetDatum(ref.model_id), Int64GetDatum(ref.version_id)));
	(void) history_record(ref.model_id, "split", "split", split->share > 0 ? version : 0, share > 0 ? version : 0, 0,
						  psprintf("share %g%s%s", share, why ? ": " : "", why ? why : ""), NULL);
	serving_note_change(ref.model_id);
	PG_RETURN_VOID();
}

/* Ends with an error when the version serves a share of the keys. */
void
split_check_unused(const char *model, const ModelRef *ref)
{
	SqlResult  *found = sql_run(&split_of_version, SQL_WRITE, Int64GetDatum(ref->model_id), Int64GetDatum(ref->version_id));

	if (found->nrows > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop version %d of model \"%s\"", ref->version, model),
				 errdetail("It serves a share of the keys: %g.", sql_float8(found, 0, "share", NULL)),
				 errhint("End that with aipipe.model_split(model, version, 0) first.")));
	sql_free(found);
}
