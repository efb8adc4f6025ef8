/*
 * net: the socket calls of net.h. Owns the listening descriptor and the spare of each
 * listener and nothing else; never reads or writes a byte of a connection.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"

socklen_t net_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

	ZT_ASSERT(a->family == 4 || a->family == 6);
	*out = (struct sockaddr_storage){0};
	if (a->family == 4) {
		memcpy(&v4.sin_addr, a->ip, 4);
		memcpy(out, &v4, sizeof v4);
		return sizeof v4;
	}
	memcpy(&v6.sin6_addr, a->ip, 16);
	v6.sin6_scope_id = a->scope;
	memcpy(out, &v6, sizeof v6);
	return sizeof v6;
}

struct addr net_from_sockaddr(const struct sockaddr_storage *ss)
{
	struct addr a = {0};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (ss->ss_family == AF_INET) {
		memcpy(&v4, ss, sizeof v4);
		a.family = 4;
		memcpy(a.ip, &v4.sin_addr, 4);
		a.port = ntohs(v4.sin_port);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(&v6, ss, sizeof v6);
		a.family = 6;
		memcpy(a.ip, &v6.sin6_addr, 16);
		a.port = ntohs(v6.sin6_port);
		a.scope = v6.sin6_scope_id;
		addr_canon(&a);
	}
	return a;
}

static struct addr name_of(int (*ask)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof ss;

	if (ask(fd, (struct sockaddr *)&ss, &n) < 0)
		return (struct addr){0};
	return net_from_sockaddr(&ss);
}

struct addr net_local(int fd) { return name_of(getsockname, fd); }
struct addr net_peer(int fd) { return name_of(getpeername, fd); }

unsigned net_resolvconf(struct resolvconf *c)
{
	unsigned gone = 0;
	uint8_t kept = 0;

	for (uint8_t i = 0; i < c->n; i++) {
		if (c->zone[i][0] && (c->server[i].scope = if_nametoindex(c->zone[i])) == 0) {
			gone++;
			continue;
		}
		c->server[kept] = c->server[i];
		memmove(c->zone[kept], c->zone[i], sizeof c->zone[i]);
		kept++;
	}
	c->n = kept;
	return gone;
}

int64_t net_raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return -(int64_t)err_from_errno(errno);
	if (r.rlim_cur != r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) < 0)
			return -(int64_t)err_from_errno(errno);
	}
	return r.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)r.rlim_cur;
}

static int open_socket(const struct addr *a, int type)
{
	return socket(a->family == 4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int set_int(int fd, int level, int name, unsigned value)
{
	int v = value > INT32_MAX ? INT32_MAX : (int)value;

	return setsockopt(fd, level, name, &v, sizeof v);
}

static const struct {
	int sys;
	const char *advice;
} listen_advice[] = {
	{EADDRINUSE, "another program has this address; 'ss -ltnp' shows which one. Stop it, or listen "
		     "on another port"},
	{EACCES, "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE. Start zt as root "
		 "(it drops what it does not need), or listen on a port from 1024 up"},
	{EADDRNOTAVAIL, "no interface of this machine has this address; 'ip addr' lists those it has"},
	{EAFNOSUPPORT, "this machine has no IPv6; take the line out or listen on an IPv4 address"},
	{EMFILE, "the limit of open files is reached; raise it ('ulimit -n', LimitNOFILE=)"},
};

static int listen_why(struct why *why, const struct addr *at, int sys)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(listen_advice); i++)
		if (listen_advice[i].sys == sys)
			return why_sys(why, sys, "cannot listen on %s (%s)", addr_text(at, text),
				       listen_advice[i].advice);
	return why_sys(why, sys, "cannot listen on %s", addr_text(at, text));
}

/* SO_REUSEADDR: connections of an earlier zt that linger in TIME_WAIT must not keep it from
 * starting again. On Linux it never lets two programs listen on one address. */
static int bind_and_listen(int fd, const struct net_listen *o)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(&o->at, &ss);

	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    (o->reuseport && !o->first && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) ||
	    (o->at.family == 6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) ||
	    bind(fd, (struct sockaddr *)&ss, n) < 0)
		return -1;
	/* Behind bind(), which has found nobody there: another one of our own user with this option would have passed. */
	if (o->reuseport && o->first && (listen(fd, 1) < 0 || set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0))
		return -1;
	return o->later ? 0 : listen(fd, o->backlog > 0 ? o->backlog : NET_BACKLOG);
}

int net_listen(const struct net_listen *o, struct why *why)
{
	int fd = open_socket(&o->at, SOCK_STREAM), sys;

	if (fd < 0)
		return listen_why(why, &o->at, errno);
	if (bind_and_listen(fd, o) == 0)
		return fd;
	sys = errno;
	close(fd);
	return listen_why(why, &o->at, sys);
}

int net_tune(int fd, const struct net_tune *t)
{
	const struct {
		int level, name;
		unsigned value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, t->nodelay},
		{SOL_SOCKET, SO_KEEPALIVE, t->idle_s > 0},
		{IPPROTO_TCP, TCP_KEEPIDLE, t->idle_s},
		{IPPROTO_TCP, TCP_KEEPINTVL, t->interval_s},
		{IPPROTO_TCP, TCP_KEEPCNT, t->probes},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, t->user_timeout_ms},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, t->notsent_lowat},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].value && set_int(fd, options[i].level, options[i].name, options[i].value) < 0)
			return -(int)err_from_errno(errno);
	return 0;
}

/* tcpi_min_rtt: a C library's struct tcp_info may end before it. Eight bytes, 24 u32, four u64 and three u32 are in front. */
#define LEAST_RTT ((8 + 24 * 4 + 4 * 8 + 3 * 4) / 4)

uint32_t net_least_rtt_us(int fd)
{
	uint32_t info[LEAST_RTT + 1];
	socklen_t n = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &n) < 0 || n < sizeof info ? UINT32_MAX : info[LEAST_RTT];
}

/* tcpi_bytes_acked: behind the two rates. */
#define ACKED ((8 + 24 * 4 + 2 * 8) / 8)

uint64_t net_acked(int fd)
{
	uint64_t info[ACKED + 1];
	socklen_t n = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &n) < 0 || n < sizeof info ? 0 : info[ACKED];
}

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

int net_unread_most(int fd, unsigned bytes)
{
	if (set_int(fd, SOL_SOCKET, SO_BUF_LOCK, 0) < 0 || (bytes && set_int(fd, SOL_SOCKET, SO_RCVBUF, bytes) < 0))
		return -(int)err_from_errno(errno);
	return 0;
}

int net_connect(const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(to, &ss);
	int fd = open_socket(to, SOCK_STREAM), sys;

	if (fd < 0)
		return -(int)err_from_errno(errno == EAFNOSUPPORT ? ENETUNREACH : errno);
	/* EINTR: it goes on in the background like EINPROGRESS (connect(2)). */
	if (connect(fd, (struct sockaddr *)&ss, n) == 0 || errno == EINPROGRESS || errno == EINTR)
		return fd;
	sys = errno;
	close(fd);
	/* EAGAIN: no free local port; nothing that waiting for this descriptor would change. */
	return -(int)err_from_errno(sys == EAGAIN ? EADDRNOTAVAIL : sys);
}

/* Whoever calls may be root, and a directory on the way somebody's who is not: a link of his would lead wherever he
 * likes, to the socket of a container engine for one. Links count where those who could change them are root and
 * ourselves. */
static bool is_trusted(uid_t u)
{
	return u == 0 || u == geteuid();
}

/* The next part of a path, as O_PATH. dir is closed, st is of it and becomes that of the part. */
static int step(int dir, const char *name, struct stat *st)
{
	bool trusted = is_trusted(st->st_uid);
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = 0;

	if (fd < 0 || fstat(fd, st) < 0)
		rc = -(int)err_from_errno(errno);
	else if (S_ISLNK(st->st_mode) && !(trusted && is_trusted(st->st_uid)))
		rc = -ZT_E_DENIED;
	if (rc == 0 && S_ISLNK(st->st_mode)) {
		close(fd);
		fd = openat(dir, name, O_PATH | O_CLOEXEC);
		if (fd < 0 || fstat(fd, st) < 0)
			rc = -(int)err_from_errno(errno);
	}
	close(dir);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int walk(const char *path)
{
	struct span rest = span_str(path), part;
	struct stat st;
	char name[sizeof((struct sockaddr_un *)NULL)->sun_path];
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool more = true;

	if (at < 0 || fstat(at, &st) < 0)
		return -(int)err_from_errno(errno);
	while (more && at >= 0) {
		more = span_cut(rest, '/', &part, &rest);
		if (part.n && span_to_cstr(part, name, sizeof name) == 0)
			at = step(at, name, &st);
	}
	return at;
}

int net_connect_file(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, rc, at;

	if (span_str(path).n >= sizeof to.sun_path)
		return -ZT_E_TOOLONG;
	at = walk(path);
	if (at < 0)
		return at;
	snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d", at);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	rc = fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
	close(at);
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc == EAGAIN ? -ZT_E_FULL : -(int)err_from_errno(rc);
}

int net_connected(int fd)
{
	struct addr here, there;
	socklen_t n = sizeof(int);
	int sys = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) < 0)
		return -(int)err_from_errno(errno);
	if (sys)
		return -(int)err_from_errno(sys);
	there = net_peer(fd);
	if (there.family == 0)
		return errno == ENOTCONN ? -ZT_E_AGAIN : -(int)err_from_errno(errno);
	/* A dial to a dead port of this machine can be given that very port to dial from, and
	 * TCP then connects the socket to itself (simultaneous open). Nobody listens there. */
	here = net_local(fd);
	return addr_eq(&here, &there) ? -ZT_E_REFUSED : 0;
}

/* ---- the listener --------------------------------------------------------------------- */

static unsigned listener_wants(const struct source *s)
{
	return CONTAINER_OF(s, const struct listener, src)->paused ? 0 : LOOP_IN;
}

/* An eventfd and not a duplicate of something: ENFILE counts open files, which duplicates
 * share. And not a file: a jailed worker has none to open. */
static int take_spare(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

#define NOT_PAUSED (24 * 3600 * NS_PER_S) /* far away; just keeps the timer's place in the heap */

static void listener_pause(struct listener *ls)
{
	ls->paused = true;
	ls->stats.pauses++;
	ZT_ASSERT(loop_timer(ls->src.loop, &ls->timer, NET_PAUSE));
	loop_touch(&ls->src);
}

static void listener_timer(struct timer *t, uint64_t now_ns)
{
	struct listener *ls = CONTAINER_OF(t, struct listener, timer);

	(void)now_ns;
	ZT_ASSERT(loop_timer(ls->src.loop, t, NOT_PAUSED)); /* its place was freed just now */
	ls->paused = false;
	if (ls->spare < 0)
		ls->spare = take_spare();
	loop_touch(&ls->src);
}

static void shed_one(struct listener *ls)
{
	int fd;

	if (ls->spare < 0)
		return;
	close(ls->spare);
	fd = accept4(ls->src.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		ls->stats.shed++;
	}
	ls->spare = take_spare();
}

/* What accept4() says about one connection that died in the backlog, or that a firewall
 * forbids (accept(2), "Error handling"): the next one may be fine. */
static bool next_may_do(int sys)
{
	static const int passing[] = {EINTR, ECONNABORTED, EPERM, EPROTO, ENOPROTOOPT, ENETDOWN,
				      ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET, EOPNOTSUPP};

	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (passing[i] == sys)
			return true;
	return false;
}

static void listener_ready(struct source *s, unsigned events)
{
	struct listener *ls = CONTAINER_OF(s, struct listener, src);

	(void)events;
	for (unsigned i = 0; i < LOOP_ACCEPTS && !ls->paused && !loop_closed(s); i++) {
		struct sockaddr_storage ss = {0};
		socklen_t n = sizeof ss;
		struct addr peer;
		int fd = accept4(s->fd, (struct sockaddr *)&ss, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			ls->stats.accepted++;
			peer = net_from_sockaddr(&ss);
			ls->cls->accepted(ls, fd, &peer);
		} else if (errno == EAGAIN) {
			return;
		} else if (!next_may_do(errno)) {
			if (errno == EMFILE || errno == ENFILE)
				shed_one(ls);
			listener_pause(ls);
		}
	}
}

static void listener_reap(struct source *s)
{
	struct listener *ls = CONTAINER_OF(s, struct listener, src);

	if (ls->spare >= 0)
		close(ls->spare);
	ls->spare = -1;
	if (ls->cls->reap)
		ls->cls->reap(ls);
}

static const struct source_class listener_source = {"listener", listener_wants, listener_ready,
						    listener_reap};

int listener_start(struct listener *ls, struct loop *l, int fd, const struct listener_class *cls)
{
	int rc;

	*ls = (struct listener){.src = {.cls = &listener_source, .fd = fd}, .cls = cls, .spare = -1};
	ls->timer.fire = listener_timer;
	if (!loop_timer(l, &ls->timer, NOT_PAUSED)) {
		close(fd);
		return -ZT_E_NOMEM;
	}
	rc = loop_add(l, &ls->src);
	if (rc < 0) {
		loop_timer_stop(l, &ls->timer);
		close(fd);
		return rc;
	}
	ls->spare = take_spare();
	return 0;
}

void listener_close(struct listener *ls)
{
	if (loop_closed(&ls->src))
		return;
	loop_timer_stop(ls->src.loop, &ls->timer);
	loop_close(&ls->src);
}
