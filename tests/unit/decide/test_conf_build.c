/*
 * conf_build and conf_emit: everything a schema can hold (shapes.h), several files, required
 * keys, checks, bounds, secrets, and the canonical text of it all.
 */
#include "decide/conf_build.h"

#include "base/bounds.h"
#include "decide/config.h"
#include "shapes.h"
#include "tests/unit/unit.h"

static struct conf_faults faults;
static char printed[65536], emitted[1 << 20];

static const char *print_faults(void)
{
	struct wr w = wr_of(printed, sizeof printed - 1);

	conf_faults_print(&faults, &w);
	printed[w.n] = 0;
	return printed;
}

static const char *emit(const struct shapes *s, unsigned who, enum conf_reveal r)
{
	struct wr w = wr_of(emitted, sizeof emitted - 1);

	conf_schema_emit(&shape_schema, s, who, r, &w);
	CHECK(!w.full);
	emitted[w.n] = 0;
	return emitted;
}

static int shape(struct shapes *s, const char *text)
{
	conf_faults_init(&faults);
	return shapes_parse(s, span_str(text), CONF_FOR_ALL, &faults);
}

static const char full_text[] =
	"[all]\nflag = true\ncount = 9\nbytes = 3G\nwait = 2d\ncolour = green\ntext = a = b; c\npath = /x\n"
	"secret = hunter2\nwhere = [::1]:5\npeer = Example.org:443\nmode = 0750\nwords = a, b\n\tc d\naddrs =\n"
	"  # one per line\n  10.0.0.1:1\n\n[host web]\naccess = all\norigin = [::1]:80\nnames = x,\n  y\n"
	"[auth-gate]\nlisten = 127.0.0.1:9\n[host db]\naccess = alice\n";

TEST(named_sections_lists_and_every_type_are_read)
{
	const struct shape_host *web, *db;
	struct shapes s;

	NEED(shape(&s, full_text) == 0);
	CHECK(s.all.flag && s.all.count == 9 && s.all.bytes == UINT64_C(3) << 30 && s.all.wait == 172800000);
	CHECK_INT(s.all.colour, SHAPE_GREEN);
	CHECK_STR(s.all.text, "a = b; c");
	CHECK_STR(s.all.secret, "hunter2");
	CHECK_STR(s.all.peer.host, "example.org");
	CHECK_INT(s.all.peer.port, 443);
	CHECK_INT(s.all.mode, 0750);
	CHECK_INT(s.all.words.n, 3);
	CHECK_STR(((const char *const *)s.all.words.items)[2], "c d");
	CHECK_INT(s.all.addrs.n, 1);
	CHECK_INT(s.all.secrets.n, 0);
	CHECK_INT(s.gate.listen.port, 9);
	CHECK_STR(s.gate.worker_only, "w");
	CHECK_INT(s.hosts.n, 2);
	web = (const struct shape_host *)(const void *)s.hosts.first;
	db = (const struct shape_host *)(const void *)s.hosts.last;
	CHECK_STR(web->named.name, "web");
	CHECK_STR(web->origin.host, "::1");
	CHECK_INT(web->names.n, 2);
	CHECK_STR(db->named.name, "db");
	CHECK_STR(db->access, "alice");
	CHECK_INT(db->weight, 1);
	CHECK(db->origin.host == NULL && web->named.next == s.hosts.last);
	shapes_free(&s);
	conf_faults_free(&faults);
}

TEST(the_canonical_text_of_everything)
{
	static char again[1 << 20];
	struct shapes s, t;

	NEED(shape(&s, full_text) == 0);
	CHECK_STR(emit(&s, CONF_FOR_ALL, CONF_WHOLE),
		  "[all]\nflag = true\ncount = 9\nbytes = 3G\nwait = 2d\ncolour = green\ntext = a = b; c\npath = /x\n"
		  "secret = hunter2\nwhere = [::1]:5\npeer = example.org:443\nmode = 0750\nwords =\n\ta\n\tb\n\tc d\n"
		  "addrs =\n\t10.0.0.1:1\n\n[auth-gate]\nlisten = 127.0.0.1:9\nworker_only = w\n\n"
		  "[host web]\naccess = all\norigin = [::1]:80\nweight = 1\nnames =\n\tx\n\ty\n\n"
		  "[host db]\naccess = alice\nweight = 1\n");
	memcpy(again, emitted, sizeof again);
	shapes_free(&s);
	conf_faults_free(&faults);
	NEED(shape(&t, again) == 0);
	CHECK_STR(emit(&t, CONF_FOR_ALL, CONF_WHOLE), again);
	shapes_free(&t);
	conf_faults_free(&faults);
}

TEST(what_is_not_set_and_what_is_set_to_nothing)
{
	struct shapes s;

	NEED(shape(&s, "") == 0);
	CHECK_STR(s.all.text, "");
	CHECK_INT(s.all.words.n, 0);
	CHECK_INT(s.gate.listen.family, 0);
	CHECK_STR(emit(&s, CONF_FOR_ALL, CONF_WHOLE),
		  "[all]\nflag = false\ncount = 7\nbytes = 1K\nwait = 1m\ncolour = red\npath = /tmp\n"
		  "where = 192.0.2.1:1\nmode = 0600\n"); /* nobody wrote [auth-gate] */
	shapes_free(&s);
	conf_faults_free(&faults);
	NEED(shape(&s, "[auth-gate]\nlisten = 1.2.3.4:5\nworker_only =\n[all]\ntext =\nwords =\n") == 0);
	CHECK_STR(s.gate.worker_only, ""); /* not its default */
	CHECK(strstr(emit(&s, CONF_FOR_ALL, CONF_WHOLE), "\nworker_only =\n") != NULL);
	shapes_free(&s);
	conf_faults_free(&faults);
}

TEST(secrets_are_masked_where_people_look)
{
	uint8_t whole[2][SHA256_LEN], shown[2][SHA256_LEN];
	static const char *const texts[] = {"[all]\nsecret = hunter2\nsecrets = s1, s2\n", "[all]\nsecret = hunter3\nsecrets = s1, s2\n"};
	struct shapes s;

	for (size_t i = 0; i < 2; i++) {
		NEED(shape(&s, texts[i]) == 0);
		CHECK_INT(conf_schema_digest(&shape_schema, &s, CONF_WHOLE, whole[i]), 0);
		CHECK_INT(conf_schema_digest(&shape_schema, &s, CONF_SHOWN, shown[i]), 0);
		CHECK(strstr(emit(&s, CONF_FOR_ALL, CONF_SHOWN), "\nsecret = ***\n") != NULL);
		CHECK(strstr(emitted, "secrets =\n\t***\n\t***\n") != NULL);
		CHECK(strstr(emitted, "hunter") == NULL && strstr(emitted, "s1") == NULL);
		shapes_free(&s);
		conf_faults_free(&faults);
	}
	CHECK(memcmp(whole[0], whole[1], SHA256_LEN) != 0); /* a changed secret is a changed configuration */
	CHECK(memcmp(shown[0], shown[1], SHA256_LEN) == 0); /* and is not guessable from what is shown */
}

TEST(a_key_across_files_is_set_once_and_both_places_are_named)
{
	struct conf_build *b;
	struct shapes s;

	conf_faults_init(&faults);
	NEED(shapes_open(&s, &b, CONF_FOR_ALL, &faults) == 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("[all]\ncount = 2\n[host a]\naccess = x\n"), "zt.conf"), 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("[all]\nbytes = 2\n"), "conf.d/1.conf"), 0); /* the section may return */
	CHECK_INT(faults.faults, 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("\n[all]\ncount = 2\n[host a]\nweight = 2\n"), "conf.d/2.conf"), 0);
	CHECK_INT(conf_build_end(b), -ZT_E_CONFIG);
	CHECK_STR(print_faults(), "conf.d/2.conf:3: count is set twice, first at zt.conf:2\n"
				  "conf.d/2.conf:4: [host a] is given twice, first at zt.conf:3\n");
	conf_build_free(b);
	shapes_free(&s);
	conf_faults_free(&faults);
}

TEST(a_file_does_not_continue_the_one_before)
{
	struct conf_build *b;
	struct shapes s;

	conf_faults_init(&faults);
	NEED(shapes_open(&s, &b, CONF_FOR_ALL, &faults) == 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("[all]\nwords = a\n"), "1"), 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("count = 3\n"), "2"), 0);
	CHECK_INT(conf_build_text(b, SPAN_LIT("  b\n"), "3"), 0);
	CHECK_INT(conf_build_end(b), -ZT_E_CONFIG);
	CHECK_INT(faults.faults, 2);
	CHECK(strstr(print_faults(), "2:1: a key before any section") != NULL);
	CHECK(strstr(print_faults(), "3:1: an indented line continues") != NULL);
	conf_build_free(b);
	shapes_free(&s);
	conf_faults_free(&faults);
}

TEST(required_keys)
{
	struct shapes s;

	CHECK_INT(shape(&s, "[host a]\nweight = 2\n[host b]\naccess =\n[auth-gate]\n"), -ZT_E_CONFIG);
	CHECK_STR(print_faults(), "t.conf:5: [auth-gate] needs a value for listen\n"
				  "t.conf:1: [host a] needs a value for access\n"
				  "t.conf:4: [host b] needs a value for access\n");
	shapes_free(&s);
	conf_faults_free(&faults);
	CHECK_INT(shape(&s, "[all]\n"), 0); /* a singleton nobody wrote requires nothing */
	shapes_free(&s);
	conf_faults_free(&faults);
}

TEST(cross_checks_run_only_on_good_values)
{
	struct shapes s;

	CHECK_INT(shape(&s, "[all]\nflag = true\ncount = 60\n"), -ZT_E_CONFIG);
	CHECK_STR(print_faults(), "t.conf:3: count with flag is at most 50\n");
	shapes_free(&s);
	conf_faults_free(&faults);
	CHECK_INT(shape(&s, "[all]\nflag = true\ncount = 60\nwait = x\n"), -ZT_E_CONFIG);
	CHECK_INT(faults.faults, 1);
	shapes_free(&s);
	conf_faults_free(&faults);
}

/* FLOODS(BOUND_CONF_FAULTS) */
TEST(sixty_four_faults_are_listed_and_the_rest_counted)
{
	static char text[8192];
	struct wr w = wr_of(text, sizeof text - 1);
	struct shapes s;
	size_t n = 0;

	wr_str(&w, "[all]\n");
	for (int i = 0; i < 70; i++)
		wr_fmt(&w, "zz%d_unknown = 1\n", i);
	CHECK_INT(shape(&s, text), -ZT_E_CONFIG);
	CHECK_INT(faults.faults, 70);
	for (const struct conf_fault *f = faults.first; f; f = f->next)
		n++;
	CHECK_INT(n, BOUND_CAP(BOUND_CONF_FAULTS));
	CHECK(strstr(print_faults(), "\n6 more faults and 0 more warnings are not shown\n") != NULL);
	shapes_free(&s);
	conf_faults_free(&faults);
}

/* FLOODS(BOUND_CONF_SECTIONS) */
TEST(four_thousand_and_ninety_six_sections)
{
	static char text[262144];
	struct shapes s;

	for (int extra = 0; extra < 3; extra++) {
		struct wr w = wr_of(text, sizeof text - 1);

		for (int i = 0; i < 4096 + extra; i++)
			wr_fmt(&w, "[host h%d]\naccess = x\n", i);
		text[w.n] = 0;
		CHECK_INT(shape(&s, text), extra ? -ZT_E_CONFIG : 0);
		CHECK_INT(s.hosts.n, 4096);
		CHECK_INT(faults.faults, extra ? 1 : 0); /* told once */
		if (extra)
			CHECK(strstr(print_faults(), "t.conf:8193: more than 4096 sections") != NULL);
		shapes_free(&s);
		conf_faults_free(&faults);
	}
}

TEST(a_text_of_one_mebibyte_is_the_longest)
{
	static char text[(1 << 20) + 1];
	struct conf *c;

	memset(text, '\n', sizeof text);
	conf_faults_init(&faults);
	CHECK_INT(conf_parse_text(&c, span_of(text, 1 << 20), "t", &faults), 0);
	conf_free(c);
	CHECK_INT(conf_parse_text(&c, span_of(text, sizeof text), "t", &faults), -ZT_E_CONFIG);
	CHECK_STR(print_faults(), "t:1: the text is longer than 1048576 bytes\n");
	conf_faults_free(&faults);
}

/* 4,096 sections with long values each: read by name, too long to be written back. */
TEST(a_configuration_that_cannot_be_written_back_is_refused)
{
	static char text[1 << 20];
	struct wr w = wr_of(text, sizeof text);
	uint8_t digest[SHA256_LEN];
	struct conf_build *b;
	struct shapes s;

	conf_faults_init(&faults);
	NEED(shapes_open(&s, &b, CONF_FOR_ALL, &faults) == 0);
	for (int half = 0; half < 2; half++) {
		w.n = 0;
		for (int i = 0; i < 2048; i++)
			wr_fmt(&w, "[host h%d-%d]\naccess = %0180d\nnames = %0180d\n", half, i, 1, 1);
		NEED(!w.full && conf_build_text(b, wr_span(&w), "t") == 0);
	}
	CHECK_INT(faults.faults, 4096); /* names are at most 64 bytes here */
	conf_build_free(b);
	shapes_free(&s);
	conf_faults_free(&faults);
	conf_faults_init(&faults);
	NEED(shapes_open(&s, &b, CONF_FOR_ALL, &faults) == 0);
	for (int half = 0; half < 2; half++) {
		w.n = 0;
		for (int i = 0; i < 2048; i++)
			wr_fmt(&w, "[host h%d-%d]\naccess = %0180d\nnames = %060d, %060d\n", half, i, 1, 1, 1);
		NEED(!w.full && conf_build_text(b, wr_span(&w), "t") == 0);
	}
	CHECK_INT(conf_build_end(b), 0);
	CHECK_INT(conf_schema_digest(&shape_schema, &s, CONF_WHOLE, digest), -ZT_E_FULL);
	conf_build_free(b);
	shapes_free(&s);
	conf_faults_free(&faults);
}
