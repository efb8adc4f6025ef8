/*
 * proxyhdr: reader and writer of proxyhdr.h. Owns the grammar and the limits; does not know who may say such a
 * thing. It is handed all bytes that have come so far, again each time.
 */
#include "proxyhdr.h"

#include <string.h>

#include "base/num.h"

static const struct span v1_magic = SPAN_LIT("PROXY ");
static const struct span v2_magic = SPAN_LIT("\r\n\r\n\0\r\nQUIT\n");

enum { V2_FIXED = 16, V2_PROXY = 0x21, V2_LOCAL = 0x20, V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_UNIX = 0x31 };

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n" ---------------------------- */

static bool read_ip(struct span s, uint8_t family, struct addr *out)
{
	bool v6;
	size_t at;

	if (addr_parse_ip(s, out) < 0)
		return false;
	/* By spelling: a mapped address is written as IPv6 and is IPv4 from here on. */
	v6 = span_find(s, ':', &at);
	return v6 == (family == 6);
}

static bool read_addrs(struct span s, uint8_t family, struct proxyhdr *out)
{
	struct span field[4];
	uint64_t port[2];

	for (size_t i = 0; i < 3; i++)
		if (!span_cut(s, ' ', &field[i], &s))
			return false;
	field[3] = s;
	if (!read_ip(field[0], family, &out->from) || !read_ip(field[1], family, &out->to))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (span_u64(field[2 + i], UINT16_MAX, &port[i]) < 0)
			return false;
	out->from.port = (uint16_t)port[0];
	out->to.port = (uint16_t)port[1];
	return true;
}

static bool read_line(struct span line, struct proxyhdr *out)
{
	struct span kind, rest;

	line = span_sub(line, v1_magic.n, line.n);
	if (!span_cut(line, ' ', &kind, &rest))
		rest = SPAN_NONE;
	out->local = span_eq_str(kind, "UNKNOWN"); /* then the rest is to be passed over */
	return out->local || (span_eq_str(kind, "TCP4") && read_addrs(rest, 4, out)) ||
	       (span_eq_str(kind, "TCP6") && read_addrs(rest, 6, out));
}

static int read_v1(struct span in, struct proxyhdr *out)
{
	struct span first = span_sub(in, 0, PROXYHDR_V1), line;
	size_t at;

	/* The line ends with the first CR, and that is followed by LF. */
	for (size_t i = 0; i < first.n && first.p[i] != '\r'; i++)
		if (first.p[i] < ' ' || first.p[i] > '~')
			return -ZT_E_SYNTAX;
	if (!span_find(first, '\r', &at) || at + 1 == first.n)
		return in.n < PROXYHDR_V1 ? ZT_MORE : -ZT_E_TOOLONG;
	line = span_sub(first, 0, at);
	out->version = 1;
	return first.p[at + 1] == '\n' && read_line(line, out) ? (int)at + 2 : -ZT_E_SYNTAX;
}

/* ---- version 2: binary -------------------------------------------------------------------- */

static void take_ip(struct rd *r, uint8_t family, struct addr *out)
{
	size_t n = family == 4 ? 4 : 16;
	struct span ip = rd_bytes(r, n);

	*out = (struct addr){.family = family};
	if (ip.n == n)
		memcpy(out->ip, ip.p, n);
}

static int read_v2(struct span in, struct proxyhdr *out)
{
	struct rd r = rd_of(span_sub(in, v2_magic.n, in.n));
	uint8_t command = rd_u8(&r), kind = rd_u8(&r), family = kind == V2_TCP4 ? 4 : 6;
	size_t length = rd_be16(&r), head = V2_FIXED + length;

	if (in.n > v2_magic.n && command != V2_PROXY && command != V2_LOCAL)
		return -ZT_E_VERSION;
	/* A proxy's own connection (LOCAL) may say anything about its family, and it is passed over. */
	if (in.n > v2_magic.n + 1 && command == V2_PROXY && kind != V2_TCP4 && kind != V2_TCP6 && kind != V2_UNSPEC &&
	    kind != V2_UNIX)
		return -ZT_E_VERSION;
	if (in.n < V2_FIXED)
		return ZT_MORE;
	if (head > PROXYHDR_MOST)
		return -ZT_E_TOOLONG;
	out->version = 2;
	out->local = command == V2_LOCAL || (kind != V2_TCP4 && kind != V2_TCP6);
	if (!out->local && length < (family == 4 ? 12u : 36u))
		return -ZT_E_SYNTAX;
	if (in.n < head)
		return ZT_MORE;
	if (!out->local) {
		take_ip(&r, family, &out->from);
		take_ip(&r, family, &out->to);
		out->from.port = rd_be16(&r);
		out->to.port = rd_be16(&r);
		addr_canon(&out->from);
		addr_canon(&out->to);
	}
	return (int)head;
}

static bool may_become(struct span in, struct span magic)
{
	size_t n = num_min(in.n, magic.n);

	return span_eq(span_sub(in, 0, n), span_sub(magic, 0, n));
}

int proxyhdr_read(struct span in, struct proxyhdr *out)
{
	int rc = -ZT_E_SYNTAX;

	*out = (struct proxyhdr){0};
	if (may_become(in, v1_magic))
		rc = in.n < v1_magic.n ? ZT_MORE : read_v1(in, out);
	else if (may_become(in, v2_magic))
		rc = in.n < v2_magic.n ? ZT_MORE : read_v2(in, out);
	if (rc <= 0)
		*out = (struct proxyhdr){0};
	return rc;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_ip(struct wr *w, const struct addr *a, bool as_v6)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (as_v6 && a->family == 4)
		wr_bytes(w, mapped, sizeof mapped);
	wr_bytes(w, a->ip, a->family == 4 ? 4 : 16);
}

static void put_v2(struct wr *w, const struct proxyhdr *h, bool local, bool v6)
{
	wr_put(w, v2_magic);
	wr_u8(w, local ? V2_LOCAL : V2_PROXY);
	wr_u8(w, local ? V2_UNSPEC : v6 ? V2_TCP6 : V2_TCP4);
	wr_be16(w, local ? 0 : v6 ? 36 : 12);
	if (local)
		return;
	put_ip(w, &h->from, v6);
	put_ip(w, &h->to, v6);
	wr_be16(w, h->from.port);
	wr_be16(w, h->to.port);
}

static void put_v1_ip(struct wr *w, const struct addr *a, bool v6)
{
	struct addr bare = *a; /* a zone is nobody else's business */

	bare.scope = 0;
	wr_str(w, v6 && a->family == 4 ? " ::ffff:" : " ");
	addr_write_ip(w, &bare);
}

void proxyhdr_write(struct wr *w, const struct proxyhdr *h)
{
	bool local = h->local || h->from.family == 0 || h->to.family == 0, v6 = h->from.family == 6 || h->to.family == 6;

	if (h->version == 2) {
		put_v2(w, h, local, v6);
	} else if (local) {
		wr_str(w, "PROXY UNKNOWN\r\n");
	} else {
		wr_str(w, v6 ? "PROXY TCP6" : "PROXY TCP4");
		put_v1_ip(w, &h->from, v6);
		put_v1_ip(w, &h->to, v6);
		wr_fmt(w, " %u %u\r\n", h->from.port, h->to.port);
	}
}
