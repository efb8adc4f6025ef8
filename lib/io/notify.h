/* notify: tells systemd what a role is doing (sd_notify protocol over $NOTIFY_SOCKET). Silent
 * where there is none. */
#ifndef ZT_NOTIFY_H
#define ZT_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;               /* -1: nobody listens */
	int relay;            /* a line to the shepherd, whom the service manager believes; 0: none */
	uint64_t watchdog_ns; /* send WATCHDOG=1 this often; 0 = never */
};

void notify_open(struct notify *n);
void notify_relay(struct notify *n, int line); /* by a shepherd (io/shepherd), which has it open */
void notify_send(const struct notify *n, const char *text); /* "READY=1\nSTATUS=..." */

#endif
