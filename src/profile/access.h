/*
 * access.h
 *	  What the SQL functions that read sketches share.
 */
#ifndef PROFILE_ACCESS_H
#define PROFILE_ACCESS_H

#include "fmgr.h"

#include "profile/query.h"

/* An argument of type aipipe.sketch, read and checked (type.c). */
extern Sketch *sketch_argument(FunctionCallInfo fcinfo, int argno);

/* The same up to a part; the rest of a value that is stored apart is not even fetched. */
extern Sketch *sketch_argument_upto(FunctionCallInfo fcinfo, int argno, SketchPart upto);

/* Returns a number, NULL for NaN. */
#define RETURN_NUMBER(x) \
	do { \
		double		number_ = (x); \
		if (isnan(number_)) \
			PG_RETURN_NULL(); \
		PG_RETURN_FLOAT8(number_); \
	} while (0)

/* How the neighbours of a sketch's values say they follow each other; NULL with fewer than two values (access.c). */
extern const char *sketch_monotonic(const Sketch *sketch);

#endif							/* PROFILE_ACCESS_H */
