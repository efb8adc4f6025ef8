/*
 * front_watch: those who watch the status list. One that has the newest list costs a timer and no buffer;
 * when there are news all of them want the same, which is fetched once (serve/cadocs). Every 15 seconds
 * each is shown to ca-sign, which knows twins and who is not welcome any more.
 */
#include <string.h>

#include "base/num.h"
#include "front.h"
#include "wire/statlist.h"

static struct peer *peer_waiting(struct cadoc_wait *w)
{
	return CONTAINER_OF(w, struct peer, wait);
}

static void send_list(struct peer *c, struct cadoc *d)
{
	uint8_t mem[ENROLD_LIST_HEAD];
	struct wr w = wr_of(mem, sizeof mem);
	struct enrold *e = &c->enrolment->d;

	if (d->n > ENROL_LIST_MAX - ENROLD_LIST_HEAD) {
		peer_close(c, "the status list is longer than a frame may be");
		return;
	}
	e->epoch = d->epoch;
	e->number = d->number;
	enrold_list_head(&w, d->n);
	c->f->stats.lists++;
	peer_send(c, &(struct message){.head = wr_span(&w), .doc = d}, AFTER_WATCH);
}

/* Do these changes cut this watcher off? The list is still ca-sign's to judge: it only says whom to ask
 * about before his next beat. A full one is what comes right after he was asked about. */
static bool is_named(const struct cadoc *d, const uint8_t serial[static STATLIST_KEY])
{
	struct status_entry e;
	struct statlist l;

	if (statlist_read(&l, cadoc_span(d), NULL) < 0 || l.kind != STATLIST_DELTA)
		return false;
	for (uint32_t i = 0; i < l.n; i++) {
		statlist_entry(&l, i, &e);
		if (e.what == STATUS_CERT && (e.state == STATUS_SUSPENDED || e.state == STATUS_REVOKED) &&
		    memcmp(e.key, serial, STATLIST_KEY) == 0)
			return true;
	}
	return false;
}

static void beat(struct peer *c)
{
	struct enrold_out o;

	enrol_step(c, enrold_beat(&c->enrolment->d, &o), &o);
}

static void on_list(struct cadoc_wait *w, struct cadoc *doc, const struct why *why)
{
	struct peer *c = peer_waiting(w);
	const struct enrold *e = &c->enrolment->d;

	(void)why; /* the next tick asks again; J has a patience of its own */
	if (doc && doc->n && (doc->epoch != e->epoch || doc->number != e->number)) {
		send_list(c, doc);
		if (c->state != PEER_OVER && is_named(doc, e->serial))
			beat(c);
	} else {
		watcher_go_on(c);
	}
}

static void put(struct enrol *m, enum enrol_field f, struct span s)
{
	m->has[f] = s.n > 0;
	m->field[f] = s;
}

static void on_anchors(struct cadoc_wait *w, struct cadoc *doc, const struct why *why)
{
	struct peer *c = peer_waiting(w);
	struct enrolment *e = c->enrolment;
	struct enrol m = {.type = ENROL_ANCHORS};

	(void)why;
	if (doc == NULL || doc->number == e->anchors) {
		watcher_go_on(c);
		return;
	}
	e->anchors = doc->number;
	put(&m, ENF_INFRA, cadoc_anchors(doc, ANCHOR_INFRA));
	put(&m, ENF_DEVICE, cadoc_anchors(doc, ANCHOR_DEVICE));
	put(&m, ENF_ACME, cadoc_anchors(doc, ANCHOR_ACME));
	put(&m, ENF_TRUST, cadoc_trust(doc));
	enrol_frame(c, &m, AFTER_WATCH);
}

static bool get(struct peer *c, const struct cadoc_key *k, void (*done)(struct cadoc_wait *, struct cadoc *, const struct why *))
{
	c->wait.done = done;
	return cadocs_get(c->f->docs, k, &c->wait) == 0; /* else the next tick asks again */
}

void watcher_go_on(struct peer *c)
{
	struct enrolment *e = c->enrolment;
	struct enrold_out o;

	if (c->state != PEER_WATCH || c->wait.at)
		return;
	if (e->shut) {
		enrold_refuse(&e->d, e->d.code, NULL, &o); /* again, now that there is room for it */
		enrol_frame(c, &o.say, AFTER_CLOSE);
		return;
	}
	if (e->due_list) {
		const struct cadoc_key k = {.kind = CADOC_STATUS, .epoch = e->d.epoch, .base = e->d.number};

		e->due_list = false;
		if (get(c, &k, on_list))
			return;
	}
	if (e->due_anchors) {
		e->due_anchors = false;
		get(c, &(struct cadoc_key){.kind = CADOC_ANCHORS}, on_anchors);
	}
}

static void set_tick(struct front *f)
{
	if (!loop_timer(f->child.loop, &f->tick, f->child.conf->ca.list_ms * NS_PER_MS))
		LOG0(&f->child.log, LOG_ERROR, "no memory for a timer: watchers are told of changes only");
}

static void tell_all(struct front *f)
{
	struct peer *next;

	for (struct peer *c = f->first; c; c = next) {
		next = c->next;
		if (c->enrolment == NULL || !c->enrolment->watches)
			continue;
		c->enrolment->due_list = c->enrolment->due_anchors = true;
		watcher_go_on(c);
	}
}

/* What is being fetched now may have been made before the news: it stays due, and is asked for again
 * behind it. */
void watcher_news(struct front *f)
{
	if (f->watchers)
		tell_all(f);
}

void watcher_tick(struct timer *t, uint64_t now)
{
	struct front *f = CONTAINER_OF(t, struct front, tick);

	(void)now;
	tell_all(f);
	if (f->watchers)
		set_tick(f);
}

/* ---- is it still good? --------------------------------------------------------------------- */

static void on_beat(struct timer *t, uint64_t now)
{
	struct enrolment *e = CONTAINER_OF(t, struct enrolment, beat);
	struct peer *c = e->c;

	(void)now;
	if (!loop_timer(c->f->child.loop, &e->beat, ENROLD_BEAT * NS_PER_S)) {
		peer_close(c, "out of memory");
		return;
	}
	beat(c);
}

void watcher_begin(struct peer *c)
{
	struct enrolment *e = c->enrolment;
	struct front *f = c->f;

	e->watches = e->due_list = e->due_anchors = true;
	e->beat.fire = on_beat;
	if (f->watchers++ == 0)
		set_tick(f);
	f->stats.watched++;
	LOG(&f->child.log, LOG_INFO, "watches", LF_STR("peer", e->d.peer), LF_STR("role", cert_role(e->role)->name),
	    LF_U64("number", e->d.number));
	if (!loop_timer(f->child.loop, &e->beat, ENROLD_BEAT * NS_PER_S)) {
		peer_close(c, "out of memory");
		return;
	}
	peer_set(c, PEER_WATCH, 0);
	watcher_go_on(c);
	io_idle(c);
}

void watcher_leave(struct enrolment *e)
{
	struct front *f = e->c->f;

	if (!e->watches)
		return;
	e->watches = false;
	loop_timer_stop(f->child.loop, &e->beat);
	if (--f->watchers == 0)
		loop_timer_stop(f->child.loop, &f->tick);
}
