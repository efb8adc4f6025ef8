/* The authority's side of zt-enrol/1: every message in every state, what ca-sign is asked, and that a
 * joiner's own check of the proofs comes out right over what is passed on. */
#include "serve/enrold.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static const uint8_t server[SHA256_LEN] = {0x5e}, serial[16] = {7, 1, 2, 3}, secret[TOKEN_SECRET] = "sixteen bytes!!";
/* The shape is all that the codecs look at: a SEQUENCE. */
static const uint8_t csr[] = {0x30, 3, 2, 1, 5}, cert[] = {0x30, 4, 2, 2, 9, 9}, spki[] = {0x30, 2, 5, 0};

static struct enrold_out o; /* of the last step */

static struct enrold fresh(void)
{
	struct enrold e;

	enrold_init(&e, "192.0.2.7", server);
	return e;
}

static void put(struct enrol *m, enum enrol_field f, struct span s)
{
	m->has[f] = true;
	m->field[f] = s;
}

/* A good message of each type that a joiner sends, into mem. */
static struct span frame(enum enrol_type t, uint8_t *mem, size_t cap)
{
	static const uint8_t bytes[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, role = 2, eight[8] = {0x2a};
	struct enrol m = {.type = t};
	struct wr w = wr_of(mem, cap);

	if (t == ENROL_HELLO) {
		put(&m, ENF_TOKEN, span_of(bytes, 16));
		put(&m, ENF_NONCE, span_of(bytes, 32));
		put(&m, ENF_ROLE, span_of(&role, 1));
		put(&m, ENF_CSR, span_of(csr, sizeof csr));
		put(&m, ENF_LABEL, SPAN_LIT("nas"));
	} else if (t == ENROL_PROOF_J) {
		put(&m, ENF_PROOF, span_of(bytes, 32));
	} else if (t == ENROL_RENEW) {
		put(&m, ENF_CSR, span_of(csr, sizeof csr));
		put(&m, ENF_SIGNATURE, SPAN_LIT("by the old key"));
	} else {
		put(&m, ENF_INSTANCE, span_of(bytes, 16));
		put(&m, ENF_EPOCH, span_of(eight, 8));
		put(&m, ENF_NUMBER, span_of(eight, 8));
	}
	enrol_write(&w, &m);
	CHECK(!w.full);
	return wr_span(&w);
}

static enum enrold_do hear(struct enrold *e, enum enrol_type t)
{
	static uint8_t mem[512]; /* o.ask points into it */
	size_t used;
	struct span in = frame(t, mem, sizeof mem);
	enum enrold_do d = enrold_heard(e, in, &used, &o);

	if (d == ENROLD_WHO) {
		CHECK_INT(used, 0);
		CHECK_INT(enrold_known(e, serial, NULL, &o), ENROLD_MORE);
		d = enrold_heard(e, in, &used, &o);
	}
	if (d == ENROLD_ASK)
		CHECK_INT(used, in.n);
	return d;
}

static enum enrold_do ok(struct enrold *e, const struct casign *m)
{
	CHECK(casign_answers(o.ask.type, m));
	return enrold_answered(e, m, NULL, 3, &o);
}

static enum enrold_do no(struct enrold *e, enum zt_err code, const char *text)
{
	struct why why = {0};

	why_set(&why, code, "%s", text);
	return enrold_answered(e, NULL, &why, 3, &o);
}

static const uint8_t talk[8] = "talk no", nonce_a[32] = {0xa}, proof_a[32] = {0xb}, id[24] = "0123456789abcdef01234567";

static struct casign challenge(void)
{
	struct casign m = {.type = CA_OK};

	casign_put(&m, CAF_TALK, span_of(talk, 8));
	casign_put(&m, CAF_NONCE, span_of(nonce_a, 32));
	casign_put(&m, CAF_PROOF, span_of(proof_a, 32));
	return m;
}

static struct casign granted(bool proof)
{
	struct casign m = {.type = CA_OK};

	casign_put(&m, CAF_CHAIN, span_of(cert, sizeof cert));
	casign_put(&m, CAF_SERIAL, span_of(serial, 16));
	casign_put(&m, CAF_ID, span_of(id, 24));
	casign_put(&m, CAF_REGISTRY, span_of(spki, sizeof spki));
	casign_put(&m, CAF_TRUST, SPAN_LIT("epoch, number, signed"));
	casign_put(&m, CAF_INFRA, span_of(cert, sizeof cert));
	casign_put(&m, CAF_ACME, span_of(cert, sizeof cert));
	if (proof)
		casign_put(&m, CAF_PROOF, span_of(proof_a, 32));
	return m;
}

/* What is to be sent, as the joiner reads it. */
static struct enrol said(void)
{
	static uint8_t mem[ENROL_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct enrol m = {0};

	enrol_write(&w, &o.say);
	CHECK(!w.full);
	CHECK_INT(enrol_read(wr_span(&w), 'a', &m), w.n);
	return m;
}

static void to_state(struct enrold *e, enum enrold_state s)
{
	const struct casign c = challenge(), nothing = {.type = CA_OK};
	static const enum enrol_type first[] = {
		[ENROLD_ENROL] = ENROL_HELLO, [ENROLD_CHALLENGED] = ENROL_HELLO, [ENROLD_PROVE] = ENROL_HELLO,
		[ENROLD_RENEW] = ENROL_RENEW, [ENROLD_FIRST_SEEN] = ENROL_WATCH, [ENROLD_WATCHING] = ENROL_WATCH,
		[ENROLD_SEEN] = ENROL_WATCH,  [ENROLD_OVER] = ENROL_PROOF_J,
	};

	*e = fresh();
	if (s == ENROLD_FIRST)
		return;
	hear(e, first[s]);
	if (s == ENROLD_CHALLENGED || s == ENROLD_PROVE)
		CHECK_INT(ok(e, &c), ENROLD_SAY);
	if (s == ENROLD_PROVE)
		CHECK_INT(hear(e, ENROL_PROOF_J), ENROLD_ASK);
	if (s == ENROLD_WATCHING || s == ENROLD_SEEN)
		CHECK_INT(ok(e, &nothing), ENROLD_WATCH);
	if (s == ENROLD_SEEN)
		CHECK_INT(enrold_beat(e, &o), ENROLD_ASK);
	CHECK_INT(e->state, s);
}

TEST(a_join_asks_what_it_was_told)
{
	struct enrold e = fresh();
	const struct casign c = challenge(), g = granted(true);
	struct enrol m;

	CHECK_INT(hear(&e, ENROL_HELLO), ENROLD_ASK);
	CHECK_INT(o.ask.type, CA_ENROL);
	CHECK(o.ask.has[CAF_TOKEN] && o.ask.field[CAF_TOKEN].p[1] == 2 && e.token[8] == 9 && e.role == 2);
	CHECK(span_eq(o.ask.field[CAF_CSR], span_of(csr, sizeof csr)) && span_eq_str(o.ask.field[CAF_LABEL], "nas"));
	CHECK(span_eq_str(o.ask.field[CAF_PEER], "192.0.2.7") && span_eq(o.ask.field[CAF_SERVER], span_of(server, 32)));
	CHECK_INT(ok(&e, &c), ENROLD_SAY);
	CHECK_INT(e.line, 3);
	m = said();
	CHECK(m.type == ENROL_CHALLENGE && span_eq(m.field[ENF_NONCE], span_of(nonce_a, 32)) &&
	      span_eq(m.field[ENF_PROOF], span_of(proof_a, 32)));
	CHECK_INT(hear(&e, ENROL_PROOF_J), ENROLD_ASK);
	CHECK(o.ask.type == CA_PROVE && span_eq(o.ask.field[CAF_TALK], span_of(talk, 8)) &&
	      o.ask.field[CAF_PROOF].p[3] == 4);
	CHECK_INT(ok(&e, &g), ENROLD_BYE);
	CHECK(said().type == ENROL_GRANTED && e.code == ZT_OK && e.began == ENROL_HELLO);
	CHECK(span_eq(span_of(e.id, 24), span_of(id, 24)));
}

/* ca-sign's proof is over a GRANTED that it never sees: the one made here must be that one. */
TEST(what_is_passed_on_is_what_was_proved)
{
	const struct enrol_talk t = {.role = 2, .token = {1}, .server = {0x5e}};
	struct casign g = granted(true);
	struct enrold e;
	struct enrol theirs = {.type = ENROL_GRANTED}, m;
	uint8_t proof[32], mine[32];

	put(&theirs, ENF_CHAIN, g.field[CAF_CHAIN]);
	put(&theirs, ENF_INFRA, g.field[CAF_INFRA]);
	put(&theirs, ENF_ACME, g.field[CAF_ACME]);
	put(&theirs, ENF_REGISTRY, g.field[CAF_REGISTRY]);
	put(&theirs, ENF_TRUST, g.field[CAF_TRUST]);
	enrol_grant_proof(&t, secret, &theirs, proof);
	casign_put(&g, CAF_PROOF, span_of(proof, 32));
	to_state(&e, ENROLD_PROVE);
	CHECK_INT(ok(&e, &g), ENROLD_BYE);
	m = said();
	enrol_grant_proof(&t, secret, &m, mine);
	CHECK(span_eq(m.field[ENF_PROOF], span_of(mine, 32)));
	CHECK(!m.has[ENF_DEVICE] && m.has[ENF_ACME]);
}

TEST(a_join_may_have_to_wait)
{
	static const uint8_t after[4] = {30};
	struct casign p = {.type = CA_OK};
	struct enrold e;
	struct enrol m;

	casign_put(&p, CAF_PENDING, span_of(after, 4));
	to_state(&e, ENROLD_PROVE);
	CHECK_INT(ok(&e, &p), ENROLD_BYE);
	m = said();
	CHECK(m.type == ENROL_PENDING && enrol_u64(&m, ENF_AFTER) == 30 && e.code == ZT_OK && e.id[0] == 0);
}

TEST(a_renewal_is_of_the_certificate_that_was_shown)
{
	const struct casign g = granted(false);
	struct enrold e = fresh();

	CHECK_INT(hear(&e, ENROL_RENEW), ENROLD_ASK);
	CHECK(o.ask.type == CA_RENEW && span_eq(o.ask.field[CAF_SERIAL], span_of(serial, 16)) &&
	      span_eq(o.ask.field[CAF_CSR], span_of(csr, sizeof csr)) &&
	      span_eq_str(o.ask.field[CAF_SIGNATURE], "by the old key"));
	CHECK_INT(ok(&e, &g), ENROLD_BYE);
	CHECK(said().type == ENROL_GRANTED && !said().has[ENF_PROOF]);
}

TEST(who_has_no_certificate_is_refused)
{
	static const enum enrol_type types[] = {ENROL_RENEW, ENROL_WATCH};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct enrold e = fresh();
		struct why why = {0};
		uint8_t mem[512];
		size_t used = 9;
		struct enrol m;

		CHECK_INT(enrold_heard(&e, frame(types[i], mem, sizeof mem), &used, &o), ENROLD_WHO);
		CHECK_INT(used, 0);
		why_set(&why, ZT_E_DENIED, "show a certificate");
		CHECK_INT(enrold_known(&e, NULL, &why, &o), ENROLD_BYE);
		m = said();
		CHECK(m.type == ENROL_REFUSED && enrol_u64(&m, ENF_CODE) == ZT_E_DENIED &&
		      span_eq_str(m.field[ENF_TEXT], "show a certificate"));
	}
}

TEST(a_watcher_is_asked_about_again_and_again)
{
	const struct casign nothing = {.type = CA_OK};
	struct enrold e;

	to_state(&e, ENROLD_FIRST_SEEN);
	CHECK(o.ask.type == CA_SEEN && span_eq(o.ask.field[CAF_SERIAL], span_of(serial, 16)) && o.ask.field[CAF_INSTANCE].n == 16);
	CHECK(e.epoch == 0x2a && e.number == 0x2a);
	CHECK_INT(ok(&e, &nothing), ENROLD_WATCH);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(enrold_beat(&e, &o), ENROLD_ASK);
		CHECK_INT(o.ask.type, CA_SEEN);
		CHECK_INT(enrold_beat(&e, &o), ENROLD_WATCH); /* it is being asked */
		CHECK_INT(i == 1 ? no(&e, ZT_E_TIMEOUT, "slow") : ok(&e, &nothing), ENROLD_WATCH);
		CHECK_INT(e.state, ENROLD_WATCHING);
	}
	CHECK_INT(enrold_beat(&e, &o), ENROLD_ASK);
	CHECK_INT(no(&e, ZT_E_DENIED, "it is revoked"), ENROLD_BYE);
	CHECK(said().type == ENROL_REFUSED && e.code == ZT_E_DENIED && e.state == ENROLD_OVER);
}

TEST(the_first_question_about_a_watcher_must_be_answered)
{
	struct enrold e;

	to_state(&e, ENROLD_FIRST_SEEN);
	CHECK_INT(no(&e, ZT_E_TIMEOUT, "slow"), ENROLD_BYE);
}

/* Every message in every state: only those of the picture in the header go on. */
TEST(each_message_has_one_place)
{
	static const enum enrol_type types[] = {ENROL_HELLO, ENROL_PROOF_J, ENROL_RENEW, ENROL_WATCH};
	unsigned good = 0;

	for (unsigned s = ENROLD_FIRST; s <= ENROLD_OVER; s++)
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			bool fits = s == ENROLD_FIRST ? types[i] != ENROL_PROOF_J
						      : s == ENROLD_CHALLENGED && types[i] == ENROL_PROOF_J;
			struct enrold e;

			to_state(&e, (enum enrold_state)s);
			if (s == ENROLD_OVER)
				continue; /* its owner has closed */
			CHECK_INT(hear(&e, types[i]), fits ? ENROLD_ASK : ENROLD_BYE);
			CHECK_INT(e.code, fits ? ZT_OK : ZT_E_SYNTAX);
			good += fits;
		}
	CHECK_INT(good, 4);
}

TEST(an_answer_that_nobody_asked_for_ends_it)
{
	const struct casign nothing = {.type = CA_OK};
	struct enrold e = fresh();

	CHECK_INT(enrold_answered(&e, &nothing, NULL, 1, &o), ENROLD_BYE);
	CHECK_INT(e.code, ZT_E_BUG);
}

TEST(garbage_is_refused_in_words)
{
	uint8_t mem[ENROLD_IN + 8] = {0};
	struct wr w = wr_of(mem, sizeof mem);
	struct enrold e = fresh();
	size_t used;

	CHECK_INT(enrold_heard(&e, SPAN_LIT("GET / HTTP/1.1\r\n"), &used, &o), ENROLD_BYE);
	CHECK(said().type == ENROL_REFUSED);
	e = fresh();
	CHECK_INT(enrold_heard(&e, SPAN_LIT("\x10\0\0\0\0\0\0\0"), &used, &o), ENROLD_BYE); /* what only we may say */
	CHECK_INT(e.code, ZT_E_UNKNOWN);
	for (uint32_t over = 0; over < 2; over++) { /* a frame that is just too long is known by its header */
		e = fresh();
		w.n = 0;
		wr_u8(&w, ENROL_HELLO);
		wr_u8(&w, 0);
		wr_le16(&w, 0);
		wr_le32(&w, ENROLD_IN - ENROL_HEADER + over);
		CHECK_INT(enrold_heard(&e, wr_span(&w), &used, &o), over ? ENROLD_BYE : ENROLD_MORE);
		CHECK_INT(e.code, over ? ZT_E_TOOLONG : 0);
	}
}

TEST(every_beginning_of_a_frame_is_waited_for)
{
	uint8_t mem[512];
	struct span all = frame(ENROL_HELLO, mem, sizeof mem);

	for (size_t n = 0; n < all.n; n++) {
		struct enrold e = fresh();
		size_t used = 1;

		CHECK_INT(enrold_heard(&e, span_sub(all, 0, n), &used, &o), ENROLD_MORE);
		CHECK(used == 0 && e.state == ENROLD_FIRST);
	}
}

/* The longest HELLO that there can be fits into what a connection keeps of its peer. */
TEST(the_longest_hello_fits)
{
	static uint8_t big[8192] = {0x30, 0x82, 0x1f, 0xfc}, mem[ENROLD_IN];
	static const uint8_t bytes[64] = "0123456789012345678901234567890123456789012345678901234567890123";
	struct enrol m = {.type = ENROL_HELLO};
	struct wr w = wr_of(mem, sizeof mem);
	struct enrold e = fresh();
	size_t used;

	put(&m, ENF_TOKEN, span_of(bytes, 16));
	put(&m, ENF_NONCE, span_of(bytes, 32));
	put(&m, ENF_ROLE, span_of(bytes, 1));
	put(&m, ENF_CSR, span_of(big, sizeof big));
	put(&m, ENF_LABEL, span_of(bytes, 64));
	enrol_write(&w, &m);
	NEED(!w.full);
	CHECK_INT(enrold_heard(&e, wr_span(&w), &used, &o), ENROLD_ASK);
	CHECK_INT(used, w.n);
}

TEST(a_stranger_reads_no_file_names)
{
	struct enrold e;
	struct enrol m;

	to_state(&e, ENROLD_PROVE);
	CHECK_INT(no(&e, ZT_E_NOSPACE, "/var/lib/zt/ca/registry: the disk is full"), ENROLD_BYE);
	m = said();
	CHECK(enrol_u64(&m, ENF_CODE) == ZT_E_NOSPACE && !memchr(m.field[ENF_TEXT].p, '/', m.field[ENF_TEXT].n));
	CHECK_STR(o.text, "/var/lib/zt/ca/registry: the disk is full"); /* for the log */
	to_state(&e, ENROLD_PROVE);
	CHECK_INT(no(&e, ZT_E_TOKEN, "bad, used or expired token"), ENROLD_BYE);
	CHECK(span_eq_str(said().field[ENF_TEXT], "bad, used or expired token"));
}

TEST(the_head_of_a_list_is_what_the_codec_writes)
{
	uint8_t whole[600], head[ENROLD_LIST_HEAD];
	struct wr w = wr_of(whole, sizeof whole), h = wr_of(head, sizeof head);
	struct enrol m = {.type = ENROL_LIST};

	put(&m, ENF_LIST, span_of(nonce_a, 32));
	enrol_write(&w, &m);
	enrold_list_head(&h, 32);
	CHECK(!w.full && !h.full && h.n == ENROLD_LIST_HEAD && span_eq(wr_span(&h), span_sub(wr_span(&w), 0, h.n)));
	CHECK_INT(w.n, h.n + 32);
}
