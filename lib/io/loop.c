/*
 * loop: the turn described in loop.h. Owns the poller, the timer heap and three intrusive
 * lists (touched, again, reap); never reads or writes a descriptor that is not its own.
 */
#include "loop.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "poller.h"

enum { ON_TOUCHED = 1, ON_AGAIN = 2, CLOSING = 4, ADDED = 8, HUNG = 16, PARKED = 32 };

struct loop {
	const struct poller_class *cls;
	struct poller *poller;
	const struct clock *clock;
	struct timers timers;
	uint64_t now;
	struct source *all; /* every added source, newest first */
	struct source *touched, *reap;
	struct source *again, **again_end;
	bool stop, in_turn;
	struct loop_stats stats;
};

int loop_open(struct loop **out, enum loop_backend kind, const struct clock *clock)
{
	struct loop *l = calloc(1, sizeof *l);
	int rc = -ZT_E_NOMEM;

	if (l == NULL)
		return rc;
	l->clock = clock;
	l->again_end = &l->again;
	if (!timers_init(&l->timers, 64)) {
		free(l);
		return rc;
	}
	l->cls = kind == LOOP_POLL ? &poller_poll : &poller_epoll;
	rc = l->cls->open(&l->poller);
	if (rc < 0 && kind == LOOP_BEST) {
		l->cls = &poller_poll;
		rc = l->cls->open(&l->poller);
	}
	if (rc < 0) {
		timers_free(&l->timers);
		free(l);
		return rc;
	}
	l->now = clock_mono(clock);
	*out = l;
	return 0;
}

/* A closed source that is still on the touched or again list stays until that list has been
 * walked once more: the next turn, which then does not wait. */
static void reap_all(struct loop *l)
{
	struct source *later = NULL;

	while (l->reap) {
		struct source *s = l->reap;

		l->reap = s->next;
		if (s->listed & (ON_TOUCHED | ON_AGAIN)) {
			s->next = later;
			later = s;
			continue;
		}
		l->stats.reaped++;
		s->listed = 0;
		s->loop = NULL;
		if (s->cls->reap)
			s->cls->reap(s);
	}
	l->reap = later;
}

static void forget_lists(struct loop *l)
{
	for (; l->touched; l->touched = l->touched->touched_next)
		l->touched->listed &= (uint8_t)~ON_TOUCHED;
	for (; l->again; l->again = l->again->again_next)
		l->again->listed &= (uint8_t)~ON_AGAIN;
	l->again_end = &l->again;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	do { /* a reap() may close other sources */
		while (l->all)
			loop_close(l->all);
		forget_lists(l);
		reap_all(l);
	} while (l->all || l->reap);
	l->cls->free(l->poller);
	timers_free(&l->timers);
	free(l);
}

const char *loop_backend_name(const struct loop *l) { return l->cls->name; }
int loop_fd(const struct loop *l) { return l->cls->fd(l->poller); }
uint64_t loop_now(const struct loop *l) { return l->now; }
const struct clock *loop_clock(const struct loop *l) { return l->clock; }
void loop_stop(struct loop *l) { l->stop = true; }
struct loop_stats loop_stats(const struct loop *l) { return l->stats; }

int loop_add(struct loop *l, struct source *s)
{
	unsigned want;
	int rc;

	ZT_ASSERT(s->cls && s->fd >= 0 && !(s->listed & ADDED));
	want = s->cls->wants(s);
	rc = l->cls->add(l->poller, s, want);
	if (rc < 0)
		return rc;
	s->loop = l;
	s->armed = (uint8_t)want;
	s->listed = ADDED;
	s->prev = NULL;
	s->next = l->all;
	if (l->all)
		l->all->prev = s;
	l->all = s;
	l->stats.sources++;
	l->stats.changes++;
	return 0;
}

bool loop_closed(const struct source *s)
{
	return !(s->listed & ADDED) || (s->listed & CLOSING);
}

unsigned loop_wants_in(const struct source *s)
{
	(void)s;
	return LOOP_IN;
}

void loop_touch(struct source *s)
{
	if (loop_closed(s) || (s->listed & ON_TOUCHED))
		return;
	s->listed |= ON_TOUCHED;
	s->touched_next = s->loop->touched;
	s->loop->touched = s;
}

void loop_again(struct source *s)
{
	if (loop_closed(s) || (s->listed & ON_AGAIN))
		return;
	s->listed |= ON_AGAIN;
	s->again_next = NULL;
	*s->loop->again_end = s;
	s->loop->again_end = &s->again_next;
}

void loop_close(struct source *s)
{
	struct loop *l = s->loop;

	if (loop_closed(s))
		return;
	s->listed |= CLOSING;
	if (!(s->listed & PARKED))
		l->cls->remove(l->poller, s);
	l->stats.changes++;
	l->stats.sources--;
	if (!s->keep_fd)
		close(s->fd);
	s->fd = -1;
	if (s->prev)
		s->prev->next = s->next;
	else
		l->all = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->next = l->reap;
	l->reap = s;
}

bool loop_timer(struct loop *l, struct timer *t, uint64_t after_ns)
{
	return timers_set(&l->timers, t, num_add64_sat(l->now, after_ns));
}

bool loop_timer_by(struct loop *l, struct timer *t, uint64_t at_ns)
{
	return at_ns == UINT64_MAX || (t->pos && t->at <= at_ns) || timers_set(&l->timers, t, at_ns);
}

void loop_timer_stop(struct loop *l, struct timer *t)
{
	timers_stop(&l->timers, t);
}

/* The kernel reports a hang-up whether or not anybody asked, for ever. A source that was told
 * and still wants nothing (its bytes have nowhere to go yet) leaves the poller until it does. */
static void park(struct loop *l, struct source *s, unsigned want)
{
	bool parked = s->listed & PARKED;

	if (parked == (want == 0))
		return;
	l->stats.changes++;
	if (want == 0) {
		l->cls->remove(l->poller, s);
		s->listed |= PARKED;
		return;
	}
	if (l->cls->add(l->poller, s, want) < 0)
		loop_again(s); /* no memory to watch it: let it try its descriptor directly */
	else
		s->listed &= (uint8_t)~PARKED;
}

/* Poll interest is a function of state: asked anew, applied only when it changed. */
static void apply_interest(struct loop *l, struct source *s)
{
	unsigned want = s->cls->wants(s);

	if (s->listed & HUNG)
		park(l, s, want);
	if (want == s->armed)
		return;
	s->armed = (uint8_t)want;
	if (s->listed & PARKED)
		return;
	l->cls->change(l->poller, s, want);
	l->stats.changes++;
}

static void apply_touched(struct loop *l)
{
	while (l->touched) {
		struct source *s = l->touched;

		l->touched = s->touched_next;
		s->listed &= (uint8_t)~ON_TOUCHED;
		if (!loop_closed(s))
			apply_interest(l, s);
	}
}

static int turn_timeout(const struct loop *l, int max_wait_ms)
{
	uint64_t next = timers_next(&l->timers), ms;

	if (l->again || l->touched || l->reap || l->stop)
		return 0;
	if (next == TIMER_NEVER)
		return max_wait_ms;
	/* Round up: waking a fraction early would spin through turns that do nothing. */
	ms = next <= l->now ? 0 : (next - l->now + NS_PER_MS - 1) / NS_PER_MS;
	if (ms > INT32_MAX)
		ms = INT32_MAX;
	return max_wait_ms >= 0 && (uint64_t)max_wait_ms < ms ? max_wait_ms : (int)ms;
}

static void call_ready(struct loop *l, struct source *s, unsigned events)
{
	if (loop_closed(s)) /* closed by another source earlier in this turn */
		return;
	l->stats.events++;
	if (events & LOOP_HUP)
		s->listed |= HUNG;
	s->cls->ready(s, events);
	loop_touch(s);
}

static void run_again(struct loop *l)
{
	struct source *s = l->again, *next;

	/* What callbacks add from here on waits for the next turn. */
	l->again = NULL;
	l->again_end = &l->again;
	for (; s; s = next) {
		next = s->again_next;
		s->listed &= (uint8_t)~ON_AGAIN;
		call_ready(l, s, LOOP_IN | LOOP_ASKED);
	}
}

int loop_turn(struct loop *l, int max_wait_ms)
{
	struct ready ready[POLLER_BATCH];
	int n;

	ZT_ASSERT(!l->in_turn);
	apply_touched(l); /* from outside any turn */
	reap_all(l);
	n = l->cls->wait(l->poller, turn_timeout(l, max_wait_ms), ready);
	l->now = clock_mono(l->clock);
	if (n < 0)
		return n;
	l->in_turn = true;
	l->stats.turns++;
	for (int i = 0; i < n; i++)
		call_ready(l, ready[i].s, ready[i].events);
	l->stats.timers += timers_run(&l->timers, l->now);
	run_again(l);
	apply_touched(l);
	reap_all(l);
	l->in_turn = false;
	return 0;
}

int loop_run(struct loop *l)
{
	int rc = 0;

	l->stop = false;
	while (!l->stop && rc == 0)
		rc = loop_turn(l, -1);
	return rc;
}
