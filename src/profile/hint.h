/*
 * hint.h
 *	  What a column seems to be: short phrases that follow from its sketch, its name and its type.
 *
 * A hint is no proof.  It is given from HINT_MIN values on (fewer say nothing about a column), and where it
 * rests on a share of the values, that share is its evidence:
 *
 *		of rows		all null; mostly null (from HINT_MOSTLY)
 *		of values	constant; category (at most HINT_CATEGORIES values, each HINT_REPEATS times on average);
 *					one value almost everywhere (from HINT_SHARE); skewed right, skewed left (skewness beyond HINT_SKEWED)
 *		unique		candidate key (no two values alike, as far as the sketch can tell); surrogate key (that, of integers
 *					that fill half of their range, or of uuids); a float is no key
 *		order		monotonic (rising), monotonic (falling): no neighbour the other way
 *		texts		from HINT_SHARE of those that are neither empty nor stand for a missing value: email, url, ip address, uuid, phone
 *					number, iban, credit card number, hexadecimal, html, json/number/date/time/timestamp/boolean stored as text;
 *					code with leading zeros (from HINT_SOME of numbers); free text (long, various, mostly different)
 *		flaws		missing value written as text (which ones), empty texts, padded with blanks: from HINT_SOME of the texts
 *		lists		currency code, country code, language code: all frequent values, from HINT_SHARE of all
 *		names		with a fitting type, range or pattern: latitude, longitude, percentage, year, age, price or amount, epoch
 *					seconds, epoch milliseconds, person name, city, postal code, foreign key by name (what it refers to)
 */
#ifndef PROFILE_HINT_H
#define PROFILE_HINT_H

#include "nodes/pg_list.h"

#include "profile/sketch.h"

#define HINT_MIN 10
#define HINT_SHARE 0.9
#define HINT_MOSTLY 0.5
#define HINT_SOME 0.005
#define HINT_CATEGORIES 50
#define HINT_REPEATS 10
#define HINT_SKEWED 2.0

/*
 * Hints of a column, the most telling first: texts (char *) in CurrentMemoryContext, such as "email (99.2 %)"; no
 * share where it is all.  type is the column's, or InvalidOid when only its sketch is known.
 */
extern List *hint_column(const Sketch *sketch, const char *column, Oid type);

#endif							/* PROFILE_HINT_H */
