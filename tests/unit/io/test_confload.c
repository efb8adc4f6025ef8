/* confload: which files are read, in which order, what the environment may do, and what is
 * refused before a byte of it is parsed. */
#include <fcntl.h>

#include "base/bounds.h"
#include "base/num.h"
#include "loadkit.h"

/* told is TEXT behind the directory of this test's files. */
static bool tells(const char *text)
{
	return strstr(told, text) != NULL;
}

TEST(one_file)
{
	struct conf *c;

	NEED(load(&c, put("one", "zt.conf", "[log]\nlevel = warn\n"), NULL) == 0);
	CHECK_INT(c->log.level, LOG_WARN);
	CHECK_INT(c->files, 1);
	CHECK_STR(told, "");
	unload(c);
}

TEST(a_named_file_must_exist)
{
	struct conf *c;

	CHECK_INT(load(&c, unit_tmp("no.conf"), NULL), -ZT_E_CONFIG);
	CHECK(tells("/no.conf: cannot open it: No such file or directory\n"));
	CHECK_INT(faults.first->err, ZT_E_NOTFOUND);
	unload(c);
}

TEST(the_default_file_may_be_missing)
{
	struct conf *c;

	if (access(CONF_DEFAULT_PATH, F_OK) == 0 || access("/etc/zt/conf.d", F_OK) == 0)
		return; /* somebody's own installation */
	NEED(load(&c, NULL, NULL) == 0);
	CHECK_INT(c->files, 0);
	CHECK_INT(c->echo.max_conns, 1024);
	unload(c);
}

/* Enough names that no directory lists them in order by chance. */
TEST(conf_d_is_read_in_byte_order)
{
	static const char *const made[] = {"m", "b", "10", "Z", "a-1", "9", "B", "a", "0", "z", "a.b", "aa", "A"};
	const char *last = "";
	char name[32], zt[512];
	struct conf *c;

	snprintf(zt, sizeof zt, "%s", put("order", "zt.conf", "[log]\nlevel = warn\n"));
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		snprintf(name, sizeof name, "conf.d/%s.conf", made[i]);
		put("order", name, "[log]\nkeep = 2\n");
	}
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK_INT(faults.faults, ARRAY_LEN(made) - 1);
	/* The first sets it, the others are told against it, in order: '-' < '.' < digits < A < a. */
	for (const struct conf_fault *f = faults.first; f; f = f->next) {
		CHECK(strstr(f->text, "keep is set twice, first at ") != NULL);
		CHECK(strstr(f->text, "/conf.d/0.conf:2") != NULL);
		CHECK(strcmp(last, f->file) < 0);
		last = f->file;
	}
	CHECK(strstr(faults.first->file, "/conf.d/10.conf") != NULL);
	CHECK(strstr(last, "/conf.d/z.conf") != NULL);
	unload(c);
}

TEST(conf_d_adds_to_sections_of_the_main_file)
{
	const char *zt = put("adds", "zt.conf", "[log]\nlevel = warn\n[echo]\n");
	struct conf *c;

	put("adds", "conf.d/1.conf", "[log]\nkeep = 9\n");
	put("adds", "conf.d/2.conf", "[echo]\nlisten = 127.0.0.1:1,\n 127.0.0.1:2\n");
	put("adds", "conf.d/readme.txt", "not a configuration\n");
	put("adds", "conf.d/.hidden.conf", "neither is this\n");
	put("adds", "conf.d/old.conf~", "nor this\n");
	put("adds", "conf.d/conf", "nor this\n");
	NEED(load(&c, zt, NULL) == 0);
	CHECK_INT(c->files, 3);
	CHECK_INT(c->log.level, LOG_WARN);
	CHECK_INT(c->log.keep, 9);
	CHECK_INT(c->echo.listen.n, 2);
	unload(c);
}

TEST(conf_d_beside_a_relative_path)
{
	char here[512];
	struct conf *c;

	put("rel", "zt.conf", "");
	put("rel", "conf.d/1.conf", "[log]\nkeep = 9\n");
	NEED(getcwd(here, sizeof here) != NULL && chdir(unit_tmp("rel")) == 0);
	NEED(load(&c, "zt.conf", NULL) == 0);
	CHECK_INT(c->log.keep, 9);
	CHECK_INT(c->files, 2);
	unload(c);
	CHECK_INT(chdir(here), 0);
}

TEST(only_regular_files_are_read)
{
	const char *zt = put("kinds", "zt.conf", ""), *file = put("kinds", "conf.d/x", "[log]\nkeep = 7\n");
	char path[512];
	struct conf *c;

	snprintf(path, sizeof path, "%s/conf.d/1.conf", unit_tmp("kinds"));
	CHECK_INT(mkdir(path, 0755), 0);
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/conf.d/1.conf: is not a regular file\n"));
	unload(c);
	rmdir(path);
	CHECK_INT(mkfifo(path, 0644), 0); /* without a writer: would block for ever */
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/conf.d/1.conf: is not a regular file\n"));
	unload(c);
	unlink(path);
	CHECK_INT(symlink("/dev/zero", path), 0);
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("is not a regular file"));
	unload(c);
	unlink(path);
	CHECK_INT(symlink("nowhere", path), 0); /* a dangling link is not "missing": it was meant */
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/conf.d/1.conf: cannot open it: No such file or directory"));
	unload(c);
	unlink(path);
	CHECK_INT(symlink(file, path), 0); /* a link to a file is a file */
	NEED(load(&c, zt, NULL) == 0);
	CHECK_INT(c->log.keep, 7);
	unload(c);
	CHECK_INT(load(&c, unit_tmp("kinds"), NULL), -ZT_E_CONFIG);
	CHECK(tells("is not a regular file"));
	unload(c);
}

TEST(conf_d_that_is_a_file)
{
	const char *zt = put("nodir", "zt.conf", "");
	struct conf *c;

	put("nodir", "conf.d", "");
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/conf.d: cannot list it: Not a directory"));
	unload(c);
}

TEST(an_unreadable_file)
{
	const char *zt = put("perm", "zt.conf", "[log]\n");
	struct conf *c;

	chmod(zt, 0);
	if (access(zt, R_OK) == 0)
		return; /* root reads everything; the fault program injects EACCES */
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("cannot open it: Permission denied"));
	unload(c);
}

TEST(a_file_that_everybody_may_write)
{
	const char *zt = put("open", "zt.conf", "[log]\n");
	struct conf *c;

	chmod(zt, 0666);
	NEED(load(&c, zt, NULL) == 0);
	CHECK_INT(faults.warnings, 1);
	CHECK(tells("/zt.conf: warning: everybody on this machine may write to it"));
	unload(c);
}

/* FLOODS(BOUND_CONF_FILE) */
TEST(a_file_of_one_mebibyte_is_the_longest)
{
	const char *zt = put("big", "zt.conf", "");
	static char text[(1 << 20) + 2];
	struct conf *c;

	memset(text, '\n', sizeof text - 1);
	text[1 << 20] = 0;
	put("big", "zt.conf", text);
	NEED(load(&c, zt, NULL) == 0);
	unload(c);
	text[1 << 20] = '\n';
	put("big", "zt.conf", text);
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/zt.conf: is longer than 1048576 bytes"));
	unload(c);
}

/* FLOODS(BOUND_CONF_FILES) */
TEST(two_hundred_and_fifty_six_files)
{
	char name[32], zt[512]; /* a copy: put() forgets a path after eight more */
	struct conf *c;

	snprintf(zt, sizeof zt, "%s", put("many", "zt.conf", ""));
	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "conf.d/%03d.conf", i);
		put("many", name, "[log]\n");
	}
	NEED(load(&c, zt, NULL) == 0);
	CHECK_INT(c->files, 257);
	unload(c);
	put("many", "conf.d/256.conf", "[log]\n");
	CHECK_INT(load(&c, zt, NULL), -ZT_E_CONFIG);
	CHECK(tells("/conf.d: holds more than 256 .conf files"));
	unload(c);
}

TEST(every_file_s_faults_are_told_in_one_run)
{
	const char *zt = put("all", "zt.conf", "[log]\nlevle = 1\n");
	char *env[] = {(char *)(uintptr_t)"ZT_ECHO_IDLE=5", NULL};
	struct conf *c;

	put("all", "conf.d/1.conf", "[nope]\n");
	put("all", "conf.d/2.conf", "x = 1\n");
	CHECK_INT(load(&c, zt, env), -ZT_E_CONFIG);
	CHECK_INT(faults.faults, 4);
	CHECK(tells("/zt.conf:2: [log] has no key"));
	CHECK(tells("/conf.d/1.conf:1: unknown section [nope]"));
	CHECK(tells("/conf.d/2.conf:1: a key before any section"));
	CHECK(tells("\nZT_ECHO_IDLE: idle: '5' is not a duration"));
	unload(c);
}

/* ---- the environment --------------------------------------------------------------------- */

static const char *env_zt(void)
{
	return put("env", "zt.conf", "[log]\nlevel = warn\n[echo]\nlisten = 127.0.0.1:1, 127.0.0.1:2\n");
}

#define ENV(...) ((char *[]){__VA_ARGS__, NULL})
#define VAR(text) ((char *)(uintptr_t)(text)) /* environ is char *const *; nothing writes to it */

TEST(the_environment_replaces_the_file)
{
	struct conf *c;

	NEED(load(&c, env_zt(),
		  ENV(VAR("PATH=/bin"), VAR("ZT_LOG_LEVEL=debug"), VAR("ZT_ECHO_LISTEN=127.0.0.1:3"), VAR("ZT_LOG_KEEP=1"),
		      VAR("ZT_STATE_RUN_DIR=/r"), VAR("NOEQUALS"))) == 0);
	CHECK_INT(c->log.level, LOG_DEBUG);
	CHECK_INT(c->log.keep, 1);
	CHECK_INT(c->echo.listen.n, 1); /* replaced, not added to */
	CHECK_INT(conf_addr(&c->echo.listen, 0)->port, 3);
	CHECK_STR(c->state.run_dir, "/r");
	CHECK_STR(told, "");
	unload(c);
}

static char *var(const char *name, const char *value)
{
	static char mem[8][1024];
	static unsigned turn;
	char *p = mem[turn++ % 8];

	snprintf(p, sizeof mem[0], "%s=%s", name, value);
	return p;
}

TEST(a_value_from_a_file)
{
	struct conf *c;

	NEED(load(&c, env_zt(),
		  ENV(var("ZT_LOG_LEVEL_FILE", put("env", "level", "debug\n")),
		      var("ZT_LOG_KEEP_FILE", put("env", "keep", "9")), /* without a newline too */
		      var("ZT_LOG_FILE_FILE", put("env", "file", "/var/log/zt\n")),
		      var("ZT_ECHO_LISTEN_FILE", put("env", "listen", "127.0.0.1:4\n127.0.0.1:5, 127.0.0.1:6\n")))) == 0);
	CHECK_INT(c->log.level, LOG_DEBUG);
	CHECK_INT(c->log.keep, 9);
	CHECK_STR(c->log.file, "/var/log/zt");
	CHECK_INT(c->echo.listen.n, 3);
	CHECK_INT(conf_addr(&c->echo.listen, 2)->port, 6);
	unload(c);
}

TEST(what_the_environment_may_not_say)
{
	static const struct {
		const char *name, *value, *says;
	} rows[] = {
		{"ZT_LOG_LEVEL", "loud", "ZT_LOG_LEVEL: level: 'loud' is not one of"},
		{"ZT_LOG_LEVEL", "", "ZT_LOG_LEVEL: level: '' is not one of"},
		{"ZT_LOG_FILE", " /x", "ZT_LOG_FILE: a line of the value is empty, a comment, or begins or ends with a blank"},
		{"ZT_LOG_FILE", "/x ", "begins or ends with a blank"},
		{"ZT_LOG_FILE", "/x ;y", "put the comment on its own line"},
		{"ZT_LOG_FILE", "/x\n/y", "ZT_LOG_FILE: file takes one value, on one line"},
		{"ZT_LOG_FILE", "/x\x1b", "control character"},
		{"ZT_LOG_FILE", "/\xff", "not valid UTF-8"},
		{"ZT_ECHO_LISTEN", "127.0.0.1:1\n\n127.0.0.1:2", "a line of the value is empty"},
		{"ZT_ECHO_LISTEN", "127.0.0.1:1\n#127.0.0.1:2", "a comment"},
		{"ZT_LOG_LEVLE", "warn", "ZT_LOG_LEVLE: [log] has no such key; did you mean ZT_LOG_LEVEL?"},
		{"ZT_LOG_COLOUR", "red", "ZT_LOG_COLOUR: [log] has no such key\n"},
		{"ZT_LOG_LEVEL_FILE", "/nonexistent/level", "ZT_LOG_LEVEL_FILE: cannot open it: No such file"},
		{"ZT_LOG_LEVEL_FILE", "", "ZT_LOG_LEVEL_FILE: cannot open it: No such file"},
		/* A file that holds more than it said: its size is 0 here, as of one that grows. */
		{"ZT_LOG_LEVEL_FILE", "/proc/self/comm", "ZT_LOG_LEVEL_FILE: changed while it was read; try again"},
		{"ZT_LOG_LEVEL_FILE", "/dev/null", "ZT_LOG_LEVEL_FILE: is not a regular file"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *c;

		CHECK_INT(load(&c, env_zt(), ENV(var(rows[i].name, rows[i].value))), -ZT_E_CONFIG);
		CHECK_INT(faults.faults, 1);
		if (!tells(rows[i].says))
			unit_fail(__FILE__, __LINE__, "row %zu: %s", i, told);
		unload(c);
	}
}

TEST(values_as_long_as_a_line)
{
	char path[256] = "/";
	struct conf *c;

	memset(path + 1, 'x', 188); /* "file = " and 189 bytes are 196 */
	path[189] = 0;
	NEED(load(&c, env_zt(), ENV(var("ZT_LOG_FILE", path))) == 0);
	CHECK_STR(c->log.file, path);
	unload(c);
	path[189] = 'x';
	path[190] = 0;
	CHECK_INT(load(&c, env_zt(), ENV(var("ZT_LOG_FILE", path))), -ZT_E_CONFIG);
	CHECK(tells("ZT_LOG_FILE: the value makes a line of more than 196 bytes"));
	unload(c);
}

TEST(a_value_and_its_file_twin)
{
	struct conf *c;

	CHECK_INT(load(&c, env_zt(), ENV(VAR("ZT_LOG_KEEP=1"), var("ZT_LOG_KEEP_FILE", put("env", "k", "1\n")))), -ZT_E_CONFIG);
	CHECK_STR(told, "ZT_LOG_KEEP_FILE: keep is already given by ZT_LOG_KEEP; keep one of them\n");
	unload(c);
	CHECK_INT(load(&c, env_zt(), ENV(VAR("ZT_LOG_KEEP=1"), VAR("ZT_LOG_KEEP=1"))), -ZT_E_CONFIG);
	CHECK(tells("ZT_LOG_KEEP: keep is already given by ZT_LOG_KEEP"));
	unload(c);
}

TEST(a_value_file_is_bounded_and_text)
{
	static char text[16386];
	struct conf *c;

	memset(text, 'x', sizeof text - 1);
	CHECK_INT(load(&c, env_zt(), ENV(var("ZT_LOG_FILE_FILE", put("env", "huge", text)))), -ZT_E_CONFIG);
	CHECK(tells("ZT_LOG_FILE_FILE: is longer than 16384 bytes"));
	unload(c);
	CHECK_INT(load(&c, env_zt(), ENV(var("ZT_LOG_LEVEL_FILE", put("env", "crlf", "warn\r\n")))), -ZT_E_CONFIG);
	CHECK(tells("CR LF"));
	unload(c);
	CHECK_INT(load(&c, env_zt(), ENV(var("ZT_LOG_LEVEL_FILE", put("env", "two", "warn\n\n")))), -ZT_E_CONFIG);
	CHECK(tells("takes one value, on one line")); /* one newline is dropped, not all */
	unload(c);
}

TEST(other_people_s_variables)
{
	struct conf *c;

	NEED(load(&c, env_zt(), ENV(VAR("ZT_PORTS=/x"), VAR("ZT=1"), VAR("ZT_LGO_LEVEL=debug"), VAR("=x"), VAR(""))) == 0);
	CHECK_STR(told, "ZT_LGO_LEVEL: warning: is no key and is ignored; did you mean ZT_LOG_LEVEL?\n");
	CHECK_INT(c->log.level, LOG_WARN);
	unload(c);
}

TEST(a_very_long_variable_name)
{
	char name[512] = "ZT_LOG_";
	struct conf *c;

	memset(name + 7, 'X', 400);
	name[407] = 0;
	CHECK_INT(load(&c, env_zt(), ENV(var(name, "1"))), -ZT_E_CONFIG);
	CHECK(tells("XXX: [log] has no such key"));
	unload(c);
}

TEST(the_printer_writes_what_the_text_says)
{
	char got[4096] = "";
	struct conf *c;
	int p[2];

	CHECK_INT(load(&c, put("print", "zt.conf", "[log]\nlevle = 1\n[x\n"), NULL), -ZT_E_CONFIG);
	NEED(pipe(p) == 0);
	confload_print(&faults, p[1]);
	close(p[1]);
	CHECK(read(p[0], got, sizeof got - 1) > 0);
	close(p[0]);
	CHECK_STR(got, told);
	unload(c);
}
