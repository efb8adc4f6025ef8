/* descriptors: how many this process, or a child of it, has open, for tests that nothing is left open. */
#ifndef ZT_DESCRIPTORS_H
#define ZT_DESCRIPTORS_H

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static inline int descriptors_of(pid_t pid)
{
	char path[48];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	CHECK(d != NULL); /* none before and none behind would be no leak, whatever there is */
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static inline int open_descriptors(void) { return descriptors_of(getpid()); }

#endif
