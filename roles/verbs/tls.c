/*
 * tls: `zt tls probe HOST:PORT` meets a TLS server exactly as a role would, with the same
 * handshake process, and says what it found: the chain, the pin, the suite, and what is wrong
 * in words. Everything is let through so that it can be shown, nothing is sent after it.
 * Life: options -> configuration of a client -> handshake process -> dial -> handshake -> report.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "io/files.h"
#include "roles/roles.h"
#include "misuse.h"
#include "serve/dialkit.h"
#include "serve/keyhelper.h"
#include "tls_report.h"

static const char usage[] =
	"usage: zt tls probe HOST:PORT [--name NAME] [--ca FILE] [--pin sha256:HEX] [--alpn PROTOCOL]\n"
	"                    [--cert FILE --key FILE [--key-pass-file FILE]] [--timeout S] [--json]\n"
	"Connect as a role would, shake hands and say who answered: certificates, pin, cipher suite,\n"
	"and what is wrong with them in words. Sends nothing else.\n"
	"\n"
	"  --name NAME        ask for this name, and check the certificate for it (default: HOST)\n"
	"  --ca FILE          trust the authorities of this PEM file instead of the system's\n"
	"  --pin sha256:HEX   trust this public key instead of any authority\n"
	"  --alpn PROTOCOL    offer this application protocol, such as http/1.1\n"
	"  --cert, --key      show this client certificate when asked\n"
	"  --key-pass-file    the passphrase of the key\n"
	"  --timeout S        give up after so many seconds, 1 to 600 (default 10)\n"
	"  --json             one JSON object, times in microseconds\n"
	"  -h, --help         print this\n"
	"\n"
	"Exit: 0 good, 4 the certificate is not good, 5 not reachable, 1 no handshake or anything\n"
	"else, 2 wrong use, 3 a file cannot be used.\n";

#define CONF_ROOM 8192
#define DEFAULT_TIMEOUT_S 10

enum option_id { OPT_NAME, OPT_CA, OPT_PIN, OPT_ALPN, OPT_CERT, OPT_KEY, OPT_PASS, OPT_TIMEOUT, OPT_TEXTS };

struct wish {
	struct span host;
	uint16_t port;
	const char *target;
	const char *text[OPT_TEXTS]; /* NULL: not given */
	uint64_t timeout_s;
	uint8_t pin[32];
	bool json, help;
};

struct probe {
	const struct wish *wish;
	struct dialkit kit;
	struct log log;
	struct tls_plan plan;
	struct tls_world *world;
	struct source src;
	struct tls tls;
	struct tls_report report;
	struct addr ip;           /* when the certificate must be for an address */
	char asked[300];
	uint64_t began;
	int code;                 /* exit code */
};

static int misuse(const char *what, const char *got)
{
	return (int)verb_misuse("tls probe", "tls", what, got);
}

/* ---- options ---------------------------------------------------------------------------- */

static int check_wish(struct wish *w)
{
	const char *pin = w->text[OPT_PIN];

	if (w->text[OPT_TIMEOUT] &&
	    (span_u64(span_str(w->text[OPT_TIMEOUT]), 600, &w->timeout_s) < 0 || w->timeout_s == 0))
		return misuse("--timeout takes whole seconds, 1 to 600, not", w->text[OPT_TIMEOUT]);
	if (pin && (!span_starts(span_str(pin), "sha256:") || strlen(pin) != 7 + 64 ||
		    ct_hex_decode(span_str(pin + 7), w->pin) < 0))
		return misuse("--pin takes sha256: and 64 hex digits, not", pin);
	if ((w->text[OPT_CERT] == NULL) != (w->text[OPT_KEY] == NULL))
		return misuse("--cert and --key go together", NULL);
	if (w->text[OPT_NAME] && !name_is_dns(span_str(w->text[OPT_NAME])))
		return misuse("--name takes a DNS name, not", w->text[OPT_NAME]);
	return 0;
}

static int parse_args(int argc, char **argv, struct wish *w)
{
	static const struct option longs[] = {
		{"name", required_argument, NULL, OPT_NAME},   {"ca", required_argument, NULL, OPT_CA},
		{"pin", required_argument, NULL, OPT_PIN},     {"alpn", required_argument, NULL, OPT_ALPN},
		{"cert", required_argument, NULL, OPT_CERT},   {"key", required_argument, NULL, OPT_KEY},
		{"key-pass-file", required_argument, NULL, OPT_PASS},
		{"timeout", required_argument, NULL, OPT_TIMEOUT},
		{"json", no_argument, NULL, 'j'},              {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int c;

	*w = (struct wish){.timeout_s = DEFAULT_TIMEOUT_S};
	opterr = 0; /* it would speak as "probe" */
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'j')
			w->json = true;
		else if (c == 'h')
			w->help = true;
		else if (c == ':' || c == '?')
			return misuse(c == ':' ? "a value is missing after" : "there is no option", argv[optind - 1]);
		else
			w->text[c] = optarg;
	}
	if (w->help)
		return 0;
	if (optind >= argc)
		return misuse("what should be probed? Give HOST:PORT", NULL);
	if (optind + 1 < argc)
		return misuse("one HOST:PORT at a time; what is", argv[optind + 1]);
	w->target = argv[optind];
	if (addr_parse_hostport(span_str(w->target), &w->host, &w->port) < 0)
		return misuse("this is not HOST:PORT (a port is 1 to 65535; IPv6 addresses stand in brackets, [::1]:443):", w->target);
	return check_wish(w);
}

/* ---- the configuration of this one client ------------------------------------------------ */

static void setting(struct wr *w, const char *key, const char *value)
{
	if (value == NULL)
		return;
	wr_str(w, key);
	wr_str(w, " = ");
	wr_str(w, value);
	wr_str(w, "\n");
}

/* A relative path means the folder the user stands in; a configuration wants to be exact. */
static char *whole_path(const char *path)
{
	return path ? realpath(path, NULL) : NULL;
}

static int make_conf(struct conf **out, const struct wish *w)
{
	static const struct {
		enum option_id id;
		const char *key;
	} files[] = {{OPT_CA, "connect_ca"}, {OPT_CERT, "connect_cert"}, {OPT_KEY, "connect_key"},
		     {OPT_PASS, "connect_key_pass_file"}};
	char mem[CONF_ROOM];
	struct wr text = wr_of(mem, sizeof mem);
	struct conf_faults faults;
	int rc;

	wr_str(&text, "[log]\nlevel = error\n[relay]\nlisten = 127.0.0.1:0\nconnect = tls\ninsecure_connect_any_cert = true\n");
	setting(&text, "to", w->target);
	setting(&text, "connect_name", w->text[OPT_NAME]);
	setting(&text, "connect_alpn", w->text[OPT_ALPN]);
	if (w->text[OPT_CA] == NULL) /* named, because where anything goes the system's list is not read */
		setting(&text, "connect_ca", files_system());
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = whole_path(w->text[files[i].id]);

		if (w->text[files[i].id] && path == NULL) {
			fprintf(stderr, "zt tls probe: cannot find the file %.300s\n", w->text[files[i].id]);
			return -ZT_E_CONFIG;
		}
		setting(&text, files[i].key, path);
		free(path);
	}
	conf_faults_init(&faults);
	rc = text.full ? -ZT_E_TOOLONG : conf_parse_text(out, wr_span(&text), "the options", &faults);
	if (rc < 0)
		fprintf(stderr, "zt tls probe: %s\n",
			faults.first ? faults.first->text : err_text((enum zt_err)-rc));
	conf_faults_free(&faults);
	return rc;
}

/* ---- the handshake ------------------------------------------------------------------------ */

static void finish(struct probe *p)
{
	const struct tls_report *r = &p->report;

	(p->wish->json ? tls_report_json : tls_report_text)(r);
	if (r->fault != TLSF_NONE)
		p->code = EXIT_ZT_FAILED;
	else
		p->code = tls_report_good(r) ? EXIT_ZT_OK : EXIT_ZT_DENIED;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "zt tls probe: cannot write the output\n");
		p->code = EXIT_ZT_FAILED;
	}
	loop_stop(p->kit.loop);
}

static void judge_leaf(struct probe *p, struct span leaf)
{
	struct tls_report *r = &p->report;
	struct leaf_rule rule = {.use = LEAF_SERVER, .now = r->now, .floor = CLOCK_FLOOR_S};
	uint8_t pin[SHA256_LEN];
	struct x509 c;

	if (p->ip.family)
		rule.ip = &p->ip;
	else
		rule.dns = span_str(p->asked);
	r->leaf = LEAF_MALFORMED;
	if (x509_read(&c, leaf, NULL) < 0)
		return;
	r->leaf = leaf_check(&c, &rule);
	x509_pin(&c, pin);
	r->pin_ok = r->pin_asked && ct_eq(pin, p->wish->pin, sizeof pin);
}

/* So that the server does not log a connection that was cut. */
static void say_bye(struct tls *t)
{
	uint8_t mem[TLS_OUT_BYTES];
	struct tls_out out = {.mem = mem, .cap = sizeof mem};

	tls_bye(t, &out);
	tls_out_send(t, &out);
}

static void on_opened(struct tls *t, const struct span *chain, size_t n)
{
	struct probe *p = CONTAINER_OF(t, struct probe, tls);
	struct tls_report *r = &p->report;

	r->shake_ns = loop_now(p->kit.loop) - p->began;
	r->suite = t->peer->suite;
	r->verdict = t->peer->verdict;
	memcpy(r->alpn, t->peer->alpn, sizeof r->alpn);
	r->chain_n = num_min(n, TLS_CHAIN);
	memcpy(r->chain, chain, r->chain_n * sizeof *chain);
	if (n)
		judge_leaf(p, chain[0]);
	say_bye(t);
	finish(p);
}

static void on_failed(struct tls *t, enum tls_fault f, const char *words)
{
	struct probe *p = CONTAINER_OF(t, struct probe, tls);

	p->report.fault = f;
	p->report.alert = t->alert;
	snprintf(p->report.words, sizeof p->report.words, "%s", words);
	finish(p);
}

static const struct tls_class probe_tls = {on_opened, on_failed, NULL};

static unsigned sock_wants(const struct source *s)
{
	const struct probe *p = CONTAINER_OF(s, struct probe, src);

	return p->tls.shake ? tls_wants(&p->tls) : 0;
}

static void sock_ready(struct source *s, unsigned events)
{
	struct probe *p = CONTAINER_OF(s, struct probe, src);

	if (p->tls.shake)
		tls_shake_ready(&p->tls, events);
}

static const struct source_class sock_class = {"probe", sock_wants, sock_ready, NULL};

static void say_unreachable(struct probe *p, const struct dial_result *r)
{
	fprintf(stderr, "zt tls probe: %s is not reachable: %s; 'zt net probe %s' shows what was tried\n",
		p->wish->target, err_text((enum zt_err)-r->rc), p->wish->target);
	p->code = EXIT_ZT_UNREACHABLE;
	loop_stop(p->kit.loop);
}

static void on_dialled(void *owner, const struct dial_result *r)
{
	struct probe *p = owner;
	const struct tls_connect req = {.ip = p->ip.family ? &p->ip : NULL, .want_chain = true};
	int rc;

	if (r->rc < 0) {
		say_unreachable(p, r);
		return;
	}
	p->report.peer = r->peer;
	p->report.dial_ns = r->took_ns;
	p->began = loop_now(p->kit.loop);
	p->src = (struct source){.cls = &sock_class, .fd = r->fd};
	rc = loop_add(p->kit.loop, &p->src);
	if (rc == 0)
		rc = tls_connect(&p->tls, p->world, &probe_tls, &p->src, &req);
	if (rc < 0) {
		fprintf(stderr, "zt tls probe: %s\n", err_text((enum zt_err)-rc));
		p->code = EXIT_ZT_FAILED;
		loop_stop(p->kit.loop);
	}
}

/* ---- the verb ------------------------------------------------------------------------------ */

static void fill_report(struct probe *p)
{
	const struct wish *w = p->wish;
	const char *name = w->text[OPT_NAME];

	if (name == NULL && addr_parse_ip(w->host, &p->ip) == 0)
		snprintf(p->asked, sizeof p->asked, "the address %.*s", SPAN_ARG(w->host));
	else
		snprintf(p->asked, sizeof p->asked, "%.*s", SPAN_ARG(name ? span_str(name) : w->host));
	p->report.target = w->target;
	p->report.asked = p->asked;
	p->report.ca = w->text[OPT_CA] ? w->text[OPT_CA] : files_system() ? "this system's list" : "nobody (this system has no list)";
	p->report.pin_asked = w->text[OPT_PIN] != NULL;
	p->report.showed = w->text[OPT_CERT] != NULL;
	p->report.now = clock_wall(&clock_real) / 1000;
}

static int run(struct probe *p, struct keyhelper *h)
{
	const struct wish *w = p->wish;
	const struct tls_world_opts o = {.loop = p->kit.loop, .bounds = &p->kit.bounds, .log = &p->log,
					 .shake_ms = (uint32_t)w->timeout_s * 1000, .rate = 1000, .burst = 1000};
	const struct dial_req req = {.host = w->host, .port = w->port, .done = on_dialled, .owner = p,
				     .timeout_ns = w->timeout_s * NS_PER_S};
	struct dial *d;
	int rc = tls_world_new(&p->world, &o);

	if (rc < 0)
		return rc;
	tls_world_plan(p->world, &p->plan, KEYHELPER_EPOCH);
	tls_world_link(p->world, h->line, KEYHELPER_EPOCH);
	h->line = -1;
	rc = dial_start(p->kit.dialer, &req, &d);
	return rc < 0 ? rc : loop_run(p->kit.loop);
}

static int probe_with(struct probe *p, const struct conf *c)
{
	struct keyhelper h;
	struct why why = {0};
	int rc = keyhelper_start(&h, c, &why);

	if (rc < 0) {
		fprintf(stderr, "zt tls probe: %s\n", why.text);
		return (int)err_exit((enum zt_err)-rc);
	}
	tls_plan_of(c, &p->plan);
	rc = dialkit_open(&p->kit);
	if (rc == 0)
		rc = run(p, &h);
	if (p->tls.cls)
		tls_free(&p->tls);
	if (p->src.loop)
		loop_close(&p->src);
	tls_world_free(p->world);
	dialkit_close(&p->kit);
	keyhelper_stop(&h);
	if (rc == 0)
		return p->code;
	fprintf(stderr, "zt tls probe: %s\n", err_text((enum zt_err)-rc));
	return (int)err_exit((enum zt_err)-rc);
}

static int probe(const struct wish *w)
{
	struct probe p = {.wish = w, .kit.who = "zt tls probe"};
	struct conf *c;
	int rc = make_conf(&c, w);

	if (rc < 0)
		return EXIT_ZT_CONFIG;
	log_init(&p.log, &clock_real, "tls", "probe");
	fill_report(&p);
	rc = probe_with(&p, c);
	conf_free(c);
	return rc;
}

int tls_main(int argc, char **argv)
{
	struct span verb = span_str(argc >= 2 ? argv[1] : "");
	struct wish w;
	int code;

	if (span_eq_str(verb, "--help") || span_eq_str(verb, "-h"))
		return fputs(usage, stdout) < 0;
	if (!span_eq_str(verb, "probe")) {
		fputs(usage, stderr);
		return EXIT_ZT_USAGE;
	}
	code = parse_args(argc - 1, argv + 1, &w);
	if (code == 0 && w.help)
		return fputs(usage, stdout) < 0;
	return code ? code : probe(&w);
}
