/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The one parser of options given as jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "storage/shmem.h"
#include "utils/jsonb.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "core/options.h"

/* Longest name that is compared: option, column and algorithm names are short. */
#define NEAREST_MAX_LEN 63

/* Gives the Levenshtein distance of two strings of at most NEAREST_MAX_LEN bytes. */
static int
edit_distance(const char *a, int alen, const char *b, int blen)
{
	int			row[NEAREST_MAX_LEN + 1];

	for (int j = 0; j <= blen; j++)
		row[j] = j;
	for (int i = 1; i <= alen; i++)
	{
		int			diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= blen; j++)
		{
			int			above = row[j];
			int			cost = pg_tolower((unsigned char) a[i - 1]) != pg_tolower((unsigned char) b[j - 1]);

			row[j] = Min(Min(above + 1, row[j - 1] + 1), diagonal + cost);
			diagonal = above;
		}
	}
	return row[blen];
}

/* Gives the value of a key, or NULL when there is none. */
JsonbValue *
options_value(const Jsonb *in, const char *key)
{
	if (in == NULL || !JB_ROOT_IS_OBJECT(in))
		return NULL;
	return getKeyJsonValueFromContainer(&unconstify(Jsonb *, in)->root, key, strlen(key), NULL);
}

/* Gives the candidate nearest to name, or NULL when none is near enough to be meant. */
const char *
options_nearest(const char *name, const char *const *candidates, int ncandidates)
{
	int			len = strlen(name);
	const char *best = NULL;
	int			best_distance = Min(len / 3 + 2, len);	/* so many edits make another word */

	if (len > NEAREST_MAX_LEN)
		return NULL;
	for (int i = 0; i < ncandidates; i++)
	{
		int			candidate_len = strlen(candidates[i]);
		int			distance;

		if (candidate_len > NEAREST_MAX_LEN)
			continue;
		distance = edit_distance(name, len, candidates[i], candidate_len);
		if (distance < best_distance)
		{
			best = candidates[i];
			best_distance = distance;
		}
	}
	return best;
}

/* Ends with the error for a key that no parser knows, naming the nearest known one. */
static void
unknown_option(const char *key, const char *what, const OptionSpec *specs, int nspecs,
			   const char *const *passed_on)
{
	const char *nearest;
	const char **names;
	int			n = nspecs;
	StringInfoData list;

	for (int i = 0; passed_on != NULL && passed_on[i] != NULL; i++)
		n++;
	names = palloc(mul_size(sizeof(char *), Max(n, 1)));
	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		names[i] = i < nspecs ? specs[i].name : passed_on[i - nspecs];
		appendStringInfo(&list, "%s%s", i ? ", " : "", names[i]);
	}
	nearest = options_nearest(key, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\" of %s", key, what),
			 n > 0 ? errdetail("Known options: %s.", list.data) : 0,
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Ends with the error for a value of the wrong JSON type. */
static void
wrong_type(const char *key, const char *what, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of %s must be %s", key, what, expected)));
}

/* Gives a JSON number as a double checked against the option's range. */
static double
number_value(const OptionSpec *spec, const char *what, const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		wrong_type(spec->name, what, spec->type == OPTION_INT ? "an integer" : "a number");
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value->val.numeric)));
	if (!isfinite(number) || (spec->type == OPTION_INT && number != rint(number)))
		wrong_type(spec->name, what, spec->type == OPTION_INT ? "an integer" : "a finite number");
	if (number < spec->min || number > spec->max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" of %s is out of range: %g", spec->name, what, number),
				 errdetail("Valid values are %.15g to %.15g.", spec->min, spec->max)));
	return number;
}

/* Gives a JSON string as a C string checked against the option's choices. */
static char *
text_value(const OptionSpec *spec, const char *what, const JsonbValue *value)
{
	char	   *text;
	int			nchoices = 0;
	const char *nearest;

	if (value->type != jbvString)
		wrong_type(spec->name, what, "a string");
	text = pnstrdup(value->val.string.val, value->val.string.len);
	if (spec->choices == NULL)
		return text;
	for (; spec->choices[nchoices] != NULL; nchoices++)
		if (strcmp(spec->choices[nchoices], text) == 0)
			return text;
	nearest = options_nearest(text, spec->choices, nchoices);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value \"%s\" for option \"%s\" of %s", text, spec->name, what),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	return NULL;				/* not reached */
}

/* Gives a JSON array of strings (or one string) as a list of C strings. */
static List *
text_list_value(const OptionSpec *spec, const char *what, const JsonbValue *value)
{
	List	   *list = NIL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type == jbvString)
		return list_make1(text_value(spec, what, value));
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		wrong_type(spec->name, what, "an array of strings");
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			list = lappend(list, text_value(spec, what, &element));
	return list;
}

/* Stores one value in the caller's struct. */
static void
store_option(const OptionSpec *spec, const char *what, const JsonbValue *value, char *out)
{
	void	   *field = out + spec->offset;

	if (value->type == jbvNull)
		return;					/* null means the default */
	switch (spec->type)
	{
		case OPTION_BOOL:
			if (value->type != jbvBool)
				wrong_type(spec->name, what, "true or false");
			*(bool *) field = value->val.boolean;
			break;
		case OPTION_INT:
			*(int64 *) field = (int64) number_value(spec, what, value);
			break;
		case OPTION_REAL:
			*(double *) field = number_value(spec, what, value);
			break;
		case OPTION_TEXT:
			*(char **) field = text_value(spec, what, value);
			break;
		case OPTION_TEXT_LIST:
			*(List **) field = text_list_value(spec, what, value);
			break;
		case OPTION_JSON:
			*(Jsonb **) field = JsonbValueToJsonb(unconstify(JsonbValue *, value));
			break;
	}
}

/* Sets every field to its default. */
static void
set_defaults(const OptionSpec *specs, int nspecs, char *out)
{
	for (int i = 0; i < nspecs; i++)
	{
		void	   *field = out + specs[i].offset;

		switch (specs[i].type)
		{
			case OPTION_BOOL:
				*(bool *) field = (specs[i].dflt != 0);
				break;
			case OPTION_INT:
				*(int64 *) field = (int64) specs[i].dflt;
				break;
			case OPTION_REAL:
				*(double *) field = specs[i].dflt;
				break;
			case OPTION_TEXT:
				*(char **) field = specs[i].text_dflt ? pstrdup(specs[i].text_dflt) : NULL;
				break;
			case OPTION_TEXT_LIST:
				*(List **) field = NIL;
				break;
			case OPTION_JSON:
				*(Jsonb **) field = NULL;
				break;
		}
	}
}

/* Fills *out from the object; keys that are not in the table are for others_pass or passed_on to allow. */
static void
parse_object(const Jsonb *in, const char *what, const OptionSpec *specs, int nspecs,
			 bool others_pass, const char *const *passed_on, void *out)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	set_defaults(specs, nspecs, out);
	if (in == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(in) || JB_ROOT_IS_SCALAR(in))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options of %s must be a JSON object", what)));

	it = JsonbIteratorInit(&unconstify(Jsonb *, in)->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		char	   *name;
		int			i;
		bool		passed = others_pass;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		name = pnstrdup(key.val.string.val, key.val.string.len);
		for (i = 0; i < nspecs; i++)
			if (strcmp(specs[i].name, name) == 0)
				break;
		for (int j = 0; passed_on != NULL && passed_on[j] != NULL && !passed; j++)
			passed = (strcmp(passed_on[j], name) == 0);
		if (i < nspecs)
			store_option(&specs[i], what, &value, out);
		else if (!passed)
			unknown_option(name, what, specs, nspecs, passed_on);
	}
}

/* Fills *out from the object; every key must be known. */
void
options_parse(const Jsonb *in, const char *what, const OptionSpec *specs, int nspecs, void *out)
{
	parse_object(in, what, specs, nspecs, false, NULL, out);
}

/* Fills *out from the object; keys in passed_on are somebody else's, all others must be known. */
void
options_parse_some(const Jsonb *in, const char *what, const OptionSpec *specs, int nspecs,
				   const char *const *passed_on, void *out)
{
	parse_object(in, what, specs, nspecs, false, passed_on, out);
}

/* Fills *out from the object; keys that are not in the table are somebody else's. */
void
options_parse_own(const Jsonb *in, const char *what, const OptionSpec *specs, int nspecs, void *out)
{
	parse_object(in, what, specs, nspecs, true, NULL, out);
}

/* Appends a list of strings as a JSON array. */
static void
append_text_list(StringInfo out, List *list)
{
	ListCell   *cell;

	appendStringInfoChar(out, '[');
	foreach(cell, list)
	{
		if (cell != list_head(list))
			appendStringInfoChar(out, ',');
		escape_json(out, (char *) lfirst(cell));
	}
	appendStringInfoChar(out, ']');
}

/* Appends the effective options as one JSON object, in the table's order; absent ones are left out. */
void
options_to_json(StringInfo out, const OptionSpec *specs, int nspecs, const void *values)
{
	bool		first = true;

	appendStringInfoChar(out, '{');
	for (int i = 0; i < nspecs; i++)
	{
		const void *field = (const char *) values + specs[i].offset;

		if ((specs[i].type == OPTION_TEXT && *(char *const *) field == NULL) ||
			(specs[i].type == OPTION_TEXT_LIST && *(List *const *) field == NIL) ||
			(specs[i].type == OPTION_JSON && *(Jsonb *const *) field == NULL))
			continue;
		if (!first)
			appendStringInfoString(out, ", ");
		first = false;
		escape_json(out, specs[i].name);
		appendStringInfoString(out, ": ");
		switch (specs[i].type)
		{
			case OPTION_BOOL:
				appendStringInfoString(out, *(const bool *) field ? "true" : "false");
				break;
			case OPTION_INT:
				appendStringInfo(out, INT64_FORMAT, *(const int64 *) field);
				break;
			case OPTION_REAL:
				appendStringInfoString(out, float8out_internal(*(const double *) field));
				break;
			case OPTION_TEXT:
				escape_json(out, *(char *const *) field);
				break;
			case OPTION_TEXT_LIST:
				append_text_list(out, *(List *const *) field);
				break;
			case OPTION_JSON:
				{
					Jsonb	   *json = *(Jsonb *const *) field;

					(void) JsonbToCString(out, &json->root, VARSIZE(json));
					break;
				}
		}
	}
	appendStringInfoChar(out, '}');
}
