/*
 * The registry on a disk that fails: the n-th write, fsync, ftruncate, rename, open, read or allocation of
 * a life fails, for every n. What was answered with 0 is there when it is opened again, with its bytes;
 * what was refused is neither in memory nor in the file.
 */
#include <errno.h>

#include "base/num.h"
#include "serve/registry.h"
#include "tests/unit/serve/registry_kit.h"
#include "tests/unit/wrapio.h"

enum { CERTS = 6, TOKEN = 1 };

/* What a life has made of it: the certificates are made beforehand, they need no disk. */
struct life {
	struct kit k;
	struct kit_cert c[CERTS];
	bool begun, anchors, token, acked[CERTS], revoked, crl_given;
	unsigned used, refused;
	uint64_t list, crl;
	bool list_given;
};

static void make_certs(struct life *l)
{
	static const enum cert_role role[CERTS] = {ROLE_EDGE, ROLE_CONNECTOR, ROLE_CLIENT, ROLE_CLIENT, ROLE_DEVICE, ROLE_SERVICE};

	for (unsigned i = 0; i < CERTS; i++)
		kit_cert(&l->k, &l->c[i], role[i], i, "pc");
	l->c[1].i.cert.token[0] = TOKEN;
	l->c[1].i.cert.token[1] = 1;
	memcpy(l->c[3].i.cert.parent, l->c[2].i.cert.serial, CERT_SERIAL);
	memcpy(l->c[3].i.cert.id, l->c[2].i.cert.id, sizeof l->c[3].i.cert.id);
}

static bool done(struct life *l, int err)
{
	if (err) {
		l->refused++;
		CHECK(l->k.why.text[0] != 0);
	}
	l->k.why = (struct why){0};
	return err == 0;
}

static void try_issue(struct life *l, unsigned i)
{
	size_t count = registry_count(l->k.r);
	struct reg_token t;
	const struct reg_token *f;

	kit_token(&t, TOKEN, 1);
	l->acked[i] = done(l, kit_issue(&l->k, &l->c[i]));
	CHECK_INT(registry_count(l->k.r), count + l->acked[i]);
	CHECK((registry_find(l->k.r, l->c[i].i.cert.serial) != NULL) == l->acked[i]);
	CHECK((registry_by_key(l->k.r, l->c[i].i.cert.key) != NULL) == l->acked[i]);
	f = registry_token(l->k.r, t.id);
	CHECK(f == NULL || f->used == l->acked[1]);
	if (i == 3 && registry_find(l->k.r, l->c[2].i.cert.serial))
		CHECK((registry_find(l->k.r, l->c[2].i.cert.serial)->superseded != 0) == l->acked[3]);
}

static void numbers(struct life *l)
{
	uint64_t n;

	if (done(l, registry_next_crl(l->k.r, ANCHOR_INFRA, 1, &n, &l->k.why))) {
		CHECK(n > l->crl);
		l->crl = n;
	}
	if (done(l, registry_next_list(l->k.r, &n, &l->k.why))) {
		CHECK(n > l->list);
		l->list = n;
	}
}

static void live(struct life *l)
{
	struct reg_token t;

	if (!done(l, kit_open(&l->k, true)))
		return;
	l->begun = done(l, registry_begin(l->k.r, l->k.spki, &l->k.why));
	l->anchors = true;
	for (enum cert_anchor a = 0; a < ANCHORS; a++)
		l->anchors &= done(l, registry_add_anchor(l->k.r, a, l->k.anchor[a].der, &l->k.why));
	kit_token(&t, TOKEN, 1);
	l->token = done(l, registry_add_token(l->k.r, &t, &l->k.why));
	for (unsigned i = 0; i < CERTS; i++) {
		try_issue(l, i);
		if (i == 2)
			numbers(l);
		if (i == 3)
			done(l, registry_compact(l->k.r, &l->k.why));
		registry_seen(l->k.r, l->c[i].i.cert.serial);
	}
	l->revoked = done(l, registry_revoke(l->k.r, l->c[0].i.cert.serial, 1, &l->k.why));
	numbers(l);
	kit_close(&l->k);
}

static void check_certs(struct life *l, const char *what, unsigned nth)
{
	uint8_t der[2048];
	size_t n = 0;

	for (unsigned i = 0; i < CERTS; i++) {
		const struct reg_cert *f = registry_find(l->k.r, l->c[i].i.cert.serial);

		if ((f != NULL) != l->acked[i])
			unit_fail(__FILE__, __LINE__, "%s %u: certificate %u: acknowledged %d, there %d", what, nth, i, l->acked[i], f != NULL);
		if (f == NULL)
			continue;
		n++;
		CHECK_INT(registry_der(l->k.r, f, der, sizeof der, &l->k.why), l->c[i].i.der.n);
		CHECK(span_eq(span_of(der, l->c[i].i.der.n), l->c[i].i.der));
	}
	CHECK_INT(registry_count(l->k.r), n);
}

/* Opened again on a disk that works. */
static void examine(struct life *l, const char *what, unsigned nth)
{
	const struct reg_cert *f;
	struct reg_token t;
	uint64_t n;
	int err;

	wrap_reset();
	err = kit_open(&l->k, false);
	if (!l->begun) {
		CHECK_INT(err, -ZT_E_NOTFOUND);
		return;
	}
	if (err) {
		unit_fail(__FILE__, __LINE__, "%s %u: %s", what, nth, l->k.why.text);
		return;
	}
	check_certs(l, what, nth);
	kit_token(&t, TOKEN, 1);
	CHECK((registry_token(l->k.r, t.id) != NULL) == l->token);
	if (l->token)
		CHECK_INT(registry_token(l->k.r, t.id)->used, l->acked[1]);
	f = registry_find(l->k.r, l->c[0].i.cert.serial);
	CHECK(f == NULL || f->revoked == l->revoked);
	CHECK_INT(registry_next_list(l->k.r, &n, &l->k.why), 0);
	CHECK(n > l->list);
	if (registry_signing(l->k.r, ANCHOR_INFRA)) {
		CHECK_INT(registry_next_crl(l->k.r, ANCHOR_INFRA, 1, &n, &l->k.why), 0);
		CHECK_INT(n, l->crl + 1);
	}
	if (l->anchors)
		same_again(&l->k);
	kit_close(&l->k);
}

static const struct fault {
	const char *name;
	enum wrap_call call;
	int err;
	bool harmless; /* nothing is refused */
} faults[] = {
	{"pwrite EIO", WRAP_PWRITE, EIO, false},	 {"pwrite ENOSPC", WRAP_PWRITE, ENOSPC, false},
	{"pwrite EINTR", WRAP_PWRITE, EINTR, true},	 {"fsync EIO", WRAP_FSYNC, EIO, false},
	{"fsync ENOSPC", WRAP_FSYNC, ENOSPC, false},	 {"fsync EINTR", WRAP_FSYNC, EINTR, true},
	{"ftruncate EIO", WRAP_FTRUNCATE, EIO, false},	 {"rename EIO", WRAP_RENAME, EIO, false},
	{"rename ENOSPC", WRAP_RENAME, ENOSPC, false},	 {"openat EMFILE", WRAP_OPEN, EMFILE, false},
	{"pread EIO", WRAP_PREAD, EIO, false},		 {"pread EINTR", WRAP_PREAD, EINTR, true},
	{"malloc ENOMEM", WRAP_MALLOC, ENOMEM, false},
};

static unsigned one_life(const struct fault *f, unsigned nth, unsigned times, size_t most)
{
	static unsigned turn;
	static struct life l;
	char name[32];
	unsigned calls;

	snprintf(name, sizeof name, "life%u", turn++);
	wrap_reset();
	l = (struct life){.used = 0};
	kit_init(&l.k, name);
	make_certs(&l);
	wrap_reset();
	wrap_short(WRAP_PWRITE, most);
	if (nth)
		wrap_fail(f->call, nth, f->err, times);
	live(&l);
	calls = wrap_count(f->call);
	if (!nth || f->harmless)
		CHECK_INT(l.refused, 0);
	examine(&l, f->name, nth);
	kit_end(&l.k);
	return calls;
}

TEST(the_nth_call_fails_once)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		unsigned most = one_life(&faults[i], 0, 0, 0);

		CHECK(most > 0);
		for (unsigned nth = 1; nth <= most; nth++)
			one_life(&faults[i], nth, 1, 0);
	}
}

TEST(everything_fails_from_the_nth_call_on)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		for (unsigned nth = 1; faults[i].err != EINTR && nth <= 30; nth++)
			one_life(&faults[i], nth, 1000000, 0);
}

TEST(short_writes_and_then_a_full_disk)
{
	unsigned most = one_life(&faults[1], 0, 0, 40);

	for (unsigned nth = 1; nth <= most; nth += 3)
		one_life(&faults[1], nth, 1, 40);
}

/* It was to be written along with a change that the disk refused: the next one takes it. */
TEST(a_sighting_outlives_a_write_that_failed)
{
	static struct life l;
	const uint8_t *serial = l.c[0].i.cert.serial;

	wrap_reset();
	l = (struct life){.used = 0};
	kit_init(&l.k, "sighting");
	make_certs(&l);
	NEED(kit_open(&l.k, true) == 0);
	CHECK_INT(registry_begin(l.k.r, l.k.spki, &l.k.why), 0);
	CHECK_INT(registry_add_anchor(l.k.r, ANCHOR_INFRA, l.k.anchor[ANCHOR_INFRA].der, &l.k.why), 0);
	CHECK_INT(kit_issue(&l.k, &l.c[0]), 0);
	clock_fake_step(&l.k.clock, 7 * NS_PER_S);
	registry_seen(l.k.r, serial);
	wrap_fail(WRAP_PWRITE, 1, ENOSPC, 1);
	CHECK(registry_revoke(l.k.r, serial, 1, &l.k.why) < 0 && !registry_find(l.k.r, serial)->revoked);
	CHECK_INT(registry_revoke(l.k.r, serial, 1, &l.k.why), 0);
	CHECK_INT(kit_reopen(&l.k), 0);
	CHECK(registry_find(l.k.r, serial)->revoked);
	CHECK_INT(registry_find(l.k.r, serial)->seen, KIT_NOW + 7);
	kit_end(&l.k);
}
