/*-------------------------------------------------------------------------
 *
 * prepare.c
 *	  The session and the process of an attempt, as its job wants them.
 *
 * Settings are made as the owner could make them with SET, in the session:
 * what they allow, the owner's rights allow.  Nice value and I/O priority belong to
 * the process and only ever go down.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "worker/execute.h"

/* From linux/ioprio.h, which is not everywhere. */
#define IO_WHO_PROCESS 1
#define IO_CLASS_SHIFT 13
#define IO_CLASS_BEST_EFFORT 2
#define IO_CLASS_IDLE 3
#define IO_LOWEST_LEVEL 7

/* What a worker's own steps need, and the owner's work has as the role or the database says. */
static const char *const owner_defaults[] = {
	"default_transaction_deferrable", "default_transaction_isolation", "default_transaction_read_only",
};

/* Settings that would hold for the transaction in which they are made, and so for nothing. */
static const char *const transaction_settings[] = {
	"transaction_deferrable", "transaction_isolation", "transaction_read_only",
};

/* Sets something in the session as the current user may, NULL: to its default; ERROR when he may not. */
static void
set_as_owner(const char *name, const char *value)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

/* Gives a setting's value as text, or ends with an error. */
static char *
setting_text(const char *name, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "on" : "off");
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("setting \"%s\" of the job has no value", name),
					 errhint("Give a text, a number or a boolean.")));
	}
	return NULL;				/* not reached */
}

/* Makes one setting of the job's. */
static void
apply_setting(const char *name, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(transaction_settings); i++)
		if (pg_strcasecmp(name, transaction_settings[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("setting \"%s\" of the job would be for one transaction only", name),
					 errhint("Set \"default_%s\".", transaction_settings[i])));
	set_as_owner(name, setting_text(name, value));
}

/* Makes the settings of the job's, in the order in which jsonb keeps them. */
static void
apply_settings(Jsonb *settings)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(settings))
		elog(ERROR, "settings of a job are no object");
	iterator = JsonbIteratorInit(&settings->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			apply_setting(name, &value);
	}
}

/* Sets the session up for a job's work. */
void
prepare_session(const Job *job)
{
	char	   *label = psprintf("aipipe job %s", job->name);

	for (int i = 0; i < lengthof(owner_defaults); i++)
		set_as_owner(owner_defaults[i], NULL);
	label[pg_mbcliplen(label, strlen(label), NAMEDATALEN - 1)] = '\0';
	set_as_owner("application_name", label);
	set_as_owner("row_security", "on");
	set_as_owner("search_path", job->search_path);
	apply_settings(job->settings);
}

/* Raises this process's nice value; what cannot be had is logged and no reason to fail. */
static void
set_nice(int nice)
{
	int			current;

	errno = 0;
	current = getpriority(PRIO_PROCESS, 0);
	if (errno != 0 || nice <= current)
		return;
	if (setpriority(PRIO_PROCESS, 0, nice) != 0)
		ereport(LOG,
				(errmsg("aipipe: could not set nice value %d: %m", nice)));
}

/* Lowers this process's I/O priority where the system has one. */
static void
set_io(const char *io)
{
#ifdef SYS_ioprio_set
	int			wanted;

	if (strcmp(io, "low") == 0)
		wanted = IO_CLASS_BEST_EFFORT << IO_CLASS_SHIFT | IO_LOWEST_LEVEL;
	else if (strcmp(io, "idle") == 0)
		wanted = IO_CLASS_IDLE << IO_CLASS_SHIFT;
	else
		return;
	if (syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, wanted) != 0)
		ereport(LOG,
				(errmsg("aipipe: could not set I/O priority \"%s\": %m", io)));
#endif
}

/* Takes a smaller share of CPU and disk for the life of this process. */
void
prepare_process(int nice, const char *io)
{
	set_nice(nice);
	set_io(io);
}
