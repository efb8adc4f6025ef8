/* The ClientHello: what is read from it, and everything odd that is not. */
#include "tests/unit/wire/hello_kit.h"

TEST(a_plain_hello)
{
	struct making m = {.session = 32};
	struct hello h;

	CHECK_INT(kit_read(&m, &h), kit_hello(&m).n);
	CHECK_INT(h.version, 0x0303);
	CHECK(h.offers_tls12 && !h.offers_tls13);
	CHECK(h.random.n == 32 && h.random.p[31] == 31);
	CHECK(h.session_id.n == 32 && h.session_id.p[0] == 0x55);
	CHECK(hello_offers(&h, 0xc02b) && hello_offers(&h, 0xc02f) && !hello_offers(&h, 0x2bc0));
	CHECK_STR(h.name, "");
	CHECK_INT(h.alpn_n, 0);
	CHECK_INT(h.fragment, 0);
	CHECK_INT(h.message, kit_hello(&m).n - 5);
}

TEST(name_and_protocols)
{
	struct wr w = extensions();
	struct hello h;

	kit_name(&w, 0, SPAN_LIT("NAS.Example.com"));
	kit_alpn(&w, SPAN_LIT("\x02h2\x08http/1.1"));
	kit_extension(&w, 0xfe0d, SPAN_LIT("something new"));
	CHECK(read_with(&w, &h) > 0);
	CHECK_STR(h.name, "nas.example.com");
	CHECK_INT(h.alpn_n, 2);
	CHECK(hello_wants(&h, SPAN_LIT("h2")) && hello_wants(&h, SPAN_LIT("http/1.1")));
	CHECK(!hello_wants(&h, SPAN_LIT("h")) && !hello_wants(&h, SPAN_LIT("H2")));
}

TEST(spans_point_into_scratch)
{
	struct wr w = extensions();
	struct hello h;

	kit_alpn(&w, SPAN_LIT("\x02h2"));
	CHECK(read_with(&w, &h) > 0);
	CHECK(h.random.p == kit_scratch + 6);
	memset(kit_out, 0, sizeof kit_out); /* the stream may go */
	CHECK(hello_wants(&h, SPAN_LIT("h2")));
}

/* ---- cutting ------------------------------------------------------------------------------ */

TEST(every_cut_asks_for_more)
{
	struct wr w = extensions();
	struct making m;
	struct span s;
	struct hello h;
	struct why why = {0};

	kit_name(&w, 0, SPAN_LIT("nas.example.com"));
	m = (struct making){.extensions = wr_span(&w)};
	s = kit_hello(&m);
	for (size_t n = 0; n < s.n; n++)
		CHECK_INT(hello_read(span_sub(s, 0, n), kit_scratch, &h, &why), ZT_MORE);
	CHECK_INT(why.err, 0);
	CHECK_INT(hello_read(s, kit_scratch, &h, &why), s.n);
}

TEST(records_may_cut_it_anywhere)
{
	struct wr w = extensions();
	struct making m;
	struct span message, s;
	struct hello h;
	struct why why = {0};

	kit_name(&w, 0, SPAN_LIT("nas.example.com"));
	m = (struct making){.extensions = wr_span(&w)};
	message = kit_message(&m);
	for (size_t piece = 1; piece <= message.n; piece++) {
		s = kit_records(kit_out, sizeof kit_out, message, 0, piece);
		if ((message.n + piece - 1) / piece > HELLO_RECORDS) {
			CHECK_INT(hello_read(s, kit_scratch, &h, &why), -ZT_E_TOOLONG);
			continue;
		}
		for (size_t n = 0; n < s.n; n++)
			CHECK_INT(hello_read(span_sub(s, 0, n), kit_scratch, &h, &(struct why){0}), ZT_MORE);
		CHECK_INT(hello_read(s, kit_scratch, &h, &(struct why){0}), s.n);
		CHECK_STR(h.name, "nas.example.com");
		CHECK_INT(h.message, message.n);
	}
}

TEST(records_are_counted)
{
	struct wr w = extensions();
	struct making m;
	struct span message, s;
	struct hello h;

	kit_extension(&w, 0x1234, span_of("and so on..", 11)); /* 4 + 2 + 32 + 1 + 6 + 2, 2 + 4 + 11 */
	m = (struct making){.extensions = wr_span(&w)};
	message = kit_message(&m);
	CHECK_INT(message.n, 64);
	s = kit_records(kit_out, sizeof kit_out, message, 0, 1);
	CHECK_INT(hello_read(s, kit_scratch, &h, NULL), 6 * HELLO_RECORDS);
	w = extensions();
	kit_extension(&w, 0x1234, span_of("and so on...", 12));
	m = (struct making){.extensions = wr_span(&w)};
	s = kit_records(kit_out, sizeof kit_out, kit_message(&m), 0, 1);
	CHECK_INT(hello_read(s, kit_scratch, &h, NULL), -ZT_E_TOOLONG);
}

TEST(what_is_behind_is_not_looked_at)
{
	struct making m = {0};
	struct span s = kit_hello(&m);
	struct hello h;
	struct why why = {0};

	memset(kit_out + s.n, 0xee, 100);
	CHECK_INT(hello_read(span_of(kit_out, s.n + 100), kit_scratch, &h, &why), s.n);
	CHECK_INT(why.err, 0);
}

TEST(nothing_stands_behind_it_in_its_record)
{
	struct making m = {0};
	struct span message = kit_message(&m), s;
	struct hello h;
	struct why why = {0};

	memset(kit_mem + message.n, 0, 4); /* a HelloRequest, say */
	s = kit_records(kit_out, sizeof kit_out, span_of(kit_mem, message.n + 4), 0, 16384);
	CHECK_INT(hello_read(s, kit_scratch, &h, &why), -ZT_E_SYNTAX);
	CHECK(strstr(why.text, "behind the hello"));
	/* Known from the headers: nobody waits for the bytes. */
	CHECK_INT(hello_read(span_sub(s, 0, 9), kit_scratch, &h, &(struct why){0}), -ZT_E_SYNTAX);
	s = kit_records(kit_out, sizeof kit_out, span_of(kit_mem, message.n + 1), 0, message.n);
	CHECK_INT(hello_read(s, kit_scratch, &h, &(struct why){0}), message.n + 5); /* a record of its own: not ours */
}

FLOODS(BOUND_HELLO_BYTES)
{
	const size_t cap = BOUND_CAP(BOUND_HELLO_BYTES);
	static uint8_t junk[20000];
	struct making m = {.block = true};
	size_t bare = kit_message(&m).n;
	struct wr w = extensions();
	struct span s;
	struct hello h;
	struct why why = {0};

	kit_extension(&w, 0xabcd, span_of(junk, cap - bare - 4));
	m.extensions = wr_span(&w);
	CHECK_INT(kit_message(&m).n, cap);
	CHECK_INT(kit_read(&m, &h), cap + 5);
	CHECK_INT(h.message, cap);
	s = kit_records(kit_out, sizeof kit_out, kit_message(&m), 0, cap / HELLO_RECORDS);
	CHECK_INT(hello_read(s, kit_scratch, &h, &why), cap + 5 * HELLO_RECORDS); /* in as many as may be */
	w = extensions();
	kit_extension(&w, 0xabcd, span_of(junk, cap - bare - 3));
	m.extensions = wr_span(&w);
	s = kit_records(kit_out, sizeof kit_out, kit_message(&m), 0, cap);
	CHECK_INT(hello_read(s, kit_scratch, &h, &why), -ZT_E_TOOLONG);
	CHECK_INT(hello_read(span_sub(s, 0, 9), kit_scratch, &h, &(struct why){0}), -ZT_E_TOOLONG); /* its own word */
	CHECK_INT(hello_read(SPAN_LIT("\x16\3\1\0\4\1\xff\xff\xff"), kit_scratch, &h, &(struct why){0}), -ZT_E_TOOLONG);
}

/* ---- what is no hello --------------------------------------------------------------------- */

TEST(other_records_are_refused)
{
	static const struct {
		struct span s;
		int want;
		const char *word;
	} cases[] = {
		{SPAN_LIT("\x14\3\3\0\1\1"), -ZT_E_SYNTAX, "a ChangeCipherSpec before"},
		{SPAN_LIT("\x15\3\3\0\2\1\0"), -ZT_E_SYNTAX, "an alert before"},
		{SPAN_LIT("\x17\3\3\0\2hi"), -ZT_E_SYNTAX, "application data before"},
		{SPAN_LIT("\x18\3\3\0\2hi"), -ZT_E_VERSION, "not TLS"},
		{SPAN_LIT("\x16\3\0\0\4\1\0\0\0"), -ZT_E_VERSION, "0x0300"},
		{SPAN_LIT("\x16\3\4\0\4\1\0\0\0"), -ZT_E_VERSION, "0x0304"},
		{SPAN_LIT("\x16\2\0\0\4\1\0\0\0"), -ZT_E_VERSION, "0x0200"},
		{SPAN_LIT("\x16\xfe\xfd\0\4\1\0\0\0"), -ZT_E_VERSION, "0xfefd"},
		{SPAN_LIT("\x16\3\1\0\0"), -ZT_E_SYNTAX, "empty record"},
		{SPAN_LIT("\x16\3\1\x40\1"), -ZT_E_TOOLONG, "16385"},
		{SPAN_LIT("\x16\3\1\0\4\2\0\0\0"), -ZT_E_SYNTAX, "type 2, not a ClientHello"},
		{SPAN_LIT("\x16\3\1\0\4\0\0\0\0"), -ZT_E_SYNTAX, "type 0, not a ClientHello"},
		{SPAN_LIT("\x16\3\1\0\1\1\x15\3\1\0\2"), -ZT_E_SYNTAX, "type 21 stands inside"},
		{SPAN_LIT("\x16\3\1\0\1\1\x17\3\1\0\2"), -ZT_E_SYNTAX, "type 23 stands inside"},
		{SPAN_LIT("\x16\3\1\0\1\1\x16\3\3\0\2"), -ZT_E_SYNTAX, "differ in their version"},
		{SPAN_LIT("\x16\3\1\0\1\1\x16\3\1\0\0"), -ZT_E_SYNTAX, "empty record"},
		{SPAN_LIT("\x16\3\1\0\4\1\0\0\0"), -ZT_E_SYNTAX, "cut short"},
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct why why = {0};

		CHECK_INT(hello_read(cases[i].s, kit_scratch, &h, &why), cases[i].want);
		CHECK(strstr(why.text, cases[i].word));
		CHECK(h.message == 0 && h.suites.n == 0);
	}
}

TEST(other_protocols_are_named)
{
	static const struct {
		struct span s;
		const char *word;
	} cases[] = {
		{SPAN_LIT("GET / HTTP/1.1\r\n"), "the peer speaks HTTP, not TLS"},
		{SPAN_LIT("POST /x HTTP/1.1\r\n"), "the peer speaks HTTP, not TLS"},
		{SPAN_LIT("CONNECT nas:443 HTTP/1.1\r\n"), "as to a proxy"},
		{SPAN_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/2 without TLS"},
		{SPAN_LIT("<!DOCTYPE HTML>\n<html>"), "the peer speaks HTTP, not TLS"},
		{SPAN_LIT("<html>\r\n<head>"), "the peer speaks HTTP, not TLS"},
		{SPAN_LIT("SSH-2.0-OpenSSH_9.2\r\n"), "the peer speaks SSH, not TLS"},
		{SPAN_LIT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), "the PROXY protocol"},
		{SPAN_LIT("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"), "the PROXY protocol"},
		{SPAN_LIT("\x80\x2e\1\3\1\0\x15\0\0\0\x10"), "SSL 2.0"},
		{SPAN_LIT("\x80\x2e\1\0\2\0\x15\0\0\0\x10"), "SSL 2.0"},
		{SPAN_LIT("\3\0\0\x13\x0e\xe0\0\0"), "RDP"},
		{SPAN_LIT("\x05\1\0"), "not TLS (first byte 0x05)"},
		{SPAN_LIT("\x80\x2e\2"), "not TLS (first byte 0x80)"},
		{SPAN_LIT("GOOD MORNING"), "not TLS (first byte 0x47)"},
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct why why = {0};
		int rc = ZT_MORE;

		CHECK_INT(hello_read(cases[i].s, kit_scratch, &h, &why), -ZT_E_VERSION);
		CHECK(strstr(why.text, cases[i].word));
		/* However the bytes arrive, the sentence is the same. */
		for (size_t n = 1; n <= cases[i].s.n && rc == ZT_MORE; n++) {
			struct why slow = {0};

			rc = hello_read(span_sub(cases[i].s, 0, n), kit_scratch, &h, &slow);
			CHECK(rc == ZT_MORE || strcmp(slow.text, why.text) == 0);
		}
		CHECK_INT(rc, -ZT_E_VERSION);
	}
}

/* ---- fields ------------------------------------------------------------------------------- */

TEST(versions)
{
	static const struct {
		uint16_t legacy;
		struct span list; /* of supported_versions; .p NULL: no such extension */
		int want;         /* 12, 13, 25 = both, 0 = neither, or a refusal */
	} cases[] = {
		{0x0303, {0}, 12},
		{0x0302, {0}, 0},
		{0x0301, {0}, 0},
		{0x0300, {0}, -ZT_E_VERSION},
		{0x0200, {0}, -ZT_E_VERSION},
		{0x0304, {0}, 12},                                     /* RFC 5246 E.1: the lower of both best */
		{0x7f7f, {0}, 12},
		{0x0303, SPAN_LIT("\x04\3\4\3\3"), 25},
		{0x0303, SPAN_LIT("\x02\3\4"), 13},                    /* 1.3 or nothing, whatever legacy says */
		{0x0303, SPAN_LIT("\x02\3\3"), 12},
		{0x0303, SPAN_LIT("\x06\x3a\x3a\3\4\3\3"), 25},        /* GREASE */
		{0x0303, SPAN_LIT("\x02\x3a\x3a"), 0},
		{0x0301, SPAN_LIT("\x02\3\3"), 0},                     /* BearSSL would go by the 1.0 */
		{0x0303, SPAN_LIT("\x04\3\2\3\1"), 0},
		{0x0303, SPAN_LIT("\x00"), -ZT_E_SYNTAX},
		{0x0303, SPAN_LIT("\x03\3\4\3"), -ZT_E_SYNTAX},
		{0x0303, SPAN_LIT("\x02\3\4\3\3"), -ZT_E_SYNTAX},      /* bytes behind the list */
		{0x0303, SPAN_LIT("\x06\3\4\3\3"), -ZT_E_SYNTAX},      /* list longer than its extension */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wr w = extensions();
		struct making m = {.version = cases[i].legacy};
		struct hello h;
		int rc;

		if (cases[i].list.p)
			kit_extension(&w, 43, cases[i].list);
		m.extensions = wr_span(&w);
		rc = kit_read(&m, &h);
		CHECK_INT(rc < 0 ? rc : (h.offers_tls12 ? 12 : 0) + (h.offers_tls13 ? 13 : 0), cases[i].want);
	}
}

TEST(record_versions)
{
	for (uint16_t v = 0x0301; v <= 0x0303; v++) {
		struct making m = {.record_version = v};
		struct hello h;

		CHECK(kit_read(&m, &h) > 0);
		CHECK(h.offers_tls12);
	}
}

TEST(odd_fields_are_refused)
{
	static const struct {
		struct making m;
		const char *word; /* NULL: allowed */
	} cases[] = {
		{{.session = 31}, NULL},
		{{.session = 33}, "session id"},
		{{.session = 255}, "session id"},
		{{.suites = SPAN_LIT("\xc0")}, "cipher suites"},
		{{.suites = SPAN_LIT("\xc0\x2b\xc0")}, "cipher suites"},
		{{.suites = {(const uint8_t *)"", 0}}, "cipher suites"},
		{{.compression = {(const uint8_t *)"", 0}}, "compression"},
		{{.compression = SPAN_LIT("\1")}, "compression"},
		{{.compression = SPAN_LIT("\1\0")}, NULL},
		{{.block = true}, NULL}, /* a block of no extensions */
	};
	struct hello h;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int rc = kit_read(&cases[i].m, &h);

		CHECK(cases[i].word ? rc == -ZT_E_SYNTAX && strstr(kit_why.text, cases[i].word) : rc > 0);
	}
}

TEST(extensions_fill_their_block_exactly)
{
	static const struct {
		struct span tail; /* behind the compression methods */
		const char *word;
	} cases[] = {
		{SPAN_LIT("\0"), "do not fill the hello"},            /* half a length */
		{SPAN_LIT("\0\1"), "do not fill the hello"},
		{SPAN_LIT("\0\0\0"), "do not fill the hello"},        /* a byte behind the block */
		{SPAN_LIT("\0\1\0"), "do not fill their block"},
		{SPAN_LIT("\0\4\xab\xcd\0\1"), "do not fill their block"},
		{SPAN_LIT("\0\7\xab\xcd\0\1x\0\0"), "do not fill their block"},
		{SPAN_LIT("\0\5\xab\xcd\0\1x"), NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct making m = {0};
		struct span bare = kit_message(&m);
		struct wr w = {kit_mem, bare.n, sizeof kit_mem, false};
		struct hello h;
		struct why why = {0};
		int rc;

		wr_put(&w, cases[i].tail);
		wr_patch_be16(&w, 2, (uint16_t)(w.n - 4));
		rc = hello_read(kit_records(kit_out, sizeof kit_out, wr_span(&w), 0, 16384), kit_scratch, &h, &why);
		CHECK(cases[i].word ? rc == -ZT_E_SYNTAX && strstr(why.text, cases[i].word) : rc > 0);
	}
}

/* Every number a message may be cut at, with all lengths above it left as they were. */
TEST(a_message_cut_anywhere_is_refused)
{
	struct wr w = extensions();
	struct making m;
	struct span whole;

	kit_name(&w, 0, SPAN_LIT("nas.example.com"));
	kit_alpn(&w, SPAN_LIT("\x02h2"));
	kit_extension(&w, 43, SPAN_LIT("\x04\3\4\3\3"));
	m = (struct making){.session = 32, .extensions = wr_span(&w)};
	whole = kit_message(&m);
	for (size_t n = 4; n < whole.n; n++) {
		struct wr cut = {kit_mem, n, sizeof kit_mem, false};
		struct hello h;
		size_t bare = 4 + 2 + 32 + 1 + 32 + 2 + 4 + 2; /* no extensions at all is whole */
		int rc;

		wr_patch_be16(&cut, 2, (uint16_t)(n - 4));
		rc = hello_read(kit_records(kit_out, sizeof kit_out, wr_span(&cut), 0, 16384), kit_scratch, &h, NULL);
		CHECK_INT(rc, n == bare ? (int)bare + 5 : -ZT_E_SYNTAX);
	}
}
