/*-------------------------------------------------------------------------
 *
 * arrival_compiled.c
 *	  Algorithm "arrival": the compiled form of a detector of arrival times, opened in place.
 *
 *		ArrivalHeader
 *		ArrivalSeries	series[nseries]
 *		ArrivalSlot		slots[nslots]
 *		Arrival			arrivals[narrivals]
 *		char			names[names_len]		time zone, column of times, column of series, series; each ends with a NUL
 *
 * Nothing in the bytes is believed before it was checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "learn/compiled.h"
#include "series/arrival.h"

#define ARRIVAL_MAGIC "aipipeAR"
#define ARRIVAL_FORMAT 1

typedef struct ArrivalHeader
{
	char		magic[8];
	uint32		format;
	uint32		byte_order;
	uint32		crc;			/* CRC-32C of everything, with this field zero */
	uint32		flags;			/* reserved, zero */
	uint64		length;			/* of everything */
	double		half_life;
	double		alpha;
	int32		keep;
	int32		min_arrivals;
	int32		tolerance;
	int32		weekend;
	int32		days;
	int32		nseries;
	int32		nslots;
	int32		narrivals;
	int32		names_len;
	int32		has_series;		/* 1 = a column of series is named */
} ArrivalHeader;

/* The parts of a compiled form while it is made. */
typedef struct Builder
{
	StringInfoData series;
	StringInfoData slots;
	StringInfoData arrivals;
	StringInfoData names;
	int			nseries;
	const ArrivalSettings *settings;	/* whose names go first, once they are known */
} Builder;

/* What is wrong with the settings, or NULL. */
const char *
arrival_check_settings(const ArrivalSettings *settings)
{
	if (!(settings->alpha > 0 && settings->alpha <= 0.5) ||
		!(settings->half_life >= 1 && settings->half_life <= 36500))
		return "a setting is out of range";
	if (settings->keep < 1 || settings->keep > ARRIVAL_MAX_KEEP || settings->min_arrivals < 1 ||
		settings->min_arrivals > settings->keep || settings->tolerance < 1 || settings->tolerance > ARRIVAL_DAY || settings->weekend < 0 || settings->weekend > 127 ||
		settings->days < ARRIVAL_DAYS_AUTO || settings->days > ARRIVAL_DAYS_EACH)
		return "a setting is out of range";
	return NULL;
}

/* Whether all floats lie between bounds. */
static bool
floats_between(const float *values, int n, float min, float max)
{
	for (int i = 0; i < n; i++)
	{
		if (!(values[i] >= min && values[i] <= max))
			return false;
	}
	return true;
}

/* What is wrong with what was learned of a series, or NULL. */
static const char *
check_fit(const ArrivalPart *part)
{
	const ArrivalSeries *series = &part->series;

	if (series->cut < 0 || series->cut >= ARRIVAL_DAY || series->shift < 0 || series->shift > 1 ||
		series->width < 1 || series->width > ARRIVAL_DAY ||
		!floats_between(&series->group, 1, 0, 1) || !floats_between(&series->other, 1, 0, 1) ||
		!floats_between(&series->scale, 1, 0.01f, 1000) ||
		!floats_between(series->surprise, ARRIVAL_NSURPRISES, -1000, 1000) ||
		!floats_between(series->rate, ARRIVAL_WEEK, 1e-9f, 1e6f))
		return "what was learned of a series is out of range";
	for (int k = 1; k < ARRIVAL_NSURPRISES; k++)
	{
		if (series->surprise[k] < series->surprise[k - 1])
			return "the surprises of a series are out of order";
	}
	for (int k = 0; k < series->nslots; k++)
	{
		const ArrivalSlot *slot = &part->slots[k];

		if (slot->start != (k == 0 ? 0 : part->slots[k - 1].end) || slot->end <= slot->start ||
			!floats_between(slot->rate, ARRIVAL_WEEK, 0, 1e6f))
			return "the slots of a series do not part a day";
	}
	if (part->slots[series->nslots - 1].end != ARRIVAL_DAY)
		return "the slots of a series do not part a day";
	return NULL;
}

/* What is wrong with a series, or NULL. */
const char *
arrival_check_part(const ArrivalSettings *settings, const ArrivalPart *part)
{
	const ArrivalSeries *series = &part->series;

	if (series->narrivals < 1 || series->narrivals > settings->keep || series->seen < series->narrivals ||
		series->last < -(int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY || series->last > (int64) ARRIVAL_MAX_DAY * ARRIVAL_DAY)
		return "the number of arrivals of a series is out of range";
	if ((series->nslots > 0) != (series->narrivals >= settings->min_arrivals) || series->nslots > ARRIVAL_MAX_SLOTS)
		return "a series has learned too little or too much";
	for (int i = 0; i < series->narrivals; i++)
	{
		const Arrival *arrival = &part->arrivals[i];

		if (arrival->day < -ARRIVAL_MAX_DAY || arrival->day > ARRIVAL_MAX_DAY || arrival->second < 0 ||
			arrival_second(arrival) >= ARRIVAL_DAY || (arrival_is_outlier(arrival) && series->nslots == 0))
			return "an arrival is out of range";
	}
	return series->nslots > 0 ? check_fit(part) : NULL;
}

/* Compares two names by their bytes. */
static int
compare_names(const char *a, int alen, const char *b, int blen)
{
	int			order = memcmp(a, b, Min(alen, blen));

	return order != 0 ? order : alen - blen;
}

/* Appends a name and gives its place. */
static int32
add_name(Builder *builder, const char *name)
{
	int32		at = builder->names.len;

	appendBinaryStringInfo(&builder->names, name, (int) strlen(name) + 1);
	return at;
}

/* Takes a series of the artifact into the compiled form. */
static void
add_series(const ArrivalPart *part, void *arg)
{
	Builder    *builder = arg;
	ArrivalSeries series = part->series;

	if (builder->nseries == 0)
	{
		(void) add_name(builder, builder->settings->timezone);
		(void) add_name(builder, builder->settings->time);
		if (builder->settings->series != NULL)
			(void) add_name(builder, builder->settings->series);
	}
	else
	{
		ArrivalSeries before;

		/* what lies in a StringInfo may lie unaligned */
		memcpy(&before, builder->series.data + builder->series.len - sizeof(before), sizeof(before));
		if (compare_names(builder->names.data + before.name, before.name_len, part->name, series.name_len) >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid detector of arrival times"),
					 errdetail("The artifact is damaged or was not written by aipipe: its series are out of order.")));
	}
	series.name = add_name(builder, part->name);
	series.slot = builder->slots.len / sizeof(ArrivalSlot);
	series.arrival = builder->arrivals.len / sizeof(Arrival);
	appendBinaryStringInfo(&builder->series, (const char *) &series, sizeof(series));
	appendBinaryStringInfo(&builder->slots, (const char *) part->slots, (int) (series.nslots * sizeof(ArrivalSlot)));
	appendBinaryStringInfo(&builder->arrivals, (const char *) part->arrivals, (int) (series.narrivals * sizeof(Arrival)));
	builder->nseries++;
}

/* Checks an artifact wholly and writes its compiled form. */
void
arrival_compile(const char *artifact, Size len, StringInfo compiled)
{
	ArrivalSettings settings;
	Builder		builder = {.settings = &settings};
	ArrivalHeader header = {.format = ARRIVAL_FORMAT, .byte_order = COMPILED_BYTE_ORDER};
	Size		start = compiled->len;

	initStringInfo(&builder.series);
	initStringInfo(&builder.slots);
	initStringInfo(&builder.arrivals);
	initStringInfo(&builder.names);
	arrival_read(artifact, len, &settings, add_series, &builder);
	if (builder.nseries == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid detector of arrival times"),
				 errdetail("The artifact is damaged or was not written by aipipe: it has no series.")));
	memcpy(header.magic, ARRIVAL_MAGIC, sizeof(header.magic));
	header.half_life = settings.half_life;
	header.alpha = settings.alpha;
	header.keep = settings.keep;
	header.min_arrivals = settings.min_arrivals;
	header.tolerance = settings.tolerance;
	header.weekend = settings.weekend;
	header.days = settings.days;
	header.nseries = builder.nseries;
	header.nslots = builder.slots.len / sizeof(ArrivalSlot);
	header.narrivals = builder.arrivals.len / sizeof(Arrival);
	header.names_len = builder.names.len;
	header.has_series = settings.series != NULL;
	header.length = sizeof(header) + builder.series.len + builder.slots.len + builder.arrivals.len + builder.names.len;
	appendBinaryStringInfo(compiled, (const char *) &header, sizeof(header));
	appendBinaryStringInfo(compiled, builder.series.data, builder.series.len);
	appendBinaryStringInfo(compiled, builder.slots.data, builder.slots.len);
	appendBinaryStringInfo(compiled, builder.arrivals.data, builder.arrivals.len);
	appendBinaryStringInfo(compiled, builder.names.data, builder.names.len);
	header.crc = compiled_crc(compiled->data + start, header.length, offsetof(ArrivalHeader, crc));
	memcpy(compiled->data + start, &header, sizeof(header));
	pfree(builder.series.data);
	pfree(builder.slots.data);
	pfree(builder.arrivals.data);
	pfree(builder.names.data);
}

/* Checks the header against the bytes, and gives the length that its counts make. */
static void
check_header(const ArrivalHeader *header, const char *bytes, Size len)
{
	Size		sections;

	if (len < sizeof(ArrivalHeader) || memcmp(header->magic, ARRIVAL_MAGIC, sizeof(header->magic)) != 0)
		compiled_corrupted("It does not start as a compiled detector of arrival times does.");
	if (header->byte_order != COMPILED_BYTE_ORDER)
		compiled_corrupted("It was made on a machine of another byte order.");
	if (header->format != ARRIVAL_FORMAT || header->flags != 0)
		compiled_corrupted(psprintf("Its format is %u, flags %u; this version of aipipe reads format %d.",
									header->format, header->flags, ARRIVAL_FORMAT));
	if (header->length != len)
		compiled_corrupted("Its length is not what its header says.");
	if (header->crc != compiled_crc(bytes, len, offsetof(ArrivalHeader, crc)))
		compiled_corrupted("Its checksum does not match.");
	if (header->nseries < 1 || header->nslots < 0 || header->narrivals < 0 || header->names_len < 1 ||
		header->has_series < 0 || header->has_series > 1)
		compiled_corrupted("A number in its header is out of range.");
	/* counts of int32 times sizes below 2^8 */
	sections = sizeof(ArrivalHeader) + header->nseries * sizeof(ArrivalSeries) + header->nslots * sizeof(ArrivalSlot) +
		header->narrivals * sizeof(Arrival) + header->names_len;
	if (sections != len || bytes[len - 1] != '\0')
		compiled_corrupted("Its sections do not fit its length.");
}

/* Gives the name at a place and steps behind it. */
static const char *
next_name(const ArrivalModel *model, const ArrivalHeader *header, Size *at)
{
	const char *name = model->names + *at;

	if (*at >= header->names_len)
		compiled_corrupted("It has too few names.");
	/* the last byte is a NUL */
	*at += strlen(name) + 1;
	return name;
}

/* Checks that every series is sound and has its own parts, one behind the other. */
static void
check_series(const ArrivalModel *model, const ArrivalHeader *header, Size names)
{
	int64		slot = 0;
	int64		arrival = 0;

	for (int i = 0; i < model->nseries; i++)
	{
		const ArrivalSeries *series = &model->series[i];
		const char *name = next_name(model, header, &names);
		ArrivalPart part;
		const char *wrong;

		CHECK_FOR_INTERRUPTS();
		if (name != model->names + series->name || series->name_len != strlen(name) || series->slot != slot ||
			series->arrival != arrival || series->nslots < 0 || series->nslots > header->nslots - slot ||
			series->narrivals < 0 || series->narrivals > header->narrivals - arrival)
			compiled_corrupted("A series is not where it should be.");
		arrival_get(model, i, &part);
		if ((wrong = arrival_check_part(&model->settings, &part)) != NULL)
			compiled_corrupted(psprintf("It is not sound: %s.", wrong));
		if (i > 0 && compare_names(model->names + series[-1].name, series[-1].name_len, name, series->name_len) >= 0)
			compiled_corrupted("Its series are out of order.");
		slot += series->nslots;
		arrival += series->narrivals;
	}
	if (slot != header->nslots || arrival != header->narrivals || names != header->names_len)
		compiled_corrupted("Its series do not use all of it.");
}

/* Opens compiled bytes in place, or ends with an error when anything is off. */
ArrivalModel *
arrival_open(const char *compiled, Size len)
{
	const ArrivalHeader *header = (const ArrivalHeader *) compiled;
	ArrivalModel *model;
	Size		names = 0;
	const char *wrong;

	if (compiled != (const char *) MAXALIGN(compiled))
		elog(ERROR, "compiled detector of arrival times is not aligned");
	check_header(header, compiled, len);
	model = palloc0(sizeof(ArrivalModel));
	model->settings.half_life = header->half_life;
	model->settings.alpha = header->alpha;
	model->settings.keep = header->keep;
	model->settings.min_arrivals = header->min_arrivals;
	model->settings.tolerance = header->tolerance;
	model->settings.weekend = header->weekend;
	model->settings.days = header->days;
	if ((wrong = arrival_check_settings(&model->settings)) != NULL)
		compiled_corrupted(psprintf("It is not sound: %s.", wrong));
	model->nseries = header->nseries;
	model->series = (const ArrivalSeries *) (compiled + sizeof(ArrivalHeader));
	model->slots = (const ArrivalSlot *) (model->series + header->nseries);
	model->arrivals = (const Arrival *) (model->slots + header->nslots);
	model->names = (const char *) (model->arrivals + header->narrivals);
	model->settings.timezone = next_name(model, header, &names);
	model->settings.time = next_name(model, header, &names);
	if (header->has_series)
		model->settings.series = next_name(model, header, &names);
	check_series(model, header, names);
	return model;
}

/* Gives series i with its parts. */
void
arrival_get(const ArrivalModel *model, int i, ArrivalPart *part)
{
	part->series = model->series[i];
	part->name = model->names + part->series.name;
	part->slots = model->slots + part->series.slot;
	part->arrivals = model->arrivals + part->series.arrival;
}

/* Finds the series of that name. */
bool
arrival_find(const ArrivalModel *model, const char *name, ArrivalPart *part)
{
	int			len = (int) strlen(name);
	int			low = 0;
	int			high = model->nseries;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const ArrivalSeries *series = &model->series[middle];
		int			order = compare_names(model->names + series->name, series->name_len, name, len);

		if (order == 0)
		{
			arrival_get(model, middle, part);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Tells whether the algorithm serves a task. */
static bool
serves(ModelTask task)
{
	return task == TASK_ARRIVAL;
}

/* Opens a compiled form; it scores no rows. */
static LoadedModel *
load(const char *compiled, Size len)
{
	LoadedModel *loaded = palloc0(sizeof(LoadedModel));

	loaded->algorithm = &algorithm_arrival;
	loaded->nvalues = 1;
	loaded->state = arrival_open(compiled, len);
	return loaded;
}

const Algorithm algorithm_arrival = {
	.name = "arrival",
	.serves = serves,
	.compile = arrival_compile,
	.open = load
};
