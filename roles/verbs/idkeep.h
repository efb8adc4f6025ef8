/*
 * idkeep: keeps an identity alive in the foreground: watches the authority's status list and renews when it
 * is time, until a signal, or until the identity itself is revoked or suspended.
 */
#ifndef ZT_IDKEEP_H
#define ZT_IDKEEP_H

#include <stdint.h>

#include "base/err.h"

struct idkeep {
	const char *dir;  /* absolute */
	int64_t before_s; /* renew when no more is left; 0: at two thirds of its life */
};
/* 0: a signal ended it. -ZT_E_DENIED: revoked, suspended or expired. -ZT_E_LOCKED: another one runs. */
int idkeep(const struct idkeep *o, struct why *w);

#endif
