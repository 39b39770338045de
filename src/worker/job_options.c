/*-------------------------------------------------------------------------
 *
 * job_options.c
 *	  The options of job_create() and job_alter().
 *
 * Durations are the texts of intervals and kept as milliseconds.  They have no
 * months, which are of no certain length.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/args.h"
#include "core/options.h"
#include "core/runas.h"
#include "worker/job_int.h"

/* Options as they are written. */
typedef struct JobOptions
{
	Jsonb	   *arguments;
	char	   *backoff;
	char	   *backoff_max;
	char	   *catch_up;
	int64		catch_up_limit;
	char	   *event_quiet;
	int64		event_rows;
	char	   *event_wait;
	char	   *grace;
	char	   *io;
	double		jitter;
	char	   *keep;
	int64		keep_runs;
	int64		nice;
	char	   *overlap;
	int64		parallel;
	bool		paused;
	int64		priority;
	int64		queue_limit;
	int64		retries;
	Jsonb	   *settings;
	char	   *timeout;
	char	   *timezone;
} JobOptions;

static const char *const ios[] = {"normal", "low", "idle", NULL};

#define TEXT_OPTION(name, dflt, choices) {#name, OPTION_TEXT, OPTION_FIELD(JobOptions, name), 0, 0, 0, dflt, choices}
#define INT_OPTION(name, dflt, min, max) {#name, OPTION_INT, OPTION_FIELD(JobOptions, name), dflt, min, max}

static const OptionSpec job_options[] = {
	{"arguments", OPTION_JSON, OPTION_FIELD(JobOptions, arguments)},
	TEXT_OPTION(backoff, "10 seconds", NULL),
	TEXT_OPTION(backoff_max, "1 hour", NULL),
	TEXT_OPTION(catch_up, "one", job_catch_ups),
	INT_OPTION(catch_up_limit, 1000, 1, 100000),
	TEXT_OPTION(event_quiet, "0", NULL),
	INT_OPTION(event_rows, 1, 1, 1e12),
	TEXT_OPTION(event_wait, "1 minute", NULL),
	TEXT_OPTION(grace, "1 minute", NULL),
	TEXT_OPTION(io, "normal", ios),
	{"jitter", OPTION_REAL, OPTION_FIELD(JobOptions, jitter), 0.2, 0, 1},
	TEXT_OPTION(keep, "30 days", NULL),
	INT_OPTION(keep_runs, 10000, 0, 1e9),
	INT_OPTION(nice, 0, 0, 19),
	TEXT_OPTION(overlap, "skip", job_overlaps),
	INT_OPTION(parallel, 1, 1, 1000),
	{"paused", OPTION_BOOL, OPTION_FIELD(JobOptions, paused), 0},
	INT_OPTION(priority, 0, -100, 100),
	INT_OPTION(queue_limit, 100, 1, 1e6),
	INT_OPTION(retries, 3, 0, 1000),
	{"settings", OPTION_JSON, OPTION_FIELD(JobOptions, settings)},
	TEXT_OPTION(timeout, NULL, NULL),
	TEXT_OPTION(timezone, NULL, NULL),
};

/* What would do nothing, or keep an attempt from ending as it should. */
typedef struct Reserved
{
	const char *name;
	const char *hint;			/* or NULL */
} Reserved;

static const Reserved reserved_settings[] = {
	{"exit_on_error", NULL},
	{"idle_in_transaction_session_timeout", "Use option \"timeout\"."},
	{"idle_session_timeout", "Use option \"timeout\"."},
	{"is_superuser", NULL},
	{"role", "The job runs as its owner."},
	{"session_authorization", "The job runs as its owner."},
	{"statement_timeout", "Use option \"timeout\"."},
	{"transaction_deferrable", "Set \"default_transaction_deferrable\"."},
	{"transaction_isolation", "Set \"default_transaction_isolation\"."},
	{"transaction_read_only", "Set \"default_transaction_read_only\"."},
	{"transaction_timeout", "Use option \"timeout\"."},
};

/* A hundred years of 365 days. */
#define DURATION_MAX (INT64CONST(36500) * 86400 * 1000)

/* Says which option an error is about. */
static void
option_error_callback(void *arg)
{
	errcontext("option \"%s\" of a job", (const char *) arg);
}

/* Gives the milliseconds of a duration; 0 when it is NULL. */
static int64
duration(const char *option, const char *text)
{
	ErrorContextCallback context = {error_context_stack, option_error_callback, unconstify(char *, option)};
	const Interval *interval;
	double		ms;

	if (text == NULL)
		return 0;
	error_context_stack = &context;
	interval = arg_interval(text);
	ms = interval->day * 86400000.0 + interval->time / 1000.0;
	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration \"%s\" is of no certain length", text),
				 errhint("Write it without months and years.")));
	if (!(ms >= 0 && ms <= DURATION_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duration \"%s\" is out of range", text),
				 errdetail("Valid durations are 0 to 36500 days.")));
	error_context_stack = context.previous;
	return (int64) rint(ms);
}

/* Gives an empty object. */
static Jsonb *
empty_object(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* Takes over how runs of the job get along with each other. */
static void
apply_overlap(Job *job, const Jsonb *params, const char *what)
{
	if (job->overlap == JOB_PARALLEL && job->parallel < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("overlap \"parallel\" of %s needs option \"parallel\"", what),
				 errhint("Say how many runs there may be at one time, 2 or more.")));
	if (job->overlap == JOB_PARALLEL || job->parallel == 1)
		return;
	if (options_value(params, "parallel") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"parallel\" of %s needs overlap \"parallel\"", what)));
	job->parallel = 1;
}

/* Gives which of the choices a word is; the parser has refused others. */
static int
choice(const char *word, const char *const *choices)
{
	int			i = 0;

	while (choices[i] != NULL && strcmp(choices[i], word) != 0)
		i++;
	return i;
}

/* Takes over the options that are given, or all where the job is new. */
#define GIVEN(name) (!exists || options_value(params, #name) != NULL)

/* Takes over what says when and how often the job runs. */
static void
apply_schedule(Job *job, const JobOptions *options, const Jsonb *params, bool exists)
{
	if (GIVEN(timezone))
		job->timezone = options->timezone;
	if (GIVEN(catch_up))
		job->catch_up = choice(options->catch_up, job_catch_ups);
	if (GIVEN(catch_up_limit))
		job->catch_up_limit = options->catch_up_limit;
	if (GIVEN(grace))
		job->grace = duration("grace", options->grace);
	if (GIVEN(event_quiet))
		job->event_quiet = duration("event_quiet", options->event_quiet);
	if (GIVEN(event_rows))
		job->event_rows = options->event_rows;
	if (GIVEN(event_wait))
		job->event_wait = duration("event_wait", options->event_wait);
	if (GIVEN(overlap))
		job->overlap = choice(options->overlap, job_overlaps);
	if (GIVEN(parallel))
		job->parallel = options->parallel;
	if (GIVEN(queue_limit))
		job->queue_limit = options->queue_limit;
	if (GIVEN(priority))
		job->priority = options->priority;
}

/* Takes over what says how an attempt goes, and what happens after it. */
static void
apply_attempt(Job *job, const JobOptions *options, const Jsonb *params, bool exists)
{
	if (GIVEN(arguments))
		job->arguments = options->arguments;
	if (GIVEN(timeout))
		job->timeout = duration("timeout", options->timeout);
	if (GIVEN(retries))
		job->retries = options->retries;
	if (GIVEN(backoff))
		job->backoff = duration("backoff", options->backoff);
	if (GIVEN(backoff_max))
		job->backoff_max = duration("backoff_max", options->backoff_max);
	if (GIVEN(jitter))
		job->jitter = options->jitter;
	if (GIVEN(nice))
		job->nice = options->nice;
	if (GIVEN(io))
		job->io = options->io;
	if (GIVEN(settings))
		job->settings = options->settings != NULL ? options->settings : empty_object();
	if (GIVEN(keep))
		job->keep = duration("keep", options->keep);
	if (GIVEN(keep_runs))
		job->keep_runs = options->keep_runs;
}

/* Sets what the options say, and ends with an error when they do not go together. */
void
job_apply_options(Job *job, const Jsonb *params, const char *what, bool exists, JobFlags *flags)
{
	JobOptions	options;

	options_parse(params, what, job_options, lengthof(job_options), &options);
	if (flags != NULL)
		flags->paused = options.paused;
	else if (options_value(params, "paused") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot be given to %s", "paused", what),
				 errhint("Use aipipe.job_pause() or aipipe.job_resume().")));
	if (options.timezone == NULL)
		options.timezone = pstrdup(pg_get_timezone_name(session_timezone));
	(void) arg_zone(options.timezone);
	apply_schedule(job, &options, params, exists);
	apply_attempt(job, &options, params, exists);
	apply_overlap(job, params, what);
	if (job->backoff_max < job->backoff)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s is less than option \"%s\"", "backoff_max", what, "backoff")));
}

/* Gives a setting's value as text, NULL when it is none. */
static char *
setting_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "on" : "off");
		default:
			return NULL;
	}
}

/* Ends with an error for a setting that an attempt needs for itself. */
static void
check_reserved(const char *name, const char *what)
{
	for (int i = 0; i < lengthof(reserved_settings); i++)
		if (pg_strcasecmp(name, reserved_settings[i].name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" of %s cannot set \"%s\"", "settings", what, name),
					 reserved_settings[i].hint != NULL ? errhint("%s", reserved_settings[i].hint)
					 : errdetail("An attempt needs it for itself.")));
}

/* Sets something in the session, or only tries to; ERROR unless the current user may set it to the value. */
static void
try_setting(const char *name, const JsonbValue *value, const char *what, bool superuser, bool set)
{
	char	   *text = setting_text(value);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("setting \"%s\" of %s must be a string, a number, true or false", name, what)));
	check_reserved(name, what);
	(void) set_config_option(name, text, superuser ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SET, set, 0, false);
}

/* Sets all of a job's settings, or only tries to. */
static void
try_settings(const Job *job, const char *what, bool superuser, bool set)
{
	ErrorContextCallback context = {error_context_stack, option_error_callback, "settings"};
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(job->settings))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s must be a JSON object", "settings", what)));
	error_context_stack = &context;
	it = JsonbIteratorInit(&job->settings->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		try_setting(pnstrdup(key.val.string.val, key.val.string.len), &value, what, superuser, set);
	}
	error_context_stack = context.previous;
}

/* Ends with an error unless the owner may set the job's settings; they are tried as the owner. */
void
job_check_settings(const Job *job, const char *what)
{
	RunAs		saved;

	runas_names_begin(&saved, job->owner);
	try_settings(job, what, superuser_arg(job->owner), false);
	runas_end(&saved);
}

/* Sets the job's settings in this session, as the current user. */
void
job_set_settings(const Job *job)
{
	try_settings(job, "the job", superuser(), true);
}
