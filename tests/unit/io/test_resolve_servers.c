/* The stub resolver and servers that forge, lie, fail, stay silent, and TCP in all its breaks.
 * What is checked is which question went where, in which order, and why. */
#include "resolve_kit.h"

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

TEST(an_answer_makes_a_server_well_again)
{
	struct ask a = {0};

	start(2, true, NULL);
	dns[1].script = both_families;
	CHECK_INT(look(&a, "one.ex"), 0);
	UNTIL(dns[0].n == 2);
	step_s(2);
	UNTIL(a.updates == 2); /* the first is sick now */
	dns[0].script = both_families;
	dns[1].script = servfail;
	CHECK_INT(look(&a, "two.ex"), 0);
	UNTIL(a.updates == 4);
	CHECK(dns[0].n == 4 && dns[1].n == 4);
	CHECK_INT(look(&a, "three.ex"), 0);
	UNTIL(a.updates == 6);
	CHECK(dns[0].n == 6 && dns[1].n == 4); /* long before its rest is over */
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
