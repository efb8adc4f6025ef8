/*
 * iniline: the judge of one physical line of configuration text. Pure: it sees the bytes of
 * the line and what came before it, and answers what the line is or why it is refused.
 *
 * It is stricter than the INI library behind it on purpose: that one cuts lines at 199 bytes
 * and names at 49, takes ':' for '=', drops what follows ']' and what follows " ;", and hides
 * a section without keys. Whatever it would cut, guess or hide is refused here, in words.
 *
 * The grammar is in docs/formats.md, "Configuration".
 */
#ifndef ZT_INILINE_H
#define ZT_INILINE_H

#include <stdbool.h>

#include "base/span.h"

#define INILINE_KIND_MAX 16                    /* "auth-gate" in [auth-gate], "host" in [host web] */
#define INILINE_NAME_MAX 32
/* 16 + 1 + 32 = 49: what the library keeps of a section header, to the byte. */
#define INILINE_HEADER_MAX (INILINE_KIND_MAX + 1 + INILINE_NAME_MAX)
#define INILINE_KEY_MAX 49                     /* and of a key */

enum iniline_kind {
	INILINE_BLANK,
	INILINE_COMMENT,
	INILINE_SECTION, /* section, and name where the header has two words */
	INILINE_PAIR,    /* key and value; the value may be empty */
	INILINE_MORE,    /* value: an indented line that continues the list above it */
	INILINE_LOST     /* well-formed, but belongs to a line that was refused: say nothing more */
};

struct iniline {
	enum iniline_kind kind;
	struct span section, name, key, value; /* borrowed from the line */
	const char *reason;                    /* when refused: a sentence, static, echoes nothing */
};

/* What the lines so far leave behind. Zero-initialise per file. */
struct iniline_ctx {
	bool in_section;
	bool in_value;     /* an indented line would continue something */
	bool lost_section; /* the last header was refused */
	bool lost_value;   /* the last key was */
};

/* line: without its '\n'. An indented line whose first byte is '[' is a list item such as
 * "[::1]:7007", never a header: indentation alone decides. 0 and *out, or -ZT_E_TOOLONG, -ZT_E_UTF8, -ZT_E_SYNTAX or
 * -ZT_E_MISSING (a '=', a ']' or a name is not there) with out->reason. ctx moves on either way. */
int iniline_judge(struct iniline_ctx *ctx, struct span line, struct iniline *out);

/* 1..max bytes of a-z 0-9 -, beginning with a letter or digit: a section's word or name. */
bool iniline_is_word(struct span s, size_t max);

#endif
