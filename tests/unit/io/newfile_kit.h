/* newfile_kit: a fresh directory and short ways to write, read and look into it. */
#ifndef ZT_NEWFILE_KIT_H
#define ZT_NEWFILE_KIT_H

#include "io/newfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static inline int nf_dir(const char *name)
{
	const char *path = unit_tmp(name);

	mkdir(path, 0700);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline int nf_put(int dir, const char *name, const char *text, enum newfile_how how, struct why *w)
{
	const struct newfile f = {.dirfd = dir, .name = name, .mode = 0600, .how = how};

	return newfile_write(&f, span_str(text), w);
}

/* "" when it cannot be read. */
static inline const char *nf_get(int dir, const char *name, char *mem, size_t cap)
{
	const struct newfile f = {.dirfd = dir, .name = name};
	ssize_t n = newfile_read(&f, false, mem, cap - 1, NULL);

	mem[n < 0 ? 0 : n] = 0;
	return mem;
}

static inline unsigned nf_count(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2; /* . and .. */
}

#endif
