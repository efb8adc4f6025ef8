/* ipc: the codec of ipc.h. */
#include "ipc.h"

#include <string.h>

#include "base/err.h"
#include "base/num.h"

static const struct {
	enum ipc_type type;
	char from;
	const char *name;
} rows[] = {
#define X(id, value, from, text) {id, from, #id},
	IPC_TYPES(X)
#undef X
};

const char *ipc_name(enum ipc_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == t)
			return rows[i].name;
	return "?";
}

void ipc_write(struct wr *w, const struct ipc_msg *m)
{
	wr_le16(w, (uint16_t)m->type);
	wr_le16(w, 0);
	wr_le32(w, m->epoch);
	wr_put(w, m->payload);
}

int ipc_read(struct span message, char from, struct ipc_msg *out)
{
	struct rd r = rd_of(message);
	uint16_t type = rd_le16(&r), zero = rd_le16(&r);

	*out = (struct ipc_msg){.epoch = rd_le32(&r)};
	out->payload = rd_rest(&r);
	if (r.bad || zero != 0 || message.n > BOUND_CAP(BOUND_IPC_BYTES))
		return -ZT_E_SYNTAX;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((uint16_t)rows[i].type == type && rows[i].from == from) {
			out->type = rows[i].type;
			return 0;
		}
	return -ZT_E_UNKNOWN;
}

static bool plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool in_label(uint8_t c)
{
	return plain(c) || (c >= 'A' && c <= 'Z') || (c && strchr("-.:@[]", c));
}

static void write_counter(struct wr *w, struct span name, uint64_t value)
{
	ZT_ASSERT(name.n > 0 && name.n <= IPC_COUNTER_NAME);
	wr_u8(w, (uint8_t)name.n);
	wr_put(w, name);
	wr_le64(w, value);
}

void ipc_write_counter(struct wr *w, const char *name, uint64_t value)
{
	write_counter(w, span_str(name), value);
}

void ipc_write_counter_of(struct wr *w, const char *name, const char *of, uint64_t value)
{
	uint8_t mem[IPC_COUNTER_NAME];
	struct wr n = wr_of(mem, sizeof mem);

	wr_str(&n, name);
	wr_u8(&n, '{');
	for (size_t i = 0; of[i] && i < IPC_COUNTER_LABEL; i++)
		wr_u8(&n, in_label((uint8_t)of[i]) ? (uint8_t)of[i] : '_');
	wr_u8(&n, '}');
	write_counter(w, wr_span(&n), value);
}

void ipc_write_counters(struct wr *w, const struct ipc_row *row, size_t n, const char *of)
{
	for (size_t i = 0; i < n; i++)
		if (of)
			ipc_write_counter_of(w, row[i].name, of, row[i].value);
		else
			ipc_write_counter(w, row[i].name, row[i].value);
}

static bool all(struct span s, bool (*good)(uint8_t c))
{
	for (size_t i = 0; i < s.n; i++)
		if (!good(s.p[i]))
			return false;
	return s.n > 0;
}

static bool read_name(struct ipc_counter *c)
{
	if (!span_cut(c->whole, '{', &c->name, &c->of))
		return all(c->name, plain);
	if (!span_ends(c->of, "}"))
		return false;
	c->of = span_sub(c->of, 0, c->of.n - 1);
	return all(c->name, plain) && all(c->of, in_label);
}

int ipc_read_counter(struct rd *r, struct ipc_counter *out)
{
	if (rd_left(r) == 0)
		return 0;
	*out = (struct ipc_counter){.whole = rd_bytes(r, rd_u8(r))};
	out->value = rd_le64(r);
	return r->bad || out->whole.n > IPC_COUNTER_NAME || !read_name(out) ? -ZT_E_SYNTAX : 1;
}
