/*
 * flight: the gate of flight.h. Owns the order and size of a peer's handshake records up to its
 * Finished; never what is inside their messages but the type and length that say where one ends:
 * that is BearSSL's. Judges a record when its header is there, so that nothing is waited for that
 * would be refused.
 */
#include "flight.h"

#include "base/num.h"
#include "hello.h"
#include "nottls.h"
#include "record.h"

#define CLIENT_HELLO 1
#define FINISHED 20
#define TAG_ONLY 16        /* ChaCha20-Poly1305 sends no nonce */
#define NONCE_AND_TAG (8 + 16)
#define FINISHED_PLAIN 16  /* header, 12 bytes of proof; RFC 5246 section 7.4.9 */
#define ALERT_PLAIN 2

/* What a record of this type may be in this state. least..most: its length. */
struct rule {
	const char *no; /* refused, in words; NULL: allowed */
	size_t least, most;
	enum flight_state next;
};

#define SECOND_CCS "a second ChangeCipherSpec"
#define EARLY_DATA "application data before Finished"

static const struct rule rules[FLIGHT_DONE][4] = { /* [state][type - RECORD_CCS] */
	[FLIGHT_PLAIN] = {
		{NULL, 1, 1, FLIGHT_CCS},
		{NULL, ALERT_PLAIN, ALERT_PLAIN, FLIGHT_PLAIN},
		{NULL, 1, RECORD_PLAIN, FLIGHT_PLAIN},
		{EARLY_DATA, 0, 0, FLIGHT_PLAIN},
	},
	[FLIGHT_CCS] = {
		{SECOND_CCS, 0, 0, FLIGHT_CCS},
		{NULL, ALERT_PLAIN + TAG_ONLY, ALERT_PLAIN + NONCE_AND_TAG, FLIGHT_CCS},
		{NULL, FINISHED_PLAIN + TAG_ONLY, FINISHED_PLAIN + NONCE_AND_TAG, FLIGHT_DONE},
		{EARLY_DATA, 0, 0, FLIGHT_CCS},
	},
};

_Static_assert(FLIGHT_FINISHED == RECORD_HEADER + FINISHED_PLAIN + NONCE_AND_TAG, "the most a Finished can be");
_Static_assert(FLIGHT_RECORD == RECORD_HEADER + RECORD_PLAIN, "the most a plaintext record can be");

struct header {
	uint8_t type;
	uint16_t version;
	size_t n;
};

/* An alert may be of the version that the peer would rather speak. */
static bool good_version(const struct flight *f, const struct header *h)
{
	return h->version == TLS12 ||
	       (f->state == FLIGHT_PLAIN && h->type == RECORD_ALERT && h->version >= 0x0300 && h->version < TLS12);
}

static int judge(const struct flight *f, const struct header *h, struct why *w)
{
	const struct rule *rule;

	if (h->type < RECORD_CCS || h->type > RECORD_DATA)
		return why_set(w, ZT_E_SYNTAX, "the peer sent a record of unknown type %u", h->type);
	rule = &rules[f->state][h->type - RECORD_CCS];
	if (!good_version(f, h))
		return why_set(w, ZT_E_VERSION, "the peer sent a record of version 0x%04x; zt speaks TLS 1.2, 0x0303",
			       h->version);
	if (rule->no)
		return why_set(w, ZT_E_DENIED, "the peer sent %s", rule->no);
	if (h->n < rule->least || h->n > rule->most)
		return why_set(w, ZT_E_SYNTAX, "the peer sent a record of type %u with %zu bytes%s", h->type, h->n,
			       f->state == FLIGHT_CCS ? " where Finished is due" : "");
	if (f->records == FLIGHT_RECORDS)
		return why_set(w, ZT_E_TOOLONG, "the peer's handshake has more than %u records", FLIGHT_RECORDS);
	if (f->bytes + RECORD_HEADER + h->n > FLIGHT_BYTES)
		return why_set(w, ZT_E_TOOLONG, "the peer's handshake has more than %u bytes", FLIGHT_BYTES);
	if (h->type == RECORD_ALERT && f->alerts == FLIGHT_ALERTS)
		return why_set(w, ZT_E_TOOLONG, "the peer sent more than %u warnings", FLIGHT_ALERTS);
	return 0;
}

/* A message's header is complete. */
static int begin_message(struct flight *f, struct why *w)
{
	struct rd r = rd_of(span_of(f->head, sizeof f->head));
	uint8_t type = rd_u8(&r), high = rd_u8(&r);

	f->body = (uint32_t)high << 16 | rd_be16(&r);
	f->headed = 0;
	if (type == CLIENT_HELLO)
		return why_set(w, ZT_E_DENIED, "the peer sent a second hello");
	if (type == FINISHED)
		return why_set(w, ZT_E_DENIED, "the peer sent Finished in the clear");
	if (f->body > FLIGHT_BYTES)
		return why_set(w, ZT_E_TOOLONG, "the peer announces a message of %u bytes", (unsigned)f->body);
	return 0;
}

/* Follows the messages through a plaintext handshake record: where one ends the next begins, also
 * across records. */
static int follow(struct flight *f, struct span payload, struct why *w)
{
	struct rd r = rd_of(payload);
	int rc = 0;

	while (rd_left(&r) > 0 && rc == 0) {
		if (f->body > 0) {
			size_t n = num_min(f->body, rd_left(&r));

			rd_bytes(&r, n);
			f->body -= (uint32_t)n;
			continue;
		}
		f->head[f->headed++] = rd_u8(&r);
		if (f->headed == sizeof f->head)
			rc = begin_message(f, w);
	}
	return rc;
}

static int look_inside(struct flight *f, const struct header *h, struct span payload, struct why *w)
{
	if (f->state != FLIGHT_PLAIN)
		return 0; /* sealed */
	if (h->type == RECORD_HANDSHAKE)
		return follow(f, payload, w);
	if (h->type == RECORD_ALERT)
		return 0;
	if (f->body > 0 || f->headed > 0)
		return why_set(w, ZT_E_DENIED, "the peer changed its cipher inside a message");
	if (payload.p[0] != 1) /* RFC 5246 section 7.1 */
		return why_set(w, ZT_E_SYNTAX, "the peer's ChangeCipherSpec holds %u, not 1", payload.p[0]);
	return 0;
}

static int not_tls(struct span s, struct why *w)
{
	bool more;
	const char *what = nottls(s, &more);

	if (what)
		return why_set(w, ZT_E_UNKNOWN, "the peer speaks %s, not TLS", what);
	if (more)
		return ZT_MORE;
	return why_set(w, ZT_E_UNKNOWN, "what the peer speaks is not TLS (first byte 0x%02x)", s.p[0]);
}

int flight_next(struct flight *f, struct span s, struct why *w)
{
	struct rd r = rd_of(s);
	struct header h;
	struct span payload;
	int rc;

	if (f->state == FLIGHT_DONE || s.n == 0)
		return ZT_MORE;
	if (f->records == 0 && (s.p[0] < RECORD_CCS || s.p[0] > RECORD_DATA))
		return not_tls(s, w);
	h.type = rd_u8(&r);
	h.version = rd_be16(&r);
	h.n = rd_be16(&r);
	if (r.bad)
		return ZT_MORE;
	rc = judge(f, &h, w);
	if (rc < 0)
		return rc;
	payload = rd_bytes(&r, h.n);
	if (r.bad)
		return ZT_MORE;
	rc = look_inside(f, &h, payload, w);
	if (rc < 0)
		return rc;
	f->records++;
	f->alerts += h.type == RECORD_ALERT;
	f->bytes += RECORD_HEADER + h.n;
	f->state = rules[f->state][h.type - RECORD_CCS].next;
	return (int)(RECORD_HEADER + h.n);
}
