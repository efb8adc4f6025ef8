/*
 * edge: what the files of the edge's worker share. Nobody else includes this.
 *
 *   edge.c      the supervisor's side: listeners, children, files
 *   worker.c    the life of the worker; site.c: a configuration made ready to be asked
 *   front.c     a connection of the public port until it is known what it is, then a web connection between requests
 *   exchange.c  one request and its answer
 *   upstream.c  a way to an origin: a stream of a tunnel, or a local connection; kept for the next request
 *   tunnel.c    a connector's connection: is it let in, what it announced, which rule serves a name
 *   raw.c       bytes passed on unread: ports of services, names in sni, zt-enrol/1
 *   redirect.c  the plain port
 */
#ifndef ZT_EDGE_H
#define ZT_EDGE_H

#include "base/pool.h"
#include "decide/forward.h"
#include "decide/grant.h"
#include "decide/ingress.h"
#include "decide/policy.h"
#include "io/bufs.h"
#include "io/child.h"
#include "io/dial.h"
#include "io/doors.h"
#include "io/mux.h"
#include "io/tls.h"
#include "serve/keepline.h"

enum { EDGE_LINK_ID_KEEPER = KEEPER_LINK_TLSD, EDGE_LINK_KEEPER, EDGE_LINK_WEB, EDGE_LINK_ID }; /* numbers of the links */

struct front;
struct tunnel;

/* A configuration as the worker asks it: immutable, rebuilt with each epoch. Whoever outlives a turn holds it
 * (site_hold()), so strings of its conf live on with it. */
struct site {
	unsigned users;
	const struct conf *conf;    /* a copy of its own: child.c frees its one at the next commit */
	uint32_t epoch;
	struct policy_rules rules;  /* index = that in tls_plan.server[] */
	struct grant grant[BOUND_CAP(BOUND_GRANTS)];
	size_t grants;
	struct status_limits stale;
};
struct site *site_hold(struct site *s);
void site_drop(struct site *s);
const struct conf_host *site_host(const struct site *s, int host); /* by policy index */

struct edge {
	struct child child;
	struct doors doors;         /* all kinds; door->at tells them apart: site.c's door_kind() */
	struct resolver *resolver;
	struct dialer *dialer;
	struct tls_world *web, *id; /* hosts and local origins; tunnels. id is NULL without an identity */
	struct bufs *bufs;
	struct keepline *keep;      /* NULL without an identity */
	struct site *site;          /* in force */
	struct pool fronts, exchanges, heads, upstreams, raws, redirects;
	struct front *first_front;
	struct tunnel *first_tunnel;
	uint64_t seq;               /* of request ids, with a random prefix: request_id() */
	uint8_t prefix[8];
	struct {
		uint64_t accepted, requests, answered, refused, upgraded, bytes_in, bytes_out, retried;
		uint64_t tunnels_in, tunnels_refused, streams, raw;
	} n;
};

#define EDGE_ID 27 /* 26 characters and NUL */
void edge_request_id(struct edge *e, char out[static EDGE_ID]); /* unique, not to be guessed */
int64_t edge_now(const struct edge *e); /* wall clock in seconds, never before the newest status list */
/* One line of JSON to where logs go, as it is (serve/accesslog). */
void edge_access(struct edge *e, struct span line);
/* Nothing lives any more while draining: child_drained(). */
void edge_one_less(struct edge *e);

/* ---- front.c: doors hand it every connection of the public port ------------------------------------- */
void front_accepted(struct edge *e, int fd, const struct addr *peer);
/* Another configuration or status list: each live one is judged again, and ended when it would not be let in now;
 * idle ones that showed a certificate under an older configuration are closed. */
void fronts_rejudge(struct edge *e);
void fronts_drain(struct edge *e);   /* idle ones are closed, the others after what runs */
void fronts_end(struct edge *e);     /* the process is about to end */

/* ---- tunnel.c ---------------------------------------------------------------------------------------- */
/* The hello of zt-tunnel/1 has been read, not answered: fd and what was read are the tunnel's now. */
void tunnel_accepted(struct edge *e, int fd, const struct addr *peer, struct span before);
/* Where a request for host and path goes: the answer is for the evaluator. *t and *rule (of t's table) with
 * ROUTE_CONNECTOR, ROUTE_ANSWER. Least streams first among those that serve the name alike. `not`: not this one
 * (a second try); NULL. kinds: bits 1 << enum rule_kind that will do. */
struct tunnel_route {
	struct tunnel *t;
	const struct rule *rule;    /* valid until the loop's next turn */
	uint16_t number;
	uint32_t epoch;
	const char *connector;      /* id, for logs; as rule */
};
enum policy_route tunnels_route(struct edge *e, struct span host, struct span path, unsigned kinds,
				const struct tunnel *not, struct tunnel_route *out);
/* As stream_open(), with what was looked up; o needs name, peer, local, request, serial. */
struct stream *tunnel_open(const struct tunnel_route *r, struct frame_open *o, const struct duct_user *u, void *owner, int *rc);
void tunnels_rejudge(struct edge *e); /* another configuration (grants) or status list */
void tunnels_drain(struct edge *e);
void tunnels_end(struct edge *e);
size_t tunnels_ready(const struct edge *e); /* let in and announced: for health */
void tunnels_counters(const struct edge *e, struct wr *out);

/* ---- raw.c -------------------------------------------------------------------------------------------- */
/* An accepted connection of a service's own port. */
void raw_accepted(struct edge *e, const struct conf_service *s, int fd, const struct addr *peer);
/* A hello whose name is in some sni, or of zt-enrol/1: true when it is taken: fd and the bytes are raw's now. */
bool raw_passes(struct edge *e, const struct hello *h, struct span *service); /* would be taken, and by which section */
void raw_passed(struct edge *e, const struct hello *h, int fd, const struct addr *peer, struct span before);
void raws_rejudge(struct edge *e); /* services that are gone: their connections are ended */
void raws_drain(struct edge *e);
void raws_end(struct edge *e);

/* ---- redirect.c --------------------------------------------------------------------------------------- */
void redirect_accepted(struct edge *e, int fd, const struct addr *peer);
void redirects_end(struct edge *e);

#endif
