/* The life of an anchor: begun, switched, finished, cancelled, and what is trusted and signed meanwhile. */
#include "issuer_kit.h"

#include "wire/crl.h"

static struct kit k;

static int roll(enum casign_roll kind, struct span cert, bool force)
{
	struct casign q = {.type = CA_ROLL};

	put_num(&q, CAF_KIND, kind);
	put_num(&q, CAF_ANCHOR, ANCHOR_INFRA);
	if (cert.n)
		casign_put(&q, CAF_CHAIN, cert);
	if (force)
		put_num(&q, CAF_ON, 1);
	return kit_ask(&k, 'c', &q);
}

static unsigned trusted(void)
{
	struct casign q = {.type = CA_FACTS};
	unsigned n = 0;

	CHECK_INT(kit_ask(&k, 'f', &q), 0);
	while (enrol_cert(k.out.field[CAF_INFRA], n).n)
		n++;
	return n;
}

static bool signed_by(struct span der, unsigned generation)
{
	struct pk_public key = {.type = PK_P256, .point = span_of(k.anchor[ANCHOR_INFRA][generation].point, 65)};
	struct x509 c;

	return x509_read(&c, der, &k.why) == 0 && x509_signed_by(&c, &key) == 0;
}

TEST(a_roll_over_from_the_first_step_to_the_last)
{
	uint8_t serial[CERT_SERIAL];
	struct pair p, next;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, serial) == 0);
	kit_step(&k, 60 * DAY);
	NEED(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 2), false) == 0);
	CHECK(casign_u64(&k.out, CAF_GENERATION) == 2 && casign_u64(&k.out, CAF_COUNT) == 1);
	CHECK(enrol_cert(k.out.field[CAF_INFRA], 1).n && !k.out.has[CAF_ACME]);
	CHECK_INT(trusted(), 2);
	/* the old one signs until the switch, also without the next one's key here, and after a restart */
	k.has[ANCHOR_INFRA][2] = false;
	kit_reopen(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "laptop", &p, NULL) == 0);
	CHECK(signed_by(k.out.field[CAF_CHAIN], 1));
	CHECK_INT(roll(CA_ROLL_SWITCH, SPAN_NONE, false), -ZT_E_KEY);
	CHECK(strstr(k.why.text, "keys/infra.2.key"));
	k.has[ANCHOR_INFRA][2] = true;
	NEED(roll(CA_ROLL_SWITCH, SPAN_NONE, false) == 0);
	CHECK(casign_u64(&k.out, CAF_GENERATION) == 2 && casign_u64(&k.out, CAF_COUNT) == 2);
	kit_reopen(&k);
	CHECK_INT(trusted(), 2);
	NEED(kit_issue(&k, ROLE_CLIENT, "tablet", &p, NULL) == 0);
	CHECK(signed_by(k.out.field[CAF_CHAIN], 2));
	/* what renews itself moves over */
	kit_pair(&next);
	NEED(kit_renew(&k, serial, &next) == 0);
	CHECK(signed_by(k.out.field[CAF_CHAIN], 2) && enrol_cert(k.out.field[CAF_INFRA], 1).n);
	/* not while something depends on the old one */
	CHECK_INT(roll(CA_ROLL_FINISH, SPAN_NONE, false), -ZT_E_DENIED);
	CHECK(strstr(k.why.text, "2 certificates")); /* laptop, and attic's parent in its grace */
	kit_step(&k, 40 * DAY);
	NEED(roll(CA_ROLL_FINISH, SPAN_NONE, false) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_GENERATION), 1);
	kit_reopen(&k);
	CHECK_INT(trusted(), 1);
	CHECK_INT(kit_logged(&k, "event=roll", "step="), 3);
	kit_close(&k);
}

TEST(finished_by_force_the_rest_is_revoked)
{
	uint8_t serial[CERT_SERIAL];
	struct casign list = {.type = CA_LIST};
	struct crl_entry e;
	struct pair p;
	struct crl c;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CONNECTOR, "attic", &p, serial) == 0);
	NEED(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 2), false) == 0 && roll(CA_ROLL_SWITCH, SPAN_NONE, false) == 0);
	CHECK_INT(roll(CA_ROLL_FINISH, SPAN_NONE, false), -ZT_E_DENIED);
	NEED(roll(CA_ROLL_FINISH, SPAN_NONE, true) == 0);
	CHECK_INT(kit_seen(&k, serial, 1), -ZT_E_DENIED);
	CHECK_INT(kit_name(&k, CA_SHOW, "attic"), 0);
	CHECK(kit_json(&k, "\"state\":\"revoked\"") && kit_json(&k, "\"reason\":5"));
	put_num(&list, CAF_KIND, CA_LIST_CRL);
	put_num(&list, CAF_ANCHOR, ANCHOR_INFRA);
	put_num(&list, CAF_GENERATION, 1);
	NEED(kit_ask(&k, 'f', &list) == 0 && crl_read(&c, k.out.field[CAF_PART], &k.why) == 0);
	CHECK(crl_has(&c, span_of(serial, CERT_SERIAL), &e) && e.reason == 5);
	CHECK_INT(crl_signed_by(&c, &(struct pk_public){.type = PK_P256, .point = span_of(k.anchor[ANCHOR_INFRA][1].point, 65)}), 0);
	list.has[CAF_GENERATION] = false; /* the one that signs now has nothing of it */
	NEED(kit_ask(&k, 'f', &list) == 0 && crl_read(&c, k.out.field[CAF_PART], &k.why) == 0);
	CHECK(c.count == 0 && crl_signed_by(&c, &(struct pk_public){.type = PK_P256, .point = span_of(k.anchor[ANCHOR_INFRA][2].point, 65)}) == 0);
	kit_close(&k);
}

TEST(cancelled_it_never_was)
{
	struct pair p;

	kit_open(&k);
	NEED(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 2), false) == 0);
	NEED(roll(CA_ROLL_CANCEL, SPAN_NONE, false) == 0);
	CHECK_INT(trusted(), 1);
	CHECK_INT(roll(CA_ROLL_SWITCH, SPAN_NONE, false), -ZT_E_NOTFOUND);
	CHECK_INT(roll(CA_ROLL_CANCEL, SPAN_NONE, false), -ZT_E_NOTFOUND);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
	CHECK(signed_by(k.out.field[CAF_CHAIN], 1));
	NEED(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 3), false) == 0); /* with another key */
	CHECK_INT(casign_u64(&k.out, CAF_GENERATION), 3);
	NEED(roll(CA_ROLL_SWITCH, SPAN_NONE, false) == 0);
	CHECK_INT(roll(CA_ROLL_CANCEL, SPAN_NONE, false), -ZT_E_NOTFOUND); /* too late */
	kit_close(&k);
}

TEST(what_cannot_be_the_next_authority)
{
	struct span own = SPAN_NONE;
	static uint8_t mem[4096], by_own[4096];
	struct wr w = wr_of(by_own, sizeof by_own);
	struct signer signer;
	struct pair p;

	kit_open(&k);
	CHECK_INT(roll(CA_ROLL_BEGIN, SPAN_NONE, false), -ZT_E_USAGE);
	CHECK_INT(roll(CA_ROLL_BEGIN, SPAN_LIT("nonsense"), false), -ZT_E_SYNTAX);
	NEED(kit_issue(&k, ROLE_CLIENT, "a", &p, NULL) == 0);
	memcpy(mem, k.out.field[CAF_CHAIN].p, k.out.field[CAF_CHAIN].n);
	own = span_of(mem, k.out.field[CAF_CHAIN].n);
	CHECK_INT(roll(CA_ROLL_BEGIN, own, false), -ZT_E_DENIED); /* a leaf */
	NEED(trusted() == 1);
	memcpy(mem, k.out.field[CAF_INFRA].p, k.out.field[CAF_INFRA].n);
	CHECK_INT(roll(CA_ROLL_BEGIN, span_of(mem, k.out.field[CAF_INFRA].n), false), -ZT_E_EXISTS); /* the same */
	NEED(trusted() == 1); /* one of ours, of another kind */
	own = enrol_cert(k.out.field[CAF_DEVICE], 0);
	memcpy(mem, own.p, own.n);
	CHECK_INT(roll(CA_ROLL_BEGIN, span_of(mem, own.n), false), -ZT_E_EXISTS);
	signer = signer_of(&k.own.key); /* with the key of the registry */
	CHECK_INT(anchor_make(&w, ANCHOR_INFRA, SPAN_LIT("\x55serial"), k.own.spki, kit_now(&k), ANCHOR_LIFETIME, &signer, NULL), 0);
	CHECK_INT(roll(CA_ROLL_BEGIN, wr_span(&w), false), -ZT_E_EXISTS);
	own = kit_anchor(&k, ANCHOR_INFRA, 2);
	k.der[own.n - 1] ^= 1; /* not signed by its own key */
	CHECK(roll(CA_ROLL_BEGIN, own, false) < 0);
	NEED(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 2), false) == 0);
	CHECK_INT(roll(CA_ROLL_BEGIN, kit_anchor(&k, ANCHOR_INFRA, 3), false), -ZT_E_EXISTS); /* one at a time */
	k.anchor[ANCHOR_INFRA][2].key = k.own.key;
	CHECK_INT(roll(CA_ROLL_SWITCH, SPAN_NONE, false), -ZT_E_KEY); /* not its key */
	CHECK_INT(roll(CA_ROLL_FINISH, SPAN_NONE, true), -ZT_E_NOTFOUND);
	CHECK_INT(roll((enum casign_roll)9, SPAN_NONE, false), -ZT_E_UNKNOWN);
	CHECK_INT(trusted(), 2);
	kit_close(&k);
}

/* ---- another copy of the registry --------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	static char mem[1 << 20];
	int in = openat(k.dirfd, from, O_RDONLY | O_CLOEXEC), out = openat(k.dirfd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = read(in, mem, sizeof mem);

	CHECK(n > 0 && write(out, mem, (size_t)n) == n);
	close(in);
	close(out);
}

static int adopt(const char *file)
{
	struct casign q = {.type = CA_ADOPT};
	int fd = file ? openat(k.dirfd, file, O_RDONLY | O_CLOEXEC) : -1, rc = kit_ask_fd(&k, 'c', &q, fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* A laptop took the registry and its key along, and issued and revoked; meanwhile home did something, too. */
TEST(what_another_copy_did_is_adopted)
{
	struct casign status = {.type = CA_LIST}, revoke = {.type = CA_REVOKE};
	uint8_t tablet[CERT_SERIAL], twin[CERT_SERIAL];
	struct pair p;
	uint64_t number;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "phone", &p, NULL) == 0);
	kit_stop(&k);
	copy_file(REGISTRY_FILE, "home");
	kit_serve(&k, false);
	NEED(kit_issue(&k, ROLE_CLIENT, "tablet", &p, tablet) == 0 && kit_issue(&k, ROLE_CLIENT, "twin", &p, twin) == 0);
	NEED(kit_name(&k, CA_REVOKE, "phone") == 0);
	kit_stop(&k);
	copy_file(REGISTRY_FILE, "laptop");
	copy_file("home", REGISTRY_FILE);
	kit_serve(&k, false);
	NEED(kit_issue(&k, ROLE_CLIENT, "twin", &p, NULL) == 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "tablet"), -ZT_E_NOTFOUND);
	put_num(&status, CAF_KIND, CA_LIST_STATUS);
	NEED(kit_ask(&k, 'f', &status) == 0);
	number = casign_u64(&k.out, CAF_NUMBER);
	issuer_news(k.issuer);
	CHECK_INT(adopt(NULL), -ZT_E_USAGE);
	NEED(adopt("laptop") == 0);
	CHECK(casign_u64(&k.out, CAF_COUNT) == 3 && issuer_news(k.issuer));
	NEED(adopt("laptop") == 0 && casign_u64(&k.out, CAF_COUNT) == 0);
	CHECK_INT(kit_name(&k, CA_SHOW, "tablet"), 0);
	CHECK(span_eq(k.out.field[CAF_SERIAL], span_of(tablet, sizeof tablet)));
	CHECK(kit_name(&k, CA_SHOW, "phone") == 0 && kit_json(&k, "\"state\":\"revoked\""));
	NEED(kit_ask(&k, 'f', &status) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_NUMBER), number + 1);
	/* two of one name: revoking it ends both */
	put_str(&revoke, CAF_NAME, "twin");
	NEED(kit_ask(&k, 'c', &revoke) == 0);
	CHECK_INT(casign_u64(&k.out, CAF_COUNT), 2);
	CHECK_INT(kit_state(&k, twin), CERT_REVOKED);
	kit_close(&k);
}

TEST(anothers_registry_is_not_adopted)
{
	static char mem[1 << 20];
	struct pair p;
	ssize_t n;
	int fd;

	kit_open(&k);
	NEED(kit_issue(&k, ROLE_CLIENT, "phone", &p, NULL) == 0);
	fd = openat(k.dirfd, REGISTRY_FILE, O_RDONLY | O_CLOEXEC);
	n = read(fd, mem, sizeof mem);
	close(fd);
	kit_close(&k);
	kit_open(&k);
	fd = openat(k.dirfd, "stranger", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(n > 0 && write(fd, mem, (size_t)n) == n);
	close(fd);
	CHECK_INT(adopt("stranger"), -ZT_E_DENIED);
	CHECK_INT(registry_count(k.registry), 0);
	kit_close(&k);
}
