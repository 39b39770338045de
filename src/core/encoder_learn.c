/*-------------------------------------------------------------------------
 *
 * encoder_learn.c
 *	  Chooses the columns and learns from the rows what their types do not say.
 *
 * Only columns that are read by their text form need rows: they become a
 * CATEGORY or TEXT.  A column is a category when its max_categories most
 * frequent values cover at least 80 % of its rows and a value comes on average
 * at least twice; an enum is one always, and so is what the caller wants to be
 * one, numbers and all.  For detectors the character patterns are counted in the
 * same pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/encoder_int.h"
#include "core/source.h"
#include "core/text.h"

/* Distinct values that are counted in one column, and in all columns together. */
#define LEARN_MAX_VALUES 16384
#define LEARN_MAX_VALUES_ALL (1024 * 1024)
/* The same of a column that shall be a category, so that the most frequent of very many are found. */
#define LEARN_MAX_NAMED_VALUES (256 * 1024)
#define LEARN_COVERED 0.8
/* Distinct character patterns that are counted in one column. */
#define LEARN_MAX_PATTERNS 1024

typedef struct LearnColumn
{
	int			attno;			/* 0-based */
	bool		category;		/* whatever its values are */
	bool		named;			/* because the caller wants it to be one */
	EncoderReader reader;
	ValueCounter *counter;
	ValueCounter *patterns;		/* NULL when none are learned */
} LearnColumn;

struct EncoderLearner
{
	MemoryContext context;
	MemoryContext scratch;		/* one row's copies */
	EncoderParams params;
	Encoder    *encoder;		/* in the caller's context */
	int			ntext;			/* columns that need rows */
	int		   *text;			/* their indexes */
	LearnColumn *learn;			/* one for each of them */
	PinNeeds	needs;			/* of those columns together */
};

/* Fills in the defaults. */
void
encoder_default_params(EncoderParams *params)
{
	params->max_categories = 64;
	params->text_buckets = 8;
	params->marks_unseen = false;
	params->as_category = NIL;
	params->learn_bytes = 0;
}

/* Checks the parameters' ranges. */
static void
learn_check_params(const EncoderParams *params)
{
	if (params->max_categories < 1 || params->max_categories > ENCODER_MAX_CATEGORIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_categories must be between 1 and %d", ENCODER_MAX_CATEGORIES)));
	if (params->text_buckets < 0 || params->text_buckets > ENCODER_MAX_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("text_buckets must be between 0 and %d", ENCODER_MAX_BUCKETS)));
}

/* Says whether a name is in the list. */
static bool
learn_listed(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Gives the attribute numbers of the named columns, in the order of the names. */
static List *
learn_named_columns(TupleDesc desc, List *names, List *exclude)
{
	List	   *attnos = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		const char *name = lfirst(lc);
		AttrNumber	attno = source_need_column(desc, name, "the source");
		if (list_member_int(attnos, attno))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" is named more than once", name)));
		if (learn_listed(exclude, name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be a feature", name),
					 errdetail("It is what the model shall learn to tell, or was excluded.")));
		attnos = lappend_int(attnos, attno);
	}
	return attnos;
}

/* Gives the attribute numbers of all columns that are not excluded. */
static List *
learn_all_columns(TupleDesc desc, List *exclude)
{
	List	   *attnos = NIL;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			!learn_listed(exclude, NameStr(TupleDescAttr(desc, i)->attname)))
			attnos = lappend_int(attnos, i + 1);
	return attnos;
}

/* Describes one column as far as its type tells; true when rows must tell the rest. */
static bool
learn_describe_column(EncoderColumn *column, Form_pg_attribute attr, const EncoderType *type)
{
	column->name = pstrdup(NameStr(attr->attname));
	column->type = encoder_type_is_builtin(type->base) ? type->base : InvalidOid;
	column->type_name = encoder_type_name(type->base);
	column->kind = type->kind;
	column->nfeatures = encoder_kind_nfeatures(type->kind, false, 0);
	return ENCODER_FORM_IS_TEXT(type->form);
}

/* Takes note that the rows must tell what a column is. */
static void
learn_from_rows(EncoderLearner *learner, int c, int attno, const EncoderType *type, bool as_category)
{
	LearnColumn *learn = &learner->learn[learner->ntext];

	learn->attno = attno;
	learn->category = as_category || type->form == FORM_ENUM;
	learn->named = as_category;
	learner->encoder->columns[c].kind = ENCODER_CATEGORY;
	encoder_reader_init(&learn->reader, type);
	learner->needs |= encoder_reader_needs(type);
	learner->text[learner->ntext++] = c;
}

/* Checks that what shall be a category is among the columns. */
static void
learn_check_as_category(const EncoderLearner *learner)
{
	ListCell   *lc;

	foreach(lc, learner->params.as_category)
	{
		bool		found = false;

		for (int c = 0; c < learner->encoder->ncolumns && !found; c++)
			found = strcmp(learner->encoder->columns[c].name, lfirst(lc)) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be read as a category", (char *) lfirst(lc)),
					 errdetail("It is not among the columns to learn from.")));
	}
}

/* Gives the bytes that one counter may take, or ends with an error when they are too few to count in. */
static Size
learn_counter_budget(const EncoderLearner *learner)
{
	Size		limit = learner->params.learn_bytes;
	int			ncounters = learner->ntext * (learner->encoder->marks_unseen ? 2 : 1);

	if (limit == 0)
		return MaxAllocHugeSize;
	if (limit / ncounters < VALUE_COUNTER_MIN_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("reading categories needs more memory than allowed"),
				 errdetail("%d text-like columns need %zu kB at least; the limit is %zu kB, a half of aipipe.train_max_memory.",
						   learner->ntext, mul_size(ncounters, VALUE_COUNTER_MIN_BYTES) / 1024, limit / 1024),
				 errhint("Raise aipipe.train_max_memory, or train on fewer columns.")));
	return limit / ncounters;
}

/* Gives each column that needs rows its counters. */
static void
learn_create_counters(EncoderLearner *learner)
{
	int			capacity = LEARN_MAX_VALUES;
	Size		budget;

	if (learner->ntext == 0)
		return;
	budget = learn_counter_budget(learner);
	capacity = Min(capacity, LEARN_MAX_VALUES_ALL / learner->ntext);
	capacity = Max(capacity, 4 * learner->params.max_categories);
	for (int i = 0; i < learner->ntext; i++)
	{
		LearnColumn *learn = &learner->learn[i];

		learn->counter = value_counter_create(learner->context, learn->named ? LEARN_MAX_NAMED_VALUES : capacity, budget);
		if (learner->encoder->marks_unseen)
			learn->patterns = value_counter_create(learner->context, LEARN_MAX_PATTERNS, budget);
	}
}

/* Chooses the columns and prepares to learn. */
EncoderLearner *
encoder_learn_begin(TupleDesc desc, List *columns, List *exclude,
					const EncoderParams *params, bool *needs_rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "aipipe encoder learn", ALLOCSET_DEFAULT_SIZES);
	EncoderLearner *learner = MemoryContextAllocZero(context, sizeof(EncoderLearner));
	List	   *attnos;
	ListCell   *lc;
	int			c = 0;

	learner->context = context;
	learner->scratch = AllocSetContextCreate(context, "aipipe encoder row", ALLOCSET_DEFAULT_SIZES);
	learner->params = *params;
	learn_check_params(params);
	attnos = columns != NIL ? learn_named_columns(desc, columns, exclude) : learn_all_columns(desc, exclude);
	if (attnos == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no column to learn from")));

	learner->encoder = palloc0(sizeof(Encoder));
	learner->encoder->marks_unseen = params->marks_unseen;
	learner->encoder->ncolumns = list_length(attnos);
	learner->encoder->columns = palloc0(sizeof(EncoderColumn) * list_length(attnos));
	learner->text = MemoryContextAllocZero(context, sizeof(int) * list_length(attnos));
	learner->learn = MemoryContextAllocZero(context, sizeof(LearnColumn) * list_length(attnos));
	foreach(lc, attnos)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, lfirst_int(lc) - 1);
		bool		as_category = learn_listed(params->as_category, NameStr(attr->attname));
		EncoderType type;

		encoder_type_of(attr->atttypid, &type);
		if (learn_describe_column(&learner->encoder->columns[c], attr, &type) || as_category)
			learn_from_rows(learner, c, lfirst_int(lc) - 1, &type, as_category);
		c++;
	}
	learn_check_as_category(learner);
	learn_create_counters(learner);
	*needs_rows = (learner->ntext > 0);
	return learner;
}

/* Takes note of one row. */
void
encoder_learn_row(EncoderLearner *learner, Datum *values, bool *nulls)
{
	MemoryContext old = MemoryContextSwitchTo(learner->scratch);
	int			level = pin_begin(learner->needs);
	int			limit = learner->encoder->marks_unseen ? ENCODER_TEXT_LIMIT : ENCODER_MAX_CATEGORY;

	for (int i = 0; i < learner->ntext; i++)
	{
		EncoderColumn *column = &learner->encoder->columns[learner->text[i]];
		LearnColumn *learn = &learner->learn[i];
		const char *text;
		int			len;
		Size		full;

		column->nrows++;
		if (nulls[learn->attno])
		{
			column->nnulls++;
			continue;
		}
		text = encoder_reader_text(&learn->reader, values[learn->attno], limit, &len, &full);
		if (full <= ENCODER_MAX_CATEGORY && memchr(text, '\0', len) == NULL)
			value_counter_add(learn->counter, text, len);
		if (learn->patterns != NULL)
		{
			char		pattern[TEXT_PATTERN_MAX];

			value_counter_add(learn->patterns, pattern, text_pattern(text, len, pattern));
		}
	}
	pin_end(level);
	MemoryContextSwitchTo(old);
	MemoryContextReset(learner->scratch);
}

/* Gives the bytes that the learner holds now. */
Size
encoder_learn_bytes(const EncoderLearner *learner)
{
	return MemoryContextMemAllocated(learner->context, true);
}

/* Copies the n most frequent values and their counts. */
static void
learn_keep(const ValueCount *values, int n, char ***texts, int64 **counts)
{
	*texts = palloc(sizeof(char *) * Max(n, 1));
	*counts = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*texts)[i] = pstrdup(values[i].text);
		(*counts)[i] = values[i].count;
	}
}

/* Keeps a column's most frequent character patterns. */
static void
learn_patterns(EncoderColumn *column, LearnColumn *learn)
{
	int			nvalues;
	int64		short_by;
	ValueCount *values = value_counter_sorted(learn->patterns, &nvalues, &short_by);

	while (column->npatterns < Min(nvalues, ENCODER_MAX_PATTERNS) && values[column->npatterns].count > short_by)
		column->npatterns++;
	learn_keep(values, column->npatterns, &column->patterns, &column->pattern_counts);
}

/* Decides what a text-like column is and keeps its categories. */
static void
learn_decide(const EncoderLearner *learner, EncoderColumn *column, LearnColumn *learn)
{
	int64		present = column->nrows - column->nnulls;
	int64		covered = 0;
	int			limit = learn->named ? ENCODER_MAX_CATEGORIES : learner->params.max_categories;
	int			nvalues;
	int			kept;
	int64		short_by;
	ValueCount *values = value_counter_sorted(learn->counter, &nvalues, &short_by);

	/* a value whose count is not above the error may be a chance survivor */
	for (kept = 0; kept < Min(nvalues, limit) && values[kept].count > short_by; kept++)
		covered += values[kept].count;
	if (learn->patterns != NULL)
		learn_patterns(column, learn);
	if (!learn->category && present > 0 &&
		(covered < LEARN_COVERED * present || (short_by == 0 && present < 2 * (int64) nvalues)))
	{
		column->kind = ENCODER_TEXT;
		column->nfeatures = encoder_kind_nfeatures(ENCODER_TEXT, column->patterns != NULL, learner->params.text_buckets);
		return;
	}

	column->nfeatures = encoder_kind_nfeatures(ENCODER_CATEGORY, column->patterns != NULL, 0);
	column->nother = present - covered;
	column->ncategories = kept;
	learn_keep(values, kept, &column->categories, &column->category_counts);
}

/* Gives what was learned and frees the learner. */
Encoder *
encoder_learn_end(EncoderLearner *learner)
{
	Encoder    *encoder = learner->encoder;

	for (int i = 0; i < learner->ntext; i++)
		learn_decide(learner, &encoder->columns[learner->text[i]], &learner->learn[i]);
	encoder_build_features(encoder);
	MemoryContextDelete(learner->context);
	return encoder;
}
