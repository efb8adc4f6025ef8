/* Two readers of one hello. Invariant: what zt accepts as TLS 1.2 and BearSSL comes to serve has the
 * same name, the same answer about a protocol and the same fragment length in both. */
#include <stdlib.h>

#include "tests/fuzz/bearhello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[BOUND_CAP(BOUND_HELLO_BYTES)];
	char alpn[256] = "h2";
	struct hello h;
	struct bear b;
	int rc = hello_read(span_of(data, size), scratch, &h, NULL);

	if (rc <= 0 || !h.offers_tls12)
		return 0;
	if (h.alpn_n > 0 && span_to_cstr(h.alpn[h.alpn_n - 1], alpn, sizeof alpn) < 0)
		return 0; /* a NUL inside: nobody can configure it */
	bear_read(span_of(data, (size_t)rc), alpn, &b);
	if (!b.asked)
		return 0;
	MUST(span_ieq(span_str(b.name), span_str(h.name)));
	MUST(span_eq_str(span_str(b.alpn), hello_wants(&h, span_str(alpn)) ? alpn : ""));
	MUST(b.fragment == h.fragment);
	return 0;
}
