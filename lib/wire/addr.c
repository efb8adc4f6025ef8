/* addr: the parsers and writers of addr.h. */
#include "addr.h"

#include <string.h>

#include "base/err.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

void addr_canon(struct addr *a)
{
	if (a->family != 6 || memcmp(a->ip, mapped_prefix, sizeof mapped_prefix) != 0)
		return;
	memcpy(a->ip, a->ip + 12, 4);
	memset(a->ip + 4, 0, 12);
	a->family = 4;
	a->scope = 0;
}

static int parse_v4(struct span s, uint8_t out[static 4])
{
	struct span part, rest = s;
	uint64_t v;

	for (int i = 0; i < 4; i++) {
		bool more = span_cut(rest, '.', &part, &rest);

		if (more != (i < 3) || span_u64(part, 255, &v) < 0)
			return -ZT_E_SYNTAX;
		out[i] = (uint8_t)v;
	}
	return 0;
}

static int hex_group(struct span s, uint16_t *out)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 4)
		return -ZT_E_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = s.p[i];
		unsigned d = c >= '0' && c <= '9'   ? c - '0'
			     : c >= 'a' && c <= 'f' ? c - 'a' + 10
			     : c >= 'A' && c <= 'F' ? c - 'A' + 10
						    : 16;

		if (d == 16)
			return -ZT_E_SYNTAX;
		v = v << 4 | d;
	}
	*out = (uint16_t)v;
	return 0;
}

/* Colon-separated groups without "::" into at most cap groups; a dotted quad may end them.
 * Answers how many groups. An empty text is no group. */
static int groups(struct span s, uint16_t *out, int cap)
{
	struct span part, rest = s;
	uint8_t v4[4];
	int n = 0;

	for (bool more = s.n > 0; more;) {
		more = span_cut(rest, ':', &part, &rest);
		if (!more && n + 2 <= cap && parse_v4(part, v4) == 0) {
			out[n++] = (uint16_t)(v4[0] << 8 | v4[1]);
			out[n++] = (uint16_t)(v4[2] << 8 | v4[3]);
			return n;
		}
		if (n == cap || hex_group(part, &out[n]) < 0)
			return -ZT_E_SYNTAX;
		n++;
	}
	return n;
}

static bool find_gap(struct span s, size_t *at)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == ':' && s.p[i + 1] == ':') {
			*at = i;
			return true;
		}
	return false;
}

static int parse_v6(struct span s, uint8_t out[static 16])
{
	uint16_t head[8] = {0}, tail[8] = {0};
	int nh, nt = 0;
	size_t gap;

	if (find_gap(s, &gap)) { /* RFC 4291 2.2: "::" stands for at least one group */
		nh = groups(span_sub(s, 0, gap), head, 7);
		nt = nh < 0 ? nh : groups(span_sub(s, gap + 2, s.n), tail, 7 - nh);
		/* a dotted quad may only end the whole address */
		if (nt < 0 || (gap > 0 && memchr(s.p, '.', gap)))
			return -ZT_E_SYNTAX;
	} else {
		nh = groups(s, head, 8);
		if (nh != 8)
			return -ZT_E_SYNTAX;
	}
	for (int i = 0; i < nt; i++)
		head[8 - nt + i] = tail[i];
	for (int i = 0; i < 8; i++) {
		out[2 * i] = (uint8_t)(head[i] >> 8);
		out[2 * i + 1] = (uint8_t)head[i];
	}
	return 0;
}

int addr_parse_ip(struct span s, struct addr *out)
{
	size_t at;
	int rc;

	*out = (struct addr){0};
	if (span_find(s, ':', &at)) {
		rc = parse_v6(s, out->ip);
		out->family = 6;
	} else {
		rc = parse_v4(s, out->ip);
		out->family = 4;
	}
	if (rc < 0)
		*out = (struct addr){0};
	addr_canon(out);
	return rc;
}

bool addr_is_hostname(struct span s)
{
	struct span label, rest = s;
	bool more = true;

	if (s.n == 0 || s.n > 253)
		return false;
	while (more) {
		more = span_cut(rest, '.', &label, &rest);
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++) {
			uint8_t c = label.p[i];

			if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			      c == '-' || c == '_'))
				return false;
		}
	}
	/* An all-digit last label is a mistyped address ("10.0.0.256"), never a name. */
	for (size_t i = 0; i < label.n; i++)
		if (label.p[i] < '0' || label.p[i] > '9')
			return true;
	return false;
}

int addr_parse_hostport(struct span s, struct span *host, uint16_t *port)
{
	struct addr ip;
	struct span p;
	uint64_t v;
	size_t at;

	if (s.n && s.p[0] == '[') {
		if (!span_find(s, ']', &at) || at + 1 >= s.n || s.p[at + 1] != ':')
			return -ZT_E_SYNTAX;
		*host = span_sub(s, 1, at - 1);
		p = span_sub(s, at + 2, s.n);
		if (!span_find(*host, ':', &at) || addr_parse_ip(*host, &ip) < 0)
			return -ZT_E_SYNTAX;
	} else {
		if (!span_cut(s, ':', host, &p))
			return -ZT_E_SYNTAX;
		if (addr_parse_ip(*host, &ip) < 0 && !addr_is_hostname(*host))
			return -ZT_E_SYNTAX;
	}
	if (span_u64(p, 65535, &v) < 0 || v == 0)
		return -ZT_E_SYNTAX;
	*port = (uint16_t)v;
	return 0;
}

int addr_parse(struct span s, bool zero_ok, struct addr *out)
{
	struct span host, p;
	uint64_t port;
	size_t at;
	int rc;

	*out = (struct addr){0};
	if (s.n && s.p[0] == '[') {
		if (!span_find(s, ']', &at) || at + 1 >= s.n || s.p[at + 1] != ':')
			return -ZT_E_SYNTAX;
		host = span_sub(s, 1, at - 1);
		p = span_sub(s, at + 2, s.n);
		if (!span_find(host, ':', &at))
			return -ZT_E_SYNTAX;
	} else if (!span_cut(s, ':', &host, &p)) {
		return -ZT_E_SYNTAX;
	}
	rc = addr_parse_ip(host, out);
	if (rc < 0 || span_u64(p, 65535, &port) < 0 || (port == 0 && !zero_ok)) {
		*out = (struct addr){0};
		return -ZT_E_SYNTAX;
	}
	out->port = (uint16_t)port;
	return 0;
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_ip(a, b) && a->port == b->port && a->scope == b->scope;
}

bool addr_same_net(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 8) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == 4 ? a->ip[0] == 127 : a->family == 6 && memcmp(a->ip, one, 16) == 0;
}

bool addr_is_linklocal(const struct addr *a)
{
	return a->family == 4 ? a->ip[0] == 169 && a->ip[1] == 254
			      : a->family == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family && memcmp(a->ip, zero, a->family == 4 ? 4 : 16) == 0;
}

struct addr addr_from_here(const struct addr *listens)
{
	struct addr a = *listens;

	if (addr_is_any(&a)) {
		a.ip[0] = a.family == 4 ? 127 : 0;
		a.ip[a.family == 4 ? 3 : 15] = 1;
	}
	return a;
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals. */
static int longest_gap(const uint16_t g[static 8], int *len)
{
	int best = -1, best_len = 1;

	for (int i = 0, n; i < 8; i += n + 1) {
		for (n = 0; i + n < 8 && g[i + n] == 0;)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	*len = best_len;
	return best;
}

static void write_group(struct wr *w, unsigned g)
{
	for (unsigned shift = g > 0xfff ? 16 : g > 0xff ? 12 : g > 0xf ? 8 : 4; shift; shift -= 4)
		wr_u8(w, (uint8_t)"0123456789abcdef"[g >> (shift - 4) & 15]);
}

static void write_v6(struct wr *w, const uint8_t ip[static 16])
{
	uint16_t g[8];
	int gap, len;

	for (int i = 0; i < 8; i++)
		g[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
	gap = longest_gap(g, &len);
	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			wr_str(w, "::");
			i += len - 1;
			continue;
		}
		if (i > 0 && i != gap + len)
			wr_u8(w, ':');
		write_group(w, g[i]);
	}
}

/* Four times for each request: no printf. */
static void write_v4(struct wr *w, const uint8_t ip[static 4])
{
	for (size_t i = 0; i < 4; i++) {
		if (i)
			wr_u8(w, '.');
		wr_u64dec(w, ip[i]);
	}
}

void addr_write_ip(struct wr *w, const struct addr *a)
{
	if (a->family == 4)
		write_v4(w, a->ip);
	else if (a->family == 6)
		write_v6(w, a->ip);
	else
		wr_u8(w, '-');
}

void addr_write(struct wr *w, const struct addr *a)
{
	if (a->family == 6)
		wr_u8(w, '[');
	addr_write_ip(w, a);
	if (a->family == 6 && a->scope)
		wr_fmt(w, "%%%u", (unsigned)a->scope);
	if (a->family == 6)
		wr_u8(w, ']');
	if (a->family)
		wr_fmt(w, ":%u", (unsigned)a->port);
}

const char *addr_text(const struct addr *a, char out[static ADDR_TEXT])
{
	struct wr w = wr_of(out, ADDR_TEXT - 1);

	addr_write(&w, a);
	out[w.n] = 0;
	return out;
}

static bool host_bits_zero(const struct addr *a, unsigned bits)
{
	for (unsigned i = bits; i < (a->family == 4 ? 32u : 128u); i++)
		if (a->ip[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

int cidr_parse(struct span s, struct cidr *out)
{
	struct span ip, len;
	bool slash = span_cut(s, '/', &ip, &len);
	struct addr base;
	uint64_t bits;
	size_t at;

	*out = (struct cidr){0}; /* what is refused must hold no address: bits = 0 would hold all */
	if (addr_parse_ip(ip, &base) < 0)
		return -ZT_E_SYNTAX;
	bits = base.family == 4 ? 32 : 128;
	if (slash && span_u64(len, 128, &bits) < 0)
		return -ZT_E_SYNTAX;
	/* "::ffff:10.0.0.0/104" was written in IPv6 bits and means 10.0.0.0/8. */
	if (slash && base.family == 4 && span_find(ip, ':', &at))
		bits = bits < 96 ? 999 : bits - 96;
	if (bits > (base.family == 4 ? 32u : 128u) || !host_bits_zero(&base, (unsigned)bits))
		return -ZT_E_SYNTAX;
	*out = (struct cidr){.base = base, .bits = (uint8_t)bits};
	return 0;
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (c->base.family == 0 || a->family != c->base.family || memcmp(c->base.ip, a->ip, whole) != 0)
		return false;
	return rest == 0 || (c->base.ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}
