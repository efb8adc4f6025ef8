/*
 * inifeed: configuration text -> events with line numbers. Our own line reader (iniline)
 * judges every line and hands only the good ones to inih's ini_parse_stream(), which stays
 * the splitter of keys and values. Whatever inih then answers is compared with what the
 * judge saw; a difference, or a line that inih swallowed, is a fault and never a value.
 *
 * The only file that includes ini.h. Pure: memory in, callbacks out.
 */
#ifndef ZT_INIFEED_H
#define ZT_INIFEED_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* Spans last until the callback returns. line counts from 1. */
struct inifeed_sink {
	void (*section)(void *ctx, uint32_t line, struct span kind, struct span name); /* name.n 0: none */
	void (*pair)(void *ctx, uint32_t line, struct span key, struct span value);
	void (*more)(void *ctx, uint32_t line, struct span value); /* continues the last pair */
	void (*fault)(void *ctx, uint32_t line, enum zt_err e, const char *text);
	void (*warn)(void *ctx, uint32_t line, const char *text);
};

/* 0 when the whole text was read, however many faults were told; -ZT_E_NOMEM when an inih
 * built with a heap buffer got none. */
int inifeed(struct span text, const struct inifeed_sink *sink, void *ctx);

#endif
