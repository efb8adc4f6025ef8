/*
 * enrold: see enrold.h. Owns the order of the talk, and which sentence of ca-sign a stranger may read.
 * It decides nothing, signs nothing, and knows no proof from a wrong one.
 */
#include "enrold.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static void say_put(struct enrol *m, enum enrol_field f, struct span s)
{
	m->has[f] = true;
	m->field[f] = s;
}

static void say_num(struct enrold_out *o, enum enrol_field f, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		o->num[i] = (uint8_t)(v >> 8 * i);
	say_put(&o->say, f, span_of(o->num, bytes));
}

void enrold_init(struct enrold *e, const char *peer, const uint8_t server[static SHA256_LEN])
{
	*e = (struct enrold){.state = ENROLD_FIRST};
	snprintf(e->peer, sizeof e->peer, "%s", peer);
	memcpy(e->server, server, SHA256_LEN);
}

/* ---- refusals ------------------------------------------------------------------------------ */

/* Codes whose sentence is about what the peer did. With any other it learns that it is not its fault;
 * the sentence may name files of the authority, and is for its log. */
static const enum zt_err for_peers[] = {
	ZT_E_TOKEN, ZT_E_DENIED, ZT_E_KEY, ZT_E_RANGE, ZT_E_SYNTAX, ZT_E_DUP, ZT_E_TOOLONG, ZT_E_UNKNOWN, ZT_E_MISSING,
	ZT_E_AGAIN, ZT_E_FULL, ZT_E_TIMEOUT, ZT_E_EXISTS, ZT_E_NOTFOUND,
};

static bool is_for_peers(enum zt_err code)
{
	for (size_t i = 0; i < ARRAY_LEN(for_peers); i++)
		if (for_peers[i] == code)
			return true;
	return false;
}

enum enrold_do enrold_refuse(struct enrold *e, enum zt_err code, const char *text, struct enrold_out *o)
{
	const char *shown = text && text[0] ? text : err_text(code);

	e->state = ENROLD_OVER;
	e->code = code;
	snprintf(o->text, sizeof o->text, "%s", shown);
	o->say = (struct enrol){.type = ENROL_REFUSED};
	say_num(o, ENF_CODE, (uint64_t)code, 2);
	if (!is_for_peers(code))
		shown = "the authority cannot do it now; its own log says why";
	else
		shown = o->text;
	say_put(&o->say, ENF_TEXT, span_str(shown));
	return ENROLD_BYE;
}

static enum enrold_do refuse_why(struct enrold *e, const struct why *why, struct enrold_out *o)
{
	return enrold_refuse(e, why->err ? why->err : ZT_E_BUG, why->text, o);
}

/* ---- what the peer says -------------------------------------------------------------------- */

static void ask_put(struct enrold_out *o, enum casign_field f, struct span s)
{
	if (s.n)
		casign_put(&o->ask, f, s);
}

static enum enrold_do heard_hello(struct enrold *e, const struct enrol *m, struct enrold_out *o)
{
	e->state = ENROLD_ENROL;
	memcpy(e->token, m->field[ENF_TOKEN].p, sizeof e->token); /* enrol_read() knows how long it is */
	e->role = m->field[ENF_ROLE].p[0];
	o->ask = (struct casign){.type = CA_ENROL};
	ask_put(o, CAF_TOKEN, m->field[ENF_TOKEN]);
	ask_put(o, CAF_NONCE, m->field[ENF_NONCE]);
	ask_put(o, CAF_ROLE, m->field[ENF_ROLE]);
	ask_put(o, CAF_CSR, m->field[ENF_CSR]);
	ask_put(o, CAF_LABEL, m->field[ENF_LABEL]);
	ask_put(o, CAF_PEER, span_str(e->peer));
	ask_put(o, CAF_SERVER, span_of(e->server, sizeof e->server));
	return ENROLD_ASK;
}

static enum enrold_do heard_proof(struct enrold *e, const struct enrol *m, struct enrold_out *o)
{
	e->state = ENROLD_PROVE;
	o->ask = (struct casign){.type = CA_PROVE};
	ask_put(o, CAF_TALK, span_of(e->talk, sizeof e->talk));
	ask_put(o, CAF_PROOF, m->field[ENF_PROOF]);
	return ENROLD_ASK;
}

static enum enrold_do heard_renew(struct enrold *e, const struct enrol *m, struct enrold_out *o)
{
	e->state = ENROLD_RENEW;
	o->ask = (struct casign){.type = CA_RENEW};
	ask_put(o, CAF_SERIAL, span_of(e->serial, sizeof e->serial));
	ask_put(o, CAF_CSR, m->field[ENF_CSR]);
	ask_put(o, CAF_SIGNATURE, m->field[ENF_SIGNATURE]);
	ask_put(o, CAF_PEER, span_str(e->peer));
	return ENROLD_ASK;
}

static enum enrold_do ask_seen(struct enrold *e, enum enrold_state state, struct enrold_out *o)
{
	e->state = (uint8_t)state;
	o->ask = (struct casign){.type = CA_SEEN};
	ask_put(o, CAF_SERIAL, span_of(e->serial, sizeof e->serial));
	ask_put(o, CAF_INSTANCE, span_of(e->instance, sizeof e->instance));
	ask_put(o, CAF_PEER, span_str(e->peer));
	return ENROLD_ASK;
}

static enum enrold_do heard_watch(struct enrold *e, const struct enrol *m, struct enrold_out *o)
{
	memcpy(e->instance, m->field[ENF_INSTANCE].p, sizeof e->instance);
	e->epoch = enrol_u64(m, ENF_EPOCH);
	e->number = enrol_u64(m, ENF_NUMBER);
	return ask_seen(e, ENROLD_FIRST_SEEN, o);
}

static const struct row {
	enum enrol_type type;
	enum enrold_state in;
	bool who; /* the holder of a certificate only */
	enum enrold_do (*heard)(struct enrold *e, const struct enrol *m, struct enrold_out *o);
} rows[] = {
	{ENROL_HELLO, ENROLD_FIRST, false, heard_hello},
	{ENROL_PROOF_J, ENROLD_CHALLENGED, false, heard_proof},
	{ENROL_RENEW, ENROLD_FIRST, true, heard_renew},
	{ENROL_WATCH, ENROLD_FIRST, true, heard_watch},
};

static const struct row *row_of(enum enrol_type t, unsigned state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == t && (unsigned)rows[i].in == state)
			return &rows[i];
	return NULL;
}

/* Known from the header alone, so that nobody waits for what is refused anyway. */
static bool is_too_long(struct span in)
{
	struct rd r = rd_of(span_sub(in, 4, 4));
	uint32_t n = rd_le32(&r);

	return !r.bad && n > ENROLD_IN - ENROL_HEADER;
}

enum enrold_do enrold_heard(struct enrold *e, struct span in, size_t *used, struct enrold_out *o)
{
	const struct row *row;
	struct enrol m;
	int n = enrol_read(in, 'j', &m);

	*used = 0;
	if (n == -ZT_E_TOOLONG || (n == ZT_MORE && is_too_long(in)))
		return enrold_refuse(e, ZT_E_TOOLONG, "this is longer than anything a joiner has to say", o);
	if (n < 0)
		return enrold_refuse(e, (enum zt_err)-n, "this is not what a joiner says in zt-enrol/1", o);
	if (n == ZT_MORE)
		return ENROLD_MORE;
	row = row_of(m.type, e->state);
	if (row == NULL)
		return enrold_refuse(e, ZT_E_SYNTAX, "this has no place here: it was not its turn", o);
	if (e->state == ENROLD_FIRST)
		e->began = m.type;
	if (row->who && !e->is_known)
		return ENROLD_WHO;
	*used = (size_t)n;
	return row->heard(e, &m, o);
}

enum enrold_do enrold_known(struct enrold *e, const uint8_t *serial, const struct why *why, struct enrold_out *o)
{
	if (serial == NULL)
		return refuse_why(e, why, o);
	memcpy(e->serial, serial, sizeof e->serial);
	e->is_known = true;
	return ENROLD_MORE;
}

/* ---- what ca-sign says --------------------------------------------------------------------- */

static enum enrold_do say_challenge(struct enrold *e, const struct casign *ok, uint32_t line, struct enrold_out *o)
{
	e->state = ENROLD_CHALLENGED;
	e->line = line;
	memcpy(e->talk, ok->field[CAF_TALK].p, sizeof e->talk); /* casign_answers() knows how long it is */
	o->say = (struct enrol){.type = ENROL_CHALLENGE};
	say_put(&o->say, ENF_NONCE, ok->field[CAF_NONCE]);
	say_put(&o->say, ENF_PROOF, ok->field[CAF_PROOF]);
	return ENROLD_SAY;
}

/* What was granted, field by field: the proof in it is over exactly these. */
static enum enrold_do say_granted(struct enrold *e, const struct casign *ok, struct enrold_out *o)
{
	static const struct {
		enum casign_field from;
		enum enrol_field to;
	} same[] = {
		{CAF_CHAIN, ENF_CHAIN}, {CAF_INFRA, ENF_INFRA},       {CAF_DEVICE, ENF_DEVICE},
		{CAF_ACME, ENF_ACME},   {CAF_REGISTRY, ENF_REGISTRY}, {CAF_PROOF, ENF_PROOF},
		{CAF_TRUST, ENF_TRUST},
	};

	e->state = ENROLD_OVER;
	o->say = (struct enrol){.type = ENROL_GRANTED};
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		if (ok->has[same[i].from])
			say_put(&o->say, same[i].to, ok->field[same[i].from]);
	memcpy(e->id, ok->field[CAF_ID].p, num_min(sizeof e->id, ok->field[CAF_ID].n));
	return ENROLD_BYE;
}

static enum enrold_do say_pending(struct enrold *e, const struct casign *ok, struct enrold_out *o)
{
	e->state = ENROLD_OVER;
	o->say = (struct enrol){.type = ENROL_PENDING};
	say_num(o, ENF_AFTER, casign_u64(ok, CAF_PENDING), 4);
	say_put(&o->say, ENF_TEXT, SPAN_LIT("somebody has to approve this join at the authority: zt ca pending"));
	return ENROLD_BYE;
}

static enum enrold_do answered_no(struct enrold *e, const struct why *no, struct enrold_out *o)
{
	/* Of one who watches already only a plain no is the end: a ca-sign that is being started again, or
	 * a full disk, is nothing that a watcher has to know. */
	if (e->state == ENROLD_SEEN && no->err != ZT_E_DENIED) {
		e->state = ENROLD_WATCHING;
		return ENROLD_WATCH;
	}
	return refuse_why(e, no, o);
}

enum enrold_do enrold_answered(struct enrold *e, const struct casign *ok, const struct why *no, uint32_t line,
			       struct enrold_out *o)
{
	if (ok == NULL)
		return answered_no(e, no, o);
	switch ((enum enrold_state)e->state) {
	case ENROLD_ENROL:
		return say_challenge(e, ok, line, o);
	case ENROLD_PROVE:
		return ok->has[CAF_PENDING] ? say_pending(e, ok, o) : say_granted(e, ok, o);
	case ENROLD_RENEW:
		return say_granted(e, ok, o);
	case ENROLD_FIRST_SEEN:
	case ENROLD_SEEN:
		e->state = ENROLD_WATCHING;
		return ENROLD_WATCH;
	case ENROLD_FIRST:
	case ENROLD_CHALLENGED:
	case ENROLD_WATCHING:
	case ENROLD_OVER:
		break;
	}
	return enrold_refuse(e, ZT_E_BUG, "ca-sign answered what was not asked", o);
}

enum enrold_do enrold_beat(struct enrold *e, struct enrold_out *o)
{
	return e->state == ENROLD_WATCHING ? ask_seen(e, ENROLD_SEEN, o) : ENROLD_WATCH;
}

void enrold_list_head(struct wr *w, size_t n)
{
	wr_u8(w, ENROL_LIST);
	wr_u8(w, 0);
	wr_le16(w, 0);
	wr_le32(w, (uint32_t)(6 + n));
	wr_le16(w, ENF_LIST);
	wr_le32(w, (uint32_t)n);
}
