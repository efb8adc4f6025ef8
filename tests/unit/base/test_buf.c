/* buf: the window over attached memory, against a model that never moves anything. */
#include "base/buf.h"

#include <stdlib.h>

#include "../unit.h"

TEST(a_detached_buffer_is_empty_and_has_no_room)
{
	struct buf b = {0};
	size_t room = 9;

	CHECK(!buf_attached(&b));
	CHECK(buf_len(&b) == 0 && buf_room(&b) == 0);
	CHECK(buf_space(&b, &room) == NULL && room == 0);
	CHECK(buf_span(&b).n == 0);
	CHECK(buf_push(&b, SPAN_NONE));
	CHECK(!buf_push(&b, SPAN_LIT("x")));
	CHECK(buf_detach(&b) == NULL);
	CHECK(buf_drop(&b) == NULL);
}

TEST(bytes_leave_in_order_and_room_comes_back)
{
	struct buf b = {0};
	uint8_t mem[8];
	size_t room;

	buf_attach(&b, mem, sizeof mem);
	CHECK(buf_push(&b, SPAN_LIT("abcdef")));
	CHECK(!buf_push(&b, SPAN_LIT("ghi"))); /* all or nothing */
	CHECK(buf_push(&b, SPAN_LIT("gh")));
	CHECK_INT(buf_room(&b), 0);
	CHECK(buf_space(&b, &room) == NULL && room == 0);
	buf_take(&b, 3);
	CHECK(span_eq_str(buf_span(&b), "defgh"));
	CHECK_INT(buf_room(&b), 3);
	CHECK(buf_push(&b, SPAN_LIT("ijk"))); /* the room was in front */
	CHECK(span_eq_str(buf_span(&b), "defghijk"));
	buf_take(&b, 8);
	CHECK_INT(buf_room(&b), 8);
	CHECK(buf_span(&b).n == 0);
	CHECK(buf_space(&b, &room) == mem && room == 8); /* empty: all of it in one piece */
	CHECK(buf_detach(&b) == mem && !buf_attached(&b));
}

TEST(there_is_space_whenever_there_is_room)
{
	/* A reader that polls on buf_room() and gets no space would spin. */
	for (size_t cap = 1; cap <= 12; cap++)
		for (size_t fill = 0; fill <= cap; fill++)
			for (size_t take = 0; take <= fill; take++) {
				struct buf b = {0};
				uint8_t mem[12];
				size_t room;

				buf_attach(&b, mem, cap);
				memset(mem, 'x', cap);
				buf_filled(&b, fill);
				buf_take(&b, take);
				CHECK((buf_space(&b, &room) != NULL) == (buf_room(&b) > 0));
				CHECK((room > 0) == (buf_room(&b) > 0) && room <= buf_room(&b));
			}
}

static struct buf misused;
static uint8_t misused_mem[8];

static void attach_twice(void)
{
	buf_attach(&misused, misused_mem, 8);
	buf_attach(&misused, misused_mem, 8);
}

static void detach_with_bytes(void)
{
	buf_attach(&misused, misused_mem, 8);
	buf_push(&misused, SPAN_LIT("a"));
	buf_detach(&misused);
}

static void take_too_much(void)
{
	buf_attach(&misused, misused_mem, 8);
	buf_push(&misused, SPAN_LIT("a"));
	buf_take(&misused, 2);
}

static void fill_too_much(void)
{
	buf_attach(&misused, misused_mem, 8);
	buf_filled(&misused, 9);
}

TEST(misuse_aborts)
{
	CHECK(unit_dies(attach_twice));
	CHECK(unit_dies(detach_with_bytes));
	CHECK(unit_dies(take_too_much));
	CHECK(unit_dies(fill_too_much));
}

TEST(dropping_forgets_what_is_inside)
{
	struct buf b = {0};
	uint8_t mem[8];

	buf_attach(&b, mem, sizeof mem);
	buf_push(&b, SPAN_LIT("abc"));
	CHECK(buf_drop(&b) == mem);
	CHECK(buf_len(&b) == 0 && !buf_attached(&b));
}

/* What goes in is a counter's bytes, so what is inside is known from two totals alone. */
struct model {
	uint64_t in, out;
	uint32_t rnd;
};

static uint32_t next(struct model *m, uint32_t below)
{
	m->rnd = m->rnd * 1664525 + 1013904223;
	return (m->rnd >> 8) % below;
}

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 37 + (i >> 8));
}

static bool agree(const struct buf *b, const struct model *m, size_t cap)
{
	struct span s = buf_span(b);

	if (s.n != m->in - m->out || buf_len(b) != s.n || buf_room(b) != cap - s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != byte_at(m->out + i))
			return false;
	return true;
}

static void one_step(struct buf *b, struct model *m)
{
	uint8_t tmp[96], *to;
	size_t n = next(m, 90), room;

	switch (next(m, 3)) {
	case 0:
		for (size_t i = 0; i < n; i++)
			tmp[i] = byte_at(m->in + i);
		room = buf_room(b);
		if (buf_push(b, span_of(tmp, n)) != (n <= room))
			unit_fail(__FILE__, __LINE__, "push of %zu with room for %zu", n, room);
		m->in += n <= room ? n : 0;
		return;
	case 1:
		to = buf_space(b, &room);
		n = n < room ? n : room;
		for (size_t i = 0; i < n; i++)
			to[i] = byte_at(m->in + i);
		buf_filled(b, n);
		m->in += n;
		return;
	default:
		n = n < buf_len(b) ? n : buf_len(b);
		buf_take(b, n);
		m->out += n;
	}
}

TEST(random_operations_agree_with_the_model)
{
	for (size_t cap = 1; cap <= 100; cap += 11) {
		struct buf b = {0};
		struct model m = {.rnd = (uint32_t)cap};
		uint8_t *mem = malloc(cap); /* exact, so that a sanitizer sees one byte too many */

		NEED(mem != NULL);
		buf_attach(&b, mem, cap);
		for (int i = 0; i < 5000; i++) {
			one_step(&b, &m);
			if (!agree(&b, &m, cap)) {
				unit_fail(__FILE__, __LINE__, "cap %zu step %d", cap, i);
				break;
			}
		}
		CHECK(m.out > 500);
		free(buf_drop(&b));
	}
}
