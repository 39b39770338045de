/*-------------------------------------------------------------------------
 *
 * ensemble_options.c
 *	  Which components a detector has, with which weights and options.
 *
 * Every algorithm that serves detectors and lays its options open can be a
 * component.  Options are flat: a key belongs to the component that has it, so no
 * two may have the same.  Components take their own and pass over the rest; what
 * nobody has is refused here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "anomaly/ensemble_int.h"
#include "compat/compat.h"

typedef struct EnsembleOptions
{
	char	   *algorithm;
	Jsonb	   *components;
} EnsembleOptions;

static const OptionSpec own_specs[] = {
	{"algorithm", OPTION_TEXT, OPTION_FIELD(EnsembleOptions, algorithm)},
	{"components", OPTION_JSON, OPTION_FIELD(EnsembleOptions, components)},
};

#define WHAT "the detector"

#ifdef USE_ASSERT_CHECKING
static bool has_option(const Algorithm *algorithm, const char *name);

/* Tells whether no other component has an option of one's own. */
static bool
options_differ(const Algorithm *one)
{
	const Algorithm *other;

	for (int i = 0; (other = algorithm_at(i)) != NULL; i++)
	{
		for (int k = 0; other != one && other->serves(TASK_ANOMALY) && k < one->nspecs; k++)
		{
			if (has_option(other, one->specs[k].name))
				return false;
		}
	}
	return true;
}
#endif

/* Gives the component of that number, or NULL behind the last. */
const Algorithm *
ensemble_candidate(int i)
{
	const Algorithm *algorithm;

	for (int at = 0; (algorithm = algorithm_at(at)) != NULL; at++)
	{
		if (algorithm == &algorithm_ensemble || algorithm->specs == NULL || !algorithm->serves(TASK_ANOMALY))
			continue;
		Assert(options_differ(algorithm));
		if (i-- == 0)
			return algorithm;
	}
	return NULL;
}

/* Tells whether an algorithm has an option of that name. */
static bool
has_option(const Algorithm *algorithm, const char *name)
{
	for (int i = 0; i < algorithm->nspecs; i++)
	{
		if (strcmp(algorithm->specs[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Gives the value of a key that is not null, or NULL. */
static JsonbValue *
find_value(const Jsonb *params, const char *name)
{
	JsonbValue *value = options_value(params, name);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* Ends with the error for a name that is no component's. */
static void pg_attribute_noreturn()
unknown_component(const char *name)
{
	const char *names[ENSEMBLE_MAX_COMPONENTS];
	const Algorithm *candidate;
	const char *nearest;
	StringInfoData all;
	int			n = 0;

	initStringInfo(&all);
	for (; n < lengthof(names) && (candidate = ensemble_candidate(n)) != NULL; n++)
	{
		names[n] = candidate->name;
		appendStringInfo(&all, "%s\"%s\"", n == 0 ? "" : ", ", names[n]);
	}
	nearest = options_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a detector has no component \"%s\"", name),
			 errdetail("Known are %s.", all.data),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Gives the component of that name, or NULL. */
static const Algorithm *
find_component(const char *name)
{
	const Algorithm *candidate;

	for (int i = 0; (candidate = ensemble_candidate(i)) != NULL; i++)
	{
		if (strcmp(candidate->name, name) == 0)
			return candidate;
	}
	return NULL;
}

/* Gives a weight, which must be a number above 0. */
static double
read_weight(const char *name, const JsonbValue *value)
{
	double		weight = -1;

	if (value->type == jbvNumeric)
		weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(weight > 0 && weight <= ENSEMBLE_MAX_WEIGHT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight of component \"%s\" must be a number above 0", name),
				 errdetail("Valid values are greater than 0 and at most %g.", ENSEMBLE_MAX_WEIGHT),
				 errhint("Leave out components that are not to count.")));
	return weight;
}

/* Adds a component. */
static void
add_component(EnsembleChoice *choice, const Algorithm *algorithm, double weight)
{
	Assert(choice->n < ENSEMBLE_MAX_COMPONENTS);
	choice->algorithm[choice->n] = algorithm;
	choice->weight[choice->n++] = weight;
}

/* Takes the components that an object names, in the order of the list of algorithms. */
static void
read_components(const Jsonb *components, EnsembleChoice *choice)
{
	const Algorithm *candidate;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(components))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"components\" of %s must be an object of weights", WHAT),
				 errhint("Write it as {\"isolation_forest\": 1}.")));
	it = JsonbIteratorInit(&unconstify(Jsonb *, components)->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (find_component(name) == NULL)
			unknown_component(name);
		(void) JsonbIteratorNext(&it, &value, true);
		(void) read_weight(name, &value);
	}
	for (int i = 0; (candidate = ensemble_candidate(i)) != NULL; i++)
	{
		JsonbValue	weight;

		if (getKeyJsonValueFromContainer(&unconstify(Jsonb *, components)->root, candidate->name,
										 strlen(candidate->name), &weight) != NULL)
			add_component(choice, candidate, read_weight(candidate->name, &weight));
	}
	if (choice->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"components\" of %s names no component", WHAT)));
}

/* Takes what was asked for by name; says whether anything was. */
static bool
choose_given(const Jsonb *params, EnsembleChoice *choice)
{
	EnsembleOptions options;

	memset(choice, 0, sizeof(EnsembleChoice));
	options_parse_own(params, WHAT, own_specs, lengthof(own_specs), &options);
	if (options.algorithm != NULL && options.components != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"algorithm\" and \"components\" of %s exclude each other", WHAT),
				 errdetail("\"algorithm\" names the only component.")));
	if (options.algorithm != NULL)
	{
		const Algorithm *component = find_component(options.algorithm);

		if (component == NULL)
			unknown_component(options.algorithm);
		add_component(choice, component, 1);
	}
	else if (options.components != NULL)
		read_components(options.components, choice);
	return choice->n > 0;
}

/* Tells whether a column holds words rather than amounts. */
static bool
is_wordy(EncoderKind kind)
{
	return kind == ENCODER_CATEGORY || kind == ENCODER_TEXT || kind == ENCODER_BOOL;
}

/* Tells whether a value is this text. */
static bool
is_text(const JsonbValue *value, const char *text)
{
	return value->type == jbvString && value->val.string.len == (int) strlen(text) &&
		memcmp(value->val.string.val, text, value->val.string.len) == 0;
}

/*
 * Chooses by the columns.  What is wrong with a row of words is a combination that
 * does not occur, which a forest of few random splits does not see: there it only
 * adds noise.  Among amounts it is the better one of the two, and both together
 * are better than each.
 */
static void
choose_by_columns(const Jsonb *params, const Encoder *encoder, EnsembleChoice *choice)
{
	const JsonbValue *partition = find_value(params, "partition_by");

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		const EncoderColumn *column = &encoder->columns[c];

		/* what rows are grouped by is a category whatever its type */
		if (is_wordy(column->kind) && !(partition != NULL && is_text(partition, column->name)))
		{
			add_component(choice, &algorithm_surprise, 1);
			return;
		}
	}
	add_component(choice, &algorithm_iforest, partition != NULL ? 0.5 : 1);
	add_component(choice, &algorithm_surprise, partition != NULL ? 1 : 0.5);
}

/* Reads which components are asked for; else the encoder's columns decide. */
void
ensemble_choose(const Jsonb *params, const Encoder *encoder, EnsembleChoice *choice)
{
	if (!choose_given(params, choice))
		choose_by_columns(params, encoder, choice);
}

/* Reads which components may come to be, before the columns are known. */
void
ensemble_choose_possible(const Jsonb *params, EnsembleChoice *choice)
{
	if (choose_given(params, choice))
		return;
	add_component(choice, &algorithm_iforest, 1);
	add_component(choice, &algorithm_surprise, 1);
}

/* Gives the names of the common options, the ensemble's own and the components' but one, NULL-terminated. */
const char *const *
ensemble_passed_over(const Algorithm *component, const char *const *common)
{
	const Algorithm *candidate;
	const char **names;
	int			n = lengthof(own_specs) + 1;

	for (int i = 0; common != NULL && common[i] != NULL; i++)
		n++;
	for (int i = 0; (candidate = ensemble_candidate(i)) != NULL; i++)
		n += candidate->nspecs;
	names = palloc(sizeof(char *) * n);
	n = 0;
	for (int i = 0; common != NULL && common[i] != NULL; i++)
		names[n++] = common[i];
	for (int i = 0; component != NULL && i < lengthof(own_specs); i++)
		names[n++] = own_specs[i].name;
	for (int i = 0; (candidate = ensemble_candidate(i)) != NULL; i++)
	{
		for (int k = 0; candidate != component && k < candidate->nspecs; k++)
			names[n++] = candidate->specs[k].name;
	}
	names[n] = NULL;
	return names;
}

/* Ends with an error for an option of a component that is not among those chosen. */
static void
check_owner(const char *name, const EnsembleChoice *choice)
{
	const Algorithm *candidate;
	const Algorithm *owner = NULL;

	for (int i = 0; i < choice->n; i++)
	{
		if (has_option(choice->algorithm[i], name))
			return;
	}
	for (int i = 0; owner == NULL && (candidate = ensemble_candidate(i)) != NULL; i++)
	{
		if (has_option(candidate, name))
			owner = candidate;
	}
	if (owner != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has no effect here", name),
				 errdetail("It belongs to component \"%s\", which this detector does not have.", owner->name),
				 errhint("Name the component in option \"algorithm\", or several with their weights in option \"components\".")));
}

/* Ends with an error for an option that no component of the choice has. */
void
ensemble_check_options(const Jsonb *params, const char *const *common, const EnsembleChoice *choice)
{
	const char *const *others = ensemble_passed_over(NULL, common);
	EnsembleOptions options;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	options_parse_some(params, WHAT, own_specs, lengthof(own_specs), others, &options);
	if (params == NULL)
		return;
	it = JsonbIteratorInit(&unconstify(Jsonb *, params)->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvNull)
			check_owner(name, choice);
	}
}

/* Writes a component's own among the parameters of a version, as a JSON object. */
void
ensemble_component_params(const Algorithm *component, const Jsonb *params, StringInfo out)
{
	bool		first = true;

	appendStringInfoChar(out, '{');
	for (int i = 0; i < component->nspecs; i++)
	{
		JsonbValue *value = find_value(params, component->specs[i].name);
		Jsonb	   *json;

		if (value == NULL)
			continue;
		json = JsonbValueToJsonb(value);
		appendStringInfo(out, "%s\"%s\": ", first ? "" : ", ", component->specs[i].name);
		(void) JsonbToCString(out, &json->root, VARSIZE(json));
		first = false;
	}
	appendStringInfoChar(out, '}');
}

/* Writes the effective parameters: components with weights, then each one's own. */
void
ensemble_params(const EnsembleChoice *choice, char *const *params, StringInfo out)
{
	appendStringInfoString(out, "{\"components\": {");
	for (int i = 0; i < choice->n; i++)
	{
		appendStringInfo(out, "%s\"%s\": ", i > 0 ? ", " : "", choice->algorithm[i]->name);
		artifact_put_double(out, choice->weight[i]);
	}
	appendStringInfoChar(out, '}');
	for (int i = 0; i < choice->n; i++)
	{
		int			len = (int) strlen(params[i]);

		/* an object's members, without its braces */
		if (len > 2)
		{
			appendStringInfoString(out, ", ");
			appendBinaryStringInfo(out, params[i] + 1, len - 2);
		}
	}
	appendStringInfoChar(out, '}');
}
