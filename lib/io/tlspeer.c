/*
 * tlspeer: reading a peer's handshake. It takes whole records from the socket, judges each before
 * tlsd sees a byte of it, and stops at the one that carries the peer's Finished: what stands
 * behind it stays in the socket. Owns nothing; what it reads lies in the shake.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "tls_int.h"

#define SHAKE_READS 64 /* parts of records a turn */

bool shake_reads(const struct tls_shake *sh)
{
	return sh->stage == SHAKE_HELLO || (sh->stage == SHAKE_RUNNING && sh->flight.state != FLIGHT_DONE);
}

static enum tls_fault fault_of(int err)
{
	static const struct {
		enum zt_err err;
		enum tls_fault fault;
	} rows[] = {
		{ZT_E_UNKNOWN, TLSF_NOT_TLS}, {ZT_E_VERSION, TLSF_VERSION}, {ZT_E_DENIED, TLSF_UNEXPECTED},
		{ZT_E_SYNTAX, TLSF_BAD_RECORD}, {ZT_E_TOOLONG, TLSF_BAD_RECORD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (-(int)rows[i].err == err)
			return rows[i].fault;
	return TLSF_BAD_MESSAGE;
}

static bool make_room(struct tls_shake *sh, size_t part);

/* Bytes that were read before come first. They are where small ends, behind all that sh->in may hold. */
static ssize_t receive(struct tls_shake *sh, uint8_t *to, size_t n)
{
	if (sh->before == 0)
		return recv(sh->t->src->fd, to, n, MSG_DONTWAIT);
	n = num_min(n, sh->before);
	memcpy(to, &sh->small[SHAKE_SMALL - sh->before], n);
	sh->before -= n;
	return (ssize_t)n;
}

/* Does the owner take it away unopened? Answers whether sh is still there: the owner may have freed it, too. */
static bool offer_hello(struct tls_shake *sh, const struct hello *h)
{
	struct tls_world *w = sh->world;
	struct tls *t = sh->t;
	uint32_t id = sh->id;
	bool taken;

	if (t->cls->hello == NULL)
		return true;
	if (sh->before && !make_room(sh, sh->before))
		return shake_fail(sh, TLSF_BUSY, NULL);
	memcpy(&sh->in[sh->have], &sh->small[SHAKE_SMALL - sh->before], sh->before);
	taken = t->cls->hello(t, h, span_of(sh->in, sh->have + sh->before));
	if (w->slot[TLSMSG_SLOT(id)] != sh || sh->id != id)
		return false;
	if (!taken)
		return true;
	t->state = TLS_IDLE;
	loop_touch(t->src);
	shake_cancel(sh, true);
	return false;
}

/* What hello_read() cannot read as TLS at all gets no answer; what it can, and refuses, an alert. */
static bool judge_hello(struct tls_shake *sh)
{
	struct why why = {0};
	struct hello h;
	int n = hello_read(span_of(sh->in, sh->have), sh->world->hello, &h, &why);

	if (n == ZT_MORE)
		return true;
	if (n < 0)
		return shake_fail_saying(sh, n == -ZT_E_VERSION ? TLSF_NOT_TLS : TLSF_BAD_MESSAGE, &why);
	if ((size_t)n != sh->have)
		return shake_fail(sh, TLSF_UNEXPECTED, NULL);
	if (!offer_hello(sh, &h))
		return false;
	if (sh->before) /* nobody may speak on before we have answered */
		return shake_fail(sh, TLSF_UNEXPECTED, NULL);
	sh->stage = SHAKE_WAITING;
	if (sh->world->waiting.first == NULL) {
		int rc = shake_hand_over(sh);

		if (rc != -ZT_E_AGAIN)
			return rc == 0;
	}
	queue_push(&sh->world->waiting, sh);
	line_touch(sh->world);
	return true;
}

/* RFC 5246 section 7.2: level 2 is fatal, the description follows. */
static void note_refusal(struct tls_shake *sh, struct span record)
{
	struct rd r = rd_of(record);
	uint8_t type = rd_u8(&r);

	rd_be16(&r);
	if (type != RECORD_ALERT || rd_be16(&r) != 2 || rd_u8(&r) != 2)
		return;
	sh->refused = true;
	sh->refusal = rd_u8(&r);
}

static bool judge_flight(struct tls_shake *sh)
{
	bool sealed = sh->flight.state == FLIGHT_CCS;
	struct why why = {0};
	int n = flight_next(&sh->flight, span_of(&sh->in[sh->ready], sh->have - sh->ready), &why);

	if (n < 0)
		return shake_fail_saying(sh, fault_of(n), &why);
	if (n > 0 && !sealed)
		note_refusal(sh, span_of(&sh->in[sh->ready], (size_t)n));
	sh->ready += (size_t)n;
	sh->sealed_in += sealed && n > 0;
	return true;
}

/* What is not is judged as soon as it can be recognised, whatever length it seems to announce. */
static bool looks_like_tls(const struct tls_shake *sh)
{
	return sh->in[0] >= RECORD_CCS && sh->in[0] <= RECORD_DATA;
}

/* Bytes up to the next place where something can be judged: the end of a header, of a record. What
 * is another protocol has neither: byte by byte, until hello_read() knows which. */
static size_t next_part(const struct tls_shake *sh)
{
	size_t n = sh->have - sh->ready;

	if (n >= RECORD_HEADER && !looks_like_tls(sh))
		return 1;
	return record_rest(&sh->in[sh->ready], n);
}

/* The record under way fits from here on: large records want a large buffer. */
static bool make_room(struct tls_shake *sh, size_t part)
{
	struct buf large = {0};

	if (part <= sh->in_cap - sh->have)
		return true;
	if (sh->in == sh->small && shake_large(sh, &large)) {
		uint8_t *mem = large.mem;

		memcpy(mem, sh->in, sh->have);
		sh->in = mem;
		sh->in_cap = SHAKE_LARGE;
	}
	return part <= sh->in_cap - sh->have;
}

static int fail_reading(struct tls_shake *sh, enum tls_fault f, const char *detail)
{
	shake_fail(sh, f, detail);
	return -1;
}

/* -1: sh is gone; 0: nothing more now; 1: go on. */
static int read_part(struct tls_shake *sh)
{
	size_t part = next_part(sh), whole;
	ssize_t n;

	/* hello_read() and flight_next() have seen the header, and neither lets such a length pass. */
	if (part == 0 || sh->ready + RECORD_MAX < sh->have + part)
		return fail_reading(sh, TLSF_BAD_RECORD, NULL);
	if (sh->have + part > TLSMSG_RECORDS) {
		if (sh->stage == SHAKE_HELLO)
			return fail_reading(sh, TLSF_BAD_MESSAGE, "the hello is too long");
		return shake_hand_ready(sh) ? sh->stage == SHAKE_RUNNING : -1;
	}
	if (!make_room(sh, part))
		return fail_reading(sh, TLSF_BUSY, NULL);
	n = receive(sh, &sh->in[sh->have], part);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		shake_gone(sh);
		return -1;
	}
	sh->have += (size_t)n;
	if ((size_t)n < part && looks_like_tls(sh))
		return 1;
	if (sh->stage != SHAKE_HELLO)
		return judge_flight(sh) ? 1 : -1;
	whole = record_need(&sh->in[sh->ready], sh->have - sh->ready);
	if (sh->have - sh->ready == whole)
		sh->ready = sh->have;
	return judge_hello(sh) ? 1 : -1;
}

bool shake_read(struct tls_shake *sh)
{
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < SHAKE_READS && shake_reads(sh); i++)
		rc = read_part(sh);
	if (rc < 0)
		return false;
	if (sh->before)
		loop_again(sh->t->src);
	return sh->stage != SHAKE_RUNNING || shake_hand_ready(sh);
}
