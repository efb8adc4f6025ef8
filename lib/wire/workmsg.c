/* workmsg: see workmsg.h. */
#include "workmsg.h"

#include "frame.h"

#define VERSION 1

void workmsg_write(struct wr *w, const struct workmsg *m)
{
	wr_u8(w, (uint8_t)m->type);
	wr_u8(w, VERSION);
	wr_le16(w, 0);
	if (m->type == WORK_HAND)
		frame_addr_write(w, &m->peer);
	else
		wr_le32(w, m->question);
	if (m->type == WORK_TELL) {
		wr_u8(w, m->works);
		wr_le32(w, m->tunnels);
	}
	if (m->type != WORK_ASK)
		wr_put(w, m->bytes);
}

int workmsg_read(struct span packet, struct workmsg *out)
{
	struct rd r = rd_of(packet);
	unsigned type = rd_u8(&r), version = rd_u8(&r), zero = rd_le16(&r), works = 0;
	bool bad;

	*out = (struct workmsg){.type = (enum workmsg_type)type};
	if (r.bad || zero)
		return -ZT_E_SYNTAX;
	if (version != VERSION)
		return -ZT_E_VERSION;
	if (type < WORK_HAND || type > WORK_TELL)
		return -ZT_E_UNKNOWN;
	bad = type == WORK_HAND && (!frame_addr_read(&r, &out->peer) || out->peer.family == 0);
	if (type != WORK_HAND)
		out->question = rd_le32(&r);
	if (type == WORK_TELL) {
		works = rd_u8(&r);
		out->tunnels = rd_le32(&r);
	}
	out->works = works;
	if (type != WORK_ASK)
		out->bytes = rd_rest(&r);
	return bad || r.bad || rd_left(&r) || works > 1 || out->bytes.n > WORKMSG_BYTES ? -ZT_E_SYNTAX : 0;
}
