/*
 * shepherd_alone: the first process of a role when its own work is done: nothing but a shepherd, in a fresh image of this
 * program, which has the memory of one.
 */
#ifndef ZT_SHEPHERD_ALONE_H
#define ZT_SHEPHERD_ALONE_H

struct shepherd;

/* Nothing but a shepherd from now on. Comes back only with an error; every line is as before then. */
int shepherd_become(struct shepherd *sh, int exe_fd);
int shepherd_main(int argc, char **argv); /* "zt --shepherd", of a process that did that */

#endif
