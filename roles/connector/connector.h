/* connector: what connector.c and worker.c share. Nobody else includes this. */
#ifndef ZT_CONNECTOR_H
#define ZT_CONNECTOR_H

#include "serve/keeper.h"

enum { CONNECTOR_LINK_KEEPER = KEEPER_LINK_TLSD + 1 }; /* numbers of the worker's links */

#endif
