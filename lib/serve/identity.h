/*
 * identity: what a joined machine keeps: one directory, written only by whole-file renames.
 *   identity.pem   0600: private key, certificate, its chain: one file, so that a renewal is one rename
 *   trust/infra.pem, device.pem, acme.pem   anchors, newest first
 *   registry.pem   public key that signs the status list
 *   where          addresses of the authority, one a line
 *   status.seen    {epoch, number, issued} of the newest status list that was acted on
 *   trust.seen     {epoch, number} of the newest anchors that were stored
 *   joining.pem    0600: the key of a join that was not granted yet, so that asking again is the same join
 *   renewing.pem   0600: the same of a renewal: with another key it would be a copy of us that asks
 * docs/formats.md, "An identity".
 */
#ifndef ZT_IDENTITY_H
#define ZT_IDENTITY_H

#include "decide/authority.h"
#include "decide/status.h"
#include "wire/enrol.h"
#include "wire/privkey.h"

#define IDENTITY_FILE "identity.pem"
#define IDENTITY_JOINING "joining.pem"
#define IDENTITY_RENEWING "renewing.pem"
#define IDENTITY_CERTS 8192 /* of one list of anchors, as ENF_INFRA */

/* Points into itself: do not move or copy it. */
struct identity {
	int dirfd;
	const char *dir;           /* for sentences; borrowed */
	struct privkey key;        /* identity_forget_key() before anything else is talked to */
	uint8_t der[X509_MAX];     /* its certificate */
	struct x509 cert;          /* spans into der */
	enum cert_role role;
	uint8_t serial[CERT_SERIAL];
	struct span id;            /* of its zt:// name */
	struct span infra;         /* anchors in DER, one behind the other */
	struct span registry;      /* SubjectPublicKeyInfo */
	uint8_t infra_mem[IDENTITY_CERTS], registry_mem[160];
};

/* The directory: made (0700) when `make`; ours or root's, and writable by nobody else. A descriptor, or
 * -ZT_E_NOTFOUND, -ZT_E_PERM, … */
int identity_dir(const char *dir, bool make, struct why *w);
bool identity_has(int dirfd, const char *name); /* one of these files */
/* Read and checked: key and certificate belong together, the role's own anchor signed it. Time is not
 * looked at. -ZT_E_NOTFOUND, -ZT_E_PERM, -ZT_E_KEY, -ZT_E_DAMAGED with a sentence that names the file. */
int identity_open(struct identity *id, const char *dir, struct why *w);
/* The same of a directory that is open, which stays the caller's: in a jail there is no way to it by name. */
int identity_open_at(struct identity *id, int dirfd, const char *shown, struct why *w);
void identity_forget_key(struct identity *id);
void identity_close(struct identity *id);

/* What was granted, with the key it was asked for, in one rename each; identity.pem last. It was checked
 * by authority_granted(). */
int identity_store(int dirfd, const char *shown, const struct pk_private *key, const struct enrol *granted, struct why *w);
/* Anchors alone (ENROL_ANCHORS), checked by authority_anchors(): 1 when a file is another now, 0 when they were these
 * already. -ZT_E_DENIED: newer ones were stored before. */
int identity_store_anchors(int dirfd, const char *shown, const struct enrol *m, struct why *w);

/* The key of a join or renewal that is under way, or a new one that is one from now on. */
int identity_key(int dirfd, const char *shown, const char *name, struct privkey *out, struct why *w);
/* With `key` when there is none yet. -ZT_E_EXISTS: there is one, and it is another. */
int identity_key_of(int dirfd, const char *shown, const char *name, const struct pk_private *key, struct why *w);
void identity_drop_key(int dirfd, const char *name);
/* The request for this key, always the same bytes for the same key. */
int identity_request(const struct privkey *key, struct wr *out, struct why *w);

struct identity_where {
	size_t n;
	char addr[TOKEN_ADDRS][TOKEN_ADDR_MAX + 1];
};
int identity_read_where(int dirfd, const char *shown, struct identity_where *out, struct why *w);
int identity_write_where(int dirfd, const char *shown, const struct identity_where *where, struct why *w);
/* {0, 0, 0} when there is none yet; -ZT_E_DAMAGED. */
int identity_read_seen(int dirfd, const char *shown, struct status_seen *out, struct why *w);
int identity_write_seen(int dirfd, const char *shown, const struct status_seen *seen, struct why *w);

/* Renew from: two thirds of its life, counted from its issue. */
int64_t identity_renew_at(const struct x509 *cert);

#endif
