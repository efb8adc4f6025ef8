/*
 * wrapio: stands between a test and the kernel. A test program named test_<noun>_fault.c is
 * linked with --wrap for the calls below; each rule makes the n-th call of one name fail or
 * come up short. Without rules every call goes straight through.
 */
#ifndef ZT_WRAPIO_H
#define ZT_WRAPIO_H

#include <stddef.h>

enum wrap_call {
	WRAP_READ, WRAP_WRITE, WRAP_PREAD, WRAP_PWRITE, WRAP_FSYNC, WRAP_FDATASYNC, WRAP_FTRUNCATE,
	WRAP_RENAME, WRAP_OPEN, WRAP_MALLOC, WRAP_ACCEPT, WRAP_SOCKET, WRAP_CONNECT, WRAP_RECV, WRAP_SEND,
	WRAP_CALLS
};

void wrap_reset(void);
/* The nth call from now on (1 = the next) fails with err; `times` calls in a row do. */
void wrap_fail(enum wrap_call c, unsigned nth, int err, unsigned times);
/* Every call of c moves at most n bytes; 0 = no limit. */
void wrap_short(enum wrap_call c, size_t n);
unsigned wrap_count(enum wrap_call c); /* calls since wrap_reset */

#endif
