/* resolv.conf. Invariants: there is always something sensible to ask, and what was read comes
 * out the same when it is written down and read again. */
#include <stdlib.h>
#include <string.h>

#include "wire/resolvconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct resolvconf c, again;
	char mem[512];
	struct wr w = wr_of(mem, sizeof mem);

	resolvconf_parse(span_of(data, n), &c);
	MUST(c.n >= 1 && c.n <= RESOLVCONF_SERVERS);
	MUST(c.timeout_s >= 1 && c.timeout_s <= 30 && c.attempts >= 1 && c.attempts <= 5);
	for (uint8_t i = 0; i < c.n; i++) {
		MUST(c.server[i].family == 4 || c.server[i].family == 6);
		MUST(c.server[i].port == 53);
		MUST(memchr(c.zone[i], 0, sizeof c.zone[i]) != NULL);
		MUST(c.zone[i][0] == 0 || (c.server[i].family == 6 && c.server[i].scope == 0));
		wr_str(&w, "nameserver ");
		addr_write_ip(&w, &c.server[i]);
		if (c.server[i].scope)
			wr_fmt(&w, "%%%u", (unsigned)c.server[i].scope);
		else if (c.zone[i][0])
			wr_fmt(&w, "%%%s", c.zone[i]);
		wr_u8(&w, '\n');
	}
	wr_fmt(&w, "options timeout:%u attempts:%u", c.timeout_s, c.attempts);
	MUST(!w.full);
	MUST(resolvconf_parse(wr_span(&w), &again) == 0);
	MUST(again.n == c.n && again.timeout_s == c.timeout_s && again.attempts == c.attempts);
	for (uint8_t i = 0; i < c.n; i++)
		MUST(addr_eq(&again.server[i], &c.server[i]) && strcmp(again.zone[i], c.zone[i]) == 0);
	return 0;
}
