/*
 * renewal: the rules of renewal.h. Owns nothing; the table of sightings is the caller's memory.
 */
#include "renewal.h"

#include <string.h>

#include "base/num.h"

static enum renewal after_renewal(const struct renewal_case *c)
{
	/* Whoever asks with another key does not have the child: a second holder of the parent's key. Also
	 * when the grace is over, or a thief who renewed first would only have to wait. */
	if (!c->child_has_key)
		return RENEWAL_TWIN;
	return c->now >= c->superseded + RENEWAL_GRACE ? RENEWAL_GRACE_OVER : RENEWAL_AGAIN;
}

enum renewal renewal_of(const struct renewal_case *c)
{
	if (c->revoked)
		return RENEWAL_REVOKED;
	if (c->suspended)
		return RENEWAL_SUSPENDED;
	if (!c->role_renews)
		return RENEWAL_NOT_THIS_ROLE;
	if (c->now >= c->not_after)
		return RENEWAL_EXPIRED;
	if (c->superseded)
		return after_renewal(c);
	if (c->now - c->not_before < (c->not_after - c->not_before) / 10)
		return RENEWAL_TOO_EARLY;
	return RENEWAL_GO;
}

static const char *const texts[] = {
	[RENEWAL_GO] = "it is renewed",
	[RENEWAL_AGAIN] = "it was renewed already, for this very key",
	[RENEWAL_TWIN] = "it was renewed already, with another key: two hold this certificate, and both are suspended",
	[RENEWAL_REVOKED] = "the certificate is revoked",
	[RENEWAL_SUSPENDED] = "the certificate is suspended",
	[RENEWAL_EXPIRED] = "the certificate has expired: it takes a new join token",
	[RENEWAL_TOO_EARLY] = "the certificate is in the first tenth of its life: renew it later",
	[RENEWAL_NOT_THIS_ROLE] = "certificates of this role do not renew themselves: issue a new one",
	[RENEWAL_GRACE_OVER] = "the certificate was renewed, and its time of grace is over",
};

const char *renewal_text(enum renewal r)
{
	return (size_t)r < ARRAY_LEN(texts) ? texts[r] : "?";
}

/* ---- two that show the same certificate ------------------------------------------------- */

static bool is_recent(const struct sighting *s, int64_t now)
{
	return now - s->at < TWIN_WINDOW;
}

/* The row of this instance: its own, a free one, or the one seen longest ago. */
static struct sighting *row_for(struct sightings *s, const uint8_t *serial, const uint8_t *instance)
{
	struct sighting *oldest = &s->row[0];

	for (unsigned i = 0; i < s->n; i++) {
		if (memcmp(s->row[i].serial, serial, 16) == 0 && memcmp(s->row[i].instance, instance, 16) == 0)
			return &s->row[i];
		if (s->row[i].at < oldest->at)
			oldest = &s->row[i];
	}
	if (s->n < s->cap)
		oldest = &s->row[s->n++];
	*oldest = (struct sighting){0};
	memcpy(oldest->serial, serial, 16);
	memcpy(oldest->instance, instance, 16);
	return oldest;
}

/*
 * One that ended never comes back, so an instance that shows itself after another one has (`passed`)
 * shows that both live. Once may be a message that came late; twice (`again`) is a twin. It does not
 * help a thief to call himself something else each time.
 */
bool sightings_add(struct sightings *s, const uint8_t serial[static 16], const uint8_t instance[static 16], int64_t now)
{
	struct sighting *me;
	bool others = false;

	if (s->cap == 0)
		return false;
	me = row_for(s, serial, instance);
	for (unsigned i = 0; i < s->n; i++) {
		struct sighting *o = &s->row[i];

		if (o == me || memcmp(o->serial, serial, 16) != 0 || !is_recent(o, now))
			continue;
		others = true;
		o->passed = true;
	}
	if (!others || !is_recent(me, now))
		me->again = 0;
	else if (me->passed && me->again < 2)
		me->again++;
	me->passed = false;
	me->at = now;
	return me->again >= 2;
}
