/*
 * healthd: a role's small plain HTTP window for monitors, on addresses of their own (127.0.0.1:9999):
 *   /healthcheck  200 while the role does its work, else 503; JSON, with what its owner adds
 *   /ready        {"status":200,"readyConnections":2,"connectorId":"…"}, the same codes
 *   /metrics      counters and bounds of the process, in Prometheus' text format
 * GET and HEAD, one request a connection, a few seconds for it. It says nothing that a neighbour on the machine
 * should not know, and changes nothing.
 */
#ifndef ZT_HEALTHD_H
#define ZT_HEALTHD_H

#include "base/jsonw.h"
#include "base/pool.h"
#include "io/child.h"

#define HEALTHD_MOST 65536 /* of one answer */

struct healthd_class {
	size_t (*ready)(void *ctx);                 /* connections that do the role's work; 0: it does not */
	/* Members of the object of /healthcheck beside status and connections; may be NULL. */
	void (*more)(void *ctx, struct jsonw *j);
	/* Samples that have labels, below "zt_": healthd_sample(). May be NULL. */
	void (*samples)(void *ctx, struct wr *w);
};

struct healthd { /* zero-initialise */
	const struct healthd_class *cls;
	void *ctx;
	struct child *child;
	const char *id;       /* connectorId; NULL: none */
	struct pool conns;
	struct healthd_conn *first;
};

void healthd_init(struct healthd *h, struct child *c, const struct healthd_class *cls, void *ctx);
void healthd_accepted(struct healthd *h, int fd); /* a connection of one of its doors */
void healthd_end(struct healthd *h);              /* at once; before the loop goes */
void healthd_free(struct healthd *h);             /* after it */

/* zt_NAME{KEY="VALUE"} N; the value escaped. */
void healthd_sample(struct wr *w, const char *name, const char *key, struct span value, uint64_t n);

#endif
