/* frame: known bytes of every frame, and that nothing else is one. */
#include "wire/frame.h"

#include <string.h>

#include "base/num.h"
#include "tests/unit/unit.h"

static int read_bytes(const char *p, size_t n, struct frame *f)
{
	return frame_read(span_of(p, n), f);
}
#define READ(lit, f) read_bytes(lit, sizeof(lit) - 1, f)

TEST(a_header_is_eight_bytes_little_endian)
{
	static const char bytes[] = "\x03\x01\x05\x00\x04\x03\x02\x01hello";
	uint8_t mem[16];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame f;

	CHECK_INT(READ("\x03\x01\x05\x00\x04\x03\x02\x01hello and more", &f), 13);
	CHECK_INT(f.type, FRAME_DATA);
	CHECK_INT(f.flags, FRAME_FIN);
	CHECK_INT(f.length, 5);
	CHECK_INT(f.stream, 0x01020304);
	CHECK(span_eq_str(f.payload, "hello"));
	frame_head(&w, FRAME_DATA, FRAME_FIN, 0x01020304, 5);
	wr_str(&w, "hello");
	CHECK(span_eq(wr_span(&w), SPAN_LIT(bytes)));
	for (size_t cut = 0; cut < 13; cut++)
		CHECK_INT(read_bytes(bytes, cut, &f), ZT_MORE);
}

/* Each type at its least and most length and one beyond, with and without a stream, with each flag. */
TEST(each_type_has_its_length_its_stream_and_its_flags)
{
	static const struct {
		uint8_t type, flags;
		bool conn, stream;
		uint16_t least, most;
	} rows[] = {
		{FRAME_HELLO, 0, true, false, 45, 512},
		{FRAME_OPEN, 0, false, true, 32, 512},
		{FRAME_DATA, FRAME_FIN, false, true, 0, 16376},
		{FRAME_CREDIT, 0, true, true, 8, 8},
		{FRAME_RESET, 0, false, true, 10, 489},
		{FRAME_DGRAM, 0, false, true, 2, 16376},
		{FRAME_PING, 0, true, false, 8, 8},
		{FRAME_PONG, 0, true, false, 8, 8},
		{FRAME_GOAWAY, 0, true, false, 10, 489},
		{FRAME_CTRL, FRAME_FIN, true, false, 2, 16376},
	};
	static uint8_t mem[FRAME_HEADER + FRAME_PAYLOAD];
	struct frame f;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t good = rows[i].stream ? 2 : 0;

		for (unsigned bit = 0; bit < 8; bit++) {
			struct wr w = wr_of(mem, sizeof mem);
			uint8_t flags = (uint8_t)(1u << bit);

			frame_head(&w, rows[i].type, flags, good, rows[i].least);
			CHECK_INT(frame_read(span_of(mem, sizeof mem), &f) > 0,
				  flags == FRAME_MUST || (flags & rows[i].flags));
		}
		for (uint32_t len = 0; len <= 65535; len += len == 513 ? 16376 - 513 - 1 : len > 16380 ? 257 : 1) {
			struct wr w = wr_of(mem, sizeof mem);
			int want = len > rows[i].most ? -ZT_E_TOOLONG : len < rows[i].least ? -ZT_E_SYNTAX :
				   (int)(FRAME_HEADER + len);

			frame_head(&w, rows[i].type, 0, good, (uint16_t)len);
			CHECK_INT(frame_read(span_of(mem, sizeof mem), &f), want);
			/* Judged before the payload is there. */
			CHECK_INT(frame_read(span_of(mem, FRAME_HEADER), &f), want < 0 || len == 0 ? want : ZT_MORE);
		}
		for (uint32_t stream = 0; stream < 2; stream++) {
			struct wr w = wr_of(mem, sizeof mem);

			frame_head(&w, rows[i].type, 0, stream, rows[i].least);
			CHECK_INT(frame_read(span_of(mem, sizeof mem), &f) > 0, stream ? rows[i].stream : rows[i].conn);
		}
	}
}

TEST(an_unknown_type_is_passed_over_unless_it_must_be_known)
{
	struct frame f;

	for (unsigned type = FRAME_CTRL + 1; type < 256; type++) {
		uint8_t mem[16] = {(uint8_t)type, 0x7f, 3, 0, 9, 0, 0, 0, 'a', 'b', 'c'};

		CHECK_INT(frame_read(span_of(mem, sizeof mem), &f), 11);
		CHECK_INT(f.type, type);
		mem[1] = FRAME_MUST;
		CHECK_INT(frame_read(span_of(mem, sizeof mem), &f), -ZT_E_UNKNOWN);
		mem[1] = 0;
		mem[3] = 0xff;
		CHECK_INT(frame_read(span_of(mem, sizeof mem), &f), -ZT_E_TOOLONG);
	}
	CHECK_INT(READ("\0\0\0\0\0\0\0\0", &f), -ZT_E_SYNTAX);
	CHECK_INT(READ("\0\x80\0\0\0\0\0\0", &f), -ZT_E_SYNTAX);
}

/* ---- HELLO --------------------------------------------------------------------------------- */

/* By hand, from docs/protocol.md. */
static const char hello_bytes[] = "\x01\x00\x02\x00"     /* versions 1 to 2 */
				  "\x02\x01\x04\x00"     /* a connector, connection 1 of 4 */
				  "0123456789abcdef"     /* instance */
				  "\x05\x00\x00\x80"     /* features */
				  "\x00\x10\x00\x00"     /* 4096 streams */
				  "\x00\x00\x00\x04\x00\x00\x00\x00" /* 64 MiB */
				  "\x00\x00\x01\x00"     /* 64 KiB */
				  "\x08zt 0.1.0";

TEST(a_hello_is_read_and_written)
{
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_hello h;

	NEED(frame_hello_read(SPAN_LIT(hello_bytes), &h) == 0);
	CHECK(h.version_min == 1 && h.version_max == 2 && h.role == 2 && h.index == 1 && h.count == 4);
	CHECK(memcmp(h.instance, "0123456789abcdef", 16) == 0 && h.features == 0x80000005u && h.streams == 4096);
	CHECK(h.credit == 64u << 20 && h.stream_credit == 65536);
	CHECK_STR(h.software, "zt 0.1.0");
	frame_hello_write(&w, &h);
	CHECK(span_eq(wr_span(&w), SPAN_LIT(hello_bytes)));
	for (size_t cut = 0; cut < sizeof hello_bytes - 1; cut++)
		CHECK_INT(frame_hello_read(span_of(hello_bytes, cut), &h), -ZT_E_SYNTAX);
	/* A later version says more. */
	wr_str(&w, "more");
	CHECK_INT(frame_hello_read(wr_span(&w), &h), 0);
}

static int hello_with(size_t at, uint8_t byte)
{
	uint8_t mem[sizeof hello_bytes];
	struct frame_hello h;
	int rc;

	memcpy(mem, hello_bytes, sizeof mem);
	mem[at] = byte;
	rc = frame_hello_read(span_of(mem, sizeof mem - 1), &h);
	CHECK(rc == 0 || h.version_max == 0);
	return rc;
}

TEST(a_hello_that_makes_no_sense_is_refused)
{
	CHECK_INT(hello_with(0, 0), -ZT_E_SYNTAX);  /* version 0 */
	CHECK_INT(hello_with(0, 3), -ZT_E_SYNTAX);  /* 3 to 2 */
	CHECK_INT(hello_with(0, 2), 0);
	CHECK_INT(hello_with(5, 4), -ZT_E_SYNTAX);  /* connection 4 of 4 */
	CHECK_INT(hello_with(6, 0), -ZT_E_SYNTAX);  /* of none */
	CHECK_INT(hello_with(7, 1), -ZT_E_SYNTAX);  /* zero byte */
	CHECK_INT(hello_with(44, 9), -ZT_E_SYNTAX); /* a name longer than the frame */
	CHECK_INT(hello_with(46, '\n'), -ZT_E_SYNTAX);
	CHECK_INT(hello_with(46, 0), -ZT_E_SYNTAX);
	CHECK_INT(hello_with(46, 0xc3), -ZT_E_SYNTAX);
}

/* ---- OPEN ---------------------------------------------------------------------------------- */

static const char open_bytes[] = "\x02\x00\x07\x00"          /* http, rule 7 */
				 "\x04\x03\x02\x01"          /* of epoch 0x01020304 */
				 "\x10\x27\x00\x00"          /* 10 s */
				 "\x01SERIALSERIALSER"
				 "\x04\xc0\x00\x02\x01\x39\x30" /* 192.0.2.1:12345 */
				 "\x06\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xbb\x01" /* [2001:db8::1]:443 */
				 "\x0b" "app.example" "\x04" "r-42";

TEST(an_open_is_read_and_written)
{
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	char text[ADDR_TEXT];
	struct frame_open o;

	NEED(frame_open_read(SPAN_LIT(open_bytes), &o) == 0);
	CHECK(o.kind == FRAME_KIND_HTTP && o.rule == 7 && o.epoch == 0x01020304 && o.dial_ms == 10000);
	CHECK(memcmp(o.serial, "\x01SERIALSERIALSER", 16) == 0);
	CHECK_STR(addr_text(&o.peer, text), "192.0.2.1:12345");
	CHECK_STR(addr_text(&o.local, text), "[2001:db8::1]:443");
	CHECK_STR(o.name, "app.example");
	CHECK_STR(o.request, "r-42");
	frame_open_write(&w, &o);
	CHECK(span_eq(wr_span(&w), SPAN_LIT(open_bytes)));
	for (size_t cut = 0; cut < sizeof open_bytes - 1; cut++)
		CHECK_INT(frame_open_read(span_of(open_bytes, cut), &o), -ZT_E_SYNTAX);
	CHECK_INT(frame_open_read(span_of(open_bytes, sizeof open_bytes), &o), -ZT_E_SYNTAX); /* a byte too many */
}

TEST(the_longest_and_the_shortest_open_fit_their_frame)
{
	uint8_t mem[FRAME_HEADER + 512];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_open o = {.kind = FRAME_KIND_TCP}, back;
	struct frame f;

	frame_head(&w, FRAME_OPEN, 0, 2, 32);
	frame_open_write(&w, &o);
	CHECK_INT(frame_read(wr_span(&w), &f), 40);
	CHECK_INT(frame_open_read(f.payload, &back), 0);
	memset(o.name, 'n', FRAME_NAME - 1);
	memset(o.request, 'r', FRAME_REQUEST - 1);
	o.peer.family = o.local.family = 6;
	o.peer.ip[0] = o.local.ip[0] = 0x20;
	w = wr_of(mem, sizeof mem);
	frame_head(&w, FRAME_OPEN, 0, 2, 32 + 2 * 18 + FRAME_NAME - 1 + FRAME_REQUEST - 1);
	frame_open_write(&w, &o);
	CHECK(!w.full && frame_read(wr_span(&w), &f) == (int)w.n);
	CHECK_INT(frame_open_read(f.payload, &back), 0);
	CHECK(strcmp(back.name, o.name) == 0 && strcmp(back.request, o.request) == 0 && addr_eq(&back.peer, &o.peer));
}

static int open_with(size_t at, uint8_t byte)
{
	uint8_t mem[sizeof open_bytes];
	struct frame_open o;
	int rc;

	memcpy(mem, open_bytes, sizeof mem);
	mem[at] = byte;
	rc = frame_open_read(span_of(mem, sizeof mem - 1), &o);
	CHECK(rc == 0 || o.kind == 0);
	return rc;
}

TEST(an_open_that_makes_no_sense_is_refused)
{
	static const char mapped[] = "\x01\0\0\0" "\0\0\0\0" "\0\0\0\0" "0123456789abcdef"
				     "\x06\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x50\0" "\0\0\0";
	struct frame_open o;

	CHECK_INT(open_with(0, 0), -ZT_E_SYNTAX);
	CHECK_INT(open_with(0, 1), 0);
	CHECK_INT(open_with(0, 4), -ZT_E_SYNTAX);
	CHECK_INT(open_with(1, 1), -ZT_E_SYNTAX);
	CHECK_INT(open_with(28, 5), -ZT_E_SYNTAX);    /* family */
	CHECK_INT(open_with(54, 12), -ZT_E_SYNTAX);   /* a longer name: the request id's length is wrong then */
	CHECK_INT(open_with(54, 254), -ZT_E_SYNTAX);
	CHECK_INT(open_with(56, ' '), -ZT_E_SYNTAX);
	CHECK_INT(open_with(56, 0), -ZT_E_SYNTAX);
	CHECK_INT(open_with(68, '\r'), -ZT_E_SYNTAX);
	CHECK_INT(frame_open_read(SPAN_LIT(mapped), &o), -ZT_E_SYNTAX); /* two spellings of 127.0.0.1 */
}

/* ---- ends ---------------------------------------------------------------------------------- */

TEST(a_reset_and_a_goaway_are_read_and_written)
{
	static const char reset[] = "\x02\x00\x08\x07\x06\x05\x04\x03\x02\x01" "caf\xc3\xa9";
	static const char bye[] = "\x01\x00\x04\x00\x00\x00\x30\x75\x00\x00" "restart";
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_resets r;
	struct frame_goaway g;

	NEED(frame_reset_read(SPAN_LIT(reset), &r) == 0);
	CHECK(r.code == RESET_REFUSED && r.delivered == 0x0102030405060708u);
	CHECK_STR(r.text, "caf\xc3\xa9");
	frame_reset_write(&w, &r);
	CHECK(span_eq(wr_span(&w), SPAN_LIT(reset)));
	NEED(frame_goaway_read(SPAN_LIT(bye), &g) == 0);
	CHECK(g.reason == LEAVE_DRAIN && g.last == 4 && g.grace_ms == 30000);
	CHECK_STR(g.text, "restart");
	w = wr_of(mem, sizeof mem);
	frame_goaway_write(&w, &g);
	CHECK(span_eq(wr_span(&w), SPAN_LIT(bye)));
	for (size_t cut = 0; cut < 10; cut++) {
		CHECK_INT(frame_reset_read(span_of(reset, cut), &r), -ZT_E_SYNTAX);
		CHECK_INT(frame_goaway_read(span_of(bye, cut), &g), -ZT_E_SYNTAX);
	}
}

TEST(words_for_people_hold_nothing_that_moves_a_cursor)
{
	uint8_t mem[600] = {1};
	struct frame_resets r;
	struct frame_goaway g;

	for (unsigned c = 0; c < 256; c++) {
		bool ok = c >= ' ' && c < 0x7f;

		mem[10] = (uint8_t)c;
		CHECK_INT(frame_reset_read(span_of(mem, 11), &r) == 0, ok);
		CHECK_INT(frame_goaway_read(span_of(mem, 11), &g) == 0, ok);
	}
	memset(&mem[10], 'x', sizeof mem - 10);
	CHECK_INT(frame_reset_read(span_of(mem, 10 + FRAME_TEXT - 1), &r), 0);
	CHECK_INT(frame_reset_read(span_of(mem, 10 + FRAME_TEXT), &r), -ZT_E_SYNTAX);
	mem[0] = 0;
	CHECK_INT(frame_reset_read(span_of(mem, 10), &r), -ZT_E_SYNTAX);
	mem[1] = 0xff; /* a code of a later version */
	CHECK_INT(frame_reset_read(span_of(mem, 10), &r), 0);
	CHECK_STR(frame_reset_name(r.code), "?");
}

TEST(a_long_text_is_cut_between_characters)
{
	uint8_t mem[600];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_resets r = {.code = RESET_TLS}, back;

	memset(r.text, 'x', sizeof r.text);
	r.text[FRAME_TEXT - 3] = (char)0xc3; /* two characters of two bytes: one does not fit before the NUL */
	r.text[FRAME_TEXT - 2] = (char)0xa9;
	r.text[FRAME_TEXT - 1] = 0;
	frame_reset_write(&w, &r);
	CHECK_INT(w.n, 10 + FRAME_TEXT - 1);
	w = wr_of(mem, sizeof mem);
	r.text[FRAME_TEXT - 3] = 'x';
	r.text[FRAME_TEXT - 2] = (char)0xc3;
	frame_reset_write(&w, &r);
	CHECK_INT(w.n, 10 + FRAME_TEXT - 2);
	CHECK_INT(frame_reset_read(wr_span(&w), &back), 0);
}

/* What the peer would refuse as malformed, and end the connection for. */
TEST(control_bytes_in_a_text_do_not_leave)
{
	uint8_t mem[600];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_resets r = {.code = RESET_ORIGIN, .text = "it said \r\n\x1b[1m\x7f"}, back;
	struct frame_goaway g = {.reason = LEAVE_DRAIN, .text = "a\tb"}, left;

	frame_reset_write(&w, &r);
	NEED(frame_reset_read(wr_span(&w), &back) == 0);
	CHECK_STR(back.text, "it said ???[1m?");
	w = wr_of(mem, sizeof mem);
	frame_goaway_write(&w, &g);
	NEED(frame_goaway_read(wr_span(&w), &left) == 0);
	CHECK_STR(left.text, "a?b");
}

TEST(every_reset_has_its_own_name)
{
	for (unsigned i = RESET_CANCEL; i <= RESET_LEAVING; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(strcmp(frame_reset_name(i), frame_reset_name(k)) != 0);
	CHECK_STR(frame_reset_name(0), "?");
	CHECK_STR(frame_reset_name(RESET_LEAVING + 1), "?");
	CHECK_STR(frame_reset_name(9), "denied");
	CHECK_INT(frame_reset_of(-ZT_E_REFUSED), RESET_REFUSED);
	CHECK_INT(frame_reset_of(-ZT_E_NOFILES), RESET_FULL);
	CHECK_INT(frame_reset_of(-ZT_E_NOSPACE), RESET_UNREACHABLE); /* whatever else */
}

TEST(a_worker_has_one_name)
{
	static const struct {
		const char *name;
		int index;
	} rows[] = {
		{"worker-0.zt-tunnel.invalid", 0},
		{"worker-15.zt-tunnel.invalid", 15},
		{"worker-255.zt-tunnel.invalid", 255},
		{"worker-256.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"worker-00.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"worker--1.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"worker-.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"worker-1a.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"a.worker-1.zt-tunnel.invalid", -ZT_E_SYNTAX},
		{".zt-tunnel.invalid", -ZT_E_SYNTAX},
		{"worker-1.zt-tunnel.invalid.", -ZT_E_NOTFOUND},
		{"worker-1.example.org", -ZT_E_NOTFOUND},
		{"", -ZT_E_NOTFOUND},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK_INT(frame_worker_read(span_str(rows[i].name)), rows[i].index);
	for (unsigned i = 0; i < 256; i++) {
		char name[FRAME_WORKER];

		frame_worker_name(name, i);
		CHECK_INT(frame_worker_read(span_str(name)), (int)i);
	}
}
