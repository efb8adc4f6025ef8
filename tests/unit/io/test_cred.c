/* Certificates and keys out of files: what is taken, and what is said of mistakes. */
#include "tls_kit.h"

static struct kit_id ca, inter, web, other;
static uint8_t pem_mem[16384], key_mem[4096];
static struct why w;

static int load(struct span cert, struct span key, const char *pass)
{
	const struct cred_file c = {"/etc/zt/web.pem", cert}, k = {"/etc/zt/web.key", key},
			       p = {pass ? "/etc/zt/pass" : NULL, span_str(pass)};
	struct cred *out = NULL;
	int rc;

	w = (struct why){0};
	rc = cred_new(&out, &c, &k, &p, &w);
	if (rc == 0)
		cred_free(out);
	return rc;
}

static struct span pems(const struct kit_id *a, const struct kit_id *b)
{
	struct wr wr = wr_of(pem_mem, sizeof pem_mem);

	kit_pem(&wr, a);
	if (b)
		kit_pem(&wr, b);
	return wr_span(&wr);
}

static struct span key_of(const struct kit_id *k)
{
	struct wr wr = wr_of(key_mem, sizeof key_mem);

	kit_key_pem(&wr, k);
	return wr_span(&wr);
}

static void family(void)
{
	kit_issue(&ca, NULL, &(struct kit_want){.cn = "ca", .ca = true});
	kit_issue(&inter, &ca, &(struct kit_want){.cn = "mid", .ca = true});
	kit_issue(&web, &inter, &(struct kit_want){.cn = "web", .dns = "a.example"});
	kit_issue(&other, &inter, &(struct kit_want){.cn = "other", .dns = "b.example"});
}

TEST(a_chain_and_its_key)
{
	static const enum pk_type types[] = {PK_P256, PK_P384, PK_RSA};

	family();
	CHECK_INT(load(pems(&web, &inter), key_of(&web), NULL), 0);
	CHECK_INT(load(pems(&web, NULL), key_of(&web), NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		kit_issue(&other, &inter, &(struct kit_want){.cn = "k", .type = types[i]});
		CHECK_INT(load(pems(&other, &inter), key_of(&other), NULL), 0);
	}
}

TEST(all_in_one_file)
{
	uint8_t mem[8192];
	struct wr wr = wr_of(mem, sizeof mem);

	family();
	kit_key_pem(&wr, &web);
	kit_pem(&wr, &web);
	kit_pem(&wr, &inter);
	CHECK_INT(load(wr_span(&wr), wr_span(&wr), NULL), 0);
}

TEST(mistakes_are_named)
{
	family();
	CHECK_INT(load(pems(&web, &inter), key_of(&other), NULL), -ZT_E_KEY);
	CHECK_STR(w.text, "/etc/zt/web.key: this is not the key of the first certificate in /etc/zt/web.pem");
	CHECK_INT(load(pems(&inter, &web), key_of(&web), NULL), -ZT_E_SYNTAX);
	CHECK(strstr(w.text, "/etc/zt/web.pem: line ") && strstr(w.text, "did not issue the one before it"));
	CHECK_INT(load(SPAN_LIT("nothing"), key_of(&web), NULL), -ZT_E_MISSING);
	CHECK_STR(w.text, "/etc/zt/web.pem: there is no certificate in it");
	CHECK_INT(load(pems(&web, NULL), SPAN_LIT("nothing"), NULL), -ZT_E_MISSING);
	CHECK(strstr(w.text, "/etc/zt/web.key: "));
	CHECK(load(SPAN_LIT("\n\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), key_of(&web), NULL) < 0);
	CHECK(strstr(w.text, "/etc/zt/web.pem: line 3: "));
	CHECK(load(SPAN_LIT("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), key_of(&web), NULL) < 0);
	CHECK(strstr(w.text, "/etc/zt/web.pem: "));
	kit_issue(&other, &inter, &(struct kit_want){.cn = "k", .type = PK_P521});
	CHECK_INT(load(pems(&other, NULL), key_of(&other), NULL), -ZT_E_KEY);
	CHECK(strstr(w.text, "P-256"));
}

TEST(more_certificates_than_a_peer_may_show)
{
	struct wr wr = wr_of(pem_mem, sizeof pem_mem);
	struct kit_id self;

	kit_issue(&self, NULL, &(struct kit_want){.cn = "self", .ca = true, .ku = KU_SIGN | KU_CERT_SIGN});
	for (int i = 0; i < TLS_CHAIN; i++)
		kit_pem(&wr, &self);
	CHECK_INT(load(wr_span(&wr), key_of(&self), NULL), 0);
	kit_pem(&wr, &self);
	CHECK_INT(load(wr_span(&wr), key_of(&self), NULL), -ZT_E_TOOLONG);
	CHECK(strstr(w.text, "more than 8 certificates"));
}

TEST(a_passphrase_from_a_file)
{
	static const uint8_t salt[16] = {1}, iv[16] = {2};
	uint8_t mem[1024], text[2048];
	struct wr der = wr_of(mem, sizeof mem), pem = wr_of(text, sizeof text);

	family();
	CHECK_INT(privkey_write_encrypted(&der, &web.key, SPAN_LIT("secret"), 1000, salt, iv), 0);
	pem_write(&pem, "ENCRYPTED PRIVATE KEY", wr_span(&der));
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), "secret"), 0);
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), "secret\n"), 0);
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), "secret\r\n"), 0);
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), "secret\n\n"), -ZT_E_KEY);
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), "wrong"), -ZT_E_KEY);
	CHECK(strstr(w.text, "/etc/zt/web.key: "));
	CHECK_INT(load(pems(&web, NULL), wr_span(&pem), NULL), -ZT_E_KEY);
}

/* The signature that a processor spoiled must not leave: its difference would give p away. */
TEST(a_wrong_rsa_signature_does_not_leave)
{
	static const unsigned char oid[] = {9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1};
	unsigned char hash[32] = {1, 2, 3}, x[512], none[512] = {0};
	struct cred *c;

	kit_issue(&ca, NULL, &(struct kit_want){.cn = "rsa", .type = PK_RSA});
	c = kit_cred(&ca, NULL);
	CHECK_INT(cred_rsa_sign(oid, hash, sizeof hash, &c->rsa, x), 1);
	c->rsa.dp[5] ^= 1;
	CHECK_INT(cred_rsa_sign(oid, hash, sizeof hash, &c->rsa, x), 0);
	CHECK(memcmp(x, none, 256) == 0);
	cred_free(c);
}
