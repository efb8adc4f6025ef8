/*
 * window: the sums of window.h. Owns the rule by which a window grows; knows no frame and no stream.
 */
#include "window.h"

#include "base/num.h"

/* Four frames and sixteen: credit for less is not worth a frame of its own, and the wake-up of who gets it. */
#define HALVES_TO 65504
#define QUARTERS_TO 262016
#define IDLE_NS UINT64_C(1000000000)
#define MEASURED_MOST (60 * IDLE_NS) /* so that bytes times nanoseconds stay in 64 bits */

void window_in_init(struct window_in *w, uint64_t size, uint64_t most, uint64_t now_ns)
{
	*w = (struct window_in){.granted = size, .size = (uint32_t)num_min64(size, UINT32_MAX), .first = (uint32_t)num_min64(size, UINT32_MAX),
				.most = (uint32_t)num_min64(most, UINT32_MAX), .since_ns = now_ns};
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
	w->since = (uint32_t)num_min64(w->since + n, UINT32_MAX);
}

/* A sender that only the window holds up uses it once a round trip; one in four shows that it is not far off. */
static void grow(struct window_in *w, uint64_t took_ns, uint64_t rtt_ns)
{
	if (took_ns <= num_add64_sat(rtt_ns, rtt_ns / 2) && w->size <= w->most / 4)
		w->size *= 4;
	else if (took_ns / 4 <= rtt_ns && w->size <= w->most / 2)
		w->size *= 2;
}

/* A megabyte a second; a hundred streams that fill a short path have several each. A measure has just begun when credit was
 * given, and of bulk the next turn comes some ms later, so it has to be old enough for one of 64 KiB. */
#define TRICKLE_NS 1000 /* a byte */
#define TRICKLE_AHEAD WINDOW_FIRST

bool window_in_trickles(const struct window_in *w, uint64_t now_ns)
{
	return (window_in_held(w) + w->since + TRICKLE_AHEAD) * TRICKLE_NS <= now_ns - w->since_ns;
}

bool window_in_fills(const struct window_in *w, uint64_t now_ns, uint64_t rtt_ns)
{
	return w->size < w->most && window_in_held(w) + w->since >= w->size && (now_ns - w->since_ns) / 4 <= rtt_ns;
}

/* As long as `bytes` in took_ns are less than a window in sixteen round trips. */
static void shrink(struct window_in *w, uint64_t bytes, uint64_t took_ns, uint64_t rtt_ns)
{
	took_ns = num_min64(took_ns, MEASURED_MOST);
	rtt_ns = num_min64(rtt_ns, MEASURED_MOST / 16);
	while (w->size / 2 >= w->first && bytes / 16 * rtt_ns < (uint64_t)w->size / 256 * took_ns)
		w->size /= 2;
}

/* Half of it lies unread while credit for more is due: what is on its way is less than the other half. */
static bool lies(const struct window_in *w)
{
	return window_in_held(w) >= w->size / 2;
}

static void measure(struct window_in *w, uint64_t now_ns, uint64_t rtt_ns, bool may_grow)
{
	uint64_t bytes = w->since, took = now_ns - w->since_ns;

	if (lies(w) && w->size / 2 >= w->first) {
		w->size /= 2;
	} else if (bytes < w->size && (took < IDLE_NS || rtt_ns == 0)) {
		return;
	} else if (rtt_ns && bytes >= w->size && took / 4 <= rtt_ns) {
		if (may_grow && window_in_held(w) < w->size / 4) /* else it is the reader who holds the sender up */
			grow(w, took, rtt_ns);
	} else if (rtt_ns && took >= IDLE_NS) {
		shrink(w, bytes, took, rtt_ns);
	}
	w->since = 0;
	w->since_ns = now_ns;
}

/* A sender may have all but one step under way: in halves it would never have more than half the window a round trip. */
static uint64_t step(const struct window_in *w)
{
	uint64_t half = num_min64(w->size / 2, HALVES_TO), quarter = num_min64(w->size / 4, QUARTERS_TO), least;

	least = half > quarter ? half : quarter;
	return w->size / 16 > least ? w->size / 16 : least;
}

bool window_in_grant(struct window_in *w, uint64_t now_ns, uint64_t rtt_ns, bool may_grow, uint64_t *credit)
{
	uint64_t want;

	if (num_add64(w->taken, w->size, &want) || want < w->granted || want - w->granted < step(w))
		return false;
	measure(w, now_ns, rtt_ns, may_grow);
	if (num_add64(w->taken, w->size, &want) || want <= w->granted)
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

void window_rtt_sample(struct window_rtt *r, uint64_t sample_ns, uint64_t now_ns)
{
	uint64_t least = sample_ns ? sample_ns : 1, sum = num_add64_sat(r->average_ns - r->average_ns / 8, least / 8);

	r->average_ns = r->average_ns ? (sum ? sum : 1) : least;
	r->before_ns = r->last_ns;
	r->last_ns = least;
	r->at_ns = now_ns;
}

uint64_t window_rtt_of(const struct window_rtt *r)
{
	uint64_t twice = num_min64(r->last_ns, r->before_ns);

	return twice > r->average_ns ? twice : r->average_ns;
}

bool window_rtt_is_old(const struct window_rtt *r, uint64_t now_ns)
{
	return r->average_ns == 0 || now_ns - r->at_ns >= WINDOW_RTT_NS;
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
