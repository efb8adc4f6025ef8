/* wrapio: fault-injected I/O, see wrapio.h. malloc, calloc and realloc count as one call. */
#include "wrapio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	unsigned seen, from, until;
	int err;
	size_t most;
} rule[WRAP_CALLS];

void wrap_reset(void)
{
	for (size_t i = 0; i < WRAP_CALLS; i++) {
		rule[i].seen = rule[i].from = rule[i].until = 0;
		rule[i].err = 0;
		rule[i].most = 0;
	}
}

void wrap_fail(enum wrap_call c, unsigned nth, int err, unsigned times)
{
	rule[c].from = rule[c].seen + nth;
	rule[c].until = rule[c].from + times;
	rule[c].err = err;
}

void wrap_short(enum wrap_call c, size_t n)
{
	rule[c].most = n;
}

unsigned wrap_count(enum wrap_call c)
{
	return rule[c].seen;
}

/* Counts the call; 1 = let it fail (errno is set). */
static int hit(enum wrap_call c)
{
	rule[c].seen++;
	if (rule[c].err == 0 || rule[c].seen < rule[c].from || rule[c].seen >= rule[c].until)
		return 0;
	errno = rule[c].err;
	return 1;
}

static size_t cut(enum wrap_call c, size_t n)
{
	return rule[c].most && n > rule[c].most ? rule[c].most : n;
}

#define WRAP(ret, name, params)                                                                    \
	ret __real_##name params;                                                                 \
	ret __wrap_##name params;                                                                 \
	ret __wrap_##name params

WRAP(ssize_t, read, (int fd, void *p, size_t n)) { return hit(WRAP_READ) ? -1 : __real_read(fd, p, cut(WRAP_READ, n)); }
WRAP(ssize_t, write, (int fd, const void *p, size_t n))
{
	return hit(WRAP_WRITE) ? -1 : __real_write(fd, p, cut(WRAP_WRITE, n));
}
WRAP(ssize_t, pread, (int fd, void *p, size_t n, off_t at))
{
	return hit(WRAP_PREAD) ? -1 : __real_pread(fd, p, cut(WRAP_PREAD, n), at);
}
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at))
{
	return hit(WRAP_PWRITE) ? -1 : __real_pwrite(fd, p, cut(WRAP_PWRITE, n), at);
}
WRAP(int, fsync, (int fd)) { return hit(WRAP_FSYNC) ? -1 : __real_fsync(fd); }
WRAP(int, fdatasync, (int fd)) { return hit(WRAP_FDATASYNC) ? -1 : __real_fdatasync(fd); }
WRAP(int, ftruncate, (int fd, off_t n)) { return hit(WRAP_FTRUNCATE) ? -1 : __real_ftruncate(fd, n); }
WRAP(int, rename, (const char *a, const char *b)) { return hit(WRAP_RENAME) ? -1 : __real_rename(a, b); }
WRAP(int, renameat, (int d, const char *a, int e, const char *b))
{
	return hit(WRAP_RENAME) ? -1 : __real_renameat(d, a, e, b);
}
WRAP(void *, malloc, (size_t n)) { return hit(WRAP_MALLOC) ? NULL : __real_malloc(n); }
WRAP(void *, calloc, (size_t a, size_t b)) { return hit(WRAP_MALLOC) ? NULL : __real_calloc(a, b); }
WRAP(void *, realloc, (void *p, size_t n)) { return hit(WRAP_MALLOC) ? NULL : __real_realloc(p, n); }
WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags))
{
	return hit(WRAP_ACCEPT) ? -1 : __real_accept4(fd, a, n, flags);
}
WRAP(int, socket, (int family, int type, int proto)) { return hit(WRAP_SOCKET) ? -1 : __real_socket(family, type, proto); }
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n))
{
	return hit(WRAP_CONNECT) ? -1 : __real_connect(fd, a, n);
}
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int f)) { return hit(WRAP_RECV) ? -1 : __real_recv(fd, p, cut(WRAP_RECV, n), f); }
WRAP(ssize_t, send, (int fd, const void *p, size_t n, int f))
{
	return hit(WRAP_SEND) ? -1 : __real_send(fd, p, cut(WRAP_SEND, n), f);
}
WRAP(ssize_t, recvfrom, (int fd, void *p, size_t n, int f, struct sockaddr *a, socklen_t *l))
{
	return hit(WRAP_RECV) ? -1 : __real_recvfrom(fd, p, n, f, a, l);
}
WRAP(ssize_t, sendto, (int fd, const void *p, size_t n, int f, const struct sockaddr *a, socklen_t l))
{
	return hit(WRAP_SEND) ? -1 : __real_sendto(fd, p, n, f, a, l);
}

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return hit(WRAP_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return hit(WRAP_OPEN) ? -1 : __real_openat(dir, path, flags, mode);
}
