/*
 * renewal: the rules of one identity in time. Pure.
 *   renew      by the newest certificate of an identity, or by a superseded parent within its grace when
 *              it asks with the key that the child already has (the answer was lost): then the same child
 *   twin       a parent that asks with another key after it was renewed; or two instances that show the
 *              same certificate at the same time: somebody copied it. Both are suspended, and an alarm.
 */
#ifndef ZT_RENEWAL_H
#define ZT_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#define RENEWAL_GRACE (24 * INT64_C(3600)) /* of a superseded parent, in seconds */

enum renewal {
	RENEWAL_GO,        /* issue a child */
	RENEWAL_AGAIN,     /* give the child that there is again */
	RENEWAL_TWIN,      /* suspend parent and child, alarm */
	RENEWAL_REVOKED, RENEWAL_SUSPENDED, RENEWAL_EXPIRED, RENEWAL_TOO_EARLY, RENEWAL_NOT_THIS_ROLE, RENEWAL_GRACE_OVER
};
struct renewal_case {
	bool revoked, suspended, role_renews;
	int64_t not_before, not_after, now;
	int64_t superseded;   /* 0: not */
	bool child_has_key;   /* its child is for the key that is asked with now */
};
/* TOO_EARLY: in the first tenth of its life; a loop in an agent must not fill the registry. */
enum renewal renewal_of(const struct renewal_case *c);
const char *renewal_text(enum renewal r);

/* Live instances of certificates: a bounded table of the last sightings. */
#define TWIN_WINDOW 45     /* seconds: an agent shows itself every 15 */
struct sighting {
	uint8_t serial[16], instance[16];
	int64_t at;
	bool passed;   /* another instance was seen since */
	uint8_t again; /* how often it came back after another one, without a pause of TWIN_WINDOW */
};
struct sightings {
	struct sighting *row; /* cap of them, the caller's; the oldest is overwritten */
	unsigned n, cap;
};
/* true: this instance showed the certificate again after another one had, twice, all of it without a
 * pause of TWIN_WINDOW. (A restart is one instance that ends and one that begins, and a crash loop is
 * many: none of them comes back, so they are no twins.) */
bool sightings_add(struct sightings *s, const uint8_t serial[static 16], const uint8_t instance[static 16], int64_t now);

#endif
