/*
 * httphost: the one spelling of a host that a visitor names: lower case, no dot at its end, no port. Whatever
 * compares hosts compares this. Pure.
 *
 * Names are ASCII (A-labels: "xn--..."); what some resolver would take for an IPv4 address without its being
 * written as one ("127.1", "0x7f.1", "2130706433") is refused.
 */
#ifndef ZT_HTTPHOST_H
#define ZT_HTTPHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define HTTPHOST_MAX 253

enum httphost_kind { HTTPHOST_NONE, HTTPHOST_NAME, HTTPHOST_IP };

struct httphost {
	uint8_t kind;  /* enum httphost_kind */
	uint8_t n;
	uint16_t port; /* as sent, 0: none was */
	char text[HTTPHOST_MAX + 1]; /* NUL behind it; an IPv6 address without its brackets, RFC 5952 */
};

/* "name", "name:port", "192.0.2.1:8080", "[2001:db8::1]:443". 0 or -ZT_E_SYNTAX, with *out empty. */
int httphost_read(struct span text, struct httphost *out);
struct span httphost_span(const struct httphost *h);
/* The same host; the ports may differ. Two that were not read are not the same. */
bool httphost_same(const struct httphost *a, const struct httphost *b);

#endif
