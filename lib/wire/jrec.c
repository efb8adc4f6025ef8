/*
 * jrec: encodes and decodes one journal record, and judges a tail. It never reads a file:
 * io/journal.c brings the bytes and the offsets.
 */
#include "jrec.h"

#include "base/crc32c.h"
#include "base/err.h"
#include "base/num.h"

enum {
	UNIT = 8,      /* records start and end at multiples of it, so sizes count in it */
	PAD_MIN = 4,   /* a whole record ends in this many non-zero bytes at least */
	TLV_HEAD = 4,
	VERSION_AT = 12, /* of the magic */
};

const uint8_t jrec_magic[JREC_MAGIC] = {0x89, 'z', 't', ' ', 'j', 'o', 'u', 'r',
					'n',  'a', 'l', ' ', '1', '\r', '\n', 0x1a};

_Static_assert(JREC_MAX / UNIT <= 0xffff, "a size in units must fit the length field's half");
_Static_assert(JREC_SECTOR % UNIT == 0, "padding may not straddle a sector");

static const char *const fault_text[] = {
	[JREC_OK] = "whole",
	[JREC_SHORT] = "the file ends inside it",
	[JREC_LENGTH] = "its length contradicts itself",
	[JREC_CHECKSUM] = "its checksum does not match",
	[JREC_FORM] = "its fields are malformed",
};

const char *jrec_fault_text(enum jrec_fault f)
{
	return (size_t)f < ARRAY_LEN(fault_text) ? fault_text[f] : "?";
}

int jrec_check_magic(struct span head)
{
	struct span want = span_of(jrec_magic, JREC_MAGIC);

	if (head.n != JREC_MAGIC)
		return -ZT_E_DAMAGED;
	if (span_eq(head, want))
		return 0;
	if (span_eq(span_sub(head, 0, VERSION_AT), span_sub(want, 0, VERSION_AT)) &&
	    span_eq(span_sub(head, VERSION_AT + 1, 3), span_sub(want, VERSION_AT + 1, 3)) &&
	    head.p[VERSION_AT] >= '2' && head.p[VERSION_AT] <= '9')
		return -ZT_E_VERSION;
	return -ZT_E_DAMAGED;
}

static uint32_t length_field(size_t size)
{
	uint32_t units = (uint32_t)(size / UNIT);

	return units | (~units & 0xffff) << 16;
}

/* The size that a length field states; 0 when its halves disagree or it is out of range. */
static size_t length_size(uint32_t field)
{
	size_t size = (size_t)(field & 0xffff) * UNIT;

	return (field >> 16 ^ (field & 0xffff)) == 0xffff && size >= JREC_MIN && size <= JREC_MAX ? size : 0;
}

/* The length is covered first, then what lies behind the checksum's own four bytes. */
static uint32_t record_crc(struct span record)
{
	struct span behind = span_sub(record, 8, record.n);

	return crc32c(crc32c(0, record.p, 4), behind.p, behind.n);
}

size_t jrec_size(const struct jtlv *t, size_t n)
{
	size_t sum = JREC_HEAD + 4;

	for (size_t i = 0; i < n; i++) {
		if (t[i].value.n > UINT16_MAX || num_add(sum, TLV_HEAD + t[i].value.n, &sum) || sum > JREC_MAX)
			return 0;
	}
	sum = (sum + PAD_MIN + UNIT - 1) / UNIT * UNIT;
	return sum <= JREC_MAX ? sum : 0;
}

int jrec_encode(struct wr *w, const struct jrec *r, const struct jtlv *t, size_t n)
{
	size_t size = jrec_size(t, n), start = w->n, pad;
	struct span record;

	if (size == 0 || w->full || size > w->cap - w->n)
		return -ZT_E_TOOLONG;
	wr_le32(w, length_field(size));
	wr_le32(w, 0); /* the checksum, patched below */
	wr_le64(w, r->seq);
	wr_le16(w, r->type);
	wr_le16(w, r->version);
	for (size_t i = 0; i < n; i++) {
		wr_le16(w, t[i].tag);
		wr_le16(w, (uint16_t)t[i].value.n);
		wr_put(w, t[i].value);
	}
	pad = start + size - w->n;
	for (size_t i = 0; i < pad; i++)
		wr_u8(w, (uint8_t)pad);
	record = span_sub(wr_span(w), start, size);
	wr_patch_le32(w, start + 4, record_crc(record));
	return (int)size;
}

bool jtlv_next(struct span *rest, struct jtlv *out)
{
	struct rd r = rd_of(*rest);
	uint16_t tag, n;

	if (rest->n == 0)
		return false;
	tag = rd_le16(&r);
	n = rd_le16(&r);
	*out = (struct jtlv){tag, rd_bytes(&r, n)};
	*rest = rd_rest(&r);
	return !r.bad;
}

static bool tlvs_whole(struct span s)
{
	struct jtlv t;

	while (s.n) {
		if (!jtlv_next(&s, &t))
			return false;
	}
	return true;
}

/* What lies between the head and the padding; false when the padding is not ours. */
static bool unpad(struct span record, struct span *inside)
{
	uint8_t pad = record.p[record.n - 1];

	if (pad < PAD_MIN || pad >= PAD_MIN + UNIT || record.n < JREC_HEAD + 4 + (size_t)pad)
		return false;
	for (size_t i = record.n - pad; i < record.n; i++) {
		if (record.p[i] != pad)
			return false;
	}
	*inside = span_sub(record, JREC_HEAD, record.n - JREC_HEAD - pad);
	return true;
}

int jrec_decode(struct span in, struct jrec *out, enum jrec_fault *fault)
{
	struct rd r = rd_of(in);
	uint32_t field = rd_le32(&r), crc = rd_le32(&r);
	size_t size = length_size(field);
	struct span record, inside;

	*out = (struct jrec){.seq = rd_le64(&r)};
	*fault = JREC_SHORT;
	if (in.n < 4)
		return ZT_MORE;
	*fault = size == 0 ? JREC_LENGTH : JREC_SHORT;
	if (size == 0)
		return -ZT_E_DAMAGED;
	if (in.n < size)
		return ZT_MORE;
	record = span_sub(in, 0, size);
	*fault = JREC_CHECKSUM;
	if (record_crc(record) != crc)
		return -ZT_E_DAMAGED;
	*fault = JREC_FORM;
	if (!unpad(record, &inside))
		return -ZT_E_DAMAGED;
	r = rd_of(inside);
	out->type = rd_le16(&r);
	out->version = rd_le16(&r);
	out->tlvs = rd_rest(&r);
	if (out->seq == 0 || !tlvs_whole(out->tlvs))
		return -ZT_E_DAMAGED;
	*fault = JREC_OK;
	return (int)size;
}

static bool all_zero(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != 0)
			return false;
	}
	return true;
}

bool jrec_torn(uint64_t at, struct span rest, uint64_t seq)
{
	struct rd r = rd_of(rest);
	uint32_t field = rd_le32(&r);
	size_t size = length_size(field);
	uint64_t sector;

	if (rest.n > JREC_BATCH)
		return false;
	if (rest.n < 4 || all_zero(rest))
		return true;
	if (size == 0)
		return false;
	/* Only a head that straddles two sectors, its sequence number first in the second one, can
	 * have been written without that number. */
	rd_le32(&r);
	if (rest.n >= JREC_HEAD && rd_le64(&r) != seq)
		return at % JREC_SECTOR + 8 == JREC_SECTOR && all_zero(span_sub(rest, 8, rest.n));
	if (rest.n < size)
		return true;
	/* The last sector that the record reaches into; it can be missing only if the record
	 * began in an earlier one. */
	sector = (at + size - 1) / JREC_SECTOR * JREC_SECTOR;
	return sector > at && all_zero(span_sub(rest, (size_t)(sector - at), rest.n));
}

bool jrec_find(const struct jrec *r, uint16_t tag, struct span *value)
{
	struct span rest = r->tlvs;
	struct jtlv t;

	while (jtlv_next(&rest, &t)) {
		if (t.tag == tag) {
			*value = t.value;
			return true;
		}
	}
	return false;
}

bool jrec_find_u64(const struct jrec *r, uint16_t tag, uint64_t *value)
{
	struct span s;
	struct rd c;

	if (!jrec_find(r, tag, &s) || s.n != 8)
		return false;
	c = rd_of(s);
	*value = rd_le64(&c);
	return true;
}
