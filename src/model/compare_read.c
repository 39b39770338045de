/*-------------------------------------------------------------------------
 *
 * compare_read.c
 *	  What the tables hold of the versions that are compared.
 *
 * Predictions join late labels by key.  Of a key that a version scored more than
 * once, the newest prediction counts.  Rows come in blocks, ordered by key, and
 * are kept as 16 bytes each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/sql.h"
#include "model/compare.h"
#include "model/label.h"

/* Bytes that a labelled prediction takes, its tests included. */
#define COMPARE_ROW_BYTES 160

/* Versions with predictions in the window, and what each is for. */
static SqlStatement find_versions = {
	"SELECT v.version, v.classes, v.threshold, c.predicted, c.served, c.labelled,"
	" CASE WHEN EXISTS (SELECT 1 FROM aipipe.model_alias_data a WHERE a.version_id OPERATOR(pg_catalog.=) v.id"
	"   AND a.alias OPERATOR(pg_catalog.=) 'champion') THEN 'champion'"
	"  WHEN EXISTS (SELECT 1 FROM aipipe.model_split_data s WHERE s.version_id OPERATOR(pg_catalog.=) v.id) THEN 'arm'"
	"  WHEN EXISTS (SELECT 1 FROM aipipe.model_alias_data a WHERE a.version_id OPERATOR(pg_catalog.=) v.id"
	"   AND pg_catalog.starts_with(a.alias, 'challenger')) THEN 'challenger'"
	"  ELSE 'former' END AS role"
	" FROM (SELECT p.version, pg_catalog.count(*) AS predicted, pg_catalog.count(l.key) AS labelled,"
	"   pg_catalog.count(*) FILTER (WHERE p.served) AS served"
	"  FROM aipipe.prediction_data p"
	"  LEFT JOIN aipipe.model_label_data l ON l.model_id OPERATOR(pg_catalog.=) p.model_id AND l.key OPERATOR(pg_catalog.=) p.key"
	"  WHERE p.model_id OPERATOR(pg_catalog.=) $1 AND p.at OPERATOR(pg_catalog.>=) $2 GROUP BY p.version) AS c"
	" JOIN aipipe.model_version_data v ON v.model_id OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) c.version"
	" ORDER BY v.version",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* The newest labelled predictions, those of one row together; of each key and version the newest one. */
static SqlStatement find_rows = {
	"SELECT DISTINCT ON (n.key, n.version) n.key, n.version, n.prediction, n.label FROM"
	" (SELECT p.key, p.version, p.prediction, p.at, l.label FROM aipipe.prediction_data p"
	"  JOIN aipipe.model_label_data l ON l.model_id OPERATOR(pg_catalog.=) p.model_id AND l.key OPERATOR(pg_catalog.=) p.key"
	"  WHERE p.model_id OPERATOR(pg_catalog.=) $1 AND p.at OPERATOR(pg_catalog.>=) $2 AND p.prediction IS NOT NULL"
	"  ORDER BY p.at DESC, p.key LIMIT $3) AS n"
	" ORDER BY n.key, n.version, n.at DESC",
	3, {INT8OID, TIMESTAMPTZOID, INT8OID}
};

/*
 * Keys that each arm was served to since shares and champion are what they are: versions of the split, and the champion, which
 * has all that they leave, a share of its own included.  When a share changed is in the history: one that ended left no row.
 */
static SqlStatement find_arms = {
	"WITH champion AS (SELECT a.version_id, a.history_id FROM aipipe.model_alias_data a"
	"  WHERE a.model_id OPERATOR(pg_catalog.=) $1 AND a.alias OPERATOR(pg_catalog.=) 'champion'),"
	" split AS (SELECT s.version_id, s.share FROM aipipe.model_split_data s WHERE s.model_id OPERATOR(pg_catalog.=) $1"
	"  AND NOT EXISTS (SELECT 1 FROM champion c WHERE c.version_id OPERATOR(pg_catalog.=) s.version_id))"
	" SELECT v.version, w.share, COALESCE(k.keys, 0) AS keys"
	" FROM (SELECT s.version_id, s.share FROM split s"
	"  UNION ALL SELECT c.version_id, NULL FROM champion c"
	" ) AS w JOIN aipipe.model_version_data v ON v.id OPERATOR(pg_catalog.=) w.version_id"
	" LEFT JOIN (SELECT p.version, pg_catalog.count(DISTINCT p.key) AS keys FROM aipipe.prediction_data p"
	"  WHERE p.model_id OPERATOR(pg_catalog.=) $1 AND p.served"
	"  AND p.at OPERATOR(pg_catalog.>=) GREATEST($2, (SELECT pg_catalog.max(h.changed_at) FROM aipipe.model_alias_history_data h"
	"   WHERE h.model_id OPERATOR(pg_catalog.=) $1 AND h.alias OPERATOR(pg_catalog.=) 'split'"
	"   AND h.action OPERATOR(pg_catalog.=) 'split'), (SELECT h.changed_at FROM champion c"
	"   JOIN aipipe.model_alias_history_data h ON h.id OPERATOR(pg_catalog.=) c.history_id))"
	"  AND EXISTS (SELECT 1 FROM split)"
	"  GROUP BY p.version) AS k ON k.version OPERATOR(pg_catalog.=) v.version"
	" WHERE EXISTS (SELECT 1 FROM split)"
	" ORDER BY w.share NULLS LAST",
	2, {INT8OID, TIMESTAMPTZOID}
};

/* Gives the number of a version's classes and its two when there are two. */
static int
read_classes(const SqlResult *found, uint64 row, char *classes[2])
{
	bool		isnull;
	Datum		array = sql_datum(found, row, "classes", &isnull);
	Datum	   *elements;
	int			n = 0;

	if (isnull)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	for (int c = 0; c < n && n == 2; c++)
		classes[c] = TextDatumGetCString(elements[c]);
	return n;
}

/* Takes one version that has predictions. */
static void
take_version(Compare *compare, const SqlResult *found, uint64 row)
{
	ComparedVersion *version = &compare->versions[compare->nversions++];
	bool		isnull;

	version->version = sql_int32(found, row, "version", NULL);
	version->role = sql_text(found, row, "role");
	version->predicted = sql_int64(found, row, "predicted", NULL);
	version->served = sql_int64(found, row, "served", NULL);
	version->threshold = sql_float8(found, row, "threshold", &isnull);
	if (isnull)
		version->threshold = NAN;
	compare->nlabelled += sql_int64(found, row, "labelled", NULL);
	if (strcmp(version->role, "champion") == 0)
		compare->champion = version;
}

static SqlStatement classes_of_version = {
	"SELECT v.classes FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Learns which labels are the truth: the champion's two classes, or those of an anomaly; false when there are more. */
static bool
find_classes(Compare *compare)
{
	SqlResult  *found = sql_run(&classes_of_version, SQL_READ, Int64GetDatum(compare->ref.version_id));
	int			n = found->nrows > 0 ? read_classes(found, 0, compare->classes) : 0;

	sql_free(found);
	return n == 2;
}

/* Chooses the metric, where the task has one that single predictions can be measured by. */
void
compare_choose_metric(Compare *compare)
{
	const char *name = compare->options.test.metric;
	ModelTask	task = compare->ref.task;

	compare->task = task == TASK_ANOMALY ? TASK_CLASSIFICATION : task;
	if (task == TASK_ANOMALY || task == TASK_REGRESSION || (task == TASK_CLASSIFICATION && find_classes(compare)))
		compare->metric = compare_metric(name, compare->task);
	else if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the live comparison has no metric for this model"),
				 errdetail("It measures classifications of two classes, regressions and detectors."),
				 errhint("Compare versions on a source with aipipe.model_test().")));
}

/* Finds out how the predictions of a version with these classes are to be read beside the champion's. */
static void
match_classes(const Compare *compare, ComparedVersion *version, char *const classes[2], int nclasses)
{
	version->flipped = nclasses == 2 && strcmp(classes[0], compare->classes[1]) == 0 &&
		strcmp(classes[1], compare->classes[0]) == 0;
	version->foreign = !version->flipped &&
		(nclasses != 2 || strcmp(classes[0], compare->classes[0]) != 0 || strcmp(classes[1], compare->classes[1]) != 0);
}

/* Reads which versions there are and chooses the metric. */
static void
read_versions(Compare *compare, TimestampTz since)
{
	SqlResult  *found = sql_run(&find_versions, SQL_READ, Int64GetDatum(compare->ref.model_id), TimestampTzGetDatum(since));

	compare->versions = palloc0(mul_size(found->nrows + 1, sizeof(ComparedVersion)));
	for (uint64 i = 0; i < found->nrows; i++)
	{
		char	   *classes[2] = {NULL, NULL};

		take_version(compare, found, i);
		if (compare->ref.task == TASK_CLASSIFICATION && compare->metric != NULL)
			match_classes(compare, &compare->versions[compare->nversions - 1], classes, read_classes(found, i, classes));
	}
	sql_free(found);
}

/* Reads a label as the metric takes it; false when it cannot. */
static bool
read_label(const Compare *compare, const char *text, float *label)
{
	double		number;
	bool		truth;

	if (compare->ref.task == TASK_ANOMALY)
	{
		if (!label_truth(text, &truth))
			return false;
		*label = truth;
		return true;
	}
	if (compare->ref.task == TASK_CLASSIFICATION)
	{
		*label = strcmp(text, compare->classes[1]) == 0;
		return *label == 1 || strcmp(text, compare->classes[0]) == 0;
	}
	if (!label_number(text, &number) || fabs(number) > FLT_MAX)
		return false;
	*label = (float) number;
	return true;
}

/* Gives the version of that number; NULL when it was not there when the versions were read. */
static ComparedVersion *
find_version(Compare *compare, int number)
{
	for (int i = 0; i < compare->nversions; i++)
		if (compare->versions[i].version == number)
			return &compare->versions[i];
	return NULL;
}

/* Makes room for one more row of a version, or ends with an error before too much memory is taken. */
static void
make_room(Compare *compare, ComparedVersion *version)
{
	if ((compare->nrows + 1) * COMPARE_ROW_BYTES > (int64) core_train_max_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("comparing versions needs more memory than allowed"),
				 errdetail(INT64_FORMAT " predictions are as much as fits; the limit is %d kB.",
						   compare->nrows, core_train_max_memory),
				 errhint("Lower option \"max_rows\", or raise aipipe.train_max_memory.")));
	if (version->nrows < version->capacity)
		return;
	version->capacity = Max(version->capacity * 2, 1024);
	if (version->rows == NULL)
		version->rows = palloc(mul_size(version->capacity, sizeof(ComparedRow)));
	else
		version->rows = repalloc_huge(version->rows, mul_size(version->capacity, sizeof(ComparedRow)));
}

/* Takes a block of labelled predictions. */
static void
take_rows(const SqlResult *block, void *arg)
{
	Compare    *compare = arg;

	for (uint64 i = 0; i < block->nrows; i++)
	{
		ComparedVersion *version = find_version(compare, sql_int32(block, i, "version", NULL));
		char	   *key = sql_text(block, i, "key");
		char	   *label = sql_text(block, i, "label");
		ComparedRow row;

		if (compare->last_key == NULL || strcmp(compare->last_key, key) != 0)
		{
			compare->key++;
			if (compare->last_key != NULL)
				pfree(compare->last_key);
			compare->last_key = pstrdup(key);
		}
		row.key = compare->key;
		row.prediction = (float) sql_float8(block, i, "prediction", NULL);
		if (version == NULL || version->foreign || isnan(row.prediction) || !read_label(compare, label, &row.label))
			compare->nunusable += version != NULL && !version->foreign;
		else
		{
			make_room(compare, version);
			version->rows[version->nrows++] = row;
			compare->nrows++;
		}
		pfree(key);
		pfree(label);
	}
}

/* Reads the labelled predictions, the newest when there are more than asked for. */
static void
read_rows(Compare *compare, TimestampTz since)
{
	Datum		values[3];

	if (compare->metric == NULL)
		return;
	values[0] = Int64GetDatum(compare->ref.model_id);
	values[1] = TimestampTzGetDatum(since);
	values[2] = Int64GetDatum(compare->options.max_rows);
	sql_each(&find_rows, values, NULL, take_rows, compare);
	if (compare->nlabelled > compare->options.max_rows)
		ereport(NOTICE,
				(errmsg("only the newest " INT64_FORMAT " of " INT64_FORMAT " labelled predictions are compared",
						compare->options.max_rows, compare->nlabelled),
				 errhint("Raise option \"max_rows\" to take more.")));
	if (compare->nunusable > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " labelled predictions are passed over", compare->nunusable),
				 errdetail("Their label is no class of the champion, or no number.")));
}

/* Reads versions and labelled predictions of a window. */
void
compare_read(Compare *compare, TimestampTz since)
{
	read_versions(compare, since);
	read_rows(compare, since);
}

/* Reads how many keys each version of the split was served to. */
Arms
compare_read_arms(const Compare *compare, TimestampTz since)
{
	SqlResult  *found = sql_run(&find_arms, SQL_READ, Int64GetDatum(compare->ref.model_id), TimestampTzGetDatum(since));
	Arms		arms = {(int) found->nrows};
	double		rest = 1;

	arms.versions = palloc(mul_size(found->nrows + 1, sizeof(int)));
	arms.keys = palloc(mul_size(found->nrows + 1, sizeof(int64)));
	arms.shares = palloc(mul_size(found->nrows + 1, sizeof(double)));
	for (int i = 0; i < arms.narms; i++)
	{
		bool		isnull;

		arms.versions[i] = sql_int32(found, i, "version", NULL);
		arms.keys[i] = sql_int64(found, i, "keys", NULL);
		arms.shares[i] = sql_float8(found, i, "share", &isnull);
		/* the champion comes last and takes what is left */
		if (isnull)
			arms.shares[i] = rest < 1e-9 ? 0 : rest;
		rest -= arms.shares[i];
		arms.total += (double) arms.keys[i];
	}
	sql_free(found);
	arms.p_value = arms.total > 0 ? stats_sample_ratio(arms.narms, arms.keys, arms.shares).p_value : NAN;
	return arms;
}
