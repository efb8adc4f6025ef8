/* keepmsg: see keepmsg.h. */
#include "keepmsg.h"

#include <string.h>

#include "base/num.h"

#define VERSION 1

static const struct {
	uint8_t type;
	char from;
} types[] = {
#define X(id, value, from, text) {value, from},
	KEEPMSG_TYPES(X)
#undef X
};

void keepmsg_write(struct wr *w, const struct keepmsg *m)
{
	wr_u8(w, (uint8_t)m->type);
	wr_u8(w, VERSION);
	wr_le16(w, 0);
	if (m->type == KEEP_LIST) {
		wr_le64(w, m->epoch);
		wr_le64(w, m->number);
	} else if (m->type == KEEP_IDENTITY) {
		wr_bytes(w, m->serial, sizeof m->serial);
		wr_le64(w, (uint64_t)m->not_after);
	}
}

int keepmsg_read(struct span packet, char from, struct keepmsg *out)
{
	struct rd r = rd_of(packet);
	unsigned type = rd_u8(&r), version = rd_u8(&r), zero = rd_le16(&r);
	size_t i = 0;

	*out = (struct keepmsg){0};
	if (r.bad || zero)
		return -ZT_E_SYNTAX;
	if (version != VERSION)
		return -ZT_E_VERSION;
	while (i < ARRAY_LEN(types) && (types[i].type != type || types[i].from != from))
		i++;
	if (i == ARRAY_LEN(types))
		return -ZT_E_UNKNOWN;
	out->type = (enum keepmsg_type)type;
	if (type == KEEP_LIST) {
		out->epoch = rd_le64(&r);
		out->number = rd_le64(&r);
	} else if (type == KEEP_IDENTITY) {
		struct span serial = rd_bytes(&r, KEEPMSG_SERIAL);

		out->not_after = (int64_t)rd_le64(&r);
		if (!r.bad)
			memcpy(out->serial, serial.p, sizeof out->serial);
	}
	return r.bad || rd_left(&r) || out->not_after < 0 ? -ZT_E_SYNTAX : 0;
}

int keepmsg_next_list(struct rd *r, struct span *list)
{
	if (r->bad || rd_left(r) == 0)
		return r->bad ? -ZT_E_SYNTAX : 0;
	*list = rd_bytes(r, rd_le32(r));
	return r->bad || list->n == 0 ? -ZT_E_SYNTAX : 1;
}
