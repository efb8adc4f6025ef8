/*
 * config: the product's text to structs and back, its faults, and what children are given.
 * The machinery behind it is proved with a fuller schema in test_conf_build.c.
 */
#include "decide/config.h"

#include "base/bounds.h"
#include "base/num.h"
#include "tests/unit/unit.h"

static struct conf_faults faults;
static char printed[65536];

static const char *print_faults(void)
{
	struct wr w = wr_of(printed, sizeof printed - 1);

	conf_faults_print(&faults, &w);
	printed[w.n] = 0;
	return printed;
}

static int parse(struct conf **c, const char *text)
{
	conf_faults_init(&faults);
	return conf_parse_text(c, span_str(text), "t.conf", &faults);
}

TEST(an_empty_text_gives_every_default)
{
	struct conf *c;

	NEED(parse(&c, "") == 0);
	CHECK_INT(c->log.level, LOG_INFO);
	CHECK_INT(c->log.format, LOG_TEXT);
	CHECK_STR(c->log.file, "");
	CHECK_INT(c->log.max_size, 10 * 1048576);
	CHECK_INT(c->log.keep, 5);
	CHECK_STR(c->state.dir, "");
	CHECK_STR(c->state.run_dir, "");
	CHECK_INT(c->state.uid, 65532);
	CHECK_INT(c->state.gid, 65532);
	CHECK(!c->limits.require_sandbox && !c->limits.insecure_no_sandbox);
	CHECK_INT(c->limits.drain_ms, 30000);
	CHECK_INT(c->limits.nofile, 0);
	CHECK_INT(c->echo.listen.n, 1);
	CHECK_INT(conf_addr(&c->echo.listen, 0)->port, 7007);
	CHECK(addr_is_loopback(conf_addr(&c->echo.listen, 0)));
	CHECK_INT(c->echo.max_conns, 1024);
	CHECK_INT(c->echo.idle_ms, 300000);
	CHECK_INT(faults.faults + faults.warnings, 0);
	conf_free(c);
	conf_faults_free(&faults);
}

TEST(every_key_is_read)
{
	struct conf *c;

	NEED(parse(&c, "[log]\nlevel = debug\nformat = json\nfile = /var/log/zt.log\nmax_size = 64K\nkeep = 0\n"
		       "[state]\ndir = /srv/zt\nrun_dir = /srv/run\nuid = 1000\ngid = 1001\n"
		       "[limits]\nrequire_sandbox = true\ndrain = 1m\nnofile = 4096\n"
		       "[echo]\nlisten = 127.0.0.1:1,\n [::1]:2\n\t10.0.0.1:3\nmax_conns = 9\nidle = 1h\n") == 0);
	CHECK_INT(c->log.level, LOG_DEBUG);
	CHECK_INT(c->log.format, LOG_JSON);
	CHECK_STR(c->log.file, "/var/log/zt.log");
	CHECK_INT(c->log.max_size, 65536);
	CHECK_INT(c->log.keep, 0);
	CHECK_STR(c->state.dir, "/srv/zt");
	CHECK_STR(c->state.run_dir, "/srv/run");
	CHECK_INT(c->state.uid, 1000);
	CHECK_INT(c->state.gid, 1001);
	CHECK(c->limits.require_sandbox);
	CHECK_INT(c->limits.drain_ms, 60000);
	CHECK_INT(c->limits.nofile, 4096);
	CHECK_INT(c->echo.listen.n, 3);
	CHECK_INT(conf_addr(&c->echo.listen, 1)->family, 6);
	CHECK_INT(conf_addr(&c->echo.listen, 2)->port, 3);
	CHECK_INT(c->echo.max_conns, 9);
	CHECK_INT(c->echo.idle_ms, 3600000);
	conf_free(c);
	conf_faults_free(&faults);
}

TEST(all_faults_are_told_in_the_order_of_the_lines)
{
	struct conf *c;

	CHECK_INT(parse(&c, "[log]\nlevel = inof\nlevle = info\nmax_conns = 1\n[echoo]\nx = 1\n[echo]\nidle = 5\nidle = 5m\n"),
		  -ZT_E_CONFIG);
	CHECK(c == NULL);
	CHECK_STR(print_faults(),
		  "t.conf:2: level: 'inof' is not one of error, warn, info, debug; did you mean 'info'?\n"
		  "t.conf:3: [log] has no key 'levle'; did you mean 'level'?\n"
		  "t.conf:4: [log] has no key 'max_conns'; it belongs to [echo]\n"
		  "t.conf:5: unknown section [echoo]; did you mean [echo]?\n"
		  "t.conf:8: idle: '5' is not a duration; write digits and ms, s, m, h or d, as in 30s\n"
		  "t.conf:9: idle is set twice, first at t.conf:8\n");
	conf_faults_free(&faults);
}

TEST(checks_look_across_keys)
{
	static const struct {
		const char *text, *says;
		int rc;
	} rows[] = {
		{"[limits]\nrequire_sandbox = true\ninsecure_no_sandbox = true\n", "t.conf:3: insecure_no_sandbox and",
		 -ZT_E_CONFIG},
		{"[limits]\ninsecure_no_sandbox = true\n", "t.conf:2: warning: insecure_no_sandbox", 0},
		{"[state]\nuid = 0\n", "t.conf:2: warning: uid = 0", 0},
		{"[state]\ngid = 0\n", "t.conf:2: warning: gid = 0", 0},
		{"[echo]\nlisten = 127.0.0.1:7, 127.0.0.1:7\n", "t.conf:2: listen: 127.0.0.1:7 and 127.0.0.1:7", -ZT_E_CONFIG},
		{"[echo]\nlisten = 127.0.0.1:7, [::ffff:127.0.0.1]:7\n", "cannot both be bound", -ZT_E_CONFIG},
		{"[ca]\nhttp_listen = 127.0.0.1:9080\n", "t.conf:2: http_listen: without listen nobody can join", -ZT_E_CONFIG},
		{"[echo]\nlisten = 127.0.0.1:7, 0.0.0.0:7\n", "cannot both be bound", -ZT_E_CONFIG},
		{"[echo]\nlisten = 127.0.0.1:7, 127.0.0.1:8, [::1]:7, 127.0.0.2:7\n", "", 0},
		{"[echo]\nlisten = 127.0.0.1:0, 127.0.0.1:0\n", "", 0},
		{"[echo]\nlisten =\n", "t.conf:2: [echo] needs a value for listen", -ZT_E_CONFIG},
		{"[limits]\nnofile = 1000\n", "t.conf:1: warning: max_conns 1024 needs [limits] nofile of at least 1088", 0},
		{"[limits]\nnofile = 1088\n", "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *c;

		CHECK_INT(parse(&c, rows[i].text), rows[i].rc);
		if (rows[i].says[0] ? !strstr(print_faults(), rows[i].says) : faults.first != NULL)
			unit_fail(__FILE__, __LINE__, "\"%s\" gave \"%s\"", rows[i].text, print_faults());
		conf_free(c);
		conf_faults_free(&faults);
	}
}

/* FLOODS(BOUND_LISTENERS) */
TEST(seventeen_listeners_are_too_many)
{
	char text[2048] = "[echo]\nlisten =\n";
	struct conf *c;

	for (int i = 1; i <= 17; i++) {
		size_t n = strlen(text);

		CHECK_INT(parse(&c, i == 1 ? "" : text), 0);
		conf_free(c);
		conf_faults_free(&faults);
		snprintf(text + n, sizeof text - n, " 127.0.0.1:%d\n", i);
	}
	CHECK_INT(parse(&c, text), -ZT_E_CONFIG);
	CHECK(strstr(print_faults(), "t.conf:2: listen: 17 addresses, at most 16 are allowed") != NULL);
	conf_faults_free(&faults);
}

TEST(the_canonical_text_is_a_fixed_point)
{
	static const char *const texts[] = {"", "[echo]\nlisten = [::1]:2, [::FFFF:1.2.3.4]:5\nidle = 60s\n",
					    "[log]\nmax_size = 1024K\nfile = /a b\n[limits]\nnofile = 9\n"};
	char first[4096], second[4096];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct wr a = wr_of(first, sizeof first - 1), b = wr_of(second, sizeof second);
		struct conf *one, *two;

		NEED(parse(&one, texts[i]) == 0);
		CHECK_INT(conf_emit(one, CONF_FOR_ALL, &a), 0);
		conf_faults_free(&faults);
		conf_faults_init(&faults);
		NEED(conf_parse_text(&two, wr_span(&a), "c", &faults) == 0);
		CHECK_INT(conf_emit(two, CONF_FOR_ALL, &b), 0);
		CHECK(span_eq(wr_span(&a), wr_span(&b)));
		CHECK(memcmp(one->digest, two->digest, SHA256_LEN) == 0);
		conf_free(one);
		conf_free(two);
		conf_faults_free(&faults);
	}
}

TEST(the_digest_is_of_the_canonical_text)
{
	char text[4096], hex[CONF_FINGERPRINT], other[CONF_FINGERPRINT];
	struct wr w = wr_of(text, sizeof text);
	uint8_t want[SHA256_LEN];
	struct conf *c, *d;

	NEED(parse(&c, "[log]\nlevel = warn\n") == 0);
	conf_emit(c, CONF_FOR_ALL, &w);
	sha256(wr_span(&w), want);
	CHECK(memcmp(want, c->digest, sizeof want) == 0);
	NEED(parse(&d, "; another spelling of the same\n[echo]\n[log]\n\nlevel   =  warn\n") == 0);
	CHECK(memcmp(d->digest, c->digest, sizeof want) == 0);
	CHECK_STR(conf_fingerprint(c, hex), conf_fingerprint(d, other));
	conf_free(d);
	NEED(parse(&d, "[log]\nlevel = error\n") == 0);
	CHECK(memcmp(d->digest, c->digest, sizeof want) != 0);
	CHECK_INT(strlen(conf_fingerprint(d, other)), 16);
	conf_free(c);
	conf_free(d);
	conf_faults_free(&faults);
}

TEST(a_child_gets_only_what_it_needs)
{
	char text[4096];
	struct wr w = wr_of(text, sizeof text - 1);
	struct conf *c, *d;

	NEED(parse(&c, "[echo]\nmax_conns = 5\nlisten = 10.0.0.1:9\n[log]\nlevel = warn\nfile = /x\n[state]\ndir = /y\n") == 0);
	CHECK_INT(conf_emit(c, CONF_FOR_LOGD, &w), 0);
	text[w.n] = 0;
	CHECK_STR(text, "[log]\nlevel = warn\nformat = text\nfile = /x\nmax_size = 10M\nkeep = 5\n\n"
			"[state]\nuid = 65532\ngid = 65532\n\n"
			"[limits]\nrequire_sandbox = false\ninsecure_no_sandbox = false\n");
	NEED(conf_parse_for(&d, wr_span(&w), "memfd", CONF_FOR_LOGD, &faults) == 0);
	CHECK_INT(d->log.level, LOG_WARN);
	CHECK_STR(d->log.file, "/x");
	CHECK_INT(d->echo.listen.n, 0); /* not its business, and not the default either */
	CHECK_INT(d->echo.max_conns, 0);
	CHECK_STR(d->state.dir, "");
	conf_free(d);
	CHECK_INT(conf_parse_for(&d, SPAN_LIT("[state]\ndir = /y\n"), "memfd", CONF_FOR_LOGD, &faults), -ZT_E_CONFIG);
	CHECK(strstr(print_faults(), "memfd:2: dir is not for this process") != NULL);
	conf_free(c);
	conf_faults_free(&faults);
}

TEST(a_small_buffer_is_an_answer)
{
	uint8_t mem[64];
	struct wr w = wr_of(mem, sizeof mem);
	struct conf *c;

	NEED(parse(&c, "") == 0);
	CHECK_INT(conf_emit(c, CONF_FOR_ALL, &w), -ZT_E_FULL);
	conf_free(c);
	conf_faults_free(&faults);
}
