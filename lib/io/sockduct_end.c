/*
 * sockduct_end: what a socket's duct has borrowed, every way it ends, and what is left to do after duct_close().
 * Tells its user nothing: sockduct.c does, from the loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sockduct_int.h"

#define DRAINS 16 /* reads a turn of what nobody will have */

static void linger_fire(struct timer *t, uint64_t now);

/* ---- ends -------------------------------------------------------------------------------- */

void sockduct_reset_on_close(const struct sockduct *s, bool on)
{
	const struct linger now = {.l_onoff = on, .l_linger = 0};

	setsockopt(s->src->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void sockduct_give_in(struct sockduct *s)
{
	if (s->busy == NULL)
		return;
	s->busy->in = (struct tls_in){0};
	bufs_give(s->bufs, &s->busy->seat[IN]);
}

void sockduct_give_out(struct sockduct *s)
{
	if (s->busy == NULL)
		return;
	s->busy->out = (struct tls_out){0};
	s->busy->unsealed = 0;
	bufs_give(s->bufs, &s->busy->seat[OUT]);
}

static void free_busy(struct sockduct *s)
{
	loop_timer_stop(s->src->loop, &s->busy->linger);
	free(s->busy);
	s->busy = NULL;
}

/* Nothing flows, and nobody waits: an idle connection is small. Only where nobody still looks at it. */
void sockduct_rest(struct sockduct *s)
{
	const struct sockduct_busy *b = s->busy;

	if (b && s->phase == LIVE && !b->seat[IN].mem && !b->seat[IN].waits && !b->seat[OUT].mem && !b->seat[OUT].waits &&
	    b->out.head == b->out.tail)
		free_busy(s);
}

void sockduct_stop(struct sockduct *s)
{
	if (s->src == NULL || s->phase == OVER)
		return;
	s->phase = OVER;
	s->d.user = NULL;
	sockduct_give_in(s);
	sockduct_give_out(s);
	if (s->busy)
		free_busy(s);
	loop_close(s->src);
}

/* The fatal alert that is due to a peer whose records were bad, behind what is half sent. What does not fit into
 * the socket now is not worth waiting for. */
static void say_alert(struct sockduct *s)
{
	uint8_t mem[TLS_ALERT_BYTES];
	struct tls_out own = {.mem = mem, .cap = sizeof mem}, *o = waiting(s) ? &s->busy->out : &own;

	if (s->tls == NULL || (s->tls->end != TLS_FORGED && s->tls->end != TLS_STRANGE))
		return;
	tls_bye(s->tls, o);
	tls_out_send(s->tls, o);
	sockduct_reset_on_close(s, false);
}

/* Dead both ways. The user is told from the loop. */
void sockduct_lost(struct sockduct *s, enum duct_end end, const char *words)
{
	if (s->phase != LIVE) {
		sockduct_stop(s);
		return;
	}
	if (duct_dead(&s->d))
		return;
	s->d.end = (uint8_t)end;
	s->words = words;
	say_alert(s);
	sockduct_give_in(s);
	sockduct_give_out(s);
	loop_again(s->src);
}

/* It takes no more, and resets: but an answer that it gave before is worth reading to its end. */
void sockduct_deafen(struct sockduct *s)
{
	s->tell_deaf = !s->d.deaf;
	s->d.deaf = true;
	sockduct_give_out(s);
	loop_again(s->src);
}

/* ---- what it borrows ---------------------------------------------------------------------- */

static void served_in(struct bufs_seat *seat)
{
	loop_again(CONTAINER_OF(seat, struct sockduct_busy, seat[IN])->of->src);
}

static void served_out(struct bufs_seat *seat)
{
	loop_again(CONTAINER_OF(seat, struct sockduct_busy, seat[OUT])->of->src);
}

static const char stalled[] = "it moved next to nothing while others waited for a buffer";

/* The log shall not accuse who sent, but was not listened to. */
static void evicted_in(struct bufs_seat *seat)
{
	struct sockduct *s = CONTAINER_OF(seat, struct sockduct_busy, seat[IN])->of;

	sockduct_lost(s, DUCT_BROKEN, has_some(s) ? "what it sent was not taken while others waited for a buffer" : stalled);
}

static void evicted_out(struct bufs_seat *seat)
{
	struct sockduct *s = CONTAINER_OF(seat, struct sockduct_busy, seat[OUT])->of;

	if (s->phase == LIVE)
		sockduct_lost(s, DUCT_BROKEN, stalled);
	else
		sockduct_deafen(s); /* its next turn stops it: the seat is still looked at here */
}

bool sockduct_make_busy(struct sockduct *s)
{
	struct sockduct_busy *b = s->busy;

	if (b)
		return true;
	b = malloc(sizeof *b);
	if (b == NULL)
		return false;
	*b = (struct sockduct_busy){
		.of = s, .linger.fire = linger_fire, .patience = SOCKDUCT_LINGER,
		.seat = {{.reads = true, .served = served_in, .evicted = evicted_in},
			 {.served = served_out, .evicted = evicted_out}},
	};
	s->busy = b;
	return true;
}

bool sockduct_get_busy(struct sockduct *s)
{
	if (sockduct_make_busy(s))
		return true;
	sockduct_lost(s, DUCT_BROKEN, err_text(ZT_E_NOMEM));
	return false;
}

/* ---- the end that TLS tells ---------------------------------------------------------------- */

static const struct {
	enum duct_end end;
	bool at_once; /* though plaintext is left that came before */
} tls_ends[] = {
	[TLS_GOING] = {DUCT_GOING, false},
	[TLS_CLEAN] = {DUCT_FINISHED, true},
	[TLS_TRUNCATED] = {DUCT_CUT, true},
	[TLS_FORGED] = {DUCT_BROKEN, false},
	[TLS_REFUSED] = {DUCT_BROKEN, false},
	[TLS_STRANGE] = {DUCT_BROKEN, false},
	[TLS_RESET] = {DUCT_RESET, false},
};

/* What its TLS knows of the end becomes the duct's. */
void sockduct_note_end(struct sockduct *s)
{
	enum tls_end e = s->tls ? (enum tls_end)s->tls->end : TLS_GOING;

	if (s->d.end != DUCT_GOING || e == TLS_GOING || (has_some(s) && (s->d.deaf || !tls_ends[e].at_once)))
		return;
	if (s->d.deaf || tls_ends[e].end >= DUCT_RESET)
		sockduct_lost(s, s->d.deaf ? DUCT_RESET : tls_ends[e].end, tls_end_text(s->d.deaf ? TLS_RESET : e));
	else
		s->d.end = (uint8_t)tls_ends[e].end;
}

/* ---- after duct_close() ------------------------------------------------------------------ */

/* What still comes is for nobody, but a socket that is closed on unread bytes resets, which overtakes ours. */
static void drain(struct sockduct *s)
{
	uint8_t junk[4096];
	ssize_t n = 1;

	for (unsigned i = 0; i < DRAINS && n > 0; i++)
		n = recv(s->src->fd, junk, sizeof junk, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		sockduct_stop(s);
}

void sockduct_linger(struct sockduct *s)
{
	if (s->phase == SENDING)
		sockduct_push(s);
	if (s->phase == SENDING && s->fin)
		s->phase = DRAINING;
	if (s->d.deaf || (s->phase == DRAINING && s->d.end != DUCT_GOING))
		sockduct_stop(s);
	else if (s->phase == DRAINING)
		drain(s);
}

static void linger_fire(struct timer *t, uint64_t now)
{
	struct sockduct_busy *b = CONTAINER_OF(t, struct sockduct_busy, linger);
	struct sockduct *s = b->of;
	bool again = s->phase == SENDING && b->moved;

	(void)now;
	b->moved = false;
	if (!again || !loop_timer(s->src->loop, t, b->patience))
		sockduct_stop(s);
}

void sockduct_patience(struct sockduct *s, uint64_t ns)
{
	if (s->phase != SENDING)
		return;
	s->busy->patience = ns;
	if (!loop_timer(s->src->loop, &s->busy->linger, ns))
		sockduct_stop(s);
}

void sockduct_close(struct duct *d, enum zt_err why)
{
	struct sockduct *s = of(d);

	if (s->phase != LIVE)
		return;
	if (why && !duct_dead(d))
		sockduct_reset_on_close(s, true);
	s->phase = SENDING;
	sockduct_give_in(s);
	if (why || duct_dead(d)) {
		sockduct_stop(s);
		return;
	}
	sockduct_linger(s);
	if (s->phase == OVER)
		return;
	if (sockduct_make_busy(s) && loop_timer(s->src->loop, &s->busy->linger, SOCKDUCT_LINGER))
		loop_touch(s->src);
	else
		sockduct_stop(s);
}
