/*-------------------------------------------------------------------------
 *
 * train_source.c
 *	  Where a training's rows come from, and which columns are what.
 *
 * The weight column is never a feature.  The columns of the group, of the split
 * and of a budget's time are none unless they are listed: an order's number tells
 * the groups apart and the future from the past, and says nothing of the next order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "model/train_int.h"
#include "model/value.h"

/* Gives the number of a column that the caller named, or ends with the error that there is none. */
static AttrNumber
find_column(const Training *training, const char *name)
{
	return source_need_column(training->source->desc, name, training->spec->source);
}

/* Gives the number of a column that an option names, which must not be the target; 0 when the option is absent. */
static AttrNumber
option_column(const Training *training, const char *option, const char *name)
{
	AttrNumber	attno;

	if (name == NULL)
		return InvalidAttrNumber;
	attno = find_column(training, name);
	if (attno == training->target_attno)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s names the target column \"%s\"", option, training->spec->function, name)));
	return attno;
}

/* Gives the base type of a column. */
static Oid
column_type(const Training *training, AttrNumber attno)
{
	return getBaseType(TupleDescAttr(training->source->desc, attno - 1)->atttypid);
}

/* Finds the columns of weights, groups and times, and checks their types. */
static void
find_option_columns(Training *training)
{
	const TrainOptions *options = &training->options;
	bool		by_time = options->split != NULL && strcmp(options->split, "time") == 0;
	AttrNumber	split_attno;

	training->weight_attno = option_column(training, "weight", options->weight);
	training->group_attno = option_column(training, "group", options->group);
	split_attno = option_column(training, "split_column", options->split_column);
	if (by_time)
		training->time_attno = split_attno;
	else if (split_attno != InvalidAttrNumber)
		training->group_attno = split_attno;

	if (training->weight_attno > 0 &&
		(column_type(training, training->weight_attno) == BOOLOID ||
		 !value_is_number(column_type(training, training->weight_attno))))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("weight column \"%s\" is of type %s", options->weight,
						format_type_be(column_type(training, training->weight_attno))),
				 errhint("Use a numeric column.")));
	if (by_time && !value_is_time(column_type(training, split_attno)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s does not order rows by time", options->split_column,
						format_type_be(column_type(training, split_attno))),
				 errhint("Use a column of type date, timestamp or timestamptz, or a number.")));
}

/* Resolves the source and finds the columns that are not left to the encoder. */
void
train_read_source(Training *training)
{
	const TrainSpec *spec = training->spec;
	ListCell   *cell;

	training->source = spec->rows ? spec->rows : source_resolve(spec->source);
	if (spec->target != NULL)
		training->target_attno = find_column(training, spec->target);
	find_option_columns(training);
	if (training->flag_rule != NULL && training->flag_rule->time != NULL)
		time_column_open(&training->time, training->source->desc, training->flag_rule->time, spec->source);
	foreach(cell, spec->columns)
	{
		const char *column = lfirst(cell);
		AttrNumber	attno = find_column(training, column);

		if (attno == training->target_attno)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target column \"%s\" cannot be a feature too", column)));
		if (attno == training->weight_attno)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight column \"%s\" cannot be a feature too", column),
					 errdetail("A row to be scored has no weight.")));
	}
}

/* Gives about the bytes of what an encoder keeps of the values that it saw. */
static Size
encoder_bytes(const Encoder *encoder)
{
	Size		bytes = 0;

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		const EncoderColumn *column = &encoder->columns[c];

		for (int i = 0; i < column->ncategories; i++)
			bytes += strlen(column->categories[i]) + sizeof(char *) + sizeof(int64);
		for (int i = 0; i < column->npatterns; i++)
			bytes += strlen(column->patterns[i]) + sizeof(char *) + sizeof(int64);
	}
	return bytes;
}

/* Adds a column that is no feature by itself. */
static List *
exclude_column(List *exclude, const char *name)
{
	return name ? lappend(exclude, unconstify(char *, name)) : exclude;
}

/* Prepares to learn the encoder. */
EncoderLearner *
train_encoder_begin(Training *training, bool *needs_rows)
{
	const TrainOptions *options = &training->options;
	EncoderParams params;
	List	   *exclude = list_copy(training->spec->exclude);

	encoder_default_params(&params);
	params.max_categories = (int) options->max_categories;
	params.text_buckets = (int) options->text_buckets;
	params.learn_bytes = training->limit / 2;
	/* to a detector, a value that was never there is not the same as none */
	params.marks_unseen = (training->spec->task == TASK_ANOMALY);
	exclude = exclude_column(exclude, training->spec->target);
	exclude = exclude_column(exclude, options->weight);
	if (training->spec->columns == NIL)
	{
		exclude = exclude_column(exclude, options->group);
		exclude = exclude_column(exclude, options->split_column);
		if (training->flag_rule != NULL)
			exclude = exclude_column(exclude, training->flag_rule->time);
	}
	return encoder_learn_begin(training->source->desc, training->spec->columns, exclude, &params, needs_rows);
}

/* Takes what the encoder learned. */
void
train_encoder_end(Training *training, EncoderLearner *learner)
{
	train_note_peak(training, encoder_learn_bytes(learner));
	training->encoder = encoder_learn_end(learner);
	training->beside = encoder_bytes(training->encoder);
	if (training->encoder->nfeatures == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source \"%s\" has no column to learn from", training->spec->source)));
}

/* Learns the encoder: from types alone, or with a pass over the rows when there are text-like columns. */
void
train_learn_encoder(Training *training)
{
	bool		needs_rows;
	EncoderLearner *learner = train_encoder_begin(training, &needs_rows);

	if (needs_rows)
	{
		SourceScan *scan = source_scan_begin(training->source, training->options.sample, training->options.seed);
		Datum	   *values;
		bool	   *nulls;
		int64		done = 0;

		progress_phase(&training->progress, "reading categories", 0);
		while (source_scan_next(scan, &values, &nulls))
		{
			encoder_learn_row(learner, values, nulls);
			if (++done % 1000 == 0)
				progress_update(&training->progress, done);
		}
		source_scan_end(scan);
	}
	train_encoder_end(training, learner);
}
