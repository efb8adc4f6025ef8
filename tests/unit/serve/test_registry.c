/* The registry: what it takes, what it refuses, and that it is the same after it was opened again. */
#include "serve/registry.h"

#include "base/num.h"
#include "tests/unit/serve/registry_kit.h"

TEST(begins_once)
{
	struct kit k;
	struct registry *r;
	struct registry_opts o;

	kit_init(&k, "begin");
	CHECK_INT(kit_open(&k, false), -ZT_E_NOTFOUND); /* state that vanished is no first start */
	CHECK_INT(kit_open(&k, true), 0);
	/* nothing before the beginning */
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_INFRA, k.anchor[0].der, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "zt ca init");
	CHECK_INT(registry_begin(k.r, SPAN_NONE, &k.why), -ZT_E_KEY);
	SAYS(&k, "registry key");
	kit_close(&k);
	CHECK_INT(kit_open(&k, false), -ZT_E_NOTFOUND); /* cut short: as good as none */
	SAYS(&k, "zt ca init");
	CHECK_INT(kit_open(&k, true), 0);
	CHECK_INT(registry_begin(k.r, k.spki, &k.why), 0);
	CHECK_INT(registry_begin(k.r, k.spki, &k.why), -ZT_E_EXISTS);
	CHECK(span_eq(registry_key(k.r), k.spki));
	CHECK_INT(registry_epoch(k.r), 1);
	/* one writer */
	o = (struct registry_opts){.dirfd = k.dir, .shown = "dir/registry", .clock = &k.clock.clock, .bounds = &k.bounds};
	k.why = (struct why){0};
	CHECK_INT(registry_open(&r, &o, &k.why), -ZT_E_LOCKED);
	kit_close(&k);
	CHECK_INT(kit_open(&k, true), -ZT_E_EXISTS);
	SAYS(&k, "an authority here already");
	CHECK_INT(kit_open(&k, false), 0);
	CHECK(span_eq(registry_key(k.r), k.spki));
	kit_end(&k);
}

TEST(anchors_turn)
{
	struct kit k;
	struct reg_anchor a[8];
	uint8_t mem[2][1024];
	struct x509 next, third;
	const struct reg_anchor *s;

	kit_start(&k, "anchors");
	NEED(k.r);
	kit_anchor(&k, ANCHOR_DEVICE, mem[0], &next);
	kit_anchor(&k, ANCHOR_DEVICE, mem[1], &third);
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_DEVICE, k.anchor[ANCHOR_DEVICE].der, &k.why), -ZT_E_EXISTS);
	SAYS(&k, "device anchor already");
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_DEVICE, SPAN_LIT("no certificate"), NULL), -ZT_E_SYNTAX);
	CHECK_INT(registry_add_anchor(k.r, ANCHORS, next.der, NULL), -ZT_E_RANGE);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 2, ANCHOR_SIGNS, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "no device anchor of generation 2");
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 1, ANCHOR_RETIRED, &k.why), -ZT_E_RANGE); /* it signs */
	SAYS(&k, "cannot become that");
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_DEVICE, next.der, &k.why), 0);
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_DEVICE, third.der, &k.why), -ZT_E_EXISTS);
	SAYS(&k, "begun already");
	s = registry_signing(k.r, ANCHOR_DEVICE);
	CHECK(s && s->generation == 1 && span_eq(s->der, k.anchor[ANCHOR_DEVICE].der));
	clock_fake_step(&k.clock, 60 * NS_PER_S);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 2, ANCHOR_OLD, NULL), -ZT_E_RANGE);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 2, ANCHOR_SIGNS, &k.why), 0);
	s = registry_signing(k.r, ANCHOR_DEVICE);
	CHECK(s && s->generation == 2 && span_eq(s->der, next.der) && s->since == KIT_NOW + 60);
	NEED(registry_anchors(k.r, a, 8) == 4);
	CHECK(a[0].anchor == ANCHOR_INFRA && a[1].anchor == ANCHOR_DEVICE && a[1].generation == 2 && a[2].generation == 1);
	CHECK(a[2].state == ANCHOR_OLD && a[2].since == KIT_NOW + 60 && a[3].anchor == ANCHOR_ACME);
	CHECK_INT(registry_anchors(k.r, a, 2), 2);
	same_again(&k);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 1, ANCHOR_SIGNS, NULL), -ZT_E_RANGE); /* never back */
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 1, ANCHOR_RETIRED, &k.why), 0);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 1, ANCHOR_OLD, NULL), -ZT_E_RANGE);
	/* begun and given up: its generation is not used again */
	CHECK_INT(registry_add_anchor(k.r, ANCHOR_DEVICE, third.der, &k.why), 0);
	CHECK_INT(registry_turn_anchor(k.r, ANCHOR_DEVICE, 3, ANCHOR_RETIRED, &k.why), 0);
	same_again(&k);
	CHECK(registry_signing(k.r, ANCHOR_DEVICE)->generation == 2 && registry_signing(k.r, ANCHOR_INFRA)->generation == 1);
	kit_end(&k);
}

TEST(anchors_are_bounded)
{
	struct kit k;
	uint8_t mem[1024];
	struct x509 c;
	int err = 0;
	unsigned n;

	kit_start(&k, "anchorfull");
	NEED(k.r);
	for (n = 3; n < 40 && !err; n += !err) {
		kit_anchor(&k, ANCHOR_ACME, mem, &c);
		err = registry_add_anchor(k.r, ANCHOR_ACME, c.der, &k.why);
		if (!err)
			CHECK_INT(registry_turn_anchor(k.r, ANCHOR_ACME, n - 1, ANCHOR_SIGNS, &k.why), 0);
	}
	CHECK(err == -ZT_E_FULL && n == 32);
	same_again(&k);
	kit_end(&k);
}

TEST(certificates_are_found)
{
	struct kit k;
	struct kit_cert c[6];
	uint8_t der[2048], other[32] = {0};
	const struct reg_cert *f;

	kit_start(&k, "find");
	NEED(k.r);
	for (unsigned i = 0; i < 6; i++) {
		kit_cert(&k, &c[i], i % 2 ? ROLE_DEVICE : ROLE_CLIENT, i, i < 4 ? "laptop" : "phone");
		CHECK_INT(kit_issue(&k, &c[i]), 0);
		clock_fake_step(&k.clock, NS_PER_S);
	}
	for (int turn = 0; turn < 3; turn++) {
		CHECK_INT(registry_count(k.r), 6);
		for (unsigned i = 0; i < 6; i++) {
			f = registry_find(k.r, c[i].i.cert.serial);
			NEED(f && f == registry_at(k.r, i) && f == registry_by_key(k.r, c[i].i.cert.key));
			CHECK(f == registry_by_name(k.r, span_str(c[i].i.cert.id)) && f->issued == KIT_NOW + i);
			CHECK_INT(registry_der(k.r, f, der, sizeof der, &k.why), c[i].i.der.n);
			CHECK(span_eq(span_of(der, c[i].i.der.n), c[i].i.der));
			CHECK_INT(reg_cert_state(f, KIT_NOW), CERT_GOOD);
		}
		CHECK(registry_by_name(k.r, SPAN_LIT("laptop")) == registry_at(k.r, 3));
		CHECK(registry_by_name(k.r, SPAN_LIT("phone")) == registry_at(k.r, 5));
		CHECK(registry_at(k.r, 6) == NULL && registry_by_name(k.r, SPAN_LIT("phon")) == NULL);
		CHECK(registry_by_name(k.r, SPAN_NONE) == NULL && registry_find(k.r, other) == NULL);
		CHECK(registry_by_key(k.r, other) == NULL);
		CHECK_INT(registry_der(k.r, registry_at(k.r, 0), der, 10, &k.why), -ZT_E_TOOLONG);
		SAYS(&k, "more than 10");
		same_again(&k);
	}
	kit_end(&k);
}

TEST(certificates_that_are_refused)
{
	struct kit k;
	struct kit_cert c, d;

	kit_start(&k, "refuse");
	NEED(k.r);
	kit_cert(&k, &c, ROLE_EDGE, 1, "vps");
	CHECK_INT(kit_issue(&k, &c), 0);
	NOT_ISSUED(&k, &c, ZT_E_EXISTS, "serial number was given before");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	memcpy(d.i.cert.id, c.i.cert.id, sizeof d.i.cert.id);
	NOT_ISSUED(&k, &d, ZT_E_EXISTS, "id belongs to another");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.parent[0] = 9;
	NOT_ISSUED(&k, &d, ZT_E_NOTFOUND, "that is renewed");
	kit_cert(&k, &d, ROLE_EDGE, 2, "a b");
	NOT_ISSUED(&k, &d, ZT_E_RANGE, "a name or a user");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	snprintf(d.i.cert.user, sizeof d.i.cert.user, "-");
	NOT_ISSUED(&k, &d, ZT_E_RANGE, "a name or a user");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	memset(d.i.cert.name, 'x', sizeof d.i.cert.name); /* without its end */
	NOT_ISSUED(&k, &d, ZT_E_RANGE, "a name or a user");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.id[5] = 0;
	NOT_ISSUED(&k, &d, ZT_E_RANGE, "an id has 24");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.role = ROLE_NONE;
	NOT_ISSUED(&k, &d, ZT_E_RANGE, "no such role");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.generation = 2;
	NOT_ISSUED(&k, &d, ZT_E_NOTFOUND, "no infra anchor of generation 2");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.token[0] = 7;
	NOT_ISSUED(&k, &d, ZT_E_TOKEN, "unknown here");
	/* what is said of it is not what it is */
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.not_after++;
	NOT_ISSUED(&k, &d, ZT_E_BUG, "differ");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.key[0] ^= 1;
	NOT_ISSUED(&k, &d, ZT_E_BUG, "differ");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.cert.serial[0] ^= 1;
	NOT_ISSUED(&k, &d, ZT_E_BUG, "differ");
	kit_cert(&k, &d, ROLE_EDGE, 2, "vps");
	d.i.der = span_sub(d.i.der, 0, d.i.der.n - 1);
	NOT_ISSUED(&k, &d, ZT_E_BUG, "no certificate");
	d.i.der = SPAN_NONE;
	NOT_ISSUED(&k, &d, ZT_E_BUG, "no certificate");
	kit_cert(&k, &d, ROLE_EDGE, 2, "");
	d.i.cert.user[0] = 0; /* neither is needed */
	CHECK_INT(kit_issue(&k, &d), 0);
	same_again(&k);
	kit_end(&k);
}

TEST(a_child_supersedes_its_parent)
{
	struct kit k;
	struct kit_cert p, c, d;
	const struct reg_cert *f;

	kit_start(&k, "child");
	NEED(k.r);
	kit_cert(&k, &p, ROLE_CLIENT, 1, "laptop");
	kit_cert(&k, &c, ROLE_CLIENT, 2, "laptop");
	kit_cert(&k, &d, ROLE_CLIENT, 3, "laptop");
	CHECK_INT(kit_issue(&k, &p), 0);
	clock_fake_step(&k.clock, 100 * NS_PER_S);
	memcpy(c.i.cert.parent, p.i.cert.serial, CERT_SERIAL);
	memcpy(c.i.cert.id, p.i.cert.id, sizeof c.i.cert.id); /* the same identity */
	CHECK_INT(kit_issue(&k, &c), 0);
	f = registry_find(k.r, p.i.cert.serial);
	NEED(f && f->superseded == KIT_NOW + 100);
	CHECK_INT(reg_cert_state(f, KIT_NOW + 100), CERT_SUPERSEDED);
	CHECK_INT(reg_cert_state(registry_find(k.r, c.i.cert.serial), KIT_NOW + 100), CERT_GOOD);
	CHECK(registry_by_name(k.r, span_str(p.i.cert.id)) == registry_at(k.r, 1));
	clock_fake_step(&k.clock, 100 * NS_PER_S);
	memcpy(d.i.cert.parent, p.i.cert.serial, CERT_SERIAL);
	CHECK_INT(kit_issue(&k, &d), 0);
	CHECK_INT(f->superseded, KIT_NOW + 100); /* the first time counts */
	same_again(&k);
	kit_end(&k);
}

TEST(states)
{
	struct kit k;
	struct kit_cert c;
	const struct reg_cert *f;
	const uint8_t nobody[CERT_SERIAL] = {1};
	static const int bad[] = {-1, 6, 7, 8, 11, 1000};

	kit_start(&k, "states");
	NEED(k.r);
	kit_cert(&k, &c, ROLE_DEVICE, 1, "phone");
	CHECK_INT(kit_issue(&k, &c), 0);
	f = registry_at(k.r, 0);
	CHECK_INT(registry_suspend(k.r, c.i.cert.serial, false, &k.why), 0); /* it is not: nothing to do */
	CHECK_INT(registry_suspend(k.r, c.i.cert.serial, true, &k.why), 0);
	CHECK(f->suspended && f->ended == KIT_NOW && reg_cert_state(f, KIT_NOW) == CERT_SUSPENDED);
	same_again(&k);
	f = registry_at(k.r, 0);
	CHECK_INT(registry_suspend(k.r, c.i.cert.serial, false, &k.why), 0);
	CHECK(!f->suspended && f->ended == 0 && reg_cert_state(f, KIT_NOW) == CERT_GOOD);
	CHECK_INT(reg_cert_state(f, c.i.cert.not_after), CERT_EXPIRED);
	CHECK_INT(reg_cert_state(f, c.i.cert.not_after - 1), CERT_GOOD);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(registry_revoke(k.r, c.i.cert.serial, bad[i], NULL), -ZT_E_RANGE);
	CHECK_INT(registry_revoke(k.r, nobody, 1, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "no certificate with this serial");
	CHECK_INT(registry_suspend(k.r, nobody, true, NULL), -ZT_E_NOTFOUND);
	clock_fake_step(&k.clock, 7 * NS_PER_S);
	CHECK_INT(registry_revoke(k.r, c.i.cert.serial, 1, &k.why), 0);
	CHECK(f->revoked && f->ended == KIT_NOW + 7 && f->reason == 1 && reg_cert_state(f, KIT_NOW) == CERT_REVOKED);
	CHECK_INT(reg_cert_state(f, c.i.cert.not_after), CERT_REVOKED);
	clock_fake_step(&k.clock, 7 * NS_PER_S);
	CHECK_INT(registry_revoke(k.r, c.i.cert.serial, 4, &k.why), 0); /* once */
	CHECK(f->ended == KIT_NOW + 7 && f->reason == 1);
	CHECK_INT(registry_suspend(k.r, c.i.cert.serial, true, &k.why), -ZT_E_DENIED);
	CHECK_INT(registry_suspend(k.r, c.i.cert.serial, false, NULL), -ZT_E_DENIED); /* nothing brings it back */
	same_again(&k);
	for (unsigned s = 0; s <= CERT_EXPIRED; s++)
		CHECK(strlen(cert_state_name(s)) > 3);
	CHECK_STR(cert_state_name(CERT_EXPIRED + 1), "?");
	kit_end(&k);
}

TEST(numbers_are_never_given_twice)
{
	struct kit k;
	uint64_t n = 0, last = 0;

	kit_start(&k, "numbers");
	NEED(k.r);
	for (unsigned turn = 0; turn < 4; turn++) {
		uint64_t bytes = 0;
		struct stat st;

		for (unsigned i = 0; i < 5000; i++) {
			CHECK_INT(registry_next_list(k.r, &n, &k.why), 0);
			if (n <= last)
				unit_fail(__FILE__, __LINE__, "%llu after %llu", (unsigned long long)n, (unsigned long long)last);
			last = n;
			CHECK(fstatat(k.dir, REGISTRY_FILE, &st, 0) == 0);
			CHECK(i == 0 || (uint64_t)st.st_size - bytes < 200); /* hardly ever a record */
			if (i == 0)
				bytes = (uint64_t)st.st_size;
		}
		if (turn == 1)
			CHECK_INT(registry_compact(k.r, &k.why), 0);
		NEED(kit_reopen(&k) == 0);
	}
	for (uint64_t i = 1; i <= 3; i++) {
		CHECK_INT(registry_next_crl(k.r, ANCHOR_INFRA, 1, &n, &k.why), 0);
		CHECK_INT(n, i);
		CHECK_INT(registry_next_crl(k.r, ANCHOR_ACME, 1, &n, &k.why), 0);
		CHECK_INT(n, i);
		same_again(&k);
	}
	CHECK_INT(registry_next_crl(k.r, ANCHOR_ACME, 2, &n, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "generation 2");
	CHECK_INT(registry_next_epoch(k.r, &k.why), 0);
	CHECK_INT(registry_epoch(k.r), 2);
	same_again(&k);
	CHECK_INT(registry_epoch(k.r), 2);
	kit_end(&k);
}

static uint64_t file_bytes(const struct kit *k)
{
	struct stat st;

	CHECK(fstatat(k->dir, REGISTRY_FILE, &st, 0) == 0);
	return (uint64_t)st.st_size;
}

TEST(sightings_are_lazy)
{
	struct kit k;
	struct kit_cert c[3];
	const uint8_t nobody[CERT_SERIAL] = {1};
	uint64_t bytes;

	kit_start(&k, "seen");
	NEED(k.r);
	for (unsigned i = 0; i < 3; i++) {
		kit_cert(&k, &c[i], ROLE_CLIENT, i, "pc");
		CHECK_INT(kit_issue(&k, &c[i]), 0);
	}
	bytes = file_bytes(&k);
	for (unsigned i = 0; i < 100; i++) {
		clock_fake_step(&k.clock, 15 * NS_PER_S);
		registry_seen(k.r, c[0].i.cert.serial);
		registry_seen(k.r, nobody);
	}
	CHECK_INT(registry_at(k.r, 0)->seen, KIT_NOW + 1500);
	CHECK_INT(registry_at(k.r, 1)->seen, 0);
	CHECK_INT(file_bytes(&k), bytes);
	/* with the next record */
	CHECK_INT(registry_suspend(k.r, c[1].i.cert.serial, true, &k.why), 0);
	CHECK(file_bytes(&k) > bytes);
	bytes = file_bytes(&k);
	registry_seen(k.r, c[2].i.cert.serial);
	CHECK_INT(file_bytes(&k), bytes);
	/* or after a day */
	clock_fake_step(&k.clock, 86399 * NS_PER_S);
	registry_seen(k.r, c[2].i.cert.serial);
	CHECK_INT(file_bytes(&k), bytes);
	clock_fake_step(&k.clock, NS_PER_S);
	registry_seen(k.r, c[0].i.cert.serial);
	CHECK(file_bytes(&k) > bytes);
	bytes = file_bytes(&k);
	/* or at the end */
	clock_fake_step(&k.clock, NS_PER_S);
	registry_seen(k.r, c[0].i.cert.serial);
	same_again(&k);
	CHECK_INT(registry_at(k.r, 0)->seen, KIT_NOW + 1500 + 86401);
	/* a clock that goes back takes nothing away */
	k.clock.wall_ms = KIT_NOW * 1000;
	registry_seen(k.r, c[0].i.cert.serial);
	CHECK_INT(registry_at(k.r, 0)->seen, KIT_NOW + 1500 + 86401);
	kit_end(&k);
}

TEST(what_does_not_count_is_left_out)
{
	struct kit k;
	struct kit_cert c[50];
	uint64_t most = 0;

	kit_start(&k, "compact");
	NEED(k.r);
	for (unsigned i = 0; i < 50; i++) {
		kit_cert(&k, &c[i], ROLE_CLIENT, i, "pc");
		CHECK_INT(kit_issue(&k, &c[i]), 0);
	}
	for (unsigned day = 0; day < 400; day++) {
		clock_fake_step(&k.clock, 86400 * NS_PER_S);
		for (unsigned i = 0; i < 50; i++)
			registry_seen(k.r, c[i].i.cert.serial);
		CHECK_INT(registry_suspend(k.r, c[day % 50].i.cert.serial, day % 100 < 50, &k.why), 0);
		most = file_bytes(&k) > most ? file_bytes(&k) : most;
	}
	/* 400 days of 50 sightings are 480,000 bytes; what counts has some 30,000 */
	CHECK(most < 150000);
	same_again(&k);
	CHECK_INT(registry_count(k.r), 50);
	kit_end(&k);
}

/* The table is asked with its real cap by the bench; here a smaller one gives the same answer sooner. */
FLOODS(BOUND_CA_CERTS)
{
	enum { CAP = 700 };
	struct kit k;
	struct kit_cert c;

	kit_start(&k, "full");
	NEED(k.r);
	bounds_set(&k.bounds, BOUND_CA_CERTS, CAP);
	for (unsigned i = 0; i < CAP; i++) {
		kit_cert(&k, &c, ROLE_CLIENT, i, "pc");
		CHECK_INT(kit_issue(&k, &c), 0);
	}
	kit_cert(&k, &c, ROLE_CLIENT, CAP, "pc");
	NOT_ISSUED(&k, &c, ZT_E_FULL, "full: it holds 700 certificates");
	CHECK_INT(k.bounds.row[BOUND_CA_CERTS].hits, 1);
	CHECK_INT(registry_revoke(k.r, registry_at(k.r, 3)->serial, 1, &k.why), 0); /* all else goes on */
	same_again(&k);
	CHECK_INT(registry_count(k.r), CAP);
	for (unsigned i = 0; i < CAP; i++) { /* every table was grown several times */
		kit_cert(&k, &c, ROLE_CLIENT, i, "pc");
		CHECK(registry_find(k.r, c.i.cert.serial) == registry_at(k.r, i) && registry_by_key(k.r, c.i.cert.key) == registry_at(k.r, i));
	}
	kit_end(&k);
}
