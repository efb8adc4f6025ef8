/* hello_kit: ClientHellos made to measure, for tests of who reads them. */
#ifndef ZT_HELLO_KIT_H
#define ZT_HELLO_KIT_H

#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/hello.h"

struct making { /* zero: an ordinary TLS 1.2 hello without extensions */
	uint16_t version, record_version; /* 0: 0x0303, 0x0301 */
	size_t session;
	struct span suites, compression;  /* .p NULL: ordinary ones */
	struct span extensions;           /* back to back, without the length before them */
	bool block;                       /* the length is there although there are none */
};

static uint8_t kit_mem[40000], kit_ext[40000];

static inline void kit_extension(struct wr *w, uint16_t type, struct span value)
{
	wr_be16(w, type);
	wr_be16(w, (uint16_t)value.n);
	wr_put(w, value);
}

/* A list of one name of the type. */
static inline void kit_name(struct wr *w, uint8_t type, struct span name)
{
	wr_be16(w, 0);
	wr_be16(w, (uint16_t)(name.n + 5));
	wr_be16(w, (uint16_t)(name.n + 3));
	wr_u8(w, type);
	wr_be16(w, (uint16_t)name.n);
	wr_put(w, name);
}

/* list: names with their length bytes before them. */
static inline void kit_alpn(struct wr *w, struct span list)
{
	wr_be16(w, 16);
	wr_be16(w, (uint16_t)(list.n + 2));
	wr_be16(w, (uint16_t)list.n);
	wr_put(w, list);
}

/* The message, without records. In kit_mem. */
static inline struct span kit_message(const struct making *m)
{
	struct wr w = wr_of(kit_mem, sizeof kit_mem);

	wr_be32(&w, 1u << 24); /* ClientHello; the length is patched in */
	wr_be16(&w, m->version ? m->version : 0x0303);
	for (uint8_t i = 0; i < 32; i++)
		wr_u8(&w, i);
	wr_u8(&w, (uint8_t)m->session);
	for (size_t i = 0; i < m->session; i++)
		wr_u8(&w, 0x55);
	wr_be16(&w, (uint16_t)(m->suites.p ? m->suites.n : 4));
	wr_put(&w, m->suites.p ? m->suites : SPAN_LIT("\xc0\x2b\xc0\x2f"));
	wr_u8(&w, (uint8_t)(m->compression.p ? m->compression.n : 1));
	wr_put(&w, m->compression.p ? m->compression : SPAN_LIT("\0"));
	if (m->block || m->extensions.n > 0)
		wr_be16(&w, (uint16_t)m->extensions.n);
	wr_put(&w, m->extensions);
	CHECK(!w.full && w.n - 4 < 65536);
	wr_patch_be16(&w, 2, (uint16_t)(w.n - 4));
	return wr_span(&w);
}

/* The message in records of at most `piece` bytes. */
static inline struct span kit_records(uint8_t *out, size_t cap, struct span message, uint16_t version, size_t piece)
{
	struct wr w = wr_of(out, cap);

	for (size_t at = 0; at < message.n; at += piece) {
		struct span part = span_sub(message, at, piece);

		wr_u8(&w, 22);
		wr_be16(&w, version ? version : 0x0301);
		wr_be16(&w, (uint16_t)part.n);
		wr_put(&w, part);
	}
	CHECK(!w.full);
	return wr_span(&w);
}

static uint8_t kit_out[80000], kit_scratch[BOUND_CAP(BOUND_HELLO_BYTES)];

static inline struct span kit_hello(const struct making *m)
{
	return kit_records(kit_out, sizeof kit_out, kit_message(m), m->record_version, 16384);
}

/* Read what was made; the sentence is in kit_why. */
static struct why kit_why;

static inline int kit_read(const struct making *m, struct hello *h)
{
	kit_why = (struct why){0};
	return hello_read(kit_hello(m), kit_scratch, h, &kit_why);
}

static inline struct wr extensions(void) { return wr_of(kit_ext, sizeof kit_ext); }

static inline int read_with(struct wr *ext, struct hello *h)
{
	struct making m = {.extensions = wr_span(ext)};

	return kit_read(&m, h);
}

#endif
