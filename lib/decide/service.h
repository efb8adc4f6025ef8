/*
 * service: what stands behind a rule, as somebody writes it: "https://192.168.1.10:8006", "tcp://nas:5432",
 * "unix:/run/app.sock", "http_status:404", "hello_world". Text -> struct, pure.
 */
#ifndef ZT_SERVICE_H
#define ZT_SERVICE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "wire/rules.h"

struct service {
	uint8_t kind;      /* enum rule_kind */
	bool is_unix, tls;
	uint16_t status;   /* of RULE_STATUS */
	uint16_t port;
	struct span host;  /* name or address without brackets, or the path of a socket; borrowed */
};

#define SERVICE_PATH 107 /* of a socket: the kernel takes no longer one */

/* port: of an http service that names none; 0: the scheme's. 0 or -ZT_E_SYNTAX, *out all zero. */
int service_read(struct span text, uint16_t port, struct service *out, struct why *w);
bool service_has_origin(const struct service *s); /* something is dialled for it */

#endif
