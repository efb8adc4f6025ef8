/* Files for a jailed child: packed, checked, found, and nothing else taken for one. */
#include "wire/bundle.h"

#include "tests/unit/unit.h"

static uint8_t mem[BOUND_CAP(BOUND_BUNDLE) + 64];

TEST(the_bytes_are_as_documented)
{
	static const uint8_t want[] = {'z', 't', 'b', 'u', 'n', 'd', 'l', '1', 2, 0, '/', 'a', 3, 0, 0, 0, 'p', 'e', 'm'};
	struct wr w = wr_of(mem, sizeof mem);

	bundle_begin(&w);
	bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("pem"));
	CHECK(!w.full);
	CHECK(span_eq(wr_span(&w), span_of(want, sizeof want)));
}

TEST(files_are_found)
{
	struct wr w = wr_of(mem, sizeof mem);
	struct span s;

	bundle_begin(&w);
	CHECK_INT(bundle_check(wr_span(&w)), 0); /* no file at all is a bundle */
	CHECK_INT(bundle_find(wr_span(&w), "/a", &s), -ZT_E_NOTFOUND);
	bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("one"));
	bundle_add(&w, SPAN_LIT("/b"), SPAN_NONE);
	bundle_add(&w, SPAN_LIT("/a/"), SPAN_LIT("\0\1\2"));
	CHECK_INT(bundle_check(wr_span(&w)), 0);
	CHECK(bundle_find(wr_span(&w), "/a", &s) == 0 && span_eq_str(s, "one"));
	CHECK(bundle_find(wr_span(&w), "/b", &s) == 0 && s.n == 0);
	CHECK(bundle_find(wr_span(&w), "/a/", &s) == 0 && span_eq(s, SPAN_LIT("\0\1\2")));
	CHECK_INT(bundle_find(wr_span(&w), "/c", &s), -ZT_E_NOTFOUND);
	CHECK_INT(bundle_find(wr_span(&w), "", &s), -ZT_E_NOTFOUND);
	CHECK(s.p == NULL);
}

TEST(one_path_has_one_content)
{
	struct wr w = wr_of(mem, sizeof mem);
	struct span s;
	size_t n;

	bundle_begin(&w);
	bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("first"));
	n = w.n;
	bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("second"));
	CHECK(!w.full && w.n == n);
	CHECK(bundle_find(wr_span(&w), "/a", &s) == 0 && span_eq_str(s, "first"));
	wr_bytes(&w, "\2\0/a\0\0\0\0", 8); /* by hand */
	CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_SYNTAX);
}

TEST(odd_paths_are_refused)
{
	static char path[BUNDLE_PATH + 1];
	const struct span bad[] = {SPAN_NONE, SPAN_LIT("/a\0b"), span_of(path, BUNDLE_PATH + 1)};
	struct wr w;

	memset(path, 'p', sizeof path);
	for (size_t i = 0; i < 3; i++) {
		w = wr_of(mem, sizeof mem);
		bundle_begin(&w);
		bundle_add(&w, bad[i], SPAN_LIT("x"));
		CHECK(w.full);
		CHECK_INT(bundle_check(wr_span(&w)), 0); /* what was there is still one */
		w = wr_of(mem, sizeof mem);
		bundle_begin(&w);
		wr_le16(&w, (uint16_t)bad[i].n);
		wr_put(&w, bad[i]);
		wr_le32(&w, 0);
		CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_SYNTAX);
	}
	w = wr_of(mem, sizeof mem);
	bundle_begin(&w);
	bundle_add(&w, span_of(path, BUNDLE_PATH), SPAN_LIT("x"));
	CHECK(!w.full);
	CHECK_INT(bundle_check(wr_span(&w)), 0);
}

TEST(every_cut_and_every_byte_more_is_refused)
{
	struct wr w = wr_of(mem, sizeof mem);
	size_t first;

	bundle_begin(&w);
	bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("one"));
	first = w.n;
	bundle_add(&w, SPAN_LIT("/b"), SPAN_LIT("two"));
	for (size_t n = 0; n < w.n; n++)
		CHECK_INT(bundle_check(span_of(mem, n)), n == 8 || n == first ? 0 : -ZT_E_SYNTAX);
	wr_u8(&w, 0);
	CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_SYNTAX);
	w.n--;
	for (size_t i = 0; i < 8; i++) {
		mem[i] ^= 1; /* another magic, another version */
		CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_SYNTAX);
		mem[i] ^= 1;
	}
	mem[8 + 2 + 2 + 3] = 0xff; /* a length of 4,278,190,083 */
	CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_SYNTAX);
}

TEST(no_room_leaves_no_half_a_file)
{
	for (size_t cap = 8; cap <= 17; cap++) {
		struct wr w = wr_of(mem, cap);

		bundle_begin(&w);
		bundle_add(&w, SPAN_LIT("/a"), SPAN_LIT("1")); /* 2 + 2 + 4 + 1 = 9, and 8 before */
		CHECK(w.full == (cap < 17) && w.n == (cap < 17 ? 8 : 17));
	}
}

FLOODS(BOUND_BUNDLE)
{
	const size_t cap = BOUND_CAP(BOUND_BUNDLE);
	static uint8_t junk[BOUND_CAP(BOUND_BUNDLE)];
	struct wr w = wr_of(mem, sizeof mem); /* more room than is allowed */

	bundle_begin(&w);
	bundle_add(&w, SPAN_LIT("/a"), span_of(junk, cap - 8 - 8));
	CHECK(!w.full && w.n == cap);
	CHECK_INT(bundle_check(wr_span(&w)), 0);
	bundle_add(&w, SPAN_LIT("/b"), SPAN_NONE);
	CHECK(w.full && w.n == cap);
	w = wr_of(mem, sizeof mem);
	bundle_begin(&w);
	bundle_add(&w, SPAN_LIT("/a"), span_of(junk, cap - 8 - 7));
	CHECK(w.full && w.n == 8);
	w.full = false;
	wr_bytes(&w, "\2\0/a", 4);
	wr_le32(&w, (uint32_t)(cap - 15));
	w.n += cap - 15;
	CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_TOOLONG);
}

TEST(files_are_counted)
{
	struct wr w = wr_of(mem, sizeof mem);
	char path[16];

	bundle_begin(&w);
	for (unsigned i = 0; i < BUNDLE_FILES; i++) {
		snprintf(path, sizeof path, "/%u", i);
		bundle_add(&w, span_str(path), SPAN_NONE);
	}
	CHECK(!w.full);
	CHECK_INT(bundle_check(wr_span(&w)), 0);
	bundle_add(&w, SPAN_LIT("/more"), SPAN_NONE);
	CHECK(w.full);
	w.full = false;
	wr_bytes(&w, "\2\0/x\0\0\0\0", 8);
	CHECK_INT(bundle_check(wr_span(&w)), -ZT_E_TOOLONG);
}
