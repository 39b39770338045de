/*
 * version.h
 *	  Library and SQL must be of one version.
 */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

/* Error 55000 when the extension's SQL is of another version than this library; looked up once per transaction. */
extern void core_check_version(void);

/* Whether the extension is here and its SQL of this library's version. */
extern bool core_version_fits(void);

#endif							/* CORE_VERSION_H */
