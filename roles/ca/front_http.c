/*
 * front_http: what anybody may read: whom to trust, what is revoked, whether the authority is well. One
 * request, one answer, then the connection ends. All of it is public and signed where it matters, so it
 * is the same on both listeners, and nobody is asked who he is.
 *
 *   /health                                 {"status":"ok"}, or 503
 *   /roots.pem  /roots/infra.pem …          anchors
 *   /crl  /crl/device.crl  /crl/device.pem … revocation list of the anchor that signs now; /crl/infra.1.crl: of
 *                                           that generation
 *   /status  /status?epoch=E&since=N        the signed status list, full or what changed since
 *
 * Allocates the text of anchors for as long as it is written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "front.h"
#include "wire/pem.h"

#define THINK (6 * NS_PER_S) /* for ca-sign; whoever checks our health waits no longer */

enum want { WANT_HEALTH, WANT_ROOTS, WANT_CRL, WANT_STATUS };

/* What was asked for, and how to ask ca-sign for it. */
struct target {
	enum want what;
	uint8_t anchor;      /* of WANT_ROOTS: ANCHORS for all */
	bool pem;
	struct cadoc_key key;
};

/* ---- which document ------------------------------------------------------------------------ */

/* "infra.pem", "infra.2.crl": the name of an anchor, a generation where there may be one, an ending. */
static bool read_name(struct span name, bool generations, struct target *t, struct span *ending)
{
	struct span which, rest, number;
	enum cert_anchor a;
	uint64_t g;

	if (!span_cut(name, '.', &which, &rest) || anchor_find(which, &a) < 0)
		return false;
	t->anchor = (uint8_t)a;
	t->key.anchor = a;
	*ending = rest;
	if (!span_cut(rest, '.', &number, &rest))
		return true;
	*ending = rest;
	if (!generations || span_u64(number, 1000, &g) < 0 || g == 0)
		return false;
	t->key.generation = (uint32_t)g;
	return true;
}

static bool find_health(const struct httpget *g, struct span rest, struct target *t)
{
	(void)g;
	t->what = WANT_HEALTH;
	t->key.kind = CADOC_ANCHORS;
	return rest.n == 0;
}

static bool find_roots(const struct httpget *g, struct span rest, struct target *t)
{
	struct span ending;

	(void)g;
	t->what = WANT_ROOTS;
	t->key.kind = CADOC_ANCHORS;
	t->anchor = ANCHORS;
	if (span_eq_str(rest, ".pem"))
		return true;
	return span_starts(rest, "/") && read_name(span_sub(rest, 1, rest.n), false, t, &ending) && span_eq_str(ending, "pem");
}

static bool find_crl(const struct httpget *g, struct span rest, struct target *t)
{
	struct span ending;

	(void)g;
	t->what = WANT_CRL;
	t->key.kind = CADOC_CRL;
	t->key.anchor = ANCHOR_DEVICE; /* what a web server in front of browsers and phones wants */
	if (rest.n == 0)
		return true;
	if (!span_starts(rest, "/") || !read_name(span_sub(rest, 1, rest.n), true, t, &ending))
		return false;
	t->pem = span_eq_str(ending, "pem");
	return t->pem || span_eq_str(ending, "crl");
}

/* Numbers that cannot be read are no numbers: the whole list serves those who sent them. */
static bool find_status(const struct httpget *g, struct span rest, struct target *t)
{
	struct span epoch, since;

	t->what = WANT_STATUS;
	t->key.kind = CADOC_STATUS;
	if (!httpget_param(g, "since", &since) || span_u64(since, UINT64_MAX, &t->key.base) < 0)
		t->key.base = 0;
	if (!httpget_param(g, "epoch", &epoch) || span_u64(epoch, UINT64_MAX, &t->key.epoch) < 0)
		t->key.epoch = 0;
	return rest.n == 0;
}

static const struct {
	const char *path;
	bool (*find)(const struct httpget *g, struct span rest, struct target *t);
} paths[] = {
	{"/health", find_health}, {"/roots", find_roots}, {"/crl", find_crl}, {"/status", find_status},
};

static bool find(const struct httpget *g, struct target *t)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		*t = (struct target){0};
		if (span_starts(g->path, paths[i].path) &&
		    paths[i].find(g, span_sub(g->path, strlen(paths[i].path), g->path.n), t))
			return true;
	}
	return false;
}

/* ---- answers ------------------------------------------------------------------------------- */

static const struct {
	unsigned status;
	const char *text, *more; /* more: a line of the head */
} statuses[] = {
	{200, "OK", ""},
	{204, "No Content", ""},
	{400, "Bad Request", ""},
	{404, "Not Found", ""},
	{405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
	{414, "URI Too Long", ""},
	{431, "Request Header Fields Too Large", ""},
	{503, "Service Unavailable", "Retry-After: 5\r\n"},
	{505, "HTTP Version Not Supported", ""},
};

/* IMF-fixdate, RFC 9110 section 5.6.7, from RFC 3339: "2026-11-21T03:12:26". */
static void write_date(struct wr *w, int64_t wall_ms)
{
	static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char t[CLOCK_RFC3339_LEN];
	uint64_t month = 0;

	clock_rfc3339(wall_ms, t, sizeof t);
	span_u64(span_of(t[5] == '0' ? &t[6] : &t[5], t[5] == '0' ? 1 : 2), 12, &month);
	if (wall_ms < 0 || month == 0)
		return;
	wr_fmt(w, "Date: %.3s, %.2s %.3s %.4s %.8s GMT\r\n", &days[wall_ms / 86400000 % 7 * 3], &t[8], &months[(month - 1) * 3],
	       t, &t[11]);
}

struct answer {
	unsigned status;
	const char *type, *cache;
	struct span text;    /* the body, or else */
	struct cadoc *doc;
	const char *pem;     /* its label; NULL: in DER */
};

static void answer(struct peer *c, bool head, const struct answer *a)
{
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	size_t row = 0, body = a->doc == NULL ? a->text.n : a->pem ? io_pem_bytes(a->doc->n, a->pem) : a->doc->n;

	while (row + 1 < ARRAY_LEN(statuses) && statuses[row].status != a->status)
		row++;
	wr_fmt(&w, "HTTP/1.1 %u %s\r\n", statuses[row].status, statuses[row].text);
	write_date(&w, clock_wall(loop_clock(c->f->child.loop)));
	if (a->status != 204) /* RFC 9110 section 8.6: there it has no place */
		wr_fmt(&w, "Content-Type: %s\r\nContent-Length: %zu\r\n", a->type, body);
	wr_fmt(&w, "Cache-Control: %s\r\nConnection: close\r\n%s\r\n", a->cache, statuses[row].more);
	c->f->stats.http++;
	peer_send(c, &(struct message){.head = wr_span(&w), .text = head ? SPAN_NONE : a->text, .doc = head ? NULL : a->doc,
				       .pem = a->pem},
		  AFTER_CLOSE);
}

static void say(struct peer *c, bool head, unsigned status, const char *line)
{
	char mem[600];
	struct wr w = wr_of(mem, sizeof mem);

	wr_str(&w, line);
	wr_str(&w, "\n");
	answer(c, head, &(struct answer){.status = status, .type = "text/plain; charset=utf-8", .cache = "no-store",
					 .text = wr_span(&w)});
}

static void say_health(struct peer *c, bool head, const char *trouble)
{
	char mem[160];
	struct wr w = wr_of(mem, sizeof mem);

	wr_fmt(&w, "{\"status\":\"%s\"}\n", trouble ? trouble : "ok");
	answer(c, head, &(struct answer){.status = trouble ? 503 : 200, .type = "application/json", .cache = "no-store",
					 .text = wr_span(&w)});
}

/* The words are zt's own: what ca-sign says may name files. */
static void say_trouble(struct peer *c, const char *words)
{
	if (c->want.what == WANT_HEALTH)
		say_health(c, c->want.head, words);
	else
		say(c, c->want.head, 503, words);
}

static void write_roots(const struct cadoc *d, unsigned which, struct wr *w)
{
	struct span cert;

	for (unsigned a = 0; a < ANCHORS; a++)
		for (size_t i = 0; which == ANCHORS || which == a; i++) {
			cert = enrol_cert(cadoc_anchors(d, (enum cert_anchor)a), i);
			if (cert.n == 0)
				break;
			pem_write(w, "CERTIFICATE", cert);
		}
}

static void say_roots(struct peer *c, const struct cadoc *d)
{
	/* 65 characters for 48 bytes of DER, and the two lines around each of at most ENROL_CERTS of a kind. */
	size_t cap = d->n / 48 * 65 + ANCHORS * ENROL_CERTS * 128;
	void *mem = malloc(cap);
	struct wr w = wr_of(mem, mem ? cap : 0);

	write_roots(d, c->want.anchor, &w);
	if (w.full || w.n == 0)
		say(c, c->want.head, w.full ? 503 : 404, w.full ? "out of memory" : "there is no such anchor");
	else
		answer(c, c->want.head, &(struct answer){.status = 200, .type = "application/x-pem-file",
							 .cache = "max-age=60", .text = wr_span(&w)});
	free(mem);
}

static void on_doc(struct cadoc_wait *wait, struct cadoc *doc, const struct why *why)
{
	struct peer *c = CONTAINER_OF(wait, struct peer, wait);
	const struct httpget_want *want = &c->want;

	if (doc == NULL && (why->err == ZT_E_NOTFOUND || why->err == ZT_E_KEY) && want->what != WANT_HEALTH)
		say(c, want->head, 404, why->err == ZT_E_KEY ? "this list is not signed here: its key is elsewhere" : "there is no such list");
	else if (doc == NULL)
		say_trouble(c, why->err == ZT_E_TIMEOUT ? "the signing process does not answer" : "the signing process refuses");
	else if (want->what == WANT_HEALTH)
		say_health(c, want->head, NULL);
	else if (want->what == WANT_ROOTS)
		say_roots(c, doc);
	else if (want->what == WANT_CRL)
		answer(c, want->head, &(struct answer){.status = 200, .type = want->pem ? "application/x-pem-file" : "application/pkix-crl",
						       .cache = "max-age=60", .doc = doc, .pem = want->pem ? "X509 CRL" : NULL});
	else
		answer(c, want->head, &(struct answer){.status = doc->n ? 200 : 204, .type = "application/octet-stream",
						       .cache = "no-store", .doc = doc});
}

void http_late(struct peer *c)
{
	cadocs_leave(&c->wait);
	say_trouble(c, "the signing process does not answer");
}

/* ---- requests ------------------------------------------------------------------------------ */

/* Changes are counted within an epoch; who does not say which means the one that is now. */
static void complete(const struct front *f, struct cadoc_key *k)
{
	const struct cadoc *now = cadocs_known(f->docs, &(struct cadoc_key){.kind = CADOC_ANCHORS});

	if (k->kind == CADOC_STATUS && k->base && k->epoch == 0)
		k->epoch = now ? now->epoch : 0;
	if (k->epoch == 0)
		k->base = 0;
}

static void ask(struct peer *c, bool head, struct target *t)
{
	int rc;

	c->want = (struct httpget_want){.head = head, .what = (uint8_t)t->what, .anchor = t->anchor, .pem = t->pem};
	if (!caline_well(c->f->line)) {
		say_trouble(c, caline_number(c->f->line) ? "the signing process does not answer" : "the signing process is not there");
		return;
	}
	complete(c->f, &t->key);
	c->wait.done = on_doc;
	rc = cadocs_get(c->f->docs, &t->key, &c->wait);
	if (rc < 0)
		say_trouble(c, "too many questions are waiting; try again");
	else
		peer_set(c, PEER_THINK, THINK);
}

static const struct {
	unsigned status;
	const char *line;
} refusals[] = {
	{400, "this is no request that is understood here: a plain GET of a path, without a body"},
	{405, "only GET and HEAD"},
	{414, "the request line is too long"},
	{431, "the head of the request is too long"},
	{505, "only HTTP/1.0 and HTTP/1.1"},
};

void http_bytes(struct peer *c)
{
	struct httpget g;
	struct target t;
	int n = httpget_read(io_span(c), &g);

	if (n == ZT_MORE)
		return;
	if (n < 0) {
		for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
			if (refusals[i].status == g.status)
				say(c, false, g.status, refusals[i].line);
	} else if (!find(&g, &t)) {
		say(c, g.head, 404, "there is /health, /roots.pem, /crl and /status");
	} else {
		ask(c, g.head, &t);
	}
}
