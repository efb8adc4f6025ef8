/* joinwait: see joinwait.h. Owns its descriptors until somebody takes them and sets n to 0. */
#include "joinwait.h"

#include <unistd.h>

#include "base/num.h"
#include "io/net.h"

static const struct addr usual = {.family = 4, .port = 443};

static int listen_at(struct joinwait *j, const struct addr *at, struct why *w)
{
	const struct net_listen o = {.at = *at, .backlog = 64};
	struct why cause = {0};
	int rc = net_listen(&o, &cause);

	if (rc == -ZT_E_ADDRINUSE)
		return why_set(w, ZT_E_ADDRINUSE, "%s. If that is 'zt edge', stop it for the moment, or give --listen ADDR:PORT with "
			       "another port that home can reach", cause.text);
	if (rc < 0)
		return why_set(w, cause.err, "%s", cause.text);
	j->fd[j->n++] = rc;
	return 0;
}

int joinwait_open(struct joinwait *j, const struct conf *c, const char *listen, struct why *w)
{
	const struct conf_list *l = &c->edge.listen;
	struct addr own = addr_from_here(l->n ? conf_addr(l, 0) : &usual), at = usual;
	int rc = 0;

	*j = (struct joinwait){.passes = c->edge.enrol[0] != 0};
	addr_text(&own, j->own);
	if (listen && addr_parse(span_str(listen), false, &at) < 0)
		return why_set(w, ZT_E_USAGE, "--listen takes ADDRESS:PORT, for example 0.0.0.0:443, not '%.100s'", listen);
	if (listen || l->n == 0)
		rc = listen_at(j, &at, w);
	for (size_t i = 0; !listen && i < num_min(l->n, ARRAY_LEN(j->fd)) && rc == 0; i++)
		rc = listen_at(j, conf_addr(l, i), w);
	j->at = listen || l->n == 0 ? at : *conf_addr(l, 0);
	if (rc < 0)
		joinwait_close(j);
	return rc;
}

void joinwait_close(struct joinwait *j)
{
	while (j->n)
		close(j->fd[--j->n]);
}
