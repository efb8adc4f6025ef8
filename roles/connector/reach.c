/*
 * reach: see reach.h. Owns the socket and its TLS until the owner is told that they are gone; never reads or writes
 * what a visitor and an origin say to each other, and never decides which origin is tried.
 *
 *   IDLE -> DIAL -> SHAKE -> OPEN     IDLE again after each end, when the loop has let the source go
 *       \_______\_____-> FAILED       and STOPPED when it is the owner who ends it
 */
#include "reach.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

#if defined(__GNUC__) && !defined(__clang__)
/* Its analyzer loses what stays with the caller. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

enum { IDLE, DIAL, SHAKE, OPEN, FAILED, STOPPED };

struct reach_tls {
	struct tls tls;
	char words[FRAME_TEXT - 160]; /* why it failed, with room for the names of rule and origin before that */
};

_Static_assert(sizeof(struct reach_tls) + 16 <= REACH_TLS, "a share of memory counts with it");

/* Dead origins behind a router that forgot them are noticed after about three minutes. Unsent bytes as in edge/arrive.c. */
static const struct net_tune tune = {.nodelay = true, .idle_s = 120, .interval_s = 15, .probes = 4, .notsent_lowat = 131072};

const struct ingress_way *reach_way(const struct reach *r)
{
	return &r->ways->set.way[r->rule];
}

const char *reach_service(const struct reach *r)
{
	return conf_text(&reach_way(r)->conf->service, r->origin);
}

static const struct service *at(const struct reach *r)
{
	return &reach_way(r)->origin[r->origin].at;
}

/* ---- ends -------------------------------------------------------------------------------- */

static int note(struct reach *r, enum frame_reset code, const char *words)
{
	r->way.code = (uint16_t)code;
	r->way.words = words;
	return -ZT_E_CLOSED;
}

/* Its memory goes with the source: we may be in its callback. */
static void drop_tls(struct reach *r)
{
	if (r->tls && r->tls->tls.state != TLS_IDLE)
		tls_free(&r->tls->tls);
	if (r->tls)
		r->tls->tls = (struct tls){0};
}

/* Only what has a source: failed() comes when the loop has let it go. A handshake is cancelled now: its line to tlsd
 * may speak once more in this turn. */
static void fail(struct reach *r, enum frame_reset code, const char *words)
{
	if (r->phase >= FAILED)
		return;
	note(r, code, words);
	r->phase = FAILED;
	r->c->n.failed++;
	loop_timer_stop(r->c->child.loop, &r->way.limit);
	drop_tls(r);
	loop_close(&r->src);
}

bool reach_is_open(const struct reach *r)
{
	return r->phase == OPEN;
}

bool reach_tells(const struct reach *r)
{
	return r->way.code != RESET_FULL && r->way.code != RESET_RULE && !(r->way.code == RESET_TIMEOUT && r->way.dial_ms);
}

static int note_rc(struct reach *r, int rc)
{
	return note(r, frame_reset_of(rc), rc == -ZT_E_FULL ? "too many connections are being opened" :
					 rc == -ZT_E_NOTFOUND ? "there is no such socket" :
					 rc == -ZT_E_DENIED ? at(r)->is_unix ? "a symbolic link of somebody else's is on the way to this socket" :
					 "its name leads to a link-local address, or a name server leads it to this machine's own: such an address "
					 "counts only where it is written itself" :
					 rc == -ZT_E_CANCELLED ? "the configuration has changed" : err_text((enum zt_err)-rc));
}

/* The answer that is still to come finds nobody. */
static void not_asked(struct reach *r)
{
	for (struct reach **at = &r->c->asked; *at; at = &(*at)->way.next)
		if (*at == r) {
			*at = r->way.next;
			break;
		}
}

static void stop_dial(struct reach *r)
{
	if (r->way.dial)
		dial_cancel(r->way.dial);
	else
		not_asked(r);
	r->way.dial = NULL;
}

bool reach_stop(struct reach *r)
{
	if (r->phase == DIAL)
		stop_dial(r);
	if (r->phase == DIAL || r->phase == SHAKE) /* else there is none, or its place is the duct's */
		loop_timer_stop(r->c->child.loop, &r->way.limit);
	if (r->phase == IDLE || r->phase == DIAL) {
		r->phase = IDLE;
		return true;
	}
	if (r->phase == OPEN)
		sockduct_stop(&r->duct);
	drop_tls(r); /* its world may end before the loop */
	loop_close(&r->src);
	r->phase = STOPPED;
	return false;
}

static void src_reap(struct source *s)
{
	struct reach *r = CONTAINER_OF(s, struct reach, src);
	bool failed = r->phase == FAILED;
	struct reach_tls *had = r->tls; /* it has the words */

	drop_tls(r);
	r->tls = NULL;
	r->phase = IDLE;
	if (failed)
		r->cls->failed(r);
	else
		r->cls->gone(r);
	free(had);
}

/* ---- open -------------------------------------------------------------------------------- */

static void go_open(struct reach *r)
{
	loop_timer_stop(r->c->child.loop, &r->way.limit);
	r->phase = OPEN;
	r->duct = (struct sockduct){0};
	sockduct_start(&r->duct, r->c->bufs, &r->src, r->tls ? &r->tls->tls : NULL, r->cls->user, SPAN_NONE);
	r->cls->opened(r);
}

static unsigned src_wants(const struct source *s)
{
	const struct reach *r = CONTAINER_OF(s, struct reach, src);

	return r->phase == SHAKE && r->tls ? tls_wants(&r->tls->tls) : r->phase == OPEN ? sockduct_wants(&r->duct) : 0;
}

static void src_ready(struct source *s, unsigned events)
{
	struct reach *r = CONTAINER_OF(s, struct reach, src);

	if (r->phase == SHAKE && r->tls)
		tls_shake_ready(&r->tls->tls, events);
	else if (r->phase == OPEN)
		sockduct_ready(&r->duct, events);
}

static const struct source_class src_class = {"origin", src_wants, src_ready, src_reap};

/* ---- TLS --------------------------------------------------------------------------------- */

static bool same_plan(const struct tls_client_plan *a, const struct tls_client_plan *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->ca, b->ca) == 0 && a->npins == b->npins &&
	       memcmp(a->pins, b->pins, sizeof a->pins) == 0 && a->insecure_any == b->insecure_any;
}

/* Handshakes go by the plans in force, and an older configuration's rule may have another index there, or be met in
 * another way by now: then there is none for it. */
static int plan_now(const struct reach *r)
{
	const struct tls_plan *old = r->ways->plan, *now = r->c->ways->plan;
	int was = tls_plan_origin(old, r->rule);

	if (r->ways == r->c->ways || was < 0)
		return was;
	for (size_t i = TLS_PLAN_EDGE + 1; i < now->clients; i++)
		if (same_plan(&old->client[was], &now->client[i]))
			return (int)i;
	return -1;
}

static void tls_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct reach *r = CONTAINER_OF(t->src, struct reach, src);

	(void)chain;
	(void)n;
	/* It may have waited for a key process while another configuration came. */
	if (r->way.plan_epoch != r->c->ways->epoch && plan_now(r) != r->way.plan)
		fail(r, RESET_RULE, "the configuration has changed");
	else
		go_open(r);
}

static void tls_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct reach *r = CONTAINER_OF(t->src, struct reach, src);

	span_to_cstr(span_sub(span_str(words), 0, sizeof r->tls->words - 1), r->tls->words, sizeof r->tls->words);
	fail(r, f == TLSF_LATE ? RESET_TIMEOUT : f == TLSF_BUSY ? RESET_FULL : RESET_TLS, r->tls->words);
}

static const struct tls_class tls_class = {tls_opened, tls_failed, NULL};

static void limit_fire(struct timer *t, uint64_t now)
{
	(void)now;
	fail(CONTAINER_OF(t, struct reach, way.limit), RESET_TIMEOUT, "its TLS handshake was not over in time");
}

/* server_name, else the host as written; an address is checked as one. A unix socket has neither. */
static void shake(struct reach *r)
{
	struct span host = at(r)->is_unix ? span_str(r->way.name) : at(r)->host;
	struct addr ip = {0};
	bool literal = addr_parse_ip(host, &ip) == 0;
	const char *told = reach_way(r)->conf->server_name;
	struct tls_connect req = {.name = told[0] ? span_str(told) : literal ? SPAN_NONE : host,
				  .ip = literal ? &ip : NULL};
	int rc;

	r->way.plan = plan_now(r);
	if (r->way.plan < 0) {
		fail(r, RESET_RULE, "the configuration has changed");
		return;
	}
	r->way.plan_epoch = r->c->ways->epoch;
	req.plan = (uint16_t)r->way.plan;
	r->phase = SHAKE;
	r->way.limit.fire = limit_fire;
	r->tls = calloc(1, sizeof *r->tls);
	rc = r->tls == NULL ? -ZT_E_NOMEM : tls_connect(&r->tls->tls, r->c->tls, &tls_class, &r->src, &req);
	if (rc == 0 && !loop_timer(r->c->child.loop, &r->way.limit, reach_way(r)->tls_ms * NS_PER_MS))
		rc = -ZT_E_NOMEM;
	if (rc < 0)
		fail(r, RESET_FULL, rc == -ZT_E_FULL ? "too many handshakes are running" : err_text((enum zt_err)-rc));
	else
		loop_touch(&r->src);
}

/* ---- the dial ---------------------------------------------------------------------------- */

/* A new socket has room for its few bytes: what does not fit at once will not fit. */
static bool say_proxy(const struct reach *r)
{
	enum conf_proxy version = reach_way(r)->conf->proxy;
	struct proxyhdr h = {0};
	uint8_t mem[PROXYHDR_WRITE];
	struct wr w = wr_of(mem, sizeof mem);

	if (version == CONF_PROXY_NO)
		return true;
	if (r->cls->visitor)
		r->cls->visitor(r, &h);
	h.version = version == CONF_PROXY_V1 ? 1 : 2;
	h.local = h.from.family == 0;
	proxyhdr_write(&w, &h);
	return !w.full && send(r->src.fd, mem, w.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)w.n;
}

static void connected(struct reach *r, int fd)
{
	r->way.dial = NULL;
	r->phase = IDLE;
	loop_timer_stop(r->c->child.loop, &r->way.limit);
	r->src = (struct source){.cls = &src_class, .fd = fd};
	if (loop_add(r->c->child.loop, &r->src) < 0) {
		close(fd);
		note_rc(r, -ZT_E_NOMEM);
		r->cls->failed(r);
		return;
	}
	r->phase = SHAKE; /* there is a source now; it wants nothing until its TLS has begun */
	if (!say_proxy(r))
		fail(r, RESET_ORIGIN, "it took no PROXY header");
	else if (at(r)->tls)
		shake(r);
	else
		go_open(r);
}

static void not_connected(struct reach *r, int rc)
{
	r->way.dial = NULL;
	r->phase = IDLE;
	r->c->n.failed++;
	loop_timer_stop(r->c->child.loop, &r->way.limit);
	note_rc(r, rc);
	r->cls->failed(r);
}

static void on_dialled(void *owner, const struct dial_result *d)
{
	if (d->rc == 0)
		connected(owner, d->fd);
	else
		not_connected(owner, d->rc);
}

/* ---- a socket file: the supervisor connects ------------------------------------------------ */

void reach_dialled(struct connector *c, uint32_t id, int fd)
{
	struct reach *r = c->asked;

	while (r && r->way.id != id)
		r = r->way.next;
	if (r == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	not_asked(r);
	if (fd >= 0)
		connected(r, fd);
	else
		not_connected(r, fd);
}

static void no_answer(struct timer *t, uint64_t now)
{
	struct reach *r = CONTAINER_OF(t, struct reach, way.limit);

	(void)now;
	not_asked(r);
	not_connected(r, -ZT_E_TIMEOUT);
}

static int ask_for_file(struct reach *r, uint64_t ns)
{
	struct connector *c = r->c;
	int rc;

	if (r->ways != c->ways)
		return -ZT_E_CANCELLED;
	r->way.limit.fire = no_answer;
	r->way.id = ++c->asked_id;
	if (!loop_timer(c->child.loop, &r->way.limit, ns))
		return -ZT_E_NOMEM;
	rc = child_dial(&c->child, r->way.id, r->rule, r->origin);
	if (rc < 0) {
		loop_timer_stop(c->child.loop, &r->way.limit);
		return rc;
	}
	r->way.next = c->asked;
	c->asked = r;
	return 0;
}

static bool may_dial(void *owner, const struct addr *to)
{
	const struct reach *r = owner;

	return outside_may_dial(&r->c->out, at(r)->host, to);
}

int reach_start(struct reach *r)
{
	const struct service *s = at(r);
	uint64_t ms = reach_way(r)->connect_ms;
	struct dial_req req = {.host = s->host, .port = s->port, .tune = &tune, .allow = may_dial, .done = on_dialled,
				.owner = r};
	int rc;

	ZT_ASSERT(r->phase == IDLE);
	req.timeout_ns = (r->way.dial_ms ? num_min64(r->way.dial_ms, ms) : ms) * NS_PER_MS;
	r->c->n.dials++;
	rc = s->is_unix ? ask_for_file(r, req.timeout_ns) : dial_start(r->c->out.dialer, &req, &r->way.dial);
	if (rc < 0)
		return note_rc(r, rc);
	r->phase = DIAL;
	return 0;
}
