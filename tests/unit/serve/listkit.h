/* For tests that need signed status lists: an authority with one key. */
#ifndef ZT_LISTKIT_H
#define ZT_LISTKIT_H

#include <string.h>

#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/pem.h"
#include "wire/statlist.h"

#define LIST_ROOM 8

struct signs {
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], bytes[STATLIST_BYTES(LIST_ROOM)];
	struct pk_private key;
	struct pk_public pub;
	char pem[400];
	int64_t now; /* seconds since 1970 */
};

static inline void signs_make(struct signs *s, int64_t now)
{
	/* RFC 5480 section 2.1.1: id-ecPublicKey, prime256v1, and 65 bytes of a point */
	static const uint8_t spki[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
				       0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
	uint8_t der[sizeof spki + 65];
	struct wr w = wr_of(s->pem, sizeof s->pem - 1);

	s->now = now;
	CHECK_INT(pk_generate(PK_P256, s->scalar, sizeof s->scalar), 32);
	s->key = (struct pk_private){.type = PK_P256, .scalar = span_of(s->scalar, 32)};
	s->pub = (struct pk_public){.type = PK_P256};
	s->pub.point = span_of(s->point, (size_t)pk_point(&s->key, s->point, sizeof s->point));
	NEED(s->pub.point.n == 65);
	memcpy(der, spki, sizeof spki);
	memcpy(&der[sizeof spki], s->point, 65);
	pem_write(&w, "PUBLIC KEY", span_of(der, sizeof der));
	NEED(!w.full);
	s->pem[w.n] = 0;
}

/* base 0: a full list. n certificates, their keys one byte each from 1 on, all in this state. Valid until the next. */
static inline struct span signs_list(struct signs *s, uint64_t epoch, uint64_t number, uint64_t base, uint32_t n, enum status_state state)
{
	const struct statlist l = {.kind = base ? STATLIST_DELTA : STATLIST_FULL, .epoch = epoch, .number = number, .base = base,
				   .issued = s->now, .n = n};
	struct wr w = wr_of(s->bytes, sizeof s->bytes);

	statlist_write_head(&w, &l);
	for (uint32_t i = 0; i < n; i++) {
		struct status_entry e = {.what = STATUS_CERT, .state = (uint8_t)state};

		memset(e.key, (int)i + 1, sizeof e.key);
		statlist_write_entry(&w, &e);
	}
	CHECK_INT(statlist_seal(&w, 0, &s->key), 0);
	return wr_span(&w);
}

#endif
