/*
 * arrive: a connection before it is anything. Who comes from a proxy of [edge] proxy_from must send a PROXY header
 * (docs of the protocol: haproxy's), on every door, in the time of a handshake; from anybody else none is looked
 * for. Not a byte behind the header is read here, so the descriptor alone is handed on.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "edge.h"
#include "wire/proxyhdr.h"

/* Visitors behind a router that forgot them are noticed after about three minutes. No more waits unsent than a window that is
 * small: of what one does not take the kernel would hold megabytes, which no bound of ours counts; and a buffer that fills
 * looks like somebody who reads fast, and the stream's window grows for nothing. */
static const struct net_tune visitors = {.nodelay = true, .idle_s = 120, .interval_s = 15, .probes = 4, .notsent_lowat = 131072};

struct arriving {
	struct source src;
	struct timer limit;
	struct arriving *prev, *next;
	struct edge *e;
	struct addr at, peer;
	bool over;
	size_t n;
	uint8_t head[PROXYHDR_MOST];
};

/* ---- how many are his ------------------------------------------------------------------------ */

/* Networks that fall on one number share its places: with a key nobody can choose whose. */
bool edge_comes(struct edge *e, const struct addr *user, uint16_t **seat)
{
	uint8_t hash[SHA256_LEN];
	struct rd r;
	uint16_t *n;

	*seat = NULL;
	if (addr_is_loopback(user))
		return true;
	sha256_two(span_of(e->crowd.key, sizeof e->crowd.key), span_of(user->ip, user->family == 6 ? 8 : 4), hash);
	r = rd_of(span_of(hash, sizeof hash));
	n = &e->crowd.n[rd_be32(&r) % ARRAY_LEN(e->crowd.n)];
	if (*n >= edge_share(e->site->conf, e->site->conf->edge.max_conns) / 8 + 8) {
		e->n.refused++;
		return false;
	}
	++*n;
	*seat = n;
	return true;
}

void edge_leaves(uint16_t *seat)
{
	if (seat)
		--*seat;
}

void edge_tune(int fd)
{
	net_tune(fd, &visitors); /* a socket that cannot be tuned is about to say why by itself */
}

/* ---- to its door ----------------------------------------------------------------------------- */

static void arrived(struct edge *e, const struct addr *at, int fd, const struct arrival *a)
{
	const struct conf_service *service;

	switch (door_kind(e->site, at, &service)) {
	case DOOR_PUBLIC:
		front_accepted(e, fd, a);
		break;
	case DOOR_HTTP:
		redirect_accepted(e, fd);
		break;
	case DOOR_HEALTH:
		health_accepted(e, fd);
		break;
	case DOOR_SERVICE:
		raw_accepted(e, service, fd, &a->user);
		break;
	case DOOR_GONE:
		close(fd);
		break;
	}
}

/* ---- the header ------------------------------------------------------------------------------ */

/* How many bytes are certain to be the header's: the shortest line has 15, version 2 says its length in bytes 14
 * and 15, and a line is read byte by byte: there is one for each connection of a proxy. */
static size_t sure(const struct arriving *a)
{
	struct rd r = rd_of(span_of(a->head, a->n));

	if (a->n < 15)
		return 15 - a->n;
	if (a->head[0] != '\r')
		return 1;
	if (a->n < 16)
		return 16 - a->n;
	rd_bytes(&r, 14);
	return 16u + rd_be16(&r) - a->n;
}

static void leave(struct arriving *a)
{
	struct edge *e = a->e;

	if (a->over)
		return;
	a->over = true;
	loop_timer_stop(e->child.loop, &a->limit);
	*(a->prev ? &a->prev->next : &e->first_arriving) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	loop_close(&a->src);
}

static void refuse(struct arriving *a, const char *why)
{
	char peer[ADDR_TEXT];

	LOG(&a->e->child.log, LOG_WARN, "a proxy's connection was refused", LF_STR("peer", addr_text(&a->peer, peer)),
	    LF_STR("why", why));
	a->e->n.refused++;
	leave(a);
}

static void hand_on(struct arriving *a, const struct proxyhdr *h)
{
	struct arrival to = {.peer = a->peer, .user = h->local ? a->peer : h->from,
			     .local = h->local ? net_local(a->src.fd) : h->to};
	int fd = a->src.fd;

	a->src.keep_fd = true;
	leave(a);
	arrived(a->e, &a->at, fd, &to);
}

static void arriving_ready(struct source *s, unsigned events)
{
	struct arriving *a = CONTAINER_OF(s, struct arriving, src);
	struct proxyhdr h;
	int rc = ZT_MORE;

	(void)events;
	while (rc == ZT_MORE) {
		size_t want = num_min(sure(a), sizeof a->head - a->n);
		ssize_t n = recv(s->fd, &a->head[a->n], want, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			leave(a); /* also a proxy that only looks whether we are there */
			return;
		}
		a->n += (size_t)n;
		rc = proxyhdr_read(span_of(a->head, a->n), &h);
	}
	if (rc < 0)
		refuse(a, "it is one of proxy_from, and its first bytes are no PROXY header");
	else
		hand_on(a, &h);
}

static void arriving_reap(struct source *s)
{
	struct arriving *a = CONTAINER_OF(s, struct arriving, src);
	struct edge *e = a->e;

	pool_put(&e->arrivals, a);
	edge_one_less(e);
}

static const struct source_class arriving_class = {"proxy", loop_wants_in, arriving_ready, arriving_reap};

static void on_limit(struct timer *t, uint64_t now)
{
	(void)now;
	refuse(CONTAINER_OF(t, struct arriving, limit), "its PROXY header did not come in time");
}

static void expect_header(struct edge *e, const struct addr *at, int fd, const struct addr *peer)
{
	struct arriving *a;

	if (e->arrivals.bounds == NULL)
		pool_init(&e->arrivals, &e->child.bounds, BOUND_EDGE_CONNS, sizeof *a);
	a = pool_get(&e->arrivals);
	if (a == NULL) {
		close(fd);
		return;
	}
	*a = (struct arriving){.e = e, .at = *at, .peer = *peer, .limit.fire = on_limit,
			       .src = {.cls = &arriving_class, .fd = fd}};
	if (loop_add(e->child.loop, &a->src) < 0) {
		close(fd);
		pool_put(&e->arrivals, a);
		return;
	}
	a->next = e->first_arriving;
	if (a->next)
		a->next->prev = a;
	e->first_arriving = a;
	if (!loop_timer(e->child.loop, &a->limit, e->site->conf->tls.handshake_ms * NS_PER_MS))
		leave(a);
}

void edge_arrived(struct edge *e, const struct addr *at, int fd, const struct addr *peer)
{
	struct arrival a = {.peer = *peer, .user = *peer};

	e->n.accepted++;
	for (size_t i = 0; i < e->site->proxies; i++)
		if (cidr_has(&e->site->proxy[i], peer)) {
			expect_header(e, at, fd, peer);
			return;
		}
	a.local = net_local(fd);
	arrived(e, at, fd, &a);
}

void arrivals_end(struct edge *e)
{
	while (e->first_arriving)
		leave(e->first_arriving);
}
