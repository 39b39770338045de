/*
 * compiled.h
 *	  What the compiled forms of all algorithms have in common.
 */
#ifndef LEARN_COMPILED_H
#define LEARN_COMPILED_H

#include "postgres.h"

#include "compat/compat.h"

/* Written in a form's header: another machine reads another number. */
#define COMPILED_BYTE_ORDER 0x01020304

/* The CRC-32C of bytes in which the checksum's own four bytes, at the given offset, count as zero. */
extern uint32 compiled_crc(const char *bytes, Size len, Size at);

/* ERROR XX001 with a sentence as its detail. */
extern void compiled_corrupted(const char *detail) pg_attribute_noreturn();

#endif							/* LEARN_COMPILED_H */
