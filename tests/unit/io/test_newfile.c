/* newfile: whole or not at all, private from the first byte, and no planted name is followed. */
#include "tests/unit/io/newfile_kit.h"

#include <errno.h>

TEST(a_file_is_replaced_whole_and_has_its_mode_whatever_the_umask_says)
{
	const mode_t masks[] = {0, 022, 077, 0177};
	char mem[64];
	struct stat st;
	int d = nf_dir("replace");

	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		const struct newfile f = {.dirfd = d, .name = "f", .mode = i % 2 ? 0600 : 0644};
		mode_t old = umask(masks[i]);

		CHECK_INT(newfile_write(&f, i ? SPAN_LIT("the second") : SPAN_LIT("the first one"), NULL), 0);
		umask(old);
		CHECK_STR(nf_get(d, "f", mem, sizeof mem), i ? "the second" : "the first one");
		NEED(fstatat(d, "f", &st, 0) == 0);
		CHECK_INT(st.st_mode & 0777, i % 2 ? 0600 : 0644);
	}
	CHECK_INT(nf_count(d), 1);
	close(d);
}

TEST(a_first_file_never_takes_the_place_of_anything)
{
	struct why w = {0};
	char mem[64];
	int d = nf_dir("first");

	CHECK_INT(nf_put(d, "f", "one", NEWFILE_FIRST, &w), 0);
	CHECK_INT(nf_put(d, "f", "two", NEWFILE_FIRST, &w), -ZT_E_EXISTS);
	CHECK(strstr(w.text, "f exists already") != NULL);
	CHECK_STR(nf_get(d, "f", mem, sizeof mem), "one");
	NEED(symlinkat("nowhere", d, "dangling") == 0);
	CHECK_INT(nf_put(d, "dangling", "two", NEWFILE_FIRST, NULL), -ZT_E_EXISTS);
	CHECK_INT(faccessat(d, "nowhere", F_OK, 0), -1);
	CHECK_INT(nf_count(d), 2);
	close(d);
}

TEST(a_planted_link_is_replaced_and_never_followed)
{
	char mem[64];
	struct stat st;
	int d = nf_dir("links");

	CHECK_INT(nf_put(d, "victim", "precious", NEWFILE_FIRST, NULL), 0);
	NEED(symlinkat("victim", d, "soft") == 0);
	NEED(linkat(d, "victim", d, "hard", 0) == 0);
	CHECK_INT(nf_put(d, "soft", "mine", NEWFILE_REPLACE, NULL), 0);
	CHECK_INT(nf_put(d, "hard", "mine", NEWFILE_REPLACE, NULL), 0);
	CHECK_STR(nf_get(d, "victim", mem, sizeof mem), "precious");
	NEED(fstatat(d, "soft", &st, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(S_ISREG(st.st_mode));
	close(d);
}

TEST(what_is_read_is_a_regular_file_and_a_secret_is_its_owners_alone)
{
	const struct {
		mode_t mode;
		bool secret;
		int rc;
	} rows[] = {{0600, true, 4}, {0400, true, 4}, {0640, true, -ZT_E_PERM}, {0604, true, -ZT_E_PERM},
		    {0602, true, -ZT_E_PERM}, {0644, false, 4}};
	struct why w = {0};
	char mem[16];
	int d = nf_dir("read");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct newfile f = {.dirfd = d, .name = "f", .mode = rows[i].mode};

		CHECK_INT(newfile_write(&f, SPAN_LIT("text"), NULL), 0);
		CHECK_INT(newfile_read(&f, rows[i].secret, mem, sizeof mem, NULL), rows[i].rc);
	}
	NEED(symlinkat("f", d, "link") == 0 && mkfifoat(d, "pipe", 0600) == 0 && mkdirat(d, "dir", 0700) == 0);
	CHECK(newfile_read(&(struct newfile){.dirfd = d, .name = "link"}, false, mem, sizeof mem, NULL) < 0);
	CHECK_INT(newfile_read(&(struct newfile){.dirfd = d, .name = "pipe"}, false, mem, sizeof mem, NULL), -ZT_E_PERM);
	CHECK_INT(newfile_read(&(struct newfile){.dirfd = d, .name = "dir"}, false, mem, sizeof mem, NULL), -ZT_E_PERM);
	CHECK_INT(newfile_read(&(struct newfile){.dirfd = d, .name = "no"}, false, mem, sizeof mem, &w), -ZT_E_NOTFOUND);
	CHECK(strstr(w.text, "cannot read no") != NULL);
	CHECK_INT(newfile_read(&(struct newfile){.dirfd = d, .name = "f"}, false, mem, 3, NULL), -ZT_E_TOOLONG);
	CHECK_INT(newfile_read(&(struct newfile){.dirfd = d, .name = "f"}, false, mem, 4, NULL), 4);
	close(d);
}

TEST(a_name_without_a_directory_says_so)
{
	struct why w = {0};
	int d = nf_dir("nodir");

	CHECK_INT(nf_put(d, "sub/f", "x", NEWFILE_REPLACE, &w), -ZT_E_NOTFOUND);
	CHECK(strstr(w.text, "cannot write sub/f") != NULL);
	NEED(mkdirat(d, "sub", 0700) == 0);
	CHECK_INT(nf_put(d, "sub/f", "x", NEWFILE_FIRST, NULL), 0);
	close(d);
}
