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

void ipc_write_counter(struct wr *w, const char *name, uint64_t value)
{
	size_t n = strlen(name);

	ZT_ASSERT(n > 0 && n <= IPC_COUNTER_NAME);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, name, n);
	wr_le64(w, value);
}

static bool good_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return s.n > 0 && s.n <= IPC_COUNTER_NAME;
}

int ipc_read_counter(struct rd *r, struct ipc_counter *out)
{
	if (rd_left(r) == 0)
		return 0;
	out->name = rd_bytes(r, rd_u8(r));
	out->value = rd_le64(r);
	return r->bad || !good_name(out->name) ? -ZT_E_SYNTAX : 1;
}
