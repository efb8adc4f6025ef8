/*
 * regwriter: an authority's registry that tests can kill. The infra anchor's key is a fixed one, so that
 * every run is the same authority; certificates are real and signed.
 *
 *   regwriter issue DIR COUNT EVERY  makes the authority in DIR where there is none, then issues COUNT client
 *                                    certificates; every third renews the one before it, every fifth uses a
 *                                    token; after every EVERY of them the file is written anew. Prints
 *                                    "SERIAL SHA256" of each when it is acknowledged, and "list N", "crl N"
 *                                    for each number of a list that it was given
 *   regwriter check DIR              prints what is there in the same way, signatures checked, and "used N"
 *                                    of each token, then "list N" and "crl N" for the next numbers
 *   regwriter der DIR FILE           the last certificate as DER, and FILE.ca its anchor
 *
 * Exit as zt: 6 damaged, ...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/num.h"
#include "serve/registry.h"

#define LINE 160

struct ca {
	int dir;
	struct bounds bounds;
	struct registry *r;
	uint8_t scalar[32], point[PK_POINT_MAX], spki_mem[128], der[1024];
	struct pk_private key;
	struct span spki;
	struct x509 anchor;
	struct cert_issuer by;
	struct signer signer;
	struct why why;
	uint8_t last[CERT_SERIAL];
	char last_id[CERT_ID + 1];
};

static int say(const char *line)
{
	size_t n = strlen(line);

	return write(STDOUT_FILENO, line, n) == (ssize_t)n ? 0 : -ZT_E_SYS;
}

static void spki_of(struct pk_private *key, uint8_t *point, struct wr *w)
{
	struct pk_public pub = {.type = PK_P256};
	int n = pk_point(key, point, PK_POINT_MAX);

	ZT_ASSERT(n > 0);
	pub.point = span_of(point, (size_t)n);
	x509_wr_spki(w, &pub);
}

static void ca_key(struct ca *c)
{
	struct wr w = wr_of(c->spki_mem, sizeof c->spki_mem);

	memset(c->scalar, 0x42, sizeof c->scalar);
	c->key = (struct pk_private){.type = PK_P256, .scalar = span_of(c->scalar, sizeof c->scalar)};
	spki_of(&c->key, c->point, &w);
	c->spki = wr_span(&w);
	c->signer = signer_of(&c->key);
}

static int64_t now_s(void)
{
	return clock_wall(&clock_real) / 1000;
}

/* Killed between its first records: the next run does what is missing. */
static int ca_begin(struct ca *c)
{
	static const uint8_t serial[CERT_SERIAL] = {1, [15] = 1};
	uint8_t mem[1024];
	struct wr w = wr_of(mem, sizeof mem);
	int err = registry_key(c->r).n ? 0 : registry_begin(c->r, c->spki, &c->why);

	if (!err && registry_signing(c->r, ANCHOR_INFRA) == NULL) {
		err = anchor_make(&w, ANCHOR_INFRA, span_of(serial, CERT_SERIAL), c->spki, now_s(), ANCHOR_LIFETIME, &c->signer,
				  &c->why);
		if (!err)
			err = registry_add_anchor(c->r, ANCHOR_INFRA, wr_span(&w), &c->why);
	}
	return err;
}

static int ca_open(struct ca *c, bool make)
{
	struct registry_opts o = {.dirfd = c->dir, .clock = &clock_real, .bounds = &c->bounds};
	int err = registry_open(&c->r, &o, &c->why);

	if (err == -ZT_E_NOTFOUND && make) {
		c->why = (struct why){0};
		o.create = true;
		err = registry_open(&c->r, &o, &c->why);
	}
	return err;
}

static int ca_anchor(struct ca *c)
{
	const struct reg_anchor *a = registry_signing(c->r, ANCHOR_INFRA);

	if (a == NULL)
		return why_set(&c->why, ZT_E_NOTFOUND, "there is no anchor");
	if (a->der.n > sizeof c->der)
		return -ZT_E_TOOLONG;
	memcpy(c->der, a->der.p, a->der.n);
	if (x509_read(&c->anchor, span_of(c->der, a->der.n), &c->why) < 0)
		return -ZT_E_SYNTAX;
	cert_issuer_of(&c->by, &c->anchor);
	return 0;
}

static void line_of(char out[static LINE], const uint8_t *serial, struct span der)
{
	uint8_t hash[SHA256_LEN];

	sha256(der, hash);
	ct_hex_encode(serial, CERT_SERIAL, out);
	out[2 * CERT_SERIAL] = ' ';
	ct_hex_encode(hash, sizeof hash, out + 2 * CERT_SERIAL + 1);
	snprintf(out + 2 * CERT_SERIAL + 1 + 2 * sizeof hash, 2, "\n");
}

/* A token of two uses, when there is none left. */
static int use_token(struct ca *c, struct reg_cert *cert)
{
	struct reg_token t = {.role = ROLE_CLIENT, .uses = 2, .expires = now_s() + 3600};
	const struct reg_token *f;

	for (size_t i = 0; (f = registry_token_at(c->r, i)) != NULL; i++)
		if (f->used < f->uses) {
			memcpy(cert->token, f->id, TOKEN_ID);
			return 0;
		}
	random_bytes(t.id, sizeof t.id);
	memcpy(cert->token, t.id, TOKEN_ID);
	return registry_add_token(c->r, &t, &c->why);
}

static int issue(struct ca *c, uint64_t n)
{
	uint8_t scalar[32] = {0}, point[PK_POINT_MAX], spki[128], mem[2048], idbytes[CERT_ID / 2];
	struct pk_private key = {.type = PK_P256, .scalar = span_of(scalar, sizeof scalar)};
	struct wr sw = wr_of(spki, sizeof spki), w = wr_of(mem, sizeof mem);
	struct reg_issue i = {.cert = {.role = ROLE_CLIENT, .generation = 1, .name = "pc"}};
	struct cert_wish wish = {.role = ROLE_CLIENT, .now = now_s(), .not_after = now_s() + 86400};
	char line[LINE];
	int err = 0;

	ZT_ASSERT(pk_generate(PK_P256, scalar, sizeof scalar) == 32);
	spki_of(&key, point, &sw);
	random_bytes(i.cert.serial, CERT_SERIAL);
	i.cert.serial[0] = (uint8_t)(1 + random_below(127));
	random_bytes(idbytes, sizeof idbytes);
	ct_hex_encode(idbytes, sizeof idbytes, i.cert.id);
	if (n % 3 == 2 && c->last_id[0]) {
		memcpy(i.cert.parent, c->last, CERT_SERIAL);
		memcpy(i.cert.id, c->last_id, sizeof i.cert.id);
	}
	if (n % 5 == 4)
		err = use_token(c, &i.cert);
	wish.id = span_str(i.cert.id);
	wish.serial = span_of(i.cert.serial, CERT_SERIAL);
	wish.spki = wr_span(&sw);
	if (!err)
		err = cert_make(&w, &wish, &c->by, &c->signer, &c->why);
	if (err)
		return err;
	i.der = wr_span(&w);
	sha256(wish.spki, i.cert.key);
	i.cert.not_before = wish.now - CERT_BACKDATE;
	i.cert.not_after = wish.not_after;
	err = registry_issue(c->r, &i, &c->why);
	if (err)
		return err;
	memcpy(c->last, i.cert.serial, CERT_SERIAL);
	memcpy(c->last_id, i.cert.id, sizeof c->last_id);
	line_of(line, i.cert.serial, i.der);
	return say(line);
}

static int numbers(struct ca *c)
{
	uint64_t list, crl;
	char line[LINE];
	int err = registry_next_list(c->r, &list, &c->why);

	if (!err)
		err = registry_next_crl(c->r, ANCHOR_INFRA, 1, &crl, &c->why);
	if (err)
		return err;
	snprintf(line, sizeof line, "list %llu\ncrl %llu\n", (unsigned long long)list, (unsigned long long)crl);
	return say(line);
}

static int issue_all(struct ca *c, uint64_t count, uint64_t every)
{
	int err = ca_begin(c);

	if (!err)
		err = ca_anchor(c);
	for (uint64_t n = 0; n < count && !err; n++) {
		err = issue(c, n);
		if (!err && n % 4 == 0)
			err = numbers(c);
		if (!err && every && (n + 1) % every == 0)
			err = registry_compact(c->r, &c->why);
	}
	return err;
}

static int check_one(struct ca *c, const struct reg_cert *f)
{
	uint8_t der[4096];
	char line[LINE];
	struct x509 x;
	int n = registry_der(c->r, f, der, sizeof der, &c->why);

	if (n < 0)
		return n;
	if (x509_read(&x, span_of(der, (size_t)n), &c->why) < 0 || x509_signed_by(&x, &c->anchor.key) < 0 ||
	    !span_eq(x.serial, span_of(f->serial, CERT_SERIAL)))
		return why_set(&c->why, ZT_E_DAMAGED, "a certificate is not what it was");
	if (registry_find(c->r, f->serial) != f)
		return why_set(&c->why, ZT_E_DAMAGED, "a serial number twice");
	line_of(line, f->serial, span_of(der, (size_t)n));
	return say(line);
}

static int check_all(struct ca *c)
{
	const struct reg_cert *f;
	const struct reg_token *t;
	int err = ca_anchor(c);

	if (err == -ZT_E_NOTFOUND && registry_count(c->r) == 0)
		return 0; /* killed before it had one */
	for (size_t i = 0; !err && (f = registry_at(c->r, i)) != NULL; i++)
		err = check_one(c, f);
	for (size_t i = 0; !err && (t = registry_token_at(c->r, i)) != NULL; i++) {
		unsigned used = 0;
		char line[LINE];

		for (size_t k = 0; (f = registry_at(c->r, k)) != NULL; k++)
			used += span_eq(span_of(f->token, TOKEN_ID), span_of(t->id, TOKEN_ID));
		if (used != t->used)
			return why_set(&c->why, ZT_E_DAMAGED, "a token was used %u times and says %u", used, (unsigned)t->used);
		snprintf(line, sizeof line, "used %u\n", used);
		err = say(line);
	}
	return err ? err : numbers(c);
}

static int put_file(const char *path, struct span s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n ? 0 : -ZT_E_SYS;

	if (fd >= 0)
		close(fd);
	return err;
}

static int write_der(struct ca *c, const char *path)
{
	uint8_t der[4096];
	char ca[512];
	int err = ca_anchor(c), n;

	if (err || registry_count(c->r) == 0)
		return err ? err : -ZT_E_NOTFOUND;
	n = registry_der(c->r, registry_at(c->r, registry_count(c->r) - 1), der, sizeof der, &c->why);
	if (n < 0)
		return n;
	snprintf(ca, sizeof ca, "%s.ca", path);
	err = put_file(path, span_of(der, (size_t)n));
	return err ? err : put_file(ca, c->anchor.der);
}

int main(int argc, char **argv)
{
	static struct ca c;
	struct span verb = span_str(argc > 2 ? argv[1] : "");
	uint64_t count = 0, every = 0;
	int err;

	c.dir = argc > 2 ? open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (c.dir < 0 || (span_eq_str(verb, "issue") && (argc != 5 || span_u64(span_str(argv[3]), 100000, &count) ||
							  span_u64(span_str(argv[4]), 100000, &every))) ||
	    (span_eq_str(verb, "der") && argc != 4)) {
		fprintf(stderr, "usage: regwriter issue DIR COUNT EVERY | check DIR | der DIR FILE\n");
		return 2;
	}
	bounds_init(&c.bounds);
	ca_key(&c);
	err = ca_open(&c, span_eq_str(verb, "issue"));
	if (!err && span_eq_str(verb, "issue"))
		err = issue_all(&c, count, every);
	else if (!err)
		err = span_eq_str(verb, "der") ? write_der(&c, argv[3]) : check_all(&c);
	registry_close(c.r);
	if (err)
		fprintf(stderr, "regwriter: %s\n", c.why.text);
	return err ? (int)err_exit((enum zt_err)-err) : 0;
}
