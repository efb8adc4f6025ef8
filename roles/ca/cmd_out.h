/*
 * cmd_out: the key and the certificate that a command hands out: DIR/NAME.key and DIR/NAME.pem, or both on
 * standard output. The key is on the disk before a certificate for it is asked for, because a
 * certificate whose key was lost is one more that nobody can account for. One that was asked for
 * with somebody's request has no key here. One that is there already, without a certificate, was left by an
 * issue that did not end: it is asked with again, and the authority answers the same certificate.
 *
 *	cmd_out_open() -> cmd_out_key() -> ask for a certificate for o->csr -> cmd_out_cert(), or on a
 *	refusal cmd_out_undo() -> cmd_out_close()
 */
#ifndef ZT_CA_CMD_OUT_H
#define ZT_CA_CMD_OUT_H

#include "cmds.h"

struct cmd_out_wish { /* as options have it; members of the command's own wish */
	const char *dir;           /* NULL: here; "-": standard output */
	const char *csr;           /* NULL: make a key */
	const char *key_pass_file; /* of the new key */
	bool ask_key_pass;
};
/* Rows of an option table for the member `at` of `type`. */
#define CMD_OUT_OPTIONS(type, at)                                                                 \
	{"--out", "DIR", "where NAME.key and NAME.pem go (default: here); - prints them", CMD_TEXT,        \
	 offsetof(type, at.dir), 0, 0},                                                            \
	{"--csr", "FILE", "for the key of this request (PEM or DER; - is standard input)", CMD_TEXT,       \
	 offsetof(type, at.csr), 0, 0},                                                            \
	{"--key-pass-file", "FILE", "encrypt the new key; also ZT_KEY_PASSPHRASE, …_FILE", CMD_TEXT,       \
	 offsetof(type, at.key_pass_file), 0, 0},                                                  \
	{"--ask-key-pass", NULL, "the same, asked for on the terminal, twice", CMD_FLAG,                   \
	 offsetof(type, at.ask_key_pass), 0, 0}

struct cmd_out {
	struct cmd_run *r;
	const struct cmd_out_wish *wish;
	bool renew;                /* replaces what is there */
	int dir;                   /* -1: standard output */
	char name[CERT_NAME_MAX + 16];
	uint8_t csr_mem[CSR_MAX];
	struct span csr;
	struct csr read;           /* the same */
	struct cmd_key key;        /* when there was no request */
	uint8_t key_pem[CMD_KEY_PEM];
	size_t nkey;
	bool key_written, key_found; /* by us; before us */
	bool key_goes;             /* cmd_out_drop_key() will be called: the key file is not named as a result */
};

/* name: cert_name_ok(). Refuses a certificate that is there already unless it is a renewal; touches nothing. */
int cmd_out_open(struct cmd_out *o, struct cmd_run *r, const struct cmd_out_wish *wish, const char *name, bool renew);
int cmd_out_key(struct cmd_out *o);
/* chain: as CAF_CHAIN. Says what was issued and where it is. */
int cmd_out_cert(struct cmd_out *o, struct span chain, const char *what, enum cert_role role);
/* The authority answered rc: the new key goes, unless the answer was lost and there may be a certificate. */
void cmd_out_undo(struct cmd_out *o, int rc);
/* The key has another home by now: its file goes. */
int cmd_out_drop_key(struct cmd_out *o);
void cmd_out_close(struct cmd_out *o);

#endif
