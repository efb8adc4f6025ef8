/* ct: every byte value through every codec, and one text per value. Timing: secrets-are-constant-time.sh. */
#include "base/ct.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/err.h"

TEST(equal_means_every_bit)
{
	uint8_t a[33], b[33];

	memset(a, 0x5a, sizeof a);
	for (size_t n = 0; n <= sizeof a; n++)
		for (size_t bit = 0; bit < n * 8; bit++) {
			memcpy(b, a, sizeof b);
			b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (ct_eq(a, b, n) || !ct_eq(a, b, bit / 8))
				unit_fail(__FILE__, __LINE__, "n %zu bit %zu", n, bit);
		}
	CHECK(ct_eq(NULL, NULL, 0));
	CHECK(ct_eq_span(SPAN_LIT("a\0b"), SPAN_LIT("a\0b")));
	CHECK(!ct_eq_span(SPAN_LIT("ab"), SPAN_LIT("abc")));
	CHECK(!ct_eq_span(SPAN_NONE, SPAN_LIT("a")));
	CHECK(ct_eq_span(SPAN_NONE, SPAN_LIT("")));
}

TEST(wipe_erases)
{
	uint8_t b[16];

	memset(b, 1, sizeof b);
	wipe(b + 1, 14);
	CHECK(b[0] == 1 && b[15] == 1);
	for (int i = 1; i < 15; i++)
		CHECK(b[i] == 0);
	wipe(b, 1);
	CHECK(b[0] == 0 && b[15] == 1);
	wipe(NULL, 0);
}

TEST(hex_of_every_byte_and_back)
{
	for (unsigned v = 0; v < 256; v++) {
		char want[3], got[3] = {0};
		uint8_t in = (uint8_t)v, out = 0;

		snprintf(want, sizeof want, "%02x", v);
		ct_hex_encode(&in, 1, got);
		CHECK_STR(got, want);
		CHECK(ct_hex_decode(span_str(got), &out) == 0 && out == v);
		snprintf(want, sizeof want, "%02X", v);
		CHECK(ct_hex_decode(span_str(want), &out) == 0 && out == v);
	}
	CHECK_INT(ct_hex_decode(SPAN_NONE, NULL), 0);
}

static int slow_hex(unsigned c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, (int)c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

TEST(hex_of_every_pair_of_bytes_is_judged)
{
	for (unsigned hi = 0; hi < 256; hi++)
		for (unsigned lo = 0; lo < 256; lo++) {
			uint8_t in[2] = {(uint8_t)hi, (uint8_t)lo}, out = 0x77;
			bool ok = slow_hex(hi) >= 0 && slow_hex(lo) >= 0;
			int rc = ct_hex_decode(span_of(in, 2), &out);

			if (rc != (ok ? 0 : -ZT_E_SYNTAX) ||
			    out != (ok ? slow_hex(hi) * 16 + slow_hex(lo) : 0))
				unit_fail(__FILE__, __LINE__, "bytes %u %u", hi, lo);
		}
}

TEST(hex_of_several_bytes)
{
	char text[7] = {0};
	uint8_t out[3];

	ct_hex_encode("\x01\xab\xff", 3, text);
	CHECK_STR(text, "01abff");
	CHECK_INT(ct_hex_decode(SPAN_LIT("01ABff"), out), 0);
	CHECK(memcmp(out, "\x01\xab\xff", 3) == 0);
}

TEST(hex_that_is_bad_anywhere_leaves_nothing)
{
	uint8_t out[4];

	for (size_t i = 0; i < 8; i++) {
		char in[9] = "01234567";

		in[i] = 'g';
		memset(out, 0xee, sizeof out);
		CHECK_INT(ct_hex_decode(span_of(in, 8), out), -ZT_E_SYNTAX);
		CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 0);
	}
	CHECK_INT(ct_hex_decode(SPAN_LIT("abc"), out), -ZT_E_SYNTAX);
}

TEST(base64url_vectors_of_rfc_4648)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{"", ""},           {"f", "Zg"},        {"fo", "Zm8"},           {"foo", "Zm9v"},
		{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span plain = span_str(cases[i].plain), text = span_str(cases[i].text);
		char enc[16];
		uint8_t dec[16];

		CHECK_INT(CT_B64_LEN(plain.n), text.n);
		ct_b64url_encode(plain.p, plain.n, enc);
		CHECK(span_eq(span_of(enc, text.n), text));
		CHECK_INT(ct_b64url_decode(text, dec, sizeof dec), plain.n);
		CHECK(span_eq(span_of(dec, plain.n), plain));
		if (plain.n)
			CHECK_INT(ct_b64url_decode(text, dec, plain.n - 1), -ZT_E_TOOLONG);
	}
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int slow_b64(unsigned c)
{
	const char *at = c ? strchr(alphabet, (int)c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

TEST(base64url_of_every_two_characters_is_judged)
{
	/* Two characters carry one byte and four bits that must be 0: one text per value. */
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			uint8_t in[2] = {(uint8_t)a, (uint8_t)b}, out = 0x77;
			bool ok = slow_b64(a) >= 0 && slow_b64(b) >= 0 && (slow_b64(b) & 15) == 0;
			int rc = ct_b64url_decode(span_of(in, 2), &out, 1);

			if (rc != (ok ? 1 : -ZT_E_SYNTAX) ||
			    out != (ok ? slow_b64(a) << 2 | slow_b64(b) >> 4 : 0))
				unit_fail(__FILE__, __LINE__, "characters %u %u", a, b);
		}
}

TEST(base64url_third_and_fourth_character_are_judged)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t in[4] = {'A', 'A', (uint8_t)c, 'A'}, out[3];
		int v = slow_b64(c);

		CHECK_INT(ct_b64url_decode(span_of(in, 3), out, 3), v >= 0 && (v & 3) == 0 ? 2 : -ZT_E_SYNTAX);
		CHECK_INT(ct_b64url_decode(span_of(in, 4), out, 3), v >= 0 ? 3 : -ZT_E_SYNTAX);
		in[2] = 'A';
		in[3] = (uint8_t)c;
		CHECK_INT(ct_b64url_decode(span_of(in, 4), out, 3), v >= 0 ? 3 : -ZT_E_SYNTAX);
		if (v >= 0)
			CHECK_INT(out[2], v);
	}
}

TEST(base64url_refuses_padding_blanks_and_impossible_lengths)
{
	static const char *const bad[] = {"Zg==", "Zm8=", "Zg=", "Zm9v\n", " Zm9v", "Zm9 v", "Z", "Zm9vY",
					  "Zm+v", "Zm/v", "Zh", "Zm9"};
	uint8_t out[8];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (ct_b64url_decode(span_str(bad[i]), out, sizeof out) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
	CHECK_INT(ct_b64url_decode(SPAN_LIT("Zm\0v"), out, sizeof out), -ZT_E_SYNTAX);
	CHECK_INT(ct_b64url_decode(SPAN_NONE, NULL, 0), 0);
	/* A length that no int can answer is refused before anything is read. */
	CHECK_INT(ct_b64url_decode(span_of(out, SIZE_MAX - 3), out, SIZE_MAX), -ZT_E_TOOLONG);
}

TEST(codecs_round_trip_every_length)
{
	uint32_t rnd = 5;

	for (size_t n = 0; n <= 200; n++) {
		uint8_t *in = malloc(n + 1), *out = malloc(n + 1); /* n alone may be 0 */
		char *text = malloc(2 * n + 1);

		NEED(in && out && text);
		for (size_t i = 0; i < n; i++) {
			rnd = rnd * 1664525 + 1013904223;
			in[i] = (uint8_t)(rnd >> 24);
		}
		ct_b64url_encode(in, n, text);
		CHECK_INT(ct_b64url_decode(span_of(text, CT_B64_LEN(n)), out, n), n);
		CHECK(n == 0 || memcmp(in, out, n) == 0);
		memset(out, 0xee, n);
		ct_hex_encode(in, n, text);
		CHECK_INT(ct_hex_decode(span_of(text, 2 * n), out), 0);
		CHECK(n == 0 || memcmp(in, out, n) == 0);
		free(in);
		free(out);
		free(text);
	}
}

TEST(padded_base64_is_rfc4648)
{
	static const struct {
		const char *plain, *text; /* RFC 4648 section 10 */
	} rfc[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	uint8_t all[256], dec[256];
	char enc[CT_B64PAD_LEN(256)];

	for (size_t i = 0; i < sizeof rfc / sizeof rfc[0]; i++) {
		size_t n = strlen(rfc[i].plain), len = strlen(rfc[i].text);

		CHECK_INT(CT_B64PAD_LEN(n), len);
		ct_b64_encode(rfc[i].plain, n, enc);
		CHECK(memcmp(enc, rfc[i].text, len) == 0);
		CHECK_INT(ct_b64_decode(span_str(rfc[i].text), dec, sizeof dec), n);
		CHECK(memcmp(dec, rfc[i].plain, n) == 0);
	}
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	for (size_t n = 0; n <= 256; n++) {
		ct_b64_encode(all, n, enc);
		CHECK_INT(ct_b64_decode(span_of(enc, CT_B64PAD_LEN(n)), dec, n), n);
		CHECK(memcmp(dec, all, n) == 0);
		if (n)
			CHECK_INT(ct_b64_decode(span_of(enc, CT_B64PAD_LEN(n)), dec, n - 1), -ZT_E_TOOLONG);
	}
}

TEST(padded_base64_is_strict_but_for_blanks)
{
	static const char *const good[] = {"Zm9v YmE=", " Zm9vYmE=", "Zm9vYmE=\r\n", "Z m\t9\nvYm\r\nE = "};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "Z===", "A===", "A==", "Zm8", "Zm8==", "Zm9v=", "=", "====", "Zg==Zg==", "Zm=8",
					  "Zh==", "Zm9=", "Zm9-", "Zm_v", "Zm9v\v", "Zm9v\f", "Zm9v\xa0", "Zm9v\x80",
					  "Zm9vY", "Zm9v=YmE", "Zm9v-----", "Zm9\x01"};
	uint8_t out[16];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		CHECK_INT(ct_b64_decode(span_str(good[i]), out, sizeof out), 5);
		CHECK(memcmp(out, "fooba", 5) == 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memset(out, 0, sizeof out);
		if (ct_b64_decode(span_str(bad[i]), out, sizeof out) != -ZT_E_SYNTAX)
			unit_fail(__FILE__, __LINE__, "'%s' was taken", bad[i]);
		CHECK(out[0] == 0 && out[2] == 0); /* nothing of it is left */
	}
	CHECK_INT(ct_b64_decode(SPAN_LIT("Zm\0v"), out, sizeof out), -ZT_E_SYNTAX);
	for (unsigned c = 0; c < 256; c++) { /* each byte in the first place: a digit, a blank or bad */
		const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		uint8_t in[4] = {(uint8_t)c, 'A', 'A', 'A'};
		const char *at = c ? strchr(digits, (int)c) : NULL;

		CHECK_INT(ct_b64_decode(span_of(in, 4), out, 3), at ? 3 : -ZT_E_SYNTAX);
		if (at)
			CHECK_INT(out[0] >> 2, at - digits);
	}
}
