/*
 * rowjson.h
 *	  Rows as jsonb with pinned output settings.
 *
 * The settings that the columns' text forms depend on (core/pin.h) are set around the
 * output and input functions, so a stored row reads the same whatever the session's
 * settings were, and rowjson_form() gives back the row that rowjson_build() took.
 */
#ifndef CORE_ROWJSON_H
#define CORE_ROWJSON_H

#include "access/tupdesc.h"
#include "utils/jsonb.h"

/* The whole row, column by name, dropped columns left out; error 54000 when jsonb cannot hold it. */
extern Jsonb *rowjson_build(TupleDesc desc, const Datum *values, const bool *nulls);

/*
 * What names a row in text: of a key of one column what jsonb ->> gives of it in
 * rowjson_build()'s object (NULL when it is NULL), of a longer key that object's text.
 * The row type holds the key's columns alone and none that was dropped.
 */
extern char *rowjson_key_text(TupleDesc key_desc, const Datum *values, const bool *nulls);

/*
 * The reverse: a heap tuple of the row type from jsonb, through the types' input
 * functions.  A key that is no column is an error 42703; a missing key is NULL.
 */
extern HeapTuple rowjson_form(TupleDesc desc, const Jsonb *row);

#endif							/* CORE_ROWJSON_H */
