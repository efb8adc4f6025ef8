/* confload with failing and short system calls, and with the n-th allocation failing. */
#include <errno.h>

#include "loadkit.h"
#include "tests/unit/wrapio.h"

static char *env[4];

static const char *files(void)
{
	static char level[512], keep[512];
	const char *zt = put("d", "zt.conf", "[log]\nlevel = warn\n[echo]\nlisten =\n  127.0.0.1:1\n  127.0.0.1:2\n");

	put("d", "conf.d/1.conf", "[limits]\nnofile = 5000\n");
	put("d", "conf.d/2.conf", "[state]\ndir = /d\n");
	snprintf(level, sizeof level, "ZT_LOG_FORMAT_FILE=%s", put("d", "format", "json\n"));
	snprintf(keep, sizeof keep, "ZT_LOG_KEEP=3");
	env[0] = level;
	env[1] = keep;
	return zt;
}

static void check_values(const struct conf *c)
{
	CHECK_INT(c->log.level, LOG_WARN);
	CHECK_INT(c->log.format, LOG_JSON);
	CHECK_INT(c->log.keep, 3);
	CHECK_INT(c->echo.listen.n, 2);
	CHECK_INT(c->limits.nofile, 5000);
	CHECK_STR(c->state.dir, "/d");
	CHECK_INT(c->files, 3);
}

TEST(one_byte_at_a_time)
{
	const char *zt = files();
	struct conf *c;

	wrap_reset();
	wrap_short(WRAP_READ, 1);
	NEED(load(&c, zt, env) == 0);
	CHECK(wrap_count(WRAP_READ) > 100);
	wrap_reset();
	check_values(c);
	unload(c);
}

TEST(interrupted_reads)
{
	const char *zt = files();
	struct conf *c;

	for (unsigned n = 1; n <= 4; n++) {
		wrap_reset();
		wrap_fail(WRAP_READ, n, EINTR, 3);
		NEED(load(&c, zt, env) == 0);
		check_values(c);
		unload(c);
	}
	wrap_reset();
}

TEST(every_read_that_fails_is_a_fault_of_its_file)
{
	static const char *const where[] = {"/zt.conf", "/conf.d/1.conf", "/conf.d/2.conf", "ZT_LOG_FORMAT_FILE"};
	const char *zt = files();
	struct conf *c;

	/* Two reads a file: the text, and its end. */
	for (unsigned n = 1; n <= 8; n++) {
		wrap_reset();
		wrap_fail(WRAP_READ, n, EIO, 1);
		CHECK_INT(load(&c, zt, env), -ZT_E_CONFIG);
		CHECK_INT(faults.faults, 1);
		CHECK(strstr(told, where[(n - 1) / 2]) != NULL);
		CHECK(strstr(told, ": cannot read it: ") != NULL);
		CHECK_INT(faults.first->err, ZT_E_SYS);
		unload(c);
	}
	wrap_reset();
	NEED(load(&c, zt, env) == 0);
	unload(c);
}

TEST(every_open_that_fails_is_a_fault_of_its_file)
{
	static const char *const where[] = {"/zt.conf", "/conf.d/1.conf", "/conf.d/2.conf", "ZT_LOG_FORMAT_FILE"};
	static const struct {
		int sys;
		enum zt_err err;
	} errors[] = {{EACCES, ZT_E_PERM}, {EMFILE, ZT_E_NOFILES}, {EIO, ZT_E_SYS}, {ELOOP, ZT_E_SYS}, {ENOENT, ZT_E_NOTFOUND}};
	const char *zt = files();
	struct conf *c;

	for (unsigned e = 0; e < sizeof errors / sizeof errors[0]; e++)
		for (unsigned n = 0; n < 4; n++) {
			const char *name;

			/* Whether the C library's opendir() is counted too differs: look for the file. */
			for (unsigned nth = n + 1; nth <= n + 2; nth++) {
				wrap_reset();
				wrap_fail(WRAP_OPEN, nth, errors[e].sys, 1);
				load(&c, zt, env);
				wrap_reset();
				if (strstr(told, where[n]))
					break;
				unload(c);
				c = NULL;
			}
			name = strstr(told, where[n]);
			CHECK(name != NULL && strstr(name, ": cannot open it: ") != NULL);
			CHECK_INT(faults.faults, 1);
			CHECK_INT(faults.first->err, errors[e].err);
			CHECK(c == NULL);
			unload(c);
		}
}

TEST(only_a_missing_default_file_is_passed_over)
{
	struct conf *c;

	wrap_reset();
	wrap_fail(WRAP_OPEN, 1, EACCES, 1);
	CHECK_INT(load(&c, NULL, NULL), -ZT_E_CONFIG);
	CHECK(strstr(told, CONF_DEFAULT_PATH ": cannot open it: ") == told);
	wrap_reset();
	unload(c);
}

TEST(every_allocation_that_fails)
{
	const char *zt = files();
	struct conf *c;
	unsigned n;

	for (n = 1; n < 200; n++) {
		unsigned seen;
		int rc;

		wrap_reset();
		wrap_fail(WRAP_MALLOC, n, ENOMEM, 1);
		rc = load(&c, zt, env);
		seen = wrap_count(WRAP_MALLOC);
		wrap_reset();
		if (seen < n) {
			CHECK_INT(rc, 0);
			check_values(c);
			unload(c);
			break;
		}
		CHECK_INT(rc, -ZT_E_NOMEM);
		unload(c);
	}
	/* Two arenas, four texts, the names of conf.d, the directory where its malloc is ours,
	 * two digests; the arenas need one chunk each. */
	CHECK(n >= 9 && n < 200);
}

TEST(every_allocation_from_the_nth_on_fails)
{
	const char *zt = files();
	struct conf *c;

	for (unsigned n = 1; n < 9; n++) {
		wrap_reset();
		wrap_fail(WRAP_MALLOC, n, ENOMEM, 100000);
		CHECK_INT(load(&c, zt, env), -ZT_E_NOMEM);
		wrap_reset();
		unload(c);
	}
}
