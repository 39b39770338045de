/*-------------------------------------------------------------------------
 *
 * series_options.c
 *	  Options of series detectors as people give them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/options.h"
#include "series/series_options.h"

#define LEAST_LEARNING 10
#define MOST_HOLIDAYS 100000

typedef struct GivenOptions
{
	char	   *kind;
	char	   *method;
	char	   *direction;
	double		alpha;
	double		least_absolute;
	double		least_relative;
	int64		rest;
	int64		learning;
	char	   *timezone;
	char	   *holidays;
} GivenOptions;

/* In the order of their enums. */
static const char *const kinds[] = {"auto", "count", "share", "value", NULL};
static const char *const methods[] = {"steady", "seasonal", "holt_winters", "last", "auto", NULL};
static const char *const directions[] = {"both", "up", "down", NULL};

static const OptionSpec specs[] = {
	{"kind", OPTION_TEXT, OPTION_FIELD(GivenOptions, kind), 0, 0, 0, "auto", kinds},
	{"method", OPTION_TEXT, OPTION_FIELD(GivenOptions, method), 0, 0, 0, "auto", methods},
	{"direction", OPTION_TEXT, OPTION_FIELD(GivenOptions, direction), 0, 0, 0, "both", directions},
	{"alpha", OPTION_REAL, OPTION_FIELD(GivenOptions, alpha), 0, 0, 0.1, NULL, NULL},
	{"least_absolute", OPTION_REAL, OPTION_FIELD(GivenOptions, least_absolute), 0, 0, DBL_MAX, NULL, NULL},
	{"least_relative", OPTION_REAL, OPTION_FIELD(GivenOptions, least_relative), 0.01, 0, DBL_MAX, NULL, NULL},
	{"rest", OPTION_INT, OPTION_FIELD(GivenOptions, rest), 0, 0, 1000000, NULL, NULL},
	{"learning", OPTION_INT, OPTION_FIELD(GivenOptions, learning), 0, 0, SEASONAL_WINDOW / 2, NULL, NULL},
	{"timezone", OPTION_TEXT, OPTION_FIELD(GivenOptions, timezone), 0, 0, 0, NULL, NULL},
	{"holidays", OPTION_TEXT, OPTION_FIELD(GivenOptions, holidays), 0, 0, 0, NULL, NULL}
};

/* Gives the place of a name that is in the list. */
static int
place_of(const char *name, const char *const *names)
{
	int			i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

/* Orders dates. */
static int
compare_dates(const void *a, const void *b)
{
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	return left < right ? -1 : left > right;
}

/* Finds the first column of a source of holidays, which must be one of dates. */
static AttrNumber
find_dates(const Source *source, Oid *type)
{
	for (int i = 0; i < source->desc->natts; i++)
	{
		if (TupleDescAttr(source->desc, i)->attisdropped)
			continue;
		*type = getBaseType(TupleDescAttr(source->desc, i)->atttypid);
		if (*type == DATEOID || *type == TIMESTAMPOID)
			return i + 1;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first column of the holidays is of type %s", format_type_be(*type)),
				 errhint("Give a relation or a SELECT whose first column is a date.")));
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the holidays have no column"),
			 errhint("Give a relation or a SELECT whose first column is a date.")));
}

/* Gives a value as days, or false for infinity. */
static bool
read_date(Oid type, Datum value, int32 *date)
{
	if (type == DATEOID)
		*date = DatumGetDateADT(value);
	else if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
		return false;
	else
		*date = DatumGetDateADT(DirectFunctionCall1(timestamp_date, value));
	return !DATE_NOT_FINITE(*date);
}

/* Reads the holidays, sorted and once each; NULLs are none. */
static void
read_holidays(const char *text, SeasonalOptions *options)
{
	Source	   *source = source_resolve(text);
	Oid			type = InvalidOid;
	AttrNumber	attno = find_dates(source, &type);
	SourceScan *scan = source_scan_begin(source, 1.0, 0);
	int32	   *dates = palloc(sizeof(int32) * MOST_HOLIDAYS);
	Datum	   *values;
	bool	   *nulls;
	int			n = 0;
	int			kept = 0;

	while (source_scan_next(scan, &values, &nulls))
	{
		if (n == MOST_HOLIDAYS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are more than %d holidays", MOST_HOLIDAYS)));
		if (!nulls[attno - 1] && read_date(type, values[attno - 1], &dates[n]))
			n++;
	}
	source_scan_end(scan);
	qsort(dates, n, sizeof(int32), compare_dates);
	for (int i = 0; i < n; i++)
		if (i == 0 || dates[i] != dates[i - 1])
			dates[kept++] = dates[i];
	options->nholidays = kept;
	options->holidays = dates;
}

/* Writes the options and columns as JSON. */
static void
write_effective(const GivenOptions *given, const SeasonalOptions *options, StringInfo out)
{
	options_to_json(out, specs, lengthof(specs), given);
	out->data[--out->len] = '\0';
	appendStringInfoString(out, ", \"value\": ");
	escape_json(out, options->value);
	appendStringInfoString(out, ", \"time\": ");
	escape_json(out, options->time);
	appendStringInfoString(out, ", \"series\": ");
	if (options->series[0] != '\0')
		escape_json(out, options->series);
	else
		appendStringInfoString(out, "null");
	appendStringInfoChar(out, '}');
}

/* Reads options from params and columns from the points that they are for. */
void
series_read_options(const Jsonb *params, const char *function, const PointsSpec *spec,
					SeasonalOptions *options, StringInfo effective)
{
	GivenOptions given;

	options_parse(params, function, specs, lengthof(specs), &given);
	if (given.learning > 0 && given.learning < LEAST_LEARNING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"learning\" of %s must be 0 or at least %d", function, LEAST_LEARNING)));
	memset(options, 0, sizeof(SeasonalOptions));
	options->kind = place_of(given.kind, kinds);
	options->method = place_of(given.method, methods);
	options->direction = place_of(given.direction, directions);
	options->alpha = given.alpha;
	options->least_absolute = given.least_absolute;
	options->least_relative = given.least_relative;
	options->rest = (int) given.rest;
	options->learning = (int) given.learning;
	options->timezone = given.timezone ? given.timezone : "";
	options->value = spec->value;
	options->time = spec->time;
	options->series = spec->series ? spec->series : "";
	if (given.holidays != NULL)
		read_holidays(given.holidays, options);
	if (effective != NULL)
		write_effective(&given, options, effective);
}

/* Sets what the type of the time column says. */
void
series_set_times(const Points *points, SeasonalOptions *options)
{
	const Source *source = points_source(points);
	AttrNumber	attno = source_need_column(source->desc, options->time, source->text);
	Oid			type = getBaseType(TupleDescAttr(source->desc, attno - 1)->atttypid);

	options->wall = (type != TIMESTAMPTZOID);
	if (options->wall && options->timezone[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"timezone\" does not go with time column \"%s\"", options->time),
				 errdetail("Its type %s has no time zone: it is taken as it stands.", format_type_be(type))));
}
