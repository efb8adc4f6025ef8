/*
 * sysrules: THE table of system calls: which profile may make which, with which arguments,
 * and why. io/seccomp turns it into filters, docs/sandbox.md is printed from it.
 *
 * A row says, for the profiles it names: allow (err 0) or answer with err; with a check, only
 * when the arguments match. Rows of one call stand together; the first that matches decides.
 * A call with no row that matches gets the default of the profile: the process is killed.
 * The supervisor's default is the other way round (allowed): its rows all refuse.
 */
#ifndef ZT_SYSRULES_H
#define ZT_SYSRULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysnr.h"
#include "wire/jailrep.h"

#define SYS_SELF 0xffffffffu   /* in a set: the process's own id */
#define SYS_TESTS 3

/* (low half of argument `arg` & mask) is in set; with `not`: is not in set. Every argument
 * tested here is an int, or has all its meaningful bits in the low half. */
struct sys_test {
	uint8_t arg, n;
	bool not;
	uint32_t mask;
	const uint32_t *set;
};

struct sys_check {
	const char *words; /* for the documentation: "only AF_INET ..." */
	struct sys_test test[SYS_TESTS]; /* all must hold; n = 0 ends the list */
};

struct sys_rule {
	int nr; /* SYS_NONE: this processor has no such call, the row is skipped */
	const char *name;
	unsigned profiles; /* JAIL_BIT(...) or'ed */
	uint16_t err;
	const struct sys_check *check; /* NULL: any arguments */
	const char *why;
};

#define JAIL_BIT(x) (1u << (x))

extern const struct sys_rule sys_rules[];
extern const size_t sys_rules_n;

#endif
