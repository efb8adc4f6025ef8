/* certrole_kit: an authority of rolekit.h, and a certificate that it is about to issue. */
#ifndef ZT_CERTROLE_KIT_H
#define ZT_CERTROLE_KIT_H

#include "tests/unit/decide/rolekit.h"

#define NOW ROLEKIT_NOW
#define DAY INT64_C(86400)
#define ID ROLEKIT_ID

static const uint8_t serial_bytes[CERT_SERIAL] = {0x7f, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff};

struct world {
	struct authority ca;
	struct pair leaf;
	uint8_t mem[2048];
	struct cert_wish wish;
	struct why why;
};

static inline void world_make(struct world *t, enum cert_role role)
{
	t->why = (struct why){0};
	authority_make(&t->ca, cert_role(role)->anchor);
	pair_make(&t->leaf, PK_P256);
	t->wish = (struct cert_wish){.role = role, .id = SPAN_LIT(ID), .serial = span_of(serial_bytes, CERT_SERIAL),
				     .spki = t->leaf.spki, .now = NOW};
	if (cert_role(role)->needs_name) {
		t->wish.san[0] = (struct san){SAN_DNS, SPAN_LIT("nas.home.arpa")};
		t->wish.nsans = 1;
	}
}

#endif
