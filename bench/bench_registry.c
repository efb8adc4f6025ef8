/*
 * bench_registry: an authority's registry of many certificates: how long it takes to open, what it costs
 * in memory, how long a look-up takes and how long it takes to write it anew.
 *
 *   bench_registry make DIR N     a registry of N client certificates, with bytes as long as real ones
 *   bench_registry load DIR       opens it and prints "CERTS FILE_BYTES OPEN_US MEMORY_BYTES SERIAL_NS KEY_NS
 *                                 NAME_NS DER_NS COMPACT_US"
 *
 * Memory is what the process has more of in RAM (VmRSS) than before it opened the registry.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/num.h"
#include "serve/registry.h"
#include "wire/carec.h"

enum { DER_BYTES = 560, LOOKUPS = 200000 };

static int run_make(int dir, uint64_t n)
{
	struct journal_place at = {.dirfd = dir, .name = REGISTRY_FILE};
	struct journal_opts o = {.create = true};
	uint8_t der[DER_BYTES], serial[16], key[32];
	struct carec r = {.type = CAREC_BEGIN};
	struct carec_tlvs t;
	struct why w = {0};
	struct journal *j;
	char id[32], name[32];

	random_bytes(der, sizeof der);
	if (journal_open(&j, &at, &o, NULL, &w))
		return 1;
	carec_val(&r, CAR_SPKI, span_of(der, 91));
	carec_num(&r, CAR_EPOCH, 1);
	carec_num(&r, CAR_NUMBER, 0);
	carec_num(&r, CAR_JOINS, 0);
	for (uint64_t i = 0; i <= n + 1; i++) {
		if (carec_encode(&r, &t) || (journal_room(j) < 2048 && journal_commit(j, &w)) ||
		    journal_stage(j, (uint16_t)r.type, CAREC_VERSION, t.t, t.n))
			return 1;
		r = (struct carec){.type = i ? CAREC_ISSUED : CAREC_ANCHOR};
		carec_num(&r, CAR_GENERATION, 1);
		carec_num(&r, CAR_AT, 1795000000);
		carec_val(&r, CAR_DER, span_of(der, sizeof der));
		if (i == 0) {
			carec_num(&r, CAR_ANCHOR, ANCHOR_INFRA);
			carec_num(&r, CAR_STATE, ANCHOR_SIGNS);
			carec_num(&r, CAR_NUMBER, 0);
			continue;
		}
		random_bytes(serial, sizeof serial);
		random_bytes(key, sizeof key);
		snprintf(id, sizeof id, "%024llx", (unsigned long long)i);
		snprintf(name, sizeof name, "laptop-%llu", (unsigned long long)i);
		carec_val(&r, CAR_SERIAL, span_of(serial, sizeof serial));
		carec_val(&r, CAR_KEY, span_of(key, sizeof key));
		carec_val(&r, CAR_ID, span_str(id));
		carec_val(&r, CAR_NAME, span_str(name));
		carec_val(&r, CAR_USER, SPAN_LIT("anna"));
		carec_num(&r, CAR_ROLE, ROLE_CLIENT);
		carec_num(&r, CAR_NOT_BEFORE, 1795000000);
		carec_num(&r, CAR_NOT_AFTER, 1797592000);
	}
	if (journal_commit(j, &w))
		return 1;
	journal_close(j);
	return 0;
}

/* Kilobytes of this process in RAM. */
static uint64_t resident(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	struct span rest = span_of(text, n > 0 ? (size_t)n : 0), line, number = SPAN_NONE, unit;
	uint64_t kb = 0;

	if (fd >= 0)
		close(fd);
	while (span_cut(rest, '\n', &line, &rest))
		if (span_starts(line, "VmRSS:"))
			span_cut(span_trim(span_sub(line, 6, line.n)), ' ', &number, &unit);
	return span_u64(number, UINT32_MAX, &kb) ? 0 : kb;
}

enum what { SERIAL, KEY, NAME, DER };

/* Nanoseconds for one, over certificates in no order. */
static uint64_t lookups(struct registry *r, enum what what)
{
	uint64_t start = clock_mono(&clock_real), found = 0;
	size_t n = registry_count(r), at = 1;
	unsigned count = what == DER ? LOOKUPS / 10 : LOOKUPS;
	uint8_t der[1024];

	for (unsigned i = 0; i < count; i++) {
		const struct reg_cert *c, *got = NULL;

		at = (at * 7919 + 104729) % n;
		c = registry_at(r, at);
		if (what == SERIAL)
			got = registry_find(r, c->serial);
		if (what == KEY)
			got = registry_by_key(r, c->key);
		if (what == NAME)
			got = registry_by_name(r, span_str(c->name));
		if (what == DER && registry_der(r, c, der, sizeof der, NULL) == DER_BYTES)
			got = c;
		found += got == c;
	}
	ZT_ASSERT(found == count);
	return (clock_mono(&clock_real) - start) / count;
}

static int run_load(int dir)
{
	static struct bounds b;
	struct registry_opts o = {.dirfd = dir, .clock = &clock_real, .bounds = &b};
	struct why w = {0};
	struct registry *r;
	uint64_t before = resident(), start = clock_mono(&clock_real), opened, memory, ns[4];
	off_t bytes;
	int fd = openat(dir, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);

	bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	bounds_init(&b);
	if (registry_open(&r, &o, &w)) {
		fprintf(stderr, "bench_registry: %s\n", w.text);
		return 1;
	}
	opened = (clock_mono(&clock_real) - start) / 1000;
	memory = (resident() - before) * 1024;
	for (enum what i = SERIAL; i <= DER; i++)
		ns[i] = lookups(r, i);
	start = clock_mono(&clock_real);
	if (registry_compact(r, &w))
		return 1;
	printf("%zu %lld %llu %llu %llu %llu %llu %llu %llu\n", registry_count(r), (long long)bytes, (unsigned long long)opened,
	       (unsigned long long)memory, (unsigned long long)ns[SERIAL], (unsigned long long)ns[KEY],
	       (unsigned long long)ns[NAME], (unsigned long long)ns[DER],
	       (unsigned long long)(clock_mono(&clock_real) - start) / 1000);
	registry_close(r);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int dir = argc > 2 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	uint64_t n;

	if (dir >= 0 && argc == 4 && span_eq_str(span_str(argv[1]), "make") && span_u64(span_str(argv[3]), 262144, &n) == 0)
		return run_make(dir, n);
	if (dir >= 0 && argc == 3 && span_eq_str(span_str(argv[1]), "load"))
		return run_load(dir);
	fprintf(stderr, "usage: bench_registry make DIR N | load DIR\n");
	return 2;
}
