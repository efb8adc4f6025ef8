/* jailrep: names and codec of jailrep.h. It never decides whether a report is good enough. */
#include "jailrep.h"

#include <string.h>

#include "base/num.h"

#define VERSION 1

static const struct {
	const char *name, *words;
} profiles[] = {
#define X(id, name, words) {name, words},
	JAIL_PROFILES(X)
#undef X
}, layers[] = {
#define X(id, name, words) {name, words},
	JAIL_LAYERS(X)
#undef X
};

static const char *const states[] = {
#define X(id, name) name,
	JAIL_STATES(X)
#undef X
};

const char *jail_profile_name(enum jail_profile p) { return (unsigned)p < ARRAY_LEN(profiles) ? profiles[p].name : "?"; }
const char *jail_profile_words(enum jail_profile p) { return (unsigned)p < ARRAY_LEN(profiles) ? profiles[p].words : "?"; }
const char *jail_layer_name(enum jail_layer l) { return (unsigned)l < ARRAY_LEN(layers) ? layers[l].name : "?"; }
const char *jail_layer_words(enum jail_layer l) { return (unsigned)l < ARRAY_LEN(layers) ? layers[l].words : "?"; }
const char *jail_state_name(enum jail_state s) { return (unsigned)s < ARRAY_LEN(states) ? states[s] : "?"; }

enum jail_profile jail_profile_find(struct span name)
{
	unsigned p = 0;

	while (p < JAIL_PROFILE_COUNT && !span_eq_str(name, profiles[p].name))
		p++;
	return (enum jail_profile)p;
}

static bool printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

static void line_write(struct wr *w, const struct jail_line *l)
{
	size_t n = strnlen(l->text, sizeof l->text - 1);

	wr_u8(w, (uint8_t)l->state);
	wr_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++)
		wr_u8(w, printable((uint8_t)l->text[i]) ? (uint8_t)l->text[i] : '?');
}

void jailrep_write(struct wr *w, const struct jail_report *r)
{
	wr_u8(w, VERSION);
	wr_u8(w, (uint8_t)r->profile);
	wr_u8(w, JAIL_LAYER_COUNT);
	for (size_t i = 0; i < JAIL_LAYER_COUNT; i++)
		line_write(w, &r->layer[i]);
}

static int line_read(struct rd *rd, struct jail_line *out)
{
	uint8_t state = rd_u8(rd);
	struct span text = rd_bytes(rd, rd_u8(rd));

	if (rd->bad)
		return -ZT_E_SYNTAX;
	if (state >= JAIL_STATE_COUNT)
		return -ZT_E_UNKNOWN;
	for (size_t i = 0; i < text.n; i++)
		if (!printable(text.p[i]))
			return -ZT_E_SYNTAX;
	out->state = (enum jail_state)state;
	return span_to_cstr(text, out->text, sizeof out->text) < 0 ? -ZT_E_SYNTAX : 0;
}

int jailrep_read(struct span s, struct jail_report *out)
{
	struct rd rd = rd_of(s);
	uint8_t version = rd_u8(&rd), profile = rd_u8(&rd), count = rd_u8(&rd);

	*out = (struct jail_report){0};
	if (rd.bad)
		return -ZT_E_SYNTAX;
	/* Supervisor and child are the same program, so another layout is another version. */
	if (version != VERSION || count != JAIL_LAYER_COUNT)
		return -ZT_E_VERSION;
	if (profile >= JAIL_PROFILE_COUNT)
		return -ZT_E_UNKNOWN;
	out->profile = (enum jail_profile)profile;
	for (size_t i = 0; i < JAIL_LAYER_COUNT; i++) {
		int rc = line_read(&rd, &out->layer[i]);

		if (rc < 0)
			return rc;
	}
	return rd_left(&rd) ? -ZT_E_SYNTAX : 0;
}
