/* journal_kit: a directory, and records that carry one number, for the journal's tests. */
#ifndef ZT_JOURNAL_KIT_H
#define ZT_JOURNAL_KIT_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/journal.h"
#include "tests/unit/unit.h"

static inline int fresh_dir(const char *name)
{
	const char *path = unit_tmp(name);

	CHECK(mkdir(path, 0700) == 0);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline struct journal_place in_dir(int dirfd)
{
	return (struct journal_place){.dirfd = dirfd, .name = "j", .shown = "dir/j"};
}

struct seen {
	uint64_t n, last, sum;
	size_t longest;
};

static inline int see(void *ctx, const struct jrec *r, uint64_t offset)
{
	struct seen *s = ctx;
	struct span fill;

	CHECK(offset % 8 == 0 && offset >= JREC_MAGIC);
	if (r->type >= JREC_OWN)
		return 0;
	if (r->type != 1)
		return -ZT_E_VERSION;
	CHECK(jrec_find_u64(r, 1, &s->last));
	if (jrec_find(r, 2, &fill) && fill.n > s->longest)
		s->longest = fill.n;
	s->n++;
	s->sum += s->last;
	return 0;
}

struct number {
	uint8_t mem[8];
	struct jtlv t[2];
};

static inline const struct jtlv *number(struct number *n, uint64_t v, struct span fill)
{
	struct wr w = wr_of(n->mem, 8);

	wr_le64(&w, v);
	n->t[0] = (struct jtlv){1, wr_span(&w)};
	n->t[1] = (struct jtlv){2, fill};
	return n->t;
}

static inline int append(struct journal *j, uint64_t v, struct span fill, struct why *w)
{
	struct number n;

	return journal_append(j, 1, 1, number(&n, v, fill), 2, w);
}

static inline int reopen(struct journal **j, int dir, struct seen *s, struct journal_report *rep, struct why *w)
{
	struct journal_place at = in_dir(dir);
	struct journal_opts o = {.each = see, .ctx = s};

	*s = (struct seen){0};
	*w = (struct why){0};
	return journal_open(j, &at, &o, rep, w);
}

static inline struct journal *create(int dir)
{
	struct journal_place at = in_dir(dir);
	struct journal_opts o = {.create = true};
	struct why w = {0};
	struct journal *j = NULL;

	if (journal_open(&j, &at, &o, NULL, &w) != 0)
		unit_fail(__FILE__, __LINE__, "%s", w.text);
	return j;
}

static inline int snap_numbers(struct journal *j, void *ctx, struct why *w)
{
	const uint64_t *upto = ctx;
	struct number n;
	int err = 0;

	for (uint64_t i = 1; i <= *upto && !err; i++)
		err = journal_snapshot_add(j, 1, 1, number(&n, i, SPAN_NONE), 2, w);
	return err;
}

#endif
