/*
 * args.h
 *	  Arguments of SQL functions as C values.
 *
 * Functions whose arguments have defaults cannot be STRICT; these say which
 * argument must not be NULL.
 */
#ifndef CORE_ARGS_H
#define CORE_ARGS_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "utils/timestamp.h"

/* ERROR 22004 naming the argument when it is NULL. */
extern void arg_require(FunctionCallInfo fcinfo, int argno, const char *name);

/* A text argument as a C string; NULL is ERROR 22004. */
extern char *arg_text(FunctionCallInfo fcinfo, int argno, const char *name);

/* A text argument as a C string, or NULL. */
extern char *arg_optional_text(FunctionCallInfo fcinfo, int argno);

/* A positive int argument; NULL is ERROR 22004, others ERROR 22023. */
extern int	arg_positive(FunctionCallInfo fcinfo, int argno, const char *name);

/* A float8 argument from 0 to below 1; NULL is ERROR 22004, others ERROR 22023. */
extern double arg_share(FunctionCallInfo fcinfo, int argno, const char *name);

/* A text[] argument as a List of distinct C strings, NIL when NULL; empty or holding NULL is an error. */
extern List *arg_text_list(FunctionCallInfo fcinfo, int argno, const char *name);

/* A time zone by its name; ERROR 22023. */
extern pg_tz *arg_zone(const char *name);

/* An interval from its text; the server's error when it is none. */
extern Interval *arg_interval(const char *text);

#endif							/* CORE_ARGS_H */
