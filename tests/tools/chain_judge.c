/*
 * chain_judge FOLDER...: what zt thinks of the chains that chains.py made: one line per folder,
 * "yes" or "no CHAIN-FAULT LEAF-REASON". Both checks that a handshake does: the chain with
 * BearSSL (io/trust), then the leaf again (decide/leaf).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "decide/leaf.h"
#include "io/trust.h"
#include "wire/pem.h"

#define FILE_MAX 131072
#define CERTS_MAX 32

static struct span slurp(const char *folder, const char *name, uint8_t *mem)
{
	char path[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, mem, FILE_MAX);
	if (fd >= 0)
		close(fd);
	return n < 0 ? SPAN_NONE : span_of(mem, (size_t)n);
}

static size_t read_chain(struct span text, uint8_t *mem, struct span *out)
{
	unsigned line = 1;
	size_t n = 0, used = 0;
	struct pem p;

	while (n < CERTS_MAX && pem_next(&text, &line, &p, NULL) == 1) {
		int len = pem_decode(&p, mem + used, FILE_MAX - used, NULL);

		out[n++] = span_of(mem + used, len < 0 ? 0 : (size_t)len);
		used += len < 0 ? 0 : (size_t)len;
	}
	return n;
}

/* "server a.example.org": fills both questions. */
static void read_case(struct span text, struct trust_ask *ask, struct leaf_rule *rule, struct addr *ip)
{
	struct span use, name;

	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	span_cut(text, ' ', &use, &name);
	ask->use = rule->use = span_eq_str(use, "server") ? LEAF_SERVER : LEAF_CLIENT;
	if (span_eq_str(name, "-"))
		return;
	if (addr_parse_ip(name, ip) == 0)
		rule->ip = ip;
	else
		ask->name = rule->dns = name;
}

static enum leaf_reason judge_leaf(struct span der, const struct leaf_rule *rule)
{
	struct x509 c;

	return x509_read(&c, der, NULL) < 0 ? LEAF_MALFORMED : leaf_check(&c, rule);
}

static void judge(const char *folder, int64_t now)
{
	static uint8_t chain_text[FILE_MAX], anchor_text[FILE_MAX], ders[FILE_MAX], words[256];
	struct span chain[CERTS_MAX];
	struct trust_ask ask = {.now = now};
	struct leaf_rule rule = {.now = now};
	enum tls_fault f = TLSF_CERT_CA;
	enum leaf_reason r;
	struct trust *t = NULL;
	struct addr ip;
	size_t n;

	read_case(slurp(folder, "case", words), &ask, &rule, &ip);
	n = read_chain(slurp(folder, "chain.pem", chain_text), ders, chain);
	/* As for a distribution's list: an authority that cannot be used is left out. */
	if (trust_new(&t, slurp(folder, "anchors.pem", anchor_text), folder, TRUST_SYSTEM, NULL) == 0)
		f = trust_verify(chain, n, t, &ask);
	trust_free(t);
	r = n ? judge_leaf(chain[0], &rule) : LEAF_MALFORMED;
	if (f == TLSF_NONE && r == LEAF_OK)
		printf("yes\n");
	else
		printf("no %s %s\n", tls_fault_name(f), leaf_name(r));
}

int main(int argc, char **argv)
{
	int64_t now = clock_wall(&clock_real) / 1000;

	for (int i = 1; i < argc; i++)
		judge(argv[i], now);
	return 0;
}
