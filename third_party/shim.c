/*
 * shim: the checked copies that Debian's archives (built against glibc with _FORTIFY_SOURCE)
 * ask a musl link for. They check for real: cap is the size of the destination as the
 * compiler of that archive knew it.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t cap);
void *__memmove_chk(void *to, const void *from, size_t n, size_t cap);
void *__memset_chk(void *to, int byte, size_t n, size_t cap);

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
