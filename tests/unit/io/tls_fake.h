/*
 * tls_fake: a pretended tlsd inside the test, at the other end of a real line: it reads the
 * worker's packets with the real codec, runs BearSSL engines and answers. It can be told to lie.
 */
#ifndef ZT_TLS_FAKE_H
#define ZT_TLS_FAKE_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_side.h"
#include "wire/hello.h"

#define FAKE_CONNS 32

struct fake_conn {
	bool used, client, told;
	uint32_t id;
	struct side side;
	char name[TLS_NAME], alpn[TLS_ALPN];
	uint8_t session[TLS_SESSION], hello_id[32];
	size_t session_n, hello_id_n;
};

struct fake {
	int fd; /* -1: it is dead */
	struct fake_conn conn[FAKE_CONNS];
	unsigned heard[8];         /* messages, by type */
	unsigned bad;              /* what it heard and the codec refuses */
	uint32_t last_id;
	uint16_t last_plan;
	size_t last_session;
	bool deaf;                 /* hears nothing */
	bool dumb;                 /* hears, and answers nothing */
	struct side_opts serve, connect; /* of its engines; a cert must be set */
	void (*lie)(struct fake *f, struct tlsmsg *m); /* changes what is about to be said */
	uint16_t suite;            /* of a lie */
	br_ssl_session_cache_lru cache;
	uint8_t cache_mem[2000];
	bool remembers;            /* keeps sessions */
	br_ssl_session_parameters kept;
	uint8_t kept_key[TLS_SESSION];
	struct believer kept_chain;
	bool has_kept;
};

static inline void fake_say(struct fake *f, struct tlsmsg *m)
{
	static uint8_t mem[TLSMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	if (f->lie)
		f->lie(f, m);
	if (f->fd < 0 || f->dumb)
		return;
	tlsmsg_write(&w, m);
	if (w.full) /* a lie that the codec does not let pass either */
		unit_fail(__FILE__, __LINE__, "the fake cannot say message %d", (int)m->type);
	else if (send(f->fd, w.p, w.n, MSG_NOSIGNAL) != (ssize_t)w.n && errno != EPIPE && errno != ECONNRESET)
		unit_fail(__FILE__, __LINE__, "the fake's line: %s", strerror(errno));
}

/* The certificate that the other side showed, or the one that is kept with a resumed session. */
static inline void fake_chain(const struct believer *b, struct tlsmsg_done *d)
{
	for (size_t i = 0, from = 0; i < b->certs; from = b->end[i++])
		d->chain[d->chain_n++] = span_of(&b->der[from], b->end[i] - from);
}

static inline void fake_done(struct fake *f, struct fake_conn *c)
{
	br_ssl_engine_context *e = c->side.eng;
	struct record_keys client, server;
	struct tlsmsg m = {.type = TLSMSG_DONE, .id = c->id};
	const char *alpn = br_ssl_engine_get_selected_protocol(e);
	const struct believer *chain = &c->side.believer;
	br_ssl_session_parameters p;

	br_ssl_engine_get_session_parameters(e, &p);
	m.done.suite = p.cipher_suite;
	if (!tls_key_block(p.cipher_suite, p.master_secret, e->client_random, e->server_random, &client, &server))
		unit_fail(__FILE__, __LINE__, "suite %04x", p.cipher_suite);
	client.seq = server.seq = 1; /* Finished was 0 */
	m.done.in = c->client ? server : client;
	m.done.out = c->client ? client : server;
	m.done.name = span_str(br_ssl_engine_get_server_name(e));
	m.done.alpn = span_str(alpn);
	if (c->client) {
		m.done.resumed = f->has_kept && p.session_id_len == 32 &&
				 memcmp(p.session_id, f->kept.session_id, 32) == 0;
		if (m.done.resumed)
			chain = &f->kept_chain;
		if (c->session_n && !m.done.resumed) {
			f->kept = p;
			f->kept_chain = *chain;
			memcpy(f->kept_key, c->session, TLS_SESSION);
			f->has_kept = true;
		}
	} else {
		m.done.resumed = c->hello_id_n == 32 && memcmp(p.session_id, c->hello_id, 32) == 0;
	}
	fake_chain(chain, &m.done);
	c->told = true;
	c->used = false;
	fake_say(f, &m);
}

static inline void fake_fail(struct fake *f, struct fake_conn *c)
{
	int err = br_ssl_engine_last_error(c->side.eng);
	struct tlsmsg m = {.type = TLSMSG_FAIL, .id = c->id};

	m.fail.fault = TLSF_BAD_MESSAGE;
	if (err >= BR_ERR_SEND_FATAL_ALERT) {
		m.fail.fault = TLSF_SUITE;
		m.fail.alert = (uint8_t)(err - BR_ERR_SEND_FATAL_ALERT);
	} else if (err >= BR_ERR_RECV_FATAL_ALERT) {
		m.fail.fault = TLSF_ALERT;
		m.fail.alert = (uint8_t)(err - BR_ERR_RECV_FATAL_ALERT);
	} else {
		m.fail.engine = (uint16_t)err;
		if (err == BR_ERR_BAD_MAC)
			m.fail.fault = TLSF_BAD_RECORD;
		if (err == BR_ERR_UNEXPECTED)
			m.fail.fault = TLSF_UNEXPECTED;
		if (err == BR_ERR_NO_CLIENT_AUTH)
			m.fail.fault = TLSF_NO_CERT;
	}
	c->used = false;
	fake_say(f, &m);
}

/* What the engine wants to send, several records a message; then what came of it. */
static inline void fake_answer(struct fake *f, struct fake_conn *c)
{
	static uint8_t mem[TLSMSG_RECORDS];
	struct tlsmsg m = {.type = TLSMSG_RECORDS_OUT, .id = c->id};
	size_t n = 0, more;

	while ((more = side_record(&c->side, &mem[n], sizeof mem - n)) > 0)
		n += more;
	m.records = span_of(mem, n);
	if (n)
		fake_say(f, &m);
	if (side_closed(&c->side))
		fake_fail(f, c);
	else if (side_open(&c->side))
		fake_done(f, c);
}

static inline struct fake_conn *fake_conn(struct fake *f, uint32_t id)
{
	for (size_t i = 0; i < FAKE_CONNS; i++)
		if (f->conn[i].used && f->conn[i].id == id)
			return &f->conn[i];
	return NULL;
}

static inline struct fake_conn *fake_new(struct fake *f, uint32_t id)
{
	for (size_t i = 0; i < FAKE_CONNS; i++)
		if (!f->conn[i].used) {
			memset(&f->conn[i], 0, sizeof f->conn[i]);
			f->conn[i].used = true;
			f->conn[i].id = id;
			return &f->conn[i];
		}
	unit_fail(__FILE__, __LINE__, "the fake has too many handshakes");
	return NULL;
}

static inline void fake_accept(struct fake *f, const struct tlsmsg *m)
{
	struct fake_conn *c = fake_new(f, m->id);
	static uint8_t scratch[BOUND_CAP(BOUND_HELLO_BYTES)];
	struct side_opts o = f->serve;
	struct why why = {0};
	struct hello h;

	if (c == NULL)
		return;
	/* Exactly the hello and nothing behind it. */
	if (hello_read(m->accept.records, scratch, &h, &why) != (int)m->accept.records.n)
		f->bad++;
	c->hello_id_n = h.session_id.n;
	memcpy(c->hello_id, h.session_id.p, num_min(h.session_id.n, sizeof c->hello_id));
	span_to_cstr(m->accept.alpn, c->alpn, sizeof c->alpn);
	f->last_plan = m->accept.plan;
	o.alpn = c->alpn[0] ? c->alpn : NULL;
	if (f->remembers)
		o.cache = &f->cache.vtable;
	side_serve(&c->side, &o);
	side_feed(&c->side, m->accept.records.p, m->accept.records.n);
	fake_answer(f, c);
}

static inline void fake_connect(struct fake *f, const struct tlsmsg *m)
{
	struct fake_conn *c = fake_new(f, m->id);
	struct side_opts o = f->connect;

	if (c == NULL)
		return;
	c->client = true;
	span_to_cstr(m->connect.name, c->name, sizeof c->name);
	span_to_cstr(m->connect.alpn, c->alpn, sizeof c->alpn);
	f->last_plan = m->connect.plan;
	f->last_session = c->session_n = m->connect.session.n;
	memcpy(c->session, m->connect.session.p, c->session_n);
	o.name = c->name[0] ? c->name : NULL;
	o.alpn = c->alpn[0] ? c->alpn : NULL;
	if (c->session_n && f->has_kept && memcmp(c->session, f->kept_key, TLS_SESSION) == 0)
		o.resume = &f->kept;
	side_connect(&c->side, &o);
	fake_answer(f, c);
}

static inline void fake_hear(struct fake *f, const struct tlsmsg *m)
{
	struct fake_conn *c = fake_conn(f, m->id);

	f->heard[m->type & 7]++;
	f->last_id = m->id;
	if (m->type == TLSMSG_ACCEPT) {
		fake_accept(f, m);
	} else if (m->type == TLSMSG_CONNECT) {
		fake_connect(f, m);
	} else if (m->type == TLSMSG_CANCEL && c) {
		c->used = false;
	} else if (m->type == TLSMSG_RECORDS_IN && c) {
		if (side_feed(&c->side, m->records.p, m->records.n) != m->records.n && !side_closed(&c->side))
			f->bad++;
		fake_answer(f, c);
	}
}

/* Answers whether it did anything. */
static inline bool fake_step(struct fake *f)
{
	static uint8_t mem[TLSMSG_MAX + 1];
	struct tlsmsg m;
	bool did = false;
	ssize_t n;

	while (f->fd >= 0 && !f->deaf && (n = recv(f->fd, mem, sizeof mem, MSG_DONTWAIT)) > 0) {
		did = true;
		if (tlsmsg_read(span_of(mem, (size_t)n), 'w', &m) < 0)
			f->bad++;
		else
			fake_hear(f, &m);
	}
	return did;
}

static inline void fake_init(struct fake *f, int fd, const struct der_file *cert)
{
	memset(f, 0, sizeof *f);
	f->fd = fd;
	f->serve.cert = cert;
	br_ssl_session_cache_lru_init(&f->cache, f->cache_mem, sizeof f->cache_mem);
}

static inline void fake_die(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

#endif
