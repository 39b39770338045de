/*-------------------------------------------------------------------------
 *
 * exchange.c
 *	  Models from and to the outside: model_import(), model_export().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/args.h"
#include "core/sql.h"
#include "learn/forest.h"
#include "model/registry.h"

PG_FUNCTION_INFO_V1(aipipe_model_import);
PG_FUNCTION_INFO_V1(aipipe_model_export);

/* Ends with an error when the names cannot be columns of one row. */
static void
check_columns(List *columns)
{
	ListCell   *cell;

	if (list_length(columns) > MaxTupleAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an imported model can have at most %d features, not %d",
						MaxTupleAttributeNumber, list_length(columns)),
				 errdetail("Each of them is a column of the row that is scored.")));
	foreach(cell, columns)
	{
		const char *name = lfirst(cell);

		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("\"%.*s\" cannot be the name of a column",
							pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1), name),
					 errdetail("A column name has 1 to %d bytes.", NAMEDATALEN - 1)));
	}
}

/* Gives an encoder of plain numeric columns in the given order. */
static Encoder *
numeric_encoder(List *columns)
{
	Encoder    *encoder = palloc0(sizeof(Encoder));
	int			n = 0;
	ListCell   *cell;

	encoder->ncolumns = encoder->nfeatures = list_length(columns);
	encoder->columns = palloc0(mul_size(sizeof(EncoderColumn), encoder->ncolumns));
	encoder->features = palloc0(mul_size(sizeof(EncoderFeature), encoder->nfeatures));
	foreach(cell, columns)
	{
		EncoderColumn *column = &encoder->columns[n];

		column->name = lfirst(cell);
		column->type = FLOAT8OID;
		column->type_name = "double precision";
		column->kind = ENCODER_NUMBER;
		column->first_feature = n;
		column->nfeatures = 1;
		encoder->features[n].name = column->name;
		encoder->features[n].column = n;
		n++;
	}
	return encoder;
}

/* Ends with an error when model, task, features and classes do not belong together. */
static void
check_import(const Forest *forest, ModelTask task, int nfeatures, int nclasses)
{
	bool		classifies = forest->objective == FOREST_LOGISTIC || forest->objective == FOREST_SOFTPROB;
	bool		ranks = strncmp(forest->objective_name, "rank:", 5) == 0;
	int			expected = forest->ngroups > 1 ? forest->ngroups : 2;

	if (forest->objective == FOREST_LOGITRAW)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an artifact with objective %s gives margins, neither probabilities nor values", forest->objective_name),
				 errhint("Save the model with objective binary:logistic: it is the same forest.")));
	if (classifies != (task == TASK_CLASSIFICATION) || ranks != (task == TASK_RANKING))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an artifact with objective %s cannot serve task %s", forest->objective_name,
						algorithm_task_name(task))));
	if (forest->nfeatures != nfeatures)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the artifact has %d features but %d are named", forest->nfeatures, nfeatures)));
	if (task == TASK_CLASSIFICATION ? nclasses != expected : nclasses != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the artifact has %d classes but %d are named",
						task == TASK_CLASSIFICATION ? expected : 0, nclasses),
				 errhint("Argument classes names them in the model's order; leave it out unless the task is classification.")));
}

/* Gives the class labels argument, "0", "1" … when it is NULL. */
static char **
class_labels(FunctionCallInfo fcinfo, int argno, const Forest *forest, ModelTask task, int *nclasses)
{
	List	   *given = arg_text_list(fcinfo, argno, "classes");
	char	  **classes;
	ListCell   *cell;
	int			n = 0;

	*nclasses = list_length(given);
	if (given == NIL && task == TASK_CLASSIFICATION)
		*nclasses = forest->ngroups > 1 ? forest->ngroups : 2;
	classes = palloc(sizeof(char *) * Max(*nclasses, 1));
	foreach(cell, given)
		classes[n++] = lfirst(cell);
	for (; n < *nclasses; n++)
		classes[n] = psprintf("%d", n);
	return classes;
}

/* model_import(model, artifact, features, task, classes): registers an XGBoost model as a new version. */
Datum
aipipe_model_import(PG_FUNCTION_ARGS)
{
	NewVersion	version = {0};
	StringInfoData canonical;
	bytea	   *artifact;
	Forest	   *forest;
	List	   *features;

	version.model = arg_text(fcinfo, 0, "model");
	arg_require(fcinfo, 1, "artifact");
	arg_require(fcinfo, 2, "features");
	version.task = algorithm_task(arg_text(fcinfo, 3, "task"));
	algorithm_check_scores_rows(version.task, NULL);
	if (version.task == TASK_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a detector cannot be imported"),
				 errdetail("What it knows of normal rows is bound to the encoding that it learned with them."),
				 errhint("Train it with aipipe.anomaly_train().")));
	registry_check_trainable(version.model, version.task);
	artifact = PG_GETARG_BYTEA_PP(1);
	forest = forest_read(VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact));
	features = arg_text_list(fcinfo, 2, "features");
	version.classes = class_labels(fcinfo, 4, forest, version.task, &version.nclasses);
	check_import(forest, version.task, list_length(features), version.nclasses);
	check_columns(features);

	initStringInfo(&canonical);
	forest_write(forest, &canonical);
	version.algorithm = "xgboost";
	version.encoder = numeric_encoder(features);
	version.artifact = canonical.data;
	version.artifact_len = canonical.len;
	version.library = psprintf("xgboost %d.%d.%d (imported)", forest->version[0], forest->version[1], forest->version[2]);
	PG_RETURN_INT32(registry_add_version(&version));
}

static SqlStatement find_artifact = {
	"SELECT v.encoder, v.artifact, v.sha256, v.calibration, v.threshold FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* model_export(model, version): the artifact, after checking its SHA-256. */
Datum
aipipe_model_export(PG_FUNCTION_ARGS)
{
	ModelRef	ref;
	SqlResult  *found;
	bytea	   *encoder;
	bytea	   *artifact;
	bytea	   *stored;
	bytea	   *computed;
	double		threshold;
	bool		no_threshold;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	ref = registry_resolve(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   registry_version_arg(fcinfo, 1), MODEL_PREDICT, GetUserId());
	found = sql_run(&find_artifact, SQL_READ, Int64GetDatum(ref.version_id));
	encoder = DatumGetByteaPP(sql_datum(found, 0, "encoder", NULL));
	artifact = DatumGetByteaPCopy(sql_datum(found, 0, "artifact", NULL));
	stored = DatumGetByteaP(sql_datum(found, 0, "sha256", NULL));
	threshold = sql_float8(found, 0, "threshold", &no_threshold);
	computed = registry_sha256(VARDATA_ANY(encoder), VARSIZE_ANY_EXHDR(encoder),
							   VARDATA_ANY(artifact), VARSIZE_ANY_EXHDR(artifact),
							   sql_text(found, 0, "calibration"), no_threshold ? 0 : threshold);
	if (VARSIZE(stored) != VARSIZE(computed) ||
		memcmp(VARDATA(stored), VARDATA(computed), VARSIZE(computed) - VARHDRSZ) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %d of model \"%s\" is corrupted", ref.version,
						text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errdetail("Its encoder, artifact, calibration or threshold does not match the SHA-256 that was stored with it.")));
	sql_free(found);
	PG_RETURN_BYTEA_P(artifact);
}
