/* Which bytes of a peer the process with the keys may see: every state, every type, every cut. */
#include "wire/flight.h"

#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/record.h"

static uint8_t mem[FLIGHT_BYTES + FLIGHT_RECORD];

static void put_record(struct wr *w, uint8_t type, uint16_t version, struct span payload)
{
	wr_u8(w, type);
	wr_be16(w, version);
	wr_be16(w, (uint16_t)payload.n);
	wr_put(w, payload);
	CHECK(!w->full);
}

/* A handshake message of n bytes in all, n >= 4. */
static struct span message(uint8_t *out, uint8_t type, size_t n)
{
	struct wr w = wr_of(out, n);

	wr_be32(&w, (uint32_t)type << 24 | (uint32_t)(n - 4));
	while (w.n < n)
		wr_u8(&w, 1); /* what a ClientHello begins with: must not be taken for one */
	return span_of(out, n);
}

static int one(struct flight *f, uint8_t type, uint16_t version, struct span payload, struct why *w)
{
	static uint8_t out[FLIGHT_RECORD + 4096];
	struct wr r = wr_of(out, sizeof out);

	put_record(&r, type, version, payload);
	return flight_next(f, wr_span(&r), w);
}

static struct flight in_state(enum flight_state s)
{
	return (struct flight){.state = s};
}

static const uint8_t zeros[20000];

TEST(every_state_and_type)
{
	static const struct {
		enum flight_state state;
		uint8_t type;
		struct span payload;
		int want;
		enum flight_state next;
	} cases[] = {
		{FLIGHT_PLAIN, 20, SPAN_LIT("\1"), 6, FLIGHT_CCS},
		{FLIGHT_PLAIN, 20, SPAN_LIT("\2"), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 20, SPAN_LIT("\1\1"), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 20, SPAN_LIT(""), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 21, SPAN_LIT("\1\x70"), 7, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 21, SPAN_LIT("\1"), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 21, SPAN_LIT("\1\x70\1"), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 22, SPAN_LIT("\x0e\0\0\0"), 9, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 22, SPAN_LIT(""), -ZT_E_SYNTAX, FLIGHT_PLAIN},
		{FLIGHT_PLAIN, 23, SPAN_LIT("x"), -ZT_E_DENIED, FLIGHT_PLAIN},
		{FLIGHT_CCS, 20, SPAN_LIT("\1"), -ZT_E_DENIED, FLIGHT_CCS},
		{FLIGHT_CCS, 21, {zeros, 18}, 23, FLIGHT_CCS},
		{FLIGHT_CCS, 21, {zeros, 26}, 31, FLIGHT_CCS},
		{FLIGHT_CCS, 21, {zeros, 17}, -ZT_E_SYNTAX, FLIGHT_CCS},
		{FLIGHT_CCS, 21, {zeros, 27}, -ZT_E_SYNTAX, FLIGHT_CCS},
		{FLIGHT_CCS, 22, {zeros, 32}, 37, FLIGHT_DONE},
		{FLIGHT_CCS, 22, {zeros, 40}, 45, FLIGHT_DONE},
		{FLIGHT_CCS, 22, {zeros, 31}, -ZT_E_SYNTAX, FLIGHT_CCS},
		{FLIGHT_CCS, 22, {zeros, 41}, -ZT_E_SYNTAX, FLIGHT_CCS},
		{FLIGHT_CCS, 22, SPAN_LIT(""), -ZT_E_SYNTAX, FLIGHT_CCS},
		{FLIGHT_CCS, 23, {zeros, 40}, -ZT_E_DENIED, FLIGHT_CCS},
		{FLIGHT_DONE, 20, SPAN_LIT("\1"), 0, FLIGHT_DONE},
		{FLIGHT_DONE, 21, SPAN_LIT("\1\0"), 0, FLIGHT_DONE},
		{FLIGHT_DONE, 22, {zeros, 40}, 0, FLIGHT_DONE},
		{FLIGHT_DONE, 23, {zeros, 40}, 0, FLIGHT_DONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flight f = in_state(cases[i].state);
		struct why why = {0};

		CHECK_INT(one(&f, cases[i].type, 0x0303, cases[i].payload, &why), cases[i].want);
		CHECK_INT(f.state, cases[i].next);
		CHECK((why.err != 0) == (cases[i].want < 0));
	}
}

TEST(unknown_types_are_refused_in_every_state)
{
	for (unsigned type = 0; type < 256; type++)
		for (enum flight_state s = FLIGHT_PLAIN; s < FLIGHT_DONE; s++) {
			struct flight f = {.state = s, .records = 1};

			if (type < 20 || type > 23)
				CHECK_INT(one(&f, (uint8_t)type, 0x0303, SPAN_LIT("x"), NULL), -ZT_E_SYNTAX);
		}
}

TEST(versions)
{
	for (unsigned v = 0; v < 0x10000; v++)
		for (enum flight_state s = FLIGHT_PLAIN; s < FLIGHT_DONE; s++) {
			struct flight f = in_state(s);
			struct span p = s == FLIGHT_PLAIN ? SPAN_LIT("\2\0\0\0") : span_of(zeros, 40);
			int rc = one(&f, 22, (uint16_t)v, p, NULL);

			if (v == 0x0303 ? rc <= 0 : rc != -ZT_E_VERSION)
				unit_fail(__FILE__, __LINE__, "version %04x in state %d: %d", v, (int)s, rc);
		}
}

/* A server that has no version in common says so in its own (RFC 5246 appendix E.1). */
TEST(an_alert_may_be_of_an_older_version)
{
	for (uint16_t v = 0x02ff; v <= 0x0304; v++) {
		struct flight f = in_state(FLIGHT_PLAIN);

		CHECK_INT(one(&f, 21, v, SPAN_LIT("\2\x46"), NULL), v >= 0x0300 && v <= 0x0303 ? 7 : -ZT_E_VERSION);
		f = in_state(FLIGHT_CCS);
		CHECK_INT(one(&f, 21, v, span_of(zeros, 18), NULL), v == 0x0303 ? 23 : -ZT_E_VERSION);
	}
}

TEST(headers_are_judged_before_the_rest_is_there)
{
	static const struct {
		struct span header;
		int want;
	} cases[] = {
		{SPAN_LIT("\x16\3\3\x40\0"), ZT_MORE},
		{SPAN_LIT("\x16\3\3\x40\1"), -ZT_E_SYNTAX},
		{SPAN_LIT("\x17\3\3\0\1"), -ZT_E_DENIED},
		{SPAN_LIT("\x16\3\4\0\1"), -ZT_E_VERSION},
		{SPAN_LIT("\x16\3\3\0\0"), -ZT_E_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flight f = {0};

		CHECK_INT(flight_next(&f, cases[i].header, NULL), cases[i].want);
	}
}

TEST(what_is_not_tls_is_named)
{
	static const struct {
		struct span s;
		const char *word;
	} cases[] = {
		{SPAN_LIT("HTTP/1.1 400 Bad Request\r\n"), "HTTP"},
		{SPAN_LIT("SSH-2.0-OpenSSH_9.2\r\n"), "SSH"},
		{SPAN_LIT("220 mail.example.com ESMTP\r\n"), "STARTTLS"},
		{SPAN_LIT("* OK IMAP4rev1\r\n"), "IMAP"},
		{SPAN_LIT("\0\0\0"), "first byte 0x00"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flight f = {0};
		struct why why = {0}, slow = {0};
		int rc = ZT_MORE;

		CHECK_INT(flight_next(&f, cases[i].s, &why), -ZT_E_UNKNOWN);
		CHECK(strstr(why.text, cases[i].word));
		for (size_t n = 1; n <= cases[i].s.n && rc == ZT_MORE; n++)
			rc = flight_next(&f, span_sub(cases[i].s, 0, n), &slow);
		CHECK_STR(slow.text, why.text);
	}
}

/* ---- messages ----------------------------------------------------------------------------- */

TEST(a_second_hello_is_found_wherever_it_is)
{
	uint8_t in[200];

	/* Certificate, key exchange and then a ClientHello, cut into records of every size. */
	for (size_t piece = 1; piece <= 120; piece++) {
		struct wr w = wr_of(in, sizeof in);
		struct flight f = {0};
		struct why why = {0};
		int rc = 1;
		uint8_t m[60];

		wr_put(&w, message(m, 11, 60));
		wr_put(&w, message(m, 16, 40));
		wr_put(&w, message(m, 1, 20));
		for (size_t at = 0; at < w.n && rc > 0 && f.records < FLIGHT_RECORDS - 1; at += piece)
			rc = one(&f, 22, 0x0303, span_sub(wr_span(&w), at, piece), &why);
		if (f.records == FLIGHT_RECORDS - 1)
			continue; /* cut so small that there are too many records: tested below */
		CHECK_INT(rc, -ZT_E_DENIED);
		CHECK_STR(why.text, "the peer sent a second hello");
	}
}

TEST(messages_of_a_whole_handshake_pass)
{
	static const struct {
		uint8_t type;
		size_t n;
	} ours[] = {{2, 80}, {11, 900}, {12, 300}, {13, 50}, {14, 4}, {11, 4}, {16, 70}, {15, 80}};
	static uint8_t m[1000];

	for (size_t piece = 30; piece < 900; piece += 29) {
		struct flight f = {0};

		for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
			struct span s = message(m, ours[i].type, ours[i].n);

			for (size_t at = 0; at < s.n; at += piece)
				CHECK(one(&f, 22, 0x0303, span_sub(s, at, piece), NULL) > 0);
		}
		CHECK_INT(one(&f, 20, 0x0303, SPAN_LIT("\1"), NULL), 6);
	}
}

TEST(no_cipher_change_inside_a_message)
{
	static uint8_t m[10];

	for (size_t n = 1; n < 10; n++) {
		struct flight f = {0};

		CHECK(one(&f, 22, 0x0303, span_sub(message(m, 16, 10), 0, n), NULL) > 0);
		CHECK_INT(one(&f, 20, 0x0303, SPAN_LIT("\1"), NULL), -ZT_E_DENIED);
	}
}

TEST(finished_is_never_in_the_clear)
{
	uint8_t m[16];
	struct flight f = {0};

	CHECK_INT(one(&f, 22, 0x0303, message(m, 20, 16), NULL), -ZT_E_DENIED);
}

TEST(a_message_that_could_never_end_is_refused)
{
	struct flight f = {0};

	CHECK_INT(one(&f, 22, 0x0303, SPAN_LIT("\x0b\1\0\1"), NULL), -ZT_E_TOOLONG);
	f = (struct flight){0};
	CHECK_INT(one(&f, 22, 0x0303, SPAN_LIT("\x0b\1\0\0"), NULL), 9);
}

/* ---- limits ------------------------------------------------------------------------------- */

TEST(records_are_counted)
{
	struct flight f = {0};

	for (unsigned i = 0; i < FLIGHT_RECORDS; i++)
		CHECK(one(&f, 22, 0x0303, SPAN_LIT("\0\0\0\0"), NULL) > 0);
	CHECK_INT(one(&f, 22, 0x0303, SPAN_LIT("\0\0\0\0"), NULL), -ZT_E_TOOLONG);
	CHECK_INT(one(&f, 20, 0x0303, SPAN_LIT("\1"), NULL), -ZT_E_TOOLONG);
}

TEST(bytes_are_counted)
{
	static uint8_t m[FLIGHT_BYTES];
	struct span s = message(m, 11, FLIGHT_BYTES);
	struct flight f = {0};

	/* 3 x 16,389 + 16,369 = 65,536 */
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(one(&f, 22, 0x0303, span_sub(s, i * 16384, 16384), NULL), 16389);
	CHECK_INT(one(&f, 22, 0x0303, span_sub(s, 0, 16365), NULL), -ZT_E_TOOLONG);
	CHECK_INT(one(&f, 22, 0x0303, span_sub(s, 0, 16364), NULL), 16369);
	CHECK_INT(f.bytes, FLIGHT_BYTES);
	CHECK_INT(one(&f, 21, 0x0303, SPAN_LIT("\1\0"), NULL), -ZT_E_TOOLONG);
}

TEST(alerts_are_counted)
{
	struct flight f = {0};

	for (unsigned i = 0; i < FLIGHT_ALERTS; i++)
		CHECK_INT(one(&f, 21, 0x0303, SPAN_LIT("\1\x70"), NULL), 7);
	CHECK_INT(one(&f, 21, 0x0303, SPAN_LIT("\1\x70"), NULL), -ZT_E_TOOLONG);
	CHECK_INT(one(&f, 20, 0x0303, SPAN_LIT("\1"), NULL), 6);
	CHECK_INT(one(&f, 21, 0x0303, span_of(zeros, 18), NULL), -ZT_E_TOOLONG); /* sealed ones too */
}

/* ---- cutting ------------------------------------------------------------------------------ */

/* A client's flight with its own first bytes of application data behind it. */
static struct span whole_flight(size_t *handshake, size_t nonce)
{
	struct wr w = wr_of(mem, sizeof mem);
	uint8_t m[300];

	put_record(&w, 22, 0x0303, message(m, 11, 300));
	put_record(&w, 22, 0x0303, message(m, 16, 70));
	put_record(&w, 21, 0x0303, SPAN_LIT("\1\x70"));
	put_record(&w, 20, 0x0303, SPAN_LIT("\1"));
	put_record(&w, 22, 0x0303, span_of(zeros, nonce + 16 + 16));
	*handshake = w.n;
	put_record(&w, 23, 0x0303, span_of(zeros, 100));
	put_record(&w, 22, 0x0303, span_of(zeros, 40)); /* and whatever else: not ours */
	return wr_span(&w);
}

TEST(every_cut_asks_for_more)
{
	size_t handshake;
	struct span s = whole_flight(&handshake, 8);

	for (size_t cut = 0; cut <= s.n; cut++) {
		struct flight f = {0};
		size_t at = 0;
		int n;

		while ((n = flight_next(&f, span_sub(s, at, cut - at), NULL)) > 0)
			at += (size_t)n;
		CHECK_INT(n, ZT_MORE);
		CHECK(cut < handshake ? at <= cut && f.state != FLIGHT_DONE : at == handshake && f.state == FLIGHT_DONE);
	}
}

/* In chunks of any size: what is handed over and what is left are the input, whole records only,
 * and nothing from behind Finished is ever handed over. */
TEST(chunks_of_any_size)
{
	uint32_t seed = 1;
	size_t handshake;

	for (unsigned round = 0; round < 500; round++) {
		struct span s = whole_flight(&handshake, round % 2 ? 8 : 0);
		struct flight f = {0};
		size_t have = 0, at = 0;

		while (have < s.n) {
			int n;

			seed = seed * 1664525u + 1013904223u;
			have = num_min(s.n, have + 1 + (seed >> 16) % 64);
			while ((n = flight_next(&f, span_sub(s, at, have - at), NULL)) > 0) {
				struct rd r = rd_of(span_sub(s, at + 3, 2));

				CHECK_INT(n, 5 + rd_be16(&r));
				at += (size_t)n;
			}
			CHECK_INT(n, ZT_MORE);
			CHECK(at <= handshake);
		}
		CHECK_INT(at, handshake);
		CHECK_INT(f.state, FLIGHT_DONE);
	}
}

/* ---- real peers --------------------------------------------------------------------------- */

/* Caught by tests/fuzz/capture-flights.py; a byte that is the fuzzer's stands before each. */
static struct span file(const char *name)
{
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "tests/fuzz/corpus/flight/%s", name);
	f = fopen(path, "rb");
	if (f == NULL) {
		unit_fail(__FILE__, __LINE__, "%s is missing", path);
		return SPAN_NONE;
	}
	n = fread(mem, 1, sizeof mem, f);
	fclose(f);
	return span_sub(span_of(mem, n), 1, n);
}

TEST(flights_of_real_peers)
{
	static const struct {
		const char *file;
		unsigned records; /* of the handshake: hello, certificate, exchange ... Finished */
		int end;          /* how it ends: 0 with application data behind it */
	} cases[] = {
		{"gcm-client", 3, 0},     {"gcm-server", 6, 0},     {"chacha-client", 3, 0}, {"chacha-server", 6, 0},
		{"cert-client", 5, 0},    {"cert-server", 7, 0},    {"resumed-client", 2, 0}, {"resumed-server", 3, 0},
		{"gnutls-client", 3, 0},  {"gnutls-server", 7, 0},  /* with a ticket */
		{"refused-client", 1, 0}, {"refused-server", 0, -ZT_E_VERSION}, /* it answers with TLS 1.1 */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span s = file(cases[i].file);
		struct flight f = {0};
		int n;

		while ((n = flight_next(&f, s, NULL)) > 0)
			s = span_sub(s, (size_t)n, s.n);
		CHECK_INT(n, cases[i].end);
		CHECK_INT(f.records, cases[i].records);
		if (f.records > 1)
			CHECK(f.state == FLIGHT_DONE && s.n > 5 && s.p[0] == RECORD_DATA);
	}
}
