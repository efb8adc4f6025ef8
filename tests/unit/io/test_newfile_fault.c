/* newfile under failing system calls: the old file stays whole, and nothing is left beside it. */
#include "tests/unit/io/newfile_kit.h"

#include <errno.h>

#include "tests/unit/wrapio.h"

TEST(whatever_fails_the_old_file_is_as_it_was_and_no_other_is_left)
{
	const struct {
		enum wrap_call call;
		int err, rc;
	} rows[] = {{WRAP_OPEN, EMFILE, -ZT_E_NOFILES},  {WRAP_WRITE, ENOSPC, -ZT_E_NOSPACE}, {WRAP_WRITE, EIO, -ZT_E_SYS},
		    {WRAP_FSYNC, EIO, -ZT_E_SYS},        {WRAP_FSYNC, ENOSPC, -ZT_E_NOSPACE}, {WRAP_RENAME, EIO, -ZT_E_SYS}};
	char mem[64];
	int d;

	wrap_reset();
	d = nf_dir("fault");
	CHECK_INT(nf_put(d, "f", "old", NEWFILE_REPLACE, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct why w = {0};

		wrap_fail(rows[i].call, 1, rows[i].err, 1);
		CHECK_INT(nf_put(d, "f", "new and longer", NEWFILE_REPLACE, &w), rows[i].rc);
		CHECK(strstr(w.text, "cannot write f") != NULL);
		wrap_reset();
		CHECK_STR(nf_get(d, "f", mem, sizeof mem), "old");
		CHECK_INT(nf_count(d), 1);
	}
	close(d);
}

TEST(short_and_interrupted_calls_are_gone_on_with)
{
	char mem[64];
	int d;

	wrap_reset();
	d = nf_dir("short");
	wrap_short(WRAP_WRITE, 3);
	wrap_short(WRAP_READ, 2);
	wrap_fail(WRAP_WRITE, 2, EINTR, 1);
	CHECK_INT(nf_put(d, "f", "a longer text", NEWFILE_FIRST, NULL), 0);
	wrap_fail(WRAP_READ, 2, EINTR, 1);
	CHECK_STR(nf_get(d, "f", mem, sizeof mem), "a longer text");
	wrap_reset();
	close(d);
}

TEST(a_directory_that_cannot_be_synced_is_told)
{
	char mem[64];
	int d;

	wrap_reset();
	d = nf_dir("dirsync");
	wrap_fail(WRAP_FSYNC, 2, EIO, 1);
	CHECK_INT(nf_put(d, "f", "new", NEWFILE_REPLACE, NULL), -ZT_E_SYS);
	wrap_reset();
	CHECK_STR(nf_get(d, "f", mem, sizeof mem), "new");
	close(d);
}
