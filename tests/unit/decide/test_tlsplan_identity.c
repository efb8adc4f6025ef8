/*
 * What is done with an identity: the plans that its tlsd, its keeper and the role's worker each make for
 * themselves have the same places, and each of them is told what it needs and no more.
 */
#include "tests/unit/unit.h"

#include "base/num.h"
#include "decide/tlsplan.h"

#define PIN "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char rules[] =
	"[ingress plain]\nhostname = plain.test\nservice = http://192.0.2.1:80\nset_header = X-Is: plain\n"
	"[ingress pinned]\nhostname = pinned.test\npath = ^/p\nservice = https://192.0.2.2:8006\npin = " PIN "\nserver_name = nas.test\n"
	"[ingress tcp]\nhostname = ssh.test\nservice = tcp://192.0.2.3:22\n"
	"[ingress two]\nhostname = two.test\nservice = https://192.0.2.4:443, https://192.0.2.5:443\nca = /home.pem\nhealth_path = /ok\n"
	"[ingress any]\nhostname = any.test\nservice = unix+tls:/run/any.sock\ninsecure_any_cert = true\n"
	"[ingress last]\nservice = http_status:404\n";
static const char dials[] = "[connector]\nedge = e.example.org:443, [2001:db8::1]:8443\nhealth =\n";
static const char listens[] = "[edge]\nlisten = 192.0.2.9:443\n"
			      "[host a]\nnames = a.test\ncert = /a.pem\nkey = /a.key\naccess = public\n";

static struct conf *parse(unsigned who, const char *a, const char *b, const char *c)
{
	char text[4096];
	struct conf_faults f;
	struct conf *out = NULL;

	snprintf(text, sizeof text, "%s%s%s", a, b, c);
	conf_faults_init(&f);
	if (conf_parse_for(&out, span_str(text), "t", who, &f) < 0)
		unit_fail(__FILE__, __LINE__, "%s", f.first ? f.first->text : "?");
	conf_faults_free(&f);
	return out;
}

/* The text that a child with these rights is handed. */
static const char *text_for(const struct conf *c, unsigned who)
{
	static char text[8192];
	struct wr w = wr_of(text, sizeof text - 1);

	CHECK_INT(conf_emit(c, who, &w), 0);
	text[w.n] = 0;
	return text;
}

TEST(without_edge_or_connector_only_the_authority_is_met)
{
	struct conf *c = parse(CONF_FOR_ALL, "", "", "");
	static struct tls_plan p;
	const struct tls_client_plan *a = &p.client[TLS_PLAN_AUTHORITY];

	NEED(c);
	tls_plan_of_identity(c, &p);
	CHECK_INT(p.servers, 0);
	NEED(p.clients == 1);
	CHECK_STR(a->alpn, "zt-enrol/1");
	CHECK_STR(a->cert, TLS_ID_CERT);
	CHECK_STR(a->key, TLS_ID_CERT);
	CHECK(!a->resume && a->insecure_any && !tls_plan_asks_authority(a)); /* decide/authority judges it */
	CHECK(!a->may_lack);
	conf_free(c);
}

TEST(rules_without_an_edge_to_dial_are_no_plans)
{
	struct conf *c = parse(CONF_FOR_ALL, rules, "", "");
	static struct tls_plan p;

	NEED(c);
	tls_plan_of_identity(c, &p);
	CHECK_INT(p.clients, 1);
	for (unsigned i = 0; i < 8; i++)
		CHECK_INT(tls_plan_origin(&p, i), -1);
	conf_free(c);
}

static void check_connector(const struct tls_plan *p)
{
	static const int at[] = {-1, 2, -1, 3, 4, -1, -1};
	const struct tls_client_plan *e = &p->client[TLS_PLAN_EDGE];

	CHECK_INT(p->servers, 0);
	NEED(p->clients == 5);
	CHECK_INT(e->roles, 1u << ROLE_EDGE);
	CHECK(e->role_is_name && !e->insecure_any && e->npins == 0 && !e->resume);
	CHECK_STR(e->name, "");
	CHECK_STR(e->ca, TLS_ID_INFRA);
	CHECK_STR(e->cert, TLS_ID_CERT);
	CHECK_STR(e->alpn, "zt-tunnel/1");
	CHECK(tls_plan_asks_authority(e));
	for (unsigned i = 0; i < ARRAY_LEN(at); i++)
		CHECK_INT(tls_plan_origin(p, i), at[i]);
	for (size_t i = TLS_PLAN_EDGE + 1; i < p->clients; i++) {
		CHECK_STR(p->client[i].cert, ""); /* no origin is ever shown the identity */
		CHECK_STR(p->client[i].key, "");
		CHECK_INT(p->client[i].roles, 0);
		CHECK_STR(p->client[i].alpn, "");
	}
	CHECK_STR(p->client[2].id, "pinned");
	CHECK_INT(p->client[2].npins, 1);
	CHECK(p->client[2].pins[0][1] == 0x11 && !p->client[2].insecure_any && !tls_plan_asks_authority(&p->client[2]));
	CHECK_STR(p->client[3].ca, "/home.pem");
	CHECK(p->client[3].npins == 0 && !p->client[3].insecure_any && tls_plan_asks_authority(&p->client[3]));
	CHECK(p->client[4].insecure_any && p->client[4].npins == 0);
}

TEST(each_rule_with_a_tls_origin_has_a_plan_and_everybody_the_same)
{
	static const unsigned who[] = {CONF_FOR_WORKER, CONF_FOR_ID_TLSD};
	struct conf *c = parse(CONF_FOR_ALL, dials, rules, "");
	static struct tls_plan p;

	NEED(c);
	tls_plan_of_identity(c, &p);
	check_connector(&p);
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		struct conf *copy = parse(who[i], text_for(c, who[i]), "", "");

		NEED(copy);
		tls_plan_of_identity(copy, &p);
		check_connector(&p);
		conf_free(copy);
	}
	conf_free(c);
}

/* The keeper goes by the first plan alone, which every configuration has in the same place. */
TEST(the_keeper_meets_the_authority)
{
	struct conf *c = parse(CONF_FOR_ALL, dials, rules, ""), *copy;
	static struct tls_plan p;

	NEED(c);
	copy = parse(CONF_FOR_KEEPER, text_for(c, CONF_FOR_KEEPER), "", "");
	NEED(copy);
	tls_plan_of_identity(copy, &p);
	CHECK_STR(p.client[TLS_PLAN_AUTHORITY].alpn, "zt-enrol/1");
	conf_free(copy);
	conf_free(c);
}

TEST(an_edge_serves_tunnels_to_connectors_alone)
{
	static const unsigned who[] = {CONF_FOR_ALL, CONF_FOR_WORKER, CONF_FOR_ID_TLSD};
	struct conf *c = parse(CONF_FOR_ALL, listens, "", "");
	static struct tls_plan p;

	NEED(c);
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		struct conf *copy = parse(who[i], text_for(c, who[i]), "", "");

		NEED(copy);
		tls_plan_of_identity(copy, &p);
		NEED(p.servers == 1 && p.clients == 1); /* hosts are another trust domain's */
		CHECK_STR(conf_text(p.server[0].alpn, 0), "zt-tunnel/1");
		CHECK_INT(p.server[0].alpn->n, 1);
		CHECK(p.server[0].ask == TLS_ASK_REQUIRED && !p.server[0].resume && p.server[0].any_name);
		CHECK_INT(p.server[0].roles, 1u << ROLE_CONNECTOR);
		CHECK_STR(p.server[0].client_ca, TLS_ID_INFRA);
		CHECK(p.server[0].may_lack && p.client[0].may_lack); /* it runs before it has joined */
		conf_free(copy);
	}
	conf_free(c);
}

TEST(one_file_may_configure_both)
{
	struct conf *c = parse(CONF_FOR_ALL, listens, dials, rules);
	static struct tls_plan p;

	NEED(c);
	tls_plan_of_identity(c, &p);
	CHECK_INT(p.servers, 1);
	CHECK_INT(p.clients, 5);
	CHECK_INT(tls_plan_origin(&p, 3), 3);
	conf_free(c);
}

static void check_told(const struct conf *c, unsigned who, const char *const *has, const char *const *lacks)
{
	const char *text = text_for(c, who);

	for (; *has; has++)
		if (strstr(text, *has) == NULL)
			unit_fail(__FILE__, __LINE__, "who %x is not told %s", who, *has);
	for (; *lacks; lacks++)
		if (strstr(text, *lacks))
			unit_fail(__FILE__, __LINE__, "who %x is told %s", who, *lacks);
}

/* A process that is taken over tells what it was told: so each is told what it works with. */
TEST(each_process_is_told_its_part_of_the_rules)
{
	static const char *const shakes[] = {"[ingress pinned]", "\nservice ", "\npin ", "ca = ", "server_name = ",
					     "insecure_any_cert = ", NULL};
	static const char *const serves[] = {"hostname = ", "path = ", "\nset_header ", "\nhealth_path ", "\nedge ", NULL};
	static const char *const no_requests[] = {"\nhostname", "\npath", "\nset_header", "\nhealth_path", "\nhealth",
						  "\ncert", "\nkey", NULL};
	static const char *const nothing[] = {NULL};
	static const char *const all_of_it[] = {"[ingress", "[connector]", "[grant", NULL};
	static const unsigned others[] = {CONF_FOR_KEEPER, CONF_FOR_TLSD, CONF_FOR_LOGD, CONF_FOR_CA_SIGN, CONF_FOR_CA_FRONT,
					  CONF_FOR_CA_TLSD};
	struct conf *c = parse(CONF_FOR_ALL, dials, rules, "[log]\nlevel = info\n");

	NEED(c);
	check_told(c, CONF_FOR_ID_TLSD, shakes, no_requests);
	check_told(c, CONF_FOR_WORKER, shakes, nothing);
	check_told(c, CONF_FOR_WORKER, serves, nothing);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		check_told(c, others[i], nothing, all_of_it);
	conf_free(c);
}

TEST(who_holds_a_configuration_keeps_it_whoever_lets_go)
{
	struct conf *c = parse(CONF_FOR_ALL, dials, rules, ""), *a, *b;

	NEED(c);
	a = conf_hold(c);
	b = conf_hold(a);
	CHECK(a == c && b == c);
	conf_free(c);
	CHECK_STR(conf_first_ingress(a)->named.name, "plain");
	conf_free(b);
	CHECK_STR(conf_to(&a->connector.edge, 1)->host, "2001:db8::1");
	CHECK_INT(conf_to(&a->connector.edge, 1)->port, 8443);
	conf_free(a); /* the last: a sanitizer would see it stay, or be used above */
}
