/*-------------------------------------------------------------------------
 *
 * metrics_json.c
 *	  Metrics as members of a JSON object.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"

#include "learn/metrics_private.h"

/* Tells whether the JSON object text waits for its next pair: it has just been opened or ends in a comma. */
static bool
metrics_at_pair(const StringInfo out)
{
	int			end = out->len;

	while (end > 0 && out->data[end - 1] == ' ')
		end--;
	return end == 0 || out->data[end - 1] == '{' || out->data[end - 1] == ',';
}

/* Appends a name to the open JSON object; its value is the caller's. */
void
metrics_append_name(StringInfo out, const char *name)
{
	if (!metrics_at_pair(out))
		appendStringInfoString(out, ", ");
	appendStringInfo(out, "\"%s\": ", name);
}

/* Appends one metric to the open JSON object; what is undefined becomes null. */
void
metrics_append(StringInfo out, const char *name, double value)
{
	metrics_append_name(out, name);
	if (isfinite(value))
	{
		char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(value, number);
		appendStringInfoString(out, number);
	}
	else
		appendStringInfoString(out, "null");
}
