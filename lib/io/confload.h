/*
 * confload: the sources of a configuration, read in their order: the main file, then conf.d
 * beside it, then the environment. The only part of configuration that touches a descriptor.
 *
 * Each file is opened without blocking, must be a regular file of at most BOUND_CONF_FILE
 * bytes, is read once and wiped from memory after it was parsed.
 */
#ifndef ZT_CONFLOAD_H
#define ZT_CONFLOAD_H

#include "decide/conf_build.h"
#include "decide/config.h"

struct conf_source {
	const char *path;  /* -c FILE; NULL: CONF_DEFAULT_PATH, which may be missing */
	char *const *env;  /* "NAME=value", NULL-terminated, as environ; NULL: none */
};

/* main file, <its directory>/conf.d/, every name there that ends in .conf and does not begin with
 * a dot, in byte order, then env. 0 and *out (conf_free), -ZT_E_CONFIG with the reasons in faults,
 * or -ZT_E_NOMEM. */
int conf_load(struct conf **out, const struct conf_source *src, struct conf_faults *faults);

/* The same into any build; *files: how many were read. 0 or -ZT_E_NOMEM. */
int confload_fill(struct conf_build *b, const struct conf_source *src, unsigned *files);

/* conf_faults_print() to a descriptor; errors of writing are ignored. */
void confload_print(const struct conf_faults *f, int fd);

#endif
