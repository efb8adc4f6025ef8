/* memlimit: see memlimit.h. Owns nothing. */
#include "memlimit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"

#define NO_LIMIT (UINT64_C(1) << 60) /* version 1 says "none" with the most pages there could be */
#define DEEP 64

static struct span read_file(const char *path, uint8_t *mem, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, mem, cap);

	if (fd >= 0)
		close(fd);
	return span_of(mem, n > 0 ? (size_t)n : 0);
}

static uint64_t one_limit(const char *root, const char *tree, struct span group, const char *file)
{
	char path[1024];
	uint8_t mem[32];
	struct span line, rest;
	uint64_t bytes = 0;

	if (snprintf(path, sizeof path, "%s/sys/fs/cgroup%s%.*s/%s", root, tree, SPAN_ARG(group), file) >= (int)sizeof path)
		return 0;
	rest = read_file(path, mem, sizeof mem);
	if (!span_cut(rest, '\n', &line, &rest))
		line = rest;
	/* "max" is no number */
	return span_u64(line, UINT64_MAX, &bytes) == 0 && bytes < NO_LIMIT ? bytes : 0;
}

/* From the group itself up to the tree's top. In a container the path may be one that only the host knows: then the
 * top is what there is, and it is the container's own. */
static uint64_t lowest(const char *root, const char *tree, struct span group, const char *file)
{
	uint64_t least = 0;

	for (int deep = 0; deep < DEEP; deep++) {
		uint64_t one = one_limit(root, tree, group, file);

		if (one && (least == 0 || one < least))
			least = one;
		if (group.n == 0)
			break;
		do
			group = span_sub(group, 0, group.n - 1);
		while (group.n && group.p[group.n - 1] != '/');
		if (group.n)
			group = span_sub(group, 0, group.n - 1);
	}
	return least;
}

/* A line is NUMBER:CONTROLLERS:PATH; version 2 is number 0 without controllers. */
uint64_t memlimit(const char *root)
{
	uint8_t mem[4096];
	char path[256];
	struct span rest, line, number, what, group;
	uint64_t found = 0;

	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	rest = read_file(path, mem, sizeof mem);
	while (found == 0 && span_cut(rest, '\n', &line, &rest)) {
		if (!span_cut(line, ':', &number, &what) || !span_cut(what, ':', &what, &group))
			continue;
		if (span_eq_str(group, "/"))
			group = SPAN_NONE;
		if (what.n == 0)
			found = lowest(root, "", group, "memory.max");
		else if (span_eq_str(what, "memory"))
			found = lowest(root, "/memory", group, "memory.limit_in_bytes");
	}
	return found;
}
