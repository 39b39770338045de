/*-------------------------------------------------------------------------
 *
 * profile_hint.c
 *	  Hints of a column that is given as a sketch, a name and a type.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "profile/hint.h"

PG_FUNCTION_INFO_V1(test_hints);

/* Gives the hints of a sketch. */
Datum
test_hints(PG_FUNCTION_ARGS)
{
	Sketch	   *sketch = sketch_read(PG_GETARG_BYTEA_PP(0), CurrentMemoryContext);
	List	   *hints = hint_column(sketch, text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_OID(2));
	Datum	   *texts = palloc(sizeof(Datum) * (list_length(hints) + 1));

	for (int i = 0; i < list_length(hints); i++)
		texts[i] = CStringGetTextDatum(list_nth(hints, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, list_length(hints), TEXTOID, -1, false, TYPALIGN_INT));
}
