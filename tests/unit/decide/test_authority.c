/* Who is the authority, and what it may grant: the right ones of every role, and each thing that can be
 * wrong by itself. */
#include "tests/unit/decide/grant_kit.h"

static struct gk g;

static const struct authority_now at = {GRANT_NOW, GRANT_NOW - 100};

static void met(const struct span *chain, size_t n, const struct authority_pins *pins, const char *says)
{
	uint8_t server[32] = {0}, want[32];
	struct why w = {0};
	int rc = authority_met(chain, n, pins, at, server, &w);

	sha256(g.server.spki, want);
	if (says == NULL && (rc != 0 || !ct_eq(server, want, 32)))
		unit_fail(__FILE__, __LINE__, "the authority was not met: \"%s\"", w.text);
	if (says && (rc != -ZT_E_DENIED || strstr(w.text, says) == NULL))
		unit_fail(__FILE__, __LINE__, "%d \"%s\" does not say \"%s\"", rc, w.text, says);
}

TEST(the_server_is_met_by_its_pin)
{
	struct authority_pins two;
	uint8_t both[2048];
	struct wr w = wr_of(both, sizeof both);

	gk_make(&g);
	const struct span chain[] = {g.server_leaf, g.anchor[ANCHOR_INFRA].cert.der};

	met(chain, 2, &g.pins, NULL);
	/* the anchor is not shown, but known */
	met(chain, 1, &g.pins, "nobody that it shows");
	wr_put(&w, g.other.cert.der);
	wr_put(&w, g.anchor[ANCHOR_INFRA].cert.der);
	CHECK_INT(authority_pins_of(&two, wr_span(&w), "this identity", NULL), 0);
	CHECK_INT(two.n, 2);
	met(chain, 1, &two, NULL);
	met(chain, 2, &two, NULL);
}

TEST(another_authority_is_named_with_both_pins)
{
	char theirs[24] = "sha256:", ours[24] = "sha256:";
	uint8_t mem[2048], server[32], pin[32];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};

	gk_make(&g);
	const struct span chain[] = {gk_leaf(&w, &g.other, ROLE_REGISTRY, g.server.spki), g.other.cert.der};

	CHECK_INT(authority_met(chain, 2, &g.pins, at, server, &why), -ZT_E_DENIED);
	x509_pin(&g.other.cert, pin);
	ct_hex_encode(pin, 8, &theirs[7]);
	ct_hex_encode(g.pins.pin[0], 8, &ours[7]);
	CHECK(strstr(why.text, theirs) && strstr(why.text, ours) && strstr(why.text, "the token"));
	/* the pinned anchor is shown by somebody else: it did not sign his certificate */
	const struct span stolen[] = {chain[0], g.anchor[ANCHOR_INFRA].cert.der};

	met(stolen, 2, &g.pins, "not the authority");
	const struct span three[] = {chain[0], g.other.cert.der, g.anchor[ANCHOR_INFRA].cert.der};

	met(three, 3, &g.pins, "not the authority");
	met(NULL, 0, &g.pins, "no certificate");
	met(&(struct span){(const uint8_t *)"junk", 4}, 1, &g.pins, "no certificate");
	/* the anchor as its own server: it is pinned, and self-signed */
	const struct span itself[] = {g.anchor[ANCHOR_INFRA].cert.der, g.anchor[ANCHOR_INFRA].cert.der};

	met(itself, 2, &g.pins, "not good for this");
}

/* Everybody else under the right anchor, who holds a certificate and would like to be the authority. */
TEST(no_other_role_is_the_authority)
{
	uint8_t mem[2048];

	gk_make(&g);
	for (unsigned role = 1; role < CERT_ROLES; role++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct span chain[2] = {SPAN_NONE, g.anchor[ANCHOR_INFRA].cert.der};

		if (role == ROLE_REGISTRY)
			continue;
		chain[0] = gk_leaf(&w, &g.anchor[ANCHOR_INFRA], (enum cert_role)role, g.server.spki);
		met(chain, 2, &g.pins, "not good for this");
	}
	/* of the right role, under an anchor that may not sign it: not pinned */
	struct wr w = wr_of(mem, sizeof mem);
	struct span chain[2] = {gk_leaf(&w, &g.anchor[ANCHOR_DEVICE], ROLE_REGISTRY, g.server.spki),
				g.anchor[ANCHOR_DEVICE].cert.der};

	met(chain, 2, &g.pins, "not the authority");
}

TEST(dates_count)
{
	const struct {
		int64_t now, floor;
		const char *says;
	} v[] = {{GRANT_NOW - 301, 0, "not valid yet"},
		 {GRANT_NOW + CERT_LIFETIME_MAX + 1, 0, "expired"},
		 {GRANT_NOW, GRANT_NOW + 1, "clock"}};
	uint8_t server[32];

	gk_make(&g);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const struct span chain[] = {g.server_leaf, g.anchor[ANCHOR_INFRA].cert.der};
		struct why w = {0};

		CHECK_INT(authority_met(chain, 2, &g.pins, (struct authority_now){v[i].now, v[i].floor}, server, &w), -ZT_E_DENIED);
		CHECK(strstr(w.text, v[i].says) != NULL);
	}
}

static void refused(const struct enrol *m, const struct authority_asked *asked, const char *says)
{
	struct why w = {0};
	int rc = authority_granted(m, asked, &w);

	if (rc != -ZT_E_DENIED || strstr(w.text, says) == NULL)
		unit_fail(__FILE__, __LINE__, "%d \"%s\" does not say \"%s\"", rc, w.text, says);
}

TEST(every_role_is_granted_by_its_own_anchor_and_no_other)
{
	gk_make(&g);
	for (unsigned role = 1; role < CERT_ROLES; role++) {
		struct authority_asked asked = gk_asked(&g, (enum cert_role)role);
		struct enrol m = gk_grant(&g, (enum cert_role)role);
		struct why w = {0};
		uint8_t mem[2048];

		if (authority_granted(&m, &asked, &w) != 0)
			unit_fail(__FILE__, __LINE__, "role %u: %s", role, w.text);
		for (unsigned other = 1; other < CERT_ROLES; other++) { /* what was asked for is another */
			asked.role = (enum cert_role)other;
			CHECK_INT(authority_granted(&m, &asked, NULL), other == role ? 0 : -ZT_E_DENIED);
		}
		asked.role = (enum cert_role)role;
		for (unsigned a = 0; a < ANCHORS; a++) { /* signed under each anchor */
			struct wr wr = wr_of(mem, sizeof mem);

			m.field[ENF_CHAIN] = gk_leaf(&wr, &g.anchor[a], (enum cert_role)role, g.mine.spki);
			CHECK_INT(authority_granted(&m, &asked, NULL), a == cert_role(role)->anchor ? 0 : -ZT_E_DENIED);
		}
	}
}

TEST(each_thing_wrong_by_itself)
{
	struct authority_asked asked, a;
	struct enrol m, x;
	struct gk_pair another;
	uint8_t mem[2048];
	struct wr w = wr_of(mem, sizeof mem);

	gk_make(&g);
	gk_pair(&another);
	asked = gk_asked(&g, ROLE_DEVICE);
	m = gk_grant(&g, ROLE_DEVICE);
	a = asked;
	a.spki = another.spki;
	refused(&m, &a, "another key");
	a = asked;
	a.role = (enum cert_role)99;
	refused(&m, &a, "does not know the role");
	a = asked;
	a.at.now = GRANT_NOW + 3650 * INT64_C(86400);
	refused(&m, &a, "clock");
	a.at.now = GRANT_NOW - 3600;
	a.at.floor = 0;
	refused(&m, &a, "clock");
	a = asked;
	a.at.floor = GRANT_NOW + 1;
	refused(&m, &a, "clock");
	a = asked;
	a.registry = another.spki;
	refused(&m, &a, "another than the pinned one");
	a.registry = g.registry.spki;
	CHECK_INT(authority_granted(&m, &a, NULL), 0);
	x = m;
	x.field[ENF_INFRA] = g.other.cert.der;
	refused(&x, &asked, "none of its infra anchors");
	x = m;
	x.has[ENF_DEVICE] = false;
	gk_sign(&g, &x);
	refused(&x, &asked, "not signed by that role's anchor");
	gk_sign(&g, &m);
	x = m;
	x.field[ENF_REGISTRY] = SPAN_LIT("\x30\x00");
	refused(&x, &asked, "the key of its registry");
	x = m;
	x.field[ENF_CHAIN] = SPAN_LIT("\x30\x00");
	refused(&x, &asked, "malformed");
	x = m;
	x.field[ENF_ACME] = gk_leaf(&w, &g.anchor[ANCHOR_ACME], ROLE_SERVICE, g.mine.spki); /* no authority */
	refused(&x, &asked, "no authority");
	/* one who was signed by an authority of the same name with another key */
	x = m;
	x.field[ENF_DEVICE] = g.anchor[ANCHOR_ACME].cert.der;
	gk_sign(&g, &x);
	refused(&x, &asked, "not signed by that role's anchor");
}

/* In a roll-over both are there, and either may be the one that was known. */
TEST(a_roll_over_is_followed)
{
	struct authority_asked asked;
	uint8_t both[2048];
	struct wr w = wr_of(both, sizeof both);
	struct enrol m;

	gk_make(&g);
	wr_put(&w, g.other.cert.der);
	wr_put(&w, g.anchor[ANCHOR_INFRA].cert.der);
	asked = gk_asked(&g, ROLE_CONNECTOR);
	m = gk_grant(&g, ROLE_CONNECTOR);
	m.field[ENF_INFRA] = wr_span(&w);
	gk_sign(&g, &m);
	CHECK_INT(authority_granted(&m, &asked, NULL), 0);
	CHECK_INT(authority_anchors(&m, &asked, NULL), 0);
	x509_pin(&g.other.cert, g.pins.pin[0]); /* the new one is the one that is known, the old one signed */
	CHECK_INT(authority_granted(&m, &asked, NULL), 0);
	memset(g.pins.pin[0], 0, 32);
	refused(&m, &asked, "none of its infra anchors");
}

/* Whoever has the authority's place in TLS, but not the registry's key, adds no anchor: not beside the one that
 * is known, not of another kind, not by taking one away, and not with a signature over others. */
TEST(nobody_adds_an_anchor_on_the_way)
{
	struct authority_asked asked;
	uint8_t both[2048];
	struct wr w = wr_of(both, sizeof both);
	struct enrol m, x;

	gk_make(&g);
	asked = gk_asked(&g, ROLE_CONNECTOR);
	asked.registry = g.registry.spki;
	m = gk_grant(&g, ROLE_CONNECTOR);
	CHECK_INT(authority_anchors(&m, &asked, NULL), 0);
	wr_put(&w, g.anchor[ANCHOR_INFRA].cert.der);
	wr_put(&w, g.other.cert.der);
	x = m;
	x.field[ENF_INFRA] = wr_span(&w);
	refused(&x, &asked, "not signed by the key of its registry");
	x = m;
	x.field[ENF_DEVICE] = g.other.cert.der;
	refused(&x, &asked, "not signed by the key of its registry");
	x = m;
	x.has[ENF_ACME] = false;
	refused(&x, &asked, "not signed by the key of its registry");
	x = m;
	x.field[ENF_DEVICE] = m.field[ENF_ACME];
	x.field[ENF_ACME] = m.field[ENF_DEVICE];
	refused(&x, &asked, "not signed by the key of its registry");
	x = m;
	x.field[ENF_TRUST] = span_sub(m.field[ENF_TRUST], 0, 16);
	refused(&x, &asked, "not signed by the key of its registry");
	g.trust[8]++; /* as if it were newer */
	refused(&m, &asked, "not signed by the key of its registry");
	g.trust[8]--;
	asked.registry = g.server.spki; /* and the key is the pinned one, whatever stands beside it */
	CHECK_INT(authority_anchors(&m, &asked, NULL), -ZT_E_DENIED);
}

TEST(lists_that_are_none)
{
	struct authority_pins p;
	uint8_t nine[16384];
	struct wr w = wr_of(nine, sizeof nine);
	struct why why = {0};

	gk_make(&g);
	CHECK_INT(authority_pins_of(&p, SPAN_NONE, "x", NULL), 0);
	CHECK_INT(p.n, 0);
	CHECK(authority_pins_of(&p, g.server_leaf, "x", &why) < 0 && strstr(why.text, "no authority"));
	CHECK(authority_pins_of(&p, SPAN_LIT("\x30\x00"), "x", NULL) < 0);
	for (int i = 0; i < ENROL_CERTS; i++)
		wr_put(&w, g.other.cert.der);
	CHECK_INT(authority_pins_of(&p, wr_span(&w), "x", NULL), 0);
	wr_put(&w, g.other.cert.der);
	CHECK_INT(authority_pins_of(&p, wr_span(&w), "x", NULL), -ZT_E_TOOLONG);
}
