/*
 * gate.h
 *	  What a gate is, and how the gate room's files call each other.
 *
 *		gate.c				gates as stored, and whose trigger fired
 *		gate_key.c			what names a row in the prediction log
 *		gate_create.c		gate_create() and its checks
 *		gate_attach.c		triggers on the table and its partitions
 *		gate_admin.c		gate_drop(), gate_pause(), gate_resume()
 *		gate_trigger.c		the trigger function: row timing, opening and closing of batches
 *		gate_statement.c	statement timing
 *		gate_queue.c		background timing: what has landed is queued
 *		gate_drain.c		gate_drain(): judges what is queued
 *		gate_remove.c		the DELETE of a row that has landed already
 *		gate_score.c		the score column
 *		gate_call.c			a call: set-up, encoding, catching errors
 *		gate_judge.c		score → decision, reasons, error policy
 *		gate_shadow.c		versions beside the champion: who serves a row, what is recorded
 *		gate_batch.c		open batches, their decisions, transaction ends
 *		gate_log.c			the prediction log
 *		gate_profile.c		sketches of a batch's columns
 *		gate_release.c		quarantine_release(), quarantine_discard()
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "access/attnum.h"
#include "commands/trigger.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "model/score.h"
#include "model/serving.h"

typedef enum GateAction
{
	GATE_ACCEPT,
	GATE_MARK,
	GATE_QUARANTINE,
	GATE_REJECT
} GateAction;

typedef enum GateState
{
	GATE_ACTIVE,
	GATE_PAUSED,
	GATE_DROPPED
} GateState;

/* One row of aipipe.gate_data. */
typedef struct Gate
{
	int64		id;
	char	   *schema;			/* as recorded; the table may have been renamed since */
	char	   *relation;
	Oid			owner;			/* whose right on the model counts */
	Oid			table_owner;	/* when the gate was created */
	char	   *detector;		/* NULL: rows are counted and profiled, not judged */
	bool		statement;		/* statement or background timing; row timing otherwise */
	bool		background;		/* the statement only queues its rows, gate_drain() judges them */
	GateAction	on_anomaly;
	double		threshold;		/* NaN: the serving version's own, see gate_threshold() */
	char	   *score_column;	/* or NULL */
	GateAction	on_error;		/* never GATE_MARK */
	bool		on_update;
	bool		children;
	int			reasons;		/* how many to keep with a decision */
	int			explain_limit;	/* how many decisions of a batch have them */
	double		log_share;		/* share of the keys whose predictions are recorded */
	bool		log_always;		/* also while the champion is alone */
	List	   *log_key;		/* of char *: columns that name a row in the prediction log; NIL = the table's key */
	int64		profile_rows;	/* batches of at least so many rows are profiled; 0 = none */
	GateState	state;
} Gate;

/* Which statements a batch covers. */
typedef enum GateEvent
{
	GATE_INSERT,
	GATE_UPDATE
} GateEvent;

/*
 * A batch that is being judged.  It lives in a context of its own under
 * TopTransactionContext, from its first row until it is written or its
 * (sub)transaction aborts.
 */
typedef struct GateBatch
{
	struct GateBatch *below;	/* opened before this one */
	MemoryContext context;
	Gate	   *gate;
	const char *schema;			/* the table as people know it now */
	const char *relation;
	GateEvent	event;
	int			depth;			/* trigger depth of its statement */
	SubTransactionId subid;
	bool		implicit;		/* no statement trigger opened it; closed before commit */
	int64		id;				/* 0 until a decision or the batch row needs it */
	char	   *role;			/* who landed the rows */
	TimestampTz started;
	Serving    *serving;		/* the model, resolved once a statement; an implicit batch covers several and has none */
	int			model_version;	/* the champion's; 0 while unknown */
	double		threshold;		/* the gate's, else the champion's; NaN while unknown */
	char	   *error;			/* first failure, or NULL */
	/* counts */
	int64		rows;
	int64		accepted;
	int64		marked;
	int64		quarantined;
	int64		errors;
	int64		explained;
	int64		scored;
	double		score_min;
	double		score_max;
	double		score_sum;
	/* decisions that wait to be written */
	MemoryContext waiting;
	List	   *decisions;		/* GateDecision */
	Size		bytes;
	/* predictions that wait to be written */
	MemoryContext log;			/* NULL before the first */
	struct GatePrediction *predictions;
	int			npredictions;
	int			max_predictions;
	Size		log_bytes;
	/* what of the prediction log was made, and was not */
	int64		recorded;
	int64		shadow_errors;
	char	   *shadow_error;	/* first failure, or NULL */
	struct GateProfile *profile;	/* NULL before the first row, and for a gate that takes none */
} GateBatch;

/* A decision other than accept, as it is stored. */
typedef struct GateDecision
{
	GateAction	action;			/* GATE_MARK or GATE_QUARANTINE */
	const char *schema;			/* table that takes the row back */
	const char *relation;
	Jsonb	   *key;			/* or NULL */
	Jsonb	   *row;			/* or NULL */
	Jsonb	   *reasons;
	double		score;			/* NaN when there is none; so is the threshold */
	double		threshold;
	int			model_version;	/* 0 when there is none */
	TimestampTz at;
} GateDecision;

/* What one version said of one row, as it is recorded. */
typedef struct GatePrediction
{
	int64		model_id;
	int			version;
	bool		served;
	double		prediction;
	text	   *key;			/* shared by the row's predictions */
	TimestampTz at;
} GatePrediction;

/* The column that takes the score. */
typedef struct ScoreColumn
{
	AttrNumber	attnum;			/* invalid when the gate has none */
	Oid			type;			/* float8, float4 or numeric */
	int32		typmod;
	bool		narrow;			/* some scores do not fit */
} ScoreColumn;

/* A version of the gate's model, bound to the rows of one relation. */
typedef struct GateVersion
{
	Scorer	   *scorer;			/* NULL when it could not be bound */
	char	   *error;			/* then why */
	double		threshold;		/* from this score on it decides */
	bool		guarded;		/* encoding may raise errors: done in subtransactions */
} GateVersion;

typedef struct GateShadow GateShadow;

/*
 * One statement's judging on one relation: set up once, used for its rows.
 * Without a batch, rows pass unjudged.
 */
typedef struct GateCall
{
	MemoryContext context;
	GateBatch  *batch;
	const Gate *gate;
	Oid			relid;
	TupleDesc	desc;
	const char *schema;			/* table that takes rows back */
	const char *relation;
	TupleTableSlot *old;		/* the row that an UPDATE changes, in row timing; else NULL */
	const Serving *serving;		/* NULL when the set-up failed */
	GateVersion champion;
	GateShadow *shadow;			/* NULL when the champion is alone and nothing is recorded */
	struct GateProfileRows *profile;	/* where the rows are profiled, or NULL */
	ScoreColumn score;
	bool		key_sought;
	TupleDesc	key_desc;		/* of the table's key, or NULL */
	AttrNumber *keys;
} GateCall;

/* One row of the block that is being judged. */
typedef struct GateRow
{
	TupleTableSlot *slot;
	Scorer	   *scorer;			/* of the version that serves it; NULL when that could not be bound */
	int			place;			/* in the scorer's block */
	double		threshold;		/* of the version that serves it */
	const char *failure;		/* why the row was not scored, or NULL */
} GateRow;

/* What becomes of one row. */
typedef struct GateVerdict
{
	GateAction	action;			/* never GATE_REJECT: that is an error */
	double		score;			/* NaN when there is none */
} GateVerdict;

/* gate.c */
extern void gate_init(void);
extern Gate *gate_find(int64 id);
extern Gate *gate_read(int64 id);
extern int64 gate_trigger_id(const Trigger *trigger);
extern Oid	gate_relation_owner(Oid relid);
extern bool gate_owns(const Gate *gate, Oid relid);
extern bool gate_serves(const Gate *gate, Relation rel);
extern void gate_check_call(const Gate *gate, const TriggerData *trigdata, const char *suffix);
extern char *gate_trigger_name(int64 id, const char *suffix);
extern Oid	gate_current_relation(const Gate *gate);
extern const char *gate_action_name(GateAction action);
extern GateAction gate_action(const char *name, bool *valid);
extern void gate_check_manager(const Gate *gate);
extern void gate_name_target(const Gate *gate, Relation rel, const char **schema, const char **relation);

/* gate_key.c */
extern int	gate_find_log_key(const Gate *gate, Relation rel, AttrNumber **keys);

/* gate_create.c */
extern void gate_check_key(const Gate *gate, Relation rel);

/* gate_attach.c */
extern Oid	gate_trigger_function(void);
extern void gate_attach(const Gate *gate, Oid relid);
extern void gate_detach(int64 id, const List *relids);
extern List *gate_relations(int64 id);
extern List *gate_ids_on(Oid relid);

/* gate_batch.c */
extern void batch_init(void);
extern GateBatch *batch_open(int64 gate_id, Relation rel, GateEvent event, bool implicit);
extern GateBatch *batch_find(int64 gate, GateEvent event, bool implicit);
extern void batch_decide(GateBatch *batch, const GateDecision *decision);
extern void batch_close(GateBatch *batch);
extern int64 batch_id(GateBatch *batch);
extern int	gate_trigger_depth(void);
extern const char *gate_event_name(GateEvent event);

/* Counts one judged row. */
static inline void
batch_count(GateBatch *batch, GateAction action, double score)
{
	batch->rows++;
	if (action == GATE_ACCEPT)
		batch->accepted++;
	else if (action == GATE_MARK)
		batch->marked++;
	else
		batch->quarantined++;
	if (score == score)
	{
		if (batch->scored == 0 || score < batch->score_min)
			batch->score_min = score;
		if (batch->scored == 0 || score > batch->score_max)
			batch->score_max = score;
		batch->score_sum += score;
		batch->scored++;
	}
}

/* gate_log.c */
extern void log_row(GateBatch *batch, const GatePrediction *predictions, int npredictions,
					const char *key, int keylen, TimestampTz at);
extern void log_flush(GateBatch *batch);

/* gate_profile.c */
extern struct GateProfileRows *profile_rows_of(GateCall *call);
extern void profile_row(GateCall *call, TupleTableSlot *slot);
extern void profile_block(GateCall *call, TupleTableSlot *const *slots, int n, bool last);
extern void profile_close(GateBatch *batch);

/* gate_call.c */
typedef void (*GateStep) (void *arg);

extern char *gate_try(GateStep step, void *arg);
extern char *gate_run_step(const GateCall *call, GateStep step, void *arg);
extern bool gate_type_is_harmless(Oid type);
extern bool gate_lacks_column(const Gate *gate, Form_pg_attribute att);
extern int	gate_generated_detail(const Gate *gate);
extern void gate_check_generated(const Gate *gate, TupleDesc desc, const Encoder *encoder);
extern double gate_threshold(const Gate *gate, const ModelVersion *version);
extern GateCall *gate_call_begin(GateBatch *batch, const Gate *gate, Relation rel, MemoryContext parent);
extern void gate_version_bind(const GateCall *call, const ModelRef *ref, bool always_guard, GateVersion *version);
extern void gate_version_add(const GateVersion *version, TupleTableSlot *slot, GateRow *row);
extern bool gate_call_key(GateCall *call);
extern void gate_reset(GateCall *call);
extern void gate_add(GateCall *call, int n, TupleTableSlot *slot, GateRow *row);
extern void gate_run(GateCall *call);

/* gate_judge.c */
extern GateVerdict gate_judge(GateCall *call, const GateRow *row, GateDecision *decision);

/* gate_shadow.c */
extern GateShadow *shadow_begin(GateCall *call);
extern void shadow_reset(GateShadow *shadow);
extern void shadow_add(GateCall *call, int n, TupleTableSlot *slot, GateRow *row);
extern void shadow_run(GateShadow *shadow);
extern void shadow_record(GateCall *call, int n);

/* gate_score.c */
extern void score_column_find(ScoreColumn *column, const char *name, const char *relation, TupleDesc desc);
extern Datum score_column_datum(const ScoreColumn *column, double score, bool *isnull);

/* gate_statement.c */
extern void gate_judge_statement(TriggerData *trigdata);
extern int64 gate_judge_store(GateBatch *batch, Relation rel, Tuplestorestate *store, bool later);

/* gate_queue.c */
extern void queue_check_key(TupleDesc key_desc);
extern void queue_statement(GateBatch *batch, Relation rel, Tuplestorestate *store);
extern void queue_forget(int64 gate);

/* gate_drain.c */
extern Oid	gate_target_relation(const Gate *gate, const char *schema, const char *relation);

/* gate_remove.c */
typedef struct GateRemoval GateRemoval;

extern char *gate_target_text(Relation rel);
extern GateRemoval *removal_prepare(const Gate *gate, TupleDesc key_desc, Relation rel);
extern void removal_prepare_look(GateRemoval *removal, TupleDesc key_desc, Relation rel);
extern HeapTuple removal_look(const GateRemoval *removal, const Datum *key, TupleDesc *desc);
extern HeapTuple removal_run(const GateRemoval *removal, const Datum *key, TupleDesc *desc);
extern List *gate_rewrite_as_owner(const char *text, Oid owner, const Oid *types, int ntypes);
extern uint64 gate_run_plan(PlannedStmt *plan, const char *text, ParamListInfo params, DestReceiver *receiver, TupleDesc *desc);

/* gate_release.c */
extern bool gate_bypassed(Relation rel);
extern void release_reset(SubTransactionId subid);

#endif							/* GATE_GATE_H */
