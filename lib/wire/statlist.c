/*
 * statlist: the codec of statlist.h. Owns nothing and copies nothing of a list, which may have
 * megabytes: it is read in one pass and hashed in one more. It says what a list is, never whether to
 * believe it.
 */
#include "statlist.h"

#include <string.h>

#include "base/crypto.h"

#define MAGIC "ztstatl1"
#define MAGIC_LEN 8
#define MAGIC_NAME 7 /* the last byte is the version */
/* 30 06 02 01 r 02 01 s is the shortest signature there is */
#define SIG_MIN 8
#define SIG_MAX (STATLIST_TAIL - 2)

/* The NUL belongs to it: no other thing that this key signs begins so. */
static const char label[] = "zt status list";

static int fault(struct why *w, const char *what)
{
	return why_set(w, ZT_E_SYNTAX, "the status list is malformed: %s", what);
}

int status_entry_cmp(const struct status_entry *a, const struct status_entry *b)
{
	return a->what != b->what ? (a->what < b->what ? -1 : 1) : memcmp(a->key, b->key, STATLIST_KEY);
}

static int read_magic(struct rd *r, struct why *w)
{
	struct span magic = rd_bytes(r, MAGIC_LEN);

	if (span_eq_str(magic, MAGIC))
		return 0;
	if (span_eq(span_sub(magic, 0, MAGIC_NAME), span_sub(SPAN_LIT(MAGIC), 0, MAGIC_NAME)))
		return why_set(w, ZT_E_VERSION, "the status list is of a version that this zt cannot read");
	return fault(w, "it does not begin as one");
}

/* Seven bytes that say nothing must be zero: one list has one spelling, and they can mean something later. */
static bool rd_zeros(struct rd *r, size_t n)
{
	while (n--)
		if (rd_u8(r) != 0)
			return false;
	return true;
}

static int read_head(struct statlist *l, struct rd *r, struct why *w)
{
	uint8_t kind = rd_u8(r);
	uint64_t issued;

	if (kind != STATLIST_FULL && kind != STATLIST_DELTA)
		return fault(w, "it is neither full nor a delta");
	if (!rd_zeros(r, 7))
		return fault(w, "bytes that must be zero");
	l->kind = (enum statlist_kind)kind;
	l->epoch = rd_le64(r);
	l->number = rd_le64(r);
	l->base = rd_le64(r);
	issued = rd_le64(r);
	l->n = rd_le32(r);
	if (r->bad)
		return fault(w, "it is cut");
	if (l->epoch == 0 || l->number <= l->base || (l->kind == STATLIST_FULL) != (l->base == 0))
		return fault(w, "its numbers");
	if (issued == 0 || issued > INT64_MAX)
		return fault(w, "its time");
	l->issued = (int64_t)issued;
	return 0;
}

static bool read_entry(struct rd *r, struct status_entry *e)
{
	bool zero;
	struct span key;

	e->what = rd_u8(r);
	e->state = rd_u8(r);
	zero = rd_le16(r) == 0;
	key = rd_bytes(r, STATLIST_KEY);
	if (r->bad)
		return false;
	memcpy(e->key, key.p, STATLIST_KEY);
	return zero && e->what >= STATUS_CERT && e->what <= STATUS_GRANT && e->state >= STATUS_GOOD &&
	       e->state <= STATUS_GONE;
}

static int check_entries(const struct statlist *l, struct why *w)
{
	struct rd r = rd_of(l->entries);
	struct status_entry now, before = {0}; /* no entry has what 0 */

	for (uint32_t i = 0; i < l->n; i++) {
		if (!read_entry(&r, &now) || (now.state == STATUS_GONE && l->kind == STATLIST_FULL))
			return fault(w, "an entry");
		if (status_entry_cmp(&before, &now) >= 0)
			return fault(w, "entries that are not in order");
		before = now;
	}
	return 0;
}

static int read_all(struct statlist *l, struct span bytes, struct why *w)
{
	struct rd r = rd_of(bytes);
	size_t sig;
	int rc = read_magic(&r, w);

	if (rc == 0)
		rc = read_head(l, &r, w);
	if (rc < 0)
		return rc;
	if (l->n > STATLIST_MOST)
		return why_set(w, ZT_E_TOOLONG, "the status list has %u entries, more than %u", l->n,
			       (unsigned)STATLIST_MOST);
	l->entries = rd_bytes(&r, (size_t)l->n * STATLIST_ENTRY);
	l->signed_part = span_sub(bytes, 0, STATLIST_HEAD + l->entries.n);
	sig = rd_le16(&r);
	l->sig = rd_bytes(&r, sig);
	if (r.bad)
		return fault(w, "it is cut");
	if (rd_left(&r) > 0)
		return fault(w, "something stands behind it");
	if (sig < SIG_MIN || sig > SIG_MAX)
		return fault(w, "its signature");
	return check_entries(l, w);
}

int statlist_read(struct statlist *out, struct span bytes, struct why *w)
{
	int rc;

	*out = (struct statlist){0};
	rc = read_all(out, bytes, w);
	if (rc < 0)
		*out = (struct statlist){0};
	return rc;
}

void statlist_entry(const struct statlist *l, uint32_t i, struct status_entry *out)
{
	struct rd r = rd_of(span_sub(l->entries, (size_t)i * STATLIST_ENTRY, STATLIST_ENTRY));
	bool ok = read_entry(&r, out);

	ZT_ASSERT(ok); /* statlist_read() has seen it */
}

int statlist_signed_by(const struct statlist *l, const struct pk_public *registry)
{
	uint8_t digest[SHA256_LEN];

	if (registry->type != PK_P256)
		return -ZT_E_DENIED;
	sha256_two(span_of(label, sizeof label), l->signed_part, digest);
	return pk_verify_digest(registry, PK_SHA256, span_of(digest, sizeof digest), l->sig);
}

void statlist_write_head(struct wr *w, const struct statlist *l)
{
	static const uint8_t zeros[7];

	wr_bytes(w, MAGIC, MAGIC_LEN);
	wr_u8(w, (uint8_t)l->kind);
	wr_bytes(w, zeros, sizeof zeros);
	wr_le64(w, l->epoch);
	wr_le64(w, l->number);
	wr_le64(w, l->base);
	wr_le64(w, (uint64_t)l->issued);
	wr_le32(w, l->n);
}

void statlist_write_entry(struct wr *w, const struct status_entry *e)
{
	wr_u8(w, e->what);
	wr_u8(w, e->state);
	wr_le16(w, 0);
	wr_bytes(w, e->key, STATLIST_KEY);
}

int statlist_seal(struct wr *w, size_t from, const struct pk_private *registry)
{
	uint8_t digest[SHA256_LEN], sig[PK_SIG_MAX];
	int n;

	if (registry->type != PK_P256)
		return -ZT_E_KEY;
	if (w->full)
		return -ZT_E_FULL; /* of a list that is cut nothing is signed */
	sha256_two(span_of(label, sizeof label), span_sub(wr_span(w), from, w->n), digest);
	n = pk_sign_digest(registry, PK_SHA256, span_of(digest, sizeof digest), sig);
	if (n < 0)
		return n;
	wr_le16(w, (uint16_t)n);
	wr_bytes(w, sig, (size_t)n);
	return w->full ? -ZT_E_FULL : 0;
}
