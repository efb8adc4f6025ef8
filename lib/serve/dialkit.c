/* dialkit: the same parts in the same order as in a worker. Speaks on stderr only to warn. */
#include "dialkit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "io/net.h"
#include "io/sysnames.h"

#define CONF_BYTES 65536 /* of resolv.conf; three lines matter */

/* The first cap bytes of a file. The machine's own files may be missing, as for every
 * resolver; any other fault is worth a warning. */
static struct span read_head(const struct dialkit *k, const char *path, bool may_miss, struct arena *a, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *mem = fd < 0 ? NULL : arena_get(a, cap);
	size_t n = 0;
	ssize_t got = fd < 0 ? -1 : 0;

	while (mem && n < cap && ((got = read(fd, mem + n, cap - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	if (got < 0 && !(may_miss && errno == ENOENT))
		fprintf(stderr, "%s: warning: cannot read %.200s: %s\n", k->who, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return span_of(mem, n);
}

static void pick_servers(struct dialkit *k, struct arena *a)
{
	unsigned bad;

	if (k->conf.n)
		return;
	bad = resolvconf_parse(read_head(k, SYSNAMES_RESOLV_CONF, true, a, CONF_BYTES), &k->conf);
	bad += net_resolvconf(&k->conf);
	if (bad)
		fprintf(stderr, "%s: warning: %u nameserver line%s of " SYSNAMES_RESOLV_CONF " cannot be used\n", k->who, bad,
			bad == 1 ? "" : "s");
}

int dialkit_open(struct dialkit *k)
{
	struct span hosts;
	struct arena a;
	int rc;

	arena_init(&a, CONF_BYTES + RESOLVE_HOSTS_BYTES + 64);
	bounds_init(&k->bounds);
	rc = loop_open(&k->loop, LOOP_BEST, &clock_real);
	if (rc == 0)
		rc = resolver_new(&k->resolver, k->loop, &k->bounds);
	if (rc == 0) {
		pick_servers(k, &a);
		hosts = read_head(k, k->hosts ? k->hosts : SYSNAMES_HOSTS, !k->hosts, &a, RESOLVE_HOSTS_BYTES);
		rc = resolver_configure(k->resolver, &k->conf, hosts);
		rc = rc < 0 ? rc : 0; /* 1: its end is ignored, as a worker would */
	}
	if (rc == 0)
		rc = dialer_new(&k->dialer, k->loop, k->resolver, &k->bounds);
	arena_free(&a);
	return rc;
}

void dialkit_close(struct dialkit *k)
{
	dialer_free(k->dialer);
	resolver_free(k->resolver);
	loop_free(k->loop);
}
