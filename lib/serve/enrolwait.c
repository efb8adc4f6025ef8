/*
 * enrolwait: see enrolwait.h. Owns the listening sockets and a talk for each caller, allocated under
 * ENROLWAIT_CALLERS and freed when its socket is reaped. It judges nobody: serve/enroltalk does, before a byte is said
 * inside TLS.
 */
#include "enrolwait.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

struct enrolwait_caller {
	struct enrolwait *w;
	struct enrolwait_caller *next;
	struct addr peer;
	struct enrolee e;
	struct identity_where where; /* what it is called, in sentences */
	bool granted, broken;        /* broken: said() would not have it */
	struct enroltalk talk;
};

static void take_out(struct enrolwait_caller *c)
{
	struct enrolwait *w = c->w;
	struct enrolwait_caller **at = &w->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	w->callers--;
	w->e->asked_for |= c->e.asked_for;
}

/* ---- what a caller says ------------------------------------------------------------------------- */

static struct enrolwait_caller *caller_of(struct enroltalk *t)
{
	return CONTAINER_OF(t, struct enrolwait_caller, talk);
}

static int on_said(struct enroltalk *t, enum enrolee_event ev, const struct enrol *m, struct why *why)
{
	struct enrolwait_caller *c = caller_of(t);
	int rc = c->w->cls->said(c->w, ev, m, why);

	c->granted = ev == ENROLEE_GRANTED;
	c->broken = rc < 0;
	return rc;
}

/* What the authority itself says of token or key is final. That it has too much to do is not, nor that the
 * connection broke: it may call again. */
static bool is_final(const struct enrolwait_caller *c, int rc)
{
	return c->broken || (rc == 0 && c->granted) || (c->e.refused && (rc == -ZT_E_TOKEN || rc == -ZT_E_DENIED));
}

static void on_over(struct enroltalk *t, int rc)
{
	struct enrolwait_caller *c = caller_of(t);
	struct enrolwait *w = c->w;

	take_out(c);
	if (!is_final(c, rc)) {
		if (rc < 0)
			w->cls->missed(w, &t->why);
		return;
	}
	w->e->refused = c->e.refused;
	enrolwait_end(w);
	w->cls->over(w, rc, &t->why);
}

static void on_reaped(struct enroltalk *t)
{
	free(caller_of(t));
}

static const struct enroltalk_class talk_class = {.said = on_said, .over = on_over, .reaped = on_reaped};

/* ---- who comes ------------------------------------------------------------------------------------ */

/* The one that came first and was not met, of all or of those at `peer`'s; *n: how many they are. */
static struct enrolwait_caller *oldest(const struct enrolwait *w, const struct addr *peer, size_t *n)
{
	struct enrolwait_caller *found = NULL;

	*n = 0;
	for (struct enrolwait_caller *c = w->first; c; c = c->next)
		if (peer == NULL || addr_same_net(peer, &c->peer)) {
			found = c->talk.met ? found : c;
			++*n;
		}
	return found;
}

static bool make_place(struct enrolwait *w, const struct addr *peer)
{
	size_t here, all;
	struct enrolwait_caller *of_peer = oldest(w, peer, &here), *of_all = oldest(w, NULL, &all);
	struct enrolwait_caller *victim = here >= ENROLWAIT_EACH ? of_peer : of_all;

	if (here < ENROLWAIT_EACH && all < ENROLWAIT_CALLERS)
		return true;
	if (victim == NULL)
		return false; /* all of them are the authority */
	take_out(victim);
	enroltalk_end(&victim->talk);
	return true;
}

static void on_accepted(struct listener *ls, int fd, const struct addr *peer)
{
	struct enrolwait *w = CONTAINER_OF(ls, struct enrolwait_door, l)->w;
	struct enrolwait_caller *c = make_place(w, peer) ? calloc(1, sizeof *c) : NULL;
	char name[ADDR_TEXT];

	if (c == NULL) {
		close(fd);
		return;
	}
	c->w = w;
	c->peer = *peer;
	c->e = *w->e;
	c->where.n = 1;
	span_to_cstr(span_str(addr_text(peer, name)), c->where.addr[0], sizeof c->where.addr[0]);
	c->talk.cls = &talk_class;
	c->talk.loop = w->loop;
	c->talk.world = w->world;
	c->talk.where = &c->where;
	c->talk.e = &c->e;
	c->talk.floor = w->floor;
	c->next = w->first;
	w->first = c;
	w->callers++;
	enroltalk_take(&c->talk, fd);
}

static const struct listener_class door_class = {.accepted = on_accepted};

int enrolwait_start(struct enrolwait *w, const int *fds, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		w->door[i].w = w;
		if (rc < 0)
			close(fds[i]);
		else
			rc = listener_start(&w->door[i].l, w->loop, fds[i], &door_class);
		w->doors += rc == 0;
	}
	if (rc < 0)
		enrolwait_end(w);
	return rc;
}

void enrolwait_end(struct enrolwait *w)
{
	for (size_t i = 0; i < w->doors; i++)
		listener_close(&w->door[i].l);
	w->doors = 0;
	while (w->first) {
		struct enrolwait_caller *c = w->first;

		take_out(c);
		enroltalk_end(&c->talk);
	}
}
