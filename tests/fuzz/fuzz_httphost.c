/* Hosts. Invariants: what was read is lower case, without a dot at its end, no longer than a name may be, and is
 * read as the same again; a refused one leaves nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "wire/httphost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct httphost h, again;
	char text[HTTPHOST_MAX + 3];
	struct wr w = wr_of(text, sizeof text);

	if (httphost_read(span_of(data, n), &h) < 0) {
		MUST(h.kind == HTTPHOST_NONE && h.n == 0 && h.port == 0 && h.text[0] == 0);
		MUST(!httphost_same(&h, &h));
		return 0;
	}
	MUST(h.n && h.n <= HTTPHOST_MAX && strlen(h.text) == h.n && h.text[h.n - 1] != '.');
	for (size_t i = 0; i < h.n; i++)
		MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", h.text[i]) ||
		     (h.kind == HTTPHOST_IP && h.text[i] == ':'));
	wr_str(&w, strchr(h.text, ':') ? "[" : "");
	wr_str(&w, h.text);
	wr_str(&w, strchr(h.text, ':') ? "]" : "");
	MUST(!w.full && httphost_read(wr_span(&w), &again) == 0 && httphost_same(&h, &again) && again.port == 0);
	return 0;
}
