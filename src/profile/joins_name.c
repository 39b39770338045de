/*-------------------------------------------------------------------------
 *
 * joins_name.c
 *	  How much the name of a column looks like a reference to another: "customer_id" to customers.id.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/joins.h"

/* Bytes of a name that are compared, separators left out. */
#define NAME_BYTES (2 * NAMEDATALEN)

/* Names that say nothing of what they name. */
static const char *const plain_names[] = {
	"id", "key", "code", "name", "no", "nr", "num", "number", "value", "type", "pk", "uuid", "guid", "oid"
};

/* Copies a name in small letters without separators; gives its length. */
static int
squeeze(const char *name, char out[NAME_BYTES])
{
	int			n = 0;

	for (; *name != '\0' && n < NAME_BYTES; name++)
		if (*name != '_' && *name != '-' && *name != ' ' && *name != '.')
			out[n++] = (char) pg_tolower((unsigned char) *name);
	return n;
}

/* Gives the share of pairs of neighbouring bytes that two squeezed names have in common (Dice). */
static double
dice(const char *a, int na, const char *b, int nb)
{
	bool		taken[NAME_BYTES] = {0};
	int			common = 0;

	if (na == nb && memcmp(a, b, na) == 0)
		return na > 0 ? 1 : 0;
	if (na < 2 || nb < 2)
		return 0;
	for (int i = 0; i + 1 < na; i++)
		for (int j = 0; j + 1 < nb; j++)
			if (!taken[j] && a[i] == b[j] && a[i + 1] == b[j + 1])
			{
				taken[j] = true;
				common++;
				break;
			}
	return 2.0 * common / (na - 1 + nb - 1);
}

/* Says whether a squeezed name says nothing of what it names. */
static bool
is_plain(const char *name, int len)
{
	for (int i = 0; i < lengthof(plain_names); i++)
		if (len == (int) strlen(plain_names[i]) && memcmp(name, plain_names[i], len) == 0)
			return true;
	return false;
}

/* Gives the length of a table's squeezed name without the s of its plural. */
static int
singular(const char *table, int len)
{
	return len > 3 && table[len - 1] == 's' ? len - 1 : len;
}

/* Gives how much a name looks like a reference: to the column, to the table, or to both in one. */
double
joins_name_similarity(const char *left_column, const char *right_table, const char *right_column)
{
	char		left[NAME_BYTES];
	char		table[NAME_BYTES];
	char		column[NAME_BYTES];
	char		both[2 * NAME_BYTES];
	int			nleft = squeeze(left_column, left);
	int			ntable = squeeze(right_table, table);
	int			ncolumn = squeeze(right_column, column);
	double		by_column = dice(left, nleft, column, ncolumn);
	double		by_table;

	ntable = singular(table, ntable);
	memcpy(both, table, ntable);
	memcpy(both + ntable, column, ncolumn);
	by_table = Max(dice(left, nleft, table, ntable), dice(left, nleft, both, Min(ntable + ncolumn, NAME_BYTES)));
	if (is_plain(column, ncolumn))
		by_column /= 2;
	return Max(by_column, by_table);
}
