/*
 * joiner_kit: something that joins: it has a token, makes its key and request, and proves the secret as
 * docs/protocol.md says, by the codec that real joiners use.
 */
#ifndef ZT_JOINER_KIT_H
#define ZT_JOINER_KIT_H

#include "issuer_kit.h"

static struct kit k;

struct joiner {
	struct pair key;
	uint8_t csr[1024], token[TOKEN_ID], secret[TOKEN_SECRET];
	uint8_t role;
	struct span request;
	struct enrol_talk t;
	uint64_t talk;
	const char *peer;
};

static inline struct casign token_of(enum cert_role role, const char *name)
{
	struct casign q = {.type = CA_TOKEN_NEW};

	put_num(&q, CAF_ROLE, role);
	if (name)
		put_str(&q, CAF_NAME, name);
	return q;
}

static inline int make_token(const struct casign *q, struct joiner *j)
{
	int rc = kit_ask(&k, 'c', q);

	if (rc < 0)
		return rc;
	memset(j, 0, sizeof *j);
	memcpy(j->token, k.out.field[CAF_TOKEN].p, TOKEN_ID);
	memcpy(j->secret, k.out.field[CAF_SECRET].p, TOKEN_SECRET);
	j->role = (uint8_t)casign_u64(q, CAF_ROLE);
	j->peer = "192.0.2.7";
	kit_pair(&j->key);
	j->request = csr_for(&j->key, j->csr, NULL, 0);
	return 0;
}

static inline void new_key(struct joiner *j)
{
	kit_pair(&j->key);
	j->request = csr_for(&j->key, j->csr, NULL, 0);
}

static inline int hello(struct joiner *j)
{
	struct casign q = {.type = CA_ENROL};

	j->t = (struct enrol_talk){.role = j->role};
	memcpy(j->t.token, j->token, TOKEN_ID);
	random_bytes(j->t.nonce_j, ENROL_NONCE);
	memset(j->t.server, 0x5e, SHA256_LEN);
	sha256(j->request, j->t.csr);
	put_num(&q, CAF_ROLE, j->role);
	casign_put(&q, CAF_TOKEN, span_of(j->token, TOKEN_ID));
	casign_put(&q, CAF_NONCE, span_of(j->t.nonce_j, ENROL_NONCE));
	casign_put(&q, CAF_CSR, j->request);
	casign_put(&q, CAF_SERVER, span_of(j->t.server, SHA256_LEN));
	put_str(&q, CAF_LABEL, "raspi");
	if (j->peer)
		put_str(&q, CAF_PEER, j->peer);
	if (kit_ask(&k, 'f', &q) < 0)
		return -(int)k.why.err;
	memcpy(j->t.nonce_a, k.out.field[CAF_NONCE].p, ENROL_NONCE);
	j->talk = casign_u64(&k.out, CAF_TALK);
	return 0;
}

/* Is what was just answered to hello() by one who knows the secret? */
static inline bool is_authority(const struct joiner *j)
{
	uint8_t proof[ENROL_PROOF];

	enrol_proof(&j->t, j->secret, ENROL_BY_AUTHORITY, proof);
	return span_eq(k.out.field[CAF_PROOF], span_of(proof, sizeof proof));
}

static inline int prove(const struct joiner *j)
{
	struct casign q = {.type = CA_PROVE};
	uint8_t proof[ENROL_PROOF];

	enrol_proof(&j->t, j->secret, ENROL_BY_JOINER, proof);
	put_num(&q, CAF_TALK, j->talk);
	casign_put(&q, CAF_PROOF, span_of(proof, sizeof proof));
	return kit_ask(&k, 'f', &q);
}

static inline int join(struct joiner *j)
{
	int rc = hello(j);

	return rc < 0 ? rc : prove(j);
}

static inline bool is_grant(const struct joiner *j)
{
	struct enrol g = {.type = ENROL_GRANTED};
	uint8_t proof[ENROL_PROOF];

	g.has[ENF_CHAIN] = g.has[ENF_INFRA] = g.has[ENF_DEVICE] = g.has[ENF_ACME] = g.has[ENF_REGISTRY] = g.has[ENF_TRUST] = true;
	g.field[ENF_CHAIN] = k.out.field[CAF_CHAIN];
	g.field[ENF_INFRA] = k.out.field[CAF_INFRA];
	g.field[ENF_DEVICE] = k.out.field[CAF_DEVICE];
	g.field[ENF_ACME] = k.out.field[CAF_ACME];
	g.field[ENF_REGISTRY] = k.out.field[CAF_REGISTRY];
	g.field[ENF_TRUST] = k.out.field[CAF_TRUST];
	enrol_grant_proof(&j->t, j->secret, &g, proof);
	return span_eq(k.out.field[CAF_PROOF], span_of(proof, sizeof proof));
}

static inline uint32_t used(const struct joiner *j)
{
	return registry_token(k.registry, j->token)->used;
}

#endif
