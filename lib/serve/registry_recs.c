/*
 * registry_recs: state of the registry <-> records of wire/carec. Owns nothing.
 */
#include <string.h>

#include "base/num.h"
#include "serve/registry_int.h"

enum { FLAG_SUSPENDED = 1, FLAG_REVOKED = 2, FLAG_APPROVE = 1, FLAG_APPROVED = 1 };

bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= p[i];
	return all == 0;
}

static struct span bytes_or_none(const uint8_t *p, size_t n)
{
	return is_zero(p, n) ? SPAN_NONE : span_of(p, n);
}

size_t record_size(const struct carec *r)
{
	struct carec_tlvs t;

	return carec_encode(r, &t) == 0 ? jrec_size(t.t, t.n) : 0;
}

/* ---- state -> records ----------------------------------------------------------------------------- */

void rec_begin(struct carec *out, const struct reg_world *m)
{
	*out = (struct carec){.type = CAREC_BEGIN};
	carec_val(out, CAR_SPKI, span_of(m->spki, m->spki_n));
	carec_num(out, CAR_EPOCH, m->epoch);
	carec_num(out, CAR_NUMBER, m->list_upto);
	carec_num(out, CAR_JOINS, m->joins);
}

void rec_anchor(struct carec *out, const struct reg_anchor_row *a)
{
	*out = (struct carec){.type = CAREC_ANCHOR};
	carec_num(out, CAR_ANCHOR, a->a.anchor);
	carec_num(out, CAR_GENERATION, a->a.generation);
	carec_num(out, CAR_STATE, a->a.state);
	carec_num(out, CAR_AT, (uint64_t)a->a.since);
	carec_num(out, CAR_NUMBER, a->crl);
	carec_val(out, CAR_DER, a->a.der);
}

static void num_unless_zero(struct carec *out, enum carec_field f, int64_t v)
{
	if (v)
		carec_num(out, f, (uint64_t)v);
}

void rec_cert(struct carec *out, enum carec_type t, const struct reg_cert *c, struct span der)
{
	*out = (struct carec){.type = t};
	carec_val(out, CAR_SERIAL, span_of(c->serial, CERT_SERIAL));
	carec_val(out, CAR_PARENT, bytes_or_none(c->parent, CERT_SERIAL));
	carec_val(out, CAR_KEY, span_of(c->key, sizeof c->key));
	carec_val(out, CAR_TOKEN, bytes_or_none(c->token, TOKEN_ID));
	carec_val(out, CAR_ID, span_str(c->id));
	carec_val(out, CAR_NAME, span_str(c->name));
	carec_val(out, CAR_USER, span_str(c->user));
	carec_num(out, CAR_ROLE, c->role);
	carec_num(out, CAR_GENERATION, c->generation);
	carec_num(out, CAR_AT, (uint64_t)c->issued);
	carec_num(out, CAR_NOT_BEFORE, (uint64_t)c->not_before);
	carec_num(out, CAR_NOT_AFTER, (uint64_t)c->not_after);
	carec_val(out, CAR_DER, der);
	if (t == CAREC_ISSUED)
		return;
	num_unless_zero(out, CAR_SUPERSEDED, c->superseded);
	num_unless_zero(out, CAR_ENDED, c->ended);
	num_unless_zero(out, CAR_REASON, c->reason);
	num_unless_zero(out, CAR_FLAGS, (c->suspended ? FLAG_SUSPENDED : 0) | (c->revoked ? FLAG_REVOKED : 0));
	num_unless_zero(out, CAR_SEEN, c->seen);
}

void rec_join(struct carec *out, const struct reg_pending *p)
{
	*out = (struct carec){.type = CAREC_JOIN};
	carec_num(out, CAR_NUMBER, p->number);
	carec_val(out, CAR_TOKEN, span_of(p->token, TOKEN_ID));
	carec_val(out, CAR_KEY, span_of(p->key, sizeof p->key));
	carec_val(out, CAR_LABEL, span_str(p->label));
	carec_val(out, CAR_PEER, span_str(p->peer));
	carec_num(out, CAR_AT, (uint64_t)p->since);
	carec_num(out, CAR_FLAGS, p->approved ? FLAG_APPROVED : 0);
}

/* Tags of GeneralName: RFC 5280 section 4.2.1.6. Only these two are issued. */
static void write_sans(struct wr *w, const struct reg_token *t)
{
	for (size_t i = 0; i < t->nsans; i++)
		der_wr(w, t->san[i].kind == SAN_DNS ? DER_CTX(2) : DER_CTX(7), t->san[i].value);
}

int rec_token(struct carec *out, const struct reg_token *t, struct rec_token_mem *mem)
{
	struct wr cidrs = wr_of(mem->cidrs, sizeof mem->cidrs), sans = wr_of(mem->sans, sizeof mem->sans);

	*out = (struct carec){.type = CAREC_TOKEN};
	if (t->ncidr > ARRAY_LEN(t->cidr) || t->nsans > ARRAY_LEN(t->san))
		return -ZT_E_TOOLONG;
	for (size_t i = 0; i < t->ncidr; i++) {
		wr_u8(&cidrs, t->cidr[i].net.family);
		wr_u8(&cidrs, t->cidr[i].bits);
		wr_bytes(&cidrs, t->cidr[i].net.ip, 16);
	}
	write_sans(&sans, t);
	if (sans.full)
		return -ZT_E_TOOLONG;
	carec_val(out, CAR_TOKEN, span_of(t->id, TOKEN_ID));
	carec_val(out, CAR_SECRET, span_of(t->secret, TOKEN_SECRET));
	carec_num(out, CAR_ROLE, t->role);
	carec_val(out, CAR_NAME, span_str(t->name));
	carec_val(out, CAR_USER, span_str(t->user));
	carec_num(out, CAR_USES, t->uses);
	carec_num(out, CAR_USED, t->used);
	carec_num(out, CAR_AT, (uint64_t)t->created);
	carec_num(out, CAR_EXPIRES, (uint64_t)t->expires);
	carec_num(out, CAR_LIFETIME, (uint64_t)t->lifetime);
	carec_num(out, CAR_FLAGS, (t->approve ? FLAG_APPROVE : 0) | (t->revoked ? FLAG_REVOKED : 0));
	carec_val(out, CAR_CIDRS, wr_span(&cidrs));
	carec_val(out, CAR_SANS, wr_span(&sans));
	return 0;
}

/* ---- records -> state ----------------------------------------------------------------------------- */

static void copy_bytes(uint8_t *out, struct span s)
{
	if (s.n)
		memcpy(out, s.p, s.n);
}

/* The forms of wire/carec bound each of them, and none holds a NUL. */
static void copy_text(char *out, size_t cap, struct span s)
{
	int err = span_to_cstr(s, out, cap);

	ZT_ASSERT(err == 0);
}

void cert_of(struct reg_cert *out, const struct carec *r, uint64_t offset)
{
	uint64_t flags = r->num[CAR_FLAGS];

	*out = (struct reg_cert){
		.role = (enum cert_role)r->num[CAR_ROLE], .generation = (unsigned)r->num[CAR_GENERATION],
		.issued = (int64_t)r->num[CAR_AT], .not_before = (int64_t)r->num[CAR_NOT_BEFORE],
		.not_after = (int64_t)r->num[CAR_NOT_AFTER], .superseded = (int64_t)r->num[CAR_SUPERSEDED],
		.ended = (int64_t)r->num[CAR_ENDED], .reason = (int)r->num[CAR_REASON],
		.suspended = flags & FLAG_SUSPENDED, .revoked = flags & FLAG_REVOKED, .seen = (int64_t)r->num[CAR_SEEN],
		.offset = offset,
	};
	copy_bytes(out->serial, r->val[CAR_SERIAL]);
	copy_bytes(out->parent, r->val[CAR_PARENT]);
	copy_bytes(out->key, r->val[CAR_KEY]);
	copy_bytes(out->token, r->val[CAR_TOKEN]);
	copy_text(out->id, sizeof out->id, r->val[CAR_ID]);
	copy_text(out->name, sizeof out->name, r->val[CAR_NAME]);
	copy_text(out->user, sizeof out->user, r->val[CAR_USER]);
}

void token_of(struct reg_token *out, const struct carec *r)
{
	uint64_t flags = r->num[CAR_FLAGS];

	*out = (struct reg_token){
		.role = (enum cert_role)r->num[CAR_ROLE], .uses = (uint32_t)r->num[CAR_USES],
		.used = (uint32_t)r->num[CAR_USED], .created = (int64_t)r->num[CAR_AT],
		.expires = (int64_t)r->num[CAR_EXPIRES], .lifetime = (int64_t)r->num[CAR_LIFETIME],
		.approve = flags & FLAG_APPROVE, .revoked = flags & FLAG_REVOKED,
	};
	copy_bytes(out->id, r->val[CAR_TOKEN]);
	copy_bytes(out->secret, r->val[CAR_SECRET]);
	copy_text(out->name, sizeof out->name, r->val[CAR_NAME]);
	copy_text(out->user, sizeof out->user, r->val[CAR_USER]);
}

void join_of(struct reg_pending *out, const struct carec *r)
{
	*out = (struct reg_pending){.number = r->num[CAR_NUMBER], .since = (int64_t)r->num[CAR_AT],
				    .approved = r->num[CAR_FLAGS] & FLAG_APPROVED};
	copy_bytes(out->token, r->val[CAR_TOKEN]);
	copy_bytes(out->key, r->val[CAR_KEY]);
	copy_text(out->label, sizeof out->label, r->val[CAR_LABEL]);
	copy_text(out->peer, sizeof out->peer, r->val[CAR_PEER]);
}

int cidrs_of(struct reg_token *t, struct span bytes)
{
	struct rd r = rd_of(bytes);

	for (t->ncidr = 0; rd_left(&r) && t->ncidr < ARRAY_LEN(t->cidr); t->ncidr++) {
		struct addr_net *n = &t->cidr[t->ncidr];

		n->net.family = rd_u8(&r);
		n->bits = rd_u8(&r);
		copy_bytes(n->net.ip, rd_bytes(&r, 16));
		if (r.bad || !((n->net.family == 4 && n->bits <= 32) || (n->net.family == 6 && n->bits <= 128)))
			return -ZT_E_DAMAGED;
	}
	return rd_left(&r) ? -ZT_E_DAMAGED : 0;
}

int sans_of(struct reg_token *t, struct span der)
{
	for (t->nsans = 0; der.n; t->nsans++) {
		struct san s;

		if (t->nsans == ARRAY_LEN(t->san) || x509_san_next(&der, &s) != 1 || (s.kind != SAN_DNS && s.kind != SAN_IP))
			return -ZT_E_DAMAGED;
		t->san[t->nsans] = s;
	}
	return 0;
}

/* ---- record and certificate ----------------------------------------------------------------------- */

int cert_agrees(const struct reg_cert *c, struct span der, struct x509 *out, struct why *w)
{
	uint8_t pin[32];

	if (der.n > CAREC_DER || x509_read(out, der, NULL) < 0)
		return why_set(w, ZT_E_BUG, "what was to be registered is no certificate");
	x509_pin(out, pin);
	if (!span_eq(out->serial, span_of(c->serial, CERT_SERIAL)) || !span_eq(span_of(pin, 32), span_of(c->key, 32)) ||
	    out->not_before != c->not_before || out->not_after != c->not_after)
		return why_set(w, ZT_E_BUG, "the certificate and what was to be registered of it differ");
	return 0;
}
