/*
 * html.h
 *	  Profiles as one self-contained HTML page.
 *
 * The page is ASCII whatever the database's encoding: everything else is written as a character reference, so it
 * means the same wherever it is saved.  It loads nothing, runs nothing (its content security policy forbids
 * both), and values of the table are text in it and nothing else.
 */
#ifndef PROFILE_HTML_H
#define PROFILE_HTML_H

#include "lib/stringinfo.h"

#include "profile/profile.h"

/* Appends text so that it is text in an element or in a quoted attribute. */
extern void html_text(StringInfo out, const char *text, int len);

/* Appends the histogram of a column of numbers, or of lengths of texts, as an SVG image. */
extern void html_histogram(StringInfo out, const Sketch *sketch);

/* Appends bars of the most frequent values or patterns. */
extern void html_frequent(StringInfo out, const Sketch *sketch, const Frequent *frequent, const char *caption);

/* The whole page. */
extern void html_page(StringInfo out, const Profile *profile);

#endif							/* PROFILE_HTML_H */
