/*
 * window: the sums of window.h. Owns the rule by which a window grows; knows no frame and no stream.
 */
#include "window.h"

#include "base/num.h"

void window_in_init(struct window_in *w, uint64_t size, uint64_t most, uint64_t now_ns)
{
	*w = (struct window_in){.granted = size, .size = size, .most = most, .since_ns = now_ns};
}

int window_in_receive(struct window_in *w, uint64_t n)
{
	if (n > w->granted - w->received)
		return -ZT_E_RANGE;
	w->received += n;
	return 0;
}

void window_in_take(struct window_in *w, uint64_t n)
{
	ZT_ASSERT(n <= w->received - w->taken);
	w->taken += n;
}

/* A sender that only the window holds up uses it once a round trip; one in four shows that it is not far off. */
static void measure(struct window_in *w, uint64_t now_ns, uint64_t rtt_ns, bool may_grow)
{
	uint64_t four;

	if (w->taken - w->since < w->size)
		return;
	if (num_mul64(rtt_ns, 4, &four))
		four = UINT64_MAX;
	if (may_grow && rtt_ns && now_ns - w->since_ns <= four && w->size <= w->most / 2)
		w->size *= 2;
	w->since = w->taken;
	w->since_ns = now_ns;
}

bool window_in_grant(struct window_in *w, uint64_t now_ns, uint64_t rtt_ns, bool may_grow, uint64_t *credit)
{
	uint64_t want;

	if (num_add64(w->taken, w->size, &want) || want < w->granted || want - w->granted < w->size / 2)
		return false;
	measure(w, now_ns, rtt_ns, may_grow);
	if (num_add64(w->taken, w->size, &want))
		return false;
	*credit = w->granted = want;
	return true;
}

int window_out_credit(struct window_out *w, uint64_t limit)
{
	if (limit < w->limit)
		return -ZT_E_RANGE;
	if (limit == w->limit)
		return 0;
	w->limit = limit;
	return 1;
}

int window_out_send(struct window_out *w, uint64_t n)
{
	if (n > window_out_room(w))
		return -ZT_E_RANGE;
	w->sent += n;
	return 0;
}

bool window_rate_take(struct window_rate *r, uint64_t now_ns)
{
	uint64_t back;

	if (now_ns > r->at_ns) {
		if (num_mul64(now_ns - r->at_ns, r->rate, &back))
			back = UINT64_MAX;
		/* Tokens a second are thousandths a millisecond; what is less than one is not lost. */
		if (back >= 1000000) {
			r->at_ns = now_ns - back % 1000000 / r->rate;
			r->spent_milli -= num_min64(back / 1000000, r->spent_milli);
		}
	}
	if (r->spent_milli + 1000 > (uint64_t)r->burst * 1000)
		return false;
	r->spent_milli += 1000;
	return true;
}
