/* Status lists: written and read again, every byte of one turned, and everything that the form forbids. */
#include "wire/statlist.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/num.h"
#include "tests/unit/wire/keypair.h"

static struct status_entry entry(enum status_what what, enum status_state state, uint8_t key)
{
	struct status_entry e = {.what = (uint8_t)what, .state = (uint8_t)state};

	memset(e.key, key, sizeof e.key);
	return e;
}

static const struct statlist full = {.kind = STATLIST_FULL, .epoch = 3, .number = 7, .issued = 1800000000, .n = 4};

static struct span write_four(struct wr *w, const struct pair *p)
{
	const struct status_entry e[] = {
		entry(STATUS_CERT, STATUS_GOOD, 1), entry(STATUS_CERT, STATUS_REVOKED, 2),
		entry(STATUS_SESSION, STATUS_SUPERSEDED, 0), entry(STATUS_GRANT, STATUS_SUSPENDED, 0xff)};

	statlist_write_head(w, &full);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		statlist_write_entry(w, &e[i]);
	CHECK_INT(statlist_seal(w, 0, &p->key), 0);
	return wr_span(w);
}

/* The layout that the header and docs/formats.md promise, byte for byte. */
TEST(the_layout_is_as_documented)
{
	static const uint8_t want[] = {
		'z', 't', 's', 't', 'a', 't', 'l', '1', 2, 0, 0, 0, 0, 0, 0, 0,
		8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		0x17, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x00, 0xd2, 0x49, 0x6b, 0, 0, 0, 0,
		1, 0, 0, 0,
		3, 5, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
	struct statlist l = {.kind = STATLIST_DELTA, .epoch = 0x0102030405060708, .number = 0x1112131415161718,
			     .base = 0x1112131415161717, .issued = 1800000000, .n = 1};
	struct status_entry e = entry(STATUS_USER, STATUS_GONE, 9);
	uint8_t mem[STATLIST_BYTES(1)];
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(sizeof want, STATLIST_HEAD + STATLIST_ENTRY);
	statlist_write_head(&w, &l);
	statlist_write_entry(&w, &e);
	CHECK(span_eq(wr_span(&w), span_of(want, sizeof want)));
}

/* What is signed, computed here with a copy: the label, its NUL, everything before the length. */
TEST(the_signature_is_over_the_label_and_all_before_it)
{
	static const uint8_t label[] = "zt status list";
	uint8_t mem[STATLIST_BYTES(4)], copy[sizeof label + sizeof mem];
	struct wr w = wr_of(mem, sizeof mem), c = wr_of(copy, sizeof copy);
	struct statlist l;
	struct pair p, other, big;
	struct span list;

	pair_make(&p, PK_P256);
	pair_make(&other, PK_P256);
	pair_make(&big, PK_P384);
	list = write_four(&w, &p);
	NEED(statlist_read(&l, list, NULL) == 0);
	CHECK_INT(l.signed_part.n, STATLIST_HEAD + 4 * STATLIST_ENTRY);
	CHECK_INT(list.n, l.signed_part.n + 2 + l.sig.n);
	wr_bytes(&c, label, sizeof label);
	wr_put(&c, l.signed_part);
	CHECK_INT(pk_verify(&p.pub, PK_SHA256, wr_span(&c), l.sig), 0);
	CHECK_INT(statlist_signed_by(&l, &p.pub), 0);
	CHECK_INT(statlist_signed_by(&l, &other.pub), -ZT_E_DENIED);
	CHECK_INT(statlist_signed_by(&l, &big.pub), -ZT_E_DENIED);
	CHECK_INT(pk_verify(&p.pub, PK_SHA256, l.signed_part, l.sig), -ZT_E_DENIED); /* the label is needed */
}

TEST(what_was_written_is_read)
{
	uint8_t mem[STATLIST_BYTES(4)];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};
	struct status_entry e;
	struct statlist l;
	struct pair p;

	pair_make(&p, PK_P256);
	NEED(statlist_read(&l, write_four(&w, &p), &why) == 0);
	CHECK(l.kind == STATLIST_FULL && l.epoch == 3 && l.number == 7 && l.base == 0);
	CHECK(l.issued == 1800000000 && l.n == 4);
	statlist_entry(&l, 1, &e);
	CHECK(e.what == STATUS_CERT && e.state == STATUS_REVOKED && e.key[0] == 2 && e.key[15] == 2);
	statlist_entry(&l, 3, &e);
	CHECK(e.what == STATUS_GRANT && e.state == STATUS_SUSPENDED && e.key[15] == 0xff);
}

/* Whatever is done to it, it is not a list that this key has signed. */
TEST(no_byte_can_be_changed)
{
	uint8_t mem[STATLIST_BYTES(4)], copy[STATLIST_BYTES(4) + 1];
	struct wr w = wr_of(mem, sizeof mem);
	struct span list;
	struct statlist l;
	struct pair p;

	pair_make(&p, PK_P256);
	list = write_four(&w, &p);
	for (size_t i = 0; i < list.n; i++) {
		unsigned good = 0;

		for (unsigned bit = 1; bit < 512; bit <<= 1) { /* the last one turns nothing: it is good */
			memcpy(copy, list.p, list.n);
			copy[i] ^= (uint8_t)bit;
			good += statlist_read(&l, span_of(copy, list.n), NULL) == 0 &&
				statlist_signed_by(&l, &p.pub) == 0;
		}
		CHECK_INT(good, 1);
		CHECK(statlist_read(&l, span_sub(list, 0, i), NULL) < 0 && l.sig.n == 0 && l.n == 0); /* cut */
	}
	memcpy(copy, list.p, list.n);
	copy[list.n] = 0;
	CHECK_INT(statlist_read(&l, span_of(copy, list.n + 1), NULL), -ZT_E_SYNTAX); /* behind it */
}

/* Signed well, and still not a list: who holds the key can be wrong, or robbed. */
static int read_of(const struct statlist *head, const struct status_entry *e, size_t n)
{
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};
	struct statlist l;
	struct pair p;
	int rc;

	pair_make(&p, PK_P256);
	statlist_write_head(&w, head);
	for (size_t i = 0; i < n; i++)
		statlist_write_entry(&w, &e[i]);
	CHECK_INT(statlist_seal(&w, 0, &p.key), 0);
	rc = statlist_read(&l, wr_span(&w), &why);
	CHECK((rc == 0) == (why.text[0] == 0));
	CHECK(rc == 0 ? statlist_signed_by(&l, &p.pub) == 0 : l.signed_part.n == 0);
	return rc;
}

TEST(numbers_that_cannot_be_are_refused)
{
	const struct statlist f = {.kind = STATLIST_FULL, .epoch = 1, .number = 1, .issued = 1};
	const struct statlist d = {.kind = STATLIST_DELTA, .epoch = 1, .number = 2, .base = 1, .issued = 1};
	struct statlist l;

	CHECK_INT(read_of(&f, NULL, 0), 0);
	CHECK_INT(read_of(&d, NULL, 0), 0);
#define REFUSED(of, field, value)                                                                  \
	do {                                                                                      \
		l = (of);                                                                         \
		l.field = (value);                                                                \
		CHECK_INT(read_of(&l, NULL, 0), -ZT_E_SYNTAX);                                    \
	} while (0)
	REFUSED(f, kind, 0);
	REFUSED(f, kind, 3);
	REFUSED(f, kind, STATLIST_DELTA);
	REFUSED(f, epoch, 0);
	REFUSED(f, number, 0);
	REFUSED(f, base, 1);
	REFUSED(f, issued, 0);
	REFUSED(f, issued, -1);
	REFUSED(f, issued, INT64_MIN);
	REFUSED(f, n, 1);
	REFUSED(d, kind, STATLIST_FULL);
	REFUSED(d, base, 0);
	REFUSED(d, base, 2);
	REFUSED(d, base, UINT64_MAX);
#undef REFUSED
	l = f;
	l.issued = INT64_MAX;
	l.epoch = l.number = UINT64_MAX;
	CHECK_INT(read_of(&l, NULL, 0), 0);
}

TEST(entries_that_cannot_be_are_refused)
{
	struct statlist f = {.kind = STATLIST_FULL, .epoch = 1, .number = 1, .issued = 1};
	struct statlist d = {.kind = STATLIST_DELTA, .epoch = 1, .number = 2, .base = 1, .issued = 1};
	struct status_entry e[3];

	f.n = d.n = 1;
	for (unsigned what = 0; what < 256; what++)
		for (unsigned state = 0; state < 7; state++) {
			bool known = what >= 1 && what <= 4 && state >= 1;

			e[0] = (struct status_entry){.what = (uint8_t)what, .state = (uint8_t)state};
			CHECK_INT(read_of(&f, e, 1), known && state <= 4 ? 0 : -ZT_E_SYNTAX);
			CHECK_INT(read_of(&d, e, 1), known && state <= 5 ? 0 : -ZT_E_SYNTAX);
		}
	f.n = 3;
	e[0] = entry(STATUS_CERT, STATUS_GOOD, 0xff);
	e[1] = entry(STATUS_SESSION, STATUS_GOOD, 0);
	e[2] = entry(STATUS_SESSION, STATUS_GOOD, 0);
	CHECK_INT(read_of(&f, e, 3), -ZT_E_SYNTAX); /* twice, and as twice as with another state */
	e[2].state = STATUS_REVOKED;
	CHECK_INT(read_of(&f, e, 3), -ZT_E_SYNTAX);
	e[2].key[15] = 1;
	CHECK_INT(read_of(&f, e, 3), 0);
	e[1].key[15] = 2;
	CHECK_INT(read_of(&f, e, 3), -ZT_E_SYNTAX); /* out of order by the last byte of a key */
	e[1] = entry(STATUS_USER, STATUS_GOOD, 0);
	CHECK_INT(read_of(&f, e, 3), -ZT_E_SYNTAX); /* and by what it is of */
	CHECK_INT(read_of(&f, e, 2), -ZT_E_SYNTAX); /* fewer, and more, than the head says */
	f.n = 1;
	CHECK_INT(read_of(&f, e, 3), -ZT_E_SYNTAX);
}

TEST(bytes_that_must_be_zero_are)
{
	uint8_t mem[STATLIST_BYTES(4)];
	struct wr w = wr_of(mem, sizeof mem);
	static const size_t zero[] = {9, 12, 15, STATLIST_HEAD + 2, STATLIST_HEAD + 3};
	struct statlist l;
	struct span list;
	struct pair p;

	pair_make(&p, PK_P256);
	list = write_four(&w, &p);
	for (size_t i = 0; i < ARRAY_LEN(zero); i++) {
		mem[zero[i]] = 1;
		CHECK_INT(statlist_read(&l, list, NULL), -ZT_E_SYNTAX);
		mem[zero[i]] = 0;
	}
	CHECK_INT(statlist_read(&l, list, NULL), 0);
	mem[7] = '2';
	CHECK_INT(statlist_read(&l, list, NULL), -ZT_E_VERSION);
	mem[6] = 'm';
	CHECK_INT(statlist_read(&l, list, NULL), -ZT_E_SYNTAX);
	CHECK_INT(statlist_read(&l, SPAN_NONE, NULL), -ZT_E_SYNTAX);
}

TEST(sealing_refuses_what_it_cannot_sign)
{
	uint8_t mem[STATLIST_BYTES(0)];
	struct statlist l = {.kind = STATLIST_FULL, .epoch = 1, .number = 1, .issued = 1};
	struct pair p, big;
	struct wr w;

	pair_make(&p, PK_P256);
	pair_make(&big, PK_P384);
	w = wr_of(mem, sizeof mem);
	statlist_write_head(&w, &l);
	CHECK_INT(statlist_seal(&w, 0, &big.key), -ZT_E_KEY);
	CHECK_INT(w.n, STATLIST_HEAD);
	CHECK_INT(statlist_seal(&w, 0, &p.key), 0);
	w = wr_of(mem, STATLIST_HEAD - 1);
	statlist_write_head(&w, &l);
	CHECK_INT(statlist_seal(&w, 0, &p.key), -ZT_E_FULL);
	w = wr_of(mem, STATLIST_HEAD + 8); /* no room for the signature */
	statlist_write_head(&w, &l);
	CHECK_INT(statlist_seal(&w, 0, &p.key), -ZT_E_FULL);
}

/* A list in the middle of a buffer: `from` is where it begins. */
TEST(a_list_may_stand_behind_something)
{
	uint8_t mem[5 + STATLIST_BYTES(0)];
	struct statlist l = {.kind = STATLIST_FULL, .epoch = 1, .number = 1, .issued = 1};
	struct wr w = wr_of(mem, sizeof mem);
	struct pair p;

	pair_make(&p, PK_P256);
	wr_str(&w, "ahead");
	statlist_write_head(&w, &l);
	CHECK_INT(statlist_seal(&w, 5, &p.key), 0);
	NEED(statlist_read(&l, span_sub(wr_span(&w), 5, w.n), NULL) == 0);
	CHECK_INT(statlist_signed_by(&l, &p.pub), 0);
}

static int read_many(uint8_t *mem, size_t cap, uint32_t n)
{
	struct wr w = wr_of(mem, cap);
	struct statlist l = full;
	struct status_entry e = entry(STATUS_CERT, STATUS_GOOD, 0);
	struct pair p;
	int rc;

	pair_make(&p, PK_P256);
	l.n = n;
	statlist_write_head(&w, &l);
	for (uint32_t i = 0; i < n; i++) {
		struct wr k = wr_of(e.key, 4);

		wr_be32(&k, i);
		statlist_write_entry(&w, &e);
	}
	CHECK_INT(statlist_seal(&w, 0, &p.key), 0);
	rc = statlist_read(&l, wr_span(&w), NULL);
	CHECK(rc < 0 || (l.n == n && statlist_signed_by(&l, &p.pub) == 0));
	return rc;
}

FLOODS(BOUND_STATUS_ENTRIES)
{
	size_t cap = STATLIST_BYTES(STATLIST_MOST + 1);
	uint8_t *mem = malloc(cap);

	NEED(mem != NULL);
	CHECK_INT(read_many(mem, cap, STATLIST_MOST), 0);
	CHECK_INT(read_many(mem, cap, STATLIST_MOST + 1), -ZT_E_TOOLONG);
	free(mem);
}
