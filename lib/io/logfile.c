/* logfile: append, rotate, reopen. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(struct logfile *f)
{
	struct stat st;

	f->fd = openat(f->dir, f->name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (f->fd < 0)
		return -(int)err_from_errno(errno);
	/* A line must never land in a device or a pipe that somebody put there. */
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		logfile_close(f);
		return -ZT_E_PERM;
	}
	f->size = (uint64_t)st.st_size;
	return 0;
}

int logfile_open(struct logfile *f, int dir, const char *name, uint64_t max_size, unsigned keep)
{
	*f = (struct logfile){.dir = dir, .fd = -1, .max_size = max_size, .keep = keep};
	if (span_to_cstr(span_str(name), f->name, sizeof f->name) < 0)
		return -ZT_E_TOOLONG;
	return open_file(f);
}

void logfile_close(struct logfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

int logfile_reopen(struct logfile *f)
{
	logfile_close(f);
	f->torn = false;
	return open_file(f);
}

static void numbered(const struct logfile *f, unsigned i, char out[static LOGFILE_NAME + 12])
{
	if (i == 0)
		snprintf(out, LOGFILE_NAME + 12, "%s", f->name);
	else
		snprintf(out, LOGFILE_NAME + 12, "%s.%u", f->name, i);
}

/* name.keep-1 -> name.keep, ..., name -> name.1. Where the last step fails (somebody made a
 * directory of that name) the full file is dropped: the size is a promise to the disk, and the
 * newest lines are worth more than the oldest. */
static int rotate(struct logfile *f)
{
	char from[LOGFILE_NAME + 12], to[LOGFILE_NAME + 12];
	bool moved = false;

	logfile_close(f);
	f->torn = false;
	for (unsigned i = f->keep; i > 0; i--) {
		numbered(f, i - 1, from);
		numbered(f, i, to);
		moved = renameat(f->dir, from, f->dir, to) == 0;
	}
	if (!moved)
		unlinkat(f->dir, f->name, 0);
	return open_file(f);
}

static int write_once(struct logfile *f, struct span s)
{
	ssize_t n;

	do
		n = write(f->fd, s.p, s.n);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -(int)err_from_errno(errno);
	f->size += (uint64_t)n;
	if ((size_t)n == s.n)
		return 0;
	/* The disk filled up in the middle of this line. Take the half line back; where that is
	 * refused, the next line starts with the newline this one lacks. */
	if (ftruncate(f->fd, (off_t)(f->size - (uint64_t)n)) == 0)
		f->size -= (uint64_t)n;
	else
		f->torn = true;
	return -ZT_E_NOSPACE;
}

int logfile_append(struct logfile *f, struct span line)
{
	int rc = 0;

	if (f->fd < 0)
		rc = open_file(f);
	if (rc == 0 && f->size && f->size + line.n > f->max_size)
		rc = rotate(f);
	if (rc == 0 && f->torn) {
		rc = write_once(f, SPAN_LIT("\n"));
		if (rc == 0)
			f->torn = false;
	}
	if (rc == 0)
		rc = write_once(f, line);
	if (rc == 0 && !span_ends(line, "\n"))
		f->torn = true; /* a piece of something too long: it ends here all the same */
	return rc;
}
