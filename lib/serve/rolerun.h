/*
 * rolerun: what every role's main() does before it differs: its options, its help, its
 * configuration with every fault printed, then the supervisor.
 */
#ifndef ZT_ROLERUN_H
#define ZT_ROLERUN_H

#include "io/super.h"

/* about: one paragraph for --help. */
int role_run(const struct super_role *role, const char *about, int argc, char **argv);

#endif
