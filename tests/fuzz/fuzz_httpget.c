/* Requests of machines. Invariants: spans lie inside the head; what was consumed ends in an empty line
 * and is read the same without what follows; no beginning of a good request is refused; a refusal stays
 * one whatever comes behind it. */
#include <stdlib.h>
#include <string.h>

#include "wire/httpget.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static bool inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

static void check_good(struct span in, const struct httpget *g, int used)
{
	struct span head = span_sub(in, 0, (size_t)used), v;
	struct httpget again;

	MUST((size_t)used <= in.n && used <= HTTPGET_HEAD && g->status == 0 && span_ends(head, "\r\n\r\n"));
	MUST(inside(g->path, head) && inside(g->query, head) && inside(g->host, head));
	MUST(span_starts(g->path, "/") && g->minor <= 1);
	MUST(memchr(g->path.p, '%', g->path.n) == NULL);
	MUST(httpget_read(head, &again) == used && span_eq(again.path, g->path) && again.head == g->head);
	for (size_t cut = 0; cut < head.n; cut++)
		MUST(httpget_read(span_sub(head, 0, cut), &again) == ZT_MORE);
	if (httpget_param(g, "since", &v))
		MUST(inside(v, g->query));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t longer[1 << 15];
	struct span in = span_of(data, n);
	struct httpget g, more;
	int rc = httpget_read(in, &g);

	if (rc > 0) {
		check_good(in, &g, rc);
	} else if (rc < 0) {
		MUST(g.status >= 400 && g.path.n == 0 && g.host.n == 0 && g.query.n == 0);
		if (n < sizeof longer - 2) {
			if (n)
				memcpy(longer, data, n);
			memcpy(longer + n, "\r\n", 2);
			MUST(httpget_read(span_of(longer, n + 2), &more) < 0);
		}
	} else {
		MUST(n < HTTPGET_HEAD && g.status == 0 && g.path.n == 0);
	}
	return 0;
}
