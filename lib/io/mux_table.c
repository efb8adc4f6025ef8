/*
 * mux_table: all streams of a connection: where they are found by number, how many there are, how they are opened, and
 * their memory. Never looks at their bytes: those are mux_stream.c's.
 *
 * A stream's memory lives until both are done with it: the protocol (its state is CLOSED) and its user (it was
 * closed). It is freed at the end of mux_ready(), when no pointer to it is left on the stack.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/num.h"
#include "decide/share.h"
#include "mux_int.h"

/* Last words, where there are any, are gone when its user has heard them. */
SHARE_IS(SHARE_STREAM, sizeof(struct stream_state) + SHARE_SLOT + sizeof(struct mux_name) + FRAME_NAME + SHARE_MALLOC);

/* By the upper half of a product with a number that nobody knows: the peer chooses his streams' numbers, and could have
 * them all in one chain else. */
static struct stream_state **chain_of(const struct mux *m, uint32_t id)
{
	return &m->hash[((id * m->mix) >> 32) * m->hashes >> 32];
}

struct stream_state *stream_find(const struct mux *m, uint32_t id)
{
	struct stream_state *st = *chain_of(m, id);

	while (st && st->s.id != id)
		st = st->chain;
	return st;
}

void stream_over(struct mux *m, struct stream_state *st)
{
	struct stream_state **at = chain_of(m, st->s.id);

	if (!st->found)
		return;
	while (*at != st)
		at = &(*at)->chain;
	*at = st->chain;
	st->found = false;
	if (st->mine)
		m->mine--;
	else
		m->theirs--;
	if (st->closed) {
		m->forsaken--;
		m->forsaken_then -= m->forsaken_then > 0;
		m->late -= m->late > 0;
		stream_dead(m, st);
	}
	mux_kick(m);
}

void stream_dead(struct mux *m, struct stream_state *st)
{
	st->chain = m->dead;
	m->dead = st;
	mux_kick(m);
}

bool streams_init(struct mux *m)
{
	pool_init(&m->pool, m->o.bounds, BOUND_STREAMS, sizeof(struct stream_state));
	m->hashes = MUX_HASH;
	random_bytes(&m->mix, sizeof m->mix);
	m->mix |= 1;
	m->hash = calloc(m->hashes, sizeof(struct stream_state *));
	return m->hash != NULL;
}

/* Without memory for it streams are found more slowly. */
static void spread(struct mux *m)
{
	size_t before = m->hashes;
	struct stream_state **old = m->hash, **all;

	if (m->mine + m->theirs < 4 * before || (all = calloc(4 * before, sizeof *all)) == NULL)
		return;
	m->hash = all;
	m->hashes = 4 * before;
	for (size_t i = 0; i < before; i++)
		for (struct stream_state *st = old[i], *next; st; st = next) {
			struct stream_state **chain = chain_of(m, st->s.id);

			next = st->chain;
			st->chain = *chain;
			*chain = st;
		}
	free(old);
}

/* ---- names --------------------------------------------------------------------------------- */

static struct mux_name *name_of(const struct stream_state *st)
{
	return CONTAINER_OF(st->s.name, struct mux_name, text);
}

static void name_drop(struct mux_name *n)
{
	if (n && --n->users == 0)
		free(n);
}

static struct mux_name *name_hold(struct mux *m, const char *text)
{
	const size_t n = strlen(text);
	struct mux_name **at, *name;
	unsigned hash = 0;

	for (size_t i = 0; i < n; i++)
		hash = hash * 31 + (uint8_t)text[i];
	at = &m->name[hash % MUX_NAMES];
	if (*at == NULL || strcmp((*at)->text, text) != 0) {
		name = malloc(sizeof *name + n + 1);
		if (name == NULL)
			return NULL;
		name->users = 1;
		memcpy(name->text, text, n + 1);
		name_drop(*at);
		*at = name;
	}
	(*at)->users++;
	return *at;
}

/* ---- the user's ---------------------------------------------------------------------------- */

/* An eighth of all is kept for those that are refused: they have to be remembered until the peer knows. */
bool stream_scarce(const struct mux *m)
{
	uint64_t cap = m->o.bounds->row[BOUND_STREAMS].cap;

	return !bounds_fits(m->o.bounds, BOUND_STREAMS, m->o.bounds->row[BOUND_STREAMS].used + cap / 8);
}

struct stream *stream_open(struct mux *m, const struct frame_open *o, const struct duct_user *u, void *owner, int *rc)
{
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	struct stream_state *st;
	uint32_t id;

	*rc = m->dying || m->left || m->peer_left ? -ZT_E_CLOSED : !m->heard_hello ? -ZT_E_AGAIN :
	      m->mine >= m->peer.streams || stream_scarce(m) ? -ZT_E_FULL : strm_ids_next(&m->ids, &id);
	if (*rc < 0)
		return NULL;
	frame_open_write(&w, o);
	m->now = loop_now(m->o.loop); /* how long the connection was quiet is not this stream's time */
	st = stream_make(m, id, true, o->name);
	if (st == NULL || !mux_say(m, FRAME_OPEN, id, wr_span(&w))) {
		*rc = -ZT_E_NOMEM;
		return NULL;
	}
	strm_step(&st->state, STRM_TX_OPEN);
	st->s.d.user = u;
	st->s.owner = owner;
	if (m->now - m->heard_ns > MUX_QUIET) /* else the next ones would follow this one for up to 3 s */
		mux_ping(m);
	if (!m->blocked && m->turn == NULL)
		out_control(m); /* so that DATA may follow at once */
	return &st->s;
}

void mux_each(struct mux *m, void (*f)(struct stream *s, void *ctx), void *ctx)
{
	struct pool_at at = {0};

	for (struct stream_state *st; (st = pool_next(&m->pool, &at)) != NULL;)
		if (!st->closed)
			f(&st->s, ctx);
}

/* ---- memory -------------------------------------------------------------------------------- */

struct stream_state *stream_make(struct mux *m, uint32_t id, bool mine, const char *name)
{
	struct stream_state *st = pool_get(&m->pool), **chain;
	struct mux_name *n = st ? name_hold(m, name) : NULL;

	if (n == NULL) {
		if (st)
			pool_put(&m->pool, st);
		return NULL;
	}
	spread(m);
	chain = chain_of(m, id);
	st->s.name = n->text;
	st->s.d.cls = &stream_class;
	st->s.mux = m;
	st->s.id = id;
	st->mine = mine;
	st->state = STRM_IDLE;
	window_in_init(&st->in, m->o.hello.stream_credit, m->o.window_most, m->now);
	st->out.limit = m->peer.stream_credit;
	st->chain = *chain;
	*chain = st;
	st->found = true;
	if (mine)
		m->mine++;
	else
		m->theirs++;
	m->stats.opened++;
	return st;
}

static void free_one(struct mux *m, struct stream_state *st)
{
	kept_take(m->o.bounds, &st->kept, st->kept.n);
	if (m->last == st)
		m->last = NULL;
	name_drop(name_of(st));
	free(st->words);
	pool_put(&m->pool, st);
}

/* Kicks nobody: while the socket is full nobody's turn comes, and each of ours would ask for one more. */
void stream_reap(struct mux *m)
{
	struct stream_state *st = m->dead;

	m->dead = NULL;
	while (st) {
		struct stream_state *next = st->chain;

		if (st->queued || st->eager) { /* its place in line comes first, and behind that is this again */
			st->chain = m->dead;
			m->dead = st;
		} else {
			free_one(m, st);
		}
		st = next;
	}
	pool_trim(&m->pool); /* bounds count streams: what each connection once had at most would be beside them */
}

void stream_free_all(struct mux *m)
{
	struct pool_at at = {0};

	for (struct stream_state *st; m->pool.used && (st = pool_next(&m->pool, &at)) != NULL;)
		free_one(m, st);
	for (size_t i = 0; i < MUX_NAMES; i++)
		name_drop(m->name[i]);
	free(m->hash);
}
