/*
 * ingress: `zt connector ingress validate` and `zt connector ingress rule URL`: what the rules of a
 * configuration are worth, and which of them serves a URL, in the words and the form of cloudflared's commands
 * of the same names. Uses the code that edge and connector use. Changes nothing.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/pool.h"
#include "decide/config.h"
#include "decide/ingress.h"
#include "io/confload.h"
#include "roles/roles.h"
#include "wire/httphost.h"
#include "wire/urlpath.h"

static const char usage[] =
	"usage: zt connector ingress validate [-c FILE]\n"
	"       zt connector ingress rule [-c FILE] URL\n"
	"Check the rules, or say which of them serves a URL: the first whose hostname and path match.\n"
	"\n"
	"  -c FILE     the main file (default " CONF_DEFAULT_PATH ")\n"
	"  -h, --help  print this\n"
	"\n"
	"Exit: 0 valid, 2 wrong use, 3 faults in the configuration, 1 anything else.\n";

struct wish {
	struct conf_source source;
	const char *what, *url;
	bool help;
};

static int wrong_use(const char *what, const char *text)
{
	fprintf(stderr, "zt connector ingress: %s%s\n%s", what, text, usage);
	return EXIT_ZT_USAGE;
}

static bool parse_args(int argc, char **argv, struct wish *out)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int c;

	*out = (struct wish){.source.env = environ};
	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == '?')
			return false;
		out->help |= c == 'h';
		if (c == 'c')
			out->source.path = optarg;
	}
	out->what = optind < argc ? argv[optind++] : NULL;
	out->url = optind < argc ? argv[optind++] : NULL;
	return out->help || (out->what && optind == argc);
}

/* "[scheme://]host[:port][/path][?query]" -> canonical host and path. */
static int read_url(const char *url, struct httphost *host, struct wr *path, struct why *w)
{
	struct span all = span_str(url), rest, authority, raw = SPAN_LIT("/");
	enum http_refusal refusal;
	size_t at = 0;

	for (size_t i = 0; i + 2 < all.n && at == 0; i++)
		if (span_starts(span_sub(all, i, 3), "://"))
			at = i + 3;
	if (at == 0)
		return why_set(w, ZT_E_USAGE, "%s doesn't have a hostname, consider adding a scheme", url);
	rest = span_sub(all, at, all.n);
	for (at = 0; at < rest.n && strchr("/?#", rest.p[at]) == NULL; )
		at++;
	authority = span_sub(rest, 0, at);
	rest = span_sub(rest, at, rest.n);
	for (at = 0; at < rest.n && rest.p[at] != '?' && rest.p[at] != '#'; )
		at++;
	if (at)
		raw = span_sub(rest, 0, at);
	if (httphost_read(authority, host) < 0)
		return why_set(w, ZT_E_USAGE, "%s doesn't have a hostname", url);
	if (urlpath_canon(raw, 0, path, &refusal) < 0)
		return why_set(w, ZT_E_USAGE, "the path of %s is one that an edge refuses before it looks at rules", url);
	return 0;
}

static void print_rule(const struct ingress_set *set, int i)
{
	const struct conf_ingress *g = set->way[i].conf;

	printf("Matched rule #%d\n", i);
	if (g->hostname[0])
		printf("\thostname: %s\n", g->hostname);
	if (g->path[0])
		printf("\tpath: %s\n", g->path);
	printf("\tservice: ");
	for (size_t k = 0; k < g->service.n; k++)
		printf("%s%s", k ? ", " : "", conf_text(&g->service, k));
	printf("\n");
}

static int show_match(const struct conf *c, const char *url, const struct ingress_tell *tell)
{
	char text[8192 * 3];
	struct wr path = wr_of(text, sizeof text);
	struct ingress_set set;
	struct httphost host;
	struct arena mem;
	struct why w = {0};
	int rc;

	arena_init(&mem, INGRESS_MEM);
	rc = ingress_of(&set, c, 1, &mem, tell);
	if (rc == 0)
		rc = read_url(url, &host, &path, &w);
	if (rc == 0)
		print_rule(&set, ingress_match(set.compiled, httphost_span(&host), wr_span(&path)));
	else if (w.err)
		fprintf(stderr, "zt connector ingress: %s\n", w.text);
	arena_free(&mem);
	return rc < 0 ? (int)err_exit((enum zt_err)-rc) : fflush(stdout) == 0 ? EXIT_ZT_OK : EXIT_ZT_FAILED;
}

/* The configuration has been checked by the same code: nothing is left to tell. */
static void no_fault(void *ctx, size_t rule, const char *key, enum zt_err e, const char *text)
{
	(void)ctx;
	(void)rule;
	(void)key;
	(void)e;
	fprintf(stderr, "zt connector ingress: %s\n", text);
}

static int answer(const struct wish *wish, const struct conf *c)
{
	const struct ingress_tell tell = {no_fault, NULL};
	const char *file = wish->source.path ? wish->source.path : CONF_DEFAULT_PATH;

	if (c->ingress.n == 0) {
		fprintf(stderr, "zt connector ingress: %s has no section [ingress NAME]: every request would be answered 503\n",
			file);
		return EXIT_ZT_CONFIG;
	}
	if (wish->url == NULL)
		return printf("OK\n") < 0 || fflush(stdout) != 0 ? EXIT_ZT_FAILED : EXIT_ZT_OK;
	return show_match(c, wish->url, &tell);
}

int ingress_main(int argc, char **argv)
{
	struct conf_faults faults;
	struct conf *c = NULL;
	struct wish wish;
	int rc;

	if (!parse_args(argc, argv, &wish))
		return wrong_use("", "say 'validate', or 'rule' and a URL");
	if (wish.help)
		return fputs(usage, stdout) < 0 ? EXIT_ZT_FAILED : EXIT_ZT_OK;
	if (strcmp(wish.what, wish.url ? "rule" : "validate") != 0)
		return wrong_use(wish.what, wish.url ? ": only 'rule' takes a URL" : ": it is 'validate', or 'rule' and a URL");
	printf("%s rules from %s\n", wish.url ? "Using" : "Validating",
	       wish.source.path ? wish.source.path : CONF_DEFAULT_PATH);
	fflush(stdout);
	conf_faults_init(&faults);
	rc = conf_load(&c, &wish.source, &faults);
	confload_print(&faults, STDERR_FILENO);
	rc = rc < 0 ? (int)err_exit((enum zt_err)-rc) : answer(&wish, c);
	conf_free(c);
	conf_faults_free(&faults);
	return rc;
}
