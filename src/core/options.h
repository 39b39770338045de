/*
 * options.h
 *	  The one parser of options given as jsonb.
 *
 * A caller describes its options in a table; the parser checks key by key and
 * fills a struct.  An unknown key, a wrong type or a value out of range is an
 * error 22023 that names the key (and the nearest known one).
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

typedef enum OptionType
{
	OPTION_BOOL,				/* bool */
	OPTION_INT,					/* int64 */
	OPTION_REAL,				/* double, finite */
	OPTION_TEXT,				/* char *, may be NULL when absent; choices if given */
	OPTION_TEXT_LIST,			/* List * of char *, NIL when absent; a single text is a list of one */
	OPTION_JSON					/* Jsonb *, NULL when absent; the caller looks inside */
} OptionType;

typedef struct OptionSpec
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* of the field in the caller's struct */
	double		dflt;			/* for bool, int, real */
	double		min;			/* inclusive, for int and real */
	double		max;
	const char *text_dflt;		/* for text */
	const char *const *choices; /* for text: NULL-terminated, or NULL for any */
} OptionSpec;

#define OPTION_FIELD(structtype, field) offsetof(structtype, field)

/*
 * Fills *out from the jsonb object (NULL means empty) after setting every
 * field to its default.  what names the thing in messages: "anomaly_train".
 */
extern void options_parse(const Jsonb *in, const char *what,
						  const OptionSpec *specs, int nspecs, void *out);

/*
 * The same, but keys listed in passed_on (NULL-terminated) are left for another
 * parser instead of being refused.
 */
extern void options_parse_some(const Jsonb *in, const char *what,
							   const OptionSpec *specs, int nspecs,
							   const char *const *passed_on, void *out);

/* The same, but every key that is not in the table is left for another parser, which must refuse what it does not know. */
extern void options_parse_own(const Jsonb *in, const char *what,
							  const OptionSpec *specs, int nspecs, void *out);

/* The effective options, defaults included, as one canonical JSON object text. */
extern void options_to_json(StringInfo out, const OptionSpec *specs, int nspecs, const void *values);

/* The value of a key, palloc'd; NULL when there is none. A null in the object is a value. */
extern JsonbValue *options_value(const Jsonb *in, const char *key);

/* The candidate nearest to name by edit distance, or NULL when none is near. */
extern const char *options_nearest(const char *name, const char *const *candidates, int ncandidates);

#endif							/* CORE_OPTIONS_H */
