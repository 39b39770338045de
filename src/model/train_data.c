/*-------------------------------------------------------------------------
 *
 * train_data.c
 *	  From rows to one TrainSet: features, labels, weights, groups, times.
 *
 * A row without a target or, in a ranking, without a group cannot teach: it is
 * left out and counted.  A row whose weight is none is an error, because leaving
 * it out would be a decision about its weight.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "model/group.h"
#include "model/train_int.h"
#include "model/value.h"

/* Rows are encoded in a context that is emptied when it has grown to this size. */
#define SCRATCH_BYTES ((Size) 1024 * 1024)

/* Rows that the arrays have room for at first. */
#define FIRST_ENTRIES 8192

/* How the columns that are no features are read. */
typedef struct RowReader
{
	Training   *training;
	GroupColumn *groups;		/* NULL without groups */
	Oid			weight_type;
	Oid			time_type;
	Oid			truth_type;		/* of the labels of anomalies; InvalidOid without */
	int64		capacity;		/* rows that the set's arrays have room for */
	int64		nbad;			/* rows whose weight is none */
	int64		first_bad;
} RowReader;

/* What a row has beside its features. */
typedef struct RowEntry
{
	float		label;
	float		weight;
	int32		group;
	double		time;
} RowEntry;

/* Takes note of the bytes that are held or reserved at one time. */
void
train_note_peak(Training *training, Size bytes)
{
	training->peak = Max(training->peak, bytes);
	progress_memory(&training->progress, bytes);
}

/* Charges what is held, and what will be, to the limit. */
void
train_reserve(Training *training, Size extra)
{
	Size		beside = add_size(add_size(training->beside, training->passing), extra);

	matrix_reserve(training->set->rows, beside);
	train_note_peak(training, add_size(training->set->rows->bytes, beside));
}

/* Gives the bytes of one row's entries. */
Size
train_entry_bytes(const Training *training)
{
	return (training->target_attno > 0 ? sizeof(float) : 0) + (training->weight_attno > 0 ? sizeof(float) : 0) +
		(training->group_attno > 0 ? sizeof(int32) : 0) + (training->time_attno > 0 ? sizeof(double) : 0);
}

/* Gives the bytes that the arrays of so many rows take while they are read: they double. */
Size
train_entries_bytes(const Training *training, int64 nrows)
{
	Size		capacity = FIRST_ENTRIES;

	while (capacity < (Size) nrows)
		capacity = mul_size(capacity, 2);
	return mul_size(capacity, train_entry_bytes(training));
}

/* Makes an array larger, or makes it. */
static void *
grow_array(void *array, Size bytes)
{
	return array ? repalloc_huge(array, bytes) : MemoryContextAllocHuge(CurrentMemoryContext, bytes);
}

/* Makes the arrays larger; they share the rows' budget. */
static void
grow_entries(RowReader *reader)
{
	Training   *training = reader->training;
	TrainSet   *set = training->set;
	int64		more = Max(reader->capacity, FIRST_ENTRIES);
	Size		bytes = mul_size(more, train_entry_bytes(training));

	train_reserve(training, bytes);
	training->beside += bytes;
	reader->capacity += more;
	if (training->target_attno > 0)
		set->labels = grow_array(set->labels, mul_size(reader->capacity, sizeof(float)));
	if (training->weight_attno > 0)
		set->weights = grow_array(set->weights, mul_size(reader->capacity, sizeof(float)));
	if (training->group_attno > 0)
		set->groups = grow_array(set->groups, mul_size(reader->capacity, sizeof(int32)));
	if (training->time_attno > 0)
		set->times = grow_array(set->times, mul_size(reader->capacity, sizeof(double)));
}

/* Reads a row's weight; what is none counts. */
static float
read_weight(RowReader *reader, const Datum *values, const bool *nulls)
{
	AttrNumber	attno = reader->training->weight_attno;
	double		weight = nulls[attno - 1] ? get_float8_nan() : value_number(reader->weight_type, values[attno - 1]);

	if (!(weight >= 0 && weight <= FLT_MAX))
	{
		if (reader->nbad++ == 0)
			reader->first_bad = reader->training->nread;
		return 0;
	}
	return (float) weight;
}

/* Reads whether somebody called a row anomalous; NaN when nobody said. */
static float
read_truth(const RowReader *reader, const Datum *values, const bool *nulls)
{
	AttrNumber	attno = reader->training->target_attno;
	double		truth;

	if (nulls[attno - 1])
		return get_float4_nan();
	truth = value_number(reader->truth_type, values[attno - 1]);
	if (truth != 0 && truth != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("label column \"%s\" holds a number that is no label", reader->training->spec->target),
				 errdetail("Row " INT64_FORMAT " has %g there.", reader->training->nread, truth),
				 errhint("Use true or 1 for anomalous rows, false or 0 for others, NULL where nobody said.")));
	return (float) truth;
}

/* Reads what a row has beside its features; false when the row is left out. */
static bool
read_entry(RowReader *reader, const Datum *values, const bool *nulls, RowEntry *entry)
{
	Training   *training = reader->training;
	AttrNumber	time_attno = training->time_attno;

	time_column_note(&training->time, values, nulls);
	if (OidIsValid(reader->truth_type))
		entry->label = read_truth(reader, values, nulls);
	if (training->target != NULL && !target_read(training->target, values, nulls, &entry->label))
	{
		training->nskipped++;
		return false;
	}
	if (training->spec->task == TASK_RANKING && nulls[training->group_attno - 1])
	{
		training->nungrouped++;
		return false;
	}
	if (reader->groups != NULL)
		entry->group = group_read(reader->groups, values, nulls);
	if (training->weight_attno > 0)
		entry->weight = read_weight(reader, values, nulls);
	if (time_attno > 0)
		entry->time = nulls[time_attno - 1] ? get_float8_nan() : value_time(reader->time_type, values[time_attno - 1]);
	return true;
}

/* Keeps what the next row has beside its features. */
static void
keep_entry(RowReader *reader, const RowEntry *entry)
{
	TrainSet   *set = reader->training->set;
	int64		n = set->rows->nrows;

	if (n == reader->capacity && train_entry_bytes(reader->training) > 0)
		grow_entries(reader);
	if (set->labels)
		set->labels[n] = entry->label;
	if (set->weights)
		set->weights[n] = entry->weight;
	if (set->groups)
		set->groups[n] = entry->group;
	if (set->times)
		set->times[n] = entry->time;
}

/* Gives the type of the labels of anomalies. */
static Oid
truth_type(const Training *training)
{
	Oid			given = TupleDescAttr(training->source->desc, training->target_attno - 1)->atttypid;
	Oid			type = getBaseType(given);

	if (!value_is_number(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("label column \"%s\" is of type %s", training->spec->target, format_type_be(given)),
				 errhint("Use a boolean column, or a number that is 0 or 1.")));
	return type;
}

/* Prepares to read the columns that are no features. */
static void
open_reader(RowReader *reader, Training *training)
{
	TupleDesc	desc = training->source->desc;

	reader->training = training;
	if (training->target_attno > 0 && training->spec->task == TASK_ANOMALY)
		reader->truth_type = truth_type(training);
	else if (training->target_attno > 0)
		training->target = target_begin(desc, training->target_attno, training->spec->task, training->spec->target);
	if (training->group_attno > 0)
		reader->groups = group_begin(desc, training->group_attno);
	if (training->weight_attno > 0)
		reader->weight_type = getBaseType(TupleDescAttr(desc, training->weight_attno - 1)->atttypid);
	if (training->time_attno > 0)
		reader->time_type = getBaseType(TupleDescAttr(desc, training->time_attno - 1)->atttypid);
}

/* Charges what the groups' values take. */
static void
charge_groups(RowReader *reader)
{
	Size		bytes = reader->groups ? group_bytes(reader->groups) : 0;

	if (bytes == reader->training->passing)
		return;
	reader->training->passing = bytes;
	train_reserve(reader->training, 0);
}

/* Scans the source and keeps every row that can teach. */
static void
scan_rows(Training *training, RowReader *reader, EncoderBinding *binding)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe model encode", ALLOCSET_DEFAULT_SIZES);
	SourceScan *scan = source_scan_begin(training->source, training->options.sample, training->options.seed);
	RowEntry	entry = {0};
	Datum	   *values;
	bool	   *nulls;

	while (source_scan_next(scan, &values, &nulls))
	{
		MemoryContext old;

		if (++training->nread % 1000 == 0)
		{
			progress_update(&training->progress, training->nread);
			charge_groups(reader);
		}
		if (training->nread % 1000 == 0 || MemoryContextMemAllocated(scratch, false) > SCRATCH_BYTES)
			MemoryContextReset(scratch);
		if (!read_entry(reader, values, nulls, &entry))
			continue;
		keep_entry(reader, &entry);
		old = MemoryContextSwitchTo(scratch);
		encoder_encode(binding, values, nulls, matrix_append(training->set->rows));
		MemoryContextSwitchTo(old);
	}
	source_scan_end(scan);
	MemoryContextDelete(scratch);
}

/* Tells the caller about rows that were left out. */
static void
tell_skipped(const Training *training)
{
	if (training->nskipped > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " rows have no value in target column \"%s\" and were left out",
						training->nskipped, training->nread, training->spec->target)));
	if (training->nungrouped > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " rows have no value in group column \"%s\" and were left out",
						training->nungrouped, training->nread, training->options.group)));
}

/* Ends with the error for a source without rows. */
void
train_source_empty(const Training *training)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("source \"%s\" is empty", training->spec->source)));
}

/* Ends with an error when the rows are none, or not what they should be. */
static void
check_rows(const Training *training, const RowReader *reader)
{
	if (training->nread == 0 && training->spec->least_rows == 0)
		train_source_empty(training);
	if (training->nungrouped > 0 && training->set->rows->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("group column \"%s\" has no value in any row that has a target", training->options.group)));
	if (reader->nbad > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" holds values that are no weights", training->options.weight),
				 errdetail(INT64_FORMAT " of " INT64_FORMAT " rows have NULL, a negative number, NaN or infinity there; the first is row " INT64_FORMAT ".",
						   reader->nbad, training->nread, reader->first_bad),
				 errhint("Leave such rows out of the source, or give them a weight.")));
}

/* Ends with an error for options that only two classes can have. */
static void
check_two_classes(const Training *training)
{
	const char *option = training->options.positive != NULL ? "positive"
		: training->threshold_rule != NULL ? "threshold" : NULL;

	if (option != NULL && training->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s is for two classes", option, training->spec->function),
				 errdetail("Target column \"%s\" has %d classes.", training->spec->target, training->nclasses)));
}

/* Brings the rows of a group together. */
static void
sort_rows(Training *training)
{
	if (training->set->groups == NULL)
		return;
	train_reserve(training, trainset_sort_bytes(training->set));
	trainset_sort_groups(training->set);
}

/* Reads all rows; those without a target or a group are counted and left out. */
void
train_read_rows(Training *training)
{
	EncoderBinding *binding = encoder_bind(training->encoder, training->source->desc,
										   psprintf("model \"%s\"", training->spec->model));
	RowReader	reader = {0};

	training->set = palloc0(sizeof(TrainSet));
	training->set->rows = matrix_create(CurrentMemoryContext, training->encoder->nfeatures,
										training->limit, "training data");
	train_reserve(training, 0);
	open_reader(&reader, training);
	progress_phase(&training->progress, "reading rows", 0);
	scan_rows(training, &reader, binding);
	charge_groups(&reader);
	check_rows(training, &reader);
	if (training->target != NULL)
		target_finish(training->target, training->set->labels, training->set->rows->nrows,
					  training->options.positive, &training->classes, &training->nclasses);
	check_two_classes(training);
	tell_skipped(training);
	if (reader.groups != NULL)
		group_end(reader.groups);
	training->passing = 0;
	progress_rows(&training->progress, training->set->rows->nrows);
	sort_rows(training);
	train_reserve(training, 0);
}
