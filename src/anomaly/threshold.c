/*-------------------------------------------------------------------------
 *
 * threshold.c
 *	  From which severity on a detector flags rows: anomaly_flag() asks for a row,
 *	  anomaly_threshold() tries a rule on clean rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "anomaly/detector.h"
#include "core/args.h"
#include "core/guc.h"
#include "core/source.h"
#include "model/call.h"
#include "model/time_column.h"

PG_FUNCTION_INFO_V1(aipipe_anomaly_flag);
PG_FUNCTION_INFO_V1(aipipe_anomaly_threshold);

/* The severities of a source's rows. */
typedef struct Severities
{
	int64		nrows;
	int64		capacity;
	float	   *values;
	TimeColumn	time;			/* of the rule's time column, or none */
} Severities;

/* anomaly_flag(detector, row): whether the row's severity reaches the detector's threshold. */
Datum
aipipe_anomaly_flag(PG_FUNCTION_ARGS)
{
	ModelCall  *call = call_score(fcinfo, false, detector_check);

	if (call == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(scorer_value(call->scorer, 0) >= detector_threshold(call->scorer->version));
}

/* Makes room for a block more, within the memory that a training may take. */
static void
grow(Severities *severities)
{
	Size		bytes;

	if (severities->nrows + SCORER_BLOCK <= severities->capacity)
		return;
	severities->capacity = Max(severities->capacity * 2, 8192);
	bytes = mul_size(severities->capacity, sizeof(float));
	if (bytes > (Size) core_train_max_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the severities of the source's rows do not fit into memory"),
				 errdetail("aipipe.train_max_memory is %d kB.", core_train_max_memory),
				 errhint("Use fewer rows, or raise aipipe.train_max_memory.")));
	severities->values = severities->values ? repalloc_huge(severities->values, bytes)
		: MemoryContextAllocHuge(CurrentMemoryContext, bytes);
}

/* Scores the rows of the block and keeps their severities. */
static void
take_block(Severities *severities, Scorer *scorer)
{
	scorer_run(scorer);
	grow(severities);
	for (int i = 0; i < scorer->nrows; i++)
		severities->values[severities->nrows++] = (float) scorer_value(scorer, i);
	scorer_reset(scorer);
}

/* Scores all rows of a source. */
static void
score_source(Severities *severities, Source *source, Scorer *scorer)
{
	SourceScan *scan = source_scan_begin(source, 1.0, 0);
	Progress	progress = {0};
	Datum	   *values;
	bool	   *nulls;

	progress_begin(&progress, "trying a threshold");
	progress_phase(&progress, "scoring", 0);
	while (source_scan_next(scan, &values, &nulls))
	{
		time_column_note(&severities->time, values, nulls);
		scorer_add(scorer, values, nulls);
		if (!scorer_full(scorer))
			continue;
		take_block(severities, scorer);
		progress_update(&progress, severities->nrows);
	}
	take_block(severities, scorer);
	source_scan_end(scan);
	progress_end(&progress);
}

/* Gives the rule, which must be one. */
static FlagRule *
read_rule(FunctionCallInfo fcinfo, int argno)
{
	FlagRule   *rule;

	arg_require(fcinfo, argno, "rule");
	rule = flag_parse(PG_GETARG_JSONB_P(argno));
	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", "rule"),
				 errhint("Use a severity like 0.999, or an object with \"percentile\", \"false_alarms\" or \"cost\".")));
	return rule;
}

/* anomaly_threshold(detector, source, rule): what a rule would choose by clean rows, and what it would flag of them. */
Datum
aipipe_anomaly_threshold(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe anomaly threshold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ModelRef	ref = registry_resolve(arg_text(fcinfo, 0, "detector"), MODEL_CHAMPION, MODEL_PREDICT, GetUserId());
	const ModelVersion *version = cache_acquire(&ref, context);
	Severities	severities = {0};
	Source	   *source;
	FlagRule   *rule;
	FlagChoice	choice;
	FlagCount	count;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};

	detector_check(version);
	source = source_resolve(arg_text(fcinfo, 1, "source"));
	rule = read_rule(fcinfo, 2);
	if (rule->time != NULL)
		time_column_open(&severities.time, source->desc, rule->time, source->text);
	score_source(&severities, source, scorer_create(version, source->desc, context));
	flag_measured(rule, (double) severities.nrows, time_column_days(&severities.time));
	flag_choose(rule, severities.nrows, severities.values, &choice);
	flag_count(choice.threshold, severities.nrows, severities.values, &count);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the result is no row");
	values[0] = Float8GetDatum(choice.threshold);
	values[1] = Int64GetDatum(count.flagged);
	values[2] = Int64GetDatum(count.rows);
	values[3] = Float8GetDatum(count.share);
	values[4] = Float8GetDatum(count.low);
	values[5] = Float8GetDatum(count.high);
	nulls[3] = nulls[4] = nulls[5] = count.rows == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
