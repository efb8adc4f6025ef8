/*
 * jfile: what a journal asks of a file that it has opened: that nobody else may touch it, that nobody else is at it, that
 * what is written is all there and is on the disk. Calls go on after a signal. shown: what people call it; `what` is
 * said behind that, as ".lock".
 */
#ifndef ZT_JFILE_H
#define ZT_JFILE_H

#include "base/err.h"
#include "base/span.h"

/* These answer 0 or errno. */
int jfile_put(int fd, struct span s, uint64_t at);
int jfile_sync(int fd);
int jfile_cut(int fd, uint64_t size);
/* The rest 0, or -ZT_E_… with a sentence. */
int jfile_refused(const char *shown, const char *what, int sys, struct why *w); /* open() failed with this errno */
int jfile_check(int fd, const char *shown, const char *what, struct why *w);
/* For us alone, now or not at all. signed_fd: the file with the pid of who has it, for the sentence. */
int jfile_lock(int fd, int signed_fd, const char *shown, struct why *w);

#endif
