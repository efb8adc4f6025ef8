/*
 * issuer: new, free, which message goes where, and the facts about the authority. Owns the struct and
 * nothing that is written down; a message without a row is refused.
 */
#include "issuer.h"

#include <stdlib.h>

#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "issuer_int.h"

static const struct {
	enum casign_type type;
	issuer_handler *answer;
} handlers[] = {
	{CA_FACTS, issuer_facts},
	{CA_ISSUE, issuer_issue},
	{CA_RENEW, issuer_renew},
	{CA_REVOKE, issuer_revoke},
	{CA_SUSPEND, issuer_suspend},
	{CA_ENTRIES, issuer_entries},
	{CA_SHOW, issuer_show},
	{CA_LIST, issuer_list},
	{CA_TOKEN_NEW, issuer_token_new},
	{CA_TOKENS, issuer_tokens},
	{CA_TOKEN_REVOKE, issuer_token_revoke},
	{CA_PENDINGS, issuer_pendings},
	{CA_SETTLE, issuer_settle},
	{CA_ENROL, issuer_enrol},
	{CA_PROVE, issuer_prove},
	{CA_SEEN, issuer_seen},
	{CA_ROLL, issuer_roll},
	{CA_ADOPT, issuer_adopt},
	{CA_EPOCH, issuer_epoch},
};

int issuer_new(struct issuer **out, const struct issuer_opts *o, struct why *w)
{
	struct issuer *is = calloc(1, sizeof *is);

	if (!is)
		return why_set(w, ZT_E_NOMEM, "no memory for the authority's answers");
	is->o = *o;
	*out = is;
	return 0;
}

void issuer_free(struct issuer *is)
{
	if (!is)
		return;
	issuer_talks_free(is);
	issuer_lists_free(is);
	issuer_crls_free(is);
	free(is->seen.row);
	free(is);
}

void issuer_set_times(struct issuer *is, uint64_t crl_ms, uint64_t list_ms)
{
	is->o.crl_ms = crl_ms;
	is->o.list_ms = list_ms;
}

bool issuer_news(struct issuer *is)
{
	bool news = is->news;

	is->news = false;
	return news;
}

void issuer_changed(struct issuer *is)
{
	is->news = is->dirty = true;
}

int64_t issuer_now(const struct issuer *is)
{
	return clock_wall(is->o.clock) / 1000;
}

bool issuer_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

bool issuer_flag(const struct casign *m, enum casign_field f)
{
	return casign_u64(m, f) != 0;
}

void issuer_put_num(const struct issuer_ask *ask, struct casign *out, enum casign_field f, uint64_t v)
{
	uint8_t *mem = arena_get(ask->mem, 8);

	if (mem)
		casign_put_num(out, f, v, mem);
}

void issuer_put_copy(const struct issuer_ask *ask, struct casign *out, enum casign_field f, const void *p, size_t n)
{
	struct span copy = arena_span(ask->mem, span_of(p, n));

	if (copy.p)
		casign_put(out, f, copy);
}

static const enum casign_field trust_fields[ANCHORS] = {
	[ANCHOR_INFRA] = CAF_INFRA, [ANCHOR_DEVICE] = CAF_DEVICE, [ANCHOR_ACME] = CAF_ACME,
};

void issuer_put_trust(struct issuer *is, const struct issuer_ask *ask, struct casign *out, enum cert_anchor a)
{
	size_t room = 0;
	struct wr w;

	for (size_t i = 0; i < is->nanchors; i++)
		if (is->anchor[i].anchor == a && is->anchor[i].state != ANCHOR_RETIRED)
			room += is->anchor[i].der.n;
	if (room == 0)
		return;
	w = wr_of(arena_get(ask->mem, room), room);
	for (size_t i = 0; i < is->nanchors && w.p; i++)
		if (is->anchor[i].anchor == a && is->anchor[i].state != ANCHOR_RETIRED)
			wr_put(&w, is->anchor[i].der);
	if (w.p)
		casign_put(out, trust_fields[a], wr_span(&w));
}

/* Each anchor goes from next over signs and old to retired and never back, and none is forgotten: what they
 * have gone together is a number that goes up with every change. */
static struct trust_order trust_order(const struct issuer *is)
{
	struct trust_order o = {.epoch = registry_epoch(is->o.registry)};

	for (size_t i = 0; i < is->nanchors; i++)
		o.number += 1 + (uint64_t)is->anchor[i].state;
	return o;
}

/* Who carries the anchors to those who trust them must not be able to add one. */
static void put_order(struct issuer *is, const struct issuer_ask *ask, struct casign *out)
{
	const struct pk_private *key = is->o.registry_key(is->o.ctx);
	struct span anchors[ENROLSIG_ANCHORS];
	struct wr w = wr_of(arena_get(ask->mem, ENROLSIG_TRUST), ENROLSIG_TRUST);

	for (size_t i = 0; i < ARRAY_LEN(anchors); i++)
		anchors[i] = out->has[trust_fields[i]] ? out->field[trust_fields[i]] : SPAN_NONE;
	if (key && w.p && enrolsig_trust(&w, key, trust_order(is), anchors) == 0)
		casign_put(out, CAF_TRUST, wr_span(&w));
}

void issuer_put_trusts(struct issuer *is, const struct issuer_ask *ask, struct casign *out)
{
	for (unsigned a = 0; a < ANCHORS; a++)
		issuer_put_trust(is, ask, out, (enum cert_anchor)a);
	casign_put(out, CAF_REGISTRY, registry_key(is->o.registry));
	put_order(is, ask, out);
}

static const char *const anchor_states[] = {
	[ANCHOR_NEXT] = "next", [ANCHOR_SIGNS] = "signs", [ANCHOR_OLD] = "old", [ANCHOR_RETIRED] = "retired",
};

static void anchor_line(struct issuer *is, const struct reg_anchor *a, struct wr *w)
{
	uint8_t pin[32];
	char hex[64];
	struct x509 cert;
	struct jsonw j;

	if (x509_read(&cert, a->der, NULL) < 0)
		return; /* what the registry gave out was an anchor when it came in */
	x509_pin(&cert, pin);
	ct_hex_encode(pin, sizeof pin, hex);
	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	jsonw_key(&j, "anchor");
	jsonw_str(&j, anchor_name(a->anchor));
	jsonw_key(&j, "generation");
	jsonw_u64(&j, a->generation);
	jsonw_key(&j, "state");
	jsonw_str(&j, anchor_states[a->state]);
	jsonw_key(&j, "since");
	jsonw_i64(&j, a->since);
	jsonw_key(&j, "not_after");
	jsonw_i64(&j, cert.not_after);
	jsonw_key(&j, "pin");
	jsonw_span(&j, span_of(hex, sizeof hex));
	jsonw_key(&j, "key");
	jsonw_bool(&j, is->o.anchor_key(is->o.ctx, a->anchor, a->generation) != NULL);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

#define ANCHOR_LINE 320 /* names, four numbers of 20 digits, 64 of the pin: 260 */

int issuer_facts(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	struct wr lines = wr_of(arena_get(ask->mem, ISSUER_ANCHORS * ANCHOR_LINE), ISSUER_ANCHORS * ANCHOR_LINE);
	unsigned keys = is->o.registry_key(is->o.ctx) ? CA_KEY_REGISTRY : 0;

	if (!lines.p)
		return why_set(w, ZT_E_NOMEM, "no memory for the facts");
	for (size_t i = 0; i < is->nanchors; i++) {
		const struct reg_anchor *a = &is->anchor[i];

		if (a->state == ANCHOR_SIGNS && is->o.anchor_key(is->o.ctx, a->anchor, a->generation))
			keys |= CA_KEY_BIT(a->anchor);
		anchor_line(is, a, &lines);
	}
	issuer_put_trusts(is, ask, out);
	casign_put(out, CAF_JSON, wr_span(&lines));
	issuer_put_num(ask, out, CAF_KEYS, keys);
	issuer_put_num(ask, out, CAF_EPOCH, registry_epoch(is->o.registry));
	issuer_put_num(ask, out, CAF_TOTAL, registry_count(is->o.registry));
	return 0;
}

void issuer_look(struct issuer *is)
{
	is->nanchors = registry_anchors(is->o.registry, is->anchor, ISSUER_ANCHORS);
}

int issuer_answer(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	int rc = why_set(NULL, ZT_E_UNKNOWN, "?");

	*out = (struct casign){.type = CA_OK};
	issuer_look(is);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == ask->in->type)
			rc = handlers[i].answer(is, ask, out, w);
	if (rc == 0 && !casign_answers(ask->in->type, out)) /* a field found no room in mem */
		return why_set(w, ZT_E_NOMEM, "no memory for the answer");
	if (rc < 0)
		why_set(w, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc)); /* unless there is a sentence */
	return rc;
}
