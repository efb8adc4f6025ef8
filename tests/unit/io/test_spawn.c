/* What is handed to a child: text that nobody can change, and nothing that is not sealed. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/spawn.h"

TEST(sealed_text_reads_back_and_cannot_change)
{
	int fd = sealed_text(SPAN_LIT("[log]\nlevel = info\n"), NULL);
	struct span got;
	void *mem;

	NEED(fd >= 0);
	CHECK(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 0) < 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);
	NEED(sealed_read(fd, 64, &got, &mem, NULL) == 0);
	CHECK(span_eq_str(got, "[log]\nlevel = info\n"));
	free(mem);
	close(fd);
}

TEST(empty_text_is_text)
{
	int fd = sealed_text(SPAN_NONE, NULL);
	struct span got;
	void *mem;

	NEED(fd >= 0 && sealed_read(fd, 64, &got, &mem, NULL) == 0);
	CHECK_INT(got.n, 0);
	free(mem);
	close(fd);
}

TEST(what_is_longer_than_expected_is_refused)
{
	int fd = sealed_text(SPAN_LIT("12345678"), NULL);
	struct span got;
	void *mem;

	NEED(fd >= 0);
	CHECK_INT(sealed_read(fd, 7, &got, &mem, NULL), -ZT_E_TOOLONG);
	NEED(sealed_read(fd, 8, &got, &mem, NULL) == 0);
	CHECK_INT(got.n, 8);
	free(mem);
	close(fd);
}

TEST(what_is_not_sealed_is_refused)
{
	struct why w = {0};
	struct span got;
	void *mem;
	int open_memfd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int file = open(unit_tmp("file"), O_RDWR | O_CREAT, 0600);

	CHECK_INT(sealed_read(open_memfd, 64, &got, &mem, &w), -ZT_E_PERM);
	CHECK_INT(sealed_read(file, 64, &got, &mem, NULL), -ZT_E_PERM);
	CHECK_INT(fcntl(open_memfd, F_ADD_SEALS, F_SEAL_WRITE), 0); /* one seal is not all */
	CHECK_INT(sealed_read(open_memfd, 64, &got, &mem, NULL), -ZT_E_PERM);
	close(open_memfd);
	close(file);
}

TEST(more_descriptors_than_fit_are_refused)
{
	int fds[64] = {0};
	struct spawned child;
	struct spawn_req r = {.kind = "nobody", .fds = fds, .nfds = 64};

	CHECK_INT(spawn_child(&r, &child, NULL), -ZT_E_TOOLONG);
}
