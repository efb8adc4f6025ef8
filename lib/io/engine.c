/*
 * engine: see engine.h. Owns BearSSL's contexts and the one buffer that both directions share.
 * Never decides whom to serve: that is in what it is given.
 *
 * What BearSSL would do by itself and zt does not let it:
 * - seed itself: from RDRAND or /dev/urandom, whichever the build finds. br_prng_seeder_system() is
 *   defined here instead, so that no other source exists in the program;
 * - resume a session into other rules than it was made under: resume.c;
 * - read past its table of protocol names when a resumed hello offers none of them: such a hello is
 *   refused before it is fed;
 * - not ask for a certificate at all when it has no names of authorities to send;
 * - go on with a certificate that did not verify where none is required, without even looking for
 *   the proof that the peer holds its key.
 */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "chain.h"
#include "decide/suites.h"
#include "resume.h"
#include "tlsfault.h"
#include "wire/flight.h"

struct engine {
	union {
		br_ssl_engine_context eng; /* the first member of both */
		br_ssl_server_context server;
		br_ssl_client_context client;
	};
	struct chain chain;
	struct resume resume;
	br_ec_impl curves;
	enum engine_state state;
	struct tlsmsg_fail fail;
	struct bounds *bounds;
	struct flight flight;
	size_t record_left;   /* of the record being fed */
	enum tls_ask ask;
	bool is_client, chained, checked, suites_meet;
	bool aes; /* is fast on our side, and as far as is known on the other */
	char name[TLS_NAME], alpn[TLS_ALPN];
	const char *protocols[1];
	uint8_t own[32];      /* server: cred_pin() */
	uint8_t buf[BR_SSL_BUFSIZE_MONO];
};

_Static_assert(BR_SSL_BUFSIZE_MONO >= BOUND_CAP(BOUND_HELLO_BYTES), "the hello is read in it first");
_Static_assert(SESSION_LEAF <= CHAIN_SPARE, "resume_offer() keeps a session's leaf beside the chain");

/* ---- randomness ----------------------------------------------------------------------------- */

static int seed(const br_prng_class **rng)
{
	uint8_t bytes[48]; /* 256 bits and the half that HMAC_DRBG wants as a nonce */

	random_bytes(bytes, sizeof bytes);
	(*rng)->update(rng, bytes, sizeof bytes);
	wipe(bytes, sizeof bytes);
	return 1;
}

br_prng_seeder br_prng_seeder_system(const char **name)
{
	if (name)
		*name = "zt";
	return seed;
}

/* ---- faults --------------------------------------------------------------------------------- */

/* The first cause stays. A session that was offered in a handshake that failed is not good. */
static void fail(struct engine *e, enum tls_fault f, int err)
{
	if (e->state == ENGINE_FAILED)
		return;
	e->state = ENGINE_FAILED;
	e->fail = (struct tlsmsg_fail){.fault = f, .engine = (uint16_t)err};
	if (err >= BR_ERR_RECV_FATAL_ALERT)
		e->fail.alert = (uint8_t)(err & 0xff);
	resume_failed(&e->resume);
}

/* For the sentence that says how to trust it. Nobody has shown yet to hold that key; who pins it asks for that. */
static void note_pin(struct engine *e)
{
	struct x509 leaf;

	if (!e->is_client || !e->chained || e->chain.n == 0 || x509_read(&leaf, e->chain.cert[0], NULL) < 0)
		return;
	e->fail.has_pin = true;
	x509_pin(&leaf, e->fail.pin);
}

static void fail_closed(struct engine *e)
{
	int err = br_ssl_engine_last_error(&e->eng);
	enum tls_fault f = tlsfault_of(err);

	/* The chain's own words say more than the number it made of them. */
	if (e->chained && e->chain.ended && e->chain.verdict != TLSF_NONE && err >= BR_ERR_X509_OK &&
	    err <= BR_ERR_X509_NOT_TRUSTED)
		f = e->chain.verdict;
	/* BearSSL has one alert for both. */
	if (f == TLSF_SUITE && !e->is_client && e->suites_meet)
		f = TLSF_CURVE;
	fail(e, f, err);
	if (e->chained && e->chain.ended)
		note_pin(e);
}

/* ---- beginning ------------------------------------------------------------------------------ */

static void set_common(struct engine *e, const uint16_t *list, size_t n)
{
	br_ssl_engine_context *c = &e->eng;

	br_ssl_engine_set_versions(c, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(c, list, n);
	e->curves = *br_ec_get_default();
	e->curves.supported_curves &= 1u << BR_EC_secp256r1 | 1u << BR_EC_secp384r1 | 1u << BR_EC_curve25519;
	br_ssl_engine_set_ec(c, &e->curves);
	br_ssl_engine_set_ecdsa(c, br_ecdsa_vrfy_asn1_get_default());
	br_ssl_engine_set_rsavrfy(c, br_rsa_pkcs1_vrfy_get_default());
	br_ssl_engine_set_hash(c, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(c, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_hash(c, br_sha512_ID, &br_sha512_vtable);
	br_ssl_engine_set_prf_sha256(c, br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(c, br_tls12_sha384_prf);
	br_ssl_engine_set_default_aes_gcm(c);
	br_ssl_engine_set_default_chapol(c);
	br_ssl_engine_set_all_flags(c, BR_OPT_NO_RENEGOTIATION | BR_OPT_ENFORCE_SERVER_PREFERENCES |
					       BR_OPT_FAIL_ON_ALPN_MISMATCH |
					       (e->ask == TLS_ASK_OPTIONAL ? BR_OPT_TOLERATE_NO_CLIENT_AUTH : 0));
	if (e->alpn[0]) {
		e->protocols[0] = e->alpn;
		br_ssl_engine_set_protocol_names(c, e->protocols, 1);
	}
	if (e->chained)
		br_ssl_engine_set_x509(c, &e->chain.vtable);
	br_ssl_engine_set_buffer(c, e->buf, sizeof e->buf, 0); /* one direction at a time, as a handshake is */
}

static void start_server(struct engine *e, const struct engine_opts *o)
{
	const struct cred *k = o->cred;
	uint16_t list[SUITES];
	size_t n = suites_for(k->type, e->aes, list), anchors_n;
	const br_x509_trust_anchor *anchors;

	br_ssl_server_zero(&e->server);
	set_common(e, list, n);
	if (k->type == PK_RSA)
		br_ssl_server_set_single_rsa(&e->server, k->chain, k->n, &k->rsa, BR_KEYTYPE_SIGN,
					     br_rsa_private_get_default(), cred_rsa_sign);
	else
		br_ssl_server_set_single_ec(&e->server, k->chain, k->n, &k->ec, BR_KEYTYPE_SIGN, BR_KEYTYPE_EC,
					    br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
	if (e->ask != TLS_ASK_NO) {
		anchors = chain_anchors(&e->chain, &anchors_n);
		if (anchors_n == 0) { /* all have expired: BearSSL would ask nobody for anything */
			fail(e, TLSF_INTERNAL, 0);
			return;
		}
		br_ssl_server_set_trust_anchor_names_alt(&e->server, anchors, anchors_n);
	} else if (o->sessions) {
		resume_serve(&e->resume, &e->server);
	}
	if (!br_ssl_server_reset(&e->server))
		fail_closed(e);
}

static void start_client(struct engine *e, const struct engine_opts *o)
{
	const struct cred *k = o->cred;
	uint16_t list[SUITES];

	br_ssl_client_zero(&e->client);
	set_common(e, list, suites_for(PK_NONE, e->aes, list));
	if (k && k->type == PK_RSA)
		br_ssl_client_set_single_rsa(&e->client, k->chain, k->n, &k->rsa, cred_rsa_sign);
	else if (k)
		br_ssl_client_set_single_ec(&e->client, k->chain, k->n, &k->ec, BR_KEYTYPE_SIGN, BR_KEYTYPE_EC,
					    br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
	if (!br_ssl_client_reset(&e->client, e->name[0] ? e->name : NULL,
				 resume_offer(&e->resume, &e->eng, &e->chain.mem)))
		fail_closed(e);
}

/* Reads the hello as the worker did: what does not come out the same must not be served. */
static enum tls_fault check_hello(struct engine *e, const struct engine_opts *o)
{
	struct hello h;
	uint16_t list[SUITES];
	size_t n = suites_for(o->cred->type, e->aes, list);
	int used = hello_read(o->hello, e->buf, &h, NULL);

	if (used <= 0 || (size_t)used != o->hello.n)
		return TLSF_DISAGREE;
	if (!span_eq_str(o->name, h.name) || (o->alpn.n && !hello_wants(&h, o->alpn)))
		return TLSF_DISAGREE;
	if (!h.offers_tls12)
		return TLSF_VERSION;
	for (size_t i = 0; i < n; i++)
		e->suites_meet |= hello_offers(&h, list[i]);
	e->aes &= !suites_chacha_first(&h, o->cred->type);
	return TLSF_NONE;
}

static void serve_hello(struct engine *e, const struct engine_opts *o)
{
	enum tls_fault f = check_hello(e, o);

	if (f != TLSF_NONE) {
		fail(e, f, 0);
		return;
	}
	start_server(e, o);
	e->record_left = o->hello.n; /* judged already, and no part of the flight */
	if (engine_feed(e, o->hello) != o->hello.n)
		fail(e, TLSF_DISAGREE, 0); /* BearSSL found an end where there is none */
}

static int engine_open(struct engine *e, const struct engine_opts *o)
{
	const struct chain_rule rule = {
		.trust = o->trust,
		.use = o->client ? LEAF_SERVER : LEAF_CLIENT,
		.let_through = o->client && o->let_through,
		.any_name = o->client && o->any_name,
		.now = o->now,
	};

	ZT_ASSERT(o->client || o->cred);
	if (span_to_cstr(o->name, e->name, sizeof e->name) < 0 || span_to_cstr(o->alpn, e->alpn, sizeof e->alpn) < 0)
		return -ZT_E_SYNTAX;
	e->is_client = o->client;
	if (!o->client)
		memcpy(e->own, cred_pin(o->cred).p, sizeof e->own);
	e->aes = aead_fast_aes();
	e->ask = o->client ? TLS_ASK_NO : o->ask;
	e->resume.sessions = o->sessions;
	if (o->key)
		e->resume.key = *o->key;
	e->resume.key.client = o->client;
	if (o->client || o->ask != TLS_ASK_NO) {
		if (chain_init(&e->chain, &rule) < 0)
			return -ZT_E_NOMEM;
		e->chained = true;
	}
	return 0;
}

int engine_new(struct engine **out, struct bounds *b, const struct engine_opts *o)
{
	struct engine *e;
	int rc;

	if (!bounds_take(b, BOUND_TLS_ENGINES, 1))
		return -ZT_E_FULL;
	e = calloc(1, sizeof *e);
	if (e == NULL) {
		bounds_give(b, BOUND_TLS_ENGINES, 1);
		return -ZT_E_NOMEM;
	}
	e->bounds = b;
	rc = engine_open(e, o);
	if (rc < 0) {
		engine_free(e);
		return rc;
	}
	if (o->client)
		start_client(e, o);
	else
		serve_hello(e, o);
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	bounds_give(e->bounds, BOUND_TLS_ENGINES, 1);
	if (e->chained)
		chain_free(&e->chain);
	wipe(e, sizeof *e);
	free(e);
}

/* ---- going on ------------------------------------------------------------------------------- */

/* "." at the end and case are folded by the first reader, and not by BearSSL. */
static bool same_name(struct span theirs, const char *ours)
{
	if (theirs.n && theirs.p[theirs.n - 1] == '.')
		theirs.n--;
	return span_ieq(theirs, span_str(ours));
}

/* Before a server's first byte leaves: did BearSSL read what the worker read? */
static void check_reading(struct engine *e)
{
	const char *alpn = br_ssl_engine_get_selected_protocol(&e->eng);

	e->checked = true;
	if (!same_name(span_str(br_ssl_engine_get_server_name(&e->eng)), e->name) ||
	    !span_eq_str(span_str(alpn), e->alpn))
		fail(e, TLSF_DISAGREE, 0);
}

/* Where is it now? Called after every step, before anything that the step made is let out. */
static void settle(struct engine *e)
{
	unsigned st;

	if (e->state != ENGINE_GOING)
		return;
	st = br_ssl_engine_current_state(&e->eng);
	if (st & BR_SSL_CLOSED)
		fail_closed(e);
	else if (st & BR_SSL_RECVAPP)
		fail(e, TLSF_UNEXPECTED, 0);
	else if (e->chained && e->chain.ended && e->chain.verdict != TLSF_NONE && !e->chain.let_through)
		fail(e, e->chain.verdict, 0);
	else if ((st & BR_SSL_SENDREC) && !e->is_client && !e->checked)
		check_reading(e);
	else if ((st & BR_SSL_SENDAPP) && !(st & BR_SSL_SENDREC))
		e->state = ENGINE_DONE;
}

static const struct {
	enum zt_err err;
	enum tls_fault fault;
} flight_faults[] = {
	{ZT_E_UNKNOWN, TLSF_NOT_TLS}, {ZT_E_VERSION, TLSF_VERSION},      {ZT_E_SYNTAX, TLSF_BAD_RECORD},
	{ZT_E_DENIED, TLSF_UNEXPECTED}, {ZT_E_TOOLONG, TLSF_BAD_RECORD},
};

/* The next record of in is judged before BearSSL sees a byte of it. false: it is over. */
static bool next_record(struct engine *e, struct span in)
{
	int n = flight_next(&e->flight, in, NULL);

	if (n > 0) {
		e->record_left = (size_t)n;
		return true;
	}
	if (n == ZT_MORE) /* behind Finished, or half a record */
		fail(e, e->flight.state == FLIGHT_DONE ? TLSF_UNEXPECTED : TLSF_BAD_RECORD, 0);
	for (size_t i = 0; i < ARRAY_LEN(flight_faults); i++)
		if (n == -(int)flight_faults[i].err)
			fail(e, flight_faults[i].fault, 0);
	fail(e, TLSF_BAD_RECORD, 0);
	return false;
}

size_t engine_feed(struct engine *e, struct span in)
{
	size_t used = 0, room;
	uint8_t *to;

	if (e->state == ENGINE_DONE && in.n)
		fail(e, TLSF_UNEXPECTED, 0);
	while (e->state == ENGINE_GOING && used < in.n) {
		struct span rest = span_sub(in, used, in.n);

		if (br_ssl_engine_current_state(&e->eng) & BR_SSL_SENDREC)
			break;
		if (e->record_left == 0 && !next_record(e, rest))
			break;
		to = br_ssl_engine_recvrec_buf(&e->eng, &room);
		if (to == NULL) {
			fail(e, TLSF_UNEXPECTED, 0);
			break;
		}
		room = num_min(room, num_min(rest.n, e->record_left));
		memcpy(to, rest.p, room);
		used += room;
		e->record_left -= room;
		br_ssl_engine_recvrec_ack(&e->eng, room);
		settle(e);
	}
	return used;
}

size_t engine_take(struct engine *e, uint8_t *out, size_t cap)
{
	struct wr w = wr_of(out, cap);
	const uint8_t *from;
	size_t n;

	settle(e);
	while (e->state == ENGINE_GOING) {
		from = br_ssl_engine_sendrec_buf(&e->eng, &n);
		if (from == NULL || n > w.cap - w.n)
			break;
		wr_bytes(&w, from, n);
		br_ssl_engine_sendrec_ack(&e->eng, n);
		settle(e);
	}
	return w.n;
}

/* ---- the end -------------------------------------------------------------------------------- */

enum engine_state engine_state(const struct engine *e)
{
	return e->state;
}

struct tlsmsg_fail engine_failure(const struct engine *e)
{
	return e->fail;
}

static void say_chain(const struct engine *e, bool resumed, struct tlsmsg_done *out)
{
	if (resumed && e->is_client) {
		out->verdict = e->resume.verdict;
		out->chain[0] = e->resume.leaf;
		out->chain_n = 1;
	} else if (e->chained && e->chain.n) {
		out->verdict = e->chain.verdict;
		memcpy(out->chain, e->chain.cert, sizeof out->chain);
		out->chain_n = e->chain.n;
	}
}

void engine_done(struct engine *e, struct tlsmsg_done *out)
{
	br_ssl_session_parameters p;
	struct record_keys *mine = &out->out, *theirs = &out->in;

	ZT_ASSERT(e->state == ENGINE_DONE);
	memset(out, 0, sizeof *out);
	br_ssl_engine_get_session_parameters(&e->eng, &p);
	out->suite = p.cipher_suite;
	out->resumed = resume_worked(&e->resume, &p);
	out->name = span_str(e->name);
	out->alpn = span_str(br_ssl_engine_get_selected_protocol(&e->eng));
	if (!e->is_client)
		out->own = span_of(e->own, sizeof e->own);
	say_chain(e, out->resumed, out);
	/* Whatever happened above: nobody gets in without what was asked for. */
	ZT_ASSERT(e->ask != TLS_ASK_REQUIRED || (out->chain_n && out->verdict == TLSF_NONE));
	ZT_ASSERT(!e->is_client || out->chain_n);
	ZT_ASSERT(p.version == BR_TLS12);
	ZT_ASSERT(tls_key_block(p.cipher_suite, p.master_secret, e->eng.client_random, e->eng.server_random,
				e->is_client ? mine : theirs, e->is_client ? theirs : mine));
	out->in.seq = out->out.seq = 1; /* Finished was record 0 of each direction */
	if (e->is_client && e->resume.sessions && !out->resumed)
		resume_keep(&e->resume, &p, e->chain.cert[0], e->chain.verdict);
	wipe(&p, sizeof p);
	wipe(&e->eng, sizeof e->eng);
	wipe(e->buf, sizeof e->buf);
}
