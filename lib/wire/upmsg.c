/* upmsg: the codec of upmsg.h. */
#include "upmsg.h"

#include "base/err.h"

void upmsg_write(struct wr *w, const struct upmsg *m)
{
	wr_le16(w, (uint16_t)m->type);
	wr_u8(w, UPMSG_VERSION);
	wr_u8(w, UPMSG_LEAST);
	wr_le32(w, m->pid);
	wr_le64(w, m->n);
	wr_put(w, m->text);
}

int upmsg_read(struct span packet, struct upmsg *out)
{
	struct rd r = rd_of(packet);
	uint16_t type = rd_le16(&r);
	uint8_t version = rd_u8(&r), least = rd_u8(&r);

	*out = (struct upmsg){.type = (enum upmsg_type)type, .pid = rd_le32(&r), .n = rd_le64(&r)};
	out->text = rd_rest(&r);
	if (r.bad || packet.n > UPMSG_BYTES || least > version)
		return -ZT_E_SYNTAX;
	return least > UPMSG_VERSION ? -ZT_E_VERSION : 0;
}

bool upmsg_line(struct span *text, struct span *key, struct span *value)
{
	struct span line;

	while (text->n) {
		if (!span_cut(*text, '\n', &line, text))
			*text = SPAN_NONE;
		if (span_cut(line, ' ', key, value))
			return true;
	}
	return false;
}
