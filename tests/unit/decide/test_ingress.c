/* ingress: what cloudflared documents of its rules, as vectors; what both sides refuse; what presets and several
 * origins become; and that the table which is announced is the one that was written. */
#include "decide/ingress.h"

#include <stdlib.h>

#include "base/num.h"
#include "decide/conf_keys.h"
#include "tests/unit/unit.h"

static struct arena mem;
static struct conf *conf;
static struct ingress_set set;
static char told[2048];

static void tell_text(void *ctx, size_t rule, const char *key, enum zt_err e, const char *text)
{
	size_t n = strlen(told);

	(void)ctx;
	snprintf(told + n, sizeof told - n, "%zu %s %s: %s\n", rule, key, err_name(e), text);
}

static void drop(void)
{
	arena_free(&mem);
	conf_free(conf);
	conf = NULL;
}

/* The configuration itself must be good; whether its rules are is ingress_of()'s answer. */
static int load(const char *text, struct conf_faults *faults)
{
	const struct ingress_tell tell = {tell_text, NULL};
	int rc;

	drop();
	told[0] = 0;
	conf_faults_init(faults);
	rc = conf_parse_text(&conf, span_str(text), "t", faults);
	arena_init(&mem, INGRESS_MEM);
	return rc < 0 ? rc : ingress_of(&set, conf, 7, &mem, &tell);
}

/* ---- vectors: tables, and who is served by which rule ----------------------------------------- */

#define R(host, path) "[ingress n%]\nhostname = " host "\npath = " path "\nservice = http://127.0.0.1:1\n"
#define LAST "[ingress last]\nservice = http_status:404\n"

static const struct table {
	const char *rules;
	struct {
		const char *host, *path;
		int rule;
	} asks[16];
} tables[] = {
	/* one host, and the catch-all */
	{R("tunnel.example.org", "") LAST,
	 {{"tunnel.example.org", "/", 0}, {"tunnel.example.org", "/any/path", 0}, {"tunnel.example.org", "/x", 0},
	  {"other.example.org", "/", 1}, {"example.org", "/", 1}, {"a.tunnel.example.org", "/", 1},
	  {"tunnel.example.org.evil.net", "/", 1}, {"xtunnel.example.org", "/", 1}, {"127.0.0.1", "/", 1}, {"localhost", "/", 1}}},
	/* any depth below, never the name itself, never a name that only ends so */
	{R("*.example.org", "") LAST,
	 {{"a.example.org", "/", 0}, {"a.b.example.org", "/", 0}, {"a.b.c.d.example.org", "/x", 0},
	  {"example.org", "/", 1}, {"xexample.org", "/", 1}, {"a.example.org.net", "/", 1}, {"org", "/", 1},
	  {"a-example.org", "/", 1}, {"www.a-example.org", "/", 1}}},
	/* the first match, not the best */
	{R("*.example.org", "") R("www.example.org", "") LAST,
	 {{"www.example.org", "/", 0}, {"a.example.org", "/", 0}, {"example.net", "/", 2}}},
	{R("www.example.org", "") R("*.example.org", "") LAST,
	 {{"www.example.org", "/", 0}, {"a.example.org", "/", 1}, {"a.www.example.org", "/", 1}, {"example.org", "/", 2}}},
	/* narrower and wider wildcards */
	{R("*.a.example.org", "") R("*.example.org", "") LAST,
	 {{"x.a.example.org", "/", 0}, {"y.x.a.example.org", "/", 0}, {"a.example.org", "/", 1}, {"b.example.org", "/", 1}}},
	/* paths are looked for anywhere */
	{R("a.example.org", "/api") R("a.example.org", "") LAST,
	 {{"a.example.org", "/api", 0}, {"a.example.org", "/api/v1", 0}, {"a.example.org", "/x/api", 0},
	  {"a.example.org", "/apis", 0}, {"a.example.org", "/", 1}, {"a.example.org", "/ap", 1},
	  {"a.example.org", "/API", 1}, {"b.example.org", "/api", 2}}},
	{R("a.example.org", "^/api") LAST,
	 {{"a.example.org", "/api", 0}, {"a.example.org", "/api/v1", 0}, {"a.example.org", "/apix", 0},
	  {"a.example.org", "/x/api", 1}, {"a.example.org", "/", 1}}},
	{R("a.example.org", "^/api(/|$)") LAST,
	 {{"a.example.org", "/api", 0}, {"a.example.org", "/api/", 0}, {"a.example.org", "/api/v1", 0},
	  {"a.example.org", "/apix", 1}, {"a.example.org", "/x/api", 1}}},
	/* the documented example: static files by their endings */
	{R("static.example.org", "\\.(jpg|png|css|js)$") R("static.example.org", "") LAST,
	 {{"static.example.org", "/a.jpg", 0}, {"static.example.org", "/x/y.css", 0}, {"static.example.org", "/a.js", 0},
	  {"static.example.org", "/a.json", 1}, {"static.example.org", "/jpg", 1}, {"static.example.org", "/a.jpg/x", 1},
	  {"example.org", "/a.jpg", 2}}},
	/* a path without a host, a star for a host with a path */
	{R("", "^/healthz$") R("*", "^/metrics$") LAST,
	 {{"a.example.org", "/healthz", 0}, {"b.net", "/healthz", 0}, {"10.0.0.1", "/healthz", 0}, {"a.example.org", "/metrics", 1},
	  {"c", "/metrics", 1}, {"c", "/metrics/", 2}, {"a.example.org", "/", 2}}},
	/* host and path both have to match */
	{R("*.example.org", "^/a") R("b.example.org", "^/b") LAST,
	 {{"b.example.org", "/a", 0}, {"b.example.org", "/b", 1}, {"c.example.org", "/b", 2}, {"b.example.org", "/c", 2},
	  {"example.org", "/a", 2}}},
	/* case: hostnames have none, paths do, unless they say so */
	{R("WWW.Example.ORG", "(?i)^/api") R("*.EXAMPLE.net", "^/Api") LAST,
	 {{"www.example.org", "/API/x", 0}, {"www.example.org", "/api", 0}, {"www.example.org", "/x", 2},
	  {"a.example.net", "/Api", 1}, {"a.example.net", "/api", 2}}},
	/* one label, an address, A-labels */
	{R("nas", "") R("192.0.2.7", "") R("xn--bcher-kva.example", "") R("*.local", "") LAST,
	 {{"nas", "/", 0}, {"192.0.2.7", "/", 1}, {"xn--bcher-kva.example", "/", 2}, {"printer.local", "/", 3},
	  {"a.b.local", "/", 3}, {"local", "/", 4}, {"192.0.2.70", "/", 4}, {"nas.local", "/", 3}, {"nas2", "/", 4}}},
	/* the last one alone */
	{LAST, {{"a.example.org", "/", 0}, {"x", "/any", 0}, {"192.0.2.1", "/", 0}}},
	/* the last one may say a star */
	{R("a.example.org", "") "[ingress last]\nhostname = *\nservice = http_status:503\n",
	 {{"a.example.org", "/", 0}, {"b.example.org", "/", 1}, {"anything", "/", 1}}},
};

/* Sections have names of their own: "n%" becomes n0, n1, ... */
static const char *numbered(const char *rules)
{
	static char out[8192];
	size_t n = 0;
	char next = '0';

	for (; *rules && n < sizeof out - 1; rules++)
		out[n++] = *rules == '%' ? next++ : *rules;
	out[n] = 0;
	return out;
}

TEST(rules_mean_what_cloudflared_documents)
{
	struct conf_faults faults;
	unsigned asked = 0;

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (load(numbered(tables[i].rules), &faults) != 0)
			unit_fail(__FILE__, __LINE__, "table %zu is refused: %s", i, told);
		for (size_t k = 0; set.compiled && k < ARRAY_LEN(tables[i].asks) && tables[i].asks[k].host; k++, asked++) {
			int got = ingress_match(set.compiled, span_str(tables[i].asks[k].host), span_str(tables[i].asks[k].path));

			if (got != tables[i].asks[k].rule)
				unit_fail(__FILE__, __LINE__, "table %zu: %s%s is served by %d, not %d", i, tables[i].asks[k].host,
					  tables[i].asks[k].path, got, tables[i].asks[k].rule);
		}
		conf_faults_free(&faults);
	}
	CHECK(asked >= 80);
	drop();
}

/* ---- what is refused: by the configuration, at its line ---------------------------------------- */

#define OK_LAST "\n[ingress last]\nservice = http_status:404\n"
static const struct {
	const char *text;
	unsigned line;
	const char *words;
} refused[] = {
	{"[ingress a]\nhostname = a.b\nservice = http://x", 2, "The last ingress rule must match all URLs"},
	{"[ingress a]\npath = /x\nservice = http://x", 2, "The last ingress rule must match all URLs"},
	{"[ingress a]\nhostname = *\npath = /x\nservice = http://x", 3, "The last ingress rule must match all URLs"},
	{"[ingress a]\nservice = http://x" OK_LAST, 1, "Rule #1 is matching the hostname ''"},
	{"[ingress a]\nhostname = *\nservice = http://x" OK_LAST, 2, "Rule #1 is matching the hostname '*'"},
	{"[ingress a]\nhostname = a.*.b\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = *.*.b\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = a*.b\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = *a.b\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = a.b.*\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = *.192.0.2.1\nservice = http://x" OK_LAST, 2, "at most one wildcard"},
	{"[ingress a]\nhostname = a.b:443\nservice = http://x" OK_LAST, 2, "cannot contain a port"},
	{"[ingress a]\nhostname = a.b.\nservice = http://x" OK_LAST, 2, "not a DNS name"},
	{"[ingress a]\nhostname = a b\nservice = http://x" OK_LAST, 2, "not a DNS name"},
	{"[ingress a]\nhostname = a..b\nservice = http://x" OK_LAST, 2, "not a DNS name"},
	{"[ingress a]\nhostname = b\xc3\xbc" "cher.example\nservice = http://x" OK_LAST, 2, "ASCII"},
	{"[ingress a]\nhostname = a.b\npath = (\nservice = http://x" OK_LAST, 3, "Rule #1 has an invalid regex: at byte 2"},
	{"[ingress a]\nservice = x", 2, "is an invalid address"},
	{"[ingress a]\nservice = http://", 2, "is an invalid address"},
	{"[ingress a]\nservice = http://x/", 2, "different path on the origin"},
	{"[ingress a]\nservice = http://x:0", 2, "is an invalid address"},
	{"[ingress a]\nservice = http://x:99999", 2, "is an invalid address"},
	{"[ingress a]\nservice = http://u:p@x", 2, "is an invalid address"},
	{"[ingress a]\nservice = tcp://x", 2, "a hostname and a port"},
	{"[ingress a]\nservice = ftp://x:21", 2, "it is none of"},
	{"[ingress a]\nservice = bastion", 2, "it is none of"},
	{"[ingress a]\nservice = http_status:99", 2, "invalid HTTP status code: 99"},
	{"[ingress a]\nservice = http_status:1000", 2, "invalid HTTP status code: 1000"},
	{"[ingress a]\nservice = http_status:", 2, "invalid HTTP status code"},
	{"[ingress a]\nservice = http_status:4x4", 2, "invalid HTTP status code"},
	{"[ingress a]\nservice = unix:run/x", 2, "is absolute"},
	{"[ingress a]\nservice = http://x, https://y", 2, "of the same kind"},
	{"[ingress a]\nservice = http_status:404, http_status:405", 2, "of the same kind"},
	{"[ingress a]\nservice = http://x\nweights = 1, 2", 3, "one weight for each service"},
	{"[ingress a]\nservice = http://x\nset_header = X-A", 3, "write Name: value"},
	{"[ingress a]\nservice = http://x\nset_header = X_A: b", 3, "letters, digits and -"},
	{"[ingress a]\nservice = http://x\nset_header = Host: b", 3, "zt writes it itself"},
	{"[ingress a]\nservice = http://x\nset_header = x-forwarded-for: b", 3, "zt writes it itself"},
	{"[ingress a]\nservice = http://x\nset_header = Remote-User: b", 3, "zt writes it itself"},
	{"[ingress a]\nservice = http://x\nremove_header = A: b", 3, "a name alone"},
	{"[ingress a]\nservice = http://x\nremove_header = Content-Length", 3, "zt writes it itself"},
	{"[ingress a]\nservice = http://x\nstrip_prefix = a", 3, "a prefix is"},
	{"[ingress a]\nservice = http://x\nadd_prefix = /a/", 3, "a prefix is"},
	{"[ingress a]\nservice = http://x\nadd_prefix = /../a", 3, "a prefix is"},
	{"[ingress a]\nservice = http://x\nadd_prefix = /a//b", 3, "a prefix is"},
	{"[ingress a]\nservice = http://x\nadd_prefix = /a%2fb", 3, "a prefix is"},
	{"[ingress a]\nservice = http://x\nhost_header = a b", 3, "a host name"},
	{"[ingress a]\nservice = http://x\npin = sha256:00", 3, "nothing would look at it"},
	{"[ingress a]\nservice = https://x\npin = sha256:00", 3, "64 hex digits"},
	{"[ingress a]\nservice = http://x\ninsecure_any_cert = true", 3, "nothing would look at it"},
	{"[ingress a]\nservice = https://x\nca = x.pem", 3, "neither system nor"},
	{"[connector]\nedge = e.example:443", 2, "a connector needs rules"},
	{"[grant a]\nconnector = c1\nnames = *.org", 3, "too wide"},
	{"[grant a]\nconnector = c/1\nnames = a.org", 2, "an id is"},
	{"[grant a]\nconnector = c1, **\nnames = a.org", 2, "an id is"},
	{"[ingress a]\nservice = http://x\nhealth_path = ok", 3, "health_path: begins with /"},
	{"[ingress a]\nservice = http://x\nhealth_path = /is it", 3, "without blanks"},
	{"[ingress a]\nservice = http://x\nhealth_path = /a#b", 3, "without blanks"},
	{"[ingress a]\nservice = http://x\nhealth_path = /b\xc3\xbc" "cher", 3, "without blanks"},
	{"[service s]\nlisten = 127.0.0.1:2222\nhostname = ssh.example.org", 1, "public = unauthenticated"},
	{"[service s]\npublic = unauthenticated\nhostname = ssh.example.org", 1, "needs an address"},
	{"[service s]\npublic = unauthenticated\nlisten = 127.0.0.1:1", 1, "needs the name"},
	{"[edge]\nproxy_from = 10.0.0.1/8", 2, "a network is as in"},
	{"[edge]\nhttp_listen = 127.0.0.1:80", 2, "redirects to listen"},
	{"[edge]\nlisten = 127.0.0.1:443\nhttp_listen = 127.0.0.1:443", 3, "for something else already"},
	{"[edge]\nlisten = 127.0.0.1:0\nhttp_listen = 127.0.0.1:0", 3, "for something else already"},
	{"[edge]\nlisten = 0.0.0.0:443\n[service s]\nlisten = 127.0.0.1:443\norigin = x:1\npublic = unauthenticated", 4,
	 "for something else already"},
	{"[edge]\nlisten = 127.0.0.1:443\nhealth = 127.0.0.1:443", 3, "for something else already"},
	{"[edge]\nlisten = 127.0.0.1:443\nenrol = 10.0.0.1", 3, "is not a DNS name"},
	{"[edge]\nlisten = 127.0.0.1:443\n[host h]\nnames = a.org\ncert = /c\nkey = /k\nalpn = h2, http/1.1", 7,
	 "http/1.1 to visitors and nothing else"},
	{"[edge]\nmax_stale = 2h", 1, "is not shorter than max_stale"},
	{"[host h]\nnames = a.org\ncert = /c\nkey = /k\naccess = cert", 5, "needs client_cert"},
	{"[host h]\nnames = a.org\ncert = /c\nkey = /k\norigin = tcp://x:1", 5, "is http:// or https://"},
};

TEST(what_is_wrong_is_told_where_it_stands)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct conf_fault *f;
		struct conf_faults faults;
		char text[256];

		snprintf(text, sizeof text, "%s\n", refused[i].text);
		CHECK_INT(load(text, &faults), -ZT_E_CONFIG);
		for (f = faults.first; f && f->is_warning; )
			f = f->next;
		if (!f || f->line != refused[i].line || !strstr(f->text, refused[i].words))
			unit_fail(__FILE__, __LINE__, "case %zu: line %u: %s", i, f ? f->line : 0, f ? f->text : "nothing is told");
		conf_faults_free(&faults);
	}
	drop();
}

/* More than there are places for are refused as a whole, not cut. */
static void refused_for(const char *head, const char *row, unsigned n, const char *words)
{
	static char text[65536];
	struct wr w = wr_of(text, sizeof text - 1);
	struct conf_faults faults;
	const struct conf_fault *f;
	bool said = false;

	wr_str(&w, head);
	for (unsigned i = 0; i < n; i++)
		for (const char *c = row; *c; c++) /* a '#' is the number */
			if (*c == '#')
				wr_fmt(&w, "%02u", i);
			else
				wr_u8(&w, (uint8_t)*c);
	text[w.n] = 0;
	CHECK(!w.full);
	load(text, &faults);
	for (f = faults.first; f; f = f->next)
		said |= !f->is_warning && strstr(f->text, words) != NULL;
	CHECK(said == (n > 1));
	conf_faults_free(&faults);
	drop();
}

TEST(what_there_is_no_room_for_is_refused)
{
	static const struct {
		const char *head, *row;
		unsigned n;
		const char *words;
	} rows[] = {
		{"[edge]\nlisten = 127.0.0.1:1\n", "[service s#]\nlisten = 127.0.0.2:1#\norigin = x:1\npublic = unauthenticated\n", 16,
		 "would listen on 17 addresses"},
		{"", "[host h#]\nnames = h#.example.org\ncert = /c\nkey = /k\norigin = https://x:1\n", 129,
		 "129 hosts have an origin over TLS"},
		{"", "[ingress i#]\nhostname = h#.example.org\nservice = https://x\n", 127, "127 rules have origins over TLS"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		refused_for(rows[i].head, rows[i].row, rows[i].n, rows[i].words);
		refused_for(rows[i].head, rows[i].row, 1, rows[i].words);
	}
}

TEST(everything_wrong_is_told_at_once)
{
	struct conf_faults faults;

	CHECK_INT(load("[ingress a]\nhostname = a:1\nservice = ftp://x\n[ingress b]\npath = (\nservice = http://x\n", &faults),
		  -ZT_E_CONFIG);
	CHECK(faults.faults >= 4); /* the service, the host, the pattern, the last one */
	conf_faults_free(&faults);
	drop();
}

/* ---- what becomes of a good one ---------------------------------------------------------------- */

TEST(services_are_read)
{
	static const struct {
		const char *text;
		uint16_t given;
		struct service want;
		const char *host;
	} good[] = {
		{"http://x", 0, {.kind = RULE_HTTP, .port = 80}, "x"},
		{"https://x", 0, {.kind = RULE_HTTP, .tls = true, .port = 443}, "x"},
		{"https://192.168.1.10", 8006, {.kind = RULE_HTTP, .tls = true, .port = 8006}, "192.168.1.10"},
		{"https://x:1", 8006, {.kind = RULE_HTTP, .tls = true, .port = 1}, "x"},
		{"ws://x", 0, {.kind = RULE_HTTP, .port = 80}, "x"},
		{"wss://x", 0, {.kind = RULE_HTTP, .tls = true, .port = 443}, "x"},
		{"http://[2001:db8::1]:81", 0, {.kind = RULE_HTTP, .port = 81}, "2001:db8::1"},
		{"http://[2001:db8::1]", 0, {.kind = RULE_HTTP, .port = 80}, "2001:db8::1"},
		{"tcp://db:5432", 8006, {.kind = RULE_TCP, .port = 5432}, "db"},
		{"ssh://nas", 8006, {.kind = RULE_TCP, .port = 22}, "nas"},
		{"rdp://pc", 0, {.kind = RULE_TCP, .port = 3389}, "pc"},
		{"smb://nas", 0, {.kind = RULE_TCP, .port = 445}, "nas"},
		{"unix:/run/a.sock", 0, {.kind = RULE_HTTP, .is_unix = true}, "/run/a.sock"},
		{"unix+tls:/run/a.sock", 0, {.kind = RULE_HTTP, .is_unix = true, .tls = true}, "/run/a.sock"},
		{"http_status:100", 0, {.kind = RULE_STATUS, .status = 100}, ""},
		{"http_status:999", 0, {.kind = RULE_STATUS, .status = 999}, ""},
		{"hello_world", 0, {.kind = RULE_HELLO}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct service s;

		CHECK_INT(service_read(span_str(good[i].text), good[i].given, &s, NULL), 0);
		CHECK(s.kind == good[i].want.kind && s.tls == good[i].want.tls && s.is_unix == good[i].want.is_unix &&
		      s.status == good[i].want.status && s.port == good[i].want.port && span_eq_str(s.host, good[i].host));
	}
}

TEST(presets_and_defaults_are_filled_in)
{
	struct conf_faults faults;

	NEED(load("[connector]\nconnect_timeout = 7s\n"
		  "[ingress p]\nhostname = p.x\nservice = https://10.0.0.1\npreset = proxmox\n"
		  "[ingress h]\nhostname = h.x\nservice = http://10.0.0.2\npreset = home-assistant\nidle = 5s\n"
		  "[ingress m]\nservice = http://10.0.0.3, http://10.0.0.4\nweights = 3, 0\nconnect_timeout = 1s\nforwarded = false\n"
		  "set_header = X-A:  b c \nremove_header = Accept-Encoding, X-B\n", &faults) == 0);
	CHECK_INT(set.rules.epoch, 7);
	CHECK_INT(set.rules.n, 3);
	CHECK_INT(set.way[0].origin[0].at.port, 8006);
	CHECK_INT(set.rules.rule[0].flags, RULE_SECURE);
	CHECK_INT(set.rules.rule[0].idle_ms, 3600000);
	CHECK_INT(set.way[0].connect_ms, 7000);
	CHECK_INT(set.way[0].health_ms, 0);
	CHECK_INT(set.way[1].origin[0].at.port, 8123);
	CHECK_INT(set.rules.rule[1].flags, RULE_QUIET);
	CHECK_INT(set.rules.rule[1].idle_ms, 5000);
	CHECK_INT(set.way[2].n, 2);
	CHECK_INT(set.way[2].origin[0].weight, 3);
	CHECK_INT(set.way[2].origin[1].weight, 0);
	CHECK_INT(set.way[2].connect_ms, 1000);
	CHECK_INT(set.way[2].health_ms, 30000);
	CHECK_INT(set.rules.rule[2].flags, RULE_QUIET);
	{
		struct span rest = set.rules.rule[2].set, name, value;

		CHECK(rule_headers_next(&rest, &name, &value) && span_eq_str(name, "X-A") && span_eq_str(value, "b c") && !rest.n);
		rest = set.rules.rule[2].remove;
		CHECK(rule_headers_next(&rest, &name, &value) && span_eq_str(name, "Accept-Encoding") && value.n == 0);
		CHECK(rule_headers_next(&rest, &name, &value) && span_eq_str(name, "X-B") && rest.n == 0);
	}
	conf_faults_free(&faults);
	drop();
}

/* The edge's half: what was announced is read back and matches the same; where an origin is does not stand in it. */
TEST(what_is_announced_matches_the_same)
{
	static uint8_t bytes[RULES_BYTES];
	struct wr w = wr_of(bytes, sizeof bytes);
	struct conf_faults faults;
	struct rules rules;
	struct ingress *in;
	struct why why = {0};

	NEED(load("[ingress a]\nhostname = *.x.org\npath = ^/a\nservice = https://10.11.12.13:8006\n"
		  "[ingress b]\nservice = http_status:418\n", &faults) == 0);
	rules_write(&w, &set.rules);
	CHECK(!w.full && memmem(bytes, w.n, "10.11", 5) == NULL);
	NEED(rules_read(&rules, wr_span(&w), &mem, &why) == 0);
	NEED(ingress_compile(&in, &rules, &mem, &why) == 0);
	CHECK_INT(rules.epoch, 7);
	CHECK_INT(ingress_match(in, SPAN_LIT("q.x.org"), SPAN_LIT("/a")), 0);
	CHECK_INT(ingress_match(in, SPAN_LIT("q.x.org"), SPAN_LIT("/b")), 1);
	CHECK_INT(ingress_rules(in)->rule[1].status, 418);
	CHECK_INT(ingress_rules(in)->rule[0].flags, RULE_SECURE);
	conf_faults_free(&faults);
	drop();
}

TEST(a_hostile_table_is_refused)
{
	struct rule r[3] = {{.kind = RULE_HELLO, .name = SPAN_LIT("a"), .hostname = SPAN_LIT("A.org")},
			    {.kind = RULE_HELLO, .name = SPAN_LIT("b")}, {.kind = RULE_HELLO, .name = SPAN_LIT("c")}};
	struct rules rules = {1, 2, r};
	struct ingress *in;
	struct why w = {0};

	arena_init(&mem, INGRESS_MEM);
	CHECK_INT(ingress_compile(&in, &rules, &mem, &w), -ZT_E_SYNTAX);
	CHECK(in == NULL && strstr(w.text, "Rule #1: hostname: a hostname is announced in lower case"));
	r[0].hostname = SPAN_NONE;
	CHECK_INT(ingress_compile(&in, &rules, &mem, NULL), -ZT_E_SYNTAX);
	r[0].hostname = SPAN_LIT("a.org");
	r[0].path = SPAN_LIT("(((");
	CHECK_INT(ingress_compile(&in, &rules, &mem, NULL), -ZT_E_SYNTAX);
	r[0].path = SPAN_NONE;
	CHECK_INT(ingress_compile(&in, &rules, &mem, NULL), 0);
	rules.n = 0;
	NEED(ingress_compile(&in, &rules, &mem, NULL) == 0);
	CHECK_INT(ingress_match(in, SPAN_LIT("a.org"), SPAN_LIT("/")), -ZT_E_NOTFOUND);
	drop();
}

/* Each pattern is within its bound; all of them together are not. */
TEST(the_patterns_of_a_table_have_a_bound)
{
	static struct rule r[10];
	struct rules rules = {1, 10, r};
	struct ingress *in;
	struct why w = {0};

	for (size_t i = 0; i < 9; i++)
		r[i] = (struct rule){.kind = RULE_HELLO, .name = SPAN_LIT("a"), .path = SPAN_LIT("a{500}")};
	r[9] = (struct rule){.kind = RULE_HELLO, .name = SPAN_LIT("a")};
	arena_init(&mem, INGRESS_MEM);
	CHECK_INT(ingress_compile(&in, &rules, &mem, &w), -ZT_E_TOOLONG);
	rules.rule = &r[2];
	rules.n = 8;
	CHECK_INT(ingress_compile(&in, &rules, &mem, NULL), 0);
	drop();
}

static int many(const char *kind, const char *keys, const char *tail, unsigned n)
{
	static char text[1 << 20];
	struct conf_faults faults;
	size_t len = 0;
	int rc;

	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "[%s n%u]\n%s = h%u.org\n%s", kind, i,
					strcmp(kind, "grant") == 0 ? "names" : strcmp(kind, "service") == 0 ? "sni" : "hostname", i, keys);
	snprintf(text + len, sizeof text - len, "%s", tail);
	rc = load(text, &faults);
	conf_faults_free(&faults);
	drop();
	return rc;
}

FLOODS(BOUND_INGRESS)
{
	const unsigned cap = BOUND_CAP(BOUND_INGRESS);

	CHECK_INT(many("ingress", "service = hello_world\n", "[ingress last]\nservice = hello_world\n", cap - 1), 0);
	CHECK_INT(many("ingress", "service = hello_world\n", "[ingress last]\nservice = hello_world\n", cap), -ZT_E_CONFIG);
}

FLOODS(BOUND_SERVICES)
{
	CHECK_INT(many("service", "public = unauthenticated\n", "", BOUND_CAP(BOUND_SERVICES)), 0);
	CHECK_INT(many("service", "public = unauthenticated\n", "", BOUND_CAP(BOUND_SERVICES) + 1), -ZT_E_CONFIG);
}

FLOODS(BOUND_GRANTS)
{
	CHECK_INT(many("grant", "connector = c\n", "", BOUND_CAP(BOUND_GRANTS)), 0);
	CHECK_INT(many("grant", "connector = *\n", "", 1), 0);
	CHECK_INT(many("grant", "connector = c\n", "", BOUND_CAP(BOUND_GRANTS) + 1), -ZT_E_CONFIG);
}
