/* A disk that fails, and a machine that stops, at every step of storing: the old identity stays whole or
 * the new one is. */
#include "tests/unit/serve/identity_kit.h"

#include <errno.h>

#include "tests/unit/wrapio.h"

static struct gk g;
static struct identity id;
static char path[512];

static void use(const struct gk_pair *p)
{
	g.mine = *p;
	g.mine.key.scalar = span_of(g.mine.scalar, 32);
	g.mine.spki = span_of(g.mine.mem, p->spki.n);
}

/* The nth call of its kind fails when what is granted is for another key. true: there are not so many. */
static bool fails_at(int d, enum wrap_call call, int err, unsigned nth, const struct gk_pair pair[static 2])
{
	struct why w = {0};
	uint8_t mem[2048];
	struct wr both = wr_of(mem, sizeof mem);
	struct enrol m;
	unsigned before;
	bool was, enough;
	int rc;

	wrap_reset();
	use(&pair[0]);
	CHECK_INT(ik_store(&g, d, path, ROLE_CONNECTOR, NULL), 0);
	use(&pair[1]);
	m = gk_grant(&g, ROLE_CONNECTOR); /* in the middle of a roll-over, so that every file is another */
	wr_put(&both, g.other.cert.der);
	wr_put(&both, g.anchor[ANCHOR_INFRA].cert.der);
	m.field[ENF_INFRA] = wr_span(&both);
	m.field[ENF_DEVICE] = m.field[ENF_ACME] = g.other.cert.der;
	g.order.number++;
	gk_sign(&g, &m);
	before = wrap_count(call);
	wrap_fail(call, nth, err, 1);
	rc = identity_store(d, path, &g.mine.key, &m, &w);
	enough = wrap_count(call) - before < nth;
	wrap_reset();
	CHECK_INT(identity_open(&id, path, &w), 0);
	was = ct_eq_span(id.key.key.scalar, span_of(pair[0].scalar, 32));
	identity_close(&id);
	CHECK_INT(ik_count(d, "."), 3);
	CHECK_INT(ik_count(d, "trust"), 3);
	CHECK((rc == 0) == (w.text[0] == 0) && (rc < 0 || !was) && (!enough || rc == 0));
	if (rc < 0 && !was) /* behind the last rename is only the sync of the directory */
		CHECK(call == WRAP_FSYNC || call == WRAP_OPEN);
	return enough;
}

TEST(whatever_fails_the_old_identity_works)
{
	static const struct {
		enum wrap_call call;
		int err;
		unsigned least;
	} faults[] = {{WRAP_RENAME, EIO, 5}, {WRAP_WRITE, ENOSPC, 5}, {WRAP_FSYNC, EIO, 10}, {WRAP_OPEN, EMFILE, 10}};
	struct gk_pair pair[2];
	int d;

	wrap_reset();
	gk_make(&g);
	gk_pair(&pair[0]);
	gk_pair(&pair[1]);
	d = ik_dir(path, sizeof path, "old");
	for (size_t f = 0; f < ARRAY_LEN(faults); f++) {
		unsigned nth = 1;

		while (nth < 40 && !fails_at(d, faults[f].call, faults[f].err, nth, pair))
			nth++;
		CHECK(nth > faults[f].least && nth < 40);
	}
	close(d);
}

/* In a fresh directory identity.pem comes last: as long as anything is missing, it is. */
TEST(identity_pem_is_the_last_to_come)
{
	gk_make(&g);
	for (unsigned nth = 1; nth <= 6; nth++) {
		char name[16];
		int d;

		wrap_reset();
		snprintf(name, sizeof name, "last%u", nth);
		d = ik_dir(path, sizeof path, name);
		wrap_fail(WRAP_RENAME, nth, EIO, 1);
		CHECK_INT(ik_store(&g, d, path, ROLE_CONNECTOR, NULL), -ZT_E_SYS);
		wrap_reset();
		CHECK(!identity_has(d, IDENTITY_FILE));
		CHECK_INT(ik_count(d, ".") + ik_count(d, "trust"), nth - 1);
		CHECK_INT(ik_store(&g, d, path, ROLE_CONNECTOR, NULL), 0); /* and it is only asked for again */
		CHECK_INT(identity_open(&id, path, NULL), 0);
		identity_close(&id);
		close(d);
	}
}

TEST(a_key_that_is_not_on_the_disk_is_not_used)
{
	static struct privkey k;
	struct why w = {0};
	int d;

	wrap_reset();
	d = ik_dir(path, sizeof path, "key");
	wrap_fail(WRAP_WRITE, 1, ENOSPC, 1);
	CHECK_INT(identity_key(d, path, IDENTITY_JOINING, &k, &w), -ZT_E_NOSPACE);
	CHECK(strstr(w.text, "joining.pem") != NULL);
	wrap_reset();
	CHECK_INT(ik_count(d, "."), 0);
	close(d);
}
