/* memlimit: the lowest limit of a control group and those around it, of both versions. */
#include "io/memlimit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "../unit.h"

static char root[200];

static void make(const char *file, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof path, "%s%s", root, file);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = 0;
		mkdir(path, 0700);
		*at = '/';
	}
	f = fopen(path, "w");
	NEED(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void fresh(const char *name, const char *groups)
{
	snprintf(root, sizeof root, "%s", unit_tmp(name));
	mkdir(root, 0700);
	make("/proc/self/cgroup", groups);
}

TEST(version_2_the_lowest_on_the_way_up_counts)
{
	fresh("v2", "0::/system.slice/zt.service\n");
	CHECK_INT(memlimit(root), 0);
	make("/sys/fs/cgroup/system.slice/zt.service/memory.max", "max\n");
	CHECK_INT(memlimit(root), 0);
	make("/sys/fs/cgroup/system.slice/memory.max", "134217728\n");
	CHECK_INT(memlimit(root), 134217728);
	make("/sys/fs/cgroup/system.slice/zt.service/memory.max", "67108864\n");
	CHECK_INT(memlimit(root), 67108864);
	make("/sys/fs/cgroup/memory.max", "1048576\n");
	CHECK_INT(memlimit(root), 1048576);
}

TEST(version_1_is_found_among_the_others_and_its_none_is_a_number)
{
	fresh("v1", "9:name=systemd:/\n4:memory:/box/7\n3:cpuset:/\n0::/\n");
	make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	CHECK_INT(memlimit(root), 0);
	make("/sys/fs/cgroup/memory/box/7/memory.limit_in_bytes", "67108864\n");
	CHECK_INT(memlimit(root), 67108864);
}

TEST(a_path_that_only_the_host_knows_leaves_the_top)
{
	fresh("box", "0::/\n");
	make("/sys/fs/cgroup/memory.max", "67108864\n");
	CHECK_INT(memlimit(root), 67108864);
	fresh("box1", "4:memory:/docker/0123\n");
	make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
	CHECK_INT(memlimit(root), 33554432);
}

TEST(what_is_not_there_or_malformed_is_no_limit)
{
	snprintf(root, sizeof root, "%s", unit_tmp("none"));
	CHECK_INT(memlimit(root), 0);
	fresh("bad", "4\nmemory\n::::\n4:memory:/a/../..//\n0::\n");
	make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "12x\n");
	CHECK_INT(memlimit(root), 0);
}
