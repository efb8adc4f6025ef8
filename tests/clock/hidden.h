/*
 * hidden: the page that the clock build of zt and clockctl share. The file is the program's own path with ".hidden-clock"
 * behind it: a role's children have neither environment nor files, but they all are that program.
 */
#ifndef ZT_TESTS_HIDDEN_H
#define ZT_TESTS_HIDDEN_H

#include <stdatomic.h>
#include <stdint.h>

#define HIDDEN_SLOTS 256
#define HIDDEN_MAGIC UINT64_C(0x7a7420636c6f636b)

struct hidden {
	uint64_t magic;
	_Atomic int64_t wall_ns, mono_ns; /* added to the kernel's clocks */
	_Atomic uint64_t active;          /* waits that ended because something had happened, of all processes */
	struct {
		_Atomic int pid;
		_Atomic uint64_t idle; /* waits that ended because nothing had */
	} slot[HIDDEN_SLOTS];
};

#endif
