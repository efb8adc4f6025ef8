/*
 * standing: see standing.h. Owns nothing, and decides nothing but what is in a certificate's name.
 */
#include "standing.h"

#include <string.h>

#include "wire/x509.h"

/* zt://<ca>/<role>/<id>, of a certificate that has passed leaf_check(). */
static void zt_name(struct standing *s, const struct x509 *leaf, bool role_checked)
{
	struct span rest = leaf->san, uri, part;
	struct san name;
	enum cert_role role;

	while (x509_san_next(&rest, &name) > 0)
		if (name.kind == SAN_URI && span_starts(name.value, "zt://")) {
			uri = span_sub(name.value, 5, name.value.n);
			if (!span_cut(uri, '/', &part, &uri) || span_to_cstr(part, s->ca, sizeof s->ca) < 0)
				continue;
			if (role_checked && span_cut(uri, '/', &part, &uri) && cert_role_find(part, &role) == 0)
				s->cert.role = role;
			return;
		}
}

void standing_note(struct standing *s, const struct tls_peer *peer, bool role_checked, struct span der)
{
	struct policy_cert *c = &s->cert;
	struct x509 leaf;

	c->presented = true;
	if (x509_read(&leaf, der, NULL) < 0)
		return;
	c->verified = peer->verdict == TLSF_NONE;
	c->id = peer->id;
	c->not_before = leaf.not_before;
	c->not_after = leaf.not_after;
	/* As the authority makes them; a foreign one of another length is not listed. */
	if (leaf.serial.n == sizeof c->serial)
		memcpy(c->serial, leaf.serial.p, sizeof c->serial);
	zt_name(s, &leaf, role_checked);
}

void standing_judge(struct standing *s, const struct edge *e, bool lives)
{
	const struct status_limits *limits = &e->site->stale;

	s->cert.listed = e->keep && s->ca[0] && site_lists(e->site, span_str(s->ca));
	s->cert.status = STATUS_YES;
	if (!s->cert.listed)
		return;
	s->cert.status = status_may_begin(keepline_view(e->keep), limits, keepline_now(e->keep), s->cert.serial);
	if (lives && (s->cert.status == STATUS_IS_STALE || s->cert.status == STATUS_NO_LIST) &&
	    !status_must_end(keepline_view(e->keep), limits, keepline_now(e->keep), s->cert.serial))
		s->cert.status = STATUS_YES;
}
