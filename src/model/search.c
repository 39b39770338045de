/*-------------------------------------------------------------------------
 *
 * search.c
 *	  Hyper-parameter search: which trial runs when, and which wins.
 *
 * Random search runs every trial on every fold with all rounds.  Successive
 * halving (Jamieson and Talwalkar, 2016) starts with few rounds and gives the
 * best 1/reduction of the trials reduction times as many, rung by rung; the last
 * rung has all rounds.  What is chosen is the best of all rungs, with its rounds:
 * means of different rungs are of the same folds, and a trial that does worse
 * with more rounds has shown how many it needs.
 *
 * The mean over the folds decides, compared as numbers; of equal means the
 * one with fewer rounds, then the earlier trial's.  A trial of which a fold failed has no mean and never wins.
 * Every fold runs in a subtransaction, so one point of the space that cannot be
 * trained does not end the search; a cancel does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core/attempt.h"
#include "core/usage.h"
#include "model/search_private.h"

#define MAX_TRIALS 1000
#define MAX_FOLDS 50

static const char *const method_names[] = {"random", "halving", NULL};

static const OptionSpec search_specs[] = {
	{"method", OPTION_TEXT, OPTION_FIELD(SearchOptions, method), 0, 0, 0, "random", method_names},
	{"trials", OPTION_INT, OPTION_FIELD(SearchOptions, trials), 20, 1, MAX_TRIALS},
	{"folds", OPTION_INT, OPTION_FIELD(SearchOptions, folds), 5, 2, MAX_FOLDS},
	{"split", OPTION_TEXT, OPTION_FIELD(SearchOptions, split), 0, 0, 0, NULL, search_split_names},
	{"metric", OPTION_TEXT, OPTION_FIELD(SearchOptions, metric)},
	{"seed", OPTION_INT, OPTION_FIELD(SearchOptions, seed), -1, 0, 9007199254740991.0},
	{"reduction", OPTION_INT, OPTION_FIELD(SearchOptions, reduction), 3, 2, 10},
	{"min_rounds", OPTION_INT, OPTION_FIELD(SearchOptions, min_rounds), 10, 1, 1000000},
	{"space", OPTION_JSON, OPTION_FIELD(SearchOptions, space)},
};

/* A search at work. */
typedef struct SearchRun
{
	const TrainRequest *request;
	const Algorithm *algorithm;
	SearchOptions options;
	bool		halving;
	uint64		seed;
	SearchSpace *space;
	SearchFolds *folds;
	int			npoints;
	Jsonb	  **points;			/* by trial - 1: what was drawn */
	Search	   *search;
	int			total;			/* entries that there will be */
	double		best;			/* mean so far; NaN before the first */
	ErrorData  *first_error;	/* of a fold that failed, or NULL */
} SearchRun;

/* One fold of one trial, as the step of an attempt. */
typedef struct FoldStep
{
	SearchFolds *folds;
	MemoryContext context;
	const Jsonb *params;
	int			fold;
	double		score;
} FoldStep;

/* Ends with an error for an option of the other method. */
static void
check_method(const Jsonb *option, const SearchOptions *options, const SearchSpace *space, const Algorithm *algorithm)
{
	static const char *const of_halving[] = {"reduction", "min_rounds"};
	bool		halving = strcmp(options->method, "halving") == 0;

	for (int i = 0; i < lengthof(of_halving) && !halving; i++)
		if (options_value(option, of_halving[i]) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" of search has no effect here", of_halving[i]),
					 errdetail("It belongs to method \"halving\".")));
	if (!halving)
		return;
	if (algorithm->resource == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"halving\" of search needs an algorithm that trains in rounds"),
				 errdetail("Algorithm \"%s\" does not.", algorithm->name),
				 errhint("Use method \"random\".")));
	for (int i = 0; i < space->nparams; i++)
		if (strcmp(space->params[i].name, algorithm->resource) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" cannot be searched by method \"halving\"", algorithm->resource),
					 errdetail("It is what that method gives trials more of, up to its value among the parameters.")));
}

/* Reads the options and the space, draws the points; the same at the check and at the run. */
static void
read_search(SearchRun *run, const Jsonb *option, const Jsonb *params, const char *const *common,
			uint64 seed, const Algorithm *algorithm)
{
	options_parse(option, "search", search_specs, lengthof(search_specs), &run->options);
	run->algorithm = algorithm;
	run->halving = strcmp(run->options.method, "halving") == 0;
	run->seed = run->options.seed >= 0 ? (uint64) run->options.seed : seed;
	run->space = space_read(run->options.space, params, common, algorithm);
}

/* Draws the points of the trials. */
static void
draw_points(SearchRun *run)
{
	run->points = palloc(mul_size(run->options.trials, sizeof(Jsonb *)));
	run->npoints = space_draw(run->space, (int) run->options.trials, run->seed, run->points);
}

/* Checks the value of option "search" before any row is read, with every parameter that it would draw. */
void
search_check(const Jsonb *option, const Jsonb *params, const char *const *common, uint64 seed,
			 ModelTask task, const Algorithm *algorithm)
{
	SearchRun	run = {0};

	if (task == TASK_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task anomaly cannot be searched"),
				 errdetail("There are no labels to measure trials by.")));
	read_search(&run, option, params, common, seed, algorithm);
	check_method(option, &run.options, run.space, algorithm);
	folds_check(run.options.split, params, task);
	if (run.options.metric != NULL)
		(void) metric_find(run.options.metric, task, 0);
	space_check(run.space, common, task, algorithm);
	draw_points(&run);
	for (int i = 0; i < run.npoints; i++)
		algorithm->check(task, space_apply(run.space, run.points[i]), common);
}

/* Runs one fold of one trial. */
static void
run_fold(void *arg)
{
	FoldStep   *step = arg;

	MemoryContextSwitchTo(step->context);
	step->score = folds_score(step->folds, step->fold, step->params);
}

/* Scores one fold of one trial; NULL, or why that failed. */
static char *
try_fold(SearchRun *run, int fold, const Jsonb *params, double *score)
{
	FoldStep	step = {.folds = run->folds, .params = params, .fold = fold};
	ErrorData  *error;

	step.context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model fold", ALLOCSET_DEFAULT_SIZES);
	error = attempt_run(run_fold, &step);
	/* before an error goes on too: what the fold held may be large */
	MemoryContextDelete(step.context);
	if (error == NULL && !isnan(step.score))
	{
		*score = step.score;
		return NULL;
	}
	if (error == NULL)
		return psprintf("metric \"%s\" is undefined on fold %d", run->search->metric->name, fold + 1);
	/* a point that needs more than this training may have is the point's failure, not the server's */
	if (attempt_must_go_on(error) && error->sqlerrcode != ERRCODE_CONFIGURATION_LIMIT_EXCEEDED)
		ReThrowError(error);
	if (run->first_error == NULL)
		run->first_error = error;
	return psprintf("fold %d: %s", fold + 1, error->message ? error->message : "unknown error");
}

/* Tells whether a mean is better than another; NaN is never better, and anything else is better than NaN. */
static bool
is_better(const SearchRun *run, double mean, double than)
{
	if (isnan(mean) || isnan(than))
		return !isnan(mean);
	return run->search->metric->higher_is_better ? mean > than : mean < than;
}

/* Gives the rounds of a trial that are not a rung's. */
static double
own_rounds(const SearchRun *run, const Jsonb *params)
{
	const char *resource = run->algorithm->resource;

	return resource == NULL ? get_float8_nan() : search_number(params, resource, run->algorithm->option(resource)->dflt);
}

/* Gives the parameters of a trial; rounds that are not 0 replace its own. */
static Jsonb *
trial_params(const SearchRun *run, int trial, int64 rounds)
{
	Jsonb	   *params = space_apply(run->space, run->points[trial - 1]);
	StringInfoData more;

	if (rounds == 0)
		return params;
	initStringInfo(&more);
	appendStringInfoChar(&more, '{');
	escape_json(&more, run->algorithm->resource);
	appendStringInfo(&more, ": " INT64_FORMAT "}", rounds);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(params),
											  JsonbPGetDatum(search_jsonb(more.data))));
}

/* Runs one trial on all folds and records it. */
static SearchTrial *
run_trial(SearchRun *run, int trial, int rung, int64 rounds)
{
	SearchTrial *entry = &run->search->trials[run->search->ntrials];
	const Jsonb *params = trial_params(run, trial, rounds);
	Jsonb	   *point = run->points[trial - 1];
	double		cpu_start = usage_cpu_seconds();
	double		total = 0;

	entry->trial = trial;
	entry->rung = rung;
	entry->params = JsonbToCString(NULL, &point->root, VARSIZE(point));
	entry->nfolds = run->folds->nfolds;
	entry->scores = palloc(sizeof(double) * entry->nfolds);
	entry->resource = own_rounds(run, params);
	for (int fold = 0; fold < entry->nfolds; fold++)
		entry->scores[fold] = get_float8_nan();
	for (int fold = 0; fold < entry->nfolds && entry->error == NULL; fold++)
	{
		entry->error = try_fold(run, fold, params, &entry->scores[fold]);
		total += entry->scores[fold];
		progress_update(run->request->progress, run->search->ntrials);
	}
	entry->mean = entry->error == NULL ? total / entry->nfolds : get_float8_nan();
	entry->state = entry->error == NULL ? "completed" : "failed";
	entry->cpu_seconds = usage_cpu_seconds() - cpu_start;
	run->search->ntrials++;
	if (is_better(run, entry->mean, run->best))
	{
		run->best = entry->mean;
		progress_metric(run->request->progress, run->search->metric->name, run->best);
	}
	progress_update(run->request->progress, run->search->ntrials);
	return entry;
}

/* Puts the entries of a rung that have a mean first, the best of them first, and gives their number. */
static int
rank_entries(const SearchRun *run, SearchTrial **entries, int n)
{
	int			nranked = 0;

	for (int i = 0; i < n; i++)
	{
		SearchTrial *entry = entries[i];
		int			at = nranked;

		if (isnan(entry->mean))
			continue;
		/* insertion, never past an equal mean: of equals the earlier trial stays first */
		for (; at > 0 && is_better(run, entry->mean, entries[at - 1]->mean); at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
		nranked++;
	}
	return nranked;
}

/* Ends with an error when no trial of a rung has a mean: there is nothing to choose. */
static void
check_any(const SearchRun *run, int nranked, const SearchTrial *first)
{
	if (nranked > 0)
		return;
	ereport(ERROR,
			(errcode(run->first_error ? run->first_error->sqlerrcode : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("every trial of the search failed"),
			 errdetail("The first, with %s: %s.", first->params, first->error),
			 run->first_error && run->first_error->hint ? errhint("%s", run->first_error->hint) : 0));
}

/* Orders integers. */
static int
int_compare(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return (x > y) - (x < y);
}

/*
 * Runs the trials of one rung, with the rounds given or (0) with their own; the
 * numbers of the nkeep best take the array's first places, in their order.
 */
static int
run_rung(SearchRun *run, int *trials, int ntrials, int rung, int64 rounds, int nkeep)
{
	SearchTrial **entries = palloc(mul_size(ntrials, sizeof(SearchTrial *)));
	SearchTrial *first = &run->search->trials[run->search->ntrials];
	int			nranked;

	for (int i = 0; i < ntrials; i++)
		entries[i] = run_trial(run, trials[i], rung, rounds);
	nranked = rank_entries(run, entries, ntrials);
	check_any(run, nranked, first);
	nkeep = Min(nkeep, nranked);
	for (int i = 0; i < nkeep; i++)
		trials[i] = entries[i]->trial;
	for (int i = nkeep; i < nranked && rounds > 0; i++)
		entries[i]->state = "eliminated";
	qsort(trials, nkeep, sizeof(int), int_compare);
	pfree(entries);
	return nkeep;
}

/* Gives the number of rungs below the last: as many as the trials allow and as leave the first one enough rounds. */
static int
rungs_below(const SearchRun *run, double rounds)
{
	int			below = 0;
	double		reduction = (double) run->options.reduction;

	if (!run->halving)
		return 0;
	while (run->npoints / pow(reduction, below + 1) >= 1 &&
		   rounds / pow(reduction, below + 1) >= run->options.min_rounds)
		below++;
	return below;
}

/* Counts the entries that all rungs will make. */
static int
count_entries(const SearchRun *run, int below)
{
	int			total = 0;
	int			n = run->npoints;

	for (int rung = 0; rung <= below; rung++)
	{
		total += n;
		n = Max(n / (int) run->options.reduction, 1);
	}
	return total;
}

/* Runs all rungs and gives the entry of the trial that won. */
static SearchTrial *
run_rungs(SearchRun *run)
{
	int		   *trials = palloc(mul_size(run->npoints, sizeof(int)));
	double		rounds = own_rounds(run, run->space->fixed);
	int			below = rungs_below(run, rounds);
	int			n = run->npoints;
	SearchTrial *winner;

	for (int i = 0; i < n; i++)
		trials[i] = i + 1;
	run->total = count_entries(run, below);
	run->search->trials = palloc0(mul_size(run->total, sizeof(SearchTrial)));
	progress_phase(run->request->progress, "searching", run->total);
	for (int rung = 0; rung < below; rung++)
		n = run_rung(run, trials, n, rung,
					 (int64) rint(rounds / pow((double) run->options.reduction, below - rung)),
					 Max(n / (int) run->options.reduction, 1));
	(void) run_rung(run, trials, n, below, 0, 1);
	winner = run->search->trials;
	for (int i = 1; i < run->search->ntrials; i++)
		if (is_better(run, run->search->trials[i].mean, winner->mean))
			winner = &run->search->trials[i];
	winner->state = "chosen";
	return winner;
}

/* Says what was done, for the version's parameters. */
static Jsonb *
summarize(const SearchRun *run, const SearchTrial *winner)
{
	const SearchOptions *options = &run->options;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"method\": \"%s\", \"trials\": %d, \"folds\": %d, \"split\": \"%s\", \"metric\": \"%s\", \"seed\": "
					 UINT64_FORMAT, options->method, run->npoints, run->folds->nfolds,
					 search_split_names[run->folds->split], run->search->metric->name, run->seed);
	if (run->halving)
		appendStringInfo(&out, ", \"reduction\": " INT64_FORMAT ", \"min_rounds\": " INT64_FORMAT ", \"rung\": %d",
						 options->reduction, options->min_rounds, winner->rung);
	appendStringInfo(&out, ", \"chosen\": %d, \"mean\": %s, \"space\": ", winner->trial, float8out_internal(winner->mean));
	space_to_json(run->space, &out);
	appendStringInfoChar(&out, '}');
	return search_jsonb(out.data);
}

/* Gives the metric that was asked for; else the task's, or for a quantile the loss that its objective is about. */
static const Metric *
choose_metric(const SearchRun *run, const TrainRequest *request)
{
	if (run->options.metric != NULL)
		return metric_find(run->options.metric, request->task, request->nclasses);
	if (search_has_text(run->space->fixed, "objective", "reg:quantileerror"))
		return metric_find("quantile_loss", request->task, request->nclasses);
	return metric_default(request->task);
}

/* Runs the trials and gives what won. */
Search *
search_run(const Jsonb *option, const TrainRequest *request, const Algorithm *algorithm, const TrainSet *set)
{
	SearchRun	run = {0};
	SearchTrial *winner;

	read_search(&run, option, request->params, request->common, request->seed, algorithm);
	draw_points(&run);
	run.request = request;
	run.best = get_float8_nan();
	run.search = palloc0(sizeof(Search));
	run.search->metric = choose_metric(&run, request);
	run.folds = folds_make(request, set, algorithm, &run.options, run.seed);
	run.folds->metric = run.search->metric;

	winner = run_rungs(&run);
	run.search->params = trial_params(&run, winner->trial, run.halving ? (int64) winner->resource : 0);
	run.search->summary = summarize(&run, winner);
	run.search->peak_bytes = run.folds->peak;
	return run.search;
}
