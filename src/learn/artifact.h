/*
 * artifact.h
 *	  Artifacts in one fixed form of JSON, without any freedom of order or spacing.
 *
 * The same thing has the same bytes, and the reader needs no JSON parser: it
 * expects the texts between the numbers as they were written.
 *
 *		artifact_reader(&r, bytes, len, "loda");
 *		artifact_expect(&r, "{\"format\":\"aipipe-loda\",\"rows\":");
 *		rows = artifact_integer(&r, 1, PG_INT64_MAX);
 *
 * Whatever is not as written is error 22023 naming the kind of thing.
 */
#ifndef LEARN_ARTIFACT_H
#define LEARN_ARTIFACT_H

#include "lib/stringinfo.h"

#include "compat/compat.h"

typedef struct ArtifactReader
{
	const char *bytes;
	Size		len;
	Size		at;
	const char *what;			/* "loda", for the error */
} ArtifactReader;

extern void artifact_reader(ArtifactReader *r, const char *bytes, Size len, const char *what);

/* ERROR 22023: "invalid <what>", the reason as a phrase in the detail. */
extern void artifact_error(const ArtifactReader *r, const char *why) pg_attribute_noreturn();

/* Steps over a text if it comes next. */
extern bool artifact_take(ArtifactReader *r, const char *text);

/* Steps over a text that must come next. */
extern void artifact_expect(ArtifactReader *r, const char *text);

/* Ends with the error unless all was read. */
extern void artifact_end(const ArtifactReader *r);

/* Reads a whole number within bounds, a finite float in its shortest form, a finite double. */
extern int64 artifact_integer(ArtifactReader *r, int64 min, int64 max);
extern float artifact_float(ArtifactReader *r);
extern double artifact_double(ArtifactReader *r);

/* Elements of the flat list that begins here (behind its bracket), at most so many; looks ahead, to allocate once. */
extern int	artifact_count(const ArtifactReader *r, int max);

/* Reads "[a,b,…]" of exactly n numbers. */
extern void artifact_floats(ArtifactReader *r, float *values, int n);
extern void artifact_integers(ArtifactReader *r, int64 *values, int n, int64 min, int64 max);

/* Gives len bytes that come next, and steps over them; they may be another artifact. */
extern const char *artifact_bytes(ArtifactReader *r, Size len);

/* What the readers read. */
extern void artifact_put_float(StringInfo out, float value);
extern void artifact_put_double(StringInfo out, double value);
extern void artifact_put_floats(StringInfo out, const float *values, int n);
extern void artifact_put_integers(StringInfo out, const int64 *values, int n);

#endif							/* LEARN_ARTIFACT_H */
