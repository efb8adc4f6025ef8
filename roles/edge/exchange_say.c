/*
 * exchange_say: what an edge says itself: answers where a request goes no further, and the lines of the access log.
 * Owns which answer it is; how it is worded is serve/answer's, how a line looks serve/accesslog's.
 */
#include <string.h>

#include "base/num.h"
#include "exchange_int.h"

#define RETRY_S 5

/* ---- answers ------------------------------------------------------------------------------------- */

/* The next request begins right behind this one's head. */
static bool ends_with_its_head(const struct httpreq *r)
{
	return r && r->refusal == HTTP_FINE && r->keep &&
	       (r->body.kind == HTTPBODY_NONE || (r->body.kind == HTTPBODY_LENGTH && r->body.length == 0));
}

static void complete(const struct exchange *x, struct answer *a, bool keep)
{
	const struct httpreq *r = x->p.req;
	const struct httpfield *accept = r ? httpfields_first(&r->fields, FIELD_ACCEPT) : NULL;

	a->host = r ? httphost_span(&r->host) : SPAN_NONE;
	a->id = span_str(x->id);
	a->accept = accept ? accept->value : SPAN_NONE;
	a->minor = r && r->refusal == HTTP_FINE ? r->minor : 1;
	a->head = r && r->method == HTTP_METHOD_HEAD;
	a->keep = keep && ends_with_its_head(r) && !x->e->child.draining && !x->of->last;
}

static uint64_t body_of(struct span answer)
{
	struct httpscan scan = {0};
	int head = httpscan_more(&scan, answer);

	return head > 0 ? answer.n - (size_t)head : 0;
}

typedef int writer(const struct answer *a, struct wr *w);

static void say(struct exchange *x, struct answer *a, bool keep, writer *write)
{
	struct desk *k = x->e->desk;
	struct wr w = wr_of(k->out, sizeof k->out);

	x->fault = a->reason;
	exchange_drop_far(x, ZT_E_CANCELLED);
	/* Half of an interim answer has left: nothing can stand behind it but its other half. */
	if (x->replied || x->p.rest[NEAR].left.n) {
		exchange_cut(x, a->reason);
		return;
	}
	complete(x, a, keep);
	if (write(a, &w) < 0 || !exchange_put(x, NEAR, wr_span(&w))) {
		exchange_cut(x, err_name(ZT_E_NOMEM));
		return;
	}
	x->e->n.answered++;
	x->status = (uint16_t)a->status;
	x->keep = a->keep;
	x->p.answered = body_of(wr_span(&w));
	x->phase = X_ANSWERING;
	if (x->p.rest[NEAR].left.n && !exchange_arm(x, x->site->conf->edge.head_ms * NS_PER_MS))
		exchange_cut(x, err_name(ZT_E_NOMEM));
	else
		exchange_answering(x);
}

void exchange_answering(struct exchange *x)
{
	struct rest *r = &x->p.rest[NEAR];
	size_t n = duct_put(x->near, r->left);

	r->left = span_sub(r->left, n, r->left.n);
	if (duct_dead(x->near) || x->near->deaf)
		x->fault = "visitor-gone";
	if (r->left.n == 0 || duct_dead(x->near) || x->near->deaf) {
		exchange_over(x, x->keep);
		return;
	}
	duct_flush(x->near);
	duct_want(x->near, DUCT_OUT);
}

void exchange_refuse(struct exchange *x, enum policy_reason r)
{
	enum policy_reason shown = policy_shown(r);
	struct answer a = {.status = policy_status(shown), .reason = policy_name(shown), .words = policy_text(shown),
			   .retry_s = policy_again(shown) ? RETRY_S : 0};

	x->e->n.refused++;
	say(x, &a, policy_status(r) != 421 && r != POLICY_TOO_LARGE && r != POLICY_DRAINING, answer_write);
}

void exchange_malformed(struct exchange *x, enum http_refusal r)
{
	struct answer a = {.status = http_refusal_status(r), .reason = http_refusal_name(r), .words = http_refusal_text(r)};

	x->e->n.refused++;
	x->decision = "malformed";
	say(x, &a, false, answer_write);
}

void exchange_bad_origin(struct exchange *x, const char *reason, const char *words)
{
	struct answer a = {.status = 502, .reason = reason, .words = "the application's answer cannot be understood",
			   .detail = span_str(words)};

	say(x, &a, true, answer_write);
}

void exchange_of_reset(struct exchange *x, unsigned code, const char *text)
{
	struct answer a = {0};

	answer_of_reset(code, &a);
	if (x->reached && a.status == 503) { /* whoever repeats those by himself might do it twice */
		a.status = 502;
		a.retry_s = 0;
	}
	a.detail = arena_span(&x->p.mem, span_str(text)); /* it is of what is closed now */
	if (a.detail.n == 0)
		a.detail = SPAN_NONE;
	say(x, &a, true, answer_write);
}

void exchange_late(struct exchange *x)
{
	struct answer a = {.status = 408, .reason = "slow-request", .words = "the request did not arrive in time"};

	say(x, &a, false, answer_write);
}

void exchange_full(struct exchange *x)
{
	struct answer a = {.status = 503, .reason = "full", .words = "this edge has no room for one more request",
			   .retry_s = RETRY_S};

	say(x, &a, false, answer_write);
}

void exchange_of_rule(struct exchange *x, const struct rule *rule)
{
	struct answer a = {.status = rule->status, .reason = ""};

	say(x, &a, true, rule->kind == RULE_HELLO ? answer_hello : answer_status);
}

/* ---- the log --------------------------------------------------------------------------------------- */

static struct access_common common_of(const struct exchange *x, struct span host)
{
	const struct policy_cert *c = x->of->cert;

	return (struct access_common){
		.wall_ms = clock_wall(loop_clock(x->e->child.loop)), .duration_ns = loop_now(x->e->child.loop) - x->began,
		.peer = &x->of->peer, .user = &x->of->user, .tls = *x->of->tls, .id = span_str(x->id), .host = host,
		.user_id = x->known && c->id ? c->id : "", .decision = x->decision,
		.route = x->of->plan < x->site->rules.hosts ? x->site->rules.host[x->of->plan].id : "",
		.connector = x->connector, .rule = x->rule, .epoch = x->epoch, .serial = c->presented ? c->serial : NULL,
		.fault = x->fault};
}

static void log_request(struct exchange *x, struct wr *w)
{
	const struct httpreq *r = x->p.req;
	struct access_request a = {.c = common_of(x, r ? httphost_span(&r->host) : SPAN_NONE), .req = r, .path = x->p.path,
				   .status = x->status, .type = x->p.type, .location = x->p.location};

	a.c.bytes_in = x->p.body[NEAR].payload;
	a.c.bytes_out = x->p.body[FAR].payload + x->p.answered;
	x->e->n.bytes_in += a.c.bytes_in;
	x->e->n.bytes_out += a.c.bytes_out;
	access_request_line(&a, w);
}

static void log_stream(struct exchange *x, struct wr *w)
{
	struct access_stream a = {.c = common_of(x, span_str(x->t.host)), .kind = "websocket"};

	a.c.bytes_in = x->near->in - x->t.in;
	a.c.bytes_out = x->near->out - x->t.out;
	x->e->n.bytes_in += a.c.bytes_in;
	x->e->n.bytes_out += a.c.bytes_out;
	access_stream_line(&a, w);
}

void exchange_log(struct exchange *x)
{
	uint8_t mem[ACCESSLOG_LINE];
	struct wr w = wr_of(mem, sizeof mem);

	if (x->phase == X_HEAD && x->p.head[NEAR].n == 0 && x->p.req == NULL)
		return; /* nothing was asked */
	if (x->phase == X_TUNNEL)
		log_stream(x, &w);
	else
		log_request(x, &w);
	edge_access(x->e, wr_span(&w));
}
