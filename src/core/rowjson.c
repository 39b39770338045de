/*-------------------------------------------------------------------------
 *
 * rowjson.c
 *	  Rows as jsonb, and back, so that nothing is lost on the way.
 *
 * Numbers, booleans and jsonb become JSON's own; every other value is its
 * type's text form in a string, which the type's input function reads back to
 * the same value (an array is "{1,2}", a json document its exact text).  What a
 * JSON number cannot carry (NaN, infinities, minus zero) is a string too, and so
 * is a jsonb string or null: null as JSON's own is SQL's NULL, and a string is
 * always a text form, so jsonb "x" reads "\"x\"".
 *
 * The settings that shape text forms are pinned meanwhile.  They come back at
 * the end, and an error rolls them back with its (sub)transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat/compat.h"
#include "core/pin.h"
#include "core/rowjson.h"
#include "core/source.h"

/* Says whether a number's text form means the same as a JSON number. */
static bool
is_json_number(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;

	return digits[0] >= '0' && digits[0] <= '9' && strcmp(text, "-0") != 0;
}

/* Gives the text form of a value; an xml document keeps its declaration, which the output function drops. */
static char *
text_form(Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	if (getBaseType(type) == XMLOID)
		return TextDatumGetCString(value);
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* Appends one value that is not NULL as JSON. */
static void
append_value(StringInfo out, Oid type, Datum value)
{
	char	   *text = text_form(type, value);
	bool		own = false;	/* the text form is JSON's own */

	switch (getBaseType(type))
	{
		case BOOLOID:
			appendStringInfoString(out, text[0] == 't' ? "true" : "false");
			pfree(text);
			return;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			own = is_json_number(text);
			break;
		case JSONBOID:
			own = text[0] != '"' && strcmp(text, "null") != 0;
			break;
		default:
			break;
	}
	if (own)
		appendStringInfoString(out, text);
	else
		escape_json(out, text);
	pfree(text);
}

/* Gives the whole row as one jsonb object. */
Jsonb *
rowjson_build(TupleDesc desc, const Datum *values, const bool *nulls)
{
	StringInfoData out;
	int			level = pin_begin(pin_row_needs(desc));
	bool		first = true;
	Datum		jsonb;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (!first)
			appendStringInfoChar(&out, ',');
		first = false;
		escape_json(&out, NameStr(att->attname));
		appendStringInfoChar(&out, ':');
		if (nulls[i])
			appendStringInfoString(&out, "null");
		else
			append_value(&out, att->atttypid, values[i]);
	}
	appendStringInfoChar(&out, '}');
	pin_end(level);

	jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	pfree(out.data);
	return DatumGetJsonbP(jsonb);
}

/* Gives the text of one value that is not NULL as jsonb ->> gives it. */
static char *
value_as_text(Oid type, Datum value)
{
	char	   *text = text_form(type, value);

	switch (getBaseType(type))
	{
		case BOOLOID:
			return pstrdup(text[0] == 't' ? "true" : "false");
		case FLOAT4OID:
		case FLOAT8OID:
			/* a JSON number is a numeric: 1e+20 has all its digits there */
			if (is_json_number(text))
				return DatumGetCString(DirectFunctionCall1(numeric_out,
														   DirectFunctionCall3(numeric_in, CStringGetDatum(text),
																			   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
			return text;
		default:
			return text;
	}
}

/* Gives the text of a value of the types that most keys have, whose text form is never shaped by settings; else NULL. */
static char *
plain_key_text(Oid type, Datum value)
{
	char	   *digits;

	switch (type)
	{
		case INT2OID:
		case INT4OID:
			digits = palloc(MAXINT8LEN + 1);
			pg_ltoa(type == INT2OID ? DatumGetInt16(value) : DatumGetInt32(value), digits);
			return digits;
		case INT8OID:
			digits = palloc(MAXINT8LEN + 1);
			pg_lltoa(DatumGetInt64(value), digits);
			return digits;
		case UUIDOID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, value));
		case TEXTOID:
		case VARCHAROID:
			return TextDatumGetCString(value);
		default:
			return NULL;
	}
}

/* Gives what names a row in text, or NULL when its only key column is NULL. */
char *
rowjson_key_text(TupleDesc key_desc, const Datum *values, const bool *nulls)
{
	Jsonb	   *object;
	char	   *text;
	int			level;

	if (key_desc->natts != 1)
	{
		object = rowjson_build(key_desc, values, nulls);
		text = JsonbToCString(NULL, &object->root, VARSIZE(object));
		pfree(object);
		return text;
	}
	if (nulls[0])
		return NULL;
	text = plain_key_text(TupleDescAttr(key_desc, 0)->atttypid, values[0]);
	if (text != NULL)
		return text;
	level = pin_begin(pin_row_needs(key_desc));
	text = value_as_text(TupleDescAttr(key_desc, 0)->atttypid, values[0]);
	pin_end(level);
	return text;
}

/* Gives the text that a type's input function shall read for a JSON value, or NULL for null. */
static char *
value_text(JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return NULL;
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvBinary:
			return JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
		default:
			elog(ERROR, "unexpected kind of JSON value: %d", (int) value->type);
			return NULL;
	}
}

/* Reads one JSON value as a value of the column's type. */
static Datum
form_value(Form_pg_attribute att, JsonbValue *value, bool *isnull)
{
	Oid			input;
	Oid			ioparam;

	*isnull = value->type == jbvNull;
	getTypeInputInfo(att->atttypid, &input, &ioparam);
	return OidInputFunctionCall(input, value_text(value), ioparam, att->atttypmod);
}

/* Names the column in whose value an error happened. */
static void
form_context(void *arg)
{
	errcontext("column \"%s\" of the row", *(const char **) arg);
}

/* Fills the values of the columns that the object names. */
static void
form_values(TupleDesc desc, const Jsonb *row, Datum *values, bool *nulls)
{
	JsonbIterator *it = JsonbIteratorInit(&unconstify(Jsonb *, row)->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	const char *column = NULL;
	ErrorContextCallback context = {error_context_stack, form_context, &column};

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		AttrNumber	attnum;

		if (token != WJB_KEY)
			continue;
		column = pnstrdup(value.val.string.val, value.val.string.len);
		attnum = source_need_column(desc, column, "the row");
		(void) JsonbIteratorNext(&it, &value, true);

		error_context_stack = &context;
		values[attnum - 1] = form_value(TupleDescAttr(desc, attnum - 1), &value, &nulls[attnum - 1]);
		error_context_stack = context.previous;
	}
}

/* Gives a tuple of the row type from a jsonb object; keys that are missing are NULL. */
HeapTuple
rowjson_form(TupleDesc desc, const Jsonb *row)
{
	Datum	   *values = palloc0(mul_size(sizeof(Datum), Max(desc->natts, 1)));
	bool	   *nulls = palloc(mul_size(sizeof(bool), Max(desc->natts, 1)));
	int			level;

	if (!JB_ROOT_IS_OBJECT(row))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row must be a JSON object"),
				 errdetail("Its keys are the columns' names.")));
	memset(nulls, true, Max(desc->natts, 1));
	level = pin_begin(pin_row_needs(desc));
	form_values(desc, row, values, nulls);
	pin_end(level);
	return heap_form_tuple(desc, values, nulls);
}
