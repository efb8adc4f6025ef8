/*
 * httpresp: the reader of httpresp.h. Owns the status line and the rules that hold between the fields of a
 * response; knows nothing of the request but what httpbody_asked says.
 */
#include "httpresp.h"

/* "HTTP/1.1 200 OK". The blank behind the status may be missing with the reason: many origins write it so, and
 * it can mean nothing else. */
static enum http_refusal read_line(struct span line, struct httpresp *p)
{
	struct span version, rest, status;
	uint64_t v;
	enum http_refusal r;

	if (!span_cut(line, ' ', &version, &rest))
		return HTTPBAD_LINE;
	r = httphead_version(version, &p->minor);
	if (r != HTTP_FINE)
		return r;
	if (!span_cut(rest, ' ', &status, &p->reason))
		p->reason = SPAN_NONE;
	if (status.n != 3 || span_u64(status, 599, &v) < 0 || v < 100)
		return HTTPBAD_STATUS;
	p->status = (uint16_t)v;
	return HTTP_FINE;
}

/* RFC 9110 section 15.2.2: 101 names the one protocol that it changes to. */
static enum http_refusal read_upgrade(struct httpresp *p)
{
	const struct httpfield *f = httpfields_first(&p->fields, FIELD_UPGRADE);

	if (p->status != 101)
		return HTTP_FINE;
	if (f == NULL || f->value.n == 0 || httpfields_count(&p->fields, FIELD_UPGRADE) > 1 || p->minor == 0 ||
	    !httpfields_list(&p->fields, FIELD_CONNECTION, "upgrade"))
		return HTTPBAD_STATUS;
	p->upgrade = f->value;
	return HTTP_FINE;
}

/* An answer that has no body and yet says how long it is: some origin sends one. Nothing of it is forwarded,
 * as it comes on a connection that is not used again. */
static bool says_more(const struct httpresp *p)
{
	return (p->status == 204 || p->status < 200) &&
	       (p->body.length > 0 || httpfields_first(&p->fields, FIELD_TRANSFER_ENCODING));
}

static enum http_refusal read_all(struct span head, struct httpbody_asked asked, struct httpresp *p)
{
	struct span line;
	enum http_refusal r = httphead_first(&head, &line);

	if (r == HTTP_FINE)
		r = read_line(line, p);
	if (r == HTTP_FINE)
		r = httpfields_read(&p->fields, head, true);
	if (r == HTTP_FINE)
		r = httpbody_of_response(&p->fields, p->minor, p->status, asked, &p->body);
	return r == HTTP_FINE ? read_upgrade(p) : r;
}

int httpresp_read(struct span head, struct httpbody_asked asked, struct httpresp *out)
{
	enum http_refusal r;

	*out = (struct httpresp){0};
	r = read_all(head, asked, out);
	if (r != HTTP_FINE) {
		*out = (struct httpresp){.refusal = (uint8_t)r};
		return http_refusal_err(r);
	}
	out->interim = out->status < 200 && out->status != 101;
	out->keep = out->minor == 1 && out->body.kind != HTTPBODY_CLOSE && out->body.kind != HTTPBODY_TUNNEL &&
		    !says_more(out) && !httpfields_list(&out->fields, FIELD_CONNECTION, "close");
	return 0;
}
