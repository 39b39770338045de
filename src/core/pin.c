/*-------------------------------------------------------------------------
 *
 * pin.c
 *	  Which settings a type's text form depends on, and setting them for a while.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/xml.h"

#include "core/pin.h"

#define PIN_SEARCH_PATH "pg_catalog, pg_temp"
/* What a type that nobody here knows is taken to depend on. */
#define PIN_USUAL (PIN_DATES | PIN_ZONE | PIN_INTERVALS | PIN_FLOATS | PIN_BYTES)
/* What a row whose columns are not known may depend on. */
#define PIN_ALL (PIN_USUAL | PIN_MONEY | PIN_NAMES | PIN_XML | PIN_ARRAYS)

/* Gives what a built-in type depends on; false when the catalogs must tell. */
static bool
pin_known_needs(Oid type, PinNeeds *needs)
{
	*needs = 0;
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case NAMEOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case INETOID:
		case CIDROID:
		case TIMEOID:
			return true;
		case FLOAT4OID:
		case FLOAT8OID:
		case POINTOID:
		case LSEGOID:
		case PATHOID:
		case BOXOID:
		case POLYGONOID:
		case LINEOID:
		case CIRCLEOID:
			*needs = PIN_FLOATS;
			return true;
		case DATEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
			*needs = PIN_DATES;
			return true;
		case TIMESTAMPTZOID:
			*needs = PIN_DATES | PIN_ZONE;
			return true;
		case INTERVALOID:
			*needs = PIN_INTERVALS;
			return true;
		case BYTEAOID:
			*needs = PIN_BYTES;
			return true;
		case MONEYOID:
			*needs = PIN_MONEY;
			return true;
		case XMLOID:
			*needs = PIN_XML;
			return true;
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
			*needs = PIN_NAMES;
			return true;
		default:
			return false;
	}
}

/* Gives what a type of the other kinds depends on. */
static PinNeeds
pin_other_needs(Oid type)
{
	PinNeeds	needs;
	TupleDesc	desc;
	char		category;
	bool		preferred;

	switch (get_typtype(type))
	{
		case TYPTYPE_ENUM:
			return 0;
		case TYPTYPE_RANGE:
			return pin_type_needs(get_range_subtype(type));
		case TYPTYPE_MULTIRANGE:
			return pin_type_needs(get_multirange_range(type));
		case TYPTYPE_COMPOSITE:
			desc = lookup_rowtype_tupdesc(type, -1);
			needs = pin_row_needs(desc);
			ReleaseTupleDesc(desc);
			return needs;
		case TYPTYPE_PSEUDO:
			return PIN_ALL;
		default:
			get_type_category_preferred(type, &category, &preferred);
			return category == TYPCATEGORY_STRING ? 0 : PIN_USUAL;
	}
}

/* Gives what a type's text form depends on, down to the types that it is made of. */
PinNeeds
pin_type_needs(Oid type)
{
	PinNeeds	needs;
	Oid			element;

	check_stack_depth();
	if (pin_known_needs(type, &needs))
		return needs;
	type = getBaseType(type);
	if (pin_known_needs(type, &needs))
		return needs;
	element = get_element_type(type);
	if (OidIsValid(element))
		return PIN_ARRAYS | pin_type_needs(element);
	return pin_other_needs(type);
}

/* Gives what the text forms of a row type's columns depend on. */
PinNeeds
pin_row_needs(TupleDesc desc)
{
	PinNeeds	needs = 0;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			needs |= pin_type_needs(TupleDescAttr(desc, i)->atttypid);
	return needs;
}

/* Says whether the session's time zone is UTC. */
static bool
pin_zone_is_utc(void)
{
	const char *zone = pg_get_timezone_name(session_timezone);

	return zone != NULL && (strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0);
}

/* Changes one setting until the nest level ends, unless it is as wanted already. */
static void
pin_set(int *level, bool already, const char *name, const char *value)
{
	if (already)
		return;
	if (*level == 0)
		*level = NewGUCNestLevel();
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Sets what is needed; gives the nest level to end, or 0 when all was as needed. */
int
pin_begin(PinNeeds needs)
{
	int			level = 0;

	if (needs == 0)
		return 0;
	if (needs & PIN_DATES)
		pin_set(&level, DateStyle == USE_ISO_DATES, "DateStyle", "ISO, YMD");
	if (needs & PIN_ZONE)
		pin_set(&level, pin_zone_is_utc(), "TimeZone", "UTC");
	if (needs & PIN_INTERVALS)
		pin_set(&level, IntervalStyle == INTSTYLE_POSTGRES, "IntervalStyle", "postgres");
	if (needs & PIN_FLOATS)
		pin_set(&level, extra_float_digits >= 1, "extra_float_digits", "1");
	if (needs & PIN_BYTES)
		pin_set(&level, bytea_output == BYTEA_OUTPUT_HEX, "bytea_output", "hex");
	if (needs & PIN_MONEY)
		pin_set(&level, strcmp(GetConfigOption("lc_monetary", false, false), "C") == 0, "lc_monetary", "C");
	if (needs & PIN_NAMES)
	{
		pin_set(&level, strcmp(namespace_search_path, PIN_SEARCH_PATH) == 0, "search_path", PIN_SEARCH_PATH);
		pin_set(&level, !quote_all_identifiers, "quote_all_identifiers", "off");
	}
	if (needs & PIN_XML)
		pin_set(&level, xmloption == XMLOPTION_CONTENT, "xmloption", "content");
	if (needs & PIN_ARRAYS)
		pin_set(&level, Array_nulls, "array_nulls", "on");
	return level;
}

/* Gives the settings back. */
void
pin_end(int level)
{
	if (level > 0)
		AtEOXact_GUC(false, level);
}
