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

#include "miscadmin.h"
#include "storage/shmem.h"

#include "learn/artifact.h"
#include "learn/rules.h"

#define ARTIFACT_HEAD "{\"format\":\"aipipe-rules\",\"format_version\":1,\"features\":"

/* By RuleOperator. */
static const char *const operator_names[RULE_NOPERATORS] = {"in", "not", "<", "<=", ">", ">=", "null", "known"};

/* An artifact that is being read, and arrays that grow. */
typedef struct Reader
{
	ArtifactReader artifact;
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

/* Appends the outcome and the share of rule i. */
static void
append_outcome(StringInfo out, const RuleTable *table, int i, const char *name)
{
	appendStringInfo(out, "\"%s\":", name);
	artifact_put_floats(out, table->outcomes + (Size) i * table->noutputs, table->noutputs);
	appendStringInfoString(out, ",\"share\":");
	artifact_put_float(out, table->shares[i]);
	appendStringInfoChar(out, '}');
}

/* Writes the canonical artifact. */
void
rules_write(const RuleTable *table, StringInfo out)
{
	appendStringInfo(out, ARTIFACT_HEAD "%d,\"values\":%d,\"overall\":", table->nfeatures, table->nvalues);
	artifact_put_floats(out, table->overall, table->noutputs);
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
			artifact_put_floats(out, table->constants + condition->first, condition->nconstants);
			appendStringInfoChar(out, '}');
		}
		appendStringInfoString(out, "],");
		append_outcome(out, table, i, "then");
	}
	appendStringInfoString(out, "],");
	append_outcome(out, table, table->nrules, "else");
}

/* Makes room for one more element, up to a limit. */
static void *
grow(const Reader *r, void *array, int used, int *max, int limit, Size size)
{
	if (used < *max)
		return array;
	if (used >= limit)
		artifact_error(&r->artifact, "it has too many rules, conditions or constants");
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
	artifact_expect(&r->artifact, "[");
	if (artifact_take(&r->artifact, "]"))
		return;
	do
	{
		r->constants = grow(r, r->constants, table->nconstants, &r->maxconstants, RULES_MAX_CONSTANTS, sizeof(float));
		r->constants[table->nconstants++] = artifact_float(&r->artifact);
		condition->nconstants++;
	} while (artifact_take(&r->artifact, ","));
	artifact_expect(&r->artifact, "]");
}

/* Reads a condition. */
static void
read_condition(Reader *r)
{
	RuleCondition *condition;
	int			operator = 0;

	r->conditions = grow(r, r->conditions, r->table->nconditions, &r->maxconditions, RULES_MAX_CONDITIONS,
						 sizeof(RuleCondition));
	condition = &r->conditions[r->table->nconditions++];
	artifact_expect(&r->artifact, "{\"feature\":");
	condition->feature = (int) artifact_integer(&r->artifact, 0, PG_INT32_MAX);
	artifact_expect(&r->artifact, ",\"is\":\"");
	while (operator < RULE_NOPERATORS && !artifact_take(&r->artifact, psprintf("%s\"", operator_names[operator])))
		operator++;
	if (operator == RULE_NOPERATORS)
		artifact_error(&r->artifact, "an operator is unknown");
	condition->operator = operator;
	artifact_expect(&r->artifact, ",\"constants\":");
	read_constants(r, condition);
	artifact_expect(&r->artifact, "}");
}

/* Reads an outcome and a share into their places, which grow with the rules. */
static void
read_outcome(Reader *r, const char *name)
{
	int			i = r->table->nrules;

	artifact_expect(&r->artifact, psprintf("\"%s\":", name));
	artifact_floats(&r->artifact, r->outcomes + (Size) i * r->table->noutputs, r->table->noutputs);
	artifact_expect(&r->artifact, ",\"share\":");
	r->shares[i] = artifact_float(&r->artifact);
	artifact_expect(&r->artifact, "}");
}

/* Makes room for one more rule, or else. */
static void
grow_rules(Reader *r)
{
	int			n = r->table->nrules;
	int			max = r->maxrules;

	r->rules = grow(r, r->rules, n, &r->maxrules, RULES_MAX + 1, sizeof(Rule));
	if (r->maxrules == max)
		return;
	max = n;
	r->shares = grow(r, r->shares, n, &max, RULES_MAX + 1, sizeof(float));
	max = n;
	r->outcomes = grow(r, r->outcomes, n, &max, RULES_MAX + 1, mul_size(r->table->noutputs, sizeof(float)));
}

/* Reads the rules and else. */
static void
read_rules(Reader *r)
{
	RuleTable  *table = r->table;

	for (grow_rules(r); !artifact_take(&r->artifact, "],"); grow_rules(r))
	{
		Rule	   *rule = &r->rules[table->nrules];

		CHECK_FOR_INTERRUPTS();
		rule->first = table->nconditions;
		artifact_expect(&r->artifact, table->nrules == 0 ? "{\"when\":[" : ",{\"when\":[");
		do
			read_condition(r);
		while (artifact_take(&r->artifact, ","));
		artifact_expect(&r->artifact, "],");
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
	Reader		r = {.table = table};
	float	   *overall;
	const char *wrong;

	artifact_reader(&r.artifact, artifact, len, "rule table");
	artifact_expect(&r.artifact, ARTIFACT_HEAD);
	table->nfeatures = (int) artifact_integer(&r.artifact, 0, PG_INT32_MAX);
	artifact_expect(&r.artifact, ",\"values\":");
	table->nvalues = (int) artifact_integer(&r.artifact, 0, PG_INT32_MAX);
	if (table->nvalues < 1 || table->nvalues > RULES_MAX_VALUES)
		artifact_error(&r.artifact, "its number of values is out of range");
	table->noutputs = table->nvalues == 2 ? 1 : table->nvalues;
	overall = palloc(mul_size(table->noutputs, sizeof(float)));
	artifact_expect(&r.artifact, ",\"overall\":");
	artifact_floats(&r.artifact, overall, table->noutputs);
	artifact_expect(&r.artifact, ",\"rules\":[");
	read_rules(&r);
	artifact_end(&r.artifact);
	table->rules = r.rules;
	table->conditions = r.conditions;
	table->constants = r.constants;
	table->overall = overall;
	table->outcomes = r.outcomes;
	table->shares = r.shares;
	if ((wrong = rules_check(table)) != NULL)
		artifact_error(&r.artifact, wrong);
	return table;
}
