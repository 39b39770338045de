/*-------------------------------------------------------------------------
 *
 * rules_constant.c
 *	  From a constant in a rule to what stands in an encoded row.
 *
 * A constant takes the way of a value: it is read as the column's type and
 * encoded by the column's encoder, so it equals what the encoder makes of
 * an equal value.  What the encoded row does not hold (a text, an address, the
 * elements of an array) cannot be compared and is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "core/pin.h"
#include "learn/rules.h"

/* Ends with an error for a constant of another JSON type than the column's. */
static void pg_attribute_noreturn()
wrong_type(const EncoderColumn *column, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" of type %s must be compared with %s", column->name, column->type_name, expected)));
}

/* Ends with an error for an operator that the column's values have not. */
static void pg_attribute_noreturn()
no_order(const EncoderColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("values of column \"%s\" of type %s have no order here", column->name, column->type_name),
			 errhint("Use \"=\", \"<>\" or \"in\".")));
}

/* Ends with an error for a column whose values the model does not see whole. */
static void pg_attribute_noreturn()
not_in_row(const EncoderColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("rules cannot compare column \"%s\" of type %s", column->name, column->type_name),
			 column->kind == ENCODER_TEXT
			 ? errdetail("Training saw so many values in it that the model keeps counts of characters, not the text.")
			 : errdetail("The model keeps features of its values, not the values."),
			 errhint("A rule can tell whether it is null; or compute a boolean or a category in the source.")));
}

/* Gives a moment's or a duration's type; a domain's and the like is of its kind. */
static Oid
reading_type(const EncoderColumn *column)
{
	if (OidIsValid(column->type))
		return column->type;
	switch (column->kind)
	{
		case ENCODER_DATE:
			return DATEOID;
		case ENCODER_TIME:
			return TIMEOID;
		case ENCODER_TIMESTAMP:
			return TIMESTAMPOID;
		case ENCODER_INTERVAL:
			return INTERVALOID;
		default:
			return InvalidOid;
	}
}

/* Refuses texts that mean another moment every day: a model must not depend on when it was trained. */
static void
check_moment(const EncoderColumn *column, const char *text)
{
	static const char *const moving[] = {"now", "today", "tomorrow", "yesterday"};

	for (int i = 0; i < lengthof(moving); i++)
	{
		for (const char *s = text; *s != '\0'; s++)
		{
			if (pg_strncasecmp(s, moving[i], strlen(moving[i])) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("column \"%s\" cannot be compared with \"%s\"", column->name, text),
						 errdetail("A rule's constants are fixed when the model is trained.")));
		}
	}
}

/* Gives the first feature that the encoder makes of a text read as the column's type. */
static float
encode_text(const EncoderColumn *column, Oid type, char *text)
{
	EncoderColumn alone = *column;
	Encoder		encoder = {.ncolumns = 1, .columns = &alone, .nfeatures = column->nfeatures};
	TupleDesc	desc = CreateTemplateTupleDesc(1);
	float	   *out = palloc(sizeof(float) * column->nfeatures);
	bool		isnull = false;
	Oid			input;
	Oid			param;
	Datum		value;
	int			level;

	alone.first_feature = 0;
	TupleDescInitEntry(desc, 1, column->name, type, -1, 0);
	getTypeInputInfo(type, &input, &param);
	level = pin_begin(pin_type_needs(type));
	value = OidInputFunctionCall(input, text, param, -1);
	pin_end(level);
	encoder_encode(encoder_bind(&encoder, desc, "the rules"), &value, &isnull, out);
	return out[0];
}

/* Gives a category's code; one that the model does not know is an error, as it cannot tell it from null. */
static float
category(const EncoderColumn *column, char *text)
{
	float		code = NAN;
	const char *nearest;

	if (OidIsValid(column->type))
		code = encode_text(column, column->type, text);
	for (int i = 0; isnan(code) && i < column->ncategories; i++)
	{
		if (strcmp(column->categories[i], text) == 0)
			code = i;
	}
	if (!isnan(code))
		return code;
	nearest = options_nearest(text, (const char *const *) column->categories, column->ncategories);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model knows no value \"%s\" of column \"%s\"", text, column->name),
			 errdetail("It keeps the %d most frequent values of training; any other is missing to it, so a rule cannot look for it.",
					   column->ncategories),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest)
			 : errhint("Raise max_categories, or compute a boolean in the source.")));
}

/* Gives a number as an encoded row holds it. */
static float
number(const JsonbValue *value)
{
	double		wide = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														  NumericGetDatum(value->val.numeric)));

	return (float) Max(Min(wide, FLT_MAX), -FLT_MAX);
}

/* Gives what a constant is in an encoded row. */
float
rules_constant(const EncoderColumn *column, const JsonbValue *value, RuleOperator operator)
{
	char	   *text = NULL;

	if (value->type == jbvString)
		text = pnstrdup(value->val.string.val, value->val.string.len);
	switch (column->kind)
	{
		case ENCODER_NUMBER:
			if (value->type != jbvNumeric)
				wrong_type(column, "a number");
			return number(value);
		case ENCODER_BOOL:
			if (operator != RULE_IN && operator != RULE_NOT)
				no_order(column);
			if (value->type != jbvBool)
				wrong_type(column, "true or false");
			return value->val.boolean ? 1 : 0;
		case ENCODER_DATE:
		case ENCODER_TIME:
		case ENCODER_TIMESTAMP:
		case ENCODER_INTERVAL:
			if (text == NULL)
				wrong_type(column, "a string");
			check_moment(column, text);
			return encode_text(column, reading_type(column), text);
		case ENCODER_CATEGORY:
			if (operator != RULE_IN && operator != RULE_NOT)
				no_order(column);
			if (text == NULL)
				wrong_type(column, "a string");
			return category(column, text);
		default:
			not_in_row(column);
	}
}
