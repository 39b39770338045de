/*-------------------------------------------------------------------------
 *
 * look_markup.c
 *	  Texts that are JSON or HTML.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/look_int.h"

/* Deepest nesting that is followed: a bit of a word each. */
#define JSON_DEPTH 64

/* What may come next in JSON. */
typedef enum JsonWants
{
	JSON_VALUE,
	JSON_VALUE_OR_END,			/* behind [ */
	JSON_KEY,
	JSON_KEY_OR_END,			/* behind { */
	JSON_COLON,
	JSON_COMMA_OR_END
} JsonWants;

typedef struct JsonState
{
	const char *at;
	const char *end;
	int			depth;
	uint64		objects;		/* a bit for each level: it is an object */
	JsonWants	wants;
} JsonState;

/* Passes a string; false when it does not end or holds a control character. */
static bool
json_string_ends(JsonState *json)
{
	for (json->at++; json->at < json->end; json->at++)
	{
		if (*json->at == '"')
		{
			json->at++;
			return true;
		}
		if ((unsigned char) *json->at < ' ')
			return false;
		if (*json->at == '\\')
			json->at++;
	}
	json->at = json->end;
	return false;
}

/* Passes a number or a word; false when it is none. */
static bool
json_scalar(JsonState *json)
{
	static const char *const words[] = {"true", "false", "null"};
	const char *s = json->at;

	for (int i = 0; i < lengthof(words); i++)
	{
		int			len = (int) strlen(words[i]);

		if (json->end - s >= len && memcmp(s, words[i], len) == 0)
		{
			json->at += len;
			return true;
		}
	}
	if (*s == '-')
		s++;
	if (s == json->end || !look_is_digit(*s))
		return false;
	while (s < json->end && (look_is_digit(*s) || *s == '.' || *s == 'e' || *s == 'E' || *s == '+' || *s == '-'))
		s++;
	json->at = s;
	return true;
}

/* Opens an object or an array. */
static bool
json_open(JsonState *json, bool object)
{
	if (json->depth == JSON_DEPTH)
		return false;
	if (object)
		json->objects |= UINT64CONST(1) << json->depth;
	else
		json->objects &= ~(UINT64CONST(1) << json->depth);
	json->depth++;
	json->at++;
	json->wants = object ? JSON_KEY_OR_END : JSON_VALUE_OR_END;
	return true;
}

/* Says whether the innermost level is an object. */
static inline bool
json_in_object(const JsonState *json)
{
	return (json->objects >> (json->depth - 1)) & 1;
}

/* Passes the next token; false when it may not stand there. */
static bool
json_token(JsonState *json)
{
	char		c = *json->at;

	switch (json->wants)
	{
		case JSON_VALUE_OR_END:
		case JSON_VALUE:
			if (c == ']' && json->wants == JSON_VALUE_OR_END)
				break;
			if (c == '{' || c == '[')
				return json_open(json, c == '{');
			json->wants = JSON_COMMA_OR_END;
			return c == '"' ? json_string_ends(json) : json_scalar(json);
		case JSON_KEY_OR_END:
		case JSON_KEY:
			if (c == '}' && json->wants == JSON_KEY_OR_END)
				break;
			json->wants = JSON_COLON;
			return c == '"' && json_string_ends(json);
		case JSON_COLON:
			json->at++;
			json->wants = JSON_VALUE;
			return c == ':';
		case JSON_COMMA_OR_END:
			if (c == ',')
			{
				json->at++;
				json->wants = json_in_object(json) ? JSON_KEY : JSON_VALUE;
				return true;
			}
			if (c != (json_in_object(json) ? '}' : ']'))
				return false;
			break;
	}
	json->depth--;
	json->at++;
	json->wants = JSON_COMMA_OR_END;
	return true;
}

/* Says whether a text is a JSON object or array; of a long one, whether it begins as one. */
uint32
look_json(const LookText *text)
{
	JsonState	json = {text->s, text->s + text->len, 0, 0, JSON_VALUE};

	if (*text->s != '{' && *text->s != '[')
		return 0;
	while (json.at < json.end)
	{
		if (look_is_space(*json.at))
		{
			json.at++;
			continue;
		}
		/* A token that the bound cuts in two is no error. */
		if (!json_token(&json))
			return text->cut && json.at + 5 >= json.end ? LOOK_MASK(LOOK_JSON) : 0;
		if (json.depth == 0)
			break;
	}
	if (text->cut)
		return json.depth > 0 ? LOOK_MASK(LOOK_JSON) : 0;
	return json.depth == 0 && json.at == json.end ? LOOK_MASK(LOOK_JSON) : 0;
}

/* Gives where a tag ends that begins at s with <; NULL when none does. */
static const char *
tag_end(const char *s, const char *end)
{
	const char *name = ++s;

	if (s < end && *s == '!')
		return end - s >= 3 && (look_is_letter(s[1]) || (s[1] == '-' && s[2] == '-')) ? memchr(s, '>', end - s) : NULL;
	if (s < end && (*s == '/' || *s == '?'))
		name = ++s;
	while (s < end && (look_is_letter(*s) || (s > name && (look_is_digit(*s) || *s == '-' || *s == ':'))))
		s++;
	if (s == name || s == end)
		return NULL;
	if (*s == '>')
		return s;
	if (!look_is_space(*s) && *s != '/')
		return NULL;

	/* Attributes have a = ; "a <b and c> d" is no tag. */
	name = s;
	s = memchr(s, '>', end - s);
	if (s == NULL)
		return NULL;
	return s == name + 1 || s[-1] == '/' || memchr(name, '=', s - name) != NULL ? s : NULL;
}

/* Says whether a text has a tag of HTML or XML in it. */
uint32
look_html(const LookText *text)
{
	const char *end = text->s + text->len;

	for (const char *s = text->s; s < end && (s = memchr(s, '<', end - s)) != NULL; s++)
		if (tag_end(s, end) != NULL)
			return LOOK_MASK(LOOK_HTML);
	return 0;
}
