/*
 * cmds: the administrator's commands, a function each, and what several of them share beyond cmd.h: the
 * names of certificates, and the files of the authority's endpoint. roles/ca/ca.c has the table of
 * `zt ca WORD`; `zt token WORD` has its own in cmd_token.c.
 */
#ifndef ZT_CA_CMDS_H
#define ZT_CA_CMDS_H

#include "cmd.h"
#include "cmd_key.h"

/* argv[0] is the command's word; the answer is the exit code. */
int ca_init_main(int argc, char **argv);
int ca_issue_main(int argc, char **argv);
int ca_renew_main(int argc, char **argv);
int ca_revoke_main(int argc, char **argv);
int ca_suspend_main(int argc, char **argv);
int ca_unsuspend_main(int argc, char **argv);
int ca_list_main(int argc, char **argv);
int ca_show_main(int argc, char **argv);
int ca_export_main(int argc, char **argv);
int ca_anchors_main(int argc, char **argv);
int ca_crl_main(int argc, char **argv);
int ca_rollover_main(int argc, char **argv);
int ca_adopt_main(int argc, char **argv);
int ca_epoch_main(int argc, char **argv);
int ca_pending_main(int argc, char **argv);
int ca_approve_main(int argc, char **argv);
int ca_reject_main(int argc, char **argv);
int ca_call_main(int argc, char **argv);

/* ---- names of a certificate -------------------------------------------------------------------------- */

struct cmd_names {
	struct san san[CERT_SANS];
	size_t n;
	uint8_t ip[CERT_SANS][16]; /* what SAN_IP points to: do not copy */
	uint8_t der[CERT_SANS * 260];
	size_t nder;               /* the same as GeneralNames, contents: for CAF_SANS */
};
/* --dns and --ip, checked against the role. Wrong use is said in words. */
int cmd_names_of(struct cmd_names *n, struct cmd_run *r, enum cert_role role, const struct cmd_texts *dns,
		 const struct cmd_texts *ip);
/* The hosts of [ca] reach, each once. */
int cmd_names_of_reach(struct cmd_names *n, struct cmd_run *r);
/* key, certificate, anchor, in PEM: serve.pem. */
int cmd_serve_pem(struct wr *w, const struct pk_private *key, struct span leaf, struct span anchor, struct why *why);

/* What the registry calls that certificate; another one each time, because the former is good until the new
 * one is in its place. Answers out. */
#define CMD_SERVE_NAME 24
const char *cmd_serve_name(struct span spki, char out[static CMD_SERVE_NAME]);

/* The role that word names; wrong use lists them all. */
int cmd_role(struct cmd_run *r, const char *word, enum cert_role *out);
/* A name that people give; NULL is fine. what: how wrong use calls it. */
int cmd_check_name(struct cmd_run *r, const char *what, const char *name);
/* How long a certificate is to be good, in one of three ways. */
struct cmd_life {
	uint64_t days;
	int64_t span;
	const char *until;
};
/* Rows of an option table for the member `at` of `type`; --until has one of its own, where it makes sense. */
#define CMD_LIFE_OPTIONS(type, at, otherwise)                                                     \
	{"--days", "N", "how long it is good, 1 to 3653 days (default: " otherwise ")", CMD_NUMBER,        \
	 offsetof(type, at.days), 1, CERT_LIFETIME_MAX / 86400},                                   \
	{"--lifetime", "SPAN", "the same in another unit: 36h, 90m", CMD_SPAN, offsetof(type, at.span),    \
	 CERT_LIFETIME_MIN, CERT_LIFETIME_MAX}
#define CMD_UNTIL_OPTION(type, at)                                                                \
	{"--until", "DATE", "the same as a date: 2030-12-31, or 2030-12-31T12:00:00Z", CMD_TEXT,           \
	 offsetof(type, at.until), 0, 0}
/* Seconds from now; 0: none was given. */
int cmd_lifetime(struct cmd_run *r, const struct cmd_life *life, int64_t *out);
int cmd_anchor(struct cmd_run *r, const char *word, enum cert_anchor *out);

#endif
