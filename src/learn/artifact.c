/*-------------------------------------------------------------------------
 *
 * artifact.c
 *	  Artifacts in one fixed form of JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "common/shortest_dec.h"

#include "compat/compat.h"
#include "learn/artifact.h"

/* Bytes of the longest number, and one for its end. */
#define NUMBER_BYTES 32

/* Begins to read. */
void
artifact_reader(ArtifactReader *r, const char *bytes, Size len, const char *what)
{
	r->bytes = bytes;
	r->len = len;
	r->at = 0;
	r->what = what;
}

/* Raises the error for an artifact that is not one of ours. */
void
artifact_error(const ArtifactReader *r, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s", r->what),
			 errdetail("The artifact is damaged or was not written by aipipe: %s.", why)));
}

/* Steps over a text if it comes next. */
bool
artifact_take(ArtifactReader *r, const char *text)
{
	Size		len = strlen(text);

	if (r->len - r->at < len || memcmp(r->bytes + r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* Steps over a text that must come next. */
void
artifact_expect(ArtifactReader *r, const char *text)
{
	if (!artifact_take(r, text))
		artifact_error(r, "its frame is not in the fixed form");
}

/* Ends with the error unless all was read. */
void
artifact_end(const ArtifactReader *r)
{
	if (r->at != r->len)
		artifact_error(r, "bytes follow its end");
}

/* Gives where the name of the member begins that reading is at, and its length; 0 when there is none. */
static int
member_name(const ArtifactReader *r, const char **name)
{
	Size		end;

	for (Size at = r->at; at > 1; at--)
	{
		if (r->bytes[at - 1] != ':' || r->bytes[at - 2] != '"')
			continue;
		end = at - 2;
		for (at = end; at > 0 && end - at < NAMEDATALEN; at--)
		{
			if (r->bytes[at - 1] == '"')
			{
				*name = r->bytes + at;
				return (int) (end - at);
			}
		}
		break;
	}
	return 0;
}

/* Raises the error for a number that is not what it must be, naming the member it belongs to. */
static void
number_error(const ArtifactReader *r, const char *what)
{
	const char *name;
	int			len = member_name(r, &name);

	for (int i = 0; i < len; i++)
	{
		/* of a damaged artifact anything */
		if (strchr("abcdefghijklmnopqrstuvwxyz_", name[i]) == NULL || name[i] == '\0')
			len = 0;
	}
	if (len == 0)
		artifact_error(r, psprintf("a number %s", what));
	artifact_error(r, psprintf("a number of \"%.*s\" %s", len, name, what));
}

/* Copies the number that must come next as text. */
static void
read_number(ArtifactReader *r, char *buffer)
{
	Size		n = 0;

	while (r->at < r->len && n < NUMBER_BYTES - 1 && r->bytes[r->at] != '\0' &&
		   strchr("+-.0123456789e", r->bytes[r->at]) != NULL)
		buffer[n++] = r->bytes[r->at++];
	buffer[n] = '\0';
	if (n == 0 || n == NUMBER_BYTES - 1)
		number_error(r, "is missing or too long");
}

/* Reads a whole number within bounds. */
int64
artifact_integer(ArtifactReader *r, int64 min, int64 max)
{
	char		text[NUMBER_BYTES];
	char	   *end;
	int64		value;

	read_number(r, text);
	errno = 0;
	value = strtoi64(text, &end, 10);
	if (*end != '\0' || errno != 0)
		number_error(r, "is not a whole number");
	if (value < min || value > max)
		number_error(r, "is out of range");
	return value;
}

/* Reads a finite float. */
float
artifact_float(ArtifactReader *r)
{
	char		text[NUMBER_BYTES];
	char	   *end;
	float		value;

	read_number(r, text);
	value = strtof(text, &end);
	if (*end != '\0' || !isfinite(value))
		number_error(r, "is not finite");
	return value;
}

/* Reads a finite double. */
double
artifact_double(ArtifactReader *r)
{
	char		text[NUMBER_BYTES];
	char	   *end;
	double		value;

	read_number(r, text);
	value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value))
		number_error(r, "is not finite");
	return value;
}

/* Counts the elements of the flat list that begins here. */
int
artifact_count(const ArtifactReader *r, int max)
{
	int			n = 0;

	for (Size i = r->at; i < r->len && r->bytes[i] != ']'; i++)
	{
		if (i == r->at || r->bytes[i] == ',')
			n++;
		if (n > max)
			artifact_error(r, "a list is too long");
	}
	return n;
}

/* Reads "[a,b,…]" of exactly n floats. */
void
artifact_floats(ArtifactReader *r, float *values, int n)
{
	artifact_expect(r, "[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			artifact_expect(r, ",");
		values[i] = artifact_float(r);
	}
	artifact_expect(r, "]");
}

/* Reads "[a,b,…]" of exactly n whole numbers within bounds. */
void
artifact_integers(ArtifactReader *r, int64 *values, int n, int64 min, int64 max)
{
	artifact_expect(r, "[");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			artifact_expect(r, ",");
		values[i] = artifact_integer(r, min, max);
	}
	artifact_expect(r, "]");
}

/* Gives the bytes that come next and steps over them. */
const char *
artifact_bytes(ArtifactReader *r, Size len)
{
	const char *bytes = r->bytes + r->at;

	if (r->len - r->at < len)
		artifact_error(r, "it is cut short");
	r->at += len;
	return bytes;
}

/* Appends a float in the shortest form that reads back to it. */
void
artifact_put_float(StringInfo out, float value)
{
	char		number[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(value, number);
	appendStringInfoString(out, number);
}

/* Appends a double in the shortest form that reads back to it. */
void
artifact_put_double(StringInfo out, double value)
{
	char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, number);
	appendStringInfoString(out, number);
}

/* Appends "[a,b,…]". */
void
artifact_put_floats(StringInfo out, const float *values, int n)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		artifact_put_float(out, values[i]);
	}
	appendStringInfoChar(out, ']');
}

/* Appends "[a,b,…]". */
void
artifact_put_integers(StringInfo out, const int64 *values, int n)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s" INT64_FORMAT, i > 0 ? "," : "", values[i]);
	appendStringInfoChar(out, ']');
}
