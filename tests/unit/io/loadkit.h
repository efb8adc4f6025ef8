/* loadkit: a directory of configuration files for the tests of confload. */
#ifndef ZT_LOADKIT_H
#define ZT_LOADKIT_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/confload.h"
#include "tests/unit/unit.h"

static struct conf_faults faults;
static char told[65536];

/* A file below this test's directory, with its parents; answers its path. */
static inline const char *put(const char *dir, const char *name, const char *text)
{
	static char path[8][512];
	static unsigned turn;
	char *p = path[turn++ % 8];
	FILE *f;

	mkdir(unit_tmp(dir), 0755);
	snprintf(p, sizeof path[0], "%s/conf.d", unit_tmp(dir));
	if (strncmp(name, "conf.d/", 7) == 0)
		mkdir(p, 0755);
	snprintf(p, sizeof path[0], "%s/%s", unit_tmp(dir), name);
	f = fopen(p, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		unit_fail(__FILE__, __LINE__, "cannot write %s", p);
	chmod(p, 0644);
	return p;
}

static inline int load(struct conf **c, const char *path, char *const *env)
{
	const struct conf_source src = {path, env};
	struct wr w = wr_of(told, sizeof told - 1);
	int rc;

	conf_faults_init(&faults);
	rc = conf_load(c, &src, &faults);
	conf_faults_print(&faults, &w);
	told[w.n] = 0;
	CHECK((rc == 0) == (*c != NULL));
	return rc;
}

static inline void unload(struct conf *c)
{
	conf_free(c);
	conf_faults_free(&faults);
}

#endif
