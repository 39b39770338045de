/*-------------------------------------------------------------------------
 *
 * encoder_kind.c
 *	  Which types are read how, and which features a kind of column gives.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/encoder_int.h"

/* Built-in types that are not read through their output function. */
static const struct
{
	Oid			type;
	EncoderForm form;
	EncoderKind kind;
	bool		string;
}			encoder_types[] =
{
	{BOOLOID, FORM_BOOL, ENCODER_BOOL, false},
	{INT2OID, FORM_INT2, ENCODER_NUMBER, false},
	{INT4OID, FORM_INT4, ENCODER_NUMBER, false},
	{INT8OID, FORM_INT8, ENCODER_NUMBER, false},
	{MONEYOID, FORM_MONEY, ENCODER_NUMBER, false},
	{OIDOID, FORM_OID, ENCODER_NUMBER, false},
	{FLOAT4OID, FORM_FLOAT4, ENCODER_NUMBER, false},
	{FLOAT8OID, FORM_FLOAT8, ENCODER_NUMBER, false},
	{NUMERICOID, FORM_NUMERIC, ENCODER_NUMBER, false},
	{DATEOID, FORM_DATE, ENCODER_DATE, false},
	{TIMEOID, FORM_TIME, ENCODER_TIME, false},
	{TIMETZOID, FORM_TIMETZ, ENCODER_TIME, false},
	{TIMESTAMPOID, FORM_TIMESTAMP, ENCODER_TIMESTAMP, false},
	{TIMESTAMPTZOID, FORM_TIMESTAMP, ENCODER_TIMESTAMP, false},
	{INTERVALOID, FORM_INTERVAL, ENCODER_INTERVAL, false},
	{INETOID, FORM_INET, ENCODER_INET, false},
	{CIDROID, FORM_INET, ENCODER_INET, false},
	{JSONOID, FORM_JSON, ENCODER_JSON, false},
	{JSONBOID, FORM_JSONB, ENCODER_JSON, false},
	{TEXTOID, FORM_TEXT, ENCODER_CATEGORY, true},
	{VARCHAROID, FORM_TEXT, ENCODER_CATEGORY, true},
	{BPCHAROID, FORM_BPCHAR, ENCODER_CATEGORY, true},
	{NAMEOID, FORM_NAME, ENCODER_CATEGORY, true},
	{CHAROID, FORM_CHAR, ENCODER_CATEGORY, true},
	{UUIDOID, FORM_UUID, ENCODER_CATEGORY, true},
	{BYTEAOID, FORM_BYTEA, ENCODER_CATEGORY, false},
};

/*
 * A kind's name and the suffixes of its features; the first is the column's own
 * number, the last npatterned ones stand where there are patterns.
 */
static const struct
{
	const char *name;
	int			nfeatures;
	const char *suffixes[ENCODER_TEXT_BASE + 1];
	int			npatterned;
}			encoder_kinds[] =
{
	[ENCODER_NUMBER] = {"number", 1, {""}},
	[ENCODER_BOOL] = {"bool", 1, {""}},
	[ENCODER_DATE] = {"date", 3, {"", ".weekday", ".day"}},
	[ENCODER_TIME] = {"time", 1, {""}},
	[ENCODER_TIMESTAMP] = {"timestamp", 4, {"", ".hour", ".weekday", ".day"}},
	[ENCODER_INTERVAL] = {"interval", 1, {""}},
	[ENCODER_CATEGORY] = {"category", 1, {"", ".pattern", ".length"}, 2},
	[ENCODER_TEXT] = {"text", ENCODER_TEXT_BASE,
	{".length", ".digits", ".upper", ".lower", ".space", ".punctuation", ".non_ascii", ".pattern"}, 1},
	[ENCODER_INET] = {"inet", 3, {"", ".family", ".prefix"}},
	[ENCODER_ARRAY] = {"array", 1, {".elements"}},
	[ENCODER_JSON] = {"json", 2, {".type", ".members"}},
};

/* Finds out how values of a type are read and what kind of column they make. */
void
encoder_type_of(Oid type, EncoderType *out)
{
	out->base = getBaseType(type);
	for (int i = 0; i < lengthof(encoder_types); i++)
		if (encoder_types[i].type == out->base)
		{
			out->form = encoder_types[i].form;
			out->kind = encoder_types[i].kind;
			out->string = encoder_types[i].string;
			return;
		}
	if (OidIsValid(get_element_type(out->base)))
	{
		out->form = FORM_ARRAY;
		out->kind = ENCODER_ARRAY;
		out->string = false;
		return;
	}
	out->form = type_is_enum(out->base) ? FORM_ENUM : FORM_OUTPUT;
	out->kind = ENCODER_CATEGORY;
	if (out->form == FORM_ENUM)
		out->string = true;
	else
	{
		char		category;
		bool		preferred;

		get_type_category_preferred(out->base, &category, &preferred);
		out->string = (category == TYPCATEGORY_STRING || category == TYPCATEGORY_UNKNOWN);
	}
}

/* Says whether a type's OID is the same in every database. */
bool
encoder_type_is_builtin(Oid type)
{
	return type < FirstGenbkiObjectId;
}

/* Gives a type's name, the same in every session; one that is not built in is qualified. */
char *
encoder_type_name(Oid type)
{
	int			level = pin_begin(PIN_NAMES);
	char	   *name = format_type_extended(type, -1, encoder_type_is_builtin(type) ? 0 : FORMAT_TYPE_FORCE_QUALIFY);

	pin_end(level);
	return name;
}

/* Gives a kind's name. */
const char *
encoder_kind_name(EncoderKind kind)
{
	return encoder_kinds[kind].name;
}

/* Finds a kind by name. */
bool
encoder_kind_by_name(const char *name, EncoderKind *kind)
{
	for (int i = 0; i < lengthof(encoder_kinds); i++)
		if (strcmp(encoder_kinds[i].name, name) == 0)
		{
			*kind = (EncoderKind) i;
			return true;
		}
	return false;
}

/* Says whether columns of this kind have patterns in an encoder that marks what is unseen. */
bool
encoder_kind_has_patterns(EncoderKind kind)
{
	return encoder_kinds[kind].npatterned > 0;
}

/* Gives the number of features that a column of this kind has. */
int
encoder_kind_nfeatures(EncoderKind kind, bool patterns, int nbuckets)
{
	return encoder_kinds[kind].nfeatures + (patterns ? encoder_kinds[kind].npatterned : 0) +
		(kind == ENCODER_TEXT ? nbuckets : 0);
}

/* Gives which of a column's features is its pattern, or -1. */
int
encoder_pattern_feature(const EncoderColumn *column)
{
	return column->patterns != NULL ? encoder_kinds[column->kind].nfeatures : -1;
}

/* Gives what a feature's name has behind the column's, or NULL for a bucket of 3-grams. */
const char *
encoder_feature_suffix(const EncoderColumn *column, int i)
{
	if (i >= encoder_kind_nfeatures(column->kind, column->patterns != NULL, 0))
		return NULL;
	return encoder_kinds[column->kind].suffixes[i];
}

/* Describes one of a column's features. */
static void
encoder_build_feature(EncoderFeature *feature, const EncoderColumn *column, int i)
{
	const char *suffix = encoder_feature_suffix(column, i);

	if (suffix == NULL)
		feature->name = psprintf("%s.gram%d", column->name,
								 i - encoder_kind_nfeatures(column->kind, column->patterns != NULL, 0) + 1);
	else
		feature->name = psprintf("%s%s", column->name, suffix);
	if (i == encoder_pattern_feature(column))
	{
		feature->categorical = true;
		feature->ncategories = column->npatterns;
	}
	else if (column->kind == ENCODER_CATEGORY && i == 0)
	{
		feature->categorical = true;
		feature->ncategories = column->ncategories;
	}
}

/* Lays the columns' features out one after the other and names them. */
void
encoder_build_features(Encoder *encoder)
{
	int			total = 0;

	for (int c = 0; c < encoder->ncolumns; c++)
	{
		encoder->columns[c].first_feature = total;
		total += encoder->columns[c].nfeatures;
		if (total > ENCODER_MAX_FEATURES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a model can have at most %d features", ENCODER_MAX_FEATURES),
					 errhint("Choose fewer columns, or fewer text_buckets.")));
	}
	encoder->nfeatures = total;
	encoder->features = palloc0(sizeof(EncoderFeature) * Max(total, 1));
	for (int c = 0; c < encoder->ncolumns; c++)
	{
		const EncoderColumn *column = &encoder->columns[c];

		for (int i = 0; i < column->nfeatures; i++)
		{
			EncoderFeature *feature = &encoder->features[column->first_feature + i];

			feature->column = c;
			encoder_build_feature(feature, column, i);
		}
	}
}
