/*
 * casign: the codec of casign.h. Owns which message has which fields and how long they are; never
 * looks at what a field means. What it reads it would write byte for byte.
 */
#include "casign.h"

#include "base/num.h"

_Static_assert(CAF_TAGS <= 64, "a set of tags is one u64");
_Static_assert(CASIGN_MAX < BOUND_CAP(BOUND_JOURNAL_RECORD), "what is asked fits into a record");

static const struct {
	uint32_t least, most;
} sizes[CAF_TAGS] = {
#define X(id, tag, least, most, text) [tag] = {least, most},
	CASIGN_FIELDS(X)
#undef X
};

static const struct {
	enum casign_type type;
	char from;
	const char *name;
} names[] = {
#define X(id, value, from, text) {id, from, #id},
	CASIGN_TYPES(X)
#undef X
};

#define F(name) (UINT64_C(1) << CAF_##name)
#define ANCHORS (F(INFRA) | F(DEVICE) | F(ACME))
#define CERT (F(CHAIN) | F(SERIAL) | F(ID))
#define LISTED (F(JSON) | F(TOTAL))
#define TRUSTED (F(REGISTRY) | F(TRUST))

/* What is asked, and what a CA_OK to it says. Of "one of" (a serial, a name, a user) the table knows
 * only that each may be there. */
static const struct row {
	enum casign_type type;
	uint64_t must, may;
	uint64_t ok_must, ok_may;
} rows[] = {
	{CA_FACTS, 0, 0, TRUSTED | F(EPOCH) | F(KEYS) | LISTED, ANCHORS},
	{CA_ISSUE, F(ROLE) | F(NAME) | F(CSR), F(USER) | F(SANS) | F(LIFETIME), CERT, 0},
	{CA_RENEW, F(CSR), F(SERIAL) | F(NAME) | F(LIFETIME) | F(PEER) | F(SIGNATURE), CERT | TRUSTED, ANCHORS},
	{CA_REVOKE, 0, F(SERIAL) | F(NAME) | F(USER) | F(REASON), F(COUNT) | F(TOTAL), F(TEXT)},
	{CA_SUSPEND, F(ON), F(SERIAL) | F(NAME), F(COUNT) | F(TOTAL), F(TEXT)},
	{CA_ENTRIES, F(INDEX), F(ROLE) | F(USER) | F(RETIRED), LISTED, F(INDEX)},
	{CA_SHOW, 0, F(SERIAL) | F(NAME) | F(ID), CERT | F(JSON), 0},
	{CA_LIST, F(KIND), F(ANCHOR) | F(GENERATION) | F(EPOCH) | F(BASE) | F(NUMBER) | F(OFFSET),
	 F(NUMBER) | F(TOTAL) | F(PART), F(EPOCH)},
	{CA_TOKEN_NEW, F(ROLE),
	 F(NAME) | F(USER) | F(USES) | F(TTL) | F(LIFETIME) | F(CIDR) | F(APPROVE) | F(SANS),
	 F(TOKEN) | F(SECRET) | F(TTL), 0},
	{CA_TOKENS, F(INDEX), F(RETIRED), LISTED, F(INDEX)},
	{CA_TOKEN_REVOKE, 0, F(TOKEN) | F(NAME), F(TOKEN) | F(COUNT), 0},
	{CA_PENDINGS, F(INDEX), 0, LISTED, F(INDEX)},
	{CA_SETTLE, F(NUMBER) | F(ON), 0, 0, 0},
	{CA_ENROL, F(TOKEN) | F(NONCE) | F(ROLE) | F(CSR) | F(SERVER), F(LABEL) | F(PEER), F(TALK) | F(NONCE) | F(PROOF), 0},
	{CA_PROVE, F(TALK) | F(PROOF), 0, 0, CERT | TRUSTED | F(PROOF) | ANCHORS | F(PENDING)},
	{CA_SEEN, F(SERIAL) | F(INSTANCE), F(PEER), 0, 0},
	{CA_ROLL, F(KIND) | F(ANCHOR), F(CHAIN) | F(GENERATION) | F(ON), F(GENERATION) | F(COUNT), ANCHORS},
	{CA_ADOPT, 0, 0, F(COUNT), 0},
	{CA_EPOCH, 0, 0, F(EPOCH), 0},
	{CA_OK, 0,
	 CERT | LISTED | ANCHORS | TRUSTED | F(EPOCH) | F(KEYS) | F(COUNT) | F(TEXT) | F(INDEX) | F(NUMBER) |
		 F(PART) | F(TOKEN) | F(SECRET) | F(TTL) | F(TALK) | F(NONCE) | F(PROOF) | F(PENDING) | F(GENERATION),
	 0, 0},
	{CA_NO, F(CODE) | F(TEXT), 0, 0, 0},
	{CA_NEWS, 0, 0, 0, 0},
};

/* The two shapes of an answer to CA_PROVE. */
static const uint64_t granted = CERT | TRUSTED | F(PROOF), waits = F(PENDING);

static const struct row *row_of(enum casign_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == t)
			return &rows[i];
	return NULL;
}

const char *casign_name(enum casign_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].type == t)
			return names[i].name;
	return "?";
}

static uint64_t fields_of(const struct casign *m)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < CAF_TAGS; i++)
		if (m->has[i])
			set |= UINT64_C(1) << i;
	return set;
}

static bool fits(uint64_t set, uint64_t must, uint64_t may)
{
	return (set & must) == must && (set & ~(must | may)) == 0;
}

static bool fields_ok(const struct casign *m)
{
	const struct row *r = row_of(m->type);

	if (!r || !fits(fields_of(m), r->must, r->may))
		return false;
	for (unsigned i = 0; i < CAF_TAGS; i++)
		if (m->has[i] && (m->field[i].n < sizes[i].least || m->field[i].n > sizes[i].most))
			return false;
	return true;
}

bool casign_answers(enum casign_type asked, const struct casign *ok)
{
	const struct row *r = row_of(asked);
	uint64_t set = fields_of(ok);

	if (!r || ok->type != CA_OK || !fits(set, r->ok_must, r->ok_may))
		return false;
	return asked != CA_PROVE || fits(set, granted, ANCHORS) || fits(set, waits, 0);
}

void casign_write(struct wr *w, const struct casign *m)
{
	size_t from = w->n;

	if (!fields_ok(m)) {
		w->full = true;
		return;
	}
	wr_le16(w, (uint16_t)m->type);
	wr_le16(w, 0);
	wr_le32(w, 0);
	for (unsigned i = 0; i < CAF_TAGS; i++) {
		if (!m->has[i])
			continue;
		wr_le16(w, (uint16_t)i);
		wr_le32(w, (uint32_t)m->field[i].n);
		wr_put(w, m->field[i]);
	}
	if (w->full || w->n - from > CASIGN_MAX) {
		w->full = true;
		w->n = from; /* no half a message */
		return;
	}
	wr_patch_le32(w, from + 4, (uint32_t)(w->n - from - CASIGN_HEADER));
}

/* 'b' is either of the two sides that ask. */
static bool may_send(char side, char from)
{
	return side == from || (side == 'b' && from != 's');
}

static bool type_of(uint16_t type, char from, enum casign_type *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((uint16_t)names[i].type == type && may_send(names[i].from, from)) {
			*out = names[i].type;
			return true;
		}
	return false;
}

static int read_fields(struct rd *r, struct casign *m)
{
	unsigned before = 0;

	while (rd_left(r) > 0) {
		unsigned tag = rd_le16(r);
		struct span v = rd_bytes(r, rd_le32(r));

		if (r->bad || tag <= before || tag >= CAF_TAGS)
			return -ZT_E_SYNTAX;
		before = tag;
		m->has[tag] = true;
		m->field[tag] = v;
	}
	return fields_ok(m) ? 0 : -ZT_E_SYNTAX;
}

static int read_one(struct span in, char from, struct casign *m)
{
	struct rd r = rd_of(in), fields;
	uint16_t type = rd_le16(&r), zero = rd_le16(&r);
	uint32_t n = rd_le32(&r);
	int rc;

	if (r.bad)
		return ZT_MORE;
	if (zero != 0)
		return -ZT_E_SYNTAX;
	if (!type_of(type, from, &m->type))
		return -ZT_E_UNKNOWN;
	if (n > CASIGN_MAX - CASIGN_HEADER)
		return -ZT_E_TOOLONG;
	if (rd_left(&r) < n)
		return ZT_MORE;
	fields = rd_of(rd_bytes(&r, n));
	rc = read_fields(&fields, m);
	return rc < 0 ? rc : (int)(CASIGN_HEADER + n);
}

int casign_read(struct span in, char from, struct casign *out)
{
	int rc;

	*out = (struct casign){0};
	rc = read_one(in, from, out);
	if (rc <= 0)
		*out = (struct casign){0};
	return rc;
}

uint64_t casign_u64(const struct casign *m, enum casign_field f)
{
	uint64_t v = 0;

	if (!m->has[f])
		return 0;
	for (size_t i = num_min(m->field[f].n, sizeof v); i > 0; i--)
		v = v << 8 | m->field[f].p[i - 1];
	return v;
}

void casign_put(struct casign *m, enum casign_field f, struct span s)
{
	m->has[f] = true;
	m->field[f] = s;
}

void casign_put_num(struct casign *m, enum casign_field f, uint64_t v, uint8_t mem[static 8])
{
	size_t n = num_min(sizes[f].most, 8);

	for (size_t i = 0; i < 8; i++)
		mem[i] = (uint8_t)(v >> 8 * i);
	for (size_t i = n; i < 8; i++)
		ZT_ASSERT(mem[i] == 0); /* a number that its field cannot hold */
	casign_put(m, f, span_of(mem, n));
}
