/* hosts(5): which lines speak, which names match, in which order, and the bound. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/bounds.h"
#include "base/err.h"
#include "base/num.h"
#include "wire/hostsfile.h"

static const char *found(const char *text, const char *name)
{
	static char out[512];
	struct wr w = wr_of(out, sizeof out - 1);
	struct addr list[8];
	size_t n = hosts_find(span_str(text), span_str(name), list, ARRAY_LEN(list));

	for (size_t i = 0; i < n; i++) {
		if (i)
			wr_u8(&w, ' ');
		addr_write_ip(&w, &list[i]);
	}
	out[w.n] = 0;
	return out;
}

TEST(a_usual_file)
{
	static const char text[] = "127.0.0.1\tlocalhost\n"
				   "::1     localhost ip6-localhost\n"
				   "# 10.9.9.9 nas\n"
				   "\n"
				   "192.168.1.5  nas.example.com nas # the big one\n"
				   "2001:db8::5\tNAS.example.com\n"
				   "192.168.1.5 nas\n"
				   "192.168.1.6 nas\r\n"
				   "   192.168.1.7   printer";

	CHECK_STR(found(text, "localhost"), "127.0.0.1 ::1");
	CHECK_STR(found(text, "nas"), "192.168.1.5 192.168.1.6"); /* each once */
	CHECK_STR(found(text, "NAS.Example.com"), "192.168.1.5 2001:db8::5");
	CHECK_STR(found(text, "printer"), "192.168.1.7"); /* no newline at the end */
	CHECK_STR(found(text, "big"), "");
	CHECK_STR(found(text, "example.com"), "");
	CHECK_STR(found(text, "192.168.1.5"), "");
	CHECK_STR(found("", "nas"), "");
	CHECK_STR(found("\n\n\n", "nas"), "");
}

TEST(lines_that_say_nothing)
{
	static const char *const silent[] = {
		"nas 10.0.0.1", "10.0.0.256 nas", "10.0.0.01 nas", "fe80::1%lo0 nas", "10.0.0.1", "10.0.0.1 # nas",
		"#10.0.0.1 nas", "10.0.0.1/8 nas", "10.0.0.1,nas", "[::1] nas", "10.0.0.1 nas.",
	};
	struct span names;
	struct addr ip;

	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		if (found(silent[i], "nas")[0])
			unit_fail(__FILE__, __LINE__, "\"%s\" spoke", silent[i]);
	CHECK_STR(found("10.0.0.1#x nas\n", "nas"), "");      /* the name is in the comment */
	CHECK_STR(found("10.0.0.1 nas#x\n", "nas"), "10.0.0.1"); /* '#' anywhere */
	CHECK_STR(found("10.0.0.256 nas\n10.0.0.2 nas\n", "nas"), "10.0.0.2"); /* junk hides nothing */
	CHECK(hosts_line(SPAN_LIT("::ffff:10.0.0.1 a b"), &ip, &names));
	CHECK(ip.family == 4 && span_eq_str(names, " a b"));
	CHECK(!hosts_line(SPAN_NONE, &ip, &names));
	CHECK_INT(hosts_find(SPAN_LIT("10.0.0.1 na\0s\n"), SPAN_LIT("na"), &ip, 1), 0); /* NUL is a byte of it */
}

FLOODS(BOUND_HOSTS_ENTRIES)
{
	size_t max = BOUND_CAP(BOUND_HOSTS_ENTRIES), size = (max + 10) * 40;
	char *text = malloc(size);
	struct wr w = wr_of(text, size);
	struct addr list[2];
	struct span head;
	bool cut;

	for (size_t i = 0; i + 1 < max; i++)
		wr_fmt(&w, "10.0.%zu.%zu h%zu many\n# not an entry\n", i / 256, i % 256, i);
	wr_str(&w, "10.1.0.1 last\n");
	head = hosts_head(wr_span(&w), &cut);
	CHECK(!cut && head.n == w.n);
	wr_str(&w, "10.1.0.2 over\n");
	CHECK(!w.full);
	CHECK_INT(hosts_find(wr_span(&w), SPAN_LIT("last"), list, 2), 1);
	CHECK_INT(hosts_find(wr_span(&w), SPAN_LIT("over"), list, 2), 0);
	CHECK_INT(hosts_find(wr_span(&w), SPAN_LIT("many"), list, 2), 2);
	CHECK_INT(hosts_find(wr_span(&w), SPAN_LIT("many"), list, 0), 0);
	head = hosts_head(wr_span(&w), &cut);
	CHECK(cut && span_ends(head, "10.1.0.1 last\n"));
	free(text);
}

TEST(words)
{
	struct span rest = SPAN_LIT(" \t one\ttwo \r"), word;

	CHECK(hosts_word(&rest, &word) && span_eq_str(word, "one"));
	CHECK(hosts_word(&rest, &word) && span_eq_str(word, "two"));
	CHECK(!hosts_word(&rest, &word) && word.n == 0 && rest.n == 0);
}
