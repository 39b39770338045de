/*-------------------------------------------------------------------------
 *
 * forest_scalar.c
 *	  Single values of a model, strictly: what is not exactly of the expected
 *	  kind and range is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/float.h"

#include "learn/forest_build.h"

/* Ends with an error that says what is wrong with the model, and where. */
void
forest_refuse(const char *fmt,...)
{
	StringInfoData detail;
	va_list		args;
	int			needed;
	size_t		word;

	initStringInfo(&detail);
	for (;;)
	{
		va_start(args, fmt);
		needed = appendStringInfoVA(&detail, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}
	/* a detail is a sentence, unless it starts with a name out of the model */
	word = strcspn(detail.data, " ,:");
	if (strspn(detail.data, "abcdefghijklmnopqrstuvwxyz") == word)
		detail.data[0] = pg_toupper((unsigned char) detail.data[0]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model cannot be read"),
			 errdetail("%s.", detail.data)));
}

/* Gives a scalar as a whole number; a number in quotes counts, as parameters are written so. */
int64
forest_scalar_integer(const ForestBuilder *builder, const ForestScalar *scalar, int64 min, int64 max)
{
	int64		value;
	char	   *end;

	if (scalar->kind == FOREST_SCALAR_INTEGER || scalar->kind == FOREST_SCALAR_BOOL)
		value = scalar->integer;
	else if (scalar->kind == FOREST_SCALAR_TEXT || scalar->kind == FOREST_SCALAR_NUMBER)
	{
		size_t		len = strlen(scalar->text);

		if (len == 0 || len > 18 || strspn(scalar->text, "-0123456789") != len)
			forest_refuse("%s: not a whole number where one must be", forest_where(builder));
		value = strtoll(scalar->text, &end, 10);
		if (*end != '\0')
			forest_refuse("%s: not a whole number where one must be", forest_where(builder));
	}
	else
		forest_refuse("%s: not a whole number where one must be", forest_where(builder));
	if (value < min || value > max)
		forest_refuse("%s: " INT64_FORMAT " is not between " INT64_FORMAT " and " INT64_FORMAT,
					  forest_where(builder), value, min, max);
	return value;
}

/*
 * Gives the float32 that a number's text stands for; the text was seen to be a
 * JSON number.  One that is too large is infinite, and forest_check() knows where that may be.
 */
static float
text_float(const char *text)
{
	return strtof(text, NULL);
}

/* Gives a scalar as float32; null is NaN, which only the threshold of a categorical split may be. */
float
forest_scalar_float(const ForestBuilder *builder, const ForestScalar *scalar)
{
	switch (scalar->kind)
	{
		case FOREST_SCALAR_REAL:
			return scalar->real;
		case FOREST_SCALAR_INTEGER:
			return (float) scalar->integer;
		case FOREST_SCALAR_NUMBER:
			return text_float(scalar->text);
		case FOREST_SCALAR_NULL:
			return get_float4_nan();
		default:
			forest_refuse("%s: not a number where one must be", forest_where(builder));
	}
}

/* Gives a scalar as text of at most the given length. */
const char *
forest_scalar_text(const ForestBuilder *builder, const ForestScalar *scalar, size_t max)
{
	if (scalar->kind != FOREST_SCALAR_TEXT)
		forest_refuse("%s: no text where text must be", forest_where(builder));
	if (strlen(scalar->text) > max)
		forest_refuse("%s: a text is longer than %zu bytes", forest_where(builder), max);
	return scalar->text;
}

/*
 * Appends the numbers of base_score: one, or (3.1 and newer) a vector in
 * brackets.
 */
void
forest_scalar_base_scores(const ForestBuilder *builder, const ForestScalar *scalar, ForestFloats *scores)
{
	const char *text = forest_scalar_text(builder, scalar, 1000000);
	char	   *copy = pstrdup(text);
	size_t		len = strlen(copy);

	if (len >= 2 && copy[0] == '[' && copy[len - 1] == ']')
	{
		copy[len - 1] = '\0';
		copy++;
	}
	for (char *item = copy; item != NULL;)
	{
		char	   *comma = strchr(item, ',');

		if (comma != NULL)
			*comma++ = '\0';
		if (!IsValidJsonNumber(item, strlen(item)))
			forest_refuse("base_score \"%.*s\" is not a number", pg_mbcliplen(text, strlen(text), 100), text);
		forest_floats_add(scores, text_float(item));
		item = comma;
	}
}
