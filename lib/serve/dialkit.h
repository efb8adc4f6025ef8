/*
 * dialkit: what a command needs to reach a name the way a role would: a loop, a resolver that
 * goes by this machine's name servers and hosts file (or by others), a dialer.
 */
#ifndef ZT_DIALKIT_H
#define ZT_DIALKIT_H

#include "io/dial.h"
#include "io/resolve.h"
#include "wire/resolvconf.h"

struct dialkit {
	const char *who;        /* "zt net probe", for warnings on stderr */
	struct resolvconf conf; /* .n = 0 before dialkit_open(): the machine's name servers */
	const char *hosts;      /* NULL: the machine's */
	struct bounds bounds;
	struct loop *loop;
	struct resolver *resolver;
	struct dialer *dialer;
};

/* 0 or -ZT_E_…; dialkit_close() in either case. */
int dialkit_open(struct dialkit *k);
void dialkit_close(struct dialkit *k);

#endif
