/* The resolver when the kernel or the allocator says no, at every call in turn. */
#include "resolve_kit.h"

#include "tests/unit/wrapio.h"

static void tcp_only(struct fake_question *q)
{
	if (q->conn)
		both_families(q);
	else
		reply_flags(q, 0x8380);
}

/* The fake server shares the process, so its calls are counted too: a fault may hit either
 * side. What must hold is that the look-up ends, and with one of the results that it may have. */
static void must_end(struct ask *a)
{
	for (int i = 0; i < 40 && !resolve_finished(&a->q); i++) {
		turns(8, 0);
		clock_fake_step(&now, NS_PER_S);
	}
	CHECK(resolve_finished(&a->q));
}

static bool one_of(int rc, const int *set, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (set[i] == rc)
			return true;
	return false;
}

/* Fail the n-th call for n = 1, 2, …, until the look-up gets through without meeting it. */
static unsigned at_every_call(enum wrap_call call, int sys, void (*script)(struct fake_question *q))
{
	static const int fine[] = {0, -ZT_E_DNSFAIL, -ZT_E_TIMEOUT, -ZT_E_NOMEM, -ZT_E_NOFILES};
	unsigned clean = 0, nth;

	for (nth = 1; nth < 100 && !clean; nth++) {
		struct ask a = {0};
		unsigned met;
		int rc;

		start(1, true, script);
		wrap_reset();
		wrap_fail(call, nth, sys, 1);
		rc = look(&a, "nas.ex");
		if (rc == 0)
			must_end(&a);
		met = wrap_count(call);
		wrap_reset();
		if (rc < 0) {
			CHECK(rc == -ZT_E_NOMEM || rc == -ZT_E_FULL);
		} else {
			CHECK(one_of(a.q.part[0].rc, fine, ARRAY_LEN(fine)));
			CHECK(one_of(a.q.part[1].rc, fine, ARRAY_LEN(fine)));
		}
		if (met < nth) {
			CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
			clean = 1;
		}
		end(); /* and nothing is left behind: the bounds are at 0, the sanitizer sees the rest */
	}
	CHECK(clean);
	return nth - 2; /* so many calls were made to fail */
}

TEST(no_memory_at_any_allocation)
{
	/* the chunk of queries, two asks, the cache's chunk */
	CHECK(at_every_call(WRAP_MALLOC, ENOMEM, both_families) >= 4);
	/* and over TCP two more asks, two replies, the fake server's two connections */
	CHECK(at_every_call(WRAP_MALLOC, ENOMEM, tcp_only) >= 8);
}

TEST(no_socket_at_any_call)
{
	CHECK_INT(at_every_call(WRAP_SOCKET, ENOMEM, both_families), 2);
	CHECK_INT(at_every_call(WRAP_SOCKET, EMFILE, tcp_only), 4);
}

TEST(connect_fails_at_any_call)
{
	CHECK_INT(at_every_call(WRAP_CONNECT, ENETUNREACH, both_families), 2);
	CHECK_INT(at_every_call(WRAP_CONNECT, ECONNREFUSED, tcp_only), 4);
	CHECK_INT(at_every_call(WRAP_CONNECT, EINTR, tcp_only), 4);
}

TEST(send_fails_at_any_call)
{
	/* two questions, two replies of the fake server; TCP: as many more. Its own TCP replies
	 * are sent blindly and are not made to fail. */
	for (unsigned nth = 1; nth <= 2; nth++) {
		struct ask a = {0};

		start(1, true, both_families);
		wrap_reset();
		wrap_fail(WRAP_SEND, nth, nth == 1 ? EPERM : ENOBUFS, 1);
		CHECK_INT(look(&a, "nas.ex"), 0);
		must_end(&a);
		CHECK_PARTS(a, "2001:db8::1", "192.0.2.1"); /* the second round got it */
		wrap_reset();
		end();
	}
}

TEST(without_descriptors_it_says_so_at_once)
{
	struct ask a = {0};

	start(2, true, both_families);
	wrap_reset();
	wrap_fail(WRAP_SOCKET, 1, EMFILE, 1000);
	CHECK_INT(look(&a, "nas.ex"), 0);
	turns(3, 0); /* the clock stands still */
	CHECK_PARTS(a, "no-descriptors", "no-descriptors");
	CHECK_INT(resolve_verdict(&a.q), -ZT_E_NOFILES);
	CHECK_INT(wrap_count(WRAP_SOCKET), 2); /* no use in trying the other server */
	wrap_reset();
	CHECK_INT(look(&a, "nas.ex"), 0); /* nor is it remembered, nor a server blamed */
	UNTIL(a.updates == 4);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK_INT(dns[0].n, 2);
	end();
}

TEST(one_byte_at_a_time_both_ways)
{
	struct ask a = {0};

	start(1, true, tcp_only);
	wrap_reset();
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(dns[0].conns == 2); /* the datagrams are through: they cannot come in pieces */
	wrap_short(WRAP_RECV, 1);
	wrap_short(WRAP_SEND, 1);
	UNTIL(a.updates == 2);
	CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
	CHECK(wrap_count(WRAP_RECV) > 100);
	wrap_reset();
	end();
}

TEST(interrupted_calls_are_repeated)
{
	static const enum wrap_call calls[] = {WRAP_RECV, WRAP_SEND};

	for (size_t c = 0; c < ARRAY_LEN(calls); c++) {
		for (unsigned nth = 1; nth < 12; nth++) {
			struct ask a = {0};

			start(1, true, tcp_only);
			CHECK_INT(look(&a, "nas.ex"), 0);
			UNTIL(dns[0].conns == 2);
			wrap_reset();
			if (calls[c] == WRAP_RECV || nth <= 2) /* the third send is the fake server's */
				wrap_fail(calls[c], nth, EINTR, calls[c] == WRAP_RECV ? 3 : 1);
			must_end(&a);
			wrap_reset();
			if (calls[c] == WRAP_SEND)
				CHECK_PARTS(a, "2001:db8::1", "192.0.2.1");
			end();
		}
	}
}

TEST(a_reload_without_memory_changes_nothing)
{
	struct ask a = {0};

	start(1, true, both_families);
	CHECK_INT(resolver_configure(resolver, &conf, SPAN_LIT("10.0.0.1 kept")), 0);
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	CHECK_INT(resolver_configure(resolver, &(struct resolvconf){0}, SPAN_LIT("10.0.0.2 kept")), -ZT_E_NOMEM);
	wrap_reset();
	CHECK_INT(look(&a, "kept"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.1");
	CHECK_INT(look(&a, "nas.ex"), 0);
	UNTIL(a.updates == 2);
	CHECK_INT(dns[0].n, 2);
	end();
}

TEST(a_resolver_that_cannot_be_made)
{
	struct resolver *r = NULL;

	bounds_init(&bounds);
	for (unsigned nth = 1; nth <= 3; nth++) { /* itself, the cache, the cache's table */
		wrap_reset();
		wrap_fail(WRAP_MALLOC, nth, ENOMEM, 1);
		CHECK_INT(resolver_new(&r, NULL, &bounds), -ZT_E_NOMEM);
		CHECK(r == NULL);
	}
	wrap_reset();
}
