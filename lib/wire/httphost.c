/*
 * httphost: the reader of httphost.h. Owns the canonical spelling of hosts; knows no host, no default port and
 * no policy.
 */
#include "httphost.h"

#include "base/err.h"
#include "wire/addr.h"

/* The last label of what browsers and libc take for a number though it is no dotted quad: "0x7f". All digits
 * is refused by addr_is_hostname() already. */
static bool ends_in_hex(struct span name)
{
	struct span last = name;
	size_t at;

	while (span_find(last, '.', &at))
		last = span_sub(last, at + 1, last.n);
	if (last.n < 2 || last.p[0] != '0' || (last.p[1] | 0x20) != 'x')
		return false;
	for (size_t i = 2; i < last.n; i++) {
		uint8_t c = last.p[i], low = c | 0x20;

		if (!((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f')))
			return false;
	}
	return true;
}

static bool put_ip(struct httphost *out, const struct addr *ip)
{
	struct wr w = wr_of(out->text, HTTPHOST_MAX);

	addr_write_ip(&w, ip);
	out->n = (uint8_t)w.n;
	out->kind = HTTPHOST_IP;
	return !w.full;
}

static bool put_name(struct httphost *out, struct span name)
{
	struct addr ip;

	if (name.n > 1 && name.p[name.n - 1] == '.')
		name = span_sub(name, 0, name.n - 1);
	if (addr_parse_ip(name, &ip) == 0)
		return put_ip(out, &ip);
	if (!addr_is_hostname(name) || ends_in_hex(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		out->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	out->n = (uint8_t)name.n;
	out->kind = HTTPHOST_NAME;
	return true;
}

/* "[...]" at the front of text; *after: what follows the bracket. */
static bool put_bracketed(struct httphost *out, struct span text, struct span *after)
{
	struct span inner;
	struct addr ip;
	size_t colon;

	if (!span_cut(span_sub(text, 1, text.n), ']', &inner, after) || !span_find(inner, ':', &colon))
		return false;
	return addr_parse_ip(inner, &ip) == 0 && put_ip(out, &ip);
}

static bool read_port(struct span text, uint16_t *port)
{
	uint64_t v;

	if (span_u64(text, UINT16_MAX, &v) < 0 || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

static bool read_host(struct span text, struct httphost *out)
{
	struct span name, port = SPAN_NONE;
	bool with_port;

	if (text.n && text.p[0] == '[') {
		if (!put_bracketed(out, text, &port))
			return false;
		return port.n == 0 || (port.p[0] == ':' && read_port(span_sub(port, 1, port.n), &out->port));
	}
	with_port = span_cut(text, ':', &name, &port);
	return (!with_port || read_port(port, &out->port)) && put_name(out, name);
}

int httphost_read(struct span text, struct httphost *out)
{
	*out = (struct httphost){0};
	if (read_host(text, out))
		return 0;
	*out = (struct httphost){0};
	return -ZT_E_SYNTAX;
}

struct span httphost_span(const struct httphost *h)
{
	return span_of(h->text, h->n);
}

bool httphost_same(const struct httphost *a, const struct httphost *b)
{
	return a->kind != HTTPHOST_NONE && a->kind == b->kind && span_eq(httphost_span(a), httphost_span(b));
}
