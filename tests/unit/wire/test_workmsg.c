/* workmsg: every message there and back, every length, what is no message. */
#include "tests/unit/unit.h"
#include "wire/workmsg.h"

#include <string.h>

static const struct workmsg all[] = {
	{.type = WORK_HAND, .peer = {.family = 4, .ip = {192, 0, 2, 1}, .port = 443}, .bytes = {(const uint8_t *)"hello", 5}},
	{.type = WORK_HAND, .peer = {.family = 6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 1}},
	{.type = WORK_ASK, .question = UINT32_MAX},
	{.type = WORK_TELL, .question = 7, .works = true, .tunnels = 3, .bytes = {(const uint8_t *)"numbers", 7}},
	{.type = WORK_TELL},
};

static struct span written(const struct workmsg *m, uint8_t *mem, size_t cap)
{
	struct wr w = wr_of(mem, cap);

	workmsg_write(&w, m);
	CHECK(!w.full);
	return wr_span(&w);
}

TEST(what_is_written_is_read)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		uint8_t mem[WORKMSG_MAX];
		struct workmsg m;

		CHECK_INT(workmsg_read(written(&all[i], mem, sizeof mem), &m), 0);
		CHECK(m.type == all[i].type && m.question == all[i].question && m.works == all[i].works && m.tunnels == all[i].tunnels);
		CHECK(addr_eq(&m.peer, &all[i].peer) && span_eq(m.bytes, all[i].bytes));
	}
}

TEST(bytes_are_as_documented)
{
	static const uint8_t hand[] = {1, 1, 0, 0, 4, 127, 0, 0, 1, 0x39, 0x30, 0x16, 3};
	static const uint8_t tell[] = {3, 1, 0, 0, 9, 0, 0, 0, 1, 2, 0, 0, 0};
	struct workmsg m;

	CHECK_INT(workmsg_read(span_of(hand, sizeof hand), &m), 0);
	CHECK(m.peer.port == 12345 && m.bytes.n == 2 && m.bytes.p[0] == 0x16);
	CHECK_INT(workmsg_read(span_of(tell, sizeof tell), &m), 0);
	CHECK(m.question == 9 && m.works && m.tunnels == 2 && m.bytes.n == 0);
}

TEST(what_is_cut_or_strange_is_refused)
{
	static const struct {
		uint8_t bytes[16];
		size_t n;
		int rc;
	} bad[] = {
		{{1, 1, 1, 0, 4, 1, 2, 3, 4, 5, 6}, 11, -ZT_E_SYNTAX},  /* not zero */
		{{1, 2, 0, 0, 4, 1, 2, 3, 4, 5, 6}, 11, -ZT_E_VERSION},
		{{0, 1, 0, 0}, 4, -ZT_E_UNKNOWN},
		{{4, 1, 0, 0}, 4, -ZT_E_UNKNOWN},
		{{1, 1, 0, 0, 0}, 5, -ZT_E_SYNTAX},                     /* from nowhere */
		{{1, 1, 0, 0, 5, 1, 2, 3, 4, 5, 6}, 11, -ZT_E_SYNTAX},  /* no such family */
		{{2, 1, 0, 0, 1, 0, 0, 0, 0}, 9, -ZT_E_SYNTAX},         /* longer than it is */
		{{3, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0}, 13, -ZT_E_SYNTAX}, /* neither yes nor no */
	};
	uint8_t mem[WORKMSG_MAX + 1] = {0};
	struct workmsg m = {.type = WORK_TELL, .bytes = span_of(mem, WORKMSG_BYTES)};
	struct wr w = wr_of(mem, sizeof mem);

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_INT(workmsg_read(span_of(bad[i].bytes, bad[i].n), &m), bad[i].rc);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		size_t whole = written(&all[i], mem, sizeof mem).n - all[i].bytes.n;

		for (size_t n = 0; n < whole; n++)
			CHECK_INT(workmsg_read(span_of(mem, n), &m), -ZT_E_SYNTAX);
	}
	memset(mem, 0, sizeof mem);
	wr_bytes(&w, (const uint8_t[]){3, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, 13);
	CHECK_INT(workmsg_read(span_of(mem, 13 + WORKMSG_BYTES), &m), 0);
	CHECK_INT(workmsg_read(span_of(mem, 13 + WORKMSG_BYTES + 1), &m), -ZT_E_SYNTAX);
}
