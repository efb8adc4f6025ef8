/*
 * dnsask: the exchange of dnsask.h. Owns its socket, its timer and, over TCP, the memory of
 * one reply. One small allocation per ask, freed when the loop reaps the socket: an ask may
 * outlive whoever started it by the rest of a turn, never longer. How many there are is
 * bounded by the caller (resolve: one for each of BOUND_DNS_QUERIES).
 */
#include "dnsask.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/num.h"
#include "net.h"

#define UDP_ROOM 1500    /* RFC 1035 allows 512; what fits one Ethernet frame is read all the same */
#define UDP_PER_TURN 32  /* datagrams: LOOP_BUDGET is 65,536 bytes, 43 of 1,500 */

enum ask_state {
	ASK_UDP,     /* sent; waits for datagrams */
	ASK_CONNECT, /* TCP: waits for the connection */
	ASK_SEND,    /* TCP: part of the question is still here */
	ASK_LENGTH,  /* TCP: reads the two length bytes */
	ASK_BODY,    /* TCP: reads the reply */
	ASK_OVER     /* reported or cancelled; waits to be reaped */
};

struct dnsask {
	struct source src;
	struct timer timer;
	enum ask_state state;
	unsigned strays;
	uint16_t id;
	struct dns_name name;
	enum dns_type type;
	struct buf out, in;
	uint8_t length[2];
	uint8_t question[2 + DNS_QUERY_MAX]; /* with the length that TCP puts in front */
	void (*done)(void *owner, int rc, const struct dns_answer *a);
	void *owner;
};

static unsigned ask_wants(const struct source *s)
{
	static const uint8_t wants[] = {
		[ASK_UDP] = LOOP_IN,    [ASK_CONNECT] = LOOP_OUT, [ASK_SEND] = LOOP_OUT,
		[ASK_LENGTH] = LOOP_IN, [ASK_BODY] = LOOP_IN,     [ASK_OVER] = 0,
	};

	return wants[CONTAINER_OF(s, const struct dnsask, src)->state];
}

static void ask_reap(struct source *s)
{
	struct dnsask *a = CONTAINER_OF(s, struct dnsask, src);

	if (a->in.mem != a->length)
		free(buf_drop(&a->in));
	free(a);
}

void dnsask_cancel(struct dnsask *a)
{
	if (a->state == ASK_OVER)
		return;
	a->state = ASK_OVER;
	loop_timer_stop(a->src.loop, &a->timer);
	loop_close(&a->src);
}

static void finish(struct dnsask *a, int rc, const struct dns_answer *answer)
{
	if (a->state == ASK_OVER)
		return;
	dnsask_cancel(a);
	a->done(a->owner, rc, answer);
}

static void ask_timeout(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	finish(CONTAINER_OF(t, struct dnsask, timer), -ZT_E_TIMEOUT, NULL);
}

static void take_datagram(struct dnsask *a, struct span msg)
{
	struct dns_answer answer;
	int rc = dns_reply(msg, a->id, &a->name, a->type, &answer);

	if (rc != -ZT_E_UNKNOWN) {
		finish(a, rc, rc < 0 ? NULL : &answer);
	} else if (++a->strays == DNSASK_STRAYS) {
		answer = (struct dns_answer){.kind = DNS_TRUNCATED};
		finish(a, 0, &answer);
	}
}

static void read_datagrams(struct dnsask *a)
{
	uint8_t mem[UDP_ROOM];

	for (unsigned i = 0; i < UDP_PER_TURN && a->state == ASK_UDP; i++) {
		ssize_t n = recv(a->src.fd, mem, sizeof mem, 0);

		if (n >= 0)
			take_datagram(a, span_of(mem, (size_t)n));
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			finish(a, -(int)err_from_errno(errno), NULL); /* an ICMP error, mostly */
	}
}

static void take_reply(struct dnsask *a)
{
	struct dns_answer answer;
	int rc = dns_reply(buf_span(&a->in), a->id, &a->name, a->type, &answer);

	/* On a connection of our own nobody else can have said it: it is the server's mistake. */
	if (rc == -ZT_E_UNKNOWN || (rc == 0 && answer.kind == DNS_TRUNCATED))
		rc = -ZT_E_SYNTAX;
	finish(a, rc, rc < 0 ? NULL : &answer);
}

static void take_length(struct dnsask *a)
{
	size_t n = (size_t)a->length[0] << 8 | a->length[1];
	uint8_t *mem;

	buf_drop(&a->in);
	if (n < DNS_HEADER || n > DNSASK_TCP_MAX) {
		finish(a, n < DNS_HEADER ? -ZT_E_SYNTAX : -ZT_E_TOOLONG, NULL);
		return;
	}
	mem = malloc(n);
	if (mem == NULL) {
		finish(a, -ZT_E_NOMEM, NULL);
		return;
	}
	buf_attach(&a->in, mem, n);
	a->state = ASK_BODY;
}

/* False: nothing more has come yet, or it is over. */
static bool read_some(struct dnsask *a)
{
	size_t room;
	uint8_t *to = buf_space(&a->in, &room);
	ssize_t n = recv(a->src.fd, to, room, 0);

	if (n <= 0) {
		if (n == 0)
			finish(a, -ZT_E_CLOSED, NULL);
		else if (errno != EAGAIN && errno != EINTR)
			finish(a, -(int)err_from_errno(errno), NULL);
		return n < 0 && errno == EINTR;
	}
	buf_filled(&a->in, (size_t)n);
	if (buf_room(&a->in) == 0) {
		if (a->state == ASK_LENGTH)
			take_length(a);
		else
			take_reply(a);
	}
	return true;
}

static bool send_some(struct dnsask *a)
{
	struct span s = buf_span(&a->out);
	ssize_t n = send(a->src.fd, s.p, s.n, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			finish(a, -(int)err_from_errno(errno), NULL);
		return errno == EINTR;
	}
	buf_take(&a->out, (size_t)n);
	if (buf_len(&a->out) == 0) {
		a->state = ASK_LENGTH;
		buf_attach(&a->in, a->length, sizeof a->length);
	}
	return true;
}

static bool finish_connect(struct dnsask *a)
{
	int rc = net_connected(a->src.fd);

	if (rc == -ZT_E_AGAIN)
		return false;
	if (rc < 0)
		finish(a, rc, NULL);
	else
		a->state = ASK_SEND;
	return true;
}

static void ask_ready(struct source *s, unsigned events)
{
	struct dnsask *a = CONTAINER_OF(s, struct dnsask, src);
	bool more = true;

	(void)events; /* whichever: the calls themselves say how far they get */
	while (more) {
		switch (a->state) {
		case ASK_UDP:
			read_datagrams(a);
			return;
		case ASK_CONNECT:
			more = finish_connect(a);
			break;
		case ASK_SEND:
			more = send_some(a);
			break;
		case ASK_LENGTH:
		case ASK_BODY:
			more = read_some(a);
			break;
		case ASK_OVER:
			return;
		}
	}
}

static const struct source_class ask_source = {"dnsask", ask_wants, ask_ready, ask_reap};

static void write_question(struct dnsask *a)
{
	struct wr w = wr_of(a->question, sizeof a->question);

	random_bytes(&a->id, sizeof a->id);
	wr_be16(&w, 0);
	dns_query(&w, a->id, &a->name, a->type);
	ZT_ASSERT(!w.full);
	wr_patch_be16(&w, 0, (uint16_t)(w.n - 2));
	buf_attach(&a->out, a->question, sizeof a->question);
	buf_filled(&a->out, w.n);
}

static int udp_connect_and_send(int fd, const struct addr *server, struct span msg)
{
	struct sockaddr_storage ss;
	socklen_t n = net_to_sockaddr(server, &ss);

	if (connect(fd, (struct sockaddr *)&ss, n) < 0 ||
	    send(fd, msg.p, msg.n, MSG_NOSIGNAL) != (ssize_t)msg.n)
		return -(int)err_from_errno(errno);
	return 0;
}

/* The descriptor, or -ZT_E_…; UDP has sent its question already. */
static int open_to(const struct dnsask *a, const struct dnsask_req *req)
{
	struct span msg = buf_span(&a->out);
	int fd, rc;

	if (req->tcp)
		return net_connect(&req->server);
	fd = socket(req->server.family == 4 ? AF_INET : AF_INET6,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -(int)err_from_errno(errno);
	rc = udp_connect_and_send(fd, &req->server, span_sub(msg, 2, msg.n));
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int ask_begin(struct dnsask *a, struct loop *l, const struct dnsask_req *req)
{
	int rc, fd;

	write_question(a);
	fd = open_to(a, req);
	if (fd < 0)
		return fd;
	a->src = (struct source){.cls = &ask_source, .fd = fd};
	a->timer.fire = ask_timeout;
	rc = loop_timer(l, &a->timer, req->timeout_ns) ? 0 : -ZT_E_NOMEM;
	if (rc == 0)
		rc = loop_add(l, &a->src);
	if (rc < 0) {
		loop_timer_stop(l, &a->timer);
		close(fd);
	}
	return rc;
}

int dnsask_start(struct dnsask **out, struct loop *l, const struct dnsask_req *req,
		 void (*done)(void *owner, int rc, const struct dns_answer *a), void *owner)
{
	struct dnsask *a = calloc(1, sizeof *a);
	int rc;

	if (a == NULL)
		return -ZT_E_NOMEM;
	a->state = req->tcp ? ASK_CONNECT : ASK_UDP;
	a->name = *req->name;
	a->type = req->type;
	a->done = done;
	a->owner = owner;
	rc = ask_begin(a, l, req);
	if (rc < 0)
		free(a);
	else
		*out = a;
	return rc;
}
