/*
 * carec: the two tables of carec.h at work. Owns nothing. There is one spelling of a record: fields in
 * ascending order, numbers at their full width, nothing empty.
 */
#include "carec.h"

#include "base/num.h"

static const struct form {
	char kind;
	uint32_t unit;
	uint64_t most;
} forms[CAR_TAGS] = {
#define X(id, tag, kind, unit, most, text) [tag] = {kind, unit, most},
	CAREC_FIELDS(X)
#undef X
};

static const struct shape {
	uint64_t must, may;
	const char *text;
} shapes[CAREC_TYPE_END] = {
#define X(id, number, must, may, text) [number] = {must, may, text},
	CAREC_TYPES(X)
#undef X
};

_Static_assert(CAR_TAGS <= 64, "a bit for each field");

const char *carec_text(enum carec_type t)
{
	return (size_t)t < CAREC_TYPE_END && shapes[t].text ? shapes[t].text : "?";
}

void carec_num(struct carec *r, enum carec_field f, uint64_t v)
{
	r->num[f] = v;
	r->has |= CAR_BIT(f);
}

void carec_val(struct carec *r, enum carec_field f, struct span s)
{
	r->val[f] = s;
	if (s.n)
		r->has |= CAR_BIT(f);
}

static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool bytes_fit(const struct form *f, struct span s)
{
	return s.n && s.n <= f->most && s.n % f->unit == 0 && (f->kind == 'b' || is_text(s));
}

static bool fields_fit(enum carec_type type, uint64_t has)
{
	return (size_t)type < CAREC_TYPE_END && shapes[type].must && (has & shapes[type].must) == shapes[type].must &&
	       (has & ~(shapes[type].must | shapes[type].may)) == 0;
}

static struct span number_out(uint64_t v, uint32_t width, struct wr *w)
{
	size_t from = w->n;

	for (uint32_t i = 0; i < width; i++, v >>= 8)
		wr_u8(w, (uint8_t)v);
	return span_sub(wr_span(w), from, width);
}

static uint64_t number_in(struct span s)
{
	uint64_t v = 0;

	for (size_t i = s.n; i-- > 0;)
		v = v << 8 | s.p[i];
	return v;
}

int carec_encode(const struct carec *r, struct carec_tlvs *out)
{
	struct wr w = wr_of(out->mem, sizeof out->mem);

	out->n = 0;
	if (!fields_fit(r->type, r->has))
		return -ZT_E_BUG;
	for (enum carec_field tag = 1; tag < CAR_TAGS; tag++) {
		const struct form *f = &forms[tag];
		bool number = f->kind == 'n';

		if (!carec_has(r, tag))
			continue;
		if (number ? r->num[tag] > f->most : !bytes_fit(f, r->val[tag]))
			return -ZT_E_BUG;
		out->t[out->n++] = (struct jtlv){(uint16_t)tag, number ? number_out(r->num[tag], f->unit, &w) : r->val[tag]};
	}
	return 0;
}

static bool field_in(const struct jtlv *t, struct carec *out)
{
	const struct form *f = &forms[t->tag];

	out->has |= CAR_BIT(t->tag);
	if (f->kind != 'n') {
		out->val[t->tag] = t->value;
		return bytes_fit(f, t->value);
	}
	out->num[t->tag] = t->value.n == f->unit ? number_in(t->value) : 0;
	return t->value.n == f->unit && out->num[t->tag] <= f->most;
}

int carec_decode(const struct jrec *r, struct carec *out)
{
	struct span rest = r->tlvs;
	struct jtlv t;
	uint16_t last = 0;

	*out = (struct carec){0};
	if (r->version != CAREC_VERSION || r->type < CAREC_BEGIN || r->type >= CAREC_TYPE_END)
		return -ZT_E_VERSION;
	out->type = (enum carec_type)r->type;
	while (jtlv_next(&rest, &t)) {
		if (t.tag <= last || t.tag >= CAR_TAGS || !field_in(&t, out))
			return -ZT_E_DAMAGED;
		last = t.tag;
	}
	return fields_fit(out->type, out->has) ? 0 : -ZT_E_DAMAGED;
}
