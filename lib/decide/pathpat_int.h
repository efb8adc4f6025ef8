/* pathpat_int: the program that pathpat.c writes and pathrun.c runs. Nobody else includes it. */
#ifndef ZT_PATHPAT_INT_H
#define ZT_PATHPAT_INT_H

#include "pathpat.h"

enum op_kind { OP_BYTE, OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };

struct op {
	uint8_t kind;
	uint8_t byte;  /* BYTE; SET: its number */
	int16_t x, y;  /* relative to the step: JUMP x, SPLIT x and y */
};

struct set {
	uint32_t bits[8]; /* one for each byte */
};

struct pathpat {
	const struct op *ops;
	const struct set *sets;
	size_t n;
};

static inline bool set_has(const struct set *s, uint8_t c)
{
	return s->bits[c >> 5] >> (c & 31) & 1;
}

#endif
