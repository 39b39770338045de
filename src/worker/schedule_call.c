/*-------------------------------------------------------------------------
 *
 * schedule_call.c
 *	  job_schedule_next(): the next slots of a schedule, before a job is given it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "core/args.h"
#include "worker/schedule.h"

PG_FUNCTION_INFO_V1(aipipe_job_schedule_next);

/* What is kept from one row to the next. */
typedef struct ScheduleCall
{
	Schedule   *schedule;
	TimestampTz after;
} ScheduleCall;

/* Reads the arguments. */
static ScheduleCall *
begin_call(FunctionCallInfo fcinfo, FuncCallContext *context)
{
	ScheduleCall *call = palloc(sizeof(ScheduleCall));
	char	   *text = arg_text(fcinfo, 0, "schedule");
	char	   *zone = arg_optional_text(fcinfo, 3);

	arg_require(fcinfo, 1, "after");
	call->after = PG_GETARG_TIMESTAMPTZ(1);
	context->max_calls = arg_positive(fcinfo, 2, "count");
	call->schedule = schedule_parse(text, zone ? zone : pg_get_timezone_name(session_timezone), call->after);
	return call;
}

/* Gives the next slots of a schedule after a time; an interval without a beginning begins at that time. */
Datum
aipipe_job_schedule_next(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	ScheduleCall *call;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = begin_call(fcinfo, context);
		MemoryContextSwitchTo(old);
	}
	context = SRF_PERCALL_SETUP();
	call = context->user_fctx;
	if (context->call_cntr < context->max_calls)
	{
		call->after = schedule_next(call->schedule, call->after);
		if (!TIMESTAMP_IS_NOEND(call->after))
			SRF_RETURN_NEXT(context, TimestampTzGetDatum(call->after));
	}
	SRF_RETURN_DONE(context);
}
