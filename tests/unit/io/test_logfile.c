/* The log file: rotation by size and count, reopening, and what a line may land in. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/logfile.h"

static int open_dir(const char *name)
{
	const char *path = unit_tmp(name);

	mkdir(path, 0700);
	return open(path, O_RDONLY | O_DIRECTORY);
}

static long file_size(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 ? (long)st.st_size : -1;
}

TEST(rotates_by_size_and_keeps_the_newest)
{
	int dir = open_dir("rotate");
	struct logfile f;

	CHECK_INT(logfile_open(&f, dir, "z.log", 25, 2), 0);
	for (int i = 0; i < 7; i++)
		CHECK_INT(logfile_append(&f, SPAN_LIT("123456789\n")), 0);
	/* two lines a file: 7 lines = 3 full and one with a single line; the oldest two are gone */
	CHECK_INT(file_size(dir, "z.log"), 10);
	CHECK_INT(file_size(dir, "z.log.1"), 20);
	CHECK_INT(file_size(dir, "z.log.2"), 20);
	CHECK_INT(file_size(dir, "z.log.3"), -1);
	logfile_close(&f);
	close(dir);
}

TEST(keep_none_drops_the_full_file)
{
	int dir = open_dir("none");
	struct logfile f;

	CHECK_INT(logfile_open(&f, dir, "z.log", 15, 0), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(logfile_append(&f, SPAN_LIT("123456789\n")), 0);
	CHECK_INT(file_size(dir, "z.log"), 10);
	CHECK_INT(file_size(dir, "z.log.1"), -1);
	logfile_close(&f);
	close(dir);
}

TEST(a_line_longer_than_the_file_is_still_written)
{
	int dir = open_dir("long");
	struct logfile f;

	CHECK_INT(logfile_open(&f, dir, "z.log", 5, 1), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("123456789\n")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("abcdefghi\n")), 0);
	CHECK_INT(file_size(dir, "z.log"), 10);
	CHECK_INT(file_size(dir, "z.log.1"), 10);
	logfile_close(&f);
	close(dir);
}

TEST(reopen_follows_a_file_moved_away)
{
	int dir = open_dir("moved");
	struct logfile f;

	CHECK_INT(logfile_open(&f, dir, "z.log", 1000, 1), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("one\n")), 0);
	CHECK_INT(renameat(dir, "z.log", dir, "old"), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("two\n")), 0);
	CHECK_INT(file_size(dir, "old"), 8); /* until told, the open file is the file */
	CHECK_INT(logfile_reopen(&f), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("three\n")), 0);
	CHECK_INT(file_size(dir, "z.log"), 6);
	logfile_close(&f);
	close(dir);
}

TEST(appends_to_what_is_there_and_counts_it)
{
	int dir = open_dir("append");
	struct logfile f;

	for (int i = 0; i < 2; i++) {
		CHECK_INT(logfile_open(&f, dir, "z.log", 15, 1), 0);
		CHECK_INT(logfile_append(&f, SPAN_LIT("123456789\n")), 0);
		logfile_close(&f);
	}
	CHECK_INT(file_size(dir, "z.log"), 10);
	CHECK_INT(file_size(dir, "z.log.1"), 10);
	close(dir);
}

TEST(only_a_regular_file_is_written)
{
	int dir = open_dir("planted");
	struct logfile f;

	CHECK_INT(symlinkat("/dev/null", dir, "link.log"), 0);
	CHECK(logfile_open(&f, dir, "link.log", 100, 1) < 0);
	CHECK(logfile_append(&f, SPAN_LIT("x\n")) < 0); /* lost, and said so */
	logfile_close(&f);
	CHECK_INT(unlinkat(dir, "link.log", 0), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("x\n")), 0); /* the next line tries again */
	logfile_close(&f);
	close(dir);
}

/* Somebody made a directory where the first old file goes: the size is kept all the same. */
TEST(a_rename_that_fails_does_not_let_the_file_grow)
{
	int dir = open_dir("norename");
	struct logfile f;

	CHECK_INT(mkdirat(dir, "z.log.1", 0700), 0);
	CHECK_INT(mkdirat(dir, "z.log.1/not-empty", 0700), 0);
	CHECK_INT(logfile_open(&f, dir, "z.log", 25, 1), 0);
	for (int i = 0; i < 9; i++)
		CHECK_INT(logfile_append(&f, SPAN_LIT("123456789\n")), 0);
	CHECK_INT(file_size(dir, "z.log"), 10); /* the newest */
	logfile_close(&f);
	close(dir);
}

/* Pieces of something without an end do not swallow the line that comes after them. */
TEST(a_piece_without_an_end_is_ended)
{
	int dir = open_dir("pieces");
	char text[32] = "";
	struct logfile f;
	int fd;

	CHECK_INT(logfile_open(&f, dir, "z.log", 1000, 1), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("junk")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("more")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("a line\n")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("another\n")), 0);
	fd = openat(dir, "z.log", O_RDONLY);
	CHECK_INT(read(fd, text, sizeof text - 1), 25);
	CHECK_STR(text, "junk\nmore\na line\nanother\n");
	close(fd);
	logfile_close(&f);
	close(dir);
}

TEST(a_directory_that_is_gone_loses_lines_until_it_is_back)
{
	int dir = open_dir("gone");
	struct logfile f;

	CHECK_INT(logfile_open(&f, dir, "z.log", 25, 1), 0);
	CHECK_INT(unlinkat(dir, "z.log", 0), 0);
	CHECK_INT(rmdir(unit_tmp("gone")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("into the open file\n")), 0);
	CHECK_INT(logfile_append(&f, SPAN_LIT("time to rotate\n")), -ZT_E_NOTFOUND);
	CHECK_INT(logfile_append(&f, SPAN_LIT("and again\n")), -ZT_E_NOTFOUND);
	logfile_close(&f);
	close(dir);
}
