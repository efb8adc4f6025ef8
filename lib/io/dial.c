/*
 * dial: the race of dial.h. Owns the sockets of the attempts until one wins; the winner's
 * descriptor goes to the caller. Each attempt is a small allocation of its own (a "leg", at
 * most DIAL_ATTEMPTS per dial) that the loop reaps after the dial may be gone already.
 */
#include "dial.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "base/pool.h"

struct leg {
	struct source src;
	struct dial *dial; /* NULL once decided */
	uint8_t at;        /* its row in tried[] */
};

enum dial_state {
	DIAL_RESOLVING, /* no address may be tried yet */
	DIAL_WAITING,   /* IPv4 is known, IPv6 has DIAL_RESOLUTION_DELAY left */
	DIAL_RACING,    /* attempts are made as addresses, failures and time allow */
	DIAL_OVER
};

struct dial {
	struct dialer *dialer;
	struct dial *prev, *next;
	enum dial_state state;
	struct dial_req req;
	struct resolve names;
	struct timer pace, deadline; /* pace: the next thing that time alone makes happen */
	uint64_t began, dns_ns;
	uint8_t taken[RESOLVE_FAMILIES]; /* how many addresses of each family were used up */
	uint8_t turn;                    /* the family that goes next */
	uint8_t n, pending;
	uint8_t oldest;                  /* when tried[] is full: whose row is for the next attempt */
	bool named; /* an address was known at dns_ns */
	struct dial_attempt tried[DIAL_ATTEMPTS];
	struct leg *legs[DIAL_ATTEMPTS]; /* NULL when decided */
};

struct dialer {
	struct loop *loop;
	struct resolver *resolver;
	struct pool pool;
	struct dial *running;
};

int dialer_new(struct dialer **out, struct loop *l, struct resolver *r, struct bounds *b)
{
	struct dialer *d = calloc(1, sizeof *d);

	if (d == NULL)
		return -ZT_E_NOMEM;
	d->loop = l;
	d->resolver = r;
	pool_init(&d->pool, b, BOUND_DIALS, sizeof(struct dial));
	*out = d;
	return 0;
}

static uint64_t since_start(const struct dial *d)
{
	return loop_now(d->dialer->loop) - d->began;
}

/* The attempt is decided: note how, and let go of its source. fd stays open when it won. */
static void settle(struct dial *d, uint8_t at, int err)
{
	struct leg *leg = d->legs[at];

	d->tried[at].err = err;
	d->tried[at].took_ns = since_start(d) - d->tried[at].began_ns;
	if (leg == NULL)
		return;
	d->legs[at] = NULL;
	d->pending--;
	leg->dial = NULL;
	leg->src.keep_fd = err == 0;
	loop_close(&leg->src);
}

/* From here on nothing of this dial runs any more. */
static void stop(struct dial *d, int err)
{
	d->state = DIAL_OVER;
	loop_timer_stop(d->dialer->loop, &d->pace);
	loop_timer_stop(d->dialer->loop, &d->deadline);
	resolve_cancel(&d->names);
	for (uint8_t i = 0; i < d->n; i++)
		if (d->legs[i])
			settle(d, i, err);
	if (d->prev)
		d->prev->next = d->next;
	else
		d->dialer->running = d->next;
	if (d->next)
		d->next->prev = d->prev;
}

void dial_cancel(struct dial *d)
{
	if (d->state == DIAL_OVER)
		return;
	stop(d, -ZT_E_CANCELLED);
	pool_put(&d->dialer->pool, d);
}

static void finish(struct dial *d, int rc, int fd, const struct addr *peer, int losers)
{
	struct dial_result r = {.rc = rc, .fd = fd, .dns_ns = d->dns_ns, .tried = d->tried};

	stop(d, losers);
	if (peer)
		r.peer = *peer;
	r.n = d->n;
	r.took_ns = since_start(d);
	d->req.done(d->req.owner, &r);
	pool_put(&d->dialer->pool, d);
}

/* On a machine without IPv6 every first attempt has no route: the next one tells more. */
static int verdict(const struct dial *d)
{
	if (d->n == 0)
		return resolve_verdict(&d->names);
	for (uint8_t i = 0; i < d->n; i++)
		if (d->tried[i].err != -ZT_E_UNREACHABLE)
			return d->tried[i].err;
	return -ZT_E_UNREACHABLE;
}

static bool have_address(const struct dial *d, uint8_t family)
{
	return d->taken[family] < d->names.part[family].n;
}

/* The next address in turn, IPv6 first, or false. */
static bool next_address(struct dial *d, struct addr *out)
{
	uint8_t f = have_address(d, d->turn) ? d->turn : !d->turn;

	if (d->n == DIAL_ATTEMPTS || !have_address(d, f))
		return false;
	*out = d->names.part[f].addr[d->taken[f]++];
	out->port = d->req.port;
	d->turn = !f;
	return true;
}

/* ---- one attempt ---------------------------------------------------------------------- */

static void race(struct dial *d);

static unsigned leg_wants(const struct source *s)
{
	(void)s;
	return LOOP_OUT;
}

static void leg_reap(struct source *s)
{
	free(CONTAINER_OF(s, struct leg, src));
}

static void leg_ready(struct source *s, unsigned events)
{
	struct leg *leg = CONTAINER_OF(s, struct leg, src);
	struct dial *d = leg->dial;
	uint8_t at = leg->at;
	int fd = s->fd, rc = net_connected(fd);

	(void)events;
	if (rc == -ZT_E_AGAIN)
		return;
	if (rc == 0 && d->req.tune)
		rc = net_tune(fd, d->req.tune);
	settle(d, at, rc);
	if (rc == 0)
		finish(d, 0, fd, &d->tried[at].to, -ZT_E_CANCELLED);
	else
		race(d);
}

static const struct source_class leg_class = {"dial", leg_wants, leg_ready, leg_reap};

static int leg_open(struct dial *d, uint8_t at)
{
	struct leg *leg = calloc(1, sizeof *leg);
	int fd, rc;

	if (leg == NULL)
		return -ZT_E_NOMEM;
	fd = net_connect(&d->tried[at].to);
	if (fd < 0) {
		free(leg);
		return fd;
	}
	*leg = (struct leg){.src = {.cls = &leg_class, .fd = fd}, .dial = d, .at = at};
	rc = loop_add(d->dialer->loop, &leg->src);
	if (rc < 0) {
		close(fd);
		free(leg);
		return rc;
	}
	d->legs[at] = leg;
	d->pending++;
	return 0;
}

/* True: it is under way. False: it failed at once, and that is noted. */
static bool attempt(struct dial *d, uint8_t at, const struct addr *to)
{
	int rc = -ZT_E_DENIED;

	d->tried[at] = (struct dial_attempt){.to = *to, .began_ns = since_start(d)};
	if (d->req.allow == NULL || d->req.allow(d->req.owner, to))
		rc = leg_open(d, at);
	if (rc < 0)
		settle(d, at, rc);
	return rc == 0;
}

/* ---- the race ------------------------------------------------------------------------- */

static bool any_address(const struct dial *d)
{
	return have_address(d, RESOLVE_V6) || have_address(d, RESOLVE_V4);
}

/* Every address was tried, some did not answer yet, and they shall be asked again. */
static bool is_waiting(const struct dial *d)
{
	return d->req.again_ns && d->pending && resolve_finished(&d->names) && !any_address(d);
}

/* Of k addresses row r is for the (r mod k)-th, however often the rows come round. One that fails at once costs no time. */
static void attempt_again(struct dial *d)
{
	uint8_t k = (uint8_t)(d->taken[RESOLVE_V4] + d->taken[RESOLVE_V6]), rows = (uint8_t)(DIAL_ATTEMPTS / k * k);

	for (uint8_t i = 0; i < k; i++) {
		uint8_t at = d->n < rows ? d->n++ : d->oldest++ % rows;
		struct addr to = d->tried[at % k].to;

		if (d->legs[at])
			settle(d, at, -ZT_E_TIMEOUT);
		if (attempt(d, at, &to))
			return;
	}
}

/* Start the next attempt now. Called when the race begins, when an attempt has failed, when
 * the delay after an attempt is over, and when addresses arrive with nothing under way. */
static void race(struct dial *d)
{
	struct addr to;

	d->state = DIAL_RACING;
	while (next_address(d, &to)) {
		if (!attempt(d, d->n++, &to))
			continue;
		/* Without memory for the timer the next attempt waits for this one's failure. */
		loop_timer(d->dialer->loop, &d->pace, DIAL_ATTEMPT_DELAY);
		return;
	}
	if (is_waiting(d) && (d->pace.pos || loop_timer(d->dialer->loop, &d->pace, d->req.again_ns)))
		return;
	loop_timer_stop(d->dialer->loop, &d->pace);
	if (d->pending == 0 && resolve_finished(&d->names))
		finish(d, verdict(d), -1, NULL, -ZT_E_CANCELLED);
}

/* RFC 8305 section 3: what to do with what is known by now. */
static void look(struct dial *d)
{
	const struct resolve_part *v6 = &d->names.part[RESOLVE_V6];

	if (!d->named && any_address(d)) {
		d->named = true;
		d->dns_ns = since_start(d);
	}
	if (d->state == DIAL_RACING) {
		/* An attempt under way paces the rest; if its timer has run out of addresses
		 * meanwhile, the new ones need not wait. */
		if (d->pace.pos == 0)
			race(d);
	} else if (v6->done || resolve_finished(&d->names)) {
		if (any_address(d) || resolve_finished(&d->names))
			race(d);
	} else if (d->state == DIAL_RESOLVING && any_address(d)) {
		d->state = DIAL_WAITING;
		if (!loop_timer(d->dialer->loop, &d->pace, DIAL_RESOLUTION_DELAY))
			race(d);
	}
}

static void names_update(struct resolve *names)
{
	look(CONTAINER_OF(names, struct dial, names));
}

/* The start (when the answer was at hand), the end of the resolution delay, or of the delay
 * between attempts: all mean "look again", the last two without waiting any longer. */
static void pace_timer(struct timer *t, uint64_t now_ns)
{
	struct dial *d = CONTAINER_OF(t, struct dial, pace);

	(void)now_ns;
	if (d->state == DIAL_RESOLVING) {
		look(d);
		return;
	}
	if (d->state == DIAL_RACING && is_waiting(d))
		attempt_again(d);
	race(d);
}

static void deadline_timer(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	finish(CONTAINER_OF(t, struct dial, deadline), -ZT_E_TIMEOUT, -1, NULL, -ZT_E_TIMEOUT);
}

static int set_timers(struct dial *d)
{
	struct loop *l = d->dialer->loop;

	d->pace.fire = pace_timer;
	d->deadline.fire = deadline_timer;
	return loop_timer(l, &d->deadline, d->req.timeout_ns) && loop_timer(l, &d->pace, 0) ? 0
											     : -ZT_E_NOMEM;
}

int dial_start(struct dialer *dr, const struct dial_req *req, struct dial **out)
{
	struct dial *d = pool_get(&dr->pool);
	int rc;

	ZT_ASSERT(req->port && req->timeout_ns && req->done);
	if (d == NULL)
		return -ZT_E_FULL;
	d->dialer = dr;
	d->req = *req;
	d->req.host = SPAN_NONE;
	d->began = loop_now(dr->loop);
	d->names.update = names_update;
	rc = set_timers(d);
	if (rc == 0)
		rc = resolve_start(dr->resolver, &d->names, req->host);
	if (rc < 0) {
		loop_timer_stop(dr->loop, &d->pace);
		loop_timer_stop(dr->loop, &d->deadline);
		pool_put(&dr->pool, d);
		return rc;
	}
	d->next = dr->running;
	if (dr->running)
		dr->running->prev = d;
	dr->running = d;
	*out = d;
	return 0;
}

void dialer_free(struct dialer *d)
{
	if (d == NULL)
		return;
	while (d->running)
		dial_cancel(d->running);
	pool_free(&d->pool);
	free(d);
}
