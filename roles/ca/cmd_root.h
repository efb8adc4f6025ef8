/*
 * cmd_root: one anchor with its key, in memory: made here, or taken from somebody's files. What comes out is its
 * certificate and the bytes of the key file to be.
 */
#ifndef ZT_CA_CMD_ROOT_H
#define ZT_CA_CMD_ROOT_H

#include "cmd_key.h"

struct cmd_root_wish {
	int64_t now, lifetime;
	struct span pass;           /* the key file is to be under; empty: none */
	struct cmd_pair import;     /* .a NULL: made here; else the files of certificate and key */
	struct span import_pass;
};
struct cmd_root { /* points into itself; wipe() it */
	struct cmd_key made;
	struct privkey taken;
	const struct pk_private *key; /* one of the two */
	uint8_t file[CMD_KEY_PEM * 4];/* the key file as it will be written */
	size_t nfile;
	uint8_t der[X509_MAX];
	struct x509 cert;
};
/* 0, or with a sentence that names the file: -ZT_E_DENIED (not a root that can be an anchor), -ZT_E_KEY,
 * -ZT_E_PERM, … */
int cmd_root_get(struct cmd_root *a, enum cert_anchor which, const struct cmd_root_wish *wish, struct why *w);

#endif
