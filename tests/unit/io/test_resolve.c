/* The stub resolver's own business: what it never asks, what it remembers, who shares a query,
 * who may cancel what. Time is a clock that only the test moves. */
#include "resolve_kit.h"

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
	CHECK(resolver_knows(resolver, SPAN_LIT("nas")) && resolver_knows(resolver, SPAN_LIT("a.localhost")));
	CHECK(!resolver_knows(resolver, SPAN_LIT("nas.example")) && !resolver_knows(resolver, SPAN_LIT("10.0.0.5")));
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

TEST(half_a_look_up_gives_its_query_back)
{
	struct ask a[4] = {0}, extra = {0};
	char name[32];
	unsigned full = 0;

	start(1, true, NULL);
	bounds_set(&bounds, BOUND_DNS_QUERIES, 7);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "h%d.ex", i);
		full += look(&a[i], name) == -ZT_E_FULL;
	}
	CHECK_INT(full, 1); /* three pairs; the fourth got one half */
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 6);
	CHECK_INT(look(&extra, "h0.ex"), 0); /* joining needs no query */
	resolve_cancel(&extra.q);
	resolve_cancel(&a[0].q);
	CHECK_INT(look(&a[3], "h3.ex"), 0);
	end();
}

FLOODS(BOUND_DNS_QUERIES)
{
	enum { PAIRS = BOUND_CAP(BOUND_DNS_QUERIES) / RESOLVE_FAMILIES };
	struct ask *a = calloc(PAIRS + 1, sizeof *a);
	char name[32];

	start(1, true, NULL);
	for (int i = 0; i < PAIRS; i++) {
		snprintf(name, sizeof name, "h%d.ex", i);
		CHECK_INT(look(&a[i], name), 0);
	}
	CHECK_INT(look(&a[PAIRS], "one.more.ex"), -ZT_E_FULL); /* at once */
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 2 * PAIRS);
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].hits, 1);
	UNTIL(dns[0].n == 2 * PAIRS);
	for (size_t i = 0; i < 2 * PAIRS; i++)
		both_families(&dns[0].seen[i]);
	for (int i = 0; i < PAIRS; i++)
		UNTIL(a[i].updates == 2);
	CHECK_INT(look(&a[PAIRS], "one.more.ex"), 0);
	end();
	free(a);
}
