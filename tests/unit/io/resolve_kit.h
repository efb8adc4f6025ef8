/*
 * resolve_kit: a resolver, its loop, a clock that only the test moves, and up to three scripted
 * name servers; shared by the tests of resolve.h. Everything is static.
 */
#ifndef ZT_RESOLVE_KIT_H
#define ZT_RESOLVE_KIT_H

#include "io/resolve.h"

#include "fakedns.h"
#include "io/dnsask.h"
#include "io/dnscache.h"

static struct clock_fake now;
static struct loop *loop;
static struct bounds bounds;
static struct resolver *resolver;
static struct fakedns dns[3];
static struct resolvconf conf;

struct ask {
	struct resolve q;
	unsigned updates;
	struct ask *cancels;    /* in its update() */
	const char *then;       /* looked up again in its update() */
	bool frees;
};

static inline void on_update(struct resolve *q)
{
	struct ask *a = CONTAINER_OF(q, struct ask, q);
	const char *then = a->then;

	a->updates++;
	if (a->cancels)
		resolve_cancel(&a->cancels->q);
	a->then = NULL;
	if (then)
		CHECK_INT(resolve_start(resolver, &a->q, span_str(then)), 0);
	if (a->frees) {
		resolve_cancel(&a->q);
		free(a);
	}
}

static inline int look(struct ask *a, const char *name)
{
	a->q.update = on_update;
	return resolve_start(resolver, &a->q, span_str(name));
}

static inline void turns(int n, int wait_ms)
{
	for (int i = 0; i < n; i++)
		CHECK_INT(loop_turn(loop, wait_ms), 0);
}

/* Until it happens; a bound on turns, not on time, says that it does not. */
#define UNTIL(cond)                                              \
	do {                                                     \
		for (int i_ = 0; i_ < 500 && !(cond); i_++)      \
			CHECK_INT(loop_turn(loop, 100), 0);      \
		CHECK(cond);                                     \
	} while (0)

/* Everything that is on its way has arrived: loopback delivers inside send(). */
static inline void quiet(void)
{
	turns(12, 0);
}

static inline void step_s(unsigned s)
{
	clock_fake_step(&now, s * NS_PER_S);
	quiet();
}

static inline void start(unsigned servers, bool tcp, void (*script)(struct fake_question *q))
{
	clock_fake_init(&now, 1000 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &now.clock), 0);
	CHECK_INT(resolver_new(&resolver, loop, &bounds), 0);
	conf = (struct resolvconf){.n = (uint8_t)servers, .timeout_s = 2, .attempts = 2};
	for (unsigned i = 0; i < servers; i++) {
		fakedns_open(&dns[i], loop, tcp, script);
		conf.server[i] = dns[i].at;
	}
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
}

static inline void end(void)
{
	resolver_free(resolver);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, 0);
	loop_free(loop);
}

static inline const char *texts(const struct resolve_part *p)
{
	static char out[4][600];
	static unsigned turn;
	char *mem = out[turn++ % 4];
	struct wr w = wr_of(mem, sizeof out[0] - 1);

	for (uint8_t i = 0; i < p->n; i++) {
		if (i)
			wr_u8(&w, ' ');
		addr_write_ip(&w, &p->addr[i]);
	}
	if (p->rc < 0)
		wr_str(&w, err_name((enum zt_err)-p->rc));
	mem[w.n] = 0;
	return mem;
}

#define CHECK_PARTS(a, v6, v4)                                     \
	do {                                                       \
		CHECK(resolve_finished(&(a).q));                   \
		CHECK_STR(texts(&(a).q.part[RESOLVE_V6]), v6);     \
		CHECK_STR(texts(&(a).q.part[RESOLVE_V4]), v4);     \
	} while (0)

static inline void both_families(struct fake_question *q)
{
	reply_ip(q, q->type == DNS_AAAA ? "2001:db8::1" : "192.0.2.1", 60);
}

#endif
