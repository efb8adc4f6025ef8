/* The joiner against an authority that the test plays: the way it should go, and every answer that an
 * authority, or somebody in its place, could give instead. */
#include "serve/enrolee.h"
#include "tests/unit/decide/grant_kit.h"

static struct gk g;
static const uint8_t server_key[32] = {7};

struct talk {
	struct token token;
	struct enrolee e;
	struct enrol said, heard;         /* the joiner's last; what came out of it */
	struct enrol_talk seen;           /* as the authority sees it */
	uint8_t mem[ENROL_MAX], out[ENROL_MAX], nonce[32], proof[ENROL_PROOF];
	struct why why;
};

static const struct span csr = {(const uint8_t *)"\x30\x03\x02\x01\x05", 5};

/* The joiner said hello, and the authority has read it. */
static void hello(struct talk *t)
{
	struct wr w = wr_of(t->out, sizeof t->out);

	*t = (struct talk){.token = {.role = ROLE_CONNECTOR, .id = {1, 2, 3}, .secret = {9, 8, 7}}};
	t->e = (struct enrolee){.kind = ENROLEE_JOIN, .token = &t->token, .csr = csr, .label = SPAN_LIT("nas"),
				.asked = gk_asked(&g, ROLE_CONNECTOR)};
	enrolee_begin(&t->e, server_key, &w);
	CHECK(!w.full);
	CHECK_INT(enrol_read(wr_span(&w), 'j', &t->said), w.n);
	CHECK(t->said.type == ENROL_HELLO);
	t->seen = (struct enrol_talk){.role = t->said.field[ENF_ROLE].p[0]};
	memcpy(t->seen.token, t->said.field[ENF_TOKEN].p, TOKEN_ID);
	memcpy(t->seen.nonce_j, t->said.field[ENF_NONCE].p, 32);
	memset(t->seen.nonce_a, 0x77, 32);
	memcpy(t->seen.server, server_key, 32);
	sha256(t->said.field[ENF_CSR], t->seen.csr);
}

/* One frame of the authority to the joiner. */
static enum enrolee_event tell(struct talk *t, const struct enrol *m)
{
	struct wr w = wr_of(t->mem, sizeof t->mem), out = wr_of(t->out, sizeof t->out);
	enum enrolee_event ev;
	size_t used;

	enrol_write(&w, m);
	CHECK(!w.full);
	t->why = (struct why){0};
	for (size_t n = 0; n < w.n; n += 1 + w.n / 50) { /* cut anywhere it waits for the rest */
		CHECK_INT(enrolee_take(&t->e, span_of(t->mem, n), &used, &out, &t->heard, &t->why), ENROLEE_MORE);
		CHECK(used == 0 && out.n == 0);
	}
	ev = enrolee_take(&t->e, wr_span(&w), &used, &out, &t->heard, &t->why);
	CHECK_INT(used, w.n);
	CHECK((ev == ENROLEE_FAILED) == (t->why.text[0] != 0));
	CHECK((ev == ENROLEE_SAY) == (out.n > 0));
	if (ev == ENROLEE_SAY)
		CHECK_INT(enrol_read(wr_span(&out), 'j', &t->said), out.n);
	return ev;
}

static struct enrol challenge(struct talk *t)
{
	struct enrol m = {.type = ENROL_CHALLENGE};

	memcpy(t->nonce, t->seen.nonce_a, 32);
	enrol_proof(&t->seen, t->token.secret, ENROL_BY_AUTHORITY, t->proof);
	gk_put(&m, ENF_NONCE, span_of(t->nonce, 32));
	gk_put(&m, ENF_PROOF, span_of(t->proof, 32));
	return m;
}

static struct enrol grant(struct talk *t)
{
	struct enrol m = gk_grant(&g, ROLE_CONNECTOR);

	enrol_grant_proof(&t->seen, t->token.secret, &m, t->proof);
	gk_put(&m, ENF_PROOF, span_of(t->proof, 32));
	return m;
}

static void says(const struct talk *t, enum zt_err err, const char *text)
{
	if (t->why.err != err || strstr(t->why.text, text) == NULL)
		unit_fail(__FILE__, __LINE__, "%d \"%s\" does not say \"%s\"", (int)t->why.err, t->why.text, text);
}

TEST(a_join_as_it_should_go)
{
	struct talk t;
	struct enrol m;
	uint8_t want[ENROL_PROOF];

	gk_make(&g);
	hello(&t);
	CHECK(span_eq(t.said.field[ENF_TOKEN], span_of(t.token.id, TOKEN_ID)) && t.seen.role == ROLE_CONNECTOR);
	CHECK(span_eq(t.said.field[ENF_CSR], csr) && span_eq_str(t.said.field[ENF_LABEL], "nas"));
	m = challenge(&t);
	CHECK_INT(tell(&t, &m), ENROLEE_SAY);
	CHECK(t.said.type == ENROL_PROOF_J);
	enrol_proof(&t.seen, t.token.secret, ENROL_BY_JOINER, want);
	CHECK(span_eq(t.said.field[ENF_PROOF], span_of(want, 32)));
	m = grant(&t);
	CHECK_INT(tell(&t, &m), ENROLEE_GRANTED);
	CHECK(span_eq(t.heard.field[ENF_CHAIN], m.field[ENF_CHAIN]));
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED); /* it is over */
}

TEST(two_joins_have_two_nonces)
{
	struct talk a, b;

	gk_make(&g);
	hello(&a);
	hello(&b);
	CHECK(!ct_eq(a.seen.nonce_j, b.seen.nonce_j, 32));
}

/* The server, whoever it is, has to prove first: each thing that it may not know or have seen otherwise. */
TEST(nothing_is_proved_to_who_proves_nothing)
{
	struct talk t;
	struct enrol m;

	gk_make(&g);
	for (int wrong = 0; wrong < 8; wrong++) {
		hello(&t);
		switch (wrong) {
		case 0: t.seen.server[0] ^= 1; break; /* a man in the middle with a key of his own */
		case 1: t.seen.csr[31] ^= 1; break;   /* with a request of his own */
		case 2: t.seen.nonce_j[5] ^= 1; break;/* an old challenge again */
		case 3: t.seen.role = ROLE_EDGE; break;
		case 4: t.seen.token[0] ^= 1; break;
		default: break;
		}
		t.token.secret[0] ^= wrong == 5;      /* another secret */
		m = challenge(&t);
		t.token.secret[0] ^= wrong == 5;
		if (wrong == 6)
			enrol_proof(&t.seen, t.token.secret, ENROL_BY_JOINER, t.proof); /* the other way round */
		if (wrong == 7)
			t.proof[31] ^= 0x80;
		CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
		says(&t, ZT_E_TOKEN, "could not prove that it knows this token");
		CHECK(!t.e.refused);
		/* and it has nothing more to say, whatever comes */
		m = challenge(&t);
		CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	}
}

TEST(a_grant_without_its_proof_is_not_taken)
{
	struct talk t;
	struct enrol m;

	gk_make(&g);
	for (int wrong = 0; wrong < 5; wrong++) {
		hello(&t);
		m = challenge(&t);
		CHECK_INT(tell(&t, &m), ENROLEE_SAY);
		m = grant(&t);
		if (wrong == 0)
			m.has[ENF_PROOF] = false;
		if (wrong == 1)
			t.proof[0] ^= 1;
		if (wrong == 2) /* another infra anchor beside it: an authority that nobody knows */
			m.field[ENF_DEVICE] = g.other.cert.der;
		if (wrong == 3)
			m.has[ENF_ACME] = false;
		if (wrong == 4)
			m.field[ENF_REGISTRY] = g.server.spki;
		CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
		says(&t, ZT_E_DENIED, "is not proved to come from the authority");
	}
}

TEST(a_grant_of_something_else_is_not_taken_though_it_is_proved)
{
	struct talk t;
	struct enrol m;

	gk_make(&g);
	hello(&t);
	m = challenge(&t);
	CHECK_INT(tell(&t, &m), ENROLEE_SAY);
	m = gk_grant(&g, ROLE_CLIENT);
	enrol_grant_proof(&t.seen, t.token.secret, &m, t.proof);
	gk_put(&m, ENF_PROOF, span_of(t.proof, 32));
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	says(&t, ZT_E_DENIED, "of another role");
}

TEST(pending_and_refused)
{
	static const uint8_t after[] = {5, 0, 0, 0}, zero[4], long_time[] = {0xff, 0xff, 0xff, 0xff};
	static const uint8_t used[] = {ZT_E_TOKEN, 0}, strange[] = {0xe7, 0x03}, ok[] = {0, 0};
	struct talk t;
	struct enrol m;

	gk_make(&g);
	hello(&t);
	m = challenge(&t);
	tell(&t, &m);
	m = (struct enrol){.type = ENROL_PENDING};
	gk_put(&m, ENF_AFTER, span_of(after, 4));
	CHECK_INT(tell(&t, &m), ENROLEE_PENDING);
	CHECK_INT(enrolee_after(&t.heard), 5);
	m.field[ENF_AFTER] = span_of(zero, 4);
	CHECK_INT(enrolee_after(&m), 1);
	m.field[ENF_AFTER] = span_of(long_time, 4);
	CHECK_INT(enrolee_after(&m), 60);
	hello(&t); /* refused at once, or at any later time */
	m = (struct enrol){.type = ENROL_REFUSED};
	gk_put(&m, ENF_CODE, span_of(used, 2));
	gk_put(&m, ENF_TEXT, SPAN_LIT("used up \x1b[31m \xc3\xa4\n"));
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	says(&t, ZT_E_TOKEN, "the authority refused: used up ?[31m ???");
	CHECK(t.e.refused);
	hello(&t);
	m.has[ENF_TEXT] = false;
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	says(&t, ZT_E_TOKEN, err_text(ZT_E_TOKEN));
	for (int i = 0; i < 2; i++) { /* a code that only a later version knows; and one that is none */
		hello(&t);
		m.field[ENF_CODE] = span_of(i ? ok : strange, 2);
		CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
		says(&t, ZT_E_DENIED, "the authority refused");
	}
}

/* Every type the authority has, in every state where it has no place. */
TEST(what_has_no_place_ends_it)
{
	static const uint8_t four[4] = {1};
	struct enrol all[5];
	struct talk t;

	gk_make(&g);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (int state = 0; state < 4; state++) {
			struct enrol m;

			hello(&t);
			all[0] = challenge(&t);
			if (state == 1)
				CHECK_INT(tell(&t, &all[0]), ENROLEE_SAY);
			if (state >= 2) {
				struct wr w = wr_of(t.out, sizeof t.out);

				t.e.kind = state == 2 ? ENROLEE_RENEW : ENROLEE_WATCH;
				enrolee_begin(&t.e, server_key, &w);
			}
			all[0] = challenge(&t);
			all[1] = grant(&t);
			all[2] = (struct enrol){.type = ENROL_PENDING};
			gk_put(&all[2], ENF_AFTER, span_of(four, 4));
			all[3] = (struct enrol){.type = ENROL_LIST};
			gk_put(&all[3], ENF_LIST, SPAN_LIT("list"));
			all[4] = (struct enrol){.type = ENROL_ANCHORS};
			gk_put(&all[4], ENF_INFRA, g.anchor[ANCHOR_INFRA].cert.der);
			gk_put(&all[4], ENF_TRUST, SPAN_LIT("it does not come to this"));
			if ((state == 0 && i == 0) || (state == 1 && (i == 1 || i == 2)) || (state == 2 && i == 1) ||
			    (state == 3 && i >= 3))
				continue;
			m = all[i];
			CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
			says(&t, ZT_E_DENIED, "no place here");
		}
}

TEST(what_is_no_frame_ends_it)
{
	struct wr out;
	struct talk t;
	struct enrol m;
	size_t used;

	gk_make(&g);
	hello(&t);
	out = wr_of(t.out, sizeof t.out);
	CHECK_INT(enrolee_take(&t.e, SPAN_LIT("HTTP/1.1 400 Bad Request\r\n"), &used, &out, &m, &t.why), ENROLEE_FAILED);
	says(&t, ZT_E_DENIED, "does not speak zt-enrol/1");
	CHECK(used == 0 && out.n == 0);
}

TEST(a_renewal_needs_no_proof_but_the_right_certificate)
{
	struct talk t;
	struct wr w;
	struct enrol m;

	gk_make(&g);
	t = (struct talk){.e = {.kind = ENROLEE_RENEW, .csr = csr, .signature = SPAN_LIT("sig"), .asked = gk_asked(&g, ROLE_EDGE)}};
	t.e.asked.registry = g.registry.spki;
	w = wr_of(t.out, sizeof t.out);
	enrolee_begin(&t.e, server_key, &w);
	CHECK(enrol_read(wr_span(&w), 'j', &t.said) > 0 && t.said.type == ENROL_RENEW && span_eq(t.said.field[ENF_CSR], csr) &&
	      span_eq_str(t.said.field[ENF_SIGNATURE], "sig"));
	m = gk_grant(&g, ROLE_EDGE);
	CHECK_INT(tell(&t, &m), ENROLEE_GRANTED);
	w = wr_of(t.out, sizeof t.out);
	enrolee_begin(&t.e, server_key, &w);
	m.field[ENF_REGISTRY] = g.server.spki; /* the pinned key never changes this way */
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	says(&t, ZT_E_DENIED, "another than the pinned one");
}

TEST(a_watch_goes_on)
{
	struct talk t;
	struct wr w;
	struct enrol m = {.type = ENROL_LIST};

	gk_make(&g);
	t = (struct talk){.e = {.kind = ENROLEE_WATCH, .instance = {5}, .epoch = 3, .number = 0x0102030405060708,
				.asked = gk_asked(&g, ROLE_EDGE)}};
	t.e.asked.registry = g.registry.spki;
	w = wr_of(t.out, sizeof t.out);
	enrolee_begin(&t.e, server_key, &w);
	CHECK(enrol_read(wr_span(&w), 'j', &t.said) > 0 && t.said.type == ENROL_WATCH);
	CHECK(enrol_u64(&t.said, ENF_EPOCH) == 3 && enrol_u64(&t.said, ENF_NUMBER) == 0x0102030405060708);
	CHECK(t.said.field[ENF_INSTANCE].p[0] == 5);
	gk_put(&m, ENF_LIST, SPAN_LIT("anything"));
	for (int i = 0; i < 3; i++)
		CHECK_INT(tell(&t, &m), ENROLEE_LIST);
	m = (struct enrol){.type = ENROL_ANCHORS};
	gk_put(&m, ENF_INFRA, g.anchor[ANCHOR_INFRA].cert.der);
	gk_sign(&g, &m);
	CHECK_INT(tell(&t, &m), ENROLEE_ANCHORS);
	CHECK(t.e.state == ENROLEE_WATCHES && enrolee_room(&t.e) == ENROL_LIST_MAX);
	m.field[ENF_INFRA] = g.other.cert.der;
	CHECK_INT(tell(&t, &m), ENROLEE_FAILED);
	says(&t, ZT_E_DENIED, "none of its infra anchors");
}
