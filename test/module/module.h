/*
 * module.h
 *	  What the files of aipipe_test share.
 */
#ifndef AIPIPE_TEST_MODULE_H
#define AIPIPE_TEST_MODULE_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "learn/forest.h"

/* Seeded random numbers (data.c). */
typedef struct Random
{
	uint64		state;
} Random;

extern void random_seed(Random *random, uint64 seed);
extern uint64 random_next(Random *random);
extern double random_unit(Random *random);
extern int	random_below(Random *random, int n);

/* Rows for training: features 0 and 3, 6 … are categorical when asked for. */
extern void data_training(int nrows, int nfeatures, bool categorical, int classes, const char *objective,
						  uint64 seed, float *rows, float *labels);

/* Rows for comparing: everything that could make a difference. */
extern void data_hostile(const Forest *forest, int nrows, uint64 seed, float *rows);

extern bool data_is_categorical(int feature);

/* The library (oracle.c, the only file that knows its header). */
typedef struct Oracle Oracle;

typedef struct OracleTraining
{
	const float *rows;
	const float *labels;
	int			nrows;
	int			nfeatures;
	bool		categorical;
	int			classes;
	int			rounds;
	int			depth;
	const char *objective;
	const char *booster;
	const char *format;
	const char *params;			/* "name=value name=value" */
	uint64		seed;
} OracleTraining;

typedef enum OracleKind
{
	ORACLE_VALUE = 0,
	ORACLE_MARGIN = 1,
	ORACLE_CONTRIBUTIONS = 2
} OracleKind;

extern void oracle_train(const OracleTraining *training, StringInfo out);
extern Oracle *oracle_load(const char *bytes, Size len);
extern void oracle_free(Oracle *oracle);

/* Predicts through a DMatrix; out has nrows * per_row floats, and the library must give as many. */
extern void oracle_predict(Oracle *oracle, OracleKind kind, const float *rows, int nrows, int nfeatures,
						   float *out, int per_row);

/* The same through XGBoosterPredictFromDense. */
extern void oracle_predict_dense(Oracle *oracle, OracleKind kind, const float *rows, int nrows, int nfeatures,
								 float *out, int per_row);

/* The first value of one row, through a DMatrix of one row. */
extern void oracle_predict_row(Oracle *oracle, const float *row, int nfeatures, float *out);

/* Contributions of one row by the algorithm of Lundberg et al. (path_shap.c). */
extern void path_shap(const CompiledForest *forest, const float *row, int group, double *phi);

/* Seconds of CPU of this process. */
extern double cpu_seconds(void);

/* Changes bytes in one of many ways (mutate.c). */
extern void mutate_bytes(StringInfo bytes, Random *random);

/* Makes the checksum of a compiled form right, and those of the forms in it (seal.c); bytes are MAXALIGNed. */
extern void seal_compiled(char *bytes, Size len);

/* An encoder of one feature a column, every fifth a category of twenty when asked for (surprise.c). */
extern struct Encoder *plain_encoder(int ncols, bool categorical);

/* Serves a mutant, or ends with an error; says whether everything agrees.  Compiled bytes are MAXALIGNed and sealed. */
typedef bool (*MutantServe) (const char *bytes, Size len, bool compiled, Random *random, const void *arg);

/*
 * Serves n mutants of an artifact, or of a compiled form, the first of which is the thing itself,
 * and gives what happened as the row that the function returns (mutants.c).
 */
extern Datum mutants_run(FunctionCallInfo fcinfo, const char *bytes, Size len, bool compiled, int n, uint64 seed,
						 MutantServe serve, const void *arg);

/* The same for bytes that are refused with an error of their own. */
extern Datum mutants_run_promised(FunctionCallInfo fcinfo, const char *bytes, Size len, bool compiled, int promised, int n, uint64 seed,
								  MutantServe serve, const void *arg);

/* Columns of numbers to sketch, as many as SKETCH_DATA_N (sketch_data.c). */
#define SKETCH_DATA_VALUES 18
#define SKETCH_DATA_ORDERS 7
#define SKETCH_DATA_N (SKETCH_DATA_VALUES * SKETCH_DATA_ORDERS)
extern const char *sketch_data_name(int which);
extern void sketch_data(int which, uint64 seed, double *values, int n);

/* Copies bytes to where a compiled form may lie. */
extern char *aligned_copy(const char *bytes, Size len);

/* Gives a bytea argument's bytes, detoasted. */
extern const char *bytea_bytes(Datum datum, Size *len);

/* Fills a matrix from the source (encoder.c). */
struct Matrix;
struct Source;
struct Encoder;
extern struct Matrix *encode_source(struct Source *source, const struct Encoder *encoder, Size budget);

/* Gives MAXALIGNed compiled bytes of a model. */
extern char *compile_model(const Forest *forest, Size *len);

#endif							/* AIPIPE_TEST_MODULE_H */
