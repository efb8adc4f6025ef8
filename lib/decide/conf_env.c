/* conf_env: names are made from the tables and compared whole; nothing is cut apart. */
#include "conf_env.h"

#include <string.h>

#include "nearest.h"

static void put_upper(struct wr *w, const char *s)
{
	for (struct rd r = rd_of(span_str(s)); rd_left(&r);) {
		uint8_t c = rd_u8(&r);

		wr_u8(w, c == '-' ? '_' : c >= 'a' && c <= 'z' ? (uint8_t)(c - ('a' - 'A')) : c);
	}
}

void conf_env_name(const struct conf_section *sec, const struct conf_key *key, bool file,
		   char out[static CONF_ENV_MAX])
{
	struct wr w = wr_of(out, CONF_ENV_MAX - 1);

	wr_str(&w, "ZT_");
	put_upper(&w, sec->name);
	wr_str(&w, "_");
	put_upper(&w, key ? key->name : "");
	wr_str(&w, file ? "_FILE" : "");
	out[w.n] = 0;
}

static bool match_section(const struct conf_section *sec, struct span variable, struct conf_env *out)
{
	char name[CONF_ENV_MAX];

	for (size_t k = 0; k < sec->n_keys; k++)
		for (int file = 0; file < 2; file++) {
			conf_env_name(sec, &sec->keys[k], file, name);
			if (!span_eq_str(variable, name))
				continue;
			/* An own name beats a _FILE reading found before it. */
			if (out->key && file)
				continue;
			out->section = sec;
			out->key = &sec->keys[k];
			out->kind = sec->named ? CONF_ENV_NAMED : file ? CONF_ENV_KEY_FILE : CONF_ENV_KEY;
		}
	return out->key != NULL;
}

/* The likely name among one section's keys, or all sections'. */
static void find_near(const struct conf_schema *s, const struct conf_section *only, struct span variable,
		      struct conf_env *out)
{
	char name[CONF_ENV_MAX];
	struct nearest near = nearest_to(variable);

	for (size_t i = 0; i < s->n_sections; i++) {
		const struct conf_section *sec = &s->sections[i];

		if (sec->named || (only && only != sec))
			continue;
		for (size_t k = 0; k < 2 * sec->n_keys; k++) {
			conf_env_name(sec, &sec->keys[k / 2], k % 2, name);
			nearest_offer(&near, name);
			if (near.best == name) {
				memcpy(out->near, name, sizeof name);
				near.best = out->near;
			}
		}
	}
}

void conf_env_match(const struct conf_schema *s, struct span variable, struct conf_env *out)
{
	char prefix[CONF_ENV_MAX];

	*out = (struct conf_env){.kind = CONF_ENV_OTHER};
	if (!span_starts(variable, "ZT_"))
		return;
	for (size_t i = 0; i < s->n_sections; i++)
		if (match_section(&s->sections[i], variable, out) && out->kind == CONF_ENV_KEY)
			return;
	if (out->key)
		return;
	for (size_t i = 0; i < s->n_sections; i++) {
		conf_env_name(&s->sections[i], NULL, false, prefix);
		/* The longest prefix: [auth] and [auth-gate] may both exist. */
		if (span_starts(variable, prefix) &&
		    (!out->section || strlen(s->sections[i].name) > strlen(out->section->name)))
			out->section = &s->sections[i];
	}
	find_near(s, out->section, variable, out);
	if (out->section)
		out->kind = out->section->named ? CONF_ENV_NAMED : CONF_ENV_UNKNOWN;
	else if (out->near[0])
		out->kind = CONF_ENV_NEAR;
}
