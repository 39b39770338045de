/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  Checksums of compiled forms made right, those of the forms inside them first.
 *
 * Whoever may write the tables may write a checksum too: mutants are sealed, so that the
 * checks behind the checksums are what refuses them.  Bytes that are no form stay as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/shmem.h"

#include "learn/compiled.h"
#include "learn/iforest.h"
#include "learn/severity.h"
#include "learn/tail.h"

PG_FUNCTION_INFO_V1(test_seal);

/* Where compiled forms that hold others have what is needed to find these. */
#define ENSEMBLE_HEADER 32
#define ENSEMBLE_NCOMPONENTS 20
#define ENSEMBLE_ENTRY 80
#define ENSEMBLE_ENTRY_LENGTH 72
#define XGBOD_BASE 40
#define XGBOD_TREES 56
#define FOREST_MAGIC "aipipeDF"
#define FOREST_LENGTH 24
#define IFOREST_FOREST 24
#define IFOREST_CRC 4

/* Gives eight bytes as a number. */
static uint64
number_at(const char *bytes, Size at)
{
	uint64		number;

	memcpy(&number, bytes + at, sizeof(number));
	return number;
}

/* Seals the form that lies at an offset behind which its length is told. */
static void
seal_part(char *bytes, Size len, Size told)
{
	Size		at;
	Size		part;

	if (told + 16 > len)
		return;
	at = number_at(bytes, told);
	part = number_at(bytes, told + 8);
	if (at > told && at <= len && part <= len - at)
		seal_compiled(bytes + at, part);
}

/* Seals the components of an ensemble, as far as they can be found. */
static void
seal_components(char *bytes, Size len)
{
	Size		at = ENSEMBLE_HEADER;
	Tail		tail;
	SeverityTable severity;
	Size		taken = at < len ? tail_open(bytes + at, len - at, &tail) : 0;
	int32		n;

	if (taken == 0)
		return;
	at += taken;
	if ((taken = severity_open(bytes + at, len - at, &severity)) == 0)
		return;
	at += taken;
	memcpy(&n, bytes + ENSEMBLE_NCOMPONENTS, sizeof(n));
	for (int i = 0; i < n && len - at > ENSEMBLE_ENTRY; i++)
	{
		Size		part = number_at(bytes, at + ENSEMBLE_ENTRY_LENGTH);

		at += ENSEMBLE_ENTRY;
		taken = tail_open(bytes + at, len - at, &tail);
		at += taken;
		if (taken == 0 || part > len - at)
			return;
		seal_compiled(bytes + at, part);
		if (MAXALIGN(part) > len - at)
			return;
		at += MAXALIGN(part);
	}
}

/* Seals an isolation forest, whose checksum covers what lies between it and the forest. */
static void
seal_iforest(char *bytes, Size len)
{
	pg_crc32c	crc;
	uint32		format;
	Size		own;
	int32		counts[3] = {0};

	if (len < 48)
		return;
	seal_part(bytes, len, IFOREST_FOREST);
	memcpy(&format, bytes + 8, sizeof(format));
	memcpy(&counts[0], bytes + 12, sizeof(int32));
	own = 40 + 8 * (Size) counts[0];
	if (format > 1)
	{
		memcpy(&counts[1], bytes + 40, 2 * sizeof(int32));
		own += 8 + sizeof(IforestScaled) * (Size) counts[1] + sizeof(IforestPair) * (Size) counts[2];
	}
	if (own < 40 || own > len)
		return;
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes + IFOREST_CRC + sizeof(crc), own - IFOREST_CRC - sizeof(crc));
	FIN_CRC32C(crc);
	memcpy(bytes + IFOREST_CRC, &crc, sizeof(crc));
}

/* Seals the forests in a form of cell surprise, wherever they lie. */
static void
seal_forests(char *bytes, Size len)
{
	for (Size at = FOREST_LENGTH; at + FOREST_LENGTH + 8 <= len; at += MAXIMUM_ALIGNOF)
	{
		if (memcmp(bytes + at, FOREST_MAGIC, 8) != 0)
			continue;
		if (number_at(bytes, at + FOREST_LENGTH) <= len - at)
			seal_compiled(bytes + at, number_at(bytes, at + FOREST_LENGTH));
	}
}

/* Makes the checksum of a compiled form right, and those of the forms in it; bytes are MAXALIGNed. */
void
seal_compiled(char *bytes, Size len)
{
	Size		at = 16;
	uint32		crc;

	check_stack_depth();
	if (len < 40)
		return;
	if (memcmp(bytes, "ISOF", 4) == 0)
	{
		seal_iforest(bytes, len);
		return;
	}
	if (memcmp(bytes, "LODA", 4) == 0)
		at = 4;
	else if (memcmp(bytes, "AIPENSML", 8) == 0)
		seal_components(bytes, len);
	else if (memcmp(bytes, "aipipeXO", 8) == 0)
	{
		seal_part(bytes, len, XGBOD_BASE);
		seal_part(bytes, len, XGBOD_TREES);
	}
	else if (memcmp(bytes, "aipipeCS", 8) == 0)
		seal_forests(bytes, len);
	else if (memcmp(bytes, "aipipe", 6) != 0)
		return;
	crc = compiled_crc(bytes, len, at);
	memcpy(bytes + at, &crc, sizeof(crc));
}

/* Gives compiled bytes mutated in a place or two, of the same length, and sealed; they lie behind a pad, as a version's row has them. */
Datum
test_seal(PG_FUNCTION_ARGS)
{
	Size		len;
	const char *bytes = bytea_bytes(PG_GETARG_DATUM(0), &len);
	Size		pad = Min(PG_GETARG_INT32(1), len);
	int			seed = PG_GETARG_INT32(2);
	char	   *before = palloc(len - pad + 1);
	StringInfoData mutant;
	Random		random;
	bytea	   *result;

	memcpy(before, bytes + pad, len - pad);
	initStringInfo(&mutant);
	appendBinaryStringInfo(&mutant, bytes + pad, len - pad);
	random_seed(&random, seed);
	/* what has another length is refused for that alone */
	for (int k = seed == 0 ? 0 : 1 + random_below(&random, 2); k > 0; k--)
	{
		do
		{
			resetStringInfo(&mutant);
			appendBinaryStringInfo(&mutant, before, len - pad);
			mutate_bytes(&mutant, &random);
		} while (mutant.len != len - pad);
		memcpy(before, mutant.data, mutant.len);
	}
	seal_compiled(mutant.data, mutant.len);
	result = palloc0(VARHDRSZ + pad + mutant.len);
	SET_VARSIZE(result, VARHDRSZ + pad + mutant.len);
	memcpy(VARDATA(result) + pad, mutant.data, mutant.len);
	PG_RETURN_BYTEA_P(result);
}
