/*
 * journal damage: for files with every kind of record, each truncation, and each offset with
 * each bit of its byte flipped: a torn tail is dropped, everything else is refused with the
 * offset of the record that is wrong.
 */
#include <stdlib.h>

#include "io/journal.h"
#include "tests/unit/io/journal_kit.h"

#define RECORDS_MAX 32

struct image {
	uint8_t *mem;
	size_t n;
	int fd;
	size_t start[RECORDS_MAX + 1], records; /* start[records] = n */
	size_t based;                           /* the end of the base record */
};

static int collect(void *ctx, const struct jrec *r, uint64_t offset)
{
	struct image *im = ctx;

	(void)r;
	im->start[im->records++] = (size_t)offset;
	return 0;
}

/* Two records in a snapshot, then three small ones, one of many sectors, and a last one whose
 * value is `last` zeros. */
static void make_image(struct image *im, const char *name, size_t last)
{
	static const uint8_t zeros[3000];
	int dir = fresh_dir(name);
	struct journal *j = create(dir);
	struct journal_place at = in_dir(dir);
	struct journal_report rep;
	struct why w = {0};
	uint64_t keep = 2;

	*im = (struct image){0};
	CHECK_INT(append(j, 0, SPAN_NONE, &w), 0);
	CHECK_INT(journal_snapshot(j, snap_numbers, &keep, &w), 0);
	im->based = (size_t)journal_bytes(j);
	CHECK_INT(append(j, 3, SPAN_NONE, &w), 0);
	CHECK_INT(append(j, 4, SPAN_LIT("text"), &w), 0);
	CHECK_INT(append(j, 5, span_of(zeros, 1300), &w), 0);
	CHECK_INT(append(j, 6, span_of(zeros, last), &w), 0);
	journal_close(j);
	CHECK_INT(journal_verify(&at, collect, im, &rep, &w), 0);
	im->n = (size_t)rep.good;
	im->start[im->records] = im->n;
	im->mem = malloc(im->n);
	im->fd = openat(dir, "j", O_RDWR | O_CLOEXEC);
	CHECK(im->mem && im->fd >= 0 && pread(im->fd, im->mem, im->n, 0) == (ssize_t)im->n);
	close(dir);
}

static void free_image(struct image *im)
{
	close(im->fd);
	free(im->mem);
}

static size_t record_at(const struct image *im, size_t offset)
{
	for (size_t i = im->records; i-- > 0;)
		if (offset >= im->start[i])
			return i;
	return 0;
}

static int count_one(void *ctx, const struct jrec *r, uint64_t offset)
{
	(void)r;
	(void)offset;
	*(size_t *)ctx += 1;
	return 0;
}

static int scan(const struct image *im, size_t *seen, struct journal_report *rep, struct why *w)
{
	static uint8_t mem[JREC_BATCH];
	struct jscan s = {.fd = im->fd, .shown = "image", .mem = mem, .each = count_one, .ctx = seen, .own_too = true};

	*seen = 0;
	*w = (struct why){0};
	return jscan_run(&s, rep, w);
}

static void says_offset(const struct why *w, size_t offset)
{
	char want[64];

	snprintf(want, sizeof want, "offset %zu", offset);
	if (strstr(w->text, want) == NULL)
		unit_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", w->text, want);
}

static void expect_damage(const struct image *im, size_t at, const char *what)
{
	struct journal_report rep;
	struct why w;
	size_t seen, i = record_at(im, at), good = at < JREC_MAGIC ? 0 : im->start[i];
	int err = scan(im, &seen, &rep, &w);
	bool version = at == 12 && err == -ZT_E_VERSION;

	if ((err != -ZT_E_DAMAGED && !version) || rep.good != good || rep.torn != 0)
		unit_fail(__FILE__, __LINE__, "%s at %zu: %d, good %llu not %zu, torn %llu", what, at, err,
			  (unsigned long long)rep.good, good, (unsigned long long)rep.torn);
	if (at >= JREC_MAGIC && seen != i)
		unit_fail(__FILE__, __LINE__, "%s at %zu: %zu records seen", what, at, seen);
	says_offset(&w, version ? 12 : good);
}

static void put_byte(const struct image *im, size_t at, uint8_t v)
{
	CHECK(pwrite(im->fd, &v, 1, (off_t)at) == 1);
}

/* Every bit, all bits, and the byte as 0x00 and 0xff, at every offset below `end`. */
static size_t flip_all(const struct image *im, size_t end)
{
	size_t tried = 0;

	for (size_t at = 0; at < end; at++) {
		uint8_t was = im->mem[at], to[11] = {(uint8_t)~was, 0, 0xff};

		for (size_t bit = 0; bit < 8; bit++)
			to[3 + bit] = (uint8_t)(was ^ 1u << bit);
		for (size_t i = 0; i < sizeof to; i++) {
			if (to[i] == was)
				continue;
			put_byte(im, at, to[i]);
			expect_damage(im, at, "changed byte");
			tried++;
		}
		put_byte(im, at, was);
	}
	return tried;
}

static void every_truncation(const struct image *im)
{
	for (size_t n = im->n; n-- > 0;) {
		struct journal_report rep;
		size_t seen, i = record_at(im, n);
		struct why w;
		int err;

		CHECK(ftruncate(im->fd, (off_t)n) == 0);
		err = scan(im, &seen, &rep, &w);
		if (n < im->based) { /* it never had this name without its base record */
			size_t good = n < JREC_MAGIC ? 0 : im->start[i];

			if (err != -ZT_E_DAMAGED || rep.good != good || rep.torn)
				unit_fail(__FILE__, __LINE__, "cut to %zu: %d", n, err);
			says_offset(&w, good);
		} else if (err != 0 || rep.good != im->start[i] || rep.torn != n - im->start[i] ||
			   seen != i) {
			unit_fail(__FILE__, __LINE__, "cut to %zu: %d, good %llu, torn %llu", n, err,
				  (unsigned long long)rep.good, (unsigned long long)rep.torn);
		}
	}
	CHECK(pwrite(im->fd, im->mem, im->n, 0) == (ssize_t)im->n);
}

static void all_of_it(const char *name, size_t last)
{
	struct image im;
	size_t tried;

	make_image(&im, name, last);
	tried = flip_all(&im, im.n);
	every_truncation(&im);
	printf("%s: %zu bytes, %zu records: %zu changed bytes refused with their offset, %zu truncations judged\n",
	       name, im.n, im.records, tried, im.n);
	free_image(&im);
}

TEST(every_byte_changed_and_every_truncation_small_last_record)
{
	all_of_it("small-last", 3);
}

TEST(every_byte_changed_and_every_truncation_last_record_of_zeros_over_sectors)
{
	all_of_it("zeros-last", 1200);
}

TEST(every_byte_changed_and_every_truncation_last_record_ends_where_a_sector_begins)
{
	struct image im;
	size_t first, found = 0;

	/* eight lengths of the value make the file end 8 bytes into a sector, which then holds
	 * 4 to 8 bytes of padding, and zeros of the value: all that tells it from an unwritten one */
	make_image(&im, "probe", 0);
	first = (512 + 8 - im.n % 512) % 512;
	free_image(&im);
	for (size_t last = first > 8 ? first - 8 : 0; last < first + 8; last++) {
		char name[32];
		bool there;

		snprintf(name, sizeof name, "sector-%zu", last);
		make_image(&im, name, last);
		there = im.n % 512 == 8;
		found += there;
		free_image(&im);
		snprintf(name, sizeof name, "sector-last-%zu", last);
		if (there)
			all_of_it(name, last);
	}
	CHECK_INT(found, 8);
}

TEST(damage_before_a_torn_tail_is_still_damage)
{
	struct image im;
	size_t end;

	make_image(&im, "both", 700);
	end = im.start[im.records - 1];
	CHECK(ftruncate(im.fd, (off_t)(im.n - 5)) == 0);
	(void)flip_all(&im, end);
	CHECK(ftruncate(im.fd, (off_t)(end + 2)) == 0);
	(void)flip_all(&im, end);
	free_image(&im);
}

TEST(unwritten_sectors_of_the_last_record_are_a_torn_tail)
{
	static const uint8_t zeros[8192];
	struct image im;
	size_t last;

	make_image(&im, "sectors", 2000);
	last = im.start[im.records - 1];
	for (size_t at = im.n / 512 * 512; at > last; at -= 512) {
		struct journal_report rep;
		struct why w;
		size_t seen;

		CHECK(pwrite(im.fd, zeros, im.n - at, (off_t)at) == (ssize_t)(im.n - at));
		CHECK_INT(scan(&im, &seen, &rep, &w), 0);
		CHECK(rep.good == last && rep.torn == im.n - last);
	}
	/* all of it unwritten; then more growth than the record had */
	CHECK(pwrite(im.fd, zeros, im.n - last, (off_t)last) == (ssize_t)(im.n - last));
	for (size_t more = 0; more < 2; more++) {
		struct journal_report rep;
		struct why w;
		size_t seen;

		CHECK_INT(scan(&im, &seen, &rep, &w), 0);
		CHECK(rep.good == last && rep.torn == im.n - last + more * 4096);
		CHECK(ftruncate(im.fd, (off_t)(im.n + 4096)) == 0);
	}
	free_image(&im);
}

TEST(lost_sectors_before_the_last_record_are_damage)
{
	static const uint8_t zeros[512];
	struct image im;

	make_image(&im, "hole", 3);
	for (size_t at = 0; at + 512 < im.start[im.records - 1]; at += 512) {
		size_t i = record_at(&im, at), seen;
		struct journal_report rep;
		struct why w;
		int err;

		CHECK(pwrite(im.fd, zeros, 512, (off_t)at) == 512);
		err = scan(&im, &seen, &rep, &w);
		/* a sector that holds nothing but zeros of a value is no loss */
		if (memcmp(&im.mem[at], zeros, 512) == 0)
			CHECK_INT(err, 0);
		else
			CHECK(err == -ZT_E_DAMAGED && rep.good == (at == 0 ? 0 : im.start[i]));
		CHECK(pwrite(im.fd, &im.mem[at], 512, (off_t)at) == 512);
	}
	free_image(&im);
}

TEST(a_record_lost_or_repeated_between_others_is_damage)
{
	struct image im;
	size_t a, b;
	struct journal_report rep;
	struct why w;
	size_t seen;

	make_image(&im, "shift", 3);
	a = im.start[3];
	b = im.start[4];
	CHECK(pwrite(im.fd, &im.mem[b], im.n - b, (off_t)a) == (ssize_t)(im.n - b));
	CHECK(ftruncate(im.fd, (off_t)(im.n - (b - a))) == 0);
	CHECK_INT(scan(&im, &seen, &rep, &w), -ZT_E_DAMAGED);
	CHECK(rep.good == a && strstr(w.text, "sequence number does not follow"));
	CHECK(pwrite(im.fd, &im.mem[a], im.n - a, (off_t)b) == (ssize_t)(im.n - a));
	CHECK(pwrite(im.fd, im.mem, b, 0) == (ssize_t)b);
	CHECK_INT(scan(&im, &seen, &rep, &w), -ZT_E_DAMAGED);
	CHECK_INT(rep.good, b);
	free_image(&im);
}

TEST(the_writer_cuts_a_torn_tail_off_and_goes_on)
{
	int dir = fresh_dir("cut");
	struct journal *j = create(dir);
	struct journal_report rep;
	struct why w = {0};
	struct seen s;
	int fd;

	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	CHECK_INT(append(j, 2, SPAN_NONE, &w), 0);
	journal_close(j);
	fd = openat(dir, "j", O_RDWR | O_CLOEXEC);
	CHECK(ftruncate(fd, 16 + 40 + 40 + 40 - 1) == 0);
	NEED(reopen(&j, dir, &s, &rep, &w) == 0);
	CHECK(s.n == 1 && rep.torn == 39 && lseek(fd, 0, SEEK_END) == 96);
	CHECK_INT(append(j, 3, SPAN_NONE, &w), 0);
	journal_close(j);
	NEED(reopen(&j, dir, &s, &rep, &w) == 0);
	CHECK(s.n == 2 && s.sum == 4 && rep.torn == 0 && rep.last_seq == 3);
	journal_close(j);
	close(fd);
	close(dir);
}

TEST(damage_refuses_the_writer_and_leaves_the_file_as_it_is)
{
	int dir = fresh_dir("keep");
	struct journal *j = create(dir);
	struct why w = {0};
	struct seen s;
	uint8_t byte = 0x77;
	int fd;

	CHECK_INT(append(j, 1, SPAN_NONE, &w), 0);
	CHECK_INT(append(j, 2, SPAN_NONE, &w), 0);
	journal_close(j);
	fd = openat(dir, "j", O_RDWR | O_CLOEXEC);
	CHECK(pwrite(fd, &byte, 1, 130) == 1);
	CHECK_INT(reopen(&j, dir, &s, NULL, &w), -ZT_E_DAMAGED);
	CHECK_STR(w.text, "dir/j: damaged at offset 96 (its checksum does not match): put back the last good "
			  "copy; nothing was changed");
	CHECK(lseek(fd, 0, SEEK_END) == 136);
	CHECK_INT(err_exit(ZT_E_DAMAGED), EXIT_ZT_STATE);
	close(fd);
	close(dir);
}
