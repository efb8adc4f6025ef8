/* shakes_kit: a keyring out of a configuration and a bundle, and a worker's end of the talk. */
#ifndef ZT_SHAKES_KIT_H
#define ZT_SHAKES_KIT_H

#include "base/ct.h"
#include "io/shakes.h"
#include "tls_kit.h"
#include "wire/bundle.h"

static const char shakes_conf[] =
	"[host web]\nnames = a.example, *.w.example\ncert = /web.pem\nkey = /web.key\nalpn = http/1.1\ndefault = true\n"
	"[host ask]\nnames = m.example\ncert = /web.pem\nkey = /web.key\nclient_cert = required\nclient_ca = /ca.pem\n"
	"[host may]\nnames = o.example\ncert = /web.pem\nkey = /web.key\nclient_cert = optional\nclient_ca = /ca.pem\n"
	"[host tunnel]\nnames = t.example\ncert = /web.pem\nkey = /web.key\nalpn = zt-tunnel/1\n"
	"[host once]\nnames = n.example\ncert = /web.pem\nkey = /web.key\nresume = false\n"
	"[relay]\nconnect = tls\nconnect_ca = /ca.pem\nconnect_cert = /client.pem\nconnect_key = /client.key\n"
	"connect_name = a.example\n";
enum { PLAN_WEB, PLAN_ASK, PLAN_MAY, PLAN_TUNNEL, PLAN_ONCE };

struct world {
	struct kit_id ca, inter, web, client;
	struct conf *conf;
	struct keyring *keys;
	struct bounds bounds;
	struct clock_fake fake;
	struct sessions *sessions;
	uint32_t epoch;
};

static inline void world_bundle(struct world *w, struct wr *b)
{
	static uint8_t text[8192];
	struct wr wr = wr_of(text, sizeof text);

	bundle_begin(b);
	kit_pem(&wr, &w->web);
	kit_pem(&wr, &w->inter);
	bundle_add(b, SPAN_LIT("/web.pem"), wr_span(&wr));
	wr = wr_of(text, sizeof text);
	kit_key_pem(&wr, &w->web);
	bundle_add(b, SPAN_LIT("/web.key"), wr_span(&wr));
	wr = wr_of(text, sizeof text);
	kit_pem(&wr, &w->client);
	bundle_add(b, SPAN_LIT("/client.pem"), wr_span(&wr));
	wr = wr_of(text, sizeof text);
	kit_key_pem(&wr, &w->client);
	bundle_add(b, SPAN_LIT("/client.key"), wr_span(&wr));
	wr = wr_of(text, sizeof text);
	kit_pem(&wr, &w->ca);
	bundle_add(b, SPAN_LIT("/ca.pem"), wr_span(&wr));
}

static inline bool world_open(struct world *w, const char *text)
{
	static uint8_t mem[65536];
	struct wr b = wr_of(mem, sizeof mem);
	struct conf_faults faults;
	struct why why = {0};
	bool ok;

	memset(w, 0, sizeof *w);
	w->epoch = 1;
	bounds_init(&w->bounds);
	clock_fake_init(&w->fake, 1, KIT_NOW * 1000);
	kit_issue(&w->ca, NULL, &(struct kit_want){.cn = "ca", .ca = true});
	kit_issue(&w->inter, &w->ca, &(struct kit_want){.cn = "mid", .ca = true});
	kit_issue(&w->web, &w->inter, &(struct kit_want){.cn = "web", .dns = "a.example"});
	kit_issue(&w->client, &w->ca, &(struct kit_want){.cn = "phone", .eku = EKU_CLIENT});
	world_bundle(w, &b);
	conf_faults_init(&faults);
	ok = conf_parse_for(&w->conf, span_str(text), "test", CONF_FOR_TLSD, &faults) == 0;
	if (!ok)
		unit_fail(__FILE__, __LINE__, "%s", faults.first ? faults.first->text : "?");
	conf_faults_free(&faults);
	ok = ok && keyring_new(&w->keys, w->conf, wr_span(&b), &why) == 0;
	if (!ok)
		unit_fail(__FILE__, __LINE__, "%s", why.text);
	return ok && sessions_new(&w->sessions, &w->bounds, &w->fake.clock) == 0;
}

static inline void world_close(struct world *w)
{
	sessions_free(w->sessions);
	keyring_free(w->keys);
	conf_free(w->conf);
	if (w->bounds.row[BOUND_TLS_ENGINES].used)
		unit_fail(__FILE__, __LINE__, "engines are left");
}

static inline struct shakes *world_line(struct world *w)
{
	struct shakes *s = NULL;

	shakes_new(&s, &(struct shakes_opts){w->keys, w->sessions, &w->bounds, &w->fake.clock, w->epoch});
	return s;
}

/* One packet to tlsd. */
static inline int worker_say(struct shakes *s, const struct tlsmsg *m)
{
	size_t cap;
	uint8_t *room = shakes_room(s, &cap);
	struct wr w;

	if (room == NULL)
		return -ZT_E_AGAIN;
	w = wr_of(room, cap);
	tlsmsg_write(&w, m);
	if (w.full)
		return -ZT_E_FULL;
	return shakes_took(s, w.n);
}

/* The next answer, copied into mem; false: none waits. */
static inline bool worker_hear(struct shakes *s, struct tlsmsg *m, uint8_t mem[static TLSMSG_MAX])
{
	struct span a = shakes_answer(s);

	if (a.n == 0)
		return false;
	memcpy(mem, a.p, a.n);
	shakes_sent(s);
	if (tlsmsg_read(span_of(mem, a.n), 't', m) < 0)
		unit_fail(__FILE__, __LINE__, "tlsd says what no tlsd says");
	return true;
}

/* What tlsd says until it is silent goes to the peer; true with DONE or FAIL in *last. */
static inline bool worker_pump(struct shakes *s, struct peer *p, struct tlsmsg *last, uint8_t mem[static TLSMSG_MAX])
{
	while (worker_hear(s, last, mem)) {
		if (last->type != TLSMSG_RECORDS_OUT)
			return true;
		peer_feed(p, last->records);
	}
	return false;
}

/* From the first message to the end of it; *last points into a block of its own. */
static inline void worker_shake(struct shakes *s, const struct tlsmsg *first, struct peer *p, struct tlsmsg *last)
{
	static uint8_t mem[TLSMSG_MAX], from[TLSMSG_RECORDS];
	size_t n;

	*last = (struct tlsmsg){0};
	if (worker_say(s, first) < 0) {
		unit_fail(__FILE__, __LINE__, "the first message is refused");
		return;
	}
	for (int i = 0; i < 10; i++) {
		if (worker_pump(s, p, last, mem))
			return;
		n = peer_take(p, from, sizeof from);
		if (n == 0 || worker_say(s, &(struct tlsmsg){
				.type = TLSMSG_RECORDS_IN, .id = first->id, .records = span_of(from, n)}) < 0)
			break;
	}
	unit_fail(__FILE__, __LINE__, "a handshake without an end; BearSSL says %d", br_ssl_engine_last_error(&p->eng));
}

#endif
