/*
 * num: arithmetic on lengths that cannot wrap. True means "it did not fit": the habit is
 *     if (num_add(a, b, &sum)) return -ZT_E_RANGE;
 */
#ifndef ZT_NUM_H
#define ZT_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool num_add(size_t a, size_t b, size_t *out) { return __builtin_add_overflow(a, b, out); }
static inline bool num_sub(size_t a, size_t b, size_t *out) { return __builtin_sub_overflow(a, b, out); }
static inline bool num_mul(size_t a, size_t b, size_t *out) { return __builtin_mul_overflow(a, b, out); }
static inline bool num_add64(uint64_t a, uint64_t b, uint64_t *out) { return __builtin_add_overflow(a, b, out); }
static inline bool num_mul64(uint64_t a, uint64_t b, uint64_t *out) { return __builtin_mul_overflow(a, b, out); }
/* Sums of times and counters that may stop at the top instead of failing. */
static inline uint64_t num_add64_sat(uint64_t a, uint64_t b)
{
	uint64_t out;
	return __builtin_add_overflow(a, b, &out) ? UINT64_MAX : out;
}
static inline size_t num_min(size_t a, size_t b) { return a < b ? a : b; }
static inline uint64_t num_min64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t num_max64(uint64_t a, uint64_t b) { return a > b ? a : b; }

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The struct that holds member m, from a pointer to m. */
#define CONTAINER_OF(ptr, type, m) ((type *)(void *)((char *)(ptr)-offsetof(type, m)))

#endif
