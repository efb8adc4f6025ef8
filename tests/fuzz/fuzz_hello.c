/* The first bytes of a stranger. Invariants: spans stay inside, the name is canonical, how the bytes
 * arrive and how records cut them changes nothing, and a refusal leaves nothing behind. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "wire/addr.h"
#include "wire/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static uint8_t scratch[BOUND_CAP(BOUND_HELLO_BYTES)], again[BOUND_CAP(BOUND_HELLO_BYTES)],
	cut[BOUND_CAP(BOUND_HELLO_BYTES) + 5 * HELLO_RECORDS];

static void inside(struct span s)
{
	MUST(s.n == 0 || (s.p >= scratch && s.n <= sizeof scratch && s.p + s.n <= scratch + sizeof scratch));
}

static void check_good(const struct hello *h, int rc, size_t size)
{
	size_t len = strlen(h->name);

	MUST((size_t)rc <= size && h->message + 5 <= (size_t)rc && h->message <= sizeof scratch);
	MUST((size_t)rc <= sizeof cut);
	inside(h->random), inside(h->session_id), inside(h->suites);
	MUST(h->random.n == 32 && h->session_id.n <= 32 && h->suites.n >= 2 && h->suites.n % 2 == 0);
	MUST(h->version > 0x0300 && (!h->offers_tls12 || h->version >= 0x0303));
	MUST(len == 0 || addr_is_hostname(span_str(h->name)));
	for (size_t i = 0; i < len; i++)
		MUST(h->name[i] < 'A' || h->name[i] > 'Z');
	MUST(h->alpn_n <= HELLO_ALPN);
	for (size_t i = 0; i < h->alpn_n; i++) {
		inside(h->alpn[i]);
		MUST(h->alpn[i].n > 0 && h->alpn[i].n < 256 && hello_wants(h, h->alpn[i]));
	}
	MUST(h->fragment == 0 || (h->fragment >= 512 && h->fragment <= 4096));
}

/* The same message in records of another size is the same hello. */
static void recut(const struct hello *h, uint16_t version, size_t piece)
{
	struct wr w = wr_of(cut, sizeof cut);
	struct span message = span_of(scratch, h->message);
	struct hello other;

	for (size_t at = 0; at < message.n; at += piece) {
		struct span part = span_sub(message, at, piece);

		wr_u8(&w, 22);
		wr_be16(&w, version);
		wr_be16(&w, (uint16_t)part.n);
		wr_put(&w, part);
	}
	MUST(!w.full);
	MUST(hello_read(wr_span(&w), again, &other, NULL) == (int)w.n);
	MUST(strcmp(h->name, other.name) == 0 && h->alpn_n == other.alpn_n && h->message == other.message);
	MUST(h->offers_tls12 == other.offers_tls12 && h->offers_tls13 == other.offers_tls13);
	MUST(span_eq(h->suites, other.suites) && h->fragment == other.fragment);
}

/* What n bytes of a stream say whose end says rc and why. */
static void check_prefix(const uint8_t *data, size_t n, int rc, const struct why *why)
{
	struct why early = {0};
	struct hello h;
	int got = hello_read(span_of(data, n), again, &h, &early);

	if (rc > 0 && n >= (size_t)rc)
		MUST(got == rc);
	else if (rc >= 0)
		MUST(got == ZT_MORE);
	else
		MUST(got == ZT_MORE || (got == rc && strcmp(early.text, why->text) == 0));
	MUST(got > 0 || (h.message == 0 && h.name[0] == 0 && h.alpn_n == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why = {0};
	struct hello h;
	int rc = hello_read(span_of(data, size), scratch, &h, &why);
	size_t n = 0;

	MUST(rc >= 0 || rc == -ZT_E_SYNTAX || rc == -ZT_E_DUP || rc == -ZT_E_TOOLONG || rc == -ZT_E_VERSION);
	MUST((rc < 0) == (why.err != 0) && (rc >= 0 || -rc == (int)why.err));
	if (rc > 0) {
		check_good(&h, rc, size);
		recut(&h, (uint16_t)(data[1] << 8 | data[2]), 16384);
		recut(&h, (uint16_t)(data[1] << 8 | data[2]), h.message / HELLO_RECORDS + 1);
	}
	for (size_t step = 1; n < size; n += step, step += step / 4) /* some forty prefixes */
		check_prefix(data, n, rc, &why);
	if (size > 0)
		check_prefix(data, size - 1, rc, &why);
	if (rc > 1)
		check_prefix(data, (size_t)rc - 1, rc, &why);
	return 0;
}
