/*
 * tls, roles: who shows a certificate of another role is refused with the alert and in words, by a
 * listener and by a dialer; a reload does not change what a handshake was begun with.
 */
#include "io/cas.h"
#include "tests/unit/decide/rolekit.h"
#include "tlsconn_kit.h"
#include "wire/pem.h"

static struct peer peer;
static struct conn conn;
static struct der_file shown;
static struct authority infra, infra2, device, acme, stranger;

/* A certificate for the key that every peer of these tests has. */
static void show(enum cert_role role, const struct cert_issuer *by, const struct signer *s)
{
	static struct issued i;
	struct x509 c;

	der_load(&shown, "server-ec");
	NEED(x509_read(&c, span_of(shown.der, shown.n), NULL) == 0);
	issue_for(&i, role, by, s, c.spki);
	shown.n = i.cert.der.n;
	memcpy(shown.der, i.cert.der.p, shown.n);
	for (size_t k = 0; k < ARRAY_LEN(shown.chain); k++)
		shown.chain[k] = (br_x509_certificate){shown.der, shown.n};
}

static void show_of(enum cert_role role, const struct authority *a)
{
	show(role, &a->by, &a->signer);
}

static struct cas *cas_made(const struct authority *const *a, size_t n)
{
	static char text[8192];
	struct wr w = wr_of(text, sizeof text);
	struct cas *c = NULL;

	for (size_t i = 0; i < n; i++)
		pem_write(&w, "CERTIFICATE", a[i]->cert.der);
	CHECK_INT(cas_new(&c, wr_span(&w), "cas.pem", NULL), 0);
	return c;
}

static struct cas *cas_of(const struct authority *a)
{
	return cas_made(&a, 1);
}

static void open_all(void)
{
	kit_open();
	authority_make(&infra, ANCHOR_INFRA);
	authority_make(&infra2, ANCHOR_INFRA);
	authority_make(&device, ANCHOR_DEVICE);
	authority_make(&acme, ANCHOR_ACME);
	authority_make(&stranger, ANCHOR_INFRA);
}

/* The plan is this test's: what it holds goes with it. */
static void close_all(void)
{
	kit_drop(&conn, &peer);
	cas_drop_plan(&kit_plan);
	kit_close();
}

static void demand(unsigned roles, struct cas *cas)
{
	kit_plan.server[0].ask = kit_fake.serve.ask = TLS_ASK_REQUIRED;
	kit_plan.server[0].roles = roles;
	cas_drop(kit_plan.server[0].cas);
	kit_plan.server[0].cas = cas;
}

static void begin(void)
{
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example", .cert = &shown});
	CHECK_INT(kit_accept(&conn, &peer), 0);
}

static void finish(void)
{
	kit_run(&conn, &peer);
	if (!conn.opened) /* the client may see its end of it first */
		kit_run(&conn, &peer);
}

static void come(void)
{
	begin();
	finish();
}

static void expect(enum tls_fault f, unsigned alert, const char *words)
{
	if (conn.fault != f || conn.opened != (f == TLSF_NONE) || (words && strstr(conn.words, words) == NULL))
		unit_fail(__FILE__, __LINE__, "%s: %s", tls_fault_name(conn.fault), conn.words);
	if (alert)
		CHECK_INT(br_ssl_engine_last_error(peer.side.eng), BR_ERR_RECV_FATAL_ALERT + (int)alert);
}

TEST(a_client_of_another_role_is_refused_in_words)
{
	open_all();
	demand(BIT(ROLE_CONNECTOR), cas_of(&infra));
	show_of(ROLE_CONNECTOR, &infra);
	come();
	expect(TLSF_NONE, 0, NULL);
	CHECK(conn.opened && strcmp(conn.tls.peer->id, ROLEKIT_ID) == 0);
	kit_drop(&conn, &peer);
	show_of(ROLE_CLIENT, &infra);
	come();
	expect(TLSF_CERT_USE, 43, "it shows the role client and connector is wanted (" ROLEKIT_ID ")");
	kit_drop(&conn, &peer);
	show_of(ROLE_EDGE, &infra);
	come();
	expect(TLSF_CERT_USE, 43, "its extended key usage is for something else");
	kit_drop(&conn, &peer);
	show_of(ROLE_DEVICE, &device);
	come();
	expect(TLSF_CERT_USE, 43, "it shows the role device of the authority ");
	kit_drop(&conn, &peer);
	der_load(&shown, "client");
	come();
	expect(TLSF_CERT_USE, 43, "it shows no role of zt, and connector is wanted (alice)");
	close_all();
}

/* tlsd would have seen that no chain leads there; this one does not. */
TEST(who_copies_a_name_has_no_role_by_it)
{
	struct cert_issuer liar;

	open_all();
	demand(BIT(ROLE_CLIENT), cas_of(&infra));
	liar = stranger.by;
	memcpy(liar.ca_id, infra.by.ca_id, sizeof liar.ca_id);
	show(ROLE_CLIENT, &liar, &stranger.signer);
	come();
	expect(TLSF_CERT_USE, 43, "the authority that its name names did not sign it");
	close_all();
}

TEST(several_roles_and_several_authorities)
{
	const struct authority *const both[] = {&infra2, &infra};

	open_all();
	demand(BIT(ROLE_CONNECTOR) | BIT(ROLE_CLIENT), cas_made(both, 2));
	for (unsigned i = 0; i < 2; i++) {
		show_of(ROLE_CONNECTOR, both[i]);
		come();
		expect(TLSF_NONE, 0, NULL);
		kit_drop(&conn, &peer);
		show_of(ROLE_CLIENT, both[i]);
		come();
		expect(TLSF_NONE, 0, NULL);
		kit_drop(&conn, &peer);
	}
	show_of(ROLE_CLIENT, &stranger);
	come();
	expect(TLSF_CERT_USE, 43, "which may give none here, and connector or client is wanted");
	close_all();
}

TEST(without_authorities_nobody_has_a_role)
{
	open_all();
	demand(BIT(ROLE_CLIENT), NULL);
	show_of(ROLE_CLIENT, &infra);
	come();
	expect(TLSF_CERT_USE, 43, "which may give none here");
	close_all();
}

TEST(who_need_not_show_one_has_no_role_to_be_wrong)
{
	open_all();
	demand(BIT(ROLE_CLIENT), cas_of(&infra));
	kit_plan.server[0].ask = kit_fake.serve.ask = TLS_ASK_OPTIONAL;
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	finish();
	expect(TLSF_NONE, 0, NULL);
	kit_drop(&conn, &peer);
	show_of(ROLE_CONNECTOR, &infra); /* but a wrong one is not better than none */
	come();
	expect(TLSF_CERT_USE, 43, NULL);
	close_all();
}

/* An edge renews at its authority, whose plan alone takes it; that one's role is asked for behind TLS. */
TEST(an_edge_may_show_itself_where_members_do)
{
	open_all();
	demand(0, NULL);
	kit_plan.server[0].members = true;
	show_of(ROLE_EDGE, &infra);
	come();
	expect(TLSF_NONE, 0, NULL);
	CHECK(conn.opened && strcmp(conn.tls.peer->id, ROLEKIT_ID) == 0);
	kit_drop(&conn, &peer);
	show_of(ROLE_CLIENT, &infra);
	come();
	expect(TLSF_NONE, 0, NULL);
	kit_drop(&conn, &peer);
	kit_plan.server[0].members = false;
	show_of(ROLE_EDGE, &infra);
	come();
	expect(TLSF_CERT_USE, 43, "its extended key usage is for something else");
	close_all();
	kit_plan.server[0].members = false;
}

/* ---- dialers ----------------------------------------------------------------------------- */

static const struct addr home = {.family = 4, .ip = {127, 0, 0, 1}, .port = 443};

static void dial(const struct tls_connect *req)
{
	memset(&peer, 0, sizeof peer);
	side_serve(&peer.side, &(struct side_opts){.cert = &shown});
	CHECK_INT(kit_connect(&conn, &peer, req), 0);
	kit_run(&conn, &peer);
}

static void want(enum cert_role role, struct cas *cas, const char *name, bool alone)
{
	struct tls_client_plan *p = &kit_plan.client[0];

	cas_drop(p->cas);
	p->name = name;
	p->roles = BIT(role);
	p->cas = cas;
	p->role_is_name = alone;
}

TEST(a_server_of_another_role_is_refused_in_words)
{
	open_all();
	want(ROLE_EDGE, cas_of(&infra), "", true);
	show_of(ROLE_EDGE, &infra);
	dial(&(struct tls_connect){.ip = &home}); /* it is at no address in particular */
	expect(TLSF_NONE, 0, NULL);
	kit_drop(&conn, &peer);
	show_of(ROLE_CONNECTOR, &infra);
	dial(&(struct tls_connect){.ip = &home});
	expect(TLSF_CERT_USE, 43, "it shows the role connector and edge is wanted");
	kit_drop(&conn, &peer);
	show_of(ROLE_REGISTRY, &infra);
	dial(&(struct tls_connect){0});
	expect(TLSF_CERT_USE, 43, "it shows the role registry and edge is wanted");
	kit_drop(&conn, &peer);
	show_of(ROLE_SERVICE, &acme);
	dial(&(struct tls_connect){0});
	expect(TLSF_CERT_USE, 43, "it shows the role service of the authority ");
	close_all();
}

TEST(a_role_beside_a_name_replaces_it_nowhere)
{
	open_all();
	want(ROLE_SERVICE, cas_of(&acme), "nas.home.arpa", false);
	show_of(ROLE_SERVICE, &acme);
	dial(&(struct tls_connect){0});
	expect(TLSF_NONE, 0, NULL);
	kit_drop(&conn, &peer);
	want(ROLE_SERVICE, cas_of(&acme), "printer.home.arpa", false);
	dial(&(struct tls_connect){0});
	expect(TLSF_CERT_NAME, 42, NULL);
	kit_drop(&conn, &peer);
	want(ROLE_SERVICE, cas_of(&acme), "", false);
	dial(&(struct tls_connect){0}); /* nobody in particular is nobody */
	expect(TLSF_CERT_NAME, 42, NULL);
	kit_drop(&conn, &peer);
	dial(&(struct tls_connect){.ip = &home});
	expect(TLSF_CERT_NAME, 42, NULL);
	kit_drop(&conn, &peer);
	kit_plan.client[0].role_is_name = true; /* and a role that nobody demands is no name */
	kit_plan.client[0].roles = 0;
	dial(&(struct tls_connect){0});
	expect(TLSF_CERT_NAME, 42, NULL);
	close_all();
}

/* ---- reloads ----------------------------------------------------------------------------- */

/* tlsd has it when the plan changes and the old one's authorities are let go: it ends by what it was
 * begun with, and the next one by the new plan. */
TEST(a_handshake_ends_by_the_roles_it_was_begun_with)
{
	static struct tls_plan next;

	open_all();
	demand(BIT(ROLE_CLIENT), cas_of(&infra));
	show_of(ROLE_CLIENT, &infra);
	begin();
	for (unsigned i = 0; i < 100 && kit_fake.heard[TLSMSG_ACCEPT] == 0; i++) {
		peer_step(&peer);
		fake_step(&kit_fake);
		loop_turn(kit_loop, 0);
	}
	NEED(kit_fake.heard[TLSMSG_ACCEPT] == 1 && !conn.opened);
	next = kit_plan;
	next.server[0].roles = BIT(ROLE_CONNECTOR);
	next.server[0].cas = cas_of(&infra2);
	tls_world_plan(kit_world, &next, 2);
	cas_drop_plan(&kit_plan);
	finish();
	expect(TLSF_NONE, 0, NULL);
	kit_drop(&conn, &peer);
	cas_drop_plan(&next);
	close_all();
}
