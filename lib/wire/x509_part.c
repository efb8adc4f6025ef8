/*
 * x509_part: the shared readers of x509_part.h. Owns nothing, allocates nothing; what a fault
 * is in words is said by the callers, who know whose part it is.
 */
#include "x509_part.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"

/* ---- algorithms ------------------------------------------------------------------------ */

struct signing {
	enum oid oid;
	bool rsa;
	bool known; /* zt has a name for the hash; SHA-1 has one so that it can be refused in words */
	enum pk_hash hash;
};

static const struct signing signings[] = {
	{OID_ECDSA_SHA256, false, true, PK_SHA256}, {OID_ECDSA_SHA384, false, true, PK_SHA384},
	{OID_ECDSA_SHA512, false, true, PK_SHA512}, {OID_ECDSA_SHA1, false, true, PK_SHA1},
	{OID_RSA_SHA256, true, true, PK_SHA256},    {OID_RSA_SHA384, true, true, PK_SHA384},
	{OID_RSA_SHA512, true, true, PK_SHA512},    {OID_RSA_SHA1, true, true, PK_SHA1},
	{OID_RSA_SHA224, true, false, PK_SHA1},     {OID_RSA_MD5, true, false, PK_SHA1},
};

static const struct signing *signing_of(enum oid o)
{
	for (size_t i = 0; i < ARRAY_LEN(signings); i++)
		if (signings[i].oid == o)
			return &signings[i];
	return NULL;
}

static void take_null(struct der *d)
{
	if (der_take(d, DER_NULL).value.n)
		der_spoil(d);
}

struct span x509_alg(struct der *d, enum oid *alg)
{
	struct der_tlv t = der_take(d, DER_SEQUENCE);
	struct der in = der_of(t.value);
	const struct signing *s;

	*alg = oid_find(der_oid(&in));
	s = signing_of(*alg);
	if (s && s->rsa)
		take_null(&in);
	else if (!s && *alg != OID_ED25519 && der_more(&in))
		der_any(&in);
	der_leave(d, &in);
	return der_bad(d) ? SPAN_NONE : t.whole;
}

enum pk_hash x509_hash(enum oid sig_alg, bool *known)
{
	const struct signing *s = signing_of(sig_alg);

	*known = s && s->known;
	return s ? s->hash : PK_SHA1;
}

int x509_verify(const struct pk_public *key, enum oid sig_alg, struct span tbs, struct span sig)
{
	const struct signing *s = signing_of(sig_alg);

	if (s == NULL || !s->known || key->type == PK_NONE || s->rsa != (key->type == PK_RSA))
		return -ZT_E_DENIED;
	return pk_verify(key, s->hash, tbs, sig);
}

/* ---- names ----------------------------------------------------------------------------- */

struct name_walk {
	struct der rdns, rdn;
};

struct attr {
	struct span whole, type;
	struct der_tlv value;
	bool joined; /* of the same RDN as the one before */
};

static struct name_walk walk_of(struct span contents)
{
	return (struct name_walk){der_of(contents), der_of(SPAN_NONE)};
}

/* RFC 5280 4.1.2.4: SEQUENCE OF SET OF SEQUENCE { type, value }. False at the end, or with
 * w->rdns bad. An empty SET is a fault. */
static bool attr_next(struct name_walk *w, struct attr *out)
{
	struct der_tlv t;
	struct der in;

	out->joined = der_more(&w->rdn);
	if (!out->joined) {
		if (!der_more(&w->rdns))
			return false;
		w->rdn = der_enter(&w->rdns, DER_SET);
	}
	t = der_take(&w->rdn, DER_SEQUENCE);
	in = der_of(t.value);
	out->whole = t.whole;
	out->type = der_oid(&in);
	out->value = der_any(&in);
	der_leave(&w->rdn, &in);
	if (der_bad(&w->rdn))
		der_spoil(&w->rdns);
	return !der_bad(&w->rdns);
}

/* A string with nothing outside its alphabet; or the one attribute in use that is none, X.520's
 * uniqueIdentifier. Other readers refuse the rest too. */
static bool value_ok(const struct attr *a)
{
	struct der d = der_of(a->value.whole);

	if (a->value.tag != DER_BITSTRING || oid_find(a->type) != OID_UNKNOWN)
		return der_is_text(&a->value);
	der_bits_whole(&d);
	return !der_bad(&d);
}

struct span x509_name(struct der *d)
{
	struct der_tlv t = der_take(d, DER_SEQUENCE);
	struct name_walk w = walk_of(t.value);
	struct span before = SPAN_NONE;
	struct attr a;

	while (attr_next(&w, &a)) {
		if (!value_ok(&a))
			der_spoil(d);
		/* X.690 11.6: a SET OF is sorted. */
		if (a.joined && span_cmp(before, a.whole) >= 0)
			der_spoil(d);
		before = a.whole;
	}
	der_leave(d, &w.rdns);
	return der_bad(d) ? SPAN_NONE : t.whole;
}

struct span x509_cn(struct span name)
{
	bool ok;
	struct name_walk w = {der_whole(name, DER_SEQUENCE, &ok), der_of(SPAN_NONE)};
	struct span found = SPAN_NONE;
	struct attr a;

	while (attr_next(&w, &a))
		if (oid_find(a.type) == OID_CN)
			found = a.value.value;
	return found;
}

/* RFC 4514 2.4, and everything that is not printable ASCII as \XX. */
static void put_byte(struct wr *w, uint8_t b, bool first, bool last)
{
	static const char special[] = {',', '+', '"', '\\', '<', '>', ';'};
	bool escape = memchr(special, b, sizeof special) || (first && b == '#') || ((first || last) && b == ' ');

	if (b < 0x20 || b >= 0x7f)
		wr_fmt(w, "\\%02X", b);
	else if (escape)
		wr_bytes(w, (const uint8_t[]){'\\', b}, 2);
	else
		wr_u8(w, b);
}

static void put_utf8(struct wr *w, uint32_t c, bool first, bool last)
{
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; /* bytes behind the first */
	static const uint8_t lead[4] = {0x00, 0xc0, 0xe0, 0xf0};

	put_byte(w, (uint8_t)(lead[more] | c >> 6 * more), first, last);
	while (more--)
		put_byte(w, (uint8_t)(0x80 | (c >> 6 * more & 0x3f)), false, false);
}

static void put_value(struct wr *w, const struct der_tlv *v)
{
	struct rd r = rd_of(v->value);
	bool first = true;

	if (!der_is_text(v)) { /* RFC 4514 2.4: "#" and the encoding */
		wr_u8(w, '#');
		for (size_t i = 0; i < v->whole.n; i++)
			wr_fmt(w, "%02X", v->whole.p[i]);
		return;
	}
	while (rd_left(&r)) {
		uint32_t c = v->tag == DER_UNIVERSAL ? rd_be32(&r) : v->tag == DER_BMP ? rd_be16(&r) : rd_u8(&r);
		bool last = rd_left(&r) == 0;

		if (v->tag == DER_UNIVERSAL || v->tag == DER_BMP || v->tag == DER_T61) /* T61 is read as Latin-1 */
			put_utf8(w, c, first, last);
		else
			put_byte(w, (uint8_t)c, first, last);
		first = false;
	}
}

const char *x509_name_text(struct span name, char *out, size_t cap)
{
	bool ok, first = true;
	struct name_walk walk = {der_whole(name, DER_SEQUENCE, &ok), der_of(SPAN_NONE)};
	struct wr w = wr_of(out, cap ? cap - 1 : 0);
	char dotted[128];
	struct attr a;

	for (; attr_next(&walk, &a); first = false) {
		enum oid o = oid_find(a.type);

		if (!first)
			wr_str(&w, a.joined ? " + " : ", ");
		wr_str(&w, o == OID_UNKNOWN ? oid_text(a.type, dotted, sizeof dotted) : oid_name(o));
		wr_u8(&w, '=');
		put_value(&w, &a.value);
	}
	if (cap)
		out[w.n] = 0;
	return out;
}

/* ---- public keys ----------------------------------------------------------------------- */

static int rsa_key(struct span bits, struct pk_public *out)
{
	bool ok;
	struct der d = der_whole(bits, DER_SEQUENCE, &ok);

	out->n = der_unsigned(&d);
	out->e = der_unsigned(&d);
	if (der_bad(&d) || der_more(&d) || out->n.n == 0 || out->e.n == 0)
		return -ZT_E_SYNTAX;
	out->type = PK_RSA;
	return 0;
}

/* RFC 5480 2.2: 04 x y; 02 or 03 and x is a compressed point, which zt does not compute. */
static int ec_key(enum oid curve, struct span point, struct pk_public *out)
{
	static const struct {
		enum oid curve;
		enum pk_type type;
		size_t n; /* of a coordinate */
	} curves[] = {{OID_P256, PK_P256, 32}, {OID_P384, PK_P384, 48}, {OID_P521, PK_P521, 66}};

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		if (curves[i].curve != curve)
			continue;
		if (point.n == 1 + curves[i].n && (point.p[0] == 2 || point.p[0] == 3))
			return 0;
		if (point.n != 1 + 2 * curves[i].n || point.p[0] != 4)
			return -ZT_E_SYNTAX;
		out->type = curves[i].type;
		out->point = point;
		return 0;
	}
	return point.n ? 0 : -ZT_E_SYNTAX;
}

/* ECParameters: a named curve, or (SEQUENCE) one written out, which RFC 5480 2.1.1 forbids and
 * zt does not use. */
static enum oid ec_curve(struct der *alg)
{
	enum oid o;

	if (der_peek(alg) != DER_OID) {
		der_take(alg, DER_SEQUENCE);
		return OID_EC_KEY;
	}
	o = oid_find(der_oid(alg));
	return o == OID_P256 || o == OID_P384 || o == OID_P521 ? o : OID_EC_KEY;
}

static int spki_into(struct span spki, struct pk_public *out, enum oid *alg)
{
	bool ok;
	struct der d = der_whole(spki, DER_SEQUENCE, &ok), in = der_enter(&d, DER_SEQUENCE);
	struct span bits;

	*alg = oid_find(der_oid(&in));
	if (*alg == OID_EC_KEY)
		*alg = ec_curve(&in);
	else if (*alg == OID_RSA)
		take_null(&in);
	else if (*alg != OID_ED25519 && der_more(&in))
		der_any(&in);
	der_leave(&d, &in);
	bits = der_bits_whole(&d);
	if (der_bad(&d) || der_more(&d))
		return -ZT_E_SYNTAX;
	if (*alg == OID_RSA)
		return rsa_key(bits, out);
	if (*alg == OID_EC_KEY || *alg == OID_P256 || *alg == OID_P384 || *alg == OID_P521)
		return ec_key(*alg, bits, out);
	return *alg == OID_ED25519 && bits.n != 32 ? -ZT_E_SYNTAX : 0;
}

int x509_spki(struct span spki, struct pk_public *out, enum oid *alg)
{
	*out = (struct pk_public){0};
	*alg = OID_UNKNOWN;
	if (spki_into(spki, out, alg) == 0)
		return 0;
	*out = (struct pk_public){0};
	*alg = OID_UNKNOWN;
	return -ZT_E_SYNTAX;
}

/* ---- extensions and general names ------------------------------------------------------ */

bool x509_ext_next(struct der *list, struct x509_ext *out)
{
	struct der in;

	*out = (struct x509_ext){0};
	if (!der_more(list))
		return false;
	in = der_enter(list, DER_SEQUENCE);
	out->oid = der_oid(&in);
	out->critical = der_peek(&in) == DER_BOOLEAN && der_bool(&in);
	out->value = der_octets(&in);
	der_leave(list, &in);
	if (der_bad(list))
		return false;
	out->id = oid_find(out->oid);
	return true;
}

static bool is_ascii_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

int x509_san_next(struct span *rest, struct san *out)
{
	/* RFC 5280 4.2.1.6. [0], [3], [4] and [5] are constructed. */
	static const struct {
		uint8_t tag;
		enum san_kind kind;
	} kinds[] = {
		{DER_CTX(1), SAN_MAIL},	  {DER_CTX(2), SAN_DNS},    {DER_CTX(6), SAN_URI},
		{DER_CTX(7), SAN_IP},	  {DER_CTX(8), SAN_OTHER},  {DER_CTXC(0), SAN_OTHER},
		{DER_CTXC(3), SAN_OTHER}, {DER_CTXC(4), SAN_OTHER}, {DER_CTXC(5), SAN_OTHER},
	};
	struct der d = der_of(*rest);
	struct der_tlv t;

	*out = (struct san){.kind = SAN_OTHER};
	if (!der_more(&d))
		return 0;
	t = der_any(&d);
	*rest = rd_rest(&d.r);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].tag != t.tag)
			continue;
		*out = (struct san){kinds[i].kind, kinds[i].kind == SAN_OTHER ? t.whole : t.value};
		if (out->kind == SAN_IP ? t.value.n == 4 || t.value.n == 16
					: out->kind == SAN_OTHER || is_ascii_text(t.value))
			return 1;
	}
	*rest = SPAN_NONE;
	*out = (struct san){.kind = SAN_OTHER};
	return -ZT_E_SYNTAX;
}
