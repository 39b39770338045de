/*-------------------------------------------------------------------------
 *
 * rules_spec.c
 *	  The rules as people write them:
 *
 *		{"rules": [{"when": {"amount": {">": 1000}, "region": "EU", "note": null}, "then": "yes"}, …],
 *		 "else": "no"}
 *
 * They are read twice: for their form before any row is read, and again when
 * the encoder is there, which says what a column is and turns constants into what
 * stands in an encoded row (rules_constant.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "learn/rules.h"

/* Where in the rules we are, and what was read. */
typedef struct SpecReader
{
	const Encoder *encoder;		/* NULL: the form alone is looked at */
	RuleSpec   *spec;
	bool		in_rule;
	const char *column;			/* that a condition is on, or NULL */
	int			at;				/* the same in the encoder */
	Rule	   *rules;
	RuleCondition *conditions;
	int			maxconditions;
	float	   *constants;
	int			maxconstants;
} SpecReader;


static const OptionSpec rules_options[] = {
	{"rules", OPTION_JSON, OPTION_FIELD(RulesOptions, rules)},
	{"else", OPTION_JSON, OPTION_FIELD(RulesOptions, otherwise)},
};

/* By RuleOperator, as written; the last two are written otherwise. */
static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};

/* The words that a condition may begin with. */
static const char *const condition_words[] = {"=", "<>", "<", "<=", ">", ">=", "in", "null"};
static const char *const rule_words[] = {"when", "then"};

/* Adds to an error in which rule and at which column it happened. */
static void
add_context(void *arg)
{
	const SpecReader *reader = arg;

	if (reader->column != NULL)
		errcontext("rule %d, column \"%s\"", reader->spec->table.nrules + 1, reader->column);
	else if (reader->in_rule)
		errcontext("rule %d", reader->spec->table.nrules + 1);
}

/* Whether a JSON value is an object. */
static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* Whether a JSON value is an array. */
static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

/* Gives the next member of an object. */
static bool
next_member(JsonbIterator **it, char **key, JsonbValue *value)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(it, value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		*key = pnstrdup(value->val.string.val, value->val.string.len);
		(void) JsonbIteratorNext(it, value, true);
		return true;
	}
	return false;
}

/* Gives the next element of an array. */
static bool
next_element(JsonbIterator **it, JsonbValue *value)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(it, value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			return true;
	}
	return false;
}

/* Ends with an error for a word that is none of those that may stand here. */
static void pg_attribute_noreturn()
unknown_word(const char *what, const char *word, const char *const *words, int nwords)
{
	const char *nearest = options_nearest(word, words, nwords);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < nwords; i++)
		appendStringInfo(&list, "%s\"%s\"", i ? ", " : "", words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown %s \"%s\"", what, word),
			 errdetail("Known are %s.", list.data),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Ends with an error about what was written. */
static void pg_attribute_noreturn()
malformed(const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Adds a constant, as it stands in an encoded row. */
static void
add_constant(SpecReader *reader, const JsonbValue *value, RuleOperator operator)
{
	RuleTable  *table = &reader->spec->table;

	if (value->type == jbvNull)
		malformed("a comparison with null never holds", "Write null, or {\"null\": false} for the opposite.");
	if (value->type != jbvString && value->type != jbvNumeric && value->type != jbvBool)
		malformed("a condition compares with a string, a number, true or false", NULL);
	if (table->nconstants == RULES_MAX_CONSTANTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rules have more than %d constants", RULES_MAX_CONSTANTS)));
	if (table->nconstants == reader->maxconstants)
	{
		reader->maxconstants *= 2;
		reader->constants = repalloc(reader->constants, mul_size(reader->maxconstants, sizeof(float)));
	}
	reader->constants[table->nconstants++] = reader->encoder == NULL ? 0 :
		rules_constant(&reader->encoder->columns[reader->at], value, operator);
}

/* Adds a condition on the column at hand, still without constants. */
static RuleCondition *
add_condition(SpecReader *reader, RuleOperator operator)
{
	RuleTable  *table = &reader->spec->table;
	RuleCondition *condition;

	if (table->nconditions == RULES_MAX_CONDITIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the rules have more than %d conditions", RULES_MAX_CONDITIONS)));
	if (table->nconditions == reader->maxconditions)
	{
		reader->maxconditions *= 2;
		reader->conditions = repalloc(reader->conditions, mul_size(reader->maxconditions, sizeof(RuleCondition)));
	}
	condition = &reader->conditions[table->nconditions++];
	condition->feature = reader->encoder == NULL ? 0 : reader->encoder->columns[reader->at].first_feature;
	condition->operator = operator;
	condition->first = table->nconstants;
	condition->nconstants = 0;
	return condition;
}

/* Reads {"in": […]}. */
static void
read_list(SpecReader *reader, const JsonbValue *value)
{
	RuleCondition *condition = add_condition(reader, RULE_IN);
	JsonbIterator *it;
	JsonbValue	element;

	if (!is_array(value))
		malformed("\"in\" needs an array of constants", NULL);
	it = JsonbIteratorInit(value->val.binary.data);
	while (next_element(&it, &element))
	{
		add_constant(reader, &element, RULE_IN);
		condition->nconstants++;
	}
	if (condition->nconstants == 0)
		malformed("\"in\" needs at least one constant", NULL);
}

/* Reads one member of a condition's object. */
static void
read_operator(SpecReader *reader, const char *word, const JsonbValue *value)
{
	if (strcmp(word, "in") == 0)
	{
		read_list(reader, value);
		return;
	}
	if (strcmp(word, "null") == 0)
	{
		if (value->type != jbvBool)
			malformed("\"null\" needs true or false", NULL);
		(void) add_condition(reader, value->val.boolean ? RULE_NULL : RULE_NOT_NULL);
		return;
	}
	for (int i = 0; i < lengthof(operators); i++)
	{
		if (strcmp(word, operators[i]) != 0)
			continue;
		add_condition(reader, i)->nconstants = 1;
		add_constant(reader, value, i);
		return;
	}
	unknown_word("operator", word, condition_words, lengthof(condition_words));
}

/* Finds the column that a rule names. */
static void
find_column(SpecReader *reader, const char *name)
{
	const Encoder *encoder = reader->encoder;
	const char **names;
	const char *nearest;

	reader->column = name;
	if (encoder == NULL)
		return;
	names = palloc(mul_size(Max(encoder->ncolumns, 1), sizeof(char *)));
	for (reader->at = 0; reader->at < encoder->ncolumns; reader->at++)
	{
		if (strcmp(encoder->columns[reader->at].name, name) == 0)
			return;
		names[reader->at] = encoder->columns[reader->at].name;
	}
	nearest = options_nearest(name, names, encoder->ncolumns);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" is not among the model's features", name),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Reads {"column": condition, …}. */
static void
read_when(SpecReader *reader, const JsonbValue *when)
{
	JsonbIterator *it;
	JsonbValue	value;
	char	   *name;

	if (!is_object(when))
		malformed("\"when\" needs an object of columns and conditions", NULL);
	it = JsonbIteratorInit(when->val.binary.data);
	while (next_member(&it, &name, &value))
	{
		find_column(reader, name);
		if (value.type == jbvNull)
			(void) add_condition(reader, RULE_NULL);
		else if (is_object(&value))
		{
			JsonbIterator *inner = JsonbIteratorInit(value.val.binary.data);
			int			before = reader->spec->table.nconditions;
			JsonbValue	operand;
			char	   *word;

			while (next_member(&inner, &word, &operand))
				read_operator(reader, word, &operand);
			if (reader->spec->table.nconditions == before)
				malformed("a condition needs an operator", NULL);
		}
		else if (is_array(&value))
			malformed("an array is no condition", "Write {\"in\": [1, 2]}.");
		else
			read_operator(reader, "=", &value);
	}
	reader->column = NULL;
}

/* Reads "then" or "else": a class by its label, or a value. */
static void
read_outcome(ModelTask task, const char *word, const JsonbValue *value, RuleOutcome *outcome)
{
	outcome->given = true;
	if (task != TASK_CLASSIFICATION)
	{
		if (value->type == jbvNumeric)
			outcome->value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																NumericGetDatum(value->val.numeric)));
		if (value->type != jbvNumeric || !isfinite((float) outcome->value))
			malformed(psprintf("\"%s\" needs a number", word), NULL);
		return;
	}
	if (value->type == jbvString)
		outcome->label = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvBool)
		outcome->label = pstrdup(value->val.boolean ? "true" : "false");
	else if (value->type == jbvNumeric)
		outcome->label = numeric_normalize(value->val.numeric);
	else
		malformed(psprintf("\"%s\" needs a class", word), NULL);
}

/* Reads one rule. */
static void
read_rule(SpecReader *reader, ModelTask task, const JsonbValue *element)
{
	RuleTable  *table = &reader->spec->table;
	Rule	   *rule = &reader->rules[table->nrules];
	JsonbIterator *it;
	JsonbValue	value;
	char	   *word;

	reader->in_rule = true;
	if (!is_object(element))
		malformed("a rule must be an object with \"when\" and perhaps \"then\"", NULL);
	rule->first = table->nconditions;
	it = JsonbIteratorInit(element->val.binary.data);
	while (next_member(&it, &word, &value))
	{
		if (strcmp(word, "when") == 0)
			read_when(reader, &value);
		else if (strcmp(word, "then") != 0)
			unknown_word("part of a rule", word, rule_words, lengthof(rule_words));
		else if (value.type != jbvNull)
			read_outcome(task, "then", &value, &reader->spec->outcomes[table->nrules]);
	}
	rule->nconditions = table->nconditions - rule->first;
	if (rule->nconditions == 0)
		malformed("a rule needs at least one condition", "What holds for all other rows is \"else\".");
	reader->in_rule = false;
	table->nrules++;
}

/* Gives the array of rules, or ends with an error when there is none. */
static JsonbContainer *
rules_array(const RulesOptions *options)
{
	const char *example = "For example {\"rules\": [{\"when\": {\"amount\": {\">\": 1000}}, \"then\": \"yes\"}], \"else\": \"no\"}.";

	if (options->rules == NULL || !JB_ROOT_IS_ARRAY(options->rules) || JB_ROOT_IS_SCALAR(options->rules) ||
		JB_ROOT_COUNT(options->rules) == 0)
		malformed("algorithm rules needs option \"rules\", an array of at least one rule", example);
	if (JB_ROOT_COUNT(options->rules) > RULES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are %u rules, the limit is %d", JB_ROOT_COUNT(options->rules), RULES_MAX)));
	return &options->rules->root;
}

/* Reads and checks the options; without an encoder no more than their form. */
RuleSpec *
rules_read_spec(ModelTask task, const Jsonb *params, const char *const *common, const Encoder *encoder)
{
	RuleSpec   *spec = palloc0(sizeof(RuleSpec));
	SpecReader	reader = {.encoder = encoder, .spec = spec, .maxconditions = 64, .maxconstants = 64};
	ErrorContextCallback context = {error_context_stack, add_context, &reader};
	RulesOptions options;
	JsonbContainer *array;
	JsonbIterator *it;
	JsonbValue	value;

	options_parse_some(params, "rules", rules_options, lengthof(rules_options), common, &options);
	array = rules_array(&options);
	spec->given = options;
	reader.rules = palloc(mul_size(JsonContainerSize(array), sizeof(Rule)));
	reader.conditions = palloc(mul_size(reader.maxconditions, sizeof(RuleCondition)));
	reader.constants = palloc(mul_size(reader.maxconstants, sizeof(float)));
	spec->outcomes = palloc0(mul_size(JsonContainerSize(array) + 1, sizeof(RuleOutcome)));

	error_context_stack = &context;
	it = JsonbIteratorInit(array);
	while (next_element(&it, &value))
		read_rule(&reader, task, &value);
	error_context_stack = context.previous;
	if (options.otherwise != NULL)
	{
		if (!JsonbExtractScalar(&options.otherwise->root, &value))
			value.type = jbvBinary;
		read_outcome(task, "else", &value, &spec->outcomes[spec->table.nrules]);
	}
	spec->table.rules = reader.rules;
	spec->table.conditions = reader.conditions;
	spec->table.constants = reader.constants;
	return spec;
}

/* Appends the effective options as JSON. */
void
rules_append_params(const RuleSpec *spec, StringInfo out)
{
	options_to_json(out, rules_options, lengthof(rules_options), &spec->given);
}
