/* engine_kit: zt's engine and BearSSL as it comes shake hands in memory, in both roles. */
#ifndef ZT_ENGINE_KIT_H
#define ZT_ENGINE_KIT_H

#include "tls_kit.h"

#include "wire/record.h"

static struct bounds bounds;
static struct clock_fake fake;
static struct sessions *cache;
static struct kit_id ca, other_ca, web, rsa, p384, client, client_rsa, client_late, client_other;
static bool made;

static inline void setup(void)
{
	bounds_init(&bounds);
	clock_fake_init(&fake, 1, KIT_NOW * 1000);
	NEED(sessions_new(&cache, &bounds, &fake.clock) == 0);
	if (made)
		return;
	made = true;
	kit_issue(&ca, NULL, &(struct kit_want){.cn = "ca", .ca = true});
	kit_issue(&other_ca, NULL, &(struct kit_want){.cn = "other", .ca = true});
	kit_issue(&web, &ca, &(struct kit_want){.cn = "web", .dns = "a.example", .eku = EKU_SERVER});
	kit_issue(&rsa, &ca, &(struct kit_want){.cn = "rsa", .dns = "a.example", .type = PK_RSA});
	kit_issue(&p384, &ca, &(struct kit_want){.cn = "384", .dns = "a.example", .type = PK_P384});
	kit_issue(&client, &ca, &(struct kit_want){.cn = "phone", .eku = EKU_CLIENT});
	kit_issue(&client_rsa, &ca, &(struct kit_want){.cn = "laptop", .type = PK_RSA});
	kit_issue(&client_late, &ca, &(struct kit_want){.cn = "old", .late = true});
	kit_issue(&client_other, &other_ca, &(struct kit_want){.cn = "stranger"});
}

static inline void teardown(void)
{
	sessions_free(cache);
	CHECK_INT(bounds.row[BOUND_TLS_ENGINES].used, 0);
}

struct serving {
	const struct kit_id *id;
	enum tls_ask ask;
	const char *name, *alpn; /* as the worker says */
	bool resume;
	uint16_t plan;
	uint32_t epoch;
};

static struct trust *trusted;
static struct cred *shown;

/* The client's hello is its first flight. *e is NULL when there was no room for it. */
static inline void serve(struct engine **e, struct peer *p, const struct serving *s)
{
	static uint8_t mem[TLSMSG_RECORDS];
	struct session_key key = {0};
	struct engine_opts o = {
		.cred = shown = kit_cred(s->id, NULL), .trust = trusted = kit_trust(&ca, TRUST_CLIENTS), .ask = s->ask,
		.name = span_str(s->name), .alpn = span_str(s->alpn), .sessions = s->resume ? cache : NULL,
		.key = &key, .now = KIT_NOW,
	};

	session_bind(key.bound, false, s->epoch, s->plan, o.name, o.alpn);
	o.hello = span_of(mem, peer_take(p, mem, sizeof mem));
	*e = NULL;
	if (engine_new(e, &bounds, &o) == 0)
		kit_run(*e, p);
}

static inline void serve_end(struct engine *e)
{
	engine_free(e);
	trust_free(trusted);
	cred_free(shown);
}

/* Keys, nonces and counters are right when the other side's records open and ours open there. */
static inline void check_records(struct tlsmsg_done *d, struct peer *p)
{
	uint8_t mem[RECORD_MAX] = {0};
	struct record in, out;
	struct record_plain plain;
	size_t n, head;
	uint8_t *at;

	record_init(&in, suite_aead(d->suite), &d->in);
	record_init(&out, suite_aead(d->suite), &d->out);
	for (int i = 0; i < 3; i++) {
		int len;

		head = record_head(&out);
		memcpy(mem + head, "from zt", 7);
		len = record_seal(&out, RECORD_DATA, mem, 7);
		NEED(len > 0);
		peer_feed(p, span_of(mem, (size_t)len));
		at = br_ssl_engine_recvapp_buf(&p->eng, &n);
		NEED(at && n == 7 && memcmp(at, "from zt", 7) == 0);
		br_ssl_engine_recvapp_ack(&p->eng, n);
		at = br_ssl_engine_sendapp_buf(&p->eng, &n);
		NEED(at && n > 7);
		memcpy(at, "to zt!!", 7);
		br_ssl_engine_sendapp_ack(&p->eng, 7);
		br_ssl_engine_flush(&p->eng, 0);
		n = peer_take(p, mem, sizeof mem);
		NEED(record_open(&in, mem, n, &plain) == (int)n);
		CHECK(plain.n == 7 && memcmp(plain.p, "to zt!!", 7) == 0);
	}
	record_wipe(&in);
	record_wipe(&out);
}

static inline void check_fault(const struct engine *e, enum tls_fault f)
{
	NEED(e);
	CHECK_INT(engine_state(e), ENGINE_FAILED);
	CHECK_STR(tls_fault_name(engine_failure(e).fault), tls_fault_name(f));
}

struct dialling {
	const char *name, *alpn;
	bool let_through, resume;
	const struct kit_id *trust, *show;
};

/* p is a server that waits. */
static inline void dial(struct engine **e, struct peer *p, const struct dialling *c)
{
	struct session_key key = {.client = true, .key = {1}};
	struct engine_opts o = {
		.client = true, .trust = trusted = c->trust ? kit_trust(c->trust, TRUST_FILE) : NULL,
		.cred = shown = c->show ? kit_cred(c->show, NULL) : NULL, .let_through = c->let_through,
		.name = span_str(c->name), .alpn = span_str(c->alpn), .sessions = c->resume ? cache : NULL,
		.key = &key, .now = KIT_NOW,
	};

	session_bind(key.bound, true, 1, 0, o.name, o.alpn);
	*e = NULL;
	if (engine_new(e, &bounds, &o) == 0)
		kit_run(*e, p);
}

static inline void server_up(struct peer *p, struct cred *c)
{
	peer_server(p, c);
	if (!br_ssl_server_reset(&p->server))
		unit_fail(__FILE__, __LINE__, "BearSSL's server does not start");
}

#endif
