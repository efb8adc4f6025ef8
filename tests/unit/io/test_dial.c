/* The race: who is tried when, who wins, what is said afterwards. The clock stands still
 * unless the test moves it; the kernel's own answers come over loopback. */
#include "dial_kit.h"

#define MS(n) ((n) * NS_PER_MS)

static void expect_win(struct call *c, const char *tried)
{
	UNTIL(c->dones == 1);
	CHECK_INT(c->rc, 0);
	CHECK_STR(record(c), tried);
	NEED(c->rc == 0 && c->n > 0);
	CHECK(c->fd >= 0 && addr_eq(&c->peer, &c->tried[c->n - 1].to));
	CHECK_INT(net_connected(c->fd), 0);
	close(c->fd);
}

/* Both questions are asked, and nothing is answered yet. */
static void asks_both(struct call *c)
{
	CHECK_INT(dial_to(c, "nas.ex"), 0);
	UNTIL(dns[0].n == 2);
}

static void asks_anew(struct call *c) /* nothing is known of before */
{
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_NONE), 0);
	dns[0].n = 0;
	*c = (struct call){0};
	asks_both(c);
}

static void answers(uint16_t type)
{
	numbered(question_of(type));
	quiet();
}

TEST(a_literal_address)
{
	static const struct net_tune tune = {.nodelay = true};
	struct call c = {.tune = &tune};
	int on = 0;
	socklen_t n = sizeof on;

	start_dialing(NULL);
	answering("127.0.0.1");
	CHECK_INT(dial_to(&c, "127.0.0.1"), 0);
	CHECK_INT(c.dones, 0); /* never from inside dial_start() */
	UNTIL(c.dones == 1);
	CHECK_INT(c.rc, 0);
	CHECK_STR(record(&c), "127.0.0.1 ok");
	CHECK_INT(getsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
	CHECK_INT(on, 1);
	CHECK(c.dns_ns == 0 && c.took_ns == 0);
	CHECK_INT(dns[0].n, 0);
	close(c.fd);
	end_dialing();
}

TEST(a_literal_ipv6_address)
{
	struct call c = {0};
	int fd = net_listen(&(struct net_listen){.at = {.family = 6, .ip = {[15] = 1}}}, NULL);

	if (fd < 0) {
		printf("not checked: no IPv6 here\n");
		return;
	}
	start_dialing(NULL);
	port = net_local(fd).port;
	CHECK_INT(dial_to(&c, "::1"), 0);
	expect_win(&c, "::1 ok");
	/* its name has IPv4 too, where nobody listens: IPv6 is first and there is no second */
	c = (struct call){0};
	CHECK_INT(dial_to(&c, "localhost"), 0);
	expect_win(&c, "::1 ok");
	end_dialing();
	close(fd);
}

TEST(hosts_that_are_none)
{
	struct call c = {0};

	start_dialing(NULL);
	port = 9;
	CHECK_INT(dial_to(&c, "10.0.0.256"), -ZT_E_SYNTAX);
	CHECK_INT(dial_to(&c, ""), -ZT_E_SYNTAX);
	CHECK_INT(bounds.row[BOUND_DIALS].used, 0);
	end_dialing();
}

TEST(a_refusal_brings_the_next_address_at_once)
{
	struct call c = {0};

	start_dialing(numbered);
	script_v6 = script_v4 = 2;
	refusing("127.0.0.61");
	refusing("127.0.0.41");
	refusing("127.0.0.62");
	answering("127.0.0.42");
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	expect_win(&c, "127.0.0.61 refused, 127.0.0.41 refused, 127.0.0.62 refused, 127.0.0.42 ok");
	CHECK_INT(c.took_ns, 0); /* the clock never moved */
	end_dialing();
}

TEST(a_silent_address_gets_250_ms_alone)
{
	struct call c = {0};

	start_dialing(numbered);
	script_v6 = script_v4 = 1;
	hanging("127.0.0.61");
	answering("127.0.0.41");
	asks_both(&c);
	quiet();
	step_ms(249);
	CHECK_INT(c.dones, 0);
	step_ms(1);
	expect_win(&c, "127.0.0.61 cancelled, 127.0.0.41 ok");
	CHECK(c.tried[0].began_ns == 0 && c.tried[0].took_ns == MS(250));
	CHECK(c.tried[1].began_ns == MS(250) && c.took_ns == MS(250));
	end_dialing();
}

TEST(families_take_turns_and_the_deadline_ends_all)
{
	static const char *const all[] = {"127.0.0.61", "127.0.0.62", "127.0.0.63", "127.0.0.41", "127.0.0.42"};
	struct call c = {.timeout_ns = MS(2000)};

	start_dialing(numbered);
	script_v6 = 3;
	script_v4 = 2;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		hanging(all[i]);
	asks_both(&c);
	quiet();
	for (int i = 0; i < 7; i++)
		step_ms(250);
	CHECK_INT(c.dones, 0);
	step_ms(249);
	CHECK_INT(c.dones, 0);
	step_ms(1);
	CHECK_INT(c.dones, 1);
	CHECK_INT(c.rc, -ZT_E_TIMEOUT);
	CHECK_INT(c.fd, -1);
	CHECK_STR(record(&c), "127.0.0.61 timeout, 127.0.0.41 timeout, 127.0.0.62 timeout, "
			      "127.0.0.42 timeout, 127.0.0.63 timeout");
	for (size_t i = 0; i < 5; i++) {
		CHECK_INT(c.tried[i].began_ns, i * MS(250));
		CHECK_INT(c.tried[i].took_ns, MS(2000) - i * MS(250));
	}
	CHECK_INT(c.took_ns, MS(2000));
	end_dialing();
}

TEST(ipv4_waits_50_ms_for_the_other_answer)
{
	struct call c = {0};

	start_dialing(NULL);
	script_v6 = script_v4 = 1;
	answering("127.0.0.61");
	answering("127.0.0.41");
	asks_both(&c);
	answers(DNS_A);
	step_ms(49);
	CHECK_INT(c.dones, 0);
	numbered(question_of(DNS_AAAA)); /* in time: it goes first */
	expect_win(&c, "127.0.0.61 ok");
	CHECK(c.dns_ns == 0 && c.tried[0].began_ns == MS(49));
	asks_anew(&c);
	answers(DNS_A);
	step_ms(50); /* and no longer */
	expect_win(&c, "127.0.0.41 ok");
	CHECK_INT(c.tried[0].began_ns, MS(50));
	CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0); /* nobody waits for AAAA any more */
	end_dialing();
}

TEST(no_ipv6_is_known_at_once_and_no_delay_is_due)
{
	struct call c = {0};

	start_dialing(NULL);
	answering("127.0.0.41");
	script_v6 = 0;
	script_v4 = 1;
	asks_both(&c);
	answers(DNS_AAAA);
	CHECK_INT(c.dones, 0);
	numbered(question_of(DNS_A));
	expect_win(&c, "127.0.0.41 ok");
	CHECK_INT(c.took_ns, 0);
	/* and the other way round: the "no" ends the wait of the resolution delay */
	asks_anew(&c);
	answers(DNS_A);
	CHECK_INT(c.dones, 0);
	numbered(question_of(DNS_AAAA));
	expect_win(&c, "127.0.0.41 ok");
	CHECK_INT(c.took_ns, 0);
	end_dialing();
}

TEST(a_late_answer_joins_the_race)
{
	struct call c = {0};

	start_dialing(NULL);
	script_v6 = 1;
	script_v4 = 2;
	hanging("127.0.0.41");
	answering("127.0.0.61");
	answering("127.0.0.42");
	asks_both(&c);
	answers(DNS_A);
	step_ms(50); /* .41 is dialled and hangs */
	step_ms(100);
	answers(DNS_AAAA);
	CHECK_INT(c.dones, 0); /* the pace holds */
	step_ms(149);
	CHECK_INT(c.dones, 0);
	step_ms(1); /* and then it is IPv6's turn */
	expect_win(&c, "127.0.0.41 cancelled, 127.0.0.61 ok");
	end_dialing();
}

TEST(with_all_addresses_used_up_the_pending_answer_is_waited_for)
{
	struct call c = {0};

	start_dialing(NULL);
	script_v6 = script_v4 = 1;
	refusing("127.0.0.41");
	answering("127.0.0.61");
	asks_both(&c);
	answers(DNS_A);
	step_ms(50);
	step_ms(300);
	CHECK_INT(c.dones, 0);
	numbered(question_of(DNS_AAAA));
	expect_win(&c, "127.0.0.41 refused, 127.0.0.61 ok");
	CHECK_INT(c.tried[1].began_ns, MS(350)); /* at once */
	end_dialing();
	/* the same, but an attempt hangs and its delay has run out */
	c = (struct call){0};
	start_dialing(NULL);
	hanging("127.0.0.41");
	answering("127.0.0.61");
	asks_both(&c);
	answers(DNS_A);
	step_ms(50);
	step_ms(250);
	numbered(question_of(DNS_AAAA));
	expect_win(&c, "127.0.0.41 cancelled, 127.0.0.61 ok");
	CHECK_INT(c.tried[1].began_ns, MS(300));
	end_dialing();
}

static void nobody(struct fake_question *q) { reply_flags(q, 0x8183); }
static void broken(struct fake_question *q) { reply_flags(q, 0x8182); }

TEST(a_failed_look_up_is_the_answer)
{
	struct call c = {0};

	start_dialing(nobody);
	port = 9;
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	CHECK(c.rc == -ZT_E_NONAME && c.n == 0 && c.fd == -1);
	dns[0].script = broken;
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 2);
	CHECK_INT(c.rc, -ZT_E_DNSFAIL);
	CHECK_INT(dial_to(&c, "nas.invalid"), 0);
	UNTIL(c.dones == 3);
	CHECK_INT(c.rc, -ZT_E_NONAME);
	dns[0].script = NULL;
	c.timeout_ns = MS(1500);
	CHECK_INT(dial_to(&c, "silent.ex"), 0);
	quiet();
	step_ms(1500);
	CHECK_INT(c.dones, 4);
	CHECK(c.rc == -ZT_E_TIMEOUT && c.n == 0);
	end_dialing();
}

TEST(addresses_may_be_forbidden)
{
	struct call c = {.denies = "127.0.0.61"};

	start_dialing(numbered);
	script_v6 = script_v4 = 1;
	answering("127.0.0.61");
	answering("127.0.0.41");
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	expect_win(&c, "127.0.0.61 denied, 127.0.0.41 ok");
	c = (struct call){.denies = "*"};
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	CHECK_INT(c.rc, -ZT_E_DENIED);
	CHECK_STR(record(&c), "127.0.0.61 denied, 127.0.0.41 denied");
	c = (struct call){.denies = "*"}; /* a literal is asked about, too */
	CHECK_INT(dial_to(&c, "127.0.0.41"), 0);
	UNTIL(c.dones == 1);
	CHECK_INT(c.rc, -ZT_E_DENIED);
	end_dialing();
}

TEST(attempts_are_bounded_and_both_families_get_their_share)
{
	struct call c = {0};
	char ip[32];

	start_dialing(numbered);
	script_v6 = script_v4 = 12;
	for (unsigned i = 1; i <= 12; i++) {
		snprintf(ip, sizeof ip, "127.0.0.%u", 60 + i);
		refusing(ip);
		snprintf(ip, sizeof ip, "127.0.0.%u", 40 + i);
		refusing(ip);
	}
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	CHECK_INT(c.rc, -ZT_E_REFUSED);
	CHECK_INT(c.n, DIAL_ATTEMPTS);
	for (size_t i = 0; i < c.n; i++)
		CHECK_INT(c.tried[i].to.ip[3], (i & 1 ? 41 : 61) + i / 2);
	end_dialing();
}

/* The kernel would ask again a whole second after the first time, then two, then four. */
TEST(who_waits_for_a_network_asks_again_and_again)
{
	struct call c = {.again_ns = MS(500)};
	int door;

	start_dialing(numbered);
	script_v6 = 0;
	script_v4 = 1;
	door = hanging("127.0.0.41");
	asks_both(&c);
	quiet();
	step_ms(500);
	step_ms(500);
	CHECK_INT(c.dones, 0);
	for (int fd; (fd = accept(door, NULL, NULL)) >= 0;) /* there is room again */
		places[places_n++] = fd;
	step_ms(500);
	expect_win(&c, "127.0.0.41 cancelled, 127.0.0.41 cancelled, 127.0.0.41 cancelled, 127.0.0.41 ok");
	CHECK_INT(c.tried[3].began_ns, MS(1500));
	end_dialing();
}

/* Three addresses: rows of the same one are given up for the same one, the oldest first; nobody is forgotten. */
TEST(asking_again_is_bounded_and_fair)
{
	static const uint8_t last[] = {61, 41, 42};
	struct call c = {.again_ns = MS(500), .timeout_ns = MS(20000)};

	start_dialing(numbered);
	script_v6 = 1;
	script_v4 = 2;
	hanging("127.0.0.61");
	hanging("127.0.0.41");
	refusing("127.0.0.42");
	asks_both(&c);
	quiet();
	for (unsigned i = 0; i < 79; i++)
		step_ms(250);
	CHECK_INT(c.dones, 0);
	CHECK(open_descriptors() < descriptors_before + 40);
	step_ms(250);
	CHECK_INT(c.rc, -ZT_E_TIMEOUT);
	CHECK_INT(c.n, DIAL_ATTEMPTS - DIAL_ATTEMPTS % 3);
	for (size_t i = 0; i < c.n; i++) {
		CHECK_INT(c.tried[i].to.ip[3], last[i % 3]);
		CHECK_INT(c.tried[i].err, i % 3 == 2 ? -ZT_E_REFUSED : -ZT_E_TIMEOUT);
		CHECK(c.tried[i].began_ns >= MS(20000) - 16 * MS(500));
	}
	end_dialing();
}

TEST(cancel_at_every_stage)
{
	for (int stage = 0; stage < 6; stage++) {
		struct call c = {0};

		start_dialing(NULL);
		script_v6 = script_v4 = 2;
		hanging("127.0.0.41");
		hanging("127.0.0.42");
		hanging("127.0.0.61");
		hanging("127.0.0.62");
		CHECK_INT(dial_to(&c, "nas.ex"), 0);
		if (stage >= 1) /* both questions are out */
			UNTIL(dns[0].n == 2);
		if (stage >= 2) /* in the resolution delay */
			numbered(question_of(DNS_A));
		quiet();
		if (stage >= 3) /* one attempt, the other answer still out */
			step_ms(50);
		if (stage >= 4) /* two attempts, all answers there */
			numbered(question_of(DNS_AAAA));
		quiet();
		if (stage >= 4)
			step_ms(250);
		if (stage >= 5)
			for (int i = 0; i < 4; i++)
				step_ms(250);
		dial_cancel(c.dial);
		CHECK_INT(bounds.row[BOUND_DIALS].used, 0);
		CHECK_INT(bounds.row[BOUND_DNS_QUERIES].used, 0);
		quiet();
		clock_fake_step(&now, 60 * NS_PER_S);
		quiet();
		CHECK_INT(c.dones, 0);
		end_dialing();
	}
}

TEST(done_may_cancel_another_dial_and_start_a_new_one)
{
	struct call a = {0}, b = {0};

	start_dialing(NULL);
	answering("127.0.0.1");
	hanging("127.0.0.2");
	CHECK_INT(dial_to(&b, "127.0.0.2"), 0);
	a.cancels = &b;
	a.then = "127.0.0.2";
	CHECK_INT(dial_to(&a, "127.0.0.1"), 0);
	UNTIL(a.dones == 1);
	close(a.fd);
	quiet();
	step_ms(9999);
	CHECK_INT(a.dones, 1);
	a.cancels = NULL;
	step_ms(1);
	CHECK(a.dones == 2 && a.rc == -ZT_E_TIMEOUT);
	CHECK_INT(b.dones, 0);
	a.cancels = &a; /* cancelling oneself from done() is nothing */
	CHECK_INT(dial_to(&a, "127.0.0.1"), 0);
	UNTIL(a.dones == 3);
	close(a.fd);
	end_dialing();
}

TEST(a_dialer_may_go_while_dials_run)
{
	struct call c[3] = {0};

	start_dialing(NULL);
	hanging("127.0.0.2");
	CHECK_INT(dial_to(&c[0], "127.0.0.2"), 0);
	CHECK_INT(dial_to(&c[1], "nas.ex"), 0);
	quiet();
	CHECK_INT(dial_to(&c[2], "127.0.0.2"), 0); /* not even begun */
	end_dialing();
	CHECK(c[0].dones == 0 && c[1].dones == 0 && c[2].dones == 0);
}

FLOODS(BOUND_DIALS)
{
	enum { CAP = BOUND_CAP(BOUND_DIALS) };
	struct call *c = calloc(CAP + 1, sizeof *c);

	net_raise_nofile();
	start_dialing(NULL);
	hanging("127.0.0.2");
	for (int i = 0; i < CAP; i++)
		CHECK_INT(dial_to(&c[i], "127.0.0.2"), 0);
	CHECK_INT(dial_to(&c[CAP], "127.0.0.2"), -ZT_E_FULL); /* at once */
	CHECK_INT(bounds.row[BOUND_DIALS].hits, 1);
	quiet();
	CHECK(open_descriptors() >= descriptors_before + CAP);
	step_ms(10000);
	for (int i = 0; i < CAP; i++)
		CHECK(c[i].dones == 1 && c[i].rc == -ZT_E_TIMEOUT && c[i].n == 1);
	CHECK_INT(dial_to(&c[CAP], "127.0.0.2"), 0); /* there is room again */
	dial_cancel(c[CAP].dial);
	end_dialing();
	free(c);
}
