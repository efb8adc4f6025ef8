/* The directory of an identity: what is stored is read back, and every file that is not as it should be is
 * refused by name. What happens when disks fail is in test_identity_fault.c. */
#include "tests/unit/serve/identity_kit.h"

#include "wire/csr.h"

static struct gk g;
static struct identity id;
static char path[512];

static mode_t mode_of(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode & 07777;
}

TEST(what_is_stored_is_read_back_for_every_role)
{
	gk_make(&g);
	for (unsigned role = 1; role < CERT_ROLES; role++) {
		struct why w = {0};
		int d = ik_dir(path, sizeof path, "roles");

		CHECK_INT(ik_store(&g, d, path, (enum cert_role)role, &w), 0);
		if (identity_open(&id, path, &w) != 0) {
			unit_fail(__FILE__, __LINE__, "role %u: %s", role, w.text);
			continue;
		}
		CHECK_INT(id.role, role);
		CHECK(span_eq_str(id.id, GRANT_ID) && id.serial[0] == 2);
		CHECK(pk_pair(&g.mine.key, &id.cert.key) && span_eq(id.registry, g.registry.spki));
		CHECK(span_eq(id.infra, g.anchor[ANCHOR_INFRA].cert.der));
		identity_forget_key(&id);
		CHECK(id.key.key.type == PK_NONE);
		identity_close(&id);
		CHECK_INT(mode_of(d, IDENTITY_FILE), 0600);
		CHECK_INT(mode_of(d, "trust"), 0700);
		CHECK_INT(ik_count(d, "."), 3); /* identity.pem, registry.pem */
		CHECK_INT(ik_count(d, "trust"), 3);
		close(d);
	}
}

static void refused(int dirfd, enum zt_err err, const char *says)
{
	struct why w = {0};
	int rc = identity_open(&id, path, &w);

	(void)dirfd;
	if (rc != -(int)err || strstr(w.text, says) == NULL)
		unit_fail(__FILE__, __LINE__, "%d \"%s\" does not say \"%s\"", rc, w.text, says);
	CHECK(rc < 0 && id.dirfd == (err == ZT_E_PERM && strstr(says, "owner alone") ? rc : -1));
	if (rc == 0)
		identity_close(&id);
}

static int fresh(const char *name)
{
	int d = ik_dir(path, sizeof path, name);

	CHECK_INT(ik_store(&g, d, path, ROLE_CONNECTOR, NULL), 0);
	return d;
}

TEST(files_that_others_can_read_or_write_are_refused)
{
	int d;

	gk_make(&g);
	d = fresh("modes");
	CHECK(fchmodat(d, IDENTITY_FILE, 0640, 0) == 0);
	refused(d, ZT_E_PERM, "/identity.pem can be read or written by others");
	CHECK(fchmodat(d, IDENTITY_FILE, 0600, 0) == 0 && fchmod(d, 0770) == 0);
	refused(d, ZT_E_PERM, "its owner alone");
	CHECK(fchmod(d, 0700) == 0 && renameat(d, IDENTITY_FILE, d, "real") == 0 && symlinkat("real", d, IDENTITY_FILE) == 0);
	refused(d, ZT_E_SYS, "identity.pem");
	close(d);
}

TEST(files_that_do_not_belong_together_are_refused)
{
	struct gk_pair another;
	struct enrol m;
	int d;

	gk_make(&g);
	gk_pair(&another);
	d = ik_dir(path, sizeof path, "apart");
	m = gk_grant(&g, ROLE_CONNECTOR);
	CHECK_INT(identity_store(d, path, &another.key, &m, NULL), 0);
	refused(d, ZT_E_KEY, "identity.pem: its key is not that of its certificate");
	m.field[ENF_INFRA] = g.other.cert.der;
	CHECK_INT(identity_store(d, path, &g.mine.key, &m, NULL), 0);
	refused(d, ZT_E_DAMAGED, "signed by none of the authorities");
	m = gk_grant(&g, ROLE_CONNECTOR);
	m.field[ENF_DEVICE] = g.anchor[ANCHOR_INFRA].cert.der; /* under the anchor of another role's */
	m.field[ENF_INFRA] = g.anchor[ANCHOR_DEVICE].cert.der;
	CHECK_INT(identity_store(d, path, &g.mine.key, &m, NULL), 0);
	refused(d, ZT_E_DAMAGED, "signed by none of the authorities");
	close(d);
}

TEST(files_that_are_damaged_or_gone_are_named)
{
	static const struct {
		const char *name, *says;
		enum zt_err gone, junk;
	} v[] = {
		{IDENTITY_FILE, "identity.pem", ZT_E_NOTFOUND, ZT_E_KEY},
		{"trust/infra.pem", "trust/infra.pem", ZT_E_NOTFOUND, ZT_E_DAMAGED},
		{"registry.pem", "registry.pem", ZT_E_NOTFOUND, ZT_E_DAMAGED},
	};

	gk_make(&g);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		int d = fresh("damaged");

		ik_file(d, v[i].name, "junk\n", 0600);
		refused(d, v[i].junk, v[i].says);
		ik_file(d, v[i].name, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 0600);
		refused(d, v[i].junk, i == 1 ? "identity.pem" : v[i].says); /* it is a list of authorities; none that signed */
		CHECK(unlinkat(d, v[i].name, 0) == 0);
		refused(d, v[i].gone, v[i].says);
		close(d);
	}
	snprintf(path, sizeof path, "%s", unit_tmp("nowhere"));
	struct why w = {0};

	CHECK_INT(identity_open(&id, path, &w), -ZT_E_NOTFOUND);
	CHECK(strstr(w.text, "nowhere") != NULL);
}

/* A connector needs only the infra anchors; damage in others is somebody else's. */
TEST(anchors_that_the_authority_does_not_have_are_not_missed)
{
	struct enrol m;
	int d;

	gk_make(&g);
	d = ik_dir(path, sizeof path, "few");
	m = gk_grant(&g, ROLE_CONNECTOR);
	m.has[ENF_DEVICE] = m.has[ENF_ACME] = false;
	CHECK_INT(identity_store(d, path, &g.mine.key, &m, NULL), 0);
	CHECK_INT(ik_count(d, "trust"), 1);
	CHECK_INT(identity_open(&id, path, NULL), 0);
	identity_close(&id);
	m = gk_grant(&g, ROLE_CONNECTOR);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 1);
	CHECK_INT(ik_count(d, "trust"), 3);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 0); /* nothing is written again */
	m.field[ENF_INFRA] = g.other.cert.der;
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 1);
	close(d);
}

/* Who kept what was signed before an anchor was retired shows it again. */
TEST(a_retired_anchor_does_not_come_back)
{
	struct enrol old, m;
	uint8_t before[ENROLSIG_TRUST];
	struct why w = {0};
	int d;

	gk_make(&g);
	d = fresh("retired");
	old = gk_grant(&g, ROLE_CONNECTOR);
	memcpy(before, old.field[ENF_TRUST].p, old.field[ENF_TRUST].n);
	old.field[ENF_TRUST].p = before;
	m = gk_grant(&g, ROLE_CONNECTOR);
	m.field[ENF_DEVICE] = g.other.cert.der;
	g.order.number++;
	gk_sign(&g, &m);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 1);
	CHECK_INT(identity_store_anchors(d, path, &old, &w), -ZT_E_DENIED);
	CHECK(strstr(w.text, "older than those") != NULL);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 0);
	g.order = (struct trust_order){2, 1}; /* the authority was restored: its numbers begin again, in another epoch */
	gk_sign(&g, &m);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), 0);
	g.order = (struct trust_order){1, 99};
	gk_sign(&g, &m);
	CHECK_INT(identity_store_anchors(d, path, &m, NULL), -ZT_E_DENIED);
	ik_file(d, "trust.seen", "2 x\n", 0644);
	w = (struct why){0};
	CHECK_INT(identity_store_anchors(d, path, &m, &w), -ZT_E_DAMAGED);
	close(d);
}

/* join --replace: what was seen of the one authority says nothing about the other, which begins at 1. */
TEST(another_authority_begins_anew)
{
	struct status_seen seen = {.epoch = 3, .number = 4096, .issued = GRANT_NOW};
	struct enrol m;
	int d;

	gk_make(&g);
	g.order = (struct trust_order){3, 50};
	d = fresh("another");
	CHECK_INT(identity_write_seen(d, path, &seen, NULL), 0);
	m = gk_grant(&g, ROLE_CONNECTOR); /* the same one: renewed, joined again */
	CHECK_INT(identity_store(d, path, &g.mine.key, &m, NULL), 0);
	CHECK_INT(identity_read_seen(d, path, &seen, NULL), 0);
	CHECK_INT(seen.number, 4096);
	gk_make(&g);
	m = gk_grant(&g, ROLE_CONNECTOR);
	CHECK_INT(identity_store(d, path, &g.mine.key, &m, NULL), 0);
	CHECK_INT(identity_read_seen(d, path, &seen, NULL), 0);
	CHECK_INT(seen.number, 0);
	close(d);
}

/* ---- keys that wait ------------------------------------------------------------------------------- */

TEST(a_key_that_waits_stays_the_same)
{
	static struct privkey a, b;
	uint8_t one[CSR_MAX], two[CSR_MAX];
	struct wr w1 = wr_of(one, sizeof one), w2 = wr_of(two, sizeof two);
	struct csr c;
	int d;

	gk_make(&g);
	d = ik_dir(path, sizeof path, "wait");
	CHECK(!identity_has(d, IDENTITY_JOINING));
	CHECK_INT(identity_key(d, path, IDENTITY_JOINING, &a, NULL), 0);
	CHECK(identity_has(d, IDENTITY_JOINING) && mode_of(d, IDENTITY_JOINING) == 0600);
	CHECK_INT(identity_key(d, path, IDENTITY_JOINING, &b, NULL), 0);
	CHECK(ct_eq_span(a.key.scalar, b.key.scalar));
	CHECK_INT(identity_request(&a, &w1, NULL), 0);
	CHECK_INT(identity_request(&b, &w2, NULL), 0);
	CHECK(span_eq(wr_span(&w1), wr_span(&w2)));
	CHECK_INT(csr_read(&c, wr_span(&w1), NULL), 0);
	CHECK(csr_wished_san(&c).n == 0 && c.wish.extensions.n == 0);
	identity_drop_key(d, IDENTITY_JOINING);
	identity_drop_key(d, IDENTITY_JOINING);
	CHECK_INT(identity_key(d, path, IDENTITY_JOINING, &b, NULL), 0);
	CHECK(!ct_eq_span(a.key.scalar, b.key.scalar));
	CHECK_INT(ik_count(d, "."), 1);
	close(d);
}

TEST(a_key_that_was_spoiled_is_not_replaced_in_silence)
{
	static struct privkey k;
	struct why w = {0};
	int d = ik_dir(path, sizeof path, "spoiled");

	ik_file(d, IDENTITY_RENEWING, "junk", 0600);
	CHECK_INT(identity_key(d, path, IDENTITY_RENEWING, &k, &w), -ZT_E_KEY);
	CHECK(strstr(w.text, "renewing.pem") != NULL);
	ik_file(d, IDENTITY_RENEWING, "junk", 0644);
	CHECK_INT(identity_key(d, path, IDENTITY_RENEWING, &k, NULL), -ZT_E_PERM);
	close(d);
}

/* With the same key, but not beside a renewal with another one that may have been granted. */
TEST(a_renewal_with_the_same_key)
{
	static struct privkey k;
	struct gk_pair another;
	struct why w = {0};
	int d;

	gk_make(&g);
	gk_pair(&another);
	d = ik_dir(path, sizeof path, "same");
	CHECK_INT(identity_key_of(d, path, IDENTITY_RENEWING, &g.mine.key, NULL), 0);
	CHECK_INT(identity_key_of(d, path, IDENTITY_RENEWING, &g.mine.key, NULL), 0);
	CHECK_INT(identity_key(d, path, IDENTITY_RENEWING, &k, NULL), 0);
	CHECK(ct_eq_span(k.key.scalar, g.mine.key.scalar));
	CHECK_INT(identity_key_of(d, path, IDENTITY_RENEWING, &another.key, &w), -ZT_E_EXISTS);
	CHECK(strstr(w.text, "another key") != NULL);
	close(d);
}

/* ---- small texts ------------------------------------------------------------------------------------ */

TEST(where_and_seen_there_and_back)
{
	struct identity_where where = {.n = 2, .addr = {"ca.example:8443", "[::1]:443"}}, got;
	struct status_seen seen = {UINT64_MAX, 7, GRANT_NOW}, s;
	int d = ik_dir(path, sizeof path, "texts");

	CHECK_INT(identity_write_where(d, path, &where, NULL), 0);
	CHECK_INT(identity_read_where(d, path, &got, NULL), 0);
	CHECK(got.n == 2 && strcmp(got.addr[0], "ca.example:8443") == 0 && strcmp(got.addr[1], "[::1]:443") == 0);
	CHECK_INT(identity_read_seen(d, path, &s, NULL), 0);
	CHECK(s.epoch == 0 && s.number == 0 && s.issued == 0); /* none yet */
	CHECK_INT(identity_write_seen(d, path, &seen, NULL), 0);
	CHECK_INT(identity_read_seen(d, path, &s, NULL), 0);
	CHECK(s.epoch == UINT64_MAX && s.number == 7 && s.issued == GRANT_NOW);
	close(d);
}

TEST(small_texts_that_are_damaged)
{
	static const char *const wheres[] = {"", "\n", "a", "a:1", "a:1\nb", "a:0\n", "a:1 \n",
					     "a:1\na:2\na:3\na:4\na:5\na:6\na:7\na:8\na:9\n"};
	static const char *const seens[] = {"", "1 2 3", "1 2\n", "1 2 3 4\n", "1 2 3\n\n", "-1 2 3\n", "1 02 3\n", "1  3\n",
					    "1 2 9223372036854775808\n", "18446744073709551616 1 1\n"};
	struct identity_where where;
	struct status_seen s;
	struct why w = {0};
	int d = ik_dir(path, sizeof path, "bad");

	CHECK_INT(identity_read_where(d, path, &where, &w), -ZT_E_NOTFOUND);
	for (size_t i = 0; i < ARRAY_LEN(wheres); i++) {
		ik_file(d, "where", wheres[i], 0644);
		CHECK_INT(identity_read_where(d, path, &where, NULL), -ZT_E_DAMAGED);
	}
	for (size_t i = 0; i < ARRAY_LEN(seens); i++) {
		ik_file(d, "status.seen", seens[i], 0644);
		CHECK_INT(identity_read_seen(d, path, &s, NULL), -ZT_E_DAMAGED);
		CHECK(s.epoch == 0 && s.number == 0);
	}
	close(d);
}

TEST(renewal_is_due_at_two_thirds_from_its_issue)
{
	struct x509 c = {.not_before = 1000 - CERT_BACKDATE, .not_after = 1060};

	CHECK_INT(identity_renew_at(&c), 1040);
	c.not_after = 1000 + 90 * 86400;
	CHECK_INT(identity_renew_at(&c), 1000 + 60 * 86400);
	c = (struct x509){.not_before = 1000, .not_after = 1090}; /* of somebody who does not backdate */
	CHECK_INT(identity_renew_at(&c), 1060);
}
