/* Records of the registry: one spelling each, by hand; and every way to be wrong. */
#include "wire/carec.h"

#include "base/num.h"
#include "tests/unit/unit.h"

static const uint64_t must_of[CAREC_TYPE_END] = {
#define X(id, number, must, may, text) [number] = must,
	CAREC_TYPES(X)
#undef X
};
static const uint64_t may_of[CAREC_TYPE_END] = {
#define X(id, number, must, may, text) [number] = may,
	CAREC_TYPES(X)
#undef X
};
static const struct {
	char kind;
	uint32_t unit;
	uint64_t most;
} form_of[CAR_TAGS] = {
#define X(id, tag, kind, unit, most, text) [tag] = {kind, unit, most},
	CAREC_FIELDS(X)
#undef X
};

static uint8_t filler[CAREC_SIGHTING * CAREC_SIGHTINGS + 1];

/* All the fields of a mask: numbers at their most, bytes at n units. */
static void fill(struct carec *r, enum carec_type t, uint64_t mask, bool longest)
{
	memset(filler, 'x', sizeof filler);
	*r = (struct carec){.type = t};
	for (unsigned f = 1; f < CAR_TAGS; f++) {
		if (!(mask & CAR_BIT(f)))
			continue;
		if (form_of[f].kind == 'n')
			carec_num(r, f, longest ? form_of[f].most : 0);
		else
			carec_val(r, f, span_of(filler, longest ? form_of[f].most : form_of[f].unit));
	}
}

static int through(const struct carec *r, struct carec *out, uint8_t *mem, size_t cap)
{
	struct carec_tlvs t;
	struct wr w = wr_of(mem, cap);
	struct jrec head = {.seq = 1, .type = (uint16_t)r->type, .version = CAREC_VERSION}, rec;
	enum jrec_fault fault;
	int err = carec_encode(r, &t);

	if (err)
		return err;
	CHECK(jrec_encode(&w, &head, t.t, t.n) > 0);
	CHECK(jrec_decode(wr_span(&w), &rec, &fault) > 0);
	return carec_decode(&rec, out);
}

static bool same(const struct carec *a, const struct carec *b)
{
	for (unsigned f = 1; f < CAR_TAGS; f++)
		if (a->num[f] != b->num[f] || !span_eq(a->val[f], b->val[f]))
			return false;
	return a->type == b->type && a->has == b->has;
}

TEST(every_type_there_and_back)
{
	static uint8_t mem[JREC_MAX];

	for (enum carec_type t = 1; t < CAREC_TYPE_END; t++) {
		const uint64_t masks[] = {must_of[t], must_of[t] | may_of[t]};

		for (unsigned i = 0; i < 4; i++) {
			struct carec r, back;

			fill(&r, t, masks[i / 2], i % 2);
			CHECK_INT(through(&r, &back, mem, sizeof mem), 0);
			CHECK(same(&r, &back));
		}
		CHECK(strlen(carec_text(t)) > 5);
	}
	CHECK_STR(carec_text(0), "?");
	CHECK_STR(carec_text(CAREC_TYPE_END), "?");
}

TEST(fields_that_are_missing_or_too_many)
{
	static uint8_t mem[JREC_MAX];

	for (enum carec_type t = 1; t < CAREC_TYPE_END; t++)
		for (unsigned f = 1; f < CAR_TAGS; f++) {
			uint64_t all = must_of[t] | may_of[t];
			bool wrong = (must_of[t] & CAR_BIT(f)) || !(all & CAR_BIT(f));
			struct carec r, back;

			fill(&r, t, all ^ CAR_BIT(f), false);
			CHECK_INT(through(&r, &back, mem, sizeof mem), wrong ? -ZT_E_BUG : 0);
		}
}

TEST(values_out_of_form_are_not_written)
{
	static uint8_t mem[JREC_MAX];

	for (enum carec_type t = 1; t < CAREC_TYPE_END; t++)
		for (unsigned f = 1; f < CAR_TAGS; f++) {
			struct carec r, back;

			if (!((must_of[t] | may_of[t]) & CAR_BIT(f)))
				continue;
			fill(&r, t, must_of[t] | may_of[t], false);
			if (form_of[f].kind == 'n' && form_of[f].most == UINT64_MAX)
				continue;
			if (form_of[f].kind == 'n')
				r.num[f] = form_of[f].most + 1;
			else
				r.val[f] = span_of(filler, form_of[f].most + 1);
			CHECK_INT(through(&r, &back, mem, sizeof mem), -ZT_E_BUG);
			if (form_of[f].kind == 't') {
				r.val[f] = SPAN_LIT("a\nb");
				CHECK_INT(through(&r, &back, mem, sizeof mem), -ZT_E_BUG);
			}
			if (form_of[f].unit > 1 && form_of[f].kind == 'b') {
				r.val[f] = span_of(filler, form_of[f].unit - 1);
				CHECK_INT(through(&r, &back, mem, sizeof mem), -ZT_E_BUG);
			}
		}
}

/* type 7, suspended: serial (1), when (11), on (31) */
#define SERIAL "\x01\x00\x10\x00" "0123456789abcdef"
#define AT "\x0b\x00\x08\x00" "\x05\x00\x00\x00\x00\x00\x00\x00"
#define ON "\x1f\x00\x01\x00" "\x01"

static int read_as(uint16_t type, uint16_t version, struct span tlvs, struct carec *out)
{
	struct jrec r = {.seq = 1, .type = type, .version = version, .tlvs = tlvs};

	return carec_decode(&r, out);
}

TEST(by_hand)
{
	struct carec r = {.type = CAREC_SUSPENDED}, back;
	struct carec_tlvs t;
	uint8_t mem[128];
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(read_as(7, 1, SPAN_LIT(SERIAL AT ON), &back), 0);
	CHECK(back.type == CAREC_SUSPENDED && back.num[CAR_AT] == 5 && back.num[CAR_ON] == 1);
	CHECK(span_eq_str(back.val[CAR_SERIAL], "0123456789abcdef"));
	carec_num(&r, CAR_ON, 1);
	carec_num(&r, CAR_AT, 5);
	carec_val(&r, CAR_SERIAL, SPAN_LIT("0123456789abcdef"));
	NEED(carec_encode(&r, &t) == 0 && t.n == 3);
	for (size_t i = 0; i < t.n; i++) {
		wr_le16(&w, t.t[i].tag);
		wr_le16(&w, (uint16_t)t.t[i].value.n);
		wr_put(&w, t.t[i].value);
	}
	CHECK(span_eq(wr_span(&w), SPAN_LIT(SERIAL AT ON)));
}

TEST(what_is_refused)
{
	static const struct {
		struct span tlvs;
		const char *what;
	} bad[] = {
		{SPAN_LIT(SERIAL AT), "no on"},
		{SPAN_LIT(""), "nothing"},
		{SPAN_LIT(AT SERIAL ON), "out of order"},
		{SPAN_LIT(SERIAL SERIAL AT ON), "twice"},
		{SPAN_LIT(SERIAL AT ON ON), "twice"},
		{SPAN_LIT(SERIAL AT ON "\x24\x00\x00\x00"), "a field that is not known"},
		{SPAN_LIT("\x00\x00\x00\x00" SERIAL AT ON), "field 0"},
		{SPAN_LIT(SERIAL AT "\x1f\x00\x01\x00\x02"), "2 is neither on nor off"},
		{SPAN_LIT(SERIAL AT "\x1f\x00\x02\x00\x01\x00"), "two bytes wide"},
		{SPAN_LIT(SERIAL AT "\x1f\x00\x00\x00"), "no byte wide"},
		{SPAN_LIT(SERIAL "\x0b\x00\x08\x00" "\x05\x00\x00\x00\x00\x00\x00\x80" ON), "before 1970"},
		{SPAN_LIT("\x01\x00\x0f\x00" "0123456789abcde" AT ON), "15 bytes of serial"},
		{SPAN_LIT("\x01\x00\x00\x00" AT ON), "an empty serial"},
		{SPAN_LIT(SERIAL "\x05\x00\x01\x00x" AT ON), "a field of another type, out of order"},
		{SPAN_LIT(SERIAL AT "\x11\x00\x01\x00\x01" ON), "a reason"},
	};
	struct carec out;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (read_as(7, 1, bad[i].tlvs, &out) != -ZT_E_DAMAGED)
			unit_fail(__FILE__, __LINE__, "%s was read", bad[i].what);
	CHECK_INT(read_as(7, 2, SPAN_LIT(SERIAL AT ON), &out), -ZT_E_VERSION);
	CHECK_INT(read_as(7, 0, SPAN_LIT(SERIAL AT ON), &out), -ZT_E_VERSION);
	CHECK_INT(read_as(0, 1, SPAN_LIT(SERIAL AT ON), &out), -ZT_E_VERSION);
	CHECK_INT(read_as(CAREC_TYPE_END, 1, SPAN_LIT(SERIAL AT ON), &out), -ZT_E_VERSION);
	CHECK_INT(read_as(0xff00, 1, SPAN_LIT(SERIAL AT ON), &out), -ZT_E_VERSION);
}
