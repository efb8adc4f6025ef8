/* Frames. Invariants: what is read is written again byte for byte (HELLO: but for what a later version says
 * behind it); no beginning of a good frame is refused; a refusal stays one whatever follows. */
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())

static void check_payload(const struct frame *f)
{
	uint8_t mem[600];
	struct wr w = wr_of(mem, sizeof mem);
	struct frame_hello h;
	struct frame_open o;
	struct frame_resets r;
	struct frame_goaway g;
	int rc = -1;

	if (f->type == FRAME_HELLO && (rc = frame_hello_read(f->payload, &h)) == 0)
		frame_hello_write(&w, &h);
	if (f->type == FRAME_OPEN && (rc = frame_open_read(f->payload, &o)) == 0)
		frame_open_write(&w, &o);
	if (f->type == FRAME_RESET && (rc = frame_reset_read(f->payload, &r)) == 0)
		frame_reset_write(&w, &r);
	if (f->type == FRAME_GOAWAY && (rc = frame_goaway_read(f->payload, &g)) == 0)
		frame_goaway_write(&w, &g);
	if (rc < 0)
		return;
	MUST(!w.full && w.n <= f->payload.n && memcmp(mem, f->payload.p, w.n) == 0);
	MUST(w.n == f->payload.n || f->type == FRAME_HELLO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);

	while (in.n) {
		uint8_t head[FRAME_HEADER];
		struct wr w = wr_of(head, sizeof head);
		struct frame f, again;
		int rc = frame_read(in, &f);

		if (rc <= 0) {
			MUST(rc < 0 || in.n < FRAME_HEADER + FRAME_PAYLOAD);
			MUST(rc == 0 || frame_read(span_sub(in, 0, FRAME_HEADER), &again) == rc);
			break;
		}
		MUST((size_t)rc == FRAME_HEADER + f.payload.n && (size_t)rc <= in.n && f.payload.n == f.length);
		frame_head(&w, f.type, f.flags, f.stream, f.length);
		MUST(memcmp(head, in.p, sizeof head) == 0);
		for (size_t cut = 0; cut < (size_t)rc && cut < 600; cut++)
			MUST(frame_read(span_sub(in, 0, cut), &again) == ZT_MORE);
		check_payload(&f);
		in = span_sub(in, (size_t)rc, in.n);
	}
	return 0;
}
