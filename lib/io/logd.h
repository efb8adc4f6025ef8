/*
 * logd: the sole writer of the log file. Reads whole lines from the pipe that every process
 * of the role writes into, appends each with one write(), rotates by size and count, reopens
 * on request, and stays alive on a full disk: what does not fit is counted and reported when
 * there is room again.
 */
#ifndef ZT_LOGD_H
#define ZT_LOGD_H

int logd_main(int argc, char **argv); /* the child kind "logd" */

#endif
