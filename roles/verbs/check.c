/*
 * check: reads a configuration exactly as a role would and says what is wrong with it, the
 * certificates and keys that it names included: those are read by the same jailed process as in a
 * role. Changes nothing. Without privileges it checks what it may read.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/err.h"
#include "base/pool.h"
#include "decide/conf_emit.h"
#include "decide/conf_keys.h"
#include "decide/config.h"
#include "decide/tlsplan.h"
#include "io/confload.h"
#include "io/files.h"
#include "io/place.h"
#include "roles/roles.h"
#include "serve/askca.h"
#include "serve/keyhelper.h"

static const char usage[] =
	"usage: zt check [-c FILE] [--emit]\n"
	"       zt check --example\n"
	"Read the configuration and print OK, or every fault and warning as FILE:LINE: TEXT.\n"
	"Certificates, keys and authorities that it names are read and checked too; of files that this\n"
	"user may not read it says so, and they are no fault.\n"
	"\n"
	"  -c FILE     the main file (default " CONF_DEFAULT_PATH ", which may be missing);\n"
	"              conf.d/*.conf beside it and ZT_SECTION_KEY[_FILE] variables are read too\n"
	"  --emit      print the configuration in force, secrets as ***\n"
	"  --example   print an example with every key, its default and what it does\n"
	"  -h, --help  print this\n"
	"\n"
	"Exit: 0 valid (warnings allowed), 2 wrong use, 3 faults, 1 anything else.\n";

struct wish {
	struct conf_source source;
	bool emit, example, help;
};

static bool parse_args(int argc, char **argv, struct wish *out)
{
	static const struct option longs[] = {{"emit", no_argument, NULL, 'e'},
					      {"example", no_argument, NULL, 'x'},
					      {"config", required_argument, NULL, 'c'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c;

	*out = (struct wish){.source.env = environ};
	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == '?')
			return false; /* getopt has said what */
		out->emit |= c == 'e';
		out->example |= c == 'x';
		out->help |= c == 'h';
		if (c == 'c')
			out->source.path = optarg;
	}
	if (optind < argc)
		fprintf(stderr, "zt check: unexpected argument '%s'; the file is given with -c\n", argv[optind]);
	else if (out->source.path && out->source.path[0] == 0)
		fprintf(stderr, "zt check: -c needs the name of a file\n");
	else
		return true;
	return false;
}

/* Prints what `write` puts into a buffer that any valid configuration fits. */
static int print_text(void (*write)(const struct conf *c, struct wr *w), const struct conf *c)
{
	size_t cap = BOUND_CAP(BOUND_CONF_FILE);
	struct arena mem;
	struct wr w;
	void *p;

	arena_init(&mem, cap);
	p = arena_get(&mem, cap);
	if (p == NULL) {
		fprintf(stderr, "zt check: %s\n", err_text(ZT_E_NOMEM));
		return EXIT_ZT_FAILED;
	}
	w = wr_of(p, cap);
	write(c, &w);
	fwrite(w.p, 1, w.n, stdout);
	arena_free(&mem);
	return fflush(stdout) == 0 && !ferror(stdout) && !w.full ? EXIT_ZT_OK : EXIT_ZT_FAILED;
}

static void write_shown(const struct conf *c, struct wr *w)
{
	conf_emit_shown(c, w);
}

static void write_example(const struct conf *c, struct wr *w)
{
	(void)c;
	conf_schema_example(&conf_keys, w);
}

/* One that cannot be read is no fault of who asks without the right to, nor is an authority or an identity that is
 * still to be made one of the configuration's: later names its section; NULL: there is none such. */
static int judge(int rc, const struct why *w, const char *later)
{
	if (rc >= 0)
		return 0;
	if (w->sys == EACCES)
		fprintf(stderr, "zt check: warning: not checked as this user: %s\n", w->text);
	else if (later && w->sys == ENOENT)
		fprintf(stderr, "zt check: warning: [%s]: %s\n", later, w->text);
	else
		fprintf(stderr, "zt check: %s\n", w->text);
	return w->sys == EACCES || (later && w->sys == ENOENT) ? 0 : -ZT_E_CONFIG;
}

static int pack_and_drop(const struct file_want *want, size_t n, const char *dir, struct why *w)
{
	const struct files_base base = {.dir = dir};
	struct files_mark mark;
	int fd = files_pack(want, n, &base, &mark, w);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Only that they are there, whose they are and who may read them: they are the authority's own, and its
 * commands and its start look into them. */
static int check_ca(const struct conf *c)
{
	struct file_want want[FILES_MOST];
	struct place at;
	struct why w = {0};
	int rc, served;

	if (c->ca.listen.n == 0 && c->ca.http.n == 0)
		return 0;
	rc = place_resolve(&at, "ca", c->state.dir, c->state.run_dir, &w);
	if (rc < 0)
		return judge(rc, &w, NULL);
	served = pack_and_drop(want, files_of_ca(c, want), at.state, &w);
	rc = judge(served, &w, "ca");
	if (served < 0)
		return rc;
	rc = pack_and_drop(want, ca_sign_files(c, want), at.state, &w);
	return judge(rc, &w, NULL);
}

/* 0, or the fault's error after its sentence. */
static int check_files(const struct conf *c)
{
	struct file_want want[FILES_MOST];
	struct keyhelper h;
	struct why w = {0};
	int rc;

	if (files_of_tls(c, want) == 0)
		return 0;
	rc = keyhelper_start(&h, c, &w);
	keyhelper_stop(&h);
	return judge(rc, &w, NULL);
}

/* The identity of a role that has one, and every file of what it is used for. */
static int check_identity(const struct conf *c, const char *role, bool configured)
{
	struct keyhelper h;
	struct why w = {0};
	struct place at;
	int rc;

	if (!configured)
		return 0;
	rc = place_resolve(&at, role, c->state.dir, c->state.run_dir, &w);
	if (rc == 0) {
		rc = keyhelper_identity(&h, c, at.state, &w);
		keyhelper_stop(&h);
	}
	return judge(rc, &w, role);
}

/* An edge may do without, until it has to know its connectors. */
static void check_joined(const struct conf *c)
{
	struct why w = {0};
	struct place at;
	char path[sizeof at.state + 40];

	if (c->edge.listen.n == 0 || c->grants.n == 0 || place_resolve(&at, "edge", c->state.dir, c->state.run_dir, &w) < 0)
		return;
	snprintf(path, sizeof path, "%s/" TLS_ID_CERT, at.state);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		fprintf(stderr, "zt check: warning: [edge]: there is no %s: until 'zt edge join' has made it, no connector is let in\n",
			path);
}

static int report(const struct wish *wish, const struct conf *c, const struct conf_faults *faults, int rc)
{
	char print[CONF_FINGERPRINT];

	confload_print(faults, STDERR_FILENO);
	if (rc == -ZT_E_NOMEM)
		fprintf(stderr, "zt check: %s\n", err_text(ZT_E_NOMEM));
	if (rc < 0)
		return (int)err_exit((enum zt_err)-rc);
	if (wish->emit)
		return print_text(write_shown, c);
	rc = check_files(c);
	if (check_identity(c, "edge", c->edge.listen.n > 0) < 0 || check_identity(c, "connector", c->connector.edge.n > 0) < 0)
		rc = -ZT_E_CONFIG;
	check_joined(c);
	if (check_ca(c) < 0 || rc < 0)
		return EXIT_ZT_CONFIG;
	printf("OK: %u file%s, fingerprint %s\n", c->files, c->files == 1 ? "" : "s", conf_fingerprint(c, print));
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_ZT_OK : EXIT_ZT_FAILED;
}

int check_main(int argc, char **argv)
{
	struct conf_faults faults;
	struct conf *c = NULL;
	struct wish wish;
	int rc;

	if (!parse_args(argc, argv, &wish)) {
		fputs(usage, stderr);
		return EXIT_ZT_USAGE;
	}
	if (wish.help) {
		fputs(usage, stdout);
		return EXIT_ZT_OK;
	}
	if (wish.example)
		return print_text(write_example, NULL);
	conf_faults_init(&faults);
	rc = conf_load(&c, &wish.source, &faults);
	rc = report(&wish, c, &faults, rc);
	conf_free(c);
	conf_faults_free(&faults);
	return rc;
}
