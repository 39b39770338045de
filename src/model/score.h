/*
 * score.h
 *	  The one kernel: encode a block of rows, score it.
 *
 * Scalar functions, set functions, triggers and workers all go through a
 * Scorer; a scalar call is a block of one.
 *
 *		scorer = scorer_create(version, tupdesc, context);
 *		while (rows) { scorer_add(scorer, values, nulls); if (scorer_full(scorer)) { scorer_run(scorer); … scorer_value(scorer, i) …; scorer_reset(scorer); } }
 */
#ifndef MODEL_SCORE_H
#define MODEL_SCORE_H

#include "model/cache.h"

#define SCORER_BLOCK 64

typedef struct Scorer
{
	const ModelVersion *version;
	EncoderBinding *binding;
	MemoryContext context;		/* holds all of the scorer */
	MemoryContext scratch;		/* detoasted values; reset per block */
	int			nrows;			/* rows added since the reset */
	int			last_attno;		/* deform rows up to here */
	float	   *rows;			/* SCORER_BLOCK x nfeatures */
	float	   *margins;
	float	   *values;
} Scorer;

/* Binds the version to the row type; everything is in a child of the given context. The version must be held by it too. */
extern Scorer *scorer_create(const ModelVersion *version, TupleDesc desc, MemoryContext context);

/* Encodes one deformed row as the next of the block. */
extern void scorer_add(Scorer *scorer, const Datum *values, const bool *nulls);

/* Says whether the block is full, so that it has to be scored before the next row. */
static inline bool
scorer_full(const Scorer *scorer)
{
	return scorer->nrows == SCORER_BLOCK;
}

/* Scores the rows of the block. */
extern void scorer_run(Scorer *scorer);

extern void scorer_reset(Scorer *scorer);

/* P(positive) | value | severity of row i. Not for multi-class models: scorer_check_single() once, when the scorer is made. */
extern double scorer_value(const Scorer *scorer, int i);

/* ERROR 22023 for a multi-class model, naming model_predict_class and model_predict_proba. */
extern void scorer_check_single(const ModelVersion *version);

/* Index of the class of row i: by the version's threshold when it has one, else the most probable. */
extern int	scorer_class(const Scorer *scorer, int i);

/* All nvalues of row i: probabilities by class index. */
static inline const float *
scorer_values(const Scorer *scorer, int i)
{
	return scorer->values + (size_t) i * scorer->version->loaded->nvalues;
}

/* One column's share in a row's score. */
typedef struct Contribution
{
	int			column;			/* index into the encoder's columns; -1 for the bias */
	const char *name;			/* column name, or "(bias)" */
	char	   *value;			/* text of the row's value, or NULL */
	double		contribution;	/* to the margin; for anomaly, positive = stranger */
} Contribution;

/*
 * Explains row i of the block per column (features summed), largest absolute
 * contribution first, bias last; ncolumns + 1 entries, palloc'd.  values and nulls are the
 * row as it was added.
 */
extern Contribution *scorer_explain(const Scorer *scorer, int i, const Datum *values, const bool *nulls, int *ncontributions);

/* What training saw in the column of a contribution, as a short phrase; NULL for the bias. */
extern char *scorer_expected(const Scorer *scorer, const Contribution *contribution);

/* Why a cell is strange. */
typedef struct Reason
{
	char	   *expected;		/* a short phrase */
	const char *given;			/* the column whose value makes it surprising, or NULL */
	char	   *sentence;		/* all of it in one line of plain English */
} Reason;

/* Says why the cell of a contribution is strange, whose value must be there; not for the bias. */
extern void scorer_reason(const Scorer *scorer, int i, const Contribution *contribution, const Datum *values, const bool *nulls,
						  Reason *reason);

/*
 * The top k positive contributions of row i as jsonb text: [{"column":…,"value":…,"contribution":…,"expected":…}],
 * with "given" and "sentence" when the algorithm judges cells; then what adds next to nothing is left out.
 */
extern char *scorer_reasons(const Scorer *scorer, int i, const Datum *values, const bool *nulls, int k);

#endif							/* MODEL_SCORE_H */
