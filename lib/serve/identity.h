/*
 * identity: what a joined machine keeps: one directory, written only by whole-file renames.
 *   identity.pem   0600: private key, certificate, its chain: one file, so that a renewal is one rename
 *   trust/infra.pem, device.pem, acme.pem   anchors, newest first
 *   registry.pem   public key that signs the status list
 *   where          addresses of the authority, one a line
 *   status         the last status list taken; status.seen {epoch, number, issued}
 *   joining.pem    0600: the key of a join that was not granted yet, so that asking again is the same join
 * docs/formats.md, "An identity".
 */
#ifndef ZT_IDENTITY_H
#define ZT_IDENTITY_H

#include "decide/certrole.h"
#include "decide/status.h"
#include "wire/enrol.h"
#include "wire/privkey.h"

struct identity {
	int dirfd;
	const char *dir;           /* for sentences */
	struct privkey key;
	uint8_t der[X509_MAX];     /* its certificate */
	struct x509 cert;          /* spans into der */
	enum cert_role role;
	uint8_t serial[CERT_SERIAL];
};

/* Read and checked: key and certificate belong together, the chain leads to trust/infra.pem. */
int identity_open(struct identity *id, const char *dir, struct why *w);
void identity_close(struct identity *id);
/* What was granted, with the key it was asked for, in one rename each; identity.pem last. */
int identity_store(int dirfd, const char *shown, const struct pk_private *key, const struct enrol *granted, struct why *w);
/* Renew from: two thirds of its life. */
int64_t identity_renew_at(const struct x509 *cert);

#endif
