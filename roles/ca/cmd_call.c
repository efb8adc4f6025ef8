/*
 * cmd_call: `zt ca call HOST:PORT`: from an edge nobody gets in here, so the authority is brought to it: a connection
 * to where `zt edge join` waits, and one to the authority's own listener, joined byte by byte until both have
 * finished. It reads nothing of what passes and holds no key: TLS and the proofs of zt-enrol/1 are between the two
 * ends. What came of it says the registry.
 *
 *   EDGE (dialled, again and again) -> its first byte -> HOME (dialled once) -> both ways -> over
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd_table.h"
#include "cmds.h"
#include "io/couple.h"
#include "io/sockduct.h"
#include "serve/dialkit.h"

#define FOR_S 120                    /* while nobody waits there */
#define FOR_MOST 86400
#define DIAL_NS (10 * NS_PER_S)
#define FIRST_NS (10 * NS_PER_S)     /* a joiner speaks at once */
#define TALK_NS (60 * NS_PER_S)      /* a join: handshake 10 s, two answers of 20 s */
#define AGAIN_NS (250 * NS_PER_MS)   /* doubled each time, to */
#define AGAIN_MOST_NS (4 * NS_PER_S)
#define TLS_HANDSHAKE 22             /* the first byte of a hello, RFC 5246 section 6.2.1 */

enum { EDGE, HOME };

/* The edge that was issued to last, by what the registry lists: names of "serial" and "name" as its cells. */
struct newest {
	struct why *why;
	char serial[40], name[100];
};

struct call {
	struct cmd_run *r;
	struct dialkit kit;
	struct bufs *bufs;
	struct side {
		struct call *call;
		struct source src;
		struct sockduct sd;
	} side[2];
	struct couple couple;
	struct timer timer;          /* of the next try, of the first byte, of the talk */
	struct span host;
	uint16_t port;
	struct addr home;
	uint64_t until, again;
	struct newest before;
	bool coupled, over;
	unsigned open;               /* sides that the loop has */
	int rc;
};

struct call_wish {
	struct cmd_wish base;
	int64_t span;
};

static void dial_edge(struct call *c);

/* ---- what came of it ----------------------------------------------------------------------------------- */

static int look(void *owner, struct span lines)
{
	static const struct cmd_column serial = {"", "serial", CELL_TEXT}, name = {"", "name", CELL_TEXT};
	struct newest *n = owner;
	struct span line;

	while (lines.n) {
		struct json_tok tok[CMD_LINE_TOKENS];
		struct json j;

		if (!span_cut(lines, '\n', &line, &lines))
			lines = SPAN_NONE;
		if (cmd_line_read(&j, tok, line, n->why) < 0)
			return -ZT_E_SYNTAX;
		cmd_cell_text(&j, &serial, 0, n->serial, sizeof n->serial);
		cmd_cell_text(&j, &name, 0, n->name, sizeof n->name);
	}
	return 0;
}

/* The registry is asked before and after, because the bytes are read by nobody. */
static int ask_newest(struct cmd_run *r, struct newest *n)
{
	struct cmd_request q = {.m.type = CA_ENTRIES};

	*n = (struct newest){.why = &r->why};
	cmd_put_num(&q, CAF_ROLE, ROLE_EDGE);
	cmd_put_num(&q, CAF_RETIRED, 1);
	return cmd_pages(r, &q, look, n);
}

static int report(struct cmd_run *r, const struct newest *before)
{
	struct newest now;
	int rc = ask_newest(r, &now);

	if (rc < 0)
		return rc;
	if (span_eq_str(span_str(now.serial), before->serial))
		return why_set(&r->why, ZT_E_DENIED, "the edge and the authority have talked, and no certificate came of it: the edge says why, and "
			       "the authority's log. A join that waits for a yes is in 'zt ca pending': call again after it");
	printf("%s has joined: its certificate was issued\n", now.name);
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void finish(struct call *c, int rc)
{
	c->rc = rc;
	loop_stop(c->kit.loop);
}

static void on_again(struct timer *t, uint64_t now)
{
	(void)now;
	dial_edge(CONTAINER_OF(t, struct call, timer));
}

/* Nobody there, or nobody who waits: tried again while there is time. */
static void nobody(struct call *c, const char *what)
{
	sockduct_stop(&c->side[EDGE].sd);
	if (loop_now(c->kit.loop) + c->again > c->until) {
		finish(c, why_set(&c->r->why, ZT_E_UNREACHABLE, "%.300s: %s. Does 'zt edge join' wait there, and does this port lead to it?",
				  c->r->wish->word[0], what));
		return;
	}
	c->timer.fire = on_again;
	if (!loop_timer(c->kit.loop, &c->timer, c->again))
		finish(c, why_set(&c->r->why, ZT_E_NOMEM, "out of memory"));
	c->again = num_min64(2 * c->again, AGAIN_MOST_NS);
}

static void on_over(struct couple *k)
{
	struct call *c = CONTAINER_OF(k, struct call, couple);

	/* What is on its way is still delivered, and on_reaped() waits for that: a joiner that has what it wants may
	 * well reset the connection over a goodbye that it does not read. */
	c->over = true;
	for (unsigned i = 0; i < 2; i++)
		duct_close(&c->side[i].sd.d, ZT_OK);
}

static void on_too_long(struct timer *t, uint64_t now)
{
	struct call *c = CONTAINER_OF(t, struct call, timer);

	(void)now;
	finish(c, why_set(&c->r->why, ZT_E_TIMEOUT, "the edge and the authority came to no end within a minute"));
}

/* ---- the two sides ------------------------------------------------------------------------------------ */

static unsigned side_wants(const struct source *s)
{
	return sockduct_wants(&CONTAINER_OF(s, const struct side, src)->sd);
}

static void side_ready(struct source *s, unsigned events)
{
	sockduct_ready(&CONTAINER_OF(s, struct side, src)->sd, events);
}

static void side_reap(struct source *s)
{
	struct call *c = CONTAINER_OF(s, struct side, src)->call;

	c->open--;
	if (c->over && c->open == 0)
		finish(c, 0);
}

static const struct source_class side_class = {"call", side_wants, side_ready, side_reap};

static int open_side(struct call *c, unsigned i, int fd, const struct duct_user *u)
{
	struct side *s = &c->side[i];
	int rc;

	*s = (struct side){.call = c, .src = {.cls = &side_class, .fd = fd}};
	rc = loop_add(c->kit.loop, &s->src);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	c->open++;
	return sockduct_start(&s->sd, c->bufs, &s->src, NULL, u, SPAN_NONE);
}

static void on_both(struct duct *d, unsigned events)
{
	struct call *c = CONTAINER_OF(d, struct side, sd.d)->call;

	couple_event(&c->couple, d == &c->side[HOME].sd.d, events);
}

static const struct duct_user both = {on_both};

static void on_home(void *owner, const struct dial_result *d)
{
	struct call *c = owner;
	char at[ADDR_TEXT];
	int rc = d->rc;

	if (rc == 0)
		rc = open_side(c, HOME, d->fd, &both);
	else if (c->r->why.err == ZT_OK)
		why_set(&c->r->why, (enum zt_err)-rc, "the authority does not take connections on %s ([ca] listen): %s. Does 'zt ca' run?",
			addr_text(&c->home, at), err_text((enum zt_err)-rc));
	if (rc == 0)
		rc = cmd_open(c->r);
	if (rc == 0)
		rc = ask_newest(c->r, &c->before);
	c->timer.fire = on_too_long;
	if (rc == 0 && !loop_timer(c->kit.loop, &c->timer, TALK_NS))
		rc = -ZT_E_NOMEM;
	if (rc < 0) {
		finish(c, why_set(&c->r->why, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc)));
		return;
	}
	c->side[EDGE].sd.d.user = &both;
	c->couple = (struct couple){.side = {&c->side[EDGE].sd.d, &c->side[HOME].sd.d}, .over = on_over, .loop = c->kit.loop};
	couple_start(&c->couple);
}

static void dial_home(struct call *c)
{
	char ip[ADDR_TEXT];
	struct wr w = wr_of(ip, sizeof ip);
	struct dial_req req = {.port = c->home.port, .timeout_ns = DIAL_NS, .done = on_home, .owner = c};
	struct dial *dial;
	int rc;

	addr_write_ip(&w, &c->home);
	req.host = wr_span(&w);
	duct_want(&c->side[EDGE].sd.d, 0);
	rc = dial_start(c->kit.dialer, &req, &dial);
	if (rc < 0)
		finish(c, why_set(&c->r->why, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc)));
}

/* ---- the edge ------------------------------------------------------------------------------------------ */

/* Whoever waits to join says hello first. The authority is not troubled before somebody has. */
static void on_edge_first(struct duct *d, unsigned events)
{
	struct call *c = CONTAINER_OF(d, struct side, sd.d)->call;
	struct span s = duct_peek(d);

	(void)events;
	if (c->coupled)
		return;
	loop_timer_stop(c->kit.loop, &c->timer);
	if (s.n == 0) {
		nobody(c, "it closed the connection without a word");
	} else if (s.p[0] != TLS_HANDSHAKE) {
		finish(c, why_set(&c->r->why, ZT_E_DENIED, "%.300s: what answers there is something else than 'zt edge join'",
				  c->r->wish->word[0]));
	} else {
		c->coupled = true;
		dial_home(c);
	}
}

static const struct duct_user first_user = {on_edge_first};

static void on_silent(struct timer *t, uint64_t now)
{
	(void)now;
	nobody(CONTAINER_OF(t, struct call, timer), "it takes the connection and says nothing");
}

static void on_edge(void *owner, const struct dial_result *d)
{
	struct call *c = owner;
	int rc = d->rc;

	if (rc < 0) {
		nobody(c, err_text((enum zt_err)-rc));
		return;
	}
	rc = open_side(c, EDGE, d->fd, &first_user);
	c->timer.fire = on_silent;
	if (rc < 0 || !loop_timer(c->kit.loop, &c->timer, FIRST_NS))
		finish(c, why_set(&c->r->why, ZT_E_NOMEM, "out of memory"));
	else
		duct_want(&c->side[EDGE].sd.d, DUCT_IN);
}

static void dial_edge(struct call *c)
{
	const struct dial_req req = {.host = c->host, .port = c->port, .timeout_ns = DIAL_NS, .done = on_edge, .owner = c};
	struct dial *dial;
	int rc = dial_start(c->kit.dialer, &req, &dial);

	if (rc < 0)
		nobody(c, err_text((enum zt_err)-rc));
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int talk(struct call *c)
{
	int rc;

	c->kit.who = c->r->cmd->call;
	rc = dialkit_open(&c->kit);
	if (rc == 0)
		rc = bufs_new(&c->bufs, c->kit.loop, &c->kit.bounds);
	if (rc == 0) {
		c->until = loop_now(c->kit.loop) + c->until;
		dial_edge(c);
		rc = c->rc ? c->rc : loop_run(c->kit.loop);
	}
	if (rc < 0 && c->r->why.err == ZT_OK)
		why_set(&c->r->why, (enum zt_err)-rc, "%s", err_text((enum zt_err)-rc));
	for (unsigned i = 0; i < 2; i++)
		sockduct_stop(&c->side[i].sd);
	c->over = false;
	bufs_free(c->bufs);
	dialkit_close(&c->kit);
	return rc < 0 ? rc : c->rc;
}

static int call(struct cmd_run *r)
{
	const struct conf_list *listen = &r->conf->ca.listen;
	struct call *c;
	char shown[300];
	int rc;

	if (listen->n == 0 || conf_addr(listen, 0)->port == 0)
		return why_set(&r->why, ZT_E_CONFIG, "[ca] listen does not say where the authority takes connections");
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return why_set(&r->why, ZT_E_NOMEM, "out of memory");
	c->r = r;
	c->home = addr_from_here(conf_addr(listen, 0));
	c->until = (uint64_t)((const struct call_wish *)(const void *)r->wish)->span * NS_PER_S;
	c->again = AGAIN_NS;
	if (addr_parse_hostport(span_str(r->wish->word[0]), &c->host, &c->port) < 0 || c->port == 0)
		rc = cmd_misuse(r, "HOST:PORT is where 'zt edge join' waits, not '%s'",
				cmd_shown(span_str(r->wish->word[0]), shown, sizeof shown));
	else
		rc = talk(c);
	if (rc == 0)
		rc = report(r, &c->before);
	free(c);
	return rc;
}

int ca_call_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--timeout", "SPAN", "how long to try while nobody waits there (default 2m)", CMD_SPAN, offsetof(struct call_wish, span), 1,
		 FOR_MOST}};
	static const struct cmd command = {
		.call = "zt ca call", .words = "HOST:PORT", .least = 1, .most = 1, .options = options, .noptions = ARRAY_LEN(options), .run = call,
		.about = "Call an edge that waits with 'zt edge join': connect HOST:PORT to this authority's own listener, so that\n"
			 "it can join without a port opened here. Nothing that passes is read here; who is at HOST:PORT gets what\n"
			 "anybody gets who can reach [ca] listen, for one connection: without the token's secret that is nothing.\n"
			 "Exit: 0 an edge has joined, 4 it was refused, or something else is there, 5 nobody waits there, or the\n"
			 "authority does not run, 1 to 3 and 6 to 8 as everywhere.\n"};
	struct call_wish w = {.span = FOR_S};

	return cmd_main(&command, &w.base, argc, argv);
}
