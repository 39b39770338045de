/*-------------------------------------------------------------------------
 *
 * joins_verify.c
 *	  Counts exactly how many values of a column are found in another.
 *
 * One query a pair, run as the caller like any source: different values of both
 * sides with their counts, joined.  Both sides are brought to a common type first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat/compat.h"
#include "core/pin.h"
#include "profile/joins.h"

/* What both sides become to be compared. */
typedef enum Common
{
	COMMON_SAME,
	COMMON_BIGINT,
	COMMON_NUMERIC,
	COMMON_TIMESTAMP,
	COMMON_TEXT
} Common;

/* Gives what two columns become. */
static Common
common_of(const JoinColumn *left, const JoinColumn *right)
{
	bool		numbers = left->class >= JOIN_INTEGER && left->class <= JOIN_FLOAT &&
		right->class >= JOIN_INTEGER && right->class <= JOIN_FLOAT;

	if (left->class == JOIN_STRING || right->class == JOIN_STRING)
		return COMMON_TEXT;
	if (left->type == right->type)
		return COMMON_SAME;
	if (left->class == JOIN_INTEGER && right->class == JOIN_INTEGER)
		return COMMON_BIGINT;
	if (numbers)
		return COMMON_NUMERIC;
	if (left->class == JOIN_TIME && right->class == JOIN_TIME)
		return COMMON_TIMESTAMP;
	return COMMON_TEXT;
}

/* Appends a column of alias r as it is compared. */
static void
append_value(StringInfo out, const JoinColumn *column, Common common)
{
	const char *name = quote_identifier(column->name);

	switch (common)
	{
		case COMMON_SAME:
			appendStringInfo(out, "r.%s", name);
			break;
		case COMMON_BIGINT:
			appendStringInfo(out, "r.%s::pg_catalog.int8", name);
			break;
		case COMMON_NUMERIC:
			/* through text a float keeps all of its digits */
			appendStringInfo(out, "r.%s%s::pg_catalog.numeric", name, column->class == JOIN_FLOAT ? "::pg_catalog.text" : "");
			break;
		case COMMON_TIMESTAMP:
			if (column->type == TIMESTAMPTZOID)
				appendStringInfo(out, "pg_catalog.timezone('UTC', r.%s)", name);
			else
				appendStringInfo(out, "r.%s::pg_catalog.timestamp", name);
			break;
		case COMMON_TEXT:
			if (column->class == JOIN_DECIMAL)
				appendStringInfo(out, "pg_catalog.trim_scale(r.%s)::pg_catalog.text COLLATE pg_catalog.\"C\"", name);
			else if (column->type >= FirstNormalObjectId)
				/* the output function: a cast may be its owner's code, and would run as the caller */
				appendStringInfo(out, "pg_catalog.format('%%s', r.%s) COLLATE pg_catalog.\"C\"", name);
			else
				appendStringInfo(out, "r.%s::pg_catalog.text COLLATE pg_catalog.\"C\"", name);
			break;
	}
}

/* Appends one side: its different values with their counts. */
static void
append_side(StringInfo out, const JoinSearch *search, const JoinColumn *column, Common common)
{
	appendStringInfoString(out, "SELECT d.v, pg_catalog.count(*) AS n FROM (SELECT ");
	append_value(out, column, common);
	appendStringInfo(out, " AS v FROM (%s) AS r WHERE r.%s IS NOT NULL) AS d GROUP BY d.v",
					 search->tables[column->table].source->query, quote_identifier(column->name));
}

/* Gives the query that counts a pair. */
static char *
pair_query(const JoinSearch *search, const JoinPair *pair)
{
	const JoinColumn *left = &search->columns[pair->left];
	const JoinColumn *right = &search->columns[pair->right];
	Common		common = common_of(left, right);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "WITH a AS MATERIALIZED (");
	append_side(&text, search, left, common);
	appendStringInfoString(&text, "), b AS MATERIALIZED (");
	append_side(&text, search, right, common);
	appendStringInfoString(&text, ") SELECT pg_catalog.sum(a.n)::pg_catalog.int8 AS left_rows, pg_catalog.count(*) AS left_distinct,"
						   " pg_catalog.count(b.n) AS matched_distinct,"
						   " (pg_catalog.sum(a.n) FILTER (WHERE b.n IS NOT NULL))::pg_catalog.int8 AS matched_rows,"
						   " pg_catalog.max(a.n) AS left_most,"
						   " (SELECT pg_catalog.count(*) FROM b) AS right_distinct,"
						   " (SELECT pg_catalog.max(b.n) FROM b) AS right_most"
						   " FROM a LEFT JOIN b ON a.v OPERATOR(pg_catalog.=) b.v");
	return text.data;
}

/* Gives a count of the row, 0 when it is NULL. */
static int64
count_at(const Datum *values, const bool *nulls, int i)
{
	return nulls[i] ? 0 : DatumGetInt64(values[i]);
}

/* Counts a pair exactly. */
void
joins_verify(JoinSearch *search, JoinPair *pair)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "aipipe profile verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	int			names = NewGUCNestLevel();
	int			pins;
	Source	   *source;
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;

	compat_restrict_search_path();
	pins = pin_begin(PIN_DATES | PIN_ZONE | PIN_FLOATS);
	source = source_resolve(pair_query(search, pair));
	scan = source_scan_begin(source, 1.0, 0);
	if (!source_scan_next(scan, &values, &nulls))
		elog(ERROR, "counting a pair of columns gave no row");
	pair->left_rows = count_at(values, nulls, 0);
	pair->left_distinct = count_at(values, nulls, 1);
	pair->matched_distinct = count_at(values, nulls, 2);
	pair->matched_rows = count_at(values, nulls, 3);
	pair->left_unique = count_at(values, nulls, 4) <= 1;
	pair->right_distinct = count_at(values, nulls, 5);
	pair->right_unique = count_at(values, nulls, 6) <= 1;
	source_scan_end(scan);
	pin_end(pins);
	AtEOXact_GUC(false, names);
	pair->score = pair->left_distinct == 0 ? 0 :
		joins_score(pair, (double) pair->matched_distinct / pair->left_distinct,
					(double) pair->matched_distinct / Max(pair->right_distinct, 1), pair->right_unique);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}
