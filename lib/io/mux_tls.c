/*
 * mux_tls: a tunnel's records are those of one struct tls. Owns nothing.
 */
#include "mux_int.h"
#include "net.h"

static ssize_t read_tls(struct mux *m)
{
	return tls_read(m->o.tls, &m->in);
}

static int seal_tls(struct mux *m, uint8_t *mem, size_t n)
{
	return record_seal(&m->o.tls->out, RECORD_DATA, mem, n);
}

static ssize_t send_tls(struct mux *m)
{
	return tls_out_send(m->o.tls, &m->out);
}

static void bye_tls(struct mux *m)
{
	tls_bye(m->o.tls, &m->out);
}

static const char *end_tls(const struct mux *m, bool *clean)
{
	*clean = m->o.tls->end == TLS_CLEAN;
	return tls_end_text((enum tls_end)m->o.tls->end);
}

int mux_new(struct mux **out, const struct mux_opts *o)
{
	static const struct mux_carrier tls = {read_tls, seal_tls, send_tls, bye_tls, end_tls};
	struct net_tune tune = mux_tune;

	tune.user_timeout_ms = (unsigned)(o->dead_after_ns / NS_PER_MS) + 1000;
	(void)net_tune(o->src->fd, &tune); /* where a kernel knows one of these not, the tunnel is slower to notice, and works */
	return mux_new_over(out, o, &(struct mux_carried){&tls, o->tls, record_head(&o->tls->out), o->tls->most});
}
