/* Status lists as a receiver takes them (decide/status judges), and revocation lists. */
#include "issuer_kit.h"

#include "decide/renewal.h"
#include "decide/status.h"
#include "wire/crl.h"

static struct kit k;
static uint8_t bytes[1 << 20];

/* All parts of a list into bytes; its length, or the error. */
static ssize_t fetch(struct casign q, uint64_t *number)
{
	size_t have = 0;

	for (;;) {
		int rc = kit_ask(&k, 'f', &q);
		struct span part = k.out.field[CAF_PART];

		if (rc < 0)
			return rc;
		*number = casign_u64(&k.out, CAF_NUMBER);
		memcpy(bytes + have, part.p, part.n);
		have += part.n;
		if (have == casign_u64(&k.out, CAF_TOTAL))
			return (ssize_t)have;
		CHECK(part.n > 0);
		if (part.n == 0)
			return -ZT_E_BUG;
		put_num(&q, CAF_NUMBER, *number);
		put_num(&q, CAF_OFFSET, have);
	}
}

static struct casign status_of_(uint64_t epoch, uint64_t base)
{
	struct casign q = {.type = CA_LIST};

	put_num(&q, CAF_KIND, CA_LIST_STATUS);
	if (epoch) {
		put_num(&q, CAF_EPOCH, epoch);
		put_num(&q, CAF_BASE, base);
	}
	return q;
}

struct receiver {
	struct status_entry mem[512];
	struct status_view v;
	size_t last;   /* bytes of the last list */
	unsigned kind, n;
};

static void receiver_init(struct receiver *r)
{
	struct status_seen none = {0};

	memset(r, 0, sizeof *r);
	status_init(&r->v, r->mem, ARRAY_LEN(r->mem), &none);
}

static enum status_refusal take(struct receiver *r)
{
	struct status_now now = {.wall = kit_now(&k), .mono = (int64_t)(k.clock.mono_ns / NS_PER_S)};
	struct pk_public key = {.type = PK_P256, .point = span_of(k.own.point, 65)};
	struct statlist l;
	uint64_t number;
	ssize_t n = fetch(status_of_(r->v.known ? r->v.seen.epoch : 0, r->v.seen.number), &number);

	CHECK(n >= 0);
	if (n <= 0)
		return STATUS_SAME;
	CHECK_INT(statlist_read(&l, span_of(bytes, (size_t)n), &k.why), 0);
	CHECK(l.number == number);
	r->last = (size_t)n;
	r->kind = l.kind;
	r->n = l.n;
	return status_apply(&r->v, span_of(bytes, (size_t)n), &key, now, NULL, NULL);
}

static unsigned says(const struct receiver *r, const uint8_t *serial)
{
	return status_of(&r->v, STATUS_CERT, serial);
}

TEST(a_receiver_follows_by_deltas)
{
	uint8_t a[CERT_SERIAL], b[CERT_SERIAL], c[CERT_SERIAL];
	struct receiver r;
	struct pair p, next;

	kit_open(&k);
	receiver_init(&r);
	CHECK_INT(take(&r), STATUS_TAKEN);
	CHECK(r.kind == STATLIST_FULL && r.v.n == 0);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, a) == 0 && kit_issue(&k, ROLE_CONNECTOR, "b", &p, b) == 0);
	CHECK(issuer_news(k.issuer) && !issuer_news(k.issuer));
	CHECK_INT(take(&r), STATUS_TAKEN);
	CHECK(r.kind == STATLIST_DELTA && says(&r, a) == STATUS_GOOD && says(&r, b) == STATUS_GOOD && says(&r, b + 0) == STATUS_GOOD);
	CHECK_INT(take(&r), STATUS_SAME); /* nothing new: no bytes at all */
	NEED(kit_suspend(&k, "a", true) == 0);
	CHECK(take(&r) == STATUS_TAKEN && r.kind == STATLIST_DELTA && r.n == 1 && says(&r, a) == STATUS_SUSPENDED);
	NEED(kit_suspend(&k, "b", true) == 0);
	CHECK(take(&r) == STATUS_TAKEN && r.n == 1 && says(&r, b) == STATUS_SUSPENDED); /* what changed since, and no more */
	NEED(kit_suspend(&k, "b", false) == 0);
	NEED(kit_suspend(&k, "a", false) == 0 && kit_name(&k, CA_REVOKE, "a") == 0);
	CHECK(take(&r) == STATUS_TAKEN && says(&r, a) == STATUS_REVOKED && says(&r, b) == STATUS_GOOD);
	kit_step(&k, 80 * DAY); /* a is over: it leaves; b is renewed */
	kit_pair(&next);
	NEED(kit_renew(&k, b, &next) == 0);
	memcpy(c, k.out.field[CAF_SERIAL].p, sizeof c);
	CHECK_INT(take(&r), STATUS_TAKEN);
	CHECK(says(&r, a) == 0 && says(&r, b) == STATUS_SUPERSEDED && says(&r, c) == STATUS_GOOD);
	kit_step(&k, RENEWAL_GRACE);
	CHECK(take(&r) == STATUS_TAKEN && says(&r, b) == STATUS_REVOKED && says(&r, c) == STATUS_GOOD && r.v.n == 2);
	kit_close(&k);
}

TEST(it_is_signed_again_when_nothing_happens)
{
	struct receiver r;
	struct casign facts = {.type = CA_FACTS};
	uint64_t first;

	kit_open(&k);
	receiver_init(&r);
	NEED(take(&r) == STATUS_TAKEN);
	first = r.v.seen.number;
	kit_step(&k, 14);
	CHECK_INT(take(&r), STATUS_SAME);
	kit_step(&k, 1);
	CHECK(take(&r) == STATUS_TAKEN && r.v.seen.number > first && r.kind == STATLIST_DELTA);
	CHECK(r.v.seen.issued == kit_now(&k) && r.last <= STATLIST_BYTES(0));
	issuer_set_times(k.issuer, k.crl_ms, 1000);
	kit_step(&k, 1);
	CHECK_INT(take(&r), STATUS_TAKEN);
	NEED(kit_ask(&k, 'f', &facts) == 0);
	CHECK(!issuer_news(k.issuer)); /* a heartbeat is no news */
	kit_close(&k);
}

TEST(numbers_go_up_over_restarts_and_epochs)
{
	struct casign epoch = {.type = CA_EPOCH};
	uint8_t a[CERT_SERIAL];
	struct receiver r;
	struct pair p;
	uint64_t before = 0;

	kit_open(&k);
	receiver_init(&r);
	for (unsigned i = 0; i < 5; i++) {
		NEED(take(&r) == STATUS_TAKEN); /* after a restart there is no delta: full */
		CHECK(r.kind == STATLIST_FULL && r.v.seen.number > before);
		before = r.v.seen.number;
		kit_reopen(&k);
	}
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, a) == 0);
	CHECK(take(&r) == STATUS_TAKEN && says(&r, a) == STATUS_GOOD);
	NEED(kit_ask(&k, 'c', &epoch) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_EPOCH), 2);
	CHECK(take(&r) == STATUS_TAKEN && r.kind == STATLIST_FULL && r.v.seen.epoch == 2 && says(&r, a) == STATUS_GOOD);
	kit_close(&k);
}

TEST(a_clock_that_goes_back_does_not_make_a_list_that_is_refused)
{
	struct receiver r;

	kit_open(&k);
	receiver_init(&r);
	NEED(take(&r) == STATUS_TAKEN);
	kit_step(&k, 100);
	k.clock.wall_ms -= 130 * 1000;
	CHECK_INT(take(&r), STATUS_TAKEN);
	kit_close(&k);
}

/* What a base says about this authority is believed only when it can be. */
TEST(a_base_that_does_not_fit_gets_the_full_list)
{
	static const struct {
		uint64_t epoch;
		int64_t base; /* from the newest number */
		unsigned kind; /* 0: nothing */
	} cases[] = {{1, 0, 0}, {1, 1, STATLIST_FULL}, {1, 1000, STATLIST_FULL}, {2, 0, STATLIST_FULL}, {1, -1, STATLIST_DELTA},
		     {1, -1000000, STATLIST_FULL}};
	struct statlist l;
	uint64_t number, newest;
	struct pair p;
	ssize_t n;

	kit_open(&k);
	NEED(fetch(status_of_(0, 0), &newest) > 0);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
	NEED(fetch(status_of_(0, 0), &newest) > 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		n = fetch(status_of_(cases[i].epoch, newest + (uint64_t)cases[i].base), &number);
		CHECK(n >= 0 && (n == 0) == (cases[i].kind == 0) && number == newest);
		if (n <= 0)
			continue;
		CHECK_INT(statlist_read(&l, span_of(bytes, (size_t)n), &k.why), 0);
		CHECK_INT(l.kind, cases[i].kind);
	}
	kit_close(&k);
}

FLOODS(BOUND_CA_CHANGES) /* who is further behind gets the full status list */
{
	uint64_t number, old, next;
	struct status_entry e;
	struct statlist l;
	struct pair p;
	ssize_t n;

	kit_open(&k);
	bounds_set(&k.bounds, BOUND_CA_CHANGES, 8);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
	NEED(fetch(status_of_(0, 0), &old) > 0);
	NEED(kit_suspend(&k, "a", true) == 0);
	NEED(fetch(status_of_(1, old), &next) > 0);
	for (unsigned i = 0; i < 8; i++) {
		NEED(kit_suspend(&k, "a", i & 1) == 0);
		n = fetch(status_of_(1, old), &number);
		NEED(n > 0 && statlist_read(&l, span_of(bytes, (size_t)n), &k.why) == 0);
		CHECK_INT(l.kind, i < 7 ? STATLIST_DELTA : STATLIST_FULL); /* the ninth change pushes the first one out */
		CHECK_INT(l.n, 1);
		statlist_entry(&l, 0, &e);
		CHECK_INT(e.state, i & 1 ? STATUS_SUSPENDED : STATUS_GOOD); /* of several changes the last */
	}
	CHECK_INT(k.bounds.row[BOUND_CA_CHANGES].hits, 1);
	CHECK_INT(k.bounds.row[BOUND_CA_CHANGES].used, 8);
	n = fetch(status_of_(1, next), &number);
	NEED(n > 0 && statlist_read(&l, span_of(bytes, (size_t)n), &k.why) == 0);
	CHECK_INT(l.kind, STATLIST_DELTA);
	kit_close(&k);
	CHECK_INT(k.bounds.row[BOUND_CA_CHANGES].used, 0);
}

TEST(part_of_a_list_that_was_replaced_is_not_mixed_with_the_next)
{
	struct casign q = status_of_(0, 0);
	uint64_t number;
	struct pair p;

	kit_open(&k);
	NEED(fetch(q, &number) > 0);
	put_num(&q, CAF_NUMBER, number);
	put_num(&q, CAF_OFFSET, 20);
	NEED(kit_ask(&k, 'f', &q) == 0);
	CHECK_INT(k.out.field[CAF_PART].n, casign_u64(&k.out, CAF_TOTAL) - 20);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
	CHECK_INT(kit_ask(&k, 'f', &q), 0); /* nobody has asked for the next one yet */
	NEED(fetch(status_of_(0, 0), &number) > 0);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_AGAIN);
	put_num(&q, CAF_NUMBER, number);
	put_num(&q, CAF_OFFSET, 1 << 20);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_RANGE);
	q = status_of_(0, 0);
	put_num(&q, CAF_OFFSET, 20); /* of which list? */
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_RANGE);
	put_num(&q, CAF_KIND, 9);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_UNKNOWN);
	kit_close(&k);
}

TEST(without_the_registrys_key_there_is_no_list)
{
	struct casign q = status_of_(0, 0);

	kit_open(&k);
	k.has_own = false;
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_KEY);
	CHECK(strstr(k.why.text, "keys/registry.key"));
	k.has_own = true;
	CHECK_INT(kit_ask(&k, 'f', &q), 0);
	kit_close(&k);
}

/* ---- revocation lists ------------------------------------------------------------------------------- */

static struct casign crl_of(enum cert_anchor a)
{
	struct casign q = {.type = CA_LIST};

	put_num(&q, CAF_KIND, CA_LIST_CRL);
	put_num(&q, CAF_ANCHOR, a);
	return q;
}

static bool crl_of_infra(struct crl *out, uint64_t *number)
{
	ssize_t n = fetch(crl_of(ANCHOR_INFRA), number);
	struct pk_public key = {.type = PK_P256, .point = span_of(k.anchor[ANCHOR_INFRA][1].point, 65)};

	CHECK(n > 0);
	return n > 0 && crl_read(out, span_of(bytes, (size_t)n), &k.why) == 0 && crl_signed_by(out, &key) == 0;
}

static int reason_of(const struct crl *c, const uint8_t *serial)
{
	struct crl_entry e;

	return crl_has(c, span_of(serial, CERT_SERIAL), &e) ? e.reason : -2;
}

TEST(a_revocation_list_of_each_anchor)
{
	uint8_t laptop[CERT_SERIAL], phone[CERT_SERIAL], vps[CERT_SERIAL], attic[CERT_SERIAL];
	struct casign revoke = {.type = CA_REVOKE};
	struct pair p, next;
	struct crl c;
	uint64_t n;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, laptop) == 0 && kit_issue(&k, ROLE_DEVICE, "phone", &p, phone) == 0 &&
	     kit_issue(&k, ROLE_EDGE, "vps", &p, vps) == 0 && kit_issue(&k, ROLE_CONNECTOR, "attic", &p, attic) == 0);
	NEED(crl_of_infra(&c, &n));
	CHECK(c.count == 0 && c.version == 2 && c.has_next && c.has_number && c.aki.n == 20 && !c.unknown_critical.n);
	CHECK_INT(c.next_update, kit_now(&k) + (int64_t)k.crl_ms / 1000);
	put_str(&revoke, CAF_NAME, "laptop");
	put_num(&revoke, CAF_REASON, 1);
	NEED(kit_ask(&k, 'c', &revoke) == 0 && kit_name(&k, CA_REVOKE, "phone") == 0 && kit_suspend(&k, "vps", true) == 0);
	NEED(crl_of_infra(&c, &n));
	CHECK(c.count == 2 && reason_of(&c, laptop) == 1 && reason_of(&c, vps) == 6 && reason_of(&c, phone) == -2);
	NEED(kit_suspend(&k, "vps", false) == 0);
	kit_step(&k, 60 * DAY);
	kit_pair(&next);
	NEED(kit_renew(&k, attic, &next) == 0);
	NEED(crl_of_infra(&c, &n));
	CHECK(c.count == 0 || reason_of(&c, attic) == -2);
	kit_step(&k, RENEWAL_GRACE);
	NEED(crl_of_infra(&c, &n));
	CHECK_INT(reason_of(&c, attic), 4);
	NEED(fetch(crl_of(ANCHOR_DEVICE), &n) > 0);
	kit_close(&k);
}

TEST(it_is_made_anew_at_half_its_life_and_when_something_ends)
{
	struct pair p;
	struct crl c;
	uint64_t first, n;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, NULL) == 0);
	NEED(crl_of_infra(&c, &first));
	kit_step(&k, (int64_t)k.crl_ms / 2000 - 1);
	NEED(kit_issue(&k, ROLE_CLIENT, "other", &p, NULL) == 0); /* nothing to do with it */
	CHECK(crl_of_infra(&c, &n) && n == first);
	kit_step(&k, 1);
	CHECK(crl_of_infra(&c, &n) && n == first + 1);
	NEED(kit_name(&k, CA_REVOKE, "other") == 0);
	CHECK(crl_of_infra(&c, &n) && n == first + 2 && c.count == 1);
	CHECK(crl_of_infra(&c, &n) && n == first + 2);
	kit_reopen(&k);
	CHECK(crl_of_infra(&c, &n) && n == first + 3); /* a number is never used twice */
	kit_close(&k);
}

TEST(an_entry_outlives_its_certificate_by_one_list)
{
	uint8_t serial[CERT_SERIAL];
	struct pair p;
	struct crl c;
	uint64_t n;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, serial) == 0 && kit_name(&k, CA_REVOKE, "laptop") == 0);
	kit_step(&k, 30 * DAY + (int64_t)k.crl_ms / 1000 - 1);
	CHECK(crl_of_infra(&c, &n) && c.count == 1);
	kit_step(&k, 4 * DAY);
	CHECK(crl_of_infra(&c, &n) && c.count == 0);
	kit_close(&k);
}

TEST(revocation_lists_that_cannot_be)
{
	struct casign q = {.type = CA_LIST};

	kit_open(&k);
	put_num(&q, CAF_KIND, CA_LIST_CRL);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_NOTFOUND); /* of which anchor? */
	put_num(&q, CAF_ANCHOR, 7);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_NOTFOUND);
	put_num(&q, CAF_ANCHOR, ANCHOR_ACME);
	put_num(&q, CAF_GENERATION, 2);
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_NOTFOUND);
	put_num(&q, CAF_GENERATION, 1);
	k.has[ANCHOR_ACME][1] = false;
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_KEY);
	k.anchor[ANCHOR_ACME][1].key = k.own.key;
	k.has[ANCHOR_ACME][1] = true;
	CHECK_INT(kit_ask(&k, 'f', &q), -ZT_E_KEY); /* another's key */
	CHECK(strstr(k.why.text, "keys/acme.1.key"));
	kit_close(&k);
}

/* More than one answer holds: 49,152 bytes are 2,400 entries and some. */
TEST(a_long_list_comes_in_parts)
{
	struct statlist l;
	uint64_t number;
	uint8_t mem[2][1024];
	struct pair p;
	struct span csr[2];
	ssize_t n;

	kit_open(&k);
	for (unsigned i = 0; i < 2; i++) {
		kit_pair(&p);
		csr[i] = csr_for(&p, mem[i], NULL, 0);
	}
	for (unsigned i = 0; i < 2600; i++) { /* two keys take turns: what is long is the list */
		struct casign q = {.type = i ? CA_RENEW : CA_ISSUE};

		put_str(&q, CAF_NAME, "m");
		casign_put(&q, CAF_CSR, csr[i & 1]);
		if (i == 0)
			put_num(&q, CAF_ROLE, ROLE_CLIENT);
		NEED(kit_ask(&k, 'c', &q) == 0);
	}
	n = fetch(status_of_(0, 0), &number);
	CHECK(n > CASIGN_PART);
	NEED(n > 0 && statlist_read(&l, span_of(bytes, (size_t)n), &k.why) == 0);
	CHECK(l.n == 2600 && statlist_signed_by(&l, &(struct pk_public){.type = PK_P256, .point = span_of(k.own.point, 65)}) == 0);
	kit_step(&k, RENEWAL_GRACE);
	n = fetch(crl_of(ANCHOR_INFRA), &number);
	CHECK(n > 2 * CASIGN_PART);
	kit_close(&k);
}
