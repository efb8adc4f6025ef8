/*
 * One authority, two copies of its registry: an offline one and one that serves. What the one knows comes
 * to the other, once; another authority's, forged or damaged files change nothing.
 */
#include <sys/stat.h>

#include "base/num.h"
#include "serve/registry.h"
#include "tests/unit/serve/registry_kit.h"

enum { DUMP = 400000 };
static char before[DUMP], after[DUMP];

static void copy_file(int from, int to)
{
	static uint8_t mem[1 << 20];
	int in = openat(from, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);
	int out = openat(to, REGISTRY_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = read(in, mem, sizeof mem);

	CHECK(n > 0 && (size_t)n < sizeof mem && write(out, mem, (size_t)n) == n);
	close(in);
	close(out);
}

/* A second copy of what a is now. */
static void kit_twin(struct kit *b, struct kit *a, const char *name)
{
	const char *path = unit_tmp(name);

	*b = *a;
	b->r = NULL;
	CHECK(mkdir(path, 0700) == 0);
	b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clock_fake_init(&b->clock, 0, KIT_NOW * 1000);
	bounds_init(&b->bounds);
	b->key.scalar = span_of(b->scalar, 32);
	copy_file(a->dir, b->dir);
	CHECK_INT(kit_open(b, false), 0);
}

static void two(struct kit *a, struct kit *b, const char *one, const char *other)
{
	kit_start(a, one);
	a->really_signed = true;
	kit_twin(b, a, other);
}

static int adopt(struct kit *into, const struct kit *from, uint64_t *taken)
{
	int fd = openat(from->dir, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);
	int err;

	into->why = (struct why){0};
	err = registry_adopt(into->r, fd, "other", taken, &into->why);
	close(fd);
	return err;
}

static void adopts(struct kit *into, const struct kit *from, uint64_t want)
{
	uint64_t taken;

	if (adopt(into, from, &taken) != 0)
		unit_fail(__FILE__, __LINE__, "%s", into->why.text);
	CHECK_INT(taken, want);
	same_again(into);
	kit_dump(into->r, before, DUMP);
	CHECK_INT(adopt(into, from, &taken), 0); /* once */
	CHECK_INT(taken, 0);
	kit_dump(into->r, after, DUMP);
	CHECK_STR(after, before);
}

/* Refused, and nothing is changed. */
static void refuses(struct kit *into, const struct kit *from, enum zt_err want, const char *says, int line)
{
	uint64_t taken = 9;

	kit_dump(into->r, before, DUMP);
	if (adopt(into, from, &taken) != -(int)want || strstr(into->why.text, says) == NULL)
		unit_fail(__FILE__, line, "%d \"%s\", not %d \"%s\"", into->why.err, into->why.text, (int)want, says);
	CHECK_INT(taken, 0);
	kit_dump(into->r, after, DUMP);
	CHECK_STR(after, before);
	CHECK_INT(kit_reopen(into), 0);
	kit_dump(into->r, after, DUMP);
	CHECK_STR(after, before);
}
#define REFUSES(into, from, want, says) refuses(into, from, want, says, __LINE__)

static void issue(struct kit *k, enum cert_role role, unsigned n, const char *name, unsigned parent)
{
	struct kit_cert c;

	kit_cert(k, &c, role, n, name);
	if (parent) {
		struct kit_cert p;

		kit_cert(k, &p, role, parent, name);
		memcpy(c.i.cert.parent, p.i.cert.serial, CERT_SERIAL);
		memcpy(c.i.cert.id, p.i.cert.id, sizeof c.i.cert.id);
	}
	if (kit_issue(k, &c) != 0)
		unit_fail(__FILE__, __LINE__, "%u: %s", n, k->why.text);
}

static const uint8_t *serial_of(struct kit *k, unsigned i)
{
	return registry_at(k->r, i)->serial;
}

TEST(what_is_missing_is_taken)
{
	struct kit off, on;
	struct reg_token t;
	uint64_t n;

	two(&off, &on, "off1", "on1");
	NEED(off.r && on.r);
	issue(&off, ROLE_CLIENT, 1, "laptop", 0);
	issue(&off, ROLE_SERVICE, 2, "nas", 0);
	adopts(&on, &off, 2);
	/* each goes on by itself */
	clock_fake_step(&off.clock, 50 * NS_PER_S);
	issue(&off, ROLE_CLIENT, 3, "laptop", 1);
	CHECK_INT(registry_revoke(off.r, serial_of(&off, 1), 4, &off.why), 0);
	issue(&on, ROLE_DEVICE, 4, "phone", 0);
	CHECK_INT(registry_suspend(on.r, serial_of(&on, 0), true, &on.why), 0);
	CHECK_INT(registry_next_crl(off.r, ANCHOR_ACME, 1, &n, &off.why), 0);
	CHECK_INT(registry_next_epoch(off.r, &off.why), 0);
	/* a token with its uses stays where it was made */
	kit_token(&t, 1, 1);
	CHECK_INT(registry_add_token(off.r, &t, &off.why), 0);
	/* certificate, revocation, superseded, CRL number, epoch */
	adopts(&on, &off, 5);
	CHECK_INT(registry_count(on.r), 4);
	CHECK(registry_at(on.r, 0)->superseded == KIT_NOW + 50 && registry_at(on.r, 0)->suspended);
	CHECK(registry_at(on.r, 1)->revoked && registry_at(on.r, 1)->reason == 4 && registry_at(on.r, 1)->ended == KIT_NOW + 50);
	CHECK(registry_epoch(on.r) == 2 && registry_token_at(on.r, 0) == NULL);
	CHECK_INT(registry_next_crl(on.r, ANCHOR_ACME, 1, &n, &on.why), 0);
	CHECK_INT(n, 2);
	/* and back: certificate, suspension, CRL number */
	adopts(&off, &on, 3);
	CHECK(registry_count(off.r) == 4 && registry_at(off.r, 0)->suspended);
	adopts(&on, &off, 0);
	kit_end(&off);
	kit_end(&on);
}

/* A name means its newest certificate, not the one that was heard of last. */
TEST(what_is_taken_in_late_is_not_newer)
{
	struct kit off, on;
	const struct reg_cert *c;

	two(&off, &on, "off-late", "on-late");
	NEED(off.r && on.r);
	issue(&off, ROLE_CLIENT, 1, "laptop", 0);
	clock_fake_step(&on.clock, 50 * NS_PER_S);
	issue(&on, ROLE_CLIENT, 2, "laptop", 0);
	adopts(&on, &off, 1);
	c = registry_by_name(on.r, SPAN_LIT("laptop"));
	CHECK(c && c->serial[15] == 2);
	clock_fake_step(&off.clock, 50 * NS_PER_S);
	adopts(&off, &on, 1);
	c = registry_by_name(off.r, SPAN_LIT("laptop"));
	CHECK(c && c->serial[15] == 2);
	kit_end(&off);
	kit_end(&on);
}

TEST(a_revocation_is_never_taken_back)
{
	struct kit off, on;

	two(&off, &on, "off2", "on2");
	NEED(off.r && on.r);
	issue(&off, ROLE_CLIENT, 1, "laptop", 0);
	adopts(&on, &off, 1);
	CHECK_INT(registry_revoke(on.r, serial_of(&on, 0), 1, &on.why), 0);
	CHECK_INT(registry_suspend(off.r, serial_of(&off, 0), true, &off.why), 0);
	adopts(&on, &off, 0);
	CHECK(registry_at(on.r, 0)->revoked && registry_at(on.r, 0)->reason == 1);
	adopts(&off, &on, 1);
	CHECK(registry_at(off.r, 0)->revoked);
	kit_end(&off);
	kit_end(&on);
}

TEST(numbers_of_status_lists_go_on)
{
	struct kit off, on;
	uint64_t a = 0, b = 0, taken;

	two(&off, &on, "off3", "on3");
	NEED(off.r && on.r);
	for (unsigned i = 0; i < 5000; i++)
		CHECK_INT(registry_next_list(off.r, &a, &off.why), 0);
	CHECK_INT(registry_next_list(on.r, &b, &on.why), 0);
	CHECK_INT(adopt(&on, &off, &taken), 0);
	CHECK_INT(registry_next_list(on.r, &b, &on.why), 0);
	CHECK(b > a);
	kit_end(&off);
	kit_end(&on);
}

TEST(many_come_in_batches)
{
	enum { MANY = 600 };
	struct kit off, on;
	uint64_t taken;
	struct kit_cert c;
	uint8_t der[2048];

	two(&off, &on, "off4", "on4");
	NEED(off.r && on.r);
	for (unsigned i = 0; i < MANY; i++)
		issue(&off, ROLE_CLIENT, i, "pc", i % 3 == 2 ? i - 1 : 0);
	CHECK_INT(adopt(&on, &off, &taken), 0); /* 200 more of them are the parents' */
	CHECK_INT(taken, MANY);
	same_again(&on);
	for (unsigned i = 0; i < MANY; i++) {
		const struct reg_cert *f;

		kit_cert(&off, &c, ROLE_CLIENT, i, "pc");
		f = registry_find(on.r, c.i.cert.serial);
		NEED(f);
		CHECK_INT(registry_der(on.r, f, der, sizeof der, &on.why), c.i.der.n);
		CHECK((f->superseded != 0) == (i % 3 == 1));
	}
	kit_end(&off);
	kit_end(&on);
}

TEST(a_roll_over_comes_along)
{
	struct kit off, on;
	uint8_t mem[2][1024];
	struct x509 next, other;

	two(&off, &on, "off5", "on5");
	NEED(off.r && on.r);
	kit_anchor(&off, ANCHOR_INFRA, mem[0], &next);
	kit_anchor(&off, ANCHOR_INFRA, mem[1], &other);
	CHECK_INT(registry_add_anchor(off.r, ANCHOR_INFRA, next.der, &off.why), 0);
	adopts(&on, &off, 1);
	CHECK(registry_signing(on.r, ANCHOR_INFRA)->generation == 1);
	CHECK_INT(registry_turn_anchor(off.r, ANCHOR_INFRA, 2, ANCHOR_SIGNS, &off.why), 0);
	adopts(&on, &off, 2);
	CHECK(registry_signing(on.r, ANCHOR_INFRA)->generation == 2);
	adopts(&off, &on, 0);
	CHECK_INT(registry_turn_anchor(off.r, ANCHOR_INFRA, 1, ANCHOR_RETIRED, &off.why), 0);
	adopts(&on, &off, 1);
	/* all at once, into a copy that knows nothing of it */
	CHECK_INT(registry_add_anchor(off.r, ANCHOR_INFRA, other.der, &off.why), 0);
	CHECK_INT(registry_turn_anchor(off.r, ANCHOR_INFRA, 3, ANCHOR_SIGNS, &off.why), 0);
	adopts(&on, &off, 2);
	CHECK(registry_signing(on.r, ANCHOR_INFRA)->generation == 3 && span_eq(registry_signing(on.r, ANCHOR_INFRA)->der, other.der));
	kit_end(&off);
	kit_end(&on);
}

TEST(roll_overs_that_went_two_ways)
{
	struct kit off, on;
	uint8_t mem[2][1024];
	struct x509 next, other;

	two(&off, &on, "off6", "on6");
	NEED(off.r && on.r);
	kit_anchor(&off, ANCHOR_INFRA, mem[0], &next);
	kit_anchor(&off, ANCHOR_INFRA, mem[1], &other);
	CHECK_INT(registry_add_anchor(off.r, ANCHOR_INFRA, next.der, &off.why), 0);
	CHECK_INT(registry_add_anchor(on.r, ANCHOR_INFRA, other.der, &on.why), 0);
	REFUSES(&on, &off, ZT_E_DENIED, "an anchor is not ours");
	kit_end(&on);
	kit_twin(&on, &off, "on6b");
	CHECK_INT(registry_turn_anchor(off.r, ANCHOR_INFRA, 2, ANCHOR_SIGNS, &off.why), 0);
	CHECK_INT(registry_turn_anchor(on.r, ANCHOR_INFRA, 2, ANCHOR_RETIRED, &on.why), 0);
	REFUSES(&on, &off, ZT_E_DENIED, "given up in the other");
	REFUSES(&off, &on, ZT_E_DENIED, "given up in the other");
	kit_end(&off);
	kit_end(&on);
}

TEST(another_authoritys)
{
	struct kit a, b, c;
	uint64_t taken;

	kit_start(&a, "ours");
	kit_start(&b, "theirs");
	NEED(a.r && b.r);
	REFUSES(&a, &b, ZT_E_DENIED, "registry key is not ours");
	/* our registry key, their anchors */
	kit_init(&c, "half");
	CHECK_INT(kit_open(&c, true), 0);
	REFUSES(&a, &c, ZT_E_NOTFOUND, "never made");
	CHECK_INT(registry_begin(c.r, a.spki, &c.why), 0);
	CHECK_INT(adopt(&a, &c, &taken), 0); /* nothing in it yet */
	CHECK_INT(registry_add_anchor(c.r, ANCHOR_INFRA, b.anchor[ANCHOR_INFRA].der, &c.why), 0);
	REFUSES(&a, &c, ZT_E_DENIED, "an anchor is not ours");
	kit_end(&a);
	kit_end(&b);
	kit_end(&c);
}

TEST(forged_entries)
{
	struct kit off, on;

	/* not signed by our anchor */
	two(&off, &on, "off7", "on7");
	NEED(off.r && on.r);
	issue(&off, ROLE_CLIENT, 1, "good", 0);
	off.really_signed = false;
	issue(&off, ROLE_CLIENT, 2, "forged", 0);
	REFUSES(&on, &off, ZT_E_DENIED, "none of its anchors has signed"); /* not the good one either */
	kit_end(&off);
	kit_end(&on);
	/* our serial number for somebody else's key */
	two(&off, &on, "off8", "on8");
	issue(&on, ROLE_CLIENT, 1, "ours", 0);
	off.really_signed = false;
	issue(&off, ROLE_CLIENT, 1, "theirs", 0);
	REFUSES(&on, &off, ZT_E_DENIED, "one of our serial numbers");
	kit_end(&off);
	kit_end(&on);
}

TEST(an_id_is_one_identity)
{
	struct kit off, on;
	struct kit_cert c;

	two(&off, &on, "off9", "on9");
	NEED(off.r && on.r);
	issue(&on, ROLE_CLIENT, 1, "ours", 0);
	kit_cert(&off, &c, ROLE_CLIENT, 2, "theirs");
	memcpy(c.i.cert.id, registry_at(on.r, 0)->id, sizeof c.i.cert.id);
	CHECK_INT(kit_issue(&off, &c), 0);
	REFUSES(&on, &off, ZT_E_DENIED, "id of one of our identities");
	kit_end(&off);
	kit_end(&on);
	/* renewed in both places: the same identity, and both children are known */
	two(&off, &on, "off10", "on10");
	issue(&off, ROLE_CLIENT, 1, "pc", 0);
	adopts(&on, &off, 1);
	issue(&off, ROLE_CLIENT, 2, "pc", 1);
	issue(&off, ROLE_CLIENT, 3, "pc", 2);
	issue(&on, ROLE_CLIENT, 4, "pc", 1);
	adopts(&on, &off, 2);
	CHECK_INT(registry_count(on.r), 4);
	kit_end(&off);
	kit_end(&on);
}

TEST(damaged_files_change_nothing)
{
	struct kit off, on;
	struct stat st;
	uint8_t byte;
	int fd;
	uint64_t taken;

	two(&off, &on, "off11", "on11");
	NEED(off.r && on.r);
	for (unsigned i = 0; i < 5; i++)
		issue(&off, ROLE_CLIENT, i, "pc", 0);
	kit_close(&off);
	fd = openat(off.dir, REGISTRY_FILE, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	CHECK(pread(fd, &byte, 1, st.st_size - 100) == 1);
	byte ^= 1;
	CHECK(pwrite(fd, &byte, 1, st.st_size - 100) == 1);
	REFUSES(&on, &off, ZT_E_DAMAGED, "damaged at offset");
	byte ^= 1;
	CHECK(pwrite(fd, &byte, 1, st.st_size - 100) == 1);
	/* cut off in the middle of its last record: what is whole counts, as when it is opened */
	CHECK(ftruncate(fd, st.st_size - 100) == 0);
	CHECK_INT(adopt(&on, &off, &taken), 0);
	CHECK_INT(taken, 4);
	CHECK(ftruncate(fd, 0) == 0);
	REFUSES(&on, &off, ZT_E_DAMAGED, "does not begin as a journal does");
	close(fd);
	kit_end(&off);
	kit_end(&on);
}

TEST(no_room_for_all_of_them)
{
	struct kit off, on;

	two(&off, &on, "off12", "on12");
	NEED(off.r && on.r);
	for (unsigned i = 0; i < 5; i++)
		issue(&off, ROLE_CLIENT, i, "pc", 0);
	bounds_set(&on.bounds, BOUND_CA_CERTS, 4);
	REFUSES(&on, &off, ZT_E_FULL, "more certificates than there is room for");
	bounds_set(&on.bounds, BOUND_CA_CERTS, 5);
	adopts(&on, &off, 5);
	kit_end(&off);
	kit_end(&on);
}
