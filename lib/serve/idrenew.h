/*
 * idrenew: renews an identity in its place, shown to the authority over TLS: `zt id renew` and, when it is
 * time, `zt id keep`. The key of a renewal that got no answer is kept and asked with again, because another
 * key would look like somebody who has a copy of the identity. No private key is in memory while the
 * network is talked to.
 */
#ifndef ZT_IDRENEW_H
#define ZT_IDRENEW_H

#include "enrolcall.h"

struct idrenew {
	const char *who, *dir; /* "zt id renew"; the directory, absolute */
	bool same_key;
	bool *signalled;       /* as in enrolcall_run() */
};
/* May an identity of this role show itself to the authority, to renew or to watch? -ZT_E_DENIED: the
 * role does not renew itself. */
int idrenew_role(enum cert_role role, struct why *w);
/* 0: identity.pem is the new one. -ZT_E_DENIED: it is too late, or the authority refuses. */
int idrenew(const struct idrenew *o, struct why *w);

/* "<dir>/identity.pem" into out; -ZT_E_TOOLONG. */
#define IDENTITY_PATH 400
int identity_path(const char *dir, char out[static IDENTITY_PATH], struct why *w);

#endif
