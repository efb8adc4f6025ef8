/*
 * issuer_roll: an anchor's life: a next one is trusted beside the one that signs, then signs itself, then the
 * old one is no longer trusted. Owns the order of these steps. Keys are made by the command, in
 * files; here only the certificate comes in, which proves by its own signature that there is a key.
 */
#include "base/num.h"
#include "issuer_int.h"

#define ANCHOR_DER_MOST 4000 /* two of them are trusted during a roll-over, and one field holds both */

static uint64_t count_live(const struct issuer *is, const struct reg_anchor *a)
{
	const struct reg_cert *c;
	struct issuer_worth worth;
	uint64_t n = 0;

	for (size_t i = 0; (c = registry_at(is->o.registry, i)); i++) {
		if (cert_role(c->role)->anchor != a->anchor || c->generation != a->generation)
			continue;
		issuer_judge(is, c, issuer_now(is), &worth);
		n += worth.live;
	}
	return n;
}

static bool same_as_another(const struct issuer *is, const struct x509 *cert)
{
	struct x509 other;

	for (size_t i = 0; i < is->nanchors; i++)
		if (x509_read(&other, is->anchor[i].der, NULL) == 0 &&
		    (span_eq(other.spki, cert->spki) || span_eq(other.subject, cert->subject)))
			return true;
	return span_eq(registry_key(is->o.registry), cert->spki);
}

static int check_next(const struct issuer *is, struct span der, struct why *w)
{
	struct x509 cert;
	int rc = x509_read(&cert, der, w);

	if (rc == 0 && der.n > ANCHOR_DER_MOST)
		rc = why_set(w, ZT_E_TOOLONG, "the authority's certificate has %zu bytes, more than %d", der.n, ANCHOR_DER_MOST);
	if (rc == 0)
		rc = anchor_check(&cert, issuer_now(is), w);
	if (rc == 0 && same_as_another(is, &cert))
		rc = why_set(w, ZT_E_EXISTS, "an authority with this key or this name is here already: a roll-over needs a new key");
	return rc;
}

static int check_begin(const struct issuer *is, enum cert_anchor a, struct span der, struct why *w)
{
	if (der.n == 0)
		return why_set(w, ZT_E_USAGE, "a roll-over begins with the certificate of the next authority");
	if (is->nanchors == ISSUER_ANCHORS)
		return why_set(w, ZT_E_FULL, "%d generations are the most there can be", ISSUER_ANCHORS);
	if (!issuer_anchor(is, a, ANCHOR_SIGNS))
		return why_set(w, ZT_E_NOTFOUND, "there is no such authority here: zt ca init makes it");
	if (issuer_anchor(is, a, ANCHOR_NEXT) || issuer_anchor(is, a, ANCHOR_OLD))
		return why_set(w, ZT_E_EXISTS, "a roll-over of the %s authority is under way: finish it or cancel it first",
			       anchor_name(a));
	return check_next(is, der, w);
}

/* Each step answers which anchor it was about; NULL: a sentence is in *w. */
static const struct reg_anchor *begin(struct issuer *is, const struct issuer_ask *ask, enum cert_anchor a, struct why *w)
{
	struct span der = ask->in->field[CAF_CHAIN];

	if (check_begin(is, a, der, w) < 0 || registry_add_anchor(is->o.registry, a, der, w) < 0)
		return NULL;
	issuer_look(is);
	return issuer_anchor(is, a, ANCHOR_NEXT);
}

static const struct reg_anchor *turn(struct issuer *is, const struct reg_anchor *a, int state, struct why *w)
{
	enum cert_anchor kind = a->anchor;
	unsigned generation = a->generation;

	if (registry_turn_anchor(is->o.registry, kind, generation, state, w) < 0)
		return NULL;
	issuer_look(is);
	return issuer_generation(is, kind, generation);
}

static const struct reg_anchor *switch_over(struct issuer *is, const struct issuer_ask *ask, enum cert_anchor a, struct why *w)
{
	const struct reg_anchor *next = issuer_anchor(is, a, ANCHOR_NEXT);
	struct issuer_signer s;

	(void)ask;
	if (!next) {
		why_set(w, ZT_E_NOTFOUND, "no next %s authority is known: begin the roll-over first", anchor_name(a));
		return NULL;
	}
	if (issuer_signer(is, next, &s, w) < 0)
		return NULL;
	if (!pk_pair(s.key, &s.cert.key)) {
		why_set(w, ZT_E_KEY, "keys/%s.%u.key is not the key of the next authority's certificate", anchor_name(a),
			next->generation);
		return NULL;
	}
	return turn(is, next, ANCHOR_SIGNS, w);
}

static const struct reg_anchor *finish(struct issuer *is, const struct issuer_ask *ask, enum cert_anchor a, struct why *w)
{
	const struct reg_anchor *old = issuer_anchor(is, a, ANCHOR_OLD);
	uint64_t live;

	if (!old) {
		why_set(w, ZT_E_NOTFOUND, "no old %s authority is trusted any more", anchor_name(a));
		return NULL;
	}
	live = count_live(is, old);
	if (live && !issuer_flag(ask->in, CAF_ON)) {
		why_set(w, ZT_E_DENIED, "%llu certificates of the old %s authority are still in use: renew them, or say --force "
			"to end them", (unsigned long long)live, anchor_name(a));
		return NULL;
	}
	return turn(is, old, ANCHOR_RETIRED, w);
}

static const struct reg_anchor *cancel(struct issuer *is, const struct issuer_ask *ask, enum cert_anchor a, struct why *w)
{
	const struct reg_anchor *next = issuer_anchor(is, a, ANCHOR_NEXT);

	(void)ask;
	if (!next) {
		why_set(w, ZT_E_NOTFOUND, "no roll-over of the %s authority can be cancelled: once it has switched it is finished, "
			"or rolled over again", anchor_name(a));
		return NULL;
	}
	return turn(is, next, ANCHOR_RETIRED, w);
}

static const struct {
	enum casign_roll kind;
	const char *name;
	const struct reg_anchor *(*step)(struct issuer *is, const struct issuer_ask *ask, enum cert_anchor a, struct why *w);
} steps[] = {
	{CA_ROLL_BEGIN, "begun", begin},
	{CA_ROLL_SWITCH, "switched", switch_over},
	{CA_ROLL_FINISH, "finished", finish},
	{CA_ROLL_CANCEL, "cancelled", cancel},
};

/* Whoever depends on the one that leaves: the one that signed until now, or the old one. */
static uint64_t leaving(const struct issuer *is, enum cert_anchor a, const struct reg_anchor *at)
{
	const struct reg_anchor *old = issuer_anchor(is, a, ANCHOR_OLD);

	if (old)
		return count_live(is, old);
	return at->state == ANCHOR_NEXT ? count_live(is, issuer_anchor(is, a, ANCHOR_SIGNS)) : 0;
}

int issuer_roll(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t kind = casign_u64(ask->in, CAF_KIND), anchor = casign_u64(ask->in, CAF_ANCHOR);
	const struct reg_anchor *at = NULL;
	enum cert_anchor a = (enum cert_anchor)anchor;

	if (anchor >= ANCHORS)
		return why_set(w, ZT_E_UNKNOWN, "there is no such authority");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].kind != kind)
			continue;
		at = steps[i].step(is, ask, a, w);
		if (!at)
			return why_set(w, ZT_E_BUG, "the roll-over went wrong"); /* the first cause is kept */
		issuer_changed(is);
		issuer_put_num(ask, out, CAF_GENERATION, at->generation);
		issuer_put_num(ask, out, CAF_COUNT, leaving(is, a, at));
		issuer_put_trust(is, ask, out, a);
		LOG(is->o.log, LOG_WARN, "roll-over", LF_STR("event", "roll"), LF_STR("anchor", anchor_name(a)),
		    LF_U64("generation", at->generation), LF_STR("step", steps[i].name));
		return 0;
	}
	return why_set(w, ZT_E_UNKNOWN, "there is no such step of a roll-over");
}

/* ---- adopt, epoch ---------------------------------------------------------------------------------- */

int issuer_adopt(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	uint64_t taken = 0;
	int rc;

	if (ask->fd < 0)
		return why_set(w, ZT_E_USAGE, "the file of the other registry has to come along");
	rc = registry_adopt(is->o.registry, ask->fd, "the other registry", &taken, w);
	if (rc < 0)
		return rc;
	issuer_look(is);
	issuer_changed(is);
	issuer_put_num(ask, out, CAF_COUNT, taken);
	LOG(is->o.log, LOG_WARN, "registry adopted", LF_STR("event", "adopt"), LF_U64("taken", taken));
	return 0;
}

int issuer_epoch(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w)
{
	int rc = registry_next_epoch(is->o.registry, w);

	if (rc < 0)
		return rc;
	issuer_changed(is);
	issuer_put_num(ask, out, CAF_EPOCH, registry_epoch(is->o.registry));
	LOG(is->o.log, LOG_WARN, "new epoch", LF_STR("event", "epoch"), LF_U64("epoch", registry_epoch(is->o.registry)));
	return 0;
}
