/* shakes: see shakes.h. Owns the engines of one worker. Whatever a worker says, it gets no more than a
 * handshake under a plan of the configuration, for a name and a protocol that this plan serves. */
#include "shakes.h"

#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/num.h"
#include "engine.h"

#define SLOTS BOUND_CAP(BOUND_TLS_SHAKES)

struct shake {
	struct engine *engine; /* NULL: free */
	uint32_t id;
	bool want_chain;
};

struct shakes {
	struct shakes_opts o;
	struct shakes_stats stats;
	struct shake slot[SLOTS];
	size_t running;
	struct shake *current;  /* being worked on */
	struct span rest;       /* of the records in `in` */
	struct span answer;     /* in `out`, not sent yet */
	uint8_t in[TLSMSG_MAX], out[TLSMSG_MAX], records[TLSMSG_RECORDS];
};

int shakes_new(struct shakes **out, const struct shakes_opts *o)
{
	struct shakes *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -ZT_E_NOMEM;
	s->o = *o;
	*out = s;
	return 0;
}

static void end(struct shakes *s, struct shake *k)
{
	engine_free(k->engine);
	*k = (struct shake){0};
	s->running--;
	if (s->current == k)
		s->current = NULL;
}

void shakes_free(struct shakes *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		if (s->slot[i].engine)
			end(s, &s->slot[i]);
	wipe(s, sizeof *s); /* out may hold the keys of a connection */
	free(s);
}

size_t shakes_running(const struct shakes *s)
{
	return s->running;
}

struct shakes_stats shakes_stats(const struct shakes *s)
{
	return s->stats;
}

static void answer(struct shakes *s, const struct tlsmsg *m)
{
	struct wr w = wr_of(s->out, sizeof s->out);

	tlsmsg_write(&w, m);
	ZT_ASSERT(!w.full);
	s->answer = wr_span(&w);
}

static void answer_fail(struct shakes *s, uint32_t id, struct tlsmsg_fail f)
{
	s->stats.failed++;
	answer(s, &(struct tlsmsg){.type = TLSMSG_FAIL, .id = id, .fail = f});
}

static void answer_done(struct shakes *s, struct shake *k)
{
	struct tlsmsg m = {.type = TLSMSG_DONE, .id = k->id};

	engine_done(k->engine, &m.done);
	if (!k->want_chain && m.done.chain_n > 1)
		m.done.chain_n = 1;
	s->stats.resumed += m.done.resumed;
	answer(s, &m);
	wipe(&m, sizeof m);
}

/* One step of the handshake that is being worked on: at most one packet comes out of it. */
static void step(struct shakes *s)
{
	struct shake *k = s->current;
	size_t n = engine_take(k->engine, s->records, sizeof s->records);

	if (n) {
		answer(s, &(struct tlsmsg){
			.type = TLSMSG_RECORDS_OUT, .id = k->id, .records = span_of(s->records, n)});
		return;
	}
	if (s->rest.n && engine_state(k->engine) != ENGINE_FAILED) {
		n = engine_feed(k->engine, s->rest);
		s->rest = span_sub(s->rest, n, s->rest.n);
		return;
	}
	if (engine_state(k->engine) == ENGINE_DONE)
		answer_done(s, k);
	else if (engine_state(k->engine) == ENGINE_FAILED)
		answer_fail(s, k->id, engine_failure(k->engine));
	if (engine_state(k->engine) == ENGINE_GOING)
		s->current = NULL;
	else
		end(s, k);
}

static void work(struct shakes *s)
{
	while (s->current && s->answer.n == 0)
		step(s);
}

/* ---- what a worker says --------------------------------------------------------------------- */

static struct shake *slot_of(struct shakes *s, uint32_t id)
{
	ZT_ASSERT(TLSMSG_SLOT(id) < SLOTS); /* tlsmsg_read() refuses the others */
	return &s->slot[TLSMSG_SLOT(id)];
}

/* Would these rules serve this name and protocol with this plan? What the hello itself says is the
 * engine's to compare. */
static bool plan_serves(const struct tls_plan *p, const struct tlsmsg_accept *a)
{
	struct hello h = {.offers_tls12 = true};
	struct span alpn;
	unsigned fault;
	int picked;

	if (span_to_cstr(a->name, h.name, sizeof h.name) < 0)
		return false;
	if (a->alpn.n)
		h.alpn[h.alpn_n++] = a->alpn;
	picked = tls_pick(p, &h, &alpn, &fault);
	/* Silence is refused only where the plan has protocols and the client offered none of them:
	 * without one there is nothing to give away. */
	return picked == (int)a->plan && span_eq(alpn, a->alpn);
}

static void begin(struct shakes *s, uint32_t id, const struct engine_opts *o, bool want_chain)
{
	struct shake *k = slot_of(s, id);
	struct engine *e = NULL;
	int rc = engine_new(&e, s->o.bounds, o);

	if (rc < 0) {
		answer_fail(s, id, (struct tlsmsg_fail){.fault = rc == -ZT_E_FULL ? TLSF_BUSY : TLSF_INTERNAL});
		return;
	}
	*k = (struct shake){e, id, want_chain};
	s->running++;
	s->current = k;
	s->rest = SPAN_NONE;
}

static int take_accept(struct shakes *s, const struct tlsmsg *m)
{
	const struct tlsmsg_accept *a = &m->accept;
	const struct keyring *keys = s->o.keys;
	struct session_key key = {0};
	struct engine_opts o = {
		.name = a->name, .alpn = a->alpn, .hello = a->records, .key = &key,
		.now = clock_wall(s->o.clock) / 1000,
	};

	s->stats.accepted++;
	if (a->plan >= keys->plan.servers || !plan_serves(&keys->plan, a)) {
		answer_fail(s, m->id, (struct tlsmsg_fail){
			.fault = a->plan < keys->plan.servers ? TLSF_DISAGREE : TLSF_NO_PLAN});
		return 0;
	}
	if (keys->server[a->plan] == NULL) {
		answer_fail(s, m->id, (struct tlsmsg_fail){.fault = TLSF_INTERNAL});
		return 0;
	}
	o.cred = keys->server[a->plan];
	o.ask = keys->plan.server[a->plan].ask;
	o.trust = keys->clients[a->plan];
	/* The plan says so already; a session without a certificate must not be one line away. */
	if (keys->plan.server[a->plan].resume && o.ask == TLS_ASK_NO && !span_starts(a->alpn, "zt-"))
		o.sessions = s->o.sessions;
	session_bind(key.bound, false, s->o.epoch, a->plan, a->name, a->alpn);
	begin(s, m->id, &o, true);
	return 0;
}

static int take_connect(struct shakes *s, const struct tlsmsg *m)
{
	const struct tlsmsg_connect *c = &m->connect;
	const struct keyring *keys = s->o.keys;
	struct session_key key = {.client = true};
	struct engine_opts o = {
		.client = true, .name = c->name, .alpn = c->alpn, .key = &key, .now = clock_wall(s->o.clock) / 1000,
	};
	const struct tls_client_plan *p;

	s->stats.connected++;
	if (c->plan >= keys->plan.clients) {
		answer_fail(s, m->id, (struct tlsmsg_fail){.fault = TLSF_NO_PLAN});
		return 0;
	}
	p = &keys->plan.client[c->plan];
	if (p->may_lack && keys->client[c->plan] == NULL) {
		answer_fail(s, m->id, (struct tlsmsg_fail){.fault = TLSF_INTERNAL});
		return 0;
	}
	o.cred = keys->client[c->plan];
	o.trust = keys->trust[c->plan];
	o.let_through = p->npins || p->insecure_any;
	o.any_name = p->role_is_name;
	if (p->resume && c->session.n == sizeof key.key) {
		o.sessions = s->o.sessions;
		memcpy(key.key, c->session.p, sizeof key.key);
		session_bind(key.bound, true, s->o.epoch, c->plan, c->name, c->alpn);
	}
	begin(s, m->id, &o, c->want_chain);
	return 0;
}

static int take_begin(struct shakes *s, const struct tlsmsg *m)
{
	if (slot_of(s, m->id)->engine)
		return -ZT_E_RANGE; /* the worker has lost count */
	return m->type == TLSMSG_ACCEPT ? take_accept(s, m) : take_connect(s, m);
}

/* For one that runs. That it is over already while the worker spoke is no fault of either. */
static int take_more(struct shakes *s, const struct tlsmsg *m)
{
	struct shake *k = slot_of(s, m->id);

	if (k->engine == NULL || k->id != m->id) {
		s->stats.stray++;
		return 0;
	}
	if (m->type == TLSMSG_CANCEL) {
		s->stats.cancelled++;
		end(s, k);
		return 0;
	}
	s->current = k;
	s->rest = m->records;
	return 0;
}

static const struct {
	enum tlsmsg_type type;
	int (*take)(struct shakes *s, const struct tlsmsg *m);
} takers[] = {
	{TLSMSG_ACCEPT, take_begin},
	{TLSMSG_CONNECT, take_begin},
	{TLSMSG_RECORDS_IN, take_more},
	{TLSMSG_CANCEL, take_more},
};

uint8_t *shakes_room(struct shakes *s, size_t *cap)
{
	*cap = s->answer.n ? 0 : sizeof s->in;
	return s->answer.n ? NULL : s->in;
}

int shakes_took(struct shakes *s, size_t n)
{
	struct tlsmsg m;
	int rc;

	ZT_ASSERT(s->answer.n == 0 && s->current == NULL && n <= sizeof s->in);
	rc = tlsmsg_read(span_of(s->in, n), 'w', &m);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(takers); i++)
		if (takers[i].type == m.type) {
			rc = takers[i].take(s, &m);
			break;
		}
	if (rc == 0)
		work(s);
	return rc;
}

struct span shakes_answer(struct shakes *s)
{
	return s->answer;
}

void shakes_sent(struct shakes *s)
{
	wipe(s->out, s->answer.n);
	s->answer = SPAN_NONE;
	work(s);
}
