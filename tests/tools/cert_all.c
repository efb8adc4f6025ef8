/*
 * cert_all DIR: every kind of certificate that lib/decide/certrole.c can make, with fresh keys, as DER
 * files for other programs to judge: ANCHOR.der, and for each role ROLE-default.der, ROLE-long.der (ten
 * years, into the time of GeneralizedTime where the anchor allows it), ROLE-names.der (as many names as
 * it may have), ROLE-p384.der, ROLE-p521.der. Prints a line for each: file, anchor's file, role, purposes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/num.h"
#include "decide/certrole.h"

struct pair {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], mem[256];
	struct pk_private key;
	struct span spki;
};

static const char *dir;
static int64_t now;
static struct anchor {
	struct pair pair;
	uint8_t der[2048];
	struct x509 cert;
	struct cert_issuer issuer;
} anchors[ANCHORS];

static void must(int rc, const char *what, const struct why *why)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "cert_all: %s: %s\n", what, why->text);
	exit(1);
}

static void make_pair(struct pair *p, enum pk_type t)
{
	struct wr w = wr_of(p->mem, sizeof p->mem);
	struct pk_public pub = {.type = t};
	int n = pk_generate(t, p->scalar, sizeof p->scalar);

	must(n, "key", &(struct why){0});
	p->key = (struct pk_private){.type = t, .scalar = span_of(p->scalar, (size_t)n)};
	pub.point = span_of(p->point, (size_t)pk_point(&p->key, p->point, sizeof p->point));
	x509_wr_spki(&w, &pub);
	p->spki = wr_span(&w);
}

static struct span new_serial(uint8_t out[static CERT_SERIAL])
{
	random_bytes(out, CERT_SERIAL);
	out[0] = (uint8_t)(1 + out[0] % 0x7f);
	return span_of(out, CERT_SERIAL);
}

static void save(const char *name, struct span der)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.der", dir, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(der.p, 1, der.n, f) != der.n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static void make_anchor(enum cert_anchor a)
{
	struct anchor *an = &anchors[a];
	struct wr w = wr_of(an->der, sizeof an->der);
	uint8_t serial[CERT_SERIAL];
	struct why why = {0};
	struct signer s;

	make_pair(&an->pair, PK_P256);
	s = signer_of(&an->pair.key);
	must(anchor_make(&w, a, new_serial(serial), an->pair.spki, now, ANCHOR_LIFETIME, &s, &why), anchor_name(a), &why);
	must(x509_read(&an->cert, wr_span(&w), &why), anchor_name(a), &why);
	cert_issuer_of(&an->issuer, &an->cert);
	save(anchor_name(a), wr_span(&w));
	printf("%s %s anchor 0\n", anchor_name(a), anchor_name(a));
}

/* DNS names and addresses by turns, as far as the role has them. */
static size_t fill_names(struct cert_wish *wish, const struct cert_role_row *r, size_t n, char text[][64])
{
	static const uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
	size_t have = 0;

	if (r->ip && have < n)
		wish->san[have++] = (struct san){SAN_IP, span_of(v4, sizeof v4)};
	if (r->ip && have < n)
		wish->san[have++] = (struct san){SAN_IP, span_of(v6, sizeof v6)};
	while (r->dns && have < n) {
		snprintf(text[have], 64, "host-%zu.home.example.org", have);
		wish->san[have] = (struct san){SAN_DNS, span_str(text[have])};
		have++;
	}
	return have;
}

static void make_leaf(enum cert_role role, const char *kind, enum pk_type t, size_t names, int64_t not_after)
{
	const struct cert_role_row *r = cert_role(role);
	struct anchor *an = &anchors[r->anchor];
	uint8_t serial[CERT_SERIAL], der[8192], dice[CERT_ID / 2];
	char name[64], id[CERT_ID + 1] = "", text[CERT_SANS][64];
	struct signer s = signer_of(&an->pair.key);
	struct cert_wish wish = {.role = role, .now = now, .not_after = not_after};
	struct wr w = wr_of(der, sizeof der);
	struct why why = {0};
	struct pair p;

	make_pair(&p, t);
	random_bytes(dice, sizeof dice);
	for (size_t i = 0; i < sizeof dice; i++)
		snprintf(&id[2 * i], 3, "%02x", dice[i]);
	wish.id = span_str(id);
	wish.serial = new_serial(serial);
	wish.spki = p.spki;
	wish.nsans = fill_names(&wish, r, names ? names : (size_t)r->needs_name, text);
	snprintf(name, sizeof name, "%s-%s", r->name, kind);
	must(cert_make(&w, &wish, &an->issuer, &s, &why), name, &why);
	save(name, wr_span(&w));
	printf("%s %s %s %u\n", name, anchor_name(r->anchor), r->name, r->eku);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: cert_all DIR\n", stderr);
		return 2;
	}
	dir = argv[1];
	now = time(NULL);
	for (enum cert_anchor a = 0; a < ANCHORS; a++)
		make_anchor(a);
	for (unsigned role = 0; role < CERT_ROLES; role++) {
		if (cert_role(role) == NULL)
			continue;
		make_leaf((enum cert_role)role, "default", PK_P256, 0, 0);
		make_leaf((enum cert_role)role, "names", PK_P256, CERT_SANS, 0);
		make_leaf((enum cert_role)role, "long", PK_P256, 0, now + CERT_LIFETIME_MAX);
		make_leaf((enum cert_role)role, "p384", PK_P384, 0, 0);
		make_leaf((enum cert_role)role, "p521", PK_P521, 0, 0);
	}
	return fflush(stdout) != 0;
}
