/*-------------------------------------------------------------------------
 *
 * rules_compiled.c
 *	  The compiled form of a rule table: a header and the table's arrays, one
 *	  behind the other, opened in place.
 *
 *		RulesHeader
 *		Rule			rules[nrules]
 *		RuleCondition	conditions[nconditions]
 *		float			constants[nconstants]
 *		float			overall[noutputs]
 *		float			outcomes[(nrules + 1) * noutputs]
 *		float			shares[nrules + 1]
 *
 * Nothing in the bytes is believed before it was checked; the kernel then runs
 * without any check.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "learn/rules.h"

#define RULES_MAGIC "aipipeRT"
#define RULES_FORMAT 1

typedef struct RulesHeader
{
	char		magic[8];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	uint32		flags;			/* reserved, zero */
	uint64		length;			/* of everything */
	int32		nfeatures;
	int32		nvalues;
	int32		nrules;
	int32		nconditions;
	int32		nconstants;
	int32		reserved;		/* zero */
} RulesHeader;

/* Whether all floats are finite, and between bounds. */
static bool
floats_between(const float *values, Size n, double min, double max)
{
	for (Size i = 0; i < n; i++)
	{
		if (!isfinite(values[i]) || values[i] < min || values[i] > max)
			return false;
	}
	return true;
}

/* Whether the probabilities of several classes sum to one. */
static bool
sums_to_one(const float *values, int n)
{
	double		sum = 0;

	for (int k = 0; k < n; k++)
		sum += values[k];
	return fabs(sum - 1) < 0.001;
}

/* Whether a condition has a feature, an operator and as many constants as that takes. */
static bool
condition_is_sound(const RuleTable *table, const RuleCondition *condition)
{
	int			n = condition->nconstants;

	if (condition->feature < 0 || condition->feature >= table->nfeatures || n < 0)
		return false;
	switch (condition->operator)
	{
		case RULE_IN:
			return n >= 1;
		case RULE_NULL:
		case RULE_NOT_NULL:
			return n == 0;
		default:
			return condition->operator > RULE_IN && condition->operator < RULE_NULL && n == 1;
	}
}

/* The reason why the rules do not follow each other without a gap, with their conditions and constants, or NULL. */
static const char *
check_rules(const RuleTable *table)
{
	int			nconditions = 0;
	int			nconstants = 0;

	for (int i = 0; i < table->nrules; i++)
	{
		const Rule *rule = &table->rules[i];

		if (rule->first != nconditions || rule->nconditions < 1 || rule->nconditions > table->nconditions - nconditions)
			return "a rule has no conditions of its own";
		nconditions += rule->nconditions;
	}
	if (nconditions != table->nconditions)
		return "a condition belongs to no rule";
	for (int i = 0; i < table->nconditions; i++)
	{
		const RuleCondition *condition = &table->conditions[i];

		if (!condition_is_sound(table, condition) || condition->first != nconstants ||
			condition->nconstants > table->nconstants - nconstants)
			return "a condition is not sound";
		nconstants += condition->nconstants;
	}
	if (nconstants != table->nconstants)
		return "a constant belongs to no condition";
	return NULL;
}

/* The reason why a table is not sound, or NULL. */
const char *
rules_check(const RuleTable *table)
{
	Size		n = (Size) table->nrules + 1;
	double		min = table->nvalues > 1 ? 0 : -HUGE_VAL;
	double		max = table->nvalues > 1 ? 1 : HUGE_VAL;
	const char *wrong;

	if (table->nfeatures < 1 || table->nfeatures > RULES_MAX_FEATURES)
		return "the number of features is out of range";
	if ((wrong = check_rules(table)) != NULL)
		return wrong;
	if (!floats_between(table->constants, table->nconstants, -HUGE_VAL, HUGE_VAL) ||
		!floats_between(table->overall, table->noutputs, min, max) ||
		!floats_between(table->outcomes, n * table->noutputs, min, max) ||
		!floats_between(table->shares, n, 0, 1))
		return "a number is out of range";
	for (Size i = 0; table->noutputs > 1 && i <= n; i++)
	{
		if (!sums_to_one(i == n ? table->overall : table->outcomes + i * table->noutputs, table->noutputs))
			return "probabilities do not sum to one";
	}
	return NULL;
}

/* Sets where the arrays of a table are behind the header, by its counts, and gives the length of all. */
static Size
lay_out(RuleTable *table, const char *bytes)
{
	Size		outcomes = mul_size((Size) table->nrules + 1, table->noutputs);
	Size		at = sizeof(RulesHeader);

	table->rules = (const Rule *) (bytes + at);
	at = add_size(at, mul_size(table->nrules, sizeof(Rule)));
	table->conditions = (const RuleCondition *) (bytes + at);
	at = add_size(at, mul_size(table->nconditions, sizeof(RuleCondition)));
	table->constants = (const float *) (bytes + at);
	at = add_size(at, mul_size(table->nconstants, sizeof(float)));
	table->overall = (const float *) (bytes + at);
	at = add_size(at, mul_size(table->noutputs, sizeof(float)));
	table->outcomes = (const float *) (bytes + at);
	at = add_size(at, mul_size(outcomes, sizeof(float)));
	table->shares = (const float *) (bytes + at);
	return add_size(at, mul_size((Size) table->nrules + 1, sizeof(float)));
}

/* Appends a sound table's compiled form. */
void
rules_compile_table(const RuleTable *table, StringInfo out)
{
	RuleTable	places = *table;
	RulesHeader header = {.format = RULES_FORMAT, .byte_order = COMPILED_BYTE_ORDER};
	Size		length = lay_out(&places, out->data);
	Size		noutcomes = ((Size) table->nrules + 1) * table->noutputs;
	int			start = out->len;

	if (length > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large"),
				 errdetail("Its compiled form takes %zu bytes.", length)));
	memcpy(header.magic, RULES_MAGIC, sizeof(header.magic));
	header.length = length;
	header.nfeatures = table->nfeatures;
	header.nvalues = table->nvalues;
	header.nrules = table->nrules;
	header.nconditions = table->nconditions;
	header.nconstants = table->nconstants;
	appendBinaryStringInfo(out, (const char *) &header, sizeof(header));
	appendBinaryStringInfo(out, (const char *) table->rules, table->nrules * sizeof(Rule));
	appendBinaryStringInfo(out, (const char *) table->conditions, table->nconditions * sizeof(RuleCondition));
	appendBinaryStringInfo(out, (const char *) table->constants, table->nconstants * sizeof(float));
	appendBinaryStringInfo(out, (const char *) table->overall, table->noutputs * sizeof(float));
	appendBinaryStringInfo(out, (const char *) table->outcomes, noutcomes * sizeof(float));
	appendBinaryStringInfo(out, (const char *) table->shares, (table->nrules + 1) * sizeof(float));
	header.crc = compiled_crc(out->data + start, length, offsetof(RulesHeader, crc));
	memcpy(out->data + start, &header, sizeof(header));
}

/* Opens compiled bytes in place, or ends with an error when anything is off. */
RuleTable *
rules_open_table(const char *bytes, Size len)
{
	const RulesHeader *header = (const RulesHeader *) bytes;
	RuleTable  *table;

	if (bytes != (const char *) MAXALIGN(bytes))
		elog(ERROR, "compiled rule table is not aligned");
	if (len < sizeof(RulesHeader) || memcmp(header->magic, RULES_MAGIC, sizeof(header->magic)) != 0)
		compiled_corrupted("It does not start as a compiled rule table does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != RULES_FORMAT || header->flags != 0 || header->reserved != 0)
		compiled_corrupted(psprintf("Its format is %u, flags %u; this version of aipipe reads format %d.",
									header->format, header->flags, RULES_FORMAT));
	if (header->length != len)
		compiled_corrupted("Its length is not what its header says.");
	if (header->crc != compiled_crc(bytes, len, offsetof(RulesHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
	if (header->nvalues < 1 || header->nvalues > RULES_MAX_VALUES || header->nrules < 0 || header->nrules > RULES_MAX ||
		header->nconditions < 0 || header->nconditions > RULES_MAX_CONDITIONS ||
		header->nconstants < 0 || header->nconstants > RULES_MAX_CONSTANTS)
		compiled_corrupted("A number in its header is out of range.");
	table = palloc0(sizeof(RuleTable));
	table->nfeatures = header->nfeatures;
	table->nvalues = header->nvalues;
	table->noutputs = header->nvalues == 2 ? 1 : header->nvalues;
	table->nrules = header->nrules;
	table->nconditions = header->nconditions;
	table->nconstants = header->nconstants;
	if (lay_out(table, bytes) != len)
		compiled_corrupted("Its sections do not fit its length.");
	if (rules_check(table) != NULL)
		compiled_corrupted(psprintf("It is not sound: %s.", rules_check(table)));
	return table;
}
