/*
 * What a worker in the wrong hands may send to the process that holds the keys: packets that are
 * nonsense, packets that are well-formed and lie, and the records of a real peer, cut, doubled,
 * mixed up and spoiled. Whatever comes: every handshake that begins is answered or ended, answers
 * are bounded and well-formed, no engine outlives its handshake, nothing is done by a peer that
 * did not finish.
 *
 * Input: operations of one byte, an id byte, and what they need; see ops.
 */
#include <stdlib.h>

#include "tests/unit/io/shakes_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The kit of the tests reports here; before the first input that means the world could not be made. */
void unit_fail(const char *file, int line, const char *fmt, ...)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, fmt);
	abort();
}

#define MUST(cond) ((cond) ? (void)0 : unit_fail(__FILE__, __LINE__, "%s", #cond))
#define PEERS 4
#define OPS 200 /* of one input */

static struct world w;
static struct shakes *s;
static struct cred *server;
static struct peer peer[PEERS];
static bool up[PEERS];
static uint8_t answer[TLSMSG_MAX], flight[PEERS][TLSMSG_RECORDS];

static uint32_t id_of(uint8_t b)
{
	return TLSMSG_ID(b >> 4, b & (PEERS - 1));
}

static void line_again(void)
{
	shakes_free(s);
	s = world_line(&w);
}

/* All that tlsd has to say now; records go to the peer of that id. begun: it must say something. */
static void hear(bool begun)
{
	struct tlsmsg m;
	size_t n = 0;

	while (worker_hear(s, &m, answer)) {
		struct peer *p = &peer[TLSMSG_SLOT(m.id) % PEERS];

		MUST(++n <= 16);
		if (m.type == TLSMSG_RECORDS_OUT && up[TLSMSG_SLOT(m.id) % PEERS])
			peer_feed(p, m.records);
		if (m.type == TLSMSG_DONE)
			MUST(suite_aead(m.done.suite) != AEAD_NONE && m.done.in.seq == 1 && m.done.out.seq == 1);
	}
	MUST(n || !begun);
	MUST(shakes_running(s) == w.bounds.row[BOUND_TLS_ENGINES].used);
}

static void say(const struct tlsmsg *m)
{
	bool begins = m->type == TLSMSG_ACCEPT || m->type == TLSMSG_CONNECT;
	int rc = worker_say(s, m);

	if (rc == -ZT_E_FULL) /* the codec of an honest worker refuses to write it */
		return;
	if (rc < 0)
		line_again();
	hear(begins && rc == 0);
}

static void raw(struct rd *r, uint8_t id)
{
	struct span in = rd_bytes(r, num_min(rd_left(r), (size_t)id * 4));
	size_t cap;
	uint8_t *room = shakes_room(s, &cap);

	if (in.n)
		memcpy(room, in.p, num_min(in.n, cap));
	if (shakes_took(s, num_min(in.n, cap)) < 0)
		line_again();
	hear(false);
}

/* Spoils as many bytes as the input asks for. */
static void spoil(struct rd *r, uint8_t *mem, size_t n)
{
	for (unsigned i = rd_u8(r) & 3; i && n; i--)
		mem[rd_be16(r) % n] ^= rd_u8(r);
}

static void accept_one(struct rd *r, uint8_t id)
{
	static const char *const names[] = {"a.example", "m.example", "o.example", "t.example", "x.w.example", ""};
	static const char *const alpns[] = {NULL, "http/1.1", "zt-tunnel/1", "h2"};
	uint8_t how = rd_u8(r), *mem = flight[id % PEERS];
	const char *name = names[how % ARRAY_LEN(names)], *alpn = alpns[how >> 6];
	struct peer *p = &peer[id % PEERS];
	struct tlsmsg m = {.type = TLSMSG_ACCEPT, .id = id_of(id)};
	size_t n;

	peer_client(p, &w.web);
	p->alpn[0] = alpn;
	if (alpn)
		br_ssl_engine_set_protocol_names(&p->eng, p->alpn, 1);
	peer_go_client(p, name[0] ? name : NULL, false);
	up[id % PEERS] = true;
	n = peer_take(p, mem, TLSMSG_RECORDS);
	spoil(r, mem, n);
	m.accept = (struct tlsmsg_accept){
		.plan = rd_u8(r) % 8, .name = span_str(how & 32 ? "a.example" : name),
		.alpn = span_str(how & 16 ? "http/1.1" : alpn), .records = span_of(mem, n)};
	say(&m);
}

static void connect_one(struct rd *r, uint8_t id)
{
	static uint8_t key[TLS_SESSION];
	uint8_t how = rd_u8(r);
	struct peer *p = &peer[id % PEERS];

	key[0] = how & 3;
	peer_server(p, server);
	MUST(br_ssl_server_reset(&p->server));
	up[id % PEERS] = true;
	say(&(struct tlsmsg){.type = TLSMSG_CONNECT, .id = id_of(id), .connect = {
		.plan = how >> 7, .name = how & 4 ? SPAN_LIT("b.example") : SPAN_LIT("a.example"), .want_chain = how & 8,
		.session = how & 16 ? span_of(key, sizeof key) : SPAN_NONE}});
}

/* The next records of the peer, or the last ones again. */
static void more(struct rd *r, uint8_t id)
{
	uint8_t *mem = flight[id % PEERS], how = rd_u8(r);
	static size_t last[PEERS];
	size_t n = how & 1 || !up[id % PEERS] ? last[id % PEERS] : peer_take(&peer[id % PEERS], mem, TLSMSG_RECORDS);

	last[id % PEERS] = n;
	if (how & 2)
		spoil(r, mem, n);
	if (n)
		say(&(struct tlsmsg){.type = TLSMSG_RECORDS_IN, .id = id_of(id), .records = span_of(mem, n)});
}

static void cancel(struct rd *r, uint8_t id)
{
	(void)r;
	say(&(struct tlsmsg){.type = TLSMSG_CANCEL, .id = id_of(id)});
}

static void (*const ops[])(struct rd *r, uint8_t id) = {raw, accept_one, connect_one, more, more, more, cancel};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));

	if (w.keys == NULL) {
		MUST(world_open(&w, shakes_conf));
		server = kit_cred(&w.web, &w.inter);
	}
	bounds_set(&w.bounds, BOUND_TLS_ENGINES, 3); /* fewer than ids: "busy" happens too */
	memset(up, 0, sizeof up);
	s = world_line(&w);
	for (int i = 0; i < OPS && rd_left(&r); i++) {
		uint8_t op = rd_u8(&r);

		ops[op % ARRAY_LEN(ops)](&r, rd_u8(&r));
	}
	shakes_free(s);
	s = NULL;
	MUST(w.bounds.row[BOUND_TLS_ENGINES].used == 0);
	return 0;
}
