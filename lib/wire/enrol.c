/*
 * enrol: the codec and the proofs of enrol.h. Owns the layout, the table of who may say what with which
 * fields, and what each proof covers. What it writes it would read, and what it reads it would write
 * byte for byte. It does not know what was said before.
 */
#include "enrol.h"

#include "base/num.h"
#include "der.h"

/* ---- the tables ---------------------------------------------------------------------------- */

static const size_t most_of[ENF_COUNT] = {
#define X(id, tag, most, text) [id] = most,
	ENROL_FIELDS(X)
#undef X
};

/* What the bytes of a field are; FORM_EXACT: exactly as many as the table allows. */
enum form { FORM_EXACT, FORM_BYTES, FORM_TEXT, FORM_DER, FORM_CERTS };

static const enum form form_of[ENF_COUNT] = {
	[ENF_CSR] = FORM_DER, [ENF_REGISTRY] = FORM_DER,
	[ENF_LABEL] = FORM_TEXT, [ENF_TEXT] = FORM_TEXT,
	[ENF_CHAIN] = FORM_CERTS, [ENF_INFRA] = FORM_CERTS, [ENF_DEVICE] = FORM_CERTS, [ENF_ACME] = FORM_CERTS,
	[ENF_LIST] = FORM_BYTES, [ENF_SIGNATURE] = FORM_BYTES, [ENF_TRUST] = FORM_BYTES,
};

static const struct row {
	enum enrol_type type;
	char from;
	const char *name;
} rows[] = {
#define X(id, value, from, text) {id, from, #id},
	ENROL_TYPES(X)
#undef X
};

#define F(field) (1u << (field))
#define ANCHORS (F(ENF_DEVICE) | F(ENF_ACME))
static const struct {
	enum enrol_type type;
	uint32_t must, may;
} needs[] = {
	{ENROL_HELLO, F(ENF_TOKEN) | F(ENF_NONCE) | F(ENF_ROLE) | F(ENF_CSR), F(ENF_LABEL)},
	{ENROL_PROOF_J, F(ENF_PROOF), 0},
	{ENROL_RENEW, F(ENF_CSR) | F(ENF_SIGNATURE), 0},
	{ENROL_WATCH, F(ENF_INSTANCE) | F(ENF_EPOCH) | F(ENF_NUMBER), 0},
	{ENROL_CHALLENGE, F(ENF_NONCE) | F(ENF_PROOF), 0},
	{ENROL_GRANTED, F(ENF_CHAIN) | F(ENF_INFRA) | F(ENF_REGISTRY) | F(ENF_TRUST), ANCHORS | F(ENF_PROOF)},
	{ENROL_PENDING, F(ENF_AFTER), F(ENF_TEXT)},
	{ENROL_REFUSED, F(ENF_CODE), F(ENF_TEXT)},
	{ENROL_LIST, F(ENF_LIST), 0},
	{ENROL_ANCHORS, F(ENF_INFRA) | F(ENF_TRUST), ANCHORS},
};
_Static_assert(ARRAY_LEN(rows) == ARRAY_LEN(needs), "a type without its fields");
_Static_assert(ENF_COUNT <= 32, "fields are bits of a word");

static const struct row *row_of(unsigned type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((unsigned)rows[i].type == type)
			return &rows[i];
	return NULL;
}

const char *enrol_name(enum enrol_type t)
{
	const struct row *row = row_of((unsigned)t);

	return row ? row->name : "?";
}

static size_t frame_max(enum enrol_type t)
{
	return t == ENROL_LIST ? ENROL_LIST_MAX : ENROL_MAX;
}

/* ---- what a message may be ------------------------------------------------------------------ */

/* At least one, at most ENROL_CERTS, and nothing else. What is in them is the reader's business. */
static bool good_certs(struct span s)
{
	struct der d = der_of(s);
	size_t n = 0;

	while (der_more(&d) && n <= ENROL_CERTS) {
		der_take(&d, DER_SEQUENCE);
		n++;
	}
	return !der_bad(&d) && n >= 1 && n <= ENROL_CERTS;
}

static bool good_der(struct span s)
{
	bool ok;

	der_whole(s, DER_SEQUENCE, &ok);
	return ok;
}

static bool good_any(struct span s)
{
	(void)s;
	return true; /* its length is all there is to it */
}

static bool (*const good_form[])(struct span) = {
	[FORM_EXACT] = good_any, [FORM_BYTES] = good_any, [FORM_TEXT] = span_is_utf8,
	[FORM_DER] = good_der, [FORM_CERTS] = good_certs,
};

static bool good_field(unsigned f, struct span s)
{
	if (s.n == 0 || s.n > most_of[f] || (form_of[f] == FORM_EXACT && s.n != most_of[f]))
		return false;
	return good_form[form_of[f]](s);
}

/* The fields are those of the type, and each is what it has to be. */
static bool good_fields(const struct enrol *m)
{
	uint32_t have = 0;

	for (unsigned f = 1; f < ENF_COUNT; f++)
		if (m->has[f]) {
			have |= F(f);
			if (!good_field(f, m->field[f]))
				return false;
		}
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (needs[i].type == m->type)
			return (have & needs[i].must) == needs[i].must && !(have & ~(needs[i].must | needs[i].may));
	return false;
}

/* ---- writing and reading ---------------------------------------------------------------------- */

void enrol_write(struct wr *w, const struct enrol *m)
{
	size_t from = w->n, length_at;

	if (!good_fields(m)) {
		w->full = true;
		return;
	}
	wr_u8(w, (uint8_t)m->type);
	wr_u8(w, 0);
	wr_le16(w, 0);
	length_at = w->n;
	wr_le32(w, 0);
	for (unsigned f = 1; f < ENF_COUNT; f++)
		if (m->has[f]) {
			wr_le16(w, (uint16_t)f);
			wr_le32(w, (uint32_t)m->field[f].n);
			wr_put(w, m->field[f]);
		}
	if (w->n - from > frame_max(m->type))
		w->full = true;
	if (!w->full)
		wr_patch_le32(w, length_at, (uint32_t)(w->n - from - ENROL_HEADER));
}

static bool read_fields(struct span body, struct enrol *out)
{
	struct rd r = rd_of(body);
	unsigned last = 0; /* tags ascend, so none comes twice */

	while (rd_left(&r) > 0) {
		unsigned tag = rd_le16(&r);
		struct span s = rd_bytes(&r, rd_le32(&r));

		if (r.bad || tag <= last || tag >= ENF_COUNT)
			return false;
		out->has[tag] = true;
		out->field[tag] = s;
		last = tag;
	}
	return !r.bad && good_fields(out);
}

int enrol_read(struct span in, char from, struct enrol *out)
{
	struct rd r = rd_of(in);
	uint8_t type = rd_u8(&r), zero = rd_u8(&r);
	uint16_t zeros = rd_le16(&r);
	uint32_t len = rd_le32(&r);
	const struct row *row = row_of(type);

	*out = (struct enrol){0};
	if (r.bad)
		return ZT_MORE;
	if (zero != 0 || zeros != 0)
		return -ZT_E_SYNTAX;
	if (row == NULL || row->from != from)
		return -ZT_E_UNKNOWN;
	if (len > frame_max(row->type) - ENROL_HEADER)
		return -ZT_E_TOOLONG;
	if (rd_left(&r) < len)
		return ZT_MORE;
	out->type = row->type;
	if (!read_fields(rd_bytes(&r, len), out)) {
		*out = (struct enrol){0};
		return -ZT_E_SYNTAX;
	}
	return (int)(ENROL_HEADER + len);
}

uint64_t enrol_u64(const struct enrol *m, enum enrol_field f)
{
	uint64_t v = 0;

	for (size_t i = m->has[f] ? num_min(m->field[f].n, sizeof v) : 0; i > 0; i--)
		v = v << 8 | m->field[f].p[i - 1];
	return v;
}

struct span enrol_cert(struct span list, size_t i)
{
	struct der d = der_of(list);

	while (i-- > 0 && der_more(&d))
		der_any(&d);
	return der_more(&d) ? der_take(&d, DER_SEQUENCE).whole : SPAN_NONE;
}

/* ---- proofs ------------------------------------------------------------------------------------ */

/* Each field with its length in front, so that no two talks have the same bytes. */
static void talk_digest(const struct enrol_talk *t, uint8_t out[static SHA256_LEN])
{
	const struct span part[] = {
		SPAN_LIT(ENROL_ALPN), span_of(&t->role, 1), span_of(t->token, sizeof t->token),
		span_of(t->nonce_j, sizeof t->nonce_j), span_of(t->nonce_a, sizeof t->nonce_a),
		span_of(t->server, sizeof t->server), span_of(t->csr, sizeof t->csr),
	};
	uint8_t mem[ARRAY_LEN(part) * 4 + sizeof ENROL_ALPN + sizeof *t];
	struct wr w = wr_of(mem, sizeof mem);

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		wr_le32(&w, (uint32_t)part[i].n);
		wr_put(&w, part[i]);
	}
	ZT_ASSERT(!w.full);
	sha256(wr_span(&w), out);
}

/* HMAC over a word that says whose proof it is, the talk, and what else it covers. */
static void prove(const struct enrol_talk *t, const uint8_t *secret, const char *word, struct span more, uint8_t *out)
{
	uint8_t mem[sizeof "authority" + 2 * SHA256_LEN], digest[SHA256_LEN];
	struct wr w = wr_of(mem, sizeof mem);

	talk_digest(t, digest);
	wr_str(&w, word);
	wr_bytes(&w, digest, sizeof digest);
	wr_put(&w, more);
	ZT_ASSERT(!w.full);
	hmac_sha256(span_of(secret, TOKEN_SECRET), wr_span(&w), out);
}

void enrol_proof(const struct enrol_talk *t, const uint8_t secret[static TOKEN_SECRET], enum enrol_who who,
		 uint8_t out[static ENROL_PROOF])
{
	prove(t, secret, who == ENROL_BY_AUTHORITY ? "authority" : "joiner", SPAN_NONE, out);
}

/* Over the digest of each field, so that the whole need not lie in one piece. */
void enrol_grant_proof(const struct enrol_talk *t, const uint8_t secret[static TOKEN_SECRET], const struct enrol *granted,
		       uint8_t out[static ENROL_PROOF])
{
	uint8_t mem[ENF_COUNT * (2 + SHA256_LEN)], digest[SHA256_LEN];
	struct wr w = wr_of(mem, sizeof mem);

	for (unsigned f = 1; f < ENF_COUNT; f++)
		if (granted->has[f] && f != ENF_PROOF) {
			sha256(granted->field[f], digest);
			wr_le16(&w, (uint16_t)f);
			wr_bytes(&w, digest, sizeof digest);
		}
	sha256(wr_span(&w), digest);
	prove(t, secret, "granted", span_of(digest, sizeof digest), out);
}
