/*-------------------------------------------------------------------------
 *
 * encoder_value.c
 *	  Values of the types that are not read as text, as floats.
 *
 * Nothing here raises an error or, for types of fixed size, allocates.  Floats
 * hold 24 bits: a moment counted in days is good to about a minute and a half,
 * which is why its hour, weekday and day stand beside it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <sys/socket.h>

#include "access/detoast.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "compat/compat.h"
#include "core/encoder_int.h"
#include "core/numeric.h"

/* Bytes of an array that hold its number of dimensions and their sizes. */
#define ARRAY_HEAD (sizeof(ArrayType) + MAXDIM * sizeof(int))

/* Digits of base 10,000 that fill a double. */
#define NUMERIC_DIGITS 5

/* Multiplies by a power of ten, in one rounding as long as that is possible. */
static double
scale_by_ten(double value, int exponent)
{
	if (exponent >= 0 && exponent <= NUMERIC_EXACT_POWER)
		return value * numeric_powers_of_ten[exponent];
	if (exponent < 0 && exponent >= -NUMERIC_EXACT_POWER)
		return value / numeric_powers_of_ten[-exponent];
	return value * pow(10.0, exponent);
}

/* Decodes a numeric without the detour over its text. */
double
encoder_numeric(Datum value)
{
	struct varlena *datum = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));
	NumericParts parts;
	double		result;
	int			used;

	if (!numeric_parts((const unsigned char *) VARDATA_ANY(datum), (int) VARSIZE_ANY_EXHDR(datum), &parts, &result))
		return result;
	result = 0.0;
	used = Min(parts.ndigits, NUMERIC_DIGITS);
	for (int i = 0; i < used; i++)
		result = result * NUMERIC_BASE + numeric_digit(&parts, i);
	if (used > 0)
		result = scale_by_ten(result, (parts.weight - used + 1) * NUMERIC_BASE_LOG);
	return parts.negative ? -result : result;
}

/* Gives the microseconds since midnight of a time or timetz, in UTC when the zone is known. */
int64
encoder_time_of_day(EncoderForm form, Datum value)
{
	TimeTzADT  *timetz;
	int64		usecs;

	if (form == FORM_TIME)
		return DatumGetTimeADT(value);
	timetz = DatumGetTimeTzADTP(value);
	usecs = (timetz->time + timetz->zone * USECS_PER_SEC) % USECS_PER_DAY;
	return usecs < 0 ? usecs + USECS_PER_DAY : usecs;
}

/* Gives the ISO weekday (Monday is 1) of a day counted from 2000-01-01, a Saturday. */
static inline int
encoder_weekday(int64 day)
{
	int			since_monday = (int) ((day + 5) % 7);

	return (since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

/* Writes the weekday and the day of the month. */
static void
encoder_day_parts(int64 day, float *out)
{
	int			year;
	int			month;
	int			mday;

	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	out[0] = (float) encoder_weekday(day);
	out[1] = (float) mday;
}

/* Writes a moment before or after all others: its parts are missing. */
static void
encoder_infinite_moment(bool future, int nfeatures, float *out)
{
	out[0] = future ? FLT_MAX : -FLT_MAX;
	for (int i = 1; i < nfeatures; i++)
		out[i] = get_float4_nan();
}

/* Writes the features of a day: days since 2000-01-01, [hour,] weekday, day of the month. */
void
encoder_date(int32 date, int nfeatures, float *out)
{
	if (DATE_NOT_FINITE(date))
	{
		encoder_infinite_moment(DATE_IS_NOEND(date), nfeatures, out);
		return;
	}
	*out++ = (float) date;
	if (nfeatures == 4)
		*out++ = 0.0f;
	encoder_day_parts(date, out);
}

/* Writes the features of a timestamp: days since 2000-01-01, [hour,] weekday, day of the month. */
void
encoder_timestamp(int64 timestamp, int nfeatures, float *out)
{
	int64		day;
	int64		time;

	if (TIMESTAMP_NOT_FINITE(timestamp))
	{
		encoder_infinite_moment(TIMESTAMP_IS_NOEND(timestamp), nfeatures, out);
		return;
	}
	day = timestamp / USECS_PER_DAY;
	time = timestamp % USECS_PER_DAY;
	if (time < 0)
	{
		day--;
		time += USECS_PER_DAY;
	}
	*out++ = (float) ((double) timestamp / (double) USECS_PER_DAY);
	if (nfeatures == 4)
		*out++ = (float) ((double) time / (double) USECS_PER_HOUR);
	encoder_day_parts(day, out);
}

/* Gives an interval in seconds: a month has 30 days, twelve of them 365.25. */
double
encoder_interval(Datum value)
{
	const Interval *interval = DatumGetIntervalP(value);
	double		days = (interval->month / MONTHS_PER_YEAR) * DAYS_PER_YEAR +
		(interval->month % MONTHS_PER_YEAR) * (double) DAYS_PER_MONTH + interval->day;

	return days * SECS_PER_DAY + (double) interval->time / (double) USECS_PER_SEC;
}

/* Writes the features of an address: its first 32 bits, family (4 or 6), prefix length. */
void
encoder_inet(Datum value, float *out)
{
	inet	   *address = DatumGetInetPP(value);
	const unsigned char *bytes = ip_addr(address);
	uint32		first = ((uint32) bytes[0] << 24) | ((uint32) bytes[1] << 16) |
		((uint32) bytes[2] << 8) | (uint32) bytes[3];

	out[0] = (float) first;
	out[1] = (ip_family(address) == PGSQL_AF_INET) ? 4.0f : 6.0f;
	out[2] = (float) ip_bits(address);
}

/* Gives the number of an array's elements. */
float
encoder_array(Datum value)
{
	ArrayType  *array = (ArrayType *) detoast_attr_slice((struct varlena *) DatumGetPointer(value), 0, ARRAY_HEAD);
	double		nelements = ARR_NDIM(array) > 0 ? 1.0 : 0.0;

	for (int i = 0; i < Min(ARR_NDIM(array), MAXDIM); i++)
		nelements *= ARR_DIMS(array)[i];
	return (float) nelements;
}

/* Gives the name of a type code. */
const char *
encoder_json_type(int code)
{
	static const char *const names[] = {"object", "array", "string", "number", "boolean", "null"};

	return (code >= 1 && code <= lengthof(names)) ? names[code - 1] : "unknown";
}

/* Gives the type code of a JSON text by its first character. */
static int
encoder_json_code(char first)
{
	switch (first)
	{
		case '{':
			return 1;
		case '[':
			return 2;
		case '"':
			return 3;
		case 't':
		case 'f':
			return 5;
		case 'n':
			return 6;
		default:
			return 4;
	}
}

/* Counts the members of the outermost object or array in a JSON text that begins with it. */
static int
encoder_json_members(const char *s, const char *end)
{
	int			depth = 0;
	int			members = 0;
	bool		any = false;

	for (; s < end; s++)
	{
		if (*s == '"')
		{
			for (s++; s < end && *s != '"'; s++)
				if (*s == '\\')
					s++;
			any = true;
		}
		else if (*s == '{' || *s == '[')
		{
			any |= (depth > 0);
			depth++;
		}
		else if (*s == '}' || *s == ']')
			depth--;
		else if (*s == ',')
			members += (depth == 1);
		else if (!isspace((unsigned char) *s))
			any = true;
	}
	return any ? members + 1 : 0;
}

/* Writes the features of a json value: type, number of members. */
void
encoder_json(Datum value, float *out)
{
	struct varlena *datum = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));
	const char *s = VARDATA_ANY(datum);
	const char *end = s + VARSIZE_ANY_EXHDR(datum);
	int			code;

	while (s < end && isspace((unsigned char) *s))
		s++;
	code = (s < end) ? encoder_json_code(*s) : 6;
	out[0] = (float) code;
	out[1] = (code <= 2) ? (float) encoder_json_members(s, end) : 0.0f;
}

/* Writes the features of a jsonb value: type, number of members; its first eight bytes tell both. */
void
encoder_jsonb(Datum value, float *out)
{
	struct varlena *head = detoast_attr_slice((struct varlena *) DatumGetPointer(value), 0,
											  sizeof(uint32) + sizeof(JEntry));
	const char *data = VARDATA(head);
	uint32		header;
	JEntry		entry;

	memcpy(&header, data, sizeof(header));
	out[0] = (header & JB_FOBJECT) ? 1.0f : 2.0f;
	out[1] = (float) (header & JB_CMASK);
	if (header & JB_FSCALAR)
	{
		memcpy(&entry, data + sizeof(header), sizeof(entry));
		out[0] = JBE_ISSTRING(entry) ? 3.0f : JBE_ISNUMERIC(entry) ? 4.0f : JBE_ISBOOL(entry) ? 5.0f : 6.0f;
		out[1] = 0.0f;
	}
}
