/*
 * net: `zt net probe HOST:PORT` resolves and connects exactly as a role would and says what
 * was tried, what each attempt ended with, and how long it took. It sends no byte over the
 * connection. Life: options -> name servers and hosts file -> dial -> report.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "roles/roles.h"
#include "misuse.h"
#include "serve/dialkit.h"

static const char usage[] =
	"usage: zt net probe HOST:PORT [--timeout S] [--server IP[:PORT]]... [--hosts FILE] [--json]\n"
	"Resolve HOST and connect to PORT as a role would: IPv6 and IPv4 together, the first to\n"
	"answer wins. Prints every address tried, and how it ended. Nothing is sent.\n"
	"\n"
	"  HOST:PORT      nas.example.com:443, 192.0.2.7:22 or [2001:db8::7]:443\n"
	"  --timeout S    give up after so many seconds, 1 to 600 (default 10)\n"
	"  --server A     ask this name server, IP or IP:PORT, instead of those in\n"
	"                 /etc/resolv.conf; up to three, asked in this order\n"
	"  --hosts FILE   read this instead of /etc/hosts\n"
	"  --json         one JSON object, times in microseconds\n"
	"  -h, --help     print this\n"
	"\n"
	"Exit: 0 connected, 5 not reachable (no such name, no answer, refused ...), 2 wrong use,\n"
	"1 anything else.\n";

struct wish {
	struct span host;
	const char *target;
	const char *hosts; /* NULL: the machine's */
	uint16_t port;
	uint64_t timeout_s;
	struct resolvconf servers; /* .n = 0: those of the machine */
	bool json, help;
};

struct probe {
	const struct wish *wish;
	struct dialkit kit;
	int rc;
	bool written;
};

/* got: the text that was refused, or NULL. */
static int misuse(const char *what, const char *got)
{
	return (int)verb_misuse("net probe", "net", what, got);
}

/* ---- options -------------------------------------------------------------------------- */

static bool add_server(struct resolvconf *c, struct span s)
{
	struct addr a;

	if (c->n == RESOLVCONF_SERVERS)
		return false;
	if (addr_parse_ip(s, &a) == 0)
		a.port = DNS_PORT;
	else if (addr_parse(s, false, &a) < 0)
		return false;
	c->server[c->n++] = a;
	return true;
}

/* One option: 0, or the exit code after saying what is wrong with it. */
static int take_option(struct wish *w, int c, const char *as_given)
{
	switch (c) {
	case 't':
		if (span_u64(span_str(optarg), 600, &w->timeout_s) < 0 || w->timeout_s == 0)
			return misuse("--timeout takes whole seconds, 1 to 600, not", optarg);
		return 0;
	case 's':
		if (!add_server(&w->servers, span_str(optarg)))
			return misuse("--server takes an IP address or IP:PORT, at most three times; refused", optarg);
		return 0;
	case 'o':
		w->hosts = optarg;
		return 0;
	case 'j':
		w->json = true;
		return 0;
	case 'h':
		w->help = true;
		return 0;
	default:
		return misuse(c == ':' ? "a value is missing after" : "there is no option", as_given);
	}
}

static int parse_args(int argc, char **argv, struct wish *w)
{
	static const struct option longs[] = {{"timeout", required_argument, NULL, 't'},
					      {"server", required_argument, NULL, 's'},
					      {"hosts", required_argument, NULL, 'o'},
					      {"json", no_argument, NULL, 'j'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c, code = 0;

	*w = (struct wish){.timeout_s = 10,
			   .servers = {.timeout_s = RESOLVCONF_TIMEOUT_S, .attempts = RESOLVCONF_ATTEMPTS}};
	opterr = 0; /* it would speak as "probe" */
	while (code == 0 && (c = getopt_long(argc, argv, ":h", longs, NULL)) != -1)
		code = take_option(w, c, argv[optind - 1]);
	if (code || w->help)
		return code;
	if (optind >= argc)
		return misuse("what should be probed? Give HOST:PORT", NULL);
	if (optind + 1 < argc)
		return misuse("one HOST:PORT at a time; what is", argv[optind + 1]);
	w->target = argv[optind];
	if (addr_parse_hostport(span_str(w->target), &w->host, &w->port) < 0)
		return misuse("this is not HOST:PORT (a port is 1 to 65535; IPv6 addresses stand in brackets, [::1]:443):", w->target);
	return 0;
}

/* ---- the report ----------------------------------------------------------------------- */

static const char *ms(uint64_t ns, char out[static 32])
{
	snprintf(out, 32, "%llu.%llu ms", (unsigned long long)(ns / NS_PER_MS),
		 (unsigned long long)(ns / (NS_PER_MS / 10) % 10));
	return out;
}

static const char *attempt_text(int err)
{
	if (err == 0)
		return "connected";
	return err == -ZT_E_CANCELLED ? "no answer yet when another address won" : err_text((enum zt_err)-err);
}

static void print_text(const struct probe *p, const struct dial_result *r)
{
	char at[ADDR_TEXT], t[32];
	uint64_t asked = resolver_stats(p->kit.resolver).asked;

	printf("%s\n", p->wish->target);
	if (asked) { /* not for addresses, the hosts file and localhost */
		printf("  name servers:");
		for (uint8_t i = 0; i < p->kit.conf.n; i++)
			printf(" %s", addr_text(&p->kit.conf.server[i], at));
		printf(" (asked %llu times)\n", (unsigned long long)asked);
	}
	if (asked && r->n)
		printf("  first address after %s\n", ms(r->dns_ns, t));
	for (size_t i = 0; i < r->n; i++) {
		printf("  %s: %s", addr_text(&r->tried[i].to, at), attempt_text(r->tried[i].err));
		printf(" (%s)\n", ms(r->tried[i].took_ns, t));
	}
	if (r->rc == 0)
		printf("reachable through %s, %s in all\n", addr_text(&r->peer, at), ms(r->took_ns, t));
	else
		printf("not reachable: %s, %s in all\n", err_text((enum zt_err)-r->rc), ms(r->took_ns, t));
}

static void json_addr(struct jsonw *j, const char *key, const struct addr *a)
{
	char at[ADDR_TEXT];

	jsonw_key(j, key);
	jsonw_str(j, a->family ? addr_text(a, at) : NULL);
}

static void json_count(struct jsonw *j, const char *key, uint64_t n)
{
	jsonw_key(j, key);
	jsonw_u64(j, n);
}

static void json_time(struct jsonw *j, const char *key, uint64_t ns)
{
	json_count(j, key, ns / 1000);
}

static void json_err(struct jsonw *j, int err)
{
	jsonw_key(j, "result");
	jsonw_str(j, err_name((enum zt_err)-err));
}

static void json_attempt(struct jsonw *j, const struct dial_attempt *t)
{
	jsonw_open(j, '{');
	json_addr(j, "address", &t->to);
	json_err(j, t->err);
	json_time(j, "began_us", t->began_ns);
	json_time(j, "took_us", t->took_ns);
	jsonw_close(j, '}');
}

static void print_json(const struct probe *p, const struct dial_result *r)
{
	char mem[8192]; /* 16 attempts of less than 200 bytes, a name of 253, three servers */
	struct wr w = wr_of(mem, sizeof mem);
	struct jsonw j;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "host");
	jsonw_span(&j, p->wish->host);
	json_count(&j, "port", p->wish->port);
	json_err(&j, r->rc);
	json_addr(&j, "address", &r->peer);
	json_time(&j, "dns_us", r->dns_ns);
	json_time(&j, "took_us", r->took_ns);
	json_count(&j, "asked", resolver_stats(p->kit.resolver).asked);
	json_count(&j, "asked_tcp", resolver_stats(p->kit.resolver).tcp);
	json_count(&j, "unanswered", resolver_stats(p->kit.resolver).timeouts);
	jsonw_key(&j, "servers");
	jsonw_open(&j, '[');
	for (uint8_t i = 0; i < p->kit.conf.n; i++) {
		char at[ADDR_TEXT];

		jsonw_str(&j, addr_text(&p->kit.conf.server[i], at));
	}
	jsonw_close(&j, ']');
	jsonw_key(&j, "tried");
	jsonw_open(&j, '[');
	for (size_t i = 0; i < r->n; i++)
		json_attempt(&j, &r->tried[i]);
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
	ZT_ASSERT(!w.full);
	printf("%.*s\n", (int)w.n, mem);
}

static void probe_done(void *owner, const struct dial_result *r)
{
	struct probe *p = owner;

	p->rc = r->rc;
	(p->wish->json ? print_json : print_text)(p, r);
	p->written = fflush(stdout) == 0 && !ferror(stdout);
	if (r->fd >= 0)
		close(r->fd);
	loop_stop(p->kit.loop);
}

/* ---- the verb ------------------------------------------------------------------------- */

static int dial_and_report(struct probe *p)
{
	struct dial_req req = {.host = p->wish->host, .port = p->wish->port, .done = probe_done, .owner = p,
			       .timeout_ns = p->wish->timeout_s * NS_PER_S};
	struct dial *d;
	int rc = dial_start(p->kit.dialer, &req, &d);

	return rc < 0 ? rc : loop_run(p->kit.loop);
}

/* Not to be reached is the answer of a probe; that this machine ran out of something is not. */
static int exit_code(const struct probe *p)
{
	if (!p->written) {
		fprintf(stderr, "zt net probe: cannot write the output\n");
		return EXIT_ZT_FAILED;
	}
	if (p->rc == 0)
		return EXIT_ZT_OK;
	return p->rc == -ZT_E_NOMEM || p->rc == -ZT_E_NOFILES ? EXIT_ZT_FAILED : EXIT_ZT_UNREACHABLE;
}

static int probe(const struct wish *w)
{
	struct probe p = {.wish = w, .kit = {.who = "zt net probe", .conf = w->servers, .hosts = w->hosts}};
	int rc = dialkit_open(&p.kit);

	if (rc == 0)
		rc = dial_and_report(&p);
	dialkit_close(&p.kit);
	if (rc == 0)
		return exit_code(&p);
	fprintf(stderr, "zt net probe: %s\n", err_text((enum zt_err)-rc));
	return (int)err_exit((enum zt_err)-rc);
}

int net_main(int argc, char **argv)
{
	struct wish w;
	int code;

	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (argc < 2 || strcmp(argv[1], "probe") != 0) {
		fputs(usage, stderr);
		return EXIT_ZT_USAGE;
	}
	code = parse_args(argc - 1, argv + 1, &w);
	if (code == 0 && w.help)
		return fputs(usage, stdout) < 0;
	return code ? code : probe(&w);
}
