/* jfile: see jfile.h. Owns nothing: descriptors are the caller's. */
#include "jfile.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int jfile_put(int fd, struct span s, uint64_t at)
{
	while (s.n) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		s = span_sub(s, (size_t)n, s.n);
		at += (uint64_t)n;
	}
	return 0;
}

int jfile_sync(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r != 0 && errno == EINTR);
	return r ? errno : 0;
}

int jfile_cut(int fd, uint64_t size)
{
	int r;

	do
		r = ftruncate(fd, (off_t)size);
	while (r != 0 && errno == EINTR);
	return r ? errno : 0;
}

int jfile_refused(const char *shown, const char *what, int sys, struct why *w)
{
	if (sys == ELOOP)
		return why_set(w, ZT_E_PERM, "%.200s%s: is a symbolic link, which state files may not be", shown, what);
	return why_sys(w, sys, "%.200s%s: cannot be opened", shown, what);
}

int jfile_check(int fd, const char *shown, const char *what, struct why *w)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return why_sys(w, errno, "%.200s%s: cannot be examined", shown, what);
	if (!S_ISREG(st.st_mode))
		return why_set(w, ZT_E_PERM, "%.200s%s: is not a regular file", shown, what);
	if (st.st_uid != geteuid())
		return why_set(w, ZT_E_PERM, "%.200s%s: belongs to user %u but this is user %u: run as its owner, or chown it",
			       shown, what, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 077)
		return why_set(w, ZT_E_PERM, "%.200s%s: mode %04o lets group or others in: chmod 600 it, and ask who "
			       "may have read or changed it", shown, what, (unsigned)(st.st_mode & 07777));
	if (st.st_nlink != 1)
		return why_set(w, ZT_E_PERM, "%.200s%s: has %u hard links and may only have one", shown, what,
			       (unsigned)st.st_nlink);
	return 0;
}

static int held_elsewhere(int lockfd, const char *shown, struct why *w)
{
	char text[24];
	ssize_t n = pread(lockfd, text, sizeof text, 0);
	struct span head, rest;
	uint64_t pid;

	if (n > 0 && span_cut(span_of(text, (size_t)n), '\n', &head, &rest) && span_u64(head, INT32_MAX, &pid) == 0)
		return why_set(w, ZT_E_LOCKED, "%.200s: process %llu is using it: stop that one first", shown,
			       (unsigned long long)pid);
	return why_set(w, ZT_E_LOCKED, "%.200s: another process is using it: stop that one first", shown);
}

int jfile_lock(int fd, int signed_fd, const char *shown, struct why *w)
{
	int r;

	do
		r = flock(fd, LOCK_EX | LOCK_NB);
	while (r != 0 && errno == EINTR);
	if (r == 0)
		return 0;
	return errno == EWOULDBLOCK ? held_elsewhere(signed_fd, shown, w) : why_sys(w, errno, "%.200s: cannot be locked", shown);
}
