/* service: the reader of service.h. It owns nothing, and never looks whether what it reads exists. */
#include "service.h"

#include <string.h>

#include "base/num.h"
#include "wire/addr.h"

/* As cloudflared: http and ws are read as HTTP, all others are bytes. */
static const struct scheme {
	const char *name;
	uint8_t kind;
	bool tls;
	uint16_t port; /* 0: one has to be written */
} schemes[] = {
	{"http", RULE_HTTP, false, 80}, {"https", RULE_HTTP, true, 443}, {"ws", RULE_HTTP, false, 80},
	{"wss", RULE_HTTP, true, 443},	{"tcp", RULE_TCP, false, 0},	 {"ssh", RULE_TCP, false, 22},
	{"rdp", RULE_TCP, false, 3389}, {"smb", RULE_TCP, false, 445},
};

static int invalid(struct span text, struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "%.*s is an invalid address, %s", SPAN_ARG(text), what);
}

static int read_unix(struct span text, struct span path, bool tls, struct service *out, struct why *w)
{
	size_t nul;

	if (!span_starts(path, "/") || path.n > SERVICE_PATH || span_find(path, 0, &nul))
		return invalid(text, w, "the path of a socket is absolute, with at most 107 bytes");
	*out = (struct service){.kind = RULE_HTTP, .is_unix = true, .tls = tls, .host = path};
	return 0;
}

static int read_status(struct span digits, struct service *out, struct why *w)
{
	uint64_t n;

	if (span_u64(digits, 999, &n) < 0 || n < 100)
		return why_set(w, ZT_E_SYNTAX, "invalid HTTP status code: %.*s; it is a number from 100 to 999",
			       SPAN_ARG(digits));
	*out = (struct service){.kind = RULE_STATUS, .status = (uint16_t)n};
	return 0;
}

/* "host", "host:port", "[::1]", "[::1]:port" */
static bool read_host(struct span at, struct span *host, uint16_t *port)
{
	struct addr ip;
	size_t colon;

	if (addr_parse_hostport(at, host, port) == 0)
		return true;
	*host = at;
	if (span_starts(at, "[") && span_ends(at, "]")) {
		*host = span_sub(at, 1, at.n - 2);
		return *port && addr_parse_ip(*host, &ip) == 0 && ip.family == 6;
	}
	return *port && !span_find(at, ':', &colon) && (addr_is_hostname(at) || addr_parse_ip(at, &ip) == 0);
}

static int read_url(struct span text, const struct scheme *s, uint16_t port, struct service *out, struct why *w)
{
	struct span at = span_sub(text, strlen(s->name) + 3, text.n), host;
	size_t slash;

	if (span_find(at, '/', &slash))
		return invalid(text, w, "ingress rules don't support proxying to a different path on the origin service; "
					"the path is the request's: see add_prefix");
	port = s->kind == RULE_HTTP && port ? port : s->port;
	if (!read_host(at, &host, &port))
		return invalid(text, w, s->port ? "please make sure it has a scheme and a hostname"
						: "please make sure it has a scheme, a hostname and a port");
	*out = (struct service){.kind = s->kind, .tls = s->tls, .port = port, .host = host};
	return 0;
}

int service_read(struct span text, uint16_t port, struct service *out, struct why *w)
{
	struct span head, rest;
	bool colon = span_cut(text, ':', &head, &rest);

	memset(out, 0, sizeof *out);
	if (span_eq_str(text, "hello_world") || span_eq_str(text, "hello-world")) {
		out->kind = RULE_HELLO;
		return 0;
	}
	if (colon && span_eq_str(head, "http_status"))
		return read_status(rest, out, w);
	if (colon && (span_eq_str(head, "unix") || span_eq_str(head, "unix+tls")))
		return read_unix(text, rest, head.n > 4, out, w);
	for (size_t i = 0; colon && i < ARRAY_LEN(schemes); i++)
		if (span_eq_str(head, schemes[i].name) && span_starts(rest, "//"))
			return read_url(text, &schemes[i], port, out, w);
	return invalid(text, w, "it is none of http:// https:// ws:// wss:// tcp:// ssh:// rdp:// smb:// unix: unix+tls: "
				"http_status:N hello_world");
}

bool service_has_origin(const struct service *s)
{
	return s->kind == RULE_HTTP || s->kind == RULE_TCP;
}
