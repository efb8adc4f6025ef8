/* keepmsg: every message there and back, every length of it, who may say what, lists one after another. */
#include "tests/unit/unit.h"
#include "wire/keepmsg.h"

#include <string.h>

static const struct keepmsg all[] = {
	{.type = KEEP_LIST, .epoch = 3, .number = UINT64_MAX},
	{.type = KEEP_IDENTITY, .serial = {1, 2, 3, [15] = 0xff}, .not_after = 1795274897},
	{.type = KEEP_ANCHORS}, {.type = KEEP_STUCK}, {.type = KEEP_WHOLE}, {.type = KEEP_OFFER},
};

static struct span written(const struct keepmsg *m, uint8_t mem[static KEEPMSG_MAX])
{
	struct wr w = wr_of(mem, KEEPMSG_MAX);

	keepmsg_write(&w, m);
	CHECK(!w.full);
	return wr_span(&w);
}

TEST(what_is_written_is_read)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		uint8_t mem[KEEPMSG_MAX];
		struct span s = written(&all[i], mem);
		struct keepmsg m;
		bool worker = all[i].type >= KEEP_WHOLE;

		CHECK_INT(keepmsg_read(s, worker ? 'w' : 'k', &m), 0);
		CHECK_INT(m.type, all[i].type);
		CHECK(m.epoch == all[i].epoch && m.number == all[i].number && m.not_after == all[i].not_after);
		CHECK(memcmp(m.serial, all[i].serial, sizeof m.serial) == 0);
		CHECK_INT(keepmsg_read(s, worker ? 'k' : 'w', &m), -ZT_E_UNKNOWN);
	}
}

TEST(bytes_are_as_documented)
{
	static const uint8_t list[] = {1, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0};
	struct keepmsg m;

	CHECK_INT(keepmsg_read(span_of(list, sizeof list), 'k', &m), 0);
	CHECK(m.type == KEEP_LIST && m.epoch == 3 && m.number == 263);
}

TEST(another_length_is_refused)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		uint8_t mem[KEEPMSG_MAX + 1] = {0};
		struct span s = written(&all[i], mem);
		char from = all[i].type >= KEEP_WHOLE ? 'w' : 'k';
		struct keepmsg m;

		for (size_t n = 0; n < s.n; n++)
			CHECK_INT(keepmsg_read(span_of(mem, n), from, &m), -ZT_E_SYNTAX);
		CHECK_INT(keepmsg_read(span_of(mem, s.n + 1), from, &m), -ZT_E_SYNTAX);
	}
}

TEST(other_heads_are_refused)
{
	struct keepmsg m;

	CHECK_INT(keepmsg_read(SPAN_LIT("\3\2\0\0"), 'k', &m), -ZT_E_VERSION);
	CHECK_INT(keepmsg_read(SPAN_LIT("\3\1\1\0"), 'k', &m), -ZT_E_SYNTAX);
	CHECK_INT(keepmsg_read(SPAN_LIT("\3\1\0\1"), 'k', &m), -ZT_E_SYNTAX);
	CHECK_INT(keepmsg_read(SPAN_LIT("\0\1\0\0"), 'k', &m), -ZT_E_UNKNOWN);
	CHECK_INT(keepmsg_read(SPAN_LIT("\5\1\0\0"), 'k', &m), -ZT_E_UNKNOWN);
}

TEST(lists_come_one_by_one)
{
	struct rd r = rd_of(SPAN_LIT("\2\0\0\0ab\1\0\0\0c"));
	struct span s;

	CHECK_INT(keepmsg_next_list(&r, &s), 1);
	CHECK(span_eq_str(s, "ab"));
	CHECK_INT(keepmsg_next_list(&r, &s), 1);
	CHECK(span_eq_str(s, "c"));
	CHECK_INT(keepmsg_next_list(&r, &s), 0);
}

TEST(lists_that_are_cut_or_empty_are_refused)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {{"\2\0\0\0a", 5}, {"\2\0\0", 3}, {"\0\0\0\0", 4}, {"\xff\xff\xff\xff" "a", 5}};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rd r = rd_of(span_of(bad[i].text, bad[i].n));
		struct span s;

		CHECK_INT(keepmsg_next_list(&r, &s), -ZT_E_SYNTAX);
	}
}
