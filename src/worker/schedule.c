/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  Schedules: which kind a text is, and the next slot of each kind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "core/args.h"
#include "worker/schedule_int.h"

#define SCHEDULE_LONGEST 1000	/* bytes */
#define SPACES " \t\n\r"
#define EPOCH_SECONDS ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY)

/* Gives a finite timestamp as a time, rounded down. */
int64
schedule_time(TimestampTz timestamp)
{
	return schedule_floor(timestamp, USECS_PER_SEC) + EPOCH_SECONDS;
}

/* Gives a time as a timestamp. */
TimestampTz
schedule_timestamp(int64 time, int64 microseconds)
{
	if (time - EPOCH_SECONDS >= END_TIMESTAMP / USECS_PER_SEC)
		return DT_NOEND;
	return Max((time - EPOCH_SECONDS) * USECS_PER_SEC + microseconds, MIN_TIMESTAMP);
}

/* Gives what follows the word that a text begins with, in any case, or NULL when it begins otherwise. */
static char *
after_word(char *text, const char *word)
{
	Size		len = strlen(word);

	if (pg_strncasecmp(text, word, len) != 0 || (text[len] != '\0' && strchr(SPACES, text[len]) == NULL))
		return NULL;
	return text + len + strspn(text + len, SPACES);
}

/* Cuts a text before the word "from" and gives what follows it, or NULL when there is none. */
static char *
cut_from(char *text)
{
	for (char *at = text; *at != '\0'; at++)
	{
		char	   *rest = at == text || strchr(SPACES, at[-1]) != NULL ? after_word(at, "from") : NULL;

		if (rest != NULL)
		{
			while (at > text && strchr(SPACES, at[-1]) != NULL)
				at--;
			*at = '\0';
			return rest;
		}
	}
	return NULL;
}

/* Gives a copy of a schedule's text without space around it. */
static char *
trim(const char *text)
{
	Size		len;

	text += strspn(text, SPACES);
	len = strlen(text);
	while (len > 0 && strchr(SPACES, text[len - 1]) != NULL)
		len--;
	if (len > SCHEDULE_LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schedule of %zu bytes is too long", len),
				 errdetail("The longest has %d.", SCHEDULE_LONGEST),
				 errhint(SCHEDULE_FORMS)));
	return pnstrdup(text, len);
}

/* Ends with an error when nothing follows the first word of a schedule. */
static void
need_rest(const char *rest, const char *text)
{
	if (*rest == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schedule \"%s\" is incomplete", text),
				 errhint(SCHEDULE_FORMS)));
}

/* Reads a schedule. */
Schedule *
schedule_parse(const char *text, const char *zone, TimestampTz anchor)
{
	Schedule   *schedule = palloc0(sizeof(Schedule));
	char	   *copy = trim(text);
	char	   *rest;

	text = pstrdup(copy);
	schedule->zone = arg_zone(zone);
	schedule->anchor = TIMESTAMP_NOT_FINITE(anchor) ? 0 : anchor;
	if ((rest = after_word(copy, "every")) != NULL)
	{
		char	   *from = cut_from(rest);

		need_rest(rest, text);
		schedule->kind = SCHEDULE_EVERY;
		every_read(rest, text, &schedule->every);
		if (from != NULL)
			schedule->anchor = schedule_read_time(from, text, schedule->zone);
	}
	else if ((rest = after_word(copy, "at")) != NULL)
	{
		need_rest(rest, text);
		schedule->kind = SCHEDULE_AT;
		schedule->at = schedule_read_time(rest, text, schedule->zone);
	}
	else if ((rest = after_word(copy, "on")) != NULL)
	{
		need_rest(rest, text);
		schedule->kind = SCHEDULE_ON;
		schedule->relation = rest;
	}
	else
	{
		schedule->kind = SCHEDULE_CRON;
		cron_read(copy, &schedule->cron);
	}
	return schedule;
}

/* Gives the first slot of cron after a timestamp. */
static TimestampTz
next_of_cron(const Schedule *schedule, TimestampTz after)
{
	int64		time = cron_next(&schedule->cron, schedule_time(Max(after, MIN_TIMESTAMP - 1)), schedule->zone);

	return time == SCHEDULE_NONE ? DT_NOEND : schedule_timestamp(time, 0);
}

/* Gives the first slot after a time. */
TimestampTz
schedule_next(const Schedule *schedule, TimestampTz after)
{
	if (TIMESTAMP_IS_NOEND(after))
		return DT_NOEND;
	switch (schedule->kind)
	{
		case SCHEDULE_CRON:
			return next_of_cron(schedule, after);
		case SCHEDULE_EVERY:
			return every_next(schedule, after);
		case SCHEDULE_AT:
			return schedule->at > after ? schedule->at : DT_NOEND;
		case SCHEDULE_ON:
			break;
	}
	return DT_NOEND;
}
