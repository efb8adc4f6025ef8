/*
 * shim: what Debian's archives, built against glibc, ask a musl link for.
 *
 * The checked copies of _FORTIFY_SOURCE check for real: cap is the size of the destination as
 * the compiler of that archive knew it. fopen64 is glibc's name for fopen on 32-bit machines;
 * Debian 13's inih mentions it and musl 1.2.4 dropped it. zt never lets inih open a file.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef fopen64 /* older musl's headers make it a macro for fopen */

void *__memcpy_chk(void *to, const void *from, size_t n, size_t cap);
void *__memmove_chk(void *to, const void *from, size_t n, size_t cap);
void *__memset_chk(void *to, int byte, size_t n, size_t cap);
FILE *fopen64(const char *path, const char *mode);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t cap)
{
	if (n > cap)
		abort();
	return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t cap)
{
	if (n > cap)
		abort();
	return memmove(to, from, n);
}

void *__memset_chk(void *to, int byte, size_t n, size_t cap)
{
	if (n > cap)
		abort();
	return memset(to, byte, n);
}

FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}
