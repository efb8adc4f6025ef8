/*
 * A small registry with every kind of record, cut off at every byte, and with every bit of every byte
 * flipped: a torn tail is dropped, and what was before it is there with its bytes; everything else is
 * refused with the offset of the record that is wrong, and not changed.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/num.h"
#include "serve/registry.h"
#include "tests/unit/serve/registry_kit.h"
#include "wire/carec.h"

enum { IMAGE = 65536, RECORDS = 64, DUMP = 60000 };

struct image {
	struct kit k;
	uint8_t mem[IMAGE];
	size_t n, start[RECORDS + 1], records, based; /* based: where the base record ends */
	char *dump[RECORDS + 1];                      /* of a registry with this many records */
};

static int note_start(void *ctx, const struct jrec *r, uint64_t offset)
{
	struct image *im = ctx;

	if (r->type == JREC_BASE)
		im->based = im->records + 1;
	im->start[im->records++] = (size_t)offset;
	return 0;
}

/* Two certificates in a snapshot, then one of each record. */
static void make_registry(struct kit *k)
{
	struct kit_cert c[4];
	struct reg_token t;
	struct reg_pending p = {.key = {3}, .label = "x", .peer = "192.0.2.1:1"};
	uint8_t mem[1024];
	struct x509 next;
	uint64_t n;

	for (unsigned i = 0; i < 4; i++)
		kit_cert(k, &c[i], ROLE_CONNECTOR, i, "c");
	kit_token(&t, 1, 2);
	memcpy(p.token, t.id, TOKEN_ID);
	memcpy(c[3].i.cert.token, t.id, TOKEN_ID);
	memcpy(c[2].i.cert.parent, c[0].i.cert.serial, CERT_SERIAL);
	CHECK_INT(kit_issue(k, &c[0]), 0);
	CHECK_INT(kit_issue(k, &c[1]), 0);
	CHECK_INT(registry_compact(k->r, &k->why), 0);
	CHECK_INT(registry_add_token(k->r, &t, &k->why), 0);
	CHECK_INT(registry_add_pending(k->r, &p, &k->why), 0);
	CHECK_INT(registry_settle_pending(k->r, 1, true, &k->why), 0);
	CHECK_INT(kit_issue(k, &c[2]), 0);
	CHECK_INT(kit_issue(k, &c[3]), 0);
	CHECK_INT(registry_suspend(k->r, c[1].i.cert.serial, true, &k->why), 0);
	CHECK_INT(registry_revoke(k->r, c[0].i.cert.serial, 4, &k->why), 0);
	kit_anchor(k, ANCHOR_DEVICE, mem, &next);
	CHECK_INT(registry_add_anchor(k->r, ANCHOR_DEVICE, next.der, &k->why), 0);
	CHECK_INT(registry_turn_anchor(k->r, ANCHOR_DEVICE, 2, ANCHOR_SIGNS, &k->why), 0);
	CHECK_INT(registry_next_crl(k->r, ANCHOR_ACME, 1, &n, &k->why), 0);
	CHECK_INT(registry_next_list(k->r, &n, &k->why), 0);
	CHECK_INT(registry_next_epoch(k->r, &k->why), 0);
	CHECK_INT(registry_revoke_token(k->r, t.id, &k->why), 0);
	registry_seen(k->r, c[2].i.cert.serial);
	kit_close(k); /* writes the sighting */
}

static void put_file(const struct image *im, size_t n)
{
	int fd = openat(im->k.dir, REGISTRY_FILE, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && pwrite(fd, im->mem, n, 0) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0);
	close(fd);
}

static bool file_is(const struct image *im, size_t n)
{
	static uint8_t mem[IMAGE];
	int fd = openat(im->k.dir, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, mem, sizeof mem);

	close(fd);
	return got == (ssize_t)n && memcmp(mem, im->mem, n) == 0;
}

static void dump_each(struct image *im)
{
	for (size_t i = im->based; i <= im->records; i++) {
		im->dump[i] = malloc(DUMP);
		NEED(im->dump[i]);
		put_file(im, im->start[i]);
		NEED(kit_open(&im->k, false) == 0);
		kit_dump(im->k.r, im->dump[i], DUMP);
		kit_close(&im->k);
	}
}

static struct image *image_make(const char *name)
{
	struct image *im = calloc(1, sizeof *im);
	struct journal_place at = {.name = REGISTRY_FILE};
	struct journal_report report;
	int fd;

	CHECK(im != NULL);
	if (im == NULL)
		return NULL;
	kit_start(&im->k, name);
	make_registry(&im->k);
	at.dirfd = im->k.dir;
	CHECK_INT(journal_verify(&at, note_start, im, &report, NULL), 0);
	im->n = (size_t)report.good;
	im->start[im->records] = im->n;
	fd = openat(im->k.dir, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, im->mem, IMAGE) == (ssize_t)im->n && im->n < IMAGE && im->records > 18);
	close(fd);
	dump_each(im);
	return im;
}

static void image_free(struct image *im)
{
	for (size_t i = 0; i <= im->records; i++)
		free(im->dump[i]);
	kit_end(&im->k);
	free(im);
}

static size_t record_at(const struct image *im, size_t offset)
{
	size_t i = im->records;

	while (i > 0 && im->start[i] > offset)
		i--;
	return i;
}

TEST(cut_off_at_every_byte)
{
	static char got[DUMP];
	struct image *im = image_make("cut");

	NEED(im);
	for (size_t n = 0; n < im->n; n++) {
		size_t whole = record_at(im, n);
		bool good = n >= im->start[im->based];
		int err;

		put_file(im, n);
		err = kit_open(&im->k, false);
		if (good != (err == 0) || (!good && err != -ZT_E_DAMAGED))
			unit_fail(__FILE__, __LINE__, "cut at %zu: %d %s", n, err, im->k.why.text);
		if (!good && (err != -ZT_E_DAMAGED || !file_is(im, n)))
			unit_fail(__FILE__, __LINE__, "cut at %zu: the file was changed", n);
		if (err == 0) {
			kit_dump(im->k.r, got, DUMP);
			if (strcmp(got, im->dump[whole]) != 0)
				unit_fail(__FILE__, __LINE__, "cut at %zu: not what %zu records say", n, whole);
		}
		kit_close(&im->k);
	}
	image_free(im);
}

static void expect_refusal(struct image *im, size_t at, unsigned bit)
{
	size_t start = at < JREC_MAGIC ? 0 : im->start[record_at(im, at)];
	char want[32];
	int err;

	im->mem[at] ^= (uint8_t)(1u << bit);
	put_file(im, im->n);
	err = kit_open(&im->k, false);
	snprintf(want, sizeof want, "offset %zu", start);
	/* the version in the magic may become another version */
	if ((err != -ZT_E_DAMAGED || strstr(im->k.why.text, want) == NULL) && !(at == 12 && err == -ZT_E_VERSION))
		unit_fail(__FILE__, __LINE__, "bit %u at %zu: %d %s", bit, at, err, im->k.why.text);
	if (!file_is(im, im->n))
		unit_fail(__FILE__, __LINE__, "bit %u at %zu: the file was changed", bit, at);
	kit_close(&im->k);
	im->mem[at] ^= (uint8_t)(1u << bit);
}

/* Every byte, with another bit each time; all eight are tried of every record's first 24. */
TEST(every_byte_flipped)
{
	struct image *im = image_make("flip");

	NEED(im);
	for (size_t at = 0; at < im->n; at++) {
		bool head = at < JREC_MAGIC || at - im->start[record_at(im, at)] < 24;

		for (unsigned bit = 0; bit < 8; bit++)
			if (head || bit == at % 8)
				expect_refusal(im, at, bit);
	}
	image_free(im);
}

/* Records that are whole, in an order that cannot be. */
TEST(records_that_do_not_follow)
{
	static const struct {
		enum carec_type type;
		const char *what;
	} odd[] = {{CAREC_BEGIN, "begun twice"}, {CAREC_REVOKED, "nobody's"}, {CAREC_EPOCH, "goes back"}};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct kit k;
		struct journal *j;
		struct journal_place at = {.name = REGISTRY_FILE, .shown = "dir/registry"};
		struct journal_opts o = {.each = NULL};
		static const uint8_t nobody[16] = {7};
		struct carec r = {.type = odd[i].type};
		struct carec_tlvs t;

		kit_start(&k, odd[i].what);
		NEED(k.r);
		kit_close(&k);
		at.dirfd = k.dir;
		NEED(journal_open(&j, &at, &o, NULL, &k.why) == 0);
		if (r.type == CAREC_BEGIN) {
			carec_val(&r, CAR_SPKI, k.spki);
			carec_num(&r, CAR_NUMBER, 0);
			carec_num(&r, CAR_JOINS, 0);
		}
		if (r.type == CAREC_REVOKED) {
			carec_val(&r, CAR_SERIAL, span_of(nobody, sizeof nobody));
			carec_num(&r, CAR_REASON, 0);
			carec_num(&r, CAR_AT, 1);
		} else {
			carec_num(&r, CAR_EPOCH, 1);
		}
		NEED(carec_encode(&r, &t) == 0);
		CHECK_INT(journal_append(j, (uint16_t)r.type, CAREC_VERSION, t.t, t.n, &k.why), 0);
		journal_close(j);
		CHECK_INT(kit_open(&k, false), -ZT_E_DAMAGED);
		SAYS(&k, "the record at offset");
		kit_end(&k);
	}
}

TEST(records_of_a_newer_zt)
{
	struct kit k;
	struct journal *j;
	struct journal_place at = {.name = REGISTRY_FILE, .shown = "dir/registry"};
	struct journal_opts o = {.each = NULL};

	kit_start(&k, "newer");
	NEED(k.r);
	kit_close(&k);
	at.dirfd = k.dir;
	NEED(journal_open(&j, &at, &o, NULL, &k.why) == 0);
	CHECK_INT(journal_append(j, CAREC_TYPE_END, CAREC_VERSION, NULL, 0, &k.why), 0);
	journal_close(j);
	CHECK_INT(kit_open(&k, false), -ZT_E_VERSION);
	SAYS(&k, "unknown to this zt");
	kit_end(&k);
}
