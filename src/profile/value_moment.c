/*-------------------------------------------------------------------------
 *
 * value_moment.c
 *	  Dates and timestamps as seconds since 1970, times and intervals as seconds, and the hashes of all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/timestamp.h"

#include "core/encoder.h"
#include "profile/value_int.h"

#define DAYS_BEFORE_2000 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)

/* Gives the hash of a moment in microseconds since 2000-01-01. */
static inline uint64
hash_moment(int64 usecs)
{
	return hash_bits(HASH_TIME, (uint64) usecs);
}

/* Gives a moment as seconds since 1970: good to the microsecond for some 285 years around 2000. */
static inline double
read_timestamp(Timestamp value)
{
	if (unlikely(TIMESTAMP_NOT_FINITE(value)))
		return TIMESTAMP_IS_NOEND(value) ? get_float8_infinity() : -get_float8_infinity();
	return ((double) value + (double) DAYS_BEFORE_2000 * USECS_PER_DAY) / (double) USECS_PER_SEC;
}

/* Gives a day as the seconds until its midnight, and the hash of that moment. */
static inline double
read_date(DateADT value, uint64 *hash)
{
	if (unlikely(DATE_NOT_FINITE(value)))
	{
		*hash = hash_moment(DATE_IS_NOEND(value) ? DT_NOEND : DT_NOBEGIN);
		return DATE_IS_NOEND(value) ? get_float8_infinity() : -get_float8_infinity();
	}

	/* A date may lie beyond what a timestamp holds: its microseconds wrap, and stay its own. */
	*hash = hash_moment((int64) ((uint64) (int64) value * (uint64) USECS_PER_DAY));
	return ((double) value + DAYS_BEFORE_2000) * SECS_PER_DAY;
}

/* Gives a time of day with its zone as seconds since midnight in UTC; the same moment in another zone is another value. */
static inline double
read_timetz(const TimeTzADT *value, uint64 *hash)
{
	int64		usecs = value->time + value->zone * USECS_PER_SEC;

	*hash = hash_bits(HASH_DURATION, (uint64) usecs);
	if (value->zone != 0)
		*hash = hash_mix(*hash + (uint64) (int64) value->zone);
	usecs %= USECS_PER_DAY;
	return (double) (usecs < 0 ? usecs + USECS_PER_DAY : usecs) / (double) USECS_PER_SEC;
}

/* Gives an interval in seconds, and the hash of its microseconds with months of 30 days, as = compares. */
static inline double
read_interval(Datum datum, uint64 *hash)
{
	const Interval *value = DatumGetIntervalP(datum);
	uint64		days = (uint64) ((int64) value->month * DAYS_PER_MONTH + value->day);

	*hash = hash_bits(HASH_DURATION, days * (uint64) USECS_PER_DAY + (uint64) value->time);
	return encoder_interval(datum);
}

/* Reads a block of moments, times or intervals. */
void
value_read_moment(const ValueReader *reader, ValueBlock *block)
{
	int			n = block->n;
	Datum	   *datums = block->datums;
	double	   *numbers = block->numbers;
	uint64	   *hashes = block->hashes;

	block->bytes = (int64) reader->typlen * n;
	switch (reader->form)
	{
		case VALUE_FORM_DATE:
			for (int i = 0; i < n; i++)
				numbers[i] = read_date(DatumGetDateADT(datums[i]), &hashes[i]);
			break;
		case VALUE_FORM_TIME:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = (double) DatumGetTimeADT(datums[i]) / (double) USECS_PER_SEC;
				hashes[i] = hash_bits(HASH_DURATION, (uint64) DatumGetTimeADT(datums[i]));
			}
			break;
		case VALUE_FORM_TIMETZ:
			for (int i = 0; i < n; i++)
				numbers[i] = read_timetz(DatumGetTimeTzADTP(datums[i]), &hashes[i]);
			break;
		case VALUE_FORM_INTERVAL:
			for (int i = 0; i < n; i++)
				numbers[i] = read_interval(datums[i], &hashes[i]);
			break;
		default:
			for (int i = 0; i < n; i++)
			{
				numbers[i] = read_timestamp(DatumGetTimestamp(datums[i]));
				hashes[i] = hash_moment(DatumGetTimestamp(datums[i]));
			}
			break;
	}
}

/* Writes a date as ISO 8601 does. */
static void
date_text(DateADT value, char *out)
{
	struct pg_tm tm;

	if (DATE_NOT_FINITE(value))
	{
		EncodeSpecialDate(value, out);
		return;
	}
	j2date(value + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, out);
}

/* Writes a date, or a timestamp with or without its zone (UTC), in MAXDATELEN + 1 bytes; false when it cannot. */
bool
value_moment_text(ValueForm form, Datum datum, char *out)
{
	Timestamp	value;
	struct pg_tm tm;
	fsec_t		fsec;

	if (form == VALUE_FORM_DATE)
	{
		date_text(DatumGetDateADT(datum), out);
		return true;
	}
	value = DatumGetTimestamp(datum);
	if (TIMESTAMP_NOT_FINITE(value))
	{
		EncodeSpecialTimestamp(value, out);
		return true;
	}
	if (timestamp2tm(value, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	tm.tm_isdst = 0;
	EncodeDateTime(&tm, fsec, form == VALUE_FORM_TIMESTAMPTZ, 0, NULL, USE_ISO_DATES, out);
	return true;
}
