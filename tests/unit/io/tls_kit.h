/*
 * tls_kit: certificates made on the spot, and a peer that is BearSSL as it comes: what zt's
 * engine does is judged by another one. All time is KIT_NOW.
 */
#ifndef ZT_TLS_KIT_H
#define ZT_TLS_KIT_H

#include "base/crypto.h"
#include "base/num.h"
#include "io/chain.h"
#include "io/cred.h"
#include "io/engine.h"
#include "io/sessions.h"
#include "io/tls_br.h"
#include "tests/unit/unit.h"
#include "tls_keys.h"
#include "wire/pem.h"
#include "wire/x509_build.h"

#define KIT_NOW INT64_C(1800000000)
#define KIT_DAY 86400
static int64_t kit_now = KIT_NOW; /* a test with a process that has the real clock sets it */

struct kit_id {
	enum pk_type type;
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX];
	struct privkey rsa; /* PK_RSA */
	struct pk_private key;
	struct pk_public pub;
	uint8_t name_mem[64], der[2048];
	struct span name, cert;
	uint8_t ski[X509_KEY_ID];
};

struct kit_want {
	const char *cn, *dns;
	bool ca, early, late;      /* early: valid from tomorrow; late: until yesterday */
	int path_len;              /* of a CA; 0 means none, n + 1 means n */
	uint32_t ku, eku;
	enum pk_type type;         /* PK_NONE: P-256 */
	const struct kit_id *same; /* with the key of this one */
};

static inline void kit_key(struct kit_id *k, enum pk_type type)
{
	struct why w = {0};
	int n;

	k->type = type;
	if (type == PK_RSA) {
		if (privkey_read(&k->rsa, span_str(rsa2048_pem), SPAN_NONE, &w) < 0)
			unit_fail(__FILE__, __LINE__, "%s", w.text);
		k->key = k->rsa.key;
		k->pub = privkey_public(&k->rsa);
		return;
	}
	n = pk_generate(type, k->scalar, sizeof k->scalar);
	k->key = (struct pk_private){.type = type, .scalar = span_of(k->scalar, (size_t)n)};
	n = pk_point(&k->key, k->point, sizeof k->point);
	k->pub = (struct pk_public){.type = type, .point = span_of(k->point, (size_t)n)};
}

/* issuer NULL: signed by itself. k must not move. */
static inline void kit_issue(struct kit_id *k, const struct kit_id *issuer, const struct kit_want *want)
{
	static const uint8_t serial[] = {0x5a, 1, 2, 3, 4, 5, 6, 7};
	const struct x509_attr cn = {OID_CN, span_str(want->cn)};
	const struct san san = {SAN_DNS, span_str(want->dns)};
	struct wr name = wr_of(k->name_mem, sizeof k->name_mem), der = wr_of(k->der, sizeof k->der);
	uint8_t spki[512];
	struct wr s = wr_of(spki, sizeof spki);
	struct why why = {0};
	struct signer signer;

	if (want->same) {
		k->key = want->same->key;
		k->pub = want->same->pub;
	} else {
		kit_key(k, want->type ? want->type : PK_P256);
	}
	x509_wr_name(&name, &cn, 1);
	k->name = wr_span(&name);
	x509_wr_spki(&s, &k->pub);
	x509_key_id(wr_span(&s), k->ski);
	signer = signer_of(issuer ? &issuer->key : &k->key);
	if (x509_build(&der, &(struct x509_make){
			.subject = k->name, .issuer = issuer ? issuer->name : k->name,
			.serial = span_of(serial, sizeof serial),
			.not_before = kit_now + (want->early ? 1 : -100) * KIT_DAY,
			.not_after = kit_now + (want->late ? -1 : 100) * KIT_DAY,
			.spki = wr_span(&s), .ca = want->ca, .path_len = want->path_len - 1,
			.ku = want->ku ? want->ku : want->ca ? KU_CERT_SIGN | KU_CRL_SIGN : KU_SIGN,
			.eku = want->eku, .sans = &san, .nsans = want->dns ? 1 : 0,
			.ski = span_of(k->ski, sizeof k->ski),
		}, &signer, &why) < 0)
		unit_fail(__FILE__, __LINE__, "%s: %s", want->cn, why.text);
	k->cert = wr_span(&der);
}

static inline void kit_pem(struct wr *w, const struct kit_id *k)
{
	pem_write(w, "CERTIFICATE", k->cert);
}

static inline void kit_key_pem(struct wr *w, const struct kit_id *k)
{
	uint8_t mem[512];
	struct wr der = wr_of(mem, sizeof mem);

	if (k->key.type == PK_RSA) {
		wr_str(w, rsa2048_pem);
		return;
	}
	privkey_write(&der, &k->key);
	pem_write(w, "PRIVATE KEY", wr_span(&der));
}

static inline struct trust *kit_trust(const struct kit_id *ca, enum trust_kind kind)
{
	static uint8_t mem[8192];
	struct wr w = wr_of(mem, sizeof mem);
	struct trust *t = NULL;
	struct why why = {0};

	kit_pem(&w, ca);
	if (trust_new(&t, wr_span(&w), "ca.pem", kind, &why) < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	return t;
}

/* k's certificate, then `above` (NULL: none), and k's key. */
static inline struct cred *kit_cred(const struct kit_id *k, const struct kit_id *above)
{
	static uint8_t mem[16384], key[4096];
	struct wr w = wr_of(mem, sizeof mem), kw = wr_of(key, sizeof key);
	struct cred *c = NULL;
	struct why why = {0};

	kit_pem(&w, k);
	if (above)
		kit_pem(&w, above);
	kit_key_pem(&kw, k);
	if (cred_new(&c, &(struct cred_file){"web.pem", wr_span(&w)}, &(struct cred_file){"web.key", wr_span(&kw)},
		     &(struct cred_file){0}, &why) < 0)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	return c;
}

/* ---- a peer ------------------------------------------------------------------------------- */

struct peer {
	union {
		br_ssl_engine_context eng;
		br_ssl_server_context server;
		br_ssl_client_context client;
	};
	br_x509_knownkey_context known;
	br_x509_pkey key;
	uint8_t buf[BR_SSL_BUFSIZE_BIDI];
	const char *alpn[2];
};

/* A client that takes the server for who it is; change what you like, then peer_go_client(). */
static inline void peer_client(struct peer *p, const struct kit_id *server)
{
	br_ssl_client_init_full(&p->client, &(br_x509_minimal_context){0}, NULL, 0);
	if (br_key_of(&server->pub, &p->key) && p->key.key_type == BR_KEYTYPE_RSA)
		br_x509_knownkey_init_rsa(&p->known, &p->key.key.rsa, BR_KEYTYPE_SIGN);
	else
		br_x509_knownkey_init_ec(&p->known, &p->key.key.ec, BR_KEYTYPE_SIGN);
	br_ssl_engine_set_x509(&p->eng, &p->known.vtable);
	br_ssl_engine_set_versions(&p->eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_buffer(&p->eng, p->buf, sizeof p->buf, 1);
}

static inline void peer_show(struct peer *p, const struct cred *c)
{
	if (c->type == PK_RSA)
		br_ssl_client_set_single_rsa(&p->client, c->chain, c->n, &c->rsa, br_rsa_pkcs1_sign_get_default());
	else
		br_ssl_client_set_single_ec(&p->client, c->chain, c->n, &c->ec, BR_KEYTYPE_SIGN, BR_KEYTYPE_EC,
					    br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
}

static inline void peer_go_client(struct peer *p, const char *name, bool resume)
{
	if (!br_ssl_client_reset(&p->client, name, resume))
		unit_fail(__FILE__, __LINE__, "BearSSL's client does not start");
}

static inline void peer_server(struct peer *p, const struct cred *c)
{
	if (c->type == PK_RSA)
		br_ssl_server_init_full_rsa(&p->server, c->chain, c->n, &c->rsa);
	else
		br_ssl_server_init_full_ec(&p->server, c->chain, c->n, BR_KEYTYPE_EC, &c->ec);
	br_ssl_engine_set_default_rsavrfy(&p->eng); /* a server asks for kinds that it could verify */
	br_ssl_engine_set_default_ecdsa(&p->eng);
	br_ssl_engine_set_versions(&p->eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_buffer(&p->eng, p->buf, sizeof p->buf, 1);
}

/* All that it wants to send now. */
static inline size_t peer_take(struct peer *p, uint8_t *out, size_t cap)
{
	size_t n, got = 0;
	uint8_t *from;

	while ((from = br_ssl_engine_sendrec_buf(&p->eng, &n)) && got + n <= cap) {
		memcpy(out + got, from, n);
		got += n;
		br_ssl_engine_sendrec_ack(&p->eng, n);
	}
	return got;
}

static inline void peer_feed(struct peer *p, struct span in)
{
	size_t n;
	uint8_t *to;

	while (in.n && (to = br_ssl_engine_recvrec_buf(&p->eng, &n))) {
		n = num_min(n, in.n);
		memcpy(to, in.p, n);
		br_ssl_engine_recvrec_ack(&p->eng, n);
		in = span_sub(in, n, in.n);
	}
}

static inline bool peer_open(const struct peer *p)
{
	return (br_ssl_engine_current_state(&p->eng) & BR_SSL_SENDAPP) != 0;
}

/* Both until nothing moves any more. out_first: what the engine has to say comes first. */
static inline void kit_run(struct engine *e, struct peer *p)
{
	static uint8_t mem[TLSMSG_RECORDS * 4];
	size_t n, moved;

	for (int i = 0; i < 20; i++) {
		moved = 0;
		while ((n = engine_take(e, mem, TLSMSG_RECORDS))) {
			peer_feed(p, span_of(mem, n));
			moved += n;
		}
		n = peer_take(p, mem, sizeof mem);
		for (struct span in = span_of(mem, n); in.n && engine_state(e) == ENGINE_GOING;) {
			static uint8_t out[TLSMSG_RECORDS];
			size_t used = engine_feed(e, in), m;

			in = span_sub(in, used, in.n);
			while ((m = engine_take(e, out, sizeof out)))
				peer_feed(p, span_of(out, m));
		}
		moved += n;
		if (moved == 0)
			return;
	}
}

#endif
