/*
 * From configuration to plan: what the worker and tlsd make of the same configuration has the
 * same places, and only tlsd is told of files.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/num.h"
#include "decide/tlsplan.h"

static const char both_hosts[] =
	"[host web]\nnames = www.example.org, *.example.org\ncert = /web.pem\nkey = /web.key\nkey_pass_file = /web.pass\n"
	"alpn = h2, http/1.1\n"
	"[host mtls]\nnames = m.example.org\ndefault = true\ncert = /m.pem\nkey = /m.key\nclient_cert = required\n"
	"client_ca = /ca.pem\nclient_role = client, connector\n"
	"[host tunnel]\nnames = t.example.org\ncert = /t.pem\nkey = /t.key\nalpn = http/1.1, zt-tunnel/1\n"
	"[host off]\nnames = o.example.org\ncert = /o.pem\nkey = /o.key\nresume = false\n"
	"[relay]\nlisten = 127.0.0.1:1\nto = Nas.example.org:8443\naccept = tls\nconnect = tls\nconnect_ca = /far.pem\n"
	"connect_cert = /me.pem\nconnect_key = /me.key\nconnect_key_pass_file = /me.pass\nconnect_alpn = h2\n"
	"connect_pin = sha256:00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n";

static struct conf *parse(const char *text, unsigned who)
{
	struct conf_faults f;
	struct conf *c = NULL;

	conf_faults_init(&f);
	if (conf_parse_for(&c, span_str(text), "t", who, &f) < 0)
		unit_fail(__FILE__, __LINE__, "%s", f.first ? f.first->text : "?");
	conf_faults_free(&f);
	return c;
}

/* What a child with these rights gets, as it gets it. */
static struct conf *handed_over(const struct conf *c, unsigned who, char *text, size_t cap)
{
	struct wr w = wr_of(text, cap - 1);

	CHECK_INT(conf_emit(c, who, &w), 0);
	text[w.n] = 0;
	return parse(text, who);
}

TEST(every_host_is_a_plan_in_its_place)
{
	struct conf *c = parse(both_hosts, CONF_FOR_ALL);
	static struct tls_plan p;

	NEED(c);
	tls_plan_of(c, &p);
	NEED(p.servers == 4);
	CHECK_STR(p.server[0].id, "web");
	CHECK_INT(p.server[0].names->n, 2);
	CHECK_STR(conf_text(p.server[0].names, 1), "*.example.org");
	CHECK_STR(conf_text(p.server[0].alpn, 0), "h2");
	CHECK_STR(p.server[0].cert, "/web.pem");
	CHECK_STR(p.server[0].key, "/web.key");
	CHECK_STR(p.server[0].pass, "/web.pass");
	CHECK(p.server[0].ask == TLS_ASK_NO && p.server[0].resume && !p.server[0].no_name);
	CHECK_STR(p.server[1].id, "mtls");
	CHECK(p.server[1].ask == TLS_ASK_REQUIRED && p.server[1].no_name);
	CHECK_STR(p.server[1].client_ca, "/ca.pem");
	CHECK_INT(p.server[1].roles, 1u << ROLE_CLIENT | 1u << ROLE_CONNECTOR);
	CHECK(p.server[0].roles == 0 && p.server[1].cas == NULL);
	CHECK_STR(p.server[1].pass, "");
	conf_free(c);
}

TEST(nothing_is_resumed_where_a_certificate_counts)
{
	struct conf *c = parse(both_hosts, CONF_FOR_ALL);
	static struct tls_plan p;

	NEED(c);
	tls_plan_of(c, &p);
	CHECK(p.server[0].resume);
	CHECK(!p.server[1].resume); /* it asks for one; resume = true is the default */
	CHECK(!p.server[2].resume); /* one of its protocols is zt's */
	CHECK(!p.server[3].resume); /* nobody wants it */
	conf_free(c);
}

TEST(the_far_side_is_one_plan)
{
	static const uint8_t pin[32] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
					0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
					0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	struct conf *c = parse(both_hosts, CONF_FOR_ALL);
	static struct tls_plan p;

	NEED(c);
	tls_plan_of(c, &p);
	NEED(p.clients == 1);
	CHECK_STR(p.client[0].name, "nas.example.org");
	CHECK_STR(p.client[0].ca, "/far.pem");
	CHECK_STR(p.client[0].cert, "/me.pem");
	CHECK_STR(p.client[0].key, "/me.key");
	CHECK_STR(p.client[0].pass, "/me.pass");
	CHECK_STR(p.client[0].alpn, "h2");
	CHECK_INT(p.client[0].npins, 1);
	CHECK(memcmp(p.client[0].pins[0], pin, 32) == 0);
	CHECK(!p.client[0].insecure_any);
	conf_free(c);
}

static void check_far(const char *keys, size_t clients, const char *name)
{
	static struct tls_plan p;
	char text[300];
	struct conf *c;

	snprintf(text, sizeof text, "[relay]\n%s", keys);
	c = parse(text, CONF_FOR_ALL);
	NEED(c);
	tls_plan_of(c, &p);
	CHECK_INT(p.clients, clients);
	CHECK_INT(p.servers, 0);
	if (clients)
		CHECK_STR(p.client[0].name, name);
	conf_free(c);
}

TEST(the_far_side_has_the_name_that_is_meant)
{
	check_far("to = a.example.org:1\n", 0, "");
	check_far("to = a.example.org:1\nconnect = tls\n", 1, "a.example.org");
	check_far("to = 192.0.2.1:1\nconnect = tls\n", 1, ""); /* then the address must be in it */
	check_far("to = [2001:db8::1]:1\nconnect = tls\n", 1, "");
	check_far("to = 192.0.2.1:1\nconnect = tls\nconnect_name = b.example.org\n", 1, "b.example.org");
	check_far("to = a.example.org:1\nconnect = tls\nconnect_name = b.example.org\n", 1, "b.example.org");
	check_far("connect = tls\n", 1, "");
}

/* zt's own ends are known by their role; everything else by its name, with a role or without. */
TEST(a_role_may_stand_for_a_name)
{
	static const struct {
		const char *keys, *name;
		unsigned roles;
		bool alone;
	} rows[] = {
		{"", "a.example.org", 0, false},
		{"connect_role = any\n", "a.example.org", 0, false},
		{"connect_role = edge\n", "", 1u << ROLE_EDGE, true},
		{"connect_role = connector\n", "", 1u << ROLE_CONNECTOR, true},
		{"connect_role = edge\nconnect_name = b.example.org\n", "b.example.org", 1u << ROLE_EDGE, false},
		{"connect_role = service\n", "a.example.org", 1u << ROLE_SERVICE, false},
		{"connect_role = device\n", "a.example.org", 1u << ROLE_DEVICE, false},
	};
	static struct tls_plan p;
	char text[300];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *c;

		snprintf(text, sizeof text, "[relay]\nto = a.example.org:1\nconnect = tls\nconnect_ca = /ca\n%s", rows[i].keys);
		c = parse(text, CONF_FOR_ALL);
		NEED(c);
		tls_plan_of(c, &p);
		CHECK_STR(p.client[0].name, rows[i].name);
		CHECK_INT(p.client[0].roles, rows[i].roles);
		CHECK_INT(p.client[0].role_is_name, rows[i].alone);
		conf_free(c);
	}
}

TEST(worker_and_tlsd_make_the_same_of_it_and_only_one_knows_the_files)
{
	static struct tls_plan worker, tlsd;
	static char text[2][8192];
	struct conf *c = parse(both_hosts, CONF_FOR_ALL), *w, *t;

	NEED(c);
	w = handed_over(c, CONF_FOR_WORKER, text[0], sizeof text[0]);
	t = handed_over(c, CONF_FOR_TLSD, text[1], sizeof text[1]);
	NEED(w && t);
	tls_plan_of(w, &worker);
	tls_plan_of(t, &tlsd);
	NEED(worker.servers == 4 && tlsd.servers == 4 && worker.clients == 1 && tlsd.clients == 1);
	for (size_t i = 0; i < 4; i++) {
		const struct tls_server_plan *a = &worker.server[i], *b = &tlsd.server[i];

		CHECK_STR(a->id, b->id);
		CHECK(a->ask == b->ask && a->resume == b->resume && a->no_name == b->no_name);
		NEED(a->names->n == b->names->n && a->alpn->n == b->alpn->n);
		for (size_t k = 0; k < a->names->n; k++)
			CHECK_STR(conf_text(a->names, k), conf_text(b->names, k));
		for (size_t k = 0; k < a->alpn->n; k++)
			CHECK_STR(conf_text(a->alpn, k), conf_text(b->alpn, k));
		CHECK(a->cert[0] == 0 && a->key[0] == 0 && a->pass[0] == 0);
		CHECK_STR(a->client_ca, b->client_ca); /* whom to trust is no secret, and roles are checked by it */
		CHECK_INT(a->roles, b->roles);
		CHECK(b->cert[0] && b->key[0]);
	}
	CHECK_STR(worker.client[0].name, tlsd.client[0].name);
	CHECK_STR(worker.client[0].alpn, tlsd.client[0].alpn);
	CHECK_INT(worker.client[0].npins, tlsd.client[0].npins);
	CHECK(worker.client[0].key[0] == 0 && tlsd.client[0].key[0]);
	CHECK(strstr(text[0], "/m") == NULL && strstr(text[0], ".pass") == NULL); /* no path of ours */
	CHECK(strstr(text[1], "listen") == NULL && strstr(text[1], "handshakes") == NULL);
	conf_free(w);
	conf_free(t);
	conf_free(c);
}

TEST(pins_are_read_strictly)
{
	static const char good[] = "sha256:0123456789abcdefABCDEF00112233445566778899aabbccddeeff0011223344";
	uint8_t pin[32];

	CHECK_INT(tls_pin_read(span_str(good), pin), 0);
	CHECK(pin[0] == 0x01 && pin[8] == 0xab && pin[31] == 0x44);
	for (size_t n = 0; n < sizeof good - 1; n++)
		CHECK_INT(tls_pin_read(span_of(good, n), pin), -ZT_E_SYNTAX);
	CHECK_INT(tls_pin_read(SPAN_LIT("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"), pin),
		  -ZT_E_SYNTAX);
	CHECK_INT(tls_pin_read(SPAN_LIT("SHA256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), pin),
		  -ZT_E_SYNTAX);
	CHECK_INT(tls_pin_read(SPAN_LIT("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"), pin),
		  -ZT_E_SYNTAX);
}

FLOODS(BOUND_HOSTS)
{
	size_t cap = 256 * 1024;
	char *text = malloc(cap);
	struct wr w;
	struct conf_faults f;
	static struct tls_plan p;
	struct conf *c;

	NEED(text);
	for (unsigned n = BOUND_CAP(BOUND_HOSTS); n <= BOUND_CAP(BOUND_HOSTS) + 1; n++) {
		w = wr_of(text, cap);
		for (unsigned i = 0; i < n; i++)
			wr_fmt(&w, "[host h%u]\nnames = n%u.example.org\ncert = /c%u\nkey = /k%u\n", i, i, i, i);
		CHECK(!w.full);
		conf_faults_init(&f);
		CHECK_INT(conf_parse_text(&c, wr_span(&w), "many", &f), n > BOUND_CAP(BOUND_HOSTS) ? -ZT_E_CONFIG : 0);
		CHECK_INT(f.faults, n > BOUND_CAP(BOUND_HOSTS));
		if (f.first)
			CHECK(strstr(f.first->text, "257 sections [host NAME], at most 256 are allowed") != NULL);
		if (c) {
			tls_plan_of(c, &p);
			CHECK_INT(p.servers, BOUND_CAP(BOUND_HOSTS));
			CHECK_STR(p.server[255].id, "h255");
		}
		conf_faults_free(&f);
		conf_free(c);
	}
	free(text);
}

FLOODS(BOUND_TLS_CLIENTS)
{
	static struct tls_plan p;

	p.clients = 0;
	for (int i = 0; i < (int)BOUND_CAP(BOUND_TLS_CLIENTS); i++)
		CHECK_INT(tls_plan_add(&p, &(struct tls_client_plan){.id = i == 77 ? "that one" : "x"}), i);
	CHECK_INT(tls_plan_add(&p, &(struct tls_client_plan){.id = "one more"}), -ZT_E_FULL);
	CHECK_INT(p.clients, BOUND_CAP(BOUND_TLS_CLIENTS));
	CHECK_STR(p.client[77].id, "that one");
}

/* ---- the authority -------------------------------------------------------------------------------- */

static const char all_roles[] =
	"[ca]\nlisten = 127.0.0.1:9443\nhttp_listen = 127.0.0.1:9080\n"
	"[host web]\nnames = www.example.org\ncert = /web.pem\nkey = /web.key\n"
	"[relay]\nlisten = 127.0.0.1:1\nto = nas.example.org:8443\naccept = tls\nconnect = tls\n";

/* The one plan, and what is in it. */
static void is_of_the_authority(const struct tls_plan *p)
{
	NEED(p->servers == 1 && p->clients == 0);
	CHECK(p->server[0].any_name && p->server[0].members && p->server[0].no_name && !p->server[0].resume);
	CHECK(p->server[0].ask == TLS_ASK_OPTIONAL);
	CHECK_STR(p->server[0].cert, "serve.pem");
	CHECK_STR(p->server[0].key, "serve.pem");
	CHECK_STR(p->server[0].client_ca, "infra.pem");
	NEED(p->server[0].alpn->n == 2);
	CHECK_STR(conf_text(p->server[0].alpn, 0), "zt-enrol/1");
	CHECK_STR(conf_text(p->server[0].alpn, 1), "http/1.1");
	CHECK_INT(p->server[0].names->n, 0);
}

/* One file configures everything; each role's processes make of it what is theirs. */
TEST(one_file_serves_the_authority_and_a_relay)
{
	static const unsigned ours[] = {CONF_FOR_CA_FRONT, CONF_FOR_CA_TLSD}, theirs[] = {CONF_FOR_WORKER, CONF_FOR_TLSD};
	struct conf *c = parse(all_roles, CONF_FOR_ALL), *k;
	static struct tls_plan p;
	static char text[8192];

	NEED(c);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		k = handed_over(c, ours[i], text, sizeof text);
		NEED(k);
		tls_plan_of(k, &p);
		is_of_the_authority(&p);
		conf_free(k);
	}
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
		k = handed_over(c, theirs[i], text, sizeof text);
		NEED(k);
		tls_plan_of(k, &p);
		CHECK(p.servers == 1 && p.clients == 1 && !p.server[0].any_name && !p.server[0].members);
		CHECK_STR(p.server[0].id, "web");
		conf_free(k);
	}
	k = handed_over(c, CONF_FOR_CA_SIGN, text, sizeof text);
	NEED(k);
	CHECK(k->ca.listen.n == 0 && k->hosts.n == 0);
	conf_free(k);
	conf_free(c);
}

TEST(without_listen_there_is_no_authority)
{
	struct conf *c = parse("[ca]\nreach = ca.example.org:9443\n", CONF_FOR_ALL);
	static struct tls_plan p;

	NEED(c);
	tls_plan_of(c, &p);
	CHECK_INT(p.servers, 0);
	conf_free(c);
}
