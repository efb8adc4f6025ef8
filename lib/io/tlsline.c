/*
 * tlsline: the lines to tlsd, one SOCK_SEQPACKET each, a packet a message. Owns their sockets and
 * who may use them; knows nothing of TLS. A full line is backpressure: the handshake keeps its
 * bytes and stands in the line's queue. A dead or lying line ends the handshakes that it has,
 * and no other: those that wait go to the next line.
 *
 * Allocates a line (at most a few of them, freed when the loop reaps it).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "tls_int.h"

#define LINE_BATCH 32 /* messages a turn: about as long as two handshakes take tlsd */

static unsigned line_wants(const struct source *s)
{
	const struct tls_line *l = CONTAINER_OF(s, const struct tls_line, src);
	bool queue = l->blocked.first || (l->world->waiting.first && l == line_current(l->world));

	return queue ? LOOP_IN | LOOP_OUT : LOOP_IN;
}

static void leave_world(struct tls_line *l)
{
	struct tls_line **at = &l->world->lines;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->world = NULL;
}

static void unlink_line(struct tls_line *l)
{
	leave_world(l);
	loop_close(&l->src);
}

static const char ended[] = "it ended";

/* Nothing more will be said on it: tell everybody whom it leaves alone. An end that leaves nobody
 * alone is how every stop looks from here; of a death the supervisor speaks. */
static void bury(struct tls_line *l, const char *why)
{
	struct tls_world *w = l->world;
	enum log_level level = why == ended && l->users == 0 ? LOG_INFO : LOG_WARN;

	LOG(w->log, level, "the line to tlsd is lost", LF_STR("why", why), LF_U64("epoch", l->epoch),
	    LF_U64("handshakes", l->users));
	unlink_line(l);
	/* failed() may end other handshakes and begin new ones, which are on no line yet. */
	for (size_t i = 0; i < SHAKES; i++)
		if (w->slot[i] && w->slot[i]->line == l)
			shake_lost(w->slot[i]);
	line_touch(w);
}

static void line_break(struct tls_line *l)
{
	l->broken = true;
	loop_again(&l->src);
}

int line_say(struct tls_line *l, const struct tlsmsg *m)
{
	struct wr w;
	ssize_t n;

	if (l->broken || loop_closed(&l->src)) /* closed: it has no world any more */
		return -ZT_E_CLOSED;
	w = wr_of(l->world->said, sizeof l->world->said);
	tlsmsg_write(&w, m);
	if (w.full)
		return -ZT_E_BUG;
	n = send(l->src.fd, w.p, w.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0) /* of a packet all or nothing */
		return 0;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
		return -ZT_E_AGAIN;
	line_break(l);
	return -ZT_E_CLOSED;
}

void line_leave(struct tls_shake *sh)
{
	struct tls_line *l = sh->line;

	sh->line = NULL;
	if (--l->users == 0 && !loop_closed(&l->src) && l != line_current(l->world))
		loop_again(&l->src); /* its own callback closes it */
}

/* ---- hearing ----------------------------------------------------------------------------- */

static void hear_one(struct tls_line *l, const struct tlsmsg *m, struct span packet)
{
	struct tls_world *w = l->world;
	uint32_t slot = TLSMSG_SLOT(m->id);
	struct tls_shake *sh = slot < SHAKES ? w->slot[slot] : NULL;

	/* A handshake that was given up, and the answer was under way: or somebody guesses ids. */
	if (sh == NULL || sh->id != m->id || sh->line != l || sh->t == NULL)
		w->stats.late++;
	else
		shake_heard(sh, m, packet);
}

/* NULL: go on. */
static const char *hear(struct tls_line *l)
{
	struct tls_world *w = l->world;
	bool reset = false;

	for (unsigned i = 0; i < LINE_BATCH && !loop_closed(&l->src); i++) {
		ssize_t n = recv(l->src.fd, w->heard, sizeof w->heard, MSG_DONTWAIT | MSG_TRUNC);
		struct tlsmsg m;
		int rc;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		/* It died without hearing us out. That is told first and once; what it said before
		 * is still there. */
		if (n < 0 && errno == ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		if (n <= 0)
			return n < 0 ? "a system call failed" : ended;
		if ((size_t)n > sizeof w->heard)
			return "it sent a message that is too long";
		rc = tlsmsg_read(span_of(w->heard, (size_t)n), 't', &m);
		if (rc == 0)
			hear_one(l, &m, span_of(w->heard, (size_t)n));
		wipe(&m, sizeof m); /* keys, when it was DONE */
		wipe(w->heard, (size_t)n);
		if (rc < 0)
			return "it sent a malformed message";
	}
	return l->broken ? "it was given up" : NULL;
}

/* ---- saying what had to wait ------------------------------------------------------------- */

static void move_blocked(struct tls_line *l)
{
	struct tls_shake *sh;

	while ((sh = queue_pop(&l->blocked)) != NULL)
		if (shake_resume(sh) == -ZT_E_AGAIN) {
			queue_unshift(&l->blocked, sh);
			return;
		}
}

static void move_waiting(struct tls_line *l)
{
	struct tls_world *w = l->world;
	struct tls_shake *sh;

	while (l == line_current(w) && (sh = queue_pop(&w->waiting)) != NULL)
		if (shake_hand_over(sh) == -ZT_E_AGAIN) {
			queue_unshift(&w->waiting, sh);
			return;
		}
}

static void line_ready(struct source *s, unsigned events)
{
	struct tls_line *l = CONTAINER_OF(s, struct tls_line, src);
	struct tls_world *w = l->world;
	const char *end = (events & (LOOP_IN | LOOP_HUP)) || l->broken ? hear(l) : NULL;

	if (end && !loop_closed(s)) {
		bury(l, end);
		return;
	}
	if (!loop_closed(s)) {
		move_blocked(l);
		if (l->blocked.first == NULL)
			move_waiting(l);
	}
	line_tidy(w);
}

/* The loop itself may end a line: at the very end, before the connections that are on it. */
static void line_reap(struct source *s)
{
	struct tls_line *l = CONTAINER_OF(s, struct tls_line, src);
	struct tls_world *w = l->world;

	for (size_t i = 0; w && i < SHAKES; i++)
		if (w->slot[i] && w->slot[i]->line == l)
			shake_orphan(w->slot[i]);
	if (w)
		leave_world(l);
	free(l);
}

static const struct source_class line_class = {"line to tlsd", line_wants, line_ready, line_reap};

/* ---- which line -------------------------------------------------------------------------- */

struct tls_line *line_current(const struct tls_world *w)
{
	struct tls_line *l = w->lines;

	while (l && (l->broken || l->epoch != w->epoch))
		l = l->next;
	return w->plan ? l : NULL;
}

void line_touch(struct tls_world *w)
{
	struct tls_line *l = line_current(w);

	if (l)
		loop_touch(&l->src);
}

/* The newest may be waiting for its plan. */
void line_tidy(struct tls_world *w)
{
	struct tls_line *current = line_current(w), *next;

	for (struct tls_line *l = w->lines; l; l = next) {
		next = l->next;
		if (l->users == 0 && !l->broken && l != current && l != w->lines)
			unlink_line(l);
	}
}

/* More reloads than there are lines while handshakes run: the oldest give way. */
static void give_way(struct tls_world *w)
{
	unsigned n = 0;

	for (struct tls_line *l = w->lines; l; l = l->next)
		if (++n > TLS_LINES && !l->broken)
			line_break(l);
}

void tls_world_link(struct tls_world *w, int fd, uint32_t epoch)
{
	struct tls_line *l = calloc(1, sizeof *l);

	if (l) {
		l->src = (struct source){.cls = &line_class, .fd = fd};
		l->world = w;
		l->epoch = epoch;
		l->blocked.end = &l->blocked.first;
		l->next = w->lines;
	}
	if (l == NULL || loop_add(w->loop, &l->src) < 0) {
		LOG(w->log, LOG_ERROR, "no memory for the line to tlsd", LF_U64("epoch", epoch));
		close(fd);
		free(l);
		/* Nobody would hand over another one, and without it no handshake ends: the process that is started in
		 * this one's place gets all its lines anew. */
		loop_stop(w->loop);
		return;
	}
	w->lines = l;
	line_tidy(w);
	give_way(w);
	line_touch(w);
}

void line_close_all(struct tls_world *w)
{
	while (w->lines)
		unlink_line(w->lines);
}
