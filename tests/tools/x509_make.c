/*
 * x509_make DIR KEY NOW: what lib/wire/x509_build.c, csr.c and crl.c write, as files for other
 * programs to judge. KEY is the authority's private key in a file; leaf keys are made here and
 * forgotten. NOW is in seconds since 1970. Into DIR go root inter server client both nameless late
 * names issued (certificates), csr csr-bare (requests), crl crl-empty (lists), in DER.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "wire/crl.h"
#include "wire/csr.h"
#include "wire/privkey.h"

#define DAY 86400

struct pair {
	uint8_t scalar[66], point[133], mem[1024], id[X509_KEY_ID];
	struct pk_private key;
	struct span spki;
};

static const char *dir;
static int64_t now;
static uint8_t made[1 << 16];

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "x509_make: %s\n", what);
	exit(1);
}

static void save(const char *name, const struct wr *w)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.der", dir, name);
	f = fopen(path, "wb");
	must(f && fwrite(w->p, 1, w->n, f) == w->n && fclose(f) == 0, path);
}

static void finish(struct pair *p, const struct pk_public *pub)
{
	struct wr w = wr_of(p->mem, sizeof p->mem);

	x509_wr_spki(&w, pub);
	must(!w.full, "the key is too long");
	p->spki = wr_span(&w);
	x509_key_id(p->spki, p->id);
}

static void make_pair(struct pair *p, enum pk_type t)
{
	struct pk_public pub = {.type = t};
	int n = pk_generate(t, p->scalar, sizeof p->scalar);

	must(n > 0, "no key");
	p->key = (struct pk_private){.type = t, .scalar = span_of(p->scalar, (size_t)n)};
	pub.point = span_of(p->point, (size_t)pk_point(&p->key, p->point, sizeof p->point));
	finish(p, &pub);
}

static void read_pair(struct pair *p, struct privkey *k, const char *path)
{
	static uint8_t text[16384];
	struct pk_public pub = {0};
	struct why why = {0};
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;

	must(f && fclose(f) == 0 && privkey_read(k, span_of(text, n), SPAN_NONE, &why) == 0, why.text[0] ? why.text : path);
	p->key = k->key;
	pub = (struct pk_public){.type = k->key.type, .point = k->point, .n = k->key.n, .e = k->key.e};
	finish(p, &pub);
}

static struct span name_of(struct wr *w, const struct x509_attr *attrs, size_t n)
{
	size_t at = w->n;

	must(x509_wr_name(w, attrs, n) == 0 && !w->full, "a name");
	return span_sub(wr_span(w), at, w->n);
}

static struct span cn(struct wr *w, const char *text)
{
	return name_of(w, &(struct x509_attr){OID_CN, span_str(text)}, 1);
}

static struct wr build(const char *name, const struct x509_make *m, const struct pair *issuer)
{
	struct wr w = wr_of(made, sizeof made);
	struct signer s = signer_of(&issuer->key);
	struct why why = {0};

	must(x509_build(&w, m, &s, &why) == 0, why.text);
	save(name, &w);
	return w;
}

static const struct san sans[] = {
	{SAN_DNS, {(const uint8_t *)"a.example", 9}},
	{SAN_DNS, {(const uint8_t *)"*.b.example", 11}},
	{SAN_IP, {(const uint8_t *)"\xc0\0\2\1", 4}},
	{SAN_IP, {(const uint8_t *)"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16}},
	{SAN_URI, {(const uint8_t *)"zt://0123456789abcdef/edge/a", 28}},
	{SAN_MAIL, {(const uint8_t *)"a@b.example", 11}},
};

static void make_leaves(const struct pair *root, const struct pair *inter, struct span ca, struct span sub, struct wr *mem)
{
	const struct x509_attr full[] = {
		{OID_C, SPAN_LIT("DE")},
		{OID_O, SPAN_LIT("M\xc3\xbcller, S\xc3\xb6hne + Co")},
		{OID_CN, SPAN_LIT("\xe6\x97\xa5\xe6\x9c\xac")},
	};
	struct x509_make m = {.issuer = ca, .not_before = now - 300, .not_after = now + 90 * DAY, .path_len = -1, .ku = KU_SIGN,
			      .aki = span_of(root->id, X509_KEY_ID)};
	const struct {
		const char *file;
		struct span subject, serial;
		enum pk_type key;
		uint32_t eku;
		bool sans, late;
		const struct pair *issuer;
	} v[] = {
		{"server", cn(mem, "server"), SPAN_LIT("\2"), PK_P256, EKU_SERVER, true, false, root},
		{"client", cn(mem, "client"), SPAN_LIT("\xff\3"), PK_P384, EKU_CLIENT, true, false, root},
		{"both", cn(mem, "both"), SPAN_LIT("\4"), PK_P521, EKU_SERVER | EKU_CLIENT, true, false, root},
		{"nameless", name_of(mem, NULL, 0), SPAN_LIT("\5"), PK_P256, EKU_SERVER, true, false, root},
		{"late", cn(mem, "late"), SPAN_LIT("\6"), PK_P256, EKU_SERVER, true, true, root},
		{"names", name_of(mem, full, ARRAY_LEN(full)), SPAN_LIT("\7"), PK_P256, 0, false, false, root},
		{"issued", cn(mem, "issued"), SPAN_LIT("\x0a"), PK_P256, EKU_SERVER, true, false, inter},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct pair p;

		make_pair(&p, v[i].key);
		m.subject = v[i].subject;
		m.serial = v[i].serial;
		m.spki = p.spki;
		m.ski = span_of(p.id, X509_KEY_ID);
		m.eku = v[i].eku;
		m.sans = v[i].sans ? sans : NULL;
		m.nsans = v[i].sans ? ARRAY_LEN(sans) : 0;
		m.not_after = v[i].late ? INT64_C(2524608000) : now + 90 * DAY; /* 2050 begins */
		m.issuer = v[i].issuer == root ? ca : sub;
		m.aki = span_of(v[i].issuer->id, X509_KEY_ID);
		build(v[i].file, &m, v[i].issuer);
	}
}

static void make_requests(struct wr *mem)
{
	struct csr_make m = {.subject = cn(mem, "wish"), .sans = sans, .nsans = ARRAY_LEN(sans)};
	struct why why = {0};
	struct signer s;
	struct pair p;

	make_pair(&p, PK_P256);
	s = signer_of(&p.key);
	m.spki = p.spki;
	for (int bare = 0; bare < 2; bare++) {
		struct wr w = wr_of(made, sizeof made);

		m.nsans = bare ? 0 : m.nsans;
		must(csr_build(&w, &m, &s, &why) == 0, why.text);
		save(bare ? "csr-bare" : "csr", &w);
	}
}

static void make_lists(const struct pair *root, struct span ca)
{
	const struct crl_entry entries[] = {
		{SPAN_LIT("\2"), now - 100, 1, SPAN_NONE},	  /* server: keyCompromise */
		{SPAN_LIT("\0\xff\3"), now - 50, -1, SPAN_NONE}, /* client: no reason */
		{SPAN_LIT("\4"), now - 10, 4, SPAN_NONE},	  /* both: superseded */
	};
	struct crl_make m = {.issuer = ca, .this_update = now - 300, .next_update = now + DAY, .number = SPAN_LIT("\1\0"),
			     .aki = span_of(root->id, X509_KEY_ID), .entries = entries, .nentries = ARRAY_LEN(entries)};
	struct signer s = signer_of(&root->key);
	struct why why = {0};

	for (int empty = 0; empty < 2; empty++) {
		struct wr w = wr_of(made, sizeof made);

		m.nentries = empty ? 0 : m.nentries;
		must(crl_build(&w, &m, &s, &why) == 0, why.text);
		save(empty ? "crl-empty" : "crl", &w);
	}
}

int main(int argc, char **argv)
{
	static uint8_t names[4096];
	static struct privkey file;
	struct wr mem = wr_of(names, sizeof names);
	struct pair root, inter;
	struct x509_make m = {.ca = true, .path_len = -1, .ku = KU_CERT_SIGN | KU_CRL_SIGN};
	struct span ca, sub;
	uint64_t t = 0;

	must(argc == 4 && span_u64(span_str(argv[3]), INT64_MAX, &t) == 0, "DIR KEY NOW");
	dir = argv[1];
	now = (int64_t)t;
	read_pair(&root, &file, argv[2]);
	make_pair(&inter, PK_P256);
	ca = cn(&mem, "zt test root");
	sub = cn(&mem, "zt test intermediate");
	m.subject = m.issuer = ca;
	m.serial = SPAN_LIT("\1");
	m.not_before = now - 300;
	m.not_after = now + 3650 * (int64_t)DAY;
	m.spki = root.spki;
	m.ski = m.aki = span_of(root.id, X509_KEY_ID);
	build("root", &m, &root);
	m.subject = sub;
	m.serial = SPAN_LIT("\x09");
	m.path_len = 0;
	m.spki = inter.spki;
	m.ski = span_of(inter.id, X509_KEY_ID);
	build("inter", &m, &root);
	make_leaves(&root, &inter, ca, sub, &mem);
	make_requests(&mem);
	make_lists(&root, ca);
	return 0;
}
