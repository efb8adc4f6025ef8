/*
 * tls_report: what `zt tls probe` found, as text for people and as JSON for programs. Pure
 * printing: it judges nothing and connects to nothing.
 */
#ifndef ZT_TLS_REPORT_H
#define ZT_TLS_REPORT_H

#include "decide/leaf.h"
#include "io/tls.h"

struct tls_report {
	const char *target;       /* as the user wrote it */
	const char *asked;        /* the name or address the certificate must be for */
	const char *ca;           /* what was trusted, in words */
	struct addr peer;
	int64_t now;              /* seconds since 1970 */
	uint64_t dial_ns, shake_ns;
	/* how it went */
	enum tls_fault fault;     /* of the handshake; then the rest is empty */
	uint8_t alert;            /* the server's, with TLSF_ALERT */
	char words[300];
	uint16_t suite;
	char alpn[TLS_ALPN];
	enum tls_fault verdict;   /* of the chain */
	enum leaf_reason leaf;    /* of the first certificate */
	bool pin_asked, pin_ok;
	bool showed;              /* we had a client certificate to show */
	struct span chain[TLS_CHAIN];
	size_t chain_n;
};

bool tls_report_good(const struct tls_report *r);
void tls_report_text(const struct tls_report *r);
void tls_report_json(const struct tls_report *r);

#endif
