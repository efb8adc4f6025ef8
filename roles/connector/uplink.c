/*
 * uplink: the way to one edge, or to one worker of it: what the configuration says, dialled for ever. How many workers
 * an edge has its HELLO says; the first uplink is dialled without a name until then, and there is one for each
 * afterwards, dialled by the worker's name. One leg (leg.h) of it is UP as a rule.
 * One that is old, or that shows a certificate which was renewed, is stale: another one is made beside it, and when
 * that is UP, the stale one is LEFT. Without a leg, one is made after a random time that doubles with every failure.
 * A leg that is not UP soon gets another beside it, as what it has said may be lost for good; who is UP first stays.
 *
 * Allocates uplinks, at most CONF_WORKERS for each of BOUND_CONF_LIST; of legs there are LEGS_MOST for each, and what a reload left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "leg.h"
#include "wire/ipc.h"

#define DIAL_MS 15000
#define AGAIN_NS (500 * NS_PER_MS) /* where nothing answers: the path may be back at any moment */
#define UNHEARD 2             /* a dial that nobody heard of counts as so many failures at most: up to 2 s */
#define RETRY_MS 500          /* the first wait is up to this, */
#define RETRY_MOST_MS 30000   /* none is longer than this */
#define DENIED_RETRIES 5      /* who was told no waits up to 16 s at once */
#define HEALTHY (30 * NS_PER_S) /* a leg that was up for so long: what failed before counts no more */
#define PATIENCE_MS 1000      /* with a leg that is not UP, and up to half of it by chance; twice as long after every */
#define PATIENT 4             /* of them: a far or busy edge is reached in the end, and not asked ever more */
#define PATIENCE_STEPS 3      /* 8 s, and a handshake has 10 */
#define COMING 2              /* legs that are not UP, of one uplink; the older one is given up for a third */
#define SOON NS_PER_S         /* what was told too often may be told again by then */
#define CHORES (5 * NS_PER_S) /* a stale leg's successor is made in one of these turns */
#define ROTATE_GRACE_MS 3600000 /* what still lives on a stale leg after this is cut */
#define LEGS_MOST 4           /* of one edge; when one more is made, the oldest that was left is ended */
#define SHOWN 12              /* uplinks that have counters of their own: one message has to hold all counters */

struct uplink {
	struct connector *c;
	struct uplink *first, *next; /* of this edge: the one in connector.uplink; the next one */
	uint8_t index, count;        /* which of its workers; how many it has said that it has */
	char name[LEG_NAME], host[256];
	uint16_t port;
	struct dial *dial;
	struct timer again;
	bool waits;              /* for the first status list */
	unsigned failed;         /* in a row */
	unsigned begun;          /* legs, since one was UP */
	uint32_t patience_ms;    /* with the newest of them */
	struct addr last;        /* where it was reached; port 0: nowhere yet */
	bool by_last;            /* the dial is for that: the name has no address just now */
	uint64_t retries;
	char why[160];
};

/* ---- what its legs tell ------------------------------------------------------------------- */

/* ---- dialling ------------------------------------------------------------------------------ */

static void after(struct uplink *u, uint32_t ms)
{
	if (!loop_timer(u->c->child.loop, &u->again, ms * NS_PER_MS))
		LOG(&u->c->child.log, LOG_ERROR, "no memory for a timer", LF_STR("edge", u->name)); /* chores look again */
}

void uplink_lost(struct uplink *u, const struct leg *g, const char *why)
{
	struct connector *c = u->c;
	uint64_t most = RETRY_MS;
	uint32_t ms;

	if (g)
		u->last = g->peer;
	if (g && g->up_ns && loop_now(c->child.loop) - g->up_ns >= HEALTHY)
		u->failed = 0;
	for (unsigned i = 0; i < u->failed && most < RETRY_MOST_MS; i++)
		most *= 2;
	ms = random_below((uint32_t)num_min64(most, RETRY_MOST_MS) + 1);
	u->failed += u->failed < 16;
	u->retries++;
	snprintf(u->why, sizeof u->why, "%s", why);
	if (c->child.draining)
		return;
	LOG(&c->child.log, LOG_WARN, "the edge is dialled again", LF_STR("edge", u->name), LF_STR("why", why), LF_U64("in_ms", ms));
	after(u, ms);
}

void uplink_denied(struct uplink *u, const char *why)
{
	u->failed = u->failed < DENIED_RETRIES ? DENIED_RETRIES : u->failed;
	uplink_lost(u, NULL, why);
}

static void dial(struct uplink *u);

/* Who is reached says by its certificate whether it is the one, so an old address can do no harm. */
static bool dial_last(struct uplink *u, const struct dial_result *r)
{
	if (r->n || u->by_last || u->last.port == 0)
		return false;
	u->by_last = true;
	dial(u);
	return true;
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct uplink *u = owner;
	char tried[ADDR_TEXT] = "", why[sizeof u->why];

	u->dial = NULL;
	if (r->rc == 0) {
		char worker[FRAME_WORKER] = "";

		if (u->first->count > 1)
			frame_worker_name(worker, u->index);
		u->patience_ms = (PATIENCE_MS + random_below(PATIENCE_MS / 2))
				 << (u->begun / PATIENT < PATIENCE_STEPS ? u->begun / PATIENT : PATIENCE_STEPS);
		u->begun += u->begun < PATIENT * PATIENCE_STEPS;
		leg_new(u->c, u, u->name, worker, r->fd, &r->peer);
		if (u->again.pos == 0) /* else it is lost already */
			after(u, u->patience_ms);
		return;
	}
	if (dial_last(u, r))
		return;
	/* The wait is for the edge's sake. One that was asked and says no is spared, as is one that gets as far as TLS;
	 * whoever finds no way there spares nobody by being late when there is one again. */
	if (r->rc != -ZT_E_REFUSED && u->failed > UNHEARD)
		u->failed = UNHEARD;
	if (r->n)
		addr_text(&r->tried[0].to, tried);
	snprintf(why, sizeof why, "%s%s%s", tried, r->n ? ": " : "", err_text((enum zt_err)-r->rc));
	uplink_lost(u, NULL, why);
}

static void dial(struct uplink *u)
{
	struct connector *c = u->c;
	char ip[ADDR_TEXT];
	struct wr w = wr_of(ip, sizeof ip);
	struct dial_req req = {.host = span_str(u->host), .port = u->port, .timeout_ns = DIAL_MS * NS_PER_MS,
			       .again_ns = AGAIN_NS, .tune = &mux_tune, .done = on_dialled, .owner = u};
	struct leg *oldest = NULL;
	size_t n = 0;
	int rc;

	if (u->by_last) {
		addr_write_ip(&w, &u->last);
		req.host = wr_span(&w);
	}
	for (struct leg *g = c->legs; g; g = g->next)
		if (g->u == u) {
			n++;
			oldest = g->state == LEG_LEFT ? g : oldest; /* new ones come first in the list */
		}
	if (n >= LEGS_MOST && oldest)
		leg_leave(oldest, LEAVE_REKEY, 0, "it was left long ago");
	rc = dial_start(c->out.dialer, &req, &u->dial);
	if (rc < 0)
		uplink_lost(u, NULL, err_text((enum zt_err)-rc));
}

/* True: there is a good leg, or one on its way that is not late yet. */
static bool is_served(struct uplink *u, uint64_t now)
{
	struct leg *newest = NULL, *oldest = NULL;
	size_t coming = 0;
	uint64_t at;

	for (struct leg *g = u->c->legs; g; g = g->next) { /* new ones come first */
		if (g->u != u || g->state > LEG_UP)
			continue;
		if (g->state == LEG_UP && !g->stale)
			return true;
		if (g->state == LEG_UP)
			continue;
		newest = newest ? newest : g;
		oldest = g;
		coming++;
	}
	if (newest == NULL)
		return false;
	at = newest->born_ns + u->patience_ms * NS_PER_MS;
	if (at > now) {
		after(u, (uint32_t)((at - now) / NS_PER_MS) + 1);
		return true;
	}
	LOG(&u->c->child.log, LOG_INFO, "the edge does not answer: another connection is tried", LF_STR("edge", u->name),
	    LF_U64("after_ms", (now - newest->born_ns) / NS_PER_MS));
	u->retries++;
	if (coming >= COMING)
		leg_leave(oldest, LEAVE_REKEY, 0, "it took too long");
	return false;
}

/* Makes a leg when there is none that is good, and none on its way. */
static void look(struct uplink *u)
{
	struct connector *c = u->c;
	uint64_t now = loop_now(c->child.loop);

	if (u->dial || u->again.pos || c->child.draining || is_served(u, now))
		return;
	if (!keepline_view(c->keep)->known && now < c->list_until_ns) {
		u->waits = true;
		after(u, (uint32_t)((c->list_until_ns - now) / NS_PER_MS) + 1);
		return;
	}
	if (u->waits && !keepline_view(c->keep)->known)
		LOG(&c->child.log, LOG_WARN, "no status list came from the authority: the edge is dialled, and judged when one comes",
		    LF_STR("edge", u->name));
	u->waits = u->by_last = false;
	dial(u);
}

static void on_again(struct timer *t, uint64_t now)
{
	(void)now;
	look(CONTAINER_OF(t, struct uplink, again));
}

/* ---- what time and others bring ------------------------------------------------------------ */

/* The list stands still while it is walked: but for legs in SHAKES, which nobody leaves here, an end comes later, from
 * the loop. */
static void on_chores(struct timer *t, uint64_t now)
{
	struct connector *c = CONTAINER_OF(t, struct connector, chores);
	uint64_t rotate = c->ways->conf->tunnel.rotate_ms * NS_PER_MS;

	for (struct leg *g = c->legs; g; g = g->next) {
		if (g->state == LEG_UP && (now - g->up_ns >= rotate || mux_is_old(g->mux)))
			leg_be_stale(g, "it is old");
		leg_judge(g);
	}
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			look(u);
	if (!loop_timer(c->child.loop, t, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, 0);
	ways_tidy(c);
}

void uplinks_soon(struct connector *c)
{
	if (c->chores.fire)
		loop_timer(c->child.loop, &c->chores, SOON);
}

void uplinks_listed(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next) {
		leg_judge(g);
		leg_say(g, LEG_LISTS);
	}
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			if (u->waits) {
				loop_timer_stop(c->child.loop, &u->again);
				look(u);
			}
}

/* Which of ours a leg shows that began before the first word of the keeper is what that word says. */
void uplinks_renewed(struct connector *c)
{
	static const uint8_t none[KEEPMSG_SERIAL];

	for (struct leg *g = c->legs; g; g = g->next) {
		if (memcmp(g->own, none, sizeof none) == 0)
			memcpy(g->own, c->identity, sizeof g->own);
		if (memcmp(g->own, c->identity, sizeof g->own) != 0)
			leg_be_stale(g, "our certificate was renewed");
	}
}

void uplinks_health(struct connector *c)
{
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, LEG_HEALTH);
}

/* ---- configurations ------------------------------------------------------------------------ */

static void uplink_free(struct uplink *u, const char *why)
{
	struct connector *c = u->c;

	if (u->dial)
		dial_cancel(u->dial);
	loop_timer_stop(c->child.loop, &u->again);
	for (struct leg *g = c->legs, *next; g; g = next) {
		next = g->next;
		if (g->u == u) {
			g->u = NULL;
			leg_leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, why);
		}
	}
	free(u);
}

static void edge_free(struct uplink *u)
{
	for (struct uplink *next; u; u = next) {
		next = u->next;
		uplink_free(u, "this edge is not in the configuration any more");
	}
}

static struct uplink *uplink_new(struct connector *c, const char *host, uint16_t port)
{
	struct uplink *u = calloc(1, sizeof *u);

	if (u == NULL) {
		LOG(&c->child.log, LOG_ERROR, "no memory for one more edge", LF_STR("edge", host));
		return NULL;
	}
	u->c = c;
	u->first = u;
	u->count = 1;
	u->port = port;
	u->again.fire = on_again;
	snprintf(u->host, sizeof u->host, "%s", host);
	snprintf(u->name, sizeof u->name, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	return u;
}

/* ---- the workers of an edge ---------------------------------------------------------------- */

/* As its newest HELLO says. Those that are gone take their legs with them. */
static void count_workers(struct uplink *first, uint8_t count)
{
	struct uplink **at = &first->next, *u = first;

	if (count == first->count)
		return;
	LOG(&first->c->child.log, LOG_INFO, "the edge has another number of workers", LF_STR("edge", first->name),
	    LF_U64("was", first->count), LF_U64("is", count));
	first->count = count;
	for (; *at && (*at)->index < count; at = &(*at)->next)
		u = *at;
	for (struct uplink *gone = *at, *next; gone; gone = next) {
		next = gone->next;
		first->retries += gone->retries;
		uplink_free(gone, "this edge has fewer workers now");
	}
	*at = NULL;
	while (u->index + 1 < count && (u->next = uplink_new(first->c, first->host, first->port)) != NULL) {
		u->next->first = first;
		u->next->index = (uint8_t)(u->index + 1);
		u = u->next;
	}
}

static struct uplink *to_worker(struct uplink *first, uint8_t index)
{
	struct uplink *u = first;

	while (u && u->index != index)
		u = u->next;
	return u;
}

/* Who was meant has answered, or whoever it was where nobody in particular was asked. */
static bool is_meant(const struct leg *g, const struct frame_hello *h)
{
	return h->count <= CONF_WORKERS && (g->anybody || h->index == g->u->index);
}

/* It has what it waited for. */
static void settle(struct uplink *u)
{
	loop_timer_stop(u->c->child.loop, &u->again);
	if (u->dial)
		dial_cancel(u->dial);
	u->dial = NULL;
	u->begun = 0;
}

void uplink_up(struct uplink *u, struct leg *g, const struct frame_hello *h)
{
	struct uplink *first = u->first, *to;

	if (!is_meant(g, h)) {
		uplink_lost(u, g, "another worker of the edge answered than was asked for");
		leg_leave(g, LEAVE_PROTOCOL, 0, "another worker was expected");
		return;
	}
	count_workers(first, h->count);
	to = to_worker(first, h->index);
	if (g->u == NULL || to == NULL) /* it went with its worker; or there was no memory for the way to it */
		return;
	g->u = to;
	to->why[0] = 0;
	settle(u);
	settle(to);
	for (struct leg *o = to->c->legs, *next; o; o = next) {
		next = o->next;
		if (o != g && o->u == to && o->state <= LEG_UP)
			leg_leave(o, LEAVE_REKEY, ROTATE_GRACE_MS, "another connection takes its place");
	}
	for (struct uplink *w = first; w; w = w->next)
		look(w);
}

/* Where it is among the n of u, or n. */
static size_t find(struct uplink **u, size_t n, const struct conf_hostport *to)
{
	size_t i = 0;

	while (i < n && (u[i] == NULL || u[i]->port != to->port || strcmp(u[i]->host, to->host) != 0))
		i++;
	return i;
}

void uplinks_configure(struct connector *c)
{
	const struct conf_list *edges = &c->ways->conf->connector.edge;
	struct uplink *old[ARRAY_LEN(c->uplink)];
	size_t n = c->uplinks;

	memcpy(old, c->uplink, sizeof old);
	c->uplinks = 0;
	for (size_t i = 0; i < edges->n; i++) {
		const struct conf_hostport *to = conf_to(edges, i);
		size_t at = find(old, n, to);
		struct uplink *u = at < n ? old[at] : NULL;

		if (find(c->uplink, c->uplinks, to) < c->uplinks) /* written twice */
			continue;
		if (u)
			old[at] = NULL;
		else
			u = uplink_new(c, to->host, to->port);
		if (u)
			c->uplink[c->uplinks++] = u;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i])
			edge_free(old[i]);
	for (struct leg *g = c->legs; g; g = g->next)
		leg_say(g, LEG_RULES | LEG_HEALTH);
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next)
			look(u);
	c->chores.fire = on_chores;
	if (c->chores.pos == 0 && !loop_timer(c->child.loop, &c->chores, CHORES))
		LOG0(&c->child.log, LOG_ERROR, "no memory for a timer");
}

/* ---- the end, and what is known ------------------------------------------------------------ */

void uplinks_drain(struct connector *c)
{
	for (size_t i = 0; i < c->uplinks; i++)
		for (struct uplink *u = c->uplink[i]; u; u = u->next) {
			loop_timer_stop(c->child.loop, &u->again);
			if (u->dial)
				dial_cancel(u->dial);
			u->dial = NULL;
		}
	for (struct leg *g = c->legs, *next; g; g = next) {
		next = g->next;
		leg_leave(g, LEAVE_DRAIN, c->ways->conf->limits.drain_ms, "the connector is ending");
	}
}

void uplinks_end(struct connector *c)
{
	loop_timer_stop(c->child.loop, &c->chores);
	while (c->legs)
		leg_close(c->legs);
	while (c->uplinks)
		edge_free(c->uplink[--c->uplinks]);
}

static const struct leg *leg_up(const struct connector *c, const struct uplink *u)
{
	for (const struct leg *g = c->legs; g; g = g->next)
		if (g->u == u && g->state == LEG_UP)
			return g;
	return NULL;
}

size_t uplinks_up(const struct connector *c)
{
	size_t n = 0;

	struct uplink_state s;

	for (size_t i = 0; uplink_state(c, i, &s); i++)
		n += s.up > 0;
	return n;
}

bool uplink_state(const struct connector *c, size_t i, struct uplink_state *out)
{
	const struct uplink *u = i < c->uplinks ? c->uplink[i] : NULL;

	if (u == NULL)
		return false;
	*out = (struct uplink_state){.edge = u->name, .why = u->why, .workers = u->count};
	for (; u; u = u->next) {
		const struct leg *g = leg_up(c, u);
		const struct mux_stats s = g ? mux_stats(g->mux) : (struct mux_stats){0};

		out->up += g != NULL;
		out->streams += s.streams;
		out->rtt_ns = s.rtt_ns > out->rtt_ns ? s.rtt_ns : out->rtt_ns;
		out->retries += u->retries;
		if (g == NULL && u->why[0])
			out->why = u->why;
	}
	return true;
}

void uplinks_counters(const struct connector *c, struct wr *out)
{
	struct uplink_state s;

	for (size_t i = 0; i < SHOWN && uplink_state(c, i, &s); i++) {
		const struct ipc_row rows[] = {{"uplink_up", s.up > 0}, {"uplink_streams", s.streams}, {"uplink_rtt_us", s.rtt_ns / 1000},
			  {"uplink_retries", s.retries}};

		ipc_write_counters(out, rows, ARRAY_LEN(rows), s.edge);
		if (s.workers > 1)
			ipc_write_counter_of(out, "uplink_connections", s.edge, s.up);
	}
}
