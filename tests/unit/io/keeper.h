/*
 * keeper: a puppet's neighbour. It is handed a bundle of one host's files and does what its
 * certificate file says: "refuse", "die", "silent", "stay" (it never drains), or anything else:
 * it serves, and answers everything that comes over a line with its epoch and that text.
 */
#ifndef ZT_TEST_KEEPER_H
#define ZT_TEST_KEEPER_H

static void keeper_if(const char *kind, unsigned epoch);
#define PUPPET_OTHER keeper_if
#include "tests/unit/io/puppet.h"

#include "decide/tlsplan.h"
#include "wire/bundle.h"

#define LINES 8

struct keeper {
	uint32_t epoch;
	char text[32];
	int line[LINES];
	bool draining;
};

static void keeper_read(struct keeper *k)
{
	struct span text, bundle, file = SPAN_NONE;
	struct conf_faults faults;
	struct tls_plan plan;
	struct conf *c;
	void *conf_mem, *mem;

	conf_faults_init(&faults);
	if (sealed_read(CHILD_FD_CONF, BOUND_CAP(BOUND_CONF_FILE), &text, &conf_mem, NULL) < 0 ||
	    conf_parse_for(&c, text, "sealed", CONF_FOR_TLSD, &faults) < 0 ||
	    sealed_read(CHILD_FD_FIRST, BOUND_CAP(BOUND_BUNDLE), &bundle, &mem, NULL) < 0 || bundle_check(bundle) < 0)
		_exit(6);
	tls_plan_of(c, &plan);
	if (plan.servers != 1 || bundle_find(bundle, plan.server[0].cert, &file) < 0)
		_exit(7);
	if (span_to_cstr(file, k->text, sizeof k->text) < 0)
		_exit(8);
}

static void keeper_order(struct keeper *k)
{
	struct chan_msg m;

	if (chan_take_order(CHILD_FD_ORDERS, &m) < 0)
		_exit(0);
	if (m.ipc.type == IPC_ASK)
		puppet_say(IPC_COUNTERS, m.ipc.epoch, SPAN_NONE);
	if (m.ipc.type == IPC_DRAIN)
		k->draining = true;
	for (size_t i = 0; i < LINES && m.ipc.type == IPC_LINK && m.nfds == 1; i++)
		if (k->line[i] < 0) {
			k->line[i] = m.fds[0];
			m.nfds = 0;
		}
	chan_close_fds(&m);
}

static void keeper_answer(struct keeper *k, int *line)
{
	char said[64], answer[64];
	ssize_t n = recv(*line, said, sizeof said, 0);

	if (n == 4 && memcmp(said, "exit", 4) == 0)
		_exit(3);
	snprintf(answer, sizeof answer, "%u %s", (unsigned)k->epoch, k->text);
	if (n > 0)
		send(*line, answer, strlen(answer), MSG_NOSIGNAL);
	if (n == 0) {
		close(*line);
		*line = -1;
	}
}

static _Noreturn void keeper_serve(struct keeper *k)
{
	for (;;) {
		struct pollfd in[LINES + 1] = {{.fd = CHILD_FD_ORDERS, .events = POLLIN}};
		int open = 0;

		for (size_t i = 0; i < LINES; i++) {
			in[i + 1] = (struct pollfd){.fd = k->line[i], .events = POLLIN};
			open += k->line[i] >= 0;
		}
		if (k->draining && open == 0 && strcmp(k->text, "stay") != 0) {
			puppet_say(IPC_DRAINED, k->epoch, SPAN_NONE);
			_exit(0);
		}
		poll(in, LINES + 1, -1);
		for (size_t i = 0; i < LINES; i++)
			if (in[i + 1].revents)
				keeper_answer(k, &k->line[i]);
		if (in[0].revents)
			keeper_order(k);
	}
}

static void keeper_if(const char *kind, unsigned epoch)
{
	struct keeper k = {.epoch = epoch};

	if (strcmp(kind, "keeper") != 0)
		return;
	for (size_t i = 0; i < LINES; i++)
		k.line[i] = -1;
	keeper_read(&k);
	if (strcmp(k.text, "die") == 0)
		_exit(5);
	if (strcmp(k.text, "refuse") == 0) {
		puppet_say(IPC_REFUSED, epoch, SPAN_LIT("the key does not fit"));
		_exit(1);
	}
	if (strcmp(k.text, "silent") != 0)
		puppet_ready(epoch);
	keeper_serve(&k);
}

#endif
