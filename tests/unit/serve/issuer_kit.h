/*
 * issuer_kit: an authority in a directory of its own, with a clock that stands still and keys that can be
 * taken away. Every question and answer goes through the codec, as between processes.
 */
#ifndef ZT_ISSUER_KIT_H
#define ZT_ISSUER_KIT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tests/unit/wire/keypair.h"

#include "base/crypto.h"
#include "base/num.h"
#include "serve/issuer.h"
#include "serve/registry.h"
#include "wire/csr.h"
#include "wire/enrol.h"

#define KIT_GENERATIONS 4
#define KIT_START (CLOCK_FLOOR_S + 1000000)
#define DAY INT64_C(86400)

struct kit {
	struct clock_fake clock;
	struct bounds bounds;
	struct log log;
	int dirfd;
	char dir[256];
	struct registry *registry;
	struct issuer *issuer;
	struct pair anchor[ANCHORS][KIT_GENERATIONS], own;
	bool has[ANCHORS][KIT_GENERATIONS], has_own;
	struct arena mem;
	struct why why;
	struct casign out;       /* of the last answer; spans into `reply` */
	uint8_t question[CASIGN_MAX], reply[CASIGN_MAX], der[8192];
	uint64_t crl_ms, list_ms;
};

/* The last keys that were made, by what the registry knows them by: whoever renews signs with the old one. */
#define KIT_KEYS 256
static struct {
	uint8_t digest[SHA256_LEN], scalar[32];
} kit_keys[KIT_KEYS];
static unsigned kit_nkeys;

static inline void kit_pair(struct pair *p)
{
	pair_make(p, PK_P256);
	sha256(p->spki, kit_keys[kit_nkeys % KIT_KEYS].digest);
	memcpy(kit_keys[kit_nkeys++ % KIT_KEYS].scalar, p->scalar, 32);
}

static inline const struct pk_private *kit_anchor_key(void *ctx, enum cert_anchor a, unsigned generation)
{
	struct kit *k = ctx;

	return generation >= 1 && generation < KIT_GENERATIONS && k->has[a][generation] ? &k->anchor[a][generation].key : NULL;
}

static inline const struct pk_private *kit_own_key(void *ctx)
{
	struct kit *k = ctx;

	return k->has_own ? &k->own.key : NULL;
}

static inline int64_t kit_now(const struct kit *k)
{
	return k->clock.wall_ms / 1000;
}

static inline void kit_step(struct kit *k, int64_t seconds)
{
	clock_fake_step(&k->clock, (uint64_t)seconds * NS_PER_S);
}

/* The certificate of a new generation, self-signed, in k->der. */
static inline struct span kit_anchor(struct kit *k, enum cert_anchor a, unsigned generation)
{
	struct wr w = wr_of(k->der, sizeof k->der);
	struct pair *p = &k->anchor[a][generation];
	uint8_t serial[CERT_SERIAL];
	struct signer s;

	kit_pair(p);
	k->has[a][generation] = true;
	s = signer_of(&p->key);
	random_bytes(serial, sizeof serial);
	serial[0] = 0x55;
	CHECK_INT(anchor_make(&w, a, span_of(serial, sizeof serial), p->spki, kit_now(k), ANCHOR_LIFETIME, &s, &k->why), 0);
	return wr_span(&w);
}

static inline void kit_serve(struct kit *k, bool create)
{
	struct registry_opts r = {.dirfd = k->dirfd, .shown = "registry", .clock = &k->clock.clock, .bounds = &k->bounds,
				  .create = create};
	struct issuer_opts o = {.clock = &k->clock.clock, .bounds = &k->bounds, .log = &k->log, .crl_ms = k->crl_ms,
				.list_ms = k->list_ms, .anchor_key = kit_anchor_key, .registry_key = kit_own_key, .ctx = k};

	k->why = (struct why){0};
	CHECK_INT(registry_open(&k->registry, &r, &k->why), 0);
	o.registry = k->registry;
	if (create)
		CHECK_INT(registry_begin(k->registry, k->own.spki, &k->why), 0);
	for (unsigned a = 0; create && a < ANCHORS; a++)
		CHECK_INT(registry_add_anchor(k->registry, (enum cert_anchor)a, kit_anchor(k, (enum cert_anchor)a, 1), &k->why), 0);
	CHECK_INT(issuer_new(&k->issuer, &o, &k->why), 0);
	CHECK_STR(k->why.text, "");
}

static inline void kit_open(struct kit *k)
{
	memset(k, 0, sizeof *k);
	clock_fake_init(&k->clock, 1000 * NS_PER_S, KIT_START * 1000);
	bounds_init(&k->bounds);
	log_init(&k->log, &k->clock.clock, "ca", "ca-sign");
	k->log.journald = false;
	k->log.fd = open(unit_tmp("log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	snprintf(k->dir, sizeof k->dir, "%s", unit_tmp("registry"));
	CHECK_INT(mkdir(k->dir, 0700), 0);
	k->dirfd = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k->crl_ms = 7 * DAY * 1000;
	k->list_ms = 15000;
	k->has_own = true;
	kit_pair(&k->own);
	kit_serve(k, true);
}

static inline void kit_stop(struct kit *k)
{
	issuer_free(k->issuer);
	registry_close(k->registry);
}

/* As after a crash or a restart. */
static inline void kit_reopen(struct kit *k)
{
	kit_stop(k);
	kit_serve(k, false);
}

static inline void kit_close(struct kit *k)
{
	DIR *d;

	kit_stop(k);
	arena_free(&k->mem);
	d = fdopendir(dup(k->dirfd));
	for (struct dirent *e; d && (e = readdir(d));) /* the registry and its lock */
		unlinkat(k->dirfd, e->d_name, 0);
	closedir(d);
	CHECK_INT(rmdir(k->dir), 0);
	close(k->dirfd);
	close(k->log.fd);
}

/* How many lines of the log have both. */
static inline unsigned kit_logged(const struct kit *k, const char *event, const char *text)
{
	static char all[1 << 20];
	ssize_t n = pread(k->log.fd, all, sizeof all - 1, 0);
	unsigned hits = 0;
	char *end;

	all[n > 0 ? n : 0] = 0;
	for (char *line = all; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		hits += strstr(line, event) && strstr(line, text);
	}
	return hits;
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* 0 and k->out, or the code of the CA_NO, with its sentence in k->why. */
static inline int kit_ask_fd(struct kit *k, char from, const struct casign *q, int fd)
{
	struct wr w = wr_of(k->question, sizeof k->question), reply = wr_of(k->reply, sizeof k->reply);
	struct casign in, out;
	struct issuer_ask ask = {.from = from, .in = &in, .fd = fd, .mem = &k->mem};
	int rc;

	k->why = (struct why){0};
	k->out = (struct casign){0};
	casign_write(&w, q);
	CHECK(!w.full);
	rc = casign_read(wr_span(&w), from, &in);
	CHECK(rc > 0);
	if (rc <= 0)
		return rc;
	arena_free(&k->mem);
	arena_init(&k->mem, ISSUER_MEM);
	rc = issuer_answer(k->issuer, &ask, &out, &k->why);
	CHECK(rc <= 0);
	if (rc < 0) {
		CHECK_INT(k->why.err, -rc);
		CHECK(k->why.text[0] != 0);
		return rc;
	}
	casign_write(&reply, &out);
	CHECK(!reply.full && casign_answers(q->type, &out));
	CHECK(casign_read(wr_span(&reply), 's', &k->out) > 0);
	return 0;
}

static inline int kit_ask(struct kit *k, char from, const struct casign *q)
{
	return kit_ask_fd(k, from, q, -1);
}

static inline void put_str(struct casign *q, enum casign_field f, const char *s)
{
	casign_put(q, f, span_str(s));
}

/* Numbers of a question live here until 64 later ones. */
static inline void put_num(struct casign *q, enum casign_field f, uint64_t v)
{
	static uint8_t mem[64][8];
	static unsigned next;

	casign_put_num(q, f, v, mem[next++ % 64]);
}

/* A request for this key in mem (1,024 bytes), with these wishes. */
static inline struct span csr_for(const struct pair *p, uint8_t *mem, const struct san *sans, size_t nsans)
{
	static const uint8_t cn[] = {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'x'};
	struct wr w = wr_of(mem, 1024);
	struct signer s = signer_of(&p->key);
	struct csr_make m = {.subject = span_of(cn, sizeof cn), .spki = p->spki, .sans = sans, .nsans = nsans};
	struct why why = {0};

	CHECK_INT(csr_build(&w, &m, &s, &why), 0);
	return wr_span(&w);
}

static inline struct casign issue_of(enum cert_role role, const char *name, struct span csr)
{
	struct casign q = {.type = CA_ISSUE};

	put_num(&q, CAF_ROLE, role);
	put_str(&q, CAF_NAME, name);
	casign_put(&q, CAF_CSR, csr);
	return q;
}

/* A fresh key, a certificate for it. */
static inline int kit_issue(struct kit *k, enum cert_role role, const char *name, struct pair *p, uint8_t *serial)
{
	uint8_t csr[1024];
	struct casign q;
	int rc;

	kit_pair(p);
	q = issue_of(role, name, csr_for(p, csr, NULL, 0));
	rc = kit_ask(k, 'c', &q);
	if (rc == 0 && serial)
		memcpy(serial, k->out.field[CAF_SERIAL].p, CERT_SERIAL);
	return rc;
}

/* By whoever has `key`; NULL: unsigned. */
static inline int kit_renew_by(struct kit *k, const uint8_t *serial, const struct pair *p, const struct pk_private *key)
{
	uint8_t csr[1024], sig[PK_SIG_MAX];
	struct casign q = {.type = CA_RENEW};
	struct wr w = wr_of(sig, sizeof sig);

	casign_put(&q, CAF_SERIAL, span_of(serial, CERT_SERIAL));
	casign_put(&q, CAF_CSR, csr_for(p, csr, NULL, 0));
	put_str(&q, CAF_PEER, "192.0.2.7");
	if (key) {
		CHECK_INT(enrolsig_renewal(&w, key, span_of(serial, CERT_SERIAL), q.field[CAF_CSR]), 0);
		casign_put(&q, CAF_SIGNATURE, wr_span(&w));
	}
	return kit_ask(k, 'f', &q);
}

/* By its holder, or a thief: with the key of the certificate. */
static inline int kit_renew(struct kit *k, const uint8_t *serial, const struct pair *p)
{
	const struct reg_cert *c = registry_find(k->registry, serial);
	struct pk_private key = {.type = PK_P256};

	for (unsigned i = 0; c && i < KIT_KEYS; i++)
		if (memcmp(kit_keys[i].digest, c->key, SHA256_LEN) == 0)
			key.scalar = span_of(kit_keys[i].scalar, 32);
	return kit_renew_by(k, serial, p, key.scalar.n ? &key : NULL);
}

static inline int kit_name(struct kit *k, enum casign_type t, const char *name)
{
	struct casign q = {.type = t};

	put_str(&q, CAF_NAME, name);
	return kit_ask(k, 'c', &q);
}

static inline int kit_suspend(struct kit *k, const char *name, bool on)
{
	struct casign q = {.type = CA_SUSPEND};

	put_str(&q, CAF_NAME, name);
	put_num(&q, CAF_ON, on);
	return kit_ask(k, 'c', &q);
}

static inline enum cert_state kit_state(const struct kit *k, const uint8_t *serial)
{
	const struct reg_cert *c = registry_find(k->registry, serial);

	return c ? reg_cert_state(c, kit_now(k)) : CERT_EXPIRED;
}

static inline int kit_seen(struct kit *k, const uint8_t *serial, uint8_t instance)
{
	uint8_t who[ENROL_INSTANCE];
	struct casign q = {.type = CA_SEEN};

	memset(who, instance, sizeof who);
	casign_put(&q, CAF_SERIAL, span_of(serial, CERT_SERIAL));
	casign_put(&q, CAF_INSTANCE, span_of(who, sizeof who));
	return kit_ask(k, 'f', &q);
}

/* Does the answer's JSON contain this? */
static inline bool kit_json(const struct kit *k, const char *text)
{
	struct span all = k->out.field[CAF_JSON];
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= all.n; i++)
		if (memcmp(all.p + i, text, n) == 0)
			return true;
	return false;
}

static inline unsigned kit_lines(const struct kit *k)
{
	unsigned n = 0;

	for (size_t i = 0; i < k->out.field[CAF_JSON].n; i++)
		n += k->out.field[CAF_JSON].p[i] == '\n';
	return n;
}

#endif
