/*-------------------------------------------------------------------------
 *
 * schedule_cron.c
 *	  Cron's fields as sets of values.
 *
 *		field:	piece[,piece]…
 *		piece:	all[/step], value[/step], value-value[/step], or L
 *
 * All is a star.  A range may go over the end of its field and on from its beginning (FRI-MON, 22-6).  A field that is not
 * understood is refused with the piece and what the field takes; what other crons write with L, W, # and ?
 * is refused rather than guessed at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat/compat.h"
#include "worker/schedule_int.h"

#define CRON_FIELDS 6
#define CRON_HOUR 2
#define CRON_DAY_OF_MONTH 3
#define CRON_DAY_OF_WEEK 5

/* A field of cron. */
typedef struct CronField
{
	const char *name;
	int			min;
	int			max;
	int			cycle;			/* values until it begins anew */
	const char *const *names;	/* of values from min on, or NULL */
	int			nnames;
	const char *hint;
} CronField;

/* A piece of a field that is being read. */
typedef struct CronPiece
{
	const char *schedule;
	const CronField *field;
	const char *start;
	const char *end;
} CronPiece;

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

#define FIELD_HINT(values) "Write " values ", ranges (2-6), steps (*/5, 2-6/2), lists of these (1,3-5), or *."

static const CronField fields[CRON_FIELDS] = {
	{"second", 0, 59, 60, NULL, 0, FIELD_HINT("numbers from 0 to 59")},
	{"minute", 0, 59, 60, NULL, 0, FIELD_HINT("numbers from 0 to 59")},
	{"hour", 0, 23, 24, NULL, 0, FIELD_HINT("numbers from 0 to 23")},
	{"day of month", 1, 31, 31, NULL, 0, FIELD_HINT("numbers from 1 to 31, L for the last day of the month")},
	{"month", 1, 12, 12, month_names, lengthof(month_names), FIELD_HINT("numbers from 1 to 12, names from JAN to DEC")},
	{"day of week", 0, 7, 7, weekday_names, lengthof(weekday_names),
	FIELD_HINT("numbers from 0 (Sunday) to 7 (Sunday too), names from SUN to SAT")}
};

/* Short names and what they stand for. */
static const struct
{
	const char *name;
	const char *cron;
}			short_names[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"}
};

/* Ends with an error about a piece. */
static void pg_attribute_noreturn()
refuse_piece(const CronPiece *piece, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot read \"%s\" as %s in schedule \"%s\"",
					pnstrdup(piece->start, piece->end - piece->start), piece->field->name, piece->schedule),
			 errdetail_internal("%s", detail),
			 errhint("%s", hint ? hint : piece->field->hint)));
}

/* Says whether a character is an ASCII letter. */
static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Reads digits and moves behind them; a number too long to be any value is 999, and -1 says that there are none. */
static int
read_digits(const char **at, const char *end)
{
	const char *start = *at;
	int			value = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		value = Min(value * 10 + (**at - '0'), 999);
	return *at == start ? -1 : value;
}

/* Reads a number or name of the piece's field and moves behind it. */
static int
read_value(const CronPiece *piece, const char **at)
{
	const CronField *field = piece->field;
	int			value = read_digits(at, piece->end);
	int			len = 0;

	if (value >= field->min && value <= field->max)
		return value;
	if (value >= 0)
		refuse_piece(piece, psprintf("Field %s takes %d to %d.", field->name, field->min, field->max), NULL);
	while (*at + len < piece->end && is_letter((*at)[len]))
		len++;
	for (int i = 0; i < field->nnames && len == 3; i++)
	{
		if (pg_strncasecmp(*at, field->names[i], 3) == 0)
		{
			*at += len;
			return field->min + i;
		}
	}
	refuse_piece(piece, len > 0 ? psprintf("No %s is called \"%s\".", field->name, pnstrdup(*at, len)) :
				 psprintf("A number%s is missing.", field->nnames > 0 ? " or name" : ""), NULL);
}

/* Reads a step and moves behind it. */
static int
read_step(const CronPiece *piece, const char **at)
{
	const CronField *field = piece->field;
	int			longest = field->cycle - 1;
	int			step = read_digits(at, piece->end);

	if (step < 1 || step > longest)
		refuse_piece(piece, psprintf("A step of field %s is 1 to %d.", field->name, longest),
					 "Steps begin anew with each round of their field; \"every 90 minutes\" counts on.");
	return step;
}

/* Says whether a word of the piece ends as L and W of other crons do. */
static bool
has_foreign_word(const CronPiece *piece)
{
	const char *word = piece->start;

	for (const char *at = piece->start; at < piece->end; at++)
	{
		char		c = pg_ascii_toupper((unsigned char) *at);

		if (!is_letter(*at))
			word = at + 1;
		else if ((c == 'L' || c == 'W') && (at + 1 == piece->end || !is_letter(at[1])))
			return at - word != 2 || pg_strncasecmp(word, "JUL", 3) != 0;
	}
	return false;
}

/* Refuses what other crons have and this one has not. */
static void
check_dialect(const CronPiece *piece)
{
	Size		len = piece->end - piece->start;

	if (len == 0)
		refuse_piece(piece, "A part of the list is empty.", NULL);
	if (memchr(piece->start, '?', len) != NULL)
		refuse_piece(piece, "There is no ? here.", "Write *. Days of the week are 0 (Sunday) to 6 (Saturday), or names.");
	if (memchr(piece->start, '#', len) != NULL || has_foreign_word(piece))
		refuse_piece(piece, "Of L, W and #, only L by itself as day of month is understood.", NULL);
}

/* Says whether the piece is the last day of the month. */
static bool
is_last_day(const CronPiece *piece)
{
	return piece->field == &fields[CRON_DAY_OF_MONTH] && piece->end - piece->start == 1 &&
		pg_ascii_toupper((unsigned char) piece->start[0]) == 'L';
}

/* Says whether the piece goes on with a character. */
static bool
next_is(const CronPiece *piece, const char *at, char c)
{
	return at < piece->end && *at == c;
}

/* Reads a piece into a set; a * in it sets *any, an L *last. */
static void
read_piece(const CronPiece *piece, uint64 *set, bool *any, bool *last)
{
	const CronField *field = piece->field;
	const char *at = piece->start;
	int			low = field->min;
	int			high = field->min + field->cycle - 1;
	int			step = 1;

	if (is_last_day(piece))
	{
		*last = true;
		return;
	}
	check_dialect(piece);
	if (*at == '*')
	{
		*any = true;
		at++;
	}
	else
	{
		low = read_value(piece, &at);
		if (next_is(piece, at, '-'))
		{
			at++;
			high = read_value(piece, &at);
		}
		else if (!next_is(piece, at, '/'))
			high = low;
	}
	if (next_is(piece, at, '/'))
	{
		at++;
		step = read_step(piece, &at);
	}
	if (at < piece->end)
		refuse_piece(piece, psprintf("\"%s\" is too much.", pnstrdup(at, piece->end - at)), NULL);
	if (high < low)
		high += field->cycle;
	for (int value = low; value <= high; value += step)
		*set |= UINT64CONST(1) << (field->min + (value - field->min) % field->cycle);
}

/* Reads a field into a set. */
static void
read_field(const char *schedule, const CronField *field, const char *start, const char *end, uint64 *set, bool *any, bool *last)
{
	CronPiece	piece = {schedule, field, start, start};

	*set = 0;
	for (;;)
	{
		while (piece.end < end && *piece.end != ',')
			piece.end++;
		read_piece(&piece, set, any, last);
		if (piece.end == end)
			break;
		piece.start = ++piece.end;
	}
}

/* Gives what a short name stands for. */
static const char *
read_short_name(const char *text)
{
	for (int i = 0; i < lengthof(short_names); i++)
	{
		if (pg_strcasecmp(text, short_names[i].name) == 0)
			return short_names[i].cron;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("schedule \"%s\" is not known", text),
			 pg_strcasecmp(text, "@reboot") == 0 ? errdetail("A job is due at times, not when a server starts.") : 0,
			 errhint("There are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, and \"every 5 minutes\".")));
}

/* Splits a text into fields and gives their number, which may be more than were stored. */
static int
split_fields(const char *text, const char **starts, const char **ends)
{
	int			n = 0;

	for (;;)
	{
		text += strspn(text, " \t\n\r");
		if (*text == '\0')
			return n;
		if (n < CRON_FIELDS)
			starts[n] = text;
		text += strcspn(text, " \t\n\r");
		if (n < CRON_FIELDS)
			ends[n] = text;
		n++;
	}
}

/* Reads cron's fields, or a short name for them. */
void
cron_read(const char *text, Cron *cron)
{
	const char *spec = text[0] == '@' ? read_short_name(text) : text;
	const char *starts[CRON_FIELDS];
	const char *ends[CRON_FIELDS];
	uint64	   *sets[CRON_FIELDS] = {&cron->seconds, &cron->minutes, &cron->hours, &cron->days, &cron->months, &cron->weekdays};
	bool		any[CRON_FIELDS] = {false};
	int			n = split_fields(spec, starts, ends);
	int			without = CRON_FIELDS - n;

	if (without != 0 && without != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot read schedule \"%s\"", text),
				 errdetail("Cron has 5 fields, or 6 with seconds in front, and this has %d.", n),
				 errhint(SCHEDULE_FORMS)));
	cron->seconds = 1;
	cron->last_day = false;
	for (int i = 0; i < n; i++)
		read_field(text, &fields[i + without], starts[i], ends[i], sets[i + without], &any[i + without], &cron->last_day);
	cron->any_hour = any[CRON_HOUR] || cron->hours == (UINT64CONST(1) << HOURS_PER_DAY) - 1;
	cron->any_day = any[CRON_DAY_OF_MONTH];
	cron->any_weekday = any[CRON_DAY_OF_WEEK];
	if (!cron_has_day(cron))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schedule \"%s\" is never due", text),
				 errdetail("No month that it names has such a day."),
				 errhint("The last day of a month, whichever it is, is L.")));
}
