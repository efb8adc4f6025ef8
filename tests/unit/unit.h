/*
 * unit: the whole test framework. A test is `TEST(name) { ... }`; every one registered in a
 * program runs, in order, and the program ends with "N passed, N failed" and exit 0 or 1.
 * CHECK goes on after a failure, NEED ends that test. `program PATTERN` runs matching names.
 */
#ifndef ZT_UNIT_H
#define ZT_UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};

void unit_add(struct unit_test *t);
void unit_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Path of a fresh file or directory name inside this program's own scratch directory, which
 * is removed at the end. Valid until the eighth later call. */
const char *unit_tmp(const char *name);
/* Runs fn in a child: true when it ended by SIGABRT, as ZT_ASSERT does. Its stderr is dropped. */
bool unit_dies(void (*fn)(void));

#define TEST(name)                                                                                 \
	static void test_##name(void);                                                            \
	static struct unit_test unit_##name = {#name, test_##name, NULL};                         \
	__attribute__((constructor)) static void unit_add_##name(void) { unit_add(&unit_##name); } \
	static void test_##name(void)

/*
 * FLOODS(BOUND_X) { ... }: the test that fills row BOUND_X of the bounds table to its cap and
 * sees the answer that the row promises. tests/unit/base/test_bounds.c finds these by name in
 * tests/unit and (as a comment "# FLOODS(BOUND_X)") in tests/behaviour, and fails for every
 * row that has none.
 */
#define FLOODS(id) TEST(floods_##id)

#define CHECK(cond) ((cond) ? (void)0 : unit_fail(__FILE__, __LINE__, "%s", #cond))
#define NEED(cond)                                                                                \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			unit_fail(__FILE__, __LINE__, "%s", #cond);                               \
			return;                                                                   \
		}                                                                                 \
	} while (0)
#define CHECK_INT(got, want)                                                                       \
	do {                                                                                      \
		long long got_ = (long long)(got), want_ = (long long)(want);                     \
		if (got_ != want_)                                                                \
			unit_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #got, got_, want_); \
	} while (0)
#define CHECK_STR(got, want)                                                                       \
	do {                                                                                      \
		const char *got_ = (got), *want_ = (want);                                        \
		if (strcmp(got_, want_) != 0)                                                     \
			unit_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, got_, want_); \
	} while (0)

#endif
