/*
 * record against another implementation: after real handshakes between two BearSSL engines,
 * with keys that tlskdf derives from what the handshakes left, our records are read by the
 * engines and theirs by us: every suite, both ways, both ends, 2,000 lengths from 1 to 16384.
 */
#include <bearssl.h>

#include "../unit.h"
#include "base/num.h"
#include "wire/record.h"

#define LENGTHS 2000

/* Every length up to 1,000, then every fifteenth up to the longest. */
static size_t length_of(size_t i)
{
	return i < 1000 ? i + 1 : RECORD_PLAIN - (LENGTHS - 1 - i) * 15;
}

static const struct {
	uint16_t suite;
	bool rsa;
} suites[] = {
	{SUITE_ECDSA_AES128, false}, {SUITE_ECDSA_AES256, false}, {SUITE_ECDSA_CHACHA, false},
	{SUITE_RSA_AES128, true}, {SUITE_RSA_AES256, true}, {SUITE_RSA_CHACHA, true},
};

/* A server's key; the certificate is no certificate, for the client knows the key already. */
struct identity {
	br_ec_private_key ec;
	br_ec_public_key ec_public;
	uint8_t ec_mem[BR_EC_KBUF_PRIV_MAX_SIZE], ec_public_mem[BR_EC_KBUF_PUB_MAX_SIZE];
	br_rsa_private_key rsa;
	br_rsa_public_key rsa_public;
	uint8_t rsa_mem[BR_RSA_KBUF_PRIV_SIZE(1024)], rsa_public_mem[BR_RSA_KBUF_PUB_SIZE(1024)];
};

struct talk {
	struct identity id;
	br_ssl_client_context client;
	br_ssl_server_context server;
	br_x509_minimal_context unused;
	br_x509_knownkey_context known;
	uint8_t client_mem[BR_SSL_BUFSIZE_BIDI], server_mem[BR_SSL_BUFSIZE_BIDI];
};

static void make_identity(struct identity *id)
{
	br_hmac_drbg_context rng;

	br_hmac_drbg_init(&rng, &br_sha256_vtable, "always the same", 15);
	NEED(br_ec_keygen(&rng.vtable, br_ec_get_default(), &id->ec, id->ec_mem, BR_EC_secp256r1));
	NEED(br_ec_compute_pub(br_ec_get_default(), &id->ec_public, id->ec_public_mem, &id->ec));
	NEED(br_rsa_keygen_get_default()(&rng.vtable, &id->rsa, id->rsa_mem, &id->rsa_public, id->rsa_public_mem,
					 1024, 65537));
}

/* Bytes that wait in one engine go to the other; false: there were none. */
static bool pump(br_ssl_engine_context *from, br_ssl_engine_context *to)
{
	size_t n, room;
	uint8_t *out = br_ssl_engine_sendrec_buf(from, &n);
	uint8_t *in = br_ssl_engine_recvrec_buf(to, &room);

	if (out == NULL || in == NULL)
		return false;
	n = num_min(n, room);
	memcpy(in, out, n);
	br_ssl_engine_sendrec_ack(from, n);
	br_ssl_engine_recvrec_ack(to, n);
	return true;
}

static bool ready(const br_ssl_engine_context *e)
{
	unsigned s = br_ssl_engine_current_state(e);

	return (s & BR_SSL_SENDAPP) && !(s & BR_SSL_SENDREC);
}

static bool shake_hands(struct talk *t, uint16_t suite, bool rsa)
{
	static uint8_t der[] = "any bytes";
	static const br_x509_certificate chain[] = {{der, sizeof der}};
	br_ssl_engine_context *c = &t->client.eng, *s = &t->server.eng;

	br_ssl_client_init_full(&t->client, &t->unused, NULL, 0);
	if (rsa) {
		br_x509_knownkey_init_rsa(&t->known, &t->id.rsa_public, BR_KEYTYPE_SIGN);
		br_ssl_server_init_full_rsa(&t->server, chain, 1, &t->id.rsa);
	} else {
		br_x509_knownkey_init_ec(&t->known, &t->id.ec_public, BR_KEYTYPE_SIGN);
		br_ssl_server_init_full_ec(&t->server, chain, 1, BR_KEYTYPE_EC, &t->id.ec);
	}
	br_ssl_engine_set_x509(c, &t->known.vtable);
	br_ssl_engine_set_versions(c, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(c, &suite, 1);
	br_ssl_engine_set_buffer(c, t->client_mem, sizeof t->client_mem, 1);
	br_ssl_engine_set_buffer(s, t->server_mem, sizeof t->server_mem, 1);
	if (!br_ssl_client_reset(&t->client, "a.test", 0) || !br_ssl_server_reset(&t->server))
		return false;
	while (pump(c, s) || pump(s, c))
		;
	return ready(c) && ready(s);
}

/* What is left of a handshake. Its randoms and master secret are the same on both sides. */
static bool take_keys(const br_ssl_engine_context *e, uint16_t suite, struct record_keys *client,
		      struct record_keys *server)
{
	br_ssl_session_parameters p;

	br_ssl_engine_get_session_parameters(e, &p);
	CHECK_INT(p.cipher_suite, suite);
	if (!tls_key_block(suite, p.master_secret, e->client_random, e->server_random, client, server))
		return false;
	client->seq = server->seq = 1; /* Finished was number 0 */
	return true;
}

static void put_text(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + n);
}

static bool is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (uint8_t)(i * 31 + n))
			return false;
	return true;
}

static bool feed(br_ssl_engine_context *e, const uint8_t *p, size_t n)
{
	for (size_t i = 0, room; i < n;) {
		uint8_t *in = br_ssl_engine_recvrec_buf(e, &room);

		if (in == NULL)
			return false;
		room = num_min(room, n - i);
		memcpy(in, &p[i], room);
		br_ssl_engine_recvrec_ack(e, room);
		i += room;
	}
	return true;
}

static void we_write(struct record *w, br_ssl_engine_context *e, size_t n)
{
	static uint8_t mem[RECORD_MAX];
	size_t got;
	uint8_t *text;
	int len;

	put_text(&mem[record_head(w)], n);
	len = record_seal(w, RECORD_DATA, mem, n);
	NEED(len > 0);
	NEED(feed(e, mem, (size_t)len));
	text = br_ssl_engine_recvapp_buf(e, &got);
	NEED(text != NULL);
	CHECK_INT(got, n);
	CHECK(is_text(text, got));
	br_ssl_engine_recvapp_ack(e, got);
}

static void they_write(br_ssl_engine_context *e, struct record *r, size_t n)
{
	static uint8_t mem[RECORD_MAX];
	struct record_plain out;
	uint8_t *p;
	size_t room, len;

	p = br_ssl_engine_sendapp_buf(e, &room);
	NEED(p != NULL && room >= n);
	put_text(p, n);
	br_ssl_engine_sendapp_ack(e, n);
	br_ssl_engine_flush(e, 0);
	p = br_ssl_engine_sendrec_buf(e, &len);
	NEED(p != NULL && len <= sizeof mem);
	memcpy(mem, p, len);
	br_ssl_engine_sendrec_ack(e, len);
	CHECK_INT(record_open(r, mem, len, &out), len);
	CHECK_INT(out.type, RECORD_DATA);
	CHECK_INT(out.n, n);
	CHECK(is_text(out.p, out.n));
}

/* The engine ends the connection as it would with a real peer, and so do we. */
static void say_goodbye(struct record *w, struct record *r, br_ssl_engine_context *e)
{
	uint8_t mem[64], *p;
	struct record_plain out;
	size_t len;

	memcpy(&mem[record_head(w)], (const uint8_t[]){1, 0}, 2); /* a warning: close_notify */
	len = (size_t)record_seal(w, RECORD_ALERT, mem, 2);
	NEED(feed(e, mem, len));
	p = br_ssl_engine_sendrec_buf(e, &len);
	NEED(p != NULL && len <= sizeof mem);
	memcpy(mem, p, len);
	br_ssl_engine_sendrec_ack(e, len);
	CHECK_INT(br_ssl_engine_current_state(e), BR_SSL_CLOSED);
	CHECK_INT(br_ssl_engine_last_error(e), BR_ERR_OK);
	CHECK_INT(record_open(r, mem, len, &out), len);
	CHECK(out.type == RECORD_ALERT && out.n == 2 && out.p[0] == 1 && out.p[1] == 0);
}

static void take_part(br_ssl_engine_context *e, uint16_t suite, struct record_keys *ours, struct record_keys *theirs)
{
	struct record w, r;

	record_init(&w, suite_aead(suite), ours);
	record_init(&r, suite_aead(suite), theirs);
	for (size_t i = 0; i < LENGTHS; i++) {
		we_write(&w, e, length_of(i));
		they_write(e, &r, length_of(i));
	}
	say_goodbye(&w, &r, e);
}

TEST(bearssl_reads_what_we_write_and_we_what_it_writes)
{
	static struct talk t;

	make_identity(&t.id);
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		uint16_t suite = suites[i].suite;
		struct record_keys client, server;

		NEED(shake_hands(&t, suite, suites[i].rsa));
		NEED(take_keys(&t.client.eng, suite, &client, &server));
		take_part(&t.client.eng, suite, &server, &client);
		NEED(take_keys(&t.server.eng, suite, &client, &server));
		take_part(&t.server.eng, suite, &client, &server);
	}
}

/* A forged record ends BearSSL's connection too: the test's way of looking can see a fault. */
TEST(bearssl_refuses_what_we_forge)
{
	static struct talk t;
	struct record_keys client, server;
	struct record w;
	uint8_t mem[64];
	int len;

	make_identity(&t.id);
	NEED(shake_hands(&t, SUITE_ECDSA_AES128, false));
	NEED(take_keys(&t.server.eng, SUITE_ECDSA_AES128, &client, &server));
	record_init(&w, AEAD_AES128_GCM, &client);
	len = record_seal(&w, RECORD_DATA, mem, 3);
	mem[len - 1] ^= 1;
	CHECK(feed(&t.server.eng, mem, (size_t)len));
	CHECK_INT(br_ssl_engine_last_error(&t.server.eng), BR_ERR_BAD_MAC);
}

/* BearSSL's record layer by itself, with its portable ciphers. */
union reader {
	const br_sslrec_in_class *in;
	br_sslrec_gcm_context gcm;
	br_sslrec_chapol_context chapol;
};

static void reader_init(union reader *r, enum aead_kind k, const struct record_keys *keys)
{
	if (k == AEAD_CHACHA20)
		br_sslrec_in_chapol_vtable.init(&r->chapol.vtable.in, br_chacha20_ct_run, br_poly1305_ctmul_run,
						keys->key, keys->iv);
	else
		br_sslrec_in_gcm_vtable.init(&r->gcm.vtable.in, &br_aes_ct64_ctr_vtable, keys->key,
					     aead_key_len(k), br_ghash_ctmul64, keys->iv);
}

TEST(bearssl_record_layer_reads_what_we_write)
{
	static const enum aead_kind kinds[] = {AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20};
	static uint8_t mem[RECORD_MAX];

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct record_keys keys = {.key = {1, 2, 3}, .iv = {4, 5, 6}};
		union reader r;
		struct record w;

		reader_init(&r, kinds[k], &keys);
		record_init(&w, kinds[k], &keys);
		for (size_t i = 0; i < LENGTHS; i += 10) {
			size_t n = length_of(i), len;
			uint8_t *text;

			put_text(&mem[record_head(&w)], n);
			len = (size_t)record_seal(&w, RECORD_DATA, mem, n) - RECORD_HEADER;
			CHECK(r.in->check_length(&r.in, len));
			text = r.in->decrypt(&r.in, RECORD_DATA, 0x0303, &mem[RECORD_HEADER], &len);
			NEED(text != NULL);
			CHECK_INT(len, n);
			CHECK(is_text(text, len));
		}
	}
}
