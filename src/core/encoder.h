/*
 * encoder.h
 *	  The learned map from a row to a vector of float32 features.
 *
 * An encoder belongs to a model version and is immutable once learned.  It
 * knows columns by name; a call site binds it to a row type once and then
 * encodes row after row.  NULL becomes NaN, and so does a category that is not
 * among the kept ones unless the encoder marks those.
 *
 *		learn:	encoder_learn_begin → encoder_learn_row* → encoder_learn_end
 *		use:	encoder_bind → encoder_encode*
 *		store:	encoder_write (canonical JSON) / encoder_read (validates)
 */
#ifndef CORE_ENCODER_H
#define CORE_ENCODER_H

#include "access/tupdesc.h"
#include "lib/stringinfo.h"

#include "compat/compat.h"

typedef enum EncoderKind
{
	ENCODER_NUMBER,				/* value clamped to float range */
	ENCODER_BOOL,				/* 0 or 1 */
	ENCODER_DATE,				/* days since 2000-01-01, ISO weekday, day of month */
	ENCODER_TIME,				/* seconds since midnight */
	ENCODER_TIMESTAMP,			/* days since 2000-01-01, hour (both with their fraction), ISO weekday, day of month; UTC for timestamptz */
	ENCODER_INTERVAL,			/* seconds; a month has 30 days, twelve of them 365.25 */
	ENCODER_CATEGORY,			/* code of the category, most frequent first; with marks_unseen its pattern and length */
	ENCODER_TEXT,				/* bytes, shares of character classes, with marks_unseen its pattern, counts of hashed 3-grams */
	ENCODER_INET,				/* first 32 bits of the address, family (4 or 6), prefix length */
	ENCODER_ARRAY,				/* number of elements */
	ENCODER_JSON				/* type, number of members */
} EncoderKind;

typedef struct EncoderColumn
{
	char	   *name;
	Oid			type;			/* built-in type id at training, for messages and binding; InvalidOid for others */
	char	   *type_name;		/* format_type at training */
	EncoderKind kind;
	int			first_feature;
	int			nfeatures;
	int			ncategories;	/* CATEGORY: texts, most frequent first */
	char	  **categories;
	int64	   *category_counts;
	/* character patterns (see core/text.h), most frequent first; NULL when the encoder does not mark what is unseen, or the column holds no text */
	int			npatterns;
	char	  **patterns;
	int64	   *pattern_counts;
	/* what training saw, for "expected" and as the reference profile */
	int64		nrows;
	int64		nnulls;
	int64		nother;			/* CATEGORY: rows beyond the kept categories */
	int			nquantiles;		/* 101, of the column's first feature; 0 for CATEGORY and when it had no value */
	float		quantiles[101]; /* at 0, .01 … 1 */
} EncoderColumn;

typedef struct EncoderFeature
{
	char	   *name;			/* "amount", "placed_at.hour" */
	int			column;			/* index into columns */
	bool		categorical;	/* values are codes 0 … ncategories-1, of categories or patterns; with marks_unseen ncategories for any other */
	int			ncategories;	/* 0 when not categorical */
} EncoderFeature;

typedef struct Encoder
{
	int			ncolumns;
	EncoderColumn *columns;
	int			nfeatures;
	EncoderFeature *features;
	/*
	 * Made for detectors: a category that is not among the kept ones is encoded as
	 * ncategories instead of NaN, so that it differs from NULL, and a column of text
	 * has its character pattern and its length among its features.
	 */
	bool		marks_unseen;
} Encoder;

typedef struct EncoderLearner EncoderLearner;

typedef struct EncoderParams
{
	int			max_categories; /* default 64, at most 10,000 */
	int			text_buckets;	/* hashed 3-gram buckets, default 8, at most 1,024 */
	bool		marks_unseen;	/* see Encoder; default false */
	List	   *as_category;	/* names of columns (char *) whose text form is a category whatever their type, of as many values as may be; default NIL */
	Size		learn_bytes;	/* memory to count values in, of all columns together; default 0 = no limit */
} EncoderParams;

extern void encoder_default_params(EncoderParams *params);

/*
 * Chooses the columns (NIL = every column that is neither dropped nor in
 * exclude; both lists hold char *) and prepares to learn.  needs_rows says
 * whether a pass over the rows is needed before encoding (a text-like column is
 * among them).  The encoder is made in the memory context that is current here.
 */
extern EncoderLearner *encoder_learn_begin(TupleDesc desc, List *columns, List *exclude,
										   const EncoderParams *params, bool *needs_rows);
extern void encoder_learn_row(EncoderLearner *learner, Datum *values, bool *nulls);
extern Encoder *encoder_learn_end(EncoderLearner *learner);

/* Bytes that the learner holds now. */
extern Size encoder_learn_bytes(const EncoderLearner *learner);

/*
 * Fills the columns' profile (nrows, nnulls, quantiles) from encoded rows:
 * called with the training matrix after it was built.  What encoder_learn_row()
 * counted of text-like columns stays.
 */
struct Matrix;
extern void encoder_profile(Encoder *encoder, const struct Matrix *matrix);

extern void encoder_write(const Encoder *encoder, StringInfo out);

/* Reads what encoder_write wrote; anything else is error XX001 (data corrupted). */
extern Encoder *encoder_read(const char *json, Size len);

typedef struct EncoderBinding EncoderBinding;

/*
 * Binds to a row type in CurrentMemoryContext.  A missing column is error
 * 42703, one of another type class 42804; what names the model in messages.
 * Any numeric type serves a NUMBER column, any text-like type a text column, and
 * a category made of another type is served by any type of its class.
 */
extern EncoderBinding *encoder_bind(const Encoder *encoder, TupleDesc desc, const char *what);

/* Encodes one deformed row into out[nfeatures]. Detoasted copies go to CurrentMemoryContext: reset it per block. */
extern void encoder_encode(EncoderBinding *binding, const Datum *values, const bool *nulls, float *out);

/* Highest attribute number that the binding reads (deform no further). */
extern int	encoder_last_attno(const EncoderBinding *binding);

/* Text of the bound column's value in this row (the first 1,000 bytes), or NULL; palloc'd. */
extern char *encoder_column_text(EncoderBinding *binding, int column, const Datum *values, const bool *nulls);

/* What training saw in a column, as a short phrase: "between 3 and 91 (median 20)", "'EUR' (61 %), 'USD' (30 %)". */
extern char *encoder_expected(const Encoder *encoder, int column);

/* One value of a feature as people read it: "'EUR'", "2024-01-03", "a length of 12", "the pattern 'A-9'"; NaN is "NULL". */
extern char *encoder_value_text(const Encoder *encoder, int feature, double value);

/* A range of a feature's values as people read it: "between 3 and 91", one value when both are the same; infinite = open to that side. */
extern char *encoder_range_text(const Encoder *encoder, int feature, double low, double high);

/* Features of a version as jsonb-ready JSON: [{"feature":…,"column":…,"type":…,"kind":…}]. */
extern void encoder_describe(const Encoder *encoder, StringInfo out);

/* Name of a type, the same in every session; one that is not built in is qualified. */
extern char *encoder_type_name(Oid type);

/* An interval in seconds: a month has 30 days, twelve of them 365.25. */
extern double encoder_interval(Datum value);

#endif							/* CORE_ENCODER_H */
