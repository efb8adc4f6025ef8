/* Authorities: those that are made here, and which ones that come from elsewhere may be ours. */
#include "tests/unit/decide/certrole_kit.h"

#include "base/crypto.h"

TEST(anchors_have_names)
{
	enum cert_anchor a;

	for (unsigned i = 0; i < ANCHORS; i++)
		CHECK(anchor_find(span_str(anchor_name(i)), &a) == 0 && a == i);
	CHECK_INT(anchor_find(SPAN_LIT("Infra"), &a), -ZT_E_UNKNOWN);
	CHECK_INT(anchor_find(SPAN_NONE, &a), -ZT_E_UNKNOWN);
	CHECK_STR(anchor_name(ANCHORS), "?");
}

TEST(anchors_are_made)
{
	for (unsigned a = 0; a < ANCHORS; a++) {
		uint8_t mem[1024], pin[32];
		struct wr w = wr_of(mem, sizeof mem);
		struct pair p;
		struct signer s;
		struct why why = {0};
		struct x509 c;
		char cn[40];

		pair_make(&p, a == 1 ? PK_P384 : PK_P256);
		s = signer_of(&p.key);
		NEED(anchor_make(&w, a, span_of(serial_bytes, CERT_SERIAL), p.spki, NOW, ANCHOR_LIFETIME, &s, &why) == 0);
		NEED(x509_read(&c, wr_span(&w), &why) == 0);
		sha256(p.spki, pin);
		snprintf(cn, sizeof cn, "zt %s CA %02x%02x%02x%02x", anchor_name(a), pin[0], pin[1], pin[2], pin[3]);
		CHECK(span_eq_str(x509_cn(c.subject), cn) && span_eq(c.subject, c.issuer));
		CHECK(c.has_basic && c.ca && c.path_len == 0 && c.ku == (KU_CERT_SIGN | KU_CRL_SIGN) && !c.has_eku && !c.san.n);
		CHECK(c.not_before == NOW - 300 && c.not_after == NOW + ANCHOR_LIFETIME && c.ski.n == X509_KEY_ID);
		CHECK_INT(anchor_check(&c, NOW, &why), 0);
		CHECK_INT(anchor_check(&c, NOW - 301, NULL), -ZT_E_DENIED);
		CHECK_INT(anchor_check(&c, NOW + ANCHOR_LIFETIME, NULL), -ZT_E_DENIED);
	}
}

TEST(anchors_that_are_not_made)
{
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct span serial = span_of(serial_bytes, CERT_SERIAL);
	struct pair p, q;
	struct signer s;

	pair_make(&p, PK_P256);
	pair_make(&q, PK_P256);
	s = signer_of(&p.key);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, p.spki, NOW, ANCHOR_LIFETIME + 1, &s, NULL), -ZT_E_RANGE);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, p.spki, NOW, 0, &s, NULL), -ZT_E_RANGE);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, SPAN_NONE, NOW, DAY, &s, NULL), -ZT_E_KEY);
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, serial, q.spki, NOW, DAY, &s, NULL), -ZT_E_KEY); /* another's */
}

#define NAME(letter) SPAN_LIT("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01" letter)

/* An imported authority that is one fault away from a good one. */
struct strange {
	struct x509_make m;
	const char *says;
};

static int judge(struct x509_make m, struct pair *p, const struct pair *by, struct why *why)
{
	static uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct signer s = signer_of(&by->key);
	struct x509 c;

	m.spki = p->spki;
	CHECK_INT(x509_build(&w, &m, &s, why), 0);
	CHECK_INT(x509_read(&c, wr_span(&w), why), 0);
	return anchor_check(&c, NOW, why);
}

TEST(imported_anchors)
{
	const struct span n = NAME("X"), o = NAME("Y");
	const struct x509_make good = {.subject = n, .issuer = n, .serial = SPAN_LIT("\1"), .not_before = NOW - DAY,
				       .not_after = NOW + DAY, .ca = true, .path_len = -1,
				       .ku = KU_CERT_SIGN | KU_CRL_SIGN | KU_SIGN};
	struct strange bad[8];
	size_t k = 0;
	struct pair p, q;
	struct why why = {0};

	pair_make(&p, PK_P384);
	pair_make(&q, PK_P384);
	CHECK_INT(judge(good, &p, &p, &why), 0);
#define BAD(text, ...) bad[k] = (struct strange){good, text}, bad[k].m.__VA_ARGS__, k++
	BAD("CA:TRUE", ca = false);
	BAD("certSign", ku = KU_CERT_SIGN);
	BAD("certSign", ku = KU_CRL_SIGN);
	BAD("certSign", ku = 0);
	BAD("extended key usage", eku = EKU_SERVER);
	BAD("not signed by itself", issuer = o);
	BAD("not valid yet", not_before = NOW + 1);
	BAD("has expired", not_after = NOW);
	for (size_t i = 0; i < k; i++) {
		why = (struct why){0};
		CHECK_INT(judge(bad[i].m, &p, &p, &why), -ZT_E_DENIED);
		if (strstr(why.text, bad[i].says) == NULL)
			unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why.text, bad[i].says);
	}
	why = (struct why){0};
	CHECK_INT(judge(good, &p, &q, &why), -ZT_E_DENIED); /* its own name, another's signature */
	CHECK(strstr(why.text, "not signed by itself"));
}

/* What x509_read() may find in a certificate and x509_build() never writes. */
TEST(imported_anchors_with_rare_faults)
{
	struct world t;
	struct x509 c;
	struct why why = {0};

	world_make(&t, ROLE_EDGE);
	CHECK_INT(anchor_check(&t.ca.cert, NOW, &why), 0);
#define RARE(change, code, said)                                \
	c = t.ca.cert;                                           \
	why = (struct why){0};                                  \
	c.change;                                               \
	CHECK_INT(anchor_check(&c, NOW, &why), -(code));        \
	CHECK(strstr(why.text, said))
	RARE(version = 1, ZT_E_DENIED, "version 3");
	RARE(has_basic = false, ZT_E_DENIED, "CA:TRUE");
	RARE(name_constraints = true, ZT_E_DENIED, "name constraints");
	RARE(unknown_critical = SPAN_LIT("\x2a\x03"), ZT_E_DENIED, "critical");
	RARE(subject = SPAN_LIT("\x30\x00"), ZT_E_DENIED, "no subject");
	RARE(key.type = PK_NONE, ZT_E_KEY, "too weak");
	RARE(sig_alg = OID_ECDSA_SHA1, ZT_E_DENIED, "hash");
	RARE(sig_alg = OID_RSA_MD5, ZT_E_DENIED, "hash");
	c = t.ca.cert;
	c.has_eku = true;
	c.eku = EKU_SERVER | EKU_CLIENT;
	CHECK_INT(anchor_check(&c, NOW, NULL), 0);
	c.eku = EKU_ANY;
	CHECK_INT(anchor_check(&c, NOW, NULL), 0);
	c.eku_critical = true;
	CHECK_INT(anchor_check(&c, NOW, NULL), -ZT_E_DENIED);
}
