/* Hellos that real clients sent, caught by tests/fuzz/capture-hellos.py, against what the clients
 * were told to ask for. Run from the top folder. */
#include "base/num.h"
#include "tests/fuzz/bearhello.h"
#include "tests/unit/unit.h"
#include "wire/hello.h"

#define BOTH 25
static const struct {
	const char *file, *name, *alpn; /* alpn: joined with commas */
	int versions;                   /* 12, 13, both, or 0 */
	uint16_t fragment;
} clients[] = {
	{"curl", "nas.example.com", "h2,http/1.1", BOTH, 0},
	{"curl-address", "", "h2,http/1.1", BOTH, 0},
	{"curl-http1", "nas.example.com", "http/1.1", 12, 0},
	{"gnutls", "nas.example.com", "h2,http/1.1", BOTH, 0},
	{"gnutls-12", "nas.example.com", "", 12, 0},
	{"node", "nas.example.com", "h2,http/1.1", BOTH, 0},
	{"nss", "nas.example.com", "", BOTH, 0},
	{"nss-12", "nas.example.com", "", 12, 0},
	{"openssl", "nas.example.com", "h2,http/1.1", BOTH, 0},
	{"openssl-11", "nas.example.com", "", 0, 0},
	{"openssl-12", "nas.example.com", "", 12, 0},
	{"openssl-13", "nas.example.com", "", 13, 0},
	{"openssl-fallback", "nas.example.com", "", 12, 0},
	{"openssl-fragment", "nas.example.com", "", BOTH, 1024},
	{"openssl-no-name", "", "zt-tunnel/1", BOTH, 0},
	{"openssl-status", "nas.example.com", "", 12, 0}, /* asked for NAS.Example.COM */
	{"python", "nas.example.com", "http/1.1", BOTH, 0},
};

static uint8_t mem[4096], scratch[BOUND_CAP(BOUND_HELLO_BYTES)];

static struct span file(const char *name)
{
	char path[128];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "tests/fuzz/corpus/hello/%s", name);
	f = fopen(path, "rb");
	if (f == NULL) {
		unit_fail(__FILE__, __LINE__, "%s is missing", path);
		return SPAN_NONE;
	}
	n = fread(mem, 1, sizeof mem, f);
	fclose(f);
	return span_of(mem, n);
}

TEST(clients_are_read_as_they_were_told)
{
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		struct span s = file(clients[i].file);
		char alpn[64];
		struct wr w = wr_of(alpn, sizeof alpn);
		struct why why = {0};
		struct hello h;
		int rc = hello_read(s, scratch, &h, &why);

		if (rc <= 0) {
			unit_fail(__FILE__, __LINE__, "%s: %d %s", clients[i].file, rc, why.text);
			continue;
		}
		CHECK_INT(rc, s.n);
		CHECK_STR(h.name, clients[i].name);
		for (size_t k = 0; k < h.alpn_n; k++) {
			wr_str(&w, k ? "," : "");
			wr_put(&w, h.alpn[k]);
		}
		CHECK(span_eq_str(wr_span(&w), clients[i].alpn));
		CHECK_INT((h.offers_tls12 ? 12 : 0) + (h.offers_tls13 ? 13 : 0), clients[i].versions);
		CHECK_INT(h.fragment, clients[i].fragment);
		for (size_t n = 0; n < s.n; n++)
			CHECK_INT(hello_read(span_sub(s, 0, n), scratch, &h, &why), ZT_MORE);
	}
}

TEST(suites_of_clients)
{
	struct hello h;

	CHECK(hello_read(file("openssl-fallback"), scratch, &h, NULL) > 0);
	CHECK(hello_offers(&h, 0x5600) && hello_offers(&h, 0xc02b) && hello_offers(&h, 0xcca8));
	CHECK(hello_read(file("openssl-13"), scratch, &h, NULL) > 0);
	CHECK(hello_offers(&h, 0x1301) && !hello_offers(&h, 0xc02b));
}

/* ---- the second reader -------------------------------------------------------------------- */

TEST(bearssl_reads_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		struct span s = file(clients[i].file);
		struct hello h;
		struct bear b;

		NEED(hello_read(s, scratch, &h, NULL) > 0);
		bear_read(s, "http/1.1", &b);
		if (!h.offers_tls12)
			continue;
		CHECK(b.asked);
		CHECK(span_ieq(span_str(b.name), span_str(h.name)));
		CHECK_STR(b.alpn, hello_wants(&h, SPAN_LIT("http/1.1")) ? "http/1.1" : "");
		CHECK_INT(b.fragment, h.fragment);
	}
}

/* Why these are refused: BearSSL would serve them, and not what another reader sees in them. */
TEST(what_is_refused_could_be_read_in_two_ways)
{
	static const struct {
		const char *file, *bears;
		int ours;
	} cases[] = {
		{"odd-two-names", "b.test", -ZT_E_DUP},  /* the last of a list */
		{"odd-twice", "b.test", -ZT_E_DUP},      /* the last of two extensions */
		{"odd-nul", "a.test", -ZT_E_SYNTAX},     /* what is before the NUL */
		{"odd-dot", "a.test.", -ZT_E_SYNTAX},
		{"odd-address", "192.0.2.1", -ZT_E_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span s = file(cases[i].file);
		struct hello h;
		struct bear b;

		CHECK_INT(hello_read(s, scratch, &h, NULL), cases[i].ours);
		bear_read(s, NULL, &b);
		CHECK(b.asked);
		CHECK_STR(b.name, cases[i].bears);
	}
}

/* TLS 1.3 or nothing: BearSSL does not look at supported_versions and would try 1.2. */
TEST(a_client_that_wants_only_13_is_known)
{
	struct hello h;

	CHECK(hello_read(file("openssl-13"), scratch, &h, NULL) > 0);
	CHECK(h.version == TLS12 && !h.offers_tls12);
}
