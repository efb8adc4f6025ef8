/*
 * hello: the reader of hello.h. Owns what a ClientHello may look like; never decides what is
 * served. Where it and BearSSL could read one hello in two ways it refuses: BearSSL takes the last
 * host_name that fits 255 bytes and the last of equal extensions, skips empty records, and does not
 * look behind a NUL.
 */
#include "hello.h"

#include "base/num.h"
#include "nottls.h"
#include "record.h"
#include "addr.h"

#define MESSAGE_HEADER 4 /* type, three bytes of length */
#define CLIENT_HELLO 1
#define SSL3 0x0300
#define TLS10 0x0301
#define TLS13 0x0304
#define RANDOM_LEN 32
#define SESSION_MAX 32

/* GREASE, RFC 8701: both bytes equal, low halves 0xa. */
static bool grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* ---- records -------------------------------------------------------------------------- */

static int not_a_hello(struct span bytes, struct why *w)
{
	static const char *const early[] = { /* from RECORD_CCS on */
		"a ChangeCipherSpec", "an alert", NULL, "application data"};
	uint8_t type = bytes.p[0];
	const char *what;
	bool more;

	if (type >= RECORD_CCS && type <= RECORD_DATA)
		return why_set(w, ZT_E_SYNTAX, "the peer sent %s before its hello", early[type - RECORD_CCS]);
	what = nottls(bytes, &more);
	if (what)
		return why_set(w, ZT_E_VERSION, "the peer speaks %s, not TLS", what);
	return more ? ZT_MORE : why_set(w, ZT_E_VERSION, "what the peer speaks is not TLS (first byte 0x%02x)", type);
}

/* What the records say so far. */
struct walk {
	struct rd r;
	uint16_t version; /* of the first; BearSSL wants the others to be the same */
	unsigned records;
	uint8_t head[MESSAGE_HEADER];
	size_t got;       /* bytes of the message in what was walked */
};

/* One record's header: 1, ZT_MORE, or a refusal. *n: bytes of payload. */
static int record_header(struct walk *k, size_t *n, struct why *w)
{
	uint8_t type = rd_u8(&k->r);
	uint16_t version = rd_be16(&k->r);

	*n = rd_be16(&k->r);
	if (k->r.bad)
		return ZT_MORE;
	if (type != RECORD_HANDSHAKE)
		return why_set(w, ZT_E_SYNTAX, "a record of type %u stands inside the hello", type);
	if (version < TLS10 || version > TLS12)
		return why_set(w, ZT_E_VERSION, "the peer's first record is of version 0x%04x, not of TLS", version);
	if (k->records > 0 && version != k->version)
		return why_set(w, ZT_E_SYNTAX, "the records of the hello differ in their version");
	if (*n == 0)
		return why_set(w, ZT_E_SYNTAX, "an empty record stands inside the hello");
	if (*n > RECORD_PLAIN)
		return why_set(w, ZT_E_TOOLONG, "a record of %zu bytes; 16384 are allowed", *n);
	if (k->records == HELLO_RECORDS)
		return why_set(w, ZT_E_TOOLONG, "the hello is cut into more than %u records", HELLO_RECORDS);
	k->version = version;
	k->records++;
	return 1;
}

/* The message's length once its header is there, else 0; or a refusal. */
static int message_length(const struct walk *k, size_t *total, struct why *w)
{
	struct rd head = rd_of(span_of(k->head, num_min(k->got, MESSAGE_HEADER)));
	uint8_t type = rd_u8(&head), high = rd_u8(&head);
	uint16_t low = rd_be16(&head);

	*total = 0;
	if (k->got > 0 && type != CLIENT_HELLO)
		return why_set(w, ZT_E_SYNTAX, "the first message is of type %u, not a ClientHello", type);
	if (head.bad)
		return 0;
	*total = MESSAGE_HEADER + ((size_t)high << 16) + low;
	if (*total > BOUND_CAP(BOUND_HELLO_BYTES))
		return why_set(w, ZT_E_TOOLONG, "a hello of %zu bytes; %u are allowed", *total,
			       (unsigned)BOUND_CAP(BOUND_HELLO_BYTES));
	return 0;
}

/* Looks at the record that begins at k->r: 1 when the message goes on, 2 when it ends there. */
static int walk_record(struct walk *k, size_t *total, struct why *w)
{
	size_t n, here;
	struct span payload;
	int rc = record_header(k, &n, w);

	if (rc <= 0)
		return rc;
	here = num_min(n, rd_left(&k->r)); /* a cut record's bytes count: what is wrong is told at once */
	payload = rd_bytes(&k->r, here);
	for (size_t i = 0; i < here && k->got + i < MESSAGE_HEADER; i++)
		k->head[k->got + i] = payload.p[i];
	k->got += here;
	rc = message_length(k, total, w);
	if (rc < 0)
		return rc;
	if (*total > 0 && k->got + (n - here) > *total)
		return why_set(w, ZT_E_SYNTAX, "bytes stand behind the hello in its own record");
	if (here < n)
		return ZT_MORE;
	return *total > 0 && k->got == *total ? 2 : 1;
}

/* Is all of it there? > 0: bytes of the records; *total of the message. */
static int walk(struct span bytes, size_t *total, struct why *w)
{
	struct walk k = {.r = rd_of(bytes)};
	int rc = 1;

	while (rc == 1)
		rc = rd_left(&k.r) > 0 ? walk_record(&k, total, w) : ZT_MORE;
	return rc == 2 ? (int)(bytes.n - rd_left(&k.r)) : rc;
}

/* Payloads of the records in s, back to back. */
static struct span gather(struct span s, uint8_t *scratch)
{
	struct rd r = rd_of(s);
	struct wr out = wr_of(scratch, BOUND_CAP(BOUND_HELLO_BYTES));

	while (rd_left(&r) > 0) {
		rd_bytes(&r, RECORD_HEADER - 2);
		wr_put(&out, rd_bytes(&r, rd_be16(&r)));
	}
	ZT_ASSERT(!r.bad && !out.full);
	return wr_span(&out);
}

/* ---- extensions ----------------------------------------------------------------------- */

static int bad_extension(struct why *w, const char *name)
{
	return why_set(w, ZT_E_SYNTAX, "the hello's extension %s is malformed", name);
}

static int take_name(struct span name, struct hello *h, struct why *w)
{
	if (name.n == 0)
		return why_set(w, ZT_E_SYNTAX, "the server name in the hello is empty");
	if (span_ends(name, ".")) /* RFC 6066 section 3 */
		return why_set(w, ZT_E_SYNTAX, "the server name in the hello ends with a dot");
	if (!addr_is_hostname(name)) /* an address too: RFC 6066 section 3 */
		return why_set(w, ZT_E_SYNTAX, "the server name in the hello is not a host name");
	ZT_ASSERT(span_to_cstr(name, h->name, sizeof h->name) == 0);
	for (size_t i = 0; i < name.n; i++)
		if (h->name[i] >= 'A' && h->name[i] <= 'Z')
			h->name[i] = (char)(h->name[i] + ('a' - 'A'));
	return 0;
}

/* RFC 6066 section 3. Exactly one name: of the list that the RFC allows no use was ever made, and
 * readers choose different ones from it. */
static int read_names(struct rd v, struct hello *h, struct why *w)
{
	struct rd list = rd_of(rd_bytes(&v, rd_be16(&v)));
	uint8_t type = rd_u8(&list);
	struct span name = rd_bytes(&list, rd_be16(&list));

	if (v.bad || rd_left(&v) > 0 || list.bad)
		return bad_extension(w, "server_name");
	if (type != 0)
		return why_set(w, ZT_E_SYNTAX, "the server name in the hello is of unknown type %u", type);
	if (rd_left(&list) > 0)
		return why_set(w, ZT_E_DUP, "the hello names more than one server");
	return take_name(name, h, w);
}

static int read_fragment(struct rd v, struct hello *h, struct why *w)
{
	uint8_t code = rd_u8(&v);

	if (v.bad || rd_left(&v) > 0 || code < 1 || code > 4)
		return bad_extension(w, "max_fragment_length");
	h->fragment = (uint16_t)(256u << code); /* 1: 512 ... 4: 4096 */
	return 0;
}

static bool grease_text(struct span s)
{
	struct rd r = rd_of(s);

	return s.n == 2 && grease(rd_be16(&r));
}

/* RFC 7301 section 3.1. */
static int read_alpn(struct rd v, struct hello *h, struct why *w)
{
	struct rd list = rd_of(rd_bytes(&v, rd_be16(&v)));

	if (v.bad || rd_left(&v) > 0 || rd_left(&list) == 0)
		return bad_extension(w, "application_layer_protocol_negotiation");
	while (rd_left(&list) > 0) {
		struct span one = rd_bytes(&list, rd_u8(&list));

		if (list.bad || one.n == 0)
			return bad_extension(w, "application_layer_protocol_negotiation");
		if (grease_text(one))
			continue;
		if (h->alpn_n == HELLO_ALPN)
			return why_set(w, ZT_E_TOOLONG, "the hello offers more than %u protocols", HELLO_ALPN);
		h->alpn[h->alpn_n++] = one;
	}
	return 0;
}

/* RFC 8446 section 4.2.1. What it does not list is not offered, whatever legacy_version says. */
static int read_versions(struct rd v, struct hello *h, struct why *w)
{
	struct rd list = rd_of(rd_bytes(&v, rd_u8(&v)));
	bool tls12 = false;

	if (v.bad || rd_left(&v) > 0 || rd_left(&list) == 0 || rd_left(&list) % 2 != 0)
		return bad_extension(w, "supported_versions");
	while (rd_left(&list) > 0) {
		uint16_t one = rd_be16(&list);

		tls12 = tls12 || one == TLS12;
		h->offers_tls13 = h->offers_tls13 || one == TLS13;
	}
	h->offers_tls12 = h->offers_tls12 && tls12;
	return 0;
}

/* RFC 5746 section 3.6: on a first handshake it is there and empty. */
static int read_renegotiation(struct rd v, struct hello *h, struct why *w)
{
	(void)h;
	if (rd_u8(&v) != 0 || v.bad || rd_left(&v) > 0)
		return why_set(w, ZT_E_SYNTAX, "the hello is of a renegotiation, on a new connection");
	return 0;
}

static const struct {
	uint16_t type;
	int (*read)(struct rd value, struct hello *h, struct why *w);
} extensions[] = {
	{0, read_names}, {1, read_fragment}, {16, read_alpn}, {43, read_versions}, {0xff01, read_renegotiation},
};

static int read_extension(uint16_t type, struct span value, struct hello *h, struct why *w)
{
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (extensions[i].type == type)
			return extensions[i].read(rd_of(value), h, w);
	return 0;
}

static int read_extensions(struct rd r, struct hello *h, struct why *w)
{
	uint16_t seen[HELLO_EXTENSIONS];
	size_t n = 0;

	while (rd_left(&r) > 0) {
		uint16_t type = rd_be16(&r);
		struct span value = rd_bytes(&r, rd_be16(&r));
		int rc;

		if (r.bad)
			return why_set(w, ZT_E_SYNTAX, "the extensions of the hello do not fill their block");
		for (size_t i = 0; i < n; i++)
			if (seen[i] == type)
				return why_set(w, ZT_E_DUP, "extension %u stands twice in the hello", type);
		if (n == HELLO_EXTENSIONS)
			return why_set(w, ZT_E_TOOLONG, "the hello has more than %u extensions", HELLO_EXTENSIONS);
		seen[n++] = type;
		rc = read_extension(type, value, h, w);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- the message ---------------------------------------------------------------------- */

static int read_fields(struct rd *r, struct hello *h, struct why *w)
{
	struct span compression;
	size_t at;

	h->version = rd_be16(r);
	h->random = rd_bytes(r, RANDOM_LEN);
	h->session_id = rd_bytes(r, rd_u8(r));
	h->suites = rd_bytes(r, rd_be16(r));
	compression = rd_bytes(r, rd_u8(r));
	if (r->bad)
		return why_set(w, ZT_E_SYNTAX, "the hello is cut short");
	if (h->version <= SSL3)
		return why_set(w, ZT_E_VERSION, "the peer speaks at most SSL 3.0 (0x%04x)", h->version);
	if (h->session_id.n > SESSION_MAX)
		return why_set(w, ZT_E_SYNTAX, "the session id in the hello has %zu bytes", h->session_id.n);
	if (h->suites.n == 0 || h->suites.n % 2 != 0)
		return why_set(w, ZT_E_SYNTAX, "the list of cipher suites in the hello has %zu bytes", h->suites.n);
	if (!span_find(compression, 0, &at))
		return why_set(w, ZT_E_SYNTAX, "the hello insists on compression");
	h->offers_tls12 = h->version >= TLS12;
	return 0;
}

static int read_message(struct span message, struct hello *h, struct why *w)
{
	struct rd r = rd_of(span_sub(message, MESSAGE_HEADER, message.n));
	struct span block = SPAN_NONE;
	int rc = read_fields(&r, h, w);

	if (rc < 0)
		return rc;
	if (rd_left(&r) > 0) { /* before RFC 3546 there were none */
		block = rd_bytes(&r, rd_be16(&r));
		if (r.bad || rd_left(&r) > 0)
			return why_set(w, ZT_E_SYNTAX, "the extensions do not fill the hello to its end");
	}
	h->message = message.n;
	return read_extensions(rd_of(block), h, w);
}

int hello_read(struct span bytes, uint8_t scratch[static BOUND_CAP(BOUND_HELLO_BYTES)], struct hello *out,
	       struct why *w)
{
	size_t total = 0;
	int used, rc;

	*out = (struct hello){0};
	if (bytes.n == 0)
		return ZT_MORE;
	if (bytes.p[0] != RECORD_HANDSHAKE)
		return not_a_hello(bytes, w);
	used = walk(bytes, &total, w);
	if (used <= 0)
		return used;
	rc = read_message(gather(span_sub(bytes, 0, (size_t)used), scratch), out, w);
	if (rc < 0)
		*out = (struct hello){0};
	return rc < 0 ? rc : used;
}

bool hello_offers(const struct hello *h, uint16_t suite)
{
	struct rd r = rd_of(h->suites);

	while (rd_left(&r) > 0)
		if (rd_be16(&r) == suite)
			return true;
	return false;
}

bool hello_wants(const struct hello *h, struct span alpn)
{
	for (size_t i = 0; i < h->alpn_n; i++)
		if (span_eq(h->alpn[i], alpn))
			return true;
	return false;
}
