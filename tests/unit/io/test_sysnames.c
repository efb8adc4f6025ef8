/* What the machine says about names, through a bundle and into a resolver. */
#include "io/sysnames.h"

#include <unistd.h>

#include "io/spawn.h"
#include "resolve_kit.h"
#include "wire/bundle.h"

static struct sysnames names;
static struct why why;

/* The resolver's kit asks no servers here: all that is looked up is in the hosts file. */
static int hand_over(const char *resolv_conf, const char *hosts)
{
	static uint8_t mem[4096];
	struct wr w = wr_of(mem, sizeof mem);
	int fd, rc;

	bundle_begin(&w);
	if (resolv_conf)
		bundle_add(&w, SPAN_LIT(SYSNAMES_RESOLV_CONF), span_str(resolv_conf));
	bundle_add(&w, SPAN_LIT("other.pem"), SPAN_LIT("something else"));
	if (hosts)
		bundle_add(&w, SPAN_LIT(SYSNAMES_HOSTS), span_str(hosts));
	fd = sealed_text(wr_span(&w), &why);
	CHECK(!w.full && fd >= 0);
	rc = sysnames_read(&names, fd, &why);
	CHECK_INT(close(fd), 0); /* stays open */
	return rc;
}

TEST(both_files_are_wanted_and_neither_has_to_exist)
{
	static struct file_want want[FILES_MOST];

	want[0].path = "mine";
	CHECK_INT(sysnames_files(want, 1), 3);
	CHECK_STR(want[0].path, "mine");
	CHECK_STR(want[1].path, "/etc/resolv.conf");
	CHECK_STR(want[2].path, "/etc/hosts");
	CHECK(want[1].optional && want[2].optional);
	CHECK(want[1].kind == FILE_PUBLIC && want[2].kind == FILE_PUBLIC);
}

TEST(what_was_handed_over_is_what_is_looked_up)
{
	struct log quiet = {.fd = -1};
	struct ask a = {0};
	struct span other;

	start(0, false, NULL);
	NEED(hand_over("nameserver 192.0.2.7\n", "10.0.0.1 nas\n") == 0);
	CHECK_INT(names.servers.n, 1);
	CHECK(bundle_find(names.bundle, "other.pem", &other) == 0 && span_eq(other, SPAN_LIT("something else")));
	sysnames_give(&names, resolver, &quiet);
	CHECK(names.mem == NULL && names.bundle.n == 0);
	CHECK_INT(look(&a, "nas"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.1");
	/* the next reload, of which nothing comes: the old one goes on */
	NEED(hand_over(NULL, "10.0.0.2 nas\n") == 0);
	sysnames_forget(&names);
	sysnames_forget(&names);
	CHECK_INT(look(&a, "nas"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.1");
	NEED(hand_over(NULL, "10.0.0.2 nas\n") == 0);
	NEED(hand_over(NULL, "10.0.0.3 nas\n") == 0); /* instead of the one before */
	sysnames_give(&names, resolver, &quiet);
	CHECK_INT(look(&a, "nas"), 0);
	CHECK_PARTS(a, "no-address", "10.0.0.3");
	end();
}

TEST(a_machine_without_either_file)
{
	struct log quiet = {.fd = -1};
	struct ask a = {0};

	start(0, false, NULL);
	NEED(hand_over(NULL, NULL) == 0);
	CHECK_INT(names.servers.n, 1); /* 127.0.0.1, as resolv.conf(5) says */
	CHECK_INT(names.hosts.n, 0);
	sysnames_give(&names, resolver, &quiet);
	CHECK_INT(look(&a, "localhost"), 0);
	CHECK_PARTS(a, "::1", "127.0.0.1");
	end();
}

TEST(what_is_no_bundle_is_refused)
{
	int fd = sealed_text(SPAN_LIT("nonsense"), &why);

	NEED(fd >= 0);
	NEED(hand_over(NULL, "10.0.0.2 nas\n") == 0);
	CHECK_INT(sysnames_read(&names, fd, &why), -ZT_E_BUG);
	CHECK(names.mem == NULL && names.hosts.n == 0); /* the one before is gone as well */
	close(fd);
}
