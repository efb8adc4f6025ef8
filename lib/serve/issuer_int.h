/*
 * issuer_int: what the files of the issuer share.
 *   issuer.c         new, free, which message goes where, facts
 *   issuer_make.c    a certificate: anchor, key, template, record
 *   issuer_cert.c    issue, renew
 *   issuer_end.c     revoke, suspend; what a certificate is worth now
 *   issuer_show.c    entries, tokens and joins as JSON
 *   issuer_token.c   tokens, and joins that wait
 *   issuer_enrol.c   enrolments under way
 *   issuer_list.c    status lists
 *   issuer_crl.c     revocation lists
 *   issuer_roll.c    roll-over, adopt, epoch
 */
#ifndef ZT_ISSUER_INT_H
#define ZT_ISSUER_INT_H

#include "decide/renewal.h"
#include "issuer.h"
#include "registry.h"
#include "wire/enrol.h"

#define ISSUER_ANCHORS 32 /* generations of all three that the registry may know */

struct issuer_talks;
struct issuer_lists;
struct issuer_crls;

#define ISSUER_REJECTED 64 /* one more, and the first may wait for a yes again */

struct issuer {
	struct issuer_opts o;
	struct reg_anchor anchor[ISSUER_ANCHORS]; /* newest first, as of the request that is answered */
	size_t nanchors;
	struct issuer_talks *talks;
	struct issuer_lists *lists;
	struct issuer_crls *crls;
	struct sightings seen;
	uint8_t turned_away[ISSUER_REJECTED][32]; /* keys that were rejected by hand, in a ring */
	size_t nturned;
	bool news, dirty;        /* something that stands on a list has changed: for who asks, for the lists */
};

typedef int issuer_handler(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w);
issuer_handler issuer_facts, issuer_issue, issuer_renew, issuer_revoke, issuer_suspend, issuer_entries, issuer_show,
	issuer_list, issuer_token_new, issuer_tokens, issuer_token_revoke, issuer_pendings, issuer_settle, issuer_enrol,
	issuer_prove, issuer_seen, issuer_roll, issuer_adopt, issuer_epoch;

void issuer_changed(struct issuer *is);      /* sets both */
int64_t issuer_now(const struct issuer *is); /* seconds since 1970 */
/* Into the answer; no memory left: the field stays absent, which issuer_answer() finds. */
void issuer_put_num(const struct issuer_ask *ask, struct casign *out, enum casign_field f, uint64_t v);
void issuer_put_copy(const struct issuer_ask *ask, struct casign *out, enum casign_field f, const void *p, size_t n);
/* The anchors that are trusted now, one field each. */
void issuer_put_trust(struct issuer *is, const struct issuer_ask *ask, struct casign *out, enum cert_anchor a);
void issuer_put_trusts(struct issuer *is, const struct issuer_ask *ask, struct casign *out); /* and the registry's key, and its signature */
void issuer_look(struct issuer *is);         /* at the anchors, again: after they were changed */
bool issuer_flag(const struct casign *m, enum casign_field f); /* there, and not 0 */
bool issuer_zero(const uint8_t *p, size_t n);

/* ---- issuer_token.c ---- */
bool issuer_rejected(const struct issuer *is, const uint8_t key[static 32]);

/* ---- issuer_make.c ---- */
struct issuer_signer {
	const struct reg_anchor *anchor;
	const struct pk_private *key;
	struct x509 cert;        /* spans into anchor->der */
};
/* 0; -ZT_E_NOTFOUND: there is no such anchor; -ZT_E_KEY: its key is not here. */
int issuer_signer(struct issuer *is, const struct reg_anchor *a, struct issuer_signer *out, struct why *w);
const struct reg_anchor *issuer_anchor(const struct issuer *is, enum cert_anchor a, int state);
const struct reg_anchor *issuer_generation(const struct issuer *is, enum cert_anchor a, unsigned generation);

/* Everything about a certificate to come but what is random. */
struct issuer_wish {
	enum cert_role role;
	char id[CERT_ID + 1];    /* "": a new one */
	char name[CERT_NAME_MAX + 1], user[CERT_NAME_MAX + 1];
	struct san san[CERT_SANS];
	size_t nsans;
	struct span spki;        /* proved */
	int64_t lifetime;        /* 0: the role's, or as long as its issuer lives; else exactly so long, */
	bool clamp;              /* or, with clamp, as long as its issuer lives */
	const uint8_t *parent, *token; /* NULL: none */
};
struct issuer_made {
	struct reg_cert cert;
	struct span der;         /* in mem */
};
/* Made, signed, recorded. */
int issuer_make(struct issuer *is, const struct issuer_wish *wish, struct arena *mem, struct issuer_made *out,
		struct why *w);
/* The certificate that there is already. */
int issuer_made_before(struct issuer *is, const struct reg_cert *c, struct arena *mem, struct issuer_made *out, struct why *w);
void issuer_put_made(const struct issuer_ask *ask, struct casign *out, const struct issuer_made *m);
/* DNS names and addresses only, at most CERT_SANS. */
int issuer_sans(struct span names, struct san *out, size_t *n, struct why *w);
void issuer_key_digest(struct span spki, uint8_t out[static 32]);
/* May this key have a certificate of an identity that is not `id`? -ZT_E_EXISTS, -ZT_E_DENIED. */
int issuer_key_free(struct issuer *is, struct span spki, const char *id, struct why *w);
int issuer_name_good(struct span name, struct why *w); /* -ZT_E_SYNTAX: it can be nobody's */
/* -ZT_E_SYNTAX, -ZT_E_EXISTS: a live identity has it. */
int issuer_name_free(struct issuer *is, struct span name, struct why *w);

/* ---- issuer_end.c ---- */
struct issuer_worth {
	enum cert_state state;   /* CERT_EXPIRED only when nothing else ended it */
	bool expired, live;      /* live: good, superseded within its grace, or suspended */
	int reason;              /* CRL reason of CERT_REVOKED and CERT_SUSPENDED */
	int64_t since;           /* of these two */
};
void issuer_judge(const struct issuer *is, const struct reg_cert *c, int64_t now, struct issuer_worth *out);
/* The certificate that renewed c, or was renewed by it: what an identity is made of, newest first. */
const struct reg_cert *issuer_newest(const struct issuer *is, const struct reg_cert *c);
const struct reg_cert *issuer_parent(const struct issuer *is, const struct reg_cert *c); /* NULL: it has none */
/* Somebody copied a certificate: nothing of this identity is believed until somebody has looked. One
 * alarm in the log, its sentence in *w. Answers -ZT_E_DENIED, or why it could not be written down. */
int issuer_alarm(struct issuer *is, const struct reg_cert *c, const char *what, struct span peer, struct why *w);

/* ---- issuer_token.c ---- */
enum issuer_token_state { TOKEN_GOOD, TOKEN_USED, TOKEN_EXPIRED, TOKEN_REVOKED };
enum issuer_token_state issuer_token_state(const struct reg_token *t, int64_t now);
const char *issuer_token_state_name(enum issuer_token_state s);

/* ---- what keeps something between requests: made at first need ---- */
void issuer_talks_free(struct issuer *is);
void issuer_lists_free(struct issuer *is);
void issuer_crls_free(struct issuer *is);
/* What was signed last is what is from now on: a number is taken when something has changed, or when the
 * last one is list_ms old. Signs nothing. */
int issuer_lists_refresh(struct issuer *is, struct why *w);
/* How often something was revoked or suspended, or not any more, as of the last refresh. */
uint64_t issuer_lists_endings(const struct issuer *is);
/* CA_LIST asks for more of the list that it has begun with. */
static inline bool issuer_goes_on(const struct casign *in) { return in->has[CAF_NUMBER]; }
/* A part of `list` into the answer, as CA_LIST asks. -ZT_E_RANGE, -ZT_E_AGAIN: not of this number. */
int issuer_put_part(const struct issuer_ask *ask, struct casign *out, struct span list, uint64_t number, struct why *w);
int issuer_crl(struct issuer *is, const struct issuer_ask *ask, struct casign *out, struct why *w);

#endif
