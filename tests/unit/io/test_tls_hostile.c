/*
 * tls, the bad ways: a table of peers that do what they must not, in every state of a handshake.
 * Each is one row: what it sends, why it is refused, and with which alert. A good client behind
 * it must be served as if nothing had happened.
 */
#include "tlsconn_kit.h"

static struct peer peer;
static struct conn conn;

#define ANY 0xffff /* an alert of tlsd's own */

/* What is done to record `at` of an honest client: 0 the hello, 1 the key exchange, 2 the change of
 * ciphers, 3 Finished. */
enum deed {
	INSTEAD,  /* bytes instead of it, and nothing more */
	BEFORE,   /* bytes in front of it */
	BEHIND,   /* bytes behind it */
	SET,      /* bytes[0] is the offset, the rest replaces what is there */
	TWICE,    /* once more */
	CUT,      /* it ends after bytes[0] bytes, and so does the connection */
	RESET,    /* the same, by a reset */
	DROP,     /* it is left out */
	STRETCH,  /* bytes are added to the end of the record itself */
	FLOOD     /* bytes, a hundred times, in front of it */
};

struct row {
	const char *name;
	unsigned at;
	enum deed deed;
	size_t n;
	const char *bytes;
	enum tls_fault fault; /* NONE: any */
	unsigned alert; /* 0: none */
};
#define B(s) sizeof(s) - 1, s

static const struct row rows[] = {
	/* not TLS: no answer */
	{"HTTP", 0, INSTEAD, B("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), TLSF_NOT_TLS, 0},
	{"SSH", 0, INSTEAD, B("SSH-2.0-OpenSSH_9.2p1\r\n"), TLSF_NOT_TLS, 0},
	{"HTTP/2's preface", 0, INSTEAD, B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), TLSF_NOT_TLS, 0},
	{"a PROXY header", 0, INSTEAD, B("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), TLSF_NOT_TLS, 0},
	{"an SSL 2 hello", 0, INSTEAD, B("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10\x00\x00\x00\x00"), TLSF_NOT_TLS, 0},
	{"zeros", 0, INSTEAD, B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), TLSF_NOT_TLS, 0},
	{"0xff", 0, INSTEAD, B("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), TLSF_NOT_TLS, 0},
	{"SSL 3", 0, SET, B("\1\3\0"), TLSF_NOT_TLS, 0},
	{"version 5 of the record", 0, SET, B("\1\5\1"), TLSF_NOT_TLS, 0},
	{"application data first", 0, INSTEAD, B("\x17\3\3\0\4data"), TLSF_BAD_MESSAGE, 50},
	{"an alert first", 0, INSTEAD, B("\x15\3\3\0\2\1\0"), TLSF_BAD_MESSAGE, 50},
	{"a change of ciphers first", 0, INSTEAD, B("\x14\3\3\0\1\1"), TLSF_BAD_MESSAGE, 50},
	{"a heartbeat first", 0, INSTEAD, B("\x18\3\3\0\3\1\x40\0"), TLSF_NOT_TLS, 0},
	/* the hello */
	{"a hello of TLS 1.1", 0, SET, B("\x9\3\2"), TLSF_VERSION, 70},
	{"a hello of TLS 1.0", 0, SET, B("\x9\3\1"), TLSF_VERSION, 70},
	{"an empty record", 0, INSTEAD, B("\x16\3\1\0\0"), TLSF_BAD_MESSAGE, 50},
	{"an empty record in front", 0, BEFORE, B("\x16\3\1\0\0"), TLSF_BAD_MESSAGE, 50},
	{"an oversized record", 0, SET, B("\3\x40\1"), TLSF_BAD_MESSAGE, 50},
	{"the longest record", 0, SET, B("\3\xff\xff"), TLSF_BAD_MESSAGE, 50},
	{"a hello of 16 MB", 0, SET, B("\6\xff\xff\xff"), TLSF_BAD_MESSAGE, 50},
	{"a hello that ends before its record", 0, SET, B("\6\0\0\x10"), TLSF_BAD_MESSAGE, 50},
	{"a ServerHello", 0, SET, B("\5\2"), TLSF_BAD_MESSAGE, 50},
	{"a HelloRequest", 0, INSTEAD, B("\x16\3\3\0\4\0\0\0\0"), TLSF_BAD_MESSAGE, 50},
	{"Finished first", 0, SET, B("\5\x14"), TLSF_BAD_MESSAGE, 50},
	{"a session id too long", 0, SET, B("\x2b\x21"), TLSF_BAD_MESSAGE, 50},
	{"suites of odd length", 0, SET, B("\x2c\0\3"), TLSF_BAD_MESSAGE, 50},
	{"no suites", 0, SET, B("\x2c\0\0"), TLSF_BAD_MESSAGE, 50},
	{"no compression method", 0, SET, B("\x30\0"), TLSF_BAD_MESSAGE, 50},
	{"extensions too long", 0, SET, B("\x32\xff\xff"), TLSF_BAD_MESSAGE, 50},
	{"a hello and more in its record", 0, STRETCH, B("\x16\0\0\0"), TLSF_BAD_MESSAGE, 50},
	{"a suite that is not ours", 0, SET, B("\x2e\0\5"), TLSF_SUITE, ANY},
	{"the end in the header", 0, CUT, B("\3"), TLSF_GONE, 0},
	{"the end in the hello", 0, CUT, B("\x20"), TLSF_GONE, 0},
	{"the end behind the hello", 1, CUT, B("\0"), TLSF_GONE, 0},
	{"a reset in the hello", 0, RESET, B("\x20"), TLSF_GONE, 0},
	{"a reset behind the hello", 1, RESET, B("\0"), TLSF_GONE, 0},
	{"an alert behind the hello", 0, BEHIND, B("\x15\3\3\0\2\2\x28"), TLSF_ALERT, 0},
	{"close_notify behind the hello", 0, BEHIND, B("\x15\3\3\0\2\1\0"), TLSF_BAD_MESSAGE, ANY},
	/* between hello and key exchange */
	{"a second hello", 0, TWICE, B(""), TLSF_UNEXPECTED, 10},
	{"a second hello's beginning", 1, BEFORE, B("\x16\3\3\0\1\1\x16\3\3\0\3\0\0\4"), TLSF_UNEXPECTED, 10},
	{"application data", 1, BEFORE, B("\x17\3\3\0\4data"), TLSF_UNEXPECTED, 10},
	{"an empty handshake record", 1, BEFORE, B("\x16\3\3\0\0"), TLSF_BAD_RECORD, 0},
	{"an empty alert", 1, BEFORE, B("\x15\3\3\0\0"), TLSF_BAD_RECORD, 0},
	{"two alerts in a record", 1, BEFORE, B("\x15\3\3\0\4\1\x5a\1\x5a"), TLSF_BAD_RECORD, 0},
	{"five warnings", 1, FLOOD, B("\x15\3\3\0\2\1\x5a"), TLSF_BAD_RECORD, 0},
	{"an unknown type", 1, BEFORE, B("\x18\3\3\0\1\1"), TLSF_NOT_TLS, 0},
	{"an unknown type in the change's place", 2, INSTEAD, B("\x18\3\3\0\1\1"), TLSF_BAD_RECORD, 0},
	{"a record of TLS 1.0", 1, SET, B("\1\3\1"), TLSF_VERSION, 70},
	{"a record of TLS 1.3", 1, SET, B("\1\3\4"), TLSF_VERSION, 70},
	{"an oversized handshake record", 1, SET, B("\3\x40\1"), TLSF_BAD_RECORD, 0},
	{"a flood of bytes", 1, FLOOD, B("\x16\3\3\0\1\x0b"), TLSF_BAD_RECORD, 0},
	{"Finished in the clear", 1, INSTEAD, B("\x16\3\3\0\x10\x14\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0"), TLSF_UNEXPECTED, 10},
	{"a certificate that was not asked for", 1, BEFORE, B("\x16\3\3\0\7\x0b\0\0\3\0\0\0"), TLSF_UNEXPECTED, ANY},
	{"a key shorter than its message", 1, SET, B("\x9\x10"), TLSF_BAD_MESSAGE, ANY},
	{"a fatal alert", 1, BEFORE, B("\x15\3\3\0\2\2\x28"), TLSF_ALERT, 0},
	{"the end in the key exchange", 1, CUT, B("\x10"), TLSF_GONE, 0},
	{"a reset in the key exchange", 1, RESET, B("\x10"), TLSF_GONE, 0},
	/* the change of ciphers */
	{"a change of ciphers too early", 1, DROP, B(""), TLSF_UNEXPECTED, ANY},
	{"a change of ciphers twice", 2, TWICE, B(""), TLSF_UNEXPECTED, 10},
	{"a change of two bytes", 2, INSTEAD, B("\x14\3\3\0\2\1\1"), TLSF_BAD_RECORD, 0},
	{"a change to 2", 2, INSTEAD, B("\x14\3\3\0\1\2"), TLSF_BAD_RECORD, 0},
	{"a change of nothing", 2, INSTEAD, B("\x14\3\3\0\0"), TLSF_BAD_RECORD, 0},
	{"the end before the change", 2, CUT, B("\0"), TLSF_GONE, 0},
	{"no change at all", 2, DROP, B(""), TLSF_NONE, ANY}, /* what the sealed bytes mean then is chance */
	{"half a message, then the change", 2, BEFORE, B("\x16\3\3\0\2\x14\0"), TLSF_UNEXPECTED, 10},
	/* Finished */
	{"application data before Finished", 3, BEFORE, B("\x17\3\3\0\x19" "0123456789012345678901234"), TLSF_UNEXPECTED, 10},
	{"a Finished too short", 3, SET, B("\3\0\x1f"), TLSF_BAD_RECORD, 0},
	{"a Finished too long", 3, SET, B("\3\0\x29"), TLSF_BAD_RECORD, 0},
	{"a forged Finished", 3, SET, B("\x14\xaa\xbb"), TLSF_BAD_RECORD, 0},
	{"a forged tag", 3, SET, B("\x2c\xaa"), TLSF_BAD_RECORD, 0},
	{"a Finished of another version", 3, SET, B("\1\3\2"), TLSF_VERSION, 70},
	{"a sealed alert that is none", 3, BEFORE, B("\x15\3\3\0\x1a" "01234567890123456789012345"), TLSF_BAD_RECORD, 0},
	{"the end in Finished", 3, CUT, B("\x8"), TLSF_GONE, 0},
	{"a reset in Finished", 3, RESET, B("\x8"), TLSF_GONE, 0},
	{"HTTP instead of Finished", 3, INSTEAD, B("GET / HTTP/1.1\r\n\r\n"), TLSF_BAD_RECORD, 0},
};

static const struct row *row;

static void hang_up(struct peer *p)
{
	struct linger now = {1, 0};

	peer_push(p);
	if (row->deed == RESET)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(p->fd);
	p->fd = -1;
}

static void do_deed(struct peer *p, unsigned at, size_t from)
{
	static uint8_t record[4096];
	size_t n = p->out_n - from, by = row->n ? (uint8_t)row->bytes[0] : 0;

	if (at != row->at)
		return;
	memcpy(record, &p->out[from], n);
	p->silent = row->deed == INSTEAD || row->deed == CUT || row->deed == RESET;
	if (row->deed == SET && 1 + by + row->n - 1 <= n + 1) {
		memcpy(&p->out[from + by], row->bytes + 1, row->n - 1);
	} else if (row->deed == TWICE) {
		peer_put(p, record, n);
	} else if (row->deed == STRETCH) {
		p->out[from + 4] = (uint8_t)(p->out[from + 4] + row->n);
		peer_put(p, row->bytes, row->n);
	} else if (row->deed == BEHIND) {
		peer_put(p, row->bytes, row->n);
	} else if (row->deed == CUT || row->deed == RESET) {
		p->out_n = from + by;
		hang_up(p);
	} else {
		p->out_n = from;
		for (unsigned i = 0; row->deed != DROP && i < (row->deed == FLOOD ? 100u : 1u); i++)
			peer_put(p, row->bytes, row->n);
		if (row->deed == BEFORE || row->deed == FLOOD)
			peer_put(p, record, n);
	}
}

/* The one alert that may have been sent: 0 none, ANY: one, of whatever number. */
static void check_wire(void)
{
	unsigned alerts = 0;

	for (size_t at = 0; at + 5 <= peer.got_n; at += 5u + peer.got[at + 3] * 256u + peer.got[at + 4])
		alerts += peer.got[at] == 21;
	if (peer.fd < 0 || row->fault == TLSF_NONE)
		return;
	if (alerts != (row->alert != 0) || (row->alert != ANY && peer_alert(&peer) != row->alert))
		unit_fail(__FILE__, __LINE__, "%s: alert %u, %u of them", row->name, peer_alert(&peer), alerts);
	if (!peer.ended)
		unit_fail(__FILE__, __LINE__, "%s: it is still connected", row->name);
	if (alerts && peer.reset)
		unit_fail(__FILE__, __LINE__, "%s: a reset may have overtaken the alert", row->name);
}

static void run_row(size_t chunk)
{
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example", .suite = SUITE_ECDSA_AES128});
	peer.edit = do_deed;
	peer.chunk = chunk;
	CHECK_INT(kit_accept(&conn, &peer), 0);
	kit_run(&conn, &peer);
	if (conn.opened || conn.failed != 1 || (row->fault && conn.fault != row->fault))
		unit_fail(__FILE__, __LINE__, "%s: %s, %s (%s)", row->name,
			  conn.opened ? "opened" : conn.failed ? "failed" : "hangs", tls_fault_name(conn.fault), conn.words);
	else
		check_wire();
	CHECK_INT(kit_bounds.row[BOUND_TLS_SHAKES].used, 0);
	kit_drop(&conn, &peer);
}

static void serve_somebody(void)
{
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	kit_run(&conn, &peer);
	CHECK(conn.opened == 1 && side_open(&peer.side));
	kit_drop(&conn, &peer);
}

TEST(hostile_clients_are_refused_with_the_right_words)
{
	CHECK(ARRAY_LEN(rows) >= 60);
	kit_open();
	for (row = rows; row < &rows[ARRAY_LEN(rows)]; row++) {
		run_row(0);
		serve_somebody();
	}
	kit_close();
}

TEST(hostile_clients_are_refused_in_single_bytes_too)
{
	kit_open();
	for (row = rows; row < &rows[ARRAY_LEN(rows)]; row++)
		if (row->deed != CUT && row->deed != RESET)
			run_row(1);
	serve_somebody();
	kit_close();
}

TEST(urgent_data_is_no_part_of_the_stream)
{
	kit_open();
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	for (unsigned i = 0; i < 20 && !conn.failed; i++) {
		send(peer.fd, "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
		peer_step(&peer);
		loop_turn(kit_loop, 0);
		fake_step(&kit_fake);
	}
	kit_run(&conn, &peer);
	CHECK(conn.opened + conn.failed == 1); /* never a hang, never a byte too many */
	kit_drop(&conn, &peer);
	serve_somebody();
	kit_close();
}

TEST(half_a_connection_is_none_before_the_handshake_is_over)
{
	kit_open();
	memset(&peer, 0, sizeof peer);
	side_connect(&peer.side, &(struct side_opts){.name = "a.example"});
	CHECK_INT(kit_accept(&conn, &peer), 0);
	peer_push(&peer);
	CHECK_INT(shutdown(peer.fd, SHUT_WR), 0);
	peer.silent = true;
	kit_run(&conn, &peer);
	CHECK(conn.failed == 1 && conn.fault == TLSF_GONE);
	kit_drop(&conn, &peer);
	kit_close();
}
