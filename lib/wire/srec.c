/* srec: fields of the store's three record types. It checks what a record must hold, never
 * whether that makes sense beside other records. */
#include "srec.h"

#include "base/err.h"

enum { TAG_SPACE = 1, TAG_KEY = 2, TAG_VALUE = 3, TAG_EXPIRES = 4, TAG_ID = 1 };

static struct span eight(struct srec_fields *f, uint64_t v)
{
	struct wr w = wr_of(f->eight, sizeof f->eight);

	wr_le64(&w, v);
	return wr_span(&w);
}

void srec_encode(const struct srec *s, struct srec_fields *out)
{
	out->space = (uint8_t)s->space;
	out->n = 1;
	if (s->type == SREC_LAST_EVENT) {
		out->t[0] = (struct jtlv){TAG_ID, eight(out, s->id)};
		return;
	}
	out->t[0] = (struct jtlv){TAG_SPACE, span_of(&out->space, 1)};
	out->t[out->n++] = (struct jtlv){TAG_KEY, s->key};
	if (s->type == SREC_DROP)
		return;
	out->t[out->n++] = (struct jtlv){TAG_VALUE, s->value};
	if (s->expires)
		out->t[out->n++] = (struct jtlv){TAG_EXPIRES, eight(out, (uint64_t)s->expires)};
}

static int decode_set(const struct jrec *r, struct srec *out)
{
	struct span expires;
	uint64_t when = 0;
	struct rd key = rd_of(out->key);

	if (!jrec_find(r, TAG_VALUE, &out->value) || out->value.n > STORE_VALUE_MAX)
		return -ZT_E_DAMAGED;
	if (jrec_find(r, TAG_EXPIRES, &expires) && !jrec_find_u64(r, TAG_EXPIRES, &when))
		return -ZT_E_DAMAGED;
	out->expires = (int64_t)when;
	if (out->space == STORE_COUNTER && out->value.n != 8)
		return -ZT_E_DAMAGED;
	if (out->space == STORE_EVENT)
		out->id = rd_be64(&key);
	return 0;
}

int srec_decode(const struct jrec *r, struct srec *out)
{
	struct span space;

	*out = (struct srec){0};
	if (r->version != SREC_VERSION || r->type < SREC_SET || r->type > SREC_LAST_EVENT)
		return -ZT_E_VERSION;
	out->type = (enum srec_type)r->type;
	if (out->type == SREC_LAST_EVENT)
		return jrec_find_u64(r, TAG_ID, &out->id) ? 0 : -ZT_E_DAMAGED;
	if (!jrec_find(r, TAG_SPACE, &space) || space.n != 1)
		return -ZT_E_DAMAGED;
	if (space.p[0] < STORE_VALUE || space.p[0] > STORE_EVENT)
		return -ZT_E_VERSION;
	out->space = (enum store_space)space.p[0];
	if (!jrec_find(r, TAG_KEY, &out->key) || out->key.n == 0 || out->key.n > STORE_KEY_MAX)
		return -ZT_E_DAMAGED;
	if (out->space == STORE_EVENT && out->key.n != 8)
		return -ZT_E_DAMAGED;
	return out->type == SREC_SET ? decode_set(r, out) : 0;
}
