/*
 * call.h
 *	  What a scalar scoring function keeps between its calls.
 *
 * f(model text, "row" record [, version int]): model and version are resolved
 * once per statement, the row type is bound once, and a call is deform, encode,
 * score.
 */
#ifndef MODEL_CALL_H
#define MODEL_CALL_H

#include "fmgr.h"

#include "model/score.h"

/* What a snapshot sees; two that are equal bytewise see the same versions and aliases. */
typedef struct SnapshotMark
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	bool		suboverflowed;
	CommandId	curcid;
	SubTransactionId subxact;	/* a rolled-back one leaves all of the above as it was */
} SnapshotMark;

/* Fills the mark of the active snapshot. */
extern void call_mark_snapshot(SnapshotMark *mark);

typedef struct ModelCall
{
	Scorer	   *scorer;			/* holds the scored row as row 0 */
	Datum	   *values;			/* the row, deformed */
	bool	   *nulls;
} ModelCall;

/*
 * Scores the row of this call (arguments 0: model, 1: row, 2: version when
 * has_version) and gives the call's state, or NULL when an argument that must
 * not be NULL is.  check (may be NULL) is asked once per resolved version.
 */
extern ModelCall *call_score(FunctionCallInfo fcinfo, bool has_version,
							 void (*check) (const ModelVersion *version));

#endif							/* MODEL_CALL_H */
