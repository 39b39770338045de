/*-------------------------------------------------------------------------
 *
 * paired.c
 *	  What two versions say of the same rows, beside the truth.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/source.h"
#include "core/sql.h"
#include "model/group.h"
#include "model/paired.h"
#include "model/score.h"
#include "model/target.h"

/* Bytes that a test takes for a row beside its predictions: scores, places and their order, of both sides. */
#define TEST_BYTES 80

/* A source that is being scored by two versions. */
struct PairedScan
{
	Paired	   *rows;
	int64		capacity;
	const ModelVersion *versions[2];
	Source	   *source;
	Scorer	   *scorers[2];
	int		   *places[2];		/* own class → class of both */
	Target	   *target;
	GroupColumn *group;			/* ranking */
	AttrNumber	group_attno;
};

static SqlStatement find_columns = {
	"SELECT v.target, v.params OPERATOR(pg_catalog.->>) 'group' AS group_column,"
	" COALESCE((v.params OPERATOR(pg_catalog.->) 'quantile_alpha')::pg_catalog.float8, 0.5) AS quantile"
	" FROM aipipe.model_version_data v WHERE v.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* Ends with the error of a model that was never told where the truth stands. */
static void
no_column(const ModelVersion *version, const char *what, const char *option)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" has no %s column", version->version, version->model, what),
			 errdetail("It was imported, or trained without."),
			 errhint("Name the column in option \"%s\".", option)));
}

/* Finds the columns that hold the truth and begins to read them. */
static void
open_truth(PairedScan *scan, const PairedColumns *columns)
{
	const ModelVersion *version = scan->versions[0];
	SqlResult  *stored = sql_run(&find_columns, SQL_READ, Int64GetDatum(version->version_id));
	const char *target = columns->target ? columns->target : sql_text(stored, 0, "target");
	const char *group = columns->group ? columns->group : sql_text(stored, 0, "group_column");
	AttrNumber	attno;

	if (scan->rows->quantile == 0)
		scan->rows->quantile = sql_float8(stored, 0, "quantile", NULL);
	sql_free(stored);
	if (target == NULL)
		no_column(version, "target", "target");
	attno = source_need_column(scan->source->desc, target, scan->source->text);
	if (version->task == TASK_CLASSIFICATION)
		scan->target = target_begin_known(scan->source->desc, attno, version->task, target,
										  scan->rows->classes, scan->rows->nclasses);
	else
		scan->target = target_begin(scan->source->desc, attno, version->task, target);
	if (version->task != TASK_RANKING)
		return;
	if (group == NULL)
		no_column(version, "group", "group");
	scan->group_attno = source_need_column(scan->source->desc, group, scan->source->text);
	scan->group = group_begin(scan->source->desc, scan->group_attno);
}

/* Gives the place of a class among those that were collected so far; -1 when it is none of them. */
static int
find_class(const Paired *rows, const char *class)
{
	for (int c = 0; c < rows->nclasses; c++)
		if (strcmp(rows->classes[c], class) == 0)
			return c;
	return -1;
}

/* Collects the classes of both versions, in the order of the one that is judged against. */
static void
join_classes(PairedScan *scan)
{
	Paired	   *rows = scan->rows;

	rows->classes = palloc(mul_size(scan->versions[0]->nclasses + scan->versions[1]->nclasses + 1, sizeof(char *)));
	for (int side = 1; side >= 0; side--)
	{
		const ModelVersion *version = scan->versions[side];

		scan->places[side] = palloc(mul_size(version->nclasses + 1, sizeof(int)));
		for (int c = 0; c < version->nclasses; c++)
		{
			int			place = find_class(rows, version->classes[c]);

			if (place < 0)
			{
				place = rows->nclasses++;
				rows->classes[place] = version->classes[c];
			}
			scan->places[side][c] = place;
		}
	}
}

/* Gives the bytes that one row takes, its test included. */
static Size
row_bytes(const Paired *rows)
{
	return add_size(mul_size(2 * rows->nvalues + 2, sizeof(float)), add_size(metrics_estimate(1), TEST_BYTES));
}

/* Makes room for one more block, or ends with an error before too much memory is taken. */
static void
make_room(PairedScan *scan)
{
	Paired	   *rows = scan->rows;
	int64		most = (Size) core_train_max_memory * 1024 / row_bytes(rows);

	if (rows->nrows + SCORER_BLOCK <= scan->capacity)
		return;
	scan->capacity = Min(scan->capacity * 2, most);
	if (rows->nrows + SCORER_BLOCK > scan->capacity)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("comparing two versions needs more memory than allowed"),
				 errdetail("The predictions of " INT64_FORMAT " rows are as much as fits; the limit is %d kB.",
						   rows->nrows, core_train_max_memory),
				 errhint("Raise aipipe.train_max_memory, or compare on a sample of the rows.")));
	rows->labels = repalloc_huge(rows->labels, mul_size(scan->capacity, sizeof(float)));
	if (rows->groups != NULL)
		rows->groups = repalloc_huge(rows->groups, mul_size(scan->capacity, sizeof(int32)));
	for (int side = 0; side < 2; side++)
		rows->values[side] = repalloc_huge(rows->values[side],
										   mul_size(mul_size(scan->capacity, rows->nvalues), sizeof(float)));
}

/* Puts one scored row's values where both versions' classes stand. */
static void
place_values(const PairedScan *scan, int side, int row)
{
	const Paired *rows = scan->rows;
	const float *values = scorer_values(scan->scorers[side], row);
	float	   *out = rows->values[side] + (size_t) (rows->nrows + row) * rows->nvalues;

	if (rows->task != TASK_CLASSIFICATION)
	{
		out[0] = values[0];
		return;
	}
	memset(out, 0, sizeof(float) * rows->nvalues);
	for (int c = 0; c < scan->versions[side]->nclasses; c++)
		out[scan->places[side][c]] = values[c];
}

/* Scores the block with both versions and appends it; its labels are there already. */
static void
take_block(PairedScan *scan)
{
	int			nrows = scan->scorers[0]->nrows;

	for (int side = 0; side < 2; side++)
	{
		scorer_run(scan->scorers[side]);
		for (int row = 0; row < nrows; row++)
			place_values(scan, side, row);
		scorer_reset(scan->scorers[side]);
	}
	scan->rows->nrows += nrows;
}

/* Reads the source and has its rows scored. */
static void
scan_rows(PairedScan *scan)
{
	Paired	   *rows = scan->rows;
	SourceScan *reading = source_scan_begin(scan->source, 1.0, 0);
	Datum	   *values;
	bool	   *nulls;
	float		label;

	while (source_scan_next(reading, &values, &nulls))
	{
		int64		at = rows->nrows + scan->scorers[0]->nrows;

		if (!target_read(scan->target, values, nulls, &label) ||
			(scan->group != NULL && nulls[scan->group_attno - 1]))
		{
			rows->nskipped++;
			continue;
		}
		make_room(scan);
		rows->labels[at] = label;
		if (scan->group != NULL)
			rows->groups[at] = group_read(scan->group, values, nulls);
		for (int side = 0; side < 2; side++)
			scorer_add(scan->scorers[side], values, nulls);
		if (scorer_full(scan->scorers[0]))
			take_block(scan);
	}
	take_block(scan);
	source_scan_end(reading);
}

/* Moves the rows of every group together, in the order in which they came. */
static void
gather_groups(Paired *rows)
{
	int32		ngroups = 0;
	int64	   *next;
	float	   *labels = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows, sizeof(float)));
	float	   *values[2];
	int64		start = 0;

	for (int64 row = 0; row < rows->nrows; row++)
		ngroups = Max(ngroups, rows->groups[row] + 1);
	next = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(ngroups + 1, sizeof(int64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 row = 0; row < rows->nrows; row++)
		next[rows->groups[row] + 1]++;
	for (int32 group = 0; group <= ngroups; group++)
		start = next[group] += start;
	for (int side = 0; side < 2; side++)
		values[side] = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(rows->nrows, sizeof(float)));
	for (int64 row = 0; row < rows->nrows; row++)
	{
		int64		to = next[rows->groups[row]]++;

		labels[to] = rows->labels[row];
		for (int side = 0; side < 2; side++)
			values[side][to] = rows->values[side][row];
	}
	/* next[] now holds every group's end */
	for (int32 group = 0; group < ngroups; group++)
		for (int64 row = group == 0 ? 0 : next[group - 1]; row < next[group]; row++)
			rows->groups[row] = group;
	pfree(next);
	pfree(rows->labels);
	rows->labels = labels;
	for (int side = 0; side < 2; side++)
	{
		pfree(rows->values[side]);
		rows->values[side] = values[side];
	}
}

/* Resolves the source and binds both versions to it. */
PairedScan *
paired_begin(const ModelRef refs[2], const char *source, Paired *rows)
{
	PairedScan *scan = palloc0(sizeof(PairedScan));

	memset(rows, 0, sizeof(Paired));
	rows->task = refs[0].task;
	scan->rows = rows;
	scan->source = source_resolve(source);
	for (int side = 0; side < 2; side++)
	{
		scan->versions[side] = cache_acquire(&refs[side], CurrentMemoryContext);
		scan->scorers[side] = scorer_create(scan->versions[side], scan->source->desc, CurrentMemoryContext);
	}
	join_classes(scan);
	rows->nvalues = rows->task == TASK_CLASSIFICATION ? rows->nclasses : 1;
	for (int side = 0; side < 2; side++)
	{
		rows->threshold[side] = scan->versions[side]->threshold;
		if (rows->task == TASK_CLASSIFICATION && scan->versions[side]->nclasses == 2)
			rows->pair[side] = scan->places[side];
	}
	return scan;
}

/* Reads and scores the source. */
void
paired_read(PairedScan *scan, const PairedColumns *columns)
{
	Paired	   *rows = scan->rows;

	open_truth(scan, columns);
	scan->capacity = SCORER_BLOCK;
	rows->labels = palloc(mul_size(scan->capacity, sizeof(float)));
	if (scan->group != NULL)
		rows->groups = palloc(mul_size(scan->capacity, sizeof(int32)));
	for (int side = 0; side < 2; side++)
		rows->values[side] = palloc(mul_size(mul_size(scan->capacity, rows->nvalues), sizeof(float)));
	scan_rows(scan);
	if (rows->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no row of source \"%s\" has a value in its target column that the model knows",
						scan->source->text)));
	if (scan->group != NULL)
		gather_groups(rows);
}

/* Gives the rows of one side as the metrics take them. */
Scored
paired_side(const Paired *rows, int side)
{
	Scored		scored = {0};

	scored.task = rows->task;
	scored.nrows = rows->nrows;
	scored.nclasses = rows->nclasses;
	scored.nvalues = rows->nvalues;
	scored.values = rows->values[side];
	scored.labels = rows->labels;
	scored.groups = rows->groups;
	scored.threshold = rows->threshold[side];
	scored.pair = rows->pair[side];
	scored.quantile = rows->quantile;
	return scored;
}
