/*
 * storm_tls: the TLS client of storm's peers: BearSSL's engine on a socket that does not wait. It checks no certificate: it is
 * the load, not the subject.
 */
#ifndef ZT_STORM_TLS_H
#define ZT_STORM_TLS_H

#include <bearssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

static void die(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Takes any chain; knows the key of its first certificate. */
struct anyone {
	const br_x509_class *vtable;
	br_x509_decoder_context leaf;
	unsigned n;
};

static void any_start_chain(const br_x509_class **c, const char *name)
{
	(void)name;
	CONTAINER_OF(c, struct anyone, vtable)->n = 0;
}

static void any_start_cert(const br_x509_class **c, uint32_t len)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	(void)len;
	if (a->n++ == 0)
		br_x509_decoder_init(&a->leaf, NULL, NULL);
}

static void any_append(const br_x509_class **c, const unsigned char *p, size_t n)
{
	struct anyone *a = CONTAINER_OF(c, struct anyone, vtable);

	if (a->n == 1)
		br_x509_decoder_push(&a->leaf, p, n);
}

static void any_end_cert(const br_x509_class **c) { (void)c; }
static unsigned any_end_chain(const br_x509_class **c) { (void)c; return 0; }

static const br_x509_pkey *any_pkey(const br_x509_class *const *c, unsigned *usages)
{
	struct anyone *a = CONTAINER_OF((const br_x509_class **)(uintptr_t)c, struct anyone, vtable);

	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return br_x509_decoder_get_pkey(&a->leaf);
}

static const br_x509_class anyone_class = {sizeof(struct anyone), any_start_chain, any_start_cert, any_append,
					   any_end_cert, any_end_chain, any_pkey};

struct tls {
	br_ssl_client_context ssl;
	struct anyone anyone;
	unsigned char in[BR_SSL_BUFSIZE_INPUT], out[BR_SSL_BUFSIZE_OUTPUT];
};

static struct tls *tls_new(const char *host, const br_ssl_session_parameters *again)
{
	static const uint16_t suites[] = {BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256};
	struct tls *t = calloc(1, sizeof *t);
	br_x509_minimal_context unused; /* br_ssl_client_init_full() wants one */

	if (t == NULL)
		die("memory");
	br_ssl_client_init_full(&t->ssl, &unused, NULL, 0);
	br_ssl_engine_set_versions(&t->ssl.eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(&t->ssl.eng, suites, 1);
	t->anyone.vtable = &anyone_class;
	br_ssl_engine_set_x509(&t->ssl.eng, &t->anyone.vtable);
	br_ssl_engine_set_buffers_bidi(&t->ssl.eng, t->in, sizeof t->in, t->out, sizeof t->out);
	if (again && again->session_id_len)
		br_ssl_engine_set_session_parameters(&t->ssl.eng, again);
	if (!br_ssl_client_reset(&t->ssl, host, again && again->session_id_len))
		die("no random bytes");
	return t;
}

/* Moves records: -1 the connection is over, else whether anything moved. most: bytes of one recv(). */
static int pump(struct tls *t, int fd, size_t most)
{
	unsigned state = br_ssl_engine_current_state(&t->ssl.eng);
	unsigned char *p;
	size_t n;
	ssize_t k;
	int moved = 0;

	if (state & BR_SSL_SENDREC) {
		p = br_ssl_engine_sendrec_buf(&t->ssl.eng, &n);
		k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k <= 0 && errno != EAGAIN)
			return -1;
		if (k > 0)
			br_ssl_engine_sendrec_ack(&t->ssl.eng, (size_t)k);
		moved |= k > 0;
	}
	if (most && (br_ssl_engine_current_state(&t->ssl.eng) & BR_SSL_RECVREC)) {
		p = br_ssl_engine_recvrec_buf(&t->ssl.eng, &n);
		k = recv(fd, p, n < most ? n : most, MSG_DONTWAIT);
		if (k == 0 || (k < 0 && errno != EAGAIN))
			return -1;
		if (k > 0)
			br_ssl_engine_recvrec_ack(&t->ssl.eng, (size_t)k);
		moved |= k > 0;
	}
	return br_ssl_engine_current_state(&t->ssl.eng) == BR_SSL_CLOSED ? -1 : moved;
}

static bool is_open(const struct tls *t)
{
	return br_ssl_engine_current_state(&t->ssl.eng) & (BR_SSL_SENDAPP | BR_SSL_RECVAPP);
}

/* What is put always fits: these peers put little, and wait for it to leave. */
static bool say(struct tls *t, const char *text, size_t n)
{
	size_t room;
	unsigned char *p = br_ssl_engine_sendapp_buf(&t->ssl.eng, &room);

	if (p == NULL || room < n)
		return false;
	memcpy(p, text, n);
	br_ssl_engine_sendapp_ack(&t->ssl.eng, n);
	br_ssl_engine_flush(&t->ssl.eng, 0);
	return true;
}

static size_t hear(struct tls *t, char *out, size_t most)
{
	size_t n;
	const unsigned char *p = br_ssl_engine_recvapp_buf(&t->ssl.eng, &n);

	if (p == NULL)
		return 0;
	n = n < most ? n : most;
	memcpy(out, p, n);
	br_ssl_engine_recvapp_ack(&t->ssl.eng, n);
	return n;
}

#endif
