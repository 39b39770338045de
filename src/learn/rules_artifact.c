/*-------------------------------------------------------------------------
 *
 * rules_artifact.c
 *	  A rule table as canonical JSON.
 *
 * One fixed form, without any freedom of order or spacing, so that the same
 * table has the same bytes and the reader needs no JSON parser:
 *
 *		{"format":"aipipe-rules","format_version":1,"features":F,"values":V,"overall":[…],"rules":[
 *		 {"when":[{"feature":0,"is":">","constants":[1000]},…],"then":[…],"share":0.25},…],"else":[…],"share":0.5}
 *
 * (on one line).  Numbers are float32 in their shortest form.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "storage/shmem.h"

#include "compat/compat.h"
#include "learn/rules.h"

#define ARTIFACT_HEAD "{\"format\":\"aipipe-rules\",\"format_version\":1,\"features\":"

/* By RuleOperator. */
static const char *const operator_names[RULE_NOPERATORS] = {"in", "not", "<", "<=", ">", ">=", "null", "known"};

/* A place in an artifact that is being read, and arrays that grow. */
typedef struct Reader
{
	const char *bytes;
	Size		len;
	Size		at;
	RuleTable  *table;
	Rule	   *rules;
	RuleCondition *conditions;
	float	   *constants;
	float	   *outcomes;
	float	   *shares;
	int			maxrules;
	int			maxconditions;
	int			maxconstants;
} Reader;

/* Raises the error for an artifact that is not one of ours. */
static void pg_attribute_noreturn()
artifact_error(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule table"),
			 errdetail("The artifact is damaged or was not written by aipipe: %s.", why)));
}

/* Appends "[a,b,…]". */
static void
append_floats(StringInfo out, const float *values, int n)
{
	for (int i = 0; i < n; i++)
	{
		char		number[FLOAT_SHORTEST_DECIMAL_LEN];

		float_to_shortest_decimal_buf(values[i], number);
		appendStringInfo(out, "%s%s", i == 0 ? "[" : ",", number);
	}
	appendStringInfoString(out, n == 0 ? "[]" : "]");
}

/* Appends the outcome and the share of rule i. */
static void
append_outcome(StringInfo out, const RuleTable *table, int i, const char *name)
{
	char		share[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(table->shares[i], share);
	appendStringInfo(out, "\"%s\":", name);
	append_floats(out, table->outcomes + (Size) i * table->noutputs, table->noutputs);
	appendStringInfo(out, ",\"share\":%s}", share);
}

/* Writes the canonical artifact. */
void
rules_write(const RuleTable *table, StringInfo out)
{
	appendStringInfo(out, ARTIFACT_HEAD "%d,\"values\":%d,\"overall\":", table->nfeatures, table->nvalues);
	append_floats(out, table->overall, table->noutputs);
	appendStringInfoString(out, ",\"rules\":[");
	for (int i = 0; i < table->nrules; i++)
	{
		const Rule *rule = &table->rules[i];

		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(out, i == 0 ? "{\"when\":[" : ",{\"when\":[");
		for (int k = 0; k < rule->nconditions; k++)
		{
			const RuleCondition *condition = &table->conditions[rule->first + k];

			appendStringInfo(out, "%s{\"feature\":%d,\"is\":\"%s\",\"constants\":", k == 0 ? "" : ",",
							 condition->feature, operator_names[condition->operator]);
			append_floats(out, table->constants + condition->first, condition->nconstants);
			appendStringInfoChar(out, '}');
		}
		appendStringInfoString(out, "],");
		append_outcome(out, table, i, "then");
	}
	appendStringInfoString(out, "],");
	append_outcome(out, table, table->nrules, "else");
}

/* Steps over a text when it comes next. */
static bool
take(Reader *r, const char *text)
{
	Size		len = strlen(text);

	if (r->len - r->at < len || memcmp(r->bytes + r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* Steps over a text that must come next. */
static void
expect(Reader *r, const char *text)
{
	if (!take(r, text))
		artifact_error("it is not in the fixed form");
}

/* Copies the number that must come next as text. */
static void
read_number(Reader *r, char *buffer, Size size)
{
	Size		n = 0;

	while (r->at < r->len && n < size - 1 && r->bytes[r->at] != '\0' && strchr("+-.0123456789e", r->bytes[r->at]) != NULL)
		buffer[n++] = r->bytes[r->at++];
	buffer[n] = '\0';
	if (n == 0 || n == size - 1)
		artifact_error("a number is missing or too long");
}

/* Reads a whole number that is not negative. */
static int
read_integer(Reader *r)
{
	char		text[32];
	char	   *end;
	long		value;

	read_number(r, text, sizeof(text));
	errno = 0;
	value = strtol(text, &end, 10);
	if (*end != '\0' || errno != 0 || value < 0 || value > PG_INT32_MAX)
		artifact_error("a count is not a whole number");
	return (int) value;
}

/* Reads a float. */
static float
read_float(Reader *r)
{
	char		text[32];
	char	   *end;
	float		value;

	read_number(r, text, sizeof(text));
	value = strtof(text, &end);
	if (*end != '\0' || !isfinite(value))
		artifact_error("a number is not finite");
	return value;
}

/* Reads a list of exactly n floats. */
static void
read_floats(Reader *r, float *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		expect(r, i == 0 ? "[" : ",");
		out[i] = read_float(r);
	}
	expect(r, "]");
}

/* Makes room for one more element, up to a limit. */
static void *
grow(void *array, int used, int *max, int limit, Size size)
{
	if (used < *max)
		return array;
	if (used >= limit)
		artifact_error("it has too many rules, conditions or constants");
	*max = *max == 0 ? 64 : *max * 2;
	return array == NULL ? palloc(mul_size(*max, size)) : repalloc(array, mul_size(*max, size));
}

/* Reads the constants of a condition. */
static void
read_constants(Reader *r, RuleCondition *condition)
{
	RuleTable  *table = r->table;

	condition->first = table->nconstants;
	condition->nconstants = 0;
	expect(r, "[");
	if (take(r, "]"))
		return;
	do
	{
		r->constants = grow(r->constants, table->nconstants, &r->maxconstants, RULES_MAX_CONSTANTS, sizeof(float));
		r->constants[table->nconstants++] = read_float(r);
		condition->nconstants++;
	} while (take(r, ","));
	expect(r, "]");
}

/* Reads a condition. */
static void
read_condition(Reader *r)
{
	RuleCondition *condition;
	int			operator = 0;

	r->conditions = grow(r->conditions, r->table->nconditions, &r->maxconditions, RULES_MAX_CONDITIONS,
						 sizeof(RuleCondition));
	condition = &r->conditions[r->table->nconditions++];
	expect(r, "{\"feature\":");
	condition->feature = read_integer(r);
	expect(r, ",\"is\":\"");
	while (operator < RULE_NOPERATORS && !take(r, psprintf("%s\"", operator_names[operator])))
		operator++;
	if (operator == RULE_NOPERATORS)
		artifact_error("an operator is unknown");
	condition->operator = operator;
	expect(r, ",\"constants\":");
	read_constants(r, condition);
	expect(r, "}");
}

/* Reads an outcome and a share into their places, which grow with the rules. */
static void
read_outcome(Reader *r, const char *name)
{
	int			i = r->table->nrules;

	expect(r, psprintf("\"%s\":", name));
	read_floats(r, r->outcomes + (Size) i * r->table->noutputs, r->table->noutputs);
	expect(r, ",\"share\":");
	r->shares[i] = read_float(r);
	expect(r, "}");
}

/* Makes room for one more rule, or else. */
static void
grow_rules(Reader *r)
{
	int			n = r->table->nrules;
	int			max = r->maxrules;

	r->rules = grow(r->rules, n, &r->maxrules, RULES_MAX + 1, sizeof(Rule));
	if (r->maxrules == max)
		return;
	max = n;
	r->shares = grow(r->shares, n, &max, RULES_MAX + 1, sizeof(float));
	max = n;
	r->outcomes = grow(r->outcomes, n, &max, RULES_MAX + 1, mul_size(r->table->noutputs, sizeof(float)));
}

/* Reads the rules and else. */
static void
read_rules(Reader *r)
{
	RuleTable  *table = r->table;

	for (grow_rules(r); !take(r, "],"); grow_rules(r))
	{
		Rule	   *rule = &r->rules[table->nrules];

		CHECK_FOR_INTERRUPTS();
		rule->first = table->nconditions;
		expect(r, table->nrules == 0 ? "{\"when\":[" : ",{\"when\":[");
		do
			read_condition(r);
		while (take(r, ","));
		expect(r, "],");
		rule->nconditions = table->nconditions - rule->first;
		read_outcome(r, "then");
		table->nrules++;
	}
	read_outcome(r, "else");
}

/* Reads what rules_write() wrote. */
RuleTable *
rules_read(const char *artifact, Size len)
{
	RuleTable  *table = palloc0(sizeof(RuleTable));
	Reader		r = {.bytes = artifact, .len = len, .table = table};
	float	   *overall;
	const char *wrong;

	expect(&r, ARTIFACT_HEAD);
	table->nfeatures = read_integer(&r);
	expect(&r, ",\"values\":");
	table->nvalues = read_integer(&r);
	if (table->nvalues < 1 || table->nvalues > RULES_MAX_VALUES)
		artifact_error("its number of values is out of range");
	table->noutputs = table->nvalues == 2 ? 1 : table->nvalues;
	overall = palloc(mul_size(table->noutputs, sizeof(float)));
	expect(&r, ",\"overall\":");
	read_floats(&r, overall, table->noutputs);
	expect(&r, ",\"rules\":[");
	read_rules(&r);
	if (r.at != len)
		artifact_error("something follows its end");
	table->rules = r.rules;
	table->conditions = r.conditions;
	table->constants = r.constants;
	table->overall = overall;
	table->outcomes = r.outcomes;
	table->shares = r.shares;
	if ((wrong = rules_check(table)) != NULL)
		artifact_error(wrong);
	return table;
}
