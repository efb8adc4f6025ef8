/* elder: a supervisor that is not in charge any more, and the first one as shepherd; see elder.c. What others ask of it
 * is in upgrade.h. */
#ifndef ZT_ELDER_H
#define ZT_ELDER_H

struct super;

void elder_init(struct super *s);   /* the first process: what it does as shepherd */
void elder_begin(struct super *s);  /* its successor has lived long enough */
void elder_counts(struct super *s); /* asks what still lives, again and again */

#endif
