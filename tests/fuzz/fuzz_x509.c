/* Certificates. Invariants: every span lies inside the input, a refused one leaves nothing behind,
 * names become printable text, general names end, and the key and the algorithm that were read are
 * written as they stood (DER has one encoding of them). */
#include <stdlib.h>
#include <string.h>

#include "decide/leaf.h"
#include "wire/x509_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static void check_name(struct span name)
{
	static char text[1 << 17];
	char cut[20];

	x509_name_text(name, text, sizeof text);
	for (const char *c = text; *c; c++)
		MUST(*c >= 0x20 && *c < 0x7f);
	MUST(strlen(x509_name_text(name, cut, sizeof cut)) < sizeof cut);
	MUST(strncmp(text, cut, strlen(cut)) == 0);
	MUST(inside(x509_cn(name), name));
}

static void check_sans(const struct x509 *c)
{
	struct span rest = c->san, id = leaf_zt_id(c);
	size_t before, uris = 0;
	struct san s;

	for (int rc = 1; rc; before = rest.n) {
		before = rest.n;
		rc = x509_san_next(&rest, &s);
		MUST(rc >= 0 && (rc == 0 || rest.n < before));
		MUST(inside(s.value, c->san));
		if (rc == 0)
			break;
		MUST(s.value.n > 0 && (s.kind != SAN_IP || s.value.n == 4 || s.value.n == 16));
		uris += s.kind == SAN_URI;
		if (s.kind == SAN_DNS)
			MUST(!name_is_dns(s.value) || name_matches(s.value, s.value));
	}
	MUST(id.n == 0 || (uris == 1 && inside(id, c->san)));
}

static void check_key(const struct x509 *c)
{
	static uint8_t mem[1 << 15];
	struct wr w = wr_of(mem, sizeof mem);

	if (c->key.type == PK_NONE)
		return;
	MUST(inside(c->key.n, c->spki) && inside(c->key.e, c->spki) && inside(c->key.point, c->spki));
	x509_wr_spki(&w, &c->key);
	MUST(!w.full && span_eq(wr_span(&w), c->spki));
}

static void check(const struct x509 *c, struct span all)
{
	struct x509 again;

	MUST(span_eq(c->der, all) && c->version >= 1 && c->version <= 3);
	MUST(inside(c->tbs, all) && c->tbs.n > 0 && inside(c->sig, all) && c->serial.n <= X509_SERIAL_MAX);
	MUST(inside(c->serial, c->tbs) && c->serial.n > 0 && inside(c->issuer, c->tbs) && inside(c->subject, c->tbs));
	MUST(inside(c->spki, c->tbs) && c->spki.n > 0 && inside(c->san, c->tbs) && inside(c->ski, c->tbs));
	MUST(inside(c->aki, c->tbs) && inside(c->unknown_critical, c->tbs));
	MUST(c->version == 3 || (!c->has_basic && !c->has_ku && !c->has_eku && c->san.n == 0));
	MUST((c->ku != 0) == c->has_ku && (c->eku != 0) == c->has_eku && (!c->ca || c->has_basic));
	MUST(x509_read(&again, span_sub(all, 0, all.n - 1), NULL) < 0);
	MUST(x509_read(&again, c->tbs, NULL) < 0); /* a part of it is never one */
	check_name(c->issuer);
	check_name(c->subject);
	check_sans(c);
	check_key(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_of(data, n);
	struct why why = {0};
	struct x509 c;
	int rc = x509_read(&c, all, &why);

	if (rc == 0) {
		check(&c, all);
	} else {
		MUST(rc == -ZT_E_SYNTAX || rc == -ZT_E_TOOLONG || rc == -ZT_E_DUP);
		MUST(why.err == (enum zt_err)-rc && why.text[0]);
		MUST(c.der.n == 0 && c.tbs.n == 0 && c.key.type == PK_NONE && c.san.n == 0 && c.version == 0);
	}
	return 0;
}
