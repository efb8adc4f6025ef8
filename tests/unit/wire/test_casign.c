/* What ca-sign is asked and answers: every row of the documented table, each with too few and too many
 * fields, by the wrong side, cut anywhere, and with lengths that no field has. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/casign.h"

static uint8_t mem[CASIGN_MAX + 64], bytes[CASIGN_PART + 1];

#define B(name) (UINT64_C(1) << CAF_##name)
#define TRUSTED (B(INFRA) | B(DEVICE) | B(ACME))
#define NEW (B(CHAIN) | B(SERIAL) | B(ID))
#define LINES (B(JSON) | B(TOTAL))

/* docs/formats.md, "Between ca-sign and those who ask", once more. */
static const struct {
	enum casign_type type;
	char from;
	uint64_t must, may, ok, ok_may;
} docs[] = {
	{CA_FACTS, 'b', 0, 0, B(REGISTRY) | B(TRUST) | B(EPOCH) | B(KEYS) | LINES, TRUSTED},
	{CA_ISSUE, 'c', B(ROLE) | B(NAME) | B(CSR), B(USER) | B(SANS) | B(LIFETIME), NEW, 0},
	{CA_RENEW, 'b', B(CSR), B(SERIAL) | B(NAME) | B(LIFETIME) | B(PEER) | B(SIGNATURE),
	 NEW | B(REGISTRY) | B(TRUST), TRUSTED},
	{CA_REVOKE, 'c', 0, B(SERIAL) | B(NAME) | B(USER) | B(REASON), B(COUNT) | B(TOTAL), B(TEXT)},
	{CA_SUSPEND, 'c', B(ON), B(SERIAL) | B(NAME), B(COUNT) | B(TOTAL), B(TEXT)},
	{CA_ENTRIES, 'c', B(INDEX), B(ROLE) | B(USER) | B(RETIRED), LINES, B(INDEX)},
	{CA_SHOW, 'c', 0, B(SERIAL) | B(NAME) | B(ID), NEW | B(JSON), 0},
	{CA_LIST, 'b', B(KIND), B(ANCHOR) | B(GENERATION) | B(EPOCH) | B(BASE) | B(NUMBER) | B(OFFSET),
	 B(NUMBER) | B(TOTAL) | B(PART), B(EPOCH)},
	{CA_TOKEN_NEW, 'c', B(ROLE), B(NAME) | B(USER) | B(USES) | B(TTL) | B(LIFETIME) | B(CIDR) | B(APPROVE) | B(SANS),
	 B(TOKEN) | B(SECRET) | B(TTL), 0},
	{CA_TOKENS, 'c', B(INDEX), B(RETIRED), LINES, B(INDEX)},
	{CA_TOKEN_REVOKE, 'c', 0, B(TOKEN) | B(NAME), B(TOKEN) | B(COUNT), 0},
	{CA_PENDINGS, 'c', B(INDEX), 0, LINES, B(INDEX)},
	{CA_SETTLE, 'c', B(NUMBER) | B(ON), 0, 0, 0},
	{CA_ENROL, 'f', B(TOKEN) | B(NONCE) | B(ROLE) | B(CSR) | B(SERVER), B(LABEL) | B(PEER),
	 B(TALK) | B(NONCE) | B(PROOF), 0},
	{CA_PROVE, 'f', B(TALK) | B(PROOF), 0, B(PENDING), 0},
	{CA_SEEN, 'f', B(SERIAL) | B(INSTANCE), B(PEER), 0, 0},
	{CA_ROLL, 'c', B(KIND) | B(ANCHOR), B(CHAIN) | B(GENERATION) | B(ON), B(GENERATION) | B(COUNT), TRUSTED},
	{CA_ADOPT, 'c', 0, 0, B(COUNT), 0},
	{CA_EPOCH, 'c', 0, 0, B(EPOCH), 0},
	{CA_NO, 's', B(CODE) | B(TEXT), 0, 0, 0},
	{CA_NEWS, 's', 0, 0, 0, 0},
};

static const struct {
	const char *name;
	enum casign_type type;
} types[] = {
#define X(id, value, from, text) {#id, id},
	CASIGN_TYPES(X)
#undef X
};

static const struct {
	size_t least, most;
} sizes[CAF_TAGS] = {
#define X(id, tag, least, most, text) [tag] = {least, most},
	CASIGN_FIELDS(X)
#undef X
};

static struct casign message(enum casign_type t, uint64_t set)
{
	struct casign m = {.type = t};

	for (unsigned i = 1; i < CAF_TAGS; i++)
		if (set >> i & 1)
			casign_put(&m, (enum casign_field)i, span_of(bytes, sizes[i].least));
	return m;
}

static bool writes(const struct casign *m)
{
	struct wr w = wr_of(mem, CASIGN_MAX);

	casign_write(&w, m);
	CHECK(!w.full || w.n == 0); /* no half a message */
	return !w.full;
}

/* The same bytes without asking the writer: what a peer may send. */
static struct span raw(const struct casign *m)
{
	struct wr w = wr_of(mem, sizeof mem);

	wr_le16(&w, (uint16_t)m->type);
	wr_le16(&w, 0);
	wr_le32(&w, 0);
	for (unsigned i = 0; i < CAF_TAGS; i++)
		if (m->has[i]) {
			wr_le16(&w, (uint16_t)i);
			wr_le32(&w, (uint32_t)m->field[i].n);
			wr_put(&w, m->field[i]);
		}
	wr_patch_le32(&w, 4, (uint32_t)(w.n - CASIGN_HEADER));
	return wr_span(&w);
}

static void check_refused(const struct casign *m, char side)
{
	struct casign got;

	CHECK(!writes(m));
	CHECK_INT(casign_read(raw(m), side, &got), -ZT_E_SYNTAX);
	CHECK(got.type == 0 && !got.has[CAF_CSR]);
}

static void check_goes_round(const struct casign *m, char side)
{
	struct wr w = wr_of(mem, CASIGN_MAX);
	struct casign got;
	static const char sides[] = "fcs";

	casign_write(&w, m);
	NEED(!w.full);
	CHECK_INT(casign_read(wr_span(&w), side == 'b' ? 'f' : side, &got), w.n);
	CHECK_INT(got.type, m->type);
	for (unsigned i = 0; i < CAF_TAGS; i++)
		CHECK(got.has[i] == m->has[i] && (!got.has[i] || got.field[i].n == m->field[i].n));
	for (size_t i = 0; i < 3; i++) {
		bool may = side == sides[i] || (side == 'b' && sides[i] != 's');

		CHECK_INT(casign_read(wr_span(&w), sides[i], &got), may ? (int)w.n : -ZT_E_UNKNOWN);
	}
}

TEST(the_bytes_are_as_documented)
{
	static const uint8_t want[] = {13, 0, 0, 0, 21, 0, 0, 0,
				       14, 0, 8, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
				       42, 0, 1, 0, 0, 0, 1};
	struct wr w = wr_of(mem, sizeof mem);
	struct casign m = {.type = CA_SETTLE}, got;
	uint8_t n[8], on[8];

	casign_put_num(&m, CAF_ON, 1, on);
	casign_put_num(&m, CAF_NUMBER, 0x0102030405060708, n);
	casign_write(&w, &m);
	CHECK(!w.full && span_eq(wr_span(&w), span_of(want, sizeof want)));
	CHECK_INT(casign_read(wr_span(&w), 'c', &got), sizeof want);
	CHECK(got.type == CA_SETTLE && casign_u64(&got, CAF_NUMBER) == 0x0102030405060708 && casign_u64(&got, CAF_ON) == 1);
	CHECK_INT(casign_u64(&got, CAF_TOTAL), 0);
}

TEST(every_type_has_its_fields_and_no_others)
{
	for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
		char side = docs[i].from == 'b' ? 'c' : docs[i].from;
		struct casign m = message(docs[i].type, docs[i].must);

		check_goes_round(&m, docs[i].from);
		m = message(docs[i].type, docs[i].must | docs[i].may);
		check_goes_round(&m, docs[i].from);
		for (unsigned f = 1; f < CAF_TAGS; f++) {
			uint64_t bit = UINT64_C(1) << f;

			m = message(docs[i].type, docs[i].must ^ bit);
			if (!(docs[i].may & bit))
				check_refused(&m, side);
		}
	}
}

TEST(every_answer_is_that_of_its_question)
{
	for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
		struct casign ok = message(CA_OK, docs[i].ok | docs[i].ok_may);
		bool asks = docs[i].from != 's';

		check_goes_round(&ok, 's');
		CHECK(casign_answers(docs[i].type, &ok) || !asks);
		ok = message(CA_OK, docs[i].ok);
		CHECK(casign_answers(docs[i].type, &ok) || !asks);
		for (unsigned f = 1; f < CAF_TAGS; f++) {
			uint64_t bit = UINT64_C(1) << f;

			ok = message(CA_OK, docs[i].ok ^ bit);
			CHECK(casign_answers(docs[i].type, &ok) == (docs[i].ok_may & bit && asks));
		}
		ok = message(CA_NO, B(CODE) | B(TEXT));
		CHECK(!casign_answers(docs[i].type, &ok));
	}
}

TEST(a_proof_is_granted_or_waits)
{
	struct casign ok = message(CA_OK, NEW | B(REGISTRY) | B(TRUST) | B(PROOF));

	CHECK(casign_answers(CA_PROVE, &ok));
	ok = message(CA_OK, NEW | B(REGISTRY) | B(TRUST) | B(PROOF) | TRUSTED);
	CHECK(casign_answers(CA_PROVE, &ok));
	ok = message(CA_OK, NEW | B(REGISTRY) | B(TRUST) | B(PROOF) | B(PENDING));
	CHECK(!casign_answers(CA_PROVE, &ok));
	ok = message(CA_OK, NEW | B(REGISTRY) | B(TRUST));
	CHECK(!casign_answers(CA_PROVE, &ok));
	ok = message(CA_OK, 0);
	CHECK(!casign_answers(CA_PROVE, &ok));
}

TEST(every_field_has_its_lengths)
{
	/* CA_OK may have nearly all; what only questions have is tried in theirs */
	for (size_t i = 0; i < ARRAY_LEN(docs); i++)
		for (unsigned f = 1; f < CAF_TAGS; f++) {
			struct casign m = message(docs[i].type, docs[i].must);
			char side = docs[i].from == 'b' ? 'c' : docs[i].from;

			if (!((docs[i].must | docs[i].may) >> f & 1))
				continue;
			casign_put(&m, (enum casign_field)f, span_of(bytes, sizes[f].most));
			check_goes_round(&m, docs[i].from);
			m.field[f].n = sizes[f].most + 1;
			check_refused(&m, side);
			m.field[f].n = sizes[f].least - 1;
			if (sizes[f].least > 0)
				check_refused(&m, side);
		}
}

/* The longest of each that there can be, so that no answer is ever refused for its length alone. */
TEST(the_longest_messages_fit)
{
	struct wr w = wr_of(mem, sizeof mem);

	for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
		struct casign q = message(docs[i].type, docs[i].must | docs[i].may);
		struct casign a = message(CA_OK, docs[i].ok | docs[i].ok_may);

		if (docs[i].type == CA_PROVE)
			a = message(CA_OK, NEW | B(REGISTRY) | B(TRUST) | B(PROOF) | TRUSTED);
		/* CA_SHOW answers one line with its certificate, CA_FACTS a line for each anchor: both bound theirs */
		if (docs[i].type == CA_SHOW || docs[i].type == CA_FACTS)
			continue;
		for (unsigned f = 1; f < CAF_TAGS; f++)
			q.field[f].n = sizes[f].most, a.field[f].n = sizes[f].most;
		for (unsigned f = 1; f < CAF_TAGS; f++)
			q.field[f].p = a.field[f].p = bytes;
		w.n = 0;
		casign_write(&w, &q);
		CHECK(!w.full);
		w.n = 0;
		casign_write(&w, &a);
		CHECK(!w.full);
	}
}

TEST(cut_anywhere_it_waits_for_more)
{
	struct casign m = message(CA_SETTLE, B(NUMBER) | B(ON)), got;
	struct wr w = wr_of(mem, sizeof mem);

	casign_write(&w, &m);
	for (size_t n = 0; n < w.n; n++)
		CHECK_INT(casign_read(span_of(mem, n), 'c', &got), ZT_MORE);
	casign_write(&w, &m); /* two behind each other: the first */
	CHECK_INT(casign_read(wr_span(&w), 'c', &got), w.n / 2);
}

TEST(malformed_is_refused)
{
	static const struct {
		uint8_t b[24];
		size_t n;
		int want;
	} cases[] = {
		{{0, 0, 0, 0, 0, 0, 0, 0}, 8, -ZT_E_UNKNOWN},
		{{0xff, 0xff, 0, 0, 0, 0, 0, 0}, 8, -ZT_E_UNKNOWN},
		{{19, 0, 1, 0, 0, 0, 0, 0}, 8, -ZT_E_SYNTAX},                     /* the zero field is not */
		{{19, 0, 0, 0, 0xf9, 0xef, 0, 0}, 8, -ZT_E_TOOLONG},              /* 61,433 behind the header */
		{{19, 0, 0, 0, 0xf8, 0xef, 0, 0}, 8, ZT_MORE},                    /* 61,432 */
		{{19, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 8, -ZT_E_TOOLONG},
		{{11, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14, -ZT_E_SYNTAX},   /* tag 0 */
		{{11, 0, 0, 0, 6, 0, 0, 0, 46, 0, 0, 0, 0, 0}, 14, -ZT_E_SYNTAX},  /* the first tag that there is not */
		{{11, 0, 0, 0, 6, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, 14, -ZT_E_SYNTAX},
		{{11, 0, 0, 0, 5, 0, 0, 0, 2, 0, 1, 0, 0}, 13, -ZT_E_SYNTAX},      /* a field's header is cut */
		{{11, 0, 0, 0, 7, 0, 0, 0, 2, 0, 2, 0, 0, 0, 'a'}, 15, -ZT_E_SYNTAX}, /* longer than the message */
		{{11, 0, 0, 0, 8, 0, 0, 0, 2, 0, 1, 0, 0, 0, 'a', 0}, 16, -ZT_E_SYNTAX}, /* something behind */
		{{11, 0, 0, 0, 14, 0, 0, 0, 2, 0, 1, 0, 0, 0, 'a', 2, 0, 1, 0, 0, 0, 'b'}, 22, -ZT_E_SYNTAX}, /* twice */
	};
	struct casign got;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_INT(casign_read(span_of(cases[i].b, cases[i].n), 'c', &got), cases[i].want);
}

TEST(tags_ascend)
{
	static const uint8_t b[] = {13, 0, 0, 0, 21, 0, 0, 0, 42, 0, 1, 0, 0, 0, 1, 14, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
	struct casign got;

	CHECK_INT(casign_read(span_of(b, sizeof b), 'c', &got), -ZT_E_SYNTAX);
}

static void too_big_a_number(void)
{
	struct casign m = {.type = CA_SETTLE};
	uint8_t n[8];

	casign_put_num(&m, CAF_ON, 256, n);
}

TEST(a_number_that_its_field_cannot_hold_aborts)
{
	CHECK(unit_dies(too_big_a_number));
}

TEST(every_type_has_a_name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		CHECK_STR(casign_name(types[i].type), types[i].name);
	CHECK_STR(casign_name((enum casign_type)999), "?");
}
