/*
 * seccomp: system-call filters made from the table in sysrules, as plain BPF programs for
 * plain system calls. Building is pure, so that a test can run the program itself over every
 * call number; installing is the one step that cannot be undone.
 *
 * Every filter first looks at the processor the call was made for: another one than zt was
 * compiled for (a 32-bit call on a 64-bit kernel, x32) is killed in every profile, because
 * its numbers mean something else.
 */
#ifndef ZT_SECCOMP_H
#define ZT_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/jailrep.h"

/* The kernel takes 4,096 instructions. The longest profile needs under 400 (a test says so);
 * the bound only has to hold whatever somebody adds to the table. */
#define FILTER_MAX 1024

struct filter {
	size_t n;
	struct sock_filter code[FILTER_MAX];
};

/* AUDIT_ARCH_... that zt was compiled for, or 0: no filter can be built for it. */
uint32_t seccomp_arch(void);

/* self: the process the filter is for. log_only (development): what would be killed is
 * allowed and logged by the kernel instead. 0, -ZT_E_UNKNOWN (no such processor or profile),
 * -ZT_E_FULL. */
int seccomp_build(enum jail_profile p, uint32_t self, bool log_only, struct filter *out);

/* For the calling process, before it has threads, after no_new_privs. 0 or -errno. *logged
 * says whether the kernel will also log what a filter refuses. */
int seccomp_install(const struct filter *f, bool *logged);

#endif
