/*-------------------------------------------------------------------------
 *
 * forest_json.c
 *	  A model in JSON, as events: PostgreSQL's own strict parser reads it.
 *
 * The library writes NaN where a categorical split has no threshold and Infinity
 * or -Infinity where a split only parts known from missing, and none of them is JSON.
 * Before the parser sees them NaN is turned into null, which is taken for NaN, and
 * Infinity into 1E39, which float32 has no room for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "compat/compat.h"
#include "learn/forest_private.h"

/* Takes the start of an object. */
static compat_json_result
object_start(void *state)
{
	forest_build_object_start(state);
	return COMPAT_JSON_OK;
}

/* Takes the end of an object. */
static compat_json_result
object_end(void *state)
{
	forest_build_object_end(state);
	return COMPAT_JSON_OK;
}

/* Takes the start of an array. */
static compat_json_result
array_start(void *state)
{
	forest_build_array_start(state);
	return COMPAT_JSON_OK;
}

/* Takes the end of an array. */
static compat_json_result
array_end(void *state)
{
	forest_build_array_end(state);
	return COMPAT_JSON_OK;
}

/* Takes an object's key. */
static compat_json_result
field_start(void *state, char *name, bool isnull)
{
	forest_build_key(state, name);
	pfree(name);
	return COMPAT_JSON_OK;
}

/* Takes a scalar. */
static compat_json_result
scalar(void *state, char *token, JsonTokenType type)
{
	ForestScalar value = {0};

	value.text = token;
	switch (type)
	{
		case JSON_TOKEN_STRING:
			value.kind = FOREST_SCALAR_TEXT;
			break;
		case JSON_TOKEN_NUMBER:
			value.kind = FOREST_SCALAR_NUMBER;
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			value.kind = FOREST_SCALAR_BOOL;
			value.integer = type == JSON_TOKEN_TRUE;
			break;
		default:
			value.kind = FOREST_SCALAR_NULL;
			break;
	}
	forest_build_scalar(state, &value);
	pfree(token);
	return COMPAT_JSON_OK;
}

/* Copies JSON text with every NaN and Infinity outside of strings replaced. */
static char *
replace_specials(const char *bytes, Size len, Size *newlen)
{
	StringInfoData out;
	bool		quoted = false;
	Size		from = 0;

	initStringInfo(&out);
	for (Size i = 0; i < len; i++)
	{
		const char *special = NULL;

		if (quoted)
		{
			if (bytes[i] == '\\')
				i++;
			else if (bytes[i] == '"')
				quoted = false;
		}
		else if (bytes[i] == '"')
			quoted = true;
		else if (bytes[i] == 'N' && len - i >= 3 && memcmp(bytes + i, "NaN", 3) == 0)
			special = "NaN";
		else if (bytes[i] == 'I' && len - i >= 8 && memcmp(bytes + i, "Infinity", 8) == 0)
			special = "Infinity";
		if (special != NULL)
		{
			appendBinaryStringInfo(&out, bytes + from, i - from);
			appendStringInfoString(&out, *special == 'N' ? "null" : "1E39");
			i += strlen(special) - 1;
			from = i + 1;
		}
	}
	appendBinaryStringInfo(&out, bytes + from, len - from);
	*newlen = out.len;
	return out.data;
}

/* Gives the text in the server's encoding, or refuses it when it is not UTF-8. */
static char *
to_server_encoding(char *text, Size *len)
{
	char	   *converted;

	if (!pg_verify_mbstr(PG_UTF8, text, *len, true))
		forest_refuse("the text is not UTF-8");
	converted = pg_any_to_server(text, *len, PG_UTF8);
	if (converted != text)
		*len = strlen(converted);
	return converted;
}

/* Reports a model in JSON to the builder. */
void
forest_json_parse(ForestBuilder *builder, const char *bytes, Size len)
{
	JsonSemAction actions = {0};
	JsonLexContext *lex;
	JsonParseErrorType error;
	char	   *text;

	if (len > MaxAllocSize / 2)
		forest_refuse("the model is larger than %zu bytes", (size_t) MaxAllocSize / 2);
	text = replace_specials(bytes, len, &len);
	text = to_server_encoding(text, &len);

	actions.semstate = builder;
	actions.object_start = object_start;
	actions.object_end = object_end;
	actions.array_start = array_start;
	actions.array_end = array_end;
	actions.object_field_start = field_start;
	actions.scalar = scalar;
	lex = compat_json_lexer(text, len, GetDatabaseEncoding(), true);
	error = pg_parse_json(lex, &actions);
	if (error != JSON_SUCCESS)
		forest_refuse("the text is not JSON at byte %zu",
					  lex->token_start != NULL ? (size_t) (lex->token_start - text) : (size_t) len);
}
