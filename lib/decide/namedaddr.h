/*
 * namedaddr: where the name of an origin may lead. A name is not its owner's alone: whoever answers for it must not lead
 * to what only this machine may ask. Pure.
 */
#ifndef ZT_NAMEDADDR_H
#define ZT_NAMEDADDR_H

#include "wire/addr.h"

enum named_addr {
	NAMED_FINE,
	NAMED_LOOPBACK, /* fine where this machine itself says so: localhost, its hosts file */
	NAMED_NEVER     /* no address at all, link-local, or where a cloud hands out credentials */
};

/* Of an IPv6 address that carries an IPv4 one (NAT64, 6to4) the worse of the two. */
enum named_addr named_addr(const struct addr *to);

#endif
