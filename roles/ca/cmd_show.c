/*
 * cmd_show: what is public: `zt ca show`, one certificate; `zt ca anchors`, what others have to trust;
 * `zt ca crl`, a revocation list.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/num.h"
#include "base/pool.h"
#include "cmd_table.h"
#include "cmds.h"
#include "decide/when.h"
#include "wire/crl.h"
#include "wire/pem.h"

struct show_wish {
	struct cmd_wish base;
	bool json, pem;
	const char *out;
};

/* ---- one certificate --------------------------------------------------------------------------------- */

static void print_names(const struct x509 *c)
{
	struct span rest = c->san;
	struct san s;

	while (x509_san_next(&rest, &s) == 1) {
		char text[300];
		struct addr a = {.family = s.value.n == 4 ? 4 : 6};
		struct wr w = wr_of(text, sizeof text - 1);

		if (s.kind == SAN_IP && s.value.n <= sizeof a.ip) {
			memcpy(a.ip, s.value.p, s.value.n);
			addr_write_ip(&w, &a);
			text[w.n] = 0;
		} else {
			cmd_shown(s.value, text, sizeof text);
		}
		printf("%-14s %s\n", s.kind == SAN_DNS ? "dns" : s.kind == SAN_IP ? "ip" : "uri", text);
	}
}

static int print_text(struct cmd_run *r, const struct casign *a)
{
	static const struct cmd_column rows[] = {
		{"name", "name", CELL_TEXT},	 {"role", "role", CELL_TEXT},	       {"user", "user", CELL_TEXT},
		{"state", "state", CELL_TEXT},	 {"serial", "serial", CELL_TEXT},      {"id", "id", CELL_TEXT},
		{"anchor", "anchor", CELL_TEXT}, {"generation", "generation", CELL_NUMBER},
		{"issued", "issued", CELL_UNTIL}, {"good from", "not_before", CELL_UNTIL}, {"good until", "not_after", CELL_UNTIL},
		{"last seen", "seen", CELL_AGO}, {"key sha256", "key", CELL_TEXT},     {"renewal of", "parent", CELL_TEXT},
		{"joined with", "token", CELL_TEXT}};
	struct json_tok tok[CMD_LINE_TOKENS];
	struct json j;
	struct x509 c;
	int64_t now;
	int rc = cmd_now(r, &now);

	if (rc == 0)
		rc = cmd_line_read(&j, tok, a->field[CAF_JSON], &r->why);
	if (rc == 0)
		rc = x509_read(&c, cmd_nth_cert(a->field[CAF_CHAIN], 0), &r->why);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[300];

		printf("%-14s %s\n", rows[i].head, cmd_cell_text(&j, &rows[i], now, text, sizeof text));
	}
	print_names(&c);
	return j.err ? json_why(&j, &r->why, "the authority's answer") : 0;
}

static int print_pem(struct cmd_run *r, struct span ders)
{
	uint8_t mem[2 * CASIGN_MAX];
	struct wr w = wr_of(mem, sizeof mem);
	int rc = cmd_pem_certs(&w, ders, &r->why);

	if (rc == 0)
		fwrite(w.p, 1, w.n, stdout);
	return rc;
}

static int show(struct cmd_run *r)
{
	const struct show_wish *w = (const struct show_wish *)(const void *)r->wish;
	struct cmd_request q = {.m.type = CA_SHOW};
	struct casign a;
	int rc = cmd_put_which(r, &q, r->wish->word[0]);

	if (rc == 0 && w->json && w->pem)
		rc = cmd_misuse(r, "--json and --pem exclude each other");
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc)
		return rc;
	if (w->pem)
		return print_pem(r, a.field[CAF_CHAIN]);
	if (!w->json)
		return print_text(r, &a);
	fwrite(a.field[CAF_JSON].p, 1, a.field[CAF_JSON].n, stdout);
	return 0;
}

#define AT(m) offsetof(struct show_wish, m)

int ca_show_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--json", NULL, "one JSON object (docs/ca.md)", CMD_FLAG, AT(json), 0, 0},
		{"--pem", NULL, "the certificate itself", CMD_FLAG, AT(pem), 0, 0}};
	static const struct cmd command = {
		.call = "zt ca show", .words = "NAME|SERIAL|ID", .least = 1, .most = 1, .options = options,
		.noptions = ARRAY_LEN(options), .run = show,
		.about = "Show one certificate; of several with the name the newest. ID is the opaque one in the certificate.\n"};
	struct show_wish w = {.json = false};

	return cmd_main(&command, &w.base, argc, argv);
}

/* ---- anchors ------------------------------------------------------------------------------------------- */

static const enum casign_field trusted[ANCHORS] = {
	[ANCHOR_INFRA] = CAF_INFRA, [ANCHOR_DEVICE] = CAF_DEVICE, [ANCHOR_ACME] = CAF_ACME};

static int print_anchors(struct cmd_run *r, const struct casign *a, bool json)
{
	static const struct cmd_column columns[] = {
		{"ANCHOR", "anchor", CELL_TEXT}, {"GENERATION", "generation", CELL_NUMBER}, {"STATE", "state", CELL_TEXT},
		{"KEY HERE", "key", CELL_YES},	 {"GOOD UNTIL", "not_after", CELL_UNTIL},   {"PIN (sha256)", "pin", CELL_TEXT}};
	struct cmd_table t = {.columns = columns, .n = ARRAY_LEN(columns), .json = json, .why = &r->why};
	int rc = cmd_now(r, &t.now);

	return rc < 0 ? rc : cmd_table_page(&t, a->field[CAF_JSON]);
}

static int anchors(struct cmd_run *r)
{
	const struct show_wish *w = (const struct show_wish *)(const void *)r->wish;
	const struct cmd_request q = {.m.type = CA_FACTS};
	const char *word = r->wish->word[0];
	enum cert_anchor which = ANCHOR_INFRA;
	struct casign a;
	int rc = word ? cmd_anchor(r, word, &which) : 0;

	if (rc == 0 && word && w->json)
		rc = cmd_misuse(r, "--json lists them all: it takes no ANCHOR");
	if (rc == 0)
		rc = cmd_open(r);
	if (rc == 0)
		rc = cmd_ask(r, &q, -1, &a);
	if (rc)
		return rc;
	return word ? print_pem(r, a.field[trusted[which]]) : print_anchors(r, &a, w->json);
}

int ca_anchors_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--json", NULL, "one JSON object a line (docs/ca.md)", CMD_FLAG, AT(json), 0, 0}};
	static const struct cmd command = {
		.call = "zt ca anchors", .words = "[ANCHOR]", .most = 1, .options = options, .noptions = ARRAY_LEN(options),
		.run = anchors,
		.about = "List the anchors, or print the certificates of one (infra, device, acme) for those who are to trust it:\n"
			 "during a roll-over both the old and the new.\n"};
	struct show_wish w = {.json = false};

	return cmd_main(&command, &w.base, argc, argv);
}

/* ---- revocation lists -------------------------------------------------------------------------------------- */

/* Part by part; -ZT_E_AGAIN: it was made anew meanwhile. */
static int get_parts(struct cmd_run *r, struct cmd_request *q, struct arena *mem, struct wr *out)
{
	struct casign a;
	uint64_t number, total;
	int rc = cmd_ask(r, q, -1, &a);

	if (rc < 0)
		return rc;
	number = casign_u64(&a, CAF_NUMBER);
	total = casign_u64(&a, CAF_TOTAL);
	*out = wr_of(total <= CRL_MAX ? arena_get(mem, (size_t)total + 1) : NULL, (size_t)total);
	if (out->p == NULL)
		return why_set(&r->why, ZT_E_NOMEM, "no memory for a revocation list of %llu bytes", (unsigned long long)total);
	cmd_put_num(q, CAF_NUMBER, number);
	wr_put(out, a.field[CAF_PART]);
	while (rc == 0 && out->n < total && !out->full && a.field[CAF_PART].n) {
		cmd_put_num(q, CAF_OFFSET, out->n);
		rc = cmd_ask(r, q, -1, &a);
		if (rc == 0)
			wr_put(out, a.field[CAF_PART]);
	}
	if (rc == 0 && (out->full || out->n != total))
		rc = why_set(&r->why, ZT_E_BUG, "the authority's list is not as long as it said");
	return rc;
}

#define TRIES 5

static int get_list(struct cmd_run *r, enum cert_anchor which, struct arena *mem, struct wr *out)
{
	int rc = -ZT_E_AGAIN;

	for (int i = 0; i < TRIES && rc == -ZT_E_AGAIN; i++) {
		struct cmd_request q = {.m.type = CA_LIST};

		r->why = (struct why){0};
		cmd_put_num(&q, CAF_KIND, CA_LIST_CRL);
		cmd_put_num(&q, CAF_ANCHOR, which);
		rc = get_parts(r, &q, mem, out);
	}
	return rc;
}

static int put_list(struct cmd_run *r, struct span bytes)
{
	const struct show_wish *w = (const struct show_wish *)(const void *)r->wish;
	const struct newfile f = {.dirfd = AT_FDCWD, .name = w->out, .mode = 0644, .how = NEWFILE_REPLACE};

	if (w->out && !span_eq_str(span_str(w->out), "-"))
		return newfile_write(&f, bytes, &r->why);
	fwrite(bytes.p, 1, bytes.n, stdout);
	return 0;
}

static int write_list(struct cmd_run *r, struct arena *mem, struct span der)
{
	const struct show_wish *w = (const struct show_wish *)(const void *)r->wish;
	size_t room = CT_B64PAD_LEN(der.n) + der.n / 48 + 200; /* a line end after 64 of base64 */
	struct wr pem;

	if (!w->pem)
		return put_list(r, der);
	pem = wr_of(arena_get(mem, room), room);
	if (pem.p == NULL)
		return why_set(&r->why, ZT_E_NOMEM, "no memory for the revocation list");
	pem_write(&pem, "X509 CRL", der);
	ZT_ASSERT(!pem.full);
	return put_list(r, wr_span(&pem));
}

static int crl(struct cmd_run *r)
{
	const struct show_wish *w = (const struct show_wish *)(const void *)r->wish;
	enum cert_anchor which;
	struct arena mem;
	struct wr der;
	int rc = cmd_anchor(r, r->wish->word[0], &which);

	if (rc == 0 && !w->pem && !w->out && isatty(STDOUT_FILENO))
		rc = cmd_misuse(r, "this would write bytes to the terminal: --pem, or --out FILE");
	if (rc == 0)
		rc = cmd_open(r);
	if (rc < 0)
		return rc;
	arena_init(&mem, (TRIES + 2) * (size_t)CRL_MAX);
	rc = get_list(r, which, &mem, &der);
	if (rc == 0)
		rc = write_list(r, &mem, wr_span(&der));
	arena_free(&mem);
	return rc;
}

int ca_crl_main(int argc, char **argv)
{
	static const struct cmd_option options[] = {
		{"--pem", NULL, "in PEM (else DER)", CMD_FLAG, AT(pem), 0, 0},
		{"--out", "FILE", "into this file, put in its place as a whole", CMD_TEXT, AT(out), 0, 0}};
	static const struct cmd command = {
		.call = "zt ca crl", .words = "ANCHOR", .least = 1, .most = 1, .options = options, .noptions = ARRAY_LEN(options),
		.run = crl,
		.about = "Write the revocation list of an anchor (infra, device, acme), for servers that are not zt.\n"};
	struct show_wish w = {.json = false};

	return cmd_main(&command, &w.base, argc, argv);
}
