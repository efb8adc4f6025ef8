/* STUBS, of this branch only: replaced by exchange.c, upstream.c, tunnel.c, raw.c and redirect.c. */
#include <unistd.h>

#include "exchange.h"

void edge_access(struct edge *e, struct span line) { (void)e; (void)line; }
/* One at a time: answers whatever came. */
struct exchange {
	const struct exchange_of *of;
};
static struct exchange only;
static void stub_event(struct duct *d, unsigned events)
{
	(void)events;
	if (duct_ended(d) || duct_dead(d)) {
		only.of->over(only.of->owner, false);
		return;
	}
	duct_take(d, duct_peek(d).n);
	duct_put_all(d, SPAN_LIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstub\n"));
	duct_flush(d);
	only.of->over(only.of->owner, true);
}
int exchange_start(struct exchange **out, const struct exchange_of *of)
{
	static const struct duct_user user = {stub_event};

	only.of = of;
	of->d->user = &user;
	duct_want(of->d, DUCT_IN);
	*out = &only;
	return 0;
}
void exchange_rejudge(struct exchange *x) { (void)x; }
void exchange_end(struct exchange *x, const char *why) { (void)x; (void)why; }
bool exchange_is_idle(const struct exchange *x) { (void)x; return true; }
void upstream_close(struct upstream *u, enum zt_err why) { (void)u; (void)why; }
void raw_accepted(struct edge *e, const struct conf_service *s, int fd, const struct addr *peer) { (void)e; (void)s; (void)peer; close(fd); }
bool raw_passes(struct edge *e, const struct hello *h, struct span *service) { (void)e; (void)h; (void)service; return false; }
void raw_passed(struct edge *e, const struct hello *h, int fd, const struct addr *peer, struct span before) { (void)e; (void)h; (void)peer; (void)before; close(fd); }
void raws_rejudge(struct edge *e) { (void)e; }
void raws_drain(struct edge *e) { (void)e; }
void raws_end(struct edge *e) { (void)e; }
