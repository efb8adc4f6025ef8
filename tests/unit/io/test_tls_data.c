/*
 * tls, the bytes after the handshake: what a peer can say record by record and what comes of it;
 * where plaintext is put; partial sends; the last words.
 */
#include "tls_open.h"

static struct open_tls o;
static uint8_t bytes[262144];

static const enum aead_kind kinds[] = {AEAD_AES128_GCM, AEAD_AES256_GCM, AEAD_CHACHA20};

TEST(records_arrive_in_pieces_and_in_order)
{
	static uint8_t big[RECORD_PLAIN], got[65536];
	size_t n;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		open_start(&o, kinds[k]);
		CHECK(tls_in_idle(&o.in));
		CHECK_INT(tls_read(&o.tls, &o.in), -ZT_E_AGAIN);
		open_send(&o, RECORD_DATA, big, sizeof big);
		open_send(&o, RECORD_DATA, "tail", 4);
		CHECK_INT(tls_read(&o.tls, &o.in), sizeof big + 4);
		CHECK_INT(o.in.pieces, 1); /* the small one moved up to the large one */
		CHECK(!tls_in_idle(&o.in) && memcmp(o.in.piece[0].p, big, sizeof big) == 0);
		CHECK(memcmp(&o.in.piece[0].p[sizeof big], "tail", 4) == 0);
		tls_in_take(&o.in, sizeof big + 4);
		CHECK(tls_in_idle(&o.in));
		for (unsigned i = 0; i < 3; i++)
			open_send(&o, RECORD_DATA, big, sizeof big);
		CHECK_INT(open_read(&o, got, sizeof got, &n), -ZT_E_AGAIN);
		CHECK_INT(n, 3 * sizeof big);
		CHECK(memcmp(&got[2 * sizeof big], big, sizeof big) == 0);
		CHECK(tls_in_idle(&o.in));
		open_end(&o);
	}
}

TEST(many_small_records_are_few_pieces)
{
	static uint8_t got[4096];
	size_t n = 0;

	open_start(&o, AEAD_AES128_GCM);
	for (unsigned i = 0; i < 1000; i++)
		n += open_record(&o, RECORD_DATA, &(uint8_t){(uint8_t)i}, 1, &bytes[n]);
	CHECK_INT(send(o.peer, bytes, n, 0), n); /* one: each costs the kernel most of a kilobyte */
	CHECK_INT(tls_read(&o.tls, &o.in), 1000);
	CHECK_INT(o.in.pieces, 1);
	tls_in_take(&o.in, 1000);
	/* More than small, and more than there are pieces for. */
	for (unsigned i = 0; i < 30; i++)
		open_send(&o, RECORD_DATA, memset(got, (int)i, 2000), 2000);
	CHECK_INT(tls_read(&o.tls, &o.in), 60000);
	CHECK_INT(o.in.pieces, TLS_PIECES);
	for (unsigned i = 0; i < 30; i++)
		for (n = 0; n < 2000; n += 500) {
			CHECK_INT(o.in.piece[o.in.first].p[0], i);
			CHECK_INT(o.in.piece[o.in.first].p[499], i);
			tls_in_take(&o.in, 500);
		}
	CHECK(tls_in_idle(&o.in));
	open_end(&o);
}

/* With the smallest buffer there may be, every record is moved to the front in the end. */
TEST(a_record_may_come_byte_by_byte_into_the_smallest_buffer)
{
	static uint8_t rec[RECORD_MAX], got[RECORD_PLAIN];
	size_t len, n = 0, sum = 0;
	uint64_t end = 0;

	open_start(&o, AEAD_CHACHA20);
	o.in.cap = RECORD_MAX;
	for (size_t size = 1; size <= RECORD_PLAIN; size = size * 3 + 1) {
		len = open_record(&o, RECORD_DATA, memset(bytes, (int)size, size), size, rec);
		for (size_t at = 0; at < len; at += 1 + at / 3) {
			size_t part = num_min(1 + at / 3, len - at);

			CHECK_INT(send(o.peer, &rec[at], part, 0), part);
			end = (uint64_t)open_read(&o, got, sizeof got, &n);
			sum += n;
			if (at + part < len)
				CHECK(n == 0 && !tls_in_idle(&o.in));
		}
		CHECK(n == size && got[n - 1] == (uint8_t)size && tls_in_idle(&o.in));
	}
	CHECK((int64_t)end == -ZT_E_AGAIN && sum > 9000);
	open_end(&o);
}

/* ---- how it ends ------------------------------------------------------------------------- */

enum { W = 1, F = 2, END = 1 };
struct say {
	uint8_t type; /* 0: no more; END: the socket ends */
	uint8_t n, bytes[4];
	uint8_t times; /* 0: once */
};

static const struct {
	const char *name;
	struct say say[3];
	enum tls_end end;
	size_t data;       /* bytes of it that are delivered */
	int said;          /* our last words: level and number; -1: none */
} ends[] = {
	{"close_notify", {{21, 2, {W, 0}, 0}}, TLS_CLEAN, 0, 0x100},
	{"close_notify, then the end", {{21, 2, {W, 0}, 0}, {END, 0, {0}, 0}}, TLS_CLEAN, 0, 0x100},
	{"data, close_notify, data", {{23, 2, {1}, 0}, {21, 2, {W, 0}, 0}, {23, 4, {7}, 0}}, TLS_CLEAN, 2, 0x100},
	{"the end without it", {{23, 1, {1}, 0}, {END, 0, {0}, 0}}, TLS_TRUNCATED, 1, 0x100},
	{"the end at once", {{END, 0, {0}, 0}}, TLS_TRUNCATED, 0, 0x100},
	{"fatal handshake_failure", {{21, 2, {F, 40}, 0}}, TLS_REFUSED, 0, -1},
	{"data, then fatal", {{23, 3, {1}, 0}, {21, 2, {F, 80}, 0}}, TLS_REFUSED, 3, -1},
	{"fatal close_notify", {{21, 2, {F, 0}, 0}}, TLS_REFUSED, 0, -1},
	{"fatal of no known number", {{21, 2, {F, 255}, 0}}, TLS_REFUSED, 0, -1},
	{"four warnings, then close", {{21, 2, {W, 90}, 4}, {21, 2, {W, 0}, 0}}, TLS_CLEAN, 0, 0x100},
	{"five warnings", {{21, 2, {W, 90}, 5}}, TLS_STRANGE, 0, 0x20a},
	{"five warnings around data", {{21, 2, {W, 90}, 3}, {23, 1, {1}, 0}, {21, 2, {W, 100}, 2}}, TLS_STRANGE, 1, 0x20a},
	{"an alert of level 0", {{21, 2, {0, 0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"an alert of level 3", {{21, 2, {3, 0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"half an alert", {{21, 1, {W}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"an empty alert", {{21, 0, {0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"two alerts in a record", {{21, 4, {W, 90, W, 0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"HelloRequest", {{22, 4, {0, 0, 0, 0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"a ClientHello's beginning", {{22, 4, {1, 0, 0, 9}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"a NewSessionTicket", {{22, 4, {4, 0, 0, 0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"an empty handshake record", {{22, 0, {0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"ChangeCipherSpec", {{20, 1, {1}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"an empty ChangeCipherSpec", {{20, 0, {0}, 0}}, TLS_STRANGE, 0, 0x20a},
	{"32 empty records, then data", {{23, 0, {0}, 32}, {23, 1, {5}, 0}, {21, 2, {W, 0}, 0}}, TLS_CLEAN, 1, 0x100},
	{"33 empty records", {{23, 0, {0}, 33}}, TLS_STRANGE, 0, 0x20a},
	{"64 empty records around data", {{23, 0, {0}, 32}, {23, 1, {5}, 0}, {23, 0, {0}, 32}}, TLS_GOING, 1, 0x100},
	{"an empty record", {{23, 0, {0}, 0}}, TLS_GOING, 0, 0x100},
};

static void say_all(const struct say *say, size_t max)
{
	for (size_t i = 0; i < max && say[i].type; i++)
		for (unsigned k = 0; k < (say[i].times ? say[i].times : 1u); k++) {
			if (say[i].type != END)
				open_send(&o, say[i].type, say[i].bytes, say[i].n);
			else
				CHECK_INT(shutdown(o.peer, SHUT_WR), 0);
		}
}

TEST(every_end_has_its_reason_and_its_last_words)
{
	uint8_t got[64];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		open_start(&o, kinds[i % ARRAY_LEN(kinds)]);
		say_all(ends[i].say, ARRAY_LEN(ends[i].say));
		CHECK_INT(open_read(&o, got, sizeof got, &n), ends[i].end == TLS_GOING ? -ZT_E_AGAIN : 0);
		if (o.tls.end != ends[i].end || n != ends[i].data)
			unit_fail(__FILE__, __LINE__, "%s: %s, %zu bytes", ends[i].name, tls_end_text(o.tls.end), n);
		CHECK_INT(o.tls.alert, o.tls.end == TLS_REFUSED ? ends[i].say[ends[i].data > 0].bytes[1] : 0);
		CHECK(tls_in_idle(&o.in)); /* the buffer may go back, whatever came behind the end */
		tls_bye(&o.tls, &o.out);
		tls_bye(&o.tls, &o.out);
		if (open_said(&o) != ends[i].said)
			unit_fail(__FILE__, __LINE__, "%s: other last words", ends[i].name);
		CHECK_INT(open_said(&o), -1); /* once */
		open_end(&o);
	}
}

TEST(a_stream_cut_anywhere_is_never_a_clean_end)
{
	static uint8_t wire[512], got[256];
	size_t len, n;

	for (size_t cut = 0;; cut++) {
		open_start(&o, AEAD_AES256_GCM);
		len = open_record(&o, RECORD_DATA, "0123456789", 10, wire);
		len += open_record(&o, RECORD_DATA, "ab", 2, &wire[len]);
		len += open_record(&o, RECORD_ALERT, "\1\0", 2, &wire[len]);
		CHECK_INT(send(o.peer, wire, num_min(cut, len), MSG_NOSIGNAL), num_min(cut, len));
		CHECK_INT(shutdown(o.peer, SHUT_WR), 0);
		CHECK_INT(open_read(&o, got, sizeof got, &n), 0);
		CHECK_INT(o.tls.end, cut < len ? TLS_TRUNCATED : TLS_CLEAN);
		CHECK(n == 0 || n == 10 || n == 12);
		open_end(&o);
		if (cut == len)
			break;
	}
}

static void change_bits(enum aead_kind kind)
{
	static uint8_t wire[512], got[256];
	size_t len = 1, n;

	for (size_t bit = 0; bit < len * 8; bit++) {
		open_start(&o, kind);
		open_send(&o, RECORD_DATA, "before", 6);
		len = open_record(&o, RECORD_DATA, "0123456789", 10, wire);
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_INT(send(o.peer, wire, len, MSG_NOSIGNAL), len);
		CHECK_INT(shutdown(o.peer, SHUT_WR), 0);
		CHECK_INT(open_read(&o, got, sizeof got, &n), 0);
		CHECK_INT(n, 6);
		CHECK(o.tls.end == TLS_FORGED || o.tls.end == TLS_STRANGE || o.tls.end == TLS_TRUNCATED);
		/* A length that grew within reason is waited for, and the end comes first. */
		CHECK(o.tls.end != TLS_TRUNCATED || bit / 8 == 3 || bit / 8 == 4);
		CHECK(o.tls.end != TLS_STRANGE || bit / 8 < 3);
		open_end(&o);
	}
	CHECK(len > 30);
}

TEST(a_changed_bit_is_seen_wherever_it_is)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		change_bits(kinds[k]);
}

static const struct {
	const char *name;
	uint8_t wire[8];
	enum tls_end end;
	int said;
} raw[] = {
	{"application data in clear", {23, 3, 3, 0, 3, 'a', 'b', 'c'}, TLS_FORGED, 0x214},
	{"an alert in clear", {21, 3, 3, 0, 2, 1, 0, 0}, TLS_FORGED, 0x214},
	{"a hello in clear", {22, 3, 3, 0, 3, 1, 0, 0}, TLS_FORGED, 0x214},
	{"type 0", {0, 3, 3, 0, 3, 0, 0, 0}, TLS_STRANGE, 0x20a},
	{"type 24, heartbeat", {24, 3, 3, 0, 3, 1, 64, 0}, TLS_STRANGE, 0x20a},
	{"type 19", {19, 3, 3, 0, 3, 0, 0, 0}, TLS_STRANGE, 0x20a},
	{"version 3.1", {23, 3, 1, 0, 3, 0, 0, 0}, TLS_STRANGE, 0x20a},
	{"version 3.4", {23, 3, 4, 0, 3, 0, 0, 0}, TLS_STRANGE, 0x20a},
	{"HTTP", {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'}, TLS_STRANGE, 0x20a},
	{"an oversized record", {23, 3, 3, 0x40, 0x19, 0, 0, 0}, TLS_FORGED, 0x214},
	{"the longest length", {23, 3, 3, 0xff, 0xff, 0, 0, 0}, TLS_FORGED, 0x214},
	{"no length", {23, 3, 3, 0, 0, 23, 3, 3}, TLS_FORGED, 0x214},
};

TEST(what_is_no_record_ends_it_at_once)
{
	uint8_t got[64];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(raw); i++) {
		open_start(&o, AEAD_AES128_GCM);
		open_send(&o, RECORD_DATA, "x", 1);
		CHECK_INT(send(o.peer, raw[i].wire, sizeof raw[i].wire, MSG_NOSIGNAL), sizeof raw[i].wire);
		CHECK_INT(open_read(&o, got, sizeof got, &n), 0);
		if (o.tls.end != raw[i].end || n != 1)
			unit_fail(__FILE__, __LINE__, "%s: %s", raw[i].name, tls_end_text(o.tls.end));
		tls_bye(&o.tls, &o.out);
		CHECK_INT(open_said(&o), raw[i].said);
		open_end(&o);
	}
}

TEST(a_reset_is_told_apart_and_answered_with_nothing)
{
	open_start(&o, AEAD_AES128_GCM);
	CHECK_INT(send(o.src.fd, "x", 1, 0), 1); /* unread when the peer closes: a reset */
	close(o.peer);
	o.peer = -1;
	CHECK_INT(tls_read(&o.tls, &o.in), 0);
	CHECK_INT(o.tls.end, TLS_RESET);
	tls_bye(&o.tls, &o.out);
	CHECK_INT(tls_out_send(&o.tls, &o.out), 0);
	CHECK_INT(tls_read(&o.tls, &o.in), 0);
	open_end(&o);
}

/* ---- writing ----------------------------------------------------------------------------- */

static size_t fill(const struct iovec *iov, size_t n, uint8_t seed)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; sum += iov[i++].iov_len)
		memset(iov[i].iov_base, seed + (int)i, iov[i].iov_len);
	return sum;
}

/* Everything the other end gets, opened: its bytes, and the longest record. */
static size_t drain(uint8_t *to, size_t cap, size_t *longest)
{
	static uint8_t mem[TLS_OUT_BYTES];
	size_t have = 0, at = 0, n = 0;
	ssize_t more;

	*longest = 0;
	do {
		while (tls_out_send(&o.tls, &o.out) > 0)
			;
		more = recv(o.peer, &mem[have], sizeof mem - have, MSG_DONTWAIT);
		have += more > 0 ? (size_t)more : 0;
	} while (more > 0 || o.out.head != o.out.tail);
	while (at < have) {
		struct record_plain r;
		int len = record_open(&o.their_in, &mem[at], have - at, &r);

		if (len <= 0 || r.type != RECORD_DATA || r.n > cap - n)
			break;
		memcpy(&to[n], r.p, r.n);
		n += r.n;
		*longest = r.n > *longest ? r.n : *longest;
		at += (size_t)len;
	}
	CHECK_INT(at, have);
	return n;
}

TEST(plaintext_is_put_where_it_is_sealed)
{
	struct iovec iov[TLS_SLOTS + 1];
	size_t longest, n;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		open_start(&o, kinds[k]);
		for (size_t size = 1; size <= TLS_SLOTS * RECORD_PLAIN; size = size * 5 + 1) {
			size = num_min(size, TLS_SLOTS * RECORD_PLAIN);
			CHECK_INT(tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS + 1), TLS_SLOTS);
			CHECK_INT(fill(iov, TLS_SLOTS, (uint8_t)size), TLS_SLOTS * RECORD_PLAIN);
			CHECK_INT(tls_out_seal(&o.tls, &o.out, size), 0);
			CHECK_INT(tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS), 0); /* it has to leave first */
			n = drain(bytes, sizeof bytes, &longest);
			CHECK_INT(n, size);
			CHECK_INT(longest, num_min(size, RECORD_PLAIN));
			for (size_t i = 0; i < n; i++)
				if (bytes[i] != (uint8_t)(size + i / RECORD_PLAIN)) {
					unit_fail(__FILE__, __LINE__, "byte %zu of %zu", i, n);
					break;
				}
		}
		CHECK_INT(tls_out_space(&o.tls, &o.out, iov, 2), 2);
		open_end(&o);
	}
}

TEST(a_small_client_gets_small_records)
{
	struct iovec iov[TLS_SLOTS];
	size_t longest;

	open_start(&o, AEAD_AES128_GCM);
	o.tls.most = 512;
	CHECK_INT(tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS), TLS_SLOTS);
	CHECK_INT(fill(iov, TLS_SLOTS, 1), TLS_SLOTS * 512);
	CHECK_INT(tls_out_seal(&o.tls, &o.out, 1300), 0);
	CHECK_INT(drain(bytes, sizeof bytes, &longest), 1300);
	CHECK_INT(longest, 512);
	open_end(&o);
}

TEST(any_buffer_leaves_room_for_the_last_words)
{
	struct iovec iov[TLS_SLOTS];

	for (size_t cap = TLS_ALERT_BYTES; cap <= TLS_OUT_BYTES; cap = cap * 2 - cap / 3) {
		size_t n, sum;

		open_start(&o, AEAD_AES128_GCM);
		o.out.cap = cap;
		n = tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS);
		sum = fill(iov, n, 0);
		CHECK(n > 0 || cap < TLS_ALERT_BYTES + RECORD_OVERHEAD + 1);
		CHECK_INT(tls_out_seal(&o.tls, &o.out, sum), 0);
		tls_bye(&o.tls, &o.out);
		CHECK(o.out.tail <= cap && o.out.tail > 0);
		CHECK_INT(tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS), 0);
		open_end(&o);
	}
}

TEST(a_full_socket_is_backpressure_and_a_dead_one_an_end)
{
	struct iovec iov[TLS_SLOTS];
	size_t sealed = 0, gone = 0;
	ssize_t n = 0;

	open_start(&o, AEAD_AES128_GCM);
	CHECK_INT(tls_out_send(&o.tls, &o.out), 0);
	for (unsigned i = 0; i < 100 && n != -ZT_E_AGAIN; i++) {
		if (tls_out_space(&o.tls, &o.out, iov, TLS_SLOTS) > 0) {
			CHECK_INT(tls_out_seal(&o.tls, &o.out, TLS_SLOTS * RECORD_PLAIN), 0);
			sealed += o.out.tail;
		}
		n = tls_out_send(&o.tls, &o.out);
		gone += n > 0 ? (size_t)n : 0;
	}
	CHECK_INT(n, -ZT_E_AGAIN);
	CHECK(gone > 0 && gone < sealed && o.out.tail - o.out.head == sealed - gone);
	close(o.peer);
	o.peer = -1;
	CHECK_INT(tls_out_send(&o.tls, &o.out), -ZT_E_RESET);
	open_end(&o);
}

TEST(a_counter_that_is_used_up_seals_nothing)
{
	open_start(&o, AEAD_AES128_GCM);
	o.tls.out.seq = (uint64_t)1 << 48;
	CHECK_INT(tls_out_seal(&o.tls, &o.out, 10), -ZT_E_RANGE);
	tls_bye(&o.tls, &o.out);
	CHECK_INT(tls_out_send(&o.tls, &o.out), 0);
	open_end(&o);
}

TEST(keys_do_not_outlive_their_connection)
{
	static const struct record none;

	open_start(&o, AEAD_AES256_GCM);
	tls_free(&o.tls);
	CHECK(memcmp(&o.tls.in, &none, sizeof none) == 0 && memcmp(&o.tls.out, &none, sizeof none) == 0);
	CHECK_INT(o.tls.state, TLS_IDLE);
	o.tls.src = &o.src;
	open_end(&o); /* once more is harmless */
}

TEST(every_end_has_words)
{
	for (enum tls_end e = TLS_GOING; e <= TLS_RESET; e++)
		CHECK(strlen(tls_end_text(e)) > 10);
	CHECK_STR(tls_end_text((enum tls_end)99), "?");
}
