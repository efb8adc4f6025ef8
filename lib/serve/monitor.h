/*
 * monitor: what a role says to monitors on its [..] health addresses (serve/plainport carries it):
 *   /healthcheck  200 while the role does its work, else 503; JSON, with what its owner adds
 *   /ready        {"status":200,"readyConnections":2,"connectorId":"…"}, the same codes
 *   /metrics      counters and bounds of the process, or of several, in Prometheus' text format
 * GET and HEAD. It changes nothing.
 */
#ifndef ZT_MONITOR_H
#define ZT_MONITOR_H

#include "base/jsonw.h"
#include "io/child.h"
#include "wire/httpreq.h"

struct monitor_class {
	bool (*works)(void *ctx);                   /* does the role do its work? */
	size_t (*tunnels)(void *ctx);               /* that are up */
	/* Members of the object of /healthcheck beside status and tunnels; may be NULL. */
	void (*more)(void *ctx, struct jsonw *j);
	/* Samples that have labels: monitor_sample(). May be NULL. */
	void (*samples)(void *ctx, struct wr *w);
};

/* What one of several processes says of itself, monitor_pack()ed; in /metrics it has the label worker="N". */
struct monitor_part {
	unsigned worker;
	struct span packed;
};
#define MONITOR_PACKED (2 + BOUND_CAP(BOUND_IPC_BYTES) + 25 * BOUND_COUNT) /* a bound and three numbers */
void monitor_pack(struct child *c, struct wr *w); /* what /metrics says of this process */

struct monitor {
	const struct monitor_class *cls;
	void *ctx;
	struct child *child;
	const uint8_t *instance; /* 16 random bytes of this process: connectorId of /ready; NULL: none is said */
	bool several;            /* of this child there are others: its numbers have a label, and theirs follow */
	const struct monitor_part *part;
	size_t parts;
};

/* The whole answer to a request that was read: w is as large as it may be; what does not fit is cut off at a line
 * of /metrics, whose last one says so, and elsewhere answered 500. */
void monitor_answer(const struct monitor *m, const struct httpreq *q, struct wr *w);

/* zt_NAME{KEY="VALUE"} N; the value escaped. */
void monitor_sample(struct wr *w, const char *name, const char *key, struct span value, uint64_t n);

#endif
