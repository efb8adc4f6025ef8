/* The authorities that roles count under: out of a PEM file, bounded, and held for as long as needed. */
#include "io/cas.h"

#include "tests/unit/decide/rolekit.h"
#include "tls_keys.h"
#include "wire/bundle.h"
#include "wire/pem.h"
#include "wire/privkey.h"

static char text[65536];
static struct wr file;
static struct why why;

static void add(struct span der)
{
	pem_write(&file, "CERTIFICATE", der);
}

static int made(struct cas **out)
{
	why = (struct why){0};
	return cas_new(out, wr_span(&file), "some.pem", &why);
}

static void refused(enum zt_err e, const char *words)
{
	struct cas *c = NULL;

	CHECK_INT(made(&c), -(int)e);
	CHECK(c == NULL && strstr(why.text, "some.pem") != NULL);
	if (strstr(why.text, words) == NULL)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why.text, words);
}

TEST(each_authority_with_its_id_and_key)
{
	static struct authority a[CAS_MOST];
	struct cas *c;

	file = wr_of(text, sizeof text);
	for (size_t i = 0; i < CAS_MOST; i++) {
		authority_make(&a[i], ANCHOR_INFRA);
		add(a[i].cert.der);
		NEED(made(&c) == 0);
		CHECK_INT(c->n, i + 1);
		for (size_t k = 0; k <= i; k++) {
			CHECK_STR(c->ca[k].id, a[k].by.ca_id);
			CHECK(c->ca[k].key.type == PK_P256 && span_eq(c->ca[k].key.point, a[k].cert.key.point));
			CHECK(c->ca[k].key.point.p == c->mem[k]); /* its own */
			CHECK_INT(x509_signed_by(&a[k].cert, &c->ca[k].key), 0);
		}
		cas_drop(c);
	}
	add(a[0].cert.der); /* one more than there is room for, even the same again */
	refused(ZT_E_TOOLONG, "more than 8 authorities");
}

/* Somebody else's authority may have a key of the other kind. */
TEST(an_rsa_authority)
{
	static uint8_t mem[4096], spki_mem[1024], name_mem[64];
	static const uint8_t serial[1] = {1};
	static const char cn[] = "rsa";
	struct wr w = wr_of(mem, sizeof mem), spki = wr_of(spki_mem, sizeof spki_mem), name = wr_of(name_mem, sizeof name_mem);
	struct x509_attr attr = {OID_CN, SPAN_LIT(cn)};
	static struct privkey key;
	struct pk_public pub;
	struct x509_make m = {.serial = {serial, 1}, .not_before = 1, .not_after = ROLEKIT_NOW, .ca = true, .path_len = -1,
			      .ku = KU_CERT_SIGN};
	struct signer s;
	struct cas *c;
	struct x509 cert;

	NEED(privkey_read(&key, span_str(rsa2048_pem), SPAN_NONE, &why) == 0);
	pub = privkey_public(&key);
	x509_wr_spki(&spki, &pub);
	CHECK_INT(x509_wr_name(&name, &attr, 1), 0);
	m.spki = wr_span(&spki);
	m.subject = m.issuer = wr_span(&name);
	s = signer_of(&key.key);
	NEED(x509_build(&w, &m, &s, &why) == 0);
	NEED(x509_read(&cert, wr_span(&w), &why) == 0);
	file = wr_of(text, sizeof text);
	add(cert.der);
	NEED(made(&c) == 0);
	CHECK(c->ca[0].key.type == PK_RSA && c->ca[0].key.n.n == 256);
	CHECK_INT(x509_signed_by(&cert, &c->ca[0].key), 0);
	cas_drop(c);
}

TEST(what_is_no_authority_gives_no_role)
{
	static struct authority a;
	static struct issued leaf;
	struct cas *c;

	authority_make(&a, ANCHOR_INFRA);
	issue(&leaf, ROLE_EDGE, &a.by, &a.signer);
	file = wr_of(text, sizeof text);
	refused(ZT_E_MISSING, "there is no authority in it");
	wr_str(&file, "just words\n");
	refused(ZT_E_MISSING, "there is no authority in it");
	add(leaf.cert.der);
	refused(ZT_E_MISSING, "there is no authority in it");
	pem_write(&file, "X509 CRL", a.cert.der);
	refused(ZT_E_MISSING, "there is no authority in it");
	add(a.cert.der);
	NEED(made(&c) == 0);
	CHECK_INT(c->n, 1);
	cas_drop(c);
}

TEST(what_cannot_be_read_is_said_with_its_line)
{
	static struct authority a;
	static const uint8_t junk[] = {0x30, 0x03, 2, 1, 5};

	authority_make(&a, ANCHOR_INFRA);
	file = wr_of(text, sizeof text);
	wr_str(&file, "one\ntwo\n");
	add(span_of(junk, sizeof junk));
	refused(ZT_E_SYNTAX, "line 3");
	file = wr_of(text, sizeof text);
	add(a.cert.der);
	file.n -= 30; /* no END */
	refused(ZT_E_SYNTAX, "line 1");
	file = wr_of(text, sizeof text);
	wr_str(&file, weak_pem); /* 1024 bits of RSA */
	refused(ZT_E_KEY, "too weak");
}

TEST(it_lives_as_long_as_somebody_holds_it)
{
	static struct authority a;
	struct cas *c;

	authority_make(&a, ANCHOR_INFRA);
	file = wr_of(text, sizeof text);
	add(a.cert.der);
	NEED(made(&c) == 0);
	CHECK(cas_hold(c) == c && c->users == 2);
	cas_drop(c);
	CHECK(c->users == 1 && c->n == 1);
	cas_drop(c);
	CHECK(cas_hold(NULL) == NULL);
	cas_drop(NULL);
}

/* ---- for a plan -------------------------------------------------------------------------- */

static uint8_t bundle[65536];
static struct tls_plan plan;

static struct span bundled(const char *path)
{
	struct wr w = wr_of(bundle, sizeof bundle);

	bundle_begin(&w);
	bundle_add(&w, span_str(path), wr_span(&file));
	CHECK(!w.full && bundle_check(wr_span(&w)) == 0);
	return wr_span(&w);
}

TEST(a_plan_has_them_where_a_role_is_demanded)
{
	static struct authority a;

	authority_make(&a, ANCHOR_INFRA);
	file = wr_of(text, sizeof text);
	add(a.cert.der);
	plan = (struct tls_plan){.servers = 3, .clients = 1};
	plan.server[0].client_ca = "/elsewhere.pem"; /* nobody looks */
	plan.server[1].client_ca = plan.server[2].client_ca = "/a.pem";
	plan.server[1].roles = plan.server[2].roles = BIT(ROLE_CLIENT);
	plan.client[0].ca = "/a.pem";
	plan.client[0].roles = BIT(ROLE_EDGE);
	why = (struct why){0};
	NEED(cas_of_plan(&plan, bundled("/a.pem"), &why) == 0);
	CHECK(plan.server[0].cas == NULL && plan.server[1].cas && plan.server[2].cas && plan.client[0].cas);
	CHECK_STR(plan.client[0].cas->ca[0].id, a.by.ca_id);
	cas_drop_plan(&plan);
	CHECK(plan.server[1].cas == NULL && plan.client[0].cas == NULL);
	cas_drop_plan(&plan);
	/* one that cannot be had: none */
	CHECK_INT(cas_of_plan(&plan, bundled("/b.pem"), &why), -ZT_E_BUG);
	plan.client[0].ca = "/c.pem";
	why = (struct why){0};
	CHECK_INT(cas_of_plan(&plan, bundled("/a.pem"), &why), -ZT_E_BUG);
	CHECK(plan.server[1].cas == NULL && plan.server[2].cas == NULL && strstr(why.text, "/c.pem") != NULL);
}
