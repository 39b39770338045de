/*-------------------------------------------------------------------------
 *
 * look_web.c
 *	  Texts that are addresses of the net, identifiers or hexadecimal digits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/look_int.h"

/* RFC 5321: an address's part before the @, and a domain. */
#define LOCAL_MAX 64
#define DOMAIN_MAX 253
#define LABEL_MAX 63
#define SCHEME_MIN 2
#define SCHEME_MAX 16

/* Says whether a text of 32 hexadecimal digits and four dashes is a uuid: 8-4-4-4-12, in braces or not. */
uint32
look_uuid(const LookText *text)
{
	const char *s = text->s;
	int			len = text->len;

	if (len == 38 && s[0] == '{' && s[37] == '}')
	{
		s++;
		len -= 2;
	}
	if (len != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-')
		return 0;
	return LOOK_MASK(LOOK_UUID);
}

/* Where a byte may stand: before the @, in a label, in a label of letters.  A table, because which it is cannot be foreseen. */
#define BYTE_LOCAL 0x01
#define BYTE_LABEL 0x02
#define BYTE_LETTER 0x04

static const uint8 address_bytes[256] = {
	['0' ... '9'] = BYTE_LOCAL | BYTE_LABEL,
	['A' ... 'Z'] = BYTE_LOCAL | BYTE_LABEL | BYTE_LETTER,
	['a' ... 'z'] = BYTE_LOCAL | BYTE_LABEL | BYTE_LETTER,
	['-'] = BYTE_LOCAL | BYTE_LABEL,
	['!'] = BYTE_LOCAL, ['#'] = BYTE_LOCAL, ['$'] = BYTE_LOCAL, ['%'] = BYTE_LOCAL, ['&'] = BYTE_LOCAL,
	['\''] = BYTE_LOCAL, ['*'] = BYTE_LOCAL, ['+'] = BYTE_LOCAL, ['.'] = BYTE_LOCAL, ['/'] = BYTE_LOCAL,
	['='] = BYTE_LOCAL, ['?'] = BYTE_LOCAL, ['^'] = BYTE_LOCAL, ['_'] = BYTE_LOCAL, ['`'] = BYTE_LOCAL,
	['{'] = BYTE_LOCAL, ['|'] = BYTE_LOCAL, ['}'] = BYTE_LOCAL, ['~'] = BYTE_LOCAL,
};

/* Gives what all of the bytes may be. */
static inline uint8
bytes_all(const char *s, int len)
{
	uint8		all = PG_UINT8_MAX;

	for (int i = 0; i < len; i++)
		all &= address_bytes[(unsigned char) s[i]];
	return all;
}

/* Says whether bytes are a domain of at least two labels, the last of which is of letters. */
static bool
is_domain(const char *s, int len)
{
	const char *end = s + len;
	int			labels = 0;

	if (len < 3 || len > DOMAIN_MAX)
		return false;
	for (;; labels++)
	{
		const char *dot = memchr(s, '.', end - s);
		int			label = (int) ((dot != NULL ? dot : end) - s);
		uint8		all = bytes_all(s, label);

		if (label == 0 || label > LABEL_MAX || s[0] == '-' || s[label - 1] == '-' || !(all & BYTE_LABEL))
			return false;
		if (dot == NULL)
			return labels > 0 && label > 1 && ((all & BYTE_LETTER) || (label > 4 && memcmp(s, "xn--", 4) == 0));
		s = dot + 1;
	}
}

/* Says whether two dots stand side by side. */
static bool
has_empty_part(const char *s, int len)
{
	for (int i = 1; i < len; i++)
		if (s[i] == '.' && s[i - 1] == '.')
			return true;
	return false;
}

/* Says whether a text is one address of e-mail. */
uint32
look_email(const LookText *text)
{
	const char *at = memchr(text->s, '@', text->len);
	bool		plain = text->others == 1 && text->colons == 0; /* letters, digits, dots and dashes beside the @ */
	int			local;

	if (at == NULL || text->spaces > 0 || text->cut)
		return 0;
	local = (int) (at - text->s);
	if (local < 1 || local > LOCAL_MAX || text->s[0] == '.' || at[-1] == '.')
		return 0;
	if ((!plain && !(bytes_all(text->s, local) & BYTE_LOCAL)) || (text->dots > 2 && has_empty_part(text->s, local)))
		return 0;
	return is_domain(at + 1, text->len - local - 1) ? LOOK_MASK(LOOK_EMAIL) : 0;
}

/* Gives the bytes of a scheme with its ://, or 0. */
static int
scheme_at(const char *s, int len)
{
	int			n = 0;

	while (n < len && n <= SCHEME_MAX &&
		   (look_is_letter(s[n]) || (n > 0 && (look_is_digit(s[n]) || s[n] == '+' || s[n] == '-' || s[n] == '.'))))
		n++;
	if (n < SCHEME_MIN || n > SCHEME_MAX || len - n < 4 || memcmp(s + n, "://", 3) != 0)
		return 0;
	return n + 3;
}

/* Says whether a text is one address of a resource: scheme://…, or www.… with a domain. */
uint32
look_url(const LookText *text)
{
	const char *s = text->s;
	int			start;

	if (text->spaces > 0)
		return 0;
	start = scheme_at(s, text->len);
	if (start == 0)
	{
		int			host = 0;

		if (text->len < 7 || (s[0] | 0x20) != 'w' || (s[1] | 0x20) != 'w' || (s[2] | 0x20) != 'w' || s[3] != '.')
			return 0;
		while (host < text->len && s[host] != '/' && s[host] != ':' && s[host] != '?' && s[host] != '#')
			host++;
		if (!is_domain(s + 4, host - 4))
			return 0;
		start = host;
	}
	for (int i = start; i < text->len; i++)
		if ((unsigned char) s[i] <= ' ' || s[i] == '<' || s[i] == '>' || s[i] == '"' || s[i] == 0x7f)
			return 0;
	return LOOK_MASK(LOOK_URL);
}

/* Takes a number of at most max without leading zeros, at most three digits; gives where it ends, or NULL. */
static const char *
take_small(const char *s, const char *end, int max)
{
	int			value = 0;
	const char *start = s;

	while (s < end && s - start < 3 && look_is_digit(*s))
		value = value * 10 + (*s++ - '0');
	if (s == start || value > max || (*start == '0' && s - start > 1))
		return NULL;
	return s;
}

/* Says whether all of it is an IPv4 address. */
static bool
is_ipv4(const char *s, const char *end)
{
	for (int i = 0; i < 4; i++)
	{
		if (i > 0 && (s == end || *s++ != '.'))
			return false;
		s = take_small(s, end, 255);
		if (s == NULL)
			return false;
	}
	return s == end;
}

/* Says whether all of it is an IPv6 address: groups of up to four digits, zeros left out once, IPv4 at its end or not. */
static bool
is_ipv6(const char *s, const char *end)
{
	int			groups = 0;
	bool		gap = false;

	if (end - s >= 2 && s[0] == ':' && s[1] == ':')
	{
		gap = true;
		s += 2;
	}
	while (s < end)
	{
		int			n = 0;

		while (s + n < end && n < 5 && look_is_hex(s[n]))
			n++;
		if (s + n < end && s[n] == '.')
		{
			groups += 2;
			return is_ipv4(s, end) && (gap ? groups < 8 : groups == 8);
		}
		if (n == 0 || n > 4 || ++groups > 8)
			return false;
		s += n;
		if (s == end)
			break;
		if (*s++ != ':' || s == end)
			return false;
		if (*s == ':')
		{
			if (gap)
				return false;
			gap = true;
			s++;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

/* Says whether a text is the address of a host or a network. */
uint32
look_ip(const LookText *text)
{
	const char *s = text->s;
	const char *end = s + text->len;
	const char *slash = memchr(s, '/', text->len);
	bool		six = text->colons > 0;

	if (slash != NULL && take_small(slash + 1, end, six ? 128 : 32) != end)
		return 0;
	if (slash != NULL)
		end = slash;
	return (six ? is_ipv6(s, end) : is_ipv4(s, end)) ? LOOK_MASK(LOOK_IP) : 0;
}

/* Says whether a text is hexadecimal: 0x…, or at least eight digits, an even number, letters of one case and others among them. */
uint32
look_hex(const LookText *text)
{
	const char *s = text->s;
	int			i = 0;
	bool		upper = false;
	bool		lower = false;
	bool		prefix = text->len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x';

	if (text->cut)
		return 0;
	if (prefix)
		i = 2;
	else if (text->len < 8 || text->len % 2 != 0 || text->letters > 0 || text->digits == 0)
		return 0;
	for (; i < text->len; i++)
	{
		if (!look_is_hex(s[i]))
			return 0;
		if (!look_is_digit(s[i]))
		{
			upper |= look_is_upper(s[i]);
			lower |= !look_is_upper(s[i]);
		}
	}
	return prefix || upper != lower ? LOOK_MASK(LOOK_HEX) : 0;
}
