/* resolvconf: the line reader of resolvconf.h. Owns nothing. */
#include "resolvconf.h"

#include "base/err.h"
#include "dns.h"
#include "hostsfile.h"

/* "192.0.2.1", "2001:db8::1", "fe80::1%2", "fe80::1%eth0" */
static int read_server(struct span s, struct addr *out, char zone[static RESOLVCONF_ZONE])
{
	struct span ip, scope;
	uint64_t index;
	bool zoned = span_cut(s, '%', &ip, &scope);

	zone[0] = 0;
	if (addr_parse_ip(ip, out) < 0 || (zoned && (out->family != 6 || scope.n == 0)))
		return -ZT_E_SYNTAX;
	out->port = DNS_PORT;
	if (zoned && span_u64(scope, UINT32_MAX, &index) == 0 && index > 0)
		out->scope = (uint32_t)index;
	else if (zoned)
		return span_to_cstr(scope, zone, RESOLVCONF_ZONE);
	return 0;
}

/* "timeout:3": the number, held to 1..max as libc does; anything else is not for us. */
static void read_option(struct span word, const char *key, uint8_t max, uint8_t *out)
{
	struct span name, number;
	uint64_t v;

	if (!span_cut(word, ':', &name, &number) || !span_eq_str(name, key) ||
	    span_u64(number, UINT32_MAX, &v) < 0)
		return;
	*out = v == 0 ? 1 : v > max ? max : (uint8_t)v;
}

static bool read_line(struct span line, struct resolvconf *out)
{
	struct span key, word;

	/* ';' and '#' are comments only at the start of a line (resolv.conf(5)). */
	if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || !hosts_word(&line, &key))
		return true;
	if (span_eq_str(key, "nameserver")) {
		if (!hosts_word(&line, &word) || out->n == RESOLVCONF_SERVERS ||
		    read_server(word, &out->server[out->n], out->zone[out->n]) < 0)
			return false;
		out->n++;
	} else if (span_eq_str(key, "options")) {
		while (hosts_word(&line, &word)) {
			read_option(word, "timeout", 30, &out->timeout_s);
			read_option(word, "attempts", 5, &out->attempts);
		}
	}
	return true;
}

unsigned resolvconf_parse(struct span text, struct resolvconf *out)
{
	struct span line;
	unsigned skipped = 0;

	*out = (struct resolvconf){.timeout_s = RESOLVCONF_TIMEOUT_S, .attempts = RESOLVCONF_ATTEMPTS};
	while (text.n) {
		span_cut(text, '\n', &line, &text);
		if (!read_line(line, out))
			skipped++;
	}
	if (out->n == 0) {
		out->server[0] = (struct addr){.family = 4, .ip = {127, 0, 0, 1}, .port = DNS_PORT};
		out->n = 1;
	}
	return skipped;
}
