/* identity_int: what identity.c and identity_store.c share: the files of the directory. Nobody else includes it. */
#ifndef ZT_IDENTITY_INT_H
#define ZT_IDENTITY_INT_H

#include "identity.h"
#include "io/newfile.h"

#define IDFILE_TRUST "trust"
#define IDFILE_REGISTRY "registry.pem"
#define IDFILE_SEEN "status.seen"
/* A key of 400 bytes, and a chain of ENF_CHAIN's 16,384 as PEM with 8 frames. */
#define IDFILE_MAX 32768

/* identity.c */
extern const char *const idfile_anchor[ANCHORS];

struct idfile { /* a file of the directory, and how it is called in sentences */
	struct newfile f;
	char shown[512];
};

const struct newfile *idfile_at(struct idfile *a, int dirfd, const char *dir, const char *name, mode_t mode);
int idfile_damaged(struct why *w, const struct idfile *a, const char *what);
int idfile_write(const struct newfile *f, const struct wr *text, struct why *w);

#endif
