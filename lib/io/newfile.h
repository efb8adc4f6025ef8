/*
 * newfile: puts a whole file in the place of another, or of none, so that nobody ever sees half of it
 * and nobody else can read it before it has its mode: a name of its own, O_EXCL, O_NOFOLLOW, written,
 * fsync, renamed, directory fsync. A symbolic link that was planted at the name is replaced, never
 * followed.
 */
#ifndef ZT_NEWFILE_H
#define ZT_NEWFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

enum newfile_how {
	NEWFILE_REPLACE, /* whatever was there */
	NEWFILE_FIRST    /* -ZT_E_EXISTS when something is there, a dangling link too; stays as it is then */
};
struct newfile {
	int dirfd;         /* the directory; AT_FDCWD with a path in name */
	const char *name;
	const char *shown; /* for sentences; NULL: name */
	mode_t mode;       /* 0600 for secrets, from the first byte on */
	enum newfile_how how;
};

/* 0: it is on the disk under its name. Else a sentence, and the old file is as it was: -ZT_E_EXISTS,
 * -ZT_E_NOSPACE, -ZT_E_PERM, -ZT_E_NOTFOUND (no such directory), … Only when the directory could not be
 * synced, the last step, the new file stands there, and a power cut may bring the old one back. */
int newfile_write(const struct newfile *f, struct span contents, struct why *w);
/* All of a regular file, at most cap bytes, into mem; a link is refused with O_NOFOLLOW. secret: it
 * must be its owner's alone (us or root), like io/files. Answers its length or -ZT_E_…. */
ssize_t newfile_read(const struct newfile *f, bool secret, void *mem, size_t cap, struct why *w);

#endif
