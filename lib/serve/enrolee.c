/*
 * enrolee: the state machine of enrolee.h. Owns nothing but the state of one talk. It tells nobody
 * anything before the authority has proved itself: HELLO has nothing secret in it, and PROOF comes after
 * the proof of the other side.
 */
#include "enrolee.h"

#include <string.h>

#include "base/ct.h"
#include "base/num.h"

static void put(struct enrol *m, enum enrol_field f, struct span s)
{
	m->has[f] = true;
	m->field[f] = s;
}

static void put_u64(struct enrol *m, enum enrol_field f, uint64_t v, uint8_t mem[static 8])
{
	struct wr w = wr_of(mem, 8);

	wr_le64(&w, v);
	put(m, f, wr_span(&w));
}

static void begin_join(struct enrolee *e, const uint8_t *server, struct enrol *m)
{
	struct enrol_talk *t = &e->talk;

	*t = (struct enrol_talk){.role = e->token->role};
	memcpy(t->token, e->token->id, sizeof t->token);
	memcpy(t->server, server, sizeof t->server);
	random_bytes(t->nonce_j, sizeof t->nonce_j);
	sha256(e->csr, t->csr);
	m->type = ENROL_HELLO;
	put(m, ENF_TOKEN, span_of(t->token, sizeof t->token));
	put(m, ENF_NONCE, span_of(t->nonce_j, sizeof t->nonce_j));
	put(m, ENF_ROLE, span_of(&t->role, 1));
	put(m, ENF_CSR, e->csr);
	if (e->label.n)
		put(m, ENF_LABEL, e->label);
	e->state = ENROLEE_HELLO;
}

void enrolee_begin(struct enrolee *e, const uint8_t server[static 32], struct wr *out)
{
	uint8_t epoch[8], number[8];
	struct enrol m = {0};

	if (e->kind == ENROLEE_JOIN) {
		begin_join(e, server, &m);
	} else if (e->kind == ENROLEE_RENEW) {
		m.type = ENROL_RENEW;
		put(&m, ENF_CSR, e->csr);
		put(&m, ENF_SIGNATURE, e->signature);
		e->asked_for = true;
		e->state = ENROLEE_ASKED;
	} else {
		m.type = ENROL_WATCH;
		put(&m, ENF_INSTANCE, span_of(e->instance, sizeof e->instance));
		put_u64(&m, ENF_EPOCH, e->epoch, epoch);
		put_u64(&m, ENF_NUMBER, e->number, number);
		e->state = ENROLEE_WATCHES;
	}
	enrol_write(out, &m);
}

static enum enrolee_event failed(struct enrolee *e, struct why *w, enum zt_err err, const char *text)
{
	e->state = ENROLEE_OVER;
	why_set(w, err, "%s", text);
	return ENROLEE_FAILED;
}

/* What it says is for people, and it may be anybody who says it: nothing that could drive a terminal is
 * passed on. */
static enum enrolee_event refused(struct enrolee *e, const struct enrol *m, struct why *w)
{
	char text[400];
	struct span s = m->has[ENF_TEXT] ? m->field[ENF_TEXT] : SPAN_NONE;
	size_t n = num_min(s.n, sizeof text - 1);
	enum zt_err err = (enum zt_err)enrol_u64(m, ENF_CODE);

	for (size_t i = 0; i < n; i++)
		text[i] = s.p[i] < ' ' || s.p[i] > '~' ? '?' : (char)s.p[i];
	text[n] = 0;
	e->state = ENROLEE_OVER;
	e->refused = true;
	if (err == ZT_OK || err_name(err)[0] == '?') /* a later version's */
		err = ZT_E_DENIED;
	why_set(w, err, "the authority refused: %s", n ? text : err_text(err));
	return ENROLEE_FAILED;
}

static enum enrolee_event challenged(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w)
{
	struct enrol answer = {.type = ENROL_PROOF_J};
	uint8_t proof[ENROL_PROOF];
	bool good;

	memcpy(e->talk.nonce_a, m->field[ENF_NONCE].p, sizeof e->talk.nonce_a);
	enrol_proof(&e->talk, e->token->secret, ENROL_BY_AUTHORITY, proof);
	good = ct_eq(proof, m->field[ENF_PROOF].p, sizeof proof);
	ct_public(&good, sizeof good);
	if (!good) /* with the right key in TLS it is the token that is not known, nearly always */
		return failed(e, w, ZT_E_TOKEN, "whoever answers could not prove that it knows this token's secret: the authority "
			      "forgot the token or never had it, or somebody has its key; nothing was told to it");
	enrol_proof(&e->talk, e->token->secret, ENROL_BY_JOINER, proof);
	put(&answer, ENF_PROOF, span_of(proof, sizeof proof));
	enrol_write(out, &answer);
	e->asked_for = true;
	e->state = ENROLEE_PROVED;
	return ENROLEE_SAY;
}

/* A renewal has no proof: the TLS connection is one. */
static bool grant_is_proved(const struct enrolee *e, const struct enrol *m)
{
	uint8_t proof[ENROL_PROOF];
	bool good;

	if (e->kind != ENROLEE_JOIN)
		return true;
	if (!m->has[ENF_PROOF])
		return false;
	enrol_grant_proof(&e->talk, e->token->secret, m, proof);
	good = ct_eq(proof, m->field[ENF_PROOF].p, sizeof proof);
	ct_public(&good, sizeof good);
	return good;
}

static enum enrolee_event granted(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w)
{
	(void)out;
	e->state = ENROLEE_OVER;
	if (!grant_is_proved(e, m))
		return failed(e, w, ZT_E_DENIED, "what was granted is not proved to come from the authority; it was not taken");
	return authority_granted(m, &e->asked, w) < 0 ? ENROLEE_FAILED : ENROLEE_GRANTED;
}

static enum enrolee_event pending(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w)
{
	(void)m;
	(void)out;
	(void)w;
	e->state = ENROLEE_OVER;
	return ENROLEE_PENDING;
}

static enum enrolee_event listed(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w)
{
	(void)e;
	(void)m;
	(void)out;
	(void)w;
	return ENROLEE_LIST;
}

static enum enrolee_event anchors(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w)
{
	(void)out;
	if (authority_anchors(m, &e->asked, w) == 0)
		return ENROLEE_ANCHORS;
	e->state = ENROLEE_OVER;
	return ENROLEE_FAILED;
}

/* What may come when. REFUSED may come at any time. */
static const struct {
	int state;
	enum enrol_type type;
	enum enrolee_event (*take)(struct enrolee *e, const struct enrol *m, struct wr *out, struct why *w);
} moves[] = {
	{ENROLEE_HELLO, ENROL_CHALLENGE, challenged}, {ENROLEE_PROVED, ENROL_GRANTED, granted},
	{ENROLEE_PROVED, ENROL_PENDING, pending},     {ENROLEE_ASKED, ENROL_GRANTED, granted},
	{ENROLEE_WATCHES, ENROL_LIST, listed},        {ENROLEE_WATCHES, ENROL_ANCHORS, anchors},
};

enum enrolee_event enrolee_take(struct enrolee *e, struct span in, size_t *used, struct wr *out, struct enrol *m,
				struct why *w)
{
	int n = enrol_read(in, 'a', m);

	*used = 0;
	if (n == ZT_MORE)
		return ENROLEE_MORE;
	if (n < 0)
		return failed(e, w, ZT_E_DENIED, "whoever answers does not speak " ENROL_ALPN);
	*used = (size_t)n;
	if (m->type == ENROL_REFUSED && e->state != ENROLEE_OVER)
		return refused(e, m, w);
	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (moves[i].state == (int)e->state && moves[i].type == m->type)
			return moves[i].take(e, m, out, w);
	return failed(e, w, ZT_E_DENIED, "the authority said something that has no place here");
}

uint32_t enrolee_after(const struct enrol *m)
{
	uint64_t s = enrol_u64(m, ENF_AFTER);

	return s < 1 ? 1 : (uint32_t)num_min64(s, 60);
}

size_t enrolee_room(const struct enrolee *e)
{
	return e->kind == ENROLEE_WATCH ? ENROL_LIST_MAX : ENROL_MAX;
}
