/* sysnames: see sysnames.h. Owns the bundle between prepare and commit. Opens no file. */
#include "sysnames.h"

#include <stdlib.h>

#include "base/log.h"
#include "net.h"
#include "spawn.h"
#include "wire/bundle.h"

size_t sysnames_files(struct file_want out[static FILES_MOST], size_t n)
{
	out[n++] = (struct file_want){.path = SYSNAMES_RESOLV_CONF, .optional = true};
	out[n++] = (struct file_want){.path = SYSNAMES_HOSTS, .optional = true};
	return n;
}

void sysnames_forget(struct sysnames *s)
{
	free(s->mem);
	*s = (struct sysnames){.mem = NULL};
}

/* The machine may have no such file: nothing is in it then. */
static struct span text_of(struct span bundle, const char *path)
{
	struct span text;

	return bundle_find(bundle, path, &text) < 0 ? SPAN_NONE : text;
}

int sysnames_read(struct sysnames *s, int fd, struct why *why)
{
	int rc;

	sysnames_forget(s);
	rc = sealed_read(fd, BOUND_CAP(BOUND_BUNDLE), &s->bundle, &s->mem, why);
	if (rc == 0 && bundle_check(s->bundle) < 0)
		rc = why_set(why, ZT_E_BUG, "the bundle handed over is malformed");
	if (rc < 0) {
		sysnames_forget(s);
		return rc;
	}
	resolvconf_parse(text_of(s->bundle, SYSNAMES_RESOLV_CONF), &s->servers);
	net_resolvconf(&s->servers);
	s->hosts = text_of(s->bundle, SYSNAMES_HOSTS);
	return 0;
}

void sysnames_give(struct sysnames *s, struct resolver *r, struct log *log)
{
	int rc = resolver_configure(r, &s->servers, s->hosts);

	if (rc < 0)
		LOG0(log, LOG_ERROR, "no memory for the hosts file, the old one goes on");
	else if (rc > 0)
		LOG0(log, LOG_WARN, "the hosts file is longer than what is looked at, its end is ignored");
	sysnames_forget(s);
}
