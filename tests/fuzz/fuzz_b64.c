/*
 * fuzz_b64: the constant-time codecs against slow ones with tables: the same texts are
 * accepted, with the same bytes; what is accepted has exactly one spelling; all bytes survive
 * the way there and back.
 */
#include "base/ct.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define NEED(cond) ((cond) ? (void)0 : abort())
#define MOST 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int digit(uint8_t c)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = memchr(all, c, 64);

	return at ? (int)(at - all) : -1;
}

/* Bit by bit; -1 when it is not strict base64url. */
static int slow_decode(const uint8_t *in, size_t n, uint8_t *out)
{
	size_t bits = 0;

	memset(out, 0, MOST);
	for (size_t i = 0; i < n; i++) {
		int v = digit(in[i]);

		if (v < 0)
			return -1;
		for (int b = 5; b >= 0; b--, bits++)
			if (v >> b & 1)
				out[bits / 8] |= (uint8_t)(0x80 >> bits % 8);
	}
	if (n % 4 == 1 || (bits % 8 && out[bits / 8] != 0))
		return -1;
	return (int)(bits / 8);
}

static void decode(const uint8_t *data, size_t n)
{
	static uint8_t want[MOST];
	uint8_t *out = malloc(MOST);
	char *text = malloc(n + 1);
	int slow = slow_decode(data, n, want), got;

	NEED(out && text);
	memset(out, 0xee, MOST);
	got = ct_b64url_decode(span_of(data, n), out, MOST);
	NEED(got == (slow < 0 ? -ZT_E_SYNTAX : slow));
	if (got >= 0) {
		NEED(memcmp(out, want, (size_t)got) == 0 && out[got] == 0xee);
		NEED(CT_B64_LEN((size_t)got) == n);
		ct_b64url_encode(out, (size_t)got, text);
		NEED(memcmp(text, data, n) == 0);
		NEED(got == 0 || ct_b64url_decode(span_of(data, n), out, (size_t)got - 1) == -ZT_E_TOOLONG);
	} else {
		for (size_t i = 0; i < n * 3 / 4; i++)
			NEED(out[i] == 0 || out[i] == 0xee); /* nothing of a bad secret stays */
	}
	free(out);
	free(text);
}

static void round_trip(const uint8_t *data, size_t n)
{
	char *text = malloc(2 * n + 2);
	uint8_t *back = malloc(n + 1);

	NEED(text && back);
	text[CT_B64_LEN(n)] = 0x55;
	ct_b64url_encode(data, n, text);
	NEED(text[CT_B64_LEN(n)] == 0x55);
	NEED(ct_b64url_decode(span_of(text, CT_B64_LEN(n)), back, n) == (int)n);
	NEED(ct_eq(back, data, n) && memcmp(back, data, n) == 0);
	text[2 * n] = 0x55;
	ct_hex_encode(data, n, text);
	NEED(text[2 * n] == 0x55);
	NEED(ct_hex_decode(span_of(text, 2 * n), back) == 0 && memcmp(back, data, n) == 0);
	free(text);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > MOST)
		return 0;
	decode(data, n);
	round_trip(data, n);
	return 0;
}
