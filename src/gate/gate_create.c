/*-------------------------------------------------------------------------
 *
 * gate_create.c
 *	  gate_create(): everything that can be wrong with a gate is an error here,
 *	  before anything is changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/args.h"
#include "core/key.h"
#include "core/options.h"
#include "core/source.h"
#include "core/sql.h"
#include "core/version.h"
#include "gate/gate.h"

PG_FUNCTION_INFO_V1(aipipe_gate_create);

typedef struct GateOptions
{
	bool		children;
	int64		explain_limit;
	double		log;			/* negative when not given */
	bool		log_always;
	List	   *log_key;
	bool		profile;
	int64		profile_rows;
	int64		reasons;
	bool		update;
} GateOptions;

static const OptionSpec gate_options[] = {
	{"children", OPTION_BOOL, OPTION_FIELD(GateOptions, children), 0},
	{"explain_limit", OPTION_INT, OPTION_FIELD(GateOptions, explain_limit), 1000, 0, INT_MAX},
	{"log", OPTION_REAL, OPTION_FIELD(GateOptions, log), -1, 0, 1},
	{"log_always", OPTION_BOOL, OPTION_FIELD(GateOptions, log_always), 0},
	{"log_key", OPTION_TEXT_LIST, OPTION_FIELD(GateOptions, log_key)},
	{"profile", OPTION_BOOL, OPTION_FIELD(GateOptions, profile), 0},
	{"profile_rows", OPTION_INT, OPTION_FIELD(GateOptions, profile_rows), 100, 1, INT_MAX},
	{"reasons", OPTION_INT, OPTION_FIELD(GateOptions, reasons), 3, 0, 100},
	{"update", OPTION_BOOL, OPTION_FIELD(GateOptions, update), 0},
};

static const char *const timings[] = {"row", "statement", "background"};
static const char *const anomaly_actions[] = {"accept", "mark", "quarantine", "reject"};
static const char *const error_actions[] = {"accept", "quarantine", "reject"};

static SqlStatement insert_gate = {
	"INSERT INTO aipipe.gate_data (schema_name, relation_name, owner, table_owner, detector, timing,"
	" on_anomaly, threshold, score_column, on_error, on_update, children, reasons, explain_limit,"
	" log_share, log_always, log_key, profile_rows)"
	" VALUES ($1, $2, $3::pg_catalog.regrole, $4::pg_catalog.regrole, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
	" RETURNING id",
	18, {TEXTOID, TEXTOID, OIDOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, INT4OID, INT4OID,
	FLOAT8OID, BOOLOID, TEXTARRAYOID, INT8OID}
};

/* Gives a word argument, which must be one of the choices. */
static const char *
word_argument(FunctionCallInfo fcinfo, int argno, const char *name, const char *const *choices, int nchoices)
{
	StringInfoData list;
	char	   *word;

	word = arg_text(fcinfo, argno, name);
	initStringInfo(&list);
	for (int i = 0; i < nchoices; i++)
	{
		if (strcmp(word, choices[i]) == 0)
			return choices[i];
		appendStringInfo(&list, "%s\"%s\"", i ? ", " : "", choices[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s of a gate: \"%s\"", name, word),
			 errhint("Use one of %s.", list.data)));
	return NULL;
}

/* Ends with an error when a gate without a model has nothing to do, or is told what only a model can do. */
static void
check_without_model(Gate *gate, const GateOptions *options)
{
	if (!options->profile)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", "detector"),
				 errhint("Name a detector or any other model; aipipe.anomaly_train() makes a detector. A gate with option \"profile\" needs none: it counts and profiles.")));
	if (!isnan(gate->threshold) || gate->score_column != NULL || options->log > 0 || options->log_always || options->log_key != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a gate without a model has no scores"),
				 errdetail("A threshold, a score column and the prediction log need them.")));
	gate->on_anomaly = GATE_ACCEPT;
	gate->on_error = gate->on_error == GATE_QUARANTINE ? GATE_ACCEPT : gate->on_error;
}

/* Says whether two gates ask the same model, or both none. */
static bool
same_model(const Gate *a, const Gate *b)
{
	if (a->detector == NULL || b->detector == NULL)
		return a->detector == b->detector;
	return strcmp(a->detector, b->detector) == 0;
}

/* Reads what the arguments say by themselves; log_given: they want something of the prediction log. */
static Gate *
read_arguments(FunctionCallInfo fcinfo, bool *log_given)
{
	Gate	   *gate = palloc0(sizeof(Gate));
	GateOptions options;
	const char *timing;
	bool		valid;

	arg_require(fcinfo, 0, "relation");
	gate->detector = arg_optional_text(fcinfo, 1);
	timing = word_argument(fcinfo, 2, "timing", timings, lengthof(timings));
	gate->background = strcmp(timing, "background") == 0;
	gate->statement = gate->background || strcmp(timing, "statement") == 0;
	gate->on_anomaly = gate_action(word_argument(fcinfo, 3, "on_anomaly", anomaly_actions,
												 lengthof(anomaly_actions)), &valid);
	gate->threshold = PG_ARGISNULL(4) ? NAN : PG_GETARG_FLOAT8(4);
	if (!PG_ARGISNULL(4) && !isfinite(gate->threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of a gate must be a finite number")));
	gate->score_column = PG_ARGISNULL(5) ? NULL : pstrdup(NameStr(*PG_GETARG_NAME(5)));
	gate->on_error = gate_action(word_argument(fcinfo, 6, "on_error", error_actions,
											   lengthof(error_actions)), &valid);
	options_parse(PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7), "gate_create",
				  gate_options, lengthof(gate_options), &options);
	gate->on_update = options.update;
	gate->children = options.children;
	gate->reasons = options.reasons;
	gate->explain_limit = options.explain_limit;
	gate->log_share = options.log < 0 ? 1 : options.log;
	gate->log_always = options.log_always;
	gate->log_key = options.log_key;
	gate->profile_rows = options.profile ? options.profile_rows : 0;
	if (gate->log_always && gate->log_share == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"log_always\" of gate_create records nothing when \"log\" is 0")));
	if (gate->detector == NULL)
		check_without_model(gate, &options);
	if (gate->background && (gate->on_anomaly == GATE_REJECT || gate->on_error == GATE_REJECT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timing 'background' cannot reject rows"),
				 errdetail("Its rows are judged when their load has committed."),
				 errhint("Use on_anomaly 'quarantine' or 'mark', or timing 'row' or 'statement'.")));
	*log_given = options.log > 0 || options.log_always || options.log_key != NIL;
	gate->owner = GetUserId();
	return gate;
}

/* Ends with an error when a relation is not a table that a gate can watch. */
static void
check_relation(Relation rel)
{
	const char *name = RelationGetRelationName(rel);
	char		kind = rel->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a gate cannot watch \"%s\"", name),
				 errdetail("A gate watches a table or a partitioned table, not a view, foreign table or other relation.")));
	if (IsSystemRelation(rel) || RelationGetNamespace(rel) == get_namespace_oid("aipipe", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a gate cannot watch \"%s\"", name),
				 errdetail("It belongs to the %s.", IsSystemRelation(rel) ? "system catalog" : "extension itself")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a gate cannot watch \"%s\"", name),
				 errdetail("Temporary tables end with the session; decisions on their rows would name nothing.")));
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, name);
}

/* Ends with an error when rows would land in the table without firing a statement trigger of it. */
static void
check_timing(const Gate *gate, Relation rel)
{
	if (gate->statement && rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("timing 'statement' cannot watch partition \"%s\" by itself", RelationGetRelationName(rel)),
				 errdetail("A load into the partitioned table fires no statement trigger of its partitions."),
				 errhint("Create the gate on the partitioned table, or use timing 'row'.")));
}

/* Ends with an error when the score column cannot take a score. */
static void
check_score_column(const Gate *gate, Relation rel, const Encoder *encoder)
{
	ScoreColumn column;

	if (gate->score_column == NULL)
		return;
	if (gate->statement)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a score column needs timing 'row'"),
				 errdetail("With timing 'statement' the rows are already stored when they are scored.")));
	score_column_find(&column, gate->score_column, RelationGetRelationName(rel), RelationGetDescr(rel));
	for (int i = 0; i < encoder->ncolumns; i++)
	{
		if (strcmp(encoder->columns[i].name, gate->score_column) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("score column \"%s\" is a column that model \"%s\" reads", gate->score_column, gate->detector),
					 errhint("Train the model without it.")));
	}
}

/* Checks the threshold; without one the version that serves a row has its own. */
static void
check_threshold(const Gate *gate, const ModelVersion *version, ModelTask task)
{
	if (isnan(gate->threshold))
	{
		(void) gate_threshold(gate, version);
		return;
	}
	if (task != TASK_REGRESSION && (gate->threshold < 0 || gate->threshold > 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of a gate with model \"%s\" must be between 0 and 1", gate->detector),
				 errdetail("Its scores are.")));
}

/* Resolves the champion as the gate's owner, binds it to the table and checks all that depends on it. */
static void
check_model(Gate *gate, Relation rel)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe gate create", ALLOCSET_SMALL_SIZES);
	ModelRef	ref = registry_resolve(gate->detector, MODEL_CHAMPION, MODEL_PREDICT, gate->owner);
	const ModelVersion *version = cache_acquire(&ref, context);

	algorithm_check_scores_rows(ref.task, gate->detector);
	if (version->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has %d classes and so no single score", gate->detector, version->nclasses),
				 errhint("Use a detector, a regression model or a model with two classes.")));
	check_threshold(gate, version, ref.task);
	check_score_column(gate, rel, version->encoder);
	(void) scorer_create(version, RelationGetDescr(rel), context);
	gate_check_generated(gate, RelationGetDescr(rel), version->encoder);
	MemoryContextDelete(context);
}

/* Says whether the gate may have to take rows away. */
static bool
may_quarantine(const Gate *gate)
{
	return gate->on_anomaly == GATE_QUARANTINE || gate->on_error == GATE_QUARANTINE;
}

/* Ends with an error when rows would have to be found by key and cannot be; removing one is planned, to see it fail here. */
void
gate_check_key(const Gate *gate, Relation rel)
{
	AttrNumber *keys;
	int			nkeys;

	if (!gate->background && (!may_quarantine(gate) || !(gate->statement || gate->on_update)))
		return;
	nkeys = key_find(rel, &keys);
	if (nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key, which this gate needs%s", RelationGetRelationName(rel), gate->background ? "" : " to quarantine"),
				 gate->background
				 ? errdetail("Timing 'background' finds the rows again by the table's primary key.")
				 : gate->statement
				 ? errdetail("Timing 'statement' removes quarantined rows by the table's primary key.")
				 : errdetail("A held update finds its row by the table's primary key when it is released."),
				 errhint("Add a primary key (or a unique constraint on NOT NULL columns)%s.",
						 gate->statement ? ", or use timing 'row'" : "")));
	if (gate->background)
		queue_check_key(key_row_desc(RelationGetDescr(rel), keys, nkeys));
	if (gate->statement)
		(void) removal_prepare(gate, key_row_desc(RelationGetDescr(rel), keys, nkeys), rel);
}

/* Ends with an error when rows that are to be recorded or split could not be named. */
static void
check_log_key(const Gate *gate, Relation rel)
{
	AttrNumber *keys;
	int			nkeys = gate_find_log_key(gate, rel, &keys);

	if (nkeys == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key, which the prediction log needs to name rows", RelationGetRelationName(rel)),
				 errhint("Add a primary key (or a unique constraint on NOT NULL columns), or name columns in option \"log_key\".")));
	if (nkeys > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"log_key\" of gate_create names %d columns", nkeys),
				 errdetail("There can be at most %d.", INDEX_MAX_KEYS)));
	for (int i = 0; i < nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), keys[i] - 1);

		for (int k = 0; k < i; k++)
			if (keys[k] == keys[i])
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("option \"log_key\" of gate_create names column \"%s\" twice", NameStr(att->attname))));
		if (gate_lacks_column(gate, att))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("generated column \"%s\" cannot name rows in the prediction log", NameStr(att->attname)),
					 gate_generated_detail(gate),
					 gate->statement ? errhint("Name other columns in option \"log_key\".")
					 : errhint("Use timing 'statement', or other columns in option \"log_key\".")));
	}
}

/* Ends with an error when updated rows would have to be removed and may be those of inheritance children. */
static void
check_children(const Gate *gate, Relation rel)
{
	if (!gate->statement || !gate->on_update || !may_quarantine(gate) || !key_has_children(rel))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("timing 'statement' cannot quarantine updated rows of table \"%s\"", RelationGetRelationName(rel)),
			 errdetail("Tables inherit from it, so an updated row may be a child's and another one may have its key."),
			 errhint("Use timing 'row', or do not judge updates.")));
}

/* Ends with an error when the table's other gates do not allow this one. */
static void
check_other_gates(const Gate *gate, Relation rel)
{
	ListCell   *cell;

	foreach(cell, gate_ids_on(RelationGetRelid(rel)))
	{
		Gate	   *other = gate_find(*(int64 *) lfirst(cell));

		if (other == NULL || other->state == GATE_DROPPED)
			continue;
		if (same_model(other, gate) && other->statement == gate->statement)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 gate->detector == NULL ? errmsg("table \"%s\" already has a gate without a model", RelationGetRelationName(rel))
					 : errmsg("table \"%s\" already has a gate with model \"%s\"", RelationGetRelationName(rel), gate->detector),
					 errdetail("It is gate " INT64_FORMAT ".", other->id)));
		if (gate->statement && other->statement && may_quarantine(gate) && may_quarantine(other))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" already has a gate that quarantines by statement", RelationGetRelationName(rel)),
					 errdetail("Gate " INT64_FORMAT " may have removed the rows that this one would have to.", other->id),
					 errhint("Use timing 'row' for one of them.")));
	}
}

/* Gives names as text[]. */
static Datum
names_array(const List *names)
{
	Datum	   *texts = palloc(mul_size(sizeof(Datum), Max(list_length(names), 1)));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, names)
		texts[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Stores the gate and gives it its id. */
static void
store_gate(Gate *gate)
{
	Datum		values[18];
	bool		nulls[18] = {0};
	SqlResult  *result;

	values[0] = CStringGetTextDatum(gate->schema);
	values[1] = CStringGetTextDatum(gate->relation);
	values[2] = ObjectIdGetDatum(gate->owner);
	values[3] = ObjectIdGetDatum(gate->table_owner);
	values[4] = gate->detector ? CStringGetTextDatum(gate->detector) : (Datum) 0;
	nulls[4] = gate->detector == NULL;
	values[5] = CStringGetTextDatum(gate->background ? "background" : gate->statement ? "statement" : "row");
	values[6] = CStringGetTextDatum(gate_action_name(gate->on_anomaly));
	values[7] = Float8GetDatum(gate->threshold);
	nulls[7] = isnan(gate->threshold);
	values[8] = gate->score_column ? CStringGetTextDatum(gate->score_column) : (Datum) 0;
	nulls[8] = gate->score_column == NULL;
	values[9] = CStringGetTextDatum(gate_action_name(gate->on_error));
	values[10] = BoolGetDatum(gate->on_update);
	values[11] = BoolGetDatum(gate->children);
	values[12] = Int32GetDatum(gate->reasons);
	values[13] = Int32GetDatum(gate->explain_limit);
	values[14] = Float8GetDatum(gate->log_share);
	values[15] = BoolGetDatum(gate->log_always);
	values[16] = names_array(gate->log_key);
	nulls[16] = gate->log_key == NIL;
	values[17] = Int64GetDatum(gate->profile_rows);
	result = sql_run_values(&insert_gate, SQL_WRITE, values, nulls);
	gate->id = sql_int64(result, 0, "id", NULL);
	sql_free(result);
}

/* Attaches a gate to a table and gives its id. */
Datum
aipipe_gate_create(PG_FUNCTION_ARGS)
{
	Gate	   *gate;
	Relation	rel;
	bool		log_given;

	PreventCommandIfReadOnly("creating a gate");
	core_check_version();
	gate = read_arguments(fcinfo, &log_given);
	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(0))));
	check_relation(rel);
	LockRelationOid(RelationGetRelid(rel), ShareRowExclusiveLock);
	check_timing(gate, rel);
	check_other_gates(gate, rel);
	gate_check_key(gate, rel);
	if (log_given)
		check_log_key(gate, rel);
	check_children(gate, rel);
	if (gate->detector != NULL)
		check_model(gate, rel);

	gate->schema = get_namespace_name(RelationGetNamespace(rel));
	gate->relation = pstrdup(RelationGetRelationName(rel));
	gate->table_owner = rel->rd_rel->relowner;
	store_gate(gate);
	relation_close(rel, NoLock);
	gate_attach(gate, PG_GETARG_OID(0));
	PG_RETURN_INT64(gate->id);
}
