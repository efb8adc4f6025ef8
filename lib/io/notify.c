/* notify: one datagram socket to the service manager. */
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "shepherd.h"

#define LEAST_USEC 2000 /* anything shorter would make us spin, and help nobody */

/* WATCHDOG_USEC is ours unless WATCHDOG_PID names another process; half of it is the habit
 * sd_watchdog_enabled(3) asks for. */
static uint64_t watchdog(pid_t self)
{
	uint64_t usec, pid;

	if (span_u64(span_str(getenv("WATCHDOG_USEC")), UINT64_MAX / 1000, &usec) < 0)
		return 0;
	if (getenv("WATCHDOG_PID") &&
	    (span_u64(span_str(getenv("WATCHDOG_PID")), UINT32_MAX, &pid) < 0 || pid != (uint64_t)self))
		return 0;
	if (usec == 0)
		return 0;
	return (usec > LEAST_USEC ? usec : LEAST_USEC) * 1000 / 2;
}

void notify_open(struct notify *n)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct span path = span_str(getenv("NOTIFY_SOCKET"));
	socklen_t len;

	*n = (struct notify){.fd = -1, .watchdog_ns = watchdog(getpid())};
	if (path.n < 2 || path.n >= sizeof to.sun_path || (path.p[0] != '/' && path.p[0] != '@'))
		return;
	memcpy(to.sun_path, path.p, path.n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = 0; /* an abstract socket */
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&to, len) < 0) {
		close(n->fd);
		n->fd = -1;
	}
}

void notify_relay(struct notify *n, int line)
{
	*n = (struct notify){.fd = -1, .relay = line, .watchdog_ns = watchdog(getppid())};
}

void notify_send(const struct notify *n, const char *text)
{
	if (n->relay)
		upmsg_send(n->relay, &(struct upmsg){.type = UPMSG_NOTIFY, .text = span_str(text)}, NULL, 0);
	if (n->fd >= 0 && send(n->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* a service manager that went away is no reason to stop */
}
