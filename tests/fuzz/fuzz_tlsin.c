/*
 * Everything a peer can send on an open connection: records sealed with the right keys, of any
 * type and content, and bytes of any kind between them. A model says what must come of it: which
 * bytes are delivered, in order, and how it ends. Input: a byte of options, then orders of
 *   u8 what (0..6 a sealed record of type 18 + what, 7 raw bytes), u8 n, n bytes; what & 8: the
 *   content is n times longer, in zeros.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "io/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond) ((cond) ? (void)0 : abort())
#define WIRE 60000 /* what a socket takes at once */

static struct {
	struct source src;
	struct tls tls;
	struct tls_in in;
	struct tls_out out;
	struct record theirs, hears;
	uint8_t mem[65536], wire[WIRE], want[WIRE], out_mem[TLS_OUT_BYTES];
	size_t wire_n, want_n;
	enum tls_end end; /* what the model says; GOING: the socket's end decides */
	unsigned warnings, empties;
	bool raw;         /* bytes that no key has seen: from here on only "no" is right */
} f;

static void start(uint8_t options, int pair[2])
{
	static const enum aead_kind kinds[] = {AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20};
	enum aead_kind k = kinds[(options & 3) % 3];
	struct record_keys keys[4] = {{.key = {1}, .iv = {2}}, {.key = {1}, .iv = {2}}, {.key = {3}}, {.key = {3}}};

	memset(&f, 0, sizeof f);
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	f.src.fd = pair[0];
	f.tls = (struct tls){.src = &f.src, .state = TLS_OPEN, .most = RECORD_PLAIN};
	record_init(&f.tls.in, k, &keys[0]);
	record_init(&f.theirs, k, &keys[1]);
	record_init(&f.tls.out, k, &keys[2]);
	record_init(&f.hears, k, &keys[3]);
	f.in = (struct tls_in){.mem = f.mem, .cap = options & 4 ? sizeof f.mem : RECORD_MAX};
	f.out = (struct tls_out){.mem = f.out_mem, .cap = sizeof f.out_mem};
}

static enum tls_end model_alert(struct span s)
{
	if (s.n != 2 || s.p[0] < 1 || s.p[0] > 2)
		return TLS_STRANGE;
	if (s.p[0] == 2)
		return TLS_REFUSED;
	if (s.p[1] == 0)
		return TLS_CLEAN;
	return ++f.warnings > 4 ? TLS_STRANGE : TLS_GOING;
}

static void model(uint8_t type, struct span s)
{
	if (f.end != TLS_GOING || f.raw)
		return;
	if (type == RECORD_DATA && s.n > 0) {
		memcpy(&f.want[f.want_n], s.p, s.n);
		f.want_n += s.n;
		f.empties = 0;
	} else if (type == RECORD_DATA) {
		f.end = ++f.empties > 32 ? TLS_STRANGE : TLS_GOING;
	} else {
		f.end = type == RECORD_ALERT ? model_alert(s) : TLS_STRANGE;
	}
}

static void add_sealed(uint8_t type, struct span s, size_t zeros)
{
	size_t n = num_min(s.n + zeros, RECORD_PLAIN), head = record_head(&f.theirs);
	uint8_t *at = &f.wire[f.wire_n];

	if (WIRE - f.wire_n < RECORD_OVERHEAD + n)
		return;
	memset(&at[head], 0, n);
	if (s.n)
		memcpy(&at[head], s.p, num_min(s.n, n));
	model(type, span_of(&at[head], n));
	f.wire_n += (size_t)record_seal(&f.theirs, (enum record_type)type, at, n);
}

static void read_orders(struct span in)
{
	struct rd r = rd_of(in);

	while (rd_left(&r) > 0) {
		uint8_t what = rd_u8(&r), n = rd_u8(&r);
		struct span s = rd_bytes(&r, num_min(n, rd_left(&r)));

		if ((what & 7) < 7) {
			add_sealed((uint8_t)(18 + (what & 7)), s, what & 8 ? (size_t)n * n : 0);
		} else if (s.n > 0 && WIRE - f.wire_n >= s.n) {
			memcpy(&f.wire[f.wire_n], s.p, s.n);
			f.wire_n += s.n;
			f.raw = true;
		}
	}
}

/* Takes in uneven bites; everything must be what the model wants, in order. */
static size_t take(size_t got, size_t n, unsigned step)
{
	while (n > 0) {
		struct span p = f.in.piece[f.in.first];
		size_t part = num_min(p.n, 1 + (got * 7 + step) % 3000);

		MUST(f.in.first < f.in.pieces && p.n > 0 && p.p >= f.mem && p.p + p.n <= f.mem + f.in.cap);
		MUST(got + part <= f.want_n && memcmp(p.p, &f.want[got], part) == 0);
		tls_in_take(&f.in, part);
		got += part;
		n -= num_min(n, part);
	}
	MUST(f.in.first == f.in.pieces);
	return got;
}

static void check_end(size_t got)
{
	enum tls_end end = (enum tls_end)f.tls.end;

	MUST(got == f.want_n && tls_in_idle(&f.in));
	if (f.end != TLS_GOING)
		MUST(end == f.end);
	else if (f.raw)
		MUST(end == TLS_FORGED || end == TLS_STRANGE || end == TLS_TRUNCATED);
	else
		MUST(end == TLS_TRUNCATED);
	MUST(tls_read(&f.tls, &f.in) == 0);
}

/* One alert that the peer can read, or none. */
static void check_bye(int peer)
{
	uint8_t mem[256];
	struct record_plain r;
	bool due = f.tls.end != TLS_REFUSED && f.tls.end != TLS_RESET;
	ssize_t n;

	tls_bye(&f.tls, &f.out);
	tls_bye(&f.tls, &f.out);
	while (tls_out_send(&f.tls, &f.out) > 0)
		;
	n = recv(peer, mem, sizeof mem, MSG_DONTWAIT);
	MUST((n > 0) == due);
	if (due)
		MUST(record_open(&f.hears, mem, (size_t)n, &r) == n && r.type == RECORD_ALERT && r.n == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t got = 0;
	ssize_t more = 1;
	int pair[2];

	start(n ? data[0] : 0, pair);
	read_orders(span_sub(span_of(data, n), 1, n));
	MUST(send(pair[1], f.wire, f.wire_n, MSG_NOSIGNAL) == (ssize_t)f.wire_n);
	MUST(shutdown(pair[1], SHUT_WR) == 0);
	for (unsigned i = 0; more != 0; i++) {
		MUST(i < 100); /* at most WIRE / RECORD_MAX full reads, and the end */
		more = tls_read(&f.tls, &f.in);
		MUST(more >= 0 || more == -ZT_E_AGAIN);
		if (more > 0)
			got = take(got, (size_t)more, i);
	}
	check_end(got);
	check_bye(pair[1]);
	tls_free(&f.tls);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
