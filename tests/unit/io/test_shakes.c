/* A worker talks to tlsd in packets, honestly and not, over plans of a configuration. */
#include "shakes_kit.h"

#include "wire/record.h"

static struct world w;

struct visit {
	const char *name, *alpn; /* what the client says */
	uint16_t plan;
	bool cert, empty_behind; /* shows its certificate; and one of no bytes behind it */
	br_ssl_session_parameters *session; /* offered when it has an id, and filled */
};

/* A client comes to this plan; what it was told in the end. */
static struct tlsmsg visit(struct shakes *s, const struct visit *v)
{
	static struct peer p;
	static uint8_t hello[TLSMSG_RECORDS];
	struct cred *c = v->cert ? kit_cred(&w.client, NULL) : NULL;
	struct tlsmsg m = {.type = TLSMSG_ACCEPT, .id = TLSMSG_ID(7, 1)}, last;

	if (c && v->empty_behind)
		c->chain[c->n++] = (br_x509_certificate){NULL, 0};
	peer_client(&p, &w.web);
	if (c)
		peer_show(&p, c);
	p.alpn[0] = v->alpn;
	if (v->alpn)
		br_ssl_engine_set_protocol_names(&p.eng, p.alpn, 1);
	if (v->session)
		br_ssl_engine_set_session_parameters(&p.eng, v->session);
	peer_go_client(&p, v->name, v->session && v->session->session_id_len);
	m.accept = (struct tlsmsg_accept){
		.plan = v->plan, .name = span_str(v->name), .alpn = span_str(v->alpn),
		.records = span_of(hello, peer_take(&p, hello, sizeof hello)),
	};
	worker_shake(s, &m, &p, &last);
	CHECK_INT(last.id, m.id);
	if (v->session)
		br_ssl_engine_get_session_parameters(&p.eng, v->session);
	cred_free(c);
	return last;
}

TEST(a_client_is_served)
{
	struct shakes *s;
	struct tlsmsg m;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	m = visit(s, &(struct visit){.name = "a.example", .alpn = "http/1.1"});
	NEED(m.type == TLSMSG_DONE);
	CHECK(span_eq_str(m.done.name, "a.example") && span_eq_str(m.done.alpn, "http/1.1"));
	CHECK(suite_aead(m.done.suite) != AEAD_NONE && m.done.chain_n == 0 && !m.done.resumed);
	CHECK(m.done.in.seq == 1 && m.done.out.seq == 1);
	m = visit(s, &(struct visit){.name = "x.w.example"});
	CHECK_INT(m.type, TLSMSG_DONE);
	m = visit(s, &(struct visit){.name = NULL}); /* the default host */
	CHECK_INT(m.type, TLSMSG_DONE);
	m = visit(s, &(struct visit){.name = "m.example", .plan = PLAN_ASK, .cert = true});
	NEED(m.type == TLSMSG_DONE);
	CHECK(m.done.chain_n == 1 && span_eq(m.done.chain[0], w.client.cert));
	m = visit(s, &(struct visit){.name = "m.example", .plan = PLAN_ASK});
	NEED(m.type == TLSMSG_FAIL);
	CHECK_INT(m.fail.fault, TLSF_NO_CERT);
	m = visit(s, &(struct visit){.name = "o.example", .plan = PLAN_MAY});
	CHECK_INT(m.type, TLSMSG_DONE);
	CHECK_INT(shakes_running(s), 0);
	CHECK_INT(shakes_stats(s).accepted, 6);
	CHECK_INT(shakes_stats(s).failed, 1);
	shakes_free(s);
	world_close(&w);
}

/* BearSSL looks at nothing behind the certificate that an anchor signed: a client that is let in
 * must not end the process that holds the keys with what it puts there. */
TEST(an_empty_certificate_behind_a_good_one_is_refused)
{
	struct shakes *s;
	struct tlsmsg m;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	m = visit(s, &(struct visit){.name = "m.example", .plan = PLAN_ASK, .cert = true, .empty_behind = true});
	NEED(m.type == TLSMSG_FAIL);
	CHECK_STR(tls_fault_name(m.fail.fault), "cert-malformed");
	m = visit(s, &(struct visit){.name = "o.example", .plan = PLAN_MAY, .cert = true, .empty_behind = true});
	CHECK_INT(m.type, TLSMSG_FAIL);
	CHECK_INT(shakes_running(s), 0);
	shakes_free(s);
	world_close(&w);
}

/* ---- T-01, through plans and messages ------------------------------------------------------ */

/* A session made by `home` and offered to `away`. */
static bool enters(const struct visit *home, const struct visit *away)
{
	struct shakes *s = world_line(&w);
	br_ssl_session_parameters kept = {0};
	struct visit v = *home;
	struct tlsmsg m;

	v.session = &kept;
	m = visit(s, &v);
	if (m.type != TLSMSG_DONE || m.done.resumed || kept.session_id_len != 32)
		unit_fail(__FILE__, __LINE__, "no session was made");
	v = *away;
	v.session = &kept;
	m = visit(s, &v);
	if (m.type != TLSMSG_DONE)
		unit_fail(__FILE__, __LINE__, "the second visit failed: %s", tls_fault_name(m.fail.fault));
	CHECK_INT(m.done.chain_n, away->cert && away->plan != PLAN_WEB && away->plan != PLAN_TUNNEL);
	shakes_free(s);
	return m.done.resumed;
}

TEST(T01_a_session_made_without_a_certificate_enters_nowhere_else)
{
	const struct visit web = {.name = "a.example"}, ask = {.name = "m.example", .plan = PLAN_ASK, .cert = true},
			   may = {.name = "o.example", .plan = PLAN_MAY, .cert = true},
			   sub = {.name = "x.w.example"}, alpn = {.name = "a.example", .alpn = "http/1.1"},
			   once = {.name = "n.example", .plan = PLAN_ONCE},
			   tunnel = {.name = "t.example", .alpn = "zt-tunnel/1", .plan = PLAN_TUNNEL};
	NEED(world_open(&w, shakes_conf));
	CHECK(enters(&web, &web));
	CHECK(enters(&alpn, &alpn));
	CHECK(enters(&sub, &sub));
	CHECK(!enters(&web, &ask));
	CHECK(!enters(&web, &may));
	CHECK(!enters(&ask, &ask));
	CHECK(!enters(&may, &may));
	CHECK(!enters(&ask, &web));
	CHECK(!enters(&web, &sub)); /* the same plan, another name */
	CHECK(!enters(&web, &alpn));
	CHECK(!enters(&once, &once));
	CHECK(!enters(&tunnel, &tunnel));
	world_close(&w);
}

TEST(T01_not_in_another_epoch_nor_after_an_hour)
{
	br_ssl_session_parameters kept = {0};
	struct visit v = {.name = "a.example", .session = &kept};
	struct shakes *s;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	CHECK(!visit(s, &v).done.resumed);
	CHECK(visit(s, &v).done.resumed);
	shakes_free(s);
	w.epoch = 2;
	s = world_line(&w);
	CHECK(!visit(s, &v).done.resumed);
	CHECK(visit(s, &v).done.resumed);
	clock_fake_step(&w.fake, SESSION_LIFE_S * NS_PER_S);
	CHECK(!visit(s, &v).done.resumed);
	shakes_free(s);
	world_close(&w);
}

/* ---- as a client --------------------------------------------------------------------------- */

static struct tlsmsg dial(struct shakes *s, struct cred *server, br_ssl_session_cache_lru *lru, const char *name,
			  bool want_chain, uint8_t session)
{
	static struct peer p;
	uint8_t key[TLS_SESSION] = {session};
	struct tlsmsg m = {.type = TLSMSG_CONNECT, .id = TLSMSG_ID(3, 9)}, last;

	peer_server(&p, server);
	br_ssl_server_set_cache(&p.server, &lru->vtable);
	if (!br_ssl_server_reset(&p.server))
		unit_fail(__FILE__, __LINE__, "no server");
	m.connect = (struct tlsmsg_connect){
		.name = span_str(name), .want_chain = want_chain, .session = session ? span_of(key, sizeof key) : SPAN_NONE};
	worker_shake(s, &m, &p, &last);
	return last;
}

TEST(a_server_is_met_again)
{
	struct x509 leaf;
	uint8_t pin[32];
	static uint8_t store[4096];
	br_ssl_session_cache_lru lru;
	struct shakes *s;
	struct cred *c;
	struct tlsmsg m;

	NEED(world_open(&w, shakes_conf));
	br_ssl_session_cache_lru_init(&lru, store, sizeof store);
	s = world_line(&w);
	c = kit_cred(&w.web, &w.inter);
	m = dial(s, c, &lru, "a.example", false, 1);
	NEED(m.type == TLSMSG_DONE);
	CHECK(!m.done.resumed && m.done.chain_n == 1 && span_eq(m.done.chain[0], w.web.cert));
	m = dial(s, c, &lru, "a.example", true, 1);
	CHECK(m.type == TLSMSG_DONE && m.done.resumed && m.done.chain_n == 1 && span_eq(m.done.chain[0], w.web.cert));
	m = dial(s, c, &lru, "a.example", true, 2); /* another key */
	CHECK(m.type == TLSMSG_DONE && !m.done.resumed && m.done.chain_n == 2 && span_eq(m.done.chain[1], w.inter.cert));
	m = dial(s, c, &lru, "a.example", false, 0); /* none */
	CHECK(m.type == TLSMSG_DONE && !m.done.resumed);
	m = dial(s, c, &lru, "b.example", false, 1); /* another name under the same key */
	CHECK(m.type == TLSMSG_FAIL && m.fail.fault == TLSF_CERT_NAME);
	NEED(x509_read(&leaf, w.web.cert, NULL) == 0);
	x509_pin(&leaf, pin);
	CHECK(m.fail.has_pin && memcmp(m.fail.pin, pin, sizeof pin) == 0); /* whoever wants to can trust that key */
	cred_free(c);
	shakes_free(s);
	world_close(&w);
}

/* ---- workers that lie ---------------------------------------------------------------------- */

static enum tls_fault lie(struct shakes *s, const char *hello_name, const char *hello_alpn, struct tlsmsg_accept a)
{
	static struct peer p;
	static uint8_t hello[TLSMSG_RECORDS], mem[TLSMSG_MAX];
	struct tlsmsg m = {.type = TLSMSG_ACCEPT, .id = TLSMSG_ID(1, 1)}, last = {0};

	peer_client(&p, &w.web);
	p.alpn[0] = hello_alpn;
	if (hello_alpn)
		br_ssl_engine_set_protocol_names(&p.eng, p.alpn, 1);
	peer_go_client(&p, hello_name, false);
	a.records = span_of(hello, peer_take(&p, hello, sizeof hello));
	m.accept = a;
	CHECK_INT(worker_say(s, &m), 0);
	CHECK(worker_pump(s, &p, &last, mem));
	CHECK_INT(last.type, TLSMSG_FAIL);
	CHECK_INT(shakes_running(s), 0);
	return last.type == TLSMSG_FAIL ? last.fail.fault : TLSF_NONE;
}

#define FAULT(got, want) CHECK_STR(tls_fault_name(got), tls_fault_name(want))

TEST(a_worker_cannot_choose_other_rules_than_the_hello_asks_for)
{
	struct shakes *s;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	FAULT(lie(s, "m.example", NULL, (struct tlsmsg_accept){PLAN_WEB, SPAN_LIT("m.example"), SPAN_NONE, SPAN_NONE}),
	      TLSF_DISAGREE);
	FAULT(lie(s, "m.example", NULL, (struct tlsmsg_accept){PLAN_WEB, SPAN_LIT("a.example"), SPAN_NONE, SPAN_NONE}),
	      TLSF_DISAGREE);
	FAULT(lie(s, "m.example", NULL, (struct tlsmsg_accept){PLAN_WEB, SPAN_NONE, SPAN_NONE, SPAN_NONE}), TLSF_DISAGREE);
	FAULT(lie(s, "a.example", NULL, (struct tlsmsg_accept){PLAN_WEB, SPAN_LIT("a.example"), SPAN_LIT("http/1.1"),
							       SPAN_NONE}), TLSF_DISAGREE);
	FAULT(lie(s, "a.example", "zt-tunnel/1", (struct tlsmsg_accept){PLAN_WEB, SPAN_LIT("a.example"),
								       SPAN_LIT("zt-tunnel/1"), SPAN_NONE}), TLSF_DISAGREE);
	FAULT(lie(s, "t.example", NULL, (struct tlsmsg_accept){PLAN_TUNNEL, SPAN_LIT("t.example"), SPAN_NONE, SPAN_NONE}),
	      TLSF_DISAGREE);
	FAULT(lie(s, "a.example", NULL, (struct tlsmsg_accept){5, SPAN_LIT("a.example"), SPAN_NONE, SPAN_NONE}),
	      TLSF_NO_PLAN);
	FAULT(lie(s, "a.example", NULL, (struct tlsmsg_accept){0xffff, SPAN_LIT("a.example"), SPAN_NONE, SPAN_NONE}),
	      TLSF_NO_PLAN);
	shakes_free(s);
	world_close(&w);
}

static int begin(struct shakes *s, uint32_t id)
{
	return worker_say(s, &(struct tlsmsg){
		.type = TLSMSG_CONNECT, .id = id, .connect = {.name = SPAN_LIT("a.example")}});
}

static void drop_answers(struct shakes *s)
{
	static uint8_t mem[TLSMSG_MAX];
	struct tlsmsg m;

	while (worker_hear(s, &m, mem))
		continue;
}

TEST(slots_and_generations)
{
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
	static uint8_t mem[TLSMSG_MAX];
	struct shakes *s;
	struct tlsmsg m;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	CHECK_INT(begin(s, TLSMSG_ID(4, 1)), 0);
	drop_answers(s);
	CHECK_INT(shakes_running(s), 1);
	CHECK_INT(begin(s, TLSMSG_ID(4, 2)), -ZT_E_RANGE); /* the slot is taken */
	m = (struct tlsmsg){.type = TLSMSG_RECORDS_IN, .id = TLSMSG_ID(4, 2), .records = span_of(alert, sizeof alert)};
	CHECK_INT(worker_say(s, &m), 0); /* for one that is not alive: nothing happens */
	CHECK(shakes_answer(s).n == 0);
	CHECK_INT(shakes_stats(s).stray, 1);
	m.id = TLSMSG_ID(4, 1);
	CHECK_INT(worker_say(s, &m), 0);
	NEED(worker_hear(s, &m, mem));
	CHECK(m.type == TLSMSG_FAIL && m.fail.fault == TLSF_ALERT && m.fail.alert == 40);
	CHECK_INT(shakes_running(s), 0);
	CHECK_INT(begin(s, TLSMSG_ID(4, 2)), 0);
	drop_answers(s);
	CHECK_INT(worker_say(s, &(struct tlsmsg){.type = TLSMSG_CANCEL, .id = TLSMSG_ID(4, 2)}), 0);
	CHECK(shakes_answer(s).n == 0 && shakes_running(s) == 0);
	CHECK_INT(w.bounds.row[BOUND_TLS_ENGINES].used, 0);
	CHECK_INT(worker_say(s, &(struct tlsmsg){.type = TLSMSG_CANCEL, .id = TLSMSG_ID(4, 2)}), 0);
	CHECK_INT(shakes_stats(s).cancelled, 1);
	shakes_free(s);
	world_close(&w);
}

TEST(what_no_worker_says)
{
	static const struct tlsmsg from_tlsd = {.type = TLSMSG_FAIL, .id = 1};
	struct shakes *s;
	size_t cap;
	uint8_t *room;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	CHECK(worker_say(s, &from_tlsd) < 0);
	room = shakes_room(s, &cap);
	memcpy(room, (uint8_t[]){TLSMSG_CANCEL, 0, 0, 0, 0, 2, 0, 0}, TLSMSG_HEADER); /* slot 512 of 512 */
	CHECK(shakes_took(s, TLSMSG_HEADER) < 0);
	memset(room, 0xff, 100);
	CHECK(shakes_took(s, 100) < 0);
	CHECK(shakes_took(s, 0) < 0);
	CHECK(shakes_took(s, cap) < 0);
	shakes_free(s);
	world_close(&w);
}

TEST(a_line_that_ends_takes_its_handshakes_along)
{
	struct shakes *s;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	for (uint32_t i = 0; i < 20; i++) {
		CHECK_INT(begin(s, TLSMSG_ID(i, 1)), 0);
		drop_answers(s);
	}
	CHECK_INT(w.bounds.row[BOUND_TLS_ENGINES].used, 20);
	CHECK_INT(begin(s, TLSMSG_ID(20, 1)), 0); /* and with an answer that nobody took */
	shakes_free(s);
	world_close(&w); /* counts the engines */
}

TEST(full_means_try_again)
{
	static uint8_t mem[TLSMSG_MAX];
	struct shakes *s;
	struct tlsmsg m;

	NEED(world_open(&w, shakes_conf));
	bounds_set(&w.bounds, BOUND_TLS_ENGINES, 3);
	s = world_line(&w);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_INT(begin(s, TLSMSG_ID(i, 1)), 0);
		drop_answers(s);
	}
	CHECK_INT(begin(s, TLSMSG_ID(3, 1)), 0);
	NEED(worker_hear(s, &m, mem));
	CHECK(m.type == TLSMSG_FAIL && m.fail.fault == TLSF_BUSY);
	CHECK_INT(shakes_running(s), 3);
	shakes_free(s);
	world_close(&w);
}

/* Keys are gone from the answer once it was sent, and from everything when the line ends. */
TEST(a_sent_answer_is_erased)
{
	static const uint8_t none[64];
	struct shakes *s;
	struct span a;

	NEED(world_open(&w, shakes_conf));
	s = world_line(&w);
	CHECK_INT(begin(s, TLSMSG_ID(0, 1)), 0);
	a = shakes_answer(s);
	NEED(a.n > sizeof none && !ct_eq(a.p, none, sizeof none));
	shakes_sent(s);
	CHECK(ct_eq(a.p, none, sizeof none));
	shakes_free(s);
	world_close(&w);
}

/* ---- the keyring ---------------------------------------------------------------------------- */

static void refused(const char *conf, const char *words)
{
	static uint8_t mem[65536];
	struct wr b = wr_of(mem, sizeof mem);
	struct conf_faults faults;
	struct conf *c = NULL;
	struct keyring *k = NULL;
	struct why why = {0};

	conf_faults_init(&faults);
	world_bundle(&w, &b);
	bundle_add(&b, SPAN_LIT("/junk.pem"), SPAN_LIT("junk"));
	NEED(conf_parse_for(&c, span_str(conf), "test", CONF_FOR_TLSD, &faults) == 0);
	CHECK(keyring_new(&k, c, wr_span(&b), &why) < 0);
	if (!strstr(why.text, words))
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", why.text, words);
	conf_free(c);
	conf_faults_free(&faults);
}

/* A hundred origins do not read the authorities of the system a hundred times. */
TEST(plans_that_name_the_same_files_share_what_is_in_them)
{
	static const struct tls_client_plan rows[] = {
		{.id = "a", .ca = "/ca.pem", .cert = "", .key = "", .pass = ""},
		{.id = "b", .ca = "/ca.pem", .cert = "/client.pem", .key = "/client.key", .pass = ""},
		{.id = "c", .ca = "system", .cert = "/client.pem", .key = "/client.key", .pass = ""},
		{.id = "d", .ca = "system", .cert = "", .key = "", .pass = ""},
		{.id = "e", .ca = "/ca.pem", .cert = "", .key = "", .pass = "", .npins = 1},
		{.id = "f", .ca = "/ca.pem", .cert = "/web.pem", .key = "/web.key", .pass = ""},
		{.id = "g", .ca = "", .cert = "", .key = "", .pass = ""},
	};
	static uint8_t mem[65536], pem[4096];
	struct wr b = wr_of(mem, sizeof mem), text = wr_of(pem, sizeof pem);
	static struct tls_plan plan;
	struct keyring *k = NULL;
	struct why why = {0};

	NEED(world_open(&w, shakes_conf));
	world_bundle(&w, &b);
	kit_pem(&text, &w.ca);
	bundle_add(&b, SPAN_LIT("system"), wr_span(&text));
	for (size_t i = 0; i + 1 < ARRAY_LEN(rows); i++)
		CHECK_INT(tls_plan_add(&plan, &rows[i]), i);
	NEED(keyring_of_plan(&k, &plan, wr_span(&b), &why) == 0);
	CHECK(k->trust[0] && k->trust[0] == k->trust[1] && k->trust[0] == k->trust[5]);
	CHECK(k->trust[2] && k->trust[2] == k->trust[3] && k->trust[2] != k->trust[0]);
	CHECK(k->trust[4] == NULL); /* its pin decides */
	CHECK(k->client[0] == NULL && k->client[3] == NULL && k->client[1] && k->client[1] == k->client[2]);
	CHECK(k->client[5] && k->client[5] != k->client[1]);
	keyring_free(k);

	tls_plan_add(&plan, &rows[6]);
	CHECK(keyring_of_plan(&k, &plan, wr_span(&b), &why) < 0); /* what is shared is freed once here too */
	CHECK(strstr(why.text, "[g]: no authority is named") != NULL);
	world_close(&w);
}

TEST(a_reload_is_told_which_file_is_wrong)
{
	NEED(world_open(&w, shakes_conf));
	refused("[host a]\nnames = a\ncert = /junk.pem\nkey = /web.key\n", "/junk.pem: there is no certificate in it");
	refused("[host a]\nnames = a\ncert = /web.pem\nkey = /junk.pem\n", "/junk.pem: ");
	refused("[host a]\nnames = a\ncert = /web.pem\nkey = /client.key\n",
		"/client.key: this is not the key of the first certificate in /web.pem");
	refused("[host a]\nnames = a\ncert = /web.pem\nkey = /web.key\nclient_cert = required\nclient_ca = /junk.pem\n",
		"/junk.pem: ");
	refused("[host a]\nnames = a\ncert = /gone.pem\nkey = /web.key\n", "/gone.pem: ");
	refused("[relay]\nconnect = tls\nconnect_ca = /junk.pem\n", "/junk.pem: ");
	world_close(&w);
}
