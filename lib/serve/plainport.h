/*
 * plainport: plain HTTP for what needs no more: one request, one answer, closed. A redirect to https, health,
 * counters. No body is read, and nothing that comes is passed on to anybody.
 *
 * Bounded by BOUND_PLAIN_CONNS: when it becomes tight the oldest goes, so that slow ones hold nobody out. A head that
 * comes in pieces is gathered in memory of its own, HTTP_HEAD bytes.
 */
#ifndef ZT_PLAINPORT_H
#define ZT_PLAINPORT_H

#include "base/pool.h"
#include "io/bufs.h"
#include "wire/httpreq.h"

#define PLAINPORT_ANSWER 65536 /* of room for one, as much as a buffer takes: /metrics of one process is 3 to 8 KB */

struct plain;
struct plainport { /* zero-initialise, then the first five */
	struct loop *loop;
	struct bufs *bufs;
	/* q->refusal: it was none; else a request. An empty w: closed without an answer. */
	void (*answer)(struct plainport *p, unsigned tag, const struct httpreq *q, struct wr *w);
	void (*gone)(struct plainport *p); /* one less; may be NULL */
	void *owner;
	/* its own */
	struct pool pool;
	struct plain *first, *last;        /* oldest first */
};

void plainport_init(struct plainport *p, struct bounds *b);
/* fd is its own now. tag: for answer(). It is closed when no request has come within patience_ns. */
void plainport_accepted(struct plainport *p, int fd, unsigned tag, uint64_t patience_ns);
void plainport_end(struct plainport *p);  /* at once */
void plainport_free(struct plainport *p); /* behind the loop; harmless when it was never initialised */

#endif
