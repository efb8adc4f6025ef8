/*
 * conf_keys: the tables, config.ini.example and docs/formats.md say the same. Run from the
 * repository's root.
 */
#include "decide/conf_keys.h"

#include "decide/conf_emit.h"
#include "decide/conf_env.h"
#include "decide/conf_value.h"
#include "decide/config.h"
#include "base/num.h"
#include "tests/unit/unit.h"
#include "wire/iniline.h"

static struct conf_faults faults;

static int parse(struct conf **c, const char *text)
{
	conf_faults_init(&faults);
	return conf_parse_text(c, span_str(text), "t.conf", &faults);
}

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
		if (span_starts(line, "[") || span_starts(line, "#[")) {
			char header[64];

			CHECK(sec == NULL || k == sec->n_keys);
			NEED(s < conf_keys.n_sections);
			sec = &conf_keys.sections[s++];
			snprintf(header, sizeof header, sec->named ? "#[%s example]" : "[%s]", sec->name);
			CHECK(span_eq_str(line, header));
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

/* A named section has no defaults for what makes it one. */
TEST(the_example_parses_as_it_is_and_with_every_default_set)
{
	static char file[65536], active[65536];
	struct span line, text = slurp("config.ini.example", file, sizeof file), rest = text;
	struct wr w = wr_of(active, sizeof active);
	struct conf *plain, *as_is, *all;
	size_t set = 0;
	bool named = false;

	while (rest.n) {
		span_cut(rest, '\n', &line, &rest);
		if (span_starts(line, "[") || span_starts(line, "#["))
			named = line.p[0] == '#';
		if (!named && line.n > 1 && line.p[0] == '#' && line.p[1] != ' ') {
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
	CHECK_INT(set, 69); /* 5 log, 4 state, 6 limits, 3 echo, 5 tls, 16 relay, 7 ca, 11 edge, 5 connector, 7 tunnel */
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

			snprintf(row, sizeof row, "\n| `[%s%s]` | `%s` | %s%s | %s%s%s |", conf_keys.sections[s].name,
				 conf_keys.sections[s].named ? " NAME" : "", key->name,
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

/* No variable has two meanings, not even with _FILE, and each is found again. */
TEST(environment_names_are_unique)
{
	static char names[256][CONF_ENV_MAX];
	size_t n = 0;

	for (size_t s = 0; s < conf_keys.n_sections; s++)
		for (size_t k = 0; !conf_keys.sections[s].named && k < 2 * conf_keys.sections[s].n_keys; k++) {
			const struct conf_key *key = &conf_keys.sections[s].keys[k / 2];
			struct conf_env e;

			NEED(n < ARRAY_LEN(names));
			conf_env_name(&conf_keys.sections[s], key, k % 2, names[n]);
			for (size_t i = 0; i < n; i++)
				CHECK(strcmp(names[i], names[n]) != 0);
			conf_env_match(&conf_keys, span_str(names[n]), &e);
			CHECK(e.section == &conf_keys.sections[s] && e.key == key);
			CHECK_INT(e.kind, k % 2 ? CONF_ENV_KEY_FILE : CONF_ENV_KEY);
			n++;
		}
	CHECK_INT(n, 138);
}
