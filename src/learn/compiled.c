/*-------------------------------------------------------------------------
 *
 * compiled.c
 *	  What the compiled forms of all algorithms have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_crc32c.h"

#include "learn/compiled.h"

/* Gives the CRC-32C of bytes in which the checksum's own four bytes count as zero. */
uint32
compiled_crc(const char *bytes, Size len, Size at)
{
	const uint32 zero = 0;
	const Size	behind = at + sizeof(zero);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes, at);
	COMP_CRC32C(crc, &zero, sizeof(zero));
	COMP_CRC32C(crc, bytes + behind, len - behind);
	FIN_CRC32C(crc);
	return crc;
}

/* Ends with an error that says what is wrong with the bytes. */
void
compiled_corrupted(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the compiled model is corrupted"),
			 errdetail("%s", detail)));
}
