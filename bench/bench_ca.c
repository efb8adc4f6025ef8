/*
 * bench_ca CONF N: asks the running authority of this configuration for N certificates of role device, each for a key of
 * its own, one after the other over one line to ca-sign, each on the disk before its answer. Prints
 * "COUNT MICROSECONDS" of the asking alone; keys and requests are made before. No passphrase.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "decide/certrole.h"
#include "io/confload.h"
#include "serve/askca.h"
#include "wire/csr.h"

#define MOST 2000

extern char **environ;

struct request {
	uint8_t mem[512];
	struct span csr;
};

static int make_request(struct request *r)
{
	static const struct x509_attr attr = {OID_CN, SPAN_LIT("bench")};
	uint8_t scalar[PK_SCALAR_MAX], point[PK_POINT_MAX], spki_mem[256], name_mem[64];
	struct wr spki = wr_of(spki_mem, sizeof spki_mem), name = wr_of(name_mem, sizeof name_mem);
	struct wr out = wr_of(r->mem, sizeof r->mem);
	struct pk_private key = {.type = PK_P256};
	struct signer by;
	int n = pk_generate(PK_P256, scalar, sizeof scalar), rc;

	if (n < 0)
		return n;
	key.scalar = span_of(scalar, (size_t)n);
	n = pk_point(&key, point, sizeof point);
	if (n < 0)
		return n;
	x509_wr_spki(&spki, &(struct pk_public){.type = PK_P256, .point = span_of(point, (size_t)n)});
	rc = x509_wr_name(&name, &attr, 1);
	by = signer_of(&key);
	if (rc == 0)
		rc = csr_build(&out, &(struct csr_make){.subject = wr_span(&name), .spki = wr_span(&spki)}, &by, NULL);
	r->csr = wr_span(&out);
	return rc;
}

static int issue(struct askca *a, struct span csr, uint64_t number, struct why *w)
{
	static const uint8_t role = ROLE_DEVICE;
	struct casign q = {.type = CA_ISSUE}, answer;
	char name[32];
	int n = snprintf(name, sizeof name, "bench-%llu", (unsigned long long)number);

	casign_put(&q, CAF_ROLE, span_of(&role, 1));
	casign_put(&q, CAF_NAME, span_of(name, (size_t)n));
	casign_put(&q, CAF_CSR, csr);
	return askca_ask(a, &q, -1, &answer, w);
}

static int run(const struct conf *c, const struct request *r, size_t n, struct why *w)
{
	uint64_t first = (uint64_t)clock_wall(&clock_real) * MOST, began; /* names that no run before has used */
	struct askca a;
	int rc = askca_open(&a, c, SPAN_NONE, w);

	began = clock_mono(&clock_real);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = issue(&a, r[i].csr, first + i, w);
	if (rc == 0)
		printf("%zu %llu\n", n, (unsigned long long)((clock_mono(&clock_real) - began) / 1000));
	askca_close(&a);
	return rc;
}

int main(int argc, char **argv)
{
	struct conf_source src = {.env = environ, .path = argc > 1 ? argv[1] : NULL};
	static struct request r[MOST];
	struct conf_faults faults;
	struct why w = {0};
	struct conf *c;
	uint64_t n;

	if (argc != 3 || span_u64(span_str(argv[2]), MOST, &n) < 0) {
		fprintf(stderr, "usage: bench_ca CONF N (at most %d)\n", MOST);
		return 2;
	}
	conf_faults_init(&faults);
	if (conf_load(&c, &src, &faults) < 0) {
		fprintf(stderr, "bench_ca: %s has faults: zt check -c %s\n", argv[1], argv[1]);
		return 3;
	}
	for (size_t i = 0; i < n; i++)
		if (make_request(&r[i]) < 0)
			return 1;
	if (run(c, r, (size_t)n, &w) < 0) {
		fprintf(stderr, "bench_ca: %s\n", w.text);
		return 1;
	}
	conf_free(c);
	return 0;
}
