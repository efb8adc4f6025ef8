/*
 * journal under failing system calls: the n-th write, fsync, ftruncate, rename, open or read
 * fails, for every n that a life of ten appends and two snapshots has. Whatever happens, at the
 * next opening every acknowledged record is there, in order, and nothing that was not asked for.
 */
#include "io/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "tests/unit/io/journal_kit.h"
#include "tests/unit/wrapio.h"

enum { APPENDS = 10 };

struct life {
	uint32_t asked, acked; /* bit i: record i */
	unsigned refused, snapshots;
	int open_err, last_err;
	bool dead;
};

static int see_mask(void *ctx, const struct jrec *r, uint64_t offset)
{
	uint32_t *mask = ctx;
	uint64_t v = 0;

	(void)offset;
	CHECK(jrec_find_u64(r, 1, &v) && v >= 1 && v < 32);
	CHECK((*mask & ~0u << v) == 0); /* in order, none twice */
	*mask |= 1u << v;
	return 0;
}

static int open_masked(struct journal **j, int dir, uint32_t *mask, struct journal_report *rep, struct why *w)
{
	struct journal_place at = in_dir(dir);
	struct journal_opts o = {.create = true, .each = see_mask, .ctx = mask};

	*mask = 0;
	return journal_open(j, &at, &o, rep, w);
}

static int snap_mask(struct journal *j, void *ctx, struct why *w)
{
	uint32_t mask = *(uint32_t *)ctx;
	struct number n;
	int err = 0;

	for (uint64_t i = 1; i < 32 && !err; i++)
		if (mask & 1u << i)
			err = journal_snapshot_add(j, 1, 1, number(&n, i, SPAN_NONE), 2, w);
	return err;
}

static void after_refusal(struct journal *j, struct life *l, int err, const struct why *w)
{
	l->refused++;
	l->last_err = err;
	CHECK(w->text[0] != 0);
	if (!l->dead && !journal_dead(j))
		CHECK_INT(err, -ZT_E_NOSPACE); /* the only failure that a writer outlives */
	if (l->dead)
		CHECK_INT(err, -ZT_E_DEAD); /* for good, although the fault was over */
	l->dead = journal_dead(j);
}

static void live(int dir, struct life *l)
{
	static const uint8_t fill[700];
	struct why w = {0};
	struct journal *j;
	uint32_t before;

	l->open_err = open_masked(&j, dir, &before, NULL, &w);
	if (l->open_err) {
		CHECK(w.text[0] != 0);
		return;
	}
	for (uint64_t i = 1; i <= APPENDS; i++) {
		uint64_t seq = journal_last_seq(j), size = journal_bytes(j);
		int err;

		w = (struct why){0};
		l->asked |= 1u << i;
		err = append(j, i, span_of(fill, i % 3 * 350), &w);
		if (err == 0)
			l->acked |= 1u << i;
		else
			after_refusal(j, l, err, &w);
		CHECK(err == 0 || (journal_last_seq(j) == seq && journal_bytes(j) == size));
		if (i % 4 != 0)
			continue;
		w = (struct why){0};
		err = journal_snapshot(j, snap_mask, &l->acked, &w);
		l->snapshots += err == 0;
		/* no new file could be made: refused, and nothing was written yet */
		if (err && err != -ZT_E_PERM && err != -ZT_E_NOFILES)
			after_refusal(j, l, err, &w);
	}
	journal_close(j);
}

/* Reopen without faults, twice with an append between, so that what is there also takes more. */
static void examine(int dir, const struct life *l, const char *what, unsigned nth)
{
	uint32_t mask, again;
	struct journal_report rep;
	struct why w = {0};
	struct journal *j;

	wrap_reset();
	if (open_masked(&j, dir, &mask, &rep, &w) != 0) {
		unit_fail(__FILE__, __LINE__, "%s %u: %s", what, nth, w.text);
		return;
	}
	if ((mask & l->acked) != l->acked || (mask & ~l->asked) != 0)
		unit_fail(__FILE__, __LINE__, "%s %u: asked %x, acknowledged %x, there %x", what, nth, l->asked, l->acked, mask);
	CHECK_INT(append(j, 31, SPAN_NONE, &w), 0);
	journal_close(j);
	CHECK_INT(open_masked(&j, dir, &again, &rep, &w), 0);
	CHECK_INT(rep.torn, 0);
	CHECK_INT(again, mask | 1u << 31);
	journal_close(j);
}

static const struct fault {
	const char *name;
	enum wrap_call call;
	int err;
	bool harmless;  /* everything must be acknowledged all the same */
	bool survivable; /* at an append it is refused and the writer lives on */
} faults[] = {
	{"pwrite EIO", WRAP_PWRITE, EIO, false, false},
	{"pwrite ENOSPC", WRAP_PWRITE, ENOSPC, false, true},
	{"pwrite EDQUOT", WRAP_PWRITE, EDQUOT, false, true},
	{"pwrite EINTR", WRAP_PWRITE, EINTR, true, true},
	{"fsync EIO", WRAP_FSYNC, EIO, false, false},
	{"fsync ENOSPC", WRAP_FSYNC, ENOSPC, false, false},
	{"fsync EINTR", WRAP_FSYNC, EINTR, true, true},
	{"ftruncate EIO", WRAP_FTRUNCATE, EIO, false, false},
	{"ftruncate EINTR", WRAP_FTRUNCATE, EINTR, true, true},
	{"rename EIO", WRAP_RENAME, EIO, false, false},
	{"rename ENOSPC", WRAP_RENAME, ENOSPC, false, true},
	{"openat EMFILE", WRAP_OPEN, EMFILE, false, true},
	{"openat EACCES", WRAP_OPEN, EACCES, false, true},
	{"pread EIO", WRAP_PREAD, EIO, false, false},
	{"pread EINTR", WRAP_PREAD, EINTR, true, true},
	{"malloc ENOMEM", WRAP_MALLOC, ENOMEM, false, false},
};

static unsigned calls_in_a_life(enum wrap_call c)
{
	static unsigned turn;
	struct life l = {0};
	char name[32];
	unsigned n;
	int dir;

	snprintf(name, sizeof name, "count%u", turn++);
	dir = fresh_dir(name);
	wrap_reset();
	live(dir, &l);
	n = wrap_count(c);
	CHECK_INT(l.acked, 0x7fe);
	CHECK_INT(l.snapshots, 2);
	close(dir);
	return n;
}

static void nth_call_fails(const struct fault *f, size_t number, bool existing, unsigned times)
{
	unsigned most = calls_in_a_life(f->call);

	CHECK(most > 0 || f->call == WRAP_PREAD);
	for (unsigned nth = 1; nth <= most + 1; nth++) {
		struct life l = {0};
		char name[48];
		int dir;

		snprintf(name, sizeof name, "f%zu-%u-%d-%u", number, nth, existing, times);
		dir = fresh_dir(name);
		if (existing) {
			wrap_reset();
			journal_close(create(dir));
		}
		wrap_reset();
		wrap_fail(f->call, nth, f->err, times);
		live(dir, &l);
		if (f->harmless && times == 1)
			CHECK(l.acked == 0x7fe && l.snapshots == 2 && l.open_err == 0);
		if (f->survivable && times == 1 && l.open_err == 0)
			CHECK(!l.dead && l.refused <= 1);
		examine(dir, &l, f->name, nth);
		close(dir);
	}
}

TEST(the_nth_call_fails_once)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		nth_call_fails(&faults[i], i, false, 1);
}

TEST(the_nth_call_fails_once_on_a_file_that_exists)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		nth_call_fails(&faults[i], i, true, 1);
}

TEST(everything_fails_from_the_nth_call_on)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i].err != EINTR)
			nth_call_fails(&faults[i], i, false, 1000000);
}

TEST(one_byte_at_a_time)
{
	int dir = fresh_dir("short");
	struct life l = {0};

	wrap_reset();
	wrap_short(WRAP_PWRITE, 1);
	wrap_short(WRAP_PREAD, 1);
	live(dir, &l);
	CHECK_INT(l.acked, 0x7fe);
	CHECK(wrap_count(WRAP_PWRITE) > 3000);
	examine(dir, &l, "short", 1);
	close(dir);
}

TEST(a_short_write_and_then_a_full_disk)
{
	/* one byte at a time, and the disk is full after each possible number of bytes */
	for (unsigned nth = 1; nth < 400; nth += 7) {
		char name[32];
		struct life l = {0};
		int dir;

		snprintf(name, sizeof name, "full%u", nth);
		dir = fresh_dir(name);
		wrap_reset();
		journal_close(create(dir));
		wrap_reset();
		wrap_short(WRAP_PWRITE, 1);
		wrap_fail(WRAP_PWRITE, nth, ENOSPC, 1);
		live(dir, &l);
		CHECK(!l.dead && l.open_err == 0 && l.refused <= 1);
		examine(dir, &l, "short, full", nth);
		close(dir);
	}
}

TEST(a_full_disk_whose_partial_write_cannot_be_cut_is_the_end)
{
	int dir = fresh_dir("nocut");
	struct journal *j;
	struct why w = {0};
	uint32_t mask;

	wrap_reset();
	j = create(dir);
	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	wrap_short(WRAP_PWRITE, 10);
	wrap_fail(WRAP_PWRITE, 2, ENOSPC, 1);
	wrap_fail(WRAP_FTRUNCATE, 1, EIO, 1);
	CHECK_INT(append(j, 2, SPAN_NONE, &w), -ZT_E_NOSPACE);
	CHECK(journal_dead(j) && strstr(w.text, "dir/j: cannot be written at offset 96: ") == w.text);
	wrap_reset();
	w = (struct why){0};
	CHECK_INT(append(j, 3, SPAN_NONE, &w), -ZT_E_DEAD);
	CHECK_STR(w.text, "dir/j: an earlier write failed; restart to continue");
	CHECK_INT(journal_snapshot(j, snap_mask, &mask, &w), -ZT_E_DEAD);
	CHECK_INT(journal_stage(j, 1, 1, NULL, 0), -ZT_E_DEAD);
	journal_close(j);
	NEED(open_masked(&j, dir, &mask, NULL, &w) == 0);
	CHECK_INT(mask, 1u << 1);
	journal_close(j);
	close(dir);
}

TEST(every_answer_waits_for_the_disk)
{
	int dir = fresh_dir("waits");
	struct journal *j;
	struct why w = {0};
	uint32_t mask = 2;

	wrap_reset();
	j = create(dir);
	for (uint64_t i = 1; i < 5; i++) {
		unsigned synced = wrap_count(WRAP_FSYNC);

		CHECK_INT(append(j, i, SPAN_NONE, &w), 0);
		CHECK_INT(wrap_count(WRAP_FSYNC), synced + 1);
		CHECK_INT(journal_snapshot(j, snap_mask, &mask, &w), 0);
		CHECK_INT(wrap_count(WRAP_FSYNC), synced + 3); /* the file, and the directory */
	}
	wrap_fail(WRAP_FSYNC, 1, EIO, 1);
	CHECK_INT(append(j, 6, SPAN_NONE, &w), -ZT_E_SYS);
	CHECK(strstr(w.text, "dir/j: cannot be made safe at offset ") == w.text);
	wrap_reset();
	journal_close(j);
	NEED(open_masked(&j, dir, &mask, NULL, &w) == 0);
	CHECK_INT(mask, 2); /* what could not be made safe was cut off, not left in the cache */
	journal_close(j);
	close(dir);
}

TEST(opening_waits_for_the_disk_before_it_believes_what_it_read)
{
	int dir = fresh_dir("opening");
	struct journal *j;
	struct why w = {0};
	uint32_t mask;

	wrap_reset();
	journal_close(create(dir));
	for (unsigned nth = 1; nth <= 2; nth++) { /* the file, then the directory */
		wrap_reset();
		wrap_fail(WRAP_FSYNC, nth, EIO, 1);
		w = (struct why){0};
		CHECK_INT(open_masked(&j, dir, &mask, NULL, &w), -ZT_E_SYS);
		CHECK(strstr(w.text, "dir/j: cannot be made safe on the disk") == w.text);
	}
	wrap_reset();
	NEED(open_masked(&j, dir, &mask, NULL, &w) == 0);
	CHECK_INT(wrap_count(WRAP_FSYNC), 2);
	journal_close(j);
	close(dir);
}
