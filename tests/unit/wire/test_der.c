/* Encodings written out by hand from X.690, good and bad; times against known seconds. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/num.h"
#include "wire/der.h"

/* "30 03 02 01 05" as bytes; valid until the fourth later call. */
static struct span hex(const char *text)
{
	static uint8_t mem[4][700];
	static unsigned turn;
	uint8_t *out = mem[turn++ % 4];
	size_t n = 0;

	for (const char *c = text; *c; c++) {
		static const char digits[] = "0123456789abcdef";
		const char *at = strchr(digits, *c);

		if (*c == ' ')
			continue;
		if (at == NULL || n / 2 >= sizeof mem[0])
			abort();
		out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] << 4 | (at - digits) : at - digits);
		n++;
	}
	return span_of(out, n / 2);
}

static bool is(struct span got, const char *want)
{
	return span_eq(got, hex(want));
}

/* Every reader on one value: what it answers, and whether all of it was read well. */
struct read {
	const char *in;
	bool ok;
	const char *why;
};

TEST(values_and_lengths)
{
	static const struct read v[] = {
		{"05 00", true, "NULL"},
		{"04 01 aa", true, "short form"},
		{"04 00", true, "nothing inside"},
		{"30 00", true, "an empty SEQUENCE"},
		{"a0 02 05 00", true, "[0] constructed"},
		{"80 01 00", true, "[0] primitive"},
		{"1f 01 00", false, "universal tag number 31 follows in more bytes"},
		{"9f 01 00", false, "the same, context class"},
		{"bf 8f 01 00", false, "the same, constructed"},
		{"00 00", false, "end of contents is BER"},
		{"24 03 04 01 aa", false, "OCTET STRING in pieces is BER"},
		{"23 04 03 02 00 01", false, "BIT STRING in pieces"},
		{"10 00", false, "a primitive SEQUENCE"},
		{"11 00", false, "a primitive SET"},
		{"22 01 05", false, "a constructed INTEGER"},
		{"28 00", true, "EXTERNAL is constructed"},
		{"08 00", false, "EXTERNAL cannot be primitive"},
		{"30 80 00 00", false, "indefinite length"},
		{"04 81 01 aa", false, "81 for a length below 128"},
		{"04 82 00 01 aa", false, "a leading zero in the length"},
		{"04 81 7f", false, "127 fits the short form"},
		{"04 85 00 00 00 00 01 aa", false, "five length bytes"},
		{"04 ff aa", false, "ff is reserved"},
		{"04 02 aa", false, "one byte short"},
		{"04 84 ff ff ff ff aa", false, "four billion bytes short"},
		{"04", false, "no length"},
		{"04 81", false, "half a length"},
		{"", false, "nothing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct span in = hex(v[i].in);
		struct der d = der_of(in);
		struct der_tlv t = der_any(&d);
		bool ok = !der_bad(&d) && !der_more(&d);

		if (ok != v[i].ok)
			unit_fail(__FILE__, __LINE__, "%s (%s)", v[i].in, v[i].why);
		if (ok)
			CHECK(span_eq(t.whole, in) && t.tag == in.p[0] && t.value.n == in.n - 2);
		else
			CHECK(t.whole.n == 0 && t.value.n == 0 && t.tag == 0 && !der_more(&d));
	}
}

TEST(long_lengths)
{
	static const struct {
		size_t n;
		const char *head;
	} v[] = {{127, "04 7f"}, {128, "04 81 80"}, {255, "04 81 ff"}, {256, "04 82 01 00"},
		 {65535, "04 82 ff ff"}, {65536, "04 83 01 00 00"}};
	static uint8_t mem[65536 + 8], zeros[65536];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct span head = hex(v[i].head);
		struct der d;

		der_wr_octets(&w, span_of(zeros, v[i].n));
		NEED(!w.full);
		CHECK_INT(w.n, v[i].n + head.n);
		CHECK(span_eq(span_sub(wr_span(&w), 0, head.n), head));
		d = der_of(wr_span(&w));
		CHECK(der_octets(&d).n == v[i].n && !der_bad(&d) && !der_more(&d));
		/* one byte less of room: full, whatever the length of the length */
		w = wr_of(mem, v[i].n + head.n - 1);
		der_wr_octets(&w, span_of(zeros, v[i].n));
		CHECK(w.full);
	}
}

TEST(booleans)
{
	struct der d = der_of(hex("01 01 00 01 01 ff 01 01 01"));

	CHECK(!der_bool(&d));
	CHECK(der_bool(&d) && !der_bad(&d));
	CHECK(!der_bool(&d) && der_bad(&d)); /* 01: true in BER only */
	d = der_of(hex("01 00"));
	CHECK(!der_bool(&d) && der_bad(&d));
	d = der_of(hex("01 02 ff ff"));
	CHECK(!der_bool(&d) && der_bad(&d));
}

TEST(integers)
{
	static const struct {
		const char *in;
		const char *integer; /* NULL: bad */
		const char *uns;
	} v[] = {
		{"02 01 00", "00", ""},
		{"02 01 7f", "7f", "7f"},
		{"02 02 00 80", "00 80", "80"},
		{"02 01 80", "80", NULL},
		{"02 02 ff 7f", "ff 7f", NULL},
		{"02 02 00 7f", NULL, NULL}, /* 7f says the same */
		{"02 02 00 00", NULL, NULL},
		{"02 02 ff 80", NULL, NULL}, /* 80 says the same */
		{"02 02 ff ff", NULL, NULL},
		{"02 00", NULL, NULL},
		{"0a 01 05", NULL, NULL}, /* an ENUMERATED */
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct der a = der_of(hex(v[i].in)), b = a;
		struct span n = der_integer(&a), u = der_unsigned(&b);

		CHECK(der_bad(&a) == (v[i].integer == NULL));
		CHECK(is(n, v[i].integer ? v[i].integer : ""));
		CHECK(der_bad(&b) == (v[i].uns == NULL));
		CHECK(is(u, v[i].uns ? v[i].uns : ""));
	}
}

TEST(small_numbers)
{
	struct der d = der_of(hex("02 01 00 02 02 01 00 02 09 00 ff ff ff ff ff ff ff ff"));

	CHECK_INT(der_u64(&d, 10), 0);
	CHECK_INT(der_u64(&d, 256), 256);
	CHECK(der_u64(&d, UINT64_MAX) == UINT64_MAX && !der_bad(&d));
	d = der_of(hex("02 02 01 00"));
	CHECK(der_u64(&d, 255) == 0 && der_bad(&d));
	d = der_of(hex("02 01 ff"));
	CHECK(der_u64(&d, 255) == 0 && der_bad(&d));
	d = der_of(hex("02 09 01 00 00 00 00 00 00 00 00"));
	CHECK(der_u64(&d, UINT64_MAX) == 0 && der_bad(&d));
}

TEST(identifiers)
{
	static const struct read v[] = {
		{"06 03 55 04 03", true, ""},
		{"06 01 00", true, "0.0"},
		{"06 00", false, "no arc"},
		{"06 02 55 84", false, "an arc that does not end"},
		{"06 03 55 80 01", false, "an arc with a leading zero"},
		{"06 02 80 01", false, "the first too"},
		{"06 03 55 81 00", true, "00 at an end is a digit"},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct der d = der_of(hex(v[i].in));
		struct span s = der_oid(&d);

		if (der_bad(&d) == v[i].ok || (s.n != 0) != v[i].ok)
			unit_fail(__FILE__, __LINE__, "%s (%s)", v[i].in, v[i].why);
	}
}

TEST(bit_strings)
{
	static const struct {
		const char *in;
		int unused; /* -1: bad */
		const char *bits;
	} v[] = {
		{"03 01 00", 0, ""},
		{"03 02 00 ff", 0, "ff"},
		{"03 02 05 a0", 5, "a0"},
		{"03 02 07 80", 7, "80"},
		{"03 00", -1, ""},       /* not even the count */
		{"03 01 01", -1, ""},    /* one unused bit of none */
		{"03 02 08 00", -1, ""}, /* eight is a byte */
		{"03 02 05 b0", -1, ""}, /* unused bits are zero in DER */
		{"03 02 01 01", -1, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct der a = der_of(hex(v[i].in)), b = a;
		unsigned unused;
		struct span s = der_bits(&a, &unused);

		CHECK(der_bad(&a) == (v[i].unused < 0));
		CHECK(is(s, v[i].bits));
		CHECK_INT(unused, v[i].unused < 0 ? 0 : v[i].unused);
		s = der_bits_whole(&b);
		CHECK(der_bad(&b) == (v[i].unused != 0));
		CHECK(is(s, v[i].unused == 0 ? v[i].bits : ""));
	}
}

static int64_t time_of(uint8_t tag, const char *text, bool *ok)
{
	uint8_t mem[64];
	struct wr w = wr_of(mem, sizeof mem);
	struct der d;
	int64_t t;

	der_wr(&w, tag, span_str(text));
	d = der_of(wr_span(&w));
	t = der_time(&d);
	*ok = !der_bad(&d) && !der_more(&d);
	return t;
}

TEST(times)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t t; /* from date(1): date -u -d '...' +%s */
	} v[] = {
		{DER_UTCTIME, "700101000000Z", 0},
		{DER_UTCTIME, "691231235959Z", -1},
		{DER_UTCTIME, "500101000000Z", -631152000},
		{DER_UTCTIME, "491231235959Z", 2524607999},
		{DER_GENTIME, "20500101000000Z", 2524608000},
		{DER_UTCTIME, "240229120000Z", 1709208000},
		{DER_UTCTIME, "000229000000Z", 951782400},
		{DER_GENTIME, "20000229000000Z", 951782400},
		{DER_GENTIME, "21000228235959Z", 4107542399},
		{DER_GENTIME, "21000301000000Z", 4107542400},
		{DER_GENTIME, "99991231235959Z", 253402300799},
		{DER_GENTIME, "00000101000000Z", -62167219200},
		{DER_GENTIME, "19491231235959Z", -631152001},
		{DER_UTCTIME, "380119031408Z", 2147483648},
	};
	bool ok;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(time_of(v[i].tag, v[i].text, &ok), v[i].t);
		CHECK(ok);
	}
}

TEST(times_that_are_none)
{
	static const struct {
		uint8_t tag;
		const char *text;
	} v[] = {
		{DER_UTCTIME, "230229000000Z"},        /* no leap year */
		{DER_GENTIME, "21000229000000Z"},      /* nor that, at a century */
		{DER_UTCTIME, "230431000000Z"},        {DER_UTCTIME, "231301000000Z"},
		{DER_UTCTIME, "230001000000Z"},        {DER_UTCTIME, "230100000000Z"},
		{DER_UTCTIME, "230132000000Z"},        {DER_UTCTIME, "230101240000Z"},
		{DER_UTCTIME, "230101006000Z"},        {DER_UTCTIME, "230101000060Z"},
		{DER_UTCTIME, "2301010000Z"},          /* without seconds: BER */
		{DER_UTCTIME, "230101000000+0000"},    /* not Z: BER */
		{DER_UTCTIME, "230101000000"},         {DER_UTCTIME, "230101000000z"},
		{DER_UTCTIME, "230101000000Z0"},       {DER_UTCTIME, "2301010000 0Z"},
		{DER_UTCTIME, "23010100000:Z"},        {DER_UTCTIME, "-30101000000Z"},
		{DER_UTCTIME, "20230101000000Z"},      {DER_GENTIME, "230101000000Z"},
		{DER_GENTIME, "20230101000000.5Z"},    /* fractions: RFC 5280 has none */
		{DER_GENTIME, "20230101000000"},       {DER_UTCTIME, ""},
		{DER_PRINTABLE, "230101000000Z"},
	};
	bool ok;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(time_of(v[i].tag, v[i].text, &ok), 0);
		if (ok)
			unit_fail(__FILE__, __LINE__, "%s", v[i].text);
	}
}

TEST(times_come_back)
{
	static const int64_t first = -62167219200, last = 253402300799, step = 86400 * 97 + 12345;
	uint8_t mem[32];

	for (int64_t t = first; t <= last; t += step) {
		struct wr w = wr_of(mem, sizeof mem);
		struct der d;

		der_wr_time(&w, t);
		d = der_of(wr_span(&w));
		CHECK_INT(der_time(&d), t);
		CHECK(!w.full && !der_bad(&d) && !der_more(&d));
		CHECK_INT(mem[0], t >= -631152000 && t < 2524608000 ? DER_UTCTIME : DER_GENTIME);
	}
	for (int i = 0; i < 2; i++) {
		struct wr w = wr_of(mem, sizeof mem);

		der_wr_time(&w, i ? last + 1 : first - 1);
		CHECK(w.full && w.n == 0);
		w = wr_of(mem, sizeof mem);
		der_wr_time(&w, i ? INT64_MAX : INT64_MIN);
		CHECK(w.full);
	}
}

TEST(text)
{
	static const struct {
		uint8_t tag;
		const char *bytes;
		bool ok;
	} v[] = {
		{DER_PRINTABLE, "41 5a 61 7a 30 39 20 27 28 29 2b 2c 2d 2e 2f 3a 3d 3f", true},
		{DER_PRINTABLE, "2a 2e 61", true},  /* *.a */
		{DER_PRINTABLE, "61 40 62", true},  /* a@b */
		{DER_PRINTABLE, "23", false},       {DER_PRINTABLE, "00", false},
		{DER_PRINTABLE, "c3 a9", false},    {DER_PRINTABLE, "", true},
		{DER_UTF8, "c3 a9 e2 82 ac", true}, {DER_UTF8, "c3", false},
		{DER_UTF8, "c0 80", false},         {DER_UTF8, "ed a0 80", false},
		{DER_IA5, "61 40 62", true},        {DER_IA5, "80", false},
		{DER_T61, "e9 20", true},           {DER_T61, "1b", false},
		{DER_BMP, "00 61 20 ac", true},     {DER_BMP, "00", false},
		{DER_BMP, "d8 00 dc 00", false},    {DER_UNIVERSAL, "00 01 f6 00", true},
		{DER_UNIVERSAL, "00 11 00 00", false}, {DER_UNIVERSAL, "00 00 61", false},
		{DER_NUMERIC, "31 20", true},       {DER_NUMERIC, "61", false},
		{DER_VISIBLE, "7e", true},          {DER_VISIBLE, "7f", false},
		{DER_OCTETS, "61", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct der_tlv t = {v[i].tag, hex(v[i].bytes), SPAN_NONE};

		if (der_is_text(&t) != v[i].ok)
			unit_fail(__FILE__, __LINE__, "%02x %s", v[i].tag, v[i].bytes);
	}
}

TEST(inside_and_out)
{
	struct der d = der_of(hex("30 06 02 01 05 80 01 aa 05 00")), in = der_enter(&d, DER_SEQUENCE);
	struct der_tlv t;
	bool ok;

	CHECK_INT(der_u64(&in, 9), 5);
	CHECK(!der_optional(&in, DER_CTX(1), &t) && t.whole.n == 0 && !der_bad(&in));
	CHECK(der_optional(&in, DER_CTX(0), &t) && is(t.value, "aa") && is(t.whole, "80 01 aa"));
	CHECK(!der_optional(&in, DER_CTX(0), &t));
	CHECK_INT(der_peek(&in), 0);
	der_leave(&d, &in);
	CHECK(!der_bad(&d) && der_peek(&d) == DER_NULL);
	/* left over inside: the outer is bad */
	d = der_of(hex("30 06 02 01 05 80 01 aa 05 00"));
	in = der_enter(&d, DER_SEQUENCE);
	CHECK_INT(der_u64(&in, 9), 5);
	der_leave(&d, &in);
	CHECK(der_bad(&d) && !der_more(&d) && der_peek(&d) == 0 && der_any(&d).whole.n == 0);
	/* bad inside: the outer too; and what is inside a bad one is bad */
	d = der_of(hex("30 03 02 01 05 05 00"));
	in = der_enter(&d, DER_SEQUENCE);
	CHECK(!der_bool(&in) && der_bad(&in));
	der_leave(&d, &in);
	CHECK(der_bad(&d));
	in = der_enter(&d, DER_SEQUENCE);
	CHECK(der_bad(&in));
	/* an optional value that is there, but broken */
	d = der_of(hex("80 05 00"));
	CHECK(!der_optional(&d, DER_CTX(0), &t) && der_bad(&d) && t.whole.n == 0);

	in = der_whole(hex("30 02 05 00"), DER_SEQUENCE, &ok);
	CHECK(ok && der_peek(&in) == DER_NULL);
	in = der_whole(hex("30 02 05 00 00"), DER_SEQUENCE, &ok);
	CHECK(!ok && der_bad(&in));
	in = der_whole(hex("31 02 05 00"), DER_SEQUENCE, &ok);
	CHECK(!ok && der_bad(&in));
	in = der_whole(SPAN_NONE, DER_SEQUENCE, &ok);
	CHECK(!ok && der_bad(&in));
}

TEST(writing)
{
	uint8_t mem[64];
	struct wr w = wr_of(mem, sizeof mem);
	size_t seq = der_open(&w, DER_SEQUENCE), inner;

	der_wr_u64(&w, 0);
	der_wr_u64(&w, 127);
	der_wr_u64(&w, 128);
	der_wr_unsigned(&w, hex("00 00 ff"));
	inner = der_open(&w, DER_CTXC(0));
	der_wr_null(&w);
	der_close(&w, inner);
	der_wr_bool(&w, true);
	der_wr_bool(&w, false);
	der_wr_bits(&w, hex("a0"), 5);
	der_wr_oid(&w, hex("55 04 03"));
	der_close(&w, seq);
	CHECK(!w.full);
	CHECK(is(wr_span(&w), "30 21 02 01 00 02 01 7f 02 02 00 80 02 02 00 ff a0 02 05 00 01 01 ff 01 01 00"
			      " 03 02 05 a0 06 03 55 04 03"));
	seq = 0;
	for (struct der d = der_of(wr_span(&w)), in = der_enter(&d, DER_SEQUENCE); der_more(&in); seq++) {
		CHECK(der_any(&in).whole.n > 0);
		CHECK(!der_bad(&d) && !der_more(&d));
	}
	CHECK_INT(seq, 9);
	/* what does not fit leaves the writer full, and closing does no harm */
	for (size_t cap = 0; cap < w.n; cap++) {
		struct wr s = wr_of(mem, cap);
		size_t mark = der_open(&s, DER_SEQUENCE);

		der_wr_octets(&s, hex("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b"
				      " 1c 1d 1e 1f 20 21 22 23"));
		der_close(&s, mark);
		CHECK(s.full && s.n <= cap);
	}
}
