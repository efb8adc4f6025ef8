/* conf_value: one reader and one writer per type, in one table. */
#include "conf_value.h"

#include <string.h>

#include "base/bounds.h"
#include "base/ct.h"
#include "base/err.h"
#include "base/num.h"
#include "nearest.h"

#define QUOTED_MAX 64 /* bytes of a bad value that a sentence repeats */

struct job {
	const struct conf_key *key;
	struct arena *mem;
	struct wr *why;
};

/* "'text' " or, for a secret, "the value ": the sentence goes on from there. */
static void quote(const struct job *j, struct span text)
{
	if (j->key->flags & CONF_SECRET) {
		wr_str(j->why, "the value ");
		return;
	}
	wr_str(j->why, "'");
	wr_put(j->why, span_sub(text, 0, QUOTED_MAX));
	wr_str(j->why, text.n > QUOTED_MAX ? "...' " : "' ");
}

static int refuse(const struct job *j, enum zt_err e, struct span text, const char *rest)
{
	quote(j, text);
	wr_str(j->why, rest);
	return -(int)e;
}

static uint64_t top(const struct conf_key *k)
{
	return k->max ? k->max : UINT64_MAX;
}

/* ---- numbers with and without a unit ---------------------------------------------------- */

struct unit {
	const char *name;
	uint64_t factor;
};
/* From large to small: the writer takes the first that divides. The empty unit is "none". */
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"G", UINT64_C(1) << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0}};
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

static const struct unit *units_of(enum conf_type t)
{
	return t == CONF_SIZE ? sizes : t == CONF_DURATION ? durations : no_units;
}

static void write_number(const struct conf_key *k, uint64_t v, struct wr *w)
{
	const struct unit *u = units_of(k->type);

	/* Nought has one spelling: in bytes, or in seconds. */
	if (v == 0) {
		wr_str(w, k->type == CONF_DURATION ? "0s" : "0");
		return;
	}
	while (v % u->factor)
		u++;
	wr_u64dec(w, v / u->factor);
	wr_str(w, u->name);
}

static int out_of_range(const struct job *j, struct span text)
{
	const struct conf_key *k = j->key;

	quote(j, text);
	wr_str(j->why, "is not from ");
	write_number(k, k->min, j->why);
	wr_str(j->why, " to ");
	write_number(k, top(k), j->why);
	return -ZT_E_RANGE;
}

static const char *const not_a_number[CONF_TYPES] = {
	[CONF_U64] = "is not a whole number without a sign or leading zeros",
	[CONF_SIZE] = "is not a size; write digits and K, M or G for powers of 1024, as in 10M",
	[CONF_DURATION] = "is not a duration; write digits and ms, s, m, h or d, as in 30s",
};

static int read_number(const struct job *j, struct span text, void *to)
{
	struct span unit;
	uint64_t v;
	size_t digits = 0;
	int rc;

	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	unit = span_sub(text, digits, text.n);
	for (const struct unit *u = units_of(j->key->type); u->name; u++) {
		if (!span_eq_str(unit, u->name))
			continue;
		rc = span_u64(span_sub(text, 0, digits), UINT64_MAX, &v);
		if (rc == -ZT_E_SYNTAX)
			break;
		if (rc < 0 || num_mul64(v, u->factor, &v) || v < j->key->min || v > top(j->key))
			return out_of_range(j, text);
		memcpy(to, &v, sizeof v);
		return 0;
	}
	return refuse(j, ZT_E_SYNTAX, text, not_a_number[j->key->type]);
}

static void show_number(const struct conf_key *k, const void *from, struct wr *w)
{
	uint64_t v;

	memcpy(&v, from, sizeof v);
	write_number(k, v, w);
}

static int read_mode(const struct job *j, struct span text, void *to)
{
	uint32_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7' || text.n < 3 || text.n > 4)
			return refuse(j, ZT_E_SYNTAX, text, "is not a mode; write three or four octal digits, as in 0600");
		v = v << 3 | (uint32_t)(text.p[i] - '0');
	}
	if (text.n == 0)
		return refuse(j, ZT_E_SYNTAX, text, "is not a mode; write three or four octal digits, as in 0600");
	if (v < j->key->min || v > top(j->key)) {
		quote(j, text);
		wr_fmt(j->why, "is not from %04o to %04o", (unsigned)j->key->min, (unsigned)top(j->key));
		return -ZT_E_RANGE;
	}
	memcpy(to, &v, sizeof v);
	return 0;
}

static void show_mode(const struct conf_key *k, const void *from, struct wr *w)
{
	uint32_t v;

	(void)k;
	memcpy(&v, from, sizeof v);
	wr_fmt(w, "%04o", (unsigned)v);
}

/* ---- words ------------------------------------------------------------------------------- */

static int read_bool(const struct job *j, struct span text, void *to)
{
	bool v = span_eq_str(text, "true");

	if (!v && !span_eq_str(text, "false"))
		return refuse(j, ZT_E_SYNTAX, text, "is neither true nor false");
	memcpy(to, &v, sizeof v);
	return 0;
}

static void show_bool(const struct conf_key *k, const void *from, struct wr *w)
{
	bool v;

	(void)k;
	memcpy(&v, from, sizeof v);
	wr_str(w, v ? "true" : "false");
}

static int read_enum(const struct job *j, struct span text, void *to)
{
	struct nearest near = nearest_to(text);

	for (const struct conf_name *n = j->key->names; n->name; n++) {
		if (span_eq_str(text, n->name)) {
			memcpy(to, &n->value, sizeof n->value);
			return 0;
		}
		nearest_offer(&near, n->name);
	}
	quote(j, text);
	wr_str(j->why, "is not one of");
	for (const struct conf_name *n = j->key->names; n->name; n++)
		wr_fmt(j->why, "%s %s", n == j->key->names ? "" : ",", n->name);
	if (near.best && !(j->key->flags & CONF_SECRET))
		wr_fmt(j->why, "; did you mean '%s'?", near.best);
	return -ZT_E_UNKNOWN;
}

static void show_enum(const struct conf_key *k, const void *from, struct wr *w)
{
	uint32_t v;

	memcpy(&v, from, sizeof v);
	for (const struct conf_name *n = k->names; n->name; n++)
		if (n->value == v) {
			wr_str(w, n->name);
			return;
		}
}

/* ---- texts ------------------------------------------------------------------------------- */

static int keep_text(const struct job *j, struct span text, void *to)
{
	const char *copy;

	if (text.n < j->key->min || text.n > top(j->key)) {
		wr_fmt(j->why, "the text is %zu bytes long; %llu ", text.n, (unsigned long long)j->key->min);
		if (j->key->max)
			wr_fmt(j->why, "to %llu are allowed", (unsigned long long)j->key->max);
		else
			wr_str(j->why, "or more are needed");
		return text.n < j->key->min ? -ZT_E_MISSING : -ZT_E_TOOLONG;
	}
	copy = arena_str(j->mem, text);
	if (copy == NULL)
		return -ZT_E_NOMEM;
	memcpy(to, &copy, sizeof copy);
	return 0;
}

static int read_path(const struct job *j, struct span text, void *to)
{
	if (text.n && text.p[0] != '/')
		return refuse(j, ZT_E_SYNTAX, text, "is not an absolute path; begin it with '/'");
	return keep_text(j, text, to);
}

static void show_text(const struct conf_key *k, const void *from, struct wr *w)
{
	const char *s;

	(void)k;
	memcpy(&s, from, sizeof s);
	wr_str(w, s ? s : "");
}

/* ---- addresses --------------------------------------------------------------------------- */

static int read_addr(const struct job *j, struct span text, void *to)
{
	struct addr a;

	if (addr_parse(text, j->key->min == 0, &a) < 0)
		return refuse(j, ZT_E_SYNTAX, text, "is not an address with a port, as in 127.0.0.1:7007 or [::1]:7007");
	memcpy(to, &a, sizeof a);
	return 0;
}

static void show_addr(const struct conf_key *k, const void *from, struct wr *w)
{
	struct addr a;

	(void)k;
	memcpy(&a, from, sizeof a);
	if (a.family)
		addr_write(w, &a);
}

/* One spelling per host: lower case, and an address in its canonical form. */
static char *keep_host(struct arena *mem, struct span host)
{
	char ip_text[ADDR_TEXT], *copy;
	struct wr w = wr_of(ip_text, sizeof ip_text);
	struct addr ip;

	if (addr_parse_ip(host, &ip) == 0) {
		addr_write_ip(&w, &ip);
		host = wr_span(&w);
	}
	copy = arena_str(mem, host);
	for (size_t i = 0; copy && copy[i]; i++)
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] + ('a' - 'A'));
	return copy;
}

static int read_hostport(const struct job *j, struct span text, void *to)
{
	struct conf_hostport v = {0};
	struct span host;

	if (text.n == 0) { /* none; where one is needed, emptiness is asked for */
		memcpy(to, &v, sizeof v);
		return 0;
	}
	if (addr_parse_hostport(text, &host, &v.port) < 0)
		return refuse(j, ZT_E_SYNTAX, text, "is not host:port, as in example.org:443 or [2001:db8::1]:443");
	v.host = keep_host(j->mem, host);
	if (v.host == NULL)
		return -ZT_E_NOMEM;
	memcpy(to, &v, sizeof v);
	return 0;
}

static void show_hostport(const struct conf_key *k, const void *from, struct wr *w)
{
	struct conf_hostport v;
	size_t at;

	(void)k;
	memcpy(&v, from, sizeof v);
	if (v.host == NULL)
		return;
	wr_fmt(w, span_find(span_str(v.host), ':', &at) ? "[%s]:%u" : "%s:%u", v.host, (unsigned)v.port);
}

/* ---- the table --------------------------------------------------------------------------- */

static const struct conf_type_row {
	const char *name;
	size_t size;
	int (*read)(const struct job *j, struct span text, void *to);
	void (*write)(const struct conf_key *k, const void *from, struct wr *w);
	bool is_text; /* the value is a char * into the arena */
} types[CONF_TYPES] = {
	[CONF_BOOL] = {"true or false", sizeof(bool), read_bool, show_bool, false},
	[CONF_U64] = {"number", sizeof(uint64_t), read_number, show_number, false},
	[CONF_SIZE] = {"size", sizeof(uint64_t), read_number, show_number, false},
	[CONF_DURATION] = {"duration", sizeof(uint64_t), read_number, show_number, false},
	[CONF_ENUM] = {"word", sizeof(uint32_t), read_enum, show_enum, false},
	[CONF_STRING] = {"text", sizeof(char *), keep_text, show_text, true},
	[CONF_PATH] = {"path", sizeof(char *), read_path, show_text, true},
	[CONF_ADDR] = {"address:port", sizeof(struct addr), read_addr, show_addr, false},
	[CONF_HOSTPORT] = {"host:port", sizeof(struct conf_hostport), read_hostport, show_hostport, false},
	[CONF_MODE] = {"mode", sizeof(uint32_t), read_mode, show_mode, false},
};

size_t conf_value_size(enum conf_type t)
{
	return types[t].size;
}

const char *conf_type_name(enum conf_type t)
{
	return types[t].name;
}

int conf_value_read(const struct conf_key *k, struct span text, struct arena *mem, void *to, struct wr *why)
{
	struct job j = {k, mem, why};

	return types[k->type].read(&j, text, to);
}

void conf_value_write(const struct conf_key *k, const void *from, struct wr *w)
{
	types[k->type].write(k, from, w);
}

bool conf_value_empty(const struct conf_key *k, const void *from)
{
	uint8_t one;
	struct wr w = wr_of(&one, 1);

	if (k->flags & CONF_LIST)
		return ((const struct conf_list *)from)->n == 0;
	conf_value_write(k, from, &w);
	return w.n == 0 && !w.full;
}

static void wipe_text(void *at)
{
	char *s;

	memcpy(&s, at, sizeof s);
	if (s)
		wipe(s, strlen(s));
}

void conf_value_clear(const struct conf_key *k, void *at)
{
	const struct conf_list *l = at;
	bool list = k->flags & CONF_LIST, secret = k->flags & CONF_SECRET && types[k->type].is_text;

	for (size_t i = 0; list && secret && i < l->n; i++)
		wipe_text(conf_at(l->items, i * types[k->type].size));
	if (secret && !list)
		wipe_text(at);
	memset(at, 0, list ? sizeof *l : types[k->type].size);
}

/* ---- lists ------------------------------------------------------------------------------- */

const void *conf_list_at(const struct conf_key *k, const struct conf_list *l, size_t i)
{
	ZT_ASSERT(i < l->n);
	return conf_at_const(l->items, i * types[k->type].size);
}

/* Room doubles from 4: what is left behind in the arena is never more than what is used. */
static void *list_room(const struct conf_key *k, struct arena *mem, struct conf_list *l)
{
	size_t size = types[k->type].size;

	if (l->n == 0 || (l->n >= 4 && (l->n & (l->n - 1)) == 0)) {
		void *more = arena_get(mem, (l->n ? 2 * l->n : 4) * size);

		if (more == NULL)
			return NULL;
		if (l->n)
			memcpy(more, l->items, l->n * size);
		l->items = more;
	}
	return conf_at(l->items, l->n * size);
}

static int list_add(const struct job *j, struct span item, struct conf_list *to)
{
	void *room;
	int rc;

	if (item.n == 0)
		return refuse(j, ZT_E_MISSING, item, "is an empty item; one comma stands between two items");
	/* On a line of its own, as conf_emit writes it, this item would be a comment. */
	if (item.p[0] == '#' || item.p[0] == ';')
		return refuse(j, ZT_E_SYNTAX, item, "is an item that begins with a comment mark");
	if (to->n >= BOUND_CAP(BOUND_CONF_LIST)) {
		wr_fmt(j->why, "the list has more than %u items", (unsigned)BOUND_CAP(BOUND_CONF_LIST));
		return -ZT_E_FULL;
	}
	room = list_room(j->key, j->mem, to);
	if (room == NULL)
		return -ZT_E_NOMEM;
	rc = types[j->key->type].read(j, item, room);
	to->n += rc == 0;
	return rc;
}

int conf_list_read(const struct conf_key *k, struct span text, struct arena *mem, struct conf_list *to,
		   struct wr *why)
{
	struct job j = {k, mem, why};
	struct span item, rest = text;
	bool more = true;
	int rc = 0;

	while (more && rest.n && rc == 0) {
		more = span_cut(rest, ',', &item, &rest);
		rc = list_add(&j, span_trim(item), to);
	}
	return rc;
}
