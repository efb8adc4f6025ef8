/*
 * landlock: takes files, TCP ports and ways to other processes away from the calling process,
 * as far as the running kernel can (its Landlock ABI). Plain system calls. Cannot be undone.
 *
 *   ABI 1  Linux 5.13  files          ABI 4  6.7   TCP bind and connect
 *   ABI 2  5.19  rename between dirs  ABI 5  6.10  ioctl on devices
 *   ABI 3  6.2   truncate by path     ABI 6  6.12  scopes: abstract sockets, signals
 * What it does not cover at all: connect() to a socket file, UDP, chmod, stat.
 */
#ifndef ZT_LANDLOCK_H
#define ZT_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_TCP 4
#define LANDLOCK_ABI_SCOPES 6

struct landlock_wish {
	bool files;   /* deny every file access but below dir_fd */
	bool bind;    /* deny TCP bind */
	bool connect; /* deny TCP connect but to ports[] */
	bool scopes;
	int dir_fd;   /* -1: no file at all; else create, write, list, rename, remove below it */
	bool dir_read;/* and read its files */
	int proc_fd;  /* -1, or a directory that may be read (sanitizer builds: /proc) */
	const uint16_t *ports;
	size_t ports_n;
};

/* The ABI of this kernel, > 0, or -errno (ENOSYS: not compiled in; EOPNOTSUPP: switched off). */
int landlock_abi(void);
/* Enforces what of the wish this ABI knows; needs no_new_privs. 0 or -errno, then nothing
 * has changed. */
int landlock_enter(int abi, const struct landlock_wish *wish);

#endif
