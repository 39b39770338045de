/*-------------------------------------------------------------------------
 *
 * encoder_json.c
 *	  A strict reader of JSON that pulls one thing after the other.
 *
 * An encoder may have been damaged or planted, so everything that is not exactly
 * what the caller asks for ends with error XX001.  The caller's own structure
 * bounds the depth; no recursion, no tree.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "core/encoder_int.h"

#define JSON_MAX_BYTES (256 * 1024 * 1024)

/* Raises the error of an encoder that cannot be read. */
void
json_corrupt(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored encoder is corrupted"),
			 errdetail("%s", what)));
}

/* Moves past white space. */
static void
json_skip_space(JsonCursor *json)
{
	while (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')
		json->at++;
}

/* Says whether the next character is the given one, and moves past it if so. */
static bool
json_accept(JsonCursor *json, char c)
{
	json_skip_space(json);
	if (*json->at != c)
		return false;
	json->at++;
	return true;
}

/*
 * Says in which encoding an encoder is stored: UTF-8, so that its bytes mean the
 * same after a dump and restore into a database of another encoding.  A
 * SQL_ASCII database does not know what its bytes mean and keeps them.
 */
int
json_encoding(void)
{
	return GetDatabaseEncoding() == PG_SQL_ASCII ? PG_SQL_ASCII : PG_UTF8;
}

/* Begins to read a copy of the stored text. */
void
json_begin(JsonCursor *json, const char *text, Size len)
{
	char	   *copy;

	if (len > JSON_MAX_BYTES)
		json_corrupt("It is too large.");
	copy = pnstrdup(text, len);
	if (strlen(copy) != len)
		json_corrupt("It contains a zero byte.");
	if (pg_encoding_verifymbstr(json_encoding(), copy, (int) len) != (int) len)
		json_corrupt("Its text is not valid UTF-8.");
	if (json_encoding() == PG_UTF8)
		copy = pg_any_to_server(copy, (int) len, PG_UTF8);
	json->at = copy;
	json->end = copy + strlen(copy);
}

/* Checks that nothing follows. */
void
json_end(JsonCursor *json)
{
	json_skip_space(json);
	if (json->at != json->end)
		json_corrupt("Something follows its end.");
}

/* Opens an array at the first call (first is true) and says whether another element follows. */
bool
json_next_element(JsonCursor *json, bool *first)
{
	if (*first)
	{
		*first = false;
		if (!json_accept(json, '['))
			json_corrupt("An array is missing.");
		return !json_accept(json, ']');
	}
	if (json_accept(json, ']'))
		return false;
	if (!json_accept(json, ','))
		json_corrupt("An array does not end.");
	return true;
}

/* Opens an object at the first call (first is true) and gives the next member's key, or false at the end. */
bool
json_next_key(JsonCursor *json, bool *first, char **key)
{
	if (*first)
	{
		*first = false;
		if (!json_accept(json, '{'))
			json_corrupt("An object is missing.");
		if (json_accept(json, '}'))
			return false;
	}
	else
	{
		if (json_accept(json, '}'))
			return false;
		if (!json_accept(json, ','))
			json_corrupt("An object does not end.");
	}
	*key = json_string(json);
	if (!json_accept(json, ':'))
		json_corrupt("A colon is missing.");
	return true;
}

/* Reads the four digits of a \u escape; only control characters are written that way. */
static char
json_unicode_escape(JsonCursor *json)
{
	int			code = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = *json->at++;

		if (c >= '0' && c <= '9')
			code = code * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			code = code * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			code = code * 16 + (c - 'A' + 10);
		else
			json_corrupt("A string has a malformed escape.");
	}
	if (code == 0 || code > 0x7f)
		json_corrupt("A string has an unexpected escape.");
	return (char) code;
}

/* Reads what stands behind a backslash. */
static char
json_escape(JsonCursor *json)
{
	char		c = *json->at++;

	switch (c)
	{
		case '"':
		case '\\':
		case '/':
			return c;
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'u':
			return json_unicode_escape(json);
		default:
			json_corrupt("A string has a malformed escape.");
	}
}

/* Reads a string. */
char *
json_string(JsonCursor *json)
{
	StringInfoData out;

	if (!json_accept(json, '"'))
		json_corrupt("A string is missing.");
	initStringInfo(&out);
	for (;;)
	{
		char		c = *json->at;

		if ((unsigned char) c < ' ')
			json_corrupt("A string does not end.");
		json->at++;
		if (c == '"')
			return out.data;
		if (c == '\\')
			c = json_escape(json);
		appendStringInfoChar(&out, c);
	}
}

/* Gives the end of the number that begins here, or raises an error. */
static const char *
json_number_end(const char *s, bool *integral)
{
	*integral = true;
	if (*s == '-')
		s++;
	if (!isdigit((unsigned char) *s) || (*s == '0' && isdigit((unsigned char) s[1])))
		json_corrupt("A number is missing.");
	while (isdigit((unsigned char) *s))
		s++;
	if (*s == '.')
	{
		*integral = false;
		s++;
		if (!isdigit((unsigned char) *s))
			json_corrupt("A number is malformed.");
		while (isdigit((unsigned char) *s))
			s++;
	}
	if (*s == 'e' || *s == 'E')
	{
		*integral = false;
		s++;
		if (*s == '+' || *s == '-')
			s++;
		if (!isdigit((unsigned char) *s))
			json_corrupt("A number is malformed.");
		while (isdigit((unsigned char) *s))
			s++;
	}
	return s;
}

/* Reads an integer within bounds. */
int64
json_integer(JsonCursor *json, int64 min, int64 max)
{
	const char *end;
	bool		integral;
	int64		value;

	json_skip_space(json);
	end = json_number_end(json->at, &integral);
	errno = 0;
	value = strtoll(json->at, NULL, 10);
	if (!integral || errno != 0 || value < min || value > max)
		json_corrupt("A number is out of range.");
	json->at = end;
	return value;
}

/* Reads a finite float. */
float
json_real(JsonCursor *json)
{
	const char *end;
	bool		integral;
	float		value;

	json_skip_space(json);
	end = json_number_end(json->at, &integral);
	value = strtof(json->at, NULL);
	if (!isfinite(value))
		json_corrupt("A number is out of range.");
	json->at = end;
	return value;
}

/* Reads true or false. */
bool
json_boolean(JsonCursor *json)
{
	json_skip_space(json);
	if (strncmp(json->at, "true", 4) == 0)
	{
		json->at += 4;
		return true;
	}
	if (strncmp(json->at, "false", 5) != 0)
		json_corrupt("True or false is missing.");
	json->at += 5;
	return false;
}
