/*-------------------------------------------------------------------------
 *
 * seasonal_record.c
 *	  The state of one series as bytes.
 *
 * Numbers are in network order, one behind the other without padding, so that the same state has
 * the same bytes on every machine.  A series that still learns has its slots and little else:
 *
 *		step, origin, last_time, next, nvalues, alarm, nrepeats, nchances	int64 each
 *		kind, fitted														int32
 *		repeats, has last_value												int32
 *		last_value															float8
 *		n, n x (value float4, calendar int32)
 *		when fitted: counters, numbers, effects, Holt-Winters, scales, tails
 *
 * What is read may be anything: a value out of its range is refused, so that no index is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "port/pg_bswap.h"

#include "series/seasonal_int.h"

/* A state that is being read. */
typedef struct Reader
{
	const char *at;
	Size		left;
	const char *wrong;			/* the first thing found wrong, or NULL */
} Reader;

/* Takes the next bytes; zeros when there are not so many. */
static void
take(Reader *reader, void *out, Size len)
{
	if (reader->left < len)
	{
		reader->wrong = "it is cut short";
		memset(out, 0, len);
		return;
	}
	memcpy(out, reader->at, len);
	reader->at += len;
	reader->left -= len;
}

/* Takes an integer between bounds. */
static int64
take_int64(Reader *reader, int64 min, int64 max)
{
	uint64		bits;
	int64		value;

	take(reader, &bits, sizeof(bits));
	value = (int64) pg_ntoh64(bits);
	if (value >= min && value <= max)
		return value;
	if (reader->wrong == NULL)
		reader->wrong = "a number is out of range";
	return min;
}

/* The same of four bytes. */
static int32
take_int32(Reader *reader, int32 min, int32 max)
{
	uint32		bits;
	int32		value;

	take(reader, &bits, sizeof(bits));
	value = (int32) pg_ntoh32(bits);
	if (value >= min && value <= max)
		return value;
	if (reader->wrong == NULL)
		reader->wrong = "a number is out of range";
	return min;
}

/* Takes finite numbers, from min on. */
static void
take_numbers(Reader *reader, double *out, int n, double min)
{
	for (int i = 0; i < n; i++)
	{
		uint64		bits;

		take(reader, &bits, sizeof(bits));
		bits = pg_ntoh64(bits);
		memcpy(&out[i], &bits, sizeof(bits));
		if (isfinite(out[i]) && out[i] >= min)
			continue;
		if (reader->wrong == NULL)
			reader->wrong = "a number is out of range";
		out[i] = Max(min, 0);
	}
}

/* Takes a float4: NaN only as NaN itself, no infinity. */
static float
take_float(Reader *reader)
{
	uint32		bits;
	float		value;

	take(reader, &bits, sizeof(bits));
	bits = pg_ntoh32(bits);
	memcpy(&value, &bits, sizeof(bits));
	if (isinf(value) && reader->wrong == NULL)
		reader->wrong = "a number is infinite";
	return isinf(value) ? 0 : value;
}

/* Appends numbers. */
static void
put_numbers(StringInfo out, const double *numbers, int n)
{
	for (int i = 0; i < n; i++)
		pq_sendfloat8(out, numbers[i]);
}

/* The calendar of a slot in one number. */
static uint32
pack_day(const SeasonalDay *day, bool flagged)
{
	return day->hour | (uint32) day->weekday << 5 | (uint32) day->day << 8 | (uint32) day->left << 13 |
		(uint32) day->holiday << 18 | (uint32) flagged << 19;
}

/* The reverse; false when the number is none. */
static bool
unpack_day(uint32 bits, SeasonalDay *day, bool *flagged)
{
	day->hour = bits & 31;
	day->weekday = (bits >> 5) & 7;
	day->day = (bits >> 8) & 31;
	day->left = (bits >> 13) & 31;
	day->holiday = (bits >> 18) & 1;
	*flagged = (bits >> 19) & 1;
	return bits >> 20 == 0 && day->hour < 24 && day->weekday < 7 && day->day < 31 && day->left < 31;
}

/* How many slots of a state are kept. */
static int
slots_kept(const SeasonalState *state)
{
	return (int) Min(state->next, state->fitted ? state->shape.window : SEASONAL_WINDOW);
}

/* Appends the slots, oldest first. */
static void
write_slots(const SeasonalState *state, StringInfo out)
{
	int			n = slots_kept(state);

	pq_sendint32(out, n);
	for (int64 slot = state->next - n; slot < state->next; slot++)
	{
		int			at = slot % SEASONAL_WINDOW;

		pq_sendfloat4(out, isnan(state->y[at]) ? (float) NAN : state->y[at]);
		pq_sendint32(out, pack_day(&state->day[at], state->flagged[at]));
	}
}

/* Appends a tail. */
static void
write_tail(const SeasonalTail *tail, StringInfo out)
{
	pq_sendint32(out, tail->n);
	pq_sendint32(out, tail->at);
	pq_sendint32(out, tail->beyond);
	pq_sendint32(out, tail->total);
	pq_sendfloat8(out, tail->threshold);
	pq_sendfloat8(out, tail->excess);
	for (int i = 0; i < tail->n; i++)
		pq_sendfloat4(out, tail->ring[i]);
}

/* Appends what only a state that judges has. */
static void
write_fitted(const SeasonalState *state, StringInfo out)
{
	const SeasonalShape *shape = &state->shape;

	pq_sendint32(out, state->since_fit);
	pq_sendint32(out, state->method);
	pq_sendint32(out, state->strange);
	pq_sendfloat8(out, state->offset);
	put_numbers(out, state->effects, shape->neffects);
	put_numbers(out, state->level, 2);
	put_numbers(out, state->last, 2);
	pq_sendfloat8(out, state->ar);
	pq_sendfloat8(out, state->last_y);
	pq_sendfloat8(out, state->winters_level);
	put_numbers(out, state->winters, shape->period);
	put_numbers(out, state->error, SEASONAL_METHODS);
	put_numbers(out, state->scale, 2);
	put_numbers(out, state->group_scale, shape->ngroups);
	put_numbers(out, state->group_weight, shape->ngroups);
	put_numbers(out, state->recent, SEASONAL_RUN);
	for (int i = 0; i < SEASONAL_TESTS; i++)
		write_tail(&state->tails[i], out);
}

/* Appends the state. */
void
seasonal_write(const SeasonalState *state, StringInfo out)
{
	bool		has_last = !isnan(state->last_value);

	pq_sendint64(out, state->step);
	pq_sendint64(out, state->origin);
	pq_sendint64(out, state->last_time);
	pq_sendint64(out, state->next);
	pq_sendint64(out, state->nvalues);
	pq_sendint64(out, state->alarm);
	pq_sendint64(out, state->nrepeats);
	pq_sendint64(out, state->nchances);
	pq_sendint32(out, state->kind);
	pq_sendint32(out, state->fitted);
	pq_sendint32(out, state->repeats);
	pq_sendint32(out, has_last);
	pq_sendfloat8(out, has_last ? state->last_value : 0);
	write_slots(state, out);
	if (state->fitted)
		write_fitted(state, out);
}

/* Reads the slots. */
static void
read_slots(Reader *reader, SeasonalState *state)
{
	int			n = take_int32(reader, 0, SEASONAL_WINDOW);

	if (n != slots_kept(state) && reader->wrong == NULL)
		reader->wrong = "the slots do not fit their number";
	if (reader->wrong != NULL)
		return;
	for (int64 slot = state->next - n; slot < state->next; slot++)
	{
		int			at = slot % SEASONAL_WINDOW;
		uint32		bits;

		state->y[at] = take_float(reader);
		take(reader, &bits, sizeof(bits));
		if (!unpack_day(pg_ntoh32(bits), &state->day[at], &state->flagged[at]))
		{
			reader->wrong = "a slot is nowhere in the calendar";
			return;
		}
	}
}

/* Reads a tail. */
static void
read_tail(Reader *reader, int capacity, SeasonalTail *tail)
{
	tail->n = take_int32(reader, 0, capacity);
	tail->at = take_int32(reader, 0, capacity - 1);
	tail->beyond = take_int32(reader, 0, capacity);
	tail->total = take_int32(reader, 0, capacity);
	take_numbers(reader, &tail->threshold, 1, 0);
	take_numbers(reader, &tail->excess, 1, 0);
	if ((tail->beyond > tail->total || (tail->n < capacity && tail->at != tail->n)) && reader->wrong == NULL)
		reader->wrong = "a tail has more than there are";
	for (int i = 0; i < tail->n && reader->wrong == NULL; i++)
	{
		tail->ring[i] = take_float(reader);
		if (!(tail->ring[i] >= 0))
			reader->wrong = "a size is negative";
	}
}

/* Reads what only a state that judges has. */
static void
read_fitted(Reader *reader, SeasonalState *state)
{
	const SeasonalShape *shape = &state->shape;

	state->since_fit = take_int32(reader, 0, PG_INT32_MAX);
	state->method = take_int32(reader, 0, SEASONAL_METHODS - 1);
	if (state->fixed != SEASONAL_METHODS && state->method != state->fixed && reader->wrong == NULL)
		reader->wrong = "its method is not the detector's";
	state->strange = take_int32(reader, 0, shape->lasting - 1);
	take_numbers(reader, &state->offset, 1, 0);
	if ((state->offset == 0) != (state->kind == KIND_VALUE) && reader->wrong == NULL)
		reader->wrong = "its offset does not fit its kind";
	take_numbers(reader, state->effects, shape->neffects, -HUGE_VAL);
	take_numbers(reader, state->level, 2, -HUGE_VAL);
	take_numbers(reader, state->last, 2, -HUGE_VAL);
	take_numbers(reader, &state->ar, 1, 0);
	take_numbers(reader, &state->last_y, 1, -HUGE_VAL);
	take_numbers(reader, &state->winters_level, 1, -HUGE_VAL);
	take_numbers(reader, state->winters, shape->period, -HUGE_VAL);
	take_numbers(reader, state->error, SEASONAL_METHODS, 0);
	take_numbers(reader, state->scale, 2, 0);
	take_numbers(reader, state->group_scale, shape->ngroups, 0);
	take_numbers(reader, state->group_weight, shape->ngroups, 0);
	take_numbers(reader, state->recent, SEASONAL_RUN, -HUGE_VAL);
	for (int i = 0; i < SEASONAL_TESTS; i++)
		read_tail(reader, shape->residuals, &state->tails[i]);
}

/* Reads a state; NULL, or the reason why the bytes are none. */
const char *
seasonal_read(const char *bytes, Size len, int learning, int method, SeasonalState *state)
{
	Reader		reader = {bytes, len, NULL};
	bool		has_last;
	double		last_value;

	memset(state, 0, sizeof(SeasonalState));
	state->fixed = method;
	state->method = method == SEASONAL_METHODS ? METHOD_STEADY : method;
	state->step = take_int64(&reader, 1, PG_INT64_MAX);
	state->origin = take_int64(&reader, PG_INT64_MIN, PG_INT64_MAX);
	state->last_time = take_int64(&reader, PG_INT64_MIN, PG_INT64_MAX);
	state->next = take_int64(&reader, 0, PG_INT64_MAX / 4);
	state->nvalues = take_int64(&reader, 0, PG_INT64_MAX / 4);
	state->alarm = take_int64(&reader, -1, PG_INT64_MAX / 4);
	state->nrepeats = take_int64(&reader, 0, PG_INT64_MAX / 4);
	state->nchances = take_int64(&reader, 0, PG_INT64_MAX / 4);
	state->kind = take_int32(&reader, KIND_AUTO, KIND_VALUE);
	state->fitted = take_int32(&reader, 0, 1);
	state->repeats = take_int32(&reader, 0, PG_INT32_MAX / 2);
	has_last = take_int32(&reader, 0, 1);
	take_numbers(&reader, &last_value, 1, -HUGE_VAL);
	state->last_value = has_last ? last_value : NAN;
	if (state->fitted && state->kind == KIND_AUTO && reader.wrong == NULL)
		reader.wrong = "it judges values of no kind";
	if (reader.wrong == NULL)
	{
		seasonal_set_shape(&state->shape, state->step, learning);
		read_slots(&reader, state);
	}
	if (reader.wrong == NULL && state->fitted)
		read_fitted(&reader, state);
	if (reader.wrong == NULL && reader.left > 0)
		reader.wrong = "something follows it";
	return reader.wrong;
}
