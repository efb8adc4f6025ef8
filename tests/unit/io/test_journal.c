/* journal: what was acknowledged is there after every reopening; who may open, and who may not. */
#include "io/journal.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/num.h"
#include "tests/unit/io/journal_kit.h"

/* ---- life ---------------------------------------------------------------------------------- */

TEST(a_missing_file_is_not_a_first_start)
{
	int dir = fresh_dir("missing");
	struct journal *j;
	struct seen s;
	struct why w;

	CHECK_INT(reopen(&j, dir, &s, NULL, &w), -ZT_E_NOTFOUND);
	CHECK_STR(w.text, "dir/j: does not exist");
	close(dir);
}

TEST(a_new_journal_is_the_documented_56_bytes)
{
	static const uint8_t want[56] = {
		0x89, 'z', 't', ' ', 'j', 'o', 'u', 'r', 'n', 'a', 'l', ' ', '1', 0x0d, 0x0a, 0x1a,
		5, 0, 0xfa, 0xff, 0x41, 0x96, 0x76, 0xfd, 1, 0, 0, 0, 0, 0, 0, 0,
		0, 0xff, 1, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8};
	int dir = fresh_dir("new"), fd;
	uint8_t got[64];

	journal_close(create(dir));
	fd = openat(dir, "j", O_RDONLY | O_CLOEXEC);
	CHECK_INT(read(fd, got, sizeof got), 56);
	CHECK(memcmp(got, want, sizeof want) == 0);
	close(fd);
	close(dir);
}

TEST(appends_survive_and_sequence_numbers_go_on)
{
	int dir = fresh_dir("life");
	struct journal *j = create(dir);
	struct journal_report rep;
	struct why w = {0};
	struct seen s;

	for (uint64_t i = 1; i <= 10; i++)
		CHECK_INT(append(j, i, SPAN_NONE, &w), 0);
	CHECK_INT(journal_last_seq(j), 11); /* the base record is number 1 */
	journal_close(j);
	for (int again = 0; again < 2; again++) {
		NEED(reopen(&j, dir, &s, &rep, &w) == 0);
		CHECK(s.n == 10 && s.sum == 55 && s.last == 10);
		CHECK(rep.records == 11 && rep.last_seq == 11 && rep.torn == 0 && rep.good == journal_bytes(j));
		journal_close(j);
	}
	NEED(reopen(&j, dir, &s, &rep, &w) == 0);
	CHECK_INT(append(j, 11, SPAN_NONE, &w), 0);
	CHECK_INT(journal_last_seq(j), 12);
	journal_close(j);
	close(dir);
}

TEST(snapshots_replace_the_file_and_numbers_stay_monotonic)
{
	int dir = fresh_dir("snap");
	struct journal *j = create(dir);
	struct journal_report rep;
	struct why w = {0};
	uint64_t keep = 3, before, was;
	struct seen s;
	struct stat st;

	for (uint64_t i = 1; i <= 50; i++)
		CHECK_INT(append(j, i, SPAN_NONE, &w), 0);
	before = journal_bytes(j);
	was = journal_last_seq(j);
	CHECK_INT(journal_snapshot(j, snap_numbers, &keep, &w), 0);
	CHECK(journal_bytes(j) < before);
	CHECK_INT(journal_last_seq(j), was + 4); /* three, and the base record */
	CHECK_INT(append(j, 100, SPAN_NONE, &w), 0);
	journal_close(j);
	CHECK(fstatat(dir, "j.new", &st, 0) != 0 && errno == ENOENT);
	NEED(reopen(&j, dir, &s, &rep, &w) == 0);
	CHECK(s.n == 4 && s.sum == 106);
	CHECK_INT(rep.last_seq, was + 5);
	journal_close(j);
	close(dir);
}

TEST(a_snapshot_longer_than_its_buffer)
{
	static uint8_t fill[40000];
	int dir = fresh_dir("bigsnap");
	struct journal *j = create(dir);
	struct why w = {0};
	uint64_t keep = 9000; /* 9,000 * 40 bytes: three buffers */
	struct seen s;

	CHECK_INT(append(j, 1, span_of(fill, sizeof fill), &w), 0);
	CHECK_INT(journal_snapshot(j, snap_numbers, &keep, &w), 0);
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK(s.n == keep && s.sum == keep * (keep + 1) / 2);
	journal_close(j);
	close(dir);
}

static int refuse(struct journal *j, void *ctx, struct why *w)
{
	(void)ctx;
	CHECK_INT(journal_snapshot_add(j, 1, 1, NULL, 0, w), 0);
	return why_set(w, ZT_E_CANCELLED, "no");
}

TEST(a_snapshot_that_its_owner_gives_up_changes_nothing)
{
	int dir = fresh_dir("giveup");
	struct journal *j = create(dir);
	struct why w = {0};
	struct stat st;
	struct seen s;

	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	CHECK_INT(journal_snapshot(j, refuse, NULL, &w), -ZT_E_CANCELLED);
	CHECK(fstatat(dir, "j.new", &st, 0) != 0);
	CHECK_INT(append(j, 2, SPAN_NONE, &w), 0);
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK(s.n == 2 && s.sum == 3);
	journal_close(j);
	close(dir);
}

TEST(staged_records_are_written_together_and_only_then)
{
	static uint8_t fill[30000];
	int dir = fresh_dir("batch");
	struct journal *j = create(dir);
	struct why w = {0};
	struct number n;
	struct seen s;
	int staged = 0, err;

	while ((err = journal_stage(j, 1, 1, number(&n, 1, span_of(fill, sizeof fill)), 2)) == 0)
		staged++;
	CHECK_INT(err, -ZT_E_FULL);
	CHECK_INT(staged, 4); /* 131,072 / 30,048 */
	CHECK(journal_room(j) < 30048);
	CHECK_INT(journal_commit(j, &w), 0);
	CHECK_INT(journal_commit(j, &w), 0);
	CHECK_INT(journal_last_seq(j), 5);
	CHECK_INT(journal_stage(j, 1, 1, number(&n, 2, SPAN_NONE), 2), 0); /* never committed */
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK(s.n == 4 && s.sum == 4);
	journal_close(j);
	close(dir);
}

/* FLOODS(BOUND_JOURNAL_RECORD) */
TEST(a_record_over_the_bound_is_refused)
{
	static uint8_t fill[65000];
	int dir = fresh_dir("bound");
	struct journal_place at = in_dir(dir);
	struct bounds b;
	struct journal_opts o = {.create = true, .bounds = &b};
	struct why w = {0};
	struct journal *j;

	bounds_init(&b);
	NEED(journal_open(&j, &at, &o, NULL, &w) == 0);
	CHECK_INT(append(j, 1, span_of(fill, 65000), &w), 0);
	CHECK_INT(append(j, 1, span_of(fill, 65535), &w), -ZT_E_TOOLONG);
	bounds_set(&b, BOUND_JOURNAL_RECORD, 1000);
	w = (struct why){0};
	CHECK_INT(append(j, 1, span_of(fill, 1001), &w), -ZT_E_TOOLONG);
	CHECK_STR(w.text, "dir/j: longer than its bound");
	CHECK_INT(b.row[BOUND_JOURNAL_RECORD].hits, 1); /* the other had no size at all */
	w = (struct why){0};
	CHECK_INT(append(j, 1, span_of(fill, 900), &w), 0);
	journal_close(j);
	close(dir);
}

TEST(an_unknown_type_refuses_the_file_and_names_its_offset)
{
	int dir = fresh_dir("unknown");
	struct journal *j = create(dir);
	struct journal_report rep;
	struct why w = {0};
	struct seen s;

	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	CHECK_INT(journal_append(j, 2, 7, NULL, 0, &w), 0);
	journal_close(j);
	CHECK_INT(reopen(&j, dir, &s, &rep, &w), -ZT_E_VERSION);
	CHECK_STR(w.text, "dir/j: the record at offset 96 (type 2, version 7) is unknown to this zt: use the "
			  "version that wrote it, or a newer one");
	CHECK_INT(rep.good, 96); /* 16 + base 40 + 40 */
	close(dir);
}

/* ---- who may open it ----------------------------------------------------------------------- */

TEST(the_second_writer_is_refused_and_told_who_holds_it)
{
	int dir = fresh_dir("second"), status;
	struct journal *j = create(dir);
	char want[64];
	pid_t child;

	NEED(j != NULL);
	snprintf(want, sizeof want, "dir/j: process %ld is using it: stop that one first", (long)getpid());
	child = fork();
	if (child == 0) {
		struct journal *k;
		struct why w;
		struct seen s;

		_exit(reopen(&k, dir, &s, NULL, &w) == -ZT_E_LOCKED && strcmp(w.text, want) == 0 ? 0 : 1);
	}
	NEED(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	journal_close(j);
	close(dir);
}

TEST(removing_the_lock_file_does_not_let_a_second_writer_in)
{
	int dir = fresh_dir("nolock");
	struct journal *j = create(dir), *k;
	uint64_t keep = 1;
	struct why w = {0};
	struct seen s;

	CHECK(unlinkat(dir, "j.lock", 0) == 0);
	CHECK_INT(reopen(&k, dir, &s, NULL, &w), -ZT_E_LOCKED); /* of a file just made */
	CHECK_STR(w.text, "dir/j: another process is using it: stop that one first");
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK(unlinkat(dir, "j.lock", 0) == 0);
	CHECK_INT(reopen(&k, dir, &s, NULL, &w), -ZT_E_LOCKED); /* of one that was there */
	w = (struct why){0};
	CHECK_INT(journal_snapshot(j, snap_numbers, &keep, &w), 0);
	CHECK(unlinkat(dir, "j.lock", 0) == 0);
	CHECK_INT(reopen(&k, dir, &s, NULL, &w), -ZT_E_LOCKED); /* of one that replaced it */
	w = (struct why){0};
	CHECK_INT(append(j, 2, SPAN_NONE, &w), 0);
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK_INT(s.n, 2);
	journal_close(j);
	close(dir);
}

TEST(checking_needs_no_lock_and_changes_nothing)
{
	int dir = fresh_dir("verify");
	struct journal *j = create(dir);
	struct journal_place at = in_dir(dir);
	struct journal_report rep;
	struct why w = {0};
	struct seen s = {0};

	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	CHECK_INT(journal_verify(&at, see, &s, &rep, &w), 0);
	CHECK(s.n == 1 && rep.records == 2 && rep.good == journal_bytes(j) && rep.torn == 0);
	journal_close(j);
	close(dir);
}

static void refused(int dir, int err, const char *sentence)
{
	struct journal *j;
	struct why w;
	struct seen s;

	CHECK_INT(reopen(&j, dir, &s, NULL, &w), err);
	if (strstr(w.text, sentence) == NULL)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", w.text, sentence);
}

TEST(wrong_modes_links_and_kinds_are_refused_by_name)
{
	int dir = fresh_dir("modes");

	journal_close(create(dir));
	CHECK(fchmodat(dir, "j", 0640, 0) == 0);
	refused(dir, -ZT_E_PERM, "dir/j: mode 0640 lets group or others in: chmod 600 it");
	CHECK(fchmodat(dir, "j", 0604, 0) == 0);
	refused(dir, -ZT_E_PERM, "dir/j: mode 0604");
	CHECK(fchmodat(dir, "j", 0600, 0) == 0);
	CHECK(fchmodat(dir, "j.lock", 0660, 0) == 0);
	refused(dir, -ZT_E_PERM, "dir/j.lock: mode 0660");
	CHECK(fchmodat(dir, "j.lock", 0600, 0) == 0);
	CHECK(linkat(dir, "j", dir, "other", 0) == 0);
	refused(dir, -ZT_E_PERM, "dir/j: has 2 hard links");
	CHECK(unlinkat(dir, "other", 0) == 0);
	CHECK(renameat(dir, "j", dir, "real") == 0 && symlinkat("real", dir, "j") == 0);
	refused(dir, -ZT_E_PERM, "dir/j: is a symbolic link");
	CHECK(unlinkat(dir, "j", 0) == 0 && mkfifoat(dir, "j", 0600) == 0);
	refused(dir, -ZT_E_PERM, "dir/j: is not a regular file");
	CHECK(unlinkat(dir, "j", 0) == 0 && renameat(dir, "real", dir, "j") == 0);
	CHECK(unlinkat(dir, "j.lock", 0) == 0 && symlinkat("elsewhere", dir, "j.lock") == 0);
	refused(dir, -ZT_E_PERM, "dir/j.lock: is a symbolic link");
	CHECK(faccessat(dir, "elsewhere", F_OK, 0) != 0);
	CHECK(unlinkat(dir, "j.lock", 0) == 0 && fchmod(dir, 0777) == 0);
	refused(dir, -ZT_E_PERM, "the directory of dir/j: mode 0777 lets others replace files: chmod 700 it");
	CHECK(fchmod(dir, 0700) == 0);
	if (geteuid() == 0) {
		CHECK(fchownat(dir, "j", 12345, 12345, 0) == 0);
		refused(dir, -ZT_E_PERM, "dir/j: belongs to user 12345 but this is user 0");
		CHECK(fchownat(dir, "j", 0, 0, 0) == 0);
		CHECK(fchown(dir, 12345, 12345) == 0);
		refused(dir, -ZT_E_PERM, "the directory of dir/j: belongs to user 12345");
		CHECK(fchown(dir, 0, 0) == 0);
	}
	close(dir);
}

TEST(what_was_planted_in_the_place_of_a_snapshot_is_not_followed)
{
	int dir = fresh_dir("plant");
	struct journal *j = create(dir);
	uint64_t keep = 1;
	struct why w = {0};
	struct seen s;
	struct stat st;

	CHECK(symlinkat("target", dir, "j.new") == 0);
	CHECK(journal_snapshot(j, snap_numbers, &keep, &w) < 0);
	CHECK(fstatat(dir, "target", &st, 0) != 0 && fstatat(dir, "j.new", &st, AT_SYMLINK_NOFOLLOW) == 0);
	w = (struct why){0};
	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0); /* refused, not dead */
	journal_close(j);
	NEED(reopen(&j, dir, &s, NULL, &w) == 0);
	CHECK(fstatat(dir, "j.new", &st, AT_SYMLINK_NOFOLLOW) != 0); /* the link, not what it named */
	CHECK_INT(journal_snapshot(j, snap_numbers, &keep, &w), 0);
	CHECK(fstatat(dir, "j", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	journal_close(j);
	close(dir);
}

TEST(a_directory_without_write_permission_gives_a_sentence)
{
	int dir = fresh_dir("readonly"), status;
	pid_t child;

	if (geteuid() != 0) {
		CHECK(fchmod(dir, 0500) == 0);
		refused(dir, -ZT_E_PERM, "dir/j.lock: cannot be opened: Permission denied");
		CHECK(fchmod(dir, 0700) == 0);
		close(dir);
		return;
	}
	/* root may write anywhere: become somebody who owns the directory and still may not */
	CHECK(fchown(dir, 12345, 12345) == 0 && fchmod(dir, 0500) == 0);
	child = fork();
	if (child == 0) {
		struct journal *j;
		struct why w;
		struct seen s;

		if (setresuid(12345, 12345, 12345) != 0)
			_exit(2);
		_exit(reopen(&j, dir, &s, NULL, &w) == -ZT_E_PERM &&
				      strstr(w.text, "dir/j.lock: cannot be opened: Permission denied")
			      ? 0
			      : 1);
	}
	NEED(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(dir);
}

TEST(names_that_would_leave_the_directory)
{
	static const char *const names[] = {"", "../j", "a/b",
		"0123456789012345678901234567890123456789012345678901234567890123x"};
	int dir = fresh_dir("names");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct journal_place at = {.dirfd = dir, .name = names[i]};
		struct journal_opts o = {.create = true};
		struct why w = {0};
		struct journal *j;

		CHECK_INT(journal_open(&j, &at, &o, NULL, &w), -ZT_E_RANGE);
	}
	close(dir);
}
