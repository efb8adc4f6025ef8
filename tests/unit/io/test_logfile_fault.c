/* The log file on a disk that fills up in the middle of a line. */
#include "tests/unit/unit.h"
#include "tests/unit/wrapio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/logfile.h"

static void contents(int dir, char out[static 64])
{
	int fd = openat(dir, "z.log", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 63);

	out[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
}

static int start(struct logfile *f, const char *name)
{
	const char *path = unit_tmp(name);
	int dir;

	mkdir(path, 0700);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	wrap_reset();
	CHECK_INT(logfile_open(f, dir, "z.log", 1000, 1), 0);
	CHECK_INT(logfile_append(f, SPAN_LIT("first\n")), 0);
	return dir;
}

TEST(a_full_disk_loses_lines_not_the_file)
{
	struct logfile f;
	char text[64];
	int dir = start(&f, "full");

	wrap_fail(WRAP_WRITE, 1, ENOSPC, 2);
	CHECK_INT(logfile_append(&f, SPAN_LIT("second\n")), -ZT_E_NOSPACE);
	CHECK_INT(logfile_append(&f, SPAN_LIT("third\n")), -ZT_E_NOSPACE);
	CHECK_INT(logfile_append(&f, SPAN_LIT("fourth\n")), 0);
	wrap_reset();
	contents(dir, text);
	CHECK_STR(text, "first\nfourth\n");
	logfile_close(&f);
	close(dir);
}

TEST(half_a_line_is_taken_back)
{
	struct logfile f;
	char text[64];
	int dir = start(&f, "half");

	wrap_short(WRAP_WRITE, 3);
	CHECK_INT(logfile_append(&f, SPAN_LIT("second\n")), -ZT_E_NOSPACE);
	wrap_reset();
	CHECK_INT(logfile_append(&f, SPAN_LIT("third\n")), 0);
	contents(dir, text);
	CHECK_STR(text, "first\nthird\n");
	logfile_close(&f);
	close(dir);
}

TEST(half_a_line_that_stays_is_ended_before_the_next)
{
	struct logfile f;
	char text[64];
	int dir = start(&f, "stays");

	wrap_short(WRAP_WRITE, 3);
	wrap_fail(WRAP_FTRUNCATE, 1, EIO, 1);
	CHECK_INT(logfile_append(&f, SPAN_LIT("second\n")), -ZT_E_NOSPACE);
	wrap_reset();
	CHECK_INT(logfile_append(&f, SPAN_LIT("third\n")), 0);
	contents(dir, text);
	CHECK_STR(text, "first\nsec\nthird\n");
	logfile_close(&f);
	close(dir);
}

TEST(interrupted_writes_are_tried_again)
{
	struct logfile f;
	char text[64];
	int dir = start(&f, "eintr");

	wrap_fail(WRAP_WRITE, 1, EINTR, 3);
	CHECK_INT(logfile_append(&f, SPAN_LIT("second\n")), 0);
	CHECK_INT(wrap_count(WRAP_WRITE), 4 + 1); /* start() wrote once */
	wrap_reset();
	contents(dir, text);
	CHECK_STR(text, "first\nsecond\n");
	logfile_close(&f);
	close(dir);
}
