/*
 * httpbody: framing by httpbody.h. Owns the decision where a body ends and the reader of chunks; never copies
 * payload, and keeps nothing of extensions and trailers but their length.
 */
#include "httpbody.h"

#include "base/num.h"

/* ---- the decision -------------------------------------------------------------------------- */

/* Content-Length as it must be. 2^63 - 1 at most: nobody's signed arithmetic wraps behind us. */
static enum http_refusal read_length(const struct httpfields *fs, struct httpframing *out)
{
	const struct httpfield *f = httpfields_first(fs, FIELD_CONTENT_LENGTH);

	if (f == NULL)
		return HTTP_FINE;
	if (httpfields_count(fs, FIELD_CONTENT_LENGTH) > 1 || span_u64(f->value, INT64_MAX, &out->length) < 0)
		return HTTPBAD_LENGTH;
	out->has_length = true;
	return HTTP_FINE;
}

/* Refused in any case; this says as what. Codings that could be meant are 501, a mess is 400. */
static enum http_refusal other_coding(struct span value)
{
	struct span one;
	bool more = true;

	while (more) {
		more = span_cut(value, ',', &one, &value);
		if (!http_is_token(span_trim(one)))
			return HTTPBAD_CODING;
	}
	return HTTPBAD_CODINGS;
}

/* What the head says, before the rules on who may have a body. */
static enum http_refusal read_framing(const struct httpfields *fs, uint8_t minor, struct httpframing *out)
{
	const struct httpfield *te = httpfields_first(fs, FIELD_TRANSFER_ENCODING);

	*out = (struct httpframing){.kind = HTTPBODY_NONE};
	if (te && httpfields_first(fs, FIELD_CONTENT_LENGTH))
		return HTTPBAD_BOTH;
	if (te == NULL)
		return read_length(fs, out);
	if (minor == 0 || httpfields_count(fs, FIELD_TRANSFER_ENCODING) > 1)
		return HTTPBAD_CODING;
	if (!span_ieq(te->value, SPAN_LIT("chunked")))
		return other_coding(te->value);
	out->kind = HTTPBODY_CHUNKED;
	return HTTP_FINE;
}

enum http_refusal httpbody_of_request(const struct httpfields *fs, uint8_t minor, struct httpframing *out)
{
	enum http_refusal r = read_framing(fs, minor, out);

	if (r == HTTP_FINE && out->has_length)
		out->kind = HTTPBODY_LENGTH;
	return r;
}

enum http_refusal httpbody_of_response(const struct httpfields *fs, uint8_t minor, unsigned status,
				       struct httpbody_asked asked, struct httpframing *out)
{
	enum http_refusal r = read_framing(fs, minor, out);

	if (r != HTTP_FINE)
		return r;
	if (status == 101) {
		out->kind = HTTPBODY_TUNNEL;
		return asked.upgrade ? HTTP_FINE : HTTPBAD_STATUS;
	}
	/* RFC 9112 section 6.3, rule 1: these end with their head, whatever they say. */
	if (asked.head || status < 200 || status == 204 || status == 304)
		out->kind = HTTPBODY_NONE;
	else if (out->has_length)
		out->kind = HTTPBODY_LENGTH;
	else if (out->kind != HTTPBODY_CHUNKED)
		out->kind = HTTPBODY_CLOSE;
	return HTTP_FINE;
}

/* ---- reading ------------------------------------------------------------------------------- */

enum state {
	AT_SIZE,       /* digits of a chunk size */
	AT_EXT,        /* behind ';': a name must begin */
	IN_EXT,
	AT_SIZE_LF,
	IN_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_TRAILER,    /* a line begins: a trailer field, or the end */
	IN_TRAILER_NAME,
	IN_TRAILER,
	AT_TRAILER_LF,
	AT_END_LF
};

static int refuse(struct httpbody *b, enum http_refusal r)
{
	b->refusal = (uint8_t)r;
	return http_refusal_err(r);
}

int httpbody_begin(struct httpbody *b, const struct httpframing *f, uint64_t max)
{
	*b = (struct httpbody){.kind = f->kind, .max = max, .state = AT_SIZE};
	if (f->kind == HTTPBODY_LENGTH) {
		b->left = f->length;
		if (b->left > max)
			return refuse(b, HTTPBAD_LARGE);
	}
	b->done = f->kind == HTTPBODY_NONE || (f->kind == HTTPBODY_LENGTH && f->length == 0);
	return 0;
}

static int hex_of(uint8_t c)
{
	uint8_t low = c | 0x20;

	if (c >= '0' && c <= '9')
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool is_name(uint8_t c)
{
	return http_is_token(span_of(&c, 1));
}

/* The size line ends here. */
static enum http_refusal end_size(struct httpbody *b)
{
	b->digits = 0;
	if (b->left > b->max - b->payload)
		return HTTPBAD_LARGE;
	b->state = b->left ? IN_DATA : AT_TRAILER;
	return HTTP_FINE;
}

static enum http_refusal size_byte(struct httpbody *b, uint8_t c)
{
	int digit = hex_of(c);

	/* 16 digits are 64 bits: the shift loses nothing. */
	if (digit >= 0 && b->digits < 16) {
		b->left = b->left << 4 | (unsigned)digit;
		b->digits++;
		return HTTP_FINE;
	}
	if (b->digits == 0 || (c != ';' && c != '\r'))
		return HTTPBAD_CHUNK;
	b->state = c == ';' ? AT_EXT : AT_SIZE_LF;
	return HTTP_FINE;
}

static enum http_refusal ext_byte(struct httpbody *b, uint8_t c)
{
	if (b->state == IN_EXT && c == '\r') {
		b->state = AT_SIZE_LF;
		return HTTP_FINE;
	}
	if (b->state == AT_EXT ? !is_name(c) : !http_text_byte(c))
		return HTTPBAD_CHUNK;
	b->state = IN_EXT;
	return ++b->ext > HTTPBODY_EXT ? HTTPBAD_EXTENSIONS : HTTP_FINE;
}

static enum http_refusal trailer_byte(struct httpbody *b, uint8_t c)
{
	if (++b->trailers > HTTPBODY_TRAILERS)
		return HTTPBAD_TRAILERS;
	if (b->state == AT_TRAILER && c == '\r')
		b->state = AT_END_LF;
	else if (b->state == IN_TRAILER && c == '\r')
		b->state = AT_TRAILER_LF;
	else if (b->state == IN_TRAILER && http_text_byte(c))
		return HTTP_FINE;
	else if (b->state == IN_TRAILER_NAME && c == ':')
		b->state = IN_TRAILER;
	else if (b->state != IN_TRAILER && is_name(c))
		b->state = IN_TRAILER_NAME;
	else
		return HTTPBAD_TRAILERS;
	return HTTP_FINE;
}

/* The one byte that may stand here, and the state behind it. */
static enum http_refusal fixed_byte(struct httpbody *b, uint8_t c)
{
	if (c != (b->state == AT_DATA_CR ? '\r' : '\n'))
		return b->state < AT_TRAILER ? HTTPBAD_CHUNK : HTTPBAD_TRAILERS;
	switch ((enum state)b->state) {
	case AT_SIZE_LF:
		return end_size(b);
	case AT_DATA_CR:
		b->state = AT_DATA_LF;
		break;
	case AT_DATA_LF:
		b->state = AT_SIZE;
		break;
	case AT_TRAILER_LF:
		b->state = AT_TRAILER;
		break;
	case AT_END_LF:
		b->done = true;
		break;
	case AT_SIZE: case AT_EXT: case IN_EXT: case IN_DATA: case AT_TRAILER: case IN_TRAILER_NAME: case IN_TRAILER:
		break;
	}
	return HTTP_FINE;
}

static enum http_refusal chunk_byte(struct httpbody *b, uint8_t c)
{
	static enum http_refusal (*const take[])(struct httpbody *, uint8_t) = {
		[AT_SIZE] = size_byte,       [AT_EXT] = ext_byte,
		[IN_EXT] = ext_byte,         [AT_SIZE_LF] = fixed_byte,
		[IN_DATA] = NULL,            [AT_DATA_CR] = fixed_byte,
		[AT_DATA_LF] = fixed_byte,   [AT_TRAILER] = trailer_byte,
		[IN_TRAILER_NAME] = trailer_byte, [IN_TRAILER] = trailer_byte,
		[AT_TRAILER_LF] = fixed_byte, [AT_END_LF] = fixed_byte,
	};

	return take[b->state](b, c);
}

/* Payload at the front of in, as much as belongs to this body or chunk. */
static struct span take_payload(struct httpbody *b, struct span in)
{
	struct span data = span_sub(in, 0, (size_t)num_min64(in.n, b->left));

	b->left -= data.n;
	b->payload += data.n;
	return data;
}

static int next_chunked(struct httpbody *b, struct span in, struct span *data)
{
	size_t at = 0;

	while (at < in.n && !b->done && b->state != IN_DATA) {
		enum http_refusal r = chunk_byte(b, in.p[at]);

		if (r != HTTP_FINE)
			return refuse(b, r);
		at++;
	}
	if (b->state == IN_DATA && at < in.n) {
		*data = take_payload(b, span_sub(in, at, in.n));
		if (b->left == 0)
			b->state = AT_DATA_CR;
	}
	return (int)(at + data->n);
}

int httpbody_next(struct httpbody *b, struct span in, struct span *data)
{
	*data = SPAN_NONE;
	in = span_sub(in, 0, 1u << 30); /* the answer is an int */
	if (b->refusal != HTTP_FINE)
		return http_refusal_err(b->refusal);
	if (b->done || in.n == 0)
		return ZT_MORE;
	if (b->kind == HTTPBODY_CHUNKED)
		return next_chunked(b, in, data);
	if (b->kind == HTTPBODY_LENGTH) {
		*data = take_payload(b, in);
		b->done = b->left == 0;
		return (int)data->n;
	}
	if (in.n > b->max - b->payload)
		return refuse(b, HTTPBAD_LARGE);
	b->payload += in.n;
	*data = in;
	return (int)in.n;
}

int httpbody_ended(struct httpbody *b)
{
	if (b->kind == HTTPBODY_CLOSE || b->kind == HTTPBODY_TUNNEL)
		b->done = b->refusal == HTTP_FINE;
	if (b->done)
		return 0;
	if (b->refusal == HTTP_FINE)
		b->refusal = HTTPBAD_CUT;
	return -ZT_E_CLOSED;
}

/* ---- writing ------------------------------------------------------------------------------- */

void httpchunk_open(struct wr *w, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		wr_u8(w, (uint8_t)digits[n >> shift & 15]);
		if (shift == 0)
			break;
	}
	wr_put(w, HTTPCHUNK_CLOSE);
}
