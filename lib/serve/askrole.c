/*
 * askrole: finds control sockets by the same rules a role uses to place them. Which roles can
 * be asked is what sockets are there, so this knows no list of roles.
 */
#include "askrole.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "decide/conf_keys.h"
#include "io/confload.h"
#include "io/ctl.h"
#include "io/place.h"

#define MOST_ROLES 16

extern char **environ;

struct ask {
	const struct ask_verb *verb;
	const char *role; /* NULL: all that run */
	bool json;
	struct conf_source src;
	char dir[PLACE_PATH], run_dir[PLACE_PATH];
	char roles[MOST_ROLES][PLACE_PATH];
	size_t n;
};

static void usage(FILE *to, const struct ask_verb *v)
{
	fprintf(to, "usage: zt %s [ROLE] [-c FILE]%s\n\n%s\n\nWithout ROLE every role that runs here is asked.\n",
		v->name, v->line_json ? " [--json]" : "", v->about);
}

/* 0 go on, else the exit code + 1. */
static int options(struct ask *a, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			a->src.path = argv[++i];
		} else if (strcmp(argv[i], "--json") == 0 && a->verb->line_json) {
			a->json = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage(stdout, a->verb);
			return EXIT_ZT_OK + 1;
		} else if (argv[i][0] != '-' && a->role == NULL) {
			a->role = argv[i];
		} else {
			fprintf(stderr, "zt %s: unexpected argument '%.60s'; see zt %s --help\n", a->verb->name,
				argv[i], a->verb->name);
			return EXIT_ZT_USAGE + 1;
		}
	}
	return 0;
}

/* [state] dir and run_dir out of a configuration that may have faults everywhere else: who
 * asks how a role is doing must not need a good file to be told. */
static int find_places(struct ask *a)
{
	struct conf_faults faults;
	struct conf_build *b = NULL;
	struct conf c = {0};
	unsigned files;
	int rc;

	conf_faults_init(&faults);
	arena_init(&c.mem, BOUND_CAP(BOUND_CONF_FILE) * 2);
	rc = conf_build_open(&b, &conf_keys, CONF_FOR_ALL, &c, &c.mem, &faults);
	if (rc == 0)
		rc = confload_fill(b, &a->src, &files);
	if (rc == 0 && c.state.dir)
		rc = span_to_cstr(span_str(c.state.dir), a->dir, sizeof a->dir);
	if (rc == 0 && c.state.run_dir)
		rc = span_to_cstr(span_str(c.state.run_dir), a->run_dir, sizeof a->run_dir);
	conf_build_free(b);
	arena_free(&c.mem);
	conf_faults_free(&faults);
	return rc;
}

/* Every <role>.sock in the run directory of "a role". */
static void find_running(struct ask *a)
{
	struct place p;
	struct dirent *e;
	DIR *d;

	if (place_resolve(&p, "x", a->dir, a->run_dir, NULL) < 0 || (d = opendir(p.run)) == NULL)
		return;
	while ((e = readdir(d)) != NULL && a->n < MOST_ROLES) {
		struct span name = span_str(e->d_name);

		if (span_ends(name, ".sock") && name.n > 5 && name.n < PLACE_PATH)
			span_to_cstr(span_sub(name, 0, name.n - 5), a->roles[a->n++], PLACE_PATH);
	}
	closedir(d);
}

static int ask_one(const struct ask *a, const char *role)
{
	uint8_t mem[CTL_REPLY + 64];
	struct wr out = wr_of(mem, sizeof mem);
	struct why w = {0};
	enum zt_exit code = EXIT_ZT_FAILED;
	struct span sentence, body;
	struct place p;
	int rc = place_resolve(&p, role, a->dir, a->run_dir, &w);

	if (rc == 0)
		rc = ctl_ask(p.sock, a->json ? a->verb->line_json : a->verb->line, a->verb->timeout_ms, &code, &out, &w);
	if (rc < 0) {
		fprintf(stderr, "zt %s: %s: %s\n", a->verb->name, role, w.text);
		return rc == -ZT_E_NOTFOUND || rc == -ZT_E_TIMEOUT ? a->verb->absent_code : (int)err_exit(w.err);
	}
	span_cut(wr_span(&out), '\n', &sentence, &body);
	if (!span_eq_str(sentence, "ok")) /* then the body says it all */
		fprintf(code == EXIT_ZT_OK ? stdout : stderr, "%s: %.*s\n", role, SPAN_ARG(sentence));
	fwrite(body.p, 1, body.n, code == EXIT_ZT_OK ? stdout : stderr);
	if (body.n && body.p[body.n - 1] != '\n')
		fputc('\n', code == EXIT_ZT_OK ? stdout : stderr);
	return (int)code;
}

static int ask_all(struct ask *a)
{
	int worst = EXIT_ZT_OK;

	if (a->role)
		return ask_one(a, a->role);
	find_running(a);
	if (a->n == 0) {
		fprintf(stderr, "zt %s: no role is running here (or its state belongs to another user)\n",
			a->verb->name);
		return a->verb->absent_code;
	}
	for (size_t i = 0; i < a->n; i++) {
		int code = ask_one(a, a->roles[i]);

		if (code != EXIT_ZT_OK)
			worst = code;
	}
	return worst;
}

int ask_role(const struct ask_verb *v, int argc, char **argv)
{
	struct ask a = {.verb = v, .src = {.env = environ}};
	int rc = options(&a, argc, argv);

	if (rc)
		return rc - 1;
	rc = find_places(&a);
	return rc < 0 ? (int)err_exit((enum zt_err)-rc) : ask_all(&a);
}
