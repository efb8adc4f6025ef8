/*
 * issuer_show: certificates, tokens and joins that wait, as JSON, a line each. Owns what is shown of them,
 * which is never a secret; docs/formats.md has the members.
 */
#include "base/ct.h"
#include "base/jsonw.h"
#include "base/num.h"
#include "issuer_int.h"

#define LINE_MAX_BYTES 2048 /* the longest there can be, a token with eight networks and escapes, has 1,500 */
#define SCAN_MOST 65536     /* entries looked at for one answer, so that nobody else waits for long */

/* ---- a page of lines --------------------------------------------------------------------------- */

struct page {
	struct wr w;
	uint64_t at, next; /* the index that is looked at; where to go on, 0: it was all */
	uint64_t total;
};

static int page_begin(struct page *p, const struct issuer_ask *ask, uint64_t total, struct why *w)
{
	*p = (struct page){.w = wr_of(arena_get(ask->mem, CASIGN_PART), CASIGN_PART), .total = total,
			   .at = casign_u64(ask->in, CAF_INDEX)};
	return p->w.p ? 0 : why_set(w, ZT_E_NOMEM, "no memory for the answer");
}

/* Is there room for one more? Else the page ends here. */
static bool page_room(struct page *p, uint64_t from)
{
	if (p->w.cap - p->w.n >= LINE_MAX_BYTES && p->at - from < SCAN_MOST)
		return true;
	p->next = p->at;
	return false;
}

static void page_put(const struct page *p, const struct issuer_ask *ask, struct casign *out)
{
	casign_put(out, CAF_JSON, wr_span(&p->w));
	issuer_put_num(ask, out, CAF_TOTAL, p->total);
	if (p->next)
		issuer_put_num(ask, out, CAF_INDEX, p->next);
}

static void key_hex(struct jsonw *j, const char *key, const uint8_t *p, size_t n)
{
	char hex[64];

	ct_hex_encode(p, n, hex);
	jsonw_key(j, key);
	jsonw_span(j, span_of(hex, 2 * n));
}

static void key_str(struct jsonw *j, const char *key, const char *v)
{
	jsonw_key(j, key);
	jsonw_str(j, v);
}

static void key_i64(struct jsonw *j, const char *key, int64_t v)
{
	jsonw_key(j, key);
	jsonw_i64(j, v);
}

/* ---- certificates ----------------------------------------------------------------------------------- */

static void cert_line(struct wr *w, const struct reg_cert *c, const struct issuer_worth *worth)
{
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	key_hex(&j, "serial", c->serial, CERT_SERIAL);
	key_str(&j, "id", c->id);
	key_str(&j, "name", c->name);
	key_str(&j, "user", c->user);
	key_str(&j, "role", cert_role(c->role)->name);
	key_str(&j, "anchor", anchor_name(cert_role(c->role)->anchor));
	key_i64(&j, "generation", c->generation);
	key_str(&j, "state", cert_state_name(worth->state));
	key_i64(&j, "issued", c->issued);
	key_i64(&j, "not_before", c->not_before);
	key_i64(&j, "not_after", c->not_after);
	key_i64(&j, "superseded", c->superseded);
	key_i64(&j, "ended", worth->since);
	key_i64(&j, "reason", worth->reason);
	key_i64(&j, "seen", c->seen);
	key_hex(&j, "key", c->key, sizeof c->key);
	if (!issuer_zero(c->parent, CERT_SERIAL))
		key_hex(&j, "parent", c->parent, CERT_SERIAL);
	if (!issuer_zero(c->token, TOKEN_ID))
		key_hex(&j, "token", c->token, TOKEN_ID);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

static bool is_wanted(const struct casign *in, const struct reg_cert *c, const struct issuer_worth *worth)
{
	if (in->has[CAF_ROLE] && casign_u64(in, CAF_ROLE) != c->role)
		return false;
	if (in->has[CAF_USER] && !span_eq_str(in->field[CAF_USER], c->user))
		return false;
	return worth->live || issuer_flag(in, CAF_RETIRED);
}

int issuer_entries(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t from = casign_u64(ask->in, CAF_INDEX);
	int64_t now = issuer_now(is);
	const struct reg_cert *c;
	struct page p;
	int rc = page_begin(&p, ask, registry_count(is->o.registry), w);

	if (rc < 0)
		return rc;
	for (; (c = registry_at(is->o.registry, p.at)) && page_room(&p, from); p.at++) {
		struct issuer_worth worth;

		issuer_judge(is, c, now, &worth);
		if (is_wanted(ask->in, c, &worth))
			cert_line(&p.w, c, &worth);
	}
	page_put(&p, ask, out);
	return 0;
}

static int find_one(struct issuer *is, const struct casign *in, const struct reg_cert **out, struct why *w)
{
	if (in->has[CAF_SERIAL] + in->has[CAF_NAME] + in->has[CAF_ID] != 1)
		return why_set(w, ZT_E_USAGE, "name one: a serial, a name or an id");
	*out = in->has[CAF_SERIAL] ? registry_find(is->o.registry, in->field[CAF_SERIAL].p)
				   : registry_by_name(is->o.registry, in->field[in->has[CAF_NAME] ? CAF_NAME : CAF_ID]);
	return *out ? 0 : why_set(w, ZT_E_NOTFOUND, "this authority has issued no such certificate");
}

int issuer_show(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	struct wr line = wr_of(arena_get(ask->mem, LINE_MAX_BYTES), LINE_MAX_BYTES);
	const struct reg_cert *c = NULL;
	struct issuer_made made;
	struct issuer_worth worth;
	int rc = find_one(is, ask->in, &c, w);

	if (rc == 0 && c)
		rc = line.p ? issuer_made_before(is, c, ask->mem, &made, w) : why_set(w, ZT_E_NOMEM, "no memory for the answer");
	if (rc < 0 || !c)
		return rc;
	issuer_judge(is, c, issuer_now(is), &worth);
	cert_line(&line, c, &worth);
	casign_put(out, CAF_JSON, wr_span(&line));
	issuer_put_made(ask, out, &made);
	return 0;
}

/* ---- tokens ---------------------------------------------------------------------------------------- */

static void token_nets(struct jsonw *j, const struct reg_token *t)
{
	char text[ADDR_TEXT + 4];

	jsonw_key(j, "cidr");
	jsonw_open(j, '[');
	for (size_t i = 0; i < t->ncidr; i++) {
		struct wr w = wr_of(text, sizeof text);

		addr_write_ip(&w, &t->cidr[i].net);
		wr_fmt(&w, "/%u", t->cidr[i].bits);
		jsonw_span(j, wr_span(&w));
	}
	jsonw_close(j, ']');
}

static void token_line(struct wr *w, const struct reg_token *t, int64_t now)
{
	char name[TOKEN_NAME];
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	key_str(&j, "token", token_name(t->id, name));
	key_hex(&j, "id", t->id, TOKEN_ID);
	key_str(&j, "role", cert_role(t->role)->name);
	key_str(&j, "name", t->name);
	key_str(&j, "user", t->user);
	key_str(&j, "state", issuer_token_state_name(issuer_token_state(t, now)));
	key_i64(&j, "uses", t->uses);
	key_i64(&j, "used", t->used);
	key_i64(&j, "created", t->created);
	key_i64(&j, "expires", t->expires);
	key_i64(&j, "lifetime", t->lifetime);
	jsonw_key(&j, "approve");
	jsonw_bool(&j, t->approve);
	token_nets(&j, t);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

int issuer_tokens(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t from = casign_u64(ask->in, CAF_INDEX);
	int64_t now = issuer_now(is);
	const struct reg_token *t;
	struct page p;
	int rc = page_begin(&p, ask, 0, w);

	if (rc < 0)
		return rc;
	for (; (t = registry_token_at(is->o.registry, p.at)) && page_room(&p, from); p.at++)
		if (issuer_flag(ask->in, CAF_RETIRED) || issuer_token_state(t, now) == TOKEN_GOOD)
			token_line(&p.w, t, now);
	while (registry_token_at(is->o.registry, p.total))
		p.total++;
	page_put(&p, ask, out);
	return 0;
}

/* ---- joins that wait --------------------------------------------------------------------------------- */

static void pending_line(struct issuer *is, struct wr *w, const struct reg_pending *q)
{
	const struct reg_token *t = registry_token(is->o.registry, q->token);
	char name[TOKEN_NAME];
	struct jsonw j;

	jsonw_init(&j, w);
	jsonw_open(&j, '{');
	key_i64(&j, "number", (int64_t)q->number);
	key_str(&j, "token", token_name(q->token, name));
	key_str(&j, "role", t ? cert_role(t->role)->name : NULL);
	key_str(&j, "name", t ? t->name : NULL);
	key_str(&j, "label", q->label);
	key_str(&j, "peer", q->peer);
	key_hex(&j, "key", q->key, sizeof q->key);
	key_i64(&j, "since", q->since);
	jsonw_key(&j, "approved");
	jsonw_bool(&j, q->approved);
	jsonw_close(&j, '}');
	wr_u8(w, '\n');
}

int issuer_pendings(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t from = casign_u64(ask->in, CAF_INDEX);
	const struct reg_pending *q;
	struct page p;
	int rc = page_begin(&p, ask, 0, w);

	if (rc < 0)
		return rc;
	for (; (q = registry_pending_at(is->o.registry, p.at)) && page_room(&p, from); p.at++)
		pending_line(is, &p.w, q);
	while (registry_pending_at(is->o.registry, p.total))
		p.total++;
	page_put(&p, ask, out);
	return 0;
}
