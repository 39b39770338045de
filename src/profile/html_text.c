/*-------------------------------------------------------------------------
 *
 * html_text.c
 *	  Any text of the database as harmless ASCII in a page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "compat/compat.h"
#include "profile/html.h"

/* Stands for what is no character of the database's encoding, and for control characters. */
#define HTML_REPLACEMENT "&#65533;"

/* Appends one ASCII character. */
static void
put_ascii(StringInfo out, unsigned char c)
{
	switch (c)
	{
		case '&':
			appendStringInfoString(out, "&amp;");
			break;
		case '<':
			appendStringInfoString(out, "&lt;");
			break;
		case '>':
			appendStringInfoString(out, "&gt;");
			break;
		case '"':
			appendStringInfoString(out, "&quot;");
			break;
		case '\'':
			appendStringInfoString(out, "&#39;");
			break;
		case '`':
			appendStringInfoString(out, "&#96;");
			break;
		case '\t':
		case '\n':
		case '\r':
			appendStringInfoChar(out, ' ');
			break;
		default:
			if (c < 0x20 || c == 0x7f)
				appendStringInfoString(out, HTML_REPLACEMENT);
			else
				appendStringInfoChar(out, c);
	}
}

/* Appends UTF-8, each character beyond ASCII by its number; directional marks, which could turn the page's text around, are shown as replaced. */
static void
put_utf8(StringInfo out, const unsigned char *s, const unsigned char *end)
{
	while (s < end)
	{
		int			len = pg_utf_mblen(s);
		pg_wchar	c;

		if (*s < 0x80)
		{
			put_ascii(out, *s++);
			continue;
		}
		if (len > end - s || !pg_utf8_islegal(s, len))
		{
			appendStringInfoString(out, HTML_REPLACEMENT);
			s++;
			continue;
		}
		c = utf8_to_unicode(s);
		if (c < 0xa0 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
			appendStringInfoString(out, HTML_REPLACEMENT);
		else
			appendStringInfo(out, "&#%u;", (unsigned) c);
		s += len;
	}
}

/* Appends text of the database's encoding. */
void
html_text(StringInfo out, const char *text, int len)
{
	int			encoding = GetDatabaseEncoding();
	bool		ascii = true;

	for (int i = 0; i < len && ascii; i++)
		ascii = !IS_HIGHBIT_SET(text[i]);
	if (ascii || encoding == PG_SQL_ASCII)
	{
		for (int i = 0; i < len; i++)
		{
			if (IS_HIGHBIT_SET(text[i]))
				appendStringInfoString(out, HTML_REPLACEMENT);
			else
				put_ascii(out, (unsigned char) text[i]);
		}
		return;
	}
	if (encoding == PG_UTF8)
		put_utf8(out, (const unsigned char *) text, (const unsigned char *) text + len);
	else
	{
		char	   *utf8 = pg_server_to_any(text, len, PG_UTF8);

		put_utf8(out, (const unsigned char *) utf8, (const unsigned char *) utf8 + strlen(utf8));
	}
}
