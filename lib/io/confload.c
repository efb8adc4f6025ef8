/* confload: see confload.h. Memory: one file's text at a time, and the names of conf.d, both
 * bounded by rows of the bounds table. */
#include "confload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "base/num.h"
#include "decide/conf_env.h"

struct load {
	struct conf_build *build;
	const struct conf_schema *schema;
	struct conf_faults *faults;
	unsigned files;
};

/* ---- one file ---------------------------------------------------------------------------- */

struct text {
	struct arena mem;
	uint8_t *p;
	size_t n, cap;
};

static void text_free(struct text *t)
{
	if (t->p)
		wipe(t->p, t->cap);
	arena_free(&t->mem);
}

static void sys_fault(struct load *l, struct conf_place at, int sys, const char *what)
{
	conf_fault_add(l->faults, at, err_from_errno(sys), "%s: %s", what, strerror(sys));
}

/* Reads to the end, or to cap: a file that grows meanwhile shows by filling the spare byte. */
static int read_all(int fd, struct text *t)
{
	while (t->n < t->cap) {
		ssize_t got = read(fd, &t->p[t->n], t->cap - t->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		t->n += (size_t)got;
	}
	return 0;
}

/* Answers 1 and the text (text_free), 0 after a fault was told, or -ZT_E_NOMEM. */
static int read_open(struct load *l, int fd, struct conf_place at, size_t most, struct text *t)
{
	struct stat st;
	int sys;

	if (fstat(fd, &st) < 0) {
		sys_fault(l, at, errno, "cannot look at it");
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		conf_fault_add(l->faults, at, ZT_E_SYNTAX, "is not a regular file");
		return 0;
	}
	if (st.st_mode & S_IWOTH)
		conf_warn_add(l->faults, at, "everybody on this machine may write to it; chmod o-w");
	t->cap = st.st_size < (off_t)most ? (size_t)st.st_size + 1 : most + 1;
	arena_init(&t->mem, t->cap + 16); /* an arena hands out in steps of 16 */
	t->p = arena_get(&t->mem, t->cap);
	if (t->p == NULL)
		return -ZT_E_NOMEM;
	sys = read_all(fd, t);
	if (sys)
		sys_fault(l, at, sys, "cannot read it");
	else if (t->n > most)
		conf_fault_add(l->faults, at, ZT_E_TOOLONG, "is longer than %zu bytes", most);
	else if (t->n == t->cap)
		conf_fault_add(l->faults, at, ZT_E_AGAIN, "changed while it was read; try again");
	else
		return 1;
	return 0;
}

/* As read_open. A missing file is a fault, but with missing_ok answers 0 without one. */
static int read_file(struct load *l, const char *path, struct conf_place at, size_t most, bool missing_ok,
		     struct text *t)
{
	/* O_NONBLOCK: a FIFO put in our way must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	*t = (struct text){0};
	if (fd < 0) {
		if (!missing_ok || errno != ENOENT)
			sys_fault(l, at, errno, "cannot open it");
		return 0;
	}
	rc = read_open(l, fd, at, most, t);
	close(fd);
	if (rc <= 0) {
		text_free(t);
		*t = (struct text){0};
	}
	return rc;
}

static int add_file(struct load *l, const char *path, bool missing_ok)
{
	struct text t;
	int rc = read_file(l, path, (struct conf_place){path, 0}, BOUND_CAP(BOUND_CONF_FILE), missing_ok, &t);

	if (rc < 0)
		return rc;
	l->files += (unsigned)rc;
	/* An empty text where there is no file: faults of defaults still have a file to name. */
	rc = conf_build_text(l->build, span_of(t.p, t.n), path);
	text_free(&t);
	return rc;
}

/* ---- conf.d ------------------------------------------------------------------------------ */

struct names {
	struct arena mem;
	char *name[BOUND_CAP(BOUND_CONF_FILES)];
	size_t n;
};

static int by_bytes(const void *a, const void *b)
{
	return span_cmp(span_str(*(char *const *)a), span_str(*(char *const *)b));
}

static int list_names(struct load *l, DIR *dir, const char *path, struct names *names)
{
	struct conf_place at = {path, 0};

	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (e == NULL) {
			if (errno)
				sys_fault(l, at, errno, "cannot list it");
			return 0;
		}
		if (e->d_name[0] == '.' || !span_ends(span_str(e->d_name), ".conf"))
			continue;
		if (names->n == ARRAY_LEN(names->name)) {
			conf_fault_add(l->faults, at, ZT_E_FULL, "holds more than %zu .conf files", names->n);
			return 0;
		}
		names->name[names->n] = arena_str(&names->mem, span_str(e->d_name));
		if (names->name[names->n] == NULL)
			return -ZT_E_NOMEM;
		names->n++;
	}
}

static int join(struct load *l, char out[static PATH_MAX], const char *dir, const char *name)
{
	struct wr w = wr_of(out, PATH_MAX - 1);

	wr_str(&w, dir);
	wr_str(&w, "/");
	wr_str(&w, name);
	out[w.n] = 0;
	if (w.full)
		conf_fault_add(l->faults, (struct conf_place){dir, 0}, ZT_E_TOOLONG, "the path of a file in it is too long");
	return w.full ? -1 : 0;
}

static int add_dir(struct load *l, const char *path)
{
	struct names names = {.n = 0};
	char file[PATH_MAX];
	DIR *dir = opendir(path);
	int rc = 0;

	if (dir == NULL && errno == ENOMEM)
		return -ZT_E_NOMEM;
	if (dir == NULL) {
		if (errno != ENOENT)
			sys_fault(l, (struct conf_place){path, 0}, errno, "cannot list it");
		return 0;
	}
	arena_init(&names.mem, ARRAY_LEN(names.name) * (NAME_MAX + 17));
	rc = list_names(l, dir, path, &names);
	closedir(dir);
	qsort(names.name, names.n, sizeof names.name[0], by_bytes);
	for (size_t i = 0; i < names.n && rc == 0; i++)
		if (join(l, file, path, names.name[i]) == 0)
			rc = add_file(l, file, false);
	arena_free(&names.mem);
	return rc;
}

/* "conf.d" beside the main file. */
static int add_conf_d(struct load *l, const char *main_file)
{
	char path[PATH_MAX];
	struct span dir = span_str(main_file);
	struct wr w = wr_of(path, sizeof path - 1);

	while (dir.n && dir.p[dir.n - 1] != '/')
		dir = span_sub(dir, 0, dir.n - 1);
	wr_put(&w, dir);
	wr_str(&w, "conf.d");
	path[w.n] = 0;
	return w.full ? 0 : add_dir(l, path); /* so long a path could not be opened above either */
}

/* ---- the environment --------------------------------------------------------------------- */

#define ENV_FILE_MAX 16384 /* 64 list items of a line each: 12,544 */

static int add_env_file(struct load *l, const struct conf_env *e, const char *variable, const char *path)
{
	struct conf_place at = {variable, 0};
	struct text t;
	struct span value;
	int rc;

	rc = read_file(l, path, at, ENV_FILE_MAX, false, &t);
	if (rc <= 0)
		return rc;
	value = span_of(t.p, t.n);
	if (span_ends(value, "\n"))
		value = span_sub(value, 0, value.n - 1);
	rc = conf_build_env(l->build, e->section, e->key, variable, value);
	text_free(&t);
	return rc;
}

static void unknown_variable(struct load *l, const struct conf_env *e, const char *variable)
{
	struct conf_place at = {variable, 0};
	const char *ask = e->near[0] ? "; did you mean " : "";

	if (e->kind == CONF_ENV_NAMED)
		conf_fault_add(l->faults, at, ZT_E_DENIED, "named sections such as [%s NAME] are set in files only",
			       e->section->name);
	else if (e->kind == CONF_ENV_UNKNOWN)
		conf_fault_add(l->faults, at, ZT_E_UNKNOWN, "[%s] has no such key%s%s%s", e->section->name, ask, e->near,
			       e->near[0] ? "?" : "");
	else if (e->kind == CONF_ENV_NEAR)
		conf_warn_add(l->faults, at, "is no key and is ignored; did you mean %s?", e->near);
}

static int add_variable(struct load *l, const char *entry)
{
	char variable[CONF_ENV_MAX];
	struct span name, value;
	struct conf_env e;

	if (!span_cut(span_str(entry), '=', &name, &value))
		return 0;
	conf_env_match(l->schema, name, &e);
	if (e.kind == CONF_ENV_OTHER)
		return 0;
	if (span_to_cstr(name, variable, sizeof variable) < 0)
		span_to_cstr(span_sub(name, 0, sizeof variable - 1), variable, sizeof variable);
	if (e.kind == CONF_ENV_KEY)
		return conf_build_env(l->build, e.section, e.key, variable, value);
	if (e.kind == CONF_ENV_KEY_FILE)
		return add_env_file(l, &e, variable, value.n ? (const char *)value.p : "");
	unknown_variable(l, &e, variable);
	return 0;
}

int confload_fill(struct conf_build *b, const struct conf_source *src, unsigned *files)
{
	struct load l = {b, conf_build_schema(b), conf_build_faults(b), 0};
	const char *path = src->path ? src->path : CONF_DEFAULT_PATH;
	int rc = add_file(&l, path, src->path == NULL);

	if (rc == 0)
		rc = add_conf_d(&l, path);
	for (size_t i = 0; rc == 0 && src->env && src->env[i]; i++)
		rc = add_variable(&l, src->env[i]);
	*files = l.files;
	return rc;
}

int conf_load(struct conf **out, const struct conf_source *src, struct conf_faults *faults)
{
	struct conf_build *b;
	struct conf *c;
	int rc = conf_begin(&c, &b, CONF_FOR_ALL, faults);

	*out = NULL;
	if (rc < 0)
		return rc;
	rc = confload_fill(b, src, &c->files);
	return conf_finish(out, c, b, rc);
}

static void send_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t put = write(fd, s.p, s.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* nobody is left to tell */
		s = span_sub(s, (size_t)put, s.n);
	}
}

void confload_print(const struct conf_faults *f, int fd)
{
	char line[PATH_MAX + 1024]; /* a path, a number, a text of 480 */

	for (const struct conf_fault *one = f->first; one; one = one->next) {
		struct wr w = wr_of(line, sizeof line);

		conf_fault_print(one, &w);
		wr_str(&w, "\n");
		send_all(fd, wr_span(&w));
	}
	struct wr w = wr_of(line, sizeof line);
	conf_faults_rest(f, &w);
	send_all(fd, wr_span(&w));
}
