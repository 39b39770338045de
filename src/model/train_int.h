/*
 * train_int.h
 *	  How the files of a training see each other; nobody else includes it.
 *
 *		train_options.c		common options: parsed, checked, written back
 *		train_source.c		source, columns, encoder
 *		train_data.c		rows → one TrainSet
 *		train_split.c		rows that teach, rows that validate, rows held out
 *		train_weight.c		class weights
 *		train_measure.c		calibration, threshold, metrics
 *		train_flag.c		the threshold of a detector
 *		train_estimate.c	what it would take, without training
 *		train.c				the flow
 */
#ifndef MODEL_TRAIN_INT_H
#define MODEL_TRAIN_INT_H

#include "fmgr.h"

#include "compat/compat.h"
#include "learn/calibration.h"
#include "learn/flag.h"
#include "model/time_column.h"
#include "model/search.h"
#include "model/target.h"
#include "model/train.h"

/* Options that every training has; the rest is the algorithm's. */
typedef struct TrainOptions
{
	int64		seed;
	double		holdout;		/* share of rows that only measures */
	double		validation;		/* share of rows that says when to stop, calibrates, chooses the threshold */
	double		sample;			/* share of the source's rows that is read */
	char	   *split;			/* "stratified", "random", "time", "group" */
	char	   *split_column;
	char	   *group;			/* ranking: column */
	char	   *weight;			/* column */
	Jsonb	   *class_weight;
	char	   *calibration;
	Jsonb	   *threshold;
	Jsonb	   *search;
	int64		max_categories;
	int64		text_buckets;
	char	   *positive;
} TrainOptions;

/* What is at hand while one version is trained. */
typedef struct Training
{
	const TrainSpec *spec;
	const Algorithm *algorithm;
	TrainOptions options;
	const Jsonb *params;		/* what was given, or what a search made of it */
	const char *const *common;	/* names of the task's common options, NULL-terminated */
	CalibrationMethod calibration_method;
	ThresholdRule *threshold_rule;	/* NULL without option "threshold", and for a detector */
	FlagRule   *flag_rule;		/* a detector's; NULL without option "threshold" */
	TimeColumn	time;			/* a detector's budget: when rows come */
	bool		stops_early;	/* the algorithm looks at the rows that validate */
	bool		validates;		/* rows to validate with are needed, not just asked for */
	Progress	progress;
	Source	   *source;
	AttrNumber	target_attno;	/* 0 without; so are the next ones */
	AttrNumber	weight_attno;
	AttrNumber	group_attno;
	AttrNumber	time_attno;
	Encoder    *encoder;
	Target	   *target;			/* NULL without a target */
	TrainSet   *set;			/* all rows at first, then those that teach */
	TrainSet   *validation;		/* NULL without such rows */
	TrainSet   *held_out;		/* the same */
	char	  **classes;
	int			nclasses;
	int64		nread;
	int64		nskipped;		/* rows without a target */
	int64		nungrouped;		/* ranking: rows without a group */
	Size		limit;			/* bytes of everything: aipipe.train_max_memory */
	Size		beside;			/* of it, what is kept beside set's rows: its arrays, the other sets, categories */
	Size		passing;		/* of it, what is held for the moment */
	Size		peak;			/* most bytes that were held or reserved at one time */
} Training;

/* Reads and checks the options as far as that is possible without rows; error 22023. */
extern void train_read_options(Training *training);

/* Whether the rows that validate choose the threshold. */
extern bool train_chooses_threshold(const Training *training);

/* Common and algorithm's effective parameters as one JSON object; the latter is JSON too. */
extern char *train_effective_params(const Training *training, const char *algorithm_params);

/* With fewer rows than this none is held out. */
#define TRAIN_LEAST_TO_HOLD_OUT 10

/* Reads the arguments that say what is to be learned: task, source, target, features, algorithm, params. */
extern void train_read_arguments(FunctionCallInfo fcinfo, int argno, TrainSpec *spec);

/* Resolves the source and its columns; errors 42703, 42804, 22023. */
extern void train_read_source(Training *training);

/* Prepares to learn the encoder; *needs_rows says whether the rows must be seen. */
extern EncoderLearner *train_encoder_begin(Training *training, bool *needs_rows);
extern void train_encoder_end(Training *training, EncoderLearner *learner);

/* Learns the encoder, with a pass over the rows when that is needed. */
extern void train_learn_encoder(Training *training);

/* Reads all rows into training->set. */
extern void train_read_rows(Training *training);

/* Error 22023: the source has no rows. */
extern void train_source_empty(const Training *training) pg_attribute_noreturn();

/* Bytes of one row's entries in the arrays. */
extern Size train_entry_bytes(const Training *training);

/* Bytes that the arrays of so many rows take while they are read. */
extern Size train_entries_bytes(const Training *training, int64 nrows);

/* Charges what the training holds, and extra bytes that it will hold, to its limit: error 53400 beyond it. */
extern void train_reserve(Training *training, Size extra);

/* Takes note of the bytes that are held or reserved at one time. */
extern void train_note_peak(Training *training, Size bytes);

/* Sets the held-out rows and those that validate apart. */
extern void train_split(Training *training);

/* Checks option "class_weight" before any row is read; error 22023. */
extern void train_check_class_weight(const Jsonb *option, const char *function);

/* The weight of every class, from the rows that teach; NULL without the option. */
extern double *train_class_weights(const Training *training);

/* Writes the rows' weights times those of their classes; out may be where the rows' weights are. */
extern void train_weigh(const TrainSet *set, const double *class_weights, float *out);

/* Error 22003: the weights of a part are too large together. */
extern void train_check_weight_sum(const Training *training, const TrainSet *set);

/* What was learned, ready to predict. */
typedef struct TrainFit
{
	const LoadedModel *model;
	Calibration *calibration;	/* NULL without */
	double		threshold;		/* NaN without */
	FlagChoice	flags;			/* a detector's: how it was chosen */
} TrainFit;

/* Predicts the rows of a part, calibrated when there is a calibration; row-major. */
extern float *train_predict_part(const TrainFit *fit, const TrainSet *set);

/* Reads a detector's threshold rule and sets the shares of rows that choose and check it when they are not said. */
extern void train_read_flags(Training *training);

/* Chooses a detector's threshold. */
extern void train_choose_flags(Training *training, TrainFit *fit);

/* What a detector flags of the held-out rows, as JSON. */
extern char *train_measure_flags(const Training *training, const TrainFit *fit);

/* Whether an option was given, be it null. */
extern bool train_option_given(const Training *training, const char *option);

/* Bytes that calibrating and measuring take beside the data. */
extern Size train_measure_bytes(const Training *training, int64 nheld_out, int64 nvalidation);

/* Learns the calibration and chooses the threshold. */
extern void train_calibrate(Training *training, TrainFit *fit);

/* The metrics on the held-out rows as JSON, or NULL without such rows; params are the algorithm's effective ones. */
extern char *train_measure(Training *training, const TrainFit *fit, const char *params);

#endif							/* MODEL_TRAIN_INT_H */
