/*
 * x509_show: what lib/wire/x509.c makes of certificates, for tests that compare it with other
 * readers. Standard input: u32 length (big-endian), certificate in DER, again and again. For
 * each one line of JSON: every field that was read, or {"refused":NAME,"why":SENTENCE}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "wire/addr.h"
#include "wire/x509.h"

static uint8_t in[65536], out[1 << 20];

static void put_hex(struct jsonw *j, const char *key, struct span s)
{
	static char text[2 * sizeof in];

	jsonw_key(j, key);
	if (s.n > sizeof in)
		abort();
	ct_hex_encode(s.p, s.n, text);
	jsonw_span(j, span_of(text, 2 * s.n));
}

static void put_sha256(struct jsonw *j, const char *key, struct span s)
{
	uint8_t hash[SHA256_LEN];

	sha256(s, hash);
	put_hex(j, key, span_of(hash, sizeof hash));
}

static void put_name(struct jsonw *j, const char *key, struct span name)
{
	static char text[1 << 16];

	jsonw_key(j, key);
	jsonw_str(j, x509_name_text(name, text, sizeof text));
}

static void put_bits(struct jsonw *j, const char *key, uint32_t bits, const char *const *names, unsigned n)
{
	jsonw_key(j, key);
	jsonw_open(j, '[');
	for (unsigned i = 0; i < n; i++)
		if (bits & 1u << i)
			jsonw_str(j, names[i]);
	jsonw_close(j, ']');
}

static void put_sans(struct jsonw *j, struct span rest)
{
	static const char *const kinds[] = {
		[SAN_DNS] = "dns", [SAN_IP] = "ip", [SAN_URI] = "uri", [SAN_MAIL] = "mail", [SAN_OTHER] = "other"};
	struct san s;

	jsonw_key(j, "san");
	jsonw_open(j, '[');
	while (x509_san_next(&rest, &s) > 0) {
		jsonw_open(j, '{');
		if (s.kind == SAN_IP || s.kind == SAN_OTHER) {
			put_hex(j, kinds[s.kind], s.value);
		} else {
			jsonw_key(j, kinds[s.kind]);
			jsonw_span(j, s.value);
		}
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

static void put_extensions(struct jsonw *j, const struct x509 *c)
{
	static const char *const ku[] = {"sign", "commit", "key-enc", "data-enc", "agree",
					 "cert-sign", "crl-sign", "enc-only", "dec-only"};
	static const char *const eku[] = {"server", "client", "any", "other"};

	jsonw_key(j, "basic"), jsonw_bool(j, c->has_basic);
	jsonw_key(j, "ca"), jsonw_bool(j, c->ca);
	jsonw_key(j, "path_len"), jsonw_i64(j, c->path_len);
	jsonw_key(j, "has_ku"), jsonw_bool(j, c->has_ku);
	put_bits(j, "ku", c->ku, ku, ARRAY_LEN(ku));
	jsonw_key(j, "has_eku"), jsonw_bool(j, c->has_eku);
	put_bits(j, "eku", c->eku, eku, ARRAY_LEN(eku));
	jsonw_key(j, "eku_critical"), jsonw_bool(j, c->eku_critical);
	jsonw_key(j, "name_constraints"), jsonw_bool(j, c->name_constraints);
	jsonw_key(j, "must_staple"), jsonw_bool(j, c->must_staple);
	put_sans(j, c->san);
	jsonw_key(j, "san_critical"), jsonw_bool(j, c->san_critical);
	put_hex(j, "ski", c->ski);
	put_hex(j, "aki", c->aki);
}

static void put_fields(struct jsonw *j, const struct x509 *c)
{
	char dotted[256];

	jsonw_key(j, "version"), jsonw_u64(j, c->version);
	put_hex(j, "serial", c->serial);
	jsonw_key(j, "sig_alg"), jsonw_str(j, oid_name(c->sig_alg));
	put_name(j, "issuer", c->issuer);
	put_name(j, "subject", c->subject);
	put_hex(j, "cn", x509_cn(c->subject));
	jsonw_key(j, "not_before"), jsonw_i64(j, c->not_before);
	jsonw_key(j, "not_after"), jsonw_i64(j, c->not_after);
	jsonw_key(j, "key_alg"), jsonw_str(j, oid_name(c->key_alg));
	jsonw_key(j, "key_bits"), jsonw_u64(j, pk_bits(&c->key));
	jsonw_key(j, "key_good"), jsonw_bool(j, pk_check_public(&c->key) == 0);
	put_sha256(j, "fingerprint", c->der);
	put_sha256(j, "pin", c->spki);
	put_extensions(j, c);
	jsonw_key(j, "unknown_critical");
	jsonw_str(j, c->unknown_critical.n ? oid_text(c->unknown_critical, dotted, sizeof dotted) : "");
	jsonw_key(j, "self_signed"), jsonw_bool(j, x509_signed_by(c, &c->key) == 0);
}

static void show(struct span der)
{
	struct wr w = wr_of(out, sizeof out);
	struct why why = {0};
	struct jsonw j;
	struct x509 c;

	jsonw_init(&j, &w);
	jsonw_open(&j, '{');
	if (x509_read(&c, der, &why) < 0) {
		jsonw_key(&j, "refused"), jsonw_str(&j, err_name(why.err));
		jsonw_key(&j, "why"), jsonw_str(&j, why.text);
	} else {
		put_fields(&j, &c);
	}
	jsonw_close(&j, '}');
	wr_u8(&w, '\n');
	if (w.full)
		abort();
	fwrite(out, 1, w.n, stdout);
}

int main(void)
{
	uint8_t head[4];

	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		struct rd r = rd_of(span_of(head, sizeof head));
		size_t n = rd_be32(&r);

		if (n > sizeof in || fread(in, 1, n, stdin) != n)
			return 1;
		show(span_of(in, n));
	}
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
