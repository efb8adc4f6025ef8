/* Every reason alone: a certificate that is good but for one thing, in the order leaf.h gives. */
#include "tests/unit/dertext.h"

#include "base/num.h"
#include "decide/certrole.h"
#include "decide/leaf.h"
#include "name_vectors.h"

#define BASIC "551d13"
#define KU "551d0f"
#define EKU "551d25"
#define SAN "551d11"
#define SERVER "06{2b06010505070301} "
#define CLIENT "06{2b06010505070302} "
#define ANY "06{551d2500} "
#define MAIL "06{2b06010505070304} "
#define NAMES EXT(SAN, "30{ 82{'a.example'} 87{c0000201} 87{20010db8000000000000000000000005} }")

#define NOT_BEFORE 1704067200 /* DATES of dertext.h */
#define NOT_AFTER 2019686400
#define NOW 1800000000

/* leaf_check() on a certificate written by hand, which must be readable. */
static enum leaf_reason check(const char *text, const struct leaf_rule *rule)
{
	struct why why = {0};
	struct x509 c;

	if (x509_read(&c, dertext(text), &why) < 0)
		unit_fail(__FILE__, __LINE__, "%s: %s", text, why.text);
	return leaf_check(&c, rule);
}

#define IS(text, rule, want)                                                                       \
	do {                                                                                       \
		enum leaf_reason got_ = check(text, rule);                                        \
		if (got_ != (want))                                                               \
			unit_fail(__FILE__, __LINE__, "%s, not %s", leaf_name(got_), leaf_name(want)); \
	} while (0)

static struct leaf_rule server(void)
{
	return (struct leaf_rule){.use = LEAF_SERVER, .now = NOW, .floor = NOW - 1000, .dns = SPAN_LIT("a.example")};
}

#define GOOD CERT(EXTS(EXT(BASIC, "30{}") EXT(KU, "03{0780}") EXT(EKU, "30{" SERVER "}") NAMES))
#define WITH(version, serial, dates, key, exts) CERT_OF(TBS(version, serial, ECDSA_SHA256, NAME_CA, dates, NAME_LEAF, key, exts))

TEST(a_good_one)
{
	struct leaf_rule r = server();

	IS(GOOD, &r, LEAF_OK);
	IS(CERT(EXTS(NAMES)), &r, LEAF_OK); /* what is absent forbids nothing */
	r.dns = SPAN_NONE;
	IS(CERT(""), &r, LEAF_OK); /* no name asked for */
	r.use = LEAF_CLIENT;
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}"))), &r, LEAF_OK);
}

TEST(malformed)
{
	struct leaf_rule r = server();
	struct x509 c;

	CHECK(x509_read(&c, SPAN_LIT("junk"), NULL) < 0);
	CHECK_INT(leaf_check(&c, &r), LEAF_MALFORMED);
	r.pins_only = true;
	CHECK_INT(leaf_check(&c, &r), LEAF_MALFORMED);
}

TEST(clock_and_dates)
{
	struct leaf_rule r = server();

	r.floor = NOW + 1;
	IS(GOOD, &r, LEAF_CLOCK);
	r.floor = NOW;
	IS(GOOD, &r, LEAF_OK);
	r.floor = NOW; /* a clock that fell back to 1970 is not "not valid yet" */
	r.now = 0;
	IS(GOOD, &r, LEAF_CLOCK);
	r.floor = 0;
	IS(GOOD, &r, LEAF_EARLY);
	r.now = NOT_BEFORE - 1;
	IS(GOOD, &r, LEAF_EARLY);
	r.now = NOT_BEFORE;
	IS(GOOD, &r, LEAF_OK);
	r.now = NOT_AFTER; /* RFC 5280 4.1.2.5: inclusive */
	IS(GOOD, &r, LEAF_OK);
	r.now = NOT_AFTER + 1;
	IS(GOOD, &r, LEAF_EXPIRED);
	r.now = NOW;
	r.max_lifetime = NOT_AFTER - NOT_BEFORE;
	IS(GOOD, &r, LEAF_OK);
	r.max_lifetime--;
	IS(GOOD, &r, LEAF_LIFETIME);
	r.max_lifetime = 1;
	IS(WITH(V3, SERIAL, "30{18{'00000101000000Z'} 18{'99991231235959Z'}}", SPKI_P256, EXTS(NAMES)), &r, LEAF_LIFETIME);
	/* an end before the beginning is never now */
	IS(WITH(V3, SERIAL, "30{17{'340101000000Z'} 17{'240101000000Z'}}", SPKI_P256, EXTS(NAMES)), &r, LEAF_EARLY);
}

TEST(version)
{
	struct leaf_rule r = server();

	r.dns = SPAN_NONE;
	IS(WITH("", SERIAL, DATES, SPKI_P256, ""), &r, LEAF_VERSION);
	IS(WITH("a0{02{01}}", SERIAL, DATES, SPKI_P256, ""), &r, LEAF_VERSION);
}

TEST(serial)
{
	struct leaf_rule r = server();

	IS(WITH(V3, "02{00}", DATES, SPKI_P256, EXTS(NAMES)), &r, LEAF_SERIAL);
	IS(WITH(V3, "02{ff}", DATES, SPKI_P256, EXTS(NAMES)), &r, LEAF_SERIAL);
	IS(WITH(V3, "02{0080}", DATES, SPKI_P256, EXTS(NAMES)), &r, LEAF_OK);
	IS(WITH(V3, "02{7f00000000 0000000000 0000000000 0000000000}", DATES, SPKI_P256, EXTS(NAMES)), &r, LEAF_OK);
}

TEST(critical)
{
	struct leaf_rule r = server();

	IS(CERT(EXTS(NAMES EXT_CRITICAL("2a03", ""))), &r, LEAF_CRITICAL);
	IS(CERT(EXTS(NAMES EXT("2a03", ""))), &r, LEAF_OK);
	/* name constraints belong into a CA; as a demand they are one that zt does not know */
	IS(CERT(EXTS(NAMES EXT_CRITICAL("551d1e", "30{a0{30{82{'b'}}}}"))), &r, LEAF_CRITICAL);
	IS(CERT(EXTS(NAMES EXT("551d1e", "30{a0{30{82{'b'}}}}"))), &r, LEAF_OK);
}

#define SIGNED_WITH(alg) "30{ " TBS(V3, SERIAL, alg, NAME_CA, DATES, NAME_LEAF, SPKI_P256, EXTS(NAMES)) alg SIGNATURE "}"

TEST(weak_hash)
{
	static const struct {
		const char *text;
		enum leaf_reason want;
	} v[] = {
		{SIGNED_WITH("30{06{2a864886f70d010104}05{}}"), LEAF_HASH}, /* MD5 */
		{SIGNED_WITH("30{06{2a864886f70d010105}05{}}"), LEAF_HASH}, /* SHA-1 */
		{SIGNED_WITH("30{06{2a8648ce3d0401}}"), LEAF_HASH},	     /* SHA-1 */
		{SIGNED_WITH("30{06{2a864886f70d01010e}05{}}"), LEAF_HASH}, /* SHA-224 */
		{SIGNED_WITH("30{06{2a03}}"), LEAF_HASH},		     /* unknown */
		{SIGNED_WITH("30{06{2b6570}}"), LEAF_HASH},		     /* Ed25519: not checked by BearSSL */
		{SIGNED_WITH("30{06{2a864886f70d01010d}05{}}"), LEAF_OK},   /* SHA-512 */
		{SIGNED_WITH("30{06{2a8648ce3d040303}}"), LEAF_OK},	     /* SHA-384 */
	};
	struct leaf_rule r = server();

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		IS(v[i].text, &r, v[i].want);
}

#define RSA_KEY(n, e) "30{ 30{06{2a864886f70d010101}05{}} 03{00 30{ 02{" n "} 02{" e "} }} } "
#define B16 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"
#define B128 B16 B16 B16 B16 B16 B16 B16 B16
#define KEYED(spki) WITH(V3, SERIAL, DATES, spki, EXTS(NAMES))

TEST(weak_key)
{
	struct leaf_rule r = server();

	IS(KEYED(RSA_KEY("00" B128, "010001")), &r, LEAF_KEY);		 /* 1024 bits */
	IS(KEYED(RSA_KEY("00" B128 B128, "010001")), &r, LEAF_OK);	 /* 2048 */
	IS(KEYED(RSA_KEY("7f" B128 B128, "010001")), &r, LEAF_OK);	 /* 2055 */
	IS(KEYED(RSA_KEY("00" B128 B128, "03")), &r, LEAF_KEY);		 /* e = 3 */
	IS(KEYED(RSA_KEY("00" B128 B128 B128 B128, "010001")), &r, LEAF_OK);
	IS(KEYED(RSA_KEY("01" B128 B128 B128 B128, "010001")), &r, LEAF_KEY); /* 4097 */
	IS(KEYED("30{ 30{06{2b6570}} 03{00 0001020304050607 08090a0b0c0d0e0f 0001020304050607 08090a0b0c0d0e0f} }"), &r, LEAF_KEY);
	IS(KEYED("30{ 30{06{2a8648ce3d0201} 06{2b8104000a}} 03{00 04aa} }"), &r, LEAF_KEY);
	/* not on the curve: y of the generator, one bit off */
	IS(KEYED("30{ 30{06{2a8648ce3d0201}06{2a8648ce3d030107}} 03{00 04"
		 "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
		 "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4} }"), &r, LEAF_KEY);
}

TEST(authorities)
{
	struct leaf_rule r = server();

	IS(CERT(EXTS(EXT(BASIC, "30{01{ff}}") NAMES)), &r, LEAF_CA);
	IS(CERT(EXTS(EXT(BASIC, "30{}") EXT(KU, "03{0284}") NAMES)), &r, LEAF_CA); /* may sign certificates */
	IS(CERT(EXTS(EXT(KU, "03{0186}") NAMES)), &r, LEAF_CA);
}

TEST(usage_and_purpose)
{
	struct leaf_rule r = server();

	IS(CERT(EXTS(EXT(KU, "03{0520}") NAMES)), &r, LEAF_USAGE); /* key encipherment: no suite of zt's */
	IS(CERT(EXTS(EXT(KU, "03{05a0}") NAMES)), &r, LEAF_OK);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}") NAMES)), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(EKU, "30{" MAIL "}") NAMES)), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(EKU, "30{" MAIL ANY "}") NAMES)), &r, LEAF_OK);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT SERVER "}") NAMES)), &r, LEAF_OK);
	r.use = LEAF_CLIENT;
	IS(CERT(EXTS(EXT(EKU, "30{" SERVER "}") NAMES)), &r, LEAF_PURPOSE); /* BearSSL takes it */
	IS(CERT(EXTS(EXT_CRITICAL(EKU, "30{" CLIENT "}") NAMES)), &r, LEAF_OK);
}

static enum leaf_reason with_ip(const char *text, const char *ip)
{
	struct leaf_rule r = server();
	struct addr a;

	CHECK_INT(addr_parse_ip(span_str(ip), &a), 0);
	r.dns = SPAN_NONE;
	r.ip = &a;
	return check(text, &r);
}

TEST(names)
{
	struct leaf_rule r = server();
	struct addr a;

	IS(CERT(""), &r, LEAF_NO_NAME);
	IS(CERT(EXTS(EXT(SAN, "30{82{'b.example'}}"))), &r, LEAF_NAME);
	r.dns = SPAN_LIT("leaf"); /* its common name */
	IS(GOOD, &r, LEAF_NAME);
	IS(CERT(""), &r, LEAF_NO_NAME);
	r.dns = SPAN_LIT("A.Example.");
	IS(GOOD, &r, LEAF_OK);
	r.dns = SPAN_LIT("192.0.2.1"); /* an address is not a name */
	IS(CERT(EXTS(EXT(SAN, "30{82{'192.0.2.1'}}"))), &r, LEAF_NAME);
	IS(GOOD, &r, LEAF_NAME);
	r.dns = SPAN_LIT("a.example"); /* a URI or a mail address is not a name either */
	IS(CERT(EXTS(EXT(SAN, "30{86{'a.example'} 81{'a.example'}}"))), &r, LEAF_NAME);
	CHECK_INT(with_ip(GOOD, "192.0.2.1"), LEAF_OK);
	CHECK_INT(with_ip(GOOD, "::ffff:192.0.2.1"), LEAF_OK);
	CHECK_INT(with_ip(GOOD, "192.0.2.2"), LEAF_NAME);
	CHECK_INT(with_ip(GOOD, "2001:db8::5"), LEAF_OK);
	CHECK_INT(with_ip(GOOD, "2001:db8::6"), LEAF_NAME);
	CHECK_INT(with_ip(CERT(EXTS(EXT(SAN, "30{82{'192.0.2.1'}}"))), "192.0.2.1"), LEAF_NAME);
	CHECK_INT(with_ip(CERT(""), "192.0.2.1"), LEAF_NO_NAME);
	CHECK_INT(with_ip(CERT(EXTS(EXT(SAN, "30{87{00000000000000000000ffffc0000201}}"))), "192.0.2.1"), LEAF_OK);
	/* both are asked for: both must be there */
	CHECK_INT(addr_parse_ip(SPAN_LIT("192.0.2.1"), &a), 0);
	r.ip = &a;
	IS(GOOD, &r, LEAF_OK);
	IS(CERT(EXTS(EXT(SAN, "30{82{'a.example'}}"))), &r, LEAF_NAME);
	IS(CERT(EXTS(EXT(SAN, "30{87{c0000201}}"))), &r, LEAF_NAME);
}

TEST(pins)
{
	uint8_t pin[2][32] = {{0}};
	struct leaf_rule r = server();
	struct x509 c;

	NEED(x509_read(&c, dertext(GOOD), NULL) == 0);
	r.pins = (const uint8_t(*)[32])pin;
	r.npins = 2;
	IS(GOOD, &r, LEAF_PIN);
	x509_pin(&c, pin[1]);
	IS(GOOD, &r, LEAF_OK);
	r.npins = 1;
	IS(GOOD, &r, LEAF_PIN);
	r.npins = 2;
	pin[1][31] ^= 1;
	IS(GOOD, &r, LEAF_PIN);
	pin[1][31] ^= 1;
	/* a pin is one demand more, not one instead */
	IS(CERT(EXTS(EXT(SAN, "30{82{'b.example'}}"))), &r, LEAF_NAME);
}

/* What devices make for themselves, in one certificate: version 1, or CA:TRUE, expired, SHA-1, an
 * unknown demand, another name, another purpose; the clock is wrong too. */
TEST(pins_only)
{
	static const char *const odd[] = {
		GOOD,
		WITH("", "02{00}", "30{17{'700101000000Z'}17{'700102000000Z'}}", SPKI_P256, ""),
		CERT(EXTS(EXT(BASIC, "30{01{ff}}") EXT(KU, "03{0204}") EXT(EKU, "30{" MAIL "}") EXT_CRITICAL("2a03", ""))),
		SIGNED_WITH("30{06{2a864886f70d010105}05{}}"),
	};
	uint8_t pin[32];
	struct leaf_rule r = server();
	struct x509 c;

	NEED(x509_read(&c, dertext(GOOD), NULL) == 0);
	x509_pin(&c, pin);
	r.pins_only = true;
	r.floor = INT64_MAX;
	r.roles = 1u << ROLE_EDGE;
	IS(GOOD, &r, LEAF_PIN); /* no pin is no permission */
	r.pins = (const uint8_t(*)[32]) & pin;
	r.npins = 1;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		IS(odd[i], &r, LEAF_OK);
	/* what still counts: the strength of the key, and the pin */
	IS(KEYED(RSA_KEY("00" B128, "010001")), &r, LEAF_KEY);
	IS(KEYED(RSA_KEY("00" B128 B128, "010001")), &r, LEAF_PIN);
}

#define CA "0123456789abcdef"
/* Nobody signed these: that is the last thing to be asked, and said of each that is good else. */
static const struct leaf_ca ca = {.id = CA};
#define ZT(uri) CERT(EXTS(EXT(EKU, "30{" CLIENT "}") EXT(SAN, "30{86{'" uri "'}}")))

TEST(roles)
{
	struct leaf_rule r = {.use = LEAF_CLIENT, .now = NOW, .roles = 1u << ROLE_CONNECTOR, .cas = &ca, .ncas = 1};
	struct x509 c;

	IS(ZT("zt://" CA "/connector/home-1"), &r, LEAF_ISSUER);
	NEED(x509_read(&c, dertext(ZT("zt://" CA "/connector/home-1")), NULL) == 0);
	CHECK(span_eq_str(leaf_zt_id(&c), "home-1"));
	IS(ZT("zt://" CA "/edge/home-1"), &r, LEAF_ROLE);
	IS(ZT("zt://" CA "/connectors/home-1"), &r, LEAF_ROLE);
	IS(ZT("zt://0123456789abcdee/connector/home-1"), &r, LEAF_ROLE);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}"))), &r, LEAF_ROLE); /* no name at all */
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}") EXT(SAN, "30{82{'zt://" CA "/connector/home-1'}}"))), &r, LEAF_ROLE);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}")
		     EXT(SAN, "30{86{'zt://" CA "/connector/a'} 86{'zt://" CA "/connector/a'}}"))), &r, LEAF_ROLE);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}") EXT(SAN, "30{86{'zt://" CA "/connector/a'} 86{'http://b'}}"))), &r, LEAF_ROLE);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT "}") EXT(SAN, "30{86{'zt://" CA "/connector/a'} 82{'b'}}"))), &r, LEAF_ISSUER);
	/* with a role the purpose is named, and never "any" */
	IS(CERT(EXTS(EXT(SAN, "30{86{'zt://" CA "/connector/a'}}"))), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(EKU, "30{" ANY "}") EXT(SAN, "30{86{'zt://" CA "/connector/a'}}"))), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(EKU, "30{" CLIENT ANY "}") EXT(SAN, "30{86{'zt://" CA "/connector/a'}}"))), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(EKU, "30{" SERVER CLIENT "}") EXT(SAN, "30{86{'zt://" CA "/connector/a'}}"))), &r, LEAF_ISSUER);
	r.use = LEAF_SERVER;
	IS(ZT("zt://" CA "/connector/home-1"), &r, LEAF_PURPOSE);
	r.use = LEAF_CLIENT;
	r.ncas = 0; /* a rule half written lets nobody in */
	IS(ZT("zt://" CA "/connector/home-1"), &r, LEAF_ROLE);
}

/* Who shows itself as a client with what is for a server: for that use alone, and the rest of the rule stays. */
TEST(members)
{
	struct leaf_rule r = {.use = LEAF_MEMBER, .now = NOW, .roles = 1u << ROLE_EDGE, .cas = &ca, .ncas = 1};

#define MEMBER(eku, uri) CERT(EXTS(EXT(EKU, "30{" eku "}") EXT(SAN, "30{86{'" uri "'}}")))
#define EDGE "zt://" CA "/edge/home-1"
	IS(MEMBER(SERVER, EDGE), &r, LEAF_ISSUER);
	IS(MEMBER(CLIENT, EDGE), &r, LEAF_ISSUER);
	IS(MEMBER(SERVER CLIENT, EDGE), &r, LEAF_ISSUER);
	IS(MEMBER(MAIL, EDGE), &r, LEAF_PURPOSE);
	IS(MEMBER(ANY, EDGE), &r, LEAF_PURPOSE);
	IS(MEMBER(SERVER ANY, EDGE), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(EXT(SAN, "30{86{'" EDGE "'}}"))), &r, LEAF_PURPOSE);
	IS(MEMBER(SERVER, "zt://" CA "/connector/home-1"), &r, LEAF_ROLE);
	r.use = LEAF_CLIENT;
	IS(MEMBER(SERVER, EDGE), &r, LEAF_PURPOSE);
	r.use = LEAF_SERVER;
	IS(MEMBER(CLIENT, EDGE), &r, LEAF_PURPOSE);
	r = (struct leaf_rule){.use = LEAF_MEMBER, .now = NOW}; /* the handshake's: no role is asked for there */
	IS(MEMBER(SERVER, EDGE), &r, LEAF_OK);
	IS(MEMBER(CLIENT, EDGE), &r, LEAF_OK);
	IS(MEMBER(MAIL, EDGE), &r, LEAF_PURPOSE);
	IS(CERT(EXTS(NAMES)), &r, LEAF_OK);
	CHECK_INT(leaf_use_of(ROLE_EDGE), LEAF_SERVER);
	CHECK_INT(leaf_use_of(ROLE_SERVICE), LEAF_SERVER);
	CHECK_INT(leaf_use_of(ROLE_REGISTRY), LEAF_SERVER);
	CHECK_INT(leaf_use_of(ROLE_CONNECTOR), LEAF_CLIENT);
	CHECK_INT(leaf_use_of(ROLE_CLIENT), LEAF_CLIENT);
	CHECK_INT(leaf_use_of(ROLE_DEVICE), LEAF_CLIENT);
	CHECK_INT(leaf_use_of(ROLE_NONE), LEAF_CLIENT);
}

TEST(zt_names)
{
	static const struct {
		const char *text, *id;
	} v[] = {
		{ZT("zt://" CA "/edge/a"), "a"},
		{ZT("zt://" CA "/edge/A-b_c.9"), "A-b_c.9"},
		{ZT("zt://" CA "/edge/"), ""},
		{ZT("zt://" CA "/edge"), ""},
		{ZT("zt://" CA "//a"), ""},
		{ZT("zt://" CA "/edge/a/b"), ""},
		{ZT("zt://" CA "/edge/a b"), ""},
		{ZT("zt://" CA "/edge/a%2fb"), ""},
		{ZT("zt://" CA "/Edge/a"), ""},
		{ZT("ZT://" CA "/edge/a"), ""},
		{ZT("zt:/" CA "/edge/a"), ""},
		{ZT("zt://0123456789ABCDEF/edge/a"), ""},
		{ZT("zt://0123456789abcde/edge/a"), ""},
		{ZT("zt://0123456789abcdef0/edge/a"), ""},
		{ZT("zt://" CA "/edge/" "0123456789012345678901234567890123456789012345678901234567890123"),
		 "0123456789012345678901234567890123456789012345678901234567890123"},
		{ZT("zt://" CA "/edge/" "01234567890123456789012345678901234567890123456789012345678901234"), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct x509 c;

		NEED(x509_read(&c, dertext(v[i].text), NULL) == 0);
		if (!span_eq_str(leaf_zt_id(&c), v[i].id))
			unit_fail(__FILE__, __LINE__, "%s", v[i].text);
	}
}

TEST(the_order)
{
	struct leaf_rule r = server();
	/* everything is wrong with it; mended one by one, each reason comes to the front */
	static const struct {
		const char *text;
		enum leaf_reason want;
	} v[] = {
		{WITH("", "02{00}", "30{17{'490101000000Z'}17{'480101000000Z'}}", RSA_KEY("05", "03"), ""), LEAF_VERSION},
#define REST                                                                                       \
	EXTS(EXT_CRITICAL("2a03", "") EXT(BASIC, "30{01{ff}}") EXT(KU, "03{0640}") EXT(EKU, "30{" MAIL "}"))
#define SHA1(serial, dates, key, rest)                                                             \
	"30{ " TBS(V3, serial, "30{06{2a8648ce3d0401}}", NAME_CA, dates, NAME_LEAF, key, rest) "30{06{2a8648ce3d0401}}" SIGNATURE "}"
		{SHA1("02{00}", "30{17{'490101000000Z'}17{'480101000000Z'}}", RSA_KEY("05", "03"), REST), LEAF_SERIAL},
		{SHA1(SERIAL, "30{17{'490101000000Z'}17{'480101000000Z'}}", RSA_KEY("05", "03"), REST), LEAF_EARLY},
		{SHA1(SERIAL, "30{17{'200101000000Z'}17{'210101000000Z'}}", RSA_KEY("05", "03"), REST), LEAF_EXPIRED},
		{SHA1(SERIAL, DATES, RSA_KEY("05", "03"), REST), LEAF_LIFETIME},
#define SHORT "30{17{'260101000000Z'}17{'280101000000Z'}}"
		{SHA1(SERIAL, SHORT, RSA_KEY("05", "03"), REST), LEAF_CRITICAL},
#undef REST
#define REST EXTS(EXT(BASIC, "30{01{ff}}") EXT(KU, "03{0640}") EXT(EKU, "30{" MAIL "}"))
		{SHA1(SERIAL, SHORT, RSA_KEY("05", "03"), REST), LEAF_HASH},
		{WITH(V3, SERIAL, SHORT, RSA_KEY("05", "03"), REST), LEAF_KEY},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, REST), LEAF_CA},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, EXTS(EXT(KU, "03{0640}") EXT(EKU, "30{" MAIL "}"))), LEAF_USAGE},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, EXTS(EXT(EKU, "30{" MAIL "}"))), LEAF_PURPOSE},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, EXTS(EXT(EKU, "30{" SERVER "}"))), LEAF_NO_NAME},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, EXTS(EXT(EKU, "30{" SERVER "}") EXT(SAN, "30{82{'b'}}"))), LEAF_NAME},
		{WITH(V3, SERIAL, SHORT, SPKI_P256, EXTS(EXT(EKU, "30{" SERVER "}") NAMES)), LEAF_ROLE},
		{WITH(V3, SERIAL, SHORT, SPKI_P256,
		      EXTS(EXT(EKU, "30{" SERVER "}") EXT(SAN, "30{82{'a.example'} 86{'zt://" CA "/edge/a'}}"))), LEAF_ISSUER},
	};
	static const uint8_t pin[1][32];

	r.roles = 1u << ROLE_EDGE;
	r.cas = &ca;
	r.ncas = 1;
	r.pins = pin;
	r.npins = 1;
	r.max_lifetime = 3 * 365 * 86400;
	r.floor = NOW + 1;
	IS(v[0].text, &r, LEAF_CLOCK);
	r.floor = NOW;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		IS(v[i].text, &r, v[i].want);
	r.roles = 0;
	IS(v[ARRAY_LEN(v) - 1].text, &r, LEAF_PIN);
}

/* As one caller of four: test_namematch.c has the others. */
TEST(a_certificate_is_for_the_names_that_everybody_means)
{
	for (size_t i = 0; i < ARRAY_LEN(name_vectors); i++) {
		const struct name_vector *v = &name_vectors[i];
		struct leaf_rule r = server();
		struct why why = {0};
		struct x509 c;
		char text[4096];
		int n = snprintf(text, sizeof text, CERT(EXTS(EXT(SAN, "30{82{'%s'}}"))), v->pattern);

		NEED(n > 0 && (size_t)n < sizeof text);
		r.dns = span_str(v->name);
		if (r.dns.n == 0) /* any name would do */
			continue;
		if ((x509_read(&c, dertext(text), &why) == 0 && leaf_check(&c, &r) == LEAF_OK) != v->match)
			unit_fail(__FILE__, __LINE__, "%s for %s", v->pattern, v->name);
	}
}

TEST(every_reason_has_words)
{
	for (enum leaf_reason r = LEAF_OK; r < LEAF_REASON_COUNT; r++) {
		CHECK(leaf_name(r)[0] && leaf_text(r)[0]);
		for (enum leaf_reason q = LEAF_OK; q < r; q++)
			CHECK(strcmp(leaf_name(r), leaf_name(q)) != 0);
	}
}
