/*
 * outside: how a jailed process reaches others by name: its resolver, its dialer, and what this machine says about
 * names, which comes anew with each configuration. prepare() reads it (sysnames_read() of names), commit() puts it in
 * force (outside_commit), abort() forgets it (sysnames_forget), close() ends all three (outside_free).
 */
#ifndef ZT_OUTSIDE_H
#define ZT_OUTSIDE_H

#include "dial.h"
#include "sysnames.h"

/* Zeroed to begin with. */
struct outside {
	struct resolver *resolver;
	struct dialer *dialer;
	struct sysnames names; /* prepared */
};

int outside_new(struct outside *o, struct loop *l, struct bounds *b); /* 0 or -ZT_E_NOMEM: outside_free() all the same */
void outside_commit(struct outside *o, struct log *log);
/* By decide/namedaddr: a server's answer that becomes 127.0.0.1, or where a cloud hands out credentials, is how this machine
 * is made to ask itself. Written as an address it is meant, and so is loopback where the hosts file says it. */
bool outside_may_dial(const struct outside *o, struct span host, const struct addr *to);
void outside_free(struct outside *o); /* before the loop; harmless when there is nothing */

#endif
