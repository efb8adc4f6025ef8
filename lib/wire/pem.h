/*
 * pem: RFC 7468 text armour, strict where it matters (labels match, only base64 inside,
 * correct padding) and tolerant where files in the world differ (CRLF, blanks at line ends,
 * text between blocks, any line length, a byte order mark). Decoding is constant-time on the
 * contents: private keys pass through here. No sentence of an error shows contents.
 */
#ifndef ZT_PEM_H
#define ZT_PEM_H

#include "base/err.h"
#include "base/span.h"

#define PEM_LABEL_MAX 64

struct pem {
	struct span label;  /* "CERTIFICATE"; printable ASCII, at most PEM_LABEL_MAX */
	struct span body;   /* the base64 text between the lines */
	struct span headers;/* RFC 1421 lines ("Proc-Type: 4,ENCRYPTED"), empty as a rule */
	unsigned line;      /* of BEGIN, from 1 */
};

/* The next block. *text moves behind it. 1, 0 when no further BEGIN line follows, or
 * -ZT_E_SYNTAX with a sentence that names the line. *line counts lines and must start at 1. */
int pem_next(struct span *text, unsigned *line, struct pem *out, struct why *w);
/* Bytes written to out (at most cap; body.n / 4 * 3 always suffices), -ZT_E_SYNTAX,
 * -ZT_E_TOOLONG; after these nothing of the contents is left in out. */
int pem_decode(const struct pem *p, uint8_t *out, size_t cap, struct why *w);
/* BEGIN line, 64 columns, END line. */
void pem_write(struct wr *w, const char *label, struct span der);

#endif
