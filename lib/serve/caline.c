/*
 * caline: see caline.h. Owns the socket to ca-sign and one list of questions, the oldest first: those
 * that were sent, then those that wait. It believes nothing of an answer before casign_read() and
 * casign_answers() have seen it, and never decides what an answer means.
 *
 * Allocates itself, the end of a line until the loop reaps it, and a question each under BOUND_CA_ASKS, freed when it is answered or given up.
 */
#include "caline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

/* The longest that ca-front asks, CA_ENROL: header, then a request of 8,192 bytes, token, nonce, role,
 * digest, label and address with six bytes in front of each: 8 + 8,192 + 16 + 32 + 1 + 32 + 64 + 64 + 7 * 6. A CA_RENEW by an RSA key is longer: 8 + 8,192 + 512 + 16 + 64 +
 * 4 * 6. */
#define ASK_MAX 8816
#define HEAR_BATCH 4 /* answers a turn: a list comes in parts of 48 KiB */

struct caask {
	struct caline *line;
	struct caask *next;
	struct caask_how how; /* done NULL: forgotten, only its answer is waited for */
	enum casign_type type;
	uint64_t since;
	bool sent, lost;
	size_t n;
	uint8_t bytes[];
};

/* One socket, until the loop has reaped it. */
struct caline_end {
	struct source src;
	struct caline *line;
};

struct caline {
	struct caline_opts o;
	struct caline_end *end; /* NULL: there is no line */
	uint32_t number;
	struct caask *first, *last, *unsent; /* unsent: the first that was not sent; NULL: none */
	unsigned asked;                      /* sent and not answered */
	struct timer patience;               /* of the oldest that somebody waits for */
	struct caline_stats stats;
	uint8_t heard[CASIGN_MAX];
};

/* ---- the list ------------------------------------------------------------------------------ */

static void unlink_ask(struct caline *l, struct caask *a)
{
	struct caask *before = NULL, *at = l->first;

	for (; at != a; at = at->next)
		before = at;
	if (before)
		before->next = a->next;
	else
		l->first = a->next;
	if (l->last == a)
		l->last = before;
	if (l->unsent == a)
		l->unsent = a->next;
	l->asked -= a->sent;
}

static void free_ask(struct caline *l, struct caask *a)
{
	bounds_give(l->o.bounds, BOUND_CA_ASKS, 1);
	free(a);
}

/* The oldest that somebody waits for: they were asked in the order of `since`. */
static struct caask *oldest(const struct caline *l)
{
	struct caask *a = l->first;

	while (a && a->how.done == NULL)
		a = a->next;
	return a;
}

static void set_patience(struct caline *l)
{
	const struct caask *a = oldest(l);
	uint64_t waited = a ? loop_now(l->o.loop) - a->since : 0;

	if (a == NULL)
		loop_timer_stop(l->o.loop, &l->patience);
	else if (!loop_timer(l->o.loop, &l->patience, waited < CALINE_PATIENCE ? CALINE_PATIENCE - waited : 0))
		LOG0(l->o.log, LOG_ERROR, "no memory for a timer: nobody is told when ca-sign does not answer");
}

/* It has left the list already, so its owner may do what it likes. */
static void end_ask(struct caline *l, struct caask *a, const struct casign *ok, const struct why *no)
{
	const struct caask_how how = a->how;

	free_ask(l, a);
	if (how.done)
		how.done(how.owner, ok, no);
}

static void fail_ask(struct caline *l, struct caask *a, enum zt_err e, const char *words)
{
	struct why why = {0};

	why_set(&why, e, "%s", words);
	end_ask(l, a, NULL, &why);
}

/* One that was sent keeps its place, for its answer may still come. */
static void on_patience(struct timer *t, uint64_t now)
{
	struct caline *l = CONTAINER_OF(t, struct caline, patience);
	struct why why = {0};
	struct caask *a;

	why_set(&why, ZT_E_TIMEOUT, "the authority's signing process does not answer; try again later");
	while ((a = oldest(l)) != NULL && now - a->since >= CALINE_PATIENCE) {
		const struct caask_how how = a->how;

		l->stats.late++;
		a->how.done = NULL;
		if (!a->sent) {
			unlink_ask(l, a);
			free_ask(l, a);
		}
		how.done(how.owner, NULL, &why);
	}
	set_patience(l);
}

/* ---- losing a line ------------------------------------------------------------------------- */

/* Nothing durable comes of the one that may have been heard, or the same again comes of it: a renewal
 * with the same key gets the same certificate. Only a CA_PROVE belongs to what the dead one remembered. */
static bool is_lost(const struct caask *a)
{
	return a->how.done && (a->how.only || a->type == CA_PROVE);
}

static void drop_forgotten(struct caline *l)
{
	struct caask *next;

	for (struct caask *a = l->first; a; a = next) {
		next = a->next;
		if (a->how.done)
			continue;
		unlink_ask(l, a);
		free_ask(l, a);
	}
}

static struct caask *first_lost(const struct caline *l)
{
	struct caask *a = l->first;

	while (a && !a->lost)
		a = a->next;
	return a;
}

static void lose(struct caline *l, const char *why)
{
	struct caask *a;

	if (l->end == NULL)
		return;
	LOG(l->o.log, LOG_WARN, "the line to ca-sign is lost", LF_STR("why", why), LF_U64("unanswered", l->asked));
	loop_close(&l->end->src);
	l->end = NULL;
	drop_forgotten(l);
	for (a = l->first; a; a = a->next) {
		a->lost = is_lost(a);
		l->stats.again += a->sent && !a->lost;
		a->sent = false;
	}
	l->unsent = l->first;
	l->asked = 0;
	while ((a = first_lost(l)) != NULL) { /* from the start: its owner may change the list */
		unlink_ask(l, a);
		fail_ask(l, a, ZT_E_AGAIN, "the authority was started again meanwhile; try again");
	}
	set_patience(l);
}

/* ---- hearing ------------------------------------------------------------------------------- */

static void no_of(struct why *why, const struct casign *m)
{
	char text[sizeof why->text];
	enum zt_err e = (enum zt_err)casign_u64(m, CAF_CODE);

	if (span_to_cstr(span_sub(m->field[CAF_TEXT], 0, sizeof text - 1), text, sizeof text) < 0)
		text[0] = 0;
	why_set(why, e, "%s", text);
}

/* NULL: go on. */
static const char *take(struct caline *l, const struct casign *m)
{
	struct caask *a = l->first;
	struct why why = {0};

	if (m->type == CA_NEWS) {
		if (l->o.news)
			l->o.news(l->o.ctx);
		return NULL;
	}
	if (a == NULL || !a->sent)
		return "it answered what was not asked";
	if (m->type == CA_OK && !casign_answers(a->type, m))
		return "its answer has other fields than it must";
	unlink_ask(l, a);
	l->stats.answered++;
	l->stats.refused += m->type == CA_NO;
	if (m->type == CA_NO)
		no_of(&why, m);
	end_ask(l, a, m->type == CA_OK ? m : NULL, &why);
	set_patience(l);
	return NULL;
}

static const char *hear(struct caline_end *end)
{
	struct caline *l = end->line;

	for (unsigned i = 0; i < HEAR_BATCH && l->end == end; i++) {
		ssize_t n = recv(end->src.fd, l->heard, sizeof l->heard, MSG_DONTWAIT | MSG_TRUNC);
		const char *words;
		struct casign m;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return NULL;
		if (n <= 0)
			return n < 0 ? "a system call failed" : "it ended";
		if ((size_t)n > sizeof l->heard || casign_read(span_of(l->heard, (size_t)n), 's', &m) != n)
			return "it sent a malformed message";
		words = take(l, &m);
		if (words)
			return words;
	}
	return NULL;
}

/* ---- asking -------------------------------------------------------------------------------- */

static const char *say(struct caline *l)
{
	while (l->unsent && l->asked < CALINE_ASKED) {
		struct caask *a = l->unsent;
		ssize_t n = send(l->end->src.fd, a->bytes, a->n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM))
			return NULL;
		if (n < 0)
			return "it takes nothing more";
		a->sent = true;
		l->asked++;
		l->unsent = a->next;
	}
	return NULL;
}

static unsigned line_wants(const struct source *s)
{
	const struct caline *l = CONTAINER_OF(s, const struct caline_end, src)->line;

	return l->unsent && l->asked < CALINE_ASKED ? LOOP_IN | LOOP_OUT : LOOP_IN;
}

static void line_ready(struct source *s, unsigned events)
{
	struct caline_end *end = CONTAINER_OF(s, struct caline_end, src);
	struct caline *l = end->line;
	const char *why = events & (LOOP_IN | LOOP_HUP) ? hear(end) : NULL;

	if (why == NULL && l->end == end)
		why = say(l);
	if (why && l->end == end)
		lose(l, why);
}

static void line_reap(struct source *s)
{
	free(CONTAINER_OF(s, struct caline_end, src));
}

static const struct source_class line_class = {"line to ca-sign", line_wants, line_ready, line_reap};

int caline_ask(struct caline *l, const struct casign *m, const struct caask_how *how, struct caask **out)
{
	uint8_t mem[ASK_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct caask *a;

	if (how->only && how->only != caline_number(l))
		return -ZT_E_AGAIN;
	casign_write(&w, m);
	if (w.full)
		return -ZT_E_TOOLONG;
	if (!bounds_take(l->o.bounds, BOUND_CA_ASKS, 1))
		return -ZT_E_FULL;
	a = calloc(1, sizeof *a + w.n);
	if (a == NULL) {
		bounds_give(l->o.bounds, BOUND_CA_ASKS, 1);
		return -ZT_E_NOMEM;
	}
	*a = (struct caask){.line = l, .how = *how, .type = m->type, .since = loop_now(l->o.loop), .n = w.n};
	memcpy(a->bytes, w.p, w.n);
	if (l->last)
		l->last->next = a;
	else
		l->first = a;
	l->last = a;
	if (l->unsent == NULL)
		l->unsent = a;
	l->stats.asked++;
	if (l->end)
		loop_touch(&l->end->src);
	set_patience(l);
	if (out)
		*out = a;
	return 0;
}

void caask_forget(struct caask *a)
{
	struct caline *l = a->line;

	a->how.done = NULL;
	if (!a->sent) {
		unlink_ask(l, a);
		free_ask(l, a);
	}
	set_patience(l);
}

/* ---- the whole ----------------------------------------------------------------------------- */

int caline_new(struct caline **out, const struct caline_opts *o)
{
	struct caline *l = calloc(1, sizeof *l);

	if (l == NULL)
		return -ZT_E_NOMEM;
	l->o = *o;
	l->patience.fire = on_patience;
	*out = l;
	return 0;
}

void caline_link(struct caline *l, int fd)
{
	struct caline_end *end = calloc(1, sizeof *end);

	lose(l, "there is a new one");
	if (end) {
		end->src = (struct source){.cls = &line_class, .fd = fd};
		end->line = l;
	}
	if (end == NULL || loop_add(l->o.loop, &end->src) < 0) {
		LOG0(l->o.log, LOG_ERROR, "no memory for the line to ca-sign");
		close(fd);
		free(end);
		return;
	}
	l->end = end;
	l->number++;
	if (l->o.news)
		l->o.news(l->o.ctx);
}

uint32_t caline_number(const struct caline *l)
{
	return l->end ? l->number : 0;
}

bool caline_well(const struct caline *l)
{
	return l->end && (l->first == NULL || loop_now(l->o.loop) - l->first->since < CALINE_PATIENCE / 4);
}

struct caline_stats caline_stats(const struct caline *l)
{
	return l->stats;
}

void caline_free(struct caline *l)
{
	if (l == NULL)
		return;
	loop_timer_stop(l->o.loop, &l->patience);
	if (l->end)
		loop_close(&l->end->src);
	for (struct caask *a = l->first, *next; a; a = next) {
		next = a->next;
		free_ask(l, a);
	}
	free(l);
}
