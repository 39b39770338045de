/*-------------------------------------------------------------------------
 *
 * serving.c
 *	  Which versions of a model serve rows, and which are scored beside them.
 *
 * What a key is given depends on its hash alone: the slot of a split on that of
 * model and key, so that two models' splits cut the keys differently, and a
 * sample on the key's, so that all samples of one share hold the same keys.
 * The two hashes have seeds of their own: a sample is fair to every version.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/sql.h"
#include "model/serving.h"

#define SPLIT_SEED UINT64CONST(0x61697069706573)
#define SAMPLE_SEED UINT64CONST(0x61697069706c67)

/* A row for each role that a version has. */
static SqlStatement find_serving = {
	"SELECT v.id AS version_id, v.version, r.alias, r.slots"
	" FROM (SELECT a.version_id, a.alias, NULL::pg_catalog.int4[] AS slots FROM aipipe.model_alias_data a"
	"       WHERE a.model_id OPERATOR(pg_catalog.=) $1"
	"       AND (a.alias OPERATOR(pg_catalog.=) 'champion' OR pg_catalog.starts_with(a.alias, 'challenger'))"
	"       UNION ALL"
	"       SELECT s.version_id, NULL, s.slots FROM aipipe.model_split_data s"
	"       WHERE s.model_id OPERATOR(pg_catalog.=) $1) r"
	" JOIN aipipe.model_version_data v ON v.id OPERATOR(pg_catalog.=) r.version_id"
	" ORDER BY v.id",
	1, {INT8OID}
};

static SqlStatement note_shadowed = {
	"UPDATE aipipe.model_data SET shadowed ="
	" (EXISTS (SELECT FROM aipipe.model_split_data s WHERE s.model_id OPERATOR(pg_catalog.=) $1)"
	"  OR EXISTS (SELECT FROM aipipe.model_alias_data a WHERE a.model_id OPERATOR(pg_catalog.=) $1"
	"             AND pg_catalog.starts_with(a.alias, 'challenger')))"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Takes the runs of slots that a version owns. */
static void
take_runs(ServingVersion *version, Datum slots)
{
	ArrayType  *array = DatumGetArrayTypeP(slots);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	version->nruns = n / 2;
	version->runs = palloc(mul_size(sizeof(int), Max(n, 1)));
	memcpy(version->runs, ARR_DATA_PTR(array), mul_size(sizeof(int), n));
}

/* Gives the entry of a row's version: that of the row before when it is the same one. */
static ServingVersion *
version_of_row(Serving *serving, const SqlResult *result, uint64 row, const ModelRef *champion)
{
	int64		version_id = sql_int64(result, row, "version_id", NULL);
	ServingVersion *version = &serving->versions[serving->nversions];

	if (serving->nversions > 0 && version[-1].ref.version_id == version_id)
		return version - 1;
	version->ref = *champion;
	version->ref.version_id = version_id;
	version->ref.version = sql_int32(result, row, "version", NULL);
	serving->nversions++;
	return version;
}

/* Notes what one row says of its version. */
static void
take_role(Serving *serving, const SqlResult *result, uint64 row, const ModelRef *champion)
{
	ServingVersion *version = version_of_row(serving, result, row, champion);
	char	   *alias = sql_text(result, row, "alias");

	if (alias == NULL)
		take_runs(version, sql_datum(result, row, "slots", NULL));
	else if (strcmp(alias, "champion") == 0)
		serving->champion = version - serving->versions;
	else
		version->challenger = true;
}

/* Says which kinds of versions there are; the champion serves and is neither of them. */
static void
sum_up(Serving *serving)
{
	ServingVersion *champion = &serving->versions[serving->champion];

	champion->challenger = false;
	champion->nruns = 0;
	for (int i = 0; i < serving->nversions; i++)
	{
		serving->challenged |= serving->versions[i].challenger;
		serving->split |= serving->versions[i].nruns > 0;
	}
}

/* Finds the versions of a model that has more than its champion, with the active snapshot. */
static void
find_versions(Serving *serving, const ModelRef *champion)
{
	SqlResult  *result = sql_run(&find_serving, SQL_READ, Int64GetDatum(champion->model_id));

	serving->versions = palloc0(mul_size(sizeof(ServingVersion), result->nrows));
	for (uint64 i = 0; i < result->nrows; i++)
		take_role(serving, result, i, champion);
	sql_free(result);
	sum_up(serving);
}

/* Resolves champion, challengers and split with the active snapshot and checks the role's right. */
Serving *
serving_resolve(const char *model, ModelPrivilege needed, Oid role)
{
	Serving    *serving = palloc0(sizeof(Serving));
	ModelRef	champion = registry_resolve(model, MODEL_CHAMPION, needed, role);

	if (champion.shadowed)
	{
		find_versions(serving, &champion);
		return serving;
	}
	serving->nversions = 1;
	serving->versions = palloc0(sizeof(ServingVersion));
	serving->versions[0].ref = champion;
	return serving;
}

/* Notes whether a locked model has challengers or a split, after what its versions are for has changed. */
void
serving_note_change(int64 model_id)
{
	sql_free(sql_run(&note_shadowed, SQL_WRITE, Int64GetDatum(model_id)));
}

/* Gives the place of the version that serves rows of this key: the champion's for slots that no other owns. */
int
serving_version(const Serving *serving, const char *key, int len)
{
	uint64		seed = SPLIT_SEED + serving->versions[serving->champion].ref.model_id;
	uint64		hash = hash_bytes_extended((const unsigned char *) key, len, seed);
	int			slot = (int) (((hash >> 32) * SERVING_SLOTS) >> 32);

	for (int v = 0; v < serving->nversions; v++)
	{
		const ServingVersion *version = &serving->versions[v];

		for (int r = 0; r < version->nruns && slot >= version->runs[2 * r]; r++)
			if (slot < version->runs[2 * r + 1])
				return v;
	}
	return serving->champion;
}

/* Says whether a sample of the given share of all keys holds this key; a greater share holds all keys of a smaller one. */
bool
serving_sampled(double share, const char *key, int len)
{
	uint64		hash;

	if (share >= 1)
		return true;
	hash = hash_bytes_extended((const unsigned char *) key, len, SAMPLE_SEED);
	return (double) (hash >> 11) * 0x1p-53 < share;
}
