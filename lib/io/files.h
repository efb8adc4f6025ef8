/*
 * files: reads certificates, keys and passphrases for a jailed child, and packs them into one
 * sealed bundle (wire/bundle). It never looks into them: what they hold is the child's to parse.
 *
 * A file is opened once and judged by its descriptor, so that what is judged is what is read. A
 * symbolic link is followed: that is how certificates are commonly renewed. A secret one must
 * belong to root or to the user who runs zt and be closed to everybody else.
 *
 * A path that does not begin with "/" is a file of the role's own, below its state directory. Nobody
 * renews those by links: there a link is refused.
 */
#ifndef ZT_FILES_H
#define ZT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "decide/config.h"

/* A host names up to four files, a server that is met as many. No other role has more. */
#define FILES_MOST (4 * (BOUND_CAP(BOUND_HOSTS) + BOUND_CAP(BOUND_TLS_CLIENTS)))
/* In the place of a path: the authorities that this machine trusts. */
#define FILES_SYSTEM "system"
const char *files_system(void); /* where they are; NULL: this machine has none */

/* From mild to strict: a file that is two of them is held to the stricter. */
enum file_kind {
	FILE_PUBLIC,    /* may not be written by everybody */
	FILE_AUTHORITY, /* says whom to believe: written by nobody but its owner, root or who runs zt */
	FILE_SECRET,    /* the same, and read by nobody else either */
	FILE_ANCHORS    /* an authority for a process that may hold no private key: one inside is refused */
};

struct file_want {
	const char *path; /* borrowed; in the bundle it stands as it is here */
	enum file_kind kind;
	bool optional; /* that it does not exist is no fault: it is not in the bundle then */
	const char *kind_of, *of; /* borrowed, for sentences: "host " and "nas" of [host nas]; NULL: of no section */
	const struct conf_named *at; /* borrowed: that section, where there is one */
};

/* What TLS wants of a configuration: for super_child.files of a tlsd. Each path once. */
size_t files_of_tls(const struct conf *c, struct file_want out[static FILES_MOST]);
/* What a worker wants to check roles with, behind the n that out has. Answers how many it has then. */
size_t files_of_roles(const struct conf *c, struct file_want out[static FILES_MOST], size_t n);
/* The same of what is done with an identity. */
size_t files_of_id_roles(const struct conf *c, struct file_want out[static FILES_MOST], size_t n);
/* What the authority's own endpoint wants of its directory: the same for a ca-tlsd. */
size_t files_of_identity(const struct conf *c, struct file_want out[static FILES_MOST]); /* for an id-tlsd */
size_t files_of_ca(const struct conf *c, struct file_want out[static FILES_MOST]);

/* Which files there are now, as one value: it changes when any of them is another file, or has
 * another size or time. */
struct files_mark {
	uint8_t digest[SHA256_LEN];
};
bool files_same(const struct files_mark *a, const struct files_mark *b);

/* What stands in the bundle beside the files: a secret that was typed, a word to the child. */
struct files_extra {
	const char *name;
	struct span bytes;
};
/* What the paths alone do not say. NULL in its place: no path is relative, and no more. */
struct files_base {
	const char *dir; /* relative paths begin here, */
	unsigned owner;  /* and their files may be this user's, who renews them; 0: only root's and ours */
	const struct files_extra *extra;
	size_t nextra;
};
void files_look(const struct file_want *want, size_t n, const struct files_base *base, struct files_mark *out);

/* The bundle, as a sealed descriptor; *out is the mark of what was read. -ZT_E_NOTFOUND, -ZT_E_PERM,
 * -ZT_E_TOOLONG (BOUND_BUNDLE, in all), ... with a sentence that names the file. */
int files_pack(const struct file_want *want, size_t n, const struct files_base *base, struct files_mark *out,
	       struct why *w);

#endif
