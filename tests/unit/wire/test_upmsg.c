/* What two supervisors say to each other, who may be of different releases. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "wire/upmsg.h"

static struct span written(uint8_t mem[static UPMSG_BYTES], const struct upmsg *m)
{
	struct wr w = wr_of(mem, UPMSG_BYTES);

	upmsg_write(&w, m);
	CHECK(!w.full);
	return wr_span(&w);
}

TEST(what_is_written_is_read)
{
	const struct upmsg m = {.type = UPMSG_REFUSED, .pid = 4000000000, .n = UINT64_MAX - 1, .text = SPAN_LIT("why not")};
	uint8_t mem[UPMSG_BYTES];
	struct span s = written(mem, &m);
	struct upmsg back;

	CHECK_INT(s.n, UPMSG_HEADER + 7);
	CHECK_INT(upmsg_read(s, &back), 0);
	CHECK_INT(back.type, UPMSG_REFUSED);
	CHECK_INT(back.pid, 4000000000);
	CHECK(back.n == UINT64_MAX - 1);
	CHECK(span_eq_str(back.text, "why not"));
}

/* docs/formats.md has these bytes in words: a later release reads them. */
TEST(the_bytes_are_these)
{
	static const uint8_t want[] = {17, 0, 1, 1, 0x39, 0x30, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 'x'};
	uint8_t mem[UPMSG_BYTES];

	CHECK(span_eq(written(mem, &(struct upmsg){.type = UPMSG_SPAWNED, .pid = 12345, .n = 7, .text = SPAN_LIT("x")}),
		      span_of(want, sizeof want)));
}

TEST(a_later_version_is_read_unless_it_says_no)
{
	uint8_t mem[UPMSG_BYTES];
	struct span s = written(mem, &(struct upmsg){.type = UPMSG_READY});
	struct upmsg m;

	mem[2] = UPMSG_VERSION + 5;
	CHECK_INT(upmsg_read(s, &m), 0);
	mem[3] = UPMSG_VERSION + 1;
	CHECK_INT(upmsg_read(s, &m), -ZT_E_VERSION);
	mem[3] = UPMSG_VERSION + 6; /* more than it is itself */
	CHECK_INT(upmsg_read(s, &m), -ZT_E_SYNTAX);
	mem[3] = 1;
	mem[0] = 200; /* a type that nobody knows yet is the reader's to pass over */
	CHECK_INT(upmsg_read(s, &m), 0);
}

TEST(what_is_short_or_long_is_refused)
{
	uint8_t mem[UPMSG_BYTES + 1] = {UPMSG_READY, 0, 1, 1};
	struct upmsg m;

	for (size_t n = 0; n < UPMSG_HEADER; n++)
		CHECK_INT(upmsg_read(span_of(mem, n), &m), -ZT_E_SYNTAX);
	CHECK_INT(upmsg_read(span_of(mem, UPMSG_BYTES), &m), 0);
	CHECK_INT(upmsg_read(span_of(mem, UPMSG_BYTES + 1), &m), -ZT_E_SYNTAX);
}

TEST(lines_are_keys_and_values)
{
	struct span text = SPAN_LIT("role edge\nnonsense\n\nlisten 127.0.0.1:1\nlast a b c"), key, value;

	CHECK(upmsg_line(&text, &key, &value) && span_eq_str(key, "role") && span_eq_str(value, "edge"));
	CHECK(upmsg_line(&text, &key, &value) && span_eq_str(key, "listen") && span_eq_str(value, "127.0.0.1:1"));
	CHECK(upmsg_line(&text, &key, &value) && span_eq_str(key, "last") && span_eq_str(value, "a b c"));
	CHECK(!upmsg_line(&text, &key, &value));
	text = SPAN_NONE;
	CHECK(!upmsg_line(&text, &key, &value));
}
