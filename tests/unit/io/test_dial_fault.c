/* The race when the kernel or the allocator says no, at every call in turn. */
#include "dial_kit.h"

#include "tests/unit/wrapio.h"

/* Fail the n-th call for n = 1, 2, …, until a dial gets through without meeting it. Two places
 * answer, so one failed attempt costs nothing but a row in the record. */
static unsigned at_every_call(enum wrap_call call, int sys)
{
	bool clean = false;
	unsigned nth;

	for (nth = 1; nth < 60 && !clean; nth++) {
		struct call c = {.timeout_ns = 30 * NS_PER_S};
		unsigned met;
		int rc;

		start_dialing(numbered);
		script_v6 = script_v4 = 1;
		answering("127.0.0.61");
		answering("127.0.0.41");
		wrap_reset();
		wrap_fail(call, nth, sys, 1);
		rc = dial_to(&c, "nas.ex");
		for (int i = 0; rc == 0 && i < 60 && !c.dones; i++) {
			turns(8, 0);
			clock_fake_step(&now, NS_PER_S / 2);
		}
		met = wrap_count(call);
		wrap_reset();
		if (rc < 0)
			CHECK(rc == -ZT_E_NOMEM || rc == -ZT_E_FULL);
		else
			CHECK_INT(c.dones, 1);
		if (rc == 0 && c.rc == 0)
			close(c.fd);
		clean = met < nth;
		if (clean)
			CHECK_STR(record(&c), "127.0.0.61 ok");
		end_dialing();
	}
	CHECK(clean);
	return nth - 2;
}

TEST(no_memory_at_any_allocation)
{
	/* chunks of dials and queries, two asks, the cache's chunk, a leg */
	CHECK(at_every_call(WRAP_MALLOC, ENOMEM) >= 6);
}

TEST(no_descriptor_at_any_socket)
{
	CHECK_INT(at_every_call(WRAP_SOCKET, EMFILE), 3);
}

TEST(connect_fails_at_any_call)
{
	CHECK_INT(at_every_call(WRAP_CONNECT, ENETUNREACH), 3);
}

TEST(without_a_route_the_next_address_goes_at_once_and_tells_more)
{
	struct call c = {0};

	start_dialing(numbered);
	script_v6 = script_v4 = 1;
	refusing("127.0.0.41");
	wrap_reset();
	wrap_fail(WRAP_CONNECT, 3, ENETUNREACH, 1); /* after those of the two questions */
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	wrap_reset();
	CHECK_INT(c.rc, -ZT_E_REFUSED); /* not "no route", which is how .61 ended */
	CHECK_INT(c.took_ns, 0);
	CHECK_STR(record(&c), "127.0.0.61 unreachable, 127.0.0.41 refused");
	end_dialing();
	/* when nothing has a route, that is the answer */
	c = (struct call){0};
	start_dialing(numbered);
	script_v6 = 2;
	port = 9;
	wrap_reset();
	wrap_fail(WRAP_CONNECT, 3, ENETUNREACH, 3); /* after those of the two questions */
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	wrap_reset();
	CHECK_INT(c.rc, -ZT_E_UNREACHABLE);
	CHECK_INT(c.n, 3);
	end_dialing();
}

TEST(without_descriptors_every_attempt_says_so)
{
	struct call c = {0};

	start_dialing(numbered);
	port = 9;
	script_v6 = script_v4 = 1;
	wrap_reset();
	wrap_fail(WRAP_SOCKET, 3, EMFILE, 100); /* after those of the two questions */
	CHECK_INT(dial_to(&c, "nas.ex"), 0);
	UNTIL(c.dones == 1);
	wrap_reset();
	CHECK_INT(c.rc, -ZT_E_NOFILES);
	CHECK_STR(record(&c), "127.0.0.61 no-descriptors, 127.0.0.41 no-descriptors");
	end_dialing();
}
