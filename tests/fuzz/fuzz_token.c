/* A join token is whatever somebody pastes. Invariant: what is believed is written back character for
 * character, without the blanks around it; what is refused leaves nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/ct.h"
#include "wire/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void try(struct span text)
{
	static char mem[TOKEN_TEXT_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	static const struct token zero;
	struct why why = {0};
	struct token t;
	int rc = token_read(&t, text, &why);

	if (rc < 0) {
		MUST(rc == -ZT_E_TOKEN && why.text[0] && ct_eq(&t, &zero, sizeof t));
		return;
	}
	token_write(&w, &t);
	MUST(!w.full && w.n <= text.n);
	while (text.n && text.p[0] <= ' ')
		text = span_sub(text, 1, text.n);
	MUST(span_eq(wr_span(&w), span_sub(text, 0, w.n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[2 * TOKEN_TEXT_MAX];
	static uint8_t raw[TOKEN_BYTES];

	try(span_of(data, size));
	if (size > sizeof raw - 4)
		return 0;
	/* the same bytes with a right checksum: nobody finds one by chance */
	struct wr w = wr_of(raw, sizeof raw);

	wr_bytes(&w, data, size);
	wr_le32(&w, crc32c(0, data, size));
	memcpy(text, "zt1_", 4);
	ct_b64url_encode(raw, w.n, text + 4);
	try(span_of(text, 4 + CT_B64_LEN(w.n)));
	return 0;
}
