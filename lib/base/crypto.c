/* crypto: thin wrappers over BearSSL's hashes, and getrandom. */
#include "crypto.h"

#include <errno.h>
#include <sys/random.h>

#include <bearssl.h>

#include "ct.h"
#include "err.h"

/* The library puts the last block together in a frame of its own, which is where ours would be now, and leaves it. */
__attribute__((noinline)) static void wipe_below(void)
{
	uint8_t frames[512];

	wipe(frames, sizeof frames);
}

void sha256(struct span in, uint8_t out[static SHA256_LEN])
{
	sha256_two(in, SPAN_NONE, out);
}

void sha256_two(struct span a, struct span b, uint8_t out[static SHA256_LEN])
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, a.p, a.n);
	br_sha256_update(&c, b.p, b.n);
	br_sha256_out(&c, out);
	wipe(&c, sizeof c); /* holds the last block of what may be a secret */
	wipe_below();
}

void hmac_sha256(struct span key, struct span in, uint8_t out[static SHA256_LEN])
{
	br_hmac_key_context k;
	br_hmac_context c;

	br_hmac_key_init(&k, &br_sha256_vtable, key.p, key.n);
	br_hmac_init(&c, &k, 0);
	br_hmac_update(&c, in.p, in.n);
	br_hmac_out(&c, out);
	wipe(&k, sizeof k);
	wipe(&c, sizeof c);
}

void random_bytes(void *out, size_t n)
{
	uint8_t *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		ZT_ASSERT(got > 0);
		p += got;
		n -= (size_t)got;
	}
}

uint32_t random_below(uint32_t below)
{
	/* Reject the first 2^32 mod below values, so that the rest divides evenly. */
	uint32_t reject, v;

	ZT_ASSERT(below > 0);
	reject = -below % below;
	do
		random_bytes(&v, sizeof v);
	while (v < reject);
	return v % below;
}
