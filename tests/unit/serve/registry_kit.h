/* registry_kit: an authority for tests of the registry: one directory, anchors, and certificates that are
 * real but for the signature, unless it is asked for. */
#ifndef ZT_REGISTRY_KIT_H
#define ZT_REGISTRY_KIT_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "serve/registry.h"
#include "tests/unit/unit.h"

#define KIT_NOW INT64_C(1795000000)

struct kit {
	int dir;
	struct clock_fake clock;
	struct bounds bounds;
	struct registry *r;
	struct why why;
	/* of all three anchors, generation 1 */
	uint8_t scalar[32], point[PK_POINT_MAX], spki_mem[128];
	struct pk_private key;
	struct span spki;
	uint8_t anchor_mem[ANCHORS][1024];
	struct x509 anchor[ANCHORS];
	bool really_signed;
};

static inline int kit_no_signature(const struct signer *s, enum pk_hash h, struct span message, uint8_t *sig)
{
	/* SEQUENCE { INTEGER 1, INTEGER 1 } */
	static const uint8_t fake[] = {0x30, 6, 2, 1, 1, 2, 1, 1};

	(void)s;
	(void)h;
	(void)message;
	memcpy(sig, fake, sizeof fake);
	return sizeof fake;
}

static inline void kit_key(struct kit *k)
{
	struct wr w = wr_of(k->spki_mem, sizeof k->spki_mem);
	struct pk_public pub = {.type = PK_P256};

	CHECK(pk_generate(PK_P256, k->scalar, sizeof k->scalar) == 32);
	k->key = (struct pk_private){.type = PK_P256, .scalar = span_of(k->scalar, 32)};
	pub.point = span_of(k->point, (size_t)pk_point(&k->key, k->point, sizeof k->point));
	x509_wr_spki(&w, &pub);
	k->spki = wr_span(&w);
}

static inline void kit_anchor(struct kit *k, enum cert_anchor a, uint8_t *mem, struct x509 *out)
{
	static uint8_t serial[CERT_SERIAL] = {1};
	struct signer s = signer_of(&k->key);
	struct wr w = wr_of(mem, 1024);

	serial[15]++;
	CHECK_INT(anchor_make(&w, a, span_of(serial, CERT_SERIAL), k->spki, KIT_NOW, ANCHOR_LIFETIME, &s, &k->why), 0);
	CHECK_INT(x509_read(out, wr_span(&w), &k->why), 0);
}

static inline int kit_open(struct kit *k, bool create)
{
	struct registry_opts o = {.dirfd = k->dir, .shown = "dir/registry", .clock = &k->clock.clock, .bounds = &k->bounds,
				  .create = create};

	k->why = (struct why){0};
	k->r = NULL;
	return registry_open(&k->r, &o, &k->why);
}

static inline void kit_close(struct kit *k)
{
	registry_close(k->r);
	k->r = NULL;
}

/* Keys and clock, no file yet. */
static inline void kit_init(struct kit *k, const char *name)
{
	const char *path = unit_tmp(name);

	*k = (struct kit){0};
	CHECK(mkdir(path, 0700) == 0);
	k->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clock_fake_init(&k->clock, 0, KIT_NOW * 1000);
	bounds_init(&k->bounds);
	kit_key(k);
	for (enum cert_anchor a = 0; a < ANCHORS; a++)
		kit_anchor(k, a, k->anchor_mem[a], &k->anchor[a]);
}

/* An authority that has begun, with its three anchors. */
static inline void kit_start(struct kit *k, const char *name)
{
	kit_init(k, name);
	CHECK_INT(kit_open(k, true), 0);
	if (k->r == NULL)
		return;
	CHECK_INT(registry_begin(k->r, k->spki, &k->why), 0);
	for (enum cert_anchor a = 0; a < ANCHORS; a++)
		CHECK_INT(registry_add_anchor(k->r, a, k->anchor[a].der, &k->why), 0);
}

static inline int kit_reopen(struct kit *k)
{
	kit_close(k);
	return kit_open(k, false);
}

static inline void kit_end(struct kit *k)
{
	kit_close(k);
	CHECK_INT(k->bounds.row[BOUND_CA_CERTS].used, 0);
	CHECK_INT(k->bounds.row[BOUND_CA_TOKENS].used, 0);
	CHECK_INT(k->bounds.row[BOUND_CA_PENDING].used, 0);
	close(k->dir);
}

/* A certificate of this role: number n gives its serial, id and key. */
struct kit_cert {
	struct reg_issue i;
	uint8_t mem[2048];
};

static inline void kit_cert(struct kit *k, struct kit_cert *c, enum cert_role role, unsigned n, const char *name)
{
	static const struct san nas = {SAN_DNS, {(const uint8_t *)"nas.home.arpa", 13}};
	const struct x509 *anchor = &k->anchor[cert_role(role)->anchor];
	struct signer s = signer_of(&k->key);
	struct cert_issuer by;
	struct wr w = wr_of(c->mem, sizeof c->mem);
	struct x509 read;
	struct x509_make m;
	uint8_t spki[128], cn[64];
	struct wr sw = wr_of(spki, sizeof spki), cw = wr_of(cn, sizeof cn);
	uint8_t point[65] = {4};
	struct pk_public pub = {.type = PK_P256, .point = span_of(point, sizeof point)};
	struct reg_cert *rc = &c->i.cert;
	struct x509_attr attr = {.type = OID_CN};

	*rc = (struct reg_cert){.role = role, .generation = 1};
	rc->serial[0] = 0x40;
	rc->serial[12] = (uint8_t)(n >> 24);
	rc->serial[13] = (uint8_t)(n >> 16);
	rc->serial[14] = (uint8_t)(n >> 8);
	rc->serial[15] = (uint8_t)n;
	snprintf(rc->id, sizeof rc->id, "%024x", n);
	snprintf(rc->name, sizeof rc->name, "%s", name);
	snprintf(rc->user, sizeof rc->user, "anna");
	memcpy(point + 1, &n, sizeof n); /* not on the curve, which nobody asks here */
	if (k->really_signed)
		memcpy(point, k->point, sizeof point);
	x509_wr_spki(&sw, &pub);
	attr.text = span_str(rc->id);
	x509_wr_name(&cw, &attr, 1);
	cert_issuer_of(&by, anchor);
	if (!k->really_signed)
		s.sign = kit_no_signature;
	m = (struct x509_make){.subject = wr_span(&cw), .issuer = anchor->subject, .serial = span_of(rc->serial, CERT_SERIAL),
			       .spki = wr_span(&sw), .not_before = KIT_NOW - 300, .not_after = KIT_NOW + 86400, .path_len = -1,
			       .ku = KU_SIGN, .eku = cert_role(role)->eku, .sans = &nas, .nsans = 1};
	CHECK_INT(x509_build(&w, &m, &s, &k->why), 0);
	CHECK_INT(x509_read(&read, wr_span(&w), &k->why), 0);
	x509_pin(&read, rc->key);
	rc->not_before = read.not_before;
	rc->not_after = read.not_after;
	c->i.der = wr_span(&w);
}

static inline int kit_issue(struct kit *k, struct kit_cert *c)
{
	k->why = (struct why){0};
	return registry_issue(k->r, &c->i, &k->why);
}

static inline void kit_token(struct reg_token *t, uint8_t id, uint32_t uses)
{
	*t = (struct reg_token){.id = {id, 1}, .secret = {0xaa, id}, .role = ROLE_CONNECTOR, .uses = uses,
				.expires = KIT_NOW + 1800};
}

/* The sentence holds these words. */
static inline void kit_says(struct kit *k, const char *words, const char *file, int line)
{
	if (strstr(k->why.text, words) == NULL)
		unit_fail(file, line, "\"%s\" does not say \"%s\"", k->why.text, words);
	k->why = (struct why){0};
}
#define SAYS(k, words) kit_says(k, words, __FILE__, __LINE__)

/* What is there, as text of one line each: two registries that know the same print the same. */
static inline size_t kit_dump(struct registry *r, char *out, size_t cap)
{
	struct wr w = wr_of(out, cap - 1);
	struct reg_anchor a[32];
	size_t na = registry_anchors(r, a, 32);
	const struct reg_cert *c;
	const struct reg_token *t;
	const struct reg_pending *p;
	uint8_t der[4096], hash[32];

	wr_fmt(&w, "epoch %llu\n", (unsigned long long)registry_epoch(r));
	for (size_t i = 0; i < na; i++)
		wr_fmt(&w, "anchor %d.%u state %d since %lld bytes %zu\n", (int)a[i].anchor, a[i].generation, (int)a[i].state,
		       (long long)a[i].since, a[i].der.n);
	for (size_t i = 0; (c = registry_at(r, i)) != NULL; i++) {
		int n = registry_der(r, c, der, sizeof der, NULL);

		CHECK(n > 0);
		sha256(span_of(der, n > 0 ? (size_t)n : 0), hash);
		wr_fmt(&w, "cert %02x%02x%02x%02x parent %02x%02x%02x id %s name %s user %s role %d.%u issued %lld %lld-%lld", c->serial[12],
		       c->serial[13], c->serial[14], c->serial[15], c->parent[0], c->parent[14], c->parent[15], c->id, c->name,
		       c->user, (int)c->role, c->generation, (long long)c->issued, (long long)c->not_before, (long long)c->not_after);
		wr_fmt(&w, " token %02x sup %lld ended %lld reason %d s%d r%d seen %lld key %02x%02x der %02x%02x\n", c->token[0],
		       (long long)c->superseded, (long long)c->ended, c->reason, c->suspended, c->revoked, (long long)c->seen,
		       c->key[0], c->key[31], hash[0], hash[31]);
	}
	for (size_t i = 0; (t = registry_token_at(r, i)) != NULL; i++)
		wr_fmt(&w, "token %02x secret %02x%02x role %d name %s user %s %u/%u %lld-%lld life %lld approve %d revoked %d cidrs %zu sans %zu\n",
		       t->id[0], t->secret[0], t->secret[1], (int)t->role, t->name, t->user, t->used, t->uses, (long long)t->created,
		       (long long)t->expires, (long long)t->lifetime, t->approve, t->revoked, t->ncidr, t->nsans);
	for (size_t i = 0; (p = registry_pending_at(r, i)) != NULL; i++)
		wr_fmt(&w, "join %llu token %02x key %02x label %s peer %s since %lld approved %d\n", (unsigned long long)p->number,
		       p->token[0], p->key[0], p->label, p->peer, (long long)p->since, p->approved);
	CHECK(!w.full);
	out[w.n] = 0;
	return w.n;
}

enum { KIT_DUMP = 400000 };

/* Closed and opened, and written anew, it knows the same. */
static inline void same_again(struct kit *k)
{
	static char before[KIT_DUMP], after[KIT_DUMP];

	kit_dump(k->r, before, KIT_DUMP);
	NEED(kit_reopen(k) == 0);
	kit_dump(k->r, after, KIT_DUMP);
	CHECK_STR(after, before);
	CHECK_INT(registry_compact(k->r, &k->why), 0);
	kit_dump(k->r, after, KIT_DUMP);
	CHECK_STR(after, before);
	NEED(kit_reopen(k) == 0);
	kit_dump(k->r, after, KIT_DUMP);
	CHECK_STR(after, before);
}

/* Each is refused, says why, and leaves everything as it was. */
static inline void not_issued(struct kit *k, struct kit_cert *c, enum zt_err want, const char *says, int line)
{
	static char before[KIT_DUMP], after[KIT_DUMP];

	kit_dump(k->r, before, KIT_DUMP);
	if (kit_issue(k, c) != -(int)want || strstr(k->why.text, says) == NULL)
		unit_fail(__FILE__, line, "%d \"%s\", not %d \"%s\"", k->why.err, k->why.text, (int)want, says);
	k->why = (struct why){0};
	kit_dump(k->r, after, KIT_DUMP);
	CHECK_STR(after, before);
}
#define NOT_ISSUED(k, c, want, says) not_issued(k, c, want, says, __LINE__)

#endif
