/* STUBS, of this branch only: replaced by exchange.c, upstream.c, tunnel.c, raw.c and redirect.c. */
#include <unistd.h>

#include "exchange.h"

void tunnel_accepted(struct edge *e, int fd, const struct addr *peer, struct span before) { (void)e; (void)peer; (void)before; close(fd); }
enum policy_route tunnels_route(struct edge *e, struct span host, struct span path, unsigned kinds, const struct tunnel *not, struct tunnel_route *out)
{
	(void)e; (void)host; (void)path; (void)kinds; (void)not; (void)out;
	return ROUTE_NO_CONNECTOR;
}
struct stream *tunnel_open(const struct tunnel_route *r, struct frame_open *o, const struct duct_user *u, void *owner, int *rc)
{
	(void)r; (void)o; (void)u; (void)owner;
	*rc = -ZT_E_CLOSED;
	return NULL;
}
void tunnels_rejudge(struct edge *e) { (void)e; }
void tunnels_drain(struct edge *e) { (void)e; }
void tunnels_end(struct edge *e) { (void)e; }
size_t tunnels_ready(const struct edge *e) { (void)e; return 0; }
void tunnels_counters(const struct edge *e, struct wr *out) { (void)e; (void)out; }
