/*
 * keeper: the child that keeps a role's identity: serve/follow in a jail of its own (JAIL_KEEPER: a worker's
 * network and one directory), and lines to the role's workers that hand on what it learns (wire/keepmsg).
 * Any role may list it, with an id-tlsd that has the key for its handshakes:
 *
 *   {.kind = "id-tlsd", .proc = "tlsd", .who = CONF_FOR_ID_TLSD, .files = files_of_identity, .anew = true},
 *   {.kind = "keeper", .proc = "keeper", .who = CONF_FOR_KEEPER, .files = keeper_files, .dir = TLS_ID_DIR, .alone = true},
 *
 * and links: number KEEPER_LINK_TLSD between the two, any other number from the keeper to a worker
 * (serve/keepline is the worker's end). A renewal is a new identity.pem: the supervisor sees it, starts another
 * id-tlsd, and the keeper, like every worker, gets a line to it with the reload.
 */
#ifndef ZT_KEEPER_H
#define ZT_KEEPER_H

#include "io/files.h"

#define KEEPER_LINK_TLSD 0

int keeper_main(int argc, char **argv); /* zt --child keeper EPOCH */
size_t keeper_files(const struct conf *c, struct file_want out[static FILES_MOST]); /* what the machine says about names */

#endif
