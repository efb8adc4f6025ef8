/*
 * memlimit: how much memory the kernel lets this process and its siblings have before it kills one of them: the lowest
 * limit of its control group and the groups around it, version 2 or 1. Reads files: call it before a jail opens none.
 */
#ifndef ZT_MEMLIMIT_H
#define ZT_MEMLIMIT_H

#include <stdint.h>

/* Bytes; 0: nobody has set a limit, or it cannot be seen. "/" but in tests: where proc/ and sys/ are. */
uint64_t memlimit(const char *root);

#endif
