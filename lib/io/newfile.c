/* newfile: see newfile.h. It owns no descriptor longer than one call. */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"

#define PATH_MOST 4096

static const char *shown(const struct newfile *f)
{
	return f->shown ? f->shown : f->name;
}

/* Beside it, because a rename does not cross file systems; random, because two may write at once. */
static int temp_name(const struct newfile *f, char *out, size_t cap)
{
	uint8_t dice[8];
	char hex[2 * sizeof dice + 1] = "";
	int n;

	random_bytes(dice, sizeof dice);
	ct_hex_encode(dice, sizeof dice, hex);
	n = snprintf(out, cap, "%s.new-%s", f->name, hex);
	return n < 0 || (size_t)n >= cap ? -ZT_E_TOOLONG : 0;
}

static int write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s = span_sub(s, (size_t)n, s.n - (size_t)n);
	}
	return 0;
}

static int fill(int fd, const struct newfile *f, struct span contents)
{
	/* The mode again, because the umask may have taken bits that were asked for. */
	if (write_all(fd, contents) < 0 || fchmod(fd, f->mode) < 0 || fsync(fd) < 0)
		return -1;
	return 0;
}

/* The directory's own entry must be on the disk too, or the file may be gone after a power cut. */
static int sync_dir(const struct newfile *f)
{
	char path[PATH_MOST];
	const char *slash = strrchr(f->name, '/');
	int fd, sys;

	snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - f->name) + 1 : 1, slash ? f->name : ".");
	fd = openat(f->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	sys = fsync(fd) < 0 ? errno : 0;
	close(fd);
	errno = sys;
	return sys ? -1 : 0;
}

/* link() refuses to replace, which rename() does not. */
static int put_in_place(const struct newfile *f, const char *temp)
{
	if (f->how == NEWFILE_REPLACE)
		return renameat(f->dirfd, temp, f->dirfd, f->name);
	if (linkat(f->dirfd, temp, f->dirfd, f->name, 0) < 0)
		return -1;
	unlinkat(f->dirfd, temp, 0);
	return 0;
}

static int cannot(const struct newfile *f, int sys, struct why *w)
{
	if (sys == EEXIST)
		return why_set(w, ZT_E_EXISTS, "%.300s exists already; it was left as it is", shown(f));
	return why_sys(w, sys, "cannot write %.300s", shown(f));
}

int newfile_write(const struct newfile *f, struct span contents, struct why *w)
{
	char temp[PATH_MOST];
	int fd, sys = 0;

	if (temp_name(f, temp, sizeof temp) < 0)
		return why_set(w, ZT_E_TOOLONG, "the path %.300s is too long", shown(f));
	fd = openat(f->dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, f->mode & 0700);
	if (fd < 0)
		return cannot(f, errno, w);
	if (fill(fd, f, contents) < 0)
		sys = errno;
	if (close(fd) < 0 && sys == 0)
		sys = errno; /* a network file system says it only now */
	if (sys == 0 && put_in_place(f, temp) < 0)
		sys = errno;
	if (sys) {
		unlinkat(f->dirfd, temp, 0);
		return cannot(f, sys, w);
	}
	return sync_dir(f) < 0 ? cannot(f, errno, w) : 0;
}

static int judge(const struct newfile *f, const struct stat *st, bool secret, struct why *w)
{
	if (!S_ISREG(st->st_mode))
		return why_set(w, ZT_E_PERM, "%.300s is not a regular file", shown(f));
	if (secret && st->st_uid != 0 && st->st_uid != geteuid())
		return why_set(w, ZT_E_PERM, "%.300s belongs to user %u: chown it to the user who runs this", shown(f),
			       (unsigned)st->st_uid);
	if (secret && (st->st_mode & 077))
		return why_set(w, ZT_E_PERM, "%.300s can be read or written by others (mode %03o): chmod 600 it", shown(f),
			       (unsigned)(st->st_mode & 0777));
	return 0;
}

ssize_t newfile_read(const struct newfile *f, bool secret, void *mem, size_t cap, struct why *w)
{
	struct wr out = wr_of(mem, cap);
	int fd = openat(f->dirfd, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t part[4096];
	struct stat st;
	ssize_t n = 0;
	int rc;

	if (fd < 0)
		return why_sys(w, errno, "cannot read %.300s", shown(f));
	rc = fstat(fd, &st) < 0 ? why_sys(w, errno, "cannot read %.300s", shown(f)) : judge(f, &st, secret, w);
	while (rc == 0 && !out.full && ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
		wr_bytes(&out, part, n > 0 ? (size_t)n : 0);
	if (rc == 0 && n < 0)
		rc = why_sys(w, errno, "cannot read %.300s", shown(f));
	if (rc == 0 && out.full)
		rc = why_set(w, ZT_E_TOOLONG, "%.300s has more than %zu bytes", shown(f), cap);
	close(fd);
	wipe(part, sizeof part);
	return rc < 0 ? rc : (ssize_t)out.n;
}
