/*
 * httpresp: the head of one response, as strictly as requests (RFC 9112): an origin is not trusted either. Pure.
 *
 * Spans point into the head that was read: it must outlive them.
 */
#ifndef ZT_HTTPRESP_H
#define ZT_HTTPRESP_H

#include "wire/httpbody.h"

#define HTTPRESP_INTERIM 16 /* answers of 1xx to one request; whoever reads more of them gives up */

struct httpresp {
	uint8_t minor;
	uint8_t refusal;     /* enum http_refusal, after an error */
	uint16_t status;     /* 100 to 599 */
	bool interim;        /* 1xx but not 101: the answer is still to come */
	bool keep;           /* the origin will take another request, once the body is read to its end */
	struct span reason;  /* may be empty */
	struct span upgrade; /* of a 101 */
	struct httpframing body;
	struct httpfields fields;
};

/* head: a whole head, as long as httpscan_more() said. 0, or < 0 with ->refusal set and nothing else. */
int httpresp_read(struct span head, struct httpbody_asked asked, struct httpresp *out);

#endif
