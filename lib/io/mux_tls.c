/*
 * mux_tls: a mux over TLS: its records are those of one struct tls, its numbers those of [tunnel]. Owns nothing.
 */
#include "base/num.h"
#include "decide/config.h"
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

/* What it takes unsent; it has room again when half of that is gone. On a fast path it always has one batch more while the
 * next one is made. */
static void pace_tls(struct mux *m)
{
	unsigned batches = m->pace < m->out.cap ? 1 : 2;

	(void)net_tune(m->o.src->fd, &(struct net_tune){.notsent_lowat = batches * (unsigned)m->pace});
}

/* On a short path what waits unread is no help to anybody: 256 KiB in each 250 us are a gigabyte a second, more than one
 * processor opens. Left to itself the kernel lets megabytes wait there when a reader's processor was away for some ms,
 * and a keystroke behind them. The kernel's round trip ends at the next relay and remembers the least of minutes, so PINGs
 * have a say: there 256 KiB in each 20 ms are 13 MB/s until the kernel has forgotten.
 *
 * While somebody types, a quarter: the processes at both ends then take turns more often, and who has typed waits for a
 * turn and a half. With more than one processor that costs bulk up to a tenth, so it is not for ever. */
#define UNREAD_MOST 262144
#define UNREAD_TYPED 65536
#define SHORT_US 250
#define SHORT_PING_NS (20 * NS_PER_MS)

static void path_tls(struct mux *m)
{
	int fd = m->o.src->fd;
	/* One late answer is a processor that was away, which this is for. */
	bool brief = num_min64(m->rtt.last_ns, m->rtt.before_ns) <= SHORT_PING_NS && net_least_rtt_us(fd) <= SHORT_US;
	unsigned most = !brief ? 0 : m->now - m->typed_ns < MUX_TYPED ? UNREAD_TYPED : UNREAD_MOST;

	if (most != m->unread && net_unread_most(fd, most) == 0)
		m->unread = most;
}

#define STREAM_CREDIT (4 * FRAME_PAYLOAD) /* whole frames: of 64 KiB the last one would have 32 bytes, in a record of its own */
#define CREDIT_WINDOWS 4 /* of the largest stream: the connection's credit, so that one that stalls holds up no other */

/* From the first byte on; when [tunnel] is known, as long as it lets a tunnel be silent. */
const struct net_tune mux_tune = {.nodelay = true, .user_timeout_ms = 10000};

struct mux_opts mux_opts_of(const struct conf_tunnel *t)
{
	return (struct mux_opts){
		.hello = {.version_min = 1, .version_max = 1, .count = 1, .credit = CREDIT_WINDOWS * t->window,
			  .stream_credit = STREAM_CREDIT, .software = "zt " ZT_VERSION},
		.ping_after_ns = t->ping_ms * NS_PER_MS, .dead_after_ns = t->dead_ms * NS_PER_MS, .window_most = t->window};
}

int mux_new(struct mux **out, const struct mux_opts *o)
{
	static const struct mux_carrier tls = {read_tls, seal_tls, send_tls, bye_tls, end_tls, pace_tls, path_tls};
	struct net_tune tune = mux_tune;

	tune.user_timeout_ms = (unsigned)(o->dead_after_ns / NS_PER_MS) + 1000;
	(void)net_tune(o->src->fd, &tune); /* where a kernel knows one of these not, the tunnel is slower to notice, and works */
	return mux_new_over(out, o, &(struct mux_carried){&tls, o->tls, record_head(&o->tls->out), o->tls->most});
}
