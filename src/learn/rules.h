/*
 * rules.h
 *	  How the files of algorithms "baseline" and "rules" call each other.
 *
 *		rules_spec.c		the rules as people write them → RuleTable, bound to an encoder
 *		rules_constant.c	a constant → what stands in an encoded row
 *		rules_fit.c			what training saw among the rows of each rule
 *		rules_artifact.c	RuleTable ↔ canonical JSON
 *		rules_compiled.c	the compiled form
 *		rules.c				algorithm "rules"
 *		baseline.c			algorithm "baseline": a table without rules
 *
 * Rules are tried in order and the first whose conditions all hold decides;
 * when none does, the last outcome ("else") is served.  Outcomes are raw scores:
 * the probability of class 1 of two, the probabilities of more, or a value.
 */
#ifndef LEARN_RULES_H
#define LEARN_RULES_H

#include "learn/algorithm.h"

#define RULES_MAX 10000
#define RULES_MAX_CONDITIONS 100000
#define RULES_MAX_CONSTANTS 1000000
#define RULES_MAX_FEATURES 32766	/* as a forest */
#define RULES_MAX_VALUES 10000

typedef enum RuleOperator
{
	RULE_IN,					/* one of the constants: also "=" */
	RULE_NOT,					/* not missing, and none of them: "<>" */
	RULE_LESS,
	RULE_LESS_EQUAL,
	RULE_GREATER,
	RULE_GREATER_EQUAL,
	RULE_NULL,
	RULE_NOT_NULL,
	RULE_NOPERATORS
} RuleOperator;

/* A condition on the first feature of a column, which is NaN exactly when the column is missing. */
typedef struct RuleCondition
{
	int32		feature;
	int32		operator;
	int32		first;			/* of its constants */
	int32		nconstants;
} RuleCondition;

typedef struct Rule
{
	int32		first;			/* of its conditions, which follow each other rule by rule */
	int32		nconditions;
} Rule;

typedef struct RuleTable
{
	int			nfeatures;
	int			noutputs;		/* raw scores a row */
	int			nvalues;		/* served values: noutputs, or 2 for the one of two classes */
	int			nrules;
	int			nconditions;
	int			nconstants;
	const Rule *rules;
	const RuleCondition *conditions;
	const float *constants;
	const float *overall;		/* noutputs: what training saw in all rows */
	const float *outcomes;		/* noutputs for each rule, then for else */
	const float *shares;		/* share of the training rows' weight that each rule, then else, decides */
} RuleTable;

/* What was written for an outcome. */
typedef struct RuleOutcome
{
	bool		given;
	char	   *label;			/* classification */
	double		value;			/* else */
} RuleOutcome;

/* The options as given. */
typedef struct RulesOptions
{
	Jsonb	   *rules;
	Jsonb	   *otherwise;
} RulesOptions;

typedef struct RuleSpec
{
	RuleTable	table;			/* but for overall, outcomes and shares */
	RuleOutcome *outcomes;		/* by rule, then else */
	RulesOptions given;
} RuleSpec;

/* Reads and checks the options; without an encoder no more than their form. */
extern RuleSpec *rules_read_spec(ModelTask task, const Jsonb *params, const char *const *common,
								 const Encoder *encoder);

/*
 * What a constant of a rule is in an encoded row; error 22023 when the column's
 * encoded form cannot tell whether the comparison holds.
 */
extern float rules_constant(const EncoderColumn *column, const JsonbValue *value, RuleOperator operator);

/* The effective options as JSON. */
extern void rules_append_params(const RuleSpec *spec, StringInfo out);

/* The number of the rule that decides a row; nrules = else. */
extern int	rules_match(const RuleTable *table, const float *row);

/* Learns what is not given from the rows; median: of values, in place of the mean. */
extern void rules_fit(RuleTable *table, const RuleOutcome *outcomes, bool median, const TrainRequest *request);

/* Sets the numbers of outputs and values that a task has. */
extern void rules_set_shape(RuleTable *table, ModelTask task, int nclasses, int nfeatures);

/* The reason why a table is not sound, or NULL. */
extern const char *rules_check(const RuleTable *table);

/* Same table, same bytes. */
extern void rules_write(const RuleTable *table, StringInfo out);

/* Reads what rules_write() wrote; error 22023 for anything else. */
extern RuleTable *rules_read(const char *artifact, Size len);

/* A sound table's compiled form, and the table in it; error XX001 when anything is off. */
extern void rules_compile_table(const RuleTable *table, StringInfo out);
extern RuleTable *rules_open_table(const char *bytes, Size len);

/* Writes artifact, compiled form and the rest of a result. */
extern void rules_finish(const RuleTable *table, TrainResult *result);

/* The parts that both algorithms share. */
extern bool rules_serves(ModelTask task);
extern Size rules_fit_bytes(int nrules, int nclasses);
extern void rules_compile(const char *artifact, Size len, StringInfo compiled);
extern LoadedModel *rules_load(const Algorithm *algorithm, const char *compiled, Size len);
extern void rules_margin(const LoadedModel *model, const float *rows, int nrows, float *out);
extern void rules_values(const LoadedModel *model, const float *margin, int nrows, float *out);
extern void rules_explain(const LoadedModel *model, const float *row, int output, double *phi);
extern void rules_importance(const LoadedModel *model, double *gain, double *cover, double *weight);

#endif							/* LEARN_RULES_H */
