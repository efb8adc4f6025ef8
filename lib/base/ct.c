/*
 * ct: constant-time compare and codecs. Digits are computed, never looked up: every range
 * test is a mask made from a borrow, so neither the cache nor a branch sees the value.
 */
#include "ct.h"

#include <limits.h>
#include <string.h>

#include "err.h"

bool ct_eq(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

bool ct_eq_span(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	return ct_eq(a.p, b.p, a.n);
}

void wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	/* The compiler must assume that this reads *p, so the memset has to happen. */
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* A compiler that sees that v is all ones or 0 may turn the arithmetic back into a branch;
 * clang 14 does at -O2. After this it knows nothing about v. */
static uint32_t hide(uint32_t v)
{
	__asm__ volatile("" : "+r"(v));
	return v;
}

/* All ones when lo <= v <= hi, else 0; v, lo, hi < 2^31. */
static uint32_t in_range(uint32_t v, uint32_t lo, uint32_t hi)
{
	uint32_t outside = (v - lo) | (hi - v); /* top bit set by either borrow */
	return hide((outside >> 31) - 1);
}

static char hex_digit(uint32_t v)
{
	return (char)(v + '0' + (in_range(v, 10, 15) & ('a' - '0' - 10)));
}

void ct_hex_encode(const void *in, size_t n, char *out)
{
	const uint8_t *p = in;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digit(p[i] >> 4);
		out[2 * i + 1] = hex_digit(p[i] & 15);
	}
}

/* The digit's value, or all ones. */
static uint32_t hex_value(uint32_t c)
{
	uint32_t dec = in_range(c, '0', '9'), low = in_range(c, 'a', 'f'), up = in_range(c, 'A', 'F');

	return (dec & (c - '0')) | (low & (c - 'a' + 10)) | (up & (c - 'A' + 10)) | ~(dec | low | up);
}

/* All ones when bad is 0, else 0. */
static uint32_t mask_good(uint32_t bad)
{
	return hide(((bad | -bad) >> 31) - 1);
}

static void clear_unless(uint32_t good, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] &= (uint8_t)good;
}

int ct_hex_decode(struct span in, uint8_t *out)
{
	uint32_t bad = 0, good;

	if (in.n % 2)
		return -ZT_E_SYNTAX;
	for (size_t i = 0; i < in.n / 2; i++) {
		uint32_t hi = hex_value(in.p[2 * i]), lo = hex_value(in.p[2 * i + 1]);

		bad |= (hi | lo) >> 8;
		out[i] = (uint8_t)(hi << 4 | (lo & 15));
	}
	good = mask_good(bad);
	clear_unless(good, out, in.n / 2);
	return -(int)(ZT_E_SYNTAX & ~good);
}

/* The last two digits of an alphabet; the first 62 are those of both. */
struct b64_tail {
	uint8_t d62, d63;
};
static const struct b64_tail url_tail = {'-', '_'}, pad_tail = {'+', '/'};

static char b64_digit(uint32_t v, struct b64_tail t)
{
	return (char)((in_range(v, 0, 25) & (v + 'A')) | (in_range(v, 26, 51) & (v - 26 + 'a')) |
		      (in_range(v, 52, 61) & (v - 52 + '0')) | (in_range(v, 62, 62) & t.d62) |
		      (in_range(v, 63, 63) & t.d63));
}

/* The digit's value, or all ones. */
static uint32_t b64_value(uint32_t c, struct b64_tail t)
{
	uint32_t up = in_range(c, 'A', 'Z'), low = in_range(c, 'a', 'z'), dec = in_range(c, '0', '9');
	uint32_t d62 = in_range(c, t.d62, t.d62), d63 = in_range(c, t.d63, t.d63);

	return (up & (c - 'A')) | (low & (c - 'a' + 26)) | (dec & (c - '0' + 52)) | (d62 & 62) |
	       (d63 & 63) | ~(up | low | dec | d62 | d63);
}

/* Answers how many digits were written. */
static size_t b64_encode(const uint8_t *p, size_t n, struct b64_tail t, char *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | p[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			out[o++] = b64_digit(acc >> (bits - 6) & 63, t);
	}
	if (bits)
		out[o++] = b64_digit(acc << (6 - bits) & 63, t);
	return o;
}

void ct_b64url_encode(const void *in, size_t n, char *out)
{
	b64_encode(in, n, url_tail, out);
}

void ct_b64_encode(const void *in, size_t n, char *out)
{
	size_t o = b64_encode(in, n, pad_tail, out);

	while (o < CT_B64PAD_LEN(n))
		out[o++] = '=';
}

int ct_b64url_decode(struct span in, uint8_t *out, size_t cap)
{
	size_t len = in.n / 4 * 3 + (in.n % 4 ? in.n % 4 - 1 : 0), o = 0;
	uint32_t acc = 0, bad = 0, good;
	unsigned bits = 0;

	if (in.n % 4 == 1)
		return -ZT_E_SYNTAX;
	if (len > cap || len > INT_MAX)
		return -ZT_E_TOOLONG;
	for (size_t i = 0; i < in.n; i++) {
		uint32_t v = b64_value(in.p[i], url_tail);

		bad |= v >> 8;
		acc = (acc << 6 | (v & 63)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[o++] = (uint8_t)(acc >> bits);
		}
	}
	bad |= acc & ((1u << bits) - 1); /* one text per value */
	good = mask_good(bad);
	clear_unless(good, out, o);
	return (int)((uint32_t)o & good) - (int)(ZT_E_SYNTAX & ~good);
}

#define B64_BLANK 1
#define B64_PAD 2

/* Is it something else than a digit? Junk counts as a digit here, and as a bad one later. */
static uint32_t b64_kind(uint32_t c)
{
	uint32_t blank = in_range(c, ' ', ' ') | in_range(c, '\t', '\n') | in_range(c, '\r', '\r');

	return (blank & B64_BLANK) | (in_range(c, '=', '=') & B64_PAD);
}

struct b64_state {
	uint32_t acc, bad;
	unsigned bits, pads;
	size_t o;
};

/* false: no room. */
static bool b64_take(struct b64_state *s, uint32_t c, uint8_t *out, size_t cap)
{
	uint32_t v = b64_value(c, pad_tail), kind = b64_kind(c);

	ct_public(&kind, sizeof kind);
	if (kind == B64_BLANK)
		return true;
	if (kind == B64_PAD) {
		s->pads++;
		return true;
	}
	s->bad |= v >> 8 | s->pads; /* nothing stands behind the padding */
	s->acc = (s->acc << 6 | (v & 63)) & 0xffff;
	s->bits += 6;
	if (s->bits < 8)
		return true;
	if (s->o == cap || s->o == INT_MAX)
		return false;
	s->bits -= 8;
	out[s->o++] = (uint8_t)(s->acc >> s->bits);
	return true;
}

int ct_b64_decode(struct span in, uint8_t *out, size_t cap)
{
	struct b64_state s = {0};
	uint32_t good;

	for (size_t i = 0; i < in.n; i++)
		if (!b64_take(&s, in.p[i], out, cap)) {
			wipe(out, s.o);
			return -ZT_E_TOOLONG;
		}
	/* 2, 3 or 4 digits in the last group leave 4, 2 or 0 bits, and want 2, 1 or 0 of '='. */
	s.bad |= (s.bits == 6) | (s.pads != s.bits / 2);
	s.bad |= s.acc & ((1u << s.bits) - 1);
	good = mask_good(s.bad);
	clear_unless(good, out, s.o);
	return (int)((uint32_t)s.o & good) - (int)(ZT_E_SYNTAX & ~good);
}

/* Weak: the check of constant time puts its own in this place, in front of the real objects. */
__attribute__((weak)) void ct_public(void *p, size_t n)
{
	(void)n;
	/* The caller must believe that the bytes may have changed, or it would not look again. */
	__asm__ volatile("" : : "r"(p) : "memory");
}
