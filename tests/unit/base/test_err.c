/* err: the table is consistent, exit codes are the documented ones, the first cause stays. */
#include "base/err.h"

#include <errno.h>

#include "../unit.h"

static const struct {
	const char *id;
	enum zt_err err;
	int value;
	const char *name;
	enum zt_exit code;
	const char *text;
} rows[] = {
#define X(id, value, name, exit, text) {#id, id, value, name, exit, text},
	ZT_ERRORS(X)
#undef X
};
#define ROWS (sizeof rows / sizeof rows[0])

TEST(values_and_names_are_unique_and_in_range)
{
	for (size_t i = 0; i < ROWS; i++) {
		CHECK(rows[i].value > 0 && rows[i].value < 192);
		CHECK(strspn(rows[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(rows[i].name));
		CHECK(rows[i].name[0] != 0 && rows[i].text[0] != 0);
		CHECK(strchr(rows[i].text, '\n') == NULL);
		for (size_t k = 0; k < i; k++) {
			CHECK(rows[i].value != rows[k].value);
			CHECK(strcmp(rows[i].name, rows[k].name) != 0);
		}
	}
}

/* The ranges that err.h documents and the exit code each must lead to. */
TEST(each_range_leads_to_its_exit_code)
{
	for (size_t i = 0; i < ROWS; i++) {
		int v = rows[i].value, code = (int)err_exit(rows[i].err);

		CHECK_INT(code, rows[i].code);
		if (v >= 32 && v < 64)
			CHECK_INT(code, EXIT_ZT_CONFIG);
		if (v >= 64 && v < 96)
			CHECK(code == EXIT_ZT_UNREACHABLE || code == EXIT_ZT_LOCKED || code == EXIT_ZT_FAILED);
		if (v >= 96 && v < 128)
			CHECK(code == EXIT_ZT_STATE || code == EXIT_ZT_LOCKED || code == EXIT_ZT_FAILED);
		if (v >= 128 && v < 160)
			CHECK(code == EXIT_ZT_KEY || code == EXIT_ZT_TOKEN);
	}
	CHECK_INT(err_exit(ZT_E_USAGE), 2);
	CHECK_INT(err_exit(ZT_E_CONFIG), 3);
	CHECK_INT(err_exit(ZT_E_DENIED), 4);
	CHECK_INT(err_exit(ZT_E_TIMEOUT), 5);
	CHECK_INT(err_exit(ZT_E_ADDRINUSE), 7);
	CHECK_INT(err_exit(ZT_E_KEY), 8);
	CHECK_INT(err_exit(ZT_E_TOKEN), 9);
	CHECK_INT(err_exit(ZT_E_NOMEM), 1);
	CHECK_INT(err_exit(ZT_OK), 0);
	CHECK_INT(err_exit((enum zt_err)255), 1);
}

TEST(names_and_texts_are_found)
{
	for (size_t i = 0; i < ROWS; i++) {
		CHECK_STR(err_name(rows[i].err), rows[i].name);
		CHECK_STR(err_text(rows[i].err), rows[i].text);
	}
	CHECK_STR(err_name(ZT_OK), "ok");
	CHECK_STR(err_text(ZT_OK), "ok");
	CHECK_STR(err_name((enum zt_err)255), "?");
	CHECK_STR(err_text((enum zt_err)255), "?");
}

TEST(the_first_cause_stays)
{
	struct why w = {0};

	CHECK_INT(why_set(&w, ZT_E_SYNTAX, "line %d: unknown key '%s'", 12, "lisen"), -ZT_E_SYNTAX);
	CHECK_STR(w.text, "line 12: unknown key 'lisen'");
	CHECK_INT(why_set(&w, ZT_E_CONFIG, "later"), -ZT_E_SYNTAX);
	CHECK_INT(why_sys(&w, ENOSPC, "later"), -ZT_E_SYNTAX);
	CHECK_STR(w.text, "line 12: unknown key 'lisen'");
	CHECK(w.err == ZT_E_SYNTAX && w.sys == 0);
	CHECK_INT(why_set(NULL, ZT_E_CONFIG, "nobody listens"), -ZT_E_CONFIG);
	CHECK_INT(why_sys(NULL, ENOSPC, "nobody listens"), -ZT_E_NOSPACE);
}

TEST(a_system_call_gives_its_reason)
{
	struct why w = {0};

	errno = 0;
	CHECK_INT(why_sys(&w, ENOENT, "cannot open %s", "/etc/zt/zt.conf"), -ZT_E_NOTFOUND);
	CHECK_STR(w.text, "cannot open /etc/zt/zt.conf: No such file or directory");
	CHECK(w.sys == ENOENT && w.err == ZT_E_NOTFOUND);
}

TEST(a_cause_too_long_is_cut_and_ended)
{
	struct why w = {0};

	memset(w.text, 'x', sizeof w.text);
	CHECK_INT(why_set(&w, ZT_E_SYNTAX, "%600d", 1), -ZT_E_SYNTAX);
	CHECK_INT(strnlen(w.text, sizeof w.text), sizeof w.text - 1);
	w = (struct why){0};
	CHECK_INT(why_sys(&w, EIO, "%600d", 1), -ZT_E_SYS);
	CHECK_INT(strnlen(w.text, sizeof w.text), sizeof w.text - 1);
}

TEST(errno_maps_to_what_a_caller_can_act_on)
{
	CHECK_INT(err_from_errno(ENOMEM), ZT_E_NOMEM);
	CHECK_INT(err_from_errno(ENOSPC), ZT_E_NOSPACE);
	CHECK_INT(err_from_errno(EDQUOT), ZT_E_NOSPACE);
	CHECK_INT(err_from_errno(EACCES), ZT_E_PERM);
	CHECK_INT(err_from_errno(EMFILE), ZT_E_NOFILES);
	CHECK_INT(err_from_errno(ENFILE), ZT_E_NOFILES);
	CHECK_INT(err_from_errno(ECONNREFUSED), ZT_E_REFUSED);
	CHECK_INT(err_from_errno(EPIPE), ZT_E_RESET);
	CHECK_INT(err_from_errno(EAGAIN), ZT_E_AGAIN);
	CHECK_INT(err_from_errno(EADDRINUSE), ZT_E_ADDRINUSE);
	CHECK_INT(err_from_errno(EIO), ZT_E_SYS);
	CHECK_INT(err_from_errno(0), ZT_E_SYS);
}

static void bug(void)
{
	ZT_ASSERT(1 + 1 == 3);
}

static void fine(void)
{
	ZT_ASSERT(1 + 1 == 2);
}

TEST(a_broken_invariant_aborts)
{
	CHECK(unit_dies(bug));
	CHECK(!unit_dies(fine));
}
