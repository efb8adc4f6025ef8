/*
 * der: the cursors and writers of der.h. Owns nothing, allocates nothing and never recurses:
 * how deep a value may nest is decided by the code of the parser that uses this.
 */
#include "der.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"

#define CLASS_MASK 0xc0
#define CONSTRUCTED 0x20
#define NUMBER_MASK 0x1f
#define LENGTH_BYTES 4 /* 4 GiB: far above every input, and it cannot wrap a size_t */

#define DAY 86400

struct der der_of(struct span contents)
{
	return (struct der){rd_of(contents)};
}

bool der_bad(const struct der *d)
{
	return d->r.bad;
}

bool der_more(const struct der *d)
{
	return !d->r.bad && rd_left(&d->r) > 0;
}

void der_spoil(struct der *d)
{
	rd_rest(&d->r); /* nothing is left, so that loops end */
	d->r.bad = true;
}

uint8_t der_peek(const struct der *d)
{
	struct rd r = d->r;

	return der_more(d) ? rd_u8(&r) : 0;
}

/* X.690 10.2: in DER strings are primitive, and only SEQUENCE, SET and the three that are
 * defined as sequences (EXTERNAL 8, EMBEDDED PDV 11, CHARACTER STRING 29) are constructed. */
static bool tag_is_der(uint8_t tag)
{
	static const uint32_t constructed = 1u << 8 | 1u << 11 | 1u << 16 | 1u << 17 | 1u << 29;
	uint8_t number = tag & NUMBER_MASK;

	if (number == NUMBER_MASK) /* a tag number of several bytes: nothing zt reads has one */
		return false;
	if (tag & CLASS_MASK)
		return true;
	return number != 0 && !(tag & CONSTRUCTED) == !(constructed >> number & 1);
}

/* X.690 10.1: the definite form in as few bytes as possible. */
static size_t read_length(struct der *d)
{
	uint8_t first = rd_u8(&d->r);
	size_t n = first & 0x7f, v = 0;

	if (first < 0x80)
		return first;
	if (n == 0 || n > LENGTH_BYTES) { /* 80: the indefinite form */
		der_spoil(d);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		v = v << 8 | rd_u8(&d->r);
		if (v == 0)
			der_spoil(d);
	}
	if (v < 0x80)
		der_spoil(d);
	return v;
}

struct der_tlv der_any(struct der *d)
{
	struct rd start = d->r;
	struct der_tlv out = {0};

	out.tag = rd_u8(&d->r);
	if (!tag_is_der(out.tag))
		der_spoil(d);
	out.value = rd_bytes(&d->r, read_length(d));
	if (der_bad(d))
		return (struct der_tlv){0};
	out.whole = rd_bytes(&start, rd_left(&start) - rd_left(&d->r));
	return out;
}

struct der_tlv der_take(struct der *d, uint8_t tag)
{
	if (der_peek(d) != tag)
		der_spoil(d);
	return der_any(d);
}

bool der_optional(struct der *d, uint8_t tag, struct der_tlv *out)
{
	*out = (struct der_tlv){0};
	if (der_peek(d) != tag)
		return false;
	*out = der_any(d);
	return !der_bad(d);
}

struct der der_enter(struct der *d, uint8_t tag)
{
	struct der inner = der_of(der_take(d, tag).value);

	if (der_bad(d))
		der_spoil(&inner);
	return inner;
}

void der_leave(struct der *d, const struct der *inner)
{
	if (der_bad(inner) || der_more(inner))
		der_spoil(d);
}

struct der der_whole(struct span bytes, uint8_t tag, bool *ok)
{
	struct der d = der_of(bytes), inner = der_enter(&d, tag);

	*ok = !der_bad(&d) && !der_more(&d);
	if (!*ok)
		der_spoil(&inner);
	return inner;
}

bool der_bool(struct der *d)
{
	struct span v = der_take(d, DER_BOOLEAN).value;

	if (v.n != 1 || (v.p[0] != 0x00 && v.p[0] != 0xff)) {
		der_spoil(d);
		return false;
	}
	return v.p[0] != 0;
}

struct span der_integer(struct der *d)
{
	struct span v = der_take(d, DER_INTEGER).value;

	/* X.690 8.3.2: the first nine bits are neither all ones nor all zeros. */
	if (v.n == 0 || (v.n > 1 && (v.p[0] == 0x00 || v.p[0] == 0xff) && (v.p[0] & 0x80) == (v.p[1] & 0x80))) {
		der_spoil(d);
		return SPAN_NONE;
	}
	return v;
}

struct span der_unsigned(struct der *d)
{
	struct span v = der_integer(d);

	if (v.n && v.p[0] & 0x80) {
		der_spoil(d);
		return SPAN_NONE;
	}
	return v.n && v.p[0] == 0 ? span_sub(v, 1, v.n) : v;
}

uint64_t der_u64(struct der *d, uint64_t max)
{
	struct span v = der_unsigned(d);
	uint64_t n = 0;

	for (size_t i = 0; i < v.n && v.n <= sizeof n; i++)
		n = n << 8 | v.p[i];
	if (v.n > sizeof n || n > max) {
		der_spoil(d);
		return 0;
	}
	return n;
}

struct span der_oid(struct der *d)
{
	struct span v = der_take(d, DER_OID).value;
	bool first = true, ok = v.n > 0;

	for (size_t i = 0; i < v.n; i++) {
		if (first && v.p[i] == 0x80) /* X.690 8.19.2: no leading zeros in an arc */
			ok = false;
		first = !(v.p[i] & 0x80);
	}
	if (!ok || !first) {
		der_spoil(d);
		return SPAN_NONE;
	}
	return v;
}

struct span der_octets(struct der *d)
{
	return der_take(d, DER_OCTETS).value;
}

struct span der_bits(struct der *d, unsigned *unused)
{
	struct span v = der_take(d, DER_BITSTRING).value;

	*unused = v.n ? v.p[0] : 8;
	if (*unused > 7 || (v.n == 1 && *unused) || v.p[v.n - 1] & ((1u << *unused) - 1)) {
		der_spoil(d);
		*unused = 0;
		return SPAN_NONE;
	}
	return span_sub(v, 1, v.n);
}

struct span der_bits_whole(struct der *d)
{
	unsigned unused;
	struct span v = der_bits(d, &unused);

	if (unused == 0)
		return v;
	der_spoil(d);
	return SPAN_NONE;
}

/* ---- text ------------------------------------------------------------------------------ */

static bool printable(uint8_t c)
{
	/* The last four are outside the type. Wildcards, company names and the devices of makers
	 * who call every text a PrintableString have them; other readers do not look at all. */
	static const char others[] = " '()+,-./:=?*&@_";

	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       memchr(others, c, sizeof others - 1) != NULL;
}

static bool numeric(uint8_t c) { return c == ' ' || (c >= '0' && c <= '9'); }
static bool visible(uint8_t c) { return c >= 0x20 && c < 0x7f; }
static bool ascii(uint8_t c) { return c < 0x80; }
static bool latin1(uint8_t c) { return visible(c) || c >= 0xa0; }

/* width bytes a character, big-endian. */
static bool wide(struct span s, size_t width)
{
	struct rd r = rd_of(s);

	if (s.n % width)
		return false;
	while (rd_left(&r)) {
		uint32_t c = width == 2 ? rd_be16(&r) : rd_be32(&r);

		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
	}
	return true;
}

bool der_is_text(const struct der_tlv *t)
{
	static const struct {
		uint8_t tag;
		bool (*has)(uint8_t c);
	} alphabet[] = {
		{DER_PRINTABLE, printable}, {DER_NUMERIC, numeric}, {DER_VISIBLE, visible},
		{DER_IA5, ascii},	    {DER_T61, latin1},
	};

	if (t->tag == DER_UTF8)
		return span_is_utf8(t->value);
	if (t->tag == DER_BMP || t->tag == DER_UNIVERSAL)
		return wide(t->value, t->tag == DER_BMP ? 2 : 4);
	for (size_t i = 0; i < ARRAY_LEN(alphabet); i++) {
		if (alphabet[i].tag != t->tag)
			continue;
		for (size_t at = 0; at < t->value.n; at++)
			if (!alphabet[i].has(t->value.p[at]))
				return false;
		return true;
	}
	return false;
}

/* ---- time ------------------------------------------------------------------------------ */

/* The Gregorian calendar as if it had always been: year 0 is a leap year. */
static bool leap(unsigned y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* From 0000-01-01 to the first of January of y: leap years below y are those at multiples of
 * 4, less those of 100, and those of 400 again; adding 3, 99 and 399 rounds up. */
static int64_t days_before_year(unsigned y)
{
	return (int64_t)y * 365 + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
}

static unsigned month_days(unsigned y, unsigned m)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && leap(y) ? 1u : 0u);
}

struct civil {
	unsigned year, month, day, hour, minute, second;
};

static bool civil_ok(const struct civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= month_days(c->year, c->month) &&
	       c->hour < 24 && c->minute < 60 && c->second < 60;
}

static int64_t civil_seconds(const struct civil *c)
{
	int64_t days = days_before_year(c->year) - days_before_year(1970) + c->day - 1;

	for (unsigned m = 1; m < c->month; m++)
		days += month_days(c->year, m);
	return days * DAY + c->hour * 3600 + c->minute * 60 + c->second;
}

/* t lies in the years 0 to 9999. */
static struct civil civil_of(int64_t t)
{
	int64_t days = (t >= 0 ? t : t - (DAY - 1)) / DAY, second = t - days * DAY;
	struct civil c = {.month = 1};

	days += days_before_year(1970);
	c.year = (unsigned)(days * 400 / 146097); /* 400 years have 146,097 days: right, or one off */
	while (days_before_year(c.year) > days)
		c.year--;
	while (days_before_year(c.year + 1) <= days)
		c.year++;
	days -= days_before_year(c.year);
	for (; days >= month_days(c.year, c.month); c.month++)
		days -= month_days(c.year, c.month);
	c.day = (unsigned)days + 1;
	c.hour = (unsigned)(second / 3600);
	c.minute = (unsigned)(second / 60 % 60);
	c.second = (unsigned)(second % 60);
	return c;
}

static unsigned two_digits(struct der *d, struct rd *r)
{
	uint8_t ten = rd_u8(r), one = rd_u8(r);

	if (ten < '0' || ten > '9' || one < '0' || one > '9') {
		der_spoil(d);
		return 0;
	}
	return (unsigned)(ten - '0') * 10 + (unsigned)(one - '0');
}

/* RFC 5280 4.1.2.5: with seconds, in Z, without fractions. Both types are read for every year,
 * as that section asks of readers; which one belongs to a year binds those who write. */
int64_t der_time(struct der *d)
{
	bool utc = der_peek(d) == DER_UTCTIME;
	struct der_tlv t = der_take(d, utc ? DER_UTCTIME : DER_GENTIME);
	struct rd r = rd_of(t.value);
	unsigned century = utc ? 0 : two_digits(d, &r), yy = two_digits(d, &r);
	struct civil c = {.year = century * 100 + yy};

	if (utc)
		c.year = yy + (yy < 50 ? 2000 : 1900);
	c.month = two_digits(d, &r);
	c.day = two_digits(d, &r);
	c.hour = two_digits(d, &r);
	c.minute = two_digits(d, &r);
	c.second = two_digits(d, &r);
	if (rd_u8(&r) != 'Z' || rd_left(&r) || !civil_ok(&c))
		der_spoil(d);
	return der_bad(d) ? 0 : civil_seconds(&c);
}

/* ---- writing --------------------------------------------------------------------------- */

void der_close(struct wr *w, size_t mark)
{
	size_t n = w->n - mark;
	uint8_t len[1 + LENGTH_BYTES];
	struct wr l = wr_of(len, sizeof len);
	unsigned bytes = 0;

	if (n < 0x80) {
		wr_u8(&l, (uint8_t)n);
	} else {
		while (n >> 8 * bytes) /* w->n is far below 2^32 */
			bytes++;
		wr_u8(&l, (uint8_t)(0x80 | bytes));
		while (bytes--)
			wr_u8(&l, (uint8_t)(n >> 8 * bytes));
	}
	if (l.full)
		w->full = true;
	wr_insert(w, mark, wr_span(&l));
}

size_t der_open(struct wr *w, uint8_t tag)
{
	wr_u8(w, tag);
	return w->n;
}

void der_wr(struct wr *w, uint8_t tag, struct span contents)
{
	size_t mark = der_open(w, tag);

	wr_put(w, contents);
	der_close(w, mark);
}

void der_wr_null(struct wr *w)
{
	der_wr(w, DER_NULL, SPAN_NONE);
}

void der_wr_bool(struct wr *w, bool v)
{
	der_wr(w, DER_BOOLEAN, v ? SPAN_LIT("\xff") : SPAN_LIT("\0"));
}

void der_wr_unsigned(struct wr *w, struct span s)
{
	size_t mark = der_open(w, DER_INTEGER);

	while (s.n && s.p[0] == 0)
		s = span_sub(s, 1, s.n);
	if (s.n == 0 || s.p[0] & 0x80)
		wr_u8(w, 0);
	wr_put(w, s);
	der_close(w, mark);
}

void der_wr_u64(struct wr *w, uint64_t v)
{
	uint8_t mem[sizeof v];
	struct wr b = wr_of(mem, sizeof mem);

	wr_be64(&b, v);
	der_wr_unsigned(w, wr_span(&b));
}

void der_wr_oid(struct wr *w, struct span contents)
{
	der_wr(w, DER_OID, contents);
}

void der_wr_octets(struct wr *w, struct span s)
{
	der_wr(w, DER_OCTETS, s);
}

void der_wr_bits(struct wr *w, struct span s, unsigned unused)
{
	size_t mark = der_open(w, DER_BITSTRING);

	ZT_ASSERT(unused < 8 && (s.n || unused == 0));
	wr_u8(w, (uint8_t)unused);
	wr_put(w, s);
	der_close(w, mark);
}

static void wr_2(struct wr *w, unsigned v)
{
	wr_u8(w, (uint8_t)('0' + v / 10 % 10));
	wr_u8(w, (uint8_t)('0' + v % 10));
}

void der_wr_time(struct wr *w, int64_t t)
{
	static const struct civil first = {0, 1, 1, 0, 0, 0}, last = {9999, 12, 31, 23, 59, 59};
	struct civil c;
	size_t mark;
	bool utc;

	if (t < civil_seconds(&first) || t > civil_seconds(&last)) {
		w->full = true; /* no four digits hold its year */
		return;
	}
	c = civil_of(t);
	utc = c.year >= 1950 && c.year < 2050;
	mark = der_open(w, utc ? DER_UTCTIME : DER_GENTIME);
	if (!utc)
		wr_2(w, c.year / 100);
	wr_2(w, c.year % 100);
	wr_2(w, c.month);
	wr_2(w, c.day);
	wr_2(w, c.hour);
	wr_2(w, c.minute);
	wr_2(w, c.second);
	wr_u8(w, 'Z');
	der_close(w, mark);
}
