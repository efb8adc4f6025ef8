/* namedaddr: the tables of namedaddr.h. Owns nothing else. */
#include "namedaddr.h"

#include <string.h>

#include "base/num.h"

/* Instance metadata that is not link-local, as their clouds document it: n bytes of it count. */
static const struct {
	uint8_t family, n, ip[16];
} metadata[] = {
	{4, 4, {100, 100, 100, 200}},                                                 /* Alibaba */
	{4, 4, {168, 63, 129, 16}},                                                   /* Azure */
	{4, 4, {192, 0, 0, 192}},                                                     /* Oracle, classic */
	{6, 4, {0xfd, 0x00, 0x0e, 0xc2}},                                             /* Amazon, all that it serves there */
	{6, 16, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}},                         /* Google */
	{6, 16, {0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe}},             /* Oracle */
	{6, 16, {0xfd, 0x00, 0x00, 0x42, [15] = 0x42}},                               /* Scaleway */
	{6, 16, {0xfd, 0x00, 0xa9, 0xfe, 0xa9, 0xfe, [15] = 0x01}},                   /* Akamai */
	{6, 16, {0xfd, 0x00, 0x01, 0x00, [12] = 0x01, 0x00, 0x02, 0x00}},             /* Alibaba */
};

/* Prefixes that carry an IPv4 address, and where: the well-known one of NAT64 (RFC 6052), its local ones (RFC 8215), of
 * which nobody knows the length, so each that RFC 6052 section 2.2 has room for there; byte 8 is none of it. 6to4. */
static const struct {
	uint8_t n, prefix[12], at[4];
} carriers[] = {
	{12, {0x00, 0x64, 0xff, 0x9b}, {12, 13, 14, 15}},
	{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, {6, 7, 9, 10}},
	{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, {7, 9, 10, 11}},
	{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, {9, 10, 11, 12}},
	{6, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, {12, 13, 14, 15}},
	{2, {0x20, 0x02}, {2, 3, 4, 5}},
};

static enum named_addr itself(const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_LEN(metadata); i++)
		if (a->family == metadata[i].family && memcmp(a->ip, metadata[i].ip, metadata[i].n) == 0)
			return NAMED_NEVER;
	return addr_is_linklocal(a) || addr_is_any(a) ? NAMED_NEVER : addr_is_loopback(a) ? NAMED_LOOPBACK : NAMED_FINE;
}

enum named_addr named_addr(const struct addr *to)
{
	enum named_addr worst = itself(to);

	for (size_t i = 0; to->family == 6 && i < ARRAY_LEN(carriers); i++) {
		struct addr in = {.family = 4};
		enum named_addr is;

		if (memcmp(to->ip, carriers[i].prefix, carriers[i].n) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(carriers[i].at); k++)
			in.ip[k] = to->ip[carriers[i].at[k]];
		/* Zeros are a shorter address's padding as often as an address: nobody listens there by way of a translator. */
		is = addr_is_any(&in) ? NAMED_FINE : itself(&in);
		worst = is > worst ? is : worst;
	}
	return worst;
}
