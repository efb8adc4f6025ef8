/* jailrep: every report survives its wire form, and nothing else is believed. */
#include "tests/unit/unit.h"

#include "wire/jailrep.h"

static struct jail_report sample(void)
{
	struct jail_report r = {.profile = JAIL_LOGD};

	for (unsigned i = 0; i < JAIL_LAYER_COUNT; i++) {
		r.layer[i].state = (enum jail_state)(i % JAIL_STATE_COUNT);
		snprintf(r.layer[i].text, sizeof r.layer[i].text, "line %u", i);
	}
	return r;
}

static size_t encode(const struct jail_report *r, uint8_t out[static JAILREP_MAX])
{
	struct wr w = wr_of(out, JAILREP_MAX);

	jailrep_write(&w, r);
	CHECK(!w.full);
	return w.n;
}

TEST(a_report_survives_the_wire)
{
	struct jail_report r = sample(), back;
	uint8_t bytes[JAILREP_MAX];
	size_t n = encode(&r, bytes);

	NEED(jailrep_read(span_of(bytes, n), &back) == 0);
	CHECK_INT(back.profile, JAIL_LOGD);
	for (unsigned i = 0; i < JAIL_LAYER_COUNT; i++) {
		CHECK_INT(back.layer[i].state, r.layer[i].state);
		CHECK_STR(back.layer[i].text, r.layer[i].text);
	}
}

TEST(the_longest_report_fits_its_bound)
{
	struct jail_report r = {.profile = JAIL_PROBE}, back;
	uint8_t bytes[JAILREP_MAX];

	for (unsigned i = 0; i < JAIL_LAYER_COUNT; i++)
		memset(r.layer[i].text, 'x', JAIL_TEXT - 1);
	CHECK_INT(encode(&r, bytes), JAILREP_MAX);
	NEED(jailrep_read(span_of(bytes, JAILREP_MAX), &back) == 0);
	CHECK_INT(strlen(back.layer[0].text), JAIL_TEXT - 1);
}

TEST(every_cut_is_refused)
{
	struct jail_report r = sample(), back;
	uint8_t bytes[JAILREP_MAX + 1];
	size_t n = encode(&r, bytes);

	for (size_t i = 0; i < n; i++)
		CHECK_INT(jailrep_read(span_of(bytes, i), &back), -ZT_E_SYNTAX);
	bytes[n] = 0;
	CHECK_INT(jailrep_read(span_of(bytes, n + 1), &back), -ZT_E_SYNTAX);
}

TEST(foreign_values_are_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
		int want;
	} rows[] = {
		{0, 2, -ZT_E_VERSION},
		{1, JAIL_PROFILE_COUNT, -ZT_E_UNKNOWN},
		{2, JAIL_LAYER_COUNT - 1, -ZT_E_VERSION},
		{3, JAIL_STATE_COUNT, -ZT_E_UNKNOWN},
		{4, JAIL_TEXT, -ZT_E_SYNTAX},
		{5, 0, -ZT_E_SYNTAX},    /* a NUL inside a text */
		{5, 0x1b, -ZT_E_SYNTAX}, /* an escape for somebody's terminal */
		{5, 0x80, -ZT_E_SYNTAX},
	};
	struct jail_report r = sample(), back;
	uint8_t bytes[JAILREP_MAX];
	size_t n = encode(&r, bytes);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t keep = bytes[rows[i].at];

		bytes[rows[i].at] = rows[i].value;
		CHECK_INT(jailrep_read(span_of(bytes, n), &back), rows[i].want);
		bytes[rows[i].at] = keep;
	}
}

TEST(what_is_not_printable_is_written_as_a_question_mark)
{
	struct jail_report r = sample(), back;
	uint8_t bytes[JAILREP_MAX];

	snprintf(r.layer[0].text, sizeof r.layer[0].text, "a\x1b[2Jb");
	NEED(jailrep_read(span_of(bytes, encode(&r, bytes)), &back) == 0);
	CHECK_STR(back.layer[0].text, "a?[2Jb");
}

TEST(names_find_their_profile)
{
	for (unsigned p = 0; p < JAIL_PROFILE_COUNT; p++)
		CHECK_INT(jail_profile_find(span_str(jail_profile_name((enum jail_profile)p))), p);
	CHECK_INT(jail_profile_find(span_str("workers")), JAIL_PROFILE_COUNT);
	CHECK_STR(jail_profile_name(JAIL_PROFILE_COUNT), "?");
	CHECK_STR(jail_layer_name(JAIL_LAYER_COUNT), "?");
	CHECK_STR(jail_state_name(JAIL_STATE_COUNT), "?");
}
