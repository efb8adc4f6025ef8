/* crypto: getrandom() that is interrupted, comes up short, fails, or says what the test wants. */
#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "../unit.h"
#include "base/crypto.h"

static uint8_t next[64];
static size_t given, most;
static int interrupts, broken, calls, flags_seen;

/* Stands in front of the C library's. */
ssize_t getrandom(void *out, size_t n, unsigned flags)
{
	calls++;
	flags_seen |= (int)flags;
	if (broken) {
		errno = broken;
		return -1;
	}
	if (interrupts) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	n = n < most ? n : most;
	memcpy(out, next + given, n);
	given += n;
	return (ssize_t)n;
}

static void script(size_t at_most, int eintr)
{
	for (size_t i = 0; i < sizeof next; i++)
		next[i] = (uint8_t)(i + 1);
	given = 0;
	most = at_most;
	interrupts = eintr;
	calls = flags_seen = broken = 0;
}

TEST(short_and_interrupted_answers_are_put_together)
{
	uint8_t got[40] = {0};

	script(7, 3);
	random_bytes(got, 33);
	CHECK(memcmp(got, next, 33) == 0 && got[33] == 0);
	CHECK_INT(calls, 3 + 5);
	CHECK_INT(flags_seen, 0); /* wait for a seeded kernel, never for /dev/random's estimate */
	script(64, 0);
	random_bytes(got, 0);
	CHECK_INT(calls, 0);
}

static void no_such_call(void)
{
	uint8_t b[4];

	broken = ENOSYS;
	random_bytes(b, sizeof b);
}

static void nothing_comes(void)
{
	uint8_t b[4];

	script(0, 0);
	random_bytes(b, sizeof b);
}

TEST(a_kernel_that_cannot_answer_ends_the_process)
{
	script(64, 0);
	CHECK(unit_dies(no_such_call));
	CHECK(unit_dies(nothing_comes));
}

static uint32_t below_after(uint32_t below, uint32_t first, uint32_t second)
{
	script(64, 0);
	memcpy(next, &first, 4);
	memcpy(next + 4, &second, 4);
	return random_below(below);
}

TEST(values_that_would_tip_the_balance_are_drawn_again)
{
	/* 2^32 mod 7 = 4: the draws 0..3 have to go. */
	CHECK_INT(below_after(7, 4, 6), 4);
	CHECK_INT(calls, 1);
	CHECK_INT(below_after(7, 3, 6), 6);
	CHECK_INT(calls, 2);
	CHECK_INT(below_after(7, 0, UINT32_MAX), UINT32_MAX % 7);
	CHECK_INT(below_after(1u << 31, 0, 9), 0); /* divides evenly: nothing is rejected */
	CHECK_INT(calls, 1);
	CHECK_INT(below_after(UINT32_MAX, 0, 5), 5); /* 2^32 mod (2^32-1) = 1 */
	CHECK_INT(below_after(UINT32_MAX, 1, 5), 1);
}
