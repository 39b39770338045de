/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  "How far is it" for work that takes long.
 *
 * What the view shows stands in the server's own place for the progress of a
 * command, of which every backend has one in shared memory: it can be read
 * while the transaction is open, needs no preloaded library, and a reader gets a
 * consistent copy.  A command number of our own keeps it out of the server's
 * pg_stat_progress_… views, which look for theirs.
 *
 *		st_progress_param:	20 words, laid out as ProgressSlot
 *
 * The place is shared with COPY, CREATE INDEX and the like.  While one of them
 * has it, nothing is published; once it is free, the next update takes it.  So a
 * trigger that runs COPY inside of our work hides us for that long, and a COPY
 * around our work hides us to its end.
 *
 * The server clears the place when a transaction or a subtransaction aborts; an
 * update after that takes it again.  At commit we clear it ourselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat/compat.h"
#include "core/guc.h"
#include "core/progress.h"
#include "core/text.h"

/* "aipe": beyond every number that the server gives its commands. */
#define PROGRESS_COMMAND ((ProgressCommandType) 0x61697065)

#define PROGRESS_LIST_COLUMNS 12

PG_FUNCTION_INFO_V1(aipipe_progress_list);

/* What a backend publishes. Written by that backend only, whole, under its changecount. */
typedef struct ProgressSlot
{
	int64		serial;			/* 0: not yet written */
	int64		done;
	int64		total;
	int64		rows;
	int64		started;
	int64		bytes;
	double		metric;
	char		phase[24];		/* a text ends with its array or before, at a NUL */
	char		metric_name[16];
	char		what[64];
} ProgressSlot;

StaticAssertDecl(sizeof(ProgressSlot) == sizeof(int64) * PGSTAT_NUM_PROGRESS_PARAM,
				 "a progress slot must fill the server's parameters");

/* Says which command this backend's place belongs to. */
static ProgressCommandType
current_command(void)
{
	return MyBEEntry == NULL ? PROGRESS_COMMAND_INVALID : MyBEEntry->st_progress_command;
}

/* Gives the serial of the work that is shown now, or 0. */
static int64
shown_serial(void)
{
	return current_command() == PROGRESS_COMMAND ? MyBEEntry->st_progress_param[0] : 0;
}

/* Copies as many whole characters as fit; the rest of the array is zero already. */
static void
put_text(char *out, Size size, const char *text)
{
	if (text != NULL)
		memcpy(out, text, text_clip(text, strlen(text), size));
}

/* Writes all words of the place at once. */
static void
write_params(const int64 *params)
{
	static const int every[PGSTAT_NUM_PROGRESS_PARAM] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
	};

	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, every, params);
}

/* Shows where the work is, unless the place is another command's. */
static void
publish(const Progress *progress)
{
	ProgressSlot slot = {0};
	int64		params[PGSTAT_NUM_PROGRESS_PARAM];

	if (progress->serial == 0)
		return;
	if (current_command() == PROGRESS_COMMAND_INVALID)
		pgstat_progress_start_command(PROGRESS_COMMAND, InvalidOid);
	else if (current_command() != PROGRESS_COMMAND)
		return;
	slot.serial = progress->serial;
	slot.done = progress->done;
	slot.total = progress->total;
	slot.rows = progress->rows;
	slot.started = progress->started;
	slot.bytes = (int64) progress->bytes;
	slot.metric = progress->metric;
	put_text(slot.phase, sizeof(slot.phase), progress->phase);
	put_text(slot.metric_name, sizeof(slot.metric_name), progress->metric_name);
	put_text(slot.what, sizeof(slot.what), progress->what);
	memcpy(params, &slot, sizeof(params));
	write_params(params);
}

/* Clears our command at commit; work that goes on shows itself again with its next update. */
static void
end_with_transaction(XactEvent event, void *arg)
{
	if ((event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE) && current_command() == PROGRESS_COMMAND)
		pgstat_progress_end_command();
}

/* Starts the clock and shows the work; no notice is given before the first interval has passed. */
void
progress_begin(Progress *progress, const char *what)
{
	static bool registered = false;
	static int64 last_serial = 0;

	if (!registered)
		RegisterXactCallback(end_with_transaction, NULL);
	registered = true;
	memset(progress, 0, sizeof(Progress));
	progress->what = what;
	progress->phase = "starting";
	progress->started = GetCurrentTimestamp();
	progress->last = progress->started;
	progress->metric = get_float8_nan();
	progress->serial = ++last_serial;
	progress->nested = (shown_serial() != 0);
	if (progress->nested)
		memcpy(progress->outer, MyBEEntry->st_progress_param, sizeof(progress->outer));
	publish(progress);
}

/* Names the phase and how many steps it has (0 when that is unknown). */
void
progress_phase(Progress *progress, const char *phase, int64 total)
{
	if (progress == NULL)
		return;
	progress->phase = phase;
	progress->done = 0;
	progress->total = total;
	publish(progress);
}

/* Says how many steps are done: in the view at once, in a notice when the interval has passed since the last one. */
void
progress_update(Progress *progress, int64 done)
{
	TimestampTz now;
	double		seconds;

	if (progress == NULL)
		return;
	progress->done = done;
	publish(progress);
	if (core_progress_interval == 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(progress->last, now, core_progress_interval * 1000))
		return;
	progress->last = now;
	seconds = (double) (now - progress->started) / USECS_PER_SEC;
	if (progress->total > 0)
		ereport(NOTICE,
				(errmsg("%s: %s, " INT64_FORMAT " of " INT64_FORMAT " (%.0f s so far)",
						progress->what, progress->phase, done, progress->total, seconds)));
	else
		ereport(NOTICE,
				(errmsg("%s: %s, " INT64_FORMAT " (%.0f s so far)",
						progress->what, progress->phase, done, seconds)));
}

/* Takes note of how many rows the work has to do with. */
void
progress_rows(Progress *progress, int64 rows)
{
	if (progress == NULL)
		return;
	progress->rows = rows;
	publish(progress);
}

/* Takes note of what the work has reached so far. */
void
progress_metric(Progress *progress, const char *name, double value)
{
	if (progress == NULL)
		return;
	progress->metric_name = name;
	progress->metric = value;
	publish(progress);
}

/* Takes note of the memory that the work holds or has reserved. */
void
progress_memory(Progress *progress, Size bytes)
{
	if (progress == NULL)
		return;
	progress->bytes = bytes;
	publish(progress);
}

/* Ends the work: what was shown before it is shown again, or nothing. */
void
progress_end(Progress *progress)
{
	if (progress == NULL || progress->serial == 0)
		return;
	progress->phase = "done";
	if (shown_serial() == progress->serial)
	{
		if (progress->nested)
			write_params(progress->outer);
		else
			pgstat_progress_end_command();
	}
	progress->serial = 0;
}

/* Gives a text of a slot, or NULL when it is empty; bytes that are no text in this database's encoding become question marks. */
static Datum
slot_text(const char *bytes, Size size, bool *isnull)
{
	char		text[64 + 1];
	int			len = strnlen(bytes, size);

	Assert(size < sizeof(text));
	memcpy(text, bytes, len);
	text[len] = '\0';
	*isnull = (len == 0);
	if (!pg_verifymbstr(text, len, true))
		for (int i = 0; i < len; i++)
			if (IS_HIGHBIT_SET(text[i]))
				text[i] = '?';
	return CStringGetTextDatum(text);
}

/* Puts one backend's work into the result. */
static void
list_backend(ReturnSetInfo *rsinfo, const PgBackendStatus *backend, const ProgressSlot *slot)
{
	Datum		values[PROGRESS_LIST_COLUMNS];
	bool		nulls[PROGRESS_LIST_COLUMNS] = {0};

	values[0] = Int32GetDatum(backend->st_procpid);
	values[1] = ObjectIdGetDatum(backend->st_databaseid);
	values[2] = ObjectIdGetDatum(backend->st_userid);
	values[3] = slot_text(slot->what, sizeof(slot->what), &nulls[3]);
	values[4] = slot_text(slot->phase, sizeof(slot->phase), &nulls[4]);
	values[5] = Int64GetDatum(slot->done);
	values[6] = Int64GetDatum(slot->total);
	nulls[6] = (slot->total <= 0);
	values[7] = Int64GetDatum(slot->rows);
	nulls[7] = (slot->rows <= 0);
	values[8] = slot_text(slot->metric_name, sizeof(slot->metric_name), &nulls[8]);
	values[9] = Float8GetDatum(slot->metric);
	nulls[9] = (slot->metric != slot->metric);
	values[10] = Int64GetDatum(slot->bytes);
	nulls[10] = (slot->bytes <= 0);
	values[11] = TimestampTzGetDatum(slot->started);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* progress_list(): the work of every backend whose statistics the current user may see. */
Datum
aipipe_progress_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nbackends = pgstat_fetch_stat_numbackends();
	bool		all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 1; i <= nbackends; i++)
	{
		const PgBackendStatus *backend = compat_backend_status(i);
		ProgressSlot slot;

		if (backend == NULL || backend->st_procpid <= 0 || backend->st_progress_command != PROGRESS_COMMAND)
			continue;
		if (!all && !has_privs_of_role(GetUserId(), backend->st_userid))
			continue;
		memcpy(&slot, backend->st_progress_param, sizeof(slot));
		if (slot.serial != 0)
			list_backend(rsinfo, backend, &slot);
	}
	return (Datum) 0;
}
