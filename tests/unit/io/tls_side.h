/*
 * tls_side: one end of a TLS connection by BearSSL's own engine, for tests only: the peer that zt
 * talks to, and the engines of the pretended tlsd. It trusts every certificate: what zt itself
 * believes is what is tested.
 */
#ifndef ZT_TLS_SIDE_H
#define ZT_TLS_SIDE_H

#include <bearssl.h>
#include <stdlib.h>

#include "../unit.h"
#include "base/num.h"
#include "wire/tlsmsg.h"

struct der_file {
	uint8_t der[2048];
	size_t n;
	br_x509_certificate chain[24]; /* itself, as often as somebody wants to show it */
};

static inline void der_load(struct der_file *f, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "tests/vectors/tls/%s.der", name);
	file = fopen(path, "rb"); /* run from the top of the tree */
	f->n = file ? fread(f->der, 1, sizeof f->der, file) : 0;
	if (file)
		fclose(file);
	else
		unit_fail(__FILE__, __LINE__, "no %s", path);
	for (size_t i = 0; i < ARRAY_LEN(f->chain); i++)
		f->chain[i] = (br_x509_certificate){f->der, f->n};
}

/* The two keys of all certificates. */
static br_skey_decoder_context side_ec, side_rsa;

static inline void side_keys(void)
{
	struct der_file f;

	if (br_skey_decoder_key_type(&side_ec) == BR_KEYTYPE_EC)
		return;
	der_load(&f, "ec.key");
	br_skey_decoder_init(&side_ec);
	br_skey_decoder_push(&side_ec, f.der, f.n);
	der_load(&f, "rsa.key");
	br_skey_decoder_init(&side_rsa);
	br_skey_decoder_push(&side_rsa, f.der, f.n);
}

/* Keeps what it is shown and believes it. */
struct believer {
	const br_x509_class *vtable;
	br_x509_decoder_context leaf;
	uint8_t der[TLS_CHAIN_BYTES];
	size_t n, certs, end[TLS_CHAIN];
};

static inline void believer_start(const br_x509_class **v, const char *name)
{
	struct believer *b = CONTAINER_OF(v, struct believer, vtable);

	(void)name;
	b->n = b->certs = 0;
	br_x509_decoder_init(&b->leaf, NULL, NULL);
}
static inline void believer_cert(const br_x509_class **v, uint32_t n)
{
	(void)v, (void)n;
}
static inline void believer_append(const br_x509_class **v, const unsigned char *p, size_t n)
{
	struct believer *b = CONTAINER_OF(v, struct believer, vtable);

	if (b->certs == 0)
		br_x509_decoder_push(&b->leaf, p, n);
	n = num_min(n, sizeof b->der - b->n);
	memcpy(&b->der[b->n], p, n);
	b->n += n;
}
static inline void believer_cert_end(const br_x509_class **v)
{
	struct believer *b = CONTAINER_OF(v, struct believer, vtable);

	if (b->certs < TLS_CHAIN)
		b->end[b->certs++] = b->n;
}
static inline unsigned believer_end(const br_x509_class **v)
{
	return CONTAINER_OF(v, struct believer, vtable)->certs ? 0 : BR_ERR_X509_EMPTY_CHAIN;
}
static inline const br_x509_pkey *believer_key(const br_x509_class *const *v, unsigned *usages)
{
	const struct believer *b = CONTAINER_OF(v, const struct believer, vtable);

	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return br_x509_decoder_get_pkey((br_x509_decoder_context *)(uintptr_t)&b->leaf);
}
static const br_x509_class believer_class = {
	sizeof(struct believer), believer_start,     believer_cert, believer_append,
	believer_cert_end,	 believer_end, believer_key,
};

struct side {
	union {
		br_ssl_server_context s;
		br_ssl_client_context c;
	};
	br_ssl_engine_context *eng;
	br_x509_minimal_context unused;
	struct believer believer;
	const char *alpn[1];
	uint8_t io[BR_SSL_BUFSIZE_BIDI];
};

struct side_opts {
	const char *name;          /* a client: SNI */
	const char *alpn;
	uint16_t suite;            /* 0: any */
	const struct der_file *cert;
	bool rsa;                  /* key of cert */
	size_t more;               /* certificates behind it */
	enum tls_ask ask;          /* a server */
	const br_ssl_session_cache_class **cache; /* a server */
	const br_ssl_session_parameters *resume;  /* a client */
	bool tls11;                /* a client that knows no better */
	bool small;                /* holds records of 512 bytes, and says so */
};

static const uint16_t side_suites[] = {
	SUITE_ECDSA_AES128, SUITE_RSA_AES128, SUITE_ECDSA_AES256, SUITE_RSA_AES256, SUITE_ECDSA_CHACHA, SUITE_RSA_CHACHA,
};

static inline void side_common(struct side *s, const struct side_opts *o)
{
	s->believer.vtable = &believer_class;
	br_ssl_engine_set_x509(s->eng, &s->believer.vtable);
	br_ssl_engine_set_versions(s->eng, o->tls11 ? BR_TLS11 : BR_TLS12, o->tls11 ? BR_TLS11 : BR_TLS12);
	if (!o->tls11)
		br_ssl_engine_set_suites(s->eng, side_suites, ARRAY_LEN(side_suites));
	if (o->suite)
		br_ssl_engine_set_suites(s->eng, &o->suite, 1);
	s->alpn[0] = o->alpn;
	if (o->alpn)
		br_ssl_engine_set_protocol_names(s->eng, s->alpn, 1);
	br_ssl_engine_set_default_ecdsa(s->eng); /* a server lists what it can verify */
	br_ssl_engine_set_default_rsavrfy(s->eng);
	if (o->small) /* 512 and what the engine needs around it, in; the usual, out */
		br_ssl_engine_set_buffers_bidi(s->eng, s->io, 512 + 325, &s->io[1024], BR_SSL_BUFSIZE_OUTPUT);
	else
		br_ssl_engine_set_buffer(s->eng, s->io, sizeof s->io, 1);
}

static inline void side_serve(struct side *s, const struct side_opts *o)
{
	static unsigned char none[] = {0x30, 0};
	static br_x500_name anyone = {none, 2};

	side_keys();
	if (o->rsa)
		br_ssl_server_init_full_rsa(&s->s, o->cert->chain, 1 + o->more, br_skey_decoder_get_rsa(&side_rsa));
	else
		br_ssl_server_init_full_ec(&s->s, o->cert->chain, 1 + o->more, BR_KEYTYPE_EC, br_skey_decoder_get_ec(&side_ec));
	s->eng = &s->s.eng;
	side_common(s, o);
	if (o->ask != TLS_ASK_NO)
		br_ssl_server_set_trust_anchor_names(&s->s, &anyone, 1);
	if (o->ask == TLS_ASK_OPTIONAL)
		br_ssl_engine_add_flags(s->eng, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
	if (o->cache)
		br_ssl_server_set_cache(&s->s, o->cache);
	br_ssl_server_reset(&s->s);
}

static inline void side_connect(struct side *s, const struct side_opts *o)
{
	side_keys();
	br_ssl_client_init_full(&s->c, &s->unused, NULL, 0);
	s->eng = &s->c.eng;
	side_common(s, o);
	if (o->cert && o->rsa)
		br_ssl_client_set_single_rsa(&s->c, o->cert->chain, 1 + o->more, br_skey_decoder_get_rsa(&side_rsa),
					     br_rsa_pkcs1_sign_get_default());
	else if (o->cert)
		br_ssl_client_set_single_ec(&s->c, o->cert->chain, 1 + o->more, br_skey_decoder_get_ec(&side_ec), BR_KEYTYPE_SIGN,
					    BR_KEYTYPE_EC, br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
	if (o->resume)
		br_ssl_engine_set_session_parameters(s->eng, o->resume);
	br_ssl_client_reset(&s->c, o->name, o->resume != NULL);
}

/* Bytes from the wire; answers how many it took (fewer when it has something to say first). */
static inline size_t side_feed(struct side *s, const uint8_t *p, size_t n)
{
	size_t took = 0, room;

	while (took < n) {
		uint8_t *to = br_ssl_engine_recvrec_buf(s->eng, &room);

		if (to == NULL)
			break;
		room = num_min(room, n - took);
		memcpy(to, &p[took], room);
		br_ssl_engine_recvrec_ack(s->eng, room);
		took += room;
	}
	return took;
}

/* One record that it wants to send, or 0. */
static inline size_t side_record(struct side *s, uint8_t *out, size_t cap)
{
	size_t n;
	uint8_t *p = br_ssl_engine_sendrec_buf(s->eng, &n);

	if (p == NULL || n > cap)
		return 0;
	memcpy(out, p, n);
	br_ssl_engine_sendrec_ack(s->eng, n);
	return n;
}

static inline bool side_open(const struct side *s)
{
	return br_ssl_engine_current_state(s->eng) & BR_SSL_SENDAPP;
}

static inline bool side_closed(const struct side *s)
{
	return br_ssl_engine_current_state(s->eng) == BR_SSL_CLOSED;
}

#endif
