/*
 * tlspick: the choice among the plans of tlsplan.h for one hello. Owns the order of preference:
 * an exact name before a wildcard, a wildcard before any name, our order of protocols before the client's. Never reads a file,
 * and never falls back to a plan that was not meant: an unknown name has none.
 */
#include "namematch.h"
#include "tlsplan.h"
#include "wire/tlsmsg.h"

static const struct tls_server_plan *plan_for(const struct tls_plan *p, struct span name)
{
	for (int wildcard = 0; wildcard < 2; wildcard++)
		for (size_t i = 0; i < p->servers; i++)
			if (name.n > 0 ? names_match(p->server[i].names, name, wildcard) : p->server[i].no_name)
				return &p->server[i];
	for (size_t i = 0; i < p->servers; i++)
		if (p->server[i].any_name)
			return &p->server[i];
	return NULL;
}

/* A client that says nothing speaks what everybody spoke before there was ALPN. That is never a
 * protocol of zt, which says so. */
static bool may_be_silent(const struct conf_list *ours)
{
	for (size_t i = 0; i < ours->n; i++)
		if (!span_starts(span_str(conf_text(ours, i)), "zt-"))
			return true;
	return ours->n == 0;
}

static bool pick_alpn(const struct conf_list *ours, const struct hello *h, struct span *alpn)
{
	*alpn = SPAN_NONE;
	if (h->alpn_n == 0)
		return may_be_silent(ours);
	for (size_t i = 0; i < ours->n; i++) {
		*alpn = span_str(conf_text(ours, i));
		if (hello_wants(h, *alpn))
			return true;
	}
	*alpn = SPAN_NONE;
	return ours->n == 0; /* nothing is negotiated: RFC 7301 section 3.2 lets a server pass it over */
}

int tls_pick(const struct tls_plan *p, const struct hello *h, struct span *alpn, unsigned *fault)
{
	const struct tls_server_plan *s = plan_for(p, span_str(h->name));

	*alpn = SPAN_NONE;
	*fault = TLSF_NONE;
	if (!h->offers_tls12)
		*fault = TLSF_VERSION;
	else if (s == NULL)
		*fault = TLSF_NO_PLAN;
	else if (!pick_alpn(s->alpn, h, alpn))
		*fault = TLSF_ALPN;
	return *fault == TLSF_NONE ? (int)(s - p->server) : -1;
}
