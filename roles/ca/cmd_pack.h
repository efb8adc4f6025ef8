/*
 * cmd_pack: `zt ca issue` in one go for a phone or a browser: what was just issued, its key and its anchors as
 * one file, PKCS#12 or a profile, and the key nowhere else. The key file that cmd_out wrote first is
 * removed when the packed one is on the disk, never before.
 *
 *	cmd_pack_check() -> cmd_out_open() -> cmd_pack_open() -> … cmd_out_cert() -> cmd_pack_write() ->
 *	cmd_pack_close()
 */
#ifndef ZT_CA_CMD_PACK_H
#define ZT_CA_CMD_PACK_H

#include "cmd_out.h"
#include "export.h"

struct cmd_pack_wish { /* members of the command's own wish */
	bool p12, p12_modern, mobileconfig;
	const char *pass_file;
};
/* Rows of an option table for the member `at` of `type`. */
#define CMD_PACK_OPTIONS(type, at)                                                                                       \
	{"--p12", NULL, "NAME.p12 for a phone, a browser, an app; the key is then nowhere else", CMD_FLAG,               \
	 offsetof(type, at.p12), 0, 0},                                                                                  \
	{"--p12-modern", NULL, "the same with AES, which old phones do not read", CMD_FLAG,                   \
	 offsetof(type, at.p12_modern), 0, 0},                                                                           \
	{"--mobileconfig", NULL, "NAME.mobileconfig: Apple's profile, also beside one of these", CMD_FLAG,                \
	 offsetof(type, at.mobileconfig), 0, 0},                                                                         \
	{"--p12-pass-file", "FILE", "password of these files (default: one is made and shown once)", CMD_TEXT,           \
	 offsetof(type, at.pass_file), 0, 0}

#define CMD_PACK_LIST 8192 /* of CAF_INFRA and its like */
struct cmd_pack {
	struct cmd_out *o;
	const struct cmd_pack_wish *wish;
	struct secret password;
	bool made;                                  /* the password is ours: show it */
	uint8_t lists[ANCHORS][CMD_PACK_LIST];
	struct span anchors[ANCHORS];
};

bool cmd_pack_wanted(const struct cmd_pack_wish *w);
/* Options that exclude each other; touches nothing. */
int cmd_pack_check(struct cmd_run *r, const struct cmd_pack_wish *w, const struct cmd_out_wish *out);
/* Refuses what is there already, takes or makes the password. */
int cmd_pack_open(struct cmd_pack *p, struct cmd_out *o, const struct cmd_pack_wish *w);
/* Asks whom the new certificate will be under: before it is asked for, so that nothing but the disk can be
 * in the way after that. */
int cmd_pack_anchors(struct cmd_pack *p);
int cmd_pack_write(struct cmd_pack *p, struct span leaf);
void cmd_pack_close(struct cmd_pack *p);

#endif
