/* What is in the file, opened again with the same primitives; what is refused, and that then nothing
 * is left. Whether other programs can read it: tests/behaviour/pkcs12-is-read-by-everybody.sh. */
#include "tests/unit/dertext.h"

#include "base/ct.h"
#include "base/num.h"
#include "base/pbe.h"
#include "wire/oid.h"
#include "wire/p12.h"
#include "wire/pbes2.h"
#include "wire/privkey.h"

#define LEAF CERT("")
#define OTHER CERT_OF(TBS(V3, SERIAL, ECDSA_SHA256, NAME_CA, DATES, NAME_CA, SPKI_P256, ""))
#define FILE_MAX 4096

/* The certificates above are for the generator: its scalar is 1. */
static const uint8_t one[32] = {[31] = 1}, two[32] = {[31] = 2};
static const struct pk_private key = {.type = PK_P256, .scalar = {one, 32}};
static const struct pk_private other_key = {.type = PK_P256, .scalar = {two, 32}};

static struct p12_make made_of(enum p12_profile profile)
{
	struct p12_make m = {.profile = profile, .key = &key, .ncerts = 2, .name = SPAN_LIT("phone"),
			     .password = SPAN_LIT("pa\xc3\x9fword")};

	m.certs[0] = dertext(LEAF);
	m.certs[1] = dertext(OTHER);
	for (size_t i = 0; i < sizeof m.random; i++)
		m.random[i] = (uint8_t)(i + 1);
	return m;
}

static struct span algorithm(struct der *d, struct der *parameters)
{
	struct der alg = der_enter(d, DER_SEQUENCE);
	struct span oid = der_oid(&alg);

	*parameters = alg;
	return oid;
}

static struct span password16(void)
{
	return SPAN_LIT("\0p\0a\0\xdf\0w\0o\0r\0d\0\0"); /* sharp s is U+00DF */
}

static bool compat_decrypt(struct der *parameters, size_t salt_at, uint8_t *data, size_t n)
{
	struct der d = der_enter(parameters, DER_SEQUENCE);
	struct p12_kdf kdf = {.prf = PBE_HMAC_SHA1, .password = password16(), .salt = der_octets(&d)};
	uint8_t k[24], iv[8];

	kdf.iterations = (uint32_t)der_u64(&d, 2048);
	CHECK(!der_bad(&d) && kdf.iterations == 2048 && kdf.salt.n == 8 && kdf.salt.p[0] == salt_at + 1);
	p12_kdf(&kdf, P12_FOR_KEY, k, sizeof k);
	p12_kdf(&kdf, P12_FOR_IV, iv, sizeof iv);
	pbe_cbc(PBE_DES3_CBC, false, k, iv, data, n);
	return true;
}

/* Decrypts what the next AlgorithmIdentifier says. Answers what was encrypted. */
static struct span opened(struct der *d, uint8_t tag, enum p12_profile profile, size_t salt_at, uint8_t *mem, size_t cap)
{
	struct der at_alg = *d, parameters;
	struct span oid = algorithm(d, &parameters);
	struct wr w = wr_of(mem, cap);
	struct pbes2 p;
	int n = -1;

	wr_put(&w, der_take(d, tag).value);
	CHECK(!w.full && w.n > 0);
	if (profile == P12_COMPAT) {
		CHECK_INT(oid_find(oid), OID_PBE_SHA1_DES3);
		compat_decrypt(&parameters, salt_at, mem, w.n);
		n = pbe_unpad(mem, w.n, 8);
	} else {
		CHECK_INT(pbes2_read(&p, &at_alg, P12_MODERN_ITERATIONS, NULL), 0);
		CHECK(p.prf == PBE_HMAC_SHA256 && p.cipher == PBE_AES256_CBC && p.iterations == P12_MODERN_ITERATIONS);
		CHECK(p.salt_n == 16 && p.salt[0] == salt_at + 1 && p.iv[0] == salt_at + 17);
		n = pbes2_decrypt(&p, SPAN_LIT("pa\xc3\x9fword"), mem, w.n);
	}
	CHECK(n > 0);
	return span_of(mem, n > 0 ? (size_t)n : 0);
}

/* localKeyId and friendlyName, in the order of DER. */
static void check_attributes(struct der *bag, struct span *id)
{
	struct der set = der_enter(bag, DER_SET);
	struct span last = SPAN_NONE;
	unsigned seen = 0;

	while (der_more(&set)) {
		struct der_tlv whole = der_take(&set, DER_SEQUENCE);
		struct der a = der_of(whole.value), value;
		enum oid type = oid_find(der_oid(&a));

		CHECK(span_cmp(last, whole.whole) < 0);
		last = whole.whole;
		value = der_enter(&a, DER_SET);
		if (type == OID_LOCAL_KEY_ID)
			*id = der_octets(&value);
		else
			CHECK(type == OID_FRIENDLY_NAME && span_eq(der_take(&value, DER_BMP).value, SPAN_LIT("\0p\0h\0o\0n\0e")));
		seen |= 1U << (type == OID_LOCAL_KEY_ID);
		CHECK(!der_bad(&value) && !der_more(&value));
	}
	CHECK_INT(seen, 3);
}

static void check_certs(struct der *safe, const struct p12_make *m, struct span *id)
{
	static uint8_t mem[FILE_MAX]; /* *id points into it */
	struct der info = der_enter(safe, DER_SEQUENCE), wrapped, data, content, bags;
	bool ok;

	CHECK_INT(oid_find(der_oid(&info)), OID_CMS_ENCRYPTED);
	wrapped = der_enter(&info, DER_CTXC(0));
	data = der_enter(&wrapped, DER_SEQUENCE);
	CHECK_INT(der_u64(&data, 0), 0);
	content = der_enter(&data, DER_SEQUENCE);
	CHECK_INT(oid_find(der_oid(&content)), OID_CMS_DATA);
	bags = der_whole(opened(&content, DER_CTX(0), m->profile, 0, mem, sizeof mem), DER_SEQUENCE, &ok);
	CHECK(ok && !der_bad(&content));
	for (size_t i = 0; i < m->ncerts; i++) {
		struct der bag = der_enter(&bags, DER_SEQUENCE), value, cert, octets;

		CHECK_INT(oid_find(der_oid(&bag)), OID_CERT_BAG);
		value = der_enter(&bag, DER_CTXC(0));
		cert = der_enter(&value, DER_SEQUENCE);
		CHECK_INT(oid_find(der_oid(&cert)), OID_X509_CERT);
		octets = der_enter(&cert, DER_CTXC(0));
		CHECK(span_eq(der_octets(&octets), m->certs[i]) && !der_bad(&octets));
		if (i == 0)
			check_attributes(&bag, id);
		CHECK(!der_bad(&bag) && !der_more(&bag));
	}
	CHECK(!der_bad(&bags) && !der_more(&bags));
}

static void check_key(struct der *safe, const struct p12_make *m, struct span *id)
{
	uint8_t mem[512];
	uint8_t want[512];
	struct wr w = wr_of(want, sizeof want);
	struct der info = der_enter(safe, DER_SEQUENCE), wrapped, octets, bags, bag, value, sealed;

	CHECK_INT(oid_find(der_oid(&info)), OID_CMS_DATA);
	wrapped = der_enter(&info, DER_CTXC(0));
	octets = der_enter(&wrapped, DER_OCTETS);
	bags = der_enter(&octets, DER_SEQUENCE);
	bag = der_enter(&bags, DER_SEQUENCE);
	CHECK_INT(oid_find(der_oid(&bag)), OID_SHROUDED_KEY);
	value = der_enter(&bag, DER_CTXC(0));
	sealed = der_enter(&value, DER_SEQUENCE);
	CHECK_INT(privkey_write(&w, m->key), 0);
	CHECK(span_eq(opened(&sealed, DER_OCTETS, m->profile, 32, mem, sizeof mem), wr_span(&w)));
	check_attributes(&bag, id);
	CHECK(!der_bad(&bag) && !der_more(&bag) && !der_more(&bags));
}

static void check_mac(struct der *pfx, struct span safe, enum p12_profile profile)
{
	struct der data = der_enter(pfx, DER_SEQUENCE), info = der_enter(&data, DER_SEQUENCE), parameters;
	enum pbe_prf prf = profile == P12_COMPAT ? PBE_HMAC_SHA1 : PBE_HMAC_SHA256;
	struct p12_kdf kdf = {.prf = prf, .password = password16()};
	size_t n = profile == P12_COMPAT ? 20 : 32;
	uint8_t k[32], want[PBE_HASH_MAX];
	struct span mac;

	CHECK_INT(oid_find(algorithm(&info, &parameters)), profile == P12_COMPAT ? OID_SHA1 : OID_SHA256);
	mac = der_octets(&info);
	kdf.salt = der_octets(&data);
	kdf.iterations = (uint32_t)der_u64(&data, UINT32_MAX);
	CHECK_INT(kdf.iterations, profile == P12_COMPAT ? 2048 : P12_MODERN_ITERATIONS);
	CHECK(kdf.salt.n == (profile == P12_COMPAT ? 8 : 16) && kdf.salt.p[0] == 65);
	p12_kdf(&kdf, P12_FOR_MAC, k, n);
	pbe_hmac(prf, span_of(k, n), safe, want);
	CHECK(!der_bad(&data) && !der_more(&data) && span_eq(mac, span_of(want, n)));
}

TEST(a_file_holds_what_it_should)
{
	for (enum p12_profile profile = P12_COMPAT; profile <= P12_MODERN; profile++) {
		static uint8_t mem[FILE_MAX];
		struct p12_make m = made_of(profile);
		struct wr w = wr_of(mem, sizeof mem);
		struct span octets, id1 = SPAN_NONE, id2 = SPAN_NONE;
		struct der pfx, info, wrapped, safe;
		struct why why = {0};
		bool ok;

		NEED(p12_write(&w, &m, &why) == 0);
		pfx = der_whole(wr_span(&w), DER_SEQUENCE, &ok);
		CHECK(ok && der_u64(&pfx, 3) == 3);
		info = der_enter(&pfx, DER_SEQUENCE);
		CHECK_INT(oid_find(der_oid(&info)), OID_CMS_DATA);
		wrapped = der_enter(&info, DER_CTXC(0));
		octets = der_octets(&wrapped);
		safe = der_whole(octets, DER_SEQUENCE, &ok);
		CHECK(ok);
		check_certs(&safe, &m, &id1);
		check_key(&safe, &m, &id2);
		CHECK(!der_bad(&safe) && !der_more(&safe));
		CHECK(id1.n == 20 && span_eq(id1, id2));
		check_mac(&pfx, octets, profile);
		CHECK(!der_bad(&pfx) && !der_more(&pfx));
	}
}

/* Each length of a name puts the two attributes in their order, and no name means one attribute. */
TEST(names_of_every_length)
{
	static uint8_t mem[FILE_MAX];
	char name[3 * P12_NAME_MAX + 4];

	for (size_t n = 0; n <= P12_NAME_MAX + 1; n = n == 20 ? P12_NAME_MAX - 2 : n + 1) {
		struct wr text = wr_of(name, sizeof name), w = wr_of(mem, sizeof mem);
		struct p12_make m = made_of(P12_COMPAT);
		struct why why = {0};

		for (size_t i = 0; i < n; i++)
			wr_str(&text, "\xe6\x97\xa5");
		m.name = wr_span(&text);
		CHECK_INT(p12_write(&w, &m, &why), n <= P12_NAME_MAX ? 0 : -ZT_E_TOOLONG);
		CHECK(n <= P12_NAME_MAX || (w.n == 0 && strstr(why.text, "name")));
	}
}

TEST(it_depends_on_nothing_but_what_is_handed_in)
{
	static uint8_t a[FILE_MAX], b[FILE_MAX];
	struct p12_make m = made_of(P12_COMPAT);
	struct wr wa = wr_of(a, sizeof a), wb = wr_of(b, sizeof b);

	NEED(p12_write(&wa, &m, NULL) == 0 && p12_write(&wb, &m, NULL) == 0);
	CHECK(span_eq(wr_span(&wa), wr_span(&wb)));
	for (size_t i = 0; i < sizeof m.random; i += 32) { /* every salt is used */
		wb = wr_of(b, sizeof b);
		m.random[i] ^= 1;
		NEED(p12_write(&wb, &m, NULL) == 0);
		CHECK(!span_eq(wr_span(&wa), wr_span(&wb)));
		m.random[i] ^= 1;
	}
}

/* Whatever the room, all of it or nothing; what stood there before stays. */
TEST(too_little_room)
{
	static uint8_t mem[FILE_MAX], plain[256];
	struct p12_make m = made_of(P12_COMPAT);
	struct wr w = wr_of(mem, sizeof mem), k = wr_of(plain, sizeof plain);
	struct why why = {0};
	size_t need;

	NEED(p12_write(&w, &m, NULL) == 0);
	need = w.n;
	CHECK_INT(privkey_write(&k, &key), 0);
	for (size_t room = 0; room < need; room += room % 7 ? 1 : 6) {
		struct wr small = wr_of(mem, room + 3);
		bool leaked = false;

		memset(mem, 0, sizeof mem);
		wr_str(&small, "abc");
		CHECK_INT(p12_write(&small, &m, NULL), -ZT_E_FULL);
		CHECK(small.n == 3 && memcmp(mem, "abc", 3) == 0);
		for (size_t i = 0; i + k.n <= sizeof mem; i++)
			leaked |= memcmp(&mem[i], plain, k.n) == 0;
		CHECK(!leaked);
	}
	w = wr_of(mem, 100);
	CHECK_INT(p12_write(&w, &m, &why), -ZT_E_FULL);
	CHECK(strstr(why.text, "PKCS#12 could not be written"));
	/* PBE_BLOCK_MAX is asked for while the certificates are encrypted, at most. */
	w = wr_of(mem, need + 16);
	CHECK_INT(p12_write(&w, &m, NULL), 0);
}

TEST(what_is_refused)
{
	static uint8_t mem[FILE_MAX];
	static const struct pk_private rsa = {.type = PK_RSA};
	struct {
		struct p12_make m;
		enum zt_err err;
		const char *says;
	} v[9];
	char longest[P12_PASSWORD_MAX + 2];

	memset(longest, 'p', sizeof longest);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		v[i].m = made_of(P12_COMPAT);
	v[0].m.password = SPAN_NONE, v[0].err = ZT_E_KEY, v[0].says = "without a password";
	v[1].m.key = &other_key, v[1].err = ZT_E_KEY, v[1].says = "not the one of the certificate";
	v[2].m.key = &rsa, v[2].err = ZT_E_KEY, v[2].says = "EC keys only";
	v[3].m.password = SPAN_LIT("\xf0\x9f\x98\x80"), v[3].err = ZT_E_UTF8, v[3].says = "the password";
	v[4].m.name = SPAN_LIT("a\0b"), v[4].err = ZT_E_UTF8, v[4].says = "the name";
	v[5].m.password = span_of(longest, P12_PASSWORD_MAX + 1), v[5].err = ZT_E_TOOLONG, v[5].says = "more than 128";
	v[6].m.ncerts = 0, v[6].err = ZT_E_RANGE, v[6].says = "1 to 8";
	v[7].m.ncerts = P12_CERTS + 1, v[7].err = ZT_E_RANGE, v[7].says = "1 to 8";
	v[8].m.certs[1] = SPAN_LIT("no certificate"), v[8].err = ZT_E_SYNTAX, v[8].says = "certificate";
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct wr w = wr_of(mem, sizeof mem);
		struct why why = {0};
		int rc = p12_write(&w, &v[i].m, &why);

		if (rc != -(int)v[i].err || !strstr(why.text, v[i].says) || w.n)
			unit_fail(__FILE__, __LINE__, "%zu: %d \"%s\", not \"%s\"", i, rc, why.text, v[i].says);
	}
	v[5].m.password.n--;
	CHECK_INT(p12_write(&(struct wr){mem, 0, sizeof mem, false}, &v[5].m, NULL), 0);
}

static bool taken(struct p12_make *m, struct span text)
{
	int rc;

	m->name = text;
	rc = p12_write(&(struct wr){(uint8_t[1]){0}, 0, 1, false}, m, NULL);
	CHECK(rc == -ZT_E_UTF8 || rc == -ZT_E_RANGE); /* texts are looked at first, and there is no certificate */
	return rc == -ZT_E_RANGE;
}

/* Against span_is_utf8(), at every edge of every range; beyond the basic plane and NUL aside. */
TEST(utf8_of_every_kind)
{
	static const uint8_t edge[] = {0x00, 0x01, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
				       0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf4, 0xf5, 0xf7, 0xf8, 0xfb, 0xfc, 0xfe, 0xff};
	struct p12_make m = made_of(P12_COMPAT);
	unsigned good = 0;

	m.ncerts = 0;
	for (size_t i = 0; i < ARRAY_LEN(edge); i++)
		for (size_t j = 0; j < ARRAY_LEN(edge); j++)
			for (size_t k = 0; k < ARRAY_LEN(edge); k++)
				for (size_t n = 1; n <= 4; n++) {
					uint8_t text[4] = {edge[i], edge[j], edge[k], 0x80};
					struct span s = span_of(text, n);
					bool want = span_is_utf8(s);

					for (size_t at = 0; at < n; at++)
						want &= text[at] != 0 && text[at] < 0xf0;
					good += want;
					if (taken(&m, s) != want)
						unit_fail(__FILE__, __LINE__, "%02x %02x %02x %02x, %zu of them", text[0], text[1],
							  text[2], text[3], n);
				}
	CHECK(good > 1000);
}
