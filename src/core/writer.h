/*
 * writer.h
 *	  Multi-row inserts into aipipe's own tables without SPI.
 *
 * Rows are buffered and inserted with table_multi_insert() and their index
 * entries; triggers and constraints other than unique ones are bypassed (the
 * C code keeps them).  Columns are named, and mapped once when the writer opens.
 * No privilege is checked: what is written is the extension's own.
 */
#ifndef CORE_WRITER_H
#define CORE_WRITER_H

typedef struct Writer Writer;

/* Opens "aipipe.<table>"; columns are those that writer_put() gives, others stay NULL. */
extern Writer *writer_open(const char *table, int ncolumns, const char *const *columns, MemoryContext parent);

/* Copies one row; flushes by itself every 1,000 rows or 1 MB. */
extern void writer_put(Writer *writer, Datum *values, const bool *nulls);

extern void writer_flush(Writer *writer);

/* Flushes and closes. */
extern void writer_close(Writer *writer);

/* The next value of a sequence of aipipe's ("aipipe.batch_data_id_seq" without the schema), no privilege checked. */
extern int64 writer_next_id(const char *sequence);

#endif							/* CORE_WRITER_H */
