/* The messages between a supervisor and a child: what is believed and what is not. */
#include "tests/unit/unit.h"

#include "base/err.h"
#include "base/num.h"
#include "wire/ipc.h"

TEST(round_trip)
{
	uint8_t mem[64];
	struct wr w = wr_of(mem, sizeof mem);
	const struct ipc_msg m = {.type = IPC_REFUSED, .epoch = 7, .payload = SPAN_LIT("no")};
	struct ipc_msg got;

	ipc_write(&w, &m);
	CHECK(!w.full);
	CHECK_INT(w.n, IPC_HEADER + 2);
	CHECK_INT(ipc_read(wr_span(&w), 'c', &got), 0);
	CHECK_INT(got.type, IPC_REFUSED);
	CHECK_INT(got.epoch, 7);
	CHECK(span_eq_str(got.payload, "no"));
}

TEST(the_bytes_are_as_documented)
{
	uint8_t mem[16];
	struct wr w = wr_of(mem, sizeof mem);
	static const uint8_t want[] = {16, 0, 0, 0, 4, 3, 2, 1};

	ipc_write(&w, &(struct ipc_msg){.type = IPC_PREPARE, .epoch = 0x01020304});
	CHECK_INT(w.n, sizeof want);
	CHECK(memcmp(mem, want, sizeof want) == 0);
}

TEST(a_child_cannot_speak_as_the_supervisor)
{
	uint8_t mem[16];
	struct wr w = wr_of(mem, sizeof mem);
	struct ipc_msg got;

	ipc_write(&w, &(struct ipc_msg){.type = IPC_COMMIT});
	CHECK_INT(ipc_read(wr_span(&w), 'c', &got), -ZT_E_UNKNOWN);
	CHECK_INT(ipc_read(wr_span(&w), 's', &got), 0);
}

TEST(a_link_is_an_order_with_its_number)
{
	uint8_t mem[16];
	struct wr w = wr_of(mem, sizeof mem);
	static const uint8_t want[] = {22, 0, 0, 0, 2, 0, 0, 0, 7};
	struct ipc_msg got;

	ipc_write(&w, &(struct ipc_msg){.type = IPC_LINK, .epoch = 2, .payload = SPAN_LIT("\x07")});
	CHECK(span_eq(wr_span(&w), span_of(want, sizeof want)));
	CHECK_INT(ipc_read(wr_span(&w), 'c', &got), -ZT_E_UNKNOWN);
	CHECK_INT(ipc_read(wr_span(&w), 's', &got), 0);
	CHECK_INT(got.type, IPC_LINK);
	CHECK(span_eq_str(got.payload, "\x07"));
	CHECK_STR(ipc_name(got.type), "IPC_LINK");
}

TEST(malformed_is_refused)
{
	static const struct {
		uint8_t b[9];
		size_t n;
		int want;
	} cases[] = {
		{{0}, 0, -ZT_E_SYNTAX},                             /* nothing */
		{{1, 0, 0, 0, 0, 0, 0}, 7, -ZT_E_SYNTAX},           /* header cut short */
		{{1, 0, 1, 0, 0, 0, 0, 0}, 8, -ZT_E_SYNTAX},        /* the zero field is not zero */
		{{0, 0, 0, 0, 0, 0, 0, 0}, 8, -ZT_E_UNKNOWN},       /* type 0 */
		{{0xff, 0xff, 0, 0, 0, 0, 0, 0}, 8, -ZT_E_UNKNOWN}, /* type 65535 */
	};
	struct ipc_msg got;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_INT(ipc_read(span_of(cases[i].b, cases[i].n), 'c', &got), cases[i].want);
}

TEST(counters_round_trip_and_refuse_odd_names)
{
	uint8_t mem[128];
	struct wr w = wr_of(mem, sizeof mem);
	struct ipc_counter c;
	struct rd r;

	/* Of what it counts, made fit where it is not. */
	ipc_write_counter_of(&w, "up", "[::1]:443 \"x\"", 1);
	r = rd_of(wr_span(&w));
	CHECK_INT(ipc_read_counter(&r, &c), 1);
	CHECK(span_eq_str(c.name, "up") && span_eq_str(c.of, "[::1]:443__x_") && span_eq_str(c.whole, "up{[::1]:443__x_}"));
	CHECK_INT(c.value, 1);
	static const char *const bad[] = {"up{", "up{}", "up{a", "up{a}b", "{a}", "up{a{b}}", "Up{a}", "up{a b}", "up}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		w = wr_of(mem, sizeof mem);
		wr_u8(&w, (uint8_t)strlen(bad[i]));
		wr_str(&w, bad[i]);
		wr_le64(&w, 1);
		r = rd_of(wr_span(&w));
		CHECK_INT(ipc_read_counter(&r, &c), -ZT_E_SYNTAX);
	}
	w = wr_of(mem, sizeof mem);
	ipc_write_counter(&w, "bytes", 5);
	ipc_write_counter(&w, "x_9", UINT64_MAX);
	r = rd_of(wr_span(&w));
	CHECK_INT(ipc_read_counter(&r, &c), 1);
	CHECK(span_eq_str(c.name, "bytes") && c.value == 5);
	CHECK_INT(ipc_read_counter(&r, &c), 1);
	CHECK(span_eq_str(c.name, "x_9") && c.value == UINT64_MAX);
	CHECK_INT(ipc_read_counter(&r, &c), 0);
	mem[1] = '"'; /* a name that would break out of the JSON */
	r = rd_of(wr_span(&w));
	CHECK_INT(ipc_read_counter(&r, &c), -ZT_E_SYNTAX);
	r = rd_of(span_of("\x00\0\0\0\0\0\0\0\0", 9));
	CHECK_INT(ipc_read_counter(&r, &c), -ZT_E_SYNTAX);
	r = rd_of(span_of("\x02", 1));
	CHECK_INT(ipc_read_counter(&r, &c), -ZT_E_SYNTAX);
}

TEST(every_type_has_a_name)
{
	CHECK_STR(ipc_name(IPC_READY), "IPC_READY");
	CHECK_STR(ipc_name((enum ipc_type)999), "?");
}
