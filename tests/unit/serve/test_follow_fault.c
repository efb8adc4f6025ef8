/* follow, and lists that came another way than from the authority: taken by the same rules, told when their number is
 * on disk, and told again when it was not. The authority is nobody: whatever dials it is refused; what it would have
 * sent is given to lists_take(). */
#include "serve/follow_int.h"

#include <errno.h>
#include <stdlib.h>

#include "io/resolve.h"
#include "tests/unit/serve/identity_kit.h"
#include "tests/unit/serve/listkit.h"
#include "tests/unit/wrapio.h"
#include "wire/keepmsg.h"

#define CHAIN 6

struct stage {
	struct gk gk;
	struct signs by, stranger;
	struct clock_fake clock;
	struct bounds bounds;
	struct loop *loop;
	struct resolver *resolver;
	struct dialer *dialer;
	struct log log;
	struct follow *f;
	char path[512], told[200]; /* the numbers that were told: "5 6 " */
	int dir;
	unsigned stuck;
	uint8_t mem[8192];
	struct wr lists;
};

static void on_list(void *ctx, struct span list)
{
	struct stage *s = ctx;
	struct statlist l = {0};
	size_t n = strlen(s->told);

	CHECK_INT(statlist_read(&l, list, NULL), 0);
	snprintf(s->told + n, sizeof s->told - n, "%u ", (unsigned)l.number);
}
static void on_nothing(void *ctx)
{
	(void)ctx;
}
static void on_stuck(void *ctx, const struct why *why)
{
	(void)why;
	((struct stage *)ctx)->stuck++;
}
static const struct follow_class cls = {on_list, on_nothing, on_nothing, on_stuck, NULL};

/* As after a start: what was known is gone, what is on disk is read. */
static void begin(struct stage *s)
{
	const struct follow_opts o = {.loop = s->loop, .log = &s->log, .dialer = s->dialer, .dirfd = s->dir, .shown = "identity",
				      .cls = &cls, .ctx = s};
	struct why why = {0};

	follow_stop(s->f);
	follow_free(s->f);
	s->told[0] = 0;
	s->stuck = 0;
	NEED(follow_new(&s->f, &o, &why) == 0);
}
static void go(struct stage *s)
{
	follow_go(s->f);
	for (unsigned i = 0; i < 4; i++)
		CHECK_INT(loop_turn(s->loop, 0), 0);
}

static struct stage *start(void)
{
	const struct identity_where where = {.n = 1, .addr = {"127.0.0.1:1"}};
	struct stage *s = calloc(1, sizeof *s);
	struct why why = {0};

	if (s == NULL)
		abort();
	wrap_reset();
	gk_make(&s->gk);
	s->by = (struct signs){.key = s->gk.registry.key, .now = GRANT_NOW};
	signs_make(&s->stranger, GRANT_NOW);
	s->dir = ik_dir(s->path, sizeof s->path, "follow");
	CHECK_INT(ik_store(&s->gk, s->dir, s->path, ROLE_EDGE, &why), 0);
	CHECK_INT(identity_write_where(s->dir, s->path, &where, &why), 0);
	clock_fake_init(&s->clock, 1000 * NS_PER_S, GRANT_NOW * 1000);
	log_init(&s->log, &s->clock.clock, "test", "test");
	s->log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bounds_init(&s->bounds);
	CHECK_INT(loop_open(&s->loop, LOOP_BEST, &s->clock.clock), 0);
	CHECK_INT(resolver_new(&s->resolver, s->loop, &s->bounds), 0);
	CHECK_INT(dialer_new(&s->dialer, s->loop, s->resolver, &s->bounds), 0);
	begin(s);
	return s;
}

static void end(struct stage *s)
{
	wrap_reset();
	follow_stop(s->f);
	dialer_free(s->dialer);
	resolver_free(s->resolver);
	loop_free(s->loop);
	follow_free(s->f);
	close(s->log.fd);
	close(s->dir);
	free(s);
}

/* What is offered next. */
static void anew(struct stage *s) { s->lists = wr_of(s->mem, sizeof s->mem); }
static void add(struct stage *s, struct span list)
{
	wr_le32(&s->lists, (uint32_t)list.n);
	wr_put(&s->lists, list);
}
static int offer(struct stage *s)
{
	struct why why = {0};

	return follow_offer(s->f, wr_span(&s->lists), &why);
}
static int offer_one(struct stage *s, struct span list)
{
	anew(s);
	add(s, list);
	return offer(s);
}
static struct span full(struct stage *s, uint64_t number) { return signs_list(&s->by, 1, number, 0, 2, STATUS_GOOD); }
static struct span delta(struct stage *s, uint64_t number)
{
	return signs_list(&s->by, 1, number, number - 1, 1, number % 2 ? STATUS_REVOKED : STATUS_GOOD);
}
/* A list of our own certificate alone. */
static struct span of_us(struct stage *s, uint64_t number, enum status_state state)
{
	const struct statlist l = {.kind = STATLIST_FULL, .epoch = 1, .number = number, .issued = GRANT_NOW, .n = 1};
	struct status_entry e = {.what = STATUS_CERT, .state = (uint8_t)state, .key = {2, 2}};
	struct wr w = wr_of(s->by.bytes, sizeof s->by.bytes);

	statlist_write_head(&w, &l);
	statlist_write_entry(&w, &e);
	CHECK_INT(statlist_seal(&w, 0, &s->by.key), 0);
	return wr_span(&w);
}

static uint64_t on_disk(struct stage *s)
{
	struct status_seen seen;
	struct why why = {0};

	CHECK_INT(identity_read_seen(s->dir, s->path, &seen, &why), 0);
	return seen.number;
}
static struct follow_stats stats(struct stage *s)
{
	struct follow_stats out;

	follow_stats(s->f, &out);
	return out;
}

TEST(nothing_is_taken_before_an_identity_was_read)
{
	struct stage *s = start();

	CHECK_INT(offer_one(s, full(s, 5)), -ZT_E_AGAIN);
	CHECK_STR(s->told, "");
	go(s);
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	CHECK_STR(s->told, "5 ");
	CHECK_INT(on_disk(s), 5);
	CHECK(stats(s).known && stats(s).number == 5 && stats(s).entries == 2);
	end(s);
}

TEST(what_is_known_or_does_not_fit_is_passed_over)
{
	struct stage *s = start();

	go(s);
	CHECK_INT(offer_one(s, delta(s, 5)), 0); /* changes what did not come */
	CHECK(!stats(s).known);
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	CHECK_INT(offer_one(s, full(s, 4)), 0);
	CHECK_INT(offer_one(s, delta(s, 8)), 0);
	CHECK_STR(s->told, "5 5 "); /* a full one, which takes less room than what led there */
	anew(s);
	for (uint64_t n = 4; n < 9; n++) /* from before what is known to beyond it */
		add(s, delta(s, n));
	CHECK_INT(offer(s), 0);
	CHECK_STR(s->told, "5 5 6 7 8 ");
	CHECK_INT(on_disk(s), 8);
	CHECK_INT(stats(s).refused, 0);
	end(s);
}

static int from_authority(struct stage *s, struct span list)
{
	struct why why = {0};

	return lists_take(s->f, list, &why);
}

/* Who was asked for the whole list, because the changes had become long, sends that of a number that is known. */
TEST(a_whole_list_is_told_again_though_it_is_no_news)
{
	struct stage *s = start();

	go(s);
	CHECK_INT(from_authority(s, full(s, 5)), 0);
	CHECK_INT(from_authority(s, delta(s, 6)), 0);
	CHECK_INT(from_authority(s, full(s, 6)), 0);
	CHECK_STR(s->told, "5 6 6 ");
	CHECK_INT(from_authority(s, delta(s, 6)), 0); /* changes are in no shorter form */
	CHECK_STR(s->told, "5 6 6 ");
	CHECK(stats(s).lists == 2 && stats(s).refused == 0);
	CHECK_INT(from_authority(s, full(s, 4)), -ZT_E_DENIED); /* it has to know better than any peer */
	CHECK_STR(s->told, "5 6 6 ");
	CHECK_INT(stats(s).refused, 1);
	end(s);
}

TEST(what_no_authority_signed_is_refused)
{
	struct stage *s = start();

	go(s);
	CHECK_INT(offer_one(s, signs_list(&s->stranger, 1, 5, 0, 1, STATUS_GOOD)), -ZT_E_DENIED);
	CHECK(!stats(s).known && on_disk(s) == 0);
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	CHECK_INT(offer_one(s, signs_list(&s->stranger, 1, 6, 5, 1, STATUS_REVOKED)), -ZT_E_DENIED);
	CHECK_STR(s->told, "5 ");
	CHECK_INT(on_disk(s), 5);
	CHECK_INT(stats(s).refused, 2);
	s->lists.n--; /* half a list behind a whole one */
	CHECK_INT(offer(s), -ZT_E_SYNTAX);
	end(s);
}

/* A worker that sends no list at all: before anything is known, as behind that. */
TEST(what_is_no_list_is_malformed)
{
	struct stage *s = start();

	go(s);
	anew(s);
	CHECK_INT(offer(s), -ZT_E_SYNTAX);
	wr_le32(&s->lists, 100);
	CHECK_INT(offer(s), -ZT_E_SYNTAX);
	CHECK_INT(stats(s).refused, 0); /* nobody's signature was looked at */
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	anew(s);
	wr_le32(&s->lists, 100);
	CHECK_INT(offer(s), -ZT_E_SYNTAX);
	end(s);
}

/* Only all of them together lead beyond what was seen. */
TEST(after_a_restart_only_a_chain_to_what_was_seen_counts)
{
	struct stage *s = start();

	go(s);
	anew(s);
	add(s, full(s, 5));
	for (uint64_t n = 6; n < 5 + CHAIN; n++)
		add(s, delta(s, n));
	CHECK_INT(offer(s), 0);
	CHECK_INT(on_disk(s), 4 + CHAIN);
	begin(s);
	go(s);
	CHECK_INT(offer_one(s, full(s, 5)), 0);
	CHECK(!stats(s).known && s->told[0] == 0);
	CHECK_INT(on_disk(s), 4 + CHAIN);
	anew(s);
	add(s, full(s, 5));
	for (uint64_t n = 6; n < 5 + CHAIN; n++)
		add(s, delta(s, n));
	CHECK_INT(offer(s), 0);
	CHECK_STR(s->told, "5 6 7 8 9 10 ");
	CHECK(stats(s).known && stats(s).number == 4 + CHAIN);
	end(s);
}

TEST(our_own_end_is_heard_this_way_too)
{
	struct stage *s = start();

	go(s);
	CHECK_INT(offer_one(s, of_us(s, 5, STATUS_GOOD)), 0);
	CHECK_INT(s->stuck, 0);
	CHECK_INT(offer_one(s, of_us(s, 6, STATUS_REVOKED)), 0);
	CHECK_INT(s->stuck, 1);
	CHECK_STR(s->told, "5 6 "); /* the workers have to know */
	end(s);
}

/* One whose number could not be written is not told, and is taken when it is offered again. */
static void comes_again(bool first)
{
	struct stage *s = start();

	go(s);
	if (!first)
		CHECK_INT(offer_one(s, full(s, 6)), 0);
	s->told[0] = 0;
	wrap_fail(WRAP_RENAME, 1, ENOSPC, 1);
	CHECK(offer_one(s, first ? full(s, 7) : delta(s, 7)) < 0);
	CHECK_STR(s->told, "");
	CHECK_INT(on_disk(s), first ? 0 : 6);
	CHECK_INT(offer_one(s, first ? full(s, 7) : delta(s, 7)), 0);
	CHECK_STR(s->told, "7 ");
	CHECK_INT(on_disk(s), 7);
	end(s);
}
TEST(the_first_list_comes_again_after_a_full_disk) { comes_again(true); }
TEST(a_change_comes_again_after_a_full_disk) { comes_again(false); }
