/* identity_kit: a directory that a test joins into, with an authority of grant_kit's. */
#ifndef ZT_TEST_IDENTITY_KIT_H
#define ZT_TEST_IDENTITY_KIT_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/identity.h"
#include "tests/unit/decide/grant_kit.h"

static inline int ik_dir(char *path, size_t cap, const char *name)
{
	int fd;

	snprintf(path, cap, "%s", unit_tmp(name));
	fd = identity_dir(path, true, NULL);
	CHECK(fd >= 0);
	return fd;
}

static inline void ik_file(int dirfd, const char *name, const char *text, mode_t mode)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, mode) == 0);
	close(fd);
}

/* Files in it, "trust/" not counted but looked into: no temporary one may stay. */
static inline size_t ik_count(int dirfd, const char *below)
{
	int fd = openat(dirfd, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' && strcmp(e->d_name, "trust") != 0;
	if (d)
		closedir(d);
	return n;
}

static inline int ik_store(struct gk *g, int dirfd, const char *path, enum cert_role role, struct why *w)
{
	struct enrol m = gk_grant(g, role);

	return identity_store(dirfd, path, &g->mine.key, &m, w);
}

#endif
