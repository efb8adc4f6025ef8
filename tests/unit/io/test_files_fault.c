/* files with failing and short system calls: a bundle is whole, or there is none, and nothing stays open. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"
#include "io/spawn.h"
#include "tests/unit/io/descriptors.h"
#include "tests/unit/wrapio.h"
#include "wire/bundle.h"

static char path[2][200];
static struct file_want want[2];
static struct why why;

static void files(void)
{
	for (size_t i = 0; i < 2; i++) {
		char name[8];
		int fd;

		snprintf(name, sizeof name, "f%zu", i);
		snprintf(path[i], sizeof path[i], "%s", unit_tmp(name));
		fd = open(path[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		CHECK(fd >= 0 && write(fd, "some bytes", 10) == 10);
		close(fd);
		want[i] = (struct file_want){path[i], i == 1 ? FILE_SECRET : FILE_PUBLIC, false, NULL, NULL, NULL};
	}
	wrap_reset();
	why = (struct why){0};
}

static int pack(void)
{
	struct files_mark mark;

	return files_pack(want, 2, NULL, &mark, &why);
}

static void check_whole(int fd)
{
	struct span bundle, file;
	void *mem;

	wrap_reset();
	NEED(fd >= 0);
	NEED(sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), &bundle, &mem, NULL) == 0);
	CHECK_INT(bundle_check(bundle), 0);
	for (size_t i = 0; i < 2; i++)
		CHECK(bundle_find(bundle, path[i], &file) == 0 && span_eq_str(file, "some bytes"));
	free(mem);
	close(fd);
}

TEST(one_byte_at_a_time)
{
	files();
	wrap_short(WRAP_READ, 1);
	wrap_short(WRAP_WRITE, 7);
	check_whole(pack());
}

TEST(interrupted_calls)
{
	for (unsigned n = 1; n <= 4; n++) {
		files();
		wrap_fail(WRAP_READ, n, EINTR, 3);
		wrap_fail(WRAP_WRITE, 1, EINTR, 2);
		check_whole(pack());
	}
}

static void fails(enum wrap_call c, unsigned nth, int err, enum zt_err e, const char *words)
{
	int before, rc;

	files();
	before = open_descriptors();
	wrap_fail(c, nth, err, 1);
	rc = pack();
	wrap_reset();
	CHECK_INT(rc, -(int)e);
	if (strstr(why.text, words) == NULL)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why.text, words);
	CHECK_INT(open_descriptors(), before);
}

TEST(every_call_that_fails_is_told)
{
	fails(WRAP_OPEN, 1, EMFILE, ZT_E_NOFILES, path[0]);
	fails(WRAP_OPEN, 2, EACCES, ZT_E_PERM, path[1]);
	for (unsigned n = 1; n <= 4; n++) /* the bytes and the end of two files */
		fails(WRAP_READ, n, EIO, ZT_E_SYS, path[(n - 1) / 2]);
	fails(WRAP_WRITE, 1, ENOSPC, ZT_E_NOSPACE, "memory file");
	for (unsigned n = 1; n <= 3; n++) /* the bundle, and each file */
		fails(WRAP_MALLOC, n, ENOMEM, ZT_E_NOMEM, "no memory for");
	files();
	check_whole(pack()); /* and then it is as if nothing had been */
}
