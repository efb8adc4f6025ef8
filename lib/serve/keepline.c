/*
 * keepline: see keepline.h. Owns the view. A new line begins with everything: what is known already is passed
 * over by its number.
 *
 * What was brought is collected behind a full list and goes to the keeper from there: all of it to one that has
 * said nothing yet, for after a restart it believes no state before the newest that it saw, and only all
 * lists together lead there.
 *
 * Allocates itself and its view, once, a socket's source for each line, lists in stores of at most
 * LISTSTORE_MOST, and those that are read.
 */
#include "keepline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "io/chan.h"
#include "io/spawn.h"
#include "liststore.h"
#include "wire/ipc.h"
#include "wire/pem.h"
#include "wire/x509.h"

#define SPKI_MAX 160
#define PACKETS 8                      /* a turn */
#define GATHER (50 * NS_PER_MS)        /* for a keeper that has said nothing: a chain comes in many pieces */
#define OFFER_AGAIN (5 * NS_PER_S)     /* until the keeper says that it has it */

struct keep_src {
	struct source src;
	struct keepline *k; /* NULL: replaced */
	bool asked;         /* for everything, once */
	struct keepline_said said; /* the newest of its lists: what it knows, and the full one that it was offered */
};

struct keepline {
	struct loop *loop;
	struct log *log;
	const struct keepline_class *cls;
	void *ctx;
	struct keep_src *line;
	struct status_view view;
	struct pk_public registry;
	uint8_t spki[SPKI_MAX];
	size_t nspki; /* 0: no key yet, nothing is believed */
	uint64_t lists, shorter; /* that were news, and that only took the place of others */
	bool keeps, stuck;
	struct liststore kept, brought;
	struct timer offer;
};

struct status_now keepline_now(const struct keepline *k)
{
	const struct clock *c = loop_clock(k->loop);

	return (struct status_now){clock_wall(c) / 1000, (int64_t)(clock_mono(c) / NS_PER_S)};
}

const struct status_view *keepline_view(const struct keepline *k)
{
	return &k->view;
}

void keepline_counters(const struct keepline *k, const struct status_limits *l, struct wr *out)
{
	const struct ipc_row rows[] = {
		{"list_number", k->view.seen.number}, {"list_entries", k->view.n},
		{"list_fresh", status_fresh(&k->view, l, keepline_now(k)) == STATUS_FRESH},
		{"lists", k->lists}, {"identity_stuck", k->stuck},
	};

	ipc_write_counters(out, rows, ARRAY_LEN(rows), NULL);
}

static void hang_up(struct keepline *k)
{
	struct keep_src *s = k->line;

	if (s == NULL)
		return;
	k->line = NULL;
	s->k = NULL;
	loop_close(&s->src);
}

/* ---- lists ------------------------------------------------------------------------------------------- */

static bool is_old(const struct keepline *k, const struct statlist *l)
{
	const struct status_seen *s = &k->view.seen;

	return k->view.known && l->epoch == s->epoch && l->number <= s->number;
}

/* A full list of what is known takes the place of the changes that led there. */
static int shorten(struct keepline *k, struct span list, const struct statlist *l)
{
	int rc;

	if (!k->keeps || l->kind != STATLIST_FULL || liststore_fits(&k->kept, l) < 0 || statlist_signed_by(l, &k->registry) < 0)
		return 0;
	rc = liststore_add(&k->kept, list, l);
	k->shorter += rc == 0;
	return rc;
}

static int take_list(struct keepline *k, struct span list)
{
	struct statlist l;
	enum status_refusal r;

	if (statlist_read(&l, list, NULL) < 0)
		return -ZT_E_SYNTAX;
	if (is_old(k, &l))
		return shorten(k, list, &l);
	r = status_apply(&k->view, list, &k->registry, keepline_now(k), NULL, NULL);
	if (r != STATUS_TAKEN) {
		LOG(k->log, LOG_WARN, "a status list from the keeper was refused", LF_STR("reason", status_refusal_name(r)),
		    LF_STR("why", status_refusal_text(r)));
		return -ZT_E_DENIED;
	}
	k->lists++;
	if (k->keeps && liststore_add(&k->kept, list, &l) == -ZT_E_NOMEM)
		LOG0(k->log, LOG_ERROR, "no memory to pass status lists on before the next full one");
	return 0;
}

static int take_lists(struct keepline *k, int fd)
{
	struct why why = {0};
	struct span all, list;
	struct rd r;
	void *mem;
	uint64_t before = k->lists + k->shorter;
	int rc = sealed_read(fd, LISTSTORE_MOST, &all, &mem, &why), more;

	if (rc < 0)
		return rc;
	r = rd_of(all);
	while (rc == 0 && (more = keepmsg_next_list(&r, &list)) != 0)
		rc = more < 0 ? more : take_list(k, list);
	free(mem);
	if (k->lists + k->shorter == before)
		return rc;
	k->stuck = false; /* the keeper is heard, and so is the authority */
	k->cls->listed(k->ctx);
	return rc;
}

void keepline_keep_lists(struct keepline *k)
{
	k->keeps = true;
}

/* What he lacks; or the full list alone, when it is one of what he knows and he has it as changes. */
static struct span lacks(const struct liststore *s, const struct keepline_said *said)
{
	struct span lists = liststore_after(s, &said->seen);
	bool same = said->seen.epoch == s->newest.epoch && said->seen.number == s->newest.number;

	return lists.n == 0 && same && s->n == s->full && said->full != s->newest.number ? span_of(s->mem, s->n) : lists;
}

static void note_said(struct keepline_said *said, const struct statlist *l)
{
	said->seen = (struct status_seen){l->epoch, l->number, l->issued};
	if (l->kind == STATLIST_FULL)
		said->full = l->number;
}

void keepline_each_list(const struct keepline *k, struct keepline_said *said, bool (*f)(void *ctx, struct span list), void *ctx)
{
	struct rd r = rd_of(lacks(&k->kept, said));
	struct statlist l;
	struct span list;

	while (keepmsg_next_list(&r, &list) > 0 && f(ctx, list) && statlist_read(&l, list, NULL) == 0)
		note_said(said, &l);
}

/* ---- what was brought ----------------------------------------------------------------------------------- */

static void offer_after(struct keepline *k, uint64_t ns)
{
	if (!loop_timer(k->loop, &k->offer, ns))
		LOG0(k->log, LOG_ERROR, "no memory to hand a status list to the keeper");
}

static void on_offer(struct timer *t, uint64_t now)
{
	struct keepline *k = CONTAINER_OF(t, struct keepline, offer);
	struct span lists = k->line ? lacks(&k->brought, &k->line->said) : SPAN_NONE;
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};
	int fd;

	(void)now;
	if (lists.n == 0)
		return;
	fd = sealed_text(lists, &why);
	if (fd < 0) {
		LOG(k->log, LOG_ERROR, "cannot hand a status list to the keeper", LF_STR("why", why.text));
	} else {
		keepmsg_write(&w, &(struct keepmsg){.type = KEEP_OFFER});
		if (chan_send(k->line->src.fd, wr_span(&w), &fd, 1) == 0 && k->brought.n == k->brought.full)
			k->line->said.full = k->brought.newest.number; /* or else the next time */
		close(fd);
	}
	offer_after(k, OFFER_AGAIN);
}

int keepline_offer(struct keepline *k, struct span list)
{
	struct statlist l;
	int rc = statlist_read(&l, list, NULL);

	if (rc < 0)
		return -ZT_E_SYNTAX;
	if (k->nspki == 0)
		return 0;
	rc = liststore_fits(&k->brought, &l);
	if (rc < 0)
		return rc == -ZT_E_EXISTS ? 0 : rc;
	if (statlist_signed_by(&l, &k->registry) < 0)
		return -ZT_E_DENIED;
	rc = liststore_add(&k->brought, list, &l);
	if (rc == 0)
		offer_after(k, k->line && k->line->said.seen.epoch ? 0 : GATHER);
	return rc;
}

/* ---- the line ----------------------------------------------------------------------------------------- */

static void ask_again(struct keep_src *s)
{
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	if (s->asked) /* everything was no good: it has to begin with another process or another list */
		return;
	s->asked = true;
	keepmsg_write(&w, &(struct keepmsg){.type = KEEP_WHOLE});
	chan_send(s->src.fd, wr_span(&w), NULL, 0); /* or else the next list asks */
}

static int take_packet(void *ctx, struct chan_packet *p)
{
	struct keep_src *s = ctx;
	struct keepline *k = s->k;
	struct keepmsg m;
	int rc = keepmsg_read(p->bytes, 'k', &m);

	if (rc < 0 || p->nfds != (m.type == KEEP_LIST))
		return -ZT_E_SYNTAX;
	if (m.type != KEEP_LIST) {
		k->stuck = m.type == KEEP_STUCK || (k->stuck && m.type != KEEP_IDENTITY);
		if (k->cls->told)
			k->cls->told(k->ctx, &m);
		return 0;
	}
	s->said.seen = (struct status_seen){.epoch = m.epoch, .number = m.number};
	if (k->nspki == 0)
		return 0;
	if (take_lists(k, p->fds[0]) < 0)
		ask_again(s);
	else
		s->asked = false;
	return 0;
}

/* false: no more now. */
static bool hear(struct keep_src *s)
{
	int rc = chan_next(s->src.fd, take_packet, s);

	if (rc < 0 && s->k) {
		if (rc != -ZT_E_CLOSED)
			LOG0(s->k->log, LOG_ERROR, "the keeper says what no keeper says: it is not listened to any more");
		hang_up(s->k);
	}
	return rc > 0 && s->k;
}

static void line_ready(struct source *src, unsigned events)
{
	struct keep_src *s = CONTAINER_OF(src, struct keep_src, src);

	(void)events;
	for (unsigned i = 0; i < PACKETS && s->k && hear(s); i++)
		continue;
}

static void line_reap(struct source *src)
{
	free(CONTAINER_OF(src, struct keep_src, src));
}

static const struct source_class line_class = {"keeper", loop_wants_in, line_ready, line_reap};

void keepline_link(struct keepline *k, int fd)
{
	struct keep_src *s = calloc(1, sizeof *s);

	hang_up(k);
	if (s)
		*s = (struct keep_src){.src = {.cls = &line_class, .fd = fd}, .k = k};
	if (s && loop_add(k->loop, &s->src) == 0) {
		k->line = s;
		if (k->brought.n)
			offer_after(k, GATHER);
		return;
	}
	LOG0(k->log, LOG_ERROR, "no memory for the line to the keeper");
	loop_stop(k->loop); /* lists would come no more: who is started in its place gets another */
	free(s);
	close(fd);
}

/* ---- begin and end -------------------------------------------------------------------------------------- */

int keepline_registry(struct keepline *k, struct span pem, struct why *w)
{
	uint8_t der[SPKI_MAX];
	struct pk_public key;
	unsigned line = 1;
	struct pem p;
	enum oid alg;
	int n = -1;

	if (pem_next(&pem, &line, &p, NULL) > 0 && span_eq_str(p.label, "PUBLIC KEY"))
		n = pem_decode(&p, der, sizeof der, NULL);
	if (n <= 0 || x509_spki(span_of(der, (size_t)n), &key, &alg) < 0)
		return why_set(w, ZT_E_KEY, KEEPLINE_REGISTRY ": there is no public key in it that can be used");
	if (k->nspki == (size_t)n && ct_eq(k->spki, der, (size_t)n))
		return 0;
	memcpy(k->spki, der, (size_t)n);
	k->nspki = (size_t)n;
	(void)x509_spki(span_of(k->spki, k->nspki), &k->registry, &alg); /* its spans are in spki */
	status_init(&k->view, k->view.entry, k->view.cap, &(struct status_seen){0});
	liststore_clear(&k->kept);
	liststore_clear(&k->brought);
	if (k->line) {
		k->line->asked = false;
		ask_again(k->line);
	}
	return 0;
}

int keepline_new(struct keepline **out, struct loop *l, struct log *log, const struct keepline_class *cls, void *ctx)
{
	struct keepline *k = calloc(1, sizeof *k);
	struct status_entry *mem = k ? calloc(STATLIST_MOST, sizeof *mem) : NULL;

	if (mem == NULL) {
		free(k);
		return -ZT_E_NOMEM;
	}
	k->loop = l;
	k->log = log;
	k->cls = cls;
	k->ctx = ctx;
	k->offer.fire = on_offer;
	status_init(&k->view, mem, STATLIST_MOST, &(struct status_seen){0});
	*out = k;
	return 0;
}

void keepline_stop(struct keepline *k)
{
	if (k == NULL)
		return;
	hang_up(k);
	loop_timer_stop(k->loop, &k->offer);
}

void keepline_free(struct keepline *k)
{
	if (k == NULL)
		return;
	free(k->view.entry);
	liststore_clear(&k->kept);
	liststore_clear(&k->brought);
	free(k);
}
