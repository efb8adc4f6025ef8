/*
 * config with the n-th allocation failing, for every n until none is left to fail: the answer
 * is "out of memory" and nothing else, nothing leaks (the sanitizer run says), nothing crashes,
 * and the next load in the same process is as if nothing had happened.
 */
#include <errno.h>

#include "decide/config.h"
#include "shapes.h"
#include "tests/unit/unit.h"
#include "tests/unit/wrapio.h"

#define MANY 200 /* far more allocations than any of these loads makes */

static struct conf_faults faults;

/* Enough for many chunks of every arena. */
static struct span big_text(void)
{
	static char mem[262144];
	struct wr w = wr_of(mem, sizeof mem);

	wr_str(&w, "[all]\nwords =\n");
	for (int i = 0; i < 64; i++)
		wr_fmt(&w, " %060d\n", i);
	wr_str(&w, "secret = hunter2\nsecrets = a, b\n[auth-gate]\nlisten = 127.0.0.1:1\n");
	for (int i = 0; i < 200; i++)
		wr_fmt(&w, "[host h%d]\naccess = %0150d\norigin = example.org:%d\nnames = a, b, c\n", i, i, i + 1);
	CHECK(!w.full);
	return wr_span(&w);
}

static int product(struct span text)
{
	struct conf *c;
	int rc;

	conf_faults_init(&faults);
	rc = conf_parse_text(&c, text, "t.conf", &faults);
	CHECK((rc == 0) == (c != NULL));
	conf_free(c);
	conf_faults_free(&faults);
	return rc;
}

static int everything(struct span text)
{
	uint8_t digest[SHA256_LEN];
	struct shapes s;
	int rc;

	conf_faults_init(&faults);
	rc = shapes_parse(&s, text, CONF_FOR_ALL, &faults);
	if (rc == 0)
		rc = conf_schema_digest(&shape_schema, &s, CONF_WHOLE, digest);
	shapes_free(&s);
	conf_faults_free(&faults);
	return rc;
}

/* Fails allocation 1, 2, 3 ... once each; answers how many there are. */
static unsigned each_fails(int (*load)(struct span), struct span text, int want)
{
	for (unsigned n = 1; n < MANY; n++) {
		int rc;

		wrap_reset();
		wrap_fail(WRAP_MALLOC, n, ENOMEM, 1);
		rc = load(text);
		if (wrap_count(WRAP_MALLOC) < n) {
			wrap_reset();
			CHECK_INT(rc, want);
			return n - 1;
		}
		CHECK_INT(rc, -ZT_E_NOMEM);
	}
	wrap_reset();
	unit_fail(__FILE__, __LINE__, "more than %d allocations", MANY);
	return 0;
}

TEST(a_good_text)
{
	/* The struct's arena, the build's, two digests; nothing here needs a second chunk. */
	CHECK(each_fails(product, SPAN_LIT("[echo]\nlisten = 127.0.0.1:1, [::1]:2\n"), 0) >= 4);
	CHECK_INT(product(SPAN_NONE), 0);
}

TEST(a_text_with_faults)
{
	CHECK(each_fails(product, SPAN_LIT("[echo]\nlisten = x\nidle = 5\n[nope]\n[log\n"), -ZT_E_CONFIG) >= 3);
}

TEST(a_text_of_many_sections_and_items)
{
	unsigned n = each_fails(everything, big_text(), 0);

	CHECK(n > 20);
	CHECK_INT(everything(big_text()), 0);
}

TEST(every_allocation_from_the_nth_on_fails)
{
	struct span text = big_text();

	for (unsigned n = 1; n < 30; n++) {
		wrap_reset();
		wrap_fail(WRAP_MALLOC, n, ENOMEM, 100000);
		CHECK_INT(everything(text), -ZT_E_NOMEM);
	}
	wrap_reset();
}
