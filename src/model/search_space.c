/*-------------------------------------------------------------------------
 *
 * search_space.c
 *	  What a search draws from, and its draws.
 *
 * A point of the space is a JSON object of the drawn parameters alone; with the
 * fixed ones it makes the parameters of a training.  Draws depend on the space
 * and the seed alone, so a check before any row is read sees the very points
 * that the trials will take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "model/search_private.h"

/* Choices of one parameter. */
#define MAX_CHOICES 1000

/* Draws in a row that only repeat earlier ones before the space counts as exhausted. */
#define MAX_REPEATS 1000

/* One parameter's range as it is given. */
typedef struct RangeOptions
{
	double		min;
	double		max;
	char	   *scale;
} RangeOptions;

static const char *const scale_names[] = {"linear", "log", NULL};

/* Reads a range; a bound that is not given stays NaN. */
static void
read_range(const char *name, const Jsonb *value, RangeOptions *range)
{
	double		nan = get_float8_nan();
	const OptionSpec specs[] = {
		{"min", OPTION_REAL, OPTION_FIELD(RangeOptions, min), nan, -DBL_MAX, DBL_MAX, NULL, NULL},
		{"max", OPTION_REAL, OPTION_FIELD(RangeOptions, max), nan, -DBL_MAX, DBL_MAX, NULL, NULL},
		{"scale", OPTION_TEXT, OPTION_FIELD(RangeOptions, scale), 0, 0, 0, "linear", scale_names}
	};

	options_parse(value, psprintf("search space \"%s\"", name), specs, lengthof(specs), range);
}

/* Reads JSON that we wrote ourselves. */
Jsonb *
search_jsonb(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* Tells whether the key is there with that text. */
bool
search_has_text(const Jsonb *object, const char *key, const char *text)
{
	JsonbValue *value = options_value(object, key);

	return value != NULL && value->type == jbvString &&
		value->val.string.len == (int) strlen(text) && memcmp(value->val.string.val, text, strlen(text)) == 0;
}

/* Gives the number of that key, or the default when it is absent. */
double
search_number(const Jsonb *params, const char *key, double dflt)
{
	JsonbValue *value = options_value(params, key);

	if (value == NULL || value->type != jbvNumeric)
		return dflt;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* Ends with the error for a range that holds no number of the parameter's kind. */
static void
check_range(const SearchParam *param)
{
	const char *wrong = NULL;

	if (isnan(param->min) || isnan(param->max))
		wrong = "It needs min and max.";
	else if (param->min > param->max)
		wrong = "Its min is greater than its max.";
	else if (param->integer && (param->min != rint(param->min) || param->max != rint(param->max)))
		wrong = "The parameter is an integer, and so are min and max.";
	else if (param->log_scale && param->min <= 0)
		wrong = "With scale \"log\" its min is greater than 0.";
	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid range of search space \"%s\"", param->name),
				 errdetail_internal("%s", wrong)));
}

/* Takes the range of a parameter that is a number. */
static void
take_range(SearchParam *param, const OptionSpec *spec, const Jsonb *value)
{
	RangeOptions range;

	if (spec->type != OPTION_INT && spec->type != OPTION_REAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("search space \"%s\" must be an array of choices", param->name),
				 errdetail("The parameter is not a number.")));
	read_range(param->name, value, &range);
	param->integer = (spec->type == OPTION_INT);
	param->log_scale = (strcmp(range.scale, "log") == 0);
	param->min = range.min;
	param->max = range.max;
	check_range(param);
}

/* Takes the choices of a parameter. */
static void
take_choices(SearchParam *param, const Jsonb *value)
{
	int			n = JB_ROOT_COUNT(value);

	if (n == 0 || n > MAX_CHOICES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("search space \"%s\" must have 1 to %d choices", param->name, MAX_CHOICES)));
	param->choices = palloc(mul_size(n, sizeof(char *)));
	for (int i = 0; i < n; i++)
	{
		Jsonb	   *choice = JsonbValueToJsonb(getIthJsonbValueFromContainer(&unconstify(Jsonb *, value)->root, i));

		param->choices[param->nchoices++] = JsonbToCString(NULL, &choice->root, VARSIZE(choice));
	}
}

/* Ends with an error for a parameter that the training, not the algorithm, looks at, or that is given besides. */
static void
check_searchable(const char *name, const Jsonb *params, const char *const *common)
{
	for (int i = 0; common[i] != NULL; i++)
		if (strcmp(common[i], name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" cannot be searched", name),
					 errdetail("It is the training's, not the algorithm's.")));
	if (options_value(params, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is both given and searched", name),
				 errhint("Leave it out of one of them.")));
}

/* Reads one parameter of a space that was given. */
static void
read_param(SearchParam *param, const JsonbValue *value, const Algorithm *algorithm)
{
	const OptionSpec *spec = algorithm->option(param->name);
	Jsonb	   *json = JsonbValueToJsonb(unconstify(JsonbValue *, value));

	if (JB_ROOT_IS_SCALAR(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("search space \"%s\" must be an array of choices or an object with min and max", param->name)));
	if (JB_ROOT_IS_ARRAY(json))
		take_choices(param, json);
	else if (spec != NULL)
		take_range(param, spec, json);
	else
	{
		/* the algorithm's own check says which name is nearest */
		param->choices = palloc(sizeof(char *));
		param->choices[param->nchoices++] = pstrdup("0");
	}
}

/* Reads the space that was given. */
static void
read_given(SearchSpace *space, const Jsonb *given, const Jsonb *params, const char *const *common,
		   const Algorithm *algorithm)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"space\" of search must be a JSON object")));
	space->params = palloc0(mul_size(Max(JB_ROOT_COUNT(given), 1), sizeof(SearchParam)));
	it = JsonbIteratorInit(&unconstify(Jsonb *, given)->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		SearchParam *param = &space->params[space->nparams];

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		param->name = pnstrdup(key.val.string.val, key.val.string.len);
		check_searchable(param->name, params, common);
		read_param(param, &value, algorithm);
		space->nparams++;
	}
}

/* Takes the algorithm's own space, without what is given. */
static void
take_default(SearchSpace *space, const Jsonb *params, const Algorithm *algorithm)
{
	int			n = 0;

	while (algorithm->space != NULL && algorithm->space[n].name != NULL)
		n++;
	space->by_default = true;
	space->params = palloc0(mul_size(Max(n, 1), sizeof(SearchParam)));
	for (int i = 0; i < n; i++)
	{
		const AlgorithmRange *range = &algorithm->space[i];
		SearchParam *param = &space->params[space->nparams];

		if (options_value(params, range->name) != NULL ||
			(range->other_name != NULL && options_value(params, range->other_name) != NULL))
			continue;
		param->name = range->name;
		param->integer = (algorithm->option(range->name)->type == OPTION_INT);
		param->log_scale = range->log_scale;
		param->min = range->min;
		param->max = range->max;
		space->nparams++;
	}
}

/* Reads the space, or takes the algorithm's own less what is given. */
SearchSpace *
space_read(const Jsonb *given_space, const Jsonb *params, const char *const *common, const Algorithm *algorithm)
{
	SearchSpace *space = palloc0(sizeof(SearchSpace));

	if (algorithm->option == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" has no parameters to search", algorithm->name)));
	if (given_space != NULL)
		read_given(space, given_space, params, common, algorithm);
	else
		take_default(space, params, algorithm);
	if (space->nparams == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is nothing to search"),
				 space->by_default
				 ? errdetail("Every parameter that a search of algorithm \"%s\" draws by itself is given.", algorithm->name)
				 : errdetail("The space is empty.")));
	space->fixed = params == NULL ? search_jsonb("{}")
		: DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(params), CStringGetTextDatum("search")));
	return space;
}

/* Gives the fixed parameters with those of a point in them. */
Jsonb *
space_apply(const SearchSpace *space, const Jsonb *point)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(space->fixed), JsonbPGetDatum(point)));
}

/* Gives a number of a parameter as JSON: whole, or with six significant digits within the bounds. */
static char *
number_text(const SearchParam *param, double number)
{
	char	   *text;
	double		rounded;

	if (param->integer)
		return psprintf("%.0f", number);
	text = psprintf("%.6g", number);
	rounded = strtod(text, NULL);
	if (rounded < param->min)
		return float8out_internal(param->min);
	if (rounded > param->max)
		return float8out_internal(param->max);
	return text;
}

/* Gives the number of values that a check has to look at: every choice, or both ends. */
static int
corner_count(const SearchParam *param)
{
	return param->nchoices > 0 ? param->nchoices : 2;
}

/* Gives one of them as JSON. */
static char *
corner_text(const SearchParam *param, int i)
{
	if (param->nchoices > 0)
		return param->choices[i];
	return number_text(param, i == 0 ? param->min : param->max);
}

/* Says which part of the search an error of the algorithm's check is about. */
static void
check_context(void *arg)
{
	errcontext("checking search space \"%s\"", ((const SearchParam *) arg)->name);
}

/* Has the algorithm check the first corner of every parameter, but another one of the parameter given. */
static void
check_corner(const SearchSpace *space, int which, int corner, const char *const *common, ModelTask task,
			 const Algorithm *algorithm)
{
	ErrorContextCallback context = {.callback = check_context, .arg = &space->params[which]};
	StringInfoData point;

	initStringInfo(&point);
	for (int i = 0; i < space->nparams; i++)
	{
		appendStringInfoString(&point, i == 0 ? "{" : ", ");
		escape_json(&point, space->params[i].name);
		appendStringInfo(&point, ": %s", corner_text(&space->params[i], i == which ? corner : 0));
	}
	appendStringInfoChar(&point, '}');
	context.previous = error_context_stack;
	error_context_stack = &context;
	algorithm->check(task, space_apply(space, search_jsonb(point.data)), common);
	error_context_stack = context.previous;
}

/* Has the algorithm check both ends of every range and every choice. */
void
space_check(const SearchSpace *space, const char *const *common, ModelTask task, const Algorithm *algorithm)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe model space", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (int i = 0; i < space->nparams; i++)
		for (int corner = 0; corner < corner_count(&space->params[i]); corner++)
		{
			CHECK_FOR_INTERRUPTS();
			check_corner(space, i, corner, common, task, algorithm);
			MemoryContextReset(context);
		}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Draws one value as JSON. */
static char *
draw_value(const SearchParam *param, pg_prng_state *random)
{
	double		low = param->min;
	double		high = param->max;
	double		number;

	if (param->nchoices > 0)
		return param->choices[pg_prng_uint64_range(random, 0, param->nchoices - 1)];
	if (param->integer && !param->log_scale)
		return number_text(param, low + (double) pg_prng_uint64_range(random, 0, (uint64) (high - low)));
	/* an integer n is drawn as a number from n up to n + 1 */
	if (param->integer)
		high += 1;
	number = param->log_scale
		? exp(log(low) + pg_prng_double(random) * (log(high) - log(low)))
		: low + pg_prng_double(random) * (high - low);
	if (param->integer)
		number = Min(Max(floor(number), param->min), param->max);
	return number_text(param, number);
}

/* Draws one point. */
static Jsonb *
draw_point(const SearchSpace *space, pg_prng_state *random)
{
	StringInfoData point;

	initStringInfo(&point);
	for (int i = 0; i < space->nparams; i++)
	{
		appendStringInfoString(&point, i == 0 ? "{" : ", ");
		escape_json(&point, space->params[i].name);
		appendStringInfo(&point, ": %s", draw_value(&space->params[i], random));
	}
	appendStringInfoChar(&point, '}');
	return search_jsonb(point.data);
}

/* Tells whether the point was drawn before. */
static bool
is_repeated(const Jsonb *point, Jsonb *const *points, int n)
{
	for (int i = 0; i < n; i++)
		if (compareJsonbContainers(&unconstify(Jsonb *, point)->root, &points[i]->root) == 0)
			return true;
	return false;
}

/* Draws up to n different points and gives how many there are. */
int
space_draw(const SearchSpace *space, int n, uint64 seed, Jsonb **points)
{
	pg_prng_state random;
	int			drawn = 0;

	pg_prng_seed(&random, seed);
	if (space->by_default)
		points[drawn++] = search_jsonb("{}");
	for (int repeats = 0; drawn < n && repeats < MAX_REPEATS;)
	{
		Jsonb	   *point;

		CHECK_FOR_INTERRUPTS();
		point = draw_point(space, &random);
		if (is_repeated(point, points, drawn))
		{
			repeats++;
			continue;
		}
		points[drawn++] = point;
		repeats = 0;
	}
	return drawn;
}

/* Appends the choices or the range of one parameter as JSON. */
static void
param_to_json(const SearchParam *param, StringInfo out)
{
	for (int i = 0; i < param->nchoices; i++)
		appendStringInfo(out, "%s%s", i == 0 ? "[" : ", ", param->choices[i]);
	if (param->nchoices > 0)
		appendStringInfoChar(out, ']');
	else
		appendStringInfo(out, "{\"min\": %s, \"max\": %s, \"scale\": \"%s\"}", float8out_internal(param->min),
						 float8out_internal(param->max), param->log_scale ? "log" : "linear");
}

/* Appends the space as a JSON object. */
void
space_to_json(const SearchSpace *space, StringInfo out)
{
	appendStringInfoChar(out, '{');
	for (int i = 0; i < space->nparams; i++)
	{
		if (i > 0)
			appendStringInfoString(out, ", ");
		escape_json(out, space->params[i].name);
		appendStringInfoString(out, ": ");
		param_to_json(&space->params[i], out);
	}
	appendStringInfoChar(out, '}');
}
