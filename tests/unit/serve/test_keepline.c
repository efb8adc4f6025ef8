/* keepline: a worker's end; the test plays the keeper. What is believed, told once, kept for others, and how what
 * somebody brought gets to the keeper. */
#include "serve/keepline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/chan.h"
#include "io/spawn.h"
#include "tests/unit/serve/listkit.h"
#include "wire/ipc.h"

#define NOW INT64_C(1800000000)

struct stage {
	struct signs by;
	struct clock_fake clock;
	struct loop *loop;
	struct log log;
	struct keepline *k;
	int keeper; /* our end of the line */
	unsigned listed, told;
};

static void on_listed(void *ctx)
{
	((struct stage *)ctx)->listed++;
}
static void on_told(void *ctx, const struct keepmsg *m)
{
	((struct stage *)ctx)->told = m->type;
}
static const struct keepline_class cls = {on_listed, on_told};

static int64_t counter(const struct stage *s, const char *name)
{
	const struct status_limits stale = {STATUS_MAX_STALE, STATUS_CUT_STALE};
	uint8_t mem[512];
	struct wr w = wr_of(mem, sizeof mem);
	struct ipc_counter one;
	struct rd r;

	keepline_counters(s->k, &stale, &w);
	r = rd_of(wr_span(&w));
	while (ipc_read_counter(&r, &one) > 0)
		if (span_eq_str(one.name, name))
			return (int64_t)one.value;
	return -1;
}

static void turns(struct stage *s, uint64_t ms)
{
	clock_fake_step(&s->clock, ms * NS_PER_MS);
	for (unsigned i = 0; i < 6; i++)
		NEED(loop_turn(s->loop, 0) == 0);
}

static void line(struct stage *s)
{
	int ends[2];

	if (s->keeper >= 0)
		close(s->keeper);
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	s->keeper = ends[0];
	keepline_link(s->k, ends[1]);
}

static struct stage *start(void)
{
	struct stage *s = calloc(1, sizeof *s);
	struct why why = {0};

	if (s == NULL)
		abort();
	signs_make(&s->by, NOW);
	s->keeper = -1;
	clock_fake_init(&s->clock, 1000 * NS_PER_S, NOW * 1000);
	log_init(&s->log, &s->clock.clock, "test", "test");
	s->log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CHECK(loop_open(&s->loop, LOOP_BEST, &s->clock.clock) == 0);
	CHECK(keepline_new(&s->k, s->loop, &s->log, &cls, s) == 0);
	CHECK_INT(keepline_registry(s->k, span_str(s->by.pem), &why), 0);
	keepline_keep_lists(s->k);
	line(s);
	return s;
}

static void end(struct stage *s)
{
	keepline_stop(s->k);
	close(s->keeper);
	close(s->log.fd);
	loop_free(s->loop);
	keepline_free(s->k);
	free(s);
}

/* The keeper says LIST with these lists in one file. */
static void says(struct stage *s, uint64_t number, struct span lists)
{
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	struct why why = {0};
	int fd = sealed_text(lists, &why);

	NEED(fd >= 0);
	keepmsg_write(&w, &(struct keepmsg){.type = KEEP_LIST, .epoch = 1, .number = number});
	CHECK_INT(chan_send(s->keeper, wr_span(&w), &fd, 1), 0);
	close(fd);
	turns(s, 0);
}

static uint8_t chain_mem[8192];
static struct wr chain;

static void add(struct span list)
{
	wr_le32(&chain, (uint32_t)list.n);
	wr_put(&chain, list);
}
static void anew(void) { chain = wr_of(chain_mem, sizeof chain_mem); }

static void says_one(struct stage *s, uint64_t number, uint64_t base, unsigned entries)
{
	anew();
	add(signs_list(&s->by, 1, number, base, entries, STATUS_GOOD));
	says(s, number, wr_span(&chain));
}

/* 10 in full, and the two changes to 12. */
static void says_three(struct stage *s)
{
	anew();
	add(signs_list(&s->by, 1, 10, 0, 3, STATUS_GOOD));
	add(signs_list(&s->by, 1, 11, 10, 0, STATUS_GOOD));
	add(signs_list(&s->by, 1, 12, 11, 0, STATUS_GOOD));
	says(s, 12, wr_span(&chain));
}

/* What the worker has said: 0 nothing, else the type; the numbers of lists that it offers as "1 2 3". */
static char offered[200];
static unsigned heard(struct stage *s)
{
	uint8_t mem[KEEPMSG_MAX];
	int fds[CHAN_FDS];
	size_t nfds = 0, at = 0;
	ssize_t n = chan_recv(s->keeper, mem, sizeof mem, fds, &nfds);
	struct keepmsg m = {.type = (enum keepmsg_type)0};
	struct why why = {0};
	struct span all, list;
	struct statlist l;
	struct rd r;
	void *text;

	offered[0] = 0;
	if (n <= 0)
		return 0;
	CHECK_INT(keepmsg_read(span_of(mem, (size_t)n), 'w', &m), 0);
	CHECK_INT(nfds, m.type == KEEP_OFFER);
	if (nfds == 0)
		return m.type;
	CHECK(sealed_read(fds[0], 1 << 20, &all, &text, &why) == 0);
	r = rd_of(all);
	while (keepmsg_next_list(&r, &list) > 0 && statlist_read(&l, list, NULL) == 0)
		at += (size_t)snprintf(&offered[at], sizeof offered - at, "%s%llu", at ? " " : "", (unsigned long long)l.number);
	free(text);
	close(fds[0]);
	return m.type;
}

TEST(several_lists_at_once_are_told_once)
{
	struct stage *s = start();

	anew();
	add(signs_list(&s->by, 1, 10, 0, 3, STATUS_GOOD));
	add(signs_list(&s->by, 1, 11, 10, 1, STATUS_REVOKED));
	add(signs_list(&s->by, 1, 12, 11, 0, STATUS_GOOD));
	says(s, 12, wr_span(&chain));
	CHECK_INT(s->listed, 1); /* nobody may act on what lies between */
	CHECK_INT(counter(s, "lists"), 3);
	CHECK(keepline_view(s->k)->seen.number == 12 && counter(s, "list_number") == 12);
	says(s, 12, wr_span(&chain)); /* known: nothing is told */
	CHECK(s->listed == 1 && heard(s) == 0);
	end(s);
}

struct taken {
	char text[100];
	size_t n, most;
};
static bool take(void *ctx, struct span list)
{
	struct taken *t = ctx;
	struct statlist l;

	if (t->most == 0 || statlist_read(&l, list, NULL) < 0)
		return false;
	t->most--;
	t->n += (size_t)snprintf(&t->text[t->n], sizeof t->text - t->n, "%llu ", (unsigned long long)l.number);
	return true;
}

TEST(lists_are_passed_on_in_order_and_gone_on_with)
{
	struct stage *s = start();
	struct keepline_said seen = {0};
	struct taken t = {.most = 2};

	says_three(s);
	keepline_each_list(s->k, &seen, take, &t); /* whose queue is full after two */
	CHECK_STR(t.text, "10 11 ");
	CHECK_INT(seen.seen.number, 11);
	t.most = 9;
	keepline_each_list(s->k, &seen, take, &t);
	keepline_each_list(s->k, &seen, take, &t);
	CHECK_STR(t.text, "10 11 12 ");
	says_one(s, 20, 0, 1);
	keepline_each_list(s->k, &seen, take, &t);
	CHECK_STR(t.text, "10 11 12 20 ");
	end(s);
}

TEST(a_full_list_takes_the_place_of_the_changes_that_led_to_it)
{
	struct stage *s = start();
	struct keepline_said seen = {0}, fresh = {0};
	struct taken t = {.most = 9};

	says_three(s);
	keepline_each_list(s->k, &seen, take, &t);
	anew();
	add(signs_list(&s->by, 1, 11, 0, 3, STATUS_GOOD)); /* of what was before: not that */
	says(s, 12, wr_span(&chain));
	keepline_each_list(s->k, &seen, take, &t);
	CHECK_STR(t.text, "10 11 12 ");
	CHECK_INT(s->listed, 1);
	says_one(s, 12, 0, 3);
	CHECK_INT(counter(s, "lists"), 3); /* it is nothing new */
	CHECK_INT(s->listed, 2); /* but shorter, also for who was told the changes; once */
	keepline_each_list(s->k, &seen, take, &t);
	keepline_each_list(s->k, &seen, take, &t);
	CHECK_STR(t.text, "10 11 12 12 ");
	says_one(s, 13, 12, 0);
	keepline_each_list(s->k, &seen, take, &t);
	keepline_each_list(s->k, &fresh, take, &t);
	CHECK_STR(t.text, "10 11 12 12 13 12 13 ");
	end(s);
}

TEST(a_silent_keeper_is_offered_everything_and_one_that_speaks_what_it_lacks)
{
	struct stage *s = start();

	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 11, 10, 0, STATUS_GOOD)), -ZT_E_NOTFOUND);
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 10, 0, 2, STATUS_GOOD)), 0);
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 11, 10, 0, STATUS_GOOD)), 0);
	turns(s, 1);
	CHECK_INT(heard(s), 0); /* more may come */
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 12, 11, 0, STATUS_GOOD)), 0);
	turns(s, 100);
	CHECK_INT(heard(s), KEEP_OFFER);
	CHECK_STR(offered, "10 11 12");
	CHECK(!keepline_view(s->k)->known); /* believed when the keeper says so */
	turns(s, 5100); /* it does not: once more */
	CHECK_INT(heard(s), KEEP_OFFER);
	says_one(s, 12, 0, 2);
	turns(s, 10000);
	CHECK_INT(heard(s), 0);
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 13, 12, 0, STATUS_GOOD)), 0);
	turns(s, 1); /* at once */
	CHECK_INT(heard(s), KEEP_OFFER);
	CHECK_STR(offered, "13");
	line(s); /* another keeper, which knows nothing */
	turns(s, 100);
	CHECK_INT(heard(s), KEEP_OFFER);
	CHECK_STR(offered, "10 11 12 13");
	end(s);
}

/* A tunnel that lives for weeks brings a change every 15 seconds. */
TEST(what_was_brought_is_kept_no_longer_than_until_a_full_list)
{
	struct stage *s = start();

	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 10, 0, 2, STATUS_GOOD)), 0);
	for (uint64_t i = 11; i < 30; i++)
		CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, i, i - 1, 0, STATUS_GOOD)), 0);
	turns(s, 100);
	CHECK_INT(heard(s), KEEP_OFFER);
	says_one(s, 29, 0, 2);
	turns(s, 10000);
	CHECK_INT(heard(s), 0);
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 28, 0, 2, STATUS_GOOD)), 0); /* older: passed over */
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 29, 0, 2, STATUS_GOOD)), 0);
	turns(s, 1);
	CHECK_INT(heard(s), KEEP_OFFER); /* to the keeper too, once: it keeps the same changes */
	CHECK_STR(offered, "29");
	turns(s, 10000);
	CHECK_INT(heard(s), 0);
	line(s); /* another keeper, which knows nothing */
	turns(s, 100);
	CHECK_INT(heard(s), KEEP_OFFER);
	CHECK_STR(offered, "29");
	end(s);
}

TEST(what_is_known_is_not_offered_and_what_is_not_signed_is_refused)
{
	struct stage *s = start();
	struct signs other;
	uint8_t mem[1000];
	struct span list;

	signs_make(&other, NOW);
	CHECK_INT(keepline_offer(s->k, signs_list(&other, 1, 10, 0, 2, STATUS_GOOD)), -ZT_E_DENIED);
	CHECK_INT(keepline_offer(s->k, SPAN_LIT("ztstatl1")), -ZT_E_SYNTAX);
	CHECK_INT(keepline_offer(s->k, SPAN_NONE), -ZT_E_SYNTAX);
	list = signs_list(&s->by, 1, 10, 0, 2, STATUS_GOOD);
	for (size_t i = 0; i < list.n; i++) { /* every byte of it turned */
		memcpy(mem, list.p, list.n);
		mem[i] ^= 1;
		CHECK(keepline_offer(s->k, span_of(mem, list.n)) < 0);
	}
	turns(s, 100);
	CHECK_INT(heard(s), 0);
	CHECK_INT(keepline_offer(s->k, list), 0);
	CHECK_INT(keepline_offer(s->k, list), 0);
	CHECK_INT(keepline_offer(s->k, signs_list(&s->by, 1, 9, 0, 2, STATUS_GOOD)), 0); /* older: passed over */
	turns(s, 100);
	CHECK_INT(heard(s), KEEP_OFFER);
	CHECK_STR(offered, "10");
	end(s);
}

TEST(another_authority_forgets_everything)
{
	struct stage *s = start();
	struct signs other;
	struct why why = {0};
	struct keepline_said seen = {0};
	struct taken t = {.most = 9};

	says_one(s, 10, 0, 3);
	CHECK(keepline_view(s->k)->known);
	signs_make(&other, NOW);
	CHECK_INT(keepline_registry(s->k, span_str(other.pem), &why), 0);
	CHECK(!keepline_view(s->k)->known && heard(s) == KEEP_WHOLE);
	keepline_each_list(s->k, &seen, take, &t);
	CHECK_STR(t.text, "");
	says(s, 10, wr_span(&chain)); /* not signed by this one: asked for once, not for ever */
	CHECK(!keepline_view(s->k)->known && s->listed == 1);
	turns(s, 100);
	CHECK_INT(heard(s), 0);
	end(s);
}

TEST(a_keeper_that_says_nonsense_is_not_listened_to)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {{"\1\1\0\0", 4}, {"\x10\1\0\0", 4}, {"\x11\1\0\0", 4}, {"\3\1\0\0x", 5}, {"\1\1\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 20}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct stage *s = start();
		char c;

		CHECK_INT(chan_send(s->keeper, span_of(bad[i].bytes, bad[i].n), NULL, 0), 0);
		turns(s, 0);
		CHECK_INT(recv(s->keeper, &c, 1, 0), 0); /* it has hung up */
		end(s);
	}
}

TEST(what_else_it_says_is_told)
{
	struct stage *s = start();
	const struct keepmsg good = {.type = KEEP_IDENTITY, .not_after = NOW};
	uint8_t mem[KEEPMSG_MAX];
	struct wr w = wr_of(mem, sizeof mem);

	CHECK_INT(chan_send(s->keeper, SPAN_LIT("\4\1\0\0"), NULL, 0), 0);
	turns(s, 0);
	CHECK_INT(s->told, KEEP_STUCK);
	CHECK_INT(counter(s, "identity_stuck"), 1);
	CHECK_INT(chan_send(s->keeper, SPAN_LIT("\3\1\0\0"), NULL, 0), 0);
	turns(s, 0);
	CHECK_INT(s->told, KEEP_ANCHORS);
	CHECK_INT(counter(s, "identity_stuck"), 1); /* they change nothing about it */
	keepmsg_write(&w, &good);
	CHECK_INT(chan_send(s->keeper, wr_span(&w), NULL, 0), 0);
	turns(s, 0);
	CHECK_INT(counter(s, "identity_stuck"), 0);
	end(s);
}
