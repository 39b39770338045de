/*-------------------------------------------------------------------------
 *
 * xgboost_constraints.c
 *	  Constraints on what trees may say.
 *
 * People name columns; the library numbers features.  A name is a column's before it
 * is a feature's; one that is both, of two columns, is refused.  A monotone constraint is on
 * one feature: of a time column its name means the days, and a column whose
 * features have other names must be told apart.  In a set of columns that may
 * interact a column stands for all its features, and columns that are in no set
 * stand alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "core/options.h"
#include "learn/xgboost_constraints.h"

/* Ends with the error for an option of another form. */
static void pg_attribute_noreturn()
wrong_form(const char *option, const char *form)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of xgboost must be %s", option, form)));
}

/* Ends with the error for a name that is neither a column's nor a feature's. */
static void pg_attribute_noreturn()
no_such_column(const char *option, const char *name, const Encoder *encoder)
{
	const char **names = palloc(mul_size(add_size(encoder->ncolumns, encoder->nfeatures), sizeof(char *)));
	const char *nearest;
	int			n = 0;

	for (int i = 0; i < encoder->ncolumns; i++)
		names[n++] = encoder->columns[i].name;
	for (int i = 0; i < encoder->nfeatures; i++)
		names[n++] = encoder->features[i].name;
	nearest = options_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" names \"%s\", which is not a feature of this model", option, name),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("Name a column that the model learns from.")));
}

/* Gives the column of that name, or NULL. */
static const EncoderColumn *
find_column(const Encoder *encoder, const char *name)
{
	for (int i = 0; i < encoder->ncolumns; i++)
	{
		if (strcmp(encoder->columns[i].name, name) == 0)
			return &encoder->columns[i];
	}
	return NULL;
}

/*
 * Gives the column of that name, or NULL; ends with an error when a feature of another
 * column has the name too, as the weekday of a date "d" is called "d.weekday".
 */
static const EncoderColumn *
find_named_column(const char *option, const char *name, const Encoder *encoder)
{
	const EncoderColumn *column = find_column(encoder, name);

	if (column == NULL)
		return NULL;
	for (int i = 0; i < encoder->nfeatures; i++)
	{
		const EncoderColumn *owner = &encoder->columns[encoder->features[i].column];

		if (owner != column && strcmp(encoder->features[i].name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" names \"%s\", which is ambiguous", option, name),
					 errdetail("It is a column, and a feature of column \"%s\".", owner->name),
					 errhint("Give the column another name in a SELECT as the source.")));
	}
	return column;
}

/* Gives the feature of that name of a column, or of any where that is NULL; -1 without one. */
static int
feature_of(const Encoder *encoder, const EncoderColumn *column, const char *name)
{
	int			first = column ? column->first_feature : 0;
	int			end = column ? first + column->nfeatures : encoder->nfeatures;

	for (int i = first; i < end; i++)
	{
		if (strcmp(encoder->features[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* Gives the direction in a JSON number: -1, 0 or 1; anything else ends with an error. */
static int
direction(const JsonbValue *value)
{
	double		number = 2;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (number != -1 && number != 0 && number != 1)
		wrong_form("monotone_constraints", "an object of columns with -1, 0 or 1 each");
	return (int) number;
}

/* Checks that the constraints are an object of directions. */
void
xgboost_check_monotone(const Jsonb *constraints)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (constraints == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(constraints))
		wrong_form("monotone_constraints", "an object of columns with -1, 0 or 1 each");
	it = JsonbIteratorInit(&unconstify(Jsonb *, constraints)->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE)
			(void) direction(&value);
	}
}

/* Gives the one feature that a name stands for in a monotone constraint. */
static int
monotone_feature(const char *name, const Encoder *encoder)
{
	const EncoderColumn *column = find_named_column("monotone_constraints", name, encoder);
	int			feature = feature_of(encoder, column, name);
	StringInfoData names;

	if (feature >= 0)
		return feature;
	if (column == NULL)
		no_such_column("monotone_constraints", name, encoder);
	initStringInfo(&names);
	for (int i = 0; i < Min(column->nfeatures, 20); i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", encoder->features[column->first_feature + i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" has %d features to be monotone in", name, column->nfeatures),
			 errdetail("They are %s%s.", names.data, column->nfeatures > 20 ? " and more" : ""),
			 errhint("Name one of them in option \"monotone_constraints\".")));
}

/* Gives a direction for every feature in the library's form. */
char *
xgboost_monotone(const Jsonb *constraints, const Encoder *encoder, const uint8 *categorical)
{
	int		   *directions = palloc0(mul_size(encoder->nfeatures, sizeof(int)));
	JsonbIterator *it = JsonbIteratorInit(&unconstify(Jsonb *, constraints)->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			feature = 0;
	StringInfoData out;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			feature = monotone_feature(pnstrdup(value.val.string.val, value.val.string.len), encoder);
		if (token != WJB_VALUE)
			continue;
		directions[feature] = direction(&value);
		if (directions[feature] != 0 && categorical[feature])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("feature \"%s\" is a category and has no order to be monotone in",
							encoder->features[feature].name)));
	}
	initStringInfo(&out);
	for (int i = 0; i < encoder->nfeatures; i++)
		appendStringInfo(&out, "%c%d", i > 0 ? ',' : '(', directions[i]);
	appendStringInfoChar(&out, ')');
	return out.data;
}

/* Gives the constraints as a list of lists of names; anything of another form ends with an error. */
static List *
interaction_sets(const Jsonb *constraints)
{
	static const char form[] = "an array of arrays of columns";
	List	   *sets = NIL;
	List	   *set = NIL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			depth = 0;

	if (!JB_ROOT_IS_ARRAY(constraints) || JB_ROOT_IS_SCALAR(constraints))
		wrong_form("interaction_constraints", form);
	it = JsonbIteratorInit(&unconstify(Jsonb *, constraints)->root);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_ARRAY && ++depth <= 2)
			set = NIL;
		else if (token == WJB_ELEM && depth == 2 && value.type == jbvString)
			set = lappend(set, pnstrdup(value.val.string.val, value.val.string.len));
		else if (token == WJB_END_ARRAY && (depth == 1 || set != NIL))
		{
			if (depth-- == 2)
				sets = lappend(sets, set);
		}
		else
			wrong_form("interaction_constraints", form);
	}
	return sets;
}

/* Checks that the constraints are an array of arrays of names. */
void
xgboost_check_interaction(const Jsonb *constraints)
{
	if (constraints != NULL)
		(void) interaction_sets(constraints);
}

/* Appends the numbers of a column's features to an open set. */
static void
append_column(StringInfo out, const EncoderColumn *column, bool *first)
{
	for (int i = 0; i < column->nfeatures; i++)
	{
		appendStringInfo(out, "%s%d", *first ? "" : ",", column->first_feature + i);
		*first = false;
	}
}

/* Appends one set of names as numbers of features, and takes note of the columns in it. */
static void
append_set(StringInfo out, List *set, const Encoder *encoder, bool *listed)
{
	bool		first = true;
	ListCell   *cell;

	appendStringInfo(out, "%s[", out->len > 1 ? "," : "");
	foreach(cell, set)
	{
		const char *name = lfirst(cell);
		const EncoderColumn *column = find_named_column("interaction_constraints", name, encoder);
		int			feature;

		if (column != NULL)
		{
			append_column(out, column, &first);
			listed[column - encoder->columns] = true;
			continue;
		}
		feature = feature_of(encoder, NULL, name);
		if (feature < 0)
			no_such_column("interaction_constraints", name, encoder);
		appendStringInfo(out, "%s%d", first ? "" : ",", feature);
		first = false;
		listed[encoder->features[feature].column] = true;
	}
	appendStringInfoChar(out, ']');
}

/* Gives the sets of features in the library's form. */
char *
xgboost_interaction(const Jsonb *constraints, const Encoder *encoder)
{
	List	   *sets = interaction_sets(constraints);
	bool	   *listed = palloc0(mul_size(encoder->ncolumns, sizeof(bool)));
	StringInfoData out;
	ListCell   *cell;

	if (sets == NIL)
		return NULL;
	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	foreach(cell, sets)
		append_set(&out, lfirst(cell), encoder, listed);
	/* a column alone may still interact with itself */
	for (int i = 0; i < encoder->ncolumns; i++)
	{
		bool		first = true;

		if (listed[i] || encoder->columns[i].nfeatures == 1)
			continue;
		appendStringInfoString(&out, ",[");
		append_column(&out, &encoder->columns[i], &first);
		appendStringInfoChar(&out, ']');
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}
