/*
 * clock: the only source of time. Everything that waits, expires or stamps is handed a
 * struct clock, so that tests own time. Deadlines use mono; wall is for certificates,
 * codes, cookies and log stamps only, because it may jump.
 */
#ifndef ZT_CLOCK_H
#define ZT_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* Unix time in seconds that is past for certain: this version is not older (2026-11-01). A wall
 * clock before it is wrong, and no certificate is believed by it. A constant, not the time of the
 * build, so that two builds are the same. */
#define CLOCK_FLOOR_S INT64_C(1793491200)

struct clock {
	uint64_t (*mono_ns)(const struct clock *c); /* never goes back; arbitrary origin */
	int64_t (*wall_ms)(const struct clock *c);  /* Unix time in milliseconds */
};

extern const struct clock clock_real;

/* A clock that stands still until a test moves it. */
struct clock_fake {
	struct clock clock;
	uint64_t mono_ns;
	int64_t wall_ms;
};
void clock_fake_init(struct clock_fake *f, uint64_t mono_ns, int64_t wall_ms);
void clock_fake_step(struct clock_fake *f, uint64_t ns); /* moves both */

static inline uint64_t clock_mono(const struct clock *c) { return c->mono_ns(c); }
static inline int64_t clock_wall(const struct clock *c) { return c->wall_ms(c); }

/* "2026-11-21T03:12:26.123Z" (RFC 3339). cap >= 25, else an empty string. */
#define CLOCK_RFC3339_LEN 25
void clock_rfc3339(int64_t wall_ms, char *out, size_t cap);

#endif
