/*
 * pathpat: compiles a pattern into a Thompson program. The compiler writes steps in one pass with a
 * stack of open groups; jumps are relative and never leave their piece of code but for its end, so a piece may be
 * moved and copied. It runs nothing: that is pathrun.c.
 */
#include "pathpat_int.h"

#include <string.h>

#include "base/num.h"

/* ---- sets -------------------------------------------------------------------------------- */

static void set_add(struct set *s, uint8_t from, uint8_t to)
{
	for (unsigned c = from; c <= to; c++)
		s->bits[c >> 5] |= UINT32_C(1) << (c & 31);
}

static void set_invert(struct set *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->bits); i++)
		s->bits[i] = ~s->bits[i];
}

static bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* What one case of a letter means both do. */
static void set_fold(struct set *s)
{
	for (unsigned c = 'a'; c <= 'z'; c++)
		if (set_has(s, (uint8_t)c) || set_has(s, (uint8_t)(c - 0x20))) {
			set_add(s, (uint8_t)c, (uint8_t)c);
			set_add(s, (uint8_t)(c - 0x20), (uint8_t)(c - 0x20));
		}
}

/* \d \w \s as RE2 has them: ASCII; \s is without the vertical tab. A capital is the opposite. */
static bool set_named(struct set *out, uint8_t letter)
{
	struct set s = {0};

	switch (letter | 0x20) {
	case 'w':
		set_add(&s, 'a', 'z');
		set_add(&s, 'A', 'Z');
		set_add(&s, '_', '_');
		set_add(&s, '0', '9');
		break;
	case 'd':
		set_add(&s, '0', '9');
		break;
	case 's':
		set_add(&s, '\t', '\n');
		set_add(&s, '\f', '\r');
		set_add(&s, ' ', ' ');
		break;
	default:
		return false;
	}
	if (!(letter & 0x20))
		set_invert(&s);
	for (size_t i = 0; i < ARRAY_LEN(s.bits); i++)
		out->bits[i] |= s.bits[i];
	return true;
}

/* ---- the compiler ------------------------------------------------------------------------ */

#define NO_JUMP INT16_MAX

struct group {
	uint16_t begin;  /* where its code begins: what a repetition behind it repeats */
	uint16_t branch; /* where the alternative being read begins */
	int16_t jumps;   /* the last of the jumps to its end, each holding the one before; or NO_JUMP */
	bool fold;       /* (?i) as it was outside */
};

struct build {
	struct span text;
	size_t at;
	struct op ops[PATHPAT_OPS];
	size_t n;
	struct set sets[PATHPAT_SETS];
	size_t nsets;
	struct group groups[PATHPAT_DEPTH];
	size_t depth;
	bool fold;
	bool atom, repeated; /* may be repeated; has been */
	size_t atom_at;      /* its code */
	struct why *w;
	int rc;              /* the first fault */
};

static void fault(struct build *b, enum zt_err e, const char *what)
{
	if (b->rc == 0)
		b->rc = why_set(b->w, e, "at byte %zu of the pattern: %s", b->at + 1, what);
}

static bool more(const struct build *b)
{
	return b->rc == 0 && b->at < b->text.n;
}

static uint8_t peek(const struct build *b)
{
	return b->at < b->text.n ? b->text.p[b->at] : 0;
}

static bool eat(struct build *b, const char *what)
{
	if (!span_starts(span_sub(b->text, b->at, b->text.n), what))
		return false;
	b->at += strlen(what);
	return true;
}

/* n steps of room at `at`, what follows is moved up. */
static bool open_gap(struct build *b, size_t at, size_t n)
{
	if (b->n + n > PATHPAT_OPS) {
		fault(b, ZT_E_TOOLONG, "it becomes too large here; repetitions with numbers are written out");
		return false;
	}
	memmove(&b->ops[at + n], &b->ops[at], (b->n - at) * sizeof b->ops[0]);
	b->n += n;
	return true;
}

static void insert(struct build *b, size_t at, struct op o)
{
	if (open_gap(b, at, 1))
		b->ops[at] = o;
}

static void emit(struct build *b, struct op o)
{
	insert(b, b->n, o);
}

static void emit_atom(struct build *b, struct op o)
{
	b->atom_at = b->n;
	b->atom = true;
	b->repeated = false;
	emit(b, o);
}

static void emit_set(struct build *b, struct set *s)
{
	size_t i = 0;

	if (b->fold)
		set_fold(s);
	while (i < b->nsets && memcmp(&b->sets[i], s, sizeof *s) != 0)
		i++;
	if (i == PATHPAT_SETS) {
		fault(b, ZT_E_TOOLONG, "there are too many different classes");
		return;
	}
	b->sets[i] = *s;
	b->nsets += i == b->nsets;
	emit_atom(b, (struct op){.kind = OP_SET, .byte = (uint8_t)i});
}

static void emit_byte(struct build *b, uint8_t c)
{
	struct set s = {0};

	if (!b->fold || !is_letter(c)) {
		emit_atom(b, (struct op){.kind = OP_BYTE, .byte = c});
		return;
	}
	set_add(&s, c, c);
	emit_set(b, &s);
}

/* ---- repetition -------------------------------------------------------------------------- */

#define REPEAT_MOST 1000
#define NO_LIMIT UINT64_MAX

/* "{3}", "{3,}", "{3,7}"; anything else in braces is no repetition but text, as in RE2. */
static bool read_counts(struct build *b, uint64_t *least, uint64_t *most)
{
	struct span inside, from, to, rest = span_sub(b->text, b->at + 1, b->text.n);
	bool range;

	if (peek(b) != '{' || !span_cut(rest, '}', &inside, &rest))
		return false;
	range = span_cut(inside, ',', &from, &to);
	if (span_u64(from, UINT64_MAX, least) != 0)
		return false;
	*most = range ? NO_LIMIT : *least;
	if (range && to.n && span_u64(to, UINT64_MAX - 1, most) != 0)
		return false;
	if (*least > REPEAT_MOST || (*most != NO_LIMIT && (*most > REPEAT_MOST || *most < *least))) {
		fault(b, ZT_E_SYNTAX, "numbers in braces are at most 1000, the smaller one first");
		return false;
	}
	b->at += inside.n + 2;
	return true;
}

static bool read_repeat(struct build *b, uint64_t *least, uint64_t *most)
{
	static const struct {
		char sign;
		uint64_t least, most;
	} signs[] = {{'*', 0, NO_LIMIT}, {'+', 1, NO_LIMIT}, {'?', 0, 1}};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (peek(b) == (uint8_t)signs[i].sign) {
			*least = signs[i].least;
			*most = signs[i].most;
			b->at++;
			return true;
		}
	return read_counts(b, least, most);
}

/* The code of `len` steps at `from` again, at the end. */
static void copy_code(struct build *b, size_t from, size_t len)
{
	size_t to = b->n;

	if (open_gap(b, to, len))
		memcpy(&b->ops[to], &b->ops[from], len * sizeof b->ops[0]);
}

/* e{0,}: split past, e, jump back. Steps around a piece have offsets that fit: PATHPAT_OPS does. */
static void star(struct build *b, size_t from)
{
	int16_t len = (int16_t)(b->n - from);

	insert(b, from, (struct op){.kind = OP_SPLIT, .x = 1, .y = (int16_t)(len + 2)});
	emit(b, (struct op){.kind = OP_JUMP, .x = (int16_t)(-len - 1)});
}

/* e{least,most} as e e e? e?, where each e? when passed over passes over the rest, too; e{least,} with a split
 * behind the last e that leads back to it. */
static void repeat(struct build *b, uint64_t least, uint64_t most)
{
	size_t from = b->atom_at, len = b->n - from, first = from + least * len;
	uint64_t optional = most == NO_LIMIT ? 0 : most - least;

	if (most == 0) {
		b->n = from;
		return;
	}
	for (uint64_t i = 1; i < least && b->rc == 0; i++)
		copy_code(b, from, len);
	if (most == NO_LIMIT && least == 0)
		star(b, from);
	else if (most == NO_LIMIT)
		emit(b, (struct op){.kind = OP_SPLIT, .x = (int16_t)-(int)len, .y = 1});
	for (uint64_t i = 0; i < optional && b->rc == 0; i++) {
		/* Of e{0,n} the first copy is there already. */
		if (least || i)
			copy_code(b, least ? from : from + 1, len);
		insert(b, b->rc ? b->n : b->n - len, (struct op){.kind = OP_SPLIT, .x = 1});
	}
	for (size_t i = 0; b->rc == 0 && i < optional; i++) {
		size_t split = first + i * (len + 1);

		b->ops[split].y = (int16_t)(b->n - split);
	}
}

static void read_repeats(struct build *b)
{
	uint64_t least, most;
	size_t at = b->at;

	if (!read_repeat(b, &least, &most))
		return;
	if (!b->atom || b->repeated) {
		b->at = at;
		fault(b, ZT_E_SYNTAX, b->repeated ? "a repetition of a repetition; put the first into a group"
						  : "there is nothing to repeat");
		return;
	}
	if (peek(b) == '?') /* prefers fewer; which one is preferred nobody sees */
		b->at++;
	repeat(b, least, most);
	b->repeated = true;
}

/* ---- classes ----------------------------------------------------------------------------- */

static bool is_punct(uint8_t c)
{
	return c > ' ' && c < 0x7f && !is_letter(c) && !(c >= '0' && c <= '9');
}

/* One end of a range, or a set of its own (answers true). */
static bool read_member(struct build *b, struct set *s, uint8_t *c)
{
	*c = peek(b);
	if (b->at < b->text.n && (*c < ' ' || *c >= 0x7f))
		fault(b, ZT_E_SYNTAX, "only printable ASCII is known; other bytes stand in a path as %XX");
	if (eat(b, "[:"))
		fault(b, ZT_E_SYNTAX, "classes with names are not known; write a-z, 0-9, \\d or \\w");
	b->at++;
	if (*c != '\\')
		return false;
	*c = peek(b);
	if (set_named(s, *c)) {
		b->at++;
		return true;
	}
	if (!is_punct(*c))
		fault(b, ZT_E_SYNTAX, "in a class a backslash stands before punctuation, d, w, s, D, W or S");
	b->at++;
	return false;
}

static void read_range(struct build *b, struct set *s)
{
	uint8_t from, to;

	if (read_member(b, s, &from))
		return;
	to = from;
	if (peek(b) == '-' && b->at + 1 < b->text.n && b->text.p[b->at + 1] != ']') {
		b->at++;
		if (read_member(b, s, &to) || to < from)
			fault(b, ZT_E_SYNTAX, "a range goes from a smaller to a larger byte");
	}
	if (b->rc == 0)
		set_add(s, from, to);
}

/* A ']' that comes first stands for itself. */
static void read_class(struct build *b)
{
	struct set s = {0};
	bool invert;

	b->at++;
	invert = eat(b, "^");
	do
		read_range(b, &s);
	while (more(b) && peek(b) != ']');
	if (b->rc == 0 && !eat(b, "]"))
		fault(b, ZT_E_SYNTAX, "a class that begins with [ has no ]");
	if (b->fold)
		set_fold(&s); /* before it is inverted: [^a] with (?i) is neither a nor A */
	if (invert)
		set_invert(&s);
	emit_set(b, &s);
}

/* ---- groups ------------------------------------------------------------------------------ */

static void open_group(struct build *b, bool fold_before)
{
	if (b->depth == PATHPAT_DEPTH) {
		fault(b, ZT_E_TOOLONG, "there are too many groups in groups");
		return;
	}
	b->groups[b->depth++] = (struct group){(uint16_t)b->n, (uint16_t)b->n, NO_JUMP, fold_before};
	b->atom = b->repeated = false;
}

static void read_open(struct build *b)
{
	bool fold = b->fold;

	b->at++;
	if (eat(b, "?i)")) {
		b->fold = true;
		b->atom = b->repeated = false;
		return;
	}
	if (eat(b, "?i:"))
		b->fold = true;
	else if (!eat(b, "?:") && peek(b) == '?')
		fault(b, ZT_E_SYNTAX, "of the groups with a question mark (?:...), (?i) and (?i:...) are known");
	open_group(b, fold);
}

/* a|b is: split to a or b, a, jump to the end, b. The jump is written when a ends, its way when the group does. */
static void read_bar(struct build *b)
{
	struct group *g = &b->groups[b->depth - 1];
	int16_t len = (int16_t)(b->n - g->branch);

	b->at++;
	insert(b, g->branch, (struct op){.kind = OP_SPLIT, .x = 1, .y = (int16_t)(len + 2)});
	emit(b, (struct op){.kind = OP_JUMP, .x = g->jumps});
	g->jumps = (int16_t)(b->n - 1);
	g->branch = (uint16_t)b->n;
	b->atom = b->repeated = false;
}

static void end_group(struct build *b)
{
	struct group *g = &b->groups[--b->depth];

	for (int16_t at = g->jumps; b->rc == 0 && at != NO_JUMP;) {
		int16_t before = b->ops[at].x;

		b->ops[at].x = (int16_t)((int)b->n - at);
		at = before;
	}
	b->fold = g->fold;
	b->atom_at = g->begin;
	b->atom = true;
	b->repeated = false;
}

static void read_close(struct build *b)
{
	if (b->depth == 1) {
		fault(b, ZT_E_SYNTAX, "a ) without its (");
		return;
	}
	b->at++;
	end_group(b);
}

/* ---- all of it --------------------------------------------------------------------------- */

static void read_escape(struct build *b)
{
	struct set s = {0};
	uint8_t c;

	b->at++;
	c = peek(b);
	if (set_named(&s, c))
		emit_set(b, &s);
	else if (c == 'A' || c == 'z')
		emit_atom(b, (struct op){.kind = c == 'A' ? OP_BEGIN : OP_END});
	else if (is_punct(c))
		emit_byte(b, c);
	else
		fault(b, ZT_E_SYNTAX, "a backslash stands before punctuation, d, w, s, D, W, S, A or z");
	b->at++;
}

static void read_dot(struct build *b)
{
	struct set s = {0};

	b->at++;
	set_add(&s, '\n', '\n');
	set_invert(&s);
	emit_set(b, &s);
}

static void read_edge(struct build *b)
{
	emit_atom(b, (struct op){.kind = peek(b) == '^' ? OP_BEGIN : OP_END});
	b->at++;
}

static void read_literal(struct build *b)
{
	uint8_t c = peek(b);

	if (c < ' ' || c >= 0x7f)
		fault(b, ZT_E_SYNTAX, "only printable ASCII is known; other bytes stand in a path as %XX");
	b->at++;
	emit_byte(b, c);
}

static void read_one(struct build *b)
{
	static const struct {
		char first;
		void (*read)(struct build *b);
	} ways[] = {{'(', read_open}, {')', read_close}, {'|', read_bar}, {'[', read_class},
		    {'\\', read_escape}, {'.', read_dot}, {'^', read_edge}, {'$', read_edge}};
	size_t at = b->at;

	read_repeats(b);
	if (b->at != at || b->rc < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (peek(b) == (uint8_t)ways[i].first) {
			ways[i].read(b);
			return;
		}
	read_literal(b);
}

static int keep(const struct build *b, struct pathpat **out, struct arena *mem)
{
	struct pathpat *p = arena_get(mem, sizeof *p);
	struct op *ops = arena_get(mem, b->n * sizeof *ops);
	struct set *sets = arena_get(mem, (b->nsets + 1) * sizeof *sets);

	if (p == NULL || ops == NULL || sets == NULL)
		return -ZT_E_NOMEM;
	memcpy(ops, b->ops, b->n * sizeof *ops);
	memcpy(sets, b->sets, b->nsets * sizeof *sets);
	*p = (struct pathpat){ops, sets, b->n};
	*out = p;
	return 0;
}

int pathpat_compile(struct pathpat **out, struct span text, struct arena *mem, struct why *w)
{
	struct build b = {.text = text, .w = w};

	*out = NULL;
	if (text.n > PATHPAT_TEXT)
		return why_set(w, ZT_E_TOOLONG, "the pattern has more than %d bytes", PATHPAT_TEXT);
	open_group(&b, false);
	while (more(&b))
		read_one(&b);
	if (b.rc == 0 && b.depth > 1)
		fault(&b, ZT_E_SYNTAX, "a ( without its )");
	if (b.rc == 0)
		end_group(&b);
	emit(&b, (struct op){.kind = OP_MATCH});
	return b.rc < 0 ? b.rc : keep(&b, out, mem);
}

size_t pathpat_ops(const struct pathpat *p)
{
	return p->n;
}
