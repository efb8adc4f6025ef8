/*
 * sysnames: what this machine says about names, /etc/resolv.conf and /etc/hosts, on its way to the
 * resolver of a jailed process, which may open neither: the supervisor packs both into the bundle that
 * it hands over (sysnames_files), prepare() takes them out (sysnames_read), commit() gives them to the
 * resolver (sysnames_give), and abort() and close() forget them.
 */
#ifndef ZT_SYSNAMES_H
#define ZT_SYSNAMES_H

#include "files.h"
#include "resolve.h"

#define SYSNAMES_RESOLV_CONF "/etc/resolv.conf"
#define SYSNAMES_HOSTS "/etc/hosts"

/* Zeroed to begin with. */
struct sysnames {
	struct span bundle; /* all that was handed over, checked: for whatever else is in it */
	struct resolvconf servers;
	struct span hosts;
	void *mem;
};

/* Wants both, behind the n that out has; neither has to exist. Answers how many it has then. */
size_t sysnames_files(struct file_want out[static FILES_MOST], size_t n);
/* Reads the sealed bundle; fd stays open. What was read before is forgotten. 0, or why not. */
int sysnames_read(struct sysnames *s, int fd, struct why *why);
/* Gives it to the resolver, which copies it, and forgets it, the bundle too. What goes wrong is logged:
 * the resolver goes on with what it had. */
void sysnames_give(struct sysnames *s, struct resolver *r, struct log *log);
void sysnames_forget(struct sysnames *s); /* harmless when there is nothing */

#endif
