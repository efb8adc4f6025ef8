/*
 * token: the codec of token.h. Owns the layout and the checksum; decides nothing about who may join.
 * It never branches on the secret, never indexes by it, and leaves no copy of it behind.
 */
#include "token.h"

#include <string.h>

#include "addr.h"
#include "base/ct.h"

#define PREFIX "zt1_"
#define LAYOUT 1
#define CRC_LEN 4
#define SECRET_AT (2 + 32 + TOKEN_ID)
#define LEAST (SECRET_AT + TOKEN_SECRET + 1 + CRC_LEN) /* no address */

/* The same as crc32c(), bit by bit: that one looks things up by the bytes it is given. */
static uint32_t blind_crc32c(struct span s)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1));
	}
	return ~crc;
}

static bool good_addr(struct span s)
{
	struct span host;
	uint16_t port;

	return s.n > 0 && s.n <= TOKEN_ADDR_MAX && addr_parse_hostport(s, &host, &port) == 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool write_addrs(struct wr *w, const struct token *t)
{
	if (t->naddrs > TOKEN_ADDRS)
		return false;
	wr_u8(w, t->naddrs);
	for (size_t i = 0; i < t->naddrs; i++) {
		struct span s = span_of(t->addr[i], strnlen(t->addr[i], sizeof t->addr[i]));

		if (!good_addr(s))
			return false;
		wr_u8(w, (uint8_t)s.n);
		wr_put(w, s);
	}
	return true;
}

void token_write(struct wr *w, const struct token *t)
{
	uint8_t raw[TOKEN_BYTES];
	char text[CT_B64_LEN(TOKEN_BYTES)];
	struct wr r = wr_of(raw, sizeof raw);

	wr_u8(&r, LAYOUT);
	wr_u8(&r, t->role);
	wr_bytes(&r, t->pin, sizeof t->pin);
	wr_bytes(&r, t->id, sizeof t->id);
	wr_bytes(&r, t->secret, sizeof t->secret);
	if (write_addrs(&r, t)) {
		wr_le32(&r, blind_crc32c(wr_span(&r)));
		ct_b64url_encode(raw, r.n, text);
		wr_str(w, PREFIX);
		wr_bytes(w, text, CT_B64_LEN(r.n));
	} else {
		w->full = true;
	}
	wipe(raw, sizeof raw);
	wipe(text, sizeof text);
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span s)
{
	while (s.n && is_blank(s.p[0]))
		s = span_sub(s, 1, s.n - 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s = span_sub(s, 0, s.n - 1);
	return s;
}

static int later(struct why *w)
{
	return why_set(w, ZT_E_TOKEN, "the join token was made by a later version of zt; this one is too old to use it");
}

static int damaged(struct why *w)
{
	return why_set(w, ZT_E_TOKEN, "the join token is cut off or mistyped (its checksum is wrong): copy all of it, "
		       "from " PREFIX " to its end, in one line");
}

static int check_prefix(struct span s, struct why *w)
{
	if (span_starts(s, PREFIX))
		return 0;
	if (s.n >= 4 && span_starts(s, "zt") && s.p[2] >= '2' && s.p[2] <= '9' && s.p[3] == '_')
		return later(w);
	return why_set(w, ZT_E_TOKEN, "this is no join token: one begins with " PREFIX " ('zt token create' makes it)");
}

static bool crc_good(struct span raw)
{
	struct span body = span_sub(raw, 0, raw.n - CRC_LEN);
	uint8_t crc[CRC_LEN];
	struct wr w = wr_of(crc, sizeof crc);
	bool good;

	wr_le32(&w, blind_crc32c(body));
	good = ct_eq(crc, span_sub(raw, body.n, CRC_LEN).p, CRC_LEN);
	ct_public(&good, sizeof good);
	return good;
}

static void take(struct rd *r, uint8_t *out, size_t n)
{
	struct span s = rd_bytes(r, n);

	if (s.n == n)
		memcpy(out, s.p, n);
}

static bool read_addrs(struct rd *r, struct token *out)
{
	out->naddrs = rd_u8(r);
	if (out->naddrs > TOKEN_ADDRS)
		return false;
	for (size_t i = 0; i < out->naddrs; i++) {
		struct span s = rd_bytes(r, rd_u8(r));

		if (!good_addr(s) || span_to_cstr(s, out->addr[i], sizeof out->addr[i]) < 0)
			return false;
	}
	return true;
}

static int read_raw(struct token *out, struct span raw, struct why *w)
{
	struct rd r;

	if (raw.n < LEAST || !crc_good(raw))
		return damaged(w);
	r = rd_of(span_sub(raw, 0, raw.n - CRC_LEN));
	if (rd_u8(&r) != LAYOUT)
		return later(w);
	out->role = rd_u8(&r);
	take(&r, out->pin, sizeof out->pin);
	take(&r, out->id, sizeof out->id);
	take(&r, out->secret, sizeof out->secret);
	if (!read_addrs(&r, out) || r.bad || rd_left(&r) > 0)
		return why_set(w, ZT_E_TOKEN, "the join token is malformed: its checksum is right, but not what it holds");
	return 0;
}

/* Every byte but the secret's own: what of them is a digit, how many there are, what they say. */
static void declare_public(uint8_t *raw, int *n)
{
	ct_public(n, sizeof *n);
	ct_public(raw, SECRET_AT);
	if (*n > SECRET_AT + TOKEN_SECRET)
		ct_public(&raw[SECRET_AT + TOKEN_SECRET], (size_t)*n - SECRET_AT - TOKEN_SECRET);
}

int token_read(struct token *out, struct span text, struct why *w)
{
	uint8_t raw[TOKEN_BYTES];
	struct span s = trim(text);
	int n, rc = check_prefix(s, w);

	wipe(out, sizeof *out);
	if (rc < 0)
		return rc;
	n = ct_b64url_decode(span_sub(s, strlen(PREFIX), s.n), raw, sizeof raw);
	declare_public(raw, &n);
	rc = n < 0 ? damaged(w) : read_raw(out, span_of(raw, (size_t)n), w);
	wipe(raw, sizeof raw);
	if (rc < 0)
		wipe(out, sizeof *out);
	return rc;
}

const char *token_name(const uint8_t id[static TOKEN_ID], char out[static TOKEN_NAME])
{
	ct_hex_encode(id, (TOKEN_NAME - 1) / 2, out);
	out[TOKEN_NAME - 1] = '\0';
	return out;
}
