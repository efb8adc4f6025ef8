/*
 * standing: what a visitor's certificate says, and what the status list says of it now.
 */
#ifndef ZT_STANDING_H
#define ZT_STANDING_H

#include "edge.h"

struct standing { /* zero: none was shown */
	struct policy_cert cert;
	char ca[CERT_CA_ID + 1]; /* who issued it, by its zt:// name; "": it has none */
};

/* der is what he showed: tls has judged chain, form, purpose, and the role where the host demands one (role_checked). */
void standing_note(struct standing *s, const struct tls_peer *peer, bool role_checked, struct span der);
/* By the list as it is now. lives: of what has begun, which outlasts a list that is too old to begin something new, until
 * cut_stale. */
void standing_judge(struct standing *s, const struct edge *e, bool lives);

#endif
