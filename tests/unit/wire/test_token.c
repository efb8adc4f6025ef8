/* Join tokens: texts that another program made (Python: struct, base64 and a CRC of its own), every way
 * to spoil one, and that nothing of a refused one stays. */
#include "tests/unit/unit.h"

#include "base/crc32c.h"
#include "base/ct.h"
#include "base/num.h"
#include "wire/token.h"

#define THREE "zt1_AQKgoaKjpKWmp6ipqqusra6vsLGys7S1tre4ubq7vL2-vwABAgMEBQYHCAkKCwwNDg9AQUJDREVGR0hJSktMTU5P" \
	      "AxRjYS5ob21lLmV4YW1wbGU6ODQ0Mw4xOTIuMC4yLjc6ODQ0MxJbMjAwMTpkYjg6OjddOjg0NDOZZCeY"
#define NONE "zt1_AQOgoaKjpKWmp6ipqqusra6vsLGys7S1tre4ubq7vL2-vwABAgMEBQYHCAkKCwwNDg9AQUJDREVGR0hJSktMTU5PABLaGE4"
#define SECRET_TEXT "@ABCDEFGHIJKLMNO" /* what stands in both */

static const char *const addrs[] = {"ca.home.example:8443", "192.0.2.7:8443", "[2001:db8::7]:8443"};

static struct token sample(uint8_t role, size_t n)
{
	struct token t = {.role = role, .naddrs = (uint8_t)n};

	for (size_t i = 0; i < 32; i++)
		t.pin[i] = (uint8_t)(0xa0 + i);
	for (size_t i = 0; i < 16; i++) {
		t.id[i] = (uint8_t)i;
		t.secret[i] = (uint8_t)(0x40 + i);
	}
	for (size_t i = 0; i < n; i++)
		snprintf(t.addr[i], sizeof t.addr[i], "%s", addrs[i % ARRAY_LEN(addrs)]);
	return t;
}

static bool is_wiped(const struct token *t)
{
	static const struct token zero;

	return ct_eq(t, &zero, sizeof zero);
}

TEST(others_texts_are_read_and_written_alike)
{
	static const struct {
		const char *text;
		uint8_t role;
		size_t n;
	} v[] = {{THREE, 2, 3}, {NONE, 3, 0}};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct token want = sample(v[i].role, v[i].n), got;
		char mem[TOKEN_TEXT_MAX];
		struct wr w = wr_of(mem, sizeof mem);
		struct why why = {0};

		CHECK_INT(token_read(&got, span_str(v[i].text), &why), 0);
		CHECK(ct_eq(&got, &want, sizeof got));
		token_write(&w, &want);
		CHECK(!w.full && span_eq_str(wr_span(&w), v[i].text));
	}
}

TEST(blanks_around_are_no_part_of_it)
{
	struct token t;
	char mem[TOKEN_TEXT_MAX + 16];

	snprintf(mem, sizeof mem, " \t\r\n%s \r\n\t\n", NONE);
	CHECK_INT(token_read(&t, span_str(mem), NULL), 0);
	snprintf(mem, sizeof mem, "%.20s\n%s", NONE, &NONE[20]); /* a mail program broke the line */
	CHECK_INT(token_read(&t, span_str(mem), NULL), -ZT_E_TOKEN);
}

static void refused(struct span text, const char *says)
{
	struct token t = {.role = 7};
	struct why why = {0};
	int rc = token_read(&t, text, &why);

	if (rc != -ZT_E_TOKEN || !strstr(why.text, says))
		unit_fail(__FILE__, __LINE__, "'%.*s': %d \"%s\", not \"%s\"", SPAN_ARG(text), rc, why.text, says);
	CHECK(is_wiped(&t));
	/* neither the secret nor its digits */
	CHECK(!strstr(why.text, SECRET_TEXT) && !strstr(why.text, "QUJDREVGR0hJ"));
}

TEST(every_truncation_is_seen)
{
	for (size_t n = 0; n < strlen(THREE); n++)
		refused(span_of(THREE, n), n < 4 ? "is no join token" : "cut off or mistyped");
	for (size_t n = 1; n < strlen(THREE); n++) /* the front is missing */
		refused(span_str(&THREE[n]), "is no join token");
	refused(span_str(THREE "A"), "cut off or mistyped");
	refused(span_str(THREE "AAAA"), "cut off or mistyped");
	refused(span_str(THREE NONE), "cut off or mistyped");
}

/* Every character in turn, in the place of every other. */
TEST(every_wrong_character_is_seen)
{
	char text[] = THREE;

	for (size_t i = 0; i < strlen(text); i++)
		for (int c = 0; c < 256; c++) {
			struct token t = {.role = 7};
			struct why why = {0};
			char was = text[i];

			if ((char)c == was)
				continue;
			text[i] = (char)c;
			CHECK_INT(token_read(&t, span_of(text, sizeof text - 1), &why), -ZT_E_TOKEN);
			CHECK(is_wiped(&t));
			if (i >= 4 && c > ' ')
				CHECK(strstr(why.text, "checksum is wrong") != NULL);
			text[i] = was;
		}
}

/* Any bytes with the right checksum, so that what is behind it is reached. */
static void sealed(const uint8_t *body, size_t n, char *out)
{
	uint8_t raw[TOKEN_BYTES + 600];
	struct wr w = wr_of(raw, sizeof raw);

	wr_bytes(&w, body, n);
	wr_le32(&w, crc32c(0, body, n));
	memcpy(out, "zt1_", 4);
	ct_b64url_encode(raw, w.n, out + 4);
	out[4 + CT_B64_LEN(w.n)] = '\0';
}

TEST(what_a_right_checksum_does_not_save)
{
	static char text[4096];
	uint8_t body[TOKEN_BYTES] = {1, 2};
	size_t n = 66;

	body[n] = 0;
	sealed(body, n + 1, text);
	CHECK_INT(token_read(&(struct token){0}, span_str(text), NULL), 0);
	sealed(body, n, text); /* no number of addresses */
	refused(span_str(text), "cut off or mistyped");
	body[0] = 2;
	sealed(body, n + 1, text);
	refused(span_str(text), "a later version of zt");
	body[0] = 0;
	sealed(body, n + 1, text);
	refused(span_str(text), "a later version of zt");
	body[0] = 1;
	sealed(body, n + 2, text); /* something behind it */
	refused(span_str(text), "malformed");
	body[n] = TOKEN_ADDRS + 1;
	sealed(body, n + 1, text);
	refused(span_str(text), "malformed");
	body[n] = 1; /* an address that is not there; cut; empty; no port; with a NUL */
	sealed(body, n + 1, text);
	refused(span_str(text), "malformed");
	memcpy(&body[n + 1], "\5a:443", 6);
	sealed(body, n + 5, text);
	refused(span_str(text), "malformed");
	sealed(body, n + 7, text);
	CHECK_INT(token_read(&(struct token){0}, span_str(text), NULL), 0);
	body[n + 1] = 0;
	sealed(body, n + 2, text);
	refused(span_str(text), "malformed");
	memcpy(&body[n + 1], "\5a.443", 6);
	sealed(body, n + 7, text);
	refused(span_str(text), "malformed");
	memcpy(&body[n + 1], "\5a\0:44", 6);
	sealed(body, n + 7, text);
	refused(span_str(text), "malformed");
}

TEST(what_is_no_token_at_all)
{
	static char huge[65536];

	refused(SPAN_NONE, "is no join token");
	refused(span_str("\n"), "is no join token");
	refused(span_str("glsa_1234"), "is no join token");
	refused(span_str("ZT1_AQ"), "is no join token");
	refused(span_str("zt2_AQ"), "a later version of zt");
	refused(span_str("zt0_AQ"), "is no join token");
	refused(span_str("zt1_"), "cut off or mistyped");
	refused(span_str("zt1_===="), "cut off or mistyped");
	memset(huge, 'A', sizeof huge);
	memcpy(huge, "zt1_", 4);
	refused(span_of(huge, sizeof huge), "cut off or mistyped");
}

TEST(only_what_would_be_read_is_written)
{
	static char mem[TOKEN_TEXT_MAX + 1];
	struct token t = sample(1, TOKEN_ADDRS), got;
	struct wr w;

	/* the longest there is: eight names of 249 bytes, five digits each */
	for (size_t i = 0; i < TOKEN_ADDRS; i++) {
		memset(t.addr[i], 'a', 249);
		for (size_t dot = 63; dot < 249; dot += 64)
			t.addr[i][dot] = '.';
		memcpy(&t.addr[i][249], ":65535", 7);
	}
	w = wr_of(mem, TOKEN_TEXT_MAX);
	token_write(&w, &t);
	CHECK(!w.full);
	CHECK_INT(w.n, TOKEN_TEXT_MAX);
	CHECK_INT(token_read(&got, wr_span(&w), NULL), 0);
	CHECK(ct_eq(&got, &t, sizeof t));
	w = wr_of(mem, w.n - 1);
	token_write(&w, &t);
	CHECK(w.full);
	w = wr_of(mem, TOKEN_TEXT_MAX);
	t.naddrs = TOKEN_ADDRS + 1;
	token_write(&w, &t);
	CHECK(w.full && w.n == 0);
	w = wr_of(mem, TOKEN_TEXT_MAX);
	t = sample(1, 1);
	memcpy(t.addr[0], "no-port", 8);
	token_write(&w, &t);
	CHECK(w.full && w.n == 0);
	w = wr_of(mem, TOKEN_TEXT_MAX);
	memset(t.addr[0], 'a', sizeof t.addr[0]); /* without an end */
	token_write(&w, &t);
	CHECK(w.full && w.n == 0);
}

TEST(a_token_is_called_by_the_begin_of_its_id)
{
	static const uint8_t id[TOKEN_ID] = {0x01, 0x23, 0xab, 0xcd, 0xef, 0x45, 0x67};
	char name[TOKEN_NAME];

	CHECK_STR(token_name(id, name), "0123abcdef45");
}
