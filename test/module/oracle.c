/*-------------------------------------------------------------------------
 *
 * oracle.c
 *	  The XGBoost library as the oracle: trains and predicts.
 *
 * It is only ever given models that it made itself or that forest_write() wrote.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <math.h>
#include <xgboost/c_api.h>

struct Oracle
{
	BoosterHandle booster;
};

/* Ends with an error when a call of the library failed. */
static void
check(int rc)
{
	if (rc != 0)
	{
		char	   *message = pstrdup(XGBGetLastError());

		if (strchr(message, '\n') != NULL)
			*strchr(message, '\n') = '\0';
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("XGBoost failed: %s", message)));
	}
}

/* Sets one parameter of a booster. */
static void
set(BoosterHandle booster, const char *name, const char *value)
{
	check(XGBoosterSetParam(booster, name, value));
}

/* Sets "name=value" pairs, separated by blanks. */
static void
set_params(BoosterHandle booster, const char *params)
{
	char	   *copy = pstrdup(params);

	for (char *item = strtok(copy, " "); item != NULL; item = strtok(NULL, " "))
	{
		char	   *equals = strchr(item, '=');

		if (equals == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("not a parameter: \"%s\"", item)));
		*equals = '\0';
		set(booster, item, equals + 1);
	}
}

/* Makes the training matrix. */
static DMatrixHandle
training_matrix(const OracleTraining *training)
{
	DMatrixHandle matrix;
	const char **types = palloc(sizeof(char *) * training->nfeatures);

	check(XGDMatrixCreateFromMat(training->rows, training->nrows, training->nfeatures, NAN, &matrix));
	check(XGDMatrixSetFloatInfo(matrix, "label", training->labels, training->nrows));
	if (training->categorical)
	{
		for (int f = 0; f < training->nfeatures; f++)
			types[f] = data_is_categorical(f) ? "c" : "float";
		check(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", types, training->nfeatures));
	}
	if (strncmp(training->objective, "rank:", 5) == 0)
	{
		unsigned	ngroups = training->nrows / 10;
		unsigned   *groups = palloc(sizeof(unsigned) * (ngroups + 1));

		for (unsigned i = 0; i < ngroups; i++)
			groups[i] = 10;
		groups[ngroups] = training->nrows % 10;
		check(XGDMatrixSetUIntInfo(matrix, "group", groups, ngroups + (groups[ngroups] > 0)));
	}
	return matrix;
}

/* Trains a booster and appends its bytes. */
void
oracle_train(const OracleTraining *training, StringInfo out)
{
	DMatrixHandle matrix = training_matrix(training);
	BoosterHandle booster;
	bst_ulong	len;
	const char *bytes;

	check(XGBoosterCreate(&matrix, 1, &booster));
	set(booster, "booster", training->booster);
	set(booster, "objective", training->objective);
	set(booster, "tree_method", "hist");
	set(booster, "nthread", "1");
	set(booster, "verbosity", "0");
	set(booster, "max_depth", psprintf("%d", training->depth));
	set(booster, "seed", psprintf("%d", (int) training->seed));
	if (strcmp(training->booster, "dart") == 0)
	{
		set(booster, "rate_drop", "0.3");
		set(booster, "one_drop", "1");
	}
	if (training->classes > 0)
		set(booster, "num_class", psprintf("%d", training->classes));
	set_params(booster, training->params);
	for (int i = 0; i < training->rounds; i++)
		check(XGBoosterUpdateOneIter(booster, i, matrix));
	check(XGBoosterSaveModelToBuffer(booster, psprintf("{\"format\":\"%s\"}", training->format), &len, &bytes));
	appendBinaryStringInfo(out, bytes, len);
	XGBoosterFree(booster);
	XGDMatrixFree(matrix);
}

/* Loads a model. */
Oracle *
oracle_load(const char *bytes, Size len)
{
	Oracle	   *oracle = palloc(sizeof(Oracle));

	check(XGBoosterCreate(NULL, 0, &oracle->booster));
	set(oracle->booster, "nthread", "1");
	set(oracle->booster, "verbosity", "0");
	check(XGBoosterLoadModelFromBuffer(oracle->booster, bytes, len));
	set(oracle->booster, "nthread", "1");
	return oracle;
}

/* Frees the library's side of a model. */
void
oracle_free(Oracle *oracle)
{
	XGBoosterFree(oracle->booster);
	pfree(oracle);
}

/* Copies what the library gave, of which there must be as much as expected. */
static void
copy_result(const bst_ulong *shape, bst_ulong dim, const float *result, float *out, Size expected)
{
	Size		n = 1;

	for (bst_ulong i = 0; i < dim; i++)
		n *= shape[i];
	if (n != expected)
		elog(ERROR, "the library gave %zu floats instead of %zu", (size_t) n, (size_t) expected);
	memcpy(out, result, n * sizeof(float));
}

/* Gives what a DMatrix must take for missing so that it accepts the row's infinities. */
static float
missing_for(const float *row, int nfeatures)
{
	for (int f = 0; f < nfeatures; f++)
	{
		if (isinf(row[f]))
			return -row[f];
	}
	return NAN;
}

/* Predicts some rows through one DMatrix. */
static void
predict_rows(Oracle *oracle, OracleKind kind, const float *rows, int nrows, int nfeatures, float missing,
			 float *out, int per_row)
{
	DMatrixHandle matrix;
	const bst_ulong *shape;
	bst_ulong	dim;
	const float *result;

	check(XGDMatrixCreateFromMat(rows, nrows, nfeatures, missing, &matrix));
	check(XGBoosterPredictFromDMatrix(oracle->booster, matrix,
									  psprintf("{\"type\":%d,\"training\":false,\"iteration_begin\":0,"
											   "\"iteration_end\":0,\"strict_shape\":true}", kind),
									  &shape, &dim, &result));
	copy_result(shape, dim, result, out, (Size) nrows * per_row);
	XGDMatrixFree(matrix);
}

/*
 * Predicts through DMatrix.  A DMatrix refuses infinities unless one of them
 * means missing, so rows go in three lots: those without, and those with either.
 */
void
oracle_predict(Oracle *oracle, OracleKind kind, const float *rows, int nrows, int nfeatures,
			   float *out, int per_row)
{
	float	   *lot = palloc(sizeof(float) * nrows * nfeatures);
	float	   *result = palloc(sizeof(float) * nrows * per_row);
	int		   *from = palloc(sizeof(int) * nrows);

	for (int i = 0; i < 3; i++)
	{
		float		missing = (i == 0) ? NAN : (i == 1) ? INFINITY : -INFINITY;
		int			n = 0;

		for (int row = 0; row < nrows; row++)
		{
			const float *values = rows + (Size) row * nfeatures;
			float		wanted = missing_for(values, nfeatures);

			if (wanted == missing || (isnan(wanted) && isnan(missing)))
			{
				memcpy(lot + (Size) n * nfeatures, values, sizeof(float) * nfeatures);
				from[n++] = row;
			}
		}
		if (n == 0)
			continue;
		predict_rows(oracle, kind, lot, n, nfeatures, missing, result, per_row);
		for (int k = 0; k < n; k++)
			memcpy(out + (Size) from[k] * per_row, result + (Size) k * per_row, sizeof(float) * per_row);
	}
	pfree(lot);
	pfree(result);
	pfree(from);
}

/* Predicts in place. */
void
oracle_predict_dense(Oracle *oracle, OracleKind kind, const float *rows, int nrows, int nfeatures,
					 float *out, int per_row)
{
	const bst_ulong *shape;
	bst_ulong	dim;
	const float *result;

	check(XGBoosterPredictFromDense(oracle->booster,
									psprintf("{\"data\":[%zu,true],\"shape\":[%d,%d],\"typestr\":\"<f4\",\"version\":3}",
											 (size_t) rows, nrows, nfeatures),
									psprintf("{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
											 "\"strict_shape\":true,\"missing\":NaN,\"cache_id\":0}", kind),
									NULL, &shape, &dim, &result));
	copy_result(shape, dim, result, out, (Size) nrows * per_row);
}

/* Gives one row's values: a DMatrix of one row, then predict. */
void
oracle_predict_row(Oracle *oracle, const float *row, int nfeatures, float *out)
{
	DMatrixHandle matrix;
	bst_ulong	len;
	const float *result;

	check(XGDMatrixCreateFromMat(row, 1, nfeatures, NAN, &matrix));
	check(XGBoosterPredict(oracle->booster, matrix, 0, 0, 0, &len, &result));
	memcpy(out, result, sizeof(float));
	XGDMatrixFree(matrix);
}
