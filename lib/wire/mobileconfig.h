/*
 * mobileconfig: an Apple configuration profile (property list in XML) with an identity (PKCS#12) and
 * the authorities to trust. The password is left out, the device asks for it. Pure.
 */
#ifndef ZT_MOBILECONFIG_H
#define ZT_MOBILECONFIG_H

#include "base/err.h"
#include "base/span.h"

#define MOBILECONFIG_ROOTS 4
#define MOBILECONFIG_TEXT_MAX 256 /* bytes of title and of id */

struct mobileconfig {
	struct span title;        /* shown to the user, UTF-8, no control characters */
	struct span id;           /* reverse-DNS like "zt.device.0123abcd": [A-Za-z0-9.-] */
	struct span p12;
	struct span roots[MOBILECONFIG_ROOTS]; /* DER */
	size_t nroots;
	uint8_t uuid[2 + MOBILECONFIG_ROOTS][16]; /* random: of the profile, the identity, each root */
};
/* 0, -ZT_E_FULL, -ZT_E_UTF8 (title), -ZT_E_RANGE (empty or too long, a character that XML or an id
 * cannot have, no identity, too many roots). What is refused leaves w as it was. */
int mobileconfig_write(struct wr *w, const struct mobileconfig *m);

#endif
