/* log: a disk that takes half a line, and writes that are interrupted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "../wrapio.h"
#include "base/log.h"

static struct clock_fake still;
static char text[8192];

static struct log to_file(void)
{
	struct log l;

	clock_fake_init(&still, 0, 0);
	log_init(&l, &still.clock, "r", "p");
	l.journald = false;
	l.fd = open(unit_tmp("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	wrap_reset();
	return l;
}

static const char *content(const struct log *l)
{
	ssize_t n = pread(l->fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return text;
}

#define AT "1970-01-01T00:00:00.000Z"

TEST(half_a_line_is_not_glued_to_the_next)
{
	struct log l = to_file();

	NEED(l.fd >= 0);
	wrap_short(WRAP_WRITE, 30);
	LOG0(&l, LOG_INFO, "torn");
	CHECK(l.torn && l.dropped == 1);
	wrap_short(WRAP_WRITE, 0);
	wrap_fail(WRAP_WRITE, 1, ENOSPC, 2); /* full: not a byte goes */
	LOG0(&l, LOG_INFO, "lost");
	CHECK(l.torn && l.dropped == 2);
	LOG0(&l, LOG_INFO, "whole");
	LOG0(&l, LOG_INFO, "after");
	CHECK(!l.torn && l.dropped == 0 && l.dropped_total == 2);
	CHECK_STR(content(&l), AT " info \n" AT " warn  r/p: log lines were lost lines=2\n" AT
			       " info  r/p: whole\n" AT " info  r/p: after\n");
	close(l.fd);
	wrap_reset();
}

TEST(a_line_of_another_kind_stands_alone_too)
{
	struct log l = to_file();

	NEED(l.fd >= 0);
	wrap_short(WRAP_WRITE, 3);
	log_raw(&l, SPAN_LIT("{torn}\n"), 1);
	CHECK(l.torn && l.dropped == 1);
	wrap_short(WRAP_WRITE, 0);
	wrap_fail(WRAP_WRITE, 1, ENOSPC, 3);
	log_raw(&l, SPAN_LIT("{lost}\n{too}\n"), 2);
	CHECK(l.torn && l.dropped == 3 && l.dropped_total == 3);
	log_raw(&l, SPAN_LIT("{whole}\n"), 1);
	CHECK(!l.torn && l.dropped == 0);
	CHECK_STR(content(&l), "{to\n" AT " warn  r/p: log lines were lost lines=3\n{whole}\n");
	wrap_reset();
	wrap_short(WRAP_WRITE, 3); /* of the report, too */
	log_raw(&l, SPAN_LIT("{torn}\n"), 1);
	wrap_short(WRAP_WRITE, 0);
	wrap_fail(WRAP_WRITE, 1, ENOSPC, 1);
	log_raw(&l, SPAN_LIT("{after}\n"), 1);
	CHECK(!l.torn && l.dropped == 1 && strstr(content(&l), "{whole}\n{to\n{after}\n"));
	close(l.fd);
	wrap_reset();
}

TEST(one_line_written_by_hand)
{
	struct log l = to_file();

	NEED(l.fd >= 0);
	CHECK_INT(log_write_fd(l.fd, SPAN_LIT("whole\n")), 0);
	wrap_short(WRAP_WRITE, 3);
	CHECK_INT(log_write_fd(l.fd, SPAN_LIT("half\n")), -ZT_E_NOSPACE);
	CHECK_STR(content(&l), "whole\nhal");
	wrap_reset();
	CHECK_INT(log_write_fd(-1, SPAN_LIT("x\n")), -ZT_E_SYS);
	close(l.fd);
}

TEST(an_interrupted_write_is_made_again)
{
	struct log l = to_file();

	NEED(l.fd >= 0);
	wrap_fail(WRAP_WRITE, 1, EINTR, 3);
	LOG0(&l, LOG_INFO, "x");
	CHECK_STR(content(&l), AT " info  r/p: x\n");
	CHECK(l.dropped == 0 && wrap_count(WRAP_WRITE) == 4);
	close(l.fd);
	wrap_reset();
}
