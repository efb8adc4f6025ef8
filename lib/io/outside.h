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
/* A name is not its owner's alone: whoever answers for it must not lead to what only this machine may ask, the credentials
 * that clouds hand out at 169.254.169.254 for one, or what listens on loopback only: a server's answer that becomes 127.0.0.1
 * is how that is tried. Written as an address it is meant, and so is what the hosts file says. */
bool outside_may_dial(const struct outside *o, struct span host, const struct addr *to);
void outside_free(struct outside *o); /* before the loop; harmless when there is nothing */

#endif
