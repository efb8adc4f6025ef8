/*
 * net: sockets. Addresses to and from the kernel, listening, accepting without ever spinning,
 * the options of a TCP connection, and a connect that does not block. Every descriptor made
 * here is non-blocking and close-on-exec.
 *
 * An IPv6 listener takes IPv6 only (IPV6_V6ONLY): "listen = [::]:443" never opens an IPv4
 * door that nobody wrote down, and no peer turns up as ::ffff:192.0.2.1. Both families are
 * two listeners.
 */
#ifndef ZT_NET_H
#define ZT_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop.h"
#include "wire/addr.h"
#include "wire/resolvconf.h"

/* The length to pass with out; a->family must be 4 or 6. */
socklen_t net_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* Canonical (::ffff:a.b.c.d becomes a.b.c.d); family 0 for anything but IPv4 and IPv6. */
struct addr net_from_sockaddr(const struct sockaddr_storage *ss);
struct addr net_local(int fd); /* family 0 when there is none */
struct addr net_peer(int fd);

/* The scope of link-local name servers that were written with an interface's name; servers
 * whose interface does not exist are taken out. Asks the kernel: call it before a jail does
 * not let you. Answers how many were taken out. */
unsigned net_resolvconf(struct resolvconf *c);

/* The soft limit of open descriptors up to the hard one. What it is now, or -ZT_E_…. */
int64_t net_raise_nofile(void);

struct net_listen {
	struct addr at;
	int backlog;    /* 0: NET_BACKLOG */
	bool reuseport; /* several workers on one address, spread by the kernel; */
	bool first;     /* the first of them: another program that is there is a fault */
	bool later;     /* bound only: nobody is sent there before a listen() */
};
#define NET_BACKLOG 1024 /* the kernel cuts it to net.core.somaxconn */

/* A descriptor, or -ZT_E_… with a sentence that names the address and what to do. */
int net_listen(const struct net_listen *o, struct why *why);

/* Zero leaves an option as the system has it. */
struct net_tune {
	bool nodelay;
	unsigned idle_s, interval_s, probes; /* keep-alive: on when idle_s > 0 */
	unsigned user_timeout_ms;            /* unacknowledged bytes may wait this long */
	unsigned notsent_lowat;              /* bytes */
};
/* 0, or -ZT_E_… of the first option that the kernel refused. */
int net_tune(int fd, const struct net_tune *t);

/* The least round trip that the kernel has seen lately on a connection, in us; UINT32_MAX: it does not say. Both ends are
 * kernels: nobody's waiting for a processor is in it. */
uint32_t net_least_rtt_us(int fd);
uint64_t net_acked(int fd); /* bytes that the peer's kernel has taken; 0: ours does not say */
/* How much of what arrives may wait unread, about; 0: the kernel measures that itself, again. A kernel that cannot be
 * told the latter (before 5.15) is not told the former: -ZT_E_…. */
int net_unread_most(int fd, unsigned bytes);

/* Begin to connect. A descriptor that becomes LOOP_OUT (or LOOP_HUP) when it is decided, then
 * net_connected(); or -ZT_E_… when it is decided already. */
int net_connect(const struct addr *to);
/* 0 or -ZT_E_REFUSED, -ZT_E_TIMEOUT, …; -ZT_E_AGAIN while undecided. */
int net_connected(int fd);
/* To a socket file, which is decided at once: a descriptor, or -ZT_E_REFUSED, -ZT_E_NOTFOUND, -ZT_E_PERM, -ZT_E_FULL (whoever
 * listens does not accept as fast), -ZT_E_DENIED (a symbolic link on the way that somebody else than root or ourselves
 * could have made), … It needs /proc. */
int net_connect_file(const char *path);

/*
 * A listening socket on the loop. At most LOOP_ACCEPTS connections a turn go to accepted().
 *
 * Out of descriptors or memory: the pending connection would make the descriptor readable
 * for ever. So the listener gives up its spare descriptor, accepts and closes one connection
 * with it (that peer is told at once instead of waiting in the backlog), takes the spare back
 * and looks away for NET_PAUSE. Errors that it does not know make it look away too.
 */
#define NET_PAUSE (100 * NS_PER_MS)

struct listener;
struct listener_class {
	/* fd is the callee's now. It may listener_close(). peer is canonical. */
	void (*accepted)(struct listener *ls, int fd, const struct addr *peer);
	void (*reap)(struct listener *ls); /* after listener_close(): may free it; may be NULL */
};
struct listener { /* embed it; zero-initialise */
	struct source src;
	const struct listener_class *cls;
	struct timer timer; /* in the heap from start to close, so pausing never needs memory */
	int spare;
	bool paused;
	struct {
		uint64_t accepted, shed, pauses; /* shed: accepted and closed for want of descriptors */
	} stats;
};

/* fd must listen; it is the listener's from here on, also when this fails (then closed). */
int listener_start(struct listener *ls, struct loop *l, int fd, const struct listener_class *cls);
void listener_close(struct listener *ls); /* harmless when closed already */

#endif
