/*
 * tls, megabytes both ways at once between our records and BearSSL's engine, in pieces of every
 * size, after a real handshake with every suite; then a proper end from either side.
 */
#include "tlsconn_kit.h"

#include "base/crypto.h"

#define MEGABYTES (2u << 20)

static struct peer peer;
static struct conn conn;
static struct tls_in in;
static struct tls_out out;
static uint8_t in_mem[65536], out_mem[TLS_OUT_BYTES];
static uint32_t dice;

static uint32_t roll(uint32_t below)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % below;
}

/* A direction: what was sent and what arrived, as running hashes of the same bytes. */
struct flow {
	br_sha256_context said, heard;
	size_t sent, got;
	uint32_t seed;
};

static void flow_start(struct flow *f, uint32_t seed)
{
	br_sha256_init(&f->said);
	br_sha256_init(&f->heard);
	f->sent = f->got = 0;
	f->seed = seed;
}

static void flow_fill(struct flow *f, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f->seed = f->seed * 1103515245u + 12345u;
		p[i] = (uint8_t)(f->seed >> 16);
	}
	br_sha256_update(&f->said, p, n);
	f->sent += n;
}

static void flow_take(struct flow *f, const uint8_t *p, size_t n)
{
	br_sha256_update(&f->heard, p, n);
	f->got += n;
}

static bool flow_done(struct flow *f)
{
	uint8_t a[32], b[32];

	br_sha256_out(&f->said, a);
	br_sha256_out(&f->heard, b);
	return f->sent == MEGABYTES && f->got == MEGABYTES && memcmp(a, b, sizeof a) == 0;
}

/* A size: mostly small, sometimes as large as can be. */
static size_t some(size_t most)
{
	static const uint32_t scale[] = {10, 200, 2000, 20000, 200000};
	size_t n = 1 + roll(scale[roll(ARRAY_LEN(scale))]);

	return num_min(n, most);
}

static void we_write(struct flow *f)
{
	struct iovec iov[TLS_SLOTS];
	size_t slots = tls_out_space(&conn.tls, &out, iov, 1 + roll(TLS_SLOTS)), n, total = 0;

	n = some(MEGABYTES - f->sent);
	for (size_t i = 0; i < slots && n > 0; i++) {
		size_t part = num_min(n, iov[i].iov_len);

		flow_fill(f, iov[i].iov_base, part);
		total += part;
		n -= part;
	}
	if (total)
		CHECK_INT(tls_out_seal(&conn.tls, &out, total), 0);
	tls_out_send(&conn.tls, &out);
}

static void we_read(struct flow *f)
{
	ssize_t n = in.first < in.pieces ? 1 : tls_read(&conn.tls, &in);

	while (n > 0 && in.first < in.pieces) {
		struct span p = in.piece[in.first];
		size_t part = some(p.n);

		flow_take(f, p.p, part);
		tls_in_take(&in, part);
		if (roll(4) == 0)
			return; /* the rest another time */
	}
}

static void peer_writes(struct flow *f)
{
	size_t room, n;
	uint8_t *to = br_ssl_engine_sendapp_buf(peer.side.eng, &room);

	n = num_min(some(MEGABYTES), MEGABYTES - f->sent);
	if (to && n > 0) {
		n = num_min(n, room);
		flow_fill(f, to, n);
		br_ssl_engine_sendapp_ack(peer.side.eng, n);
		br_ssl_engine_flush(peer.side.eng, 0);
	}
}

static void peer_reads(struct flow *f)
{
	size_t n;
	uint8_t *p = br_ssl_engine_recvapp_buf(peer.side.eng, &n);

	if (p) {
		n = some(n);
		flow_take(f, p, n);
		br_ssl_engine_recvapp_ack(peer.side.eng, n);
	}
}

/* The engine takes what it has room for; the rest stays in got[fed..). */
static void peer_moves(void)
{
	ssize_t n = recv(peer.fd, &peer.got[peer.got_n], num_min(some(sizeof peer.got), sizeof peer.got - peer.got_n),
			 MSG_DONTWAIT);

	peer.got_n += n > 0 ? (size_t)n : 0;
	peer.fed += side_feed(&peer.side, &peer.got[peer.fed], peer.got_n - peer.fed);
	if (peer.fed == peer.got_n)
		peer.fed = peer.got_n = 0;
	if (peer.out_n < sizeof peer.out / 2)
		peer.chunk = some(65536);
	peer_push(&peer);
}

static void move_megabytes(void)
{
	struct flow to, from;

	flow_start(&to, 1);
	flow_start(&from, 2);
	peer.got_n = peer.fed = 0;
	in = (struct tls_in){.mem = in_mem, .cap = roll(2) ? sizeof in_mem : RECORD_MAX + roll(5000)};
	out = (struct tls_out){.mem = out_mem, .cap = sizeof out_mem};
	for (unsigned i = 0; i < 2000000 && !(flow_done(&to) && flow_done(&from)); i++) {
		if (to.sent < MEGABYTES || out.head != out.tail)
			we_write(&to);
		we_read(&from);
		peer_writes(&from);
		peer_moves();
		peer_reads(&to);
	}
	CHECK(flow_done(&to));
	CHECK(flow_done(&from));
	CHECK(tls_in_idle(&in) && out.head == out.tail);
	CHECK_INT(conn.tls.end, TLS_GOING);
}

/* close_notify from us is read as such by the engine, and its answer by us; or the reverse. */
static void part(bool peer_first)
{
	if (peer_first)
		br_ssl_engine_close(peer.side.eng);
	else
		tls_bye(&conn.tls, &out);
	for (unsigned i = 0; i < 100; i++) {
		tls_out_send(&conn.tls, &out);
		peer_moves();
		if (conn.tls.end == TLS_GOING)
			tls_read(&conn.tls, &in);
		else
			tls_bye(&conn.tls, &out);
	}
	CHECK_INT(conn.tls.end, TLS_CLEAN);
	CHECK(side_closed(&peer.side));
	CHECK_INT(br_ssl_engine_last_error(peer.side.eng), BR_ERR_OK);
}

static void with_suite(unsigned i, bool client)
{
	struct side_opts o = {.name = client ? NULL : "a.example", .suite = side_suites[i]};
	struct der_file cert;

	kit_open();
	der_load(&cert, i % 2 ? "server-rsa" : "server-ec");
	kit_fake.serve.cert = &cert;
	kit_fake.serve.rsa = o.rsa = i % 2;
	memset(&peer, 0, sizeof peer);
	if (client) {
		o.cert = &cert;
		side_serve(&peer.side, &o);
		CHECK_INT(kit_connect(&conn, &peer, &(struct tls_connect){0}), 0);
	} else {
		side_connect(&peer.side, &o);
		CHECK_INT(kit_accept(&conn, &peer), 0);
	}
	kit_run(&conn, &peer);
	CHECK_STR(conn.words, "");
	if (conn.opened) {
		move_megabytes();
		part(client);
	}
	CHECK_INT(conn.opened, 1);
	kit_drop(&conn, &peer);
	kit_close();
}

TEST(megabytes_as_a_server)
{
	for (unsigned i = 0; i < ARRAY_LEN(side_suites); i++) {
		dice = 7 + i;
		with_suite(i, false);
	}
}

TEST(megabytes_as_a_client)
{
	for (unsigned i = 0; i < ARRAY_LEN(side_suites); i += 3) {
		dice = 77 + i;
		with_suite(i, true);
	}
}

/* A client that can hold 512 bytes asks for it in its hello (RFC 6066 section 4). */
TEST(a_small_client_is_told_nothing_that_it_cannot_hold)
{
	struct iovec iov[TLS_SLOTS];
	size_t heard = 0;

	kit_open();
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example", .small = true});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	kit_run(&conn, &peer);
	CHECK_STR(conn.words, "");
	if (conn.opened) {
		CHECK_INT(conn.tls.most, 512);
		out = (struct tls_out){.mem = out_mem, .cap = sizeof out_mem};
		CHECK(tls_out_space(&conn.tls, &out, iov, TLS_SLOTS) == TLS_SLOTS && iov[0].iov_len == 512);
		CHECK_INT(tls_out_seal(&conn.tls, &out, 2000), 0);
		peer.got_n = peer.fed = 0;
		for (unsigned i = 0; i < 100; i++) {
			size_t n;

			tls_out_send(&conn.tls, &out);
			peer_moves();
			if (br_ssl_engine_recvapp_buf(peer.side.eng, &n)) {
				heard += n;
				br_ssl_engine_recvapp_ack(peer.side.eng, n);
			}
		}
		CHECK_INT(heard, 2000);
		CHECK_INT(br_ssl_engine_last_error(peer.side.eng), BR_ERR_OK);
	}
	CHECK_INT(conn.opened, 1);
	kit_drop(&conn, &peer);
	kit_close();
}
