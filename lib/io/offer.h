/* offer: what one supervisor hands to the next; see offer.c. */
#ifndef ZT_OFFER_H
#define ZT_OFFER_H

#include "base/err.h"

struct listeners;
struct super;

#define OFFER_FDS 3 /* first: locks of state and of the control socket's place, the control socket */

int offer_send(struct super *s); /* over s->up.line */
int offer_take(struct super *s, struct listeners *offered, int *control, struct why *w);

#endif
