/*
 * tls: how a handshake begins and how it ends, and what its owner may ask meanwhile. Owns no
 * descriptor: it writes to the owner's. tlspeer.c reads from the peer, tlstalk.c talks to tlsd.
 *
 * Functions that may end a handshake answer whether it is still there; whoever gets a false
 * touches neither it nor its connection again, because the owner may have freed them.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ct.h"
#include "base/num.h"
#include "tls_int.h"

#define ALERT_FATAL 2

/* ---- the end ----------------------------------------------------------------------------- */

bool shake_send(struct tls_shake *sh, struct span s, size_t *gone)
{
	ssize_t n = send(sh->t->src->fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	*gone = n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* In clear while nothing else is expected, sealed behind our ChangeCipherSpec; without keys
 * behind it there is no way to say it. Not when one was sent, nor into the middle of a record. */
static void last_words(struct tls_shake *sh, uint8_t alert)
{
	struct tls_world *w = sh->world;
	struct record *r = &sh->t->out;
	uint8_t mem[TLS_ALERT_BYTES] = {RECORD_ALERT, 3, 3, 0, 2, ALERT_FATAL, alert};
	size_t at = record_head(r), n = RECORD_HEADER + 2, gone;

	if (alert == 0 || sh->alert_out || buf_len(&sh->out) > 0)
		return;
	if (sh->ccs_out) {
		int rc;

		mem[at] = ALERT_FATAL;
		mem[at + 1] = alert;
		rc = record_seal(r, RECORD_ALERT, mem, 2); /* refuses without a key */
		if (rc < 0)
			return;
		n = (size_t)rc;
	}
	sh->alert_out = true;
	shake_send(sh, span_of(mem, n), &gone);
	/* close() on unread bytes is a reset, which overtakes the alert: take what is there. */
	for (unsigned i = 0; i < 4; i++)
		if (recv(sh->t->src->fd, w->hello, sizeof w->hello, MSG_DONTWAIT) < (ssize_t)sizeof w->hello)
			return;
}

/* Nothing of it is wanted any more. tlsd is told unless it said so itself. */
void shake_cancel(struct tls_shake *sh, bool told)
{
	const struct tlsmsg m = {.type = TLSMSG_CANCEL, .id = sh->id};

	if (sh->line == NULL || told || line_say(sh->line, &m) != -ZT_E_AGAIN) {
		shake_delete(sh);
		return;
	}
	queue_leave(sh);
	loop_timer_stop(sh->world->loop, &sh->deadline);
	shake_small(sh, &sh->out);
	shake_small(sh, &sh->done);
	sh->t->shake = NULL;
	sh->t = NULL;
	sh->stage = SHAKE_CANCEL;
	queue_push(&sh->line->blocked, sh);
	loop_touch(&sh->line->src);
}

/* words: a sentence; told: tlsd has ended it already. */
bool shake_end(struct tls_shake *sh, enum tls_fault f, uint8_t alert, bool told, const char *words)
{
	struct tls *t = sh->t;

	last_words(sh, alert);
	sh->world->stats.failed[f]++;
	t->state = TLS_FAILED;
	record_wipe(&t->in);
	record_wipe(&t->out);
	shake_cancel(sh, told);
	t->cls->failed(t, f, words);
	return false;
}

/* The fault's own sentence, and what more is known: NULL or "" for nothing. */
const char *fault_words(char out[static WORDS], enum tls_fault f, const char *detail)
{
	struct wr w = wr_of(out, WORDS - 1);

	wr_str(&w, tls_fault_text(f));
	if (detail && detail[0]) {
		wr_str(&w, ": ");
		wr_str(&w, detail); /* all or nothing; a sentence without it is one still */
	}
	out[w.n] = 0;
	return out;
}

const char *alert_words(char out[static ALERT_WORDS], uint8_t alert)
{
	struct wr w = wr_of(out, ALERT_WORDS - 1);

	wr_fmt(&w, "%s (%u)", tls_alert_text(alert), alert);
	out[w.n] = 0;
	return out;
}

bool shake_fail(struct tls_shake *sh, enum tls_fault f, const char *detail)
{
	char words[WORDS];

	return shake_end(sh, f, tls_fault_alert(f), false, fault_words(words, f, detail));
}

/* Who refuses sends an alert and leaves at once: its end is seen before tlsd has answered the
 * alert, or before it was even handed over. */
bool shake_gone(struct tls_shake *sh)
{
	char detail[ALERT_WORDS];

	if (!sh->refused)
		return shake_fail(sh, TLSF_GONE, NULL);
	sh->t->alert = sh->refusal;
	return shake_fail(sh, TLSF_ALERT, alert_words(detail, sh->refusal));
}

/* A sentence that hello_read() or flight_next() made about the peer. */
bool shake_fail_saying(struct tls_shake *sh, enum tls_fault f, const struct why *why)
{
	return shake_end(sh, f, tls_fault_alert(f), false, why->text[0] ? why->text : tls_fault_text(f));
}

/* tlsd has ended it. */
void shake_told(struct tls_shake *sh, enum tls_fault f, uint8_t alert, const char *detail)
{
	char words[WORDS];

	shake_end(sh, f, alert, true, fault_words(words, f, detail));
}

static void too_late(struct timer *timer, uint64_t now)
{
	struct tls_shake *sh = CONTAINER_OF(timer, struct tls_shake, deadline);

	(void)now;
	if (sh->hurried)
		shake_fail(sh, TLSF_LATE, "others needed its place");
	else
		shake_fail(sh, TLSF_LATE, sh->stage == SHAKE_WAITING ? "no key process was there" : NULL);
}

/* ---- the owner's side -------------------------------------------------------------------- */

static bool flush(struct tls_shake *sh)
{
	size_t gone;

	if (buf_len(&sh->out) == 0)
		return true;
	if (!shake_send(sh, buf_span(&sh->out), &gone))
		return shake_gone(sh);
	buf_take(&sh->out, gone);
	if (buf_len(&sh->out) > 0)
		return true;
	shake_small(sh, &sh->out);
	if (sh->stage != SHAKE_DONE)
		return true;
	shake_finish_kept(sh);
	return false;
}

unsigned tls_wants(const struct tls *t)
{
	const struct tls_shake *sh = t->shake;
	unsigned want = 0;

	if (sh && shake_reads(sh))
		want |= LOOP_IN;
	if (sh && buf_len(&sh->out))
		want |= LOOP_OUT;
	return want;
}

void tls_shake_ready(struct tls *t, unsigned events)
{
	struct tls_shake *sh = t->shake;

	if (sh == NULL || ((events & LOOP_OUT) && !flush(sh)))
		return;
	if (shake_reads(sh) && (events & (LOOP_IN | LOOP_HUP)))
		shake_read(sh);
	else if (events & LOOP_HUP) /* both directions are over: what tlsd has to say is for nobody */
		shake_gone(sh);
}

static int begin(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src)
{
	struct tls_shake *sh;

	*t = (struct tls){.cls = cls, .world = w, .src = src, .most = RECORD_PLAIN};
	shakes_hurry(w);
	sh = shake_new(w, t);
	if (sh == NULL)
		return -ZT_E_FULL;
	sh->deadline.fire = too_late;
	if (!loop_timer(w->loop, &sh->deadline, w->shake_ns)) {
		shake_delete(sh);
		return -ZT_E_NOMEM;
	}
	return 0;
}

int tls_accept(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
	       const struct addr *peer)
{
	int rc;

	*t = (struct tls){0};
	if (!budget_take(&w->budget, peer, loop_now(w->loop))) {
		w->stats.refused_budget++;
		return -ZT_E_DENIED;
	}
	rc = begin(t, w, cls, src);
	if (rc < 0)
		return rc;
	t->state = TLS_HELLO;
	t->shake->owed = loop_now(w->loop);
	return 0;
}

int tls_accept_behind(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		      const struct addr *peer, struct span before)
{
	struct tls_shake *sh;
	int rc;

	*t = (struct tls){0};
	if (before.n > TLS_BEFORE)
		return -ZT_E_TOOLONG;
	rc = tls_accept(t, w, cls, src, peer);
	if (rc < 0)
		return rc;
	loop_touch(src);
	if (before.n == 0)
		return 0;
	sh = t->shake;
	sh->before = before.n;
	sh->in_cap = SHAKE_SMALL - before.n;
	memcpy(&sh->small[sh->in_cap], before.p, before.n);
	loop_again(src); /* no poll will tell of them */
	return 0;
}

/* Handed over by the line's callback in the next turn: failed() is never called from in here. */
int tls_connect(struct tls *t, struct tls_world *w, const struct tls_class *cls, struct source *src,
		const struct tls_connect *req)
{
	struct tls_shake *sh;
	int rc;

	*t = (struct tls){0};
	if (req->name.n >= TLS_NAME)
		return -ZT_E_TOOLONG;
	rc = begin(t, w, cls, src);
	if (rc < 0)
		return rc;
	sh = t->shake;
	rc = span_to_cstr(req->name, sh->name, sizeof sh->name);
	if (rc < 0) {
		shake_delete(sh);
		return rc;
	}
	t->client = true;
	t->state = TLS_SHAKING;
	sh->stage = SHAKE_WAITING;
	sh->plan = req->plan;
	sh->named = req->name.n > 0;
	sh->want_chain = req->want_chain;
	if (req->ip)
		sh->ip = *req->ip;
	queue_push(&w->waiting, sh);
	line_touch(w);
	return 0;
}

void tls_forget_peer(struct tls *t)
{
	if (t->peer)
		pool_put(&t->world->peers, t->peer);
	t->peer = NULL;
}

void tls_free(struct tls *t)
{
	if (t->shake)
		shake_cancel(t->shake, false);
	tls_forget_peer(t);
	wipe(t, sizeof *t);
}
