/* A list is fetched while the kernel or the allocator says no, at every call in turn: it comes whole, or its
 * reader is told why, once; and the next one comes. */
#include "serve/cadocs.h"

#include <errno.h>

#include "base/num.h"
#include "tests/unit/serve/caline_kit.h"
#include "tests/unit/wrapio.h"

#define LIST (CASIGN_PART + 100)

struct reader {
	struct cadoc_wait w;
	unsigned told;
	bool whole;
	enum zt_err err;
};

static void on_doc(struct cadoc_wait *w, struct cadoc *doc, const struct why *why)
{
	struct reader *r = CONTAINER_OF(w, struct reader, w);

	r->told++;
	r->whole = doc && doc->n == LIST && doc->bytes[0] == 7 && doc->bytes[LIST - 1] == 7;
	r->err = doc ? ZT_OK : why->err;
}

/* ca-sign, beside all faults: answers what is there, and comes back when its line was lost. */
static void serve(struct kit *k)
{
	static uint8_t bytes[CASIGN_PART];
	struct casign m, ok = {.type = CA_OK};
	uint8_t num[2][8];

	memset(bytes, 7, sizeof bytes);
	if (caline_number(k->line) == 0)
		kit_link(k);
	if (!kit_asked(k, &m))
		return;
	casign_put_num(&ok, CAF_NUMBER, 3, num[0]);
	casign_put_num(&ok, CAF_TOTAL, LIST, num[1]);
	casign_put(&ok, CAF_PART, span_of(bytes, num_min(LIST - casign_u64(&m, CAF_OFFSET), CASIGN_PART)));
	kit_say(k, &ok);
}

/* Answers how many calls there were. The first of each kind is caline's; the kit's own come after it. */
static unsigned fetch(enum wrap_call call, unsigned nth, int sys)
{
	const struct cadoc_key key = {.kind = CADOC_CRL, .anchor = ANCHOR_INFRA};
	struct reader r = {.w.done = on_doc};
	struct cadocs *c;
	struct kit k;
	unsigned met;
	int rc;

	kit_open(&k);
	CHECK_INT(cadocs_new(&c, k.line), 0);
	kit_link(&k);
	wrap_reset();
	wrap_fail(call, nth, sys, 1);
	rc = cadocs_get(c, &key, &r.w);
	for (unsigned i = 0; rc == 0 && i < 20 && !r.told; i++)
		serve(&k);
	met = wrap_count(call);
	wrap_reset();
	if (rc < 0)
		CHECK_INT(rc, -ZT_E_NOMEM);
	else if (!r.whole)
		CHECK(r.told == 1 && r.err == ZT_E_NOMEM);
	r.told = 0;
	CHECK_INT(cadocs_get(c, &key, &r.w), 0);
	for (unsigned i = 0; i < 20 && !r.told; i++)
		serve(&k);
	CHECK(r.told == 1 && r.whole);
	cadocs_free(c);
	kit_turns(&k);
	kit_close(&k);
	return met;
}

TEST(no_memory_at_any_call)
{
	unsigned nth = 1;

	while (fetch(WRAP_MALLOC, nth, ENOMEM) >= nth && nth < 40)
		nth++;
	CHECK(nth > 3 && nth < 40); /* two questions, the document */
}

/* The first send() is the question's. A full buffer is waited for; a line that takes nothing is another's. */
TEST(a_socket_that_does_not_take_a_question)
{
	CHECK(fetch(WRAP_SEND, 1, EAGAIN) >= 2);
	CHECK(fetch(WRAP_SEND, 1, ENOBUFS) >= 2);
	CHECK(fetch(WRAP_SEND, 1, EINTR) >= 2);
	CHECK(fetch(WRAP_SEND, 1, EPIPE) >= 2);
}
