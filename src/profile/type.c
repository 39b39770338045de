/*-------------------------------------------------------------------------
 *
 * type.c
 *	  The SQL type aipipe.sketch: input and output.
 *
 * What comes in is read whole and written again, so that a stored sketch is
 * canonical; what is read of it is checked again whenever it is read, because a damaged page can hold
 * anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "profile/access.h"
#include "profile/bytes.h"
#include "profile/quantiles_int.h"

/*
 * No sketch takes more bytes up to its extremes (a head, 10 counts and one a look, moments, 4 extremes), and to its
 * quantiles (values, and what each level begins with).
 */
#define COUNTS_BYTES (4 + SKETCH_TYPE_NAME + (10 + LOOK_N) * 10 + 5 * 10 + 4 * (18 + FREQUENT_TEXT))
#define QUANTILES_BYTES (COUNTS_BYTES + 11 + QUANTILES_STORED_ALL * 10 + QUANTILES_MAX_LEVELS * 11)

PG_FUNCTION_INFO_V1(aipipe_sketch_in);
PG_FUNCTION_INFO_V1(aipipe_sketch_out);
PG_FUNCTION_INFO_V1(aipipe_sketch_recv);
PG_FUNCTION_INFO_V1(aipipe_sketch_send);

/* Checks bytes that are to be a sketch and gives its canonical form. */
static bytea *
admit(const bytea *bytes)
{
	return sketch_write(sketch_read(bytes, CurrentMemoryContext));
}

/* Reads a sketch from text: \x and hexadecimal digits. */
Datum
aipipe_sketch_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);

	if (input[0] != '\\' || input[1] != 'x')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "aipipe.sketch"),
				 errdetail("A sketch is written as \\x and hexadecimal digits."),
				 errhint("Make one with aipipe.profile_sketch().")));
	PG_RETURN_BYTEA_P(admit(DatumGetByteaPP(DirectFunctionCall1(byteain, CStringGetDatum(input)))));
}

/* Writes a sketch as text. */
Datum
aipipe_sketch_out(PG_FUNCTION_ARGS)
{
	const bytea *stored = PG_GETARG_BYTEA_PP(0);
	Size		len = VARSIZE_ANY_EXHDR(stored);
	char	   *text = palloc(add_size(mul_size(len, 2), 3));

	text[0] = '\\';
	text[1] = 'x';
	text[2 + hex_encode(VARDATA_ANY(stored), len, text + 2)] = '\0';
	PG_RETURN_CSTRING(text);
}

/* Receives a sketch's bytes. */
Datum
aipipe_sketch_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len = message->len - message->cursor;
	bytea	   *bytes = palloc(add_size(len, VARHDRSZ));

	SET_VARSIZE(bytes, len + VARHDRSZ);
	pq_copymsgbytes(message, VARDATA(bytes), len);
	PG_RETURN_BYTEA_P(admit(bytes));
}

/* Sends a sketch's bytes. */
Datum
aipipe_sketch_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

/* Reads an argument of an accessor. */
Sketch *
sketch_argument(FunctionCallInfo fcinfo, int argno)
{
	return sketch_read(PG_GETARG_BYTEA_PP(argno), CurrentMemoryContext);
}

/* Reads an argument of an accessor that asks for what comes first. */
Sketch *
sketch_argument_upto(FunctionCallInfo fcinfo, int argno, SketchPart upto)
{
	int			most = upto == SKETCH_COUNTS ? COUNTS_BYTES : QUANTILES_BYTES;

	if (toast_raw_datum_size(PG_GETARG_DATUM(argno)) > SKETCH_BYTES)
		bytes_error("It is too long.");
	return sketch_read_upto(PG_GETARG_BYTEA_P_SLICE(argno, 0, most), CurrentMemoryContext, upto);
}
