/*
 * peers: the other workers of this edge, each at the end of a line of its own. Two things cross it: a connector's
 * connection whose hello was read here and is meant for another one, with its descriptor; and how everybody is, so
 * that whichever worker a monitor meets can speak for all. Nothing is queued but in the line itself: what finds no room
 * there is closed, and its connector dials again.
 *
 * Owns the lines, what each of the others said last, and the monitors' connections that wait for answers, at most
 * ASKING_MOST. Allocates the table of the others once, and a source for each line.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "edge.h"
#include "io/chan.h"
#include "serve/monitor.h"
#include "wire/ipc.h"
#include "wire/workmsg.h"

#define PACKETS 32                /* of one line a turn */
#define ASKING_MOST 16            /* monitors at a time; one more is answered with what is known */
#define PATIENCE (300 * NS_PER_MS)/* for those who do not answer: they are left out */

_Static_assert(MONITOR_PACKED <= WORKMSG_BYTES && TLS_BEFORE <= WORKMSG_BYTES, "each is one packet");

struct peer_line {
	struct source src;
	struct edge *e;
	unsigned index;
};

struct peers {
	struct edge *e;
	struct timer late;
	uint32_t question;        /* the newest that was asked */
	int asking[ASKING_MOST];  /* connections of monitors */
	size_t asks;
	uint64_t handed, taken, lost; /* lost: the other one was not there, or had no room */
	struct peer {
		struct peer_line *line;   /* NULL: it is not up */
		uint32_t answered;        /* the question */
		bool works;
		uint32_t tunnels;
		size_t n;
		uint8_t said[MONITOR_PACKED];
	} of[CHILD_PEERS];
};

static unsigned count_of(const struct edge *e)
{
	return (unsigned)e->site->conf->edge.workers;
}

uint64_t edge_share(const struct conf *c, uint64_t of_all)
{
	return (of_all + c->edge.workers - 1) / c->edge.workers;
}

static int say(struct peer_line *l, const struct workmsg *m, const int *fd)
{
	uint8_t mem[WORKMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	workmsg_write(&w, m);
	return w.full ? -ZT_E_TOOLONG : chan_send(l->src.fd, wr_span(&w), fd, fd ? 1 : 0);
}

/* ---- connections for another one ----------------------------------------------------------------------- */

/* A name that is not there, of a worker that is not: refused as any stranger, and its connector asks anew. */
void peers_arrived(struct edge *e, int fd, const struct addr *peer, struct span name, struct span before)
{
	const struct workmsg m = {.type = WORK_HAND, .peer = *peer, .bytes = before};
	int index = frame_worker_read(name);
	struct peer_line *l;

	if (index == -ZT_E_NOTFOUND || index == (int)e->child.index) {
		tunnel_accepted(e, fd, peer, before);
		return;
	}
	l = e->peers && index >= 0 && index < (int)count_of(e) ? e->peers->of[index].line : NULL;
	if (e->peers && (l == NULL || say(l, &m, &fd) < 0))
		e->peers->lost++;
	else if (e->peers)
		e->peers->handed++;
	close(fd);
}

/* What is said of it is another worker's word; who is there is asked anew by TLS. One that drains sends it to the
 * process that listens now: its connector dials again. */
static void take_connection(struct edge *e, const struct workmsg *m, int fd)
{
	if (e->child.draining) {
		e->peers->lost++;
		close(fd);
		return;
	}
	e->peers->taken++;
	tunnel_accepted(e, fd, &m->peer, m->bytes);
}

/* ---- how all of them are ------------------------------------------------------------------------------- */

static void answer_all(struct peers *p)
{
	loop_timer_stop(p->e->child.loop, &p->late);
	while (p->asks)
		health_serve(p->e, p->asking[--p->asks]);
}

static void on_late(struct timer *t, uint64_t now)
{
	(void)now;
	answer_all(CONTAINER_OF(t, struct peers, late));
}

static void answer_when_all(struct peers *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->of); i++)
		if (p->of[i].line && p->of[i].answered != p->question)
			return;
	answer_all(p);
}

static void ask_all(struct peers *p)
{
	const struct workmsg m = {.type = WORK_ASK, .question = ++p->question};

	for (size_t i = 0; i < ARRAY_LEN(p->of); i++)
		if (p->of[i].line)
			say(p->of[i].line, &m, NULL); /* without an answer it is left out */
}

/* It has asked nothing yet: that waits in its socket until everybody has spoken. */
void health_accepted(struct edge *e, int fd)
{
	struct peers *p = e->peers;

	if (p == NULL || p->asks == ASKING_MOST) {
		health_serve(e, fd);
		return;
	}
	p->asking[p->asks++] = fd;
	if (p->asks > 1)
		return; /* asked already: a new question for each would leave the answers to those before without a use */
	ask_all(p);
	if (!loop_timer(e->child.loop, &p->late, PATIENCE))
		answer_all(p);
	else
		answer_when_all(p);
}

static void tell(struct peer_line *l, uint32_t question)
{
	struct edge *e = l->e;
	uint8_t mem[MONITOR_PACKED];
	struct wr w = wr_of(mem, sizeof mem);

	monitor_pack(&e->child, &w);
	say(l, &(struct workmsg){.type = WORK_TELL, .question = question, .works = edge_works(e),
				 .tunnels = (uint32_t)tunnels_ready(e), .bytes = wr_span(&w)}, NULL);
}

static int take_answer(struct peers *p, struct peer *o, const struct workmsg *m)
{
	if (m->bytes.n > sizeof o->said)
		return -ZT_E_SYNTAX;
	o->answered = m->question;
	o->works = m->works;
	o->tunnels = m->tunnels;
	memcpy(o->said, m->bytes.p, m->bytes.n);
	o->n = m->bytes.n;
	answer_when_all(p);
	return 0;
}

bool peers_work(const struct edge *e, bool ours)
{
	for (size_t i = 0; e->peers && i < CHILD_PEERS; i++)
		ours &= e->peers->of[i].line == NULL || e->peers->of[i].answered == 0 || e->peers->of[i].works;
	return ours;
}

/* A connector has one connection to each of them: what the one with the fewest has, everybody has. */
size_t peers_tunnels(const struct edge *e, size_t ours)
{
	for (size_t i = 0; e->peers && i < CHILD_PEERS; i++)
		if (e->peers->of[i].line && e->peers->of[i].answered)
			ours = num_min(ours, e->peers->of[i].tunnels);
	return ours;
}

size_t peers_parts(const struct edge *e, struct monitor_part out[static CHILD_PEERS])
{
	size_t n = 0;

	for (unsigned i = 0; e->peers && i < CHILD_PEERS; i++)
		if (e->peers->of[i].line && e->peers->of[i].answered == e->peers->question)
			out[n++] = (struct monitor_part){i, span_of(e->peers->of[i].said, e->peers->of[i].n)};
	return n;
}

void peers_counters(const struct edge *e, struct wr *out)
{
	const struct peers *p = e->peers;

	if (p == NULL)
		return;
	ipc_write_counters(out, (const struct ipc_row[]){{"handed_over", p->handed}, {"taken_over", p->taken}, {"handed_lost", p->lost}},
			   3, NULL);
}

/* ---- the lines ------------------------------------------------------------------------------------------- */

static void hang_up(struct peers *p, struct peer_line *l)
{
	if (p->of[l->index].line == l)
		p->of[l->index].line = NULL;
	loop_close(&l->src);
	answer_when_all(p);
}

static int take_packet(void *ctx, struct chan_packet *p)
{
	struct peer_line *l = ctx;
	struct workmsg m;
	int rc = workmsg_read(p->bytes, &m), fd;

	if (rc < 0 || p->nfds != (m.type == WORK_HAND))
		return -ZT_E_SYNTAX;
	if (m.type == WORK_ASK) {
		tell(l, m.question);
	} else if (m.type == WORK_TELL) {
		rc = take_answer(l->e->peers, &l->e->peers->of[l->index], &m);
	} else {
		fd = p->fds[0];
		p->fds[0] = -1;
		take_connection(l->e, &m, fd);
	}
	return rc;
}

/* false: no more now. */
static bool hear(struct peer_line *l)
{
	int rc = chan_next(l->src.fd, take_packet, l);

	if (rc >= 0)
		return rc > 0;
	if (rc != -ZT_E_CLOSED)
		LOG(&l->e->child.log, LOG_ERROR, "another worker says what no worker says: it is not listened to any more",
		    LF_U64("worker", l->index));
	hang_up(l->e->peers, l);
	return false;
}

static void line_ready(struct source *src, unsigned events)
{
	struct peer_line *l = CONTAINER_OF(src, struct peer_line, src);

	(void)events;
	for (unsigned i = 0; i < PACKETS && !loop_closed(src) && hear(l); i++)
		continue;
}

static void line_reap(struct source *src)
{
	free(CONTAINER_OF(src, struct peer_line, src));
}

static const struct source_class line_class = {"worker", loop_wants_in, line_ready, line_reap};

static struct peers *table(struct edge *e)
{
	if (e->peers == NULL && (e->peers = calloc(1, sizeof *e->peers)) != NULL) {
		e->peers->e = e;
		e->peers->late.fire = on_late;
	}
	return e->peers;
}

void peers_link(struct edge *e, unsigned index, int fd)
{
	struct peers *p = table(e);
	struct peer_line *l = p ? calloc(1, sizeof *l) : NULL;

	if (p && p->of[index].line)
		hang_up(p, p->of[index].line);
	if (l)
		*l = (struct peer_line){.src = {.cls = &line_class, .fd = fd}, .e = e, .index = index};
	if (l == NULL || loop_add(e->child.loop, &l->src) < 0) {
		LOG(&e->child.log, LOG_ERROR, "no memory for the line to another worker", LF_U64("worker", index));
		free(l);
		close(fd);
		return;
	}
	p->of[index] = (struct peer){.line = l};
}

void peers_end(struct edge *e)
{
	struct peers *p = e->peers;

	if (p == NULL)
		return;
	loop_timer_stop(e->child.loop, &p->late);
	while (p->asks)
		close(p->asking[--p->asks]);
	for (size_t i = 0; i < ARRAY_LEN(p->of); i++)
		if (p->of[i].line)
			loop_close(&p->of[i].line->src);
	e->peers = NULL; /* what is reaped now looks at nothing of it */
	free(p);
}
