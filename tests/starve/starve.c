/*
 * starve: an allocator that fails now and then, linked into a zt of its own (build/rel/tests/zt-starved) in the place of
 * malloc, calloc and realloc. What it does stands in a file beside the executable, NAME.starve: one line
 *
 *   KIND UP_TO
 *
 * The process `zt --child KIND` fails one call, lets one through, fails one, lets two through, ... and so on up to UP_TO,
 * beginning when somebody connects from 127.9.9.9; then, and in every other process, all is well. So the n-th call
 * after any point fails for every small n, and each of the ends that a lack of memory has is met many times.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t a, size_t b);
void *__real_realloc(void *p, size_t n);
int __real_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t a, size_t b);
void *__wrap_realloc(void *p, size_t n);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);

static struct {
	unsigned up_to, gap, left;
	int begun;
} starve;

static size_t read_some(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, cap - 1);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* Before main(), and before any jail. */
__attribute__((constructor)) static void learn(void)
{
	char path[512], line[128], args[256], *kind = args, *blank;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof ".starve");

	if (n <= 0)
		return;
	memcpy(path + n, ".starve", sizeof ".starve");
	if (read_some(path, line, sizeof line) == 0 || read_some("/proc/self/cmdline", args, sizeof args) == 0)
		return;
	for (int i = 0; i < 2; i++)
		kind += strlen(kind) + 1;
	blank = strchr(line, ' ');
	if (blank && strncmp(line, kind, (size_t)(blank - line)) == 0 && kind[blank - line] == 0)
		starve.up_to = (unsigned)strtoul(blank, NULL, 10);
}

static int fails(void)
{
	if (!starve.begun || starve.gap >= starve.up_to)
		return 0;
	if (starve.left) {
		starve.left--;
		return 0;
	}
	starve.left = ++starve.gap;
	errno = ENOMEM;
	return 1;
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t a, size_t b) { return fails() ? NULL : __real_calloc(a, b); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }

int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	int got = __real_accept4(fd, a, n, flags);

	if (got >= 0 && a && a->sa_family == AF_INET)
		starve.begun |= ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == htonl(0x7f090909);
	return got;
}
