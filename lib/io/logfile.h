/*
 * logfile: one growing file in one directory, rotated by size: app.log, app.log.1 (newest)
 * ... app.log.N. Works inside a jail that only allows that directory. Errors are values; the
 * owner counts lost lines.
 */
#ifndef ZT_LOGFILE_H
#define ZT_LOGFILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define LOGFILE_NAME 96

struct logfile {
	int dir, fd;        /* fd -1: not open (disk full, directory gone): tried again per line */
	char name[LOGFILE_NAME];
	uint64_t size, max_size;
	unsigned keep;      /* rotated files kept; 0: the full file is dropped */
	bool torn;          /* what was written last has no newline: the next line begins with one */
};

/* Opens (creates 0640) or answers why not; usable either way. dir stays the caller's. */
int logfile_open(struct logfile *f, int dir, const char *name, uint64_t max_size, unsigned keep);
/* One line with its newline; without one, the next line begins with it. Rotates first when it
 * would pass max_size. 0, or -ZT_E_… when the line is lost. */
int logfile_append(struct logfile *f, struct span line);
int logfile_reopen(struct logfile *f); /* the file was moved away by somebody */
void logfile_close(struct logfile *f);

#endif
