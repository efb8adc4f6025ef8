/*
 * enrolsig: see enrolsig.h. Owns what exactly is signed. Each begins with a label and has one length, so that
 * neither can be taken for the other, for a status list, or for what TLS signs with the same key.
 */
#include "enrolsig.h"

#include "base/crypto.h"

static const char renewal_label[] = "zt renewal";       /* with its NUL */
static const char trust_label[] = "zt trusted anchors"; /* the same */

#define RENEWAL_BYTES (sizeof renewal_label + ENROLSIG_SERIAL + SHA256_LEN)
#define ORDER_BYTES 16
#define TRUST_BYTES (sizeof trust_label + ORDER_BYTES + ENROLSIG_ANCHORS * SHA256_LEN)

/* As certificates are signed: the hash goes with the size of the key. */
static enum pk_hash hash_for(enum pk_type t)
{
	return t == PK_P384 ? PK_SHA384 : t == PK_P521 ? PK_SHA512 : PK_SHA256;
}

static void put_digest(struct wr *w, struct span s)
{
	uint8_t digest[SHA256_LEN];

	sha256(s, digest);
	wr_bytes(w, digest, sizeof digest);
}

static int sign(struct wr *w, const struct pk_private *key, struct span message)
{
	uint8_t sig[PK_SIG_MAX];
	int n = pk_sign(key, hash_for(key->type), message, sig);

	if (n < 0)
		return n;
	wr_bytes(w, sig, (size_t)n);
	return w->full ? -ZT_E_FULL : 0;
}

/* ---- renewal ------------------------------------------------------------------------------- */

static struct span renewal_message(uint8_t mem[static RENEWAL_BYTES], struct span serial, struct span csr)
{
	struct wr w = wr_of(mem, RENEWAL_BYTES);

	wr_bytes(&w, renewal_label, sizeof renewal_label);
	wr_put(&w, serial);
	put_digest(&w, csr);
	return w.full || w.n != RENEWAL_BYTES ? SPAN_NONE : wr_span(&w);
}

int enrolsig_renewal(struct wr *w, const struct pk_private *key, struct span serial, struct span csr)
{
	uint8_t mem[RENEWAL_BYTES];
	struct span m = renewal_message(mem, serial, csr);

	return m.n ? sign(w, key, m) : -ZT_E_KEY;
}

int enrolsig_renewal_by(const struct pk_public *key, struct span serial, struct span csr, struct span sig)
{
	uint8_t mem[RENEWAL_BYTES];
	struct span m = renewal_message(mem, serial, csr);

	return m.n && pk_check_public(key) == 0 ? pk_verify(key, hash_for(key->type), m, sig) : -ZT_E_DENIED;
}

/* ---- anchors ------------------------------------------------------------------------------- */

static struct span trust_message(uint8_t mem[static TRUST_BYTES], struct trust_order o, const struct span *anchors)
{
	struct wr w = wr_of(mem, TRUST_BYTES);

	wr_bytes(&w, trust_label, sizeof trust_label);
	wr_le64(&w, o.epoch);
	wr_le64(&w, o.number);
	for (size_t i = 0; i < ENROLSIG_ANCHORS; i++)
		put_digest(&w, anchors[i]);
	ZT_ASSERT(!w.full);
	return wr_span(&w);
}

int enrolsig_trust(struct wr *w, const struct pk_private *registry, struct trust_order o,
		   const struct span anchors[static ENROLSIG_ANCHORS])
{
	uint8_t mem[TRUST_BYTES];

	if (registry->type != PK_P256)
		return -ZT_E_KEY;
	wr_le64(w, o.epoch);
	wr_le64(w, o.number);
	return sign(w, registry, trust_message(mem, o, anchors));
}

struct trust_order enrolsig_order(struct span trust)
{
	struct rd r = rd_of(trust);
	struct trust_order o = {.epoch = rd_le64(&r)};

	o.number = rd_le64(&r);
	return r.bad ? (struct trust_order){0} : o;
}

int enrolsig_trust_by(const struct pk_public *registry, struct span trust,
		      const struct span anchors[static ENROLSIG_ANCHORS])
{
	uint8_t mem[TRUST_BYTES];

	if (registry->type != PK_P256 || trust.n <= ORDER_BYTES)
		return -ZT_E_DENIED;
	return pk_verify(registry, PK_SHA256, trust_message(mem, enrolsig_order(trust), anchors),
			 span_sub(trust, ORDER_BYTES, trust.n));
}
