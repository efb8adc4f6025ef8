/*
 * stock: what the store of one process has in memory: entries by space and key, what they cost, which of them live now,
 * and pages of them as answers. store_journal.c changes it, record by record, and takes back what the disk refused.
 */
#ifndef ZT_STOCK_H
#define ZT_STOCK_H

#include "io/smap.h"
#include "io/store.h"

struct stock {
	struct smap map;
	struct bounds *bounds; /* BOUND_STORE_KEYS, BOUND_STORE_BYTES */
	uint64_t last_event;
	uint64_t live;         /* bytes that a snapshot's records would have */
	int64_t now;           /* wall time of this poll */
	struct store_item items[STORE_PAGE];
};

/* A key with its space, as the map has it. */
struct stock_key {
	uint8_t mem[1 + STORE_KEY_MAX];
	struct span s;
};
struct span stock_key(struct stock_key *k, enum store_space space, struct span key);

/* Eight bytes on their way into a record; an event's key is its id with the high byte first. */
struct stock_num {
	uint8_t mem[8];
};
struct span stock_be64(struct stock_num *n, uint64_t v);

void stock_record(const struct sentry *e, struct srec_fields *f); /* the fields that bring e back */
uint64_t stock_counter(const struct sentry *e);
struct sentry *stock_living(struct stock *k, struct span key); /* what lives under it now, or NULL */

bool stock_charge(struct stock *k, const struct sentry *e);
void stock_discharge(struct stock *k, const struct sentry *e);
/* Pay for e in the place of old; false and nothing has changed when that is over a bound. */
bool stock_exchange(struct stock *k, const struct sentry *old, const struct sentry *e);

void stock_remove(struct stock *k, struct sentry *e);
void stock_sweep(struct stock *k, size_t most); /* looks at so many entries */
int stock_replay(struct stock *k, const struct srec *r); /* SREC_SET: 0, -ZT_E_NOMEM, -ZT_E_FULL */

/* Answers; their items are the stock's and valid until the next one. */
void stock_scan(struct stock *k, struct store_op *op, struct store_answer *a);
void stock_read(struct stock *k, struct store_op *op, struct store_answer *a);
void stock_get(struct stock *k, struct store_op *op, struct store_answer *a);

#endif
