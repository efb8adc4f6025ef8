/*
 * tlsmsg: the codec of tlsmsg.h and the tables of faults and alerts. Owns the layout of every
 * message and the limits inside one; never knows which handshakes are alive. What it writes it
 * would read, and what it reads it would write byte for byte.
 */
#include "tlsmsg.h"

#include <string.h>

#include "base/num.h"

#define KEYS_LEN (32 + 12 + 8) /* key, IV, sequence number */
#define OWN_LEN 32             /* SHA-256 */

/* The limits of the fields bound the whole: no message can pass TLSMSG_MAX. A text's NUL makes room
 * for its length byte. */
_Static_assert(TLSMSG_HEADER + 4 + 2 * KEYS_LEN + TLS_NAME + TLS_ALPN + 1 + OWN_LEN + 1 + 2 * TLS_CHAIN + TLS_CHAIN_BYTES <=
		       TLSMSG_MAX,
	       "the longest DONE");
_Static_assert(TLSMSG_HEADER + 2 + TLS_NAME + TLS_ALPN + TLSMSG_RECORDS <= TLSMSG_MAX, "the longest ACCEPT");

static const struct {
	const char *name, *text;
	uint8_t alert;
} faults[TLS_FAULT_COUNT] = {
#define X(id, name, alert, text) [id] = {name, text, alert},
	TLS_FAULTS(X)
#undef X
};

const char *tls_fault_name(enum tls_fault f)
{
	return (unsigned)f < TLS_FAULT_COUNT ? faults[f].name : "?";
}

const char *tls_fault_text(enum tls_fault f)
{
	return (unsigned)f < TLS_FAULT_COUNT ? faults[f].text : "?";
}

uint8_t tls_fault_alert(enum tls_fault f)
{
	return (unsigned)f < TLS_FAULT_COUNT ? faults[f].alert : faults[TLSF_INTERNAL].alert;
}

/* RFC 5246 section 7.2, then RFC 6066 section 9, RFC 4279, RFC 7301, RFC 7507 and RFC 8446: a peer
 * may speak newer TLS and say so in its own words. Reserved ones are what old peers still send. */
static const struct {
	uint8_t alert;
	const char *text;
} alerts[] = {
	{0, "close_notify"}, {10, "unexpected_message"}, {20, "bad_record_mac"}, {21, "decryption_failed"},
	{22, "record_overflow"}, {30, "decompression_failure"}, {40, "handshake_failure"},
	{41, "no_certificate"}, {42, "bad_certificate"}, {43, "unsupported_certificate"},
	{44, "certificate_revoked"}, {45, "certificate_expired"}, {46, "certificate_unknown"},
	{47, "illegal_parameter"}, {48, "unknown_ca"}, {49, "access_denied"}, {50, "decode_error"},
	{51, "decrypt_error"}, {60, "export_restriction"}, {70, "protocol_version"},
	{71, "insufficient_security"}, {80, "internal_error"}, {86, "inappropriate_fallback"},
	{90, "user_canceled"}, {100, "no_renegotiation"}, {109, "missing_extension"},
	{110, "unsupported_extension"}, {111, "certificate_unobtainable"}, {112, "unrecognized_name"},
	{113, "bad_certificate_status_response"}, {114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"}, {116, "certificate_required"}, {120, "no_application_protocol"},
};

const char *tls_alert_text(uint8_t alert)
{
	for (size_t i = 0; i < ARRAY_LEN(alerts); i++)
		if (alerts[i].alert == alert)
			return alerts[i].text;
	return "?";
}

/* Names and protocols are for comparing and for logs: visible ASCII, no NUL, no blank. */
static bool good_text(struct span s, size_t cap)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n < cap; /* cap counts a NUL */
}

static bool good_session(struct span s)
{
	return s.n == 0 || s.n == TLS_SESSION;
}

/* Whole records and nothing else. least: the lowest type that has a place here; the highest is
 * handshake, so that application data (23) never has one. */
static bool good_records(struct span s, enum record_type least)
{
	struct rd r = rd_of(s);

	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);
		uint16_t version = rd_be16(&r), n = rd_be16(&r);

		rd_bytes(&r, n);
		if (type < (uint8_t)least || type > RECORD_HANDSHAKE || version >> 8 != 3 || n == 0 ||
		    n > RECORD_MAX - RECORD_HEADER)
			return false;
	}
	return !r.bad && s.n > 0 && s.n <= TLSMSG_RECORDS;
}

/* Only what is wrong with a certificate can be let through, and a missing proof never. */
static bool good_verdict(unsigned v)
{
	return v == TLSF_NONE || (v >= TLSF_CERT_FORM && v <= TLSF_CERT_PIN);
}

static bool good_fault(unsigned f)
{
	return f != TLSF_NONE && f < TLS_FAULT_COUNT;
}

static bool good_chain(const struct tlsmsg_done *d)
{
	size_t sum = 0;

	for (size_t i = 0; i < d->chain_n && i < TLS_CHAIN; i++)
		if (d->chain[i].n == 0 || num_add(sum, d->chain[i].n, &sum))
			return false;
	return d->chain_n <= TLS_CHAIN && sum <= TLS_CHAIN_BYTES;
}

static bool good_accept(const struct tlsmsg *m)
{
	return good_text(m->accept.name, TLS_NAME) && good_text(m->accept.alpn, TLS_ALPN) &&
	       good_records(m->accept.records, RECORD_HANDSHAKE);
}

static bool good_connect(const struct tlsmsg *m)
{
	return good_text(m->connect.name, TLS_NAME) && good_text(m->connect.alpn, TLS_ALPN) &&
	       good_session(m->connect.session);
}

static bool good_moved(const struct tlsmsg *m)
{
	return good_records(m->records, RECORD_CCS);
}

static bool good_cancel(const struct tlsmsg *m)
{
	(void)m;
	return true;
}

static bool good_done(const struct tlsmsg *m)
{
	return good_verdict(m->done.verdict) && good_text(m->done.name, TLS_NAME) &&
	       good_text(m->done.alpn, TLS_ALPN) && (m->done.own.n == 0 || m->done.own.n == OWN_LEN) && good_chain(&m->done);
}

static bool good_fail(const struct tlsmsg *m)
{
	return good_fault(m->fail.fault);
}

static void write_text(struct wr *w, struct span s)
{
	wr_u8(w, (uint8_t)s.n); /* its length was looked at before */
	wr_put(w, s);
}

static void write_accept(struct wr *w, const struct tlsmsg *m)
{
	wr_le16(w, m->accept.plan);
	write_text(w, m->accept.name);
	write_text(w, m->accept.alpn);
	wr_put(w, m->accept.records);
}

static void write_connect(struct wr *w, const struct tlsmsg *m)
{
	wr_le16(w, m->connect.plan);
	wr_u8(w, m->connect.want_chain);
	write_text(w, m->connect.name);
	write_text(w, m->connect.alpn);
	write_text(w, m->connect.session);
}

static void write_moved(struct wr *w, const struct tlsmsg *m)
{
	wr_put(w, m->records);
}

static void write_cancel(struct wr *w, const struct tlsmsg *m)
{
	(void)w;
	(void)m;
}

static void write_keys(struct wr *w, const struct record_keys *k)
{
	wr_bytes(w, k->key, sizeof k->key);
	wr_bytes(w, k->iv, sizeof k->iv);
	wr_le64(w, k->seq);
}

static void write_done(struct wr *w, const struct tlsmsg *m)
{
	const struct tlsmsg_done *d = &m->done;

	wr_le16(w, d->suite);
	wr_u8(w, d->resumed);
	wr_u8(w, (uint8_t)d->verdict);
	write_keys(w, &d->in);
	write_keys(w, &d->out);
	write_text(w, d->name);
	write_text(w, d->alpn);
	write_text(w, d->own);
	wr_u8(w, (uint8_t)d->chain_n);
	for (size_t i = 0; i < d->chain_n; i++) {
		wr_le16(w, (uint16_t)d->chain[i].n);
		wr_put(w, d->chain[i]);
	}
}

static void write_fail(struct wr *w, const struct tlsmsg *m)
{
	wr_u8(w, (uint8_t)m->fail.fault);
	wr_u8(w, m->fail.alert);
	wr_le16(w, m->fail.engine);
	write_text(w, span_of(m->fail.pin, m->fail.has_pin ? sizeof m->fail.pin : 0));
}

static struct span read_text(struct rd *r)
{
	return rd_bytes(r, rd_u8(r));
}

/* One byte per meaning: 2 is not "true". */
static bool read_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);

	if (v > 1)
		r->bad = true;
	return v == 1;
}

static void read_accept(struct rd *r, struct tlsmsg *m)
{
	m->accept.plan = rd_le16(r);
	m->accept.name = read_text(r);
	m->accept.alpn = read_text(r);
	m->accept.records = rd_rest(r);
}

static void read_connect(struct rd *r, struct tlsmsg *m)
{
	m->connect.plan = rd_le16(r);
	m->connect.want_chain = read_bool(r);
	m->connect.name = read_text(r);
	m->connect.alpn = read_text(r);
	m->connect.session = read_text(r);
}

static void read_moved(struct rd *r, struct tlsmsg *m)
{
	m->records = rd_rest(r);
}

static void read_cancel(struct rd *r, struct tlsmsg *m)
{
	(void)r;
	(void)m;
}

static void read_keys(struct rd *r, struct record_keys *k)
{
	struct span s = rd_bytes(r, KEYS_LEN);
	struct rd in = rd_of(s);

	if (s.n == 0)
		return;
	memcpy(k->key, rd_bytes(&in, sizeof k->key).p, sizeof k->key);
	memcpy(k->iv, rd_bytes(&in, sizeof k->iv).p, sizeof k->iv);
	k->seq = rd_le64(&in);
}

static void read_done(struct rd *r, struct tlsmsg *m)
{
	struct tlsmsg_done *d = &m->done;

	d->suite = rd_le16(r);
	d->resumed = read_bool(r);
	d->verdict = (enum tls_fault)rd_u8(r);
	read_keys(r, &d->in);
	read_keys(r, &d->out);
	d->name = read_text(r);
	d->alpn = read_text(r);
	d->own = read_text(r);
	d->chain_n = rd_u8(r);
	if (d->chain_n > TLS_CHAIN)
		r->bad = true;
	for (size_t i = 0; i < d->chain_n && !r->bad; i++)
		d->chain[i] = rd_bytes(r, rd_le16(r));
}

static void read_fail(struct rd *r, struct tlsmsg *m)
{
	struct span pin;

	m->fail.fault = (enum tls_fault)rd_u8(r);
	m->fail.alert = rd_u8(r);
	m->fail.engine = rd_le16(r);
	pin = read_text(r);
	m->fail.has_pin = pin.n > 0;
	if (pin.n == sizeof m->fail.pin)
		memcpy(m->fail.pin, pin.p, pin.n);
	else if (pin.n)
		r->bad = true;
}

struct row {
	enum tlsmsg_type type;
	char from;
	const char *name;
	bool (*good)(const struct tlsmsg *m); /* limits, the same for both ways */
	void (*write)(struct wr *w, const struct tlsmsg *m);
	void (*read)(struct rd *r, struct tlsmsg *m);
};

#define ROW(id, from, noun) {id, from, #id, good_##noun, write_##noun, read_##noun}
static const struct row rows[] = {
	ROW(TLSMSG_ACCEPT, 'w', accept),
	ROW(TLSMSG_CONNECT, 'w', connect),
	ROW(TLSMSG_RECORDS_IN, 'w', moved),
	ROW(TLSMSG_CANCEL, 'w', cancel),
	ROW(TLSMSG_RECORDS_OUT, 't', moved),
	ROW(TLSMSG_DONE, 't', done),
	ROW(TLSMSG_FAIL, 't', fail),
};

static const struct row *row_of(unsigned type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((unsigned)rows[i].type == type)
			return &rows[i];
	return NULL;
}

const char *tlsmsg_name(enum tlsmsg_type t)
{
	const struct row *row = row_of((unsigned)t);

	return row ? row->name : "?";
}

void tlsmsg_write(struct wr *w, const struct tlsmsg *m)
{
	const struct row *row = row_of((unsigned)m->type);

	ZT_ASSERT(row != NULL && TLSMSG_SLOT(m->id) < BOUND_CAP(BOUND_TLS_SHAKES));
	if (!row->good(m)) { /* a peer's certificates may be too many: no bug, but no message either */
		w->full = true;
		return;
	}
	wr_u8(w, (uint8_t)m->type);
	wr_u8(w, 0);
	wr_le16(w, 0);
	wr_le32(w, m->id);
	row->write(w, m);
}

int tlsmsg_read(struct span packet, char from, struct tlsmsg *out)
{
	struct rd r = rd_of(packet);
	uint8_t type = rd_u8(&r), zero = rd_u8(&r);
	uint16_t zeros = rd_le16(&r);
	uint32_t id = rd_le32(&r);
	const struct row *row = row_of(type);

	*out = (struct tlsmsg){0};
	if (r.bad || zero != 0 || zeros != 0 || TLSMSG_SLOT(id) >= BOUND_CAP(BOUND_TLS_SHAKES))
		return -ZT_E_SYNTAX;
	if (row == NULL || row->from != from)
		return -ZT_E_UNKNOWN;
	out->type = row->type;
	out->id = id;
	row->read(&r, out);
	if (r.bad || rd_left(&r) > 0 || !row->good(out)) {
		*out = (struct tlsmsg){0};
		return -ZT_E_SYNTAX;
	}
	return 0;
}
