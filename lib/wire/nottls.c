/* nottls: the table of nottls.h. Owns the first bytes of other protocols and nothing else. */
#include "nottls.h"

#include "base/num.h"

/* No row's bytes begin another row's, so that the answer does not depend on how they arrive. */
static const struct {
	struct span first;
	const char *what;
} known[] = {
	{SPAN_LIT("GET "), "HTTP"},
	{SPAN_LIT("HEAD "), "HTTP"},
	{SPAN_LIT("POST "), "HTTP"},
	{SPAN_LIT("PUT "), "HTTP"},
	{SPAN_LIT("PATCH "), "HTTP"},
	{SPAN_LIT("DELETE "), "HTTP"},
	{SPAN_LIT("OPTIONS "), "HTTP"},
	{SPAN_LIT("TRACE "), "HTTP"},
	{SPAN_LIT("CONNECT "), "HTTP (CONNECT, as to a proxy)"},
	{SPAN_LIT("PRI * HTTP/2"), "HTTP/2 without TLS"},
	{SPAN_LIT("HTTP/"), "HTTP"},
	{SPAN_LIT("<!DOCTYPE "), "HTTP"}, /* the answer of HTTP/0.9: a page and nothing before it */
	{SPAN_LIT("<html"), "HTTP"},
	{SPAN_LIT("SSH-"), "SSH"},
	{SPAN_LIT("PROXY "), "the PROXY protocol (a load balancer in front that this listener was not told of)"},
	{SPAN_LIT("\r\n\r\n\0\r\nQUIT\n"),
	 "the PROXY protocol (a load balancer in front that this listener was not told of)"},
	{SPAN_LIT("EHLO "), "SMTP"},
	{SPAN_LIT("HELO "), "SMTP"},
	{SPAN_LIT("220 "), "SMTP or FTP (it may want STARTTLS)"},
	{SPAN_LIT("220-"), "SMTP or FTP (it may want STARTTLS)"},
	{SPAN_LIT("+OK "), "POP3 (it may want STLS)"},
	{SPAN_LIT("* OK "), "IMAP (it may want STARTTLS)"},
	{SPAN_LIT("RFB 00"), "VNC"},
	{SPAN_LIT("\x03\x00\x00"), "RDP"}, /* TPKT, RFC 1006 */
};

/* SSL 2.0's hello: two bytes of length with the top bit set, then message type 1. */
static const char *ssl2(struct span s, bool *more)
{
	*more = s.n < 3;
	return s.n >= 3 && s.p[2] == 1 ? "SSL 2.0, which nobody should since 1996" : NULL;
}

const char *nottls(struct span s, bool *more)
{
	*more = s.n == 0;
	if (s.n > 0 && s.p[0] >= 0x80)
		return ssl2(s, more);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t n = num_min(s.n, known[i].first.n);

		if (!span_eq(span_sub(s, 0, n), span_sub(known[i].first, 0, n)))
			continue;
		if (n == known[i].first.n)
			return known[i].what;
		*more = true;
	}
	return NULL;
}
