/*
 * version.h
 *	  Library and SQL must be of one version.
 */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

/* Error 55000 when the extension's SQL is of another version than this library; looked up once per transaction. */
extern void core_check_version(void);

#endif							/* CORE_VERSION_H */
