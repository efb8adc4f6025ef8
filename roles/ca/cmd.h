/*
 * cmd: what the administrator's commands (`zt ca WORD`, `zt token WORD`) have in common. Each is a
 * struct cmd: its words and options as a table, from which arguments are read and --help is
 * printed, and one function that does it. Common to all: -c, --pass-file, --help.
 *
 *   cmd_main():  arguments -> configuration -> run() -> sentence and exit code
 *   in run():    cmd_open() reaches the process that holds the keys, cmd_ask() asks it
 *
 * Nothing here holds a key of the authority but cmd_init and cmd_rollover, which make them.
 */
#ifndef ZT_CA_CMD_H
#define ZT_CA_CMD_H

#include <stddef.h>

#include "base/clock.h"
#include "decide/certrole.h"
#include "io/place.h"
#include "serve/askca.h"
#include "serve/secretin.h"

/* ---- what a command takes -------------------------------------------------------------------- */

enum cmd_kind {
	CMD_FLAG,   /* bool */
	CMD_TEXT,   /* const char *; given twice: refused */
	CMD_TEXTS,  /* struct cmd_texts: as often as wanted */
	CMD_PAIR,   /* struct cmd_pair: two values behind one option */
	CMD_NUMBER, /* uint64_t from least to most */
	CMD_SPAN    /* int64_t, seconds, "30m"; from least to most */
};
#define CMD_TEXTS_MAX 32
struct cmd_texts {
	const char *at[CMD_TEXTS_MAX];
	size_t n;
};
struct cmd_pair {
	const char *a, *b;
};

struct cmd_option {
	const char *name;   /* "--days" */
	const char *value;  /* what --help calls it: "N"; of a flag NULL */
	const char *about;
	enum cmd_kind kind;
	size_t at;          /* of the field in the command's own wish */
	uint64_t least, most;
};

#define CMD_WORDS 3
/* The first member of every command's own. */
struct cmd_wish {
	const char *conf, *pass_file;
	const char *word[CMD_WORDS]; /* NULL: not given */
	size_t words;
};

struct cmd_run;
struct cmd {
	const char *call;   /* "zt ca issue" */
	const char *words;  /* "ROLE NAME" */
	const char *about;  /* for --help; lines end with \n */
	const struct cmd_option *options;
	size_t noptions;
	size_t least, most; /* words */
	/* 0, or -(enum zt_err) with a sentence in r->why. */
	int (*run)(struct cmd_run *r);
};

/* The exit code. wish: zeros and defaults, the command's own struct. */
int cmd_main(const struct cmd *c, struct cmd_wish *wish, int argc, char **argv);

/* ---- what it is run with ----------------------------------------------------------------------- */

struct cmd_run {
	const struct cmd *cmd;
	struct cmd_wish *wish;
	struct conf *conf;
	struct place place;     /* of the authority */
	struct secret pass;     /* of its keys, from file or environment; empty: none was given */
	struct askca ca;
	bool open;
	struct why why;
};

/* Wrong use: says so, and that --help lists the options. */
int cmd_misuse(struct cmd_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Seconds since 1970. A clock before CLOCK_FLOOR_S is refused: no certificate would be good. */
int cmd_now(struct cmd_run *r, int64_t *now);
/* "<state directory>/name", for sentences and NEWFILE; answers out. */
const char *cmd_path(const struct cmd_run *r, const char *name, char out[static 2 * PLACE_PATH]);
/* The passphrase of the authority's keys: --pass-file, ZT_PASSPHRASE(_FILE), [ca] key_pass_file.
 * 0 also when there is none. */
int cmd_passphrase(struct cmd_run *r);

/* ca-sign of the running role, or one of our own. Asks for the passphrase on the terminal when the keys
 * need one and none was given. */
int cmd_open(struct cmd_run *r);
/* A request and the memory of its numbers. */
struct cmd_request {
	struct casign m;
	uint8_t num[CAF_TAGS][8], serial[CERT_SERIAL];
};
void cmd_put(struct cmd_request *q, enum casign_field f, struct span s);
void cmd_put_num(struct cmd_request *q, enum casign_field f, uint64_t v);
/* CA_OK with the fields it must have, which live until the next; else the code and the sentence. */
int cmd_ask(struct cmd_run *r, const struct cmd_request *q, int fd, struct casign *answer);
/* 16 bytes in hex, with or without colons: of a serial, of a token. */
bool cmd_hex16(const char *word, uint8_t out[static 16]);
/* NAME|SERIAL. A word that is neither is wrong use. */
int cmd_put_which(struct cmd_run *r, struct cmd_request *q, const char *word);

/* A running role reads keys and anchors again; that none runs is fine. false: it has not, which was said. */
bool cmd_reload(struct cmd_run *r);

/* All JSON lines of a message that is asked page by page (CA_ENTRIES, CA_TOKENS, CA_PENDINGS); q has
 * its filters. each gets a page; what it answers below 0 ends it. */
int cmd_pages(struct cmd_run *r, struct cmd_request *q, int (*each)(void *owner, struct span lines), void *owner);

/* printf's %s for bytes that others chose: control characters escaped. Answers out. */
const char *cmd_shown(struct span s, char *out, size_t cap);

#endif
