/*-------------------------------------------------------------------------
 *
 * keys_texts.c
 *	  Reads the texts of some values of a table that was read as codes.
 *
 * Codes do not know what they stand for.  The few values that examples show are read
 * in a second scan of the same rows: same snapshot, same order, same sample.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core/text.h"
#include "profile/keys_texts.h"
#include "profile/value.h"

/* Bytes that an example shows of a value. */
#define TEXT_BYTES 64

typedef struct KeyText
{
	int64		row;
	int			column;
	int			number;
	char	   *text;			/* NULL: the value is NULL, or its row was not met again */
} KeyText;

struct KeyTexts
{
	CodeTable  *table;
	int			n;
	int			max;
	KeyText    *wanted;			/* by number until they are read, then by row */
	int		   *places;			/* number → place in wanted, once read */
};

/* Makes an empty collection. */
KeyTexts *
key_texts_create(CodeTable *table)
{
	KeyTexts   *texts = MemoryContextAllocZero(table->context, sizeof(KeyTexts));

	texts->table = table;
	texts->max = 64;
	texts->wanted = MemoryContextAlloc(table->context, mul_size(texts->max, sizeof(KeyText)));
	return texts;
}

/* Asks for a value. */
int
key_texts_want(KeyTexts *texts, int64 row, int column)
{
	KeyText    *text;

	if (texts->n == texts->max)
	{
		texts->max *= 2;
		texts->wanted = repalloc_huge(texts->wanted, mul_size(texts->max, sizeof(KeyText)));
	}
	text = &texts->wanted[texts->n];
	text->row = row;
	text->column = column;
	text->number = texts->n;
	text->text = NULL;
	return texts->n++;
}

/* Orders by row, then by column, then by number. */
static int
compare_wanted(const void *a, const void *b)
{
	const KeyText *x = a;
	const KeyText *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* Gives the text of a value, clipped. */
static char *
text_of(CodeTable *table, const CodeColumn *column, Datum value)
{
	ValueReader *reader = value_reader_create(table->context, column->type);
	ValueBlock *block = palloc0(sizeof(ValueBlock));
	const char *text;
	int			len;
	int			shown;
	char	   *out;

	block->n = 1;
	block->datums[0] = value;
	value_read(reader, block);
	text = value_block_text(reader, block, 0, &len);
	shown = len <= TEXT_BYTES ? len : text_clip(text, len, TEXT_BYTES);
	out = MemoryContextAlloc(table->context, shown + 4);
	memcpy(out, text, shown);
	strlcpy(out + shown, shown < len ? "..." : "", 4);
	return out;
}

/* Reads what was asked for, up to the last row of it. */
void
key_texts_read(KeyTexts *texts)
{
	CodeTable  *table = texts->table;
	MemoryContext scratch = AllocSetContextCreate(table->context, "aipipe profile values", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	SourceScan *scan;
	Datum	   *values;
	bool	   *nulls;
	int			next = 0;

	texts->places = MemoryContextAlloc(table->context, mul_size(Max(texts->n, 1), sizeof(int)));
	qsort(texts->wanted, texts->n, sizeof(KeyText), compare_wanted);
	for (int i = 0; i < texts->n; i++)
		texts->places[texts->wanted[i].number] = i;
	if (texts->n == 0)
		return;
	progress_phase(&table->progress, "reading examples", table->nrows);
	old = MemoryContextSwitchTo(scratch);
	scan = source_scan_begin(table->source, table->spec.share, table->spec.seed);
	for (int64 row = 0; next < texts->n && source_scan_next(scan, &values, &nulls); row++)
	{
		for (; next < texts->n && texts->wanted[next].row == row; next++)
		{
			const CodeColumn *column = &table->columns[texts->wanted[next].column];

			if (!nulls[column->attno - 1])
				texts->wanted[next].text = text_of(table, column, values[column->attno - 1]);
		}
	}
	source_scan_end(scan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Appends a text as JSON. */
void
key_texts_json(KeyTexts *texts, int number, StringInfo out)
{
	const KeyText *text = &texts->wanted[texts->places[number]];

	if (text->text == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, text->text);
}
