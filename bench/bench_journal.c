/*
 * bench_journal: how many 64-byte records a second are acknowledged, one fsync() for each
 * ("each"), or through the store with sixteen calls a poll ("store"), and how many fsync()s of
 * one changed 8-byte word the disk itself does ("floor").
 *
 *   bench_journal each|store|floor DIR MS     prints "COUNT MICROSECONDS"
 *
 * Runs for MS milliseconds or MOST operations, whichever comes first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/num.h"
#include "io/journal.h"
#include "io/store_journal.h"

enum { MOST = 4000, TOGETHER = 16, VALUE = 64 };

struct run {
	int dir;
	uint64_t until, count;
	uint8_t value[VALUE];
};

static bool more(struct run *r)
{
	return r->count < MOST && clock_mono(&clock_real) < r->until;
}

static int each(struct run *r)
{
	struct journal_place at = {.dirfd = r->dir, .name = "bench"};
	struct journal_opts o = {.create = true};
	struct jtlv t = {1, span_of(r->value, VALUE)};
	struct why w = {0};
	struct journal *j;
	int err = journal_open(&j, &at, &o, NULL, &w);

	if (err)
		return err;
	for (; !err && more(r); r->count += err == 0)
		err = journal_append(j, 1, 1, &t, 1, &w);
	journal_close(j);
	return err;
}

static void count_done(struct store_op *op, const struct store_answer *a)
{
	(void)op;
	ZT_ASSERT(a->err == 0);
}

static int store(struct run *r)
{
	struct bounds b;
	struct store_journal_opts o = {.at = {.dirfd = r->dir, .name = "bench"}, .create = true, .bounds = &b,
				       .clock = &clock_real};
	struct store_op op[TOGETHER] = {{0}};
	struct why w = {0};
	struct store *s;
	int err;

	bounds_init(&b);
	err = store_journal_open(&s, &o, NULL, &w);
	if (err)
		return err;
	while (!err && more(r)) {
		for (size_t i = 0; i < TOGETHER && !err; i++) {
			op[i].done = count_done;
			err = store_append(s, &op[i], span_of(r->value, VALUE), 0);
		}
		store_poll(s);
		r->count += TOGETHER;
	}
	store_free(s);
	return err;
}

static int disk_floor(struct run *r)
{
	int fd = openat(r->dir, "bench", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -ZT_E_SYS : 0;

	for (; !err && more(r); r->count++) {
		if (pwrite(fd, &r->count, sizeof r->count, 0) != sizeof r->count || fsync(fd) != 0)
			err = -ZT_E_SYS;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static const struct {
	const char *name;
	int (*run)(struct run *r);
} kinds[] = {{"each", each}, {"store", store}, {"floor", disk_floor}};

int main(int argc, char **argv)
{
	struct run r = {.dir = -1};
	uint64_t ms, start;

	if (argc != 4 || span_u64(span_str(argv[3]), 60000, &ms)) {
		fprintf(stderr, "usage: bench_journal each|store|floor DIR MS\n");
		return 2;
	}
	r.dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	random_bytes(r.value, VALUE);
	start = clock_mono(&clock_real);
	r.until = start + ms * NS_PER_MS;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!span_eq_str(span_str(argv[1]), kinds[i].name))
			continue;
		if (r.dir < 0 || kinds[i].run(&r) != 0)
			return 1;
		printf("%llu %llu\n", (unsigned long long)r.count,
		       (unsigned long long)((clock_mono(&clock_real) - start) / 1000));
		return 0;
	}
	return 2;
}
