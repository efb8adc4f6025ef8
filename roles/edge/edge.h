/*
 * edge: what the files of the edge's worker share. Nobody else includes this.
 *
 *   edge.c      the supervisor's side: listeners, children, files
 *   worker.c    the life of the worker; site.c: a configuration made ready to be asked
 *   arrive.c    a connection before anything: the PROXY header of a proxy that must send one, then to its door
 *   front.c     a connection of the public port until it is known what it is, then a web connection between requests;
 *               fronts.c: all of them
 *   standing.c  what a visitor's certificate says, and the status list of it
 *   exchange.c  one request: its phases, its ends; exchange_head.c: heads as they come in; exchange_way.c: what is
 *               decided, and where it goes; exchange_pass.c: heads and bodies, both ways; exchange_say.c: answers of our
 *               own, the log
 *   upstream.c  a way to an origin: a stream of a tunnel, or a local connection (upstream_local.c); kept for the next
 *               request
 *   tunnel.c    a connector's connection: is it let in, what it announced; tunnels.c: which of all serves a name
 *   raw.c       bytes passed on unread: ports of services, names in sni, zt-enrol/1; raws.c: all of them
 *   held.c      who waits for a tunnel, of a worker that has begun a moment ago
 *   room.c      how much of everything there may be, and when it is scarce
 *   redirect.c  the plain port, and that for health
 *   peers.c     the other workers: a connector's connection that is for one of them, how they are
 */
#ifndef ZT_EDGE_H
#define ZT_EDGE_H

#include "base/crypto.h"
#include "base/pool.h"
#include "decide/forward.h"
#include "decide/grant.h"
#include "decide/ingress.h"
#include "decide/policy.h"
#include "io/bufs.h"
#include "io/child.h"
#include "io/doors.h"
#include "io/mux.h"
#include "io/outside.h"
#include "io/tls.h"
#include "serve/keeper.h"
#include "serve/keepline.h"
#include "serve/monitor.h"
#include "serve/plainport.h"

enum { EDGE_LINK_ID_KEEPER = KEEPER_LINK_TLSD, EDGE_LINK_KEEPER, EDGE_LINK_WEB, EDGE_LINK_ID, EDGE_LINK_PEER };
/* of the links */

struct front;
struct tunnel;
struct raw;

#define SITE_CAS 24 /* three anchors, of which a roll-over has two, and room */

/* A configuration as the worker asks it: immutable, rebuilt with each epoch. Whoever outlives a turn holds it
 * (site_hold()), so strings of its conf live on with it. */
struct site {
	unsigned users;
	const struct conf *conf;    /* held: conf_hold() */
	uint32_t epoch;
	struct policy_rules rules;  /* index = that in tls_plan.server[] */
	struct grant grant[BOUND_CAP(BOUND_GRANTS)];
	size_t grants;
	struct status_limits stale;
	struct cidr proxy[BOUND_CAP(BOUND_CONF_LIST)]; /* who comes from there sends a PROXY header */
	size_t proxies;
	/* site.c's own */
	struct policy_host host[BOUND_CAP(BOUND_HOSTS)];
	const struct conf_host *section[BOUND_CAP(BOUND_HOSTS)];
	struct site_ca { char id[CERT_CA_ID + 1]; } ca[SITE_CAS];
	size_t cas;
	uint8_t demand[BOUND_CAP(BOUND_HOSTS)][SHA256_LEN]; /* of the text of client_ca */
};
/* Holds c. The epoch is said when it is in force. -ZT_E_NOMEM. Of one user. */
int site_new(struct site **out, const struct conf *c);
/* The authorities of a file of the identity: status lists speak of what they issued. */
int site_trust(struct site *s, struct span pem, const char *file, struct why *w);
/* Whose certificates count at each host, out of a bundle that was checked. */
void site_demands(struct site *s, struct span bundle);
bool site_same_cas(const struct site *now, int plan, const struct site *then, unsigned was);
/* The rest of what a host asks of a certificate: whether, and of which roles. */
bool site_same_demands(const struct site *now, int plan, const struct site *then, unsigned was);
struct site *site_hold(struct site *s);
void site_drop(struct site *s); /* NULL is allowed */
const struct conf_host *site_host(const struct site *s, int host); /* by policy index; NULL: there is none */
/* The host that serves this SNI ("": peers that send none), as tls_pick() chooses; -1: none. */
int site_sni(const struct site *s, struct span name);
/* A connection is of its host by the section's name: where that of `then` is now; -1: it is gone. plan: UINT_MAX too. */
int site_again(const struct site *now, const struct site *then, unsigned plan);
/* The [service] whose sni this name is of; NULL. */
const struct conf_service *site_service(const struct site *s, struct span name);
/* Where `was` is now, if it leads where it led; NULL: it does not. Who came by it came to local, or, where that is NULL, by
 * this sni. */
const struct conf_service *site_service_again(const struct site *now, const struct conf_service *was, const struct addr *local,
					      struct span sni);
/* Is this an authority of ours? ca: of zt://<ca>/<role>/<id>. */
bool site_lists(const struct site *s, struct span ca);

/* Is it still listened where this connection came in? */
bool site_listens(const struct site *s, const struct addr *local);

/* What an address that is listened on is for. */
enum door_kind { DOOR_PUBLIC, DOOR_HTTP, DOOR_SERVICE, DOOR_HEALTH, DOOR_GONE };
enum door_kind door_kind(const struct site *s, const struct addr *at, const struct conf_service **service);
/* Every one of them, in the order in which they are bound. */
size_t edge_listen(const struct conf *c, struct addr out[static BOUND_CAP(BOUND_LISTENERS)]);

struct edge {
	struct child child;
	struct doors doors;         /* all kinds; door->at tells them apart: site.c's door_kind() */
	struct outside out;
	struct tls_world *web, *id; /* hosts and local origins; tunnels. id is NULL without an identity */
	struct bufs *bufs;
	struct keepline *keep;      /* NULL without an identity */
	struct site *site;          /* in force */
	const struct tls_plan *plan; /* web's, of the same configuration */
	/* Whoever uses a pool inits it, at its first use (pool.bounds is NULL before); the worker frees it. */
	struct pool fronts, exchanges, upstreams, raw_ways, locals, raws, arrivals;
	struct desk *desk;          /* exchange.c's: where heads are read and written, memory of requests that are over */
	struct local *first_local;  /* upstream_local.c's: connections to local origins */
	struct kept {
		struct web_way *oldest, *newest;
	} kept;                     /* upstream.c's: ways that no request uses just now */
	struct arriving *first_arriving;
	struct fronts {
		struct front *first, *last;
	} idle, busy;               /* between requests, longest first; all others */
	struct plainport plain;
	struct mux *muxes;                  /* of the tunnels: mux_opts.kin */
	struct tunnel *first_tunnel;
	struct peers *peers;        /* NULL: there is no other worker, or none was up yet */
	struct timer raw_time;      /* raws.c's: of the first that ends of silence, or because its service is gone */
	struct crowd {
		uint8_t key[16];    /* random */
		uint16_t n[1024];   /* arrive.c's: visitors of each network, by a hash of it */
	} crowd;
	uint8_t prefix[8];          /* random, of this process: what its hello to connectors says */
	uint8_t lots[256];          /* random, for request ids; those before lot are used up */
	size_t lot;
	struct {
		struct timer look;
		uint64_t until, next;
		bool on;
	} held;                     /* held.c's */
	bool tunnels_told;          /* it yields, and no visitor is left */
	struct edge_lines {         /* of the access log, until the end of the turn; one write of a pipe's at most */
		struct timer later;
		size_t n, lines;
		uint8_t mem[BOUND_CAP(BOUND_LOG_LINE)];
	} lines;
	struct {
		uint64_t accepted, requests, answered, refused, upgraded, bytes_in, bytes_out, retried;
		uint64_t tunnels_in, tunnels_refused, streams, raw, redirected, slow;
	} n;
};

#define EDGE_ID 27 /* 26 characters and NUL */
void edge_request_id(struct edge *e, char out[static EDGE_ID]); /* unique, not to be guessed */
int64_t edge_now(const struct edge *e); /* wall clock in seconds, never before the newest status list */
/* One line of JSON (serve/accesslog) to where logs go, as it is, with the others of this turn. */
void edge_access(struct edge *e, struct span line);
/* Nothing lives any more while draining: child_drained(). */
void edge_one_less(struct edge *e);

/* ---- arrive.c: doors hand it every connection ---------------------------------------------------------- */
struct arrival {
	struct addr peer, user, local; /* of the socket; whose address counts; where it arrived. Without a PROXY header
					* user is peer */
};
void edge_arrived(struct edge *e, const struct addr *at, int fd, const struct addr *peer); /* at: the door's */
void arrivals_end(struct edge *e);
/* One more connection of a visitor, front's or raw's: *seat is given back with edge_leaves(). false: an eighth of
 * max_conns and a few come from his address (IPv4) or /64 (IPv6) already. Who is on this machine is not counted. */
bool edge_comes(struct edge *e, const struct addr *user, uint16_t **seat);
void edge_leaves(uint16_t *seat); /* NULL is allowed */
void edge_tune(int fd); /* of a visitor */

/* ---- held.c -------------------------------------------------------------------------------------------- */
void held_begin(struct edge *e); /* the worker has begun */
void held_stop(struct edge *e);
/* A tunnel has come, or changed what it serves: who waits for one looks again, in a later turn. */
void edge_tunnels_changed(struct edge *e);
/* Nobody serves his name, who should: may he wait? He is called by fronts_look_again() or raws_look_again(), once at least. */
bool held_take(struct edge *e);
void held_give(struct edge *e, bool *held); /* *held was true: no more */

/* ---- room.c -------------------------------------------------------------------------------------------- */
void room_commit(struct edge *e); /* the caps that this configuration, the memory and the descriptors mean */
/* A quarter of the places is left, of visitors or of the streams of the tunnel that carries it; NULL: of no tunnel. Then
 * who holds one and moves next to nothing gives it up. */
bool room_is_scarce(const struct edge *e, const struct stream *carries);
#define ROOM_SCARCE 6 /* eighths */
/* More than so much is taken: of what ways to origins need; of the streams of one tunnel. */
bool room_is_past(const struct edge *e, unsigned eighths);
bool room_is_past_in(const struct mux *m, unsigned eighths);

/* ---- front.c, fronts.c: every connection of the public port ------------------------------------------------------ */
void fronts_init(struct edge *e);
void front_accepted(struct edge *e, int fd, const struct arrival *a);
/* Another configuration or status list: each live one is judged again, and ended when it would not be let in now;
 * idle ones that showed a certificate under an older configuration are closed. */
void fronts_rejudge(struct edge *e);
void fronts_look_again(struct edge *e); /* requests that wait for a tunnel */
void fronts_drain(struct edge *e);   /* idle ones are closed, the others after what runs */
void fronts_end(struct edge *e);     /* the process is about to end */

/* ---- tunnel.c, tunnels.c ------------------------------------------------------------------------------- */
/* The hello of zt-tunnel/1 has been read, not answered: fd and what was read are the tunnel's now. */
void tunnel_accepted(struct edge *e, int fd, const struct addr *peer, struct span before);
/* Where a request for host and path goes: the answer is for the evaluator. Of each connector that is let in and has
 * a grant for the name, the first rule that matches counts; a rule that names the host comes before a wildcard, a
 * longer one before a shorter, a catch-all last. Among equals decide/pickway picks, by what the grant says.
 *   ROUTE_CONNECTOR, ROUTE_ANSWER   *out is filled, as with ROUTE_ORIGIN_DOWN: all of the best are down
 *   ROUTE_NOT_GRANTED    some rule names the host, of connectors without a grant for it only
 *   ROUTE_NO_CONNECTOR   nobody who is here has a rule, and a grant says that the name is somebody's; also in the place
 *                        of a catch-all's own answer (http_status:404) while a connector of such a grant is away
 *   ROUTE_NONE           it is nobody's, or all rules for it are of other kinds
 */
struct tunnel_ask {
	struct span host, path;
	unsigned kinds;             /* bits 1 << enum rule_kind that will do */
	const struct tunnel *not;   /* not this one (a second try); NULL */
	const struct tunnel *like;  /* this one rather than an equal, whatever it carries; NULL */
};
struct tunnel_route {
	struct tunnel *t;
	const struct rule *rule;    /* valid until the loop's next turn */
	uint16_t number;
	uint32_t epoch;
	const char *connector;      /* id, for logs; as rule */
};
enum policy_route tunnels_route(struct edge *e, const struct tunnel_ask *a, struct tunnel_route *out);
/* As stream_open(), with what was looked up; o needs kind, name, peer, local, request, serial. */
struct stream *tunnel_open(const struct tunnel_route *r, struct frame_open *o, const struct duct_user *u, void *owner, int *rc);
void tunnels_rejudge(struct edge *e); /* another configuration (grants) or status list */
void tunnels_drain(struct edge *e);
void tunnels_again(struct edge *e); /* they are asked to connect to whoever listens here now */
void tunnels_end(struct edge *e);
size_t tunnels_ready(const struct edge *e); /* let in and announced: for health */
void tunnels_counters(const struct edge *e, struct wr *out);

/* ---- raw.c, raws.c --------------------------------------------------------------------------------------- */
/* An accepted connection of a service's own port. */
void raw_accepted(struct edge *e, const struct conf_service *s, int fd, const struct addr *peer);
/* Is it a hello of zt-enrol/1, or one whose name is in some sni? Then raw_passed() may have fd and the bytes. */
bool raw_passes(const struct edge *e, const struct hello *h);
void raw_passed(struct edge *e, const struct hello *h, int fd, const struct addr *peer, struct span before);
void raws_rejudge(struct edge *e); /* services that are gone: their connections are ended */
void raws_look_again(struct edge *e);
void raws_drain(struct edge *e);
void raws_end(struct edge *e);

/* ---- redirect.c --------------------------------------------------------------------------------------- */
void redirect_accepted(struct edge *e, int fd);
void health_serve(struct edge *e, int fd);
bool edge_works(const struct edge *e); /* this worker: could visitors be served? */

/* ---- peers.c ------------------------------------------------------------------------------------------ */
void peers_link(struct edge *e, unsigned index, int fd); /* fd is its own now */
/* A hello of zt-tunnel/1, as tunnel_accepted(): taken here, or handed to the worker that its name says. */
void peers_arrived(struct edge *e, int fd, const struct addr *peer, struct span name, struct span before);
void health_accepted(struct edge *e, int fd); /* served when all workers have said how they are, or soon */
/* As they said last. ours: of this one. */
bool peers_work(const struct edge *e, bool ours);
size_t peers_tunnels(const struct edge *e, size_t ours);
size_t peers_parts(const struct edge *e, struct monitor_part out[static CHILD_PEERS]);
void peers_counters(const struct edge *e, struct wr *out);
void peers_end(struct edge *e);
uint64_t edge_share(const struct conf *c, uint64_t of_all); /* of one worker */

#endif
