/*
 * exchange_pass: a request and its answer pass: the heads written anew, bodies framed anew, both ways at the same
 * time. Owns no body byte: what one duct shows goes into the room of the other, and who has no room holds the other
 * up. One step moves all that can be moved, says its end when that was all, and asks for what is missing.
 */
#include <string.h>

#include "base/num.h"
#include "exchange_int.h"
#include "io/sockduct.h"

static struct duct *side_of(const struct exchange *x, unsigned side)
{
	return side == NEAR ? x->near : x->far;
}

/* ---- the head for the origin ------------------------------------------------------------------- */

#define QUIET 4

struct changes {
	struct forward_rule rule;
	struct forward_field set[RULES_HEADERS];
	struct span remove[RULES_HEADERS + QUIET];
};

static void read_rule(struct changes *c, const struct rule *r)
{
	static const struct span quiet[QUIET] = {SPAN_LIT("X-Forwarded-For"), SPAN_LIT("X-Forwarded-Proto"),
						 SPAN_LIT("X-Forwarded-Host"), SPAN_LIT("X-Real-IP")};
	struct forward_rule *f = &c->rule;
	struct span rest = r->set, none;

	*f = (struct forward_rule){.host = r->host_header, .strip_prefix = r->strip_prefix, .add_prefix = r->add_prefix,
				   .set = c->set, .remove = c->remove};
	while (f->sets < RULES_HEADERS && rule_headers_next(&rest, &c->set[f->sets].name, &c->set[f->sets].value))
		f->sets++;
	rest = r->remove;
	while (f->removes < RULES_HEADERS && rule_headers_next(&rest, &c->remove[f->removes], &none))
		f->removes++;
	for (size_t i = 0; i < QUIET && (r->flags & RULE_QUIET); i++)
		c->remove[f->removes++] = quiet[i];
}

static int render(const struct exchange *x, struct wr *w)
{
	struct changes c;
	const struct forward_request f = {.req = x->p.req, .path = x->p.path, .user = &x->of->user, .tls = x->of->tls->on,
					  .id = span_str(x->id), .rule = x->with ? &c.rule : NULL};

	if (x->with)
		read_rule(&c, x->with);
	return forward_request(&f, w);
}

/* The visitor is told to go on now that somebody takes the body, once, whoever takes it then. Whatever the origin thinks
 * of it, it was not asked: the field does not go on. false: no memory. */
static bool tell_to_go_on(struct exchange *x)
{
	if (!x->p.req->expects_continue || x->told || duct_peek(x->near).n)
		return true;
	x->told = true;
	return exchange_put(x, NEAR, SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

void exchange_begin_passing(struct exchange *x)
{
	struct desk *k = x->e->desk;
	struct wr w = wr_of(k->out, sizeof k->out);
	int rc = render(x, &w);

	x->with = NULL;
	if (rc < 0) {
		exchange_malformed(x, rc == -ZT_E_TOOLONG ? HTTPBAD_LONG_HEAD : HTTPBAD_BYTE);
		return;
	}
	x->phase = X_PASSING;
	x->moved_at = loop_now(x->e->child.loop);
	x->p.sent_as[NEAR] = x->p.req->body.kind;
	if (!exchange_put(x, FAR, wr_span(&w)) || !exchange_arm(x, UINT64_MAX) || !tell_to_go_on(x))
		exchange_full(x);
	else
		exchange_step(x);
}

/* ---- the head of the answer ---------------------------------------------------------------------- */

static bool interim(struct exchange *x, struct httpresp *r)
{
	struct desk *k = x->e->desk;
	struct wr w = wr_of(k->out, sizeof k->out);
	const struct forward_reply f = {.resp = r, .minor = x->p.req->minor};
	struct forward_sent sent;

	if (++x->interims > HTTPRESP_INTERIM) {
		exchange_bad_origin(x, "interim-flood", "the application gave too many answers of 1xx");
		return false;
	}
	if (r->status == 100 || x->p.req->minor == 0)
		return true; /* ours was said already; 1.0 knows none */
	if (forward_reply(&f, &w, &sent) < 0) {
		exchange_bad_origin(x, "bad-answer", "the application's answer is malformed or too long");
		return false;
	}
	if (exchange_put(x, NEAR, wr_span(&w)))
		return true;
	exchange_cut(x, err_name(ZT_E_NOMEM)); /* a part of it may have left */
	return false;
}

static struct span copy_of(struct exchange *x, const struct httpresp *r, enum field_id id)
{
	const struct httpfield *f = httpfields_first(&r->fields, id);

	return f ? arena_span(&x->p.mem, f->value) : SPAN_NONE;
}

static bool final(struct exchange *x, struct httpresp *r)
{
	struct desk *k = x->e->desk;
	struct wr w = wr_of(k->out, sizeof k->out);
	const struct forward_reply f = {
		.resp = r, .minor = x->p.req->minor, .id = span_str(x->id),
		.upgrade = x->p.req->websocket ? x->p.req->upgrade : SPAN_NONE,
		/* A body that nobody reads to its end leaves no place where the next request could begin. */
		.keep = x->p.req->keep && x->p.body[NEAR].done && !x->e->child.draining && !x->of->last};
	struct forward_sent sent;

	if (forward_reply(&f, &w, &sent) < 0) {
		exchange_bad_origin(x, "bad-answer", "the application's answer is malformed or too long");
		return false;
	}
	httpbody_begin(&x->p.body[FAR], &r->body, UINT64_MAX);
	x->p.sent_as[FAR] = sent.body;
	x->p.type = copy_of(x, r, FIELD_CONTENT_TYPE);
	x->p.location = copy_of(x, r, FIELD_LOCATION);
	x->status = r->status;
	x->keep = sent.keep;
	x->origin_keeps = r->keep;
	if (!exchange_put(x, NEAR, wr_span(&w))) {
		exchange_cut(x, err_name(ZT_E_NOMEM));
		return false;
	}
	x->replied = true;
	return true;
}

static bool take_reply(struct exchange *x, struct span head)
{
	struct httpresp *r = &x->e->desk->resp;
	const struct httpbody_asked asked = {.head = x->p.req->method == HTTP_METHOD_HEAD, .upgrade = x->p.req->websocket};

	if (httpresp_read(head, asked, r) < 0) {
		exchange_bad_origin(x, http_refusal_name((enum http_refusal)r->refusal),
				    http_refusal_text((enum http_refusal)r->refusal));
		return false;
	}
	return r->interim ? interim(x, r) : final(x, r);
}

/* False: x is gone. */
static bool read_reply(struct exchange *x)
{
	struct gather *g = &x->p.head[FAR];

	while (!x->replied && x->p.rest[NEAR].left.n == 0) {
		struct span head;
		size_t untaken;
		int end = exchange_gather(x, FAR, &head, &untaken);

		if (end == ZT_MORE)
			return true;
		if (end < 0) {
			enum http_refusal why = (enum http_refusal)g->scan.refusal;

			exchange_bad_origin(x, http_refusal_name(why), http_refusal_text(why));
			return false;
		}
		if (!take_reply(x, head))
			return false;
		duct_take(x->far, untaken);
		*g = (struct gather){.p = g->p, .cap = g->cap};
	}
	return true;
}

/* ---- bodies ---------------------------------------------------------------------------------------- */

/* A whole chunk where there is room for its frame and some more; else a small one, what does not fit of it waits. */
static bool put_chunk(struct exchange *x, unsigned to, struct span data, bool roomy)
{
	struct duct *d = side_of(x, to);
	uint8_t mem[CHUNK_FRAME + CHUNK_SMALL];
	struct wr w = wr_of(mem, sizeof mem);

	httpchunk_open(&w, data.n);
	if (!roomy) {
		wr_put(&w, data);
		wr_put(&w, HTTPCHUNK_CLOSE);
		return exchange_put(x, to, wr_span(&w));
	}
	duct_put(d, wr_span(&w));
	duct_put(d, data);
	duct_put(d, HTTPCHUNK_CLOSE);
	return true;
}

/* A chunk is put in three parts, and the first one may take the buffer with which they become short: then there is room for
 * a record in it, however much there was before. Of records of 2,048 bytes, which a visitor may ask for, as many as fit hold
 * 16,181. */
#define CHUNK_MOST 15360

/* How much may be read of what is there: all that leaves must fit, framed. */
static size_t read_most(bool chunked, size_t room, bool *roomy)
{
	*roomy = !chunked || room > CHUNK_FRAME + CHUNK_SMALL;
	if (!chunked)
		return room;
	return *roomy ? num_min(room - CHUNK_FRAME, CHUNK_MOST) : CHUNK_SMALL;
}

/* 0, or the reader's error. */
static int move(struct exchange *x, unsigned from)
{
	struct duct *a = side_of(x, from), *b = side_of(x, !from);
	struct httpbody *body = &x->p.body[from];
	bool chunked = x->p.sent_as[from] == HTTPBODY_CHUNKED, roomy;

	while (!body->done && x->p.rest[!from].left.n == 0) {
		struct span in = duct_peek(a), data;
		size_t room = duct_room(b);
		int n;

		if (in.n == 0 || room == 0)
			return 0;
		n = httpbody_next(body, span_sub(in, 0, read_most(chunked, room, &roomy)), &data);
		if (n < 0)
			return n;
		if (data.n && !chunked)
			duct_put(b, data);
		else if (data.n)
			put_chunk(x, !from, data, roomy); /* small: it needs no memory */
		duct_take(a, (size_t)n);
		x->taken |= from == NEAR;
	}
	return 0;
}

static void body_is_bad(struct exchange *x, unsigned from)
{
	enum http_refusal why = (enum http_refusal)x->p.body[from].refusal;

	if (x->replied)
		exchange_cut(x, http_refusal_name(why));
	else
		exchange_malformed(x, why); /* of a visitor: the answer's body comes behind its head */
}

/* False: x is gone. */
static bool pass_body(struct exchange *x, unsigned from)
{
	struct httpbody *body = &x->p.body[from];
	struct duct *a = side_of(x, from);

	if (move(x, from) < 0) {
		body_is_bad(x, from);
		return false;
	}
	/* Behind a cut the rest may be missing. */
	if (!body->done && a->end == DUCT_FINISHED && duct_ended(a) && from == FAR)
		httpbody_ended(body);
	if (!body->done || x->p.ended[from] || x->p.rest[!from].left.n)
		return true;
	x->p.ended[from] = true;
	if (x->p.sent_as[from] == HTTPBODY_CHUNKED)
		exchange_put(x, !from, HTTPCHUNK_LAST); /* short: it needs no memory */
	return true;
}

/* ---- ends ------------------------------------------------------------------------------------------- */

static void on_couple(struct couple *c)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, t.couple);
	static const char *const faults[SIDES] = {"visitor-gone", "origin-reset"};

	if (c->why == ZT_OK) {
		exchange_drop_far(x, ZT_OK);
		exchange_over(x, false);
		return;
	}
	exchange_drop_far(x, (enum zt_err)c->why);
	exchange_cut(x, faults[c->by]);
}

/* From here on they are bytes. */
static void go_tunnel(struct exchange *x)
{
	struct tunnelled t = {.couple = {.side = {x->near, x->far}, .over = on_couple, .loop = x->e->child.loop},
			      .in = x->near->in, .out = x->near->out};
	struct arena mem = x->p.mem;

	exchange_log(x);
	span_to_cstr(httphost_span(&x->p.req->host), t.host, sizeof t.host);
	x->e->n.upgraded++;
	x->t = t;
	x->phase = X_TUNNEL;
	exchange_forget(x->e, &mem);
	duct_flush(x->near);
	duct_flush(x->far);
	couple_start(&x->t.couple);
}

/* The connection to the origin may carry another request: exactly framed both ways, and nothing has come since. */
static bool reusable(const struct exchange *x)
{
	return x->origin_keeps && x->p.ended[NEAR] && x->p.rest[FAR].left.n == 0 && x->far->end == DUCT_GOING &&
	       duct_peek(x->far).n == 0;
}

static void finish(struct exchange *x)
{
	bool whole = x->p.body[NEAR].done;

	duct_ahead(x->near, NULL);
	if (reusable(x)) {
		struct upstream *u = x->up;

		duct_ahead(x->far, NULL);
		duct_flush(x->far);
		x->up = NULL;
		*x->of->kept = u;
		upstream_keep(u, x->of->kept);
	} else {
		exchange_drop_far(x, whole ? ZT_OK : ZT_E_CANCELLED);
	}
	exchange_over(x, x->keep && whole);
}

static bool all_said(const struct exchange *x)
{
	return x->replied && x->p.ended[FAR] && x->p.rest[NEAR].left.n == 0;
}

/* False: x is gone. */
static bool far_goes_on(struct exchange *x)
{
	const bool silent = x->p.head[FAR].n == 0 && x->interims == 0;
	bool none; /* not a byte of it reached the origin, or it may be asked twice */
	const char *text;
	uint64_t delivered;
	unsigned code;

	if (x->p.ended[FAR] || !(duct_dead(x->far) || (duct_ended(x->far) && x->p.rest[NEAR].left.n == 0)))
		return true;
	if (duct_dead(x->far)) {
		code = upstream_reset(x->up, &text, &delivered);
		/* What a tunnel took with it, or a connector whose end or whose rule's end it was, may have been done, or be
		 * done yet. Only an origin that closes what was kept is asked again, and no other one in its place. */
		none = x->far->out == x->delivered || delivered <= x->delivered;
		x->reached = !none;
		none |= code == RESET_ORIGIN && exchange_may_repeat(x);
		exchange_lost(x, code, text, silent && none);
	} else if (x->replied) {
		exchange_cut(x, "origin-cut");
	} else {
		x->reached = true;
		exchange_lost(x, RESET_ORIGIN, "it closed the connection before its answer was whole",
			      silent && exchange_may_repeat(x));
	}
	return false;
}

/* Who ends what it sends while it waits for an answer over TLS, reads none: RFC 5246 section 7.2.1. */
static bool near_goes_on(struct exchange *x)
{
	if (!exchange_near_gone(x))
		return true;
	exchange_cut(x, "visitor-gone");
	return false;
}

/* ---- the step --------------------------------------------------------------------------------------- */

static bool put_rest(struct exchange *x, unsigned to)
{
	struct rest *r = &x->p.rest[to];
	size_t n = duct_put(side_of(x, to), r->left);

	r->left = span_sub(r->left, n, r->left.n);
	return r->left.n == 0;
}

/* Who shows bytes that do not fit is asked for no more; who takes them is asked to say when it can. */
static void settle(struct exchange *x)
{
	bool from_near = duct_peek(x->near).n > 0, from_far = duct_peek(x->far).n > 0, answered = x->p.ended[FAR];
	/* An origin that drips its head has not begun to answer. */
	uint64_t moved = x->near->in + x->near->out + x->far->out + (x->replied ? x->far->in : 0);
	bool up = x->p.rest[FAR].left.n || (from_near && !x->p.body[NEAR].done);
	bool down = x->p.rest[NEAR].left.n || (from_far && !answered);

	duct_flush(x->far);
	duct_flush(x->near);
	duct_ahead(x->near, x->p.body[NEAR].done ? NULL : x->far);
	duct_ahead(x->far, x->replied && !answered ? x->near : NULL);
	up |= x->near->held_up;
	down |= x->far->held_up;

	if (moved != x->moved)
		x->moved_at = loop_now(x->e->child.loop);
	x->moved = moved;
	if (!down && (up || x->p.body[NEAR].done)) {
		x->p.owed_since = 0;
	} else if (x->p.owed_since == 0) {
		x->p.owed_since = loop_now(x->e->child.loop);
		x->p.owed_at = x->near->in + x->near->out;
	}
	duct_want(x->near, (from_near ? 0 : (unsigned)DUCT_IN) | (down ? (unsigned)DUCT_OUT : 0));
	/* Its end is known: only the visitor is waited for, and it would be told again and again. */
	duct_want(x->far, (from_far || answered || x->far->end != DUCT_GOING ? 0 : (unsigned)DUCT_IN) | (up ? (unsigned)DUCT_OUT : 0));
}

void exchange_step(struct exchange *x)
{
	put_rest(x, FAR);
	put_rest(x, NEAR);
	if (!read_reply(x))
		return;
	if (x->replied && x->status == 101 && x->p.rest[NEAR].left.n == 0 && x->p.rest[FAR].left.n == 0) {
		go_tunnel(x);
		return;
	}
	if (!pass_body(x, NEAR) || (x->replied && x->status != 101 && !pass_body(x, FAR)))
		return;
	if (all_said(x))
		finish(x);
	else if (far_goes_on(x) && near_goes_on(x))
		settle(x);
}

/* ---- who makes room ---------------------------------------------------------------------------------- */

#define SLOW 1024 /* bytes a second */

uint64_t exchange_slow_after(const struct exchange *x)
{
	return 2 * NS_PER_MS * x->site->conf->edge.head_ms;
}

bool exchange_is_too_slow(struct exchange *x, uint64_t now)
{
	uint64_t moved = x->near->in + x->near->out - x->p.owed_at, since = x->p.owed_since, least, acked = 0;
	bool slow = false;

	if (since == 0 || now - since < exchange_slow_after(x))
		return false;
	least = (now - since) / (NS_PER_S / SLOW);
	if (moved < least && room_is_scarce(x->e, upstream_stream(x->up))) {
		/* To who reads, bytes leave in steps of a buffer: he is too slow when his kernel has not taken so many either
		 * until the second time. */
		acked = x->replied ? sockduct_acked(x->near) : 0;
		slow = acked == 0 || (x->p.acked && acked - x->p.acked < least);
	}
	x->p.acked = acked;
	x->p.owed_since = now;
	x->p.owed_at += moved;
	return slow;
}
