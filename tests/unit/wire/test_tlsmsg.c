/* What worker and tlsd say: the documented bytes, every message there and back. What is refused: test_tlsmsg_bad.c. */
#include "tests/unit/wire/tlsmsg_kit.h"

/* Any numbers do, as long as they are the same each time. */
static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

TEST(the_bytes_are_as_documented)
{
	static const uint8_t accept[] = {1, 0, 0, 0, 3, 0, 9, 0, 7, 0, 3, 'a', '.', 'b', 1, 'h',
					 22, 3, 3, 0, 2, 0xaa, 0xbb};
	static const uint8_t connect[] = {2, 0, 0, 0, 3, 0, 9, 0, 1, 0, 1, 1, 'n', 0, 0};
	static const uint8_t fail[13 + 32] = {18, 0, 0, 0, 3, 0, 9, 0, TLSF_ALERT, 40, 0x28, 1, 32, 1, 2};
	static const uint8_t cancel[] = {4, 0, 0, 0, 3, 0, 9, 0};
	struct tlsmsg m;

	m = sample(TLSMSG_ACCEPT);
	CHECK(span_eq(written(&m), span_of(accept, sizeof accept)));
	m = sample(TLSMSG_CONNECT);
	CHECK(span_eq(written(&m), span_of(connect, sizeof connect)));
	m = sample(TLSMSG_FAIL);
	CHECK(span_eq(written(&m), span_of(fail, sizeof fail)));
	m = sample(TLSMSG_CANCEL);
	CHECK(span_eq(written(&m), span_of(cancel, sizeof cancel)));
}

TEST(the_bytes_of_done_are_as_documented)
{
	struct tlsmsg m = sample(TLSMSG_DONE);
	struct span s;
	struct rd r;

	memset(m.done.in.key, 0x11, 32);
	memset(m.done.in.iv, 0x22, 12);
	m.done.in.seq = 1;
	memset(m.done.out.key, 0x33, 32);
	memset(m.done.out.iv, 0x44, 12);
	m.done.out.seq = 0x0102030405060708;
	m.done.name = SPAN_LIT("n");
	s = written(&m);
	r = rd_of(span_sub(s, TLSMSG_HEADER, s.n));
	CHECK_INT(rd_le16(&r), 0xc02b);
	CHECK_INT(rd_u8(&r), 1);
	CHECK_INT(rd_u8(&r), TLSF_CERT_CA);
	CHECK_INT(rd_bytes(&r, 32).p[31], 0x11);
	CHECK_INT(rd_bytes(&r, 12).p[11], 0x22);
	CHECK(rd_le64(&r) == 1);
	CHECK_INT(rd_bytes(&r, 32).p[31], 0x33);
	CHECK_INT(rd_bytes(&r, 12).p[11], 0x44);
	CHECK(rd_le64(&r) == 0x0102030405060708);
	CHECK(span_eq_str(rd_rest(&r), "") == false);
	CHECK(span_eq(span_sub(s, TLSMSG_HEADER + 4 + 104, s.n),
		      span_of("\001n\0\0\2\4\0leaf\2\0ca", 15)));
}

static struct span text(uint8_t *at, size_t most, uint32_t *seed)
{
	size_t n = dice(seed) % (most + 1);

	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(0x21 + dice(seed) % (0x7f - 0x21));
	return span_of(at, n);
}

static struct span records(uint8_t *at, bool hello, uint32_t *seed)
{
	struct wr w = wr_of(at, TLSMSG_RECORDS);
	unsigned n = 1 + dice(seed) % 5;

	for (unsigned i = 0; i < n; i++) {
		size_t len = 1 + dice(seed) % 4000;

		wr_u8(&w, hello ? 22 : (uint8_t)(20 + dice(seed) % 3));
		wr_be16(&w, (uint16_t)(0x0300 + dice(seed) % 5));
		wr_be16(&w, (uint16_t)len);
		for (size_t k = 0; k < len; k++)
			wr_u8(&w, (uint8_t)dice(seed));
	}
	CHECK(!w.full);
	return wr_span(&w);
}

static uint8_t names[2][256], load[TLS_CHAIN_BYTES];

static void random_done(struct tlsmsg_done *d, uint32_t *seed)
{
	size_t at = 0;

	d->suite = (uint16_t)dice(seed);
	d->resumed = dice(seed) & 1;
	d->verdict = dice(seed) & 1 ? TLSF_NONE : TLSF_CERT_FORM + dice(seed) % 9;
	for (size_t i = 0; i < 32; i++) {
		d->in.key[i] = (uint8_t)dice(seed);
		d->out.key[i] = (uint8_t)dice(seed);
		d->in.iv[i % 12] = (uint8_t)dice(seed);
		d->out.iv[i % 12] = (uint8_t)dice(seed);
	}
	d->in.seq = (uint64_t)dice(seed) << 40 | dice(seed);
	d->out.seq = dice(seed);
	d->chain_n = dice(seed) % (TLS_CHAIN + 1);
	for (size_t i = 0; i < d->chain_n; i++) {
		d->chain[i] = span_of(load + at, 1 + dice(seed) % 4096);
		at += d->chain[i].n;
	}
}

static struct tlsmsg random_message(enum tlsmsg_type t, uint32_t *seed)
{
	struct tlsmsg m = {.type = t, .id = TLSMSG_ID(dice(seed) % 512, dice(seed) & 0xffff)};
	struct span name = text(names[0], 253, seed), alpn = text(names[1], 31, seed);

	if (t == TLSMSG_ACCEPT)
		m.accept = (struct tlsmsg_accept){(uint16_t)dice(seed), name, alpn, records(load, true, seed)};
	else if (t == TLSMSG_CONNECT)
		m.connect = (struct tlsmsg_connect){(uint16_t)dice(seed), dice(seed) & 1, name, alpn,
						    span_of(load, dice(seed) & 1 ? 32 : 0)};
	else if (t == TLSMSG_RECORDS_IN || t == TLSMSG_RECORDS_OUT)
		m.records = records(load, false, seed);
	else if (t == TLSMSG_FAIL) {
		m.fail = (struct tlsmsg_fail){1 + dice(seed) % (TLS_FAULT_COUNT - 1), (uint8_t)dice(seed),
					      (uint16_t)dice(seed), dice(seed) & 1, {0}};
		for (size_t i = 0; m.fail.has_pin && i < sizeof m.fail.pin; i++)
			m.fail.pin[i] = (uint8_t)dice(seed);
	} else if (t == TLSMSG_DONE) {
		random_done(&m.done, seed);
		m.done.name = name;
		m.done.alpn = alpn;
		m.done.own = span_of(load, dice(seed) & 1 ? 32 : 0);
	}
	return m;
}

static void check_done(const struct tlsmsg_done *a, const struct tlsmsg_done *b)
{
	CHECK(a->suite == b->suite && a->resumed == b->resumed && a->verdict == b->verdict);
	CHECK(memcmp(a->in.key, b->in.key, 32) == 0 && memcmp(a->in.iv, b->in.iv, 12) == 0 && a->in.seq == b->in.seq);
	CHECK(memcmp(a->out.key, b->out.key, 32) == 0 && memcmp(a->out.iv, b->out.iv, 12) == 0 &&
	      a->out.seq == b->out.seq);
	CHECK(span_eq(a->name, b->name) && span_eq(a->alpn, b->alpn) && span_eq(a->own, b->own));
	CHECK(a->chain_n == b->chain_n);
	for (size_t i = 0; i < a->chain_n && i < TLS_CHAIN; i++)
		CHECK(span_eq(a->chain[i], b->chain[i]));
}

static void check_same(const struct tlsmsg *a, const struct tlsmsg *b)
{
	CHECK(a->type == b->type && a->id == b->id);
	if (a->type == TLSMSG_ACCEPT)
		CHECK(a->accept.plan == b->accept.plan && span_eq(a->accept.name, b->accept.name) &&
		      span_eq(a->accept.alpn, b->accept.alpn) && span_eq(a->accept.records, b->accept.records));
	else if (a->type == TLSMSG_CONNECT)
		CHECK(a->connect.plan == b->connect.plan && a->connect.want_chain == b->connect.want_chain &&
		      span_eq(a->connect.name, b->connect.name) && span_eq(a->connect.alpn, b->connect.alpn) &&
		      span_eq(a->connect.session, b->connect.session));
	else if (a->type == TLSMSG_RECORDS_IN || a->type == TLSMSG_RECORDS_OUT)
		CHECK(span_eq(a->records, b->records));
	else if (a->type == TLSMSG_FAIL)
		CHECK(a->fail.fault == b->fail.fault && a->fail.alert == b->fail.alert &&
		      a->fail.engine == b->fail.engine && a->fail.has_pin == b->fail.has_pin &&
		      memcmp(a->fail.pin, b->fail.pin, sizeof a->fail.pin) == 0);
	else if (a->type == TLSMSG_DONE)
		check_done(&a->done, &b->done);
}

TEST(random_messages_come_back)
{
	uint32_t seed = 5246;

	for (size_t i = 0; i < sizeof load; i++)
		load[i] = (uint8_t)i;
	for (unsigned round = 0; round < 300; round++)
		for (size_t t = 0; t < ARRAY_LEN(types); t++) {
			struct tlsmsg m = random_message(types[t], &seed), got;
			struct span s = written(&m);

			CHECK_INT(tlsmsg_read(s, from_of(types[t]), &got), 0);
			check_same(&m, &got);
		}
}

TEST(every_fault_is_told)
{
	for (unsigned f = 0; f < TLS_FAULT_COUNT; f++) {
		CHECK(strlen(tls_fault_name(f)) > 1 && strlen(tls_fault_text(f)) > 5);
		for (unsigned g = 0; g < f; g++)
			CHECK(strcmp(tls_fault_name(f), tls_fault_name(g)) != 0);
		if (tls_fault_alert(f))
			CHECK(strcmp(tls_alert_text(tls_fault_alert(f)), "?") != 0);
	}
	CHECK_STR(tls_fault_name(TLSF_CERT_CA), "unknown-ca");
	CHECK_INT(tls_fault_alert(TLSF_CERT_CA), 48);
	CHECK_STR(tls_fault_name(TLS_FAULT_COUNT), "?");
	CHECK_STR(tls_fault_text(TLS_FAULT_COUNT), "?");
	CHECK_INT(tls_fault_alert(TLS_FAULT_COUNT), 80);
}

/* IANA, "TLS Alerts". */
TEST(alerts_have_their_registered_names)
{
	CHECK_STR(tls_alert_text(0), "close_notify");
	CHECK_STR(tls_alert_text(40), "handshake_failure");
	CHECK_STR(tls_alert_text(70), "protocol_version");
	CHECK_STR(tls_alert_text(112), "unrecognized_name");
	CHECK_STR(tls_alert_text(116), "certificate_required");
	CHECK_STR(tls_alert_text(120), "no_application_protocol");
	CHECK_STR(tls_alert_text(255), "?");
}

TEST(every_type_has_a_name)
{
	CHECK_STR(tlsmsg_name(TLSMSG_DONE), "TLSMSG_DONE");
	CHECK_STR(tlsmsg_name((enum tlsmsg_type)99), "?");
}
