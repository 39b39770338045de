/*-------------------------------------------------------------------------
 *
 * encoder_store.c
 *	  Writes an encoder as canonical JSON and reads it back, trusting nothing.
 *
 *		{"format": 1, "columns": [{"name": "currency", "type": 25, "type_name": "text",
 *		 "kind": "category", "features": 1, "rows": 1000, "nulls": 3, "other": 0,
 *		 "categories": [["EUR", 610], ["USD", 387]], "quantiles": []}, …]}
 *
 * A detector's has "marks_unseen": true before its columns, and each of them that
 * holds text has "patterns": [["A", 997]] behind its categories.  Features are not
 * stored: they follow from the columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "core/encoder_int.h"
#include "core/text.h"

#define ENCODER_FORMAT 1

/* Members of a column, as bits of those that were read. */
enum
{
	MEMBER_NAME = 1 << 0,
	MEMBER_TYPE = 1 << 1,
	MEMBER_TYPE_NAME = 1 << 2,
	MEMBER_KIND = 1 << 3,
	MEMBER_FEATURES = 1 << 4,
	MEMBER_ROWS = 1 << 5,
	MEMBER_NULLS = 1 << 6,
	MEMBER_OTHER = 1 << 7,
	MEMBER_CATEGORIES = 1 << 8,
	MEMBER_QUANTILES = 1 << 9,
	MEMBER_ALL = (1 << 10) - 1,
	MEMBER_PATTERNS = 1 << 10	/* not in all columns */
};

static const char *const column_members[] = {
	"name", "type", "type_name", "kind", "features", "rows", "nulls", "other", "categories", "quantiles",
	"patterns"
};

/* Writes texts and their counts. */
static void
write_counts(char **texts, const int64 *counts, int n, StringInfo out)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, i > 0 ? ",[" : "[");
		escape_json(out, texts[i]);
		appendStringInfo(out, ",%lld]", (long long) counts[i]);
	}
	appendStringInfoChar(out, ']');
}

/* Writes one column. */
static void
write_column(const EncoderColumn *column, StringInfo out)
{
	char		number[FLOAT_SHORTEST_DECIMAL_LEN];

	appendStringInfoString(out, "{\"name\":");
	escape_json(out, column->name);
	appendStringInfo(out, ",\"type\":%u,\"type_name\":", column->type);
	escape_json(out, column->type_name);
	appendStringInfo(out, ",\"kind\":\"%s\",\"features\":%d", encoder_kind_name(column->kind), column->nfeatures);
	appendStringInfo(out, ",\"rows\":%lld,\"nulls\":%lld,\"other\":%lld,\"categories\":",
					 (long long) column->nrows, (long long) column->nnulls, (long long) column->nother);
	write_counts(column->categories, column->category_counts, column->ncategories, out);
	if (column->patterns != NULL)
	{
		appendStringInfoString(out, ",\"patterns\":");
		write_counts(column->patterns, column->pattern_counts, column->npatterns, out);
	}
	appendStringInfoString(out, ",\"quantiles\":[");
	for (int q = 0; q < column->nquantiles; q++)
	{
		float_to_shortest_decimal_buf(column->quantiles[q], number);
		appendStringInfo(out, "%s%s", q > 0 ? "," : "", number);
	}
	appendStringInfoString(out, "]}");
}

/* Writes the encoder: the same encoder gives the same bytes. */
void
encoder_write(const Encoder *encoder, StringInfo out)
{
	StringInfoData text;
	char	   *stored;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"format\":%d,%s\"columns\":[", ENCODER_FORMAT,
					 encoder->marks_unseen ? "\"marks_unseen\":true," : "");
	for (int c = 0; c < encoder->ncolumns; c++)
	{
		if (c > 0)
			appendStringInfoChar(&text, ',');
		write_column(&encoder->columns[c], &text);
	}
	appendStringInfoString(&text, "]}");

	stored = text.data;
	if (json_encoding() == PG_UTF8)
		stored = pg_server_to_any(text.data, text.len, PG_UTF8);
	appendStringInfoString(out, stored);
	if (stored != text.data)
		pfree(stored);
	pfree(text.data);
}

/* Writes which column became which features. */
void
encoder_describe(const Encoder *encoder, StringInfo out)
{
	appendStringInfoChar(out, '[');
	for (int f = 0; f < encoder->nfeatures; f++)
	{
		const EncoderColumn *column = &encoder->columns[encoder->features[f].column];

		appendStringInfoString(out, f > 0 ? ",{\"feature\":" : "{\"feature\":");
		escape_json(out, encoder->features[f].name);
		appendStringInfoString(out, ",\"column\":");
		escape_json(out, column->name);
		appendStringInfoString(out, ",\"type\":");
		escape_json(out, column->type_name);
		appendStringInfo(out, ",\"kind\":\"%s\"}", encoder_kind_name(column->kind));
	}
	appendStringInfoChar(out, ']');
}

/* Reads texts and their counts, and gives how many there are. */
static int
read_counts(JsonCursor *json, int limit, char ***texts, int64 **counts)
{
	int			capacity = 16;
	int			n = 0;
	bool		first = true;

	*texts = palloc(sizeof(char *) * capacity);
	*counts = palloc(sizeof(int64) * capacity);
	while (json_next_element(json, &first))
	{
		bool		first_of_pair = true;

		if (n >= limit)
			json_corrupt("A column has too many categories or patterns.");
		if (n == capacity)
		{
			capacity *= 2;
			*texts = repalloc(*texts, sizeof(char *) * capacity);
			*counts = repalloc(*counts, sizeof(int64) * capacity);
		}
		if (!json_next_element(json, &first_of_pair))
			json_corrupt("A category or pattern has no text.");
		(*texts)[n] = json_string(json);
		if (!json_next_element(json, &first_of_pair))
			json_corrupt("A category or pattern has no count.");
		(*counts)[n++] = json_integer(json, 1, PG_INT64_MAX / 2);
		if (json_next_element(json, &first_of_pair))
			json_corrupt("A category or pattern has too many members.");
	}
	return n;
}

/* Reads the categories. */
static void
read_categories(JsonCursor *json, EncoderColumn *column)
{
	column->ncategories = read_counts(json, ENCODER_MAX_CATEGORIES, &column->categories, &column->category_counts);
	for (int i = 0; i < column->ncategories; i++)
		if (strlen(column->categories[i]) > ENCODER_MAX_CATEGORY * MAX_CONVERSION_GROWTH)
			json_corrupt("A category is too long.");
}

/* Reads the character patterns. */
static void
read_patterns(JsonCursor *json, EncoderColumn *column)
{
	column->npatterns = read_counts(json, ENCODER_MAX_PATTERNS, &column->patterns, &column->pattern_counts);
	for (int i = 0; i < column->npatterns; i++)
		if (!text_is_pattern(column->patterns[i]))
			json_corrupt("A pattern is none.");
}

/* Reads the quantiles: none or all, rising. */
static void
read_quantiles(JsonCursor *json, EncoderColumn *column)
{
	bool		first = true;

	while (json_next_element(json, &first))
	{
		int			q = column->nquantiles++;

		if (q >= lengthof(column->quantiles))
			json_corrupt("A column has too many quantiles.");
		column->quantiles[q] = json_real(json);
		if (q > 0 && column->quantiles[q] < column->quantiles[q - 1])
			json_corrupt("A column's quantiles are out of order.");
	}
	if (column->nquantiles != 0 && column->nquantiles != lengthof(column->quantiles))
		json_corrupt("A column has too few quantiles.");
}

/* Reads a kind's name. */
static EncoderKind
read_kind(JsonCursor *json)
{
	EncoderKind kind = ENCODER_NUMBER;

	if (!encoder_kind_by_name(json_string(json), &kind))
		json_corrupt("A column has an unknown kind.");
	return kind;
}

/* Reads one member of a column and gives its bit. */
static int
read_member(JsonCursor *json, const char *key, EncoderColumn *column)
{
	int			member = 0;

	while (member < lengthof(column_members) && strcmp(column_members[member], key) != 0)
		member++;
	switch (1 << member)
	{
		case MEMBER_NAME:
			column->name = json_string(json);
			break;
		case MEMBER_TYPE:
			column->type = (Oid) json_integer(json, 0, PG_UINT32_MAX);
			break;
		case MEMBER_TYPE_NAME:
			column->type_name = json_string(json);
			break;
		case MEMBER_KIND:
			column->kind = read_kind(json);
			break;
		case MEMBER_FEATURES:
			column->nfeatures = (int) json_integer(json, 1, ENCODER_TEXT_BASE + 1 + ENCODER_MAX_BUCKETS);
			break;
		case MEMBER_ROWS:
			column->nrows = json_integer(json, 0, PG_INT64_MAX / 2);
			break;
		case MEMBER_NULLS:
			column->nnulls = json_integer(json, 0, PG_INT64_MAX / 2);
			break;
		case MEMBER_OTHER:
			column->nother = json_integer(json, 0, PG_INT64_MAX / 2);
			break;
		case MEMBER_CATEGORIES:
			read_categories(json, column);
			break;
		case MEMBER_QUANTILES:
			read_quantiles(json, column);
			break;
		case MEMBER_PATTERNS:
			read_patterns(json, column);
			break;
		default:
			json_corrupt("A column has an unknown member.");
	}
	return 1 << member;
}

/* Checks what one column says about itself. */
static void
check_column(const EncoderColumn *column)
{
	bool		category = (column->kind == ENCODER_CATEGORY);
	int			base = encoder_kind_nfeatures(column->kind, column->patterns != NULL, 0);

	if (column->name[0] == '\0' || strlen(column->name) >= NAMEDATALEN)
		json_corrupt("A column has no valid name.");
	if (OidIsValid(column->type) && !encoder_type_is_builtin(column->type))
		json_corrupt("A column's type is not built in.");
	if (column->kind == ENCODER_TEXT ? column->nfeatures < base : column->nfeatures != base)
		json_corrupt("A column's number of features does not fit its kind.");
	if (!category && (column->ncategories > 0 || column->nother > 0))
		json_corrupt("A column has categories that its kind does not have.");
	if (category && column->nquantiles > 0)
		json_corrupt("A category column has quantiles.");
	if (column->nnulls > column->nrows)
		json_corrupt("A column has more NULLs than rows.");
}

/* Reads one column. */
static void
read_column(JsonCursor *json, EncoderColumn *column)
{
	bool		first = true;
	int			seen = 0;
	char	   *key;

	memset(column, 0, sizeof(EncoderColumn));
	while (json_next_key(json, &first, &key))
	{
		int			member = read_member(json, key, column);

		if (seen & member)
			json_corrupt("A column has a member twice.");
		seen |= member;
	}
	if ((seen & MEMBER_ALL) != MEMBER_ALL)
		json_corrupt("A column lacks a member.");
	check_column(column);
}

/* Reads the columns. */
static void
read_columns(JsonCursor *json, Encoder *encoder)
{
	int			capacity = 16;
	bool		first = true;

	encoder->columns = palloc(sizeof(EncoderColumn) * capacity);
	/* none: what the model learned are no rows */
	while (json_next_element(json, &first))
	{
		if (encoder->ncolumns >= MaxTupleAttributeNumber)
			json_corrupt("It has too many columns.");
		if (encoder->ncolumns == capacity)
		{
			capacity *= 2;
			encoder->columns = repalloc(encoder->columns, sizeof(EncoderColumn) * capacity);
		}
		read_column(json, &encoder->columns[encoder->ncolumns++]);
	}
}

/* Compares two strings for qsort. */
static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Checks that no string appears twice. */
static void
check_unique(char **strings, int n, const char *what)
{
	char	  **sorted = palloc(sizeof(char *) * Max(n, 1));

	memcpy(sorted, strings, sizeof(char *) * n);
	qsort(sorted, n, sizeof(char *), compare_strings);
	for (int i = 1; i < n; i++)
		if (strcmp(sorted[i], sorted[i - 1]) == 0)
			json_corrupt(what);
	pfree(sorted);
}

/* Checks what the columns say together. */
static void
check_encoder(const Encoder *encoder)
{
	char	  **names = palloc(sizeof(char *) * encoder->ncolumns);
	int64		nfeatures = 0;

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		const EncoderColumn *column = &encoder->columns[c];

		names[c] = column->name;
		nfeatures += column->nfeatures;
		if (column->ncategories > 0)
			check_unique(column->categories, column->ncategories, "A column has a category twice.");
		if ((column->patterns != NULL) != (encoder->marks_unseen && encoder_kind_has_patterns(column->kind)))
			json_corrupt("A column has patterns where there are none, or none where there are some.");
		if (column->npatterns > 0)
			check_unique(column->patterns, column->npatterns, "A column has a pattern twice.");
	}
	check_unique(names, encoder->ncolumns, "It has a column twice.");
	if (nfeatures > ENCODER_MAX_FEATURES)
		json_corrupt("It has too many features.");
	pfree(names);
}

/* Reads what encoder_write() wrote, in any order of members; anything else is error XX001. */
Encoder *
encoder_read(const char *text, Size len)
{
	Encoder    *encoder = palloc0(sizeof(Encoder));
	JsonCursor	json;
	bool		first = true;
	bool		has_format = false;
	bool		has_columns = false;
	bool		has_marks = false;
	char	   *key;

	json_begin(&json, text, len);
	while (json_next_key(&json, &first, &key))
	{
		if (strcmp(key, "format") == 0 && !has_format)
		{
			if (json_integer(&json, 0, PG_INT32_MAX) != ENCODER_FORMAT)
				json_corrupt("It has a format that this version does not know.");
			has_format = true;
		}
		else if (strcmp(key, "columns") == 0 && !has_columns)
		{
			read_columns(&json, encoder);
			has_columns = true;
		}
		else if (strcmp(key, "marks_unseen") == 0 && !has_marks)
		{
			encoder->marks_unseen = json_boolean(&json);
			has_marks = true;
		}
		else
			json_corrupt("It has an unknown member.");
	}
	json_end(&json);
	if (!has_format || !has_columns)
		json_corrupt("A member is missing.");
	check_encoder(encoder);
	encoder_build_features(encoder);
	return encoder;
}
