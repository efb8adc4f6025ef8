/*
 * sigs: signals as readable bytes (signalfd), so that no code ever runs in a handler.
 * SIGPIPE is ignored. The mask is inherited by exec: a child clears it first.
 */
#ifndef ZT_SIGS_H
#define ZT_SIGS_H

#include "loop.h"

struct sigs {
	struct source src;
	void (*got)(struct sigs *s, int signo);
};

/* Block and watch HUP, INT, TERM, USR1, USR2, CHLD. */
int sigs_open(struct sigs *s, struct loop *l, void (*got)(struct sigs *s, int signo));
/* Default dispositions and an empty mask, before exec or in a fresh child. */
void sigs_reset(void);

#endif
