/* csrwish: see csrwish.h. It grants nothing and owns nothing. */
#include "csrwish.h"

#include "wire/der.h"

static int check_basic(struct span value, struct why *w)
{
	bool ok;
	struct der d = der_whole(value, DER_SEQUENCE, &ok);
	bool ca = der_peek(&d) == DER_BOOLEAN && der_bool(&d);

	if (!ok || der_bad(&d))
		return why_set(w, ZT_E_SYNTAX, "its basic constraints cannot be read");
	return ca ? why_set(w, ZT_E_DENIED, "it asks to be an authority itself (CA:TRUE); zt issues none: make the request without")
		  : 0;
}

static int check_usage(struct span value, struct why *w)
{
	struct der d = der_of(value);
	unsigned unused;
	struct span bits = der_bits(&d, &unused);

	if (der_bad(&d))
		return why_set(w, ZT_E_SYNTAX, "its key usage cannot be read");
	/* bits 5 and 6, counted from the top: keyCertSign, cRLSign (RFC 5280 section 4.2.1.3) */
	if (bits.n && (bits.p[0] & (0x80 >> 5 | 0x80 >> 6)))
		return why_set(w, ZT_E_DENIED, "it asks to sign certificates or revocation lists; zt issues no authorities: make "
					       "the request without");
	return 0;
}

static int check_extensions(const struct csr *c, struct why *w)
{
	struct der list = der_of(c->wish.extensions);
	struct x509_ext e;
	int rc = 0;

	while (rc == 0 && x509_ext_next(&list, &e)) {
		if (e.id == OID_BASIC)
			rc = check_basic(e.value, w);
		else if (e.id == OID_KEY_USAGE)
			rc = check_usage(e.value, w);
		else if (e.id == OID_SAN && csr_wished_san(c).n == 0) /* it answers nothing for a malformed list */
			rc = why_set(w, ZT_E_SYNTAX, "the names it asks for cannot be read");
	}
	if (rc == 0 && der_bad(&list))
		rc = why_set(w, ZT_E_SYNTAX, "what it asks for cannot be read");
	return rc;
}

static int check_name(const struct san *s, const struct csr_grant *g, struct why *w)
{
	size_t at;

	switch (s->kind) {
	case SAN_DNS:
		if (span_find(s->value, '*', &at))
			return why_set(w, ZT_E_DENIED, "it asks for every name of a domain (%.*s); zt issues no wildcards: name each "
						       "host with --dns", SPAN_ARG(s->value));
		return 0;
	case SAN_URI:
		if (span_starts(s->value, "zt:"))
			return why_set(w, ZT_E_DENIED, "it asks for an identity of its own choice (%.*s): the authority alone gives "
						       "these, make the request without", SPAN_ARG(s->value));
		return 0;
	case SAN_MAIL:
		if (!span_ieq(s->value, g->user))
			return why_set(w, ZT_E_DENIED, "it asks for %.*s, and is to be issued to %.*s: is this the right request?",
				       SPAN_ARG(s->value), SPAN_ARG(g->user.n ? g->user : g->name));
		return 0;
	case SAN_IP:
	case SAN_OTHER:
		return 0;
	}
	return 0;
}

/* Hosts are called what they like; the common name of a person is the person. */
static int check_person(const struct csr *c, const struct csr_grant *g, struct why *w)
{
	struct span cn = x509_cn(c->wish.subject);

	if (g->role != ROLE_CLIENT && g->role != ROLE_DEVICE)
		return 0;
	if (cn.n == 0 || span_ieq(cn, g->name) || span_ieq(cn, g->user))
		return 0;
	return why_set(w, ZT_E_DENIED, "its common name is another one than %.*s: is this the right request? Make it for that name, "
				       "or without any", SPAN_ARG(g->name));
}

int csr_wish_check(const struct csr *c, const struct csr_grant *g, struct why *w)
{
	struct span rest = csr_wished_san(c);
	struct san s;
	int rc = check_extensions(c, w), got = 0;

	while (rc == 0 && (got = x509_san_next(&rest, &s)) == 1)
		rc = check_name(&s, g, w);
	if (rc == 0 && got < 0)
		rc = why_set(w, ZT_E_SYNTAX, "the names it asks for cannot be read");
	return rc < 0 ? rc : check_person(c, g, w);
}

static bool granted(const struct san *s, const struct csr_grant *g)
{
	for (size_t i = 0; i < g->nsans; i++)
		if (g->sans[i].kind == s->kind && span_ieq(g->sans[i].value, s->value))
			return true;
	return false;
}

int csr_wish_ungranted(struct span *rest, const struct csr_grant *g, struct san *out)
{
	while (x509_san_next(rest, out) == 1)
		if (!granted(out, g))
			return 1;
	return 0;
}
