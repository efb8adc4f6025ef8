/*
 * budget: the table of budget.h. Owns who is remembered and how a bucket fills; never asks what a
 * token is for.
 */
#include "budget.h"

#include <string.h>

#include "base/crypto.h"
#include "base/num.h"

#define TOKEN 1000             /* thousandths */
#define NS_PER_MILLI 1000000u  /* rate tokens a second are rate thousandths in so many ns */

void budget_set(struct budget *b, uint32_t rate, uint32_t burst)
{
	b->rate = (uint32_t)num_min(rate, BUDGET_TOKENS);
	b->burst = (uint32_t)num_min(burst, BUDGET_TOKENS);
}

void budget_init(struct budget *b, uint32_t rate, uint32_t burst, const uint8_t secret[static 16])
{
	/* Not the slots: add() writes each before anybody reads it, and an idle process has 160 KB less. */
	b->used = b->oldest = b->newest = 0;
	memset(b->heads, 0, sizeof b->heads);
	budget_set(b, rate, burst);
	memcpy(b->secret, secret, sizeof b->secret);
}

static void key_of(const struct addr *peer, uint8_t key[static 9])
{
	memset(key, 0, 9);
	key[0] = peer->family;
	memcpy(key + 1, peer->ip, peer->family == 6 ? 8 : 4);
}

static uint32_t *chain_of(struct budget *b, const uint8_t key[static 9])
{
	uint8_t in[sizeof b->secret + 9], hash[SHA256_LEN];
	struct rd r;

	memcpy(in, b->secret, sizeof b->secret);
	memcpy(in + sizeof b->secret, key, 9);
	sha256(span_of(in, sizeof in), hash);
	r = rd_of(span_of(hash, sizeof hash));
	return &b->heads[rd_be32(&r) % BUDGET_CHAINS];
}

/* ---- order of use --------------------------------------------------------------------- */

static void leave_order(struct budget *b, uint32_t i)
{
	struct budget_slot *s = &b->slot[i];

	*(s->older ? &b->slot[s->older].newer : &b->oldest) = s->newer;
	*(s->newer ? &b->slot[s->newer].older : &b->newest) = s->older;
}

static void enter_order(struct budget *b, uint32_t i)
{
	b->slot[i].older = b->newest;
	b->slot[i].newer = 0;
	*(b->newest ? &b->slot[b->newest].newer : &b->oldest) = i;
	b->newest = i;
}

/* ---- the table ------------------------------------------------------------------------ */

static uint32_t find(const struct budget *b, uint32_t head, const uint8_t key[static 9])
{
	uint32_t i = head;

	while (i && memcmp(b->slot[i].key, key, sizeof b->slot[i].key) != 0)
		i = b->slot[i].next;
	return i;
}

static uint32_t forget_oldest(struct budget *b)
{
	uint32_t i = b->oldest, *link = chain_of(b, b->slot[i].key);

	while (*link != i)
		link = &b->slot[*link].next;
	*link = b->slot[i].next;
	leave_order(b, i);
	return i;
}

static uint32_t add(struct budget *b, const uint8_t key[static 9], uint64_t now_ns)
{
	uint32_t i = b->used < BOUND_CAP(BOUND_BUDGET_PEERS) ? ++b->used : forget_oldest(b);
	uint32_t *head = chain_of(b, key);

	b->slot[i] = (struct budget_slot){.millis = b->burst * TOKEN, .at_ns = now_ns, .next = *head};
	memcpy(b->slot[i].key, key, sizeof b->slot[i].key);
	*head = i;
	return i;
}

/* Only what was credited moves at_ns, so that many small steps add up to what one large one gives.
 * Nothing overflows: below full, elapsed * rate < lacks * 10^6 < 10^9 * 10^6. */
static void refill(const struct budget *b, struct budget_slot *s, uint64_t now_ns)
{
	uint32_t full = b->burst * TOKEN, gained;
	uint64_t elapsed = now_ns > s->at_ns ? now_ns - s->at_ns : 0, lacks;

	if (s->millis >= full) { /* also when a reload made the bucket smaller */
		s->millis = full;
		s->at_ns += elapsed;
		return;
	}
	lacks = full - s->millis;
	if (b->rate == 0)
		return;
	if (elapsed >= lacks * NS_PER_MILLI / b->rate + 1) {
		s->millis = full;
		s->at_ns = now_ns;
		return;
	}
	gained = (uint32_t)num_min64(elapsed * b->rate / NS_PER_MILLI, lacks);
	s->millis += gained;
	s->at_ns += ((uint64_t)gained * NS_PER_MILLI + b->rate - 1) / b->rate;
}

bool budget_take(struct budget *b, const struct addr *peer, uint64_t now_ns)
{
	uint8_t key[9];
	uint32_t i;
	struct budget_slot *s;

	key_of(peer, key);
	i = find(b, *chain_of(b, key), key);
	if (i)
		leave_order(b, i);
	else
		i = add(b, key, now_ns);
	enter_order(b, i);
	s = &b->slot[i];
	refill(b, s, now_ns);
	if (s->millis < TOKEN)
		return false;
	s->millis -= TOKEN;
	return true;
}
