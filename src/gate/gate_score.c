/*-------------------------------------------------------------------------
 *
 * gate_score.c
 *	  The score column: whether a table's column can take scores, and scores as
 *	  values of it.
 *
 * A gate writes the column of every row, NULL when a row could not be judged, so
 * neither the column nor its type may object.  What only some scores are too
 * large for is a narrow column; such a score is a failure to judge.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/source.h"
#include "gate/gate.h"

/* Ends with an error when the column's type cannot take every score and NULL. */
static void
check_type(Form_pg_attribute att)
{
	Oid			type = getBaseType(att->atttypid);

	if (type != FLOAT8OID && type != FLOAT4OID && type != NUMERICOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("score column \"%s\" is of type %s", NameStr(att->attname), format_type_be(att->atttypid)),
				 errhint("Use a column of type double precision, real or numeric.")));
	if (type != att->atttypid && DomainHasConstraints(att->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("score column \"%s\" is of type %s, a domain with constraints", NameStr(att->attname), format_type_be(att->atttypid)),
				 errdetail("A gate writes every score, and NULL for a row that it could not judge."),
				 errhint("Use a column of type double precision, real or numeric.")));
}

/* Finds the score column of a row type, or ends with an error when scores cannot be written to it. */
void
score_column_find(ScoreColumn *column, const char *name, const char *relation, TupleDesc desc)
{
	AttrNumber	attnum = source_need_column(desc, name, relation);
	Form_pg_attribute att;

	att = TupleDescAttr(desc, attnum - 1);
	check_type(att);
	if (att->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score column \"%s\" is a generated column", name)));
	if (att->attnotnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score column \"%s\" is NOT NULL", name),
				 errdetail("A gate writes NULL for a row that it could not judge."),
				 errhint("Use ALTER TABLE … ALTER COLUMN … DROP NOT NULL.")));

	column->typmod = att->atttypmod;
	column->type = getBaseTypeAndTypmod(att->atttypid, &column->typmod);
	column->narrow = column->type == FLOAT4OID || (column->type == NUMERICOID && column->typmod >= 0);
	column->attnum = attnum;
}

/* Gives a score as a value of the column; a score that a narrow column cannot take is an error 22003. */
Datum
score_column_datum(const ScoreColumn *column, double score, bool *isnull)
{
	Datum		plain;

	*isnull = isnan(score);
	if (*isnull)
		return (Datum) 0;
	switch (column->type)
	{
		case FLOAT4OID:
			return DirectFunctionCall1(dtof, Float8GetDatum(score));
		case NUMERICOID:
			plain = DirectFunctionCall1(float8_numeric, Float8GetDatum(score));
			return DirectFunctionCall2(numeric, plain, Int32GetDatum(column->typmod));
		default:
			return Float8GetDatum(score);
	}
}
