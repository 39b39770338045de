/*-------------------------------------------------------------------------
 *
 * register.c
 *	  Adding a version to the registry.
 *
 * Versions are never changed after they were added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/sql.h"
#include "model/alias.h"
#include "model/cache.h"
#include "model/registry.h"
#include "model/rights.h"
#include "model/search.h"

/* Gives the SHA-256 of all that decides what a version says. */
bytea *
registry_sha256(const char *encoder, Size encoder_len, const char *artifact, Size artifact_len,
				const char *calibration, double threshold)
{
	bytea	   *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	StringInfoData rest;

	initStringInfo(&rest);
	if (calibration != NULL)
		appendStringInfoString(&rest, calibration);
	if (threshold != 0)
	{
		char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(threshold, number);
		appendStringInfo(&rest, "threshold=%s", number);
	}

	if (pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) encoder, encoder_len) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) artifact, artifact_len) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) rest.data, rest.len) < 0 ||
		pg_cryptohash_final(ctx, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256: %s", pg_cryptohash_error(ctx))));
	pg_cryptohash_free(ctx);
	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	return digest;
}

static SqlStatement insert_model = {
	"INSERT INTO aipipe.model_data (name, task, owner) VALUES ($1, $2, $3::pg_catalog.regrole)"
	" ON CONFLICT (name) DO NOTHING",
	3, {TEXTOID, TEXTOID, OIDOID}
};

static SqlStatement next_version = {
	"UPDATE aipipe.model_data SET last_version = last_version OPERATOR(pg_catalog.+) 1"
	" WHERE name OPERATOR(pg_catalog.=) $1"
	" RETURNING id, last_version, owner, task",
	1, {TEXTOID}
};

static SqlStatement insert_version = {
	"INSERT INTO aipipe.model_version_data (model_id, version, algorithm, encoder, artifact, compiled,"
	" sha256, features, params, metrics, classes, source, source_resolved, target, row_count, seed,"
	" cpu_seconds, peak_bytes, library, created_by, calibration, threshold)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8::pg_catalog.jsonb, $9::pg_catalog.jsonb, $10::pg_catalog.jsonb,"
	" $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) RETURNING id",
	22, {INT8OID, INT4OID, TEXTOID, BYTEAOID, BYTEAOID, BYTEAOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID,
		 TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, FLOAT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID}
};

/* Gives the bytes, behind a number of zeros, as a bytea, refusing what one value cannot hold. */
static bytea *
make_bytea(const char *bytes, Size len, int pad, const char *what)
{
	bytea	   *result;

	if (len > MaxAllocSize - VARHDRSZ - pad)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s of the model is too large: %zu bytes", what, len),
				 errhint("Use fewer or shallower trees.")));
	result = palloc(VARHDRSZ + pad + len);
	SET_VARSIZE(result, VARHDRSZ + pad + len);
	memset(VARDATA(result), 0, pad);
	memcpy(VARDATA(result) + pad, bytes, len);
	return result;
}

/* Gives a text Datum and clears *isnull, or sets it when the string is NULL. */
static Datum
text_or_null(const char *string, bool *isnull)
{
	*isnull = (string == NULL);
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

/* Gives the classes as a text array and clears *isnull, or sets it when there are none. */
static Datum
classes_or_null(const NewVersion *new, bool *isnull)
{
	Datum	   *classes = palloc(sizeof(Datum) * Max(new->nclasses, 1));

	*isnull = (new->nclasses == 0);
	if (*isnull)
		return (Datum) 0;
	for (int i = 0; i < new->nclasses; i++)
		classes[i] = CStringGetTextDatum(new->classes[i]);
	return PointerGetDatum(construct_array(classes, new->nclasses, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Takes the model's next version number, creating the model when it is new; the row stays locked. */
static int
take_version(const NewVersion *new, int64 *model_id)
{
	SqlResult  *result;
	int			version;
	ModelTask	existing;

	sql_free(sql_run(&insert_model, SQL_WRITE, CStringGetTextDatum(new->model),
					 CStringGetTextDatum(algorithm_task_name(new->task)),
					 ObjectIdGetDatum(GetUserId())));
	result = sql_run(&next_version, SQL_WRITE, CStringGetTextDatum(new->model));
	if (result->nrows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" was changed by a concurrent transaction", new->model),
				 errhint("Retry the transaction.")));
	*model_id = sql_int64(result, 0, "id", NULL);
	if (new->continues != 0 && *model_id != new->continues)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" was dropped meanwhile", new->model),
				 errdetail("There is no version any more that a new one could continue.")));
	version = sql_int32(result, 0, "last_version", NULL);
	/* another transaction may have created it since registry_check_trainable() */
	rights_check_model(new->model, *model_id, sql_oid(result, 0, "owner", NULL),
					   MODEL_MANAGE, GetUserId());
	existing = algorithm_task(sql_text(result, 0, "task"));
	if (existing != new->task)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has task %s, not %s", new->model,
						algorithm_task_name(existing), algorithm_task_name(new->task))));
	sql_free(result);
	return version;
}

/* Room that a dumped row needs beside its big columns: sources, parameters, features, metrics. */
#define VERSION_ROW_SLACK (64 * 1024 * 1024)

/* Ends with an error when the version could be stored but not dumped: COPY writes a row as hex into one buffer. */
static void
check_dumpable(const NewVersion *new, const StringInfoData *encoder, const StringInfoData *compiled)
{
	Size		bytes = add_size(add_size(encoder->len, new->artifact_len), compiled->len);

	if (bytes > (MaxAllocSize - VERSION_ROW_SLACK) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the version of model \"%s\" is too large: %zu bytes", new->model, bytes),
				 errdetail("A version may have %zu bytes, so that it can be dumped.",
						   (Size) (MaxAllocSize - VERSION_ROW_SLACK) / 2),
				 errhint("Use fewer or shallower trees.")));
}

/* Reads back what is to be stored, so that a version that is added can serve. */
static void
check_servable(const NewVersion *new, const StringInfoData *encoder, const StringInfoData *compiled)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (!cache_parts_fit(new->task, encoder_read(encoder->data, encoder->len),
						 algorithm_find(new->algorithm)->open(compiled->data, compiled->len), new->nclasses,
						 new->calibration ? calibration_read(new->calibration) : NULL,
						 new->threshold != 0 ? new->threshold : NAN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the version of model \"%s\" could not serve task %s", new->model, algorithm_task_name(new->task)),
				 errdetail("Its features, classes, outputs, calibration and threshold do not belong together.")));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Gives the compiled form: the one that training made, or that of an imported artifact. */
static StringInfoData
compiled_form(const NewVersion *new)
{
	StringInfoData compiled = {0};

	if (new->compiled != NULL)
	{
		compiled.data = unconstify(char *, new->compiled);
		compiled.len = (int) new->compiled_len;
		return compiled;
	}
	initStringInfo(&compiled);
	algorithm_find(new->algorithm)->compile(new->artifact, new->artifact_len, &compiled);
	return compiled;
}

/* Stores the next version of a model and gives its number; a first version becomes champion. */
int
registry_add_version(const NewVersion *new)
{
	StringInfoData encoder;
	StringInfoData features;
	StringInfoData compiled;
	Datum		values[22];
	bool		nulls[22] = {0};
	SqlResult  *result;
	int64		model_id;
	int64		version_id;
	int			version;

	PreventCommandIfReadOnly("adding a model version");
	registry_check_name(new->model);
	initStringInfo(&encoder);
	encoder_write(new->encoder, &encoder);
	initStringInfo(&features);
	encoder_describe(new->encoder, &features);
	compiled = compiled_form(new);
	check_dumpable(new, &encoder, &compiled);
	check_servable(new, &encoder, &compiled);

	version = take_version(new, &model_id);
	values[0] = Int64GetDatum(model_id);
	values[1] = Int32GetDatum(version);
	values[2] = CStringGetTextDatum(new->algorithm);
	values[3] = PointerGetDatum(make_bytea(encoder.data, encoder.len, 0, "encoder"));
	values[4] = PointerGetDatum(make_bytea(new->artifact, new->artifact_len, 0, "artifact"));
	values[5] = PointerGetDatum(make_bytea(compiled.data, compiled.len, COMPILED_PAD, "compiled form"));
	values[6] = PointerGetDatum(registry_sha256(encoder.data, encoder.len, new->artifact, new->artifact_len,
													   new->calibration, new->threshold));
	values[7] = CStringGetTextDatum(features.data);
	values[8] = CStringGetTextDatum(new->params ? new->params : "{}");
	values[9] = text_or_null(new->metrics, &nulls[9]);
	values[10] = classes_or_null(new, &nulls[10]);
	values[11] = text_or_null(new->source, &nulls[11]);
	values[12] = text_or_null(new->source_resolved, &nulls[12]);
	values[13] = text_or_null(new->target, &nulls[13]);
	values[14] = Int64GetDatum(new->nrows);
	nulls[14] = (new->source == NULL);
	values[15] = Int64GetDatum((int64) new->seed);
	nulls[15] = (new->source == NULL);
	values[16] = Float8GetDatum(new->cpu_seconds);
	values[17] = Int64GetDatum((int64) new->peak_bytes);
	values[18] = text_or_null(new->library, &nulls[18]);
	values[19] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[20] = text_or_null(new->calibration, &nulls[20]);
	values[21] = Float8GetDatum(new->threshold);
	nulls[21] = (new->threshold == 0);
	result = sql_run_values(&insert_version, SQL_WRITE, values, nulls);
	version_id = sql_int64(result, 0, "id", NULL);
	sql_free(result);

	if (new->search != NULL)
		search_record(new->search, model_id, version);
	alias_first_champion(model_id, version_id, version);
	return version;
}
