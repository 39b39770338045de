/*
 * profile.h
 *	  A profile: the sketches of a relation's columns at one time.
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "core/source.h"
#include "profile/sketch.h"

typedef struct ProfileColumn
{
	char	   *name;
	char	   *type;			/* format_type, with its modifier */
	AttrNumber	attno;			/* 0 when read from history */
	Oid			typeid;			/* InvalidOid when read from history */
	Sketch	   *sketch;
} ProfileColumn;

typedef struct Profile
{
	int64		id;				/* 0 when it is not stored */
	char	   *schema;
	char	   *relation;
	TimestampTz taken_at;
	int64		rows;			/* that were read */
	double		share;			/* of the relation that was read, 1 = all: rows / share estimates its rows */
	int			workers;		/* parallel workers that took part; 0 when read from history */
	int			ncolumns;
	ProfileColumn *columns;
} Profile;

/*
 * Profiles the columns (char *; NIL = all) of a relation that the current user may read, in
 * one scan, with up to so many parallel workers (-1: as the planner would); all of it is in CurrentMemoryContext.
 */
extern Profile *profile_relation(Oid relid, List *columns, double share, int workers);

/* The same of any source, with a seed for what is drawn; schema and relation are NULL for a query. */
extern Profile *profile_source(Source *source, List *columns, double share, uint64 seed, int workers);

/*
 * Stores a profile under its schema and relation, for who may read it: the table's owner and the role that took it.
 * Gives its id; batch is 0, or the batch of a gate whose rows it is of.
 */
extern int64 profile_store(const Profile *profile, Oid table_owner, Oid taken_by, int64 batch);

/* Reads one back that the current user may see (error 42704 else), with its sketches. */
extern Profile *profile_read(int64 id);

#endif							/* PROFILE_PROFILE_H */
