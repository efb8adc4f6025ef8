/* The registry's join tokens and the joins that wait: counted, bounded, and the same after it was opened
 * again. */
#include "base/num.h"
#include "serve/registry.h"
#include "tests/unit/serve/registry_kit.h"

TEST(tokens_count_their_uses)
{
	struct kit k;
	struct kit_cert c;
	struct reg_token t;
	const struct reg_token *f;
	static const uint8_t ip[4] = {10, 0, 0, 9};

	kit_start(&k, "token");
	NEED(k.r);
	kit_token(&t, 1, 2);
	t.approve = true;
	t.lifetime = 3600;
	snprintf(t.name, sizeof t.name, "shed");
	t.ncidr = 2;
	t.cidr[0] = (struct addr_net){{.family = 4, .ip = {10, 1}}, 16};
	t.cidr[1] = (struct addr_net){{.family = 6, .ip = {0xfd, 1}}, 64};
	t.nsans = 2;
	t.san[0] = (struct san){SAN_DNS, SPAN_LIT("nas.home.arpa")};
	t.san[1] = (struct san){SAN_IP, span_of(ip, 4)};
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	CHECK_INT(registry_add_token(k.r, &t, &k.why), -ZT_E_EXISTS);
	SAYS(&k, "id already");
	for (unsigned i = 0; i < 2; i++) {
		kit_cert(&k, &c, ROLE_CONNECTOR, i, "shed");
		memcpy(c.i.cert.token, t.id, TOKEN_ID);
		CHECK_INT(kit_issue(&k, &c), 0);
		CHECK_INT(registry_token(k.r, t.id)->used, i + 1);
		same_again(&k);
		CHECK_INT(registry_token(k.r, t.id)->used, i + 1); /* counted, not counted again */
	}
	kit_cert(&k, &c, ROLE_CONNECTOR, 3, "shed");
	memcpy(c.i.cert.token, t.id, TOKEN_ID);
	NOT_ISSUED(&k, &c, ZT_E_TOKEN, "used up: it was good for 2 joins");
	f = registry_token(k.r, t.id);
	NEED(f && f == registry_token_at(k.r, 0) && registry_token_at(k.r, 1) == NULL);
	CHECK(f->approve && f->lifetime == 3600 && f->created == KIT_NOW && f->expires == KIT_NOW + 1800);
	CHECK(f->ncidr == 2 && f->cidr[1].bits == 64 && f->cidr[1].net.family == 6 && f->cidr[1].net.ip[0] == 0xfd);
	CHECK(f->nsans == 2 && f->san[0].kind == SAN_DNS && span_eq_str(f->san[0].value, "nas.home.arpa"));
	CHECK(f->san[1].kind == SAN_IP && span_eq(f->san[1].value, span_of(ip, 4)));
	CHECK(memcmp(f->secret, t.secret, TOKEN_SECRET) == 0);
	kit_end(&k);
}

TEST(tokens_are_revoked)
{
	struct kit k;
	struct kit_cert c;
	struct reg_token t;
	const uint8_t nobody[TOKEN_ID] = {99};

	kit_start(&k, "revtoken");
	NEED(k.r);
	kit_cert(&k, &c, ROLE_CONNECTOR, 3, "shed");
	kit_token(&t, 2, 5);
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	CHECK_INT(registry_revoke_token(k.r, t.id, &k.why), 0);
	CHECK_INT(registry_revoke_token(k.r, t.id, &k.why), 0);
	CHECK_INT(registry_revoke_token(k.r, nobody, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "no token");
	memcpy(c.i.cert.token, t.id, TOKEN_ID);
	NOT_ISSUED(&k, &c, ZT_E_TOKEN, "revoked");
	same_again(&k);
	NOT_ISSUED(&k, &c, ZT_E_TOKEN, "revoked");
	kit_end(&k);
}

TEST(tokens_that_cannot_be)
{
	struct kit k;
	struct reg_token t, bad;

	kit_start(&k, "badtoken");
	NEED(k.r);
	kit_token(&t, 3, 1);
#define BAD(field, value, want)  \
	bad = t;                 \
	bad.field = value;       \
	CHECK_INT(registry_add_token(k.r, &bad, NULL), -(want))
	BAD(uses, 0, ZT_E_RANGE);
	BAD(used, 1, ZT_E_RANGE);
	BAD(revoked, true, ZT_E_RANGE);
	BAD(expires, KIT_NOW, ZT_E_RANGE);
	BAD(lifetime, -1, ZT_E_RANGE);
	BAD(role, ROLE_NONE, ZT_E_RANGE);
	BAD(role, CERT_ROLES, ZT_E_RANGE);
	BAD(name[0], '-', ZT_E_RANGE);
	BAD(user[0], ' ', ZT_E_RANGE);
	BAD(ncidr, 9, ZT_E_TOOLONG);
	BAD(nsans, CERT_SANS + 1, ZT_E_TOOLONG);
	CHECK(registry_token(k.r, t.id) == NULL);
	kit_end(&k);
}

TEST(joins_wait)
{
	struct kit k;
	struct reg_token t;
	struct kit_cert c;
	struct reg_pending p = {.key = {5}, .label = "a shed", .peer = "192.0.2.7:4000"}, q = {.key = {6}}, again;
	const struct reg_pending *f;

	kit_start(&k, "joins");
	NEED(k.r);
	kit_token(&t, 1, 3);
	CHECK_INT(registry_add_pending(k.r, &p, &k.why), -ZT_E_TOKEN);
	SAYS(&k, "token is unknown");
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	memcpy(p.token, t.id, TOKEN_ID);
	memcpy(q.token, t.id, TOKEN_ID);
	kit_cert(&k, &c, ROLE_CONNECTOR, 1, "shed");
	memcpy(p.key, c.i.cert.key, 32);
	CHECK_INT(registry_add_pending(k.r, &p, &k.why), 0);
	CHECK_INT(registry_add_pending(k.r, &q, &k.why), 0);
	CHECK(p.number == 1 && q.number == 2 && p.since == KIT_NOW && !p.approved);
	clock_fake_step(&k.clock, NS_PER_S);
	again = p;
	CHECK_INT(registry_add_pending(k.r, &again, &k.why), 0); /* it asks every few seconds */
	CHECK(again.number == 1 && again.since == KIT_NOW);
	same_again(&k);
	f = registry_pending_of(k.r, p.key);
	NEED(f && f == registry_pending_at(k.r, 0) && registry_pending_at(k.r, 2) == NULL);
	CHECK_STR(f->label, "a shed");
	CHECK_STR(f->peer, "192.0.2.7:4000");
	CHECK_INT(registry_settle_pending(k.r, 9, true, &k.why), -ZT_E_NOTFOUND);
	SAYS(&k, "number 9");
	CHECK_INT(registry_settle_pending(k.r, 1, true, &k.why), 0);
	CHECK_INT(registry_settle_pending(k.r, 1, true, &k.why), 0);
	CHECK(registry_pending_of(k.r, p.key)->approved);
	CHECK_INT(registry_settle_pending(k.r, 2, false, &k.why), 0);
	CHECK(registry_pending_of(k.r, q.key) == NULL);
	same_again(&k);
	CHECK(registry_pending_of(k.r, p.key)->approved);
	memcpy(c.i.cert.token, t.id, TOKEN_ID);
	CHECK_INT(kit_issue(&k, &c), 0);
	CHECK(registry_pending_of(k.r, p.key) == NULL); /* it has what it waited for */
	same_again(&k);
	q.key[0] = 7;
	CHECK_INT(registry_add_pending(k.r, &q, &k.why), 0);
	CHECK_INT(q.number, 3); /* no number twice, though nothing is left of the others */
	snprintf(q.label, sizeof q.label, "a\nb");
	q.key[0] = 8;
	CHECK_INT(registry_add_pending(k.r, &q, &k.why), -ZT_E_RANGE);
	SAYS(&k, "printable");
	kit_end(&k);
}

FLOODS(BOUND_CA_TOKENS)
{
	enum { CAP = BOUND_CAP(BOUND_CA_TOKENS) };
	struct kit k;
	struct reg_token t;
	struct reg_pending p = {.key = {1}};

	kit_start(&k, "tokens");
	NEED(k.r);
	for (unsigned i = 0; i < CAP; i++) {
		kit_token(&t, (uint8_t)i, 1);
		t.id[2] = (uint8_t)(i >> 8);
		CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	}
	kit_token(&t, 0xff, 1);
	t.id[2] = 0xff;
	CHECK_INT(registry_add_token(k.r, &t, &k.why), -ZT_E_FULL);
	SAYS(&k, "1024 tokens that are still good");
	CHECK_INT(k.bounds.row[BOUND_CA_TOKENS].used, CAP);
	CHECK(k.bounds.row[BOUND_CA_TOKENS].hits > 0);
	/* revoke one, with a join that waits by it */
	memcpy(p.token, registry_token_at(k.r, 7)->id, TOKEN_ID);
	CHECK_INT(registry_add_pending(k.r, &p, &k.why), 0);
	CHECK_INT(registry_revoke_token(k.r, p.token, &k.why), 0);
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	CHECK(registry_token(k.r, p.token) == NULL && registry_pending_of(k.r, p.key) == NULL);
	same_again(&k);
	/* or wait until they expire: then only as many go as are needed, and after a week all */
	t.id[3] = 1;
	clock_fake_step(&k.clock, 1800 * NS_PER_S);
	t.expires += 1800;
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	CHECK_INT(k.bounds.row[BOUND_CA_TOKENS].used, CAP);
	same_again(&k);
	t.id[3] = 2;
	clock_fake_step(&k.clock, 8 * 86400 * NS_PER_S);
	t.expires = KIT_NOW + 30 * 86400;
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	CHECK_INT(k.bounds.row[BOUND_CA_TOKENS].used, 1);
	same_again(&k);
	kit_end(&k);
}

FLOODS(BOUND_CA_PENDING)
{
	enum { CAP = BOUND_CAP(BOUND_CA_PENDING) };
	struct kit k;
	struct reg_token t;
	struct reg_pending p = {.number = 0};

	kit_start(&k, "pendings");
	NEED(k.r);
	kit_token(&t, 1, 1);
	CHECK_INT(registry_add_token(k.r, &t, &k.why), 0);
	memcpy(p.token, t.id, TOKEN_ID);
	for (unsigned i = 0; i < CAP; i++) {
		p.key[0] = (uint8_t)i;
		p.key[1] = (uint8_t)(i >> 8);
		CHECK_INT(registry_add_pending(k.r, &p, &k.why), 0);
	}
	p.key[2] = 1;
	CHECK_INT(registry_add_pending(k.r, &p, &k.why), -ZT_E_FULL);
	SAYS(&k, "256 joins wait");
	CHECK_INT(k.bounds.row[BOUND_CA_PENDING].hits, 1);
	CHECK_INT(registry_settle_pending(k.r, 5, false, &k.why), 0);
	CHECK_INT(registry_add_pending(k.r, &p, &k.why), 0);
	CHECK_INT(p.number, CAP + 1);
	same_again(&k);
	kit_end(&k);
}
