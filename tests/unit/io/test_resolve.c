/* The stub resolver against scripted name servers in the same loop. Time is a clock that only
 * the test moves; what is checked is which question went where, in which order, and why. */
#include "io/resolve.h"

#include "fakedns.h"
#include "io/dnsask.h"
#include "io/dnscache.h"

static struct clock_fake now;
static struct loop *loop;
static struct bounds bounds;
static struct resolver *resolver;
static struct fakedns dns[3];
static struct resolvconf conf;

struct ask {
	struct resolve q;
	unsigned updates;
	struct ask *cancels;    /* in its update() */
	const char *then;       /* looked up again in its update() */
	bool frees;
};

static void on_update(struct resolve *q)
{
	struct ask *a = CONTAINER_OF(q, struct ask, q);
	const char *then = a->then;

	a->updates++;
	if (a->cancels)
		resolve_cancel(&a->cancels->q);
	a->then = NULL;
	if (then)
		CHECK_INT(resolve_start(resolver, &a->q, span_str(then)), 0);
	if (a->frees) {
		resolve_cancel(&a->q);
		free(a);
	}
}

static int look(struct ask *a, const char *name)
{
	a->q.update = on_update;
	return resolve_start(resolver, &a->q, span_str(name));
}

static void turns(int n, int wait_ms)
{
	for (int i = 0; i < n; i++)
		CHECK_INT(loop_turn(loop, wait_ms), 0);
}

/* Until it happens; a bound on turns, not on time, says that it does not. */
#define UNTIL(cond)                                              \
	do {                                                     \
		for (int i_ = 0; i_ < 500 && !(cond); i_++)      \
			CHECK_INT(loop_turn(loop, 100), 0);      \
		CHECK(cond);                                     \
	} while (0)

/* Everything that is on its way has arrived: loopback delivers inside send(). */
static void quiet(void)
{
	turns(12, 0);
}

static void step_s(unsigned s)
{
	clock_fake_step(&now, s * NS_PER_S);
	quiet();
}

static void start(unsigned servers, bool tcp, void (*script)(struct fake_question *q))
{
	clock_fake_init(&now, 1000 * NS_PER_S, 0);
	bounds_init(&bounds);
	CHECK_INT(loop_open(&loop, LOOP_BEST, &now.clock), 0);
	CHECK_INT(resolver_new(&resolver, loop, &bounds), 0);
	conf = (struct resolvconf){.n = (uint8_t)servers, .timeout_s = 2, .attempts = 2};
	for (unsigned i = 0; i < servers; i++) {
		fakedns_open(&dns[i], loop, tcp, script);
		conf.server[i] = dns[i].at;
	}
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
}

static void end(void)
{
	resolver_free(resolver);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
	CHECK_INT(bounds.row[BOUND_DNS_CACHE].used, 0);
	loop_free(loop);
}

static const char *texts(const struct resolve_part *p)
{
	static char out[4][600];
	static unsigned turn;
	char *mem = out[turn++ % 4];
	struct wr w = wr_of(mem, sizeof out[0] - 1);

	for (uint8_t i = 0; i < p->n; i++) {
		if (i)
			wr_u8(&w, ' ');
		addr_write_ip(&w, &p->addr[i]);
	}
	if (p->rc < 0)
		wr_str(&w, err_name((enum zt_err)-p->rc));
	mem[w.n] = 0;
	return mem;
}

#define CHECK_PARTS(a, v6, v4)                                     \
	do {                                                       \
		CHECK(resolve_finished(&(a).q));                   \
		CHECK_STR(texts(&(a).q.part[RESOLVE_V6]), v6);     \
		CHECK_STR(texts(&(a).q.part[RESOLVE_V4]), v4);     \
	} while (0)

/* ---- without a server ----------------------------------------------------------------- */

TEST(literals_and_special_names_ask_nobody)
{
	static const struct {
		const char *name, *v6, *v4;
		int verdict;
	} v[] = {
		{"192.0.2.7", "no-address", "192.0.2.7", 0},
		{"2001:DB8::7", "2001:db8::7", "no-address", 0},
		{"::ffff:192.0.2.7", "no-address", "192.0.2.7", 0},
		{"localhost", "::1", "127.0.0.1", 0},
		{"LocalHost.", "::1", "127.0.0.1", 0},
		{"any.thing.localhost", "::1", "127.0.0.1", 0},
		{"nas.invalid", "no-such-name", "no-such-name", -ZT_E_NONAME},
		{"abcdef.onion", "no-such-name", "no-such-name", -ZT_E_NONAME},
	};
	static const char *const bad[] = {"", ".", "-", "a..b", "10.0.0.256", "nas example", "nas/", "[::1]", "a\tb"};
	struct ask a = {0};

	start(1, true, NULL);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		CHECK_INT(look(&a, v[i].name), 0);
		CHECK_PARTS(a, v[i].v6, v[i].v4);
		CHECK_INT(resolve_verdict(&a.q), v[i].verdict);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(look(&a, bad[i]), -ZT_E_SYNTAX);
	quiet();
	CHECK_INT(dns[0].n, 0);
	CHECK_INT(a.updates, 0);
	/* only near to special */
	CHECK_INT(look(&a, "notlocalhost"), 0);
	UNTIL(dns[0].n == 2);
	resolve_cancel(&a.q);
	end();
}

TEST(the_hosts_file_comes_first_and_answers_alone)
{
	struct ask a = {0};

	start(1, true, NULL);
	CHECK_INT(resolver_configure(resolver, &conf,
				     SPAN_LIT("10.0.0.5 nas.example.com NAS\n2001:db8::5 six\n"
					      "0.0.0.0 ads.example\n10.9.9.9 localhost\n0.0.0.0 half\n10.0.0.6 half")), 0);
	CHECK_INT(look(&a, "nas"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.5");
	CHECK_INT(look(&a, "Nas.Example.Com."), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.5");
	CHECK_INT(look(&a, "six"), 0);
	CHECK_PARTS(a, "2001:db8::5", "no-address");
	CHECK_INT(look(&a, "ads.example"), 0); /* blocked, not "this machine" */
	CHECK_PARTS(a, "no-address", "no-address");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_NOADDR);
	CHECK_INT(look(&a, "half"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.6");
	CHECK_INT(look(&a, "localhost"), 0);
	CHECK_PARTS(a, "::1", "127.0.0.1");
	quiet();
	CHECK_INT(dns[0].n, 0);
	/* a reload with another file */
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_LIT("10.0.0.9 nas")), 0);
	CHECK_INT(look(&a, "nas"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.9");
	end();
}

TEST(a_hosts_file_beyond_its_bounds_is_cut_at_a_line)
{
	size_t size = RESOLVE_HOSTS_BYTES + 100;
	char *text = malloc(size);
	struct ask a = {0};

	start(1, true, NULL);
	memset(text, '#', size);
	memcpy(text, "10.0.0.1 first\n", 15);
	memcpy(text + RESOLVE_HOSTS_BYTES - 12, "\n10.0.0.2 last\n", 15); /* the bound is inside */
	CHECK_INT(resolver_configure(resolver, &conf, span_of(text, size)), 1);
	CHECK_INT(look(&a, "first"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.1");
	CHECK_INT(look(&a, "last"), 0);
	CHECK(!a.q.part[0].done);
	resolve_cancel(&a.q);
	CHECK_INT(look(&a, "las"), 0); /* what a cut in the middle of the line would have made */
	CHECK(!a.q.part[0].done);
	resolve_cancel(&a.q);
	free(text);
	end();
}

TEST(no_servers_at_all)
{
	struct ask a = {0};

	start(0, true, NULL);
	CHECK_INT(look(&a, "nas.ex"), 0);
	CHECK(!a.q.part[0].done); /* never from inside resolve_start() */
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "dns-failed", "dns-failed");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_DNSFAIL);
	end();
}

/* ---- one server ----------------------------------------------------------------------- */

static void both_families(struct fake_question *q)
{
	reply_ip(q, q->type == DNS_AAAA ? "2001:db8::1" : "192.0.2.1", 60);
}

TEST(both_families_are_asked_at_once_and_each_is_told_alone)
{
	struct ask a = {0};

	start(1, true, NULL);
	CHECK_INT(look(&a, "NAS.Ex."), 0);
	UNTIL(dns[0].n == 2);
	CHECK_INT(dns[0].seen[0].type + dns[0].seen[1].type, DNS_A + DNS_AAAA);
	CHECK_STR(dns[0].seen[0].name, "nas.ex");
	CHECK_STR(dns[0].seen[1].name, "nas.ex");
	CHECK_INT(a.updates, 0);
	for (int i = 0; i < 2; i++)
		if (dns[0].seen[i].type == DNS_A)
			reply_ip(&dns[0].seen[i], "192.0.2.1", 60);
	UNTIL(a.updates == 1);
	CHECK(a.q.part[RESOLVE_V4].done && !a.q.part[RESOLVE_V6].done);
	for (int i = 0; i < 2; i++)
		if (dns[0].seen[i].type == DNS_AAAA)
			reply_ip(&dns[0].seen[i], "2001:db8::1", 60);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK_INT(resolve_verdict(&a.q), 0);
	end();
}

static uint32_t script_ttl;
static void with_ttl(struct fake_question *q)
{
	reply_ip(q, "192.0.2.1", script_ttl); /* AAAA: NODATA without SOA, not to be remembered */
}

TEST(the_cache_lasts_as_long_as_the_ttl)
{
	struct ask a = {0};

	start(1, true, with_ttl);
	script_ttl = 10;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "no-address", "192.0.2.1");
	CHECK_INT(look(&a, "NAS.ex"), 0);
	CHECK(a.q.part[RESOLVE_V4].done && !a.q.part[RESOLVE_V6].done);
	UNTIL(a.updates == 3);
	CHECK_INT(fakedns_count(&dns[0], DNS_A), 1);
	CHECK_INT(fakedns_count(&dns[0], DNS_AAAA), 2);
	step_s(9);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_INT(fakedns_count(&dns[0], DNS_A), 1);
	step_s(1);
	script_ttl = 0;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 6);
	CHECK_INT(fakedns_count(&dns[0], DNS_A), 2);
	CHECK_INT(look(&a, "nas.ex"), 0); /* ttl 0: good for once */
	UNTIL(a.updates == 8);
	CHECK_INT(fakedns_count(&dns[0], DNS_A), 3);
	CHECK_INT(resolver_stats(resolver).cached, 2);
	end();
}

static uint16_t script_flags;
static uint32_t script_soa; /* 0: none */
static void saying_no(struct fake_question *q)
{
	struct fake_reply r;

	reply_begin(&r, q, script_flags);
	if (script_soa)
		reply_soa(&r, script_soa);
	reply_send(&r, q);
}

TEST(no_is_remembered_as_its_soa_says)
{
	struct ask a = {0};

	start(1, true, saying_no);
	script_flags = 0x8183;
	script_soa = 30;
	CHECK_INT(look(&a, "gone.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "no-such-name", "no-such-name");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_NONAME);
	step_s(29);
	CHECK_INT(look(&a, "gone.ex"), 0);
	CHECK_PARTS(a, "no-such-name", "no-such-name");
	CHECK_INT(dns[0].n, 2);
	step_s(1);
	script_flags = 0x8180;
	script_soa = 0;
	CHECK_INT(look(&a, "gone.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_PARTS(a, "no-address", "no-address");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_NOADDR);
	CHECK_INT(look(&a, "gone.ex"), 0);
	CHECK(!resolve_finished(&a.q));
	UNTIL(a.updates == 6);
	CHECK_INT(dns[0].n, 6);
	end();
}

TEST(a_reload_forgets_the_cache_and_changes_servers)
{
	struct ask a = {0}, b = {0};

	start(2, true, NULL);
	dns[1].script = both_families;
	conf.n = 1;
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	conf.server[0] = dns[1].at;
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0); /* while it runs */
	CHECK_INT(look(&b, "other.ex"), 0);
	UNTIL(b.updates == 2);
	CHECK_INT(dns[1].n, 2);
	both_families(&dns[0].seen[0]);
	both_families(&dns[0].seen[1]);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK_INT(look(&b, "other.ex"), 0);
	CHECK(resolve_finished(&b.q));
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
	CHECK_INT(look(&b, "other.ex"), 0);
	CHECK(!resolve_finished(&b.q));
	end(); /* with b still running */
	CHECK_INT(b.updates, 2);
}

TEST(cname_chains_are_followed_and_loops_are_not)
{
	struct ask a = {0};
	struct fake_reply r;

	start(1, true, NULL);
	CHECK_INT(look(&a, "www.ex"), 0);
	UNTIL(dns[0].n == 2);
	for (int i = 0; i < 2; i++) {
		struct fake_question *q = &dns[0].seen[i];

		reply_begin(&r, q, 0x8180);
		if (q->type == DNS_A)
			reply_addr(&r, "nas.ex", "192.0.2.9", 60); /* the end of the chain first */
		reply_cname(&r, NULL, q->type == DNS_A ? "web.ex" : "loop.ex", 60);
		reply_cname(&r, q->type == DNS_A ? "web.ex" : "loop.ex", q->type == DNS_A ? "nas.ex" : "www.ex", 60);
		reply_send(&r, q);
	}
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "dns-failed", "192.0.2.9");
	CHECK_INT(dns[0].n, 2); /* a server that talks nonsense is not asked again */
	end();
}

/* ---- forged, late and broken replies -------------------------------------------------- */

static void twice(struct fake_question *q)
{
	if (q->type != DNS_A) {
		reply_ip(q, NULL, 0);
		return;
	}
	/* forgeries first, each wrong in one thing */
	static const struct {
		size_t at;
		uint8_t flip;
	} wrong[] = {{0, 0x80}, {1, 0x01}, {2, 0x80}, {2, 0x08}, {5, 0x02}, {13, 0x01}};
	struct fake_reply r;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		reply_begin(&r, q, 0x8180);
		reply_addr(&r, NULL, "6.6.6.6", 60);
		r.mem[wrong[i].at] ^= wrong[i].flip;
		reply_send(&r, q);
	}
	reply_begin(&r, q, 0x8180); /* right id, AAAA as the question */
	reply_addr(&r, NULL, "6.6.6.6", 60);
	r.mem[r.question_end - 3] = DNS_AAAA;
	reply_send(&r, q);
	fake_send(q, SPAN_LIT("")); /* an empty datagram, and half a header */
	fake_send(q, SPAN_LIT("\x12\x34\x81"));
	reply_ip(q, "192.0.2.1", 60);
}

TEST(forged_replies_are_passed_over)
{
	struct ask a = {0};

	start(1, true, twice);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "no-address", "192.0.2.1");
	CHECK_INT(resolver_stats(resolver).asked, 2);
	end();
}

TEST(another_host_is_not_heard)
{
	struct ask a = {0};
	struct fake_reply r;

	start(2, true, NULL);
	conf.n = 1;
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	for (int i = 0; i < 2; i++) {
		struct fake_question *q = &dns[0].seen[i];

		reply_begin(&r, q, 0x8180);
		if (q->type == DNS_A)
			reply_addr(&r, NULL, "6.6.6.6", 60);
		/* everything right, the port and the id too, but sent by the other server */
		CHECK_INT(sendto(dns[1].udp.fd, r.mem, r.w.n, 0, (struct sockaddr *)&q->from, sizeof q->from),
			  (ssize_t)r.w.n);
	}
	quiet();
	CHECK_INT(a.updates, 0);
	both_families(&dns[0].seen[0]);
	both_families(&dns[0].seen[1]);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	end();
}

static void guessing(struct fake_question *q)
{
	if (q->conn || q->type != DNS_A) {
		reply_ip(q, q->type == DNS_A ? "192.0.2.1" : NULL, 60);
		return;
	}
	for (unsigned i = 0; i < DNSASK_STRAYS + 4; i++) {
		struct fake_reply r;

		reply_begin(&r, q, 0x8180);
		reply_addr(&r, NULL, "6.6.6.6", 60);
		wr_patch_be16(&r.w, 0, (uint16_t)(q->id + 1 + i));
		reply_send(&r, q);
	}
	reply_ip(q, "6.6.6.6", 60); /* the guess that would have hit */
}

TEST(a_storm_of_wrong_replies_moves_the_question_to_tcp)
{
	struct ask a = {0};

	start(1, true, guessing);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "no-address", "192.0.2.1");
	CHECK_INT(resolver_stats(resolver).tcp, 1);
	end();
}

TEST(a_late_reply_changes_nothing)
{
	struct ask a = {0};

	start(2, true, NULL);
	dns[1].script = both_families;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	clock_fake_step(&now, 2 * NS_PER_S);
	quiet();
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	reply_ip(&dns[0].seen[0], dns[0].seen[0].type == DNS_A ? "6.6.6.6" : "2001:db8::6", 60);
	reply_ip(&dns[0].seen[1], dns[0].seen[1].type == DNS_A ? "6.6.6.6" : "2001:db8::6", 60);
	quiet();
	CHECK_INT(a.updates, 2);
	CHECK_INT(look(&a, "nas.ex"), 0); /* nor did it reach the cache */
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	end();
}

static void malformed(struct fake_question *q)
{
	struct fake_reply r;

	reply_begin(&r, q, 0x8180);
	reply_addr(&r, NULL, q->type == DNS_A ? "6.6.6.6" : "2001:db8::6", 60);
	r.w.n--; /* cut short */
	reply_send(&r, q);
}

TEST(a_malformed_reply_sends_us_to_the_next_server)
{
	struct ask a = {0};

	start(2, true, malformed);
	dns[1].script = both_families;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK(dns[0].n == 2 && dns[1].n == 2);
	end();
	start(1, true, malformed);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_PARTS(a, "dns-failed", "dns-failed");
	CHECK_INT(dns[0].n, 2);
	end();
}

TEST(ids_and_ports_are_drawn_anew)
{
	struct ask a = {0};
	unsigned same_id = 0, same_port = 0, steps = 0;
	char name[32];

	start(1, true, both_families);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "h%d.ex", i);
		CHECK_INT(look(&a, name), 0);
		UNTIL(a.updates == 2u * (unsigned)(i + 1));
	}
	CHECK_INT(dns[0].n, 60);
	for (size_t i = 0; i < 60; i++) {
		for (size_t k = 0; k < i; k++) {
			same_id += dns[0].seen[i].id == dns[0].seen[k].id;
			same_port += dns[0].seen[i].from.sin_port == dns[0].seen[k].from.sin_port;
		}
		if (i)
			steps += abs(dns[0].seen[i].id - dns[0].seen[i - 1].id) == 1 ||
				 abs(ntohs(dns[0].seen[i].from.sin_port) - ntohs(dns[0].seen[i - 1].from.sin_port)) <= 2;
	}
	/* 1,770 pairs: 0.03 equal ids and 0.06 equal ports (of 28,232) are expected by chance; six
	 * of either has a probability below 10^-9. */
	CHECK(same_id < 6);
	CHECK(same_port < 6);
	CHECK(steps < 6);
	end();
}

/* ---- several servers ------------------------------------------------------------------ */

static void servfail(struct fake_question *q) { reply_flags(q, 0x8182); }
static void refused(struct fake_question *q) { reply_flags(q, 0x8185); }

TEST(a_server_that_will_not_tell_is_passed_over_at_once)
{
	struct ask a = {0};

	start(3, true, servfail);
	dns[1].script = refused;
	dns[2].script = both_families;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK(dns[0].n == 2 && dns[1].n == 2 && dns[2].n == 2);
	end();
	start(2, true, servfail);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_PARTS(a, "dns-failed", "dns-failed");
	CHECK(dns[0].n == 2 && dns[1].n == 2); /* once each, not once a round */
	CHECK_INT(look(&a, "nas.ex"), 0);      /* and that is not remembered */
	CHECK(!a.q.part[0].done);
	end();
}

TEST(a_silent_server_times_out_and_goes_to_the_back)
{
	struct ask a = {0};

	start(2, true, NULL);
	dns[1].script = both_families;
	CHECK_INT(look(&a, "one.ex"), 0);
	UNTIL(dns[0].n == 2);
	clock_fake_step(&now, 2 * NS_PER_S - 1);
	quiet();
	CHECK_INT(dns[1].n, 0); /* not a moment sooner */
	clock_fake_step(&now, 1);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK_INT(resolver_stats(resolver).timeouts, 2);
	CHECK_INT(look(&a, "two.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_INT(dns[0].n, 2); /* now the second is asked first */
	step_s(30);
	dns[0].script = both_families;
	CHECK_INT(look(&a, "three.ex"), 0);
	UNTIL(a.updates == 6);
	CHECK_INT(dns[0].n, 4); /* it has had its rest */
	CHECK_INT(dns[1].n, 4);
	end();
}

TEST(every_server_silent_is_a_timeout_after_all_rounds)
{
	struct ask a = {0};

	start(2, true, NULL);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	for (unsigned i = 1; i <= 3; i++) { /* two servers, two rounds: four tries of 2 s */
		CHECK_INT(a.updates, 0);
		step_s(2);
		CHECK_INT(dns[0].n, i < 2 ? 2 : 4);
		CHECK_INT(dns[1].n, i < 3 ? 2 : 4);
	}
	CHECK_INT(a.updates, 0);
	step_s(2);
	CHECK_INT(a.updates, 2);
	CHECK_PARTS(a, "timeout", "timeout");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_TIMEOUT);
	CHECK_INT(resolver_stats(resolver).failed, 2);
	CHECK(dns[0].n == 4 && dns[1].n == 4);
	end();
}

TEST(a_dead_port_is_noticed_without_waiting)
{
	struct ask a = {0};

	start(2, true, NULL);
	dns[1].script = both_families;
	loop_close(&dns[0].udp);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2); /* the clock stands still: ICMP told us */
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	end();
	start(1, true, NULL);
	loop_close(&dns[0].udp);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK_PARTS(a, "dns-failed", "dns-failed");
	end();
}

TEST(trouble_says_more_than_no_address)
{
	struct ask a = {0};

	start(1, true, NULL);
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	for (int i = 0; i < 2; i++)
		if (dns[0].seen[i].type == DNS_A)
			reply_ip(&dns[0].seen[i], NULL, 0); /* NODATA; AAAA stays silent */
	UNTIL(a.updates == 1);
	step_s(2);
	step_s(2);
	CHECK_PARTS(a, "timeout", "no-address");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_TIMEOUT);
	end();
}

/* ---- TCP ------------------------------------------------------------------------------ */

static size_t script_split;
static bool script_hang_up;
static void big_over_tcp(struct fake_question *q)
{
	struct fake_reply r;
	char ip[64];

	if (q->conn == NULL) {
		reply_flags(q, 0x8380);
		return;
	}
	reply_begin(&r, q, 0x8180);
	for (unsigned i = 1; i <= 60 && q->type == DNS_A; i++) {
		snprintf(ip, sizeof ip, "10.0.0.%u", i);
		reply_addr(&r, NULL, ip, 0);
	}
	reply_send(&r, q);
	q->conn->split = script_split;
	q->conn->hang_up = script_hang_up;
	if (script_hang_up)
		q->conn->out_n = script_split;
}

TEST(tcp_split_at_every_byte)
{
	/* 2 + 12 + 12 + 60 * 16 for A, 2 + 12 + 12 for AAAA */
	static const size_t whole = 2 + 24 + 60 * 16;
	struct ask a = {0};

	start(1, true, big_over_tcp);
	for (size_t at = 1; at < whole; at += at < 64 ? 1 : 37) {
		script_split = at;
		a.updates = 0;
		CHECK_INT(look(&a, "nas.ex"), 0);
		UNTIL(a.updates == 2);
		CHECK_INT(a.q.part[RESOLVE_V4].rc, 0);
		CHECK_INT(a.q.part[RESOLVE_V4].n, BOUND_CAP(BOUND_DNS_ADDRS));
		CHECK_INT(a.q.part[RESOLVE_V6].rc, -ZT_E_NOADDR);
		dns[0].n = 0;
	}
	script_split = 0;
	end();
}

TEST(tcp_closed_at_every_byte)
{
	struct ask a = {0};

	start(1, true, big_over_tcp);
	script_hang_up = true;
	for (size_t at = 0; at < 26; at++) {
		script_split = at;
		a.updates = 0;
		CHECK_INT(look(&a, "nas.ex"), 0);
		if (at == 0) { /* nothing is sent, so nothing closes it: time does */
			UNTIL(fakedns_count(&dns[0], 0) == 4);
			for (int i = 0; i < 2; i++)
				step_s(2);
			CHECK_PARTS(a, "timeout", "timeout");
		} else {
			UNTIL(a.updates == 2);
			CHECK_PARTS(a, "dns-failed", "dns-failed");
		}
		dns[0].n = 0;
	}
	script_hang_up = false;
	script_split = 0;
	end();
}

static void truncated_then_reset(struct fake_question *q)
{
	if (q->conn)
		q->conn->reset = true;
	else
		reply_flags(q, 0x8380);
}
static void truncated(struct fake_question *q) { reply_flags(q, 0x8380); }
static uint8_t script_length[2];
static void odd_length(struct fake_question *q)
{
	struct fake_reply r;

	if (q->conn == NULL) {
		reply_flags(q, 0x8380);
		return;
	}
	reply_begin(&r, q, 0x8180);
	reply_send(&r, q);
	memcpy(q->conn->out, script_length, 2);
}
static void stranger_over_tcp(struct fake_question *q)
{
	struct fake_reply r;

	if (q->conn == NULL) {
		reply_flags(q, 0x8380);
		return;
	}
	reply_begin(&r, q, 0x8180);
	wr_patch_be16(&r.w, 0, (uint16_t)(q->id + 1));
	reply_send(&r, q);
}

TEST(tcp_that_does_not_help)
{
	static const struct {
		const char *what;
		bool listens;
		void (*script)(struct fake_question *q);
		uint8_t length[2];
	} v[] = {
		{"port closed", false, truncated, {0}},
		{"reset", true, truncated_then_reset, {0}},
		{"truncated again", true, truncated, {0}},
		{"not our question", true, stranger_over_tcp, {0}},
		{"length 0", true, odd_length, {0, 0}},
		{"length below a header", true, odd_length, {0, 11}},
		{"length above the bound", true, odd_length, {(DNSASK_TCP_MAX + 1) >> 8, (DNSASK_TCP_MAX + 1) & 0xff}},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct ask a = {0};

		memcpy(script_length, v[i].length, 2);
		start(2, v[i].listens, v[i].script);
		dns[1].script = both_families;
		CHECK_INT(look(&a, "nas.ex"), 0);
		UNTIL(a.updates == 2);
		if (strcmp(texts(&a.q.part[RESOLVE_V4]), "192.0.2.1") != 0 || dns[1].n != 2)
			unit_fail(__FILE__, __LINE__, "%s: %s", v[i].what, texts(&a.q.part[RESOLVE_V4]));
		end();
	}
}

TEST(tcp_that_hangs_is_cut_by_the_same_limit)
{
	struct ask a = {0};

	start(2, true, truncated);
	dns[0].mute_tcp = true;
	dns[1].script = both_families;
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].conns == 2);
	CHECK_INT(a.updates, 0);
	step_s(2);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	end();
}

/* ---- many at once --------------------------------------------------------------------- */

TEST(equal_look_ups_share_one_query)
{
	struct ask a[5] = {0};

	start(1, true, NULL);
	for (int i = 0; i < 5; i++)
		CHECK_INT(look(&a[i], i & 1 ? "NAS.ex" : "nas.ex."), 0);
	UNTIL(dns[0].n == 2);
	quiet();
	CHECK_INT(dns[0].n, 2);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 2);
	CHECK_INT(resolver_stats(resolver).joined, 8);
	resolve_cancel(&a[3].q);
	both_families(&dns[0].seen[0]);
	both_families(&dns[0].seen[1]);
	UNTIL(a[0].updates == 2);
	for (int i = 0; i < 5; i++)
		CHECK_INT(a[i].updates, i == 3 ? 0 : 2);
	CHECK_PARTS(a[4], "2001:db8::1", "192.0.2.1");
	end();
}

TEST(the_last_one_to_cancel_ends_the_query)
{
	struct ask a = {0}, b = {0};

	start(1, true, NULL);
	CHECK_INT(look(&a, "nas.ex"), 0);
	CHECK_INT(look(&b, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
	resolve_cancel(&a.q);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 2);
	resolve_cancel(&b.q);
	resolve_cancel(&b.q);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
	both_families(&dns[0].seen[0]);
	both_families(&dns[0].seen[1]);
	quiet();
	CHECK(a.updates == 0 && b.updates == 0);
	/* before the first question has even been sent */
	CHECK_INT(look(&a, "nas.ex"), 0);
	resolve_cancel(&a.q);
	quiet();
	CHECK_INT(dns[0].n, 2);
	end();
}

TEST(update_may_cancel_the_others_and_itself)
{
	struct ask a[4] = {0};

	start(1, true, both_families);
	for (int i = 0; i < 4; i++)
		CHECK_INT(look(&a[i], "nas.ex"), 0);
	for (int i = 0; i < 4; i++)
		a[i].cancels = &a[i ^ 1]; /* whoever of a pair is told first silences the other */
	UNTIL(a[0].updates + a[1].updates == 2 && a[2].updates + a[3].updates == 2);
	CHECK(a[0].updates == 2 || a[1].updates == 2);
	CHECK(a[2].updates == 2 || a[3].updates == 2);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
	for (int i = 0; i < 4; i++) {
		a[i].updates = 0;
		a[i].cancels = &a[i]; /* nothing more after the first part */
	}
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
	CHECK_INT(look(&a[0], "nas.ex"), 0);
	CHECK_INT(look(&a[1], "nas.ex"), 0);
	UNTIL(a[0].updates && a[1].updates);
	quiet();
	CHECK(a[0].updates == 1 && a[1].updates == 1);
	end();
}

TEST(update_may_free_and_may_start_again)
{
	struct ask *a = calloc(1, sizeof *a), b = {0};

	start(1, true, both_families);
	a->frees = true;
	b.then = "second.ex";
	CHECK_INT(look(a, "nas.ex"), 0);
	CHECK_INT(look(&b, "nas.ex"), 0);
	UNTIL(b.updates == 3); /* one part of nas.ex, then both of second.ex */
	CHECK_PARTS(b, "2001:db8::1", "192.0.2.1");
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
	/* the same name again from inside: a new query, for the old one is over */
	script_ttl = 0;
	dns[0].script = with_ttl;
	b.updates = 0;
	b.then = "third.ex";
	CHECK_INT(look(&b, "third.ex"), 0);
	UNTIL(b.updates == 3);
	CHECK_PARTS(b, "no-address", "192.0.2.1");
	end();
}

TEST(the_number_of_queries_is_bounded)
{
	struct ask a[40] = {0}, extra = {0};
	char name[32];
	unsigned full = 0;

	start(1, true, NULL);
	bounds_set(&bounds, BOUND_DNS_QUERIES, 7);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "h%d.ex", i);
		full += look(&a[i], name) == -ZT_E_FULL;
	}
	CHECK_INT(full, 1); /* seven: three pairs; the fourth got one half and gave it back */
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 6);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].hits, 1);
	CHECK_INT(look(&extra, "h0.ex"), 0); /* joining needs no query */
	resolve_cancel(&extra.q);
	resolve_cancel(&a[0].q);
	CHECK_INT(look(&a[3], "h3.ex"), 0);
	end();
}
