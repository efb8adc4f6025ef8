/*
 * heirs: children whose jail lets them take no new configuration (super_child.anew). A renewal
 * starts a second process with the new one; being ready is its answer. When all agree it serves,
 * and the one before drains, for as long as [limits] drain, or until ELDERS more renewals have taken over: a handshake
 * that it has begun is not lost to reloads that come quickly. Likewise who yielded to a successor that did not live: it
 * finishes what it began, and another one serves beside it.
 * Owns no process: kid.c starts, hears and buries them.
 */
#include "super_int.h"

static struct kid *place_for(struct super *s, const struct super_child *what)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].what == what && s->kids[i].part == KID_NOBODY)
			return &s->kids[i];
	return NULL;
}

static int start_one(struct super *s, const struct super_child *what, struct why *w)
{
	struct kid *k = place_for(s, what);
	int rc;

	if (k == NULL)
		return why_set(w, ZT_E_AGAIN, "the children %s of earlier reloads are still ending; try again", what->proc);
	k->part = KID_HEIR;
	rc = kid_launch(k, w);
	if (rc < 0)
		k->part = KID_NOBODY;
	else
		k->offered = true;
	return rc;
}

int heirs_start(struct super *s, struct why *w)
{
	int rc = 0;

	for (size_t i = 0; i < s->role->n && rc == 0; i++)
		if (s->role->children[i].anew)
			rc = start_one(s, &s->role->children[i], w);
	return rc;
}

void heirs_drop(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++)
		if (s->kids[i].part == KID_HEIR) {
			s->kids[i].part = KID_ELDER; /* it may still be dying when the next renewal takes over */
			kid_replace(&s->kids[i]);
		}
}

/* The one that served becomes an elder, or goes at once when it never served this epoch. */
static void retire(struct kid *k)
{
	switch (k->state) {
	case KID_DOWN:
		kid_forget(k);
		return;
	case KID_STARTING:
		k->part = KID_ELDER;
		kid_replace(k);
		return;
	case KID_UP:
	case KID_LEAVING:
		k->part = KID_ELDER;
		return;
	}
}

/* Its faults are those of its kind, not of one process. */
static void inherit(struct kid *heir, const struct kid *from)
{
	heir->restarts = from->restarts;
	for (size_t i = 0; i < DEATHS; i++)
		heir->deaths[i] = from->deaths[i];
	for (size_t i = 0; i < sizeof heir->last_death; i++)
		heir->last_death[i] = from->last_death[i];
	heir->tries = 0;
	heir->part = KID_SERVES;
}

void heirs_take_over(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) /* those that still drain have had their time */
		if (s->kids[i].part == KID_ELDER && s->kids[i].what->anew && s->kids[i].epoch + ELDERS < s->epoch)
			kid_replace(&s->kids[i]);
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *heir = &s->kids[i];

		if (heir->part == KID_HEIR) {
			struct kid *before = kid_of(s, kid_kind(heir), 0);

			retire(before);
			inherit(heir, before);
		}
	}
}

void heirs_drain_elders(struct super *s)
{
	for (size_t i = 0; i < s->nkids; i++) {
		struct kid *k = &s->kids[i];

		if (k->part != KID_ELDER || k->state != KID_UP)
			continue;
		kid_drain(k);
		if (!loop_timer(s->loop, &k->timer, s->conf->limits.drain_ms * NS_PER_MS))
			kid_replace(k);
	}
}

void heirs_stand_in(struct kid *k)
{
	struct super *s = k->super;
	struct kid *n = place_for(s, k->what);

	if (n == NULL && s->nkids < KIDS) {
		n = &s->kids[s->nkids++];
		kid_init(s, n, k->what);
	}
	if (n == NULL || !loop_timer(s->loop, &k->timer, s->conf->limits.linger_ms * NS_PER_MS)) {
		kid_replace(k);
		return;
	}
	n->index = k->index;
	inherit(n, k);
	k->part = KID_ELDER;
	k->lingers = true;
	kid_start(n);
}
