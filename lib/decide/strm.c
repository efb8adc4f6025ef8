/*
 * strm: the table of strm.h. Owns what each event means in each state; counts no byte and holds no stream.
 */
#include "strm.h"

#include "base/num.h"

struct step {
	uint8_t to, say;
};

#define GO(s) {STRM_##s, STRM_GO}
#define PASS(s) {STRM_##s, STRM_PASS}
#define ANSWER {STRM_CLOSED, STRM_ANSWER}
#define BAD(s) {STRM_##s, STRM_BAD}

static const struct step steps[STRM_STATES][STRM_EVENTS] = {
	/*                   RX: OPEN           DATA             FIN              CREDIT           RESET
	 *                   TX: OPEN           DATA             FIN              CREDIT           RESET */
	[STRM_IDLE] =      {GO(OPEN),        BAD(IDLE),       BAD(IDLE),       BAD(IDLE),       BAD(IDLE),
			    GO(OPEN),        BAD(IDLE),       BAD(IDLE),       BAD(IDLE),       BAD(IDLE)},
	[STRM_OPEN] =      {BAD(OPEN),       GO(OPEN),        GO(IN_DONE),     GO(OPEN),        ANSWER,
			    BAD(OPEN),       GO(OPEN),        GO(OUT_DONE),    GO(OPEN),        GO(RESET)},
	[STRM_IN_DONE] =   {BAD(IN_DONE),    BAD(IN_DONE),    BAD(IN_DONE),    GO(IN_DONE),     ANSWER,
			    BAD(IN_DONE),    GO(IN_DONE),     GO(CLOSED),      PASS(IN_DONE),   GO(RESET_IN)},
	[STRM_OUT_DONE] =  {BAD(OUT_DONE),   GO(OUT_DONE),    GO(CLOSED),      PASS(OUT_DONE),  ANSWER,
			    BAD(OUT_DONE),   BAD(OUT_DONE),   BAD(OUT_DONE),   GO(OUT_DONE),    GO(RESET_OUT)},
	[STRM_RESET] =     {BAD(RESET),      PASS(RESET),     PASS(RESET_IN),  PASS(RESET),     GO(CLOSED),
			    BAD(RESET),      BAD(RESET),      BAD(RESET),      PASS(RESET),     PASS(RESET)},
	[STRM_RESET_IN] =  {BAD(RESET_IN),   BAD(RESET_IN),   BAD(RESET_IN),   PASS(RESET_IN),  GO(CLOSED),
			    BAD(RESET_IN),   BAD(RESET_IN),   BAD(RESET_IN),   PASS(RESET_IN),  PASS(RESET_IN)},
	[STRM_RESET_OUT] = {BAD(RESET_OUT),  PASS(RESET_OUT), PASS(CLOSED),    PASS(RESET_OUT), GO(CLOSED),
			    BAD(RESET_OUT),  BAD(RESET_OUT),  BAD(RESET_OUT),  PASS(RESET_OUT), PASS(RESET_OUT)},
	/* CREDIT may have crossed our last FIN, and RESET the peer's own last FIN. DATA cannot have. */
	[STRM_CLOSED] =    {BAD(CLOSED),     BAD(CLOSED),     BAD(CLOSED),     PASS(CLOSED),    PASS(CLOSED),
			    BAD(CLOSED),     BAD(CLOSED),     BAD(CLOSED),     PASS(CLOSED),    PASS(CLOSED)},
};

enum strm_say strm_step(uint8_t *state, enum strm_event e)
{
	const struct step *s = &steps[*state][e];

	*state = s->to;
	return (enum strm_say)s->say;
}

const char *strm_state_name(enum strm_state s)
{
	static const char *const names[] = {"idle", "open", "in-done", "out-done", "reset", "reset-in-done", "reset-out-done",
					    "closed"};

	return (unsigned)s < ARRAY_LEN(names) ? names[s] : "?";
}

/* ---- numbers ------------------------------------------------------------------------------- */

int strm_ids_next(struct strm_ids *ids, uint32_t *id)
{
	uint32_t next = ids->own ? ids->own + 2 : ids->even ? 2 : 1;

	if (next < ids->own)
		return -ZT_E_CLOSED;
	*id = ids->own = next;
	return 0;
}

int strm_ids_take(struct strm_ids *ids, uint32_t id)
{
	if (id == 0 || (id % 2 == 0) == ids->even || id <= ids->peers)
		return -ZT_E_SYNTAX;
	ids->peers = id;
	return 0;
}

bool strm_ids_used(const struct strm_ids *ids, uint32_t id)
{
	return id && id <= ((id % 2 == 0) == ids->even ? ids->own : ids->peers);
}
