/* conf_fault: order, bound, format, hostile bytes, and lack of memory. */
#include "decide/conf_fault.h"

#include <errno.h>

#include "base/bounds.h"
#include "tests/unit/unit.h"
#include "tests/unit/wrapio.h"

static struct conf_faults f;
static char text[131072];

static const char *print(void)
{
	struct wr w = wr_of(text, sizeof text - 1);

	conf_faults_print(&f, &w);
	CHECK(!w.full);
	text[w.n] = 0;
	return text;
}

TEST(the_format)
{
	conf_faults_init(&f);
	CHECK_STR(print(), "");
	conf_fault_add(&f, (struct conf_place){"a.conf", 12}, ZT_E_SYNTAX, "is %s", "bad");
	conf_warn_add(&f, (struct conf_place){"a.conf", 13}, "is %d", 5);
	conf_fault_add(&f, (struct conf_place){"b.conf", 0}, ZT_E_SYS, "gone");
	CHECK_STR(print(), "a.conf:12: is bad\na.conf:13: warning: is 5\nb.conf: gone\n");
	CHECK_INT(f.faults, 2);
	CHECK_INT(f.warnings, 1);
	CHECK_INT(f.first->err, ZT_E_SYNTAX);
	CHECK(!f.first->is_warning && f.first->next->is_warning);
	conf_faults_free(&f);
	CHECK(f.first == NULL && f.faults == 0);
}

TEST(warnings_do_not_crowd_out_faults)
{
	const unsigned cap = BOUND_CAP(BOUND_CONF_FAULTS);

	conf_faults_init(&f);
	for (unsigned i = 0; i < cap + 3; i++)
		conf_warn_add(&f, (struct conf_place){"w", i + 1}, "w");
	for (unsigned i = 0; i < cap + 1; i++)
		conf_fault_add(&f, (struct conf_place){"f", i + 1}, ZT_E_SYNTAX, "f");
	CHECK_INT(f.listed[0], cap);
	CHECK_INT(f.listed[1], cap);
	CHECK(strstr(print(), "\nf:64: f\n1 more faults and 3 more warnings are not shown\n") != NULL);
	conf_faults_free(&f);
}

TEST(hostile_bytes_do_not_reach_a_terminal)
{
	conf_faults_init(&f);
	conf_fault_add(&f, (struct conf_place){"a\x1b[2J\n.conf", 1}, ZT_E_SYNTAX, "%s", "x\r\ny\x7f\t");
	conf_fault_add(&f, (struct conf_place){"gr\xc3\xbcn", 2}, ZT_E_SYNTAX, "%s", "bad \xff\xc3\xbc");
	conf_fault_add(&f, (struct conf_place){"c", 3}, ZT_E_SYNTAX, "%s", "csi \xc2\x9b" "1m");
	print();
	CHECK(strstr(text, "a?[2J?.conf:1: x??y??\n") != NULL);
	CHECK(strstr(text, "gr\xc3\xbcn:2: bad ???\n") != NULL);
	CHECK(strstr(text, "\x9b") == NULL);
	conf_faults_free(&f);
}

TEST(a_long_text_is_cut)
{
	char longer[2000];

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = 0;
	conf_faults_init(&f);
	conf_fault_add(&f, (struct conf_place){longer, 1}, ZT_E_SYNTAX, "%s", longer);
	CHECK_INT(strlen(f.first->text), 479);
	CHECK_INT(strlen(f.first->file), 1999); /* where it is, is never cut */
	conf_faults_free(&f);
}

TEST(a_full_list_of_the_longest_paths_fits_its_memory)
{
	static char path[4096];

	memset(path, 'p', sizeof path - 1);
	conf_faults_init(&f);
	for (unsigned i = 0; i < 100; i++) {
		conf_fault_add(&f, (struct conf_place){path, 1}, ZT_E_SYNTAX, "%0479d", 1);
		conf_warn_add(&f, (struct conf_place){path, 1}, "%0479d", 1);
	}
	CHECK(!f.nomem);
	CHECK_INT(f.listed[0] + f.listed[1], 2 * BOUND_CAP(BOUND_CONF_FAULTS));
	conf_faults_free(&f);
}

TEST(without_memory_a_fault_still_counts)
{
	conf_faults_init(&f);
	wrap_reset();
	wrap_fail(WRAP_MALLOC, 1, ENOMEM, 1);
	conf_fault_add(&f, (struct conf_place){"a", 1}, ZT_E_SYNTAX, "x");
	wrap_reset();
	CHECK_INT(f.faults, 1);
	CHECK(f.nomem && f.first == NULL);
	conf_faults_free(&f);
}
