/*
 * askca: how a command reaches the process that holds the authority's keys: the one of a running
 * `zt ca serve`, through its control socket, else one of its own (the same jailed child), which takes
 * the registry's lock for as long as the command runs. One way to change anything, and one writer.
 */
#ifndef ZT_ASKCA_H
#define ZT_ASKCA_H

#include <sys/types.h>

#include "base/pool.h"
#include "decide/config.h"
#include "io/files.h"
#include "onechild.h"
#include "wire/casign.h"

/* ---- what ca-sign is handed, by the role's supervisor and by a command alike --------------------- */

#define CA_ROLE "ca"                 /* of place_resolve() */
#define CA_SIGN "ca-sign"            /* the kind, main.c */
#define CA_GENERATIONS 9             /* of one anchor whose keys are looked for: keys/infra.1.key to .9.key */
#define CA_REGISTRY_KEY "keys/registry.key"
#define CA_REGISTRY_DIR "registry"   /* below the state directory: ca-sign's own */
/* In the bundle of a command, beside the files: */
#define CA_COMMAND "command"         /* it is one: warnings only on its stderr */
#define CA_PASSPHRASE "passphrase"   /* in the place of [ca] key_pass_file */
/* Keys of every generation, those that are here; the passphrase's file. */
size_t ca_sign_files(const struct conf *c, struct file_want out[static FILES_MOST]);

/* ---- a command's side ----------------------------------------------------------------------------- */

struct askca { /* zero-initialise, or askca_open() */
	int line;              /* a stream */
	struct onechild child; /* of our own; .pid 0: it belongs to a running role */
	int lock;              /* of the state directory, while it is ours */
	struct arena mem;
	uint8_t *in, *out;     /* CASIGN_MAX each */
};

/* passphrase: of the key files, may be empty. A running role has its own. 0, or with a sentence:
 * -ZT_E_LOCKED, -ZT_E_KEY (wrong passphrase), -ZT_E_PERM (closed to us), -ZT_E_NOTFOUND (no authority
 * here: zt ca init), -ZT_E_DAMAGED, … */
int askca_open(struct askca *a, const struct conf *c, struct span passphrase, struct why *w);
void askca_close(struct askca *a); /* harmless when it was not opened, and twice */
/* One request, one answer; spans of *answer live until the next. CA_NO becomes its code and sentence
 * in *w. fd: goes along, or -1; of CA_ADOPT it is the other registry's file, open for reading. */
int askca_ask(struct askca *a, const struct casign *request, int fd, struct casign *answer, struct why *w);

#endif
