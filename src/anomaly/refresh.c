/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  Detectors that go on learning, as SQL functions: refresh, and drift.
 *
 * The model room refreshes; what is the detector's is how its components see the
 * new rows before they learn from them, which the new version's metrics keep.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "anomaly/detector.h"
#include "anomaly/refresh_drift.h"
#include "core/args.h"
#include "core/guc.h"
#include "core/source.h"
#include "model/refresh.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_refresh);
PG_FUNCTION_INFO_V1(aipipe_anomaly_drift);

/* Warns of the parts that see rows unlike those of the training. */
static void
warn_drift(const ModelVersion *version, const DriftReport *reports, int n)
{
	StringInfoData parts;

	initStringInfo(&parts);
	for (int i = 0; i < n; i++)
	{
		const DriftReport *report = &reports[i];

		if (strcmp(report->verdict, "drifted") == 0)
			appendStringInfo(&parts, "%s%s: stability index %.2f, Kolmogorov-Smirnov distance %.2f, %.2f %% of the rows flagged where %.2f %% were.",
							 parts.len > 0 ? "\n" : "", report->component, report->psi, report->ks,
							 100 * report->flagged, 100 * report->expected);
	}
	if (parts.len > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the new rows are not distributed as those that detector \"%s\" learned from", version->model),
				 errdetail("%s", parts.data),
				 errhint("Look at the rows; if they are what is normal now, train a new version.")));
}

/* Appends ', "name": number'. */
static void
append_number(StringInfo out, const char *name, double value)
{
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, number);
	appendStringInfo(out, ", \"%s\": %s", name, number);
}

/* Gives the reports as a member of a version's metrics. */
static char *
reports_json(const DriftReport *reports, int n)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "\"drift\": [");
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(&out, "%s{\"component\": \"%s\", \"rows\": " INT64_FORMAT, i > 0 ? ", " : "",
						 reports[i].component, reports[i].rows);
		append_number(&out, "flagged", reports[i].flagged);
		append_number(&out, "expected", reports[i].expected);
		append_number(&out, "ks", reports[i].ks);
		append_number(&out, "pvalue", reports[i].pvalue);
		append_number(&out, "psi", reports[i].psi);
		appendStringInfo(&out, ", \"verdict\": \"%s\"}", reports[i].verdict);
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

/* Says how the champion sees the new rows, and warns when that is not as it was. */
static char *
measure_drift(const ModelVersion *champion, const Matrix *rows)
{
	const LoadedModel *model = champion->loaded;
	Drift	   *drift = drift_begin(champion, 0);
	float		margins[DRIFT_BLOCK];
	float		severities[DRIFT_BLOCK];
	DriftReport reports[DRIFT_MAX_PARTS];
	int			nreports;

	for (int64 row = 0, n; row < rows->nrows; row += n)
	{
		/* chunks hold a multiple of 64 rows */
		n = Min(DRIFT_BLOCK, rows->nrows - row);
		CHECK_FOR_INTERRUPTS();
		model->algorithm->margin(model, matrix_row(rows, row), (int) n, margins);
		model->algorithm->values(model, margins, (int) n, severities);
		drift_add(drift, matrix_row(rows, row), severities, (int) n);
	}
	nreports = drift_judge(drift, reports);
	warn_drift(champion, reports, nreports);
	return reports_json(reports, nreports);
}

/* anomaly_refresh(detector, source, keep, promote): learns more rows into the champion and gives the new version. */
Datum
aipipe_anomaly_refresh(PG_FUNCTION_ARGS)
{
	RefreshSpec spec = {0};

	spec.function = "anomaly_refresh";
	spec.model = arg_text(fcinfo, 0, "detector");
	spec.source = arg_text(fcinfo, 1, "source");
	arg_require(fcinfo, 2, "keep");
	spec.keep = PG_GETARG_FLOAT8(2);
	arg_require(fcinfo, 3, "promote");
	spec.promote = PG_GETARG_BOOL(3);
	spec.check = detector_check;
	spec.measure_bytes = DRIFT_ROW_BYTES;
	spec.measure = measure_drift;
	if (!(spec.keep > 0 && spec.keep <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"keep\" is out of range: %g", spec.keep),
				 errdetail("It is what an old row still counts beside a new one: above 0, at most 1.")));
	PG_RETURN_INT32(refresh_version(&spec));
}

/* Scores every row of the source and collects how strange it is to each part. */
static void
collect_rows(Drift *drift, Scorer *scorer, Source *source)
{
	SourceScan *scan = source_scan_begin(source, 1.0, 0);
	bool		more;

	do
	{
		Datum	   *values;
		bool	   *nulls;

		more = source_scan_next(scan, &values, &nulls);
		if (more)
			scorer_add(scorer, values, nulls);
		if (scorer_full(scorer) || !more)
		{
			scorer_run(scorer);
			drift_add(drift, scorer->rows, scorer->values, scorer->nrows);
			scorer_reset(scorer);
		}
	} while (more);
	source_scan_end(scan);
}

/* Judges how a detector's champion sees the rows of a source; gives the number of reports. */
static int
judge_source(const char *detector, const char *text, DriftReport *reports)
{
	ModelRef	ref = registry_resolve(detector, MODEL_CHAMPION, MODEL_PREDICT, GetUserId());
	const ModelVersion *version = cache_acquire(&ref, CurrentMemoryContext);
	Source	   *source;
	Scorer	   *scorer;
	Drift	   *drift;
	int			n;

	detector_check(version);
	source = source_resolve(text);
	scorer = scorer_create(version, source->desc, CurrentMemoryContext);
	drift = drift_begin(version, (Size) core_train_max_memory * 1024);
	collect_rows(drift, scorer, source);
	n = drift_judge(drift, reports);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" is empty", text)));
	return n;
}

/* anomaly_drift(detector, source): whether rows are as strange to each component as its training rows were. */
Datum
aipipe_anomaly_drift(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *detector = arg_text(fcinfo, 0, "detector");
	char	   *text = arg_text(fcinfo, 1, "source");
	MemoryContext context;
	MemoryContext old;
	DriftReport reports[DRIFT_MAX_PARTS];
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "aipipe anomaly drift", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	n = judge_source(detector, text, reports);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < n; i++)
	{
		const DriftReport *report = &reports[i];
		Datum		values[8];
		bool		nulls[8] = {0};

		values[0] = CStringGetTextDatum(report->component);
		values[1] = Int64GetDatum(report->rows);
		values[2] = Float8GetDatum(report->flagged);
		values[3] = Float8GetDatum(report->expected);
		values[4] = Float8GetDatum(report->ks);
		values[5] = Float8GetDatum(report->pvalue);
		values[6] = Float8GetDatum(report->psi);
		values[7] = CStringGetTextDatum(report->verdict);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}
