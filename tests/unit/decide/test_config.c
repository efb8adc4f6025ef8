/*
 * config: from text to structs and back, with the product's tables and with a schema that uses
 * everything (shapes.h). Proves that the tables, config.ini.example and docs/formats.md say
 * the same. Run from the repository's root.
 */
#include "decide/config.h"

#include <stdlib.h>

#include "base/bounds.h"
#include "decide/conf_env.h"
#include "decide/conf_keys.h"
#include "decide/conf_value.h"
#include "shapes.h"
#include "tests/unit/unit.h"
#include "wire/iniline.h"

static struct conf_faults faults;
static char printed[65536], emitted[1 << 20];

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

/* ---- the product --------------------------------------------------------------------------- */

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

	NEED(parse(&c, "[echo]\nmax_conns = 5\nlisten = 10.0.0.1:9\n[log]\nlevel = warn\nfile = /x\n") == 0);
	CHECK_INT(conf_emit(c, CONF_FOR_WORKER, &w), 0);
	text[w.n] = 0;
	CHECK_STR(text, "[log]\nlevel = warn\nformat = text\n\n[state]\nuid = 65532\ngid = 65532\n\n"
			"[limits]\nrequire_sandbox = false\ninsecure_no_sandbox = false\ndrain = 30s\n"
			"nofile = 0\n\n[echo]\nlisten =\n\t10.0.0.1:9\nmax_conns = 5\nidle = 5m\n");
	NEED(conf_parse_for(&d, wr_span(&w), "memfd", CONF_FOR_WORKER, &faults) == 0);
	CHECK_INT(d->echo.max_conns, 5);
	CHECK_INT(d->log.level, LOG_WARN);
	CHECK_INT(d->echo.listen.n, 1);
	CHECK_STR(d->log.file, ""); /* not its business */
	CHECK_INT(d->log.max_size, 0); /* and not the default either */
	conf_free(d);
	CHECK_INT(conf_parse_for(&d, SPAN_LIT("[state]\ndir = /x\n"), "memfd", CONF_FOR_WORKER, &faults), -ZT_E_CONFIG);
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

/* ---- the tables, the example and the document agree -------------------------------------- */

static struct span slurp(const char *path, char *mem, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(mem, 1, cap, f) : 0;

	if (f)
		fclose(f);
	CHECK(n > 0 && n < cap);
	return span_of(mem, n);
}

TEST(the_example_is_what_the_tables_write)
{
	static char file[65536], table[65536];
	struct wr w = wr_of(table, sizeof table);
	struct span text = slurp("config.ini.example", file, sizeof file);

	conf_schema_example(&conf_keys, &w);
	CHECK(!w.full);
	CHECK(span_eq(text, wr_span(&w))); /* else: zt check --example > config.ini.example */
}

/* Independent of the writer: the keys are found in the file by its own marks. */
TEST(the_example_holds_exactly_the_keys_of_the_tables)
{
	static char file[65536];
	struct span line, rest = slurp("config.ini.example", file, sizeof file);
	const struct conf_section *sec = NULL;
	size_t s = 0, k = 0, lines = 0;
	bool more = true;

	while (more) {
		more = span_cut(rest, '\n', &line, &rest);
		if (span_starts(line, "[")) {
			CHECK(sec == NULL || k == sec->n_keys);
			NEED(s < conf_keys.n_sections);
			sec = &conf_keys.sections[s++];
			CHECK(span_eq_str(span_sub(line, 1, line.n - 2), sec->name));
			k = 0;
		} else if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ') {
			struct span key, value;

			NEED(sec && k < sec->n_keys);
			CHECK(span_cut(span_sub(line, 1, line.n), '=', &key, &value));
			CHECK(span_eq_str(span_trim(key), sec->keys[k].name));
			CHECK(span_eq_str(span_trim(value), sec->keys[k].def));
			k++;
		}
		lines++;
	}
	CHECK(sec && k == sec->n_keys);
	CHECK_INT(s, conf_keys.n_sections);
	CHECK(lines > 40);
}

TEST(the_example_parses_as_it_is_and_with_every_default_set)
{
	static char file[65536], active[65536];
	struct span line, text = slurp("config.ini.example", file, sizeof file), rest = text;
	struct wr w = wr_of(active, sizeof active);
	struct conf *plain, *as_is, *all;
	size_t set = 0;

	while (rest.n) {
		span_cut(rest, '\n', &line, &rest);
		if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ') {
			line = span_sub(line, 1, line.n);
			set++;
		}
		wr_put(&w, line);
		wr_str(&w, "\n");
	}
	NEED(parse(&plain, "") == 0);
	NEED(conf_parse_text(&as_is, text, "example", &faults) == 0);
	NEED(conf_parse_text(&all, wr_span(&w), "active", &faults) == 0);
	CHECK_INT(faults.warnings, 0);
	CHECK_INT(set, 16); /* 5 log, 4 state, 4 limits, 3 echo */
	CHECK(memcmp(as_is->digest, plain->digest, SHA256_LEN) == 0);
	CHECK(memcmp(all->digest, plain->digest, SHA256_LEN) == 0);
	conf_free(plain);
	conf_free(as_is);
	conf_free(all);
	conf_faults_free(&faults);
}

TEST(the_document_has_a_row_for_every_key)
{
	static char doc[131072], row[512];
	struct span text = slurp("docs/formats.md", doc, sizeof doc - 1);

	doc[text.n] = 0;
	for (size_t s = 0; s < conf_keys.n_sections; s++)
		for (size_t k = 0; k < conf_keys.sections[s].n_keys; k++) {
			const struct conf_key *key = &conf_keys.sections[s].keys[k];

			snprintf(row, sizeof row, "\n| `[%s]` | `%s` | %s%s | %s%s%s |", conf_keys.sections[s].name, key->name,
				 conf_type_name(key->type), key->flags & CONF_LIST ? ", list" : "", key->def[0] ? "`" : "",
				 key->def[0] ? key->def : "empty", key->def[0] ? "`" : "");
			if (strstr(doc, row) == NULL)
				unit_fail(__FILE__, __LINE__, "docs/formats.md has no row \"%s\"", row + 1);
		}
}

static bool good_key(const struct conf_key *k)
{
	return strlen(k->name) <= INILINE_KEY_MAX && k->who != 0 && k->doc && k->doc[0] && strlen(k->doc) < 190 &&
	       (k->type != CONF_ENUM || k->names) && (k->max == 0 || k->min <= k->max) &&
	       k->name[strspn(k->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

TEST(the_tables_are_sound)
{
	for (size_t s = 0; s < conf_keys.n_sections; s++) {
		const struct conf_section *sec = &conf_keys.sections[s];

		CHECK(iniline_is_word(span_str(sec->name), INILINE_KIND_MAX));
		for (size_t k = 0; k < sec->n_keys; k++) {
			CHECK(good_key(&sec->keys[k]));
			CHECK(sec->keys[k].offset + (sec->keys[k].flags & CONF_LIST ? sizeof(struct conf_list)
										     : conf_value_size(sec->keys[k].type)) <=
			      sec->size);
			for (size_t j = 0; j < k; j++) {
				CHECK(strcmp(sec->keys[k].name, sec->keys[j].name) != 0);
				CHECK(sec->keys[k].offset != sec->keys[j].offset);
			}
		}
		for (size_t j = 0; j < s; j++)
			CHECK(strcmp(sec->name, conf_keys.sections[j].name) != 0);
	}
}

/* ---- everything else a schema can hold ---------------------------------------------------- */

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
		  "where = 192.0.2.1:1\nmode = 0600\n\n[auth-gate]\nworker_only = w\n");
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
