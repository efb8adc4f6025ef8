/*
 * export: key, certificate and its anchors as one file for a browser, a phone or a program: PEM, PKCS#12
 * or Apple's configuration profile. For `zt ca export`, and for whoever has just issued a certificate.
 */
#ifndef ZT_CA_EXPORT_H
#define ZT_CA_EXPORT_H

#include "serve/secretin.h"
#include "wire/p12.h"
#include "wire/x509.h"

enum export_format { EXPORT_PEM, EXPORT_P12, EXPORT_P12_MODERN, EXPORT_MOBILECONFIG, EXPORT_FORMATS };
#define EXPORT_FORMAT_NAMES "pem, p12, p12-modern or mobileconfig"
const char *export_suffix(enum export_format f); /* ".p12" */
int export_format_find(struct span name, enum export_format *out); /* 0, -ZT_E_UNKNOWN */

/* What goes in. */
struct export {
	struct x509 leaf;
	struct span anchors[P12_CERTS - 1]; /* DER; the one that signed first, then its other generations */
	size_t nanchors;
	const struct pk_private *key;
	struct span name;                   /* what people call it */
};
/* of: lists of anchors in DER, one behind the other, as CA_FACTS answers them. 0, -ZT_E_DENIED: none of
 * them signed the leaf; -ZT_E_KEY: the key is another one's. The spans must live as long. */
int export_of(struct export *e, struct span leaf, const struct span *of, size_t nof, struct why *w);

#define EXPORT_PASSWORD_GROUPS 4 /* of 25 bits each: PBE of the old kind must not be what protects it */
/* A fresh one of ASCII. */
void export_make_password(struct secret *s);

struct export_file {
	enum export_format format;
	struct span password;    /* of PKCS#12, also inside a profile; PEM has none */
	int dirfd;               /* AT_FDCWD with a path in name */
	const char *name;        /* "-": standard output */
	const char *shown;       /* for sentences */
};
/* Mode 0600; what is there already stays: -ZT_E_EXISTS. */
int export_write(const struct export *e, const struct export_file *f, struct why *w);

#endif
