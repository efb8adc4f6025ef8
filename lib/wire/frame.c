/*
 * frame: the codec of frame.h. Owns the layout, the lengths and which frames belong to a stream; what is
 * strange is refused here, so that the multiplexer sees well-formed frames only. It does not know what was
 * said before: that is decide/strm.
 */
#include "frame.h"

#include <string.h>

#include "base/num.h"

/* ---- the header ---------------------------------------------------------------------------- */

enum { FOR_CONN = 1, FOR_STREAM = 2 };

static const struct shape {
	uint16_t least, most;
	uint8_t whose, flags;
} shapes[] = {
	[FRAME_HELLO] = {45, 512, FOR_CONN, 0}, /* 2+2+1+1+1+1+16+4+4+8+4+1; a later version may say more */
	[FRAME_OPEN] = {32, 512, FOR_STREAM, 0}, /* 1+1+2+4+4+16 and four empty fields */
	[FRAME_DATA] = {0, FRAME_PAYLOAD, FOR_STREAM, FRAME_FIN},
	[FRAME_CREDIT] = {8, 8, FOR_CONN | FOR_STREAM, 0},
	[FRAME_RESET] = {10, 10 + FRAME_TEXT - 1, FOR_STREAM, 0},
	[FRAME_DGRAM] = {2, FRAME_PAYLOAD, FOR_STREAM, 0},
	[FRAME_PING] = {8, 8, FOR_CONN, 0},
	[FRAME_PONG] = {8, 8, FOR_CONN, 0},
	[FRAME_GOAWAY] = {10, 10 + FRAME_TEXT - 1, FOR_CONN, 0},
	[FRAME_CTRL] = {2, FRAME_PAYLOAD, FOR_CONN, FRAME_FIN},
};

/* A header is judged before its payload has come. */
static int judge(const struct frame *f)
{
	const struct shape *s = &shapes[f->type < ARRAY_LEN(shapes) ? f->type : 0];

	if (f->length > FRAME_PAYLOAD)
		return -ZT_E_TOOLONG;
	if (f->type == 0) /* never a type: a run of zeros is no run of frames to be passed over */
		return -ZT_E_SYNTAX;
	if (f->type >= ARRAY_LEN(shapes))
		return f->flags & FRAME_MUST ? -ZT_E_UNKNOWN : 0;
	if (f->length > s->most)
		return -ZT_E_TOOLONG;
	if (f->length < s->least || (f->flags & ~(s->flags | FRAME_MUST)) ||
	    !(s->whose & (f->stream ? FOR_STREAM : FOR_CONN)))
		return -ZT_E_SYNTAX;
	return 0;
}

int frame_read(struct span in, struct frame *out)
{
	struct rd r = rd_of(in);
	int rc;

	*out = (struct frame){0};
	if (in.n < FRAME_HEADER)
		return ZT_MORE;
	out->type = rd_u8(&r);
	out->flags = rd_u8(&r);
	out->length = rd_le16(&r);
	out->stream = rd_le32(&r);
	rc = judge(out);
	if (rc < 0)
		return rc;
	if (rd_left(&r) < out->length)
		return ZT_MORE;
	out->payload = rd_bytes(&r, out->length);
	return FRAME_HEADER + out->length;
}

void frame_head(struct wr *w, uint8_t type, uint8_t flags, uint32_t stream, uint16_t length)
{
	wr_u8(w, type);
	wr_u8(w, flags);
	wr_le16(w, length);
	wr_le32(w, stream);
}

/* ---- parts --------------------------------------------------------------------------------- */

/* For people: UTF-8 without control characters. out holds cap bytes with the NUL. */
static bool read_text(struct span s, char *out, size_t cap)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return span_is_utf8(s) && span_to_cstr(s, out, cap) == 0;
}

/* For machines: visible ASCII behind one byte of length. */
static bool read_name(struct rd *r, char *out, size_t cap)
{
	struct span s = rd_bytes(r, rd_u8(r));

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return !r->bad && span_to_cstr(s, out, cap) == 0;
}

/* A text of ours that is too long or not UTF-8 at its cut is shortened. */
static struct span fit_text(const char *text, size_t cap)
{
	struct span s = span_sub(span_str(text), 0, cap - 1);

	while (s.n && !span_is_utf8(s))
		s.n--;
	return s;
}

static void write_short(struct wr *w, const char *text, size_t cap)
{
	struct span s = fit_text(text, cap);

	wr_u8(w, (uint8_t)s.n);
	wr_put(w, s);
}

/* Words for people never break a frame: an origin or a system may have put anything into them. */
static void write_words(struct wr *w, const char *text, size_t cap)
{
	struct span s = fit_text(text, cap);

	for (size_t i = 0; i < s.n; i++)
		wr_u8(w, s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static size_t ip_bytes(uint8_t family)
{
	return family == 4 ? 4 : family == 6 ? 16 : 0;
}

/* u8 family; 4 or 16 bytes and u16 port unless it is 0. One spelling of each address: addr.h. */
bool frame_addr_read(struct rd *r, struct addr *out)
{
	struct addr canon;
	struct span ip;

	*out = (struct addr){.family = rd_u8(r)};
	if (out->family == 0)
		return !r->bad;
	ip = rd_bytes(r, ip_bytes(out->family));
	out->port = rd_le16(r);
	if (r->bad || ip.n == 0)
		return false;
	memcpy(out->ip, ip.p, ip.n);
	canon = *out;
	addr_canon(&canon);
	return canon.family == out->family;
}

void frame_addr_write(struct wr *w, const struct addr *a)
{
	wr_u8(w, a->family);
	wr_bytes(w, a->ip, ip_bytes(a->family));
	if (a->family)
		wr_le16(w, a->port);
}

/* ---- which worker --------------------------------------------------------------------------- */

#define WORKER_FIRST "worker-"
#define WORKER_LAST ".zt-tunnel.invalid" /* RFC 6761: nobody will ever have this name */

void frame_worker_name(char out[static FRAME_WORKER], unsigned index)
{
	struct wr w = wr_of(out, FRAME_WORKER - 1);

	wr_str(&w, WORKER_FIRST);
	wr_u64dec(&w, index & 0xff);
	wr_str(&w, WORKER_LAST);
	out[w.n] = 0;
}

int frame_worker_read(struct span name)
{
	const size_t around = sizeof WORKER_FIRST - 1 + sizeof WORKER_LAST - 1;
	uint64_t index;

	if (!span_ends(name, WORKER_LAST))
		return -ZT_E_NOTFOUND;
	if (!span_starts(name, WORKER_FIRST) || name.n <= around ||
	    span_u64(span_sub(name, sizeof WORKER_FIRST - 1, name.n - around), UINT8_MAX, &index) < 0)
		return -ZT_E_SYNTAX;
	return (int)index;
}

/* ---- HELLO --------------------------------------------------------------------------------- */

int frame_hello_read(struct span payload, struct frame_hello *out)
{
	struct rd r = rd_of(payload);
	struct span instance;
	uint8_t zero;

	*out = (struct frame_hello){0};
	out->version_min = rd_le16(&r);
	out->version_max = rd_le16(&r);
	out->role = rd_u8(&r);
	out->index = rd_u8(&r);
	out->count = rd_u8(&r);
	zero = rd_u8(&r);
	instance = rd_bytes(&r, FRAME_INSTANCE);
	out->features = rd_le32(&r);
	out->streams = rd_le32(&r);
	out->credit = rd_le64(&r);
	out->stream_credit = rd_le32(&r);
	if (!read_text(rd_bytes(&r, rd_u8(&r)), out->software, sizeof out->software) || r.bad || zero || out->index >= out->count ||
	    out->version_min == 0 || out->version_min > out->version_max) {
		*out = (struct frame_hello){0};
		return -ZT_E_SYNTAX;
	}
	memcpy(out->instance, instance.p, FRAME_INSTANCE);
	return 0;
}

void frame_hello_write(struct wr *w, const struct frame_hello *h)
{
	wr_le16(w, h->version_min);
	wr_le16(w, h->version_max);
	wr_u8(w, h->role);
	wr_u8(w, h->index);
	wr_u8(w, h->count);
	wr_u8(w, 0);
	wr_bytes(w, h->instance, FRAME_INSTANCE);
	wr_le32(w, h->features);
	wr_le32(w, h->streams);
	wr_le64(w, h->credit);
	wr_le32(w, h->stream_credit);
	write_short(w, h->software, sizeof h->software);
}

/* ---- OPEN ---------------------------------------------------------------------------------- */

int frame_open_read(struct span payload, struct frame_open *out)
{
	struct rd r = rd_of(payload);
	struct span serial;
	bool ok;

	*out = (struct frame_open){.kind = rd_u8(&r)};
	ok = rd_u8(&r) == 0 && out->kind >= FRAME_KIND_TCP && out->kind <= FRAME_KIND_UDP;
	out->rule = rd_le16(&r);
	out->epoch = rd_le32(&r);
	out->dial_ms = rd_le32(&r);
	serial = rd_bytes(&r, sizeof out->serial);
	ok = ok && frame_addr_read(&r, &out->peer) && frame_addr_read(&r, &out->local) &&
	     read_name(&r, out->name, sizeof out->name) && read_name(&r, out->request, sizeof out->request);
	if (!ok || r.bad || rd_left(&r)) {
		*out = (struct frame_open){0};
		return -ZT_E_SYNTAX;
	}
	memcpy(out->serial, serial.p, serial.n);
	return 0;
}

void frame_open_write(struct wr *w, const struct frame_open *o)
{
	wr_u8(w, o->kind);
	wr_u8(w, 0);
	wr_le16(w, o->rule);
	wr_le32(w, o->epoch);
	wr_le32(w, o->dial_ms);
	wr_bytes(w, o->serial, sizeof o->serial);
	frame_addr_write(w, &o->peer);
	frame_addr_write(w, &o->local);
	write_short(w, o->name, sizeof o->name);
	write_short(w, o->request, sizeof o->request);
}

/* ---- ends ---------------------------------------------------------------------------------- */

const char *frame_reset_name(unsigned code)
{
	static const char *const names[] = {
#define X(id, value, name) [value] = name,
		FRAME_RESETS(X)
#undef X
	};

	return code < ARRAY_LEN(names) && names[code] ? names[code] : "?";
}

enum frame_reset frame_reset_of(int rc)
{
	static const struct {
		uint16_t err, code;
	} rows[] = {
		{ZT_E_REFUSED, RESET_REFUSED}, {ZT_E_NOTFOUND, RESET_REFUSED}, {ZT_E_TIMEOUT, RESET_TIMEOUT},
		{ZT_E_NONAME, RESET_NONAME},   {ZT_E_NOADDR, RESET_NONAME},    {ZT_E_DNSFAIL, RESET_NONAME},
		{ZT_E_SYNTAX, RESET_NONAME},   {ZT_E_FULL, RESET_FULL},        {ZT_E_NOMEM, RESET_FULL},
		{ZT_E_NOFILES, RESET_FULL},    {ZT_E_AGAIN, RESET_FULL},       {ZT_E_RESET, RESET_ORIGIN},
		{ZT_E_CANCELLED, RESET_RULE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].err == -rc)
			return (enum frame_reset)rows[i].code;
	return RESET_UNREACHABLE;
}

/* A code that we do not know is a later version's: still a reset. */
int frame_reset_read(struct span payload, struct frame_resets *out)
{
	struct rd r = rd_of(payload);

	*out = (struct frame_resets){0};
	out->code = rd_le16(&r);
	out->delivered = rd_le64(&r);
	if (!r.bad && out->code && read_text(rd_rest(&r), out->text, sizeof out->text))
		return 0;
	*out = (struct frame_resets){0};
	return -ZT_E_SYNTAX;
}

void frame_reset_write(struct wr *w, const struct frame_resets *r)
{
	wr_le16(w, r->code);
	wr_le64(w, r->delivered);
	write_words(w, r->text, sizeof r->text);
}

int frame_goaway_read(struct span payload, struct frame_goaway *out)
{
	struct rd r = rd_of(payload);

	*out = (struct frame_goaway){0};
	out->reason = rd_le16(&r);
	out->last = rd_le32(&r);
	out->grace_ms = rd_le32(&r);
	if (!r.bad && out->reason && read_text(rd_rest(&r), out->text, sizeof out->text))
		return 0;
	*out = (struct frame_goaway){0};
	return -ZT_E_SYNTAX;
}

void frame_goaway_write(struct wr *w, const struct frame_goaway *g)
{
	wr_le16(w, g->reason);
	wr_le32(w, g->last);
	wr_le32(w, g->grace_ms);
	write_words(w, g->text, sizeof g->text);
}
