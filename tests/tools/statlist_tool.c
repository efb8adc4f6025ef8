/*
 * statlist_tool: what lib/wire/statlist.c makes of status lists, for a test that compares it with other
 * programs.
 *
 *   make KEY KIND EPOCH NUMBER BASE ISSUED   a list on standard output; its entries, "WHAT STATE HEX" a
 *                                            line, on standard input
 *   read KEY                                 of standard input: "ok KIND EPOCH NUMBER BASE ISSUED COUNT", its
 *                                            entries, "signed" or "unsigned"; or "refused: SENTENCE"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "wire/privkey.h"
#include "wire/statlist.h"

static uint8_t file_mem[65536], text_mem[65536], list_mem[1 << 20];
static struct privkey key;

static struct span slurp(FILE *f, uint8_t *mem, size_t cap)
{
	size_t n = f ? fread(mem, 1, cap, f) : cap;

	if (n == cap || ferror(f))
		exit(2);
	return span_of(mem, n);
}

static uint64_t number(const char *s)
{
	return strtoull(s, NULL, 10);
}

/* "WHAT STATE HEX" */
static bool entry(struct span line, struct status_entry *e)
{
	struct span what, state, hex;
	uint64_t w, s;

	if (!span_cut(line, ' ', &what, &hex) || !span_cut(hex, ' ', &state, &hex) || span_u64(what, 255, &w) < 0 ||
	    span_u64(state, 255, &s) < 0 || hex.n != 2 * sizeof e->key)
		return false;
	*e = (struct status_entry){.what = (uint8_t)w, .state = (uint8_t)s};
	return ct_hex_decode(hex, e->key) == 0;
}

static int make(char **arg)
{
	struct statlist l = {.kind = (enum statlist_kind)number(arg[0]), .epoch = number(arg[1]), .number = number(arg[2]),
			     .base = number(arg[3]), .issued = (int64_t)number(arg[4])};
	struct status_entry e[256];
	struct wr w = wr_of(list_mem, sizeof list_mem);
	struct span text = slurp(stdin, text_mem, sizeof text_mem), line;

	for (; l.n < 256 && span_cut(text, '\n', &line, &text); l.n++)
		if (!entry(line, &e[l.n]))
			return 2;
	statlist_write_head(&w, &l);
	for (uint32_t i = 0; i < l.n; i++)
		statlist_write_entry(&w, &e[i]);
	if (statlist_seal(&w, 0, &key.key) < 0)
		return 1;
	return fwrite(w.p, 1, w.n, stdout) == w.n ? 0 : 1;
}

static int read_list(void)
{
	struct pk_public pub = privkey_public(&key);
	struct why why = {0};
	struct status_entry e;
	struct statlist l;

	if (statlist_read(&l, slurp(stdin, list_mem, sizeof list_mem), &why) < 0) {
		printf("refused: %s\n", why.text);
		return 1;
	}
	printf("ok %d %llu %llu %llu %lld %u\n", (int)l.kind, (unsigned long long)l.epoch, (unsigned long long)l.number,
	       (unsigned long long)l.base, (long long)l.issued, l.n);
	for (uint32_t i = 0; i < l.n; i++) {
		char hex[33] = "";

		statlist_entry(&l, i, &e);
		ct_hex_encode(e.key, sizeof e.key, hex);
		printf("%u %u %s\n", e.what, e.state, hex);
	}
	puts(statlist_signed_by(&l, &pub) == 0 ? "signed" : "unsigned");
	return 0;
}

int main(int argc, char **argv)
{
	struct why why = {0};

	if (argc < 3 || privkey_read(&key, slurp(fopen(argv[2], "rb"), file_mem, sizeof file_mem), SPAN_NONE, &why) < 0)
		return 2;
	if (argc == 8 && argv[1][0] == 'm')
		return make(&argv[3]);
	return argc == 3 && argv[1][0] == 'r' ? read_list() : 2;
}
